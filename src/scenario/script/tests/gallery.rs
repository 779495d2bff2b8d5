//! A gallery of scripts with one mistake each, and all that `keyhop run --check` says of it: where it is, what was found, what
//! was expected, and what was perhaps meant.

use super::parse;
use crate::cli::run::diagnostic;
use crate::scenario::script::{Script, SetArgument};

const SCRIPT: &str = r#"name = "bad"
shows = "A script with one mistake"
duration = "2s"

[[base_station]]
name = "bs1"
bsid = "0a:00:00:00:00:01"
ip = "10.16.0.1"

[[base_station]]
name = "bs2"
bsid = "0a:00:00:00:00:02"
ip = "10.16.0.2"

[[mobile_station]]
name = "ms1"
mac = "02:00:00:00:00:01"
ip = "192.0.2.10"
serving = "bs1"
"#;

/// The script with `change` made in it (text by text) and `added` at its end is refused with this picture.
#[track_caller]
fn says(change: (&str, &str), added: &str, sets: &[&str], picture: &str) {
    parse(SCRIPT).expect("the script without the mistake");
    let text = SCRIPT.replacen(change.0, change.1, 1) + if added.is_empty() { "" } else { "\n" } + added;
    let sets: Vec<SetArgument> = sets.iter().map(|set| set.parse().unwrap()).collect();
    let error = Script::parse("bad.toml", &text, &sets).unwrap_err();
    let shown = diagnostic(error.into());
    // Ends of lines are not part of the picture.
    let lines = |text: &str| text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(&shown), lines(picture), "{added}");
}

#[test]
fn mistakes_in_the_text_its_keys_and_values() {
    says(
        ("", ""),
        r#"[[step]]
at = 1s
"#,
        &[],
        r#"
error: bad.toml:22:6: not TOML: string values must be quoted, expected literal string
    ╭─[bad.toml:22:6]
 21 │ [[step]]
 22 │ at = 1s
    ·      ─┬
    ·       ╰── string values must be quoted, expected literal string
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[backbone]
latncy = "2ms"
"#,
        &[],
        r#"
error: bad.toml:22:1: unknown key "latncy" in backbone; did you mean "latency"?
    ╭─[bad.toml:22:1]
 21 │ [backbone]
 22 │ latncy = "2ms"
    · ───┬──
    ·    ╰── no such key
    ╰────
  help: expected one of the keys latency, jitter, loss, duplication, reordering, retry
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "1s"
action = "handover"
targt = "bs2"
"#,
        &[],
        r#"
error: bad.toml:24:1: unknown key "targt" in step; did you mean "target"?
    ╭─[bad.toml:24:1]
 23 │ action = "handover"
 24 │ targt = "bs2"
    · ──┬──
    ·   ╰── no such key
    ╰────
  help: expected one of the keys at, mobile_station, action, target, candidates, node, network_key_count, spread
"#,
    );
    says(
        ("serving = \"bs1\"\n", ""),
        "",
        &[],
        r#"
error: bad.toml:15:1: mobile_station.serving: expected the name of a [[base_station]], found nothing
    ╭─[bad.toml:15:1]
 14 │
 15 │ [[mobile_station]]
    · ─────────┬────────
    ·          ╰── serving is missing here
 16 │ name = "ms1"
    ╰────
"#,
    );
    says(
        ("duration = \"2s\"", "duration = 2"),
        "",
        &[],
        r#"
error: bad.toml:3:12: duration: expected a time with a unit (ns, us, ms, s, min, h) such as "5ms", found the integer 2
   ╭─[bad.toml:3:12]
 2 │ shows = "A script with one mistake"
 3 │ duration = 2
   ·            ┬
   ·            ╰── expected a time with a unit (ns, us, ms, s, min, h) such as "5ms"
 4 │
   ╰────
"#,
    );
    says(
        ("duration = \"2s\"\n", "duration = \"2s\"\ndefence = \"off\"\n"),
        "",
        &[],
        r#"
error: bad.toml:4:1: defence: expected no defence without attack_id, found one
   ╭─[bad.toml:4:1]
 3 │ duration = "2s"
 4 │ defence = "off"
   · ───┬───
   ·    ╰── expected no defence without attack_id
 5 │
   ╰────
"#,
    );
    says(
        ("", ""),
        r#"[radio]
loss = 1.5
"#,
        &[],
        r#"
error: bad.toml:22:8: radio.loss: expected a probability from 0 to 1, found the number 1.5
    ╭─[bad.toml:22:8]
 21 │ [radio]
 22 │ loss = 1.5
    ·        ─┬─
    ·         ╰── expected a probability from 0 to 1
    ╰────
"#,
    );
    says(
        ("", ""),
        "",
        &["base_station.bs3.tek_cache=false"],
        r#"
error: --set base_station.bs3.tek_cache=false: base_station: no entry has the name "bs3"; did you mean "bs1"?
   ╭─[--set:1:14]
 1 │ base_station.bs3.tek_cache=false
   ·              ─┬─
   ·               ╰── no such name
   ╰────
"#,
    );
    says(
        ("", ""),
        "",
        &["radio.frame=fast"],
        r#"
error: --set radio.frame=fast: radio.frame: expected a time with a unit (ns, us, ms, s, min, h) such as "5ms", found the string "fast"
   ╭─[--set:1:13]
 1 │ radio.frame=fast
   ·             ──┬─
   ·               ╰── expected a time with a unit (ns, us, ms, s, min, h) such as "5ms"
   ╰────
"#,
    );
}

