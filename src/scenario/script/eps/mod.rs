//! Scripts of EPS: `system = "eps"` (`captures/eps.md`), `system = "context-transfer"` (`captures/context-transfer.md`) and
//! `system = "parlos"` (`captures/parlos.md`).
//!
//! * [`handover`]: how keys are derived on handover; [`times`]: how long frames take.
//! * [`network`]: MMEs, eNBs and UEs; [`transfer`]: how contexts get from node to node, and UPEs, SGSNs and RNCs.
//! * [`parlos`]: temporary keys for a phone without a subscription; [`parlos_attacks`], [`parlos_expectations`]: against them, and of them.
//! * [`enterprise`]: `system = "e2m"`, keys between UEs and end points in an enterprise (`captures/e2m.md`).
//! * [`steps`]: what UEs and MMEs do, and when.
//! * [`attacks`]: what the adversary does.
//! * [`expectations`]: what must hold at the end.

pub mod attacks;
pub mod enterprise;
pub mod expectations;
pub mod handover;
pub mod network;
pub mod parlos;
pub mod parlos_attacks;
pub mod parlos_expectations;
pub mod steps;
#[cfg(test)]
mod tests;
pub mod times;
pub mod transfer;

use super::header::{self, System, Title};
use super::problem::{Problem, Read};
use super::section::Section;
use super::traffic::{self, Owner, Traffic};
use super::value::{Data, Node};
use crate::eps::node::Parlos;
pub use attacks::{Attack, AttackAction, Corruption, NodeName, Success, Tap};
pub use enterprise::{
    Bss, BssId, EmksWeakness, EmseWeakness, EndPoint, EndPointId, EnterpriseExpected, EnterpriseSettings,
    EnterpriseStep,
};
pub use expectations::{Expectation, Expected};
pub use handover::Handover;
pub use network::{Enb, EnbId, EnbWeakness, Mme, MmeId, MmeWeakness, Nodes, StationId, Ue, UeId, UeWeakness};
pub use parlos_attacks::ParlosAttack;
pub use parlos_expectations::ParlosExpected;
pub use steps::{Step, StepAction};
pub use times::Times;
pub use transfer::{Rnc, RncId, Sgsn, SgsnId, SgsnWeakness, Transfer, Upe, UpeId, UpeWeakness};

/// A script of EPS, checked: every name in it is resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct EpsScript {
    /// What it says of itself.
    pub title: Title,
    /// How keys are derived on handover.
    pub handover: Handover,
    /// How long frames take.
    pub times: Times,
    /// How contexts get from node to node.
    pub transfer: Transfer,
    /// How temporary keys get to a phone without a subscription; `None`: there is none.
    pub parlos: Option<Parlos>,
    /// Keys between UEs and end points in an enterprise; `None`: there are none.
    pub enterprise: Option<EnterpriseSettings>,
    /// The nodes.
    pub nodes: Nodes,
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
    "transfer",
    "parlos",
    "enterprise",
    "emse",
    "bss",
    "mme",
    "enb",
    "upe",
    "sgsn",
    "rnc",
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
pub(super) fn read(document: &Node, system: System) -> Read<EpsScript> {
    let root = Section::open(document, String::new(), KEYS)?;
    let title = header::title(&root, system)?;
    let e2m = system == System::E2m;
    if system != System::ContextTransfer {
        for key in if e2m { &["transfer", "upe"][..] } else { &["transfer", "upe", "sgsn", "rnc"] } {
            root.refuse(key, "without system = \"context-transfer\"")?;
        }
    }
    for key in if e2m { &["handover"][..] } else { &["enterprise", "emse", "bss"] } {
        let reason = if e2m { "with system = \"e2m\"" } else { "without system = \"e2m\"" };
        root.refuse(key, reason)?;
    }
    let empty = Node { place: document.place, data: Data::Table(Vec::new()) };
    if system == System::Parlos {
        root.refuse("handover", "with system = \"parlos\"")?;
    } else {
        root.refuse("parlos", "without system = \"parlos\"")?;
    }
    let table = |key: &str, keys: &[&str]| match root.field(key) {
        Some(field) => field.section(keys),
        None => Section::open(&empty, key.to_owned(), &[]),
    };
    let handover = handover::read(&table("handover", handover::KEYS)?, system)?;
    let times = times::read(&table("times", &[times::KEYS, times::TRANSFER_KEYS, times::E2M_KEYS].concat())?, system)?;
    let transfer = match system {
        System::ContextTransfer => transfer::read(&table("transfer", transfer::KEYS)?)?,
        _ => Transfer::default(),
    };
    let parlos = match system {
        System::Parlos => Some(parlos::read(&table("parlos", parlos::KEYS)?)?),
        _ => None,
    };
    let enterprise = e2m.then(|| enterprise::read(&table("enterprise", enterprise::KEYS)?)).transpose()?;
    let nodes = network::read(&root, &title)?;
    let network = nodes.network();
    let traffic = traffic(&root, &title, network)?;
    let steps = steps::read(&root, network, &title)?;
    let attacks = attacks::read(&root, network, title.duration)?;
    let expectations = expectations::read(&root, network, &attacks)?;
    Ok(EpsScript { title, handover, times, transfer, parlos, enterprise, nodes, traffic, steps, attacks, expectations })
}

/// The nodes of a script, where names of nodes are read.
#[derive(Clone, Copy, Debug)]
struct Network<'a>(&'a Nodes);

fn traffic(root: &Section<'_>, title: &Title, network: Network<'_>) -> Read<Vec<Traffic>> {
    let mut entries = Vec::new();
    for (section, flow) in root.tables("traffic", TRAFFIC_KEYS)?.iter().zip(0..) {
        let UeId(ue) = network.ue(section)?;
        let mobile = super::stations::MobileStationId(ue);
        let addresses: Vec<_> = network.0.ues.get(ue).map(|ue| ue.ip).into_iter().collect();
        let owner = Owner { mobile, addresses: &addresses, only: &|| Ok(mobile) };
        entries.push(traffic::entry(section, flow, &owner, title.duration)?);
    }
    Ok(entries)
}

/// More of something than a script may have.
fn too_many(section: &Section<'_>, key: &str, most: usize) -> Box<Problem> {
    Problem::mismatch(section.place, key, &format!("at most {most}"), "more")
}
