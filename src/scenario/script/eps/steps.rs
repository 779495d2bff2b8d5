//! `[[step]]`: what UEs and MMEs do, and when.

use std::time::Duration;

use super::network::{self, EnbId, UeId};
use super::{Network, too_many};
use crate::eps::parameters::Algorithms;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};
use crate::time::VirtualTime;

/// One entry `[[step]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When; no step is earlier than the one before it.
    pub at: VirtualTime,
    /// The UE that acts, or that it is about.
    pub ue: UeId,
    /// What happens.
    pub action: StepAction,
}

/// What happens in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// The UE measures the cell of this eNB as the best, and reports it.
    Handover(EnbId),
    /// Its MME takes other NAS algorithms (NAS security mode command).
    NasAlgorithms(Algorithms),
}

pub(super) const KEYS: &[&str] = &["at", "ue", "action", "target", "ciphering", "integrity"];
/// Steps in one script.
const MOST_STEPS: usize = 100_000;

pub(super) fn read(root: &Section<'_>, network: Network<'_>, duration: Duration) -> Read<Vec<Step>> {
    let mut steps = Vec::new();
    let mut before: Option<(Duration, Field<'_>)> = None;
    for section in root.tables("step", KEYS)? {
        if steps.len() >= MOST_STEPS {
            return Err(too_many(&section, "step", MOST_STEPS));
        }
        let field = section.required("at", "the time of the step, such as \"1s\"")?;
        let at = field.instant(Duration::ZERO, duration)?;
        if let Some((_, earlier)) = before.filter(|(earlier, _)| *earlier > at) {
            let problem = field.mismatch("a time that is not before that of the step above");
            return Err(problem.also(earlier.place(), "the step above"));
        }
        before = Some((at, field));
        let action = section.required("action", "\"handover\" or \"nas-algorithms\"")?;
        let action = if action.one_of(&[("handover", true), ("nas-algorithms", false)])? {
            for key in ["ciphering", "integrity"] {
                section.refuse(key, "beside action = \"handover\"")?;
            }
            StepAction::Handover(network.enb(&section.required("target", "the name of an eNB")?)?)
        } else {
            section.refuse("target", "beside action = \"nas-algorithms\"")?;
            StepAction::NasAlgorithms(network::algorithms(&section)?)
        };
        steps.push(Step { at: VirtualTime::ZERO + at, ue: network.ue(&section)?, action });
    }
    Ok(steps)
}
