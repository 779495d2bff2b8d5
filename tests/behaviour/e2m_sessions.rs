//! Sessions of a UE with end points in an enterprise, through a whole network: from the authentication to application data, with every
//! way in which UE and EMKS can be apart.

use keyhop::emulation::{Engine, Fate};
use keyhop::eps::enterprise::{
    Collision, EmksFaults, EmseFaults, EmseIdGiven, Enterprise, IdentityForm, QueryFailure, SessionFailure, User, What,
};
use keyhop::eps::identifiers::e2m::KeyIdentifier;
use keyhop::eps::security::e2m_keys::{E2mDerivation, IdentifierForm};
use keyhop::eps::session_protection::SessionKeys;
use keyhop::eps::wire::CoreFrame;
use keyhop::eps::wire::dtls::{ContentType, DtlsRecord, HandshakeTranscript, SessionEnd};
use keyhop::eps::wire::user_packet::UserDatagram;

use crate::eps_enterprise::{APPLICATION, EMKS, GATEWAY, HSS, MME, Plan, Seen, UE, at, emse, imsi, outside};

/// A session with the first end point, with two messages.
fn one_session() -> Plan {
    Plan::new().authenticate(100).open(400, 0).send(700, 0, "reading 1").send(800, 0, "reading 2").close(900, 0)
}

fn query(why: QueryFailure) -> Vec<SessionFailure> {
    vec![SessionFailure::Query(why)]
}

/// The datagrams between the gateway and an end point, with who has sent them.
fn datagrams(seen: &Seen, number: usize) -> Vec<(SessionEnd, UserDatagram)> {
    let datagram = |octets: &[u8]| {
        let datagram = CoreFrame::parse(octets).and_then(UserDatagram::of_frame).ok()?;
        let own = outside(number).ip;
        match (*datagram.from.ip() == own, *datagram.to.ip() == own) {
            (true, _) => Some((SessionEnd::Server, datagram)),
            (_, true) => Some((SessionEnd::Client, datagram)),
            _ => None,
        }
    };
    seen.transmissions.iter().filter_map(|sent| datagram(&sent.octets)).collect()
}

/// What a key opens of all that was said with an end point.
fn opened_with(seen: &Seen, number: usize, key: &[u8; 32]) -> Vec<Vec<u8>> {
    let (mut transcript, mut opened) = (HandshakeTranscript::default(), Vec::new());
    for (end, datagram) in datagrams(seen, number) {
        for record in DtlsRecord::parse_all(&datagram.payload).unwrap() {
            transcript.take(end, &record).unwrap();
            if record.epoch == 1 {
                opened.extend(SessionKeys::of(&transcript, key).and_then(|keys| keys.open(end, &record)));
            }
        }
    }
    opened
}

#[test]
fn from_authentication_to_application_data_and_back() {
    // E1
    let seen = one_session().run();
    assert_eq!(seen.opened(UE).len(), 1);
    assert_eq!(seen.opened(UE), seen.opened(emse(0)));
    assert_eq!(seen.received(emse(0)), ["reading 1", "reading 2"]);
    assert_eq!(seen.received(UE), ["reading 1", "reading 2"]);
    assert_eq!((seen.closed(UE), seen.closed(emse(0))), (1, 1));
    assert_eq!((seen.failed(UE), seen.failed(emse(0))), (vec![], vec![]));
    // One key, made by UE and EMKS and given to the end point; MME and gateway say nothing of it.
    assert_eq!(seen.keys(UE), seen.keys(EMKS));
    assert_eq!(seen.keys(UE), seen.keys(emse(0)));
    assert_eq!(seen.said(MME).count() + seen.said(GATEWAY).count(), 0);
    // What was said is nowhere in the clear, and opens with that key alone.
    let shown = |octets: &[u8]| octets.windows(7).any(|window| window == b"reading");
    assert!(!seen.transmissions.iter().any(|sent| shown(&sent.octets)));
    let (key, _, _) = &seen.keys(UE)[0];
    assert_eq!(opened_with(&seen, 0, key.octets()).iter().filter(|octets| shown(octets)).count(), 4);
    assert_eq!(opened_with(&seen, 0, &[0; 32]), [[0_u8; 0]; 0]);
}

