//! Attacks 1 to 10 and 12 to 17 of `dot16-security.md` 9 and the early release of R7 as bundled scenarios: with the defence
//! they fail, without it they succeed, and the two scripts of a pair differ in nothing but the switch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keyhop::capture::FileFormat;
use keyhop::dot16::identifiers::CmacKeyCount;
use keyhop::emulation::Engine;
use keyhop::scenario::bundled::{BundledScript, SCRIPTS};
use keyhop::scenario::outcome::{RunOutcome, RunVerdict};
use keyhop::scenario::run::run;
use keyhop::scenario::script::{AttackId, Defence, Script};
use toml::{Table, Value};

/// The attacks that have a scenario with the defence on. Of 11 and 18 none is asked for: they are not about handovers.
const ATTACKS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "13", "14", "15", "16", "17", "R7"];

/// The attacks without a scenario that succeeds: nothing of the defence can be switched off.
const NO_SWITCH: &[&str] = &[];

/// The bundled scripts about an attack, with what they say.
fn scripts() -> Vec<(&'static BundledScript, Script, AttackId, Defence)> {
    let parsed = SCRIPTS.iter().filter(|bundled| bundled.golden).map(|bundled| (bundled, bundled.parse(&[]).unwrap()));
    parsed.filter_map(|(bundled, script)| Some((bundled, script.clone(), script.attack_id?, script.defence?))).collect()
}

fn outcome(script: &Script) -> RunOutcome {
    let finished = run(script, Engine::Inline, Path::new("."), None).unwrap();
    finished.judged(script, FileFormat::Pcapng).unwrap().outcome
}

/// The judge's verdict is among the expectations: it finds what the script says, and nothing else.
#[test]
fn every_attack_fails_with_the_defence_and_succeeds_without_it() {
    // R1, R2, R4, R7, R8, R16, A13, A18, A25
    for (_, script, _, defence) in scripts() {
        let outcome = outcome(&script);
        assert_eq!(outcome.verdict, RunVerdict::Pass, "{}: {:?}", script.name, outcome.expectations);
        let attacks = &outcome.attacks;
        match defence {
            Defence::On => assert!(attacks.iter().all(|attack| !attack.succeeded), "{}: {attacks:?}", script.name),
            Defence::Off => {
                let any = attacks.is_empty() || attacks.iter().any(|attack| attack.succeeded);
                assert!(any, "{}: {attacks:?}", script.name);
            }
        }
    }
}

#[test]
fn an_rng_req_that_is_repeated_because_its_answer_was_jammed_is_reported_once() {
    // R2, R7
    let run = crate::support::run_bundled("rng-rsp-jammed", &[]);
    let requests = run.air("air:ms1-bs2").into_iter().filter_map(|pdu| pdu.rng_req()?.cmac_key_count());
    assert_eq!(requests.collect::<Vec<_>>(), [CmacKeyCount(2); 2]);
    assert_eq!(run.reported_counts("bs2"), [CmacKeyCount(2)]);
}

#[test]
fn every_attack_has_a_scenario_with_the_defence_and_one_without_it() {
    let of = |wanted| {
        let scripts = scripts().into_iter().filter(|(.., defence)| *defence == wanted);
        scripts.map(|(_, _, id, _)| id.to_string()).collect::<BTreeSet<_>>()
    };
    let (on, off) = (of(Defence::On), of(Defence::Off));
    for attack in ATTACKS {
        assert!(on.contains(*attack), "attack {attack} has no scenario with the defence on");
        assert!(off.contains(*attack) || NO_SWITCH.contains(attack), "attack {attack} has none with the defence off");
    }
    assert!(off.iter().all(|attack| on.contains(attack) && !NO_SWITCH.contains(&attack.as_str())));
}

/// What two scripts of a pair may differ in: what they are called, what they say and what they expect.
const WORDS: &[&str] = &["name", "shows", "statements", "defence", "expect"];

/// The document with a name in place of the position in each array of tables that has names.
fn leaves(place: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                leaves(&format!("{place}.{key}"), value, into);
            }
        }
        Value::Array(items) if items.iter().all(Value::is_table) => {
            for (number, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str).map_or_else(|| number.to_string(), str::to_owned);
                leaves(&format!("{place}.{name}"), item, into);
            }
        }
        value => {
            into.insert(place.trim_start_matches('.').to_owned(), value.clone());
        }
    }
}

/// The keys under which two scripts say different things.
fn differences(one: &BundledScript, other: &BundledScript) -> BTreeSet<String> {
    let read = |script: &BundledScript| {
        let mut table: Table = script.text.parse().unwrap();
        table.retain(|key, _| !WORDS.contains(&key));
        let mut into = BTreeMap::new();
        leaves("", &Value::Table(table), &mut into);
        into
    };
    let (one, other) = (read(one), read(other));
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}

/// Whether a key is a switch of a defence: a setting of a node, or the mode of the network.
fn is_switch(key: &str) -> bool {
    ["mode", "last_key_count"].contains(&key)
        || ["base_station.", "mobile_station.", "authenticator."].iter().any(|start| key.starts_with(start))
}

/// Runs without the defence that have no bundled counterpart, with what switches the defence on in them.
const ALONE: &[(&str, &[&str])] = &[("nonce-reuse-mobile-flush", &["mobile_station.ms1.tek_cache=true"])];

#[test]
fn an_attack_whose_script_stands_alone_fails_once_the_defence_is_switched_on_in_it() {
    // A17
    for (name, sets) in ALONE {
        let script = SCRIPTS.iter().find(|script| script.name == *name).unwrap();
        let sets: Vec<_> = sets.iter().map(|set| set.parse().unwrap()).collect();
        let outcome = outcome(&script.parse(&sets).unwrap());
        assert!(!outcome.attacks.is_empty());
        assert!(outcome.attacks.iter().all(|attack| !attack.succeeded), "{name}: {:?}", outcome.attacks);
    }
}

#[test]
fn a_run_without_the_defence_differs_from_one_with_it_in_the_switch_alone() {
    let scripts = scripts();
    let alone = |name: &str| ALONE.iter().any(|(known, _)| *known == name);
    let off = scripts.iter().filter(|(bundled, .., defence)| *defence == Defence::Off && !alone(bundled.name));
    for (off, _, id, _) in off {
        let same = scripts.iter().filter(|(_, _, other, defence)| other == id && *defence == Defence::On);
        let pairs: Vec<_> = same.map(|(on, ..)| (on.name, differences(on, off))).collect();
        let fair = |keys: &BTreeSet<String>| !keys.is_empty() && keys.iter().all(|key| is_switch(key));
        assert!(pairs.iter().any(|(_, keys)| fair(keys)), "{}: {pairs:?}", off.name);
    }
}
