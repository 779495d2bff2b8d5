//! `[[step]]`: what UEs and MMEs do, and when.

use std::time::Duration;

use super::enterprise::{self, EnterpriseStep};
use super::network::{self, MmeId, StationId, UeId};
use super::{Network, too_many};
use crate::eps::parameters::Algorithms;
use crate::scenario::script::header::{System, Title};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// The UE measures the cell of this eNB or RNC as the best, and reports it.
    Handover(StationId),
    /// Its MME takes other NAS algorithms (NAS security mode command).
    NasAlgorithms(Algorithms),
    /// This MME authenticates it anew.
    Authenticate(MmeId),
    /// It is off, and attaches for RLOS.
    Attach,
    /// It detaches, and is off.
    PowerOff,
    /// With `system = "e2m"`.
    Enterprise(EnterpriseStep),
}

/// The words for what happens.
#[derive(Clone, Copy)]
enum Action {
    Handover,
    NasAlgorithms,
    Authenticate,
    Attach,
    PowerOff,
}

pub(super) const KEYS: &[&str] = &["at", "ue", "action", "target", "mme", "ciphering", "integrity"];
/// Steps in one script.
const MOST_STEPS: usize = 100_000;

pub(super) fn read(root: &Section<'_>, network: Network<'_>, title: &Title) -> Read<Vec<Step>> {
    let mut words = vec![("handover", Action::Handover), ("nas-algorithms", Action::NasAlgorithms)];
    match title.system {
        System::ContextTransfer => words.push(("authenticate", Action::Authenticate)),
        System::Parlos => words = vec![("attach", Action::Attach), ("power-off", Action::PowerOff)],
        _ => {}
    }
    let mut steps = Vec::new();
    let mut before: Option<(Duration, Field<'_>)> = None;
    let e2m = title.system == System::E2m;
    let keys = if e2m { [KEYS, enterprise::STEP_KEYS].concat() } else { KEYS.to_vec() };
    for section in root.tables("step", &keys)? {
        if steps.len() >= MOST_STEPS {
            return Err(too_many(&section, "step", MOST_STEPS));
        }
        let field = section.required("at", "the time of the step, such as \"1s\"")?;
        let at = field.instant(Duration::ZERO, title.duration)?;
        if let Some((_, earlier)) = before.filter(|(earlier, _)| *earlier > at) {
            let problem = field.mismatch("a time that is not before that of the step above");
            return Err(problem.also(earlier.place(), "the step above"));
        }
        before = Some((at, field));
        if e2m {
            for key in ["target", "mme", "ciphering", "integrity"] {
                section.refuse(key, "with system = \"e2m\"")?;
            }
            let action = StepAction::Enterprise(enterprise::step(&section, network)?);
            steps.push(Step { at: VirtualTime::ZERO + at, ue: network.ue(&section)?, action });
            continue;
        }
        let word = section.required("action", "what happens")?.one_of(&words)?;
        let (other, beside): (&[&str], _) = match word {
            Action::Handover => (&["mme", "ciphering", "integrity"], "beside action = \"handover\""),
            Action::NasAlgorithms => (&["target", "mme"], "beside action = \"nas-algorithms\""),
            Action::Authenticate => (&["target", "ciphering", "integrity"], "beside action = \"authenticate\""),
            Action::Attach | Action::PowerOff => {
                (&["target", "mme", "ciphering", "integrity"], "beside actions of PARLOS")
            }
        };
        for key in other {
            section.refuse(key, beside)?;
        }
        let action = match word {
            Action::Handover => {
                StepAction::Handover(network.station(&section.required("target", "the name of an eNB")?)?)
            }
            Action::NasAlgorithms => StepAction::NasAlgorithms(network::algorithms(&section)?),
            Action::Attach => StepAction::Attach,
            Action::PowerOff => StepAction::PowerOff,
            Action::Authenticate => {
                let names = network.0.mmes.iter().map(|mme| mme.name.as_str());
                let field = section.required("mme", "the MME that serves it then")?;
                StepAction::Authenticate(MmeId(network::named(&field, "the name of an MME", names)?))
            }
        };
        steps.push(Step { at: VirtualTime::ZERO + at, ue: network.ue(&section)?, action });
    }
    Ok(steps)
}
