//! Private encodings of the backbone: what the dictionary of the ASN control plane lacks (PROTOCOL R8, R12, R17).
//!
//! The one table of them. Each is a Vendor Specific TLV (type 261) whose value is the vendor identifier
//! [`VENDOR`], a sub-code and the content:
//!
//! | sub-code | meaning | content | in |
//! | --- | --- | --- | --- |
//! | 1 | issued before | none | Context_Rpt |
//! | 2 | pre-allocated primary management CID | 2 octets | HO_Rsp |
//! | 3 | ranging deadline | 2 octets, units of 10 ms | HO_Rsp |
//! | 4 | receive window | bitmap, 1 to 128 octets | TEK parameters of a context transfer (`legacy-reuse`) |
//! | 5 | seamless handover | 1 octet: 1 negotiated (HO_Req), TEKs are generated (HO_Rsp); 0 not | HO_Req, HO_Rsp |

use super::asn_tlv::AsnTlv;
use crate::dot16::identifiers::Cid;
use crate::dot16::wire::VendorTlv;

/// The private vendor identifier, the same as on the air.
pub const VENDOR: [u8; 3] = VendorTlv::KEYHOP;

const ISSUED_BEFORE: u8 = 1;
const PRIMARY_CID: u8 = 2;
const RANGING_DEADLINE: u8 = 3;
const RECEIVE_WINDOW: u8 = 4;
const SEAMLESS: u8 = 5;
/// Octets of the largest window, 1024 PNs.
const RECEIVE_WINDOW_MAX: usize = 128;

/// What a private TLV says.
pub(super) enum PrivateTlv<'a> {
    IssuedBefore,
    PrimaryCid(Cid),
    RangingDeadline(u16),
    ReceiveWindow(&'a [u8]),
    Seamless(bool),
}

impl AsnTlv {
    /// "Issued before": the Authenticator already gave this BS a count of this PMK (PROTOCOL R8).
    #[must_use]
    pub fn issued_before() -> Self {
        Self::VendorSpecific { vendor: VENDOR, octets: vec![ISSUED_BEFORE] }
    }

    /// The primary management CID that the target allocated in advance, 2 octets.
    #[must_use]
    pub fn primary_cid(cid: Cid) -> Self {
        let [high, low] = cid.0.to_be_bytes();
        Self::VendorSpecific { vendor: VENDOR, octets: vec![PRIMARY_CID, high, low] }
    }

    /// How long after action time the target waits for RNG-REQ, 2 octets, in units of 10 ms.
    #[must_use]
    pub fn ranging_deadline(units_of_10_ms: u16) -> Self {
        let [high, low] = units_of_10_ms.to_be_bytes();
        Self::VendorSpecific { vendor: VENDOR, octets: vec![RANGING_DEADLINE, high, low] }
    }

    /// Seamless handover: negotiated with the mobile (HO_Req), or what the target will do (HO_Rsp). 1 octet.
    #[must_use]
    pub fn seamless(yes: bool) -> Self {
        Self::VendorSpecific { vendor: VENDOR, octets: vec![SEAMLESS, u8::from(yes)] }
    }

    /// The PNs that a receiver has accepted, beside the RxPN Counter that names the highest of them (PROTOCOL R12).
    ///
    /// Bit `i`, counted from the most significant bit of the first octet, is 1 if PN `highest - i` was accepted, so bit
    /// 0 is the highest itself. 1 to 128 octets (a window of at most 1024 PNs); [`TlvLookup::receive_window`] does not
    /// find any other number of octets.
    ///
    /// [`TlvLookup::receive_window`]: super::asn_tlv::TlvLookup::receive_window
    #[must_use]
    pub fn receive_window(bitmap: &[u8]) -> Self {
        Self::VendorSpecific { vendor: VENDOR, octets: [&[RECEIVE_WINDOW], bitmap].concat() }
    }

    /// What this TLV says, if it is a private one of this crate.
    pub(super) fn private(&self) -> Option<PrivateTlv<'_>> {
        let Self::VendorSpecific { vendor: VENDOR, octets } = self else {
            return None;
        };
        match octets.as_slice() {
            &[ISSUED_BEFORE] => Some(PrivateTlv::IssuedBefore),
            &[PRIMARY_CID, high, low] => Some(PrivateTlv::PrimaryCid(Cid(u16::from_be_bytes([high, low])))),
            &[RANGING_DEADLINE, high, low] => Some(PrivateTlv::RangingDeadline(u16::from_be_bytes([high, low]))),
            [RECEIVE_WINDOW, bitmap @ ..] if (1..=RECEIVE_WINDOW_MAX).contains(&bitmap.len()) => {
                Some(PrivateTlv::ReceiveWindow(bitmap))
            }
            &[SEAMLESS, yes @ (0 | 1)] => Some(PrivateTlv::Seamless(yes == 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::backbone::TlvLookup;

    #[test]
    fn private_tlvs_are_found_again() {
        let tlvs = [AsnTlv::primary_cid(Cid(0x149)), AsnTlv::ranging_deadline(20), AsnTlv::issued_before()];
        assert_eq!(tlvs.primary_cid(), Some(Cid(0x149)));
        assert_eq!(tlvs.ranging_deadline(), Some(20));
        assert!(tlvs.is_issued_before());
        assert!(!tlvs[..2].is_issued_before());
    }

    #[test]
    fn a_receive_window_is_at_most_1024_pns() {
        for (octets, found) in [(0, false), (1, true), (128, true), (129, false)] {
            let bitmap = vec![0xa5; octets];
            let tlvs = [AsnTlv::receive_window(&bitmap)];
            assert_eq!(tlvs.receive_window(), found.then_some(bitmap.as_slice()), "{octets} octets");
        }
    }

    #[test]
    fn another_vendor_or_another_length_says_nothing() {
        let other_vendor = AsnTlv::VendorSpecific { vendor: [0, 0, 1], octets: vec![ISSUED_BEFORE] };
        let too_long = AsnTlv::VendorSpecific { vendor: VENDOR, octets: vec![ISSUED_BEFORE, 0] };
        let too_short = AsnTlv::VendorSpecific { vendor: VENDOR, octets: vec![PRIMARY_CID, 1] };
        let tlvs = [other_vendor, too_long, too_short];
        assert!(!tlvs.is_issued_before());
        assert_eq!(tlvs.primary_cid(), None);
    }

    #[test]
    fn the_vendor_identifier_is_locally_administered() {
        assert_eq!(VENDOR[0] & 0b11, 0b10);
    }
}
