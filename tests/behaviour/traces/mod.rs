//! The traces that a search of the state space of the handover rules has found: T1 to T12 with one rule off, T13 to T21 with
//! an earlier wording of the rules. Each is run with all rules on, where it must end well, and with the rule off, where
//! exactly the damage is seen that the trace is about. [`TRACES`] says which test is which.
//!
//! Most are whole runs: what happened is read from the capture, the key log and the packets that came out. Where an
//! interleaving cannot be steered into (T4, T14, and T1 step by step), the key states of `security` are driven by hand;
//! where a frame must be forged (T7), the nodes run with an adversary of this test.

mod context_life;
mod data_path;
mod highest_count;
mod lost_contexts;
mod parties;
mod ranging;
mod reports;
mod searches;
mod spent_count;

/// Each trace: the tests in which it ends well, and those in which the damage is seen.
const TRACES: [(&[&str], &[&str]); 21] = [
    // T1
    (
        &[
            "after_an_attempt_whose_answer_was_lost_the_next_counts_are_accepted_at_both_base_stations",
            "a_base_station_that_is_prepared_with_the_next_n_accepts_the_count_after_a_spent_one",
        ],
        &[
            "a_spent_count_that_is_used_again_is_refused_and_the_mobile_is_cut_off",
            "a_spent_count_that_is_used_again_is_below_t_b_wherever_the_entry_is_prepared_and_the_mobile_stays_outside",
            "no_base_station_that_is_prepared_with_the_next_n_accepts_a_spent_count",
        ],
    ),
    // T2
    (
        &["a_repeated_report_is_acknowledged_again_and_the_connection_stays"],
        &["a_repeated_report_that_is_refused_costs_the_live_connection"],
    ),
    // T3
    (
        &["a_report_that_comes_after_that_of_a_later_count_is_refused_and_moves_nothing"],
        &[
            "a_late_report_that_is_accepted_moves_n_past_the_mobile_and_cuts_it_off",
            "a_late_report_that_is_accepted_moves_the_path_away_where_switches_name_no_count",
        ],
    ),
    // T4
    (
        &[
            "a_preparation_with_an_old_n_does_not_lower_t_b",
            "a_preparation_with_an_old_n_does_not_lower_t_b_when_the_context_was_evicted",
        ],
        &["a_t_b_that_falls_back_lets_an_old_rng_req_cut_the_mobile_off"],
    ),
    // T5
    (
        &["the_notice_of_its_own_completion_leaves_the_live_context"],
        &["a_notice_that_purges_the_live_context_cuts_the_mobile_off"],
    ),
    // T6
    (
        &["useless_pdus_cost_no_search_once_the_mobile_has_shown_its_count"],
        &["useless_pdus_cost_a_search_each_where_every_state_searches"],
    ),
    // T7
    (
        &["forged_rng_reqs_change_neither_counts_nor_connections"],
        &[
            "one_forged_rng_req_with_a_large_count_cuts_the_connection_where_the_count_is_believed_first",
            "one_forged_rng_req_with_a_small_count_releases_the_connection_where_the_count_is_believed_first",
            "two_forged_rng_reqs_keep_the_mobile_out_of_every_base_station_where_the_count_is_believed_first",
        ],
    ),
    // T8
    (
        &["a_valid_rng_req_of_an_earlier_entry_is_dropped_and_the_connection_stays"],
        &["a_valid_rng_req_of_an_earlier_entry_ends_the_connection_where_a_smaller_count_releases"],
    ),
    // T9
    (
        &["a_restarted_base_station_sends_teks_in_rng_rsp"],
        &["a_restarted_base_station_that_ignores_issued_before_uses_nonces_twice_and_accepts_a_replay"],
    ),
    // T10
    (
        &["a_base_station_that_evicted_the_context_sends_teks_in_rng_rsp"],
        &["a_base_station_that_evicted_the_context_and_forgot_it_uses_nonces_twice_and_accepts_a_replay"],
    ),
    // T11
    (
        &["a_mobile_that_lost_its_contexts_uses_the_next_count"],
        &["a_mobile_that_derives_lost_contexts_again_uses_nonces_twice_and_accepts_a_replay"],
    ),
    // T12
    (
        &["downlink_sent_under_the_old_t_b_is_sealed_again_and_delivered_once"],
        &["downlink_sent_under_the_old_t_b_is_lost_where_it_is_not_sealed_again"],
    ),
    // T13
    (
        &["a_restarted_base_station_is_told_that_it_had_a_context_of_whatever_n"],
        &["an_authenticator_that_remembers_the_last_n_only_lets_a_restarted_base_station_use_nonces_twice"],
    ),
    // T14
    (
        &["a_context_above_n_that_was_evicted_is_not_derived_again"],
        &["a_context_above_n_that_was_evicted_is_derived_again_without_the_highest_count"],
    ),
    // T15
    (
        &[
            "a_late_context_report_prepares_nothing",
            "a_late_context_report_does_no_harm_where_it_is_dropped_or_the_highest_count_is_kept",
        ],
        &["a_late_context_report_that_is_taken_without_the_highest_count_leads_to_nonces_used_twice"],
    ),
    // T16
    (
        &[
            "a_late_rng_req_cuts_nobody_off_who_has_entered_anew",
            "a_late_rng_req_is_refused_by_the_authenticator_once_the_mobile_has_entered_anew",
        ],
        &["one_late_rng_req_cuts_a_mobile_off_that_resumed_its_old_connection"],
    ),
    // T17
    (
        &["a_path_switch_on_a_count_below_that_of_the_path_is_ignored"],
        &["a_late_acknowledgement_takes_the_path_away_where_the_count_of_a_switch_is_not_looked_at"],
    ),
    // T18
    (
        &["an_old_rng_req_confirms_nothing_at_a_base_station_that_lost_its_contexts"],
        &["an_old_rng_req_takes_the_path_away_where_an_entry_with_lost_contexts_is_confirmed_at_once"],
    ),
    // T19
    (
        &["packets_kept_for_an_attempt_are_not_sent_in_the_next_one"],
        &["packets_come_out_twice_where_a_mobile_returns_without_a_new_preparation"],
    ),
    // T20
    (
        &["a_mobile_that_comes_back_before_the_resource_retain_time_resumes_its_connection"],
        &["a_mobile_finds_nothing_left_where_its_indication_counts_as_release"],
    ),
    // T21
    (
        &["contexts_of_an_unspent_count_survive_a_cancel_in_both_profiles"],
        &["contexts_of_an_unspent_count_dropped_at_a_cancel_lead_to_nonces_used_twice"],
    ),
];

