//! The life of TEKs in whole runs: lifetimes, changes, refreshes before and after handovers, the end of packet numbers. Judged
//! by the capture and the key log. What single messages do is in `key_exchange`.

use std::collections::{BTreeMap, BTreeSet};

use keyhop::capture::key_log::TekSource;
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::security::{Kek, key_wrap};
use keyhop::dot16::wire::{ManagementMessage, PkmCode, PkmMessage};
use keyhop::time::VirtualTime;

use crate::support::{OpenedData, Run, bundled, handover, network, run_bundled, run_text};

const DIRECTIONS: [Direction; 2] = [Direction::Uplink, Direction::Downlink];

fn at(milliseconds: u64) -> VirtualTime {
    VirtualTime::from_nanos(milliseconds * 1_000_000)
}

/// The PKM messages on interfaces that begin with `prefix`, with the time of each.
fn pkm(run: &Run, prefix: &str) -> Vec<(VirtualTime, PkmMessage)> {
    let messages = run.air(prefix).into_iter().filter(|pdu| !pdu.is_data());
    messages
        .filter_map(|pdu| match pdu.message()? {
            ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => Some((pdu.time, message)),
            _ => None,
        })
        .collect()
}

fn of_code(messages: &[(VirtualTime, PkmMessage)], code: PkmCode) -> Vec<&(VirtualTime, PkmMessage)> {
    messages.iter().filter(|(_, message)| message.code == code).collect()
}

/// EKS and TEK of everything in a Key-Reply of a base station.
fn teks_in(run: &Run, bs: &str, reply: &PkmMessage) -> Vec<(u8, [u8; 16])> {
    let bs = run.bs(bs);
    let kek = run.keks().find(|kek| kek.bs == bs).map(|kek| Kek::from_octets(*kek.key.expose())).unwrap();
    let tek = |wrapped: &[u8]| *key_wrap::unwrap(&kek, wrapped).unwrap().octets();
    reply.tek_parameters().map(|teks| (teks.sequence_number, tek(&teks.wrapped_tek))).collect()
}

/// When the data of a direction changes to another EKS: the time of the first PDU, its EKS and PN.
fn changes(data: &[OpenedData], direction: Direction) -> Vec<(VirtualTime, u8, u32)> {
    let mut changes: Vec<(VirtualTime, u8, u32)> = Vec::new();
    for pdu in data.iter().filter(|pdu| pdu.direction == direction) {
        if changes.last().is_none_or(|(_, eks, _)| *eks != pdu.eks) {
            changes.push((pdu.time, pdu.eks, pdu.pn));
        }
    }
    changes
}

/// Changes of EKS, each with the milliseconds between which it comes.
#[track_caller]
fn assert_changes(data: &[OpenedData], direction: Direction, expected: &[(u8, u64, u64)]) {
    let found = changes(data, direction);
    let fits = |((time, eks, pn), (expected, from, to)): (&(VirtualTime, u8, u32), &(u8, u64, u64))| {
        (eks, pn) == (expected, &1) && (at(*from)..at(*to)).contains(time)
    };
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(fits),
        "{direction}: {found:?} is not {expected:?}"
    );
}

fn lost(run: &Run) -> (u64, u64) {
    let traffic = &run.outcome.traffic["ms1"];
    assert_eq!((traffic.ul.duplicated, traffic.dl.duplicated, traffic.ul.altered, traffic.dl.altered), (0, 0, 0, 0));
    (traffic.ul.lost, traffic.dl.lost)
}

/// PNs of each TEK and direction.
fn pns(data: &[OpenedData]) -> BTreeMap<([u8; 16], Direction), Vec<u32>> {
    let mut pns = BTreeMap::<_, Vec<u32>>::new();
    for pdu in data {
        pns.entry((*pdu.tek.key.expose(), pdu.direction)).or_default().push(pdu.pn);
    }
    pns
}

/// UDP both ways; PMK and run of these lengths.
fn udp(interval: &str, stop: &str) -> String {
    format!(
        "[[traffic]]\nkind = \"udp\"\ndirection = \"both\"\nstart = \"100ms\"\nstop = \"{stop}\"\n\
         interval = \"{interval}\"\nsize = 60\n"
    )
}

