//! Attack 7: a base station of the adversary in the place of the target.

use crate::support::{bundled, run_bundled, run_text};

fn verdicts(run: &crate::support::Run) -> (usize, usize) {
    let frames: Vec<&str> = run.capture.frames.iter().map(|frame| frame.comment.as_str()).collect();
    let count = |what: &str, how: &str| frames.iter().filter(|text| text.contains(what) && text.contains(how)).count();
    (count("rogue: RNG-RSP", "dropped"), count("rogue: a data PDU", "dropped"))
}

#[test]
fn nothing_of_a_rogue_is_believed_and_the_mobile_is_back_with_the_next_count() {
    // R1, R7
    let run = run_bundled("rogue-base-station", &[]);
    assert!(run.outcome.expectations.iter().all(|expectation| expectation.held), "{:?}", run.outcome.expectations);
    let (responses, data) = verdicts(&run);
    assert!(responses >= 1 && data >= 5, "{responses} {data}");
    // The real base station heard nothing of the mobile.
    let heard = run.capture.frames.iter().filter(|frame| frame.comment.contains("heard by rogue alone"));
    assert!(heard.clone().count() > 0 && heard.clone().all(|frame| frame.comment.contains("lost")));
    let attack = &run.outcome.attacks[0];
    assert!(!attack.succeeded && attack.detail.contains(" 0 accepted"), "{}", attack.detail);
    // Data flows again at the serving base station.
    assert!(run.data_of_any_time("air:ms1-bs1").iter().any(|pdu| pdu.time.as_nanos() > 1_500_000_000));
}

#[test]
fn a_mobile_that_believes_any_rng_rsp_is_caught() {
    // broken: R7
    let run = run_bundled("rogue-base-station-believed", &[]);
    assert!(run.outcome.expectations.iter().all(|expectation| expectation.held), "{:?}", run.outcome.expectations);
    assert!(run.outcome.attacks[0].succeeded);
}

#[test]
fn where_a_code_comes_first_the_rogue_answers_that_too_and_still_gets_nowhere() {
    let run = run_text(
        &bundled("rogue-base-station").replace(
            "[[base_station]]\nname = \"bs1\"",
            "[radio]\nassociation = \"none\"\n\n[[base_station]]\nname = \"bs1\"",
        ),
        &[],
    );
    assert!(run.capture.frames.iter().any(|frame| frame.comment.contains("rogue: RNG-RSP to a CDMA code")));
    assert_eq!(run.outcome.handovers[0].outcome, "fell-back");
}
