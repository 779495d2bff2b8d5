//! How keys are derived on handover: the same for every node of a network.

use crate::eps::security::HandoverDerivation;

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
}

/// Which scheme a handover takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schemes {
    /// Always this one.
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

    /// The scheme of a handover between eNBs of these groups.
    #[must_use]
    pub fn of(self, source: u32, target: u32) -> Scheme {
        match self {
            Self::Always(scheme) => scheme,
            Self::Grouped if source == target => Scheme::Chained,
            Self::Grouped => Scheme::MmeInvolved,
        }
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
    pub const fn c_rnti(&self, c_rnti: u16) -> crate::eps::security::handover_keys::CRnti {
        use crate::eps::security::handover_keys::CRnti;
        if self.wide_c_rnti { CRnti::Bits32(c_rnti as u32) } else { CRnti::Bits16(c_rnti) }
    }
}