#[test]
fn mistakes_with_stations_and_steps() {
    says(
        ("ip = \"10.16.0.2\"", "ip = \"10.16.0.1\""),
        "",
        &[],
        r#"
error: bad.toml:13:6: base_station.ip: expected a value that no other station has, found the string "10.16.0.1"
    ╭─[bad.toml:13:6]
  7 │ bsid = "0a:00:00:00:00:01"
  8 │ ip = "10.16.0.1"
    ·      ─────┬─────
    ·           ╰── already used here
  9 │
 10 │ [[base_station]]
 11 │ name = "bs2"
 12 │ bsid = "0a:00:00:00:00:02"
 13 │ ip = "10.16.0.1"
    ·      ─────┬─────
    ·           ╰── expected a value that no other station has
 14 │
    ╰────
"#,
    );
    says(
        ("serving = \"bs1\"", "serving = \"sb1\""),
        "",
        &[],
        r#"
error: bad.toml:19:11: mobile_station.serving: expected the name of a [[base_station]], found the string "sb1"
    ╭─[bad.toml:19:11]
 18 │ ip = "192.0.2.10"
 19 │ serving = "sb1"
    ·           ──┬──
    ·             ╰── expected the name of a [[base_station]]
    ╰────
  help: did you mean "bs1"?
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "1s"
action = "hand-over"
target = "bs2"
"#,
        &[],
        r#"
error: bad.toml:23:10: step.action: expected "handover" or "cancel" or "restart" or "lose_contexts" or "lose_counter" or "reauthenticate", found the string "hand-over"
    ╭─[bad.toml:23:10]
 22 │ at = "1s"
 23 │ action = "hand-over"
    ·          ─────┬─────
    ·               ╰── found the string "hand-over"
 24 │ target = "bs2"
    ╰────
  help: did you mean "handover"?
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "1s"
action = "handover"
target = "bs3"
"#,
        &[],
        r#"
error: bad.toml:24:10: step.target: expected the name of a [[base_station]], found the string "bs3"
    ╭─[bad.toml:24:10]
 23 │ action = "handover"
 24 │ target = "bs3"
    ·          ──┬──
    ·            ╰── expected the name of a [[base_station]]
    ╰────
  help: did you mean "bs1"?
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "2.5s"
action = "handover"
target = "bs2"
"#,
        &[],
        r#"
error: bad.toml:22:6: step.at: expected a time from 0s to 2s, when the script ends, found the string "2.5s"
    ╭─[bad.toml:22:6]
 21 │ [[step]]
 22 │ at = "2.5s"
    ·      ───┬──
    ·         ╰── expected a time from 0s to 2s, when the script ends
 23 │ action = "handover"
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "1s"
action = "handover"
target = "bs2"
[[step]]
at = "900ms"
action = "handover"
target = "bs2"
"#,
        &[],
        r#"
error: bad.toml:26:6: step.at: expected a time that is not before that of the step above, found the string "900ms"
    ╭─[bad.toml:26:6]
 21 │ [[step]]
 22 │ at = "1s"
    ·      ──┬─
    ·        ╰── the step above
 23 │ action = "handover"
 24 │ target = "bs2"
 25 │ [[step]]
 26 │ at = "900ms"
    ·      ───┬───
    ·         ╰── expected a time that is not before that of the step above
 27 │ action = "handover"
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "1s"
action = "handover"
target = "bs2"
candidates = ["bs1"]
"#,
        &[],
        r#"
error: bad.toml:25:14: step.candidates: expected candidates with the target among them, found an array
    ╭─[bad.toml:25:14]
 23 │ action = "handover"
 24 │ target = "bs2"
    ·          ──┬──
    ·            ╰── the target
 25 │ candidates = ["bs1"]
    ·              ───┬───
    ·                 ╰── expected candidates with the target among them
    ╰────
"#,
    );
    says(
        ("serving = \"bs1\"\n", "serving = \"bs1\"\nstation = \"fixed\"\n"),
        r#"[[step]]
at = "1s"
action = "handover"
target = "bs2"
"#,
        &[],
        r#"
error: bad.toml:24:10: step.action: expected an action of a fixed station, which hands over to nobody (A26), found the string "handover"
    ╭─[bad.toml:24:10]
 23 │ at = "1s"
 24 │ action = "handover"
    ·          ─────┬────
    ·               ╰── found the string "handover"
 25 │ target = "bs2"
    ╰────
  help: station = "mobile" hands over; weaknesses = ["moves-although-fixed"] tries to
"#,
    );
}

