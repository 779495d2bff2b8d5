//! What stands in messages of all families: identifiers, TLVs of no known type, CMAC tuple, vendor TLV
//! (`dot16-wire.md` 2.7, 4.1; PROTOCOL R17).

use keyhop::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, MsMac, Said, Sfid};
use keyhop::dot16::wire::{Candidate, CandidateFlow, CmacTuple, Tlv, VendorItem, VendorTlv};
use proptest::prelude::*;

use crate::choice::maybe;
use crate::list::list;
use crate::octets::{array, bits, flag, number, octets};
use crate::one_of;

/// A BSID.
pub fn bsid() -> impl Strategy<Value = Bsid> + Clone {
    array().prop_map(Bsid)
}

/// A CID of any kind.
pub fn cid() -> impl Strategy<Value = Cid> + Clone {
    number().prop_map(Cid)
}

/// A SAID.
pub fn said() -> impl Strategy<Value = Said> + Clone {
    number().prop_map(Said)
}

/// The MAC address of a mobile station.
pub fn ms_mac() -> impl Strategy<Value = MsMac> + Clone {
    array().prop_map(MsMac)
}

/// An AKID.
pub fn akid() -> impl Strategy<Value = AkId> + Clone {
    array().prop_map(AkId)
}

/// A TLV of a type, 200 to 255, that no message knows, with 1 to 299 octets of value.
pub fn unknown_tlv() -> BoxedStrategy<Tlv> {
    (number::<u8>(), octets(1..300)).prop_map(|(kind, value)| Tlv { kind: 200 + kind % 56, value }).boxed()
}

/// A TLV of any type with a short value.
pub fn any_tlv() -> BoxedStrategy<Tlv> {
    (number(), octets(1..20)).prop_map(|(kind, value)| Tlv { kind, value }).boxed()
}

/// A CMAC tuple of either length.
pub fn cmac_tuple() -> BoxedStrategy<CmacTuple> {
    (bits(4), bits(4), maybe(bsid()), number(), array())
        .prop_map(|(reserved, ak_sn, bsid, pn, value)| CmacTuple {
            reserved,
            ak_sn: AkSequenceNumber(ak_sn),
            bsid,
            pn,
            value,
        })
        .boxed()
}

/// A flow of a candidate.
fn candidate_flow() -> BoxedStrategy<CandidateFlow> {
    (number(), cid(), said()).prop_map(|(sfid, cid, said)| CandidateFlow { sfid: Sfid(sfid), cid, said }).boxed()
}

/// A vendor TLV: one of this crate with any of its items, or another vendor's.
pub fn vendor() -> BoxedStrategy<VendorTlv> {
    let candidate = (bsid(), cid(), cid(), number(), list(candidate_flow(), 0..4)).prop_map(
        |(bsid, basic_cid, primary_cid, flags, flows)| Candidate { bsid, basic_cid, primary_cid, flags, flows },
    );
    let item = one_of![
        flag().prop_map(VendorItem::Seamless),
        number().prop_map(VendorItem::RangingDeadline),
        candidate.prop_map(VendorItem::Candidate),
        unknown_tlv().prop_map(VendorItem::Other),
    ];
    let ours = list(item, 0..5).prop_map(VendorTlv::new);
    let foreign = (array(), list(unknown_tlv().prop_map(VendorItem::Other), 0..3))
        .prop_map(|([a, b], items)| VendorTlv { vendor_id: [0, a, b], items });
    one_of![ours, foreign].boxed()
}
