//! User packets between UE and UPE (seed 001): the key, COUNT at either end, and what was received already.
//!
//! `KUPE = KDF(KASME, FC_KUPE, number of the key in 4 octets)`, and KUP is made of KUPE as KUPenc is of KeNB \[choice\]. The number is
//! 0 after an authentication; where each handover has another key, the MME counts.
//!
//! COUNT belongs to the UE and its bearer, and not to a key or a node: it goes on from cell to cell, from UPE to UPE, and from one key
//! to the next of the same KASME \[choice\]. So a packet that was ciphered under two keys, for two eNBs, has the same COUNT under
//! both, and the UE knows the second for the first; and no COUNT is used twice under a key to which a UE returns.

use super::count::{Count, CountExhausted};
use super::kdf::{KeyUse, algorithm_key, short_kdf};
use super::protection::{BearerId, Protected, ProtectionError, cipher};
use crate::eps::keys::{Kasme, Kupe, UpContext, UpKey};
use crate::eps::parameters::{AlgorithmId, LinkDirection};

/// FC in front of the input of KUPE: none of 3GPP's.
pub const FC_KUPE: u8 = 0xf4;
/// How many COUNTs a receiver looks back: half of those that a sequence number of 12 bits tells apart.
pub const WINDOW: u32 = 2_048;

const SEQUENCE_NUMBERS: u32 = 2 * WINDOW;
/// The one bearer of a UE.
const BEARER: BearerId = BearerId::Data(1);

/// KUPE from KASME and the number of the key.
#[must_use]
pub fn kupe(kasme: &Kasme, update: u32) -> Kupe {
    Kupe::from_octets(short_kdf(kasme.octets(), FC_KUPE, [&update.to_be_bytes()]))
}

impl UpKey {
    /// The key with this number, for this algorithm.
    #[must_use]
    pub fn derive(kasme: &Kasme, update: u32, algorithm: AlgorithmId) -> Self {
        let key = algorithm_key(kupe(kasme, update).octets(), KeyUse::UpEnc, algorithm as u8);
        Self { update, algorithm, key }
    }

    /// Ciphers or deciphers a packet: both are the same.
    ///
    /// # Errors
    /// The algorithm is not one that is computed here.
    pub fn apply(&self, count: u32, direction: LinkDirection, packet: &[u8]) -> Result<Vec<u8>, ProtectionError> {
        let mut octets = packet.to_vec();
        cipher(self.algorithm, (&self.key, count, BEARER.input(), direction), &mut octets)?;
        Ok(octets)
    }
}

/// Whether these octets can be an IPv4 packet, by version and length.
fn is_packet(octets: &[u8]) -> bool {
    let length = |octets: &[u8; 4]| usize::from(u16::from_be_bytes([octets[2], octets[3]]));
    octets.first_chunk().is_some_and(|first| first[0] >> 4 == 4 && length(first) == octets.len())
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpError {
    /// It was received already, or is so old that nobody knows.
    #[error("COUNT {count} was received already")]
    Duplicate {
        /// Its COUNT.
        count: u32,
    },
    /// It cannot be deciphered.
    #[error(transparent)]
    Protection(#[from] ProtectionError),
}

/// What was received: the COUNT above the highest, and of the [`WINDOW`] below it, which.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Received {
    next: u32,
    /// By COUNT modulo [`WINDOW`].
    seen: Vec<bool>,
}

impl Received {
    /// All below `next` was received.
    fn up_to(next: u32) -> Self {
        Self { next, seen: vec![true; WINDOW as usize] }
    }

    /// The COUNT that a sequence number stands for: the one nearest to that which comes next.
    fn count(&self, sequence_number: u16) -> Result<u32, CountExhausted> {
        let ahead = u32::from(sequence_number).wrapping_sub(self.next) % SEQUENCE_NUMBERS;
        let behind = self.next.checked_sub(SEQUENCE_NUMBERS.saturating_sub(ahead)).filter(|_| ahead >= WINDOW);
        behind.or_else(|| self.next.checked_add(ahead)).filter(|count| *count < u32::MAX).ok_or(CountExhausted)
    }

    /// Notes a COUNT; whether it is new.
    fn insert(&mut self, count: u32) -> bool {
        for skipped in self.next..=count {
            if let Some(seen) = self.seen.get_mut((skipped % WINDOW) as usize) {
                *seen = false;
            }
        }
        let (next, oldest) = (self.next.max(count.saturating_add(1)), self.next.saturating_sub(WINDOW));
        self.next = next;
        let seen = self.seen.get_mut((count % WINDOW) as usize);
        seen.is_some_and(|seen| count >= oldest && !std::mem::replace(seen, true))
    }
}

/// One end of the user plane of a UE: UE or UPE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpSecurity {
    key: UpKey,
    /// What the other end may send under besides, where the key changes and nothing else.
    other: Option<UpKey>,
    sends: LinkDirection,
    sent: Count,
    received: Received,
}

