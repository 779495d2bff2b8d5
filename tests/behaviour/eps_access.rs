//! UEs that attach by AKA over E-UTRAN, UTRAN and GERAN, and are authenticated anew there: which keys UE, HSS and access network have
//! then (seed 004: the access below e2m keys).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyhop::emulation::{Fate, NodeIndex};
use keyhop::eps::keys::{CkIk, E2mIntKey, Kasme};
use keyhop::eps::node::{Command, DropReason, HeldKey, Outcome, What};
use keyhop::eps::parameters::{LinkDirection, Origin};
use keyhop::eps::security::aka::separated;
use keyhop::eps::security::e2m_keys::E2mDerivation;
use keyhop::eps::security::inter_system::kc_of_ck_ik;
use keyhop::eps::wire::gprs::{GbMessage, LlcContents, LlcFrame};
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::ranap::{DirectTransfer, IuMessage, RanapMessage};
use keyhop::eps::wire::rrc::utran::{UtranDlMessage, UtranUlMessage};
use keyhop::eps::wire::sctp::DIAMETER_PROTOCOL;
use keyhop::eps::wire::{CoreFrame, CorePayload, GeranFrame, GmmMessage, UtranContents, UtranFrame};
use keyhop::time::VirtualTime;

use crate::eps_network::{Access, AuthenticationPlan, Plan, Seen, To, imsi, packet, pci, utran_pci};

const UE: NodeIndex = NodeIndex(0);
const ACCESSES: [Access; 3] = [Access::Eps, Access::Umts, Access::Gprs];
/// Those with an SGSN.
const OF_SGSN: [Access; 2] = [Access::Umts, Access::Gprs];
/// In milliseconds: when an attach is over, and from when on every timer of one is.
const ATTACHED: u64 = 500;
const LATER: u64 = 9_000;

/// A packet in each direction at this time.
fn packets_at(plan: Plan, time: u64, number: u64) -> Plan {
    let plan = plan.command(time, To::Ue(0), Command::Uplink(packet(number)));
    plan.command(time + 1, To::Gateway, Command::Downlink(imsi(0), packet(number)))
}

/// The node that authenticates.
fn core(plan: &Plan) -> To {
    if plan.begins_off == Some(Access::Eps) { To::Mme(0) } else { To::Sgsn(0) }
}

fn again(plan: Plan, time: u64) -> Plan {
    let core = core(&plan);
    plan.command(time, core, Command::Authenticate(imsi(0)))
}

fn packets(seen: &Seen) -> [usize; 2] {
    [LinkDirection::Uplink, LinkDirection::Downlink].map(|direction| seen.packets(0, direction).len())
}

/// Whether its attaches led to something, in order.
fn ends(seen: &Seen) -> Vec<bool> {
    let end = |what: &What| match what {
        What::Attached => Some(true),
        What::AttachFailed => Some(false),
        _ => None,
    };
    seen.of(0).filter_map(|(_, what)| end(what)).collect()
}

/// CK and IK of the USIM, as a node said, in order.
fn agreed(seen: &Seen, wanted: NodeIndex) -> Vec<CkIk> {
    let keys = |(node, what): (NodeIndex, &What)| match what {
        What::AkaKeys { keys, .. } if node == wanted => Some(keys.clone()),
        _ => None,
    };
    seen.of(0).filter_map(keys).collect()
}

/// CK and IK in use in UTRAN or GERAN, as a node said.
fn in_use(seen: &Seen, wanted: NodeIndex) -> Vec<CkIk> {
    let keys = |(node, what): (NodeIndex, &What)| match what {
        What::CkIkInUse { keys, .. } if node == wanted => Some(keys.clone()),
        _ => None,
    };
    seen.of(0).filter_map(keys).collect()
}

/// CK and IK that a node holds, as it said.
fn held(seen: &Seen, wanted: NodeIndex) -> Vec<CkIk> {
    let keys = |(node, what): (NodeIndex, &What)| match what {
        What::KeyHeld(HeldKey::CkIk(keys)) if node == wanted => Some(keys.clone()),
        _ => None,
    };
    seen.of(0).filter_map(keys).collect()
}

fn kasmes(seen: &Seen, wanted: NodeIndex) -> Vec<Kasme> {
    let kasme = |(node, what): (NodeIndex, &What)| match what {
        What::NasInUse { kasme, .. } if node == wanted => Some(kasme.clone()),
        _ => None,
    };
    seen.of(0).filter_map(kasme).collect()
}

fn kcs(seen: &Seen, wanted: NodeIndex) -> Vec<[u8; 8]> {
    let kc = |(node, what): (NodeIndex, &What)| match what {
        What::KcInUse(kc) if node == wanted => Some(*kc.octets()),
        _ => None,
    };
    seen.of(0).filter_map(kc).collect()
}

