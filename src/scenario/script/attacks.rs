//! The entries `[[attack]]`: an adversary at a tap of a link, as trigger and action.

use std::fmt;
use std::time::Duration;

use super::nearest::nearest;
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::stations::{BaseStationId, MobileStationId, Stations};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// One entry `[[attack]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name, distinct from that of every other attack.
    pub name: String,
    /// Where the adversary sits.
    pub tap: Tap,
    /// Which way the frames go that it sees, and those that it sends.
    pub direction: Direction,
    /// When it acts.
    pub trigger: Trigger,
    /// What it does.
    pub action: AttackAction,
    /// When it has succeeded.
    pub succeeds_if: Success,
}

/// A place where the adversary sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// The air between a mobile station and a base station, `air:ms1-bs2`.
    Air {
        /// One end.
        mobile_station: MobileStationId,
        /// The other end.
        base_station: BaseStationId,
    },
}

/// When the adversary acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On frames that pass the tap.
    Frame {
        /// Which frames count.
        kind: FrameKind,
        /// The first matching frame that is acted on, from 1.
        nth: u32,
        /// On how many matching frames in a row, from that one on.
        count: u32,
        /// Frames before this instant do not count.
        after: VirtualTime,
    },
    /// At an instant.
    Time(VirtualTime),
}

/// A kind of MAC PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// User data.
    Data,
    /// A management message.
    Message(MessageName),
}

/// Name of a management message, as [`MESSAGES`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageName(&'static str);

/// What the adversary does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttackAction {
    /// Copies the frame to the end of the recording of this name.
    Record(String),
    /// Sends every frame of the recording of this name, in the order in which they were recorded.
    Replay(String),
}

/// When an attack has succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// The receiver accepted a frame that the adversary sent.
    Accepted,
}

/// Names and types of the management messages that a trigger can name (`dot16-wire.md` 3.1).
pub const MESSAGES: [(&str, u8); 18] = [
    ("RNG-REQ", 4),
    ("RNG-RSP", 5),
    ("REG-REQ", 6),
    ("REG-RSP", 7),
    ("PKM-REQ", 9),
    ("PKM-RSP", 10),
    ("DSA-REQ", 11),
    ("DSA-RSP", 12),
    ("DSA-ACK", 13),
    ("SBC-REQ", 26),
    ("SBC-RSP", 27),
    ("MOB_NBR-ADV", 53),
    ("MOB_SCN-REQ", 54),
    ("MOB_SCN-RSP", 55),
    ("MOB_BSHO-REQ", 56),
    ("MOB_MSHO-REQ", 57),
    ("MOB_BSHO-RSP", 58),
    ("MOB_HO-IND", 59),
];

impl MessageName {
    /// The type octet of the message.
    #[must_use]
    pub fn message_type(self) -> u8 {
        MESSAGES.iter().find(|(name, _)| *name == self.0).map_or(0, |(_, number)| *number)
    }

