//! The entries `[[fault]]`: what a link does to chosen frames.

use std::time::Duration;

use super::links::{DirectedLink, FrameChoice, frames, link, towards};
use super::network::TICK;
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::stations::Stations;

/// One entry `[[fault]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub link: DirectedLink,
    /// To which frames.
    pub frames: FrameChoice,
    /// What happens to them.
    pub effect: FaultEffect,
}

/// What a link does to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultEffect {
    /// It never arrives.
    Lose,
    /// It arrives so much later; on the air at the end of the subframe in which that is, or of the next.
    Delay(Duration),
    /// It arrives a second time so much later, on the air at the end of a subframe too.
    Duplicate(Duration),
    /// This bit arrives inverted, counted from the first of the frame, modulo its length.
    FlipBit(u64),
}

pub(super) const KEYS: &[&str] =
    &["link", "to", "frame", "nth", "count", "after", "lose", "delay", "duplicate", "flip_bit"];
const EFFECTS: [&str; 4] = ["lose", "delay", "duplicate", "flip_bit"];

/// Faults in one script.
const MOST_FAULTS: usize = 1_000;

/// Reads every `[[fault]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations, duration: Duration) -> Read<Vec<Fault>> {
    let mut faults = Vec::new();
    for section in root.tables("fault", KEYS)? {
        if faults.len() >= MOST_FAULTS {
            return Err(Problem::mismatch(section.place, "fault", &format!("at most {MOST_FAULTS}"), "more"));
        }
        let link = link(&section.required("link", "a link such as \"air:ms1-bs2\"")?, stations)?;
        faults.push(Fault {
            link: towards(&section, link, stations)?,
            frames: frames(&section, link.is_backbone(), duration)?,
            effect: effect(&section.exactly_one(&EFFECTS)?)?,
        });
    }
    Ok(faults)
}

fn effect(field: &Field<'_>) -> Read<FaultEffect> {
    let time = || field.time(TICK..=Duration::MAX);
    match field.key() {
        "delay" => time().map(FaultEffect::Delay),
        "duplicate" => time().map(FaultEffect::Duplicate),
        "flip_bit" => field.number(0..=u64::MAX).map(FaultEffect::FlipBit),
        _ => field.yes().map(|()| FaultEffect::Lose),
    }
}