#[test]
fn the_same_seed_gives_the_same_octets_for_every_engine() {
    let run = |engine, seed| {
        let seen = Plan { engine, seed, ..one_session() }.run();
        seen.transmissions.into_iter().map(|sent| (sent.time, sent.octets)).collect::<Vec<_>>()
    };
    let first = run(Engine::Inline, 1);
    assert!(first.len() > 40, "{} frames", first.len());
    assert_eq!(first, run(Engine::Inline, 1));
    assert_eq!(first, run(Engine::PerNode, 1));
    assert_ne!(first, run(Engine::Inline, 2));
}

#[test]
fn a_session_is_there_whatever_datagram_is_lost() {
    let whole = one_session().run();
    let all = datagrams(&whole, 0).len();
    for lost in 0..6 {
        let mut count = 0;
        let seen =
            Plan::new().authenticate(100).open(400, 0).send(6_000, 0, "reading 1").run_with(move |_, _, octets| {
                let is_datagram = CoreFrame::parse(octets)
                    .and_then(UserDatagram::of_frame)
                    .is_ok_and(|datagram| *datagram.from.ip() == outside(0).ip || *datagram.to.ip() == outside(0).ip);
                count += usize::from(is_datagram);
                if is_datagram && count == lost + 1 { Fate::lost() } else { Fate::pass() }
            });
        assert_eq!(seen.received(UE), ["reading 1"], "without datagram {lost} of {all}");
    }
}

#[test]
fn a_ue_that_was_never_authenticated_has_no_key() {
    let seen = Plan::new().open(400, 0).run();
    assert_eq!(seen.failed(UE), [SessionFailure::NoKey]);
    assert!(datagrams(&seen, 0).is_empty());
}

/// A session opened while an authentication is under way: the vector takes 300 ms from the HSS to the MME, the push 4.
fn in_the_race(opened: u64, depth: usize) -> Seen {
    let enterprise = Enterprise { depth, ..Enterprise::default() };
    Plan { enterprise, vector_takes: 300, ..Plan::new() }.authenticate(100).authenticate(2_000).open(opened, 0).run()
}

#[test]
fn a_session_opened_between_push_and_challenge_has_the_same_key_at_both_ends() {
    // E4
    let mut identifiers = Vec::new();
    for opened in (1_900..2_600).step_by(50) {
        let seen = in_the_race(opened, 2);
        assert_eq!((seen.int_keys(UE).len(), seen.int_keys(EMKS).len()), (2, 2), "at {opened} ms");
        let [session] = &seen.opened(UE)[..] else { panic!("at {opened} ms: {:?}", seen.failed(UE)) };
        assert_eq!(seen.opened(emse(0)), std::slice::from_ref(session), "at {opened} ms");
        identifiers.push((opened, session.identifier));
    }
    // Older key before the challenge, newer after it; and some were opened when the EMKS had the newer already.
    let (older, newer) = (identifiers[0].1, identifiers[identifiers.len() - 1].1);
    assert_ne!(older, newer);
    assert!(identifiers.is_sorted_by_key(|(_, identifier)| *identifier == newer));
    let between = identifiers.iter().filter(|(opened, identifier)| *opened > 2_010 && *identifier == older);
    assert!(between.count() >= 3);
    assert!(identifiers.iter().any(|(opened, identifier)| *opened > 2_010 && *identifier == newer));
}

#[test]
fn with_room_for_one_key_the_session_between_push_and_challenge_fails() {
    // broken: E4
    let seen = in_the_race(2_100, 1);
    assert_eq!(seen.failed(emse(0)), query(QueryFailure::UnknownKey));
    assert_eq!(seen.failed(UE), [SessionFailure::Alert]);
    assert_eq!(seen.opened(UE), []);
    // Before and after there is one.
    assert_eq!(in_the_race(1_900, 1).opened(UE).len() + in_the_race(2_500, 1).opened(UE).len(), 2);
}

#[test]
fn both_forms_of_identifier_lead_to_the_same_key() {
    // E5
    let of = |identifier| {
        let derivation = E2mDerivation { identifier, ..E2mDerivation::default() };
        let enterprise = Enterprise { derivation, ..Enterprise::default() };
        let seen = Plan { enterprise, ..one_session() }.run();
        assert_eq!(seen.received(UE), ["reading 1", "reading 2"]);
        seen.keys(emse(0)).remove(0)
    };
    let (rand, hash) = (of(IdentifierForm::Rand { bits: 32 }), of(IdentifierForm::Hash { bits: 32 }));
    assert_eq!((&rand.0, &rand.2), (&hash.0, &hash.2));
    assert_ne!(rand.1, hash.1);
}

