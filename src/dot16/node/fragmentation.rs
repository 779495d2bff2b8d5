//! Fragments and packed pieces of SDUs as bodies of PDUs, and their reassembly, per connection (802.16-2009 clauses 6.3.3.3
//! and 6.3.3.4; `dot16-wire.md` 2.5).
//!
//! A PDU holds one whole SDU without a subheader, one fragment behind a fragmentation subheader, or several pieces, each
//! behind a packing subheader. Subheaders are of the extended form; their 11-bit FSN counts the pieces of a connection
//! that have one. A receiver takes all three kinds of PDU.

use crate::dot16::wire::{
    FragmentControl, FragmentationSubheader, GenericMacHeader, PackingSubheader, PduType, WireError,
};
use crate::emulation::Verdict;

/// Header, PN, ICV and CRC-32 of an encrypted PDU, in octets.
pub const OVERHEAD: usize = GenericMacHeader::OCTETS + 4 + 8 + 4;
/// Octets of an extended fragmentation subheader.
pub const FRAGMENTATION: usize = 2;
/// Octets of an extended packing subheader.
pub const PACKING: usize = PackingSubheader::size(true);
/// FSNs of the extended form.
const FSN_MODULUS: u16 = 2048;
/// The longest SDU that is put together again: the longest IPv4 packet.
const MAX_SDU: usize = 65_535;

/// Octets of subheaders and pieces that an encrypted PDU of at most `max_pdu` octets (64 to 2047) holds.
#[must_use]
pub fn room(max_pdu: usize) -> usize {
    max_pdu.clamp(64, GenericMacHeader::MAX_PDU) - OVERHEAD
}

/// A part of an SDU, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its octets.
    pub octets: Vec<u8>,
    /// How many octets of the SDU come before it.
    pub from: usize,
    /// Octets of the SDU.
    pub of: usize,
}

impl Piece {
    /// Whether it ends its SDU.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.from.saturating_add(self.octets.len()) >= self.of
    }

    /// Whether it is the whole SDU.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.from == 0 && self.is_last()
    }

    fn control(&self) -> FragmentControl {
        match (self.from, self.is_last()) {
            (0, true) => FragmentControl::Unfragmented,
            (0, false) => FragmentControl::First,
            (_, true) => FragmentControl::Last,
            (_, false) => FragmentControl::Middle,
        }
    }
}

/// Makes PDU bodies of the pieces of one connection, and numbers them.
#[derive(Clone, Debug, Default)]
pub struct Fragmenter {
    fsn: u16,
}

impl Fragmenter {
    /// The body, before encryption, of the PDU that carries `pieces`, at least one, with the type that its header needs.
    ///
    /// # Errors
    /// If a piece is too long for its subheader.
    pub fn body(&mut self, pieces: &[Piece]) -> Result<(PduType, Vec<u8>), WireError> {
        match pieces {
            [piece] if piece.is_whole() => Ok((PduType::NONE, piece.octets.clone())),
            [piece] => {
                let subheader = FragmentationSubheader { control: piece.control(), fsn: self.next(), reserved: 0 };
                let mut body = subheader.octets(true)?;
                body.extend_from_slice(&piece.octets);
                Ok((PduType::FRAGMENTATION.with(PduType::EXTENDED), body))
            }
            pieces => {
                let mut body = Vec::new();
                for piece in pieces {
                    let length = piece.octets.len().saturating_add(PACKING);
                    let length = u16::try_from(length).unwrap_or(u16::MAX);
                    let subheader = PackingSubheader { control: piece.control(), fsn: self.next(), length };
                    body.extend(subheader.octets(true)?);
                    body.extend_from_slice(&piece.octets);
                }
                Ok((PduType::PACKING.with(PduType::EXTENDED), body))
            }
        }
    }

    fn next(&mut self) -> u16 {
        let fsn = self.fsn;
        self.fsn = (fsn + 1) % FSN_MODULUS;
        fsn
    }
}

/// What the body of a PDU led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reassembled {
    /// The SDUs that are whole now, in order.
    pub sdus: Vec<Vec<u8>>,
    /// Whether an SDU waits for more fragments.
    pub waiting: bool,
    /// Whether there were fragments whose SDU lacks a part before them; they are dropped.
    pub gap: bool,
}

