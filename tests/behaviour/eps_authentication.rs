//! Authentication with vectors of the HSS, and UEs that come to another MME by themselves: authenticated there, or with the context that
//! their old MME gives.

use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::emulation::{Fate, Input, Node, NodeIndex, Outbox, Port, random};
use keyhop::eps::identifiers::{Imsi, Plmn};
use keyhop::eps::keys::{OperatorKey, SubscriberKey};
use keyhop::eps::node::core_side::{CoreMessage, CoreSide};
use keyhop::eps::node::enb::REDIRECTED;
use keyhop::eps::node::{Arrival, Command, DropReason, Hss, HssSubscriber, Outcome, Scheme, What};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, LinkDirection, Origin};
use keyhop::eps::security::aka::Subscription;
use keyhop::eps::wire::diameter::{
    AuthenticationInformationRequest, DiameterPeer, DiameterResult, UpdateLocationRequest, Vector, VectorAccess,
};
use keyhop::eps::wire::nas::{EmmMessage, NasMessage};
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::s1ap::S1apMessage;
use keyhop::eps::wire::sctp::DIAMETER_PROTOCOL;
use keyhop::eps::wire::{CoreFrame, CorePayload, DiameterBody, DiameterMessage, Gtpv2Body, Gtpv2Message};
use keyhop::time::VirtualTime;

use crate::eps_network::{AuthenticationPlan, NULL_CIPHERING, Plan, Seen, To, imsi, packet, pci, replacing_s1ap};

const UE: NodeIndex = NodeIndex(0);
/// From when on every timer of a handover that has failed is over, in milliseconds.
const LATER: u64 = 9_000;

/// What was sent and said, on standard output: shown when a test fails.
fn story(seen: &Seen) {
    for sent in &seen.transmissions {
        let verdicts: Vec<_> = sent.verdicts.iter().map(|verdict| verdict.text.as_str()).collect();
        let (time, lost) = (sent.time.as_nanos() / 1_000, if sent.lost { ", lost" } else { "" });
        println!("{time} us, to {:?}: {}{lost} {verdicts:?}", sent.to, sent.note);
    }
    for (time, node, event) in &seen.events {
        if !matches!(event.what, What::Protected { .. } | What::PacketOut { .. }) {
            println!("{} us, {node:?}: {:?}", time.as_nanos() / 1_000, event.what);
        }
    }
}

/// A handover to a cell of another MME, with a packet in each direction before it, after it, and when every timer is over.
fn one_hop(arrival: Arrival) -> Plan {
    let plan = Plan::arriving(arrival).walk(&[2]);
    let plan = plan.command(LATER, To::Ue(0), Command::Uplink(packet(100)));
    plan.command(LATER + 1, To::Gateway, Command::Downlink(imsi(0), packet(100)))
}

fn packets(seen: &Seen) -> [usize; 2] {
    [LinkDirection::Uplink, LinkDirection::Downlink].map(|direction| seen.packets(0, direction).len())
}

fn said(seen: &Seen, at: NodeIndex, wanted: &What) -> usize {
    seen.of(0).filter(|(node, what)| *node == at && *what == wanted).count()
}

/// The last KASME and NAS keys that a node said were in use.
fn nas(seen: &Seen, at: NodeIndex) -> Option<&What> {
    seen.of(0).filter(|(node, what)| *node == at && matches!(what, What::NasInUse { .. })).map(|(_, what)| what).last()
}

/// UE and eNBs, in order, say the same of every KeNB.
fn air_agrees(seen: &Seen) {
    let in_use = |at_ue| {
        let said = seen.of(0).filter(|(_, what)| matches!(what, What::KenbInUse { .. }));
        said.filter(|(node, _)| (*node == UE) == at_ue).map(|(_, what)| what).collect::<Vec<_>>()
    };
    assert_eq!(in_use(true), in_use(false));
}

/// The UE is back at the source with the NAS keys and packets that it had, and nothing was protected twice.
fn returned(plan: Plan, seen: &Seen) {
    story(seen);
    assert_eq!(seen.ends(0), [(Outcome::Returned, pci(0))]);
    // Who is back late misses those that came in between.
    let late = seen
        .events
        .iter()
        .any(|(time, _, event)| matches!(event.what, What::HandoverEnded { .. }) && time.as_nanos() > 350_000_000);
    let [uplink, downlink] = packets(seen);
    assert_eq!(downlink, if late { 2 } else { 3 });
    // Where there are UPEs, a UE keeps those that go out for when it is somewhere.
    let kept = plan.transfer.upe;
    assert_eq!(uplink, if late && !kept { 2 } else { 3 });
    assert_eq!(nas(seen, UE), nas(seen, plan.node(To::Mme(0))));
    assert_eq!(seen.used_twice(), 0);
}

