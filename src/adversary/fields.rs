//! Fields of a frame on the air that the adversary reads and rewrites, in the first PDU of a burst
//! (`dot16-wire.md` 2.1, 2.4, 3.2 and 4.1).

use crate::dot16::identifiers::CmacKeyCount;
use crate::dot16::wire::{CrcForm, EncryptedBody, GenericMacHeader, MacPdu, ManagementMessage, Tlv, hcs};

/// The bit of the PN that tells the direction.
const DIRECTION_BIT: u32 = 0x8000_0000;
/// Octets of PN and value at the end of a CMAC tuple or digest.
const CMAC_PN_AND_VALUE: usize = 12;
/// CMAC_KEY_COUNT in an RNG-REQ.
const KEY_COUNT_TLV: u8 = 13;

/// A field of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameField {
    /// CID of the generic MAC header, 2 octets.
    Cid,
    /// PN of an encrypted PDU without its direction bit, 31 bits.
    Pn,
    /// EKS of the generic MAC header, 2 bits.
    Eks,
    /// CMAC_PN of the tuple at the end of a management message, 4 octets.
    CmacPn,
    /// CMAC_KEY_COUNT of an RNG-REQ, 2 octets.
    CmacKeyCount,
}

impl FrameField {
    /// Every field with its name in scripts.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("cid", Self::Cid),
        ("pn", Self::Pn),
        ("eks", Self::Eks),
        ("cmac_pn", Self::CmacPn),
        ("cmac_key_count", Self::CmacKeyCount),
    ];

    /// Its name in scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// The largest value that it takes.
    #[must_use]
    pub const fn highest(self) -> u32 {
        match self {
            Self::Cid | Self::CmacKeyCount => 0xffff,
            Self::Pn => 0x7fff_ffff,
            Self::Eks => 3,
            Self::CmacPn => u32::MAX,
        }
    }

    /// Its value in the frame; `None`: the frame has no such field.
    #[must_use]
    pub fn read(self, frame: &[u8]) -> Option<u32> {
        let pdu = first_pdu(frame)?;
        match self {
            Self::Cid => Some(u32::from(pdu.header.cid.0)),
            Self::Eks => Some(u32::from(pdu.header.eks)),
            Self::Pn => encrypted(&pdu).map(|body| body.pn & !DIRECTION_BIT),
            Self::CmacPn => message(&pdu)?.cmac_tuple().map(|tuple| tuple.pn),
            Self::CmacKeyCount => match message(&pdu)? {
                ManagementMessage::RngReq(request) => request.cmac_key_count().map(|CmacKeyCount(count)| count.into()),
                _ => None,
            },
        }
    }

    /// Puts `value` in its place; HCS and CRC stay as they are. `None`: the frame has no such field.
    #[must_use]
    pub fn write(self, frame: &mut [u8], value: u32) -> Option<()> {
        let place = self.place(frame)?;
        let octets = frame.get_mut(place)?;
        match self {
            Self::Eks => {
                let octet = octets.first_mut()?;
                *octet = *octet & 0b1100_1111 | u8::try_from(value & 0b11).ok()? << 4;
            }
            Self::Pn => {
                let old = u32::from_le_bytes(<[u8; 4]>::try_from(&*octets).ok()?);
                octets.copy_from_slice(&(old & DIRECTION_BIT | value & !DIRECTION_BIT).to_le_bytes());
            }
            Self::Cid | Self::CmacKeyCount => octets.copy_from_slice(&u16::try_from(value).ok()?.to_be_bytes()),
            Self::CmacPn => octets.copy_from_slice(&value.to_be_bytes()),
        }
        Some(())
    }

    /// Where its octets are in the frame.
    fn place(self, frame: &[u8]) -> Option<std::ops::Range<usize>> {
        self.read(frame)?;
        let pdu = first_pdu(frame)?;
        let body = GenericMacHeader::OCTETS;
        let start = match self {
            Self::Eks => return Some(1..2),
            Self::Cid => return Some(3..5),
            Self::Pn => return Some(body..body.checked_add(4)?),
            Self::CmacPn => {
                let start = body.checked_add(pdu.body.len())?.checked_sub(CMAC_PN_AND_VALUE)?;
                return Some(start..start.checked_add(4)?);
            }
            // Its TLVs begin after message type and a reserved octet.
            Self::CmacKeyCount => 2,
        };
        let mut rest = pdu.body.get(start..)?;
        while let Ok((tlv, next)) = Tlv::parse(rest, 0) {
            if tlv.kind == KEY_COUNT_TLV && tlv.value.len() == 2 {
                let end = body.checked_add(pdu.body.len())?.checked_sub(next.len())?;
                return Some(end.checked_sub(2)?..end);
            }
            rest = next;
        }
        None
    }
}

/// The first PDU of a frame.
pub(super) fn first_pdu(frame: &[u8]) -> Option<MacPdu<'_>> {
    MacPdu::burst(frame).next()?.ok()
}

