//! Octets of EPS into values and back; no keys, no state, no clock (`eps-systems.md` 1.5 and 5).
//!
//! Reading never panics, whatever the octets, and says in a [`WireError`] what it expected where. What was read writes back to the
//! same octets.
//!
//! The core network:
//!
//! | module | holds | source |
//! | --- | --- | --- |
//! | [`s1ap`] | messages between eNB and MME | TS 36.413 |
//! | [`x2ap`] | messages between eNBs | TS 36.423 |
//! | [`gtpv2`] | messages between MMEs | TS 29.274 |
//! | [`diameter`] | messages between MME and HSS | RFC 6733, TS 29.272 |
//! | [`ranap`] | messages between RNC and SGSN | TS 25.413, TS 25.468 |
//! | [`gtpv1`] | messages between SGSN and MME, and of an SGSN to the gateway | TS 29.060 |
//! | [`gprs`] | frames between UE and SGSN over GERAN, and what carries them | TS 44.064, TS 48.018 |
//! | [`gtpu`] | packets in the tunnels of the user plane | TS 29.281 |
//! | [`sctp`] | the packets that carry S1AP, X2AP and Diameter | RFC 9260 |
//! | [`esp`] | what protects any of them on its link | RFC 4303, RFC 4106 |
//! | [`dtls`] | what a UE and an application outside say to one another | RFC 6347, RFC 4279 |
//! | [`session_identity`] | what a UE calls itself and its key there | seed 004 |
//! | [`core_frame`] | Ethernet, IPv4 and UDP around all of them | RFC 791, RFC 768 |
//! | [`user_packet`] | packets of UEs, outside of the tunnels | RFC 791, RFC 768 |
//! | [`ue_context`] | what several of them say of a UE | |
//! | `core_error` | how their errors are made | |
//! | `message_enum`, `gtp_value` | what S1AP, X2AP and RANAP, and both versions of GTP-C have in common | |
//!
//! The radio, from the inside out:
//! * [`gmm`]: messages between UE and SGSN (TS 24.008). [`nas`]: messages between UE and MME (TS 24.301), [`handover_parameters`]: INDICATION and PARA of the contribution.
//! * [`rrc`]: messages between UE and eNB, and the containers between eNBs (TS 36.331); those of UTRAN (TS 25.331).
//! * [`inter_system`]: what a UE is told of the keys when it changes between the systems. [`utran_frame`]: what is on the air of UTRAN.
//! * [`pdcp`], [`rlc`], [`mac_pdu`]: what is around them on the air (TS 36.323, 36.322, 36.321).
//! * [`radio_frame`]: the record of a capture that holds a MAC PDU, [`dct2000`]: the one that gives Wireshark the RRC keys.
//! * [`pdcp_udp`]: PDCP in UDP, the other way to show it.

mod core_error;
pub mod core_frame;
pub mod dct2000;
pub mod diameter;
pub mod dtls;
pub mod esp;
pub mod gmm;
pub mod gprs;
mod gtp_value;
pub mod gtpu;
pub mod gtpv1;
pub mod gtpv2;
pub mod handover_parameters;
pub mod inter_system;
pub mod mac_pdu;
mod message_enum;
pub mod nas;
pub mod pdcp;
pub mod pdcp_udp;
pub mod radio_frame;
pub mod ranap;
pub mod rlc;
pub mod rrc;
pub mod s1ap;
pub mod sctp;
pub mod session_identity;
pub mod ue_context;
pub mod user_packet;
pub mod utran_frame;
pub mod x2ap;

pub use crate::dot16::wire::WireError;
pub use core_frame::{CoreFrame, CorePayload, UdpDatagram};
pub use diameter::{DiameterBody, DiameterMessage};
pub use esp::EspPacket;
pub use gmm::GmmMessage;
pub use gprs::{GbMessage, GeranFrame};
pub use gtpu::GtpuPacket;
pub use gtpv1::{Gtpv1Body, Gtpv1Message};
pub use gtpv2::{Gtpv2Body, Gtpv2Message};
pub use radio_frame::UeId;
pub use ranap::{IuMessage, RanapMessage};
pub use s1ap::S1apMessage;
pub use sctp::{DataChunk, SctpPacket};
pub use ue_context::{BearerCounts, Erab, TunnelEndpoint, UeSecurityCapabilities};
pub use utran_frame::{UtranContents, UtranFrame};
pub use x2ap::X2apMessage;

#[cfg(test)]
mod damage;
#[cfg(test)]
use crate::eps;
#[cfg(test)]
#[allow(dead_code)]
#[path = "../../../tests/support/eps_core_samples.rs"]
mod samples;
