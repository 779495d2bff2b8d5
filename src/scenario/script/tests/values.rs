//! Values, defaults and what is derived from them.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::*;
use super::{SMALLEST, STATIONS, parse, with};
use crate::dot16::identifiers::{Bsid, CmacKeyCount, Direction, MsMac};
use crate::dot16::node::Classifier;
use crate::dot16::security::eap_tls::CertificateState;
use crate::dot16::security::{PacketNumber, Weakness, Weaknesses};
use crate::judge::FindingKind;
use crate::time::VirtualTime;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn at(ms: u64) -> VirtualTime {
    VirtualTime::from_nanos(ms * 1_000_000)
}

#[test]
fn what_the_smallest_script_leaves_out_has_the_documented_defaults() {
    let script = parse(SMALLEST).unwrap();
    let expected = Script {
        name: "small".to_owned(),
        shows: "nothing".to_owned(),
        statements: Vec::new(),
        system: System::Dot16,
        attack_id: None,
        defence: None,
        seed: 1,
        profile: Profile::Contribution,
        mode: HandoverMode::Seamless,
        last_key_count: CmacKeyCount(u16::MAX),
        begins: VirtualTime::ZERO,
        duration: ms(3_000),
        radio: Radio {
            frame: ms(5),
            downlink: ms(3),
            association: Association::Level2,
            dl_sync: ms(10),
            loss: 0.0,
            duplication: 0.0,
            bit_errors: 0.0,
            reordering: 0.0,
            crc: CrcOrder::MsbFirst,
            neighbour_advertisement: ms(1_000),
            lost_downlink: ms(3_500),
            rng_delay: ms(40),
            ranging_deadline: ms(200),
            ranging_retry: ms(50),
            action_time: 4,
            resource_retain: ms(2_000),
            handover_retry: ms(100),
            max_pdu: 2_047,
            packing: false,
            allocation: None,
            tek_processing: ms(5),
            key_request_retry: ms(300),
            tek_linger: ms(200),
        },
        backbone: Backbone {
            latency: ms(2),
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            retry: ms(20),
        },
        authenticator: Authenticator {
            name: "gw".to_owned(),
            pmk_lifetime: ms(3_600_000),
            ip: Ipv4Addr::new(10, 16, 0, 254),
            count_jump: 1_024,
            weaknesses: Weaknesses::default(),
        },
        aaa: Aaa {
            name: "aaa".to_owned(),
            ip: Ipv4Addr::new(10, 16, 0, 253),
            secret: "keyhop-radius".to_owned(),
            certificate: CertificateState::Valid,
        },
        base_stations: vec![BaseStation {
            name: "bs1".to_owned(),
            bsid: Bsid([0x0a, 0, 0, 0, 0, 1]),
            ip: Ipv4Addr::new(10, 16, 0, 1),
            position: None,
            seamless: true,
            tek_cache: true,
            self_sync_window: 4,
            self_sync_budget: 16,
            pn_window: 64,
            retained_contexts: 1_024,
            context_request_budget: 100,
            preparation_budget: 300,
            weaknesses: Weaknesses::default(),
            last_pn: PacketNumber::LAST,
        }],
        mobile_stations: vec![MobileStation {
            name: "ms1".to_owned(),
            mac: MsMac([2, 0, 0, 0, 0, 1]),
            ip: Ipv4Addr::new(192, 0, 2, 10),
            serving: BaseStationId(0),
            position: None,
            entry: Entry::Established,
            station: Station::Mobile,
            seamless: true,
            pmk: None,
            tek_cache: true,
            pn_window: 64,
            cmac_key_count: None,
            network_key_count: None,
            cmac_pn: None,
            certificate: CertificateState::Valid,
            weaknesses: Weaknesses::default(),
            last_pn: PacketNumber::LAST,
            refresh: true,
            tek_grace: ms(3_600_000),
        }],
        flows: Vec::new(),
        traffic: Vec::new(),
        steps: Vec::new(),
        links: Vec::new(),
        faults: Vec::new(),
        attacks: Vec::new(),
        adversary: None,
        expectations: Vec::new(),
        mobility: None,
        capture: CaptureChoice::All,
    };
    assert_eq!(script, expected);
}

