//! Key-Request and Key-Reply between a mobile station, a base station and the gateway that are driven by hand, so that each
//! message can be lost, doubled, held back or forged. User data is never lost on the way here: whatever is missing at the
//! end, a refresh of TEKs has cost.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use keyhop::dot16::identifiers::{Cid, CmacKeyCount, Direction, Said};
use keyhop::dot16::node::connection::signed_pdu;
use keyhop::dot16::node::{Authenticator, BaseStation, Command, Event, MobileStation, NamedKey, RadioSettings, What};
use keyhop::dot16::security::entry_keys::EntryKeys;
use keyhop::dot16::security::{AkContext, key_wrap};
use keyhop::dot16::wire::{
    CrcForm, MacPdu, ManagementMessage, PkmAttribute, PkmCode, PkmErrorCode, PkmMessage, TekParameters,
};
use keyhop::emulation::link::next_in_period;
use keyhop::emulation::{Input, Node, Outbox, Port};
use keyhop::scenario::script::{Script, Traffic};
use keyhop::scenario::world::{Nodes, nodes};
use keyhop::time::VirtualTime;

use crate::support::{network, script};

const MILLISECOND: Duration = Duration::from_millis(1);
const SAID: Said = Said(1);
/// Backbone latency.
const BACKBONE: Duration = Duration::from_millis(2);

fn at(milliseconds: u64) -> VirtualTime {
    VirtualTime::from_nanos(milliseconds * 1_000_000)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Mobile,
    Base,
    Gateway,
}

/// A PKM message that was sent.
#[derive(Clone, Debug)]
struct Sent {
    time: VirtualTime,
    message: PkmMessage,
}

/// What becomes of a PKM message: how many frames late it arrives, each time that it does.
type Fate = Box<dyn FnMut(&PkmMessage) -> Vec<u32>>;

/// One mobile at one base station, with a channel that can do anything to PKM messages.
struct Pair {
    radio: RadioSettings,
    air: Port,
    mobile: MobileStation,
    base: BaseStation,
    gateway: Authenticator,
    now: VirtualTime,
    flights: BTreeMap<(VirtualTime, u64), (End, Port, Vec<u8>)>,
    commands: BTreeMap<(VirtualTime, u64), (End, Command)>,
    number: u64,
    fate: Fate,
    sent: Vec<Sent>,
    ak: Option<AkContext>,
    /// Packets by content: when they went in, and when they came out.
    packets: BTreeMap<(Direction, Vec<u8>), (VirtualTime, Vec<VirtualTime>)>,
    given_up: u32,
    nonces: HashSet<(u64, Direction, u32)>,
    highest_pn: u32,
}

impl Pair {
    fn new(script: &Script, fate: impl FnMut(&PkmMessage) -> Vec<u32> + 'static) -> Self {
        let Nodes { topology, radio, authenticator, mut base_stations, mut mobile_stations, .. } = nodes(script);
        let mut pair = Self {
            radio,
            air: topology.air_port(0, 0),
            mobile: mobile_stations.remove(0),
            base: base_stations.remove(0),
            gateway: authenticator,
            now: VirtualTime::ZERO,
            flights: BTreeMap::new(),
            commands: BTreeMap::new(),
            number: 0,
            fate: Box::new(fate),
            sent: Vec::new(),
            ak: None,
            packets: BTreeMap::new(),
            given_up: 0,
            nonces: HashSet::new(),
            highest_pn: 0,
        };
        for traffic in &script.traffic {
            let Traffic::Generated(generated) = traffic else { continue };
            let mobile = &script[generated.mobile_station];
            for (time, direction, packet) in keyhop::scenario::traffic::packets(generated, (&mobile.name, mobile.ip)) {
                pair.packets.insert((direction, packet.clone()), (time, Vec::new()));
                pair.number += 1;
                let command = match direction {
                    Direction::Uplink => (End::Mobile, Command::Uplink(packet)),
                    Direction::Downlink => (End::Gateway, Command::Downlink { ms: topology.macs()[0], packet }),
                };
                pair.commands.insert((time, pair.number), command);
            }
        }
        pair
    }

