//! What an input has cost a node, for the tables of denial of service (`dot16-security.md` 9, attacks 2 and 4).

use crate::dot16::security::base_station_keys::KeyWork;

/// Work of one kind or several that a node has just done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// TEKs derived from a count.
    pub tek_derivations: u32,
    /// User data PDUs decrypted to see whether their ICV fits, once for each TEK that was tried.
    pub icv_trials: u32,
    /// CMAC tuples verified.
    pub cmac_checks: u32,
    /// Context_Req sent, repetitions not counted.
    pub context_requests: u32,
    /// Context_Req answered, repetitions not counted.
    pub context_reports: u32,
}

impl Work {
    /// A CMAC tuple was verified.
    pub const CMAC_CHECK: Self = Self { cmac_checks: 1, ..Self::NONE };
    /// A Context_Req went out.
    pub const CONTEXT_REQUEST: Self = Self { context_requests: 1, ..Self::NONE };
    /// A Context_Req was answered.
    pub const CONTEXT_REPORT: Self = Self { context_reports: 1, ..Self::NONE };
    /// Nothing.
    pub const NONE: Self =
        Self { tek_derivations: 0, icv_trials: 0, cmac_checks: 0, context_requests: 0, context_reports: 0 };
}

impl From<KeyWork> for Work {
    fn from(work: KeyWork) -> Self {
        Self { tek_derivations: work.tek_derivations, icv_trials: work.icv_trials, ..Self::NONE }
    }
}
