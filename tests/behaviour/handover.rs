//! Runs of scripts, judged by their capture, key log and delivered packets, not by what the nodes say of themselves.
//! The statements are those of the contribution (A1 to A27) and the rules on top of it (R1 to R19).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyhop::capture::key_log::{TekHolder, TekNumber, TekSource};
use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::identifiers::{CmacKeyCount, Direction};
use keyhop::dot16::node::HandoverMode;
use keyhop::dot16::security::{Kek, Tek, TekIndex, counter_tek, key_wrap};
use keyhop::dot16::wire::{FragmentControl, FragmentationSubheader, ManagementMessage};
use keyhop::time::VirtualTime;

use crate::support::{self, OpenedData, Run, handover, network, run_bundled, run_text, udp};

const DIRECTIONS: [Direction; 2] = [Direction::Uplink, Direction::Downlink];

fn seconds(seconds: f64) -> VirtualTime {
    VirtualTime::from_nanos((seconds * 1e9) as u64)
}

fn counter_teks_of(run: &Run, bs: &str) -> usize {
    run.teks_of(bs).iter().filter(|tek| tek.source == TekSource::Counter).count()
}

fn outcomes(run: &Run) -> Vec<(&str, &str, &str)> {
    let handovers = run.outcome.handovers.iter();
    handovers.map(|handover| (handover.to.as_str(), handover.outcome.as_str(), handover.mode.as_str())).collect()
}

/// How often each delivered packet came out.
fn times_delivered(run: &Run) -> HashMap<(Direction, &[u8]), usize> {
    let mut times = HashMap::new();
    for packet in run.delivered_packets() {
        *times.entry(packet).or_default() += 1;
    }
    times
}

/// TEK, direction and PN of a PDU.
type Nonce = ([u8; 16], Direction, u32);

/// Every (TEK, direction, PN) under which data was sent, with the different PDUs sent under it. What the adversary sends
/// is a copy and adds nothing.
fn nonces(data: &[OpenedData]) -> BTreeMap<Nonce, BTreeSet<&[u8]>> {
    let mut nonces = BTreeMap::<_, BTreeSet<&[u8]>>::new();
    for pdu in data {
        let nonce = (*pdu.tek.key.expose(), pdu.direction, pdu.pn);
        nonces.entry(nonce).or_default().insert(&pdu.octets);
    }
    nonces
}

/// Checks that PNs run from 1 without a gap under every TEK and direction; answers how many sequences there were.
fn assert_pns_run_from_1(data: &[OpenedData]) -> usize {
    let mut last = BTreeMap::<([u8; 16], Direction), u32>::new();
    for pdu in data {
        let pn = last.entry((*pdu.tek.key.expose(), pdu.direction)).or_default();
        assert_eq!(pdu.pn, *pn + 1, "frame {} on {}", pdu.frame + 1, pdu.interface);
        *pn = pdu.pn;
    }
    last.len()
}

#[test]
fn encrypted_data_flows_both_ways_before_rng_req_under_the_counter_based_tek0_of_the_key_log() {
    // A1, A9, A10, R10
    let run = run_bundled("seamless", &[]);
    let rng_req = run.first_rng_req("air:ms1-bs2");
    let early: Vec<OpenedData> = run.data("air:ms1-bs2").into_iter().filter(|pdu| pdu.frame < rng_req.frame).collect();
    for direction in DIRECTIONS {
        assert!(early.iter().any(|pdu| pdu.direction == direction), "no {direction} data");
    }
    let kek = run.keks().find(|kek| kek.bs == run.bs("bs2")).unwrap();
    let kek = Kek::from_octets(*kek.key.expose());
    for pdu in &early {
        let tek = &pdu.tek;
        assert_eq!((tek.source, tek.holder), (TekSource::Counter, TekHolder::Both));
        assert_eq!((tek.tek, tek.eks, tek.count), (Some(TekNumber::Zero), 0, CmacKeyCount(2)));
        let derived = counter_tek(&kek, CmacKeyCount(2), tek.said, TekIndex::Tek0);
        assert_eq!(derived.octets(), tek.key.expose());
    }
    // What they carry is user traffic that came out.
    let delivered = times_delivered(&run);
    assert!(early.iter().all(|pdu| delivered[&(pdu.direction, pdu.plaintext.as_slice())] == 1));
}

