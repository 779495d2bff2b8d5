//! Keys between a UE and end points in an enterprise (seed 004, "e2m"; `eps-systems.md` 4; TS 33.163 has what became of it).
//!
//! `e2m_int_key = KDF(CK | IK, string)` is made by the HSS, which pushes it to the key server of the operator (EMKS), and by the UE.
//! `e2m_key = KDF(e2m_int_key, EMSE_Id, string)` is made by the EMKS for an end point (EMSE) that asks for it, and by the UE; it is the
//! pre-shared key of a session between the two.
//!
//! * [`settings`]: what the contribution leaves open, and what it offers to choose from. Derivations and identifiers are in
//!   [`e2m_keys`](crate::eps::security::e2m_keys), names in [`e2m`](crate::eps::identifiers::e2m).
//! * [`event`]: what a script tells these nodes, and what they report; around nodes that know nothing of this.
//! * [`store`]: the keys that an EMKS keeps; [`emks`]: the node; [`zn`]: how an EMSE asks it.
//! * [`hss`]: what the HSS does besides.
//! * [`session`]: a session of UE and EMSE; [`emse`], [`ue`]: its two ends.
//!
//! MME, SGSN, eNB, RNC and gateway know nothing of this: nothing in [`node`](crate::eps::node) names it.

pub mod emks;
pub mod emse;
pub mod event;
pub mod hss;
pub mod session;
pub mod settings;
pub mod store;
pub mod ue;
pub mod zn;

pub use emks::{Emks, EmksFaults, EmksSettings, KnownEndPoint};
pub use emse::{Emse, EmseFaults, EmseSettings};
pub use event::{Around, Command, Event, QueryFailure, SessionFailure, User, What};
pub use hss::{EnterpriseHss, PushSettings};
pub use settings::{Collision, EmseIdGiven, Enterprise, IdentityForm};
pub use store::{KeyStore, Removal};
pub use ue::{ApplicationSettings, EnterpriseUe};
pub use zn::{Answered, ZnClient, ZnSettings};