#[test]
fn a_ue_is_authenticated_at_another_mme_with_its_packets_before_and_after() {
    // T2
    let plan = Plan::arriving(Arrival::Authentication).authenticating();
    let mmes = [0, 1].map(|mme| plan.node(To::Mme(mme)));
    let seen = plan.walk(&[2, 0, 3]).run();
    story(&seen);
    assert_eq!(seen.ends(0), [2, 0, 3].map(|cell| (Outcome::Completed, pci(cell))));
    assert_eq!(seen.begun(0)[0], (pci(0), pci(2), Scheme::Authentication));
    assert_eq!(packets(&seen), [4, 4]);
    assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]));
    assert_eq!(seen.used_twice(), 0);
    air_agrees(&seen);
    assert_eq!(nas(&seen, UE), nas(&seen, mmes[1]));
    let kenbs = seen.kenbs();
    assert_eq!(kenbs.len(), 4);
    assert!(kenbs.iter().enumerate().all(|(number, kenb)| !kenbs[..number].contains(kenb)));
    for what in [What::Authenticated, What::ContextInUse(Origin::Lte)] {
        assert_eq!([UE, mmes[0], mmes[1]].map(|node| said(&seen, node, &what)), [3, 1, 2], "{what:?}");
    }
    // Who served the UE before hears of it from the HSS.
    assert_eq!(["CancelLocationRequest", "CancelLocationAnswer"].map(|note| seen.sent(note)), [3, 3]);
    assert!(!seen.of(0).any(|(_, what)| matches!(what, What::OldNodeFound(_))));
}

#[test]
fn the_messages_of_an_authentication_come_in_the_order_of_the_standard() {
    // T2
    let seen = Plan::arriving(Arrival::Authentication).authenticating().walk(&[2]).run();
    let begins = seen.transmissions.iter().position(|sent| sent.note.starts_with("MeasurementReport")).unwrap();
    let notes: Vec<&str> = seen.transmissions[begins + 1..].iter().map(|sent| sent.note.as_str()).collect();
    let expected = [
        "RRCConnectionRelease",
        "RRCConnectionRequest",
        "RRCConnectionSetup",
        "RRCConnectionSetupComplete: AttachRequest",
        "InitialUeMessage",
        "AuthenticationInformationRequest",
        "AuthenticationInformationAnswer",
        "DownlinkNasTransport",
        "DLInformationTransfer",
        "ULInformationTransfer: AuthenticationResponse",
        "UplinkNasTransport",
        "DownlinkNasTransport",
        "DLInformationTransfer",
        "ULInformationTransfer: SecurityModeComplete",
        "UplinkNasTransport",
        "InitialContextSetupRequest",
        "SecurityModeCommand",
        "SecurityModeComplete",
        "RRCConnectionReconfiguration",
        "RRCConnectionReconfigurationComplete",
        "ULInformationTransfer: AttachComplete",
        "InitialContextSetupResponse",
        "UplinkNasTransport",
        "ModifyBearerRequest",
        "UpdateLocationRequest",
    ];
    assert_eq!(notes[..expected.len()], expected);
}

#[test]
fn the_old_mme_gives_the_context_of_a_ue_that_comes_with_its_temporary_identity() {
    // T1 T2 T9
    let plan = Plan::arriving(Arrival::ContextRequest);
    let mmes = [0, 1].map(|mme| plan.node(To::Mme(mme)));
    let seen = plan.walk(&[2, 0, 3]).run();
    story(&seen);
    assert_eq!(seen.ends(0), [2, 0, 3].map(|cell| (Outcome::Completed, pci(cell))));
    assert_eq!(seen.begun(0)[0], (pci(0), pci(2), Scheme::ContextRequest));
    assert_eq!(packets(&seen), [4, 4]);
    assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]));
    // NAS keys are the same throughout, so that their COUNTs have gone on.
    assert_eq!(seen.used_twice(), 0);
    assert_eq!((nas(&seen, UE), nas(&seen, mmes[0])), (nas(&seen, mmes[1]), nas(&seen, mmes[1])));
    let found =
        mmes.map(|mme| seen.of(0).filter(|(node, what)| *node == mme && matches!(what, What::OldNodeFound(_))).count());
    assert_eq!(found, [1, 2]);
    assert_eq!(said(&seen, UE, &What::TrackingAreaUpdated), 3);
    air_agrees(&seen);
    let kenbs = seen.kenbs();
    assert!(kenbs.iter().enumerate().all(|(number, kenb)| !kenbs[..number].contains(kenb)));
    assert!(!seen.of(0).any(|(_, what)| *what == What::Authenticated));
}

