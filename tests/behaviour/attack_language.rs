//! What the language of attacks does in a run: frames that are changed, made, held back and played from files.

use crate::support::{self, Run, handover, network, run_text, run_with, script, udp};
use keyhop::dot16::identifiers::Direction;
use keyhop::emulation::Engine;

/// An attack on the air between ms1 and bs1 or bs2, in the uplink.
fn attack(name: &str, bs: &str, trigger: &str, action: &str) -> String {
    format!(
        "[[attack]]\nname = \"{name}\"\ntap = \"air:ms1-{bs}\"\ndirection = \"uplink\"\ntrigger = {{ {trigger} }}\n\
         action = {{ {action} }}\n"
    )
}

/// Two base stations and a handover at 1 s, with these attacks.
fn text(attacks: &str) -> String {
    network(2, &(udp(160) + &handover("1s", "bs2", &["bs2"]) + attacks))
}

fn run(attacks: &str) -> Run {
    run_text(&text(attacks), &[])
}

/// Comments of the frames on an interface.
fn comments<'a>(run: &'a Run, interface: &str) -> Vec<&'a str> {
    let frames = run.capture.frames.iter().filter(|frame| run.interface(frame) == interface);
    frames.map(|frame| frame.comment.as_str()).collect()
}

fn result<'a>(run: &'a Run, name: &str) -> (bool, &'a str) {
    let attack = run.outcome.attacks.iter().find(|attack| attack.name == name).unwrap();
    (attack.succeeded, attack.detail.as_str())
}

#[test]
fn a_modified_pdu_is_in_the_capture_as_it_was_sent_and_fails_at_its_receiver() {
    // A20
    let quiet = run(&attack("a", "bs1", "frame = \"data\", nth = 3", "record = \"tape\""));
    let changed = run(&attack("a", "bs1", "frame = \"data\", nth = 3", "modify = { bits = [80] }"));
    let octets = |run: &Run| run.air("air:ms1-bs1").into_iter().map(|pdu| pdu.octets).take(40).collect::<Vec<_>>();
    assert_eq!(octets(&quiet), octets(&changed), "each frame stands there once, as its sender sent it");
    let comments = comments(&changed, "air:ms1-bs1");
    let changed_ones: Vec<_> = comments.iter().filter(|comment| comment.contains("modified by a")).collect();
    let [comment] = changed_ones[..] else { panic!("{changed_ones:?}") };
    assert!(comment.starts_with("deliberate: ") && comment.contains("bit 80 is inverted"), "{comment}");
    assert!(comment.ends_with("bs1 (modified on the way): dropped: the ICV does not verify"), "{comment}");
    let traffic = &changed.outcome.traffic["ms1"].ul;
    assert_eq!((traffic.lost, traffic.altered, changed.outcome.rejects.icv), (1, 0, 1));
}

#[test]
fn a_pdu_moved_to_a_packet_number_that_was_used_is_no_replay_but_a_forgery() {
    let set = |change: &str| {
        let action = format!("replay = \"tape\", change = {{ {change} }}");
        let record = attack("r", "bs1", "frame = \"data\"", "record = \"tape\"");
        run(&(record + &attack("a", "bs1", "time = \"500ms\"", &action)))
    };
    for change in ["pn = \"pn + 1000\"", "eks = 3", "cid = \"cid + 1\""] {
        let run = set(change);
        assert!(!result(&run, "a").0, "{change}: {:?}", run.outcome.attacks);
        assert_eq!(run.outcome.rejects.pn_replay, 0, "{change}");
    }
    let same = set("pn = \"pn\"");
    assert_eq!(same.outcome.rejects.pn_replay, 1, "nothing changed is a replay: {:?}", same.outcome.attacks);
}

#[test]
fn a_frame_that_waits_for_others_arrives_after_them() {
    let run = run(&attack("a", "bs1", "frame = \"data\", nth = 5", "reorder = 3"));
    let comments = comments(&run, "air:ms1-bs1");
    let held: Vec<_> = comments.iter().filter(|comment| comment.contains("held back by a until 3 more")).collect();
    let [comment] = held[..] else { panic!("{held:?}") };
    assert!(comment.contains("accepted: ICV good"), "within the window order does not matter: {comment}");
    let order = |run: &Run| {
        let uplink = run.delivered.frames.iter().filter(|frame| frame.interface == 0);
        uplink.map(|frame| frame.octets.clone()).collect::<Vec<_>>()
    };
    let quiet = order(&run_text(&text(""), &[]));
    let mut expected = quiet.clone();
    let late = expected.remove(4);
    expected.insert(7, late);
    assert_eq!(order(&run), expected);
}

