//! Handovers between UTRAN and E-UTRAN, through SGSN and MME (seed 001 procedure C).

use keyhop::emulation::{Fate, NodeIndex};
use keyhop::eps::keys::{CkIk, Kasme};
use keyhop::eps::node::{
    Command, ContextTransfer, DropReason, HeldKey, Mapping, Outcome, Scheme, SgsnFaults, UpKeys, What,
};
use keyhop::eps::parameters::{Algorithms, LinkDirection, Origin};
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::{UeSecurityCapabilities, UtranFrame};

use crate::eps_network::{Plan, Seen, To, ck_ik, imsi, packet, pci, utran_pci};

const UE: NodeIndex = NodeIndex(0);
const MAPPINGS: [Mapping; 3] = [Mapping::TargetId { fresh: true }, Mapping::TargetId { fresh: false }, Mapping::Nonce];

/// Two cells of E-UTRAN with one MME, two of UTRAN with one SGSN.
fn plan(mapping: Mapping) -> Plan {
    let transfer = ContextTransfer { mapping, ..ContextTransfer::default() };
    Plan { cells: 2, utran_cells: 2, sgsns: 1, transfer, ..Plan::always(Scheme::NextHopS1) }
}

fn in_utran(mapping: Mapping, origin: Origin) -> Plan {
    Plan { begins_in_utran: Some(origin), ..plan(mapping) }
}

/// The UE goes through these cells, a fifth of a second in each, with a packet in each direction in each and before.
fn walk(mut plan: Plan, cells: &[keyhop::eps::identifiers::Pci]) -> Plan {
    plan = plan.command(10, To::Ue(0), Command::Uplink(packet(0)));
    plan = plan.command(11, To::Gateway, Command::Downlink(imsi(0), packet(0)));
    for (step, cell) in (1..).zip(cells) {
        plan = plan.command(step * 200, To::Ue(0), Command::Measure(*cell));
        plan = plan.command(step * 200 + 150, To::Ue(0), Command::Uplink(packet(step)));
        plan = plan.command(step * 200 + 151, To::Gateway, Command::Downlink(imsi(0), packet(step)));
    }
    plan
}

/// CK and IK that a node said were in use, in order.
fn umts_keys(seen: &Seen, wanted: NodeIndex) -> Vec<CkIk> {
    let keys = |(node, what): (NodeIndex, &What)| match what {
        What::CkIkInUse { keys, .. } if node == wanted => Some(keys.clone()),
        _ => None,
    };
    seen.of(0).filter_map(keys).collect()
}

/// KASMEs whose NAS keys a node said were in use, in order.
fn kasmes(seen: &Seen, wanted: NodeIndex) -> Vec<Kasme> {
    let kasme = |(node, what): (NodeIndex, &What)| match what {
        What::NasInUse { kasme, .. } if node == wanted => Some(kasme.clone()),
        _ => None,
    };
    seen.of(0).filter_map(kasme).collect()
}

fn origins(seen: &Seen, wanted: NodeIndex) -> Vec<Origin> {
    let origin = |(node, what): (NodeIndex, &What)| match what {
        What::ContextInUse(origin) if node == wanted => Some(*origin),
        _ => None,
    };
    seen.of(0).filter_map(origin).collect()
}

/// Every packet of a walk of so many steps has come out, in both directions.
fn all_packets(seen: &Seen, steps: u64) {
    let sent: Vec<Vec<u8>> = (0..=steps).map(packet).collect();
    for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
        assert_eq!(seen.packets(0, direction), sent, "{direction:?}");
    }
}

#[test]
fn a_ue_goes_from_utran_to_eutran_with_keys_made_of_ck_and_ik() {
    // T1 T5
    for mapping in MAPPINGS {
        let plan = in_utran(mapping, Origin::Umts);
        let (enb, mme, sgsn) = (plan.enb(0), plan.node(To::Mme(0)), plan.node(To::Sgsn(0)));
        let seen = walk(plan, &[pci(0)]).run();
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{mapping:?}");
        assert_eq!(seen.begun(0), [(utran_pci(0), pci(0), Scheme::InterSystem)]);
        assert_eq!(seen.ends(0), [(Outcome::Completed, pci(0))], "{mapping:?}");
        all_packets(&seen, 1);
        // Both ends have the same KeNB and the same KASME, and the first CK and IK are what they were made of.
        assert_eq!(seen.kenbs_at(0, UE), seen.kenbs_at(0, enb));
        assert_eq!((kasmes(&seen, UE).len(), kasmes(&seen, UE)), (1, kasmes(&seen, mme)));
        let umts = ck_ik(0, Origin::Umts);
        for holder in [sgsn, mme] {
            let held = What::KeyHeld(HeldKey::CkIk(umts.clone()));
            assert!(seen.of(0).any(|(node, what)| node == holder && *what == held), "{holder:?}");
        }
        assert_eq!(umts_keys(&seen, UE), [umts]);
        // The tracking area of the cell is none of those that the UE has been given.
        assert!(seen.of(0).any(|(node, what)| node == UE && *what == What::TrackingAreaUpdated), "{mapping:?}");
        assert_eq!(seen.used_twice(), 0);
        // The source forgets the UE.
        let forgotten = What::CkIkForgotten { cell: utran_pci(0) };
        assert!(seen.of(0).any(|(_, what)| *what == forgotten));
    }
}

