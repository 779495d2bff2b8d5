//! A MAC PDU: generic MAC header, body, CRC-32; bursts of them; the body of an encrypted one (802.16-2009 clauses 6.3.2 and
//! 7.5.1.2; `dot16-wire.md` 2.1 to 2.4).

use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::le_u32;

use super::checksum::CrcForm;
use super::error::WireError;
use super::generic_mac_header::GenericMacHeader;
use super::parsing::{Fault, Parsed, describe, expect, finish, octets};
use super::serialising::serialised;

const LAYER: &str = "MAC PDU";
const CRC_OCTETS: usize = 4;

/// One MAC PDU, borrowed from the octets it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacPdu<'a> {
    /// The header, with the right HCS.
    pub header: GenericMacHeader,
    /// What stands between header and CRC: subheaders and payload, or PN, ciphertext and ICV.
    pub body: &'a [u8],
    /// The CRC as it stands on the wire, unverified; `None` if CI is 0.
    pub crc: Option<[u8; 4]>,
    /// The whole PDU.
    pub octets: &'a [u8],
}

impl<'a> MacPdu<'a> {
    /// Reads exactly one PDU at the start of `input`; the rest is `input[pdu.octets.len()..]`. The CRC is taken as it is,
    /// see [`crc_form`](Self::crc_form).
    ///
    /// # Errors
    /// A wrong header, a LEN too small for header and CRC, or fewer octets than LEN tells.
    #[inline]
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        finish(LAYER, input, Self::parser(input)).map(|(_, pdu)| pdu)
    }

    #[inline]
    fn parser(input: &'a [u8]) -> Parsed<'a, Self> {
        let (after_header, header) = GenericMacHeader::parser(input)?;
        let overhead = GenericMacHeader::OCTETS + if header.crc_present { CRC_OCTETS } else { 0 };
        let length = usize::from(header.length);
        let Some(body_length) = length.checked_sub(overhead) else {
            return Err(Fault::error(input, format!("LEN of at least {overhead} and not {length}")));
        };
        let (Some((whole, rest)), Some(body)) = (input.split_at_checked(length), after_header.get(..body_length))
        else {
            let expected = format!("{} octets after the header", length.saturating_sub(GenericMacHeader::OCTETS));
            return Err(Fault::error(after_header, expected));
        };
        let crc = if header.crc_present { whole.last_chunk().copied() } else { None };
        Ok((rest, Self { header, body, crc, octets: whole }))
    }

    /// The form in which the CRC is right; `None` if it is right in neither, or absent.
    #[must_use]
    pub fn crc_form(&self) -> Option<CrcForm> {
        let crc = self.crc?;
        let (covered, _) = self.octets.split_last_chunk::<CRC_OCTETS>()?;
        [CrcForm::MsbFirst, CrcForm::Ofdma].into_iter().find(|form| form.octets(covered) == crc)
    }

    /// The PDUs that stand one after the other in `burst`. A first octet of 0xff says that the rest is padding. After an
    /// error, whose offset counts from the start of the burst, there is nothing more: the next header cannot be found.
    pub fn burst(burst: &'a [u8]) -> impl Iterator<Item = Result<MacPdu<'a>, WireError>> {
        let mut rest = burst;
        std::iter::from_fn(move || {
            if matches!(rest.first(), None | Some(0xff)) {
                return None;
            }
            match finish(LAYER, burst, Self::parser(rest)) {
                Ok((next, pdu)) => {
                    rest = next;
                    Some(Ok(pdu))
                }
                Err(error) => {
                    rest = &[];
                    Some(Err(error))
                }
            }
        })
    }

    /// The octets of a PDU with this header and body. `length` and `crc_present` of the header are set here.
    ///
    /// # Errors
    /// The PDU would be longer than [`GenericMacHeader::MAX_PDU`], or EKS has more than 2 bits.
    pub fn build(header: GenericMacHeader, body: &[u8], crc: Option<CrcForm>) -> Result<Vec<u8>, WireError> {
        let overhead = GenericMacHeader::OCTETS + if crc.is_some() { CRC_OCTETS } else { 0 };
        let length = body.len().saturating_add(overhead);
        if length > GenericMacHeader::MAX_PDU {
            let limit = GenericMacHeader::MAX_PDU - overhead;
            return Err(WireError {
                layer: LAYER,
                offset: GenericMacHeader::OCTETS,
                expected: format!("a body of at most {limit} octets").into(),
                found: describe(body),
            });
        }
        if header.eks > 0b11 {
            return Err(WireError {
                layer: LAYER,
                offset: 1,
                expected: "an EKS of 2 bits".into(),
                found: header.eks.to_string(),
            });
        }
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        let header = GenericMacHeader { length, crc_present: crc.is_some(), ..header };
        let mut pdu = serialised(LAYER, tuple((slice(header.octets()), slice(body))))?;
        if let Some(form) = crc {
            let crc = form.octets(&pdu);
            pdu.extend(crc);
        }
        Ok(pdu)
    }
}

/// The body of a PDU with EC = 1: PN, ciphertext, ICV (802.16-2009 clause 7.5.1.2; `dot16-wire.md` 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedBody<'a> {
    /// PN as carried, 4 octets, least significant octet first on the wire; the direction bit (bit 31) is part of it.
    pub pn: u32,
    /// Encrypted subheaders and payload, as long as the plaintext; may be empty.
    pub ciphertext: &'a [u8],
    /// ICV as it stands on the wire, that is encrypted, 8 octets.
    pub icv: [u8; 8],
}

