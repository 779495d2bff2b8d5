//! `keyhop list`: the bundled scenarios, with what each shows and the statements that it covers, and below them the attacks
//! of `dot16-security.md` 9, with what each comes to with the defence and without it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::{Status, print};
use crate::report::tabulated;
use crate::scenario::bundled;
use crate::scenario::script::{AttackId, Defence, ScriptFile, Title};

/// Arguments of `keyhop list`.
#[derive(Args, Clone, Copy, Debug)]
pub struct ListArguments {
    /// Print a JSON array, one object per scenario
    #[arg(long)]
    pub json: bool,
}

/// A scenario in the document of `list --json`.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    shows: &'a str,
    statements: Vec<String>,
    system: &'static str,
    attack: Option<Attack>,
    defence: Option<&'static str>,
}

/// The attack that a scenario is about: a number, or the name of a rule.
#[derive(Serialize)]
#[serde(untagged)]
enum Attack {
    Number(u8),
    Rule(String),
}

impl<'a> Entry<'a> {
    fn new(script: &'a Title) -> Self {
        Self {
            name: &script.name,
            shows: &script.shows,
            statements: script.statements.iter().map(ToString::to_string).collect(),
            system: script.system.as_str(),
            attack: script.attack_id.map(|id| match id {
                AttackId::Number(number) => Attack::Number(number),
                AttackId::Rule(_)
                | AttackId::HandoverKeys(_)
                | AttackId::ContextTransfer(_)
                | AttackId::Parlos(_)
                | AttackId::E2m(_) => Attack::Rule(id.to_string()),
            }),
            defence: script.defence.map(|defence| defence.as_str()),
        }
    }
}

/// Runs `keyhop list`: the list goes to `out`. [`Status::BadInput`] and a word in `messages` if a bundled script is none,
/// which a test rules out.
///
/// # Errors
/// `out` could not be written, for another reason than that its reader went away.
pub fn run(arguments: &ListArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    let scripts: Result<Vec<Title>, _> =
        bundled::all().map(|script| script.read(&[]).map(|script: ScriptFile| script.title())).collect();
    let scripts = match scripts {
        Ok(scripts) => scripts,
        Err(error) => {
            let _ = writeln!(messages, "error: {error}");
            return Ok(Status::BadInput);
        }
    };
    let entries: Vec<Entry<'_>> = scripts.iter().map(Entry::new).collect();
    let text = match arguments.json {
        true => serde_json::to_string(&entries)? + "\n",
        false => format!("{}\n{}", lines(&entries), attacks(&scripts)),
    };
    print(out, &text)?;
    Ok(Status::Success)
}

fn lines(entries: &[Entry<'_>]) -> String {
    let rows = entries
        .iter()
        .map(|entry| vec![entry.name.to_owned(), entry.shows.to_owned(), entry.statements.join(" ")])
        .collect();
    tabulated(&["name", "shows", "statements"], rows)
}

/// What an attack is, in a few words (`dot16-security.md` 9; R7 of the handover rules).
const fn title(attack: AttackId) -> &'static str {
    match attack {
        AttackId::Number(1) => "RNG-REQ replayed at the same base station",
        AttackId::Number(2) => "RNG-REQ replayed at another base station",
        AttackId::Number(3) => "RNG-REQ forged with a large count",
        AttackId::Number(4) => "searches for a count provoked by random data",
        AttackId::Number(5) => "uplink data replayed across a cancelled handover",
        AttackId::Number(6) => "contexts flushed, nonces used twice",
        AttackId::Number(7) => "base station without keys",
        AttackId::Number(8) => "MOB_NBR-ADV forged",
        AttackId::Number(9) => "RNG-RSP forged",
        AttackId::Number(10) => "MOB_HO-IND and MOB_MSHO-REQ forged or dropped",
        AttackId::Number(11) => "other messages without authentication",
        AttackId::Number(12) => "key-count update lost, old count restored",
        AttackId::Number(13) => "counter of the mobile lost",
        AttackId::Number(14) => "base station compromised",
        AttackId::Number(15) => "end of the counter",
        AttackId::Number(16) => "RNG-REQ repeated because RNG-RSP is lost",
        AttackId::Number(17) => "RNG-REQ replayed at a holder that missed a notice",
        AttackId::Number(18) => "pre-authentication",
        AttackId::Number(_) => "",
        AttackId::Rule(7) => "early release by an RNG-REQ of an earlier visit",
        AttackId::Rule(_) => "against this rule",
        AttackId::HandoverKeys(1 | 2) => "keys of an eNB in the adversary's hands",
        AttackId::HandoverKeys(3) => "C-RNTI searched",
        AttackId::HandoverKeys(4) => "PARA that is not random",
        AttackId::HandoverKeys(5) => "INDICATION flipped by the source eNB",
        AttackId::HandoverKeys(6) => "PARA changed, or played again",
        AttackId::HandoverKeys(7) => "NAS COUNTs reset by the target MME",
        AttackId::HandoverKeys(8) => "X2 across security groups",
        AttackId::HandoverKeys(10) => "keys of an eNB in the adversary's hands, NH and NCC",
        AttackId::HandoverKeys(11) => "RRC changed on the air",
        AttackId::ContextTransfer(3) => "nothing done for the downlink",
        AttackId::ContextTransfer(4) => "COUNT begun again",
        AttackId::ContextTransfer(5) => "keys that come back",
        AttackId::ContextTransfer(6) => "context of weak origin known",
        AttackId::ContextTransfer(7) => "MME or link compromised",
        AttackId::ContextTransfer(8) => "target that cannot take the UE",
        AttackId::ContextTransfer(9) => "temporary identity not renewed",
        AttackId::Parlos(2) => "who listens, or finds the private key later",
        AttackId::Parlos(3) => "man in the middle who replaces the public key",
        AttackId::Parlos(4) => "man in the middle against certificates",
        AttackId::Parlos(5) => "false network",
        AttackId::Parlos(6) => "attach request stripped of key, RLOS or algorithms",
        AttackId::Parlos(7) => "old attach request or old command played again",
        AttackId::Parlos(8) => "certificate that is not in order",
        AttackId::Parlos(9) => "encrypted KASMEtemp changed",
        AttackId::Parlos(10) => "flood of attach requests",
        AttackId::E2m(2) => "SGSN that derives with what it was given",
        AttackId::E2m(3) => "authentications that fail after the push",
        AttackId::E2m(4) => "session opened before the challenge",
        AttackId::E2m(5) => "keys of one identifier",
        AttackId::E2m(6) => "end point that asks as another",
        AttackId::E2m(7) => "end point that wants the IMSI",
        AttackId::E2m(8) => "thief of a session's record keys",
        AttackId::E2m(9) => "user without a subscription",
        AttackId::E2m(10) => "attach requests in the name of another",
        AttackId::HandoverKeys(_) | AttackId::ContextTransfer(_) | AttackId::Parlos(_) | AttackId::E2m(_) => "",
    }
}

