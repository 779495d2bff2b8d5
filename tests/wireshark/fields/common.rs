//! TLVs that several messages share: CMAC tuple, MAC version, vendor-specific information (`dot16-wire.md` 3.2 and 4.1).
//!
//! Wireshark reads them with one decoder, which takes as many TLVs as it knows, from the one it is called for on.

use keyhop::dot16::wire::{CmacTuple, VendorTlv};

use super::expectation::Expectation;

/// A TLV as that decoder sees it.
pub enum Common<'m> {
    MacVersion(u8),
    CmacTuple(&'m CmacTuple),
    Vendor(&'m VendorTlv),
    /// Another type, or one of these with a value that keyhop does not read.
    Other(u8),
}

impl Common<'_> {
    pub const MAC_VERSION: u8 = 148;
    /// Types that the decoder knows, and keyhop may not.
    const KNOWN: [u8; 8] = [141, 143, 144, 145, 146, 147, 148, 149];
}

/// The fields of the first of `tlvs`, each with its octets, as far as the common decoder goes; how many it took.
pub fn common_run(fields: &mut Expectation, tlvs: &[(Common<'_>, Vec<u8>)]) -> usize {
    for (taken, (tlv, whole)) in tlvs.iter().enumerate() {
        match tlv {
            Common::MacVersion(version) => {
                fields.tlv(whole, |fields, _| fields.is("wmx.common_tlv.mac_version", version));
            }
            Common::CmacTuple(tuple) => fields.tlv(whole, |fields, _| cmac_tuple(fields, tuple)),
            Common::Vendor(vendor) => fields.tlv(whole, |fields, _| vendor_information(fields, vendor)),
            Common::Other(kind) if Common::KNOWN.contains(kind) => {
                fields.tlv(whole, |fields, value| fields.rest_of("tlv-not-read", value));
            }
            Common::Other(_) => return taken,
        }
    }
    tlvs.len()
}

pub fn cmac_tuple(fields: &mut Expectation, tuple: &CmacTuple) {
    fields.hex("wmx.xmac_tuple.reserved", tuple.reserved, 2);
    fields.is("wmx.xmac_tuple.key_sn", tuple.ak_sn.0);
    if let Some(bsid) = tuple.bsid {
        fields.is("wmx.cmac_tuple.bsid", bsid);
    }
    fields.is("wmx.xmac_tuple.packet_number_count", tuple.pn);
    fields.octets("wmx.cmac_tuple.cmac.value", &tuple.value);
}

fn vendor_information(fields: &mut Expectation, vendor: &VendorTlv) {
    const VENDOR_ID: u8 = 144;
    let id = [&[VENDOR_ID, 3], vendor.vendor_id.as_slice()].concat();
    fields.tlv(&id, |fields, value| fields.octets("wmx.common_tlv.vendor_id_encoding", value));
    for item in &vendor.items {
        let whole = item.octets().unwrap();
        if item.kind() == VENDOR_ID {
            fields.tlv(&whole, |fields, value| fields.octets("wmx.common_tlv.vendor_id_encoding", value));
            continue;
        }
        fields.hex("wmx.common_tlv.vendor_specific_type", item.kind(), 2);
        let value = if whole[1] < 0x80 {
            fields.is("wmx.common_tlv.vendor_specific_length", whole[1]);
            &whole[2..]
        } else {
            let count = usize::from(whole[1] & 0x7f);
            let value = &whole[2 + count..];
            fields.hex("wmx.common_tlv.vendor_specific_length_size", whole[1], 2);
            fields.shown("length-of-the-length", "wmx.common_tlv.vendor_specific_length", value.len(), count);
            value
        };
        fields.octets("wmx.common_tlv.vendor_specific_value", value);
    }
}