#[test]
fn the_rng_req_of_a_seamless_handover_claims_m_plus_1_which_is_the_n_that_the_target_was_given() {
    // A2, R18
    for (set, m) in [("seed=1", 1), ("mobile_station.ms1.cmac_key_count=700", 700)] {
        let run = run_bundled("seamless", &[set]);
        let sent = run.first_rng_req("air:");
        assert_eq!(sent.interface, "air:ms1-bs2");
        assert!((1..=320).contains(&sent.pdu().header.cid.0), "not on a basic CID");
        let message = sent.rng_req().unwrap();
        assert_eq!(message.cmac_key_count(), Some(CmacKeyCount(m + 1)));
        assert!(message.cmac_tuple().is_some());
        assert_eq!(run.reported_counts("bs2"), [CmacKeyCount(m + 1)]);
        let before: BTreeSet<CmacKeyCount> = run.teks_of("bs1").iter().map(|tek| tek.count).collect();
        assert_eq!(before, BTreeSet::from([CmacKeyCount(m)]));
    }
}

#[test]
fn pns_start_at_1_under_fresh_teks_and_again_under_those_of_the_next_count() {
    // A4
    let steps = handover("700ms", "bs2", &["bs2"]) + &handover("1.5s", "bs1", &["bs1"]);
    let run = run_text(&network(2, &(udp(160) + &steps)), &[]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless"), ("bs1", "completed", "seamless")]);
    let data = run.data("air:");
    // The random TEKs of bs1 (another one in each direction), those of bs2, and the new ones of bs1.
    assert_eq!(assert_pns_run_from_1(&data), 6);
    let counts: BTreeSet<_> = data
        .iter()
        .filter(|pdu| pdu.tek.source == TekSource::Counter)
        .map(|pdu| (pdu.interface.as_str(), pdu.tek.count.0))
        .collect();
    assert_eq!(counts, BTreeSet::from([("air:ms1-bs2", 2), ("air:ms1-bs1", 3)]));
}

#[test]
fn the_mobile_has_the_teks_of_every_candidate_before_it_sends_mob_msho_req() {
    // A6, R9
    let run = run_bundled("seamless", &[]);
    let request = run.first_message("air:", |message| matches!(message, ManagementMessage::MobMshoReq(_))).unwrap();
    assert_eq!(request.interface, "air:ms1-bs1");
    let first_report = run.control(MessageKind::ContextRpt)[0].0;
    for bs in ["bs2", "bs3"] {
        let teks = run.teks_of(bs);
        assert_eq!(teks.len(), 2, "TEK0 and TEK1 of {bs}");
        for tek in teks {
            // Nobody but the mobile can have derived them: the base station has no AK before Context_Rpt.
            let from = tek.validity.from.unwrap();
            assert!(from <= request.time && from < first_report, "{bs}: {from}");
        }
    }
}

#[test]
fn every_candidate_is_prepared_with_n_and_after_completion_only_the_confirmed_context_is_left() {
    // A7, A17, R3, R5
    let steps = handover("1s", "bs3", &["bs2", "bs3", "bs4"]);
    let run = run_text(&network(4, &(udp(160) + &steps)), &[]);
    assert_eq!(outcomes(&run), [("bs3", "completed", "seamless")]);
    for bs in ["bs2", "bs3", "bs4"] {
        assert_eq!(run.reported_counts(bs), [CmacKeyCount(2)], "{bs}");
        let holders: Vec<_> = run.teks_of(bs).iter().map(|tek| tek.holder).collect();
        assert_eq!(holders, [TekHolder::Both; 2], "{bs}");
    }
    let updates = run.control(MessageKind::CmacKeyCountUpdate);
    let gateway = run.keys.node("gw").unwrap().ip.unwrap();
    let notices: Vec<_> = updates.iter().filter(|(_, packet, _)| packet.from.ip == gateway).collect();
    let told: BTreeSet<_> = notices.iter().map(|(_, packet, _)| packet.to.ip).collect();
    assert_eq!(told.len(), 4, "the Authenticator tells every holder");
    let last_notice = notices.iter().map(|(time, ..)| *time).max().unwrap();
    for tek in run.teks() {
        if tek.bs == run.bs("bs3") {
            assert_eq!(tek.validity.until, None, "the live context stays");
        } else {
            let until = tek.validity.until.expect("a context outlives the handover");
            assert!(until <= last_notice + std::time::Duration::from_millis(20), "{}: {until}", tek.bs);
        }
    }
}

#[test]
fn a_cancelled_attempt_leaves_n_as_it_is_and_the_retry_goes_on_with_the_pns_of_the_cached_context() {
    // A15, A16, A17, R1
    let run = run_bundled("cancel-retry", &[]);
    assert_eq!(outcomes(&run), [("bs2", "cancelled", "seamless"), ("bs2", "completed", "seamless")]);
    assert_eq!(run.reported_counts("bs2"), [CmacKeyCount(2); 2]);
    assert_eq!(run.first_rng_req("air:").rng_req().unwrap().cmac_key_count(), Some(CmacKeyCount(2)));
    assert_eq!(counter_teks_of(&run, "bs2"), 2, "nothing is derived again");
    let data = run.data("air:ms1-bs2");
    for direction in DIRECTIONS {
        let of = |first: bool| {
            let pdus = data.iter().filter(|pdu| pdu.direction == direction);
            let pns: Vec<u32> = pdus.filter(|pdu| (pdu.time < seconds(1.5)) == first).map(|pdu| pdu.pn).collect();
            pns
        };
        let (before, after) = (of(true), of(false));
        assert!(!before.is_empty() && !after.is_empty(), "{direction}");
        assert_eq!(after[0], before.len() as u32 + 1, "{direction}");
    }
    assert_pns_run_from_1(&data);
    assert!(nonces(&run.data("air:")).values().all(|pdus| pdus.len() == 1));
    assert!(times_delivered(&run).values().all(|times| *times == 1));
    // The old connection was resumed in between, on its own TEKs.
    let between = |pdu: &OpenedData| (seconds(1.2)..seconds(1.5)).contains(&pdu.time);
    assert!(run.data("air:ms1-bs1").iter().any(between));
}

#[test]
fn a_replayed_pdu_is_rejected_by_a_target_that_kept_its_window() {
    // A18, A19
    let run = run_bundled("replay-data", &[]);
    let replayed = run.data("adv:ms1-bs2");
    let genuine = run.data("air:ms1-bs2");
    assert_eq!(replayed.len(), 3);
    let delivered = times_delivered(&run);
    for copy in &replayed {
        let original = genuine.iter().find(|pdu| pdu.octets == copy.octets).expect("a genuine PDU");
        assert!(original.time < seconds(1.5) && copy.time > seconds(1.5));
        // It would open: only the window refuses it.
        assert_eq!(copy.tek, original.tek);
        assert_eq!(delivered[&(Direction::Uplink, copy.plaintext.as_slice())], 1);
    }
    assert!(nonces(&run.data("air:")).values().all(|pdus| pdus.len() == 1));
}

#[test]
fn on_a_live_connection_the_window_rejects_what_it_has_seen_and_what_lies_below_it() {
    // A19
    let attack = |name: &str, nth: u32| {
        let tap = "tap = \"air:ms1-bs1\"\ndirection = \"uplink\"\n";
        format!(
            "[[attack]]\nname = \"record-{name}\"\n{tap}trigger = {{ frame = \"data\", nth = {nth}, count = 2 }}\n\
             action = {{ record = \"{name}\" }}\n\
             [[attack]]\nname = \"{name}\"\n{tap}trigger = {{ time = \"2.2s\" }}\naction = {{ replay = \"{name}\" }}\n"
        )
    };
    // 110 PDUs: the window of 64 ends above PN 46.
    let text = network(2, &(udp(160) + &attack("old", 1) + &attack("recent", 90)));
    let run = run_text(&text, &[]);
    let replayed = run.data("adv:ms1-bs1");
    let pns: Vec<u32> = replayed.iter().map(|pdu| pdu.pn).collect();
    assert_eq!(pns, [1, 2, 90, 91]);
    let highest = run.data("air:ms1-bs1").iter().map(|pdu| pdu.pn).max().unwrap();
    assert!((92..=154).contains(&highest) && highest - 64 >= 2);
    let delivered = times_delivered(&run);
    for copy in &replayed {
        assert_eq!(delivered[&(Direction::Uplink, copy.plaintext.as_slice())], 1, "PN {}", copy.pn);
    }
    assert_eq!(run.outcome.rejects.pn_replay, 4);
    assert!(run.outcome.attacks.iter().all(|attack| !attack.succeeded));
}

#[test]
fn a_target_without_cache_takes_a_replayed_pdu_and_gives_an_eavesdropper_the_xor_of_two_plaintexts() {
    // broken: A16, A17, A18, A19, R4
    let run = run_bundled("replay-data-no-cache", &[]);
    let replayed = run.data("adv:ms1-bs2");
    assert_eq!(replayed.len(), 3);
    let delivered = times_delivered(&run);
    for copy in &replayed {
        assert_eq!(delivered[&(Direction::Uplink, copy.plaintext.as_slice())], 2, "accepted twice");
    }
    let data = run.data("air:ms1-bs2");
    let nonces = nonces(&data);
    let reused = nonces.iter().find(|(_, pdus)| pdus.len() > 1);
    let ((_, direction, pn), pdus) = reused.expect("a nonce used twice");
    assert_eq!(*direction, Direction::Downlink);
    let plaintext = |octets: &[u8]| &data.iter().find(|pdu| pdu.octets == octets).unwrap().plaintext;
    let [first, second] = [0, 1].map(|index| *pdus.iter().nth(index).unwrap());
    let (one, other) = (plaintext(first), plaintext(second));
    assert_ne!(one, other, "the same packet sent again shows nothing");
    // What the eavesdropper has: the ciphertexts, between header with PN (10 octets) and ICV with CRC (12).
    let ciphertext = |octets: &[u8]| octets[10..octets.len() - 12].to_vec();
    let xor = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect::<Vec<u8>>();
    assert_eq!(xor(&ciphertext(first), &ciphertext(second)), xor(one, other), "PN {pn}");
}

/// Where a generated TEK of the run stands on a link, plain or wrapped under a KEK of the run.
fn generated_tek_on_link(run: &Run) -> Option<usize> {
    let keks: Vec<Kek> = run.keks().map(|kek| Kek::from_octets(*kek.key.expose())).collect();
    let mut patterns: Vec<Vec<u8>> = Vec::new();
    for tek in run.teks().filter(|tek| tek.source == TekSource::Counter) {
        let tek = Tek::from_octets(*tek.key.expose());
        patterns.push(tek.octets().to_vec());
        for kek in &keks {
            patterns.push(key_wrap::wrap(kek, &tek).to_vec());
            patterns.push(key_wrap::ecb_wrap(kek, &tek).to_vec());
        }
    }
    let found = |octets: &[u8]| {
        let holds = |pattern: &Vec<u8>| octets.windows(pattern.len()).any(|window| window == pattern.as_slice());
        patterns.iter().any(holds)
    };
    run.capture.frames.iter().position(|frame| found(&frame.octets))
}

#[test]
fn no_generated_tek_stands_on_any_link_plain_or_wrapped_and_the_search_finds_a_planted_one() {
    // A21
    for name in support::bundled_names() {
        let mut run = run_bundled(&name, &[]);
        assert_eq!(generated_tek_on_link(&run), None, "{name}");
        let Some(tek) = run.teks().find(|tek| tek.source == TekSource::Counter) else {
            assert_ne!(
                support::script(&support::bundled(&name), &[]).mode,
                HandoverMode::Seamless,
                "{name} generates no TEK"
            );
            continue;
        };
        let tek = Tek::from_octets(*tek.key.expose());
        let kek = Kek::from_octets(*run.keks().last().unwrap().key.expose());
        let frame = run.capture.frames.len() - 1;
        let octets = run.capture.frames[frame].octets.clone();
        for planted in
            [tek.octets().to_vec(), key_wrap::wrap(&kek, &tek).to_vec(), key_wrap::ecb_wrap(&kek, &tek).to_vec()]
        {
            run.capture.frames[frame].octets = [&octets[..7], &planted, &octets[7..]].concat();
            assert_eq!(generated_tek_on_link(&run), Some(frame), "{name}");
        }
    }
}

#[test]
fn a_mobile_that_did_not_declare_seamless_gets_random_teks_in_rng_rsp_and_has_no_data_before() {
    // A5, R11
    let run = run_bundled("seamless", &["mobile_station.ms1.seamless=false"]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-rng-rsp")]);
    for bs in ["bs2", "bs3"] {
        assert_eq!(counter_teks_of(&run, bs), 0);
    }
    assert!(run.teks_of("bs2").iter().all(|tek| tek.source == TekSource::Random));
    let answer = run
        .first_message("air:ms1-bs2", |message| match message {
            ManagementMessage::RngRsp(response) => response.sa_tek_updates().next().is_some(),
            _ => false,
        })
        .expect("an RNG-RSP with TEKs");
    let data = run.data("air:ms1-bs2");
    for direction in DIRECTIONS {
        assert!(data.iter().any(|pdu| pdu.direction == direction));
    }
    assert!(data.iter().all(|pdu| pdu.frame > answer.frame));
    assert!(times_delivered(&run).values().all(|times| *times == 1));
}

#[test]
fn without_association_a_cdma_code_and_rng_rsp_come_before_data_in_every_mode() {
    // R14
    for sets in [&["radio.association=none"][..], &["radio.association=none", "mobile_station.ms1.seamless=false"]] {
        let run = run_bundled("seamless", sets);
        assert_eq!(run.outcome.handovers[0].outcome, "completed");
        let code = run
            .capture
            .frames
            .iter()
            .position(|frame| run.interface(frame) == "air:ms1-bs2" && frame.octets.len() == 3)
            .expect("a CDMA code");
        assert_eq!(run.capture.frames[code].direction, Some(Direction::Uplink));
        let answer =
            run.first_message("air:ms1-bs2", |message| matches!(message, ManagementMessage::RngRsp(_))).unwrap();
        assert!(code < answer.frame);
        let uplink = run.data("air:ms1-bs2").into_iter().find(|pdu| pdu.direction == Direction::Uplink);
        assert!(uplink.unwrap().frame > answer.frame, "{sets:?}");
        let rng_req = run.first_rng_req("air:ms1-bs2");
        assert!(rng_req.frame > answer.frame, "{sets:?}");
    }
    let run = run_bundled("seamless", &[]);
    assert!(run.capture.frames.iter().all(|frame| frame.octets.len() > 3), "no code with association");
}

#[test]
fn sdus_longer_than_a_pdu_travel_in_fragments_and_come_out_whole() {
    // R15
    let steps = handover("1s", "bs2", &["bs2"]);
    for max_pdu in [64, 200, 1000] {
        let run = run_text(&network(2, &(udp(1500) + &steps)), &[&format!("radio.max_pdu={max_pdu}")]);
        assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
        let data = run.data("air:");
        assert!(data.iter().all(|pdu| pdu.octets.len() <= max_pdu));
        // Put together again here, on loss-free links: first, middles, last, with consecutive FSNs.
        let mut parts = BTreeMap::<(&str, Direction), (u16, Vec<u8>)>::new();
        let mut whole = Vec::new();
        for pdu in &data {
            assert!(pdu.pdu_type.fragmentation());
            let (subheader, rest) = FragmentationSubheader::parse(&pdu.plaintext, pdu.pdu_type.extended()).unwrap();
            let key = (pdu.interface.as_str(), pdu.direction);
            match subheader.control {
                FragmentControl::First => drop(parts.insert(key, (subheader.fsn, rest.to_vec()))),
                control => {
                    let (fsn, part) = parts.get_mut(&key).expect("a first fragment");
                    assert_eq!(subheader.fsn, (*fsn + 1) % 2048);
                    *fsn = subheader.fsn;
                    part.extend_from_slice(rest);
                    if control == FragmentControl::Last {
                        whole.push((pdu.direction, parts.remove(&key).unwrap().1));
                    }
                }
            }
        }
        let delivered = times_delivered(&run);
        assert_eq!(delivered.len() as u64, run.outcome.traffic["ms1"].ul.sent + run.outcome.traffic["ms1"].dl.sent);
        assert!(delivered.values().all(|times| *times == 1));
        assert!(delivered.keys().all(|(_, packet)| packet.len() == 1500));
        for (direction, packet) in delivered.keys() {
            assert!(whole.contains(&(*direction, packet.to_vec())), "max_pdu {max_pdu}");
        }
    }
}

#[test]
fn tek0_gives_way_to_tek1_when_an_eighth_of_the_pmk_lifetime_is_over() {
    // A3, R10
    let text = network(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"])));
    // TEK0 of bs2 lives 1 s, TEK1 4 s.
    let run = run_text(&text, &["authenticator.pmk_lifetime=8s"]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
    let data = run.data("air:ms1-bs2");
    for direction in DIRECTIONS {
        let of = |eks: u8| data.iter().filter(move |pdu| pdu.direction == direction && pdu.eks == eks);
        let last_of_tek0 = of(0).next_back().expect("data under TEK0");
        let first_of_tek1 = of(1).next().expect("data under TEK1");
        assert_eq!(first_of_tek1.tek.tek, Some(TekNumber::One));
        assert_eq!(first_of_tek1.pn, 1);
        assert!(last_of_tek0.time < first_of_tek1.time);
        // Derived at about 0.5 s at the mobile and 30 ms later at the base station.
        assert!((seconds(1.49)..seconds(1.56)).contains(&first_of_tek1.time), "{}", first_of_tek1.time);
    }
    assert!(times_delivered(&run).values().all(|times| *times == 1));
}

#[test]
fn data_that_does_not_decrypt_is_discarded_and_nothing_else_happens() {
    // A20
    let steps = handover("1s", "bs2", &["bs2"]);
    let text = network(2, &(udp(400) + &steps));
    let mut bad = 0;
    for seed in 0..10 {
        let run = run_text(&text, &["radio.bit_errors=0.05", &format!("seed={seed}")]);
        let rejects = &run.outcome.rejects;
        bad += rejects.icv + rejects.malformed;
        for traffic in [&run.outcome.traffic["ms1"].ul, &run.outcome.traffic["ms1"].dl] {
            assert_eq!((traffic.altered, traffic.duplicated), (0, 0), "seed {seed}");
            assert!(traffic.delivered > traffic.sent * 8 / 10, "seed {seed}: {traffic:?}");
        }
        assert_eq!(run.outcome.handovers.len(), 1);
    }
    assert!(bad > 50, "the bit errors did not reach the receivers: {bad}");
}

/// What must hold in every run, whatever is lost: no nonce twice, no packet altered or delivered twice, and every
/// handover ended.
fn assert_safe(run: &Run, what: &str) {
    let data = run.data_of_any_time("air:");
    let reused: Vec<_> =
        nonces(&data).into_iter().filter(|(_, pdus)| pdus.len() > 1).map(|(nonce, _)| nonce.2).collect();
    assert!(reused.is_empty(), "{what}: PNs used twice: {reused:?}");
    assert_eq!(run.outcome.nonce_reuse, 0, "{what}");
    for traffic in run.outcome.traffic.values().flat_map(|traffic| [&traffic.ul, &traffic.dl]) {
        assert_eq!((traffic.altered, traffic.duplicated), (0, 0), "{what}");
        assert_eq!(traffic.delivered + traffic.lost, traffic.sent, "{what}");
    }
    for (packet, times) in times_delivered(run) {
        assert_eq!(times, 1, "{what}: {:?}", packet.0);
    }
    for handover in &run.outcome.handovers {
        match handover.outcome.as_str() {
            "completed" | "cancelled" | "fell-back" => {}
            // Every repetition was lost, and the way back too: the mobile enters anew. Or the run ended before the handover.
            "released" => {
                assert!(handover.ended_us.is_some() || handover.started_us > 2_000_000, "{what}: {handover:?}");
            }
            _ => panic!("{what}: {handover:?}"),
        }
    }
    assert_eq!(generated_tek_on_link(run), None, "{what}");
}

#[test]
fn whatever_radio_and_backbone_lose_no_nonce_is_used_twice_and_every_handover_ends() {
    // A4, A16, A19, R1, R2, R3
    let steps = handover("600ms", "bs2", &["bs2", "bs3"]) + &handover("1.6s", "bs3", &["bs3", "bs1"]);
    let text = network(3, &(udp(160) + &steps));
    let losses = [("0.02", "0.02"), ("0.3", "0"), ("0", "0.25"), ("0.3", "0.3")];
    let mut ends = BTreeMap::<String, usize>::new();
    for seed in 0..40 {
        let (radio, backbone) = losses[seed % losses.len()];
        let sets = [format!("radio.loss={radio}"), format!("backbone.loss={backbone}"), format!("seed={seed}")];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let run = run_text(&text, &sets);
        let what = format!("{sets:?}");
        assert_safe(&run, &what);
        assert!(!run.outcome.handovers.is_empty(), "{what}");
        for handover in &run.outcome.handovers {
            *ends.entry(handover.outcome.clone()).or_default() += 1;
        }
    }
    for outcome in ["completed", "fell-back"] {
        assert!(ends.contains_key(outcome), "the losses show too little: {ends:?}");
    }
}

#[test]
fn cancelled_attempts_and_duplicating_links_are_safe_too() {
    // A16, A17, A19, R1
    let steps = handover("500ms", "bs2", &["bs2"])
        + "[[step]]\nat = \"580ms\"\naction = \"cancel\"\n"
        + &handover("900ms", "bs2", &["bs2", "bs3"])
        + "[[step]]\nat = \"1s\"\naction = \"cancel\"\n"
        + &handover("1.5s", "bs2", &["bs2"]);
    let text = network(3, &(udp(160) + &steps));
    for seed in 0..24 {
        let loss = ["0", "0.05", "0.2"][seed % 3];
        let sets = [
            format!("radio.loss={loss}"),
            "radio.duplication=0.1".to_owned(),
            format!("backbone.loss={loss}"),
            format!("seed={seed}"),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        assert_safe(&run_text(&text, &sets), &format!("{sets:?}"));
    }
}

#[test]
fn a_deadline_that_passes_before_any_rng_req_was_sent_leads_back_to_the_old_connection() {
    // R1, R14
    let text = network(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"]) + &handover("1.5s", "bs2", &["bs2"])));
    let mut seen = 0;
    for seed in 0..60 {
        let sets =
            ["radio.association=none", "radio.loss=0.3", "radio.ranging_deadline=100ms", &format!("seed={seed}")];
        let run = run_text(&text, &sets);
        assert_safe(&run, &format!("{sets:?}"));
        let first = &run.outcome.handovers[0];
        let codes = run.capture.frames.iter().filter(|frame| frame.octets.len() == 3 && frame.time < seconds(1.5));
        let ranged = run.air("air:ms1-bs2").iter().any(|pdu| pdu.time < seconds(1.5) && pdu.rng_req().is_some());
        if first.outcome == "cancelled" && codes.count() > 0 && !ranged {
            seen += 1;
            let again = run.air("air:ms1-bs1").into_iter().any(|pdu| {
                pdu.is_data()
                    && pdu.direction == Direction::Uplink
                    && (1.1..1.5).contains(&(pdu.time.as_nanos() as f64 / 1e9))
            });
            assert!(again, "seed {seed}: no data on the old connection");
            let claims: BTreeSet<_> =
                run.air("air:").iter().filter_map(|pdu| pdu.rng_req()?.cmac_key_count()).collect();
            assert!(
                claims.is_empty() || claims.contains(&CmacKeyCount(2)),
                "seed {seed}: T_M was not spent: {claims:?}"
            );
        }
    }
    assert!(seen > 3, "the losses hit too few CDMA codes: {seen}");
}

#[test]
fn after_a_completed_handover_data_flows_at_the_target_however_late_the_backbone_was() {
    // R2, R3, R16
    // Attempts that the serving base station gives up because answers come late, and new ones at once.
    let steps: String =
        (0..5).map(|attempt| handover(&format!("{}ms", 400 + 340 * attempt), "bs2", &["bs2"])).collect();
    let text = network(3, &(udp(160) + &steps));
    let mut completed = 0;
    for seed in 0..120 {
        let sets = ["backbone.latency=15ms", "backbone.jitter=40ms", "backbone.loss=0.2", &format!("seed={seed}")];
        let run = run_text(&text, &sets);
        assert_safe(&run, &format!("{sets:?}"));
        let at_bs2 = run.outcome.handovers.iter().position(|handover| handover.outcome == "completed");
        // The first attempt of all meets nothing late.
        if at_bs2.is_none_or(|attempt| attempt == 0) {
            continue;
        }
        completed += 1;
        for (interface, direction) in [(0, Direction::Uplink), (1, Direction::Downlink)] {
            let out = run.delivered.frames.iter().filter(|frame| frame.interface == interface);
            let last = out.map(|frame| frame.time).max().unwrap();
            assert!(last > seconds(2.2), "{sets:?}: no {direction} data after {last}");
        }
    }
    assert!(completed > 20, "{completed}");
}

#[test]
fn a_mobile_that_comes_to_its_first_target_by_a_detour_has_its_downlink_there() {
    // R16
    let lose = |at: &str| format!("[[step]]\nat = \"{at}\"\naction = \"lose_contexts\"\n");
    let there = handover("500ms", "bs2", &["bs2", "bs3"]);
    let steps = [there, lose("546ms"), lose("617ms"), lose("657ms")].concat();
    let run = run_text(&network(3, &format!("{}{steps}", udp(100))), &["mode=legacy-rng-rsp"]);
    // bs2 asks for the path at HO_Cnf; the mobile enters bs1 again, which leads the path there, and then bs2.
    assert_eq!(
        outcomes(&run),
        [("bs1", "fell-back", "legacy-rng-rsp"), ("bs2", "fell-back", "legacy-rng-rsp")],
        "the detour"
    );
    let downlink = &run.outcome.traffic["ms1"].dl;
    assert!(downlink.lost < 10, "{} of {} packets lost", downlink.lost, downlink.sent);
}
