//! The direction of a burst by its content, for captures that do not tell it.
//!
//! Ranging codes and some messages are sent by mobiles only, others by base stations only; an encrypted PDU has its
//! direction in bit 31 of its PN (`dot16-security.md` 4.2). It is what the sender claims: a frame that someone sends back
//! in the other direction does not show.

use super::framing::CDMA_CODE_OCTETS;
use crate::dot16::identifiers::Direction;
use crate::dot16::wire::{EncryptedBody, MacPdu, PduType, message_direction};

/// Bit 31 of a PN: uplink.
const UPLINK_BIT: u32 = 0x8000_0000;

/// The direction that all PDUs of a burst agree on, of those that tell one.
#[must_use]
pub fn direction_of(burst: &[u8]) -> Option<Direction> {
    if burst.len() == CDMA_CODE_OCTETS {
        return Some(Direction::Uplink);
    }
    let mut told = MacPdu::burst(burst).map_while(Result::ok).filter_map(|pdu| of_pdu(&pdu));
    let first = told.next()?;
    told.all(|direction| direction == first).then_some(first)
}

fn of_pdu(pdu: &MacPdu<'_>) -> Option<Direction> {
    let header = &pdu.header;
    if header.encrypted {
        let pn = EncryptedBody::parse(pdu.body).ok()?.pn;
        return Some(if pn & UPLINK_BIT == 0 { Direction::Downlink } else { Direction::Uplink });
    }
    let message = header.cid.is_management() && header.pdu_type == PduType::NONE && !header.extended_subheader_group;
    pdu.body.first().filter(|_| message).and_then(|kind| message_direction(*kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::Cid;
    use crate::dot16::wire::{CrcForm, GenericMacHeader};

    fn pdu(encrypted: bool, cid: u16, body: &[u8]) -> Vec<u8> {
        let header = GenericMacHeader { encrypted, ..GenericMacHeader::new(Cid(cid)) };
        MacPdu::build(header, body, Some(CrcForm::MsbFirst)).unwrap()
    }

    #[test]
    fn codes_messages_and_packet_numbers_tell_and_other_data_do_not() {
        let (up, down) = (Some(Direction::Uplink), Some(Direction::Downlink));
        let sealed = |top: u8| pdu(true, 0x300, &[&[1, 0, 0, top][..], &[0; 20]].concat());
        let cases: [(Vec<u8>, Option<Direction>); 8] = [
            (vec![1, 2, 3], up),
            (pdu(false, 0, &[4, 0]), up),
            (pdu(false, 0xffff, &[53, 0]), down),
            (pdu(false, 1, &[11, 0]), None),
            (pdu(false, 0x300, &[4, 0]), None),
            (sealed(0), down),
            (sealed(0x80), up),
            (vec![0xff; 8], None),
        ];
        for (burst, direction) in &cases {
            assert_eq!(direction_of(burst), *direction, "{burst:02x?}");
        }
        assert_eq!(direction_of(&[cases[3].0.clone(), cases[1].0.clone()].concat()), up);
        assert_eq!(direction_of(&[cases[5].0.clone(), cases[6].0.clone()].concat()), None);
    }
}
