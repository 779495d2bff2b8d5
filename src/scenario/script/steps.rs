//! The entries `[[step]]`: what mobile stations do and what befalls nodes, and when.

use std::time::Duration;

use super::entry::Station;
use super::groups::stagger;
use super::problem::Read;
use super::section::{Field, Section};
use super::stations::{BaseStationId, MobileStationId, Stations};
use crate::dot16::identifiers::CmacKeyCount;
use crate::dot16::security::Weakness;
use crate::time::VirtualTime;

/// One entry `[[step]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When; no step is earlier than the one before it.
    pub at: VirtualTime,
    /// Who acts, or whom it befalls.
    pub actor: Actor,
    /// What happens.
    pub action: StepAction,
}

/// The node of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A mobile station.
    MobileStation(MobileStationId),
    /// A base station.
    BaseStation(BaseStationId),
    /// The Authenticator and gateway.
    Authenticator,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// The mobile station asks for a handover with MOB_MSHO-REQ.
    Handover {
        /// Where it goes.
        target: BaseStationId,
        /// The base stations it names, the target among them, each once.
        candidates: Vec<BaseStationId>,
    },
    /// The mobile station cancels the handover under way.
    Cancel,
    /// The base station or the Authenticator restarts. A base station loses all it knows of its mobiles. The Authenticator
    /// loses what is under way; it reads the PMKs, its counts and the data paths back from stable storage.
    Restart {
        /// A mobile station of which the Authenticator reads back an old N.
        backup: Option<(MobileStationId, CmacKeyCount)>,
    },
    /// The mobile station loses every AK and TEK context (rule R8); PMK and M stay.
    LoseContexts,
    /// The mobile station loses M and every context; the PMK stays. M begins at 0 again.
    LoseCounter,
    /// The mobile station authenticates again on the connection it has.
    Reauthenticate,
}

pub(super) const KEYS: &[&str] =
    &["at", "mobile_station", "action", "target", "candidates", "node", "network_key_count", "spread"];

/// Candidates that one MOB_MSHO-REQ can name (its count has 8 bits).
const MOST_CANDIDATES: usize = 255;

/// Reads every `[[step]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations, duration: Duration) -> Read<Vec<Step>> {
    let mut steps = Vec::new();
    let mut before: Option<(Duration, Field<'_>)> = None;
    for section in root.tables("step", KEYS)? {
        let field = section.required("at", "the time of the step, such as \"1s\"")?;
        let at = field.instant(Duration::ZERO, duration)?;
        if let Some((_, earlier)) = before.filter(|(earlier, _)| *earlier > at) {
            let problem = field.mismatch("a time that is not before that of the step above");
            return Err(problem.also(earlier.place(), "the step above"));
        }
        before = Some((at, field));
        let (actors, action) = action(&section, stations)?;
        let spread = match (section.field("spread"), actors.len()) {
            (Some(_), 1) => return section.refuse("spread", "for a single node").map(|()| steps),
            (Some(field), _) => field.time(Duration::ZERO..=duration.saturating_sub(at))?,
            (None, _) => Duration::ZERO,
        };
        let count = actors.len();
        for (index, actor) in actors.into_iter().enumerate() {
            let at = VirtualTime::ZERO + at + stagger(spread, index, count);
            steps.push(Step { at, actor, action: action.clone() });
        }
    }
    // Stable: of one instant they stay in the order of the script.
    steps.sort_by_key(|step| step.at);
    Ok(steps)
}

/// The actions, each with the keys that it takes beside `at` and `action`.
const ACTIONS: [(&str, &[&str]); 6] = [
    ("handover", &["mobile_station", "target", "candidates", "spread"]),
    ("cancel", &["mobile_station", "spread"]),
    ("restart", &["node", "mobile_station", "network_key_count"]),
    ("lose_contexts", &["mobile_station", "spread"]),
    ("lose_counter", &["mobile_station", "spread"]),
    ("reauthenticate", &["mobile_station", "spread"]),
];

/// What happens, and to whom: a node, or every mobile station of a group.
fn action(section: &Section<'_>, stations: &Stations) -> Read<(Vec<Actor>, StepAction)> {
    let field = section.required("action", "what happens, such as \"handover\"")?;
    let name = field.one_of(&ACTIONS.map(|(name, _)| (name, name)))?;
    let own = ACTIONS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, keys)| *keys);
    for key in KEYS.iter().filter(|key| !["at", "action"].contains(*key) && !own.contains(*key)) {
        section.refuse(key, &format!("beside action = {name:?}"))?;
    }
    if name == "restart" {
        return restart(section, stations).map(|(actor, action)| (vec![actor], action));
    }
    let mobiles = stations.mobile_group(section)?.mobiles;
    // Those of a group are all alike.
    let fixed = stations
        .mobile_stations
        .get(mobiles.start)
        .is_some_and(|mobile| mobile.station == Station::Fixed && !mobile.weaknesses.has(Weakness::MovesAlthoughFixed));
    if name == "handover" && fixed {
        let problem = field.mismatch("an action of a fixed station, which hands over to nobody (A26)");
        return Err(problem.help("station = \"mobile\" hands over; weaknesses = [\"moves-although-fixed\"] tries to"));
    }
    let actors = mobiles.map(|mobile| Actor::MobileStation(MobileStationId(mobile))).collect();
    let action = match name {
        "handover" => handover(section, stations)?,
        "cancel" => StepAction::Cancel,
        "lose_contexts" => StepAction::LoseContexts,
        "reauthenticate" => StepAction::Reauthenticate,
        _ => StepAction::LoseCounter,
    };
    Ok((actors, action))
}

fn restart(section: &Section<'_>, stations: &Stations) -> Read<(Actor, StepAction)> {
    let expected = "the name of a [[base_station]] or of the authenticator";
    let node = section.required("node", expected)?;
    if node.text(expected)? != stations.authenticator.name {
        for key in ["mobile_station", "network_key_count"] {
            section.refuse(key, "for a base station")?;
        }
        return Ok((Actor::BaseStation(stations.base_station(&node)?), StepAction::Restart { backup: None }));
    }
    let backup = match section.field("network_key_count") {
        Some(field) => {
            let count = field.number(1..=u16::MAX).map(CmacKeyCount)?;
            Some((stations.mobile_station(section)?, count))
        }
        None => {
            section.refuse("mobile_station", "without network_key_count")?;
            None
        }
    };
    Ok((Actor::Authenticator, StepAction::Restart { backup }))
}

fn handover(section: &Section<'_>, stations: &Stations) -> Read<StepAction> {
    let target_field = section.required("target", "the name of a [[base_station]]")?;
    let target = stations.base_station(&target_field)?;
    let Some(field) = section.field("candidates") else {
        return Ok(StepAction::Handover { target, candidates: vec![target] });
    };
    let mut candidates = Vec::new();
    for item in field.items("an array of names of [[base_station]] entries")? {
        let candidate = stations.base_station(&item)?;
        if candidates.contains(&candidate) {
            return Err(item.mismatch("a base station that is not named twice"));
        }
        candidates.push(candidate);
    }
    if !candidates.contains(&target) {
        return Err(field.mismatch("candidates with the target among them").also(target_field.place(), "the target"));
    }
    if candidates.len() > MOST_CANDIDATES {
        return Err(field.mismatch("at most 255 candidates"));
    }
    Ok(StepAction::Handover { target, candidates })
}
