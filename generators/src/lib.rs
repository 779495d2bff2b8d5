//! Random values of every format of keyhop, as proptest strategies: one set for tests, fuzz targets and benchmarks.
//!
//! | module | values |
//! | --- | --- |
//! | [`mac_pdu`] | generic MAC header, subheaders, packed and encrypted bodies, PDUs, bursts |
//! | [`management`] | any management message; its families are in the next five |
//! | [`ranging`] | RNG-REQ, RNG-RSP |
//! | [`mobility`] | MOB_NBR-ADV, MOB_MSHO-REQ, MOB_BSHO-RSP, MOB_HO-IND |
//! | [`registration`] | SBC-REQ, SBC-RSP, REG-REQ, REG-RSP, SA-TEK-Update, DREG-CMD, DREG-REQ |
//! | [`pkm`], [`eap`] | PKM-REQ, PKM-RSP and their attributes; EAP packets, EAP-TLS data |
//! | [`tlv`] | a TLV of no known type, CMAC tuple, vendor TLV, identifiers |
//! | [`asn_control`], [`gre`], [`radius`], [`transport`] | the backbone |
//! | [`capture`], [`key_log`] | captures with frames, comments on frames; key logs |
//! | [`eps_key_log`] | their EPS records |
//! | [`foreign`] | bursts in the framings of others |
//!
//! # Values without a test runner
//!
//! [`sample`] gives the value of a seed, [`sample_from_octets`] the value that a fuzzer's octets stand for, [`recorded`]
//! the value of a seed together with such octets (for the seeds of a corpus). See [`sampling`] for what a fuzzer can
//! rely on, and for the rules that a strategy in this crate keeps so that it can.

pub mod asn_control;
pub mod capture;
pub mod choice;
pub mod eap;
pub mod eps_key_log;
pub mod foreign;
pub mod gre;
pub mod key_log;
pub mod list;
pub mod mac_pdu;
pub mod management;
pub mod mobility;
pub mod octets;
pub mod pkm;
pub mod radius;
pub mod ranging;
pub mod registration;
pub mod sampling;
pub mod tlv;
pub mod transport;

pub use sampling::{recorded, sample, sample_from_octets};
