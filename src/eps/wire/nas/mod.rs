//! NAS of EPS: the messages between UE and MME that a handover and what comes before it need (TS 24.301 clauses 8.2 and 9).
//!
//! * [`protection`]: what stands around a message: security header, MAC, sequence number.
//! * [`emm`]: the messages of mobility management.
//! * [`element`]: what key transport adds to them.
//! * [`identity`], [`capability`]: the identities and algorithms in them; [`esm`]: the smallest session messages that attach needs.

pub mod capability;
pub mod element;
pub mod emm;
mod emm_octets;
mod emm_parsing;
pub mod esm;
pub mod identity;
pub mod protection;

#[cfg(test)]
mod tests;

pub use capability::{AlgorithmSet, NasAlgorithms, UeCapability};
pub use element::{CarriedKey, FurtherElement};
pub use emm::{
    CONTAINER_TYPE, DetachType, EmmCause, EmmMessage, GenericContainer, Nonces, UP_KEY_CONTAINER_TYPE, UpdateFromUtran,
};
pub use identity::{EpsMobileIdentity, NasKsi};
pub use protection::{NasMessage, ProtectedNas, SecurityHeader};
