//! The modes in every kind of network: without association, with loss, with several flows and SAs, under the other profile,
//! with cancelled attempts, there and back; and in small networks made at random.

use std::collections::BTreeSet;

use keyhop::dot16::node::HandoverMode;
use keyhop::emulation::Engine;
use proptest::prelude::*;

use super::{legacy, mode};
use crate::scripts::{assert_connected, assert_harmless, outcomes, run, step, udp};
use crate::support::{Run, handover, network, run_with, script};

fn assert_all_delivered(run: &Run) {
    assert_harmless(run);
    let traffic = &run.outcome.traffic["ms1"];
    assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0));
}

#[test]
fn every_mode_works_without_association_and_under_the_other_profile() {
    for of in legacy() {
        for set in ["radio.association=none", "profile=std2009"] {
            let rest = udp("both", "100ms", "10ms") + &handover("600ms", "bs2", &["bs2", "bs3"]);
            let run = run(3, &rest, &[&mode(of), set]);
            assert_eq!(outcomes(&run), [("bs2", "completed", of.as_str())], "{set}");
            assert_all_delivered(&run);
        }
    }
}

/// Pings in a security association of their own, beside UDP.
const PINGS: &str = "[[flow]]\nsa = 2\nprotocol = \"icmp\"\n[[traffic]]\nkind = \"icmp-echo\"\nstart = \"100ms\"\n\
                     stop = \"2.3s\"\ninterval = \"10ms\"\n";

#[test]
fn every_mode_works_with_several_flows_and_sas() {
    for of in legacy() {
        let rest = udp("both", "103ms", "10ms") + PINGS + &handover("600ms", "bs2", &["bs2"]);
        let run = run(2, &rest, &[&mode(of)]);
        assert_eq!(outcomes(&run), [("bs2", "completed", of.as_str())]);
        assert_all_delivered(&run);
        let saids: BTreeSet<_> = run.data("air:ms1-bs2").iter().map(|pdu| pdu.tek.said).collect();
        assert_eq!(saids.len(), 2, "{of}");
    }
}

#[test]
fn every_mode_goes_there_and_back_and_through_cancelled_attempts() {
    for of in legacy() {
        let rest = udp("both", "100ms", "10ms")
            + &handover("400ms", "bs2", &["bs2", "bs3"])
            + &step("440ms", "cancel", "")
            + &handover("600ms", "bs2", &["bs2"])
            + &handover("1200ms", "bs1", &["bs1"])
            + &handover("1800ms", "bs3", &["bs3"]);
        let run = run(3, &rest, &[&mode(of)]);
        let of = of.as_str();
        let expected =
            [("bs2", "cancelled", of), ("bs2", "completed", of), ("bs1", "completed", of), ("bs3", "completed", of)];
        assert_eq!(outcomes(&run), expected);
        assert_all_delivered(&run);
    }
}

#[test]
fn every_mode_stands_loss_and_uses_no_nonce_twice() {
    for of in legacy() {
        for seed in 1..=6 {
            let rest = udp("both", "100ms", "10ms")
                + &handover("400ms", "bs2", &["bs2", "bs3"])
                + &handover("1200ms", "bs1", &["bs1"]);
            let sets = [mode(of), format!("seed={seed}")];
            let loss = ["radio.loss=0.08", "backbone.loss=0.05", "radio.duplication=0.05", "radio.reordering=0.05"];
            let sets: Vec<&str> = sets.iter().map(String::as_str).chain(loss).collect();
            let run = run(3, &rest, &sets);
            assert_harmless(&run);
            assert!(!outcomes(&run).is_empty());
        }
    }
}

#[test]
fn every_mode_gives_the_same_octets_on_both_engines() {
    for of in legacy() {
        let rest = udp("both", "100ms", "20ms") + &handover("600ms", "bs2", &["bs2"]);
        let script = script(&network(2, &rest), &[&mode(of), "radio.loss=0.02"]);
        let [inline, threads] = [Engine::Inline, Engine::PerNode].map(|engine| run_with(&script, engine, None));
        assert_eq!(inline.capture_octets(), threads.capture_octets(), "{of}");
        assert_eq!(inline.key_log_octets(), threads.key_log_octets(), "{of}");
    }
}

fn any_legacy() -> impl Strategy<Value = HandoverMode> {
    proptest::sample::select(legacy().collect::<Vec<_>>())
}

/// When, relative to the handover before, and where to; whether it is cancelled, and after how many milliseconds.
type Move = (u64, u8, Option<u64>);

fn any_moves() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec((350u64..600, 1u8..4, prop::option::weighted(0.3, 3u64..120)), 1..4)
}

fn moves_text(moves: &[Move]) -> String {
    let mut at = 0;
    let mut text = String::new();
    for (pause, target, cancelled) in moves {
        at += pause;
        let target = format!("bs{target}");
        text.push_str(&handover(&format!("{at}ms"), &target, &[&target]));
        if let Some(after) = cancelled {
            text.push_str(&step(&format!("{}ms", at + after), "cancel", ""));
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_moves_on_clean_links_lose_nothing_that_is_not_under_way_to_a_target_given_up(
        of in any_legacy(), moves in any_moves(), interval in 5u64..25, frame in 1u64..4, seed: u32,
    ) {
        let rest = udp("both", "100ms", &format!("{interval}ms")) + &moves_text(&moves);
        let (frame, seed) = (format!("radio.frame={}us", frame * 2_500), format!("seed={seed}"));
        let run = run(3, &rest, &[&mode(of), &frame, &seed]);
        assert_harmless(&run);
        let traffic = &run.outcome.traffic["ms1"];
        // Who gives a handover up loses what is on its way to the target.
        let may_lose = outcomes(&run).iter().any(|(_, outcome, _)| *outcome != "completed");
        prop_assert_eq!((traffic.ul.lost, traffic.dl.lost.min(u64::from(!may_lose))), (0, 0));
        assert_connected(&run, 2_200, 2_300);
    }

    #[test]
    fn random_moves_on_bad_links_use_no_nonce_twice_and_bring_nothing_twice(
        of in any_legacy(), moves in any_moves(), loss in 0u32..12, backbone in 0u32..8, seed: u32,
    ) {
        let rest = udp("both", "100ms", "10ms") + &moves_text(&moves);
        let sets = [
            mode(of),
            format!("seed={seed}"),
            format!("radio.loss=0.{loss:02}"),
            format!("backbone.loss=0.{backbone:02}"),
            "radio.reordering=0.03".to_owned(),
            "radio.duplication=0.03".to_owned(),
            "backbone.jitter=3ms".to_owned(),
            "backbone.reordering=0.05".to_owned(),
        ];
        assert_harmless(&run(3, &rest, &sets.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}
