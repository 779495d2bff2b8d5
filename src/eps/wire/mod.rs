//! Octets of EPS into values and back; no keys, no state, no clock (`eps-systems.md` 1.5 and 5).
//!
//! The core network:
//!
//! | module | holds | source |
//! | --- | --- | --- |
//! | [`s1ap`] | messages between eNB and MME | TS 36.413 |
//! | [`x2ap`] | messages between eNBs | TS 36.423 |
//! | [`gtpv2`] | messages between MMEs | TS 29.274 |
//! | [`gtpu`] | packets in the tunnels of the user plane | TS 29.281 |
//! | [`sctp`] | the packets that carry S1AP and X2AP | RFC 9260 |
//! | [`core_frame`] | Ethernet, IPv4 and UDP around all of them | RFC 791, RFC 768 |
//! | [`ue_context`] | what several of them say of a UE | |
//! | [`core_error`] | their error | |

pub mod core_error;
pub mod core_frame;
pub mod gtpu;
pub mod gtpv2;
pub mod s1ap;
pub mod sctp;
pub mod ue_context;
pub mod x2ap;

pub use core_error::CoreError;
pub use core_frame::{CoreFrame, CorePayload, UdpDatagram};
pub use gtpu::GtpuPacket;
pub use gtpv2::{Gtpv2Body, Gtpv2Message};
pub use s1ap::S1apMessage;
pub use sctp::{DataChunk, SctpPacket};
pub use ue_context::{BearerCounts, Erab, TunnelEndpoint, UeSecurityCapabilities};
pub use x2ap::X2apMessage;

#[cfg(test)]
use crate::eps;
#[cfg(test)]
#[allow(dead_code)]
#[path = "../../../tests/support/eps_core_samples.rs"]
mod samples;
