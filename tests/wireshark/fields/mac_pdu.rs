//! Bursts of MAC PDUs: generic MAC header, subheaders, CRC (`dot16-wire.md` 2).

use keyhop::dot16::identifiers::Cid;
use keyhop::dot16::wire::{
    CrcForm, FragmentControl, FragmentationSubheader, GenericMacHeader, MacPdu, PackingSubheader, PduType,
};

use super::expectation::Expectation;
use super::{backbone, management};

/// The connections that Wireshark takes for management connections with its preference of 320 basic CIDs
/// (`dot16-wire.md` 1.5).
fn is_management(cid: Cid) -> bool {
    matches!(cid.0, 0..=640 | 0xfeff | 0xfffa..=0xfffd | 0xffff)
}

pub fn burst(fields: &mut Expectation, octets: &[u8]) {
    let mut rest = octets;
    for pdu in MacPdu::burst(octets) {
        let pdu = pdu.unwrap_or_else(|error| panic!("no burst of MAC PDUs: {error}"));
        header(fields, &pdu.header);
        body(fields, &pdu);
        crc(fields, &pdu);
        rest = &rest[pdu.octets.len()..];
    }
    if !rest.is_empty() {
        // Padding.
        fields.octets("wmx.pdu.value", rest);
    }
}

fn header(fields: &mut Expectation, header: &GenericMacHeader) {
    let flag = |fields: &mut Expectation, name, set: bool| fields.hex(name, u8::from(set), 6);
    let types = header.pdu_type;
    // A parsed header has HT = 0.
    flag(fields, "wmx.genericHt", false);
    flag(fields, "wmx.genericEc", header.encrypted);
    flag(fields, "wmx.genericType5", types.contains(PduType::MESH));
    flag(fields, "wmx.genericType4", types.contains(PduType::ARQ_FEEDBACK));
    flag(fields, "wmx.genericType3", types.extended());
    flag(fields, "wmx.genericType2", types.fragmentation());
    flag(fields, "wmx.genericType1", types.packing());
    flag(fields, "wmx.genericType0", types.contains(PduType::FAST_FEEDBACK_OR_GRANT_MANAGEMENT));
    flag(fields, "wmx.genericEsf", header.extended_subheader_group);
    flag(fields, "wmx.genericCi", header.crc_present);
    fields.hex("wmx.genericEks", header.eks, 6);
    fields.is("wmx.genericRsv", u8::from(header.reserved));
    fields.is("wmx.genericLen", header.length);
    fields.is("wmx.genericCid", header.cid.0);
    fields.hex("wmx.genericHcs", header.octets()[5], 2);
}

/// Subheaders and payload.
fn body(fields: &mut Expectation, pdu: &MacPdu<'_>) {
    let types = pdu.header.pdu_type;
    if pdu.header.encrypted {
        // PN, ciphertext and ICV.
        fields.octets("wmx.genericValueBytes", pdu.body);
        return;
    }
    let not_read = PduType::MESH.with(PduType::ARQ_FEEDBACK).with(PduType::FAST_FEEDBACK_OR_GRANT_MANAGEMENT);
    if pdu.header.extended_subheader_group
        || types.bits() & not_read.bits() != 0
        || types.fragmentation() && types.packing()
    {
        fields.rest("subheader-not-read");
        return;
    }
    let extended = types.extended();
    if types.fragmentation() {
        let (subheader, rest) = FragmentationSubheader::parse(pdu.body, extended).unwrap();
        fragmentation(fields, &subheader, extended);
        if !rest.is_empty() {
            piece(fields, pdu.header.cid, subheader.control, rest);
        }
        return;
    }
    if types.packing() {
        let pieces = PackingSubheader::parse_all(pdu.body, extended).unwrap();
        let last = pieces.len().saturating_sub(1);
        for (position, (subheader, octets)) in pieces.into_iter().enumerate() {
            if extended && octets.is_empty() && position == last && pdu.crc.is_none() {
                // The decoder reads four octets of a subheader that has three.
                fields.rest("octet-behind-the-end");
                return;
            }
            packing(fields, &subheader, extended);
            fields.octets("wmx.genericValueBytes", octets);
            piece(fields, pdu.header.cid, subheader.control, octets);
        }
        return;
    }
    payload(fields, pdu.header.cid, pdu.body);
}

/// FC, 2 bits.
const fn control_bits(control: FragmentControl) -> u8 {
    match control {
        FragmentControl::Unfragmented => 0,
        FragmentControl::Last => 1,
        FragmentControl::First => 2,
        FragmentControl::Middle => 3,
    }
}

fn fragmentation(fields: &mut Expectation, subheader: &FragmentationSubheader, extended: bool) {
    let control = control_bits(subheader.control);
    if extended {
        fields.is("wmx.genericFragSubhd.FcExt", control);
        fields.is("wmx.genericFragSubhd.FsnExt", subheader.fsn);
        fields.is("wmx.genericFragSubhd.RsvExt", subheader.reserved);
    } else {
        // The mask is that of two octets, on a field of one.
        fields.shown("mask-of-a-subheader", "wmx.genericFragSubhd.Fc", control, 0);
        fields.is("wmx.genericFragSubhd.Fsn", subheader.fsn);
        fields.is("wmx.genericFragSubhd.Rsv", subheader.reserved);
    }
}

fn packing(fields: &mut Expectation, subheader: &PackingSubheader, extended: bool) {
    let control = control_bits(subheader.control);
    if extended {
        fields.hex("wmx.genericPackSubhd.FcExt", control, 6);
        fields.is("wmx.genericPackSubhd.FsnExt", subheader.fsn);
        fields.is("wmx.genericPackSubhd.LenExt", subheader.length);
    } else {
        // The masks are those of three octets and of one, on fields of two.
        let shown = subheader.length >> 3 & 0b111;
        fields.shown("mask-of-a-subheader", "wmx.genericPackSubhd.Fc", control, 0);
        fields.shown("mask-of-a-subheader", "wmx.genericPackSubhd.Fsn", subheader.fsn, shown);
        fields.is("wmx.genericPackSubhd.Len", subheader.length);
    }
}

/// A piece behind a subheader, which Wireshark puts together with the other pieces itself.
fn piece(fields: &mut Expectation, cid: Cid, control: FragmentControl, octets: &[u8]) {
    match control {
        FragmentControl::Unfragmented => payload(fields, cid, octets),
        FragmentControl::First | FragmentControl::Middle => fields.octets("wmx.payload_fragment", octets),
        FragmentControl::Last => {
            fields.octets("wmx.payload_fragment", octets);
            fields.rest("put-together");
        }
    }
}

fn payload(fields: &mut Expectation, cid: Cid, octets: &[u8]) {
    match octets {
        [] => {}
        _ if is_management(cid) => management::message(fields, octets),
        [0x45, ..] if cid != Cid(0xfffe) => backbone::user_packet(fields, octets),
        _ => fields.octets("wmx.genericValueBytes", octets),
    }
}

fn crc(fields: &mut Expectation, pdu: &MacPdu<'_>) {
    let Some(crc) = pdu.crc else { return };
    fields.hex("wmx.genericCrc", u32::from_be_bytes(crc), 8);
    let good = pdu.crc_form() == Some(CrcForm::MsbFirst);
    fields.is("wmx.genericCrc.status", u8::from(good));
}
