//! The table `trigger` of an attack: when it acts.

use std::time::Duration;

use super::Tap;
use super::value::{Scope, value};
use crate::adversary::{EventKind, FrameField, Phase, Value};
use crate::dot16::identifiers::Direction;
use crate::scenario::script::links::{DirectedLink, FRAMES, FrameChoice, Link, LinkEnd, frames};
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::network::TICK;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};
use crate::scenario::script::stations::{BaseStationId, Stations};
use crate::scenario::script::steps::Actor;
use crate::time::VirtualTime;

/// When the adversary acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On frames that pass the tap.
    Frame(FrameChoice, FrameFilter),
    /// On what nodes report.
    Event(EventChoice),
    /// At an instant.
    Time(VirtualTime),
}

/// What else must hold for a frame, beside its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameFilter {
    /// Its CID.
    pub cid: Option<Value>,
    /// Who sends it.
    pub sender: Option<Actor>,
    /// How the handover of the mobile on its link stands.
    pub phase: Option<Phase>,
}

/// What nodes report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventChoice {
    /// What.
    pub kind: EventKind,
    /// The mobile that it is about, or the node that reports it; `None`: any.
    pub node: Option<Actor>,
    /// The base station that it names; `None`: any.
    pub base_station: Option<BaseStationId>,
    /// The first one that counts, from 1.
    pub nth: u32,
    /// How many in a row, from that one on.
    pub count: u32,
    /// What is reported before this instant does not count.
    pub after: VirtualTime,
}

pub(in crate::scenario::script) const KEYS: &[&str] =
    &["frame", "time", "event", "nth", "count", "after", "cid", "sender", "phase", "node", "base_station", "wait"];
const FILTERS: [&str; 3] = ["cid", "sender", "phase"];
const OF_EVENTS: [&str; 2] = ["node", "base_station"];

/// The trigger of an attack at `tap`, and how much later it acts.
pub(super) fn read(
    field: &Field<'_>,
    tap: Option<Tap>,
    scope: Scope<'_>,
    duration: Duration,
) -> Read<(Trigger, Duration)> {
    let section = field.section(KEYS)?;
    let what = section.exactly_one(&["frame", "time", "event"])?;
    let refuse = |keys: &[&str], reason: &str| keys.iter().try_for_each(|key| section.refuse(key, reason));
    let wait = section.read("wait", Duration::ZERO, |field| field.time(TICK..=Duration::MAX))?;
    let only_time = || field.mismatch("an instant (time), because the action has no tap");
    let trigger = match what.key() {
        "frame" => {
            let tap = tap.ok_or_else(only_time)?;
            refuse(&OF_EVENTS, "beside frame")?;
            let backbone = matches!(tap, Tap::Link(DirectedLink { link, .. }) if link.is_backbone());
            let choice = frames(&section, backbone, duration)?;
            if backbone {
                refuse(&FILTERS, "with a tap on the backbone")?;
            }
            Trigger::Frame(choice, filter(&section, tap, scope)?)
        }
        "event" => {
            tap.ok_or_else(only_time)?;
            refuse(&FILTERS, "beside event")?;
            Trigger::Event(event(&section, scope.stations, duration)?)
        }
        _ => {
            refuse(&["nth", "count", "after"], "beside time")?;
            refuse(&FILTERS, "beside time")?;
            refuse(&OF_EVENTS, "beside time")?;
            Trigger::Time(instant(&what, duration)?)
        }
    };
    Ok((trigger, wait))
}

fn instant(field: &Field<'_>, duration: Duration) -> Read<VirtualTime> {
    field.instant(Duration::ZERO, duration).map(|time| VirtualTime::ZERO + time)
}

/// The filters of a trigger on frames on the air.
fn filter(section: &Section<'_>, tap: Tap, scope: Scope<'_>) -> Read<FrameFilter> {
    let cid = section.field("cid").map(|field| value(&field, FrameField::Cid.highest(), scope)).transpose()?;
    let phase = section.field("phase").map(|field| field.one_of(&Phase::NAMED)).transpose()?;
    let sender = section.field("sender").map(|field| sender(&field, tap, scope.stations)).transpose()?;
    Ok(FrameFilter { cid, sender, phase })
}

/// A node that sends frames which the tap hears.
fn sender(field: &Field<'_>, tap: Tap, stations: &Stations) -> Read<Actor> {
    let actor = node(field, stations)?;
    let expected = match (tap, actor) {
        (_, Actor::Authenticator) => "a station, because the tap is on the air".to_owned(),
        (Tap::Air(Some(Direction::Uplink)), Actor::BaseStation(_)) => {
            "a mobile station, because the tap hears the uplink".to_owned()
        }
        (Tap::Air(Some(Direction::Downlink)), Actor::MobileStation(_)) => {
            "a base station, because the tap hears the downlink".to_owned()
        }
        (Tap::Link(DirectedLink { link: Link::Air { mobile_station, base_station }, to }), actor) => {
            let sends = match to {
                LinkEnd::First => Actor::BaseStation(base_station),
                LinkEnd::Second => Actor::MobileStation(mobile_station),
            };
            if actor == sends {
                return Ok(actor);
            }
            let [mobile, base] = stations.end_names(Link::Air { mobile_station, base_station });
            let name = if to == LinkEnd::First { base } else { mobile };
            format!("{name:?}, who alone sends what the tap hears")
        }
        _ => return Ok(actor),
    };
    Err(field.mismatch(&expected))
}

fn event(section: &Section<'_>, stations: &Stations, duration: Duration) -> Read<EventChoice> {
    let kind = section.required("event", "an event")?.one_of(&EventKind::NAMED)?;
    if !kind.has_base_station() {
        section.refuse("base_station", "with an event that names none")?;
    }
    Ok(EventChoice {
        kind,
        node: section.field("node").map(|field| node(&field, stations)).transpose()?,
        base_station: section.field("base_station").map(|field| stations.base_station(&field)).transpose()?,
        nth: section.read("nth", 1, |field| field.number(FRAMES))?,
        count: section.read("count", 1, |field| field.number(FRAMES))?,
        after: section.read("after", VirtualTime::ZERO, |field| instant(field, duration))?,
    })
}

/// The node that `field` names.
pub(super) fn node(field: &Field<'_>, stations: &Stations) -> Read<Actor> {
    let expected = "the name of a node";
    let text = field.text(expected)?;
    let mobiles = stations.mobile_stations.iter().enumerate();
    let mobiles = mobiles.map(|(position, mobile)| {
        (mobile.name.as_str(), Actor::MobileStation(crate::scenario::script::stations::MobileStationId(position)))
    });
    let bases = stations.base_stations.iter().enumerate();
    let bases = bases.map(|(position, base)| (base.name.as_str(), Actor::BaseStation(BaseStationId(position))));
    let all: Vec<(&str, Actor)> =
        mobiles.chain(bases).chain([(stations.authenticator.name.as_str(), Actor::Authenticator)]).collect();
    all.iter().find(|(name, _)| *name == text).map(|(_, actor)| *actor).ok_or_else(|| {
        let problem = field.mismatch(expected);
        suggest(problem, text, all.iter().map(|(name, _)| *name))
    })
}
