//! What can never happen: frames that do not pass a link, handovers and authentications that nothing in the script causes,
//! instants after its end. A script that waits for such a thing has a mistake that no run would show.

use std::time::Duration;

use super::attacks::Tap;
use super::expectations::{self, AUTHENTICATED_KEYS, BOUNDED_KEYS, HANDOVER_KEYS};
use super::faults;
use super::links::{DirectedLink, FrameKind, Link, LinkEnd};
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::units::show_time;
use super::{Actor, Entry, Expected, MobileStationId, Script, StepAction};
use crate::dot16::backbone::MessageKind;
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// Refuses what can never happen in `script`, which was read from `root`.
pub(super) fn check(root: &Section<'_>, script: &Script) -> Read<()> {
    for (section, fault) in root.tables("fault", faults::KEYS)?.iter().zip(&script.faults) {
        frames(section, fault.frames.kind, Passage::on(fault.link))?;
    }
    for (section, expectation) in root.tables("expect", expectations::KEYS)?.iter().zip(&script.expectations) {
        expected(section, script, &expectation.expected)?;
    }
    Ok(())
}

/// Which frames a link carries in a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// The air; `None`: both ways.
    Air(Option<Direction>),
    /// R6, towards the gateway or away from it.
    R6 {
        /// Whether the gateway receives.
        to_gateway: bool,
    },
    /// Between base stations.
    R4,
    /// Between the gateway and the AAA server.
    R3,
}

impl Passage {
    /// That of a tap.
    pub(super) fn at(tap: Tap) -> Self {
        match tap {
            Tap::Link(directed) => Self::on(directed),
            Tap::Air(direction) => Self::Air(direction),
        }
    }

    /// That of one direction of a link.
    pub(super) fn on(directed: DirectedLink) -> Self {
        match (directed.link, directed.to) {
            (Link::Air { .. }, LinkEnd::First) => Self::Air(Some(Direction::Downlink)),
            (Link::Air { .. }, LinkEnd::Second) => Self::Air(Some(Direction::Uplink)),
            (Link::R6 { .. }, to) => Self::R6 { to_gateway: to == LinkEnd::Second },
            (Link::R4 { .. }, _) => Self::R4,
            (Link::R3, _) => Self::R3,
        }
    }
}

/// Refuses the frames that `section` chooses where none of them can pass.
pub(super) fn frames(section: &Section<'_>, kind: FrameKind, passage: Passage) -> Read<()> {
    let Some(why) = never(kind, passage) else { return Ok(()) };
    let field = section.required("frame", "which frames")?;
    let message = format!("{}: no {:?} ever passes here: {why}", field.path(), kind.to_string());
    Err(Problem::new(field.place(), message, "never passes here"))
}

/// Why no frame of this kind passes, if none does.
fn never(kind: FrameKind, passage: Passage) -> Option<&'static str> {
    const UPLINK: &str = "mobile stations send it, uplink";
    const DOWNLINK: &str = "base stations send it, downlink";
    match (kind, passage) {
        (FrameKind::RangingCode, Passage::Air(Some(Direction::Downlink))) => Some(UPLINK),
        (FrameKind::Message(name), Passage::Air(Some(direction))) => match name.direction() {
            Some(Direction::Uplink) if direction == Direction::Downlink => Some(UPLINK),
            Some(Direction::Downlink) if direction == Direction::Uplink => Some(DOWNLINK),
            _ => None,
        },
        (FrameKind::Any, _) => None,
        (_, Passage::R3) => Some("R3 carries RADIUS, which \"any\" names"),
        (FrameKind::Control(kind), Passage::R4) if !between_base_stations(kind) => {
            Some("it goes between a base station and the gateway, on R6")
        }
        (FrameKind::Control(kind), Passage::R6 { to_gateway }) => match (goes_to_gateway(kind), to_gateway) {
            _ if between_base_stations(kind) => Some("it goes between base stations, on R4"),
            (Some(true), false) => Some("it goes to the gateway"),
            (Some(false), true) => Some("the gateway sends it"),
            _ => None,
        },
        _ => None,
    }
}

/// The handover functions (`dot16-wire.md` 5.2, function 2).
fn between_base_stations(kind: MessageKind) -> bool {
    let [function, _] = kind.octets();
    function == 2
}

/// Whether a message on R6 goes to the gateway or comes from it; `None`: both.
fn goes_to_gateway(kind: MessageKind) -> Option<bool> {
    use MessageKind::{
        ArEapStart, ContextAck, ContextReq, ContextRpt, PathDeregAck, PathDeregReq, PathDeregRsp, PathPreregAck,
        PathPreregReq, PathPreregRsp, PathRegAck, PathRegReq, PathRegRsp,
    };
    match kind {
        ContextReq | ContextAck | ArEapStart | PathDeregReq | PathDeregAck | PathPreregReq | PathPreregAck
        | PathRegReq | PathRegAck => Some(true),
        ContextRpt | PathDeregRsp | PathPreregRsp | PathRegRsp => Some(false),
        _ => None,
    }
}