impl Reassembled {
    /// What the receiver says of a PDU that opened; `how` says how it did.
    #[must_use]
    pub fn verdict(&self, how: String) -> Verdict {
        let mut text = how;
        if self.sdus.len() > 1 {
            text.push_str(&format!(", {} SDUs", self.sdus.len()));
        }
        if self.gap {
            text.push_str(", but fragments before it are missing");
        }
        if self.waiting {
            text.push_str(", more fragments to come");
        }
        if self.gap && self.sdus.is_empty() && !self.waiting {
            Verdict::rejected(text)
        } else {
            Verdict::accepted(text)
        }
    }
}

/// Puts the SDUs of one connection together again, at most one at a time. Fragments must come in order; after a gap
/// everything up to the next first fragment or whole SDU is dropped.
///
/// As the format has it, a gap of exactly 2048 pieces (8 in the form that is not extended) cannot be seen.
#[derive(Clone, Debug, Default)]
pub struct Reassembler {
    /// The FSN that goes on with the incomplete SDU, and what there is of it.
    partial: Option<(u16, Vec<u8>)>,
}

impl Reassembler {
    /// Takes the body of a PDU of type `pdu_type`.
    ///
    /// # Errors
    /// If the body does not have the subheaders that its type tells, or the type tells others than one fragmentation
    /// subheader or packing subheaders.
    pub fn take(&mut self, pdu_type: PduType, body: &[u8]) -> Result<Reassembled, WireError> {
        let extended = pdu_type.extended();
        let modulus = if extended { FSN_MODULUS } else { 8 };
        let mut result = Reassembled::default();
        let subheaders = PduType::FRAGMENTATION.with(PduType::PACKING).with(PduType::EXTENDED);
        if !subheaders.contains(pdu_type) || (pdu_type.fragmentation() && pdu_type.packing()) {
            return Err(WireError {
                layer: "MAC PDU",
                offset: 0,
                expected: "a type with a fragmentation subheader, packing subheaders or none".into(),
                found: format!("{pdu_type:?}"),
            });
        }
        if pdu_type.packing() {
            for (subheader, piece) in PackingSubheader::parse_all(body, extended)? {
                self.piece(subheader.control, subheader.fsn, modulus, piece, &mut result);
            }
        } else if pdu_type.fragmentation() {
            let (subheader, piece) = FragmentationSubheader::parse(body, extended)?;
            self.piece(subheader.control, subheader.fsn, modulus, piece, &mut result);
        } else {
            self.partial = None;
            result.sdus.push(body.to_vec());
        }
        result.waiting = self.partial.is_some();
        Ok(result)
    }