#[test]
fn links_and_frames_that_are_not_there() {
    says(
        ("", ""),
        r#"[[link]]
link = "ari:ms1-bs2"
to = "bs2"
loss = 0.1
"#,
        &[],
        r#"
error: bad.toml:22:8: link.link: expected a link such as "air:ms1-bs2", "r6:bs2-gw", "r4:bs1-bs2" or "r3:gw-aaa", found the string "ari:ms1-bs2"
    ╭─[bad.toml:22:8]
 21 │ [[link]]
 22 │ link = "ari:ms1-bs2"
    ·        ──────┬──────
    ·              ╰── found the string "ari:ms1-bs2"
 23 │ to = "bs2"
    ╰────
  help: did you mean "air:ms1-bs2"?
"#,
    );
    says(
        ("", ""),
        r#"[[fault]]
link = "air:ms1-bs2"
to = "gw"
frame = "RNG-REQ"
lose = true
"#,
        &[],
        r#"
error: bad.toml:23:6: fault.to: expected "ms1" or "bs2", the end of the link that receives, found the string "gw"
    ╭─[bad.toml:23:6]
 22 │ link = "air:ms1-bs2"
 23 │ to = "gw"
    ·      ──┬─
    ·        ╰── expected "ms1" or "bs2", the end of the link that receives
 24 │ frame = "RNG-REQ"
    ╰────
  help: known here: "ms1", "bs2"
"#,
    );
    says(
        ("", ""),
        r#"[[fault]]
link = "air:ms1-bs2"
to = "bs2"
frame = "RNG_REQ"
lose = true
"#,
        &[],
        r#"
error: bad.toml:24:9: fault.frame: expected "any", "data", "CDMA" or, on the air, the name of a management message such as "RNG-REQ", found the string "RNG_REQ"
    ╭─[bad.toml:24:9]
 23 │ to = "bs2"
 24 │ frame = "RNG_REQ"
    ·         ────┬────
    ·             ╰── found the string "RNG_REQ"
 25 │ lose = true
    ╰────
  help: did you mean "RNG-REQ"?
"#,
    );
    says(
        ("", ""),
        r#"[[fault]]
link = "air:ms1-bs2"
to = "bs2"
frame = "RNG-RSP"
lose = true
"#,
        &[],
        r#"
error: bad.toml:24:9: fault.frame: no "RNG-RSP" ever passes here: base stations send it, downlink
    ╭─[bad.toml:24:9]
 23 │ to = "bs2"
 24 │ frame = "RNG-RSP"
    ·         ────┬────
    ·             ╰── never passes here
 25 │ lose = true
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[fault]]
link = "r6:bs2-gw"
to = "gw"
frame = "HO_Req"
lose = true
"#,
        &[],
        r#"
error: bad.toml:24:9: fault.frame: no "HO_Req" ever passes here: it goes between base stations, on R4
    ╭─[bad.toml:24:9]
 23 │ to = "gw"
 24 │ frame = "HO_Req"
    ·         ────┬───
    ·             ╰── never passes here
 25 │ lose = true
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[fault]]
link = "r6:bs2-gw"
to = "gw"
frame = "Context_Rpt"
lose = true
"#,
        &[],
        r#"
error: bad.toml:24:9: fault.frame: no "Context_Rpt" ever passes here: the gateway sends it
    ╭─[bad.toml:24:9]
 23 │ to = "gw"
 24 │ frame = "Context_Rpt"
    ·         ──────┬──────
    ·               ╰── never passes here
 25 │ lose = true
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[fault]]
link = "air:ms1-bs2"
to = "bs2"
frame = "data"
lose = true
delay = "5ms"
"#,
        &[],
        r#"
