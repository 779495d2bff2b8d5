//! What a script tells a node, and what nodes report.

use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, Kenb};
use crate::eps::parameters::LinkDirection;

/// What a script tells a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// To a UE: it measures this cell as the best.
    Measure(Pci),
    /// To a UE: an IP packet goes out.
    Uplink(Vec<u8>),
    /// To an eNB: an IP packet has come for this UE.
    Downlink(Imsi, Vec<u8>),
}

/// What a node says of a UE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The UE.
    pub ue: Imsi,
    /// What.
    pub what: What,
}

/// How a handover ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The target has heard the confirm.
    Completed,
    /// The UE is back at the source.
    Returned,
    /// The preparation was refused.
    Refused,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A UE has a KeNB in use, with its AS keys.
    KenbInUse {
        /// The cell.
        cell: Pci,
        /// KeNB.
        kenb: Kenb,
        /// KRRCenc, KRRCint, KUPenc.
        keys: [AlgorithmKey; 3],
        /// C-RNTI in that cell.
        c_rnti: u16,
    },
    /// A UE leaves for a cell.
    HandoverStarted(Pci),
    /// A handover has ended.
    HandoverEnded(Outcome),
    /// Something was protected: key (KUPenc or KRRCenc, or KNASenc with bearer 0), bearer, direction, COUNT.
    Protected {
        /// The key.
        key: AlgorithmKey,
        /// BEARER as it goes into the algorithm.
        bearer: u8,
        /// Direction.
        direction: LinkDirection,
        /// COUNT.
        count: u32,
    },
    /// An IP packet has come out.
    PacketOut {
        /// Where it went.
        direction: LinkDirection,
        /// Its octets.
        octets: Vec<u8>,
    },
    /// Something received was dropped: its MAC was wrong.
    WrongMac,
}