    fn piece(&mut self, control: FragmentControl, fsn: u16, modulus: u16, piece: &[u8], result: &mut Reassembled) {
        let next = (fsn + 1) % modulus;
        match (control, self.partial.take()) {
            (FragmentControl::Unfragmented, _) => result.sdus.push(piece.to_vec()),
            (FragmentControl::First, _) => self.partial = Some((next, piece.to_vec())),
            (control, Some((expected, mut sdu))) if expected == fsn && sdu.len() + piece.len() <= MAX_SDU => {
                sdu.extend_from_slice(piece);
                match control {
                    FragmentControl::Last => result.sdus.push(sdu),
                    _ => self.partial = Some((next, sdu)),
                }
            }
            _ => result.gap = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(octets: &[u8], from: usize, of: usize) -> Piece {
        Piece { octets: octets.to_vec(), from, of }
    }

    #[test]
    fn one_piece_has_the_smallest_subheader_and_several_are_packed() {
        let mut fragmenter = Fragmenter::default();
        assert_eq!(fragmenter.body(&[piece(b"abc", 0, 3)]), Ok((PduType::NONE, b"abc".to_vec())));
        let (fragment, body) = fragmenter.body(&[piece(b"ab", 0, 3)]).unwrap();
        assert_eq!((fragment, &body[..]), (PduType::from_bits(0b00_1100), &[0x80, 0x00, b'a', b'b'][..]));
        let (packed, body) = fragmenter.body(&[piece(b"c", 2, 3), piece(b"", 0, 0), piece(b"x", 0, 2)]).unwrap();
        assert_eq!(packed, PduType::from_bits(0b00_1010));
        assert_eq!(body, [0x40, 0x08, 0x04, b'c', 0x00, 0x10, 0x03, 0x80, 0x18, 0x04, b'x']);
    }

    #[test]
    fn one_pdu_ends_an_sdu_carries_whole_ones_and_begins_another() {
        let mut fragmenter = Fragmenter::default();
        let bodies = [
            fragmenter.body(&[piece(b"ab", 0, 3)]).unwrap(),
            fragmenter.body(&[piece(b"c", 2, 3), piece(b"whole", 0, 5), piece(b"x", 0, 3)]).unwrap(),
            fragmenter.body(&[piece(b"y", 1, 3)]).unwrap(),
            fragmenter.body(&[piece(b"z", 2, 3)]).unwrap(),
        ];
        let mut reassembler = Reassembler::default();
        let results = bodies.map(|(pdu_type, body)| reassembler.take(pdu_type, &body).unwrap());
        let sdus = |result: &Reassembled| result.sdus.concat();
        assert_eq!(results.each_ref().map(sdus), [b"".to_vec(), b"abcwhole".to_vec(), b"".to_vec(), b"xyz".to_vec()]);
        assert_eq!(results.each_ref().map(|result| result.waiting), [true, true, true, false]);
        assert!(results.iter().all(|result| !result.gap));
        let text = results[1].verdict("good".to_owned()).text;
        assert_eq!(text, "good, 2 SDUs, more fragments to come");
    }

    #[test]
    fn a_fragment_without_the_part_before_it_is_dropped_and_says_so() {
        let mut fragmenter = Fragmenter::default();
        let [_, second, third] = [
            fragmenter.body(&[piece(b"a", 0, 3)]).unwrap(),
            fragmenter.body(&[piece(b"b", 1, 3)]).unwrap(),
            fragmenter.body(&[piece(b"c", 2, 3), piece(b"next", 0, 4)]).unwrap(),
        ];
        let mut reassembler = Reassembler::default();
        let result = reassembler.take(second.0, &second.1).unwrap();
        assert_eq!(result, Reassembled { gap: true, ..Reassembled::default() });
        assert!(!result.verdict(String::new()).accepted);
        let result = reassembler.take(third.0, &third.1).unwrap();
        assert_eq!(result, Reassembled { sdus: vec![b"next".to_vec()], gap: true, waiting: false });
        assert!(result.verdict(String::new()).accepted);
    }

    #[test]
    fn an_sdu_longer_than_an_ip_packet_is_never_put_together() {
        let mut reassembler = Reassembler::default();
        let body = |control, fsn, octets: usize| {
            let mut body = FragmentationSubheader { control, fsn, reserved: 0 }.octets(true).unwrap();
            body.extend(vec![0; octets]);
            body
        };
        let pdu_type = PduType::FRAGMENTATION.with(PduType::EXTENDED);
        for fsn in 0..32 {
            let control = if fsn == 0 { FragmentControl::First } else { FragmentControl::Middle };
            assert!(reassembler.take(pdu_type, &body(control, fsn, 2_000)).unwrap().waiting);
        }
        let whole = reassembler.clone().take(pdu_type, &body(FragmentControl::Last, 32, 1_535)).unwrap();
        assert_eq!(whole.sdus.concat().len(), 65_535);
        let beyond = reassembler.take(pdu_type, &body(FragmentControl::Last, 32, 1_536)).unwrap();
        assert!(beyond.gap && beyond.sdus.is_empty());
    }

    #[test]
    fn the_short_forms_are_read_too() {
        let mut reassembler = Reassembler::default();
        // FC 2, FSN 7, LEN 3; then FC 1, FSN 0.
        let first = reassembler.take(PduType::PACKING, &[0b1011_1000, 3, b'a']).unwrap();
        assert!(first.waiting && !first.gap);
        let last = reassembler.take(PduType::FRAGMENTATION, &[0b0100_0000, b'b']).unwrap();
        assert_eq!(last.sdus, [b"ab"]);
    }

    #[test]
    fn a_type_with_other_subheaders_is_refused_before_anything_is_taken() {
        let mut reassembler = Reassembler::default();
        let both = PduType::PACKING.with(PduType::FRAGMENTATION);
        for pdu_type in [both, PduType::MESH, PduType::FAST_FEEDBACK_OR_GRANT_MANAGEMENT, PduType::ARQ_FEEDBACK] {
            assert_eq!(reassembler.take(pdu_type, b"abc").unwrap_err().offset, 0, "{pdu_type:?}");
        }
    }
}