impl UpSecurity {
    /// Fresh COUNTs, at the end that sends in this direction.
    #[must_use]
    pub fn new(key: UpKey, sends: LinkDirection) -> Self {
        Self { key, other: None, sends, sent: Count::data(), received: Received::up_to(0) }
    }

    /// The UPE's end, as another UPE hands it over: what was received there is not taken again here.
    #[must_use]
    pub fn handed_over(context: UpContext) -> Self {
        let UpContext { key, counts: [uplink, downlink] } = context;
        let sent = Count::data().going_on_at(downlink);
        Self { key, other: None, sends: LinkDirection::Downlink, sent, received: Received::up_to(uplink) }
    }

    /// The key in use.
    #[must_use]
    pub const fn key(&self) -> &UpKey {
        &self.key
    }

    /// Takes another key into use, which the other end has from where this is told; the one before it. COUNT goes on.
    pub fn replace_key(&mut self, key: UpKey) -> UpKey {
        self.other = None;
        std::mem::replace(&mut self.key, key)
    }

    /// The other end may send under another key soon.
    pub fn expect_key(&mut self, key: UpKey) {
        self.other = Some(key);
    }

    /// Takes another key into use; the other end may still send under the one before. COUNT goes on.
    pub fn change_key(&mut self, key: UpKey) {
        // Told twice, it is still that before the change which the other end may send under.
        if key != self.key {
            self.other = Some(std::mem::replace(&mut self.key, key));
        }
    }

    /// The COUNT that is sent with next.
    #[must_use]
    pub const fn next_count(&self) -> u32 {
        self.sent.next()
    }

    /// Goes on sending at this COUNT.
    pub const fn go_on_at(&mut self, next: u32) {
        self.sent = self.sent.going_on_at(next);
    }

    /// What another UPE needs to be this one's successor.
    #[must_use]
    pub fn context(&self) -> UpContext {
        UpContext { key: self.key.clone(), counts: [self.received.next, self.sent.next()] }
    }

    /// The COUNT from `from` on that a number of 12 bits stands for.
    #[must_use]
    pub fn count_from(from: u32, sequence_number: u16) -> u32 {
        let ahead = u32::from(sequence_number).wrapping_sub(from) % SEQUENCE_NUMBERS;
        from.saturating_add(ahead)
    }

    /// Takes the next COUNT to send with, and its part that travels.
    ///
    /// # Errors
    /// There is none left.
    pub fn take(&mut self) -> Result<(u32, u16), CountExhausted> {
        let count = self.sent.take()?;
        Ok((count, self.sent.sequence_number(count)))
    }

    /// Ciphers a packet.
    ///
    /// # Errors
    /// No COUNT is left, or the algorithm is not one that is computed here.
    pub fn protect(&mut self, packet: &[u8]) -> Result<Protected, ProtectionError> {
        let (count, sequence_number) = self.take()?;
        Ok(Protected { count, sequence_number, octets: self.key.apply(count, self.sends, packet)?, mac: [0; 4] })
    }

