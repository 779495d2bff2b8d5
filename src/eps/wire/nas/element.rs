//! What key transport adds to NAS messages (seed 003): elements of type 6 (TLV-E: a tag, a length of 2 octets, the content) behind all
//! that the standard has in a message (TS 24.007 clause 11.2.1.1).
//!
//! \[choice\] The tags are those of type 6 that the messages do not use; receivers that do not know them pass over them.

use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::be_u16;

use crate::dot16::wire::parsing::{Fault, Parsed, expect};
use crate::eps::identifiers::Plmn;

/// Fresh number of an ME in its attach request, 16 octets.
pub const TAG_NONCE: u8 = 0x78;
/// Certificate: of the ME in the attach request, of the MME in the security mode command; DER.
pub const TAG_CERTIFICATE: u8 = 0x7a;
/// Encrypted KASMEtemp in the security mode command; in the answer to it the part of the ME, where there are two.
pub const TAG_SEALED: u8 = 0x7b;
/// Public key: of the MME in the security mode command; in the attach request one that is too long for protocol configuration options.
/// The number of the scheme, then the key.
pub const TAG_PUBLIC_KEY: u8 = 0x7c;
/// Signature of the MME over its security mode command.
pub const TAG_SIGNATURE: u8 = 0x7d;
/// Most elements of a message.
pub const MAX_ELEMENTS: usize = 8;
/// Most octets of the content of one.
pub const MAX_CONTENT: usize = 4096;
/// The tags of type 6.
const TYPE_6: std::ops::RangeInclusive<u8> = 0x78..=0x7f;

/// An element behind a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FurtherElement {
    /// Its tag, 0x78 to 0x7f.
    pub tag: u8,
    /// Its content, at most [`MAX_CONTENT`] octets.
    pub content: Vec<u8>,
}

impl FurtherElement {
    /// One with this tag.
    #[must_use]
    pub fn new(tag: u8, content: impl Into<Vec<u8>>) -> Self {
        Self { tag, content: content.into() }
    }

    /// A public key: the number of its scheme, and its octets.
    #[must_use]
    pub fn public_key(scheme: u8, key: &[u8]) -> Self {
        Self { tag: TAG_PUBLIC_KEY, content: [&[scheme], key].concat() }
    }

    /// The content of the first element with this tag.
    #[must_use]
    pub fn of(elements: &[Self], tag: u8) -> Option<&[u8]> {
        elements.iter().find(|element| element.tag == tag).map(|element| &element.content[..])
    }

    /// The octets of elements; None if there are too many, or one is too long or of another type.
    pub(super) fn octets(elements: &[Self]) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        for Self { tag, content } in elements {
            let length = u16::try_from(content.len()).ok().filter(|_| content.len() <= MAX_CONTENT)?;
            if !TYPE_6.contains(tag) {
                return None;
            }
            octets.push(*tag);
            octets.extend(length.to_be_bytes());
            octets.extend(content);
        }
        (elements.len() <= MAX_ELEMENTS).then_some(octets)
    }

    /// Reads elements to the end.
    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Vec<Self>> {
        let (mut rest, mut elements) = (input, Vec::new());
        while let Some((tag, after)) = rest.split_first() {
            if !TYPE_6.contains(tag) || elements.len() == MAX_ELEMENTS {
                return Err(Fault::error(rest, "the end"));
            }
            let (after, length) = expect("a length of 2 octets", be_u16).parse(after)?;
            if usize::from(length) > MAX_CONTENT {
                return Err(Fault::error(rest, format!("an element of at most {MAX_CONTENT} octets")));
            }
            let (after, content) = expect("a whole element", take(length)).parse(after)?;
            elements.push(Self { tag: *tag, content: content.to_vec() });
            rest = after;
        }
        Ok((rest, elements))
    }
}

/// The public key of an ME as its request for a connection to a packet network carries it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CarriedKey {
    /// The network whose operator has given the container its meaning.
    pub network: Plmn,
    /// The number of the scheme.
    pub scheme: u8,
    /// The key, at most [`MAX_CARRIED`] octets.
    pub key: Vec<u8>,
}

/// Most octets of a key in protocol configuration options: their length has 1 octet.
pub const MAX_CARRIED: usize = 241;
