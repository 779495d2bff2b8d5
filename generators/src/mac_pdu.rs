//! Generic MAC header, subheaders, bodies, PDUs and bursts (`dot16-wire.md` 2.1 to 2.5).

use keyhop::dot16::wire::{
    CrcForm, EncryptedBody, FragmentControl, FragmentationSubheader, GenericMacHeader, MacPdu, PackingSubheader,
    PduType,
};
use proptest::prelude::*;

use crate::choice::{flags, select};
use crate::list::list;
use crate::management::management_message;
use crate::octets::{array, bits, flag, number, octets};
use crate::one_of;
use crate::tlv::cid;

/// A generic MAC header of any content; LEN is any number of 11 bits.
pub fn header() -> BoxedStrategy<GenericMacHeader> {
    (flags(), number(), bits(2), number::<u16>(), cid())
        .prop_map(|([encrypted, extended_subheader_group, crc_present, reserved], bits, eks, length, cid)| {
            GenericMacHeader {
                encrypted,
                pdu_type: PduType::from_bits(bits),
                extended_subheader_group,
                crc_present,
                eks,
                reserved,
                length: length % 2048,
                cid,
            }
        })
        .boxed()
}

fn fragment_control() -> impl Strategy<Value = FragmentControl> {
    select([FragmentControl::Unfragmented, FragmentControl::Last, FragmentControl::First, FragmentControl::Middle])
}

/// A sequence number of 11 bits, or of 3.
fn fsn(number: u16, extended: bool) -> u16 {
    number % if extended { 2048 } else { 8 }
}

/// The pieces of a packed body, without LEN, and whether their subheaders are extended ones.
pub fn packed_pieces() -> BoxedStrategy<(Vec<(FragmentControl, u16, Vec<u8>)>, bool)> {
    (list((fragment_control(), number(), octets(0..300)), 0..8), flag())
        .prop_map(|(mut pieces, extended)| {
            for (_, number, _) in &mut pieces {
                *number = fsn(*number, extended);
            }
            (pieces, extended)
        })
        .boxed()
}

/// The octets of packed pieces, each with its subheader.
///
/// # Panics
/// A piece is too long for LEN, or a sequence number for the form.
#[must_use]
pub fn packed_body(pieces: &[(FragmentControl, u16, Vec<u8>)], extended: bool) -> Vec<u8> {
    let mut body = Vec::new();
    for (control, fsn, piece) in pieces {
        let length = u16::try_from(piece.len() + PackingSubheader::size(extended)).expect("a piece that fits LEN");
        let subheader = PackingSubheader { control: *control, fsn: *fsn, length };
        body.extend(subheader.octets(extended).expect("fields that fit"));
        body.extend(piece);
    }
    body
}

/// A fragmentation subheader that fits its form, and whether that is the extended one.
pub fn fragmentation_subheader() -> BoxedStrategy<(FragmentationSubheader, bool)> {
    (fragment_control(), number(), bits(3), flag())
        .prop_map(|(control, number, reserved, extended)| {
            (FragmentationSubheader { control, fsn: fsn(number, extended), reserved }, extended)
        })
        .boxed()
}

/// The octets of an encrypted body: PN, up to 299 octets that are no ciphertext of any key, ICV.
pub fn encrypted_body() -> BoxedStrategy<Vec<u8>> {
    (number(), octets(0..300), array())
        .prop_map(|(pn, ciphertext, icv)| EncryptedBody { pn, ciphertext: &ciphertext, icv }.octets())
        .boxed()
}

/// How the CRC is written, or that there is none.
pub fn crc_form() -> impl Strategy<Value = Option<CrcForm>> {
    select([None, Some(CrcForm::MsbFirst), Some(CrcForm::Ofdma)])
}

/// The octets of a PDU whose header, body and CRC fit together: a management message, fragment, packed or encrypted body,
/// or user data. It is at most [`GenericMacHeader::MAX_PDU`] octets long.
pub fn pdu() -> BoxedStrategy<Vec<u8>> {
    let message = management_message().prop_map(|message| {
        let body = message.octets().expect("a message that can be written");
        (PduType::NONE, false, body)
    });
    let fragment = (fragmentation_subheader(), octets(0..300)).prop_map(|((subheader, extended), piece)| {
        let mut body = subheader.octets(extended).expect("fields that fit");
        body.extend(piece);
        (if extended { PduType::FRAGMENTATION.with(PduType::EXTENDED) } else { PduType::FRAGMENTATION }, false, body)
    });
    let packed = packed_pieces().prop_map(|(pieces, extended)| {
        let kind = if extended { PduType::PACKING.with(PduType::EXTENDED) } else { PduType::PACKING };
        (kind, false, packed_body(&pieces, extended))
    });
    let encrypted = encrypted_body().prop_map(|body| (PduType::NONE, true, body));
    let data = octets(0..300).prop_map(|body| (PduType::NONE, false, body));
    (one_of![data, message, fragment, packed, encrypted], crc_form(), bits(2), cid())
        .prop_map(|((pdu_type, encrypted, mut body), crc, eks, cid)| {
            // Only a message of many long TLVs is too long; it is cut, as data are.
            body.truncate(GenericMacHeader::MAX_PDU - GenericMacHeader::OCTETS - 4);
            let header = GenericMacHeader { encrypted, pdu_type, eks, ..GenericMacHeader::new(cid) };
            MacPdu::build(header, &body, crc).expect("a PDU that fits")
        })
        .boxed()
}

/// A burst: up to three PDUs, and padding or none.
pub fn burst() -> BoxedStrategy<Vec<u8>> {
    (list(pdu(), 0..4), bits(3))
        .prop_map(|(pdus, padding)| {
            let mut burst = pdus.concat();
            burst.resize(burst.len() + usize::from(padding), 0xff);
            burst
        })
        .boxed()
}