fn said(seen: &Seen, at: NodeIndex, wanted: &What) -> usize {
    seen.of(0).filter(|(node, what)| *node == at && *what == wanted).count()
}

/// What was sent and said, on standard output: shown when a test fails.
fn story(seen: &Seen) {
    for sent in &seen.transmissions {
        let verdicts: Vec<_> = sent.verdicts.iter().map(|verdict| verdict.text.as_str()).collect();
        let (time, lost) = (sent.time.as_nanos() / 1_000, if sent.lost { ", lost" } else { "" });
        println!("{time} us, to {:?}: {}{lost} {verdicts:?}", sent.to, sent.note);
    }
    for (time, node, event) in &seen.events {
        println!("{} us, {node:?}: {:?}", time.as_nanos() / 1_000, event.what);
    }
}

/// Both ends have the same keys: UE and HSS those of the USIM, UE and access network those that are in use, which come of the others.
fn keys_agree(plan: &Plan, seen: &Seen, times: usize) {
    let (hss, core) = (plan.node(To::Hss), plan.node(core(plan)));
    let of_usim = agreed(seen, UE);
    assert_eq!((of_usim.len(), &of_usim), (times, &agreed(seen, hss)));
    assert!((1..times).all(|number| !of_usim[..number].contains(&of_usim[number])));
    let delivered: Vec<CkIk> =
        of_usim.iter().map(|keys| if plan.separates_keys[0] { separated(keys) } else { keys.clone() }).collect();
    match plan.begins_off {
        Some(Access::Umts) => {
            assert_eq!(in_use(seen, UE), delivered);
            assert_eq!(in_use(seen, plan.node(To::Rnc(0))), delivered);
            assert_eq!(held(seen, core), delivered);
        }
        Some(Access::Gprs) => {
            assert_eq!((in_use(seen, UE), held(seen, core)), (delivered.clone(), delivered.clone()));
            let kcs_of: Vec<_> = delivered.iter().map(kc_of_ck_ik).collect();
            assert_eq!((kcs(seen, UE), kcs(seen, core)), (kcs_of.clone(), kcs_of));
        }
        _ => {
            assert_eq!((kasmes(seen, UE).len(), kasmes(seen, UE)), (times, kasmes(seen, core)));
            assert_eq!(seen.kenbs_at(0, UE), seen.kenbs_at(0, plan.enb(0)));
            // CK and IK are nowhere but at UE and HSS.
            assert!((0..20).all(|node| held(seen, NodeIndex(node)).is_empty()));
        }
    }
}

#[test]
fn a_ue_that_is_off_attaches_over_every_access_and_both_ends_have_the_same_keys() {
    // E1
    for access in ACCESSES {
        let plan = || packets_at(Plan::off(access), ATTACHED, 1);
        let seen = plan().run();
        story(&seen);
        assert_eq!(ends(&seen), [true], "{access:?}");
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{access:?}");
        assert_eq!((packets(&seen), seen.used_twice()), ([1, 1], 0), "{access:?}");
        keys_agree(&plan(), &seen, 1);
        let core = plan().node(core(&plan()));
        for node in [UE, core] {
            assert_eq!(said(&seen, node, &What::Authenticated), 1, "{access:?}");
        }
        let origin = if access == Access::Eps { Origin::Lte } else { Origin::Umts };
        assert_eq!(said(&seen, core, &What::ContextInUse(origin)), 1, "{access:?}");
    }
}