#[test]
fn each_tek_serves_for_its_lifetime_and_the_next_one_is_there_before_in_both_profiles() {
    // A3, A4, A22, R10
    for profile in ["contribution", "std2009"] {
        let run = run_bundled("tek-refresh", &[&format!("profile={profile}")]);
        assert_eq!(lost(&run), (0, 0), "{profile}");
        assert_eq!(run.outcome.nonce_reuse, 0);
        let before = run.data("air:ms1-bs1");
        assert_changes(&before, Direction::Uplink, &[(1, 200, 210), (2, 880, 960)]);
        assert_changes(&before, Direction::Downlink, &[(0, 200, 210), (1, 1_000, 1_040)]);
        let after = run.data("air:ms1-bs2");
        // Derived at 1.5 s at the mobile, and 20 ms later at the BS; TEK0 lives 1 s and TEK1 4 s.
        assert_changes(&after, Direction::Uplink, &[(0, 1_530, 1_600), (1, 2_500, 2_540), (3, 5_500, 5_540)]);
        assert_changes(&after, Direction::Downlink, &[(0, 1_530, 1_600), (1, 2_500, 2_560), (2, 5_500, 5_560)]);
        for (_, pns) in pns(&before).into_iter().chain(pns(&after)) {
            assert!(pns.iter().zip(1..).all(|(pn, expected)| *pn == expected), "{pns:?}");
        }
    }
}

#[test]
fn the_mobile_asks_an_eighth_of_its_lifetime_before_the_older_tek_expires_or_the_grace_time_if_that_is_less() {
    // R10
    let asked = |sets: &[&str]| {
        let run = run_bundled("tek-refresh", sets);
        assert_eq!(lost(&run), (0, 0));
        let messages = pkm(&run, "air:");
        let requests = of_code(&messages, PkmCode::KEY_REQUEST);
        requests.iter().map(|(time, _)| time.as_nanos() / 1_000_000).collect::<Vec<_>>()
    };
    // Due at 1 s - 125 ms, 2.5 s - 125 ms and 5.5 s - 500 ms; an uplink subframe starts 3 ms into each frame of 5 ms.
    assert_eq!(asked(&[]), [878, 2_378, 5_003]);
    assert_eq!(asked(&["mobile_station.ms1.tek_grace=200ms"]), [878, 2_378, 5_303]);
    assert_eq!(asked(&["mobile_station.ms1.tek_grace=50ms"]), [953, 2_453, 5_453]);
}

#[test]
fn a_key_reply_carries_the_random_teks_of_the_pair_and_never_a_generated_one() {
    // A21, A22
    let run = run_bundled("tek-refresh", &[]);
    let generated: BTreeSet<[u8; 16]> =
        run.teks().filter(|tek| tek.source == TekSource::Counter).map(|tek| *tek.key.expose()).collect();
    assert_eq!(generated.len(), 2);
    let mut sent = Vec::new();
    for bs in ["bs1", "bs2"] {
        for (_, reply) in of_code(&pkm(&run, &format!("air:ms1-{bs}")), PkmCode::KEY_REPLY) {
            let teks = teks_in(&run, bs, reply);
            for (eks, tek) in &teks {
                assert!(!generated.contains(tek), "{bs}, EKS {eks}");
                let logged = run.teks_of(bs).into_iter().find(|logged| logged.key.expose() == tek).unwrap();
                assert_eq!((logged.eks, logged.source), (*eks, TekSource::Random));
            }
            sent.push(teks.into_iter().map(|(eks, _)| eks).collect::<Vec<_>>());
        }
    }
    assert_eq!(sent, [vec![1, 2], vec![2], vec![2, 3]]);
}

#[test]
fn without_refresh_data_stops_when_tek1_expires() {
    // broken: A3, A22
    let run = run_bundled("tek-refresh", &["mobile_station.ms1.refresh=false"]);
    let (up, down) = lost(&run);
    assert!(up > 10 && down > 10, "{up} and {down}");
    let data = run.data("air:ms1-bs2");
    assert!(data.iter().all(|pdu| pdu.time < at(5_530)), "no TEK is used beyond its lifetime");
    assert!(data.iter().any(|pdu| pdu.time > at(5_450)));
    let messages = pkm(&run, "air:");
    assert!(of_code(&messages, PkmCode::KEY_REQUEST).is_empty());
    assert!(!of_code(&messages, PkmCode::TEK_INVALID).is_empty(), "the BS says that it has no TEK left");
}

