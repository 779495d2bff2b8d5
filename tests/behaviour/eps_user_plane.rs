//! Packets of UEs in EPS: through the gateway, and after a UE that leaves.

use keyhop::eps::node::{Command, Outcome, Scheme};
use keyhop::eps::parameters::LinkDirection::{Downlink, Uplink};

use crate::eps_network::{Plan, Seen, To, imsi, packet, pci};

/// A packet in each direction every 2 ms while the UE changes its cell.
fn stream(scheme: Scheme) -> Seen {
    let mut plan = Plan::always(scheme).command(100, To::Ue(0), Command::Measure(pci(1)));
    for number in 0..100 {
        plan = plan.command(50 + 2 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
        plan = plan.command(51 + 2 * number, To::Ue(0), Command::Uplink(packet(1_000 + number)));
    }
    plan.run()
}

#[test]
fn a_handover_over_x2_loses_no_downlink_packet_and_one_over_s1_those_on_the_old_path() {
    let all: Vec<Vec<u8>> = (0..100).map(packet).collect();
    for scheme in [Scheme::Chained, Scheme::NextHopX2] {
        let seen = stream(scheme);
        assert_eq!(seen.outcomes(0), [Outcome::Completed], "{scheme:?}");
        let mut delivered = seen.packets(0, Downlink);
        // One of the new path may overtake one that is forwarded.
        delivered.sort_unstable();
        let mut expected = all.clone();
        expected.sort_unstable();
        assert!(delivered == expected, "{scheme:?}: {} packets", delivered.len());
        assert_eq!(seen.sent("GTP-U end marker"), 2, "{scheme:?}: from the gateway, and on to the target");
    }
    for scheme in [Scheme::MmeInvolved, Scheme::NextHopS1] {
        let seen = stream(scheme);
        let delivered = seen.packets(0, Downlink);
        assert!((80..100).contains(&delivered.len()), "{scheme:?}: {} packets", delivered.len());
        assert!(delivered.is_sorted(), "{scheme:?}");
        assert_eq!(seen.sent("GTP-U end marker"), 1, "{scheme:?}");
    }
}

#[test]
fn uplink_packets_leave_at_the_gateway_but_those_of_a_ue_that_moves() {
    for scheme in [Scheme::Chained, Scheme::MmeInvolved, Scheme::NextHopX2, Scheme::NextHopS1] {
        let delivered = stream(scheme).packets(0, Uplink);
        // Ten milliseconds without a cell.
        assert_eq!(delivered.len(), 95, "{scheme:?}");
        assert!(delivered.is_sorted());
    }
}

#[test]
fn several_ues_at_one_enb_and_one_mme_keep_apart() {
    for (scheme, mmes) in
        [(Scheme::Chained, 1), (Scheme::MmeInvolved, 2), (Scheme::NextHopX2, 1), (Scheme::NextHopS1, 2)]
    {
        let mut plan = Plan { ues: 5, mmes, ..Plan::always(scheme) };
        for ue in 0..5 {
            let number = u64::try_from(ue).unwrap();
            for (step, cell) in (1..).zip([3, 1, 2]) {
                plan = plan.command(200 * step + number, To::Ue(ue), Command::Measure(pci(cell)));
                plan = plan.command(200 * step + 150, To::Ue(ue), Command::Uplink(packet(number)));
                plan = plan.command(200 * step + 150, To::Gateway, Command::Downlink(imsi(ue), packet(number)));
            }
        }
        let seen = plan.run();
        for ue in 0..5 {
            assert_eq!(seen.outcomes(ue), [Outcome::Completed; 3], "{scheme:?}: {ue}");
            let own = vec![packet(u64::try_from(ue).unwrap()); 3];
            assert!(seen.packets(ue, Uplink) == own && seen.packets(ue, Downlink) == own, "{scheme:?}: {ue}");
        }
        assert_eq!((seen.used_twice(), seen.dropped()), (0, vec![]), "{scheme:?}");
    }
}
