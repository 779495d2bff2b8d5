//! UE, eNBs, MME and gateway of EPS on the kernel: handovers of each scheme, and what somebody reads who holds the keys of one cell.

use keyhop::emulation::{Engine, NodeIndex};
use keyhop::eps::keys::Kenb;
use keyhop::eps::node::radio_side::RadioSide;
use keyhop::eps::node::{DropReason, EnbFaults, MmeFaults, Outcome, Scheme, Schemes, What};
use keyhop::eps::parameters::{Algorithms, LinkDirection};
use keyhop::eps::security::HandoverDerivation;
use keyhop::eps::security::handover_keys::{AsKeys, CRnti};
use keyhop::eps::security::protection::AsSecurity;
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::rrc::DlDcchMessage;

use crate::eps_network::{Plan, Seen, pci};

const WALK: [usize; 5] = [1, 2, 3, 0, 1];
const EVERY: [Schemes; 5] = [
    Schemes::Always(Scheme::Chained),
    Schemes::Always(Scheme::MmeInvolved),
    Schemes::Always(Scheme::NextHopX2),
    Schemes::Always(Scheme::NextHopS1),
    Schemes::Grouped,
];

#[test]
fn every_scheme_hands_a_ue_over_from_cell_to_cell_with_its_packets_in_each() {
    // H11
    for schemes in EVERY {
        let seen = Plan::new(schemes).walk(&WALK).run();
        let ends: Vec<_> = WALK.map(|cell| (Outcome::Completed, pci(cell))).into();
        assert_eq!(seen.ends(0), ends, "{schemes:?}");
        let begun: Vec<_> = seen.begun(0).into_iter().map(|(from, to, _)| (from, to)).collect();
        let hops = [0, 1, 2, 3, 0].into_iter().zip(WALK).map(|(from, to)| (pci(from), pci(to)));
        assert_eq!(begun, hops.collect::<Vec<_>>(), "{schemes:?}");
        let kenbs = seen.kenbs();
        assert_eq!(kenbs.len(), 6, "{schemes:?}");
        for (number, kenb) in kenbs.iter().enumerate() {
            assert!(!kenbs[..number].contains(kenb), "{schemes:?}: hop {number}");
        }
        // Both ends say the same of every cell: KeNB, AS keys, C-RNTI, algorithms, NCC.
        let in_use = |at_ue| {
            let said = seen.of(0).filter(|(_, what)| matches!(what, What::KenbInUse { .. }));
            said.filter(|(node, _)| (*node == NodeIndex(0)) == at_ue).map(|(_, what)| what).collect::<Vec<_>>()
        };
        assert_eq!(in_use(true), in_use(false), "{schemes:?}");
        // The eNBs say the same keys, in the cells of the walk, and forget them when the UE has left.
        let at = |cell| seen.kenbs_at(0, NodeIndex(1 + cell));
        let expected = [vec![&kenbs[0], &kenbs[4]], vec![&kenbs[1], &kenbs[5]], vec![&kenbs[2]], vec![&kenbs[3]]];
        for (cell, expected) in expected.iter().enumerate() {
            assert_eq!(at(cell).iter().collect::<Vec<_>>(), *expected, "{schemes:?}: cell {cell}");
        }
        let forgotten = seen.of(0).filter(|(_, what)| matches!(what, What::KenbForgotten { .. })).count();
        assert_eq!(forgotten, 5, "{schemes:?}");
        for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
            assert_eq!(seen.packets(0, direction).len(), 6, "{schemes:?} {direction:?}");
        }
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{schemes:?}");
        assert_eq!(seen.used_twice(), 0, "{schemes:?}");
    }
}

#[test]
fn every_engine_gives_the_same_octets() {
    let run = |engine| Plan { mmes: 2, ues: 3, engine, ..Plan::always(Scheme::MmeInvolved) }.walk(&WALK).run();
    let inline = run(Engine::Inline);
    assert!(inline.sent("ForwardRelocationRequest") > 0);
    for engine in [Engine::PerNode, Engine::Shards { threads: 1 }, Engine::Shards { threads: 2 }] {
        let other = run(engine);
        assert_eq!(other.transmissions, inline.transmissions, "{engine:?}");
        assert_eq!(other.events, inline.events, "{engine:?}");
    }
}

/// The RRC messages that somebody opens who has this KeNB and no other.
fn opened(seen: &Seen, kenb: &Kenb) -> Vec<(LinkDirection, Vec<u8>)> {
    let aes = Algorithms::AES;
    let keys = AsKeys::derive(kenb, aes.ciphering, aes.integrity);
    let mut security = AsSecurity::new(keys, aes.ciphering, aes.integrity);
    let frames = seen.transmissions.iter().filter_map(|sent| RadioFrame::parse(&sent.octets).ok());
    let signalling = frames.filter(|frame| frame.mac_pdu[0] & 0x1f == 1);
    signalling
        .filter_map(|frame| Some((frame.direction, RadioSide::open(&frame, &mut security).ok()?.octets)))
        .collect()
}

