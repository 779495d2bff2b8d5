//! The table `[adversary]`: a program outside that is the adversary.

use super::problem::Read;
use super::section::{Field, Section};

/// A program that is the adversary, or a second one beside the attacks of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAdversary {
    /// The program and its arguments; it runs in the folder of the script.
    pub command: Vec<String>,
    /// Whether it may hear and send on the backbone too (R19).
    pub insider: bool,
}

pub(super) const KEYS: &[&str] = &["command", "insider"];

/// Most words in a command.
const MOST_WORDS: usize = 64;

/// Reads the table, if the script has it.
pub(super) fn read(root: &Section<'_>) -> Read<Option<ExternalAdversary>> {
    let Some(field) = root.field("adversary") else {
        return Ok(None);
    };
    let section = field.section(KEYS)?;
    let expected = "a program and its arguments, such as [\"python3\", \"replay.py\"]";
    let field = section.required("command", expected)?;
    let command: Vec<String> = field.items(expected)?.iter().map(Field::line).collect::<Read<_>>()?;
    if command.is_empty() || command.len() > MOST_WORDS {
        return Err(field.mismatch(&format!("{expected}, at most {MOST_WORDS} of them")));
    }
    Ok(Some(ExternalAdversary { command, insider: section.read("insider", false, Field::boolean)? }))
}
