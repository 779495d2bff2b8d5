//! Frames that are changed after the fact, so that header and checksums hold again.

use keyhop::capture::CapturedFrame;
use keyhop::dot16::wire::{CrcForm, EncryptedBody, GenericMacHeader, MacPdu, ManagementMessage, PduType, hcs};

/// Puts HCS and CRC right again.
pub fn mend(octets: &mut [u8]) {
    let head: [u8; 5] = octets[..5].try_into().unwrap();
    octets[5] = hcs(&head);
    let length = octets.len();
    if head[1] & 0x40 != 0 && length >= 10 {
        let crc = CrcForm::MsbFirst.octets(&octets[..length - 4]);
        octets[length - 4..].copy_from_slice(&crc);
    }
}

/// The PDU of a frame that has an ICV, or a CMAC at its end.
pub fn protected(frame: &CapturedFrame) -> Option<MacPdu<'_>> {
    let pdu = MacPdu::parse(&frame.octets).ok()?;
    let signed = keyhop::capture::key_lookup::Protection::of(pdu.body).is_some();
    let sealed = pdu.header.encrypted && EncryptedBody::parse(pdu.body).is_ok();
    (frame.direction.is_some() && (sealed || (pdu.header.cid.is_management() && signed))).then_some(pdu)
}

/// The management message of a frame.
pub fn message(frame: &CapturedFrame) -> Option<ManagementMessage> {
    let pdu = MacPdu::parse(&frame.octets).ok()?;
    let plain = !pdu.header.encrypted && pdu.header.cid.is_management() && pdu.header.pdu_type == PduType::NONE;
    if frame.direction.is_none() || !plain { None } else { ManagementMessage::parse(pdu.body).ok() }
}

/// The position of the first frame whose message is of this type.
pub fn first(frames: &[CapturedFrame], name: &str) -> usize {
    frames.iter().position(|frame| message(frame).is_some_and(|message| message.name() == name)).unwrap()
}

/// The same PDU with another body.
pub fn with_body(frame: &CapturedFrame, body: &[u8]) -> Vec<u8> {
    let header: GenericMacHeader = MacPdu::parse(&frame.octets).unwrap().header;
    MacPdu::build(header, body, Some(CrcForm::MsbFirst)).unwrap()
}
