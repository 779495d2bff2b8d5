//! IEEE 802.16 (Mobile WiMAX, AeroMACS): the wire, the backbone, the security sublayer and the nodes.

pub mod backbone;
pub mod identifiers;
pub mod security;
pub mod wire;