#[test]
fn an_authentication_anew_leaves_other_keys_at_both_ends_and_packets_go_on() {
    // E8
    for access in ACCESSES {
        let plan = || {
            let mut plan = again(packets_at(Plan::off(access), ATTACHED, 100), 600);
            // Every millisecond a packet in each direction, while keys change.
            for number in 0..60 {
                plan = plan.command(600 + number, To::Ue(0), Command::Uplink(packet(number)));
                plan = plan.command(600 + number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
            }
            packets_at(plan, 900, 101)
        };
        let seen = plan().run();
        story(&seen);
        keys_agree(&plan(), &seen, 2);
        assert_eq!((seen.dropped(), seen.rejected(), seen.used_twice()), (vec![], vec![], 0), "{access:?}");
        // In E-UTRAN a UE says nothing while its eNB changes its KeNB.
        let [uplink, downlink] = packets(&seen);
        assert!(downlink == 62 && (uplink == 62 || access == Access::Eps), "{access:?}: {uplink} {downlink}");
    }
}

#[test]
fn where_ck_and_ik_are_delivered_as_they_are_the_sgsn_holds_what_the_usim_has() {
    // E2
    for access in OF_SGSN {
        let plan = || packets_at(Plan::off(access), ATTACHED, 1);
        let seen = plan().run();
        let of_usim = agreed(&seen, UE).remove(0);
        for node in 0..20 {
            assert!(!held(&seen, NodeIndex(node)).contains(&of_usim), "{access:?} {node}");
        }
        // broken: E2
        let plan = || Plan { separates_keys: [false; 2], ..plan() };
        let seen = plan().run();
        keys_agree(&plan(), &seen, 1);
        assert_eq!(held(&seen, plan().node(To::Sgsn(0))), agreed(&seen, UE), "{access:?}");
        assert_eq!(packets(&seen), [1, 1], "{access:?}");
    }
}

/// What somebody makes of keys that a node holds, with all that is public.
fn tried(seen: &Seen, holder: NodeIndex, derivation: &E2mDerivation) -> Vec<E2mIntKey> {
    let held = held(seen, holder);
    // Whatever else can be made of them is tried too.
    held.iter()
        .flat_map(|keys| [keys.clone(), separated(keys)])
        .map(|keys| derivation.int_key(&keys).unwrap())
        .collect()
}

#[test]
fn an_sgsn_or_rnc_that_turns_hostile_cannot_make_the_key_of_the_enterprise_unless_it_got_ck_and_ik() {
    // E2
    let derivation = E2mDerivation::default();
    for access in OF_SGSN {
        for separates in [true, false] {
            let plan =
                || Plan { separates_keys: [separates; 2], ..again(packets_at(Plan::off(access), ATTACHED, 1), 600) };
            let seen = plan().run();
            let keys: Vec<_> = agreed(&seen, UE).iter().map(|keys| derivation.int_key(keys).unwrap()).collect();
            assert_eq!(keys.len(), 2);
            let holders = match access {
                Access::Umts => vec![To::Sgsn(0), To::Rnc(0)],
                _ => vec![To::Sgsn(0)],
            };
            for holder in holders {
                let made = tried(&seen, plan().node(holder), &derivation);
                assert!(made.len() >= 4, "{access:?}: it holds something");
                // broken: E2 where they are delivered as they are.
                assert_eq!(keys.iter().filter(|key| made.contains(key)).count(), if separates { 0 } else { 2 });
            }
        }
    }
    // In EPS there is nothing to try but KASME.
    let seen = again(Plan::off(Access::Eps), 600).run();
    let keys: Vec<_> = agreed(&seen, UE).iter().map(|keys| derivation.int_key(keys).unwrap()).collect();
    let kasmes = kasmes(&seen, UE).into_iter().map(|kasme| CkIk::from_octets(*kasme.octets()));
    assert!(kasmes.map(|kasme| derivation.int_key(&kasme).unwrap()).all(|made| !keys.contains(&made)));
}

#[test]
fn an_me_that_does_not_know_of_other_keys_gets_into_no_utran_that_has_them() {
    // E2: HSS and ME have to agree; in GERAN nothing shows that they do not, as nothing is protected.
    for separates_keys in [[true, false], [false, true]] {
        let plan = || Plan { separates_keys, ..packets_at(Plan::off(Access::Umts), LATER, 1) };
        let seen = plan().run();
        assert_eq!(ends(&seen), [false]);
        assert_eq!((packets(&seen), seen.used_twice()), ([0, 0], 0));
        assert!(seen.dropped().iter().all(|dropped| *dropped == (UE, DropReason::MacI)));
        let plan = || Plan { separates_keys, ..packets_at(Plan::off(Access::Gprs), ATTACHED, 1) };
        let seen = plan().run();
        assert_ne!(in_use(&seen, UE), held(&seen, plan().node(To::Sgsn(0))));
        assert_eq!(packets(&seen), [1, 1]);
    }
}

/// What carries a NAS message of an SGSN: changed octets of the frame, if the message changes.
fn with_nas(octets: &[u8], change: &mut impl FnMut(&mut Vec<u8>) -> bool) -> Option<Vec<u8>> {
    if let Ok(mut frame) = GeranFrame::parse(octets) {
        let mut llc = LlcFrame::parse(&frame.llc).ok()?;
        let LlcContents::Gmm(nas) = &mut llc.contents else { return None };
        return change(nas).then(|| {
            frame.llc = llc.octets().unwrap();
            frame.octets()
        });
    }
    let mut frame = CoreFrame::parse(octets).ok()?;
    let CorePayload::Sctp(packet) = &mut frame.payload else { return None };
    let mut message = IuMessage::parse(&packet.data.user_data).ok()?;
    let nas = match &mut message.message {
        RanapMessage::DirectTransfer(DirectTransfer { nas }) => nas,
        _ => return None,
    };
    if !change(nas) {
        return None;
    }
    packet.data.user_data = message.octets().unwrap();
    Some(frame.octets(1).unwrap())
}

/// Inverts a bit of the first `times` GMM messages that are such ones.
fn damaging(
    wanted: fn(&GmmMessage) -> bool,
    bit: usize,
    mut times: usize,
) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    move |_, _, octets| {
        let mut change = |nas: &mut Vec<u8>| {
            let is_one = times > 0 && GmmMessage::parse(nas).is_ok_and(|message| wanted(&message));
            if is_one {
                times -= 1;
                nas[bit / 8] ^= 0x80 >> (bit % 8);
            }
            is_one
        };
        with_nas(octets, &mut change).map_or_else(Fate::pass, Fate::replaced)
    }
}

