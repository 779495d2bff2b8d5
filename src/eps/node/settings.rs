//! How keys are derived on handover, and what there is in the network: the same for every node of it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::eps::identifiers::{Ecgi, GlobalEnbId, Imsi, MmeUeS1apId, Pci, Plmn, Tai};
use crate::eps::parameters::TargetIdentity;
use crate::eps::security::HandoverDerivation;
use crate::eps::security::handover_keys::CRnti;
use crate::eps::security::parties::CellInput;
use crate::eps::wire::gprs::GeranCellIdentity;
use crate::eps::wire::ranap::RncIdentity;

/// Who makes the key of the target, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// The contribution without the MME: the source eNB, of its KeNB, over X2.
    Chained,
    /// The contribution with the MME: of KASME and PARA, over S1.
    MmeInvolved,
    /// The standard over X2: the source eNB, of NH if it has a fresh one, else of its KeNB.
    NextHopX2,
    /// The standard over S1: the target eNB, of an NH that the MME sends it.
    NextHopS1,
    /// Between UTRAN and E-UTRAN: SGSN and MME make new keys of those that they hand over.
    InterSystem,
    /// The UE is released, or idle in UTRAN, and comes by itself to the target, whose MME asks the old node for its security context.
    ContextRequest,
    /// The UE is released and comes back at the target, whose MME authenticates it anew.
    Authentication,
}

impl Scheme {
    /// Whether the handover is prepared over X2, and the MME hears of it when it is done.
    #[must_use]
    pub const fn over_x2(self) -> bool {
        matches!(self, Self::Chained | Self::NextHopX2)
    }

    /// Whether it is one of the standard's.
    #[must_use]
    pub const fn is_standard(self) -> bool {
        matches!(self, Self::NextHopX2 | Self::NextHopS1)
    }

    /// What stands for it where the MME has to be asked.
    #[must_use]
    pub const fn over_s1(self) -> Self {
        if self.is_standard() { Self::NextHopS1 } else { Self::MmeInvolved }
    }
}

/// How a UE gets to a cell of another MME or of another system (seed 001).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrival {
    /// By a handover that takes its security context along.
    #[default]
    Handover,
    /// Released at the source, or idle in UTRAN. At the target its temporary identity names the old node, which is asked for the context.
    ContextRequest,
    /// Released at the source, and authenticated at the target with a vector of the HSS.
    Authentication,
}

/// What is done for the downlink in a handover between UPEs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relocation {
    /// Nothing: what comes to the source is lost from when the UE has gone.
    #[default]
    Nothing,
    /// From the preparation on the source UPE sends every packet to its eNB and to the target UPE.
    BiCasting,
    /// From the preparation on the source UPE sends packets to the target UPE only.
    Forwarding,
    /// Bi-casting until the UE has come to the target, forwarding from then on.
    Both,
}

/// What becomes of the key between UE and UPE in a handover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpKeys {
    /// It stays, and COUNT goes on.
    #[default]
    Same,
    /// The MME makes another, and tells UE and UPE; COUNT goes on.
    Update,
}

/// What keys of E-UTRAN are made of when a UE comes from UTRAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// The seed: of CK, IK and the identity of the target; with a fresh number, or without.
    TargetId {
        /// Whether a fresh number goes in too.
        fresh: bool,
    },
    /// The standard: of CK, IK and a nonce of the MME.
    Nonce,
}

/// How security contexts get from node to node (seed 001).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextTransfer {
    /// Whether user packets are ciphered by UPEs, and pass eNBs unopened; else eNBs cipher them.
    pub upe: bool,
    /// How a UE gets to another MME.
    pub arrival: Arrival,
    /// What is done for the downlink.
    pub relocation: Relocation,
    /// What becomes of the key between UE and UPE.
    pub up_keys: UpKeys,
    /// What keys are made of when a UE comes from UTRAN.
    pub mapping: Mapping,
    /// Whether MMEs tell each other what a context goes back to. The standard has no place for it \[choice\]; without it a context that comes
    /// from another MME counts as one of E-UTRAN.
    pub carries_origin: bool,
}

impl Default for ContextTransfer {
    fn default() -> Self {
        Self {
            upe: false,
            arrival: Arrival::default(),
            relocation: Relocation::default(),
            up_keys: UpKeys::default(),
            mapping: Mapping::TargetId { fresh: true },
            carries_origin: false,
        }
    }
}

/// Which scheme a handover takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schemes {
    /// This one between all cells of an MME.
    Always(Scheme),
    /// Chained within a group of eNBs, MME-involved between groups, which have no X2.
    Grouped,
}

impl Schemes {
    /// Whether it is the standard's network; a network is of one kind or the other.
    #[must_use]
    pub const fn is_standard(self) -> bool {
        matches!(self, Self::Always(scheme) if scheme.is_standard())
    }