#[test]
fn frames_of_a_capture_are_played_by_their_numbers() {
    let play =
        |frames: &str| attack("a", "bs2", "time = \"2s\"", &format!("play = \"seamless.pcapng\", frames = {frames}"));
    let golden = keyhop::capture::capture_reader::open(&support::repository("captures/seamless.pcapng")).unwrap();
    let golden = keyhop::capture::capture_reader::read_whole(golden).unwrap();
    let rng_req = golden.frames.iter().position(|frame| frame.comment.starts_with("RNG-REQ")).unwrap() + 1;
    let first = golden.frames.iter().position(|frame| frame.direction.is_some()).unwrap() + 1;
    let run = run(&play(&format!("[{rng_req}, {first}]")));
    let played: Vec<_> = run.capture.frames.iter().filter(|frame| run.interface(frame).starts_with("adv:")).collect();
    let octets: Vec<_> = played.iter().map(|frame| &frame.octets).collect();
    assert_eq!(octets, [rng_req, first].map(|number| &golden.frames[number - 1].octets));
    assert!(!result(&run, "a").0, "the keys are others");
    for (frames, message) in [
        ("[1000000]", "frame 1000000: expected a frame of 802.16, found"),
        ("[2, 3]", "expected a frame of 802.16, found a frame of another kind"),
    ] {
        let folder = support::repository("captures");
        let backbone = golden.frames.iter().position(|frame| frame.direction.is_none()).unwrap() + 1;
        let frames = if frames == "[2, 3]" { format!("[{backbone}]") } else { frames.to_owned() };
        let script = script(&text(&play(&frames)), &[]);
        let error = keyhop::scenario::run::run(&script, Engine::Inline, &folder, None).err().unwrap().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_value_that_is_not_there_when_it_is_needed_leaves_the_action_undone_and_the_result_says_so() {
    let early = "inject = { data = { cid = \"ms1@bs2.uplink\", pn = 50 } }";
    let run = run(&(attack("early", "bs2", "time = \"500ms\"", early)
        + &attack("late", "bs2", "event = \"listening\", node = \"ms1\"", early)));
    assert_eq!(
        result(&run, "early"),
        (false, "0 frames sent, 0 accepted; nothing was done: there is no ms1@bs2.uplink")
    );
    assert!(result(&run, "late").1.starts_with("1 frame sent, 0 accepted; bs2: dropped: the ICV"));
}

#[test]
fn every_action_gives_the_same_octets_with_every_engine_and_others_with_another_seed() {
    let attacks = [
        attack("r", "bs1", "frame = \"data\", count = 5", "record = \"tape\""),
        attack(
            "m",
            "bs1",
            "frame = \"data\", nth = 9, cid = \"ms1@bs1.uplink\"",
            "modify = { octets = [{ at = 12, value = \"00\" }] }",
        ),
        attack("o", "bs1", "frame = \"data\", nth = 12, count = 2", "reorder = 2"),
        attack(
            "p",
            "bs2",
            "event = \"left\", wait = \"12ms\"",
            "replay = \"tape\", times = 3, change = { cid = \"ms1@bs2.uplink\" }",
        ),
        attack("d", "bs2", "event = \"listening\"", "inject = { data = { cid = \"ms1@bs2.uplink\" } }, times = 4"),
        attack(
            "q",
            "bs2",
            "event = \"listening\"",
            "inject = { message = \"RNG-REQ\", cid = \"ms1@bs2.basic\", cmac_key_count = 9, tuple = true }",
        ),
    ];
    let text = text(&attacks.concat());
    let frames = |seed: &str, engine| run_with(&script(&text, &[seed]), engine, None).capture.frames;
    let inline = frames("seed=1", Engine::Inline);
    assert_eq!(inline, frames("seed=1", Engine::PerNode));
    assert_ne!(inline, frames("seed=2", Engine::Inline));
    assert!(inline.iter().any(|frame| frame.direction == Some(Direction::Uplink)));
}

#[test]
fn an_insider_reports_counts_and_asks_for_contexts_in_the_name_of_a_base_station() {
    // R2, R19, broken: R2
    let insider = |name: &str, at: &str, what: &str| {
        format!(
            "[[attack]]\nname = \"{name}\"\ntap = \"r6:bs2-gw\"\nto = \"gw\"\ninsider = true\n\
             trigger = {{ time = \"{at}\" }}\naction = {{ inject = {{ {what} }} }}\n"
        )
    };
    let report = "control = \"CMAC_Key_Count_Update\", count = ";
    let attacks = insider("far", "300ms", &format!("{report}2000"))
        + &insider("near", "400ms", &format!("{report}20"))
        + &insider("context", "500ms", "control = \"Context_Req\"");
    let run = run_text(&network(2, &(udp(160) + &attacks)), &[]);
    assert_eq!(
        result(&run, "far"),
        (false, "1 frame sent, 0 accepted; gw: refused: count 2000 is too far above N = 2")
    );
    assert_eq!(result(&run, "near"), (true, "1 frame sent, 1 accepted; gw: count 20 accepted, N = 21"));
    assert_eq!(result(&run, "context"), (true, "1 frame sent, 1 accepted; gw: context handed out, N = 21 stays"));
    let weak = run_text(&network(2, &(udp(160) + &attacks)), &["authenticator.count_jump=5000"]);
    assert!(result(&weak, "far").0);
}
