//! The entries `[[step]]`: what mobile stations do, and when.

use std::time::Duration;

use super::problem::Read;
use super::section::{Field, Section};
use super::stations::{BaseStationId, MobileStationId, Stations};
use crate::time::VirtualTime;

/// One entry `[[step]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When; no step is earlier than the one before it.
    pub at: VirtualTime,
    /// The mobile station that acts.
    pub mobile_station: MobileStationId,
    /// What it does.
    pub action: StepAction,
}

/// What a mobile station does in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// It asks for a handover with MOB_MSHO-REQ.
    Handover {
        /// Where it goes.
        target: BaseStationId,
        /// The base stations it names, the target among them, each once.
        candidates: Vec<BaseStationId>,
    },
    /// It cancels the handover under way.
    Cancel,
}

pub(super) const KEYS: [&str; 5] = ["at", "mobile_station", "action", "target", "candidates"];

/// Candidates that one MOB_MSHO-REQ can name (its count has 8 bits).
const MOST_CANDIDATES: usize = 255;

/// Reads every `[[step]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations, duration: Duration) -> Read<Vec<Step>> {
    let mut steps = Vec::new();
    let mut before: Option<(Duration, Field<'_>)> = None;
    for section in root.tables("step", &KEYS)? {
        let field = section.required("at", "the time of the step, such as \"1s\"")?;
        let at = field.time(Duration::ZERO..=duration)?;
        if let Some((_, earlier)) = before.filter(|(earlier, _)| *earlier > at) {
            let problem = field.mismatch("a time that is not before that of the step above");
            return Err(problem.also(earlier.place(), "the step above"));
        }
        before = Some((at, field));
        steps.push(Step {
            at: VirtualTime::ZERO + at,
            mobile_station: stations.mobile_station(&section)?,
            action: action(&section, stations)?,
        });
    }
    Ok(steps)
}

fn action(section: &Section<'_>, stations: &Stations) -> Read<StepAction> {
    let field = section.required("action", "\"handover\" or \"cancel\"")?;
    if !field.one_of(&[("handover", true), ("cancel", false)])? {
        section.refuse("target", "beside action = \"cancel\"")?;
        section.refuse("candidates", "beside action = \"cancel\"")?;
        return Ok(StepAction::Cancel);
    }
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
