//! A NAS message in the clear or protected (TS 24.301 clauses 4.4, 9.1 and 9.3).
//!
//! Protected: security header type (4 bits) and protocol 7 (4 bits), MAC (4 octets), sequence number (1 octet), NAS message. The
//! MAC covers sequence number and NAS message; where the message is ciphered, as it is then.

use cookie_factory::bytes::be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::number::complete;

use super::super::WireError;
use super::emm::EmmMessage;
use crate::dot16::wire::parsing::{Fault, Parsed, expect, finish, octets};
use crate::dot16::wire::serialising::serialised;

const LAYER: &str = "protected NAS message";
/// The protocol discriminator of EPS mobility management.
pub(super) const EMM: u8 = 7;

/// How a message is protected: its security header type, if it is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecurityHeader {
    /// Integrity protected.
    Integrity = 1,
    /// Integrity protected and ciphered.
    IntegrityCiphered = 2,
    /// Integrity protected with a new security context: a security mode command.
    IntegrityNewContext = 3,
    /// Integrity protected and ciphered with a new security context: the answer to it.
    IntegrityCipheredNewContext = 4,
}

impl SecurityHeader {
    /// Whether the message behind it is ciphered.
    #[must_use]
    pub const fn ciphered(self) -> bool {
        matches!(self, Self::IntegrityCiphered | Self::IntegrityCipheredNewContext)
    }
}

/// A protected message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedNas {
    /// How it is protected.
    pub header: SecurityHeader,
    /// MAC, 4 octets, over [`integrity_input`](Self::integrity_input).
    pub mac: [u8; 4],
    /// The low 8 bits of the NAS COUNT.
    pub sequence_number: u8,
    /// The octets of the message, ciphered if the header says so.
    pub message: Vec<u8>,
}

/// A NAS message as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NasMessage {
    /// In the clear.
    Plain(EmmMessage),
    /// Protected.
    Protected(ProtectedNas),
}

impl ProtectedNas {
    /// What the MAC covers: sequence number and message (4.4.3.3).
    #[must_use]
    pub fn integrity_input(&self) -> Vec<u8> {
        [&[self.sequence_number], &self.message[..]].concat()
    }

    /// Takes a protected message apart; the message in it is left as it is.
    ///
    /// # Errors
    /// It has no security header type 1 to 4 with the protocol of mobility management, or no octet behind its head.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, protected(octets)).map(|(_, message)| message)
    }

    /// The octets of the protected message.
    ///
    /// # Errors
    /// The message in it has no octet.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.message.is_empty() {
            let (expected, found) = ("a message of at least 1 octet".into(), "none".to_owned());
            return Err(WireError { layer: LAYER, offset: 6, expected, found });
        }
        let head = (self.header as u8) << 4 | EMM;
        let sequence_number = be_u8(self.sequence_number);
        serialised(LAYER, tuple((be_u8(head), slice(self.mac), sequence_number, slice(&self.message))))
    }
}

impl NasMessage {
    /// Reads a message, protected or not.
    ///
    /// # Errors
    /// What [`EmmMessage::parse`] and [`ProtectedNas::parse`] refuse.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        match octets.first() {
            Some(head) if head >> 4 != 0 => ProtectedNas::parse(octets).map(Self::Protected),
            _ => EmmMessage::parse(octets).map(Self::Plain),
        }
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// What [`EmmMessage::octets`] and [`ProtectedNas::octets`] refuse.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::Plain(message) => message.octets(),
            Self::Protected(message) => message.octets(),
        }
    }
}

fn protected(input: &[u8]) -> Parsed<'_, ProtectedNas> {
    let (rest, head) = expect("a security header", complete::be_u8).parse(input)?;
    let header = match (head >> 4, head & 0xf) {
        (1, EMM) => SecurityHeader::Integrity,
        (2, EMM) => SecurityHeader::IntegrityCiphered,
        (3, EMM) => SecurityHeader::IntegrityNewContext,
        (4, EMM) => SecurityHeader::IntegrityCipheredNewContext,
        _ => return Err(Fault::error(input, "security header type 1 to 4 and protocol 7")),
    };
    let (rest, mac) = expect("MAC, 4 octets", octets::<4, Fault<'_>>).parse(rest)?;
    let (message, sequence_number) = expect("a sequence number", complete::be_u8).parse(rest)?;
    if message.is_empty() {
        return Err(Fault::error(message, "a message"));
    }
    Ok((&[], ProtectedNas { header, mac, sequence_number, message: message.to_vec() }))
}
