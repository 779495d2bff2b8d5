//! Handshake messages of DTLS: put together of their fragments, and what hello and key exchange messages say (RFC 6347 section 4.2,
//! RFC 5246 section 7.4, RFC 4279 section 2, RFC 7627 for the extension).

use std::collections::BTreeMap;

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u24 as write_u24};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::multi::{length_data, many0};
use nom::number::complete::{be_u8, be_u16, be_u24};
use nom::{IResult, Parser};

use super::super::WireError;
use super::super::core_error::serialise;

const LAYER: &str = "DTLS handshake";
/// Octets in front of the body of a fragment.
const HEADER_OCTETS: usize = 12;
/// Most octets of a message: none of those with pre-shared keys comes near.
pub const MAX_MESSAGE: u32 = 2 * 1024;
/// Most messages that one side has in a handshake.
pub const MAX_MESSAGES: u16 = 8;
/// The extension that binds the master secret to the handshake.
const EXTENDED_MASTER_SECRET: u16 = 23;

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    /// Of the client, the first.
    pub const CLIENT_HELLO: Self = Self(1);
    /// Of the server, the first of its handshake.
    pub const SERVER_HELLO: Self = Self(2);
    /// Of the server: the client is to say hello again, with this cookie.
    pub const HELLO_VERIFY_REQUEST: Self = Self(3);
    /// Of the server: a hint which key is wanted.
    pub const SERVER_KEY_EXCHANGE: Self = Self(12);
    /// Of the server, the last before the client's key exchange.
    pub const SERVER_HELLO_DONE: Self = Self(14);
    /// Of the client: the identity that its key has.
    pub const CLIENT_KEY_EXCHANGE: Self = Self(16);
    /// The first under the new keys.
    pub const FINISHED: Self = Self(20);

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CLIENT_HELLO => "ClientHello",
            Self::SERVER_HELLO => "ServerHello",
            Self::HELLO_VERIFY_REQUEST => "HelloVerifyRequest",
            Self::SERVER_KEY_EXCHANGE => "ServerKeyExchange",
            Self::SERVER_HELLO_DONE => "ServerHelloDone",
            Self::CLIENT_KEY_EXCHANGE => "ClientKeyExchange",
            Self::FINISHED => "Finished",
            Self(_) => "another handshake message",
        }
    }
}

/// A message or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeFragment {
    /// Which message.
    pub kind: HandshakeType,
    /// Octets of the whole body, 24 bits.
    pub length: u32,
    /// Number of the message, from 0, each side by itself.
    pub message: u16,
    /// Where in the body the part begins, 24 bits.
    pub offset: u32,
    /// The part.
    pub part: Vec<u8>,
}

fn fragment(input: &[u8]) -> IResult<&[u8], HandshakeFragment> {
    let mut header = (be_u8, be_u24, be_u16, be_u24, be_u24);
    let (input, (kind, length, message, offset, octets)) = header.parse(input)?;
    let (input, part) = take(octets).parse(input)?;
    Ok((input, HandshakeFragment { kind: HandshakeType(kind), length, message, offset, part: part.to_vec() }))
}

impl HandshakeFragment {
    /// All that a record of epoch 0 carries.
    ///
    /// # Errors
    /// Octets that are no fragments; a part that goes beyond the end of its message.
    pub fn parse_all(octets: &[u8]) -> Result<Vec<Self>, WireError> {
        let (rest, fragments) = many0(fragment)
            .parse(octets)
            .map_err(|_| WireError::new(LAYER, 0, "handshake messages", format!("{} octets", octets.len())))?;
        if !rest.is_empty() || fragments.is_empty() {
            let offset = octets.len().saturating_sub(rest.len());
            return Err(WireError::new(LAYER, offset, "a handshake message", format!("{} octets", rest.len())));
        }
        let beyond = |one: &&Self| {
            usize::try_from(one.length.saturating_sub(one.offset)).is_ok_and(|room| room < one.part.len())
                || one.offset > one.length
        };
        match fragments.iter().find(beyond) {
            Some(one) => {
                let expected = format!("a part within {} octets", one.length);
                Err(WireError::new(LAYER, HEADER_OCTETS, expected, format!("octets from {} on", one.offset)))
            }
            None => Ok(fragments),
        }
    }
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeMessage {
    /// Which message.
    pub kind: HandshakeType,
    /// Its number, from 0.
    pub message: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl HandshakeMessage {
    /// Its octets as one fragment: the form that goes into hashes of the handshake (RFC 6347 section 4.2.6).
    ///
    /// # Errors
    /// A body of more than 16777215 octets.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let length = u32::try_from(self.body.len()).ok().filter(|length| *length < 1 << 24);
        let length = length.ok_or_else(|| {
            WireError::new(LAYER, 1, "at most 16777215 octets", format!("{} octets", self.body.len()))
        })?;
        let first = (write_u8(self.kind.0), write_u24(length), write_u16(self.message));
        serialise(LAYER, tuple((tuple(first), write_u24(0), write_u24(length), slice(&self.body))))
    }
}

/// A message that is not complete.
#[derive(Clone, Debug)]
struct Partial {
    kind: HandshakeType,
    body: Vec<u8>,
    there: Vec<bool>,
}

/// The messages of one side, put together in their order.
#[derive(Clone, Debug, Default)]
pub struct HandshakeReassembly {
    partial: BTreeMap<u16, Partial>,
    /// The message that comes next.
    next: u16,
}

impl HandshakeReassembly {
    /// The number of the message that comes next: those before it are complete.
    #[must_use]
    pub const fn next(&self) -> u16 {
        self.next
    }

