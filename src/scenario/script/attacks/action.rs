//! The table `action` of an attack: what it does.

use std::time::Duration;

use super::key_stream::{self, KeyStreamReuse};
use super::value::Scope;
use super::{Attack, NAME_LENGTH, Tap, Trigger, change, forgery};
use crate::adversary::{Change, Forgery, Replay, Rounds};
use crate::scenario::script::links::LinkEnd;
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::network::TICK;
use crate::scenario::script::problem::{Problem, Read};
use crate::scenario::script::section::{Field, Section};
use crate::scenario::script::stations::BaseStationId;
use crate::scenario::script::steps::Actor;

/// What the adversary does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttackAction {
    /// Copies the frame to the end of the recording of this name.
    Record(String),
    /// Sends frames of a recording, in the order in which they were recorded.
    Replay(Replay),
    /// Takes the frame off the link.
    Drop,
    /// Holds the frame back; on the air it arrives at the end of a subframe.
    Delay(Duration),
    /// Takes every key that this node holds, and tries them on all user data on the air.
    Compromise(Actor),
    /// Puts a changed frame in its place.
    Modify(Change),
    /// Sends a frame of its own making.
    Inject {
        /// The frame.
        forgery: Forgery,
        /// How often.
        rounds: Rounds,
    },
    /// Sends frames of a capture file.
    Play {
        /// The file, relative to the script.
        file: String,
        /// The numbers of the frames, from 1 as in Wireshark, in the order in which they are sent.
        frames: Vec<u32>,
    },
    /// Lets the frame wait until so many further ones have started on its directed link.
    Reorder(u32),
    /// Is the base station of the link for the mobile from then on.
    Rogue,
    /// Looks for key stream that was used twice, and reads with it.
    KeyStreamReuse(KeyStreamReuse),
    /// Takes the keys that this base station holds at the trigger, and no later ones.
    Steal(BaseStationId),
}

impl AttackAction {
    /// Its key in scripts.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Replay(_) => "replay",
            Self::Drop => "drop",
            Self::Delay(_) => "delay",
            Self::Compromise(_) => "compromise",
            Self::Modify(_) => "modify",
            Self::Inject { .. } => "inject",
            Self::Play { .. } => "play",
            Self::Reorder(_) => "reorder",
            Self::KeyStreamReuse(_) => "xor",
            Self::Rogue => "rogue",
            Self::Steal(_) => "steal",
        }
    }

    /// Whether it sends frames of its own, so that it can come later than its trigger and be accepted or not.
    #[must_use]
    pub const fn sends(&self) -> bool {
        matches!(self, Self::Replay(_) | Self::Inject { .. } | Self::Play { .. } | Self::Rogue)
    }

    /// Whether it acts on the frame at its tap, and nowhere else.
    const fn needs_frames(&self) -> bool {
        !self.sends() && !matches!(self, Self::Compromise(_) | Self::KeyStreamReuse(_) | Self::Steal(_))
    }
}

/// Keys of which an action has exactly one.
pub(in crate::scenario::script) const KEYS: &[&str] = &[
    "record",
    "replay",
    "drop",
    "delay",
    "compromise",
    "modify",
    "inject",
    "play",
    "reorder",
    "xor",
    "rogue",
    "steal",
];
/// Keys beside some of them.
pub(in crate::scenario::script) const OPTIONS: &[&str] =
    &["times", "every", "first", "frames", "change", "with", "known"];

pub(super) const EXPECTED: &str = "an action: { record = NAME }, { replay = NAME }, { drop = true }, { delay = TIME }, \
     { modify = {...} }, { inject = {...} }, { play = FILE }, { reorder = NUMBER }, { compromise = NODE }, \
     { steal = BASE-STATION }, { rogue = true } or { xor = NAME, with = NAME, known = TEXT }";

/// How often something is sent at the most.
const MOST_TIMES: u32 = 100_000;
/// How many frames another one waits for at the most.
const MOST_FRAMES: u32 = 10_000;
/// Frames that one attack plays from a file at the most.
const MOST_PLAYED: usize = 10_000;
/// From one time to the next.
const EVERY: Duration = Duration::from_millis(5);

pub(super) fn section<'a>(attack: &Section<'a>) -> Read<Section<'a>> {
    attack.required("action", EXPECTED)?.section(&[KEYS, OPTIONS].concat())
}

/// The key of the action of an attack.
pub(super) fn field<'a>(attack: &Section<'a>) -> Read<Field<'a>> {
    section(attack)?.exactly_one(KEYS)
}

