//! DTLS 1.2 as far as it stands in the clear: records, handshake messages in fragments, alerts, and what hello and key exchange messages
//! say where the key is a pre-shared one (RFC 6347 section 4, RFC 5246 section 7, RFC 4279).
//!
//! ```text
//! record:             content type (1) | version (2) | epoch (2) | sequence number (6) | length (2) | fragment
//! handshake message:  type (1) | length (3) | message sequence (2) | fragment offset (3) | fragment length (3) | body
//! ```
//!
//! `handshake`: messages put together of their fragments, and what is in them. `transcript`: all of a handshake.

mod handshake;
mod transcript;

pub use handshake::{
    ClientHello, HandshakeFragment, HandshakeMessage, HandshakeReassembly, HandshakeType, MAX_MESSAGE, MAX_MESSAGES,
    ServerHello, psk_identity,
};
pub use transcript::{HandshakeTranscript, SessionEnd};

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16};

use super::WireError;
use super::core_error::{length_16, serialise};

const LAYER: &str = "DTLS";
/// Octets in front of the fragment of a record.
const HEADER_OCTETS: usize = 13;

/// The version that DTLS 1.2 has on the wire.
pub const VERSION_1_2: u16 = 0xfefd;
/// Most octets of a fragment: 2^14 of content, and 2048 that protection may add (RFC 5246 section 6.2.3).
pub const MAX_FRAGMENT: usize = 18_432;

/// What a record carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentType(pub u8);

impl ContentType {
    /// What follows is protected under the keys that were agreed on.
    pub const CHANGE_CIPHER_SPEC: Self = Self(20);
    /// A warning, or why it ends.
    pub const ALERT: Self = Self(21);
    /// A handshake message, or a part of one.
    pub const HANDSHAKE: Self = Self(22);
    /// What the application says.
    pub const APPLICATION_DATA: Self = Self(23);
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsRecord {
    /// What it carries.
    pub content: ContentType,
    /// Version, 2 octets: [`VERSION_1_2`], or that of DTLS 1.0 before there is an agreement on one.
    pub version: u16,
    /// How often keys were changed before: 0 = in the clear.
    pub epoch: u16,
    /// Its number in the epoch, 48 bits.
    pub sequence: u64,
    /// What it carries, protected from epoch 1 on.
    pub fragment: Vec<u8>,
}

impl DtlsRecord {
    /// All records of a datagram.
    ///
    /// # Errors
    /// No record at all; a record cut short, of another version than DTLS 1.0 or 1.2, of another type than the four, or with a longer
    /// fragment than [`MAX_FRAGMENT`].
    pub fn parse_all(datagram: &[u8]) -> Result<Vec<Self>, WireError> {
        let mut records = Vec::new();
        let mut rest = datagram;
        loop {
            let offset = datagram.len().saturating_sub(rest.len());
            let header = (be_u8::<_, ()>, be_u16, be_u16, be_u16, nom::number::complete::be_u32, be_u16).parse(rest);
            let Ok((behind, (content, version, epoch, high, low, length))) = header else {
                let found = format!("{} octets", rest.len());
                return Err(WireError::new(LAYER, offset, "a record header of 13 octets", found));
            };
            if !(ContentType::CHANGE_CIPHER_SPEC.0..=ContentType::APPLICATION_DATA.0).contains(&content) {
                return Err(WireError::new(LAYER, offset, "content type 20 to 23", content));
            }
            if version != VERSION_1_2 && version != VERSION_1_0 {
                let (offset, found) = (offset.saturating_add(1), format!("{version:#06x}"));
                return Err(WireError::new(LAYER, offset, "version 0xfefd or 0xfeff", found));
            }
            let at_length = offset.saturating_add(HEADER_OCTETS - 2);
            if usize::from(length) > MAX_FRAGMENT {
                return Err(WireError::new(LAYER, at_length, format!("at most {MAX_FRAGMENT} octets"), length));
            }
            let Ok((behind, fragment)) = take::<_, _, ()>(length).parse(behind) else {
                let expected = format!("{length} octets of a record");
                return Err(WireError::new(LAYER, at_length, expected, format!("{} octets", behind.len())));
            };
            let sequence = u64::from(high) << 32 | u64::from(low);
            let content = ContentType(content);
            records.push(Self { content, version, epoch, sequence, fragment: fragment.to_vec() });
            rest = behind;
            if rest.is_empty() {
                return Ok(records);
            }
        }
    }

    /// Its octets.
    ///
    /// # Errors
    /// A fragment of more than 65535 octets.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let length = length_16(LAYER, HEADER_OCTETS - 2, self.fragment.len())?;
        let number = self.number();
        let header = (write_u8(self.content.0), write_u16(self.version), slice(number), write_u16(length));
        serialise(LAYER, tuple((tuple(header), slice(&self.fragment))))
    }

    /// Epoch and sequence number as they stand in the header, 8 octets: no two records of a sender have the same.
    #[must_use]
    pub fn number(&self) -> [u8; 8] {
        (u64::from(self.epoch) << 48 | self.sequence & MAX_SEQUENCE).to_be_bytes()
    }

