//! The script reader on text that nobody checked; a small script that it takes is run.
//!
//! An input is one of two things, by its first octet: even, the text of a script; odd, changes to a bundled script: which one,
//! then lines that are left out, doubled, moved, or get another value.
//!
//! Held: no panic; an error names a line and column that the text has; a run of what was accepted ends.

use std::path::Path;
use std::time::Duration;

use keyhop::emulation::Engine;
use keyhop::scenario::bundled;
use keyhop::scenario::eps;
use keyhop::scenario::run::{FinishedRun, run as run_script};
use keyhop::scenario::script::{
    AttackAction, EpsScript, Pattern, Script, ScriptError, ScriptFile, Traffic, eps as script_eps,
};

use crate::choices::Choices;

/// Values that a changed line may get.
const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "65535",
    "65536",
    "4294967295",
    "1000000000",
    "1e9",
    "0.5",
    "nan",
    "true",
    "false",
    "\"\"",
    "\"ms1\"",
    "\"bs2\"",
    "\"gw\"",
    "\"0ns\"",
    "\"1ns\"",
    "\"1us\"",
    "\"40ms\"",
    "\"1s\"",
    "\"100s\"",
    "\"9999h\"",
    "\"18446744073s\"",
    "[]",
    "[\"bs1\"]",
    "{}",
    "\"air:ms1-bs2\"",
    "\"r6:bs1-gw\"",
    "\"legacy-full\"",
    "\"full\"",
    "\"std2009\"",
    "\"none\"",
    "\"handover\"",
    "\"cancel\"",
    "\"restart\"",
    "\"lose-counter\"",
    "\"uplink\"",
    "\"02:00:00:00:00:01\"",
    "\"10.16.0.1\"",
    "\"eps\"",
    "\"enb2\"",
    "\"mme2\"",
    "\"ue1\"",
    "\"grouped\"",
    "\"next-hop-s1\"",
    "\"null\"",
    "\"aes\"",
    "\"uu:ue1-enb1\"",
];

/// Keys that a changed line may get.
const KEYS: &[&str] = &[
    "name",
    "at",
    "action",
    "target",
    "candidates",
    "duration",
    "interval",
    "size",
    "count",
    "kind",
    "serving",
    "entry",
    "mac",
    "ip",
    "bsid",
    "tap",
    "trigger",
    "direction",
    "loss",
    "frame",
    "latency",
    "retry",
    "seed",
    "mode",
    "pmk_lifetime",
    "max_pdu",
    "scheme",
    "group",
    "mme",
    "ue",
    "ciphering",
    "integrity",
    "weaknesses",
    "most_ues",
    "earfcn",
    "pci",
];

/// Reads a script, and perhaps runs it.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let text = if choices.any() & 1 == 0 {
        String::from_utf8_lossy(choices.rest()).into_owned()
    } else {
        changed_script(&mut choices)
    };
    // Files of the machine are nobody's business; the bundled ones are found without any.
    let nowhere = Path::new("/nonexistent");
    match ScriptFile::parse(NAME, &text, &[]) {
        Ok(ScriptFile::Dot16(script)) if is_small(&script) => {
            if let Ok(finished) = run_script(&script, Engine::Inline, nowhere, None) {
                as_scripted(&finished, &script.name);
            }
        }
        Ok(ScriptFile::Eps(script)) if is_small_eps(&script) => {
            if let Ok(finished) = eps::run::run(&script, Engine::Inline, nowhere, None, &mut ()) {
                as_scripted(&finished.run, &script.title.name);
            }
        }
        Ok(_) => {}
        Err(error) => {
            place_exists(&error, &text);
            // The long form, with the line and what stands under it.
            let _ = format!("{:?}", miette::Report::new(error));
        }
    }
}

fn as_scripted(finished: &FinishedRun, name: &str) {
    assert_eq!(finished.outcome.scenario, name);
    assert!(finished.capture.frames.is_sorted_by_key(|frame| frame.time), "frames in order of time");
}

/// The name of the file in messages.
const NAME: &str = "script.toml";

