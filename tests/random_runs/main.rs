//! Random scripts: networks, impairments, steps, restarts, cancels and replays drawn from a seed, each run judged by the
//! invariants of `dot16-security.md` 11 and what a user relies on: every handover ends in time, user packets come out
//! once and unaltered, and after a pause a mobile can always hand over again.
//!
//! * `KEYHOP_CASES`: how many cases (default [`CASES`]); `tests/long` runs them over night.
//! * `KEYHOP_SEED`: the first case; a case that failed names its seed.
//! * `KEYHOP_JUDGED`: every so many cases the independent judge is asked, too (default [`JUDGED`]).
//!
//! A case that fails is made smaller as long as it fails in the same way, and printed as a script. Once it is mended, the
//! script goes to `tests/random_runs/regressions/`, whose scripts are run before every other.

mod bounds;
mod generator;
mod invariants;
mod shrinking;
#[path = "../support/mod.rs"]
mod support;
mod weakened;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyhop::capture::{capture_reader, key_log_text};
use keyhop::emulation::Engine;
use keyhop::judge::FindingKind;
use keyhop::scenario::script::Script;

use invariants::{Finding, findings};
use support::{Run, repository, run_with};

/// How many cases are run where nothing else is asked for.
const CASES: u64 = 1000;
/// Every so many cases the independent judge is asked, too.
const JUDGED: u64 = 4;
/// Every so many cases both engines are compared.
const ENGINES: u64 = 64;
/// How many failures are made smaller and printed at the most; one of each kind.
const SHOWN: usize = 6;

/// What was wrong with a case, and what else was seen of it.
struct Judged {
    findings: Vec<Finding>,
    seen: BTreeMap<String, u64>,
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs something whose panics are findings and not to be printed.
fn caught<T>(what: impl FnOnce() -> T) -> Result<T, Finding> {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(what));
    QUIET.set(false);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Finding { rule: "panic", detail: text.unwrap_or_default() }
    })
}

/// Runs a script and judges it. What is no script is nothing to judge.
fn judge(text: &str, both_engines: bool) -> Option<Judged> {
    let script = Script::parse("case.toml", text, &[]).ok()?;
    let judged = caught(|| {
        let run = run_with(&script, Engine::Inline, None);
        let mut findings = findings(&script, &run);
        if both_engines {
            findings.extend(other_engine(&script, &run));
        }
        Judged { findings, seen: seen(&run) }
    });
    Some(judged.unwrap_or_else(|panic| Judged { findings: vec![panic], seen: BTreeMap::new() }))
}

/// The independent judge finds nothing in the capture and the key log of a script.
fn independent(text: &str) -> Option<Finding> {
    let script = Script::parse("case.toml", text, &[]).ok()?;
    let found = caught(|| {
        let run = run_with(&script, Engine::Inline, None);
        let (capture, keys) = (run.capture_octets(), run.key_log_octets());
        let (log, _) = key_log_text::parse(&keys).unwrap();
        let judgement = keyhop::judge::judge(|| capture_reader::read(capture.as_slice()), &log).unwrap();
        // A mobile that lost its counter begins anew, as the script tells it to.
        let counter_lost = text.contains("lose_counter");
        let known = |finding: &keyhop::judge::Finding| match finding.kind {
            FindingKind::KeyCountRegress | FindingKind::PnNotIncreasing => counter_lost,
            _ => false,
        };
        let finding = judgement.findings.iter().find(|finding| !known(finding))?;
        let detail = format!("{} {:?}: {}", finding.kind.as_str(), finding.frames, finding.detail);
        Some(Finding { rule: "judge", detail })
    });
    found.unwrap_or_else(Some)
}

/// Both engines give the same octets.
fn other_engine(script: &Script, run: &Run) -> Option<Finding> {
    let other = run_with(script, Engine::PerNode, None);
    let same = run.capture_octets() == other.capture_octets()
        && run.key_log_octets() == other.key_log_octets()
        && run.delivered.frames == other.delivered.frames
        && run.json() == other.json();
    (!same).then(|| Finding { rule: "engines", detail: "the engines give different octets".to_owned() })
}

