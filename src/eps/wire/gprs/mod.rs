//! GPRS over GERAN: what goes between UE, base station system (BSS) and SGSN (TS 44.064, TS 48.018, TS 44.065).
//!
//! * [`llc`]: frames between UE and SGSN, which the BSS passes unopened.
//! * [`gb`]: what carries them between BSS and SGSN.
//! * [`air`]: what carries them between UE and BSS.
//!
//! The SGSN would cipher LLC frames with GEA under Kc. Here no GEA is computed: Kc is made and goes unused, and user packets and
//! signalling are in the clear on the air and on Gb \[choice\].

pub mod air;
pub mod gb;
pub mod llc;

pub use air::GeranFrame;
pub use gb::{GbMessage, GeranCellIdentity};
pub use llc::{LlcContents, LlcFrame};
