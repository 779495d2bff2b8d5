//! What the Authenticator makes of reports (R2): traces T2 and T3.

use crate::scripts::{
    SLOW_RETRY, assert_connected, assert_cut_off, assert_harmless, fault, ms, outcomes, path_switches, refusals, run,
    updates, weak,
};
use crate::support::{Run, handover, udp};

/// The report of the mobile's new BS is accepted, the answer is lost, and so are two notices of it.
fn lost_acknowledgement(sets: &[&str]) -> Run {
    let lost = fault("r6:bs2-gw", "bs2", "CMAC_Key_Count_Update_ACK", "lose = true")
        + &fault("r6:bs2-gw", "bs2", "CMAC_Key_Count_Update", "count = 2\nlose = true");
    run(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"]) + &lost), sets)
}

/// Trace T2: the repeat is acknowledged again, N stays, the connection stays.
#[test]
fn a_repeated_report_is_acknowledged_again_and_the_connection_stays() {
    // R2
    let run = lost_acknowledgement(&[]);
    assert_eq!((updates(&run, "bs2", "gw"), refusals(&run, "bs2")), (vec![2, 2], vec![false, false]));
    assert!(updates(&run, "gw", "bs2").iter().all(|n| *n == 3));
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
    assert_connected(&run, 600, 2_300);
    assert_harmless(&run);
}

/// Trace T2 with the repeat refused: the BS drops the live connection.
#[test]
fn a_repeated_report_that_is_refused_costs_the_live_connection() {
    // broken: R2
    let run = lost_acknowledgement(&[&weak("gw", &["refuses-repeated-report"])]);
    assert_eq!((&updates(&run, "bs2", "gw")[..2], &refusals(&run, "bs2")[..2]), (&[2, 2][..], &[false, true][..]));
    assert_cut_off(&run, 650, 4_000);
}

/// The mobile enters A with 2; A's report is on its way for 500 ms. Meanwhile it moves on to B with 3.
fn delayed_report(sets: &[&str]) -> Run {
    let late = fault("r6:bs1-gw", "gw", "CMAC_Key_Count_Update", "delay = \"500ms\"");
    let rest = udp(160) + &handover("300ms", "bs1", &["bs1"]) + &handover("600ms", "bs2", &["bs2"]) + &late;
    run(3, &rest, &[&["mobile_station.ms1.serving=bs3", SLOW_RETRY], sets].concat())
}

/// When the late report has been answered, in milliseconds.
const ANSWERED: u64 = 900;

/// Trace T3: the late report is refused, N and the path stay.
#[test]
fn a_report_that_comes_after_that_of_a_later_count_is_refused_and_moves_nothing() {
    // R2
    let run = delayed_report(&[]);
    assert_eq!(outcomes(&run), [("bs1", "completed", "seamless"), ("bs2", "completed", "seamless")]);
    assert_eq!((updates(&run, "bs1", "gw"), refusals(&run, "bs1")), (vec![2], vec![true]));
    assert_eq!(updates(&run, "gw", "bs2"), [4]);
    assert!(path_switches(&run, "bs1").iter().all(|switch| *switch < ms(600)));
    assert_connected(&run, 700, 2_300);
    assert_harmless(&run);
}

/// Trace T3 with the late report accepted as max(N, m) + 1: N = 5 although the mobile has committed 3, and the notice of it
/// purges the live connection. The path stays where it is only because A's request rests on a count below that of B.
#[test]
fn a_late_report_that_is_accepted_moves_n_past_the_mobile_and_cuts_it_off() {
    // broken: R2
    let run = delayed_report(&[&weak("gw", &["accepts-old-report"])]);
    assert_eq!(refusals(&run, "bs1"), [false], "acknowledged");
    assert_eq!(updates(&run, "gw", "bs2")[..2], [4, 5]);
    assert_connected(&run, 700, 800);
    assert_cut_off(&run, ANSWERED + 20, 4_000);
    assert!(path_switches(&run, "bs1").iter().all(|switch| *switch < ms(600)));
}

/// Trace T3 as it was found, before path switches named their counts: the path moves to A while the mobile is at B.
#[test]
fn a_late_report_that_is_accepted_moves_the_path_away_where_switches_name_no_count() {
    // broken: R2, R16
    let run = delayed_report(&[&weak("gw", &["accepts-old-report", "switches-path-on-any-count"])]);
    assert_eq!(refusals(&run, "bs1"), [false], "acknowledged");
    assert!(*path_switches(&run, "bs1").last().unwrap() >= ms(ANSWERED - 10));
    assert_cut_off(&run, ANSWERED + 20, 4_000);
}
