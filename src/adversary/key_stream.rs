//! Key stream used twice: PDUs sealed under the same nonce (802.16-2009 clause 7.5.1.2; attack 6 of `dot16-security.md` 9).
//!
//! The nonce is the first five octets of the header and the PN field. An eavesdropper sees both. Of two PDUs on one
//! connection with equal ones he supposes that the TEK is the same: then the XOR of the ciphertexts is that of the
//! plaintexts, and who knows the one reads the other. No key takes part in any of this.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Heard;
use crate::dot16::wire::{EncryptedBody, GenericMacHeader, MacPdu};
use crate::emulation::{NodeIndex, Port};
use crate::time::VirtualTime;

/// Octets of the header that are in the nonce: all but the HCS.
const HEADER_IN_NONCE: usize = GenericMacHeader::OCTETS - 1;
/// How many pairs are looked at, at the most.
const MOST_PAIRS: usize = 65_536;
/// The shortest run of printable characters that counts as text.
const SHORTEST_TEXT: usize = 8;

/// A sealed user PDU as an eavesdropper has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPdu {
    /// When its frame started.
    pub time: VirtualTime,
    /// The link.
    pub port: Port,
    /// The end that it was for.
    pub to: NodeIndex,
    /// The first five octets of the header.
    pub header: [u8; HEADER_IN_NONCE],
    /// The PN field, the direction in its highest bit.
    pub pn: u32,
    /// What is between PN and ICV.
    pub ciphertext: Vec<u8>,
}

impl SealedPdu {
    /// The sealed user PDUs in a frame, in their order.
    pub fn in_frame(frame: &Heard) -> impl Iterator<Item = Self> + '_ {
        MacPdu::burst(&frame.octets).flatten().filter_map(|pdu| {
            let header = *pdu.octets.first_chunk()?;
            if !pdu.header.encrypted || pdu.header.cid.is_management() {
                return None;
            }
            let body = EncryptedBody::parse(pdu.body).ok()?;
            let (time, port, to) = (frame.time, frame.port, frame.to);
            Some(Self { time, port, to, header, pn: body.pn, ciphertext: body.ciphertext.to_vec() })
        })
    }

    /// What two PDUs have in common that were sealed under one nonce, if their TEK is the same.
    fn nonce(&self) -> (Port, NodeIndex, [u8; HEADER_IN_NONCE], u32) {
        (self.port, self.to, self.header, self.pn)
    }
}

/// Two PDUs under the same nonce, with different ciphertexts of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameNonce {
    /// The one whose plaintext may be known.
    pub first: SealedPdu,
    /// The other one.
    pub second: SealedPdu,
}

impl SameNonce {
    /// The XOR of the ciphertexts, which is that of the plaintexts if the TEK is the same.
    #[must_use]
    pub fn xor(&self) -> Vec<u8> {
        self.first.ciphertext.iter().zip(&self.second.ciphertext).map(|(one, other)| one ^ other).collect()
    }

    /// The plaintext of the second PDU from octet `offset` on, as far as that of the first is known from there on.
    #[must_use]
    pub fn read(&self, offset: usize, known: &[u8]) -> Vec<u8> {
        self.xor().iter().skip(offset).zip(known).map(|(xor, known)| xor ^ known).collect()
    }
}

/// The pairs of a PDU in `first` and one in `second` under the same nonce, in the order of `second`; at most 65536.
#[must_use]
pub fn same_nonce(first: &[Heard], second: &[Heard]) -> Vec<SameNonce> {
    let mut by_nonce: BTreeMap<_, Vec<SealedPdu>> = BTreeMap::new();
    for pdu in first.iter().flat_map(SealedPdu::in_frame) {
        by_nonce.entry(pdu.nonce()).or_default().push(pdu);
    }
    let pairs = second.iter().flat_map(SealedPdu::in_frame).flat_map(|second| {
        let firsts = by_nonce.get(&second.nonce()).cloned().unwrap_or_default();
        let others = firsts
            .into_iter()
            .filter(|first| first.ciphertext != second.ciphertext && first.ciphertext.len() == second.ciphertext.len());
        others.map(|first| SameNonce { first, second: second.clone() }).collect::<Vec<_>>()
    });
    pairs.take(MOST_PAIRS).collect()
}

