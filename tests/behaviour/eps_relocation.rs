//! Handovers between MMEs of EPS, and changes of NAS algorithms.

use std::time::Duration;

use keyhop::emulation::{Fate, NodeIndex, Transmission};
use keyhop::eps::node::{Command, DropReason, HeldKey, MmeFaults, Outcome, Scheme, UeFaults, What};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, LinkDirection};
use keyhop::eps::wire::nas::{AlgorithmSet, EmmMessage, NasMessage};
use keyhop::eps::wire::{CoreFrame, CorePayload, Gtpv2Body, Gtpv2Message, S1apMessage, UeSecurityCapabilities};

use crate::eps_network::{NULL_CIPHERING, Plan, Seen, To, imsi, kasme, pci, replacing_s1ap};

/// Cells 1 and 2 belong to the first MME, 3 and 4 to the second.
fn plan(scheme: Scheme) -> Plan {
    Plan { mmes: 2, ..Plan::always(scheme) }
}

/// From MME to MME and back.
const WALK: [usize; 4] = [1, 2, 0, 3];

const UE: NodeIndex = NodeIndex(0);

#[test]
fn a_handover_to_a_cell_of_another_mme_asks_both_whatever_the_scheme() {
    // H7
    for scheme in [Scheme::Chained, Scheme::MmeInvolved, Scheme::NextHopX2, Scheme::NextHopS1] {
        let seen = plan(scheme).walk(&WALK).run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 4], "{scheme:?}");
        let schemes: Vec<Scheme> = seen.begun(0).into_iter().map(|(_, _, scheme)| scheme).collect();
        assert_eq!(schemes, [scheme, scheme.over_s1(), scheme.over_s1(), scheme.over_s1()]);
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{scheme:?}");
        for message in ["ForwardRelocationRequest", "ForwardRelocationCompleteAcknowledge"] {
            assert_eq!(seen.sent(message), 3, "{scheme:?}");
        }
        // Each MME in turn holds KASME.
        let of_kasme = |(node, what): (NodeIndex, &What)| match what {
            What::KeyHeld(HeldKey::Kasme(held)) => Some((node, *held == kasme(0))),
            _ => None,
        };
        let mmes = [5, 6, 5, 6].map(|node| (NodeIndex(node), true));
        assert_eq!(seen.of(0).filter_map(of_kasme).collect::<Vec<_>>(), mmes, "{scheme:?}");
        for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
            assert_eq!(seen.packets(0, direction).len(), 5, "{scheme:?}");
        }
        assert_eq!(seen.used_twice(), 0, "{scheme:?}");
    }
}

#[test]
fn the_security_context_arrives_complete() {
    // H7
    for scheme in [Scheme::MmeInvolved, Scheme::NextHopS1] {
        let seen = plan(scheme).walk(&[1, 2]).run();
        let request = |sent: &Transmission| {
            let CorePayload::Udp(datagram) = CoreFrame::parse(&sent.octets).ok()?.payload else { return None };
            match Gtpv2Message::parse(&datagram.payload).ok()?.body {
                Gtpv2Body::ForwardRelocationRequest(request) => Some(request),
                _ => None,
            }
        };
        let request = seen.transmissions.iter().find_map(request).unwrap();
        let context = request.mm_context;
        assert_eq!((request.imsi, context.kasme), (imsi(0), kasme(0)));
        assert_eq!((context.ciphering, context.integrity), (AlgorithmId::Aes, AlgorithmId::Aes));
        // One PARA has been said, where there is one, and two NHs drawn, the second for this handover, where there are any.
        let said = u32::from(scheme == Scheme::MmeInvolved);
        assert_eq!((context.downlink_count, context.uplink_count), (said, 0), "{scheme:?}");
        let (nh, ncc) = context.next_hop.unwrap();
        assert_eq!(ncc.get(), if scheme == Scheme::MmeInvolved { 1 } else { 2 });
        let target = NodeIndex(3);
        let held =
            seen.of(0).any(|(node, what)| node == target && *what == What::KeyHeld(HeldKey::NextHop(nh.clone(), ncc)));
        assert_eq!(held, scheme == Scheme::NextHopS1, "the target's KeNB is made of it");
    }
}