fn is_challenge(message: &GmmMessage) -> bool {
    matches!(message, GmmMessage::AuthenticationRequest { .. })
}

fn is_response(message: &GmmMessage) -> bool {
    matches!(message, GmmMessage::AuthenticationResponse { .. })
}

#[test]
fn a_challenge_that_is_not_the_hss_s_is_refused_over_umts_and_gprs() {
    // E3: the HSS has made a vector, and the UE has no keys of it.
    for access in OF_SGSN {
        // A bit of RAND, one of AUTN.
        for bit in [8 * 5 + 3, 8 * 24] {
            let plan = || packets_at(Plan::off(access), ATTACHED, 1);
            let seen = plan().run_with(damaging(is_challenge, bit, 1));
            assert_eq!(ends(&seen), [false], "{access:?} {bit}");
            assert_eq!(seen.dropped(), [(UE, DropReason::Authentication)]);
            assert_eq!((agreed(&seen, UE).len(), agreed(&seen, plan().node(To::Hss)).len()), (0, 1));
            assert_eq!((packets(&seen), in_use(&seen, UE)), ([0, 0], vec![]));
            // A UE that is served keeps what it has.
            let plan = || packets_at(again(packets_at(Plan::off(access), ATTACHED, 1), 600), 900, 2);
            let mut after = damaging(is_challenge, bit, 1);
            let late = move |now: VirtualTime, to, octets: &[u8]| {
                if now.as_nanos() < 600_000_000 { Fate::pass() } else { after(now, to, octets) }
            };
            let seen = plan().run_with(late);
            assert_eq!(seen.dropped(), [(UE, DropReason::Authentication)]);
            assert_eq!((agreed(&seen, UE).len(), agreed(&seen, plan().node(To::Hss)).len()), (1, 2));
            assert_eq!((packets(&seen), in_use(&seen, UE).len(), seen.used_twice()), ([2, 2], 1, 0));
        }
    }
}

#[test]
fn a_wrong_response_is_refused_and_the_ue_rejected_over_umts_and_gprs() {
    // E3
    for access in OF_SGSN {
        let plan = || packets_at(Plan::off(access), ATTACHED, 1);
        let seen = plan().run_with(damaging(is_response, 8 * 4 + 1, 1));
        let sgsn = plan().node(To::Sgsn(0));
        assert_eq!(ends(&seen), [false], "{access:?}");
        assert_eq!(seen.dropped(), [(sgsn, DropReason::Authentication)], "{access:?}");
        assert_eq!((said(&seen, sgsn, &What::Authenticated), packets(&seen)), (0, [0, 0]));
        // It may try again, and is then taken.
        let plan = || packets_at(Plan::off(access).command(300, To::Ue(0), Command::Attach), 900, 1);
        let seen = plan().run_with(damaging(is_response, 8 * 4 + 1, 1));
        assert_eq!(ends(&seen), [false, true], "{access:?}");
        assert_eq!((packets(&seen), seen.used_twice()), ([1, 1], 0), "{access:?}");
    }
}

#[test]
fn an_hss_that_is_behind_is_told_by_the_usim_over_umts_and_gprs() {
    // E1
    for access in OF_SGSN {
        let authentication = Some(AuthenticationPlan { hss_sqn: 100, usim_sqn: 5_000, latency: 6 });
        let plan = || Plan { authentication, ..again(packets_at(Plan::off(access), ATTACHED, 1), 600) };
        let seen = plan().run();
        story(&seen);
        assert_eq!(ends(&seen), [true], "{access:?}");
        assert_eq!(seen.dropped(), [(UE, DropReason::Authentication)], "{access:?}");
        // Once more in the first, and never again.
        assert_eq!(seen.sent("AuthenticationInformationRequest"), 3, "{access:?}");
        assert_eq!((agreed(&seen, UE).len(), agreed(&seen, plan().node(To::Hss)).len()), (2, 3));
        assert_eq!(packets(&seen), [1, 1]);
    }
}

/// Loses what is of this kind.
fn losing(wanted: fn(&[u8]) -> bool) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    move |_, _, octets| if wanted(octets) { Fate::lost() } else { Fate::pass() }
}