    /// Takes a fragment; the messages that are complete with it, in order, each once. What is longer than [`MAX_MESSAGE`], has a
    /// number from [`MAX_MESSAGES`] on, or contradicts what was there before is ignored.
    pub fn take(&mut self, fragment: &HandshakeFragment) -> Vec<HandshakeMessage> {
        let HandshakeFragment { kind, length, message, offset, part } = fragment;
        if *message < self.next || *message >= MAX_MESSAGES || *length > MAX_MESSAGE {
            return Vec::new();
        }
        let octets = usize::try_from(*length).unwrap_or_default();
        let partial = self.partial.entry(*message);
        let partial =
            partial.or_insert_with(|| Partial { kind: *kind, body: vec![0; octets], there: vec![false; octets] });
        if partial.kind != *kind || partial.body.len() != octets {
            return Vec::new();
        }
        let offset = usize::try_from(*offset).unwrap_or(usize::MAX);
        let places = partial.body.iter_mut().zip(&mut partial.there).skip(offset);
        for ((place, there), octet) in places.zip(part) {
            (*place, *there) = (*octet, true);
        }
        let mut complete = Vec::new();
        while self.partial.get(&self.next).is_some_and(|partial| partial.there.iter().all(|there| *there)) {
            if let Some(Partial { kind, body, .. }) = self.partial.remove(&self.next) {
                complete.push(HandshakeMessage { kind, message: self.next, body });
            }
            self.next = self.next.saturating_add(1);
        }
        complete
    }
}

/// What a ClientHello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// Its random octets.
    pub random: [u8; 32],
    /// The cookie of the server; empty in the first.
    pub cookie: Vec<u8>,
}

impl ClientHello {
    /// The ClientHello of this body. What is behind the cookie is not looked at.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let parts = (be_u16::<_, ()>, take(32_usize), length_data(be_u8), length_data(be_u8)).parse(body);
        let (_, (_, random, _, cookie)) = parts.ok()?;
        Some(Self { random: random.try_into().ok()?, cookie: cookie.to_vec() })
    }
}

/// What a ServerHello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// Its random octets.
    pub random: [u8; 32],
    /// The cipher suite that is to be, 2 octets.
    pub cipher_suite: u16,
    /// Whether the master secret is bound to the handshake (RFC 7627).
    pub extended_master_secret: bool,
}

impl ServerHello {
    /// The ServerHello of this body.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let parts = (be_u16::<_, ()>, take(32_usize), length_data(be_u8), be_u16, be_u8).parse(body);
        let (rest, (_, random, _, cipher_suite, _)) = parts.ok()?;
        let mut extended_master_secret = false;
        if !rest.is_empty() {
            let (_, extensions) = length_data(be_u16::<_, ()>).parse(rest).ok()?;
            let (_, extensions) = many0((be_u16::<_, ()>, length_data(be_u16))).parse(extensions).ok()?;
            extended_master_secret = extensions.iter().any(|(kind, _)| *kind == EXTENDED_MASTER_SECRET);
        }
        Some(Self { random: random.try_into().ok()?, cipher_suite, extended_master_secret })
    }
}

