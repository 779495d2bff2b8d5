//! What a script may tell a node, and what nodes report about themselves.

use std::fmt;

pub use super::handover_mode::HandoverMode;
pub use super::work::Work;
use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::security::entry_keys::CmacError;
use crate::dot16::security::keys::{Ak, CmacKey, Kek, Pmk, Tek};
use crate::dot16::security::tek_context::TekSource;
use crate::time::VirtualTime;

/// A step of a script, or a user packet at the edge of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// To a mobile: hand over to `target`; `candidates` are named to the serving BS, the target among them.
    Handover {
        /// Where to go.
        target: Bsid,
        /// Every BS to be prepared.
        candidates: Vec<Bsid>,
    },
    /// To a mobile: give the handover under way up.
    Cancel,
    /// To a mobile: send this IP packet.
    Uplink(Vec<u8>),
    /// To the gateway: send this IP packet to the mobile.
    Downlink {
        /// The mobile.
        ms: MsMac,
        /// The packet.
        packet: Vec<u8>,
    },
    /// To a BS or the Authenticator: restart. What is kept in memory only is lost.
    Restart {
        /// A mobile of which the Authenticator reads back an old N.
        backup: Option<(MsMac, CmacKeyCount)>,
    },
    /// To a mobile: every context is lost.
    LoseContexts,
    /// To a mobile: M and every context are lost.
    LoseCounter,
    /// To a mobile: authenticate again on the connection it has.
    Reauthenticate,
    /// To every node, for a mobile that has entered the network in the run: its counts are these from now on, as if it had
    /// moved about since. Its connection and its TEKs stay.
    Counts(Counts),
}

/// The counts of a mobile at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The mobile.
    pub ms: MsMac,
    /// M.
    pub committed: CmacKeyCount,
    /// N, or `None` if it is exhausted.
    pub next: Option<CmacKeyCount>,
    /// CMAC_PN used last in both directions.
    pub cmac_pn: u32,
}

/// How a handover ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// RNG-RSP received at the target.
    Completed,
    /// Given up before any RNG-REQ; the old connection goes on.
    Cancelled,
    /// Given up, and entered again at the serving BS or another candidate.
    FellBack,
    /// No connection is left.
    Released,
    /// The mobile has authenticated anew instead: the target demanded it, or M was at its end.
    Reauthenticated,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::FellBack => "fell-back",
            Self::Released => "released",
            Self::Reauthenticated => "reauthenticated",
        })
    }
}

/// Why a node dropped a PDU or message, as counted in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reject {
    /// The ICV of a data PDU does not verify under any key that may open it.
    Icv,
    /// The PN of a data PDU was accepted before or lies below the window.
    PnReplay,
    /// The CMAC of a message does not verify.
    Cmac,
    /// The CMAC_PN of a message was used before.
    CmacPn,
    /// The count of an RNG-REQ is below the expected one.
    KeyCount,
    /// The octets are no PDU, message or packet.
    Malformed,
}

impl From<CmacError> for Reject {
    fn from(error: CmacError) -> Self {
        match error {
            CmacError::Value => Self::Cmac,
            CmacError::PacketNumber { .. } => Self::CmacPn,
        }
    }
}

/// A key with everything that names it in a key log. `Debug` shows no key.
#[derive(Clone, Debug)]
pub enum NamedKey {
    /// PMK at MS and Authenticator.
    Pmk {
        /// PMK sequence number.
        sn: AkSequenceNumber,
        /// The key.
        pmk: Pmk,
    },
    /// AK and KEK for one BS.
    AkAndKek {
        /// The BS.
        bs: Bsid,
        /// AK sequence number.
        sn: AkSequenceNumber,
        /// AKID.
        akid: AkId,
        /// AK.
        ak: Ak,
        /// KEK.
        kek: Kek,
    },
    /// CMAC_KEY_U or CMAC_KEY_D.
    Cmac {
        /// The BS.
        bs: Bsid,
        /// AKID.
        akid: AkId,
        /// The count it was derived for.
        count: CmacKeyCount,
        /// U or D.
        direction: Direction,
        /// The key.
        key: CmacKey,
    },
    /// A TEK.
    Tek {
        /// The BS.
        bs: Bsid,
        /// AKID.
        akid: AkId,
        /// SAID.
        said: Said,
        /// The count of the entry that it belongs to.
        count: CmacKeyCount,
        /// EKS.
        eks: u8,
        /// Where it came from.
        source: TekSource,
        /// The key.
        tek: Tek,
    },
}

/// What kind of connection a CID is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CidKind {
    /// Basic management connection.
    Basic,
    /// Primary management connection.
    Primary,
    /// Transport connection of the SA.
    Transport(Said),
}

/// What a node reports about itself; each concerns one mobile.
#[derive(Clone, Debug)]
pub struct Event {
    /// The mobile.
    pub ms: MsMac,
    /// What happened.
    pub what: What,
}