error: bad.toml:26:1: fault: expected exactly one of lose, delay, duplicate, flip_bit, found lose and delay
    ╭─[bad.toml:26:1]
 24 │ frame = "data"
 25 │ lose = true
    · ──┬─
    ·   ╰── the other
 26 │ delay = "5ms"
    · ──┬──
    ·   ╰── expected exactly one of lose, delay, duplicate, flip_bit
    ╰────
"#,
    );
}

#[test]
fn attacks_that_can_do_nothing() {
    says(
        ("", ""),
        r#"[[attack]]
name = "hear"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { frame = "data" }
action = { record = "tape" }

[[attack]]
name = "hear"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { time = "1s" }
action = { replay = "tape" }
"#,
        &[],
        r#"
error: bad.toml:29:8: attack.name: expected a name that no other attack has, found the string "hear"
    ╭─[bad.toml:29:8]
 21 │ [[attack]]
 22 │ name = "hear"
    ·        ───┬──
    ·           ╰── the other one
 23 │ tap = "air:ms1-bs2"
 24 │ direction = "uplink"
 25 │ trigger = { frame = "data" }
 26 │ action = { record = "tape" }
 27 │
 28 │ [[attack]]
 29 │ name = "hear"
    ·        ───┬──
    ·           ╰── expected a name that no other attack has
 30 │ tap = "air:ms1-bs2"
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[attack]]
name = "hear"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { frame = "data" }
action = { record = "tape" }

[[attack]]
name = "play"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { time = "1s" }
action = { replay = "tpe" }
"#,
        &[],
        r#"
error: bad.toml:33:21: attack.action.replay: expected a recording that another attack makes of uplink frames, found the string "tpe"
    ╭─[bad.toml:33:21]
 32 │ trigger = { time = "1s" }
 33 │ action = { replay = "tpe" }
    ·                     ──┬──
    ·                       ╰── expected a recording that another attack makes of uplink frames
    ╰────
  help: did you mean "tape"?
"#,
    );
    says(
        ("", ""),
        r#"[[attack]]
name = "play"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { time = "2.1s" }
action = { replay = "tape" }
"#,
        &[],
        r#"
error: bad.toml:25:20: attack.trigger.time: expected a time from 0s to 2s, when the script ends, found the string "2.1s"
    ╭─[bad.toml:25:20]
 24 │ direction = "uplink"
 25 │ trigger = { time = "2.1s" }
    ·                    ───┬──
    ·                       ╰── expected a time from 0s to 2s, when the script ends
 26 │ action = { replay = "tape" }
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[attack]]
name = "drop"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { frame = "MOB_NBR-ADV" }
action = { drop = true }
"#,
        &[],
        r#"
error: bad.toml:25:21: attack.trigger.frame: no "MOB_NBR-ADV" ever passes here: base stations send it, downlink
    ╭─[bad.toml:25:21]
 24 │ direction = "uplink"
 25 │ trigger = { frame = "MOB_NBR-ADV" }
    ·                     ──────┬──────
    ·                           ╰── never passes here
 26 │ action = { drop = true }
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[attack]]
name = "drop"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { time = "1s" }
action = { drop = true }
"#,
        &[],
        r#"
error: bad.toml:25:11: attack.trigger: expected a trigger on frames, because the action is to drop, found another
    ╭─[bad.toml:25:11]
 24 │ direction = "uplink"
 25 │ trigger = { time = "1s" }
    ·           ───────┬───────
    ·                  ╰── expected a trigger on frames, because the action is to drop
 26 │ action = { drop = true }
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[attack]]
name = "drop"
tap = "r6:bs2-gw"
to = "bs2"
trigger = { frame = "Context_Rpt" }
action = { drop = true }
"#,
        &[],
        r#"
error: bad.toml:23:7: attack.tap: expected insider = true beside a tap on the backbone, because the AK crosses it in the clear (R19), found the string "r6:bs2-gw"
    ╭─[bad.toml:23:7]
 22 │ name = "drop"
 23 │ tap = "r6:bs2-gw"
    ·       ─────┬─────
    ·            ╰── found the string "r6:bs2-gw"
 24 │ to = "bs2"
    ╰────
"#,
    );
}