#[test]
fn a_ue_goes_from_eutran_to_utran_with_ck_and_ik_made_of_kasme() {
    // T1 T5
    for mapping in MAPPINGS {
        let plan = plan(mapping);
        let (rnc, sgsn, mme) = (plan.node(To::Rnc(1)), plan.node(To::Sgsn(0)), plan.node(To::Mme(0)));
        let seen = walk(plan, &[utran_pci(1)]).run();
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{mapping:?}");
        assert_eq!(seen.begun(0), [(pci(0), utran_pci(1), Scheme::InterSystem)]);
        assert_eq!(seen.ends(0), [(Outcome::Completed, utran_pci(1))], "{mapping:?}");
        all_packets(&seen, 1);
        let keys = umts_keys(&seen, UE);
        assert_eq!((keys.len(), &keys), (1, &umts_keys(&seen, rnc)), "{mapping:?}");
        for holder in [sgsn, mme, rnc] {
            let held = What::KeyHeld(HeldKey::CkIk(keys[0].clone()));
            assert!(seen.of(0).any(|(node, what)| node == holder && *what == held), "{holder:?}");
        }
        assert_eq!((origins(&seen, UE), origins(&seen, sgsn)), (vec![Origin::Lte], vec![Origin::Lte]));
        assert_eq!(seen.used_twice(), 0);
    }
}

#[test]
fn two_targets_lead_to_different_keys_from_one_umts_context() {
    // T5
    let to = |cell| kasmes(&walk(in_utran(Mapping::TargetId { fresh: false }, Origin::Umts), &[pci(cell)]).run(), UE);
    let (first, second) = (to(0), to(1));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second, "the target id is in the key");
    assert_eq!(first, to(0));
}

/// There and back, twice.
const TRIPS: fn() -> [keyhop::eps::identifiers::Pci; 4] = || [pci(0), utran_pci(0), pci(0), utran_pci(0)];

#[test]
fn a_round_trip_never_yields_the_first_keys_again_if_something_fresh_is_in_them() {
    // T5
    for mapping in [Mapping::TargetId { fresh: true }, Mapping::Nonce] {
        let seen = walk(in_utran(mapping, Origin::Umts), &TRIPS()).run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 4], "{mapping:?}");
        let (umts, kasmes) = (umts_keys(&seen, UE), kasmes(&seen, UE));
        assert_eq!((umts.len(), kasmes.len()), (3, 2));
        assert!(umts[0] != umts[1] && umts[1] != umts[2] && umts[0] != umts[2]);
        assert_ne!(kasmes[0], kasmes[1]);
        assert_eq!(seen.used_twice(), 0, "{mapping:?}");
        all_packets(&seen, 4);
    }
}

#[test]
fn without_freshness_a_round_trip_leads_to_the_first_keys_and_their_key_stream() {
    // broken: T5
    let seen = walk(in_utran(Mapping::TargetId { fresh: false }, Origin::Umts), &TRIPS()).run();
    assert_eq!(seen.outcomes(0), [Outcome::Completed; 4]);
    let (umts, kasmes) = (umts_keys(&seen, UE), kasmes(&seen, UE));
    assert!(umts.len() == 3 && umts.iter().all(|keys| *keys == umts[0]));
    assert!(kasmes.len() == 2 && kasmes[0] == kasmes[1]);
    assert!(seen.used_twice() > 0, "the same COUNTs under the same keys");
    all_packets(&seen, 4);
}