    /// Opens a packet under the key in use: its COUNT and what it is. Nothing proves who it is from, and nothing but the packet itself
    /// tells of two keys which it is under, where the other end may send under two \[choice\].
    ///
    /// # Errors
    /// It was received already, no COUNT is left, or the algorithm is not one that is computed here.
    pub fn open(&mut self, sequence_number: u16, octets: &[u8]) -> Result<(u32, Vec<u8>), UpError> {
        let key = self.key.clone();
        let Some(other) = self.other.clone() else { return self.open_under(&key, sequence_number, octets) };
        let count = self.received.count(sequence_number).map_err(ProtectionError::from)?;
        let first = key.apply(count, self.receives(), octets)?;
        let is_other = !is_packet(&first) && other.apply(count, self.receives(), octets).is_ok_and(|it| is_packet(&it));
        self.open_under(if is_other { &other } else { &key }, sequence_number, octets)
    }

    const fn receives(&self) -> LinkDirection {
        match self.sends {
            LinkDirection::Uplink => LinkDirection::Downlink,
            LinkDirection::Downlink => LinkDirection::Uplink,
        }
    }

    /// The same under a key that is known to be the right one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_under(&mut self, key: &UpKey, sequence_number: u16, octets: &[u8]) -> Result<(u32, Vec<u8>), UpError> {
        let count = self.received.count(sequence_number).map_err(ProtectionError::from)?;
        let packet = key.apply(count, self.receives(), octets)?;
        if !self.received.insert(count) {
            return Err(UpError::Duplicate { count });
        }
        Ok((count, packet))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn key(update: u32) -> UpKey {
        UpKey::derive(&Kasme::from_octets([7; 32]), update, AlgorithmId::Aes)
    }

    fn ends() -> (UpSecurity, UpSecurity) {
        (UpSecurity::new(key(0), LinkDirection::Downlink), UpSecurity::new(key(0), LinkDirection::Uplink))
    }

    #[test]
    fn keys_of_other_numbers_algorithms_and_uses_differ() {
        // T1
        let kasme = Kasme::from_octets([7; 32]);
        assert_ne!(key(0).key, key(1).key);
        assert_ne!(key(0).key, UpKey::derive(&kasme, 0, AlgorithmId::Null).key);
        assert_ne!(key(0).key, UpKey::derive(&Kasme::from_octets([8; 32]), 0, AlgorithmId::Aes).key);
        assert_ne!(key(0).key, algorithm_key(kasme.octets(), KeyUse::UpEnc, 2));
        let unknown = UpKey { algorithm: AlgorithmId::Zuc, ..key(0) };
        let refused = unknown.apply(0, LinkDirection::Uplink, &[0]);
        assert_eq!(refused, Err(ProtectionError::Unsupported(AlgorithmId::Zuc)));
    }

    #[test]
    fn a_packet_opens_once_in_whatever_order_it_comes() {
        // T3
        let (mut upe, mut ue) = ends();
        let sealed: Vec<Protected> = (0..5_u8).map(|number| upe.protect(&[number; 9]).unwrap()).collect();
        for (place, new) in [(2, true), (0, true), (2, false), (4, true), (1, true), (0, false), (3, true), (4, false)]
        {
            let Protected { count, sequence_number, octets, .. } = &sealed[place];
            let opened = ue.open(*sequence_number, octets);
            let expected =
                if new { Ok((*count, vec![*count as u8; 9])) } else { Err(UpError::Duplicate { count: *count }) };
            assert_eq!(opened, expected);
        }
    }