    /// The scheme of a handover between these cells: over S1 if they have different MMEs.
    #[must_use]
    pub fn of(self, source: &Cell, target: &Cell) -> Scheme {
        let scheme = match self {
            Self::Always(scheme) => scheme,
            Self::Grouped if source.group == target.group => Scheme::Chained,
            Self::Grouped => Scheme::MmeInvolved,
        };
        if source.mme == target.mme { scheme } else { scheme.over_s1() }
    }
}

/// How requests of GTP-C are sent again (TS 29.274 clause 7.6, TS 29.060 clause 14). \[choice\] A node has but the links to cross, and a
/// source eNB waits a second for all that its MME asks of others, so that a request goes out three times within that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GtpTimers {
    /// T3-RESPONSE: how long an answer is waited for before the request is sent again.
    pub t3_response: Duration,
    /// N3-REQUESTS: how often a request is sent in all; once at least.
    pub n3_requests: u8,
}

impl Default for GtpTimers {
    fn default() -> Self {
        Self { t3_response: Duration::from_millis(250), n3_requests: 3 }
    }
}

/// A cell with the eNB that has it. Every node of the network knows its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its identity on the air.
    pub pci: Pci,
    /// Its identity in the network.
    pub ecgi: Ecgi,
    /// Downlink carrier.
    pub earfcn_dl: u32,
    /// The eNB.
    pub enb: GlobalEnbId,
    /// Where that is in the core network.
    pub address: Ipv4Addr,
    /// Its security group.
    pub group: u32,
    /// The tracking area.
    pub tai: Tai,
    /// Its MME.
    pub mme: Ipv4Addr,
    /// The UPE that serves it, where there are UPEs.
    pub upe: Option<Ipv4Addr>,
}

impl Cell {
    /// The cell as it goes into the standard's derivation.
    #[must_use]
    pub const fn input(&self) -> CellInput {
        CellInput { pci: self.pci.get(), earfcn_dl: self.earfcn_dl }
    }
}

/// A cell of UTRAN with the RNC that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtranCell {
    /// Its identity on the air. Cells of both systems are numbered together, so that a number names one cell of a network \[choice\].
    pub cell: Pci,
    /// The network.
    pub plmn: Plmn,
    /// Its identity in the network, 28 bits: RNC (12 bits), cell (16 bits) (TS 25.331 clause 10.3.2.2).
    pub id: u32,
    /// Where its RNC is.
    pub rnc: Ipv4Addr,
    /// Its SGSN.
    pub sgsn: Ipv4Addr,
    /// Location area code.
    pub lac: u16,
    /// Routing area code.
    pub rac: u8,
}

impl UtranCell {
    /// Its RNC in the network, 12 bits.
    #[must_use]
    pub const fn rnc_number(&self) -> u16 {
        (self.id >> 16) as u16 & 0x0fff
    }

    /// Its RNC as a target.
    #[must_use]
    pub const fn rnc_identity(&self) -> RncIdentity {
        RncIdentity { plmn: self.plmn, lac: self.lac, rac: self.rac, rnc: self.rnc_number() }
    }

    /// The cell as it goes into keys between systems.
    #[must_use]
    pub const fn target(&self) -> TargetIdentity {
        TargetIdentity::UtranCell(self.plmn, self.id)
    }
}

/// A cell of GERAN with the BSS that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeranCell {
    /// Its identity on the air: cells of all systems are numbered together \[choice\].
    pub cell: Pci,
    /// Its identity in the network.
    pub identity: GeranCellIdentity,
    /// Where its BSS is.
    pub bss: Ipv4Addr,
    /// Its SGSN.
    pub sgsn: Ipv4Addr,
}

/// What the nodes of a network agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Which scheme.
    pub schemes: Schemes,
    /// With what functions.
    pub derivation: HandoverDerivation,
    /// Octets of PARA.
    pub para_octets: usize,
    /// Whether C-RNTI goes into keys with 4 octets, as the contribution has it, and not with the 2 that it has.
    pub wide_c_rnti: bool,
    /// How security contexts get from node to node.
    pub transfer: ContextTransfer,
}

impl Agreement {
    /// Whether each handover has another key between UE and UPE. Where PARA travels in the handover command, which is by the contribution
    /// of seed 000, there is no room for its number \[choice\].
    #[must_use]
    pub fn updates_up_keys(&self) -> bool {
        self.transfer.up_keys == UpKeys::Update && self.schemes.is_standard()
    }

    /// C-RNTI as it goes into keys.
    #[must_use]
    pub const fn c_rnti(&self, c_rnti: u16) -> CRnti {
        if self.wide_c_rnti { CRnti::Bits32(c_rnti as u32) } else { CRnti::Bits16(c_rnti) }
    }
}

/// Which KASME a UE has that is connected from before the run, or has attached: the NAS key set identifier, 3 bits.
pub const KEY_SET: u8 = 1;

/// Who the UEs are that S1 has numbers for. An MME takes the number of a UE from here, so that it is the same at every MME \[choice\];
/// an eNB, which is not told who a UE is, reads it for its reports only.
pub type Subscribers = Arc<BTreeMap<MmeUeS1apId, Imsi>>;
