//! The adversary driven by hand: what it sends when, and where.

use std::collections::BTreeMap;

use super::fields::tests::{data, rng_req};
use super::*;
use crate::dot16::identifiers::{Bsid, Cid, Direction, MsMac, Said};
use crate::dot16::node::{CidKind, Outcome, What};
use crate::dot16::wire::CrcForm;
use crate::emulation::Adversary as _;
use crate::emulation::random::generator;

const MS: MsMac = MsMac([2; 6]);
const BS: [Bsid; 2] = [Bsid([1; 6]), Bsid([9; 6])];
/// The mobile; base stations are nodes 1 and 2, at the other ends of ports 0 and 1.
const MOBILE: NodeIndex = NodeIndex(0);
const STATIONS: [NodeIndex; 2] = [NodeIndex(1), NodeIndex(2)];

fn at(micros: u64) -> VirtualTime {
    VirtualTime::from_nanos(micros * 1_000)
}

fn known() -> Known {
    let link = |number: usize| AirLink { ms: MS, bs: BS[number], mobile: MOBILE, base_station: STATIONS[number] };
    let air = [(Port(0), link(0)), (Port(1), link(1))];
    let flows = [(MS, vec![Direction::Uplink, Direction::Downlink])];
    Known::new(air.into(), flows.into(), CrcForm::MsbFirst)
}

fn adversary(attacks: Vec<Attack>) -> Adversary {
    Adversary::new(attacks, known(), generator(1, "adversary"))
}

const UPLINK: Tap = Tap::Link { port: Port(0), to: STATIONS[0] };

fn on_frames(filter: Filter) -> Trigger {
    let choice = FrameChoice { kind: FrameKind::Any, nth: 1, count: u32::MAX, after: VirtualTime::ZERO };
    Trigger::Frames { choice, filter }
}

fn attack(tap: Tap, trigger: Trigger, action: Action) -> Attack {
    Attack { name: "a".to_owned(), number: 4, tap, trigger, wait: Duration::ZERO, action }
}

fn replay(times: u32, first: u32, frames: Option<u32>) -> Action {
    let rounds = Rounds { times, every: Duration::from_micros(100) };
    Action::Replay(Replay { recording: "tape".to_owned(), rounds, first, frames, change: Change::default() })
}

fn noise(cid: Source) -> Action {
    let cid = Value { source: cid, offset: 0, text: "the CID".to_owned() };
    let forgery = Forgery::Data { cid, eks: Value::given(0), pn: Value::given(3), length: 12 };
    Action::Inject { forgery, rounds: Rounds { times: 1, every: Duration::ZERO } }
}

/// Everything that is sent until nothing is due any more: when, where to, and the octets.
fn sent(adversary: &mut Adversary) -> Vec<(VirtualTime, Port, NodeIndex, Vec<u8>)> {
    let mut sent = Vec::new();
    while let Some(now) = adversary.next_timer() {
        sent.extend(adversary.act(now).into_iter().map(|one| (now, one.port, one.to, one.octets)));
    }
    sent
}

fn report(adversary: &mut Adversary, what: What) {
    adversary.event(at(1), MOBILE, &Event { ms: MS, what });
}

#[test]
fn a_recording_is_played_so_often_from_its_first_frame_on_in_a_tact_of_its_own() {
    let record = attack(UPLINK, on_frames(Filter::default()), Action::Record("tape".to_owned()));
    let play = attack(UPLINK, Trigger::Time(at(50)), replay(2, 2, Some(1)));
    let mut adversary = adversary(vec![record, Attack { wait: Duration::from_micros(9), ..play }]);
    for octet in 1..4 {
        assert_eq!(adversary.tap(at(octet), Port(0), STATIONS[0], &[u8::try_from(octet).unwrap()]), Fate::pass());
    }
    // Other directions and links are not heard.
    adversary.tap(at(4), Port(0), MOBILE, &[9]);
    adversary.tap(at(4), Port(1), STATIONS[1], &[9]);
    let expected = [60, 160].map(|micros| (at(micros), Port(0), STATIONS[0], vec![2]));
    assert_eq!(sent(&mut adversary), expected);
    assert_eq!(adversary.remarks(), []);
}