    #[test]
    fn count_goes_on_under_another_key_and_at_another_upe_and_a_copy_under_either_key_is_taken_once() {
        // T3, T4
        let (mut upe, mut ue) = ends();
        for number in 0..5_000_u32 {
            let sealed = upe.protect(&number.to_be_bytes()).unwrap();
            assert_eq!(ue.open(sealed.sequence_number, &sealed.octets).unwrap().0, number);
        }
        let (count, sequence_number) = upe.take().unwrap();
        let [old, new] = [key(0), key(1)].map(|key| key.apply(count, LinkDirection::Downlink, b"both").unwrap());
        assert_ne!(old, new);
        assert_eq!(ue.open(sequence_number, &old), Ok((5_000, b"both".to_vec())));
        assert_eq!(ue.replace_key(key(1)), key(0));
        assert_eq!(ue.open(sequence_number, &new), Err(UpError::Duplicate { count: 5_000 }));
        let sent = ue.protect(b"up").unwrap();
        upe.replace_key(key(1));
        let mut other = UpSecurity::handed_over(upe.context());
        assert_eq!(other.open(sent.sequence_number, &sent.octets), Ok((0, b"up".to_vec())));
        let sealed = other.protect(b"down").unwrap();
        assert_eq!(
            (sealed.count, ue.open(sealed.sequence_number, &sealed.octets)),
            (5_001, Ok((5_001, b"down".to_vec())))
        );
        // What the first has taken is not taken by the second.
        let mut third = UpSecurity::handed_over(other.context());
        assert_eq!(third.open(sent.sequence_number, &sent.octets), Err(UpError::Duplicate { count: 0 }));
    }

    #[test]
    fn where_the_key_alone_changes_a_packet_tells_which_it_is_under() {
        let (mut upe, mut ue) = ends();
        let packet = |last| [&[0x45, 0, 0, 24][..], &[last; 20]].concat();
        let take = |ue: &mut UpSecurity, upe: &mut UpSecurity, number| {
            let down = upe.protect(&packet(number)).unwrap();
            assert_eq!(ue.open(down.sequence_number, &down.octets).unwrap().1, packet(number));
            let up = ue.protect(&packet(number)).unwrap();
            assert_eq!(upe.open(up.sequence_number, &up.octets).unwrap().1, packet(number));
        };
        take(&mut ue, &mut upe, 0);
        ue.expect_key(key(1));
        take(&mut ue, &mut upe, 1);
        upe.change_key(key(1));
        take(&mut ue, &mut upe, 2);
        ue.change_key(key(1));
        take(&mut ue, &mut upe, 3);
        assert_eq!((ue.key(), upe.key(), ue.next_count()), (&key(1), &key(1), 4));
    }

    #[test]
    fn a_count_that_begins_again_is_taken_for_what_was_received() {
        // broken: T4 the sender begins at 0 again.
        let (mut upe, mut ue) = ends();
        let first: Vec<Protected> = (0..3).map(|_| upe.protect(b"first").unwrap()).collect();
        for Protected { sequence_number, octets, .. } in &first {
            ue.open(*sequence_number, octets).unwrap();
        }
        upe.go_on_at(0);
        let again = upe.protect(b"again").unwrap();
        assert_eq!(ue.open(again.sequence_number, &again.octets), Err(UpError::Duplicate { count: 0 }));
        // The key stream of both is the same, and so what they differ in is what the packets differ in.
        let differ =
            |one: &[u8], other: &[u8]| one.iter().zip(other).map(|(one, other)| one ^ other).collect::<Vec<u8>>();
        assert_eq!(differ(&first[0].octets, &again.octets), differ(b"first", b"again"));
    }

    #[test]
    fn a_number_stands_for_the_count_nearest_above_where_it_begins() {
        assert_eq!(UpSecurity::count_from(100, 100), 100);
        assert_eq!(UpSecurity::count_from(4_090, 3), 4_099);
        assert_eq!(UpSecurity::count_from(u32::MAX, 0), u32::MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_is_lost_or_comes_late_or_twice_within_the_window_each_is_taken_once(
            begins in prop_oneof![Just(0_u32), 0..10_000_u32],
            order in prop::collection::vec((0..1_500_u32, 1..3_u8), 1..200),
        ) {
            let mut ue = UpSecurity { received: Received::up_to(begins), ..ends().1 };
            let mut taken = BTreeSet::new();
            for (ahead, times) in order {
                let count = begins + ahead;
                let octets = key(0).apply(count, LinkDirection::Downlink, b"x").unwrap();
                for _ in 0..times {
                    let opened = ue.open((count % SEQUENCE_NUMBERS) as u16, &octets);
                    let expected = if taken.insert(count) { Ok((count, b"x".to_vec())) } else { Err(UpError::Duplicate { count }) };
                    prop_assert_eq!(opened, expected);
                }
            }
        }
    }
}