/// The identity in the body of a ClientKeyExchange whose key is a pre-shared one.
#[must_use]
pub fn psk_identity(body: &[u8]) -> Option<&[u8]> {
    let (rest, identity) = length_data(be_u16::<_, ()>).parse(body).ok()?;
    rest.is_empty().then_some(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(message: &HandshakeMessage, cuts: &[usize]) -> Vec<HandshakeFragment> {
        let length = message.body.len();
        let ends = cuts.iter().copied().chain([length]);
        let mut from = 0;
        let mut parts = Vec::new();
        for end in ends {
            parts.push(HandshakeFragment {
                kind: message.kind,
                length: u32::try_from(length).unwrap(),
                message: message.message,
                offset: u32::try_from(from).unwrap(),
                part: message.body[from..end].to_vec(),
            });
            from = end;
        }
        parts
    }

    fn message(number: u16, octets: u8) -> HandshakeMessage {
        HandshakeMessage { kind: HandshakeType::CLIENT_HELLO, message: number, body: (0..octets).collect() }
    }

    #[test]
    fn fragments_in_any_order_make_one_message_once() {
        let whole = message(0, 30);
        let [a, b, c] = <[_; 3]>::try_from(parts(&whole, &[10, 20])).unwrap();
        let mut reassembly = HandshakeReassembly::default();
        assert!(reassembly.take(&c).is_empty());
        assert!(reassembly.take(&a).is_empty());
        assert!(reassembly.take(&a).is_empty());
        assert_eq!(reassembly.take(&b), vec![whole]);
        assert!(reassembly.take(&b).is_empty(), "a repeat");
    }

    #[test]
    fn messages_come_out_in_their_order() {
        let (first, second) = (message(0, 4), message(1, 0));
        let mut reassembly = HandshakeReassembly::default();
        assert!(reassembly.take(&parts(&second, &[])[0]).is_empty());
        assert_eq!(reassembly.take(&parts(&first, &[])[0]), vec![first, second]);
    }

    #[test]
    fn too_much_and_contradictions_are_ignored() {
        let mut reassembly = HandshakeReassembly::default();
        let mut long = parts(&message(0, 4), &[]).remove(0);
        long.length = MAX_MESSAGE + 1;
        assert!(reassembly.take(&long).is_empty());
        let late = parts(&message(MAX_MESSAGES, 4), &[]).remove(0);
        assert!(reassembly.take(&late).is_empty());
        let whole = message(0, 8);
        let [a, mut b] = <[_; 2]>::try_from(parts(&whole, &[4])).unwrap();
        reassembly.take(&a);
        b.length = 9;
        assert!(reassembly.take(&b).is_empty());
        b.length = 8;
        assert_eq!(reassembly.take(&b), vec![whole]);
    }

    #[test]
    fn what_is_written_is_one_fragment() {
        let whole = message(3, 20);
        let octets = whole.octets().unwrap();
        assert_eq!(HandshakeFragment::parse_all(&octets).unwrap(), parts(&whole, &[]));
        for length in 0..octets.len() {
            assert!(HandshakeFragment::parse_all(&octets[..length]).is_err(), "{length} octets");
        }
        let mut beyond = octets;
        beyond[8] = 1;
        assert!(HandshakeFragment::parse_all(&beyond).is_err(), "a part behind the end");
    }

    #[test]
    fn hello_messages_and_the_identity_are_read() {
        let hello = [&[0xfe, 0xfd][..], &[7; 32], &[0], &[2, 8, 9], &[0, 2, 0xc0, 0xa8, 1, 0]].concat();
        assert_eq!(ClientHello::parse(&hello), Some(ClientHello { random: [7; 32], cookie: vec![8, 9] }));
        assert_eq!(ClientHello::parse(&hello[..36]), None);
        let server = [&[0xfe, 0xfd][..], &[6; 32], &[0], &[0xc0, 0xa8, 0]].concat();
        let plain = ServerHello { random: [6; 32], cipher_suite: 0xc0a8, extended_master_secret: false };
        assert_eq!(ServerHello::parse(&server).as_ref(), Some(&plain));
        let bound = [&server[..], &[0, 4, 0, 23, 0, 0]].concat();
        assert_eq!(ServerHello::parse(&bound), Some(ServerHello { extended_master_secret: true, ..plain }));
        assert_eq!(psk_identity(&[0, 2, b'a', b'b']), Some(&b"ab"[..]));
        assert_eq!(psk_identity(&[0, 3, b'a', b'b']), None);
        assert_eq!(psk_identity(&[0, 1, b'a', b'b']), None);
    }
}
