//! The radio: which COUNT a PDU was protected with, and what is in it (TS 36.323 clauses 5.6 and 5.7).
//!
//! The COUNTs of each key epoch, bearer and direction begin at 0, or go on from another epoch with the same KeNB. A sequence number stands for the lowest COUNT that is not below the
//! one that comes next; one that was used before, or the sequence number itself, is tried after that. MAC-I decides. Packets have
//! none: there the COUNT decides under which the plaintext begins as an IP packet of its length.

use std::collections::BTreeMap;

use super::keys::{Epoch, Keys};
use crate::capture::key_log::eps::AsKeyUse;
use crate::eps::keys::AlgorithmKey;
use crate::eps::parameters::{AlgorithmId, LinkDirection};
use crate::eps::security::{eea2, eia2};
use crate::eps::wire::WireError;
use crate::eps::wire::mac_pdu::{LCID_CCCH, LCID_SRB1, LCID_SRB2, MacPdu};
use crate::eps::wire::pdcp::{DataPdu, MAC_I_OCTETS, SignallingPdu};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rlc::AmDataPdu;

/// LCID of data bearer 1.
const LCID_DRB1: u8 = 3;
/// Bits of a sequence number of a signalling bearer.
const SIGNALLING_BITS: u32 = 5;
/// The same of a data bearer.
pub const DATA_BITS: u32 = 12;

/// Most other epochs of the same KeNB that COUNTs may go on from.
const MAX_OTHERS: usize = 4;

/// What a radio frame holds.
#[derive(Debug)]
pub enum Content {
    /// An RRC message that nothing protects.
    Common(Vec<u8>),
    /// A PDU of a signalling bearer.
    Signalling(SignallingPdu),
    /// A PDU of a data bearer.
    Data(DataPdu),
}

/// A PDU, with its logical channel and its own octets.
#[derive(Debug)]
pub struct Pdu {
    /// Logical channel.
    pub lcid: u8,
    /// What it is.
    pub content: Content,
    /// The PDCP PDU, or the message on CCCH.
    pub octets: Vec<u8>,
}

impl Pdu {
    /// Takes a MAC PDU apart.
    ///
    /// # Errors
    /// Those of MAC, RLC and PDCP.
    pub fn parse(frame: &RadioFrame) -> Result<Self, WireError> {
        let MacPdu { lcid, sdu, .. } = MacPdu::parse(&frame.mac_pdu)?;
        if lcid == LCID_CCCH {
            return Ok(Self { lcid, content: Content::Common(sdu.clone()), octets: sdu });
        }
        let octets = AmDataPdu::parse(&sdu)?.sdu;
        let content = match lcid {
            LCID_SRB1 | LCID_SRB2 => Content::Signalling(SignallingPdu::parse(&octets)?),
            _ => Content::Data(DataPdu::parse(&octets)?),
        };
        Ok(Self { lcid, content, octets })
    }

    /// BEARER as it goes into the algorithms: the identity of the bearer less 1.
    #[must_use]
    pub const fn bearer(&self) -> u8 {
        let first = if self.lcid < LCID_DRB1 { LCID_SRB1 } else { LCID_DRB1 };
        self.lcid.saturating_sub(first)
    }
}

/// What was protected, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// COUNT.
    pub count: u32,
    /// The RRC message or the packet.
    pub octets: Vec<u8>,
    /// Whether it was ciphered.
    pub ciphered: bool,
}

/// Why a PDU did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Its MAC-I verifies under no COUNT that is tried.
    WrongMac,
    /// A key that it needs is not known.
    NoKey,
    /// An algorithm that is named and not computed.
    Algorithm(AlgorithmId),
}

/// A bearer of a key epoch in one direction: its number in the frames and its logical channel.
type Bearer = (u16, u8, LinkDirection);

/// The COUNTs of all bearers.
#[derive(Debug, Default)]
pub struct Radio {
    next: BTreeMap<Bearer, u32>,
}

/// The COUNTs that a sequence number may stand for when `next` comes next, the likeliest first.
pub fn counts(sequence_number: u16, bits: u32, next: u32) -> impl Iterator<Item = u32> {
    let window = 1_u32 << bits;
    let start = u32::from(sequence_number);
    let ahead = next.checked_add(start.wrapping_sub(next) & window.saturating_sub(1));
    let behind = ahead.and_then(|count| count.checked_sub(window));
    let mut counts = vec![];
    for count in [ahead, behind, Some(start)].into_iter().flatten() {
        if !counts.contains(&count) {
            counts.push(count);
        }
    }
    counts.into_iter()
}

fn deciphered(algorithm: AlgorithmId, key: &AlgorithmKey, input: (u32, u8, LinkDirection), octets: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    if algorithm == AlgorithmId::Aes {
        eea2(key, input.0, input.1, input.2, &mut octets);
    }
    octets
}

/// The RRC message of a PDU, if its MAC-I verifies under this COUNT.
fn verified(
    epoch: &Epoch,
    pdu: &SignallingPdu,
    input @ (count, bearer, direction): (u32, u8, LinkDirection),
    ciphered: bool,
) -> Option<Vec<u8>> {
    let protected = [&pdu.message[..], &pdu.mac_i].concat();
    let plain = match (ciphered, epoch.key(AsKeyUse::RrcCiphering)) {
        (true, Some(key)) => deciphered(epoch.algorithms.ciphering, key, input, &protected),
        (true, None) => return None,
        (false, _) => protected,
    };
    let (message, mac_i) = plain.split_last_chunk::<MAC_I_OCTETS>()?;
    let covered = [&[pdu.sequence_number], message].concat();
    let expected = match epoch.algorithms.integrity {
        AlgorithmId::Null => [0; MAC_I_OCTETS],
        _ => eia2(epoch.key(AsKeyUse::RrcIntegrity)?, count, bearer, direction, &covered),
    };
    (expected == *mac_i).then(|| message.to_vec())
}

