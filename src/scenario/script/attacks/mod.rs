//! The entries `[[attack]]`: an adversary at a tap of a link, as trigger and action.
//!
//! [`trigger`]: when it acts; [`action`]: what it does, with [`change`] and [`forgery`] for frames changed and made; [`value`]:
//! numbers that are known only then; [`messages`]: names of management messages; [`never`]: what would never happen.

mod action;
mod change;
mod forged_message;
mod forgery;
mod key_stream;
mod messages;
mod never;
mod trigger;
mod value;

use std::time::Duration;

pub use action::AttackAction;
pub use key_stream::{KeyStreamReuse, KnownPlaintext};
pub use messages::{MESSAGES, MessageName};
pub use trigger::{EventChoice, FrameFilter, Trigger};

use super::links::{DirectedLink, Link, LinkEnd, link, towards};
use super::problem::{Problem, Read};
use super::section::Section;
use super::stations::Stations;
use super::success::{self, Success};
use super::value::Data;
use crate::dot16::identifiers::Direction;
use value::Scope;

/// One entry `[[attack]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name, distinct from that of every other attack.
    pub name: String,
    /// Where the adversary sits; `None` exactly when it takes keys of a node or looks at recordings.
    pub tap: Option<Tap>,
    /// When it acts.
    pub trigger: Trigger,
    /// How much later it sends.
    pub wait: Duration,
    /// What it does.
    pub action: AttackAction,
    /// When it has succeeded; `None`: it has no result.
    pub succeeds_if: Option<Success>,
}

/// Where the adversary sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// On one direction of a link: of the frames that it hears, and those that it sends.
    Link(DirectedLink),
    /// On every link on the air, in one direction or both.
    Air(Option<Direction>),
}

impl Tap {
    /// Whether it is on the backbone.
    #[must_use]
    pub const fn is_backbone(self) -> bool {
        matches!(self, Self::Link(DirectedLink { link, .. }) if link.is_backbone())
    }

    /// The one direction of a link that it is on.
    #[must_use]
    pub const fn link(self) -> Option<DirectedLink> {
        match self {
            Self::Link(link) => Some(link),
            Self::Air(_) => None,
        }
    }

    /// Which way frames on the air go that it hears; `None`: both ways, or on the backbone.
    fn direction(self) -> Option<Direction> {
        match self {
            Self::Air(direction) => direction,
            Self::Link(DirectedLink { link: Link::Air { .. }, to: LinkEnd::First }) => Some(Direction::Downlink),
            Self::Link(DirectedLink { link: Link::Air { .. }, to: LinkEnd::Second }) => Some(Direction::Uplink),
            Self::Link(_) => None,
        }
    }
}

pub(super) const KEYS: &[&str] = &["name", "tap", "direction", "to", "insider", "trigger", "action", "succeeds_if"];
/// The keys of an entry and of every table in it; the reference of the format has all of them.
#[cfg(test)]
pub(super) fn every_key() -> Vec<&'static str> {
    let tables =
        [KEYS, trigger::KEYS, action::KEYS, action::OPTIONS, change::KEYS, change::TLV_KEYS, change::OCTETS_KEYS];
    [tables.concat(), forgery::keys(), forgery::DATA_KEYS.to_vec()].concat()
}

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
    let recordings = recordings(&sections);
    let scope = Scope { stations, recordings: &recordings, own: false };
    let mut attacks: Vec<Attack> = Vec::new();
    for section in &sections {
        let name_field = section.required("name", "a name")?;
        let name = name_field.name(NAME_LENGTH, true)?;
        if let Some(first) = attacks.iter().position(|attack| attack.name == name) {
            let problem = name_field.mismatch("a name that no other attack has");
            let first = sections.get(first).and_then(|section| section.field("name"));
            return Err(match first {
                Some(first) => problem.also(first.place(), "the other one"),
                None => problem,
            });
        }
        if attacks.len() >= MOST_ATTACKS {
            return Err(Problem::mismatch(section.place, "attack", &format!("at most {MOST_ATTACKS}"), "more"));
        }
        attacks.push(attack(section, name, scope, duration)?);
    }
    for (section, attack) in sections.iter().zip(&attacks) {
        action::check(section, attack, &attacks)?;
        never::check(section, attack, &attacks, stations)?;
    }
    Ok(attacks)
}

fn attack(section: &Section<'_>, name: String, scope: Scope<'_>, duration: Duration) -> Read<Attack> {
    let what = action::field(section)?;
    let without_tap = match what.key() {
        "compromise" => Some("beside compromise, which hears all of the air"),
        "steal" => Some("beside steal, which hears all of the air"),
        "xor" => Some("beside xor, which looks at recordings"),
        _ => None,
    };
    let tap = match without_tap {
        Some(reason) => {
            for key in ["tap", "direction", "to", "insider"] {
                section.refuse(key, reason)?;
            }
            None
        }
        None => Some(tap(section, scope.stations)?),
    };
    let field = section.required("trigger", "a trigger such as { frame = \"data\" }")?;
    let (trigger, wait) = trigger::read(&field, tap, scope, duration)?;
    let own = matches!(trigger, Trigger::Frame(..));
    let action = action::read(section, &what, tap, Scope { own, ..scope })?;
    let succeeds_if = success::read(section, &action, scope.stations)?;
    Ok(Attack { name, tap, trigger, wait, action, succeeds_if })
}

/// The names of all recordings that the entries make.
fn recordings(sections: &[Section<'_>]) -> Vec<String> {
    let names = sections.iter().filter_map(|section| {
        let action = section.field("action")?.section(&[action::KEYS, action::OPTIONS].concat()).ok()?;
        match action.field("record")?.data() {
            Data::Text(name) => Some(name.clone()),
            _ => None,
        }
    });
    names.collect()
}

/// Where the adversary sits. On the backbone, where the AK crosses in the clear, only an insider does (rule R19).
fn tap(section: &Section<'_>, stations: &Stations) -> Read<Tap> {
    let field = section.required("tap", "\"air\", or a link such as \"air:ms1-bs2\"")?;
    let link = match field.data() {
        Data::Text(text) if text == "air" => None,
        _ => Some(link(&field, stations)?),
    };
    let insider = section.field("insider");
    if let Some(link) = link.filter(|link| link.is_backbone()) {
        let expected = "insider = true beside a tap on the backbone, because the AK crosses it in the clear (R19)";
        match insider {
            Some(insider) if insider.boolean()? => {}
            Some(insider) => return Err(insider.mismatch(expected).also(field.place(), "the tap")),
            None => return Err(field.mismatch(expected)),
        }
        section.refuse("direction", "beside a tap on the backbone, where to names the end that receives")?;
        return towards(section, link, stations).map(Tap::Link);
    }
    section.refuse("insider", "beside a tap on the air, which everybody hears")?;
    section.refuse("to", "beside a tap on the air, where direction says it")?;
    let Some(link) = link else {
        return section.field("direction").map(|field| field.one_of(&DIRECTIONS)).transpose().map(Tap::Air);
    };
    let direction = section.required("direction", "\"uplink\" or \"downlink\"")?.one_of(&DIRECTIONS)?;
    let to = match direction {
        Direction::Uplink => LinkEnd::Second,
        Direction::Downlink => LinkEnd::First,
    };
    Ok(Tap::Link(DirectedLink { link, to }))
}
