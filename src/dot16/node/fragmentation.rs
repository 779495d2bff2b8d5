//! Fragmentation of SDUs and their reassembly, per connection (802.16-2009 clause 6.3.3.3; `dot16-wire.md` 2.5).
//!
//! A fragment carries the 2-octet subheader with an 11-bit FSN; an SDU that fits in one PDU carries none.

use crate::dot16::wire::{FragmentControl, FragmentationSubheader, GenericMacHeader, PduType, WireError};

/// PN and ICV of an encrypted PDU, and its CRC-32, in octets.
const OVERHEAD: usize = GenericMacHeader::OCTETS + 4 + 8 + 4;
const SUBHEADER: usize = 2;
/// The longest SDU that is put together again: the longest IPv4 packet.
const MAX_SDU: usize = 65_535;

/// Cuts the SDUs of one connection into PDU bodies.
#[derive(Clone, Debug, Default)]
pub struct Fragmenter {
    fsn: u16,
}

impl Fragmenter {
    /// The bodies, before encryption, of the PDUs that carry `sdu` when no PDU may be longer than `max_pdu` octets
    /// (at least 64), with the type that each header needs.
    ///
    /// # Errors
    /// If a subheader cannot be written.
    pub fn cut(&mut self, sdu: &[u8], max_pdu: usize) -> Result<Vec<(PduType, Vec<u8>)>, WireError> {
        let room = max_pdu.clamp(64, GenericMacHeader::MAX_PDU) - OVERHEAD;
        if sdu.len() <= room {
            return Ok(vec![(PduType::NONE, sdu.to_vec())]);
        }
        let pieces: Vec<&[u8]> = sdu.chunks(room - SUBHEADER).collect();
        let last = pieces.len() - 1;
        let mut bodies = Vec::with_capacity(pieces.len());
        for (index, piece) in pieces.into_iter().enumerate() {
            let control = match index {
                0 => FragmentControl::First,
                _ if index == last => FragmentControl::Last,
                _ => FragmentControl::Middle,
            };
            let subheader = FragmentationSubheader { control, fsn: self.fsn, reserved: 0 };
            self.fsn = (self.fsn + 1) % 2048;
            let mut body = subheader.octets(true)?;
            body.extend_from_slice(piece);
            bodies.push((PduType::FRAGMENTATION.with(PduType::EXTENDED), body));
        }
        Ok(bodies)
    }
}

/// What a PDU body led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reassembled {
    /// A whole SDU.
    Sdu(Vec<u8>),
    /// A fragment that waits for more.
    Waiting,
    /// A fragment whose first part is missing; the incomplete SDU is dropped.
    Gap,
}

/// Puts the SDUs of one connection together again. Fragments must come in order; after a gap everything up to the next
/// first fragment is dropped.
#[derive(Clone, Debug, Default)]
pub struct Reassembler {
    partial: Option<(u16, Vec<u8>)>,
}

impl Reassembler {
    /// Takes the body of a PDU of type `pdu_type`.
    ///
    /// # Errors
    /// If the body is too short for its subheader.
    pub fn take(&mut self, pdu_type: PduType, body: &[u8]) -> Result<Reassembled, WireError> {
        if !pdu_type.fragmentation() {
            self.partial = None;
            return Ok(Reassembled::Sdu(body.to_vec()));
        }
        let (subheader, piece) = FragmentationSubheader::parse(body, pdu_type.extended())?;
        let modulus = if pdu_type.extended() { 2048 } else { 8 };
        let next = (subheader.fsn + 1) % modulus;
        let partial = self.partial.take();
        Ok(match (subheader.control, partial) {
            (FragmentControl::Unfragmented, _) => Reassembled::Sdu(piece.to_vec()),
            (FragmentControl::First, _) => {
                self.partial = Some((next, piece.to_vec()));
                Reassembled::Waiting
            }
            (control, Some((expected, mut sdu))) if expected == subheader.fsn && sdu.len() + piece.len() <= MAX_SDU => {
                sdu.extend_from_slice(piece);
                if control == FragmentControl::Last {
                    Reassembled::Sdu(sdu)
                } else {
                    self.partial = Some((next, sdu));
                    Reassembled::Waiting
                }
            }
            _ => Reassembled::Gap,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdu(octets: usize) -> Vec<u8> {
        (0..octets).map(|index| index as u8).collect()
    }

    #[test]
    fn an_sdu_that_fits_travels_whole_and_a_longer_one_comes_back_together() {
        for (octets, pieces) in [(0, 1), (100, 1), (2025, 1), (2026, 2), (65_535, 33)] {
            let bodies = Fragmenter::default().cut(&sdu(octets), 2047).unwrap();
            assert_eq!(bodies.len(), pieces, "{octets}");
            let mut reassembler = Reassembler::default();
            let mut result = Reassembled::Gap;
            for (pdu_type, body) in &bodies {
                result = reassembler.take(*pdu_type, body).unwrap();
            }
            assert_eq!(result, Reassembled::Sdu(sdu(octets)));
        }
    }

    #[test]
    fn a_lost_fragment_costs_its_sdu_and_not_the_next_one() {
        let mut fragmenter = Fragmenter::default();
        let first = fragmenter.cut(&sdu(300), 128).unwrap();
        let second = fragmenter.cut(&sdu(200), 128).unwrap();
        let mut reassembler = Reassembler::default();
        for (index, (pdu_type, body)) in first.iter().enumerate() {
            if index != 1 {
                assert!(!matches!(reassembler.take(*pdu_type, body).unwrap(), Reassembled::Sdu(_)));
            }
        }
        let mut last = Reassembled::Gap;
        for (pdu_type, body) in &second {
            last = reassembler.take(*pdu_type, body).unwrap();
        }
        assert_eq!(last, Reassembled::Sdu(sdu(200)));
    }
}
