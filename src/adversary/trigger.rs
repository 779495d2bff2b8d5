//! When an attack acts: on frames that pass its tap, on what a node reports, or at an instant.

use super::frames::FrameChoice;
use super::value::Value;
use crate::dot16::identifiers::{Bsid, MsMac};
use crate::dot16::node::What;
use crate::emulation::NodeIndex;
use crate::time::VirtualTime;

/// When an attack acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On frames that pass its tap.
    Frames {
        /// Which kind, and which of them by number; only frames that hold `filter` count.
        choice: FrameChoice,
        /// What else must hold.
        filter: Filter,
    },
    /// On what nodes report.
    Events(EventChoice),
    /// At an instant.
    Time(VirtualTime),
}

/// Conditions on a frame, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Its CID.
    pub cid: Option<Value>,
    /// Who sends it.
    pub sender: Option<NodeIndex>,
    /// How the handover of the mobile on its link stands.
    pub phase: Option<Phase>,
}

/// How the handover of a mobile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// None is under way.
    Connected,
    /// It has started, and the mobile has not left the serving base station.
    Preparing,
    /// The mobile has left, and has sent no RNG-REQ.
    Arriving,
    /// From its first RNG-REQ on, which is in it.
    Ranging,
}

impl Phase {
    /// Every phase with its name in scripts.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("connected", Self::Connected),
        ("preparing", Self::Preparing),
        ("arriving", Self::Arriving),
        ("ranging", Self::Ranging),
    ];
}

/// What a node may report that an attack waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The mobile begins a handover.
    HandoverStarted,
    /// The mobile knows when and how it leaves.
    HandoverAgreed,
    /// The mobile leaves a base station.
    Left,
    /// The mobile listens to a base station.
    Listening,
    /// The mobile may send user data.
    UplinkGranted,
    /// An RNG-REQ that verifies has reached a base station.
    RangingRequest,
    /// The handover has ended.
    HandoverEnded,
    /// M was committed.
    CountCommitted,
    /// N has moved.
    NetworkCount,
    /// Downlink packets reach a base station from now on.
    PathReady,
    /// REG-RSP has come in.
    Registered,
    /// The mobile has another PMK in use.
    Authenticated,
}

impl EventKind {
    /// Every event with its name in scripts.
    pub const NAMED: [(&'static str, Self); 12] = [
        ("handover-started", Self::HandoverStarted),
        ("handover-agreed", Self::HandoverAgreed),
        ("left", Self::Left),
        ("listening", Self::Listening),
        ("uplink-granted", Self::UplinkGranted),
        ("ranging-request", Self::RangingRequest),
        ("handover-ended", Self::HandoverEnded),
        ("count-committed", Self::CountCommitted),
        ("network-count", Self::NetworkCount),
        ("path-ready", Self::PathReady),
        ("registered", Self::Registered),
        ("authenticated", Self::Authenticated),
    ];

    /// Whether it names a base station.
    #[must_use]
    pub const fn has_base_station(self) -> bool {
        !matches!(self, Self::CountCommitted | Self::NetworkCount)
    }

    /// The event that a report is, with the base station that it names: of a handover its target, or where it ended.
    #[must_use]
    pub const fn of(what: &What) -> Option<(Self, Option<Bsid>)> {
        Some(match what {
            What::HandoverStarted { to, .. } => (Self::HandoverStarted, Some(*to)),
            What::HandoverAgreed { to, .. } => (Self::HandoverAgreed, Some(*to)),
            What::Left { bs } => (Self::Left, Some(*bs)),
            What::Listening { bs } => (Self::Listening, Some(*bs)),
            What::UplinkGranted { bs } => (Self::UplinkGranted, Some(*bs)),
            What::RangingRequest { bs } => (Self::RangingRequest, Some(*bs)),
            What::HandoverEnded { at, .. } => (Self::HandoverEnded, *at),
            What::Committed(_) => (Self::CountCommitted, None),
            What::NetworkCount(_) => (Self::NetworkCount, None),
            What::PathReady { bs } => (Self::PathReady, Some(*bs)),
            What::Registered { bs, .. } => (Self::Registered, Some(*bs)),
            What::Authenticated { bs, .. } => (Self::Authenticated, Some(*bs)),
            _ => return None,
        })
    }
}

/// `count` matching events in a row, from the `nth` (from 1) at `after` or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventChoice {
    /// Which events count.
    pub kind: EventKind,
    /// The mobile that it is about, or the node that reports it.
    pub node: Option<EventNode>,
    /// The base station that it names.
    pub base_station: Option<Bsid>,
    /// The first one.
    pub nth: u32,
    /// How many.
    pub count: u32,
    /// Events before this instant do not count.
    pub after: VirtualTime,
}

/// Whose events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventNode {
    /// Those about a mobile, whoever reports them.
    Mobile(MsMac),
    /// Those that a base station or the gateway reports.
    Reporter(NodeIndex),
}

impl EventChoice {
    /// Whether what `node` reports at `now` about `ms` is chosen; `seen` is how many have matched so far.
    pub fn takes(&self, seen: &mut u32, now: VirtualTime, node: NodeIndex, ms: MsMac, what: &What) -> bool {
        let Some((kind, base_station)) = EventKind::of(what) else {
            return false;
        };
        let of_node = self.node.is_none_or(|wanted| match wanted {
            EventNode::Mobile(mobile) => mobile == ms,
            EventNode::Reporter(reporter) => reporter == node,
        });
        let matches = kind == self.kind
            && now >= self.after
            && of_node
            && self.base_station.is_none_or(|wanted| base_station == Some(wanted));
        if !matches {
            return false;
        }
        *seen = seen.saturating_add(1);
        (self.nth..self.nth.saturating_add(self.count)).contains(seen)
    }
}
