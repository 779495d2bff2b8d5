//! The state machines of mobile station, base station, Authenticator and AAA server, sans-IO: input and time in, frames and events out.
//!
//! The procedure is that of `dot16-security.md` 7.1 under the handover rules R1 to R19: every candidate is prepared with
//! the AK context, both sides derive TEKs without a message, user data flows before RNG-REQ and RNG-RSP, the count is
//! reported, and every holder is told. [`MobileStation`], [`BaseStation`] (serving and target are roles of one type) and
//! [`Authenticator`] (with the ASN gateway's data path) and [`Aaa`] are [`crate::emulation::Node`]s over [`Command`] and [`Event`].

pub mod aaa;
pub mod air_ports;
pub mod authenticator;
pub mod backbone_side;
pub mod base_station;
pub mod capabilities;
pub mod classifier;
pub mod connection;
pub mod directory;
pub mod event;
pub mod fragmentation;
mod handover_mode;
#[cfg(fuzzing)]
pub mod held;
pub mod key_report;
pub mod mobile_station;
mod named_count;
pub mod radio;
mod sa_tek;
pub mod sdu_queue;
pub mod sequence_window;
pub mod timers;
mod work;

pub use aaa::{Aaa, AaaSettings};
pub use air_ports::AirPorts;
pub use authenticator::{Authenticator, AuthenticatorSettings, Subscriber};
pub use backbone_side::BackboneSide;
pub use base_station::{BaseStation, BaseStationSettings, CidPool, Established};
pub use capabilities::Capabilities;
pub use classifier::{Classifier, Classifiers};
pub use connection::{Connection, Flow};
pub use directory::{Directory, Place};
pub use event::{CidKind, Command, Counts, Event, HandoverMode, NamedKey, Outcome, Reject, What, Work};
pub use mobile_station::{MobileStation, MobileStationSettings, RefreshSettings};
pub use radio::{Association, RadioSettings};