/// The action `what` of an attack at `tap`.
pub(super) fn read(attack: &Section<'_>, what: &Field<'_>, tap: Option<Tap>, scope: Scope<'_>) -> Read<AttackAction> {
    let section = section(attack)?;
    let taken: &[&str] = match what.key() {
        "replay" => &["times", "every", "first", "frames", "change"],
        "inject" => &["times", "every"],
        "xor" => key_stream::OPTIONS,
        "play" => &["frames"],
        _ => &[],
    };
    for key in OPTIONS.iter().filter(|key| !taken.contains(key)) {
        section.refuse(key, &format!("beside {}", what.key()))?;
    }
    let backbone = tap.is_some_and(Tap::is_backbone);
    match what.key() {
        "record" => what.name(NAME_LENGTH, true).map(AttackAction::Record),
        "replay" => Ok(AttackAction::Replay(Replay {
            recording: what.name(NAME_LENGTH, true)?,
            rounds: rounds(&section)?,
            first: section.read("first", 1, |field| field.number(1..=u32::MAX))?,
            frames: section.field("frames").map(|field| field.number(1..=u32::MAX)).transpose()?,
            change: section.read("change", Change::default(), |field| change::read(field, backbone, scope))?,
        })),
        "compromise" => super::trigger::node(what, scope.stations).map(AttackAction::Compromise),
        "steal" => scope.stations.base_station(what).map(AttackAction::Steal),
        "delay" => what.time(TICK..=Duration::MAX).map(AttackAction::Delay),
        "modify" => change::read(what, backbone, scope).map(AttackAction::Modify),
        "rogue" if tap.and_then(Tap::link).is_none_or(|link| link.link.is_backbone() || link.to != LinkEnd::First) => {
            Err(what.mismatch("a tap such as \"air:ms1-bs2\" with direction = \"downlink\" beside it, for whose mobile it is the base station"))
        }
        "rogue" => what.yes().map(|()| AttackAction::Rogue),
        "xor" => key_stream::read(&section).map(AttackAction::KeyStreamReuse),
        "play" => Ok(AttackAction::Play { file: what.line()?, frames: numbers(&section)? }),
        "reorder" => what.number(1..=MOST_FRAMES).map(AttackAction::Reorder),
        "inject" => Ok(AttackAction::Inject { forgery: forgery::read(what, tap, scope)?, rounds: rounds(&section)? }),
        _ => what.yes().map(|()| AttackAction::Drop),
    }
}

/// The numbers of the frames that are played.
fn numbers(section: &Section<'_>) -> Read<Vec<u32>> {
    let expected = "an array of numbers of frames, from 1";
    let field = section.required("frames", expected)?;
    let items = field.items(expected)?;
    if !(1..=MOST_PLAYED).contains(&items.len()) {
        return Err(field.mismatch(&format!("an array of 1 to {MOST_PLAYED} numbers of frames")));
    }
    items.iter().map(|item| item.number(1..=u32::MAX)).collect()
}

fn rounds(section: &Section<'_>) -> Read<Rounds> {
    let times = section.read("times", 1, |field| field.number(1..=MOST_TIMES))?;
    if times == 1 {
        section.refuse("every", "where something is done once")?;
    }
    Ok(Rounds { times, every: section.read("every", EVERY, |field| field.time(TICK..=Duration::MAX))? })
}

/// What of an action needs frames to act on, a recording, a link.
pub(super) fn check(section: &Section<'_>, attack: &Attack, attacks: &[Attack]) -> Read<()> {
    let what = attack.action.key();
    let trigger = section.required("trigger", "a trigger")?;
    if let AttackAction::Replay(replay) = &attack.action {
        check_replay(section, attack, &replay.recording, attacks)?;
    }
    if let AttackAction::KeyStreamReuse(reuse) = &attack.action {
        key_stream::check(&self::section(section)?, reuse, attacks)?;
    }
    if !attack.action.needs_frames() {
        let has_link = !matches!(attack.tap, Some(Tap::Air(_))) || matches!(attack.trigger, Trigger::Frame(..));
        if !has_link && !matches!(attack.action, AttackAction::Replay(_)) {
            let tap = section.required("tap", "a link")?;
            return Err(tap.mismatch("a link such as \"air:ms1-bs2\", because no frame tells where to send"));
        }
    } else if !matches!(attack.trigger, Trigger::Frame(..)) {
        let expected = format!("a trigger on frames, because the action is to {what}");
        return Err(Problem::mismatch(trigger.place(), trigger.path(), &expected, "another"));
    }
    if !attack.action.sends() && !attack.wait.is_zero() {
        let field = trigger.section(super::trigger::KEYS)?.required("wait", "a time")?;
        return Err(field.mismatch(&format!("no wait, because the action is to {what}")));
    }
    Ok(())
}

/// The recording may come from another tap: of the same direction on the air, of any on the backbone.
fn check_replay(section: &Section<'_>, attack: &Attack, recording: &str, attacks: &[Attack]) -> Read<()> {
    let Some(tap) = attack.tap else { return Ok(()) };
    let fits = |other: Tap| {
        let of_one_direction = tap.direction().zip(other.direction()).is_none_or(|(one, other)| one == other);
        tap.is_backbone() == other.is_backbone() && of_one_direction
    };
    let records = |other: &&Attack| matches!(&other.action, AttackAction::Record(name) if name == recording);
    if attacks.iter().filter(records).any(|other| other.tap.is_some_and(fits)) {
        return Ok(());
    }
    let source = match tap.direction() {
        _ if tap.is_backbone() => "on the backbone".to_owned(),
        Some(direction) => format!("of {direction} frames"),
        None => "on the air".to_owned(),
    };
    let replay = field(section)?;
    let recorded = attacks.iter().filter(|other| other.tap.is_some_and(fits)).filter_map(|other| match &other.action {
        AttackAction::Record(name) => Some(name.as_str()),
        _ => None,
    });
    Err(suggest(replay.mismatch(&format!("a recording that another attack makes {source}")), recording, recorded))
}