/// When a UE has left, and when its packets flow again.
fn interruption(plan: Plan) -> u64 {
    let seen = plan.walk(&[2]).run();
    let at = |wanted: fn(&What) -> bool| {
        seen.events
            .iter()
            .find(|(_, _, event)| wanted(&event.what))
            .map(|(time, ..)| time.as_nanos() / 1_000_000)
            .unwrap()
    };
    at(|what| matches!(what, What::HandoverEnded { .. })) - at(|what| matches!(what, What::HandoverStarted(_)))
}

#[test]
fn a_context_that_is_given_saves_the_round_trips_of_an_authentication() {
    // T2
    let given = interruption(Plan::arriving(Arrival::ContextRequest));
    for latency in [1, 6, 50] {
        let authentication = Some(AuthenticationPlan { hss_sqn: 0, usim_sqn: 0, latency });
        let authenticated = interruption(Plan { authentication, ..Plan::arriving(Arrival::Authentication) });
        // A message takes 1 ms on the air, 5 on S1, 4 between MMEs: two round trips of the UE and one of the HSS in the place of one
        // between MMEs.
        assert_eq!(authenticated - given, 2 * (2 * (1 + 5)) + 2 * latency - 2 * 4);
    }
}

/// Inverts a bit of the first NAS message that is such a one.
fn damaging(wanted: fn(&EmmMessage) -> bool, bit: usize) -> impl FnMut(&mut S1apMessage) -> bool + Send {
    let mut done = false;
    move |message| {
        let nas = match message {
            S1apMessage::DownlinkNasTransport(transport) => &mut transport.nas_pdu,
            S1apMessage::UplinkNasTransport(transport) => &mut transport.nas_pdu,
            _ => return false,
        };
        let Ok(NasMessage::Plain(plain)) = NasMessage::parse(nas) else { return false };
        if done || !wanted(&plain) {
            return false;
        }
        nas[bit / 8] ^= 0x80 >> (bit % 8);
        done = true;
        true
    }
}

fn is_request(message: &EmmMessage) -> bool {
    matches!(message, EmmMessage::AuthenticationRequest { .. })
}

fn is_response(message: &EmmMessage) -> bool {
    matches!(message, EmmMessage::AuthenticationResponse { .. })
}

#[test]
fn a_ue_refuses_a_challenge_that_is_not_the_hss_s_and_goes_back() {
    // T8
    // A bit of RAND, one of AUTN.
    for bit in [40, 8 * 21] {
        let plan = || one_hop(Arrival::Authentication).authenticating();
        let seen = plan().run_with(replacing_s1ap(damaging(is_request, bit)));
        returned(plan(), &seen);
        assert_eq!(seen.dropped(), [(UE, DropReason::Authentication)]);
        assert!(!seen.of(0).any(|(_, what)| *what == What::Authenticated));
    }
}

#[test]
fn an_mme_refuses_a_wrong_response_and_the_ue_goes_back() {
    // T8
    let plan = || one_hop(Arrival::Authentication).authenticating();
    let seen = plan().run_with(replacing_s1ap(damaging(is_response, 8 * 5)));
    returned(plan(), &seen);
    let mme = plan().node(To::Mme(1));
    assert_eq!(seen.dropped(), [(mme, DropReason::Authentication)]);
    assert_eq!(said(&seen, mme, &What::Authenticated), 0);
}

#[test]
fn an_hss_that_is_behind_is_told_by_the_usim_and_its_next_vector_is_taken() {
    // T2
    let authentication = Some(AuthenticationPlan { hss_sqn: 100, usim_sqn: 5_000, latency: 6 });
    let seen = Plan { authentication, ..Plan::arriving(Arrival::Authentication) }.walk(&[2, 0]).run();
    story(&seen);
    assert_eq!(seen.outcomes(0), [Outcome::Completed; 2]);
    assert_eq!(seen.dropped(), [(UE, DropReason::Authentication)]);
    // Once more in the first, and never again.
    assert_eq!(seen.sent("AuthenticationInformationRequest"), 3);
    assert_eq!(seen.sent("ULInformationTransfer: AuthenticationFailure"), 1);
    assert_eq!(packets(&seen), [3, 3]);
}