/// Every key has the identifier 0, and the UE is one key behind.
fn colliding(identifier: IdentifierForm, collision: Collision, emse_faults: EmseFaults) -> Seen {
    let derivation = E2mDerivation { identifier, ..E2mDerivation::default() };
    let enterprise = Enterprise { derivation, collision, ..Enterprise::default() };
    Plan { enterprise, emse_faults, vector_takes: 300, ..Plan::new() }
        .authenticate(100)
        .authenticate(2_000)
        .open(2_100, 0)
        .send(2_280, 0, "reading 1")
        .run()
}

#[test]
fn of_two_keys_with_one_identifier_the_one_of_the_ue_is_taken() {
    // E5
    for form in [IdentifierForm::Rand { bits: 0 }, IdentifierForm::Hash { bits: 0 }] {
        let seen = colliding(form, Collision::NewestFirst, EmseFaults::default());
        assert_eq!(seen.int_keys(EMKS), [KeyIdentifier(0); 2]);
        let keys = seen.keys(emse(0));
        assert_eq!(keys.len(), 2, "the EMKS gives both");
        assert_eq!(keys[1], seen.keys(UE)[0], "the older is that of the UE");
        assert_eq!(seen.opened(UE), seen.opened(emse(0)));
        assert_eq!(seen.received(UE), ["reading 1"]);
    }
}

#[test]
fn an_end_point_that_tries_one_key_only_or_an_emks_that_rejects_has_no_session_and_takes_no_wrong_key() {
    // broken: E5
    let hash = IdentifierForm::Hash { bits: 0 };
    let seen = colliding(hash, Collision::NewestFirst, EmseFaults { takes_newest_only: true, ..EmseFaults::default() });
    assert_eq!((seen.failed(UE), seen.failed(emse(0))), (vec![SessionFailure::Alert], vec![SessionFailure::Handshake]));
    assert_eq!((seen.opened(UE), seen.received(emse(0))), (vec![], vec![]));
    let seen = colliding(hash, Collision::Reject, EmseFaults::default());
    assert_eq!((seen.failed(UE), seen.failed(emse(0))), (vec![SessionFailure::Alert], query(QueryFailure::Ambiguous)));
    assert_eq!(seen.opened(UE), []);
}

/// A session with each of two end points, the second of which says that it is the first.
fn as_another(trusts_emse_id: bool) -> Seen {
    let plan = Plan { claims: Some((1, 0)), emks_faults: EmksFaults { trusts_emse_id }, ..one_session() };
    plan.open(1_200, 1).run()
}

#[test]
fn two_end_points_have_different_keys_and_neither_opens_what_the_other_says() {
    // E6
    let seen = one_session().open(1_200, 1).send(1_500, 1, "reading 3").run();
    let (first, second) = (seen.keys(emse(0)).remove(0).0, seen.keys(emse(1)).remove(0).0);
    assert_ne!(first, second);
    let data = |number, key: &[u8; 32]| opened_with(&seen, number, key).len();
    assert!(data(0, first.octets()) > 0 && data(1, second.octets()) > 0);
    assert_eq!(data(0, second.octets()) + data(1, first.octets()), 0);
    // Who asks as another gets nothing.
    let seen = as_another(false);
    assert_eq!(seen.failed(emse(1)), query(QueryFailure::NotAuthorized));
    assert_eq!((seen.keys(emse(1)), seen.failed(UE)), (vec![], vec![SessionFailure::Alert]));
}

#[test]
fn an_emks_that_believes_any_name_gives_an_end_point_the_key_of_another() {
    // broken: E6
    let seen = as_another(true);
    let (key, _, _) = seen.keys(emse(1)).remove(0);
    assert_eq!(key, seen.keys(emse(0))[0].0);
    assert!(!opened_with(&seen, 0, key.octets()).is_empty(), "it reads what the other has said");
    // That key is not the one that the UE has for it.
    assert_eq!(seen.failed(emse(1)), [SessionFailure::Handshake]);
}

