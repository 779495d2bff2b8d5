//! What a script tells a node, and what nodes report.

use std::net::Ipv4Addr;

use super::parlos::{AttachOutcome, KeyOperation, RlosRefusal};
use super::settings::Scheme;
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, CkIk, Kasme, Kc, Kenb, KenbStar, Nh};
use crate::eps::parameters::{AlgorithmId, Algorithms, LinkDirection, Ncc, Origin};
use crate::eps::security::key_transport::PrivateKey;

/// What a script tells a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// To a UE: it measures this cell as the best.
    Measure(Pci),
    /// To a UE: an IP packet goes out.
    Uplink(Vec<u8>),
    /// To the gateway: an IP packet has come for this UE.
    Downlink(Imsi, Vec<u8>),
    /// To an MME: the NAS algorithms of this UE are to be these, by a security mode command.
    ChangeNasAlgorithms(Imsi, Algorithms),
    /// To an MME or an SGSN: this UE is to be authenticated anew, with a vector of the HSS; the keys of all layers change.
    Authenticate(Imsi),
    /// To a UE: it attaches where it is. For one that is switched off, or that the network has forgotten; for restricted local operator
    /// services, if that is what it is there for.
    Attach,
    /// To a UE: it detaches, and is off.
    PowerOff,
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
    /// The target has heard the confirm: the target eNB says so.
    Completed,
    /// The UE is back at the source: the source eNB says so, as all that follow.
    Returned,
    /// The preparation was refused.
    Refused,
    /// The source eNB has given it up: no answer came, or the UE was not heard of again.
    Cancelled,
}

/// What an eNB or MME comes to hold besides the KeNBs of its cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldKey {
    /// An eNB: KeNB* that it makes for a target, or gets as one.
    KenbStar(KenbStar),
    /// An eNB: NH that the MME sends it, with its NCC.
    NextHop(Nh, Ncc),
    /// An MME: KASME.
    Kasme(Kasme),
    /// An SGSN, an RNC, an MME that has to do with UTRAN: CK and IK.
    CkIk(CkIk),
}

/// Why something received was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// MAC-I of an RRC message, or shortMAC-I, is wrong.
    MacI,
    /// The MAC of a NAS message is wrong.
    NasMac,
    /// The MAC of a NAS message is right for a NAS COUNT that was used already.
    NasReplay,
    /// A command that cannot be followed.
    Refused,
    /// A user packet whose COUNT was received already.
    Duplicate,
    /// AUTN or RES is wrong.
    Authentication,
    /// Octets that are no message.
    Malformed,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A UE has a KeNB in use; an eNB has made or taken the KeNB of a UE.
    KenbInUse {
        /// The cell.
        cell: Pci,
        /// KeNB.
        kenb: Kenb,
        /// KRRCenc, KRRCint, KUPenc.
        keys: [AlgorithmKey; 3],
        /// C-RNTI in that cell.
        c_rnti: u16,
        /// The AS algorithms.
        algorithms: Algorithms,
        /// NCC that the KeNB goes with; 0 where the contribution rules.
        ncc: Ncc,
    },
    /// An eNB has forgotten a UE and its keys.
    KenbForgotten {
        /// Its cell.
        cell: Pci,
    },
    /// An eNB or MME holds this besides.
    KeyHeld(HeldKey),
    /// A UE or its MME has NAS keys in use: at the start, after a relocation, after a change of algorithms.
    NasInUse {
        /// KNASenc, KNASint.
        keys: [AlgorithmKey; 2],
        /// The NAS algorithms.
        algorithms: Algorithms,
        /// KASME.
        kasme: Kasme,
    },
    /// UE or UPE: the key between them, where user packets are ciphered by a UPE.
    UpKeyInUse {
        /// The key.
        key: AlgorithmKey,
        /// The ciphering algorithm.
        algorithm: AlgorithmId,
    },
    /// A UPE has forgotten a UE and its key.
    UpKeyForgotten,
    /// UE or RNC: CK and IK in use in a cell of UTRAN.
    CkIkInUse {
        /// The cell.
        cell: Pci,
        /// The keys.
        keys: CkIk,
    },
    /// UE or SGSN: Kc of CK and IK is there for GERAN. Nothing is ciphered with it here.
    KcInUse(Kc),
    /// An RNC has forgotten a UE and its keys.
    CkIkForgotten {
        /// Its cell.
        cell: Pci,
    },
    /// UE, MME or SGSN: the security context that it takes into use goes back to such an authentication.
    ContextInUse(Origin),
    /// UE: its USIM has answered this challenge, and has given these CK and IK. HSS: it has sent a vector with this challenge, for which
    /// it had these CK and IK. They are those of Milenage, whatever the access network gets.
    AkaKeys {
        /// The challenge, 16 octets.
        rand: [u8; 16],
        /// CK and IK.
        keys: CkIk,
    },
    /// UE or MME: an authentication with a vector of the HSS has succeeded; its keys are not in use yet.
    Authenticated,
    /// UE: the network has accepted it.
    Attached,
    /// UE: nothing has come of its attach.
    AttachFailed,
    /// MME: it knows from the temporary identity of a UE which node was the last to serve it, and asks that for the context.
    OldNodeFound(Ipv4Addr),
    /// UE: it attaches for restricted local operator services, in this cell.
    AttachBegun(Pci),
    /// UE: how that ended. One for each that has begun, and one where it found no network.
    AttachEnded(AttachOutcome),
    /// UE: the pair that it attaches with; MME: that which it has made for an attach.
    KeyPair {
        /// The private key.
        key: PrivateKey,
        /// Whether it is used for the first time.
        fresh: bool,
    },
    /// MME: KASMEtemp that it has drawn for a UE; UE: that which it has taken. Of two parts, it is the whole that both have then.
    TemporaryKasme(Kasme),
    /// UE or MME: an operation with a public or a private key.
    KeyOperation(KeyOperation),
    /// UE or MME: a message of an attach for restricted local operator services was not taken.
    AttachRefused(RlosRefusal),
    /// MME: how many attaches it has half done now.
    HalfOpen(usize),
    /// UE: a tracking area update is complete.
    TrackingAreaUpdated,
    /// The source eNB has decided on a handover, and has sent nothing yet; or a UE that is idle in UTRAN goes to a cell of E-UTRAN by itself,
    /// and says so, and says it too when it is back. Exactly one [`What::HandoverEnded`] follows, as long as the
    /// core network loses no message of S1 and X2; where it does, source and target may each say an end: the first counts.
    HandoverBegun {
        /// The source cell.
        from: Pci,
        /// The target cell.
        to: Pci,
        /// How.
        scheme: Scheme,
    },
    /// The source eNB has sent the command that leads to this cell, and sends the UE nothing else.
    CommandSent(Pci),
    /// A UE leaves for a cell.
    HandoverStarted(Pci),
    /// A UE has arrived in this cell and confirms.
    Confirmed(Pci),
    /// The gateway sends what comes for a UE to another eNB from now on.
    PathSwitched,
    /// A handover has ended.
    HandoverEnded {
        /// How.
        outcome: Outcome,
        /// The cell of the eNB that says so: where the UE is, as far as anybody knows.
        at: Pci,
    },
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
    /// An IP packet has come out: uplink at the gateway, downlink at the UE.
    PacketOut {
        /// Where it went.
        direction: LinkDirection,
        /// Its octets.
        octets: Vec<u8>,
    },
    /// Something received was dropped.
    Dropped(DropReason),
}
