//! RNG-REQ, type 4 (802.16-2009 clauses 6.3.2.3.5 and 11.5; `dot16-wire.md` 3.2).

use cookie_factory::bytes::be_u8 as write_be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::number::complete::be_u8;
use smallvec::SmallVec;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::parsing::{expect, finish, message_type};
use super::serialising::serialised;
use super::typed_tlv::{first, short_list, trailing_cmac_tuple, typed_tlvs};
use crate::dot16::identifiers::{Bsid, CmacKeyCount, MsMac};

typed_tlvs! {
    /// A TLV of RNG-REQ. For a handover the order 2, 5, 6, 7, 13, 148, 141 lets Wireshark decode the most.
    pub enum RngReqTlv {
        /// Requested downlink burst profile, 1 octet: DIUC in the high 4 bits, change count in the low ones.
        RequestedDownlinkBurstProfile(u8) = 1,
        /// SS MAC address, 6 octets.
        SsMacAddress(MsMac) = 2,
        /// Ranging anomalies, 1 octet: bit 0 timing, 1 minimum power, 2 maximum power.
        RangingAnomalies(u8) = 3,
        /// AAS broadcast capability, 1 octet.
        AasBroadcastCapability(u8) = 4,
        /// Serving BSID, 6 octets: the BS that is being left.
        ServingBsid(Bsid) = 5,
        /// Ranging purpose indication, 1 octet: bit 0 handover or re-entry, 1 location update, 2 seamless handover.
        RangingPurpose(u8) = 6,
        /// HO_ID from MOB_BSHO-RSP, 1 octet.
        HoId(u8) = 7,
        /// Power down indicator, 1 octet.
        PowerDownIndicator(u8) = 8,
        /// Paging controller ID, 6 octets.
        PagingControllerId([u8; 6]) = 9,
        /// MAC hash skip threshold, 2 octets.
        MacHashSkipThreshold(u16) = 10,
        /// Requested downlink repetition coding, 1 octet.
        RequestedDownlinkRepetitionCoding(u8) = 12,
        /// CMAC_KEY_COUNT, 2 octets.
        CmacKeyCount(CmacKeyCount) = 13,
        /// CMAC tuple, the last TLV.
        CmacTuple(CmacTuple) = 141,
        /// MAC version, 1 octet: 5 is 802.16e-2005.
        MacVersion(u8) = 148,
    }
}

/// RNG-REQ: `04 | reserved | TLVs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RngReq {
    /// Reserved, 1 octet, 0 in the format.
    pub reserved: u8,
    /// The TLVs, in order. A getter gives the first of its type. There is room for those of a handover without an allocation.
    pub tlvs: SmallVec<[RngReqTlv; 7]>,
}

impl RngReq {
    /// Message type.
    pub const TYPE: u8 = 4;
    /// Bit of the ranging purpose indication: handover or network re-entry.
    pub const PURPOSE_HANDOVER: u8 = 1;
    /// Bit of the ranging purpose indication: location update.
    pub const PURPOSE_LOCATION_UPDATE: u8 = 1 << 1;
    /// Bit of the ranging purpose indication: seamless handover (802.16-2009).
    pub const PURPOSE_SEAMLESS_HANDOVER: u8 = 1 << 2;
    /// The MAC version that is sent: IEEE Std 802.16e-2005, the newest one that Wireshark 4.0 knows. Without any it does not
    /// read the CMAC tuple.
    pub const MAC_VERSION: u8 = 5;

    const LAYER: &'static str = "RNG-REQ";

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, no reserved octet, or octets after it that are not TLVs.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let mut parsed = Self::default();
        let head = (message_type(Self::TYPE), expect("the reserved octet", be_u8)).parse(message);
        let read = head.and_then(|(input, (_, reserved))| {
            parsed.reserved = reserved;
            short_list(input, &mut parsed.tlvs)
        });
        finish(Self::LAYER, message, read)?;
        Ok(parsed)
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let tlvs = RngReqTlv::octets_of_all(&self.tlvs)?;
        serialised(Self::LAYER, tuple((write_be_u8(Self::TYPE), write_be_u8(self.reserved), slice(tlvs))))
    }

    /// SS MAC address.
    #[must_use]
    pub fn ss_mac_address(&self) -> Option<MsMac> {
        first!(self.tlvs, RngReqTlv::SsMacAddress).copied()
    }

    /// BSID of the BS that is being left.
    #[must_use]
    pub fn serving_bsid(&self) -> Option<Bsid> {
        first!(self.tlvs, RngReqTlv::ServingBsid).copied()
    }

    /// Ranging purpose indication, a set of bits.
    #[must_use]
    pub fn ranging_purpose(&self) -> Option<u8> {
        first!(self.tlvs, RngReqTlv::RangingPurpose).copied()
    }

    /// HO_ID.
    #[must_use]
    pub fn ho_id(&self) -> Option<u8> {
        first!(self.tlvs, RngReqTlv::HoId).copied()
    }

    /// CMAC_KEY_COUNT.
    #[must_use]
    pub fn cmac_key_count(&self) -> Option<CmacKeyCount> {
        first!(self.tlvs, RngReqTlv::CmacKeyCount).copied()
    }

    /// The CMAC tuple, if it is the last TLV.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<&CmacTuple> {
        trailing_cmac_tuple!(self.tlvs, RngReqTlv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUPLE: &str = "8d0d01000000011b2c8b274cfebad7";

    #[test]
    fn a_cmac_tuple_counts_only_as_the_last_tlv() {
        let last = RngReq::parse(&hex::decode(format!("04000d020005{TUPLE}")).unwrap()).unwrap();
        assert_eq!(last.cmac_tuple().map(|tuple| tuple.pn), Some(1));
        let inside = RngReq::parse(&hex::decode(format!("0400{TUPLE}0d020005")).unwrap()).unwrap();
        assert_eq!(inside.cmac_tuple(), None);
        assert_eq!(inside.cmac_key_count(), Some(CmacKeyCount(5)));
    }

    #[test]
    fn a_key_count_of_another_length_is_none() {
        let message = RngReq::parse(&[4, 0, 13, 1, 5]).unwrap();
        assert_eq!(message.cmac_key_count(), None);
        assert_eq!(message.octets().unwrap(), [4, 0, 13, 1, 5]);
    }

    #[test]
    fn type_numbers_are_those_of_the_reference() {
        let numbers = [
            (1, RngReqTlv::RequestedDownlinkBurstProfile(0)),
            (3, RngReqTlv::RangingAnomalies(0)),
            (4, RngReqTlv::AasBroadcastCapability(0)),
            (8, RngReqTlv::PowerDownIndicator(0)),
            (9, RngReqTlv::PagingControllerId([0; 6])),
            (10, RngReqTlv::MacHashSkipThreshold(0)),
            (12, RngReqTlv::RequestedDownlinkRepetitionCoding(0)),
        ];
        for (number, tlv) in numbers {
            assert_eq!((tlv.kind(), tlv.octets().unwrap().first()), (number, Some(&number)), "{tlv:?}");
        }
    }

    #[test]
    fn a_fault_is_told_with_its_offset_in_the_message() {
        let error = RngReq::parse(&[4, 0, 7, 1, 7, 13, 2, 0]).unwrap_err();
        assert_eq!((error.layer, error.offset), ("RNG-REQ", 7));
        assert_eq!(RngReq::parse(&[5, 0]).unwrap_err().offset, 0);
        assert_eq!(RngReq::parse(&[4]).unwrap_err().offset, 1);
    }
}
