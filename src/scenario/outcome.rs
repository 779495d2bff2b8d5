//! What a run came to: the document of `run --json` (DESIGN section 5), and what the printed report needs besides.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ledger::Counts;
pub use super::work::NodeWork;
use crate::dot16::identifiers::{CmacKeyCount, Direction};
use crate::judge::Judgement;
use crate::time::VirtualTime;

/// Pass or fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunVerdict {
    /// Every expectation holds.
    Pass,
    /// At least one does not.
    Fail,
}

/// An expectation of the script, and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectationResult {
    /// It in words.
    pub text: String,
    /// Whether it held.
    pub held: bool,
    /// What was seen.
    pub detail: String,
}

/// A number of something in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PerDirection {
    /// Uplink.
    pub ul: u64,
    /// Downlink.
    pub dl: u64,
}

impl PerDirection {
    /// The number of one direction.
    #[must_use]
    pub fn of(&self, direction: Direction) -> u64 {
        match direction {
            Direction::Uplink => self.ul,
            Direction::Downlink => self.dl,
        }
    }

    /// Adds one.
    pub fn count(&mut self, direction: Direction) {
        match direction {
            Direction::Uplink => self.ul += 1,
            Direction::Downlink => self.dl += 1,
        }
    }
}

/// A handover, as measured. Times in microseconds of virtual time; `None` where there is nothing to measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandoverResult {
    /// The mobile.
    pub ms: String,
    /// The serving BS.
    pub from: String,
    /// The target.
    pub to: String,
    /// Mode of handover.
    pub mode: String,
    /// How it ended.
    pub outcome: String,
    /// Time without a way for user data, uplink.
    pub interruption_ul_us: Option<u64>,
    /// The same, downlink.
    pub interruption_dl_us: Option<u64>,
    /// Between the last user PDU accepted through the source and the first through the target, uplink.
    pub gap_ul_us: Option<u64>,
    /// The same, downlink.
    pub gap_dl_us: Option<u64>,
    /// Management PDUs of the mobile from MOB_MSHO-REQ to RNG-RSP inclusive, repetitions counted.
    pub messages_air: u64,
    /// Control messages on the backbone that the handover caused.
    pub messages_backbone: u64,
    /// MAC octets of `messages_air`.
    pub bytes_air: u64,
    /// Octets of the Ethernet frames of `messages_backbone`.
    pub bytes_backbone: u64,
    /// By how much the target force-incremented T_B.
    pub self_sync_steps: u64,
    /// User PDUs accepted at the target before the RNG-REQ first reached it.
    pub data_before_ranging: PerDirection,
    /// When it began, from the start of the run.
    pub started_us: u64,
    /// When it ended; `None`: the run did not see the end of it, and `outcome` is `released` for want of one.
    pub ended_us: Option<u64>,
    /// Of context transfer: what had to be answered on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
}

/// Messages of a handover that were answered, from when the UE left the source: each is a round trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// By the UE.
    pub ue: u64,
    /// By the HSS.
    pub hss: u64,
}

/// An authentication of a mobile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthenticationResult {
    /// The mobile.
    pub ms: String,
    /// The BS.
    pub bs: String,
    /// `entry`, or `renewal` on the connection that the mobile had.
    pub purpose: String,
    /// Whether the new PMK came into use.
    pub completed: bool,
    /// When the mobile listened to the BS to enter there, or asked for another PMK; in microseconds of virtual time.
    pub started_us: u64,
    /// When it ended, in microseconds of virtual time.
    pub at_us: u64,
}

/// User packets of one mobile, compared end to end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrafficResult {
    /// Uplink.
    pub ul: Counts,
    /// Downlink.
    pub dl: Counts,
}

/// Packets of a traffic file that were not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SkippedPackets {
    /// Not IPv4.
    pub not_ipv4: u64,
    /// Cut short in the capture.
    pub truncated: u64,
}

/// How much was dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RejectCounts {
    /// ICV wrong.
    pub icv: u64,
    /// PN accepted before or below the window.
    pub pn_replay: u64,
    /// CMAC wrong or missing.
    pub cmac: u64,
    /// CMAC_PN used before.
    pub cmac_pn: u64,
    /// Count below the expected one.
    pub key_count: u64,
    /// No PDU, message or packet.
    pub malformed: u64,
}