/// The longest run of at least 8 printable ASCII characters in `octets`; empty if there is none.
#[must_use]
pub fn readable(octets: &[u8]) -> String {
    let printable = |octet: &u8| octet.is_ascii_graphic() || *octet == b' ';
    let runs = octets.split(|octet| !printable(octet));
    // Of several longest runs the first.
    let longest = runs.fold(&[][..], |longest, run| if run.len() > longest.len() { run } else { longest });
    if longest.len() < SHORTEST_TEXT { String::new() } else { longest.iter().map(|octet| char::from(*octet)).collect() }
}

/// Recordings as they stood when attacks compared them, for who judges the attacks at the end of the run.
#[derive(Clone, Debug, Default)]
pub struct Comparisons(Arc<Mutex<BTreeMap<usize, [Vec<Heard>; 2]>>>);

impl Comparisons {
    /// The attack with this number compares these recordings.
    pub fn note(&self, attack: usize, first: &[Heard], second: &[Heard]) {
        let mut comparisons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        comparisons.insert(attack, [first.to_vec(), second.to_vec()]);
    }

    /// What the attack with this number compared; `None` if it never came to it.
    #[must_use]
    pub fn of(&self, attack: usize) -> Option<[Vec<Heard>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&attack).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::{Cid, Direction};
    use crate::dot16::security::{PacketNumber, Tek, ccm};
    use crate::dot16::wire::CrcForm;

    const TEK: Tek = Tek::from_octets([7; 16]);

    fn heard(tek: &Tek, cid: u16, pn: u32, plaintext: &[u8]) -> Heard {
        let header = GenericMacHeader::new(Cid(cid));
        let pn = PacketNumber::new(pn).unwrap();
        let octets = ccm::seal(tek, header, pn, Direction::Uplink, plaintext, Some(CrcForm::MsbFirst)).unwrap();
        Heard { time: VirtualTime::ZERO, port: Port(3), to: NodeIndex(1), octets }
    }

    #[test]
    fn what_one_knows_of_a_packet_reads_the_other_under_the_same_nonce() {
        // broken: A18
        let first = heard(&TEK, 0x1000, 1, b"what I sent to you");
        let second = heard(&TEK, 0x1000, 1, b"nobody shall read!");
        let pairs = same_nonce(&[first], &[second]);
        let [pair] = pairs.as_slice() else { panic!("{pairs:?}") };
        let xor: Vec<u8> = b"what I sent to you".iter().zip(b"nobody shall read!").map(|(a, b)| a ^ b).collect();
        assert_eq!(pair.xor(), xor);
        assert_eq!(pair.read(0, b"what I sent to you"), b"nobody shall read!");
        assert_eq!(pair.read(7, b"sent to"), b"shall r");
        assert_eq!(pair.read(99, b"sent to"), b"");
    }

    #[test]
    fn another_pn_length_connection_or_link_is_another_nonce_and_a_repetition_is_no_pair() {
        // A18
        let first = [heard(&TEK, 0x1000, 1, b"first")];
        for other in [
            heard(&TEK, 0x1000, 2, b"other"),
            heard(&TEK, 0x1001, 1, b"other"),
            heard(&TEK, 0x1000, 1, b"longer"),
            heard(&TEK, 0x1000, 1, b"first"),
            Heard { port: Port(4), ..heard(&TEK, 0x1000, 1, b"other") },
            Heard { octets: vec![0x40; 9], ..heard(&TEK, 0x1000, 1, b"other") },
        ] {
            assert_eq!(same_nonce(&first, std::slice::from_ref(&other)), [], "{other:?}");
        }
        assert_eq!(same_nonce(&first, &[heard(&TEK, 0x1000, 1, b"other")]).len(), 1);
    }

    #[test]
    fn under_another_tek_the_same_header_and_pn_give_nothing_readable() {
        // A18
        let other = Tek::from_octets([8; 16]);
        let (first, second) = (heard(&TEK, 0x1000, 1, &[b'a'; 60]), heard(&other, 0x1000, 1, &[b'b'; 60]));
        let pairs = same_nonce(&[first], &[second]);
        assert_ne!(pairs[0].read(0, &[b'a'; 60]), [b'b'; 60]);
    }

    #[test]
    fn the_longest_text_is_what_is_readable() {
        assert_eq!(readable(b"\x00IP\xffsome short text\x01and one that is longer\x02tail"), "and one that is longer");
        assert_eq!(readable(b"\x00short\x00"), "");
        assert_eq!(readable(b""), "");
    }
}