/// What happened in a run: counted, so that it can be seen what the cases reach.
fn seen(run: &Run) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::new();
    let mut add = |what: String, count: u64| *seen.entry(what).or_default() += count;
    for handover in &run.outcome.handovers {
        let open = if handover.ended_us.is_none() { " (open)" } else { "" };
        add(format!("{} {}{open}", handover.mode, handover.outcome), 1);
        add("self-synchronised".to_owned(), u64::from(handover.self_sync_steps > 0));
    }
    let rejects = &run.outcome.rejects;
    add("PN replays rejected".to_owned(), rejects.pn_replay);
    add("CMAC_PN replays rejected".to_owned(), rejects.cmac_pn);
    add("counts rejected".to_owned(), rejects.key_count);
    for authentication in &run.outcome.authentications {
        let how = if authentication.completed { "completed" } else { "failed" };
        add(format!("{} {how}", authentication.purpose), 1);
    }
    let lost = run.outcome.traffic.values().map(|traffic| traffic.ul.lost + traffic.dl.lost).sum();
    add("user packets lost".to_owned(), lost);
    seen
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}: expected a number, found {value}")))
}

/// Makes a failing script smaller and says what is wrong with it.
fn report(name: &str, text: &str, finding: &Finding, both_engines: bool) {
    let fails = |text: &str| {
        if finding.rule == "judge" {
            return independent(text).is_some();
        }
        let judged = judge(text, both_engines && finding.rule == "engines");
        judged.is_some_and(|judged| judged.findings.iter().any(|other| other.rule == finding.rule))
    };
    let smallest = shrinking::shrink(text, fails);
    println!("# {name}: {}: {}", finding.rule, finding.detail);
    for left in judge(&smallest, both_engines).map_or_else(Vec::new, |judged| judged.findings) {
        println!("# smallest script: {}: {}", left.rule, left.detail);
    }
    println!("{smallest}");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{}.toml", finding.rule, name.replace(' ', "-")));
    std::fs::write(&file, smallest).unwrap();
    println!("# written to {}\n", file.display());
}

#[test]
fn scripts_that_failed_once_and_random_ones_keep_the_invariants() {
    let mut failed = 0;
    for (name, text) in regressions() {
        let judged = judge(&text, false).unwrap_or_else(|| panic!("{name} is no script"));
        for finding in &judged.findings {
            failed += 1;
            println!("# {name}: {}: {}", finding.rule, finding.detail);
        }
    }
    assert_eq!(failed, 0, "scripts that failed once fail again");

    let every = setting("KEYHOP_JUDGED", JUDGED);
    let (first, cases) = (setting("KEYHOP_SEED", 0), setting("KEYHOP_CASES", CASES));
    let next = AtomicU64::new(first);
    let shown: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let failures: Mutex<BTreeMap<&'static str, Vec<u64>>> = Mutex::new(BTreeMap::new());
    let seen: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed - first >= cases {
            return;
        }
        let both_engines = seed.is_multiple_of(ENGINES);
        let text = generator::script_text(seed);
        let judged = judge(&text, both_engines).unwrap_or_else(|| panic!("seed {seed} gives no script:\n{text}"));
        let mut judged = judged;
        if seed.is_multiple_of(every) {
            let found = independent(&text);
            if let Some(found) = &found {
                println!("# seed {seed}: {}", found.detail);
            }
            judged.findings.extend(found);
        }
        for (what, count) in judged.seen {
            *seen.lock().unwrap().entry(what).or_default() += count;
        }
        for finding in &judged.findings {
            failures.lock().unwrap().entry(finding.rule).or_default().push(seed);
            let mut shown = shown.lock().unwrap();
            if shown.len() < SHOWN && !shown.contains(&finding.rule) {
                shown.push(finding.rule);
                drop(shown);
                report(&format!("seed {seed}"), &text, finding, both_engines);
            }
        }
    };
    on_every_core(work);
    println!("{cases} cases from seed {first}");
    for (what, count) in seen.into_inner().unwrap() {
        println!("{what}: {count}");
    }
    let failures = failures.into_inner().unwrap();
    for (rule, seeds) in &failures {
        println!("{rule}: seeds {seeds:?}");
    }
    assert!(failures.is_empty(), "some cases break an invariant: see above");
}

/// Whether any case has a property; cases are looked at in turn, on every core, until one has.
fn any_case(cases: Range<u64>, has: impl Fn(u64) -> bool + Sync) -> bool {
    let (next, found) = (AtomicU64::new(cases.start), AtomicBool::new(false));
    on_every_core(|| {
        while !found.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= cases.end {
                return;
            }
            if has(seed) {
                found.store(true, Ordering::Relaxed);
            }
        }
    });
    found.into_inner()
}

fn on_every_core(work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(&work);
        }
    });
}

/// The scripts that failed once, by name.
fn regressions() -> Vec<(String, String)> {
    let folder = repository("tests/random_runs/regressions");
    let mut scripts: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "toml"))
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect();
    scripts.sort();
    scripts
}
