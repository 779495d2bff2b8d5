//! The entries `[[link]]`: impairments of one direction of a link, in place of those that all links have.

use std::collections::BTreeMap;
use std::time::Duration;

use super::links::{DirectedLink, link, towards};
use super::network::{Backbone, Radio, TICK};
use super::problem::{Place, Problem, Read};
use super::section::{Field, Section};
use super::stations::Stations;

/// One entry `[[link]]`; what it leaves out is as the section `[radio]` or `[backbone]` has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkImpairments {
    /// Where.
    pub link: DirectedLink,
    /// Probability that a frame is lost, 0 to 1.
    pub loss: f64,
    /// Probability that a frame arrives twice, 0 to 1.
    pub duplication: f64,
    /// Probability that a frame arrives with one of its bits inverted, 0 to 1.
    pub bit_errors: f64,
    /// Probability that a frame is held back, 0 to 1.
    pub reordering: f64,
    /// For how long, never zero; on the air it then arrives at the end of a subframe.
    pub held_back: Duration,
    /// The delay of a wired link; none on the air.
    pub wire: Option<WireDelay>,
}

/// The delay of one direction of a wired link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireDelay {
    /// The smallest, never zero.
    pub latency: Duration,
    /// The largest random addition.
    pub jitter: Duration,
}

impl LinkImpairments {
    /// Those of `link` in a script without an entry for it.
    #[must_use]
    pub fn of_all(link: DirectedLink, radio: &Radio, backbone: &Backbone) -> Self {
        if link.link.is_backbone() {
            Self {
                link,
                loss: backbone.loss,
                duplication: backbone.duplication,
                bit_errors: 0.0,
                reordering: backbone.reordering,
                held_back: backbone.latency.saturating_mul(2),
                wire: Some(WireDelay { latency: backbone.latency, jitter: backbone.jitter }),
            }
        } else {
            Self {
                link,
                loss: radio.loss,
                duplication: radio.duplication,
                bit_errors: radio.bit_errors,
                reordering: radio.reordering,
                held_back: radio.frame,
                wire: None,
            }
        }
    }
}

pub(super) const KEYS: &[&str] =
    &["link", "to", "loss", "duplication", "bit_errors", "reordering", "held_back", "latency", "jitter"];

/// Entries in one script.
const MOST_ENTRIES: usize = 1_000;

/// Reads every `[[link]]`.
pub(super) fn read(
    root: &Section<'_>,
    stations: &Stations,
    radio: &Radio,
    backbone: &Backbone,
) -> Read<Vec<LinkImpairments>> {
    let mut places: BTreeMap<DirectedLink, Place> = BTreeMap::new();
    let mut entries = Vec::new();
    for section in root.tables("link", KEYS)? {
        if entries.len() >= MOST_ENTRIES {
            return Err(Problem::mismatch(section.place, "link", &format!("at most {MOST_ENTRIES}"), "more"));
        }
        let field = section.required("link", "a link such as \"air:ms1-bs2\"")?;
        let link = towards(&section, link(&field, stations)?, stations)?;
        if let Some(earlier) = places.insert(link, field.place()) {
            let problem = field.mismatch("a direction of a link that has no entry yet");
            return Err(problem.also(earlier, "its entry"));
        }
        entries.push(impairments(&section, LinkImpairments::of_all(link, radio, backbone))?);
    }
    Ok(entries)
}

fn impairments(section: &Section<'_>, of_all: LinkImpairments) -> Read<LinkImpairments> {
    let impairments: Vec<&str> = KEYS.iter().copied().filter(|key| !["link", "to"].contains(key)).collect();
    if impairments.iter().all(|key| section.field(key).is_none()) {
        let expected = format!("at least one of {}", impairments.join(", "));
        return Err(Problem::mismatch(section.place, "link", &expected, "none"));
    }
    let wire = match of_all.wire {
        Some(WireDelay { latency, jitter }) => Some(WireDelay {
            latency: section.read("latency", latency, |field| field.time(TICK..=Duration::MAX))?,
            jitter: section.read("jitter", jitter, |field| field.time(Duration::ZERO..=Duration::MAX))?,
        }),
        None => {
            for key in ["latency", "jitter"] {
                section.refuse(key, "on the air, where frames arrive at the end of a subframe")?;
            }
            None
        }
    };
    let held_back = wire.map_or(of_all.held_back, |wire| wire.latency.saturating_mul(2));
    Ok(LinkImpairments {
        link: of_all.link,
        loss: section.read("loss", of_all.loss, Field::probability)?,
        duplication: section.read("duplication", of_all.duplication, Field::probability)?,
        bit_errors: section.read("bit_errors", of_all.bit_errors, Field::probability)?,
        reordering: section.read("reordering", of_all.reordering, Field::probability)?,
        held_back: section.read("held_back", held_back, |field| field.time(TICK..=Duration::MAX))?,
        wire,
    })
}
