//! Octets of EPS into values and back; no keys, no state, no clock (`eps-systems.md` 1.5 and 5).
//!
//! Reading never panics, whatever the octets, and says in a [`WireError`] what it expected where. What was read writes back to the
//! same octets.
//!
//! The radio, from the inside out:
//! * [`nas`]: messages between UE and MME (TS 24.301), [`handover_parameters`]: INDICATION and PARA of the contribution.
//! * [`rrc`]: messages between UE and eNB, and the containers between eNBs (TS 36.331).
//! * [`pdcp`], [`rlc`], [`mac_pdu`]: what is around them on the air (TS 36.323, 36.322, 36.321).
//! * [`radio_frame`]: the record of a capture that holds a MAC PDU, [`dct2000`]: the one that gives Wireshark the RRC keys.
//! * [`pdcp_udp`]: PDCP in UDP, the other way to show it.

pub mod dct2000;
pub mod handover_parameters;
pub mod mac_pdu;
pub mod nas;
pub mod pdcp;
pub mod pdcp_udp;
pub mod radio_frame;
pub mod rlc;
pub mod rrc;

#[cfg(test)]
mod damage;

pub use crate::dot16::wire::WireError;
pub use handover_parameters::{HandoverParameters, Indication};
pub use radio_frame::UeId;