/// Every key of the format with a value that is not its default.
const EVERYTHING: &str = r#"
name = "every-thing_1"
shows = "every key"
statements = ["A1", "A27", "R1", "R19"]
system = "dot16"
attack_id = "R7"
defence = "off"
seed = 18446744073709551615
profile = "contribution"
duration = "10s"
entry = "full"
entry_time = "3s"

[radio]
frame = "10ms"
downlink = "4ms"
association = "none"
dl_sync = "15ms"
loss = 0.25
duplication = 1
bit_errors = 1e-6
reordering = 0.125
crc = "ofdma"
neighbour_advertisement = "0.5s"
lost_downlink = "700ms"
rng_delay = "30ms"
ranging_deadline = "300ms"
ranging_retry = "60ms"
action_time = 255
resource_retain = "25.5s"
max_pdu = 256
packing = true
allocation = 256
handover_retry = "70ms"
tek_processing = "1ms"
key_request_retry = "250ms"
tek_linger = "0s"

[backbone]
latency = "1us"
jitter = "3us"
loss = 0.5
duplication = 0.75
reordering = 1
retry = "40ms"

[authenticator]
name = "asn"
pmk_lifetime = "2h"
ip = "10.0.0.9"
weaknesses = ["tells-nobody", "accepts-old-report"]

[[base_station]]
name = "bs1"
bsid = "0a0000000001"
ip = "10.0.0.1"
seamless = false
tek_cache = false
self_sync_window = 0
self_sync_budget = 0
pn_window = 1024
retained_contexts = 3
context_request_budget = 4
preparation_budget = 0
last_pn = 1
weaknesses = ["never-seals-again"]

[[mobile_station]]
name = "ms1"
mac = "0200000000ff"
ip = "192.0.2.77"
serving = "bs1"
entry = "established"
station = "mobile"
seamless = false
msk = "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000123456789abcdef0123456789abcdef01234567"
tek_cache = false
pn_window = 0
cmac_key_count = 65535
network_key_count = 7
last_pn = 200
refresh = false
tek_grace = "1min"
weaknesses = ["claims-seamless"]

[[flow]]
mobile_station = "ms1"
direction = "downlink"
sa = 16
udp_port = 65535

[[flow]]
protocol = "tcp"

[[traffic]]
mobile_station = "ms1"
kind = "bulk"
direction = "downlink"
start = "1s"
stop = "2s"
interval = "1ms"
size = 1500
count = 3
peer = "198.51.100.1"

[[traffic]]
kind = "capture"
start = "3s"
file = "voice.pcapng"

[[step]]
at = "1s"
mobile_station = "ms1"
action = "handover"
target = "bs1"
candidates = ["bs1"]

[[step]]
at = "1s"
action = "cancel"

[[step]]
at = "1s"
action = "lose_contexts"

[[step]]
at = "1s"
action = "lose_counter"

[[step]]
at = "2s"
action = "restart"
node = "bs1"

[[step]]
at = "2s"
action = "restart"
node = "asn"
network_key_count = 5

[[step]]
at = "2s"
action = "restart"
node = "asn"

[[attack]]
name = "copy"
tap = "air:ms1-bs1"
direction = "downlink"
trigger = { frame = "RNG-RSP", nth = 2, count = 3, after = "1.5s" }
action = { record = "tape" }

[[attack]]
name = "play"
tap = "air:ms1-bs1"
direction = "downlink"
trigger = { time = "2s" }
action = { replay = "tape" }
succeeds_if = "accepted"
"#;

