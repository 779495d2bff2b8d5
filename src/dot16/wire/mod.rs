//! The air interface on the wire: octets into values and back. No keys, no state, no clock.
//!
//! Reading never panics, whatever the octets, and says in a [`WireError`] what it expected where. What was read writes back
//! to the same octets (only lengths of TLVs get their shortest form): unknown messages, unknown TLVs and reserved bits are
//! kept. Where a public field is narrower on the wire than its type, writing refuses a value that does not fit; the few
//! serialisers that cannot fail say which bits they write.
//!
//! Whatever its octets claim, reading takes at most 128 octets of memory at the same time for each octet of input, and 4096
//! beside those, the value it answers included (`tests/properties`). Most of it is the room of a TLV in a list, of which
//! an empty one has only two octets on the wire.
//!
//! From the outside in: a burst of PDUs is [`MacPdu::burst`]; a PDU on a management CID holds a [`ManagementMessage`], an
//! encrypted one an [`EncryptedBody`]. The layouts are those of `dot16-wire.md` 1.5, 2 and 3; this crate's private numbers
//! are in [`vendor`].

pub mod cdma_code;
pub mod checksum;
pub mod cmac_tuple;
pub mod dreg;
pub mod eap_packet;
pub mod eap_tls_data;
pub mod error;
pub mod generic_mac_header;
pub mod ho_process_optimization;
pub mod mac_pdu;
pub mod management;
pub mod mob_bsho_rsp;
pub mod mob_ho_ind;
pub mod mob_msho_req;
pub mod mob_nbr_adv;
pub(crate) mod parsing;
pub mod pkm;
pub mod pkm_attributes;
pub mod reg_encodings;
pub mod reg_req;
pub mod reg_rsp;
pub mod rng_req;
pub mod rng_rsp;
pub mod sa_tek_update;
pub mod sbc;
pub(crate) mod serialising;
pub mod subheader;
pub mod tlv;
mod typed_tlv;
pub mod vendor;

#[cfg(test)]
mod tests;

pub use checksum::{CrcForm, hcs};
pub use cmac_tuple::CmacTuple;
pub use dreg::{DregMessage, DregTlv};
pub use eap_packet::{EapExchange, EapPacket};
pub use eap_tls_data::EapTlsData;
pub use error::WireError;
pub use generic_mac_header::{GenericMacHeader, PduType};
pub use ho_process_optimization::{HoProcessOptimization, HoSecurity};
pub use mac_pdu::{EncryptedBody, MacPdu};
pub use management::{ManagementMessage, message_direction, message_name, protected_part};
pub use mob_bsho_rsp::{BshoDecision, MobBshoRsp, MobBshoRspTlv, RecommendedBs};
pub use mob_ho_ind::{HoIndication, MobHoInd, MobHoIndTlv, RangingParameters};
pub use mob_msho_req::{CurrentBs, Measurements, MobMshoReq, MobMshoReqTlv, NewBs, ReportMetric};
pub use mob_nbr_adv::{MobNbrAdv, Neighbour, PhyProfileId, SkipOptionalFields};
pub use pkm::{PkmAttribute, PkmCode, PkmMessage};
pub use pkm_attributes::{CmacDigest, PkmErrorCode, SaDescriptor, SecurityNegotiation, SecurityNegotiationItem};
pub use reg_encodings::{RegRspEncodings, RegTlv};
pub use reg_req::RegReq;
pub use reg_rsp::RegRsp;
pub use rng_req::{RngReq, RngReqTlv};
pub use rng_rsp::{RangingStatus, RngRsp, RngRspTlv, SaChallengeTuple};
pub use sa_tek_update::{SaTekUpdate, TekParameters};
pub use sbc::{SbcMessage, SbcTlv};
pub use subheader::{FragmentControl, FragmentationSubheader, PackingSubheader};
pub use tlv::Tlv;
pub use vendor::{Candidate, CandidateFlow, VendorItem, VendorTlv};