fn is_diameter(octets: &[u8]) -> bool {
    let payload = CoreFrame::parse(octets).map(|frame| frame.payload);
    matches!(payload, Ok(CorePayload::Sctp(packet)) if packet.data.protocol == DIAMETER_PROTOCOL)
}

fn is_to_the_ue(octets: &[u8]) -> bool {
    let utran = UtranFrame::parse(octets).is_ok_and(|frame| frame.direction == LinkDirection::Downlink);
    utran || GeranFrame::parse(octets).is_ok_and(|frame| frame.direction == LinkDirection::Downlink)
}

#[test]
fn what_is_withheld_is_waited_for_and_no_longer() {
    // E3: whoever waits gives up, and the UE may attach afterwards.
    for access in OF_SGSN {
        for withheld in [is_diameter, is_to_the_ue] {
            let seen = packets_at(Plan::off(access), LATER, 1).run_with(losing(withheld));
            assert_eq!(ends(&seen), [false], "{access:?}");
            assert_eq!((packets(&seen), seen.dropped()), ([0, 0], vec![]), "{access:?}");
        }
        let none = Plan { authentication: None, ..Plan::off(access) };
        assert_eq!(ends(&none.run()), [false], "{access:?}: there is no HSS");
        let late = Plan::off(access).command(8_000, To::Ue(0), Command::Attach);
        let seen = packets_at(late, LATER, 1).run_with(move |now, _, octets| {
            if now.as_nanos() < 7_000_000_000 && is_to_the_ue(octets) { Fate::lost() } else { Fate::pass() }
        });
        story(&seen);
        assert_eq!(ends(&seen), [false, true], "{access:?}");
        assert_eq!((packets(&seen), seen.used_twice()), ([1, 1], 0), "{access:?}");
    }
}

#[test]
fn a_ue_that_is_out_of_reach_while_it_is_authenticated_keeps_its_keys() {
    // E3: the HSS has made vectors that the UE never hears of.
    for access in ACCESSES {
        let plan = || {
            let plan = packets_at(Plan::off(access), ATTACHED, 1);
            packets_at(again(again(plan, 1_000), 5_000), LATER, 2)
        };
        let seen = plan().run_with(move |now, to, _| {
            let deaf = (1_000_000_000..8_500_000_000).contains(&now.as_nanos());
            if deaf && to == UE { Fate::lost() } else { Fate::pass() }
        });
        let vectors = agreed(&seen, plan().node(To::Hss)).len();
        assert_eq!((agreed(&seen, UE).len(), vectors), (1, 3), "{access:?}");
        assert_eq!((packets(&seen), seen.used_twice()), ([2, 2], 0), "{access:?}");
        assert_eq!(ends(&seen), [true], "{access:?}");
    }
}

/// The challenge of this frame to the UE, if it carries one over the network behind RNC or BSS.
fn carries_challenge(octets: &[u8]) -> bool {
    let mut found = false;
    with_nas(octets, &mut |nas: &mut Vec<u8>| {
        found = GmmMessage::parse(nas).is_ok_and(|message| is_challenge(&message));
        false
    });
    let on_gb = CoreFrame::parse(octets).is_ok_and(|frame| match frame.payload {
        CorePayload::Udp(datagram) => match GbMessage::parse(&datagram.payload) {
            Ok(GbMessage::Downlink { llc, .. }) => match LlcFrame::parse(&llc).map(|frame| frame.contents) {
                Ok(LlcContents::Gmm(nas)) => GmmMessage::parse(&nas).is_ok_and(|message| is_challenge(&message)),
                _ => false,
            },
            _ => false,
        },
        CorePayload::Sctp(_) | CorePayload::Esp(_) => false,
    });
    found || on_gb
}

#[test]
fn a_challenge_that_is_delayed_leaves_the_ue_with_its_older_keys_until_it_comes() {
    // E4: the HSS has made the vector long before the UE hears of it.
    const DELAY: u64 = 700;
    for access in OF_SGSN {
        let plan = || {
            let plan = again(packets_at(Plan::off(access), ATTACHED, 1), 600);
            packets_at(packets_at(plan, 900, 2), 2_000, 3)
        };
        let seen = plan().run_with(|now, _, octets| {
            let late = now.as_nanos() > 600_000_000 && CoreFrame::parse(octets).is_ok() && carries_challenge(octets);
            let delay = Duration::from_millis(if late { DELAY } else { 0 });
            Fate { delay, ..Fate::pass() }
        });
        let at = |wanted: NodeIndex| {
            let keys = seen
                .events
                .iter()
                .filter(|(_, node, event)| *node == wanted && matches!(event.what, What::AkaKeys { .. }));
            keys.map(|(time, ..)| time.as_nanos() / 1_000_000).collect::<Vec<_>>()
        };
        let (hss, ue) = (at(plan().node(To::Hss)), at(UE));
        assert_eq!((hss.len(), ue.len()), (2, 2), "{access:?}");
        assert!(ue[0] - hss[0] < 20 && ue[1] - hss[1] > DELAY, "{access:?}: {hss:?} {ue:?}");
        keys_agree(&plan(), &seen, 2);
        assert_eq!((packets(&seen), seen.dropped(), seen.used_twice()), ([3, 3], vec![], 0), "{access:?}");
    }
}