/// Whether a frame is of Diameter.
fn is_diameter(octets: &[u8]) -> bool {
    let payload = CoreFrame::parse(octets).map(|frame| frame.payload);
    matches!(payload, Ok(CorePayload::Sctp(packet)) if packet.data.protocol == DIAMETER_PROTOCOL)
}

#[test]
fn an_hss_that_says_nothing_is_waited_for_and_the_ue_goes_back() {
    // T8
    let plan = || one_hop(Arrival::Authentication).authenticating();
    let seen = plan().run_with(|_, _, octets| if is_diameter(octets) { Fate::lost() } else { Fate::pass() });
    returned(plan(), &seen);
    assert_eq!(seen.dropped(), []);
}

#[test]
fn without_an_hss_nobody_is_authenticated() {
    // T8
    let plan = || one_hop(Arrival::Authentication);
    let seen = plan().run();
    returned(plan(), &seen);
}

/// Changes the TAU request in the first message of a UE.
fn changing_update(change: fn(&mut Vec<u8>)) -> impl FnMut(&mut S1apMessage) -> bool + Send {
    move |message| match message {
        S1apMessage::InitialUeMessage(message) if message.nas_pdu[0] != 7 => {
            change(&mut message.nas_pdu);
            true
        }
        _ => false,
    }
}