#[test]
fn the_linger_bridges_what_is_under_way_and_the_difference_of_the_ends_when_a_tek_expires() {
    // A3, R10
    let text = network(2, &(udp("2ms", "3.5s") + &handover("1s", "bs2", &["bs2"])));
    let sets = ["authenticator.pmk_lifetime=16s", "duration=3.5s"];
    assert_eq!(lost(&run_text(&text, &sets)), (0, 0));
    // TEK0 of bs2, derived at 1 s, expires at 3 s at the mobile and 20 ms later at the BS.
    let strict = run_text(&text, &[&sets[..], &["radio.tek_linger=0s"]].concat());
    let (up, down) = lost(&strict);
    assert!(up <= 4 && (4..20).contains(&down), "{up} and {down} packets");
}

#[test]
fn teks_that_came_in_rng_rsp_are_refreshed_too() {
    // A22, R10
    let run = run_bundled("tek-refresh", &["mobile_station.ms1.seamless=false"]);
    assert_eq!(run.outcome.handovers[0].mode, "legacy-rng-rsp");
    assert_eq!(lost(&run), (0, 0));
    let data = run.data("air:ms1-bs2");
    // Made at about 1.6 s, for 1 s and 4 s: asked for at 2.5 s and at 5.1 s. Random ones: the mobile uses the newer at once.
    assert_changes(&data, Direction::Uplink, &[(1, 1_600, 1_660), (2, 2_470, 2_560), (3, 5_080, 5_160)]);
    assert_changes(&data, Direction::Downlink, &[(0, 1_590, 1_660), (1, 2_590, 2_660), (2, 5_590, 5_660)]);
}

#[test]
fn a_handover_that_begins_while_a_request_is_out_withdraws_it() {
    // A22
    let text = bundled("tek-refresh").replace("at = \"1.5s\"", "at = \"881ms\"");
    let run = run_text(&text, &[]);
    assert_eq!(lost(&run), (0, 0));
    let at_bs1 = pkm(&run, "air:ms1-bs1");
    assert_eq!(
        at_bs1.iter().map(|(_, message)| message.code).collect::<Vec<_>>(),
        [PkmCode::KEY_REQUEST, PkmCode::KEY_REPLY]
    );
    let reply = run.air("air:ms1-bs1").into_iter().find(|pdu| pdu.time == at_bs1[1].0 && !pdu.is_data()).unwrap();
    let comment = &run.capture.frames[reply.frame].comment;
    assert!(comment.contains("dropped: no Key-Request is out"), "{comment}");
    assert!(run.data("air:ms1-bs1").iter().all(|pdu| pdu.eks < 2), "the new TEK is not installed");
    let at_bs2 = pkm(&run, "air:ms1-bs2");
    assert!(of_code(&at_bs2, PkmCode::KEY_REQUEST).len() == 2, "the TEKs of bs2 have a life of their own");
}