#[test]
fn by_whatever_name_the_ue_is_known_there_is_a_session_and_nobody_learns_more_than_meant() {
    // E7
    for identity in [IdentityForm::Imsi, IdentityForm::AtEmse, IdentityForm::AtEmks] {
        let enterprise = Enterprise { identity, ..Enterprise::default() };
        let seen = Plan { enterprise, ..one_session() }.run();
        assert_eq!(seen.received(UE), ["reading 1", "reading 2"], "{identity:?}");
        let holds = |octets: &[u8], text: &str| octets.windows(text.len()).any(|window| window == text.as_bytes());
        let in_sessions = |text: &str| datagrams(&seen, 0).iter().any(|(_, one)| holds(&one.payload, text));
        let zn = seen.transmissions.iter().filter(|sent| sent.note == "BootstrappingInfoRequest");
        let zn: Vec<&Vec<u8>> = zn.map(|sent| &sent.octets).collect();
        let to_emks = |text: &str| zn.iter().any(|octets| holds(octets, text));
        let imsi_text = imsi().to_string();
        let users: Vec<&User> = seen.said(emse(0)).map(|(user, _)| user).collect();
        let by_imsi = users.iter().all(|user| **user == User::Imsi(imsi()));
        let known = (in_sessions(APPLICATION), in_sessions(&imsi_text), to_emks(APPLICATION), to_emks(&imsi_text));
        // Application identity and IMSI in sessions, then to the EMKS; whether the end point knows the IMSI.
        let expected = match identity {
            IdentityForm::Imsi => ((false, true, false, true), true),
            IdentityForm::AtEmse => ((true, false, false, true), true),
            IdentityForm::AtEmks => ((true, false, true, false), false),
        };
        assert_eq!((known, by_imsi), expected, "{identity:?}");
    }
}

#[test]
fn two_sessions_with_one_key_have_different_record_keys_and_one_that_runs_keeps_its_key() {
    // E8
    let seen = one_session().open(1_200, 0).send(1_500, 0, "reading 3").run();
    let [first, second] = &seen.opened(UE)[..] else { panic!("{:?}", seen.failed(UE)) };
    assert_eq!(first.identifier, second.identifier);
    assert_eq!(seen.keys(emse(0))[0], seen.keys(emse(0))[1]);
    assert_ne!((&first.master, first.client_random), (&second.master, second.client_random));
    // An authentication in the middle leaves a session as it is; the next has the new key.
    let plan = Plan::new().authenticate(100).open(400, 0).send(700, 0, "reading 1").authenticate(800);
    let seen = plan.send(1_500, 0, "reading 2").close(1_700, 0).open(1_800, 0).send(2_200, 0, "reading 3").run();
    assert_eq!(seen.received(emse(0)), ["reading 1", "reading 2", "reading 3"]);
    let [first, second] = &seen.opened(UE)[..] else { panic!("{:?}", seen.failed(UE)) };
    assert_eq!([first.identifier, second.identifier][..], seen.int_keys(UE)[..]);
    assert_ne!(first.identifier, second.identifier);
    assert_ne!(seen.keys(emse(0))[0].0, seen.keys(emse(0))[1].0);
}

/// Two sessions in one second, where UE or end points take the same random values again, or both.
fn repeated(of_ue: bool, of_emse: bool) -> Seen {
    let emse_faults = EmseFaults { repeats_randoms: of_emse, ..EmseFaults::default() };
    let plan = Plan { ue_repeats_randoms: of_ue, emse_faults, ..Plan::new() }.authenticate(100).open(1_050, 0);
    plan.send(1_300, 0, "reading 1").close(1_400, 0).open(1_500, 0).send(1_700, 0, "reading 2").run()
}

#[test]
fn sessions_whose_ends_both_take_the_same_randoms_again_have_the_same_record_keys() {
    // broken: E8
    let masters = |seen: &Seen| {
        assert_eq!(seen.received(emse(0)), ["reading 1", "reading 2"]);
        let [first, second] = &seen.opened(UE)[..] else { panic!("{:?}", seen.failed(UE)) };
        first.master == second.master
    };
    assert!(masters(&repeated(true, true)));
    // One end that is sound makes them fresh.
    for (of_ue, of_emse) in [(false, true), (true, false), (false, false)] {
        assert!(!masters(&repeated(of_ue, of_emse)), "{of_ue}, {of_emse}");
    }
}

#[test]
fn of_a_ue_that_is_not_subscribed_nothing_is_derived_or_pushed() {
    // E9
    let seen = Plan { subscribed: false, ..one_session() }.run();
    assert_eq!((seen.said(HSS).count(), seen.sent("PushProfileRequest")), (0, 0));
    assert_eq!(seen.failed(emse(0)), query(QueryFailure::UnknownKey));
    assert_eq!((seen.failed(UE), seen.opened(UE)), (vec![SessionFailure::Alert], vec![]));
    // broken: E9, by an HSS that does not look at the subscription.
    let seen = Plan { subscribed: false, ignores_subscription: true, ..one_session() }.run();
    assert_eq!((seen.int_keys(HSS).len(), seen.sent("PushProfileRequest"), seen.opened(UE).len()), (1, 1, 1));
}