impl<'a> EncryptedBody<'a> {
    /// What encryption adds to a body, in octets: PN and ICV.
    pub const OVERHEAD: usize = 12;

    const LAYER: &'static str = "encrypted body";

    /// Reads the body of an encrypted PDU, [`MacPdu::body`].
    ///
    /// # Errors
    /// Fewer than the 12 octets of PN and ICV.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        finish(Self::LAYER, body, Self::parser(body)).map(|(_, parsed)| parsed)
    }

    fn parser(body: &'a [u8]) -> Parsed<'a, Self> {
        let (at_ciphertext, pn) = expect("a PN of 4 octets", le_u32).parse(body)?;
        let Some(length) = at_ciphertext.len().checked_sub(8) else {
            return Err(Fault::error(at_ciphertext, "an ICV of 8 octets"));
        };
        let (at_icv, ciphertext) = expect("ciphertext", take(length)).parse(at_ciphertext)?;
        let (rest, icv) = octets(at_icv)?;
        Ok((rest, Self { pn, ciphertext, icv }))
    }

    /// The octets: PN, ciphertext, ICV.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        [&self.pn.to_le_bytes(), self.ciphertext, &self.icv].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::Cid;

    fn pdu(cid: u16, body: &[u8]) -> Vec<u8> {
        MacPdu::build(GenericMacHeader::new(Cid(cid)), body, Some(CrcForm::MsbFirst)).unwrap()
    }

    #[test]
    fn a_burst_yields_its_pdus_and_ignores_padding() {
        let mut burst = pdu(1, &[4, 0]);
        burst.extend(pdu(2, &[5, 0, 1]));
        burst.extend([0xff; 9]);
        let cids: Vec<u16> = MacPdu::burst(&burst).map(|pdu| pdu.unwrap().header.cid.0).collect();
        assert_eq!(cids, [1, 2]);
        assert_eq!(MacPdu::burst(&[]).count(), 0);
    }

    #[test]
    fn a_burst_stops_after_its_first_error_and_tells_the_offset_in_the_burst() {
        let mut burst = pdu(1, &[4, 0]);
        let start = burst.len();
        burst.extend([0; 6]);
        burst[start + 5] = 1;
        burst.extend(pdu(2, &[5]));
        let items: Vec<_> = MacPdu::burst(&burst).collect();
        assert_eq!(items.len(), 2);
        assert_eq!(items[1].as_ref().unwrap_err().offset, start + 5);
    }

    #[test]
    fn a_length_that_does_not_hold_header_and_crc_is_refused() {
        for (length, crc_present, fits) in [(5, false, false), (6, false, true), (9, true, false), (10, true, true)] {
            let header = GenericMacHeader { length, crc_present, ..GenericMacHeader::new(Cid(0)) };
            let mut octets = header.octets().to_vec();
            octets.extend([0; 8]);
            assert_eq!(MacPdu::parse(&octets).is_ok(), fits, "LEN {length}, CI {crc_present}");
        }
    }

    #[test]
    fn the_longest_pdu_is_built_and_one_octet_more_is_refused() {
        let header = GenericMacHeader::new(Cid(0x0300));
        let longest = MacPdu::build(header, &[0; 2037], Some(CrcForm::Ofdma)).unwrap();
        assert_eq!(longest.len(), GenericMacHeader::MAX_PDU);
        assert_eq!(MacPdu::parse(&longest).unwrap().octets, longest);
        let error = MacPdu::build(header, &[0; 2038], Some(CrcForm::Ofdma)).unwrap_err();
        assert!(error.expected.contains("2037"), "{error}");
        assert!(MacPdu::build(header, &[0; 2041], None).is_ok());
        assert!(MacPdu::build(header, &[0; 2042], None).is_err());
    }

    #[test]
    fn the_crc_is_right_in_one_form_in_none_or_absent() {
        let header = GenericMacHeader::new(Cid(1));
        for form in [CrcForm::MsbFirst, CrcForm::Ofdma] {
            let octets = MacPdu::build(header, &[1, 2, 3], Some(form)).unwrap();
            assert_eq!(MacPdu::parse(&octets).unwrap().crc_form(), Some(form));
            let mut wrong = octets.clone();
            *wrong.last_mut().unwrap() ^= 1;
            assert_eq!(MacPdu::parse(&wrong).unwrap().crc_form(), None);
        }
        let octets = MacPdu::build(header, &[1, 2, 3], None).unwrap();
        assert_eq!(MacPdu::parse(&octets).unwrap().crc_form(), None);
    }

    #[test]
    fn an_eks_of_three_bits_is_refused() {
        let header = GenericMacHeader { eks: 4, ..GenericMacHeader::new(Cid(1)) };
        assert!(MacPdu::build(header, &[], None).is_err());
    }

    #[test]
    fn an_encrypted_body_needs_pn_and_icv() {
        let body = [1, 0, 0, 0x80, 1, 2, 3, 4, 5, 6, 7, 8];
        let parsed = EncryptedBody::parse(&body).unwrap();
        assert_eq!(parsed, EncryptedBody { pn: 0x8000_0001, ciphertext: &[], icv: [1, 2, 3, 4, 5, 6, 7, 8] });
        assert_eq!(parsed.octets(), body);
        assert_eq!(EncryptedBody::parse(&body[..11]).unwrap_err().offset, 4);
        assert_eq!(EncryptedBody::parse(&body[..3]).unwrap_err().offset, 0);
    }
}