#[test]
fn expectations_that_can_never_hold() {
    says(
        ("", ""),
        r#"[[expect]]
attack = { name = "replay", succeeded = false }
"#,
        &[],
        r#"
error: bad.toml:22:19: expect.attack.name: expected the name of an [[attack]], found the string "replay"
    ╭─[bad.toml:22:19]
 21 │ [[expect]]
 22 │ attack = { name = "replay", succeeded = false }
    ·                   ────┬───
    ·                       ╰── expected the name of an [[attack]]
    ╰────
  help: there is none in this script
"#,
    );
    says(
        ("", ""),
        r#"[[attack]]
name = "hear"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { frame = "data" }
action = { record = "tape" }
[[attack]]
name = "play"
tap = "air:ms1-bs2"
direction = "uplink"
trigger = { time = "1s" }
action = { replay = "tape" }

[[expect]]
attack = { name = "plya", succeeded = false }
"#,
        &[],
        r#"
error: bad.toml:35:19: expect.attack.name: expected the name of an [[attack]], found the string "plya"
    ╭─[bad.toml:35:19]
 34 │ [[expect]]
 35 │ attack = { name = "plya", succeeded = false }
    ·                   ───┬──
    ·                      ╰── expected the name of an [[attack]]
    ╰────
  help: did you mean "play"?
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "1s"
action = "handover"
target = "bs2"

[[expect]]
handover = { nth = 2, target = "bs2", outcome = "completed" }
"#,
        &[],
        r#"
error: bad.toml:27:20: expect.handover: there will be no handover 2: ms1 has one handover step, and nothing else here begins one
    ╭─[bad.toml:27:20]
 26 │ [[expect]]
 27 │ handover = { nth = 2, target = "bs2", outcome = "completed" }
    ·                    ┬
    ·                    ╰── never takes place
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[step]]
at = "1s"
action = "handover"
target = "bs2"

[[expect]]
handover = { target = "bs2", outcome = "complete" }
"#,
        &[],
        r#"
error: bad.toml:27:40: expect.handover.outcome: expected "completed" or "cancelled" or "fell-back" or "released" or "reauthenticated", found the string "complete"
    ╭─[bad.toml:27:40]
 26 │ [[expect]]
 27 │ handover = { target = "bs2", outcome = "complete" }
    ·                                        ─────┬────
    ·                                             ╰── found the string "complete"
    ╰────
  help: did you mean "completed"?
"#,
    );
    says(
        ("", ""),
        r#"[[expect]]
interruption = { direction = "uplink", at_most = "20ms" }
"#,
        &[],
        r#"
error: bad.toml:22:16: expect.interruption: there will be no handover 1: ms1 has no handover step, and nothing else here begins one
    ╭─[bad.toml:22:16]
 21 │ [[expect]]
 22 │ interruption = { direction = "uplink", at_most = "20ms" }
    ·                ─────────────────────┬────────────────────
    ·                                     ╰── never takes place
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[expect]]
entered = { base_station = "bs1", by = "2s" }
"#,
        &[],
        r#"
error: bad.toml:22:11: expect.entered: ms1 is in from the start, and nothing here throws it out
    ╭─[bad.toml:22:11]
 21 │ [[expect]]
 22 │ entered = { base_station = "bs1", by = "2s" }
    ·           ─────────────────┬─────────────────
    ·                            ╰── never takes place
    ╰────
  help: entry = "full" lets a mobile begin switched on
"#,
    );
    says(
        ("", ""),
        r#"[[expect]]
renewed = { base_station = "bs1", by = "9s" }
"#,
        &[],
        r#"
error: bad.toml:22:40: expect.renewed.by: expected a time up to 2s, when the script ends, found the string "9s"
    ╭─[bad.toml:22:40]
 21 │ [[expect]]
 22 │ renewed = { base_station = "bs1", by = "9s" }
    ·                                        ──┬─
    ·                                          ╰── expected a time up to 2s, when the script ends
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[expect]]
work = { node = "gw", tek_derivations = 4 }
"#,
        &[],
        r#"
error: bad.toml:22:23: expect.work.tek_derivations: expected no tek_derivations of "gw", which does no such work, found one
    ╭─[bad.toml:22:23]
 21 │ [[expect]]
 22 │ work = { node = "gw", tek_derivations = 4 }
    ·                       ───────┬───────
    ·                              ╰── expected no tek_derivations of "gw", which does no such work
    ╰────
"#,
    );
    says(
        ("", ""),
        r#"[[expect]]
nonce_reuse = { at_least = 3, at_most = 2 }
"#,
        &[],
        r#"
error: bad.toml:22:41: expect.nonce_reuse.at_most: expected a value that is not below at_least, found the integer 2
    ╭─[bad.toml:22:41]
 21 │ [[expect]]
 22 │ nonce_reuse = { at_least = 3, at_most = 2 }
    ·                            ┬            ┬
    ·                            │            ╰── expected a value that is not below at_least
    ·                            ╰── at_least
    ╰────
"#,
    );
}