#[test]
fn what_was_heard_anywhere_on_the_air_goes_back_to_where_it_was_heard() {
    let record = attack(Tap::Air(None), on_frames(Filter::default()), Action::Record("tape".to_owned()));
    let play = attack(Tap::Air(None), Trigger::Time(at(50)), replay(1, 1, None));
    let mut adversary = adversary(vec![record, play]);
    adversary.tap(at(1), Port(1), STATIONS[1], &[1]);
    adversary.tap(at(2), Port(0), MOBILE, &[2]);
    adversary.tap(at(3), Port(7), MOBILE, &[3]);
    let expected = [(at(51), Port(1), STATIONS[1], vec![1]), (at(51), Port(0), MOBILE, vec![2])];
    assert_eq!(sent(&mut adversary), expected, "the backbone is not heard");
}

#[test]
fn an_air_wide_tap_hears_one_direction_if_it_is_given_and_filters_by_sender() {
    let heard = |tap, filter| {
        let mut adversary = adversary(vec![attack(tap, on_frames(filter), Action::Drop)]);
        [(0, STATIONS[0]), (0, MOBILE), (1, STATIONS[1]), (1, MOBILE)]
            .map(|(port, to)| adversary.tap(at(1), Port(port), to, &[1]).lost)
    };
    assert_eq!(heard(Tap::Air(None), Filter::default()), [true; 4]);
    assert_eq!(heard(Tap::Air(Some(Direction::Uplink)), Filter::default()), [true, false, true, false]);
    let by = |sender| heard(Tap::Air(None), Filter { sender: Some(sender), ..Filter::default() });
    assert_eq!(by(MOBILE), [true, false, true, false]);
    assert_eq!(by(STATIONS[1]), [false, false, false, true]);
}

