//! Sealing and opening data PDUs with AES-CCM (802.16-2009 clause 7.5.1.2; `dot16-security.md` 4.1, `dot16-wire.md`
//! 2.4).
//!
//! CCM has a 13-octet nonce, an 8-octet tag (the ICV) and no associated data. The nonce is
//!
//! ```text
//! first five octets of the header as sent | 00000000 | PN field, least significant octet first
//! ```
//!
//! so the header is authenticated through it, all but the HCS, which follows from the rest. The CRC-32 stands
//! outside: it is computed over the sealed PDU, and neither function here looks at one that was received
//! ([`MacPdu::crc_form`] does).

use super::keys::Tek;
use super::packet_number::PacketNumber;
use crate::dot16::identifiers::Direction;
use crate::dot16::wire::{CrcForm, EncryptedBody, GenericMacHeader, MacPdu, WireError};
use crate::lanes::{CcmJob, Path};

/// Octets of a CRC-32.
const CRC_OCTETS: usize = 4;

/// Why a PDU was not sealed. Nothing was encrypted, and the packet number is not spent on the air.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The sealed PDU would be longer than LEN can tell.
    #[error("sealed PDU: expected a payload of at most {limit} octets, found {found}")]
    TooLong {
        /// Octets of plaintext that fit: 2025 with a CRC, 2029 without.
        limit: usize,
        /// Octets of plaintext given.
        found: usize,
    },
    /// The header cannot be written.
    #[error(transparent)]
    Header(#[from] WireError),
}

/// Why a PDU did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// EC is 0.
    #[error("MAC PDU, octet 0: expected EC = 1 of an encrypted PDU, found EC = 0")]
    NotEncrypted,
    /// There is no room for PN and ICV.
    #[error(
        "encrypted body, octet 0: expected at least {needed} octets of PN and ICV, found {found}",
        needed = EncryptedBody::OVERHEAD
    )]
    TooShort {
        /// Octets between header and CRC.
        found: usize,
    },
    /// The packet number counts 0, which no sender uses.
    #[error("encrypted body, octet 0: expected a PN whose 31 low bits are not 0, found {field:#010x}")]
    PnZero {
        /// The PN field: 0 or 0x80000000.
        field: u32,
    },
    /// The ICV does not verify: another TEK, or the header, PN, ciphertext or ICV were changed.
    #[error("encrypted body: the ICV does not verify, the TEK is another one or the PDU was changed")]
    Icv,
}

/// A PDU that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The packet number, without the direction bit. Whether it is new is for the receive window to say.
    pub pn: PacketNumber,
    /// The direction that the packet number field names; whether it fits is for the receiver to say.
    pub direction: Direction,
    /// Subheaders and payload.
    pub plaintext: Vec<u8>,
}

/// The longest plaintext that fits in a sealed PDU, in octets: 2025 with a CRC, 2029 without.
#[must_use]
pub const fn max_plaintext(crc: Option<CrcForm>) -> usize {
    let crc = if crc.is_some() { CRC_OCTETS } else { 0 };
    GenericMacHeader::MAX_PDU - GenericMacHeader::OCTETS - EncryptedBody::OVERHEAD - crc
}

/// Seals `plaintext` (subheaders and payload) in a PDU: header, PN, ciphertext, ICV and, if asked for, a CRC. Of
/// `template` EC, CI, LEN and HCS are set here; Type, ESF, EKS and CID are taken as they are.
///
/// # Errors
/// [`SealError::TooLong`] beyond [`max_plaintext`]; [`SealError::Header`] if EKS has more than 2 bits.
pub fn seal(
    tek: &Tek,
    template: GenericMacHeader,
    pn: PacketNumber,
    direction: Direction,
    plaintext: &[u8],
    crc: Option<CrcForm>,
) -> Result<Vec<u8>, SealError> {
    let limit = max_plaintext(crc);
    let too_long = SealError::TooLong { limit, found: plaintext.len() };
    if plaintext.len() > limit {
        return Err(too_long);
    }
    let length = GenericMacHeader::MAX_PDU - limit + plaintext.len();
    let length = u16::try_from(length).map_err(|_| too_long.clone())?;
    let header = GenericMacHeader { encrypted: true, crc_present: crc.is_some(), length, ..template };
    let field = pn.field(direction);
    #[cfg(fuzzing)]
    if let Some(icv) = super::null_crypto::ccm_tag(tek) {
        let body = EncryptedBody { pn: field, ciphertext: plaintext, icv }.octets();
        return Ok(MacPdu::build(header, &body, crc)?);
    }
    let mut ciphertext = plaintext.to_vec();
    let mut job = [CcmJob::new(tek.octets(), nonce(&header, field), &mut ciphertext)];
    Path::best().seal(&mut job);
    let [CcmJob { icv, .. }] = job;
    let body = EncryptedBody { pn: field, ciphertext: &ciphertext, icv }.octets();
    Ok(MacPdu::build(header, &body, crc)?)
}

