//! The entries `[[attack]]`: an adversary at a tap of a link, as trigger and action.

use std::fmt;
use std::time::Duration;

use super::key_stream::{self, KeyStreamReuse};
use super::links::{DirectedLink, FrameChoice, Link, LinkEnd, frames, link, towards};
use super::network::TICK;
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::stations::{BaseStationId, Stations};
use super::success::{self, Success};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// One entry `[[attack]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name, distinct from that of every other attack.
    pub name: String,
    /// Where the adversary sits, and which way the frames go that it sees, and those that it sends; `None` exactly when
    /// it compromises a node.
    pub tap: Option<DirectedLink>,
    /// When it acts.
    pub trigger: Trigger,
    /// What it does.
    pub action: AttackAction,
    /// When it has succeeded; `None`: it has no result.
    pub succeeds_if: Option<Success>,
}

/// When the adversary acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On frames that pass the tap.
    Frame(FrameChoice),
    /// At an instant.
    Time(VirtualTime),
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
    /// Takes the frame off the link.
    Drop,
    /// Holds the frame back; on the air it arrives at the end of a subframe.
    Delay(Duration),
    /// Looks for key stream that was used twice, and reads with it.
    KeyStreamReuse(KeyStreamReuse),
    /// Takes every key that this base station holds, and tries them on all user data on the air.
    Compromise(BaseStationId),
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

pub(super) const KEYS: &[&str] = &["name", "tap", "direction", "to", "insider", "trigger", "action", "succeeds_if"];
pub(super) const TRIGGER_KEYS: &[&str] = &["frame", "time", "nth", "count", "after"];
pub(super) const ACTION_KEYS: &[&str] = &["record", "replay", "drop", "delay", "compromise", "xor", "with", "known"];
/// The keys that say what the action is; the others belong to one of them.
const ACTIONS: &[&str] = &["record", "replay", "drop", "delay", "compromise", "xor"];

/// Attacks in one script.
const MOST_ATTACKS: usize = 1_000;
/// Longest name of an attack or a recording, in characters.
const NAME_LENGTH: usize = 64;

/// Uplink and downlink as scripts write them.
pub(super) const DIRECTIONS: [(&str, Direction); 2] =
    [("uplink", Direction::Uplink), ("downlink", Direction::Downlink)];

/// Reads every `[[attack]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations, duration: Duration) -> Read<Vec<Attack>> {
    let sections = root.tables("attack", KEYS)?;
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
        let action = action(&section.required("action", EXPECTED_ACTION)?, stations)?;
        let tap = match action {
            AttackAction::Compromise(_) | AttackAction::KeyStreamReuse(_) => {
                let reason = match action {
                    AttackAction::Compromise(_) => "beside compromise, which hears all of the air",
                    _ => "beside xor, which looks at recordings",
                };
                for key in ["tap", "direction", "to", "insider"] {
                    section.refuse(key, reason)?;
                }
                None
            }
            _ => Some(tap(section, stations)?),
        };
        let trigger = trigger(
            &section.required("trigger", "a trigger such as { frame = \"data\" }")?,
            tap.map(|tap| tap.link),
            duration,
        )?;
        let succeeds_if = success::read(section, &action, stations)?;
        attacks.push(Attack { name, tap, trigger, action, succeeds_if });
    }
    for (section, attack) in sections.iter().zip(&attacks) {
        check_action(section, attack, &attacks)?;
    }
    Ok(attacks)
}

const EXPECTED_ACTION: &str = "an action: { record = NAME }, { replay = NAME }, { drop = true }, { delay = TIME }, \
     { compromise = BASE-STATION } or { xor = NAME, with = NAME, known = TEXT }";