/// What an attack came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttackResult {
    /// Its name.
    pub name: String,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// What was seen.
    pub detail: String,
    /// Of key stream used twice: the XOR of two plaintexts, their first 32 octets in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xor: Option<String>,
    /// The text that the adversary read and should not have been able to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<String>,
}

impl AttackResult {
    /// A result without any octets to show.
    #[must_use]
    pub fn new(name: &str, succeeded: bool, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), succeeded, detail: detail.into(), xor: None, recovered: None }
    }
}

/// A live connection that a base station gave up although its mobile had not completed a handover to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleaseResult {
    /// The mobile.
    pub ms: String,
    /// The BS.
    pub bs: String,
    /// When, in microseconds of virtual time.
    pub at_us: u64,
}

/// The capture of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaptureResult {
    /// File name without folders.
    pub file: String,
    /// How many frames it holds.
    pub frames: u64,
}

/// A step of a ladder diagram: a message between two nodes, or something that a node did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderStep {
    /// When.
    pub time: VirtualTime,
    /// What.
    pub what: LadderItem,
    /// What keys there are after it, of mobiles for which this step changed them, and at the first step of every mobile.
    pub keys: Vec<KeyStanding>,
}

/// The keys of a mobile at one moment, as far as the ladder shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyStanding {
    /// The mobile.
    pub ms: String,
    /// M, the count that it has committed.
    pub committed: Option<CmacKeyCount>,
    /// N, the count of the Authenticator.
    pub network: Option<CmacKeyCount>,
    /// For each base station of the ladder, in its order.
    pub stations: Vec<StationTeks>,
}

/// The TEKs of a mobile and a base station.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StationTeks {
    /// The base station.
    pub bs: String,
    /// What the mobile has: T_M.
    pub at_mobile: EndTeks,
    /// What the base station has: T_B.
    pub at_station: EndTeks,
}

/// The TEKs at one end: those of the count in use, or else of the highest count of which there are any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndTeks {
    /// Their count; `None`: no TEK is at hand.
    pub count: Option<CmacKeyCount>,
    /// Their EKS, ascending.
    pub eks: Vec<u8>,
    /// Whether all of them were generated from the count.
    pub generated: bool,
    /// How many other counts there are TEKs of.
    pub other_counts: usize,
}

/// What a step of a ladder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LadderItem {
    /// A message.
    Message {
        /// Who sent it; `None`: the adversary.
        from: Option<String>,
        /// Whom it was for.
        to: String,
        /// What it is, in the sender's words.
        label: String,
        /// Whether it is user data; neighbouring ones are drawn as one arrow.
        data: bool,
        /// Whether it was lost or dropped.
        dropped: bool,
    },
    /// A change of key state at a node.
    State {
        /// The node.
        node: String,
        /// What changed.
        label: String,
    },
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct RunOutcome {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Whether every expectation holds.
    pub verdict: RunVerdict,
    /// The expectations.
    pub expectations: Vec<ExpectationResult>,
    /// The handovers, in the order in which they began.
    pub handovers: Vec<HandoverResult>,
    /// The authentications, in the order in which they ended.
    pub authentications: Vec<AuthenticationResult>,
    /// User traffic by mobile.
    pub traffic: BTreeMap<String, TrafficResult>,
    /// Packets of the traffic file that were skipped.
    pub skipped: SkippedPackets,
    /// What was dropped.
    pub rejects: RejectCounts,
    /// What was dropped in a run of EPS, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps_rejects: Option<BTreeMap<&'static str, u64>>,
    /// Uplink PDUs for which a BS tried every count of its self-synchronisation window in vain.
    pub failed_searches: u64,
    /// (TEK, PN) pairs under which more than one PDU was sealed.
    pub nonce_reuse: u64,
    /// Live connections that base stations gave up.
    pub releases: Vec<ReleaseResult>,
    /// What the run has cost each base station and the authenticator.
    pub work: BTreeMap<String, NodeWork>,
    /// The attacks.
    pub attacks: Vec<AttackResult>,
    /// The capture.
    pub capture: Option<CaptureResult>,
    /// The independent verdict, of a run that was judged.
    pub judge: Option<Judgement>,
    /// The ladder of the handovers; not part of the document.
    #[serde(skip)]
    pub ladder: Vec<LadderStep>,
    /// The names of the nodes in the order of the ladder's columns; not part of the document.
    #[serde(skip)]
    pub ladder_nodes: Vec<String>,
}
