//! EPS (LTE and its core network): what becomes of the keys when a UE changes its eNB.

pub mod enterprise;
pub mod identifiers;
pub mod keys;
pub mod link_protection;
pub mod node;
pub mod parameters;
pub mod security;
pub mod session_protection;
pub mod wire;