/// A row for each attack, in the order of their numbers: the scenarios with the defence and those without it.
fn attacks(scripts: &[Title]) -> String {
    let mut found: BTreeMap<AttackId, [Vec<&str>; 2]> = BTreeMap::new();
    for script in scripts {
        if let (Some(id), Some(defence)) = (script.attack_id, script.defence) {
            let [on, off] = found.entry(id).or_default();
            let side = if defence == Defence::On { on } else { off };
            side.push(&script.name);
        }
    }
    let cell = |names: Vec<&str>| if names.is_empty() { "-".to_owned() } else { names.join("\n") };
    let rows = found.into_iter().map(|(id, [on, off])| vec![id.to_string(), title(id).to_owned(), cell(on), cell(off)]);
    tabulated(&["attack", "", "fails with the defence", "succeeds without it"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn output(json: bool) -> String {
        let mut out = Vec::new();
        let mut messages = Vec::new();
        let status = run(&ListArguments { json }, &mut out, &mut messages).unwrap();
        assert_eq!((status, messages.as_slice()), (Status::Success, &b""[..]));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_document_has_an_object_for_each_bundled_scenario() {
        let document: Value = serde_json::from_str(&output(true)).unwrap();
        let entries = document.as_array().unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
        assert_eq!(names, bundled::all().map(|script| script.name).collect::<Vec<_>>());
        let about = |name: &str| {
            let entry = entries.iter().find(|entry| entry["name"] == name).unwrap();
            ["statements", "system", "attack", "defence"].map(|key| entry[key].clone())
        };
        assert_eq!(about("cancel-retry"), [json!(["A16", "A17", "R1"]), json!("dot16"), Value::Null, Value::Null]);
        assert_eq!(about("replay-data-no-cache"), [json!(["A18"]), json!("dot16"), json!(5), json!("off")]);
    }

    #[test]
    fn an_attack_on_a_rule_is_a_text() {
        let set = |text: &str| text.parse().unwrap();
        let sets = [set("attack_id=R7"), set("defence=on")];
        let script = bundled::script("seamless").unwrap().read(&sets).unwrap().title();
        let entry = serde_json::to_value(Entry::new(&script)).unwrap();
        assert_eq!((&entry["attack"], &entry["defence"]), (&json!("R7"), &json!("on")));
    }

    #[test]
    fn the_text_is_aligned_and_holds_every_scenario() {
        let text = output(false);
        let lines: Vec<&str> = text.lines().collect();
        let column = lines[0].find("shows").unwrap();
        let attacks = lines.iter().position(|line| line.starts_with("attack ")).unwrap();
        for script in bundled::all() {
            let start = format!("{:column$}", script.name);
            let line = lines[..attacks].iter().find(|line| line.starts_with(&start)).unwrap();
            assert!(line.as_bytes()[column - 1] == b' ' && line.as_bytes()[column] != b' ', "{line}");
        }
        assert!(lines.iter().all(|line| line.chars().count() <= 120));
        assert!(text.contains(" A16 A17 R1\n"), "{text}");
    }

    #[test]
    fn every_attack_is_listed_with_what_it_comes_to_with_the_defence_and_without_it() {
        let text = output(false);
        let row = |id: &str| {
            let row = text.lines().find(|line| line.starts_with(id)).unwrap();
            row.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect::<Vec<_>>()
        };
        let row_5 = row("5 ");
        assert!(row_5[1].starts_with("uplink data replayed"), "{row_5:?}");
        assert_eq!(row_5[2..], ["replay-data", "replay-data-no-cache"]);
        let table = text.lines().skip_while(|line| !line.starts_with("attack "));
        let table: Vec<&str> = table.collect();
        let (on, off) = (table[0].find("fails").unwrap(), table[0].find("succeeds").unwrap());
        for script in bundled::all().map(|script| script.read(&[]).unwrap().title()) {
            let Some(id) = script.attack_id else { continue };
            let column = if script.defence == Some(Defence::On) { on } else { off };
            let named = |line: &&str| line.get(column..).and_then(|rest| rest.split(' ').next()) == Some(&script.name);
            assert!(table.iter().any(named), "{}", script.name);
            assert_ne!(title(id), "");
        }
    }
}