/// Whether every handover and authentication of the script is one of its steps: no loss, no faults, no adversary, nobody who
/// forgets or has weaknesses, all counts where they begin, and a PMK that lasts.
fn is_undisturbed(script: &Script) -> bool {
    let (radio, backbone) = (&script.radio, &script.backbone);
    let losses = [radio.loss, radio.bit_errors, radio.reordering, backbone.loss, backbone.reordering];
    let planned = |action: &StepAction| {
        matches!(action, StepAction::Handover { .. } | StepAction::Cancel | StepAction::Reauthenticate)
    };
    let strange = script.mobile_stations.iter().any(|mobile| {
        let counts = [mobile.cmac_key_count, mobile.network_key_count];
        counts.iter().any(Option::is_some) || mobile.cmac_pn.is_some() || mobile.weaknesses != Default::default()
    });
    let strange = strange
        || script.base_stations.iter().any(|base| base.weaknesses != Default::default())
        || script.authenticator.weaknesses != Default::default();
    losses.iter().all(|loss| *loss == 0.0)
        && script.links.is_empty()
        && script.faults.is_empty()
        && script.attacks.is_empty()
        && script.steps.iter().all(|step| planned(&step.action))
        && script.authenticator.pmk_lifetime > script.duration
        && script.mobility.is_none()
        && !strange
}

/// How many handover steps a mobile has.
fn handovers(script: &Script, mobile: MobileStationId) -> usize {
    let of_mobile = script.steps.iter().filter(|step| step.actor == Actor::MobileStation(mobile));
    of_mobile.filter(|step| matches!(step.action, StepAction::Handover { .. })).count()
}

fn expected(section: &Section<'_>, script: &Script, expected: &Expected) -> Read<()> {
    match expected {
        Expected::Handover { mobile_station, nth, .. } => {
            nth_handover(&section.required("handover", "a handover")?, HANDOVER_KEYS, script, *mobile_station, *nth)
        }
        Expected::DataBeforeRanging { mobile_station, nth, .. } => nth_handover(
            &section.required("data_before_ranging", "a handover")?,
            BOUNDED_KEYS,
            script,
            *mobile_station,
            *nth,
        ),
        Expected::Interruption { mobile_station, nth, .. } => {
            nth_handover(&section.required("interruption", "a handover")?, BOUNDED_KEYS, script, *mobile_station, *nth)
        }
        Expected::Authenticated { entry, mobile_station, by, .. } => {
            let key = if *entry { "entered" } else { "renewed" };
            authenticated(&section.required(key, "an authentication")?, script, (*entry, *mobile_station), *by)
        }
        _ => Ok(()),
    }
}

/// Refuses a handover that no step begins, in a script in which nothing else can begin one.
fn nth_handover(field: &Field<'_>, keys: &[&str], script: &Script, mobile: MobileStationId, nth: u32) -> Read<()> {
    let steps = handovers(script, mobile);
    if !is_undisturbed(script) || usize::try_from(nth).is_ok_and(|nth| nth <= steps) {
        return Ok(());
    }
    let name = &script[mobile].name;
    let number = field.section(keys)?.field("nth");
    let place = number.as_ref().map_or(field.place(), Field::place);
    let have = match steps {
        0 => format!("{name} has no handover step"),
        1 => format!("{name} has one handover step"),
        _ => format!("{name} has {steps} handover steps"),
    };
    let message =
        format!("{}: there will be no handover {nth}: {have}, and nothing else here begins one", field.path());
    Err(Problem::new(place, message, "never takes place"))
}

/// Refuses an instant after the end of the script, and the entry of a mobile that is in and that nothing throws out.
fn authenticated(
    field: &Field<'_>,
    script: &Script,
    (entry, mobile): (bool, MobileStationId),
    by: Duration,
) -> Read<()> {
    let section = field.section(AUTHENTICATED_KEYS)?;
    let begins = script.begins.since(VirtualTime::ZERO);
    let end = if entry { script.duration } else { script.duration.saturating_sub(begins) };
    if by > end {
        let by = section.required("by", "a time")?;
        return Err(by.mismatch(&format!("a time up to {}, when the script ends", show_time(end))));
    }
    let mobile = (&script[mobile], handovers(script, mobile));
    if entry && mobile.0.entry == Entry::Established && mobile.1 == 0 && is_undisturbed(script) {
        let name = &mobile.0.name;
        let message = format!("{}: {name} is in from the start, and nothing here throws it out", field.path());
        return Err(Problem::new(field.place(), message, "never takes place")
            .help("entry = \"full\" lets a mobile begin switched on"));
    }
    Ok(())
}