    /// Runs until `end`.
    fn run(&mut self, end: VirtualTime) {
        loop {
            let timers = [self.mobile.next_timer(), self.base.next_timer(), self.gateway.next_timer()];
            let due = timers.into_iter().flatten().min().map(|time| time.max(self.now));
            let flight = self.flights.first_key_value().map(|(key, _)| key.0);
            let command = self.commands.first_key_value().map(|(key, _)| key.0);
            let Some(next) = [due, flight, command].into_iter().flatten().min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = next;
            if flight == Some(next) {
                let ((..), (to, port, octets)) = self.flights.pop_first().unwrap();
                self.input(to, Input::Frame { port, octets });
            } else if command == Some(next) {
                let ((..), (to, command)) = self.commands.pop_first().unwrap();
                self.input(to, Input::Command(command));
            } else {
                for (timer, of) in timers.into_iter().zip([End::Mobile, End::Base, End::Gateway]) {
                    if timer.is_some_and(|timer| timer <= next) {
                        self.input(of, Input::Timer);
                    }
                }
            }
        }
    }

    fn input(&mut self, to: End, input: Input<Command>) {
        let mut outbox = Outbox::<Event>::default();
        match to {
            End::Mobile => self.mobile.handle(self.now, input, &mut outbox),
            End::Base => self.base.handle(self.now, input, &mut outbox),
            End::Gateway => self.gateway.handle(self.now, input, &mut outbox),
        }
        for event in outbox.events() {
            self.event(event);
        }
        let frames: Vec<_> = outbox.frames().map(|(port, octets, _)| (port, octets.to_vec())).collect();
        for (port, octets) in frames {
            self.fly(to, port, octets);
        }
    }

    fn event(&mut self, event: &Event) {
        match &event.what {
            What::PacketOut { direction, octets } => {
                self.packets.get_mut(&(*direction, octets.clone())).expect("a packet that was sent").1.push(self.now);
            }
            What::PacketGivenUp { .. } => self.given_up += 1,
            What::Sealed { direction, fingerprint, pn, .. } => {
                assert!(self.nonces.insert((*fingerprint, *direction, *pn)), "PN {pn} used twice under one TEK");
                self.highest_pn = self.highest_pn.max(*pn);
            }
            What::Key { key: NamedKey::AkAndKek { bs, sn, ak, .. }, .. } => {
                self.ak = Some(AkContext::from_ak(ak.clone(), *sn, event.ms, *bs));
            }
            _ => {}
        }
    }

    fn fly(&mut self, from: End, port: Port, octets: Vec<u8>) {
        let RadioSettings { frame, downlink, .. } = self.radio;
        let (to, arrival) = match from {
            _ if port != self.air && from == End::Gateway => (End::Base, self.now + BACKBONE),
            _ if port != self.air => (End::Gateway, self.now + BACKBONE),
            End::Mobile => (End::Base, next_in_period(self.now, frame, frame)),
            _ => (End::Mobile, next_in_period(self.now, frame, downlink)),
        };
        let mut late = vec![0];
        if port == self.air
            && let Some(message) = pkm(&octets)
        {
            late = (self.fate)(&message);
            self.sent.push(Sent { time: self.now, message });
        }
        for frames in late {
            self.number += 1;
            self.flights.insert((arrival + frame * frames, self.number), (to, port, octets.clone()));
        }
    }

    /// The PKM messages of this code that were sent.
    fn sent(&self, code: PkmCode) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.message.code == code).collect()
    }

    /// The longest time that a packet took; every one must have come out, once.
    fn longest(&self, direction: Direction) -> Duration {
        assert_eq!(self.given_up, 0);
        let packets = self.packets.iter().filter(|((of, _), _)| *of == direction);
        let taken = packets.map(|(_, (sent, out))| {
            assert_eq!(out.len(), 1, "{direction} packet of {sent} came out {} times", out.len());
            out[0].since(*sent)
        });
        taken.max().unwrap_or_default()
    }

    /// Hands a frame to one end now, as if it came over the air, and lets what follows happen for `time`.
    fn hand(&mut self, to: End, octets: Vec<u8>, time: Duration) {
        self.input(to, Input::Frame { port: self.air, octets });
        self.run(self.now + time);
    }

    /// Keys with which a test signs messages in place of a node.
    fn keys(&self) -> EntryKeys {
        EntryKeys::without_teks(self.ak.as_ref().expect("an AK was reported"), CmacKeyCount(1))
    }
}