    /// The record of an alert in the clear.
    #[must_use]
    pub fn alert(alert: Alert, sequence: u64) -> Self {
        let fragment = vec![alert.level, alert.description];
        Self { content: ContentType::ALERT, version: VERSION_1_2, epoch: 0, sequence, fragment }
    }
}

impl DtlsRecord {
    /// Whether it begins with a ClientHello in the clear.
    #[must_use]
    pub fn is_client_hello(&self) -> bool {
        self.content == ContentType::HANDSHAKE
            && self.epoch == 0
            && self.fragment.first() == Some(&HandshakeType::CLIENT_HELLO.0)
    }

    /// The ClientHello with which it begins, if it does and that is whole.
    #[must_use]
    pub fn client_hello(&self) -> Option<ClientHello> {
        let fragments = HandshakeFragment::parse_all(&self.fragment).ok().filter(|_| self.is_client_hello())?;
        let whole = |one: &&HandshakeFragment| usize::try_from(one.length) == Ok(one.part.len());
        ClientHello::parse(&fragments.first().filter(whole)?.part)
    }

    /// What is in it, by the names of its messages; of what is protected, by its type.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        match (self.content, self.epoch) {
            (ContentType::HANDSHAKE, 0) => {
                let fragments = HandshakeFragment::parse_all(&self.fragment).unwrap_or_default();
                fragments.iter().map(|fragment| fragment.kind.name()).collect()
            }
            (ContentType::HANDSHAKE, _) => vec![HandshakeType::FINISHED.name()],
            (ContentType::CHANGE_CIPHER_SPEC, _) => vec!["ChangeCipherSpec"],
            (ContentType::ALERT, _) => vec!["alert"],
            _ => vec!["application data"],
        }
    }
}

/// What is in a datagram, by the names of its messages; of what is protected, by the type of the record.
#[must_use]
pub fn names(datagram: &[u8]) -> String {
    let records = DtlsRecord::parse_all(datagram).unwrap_or_default();
    let names: Vec<&str> = records.iter().flat_map(DtlsRecord::names).collect();
    format!("DTLS: {}", names.join(", "))
}

/// The version on the wire of DTLS 1.0, which a HelloVerifyRequest has (RFC 6347 section 4.2.1).
const VERSION_1_0: u16 = 0xfeff;
/// The highest sequence number.
const MAX_SEQUENCE: u64 = (1 << 48) - 1;

/// What an alert says (RFC 5246 section 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alert {
    /// 1 = warning, 2 = fatal.
    pub level: u8,
    /// Which.
    pub description: u8,
}

impl Alert {
    /// The sender sends nothing more.
    pub const CLOSE_NOTIFY: Self = Self { level: 1, description: 0 };
    /// Something could not be deciphered or verified: another key than the peer's.
    pub const DECRYPT_ERROR: Self = Self { level: 2, description: 51 };
    /// The sender cannot go on, for a reason of its own.
    pub const INTERNAL_ERROR: Self = Self { level: 2, description: 80 };
    /// There is no key of this identity (RFC 4279 section 2).
    pub const UNKNOWN_PSK_IDENTITY: Self = Self { level: 2, description: 115 };

    /// The alert that these octets are, the content of a record.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        match octets {
            &[level, description] => Some(Self { level, description }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> DtlsRecord {
        let content = ContentType::APPLICATION_DATA;
        DtlsRecord { content, version: VERSION_1_2, epoch: 1, sequence: 0x0102_0304_0506, fragment: vec![7; 20] }
    }

    #[test]
    fn records_of_a_datagram_are_read_back() {
        let records = [record(), DtlsRecord::alert(Alert::UNKNOWN_PSK_IDENTITY, 3)];
        let octets = records.each_ref().map(|record| record.octets().unwrap()).concat();
        assert_eq!(octets[..13], [23, 0xfe, 0xfd, 0, 1, 1, 2, 3, 4, 5, 6, 0, 20]);
        assert_eq!(DtlsRecord::parse_all(&octets).unwrap(), records);
        let alert = DtlsRecord::parse_all(&octets).unwrap().pop().unwrap();
        assert_eq!(Alert::parse(&alert.fragment), Some(Alert::UNKNOWN_PSK_IDENTITY));
        for length in [0, 1, 12, 13, 32, 34, octets.len() - 1] {
            assert!(DtlsRecord::parse_all(&octets[..length]).is_err(), "{length} octets");
        }
    }

    #[test]
    fn another_type_or_version_is_an_error_at_its_octet() {
        let octets = record().octets().unwrap();
        for (place, value, expected) in [(0, 24, 0), (1, 3, 1), (2, 0xfe, 1), (11, 0x49, 11)] {
            let mut damaged = octets.clone();
            damaged[place] = value;
            assert_eq!(DtlsRecord::parse_all(&damaged).unwrap_err().offset, expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_octets_what_is_read_writes_back_to_them(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let datagram = [&[22, 0xfe, 0xfd][..], &octets].concat();
            if let Ok(records) = DtlsRecord::parse_all(&datagram) {
                let written: Vec<u8> = records.iter().flat_map(|record| record.octets().unwrap()).collect();
                prop_assert_eq!(written, datagram);
            }
        }
    }
}
