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
    /// EPS: handover keys between LTE base stations.
    Eps,
    /// EPS: security contexts from node to node, in the early architecture with user plane entities.
    ContextTransfer,
    /// EPS: temporary keys for a phone without a subscription.
    Parlos,
    /// EPS and UMTS: keys between a UE and end points in an enterprise.
    E2m,
}

impl System {
    /// All.
    pub const ALL: [Self; 5] = [Self::Dot16, Self::Eps, Self::ContextTransfer, Self::Parlos, Self::E2m];
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
    /// Point H1 to H11 of the acceptance list of EPS handover keys (`eps-systems.md` 1.3).
    HandoverKeys(u8),
    /// Point T1 to T9 on context transfer: 1 to 8 of the acceptance list (`eps-systems.md` 2.2), 9 what closes a procedure.
    ContextTransfer(u8),
    /// Point P1 to P11 on temporary keys for PARLOS: 1 to 10 of the acceptance list (`eps-systems.md` 3.2), 11 its variants.
    Parlos(u8),
    /// Point E1 to E11 on e2m keys: 1 to 10 of the acceptance list (`eps-systems.md` 4.2), 11 its variants.
    E2m(u8),
}

/// The attack that a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttackId {
    /// Number 1 to 18 in `dot16-security.md` 9.
    Number(u8),
    /// An attack on rule R1 to R19 of the protocol.
    Rule(u8),
    /// An attack of point H1 to H11 of the acceptance list of EPS handover keys (`eps-systems.md` 1.3).
    HandoverKeys(u8),
    /// An attack of point T1 to T9 on context transfer.
    ContextTransfer(u8),
    /// An attack of point P1 to P11 on temporary keys for PARLOS.
    Parlos(u8),
    /// An attack of point E1 to E11 on e2m keys.
    E2m(u8),
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
            Self::Eps => "eps",
            Self::ContextTransfer => "context-transfer",
            Self::Parlos => "parlos",
            Self::E2m => "e2m",
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

/// `A4`, `R7` or `H2`.
impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(number) => write!(f, "A{number}"),
            Self::Rule(number) => write!(f, "R{number}"),
            Self::HandoverKeys(number) => write!(f, "H{number}"),
            Self::ContextTransfer(number) => write!(f, "T{number}"),
            Self::Parlos(number) => write!(f, "P{number}"),
            Self::E2m(number) => write!(f, "E{number}"),
        }
    }
}

/// `5`, `R7` or `H2`.
impl fmt::Display for AttackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Rule(number) => write!(f, "R{number}"),
            Self::HandoverKeys(number) => write!(f, "H{number}"),
            Self::ContextTransfer(number) => write!(f, "T{number}"),
            Self::Parlos(number) => write!(f, "P{number}"),
            Self::E2m(number) => write!(f, "E{number}"),
        }
    }
}

/// What every script says of itself, whatever its system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Name of the scenario.
    pub name: String,
    /// What it shows, in one line.
    pub shows: String,
    /// The statements that it covers.
    pub statements: Vec<StatementId>,
    /// The emulated system.
    pub system: System,
    /// The attack that it is about, if it is about one.
    pub attack_id: Option<AttackId>,
    /// Whether the defence against that attack is on; given exactly when `attack_id` is.
    pub defence: Option<Defence>,
    /// Seed of every random generator of the run.
    pub seed: u64,
    /// When steps and generated traffic end at the latest.
    pub duration: Duration,
}

/// The keys at the top of an 802.16 script that are neither tables nor arrays of tables.
#[derive(Debug)]
pub(super) struct Header {
    pub title: Title,
    pub profile: Profile,
    pub mode: HandoverMode,
    pub last_key_count: CmacKeyCount,
}

const HIGHEST_STATEMENT: u8 = 27;
const HIGHEST_RULE: u8 = 19;
const HIGHEST_ATTACK: u8 = 18;
const HIGHEST_OF_HANDOVER_KEYS: u8 = 11;
const HIGHEST_OF_CONTEXT_TRANSFER: u8 = 9;
const HIGHEST_OF_PARLOS: u8 = 11;
const HIGHEST_OF_E2M: u8 = 11;