fn pkm(octets: &[u8]) -> Option<PkmMessage> {
    let pdu = MacPdu::parse(octets).unwrap();
    if pdu.header.encrypted || !pdu.header.cid.is_management() {
        return None;
    }
    match ManagementMessage::parse(pdu.body).unwrap() {
        ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => Some(message),
        _ => None,
    }
}

/// A generator that is good enough to lose messages.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Loses, doubles and holds back PKM messages, each with this probability in percent.
fn rough(seed: u64, percent: u64) -> impl FnMut(&PkmMessage) -> Vec<u32> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    move |_| {
        if dice.below(100) < percent {
            return Vec::new();
        }
        let copies = 1 + u64::from(dice.below(100) < percent);
        (0..copies).map(|_| if dice.below(100) < percent { dice.below(80) as u32 } else { 0 }).collect()
    }
}

/// One BS, one mobile, UDP in `direction` every 10 ms from 0.1 s to 12 s. The PMK lives 16 s, so that the TEKs that stand at
/// the start live 2 s and 8 s.
fn steady(direction: &str, sets: &[&str]) -> Script {
    let traffic = format!(
        "[[traffic]]\nkind = \"udp\"\ndirection = \"{direction}\"\nstart = \"100ms\"\nstop = \"12s\"\n\
         interval = \"10ms\"\nsize = 60\n"
    );
    let all = [&["authenticator.pmk_lifetime=16s", "duration=12s"], sets].concat();
    script(&network(1, &traffic), &all)
}

fn whole(_: &PkmMessage) -> Vec<u32> {
    vec![0]
}

const DIRECTIONS: [Direction; 2] = [Direction::Uplink, Direction::Downlink];

#[test]
fn refreshes_cost_no_packet_and_hardly_any_time_however_messages_are_lost_doubled_and_reordered() {
    // A22, R10
    let (mut repeated, mut halted) = (0, 0);
    for (seed, traffic) in (0..48).zip(["both", "downlink", "uplink"].into_iter().cycle()) {
        let profile = ["profile=contribution", "profile=std2009"][seed as usize % 2];
        let mut pair = Pair::new(&steady(traffic, &[profile]), rough(seed, 35));
        pair.run(at(15_900));
        for direction in DIRECTIONS {
            let longest = pair.longest(direction);
            assert!(longest < 2_500 * MILLISECOND, "seed {seed}, {direction}: a packet took {longest:?}");
            halted += u32::from(longest > 15 * MILLISECOND);
        }
        let requests = pair.sent(PkmCode::KEY_REQUEST);
        repeated += requests.len() - requests.iter().map(|sent| sent.message.nonce()).collect::<HashSet<_>>().len();
    }
    assert!(halted <= 3, "with a third of all messages lost, {halted} of 48 runs waited for a TEK");
    assert!(repeated > 100, "too few messages were lost: {repeated} repetitions");
}

#[test]
fn running_out_of_packet_numbers_halts_traffic_for_the_retries_at_most_and_loses_nothing() {
    // A4, A22
    let mut halted = 0;
    for seed in 0..40 {
        let script = steady("both", &["mobile_station.ms1.last_pn=60", "base_station.bs1.last_pn=60"]);
        let mut pair = Pair::new(&script, rough(seed, 15));
        pair.run(at(15_900));
        for direction in DIRECTIONS {
            let longest = pair.longest(direction);
            assert!(longest < 3_000 * MILLISECOND, "seed {seed}, {direction}: a packet took {longest:?}");
            halted += u32::from(longest > 15 * MILLISECOND);
        }
        assert_eq!(pair.highest_pn, 60, "the end is used, and nothing beyond it");
    }
    assert!(halted > 5, "traffic never halted");
}

#[test]
fn nothing_halts_when_packet_numbers_run_out_and_no_message_is_lost() {
    // A22
    let script = steady("both", &["mobile_station.ms1.last_pn=200", "base_station.bs1.last_pn=200"]);
    let mut pair = Pair::new(&script, whole);
    pair.run(at(15_900));
    for direction in DIRECTIONS {
        assert!(pair.longest(direction) < 15 * MILLISECOND, "{direction}");
    }
    assert!(pair.sent(PkmCode::KEY_REPLY).len() >= 5, "1190 packets and 200 numbers a TEK");
}