/// Each test of this folder: its name, the trace that its first comment names, and whether it is cited as broken.
fn tests_of_traces() -> Vec<(String, usize, bool)> {
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(crate::support::repository("tests/behaviour/traces")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        // A test begins with its comment, which names the trace.
        for part in text.split("\n/// Trace T").skip(1) {
            let number = part.split(|character: char| !character.is_ascii_digit()).next().unwrap();
            let (head, body) = part.split_once("fn ").unwrap();
            if !head.contains("#[test]") {
                continue;
            }
            let (name, body) = body.split_once('(').unwrap();
            let citation = body.lines().nth(1).unwrap().trim();
            assert!(citation.starts_with("// "), "{name} cites nothing");
            tests.push((name.to_owned(), number.parse().unwrap(), citation.starts_with("// broken: ")));
        }
    }
    tests
}

#[test]
fn every_trace_has_a_test_in_which_it_ends_well_and_one_in_which_its_damage_is_seen() {
    let mut found = tests_of_traces();
    found.sort();
    let mut listed = Vec::new();
    for (index, (well, broken)) in TRACES.iter().enumerate() {
        for (names, is_broken) in [(well, false), (broken, true)] {
            assert!(!names.is_empty(), "T{}", index + 1);
            listed.extend(names.iter().map(|name| ((*name).to_owned(), index + 1, is_broken)));
        }
    }
    listed.sort();
    assert_eq!(found, listed);
}
