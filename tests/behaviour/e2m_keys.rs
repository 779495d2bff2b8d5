//! e2m keys at the key server and the HSS: the store of past keys, who may ask for what, what is pushed and when. Nodes by hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::emulation::{Input, Node, Outbox, Port, random};
use keyhop::eps::enterprise::emks::KnownEndPoint;
use keyhop::eps::enterprise::hss::{MOST_PUSHES, PUSH, PUSH_TRIES};
use keyhop::eps::enterprise::session::{Session, SessionStep};
use keyhop::eps::enterprise::store::AlreadyThere;
use keyhop::eps::enterprise::{
    Answered, Collision, Emks, EmksFaults, EmksSettings, EmseIdGiven, Enterprise, EnterpriseHss, Event, IdentityForm,
    KeyStore, PushSettings, QueryFailure, Removal, User, What, ZnClient, ZnSettings,
};
use keyhop::eps::identifiers::e2m::{EmseId, KeyIdentifier};
use keyhop::eps::identifiers::{Imsi, Plmn};
use keyhop::eps::keys::{CkIk, E2mIntKey, E2mKey, OperatorKey, SubscriberKey};
use keyhop::eps::node::core_side::{CoreMessage, CoreSide};
use keyhop::eps::node::{Hss, HssSubscriber};
use keyhop::eps::security::aka::{Subscription, Usim, separated};
use keyhop::eps::security::e2m_keys::{E2mDerivation, IdentifierForm};
use keyhop::eps::wire::diameter::{
    AuthenticationInformationRequest, DiameterPeer, DiameterResult, PushProfileRequest, Vector, VectorAccess,
};
use keyhop::eps::wire::session_identity::SessionIdentity;
use keyhop::eps::wire::{CoreFrame, CorePayload, DiameterBody, DiameterMessage};
use keyhop::time::VirtualTime;

const SWX: Port = Port(0);
const S6: Port = Port(1);
const ZN: [Port; 2] = [Port(2), Port(3)];

fn imsi() -> Imsi {
    "001010000000001".parse().unwrap()
}

fn plmn() -> Plmn {
    "001-01".parse().unwrap()
}

fn place(last: u8) -> BackboneEndpoint {
    BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: [10, 64, 12, last].into() }
}

fn emse(number: usize) -> EmseId {
    format!("emse{number}.enterprise.example").parse().unwrap()
}

fn peer(number: usize) -> DiameterPeer {
    DiameterPeer { host: emse(number).to_string(), realm: "enterprise.example".to_owned() }
}

fn at(millis: u64) -> VirtualTime {
    VirtualTime::ZERO + Duration::from_millis(millis)
}

/// The EMKS of two end points, and its neighbours.
struct Bench {
    emks: Emks,
    hss: CoreSide,
    zn: [ZnClient; 2],
    events: Vec<Event>,
}

impl Bench {
    fn new(enterprise: Enterprise, faults: EmksFaults, claims: [usize; 2]) -> Self {
        let emks = DiameterPeer::of("emks", plmn());
        let end_points = (0..2).map(|number| KnownEndPoint {
            address: place(10 + number as u8).ip,
            host: peer(number).host,
            emse: emse(number),
        });
        let users = BTreeMap::from([("meter-7@utility.example".parse().unwrap(), imsi())]);
        let given = enterprise.emse_id;
        let settings = EmksSettings {
            origin: emks.clone(),
            hss: place(1).ip,
            end_points: end_points.collect(),
            users,
            enterprise,
            faults,
        };
        let core = CoreSide::new(place(2), &[(SWX, place(1)), (ZN[0], place(10)), (ZN[1], place(11))]);
        let zn = [0, 1].map(|number| {
            let settings = ZnSettings {
                origin: peer(number),
                emks: place(2).ip,
                destination: emks.clone(),
                emse: emse(claims[number]),
                given,
            };
            ZnClient::new(settings, CoreSide::new(place(10 + number as u8), &[(ZN[number], place(2))]))
        });
        let hss = CoreSide::new(place(1), &[(SWX, place(2))]);
        Self { emks: Emks::new(settings, core), hss, zn, events: Vec::new() }
    }

    fn plain(enterprise: Enterprise) -> Self {
        Self::new(enterprise, EmksFaults::default(), [0, 1])
    }

    fn take(&mut self, now: VirtualTime, input: Input<keyhop::eps::enterprise::Command>) -> Vec<Vec<u8>> {
        let mut outbox = Outbox::default();
        self.emks.handle(now, input, &mut outbox);
        self.events.extend(outbox.events().iter().cloned());
        outbox.frames().map(|(_, octets, _)| octets.to_vec()).collect()
    }