#[test]
fn a_mobile_that_stays_after_all_asks_again_and_gets_the_tek_that_was_made_for_it() {
    // A22
    let cancel = "[[step]]\nat = \"884ms\"\naction = \"cancel\"\n";
    let text = network(2, &(udp("10ms", "2s") + &handover("881ms", "bs2", &["bs2"]) + cancel));
    let run = run_text(&text, &["authenticator.pmk_lifetime=8s", "duration=2s"]);
    assert_eq!(lost(&run), (0, 0));
    assert_eq!(run.outcome.handovers[0].outcome, "cancelled");
    let messages = pkm(&run, "air:ms1-bs1");
    let nonces: BTreeSet<_> =
        of_code(&messages, PkmCode::KEY_REQUEST).iter().map(|(_, message)| message.nonce().unwrap()).collect();
    let replies = of_code(&messages, PkmCode::KEY_REPLY);
    let teks: BTreeSet<_> = replies.iter().flat_map(|(_, reply)| teks_in(&run, "bs1", reply)).collect();
    assert_eq!((nonces.len(), replies.len()), (2, 2));
    assert_eq!(teks.iter().map(|(eks, _)| *eks).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn nothing_is_refreshed_before_rng_rsp_and_lifetimes_run_on_while_a_context_is_cached() {
    // A3, A16, R10
    let cancel = "[[step]]\nat = \"580ms\"\naction = \"cancel\"\n";
    let steps = handover("500ms", "bs2", &["bs2"]) + cancel + &handover("1.37s", "bs2", &["bs2"]);
    let text = network(2, &(udp("10ms", "2.5s") + &steps));
    let run = run_text(&text, &["authenticator.pmk_lifetime=8s", "duration=2.5s"]);
    let outcomes: Vec<_> = run.outcome.handovers.iter().map(|handover| handover.outcome.as_str()).collect();
    assert_eq!(outcomes, ["cancelled", "completed"]);
    // TEK0, made at 0.5 s and used before the handover was cancelled, is within its grace time at the second arrival.
    let data: Vec<OpenedData> = run.data("air:ms1-bs2").into_iter().filter(|pdu| pdu.time > at(1_000)).collect();
    for direction in DIRECTIONS {
        let changes = changes(&data, direction);
        let [(_, 0, resumed), (until, 1, 1)] = changes[..] else { panic!("{changes:?}") };
        assert!(resumed > 1, "the PNs of the cached context go on");
        assert!((at(1_500)..at(1_530)).contains(&until), "{direction}: {until}");
    }
    let answered = run.first_message("air:ms1-bs2", |message| matches!(message, ManagementMessage::RngRsp(_)));
    let (asked, _) = pkm(&run, "air:ms1-bs2")[0];
    let answered = answered.unwrap().time;
    assert!(asked > answered && asked < answered + std::time::Duration::from_millis(10), "{answered}, {asked}");
}

#[test]
fn after_refreshes_another_handover_begins_with_fresh_teks_at_pn_1() {
    // A4, A22
    let steps = handover("1s", "bs2", &["bs2"]) + &handover("3.5s", "bs1", &["bs1"]);
    let text = network(2, &(udp("20ms", "5.5s") + &steps));
    let run = run_text(&text, &["authenticator.pmk_lifetime=8s", "duration=5.5s"]);
    assert_eq!((lost(&run), run.outcome.nonce_reuse), ((0, 0), 0));
    let outcomes: Vec<_> = run.outcome.handovers.iter().map(|handover| handover.outcome.as_str()).collect();
    assert_eq!(outcomes, ["completed", "completed"]);
    let data: Vec<OpenedData> = run.data("air:ms1-bs1").into_iter().filter(|pdu| pdu.time > at(3_500)).collect();
    for direction in DIRECTIONS {
        assert_changes(&data, direction, &[(0, 3_520, 3_600), (1, 4_500, 4_560)]);
    }
    for bs in ["bs1", "bs2"] {
        assert!(!of_code(&pkm(&run, &format!("air:ms1-{bs}")), PkmCode::KEY_REPLY).is_empty(), "{bs}");
    }
}

#[test]
fn at_the_end_of_their_packet_numbers_teks_are_replaced_and_none_is_used_beyond_it() {
    // A4, A22
    let short = ["mobile_station.ms1.last_pn=25", "base_station.bs1.last_pn=25", "base_station.bs2.last_pn=25"];
    let run = run_bundled("tek-refresh", &short);
    assert_eq!((lost(&run), run.outcome.nonce_reuse), ((0, 0), 0));
    let pns = pns(&run.data("air:"));
    assert!(pns.values().flatten().all(|pn| *pn <= 25));
    assert!(pns.values().filter(|pns| pns.len() == 25).count() >= 8, "the end is reached again and again");
    // Nobody asks: what two TEKs have is sent, and then nothing more.
    let run = run_bundled("tek-refresh", &[&short[..], &["mobile_station.ms1.refresh=false"]].concat());
    let data = run.data("air:ms1-bs2");
    for direction in DIRECTIONS {
        assert_eq!(data.iter().filter(|pdu| pdu.direction == direction).count(), 50, "{direction}");
    }
}

#[test]
fn on_a_lossy_radio_refreshes_cost_no_packet_beyond_those_that_the_radio_loses() {
    // A22
    let text = network(1, &udp("10ms", "7s"));
    let mut refreshed = 0;
    for seed in 0..24 {
        let profile = if seed % 2 == 0 { "contribution" } else { "std2009" };
        let sets = [
            "authenticator.pmk_lifetime=16s",
            "duration=7s",
            "radio.loss=0.15",
            "radio.duplication=0.1",
            &format!("seed={seed}"),
            &format!("profile={profile}"),
        ];
        let run = run_text(&text, &sets);
        let data = run.data("air:");
        for direction in DIRECTIONS {
            let lost_on_air = data.iter().filter(|pdu| pdu.direction == direction && pdu.lost).count() as u64;
            let traffic = &run.outcome.traffic["ms1"];
            let counts = if direction == Direction::Uplink { &traffic.ul } else { &traffic.dl };
            assert_eq!(counts.lost, lost_on_air, "seed {seed}, {direction}");
            assert_eq!((counts.duplicated, counts.altered), (0, 0));
        }
        assert_eq!(run.outcome.nonce_reuse, 0);
        refreshed += of_code(&pkm(&run, "air:"), PkmCode::KEY_REPLY).len();
    }
    assert!(refreshed >= 24, "{refreshed}");
}
