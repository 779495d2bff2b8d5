//! `keyhop list`: the bundled scenarios, with what each shows and the statements that it covers.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::{Status, print};
use crate::report::tabulated;
use crate::scenario::bundled::SCRIPTS;
use crate::scenario::script::{AttackId, Script};

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
    fn new(script: &'a Script) -> Self {
        Self {
            name: &script.name,
            shows: &script.shows,
            statements: script.statements.iter().map(ToString::to_string).collect(),
            system: script.system.as_str(),
            attack: script.attack_id.map(|id| match id {
                AttackId::Number(number) => Attack::Number(number),
                AttackId::Rule(_) => Attack::Rule(id.to_string()),
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
    let scripts: Result<Vec<Script>, _> = SCRIPTS.iter().map(|script| script.parse(&[])).collect();
    let scripts = match scripts {
        Ok(scripts) => scripts,
        Err(error) => {
            let _ = writeln!(messages, "error: {error}");
            return Ok(Status::BadInput);
        }
    };
    let entries: Vec<Entry<'_>> = scripts.iter().map(Entry::new).collect();
    let text = if arguments.json { serde_json::to_string(&entries)? + "\n" } else { lines(&entries) };
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
        assert_eq!(names, SCRIPTS.iter().map(|script| script.name).collect::<Vec<_>>());
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
        let script = SCRIPTS[0].parse(&[set("attack_id=R7"), set("defence=on")]).unwrap();
        let entry = serde_json::to_value(Entry::new(&script)).unwrap();
        assert_eq!((&entry["attack"], &entry["defence"]), (&json!("R7"), &json!("on")));
    }

    #[test]
    fn the_text_is_aligned_and_holds_every_scenario() {
        let text = output(false);
        let lines: Vec<&str> = text.lines().collect();
        let column = lines[0].find("shows").unwrap();
        for script in SCRIPTS {
            let start = format!("{:column$}", script.name);
            let line = lines.iter().find(|line| line.starts_with(&start)).unwrap();
            assert!(line.as_bytes()[column - 1] == b' ' && line.as_bytes()[column] != b' ', "{line}");
        }
        assert!(lines.iter().all(|line| line.chars().count() <= 120));
        assert!(text.contains(" A16 A17 R1\n"), "{text}");
    }
}