    /// A push of the HSS: what it is told.
    fn push(&mut self, now: VirtualTime, identifier: Option<u32>, key: E2mIntKey) -> DiameterResult {
        let destination = DiameterPeer::of("emks", plmn());
        let request = PushProfileRequest { destination, imsi: imsi(), identifier, key };
        let message = DiameterMessage {
            hop_by_hop: 1,
            end_to_end: 1,
            session: "hss;1;1".to_owned(),
            origin: DiameterPeer::hss(plmn()),
            body: DiameterBody::PushProfileRequest(request),
        };
        let mut outbox: Outbox<Event> = Outbox::default();
        self.hss.transmit(place(2).ip, &CoreMessage::Diameter(message), &mut outbox);
        let octets = outbox.frames().next().unwrap().1.to_vec();
        let answers = self.take(now, Input::Frame { port: SWX, octets });
        let Ok((_, CoreMessage::Diameter(answer))) = self.hss.receive(&answers[0]) else { panic!() };
        let DiameterBody::PushProfileAnswer(result) = answer.body else { panic!() };
        result
    }

    /// An end point asks: what it gets.
    fn ask(&mut self, emse: usize, user: &str, identifier: KeyIdentifier) -> Result<Vec<E2mKey>, QueryFailure> {
        let now = at(0);
        let mut outbox: Outbox<Event> = Outbox::default();
        assert!(self.zn[emse].timer(now, &mut outbox).is_empty());
        let query = self.zn[emse].ask(now, user, identifier, &mut outbox);
        let frames: Vec<Vec<u8>> = outbox.frames().map(|(_, octets, _)| octets.to_vec()).collect();
        let mut result = None;
        for octets in frames {
            for answer in self.take(now, Input::Frame { port: ZN[emse], octets }) {
                let mut outbox: Outbox<Event> = Outbox::default();
                if let Some(Answered { query: of, result: got }) = self.zn[emse].receive(&answer, &mut outbox) {
                    assert_eq!(Some(of), query);
                    result = Some(got);
                }
            }
        }
        result.unwrap()
    }

    /// An end point says that a session has come about.
    fn confirm(&mut self, emse: usize, user: &str, identifier: KeyIdentifier) -> DiameterResult {
        let mut outbox: Outbox<Event> = Outbox::default();
        assert!(self.zn[emse].timer(at(0), &mut outbox).is_empty());
        self.zn[emse].confirm(at(0), user, identifier, &mut outbox);
        let octets = outbox.frames().last().unwrap().1.to_vec();
        let answers = self.take(at(0), Input::Frame { port: ZN[emse], octets });
        assert_eq!(self.zn[emse].receive(&answers[0], &mut outbox), None);
        let read = CoreSide::new(place(10 + emse as u8), &[(ZN[emse], place(2))]).receive(&answers[0]);
        let Ok((_, CoreMessage::Diameter(answer))) = read else { panic!() };
        let DiameterBody::BootstrappingInfoAnswer(answer) = answer.body else { panic!() };
        assert_eq!(answer.keys, []);
        answer.result
    }

    fn deleted(&self) -> Vec<(KeyIdentifier, Removal)> {
        let deleted = self.events.iter().filter_map(|event| match event {
            Event::Enterprise { user, what: What::Deleted { identifier, why } } => {
                assert_eq!(*user, User::Imsi(imsi()));
                Some((*identifier, *why))
            }
            _ => None,
        });
        deleted.collect()
    }
}

const METER: &str = "meter-7@utility.example";

fn int_key(number: u8) -> E2mIntKey {
    E2mIntKey::from_octets([number; 32])
}

fn id(number: u32) -> KeyIdentifier {
    KeyIdentifier(number)
}

#[test]
fn a_key_within_the_depth_of_the_store_is_given_and_one_past_it_is_gone() {
    // E3, E10
    for depth in [1, 2, 4, 8] {
        let settings = Enterprise { depth, ..Enterprise::default() };
        let mut bench = Bench::plain(settings.clone());
        for number in 0..10 {
            assert_eq!(
                bench.push(at(u64::from(number)), Some(number.into()), int_key(number)),
                DiameterResult::SUCCESS
            );
            assert_eq!(bench.emks.store().depth_of(imsi()), depth.min(usize::from(number) + 1));
        }
        for number in 0..10_u8 {
            let kept = usize::from(10 - number) <= depth;
            let expected = if kept {
                Ok(vec![settings.derivation.key(&int_key(number), &emse(0)).unwrap()])
            } else {
                Err(QueryFailure::UnknownKey)
            };
            assert_eq!(bench.ask(0, METER, id(number.into())), expected, "{number} of depth {depth}");
        }
        let gone: Vec<_> = (0..10 - depth as u32).map(|number| (id(number), Removal::Depth)).collect();
        assert_eq!(bench.deleted(), gone);
    }
}