/// How many cells are readable to somebody who has this KeNB and hears everything: C-RNTI and INDICATION are in the command, which
/// opens under it.
fn readable(seen: &Seen, kenb: &Kenb) -> usize {
    let how = HandoverDerivation::default();
    let command = |(direction, octets): &(LinkDirection, Vec<u8>)| match DlDcchMessage::parse(octets) {
        Ok(DlDcchMessage::Reconfiguration(command)) if *direction == LinkDirection::Downlink => {
            Some((command.mobility?.c_rnti, command.security?.next_hop_chaining_count.get()))
        }
        _ => None,
    };
    let messages = opened(seen, kenb);
    let next = messages.iter().find_map(command).filter(|(_, indication)| *indication == 0);
    let next = next.map(|(c_rnti, _)| how.target(&how.chained(kenb), CRnti::Bits16(c_rnti)));
    usize::from(!messages.is_empty()) + next.map_or(0, |next| readable(seen, &next))
}

#[test]
fn whoever_holds_one_key_reads_all_later_cells_of_a_chain_one_with_the_mme_and_never_past_a_group() {
    // H1 H2 H8
    let reach = |schemes| {
        let seen = Plan::new(schemes).walk(&WALK).run();
        seen.kenbs().iter().map(|kenb| readable(&seen, kenb)).collect::<Vec<_>>()
    };
    assert_eq!(reach(Schemes::Always(Scheme::Chained)), [6, 5, 4, 3, 2, 1]);
    assert_eq!(reach(Schemes::Always(Scheme::MmeInvolved)), [1; 6]);
    // Cells 1 and 2 are a group, 3 and 4 another: 1, 2 | 3, 4 | 1, 2.
    assert_eq!(reach(Schemes::Grouped), [2, 1, 2, 1, 2, 1]);
}

#[test]
fn the_frames_of_a_cell_open_under_its_own_keys_and_no_others() {
    // H11
    let seen = Plan::always(Scheme::MmeInvolved).walk(&WALK).run();
    // Report and command in the first; confirm, reconfiguration and its answer besides in those between.
    let opened: Vec<usize> = seen.kenbs().iter().map(|kenb| opened(&seen, kenb).len()).collect();
    assert_eq!(opened, [2, 5, 5, 5, 5, 3]);
}

#[test]
fn para_is_drawn_for_each_handover_so_that_no_key_stream_comes_twice() {
    // H4; broken: H4 with a constant PARA and the same C-RNTI the keys of a cell come again.
    let with = |constant_para| {
        let enb_faults = EnbFaults { constant_c_rnti: Some(0x1234), ..EnbFaults::default() };
        let mme_faults = MmeFaults { constant_para, ..MmeFaults::default() };
        Plan { enb_faults, mme_faults, ..Plan::always(Scheme::MmeInvolved) }.walk(&WALK).run()
    };
    let (drawn, constant) = (with(false), with(true));
    assert_eq!(drawn.used_twice(), 0);
    assert_eq!(constant.outcomes(0), drawn.outcomes(0));
    let kenbs = constant.kenbs();
    assert_eq!(kenbs[1], kenbs[5]);
    assert!(constant.used_twice() > 0);
}

#[test]
fn a_flipped_indication_never_leads_to_a_shared_key_and_the_ue_goes_back() {
    // broken: H5
    let flipped = |scheme| {
        let enb_faults = EnbFaults { flips_indication: true, ..EnbFaults::default() };
        Plan { enb_faults, ..Plan::always(scheme) }.walk(&[1]).run()
    };
    // The UE makes KeNB* of its KeNB, the target has that of the MME: the confirm has a wrong MAC there.
    let involved = flipped(Scheme::MmeInvolved);
    let kenbs = involved.kenbs();
    assert_eq!((involved.ends(0), kenbs.len()), (vec![(Outcome::Returned, pci(0))], 3));
    assert!(kenbs[0] == kenbs[2] && !involved.kenbs_at(0, NodeIndex(2)).contains(&kenbs[1]));
    assert_eq!(involved.dropped(), [(NodeIndex(2), DropReason::MacI)]);
    // Where the source eNB made KeNB* there is no PARA: the UE refuses the command and has the source take it back.
    let chained = flipped(Scheme::Chained);
    assert_eq!((chained.ends(0), chained.kenbs().len()), (vec![(Outcome::Returned, pci(0))], 1));
    assert_eq!(chained.dropped(), [(NodeIndex(0), DropReason::Refused)]);
    assert_eq!(chained.used_twice() + involved.used_twice(), 0);
}
