//! The state machines of EPS, sans-IO: UE, eNB and MME, from the measurement report to the handover confirm
//! (`eps-systems.md` 1.1).
//!
//! * [`settings`]: how keys are derived on handover, and by whom.
//! * [`event`]: what a script tells a node, and what a node reports.
//! * [`radio_side`], [`core_side`]: a node's side of the air and of the core network.
//! * [`ue`], [`enb`], [`mme`]: the nodes.

pub mod core_side;
pub mod enb;
pub mod event;
pub mod mme;
pub mod radio_side;
pub mod settings;
pub mod ue;

pub use enb::{Cell, Enb, EnbSettings};
pub use event::{Command, Event, Outcome, What};
pub use mme::{Mme, MmeSettings};
pub use settings::{Scheme, Schemes};
pub use ue::{Ue, UeSettings};
