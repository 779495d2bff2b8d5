//! The state machines of EPS, sans-IO: UE, eNB, UPE, MME, HSS and gateway, from the measurement report to the handover confirm
//! (`eps-systems.md` 1.1).
//!
//! * [`settings`]: how keys are derived on handover, and what cells there are.
//! * [`event`]: what a script tells a node, and what a node reports.
//! * [`parlos`]: attach for restricted local operator services.
//! * [`radio_side`], [`utran_side`], [`geran_side`], [`core_side`]: a node's side of the air, of that of UTRAN and of GERAN, and of the
//!   core network; `gtp_requests`: requests of GTP-C are sent again, and answered again.
//! * [`ue`], [`enb`], [`upe`], [`mme`], [`hss`], [`gateway`]: the nodes; [`rnc`], [`bss`], [`sgsn`]: those of UTRAN and GERAN.

pub mod bss;
pub mod core_side;
pub mod enb;
pub mod event;
pub mod gateway;
pub mod geran_side;
mod gtp_requests;
pub mod hss;
pub mod mme;
pub mod parlos;
pub mod radio_side;
pub mod rnc;
pub mod settings;
pub mod sgsn;
pub mod ue;
pub mod upe;
pub mod utran_side;

pub use bss::{Bss, BssSettings};
pub use enb::{ConnectedUe, Enb, EnbFaults, EnbSettings};
pub use event::{Command, DropReason, Event, HeldKey, Outcome, What};
pub use gateway::{Gateway, GatewayUe, Outside};
pub use hss::{Hss, HssSubscriber};
pub use mme::{AttachedUe, Mme, MmeFaults, MmeSettings, MmeUserPlane};
pub use parlos::{
    AttachOutcome, Credential, KeyOperation, NetworkProof, Parlos, RlosMme, RlosMmeFaults, RlosRefusal, RlosUe,
    RlosUeFaults,
};
pub use rnc::{Rnc, RncSettings, RncUe};
pub use settings::{
    Agreement, Arrival, Cell, ContextTransfer, GeranCell, GtpTimers, Mapping, Relocation, Scheme, Schemes, Subscribers,
    UpKeys, UtranCell,
};
pub use sgsn::{Sgsn, SgsnFaults, SgsnSettings, SgsnUe};
pub use ue::{GeranConnection, HeardCell, HeardUtranCell, Ue, UeFaults, UeSettings, UtranConnection};
pub use upe::{Upe, UpeFaults, UpeSettings, UpeUe};