#[test]
fn without_an_emks_authentication_succeeds_and_the_session_fails_cleanly() {
    // E9
    let seen = one_session().run_with(|_, to, _| if to == EMKS { Fate::lost() } else { Fate::pass() });
    let authenticated = seen.events.iter().filter(|(_, node, event)| {
        let keyhop::eps::enterprise::Event::Eps(event) = event else { return false };
        *node == UE && event.what == keyhop::eps::node::What::Authenticated
    });
    assert_eq!(authenticated.count(), 1);
    assert_eq!(seen.failed(emse(0)), query(QueryFailure::NoAnswer));
    assert_eq!((seen.failed(UE), seen.opened(UE)), (vec![SessionFailure::Alert], vec![]));
    assert_eq!(seen.int_keys(UE).len(), 1);
}

#[test]
fn an_end_point_that_says_who_it_is_once_gets_keys_as_one_that_always_does() {
    // E11
    let seen = |emse_id| {
        let enterprise = Enterprise { emse_id, ..Enterprise::default() };
        Plan { enterprise, ..one_session() }.run()
    };
    let [once, always] = [EmseIdGiven::Once, EmseIdGiven::EveryRequest].map(seen);
    assert_eq!(once.received(UE), always.received(UE));
    assert_eq!(once.keys(emse(0)), always.keys(emse(0)));
    // Both end points register.
    assert_eq!((once.sent("BootstrappingInfoRequest"), always.sent("BootstrappingInfoRequest")), (3, 1));
    // The second derivation with and without its string: another key, and a session either way.
    let derivation = E2mDerivation { string_in_second: false, ..E2mDerivation::default() };
    let enterprise = Enterprise { derivation, ..Enterprise::default() };
    let without = Plan { enterprise, ..one_session() }.run();
    assert_eq!(without.received(UE), always.received(UE));
    assert_ne!(without.keys(emse(0))[0].0, always.keys(emse(0))[0].0);
}

#[test]
fn a_ue_that_disagrees_with_the_emks_on_the_string_has_no_session_and_says_nothing() {
    // broken: E11
    let seen = Plan { string_in_second_of_ue: false, ..one_session() }.run();
    assert_ne!(seen.keys(UE)[0].0, seen.keys(emse(0))[0].0);
    assert_eq!((seen.failed(UE), seen.failed(emse(0))), (vec![SessionFailure::Alert], vec![SessionFailure::Handshake]));
    assert_eq!((seen.opened(UE), seen.opened(emse(0)), seen.received(emse(0))), (vec![], vec![], vec![]));
    let data = datagrams(&seen, 0).into_iter().flat_map(|(_, one)| DtlsRecord::parse_all(&one.payload).unwrap());
    assert!(data.into_iter().all(|record| record.content != ContentType::APPLICATION_DATA));
}

#[test]
fn failed_authentications_after_the_push_leave_the_key_of_the_ue_findable() {
    // E3
    let failing = |failures: u64, depth| {
        let enterprise = Enterprise { depth, ..Enterprise::default() };
        let plan = (0..failures).fold(Plan { enterprise, ..Plan::new() }.authenticate(100), |plan, number| {
            plan.authenticate(5_000 * (number + 1))
        });
        let opened = 5_000 * (failures + 1);
        // The challenges of all but the first never come to the UE.
        plan.open(opened, 0).run_with(move |now, to, _| {
            let lost = to == UE && now >= at(4_000) && now < at(opened);
            if lost { Fate::lost() } else { Fate::pass() }
        })
    };
    for failures in 0..3 {
        let seen = failing(failures, 3);
        assert_eq!(seen.int_keys(EMKS).len(), 1 + usize::try_from(failures).unwrap());
        assert_eq!(seen.int_keys(UE).len(), 1);
        assert_eq!(seen.opened(UE).len(), 1, "{failures} failures: {:?}", seen.failed(emse(0)));
    }
    // broken: E3
    let seen = failing(3, 3);
    assert_eq!(seen.failed(emse(0)), query(QueryFailure::UnknownKey));
    assert_eq!(seen.failed(UE), [SessionFailure::Alert]);
    let deleted = seen.said(EMKS).filter(|(_, what)| matches!(what, What::Deleted { .. }));
    assert_eq!(deleted.count(), 1);
}
