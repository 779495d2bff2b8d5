//! Which user packets somebody reads whose keys are those between UE and UPE (seed 001, acceptance list 2.2, point 7).
//!
//! The sequence numbers stand in the clear, so the listener counts along with the UE. Whether a key is right shows in the IPv4 header
//! that comes out: its length, and its checksum.

use super::holder::Visit;
use crate::eps::keys::{AlgorithmKey, Kasme, UpKey};
use crate::eps::node::radio_side::RadioSide;
use crate::eps::parameters::{AlgorithmId, LinkDirection};
use crate::time::VirtualTime;

/// Numbers of keys of one KASME that are tried: 0 to this less 1.
const UPDATES: u32 = 32;
/// COUNTs that a sequence number of 12 bits tells apart.
const SEQUENCE_NUMBERS: u32 = 4_096;
/// Octets of an IPv4 header without options: by them a key is tried.
const HEADER: usize = 20;

/// When a packet was sent, and it.
type Packet = (VirtualTime, Vec<u8>);

/// The packets read of each visit, under these keys and those that follow from KASMEs. What is not ciphered everybody reads.
pub(super) fn packets(keys: &[UpKey], kasmes: &[Kasme], visits: &[Visit]) -> Vec<Vec<Packet>> {
    let derived = kasmes.iter().flat_map(|kasme| (0..UPDATES).map(|of| UpKey::derive(kasme, of, AlgorithmId::Aes)));
    let clear = UpKey { update: 0, algorithm: AlgorithmId::Null, key: AlgorithmKey::from_octets([0; 16]) };
    let keys: Vec<UpKey> = [clear].into_iter().chain(keys.iter().cloned()).chain(derived).collect();
    let ues = visits.iter().map(|visit| visit.ue).max().map_or(0, |last| last + 1);
    let mut listeners: Vec<Listener> = (0..ues).map(|_| Listener { keys: keys.clone(), next: [0; 2] }).collect();
    visits.iter().map(|visit| listeners.get_mut(visit.ue).map_or_else(Vec::new, |one| one.visit(visit))).collect()
}

/// Who listens to one UE.
struct Listener {
    /// The one that was right last comes first.
    keys: Vec<UpKey>,
    /// The COUNT that comes next: uplink, downlink.
    next: [u32; 2],
}

impl Listener {
    fn visit(&mut self, visit: &Visit) -> Vec<Packet> {
        let pdus = visit.frames.iter().filter_map(|(time, frame)| {
            let pdu = RadioSide::user_pdu(frame).ok()??;
            Some((*time, frame.direction, pdu))
        });
        let mut packets = Vec::new();
        for (time, direction, pdu) in pdus {
            if let Some(packet) = self.packet(direction, pdu.sequence_number, &pdu.packet) {
                packets.push((time, packet));
            }
        }
        packets
    }

    fn packet(&mut self, direction: LinkDirection, sequence_number: u16, octets: &[u8]) -> Option<Vec<u8>> {
        let next = self.next[direction as usize];
        let number = u32::from(sequence_number);
        let ahead = next.saturating_add(number.wrapping_sub(next) % SEQUENCE_NUMBERS);
        // Nearest to what comes next; and from 0 again, as after an authentication.
        let nearest = match ahead.checked_sub(SEQUENCE_NUMBERS) {
            Some(behind) if ahead - next >= SEQUENCE_NUMBERS / 2 => behind,
            _ => ahead,
        };
        let header = octets.get(..HEADER)?;
        let right = |key: &UpKey, count: u32| {
            key.apply(count, direction, header).is_ok_and(|header| is_header(&header, octets.len()))
        };
        let tried = self.keys.iter().enumerate();
        let found = tried.flat_map(|(place, key)| [nearest, number].map(|count| (place, key, count)));
        let found =
            found.into_iter().find(|(_, key, count)| right(key, *count)).map(|(place, _, count)| (place, count));
        let count = found.map_or(nearest, |(_, count)| count);
        // Behind a COUNT that came before is one that was sent twice, or late: what comes next stays.
        if found.is_some_and(|(_, count)| count != nearest) {
            self.next[direction as usize] = count.saturating_add(1);
        } else {
            self.next[direction as usize] = next.max(count.saturating_add(1));
        }
        let (place, count) = found?;
        let key = self.keys.remove(place);
        let packet = key.apply(count, direction, octets).ok();
        self.keys.insert(0, key);
        packet
    }
}

/// Whether these are the first octets of an IPv4 packet of this length, with a right checksum.
pub(super) fn is_header(header: &[u8], length: usize) -> bool {
    let words = || header.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words().sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    header.first() == Some(&0x45)
        && words().nth(1) == u32::try_from(length).ok()
        && (folded & 0xffff) + (folded >> 16) == 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_told_by_its_length_and_checksum() {
        // ICMP echo request from 10.45.0.2 to 10.45.0.1, 28 octets.
        let header = [0x45, 0, 0, 28, 0, 1, 0, 0, 0x40, 1, 0x66, 0x84, 10, 45, 0, 2, 10, 45, 0, 1];
        assert!(is_header(&header, 28) && !is_header(&header, 29) && !is_header(&[0; 20], 0));
        for place in 0..header.len() {
            let mut changed = header;
            changed[place] ^= 0x11;
            assert!(!is_header(&changed, 28), "octet {place}");
        }
    }

    #[test]
    fn the_listener_counts_along_beyond_the_sequence_number_and_back_to_zero_under_another_kasme() {
        let header = [0x45, 0, 0, 20, 0, 1, 0, 0, 0x40, 1, 0x66, 0x8c, 10, 45, 0, 2, 10, 45, 0, 1];
        assert!(is_header(&header, 20));
        let [first, second] = [1, 2].map(|octet| UpKey::derive(&Kasme::from_octets([octet; 32]), 0, AlgorithmId::Aes));
        let mut listener = Listener { keys: vec![first.clone(), second.clone()], next: [0, 4_090] };
        let mut heard = |key: &UpKey, count: u32| {
            let sealed = key.apply(count, LinkDirection::Downlink, &header).unwrap();
            listener.packet(LinkDirection::Downlink, (count % 4_096) as u16, &sealed).as_deref() == Some(&header[..])
        };
        assert!((4_090..4_110).all(|count| heard(&first, count)));
        // Late, twice, and from 0 under another key.
        assert!(heard(&first, 4_100) && heard(&first, 4_100) && heard(&first, 4_110));
        assert!(heard(&second, 0) && heard(&second, 1));
        let unknown = UpKey::derive(&Kasme::from_octets([3; 32]), 0, AlgorithmId::Aes);
        assert!(!heard(&unknown, 2) && heard(&second, 3));
    }
}