/// What goes wrong with a TAU request, and how.
type Damage = (&'static str, fn(&mut Vec<u8>), Vec<DropReason>);

fn damages() -> [Damage; 3] {
    [
        ("a bit of its MAC", |update| update[2] ^= 1, vec![DropReason::NasMac]),
        ("a bit of its type", |update| update[8] ^= 0x08, vec![DropReason::NasMac]),
        ("a temporary identity that nobody has", |update| *update.last_mut().unwrap() ^= 0x40, vec![]),
    ]
}

#[test]
fn whose_update_its_old_mme_does_not_take_is_authenticated_if_there_is_an_hss() {
    // T9
    for (what, change, dropped) in damages() {
        let plan = one_hop(Arrival::ContextRequest).authenticating();
        let old = plan.node(To::Mme(0));
        let seen = plan.run_with(replacing_s1ap(changing_update(change)));
        story(&seen);
        assert_eq!(seen.ends(0), [(Outcome::Completed, pci(2))], "{what}");
        let reasons: Vec<_> = dropped.into_iter().map(|reason| (old, reason)).collect();
        assert_eq!(seen.dropped(), reasons, "{what}");
        assert_eq!(said(&seen, UE, &What::Authenticated), 1, "{what}");
        assert_eq!(seen.sent("RRCConnectionSetupComplete: AttachRequest"), 1, "{what}");
        assert!(!seen.of(0).any(|(_, what)| matches!(what, What::OldNodeFound(_))), "{what}");
        assert_eq!((packets(&seen), seen.used_twice()), ([3, 3], 0), "{what}");
        air_agrees(&seen);
    }
}

#[test]
fn whose_update_its_old_mme_does_not_take_goes_back_if_there_is_no_hss() {
    // T8
    for (what, change, dropped) in damages() {
        let plan = || one_hop(Arrival::ContextRequest);
        let seen = plan().run_with(replacing_s1ap(changing_update(change)));
        println!("{what}");
        returned(plan(), &seen);
        assert_eq!(seen.dropped().len(), dropped.len());
    }
}

/// Loses the messages of GTPv2-C that are such ones.
fn losing(wanted: fn(&Gtpv2Body) -> bool) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send {
    move |_, _, octets| match CoreFrame::parse(octets).map(|frame| frame.payload) {
        Ok(CorePayload::Udp(datagram)) => match Gtpv2Message::parse(&datagram.payload) {
            Ok(message) if wanted(&message.body) => Fate::lost(),
            _ => Fate::pass(),
        },
        _ => Fate::pass(),
    }
}

#[test]
fn an_old_mme_that_says_nothing_is_waited_for() {
    // T8
    for wanted in [(|body| matches!(body, Gtpv2Body::ContextRequest(_))) as fn(&Gtpv2Body) -> bool, |body| {
        matches!(body, Gtpv2Body::ContextResponse(_))
    }] {
        let plan = || one_hop(Arrival::ContextRequest);
        let seen = plan().run_with(losing(wanted));
        returned(plan(), &seen);
        let seen = one_hop(Arrival::ContextRequest).authenticating().run_with(losing(wanted));
        story(&seen);
        assert_eq!(seen.ends(0), [(Outcome::Completed, pci(2))]);
        // The packets of when it was on its way are lost.
        assert_eq!((packets(&seen), seen.used_twice()), ([2, 2], 0));
    }
}

#[test]
fn a_target_without_room_or_without_its_algorithms_sends_a_ue_back_with_its_keys() {
    // T8
    let other = Algorithms { ciphering: AlgorithmId::Snow3g, integrity: AlgorithmId::Snow3g };
    for arrival in [Arrival::Authentication, Arrival::ContextRequest] {
        let full = || Plan { most_ues: vec![100, 100, 0], ..one_hop(arrival).authenticating() };
        let seen = full().run();
        returned(full(), &seen);
        assert_eq!(seen.sent("RRCConnectionReject"), 1);
        let aes = vec![Algorithms::AES];
        let others = || Plan {
            enb_algorithms: vec![aes.clone(), aes.clone(), vec![other]],
            ..one_hop(arrival).authenticating()
        };
        let seen = others().run();
        returned(others(), &seen);
        assert_eq!(seen.sent("InitialContextSetupFailure"), 1);
    }
}

#[test]
fn an_mme_that_has_none_of_the_ue_s_nas_algorithms_does_not_take_it() {
    // T8
    let only = |algorithm| Algorithms { ciphering: algorithm, integrity: algorithm };
    let nas_algorithms = vec![vec![Algorithms::AES], vec![only(AlgorithmId::Snow3g)]];
    let plan = || Plan { nas_algorithms: nas_algorithms.clone(), ..one_hop(Arrival::Authentication).authenticating() };
    let seen = plan().run();
    returned(plan(), &seen);
}

#[test]
fn a_ue_that_arrives_takes_the_algorithms_of_where_it_is() {
    // T1
    let plan = Plan {
        enb_algorithms: vec![vec![Algorithms::AES], vec![Algorithms::AES], vec![NULL_CIPHERING]],
        nas_algorithms: vec![vec![Algorithms::AES], vec![NULL_CIPHERING]],
        ..one_hop(Arrival::Authentication).authenticating()
    };
    let mme = plan.node(To::Mme(1));
    let seen = plan.run();
    story(&seen);
    assert_eq!(seen.algorithms(), [Algorithms::AES, NULL_CIPHERING]);
    assert_eq!(seen.nas_algorithms(UE), [Algorithms::AES, NULL_CIPHERING]);
    assert_eq!(nas(&seen, UE), nas(&seen, mme));
    assert_eq!((packets(&seen), seen.dropped()), ([3, 3], vec![]));
}

#[test]
fn a_source_asks_for_release_when_nothing_was_heard_of_a_ue() {
    // T8
    // From when it has left on, nobody hears the UE.
    let plan = one_hop(Arrival::Authentication).authenticating();
    let mut left = false;
    let seen = plan.run_with(move |now, to, octets| {
        left |= now.as_nanos() > 203_000_000;
        if left && to != UE && RadioFrame::parse(octets).is_ok() { Fate::lost() } else { Fate::pass() }
    });
    story(&seen);
    assert_eq!(seen.ends(0), [(Outcome::Cancelled, pci(0))]);
    let asked = seen.transmissions.iter().find(|sent| sent.note == "UeContextReleaseRequest").unwrap();
    assert!(asked.time.as_nanos() / 1_000_000 >= u64::try_from(REDIRECTED.as_millis()).unwrap());
    assert!(seen.of(0).any(|(_, what)| *what == What::KenbForgotten { cell: pci(0) }));
}

/// A run in which the frame with this number is lost, among those after the UE has left and before its packets.
fn without_frame(plan: Plan, number: usize) -> (Seen, bool) {
    let (mut passed, lost) = (0, std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let done = std::sync::Arc::clone(&lost);
    let seen = plan.run_with(move |now, _, _| {
        if !(201_000_000..345_000_000).contains(&now.as_nanos()) {
            return Fate::pass();
        }
        passed += 1;
        if passed == number + 1 {
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            return Fate::lost();
        }
        Fate::pass()
    });
    (seen, lost.load(std::sync::atomic::Ordering::Relaxed))
}

#[test]
fn whichever_frame_is_lost_nothing_hangs_and_no_key_stream_is_used_twice() {
    // T8
    for arrival in [Arrival::Authentication, Arrival::ContextRequest] {
        let mut completed = 0;
        for number in 0.. {
            let (seen, lost) = without_frame(one_hop(arrival).authenticating(), number);
            if !lost {
                assert!(number > 20, "{arrival:?}: {number}");
                break;
            }
            let what = format!("{arrival:?} {number}");
            assert_eq!(seen.used_twice(), 0, "{what}");
            let outcomes = seen.outcomes(0);
            assert!(!outcomes.is_empty(), "{what}");
            completed += usize::from(outcomes[0] == Outcome::Completed);
            // Unless it is lost to all: its packet comes out at last.
            let last = seen.packets(0, LinkDirection::Uplink).contains(&packet(100));
            assert!(last || outcomes[0] == Outcome::Cancelled, "{what}: {outcomes:?}");
        }
        assert!(completed > 10, "{arrival:?}: {completed}");
    }
}

#[test]
fn an_authentication_anew_changes_the_keys_of_all_layers_and_packets_go_on() {
    // T6 T7
    for scheme in [Scheme::NextHopS1, Scheme::NextHopX2, Scheme::MmeInvolved, Scheme::Chained] {
        let plan = Plan { mmes: 1, ..Plan::always(scheme) }.authenticating();
        let mme = plan.node(To::Mme(0));
        let plan = plan.walk(&[1]).command(500, To::Mme(0), Command::Authenticate(imsi(0))).walk_on(&[2, 3]);
        let seen = plan.run();
        story(&seen);
        assert_eq!(seen.ends(0), [1, 2, 3].map(|cell| (Outcome::Completed, pci(cell))), "{scheme:?}");
        assert_eq!(seen.begun(0).len(), 3, "{scheme:?}");
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{scheme:?}");
        air_agrees(&seen);
        assert_eq!(seen.used_twice(), 0, "{scheme:?}");
        for node in [UE, mme] {
            assert_eq!(said(&seen, node, &What::Authenticated), 1);
            assert_eq!(said(&seen, node, &What::ContextInUse(Origin::Lte)), 1);
        }
        // KASME and NAS keys, then KeNB in the same cell with another C-RNTI.
        let kasmes = |at| {
            let kasme = |what: &What| match what {
                What::NasInUse { kasme, .. } => Some(kasme.clone()),
                _ => None,
            };
            seen.of(0).filter(|(node, _)| *node == at).filter_map(|(_, what)| kasme(what)).collect::<Vec<_>>()
        };
        assert_eq!((kasmes(UE).len(), kasmes(UE)), (2, kasmes(mme)));
        assert_ne!(kasmes(UE)[0], kasmes(UE)[1]);
        let in_cell: Vec<_> = seen
            .of(0)
            .filter_map(|(node, what)| match what {
                What::KenbInUse { cell, kenb, c_rnti, .. } if node == UE && *cell == pci(1) => Some((kenb, c_rnti)),
                _ => None,
            })
            .collect();
        assert_eq!(in_cell.len(), 2, "{scheme:?}");
        assert!(in_cell[0].0 != in_cell[1].0 && in_cell[0].1 != in_cell[1].1, "{scheme:?}");
        assert_eq!(packets(&seen), [4, 4], "{scheme:?}");
    }
}

/// One UE that is authenticated anew at 500 ms, and handed over later.
fn anew() -> Plan {
    let plan = Plan { mmes: 1, ..Plan::always(Scheme::NextHopS1) }.authenticating().walk(&[1]);
    let plan = plan.command(500, To::Mme(0), Command::Authenticate(imsi(0)));
    plan.command(LATER, To::Ue(0), Command::Measure(pci(2)))
        .command(LATER + 150, To::Ue(0), Command::Uplink(packet(100)))
        .command(LATER + 151, To::Gateway, Command::Downlink(imsi(0), packet(100)))
}

#[test]
fn whichever_frame_of_an_authentication_anew_is_lost_the_ue_goes_on_with_old_or_new_keys() {
    // T8
    let (mut renewed, mut frames) = (0, 0);
    for number in 0.. {
        let plan = anew();
        let mut passed = 0;
        let lost = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let done = std::sync::Arc::clone(&lost);
        let seen = plan.run_with(move |now, _, _| {
            passed += usize::from((500_000_000..1_000_000_000).contains(&now.as_nanos()));
            let lost = passed == number + 1 && !done.swap(passed == number + 1, std::sync::atomic::Ordering::Relaxed);
            if lost { Fate::lost() } else { Fate::pass() }
        });
        if !lost.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        frames += 1;
        assert_eq!(seen.used_twice(), 0, "{number}");
        // As in a handover, a UE that does not hear the first word under new keys believes that it was not heard; nothing on this air
        // says a frame again.
        let lost = seen.transmissions.iter().find(|sent| sent.lost).map(|sent| sent.note.as_str());
        if lost != Some("RRCConnectionReconfiguration") {
            assert_eq!(seen.outcomes(0), [Outcome::Completed; 2], "{number}");
            assert_eq!(packets(&seen), [3, 3], "{number}");
        }
        let mme = anew().node(To::Mme(0));
        assert_eq!(nas(&seen, UE), nas(&seen, mme), "{number}");
        renewed += said(&seen, mme, &What::ContextInUse(Origin::Lte));
    }
    // What the HSS does not say, or does not hear, cannot be made up for; all else is said again.
    assert!(frames > 15, "{frames}");
    assert_eq!(renewed, frames - 2);
}

#[test]
fn a_ue_that_does_not_follow_the_key_change_keeps_the_keys_of_the_air_until_it_is_asked_again() {
    // T8
    // The command does not reach the UE: nothing does for two seconds.
    let seen = anew().run_with(move |now, to, octets| {
        let deaf = (540_000_000..2_500_000_000).contains(&now.as_nanos());
        if deaf && to == UE && RadioFrame::parse(octets).is_ok() { Fate::lost() } else { Fate::pass() }
    });
    story(&seen);
    assert!(seen.sent("RRCConnectionReconfiguration: key change") > 1);
    assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed; 2], 0));
    assert_eq!(packets(&seen), [3, 3]);
}