/// A run without the frame of this number, of those in these milliseconds; whether there was one.
fn without_frame(plan: Plan, number: usize, within: std::ops::Range<u64>) -> (Seen, bool) {
    let (mut passed, lost) = (0, Arc::new(AtomicBool::new(false)));
    let done = Arc::clone(&lost);
    let seen = plan.run_with(move |now, _, _| {
        passed += usize::from(within.contains(&(now.as_nanos() / 1_000_000)));
        let strikes = passed == number + 1 && !done.swap(passed == number + 1, Ordering::Relaxed);
        if strikes { Fate::lost() } else { Fate::pass() }
    });
    (seen, lost.load(Ordering::Relaxed))
}

#[test]
fn whichever_frame_of_an_attach_is_lost_nothing_hangs_and_the_ue_attaches_in_the_end() {
    // E3
    for access in OF_SGSN {
        for number in 0.. {
            let plan = Plan::off(access).command(8_000, To::Ue(0), Command::Attach);
            let (seen, lost) = without_frame(packets_at(plan, LATER, 1), number, 100..300);
            if !lost {
                assert!(number > 10, "{access:?}: {number}");
                break;
            }
            let what = format!("{access:?} {number}");
            assert_eq!(ends(&seen).last(), Some(&true), "{what}");
            assert_eq!((packets(&seen), seen.used_twice()), ([1, 1], 0), "{what}");
        }
    }
}

#[test]
fn whichever_frame_of_an_authentication_anew_is_lost_both_ends_go_on_with_the_same_keys() {
    // E3 E8
    for access in OF_SGSN {
        let (mut renewed, mut frames) = (0, 0);
        for number in 0.. {
            let plan = || packets_at(again(packets_at(Plan::off(access), ATTACHED, 1), 600), LATER, 2);
            let (seen, lost) = without_frame(plan(), number, 600..900);
            if !lost {
                break;
            }
            let what = format!("{access:?} {number}");
            frames += 1;
            assert_eq!((packets(&seen), seen.used_twice()), ([2, 2], 0), "{what}");
            let rnc = plan().node(To::Rnc(0));
            if access == Access::Umts {
                assert_eq!(in_use(&seen, UE), in_use(&seen, rnc), "{what}");
            }
            renewed += usize::from(in_use(&seen, UE).len() == 2);
        }
        // What the HSS does not say, or does not hear, cannot be made up for; nor what the RNC is not told.
        assert!(frames >= 6 && frames - renewed <= 4, "{access:?}: {renewed} of {frames}");
    }
}

/// Loses the first so many answers of the UE to commands that bring it other keys, of those after half a second: in UTRAN under the keys
/// that they bring, in E-UTRAN as who it is called then.
fn losing_answers(most: usize) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    let (mut lost, mut known) = (0, BTreeSet::new());
    move |now, _, octets| {
        let changes = now.as_nanos() > 500_000_000;
        let answer = match (UtranFrame::parse(octets), RadioFrame::parse(octets)) {
            (
                Ok(UtranFrame {
                    direction: LinkDirection::Uplink, contents: UtranContents::Signalling(message), ..
                }),
                _,
            ) => {
                let message = UtranUlMessage::parse(&message);
                changes && matches!(message, Ok((_, UtranUlMessage::SecurityModeComplete { .. })))
            }
            // Its first message with a C-RNTI is the answer.
            (_, Ok(frame)) if frame.direction == LinkDirection::Uplink => known.insert(frame.c_rnti) && changes,
            _ => false,
        };
        lost += usize::from(answer);
        if answer && lost <= most { Fate::lost() } else { Fate::pass() }
    }
}

