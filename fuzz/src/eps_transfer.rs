//! A network of EPS in which security contexts go from node to node (UPEs, UTRAN with RNCs and an SGSN, arrival at another MME with
//! a context request or an authentication, an HSS), or in which UEs are switched off and attach over E-UTRAN, UTRAN or GERAN, with the
//! fuzzer at its air and wires as in [`eps_nodes`](crate::eps_nodes).
//!
//! * Whatever is done: no panic, no end of frames, and every frame of a node reads and writes back.
//! * Anything on the air: no (key, bearer, direction, COUNT) is used twice.
//! * Losses alone: a user packet comes out as it went in.

use keyhop::eps::node::{Arrival, ContextTransfer, Mapping, Relocation, Scheme, UpKeys};
use keyhop::eps::parameters::{LinkDirection, Origin};

use crate::choices::Choices;
use crate::eps_network::{Access, Plan};
use crate::eps_nodes::{Reach, Worst, attacked, no_count_is_used_twice};

/// Runs a network: the first octet says which, the second what is done for its user plane and its keys; then as in `eps_nodes`.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let (first, second) = (choices.any(), choices.any());
    let transfer = ContextTransfer {
        upe: first & 7 < 4,
        arrival: Arrival::Handover,
        relocation: match second & 3 {
            0 => Relocation::Nothing,
            1 => Relocation::BiCasting,
            2 => Relocation::Forwarding,
            _ => Relocation::Both,
        },
        up_keys: if second >> 2 & 1 == 0 { UpKeys::Same } else { UpKeys::Update },
        mapping: if second >> 3 & 1 == 0 { Mapping::TargetId { fresh: true } } else { Mapping::Nonce },
        carries_origin: second >> 7 != 0,
    };
    let plan = Plan { cells: 3, mmes: 2, ues: 1 + usize::from(first >> 3 & 1), ..Plan::always(Scheme::NextHopS1) };
    let between_systems = |upes, begins_in_utran| Plan {
        cells: 2,
        mmes: 1,
        upes,
        utran_cells: 2,
        sgsns: 1,
        begins_in_utran,
        ues: 1 + usize::from(first >> 3 & 1),
        transfer,
        ..Plan::always(Scheme::NextHopS1)
    };
    let accesses = [Access::Umts, Access::Gprs, Access::Eps];
    let plan = match first & 7 {
        _ if second >> 4 & 3 != 0 => {
            let access = accesses[usize::from(second >> 4 & 3) - 1];
            Plan { ues: 1 + usize::from(first >> 3 & 1), ..Plan::off(access) }
        }
        0 | 1 => Plan { upes: 2, transfer, ..plan },
        2 => between_systems(1, None),
        3 => Plan { upes: 1, transfer, ..plan }.authenticating(),
        4 => between_systems(0, None),
        5 => {
            // Handed over, or idle.
            let arrival = if second >> 6 & 1 == 0 { Arrival::Handover } else { Arrival::ContextRequest };
            let transfer = ContextTransfer { arrival, ..transfer };
            Plan { transfer, ..between_systems(0, Some(Origin::Umts)) }
        }
        6 => Plan { transfer: ContextTransfer { arrival: Arrival::ContextRequest, ..transfer }, ..plan },
        _ => {
            Plan { transfer: ContextTransfer { arrival: Arrival::Authentication, ..transfer }, ..plan }.authenticating()
        }
    };
    let ues = plan.ues;
    let (seen, sent, harm) = attacked(plan, Reach::of(first >> 6), &mut choices);
    if harm.wires == Worst::Nothing {
        no_count_is_used_twice(&seen);
    }
    if harm.air <= Worst::Lost && harm.wires <= Worst::Lost {
        for (ue, direction) in (0..ues).flat_map(|ue| [(ue, LinkDirection::Uplink), (ue, LinkDirection::Downlink)]) {
            let went_in = sent.get(&(ue, direction)).map(Vec::as_slice).unwrap_or_default();
            for packet in seen.packets(ue, direction) {
                assert!(went_in.contains(&packet), "UE {ue}, {direction:?}: a packet that nobody sent: {packet:02x?}");
            }
        }
    }
}