#[test]
fn at_the_end_of_the_packet_numbers_traffic_waits_for_new_teks_and_is_not_lost() {
    // A22
    for (key, direction) in [("mobile_station.ms1", Direction::Uplink), ("base_station.bs1", Direction::Downlink)] {
        let script = steady("both", &[&format!("{key}.last_pn=40")]);
        // Key-Replies get through from 3 s on only.
        let open = std::rc::Rc::new(std::cell::Cell::new(false));
        let gate = std::rc::Rc::clone(&open);
        let mut pair = Pair::new(&script, move |_| if gate.get() { vec![0] } else { Vec::new() });
        pair.run(at(3_000));
        let sent = pair.nonces.iter().filter(|(_, of, _)| *of == direction);
        let (sent, highest) = (sent.clone().count(), sent.map(|(_, _, pn)| *pn).max());
        assert_eq!((sent, highest), (80, Some(40)), "{direction}: two TEKs, and not one PDU more");
        open.set(true);
        pair.run(at(15_900));
        let longest = pair.longest(direction);
        assert!((2_000 * MILLISECOND..2_900 * MILLISECOND).contains(&longest), "{direction}: {longest:?}");
    }
}

/// The TEKs in a Key-Reply: EKS and key.
fn teks(pair: &Pair, reply: &PkmMessage) -> Vec<(u8, [u8; 16])> {
    let kek = &pair.ak.as_ref().unwrap().kek;
    let tek = |parameters: &TekParameters| key_wrap::unwrap(kek, &parameters.wrapped_tek).unwrap();
    reply.tek_parameters().map(|parameters| (parameters.sequence_number, *tek(parameters).octets())).collect()
}

fn key_request(said: Said, nonce: u8) -> PkmMessage {
    let attributes =
        vec![PkmAttribute::KeySequenceNumber(0), PkmAttribute::Said(said), PkmAttribute::Nonce([nonce; 8])];
    PkmMessage { code: PkmCode::KEY_REQUEST, identifier: nonce, attributes }
}

/// A signed PDU on the primary management CID of the first mobile of the first BS.
fn signed(keys: &mut EntryKeys, direction: Direction, message: PkmMessage) -> Vec<u8> {
    let message = match direction {
        Direction::Uplink => ManagementMessage::PkmReq(message),
        Direction::Downlink => ManagementMessage::PkmRsp(message),
    };
    signed_pdu(message, Cid(1 + Cid::BASIC_MAX), direction, keys, CrcForm::MsbFirst).unwrap()
}

/// A pair whose mobile never asks by itself: the requests are those of the test.
fn silent() -> (Pair, EntryKeys) {
    let mut pair = Pair::new(&steady("downlink", &["mobile_station.ms1.refresh=false"]), whole);
    pair.run(at(50));
    let keys = pair.keys();
    (pair, keys)
}

