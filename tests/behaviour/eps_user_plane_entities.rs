//! Handovers of EPS where packets are ciphered between UE and UPE: between MMEs (procedure A of seed 001), between UPEs (procedure B).

use keyhop::emulation::NodeIndex;
use keyhop::eps::node::{Command, ContextTransfer, Outcome, Relocation, Scheme, UpKeys};
use keyhop::eps::parameters::LinkDirection::{Downlink, Uplink};

use crate::eps_network::{Plan, To, imsi, packet, pci};

const UE: NodeIndex = NodeIndex(0);

fn transfer(relocation: Relocation, up_keys: UpKeys) -> ContextTransfer {
    ContextTransfer { upe: true, relocation, up_keys, ..ContextTransfer::default() }
}

/// Cells 1 and 2 belong to the first MME and UPE, 3 and 4 to the last.
fn plan(mmes: usize, upes: usize, transfer: ContextTransfer) -> Plan {
    Plan { mmes, upes, transfer, ..Plan::always(Scheme::NextHopS1) }
}

/// A packet in each direction every 2 ms while the UE goes to the third cell.
fn stream(plan: Plan) -> Plan {
    let mut plan = plan.command(100, To::Ue(0), Command::Measure(pci(2)));
    for number in 0..100 {
        plan = plan.command(50 + 2 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
        plan = plan.command(51 + 2 * number, To::Ue(0), Command::Uplink(packet(1_000 + number)));
    }
    plan
}

#[test]
fn both_procedures_run_end_to_end() {
    // T1
    for (name, mmes, upes, relocation) in [("A", 2, 1, Relocation::BiCasting), ("B", 1, 2, Relocation::Forwarding)] {
        let plan = stream(plan(mmes, upes, transfer(relocation, UpKeys::Same)));
        let nodes: Vec<NodeIndex> = (0..upes).map(|upe| plan.node(To::Upe(upe))).collect();
        let seen = plan.run();
        assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed], 0), "{name}");
        assert_eq!((seen.packets(0, Downlink).len(), seen.packets(0, Uplink).len()), (100, 95), "{name}");
        for node in nodes {
            assert_eq!(seen.up_keys_at(0, node), seen.up_keys_at(0, UE), "{name}");
        }
    }
}