#[test]
fn a_ue_whose_answers_to_a_key_change_are_lost_comes_back_and_both_ends_have_the_same_keys() {
    // E3 E8
    for access in [Access::Eps, Access::Umts] {
        for most in 0..7 {
            let plan = || {
                let plan = again(packets_at(Plan::off(access), ATTACHED, 1), 600);
                // Once more when it is over, and nothing is lost any more.
                packets_at(again(packets_at(plan, 20_000, 2), 30_000), 40_000, 3)
            };
            let seen = plan().run_with(losing_answers(most));
            let what = format!("{access:?}, {most} lost");
            assert_eq!((packets(&seen), seen.used_twice()), ([3, 3], 0), "{what}");
            let node = if access == Access::Eps { plan().enb(0) } else { plan().node(To::Rnc(0)) };
            if access == Access::Eps {
                assert_eq!(seen.kenbs_at(0, UE).last(), seen.kenbs_at(0, node).last(), "{what}");
                continue;
            }
            let (ue, rnc) = (in_use(&seen, UE), in_use(&seen, node));
            assert_eq!((ue.last(), held(&seen, plan().node(To::Sgsn(0))).last()), (rnc.last(), rnc.last()), "{what}");
            // Three commands to take them, then three to go back: with every answer to these lost too the UE is back nevertheless.
            let commands = 1 + (most + 1).min(6) + 1;
            assert_eq!(seen.sent("SECURITY MODE COMMAND"), commands, "{what}");
            let went_back = ue.len() == 4 && ue[0] == ue[2] && rnc.len() == 2;
            assert_eq!(went_back, most >= 3, "{what}");
        }
    }
}

#[test]
fn the_messages_of_an_attach_over_umts_come_in_the_order_of_the_standard() {
    // E1
    let seen = Plan::off(Access::Umts).run();
    let notes: Vec<&str> = seen.transmissions.iter().map(|sent| sent.note.as_str()).collect();
    let expected = [
        "INITIAL DIRECT TRANSFER: ATTACH REQUEST",
        "InitialUeMessage",
        "AuthenticationInformationRequest",
        "AuthenticationInformationAnswer",
        "DirectTransfer",
        "DOWNLINK DIRECT TRANSFER",
        "UPLINK DIRECT TRANSFER: AUTHENTICATION AND CIPHERING RESPONSE",
        "DirectTransfer",
        "SecurityModeCommand",
        "SECURITY MODE COMMAND",
        "SECURITY MODE COMPLETE",
        "SecurityModeComplete",
        "DirectTransfer",
        "DOWNLINK DIRECT TRANSFER",
        "UPLINK DIRECT TRANSFER: ATTACH COMPLETE",
        "DirectTransfer",
        "RabAssignmentRequest",
        "RabAssignmentResponse",
        "UpdatePdpContextRequest",
    ];
    assert_eq!(notes[..expected.len()], expected);
}

/// Puts something else in the place of the first frame to the UE on the air of UTRAN that is such a one.
fn exchanging(
    wanted: fn(&UtranDlMessage) -> bool,
    with: UtranDlMessage,
) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    let mut done = false;
    move |_, _, octets| {
        let Ok(mut frame) = UtranFrame::parse(octets) else { return Fate::pass() };
        let UtranContents::Signalling(message) = &frame.contents else { return Fate::pass() };
        if frame.direction != LinkDirection::Downlink
            || done
            || !UtranDlMessage::parse(message).is_ok_and(|(_, message)| wanted(&message))
        {
            return Fate::pass();
        }
        done = true;
        frame.contents = UtranContents::Signalling(with.octets(None).unwrap());
        Fate::replaced(frame.octets().unwrap())
    }
}

#[test]
fn a_ue_in_utran_takes_no_accept_and_no_keys_that_are_not_under_its_keys() {
    // E1
    let accept = {
        let area = keyhop::eps::wire::gmm::RoutingArea { plmn: "001-01".parse().unwrap(), lac: 1, rac: 1 };
        GmmMessage::AttachAccept { area, p_tmsi: 1 }.octets().unwrap()
    };
    let reject = GmmMessage::AttachReject { cause: keyhop::eps::wire::gmm::GmmCause::IMSI_UNKNOWN }.octets().unwrap();
    let is_transfer = |message: &UtranDlMessage| matches!(message, UtranDlMessage::DirectTransfer { .. });
    let is_command = |message: &UtranDlMessage| matches!(message, UtranDlMessage::SecurityModeCommand { .. });
    // In the place of the challenge, when there are no keys: it attaches all the same, for it is challenged again.
    let transfer = UtranDlMessage::DirectTransfer { transaction: 0, nas: accept };
    let seen = packets_at(Plan::off(Access::Umts), LATER, 1).run_with(exchanging(is_transfer, transfer.clone()));
    assert_eq!((ends(&seen), seen.dropped()), (vec![true], vec![(UE, DropReason::Refused)]));
    // In the place of the command, and a command without a MAC.
    let bare = UtranDlMessage::SecurityModeCommand { transaction: 0, fresh: 1 };
    for (with, reason) in [(transfer, DropReason::Refused), (bare, DropReason::MacI)] {
        let seen = packets_at(Plan::off(Access::Umts), LATER, 1).run_with(exchanging(is_command, with));
        assert_eq!((ends(&seen), seen.dropped()), (vec![true], vec![(UE, reason)]));
        assert_eq!((packets(&seen), seen.used_twice()), ([1, 1], 0));
    }
    // A reject that nothing protects, to a UE that has keys.
    let reject = UtranDlMessage::DirectTransfer { transaction: 0, nas: reject };
    let mut exchange = exchanging(is_transfer, reject);
    let plan = packets_at(again(packets_at(Plan::off(Access::Umts), ATTACHED, 1), 600), LATER, 2);
    let seen = plan.run_with(
        move |now, to, octets| {
            if now.as_nanos() < 600_000_000 { Fate::pass() } else { exchange(now, to, octets) }
        },
    );
    assert_eq!((packets(&seen), seen.dropped()), ([2, 2], vec![(UE, DropReason::MacI)]));
    assert_eq!(in_use(&seen, UE).len(), 2);
}