#[test]
fn a_confirmed_key_stays_until_another_is_confirmed_and_no_stranger_confirms_one() {
    // E3, E10
    let settings = Enterprise { depth: 2, keeps_confirmed: true, ..Enterprise::default() };
    let mut bench = Bench::plain(settings.clone());
    bench.push(at(1), Some(1), int_key(1));
    assert_eq!(bench.confirm(0, METER, id(1)), DiameterResult::SUCCESS);
    for number in 2..10 {
        bench.push(at(u64::from(number)), Some(number.into()), int_key(number));
    }
    let known =
        |bench: &mut Bench| (1..10).filter(|number| bench.ask(0, METER, id(*number)).is_ok()).collect::<Vec<_>>();
    assert_eq!(known(&mut bench), [1, 8, 9]);
    // What is not there is not confirmed; the next one takes the place of the first, which goes.
    assert_eq!(bench.confirm(0, METER, id(3)), DiameterResult::SUCCESS);
    assert_eq!(known(&mut bench), [1, 8, 9]);
    assert_eq!(bench.confirm(0, METER, id(9)), DiameterResult::SUCCESS);
    assert_eq!(known(&mut bench), [1, 8, 9]);
    bench.push(at(10), Some(10), int_key(10));
    assert_eq!(known(&mut bench), [8, 9]);
    assert_eq!(bench.deleted().last(), Some(&(id(1), Removal::Depth)));
    // Who is not the end point that it says it is, or names nobody, confirms nothing.
    let mut bench = Bench::new(settings, EmksFaults::default(), [0, 0]);
    bench.push(at(1), Some(1), int_key(1));
    assert_eq!(bench.confirm(1, METER, id(1)), DiameterResult::NOT_AUTHORIZED);
    assert_eq!(bench.confirm(0, "nobody@example.org", id(1)), DiameterResult::IDENTITY_UNKNOWN);
    bench.push(at(2), Some(2), int_key(2));
    bench.push(at(3), Some(3), int_key(3));
    assert_eq!(known(&mut bench), [2, 3]);
}

#[test]
fn without_the_setting_or_with_several_keys_of_its_identifier_nothing_is_kept_besides() {
    // broken: E3, E10
    for (keeps_confirmed, identifier) in [(false, 1), (true, 7)] {
        let mut bench = Bench::plain(Enterprise { depth: 2, keeps_confirmed, ..Enterprise::default() });
        bench.push(at(1), Some(identifier), int_key(1));
        bench.push(at(2), Some(7), int_key(2));
        assert_eq!(bench.confirm(0, METER, id(identifier)), DiameterResult::SUCCESS);
        bench.push(at(3), Some(3), int_key(3));
        bench.push(at(4), Some(4), int_key(4));
        assert_eq!(bench.ask(0, METER, id(identifier)), Err(QueryFailure::UnknownKey), "{keeps_confirmed}");
    }
}

#[test]
fn with_a_depth_of_one_a_push_takes_the_key_of_a_ue_that_was_not_challenged_yet() {
    // broken: E3, E4
    let mut bench = Bench::plain(Enterprise { depth: 1, ..Enterprise::default() });
    bench.push(at(0), Some(1), int_key(1));
    assert!(bench.ask(0, METER, id(1)).is_ok());
    bench.push(at(1), Some(2), int_key(2));
    assert_eq!(bench.ask(0, METER, id(1)), Err(QueryFailure::UnknownKey));
}

#[test]
fn past_keys_go_when_they_are_too_old_and_the_newest_stays() {
    // E10
    let age = Some(Duration::from_millis(100));
    let mut bench = Bench::plain(Enterprise { age, ..Enterprise::default() });
    bench.push(at(0), Some(1), int_key(1));
    assert_eq!(bench.emks.next_timer(), None);
    bench.push(at(50), Some(2), int_key(2));
    assert_eq!(bench.emks.next_timer(), Some(at(100)));
    bench.take(at(99), Input::Timer);
    assert_eq!(bench.deleted(), []);
    bench.take(at(100), Input::Timer);
    assert_eq!(bench.deleted(), [(id(1), Removal::Age)]);
    bench.take(at(10_000), Input::Timer);
    assert_eq!((bench.emks.store().depth_of(imsi()), bench.deleted().len()), (1, 1));
    assert!(bench.ask(0, METER, id(2)).is_ok());
    assert_eq!(bench.ask(0, METER, id(1)), Err(QueryFailure::UnknownKey));
}