/// The NAS COUNTs that a node protected with, downlink.
fn nas_counts(seen: &Seen, node: NodeIndex) -> Vec<u32> {
    let keys: Vec<_> = seen
        .of(0)
        .filter_map(|(_, what)| if let What::NasInUse { keys, .. } = what { Some(keys[0].clone()) } else { None })
        .collect();
    let count = |(at, what): (NodeIndex, &What)| match what {
        What::Protected { key, bearer: 0, direction: LinkDirection::Downlink, count } => {
            (at == node && keys.contains(key)).then_some(*count)
        }
        _ => None,
    };
    seen.of(0).filter_map(count).collect()
}

#[test]
fn nas_counts_go_on_from_mme_to_mme_and_a_reset_uses_them_again() {
    // H7; broken: H7 the MME that takes over begins at 0.
    let right = plan(Scheme::MmeInvolved).walk(&WALK).run();
    assert_eq!((nas_counts(&right, NodeIndex(5)), nas_counts(&right, NodeIndex(6))), (vec![0, 2], vec![1, 3]));
    assert_eq!(right.used_twice(), 0);
    let resets = |ue_faults| {
        let mme_faults = MmeFaults { resets_counts: true, ..MmeFaults::default() };
        Plan { mme_faults, ue_faults, ..plan(Scheme::MmeInvolved) }.walk(&WALK).run()
    };
    // A UE that minds the COUNT sees a message played again, and goes back; the pair of key and COUNT is used twice all the same.
    let minded = resets(UeFaults::default());
    assert_eq!(minded.outcomes(0)[..2], [Outcome::Completed, Outcome::Returned]);
    assert_eq!(minded.dropped().first(), Some(&(UE, DropReason::NasReplay)));
    assert!(minded.used_twice() > 0);
    let ignored = resets(UeFaults { ignores_nas_count: true, ..UeFaults::default() });
    assert_eq!(ignored.outcomes(0), [Outcome::Completed; 4]);
    assert!(ignored.used_twice() > 0);
}

#[test]
fn an_mme_that_prefers_other_nas_algorithms_has_the_ue_take_them_and_the_counts_go_on() {
    // H7
    for scheme in [Scheme::MmeInvolved, Scheme::NextHopS1] {
        let nas_algorithms = vec![vec![Algorithms::AES], vec![NULL_CIPHERING, Algorithms::AES]];
        let seen = Plan { nas_algorithms, ..plan(scheme) }.walk(&[2, 1]).run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 2], "{scheme:?}");
        assert_eq!(seen.nas_algorithms(UE), [Algorithms::AES, NULL_CIPHERING, Algorithms::AES], "{scheme:?}");
        // At the second MME those that come with the UE, then its own; and so again at the first.
        assert_eq!(seen.nas_algorithms(NodeIndex(6)), [Algorithms::AES, NULL_CIPHERING], "{scheme:?}");
        assert_eq!(seen.nas_algorithms(NodeIndex(5)), [Algorithms::AES, NULL_CIPHERING, Algorithms::AES]);
        assert_eq!((seen.dropped(), seen.used_twice()), (vec![], 0), "{scheme:?}");
        let complete = "ULInformationTransfer: SecurityModeComplete";
        assert_eq!((seen.sent("DLInformationTransfer"), seen.sent(complete)), (2, 2), "{scheme:?}");
    }
}

#[test]
fn nas_algorithms_change_on_command_and_a_security_mode_command_that_was_changed_is_not_followed() {
    // H7
    let command = Command::ChangeNasAlgorithms(imsi(0), NULL_CIPHERING);
    let plan = || Plan::always(Scheme::MmeInvolved).command(100, To::Mme(0), command.clone());
    let seen = plan().walk(&[1]).run();
    assert_eq!(seen.nas_algorithms(UE), [Algorithms::AES, NULL_CIPHERING]);
    assert_eq!((seen.outcomes(0), seen.dropped()), (vec![Outcome::Completed], vec![]));
    // Somebody between eNB and MME has the UE take fewer algorithms: the MAC does not bear it out.
    let weaken = |message: &mut S1apMessage| {
        let S1apMessage::DownlinkNasTransport(transport) = message else { return false };
        let Ok(NasMessage::Protected(mut nas)) = NasMessage::parse(&transport.nas_pdu) else { return false };
        let Ok(EmmMessage::SecurityModeCommand { algorithms, key_set, mut capability, nonces, hash, elements }) =
            EmmMessage::parse(&nas.message)
        else {
            return false;
        };
        capability.ciphering = AlgorithmSet(0x80);
        nas.message = EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces, hash, elements }
            .octets()
            .unwrap();
        transport.nas_pdu = nas.octets().unwrap();
        true
    };
    let weakened = Plan { ends: 7_000, ..plan().walk(&[1]) }.run_with(replacing_s1ap(weaken));
    // Meanwhile there is no handover.
    assert_eq!(weakened.outcomes(0), [Outcome::Refused]);
    assert_eq!(weakened.nas_algorithms(UE), [Algorithms::AES]);
    assert_eq!(weakened.dropped(), [(UE, DropReason::NasMac); 5]);
    // The MME has gone back to what the UE has, after five commands.
    assert_eq!(weakened.nas_algorithms(NodeIndex(5)), [Algorithms::AES, NULL_CIPHERING, Algorithms::AES]);
}