/// UPEs: one for all cells, or one for each two.
fn with_upes(plan: Plan, upes: usize) -> Plan {
    let mut plan = Plan { upes, ..plan };
    plan.transfer.upe = true;
    plan
}

/// The keys to UPEs that a node said were in use, in order.
fn up_keys(seen: &Seen, at: impl Fn(NodeIndex) -> bool) -> Vec<&What> {
    let said = seen.of(0).filter(|(node, what)| at(*node) && matches!(what, What::UpKeyInUse { .. }));
    said.map(|(_, what)| what).collect()
}

#[test]
fn a_ue_that_is_authenticated_elsewhere_has_another_key_to_a_upe_and_one_whose_context_is_given_keeps_its_own() {
    // T1 T2
    for upes in [1, 2] {
        for (arrival, keys) in [(Arrival::Authentication, 4), (Arrival::ContextRequest, 1)] {
            let seen = with_upes(Plan::arriving(arrival).authenticating(), upes).walk(&[2, 0, 3]).run();
            story(&seen);
            assert_eq!(seen.ends(0), [2, 0, 3].map(|cell| (Outcome::Completed, pci(cell))), "{upes} {arrival:?}");
            assert_eq!((packets(&seen), seen.used_twice()), ([4, 4], 0), "{upes} {arrival:?}");
            assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{upes} {arrival:?}");
            let at_ue = up_keys(&seen, |node| node == UE);
            assert_eq!(at_ue, up_keys(&seen, |node| node != UE), "{upes} {arrival:?}");
            assert_eq!(at_ue.len(), keys, "{upes} {arrival:?}");
            assert!((1..keys).all(|number| !at_ue[..number].contains(&at_ue[number])), "{upes} {arrival:?}");
        }
    }
}