#[test]
fn a_context_of_gsm_is_admitted_and_marked_wherever_it_goes() {
    // T6
    let plan = in_utran(Mapping::TargetId { fresh: true }, Origin::Gsm);
    let (mme, sgsn) = (plan.node(To::Mme(0)), plan.node(To::Sgsn(0)));
    let seen = walk(plan, &[pci(0), utran_pci(1)]).run();
    assert_eq!(seen.outcomes(0), [Outcome::Completed; 2]);
    assert_eq!(origins(&seen, mme), [Origin::Gsm]);
    assert_eq!(origins(&seen, UE), [Origin::Gsm; 3]);
    assert_eq!(origins(&seen, sgsn), [Origin::Gsm; 2]);
    assert_eq!(umts_keys(&seen, UE)[0], ck_ik(0, Origin::Gsm));
    assert_eq!(Origin::Gsm.strength_bits(), 64);
    all_packets(&seen, 2);
}

#[test]
fn where_upes_cipher_the_bearer_goes_through_that_of_the_target_cell() {
    // T1 T5
    for up_keys in [UpKeys::Same, UpKeys::Update] {
        let mut plan = in_utran(Mapping::TargetId { fresh: true }, Origin::Umts);
        plan.upes = 2;
        plan.transfer = ContextTransfer { upe: true, up_keys, ..plan.transfer };
        let upes = [plan.node(To::Upe(0)), plan.node(To::Upe(1))];
        let seen = walk(plan, &[pci(0), pci(1), utran_pci(1), pci(1)]).run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 4], "{up_keys:?}");
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{up_keys:?}");
        all_packets(&seen, 4);
        let of_upes: Vec<_> = upes.iter().flat_map(|upe| seen.up_keys_at(0, *upe)).collect();
        let of_ue = seen.up_keys_at(0, UE);
        assert!(of_ue.len() >= 2 && of_ue.iter().all(|key| of_upes.contains(key)), "{up_keys:?}");
        assert_eq!(seen.used_twice(), 0);
        assert!(seen.of(0).any(|(node, what)| node == upes[1] && *what == What::UpKeyForgotten));
    }
}

/// A refused handover: the UE stays with what it had, and goes where it may.
fn stays(plan: Plan, refused: keyhop::eps::identifiers::Pci, then: keyhop::eps::identifiers::Pci, why: &str) {
    let seen = walk(plan, &[refused, then]).run();
    assert_eq!(seen.outcomes(0), [Outcome::Refused, Outcome::Completed], "{why}");
    all_packets(&seen, 2);
    assert_eq!(seen.used_twice(), 0, "{why}");
}

#[test]
fn a_refused_relocation_to_eutran_leaves_the_ue_in_utran_with_its_keys() {
    // T8
    for mapping in [Mapping::TargetId { fresh: true }, Mapping::Nonce] {
        let plan = || in_utran(mapping, Origin::Umts);
        stays(Plan { most_ues: vec![0, 100], ..plan() }, pci(0), pci(1), "no room at the eNB");
        stays(Plan { unknown_cell: Some(0), ..plan() }, pci(0), pci(1), "no MME has the cell");
        let none = vec![vec![], vec![Algorithms::AES]];
        stays(Plan { enb_algorithms: none, ..plan() }, pci(0), pci(1), "no common AS algorithm");
        // The context is not complete, or the UE has no NAS algorithm that the MME has: nowhere may it go.
        let withheld = SgsnFaults { withholds_keys: true };
        for refusing in [
            Plan { sgsn_faults: withheld, ..plan() },
            Plan { told_capabilities: UeSecurityCapabilities::default(), ..plan() },
        ] {
            let seen = walk(refusing, &[pci(0)]).run();
            assert_eq!(seen.ends(0), [(Outcome::Refused, utran_pci(0))]);
            assert_eq!((umts_keys(&seen, UE).len(), seen.dropped()), (1, vec![]));
            all_packets(&seen, 1);
        }
    }
}

#[test]
fn a_refused_handover_to_utran_leaves_the_ue_in_eutran_with_its_keys() {
    // T8
    for mapping in [Mapping::TargetId { fresh: true }, Mapping::Nonce] {
        for refusing in [Plan { rnc_most_ues: 0, ..plan(mapping) }, Plan { rncs_have_snow3g: false, ..plan(mapping) }] {
            let seen = walk(refusing, &[utran_pci(0), pci(1)]).run();
            assert_eq!(seen.outcomes(0), [Outcome::Refused, Outcome::Completed], "{mapping:?}");
            assert_eq!((seen.kenbs().len(), seen.used_twice()), (2, 0));
            all_packets(&seen, 2);
        }
    }
}