/// What happened; see [`Event`].
#[derive(Clone, Debug)]
pub enum What {
    /// A user packet came out of the network: uplink at the gateway, downlink at the mobile.
    PacketOut {
        /// Direction.
        direction: Direction,
        /// The IP packet.
        octets: Vec<u8>,
    },
    /// A user packet was given up because a queue was full or no connection is left.
    PacketGivenUp {
        /// Direction.
        direction: Direction,
    },
    /// A data PDU was sealed.
    Sealed {
        /// The BS at one end.
        bs: Bsid,
        /// Direction.
        direction: Direction,
        /// Names the TEK without showing it.
        fingerprint: u64,
        /// PN without direction bit.
        pn: u32,
        /// What was sealed: subheaders and payload.
        plaintext: Vec<u8>,
    },
    /// A data PDU was accepted by its receiver: ICV and window.
    DataAccepted {
        /// The BS at one end.
        bs: Bsid,
        /// Direction.
        direction: Direction,
        /// By how much the BS force-incremented T_B for it.
        self_sync_steps: u16,
    },
    /// A command came at a time when it means nothing.
    CommandIgnored(&'static str),
    /// Something was dropped.
    Rejected(Reject),
    /// The mobile begins a handover: T_M is set and TEKs of every candidate are derived.
    HandoverStarted {
        /// The serving BS.
        from: Bsid,
        /// The target.
        to: Bsid,
    },
    /// The mobile knows when and how it leaves.
    HandoverAgreed {
        /// Where it goes: the target of the command, or another that the serving BS recommends.
        to: Bsid,
        /// How the TEKs come to the target.
        mode: HandoverMode,
        /// When it leaves.
        action_time: VirtualTime,
    },
    /// A handover ended.
    HandoverEnded {
        /// How.
        outcome: Outcome,
        /// Where the mobile is connected now.
        at: Option<Bsid>,
    },
    /// The mobile asks for another PMK: it listens to the BS to enter the network there, or goes on under the one it has.
    AuthenticationStarted {
        /// The BS.
        bs: Bsid,
        /// Whether it is to enter.
        entry: bool,
    },
    /// The mobile has another PMK in use: it has entered with it, or it goes on under it where it was.
    Authenticated {
        /// The BS.
        bs: Bsid,
        /// Whether it has entered.
        entry: bool,
    },
    /// An authentication came to nothing; the keys in use stay.
    AuthenticationFailed {
        /// The BS.
        bs: Bsid,
        /// Whether it was to enter.
        entry: bool,
    },
    /// The mobile stops sending and listening at this BS.
    Left {
        /// The BS.
        bs: Bsid,
    },
    /// The mobile listens at this BS.
    Listening {
        /// The BS.
        bs: Bsid,
    },
    /// The mobile may send user data at this BS.
    UplinkGranted {
        /// The BS.
        bs: Bsid,
    },
    /// The BS stops sending downlink data to the mobile.
    DownlinkStopped {
        /// The BS.
        bs: Bsid,
    },
    /// Downlink packets of the mobile reach this BS from now on.
    PathReady {
        /// The BS.
        bs: Bsid,
    },
    /// An RNG-REQ of the mobile that verifies reached the BS, or that of a prepared full entry, which nothing protects.
    RangingRequest {
        /// The BS.
        bs: Bsid,
    },
    /// The count for traffic at one end changed, or its TEKs did; `None`: no TEKs are in use there.
    TrafficCount {
        /// The BS at one end.
        bs: Bsid,
        /// Whether the mobile reports it (T_M), or the BS (T_B).
        at_mobile: bool,
        /// The count.
        count: Option<CmacKeyCount>,
    },
    /// M was committed.
    Committed(CmacKeyCount),
    /// N moved.
    NetworkCount(CmacKeyCount),
    /// A key came into use or went out of it.
    Key {
        /// Whether the mobile reports it, or the network side.
        at_mobile: bool,
        /// Came or went.
        held: bool,
        /// The key.
        key: NamedKey,
    },
    /// A CID was allocated or freed.
    Cid {
        /// The BS.
        bs: Bsid,
        /// The CID.
        cid: Cid,
        /// Its kind.
        kind: CidKind,
        /// Allocated or freed.
        held: bool,
    },
    /// An uplink PDU opened under no count of the self-synchronisation window: a search that cost derivations (R6).
    SearchFailed {
        /// The BS.
        bs: Bsid,
    },
    /// REG-RSP has come in: what it agrees to holds for the mobile from now on.
    Registered {
        /// The BS.
        bs: Bsid,
        /// Whether seamless handover is agreed.
        seamless: bool,
    },
    /// A base station or the Authenticator has worked for this mobile, or for somebody who claims to be it.
    Work(Work),
}