/// Opens a sealed PDU.
///
/// # Errors
/// As [`OpenError`] tells, looked at in its order.
pub fn open(tek: &Tek, pdu: &MacPdu<'_>) -> Result<Opened, OpenError> {
    let (body, pn, direction) = parts(pdu)?;
    let mut plaintext = body.ciphertext.to_vec();
    #[cfg(fuzzing)]
    if let Some(tag) = super::null_crypto::ccm_tag(tek) {
        let taken = super::null_crypto::takes(tag, &body.icv);
        return if taken { Ok(Opened { pn, direction, plaintext }) } else { Err(OpenError::Icv) };
    }
    let nonce = nonce(&pdu.header, body.pn);
    let mut job = [CcmJob { icv: body.icv, ..CcmJob::new(tek.octets(), nonce, &mut plaintext) }];
    Path::best().open(&mut job);
    let [CcmJob { verified: true, .. }] = job else { return Err(OpenError::Icv) };
    Ok(Opened { pn, direction, plaintext })
}

/// Which of `teks` the PDU opens under: the first of them, by its place. Their plaintext is not made.
///
/// # Errors
/// As [`open`], but for an ICV that verifies under none: that is `None`.
pub fn first_that_opens(teks: &[[u8; Tek::OCTETS]], pdu: &MacPdu<'_>) -> Result<Option<usize>, OpenError> {
    let (body, ..) = parts(pdu)?;
    #[cfg(fuzzing)]
    if teks.iter().any(|tek| super::null_crypto::ccm_tag(&Tek::from_octets(*tek)).is_some()) {
        return Ok(teks.iter().position(|tek| open(&Tek::from_octets(*tek), pdu).is_ok()));
    }
    Ok(Path::best().first_that_opens(teks, nonce(&pdu.header, body.pn), body.ciphertext, body.icv))
}

/// Packet number and direction of a sealed PDU, without opening it.
///
/// # Errors
/// As [`open`], short of the ICV.
pub fn packet_number(pdu: &MacPdu<'_>) -> Result<(PacketNumber, Direction), OpenError> {
    parts(pdu).map(|(_, pn, direction)| (pn, direction))
}

fn parts<'a>(pdu: &MacPdu<'a>) -> Result<(EncryptedBody<'a>, PacketNumber, Direction), OpenError> {
    if !pdu.header.encrypted {
        return Err(OpenError::NotEncrypted);
    }
    let body = EncryptedBody::parse(pdu.body).map_err(|_| OpenError::TooShort { found: pdu.body.len() })?;
    let (pn, direction) = PacketNumber::from_field(body.pn).map_err(|_| OpenError::PnZero { field: body.pn })?;
    Ok((body, pn, direction))
}