#[test]
fn a_ue_that_does_not_reach_eutran_goes_back_to_utran_with_its_keys_and_counts() {
    // T8
    let plan = in_utran(Mapping::TargetId { fresh: true }, Origin::Umts);
    let (target, mme, sgsn) = (plan.enb(0), plan.node(To::Mme(0)), plan.node(To::Sgsn(0)));
    let mut plan = walk(plan, &[pci(0)]);
    plan = plan.command(900, To::Ue(0), Command::Uplink(packet(2)));
    plan = plan.command(901, To::Gateway, Command::Downlink(imsi(0), packet(2)));
    plan = plan.command(1_000, To::Ue(0), Command::Measure(pci(1)));
    plan = plan.command(1_200, To::Ue(0), Command::Uplink(packet(3)));
    let seen =
        plan.run_with(
            move |_, to, octets| {
                if to == target && RadioFrame::parse(octets).is_ok() { Fate::lost() } else { Fate::pass() }
            },
        );
    assert_eq!(seen.ends(0), [(Outcome::Returned, utran_pci(0)), (Outcome::Completed, pci(1))]);
    assert_eq!((seen.dropped(), seen.used_twice()), (vec![], 0));
    assert_eq!(umts_keys(&seen, UE), [ck_ik(0, Origin::Umts), ck_ik(0, Origin::Umts)]);
    // What was sent while the UE was away is lost; what came before and after has come.
    assert_eq!(seen.packets(0, LinkDirection::Uplink), [packet(0), packet(2), packet(3)]);
    assert_eq!(seen.packets(0, LinkDirection::Downlink), [packet(0), packet(2)]);
    for message in ["Gn RelocationCancelRequest", "Gn RelocationCancelResponse", "UeContextReleaseCommand"] {
        assert_eq!(seen.sent(message), 1, "{message}");
    }
    // Each try has a KASME of its own.
    let kasmes = kasmes(&seen, mme);
    assert!(kasmes.len() == 2 && kasmes[0] != kasmes[1]);
    assert_eq!(origins(&seen, sgsn), [Origin::Umts]);
}

#[test]
fn a_ue_that_does_not_reach_utran_goes_back_to_eutran_with_its_keys_and_counts() {
    // T8
    for mapping in MAPPINGS {
        let plan = plan(mapping);
        let (target, rnc) = (plan.node(To::Rnc(0)), plan.node(To::Rnc(0)));
        let mut plan = walk(plan, &[utran_pci(0)]);
        plan = plan.command(900, To::Ue(0), Command::Uplink(packet(2)));
        plan = plan.command(901, To::Gateway, Command::Downlink(imsi(0), packet(2)));
        plan = plan.command(1_000, To::Ue(0), Command::Measure(utran_pci(1)));
        plan = plan.command(1_200, To::Ue(0), Command::Uplink(packet(3)));
        let seen =
            plan.run_with(
                move |_, to, octets| {
                    if to == target && UtranFrame::parse(octets).is_ok() { Fate::lost() } else { Fate::pass() }
                },
            );
        assert_eq!(seen.ends(0), [(Outcome::Returned, pci(0)), (Outcome::Completed, utran_pci(1))], "{mapping:?}");
        assert_eq!((seen.dropped(), seen.used_twice()), (vec![], 0), "{mapping:?}");
        assert_eq!(seen.packets(0, LinkDirection::Uplink), [packet(0), packet(2), packet(3)]);
        assert_eq!(seen.packets(0, LinkDirection::Downlink), [packet(0), packet(2)]);
        // The RNC is told, and forgets the keys that were for it.
        let forgotten = What::CkIkForgotten { cell: utran_pci(0) };
        assert!(seen.of(0).any(|(node, what)| node == rnc && *what == forgotten));
        let keys = umts_keys(&seen, UE);
        assert_eq!(keys[0] != keys[1], mapping != Mapping::TargetId { fresh: false } || keys.len() == 2);
    }
}

#[test]
fn nothing_is_taken_whose_check_is_wrong() {
    // T8
    // One bit of the MAC of the command to E-UTRAN: the UE stays, and the relocation is given up.
    let plan = Plan { ends: 4_000, ..in_utran(Mapping::TargetId { fresh: true }, Origin::Umts) };
    let seen = walk(plan, &[pci(0)]).run_with(move |_, to, octets| match UtranFrame::parse(octets) {
        Ok(_) if to == UE && octets.len() > 30 && octets[6] == 2 => {
            let mut changed = octets.to_vec();
            changed[8] ^= 1;
            Fate::replaced(changed)
        }
        _ => Fate::pass(),
    });
    assert_eq!(seen.dropped(), [(UE, DropReason::MacI)]);
    assert_eq!((seen.outcomes(0), kasmes(&seen, UE).len()), (vec![Outcome::Cancelled], 0));
}