#[test]
fn every_key_is_read() {
    let script = parse(EVERYTHING).unwrap();
    let statements: Vec<String> = script.statements.iter().map(ToString::to_string).collect();
    assert_eq!(statements, ["A1", "A27", "R1", "R19"]);
    assert_eq!((script.attack_id, script.defence), (Some(AttackId::Rule(7)), Some(Defence::Off)));
    assert_eq!(script.attack_id.unwrap().to_string(), "R7");
    assert_eq!((script.seed, script.duration), (u64::MAX, ms(10_000)));
    let radio = Radio {
        frame: ms(10),
        downlink: ms(4),
        association: Association::None,
        dl_sync: ms(15),
        loss: 0.25,
        duplication: 1.0,
        bit_errors: 1e-6,
        reordering: 0.125,
        crc: CrcOrder::Ofdma,
        neighbour_advertisement: ms(500),
        lost_downlink: ms(700),
        rng_delay: ms(30),
        ranging_deadline: ms(300),
        ranging_retry: ms(60),
        action_time: 255,
        resource_retain: ms(25_500),
        handover_retry: ms(70),
        max_pdu: 256,
        packing: true,
        allocation: Some(256),
        tek_processing: ms(1),
        key_request_retry: ms(250),
        tek_linger: ms(0),
    };
    assert_eq!(script.radio, radio);
    let us = Duration::from_micros;
    let backbone =
        Backbone { latency: us(1), jitter: us(3), loss: 0.5, duplication: 0.75, reordering: 1.0, retry: ms(40) };
    assert_eq!(script.backbone, backbone);
    assert_eq!(script.authenticator.name, "asn");
    assert_eq!(script.authenticator.pmk_lifetime, ms(7_200_000));
    assert_eq!(script.authenticator.ip, Ipv4Addr::new(10, 0, 0, 9));
    let bs1 = &script[BaseStationId(0)];
    assert_eq!((bs1.tek_cache, bs1.self_sync_window, bs1.self_sync_budget, bs1.pn_window), (false, 0, 0, 1_024));
    assert_eq!((bs1.retained_contexts, bs1.context_request_budget, bs1.preparation_budget), (3, 4, 0));
    assert!(bs1.weaknesses.has(Weakness::NeverSealsAgain) && !bs1.weaknesses.has(Weakness::CountsByItself));
    let gateway = &script.authenticator.weaknesses;
    assert!(gateway.has(Weakness::TellsNobody) && gateway.has(Weakness::AcceptsOldReport));
    let ms1 = &script[MobileStationId(0)];
    assert!(ms1.weaknesses.has(Weakness::ClaimsSeamless));
    assert_eq!((ms1.seamless, ms1.tek_cache, ms1.pn_window), (false, false, 0));
    assert_eq!((ms1.entry, ms1.station), (Entry::Established, Station::Mobile));
    assert!(!bs1.seamless);
    assert_eq!(ms1.cmac_key_count, Some(CmacKeyCount(65_535)));
    assert_eq!(ms1.network_key_count, Some(CmacKeyCount(7)));
    assert_eq!((bs1.last_pn.count(), ms1.last_pn.count()), (1, 200));
    assert_eq!((ms1.refresh, ms1.tek_grace), (false, ms(60_000)));
    let bulk = Traffic::Generated(GeneratedTraffic {
        flow: 0,
        mobile_station: MobileStationId(0),
        pattern: Pattern::Bulk(3),
        direction: TrafficDirection::Downlink,
        start: at(1_000),
        stop: at(2_000),
        interval: ms(1),
        size: 1_500,
        peer: Ipv4Addr::new(198, 51, 100, 1),
    });
    let file = "voice.pcapng".to_owned();
    let capture = Traffic::Capture(CaptureTraffic { mobile_station: MobileStationId(0), start: at(3_000), file });
    let mobile_station = MobileStationId(0);
    let classifier = |protocol, port| Some(Classifier { protocol, port });
    let flows = [
        ServiceFlow {
            mobile_station,
            direction: TrafficDirection::Downlink,
            sa: 16,
            classifier: classifier(17, Some(65_535)),
        },
        ServiceFlow { mobile_station, direction: TrafficDirection::Both, sa: 1, classifier: classifier(6, None) },
    ];
    assert_eq!(script.flows, flows);
    assert_eq!(script.traffic, [bulk, capture]);
    let bs1 = BaseStationId(0);
    let handover = StepAction::Handover { target: bs1, candidates: vec![bs1] };
    let step = |action| Step { at: at(1_000), actor: Actor::MobileStation(MobileStationId(0)), action };
    let restart = |actor, backup| Step { at: at(2_000), actor, action: StepAction::Restart { backup } };
    let steps = [
        step(handover),
        step(StepAction::Cancel),
        step(StepAction::LoseContexts),
        step(StepAction::LoseCounter),
        restart(Actor::BaseStation(bs1), None),
        restart(Actor::Authenticator, Some((MobileStationId(0), CmacKeyCount(5)))),
        restart(Actor::Authenticator, None),
    ];
    assert_eq!(script.steps, steps);
    let link = Link::Air { mobile_station: MobileStationId(0), base_station: bs1 };
    let rng_rsp = FrameKind::Message(MessageName::of_type(5).unwrap());
    assert_eq!(script.attacks.len(), 2);
    assert_eq!(script.attacks[0].tap, Some(Tap::Link(DirectedLink { link, to: LinkEnd::First })));
    let frames = FrameChoice { kind: rng_rsp, nth: 2, count: 3, after: at(1_500) };
    assert_eq!(script.attacks[0].trigger, Trigger::Frame(frames, FrameFilter::default()));
    assert_eq!(script.attacks[0].action, AttackAction::Record("tape".to_owned()));
    assert_eq!(script.attacks[1].trigger, Trigger::Time(at(2_000)));
    assert_eq!(
        script.attacks[1].action,
        AttackAction::Replay(crate::adversary::Replay {
            recording: "tape".to_owned(),
            rounds: crate::adversary::Rounds { times: 1, every: Duration::from_millis(5) },
            first: 1,
            frames: None,
            change: crate::adversary::Change::default(),
        })
    );
}