/// Opens a PDU of a signalling bearer whose next COUNT is one of `next`.
///
/// # Errors
/// A key is not known, an algorithm is not computed, or MAC-I verifies under no COUNT.
pub fn open_signalling(
    epoch: &Epoch,
    pdu: &SignallingPdu,
    (bearer, direction): (u8, LinkDirection),
    next: &[u32],
) -> Result<Opened, Closed> {
    for algorithm in [epoch.algorithms.ciphering, epoch.algorithms.integrity] {
        if matches!(algorithm, AlgorithmId::Snow3g | AlgorithmId::Zuc) {
            return Err(Closed::Algorithm(algorithm));
        }
    }
    if epoch.key(AsKeyUse::RrcIntegrity).is_none() {
        return Err(Closed::NoKey);
    }
    // A security mode command and its answer are not ciphered yet.
    for ciphered in [true, false] {
        for count in next.iter().flat_map(|next| counts(pdu.sequence_number.into(), SIGNALLING_BITS, *next)) {
            if let Some(octets) = verified(epoch, pdu, (count, bearer, direction), ciphered) {
                return Ok(Opened { count, octets, ciphered });
            }
        }
    }
    Err(Closed::WrongMac)
}

/// Whether octets begin as an IP packet of their length.
pub fn is_packet(octets: &[u8]) -> bool {
    match octets {
        [first, _, a, b, ..] if first >> 4 == 4 => usize::from(u16::from_be_bytes([*a, *b])) == octets.len(),
        [first, _, _, _, a, b, ..] if first >> 4 == 6 => {
            usize::from(u16::from_be_bytes([*a, *b])).saturating_add(40) == octets.len()
        }
        _ => false,
    }
}

impl Radio {
    /// Opens the protected PDU of a frame and moves the COUNT of its bearer, unless it `repeats` one that was there.
    ///
    /// # Errors
    /// A key is not known, an algorithm is not computed, or MAC-I verifies under no COUNT.
    pub fn open(&mut self, keys: &Keys, frame: &RadioFrame, pdu: &Pdu, repeats: bool) -> Result<Opened, Closed> {
        let bearer = (frame.ue_id.0, pdu.lcid, frame.direction);
        let epoch = keys.epochs.get(&frame.ue_id.0).ok_or(Closed::NoKey)?;
        let same = keys.epochs_like(epoch).filter(|other| *other != frame.ue_id.0);
        let others = same.filter_map(|other| self.next.get(&(other, pdu.lcid, frame.direction)));
        let own = self.next.get(&bearer).copied();
        let others = others.take(if own.is_none() { MAX_OTHERS } else { 0 });
        let next: Vec<u32> = [own.unwrap_or_default()].into_iter().chain(others.copied()).collect();
        let input = (pdu.bearer(), frame.direction);
        let opened = match &pdu.content {
            Content::Common(octets) => {
                return Ok(Opened { count: 0, octets: octets.clone(), ciphered: false });
            }
            Content::Signalling(pdu) => open_signalling(epoch, pdu, input, &next)?,
            Content::Data(pdu) => {
                let algorithm = epoch.algorithms.ciphering;
                if matches!(algorithm, AlgorithmId::Snow3g | AlgorithmId::Zuc) {
                    return Err(Closed::Algorithm(algorithm));
                }
                let key = epoch.key(AsKeyUse::UserCiphering).ok_or(Closed::NoKey)?;
                let candidates: Vec<Opened> = next
                    .iter()
                    .flat_map(|next| counts(pdu.sequence_number, DATA_BITS, *next))
                    .map(|count| {
                        let octets = deciphered(algorithm, key, (count, input.0, input.1), &pdu.packet);
                        Opened { count, octets, ciphered: algorithm != AlgorithmId::Null }
                    })
                    .collect();
                let best = candidates.iter().find(|opened| is_packet(&opened.octets)).or(candidates.first());
                best.cloned().ok_or(Closed::NoKey)?
            }
        };
        if !repeats {
            self.next.insert(bearer, opened.count.saturating_add(1));
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_stands_for_the_next_count_that_has_it_before_one_that_was_there() {
        let of = |sequence_number, next| counts(sequence_number, 5, next).collect::<Vec<_>>();
        assert_eq!(of(0, 0), [0]);
        assert_eq!(of(3, 5), [35, 3]);
        assert_eq!(of(5, 37), [37, 5]);
        assert_eq!(of(4, 100), [100, 68, 4]);
        assert_eq!(of(0, u32::MAX), [0]);
    }

    #[test]
    fn a_packet_is_told_by_its_version_and_length() {
        let mut packet = vec![0; 60];
        packet[0] = 0x45;
        packet[3] = 60;
        assert!(is_packet(&packet));
        assert!(!is_packet(&packet[..59]));
        packet[..6].copy_from_slice(&[0x60, 0, 0, 0, 0, 20]);
        assert!(is_packet(&packet));
        assert!(!is_packet(&[]));
    }
}
