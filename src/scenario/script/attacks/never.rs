//! Triggers that can never come, and replays of frames that nobody records: found when the script is checked, not by a run in
//! which nothing happens.

use super::{Attack, AttackAction, FrameFilter, Tap, Trigger, action, trigger};
use crate::adversary::{CidRole, EventKind, Phase, Source};
use crate::dot16::identifiers::Direction;
use crate::dot16::wire::{MobMshoReq, RngReq};
use crate::scenario::script::links::{DirectedLink, FrameKind, Link};
use crate::scenario::script::possible::{self, Passage};
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};
use crate::scenario::script::stations::Stations;
use crate::scenario::script::steps::Actor;

/// Refuses an attack that would never act.
pub(super) fn check(section: &Section<'_>, attack: &Attack, attacks: &[Attack], stations: &Stations) -> Read<()> {
    let given = section.required("trigger", "a trigger")?.section(trigger::KEYS)?;
    let field = |key: &str| given.required(key, "a value");
    match (&attack.trigger, attack.tap) {
        (Trigger::Frame(choice, filter), Some(tap)) => {
            possible::frames(&given, choice.kind, Passage::at(tap))?;
            check_phase(&given, choice.kind, filter)?;
            if filter.cid.is_some() {
                check_cid(&field("cid")?, filter, tap, stations)?;
            }
        }
        (Trigger::Event(event), _) => {
            if let Some(node) = event.node {
                check_reporter(&field("node")?, event.kind, node)?;
            }
        }
        _ => {}
    }
    check_first(section, attack, attacks)
}

/// An RNG-REQ begins the last phase, and MOB_MSHO-REQ is sent before the mobile leaves.
fn check_phase(given: &Section<'_>, kind: FrameKind, filter: &FrameFilter) -> Read<()> {
    let (FrameKind::Message(name), Some(phase)) = (kind, filter.phase) else {
        return Ok(());
    };
    let expected = match (name.message_type(), phase) {
        (RngReq::TYPE, Phase::Preparing | Phase::Arriving) => "\"ranging\", which an RNG-REQ begins",
        (MobMshoReq::TYPE, Phase::Arriving | Phase::Ranging) => "\"preparing\", to which MOB_MSHO-REQ belongs",
        _ => return Ok(()),
    };
    Err(given.required("phase", "a phase")?.mismatch(expected))
}

/// A CID of a mobile is heard on its own link only, and a transport CID in its own direction.
fn check_cid(field: &Field<'_>, filter: &FrameFilter, tap: Tap, stations: &Stations) -> Read<()> {
    let Some(Source::Cid(ms, bs, role)) = filter.cid.as_ref().map(|cid| &cid.source) else {
        return Ok(());
    };
    if let Tap::Link(DirectedLink { link: link @ Link::Air { mobile_station, base_station }, .. }) = tap {
        let own_ms = stations.mobile_stations.get(mobile_station.0).map(|mobile| mobile.mac);
        let own_bs = stations.base_stations.get(base_station.0).map(|base| base.bsid);
        if (own_ms, own_bs) != (Some(*ms), Some(*bs)) {
            let [mobile, base] = stations.end_names(link);
            return Err(field.mismatch(&format!("a CID of {mobile}@{base}, whose link the tap is on")));
        }
    }
    let own = match role {
        CidRole::Uplink => Some(Direction::Uplink),
        CidRole::Downlink => Some(Direction::Downlink),
        CidRole::Basic | CidRole::Primary => None,
    };
    match (own, tap.direction()) {
        (Some(own), Some(heard)) if own != heard => {
            Err(field.mismatch(&format!("a CID of the {heard}, which the tap hears")))
        }
        _ => Ok(()),
    }
}

/// Mobiles report what they do, and the network what it does.
fn check_reporter(field: &Field<'_>, kind: EventKind, node: Actor) -> Read<()> {
    let fits = match node {
        Actor::MobileStation(_) => true,
        Actor::BaseStation(_) => matches!(kind, EventKind::RangingRequest | EventKind::PathReady),
        Actor::Authenticator => kind == EventKind::NetworkCount,
    };
    if fits { Ok(()) } else { Err(field.mismatch("a mobile station: this node reports no such event")) }
}

/// A replay cannot begin behind the last frame that is ever recorded.
fn check_first(section: &Section<'_>, attack: &Attack, attacks: &[Attack]) -> Read<()> {
    let AttackAction::Replay(replay) = &attack.action else {
        return Ok(());
    };
    let recorded = attacks.iter().filter_map(|other| match (&other.action, &other.trigger) {
        (AttackAction::Record(name), Trigger::Frame(choice, _)) if *name == replay.recording => Some(choice.count),
        _ => None,
    });
    let recorded = recorded.fold(0u32, u32::saturating_add);
    if replay.first <= recorded {
        return Ok(());
    }
    let field = action::section(section)?.required("first", "a number")?;
    Err(field.mismatch(&format!("at most {recorded}, as many frames as are recorded")))
}
