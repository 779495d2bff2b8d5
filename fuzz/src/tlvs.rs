//! TLVs of the air interface, each read by the table of every message: a value that one of them names comes back as it was.

use keyhop::dot16::wire::{
    MobBshoRspTlv, MobHoIndTlv, MobMshoReqTlv, PkmAttribute, RegTlv, RngReqTlv, RngRspTlv, SbcTlv,
    SecurityNegotiationItem, Tlv, VendorItem, WireError,
};

use crate::messages::fit_tlvs;
use crate::promises::{explains, within_memory};

/// Every TLV that holds TLVs, in any message.
const HOLDING: [(u8, usize); 9] = [(30, 1), (31, 0), (38, 0), (4, 0), (5, 0), (13, 0), (23, 0), (25, 0), (143, 0)];

/// Reads the octets as TLVs, as they are and with lengths that fit.
pub fn run(octets: &[u8]) {
    list_comes_back(octets);
    let mut repaired = octets.to_vec();
    fit_tlvs(&mut repaired, 0, &HOLDING);
    list_comes_back(&repaired);
}

fn list_comes_back(octets: &[u8]) {
    let tlvs = match within_memory(octets, || Tlv::parse_all(octets, 0)) {
        Ok(tlvs) => tlvs,
        Err(error) => {
            explains(&error, octets);
            let shifted = WireError { offset: error.offset + 7, ..error };
            return assert_eq!(Tlv::parse_all(octets, 7), Err(shifted));
        }
    };
    let mut rest = octets;
    for tlv in &tlvs {
        let (first, after) = Tlv::parse(rest, 0).expect("one of a list is one by itself");
        assert_eq!(&first, tlv);
        value_comes_back(tlv, &rest[..rest.len() - after.len()]);
        rest = after;
    }
    assert!(rest.is_empty());
    match Tlv::octets_of_all(&tlvs) {
        Ok(written) => assert_eq!(Tlv::parse_all(&written, 0), Ok(tlvs)),
        Err(error) => assert_eq!((error.layer, error.found.as_str()), ("TLV", "an empty one")),
    }
}

/// With every table: the same octets as without any.
fn value_comes_back(tlv: &Tlv, octets: &[u8]) {
    macro_rules! by_table {
        ($($table:ident)*) => {
            $(
                let typed = within_memory(octets, || $table::from(tlv.clone()));
                assert_eq!(typed.kind(), tlv.kind);
                assert_eq!(typed.octets(), tlv.octets(), "{typed:?}");
            )*
        };
    }
    by_table! {
        RngReqTlv RngRspTlv RegTlv SbcTlv PkmAttribute MobBshoRspTlv MobMshoReqTlv MobHoIndTlv VendorItem
        SecurityNegotiationItem
    }
}
