//! A frame of a capture: the tags of an upper PDU or Ethernet, and what is in them.

use keyhop::capture::framing::{CDMA_CODE_OCTETS, LINK_TYPE_ETHERNET, LINK_TYPE_UPPER_PDU};
use keyhop::capture::record_reader::Record;
use keyhop::capture::upper_pdu::UpperPdu;
use keyhop::dot16::identifiers::Direction;

use super::backbone;
use super::expectation::{Expectation, Item};
use super::mac_pdu;

/// What Wireshark should show of `record`.
pub fn expected(record: &Record) -> Vec<Item> {
    let mut fields = Expectation::default();
    match record.link_type {
        LINK_TYPE_UPPER_PDU => {
            let upper = UpperPdu::parse(&record.octets).unwrap();
            tags(&mut fields, &upper);
            match <&[u8; CDMA_CODE_OCTETS]>::try_from(upper.payload) {
                Ok(code) => cdma_code(&mut fields, *code),
                Err(_) => mac_pdu::burst(&mut fields, upper.payload),
            }
        }
        LINK_TYPE_ETHERNET => backbone::frame(&mut fields, &record.octets),
        other => panic!("frame {} is of link type {other}", record.number),
    }
    fields.finish()
}

/// The tags as `keyhop::capture::upper_pdu` writes them, in this order.
fn tags(fields: &mut Expectation, upper: &UpperPdu<'_>) {
    let tag = |fields: &mut Expectation, kind: u16, length: usize| {
        fields.is("exported_pdu.tag", kind);
        fields.is("exported_pdu.tag_len", length);
    };
    tag(fields, 12, upper.dissector.len());
    fields.is("exported_pdu.prot_name", &upper.dissector);
    let addresses = [
        (20, upper.source, "exported_pdu.ipv4_src", "ip.src"),
        (21, upper.destination, "exported_pdu.ipv4_dst", "ip.dst"),
    ];
    for (kind, address, name, ip) in addresses {
        let Some(address) = address else { continue };
        tag(fields, kind, 4);
        fields.is(name, address);
        fields.is(ip, address);
    }
    if !upper.protocol.is_empty() {
        tag(fields, 33, upper.protocol.len());
        fields.is("exported_pdu.col_proto_str", &upper.protocol);
    }
    if let Some(direction) = upper.direction {
        tag(fields, 35, 4);
        fields.is("exported_pdu.p2p_dir", u8::from(direction == Direction::Downlink));
    }
    tag(fields, 0, 0);
    fields.octets("exported_pdu.exported_pdu", upper.payload);
}

fn cdma_code(fields: &mut Expectation, [code, symbol, subchannel]: [u8; CDMA_CODE_OCTETS]) {
    fields.hex("wmx.cdma.ranging_code", code, 2);
    fields.hex("wmx.cdma.ranging_symbol_offset", symbol, 2);
    fields.hex("wmx.cdma.ranging_subchannel_offset", subchannel, 2);
}