#[test]
fn a_upe_without_room_sends_a_ue_that_comes_by_itself_back() {
    // T8
    let plan =
        || Plan { upe_most_ues: vec![100, 0], ..with_upes(one_hop(Arrival::Authentication).authenticating(), 2) };
    let seen = plan().run();
    returned(plan(), &seen);
    let keys = up_keys(&seen, |_| true);
    assert!(keys.iter().all(|key| key == &keys[0]));
}

#[test]
fn an_authentication_anew_changes_the_key_to_the_upe_and_loses_no_packet() {
    // T6 T7
    let mut plan = with_upes(Plan { mmes: 1, ..Plan::always(Scheme::NextHopS1) }.authenticating(), 1);
    plan = plan.command(500, To::Mme(0), Command::Authenticate(imsi(0)));
    // Every millisecond a packet in each direction, while keys change.
    for number in 0..60 {
        plan = plan.command(510 + number, To::Ue(0), Command::Uplink(packet(number)));
        plan = plan.command(510 + number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
    }
    let seen = plan.run();
    story(&seen);
    let keys = up_keys(&seen, |node| node == UE);
    assert_eq!((keys.len(), &keys), (2, &up_keys(&seen, |node| node != UE)));
    assert_ne!(keys[0], keys[1]);
    for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
        let come: Vec<u8> = seen.packets(0, direction).iter().filter_map(|packet| packet.last().copied()).collect();
        assert_eq!(come, (0..60).collect::<Vec<u8>>(), "{direction:?}");
    }
    assert_eq!((seen.dropped(), seen.used_twice()), (vec![], 0));
}