#[test]
fn the_same_nonce_gets_the_same_teks_and_another_one_too_until_the_newer_was_used() {
    // A22
    let (mut pair, mut keys) = silent();
    let mut ask = |pair: &mut Pair, nonce: u8| {
        let pdu = signed(&mut keys, Direction::Uplink, key_request(SAID, nonce));
        pair.hand(End::Base, pdu.clone(), 20 * MILLISECOND);
        let replies = pair.sent(PkmCode::KEY_REPLY).len();
        // The same PDU once more is a replay.
        pair.hand(End::Base, pdu, 20 * MILLISECOND);
        assert_eq!(pair.sent(PkmCode::KEY_REPLY).len(), replies);
        let reply = pair.sent(PkmCode::KEY_REPLY).last().unwrap().message.clone();
        assert_eq!((reply.nonce(), reply.identifier, reply.said()), (Some([nonce; 8]), nonce, Some(SAID)));
        teks(pair, &reply)
    };
    let first = ask(&mut pair, 1);
    assert_eq!(first.iter().map(|(eks, _)| *eks).collect::<Vec<_>>(), [0, 1], "the mobile has not used EKS 1");
    assert_eq!(ask(&mut pair, 1), first);
    assert_eq!(ask(&mut pair, 2), first);
    pair.run(at(1_600));
    // The older TEK, which lives 2 s, is in the last quarter of its life: a new refresh.
    let second = ask(&mut pair, 3);
    assert_eq!(second.iter().map(|(eks, _)| *eks).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(second[0], first[1]);
    assert_eq!(ask(&mut pair, 3), second);
    assert_eq!(ask(&mut pair, 4), second, "the mobile may have lost the reply");
}

#[test]
fn an_unknown_sa_is_rejected_and_a_request_on_another_connection_or_without_nonce_is_dropped() {
    // A22
    let (mut pair, mut keys) = silent();
    let pdu = signed(&mut keys, Direction::Uplink, key_request(Said(9), 1));
    pair.hand(End::Base, pdu, 20 * MILLISECOND);
    let rejects = pair.sent(PkmCode::KEY_REJECT);
    let [reject] = &rejects[..] else { panic!("{rejects:?}") };
    assert_eq!((reject.message.said(), reject.message.nonce()), (Some(Said(9)), Some([1; 8])));
    assert_eq!(reject.message.error_code(), Some(PkmErrorCode::UNAUTHORIZED_SAID));
    let answered = pair.sent.len();
    let message = ManagementMessage::PkmReq(key_request(SAID, 2));
    let on_basic = signed_pdu(message, Cid(1), Direction::Uplink, &mut keys, CrcForm::MsbFirst).unwrap();
    let mut bare = key_request(SAID, 3);
    bare.attributes.pop();
    let without_nonce = signed(&mut keys, Direction::Uplink, bare);
    let mut forged = signed(&mut pair.keys(), Direction::Uplink, key_request(SAID, 4));
    let last = forged.len() - 5;
    forged[last] ^= 1;
    let body = MacPdu::parse(&forged).unwrap().body.to_vec();
    let forged = MacPdu::build(MacPdu::parse(&forged).unwrap().header, &body, Some(CrcForm::MsbFirst)).unwrap();
    for pdu in [on_basic, without_nonce, forged] {
        pair.hand(End::Base, pdu, 20 * MILLISECOND);
    }
    assert_eq!(pair.sent.len(), answered);
}

/// A pair in which the answers to the mobile's requests are those of the test, with a request out; and its nonce.
fn unanswered() -> (Pair, EntryKeys, [u8; 8]) {
    let mut pair =
        Pair::new(
            &steady("uplink", &[]),
            |message| if message.code == PkmCode::KEY_REQUEST { vec![0] } else { vec![] },
        );
    pair.run(at(1_770));
    let nonce = pair.sent(PkmCode::KEY_REQUEST).last().unwrap().message.nonce().unwrap();
    // The replies of the BS are lost, but it has used CMAC_PNs for them.
    let mut keys = pair.keys();
    for _ in 0..20 {
        keys.sign(Direction::Downlink, Cid(0), b"").unwrap();
    }
    (pair, keys, nonce)
}

fn answer(code: PkmCode, nonce: [u8; 8], attributes: Vec<PkmAttribute>) -> PkmMessage {
    let mut all = vec![PkmAttribute::KeySequenceNumber(0), PkmAttribute::Said(SAID)];
    all.extend(attributes);
    all.push(PkmAttribute::Nonce(nonce));
    PkmMessage { code, identifier: 1, attributes: all }
}

#[test]
fn a_mobile_repeats_its_request_with_the_same_nonce_three_times_and_asks_with_another_one_later() {
    // A22
    let mut pair = Pair::new(&steady("uplink", &[]), |_| Vec::new());
    pair.run(at(3_300));
    let requests = pair.sent(PkmCode::KEY_REQUEST);
    let times: Vec<u64> = requests.iter().map(|sent| sent.time.as_nanos() / 1_000_000).collect();
    // Due at 1.75 s, in the next uplink subframe; the pause after four of them is 0.3 s.
    assert_eq!(times[..5], [1_753, 2_053, 2_353, 2_653, 3_253]);
    let nonces: Vec<_> = requests.iter().map(|sent| sent.message.nonce().unwrap()).collect();
    assert!(nonces[..4].iter().all(|nonce| *nonce == nonces[0]));
    assert_ne!(nonces[4], nonces[0]);
}

#[test]
fn a_reply_without_an_outstanding_nonce_installs_nothing_and_one_with_it_only_after_its_cmac_has_verified() {
    // A22
    let (mut pair, mut keys, nonce) = unanswered();
    let kek = pair.ak.as_ref().unwrap().kek.clone();
    let tek = |octet: u8| {
        let tek = keyhop::dot16::security::Tek::from_octets([octet; 16]);
        let wrapped_tek = key_wrap::wrap(&kek, &tek).to_vec();
        PkmAttribute::TekParameters(TekParameters { wrapped_tek, lifetime: 9, sequence_number: 3, other: Vec::new() })
    };
    let spoilt = PkmAttribute::TekParameters(TekParameters {
        wrapped_tek: vec![0; 24],
        lifetime: 9,
        sequence_number: 3,
        other: Vec::new(),
    });
    let uses_eks_3 = |pair: &mut Pair| {
        let before = pair.nonces.len();
        pair.run(pair.now + 40 * MILLISECOND);
        assert!(pair.nonces.len() > before, "uplink data goes on");
        pair.flights.clear();
        pair.highest_pn
    };
    let count = uses_eks_3(&mut pair);
    let other = signed(&mut keys, Direction::Downlink, answer(PkmCode::KEY_REPLY, [7; 8], vec![tek(1)]));
    let unwrapping = signed(&mut keys, Direction::Downlink, answer(PkmCode::KEY_REPLY, nonce, vec![spoilt]));
    let mut stranger = EntryKeys::without_teks(pair.ak.as_ref().unwrap(), CmacKeyCount(2));
    let forged = signed(&mut stranger, Direction::Downlink, answer(PkmCode::KEY_REPLY, nonce, vec![tek(2)]));
    for pdu in [other, unwrapping, forged] {
        pair.hand(End::Mobile, pdu, 10 * MILLISECOND);
    }
    let after = uses_eks_3(&mut pair);
    assert!(after > count, "the PNs of the old TEK go on");
    let good = signed(&mut keys, Direction::Downlink, answer(PkmCode::KEY_REPLY, nonce, vec![tek(3)]));
    pair.highest_pn = 0;
    pair.hand(End::Mobile, good.clone(), 4 * MILLISECOND);
    pair.highest_pn = 0;
    pair.run(pair.now + 40 * MILLISECOND);
    assert!((1..10).contains(&pair.highest_pn), "a fresh TEK: {}", pair.highest_pn);
    // The nonce is out no longer.
    let requests = pair.sent(PkmCode::KEY_REQUEST).len();
    pair.hand(End::Mobile, good, 400 * MILLISECOND);
    assert_eq!(pair.sent(PkmCode::KEY_REQUEST).len(), requests);
}

#[test]
fn after_key_reject_the_mobile_asks_no_more_for_the_sa() {
    // A22
    let (mut pair, mut keys, nonce) = unanswered();
    let error = PkmAttribute::ErrorCode(PkmErrorCode::UNAUTHORIZED_SAID);
    let other = signed(&mut keys, Direction::Downlink, answer(PkmCode::KEY_REJECT, [7; 8], vec![error.clone()]));
    pair.hand(End::Mobile, other, 600 * MILLISECOND);
    let before = pair.sent(PkmCode::KEY_REQUEST).len();
    assert!(before > 1, "a reject of something else ends nothing");
    let reject = signed(&mut keys, Direction::Downlink, answer(PkmCode::KEY_REJECT, nonce, vec![error]));
    pair.hand(End::Mobile, reject, 5_000 * MILLISECOND);
    assert_eq!(pair.sent(PkmCode::KEY_REQUEST).len(), before);
}

#[test]
fn tek_invalid_makes_the_mobile_ask_at_once() {
    // A22
    let mut pair = Pair::new(&steady("uplink", &[]), whole);
    pair.run(at(500));
    assert!(pair.sent.is_empty());
    let mut keys = pair.keys();
    let code = PkmAttribute::ErrorCode(PkmErrorCode::INVALID_KEY_SEQUENCE_NUMBER);
    let attributes = vec![PkmAttribute::KeySequenceNumber(0), PkmAttribute::Said(SAID), code];
    let message = PkmMessage { code: PkmCode::TEK_INVALID, identifier: 0, attributes };
    let pdu = signed(&mut keys, Direction::Downlink, message);
    pair.hand(End::Mobile, pdu, 8 * MILLISECOND);
    assert_eq!(pair.sent(PkmCode::KEY_REQUEST).len(), 1);
}