#[test]
fn downlink_and_synchronisation_follow_the_frame_unless_given() {
    for (frame, downlink, dl_sync) in [
        ("2ms", Duration::from_micros(1_200), ms(4)),
        ("20ms", ms(12), ms(40)),
        ("7us", Duration::from_micros(4), Duration::from_micros(14)),
    ] {
        let script = with(SMALLEST, &[&format!("radio.frame={frame}")]).unwrap();
        assert_eq!((script.radio.downlink, script.radio.dl_sync), (downlink, dl_sync), "{frame}");
    }
}

#[test]
fn std2009_has_no_self_synchronisation() {
    assert_eq!(with(SMALLEST, &["profile=std2009"]).unwrap().base_stations[0].self_sync_window, 0);
    let sets = ["profile=std2009", "base_station.bs1.self_sync_window=0"];
    assert_eq!(with(SMALLEST, &sets).unwrap().base_stations[0].self_sync_window, 0);
    let error = with(SMALLEST, &["profile=std2009", "base_station.bs1.self_sync_window=2"]).unwrap_err();
    assert_eq!(
        error.message(),
        "base_station.self_sync_window: expected 0, because profile std2009 has no self-synchronisation, found the integer 2"
    );
}

#[test]
fn only_the_target_is_a_candidate_unless_more_are_named() {
    let step = "[[step]]\nat = \"1s\"\nmobile_station = \"ms2\"\naction = \"handover\"\ntarget = \"bs1\"\n";
    let script = parse(&format!("{STATIONS}{step}")).unwrap();
    let (mobile_station, target) = (MobileStationId(1), BaseStationId(0));
    let action = StepAction::Handover { target, candidates: vec![target] };
    assert_eq!(script.steps, [Step { at: at(1_000), actor: Actor::MobileStation(mobile_station), action }]);
}