/// Reads what every script says of itself; the ids are those of `system`.
pub(super) fn title(root: &Section<'_>, system: System) -> Read<Title> {
    let attack_id = root.field("attack_id").map(|field| attack(&field, system)).transpose()?;
    let defence =
        root.field("defence").map(|field| field.one_of(&[("on", Defence::On), ("off", Defence::Off)])).transpose()?;
    if attack_id.is_some() {
        root.required("defence", "\"on\" or \"off\", because attack_id is given")?;
    } else {
        root.refuse("defence", "without attack_id")?;
    }
    Ok(Title {
        name: root.required("name", "the name of the scenario")?.name(64, true)?,
        shows: root.required("shows", "one line that says what the scenario shows")?.line()?,
        statements: root.read("statements", Vec::new(), |field| {
            field.items("an array of statement ids")?.iter().map(|field| statement(field, system)).collect()
        })?,
        system,
        attack_id,
        defence,
        seed: root.read("seed", defaults::SEED, |field| field.number(0..=u64::MAX))?,
        duration: root
            .read("duration", defaults::DURATION, |field| field.time(Duration::from_nanos(1)..=Duration::MAX))?,
    })
}

/// The system of a script.
pub(super) fn system(root: &Section<'_>) -> Read<System> {
    let systems = System::ALL.map(|system| (system.as_str(), system));
    root.read("system", defaults::SYSTEM, |field| field.one_of(&systems))
}

/// Reads the header of an 802.16 script from the document.
pub(super) fn read(root: &Section<'_>) -> Read<Header> {
    Ok(Header {
        title: title(root, System::Dot16)?,
        profile: root.read("profile", defaults::PROFILE, |field| {
            field.one_of(&[("contribution", Profile::Contribution), ("std2009", Profile::Std2009)])
        })?,
        mode: root.read("mode", defaults::MODE, |field| field.one_of(HandoverMode::ALL))?,
        last_key_count: root
            .read("last_key_count", defaults::LAST_KEY_COUNT, |field| field.number(2..=u16::MAX).map(CmacKeyCount))?,
    })
}

fn numbered(text: &str, letter: char, highest: u8) -> Option<u8> {
    let digits = text.strip_prefix(letter)?;
    let number = digits.parse().ok().filter(|number| (1..=highest).contains(number))?;
    (digits == number.to_string()).then_some(number)
}

fn statement(field: &Field<'_>, system: System) -> Read<StatementId> {
    let expected = match system {
        System::Dot16 => {
            format!("a statement id, \"A1\" to \"A{HIGHEST_STATEMENT}\" or \"R1\" to \"R{HIGHEST_RULE}\"")
        }
        System::Eps => format!("a statement id, \"H1\" to \"H{HIGHEST_OF_HANDOVER_KEYS}\""),
        System::ContextTransfer => format!("a statement id, \"T1\" to \"T{HIGHEST_OF_CONTEXT_TRANSFER}\""),
        System::Parlos => format!("a statement id, \"P1\" to \"P{HIGHEST_OF_PARLOS}\""),
        System::E2m => format!("a statement id, \"E1\" to \"E{HIGHEST_OF_E2M}\""),
    };
    let text = field.text(&expected)?;
    let id = match system {
        System::Dot16 => numbered(text, 'A', HIGHEST_STATEMENT)
            .map(StatementId::Statement)
            .or_else(|| numbered(text, 'R', HIGHEST_RULE).map(StatementId::Rule)),
        System::Eps => numbered(text, 'H', HIGHEST_OF_HANDOVER_KEYS).map(StatementId::HandoverKeys),
        System::ContextTransfer => numbered(text, 'T', HIGHEST_OF_CONTEXT_TRANSFER).map(StatementId::ContextTransfer),
        System::Parlos => numbered(text, 'P', HIGHEST_OF_PARLOS).map(StatementId::Parlos),
        System::E2m => numbered(text, 'E', HIGHEST_OF_E2M).map(StatementId::E2m),
    };
    id.ok_or_else(|| field.mismatch(&expected))
}

fn attack(field: &Field<'_>, system: System) -> Read<AttackId> {
    if system != System::Dot16 {
        return Ok(match statement(field, system)? {
            StatementId::ContextTransfer(number) => AttackId::ContextTransfer(number),
            StatementId::Parlos(number) => AttackId::Parlos(number),
            StatementId::E2m(number) => AttackId::E2m(number),
            StatementId::Statement(number) | StatementId::Rule(number) | StatementId::HandoverKeys(number) => {
                AttackId::HandoverKeys(number)
            }
        });
    }
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
