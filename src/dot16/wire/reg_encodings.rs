//! TLVs of REG-REQ and REG-RSP, which RNG-RSP carries in its TLV 30 (802.16-2009 clauses 11.6 and 11.7; `dot16-wire.md` 3.6 and 4.5).

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::sa_tek_update::SaTekUpdate;
use super::typed_tlv::{TlvValue, first, list, typed_tlvs};
use super::vendor::VendorTlv;

typed_tlvs! {
    /// A TLV of REG-REQ, REG-RSP or the REG-RSP encodings of RNG-RSP.
    pub enum RegTlv {
        /// Number of uplink transport CIDs supported, 2 octets.
        UplinkTransportCids(u16) = 6,
        /// Handover support, 1 octet: bit 0 is macro diversity handover, bit 2 fast BS switching; hard handover needs no bit.
        HandoverSupport(u8) = 27,
        /// System resource retain time, 2 octets, units of 100 ms.
        ResourceRetainTime(u16) = 28,
        /// HO process optimization MS timer, 1 octet, in frames.
        HoOptimizationTimer(u8) = 29,
        /// Mobility features, 1 octet: bit 0 handover, 1 sleep, 2 idle.
        MobilityFeatures(u8) = 31,
        /// TEKs for one SA.
        SaTekUpdate(SaTekUpdate) = 38,
        /// MS HO connection processing time, 1 octet.
        HoConnectionProcessingTime(u8) = 41,
        /// MS HO TEK processing time, 1 octet.
        HoTekProcessingTime(u8) = 42,
        /// HO indication readiness timer, 1 octet, in frames.
        HoIndicationReadinessTimer(u8) = 46,
        /// CMAC tuple, the last TLV of REG-REQ and REG-RSP.
        CmacTuple(CmacTuple) = 141,
        /// Vendor-specific information.
        Vendor(VendorTlv) = 143,
    }
}

/// REG-RSP encodings, TLV 30 of RNG-RSP: a status octet as at the start of REG-RSP, then TLVs of REG-RSP.
///
/// The standard's compound has no status octet (`dot16-wire.md` 3.3); it is there because Wireshark reads one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegRspEncodings {
    /// Status, 1 octet: 0 is success.
    pub status: u8,
    /// The TLVs, in order.
    pub tlvs: Vec<RegTlv>,
}

impl RegRspEncodings {
    /// The SA-TEK-Updates, in order.
    pub fn sa_tek_updates(&self) -> impl Iterator<Item = &SaTekUpdate> {
        self.tlvs.iter().filter_map(|tlv| match tlv {
            RegTlv::SaTekUpdate(update) => Some(update),
            _ => None,
        })
    }

    /// The vendor-specific information.
    #[must_use]
    pub fn vendor(&self) -> Option<&VendorTlv> {
        first!(self.tlvs, RegTlv::Vendor)
    }
}

impl TlvValue for RegRspEncodings {
    fn from_value(value: &[u8]) -> Option<Self> {
        let (status, tlvs) = value.split_first()?;
        let (_, tlvs) = list(tlvs).ok()?;
        Some(Self { status: *status, tlvs })
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        let mut value = vec![self.status];
        value.extend(RegTlv::octets_of_all(&self.tlvs)?);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tlv::Tlv;
    use super::*;

    #[test]
    fn the_status_comes_before_the_tlvs() {
        let encodings = RegRspEncodings {
            status: 0,
            tlvs: vec![RegTlv::ResourceRetainTime(20), RegTlv::Other(Tlv { kind: 99, value: vec![1] })],
        };
        assert_eq!(hex::encode(encodings.to_value().unwrap()), "001c020014630101");
        assert_eq!(RegRspEncodings::from_value(&encodings.to_value().unwrap()), Some(encodings));
    }

    #[test]
    fn type_numbers_are_those_of_the_reference() {
        let numbers = [
            (6, RegTlv::UplinkTransportCids(0)),
            (27, RegTlv::HandoverSupport(0)),
            (29, RegTlv::HoOptimizationTimer(0)),
            (31, RegTlv::MobilityFeatures(0)),
            (41, RegTlv::HoConnectionProcessingTime(0)),
            (42, RegTlv::HoTekProcessingTime(0)),
            (46, RegTlv::HoIndicationReadinessTimer(0)),
        ];
        for (number, tlv) in numbers {
            assert_eq!((tlv.kind(), tlv.octets().unwrap().first()), (number, Some(&number)), "{tlv:?}");
        }
    }

    #[test]
    fn octets_that_are_no_tlvs_are_no_encodings() {
        assert_eq!(RegRspEncodings::from_value(&[]), None);
        assert_eq!(RegRspEncodings::from_value(&[0, 28, 2, 0]), None);
        assert_eq!(RegRspEncodings::from_value(&[1]), Some(RegRspEncodings { status: 1, tlvs: vec![] }));
    }
}