/// Where the adversary sits. On the backbone, where the AK crosses in the clear, only an insider does (rule R19).
fn tap(section: &Section<'_>, stations: &Stations) -> Read<DirectedLink> {
    let field = section.required("tap", "a link such as \"air:ms1-bs2\"")?;
    let link = link(&field, stations)?;
    let insider = section.field("insider");
    if link.is_backbone() {
        let expected = "insider = true beside a tap on the backbone, because the AK crosses it in the clear (R19)";
        match insider {
            Some(insider) if insider.boolean()? => {}
            Some(insider) => return Err(insider.mismatch(expected).also(field.place(), "the tap")),
            None => return Err(field.mismatch(expected)),
        }
        section.refuse("direction", "beside a tap on the backbone, where to names the end that receives")?;
        return towards(section, link, stations);
    }
    section.refuse("insider", "beside a tap on the air, which everybody hears")?;
    section.refuse("to", "beside a tap on the air, where direction says it")?;
    let direction = section.required("direction", "\"uplink\" or \"downlink\"")?.one_of(&DIRECTIONS)?;
    let to = match direction {
        Direction::Uplink => LinkEnd::Second,
        Direction::Downlink => LinkEnd::First,
    };
    Ok(DirectedLink { link, to })
}

/// `link`: where the adversary sits; without it there are no frames to act on.
fn trigger(field: &Field<'_>, link: Option<Link>, duration: Duration) -> Read<Trigger> {
    let section = field.section(TRIGGER_KEYS)?;
    let what = section.exactly_one(&["frame", "time"])?;
    if what.key() == "frame" {
        let link = link.ok_or_else(|| field.mismatch("an instant (time), because the action has no tap"))?;
        return frames(&section, link, duration).map(Trigger::Frame);
    }
    for key in ["nth", "count", "after"] {
        section.refuse(key, "beside time")?;
    }
    what.time(Duration::ZERO..=duration).map(|time| Trigger::Time(VirtualTime::ZERO + time))
}

fn action(field: &Field<'_>, stations: &Stations) -> Read<AttackAction> {
    let section = field.section(ACTION_KEYS)?;
    let what = section.exactly_one(ACTIONS)?;
    if what.key() == "xor" {
        return key_stream::read(&section).map(AttackAction::KeyStreamReuse);
    }
    for key in ["with", "known"] {
        section.refuse(key, "without xor")?;
    }
    match what.key() {
        "record" => what.name(NAME_LENGTH, true).map(AttackAction::Record),
        "replay" => what.name(NAME_LENGTH, true).map(AttackAction::Replay),
        "compromise" => stations.base_station(&what).map(AttackAction::Compromise),
        "delay" => what.time(TICK..=Duration::MAX).map(AttackAction::Delay),
        _ => what.yes().map(|()| AttackAction::Drop),
    }
}

/// Only a replay and a compromise go without frames to act on; a replay needs a recording from the same kind of link.
fn check_action(section: &Section<'_>, attack: &Attack, attacks: &[Attack]) -> Read<()> {
    let what = match &attack.action {
        AttackAction::Record(_) => "record",
        AttackAction::Drop => "drop",
        AttackAction::Delay(_) => "delay",
        AttackAction::Compromise(_) => return Ok(()),
        AttackAction::KeyStreamReuse(reuse) => {
            let action = section.required("action", EXPECTED_ACTION)?.section(ACTION_KEYS)?;
            return key_stream::check(&action, reuse, attacks);
        }
        AttackAction::Replay(recording) => {
            return attack.tap.map_or(Ok(()), |tap| check_replay(section, tap, recording, attacks));
        }
    };
    match attack.trigger {
        Trigger::Frame(_) => Ok(()),
        Trigger::Time(_) => {
            let field = section.required("trigger", "a trigger on frames")?;
            Err(field.mismatch(&format!("a trigger on frames, because the action is to {what}")))
        }
    }
}

/// The recording may come from another tap: of the same direction on the air, of any on the backbone.
fn check_replay(section: &Section<'_>, tap: DirectedLink, recording: &str, attacks: &[Attack]) -> Read<()> {
    let source = |tap: DirectedLink| match (tap.link, tap.to) {
        (Link::Air { .. }, LinkEnd::First) => "of downlink frames",
        (Link::Air { .. }, LinkEnd::Second) => "of uplink frames",
        _ => "on the backbone",
    };
    let records = |other: &&Attack| matches!(&other.action, AttackAction::Record(name) if name == recording);
    if attacks.iter().filter(records).any(|other| other.tap.map(source) == Some(source(tap))) {
        return Ok(());
    }
    let field = section.required("action", EXPECTED_ACTION)?;
    let replay = field.section(ACTION_KEYS)?.exactly_one(ACTIONS)?;
    Err(replay.mismatch(&format!("a recording that another attack makes {}", source(tap))))
}
