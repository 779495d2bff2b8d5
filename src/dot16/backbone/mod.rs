//! The backbone: ASN control messages between base stations and the Authenticator, the GRE data path, and RADIUS.
//!
//! | file | holds | source |
//! | --- | --- | --- |
//! | [`control_message`] | header and kinds of message | `dot16-wire.md` 5.1, 5.2 |
//! | [`asn_tlv`] | the TLVs as typed values, and how to find one in a list | `dot16-wire.md` 5.3 |
//! | [`tlv_value`] | what may stand in one TLV: numbers, node identifiers | `dot16-wire.md` 5.3 |
//! | `tlv_list` | lists of TLVs into octets and back | `dot16-wire.md` 5.1 |
//! | [`asn_code`] | the numbers that stand for words in those values | `dot16-wire.md` 5.3 |
//! | [`private_tlv`] | what the dictionary lacks: vendor TLVs of this crate | PROTOCOL R8, R17 |
//! | [`gre`] | GRE header and packet | RFC 2784, RFC 2890 |
//! | [`radius`] | RADIUS packets between Authenticator and AAA server | RFC 2865, RFC 3579 |
//! | [`radius_attribute`] | their attributes | RFC 2865, RFC 3579, RFC 2548 |
//! | [`transport`] | Ethernet, IPv4 and UDP around all of them | RFC 791, RFC 768 |
//!
//! Values only: no keys are computed, nothing is remembered, no clock is read. Parsing and serialising are inverse:
//! what was parsed serialises, and parses again to an equal value. Octets from outside never cause a panic.
//!
//! Whatever its octets claim, parsing takes at most 64 octets of memory at the same time for each octet of input, and
//! 4096 beside those, the value it answers included (`tests/properties`).

pub mod asn_code;
pub mod asn_tlv;
pub mod control_message;
pub mod error;
pub mod gre;
pub mod private_tlv;
pub mod radius;
pub mod radius_attribute;
mod tlv_list;
pub mod tlv_value;
pub mod transport;

pub use asn_tlv::{AsnTlv, Compound, TlvLookup};
pub use control_message::{ControlMessage, MessageKind};
pub use error::BackboneError;
pub use gre::{GreHeader, GrePacket};
pub use radius::{RadiusCode, RadiusDatagram, RadiusPacket};
pub use radius_attribute::RadiusAttribute;
pub use tlv_value::NodeIdentifier;
pub use transport::{BackboneEndpoint, BackbonePacket, Decapsulated, decapsulate, encapsulate};
