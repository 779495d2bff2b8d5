//! Scripts of EPS: `system = "eps"` (`captures/README.md`, "EPS").
//!
//! * [`handover`]: how keys are derived on handover; [`times`]: how long frames take.
//! * [`network`]: MMEs, eNBs and UEs.
//! * [`steps`]: what UEs and MMEs do, and when.
//! * [`attacks`]: what the adversary does.
//! * [`expectations`]: what must hold at the end.

pub mod attacks;
pub mod expectations;
pub mod handover;
pub mod network;
pub mod steps;
#[cfg(test)]
mod tests;
pub mod times;

use super::header::{self, System, Title};
use super::problem::{Problem, Read};
use super::section::Section;
use super::traffic::{self, Owner, Traffic};
use super::value::{Data, Node};
pub use attacks::{Attack, AttackAction, Corruption, NodeName, Success, Tap};
pub use expectations::{Expectation, Expected};
pub use handover::Handover;
pub use network::{Enb, EnbId, EnbWeakness, Mme, MmeId, MmeWeakness, Ue, UeId, UeWeakness};
pub use steps::{Step, StepAction};
pub use times::Times;

/// A script of EPS, checked: every name in it is resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct EpsScript {
    /// What it says of itself.
    pub title: Title,
    /// How keys are derived on handover.
    pub handover: Handover,
    /// How long frames take.
    pub times: Times,
    /// The MMEs, at least one.
    pub mmes: Vec<Mme>,
    /// The eNBs, at least one, each with one cell.
    pub enbs: Vec<Enb>,
    /// The UEs, at least one.
    pub ues: Vec<Ue>,
    /// User traffic; its mobile stations are the UEs by position.
    pub traffic: Vec<Traffic>,
    /// Steps in the order of time.
    pub steps: Vec<Step>,
    /// What the adversary does.
    pub attacks: Vec<Attack>,
    /// What must hold at the end.
    pub expectations: Vec<Expectation>,
}

/// Legal keys at the top of a script.
const KEYS: &[&str] = &[
    "name",
    "shows",
    "statements",
    "system",
    "attack_id",
    "defence",
    "seed",
    "duration",
    "handover",
    "times",
    "mme",
    "enb",
    "ue",
    "traffic",
    "step",
    "attack",
    "expect",
];
/// Keys of `[[traffic]]`.
const TRAFFIC_KEYS: &[&str] =
    &["ue", "kind", "direction", "start", "stop", "interval", "size", "count", "peer", "file"];

/// Reads the script in `document`.
pub(super) fn read(document: &Node) -> Read<EpsScript> {
    let root = Section::open(document, String::new(), KEYS)?;
    let title = header::title(&root, System::Eps)?;
    let empty = Node { place: document.place, data: Data::Table(Vec::new()) };
    let table = |key: &str, keys: &[&str]| match root.field(key) {
        Some(field) => field.section(keys),
        None => Section::open(&empty, key.to_owned(), &[]),
    };
    let handover = handover::read(&table("handover", handover::KEYS)?)?;
    let times = times::read(&table("times", times::KEYS)?)?;
    let (mmes, enbs, ues) = network::read(&root, title.seed)?;
    let network = Network { mmes: &mmes, enbs: &enbs, ues: &ues };
    let traffic = traffic(&root, &title, network)?;
    let steps = steps::read(&root, network, title.duration)?;
    let attacks = attacks::read(&root, network, title.duration)?;
    let expectations = expectations::read(&root, network, &attacks)?;
    Ok(EpsScript { title, handover, times, mmes, enbs, ues, traffic, steps, attacks, expectations })
}

/// The nodes of a script, where names of nodes are read.
#[derive(Clone, Copy, Debug)]
struct Network<'a> {
    mmes: &'a [Mme],
    enbs: &'a [Enb],
    ues: &'a [Ue],
}

fn traffic(root: &Section<'_>, title: &Title, network: Network<'_>) -> Read<Vec<Traffic>> {
    let mut entries = Vec::new();
    for (section, flow) in root.tables("traffic", TRAFFIC_KEYS)?.iter().zip(0..) {
        let UeId(ue) = network.ue(section)?;
        let mobile = super::stations::MobileStationId(ue);
        let addresses: Vec<_> = network.ues.get(ue).map(|ue| ue.ip).into_iter().collect();
        let owner = Owner { mobile, addresses: &addresses, only: &|| Ok(mobile) };
        entries.push(traffic::entry(section, flow, &owner, title.duration)?);
    }
    Ok(entries)
}

/// More of something than a script may have.
fn too_many(section: &Section<'_>, key: &str, most: usize) -> Box<Problem> {
    Problem::mismatch(section.place, key, &format!("at most {most}"), "more")
}