#[test]
fn the_phase_of_a_handover_follows_from_reports_and_the_rng_req() {
    let phases = |adversary: &mut Adversary, frame: &[u8]| {
        let fate = adversary.tap(at(1), Port(1), STATIONS[1], frame);
        fate.remarks.iter().map(|remark| remark.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let drops = Phase::NAMED.map(|(name, phase)| {
        let filter = Filter { phase: Some(phase), ..Filter::default() };
        Attack { name: name.to_owned(), ..attack(Tap::Air(None), on_frames(filter), Action::Drop) }
    });
    let mut adversary = adversary(drops.to_vec());
    assert_eq!(phases(&mut adversary, &rng_req()), ["connected"], "without a handover an RNG-REQ begins nothing");
    report(&mut adversary, What::HandoverStarted { from: BS[0], to: BS[1] });
    assert_eq!(phases(&mut adversary, &data()), ["preparing"]);
    report(&mut adversary, What::Left { bs: BS[0] });
    assert_eq!(phases(&mut adversary, &data()), ["arriving"]);
    assert_eq!(phases(&mut adversary, &rng_req()), ["ranging"]);
    assert_eq!(phases(&mut adversary, &data()), ["ranging"]);
    report(&mut adversary, What::HandoverEnded { outcome: Outcome::Completed, at: Some(BS[1]) });
    assert_eq!(phases(&mut adversary, &data()), ["connected"]);
}

#[test]
fn a_cid_of_a_mobile_is_the_one_it_has_or_had_last() {
    let mut adversary =
        adversary(vec![attack(UPLINK, Trigger::Time(at(5)), noise(Source::Cid(MS, BS[0], CidRole::Uplink)))]);
    let cids =
        |adversary: &Adversary| CidRole::NAMED.map(|(_, role)| adversary.known.cid(MS, BS[0], role).map(|cid| cid.0));
    assert_eq!(cids(&adversary), [None; 4]);
    let allocate = |adversary: &mut Adversary, first: u16| {
        let kinds = [CidKind::Basic, CidKind::Primary, CidKind::Transport(Said(1)), CidKind::Transport(Said(1))];
        for (kind, cid) in kinds.into_iter().zip(first..) {
            report(adversary, What::Cid { bs: BS[0], cid: Cid(cid), kind, held: true });
        }
    };
    allocate(&mut adversary, 0x1000);
    report(&mut adversary, What::Cid { bs: BS[0], cid: Cid(0x1000), kind: CidKind::Basic, held: false });
    assert_eq!(cids(&adversary), [0x1000, 0x1001, 0x1002, 0x1003].map(Some));
    allocate(&mut adversary, 0x2000);
    assert_eq!(cids(&adversary), [0x2000, 0x2001, 0x2002, 0x2003].map(Some));
    let [(_, _, _, octets)] = &sent(&mut adversary)[..] else { panic!("one PDU") };
    assert_eq!((FrameField::Cid.read(octets), FrameField::Pn.read(octets)), (Some(0x2002), Some(3)));
    assert_eq!(octets[9], 0x80, "an uplink PDU has the direction bit");
}

#[test]
fn an_action_without_its_value_or_its_recording_does_nothing_and_says_so() {
    let missing = Source::Cid(MS, BS[1], CidRole::Basic);
    let mut adversary = adversary(vec![
        attack(UPLINK, Trigger::Time(at(5)), noise(missing)),
        Attack { number: 8, ..attack(UPLINK, Trigger::Time(at(5)), replay(3, 1, None)) },
        Attack { number: 9, ..attack(Tap::Air(None), Trigger::Time(at(5)), noise(Source::Given(1))) },
    ]);
    assert_eq!(sent(&mut adversary), []);
    let expected = [
        (4, "nothing was done: there is no the CID"),
        (8, "nothing was done (3 times): the recording tape holds no such frame"),
        (9, "nothing was done: it has no link to send on"),
    ];
    assert_eq!(adversary.remarks(), expected.map(|(number, text)| (number, text.to_owned())));
}

#[test]
fn what_it_makes_up_follows_from_the_seed_alone() {
    let made = |seed| {
        let attacks = vec![attack(UPLINK, Trigger::Time(at(5)), noise(Source::Given(0x1000)))];
        sent(&mut Adversary::new(attacks, known(), generator(seed, "adversary")))
    };
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
}

#[test]
fn events_start_actions_from_the_nth_on_for_the_mobile_or_for_who_reports_them() {
    let choice = EventChoice {
        kind: EventKind::RangingRequest,
        node: Some(EventNode::Reporter(STATIONS[1])),
        base_station: Some(BS[1]),
        nth: 2,
        count: 1,
        after: at(10),
    };
    let mut seen = 0;
    let what = |bs| What::RangingRequest { bs };
    let mut takes = |micros, node, bs| choice.takes(&mut seen, at(micros), node, MS, &what(bs));
    assert!(!takes(9, STATIONS[1], BS[1]), "too early");
    assert!(!takes(10, STATIONS[1], BS[1]), "the first");
    assert!(!takes(11, STATIONS[0], BS[1]) && !takes(11, STATIONS[1], BS[0]), "others");
    assert!(takes(12, STATIONS[1], BS[1]));
    assert!(!takes(13, STATIONS[1], BS[1]), "the third");
    let of_mobile = EventChoice { node: Some(EventNode::Mobile(MS)), nth: 1, ..choice };
    assert!(of_mobile.takes(&mut 0, at(10), MOBILE, MS, &what(BS[1])));
    assert!(!of_mobile.takes(&mut 0, at(10), MOBILE, MsMac([3; 6]), &what(BS[1])));
    assert!(!of_mobile.takes(&mut 0, at(10), MOBILE, MS, &What::Left { bs: BS[1] }));
}

#[test]
fn a_modified_frame_goes_on_in_place_of_the_one_that_was_sent() {
    let change = Change { bits: vec![80], ..Change::default() };
    let twice = attack(UPLINK, on_frames(Filter::default()), Action::Modify(change));
    let mut adversary = adversary(vec![twice.clone(), twice]);
    let fate = adversary.tap(at(1), Port(0), STATIONS[0], &data());
    assert_eq!(fate.octets, Some(data()), "both invert the same bit");
    assert_eq!(fate.remarks, ["modified by a: bit 80 is inverted"; 2]);
    assert_eq!(adversary.tap(at(1), Port(0), STATIONS[0], &[1]), Fate::pass(), "too short");
    assert_eq!(adversary.remarks().len(), 2);
    assert_eq!(BTreeMap::from_iter(adversary.remarks()), BTreeMap::new(), "said once");
}
