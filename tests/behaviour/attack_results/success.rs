//! `succeeds_if` as a table: an attack has succeeded if an expectation holds at the end.

use crate::support::{Run, bundled, handover, network, run_text, udp};

fn result<'a>(run: &'a Run, name: &str) -> (bool, &'a str) {
    let attack = run.outcome.attacks.iter().find(|attack| attack.name == name).unwrap();
    (attack.succeeded, &attack.detail)
}

/// An attack on what bs1 sends to ms1, or on the other direction.
fn attack(direction: &str, trigger: &str, action: &str, success: &str) -> String {
    format!(
        "[[attack]]\nname = \"a\"\ntap = \"air:ms1-bs1\"\ndirection = \"{direction}\"\ntrigger = {trigger}\n\
         action = {action}\nsucceeds_if = {success}\n"
    )
}

#[test]
fn an_attack_that_drops_has_succeeded_if_so_many_packets_are_lost() {
    let losses = |count: u32| {
        let lost = "{ traffic = { direction = \"uplink\", lost = { at_least = 10 } } }";
        let trigger = format!("{{ frame = \"data\", nth = 5, count = {count} }}");
        let attack = attack("uplink", &trigger, "{ drop = true }", lost);
        let run = run_text(&network(1, &(udp(160) + &attack)), &[]);
        let (succeeded, detail) = result(&run, "a");
        (succeeded, detail.to_owned())
    };
    let text = "uplink packets of ms1: at least 10 lost: 110 sent";
    assert_eq!(losses(9), (false, format!("{text}, 101 delivered, 9 lost, 0 duplicated, 0 altered")));
    assert_eq!(losses(10), (true, format!("{text}, 100 delivered, 10 lost, 0 duplicated, 0 altered")));
}

#[test]
fn an_attack_that_delays_or_records_can_have_a_result_too_and_an_expectation_can_name_it() {
    for action in ["{ delay = \"50ms\" }", "{ record = \"tape\" }"] {
        let attack = attack("downlink", "{ frame = \"data\" }", action, "{ nonce_reuse = 0 }");
        let expect = "[[expect]]\nattack = { name = \"a\", succeeded = true }\n";
        let run = run_text(&network(1, &(udp(160) + &attack + expect)), &[]);
        assert!(run.outcome.expectations[0].held, "{:?}", run.outcome.expectations);
    }
}

#[test]
fn a_replay_with_an_expectation_of_its_own_says_both_what_was_accepted_and_what_was_seen() {
    let text = bundled("replay-data-no-cache");
    let lost = "succeeds_if = { traffic = { direction = \"uplink\", duplicated = { at_least = 1 } } }";
    let changed = text.replace("succeeds_if = \"accepted\"", lost);
    assert_ne!(text, changed);
    let run = run_text(&changed, &[]);
    let (succeeded, detail) = result(&run, "replay");
    assert!(succeeded && detail.starts_with("3 frames sent, 3 accepted; bs2: "), "{detail}");
    assert!(detail.contains("; uplink packets of ms1: at least 1 duplicated: "), "{detail}");
    let kept = run_text(&changed, &["base_station.bs2.tek_cache=true"]);
    assert!(!result(&kept, "replay").0);
}

#[test]
fn a_live_connection_that_ends_is_told_from_one_that_the_mobile_has_left() {
    // R5, broken: R5
    let copy = |bs: &str| {
        format!(
            "[[attack]]\nname = \"a\"\ntap = \"air:ms1-{bs}\"\ndirection = \"uplink\"\n\
             trigger = {{ frame = \"data\" }}\naction = {{ record = \"tape\" }}\n\
             succeeds_if = {{ released = {{ base_station = \"{bs}\" }} }}\n"
        )
    };
    let left = run_text(&network(2, &(udp(160) + &handover("1s", "bs2", &["bs2"]) + &copy("bs1"))), &[]);
    assert_eq!(left.outcome.handovers[0].outcome, "completed");
    assert_eq!(result(&left, "a"), (false, "bs1 gives up the live connection of ms1: it was not given up"));
    let restart = "[[step]]\nat = \"1.5s\"\naction = \"restart\"\nnode = \"bs1\"\n";
    let lost = run_text(&network(2, &(udp(160) + restart + &copy("bs1"))), &[]);
    assert_eq!(result(&lost, "a"), (true, "bs1 gives up the live connection of ms1: given up after 1.5s"));
}