#[test]
fn an_rnc_takes_no_completion_that_is_not_under_the_new_keys() {
    // E1
    let mut left = 1;
    let seen = packets_at(Plan::off(Access::Umts), LATER, 1).run_with(move |_, _, octets| {
        let Ok(mut frame) = UtranFrame::parse(octets) else { return Fate::pass() };
        let UtranContents::Signalling(message) = &mut frame.contents else { return Fate::pass() };
        let complete = frame.direction == LinkDirection::Uplink
            && matches!(UtranUlMessage::parse(message), Ok((_, UtranUlMessage::SecurityModeComplete { .. })));
        if !complete || left == 0 {
            return Fate::pass();
        }
        left -= 1;
        // A bit of the MAC.
        message[1] ^= 1;
        Fate::replaced(frame.octets().unwrap())
    });
    story(&seen);
    assert_eq!(seen.dropped().len(), 1);
    assert_eq!((ends(&seen), packets(&seen)), (vec![true], [1, 1]));
}

#[test]
fn a_ue_that_has_attached_in_utran_is_handed_over_to_eutran_and_back_with_keys_that_come_of_those() {
    // E1
    let plan = || {
        let plan = packets_at(Plan::off(Access::Umts), ATTACHED, 1).command(600, To::Ue(0), Command::Measure(pci(0)));
        let plan = packets_at(plan, 800, 2).command(1_000, To::Ue(0), Command::Measure(utran_pci(0)));
        packets_at(plan, 1_200, 3)
    };
    let seen = plan().run();
    story(&seen);
    assert_eq!(seen.ends(0), [(Outcome::Completed, pci(0)), (Outcome::Completed, utran_pci(0))]);
    assert_eq!((packets(&seen), seen.dropped(), seen.used_twice()), ([3, 3], vec![], 0));
    assert_eq!(kasmes(&seen, UE), kasmes(&seen, plan().node(To::Mme(0))));
    // The MME has got CK' and IK'.
    assert_eq!(held(&seen, plan().node(To::Mme(0)))[0], separated(&agreed(&seen, UE)[0]));
    assert_eq!(in_use(&seen, UE), in_use(&seen, plan().node(To::Rnc(0))));
}

#[test]
fn nobody_attaches_whom_the_sgsn_does_not_know() {
    // E1
    for access in OF_SGSN {
        // Another IMSI on the way.
        let seen = Plan::off(access).run_with(|_, _, octets| {
            let mut frame = match CoreFrame::parse(octets) {
                Ok(frame) => frame,
                Err(_) => return Fate::pass(),
            };
            let other = |nas: &[u8]| match GmmMessage::parse(nas) {
                Ok(GmmMessage::AttachRequest { key_set, area, capabilities, .. }) => {
                    let imsi = "001019999999999".parse().unwrap();
                    GmmMessage::AttachRequest { key_set, imsi, area, capabilities }.octets().ok()
                }
                _ => None,
            };
            let changed = match &mut frame.payload {
                CorePayload::Sctp(packet) => IuMessage::parse(&packet.data.user_data).ok().and_then(|mut message| {
                    let RanapMessage::InitialUeMessage(first) = &mut message.message else { return None };
                    first.nas = other(&first.nas)?;
                    packet.data.user_data = message.octets().ok()?;
                    Some(())
                }),
                CorePayload::Udp(datagram) => GbMessage::parse(&datagram.payload).ok().and_then(|mut message| {
                    let GbMessage::Uplink { llc, .. } = &mut message else { return None };
                    let mut inner = LlcFrame::parse(llc).ok()?;
                    let LlcContents::Gmm(nas) = &mut inner.contents else { return None };
                    *nas = other(nas)?;
                    *llc = inner.octets().ok()?;
                    datagram.payload = message.octets().ok()?;
                    Some(())
                }),
                CorePayload::Esp(_) => None,
            };
            changed.map_or_else(Fate::pass, |()| Fate::replaced(frame.octets(1).unwrap()))
        });
        story(&seen);
        assert_eq!(ends(&seen), [false], "{access:?}");
        assert_eq!(seen.sent("AuthenticationInformationRequest"), 0);
    }
}