    /// The name of the message of this type; `None` for a type that is not in [`MESSAGES`].
    #[must_use]
    pub fn of_type(message_type: u8) -> Option<Self> {
        MESSAGES.iter().find(|(_, number)| *number == message_type).map(|(name, _)| Self(name))
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// `RNG-REQ`.
impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

pub(super) const KEYS: [&str; 6] = ["name", "tap", "direction", "trigger", "action", "succeeds_if"];
pub(super) const TRIGGER_KEYS: [&str; 5] = ["frame", "time", "nth", "count", "after"];
pub(super) const ACTION_KEYS: [&str; 2] = ["record", "replay"];

/// Attacks in one script.
const MOST_ATTACKS: usize = 1_000;
/// Frames that one attack acts on.
const MOST_FRAMES: u32 = 1_000_000;
/// Longest name of an attack or a recording, in characters.
const NAME_LENGTH: usize = 64;

/// Uplink and downlink as scripts write them.
pub(super) const DIRECTIONS: [(&str, Direction); 2] =
    [("uplink", Direction::Uplink), ("downlink", Direction::Downlink)];

/// Reads every `[[attack]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations, duration: Duration) -> Read<Vec<Attack>> {
    let sections = root.tables("attack", &KEYS)?;
    let mut attacks: Vec<Attack> = Vec::new();
    for section in &sections {
        let name_field = section.required("name", "a name")?;
        let name = name_field.name(NAME_LENGTH, true)?;
        if attacks.iter().any(|attack| attack.name == name) {
            return Err(name_field.mismatch("a name that no other attack has"));
        }
        if attacks.len() >= MOST_ATTACKS {
            return Err(Problem::mismatch(section.place, "attack", &format!("at most {MOST_ATTACKS}"), "more"));
        }
        let (mobile_station, base_station) =
            stations.air_link(&section.required("tap", "a link of the air such as \"air:ms1-bs2\"")?)?;
        attacks.push(Attack {
            name,
            tap: Tap::Air { mobile_station, base_station },
            direction: section.required("direction", "\"uplink\" or \"downlink\"")?.one_of(&DIRECTIONS)?,
            trigger: trigger(&section.required("trigger", "a trigger such as { frame = \"data\" }")?, duration)?,
            action: action(&section.required("action", EXPECTED_ACTION)?)?,
            succeeds_if: section
                .read("succeeds_if", Success::Accepted, |field| field.one_of(&[("accepted", Success::Accepted)]))?,
        });
    }
    for (section, attack) in sections.iter().zip(&attacks) {
        check_action(section, attack, &attacks)?;
    }
    Ok(attacks)
}

const EXPECTED_ACTION: &str = "an action, { record = NAME } or { replay = NAME }";

fn trigger(field: &Field<'_>, duration: Duration) -> Read<Trigger> {
    let section = field.section(&TRIGGER_KEYS)?;
    let time = |field: &Field<'_>| field.time(Duration::ZERO..=duration).map(|time| VirtualTime::ZERO + time);
    let what = section.exactly_one(&["frame", "time"])?;
    if what.key() == "time" {
        for key in ["nth", "count", "after"] {
            section.refuse(key, "beside time")?;
        }
        return Ok(Trigger::Time(time(&what)?));
    }
    Ok(Trigger::Frame {
        kind: frame_kind(&what)?,
        nth: section.read("nth", 1, |field| field.number(1..=MOST_FRAMES))?,
        count: section.read("count", 1, |field| field.number(1..=MOST_FRAMES))?,
        after: section.read("after", VirtualTime::ZERO, time)?,
    })
}

fn frame_kind(field: &Field<'_>) -> Read<FrameKind> {
    let expected = "\"data\" or the name of a management message such as \"RNG-REQ\"";
    let text = field.text(expected)?;
    if text == "data" {
        return Ok(FrameKind::Data);
    }
    let names = MESSAGES.iter().map(|(name, _)| *name);
    match names.clone().find(|name| *name == text) {
        Some(name) => Ok(FrameKind::Message(MessageName(name))),
        None => {
            let problem = field.mismatch(expected);
            Err(match nearest(text, names) {
                Some(name) => problem.help(format!("did you mean {name:?}?")),
                None => problem,
            })
        }
    }
}

fn action(field: &Field<'_>) -> Read<AttackAction> {
    let what = field.section(&ACTION_KEYS)?.exactly_one(&ACTION_KEYS)?;
    let recording = what.name(NAME_LENGTH, true)?;
    Ok(if what.key() == "record" { AttackAction::Record(recording) } else { AttackAction::Replay(recording) })
}

/// A recording needs frames to copy, a replay a recording of the same direction.
fn check_action(section: &Section<'_>, attack: &Attack, attacks: &[Attack]) -> Read<()> {
    match &attack.action {
        AttackAction::Record(_) if matches!(attack.trigger, Trigger::Time(_)) => {
            let field = section.required("trigger", "a trigger on frames")?;
            Err(field.mismatch("a trigger on frames, because the action is to record"))
        }
        AttackAction::Record(_) => Ok(()),
        AttackAction::Replay(recording) => {
            let records = |other: &&Attack| other.action == AttackAction::Record(recording.clone());
            if attacks.iter().filter(records).any(|other| other.direction == attack.direction) {
                return Ok(());
            }
            let field = section.required("action", EXPECTED_ACTION)?;
            let replay = field.section(&ACTION_KEYS)?.exactly_one(&ACTION_KEYS)?;
            Err(replay.mismatch(&format!("a recording that another attack makes of {} frames", attack.direction)))
        }
    }
}
