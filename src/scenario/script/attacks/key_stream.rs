//! The action `{ xor, with, known }` of an `[[attack]]`: key stream that was used twice.

use super::{Attack, AttackAction, NAME_LENGTH};
use crate::scenario::script::problem::{Problem, Read};
use crate::scenario::script::section::Section;

/// What the adversary knows of the packets of the first recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownPlaintext {
    /// All of them: it sent them, or had them sent.
    Sent,
    /// What each of them says from octet [`TEXT_OFFSET`](Self::TEXT_OFFSET) on.
    Text(String),
}

impl KnownPlaintext {
    /// Octets of the IPv4 header without options and of the UDP or ICMP echo header, after which a text stands.
    pub const TEXT_OFFSET: usize = 28;
}

/// Two recordings to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStreamReuse {
    /// Name of the recording of packets that the adversary knows.
    pub first: String,
    /// Name of that of packets that it wants to read.
    pub second: String,
    /// What it knows of the first.
    pub known: KnownPlaintext,
}

/// Keys beside `xor`.
pub(in crate::scenario::script) const OPTIONS: &[&str] = &["with", "known"];

/// Reads the action, whose key `xor` is in `section`.
pub(super) fn read(section: &Section<'_>) -> Read<KeyStreamReuse> {
    let known = section.required("known", "\"sent\", or what the packets of the first recording say")?;
    Ok(KeyStreamReuse {
        first: section.required("xor", "the name of a recording")?.name(NAME_LENGTH, true)?,
        second: section.required("with", "the name of a recording")?.name(NAME_LENGTH, true)?,
        known: match known.line()?.as_str() {
            "sent" => KnownPlaintext::Sent,
            text => KnownPlaintext::Text(text.to_owned()),
        },
    })
}

/// Both recordings must be made by attacks of the script, on the air.
pub(super) fn check(section: &Section<'_>, reuse: &KeyStreamReuse, attacks: &[Attack]) -> Read<()> {
    for (key, name) in [("xor", &reuse.first), ("with", &reuse.second)] {
        let records = |attack: &Attack| matches!(&attack.action, AttackAction::Record(recorded) if recorded == name);
        if !attacks.iter().any(records) {
            let place = section.field(key).map_or(section.place, |field| field.place());
            let expected = "a recording that another attack makes";
            return Err(Problem::mismatch(place, &format!("attack.action.{key}"), expected, &format!("{name:?}")));
        }
    }
    Ok(())
}
