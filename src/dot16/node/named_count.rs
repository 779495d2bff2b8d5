//! CMAC_KEY_COUNTs on the backbone. A count says something only together with the PMK it counts for, so that every message
//! with one names the AK sequence number of that PMK too. Where it is 0, as after the first authentication, it is left out.

use crate::dot16::backbone::Compound::{AkContext, MsInfo};
use crate::dot16::backbone::{AsnTlv, TlvLookup};
use crate::dot16::identifiers::{AkSequenceNumber, CmacKeyCount};

/// AK SN, where it is not 0.
pub(super) fn ak_sn_tlv(sn: AkSequenceNumber) -> Option<AsnTlv> {
    (sn.0 != 0).then_some(AsnTlv::AkSn(sn.0))
}

/// MS Info { AK Context { AK SN, CMAC_KEY_COUNT } }.
pub(super) fn count_tlv(sn: AkSequenceNumber, count: CmacKeyCount) -> AsnTlv {
    let context = ak_sn_tlv(sn).into_iter().chain([AsnTlv::CmacKeyCount(count)]).collect();
    AsnTlv::MsInfo(vec![AsnTlv::AkContext(context)])
}

/// The AK SN in the AK Context of a message.
pub(super) fn named_ak_sn(tlvs: &[AsnTlv]) -> AkSequenceNumber {
    AkSequenceNumber(tlvs.inside(MsInfo).inside(AkContext).ak_sn().unwrap_or_default() & 0xf)
}

/// The count in the AK Context of a message.
pub(super) fn named_count(tlvs: &[AsnTlv]) -> Option<CmacKeyCount> {
    tlvs.inside(MsInfo).inside(AkContext).cmac_key_count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_the_first_pmk_names_no_sequence_number_and_of_every_other_it_does() {
        for sn in [0, 4, 8, 12] {
            let (sn, count) = (AkSequenceNumber(sn), CmacKeyCount(7));
            let tlvs = [count_tlv(sn, count)];
            assert_eq!((named_ak_sn(&tlvs), named_count(&tlvs)), (sn, Some(count)));
            assert_eq!(tlvs.inside(MsInfo).inside(AkContext).ak_sn().is_some(), sn.0 != 0);
        }
    }
}