#[test]
fn without_an_age_past_keys_stay_for_ever() {
    // broken: E10
    let mut bench = Bench::plain(Enterprise::default());
    bench.push(at(0), Some(1), int_key(1));
    bench.push(at(50), Some(2), int_key(2));
    assert_eq!(bench.emks.next_timer(), None);
    bench.take(at(1_000_000_000), Input::Timer);
    assert!(bench.ask(0, METER, id(1)).is_ok());
}

#[test]
fn every_key_type_is_wiped_when_it_goes() {
    // E10
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<E2mIntKey>();
    wiped::<E2mKey>();
    // What is deleted is dropped: the store has no key left that it could give, and the age of a key that was pushed again counts from
    // the first time.
    let settings = Enterprise { depth: 2, age: Some(Duration::from_secs(1)), ..Enterprise::default() };
    let mut store = KeyStore::new(&settings);
    assert_eq!(store.push(at(0), imsi(), id(1), int_key(1)), Ok(vec![]));
    assert_eq!(store.push(at(500), imsi(), id(1), int_key(1)), Err(AlreadyThere));
    assert_eq!(store.push(at(600), imsi(), id(2), int_key(2)), Ok(vec![]));
    assert_eq!(store.next_expiry(), Some(at(1_000)));
    assert_eq!(store.push(at(700), imsi(), id(3), int_key(3)), Ok(vec![(imsi(), id(1), Removal::Depth)]));
    assert_eq!((store.of(imsi(), id(1)).count(), store.depth_of(imsi())), (0, 2));
    assert_eq!(store.expire(at(1_600)), [(imsi(), id(2), Removal::Age)]);
    assert_eq!(store.depth_of(imsi()), 1);
}