/// The text has the line and the column that the error names.
fn place_exists(error: &ScriptError, text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    let line = lines.get(error.line().wrapping_sub(1)).unwrap_or_else(|| panic!("{error}, in {} lines", lines.len()));
    assert!((1..=line.chars().count() + 2).contains(&error.column()), "{error}, in {line:?}");
}

/// Whether a run takes so little time that the fuzzer can wait for it.
fn is_small(script: &Script) -> bool {
    let endless = |attack: &keyhop::scenario::script::Attack| matches!(attack.action, AttackAction::Inject { .. });
    script.adversary.is_none()
        && script.duration <= Duration::from_secs(4)
        && script.base_stations.len() + script.mobile_stations.len() <= 8
        && script.radio.frame >= Duration::from_millis(2)
        && script.radio.neighbour_advertisement >= Duration::from_millis(2)
        && script.backbone.latency >= Duration::from_micros(10)
        && packets(&script.traffic, script.duration) <= 300
        && !script.attacks.iter().any(endless)
}

/// The same of a script of EPS.
fn is_small_eps(script: &EpsScript) -> bool {
    let slow = |attack: &script_eps::Attack| match attack.action {
        script_eps::AttackAction::Replay { times, .. } => times > 10,
        script_eps::AttackAction::Search(_) => true,
        _ => false,
    };
    script.title.duration <= Duration::from_secs(4)
        && script.nodes.mmes.len() + script.nodes.enbs.len() + script.nodes.ues.len() <= 8
        && packets(&script.traffic, script.title.duration) <= 300
        && script.attacks.len() <= 8
        && !script.attacks.iter().any(slow)
}

/// Packets of a run that lasts so long.
fn packets(traffic: &[Traffic], duration: Duration) -> u128 {
    let packets = |traffic: &Traffic| match traffic {
        Traffic::Generated(generated) => {
            let time = generated.stop.since(generated.start).min(duration);
            let bursts = time.as_nanos() / generated.interval.as_nanos().max(1) + 1;
            match generated.pattern {
                Pattern::Bulk(count) => bursts.saturating_mul(u128::from(count)),
                Pattern::Udp | Pattern::IcmpEcho => bursts,
            }
        }
        Traffic::Capture(_) => 250,
    };
    traffic.iter().map(packets).fold(0, u128::saturating_add)
}

fn changed_script(choices: &mut Choices<'_>) -> String {
    // Not the largest: it takes too long to read.
    let eps = bundled::all().filter(|script| script.name.starts_with("eps-"));
    let scripts: Vec<_> = bundled::goldens().chain(eps).collect();
    let Some(bundled) = choices.of(&scripts) else { return String::new() };
    let mut lines: Vec<String> =
        bundled.text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    while let Some(what) = choices.octet() {
        let place = choices.below(lines.len().min(256));
        if place >= lines.len() {
            break;
        }
        match what % 8 {
            0 => {
                lines.remove(place);
            }
            1 => {
                let line = lines[place].clone();
                lines.insert(choices.below(lines.len().min(256)), line);
            }
            2 => {
                let other = choices.below(lines.len().min(256));
                lines.swap(place, other);
            }
            3 | 4 => {
                let value = choices.of(VALUES).copied().unwrap_or_default();
                if let Some((key, _)) = lines[place].clone().split_once('=') {
                    lines[place] = format!("{key}= {value}");
                }
            }
            5 => {
                let (key, value) = (choices.of(KEYS), choices.of(VALUES));
                lines.insert(place, format!("{} = {}", key.unwrap_or(&""), value.unwrap_or(&"")));
            }
            6 => {
                let (column, octet) = (usize::from(choices.any()), choices.any());
                let mut octets = lines[place].clone().into_bytes();
                if let Some(there) = octets.get_mut(column) {
                    *there = octet;
                }
                lines[place] = String::from_utf8_lossy(&octets).into_owned();
            }
            _ => {
                let other = scripts.get(choices.below(scripts.len()));
                let from = choices.below(64);
                let more = other.into_iter().flat_map(|other| other.text.lines()).skip(from).take(8).map(str::to_owned);
                lines.extend(more);
            }
        }
    }
    lines.join("\n")
}
