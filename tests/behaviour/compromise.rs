//! A compromised serving base station (attack 14): what its keys open at the target, tried with real keys on real PDUs.

use std::collections::BTreeSet;

use keyhop::capture::key_log::TekSource;

use crate::support::{self, Run, run_bundled};

const OTHER_MODES: [&str; 4] = ["seamless", "legacy-full", "legacy-sa-tek", "legacy-rng-rsp"];

/// Whether the attack of `reuse-compromised` succeeded, and its detail.
fn attack(run: &Run) -> (bool, &str) {
    let [attack] = run.outcome.attacks.as_slice() else { panic!("{:?}", run.outcome.attacks) };
    // What the first PDU says stands behind.
    (attack.succeeded, attack.detail.split(", the first says").next().unwrap())
}

/// The TEKs under which data was sent at a base station, as the key log shows them.
fn teks_in_use(run: &Run, prefix: &str) -> BTreeSet<[u8; 16]> {
    run.data_of_any_time(prefix).iter().map(|pdu| *pdu.tek.key.expose()).collect()
}

#[test]
fn under_reuse_the_keys_of_the_source_open_everything_at_the_target() {
    // broken: A25
    let run = run_bundled("reuse-compromised", &[]);
    assert_eq!(run.outcome.handovers[0].mode, "legacy-reuse");
    let heard = run.data("air:ms1-bs2").len();
    assert!(heard > 50);
    assert_eq!(attack(&run), (true, format!("{heard} of {heard} PDUs at bs2 opened").as_str()));
    // What the adversary did is what the key log says: the same keys are in use at both.
    let source = teks_in_use(&run, "air:ms1-bs1");
    assert!(teks_in_use(&run, "air:ms1-bs2").is_subset(&source));
}

#[test]
fn in_every_other_mode_they_open_nothing_there() {
    // A25
    for mode in OTHER_MODES {
        let run = run_bundled("reuse-compromised", &[&format!("mode={mode}")]);
        assert_eq!(run.outcome.handovers[0].outcome, "completed", "{mode}");
        let heard = run.data_of_any_time("air:ms1-bs2").len();
        assert!(heard > 40, "{mode}");
        assert_eq!(attack(&run), (false, format!("0 of {heard} PDUs at bs2 opened").as_str()), "{mode}");
        assert!(teks_in_use(&run, "air:ms1-bs2").is_disjoint(&teks_in_use(&run, "air:ms1-bs1")), "{mode}");
    }
    let seamless = run_bundled("reuse-compromised", &["mode=seamless"]);
    assert!(seamless.teks_of("bs2").iter().all(|tek| tek.source == TekSource::Counter));
}

#[test]
fn the_adversary_has_the_keys_of_that_very_node_and_of_its_own_time_only() {
    // A25
    let script = |from: &str, to: &str| {
        let text = std::fs::read_to_string(support::repository("captures/reuse-compromised.toml")).unwrap();
        assert!(text.contains(from));
        support::run_text(&text.replace(from, to), &[])
    };
    // bs1 has deleted its TEKs when the mobile was at bs2: who comes then finds none.
    let late = script("trigger = { time = \"500ms\" }", "trigger = { time = \"1.4s\" }");
    let (succeeded, detail) = attack(&late);
    assert!(!succeeded && detail.starts_with("0 of "), "{detail}");
    // A base station that has nothing to do with the mobile knows nothing.
    let third = "[[mobile_station]]";
    let bs3 = format!("[[base_station]]\nname = \"bs3\"\nbsid = \"0a0000000003\"\nip = \"10.16.0.3\"\n\n{third}");
    let text = std::fs::read_to_string(support::repository("captures/reuse-compromised.toml")).unwrap();
    let text = text.replacen(third, &bs3, 1).replace("compromise = \"bs1\"", "compromise = \"bs3\"");
    let other = support::run_text(&text, &[]);
    let (succeeded, detail) = attack(&other);
    assert!(!succeeded && detail.contains("PDUs at bs1 opened") && detail.contains("PDUs at bs2 opened"), "{detail}");
    // The target has the TEKs of the source under reuse, and with them what was sent there since the trigger.
    let target = script("compromise = \"bs1\"", "compromise = \"bs2\"");
    assert!(attack(&target).0, "{}", attack(&target).1);
}

/// The script with another node compromised, and a second mobile that goes on at bs1.
fn with_two_mobiles(node: &str, sets: &[&str]) -> Run {
    let text = std::fs::read_to_string(support::repository("captures/reuse-compromised.toml")).unwrap();
    let second = "[[mobile_station]]\nname = \"ms2\"\nmac = \"020000000002\"\nip = \"192.0.2.11\"\nserving = \"bs1\"\n\n\
                  [[traffic]]\nmobile_station = \"ms2\"\nkind = \"udp\"\nstart = \"900ms\"\nstop = \"1.2s\"\n\n[[traffic]]";
    let text = text.replacen("[[traffic]]", second, 1);
    support::run_text(&text.replace("compromise = \"bs1\"", &format!("compromise = \"{node}\"")), sets)
}

#[test]
fn the_authenticator_has_the_pmk_and_with_it_every_generated_tek_at_every_base_station() {
    // broken: A25
    let run = with_two_mobiles("gw", &["mode=seamless"]);
    let heard = run.data_of_any_time("air:ms1-bs2").len();
    let (succeeded, detail) = attack(&run);
    assert!(succeeded && detail.contains(&format!("{heard} of {heard} PDUs at bs2 opened")), "{detail}");
    // The TEKs of the entry at bs1 were random.
    assert!(detail.contains("0 of "), "{detail}");
    let recovered = run.outcome.attacks[0].recovered.as_ref().unwrap();
    assert!(recovered.contains("keyhop ms1"), "{recovered}");
}

#[test]
fn a_mobile_reads_no_other_mobile() {
    // A25
    let run = with_two_mobiles("ms2", &["mode=seamless"]);
    let (succeeded, detail) = attack(&run);
    assert!(!succeeded && detail.starts_with("0 of ") && detail.ends_with(" PDUs of ms1 opened"), "{detail}");
    assert_eq!(run.outcome.attacks[0].recovered, None);
}

#[test]
fn the_text_of_the_first_pdu_that_opens_elsewhere_is_shown() {
    // broken: A25
    let run = run_bundled("reuse-compromised", &[]);
    let result = &run.outcome.attacks[0];
    let recovered = result.recovered.as_ref().unwrap();
    assert!(
        recovered.starts_with("keyhop ms1 ") && result.detail.contains("the first says \"keyhop ms1 "),
        "{}",
        result.detail
    );
}
