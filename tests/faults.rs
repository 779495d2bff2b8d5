//! What links do to chosen frames (`[[fault]]`), impairments of one direction of a link (`[[link]]`), and taps on the
//! backbone, through whole runs.

mod support;

use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::wire::ManagementMessage;

use support::{AirPdu, Run, handover, network, run_text, udp};

fn fault(link: &str, to: &str, rest: &str) -> String {
    format!("[[fault]]\nlink = \"{link}\"\nto = \"{to}\"\n{rest}\n")
}

/// One seamless handover of ms1 from bs1 to bs2 under traffic, with these faults.
fn one_handover(rest: &str) -> String {
    network(2, &(udp(160) + &handover("1s", "bs2", &["bs2"]) + rest))
}

/// The comments of the frames on an interface whose comment, without a mark in front, begins with `note`.
fn comments<'a>(run: &'a Run, interface: &str, note: &str) -> Vec<&'a str> {
    let frames = run.capture.frames.iter().filter(|frame| run.interface(frame) == interface);
    let comments = frames.map(|frame| frame.comment.as_str());
    comments.filter(|comment| comment.trim_start_matches("deliberate: ").starts_with(note)).collect()
}

fn rng_reqs(run: &Run) -> Vec<AirPdu> {
    run.air("air:ms1-bs2").into_iter().filter(|pdu| pdu.rng_req().is_some()).collect()
}

#[test]
fn exactly_the_second_rng_req_is_lost_and_the_third_completes_the_handover() {
    // The first answer is lost too, else there would be no second request.
    let lost_answer = fault("air:ms1-bs2", "ms1", "frame = \"RNG-RSP\"\nlose = true");
    let lost_request = fault("air:ms1-bs2", "bs2", "frame = \"RNG-REQ\"\nnth = 2\nlose = true");
    let run = run_text(&one_handover(&(lost_answer + &lost_request)), &[]);
    let lost: Vec<bool> = rng_reqs(&run).iter().map(|pdu| pdu.lost).collect();
    assert_eq!(lost, [false, true, false]);
    let answers: Vec<bool> = run
        .air("air:ms1-bs2")
        .iter()
        .filter(|pdu| matches!(pdu.message(), Some(ManagementMessage::RngRsp(_))))
        .map(|pdu| pdu.lost)
        .collect();
    assert_eq!(answers, [true, false]);
    let all_lost = run.capture.frames.iter().filter(|frame| frame.comment.lines().any(|line| line == "lost"));
    assert_eq!(all_lost.count(), 2, "nothing else is lost");
    assert_eq!(run.outcome.handovers[0].outcome, "completed");
}

#[test]
fn a_delayed_context_rpt_is_marked_and_asked_for_again() {
    let text = one_handover(&fault("r6:bs2-gw", "bs2", "frame = \"Context_Rpt\"\ndelay = \"30ms\""));
    let run = run_text(&text, &[]);
    let delayed = comments(&run, "r6:bs2-gw", "Context_Rpt");
    assert!(delayed[0].contains("; delayed by the link; bs2: "), "{delayed:?}");
    assert!(delayed[1..].iter().all(|comment| !comment.contains("delayed")), "{delayed:?}");
    // It comes 30 ms late, after the repetition at 20 ms.
    let untouched = run_text(&one_handover(""), &[]);
    assert_eq!(untouched.control(MessageKind::ContextReq).len(), 1);
    assert_eq!(run.control(MessageKind::ContextReq).len(), 2);
    assert_eq!(run.outcome.handovers[0].outcome, "completed");
}