#[test]
fn both_forms_of_the_identifier_lead_to_the_same_key() {
    // E5
    let ck_ik = CkIk::from_octets([9; 32]);
    let mut keys = Vec::new();
    for identifier in [IdentifierForm::Rand { bits: 32 }, IdentifierForm::Hash { bits: 32 }] {
        let derivation = E2mDerivation { identifier, ..E2mDerivation::default() };
        let key = derivation.int_key(&ck_ik).unwrap();
        let name = identifier.of(&[0x77; 16], &key);
        let pushed = matches!(identifier, IdentifierForm::Rand { .. }).then_some(name.0);
        let mut bench = Bench::plain(Enterprise { derivation, ..Enterprise::default() });
        bench.push(at(0), pushed, key);
        keys.push(bench.ask(0, METER, name).unwrap());
    }
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn of_keys_with_one_identifier_the_newest_is_given_first_and_none_of_another_identifier() {
    // E5
    for form in [IdentifierForm::Rand { bits: 2 }, IdentifierForm::Hash { bits: 2 }] {
        let derivation = E2mDerivation { identifier: form, ..E2mDerivation::default() };
        let settings = Enterprise { derivation, depth: 8, ..Enterprise::default() };
        let mut bench = Bench::plain(settings.clone());
        let names: Vec<KeyIdentifier> = (0..8)
            .map(|number| {
                let name = form.of(&[number; 16], &int_key(number));
                let pushed = matches!(form, IdentifierForm::Rand { .. }).then_some(name.0);
                bench.push(at(u64::from(number)), pushed, int_key(number));
                name
            })
            .collect();
        for wanted in 0..4 {
            let newest_first = (0..8_u8).rev().filter(|number| names[usize::from(*number)] == id(wanted));
            let expected: Vec<_> =
                newest_first.map(|number| settings.derivation.key(&int_key(number), &emse(0)).unwrap()).collect();
            let got = bench.ask(0, METER, id(wanted));
            if expected.is_empty() {
                assert_eq!(got, Err(QueryFailure::UnknownKey));
            } else {
                assert_eq!(got, Ok(expected));
            }
        }
    }
}

#[test]
fn an_emks_that_rejects_collisions_gives_none_of_several_keys() {
    // E5
    let mut bench = Bench::plain(Enterprise { collision: Collision::Reject, ..Enterprise::default() });
    bench.push(at(0), Some(1), int_key(1));
    assert!(bench.ask(0, METER, id(1)).is_ok());
    bench.push(at(1), Some(1), int_key(2));
    bench.push(at(2), Some(2), int_key(3));
    assert_eq!(bench.ask(0, METER, id(1)), Err(QueryFailure::Ambiguous));
    assert!(bench.ask(0, METER, id(2)).is_ok());
}

#[test]
fn an_end_point_gets_keys_of_its_own_emse_id_only_said_once_or_every_time() {
    // E6, E11
    for emse_id in [EmseIdGiven::EveryRequest, EmseIdGiven::Once] {
        let settings = Enterprise { emse_id, ..Enterprise::default() };
        let mut bench = Bench::plain(settings.clone());
        bench.push(at(0), Some(1), int_key(1));
        let keys = [0, 1].map(|number| bench.ask(number, METER, id(1)).unwrap());
        assert_eq!(keys, [0, 1].map(|number| vec![settings.derivation.key(&int_key(1), &emse(number)).unwrap()]));
        assert_ne!(keys[0], keys[1]);
        // The second says that it is the first.
        let mut bench = Bench::new(settings, EmksFaults::default(), [0, 0]);
        bench.push(at(0), Some(1), int_key(1));
        assert!(bench.ask(0, METER, id(1)).is_ok());
        assert_eq!(bench.ask(1, METER, id(1)), Err(QueryFailure::NotAuthorized), "{emse_id:?}");
        let refused = bench.events.iter().any(|event| {
            matches!(event, Event::Enterprise { what: What::Refused { why: QueryFailure::NotAuthorized, .. }, .. })
        });
        assert!(refused);
    }
}

#[test]
fn an_emks_that_trusts_emse_ids_gives_one_end_point_the_keys_of_another() {
    // broken: E6
    for emse_id in [EmseIdGiven::EveryRequest, EmseIdGiven::Once] {
        let settings = Enterprise { emse_id, ..Enterprise::default() };
        let mut bench = Bench::new(settings.clone(), EmksFaults { trusts_emse_id: true }, [0, 0]);
        bench.push(at(0), Some(1), int_key(1));
        assert_eq!(bench.ask(1, METER, id(1)), Ok(vec![settings.derivation.key(&int_key(1), &emse(0)).unwrap()]));
    }
}

#[test]
fn who_was_told_to_register_and_has_not_gets_nothing() {
    // broken: E11
    let mut bench = Bench::plain(Enterprise { emse_id: EmseIdGiven::Once, ..Enterprise::default() });
    bench.push(at(0), Some(1), int_key(1));
    // A request that names a user and a key, and no end point.
    let mut outbox: Outbox<Event> = Outbox::default();
    bench.zn[0].ask(at(0), METER, id(1), &mut outbox).unwrap();
    let octets = outbox.frames().next().unwrap().1.to_vec();
    let answer = bench.take(at(0), Input::Frame { port: ZN[0], octets });
    let mut outbox: Outbox<Event> = Outbox::default();
    let answered = bench.zn[0].receive(&answer[0], &mut outbox).unwrap();
    assert_eq!(answered.result, Err(QueryFailure::NotAuthorized));
}

#[test]
fn a_user_is_found_by_the_name_that_was_agreed_on_and_by_no_other() {
    // E7
    let digits = imsi().to_string();
    for (identity, by_name, by_digits) in
        [(IdentityForm::Imsi, false, true), (IdentityForm::AtEmse, false, true), (IdentityForm::AtEmks, true, false)]
    {
        let mut bench = Bench::plain(Enterprise { identity, ..Enterprise::default() });
        bench.push(at(0), Some(1), int_key(1));
        let found =
            [METER, &digits, "nobody@utility.example", "001010000000009"].map(|user| bench.ask(0, user, id(1)).is_ok());
        assert_eq!(found, [by_name, by_digits, false, false], "{identity:?}");
    }
}

#[test]
fn who_is_not_the_hss_pushes_nothing() {
    // broken: E6
    let mut bench = Bench::plain(Enterprise::default());
    let mut other = CoreSide::new(place(10), &[(ZN[0], place(2))]);
    std::mem::swap(&mut bench.hss, &mut other);
    assert_eq!(bench.push(at(0), Some(1), int_key(1)), DiameterResult::NOT_AUTHORIZED);
    assert_eq!(bench.emks.store().depth_of(imsi()), 0);
}

#[test]
fn an_end_point_that_hears_nothing_asks_three_times_and_gives_up() {
    // E9
    let mut bench = Bench::plain(Enterprise::default());
    let mut outbox: Outbox<Event> = Outbox::default();
    bench.zn[0].timer(at(0), &mut outbox);
    let query = bench.zn[0].ask(at(0), METER, id(1), &mut outbox).unwrap();
    let mut sent = outbox.frames().count();
    while let Some(next) = bench.zn[0].next_timer() {
        let mut outbox: Outbox<Event> = Outbox::default();
        let given_up = bench.zn[0].timer(next, &mut outbox);
        sent += outbox.frames().count();
        if !given_up.is_empty() {
            assert_eq!(given_up, [Answered { query, result: Err(QueryFailure::NoAnswer) }]);
            assert_eq!(next, at(1_500));
        }
    }
    assert_eq!(sent, 3);
    // Not more than so many at once.
    let mut outbox: Outbox<Event> = Outbox::default();
    let open = (0..1_000).filter(|_| bench.zn[0].ask(at(0), METER, id(1), &mut outbox).is_some()).count();
    assert_eq!(open, keyhop::eps::enterprise::zn::MOST_QUERIES);
}

/// An HSS that pushes, with what asks it.
struct HssBench {
    hss: EnterpriseHss,
    asker: CoreSide,
    emks: CoreSide,
    usim: Usim,
    hop: u32,
    events: Vec<Event>,
    /// What it has sent to the EMKS.
    pushes: Vec<PushProfileRequest>,
}

impl HssBench {
    fn new(subscribed: bool, separates_keys: bool, enterprise: Enterprise) -> Self {
        let (k, opc) = (SubscriberKey::from_octets([1; 16]), OperatorKey::from_octets([2; 16]));
        let subscription = Subscription::new(k.clone(), opc.clone(), 0);
        let subscriber = HssSubscriber { imsi: imsi(), subscription, separates_keys, serving: None };
        let hss =
            Hss::new(CoreSide::new(place(1), &[(S6, place(3))]), plmn(), random::generator(1, "hss"), &[subscriber]);
        let settings = PushSettings {
            origin: DiameterPeer::hss(plmn()),
            emks: place(2).ip,
            destination: DiameterPeer::of("emks", plmn()),
            subscribed: if subscribed { BTreeSet::from([imsi()]) } else { BTreeSet::new() },
            enterprise,
            ignores_subscription: false,
        };
        Self {
            hss: EnterpriseHss::new(hss, CoreSide::new(place(1), &[(SWX, place(2))]), settings),
            asker: CoreSide::new(place(3), &[(S6, place(1))]),
            emks: CoreSide::new(place(2), &[(SWX, place(1))]),
            usim: Usim::new(k, opc, 0),
            hop: 0,
            events: Vec::new(),
            pushes: Vec::new(),
        }
    }

    fn input(&mut self, now: VirtualTime, input: Input<keyhop::eps::enterprise::Command>) -> Option<Vector> {
        let mut outbox = Outbox::default();
        self.hss.handle(now, input, &mut outbox);
        self.events.extend(outbox.events().iter().cloned());
        let mut vector = None;
        for (port, octets, _) in outbox.frames() {
            let Ok(CoreFrame { payload: CorePayload::Sctp(packet), .. }) = CoreFrame::parse(octets) else { panic!() };
            match (port, DiameterMessage::parse(&packet.data.user_data).unwrap().body) {
                (SWX, DiameterBody::PushProfileRequest(request)) => self.pushes.push(request),
                (S6, DiameterBody::AuthenticationInformationAnswer(answer)) => vector = answer.vector,
                (port, body) => panic!("{port:?} {body:?}"),
            }
        }
        vector
    }

    fn vector(&mut self, now: VirtualTime, access: VectorAccess) -> Vector {
        self.hop += 1;
        let request = AuthenticationInformationRequest {
            destination: DiameterPeer::hss(plmn()),
            imsi: imsi(),
            visited: plmn(),
            access,
            resynchronisation: None,
        };
        let message = DiameterMessage {
            hop_by_hop: self.hop,
            end_to_end: self.hop,
            session: "x".to_owned(),
            origin: DiameterPeer::sgsn(place(3).ip, plmn()),
            body: DiameterBody::AuthenticationInformationRequest(request),
        };
        let mut outbox: Outbox<Event> = Outbox::default();
        self.asker.transmit(place(1).ip, &CoreMessage::Diameter(message), &mut outbox);
        let octets = outbox.frames().next().unwrap().1.to_vec();
        self.input(now, Input::Frame { port: S6, octets }).unwrap()
    }

    /// The EMKS answers the push with this number of those that were sent.
    fn answer(&mut self, now: VirtualTime, number: u32) {
        let message = DiameterMessage {
            hop_by_hop: 0x8000_0000 | number,
            end_to_end: 0x8000_0000 | number,
            session: "x".to_owned(),
            origin: DiameterPeer::of("emks", plmn()),
            body: DiameterBody::PushProfileAnswer(DiameterResult::SUCCESS),
        };
        let mut outbox: Outbox<Event> = Outbox::default();
        self.emks.transmit(place(1).ip, &CoreMessage::Diameter(message), &mut outbox);
        let octets = outbox.frames().next().unwrap().1.to_vec();
        assert!(self.input(now, Input::Frame { port: SWX, octets }).is_none());
    }

    fn given_up(&self) -> usize {
        let given_up = |event: &&Event| matches!(event, Event::Enterprise { what: What::PushGivenUp(_), .. });
        self.events.iter().filter(given_up).count()
    }
}

#[test]
fn what_is_pushed_is_what_the_phone_makes_whatever_the_access() {
    // E1
    let settings = Enterprise::default();
    for access in [VectorAccess::Eutran, VectorAccess::UtranGeran] {
        let mut bench = HssBench::new(true, true, settings.clone());
        let (rand, answer) = match bench.vector(at(0), access) {
            Vector::Eutran(vector) => {
                let answer = bench.usim.answer(&vector.rand, &vector.autn.try_into().unwrap()).unwrap();
                assert_eq!(answer.kasme(plmn().0), vector.kasme);
                (vector.rand, answer)
            }
            Vector::Utran(vector) => {
                (vector.rand, bench.usim.answer_umts(&vector.rand, &vector.autn.try_into().unwrap()).unwrap())
            }
            Vector::Geran(_) => panic!(),
        };
        let key = settings.derivation.int_key(&answer.ck_ik).unwrap();
        let identifier = Some(settings.derivation.identifier.of(&rand, &key).0);
        assert_eq!(identifier, Some(u32::from_be_bytes(rand[12..].try_into().unwrap())));
        let destination = DiameterPeer::of("emks", plmn());
        assert_eq!(bench.pushes, [PushProfileRequest { destination, imsi: imsi(), identifier, key }]);
    }
}

#[test]
fn an_sgsn_that_gets_other_keys_cannot_make_the_key_of_the_enterprise() {
    // E2
    let settings = Enterprise::default();
    let mut bench = HssBench::new(true, true, settings.clone());
    let Vector::Utran(vector) = bench.vector(at(0), VectorAccess::UtranGeran) else { panic!() };
    let answer = bench.usim.answer_umts(&vector.rand, &vector.autn.try_into().unwrap()).unwrap();
    // What ME and SGSN use is the same, and is not what the rest is made of.
    assert_eq!(vector.keys, separated(&answer.ck_ik));
    assert_ne!(settings.derivation.int_key(&vector.keys).unwrap(), bench.pushes[0].key);
}

#[test]
fn an_sgsn_that_gets_ck_and_ik_makes_the_key_of_the_enterprise() {
    // broken: E2
    let settings = Enterprise { separates_keys: false, ..Enterprise::default() };
    let mut bench = HssBench::new(true, false, settings.clone());
    let Vector::Utran(vector) = bench.vector(at(0), VectorAccess::UtranGeran) else { panic!() };
    assert_eq!(settings.derivation.int_key(&vector.keys).unwrap(), bench.pushes[0].key);
}

#[test]
fn a_phone_that_makes_its_key_of_what_the_access_has_gets_another() {
    // broken: E1
    let settings = Enterprise::default();
    let mut bench = HssBench::new(true, true, settings.clone());
    let Vector::Utran(vector) = bench.vector(at(0), VectorAccess::UtranGeran) else { panic!() };
    let answer = bench.usim.answer_umts(&vector.rand, &vector.autn.try_into().unwrap()).unwrap();
    assert_ne!(settings.derivation.int_key(&separated(&answer.ck_ik)).unwrap(), bench.pushes[0].key);
    // Or with another string.
    let other = E2mDerivation { string: "e2m".to_owned(), ..settings.derivation };
    assert_ne!(other.int_key(&answer.ck_ik).unwrap(), bench.pushes[0].key);
}

#[test]
fn of_a_user_without_the_subscription_nothing_is_made_or_pushed() {
    // E9
    let mut bench = HssBench::new(false, true, Enterprise::default());
    bench.vector(at(0), VectorAccess::Eutran);
    bench.vector(at(1), VectorAccess::UtranGeran);
    assert_eq!((bench.pushes.len(), bench.hss.next_timer()), (0, None));
    assert!(!bench.events.iter().any(|event| matches!(event, Event::Enterprise { .. })));
}

#[test]
fn a_push_that_is_not_answered_is_sent_again_a_few_times_and_vectors_do_not_wait_for_it() {
    // E9
    let mut bench = HssBench::new(true, true, Enterprise::default());
    bench.vector(at(0), VectorAccess::Eutran);
    while let Some(next) = bench.hss.next_timer() {
        bench.input(next, Input::Timer);
        // A vector comes all the same.
    }
    assert_eq!((bench.pushes.len(), bench.given_up()), (usize::from(PUSH_TRIES), 1));
    assert!(bench.pushes.iter().all(|push| *push == bench.pushes[0]));
    bench.vector(at(60_000), VectorAccess::Eutran);
    assert_eq!(bench.pushes.len(), usize::from(PUSH_TRIES) + 1);
}

#[test]
fn pushes_of_a_user_go_one_after_the_other_so_that_the_newest_is_the_last() {
    // E4
    let mut bench = HssBench::new(true, true, Enterprise::default());
    for number in 0..3 {
        bench.vector(at(number), VectorAccess::Eutran);
    }
    assert_eq!(bench.pushes.len(), 1);
    bench.answer(at(10), 1);
    assert_eq!(bench.pushes.len(), 2);
    // An answer again, or one that nobody waits for, changes nothing.
    bench.answer(at(10), 1);
    bench.answer(at(10), 3);
    assert_eq!(bench.pushes.len(), 2);
    // The second is lost once.
    bench.input(at(10) + PUSH, Input::Timer);
    assert_eq!(bench.pushes[1], bench.pushes[2]);
    bench.answer(at(600), 2);
    bench.answer(at(610), 3);
    assert_eq!((bench.pushes.len(), bench.hss.next_timer()), (4, None));
    let identifiers: Vec<_> = bench.pushes.iter().map(|push| push.identifier.unwrap()).collect();
    let made = bench.events.iter().filter_map(|event| match event {
        Event::Enterprise { what: What::IntKey { identifier, .. }, .. } => Some(identifier.0),
        _ => None,
    });
    let made: Vec<u32> = made.collect();
    assert_eq!(identifiers, [made[0], made[1], made[1], made[2]]);
}

#[test]
fn pushes_that_wait_are_limited_and_the_oldest_goes() {
    // E9
    let mut bench = HssBench::new(true, true, Enterprise::default());
    for number in 0..100 {
        bench.vector(at(number), VectorAccess::Eutran);
    }
    assert_eq!(bench.given_up(), 100 - MOST_PUSHES);
}

/// The master secret of a session under one key, with generators of this seed.
fn master_secret(seed: u64) -> [u8; 48] {
    let (key, now) = (E2mKey::from_octets([5; 32]), at(0));
    let identity = SessionIdentity { application: METER.parse().unwrap(), key: id(1) };
    let [mut of_ue, mut of_emse] = ["ue", "emse"].map(|name| random::generator(seed, name));
    let mut emse = Session::asked(&mut of_emse, now).unwrap();
    let (mut ue, first) = Session::open(&identity, &key, &mut of_ue, now).unwrap();
    let mut queue: VecDeque<(bool, SessionStep)> = first.into_iter().map(|step| (true, step)).collect();
    let mut masters = Vec::new();
    for _ in 0..100 {
        let Some((by_ue, step)) = queue.pop_front() else { break };
        let (answers_by_ue, answers) = match step {
            SessionStep::Send(datagram) if by_ue => (false, emse.take(now, &datagram)),
            SessionStep::Send(datagram) => (true, ue.take(now, &datagram)),
            SessionStep::KeyWanted(_) => (false, emse.key(now, std::slice::from_ref(&key))),
            SessionStep::Established { master, .. } => {
                masters.push(*master.octets());
                continue;
            }
            other => panic!("{other:?}"),
        };
        queue.extend(answers.into_iter().map(|step| (answers_by_ue, step)));
    }
    assert_eq!((masters.len(), masters[0]), (2, masters[1]));
    masters[0]
}

#[test]
fn two_sessions_of_one_key_have_different_master_secrets() {
    // E8
    assert_ne!(master_secret(1), master_secret(2));
}

#[test]
fn with_generators_that_repeat_themselves_two_sessions_of_one_key_have_the_same() {
    // broken: E8
    assert_eq!(master_secret(1), master_secret(1));
}