#[test]
fn a_ue_that_is_handed_over_to_another_mme_updates_its_tracking_area_there() {
    // T9
    let plan = with_upes(Plan { mmes: 2, ..Plan::always(Scheme::NextHopS1) }, 1);
    let seen = plan.command(200, To::Ue(0), Command::Measure(pci(2))).run();
    story(&seen);
    assert_eq!(seen.outcomes(0), [Outcome::Completed]);
    assert_eq!(said(&seen, UE, &What::TrackingAreaUpdated), 1);
    assert_eq!(seen.sent("ULInformationTransfer: TrackingAreaUpdateComplete"), 1);
    assert_eq!((seen.dropped(), seen.used_twice()), (vec![], 0));
    // broken: T9, in a network whose UEs do not do so.
    let plan = Plan { mmes: 2, ..Plan::always(Scheme::NextHopS1) };
    let seen = plan.command(200, To::Ue(0), Command::Measure(pci(2))).run();
    assert_eq!(said(&seen, UE, &What::TrackingAreaUpdated), 0);
}

#[test]
fn an_hss_has_no_vector_for_who_is_no_subscriber_and_one_for_who_is() {
    // T8
    let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: [10, 64, 9, last].into() };
    let (mme, hss, link) = (place(1), place(2), Port(0));
    let plmn: Plmn = "001-01".parse().unwrap();
    let (k, opc) = (SubscriberKey::from_octets([1; 16]), OperatorKey::from_octets([2; 16]));
    let subscription = Subscription::new(k, opc, 0);
    let known = HssSubscriber { imsi: imsi(0), subscription, separates_keys: false, serving: None };
    let random = random::generator(1, "hss");
    let mut node = Hss::new(CoreSide::new(hss, &[(link, mme)]), plmn, random, &[known]);
    let mut asker = CoreSide::new(mme, &[(link, hss)]);
    let mut ask = |who, body: fn(DiameterPeer, Imsi, Plmn) -> DiameterBody| {
        let origin = DiameterPeer::of("mme", plmn);
        let body = body(DiameterPeer::hss(plmn), who, plmn);
        let message = DiameterMessage { hop_by_hop: 7, end_to_end: 8, session: "mme;0;7".to_owned(), origin, body };
        let mut outbox = Outbox::default();
        asker.send(hss.ip, &CoreMessage::Diameter(message), &mut outbox);
        let octets = outbox.frames().next().unwrap().1.to_vec();
        let mut outbox = Outbox::default();
        node.handle(VirtualTime::ZERO, Input::Frame { port: link, octets }, &mut outbox);
        let (_, octets, _) = outbox.frames().next().unwrap();
        let Ok((_, CoreMessage::Diameter(answer))) = asker.receive(octets) else { panic!() };
        assert_eq!((answer.hop_by_hop, answer.end_to_end, &answer.session[..]), (7, 8, "mme;0;7"));
        answer.body
    };
    let information = |destination, imsi, visited| {
        let (access, resynchronisation) = (VectorAccess::Eutran, None);
        let request = AuthenticationInformationRequest { destination, imsi, visited, access, resynchronisation };
        DiameterBody::AuthenticationInformationRequest(request)
    };
    let location = |destination, imsi, visited| {
        DiameterBody::UpdateLocationRequest(UpdateLocationRequest { destination, imsi, visited })
    };
    let DiameterBody::AuthenticationInformationAnswer(answer) = ask(imsi(1), information) else { panic!() };
    assert_eq!((answer.result, answer.vector), (DiameterResult::USER_UNKNOWN, None));
    assert_eq!(ask(imsi(1), location), DiameterBody::UpdateLocationAnswer(DiameterResult::USER_UNKNOWN));
    let mut vectors = Vec::new();
    for _ in 0..2 {
        let DiameterBody::AuthenticationInformationAnswer(answer) = ask(imsi(0), information) else { panic!() };
        assert_eq!(answer.result, DiameterResult::SUCCESS);
        let Some(Vector::Eutran(vector)) = answer.vector else { panic!() };
        vectors.push(vector);
    }
    assert!(vectors[0].rand != vectors[1].rand && vectors[0].kasme != vectors[1].kasme);
    assert_eq!(ask(imsi(0), location), DiameterBody::UpdateLocationAnswer(DiameterResult::SUCCESS));
}
