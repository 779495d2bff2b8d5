//! ASN control messages and their TLVs (`dot16-wire.md` 5.1 to 5.3).

use keyhop::dot16::backbone::asn_tlv::SINGLE_KINDS;
use keyhop::dot16::backbone::{AsnTlv, Compound, ControlMessage, MessageKind};
use proptest::prelude::*;

use crate::choice::select;
use crate::list::list;
use crate::octets::{array, number, octets};
use crate::one_of;
use crate::tlv::{cid, ms_mac};

/// How deep TLVs nest at the most.
pub const DEEPEST: usize = 8;

/// A TLV that is not a compound: of a known type or of any, with a value of a usual length or of any.
pub fn single_tlv() -> BoxedStrategy<AsnTlv> {
    let mut known: Vec<u16> = SINGLE_KINDS.iter().map(|(kind, _)| *kind).collect();
    known.extend([62, 261]);
    let kind = one_of![4 => select(known), 1 => number()];
    let value = one_of![
        8 => one_of![octets(1..2), octets(2..3), octets(4..5), octets(6..7), octets(8..9), octets(16..17), octets(20..21)],
        2 => octets(0..40),
    ];
    (kind, value)
        .prop_map(|(kind, value)| {
            // The number of a compound stands for the next that is none.
            let kind = (kind..).find(|kind| Compound::from_kind(*kind).is_none()).expect("fewer compounds than numbers");
            AsnTlv::from_value(kind, &value)
        })
        .boxed()
}

/// A private TLV of this crate.
fn private_tlv() -> BoxedStrategy<AsnTlv> {
    one_of![
        Just(AsnTlv::issued_before()),
        cid().prop_map(AsnTlv::primary_cid),
        number().prop_map(AsnTlv::ranging_deadline),
        octets(1..129).prop_map(|bitmap| AsnTlv::receive_window(&bitmap)),
        select([false, true]).prop_map(AsnTlv::seamless),
    ]
    .boxed()
}

/// A TLV of any form, nested at most [`DEEPEST`] deep.
pub fn tlv() -> BoxedStrategy<AsnTlv> {
    let single = || one_of![8 => single_tlv(), 1 => private_tlv()];
    (1..DEEPEST)
        .fold(single(), |inner, _| {
            let compound =
                (select(Compound::ALL), list(inner, 0..5)).prop_map(|(compound, tlvs)| compound.holding(tlvs));
            one_of![3 => single(), 1 => compound]
        })
        .boxed()
}

/// A control message of a named kind or of any, of up to four TLVs.
pub fn control_message() -> BoxedStrategy<ControlMessage> {
    let kind = one_of![3 => select(MessageKind::NAMED), 1 => array().prop_map(MessageKind::from_octets)];
    (number(), kind, ms_mac(), number(), number(), number(), list(tlv(), 0..5))
        .prop_map(|(flags, kind, ms, reserved1, transaction, reserved2, tlvs)| ControlMessage {
            flags,
            kind,
            ms,
            reserved1,
            transaction,
            reserved2,
            tlvs,
        })
        .boxed()
}