#[test]
fn every_kind_of_expectation_is_read_and_said_in_words() {
    let attacks = r#"
        [[attack]]
        name = "a"
        tap = "air:ms1-bs1"
        direction = "uplink"
        trigger = { frame = "data" }
        action = { record = "t" }
        [[attack]]
        name = "b"
        tap = "air:ms1-bs1"
        direction = "uplink"
        trigger = { time = "1s" }
        action = { replay = "t" }
    "#;
    let (mobile_station, direction, bs1) = (MobileStationId(0), Direction::Uplink, BaseStationId(0));
    let (outcome, completed) = (HandoverOutcome::FellBack, HandoverOutcome::Completed);
    let mode = Some(HandoverMode::LegacySaTek);
    let at_most = |at_most| Amount { at_least: 0, at_most };
    let cases: Vec<(&str, Expected, &str)> = vec![
        (
            r#"handover = { target = "bs1", outcome = "fell-back", mode = "legacy-sa-tek", nth = 2 }"#,
            Expected::Handover { mobile_station, nth: 2, target: bs1, outcome, mode },
            "handover 2 of ms1 to bs1: fell-back, legacy-sa-tek",
        ),
        (
            r#"handover = { target = "bs1", outcome = "completed" }"#,
            Expected::Handover { mobile_station, nth: 1, target: bs1, outcome: completed, mode: None },
            "handover 1 of ms1 to bs1: completed",
        ),
        (
            r#"traffic = { direction = "uplink", lost = { at_most = 3 }, altered = 0 }"#,
            Expected::Traffic {
                mobile_station,
                direction,
                lost: Some(at_most(3)),
                duplicated: None,
                altered: Some(Amount::exactly(0)),
            },
            "uplink packets of ms1: at most 3 lost, 0 altered",
        ),
        (
            r#"rejects = { pn_replay = 3, icv = { at_least = 1, at_most = 2 } }"#,
            Expected::Rejects(vec![
                (RejectReason::Icv, Amount { at_least: 1, at_most: 2 }),
                (RejectReason::PnReplay, Amount::exactly(3)),
            ]),
            "rejected PDUs: icv 1 to 2, pn_replay 3",
        ),
        (
            r#"attack = { name = "b", succeeded = false }"#,
            Expected::Attack { name: "b".to_owned(), succeeded: false },
            "attack b fails",
        ),
        (
            "nonce_reuse = { at_least = 1 }",
            Expected::NonceReuse(Amount::SOME),
            "pairs of TEK and PN used more than once: at least 1",
        ),
        (
            r#"data_before_ranging = { direction = "uplink", at_least = 1 }"#,
            Expected::DataBeforeRanging { mobile_station, nth: 1, direction, amount: Amount::SOME },
            "uplink PDUs accepted before the RNG-REQ of handover 1 of ms1: at least 1",
        ),
        (
            r#"interruption = { direction = "uplink", at_most = "30ms" }"#,
            Expected::Interruption {
                mobile_station,
                nth: 1,
                direction,
                bounds: TimeBounds { at_least: Duration::ZERO, at_most: ms(30) },
            },
            "uplink interruption in handover 1 of ms1: at most 30ms",
        ),
        ("tek_on_link = false", Expected::TekOnLink(false), "no generated TEK is on any link"),
        ("judge = []", Expected::Judge(Vec::new()), "the judge finds nothing"),
        (
            r#"judge = ["replay_accepted", "nonce_reuse"]"#,
            Expected::Judge(vec![FindingKind::ReplayAccepted, FindingKind::NonceReuse]),
            "the judge finds replay_accepted, nonce_reuse",
        ),
    ];
    for (line, expected, text) in cases {
        let script = parse(&format!("{SMALLEST}{attacks}[[expect]]\n{line}\n")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(script.expectations, [Expectation { text: text.to_owned(), expected }], "{line}");
    }
    let script = parse(&format!("{SMALLEST}[[expect]]\ntext = \"own words\"\nnonce_reuse = 0\n")).unwrap();
    assert_eq!(script.expectations[0].text, "own words");
}

#[test]
fn faults_are_read_and_both_orders_of_an_r4_link_name_the_same_one() {
    let entry = |link: &str, to: &str, rest: &str| {
        let script = parse(&format!("{STATIONS}[[fault]]\nlink = {link:?}\nto = {to:?}\n{rest}\n")).unwrap();
        script.faults[0].clone()
    };
    let link = Link::Air { mobile_station: MobileStationId(1), base_station: BaseStationId(0) };
    let frames = FrameChoice { kind: FrameKind::RangingCode, nth: 2, count: 3, after: at(1_500) };
    let read = entry("air:ms2-bs1", "bs1", "frame = \"CDMA\"\nnth = 2\ncount = 3\nafter = \"1.5s\"\nlose = true");
    let effect = FaultEffect::Lose;
    assert_eq!(read, Fault { link: DirectedLink { link, to: LinkEnd::Second }, frames, effect });
    let link = Link::R6 { base_station: BaseStationId(1) };
    let frames = FrameChoice { kind: FrameKind::Any, nth: 1, count: 1, after: at(0) };
    let effect = FaultEffect::FlipBit(u64::MAX);
    let read = entry("r6:bs2-gw", "gw", "frame = \"any\"\nflip_bit = 18446744073709551615");
    assert_eq!(read, Fault { link: DirectedLink { link, to: LinkEnd::Second }, frames, effect });
    let link = Link::R4 { first: BaseStationId(0), second: BaseStationId(1) };
    let kind = FrameKind::Control(crate::dot16::backbone::MessageKind::HoCnf);
    for name in ["r4:bs1-bs2", "r4:bs2-bs1"] {
        for (to, end) in [("bs1", LinkEnd::First), ("bs2", LinkEnd::Second)] {
            let read = entry(name, to, "frame = \"HO_Cnf\"\ndelay = \"7ms\"");
            assert_eq!(read.link, DirectedLink { link, to: end });
            assert_eq!((read.frames.kind, read.effect), (kind, FaultEffect::Delay(ms(7))));
        }
    }
    for (to, end) in [("gw", LinkEnd::First), ("aaa", LinkEnd::Second)] {
        let read = entry("r3:gw-aaa", to, "frame = \"any\"\nlose = true");
        assert_eq!(read.link, DirectedLink { link: Link::R3, to: end });
    }
    let read = entry("r4:bs1-bs2", "bs2", "frame = \"data\"\nduplicate = \"1us\"");
    assert_eq!(read.effect, FaultEffect::Duplicate(Duration::from_micros(1)));
}

#[test]
fn what_an_entry_for_a_link_leaves_out_is_as_for_all() {
    let all = "[radio]\nframe = \"10ms\"\nloss = 0.1\nduplication = 0.2\nbit_errors = 0.3\nreordering = 0.4\n\
               [backbone]\nlatency = \"4ms\"\njitter = \"1ms\"\nloss = 0.5\nduplication = 0.6\nreordering = 0.7\n";
    let entry = |link: &str, to: &str, rest: &str| {
        parse(&format!("{STATIONS}{all}[[link]]\nlink = {link:?}\nto = {to:?}\n{rest}\n")).unwrap().links[0]
    };
    let link = Link::Air { mobile_station: MobileStationId(0), base_station: BaseStationId(1) };
    let link = DirectedLink { link, to: LinkEnd::First };
    let air = LinkImpairments {
        link,
        loss: 0.1,
        duplication: 0.2,
        bit_errors: 0.3,
        reordering: 0.4,
        held_back: ms(10),
        wire: None,
    };
    assert_eq!(entry("air:ms1-bs2", "ms1", "loss = 1"), LinkImpairments { loss: 1.0, ..air });
    let rest = "duplication = 0\nbit_errors = 0\nreordering = 0\nheld_back = \"1ms\"";
    let own = LinkImpairments { duplication: 0.0, bit_errors: 0.0, reordering: 0.0, held_back: ms(1), ..air };
    assert_eq!(entry("air:ms1-bs2", "ms1", rest), own);
    let link = DirectedLink { link: Link::R6 { base_station: BaseStationId(0) }, to: LinkEnd::First };
    let wire = |latency, jitter| Some(WireDelay { latency: ms(latency), jitter: ms(jitter) });
    let backbone = LinkImpairments {
        link,
        loss: 0.5,
        duplication: 0.6,
        bit_errors: 0.0,
        reordering: 0.7,
        held_back: ms(8),
        wire: wire(4, 1),
    };
    assert_eq!(entry("r6:bs1-gw", "bs1", "bit_errors = 1"), LinkImpairments { bit_errors: 1.0, ..backbone });
    let own = LinkImpairments { held_back: ms(6), wire: wire(3, 1), ..backbone };
    assert_eq!(entry("r6:bs1-gw", "bs1", "latency = \"3ms\""), own);
    assert_eq!(entry("r6:bs1-gw", "bs1", "jitter = \"2ms\"").wire, wire(4, 2));
}

#[test]
fn certificates_and_the_aaa_server_are_read() {
    let text = "[aaa]\nname = \"home\"\nip = \"10.16.9.9\"\nsecret = \"a word\"\ncertificate = \"expired\"\n";
    let aaa = parse(&format!("{STATIONS}{text}")).unwrap().aaa;
    let expected = Aaa {
        name: "home".to_owned(),
        ip: Ipv4Addr::new(10, 16, 9, 9),
        secret: "a word".to_owned(),
        certificate: CertificateState::Expired,
    };
    assert_eq!(aaa, expected);
    for (word, state) in [
        ("valid", CertificateState::Valid),
        ("other-ca", CertificateState::OtherCa),
        ("expired", CertificateState::Expired),
        ("other-name", CertificateState::OtherName),
    ] {
        let script = with(SMALLEST, &[&format!("mobile_station.ms1.certificate={word:?}")]).unwrap();
        assert_eq!(script.mobile_stations[0].certificate, state);
    }
}

#[test]
fn with_full_entry_everything_of_the_script_is_later_by_the_time_for_it() {
    let text = format!(
        "entry_time = \"3s\"\n{STATIONS}[[traffic]]\nmobile_station = \"ms1\"\nkind = \"udp\"\nstart = \"100ms\"\n\
         [[step]]\nat = \"1s\"\nmobile_station = \"ms1\"\naction = \"handover\"\ntarget = \"bs2\"\n\
         [[fault]]\nlink = \"air:ms1-bs1\"\nto = \"ms1\"\nframe = \"any\"\nafter = \"40ms\"\nlose = true\n\
         [[attack]]\nname = \"a\"\ntap = \"air:ms1-bs1\"\ndirection = \"uplink\"\ntrigger = {{ frame = \"data\" }}\n\
         action = {{ record = \"t\" }}\n\
         [[attack]]\nname = \"b\"\ntap = \"air:ms1-bs1\"\ndirection = \"uplink\"\ntrigger = {{ time = \"2s\" }}\n\
         action = {{ replay = \"t\" }}\n"
    );
    let instants = |script: &Script| {
        let Some(Traffic::Generated(traffic)) = script.traffic.first() else { panic!("{:?}", script.traffic) };
        let Trigger::Time(replay) = script.attacks[1].trigger.clone() else { panic!("{:?}", script.attacks) };
        let Trigger::Frame(record, _) = script.attacks[0].trigger.clone() else { panic!("{:?}", script.attacks) };
        let ends = VirtualTime::ZERO + script.duration;
        let faults = script.faults[0].frames.after;
        [script.begins, traffic.start, traffic.stop, script.steps[0].at, faults, record.after, replay, ends]
    };
    let plain = [0, 100, 3_000, 1_000, 40, 0, 2_000, 3_000].map(at);
    assert_eq!(instants(&parse(&text).unwrap()), plain, "nobody enters");
    for sets in [&["entry=full"][..], &["mobile_station.ms2.entry=full"]] {
        let script = with(&text, sets).unwrap();
        assert_eq!(instants(&script), plain.map(|instant| instant + ms(3_000)), "{sets:?}");
    }
    let script = with(&text, &["mobile_station.ms2.entry=full"]).unwrap();
    let entries: Vec<Entry> = script.mobile_stations.iter().map(|mobile| mobile.entry).collect();
    assert_eq!(entries, [Entry::Established, Entry::Full]);
}

#[test]
fn a_pmk_and_the_msk_that_it_comes_from_are_the_same() {
    let tail = "0123456789abcdef0123456789ABCDEF01234567";
    let pmk = parse(&format!("{SMALLEST}pmk = \"{tail}\"\n")).unwrap();
    let msk = parse(&format!("{SMALLEST}msk = \"{}{tail}\"\n", "77".repeat(44))).unwrap();
    assert!(pmk.mobile_stations[0].pmk.is_some());
    assert_eq!(pmk.mobile_stations[0].pmk, msk.mobile_stations[0].pmk);
}

#[test]
fn a_fixed_station_declares_no_seamless_handover() {
    // A26
    let script = parse(&format!("{SMALLEST}station = \"fixed\"\n")).unwrap();
    let fixed = &script.mobile_stations[0];
    assert_eq!((fixed.station, fixed.seamless, script.negotiates_seamless(fixed)), (Station::Fixed, false, false));
}
