//! How keys are derived on handover, and what there is in the network: the same for every node of it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::eps::identifiers::{Ecgi, GlobalEnbId, Imsi, MmeUeS1apId, Pci, Tai};
use crate::eps::security::HandoverDerivation;
use crate::eps::security::handover_keys::CRnti;
use crate::eps::security::parties::CellInput;

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
}

impl Cell {
    /// The cell as it goes into the standard's derivation.
    #[must_use]
    pub const fn input(&self) -> CellInput {
        CellInput { pci: self.pci.get(), earfcn_dl: self.earfcn_dl }
    }
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
}

impl Agreement {
    /// C-RNTI as it goes into keys.
    #[must_use]
    pub const fn c_rnti(&self, c_rnti: u16) -> CRnti {
        if self.wide_c_rnti { CRnti::Bits32(c_rnti as u32) } else { CRnti::Bits16(c_rnti) }
    }
}

/// Who the UEs are that S1 has numbers for. An MME takes the number of a UE from here, so that it is the same at every MME \[choice\];
/// an eNB, which is not told who a UE is, reads it for its reports only.
pub type Subscribers = Arc<BTreeMap<MmeUeS1apId, Imsi>>;