/// The nonce of a PDU, 13 octets: two PDUs under one TEK must never have the same. `header` is that of the sealed
/// PDU, `pn_field` its PN field with the direction bit.
#[must_use]
pub fn nonce(header: &GenericMacHeader, pn_field: u32) -> [u8; 13] {
    let [a, b, c, d, e] = header.nonce_octets();
    let [p, q, r, s] = pn_field.to_le_bytes();
    [a, b, c, d, e, 0, 0, 0, 0, p, q, r, s]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::Cid;
    use crate::dot16::wire::PduType;
    use aes::Aes128;
    use ccm::Ccm;
    use ccm::aead::{Aead, KeyInit};
    use ccm::consts::{U8, U13};
    use proptest::prelude::*;

    const TEK: [u8; 16] = [0x5a; 16];

    fn tek() -> Tek {
        Tek::from_octets(TEK)
    }

    fn header() -> GenericMacHeader {
        GenericMacHeader { eks: 2, ..GenericMacHeader::new(Cid(0x0301)) }
    }

    fn sealed(plaintext: &[u8], crc: Option<CrcForm>) -> Vec<u8> {
        seal(&tek(), header(), PacketNumber::new(77).unwrap(), Direction::Uplink, plaintext, crc).unwrap()
    }

    fn opened(octets: &[u8]) -> Result<Opened, OpenError> {
        open(&tek(), &MacPdu::parse(octets).unwrap())
    }

    /// The PDU put together by hand from the layout, with the `ccm` crate for the cipher alone.
    fn by_hand(plaintext: &[u8], crc: Option<CrcForm>) -> Vec<u8> {
        let length = 6 + 4 + plaintext.len() + 8 + if crc.is_some() { 4 } else { 0 };
        let ci = if crc.is_some() { 0x40 } else { 0 };
        let mut pdu = vec![0x40, ci | 0x20 | (length >> 8) as u8, (length & 0xff) as u8, 0x03, 0x01];
        let nonce = [&pdu[..], &[0, 0, 0, 0], &[77, 0, 0, 0x80]].concat();
        let ciphertext_and_icv =
            Ccm::<Aes128, U8, U13>::new(&TEK.into()).encrypt(nonce.as_slice().try_into().unwrap(), plaintext).unwrap();
        pdu.push(crate::dot16::wire::checksum::hcs(&pdu[..].try_into().unwrap()));
        pdu.extend([77, 0, 0, 0x80]);
        pdu.extend(ciphertext_and_icv);
        if let Some(form) = crc {
            pdu.extend(form.octets(&pdu));
        }
        pdu
    }

    #[test]
    fn a_sealed_pdu_is_the_one_put_together_by_hand_at_every_length() {
        let payload: Vec<u8> = (0..2029).map(|place| (place * 31 % 251) as u8).collect();
        let lengths = (0..=2025).step_by(27).chain([1, 15, 16, 17, 31, 32, 33, 1500, 2024, 2025]);
        for length in lengths {
            for crc in [None, Some(CrcForm::MsbFirst), Some(CrcForm::Ofdma)] {
                let plaintext = &payload[..length];
                let pdu = sealed(plaintext, crc);
                assert_eq!(pdu, by_hand(plaintext, crc), "{length} octets, CRC {crc:?}");
                assert_eq!(opened(&pdu).unwrap().plaintext, plaintext);
            }
        }
        assert_eq!(sealed(&payload, None), by_hand(&payload, None));
    }

    #[test]
    fn the_longest_payload_fills_a_pdu_and_one_octet_more_is_refused() {
        for (crc, limit) in [(Some(CrcForm::MsbFirst), 2025), (Some(CrcForm::Ofdma), 2025), (None, 2029)] {
            assert_eq!(sealed(&vec![1; limit], crc).len(), GenericMacHeader::MAX_PDU);
            let result = seal(&tek(), header(), PacketNumber::FIRST, Direction::Uplink, &vec![1; limit + 1], crc);
            assert_eq!(result, Err(SealError::TooLong { limit, found: limit + 1 }));
        }
    }

    #[test]
    fn every_changed_octet_keeps_a_pdu_from_opening() {
        let pdu = sealed(b"sixteen octets..and some more", None);
        assert!(opened(&pdu).is_ok());
        for place in 0..pdu.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = pdu.clone();
                changed[place] ^= change;
                // The HCS notices every change of the header; put it right, as an attacker would.
                for put_right in [false, true] {
                    if put_right {
                        changed[5] = crate::dot16::wire::checksum::hcs(&changed[..5].try_into().unwrap());
                    }
                    if changed == pdu {
                        continue; // The HCS itself was the change, and was put right.
                    }
                    let opens = MacPdu::parse(&changed).is_ok_and(|pdu| open(&tek(), &pdu).is_ok());
                    assert!(!opens, "octet {place} changed by {change:#04x}, HCS put right: {put_right}");
                }
            }
        }
    }

    #[test]
    fn another_tek_does_not_open_it() {
        let pdu = sealed(b"payload", Some(CrcForm::MsbFirst));
        let result = open(&Tek::from_octets([0x5b; 16]), &MacPdu::parse(&pdu).unwrap());
        assert_eq!(result, Err(OpenError::Icv));
    }

    #[test]
    fn of_many_teks_the_first_that_opens_it_is_found() {
        let pdu = sealed(b"payload", Some(CrcForm::MsbFirst));
        let pdu = MacPdu::parse(&pdu).unwrap();
        let mut teks: Vec<[u8; 16]> = (0..33).map(|octet| [octet; 16]).collect();
        assert_eq!(first_that_opens(&teks, &pdu), Ok(None));
        assert_eq!(first_that_opens(&[], &pdu), Ok(None));
        for place in [32, 20, 19, 0] {
            teks[place] = TEK;
            assert_eq!(first_that_opens(&teks, &pdu), Ok(Some(place)));
        }
        let plain = MacPdu::build(header(), &[0; 20], None).unwrap();
        assert_eq!(first_that_opens(&teks, &MacPdu::parse(&plain).unwrap()), Err(OpenError::NotEncrypted));
    }

    #[test]
    fn a_plain_pdu_is_not_opened() {
        let plain = MacPdu::build(header(), &[0; 20], None).unwrap();
        assert_eq!(opened(&plain), Err(OpenError::NotEncrypted));
    }

    #[test]
    fn a_body_without_room_for_pn_and_icv_is_too_short() {
        let header = GenericMacHeader { encrypted: true, ..header() };
        for found in 0..12 {
            let pdu = MacPdu::build(header, &vec![1; found], Some(CrcForm::Ofdma)).unwrap();
            assert_eq!(opened(&pdu), Err(OpenError::TooShort { found }));
        }
        let pdu = MacPdu::build(header, &[1; 12], Some(CrcForm::Ofdma)).unwrap();
        assert_eq!(opened(&pdu), Err(OpenError::Icv));
    }

    #[test]
    fn a_packet_number_of_zero_is_refused_in_both_directions_even_if_the_icv_is_right() {
        for field in [0, 0x8000_0000_u32] {
            let header = GenericMacHeader { encrypted: true, length: 18, ..header() };
            let icv = Ccm::<Aes128, U8, U13>::new(&TEK.into()).encrypt(&nonce(&header, field).into(), &[][..]).unwrap();
            let body = [&field.to_le_bytes()[..], &icv].concat();
            let pdu = MacPdu::build(header, &body, None).unwrap();
            assert_eq!(opened(&pdu), Err(OpenError::PnZero { field }));
        }
    }

    #[test]
    fn both_directions_of_one_packet_number_have_different_nonces() {
        let pdu = |direction| seal(&tek(), header(), PacketNumber::FIRST, direction, &[0; 8], None).unwrap();
        let (up, down) = (pdu(Direction::Uplink), pdu(Direction::Downlink));
        assert_eq!((&up[6..10], &down[6..10]), (&[1, 0, 0, 0x80][..], &[1, 0, 0, 0][..]));
        assert_ne!(up[10..], down[10..]);
    }

    #[test]
    fn an_eks_of_three_bits_is_refused() {
        let template = GenericMacHeader { eks: 4, ..header() };
        let result = seal(&tek(), template, PacketNumber::FIRST, Direction::Uplink, &[], None);
        assert!(matches!(result, Err(SealError::Header(_))), "{result:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_sealed_opens_to_the_same(
            key: [u8; 16], kind in 0u8..64, eks in 0u8..4, cid: u16, esf: bool, count in 1u32..=0x7fff_ffff, uplink: bool,
            plaintext in prop::collection::vec(any::<u8>(), 0..200),
            crc in prop_oneof![Just(None), Just(Some(CrcForm::MsbFirst)), Just(Some(CrcForm::Ofdma))],
        ) {
            let template = GenericMacHeader {
                pdu_type: PduType::from_bits(kind),
                eks,
                extended_subheader_group: esf,
                ..GenericMacHeader::new(Cid(cid))
            };
            let (tek, pn) = (Tek::from_octets(key), PacketNumber::new(count).unwrap());
            let direction = if uplink { Direction::Uplink } else { Direction::Downlink };
            let octets = seal(&tek, template, pn, direction, &plaintext, crc).unwrap();
            let pdu = MacPdu::parse(&octets).unwrap();
            prop_assert_eq!(pdu.crc_form(), crc);
            prop_assert_eq!((pdu.header.eks, pdu.header.pdu_type.bits(), pdu.header.cid), (eks, kind, Cid(cid)));
            prop_assert_eq!(open(&tek, &pdu).unwrap(), Opened { pn, direction, plaintext });
        }
    }
}
