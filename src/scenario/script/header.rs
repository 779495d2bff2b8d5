//! The top of a script: what it is called, what it shows, and under which rules it runs.

use std::fmt;
use std::time::Duration;

use super::defaults;
use super::problem::Read;
use super::section::{Field, Section};
use super::value::Data;
use crate::dot16::identifiers::CmacKeyCount;
use crate::dot16::node::HandoverMode;

/// The emulated system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// IEEE 802.16 with PKMv2.
    Dot16,
}

/// Which of two readings of the 802.16 rules holds (`dot16-security.md` 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The contribution on counter-based TEKs.
    Contribution,
    /// The published standard of 2009.
    Std2009,
}

/// A statement or rule that a scenario shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatementId {
    /// Statement A1 to A27 of the acceptance list.
    Statement(u8),
    /// Rule R1 to R19 of the protocol.
    Rule(u8),
}

/// The attack that a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttackId {
    /// Number 1 to 18 in `dot16-security.md` 9.
    Number(u8),
    /// An attack on rule R1 to R19 of the protocol.
    Rule(u8),
}

/// Whether the defence that the attack is about is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defence {
    /// As the protocol has it: the attack is expected to fail.
    On,
    /// Switched off: the attack is expected to succeed.
    Off,
}

impl System {
    /// The name in scripts and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dot16 => "dot16",
        }
    }
}

impl Profile {
    /// The name in scripts and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contribution => "contribution",
            Self::Std2009 => "std2009",
        }
    }
}

impl Defence {
    /// The name in scripts and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// `A4` or `R7`.
impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(number) => write!(f, "A{number}"),
            Self::Rule(number) => write!(f, "R{number}"),
        }
    }
}

/// `5` or `R7`.
impl fmt::Display for AttackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Rule(number) => write!(f, "R{number}"),
        }
    }
}

/// The keys at the top of a script that are neither tables nor arrays of tables.
#[derive(Debug)]
pub(super) struct Header {
    pub name: String,
    pub shows: String,
    pub statements: Vec<StatementId>,
    pub system: System,
    pub attack_id: Option<AttackId>,
    pub defence: Option<Defence>,
    pub seed: u64,
    pub profile: Profile,
    pub mode: HandoverMode,
    pub last_key_count: CmacKeyCount,
    pub duration: Duration,
}

const HIGHEST_STATEMENT: u8 = 27;
const HIGHEST_RULE: u8 = 19;
const HIGHEST_ATTACK: u8 = 18;

/// Reads the header from the document.
pub(super) fn read(root: &Section<'_>) -> Read<Header> {
    let attack_id = root.field("attack_id").map(|field| attack(&field)).transpose()?;
    let defence =
        root.field("defence").map(|field| field.one_of(&[("on", Defence::On), ("off", Defence::Off)])).transpose()?;
    if attack_id.is_some() {
        root.required("defence", "\"on\" or \"off\", because attack_id is given")?;
    } else {
        root.refuse("defence", "without attack_id")?;
    }
    Ok(Header {
        name: root.required("name", "the name of the scenario")?.name(64, true)?,
        shows: root.required("shows", "one line that says what the scenario shows")?.line()?,
        statements: root.read("statements", Vec::new(), |field| {
            field.items("an array of statement ids")?.iter().map(statement).collect()
        })?,
        system: root.read("system", defaults::SYSTEM, |field| field.one_of(&[("dot16", System::Dot16)]))?,
        attack_id,
        defence,
        seed: root.read("seed", defaults::SEED, |field| field.number(0..=u64::MAX))?,
        profile: root.read("profile", defaults::PROFILE, |field| {
            field.one_of(&[("contribution", Profile::Contribution), ("std2009", Profile::Std2009)])
        })?,
        mode: root.read("mode", defaults::MODE, |field| field.one_of(HandoverMode::ALL))?,
        last_key_count: root
            .read("last_key_count", defaults::LAST_KEY_COUNT, |field| field.number(2..=u16::MAX).map(CmacKeyCount))?,
        duration: root
            .read("duration", defaults::DURATION, |field| field.time(Duration::from_nanos(1)..=Duration::MAX))?,
    })
}

fn numbered(text: &str, letter: char, highest: u8) -> Option<u8> {
    let digits = text.strip_prefix(letter)?;
    let number = digits.parse().ok().filter(|number| (1..=highest).contains(number))?;
    (digits == number.to_string()).then_some(number)
}

fn statement(field: &Field<'_>) -> Read<StatementId> {
    let expected = format!("a statement id, \"A1\" to \"A{HIGHEST_STATEMENT}\" or \"R1\" to \"R{HIGHEST_RULE}\"");
    let text = field.text(&expected)?;
    numbered(text, 'A', HIGHEST_STATEMENT)
        .map(StatementId::Statement)
        .or_else(|| numbered(text, 'R', HIGHEST_RULE).map(StatementId::Rule))
        .ok_or_else(|| field.mismatch(&expected))
}

fn attack(field: &Field<'_>) -> Read<AttackId> {
    let expected = format!("a number from 1 to {HIGHEST_ATTACK} or a rule \"R1\" to \"R{HIGHEST_RULE}\"");
    match field.data() {
        Data::Integer(_) => {
            field.number(1..=HIGHEST_ATTACK).map(AttackId::Number).map_err(|_| field.mismatch(&expected))
        }
        Data::Text(text) => {
            numbered(text, 'R', HIGHEST_RULE).map(AttackId::Rule).ok_or_else(|| field.mismatch(&expected))
        }
        _ => Err(field.mismatch(&expected)),
    }
}
