//! RRC (TS 36.331): the messages between UE and eNB that a handover needs, and the containers between eNBs.
//!
//! * [`dl_dcch`], [`ul_dcch`]: on the signalling bearers; [`reconfiguration`]: the handover command among them.
//! * [`ccch`]: connection set-up and re-establishment, before there is a bearer.
//! * [`utran`]: RRC of UTRAN, and the command that leads there.
//! * [`inter_node`]: what eNBs send each other through the core network.
//!
//! A message reads and writes in unaligned PER, padded to whole octets. Fields that this room does not carry are absent when it
//! writes and refused when it reads; those that have to be there and matter to no key are constant (`asn1.rs`).

mod asn1;
pub mod ccch;
mod codec;
pub mod dl_dcch;
pub mod inter_node;
pub mod reconfiguration;
pub mod ul_dcch;
pub mod utran;
pub mod values;

pub use ccch::{
    DlCcchMessage, EstablishmentCause, InitialUeIdentity, ReestablishmentCause, UlCcchMessage, short_mac_input,
};
pub use dl_dcch::{DlDcchMessage, HandoverToEutra, ReleaseCause};
pub use inter_node::{HandoverCommand, HandoverPreparationInformation, SourceConfiguration};
pub use reconfiguration::{MobilityControlInfo, RrcConnectionReconfiguration, SecurityConfigHo, T304};
pub use ul_dcch::{MeasurementReport, NeighbourMeasurement, UlDcchMessage};
pub use values::SecurityAlgorithms;
