//! Encapsulating Security Payload, IPv4 protocol 50: what protects a packet of the core network on its link (RFC 4303), in the form
//! that AES-GCM gives it (RFC 4106).
//!
//! ```text
//! SPI (4) | sequence number (4) | IV (8) | ciphertext | ICV (16)
//! ciphertext: payload | padding 1, 2, 3 ... | octets of padding (1) | next header (1), a multiple of 4 octets
//! ```
//!
//! The payload is what IPv4 would carry without it (transport mode).

use cookie_factory::bytes::be_u32 as write_u32;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::number::complete::be_u32;
use nom::{IResult, Parser};

use super::WireError;
use super::core_error::serialise;

/// Octets of the initialisation vector.
pub const IV_OCTETS: usize = 8;
/// Octets of the integrity check value.
pub const ICV_OCTETS: usize = 16;

const LAYER: &str = "ESP";
/// Octets in front of the ciphertext.
const HEADER_OCTETS: usize = 8 + IV_OCTETS;
/// Octets behind payload and padding: how much padding there is, and the next header.
const TRAILER_OCTETS: usize = 2;
/// What payload, padding and the two octets behind it are a multiple of.
const ALIGNMENT: usize = 4;

/// A protected packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EspPacket {
    /// Security parameters index: which key.
    pub spi: u32,
    /// Sequence number, from 1.
    pub sequence: u32,
    /// What makes the nonce another for each packet.
    pub iv: [u8; IV_OCTETS],
    /// Ciphertext and ICV, [`ICV_OCTETS`] at least.
    pub sealed: Vec<u8>,
}

fn header(input: &[u8]) -> IResult<&[u8], (u32, u32, &[u8])> {
    (be_u32, be_u32, take(IV_OCTETS)).parse(input)
}

impl EspPacket {
    /// The packet that `octets`, what IPv4 carries, are.
    ///
    /// # Errors
    /// Fewer octets than header and ICV have; an SPI of 0 to 255, which names no key; a ciphertext that is empty or no multiple of 4.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let short = || {
            let least = HEADER_OCTETS.saturating_add(ALIGNMENT).saturating_add(ICV_OCTETS);
            WireError::new(LAYER, octets.len(), format!("at least {least} octets"), format!("{} octets", octets.len()))
        };
        let (sealed, (spi, sequence, iv)) = header(octets).map_err(|_| short())?;
        let iv = iv.try_into().map_err(|_| short())?;
        if spi <= RESERVED_SPI {
            return Err(WireError::new(LAYER, 0, format!("an SPI above {RESERVED_SPI}"), spi));
        }
        let ciphertext = sealed.len().checked_sub(ICV_OCTETS).filter(|length| *length > 0).ok_or_else(short)?;
        if !ciphertext.is_multiple_of(ALIGNMENT) {
            let expected = format!("a ciphertext of a multiple of {ALIGNMENT} octets");
            return Err(WireError::new(LAYER, HEADER_OCTETS, expected, format!("{ciphertext} octets")));
        }
        Ok(Self { spi, sequence, iv, sealed: sealed.to_vec() })
    }

    /// Its octets.
    ///
    /// # Errors
    /// None that a packet in memory could be the cause of.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let header = (write_u32(self.spi), write_u32(self.sequence), slice(self.iv));
        serialise(LAYER, tuple((tuple(header), slice(&self.sealed))))
    }

    /// What the ICV covers besides the ciphertext: SPI and sequence number.
    #[must_use]
    pub fn associated_data(&self) -> [u8; 8] {
        let mut octets = [0; 8];
        let numbers = self.spi.to_be_bytes().into_iter().chain(self.sequence.to_be_bytes());
        for (octet, value) in octets.iter_mut().zip(numbers) {
            *octet = value;
        }
        octets
    }
}

/// The highest SPI that names no key (RFC 4303 clause 2.1).
const RESERVED_SPI: u32 = 255;

/// A payload with the padding and the trailer that go behind it.
#[must_use]
pub fn padded(payload: &[u8], next_header: u8) -> Vec<u8> {
    let mut octets = payload.to_vec();
    let mut padding = 0_u8;
    while !octets.len().saturating_add(TRAILER_OCTETS).is_multiple_of(ALIGNMENT) {
        padding = padding.saturating_add(1);
        octets.push(padding);
    }
    octets.extend([padding, next_header]);
    octets
}

/// The next header and the payload of what was ciphered.
///
/// # Errors
/// Fewer octets than the trailer says; padding that does not count from 1.
pub fn unpadded(plain: &[u8]) -> Result<(u8, &[u8]), WireError> {
    let error = |expected: &'static str, found: String| Err(WireError::new(LAYER, HEADER_OCTETS, expected, found));
    let Some((payload, [padding, next_header])) = plain.split_last_chunk::<TRAILER_OCTETS>() else {
        return error("the octets behind the padding", format!("{} octets", plain.len()));
    };
    let Some(length) = payload.len().checked_sub(usize::from(*padding)) else {
        return error("padding that is there", format!("{padding} octets of {}", payload.len()));
    };
    let (payload, filled) = payload.split_at(length);
    if filled.iter().zip(1_u8..).any(|(octet, expected)| *octet != expected) {
        return error("padding 1, 2, 3 ...", format!("{filled:02x?}"));
    }
    Ok((*next_header, payload))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet() -> EspPacket {
        EspPacket { spi: 0x1000, sequence: 7, iv: [9; IV_OCTETS], sealed: vec![3; 4 + ICV_OCTETS] }
    }

    #[test]
    fn every_prefix_is_an_error_and_the_text_says_what_was_expected() {
        let octets = packet().octets().unwrap();
        assert_eq!(EspPacket::parse(&octets), Ok(packet()));
        for length in 0..octets.len() {
            assert!(EspPacket::parse(&octets[..length]).is_err());
        }
        let error = EspPacket::parse(&octets[..20]).unwrap_err().to_string();
        assert_eq!(error, "ESP, octet 20: expected at least 36 octets, found 20 octets");
        let error = EspPacket::parse(&[&[0, 0, 0, 255], &octets[4..]].concat()).unwrap_err().to_string();
        assert_eq!(error, "ESP, octet 0: expected an SPI above 255, found 255");
        assert!(EspPacket::parse(&[&octets[..], &[0]].concat()).is_err());
    }

    #[test]
    fn padding_fills_up_to_four_octets_and_counts_from_one() {
        assert_eq!(padded(&[8], 17), [8, 1, 1, 17]);
        assert_eq!(padded(&[8, 8, 8], 17), [8, 8, 8, 1, 2, 3, 3, 17]);
        assert_eq!(padded(&[8, 8], 132), [8, 8, 0, 132]);
        for wrong in [&[17][..], &[1, 3, 17], &[8, 8, 2, 2, 17]] {
            assert!(unpadded(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_read_back(
            payload in prop::collection::vec(any::<u8>(), 0..50), next_header: u8, spi in 256_u32.., sequence: u32, iv: [u8; 8],
        ) {
            let plain = padded(&payload, next_header);
            prop_assert_eq!(unpadded(&plain), Ok((next_header, payload.as_slice())));
            let packet = EspPacket { spi, sequence, iv, sealed: [&plain[..], &[0; ICV_OCTETS]].concat() };
            prop_assert_eq!(EspPacket::parse(&packet.octets().unwrap()), Ok(packet));
        }
    }
}
