//! What UE, HSS, EMKS and EMSEs have agreed on: what seed 004 leaves open, or offers to choose from.

use std::time::Duration;

use crate::eps::security::e2m_keys::E2mDerivation;

/// By what a user is known at EMSE and EMKS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityForm {
    /// By its IMSI everywhere.
    Imsi,
    /// The UE gives an application identity, which the EMSE makes the IMSI of (alternative 1).
    AtEmse,
    /// The UE gives an application identity, which the EMKS makes the IMSI of (alternative 2, preferred).
    #[default]
    AtEmks,
}

/// What an EMKS does when several keys of a user have the identifier that it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collision {
    /// It gives them all, the newest first; an EMSE takes the first under which the Finished of the UE opens.
    #[default]
    NewestFirst,
    /// It gives none.
    Reject,
}

/// When an EMSE says its EMSE_Id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EmseIdGiven {
    /// With every request.
    #[default]
    EveryRequest,
    /// Once, when it registers.
    Once,
}

/// What these nodes have agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    /// How keys are derived, and what identifies them.
    pub derivation: E2mDerivation,
    /// By what a user is known.
    pub identity: IdentityForm,
    /// When an EMSE says who it is.
    pub emse_id: EmseIdGiven,
    /// What an EMKS does with several keys of one identifier.
    pub collision: Collision,
    /// How many keys of a UE an EMKS keeps, at least 1: the newest and those before it.
    pub depth: usize,
    /// How long an EMKS keeps a key that is not the newest of its UE; none: as long as there is room.
    pub age: Option<Duration>,
    /// Whether an end point tells the EMKS that a session has come about, and the EMKS keeps the last key of a UE of which it was told so,
    /// besides those of `depth`: keys that are pushed and never come into use do not put it out \[choice\].
    pub keeps_confirmed: bool,
    /// Whether vectors for UTRAN and GERAN carry CK' and IK'. Without it, which is the naive variant, they carry the CK and IK that
    /// e2m_int_key is made of.
    pub separates_keys: bool,
}

impl Default for Enterprise {
    fn default() -> Self {
        Self {
            derivation: E2mDerivation::default(),
            identity: IdentityForm::default(),
            emse_id: EmseIdGiven::default(),
            collision: Collision::default(),
            depth: 4,
            age: None,
            keeps_confirmed: false,
            separates_keys: true,
        }
    }
}