fn encrypted<'a>(pdu: &MacPdu<'a>) -> Option<EncryptedBody<'a>> {
    pdu.header.encrypted.then(|| EncryptedBody::parse(pdu.body).ok())?
}

fn message(pdu: &MacPdu<'_>) -> Option<ManagementMessage> {
    (pdu.header.cid.is_management() && !pdu.header.encrypted).then(|| ManagementMessage::parse(pdu.body).ok())?
}

/// Makes HCS and, where there is one, CRC-32 of the first PDU right again; `form` is the bit order of the CRC. A frame too
/// short for its own LEN keeps a wrong CRC.
pub(super) fn mend(frame: &mut [u8], form: CrcForm) {
    let Some((header, _)) = frame.split_first_chunk_mut::<{ GenericMacHeader::OCTETS }>() else {
        return;
    };
    let [a, b, c, d, e, check] = header;
    *check = hcs(&[*a, *b, *c, *d, *e]);
    let crc_present = *b & 0x40 != 0;
    let length = usize::from(u16::from_be_bytes([*b & 0b111, *c]));
    if let Some(pdu) = frame.get_mut(..length).filter(|_| crc_present)
        && let Some((covered, crc)) = pdu.split_last_chunk_mut::<4>()
    {
        *crc = form.octets(covered);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::dot16::identifiers::{AkSequenceNumber, Cid, MsMac};
    use crate::dot16::wire::{CmacTuple, RngReq, RngReqTlv};

    /// An uplink data PDU on CID 0x1000 with EKS 1 and PN 7.
    pub fn data() -> Vec<u8> {
        let body = EncryptedBody { pn: 7 | DIRECTION_BIT, ciphertext: &[0xaa; 20], icv: [0xbb; 8] }.octets();
        let header = GenericMacHeader { encrypted: true, eks: 1, ..GenericMacHeader::new(Cid(0x1000)) };
        MacPdu::build(header, &body, Some(CrcForm::MsbFirst)).unwrap()
    }

    /// An RNG-REQ on CID 21 with count 3 and CMAC_PN 9.
    pub fn rng_req() -> Vec<u8> {
        let tuple = CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(0), bsid: None, pn: 9, value: [0xcc; 8] };
        let tlvs = vec![
            RngReqTlv::SsMacAddress(MsMac([2; 6])),
            RngReqTlv::CmacKeyCount(CmacKeyCount(3)),
            RngReqTlv::MacVersion(6),
            RngReqTlv::CmacTuple(tuple),
        ];
        let message = RngReq { reserved: 0, tlvs: tlvs.into() }.octets().unwrap();
        MacPdu::build(GenericMacHeader::new(Cid(21)), &message, Some(CrcForm::MsbFirst)).unwrap()
    }

    #[test]
    fn every_field_is_read_where_a_frame_has_it_and_nowhere_else() {
        let read = |frame: &[u8]| FrameField::NAMED.map(|(_, field)| field.read(frame));
        assert_eq!(read(&data()), [Some(0x1000), Some(7), Some(1), None, None]);
        assert_eq!(read(&rng_req()), [Some(21), None, Some(0), Some(9), Some(3)]);
        assert_eq!(read(&[0; 3]), [None; 5]);
        assert_eq!(read(&[]), [None; 5]);
    }

    #[test]
    fn a_field_is_written_in_its_place_and_the_rest_stays() {
        for (frame, fields) in [
            (data(), vec![(FrameField::Cid, 0x1234), (FrameField::Pn, 0x7fff_fffe), (FrameField::Eks, 2)]),
            (
                rng_req(),
                vec![(FrameField::CmacPn, 0xffff_fffe), (FrameField::CmacKeyCount, 0xffff), (FrameField::Eks, 3)],
            ),
        ] {
            for (field, value) in fields {
                let mut changed = frame.clone();
                field.write(&mut changed, value).unwrap();
                mend(&mut changed, CrcForm::MsbFirst);
                assert_eq!(field.read(&changed), Some(value), "{field:?}");
                assert_eq!(first_pdu(&changed).unwrap().crc_form(), Some(CrcForm::MsbFirst));
                let others = FrameField::NAMED.iter().filter(|(_, other)| *other != field);
                for (name, other) in others {
                    assert_eq!(other.read(&changed), other.read(&frame), "{name} beside {field:?}");
                }
            }
        }
        // The direction bit stays.
        let mut changed = data();
        FrameField::Pn.write(&mut changed, 8).unwrap();
        assert_eq!(changed[6..10], [8, 0, 0, 0x80]);
    }

    #[test]
    fn nothing_is_written_where_the_field_is_missing() {
        let mut frame = data();
        assert_eq!(FrameField::CmacPn.write(&mut frame, 1), None);
        assert_eq!(FrameField::CmacKeyCount.write(&mut frame, 1), None);
        assert_eq!(frame, data());
    }
}