#[test]
fn nas_algorithms_do_not_change_while_a_handover_is_under_way() {
    // H6
    // The context has gone to the other MME with its NAS COUNTs, and comes back before that has used them.
    let change = Command::ChangeNasAlgorithms(imsi(0), Algorithms::AES);
    for asked in [210, 220, 230, 240] {
        let plan = Plan { mmes: 2, ..Plan::always(Scheme::MmeInvolved) };
        let seen = plan.command(asked, To::Mme(0), change.clone()).walk(&[2, 1]).run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 2], "asked at {asked} ms");
        assert_eq!((seen.used_twice(), seen.dropped()), (0, vec![]), "asked at {asked} ms");
        assert_eq!(seen.nas_algorithms(UE), [Algorithms::AES], "asked at {asked} ms");
    }
}

#[test]
fn a_ue_whose_capabilities_were_told_wrong_rejects_the_command_and_keeps_its_algorithms() {
    // Somebody has told the network that the UE has less than it has.
    let told_capabilities = UeSecurityCapabilities::new(&[], &[AlgorithmId::Aes]);
    let command = Command::ChangeNasAlgorithms(imsi(0), NULL_CIPHERING);
    let plan = Plan { told_capabilities, ..Plan::always(Scheme::MmeInvolved) };
    let seen = plan.command(100, To::Mme(0), command).walk(&[1]).run();
    assert_eq!(seen.nas_algorithms(UE), [Algorithms::AES]);
    assert_eq!(seen.sent("ULInformationTransfer: SecurityModeReject"), 1);
    assert_eq!(seen.nas_algorithms(NodeIndex(5)), [Algorithms::AES, NULL_CIPHERING, Algorithms::AES]);
    assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed], 0));
}

#[test]
fn a_nas_message_that_comes_twice_is_taken_once() {
    // H6
    let command = Command::ChangeNasAlgorithms(imsi(0), NULL_CIPHERING);
    let twice = |_, _, octets: &[u8]| {
        let Ok(CoreFrame { payload: CorePayload::Sctp(packet), .. }) = CoreFrame::parse(octets) else {
            return Fate::pass();
        };
        match S1apMessage::parse(&packet.data.user_data) {
            Ok(S1apMessage::DownlinkNasTransport(_) | S1apMessage::UplinkNasTransport(_)) => {
                Fate { copies: vec![Duration::from_millis(20)], ..Fate::default() }
            }
            _ => Fate::pass(),
        }
    };
    let seen = Plan::always(Scheme::MmeInvolved).command(100, To::Mme(0), command).run_with(twice);
    assert_eq!(seen.nas_algorithms(UE), [Algorithms::AES, NULL_CIPHERING]);
    let mut dropped = seen.dropped();
    dropped.sort_unstable();
    assert_eq!(dropped, [(UE, DropReason::NasReplay), (NodeIndex(5), DropReason::NasReplay)]);
}

#[test]
fn a_relocation_that_is_refused_leaves_the_ue_where_it_is_and_works_the_next_time() {
    let plan = Plan { most_ues: vec![100, 100, 0, 100], ..plan(Scheme::MmeInvolved) };
    let seen = plan.walk(&[2, 3]).run();
    assert_eq!(seen.ends(0), [(Outcome::Refused, pci(0)), (Outcome::Completed, pci(3))]);
    assert_eq!(seen.packets(0, LinkDirection::Downlink).len(), 3);
    assert_eq!(seen.used_twice(), 0);
}
