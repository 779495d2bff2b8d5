//! Messages and packets under AS and NAS keys: what is ciphered, what the MAC covers, which COUNT is used.
//!
//! | | integrity over | ciphered | BEARER |
//! | --- | --- | --- | --- |
//! | RRC in PDCP (TS 36.323 clauses 5.6, 5.7) | header octet, message | message, MAC-I | bearer - 1 |
//! | user plane in PDCP, also under KUP ([`user_plane`](super::user_plane)) | nothing | packet | bearer - 1 |
//! | NAS (TS 24.301 clause 4.4) | sequence number, ciphered message | message | 0 |

use super::algorithms::{eea2, eia2};
use super::count::{Count, CountExhausted};
use super::handover_keys::{AsKeys, NasKeys};
use crate::eps::keys::AlgorithmKey;
use crate::eps::parameters::{AlgorithmId, Algorithms, LinkDirection};

/// Octets of MAC-I and NAS-MAC.
pub const MAC_OCTETS: usize = 4;
/// How often the sequence number of NAS may have begun again since a message that is played again.
const OLD_WRAPS: u32 = 64;

/// Why something received was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtectionError {
    /// The MAC is not that of the message under these keys and this COUNT.
    #[error("the MAC is wrong under COUNT {count}")]
    Mac {
        /// The COUNT that the sequence number stands for.
        count: u32,
    },
    /// Fewer octets than a MAC has.
    #[error("expected at least {MAC_OCTETS} octets of MAC, found {found}")]
    Short {
        /// The octets there are.
        found: usize,
    },
    /// Every COUNT has been used.
    #[error(transparent)]
    Exhausted(#[from] CountExhausted),
    /// An algorithm that is named here but not computed.
    #[error("expected a null or AES algorithm, found {0:?}")]
    Unsupported(AlgorithmId),
}

/// Ciphers or deciphers in place.
pub(super) fn cipher(
    algorithm: AlgorithmId,
    (key, count, bearer, direction): (&AlgorithmKey, u32, u8, LinkDirection),
    octets: &mut [u8],
) -> Result<(), ProtectionError> {
    match algorithm {
        AlgorithmId::Null => Ok(()),
        AlgorithmId::Aes => {
            eea2(key, count, bearer, direction, octets);
            Ok(())
        }
        other => Err(ProtectionError::Unsupported(other)),
    }
}

/// The MAC, four zero octets with the null algorithm.
fn mac(
    algorithm: AlgorithmId,
    (key, count, bearer, direction): (&AlgorithmKey, u32, u8, LinkDirection),
    octets: &[u8],
) -> Result<[u8; MAC_OCTETS], ProtectionError> {
    match algorithm {
        AlgorithmId::Null => Ok([0; MAC_OCTETS]),
        AlgorithmId::Aes => Ok(eia2(key, count, bearer, direction, octets)),
        other => Err(ProtectionError::Unsupported(other)),
    }
}

/// Something protected, with what it was protected with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// The COUNT.
    pub count: u32,
    /// Its part that travels.
    pub sequence_number: u16,
    /// What follows the sequence number: message and MAC-I, both ciphered, or a ciphered packet. Of NAS, the ciphered message.
    pub octets: Vec<u8>,
    /// The MAC: within `octets` for RRC, before them for NAS, of no meaning for packets.
    pub mac: [u8; MAC_OCTETS],
}

/// A radio bearer in both directions at one of its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bearer {
    /// Its number: 1 and 2 are signalling bearers.
    number: u8,
    signalling: bool,
    counts: [Count; 2],
}

/// The AS security of a UE at one end, under one KeNB: keys, algorithms, and COUNTs of its bearers, which begin at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsSecurity {
    keys: AsKeys,
    ciphering: AlgorithmId,
    integrity: AlgorithmId,
    bearers: Vec<Bearer>,
    /// Whether there are keys.
    on: bool,
}

/// Which radio bearer: signalling bearers 1 and 2, data bearers by their identity, 1 to 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BearerId {
    /// SRB 1 or 2.
    Signalling(u8),
    /// A DRB.
    Data(u8),
}

impl BearerId {
    /// BEARER as it goes into the algorithms, 5 bits: one less than the identity.
    #[must_use]
    pub const fn input(self) -> u8 {
        match self {
            Self::Signalling(number) | Self::Data(number) => number.saturating_sub(1),
        }
    }
}

impl AsSecurity {
    /// Fresh COUNTs under these keys.
    #[must_use]
    pub const fn new(keys: AsKeys, ciphering: AlgorithmId, integrity: AlgorithmId) -> Self {
        Self { keys, ciphering, integrity, bearers: Vec::new(), on: true }
    }

    /// Before the security mode command: nothing is ciphered, and MAC-I is four zero octets (TS 36.323 clause 5.7).
    #[must_use]
    pub fn off() -> Self {
        let [rrc_enc, rrc_int, up_enc] = std::array::from_fn(|_| AlgorithmKey::from_octets([0; 16]));
        let keys = AsKeys { rrc_enc, rrc_int, up_enc };
        Self { on: false, ..Self::new(keys, AlgorithmId::Null, AlgorithmId::Null) }
    }

    /// Whether there are keys.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// The same keys with the COUNTs of `before`: the security mode command has come, and bearers go on (TS 36.331 clause 5.3.4).
    #[must_use]
    pub fn going_on_from(self, before: &Self) -> Self {
        Self { bearers: before.bearers.clone(), ..self }
    }

    /// The same with another ciphering algorithm: the null one for the security mode command and its answer, which have a MAC-I but
    /// are not ciphered, then the one that they say.
    #[must_use]
    pub fn ciphering_with(self, ciphering: AlgorithmId) -> Self {
        Self { ciphering, ..self }
    }

    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> &AsKeys {
        &self.keys
    }

    /// The ciphering and the integrity algorithm.
    #[must_use]
    pub const fn algorithms(&self) -> Algorithms {
        Algorithms { ciphering: self.ciphering, integrity: self.integrity }
    }

    fn bearer(&mut self, id: BearerId) -> &mut Bearer {
        let (number, signalling, count) = match id {
            BearerId::Signalling(number) => (number, true, Count::signalling()),
            BearerId::Data(number) => (number, false, Count::data()),
        };
        let known = self.bearers.iter().position(|bearer| bearer.number == number && bearer.signalling == signalling);
        let place = known.unwrap_or_else(|| {
            self.bearers.push(Bearer { number, signalling, counts: [count; 2] });
            self.bearers.len().saturating_sub(1)
        });
        &mut self.bearers[place]
    }

    /// The COUNT that the bearer uses next in a direction.
    pub fn next_count(&mut self, id: BearerId, direction: LinkDirection) -> u32 {
        self.bearer(id).counts[direction as usize].next()
    }

    /// shortMAC-I of a re-establishment, 2 octets: the low half of the MAC over VarShortMAC-Input, with every bit of COUNT, BEARER
    /// and DIRECTION 1 (TS 36.331 clause 5.3.7.4). It takes no COUNT.
    ///
    /// # Errors
    /// The algorithm is not one that is computed here.
    pub fn short_mac_i(&self, input: &[u8]) -> Result<u16, ProtectionError> {
        let all = (&self.keys.rrc_int, u32::MAX, 0x1f, LinkDirection::Downlink);
        let [_, _, high, low] = mac(self.integrity, all, input)?;
        Ok(u16::from_be_bytes([high, low]))
    }

    /// Protects an RRC message or a user packet of this bearer.
    ///
    /// # Errors
    /// No COUNT is left, or the algorithm is not one that is computed here.
    pub fn protect(
        &mut self,
        id: BearerId,
        direction: LinkDirection,
        plain: &[u8],
    ) -> Result<Protected, ProtectionError> {
        let bearer = self.bearer(id);
        let (input, counter) = (id.input(), &mut bearer.counts[direction as usize]);
        let count = counter.take()?;
        let sequence_number = counter.sequence_number(count);
        let mut octets = plain.to_vec();
        let mut mac_i = [0; MAC_OCTETS];
        let key = match id {
            BearerId::Signalling(_) => {
                let covered = [&sequence_number.to_be_bytes()[1..], plain].concat();
                mac_i = mac(self.integrity, (&self.keys.rrc_int, count, input, direction), &covered)?;
                octets.extend_from_slice(&mac_i);
                &self.keys.rrc_enc
            }
            BearerId::Data(_) => &self.keys.up_enc,
        };
        cipher(self.ciphering, (key, count, input, direction), &mut octets)?;
        Ok(Protected { count, sequence_number, octets, mac: mac_i })
    }

    /// Opens what came behind a sequence number: the COUNT that was used and the message or packet. Only a message whose MAC is
    /// right, and a packet, moves the COUNT.
    ///
    /// # Errors
    /// The MAC is wrong, there is no room for one, no COUNT is left, or the algorithm is not one that is computed here.
    pub fn open(
        &mut self,
        id: BearerId,
        direction: LinkDirection,
        sequence_number: u16,
        octets: &[u8],
    ) -> Result<(u32, Vec<u8>), ProtectionError> {
        let bearer = self.bearer(id);
        let (input, counter) = (id.input(), bearer.counts[direction as usize]);
        let count = counter.received(sequence_number)?;
        let mut plain = octets.to_vec();
        let key = match id {
            BearerId::Signalling(_) => &self.keys.rrc_enc,
            BearerId::Data(_) => &self.keys.up_enc,
        };
        cipher(self.ciphering, (key, count, input, direction), &mut plain)?;
        if let BearerId::Signalling(_) = id {
            let Some(found) = plain.split_last_chunk::<MAC_OCTETS>().map(|(_, mac)| *mac) else {
                return Err(ProtectionError::Short { found: plain.len() });
            };
            plain.truncate(plain.len().saturating_sub(MAC_OCTETS));
            let covered = [&sequence_number.to_be_bytes()[1..], &plain].concat();
            let expected = mac(self.integrity, (&self.keys.rrc_int, count, input, direction), &covered)?;
            if !bool::from(subtle::ConstantTimeEq::ct_eq(&expected[..], &found[..])) {
                return Err(ProtectionError::Mac { count });
            }
        }
        self.bearer(id).counts[direction as usize].accept(count);
        Ok((count, plain))
    }
}

/// The NAS security of a UE at one end: keys, algorithms, and the two NAS COUNTs, which go on whatever becomes of the rest: they
/// are reset with a new KASME only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NasSecurity {
    keys: NasKeys,
    ciphering: AlgorithmId,
    integrity: AlgorithmId,
    counts: [Count; 2],
}

impl NasSecurity {
    /// Fresh COUNTs under these keys.
    #[must_use]
    pub const fn new(keys: NasKeys, ciphering: AlgorithmId, integrity: AlgorithmId) -> Self {
        Self { keys, ciphering, integrity, counts: [Count::nas(); 2] }
    }

    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> &NasKeys {
        &self.keys
    }

    /// The ciphering and the integrity algorithm.
    #[must_use]
    pub const fn algorithms(&self) -> Algorithms {
        Algorithms { ciphering: self.ciphering, integrity: self.integrity }
    }

    /// The COUNT that comes next in a direction.
    #[must_use]
    pub const fn next_count(&self, direction: LinkDirection) -> u32 {
        self.counts[direction as usize].next()
    }

    /// Other keys or algorithms, the COUNTs go on: another MME has taken over, or algorithms change.
    #[must_use]
    pub fn with_keys(self, keys: NasKeys, ciphering: AlgorithmId, integrity: AlgorithmId) -> Self {
        Self { keys, ciphering, integrity, ..self }
    }

    /// The same keys with COUNTs as another node has left them.
    #[must_use]
    pub fn going_on_at(mut self, uplink: u32, downlink: u32) -> Self {
        self.counts = [uplink, downlink].map(|next| Count::nas().going_on_at(next));
        self
    }

    /// Leaves the COUNT that comes next to another node, which has the same keys: here it is not used any more.
    pub fn leave_out(&mut self, direction: LinkDirection) {
        let counter = &mut self.counts[direction as usize];
        counter.accept(counter.next());
    }

    /// Protects a message; `ciphered` as its security header says.
    ///
    /// # Errors
    /// No COUNT is left, or the algorithm is not one that is computed here.
    pub fn protect(
        &mut self,
        direction: LinkDirection,
        plain: &[u8],
        ciphered: bool,
    ) -> Result<Protected, ProtectionError> {
        let counter = &mut self.counts[direction as usize];
        let count = counter.take()?;
        let sequence_number = counter.sequence_number(count);
        let mut octets = plain.to_vec();
        if ciphered {
            cipher(self.ciphering, (&self.keys.enc, count, 0, direction), &mut octets)?;
        }
        let mac = self.mac(direction, count, sequence_number, &octets)?;
        Ok(Protected { count, sequence_number, octets, mac })
    }

    fn mac(
        &self,
        direction: LinkDirection,
        count: u32,
        sequence_number: u16,
        octets: &[u8],
    ) -> Result<[u8; MAC_OCTETS], ProtectionError> {
        let covered = [&sequence_number.to_be_bytes()[1..], octets].concat();
        mac(self.integrity, (&self.keys.int, count, 0, direction), &covered)
    }

    /// Opens a message: the COUNT that was used, and the message. Only one whose MAC is right moves the COUNT, so that none is
    /// taken twice.
    ///
    /// # Errors
    /// The MAC is wrong, no COUNT is left, or the algorithm is not one that is computed here.
    pub fn open(
        &mut self,
        direction: LinkDirection,
        sequence_number: u8,
        found: [u8; MAC_OCTETS],
        octets: &[u8],
        ciphered: bool,
    ) -> Result<(u32, Vec<u8>), ProtectionError> {
        let count = self.counts[direction as usize].received(u16::from(sequence_number))?;
        if !self.is_mac(direction, count, found, octets)? {
            return Err(ProtectionError::Mac { count });
        }
        self.open_unchecked(direction, sequence_number, octets, ciphered)
    }

    fn is_mac(
        &self,
        direction: LinkDirection,
        count: u32,
        found: [u8; MAC_OCTETS],
        octets: &[u8],
    ) -> Result<bool, ProtectionError> {
        let expected = self.mac(direction, count, (count & 0xff) as u16, octets)?;
        Ok(subtle::ConstantTimeEq::ct_eq(&expected[..], &found[..]).into())
    }

    fn plain(
        &self,
        direction: LinkDirection,
        count: u32,
        octets: &[u8],
        ciphered: bool,
    ) -> Result<Vec<u8>, ProtectionError> {
        let mut plain = octets.to_vec();
        if ciphered {
            cipher(self.ciphering, (&self.keys.enc, count, 0, direction), &mut plain)?;
        }
        Ok(plain)
    }

    /// Opens a message whatever its MAC is: what somebody reads who does not look at it.
    ///
    /// # Errors
    /// No COUNT is left, or the algorithm is not one that is computed here.
    pub fn open_unchecked(
        &mut self,
        direction: LinkDirection,
        sequence_number: u8,
        octets: &[u8],
        ciphered: bool,
    ) -> Result<(u32, Vec<u8>), ProtectionError> {
        let count = self.counts[direction as usize].received(u16::from(sequence_number))?;
        let plain = self.plain(direction, count, octets, ciphered)?;
        self.counts[direction as usize].accept(count);
        Ok((count, plain))
    }

    /// Opens a message whose MAC is right for a COUNT that was used already, one of the last 16,384: it was played again. That COUNT
    /// and the message; the COUNTs stay as they are.
    #[must_use]
    pub fn open_played_again(
        &self,
        direction: LinkDirection,
        sequence_number: u8,
        found: [u8; MAC_OCTETS],
        octets: &[u8],
        ciphered: bool,
    ) -> Option<(u32, Vec<u8>)> {
        let ahead = self.counts[direction as usize].received(u16::from(sequence_number)).ok()?;
        let used = (1..=OLD_WRAPS).map_while(|wraps| ahead.checked_sub(wraps << 8));
        let mut right = used.filter(|count| self.is_mac(direction, *count, found, octets).unwrap_or_default());
        let count = right.next()?;
        self.plain(direction, count, octets, ciphered).ok().map(|plain| (count, plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eps::keys::{Kasme, Kenb};

    const AES: AlgorithmId = AlgorithmId::Aes;

    fn air() -> AsSecurity {
        AsSecurity::new(AsKeys::derive(&Kenb::from_octets([3; 32]), AES, AES), AES, AES)
    }

    fn nas() -> NasSecurity {
        NasSecurity::new(NasKeys::derive(&Kasme::from_octets([4; 32]), AES, AES), AES, AES)
    }

    #[test]
    fn a_message_opens_at_the_other_end_once_and_not_after_any_change() {
        let (mut enb, mut ue) = (air(), air());
        let srb = BearerId::Signalling(1);
        let sealed = enb.protect(srb, LinkDirection::Downlink, b"handover command").unwrap();
        for place in 0..sealed.octets.len() {
            let mut changed = sealed.octets.clone();
            changed[place] ^= 1;
            let opened = ue.open(srb, LinkDirection::Downlink, sealed.sequence_number, &changed);
            assert_eq!(opened, Err(ProtectionError::Mac { count: 0 }), "octet {place}");
        }
        let other = ue.open(BearerId::Signalling(2), LinkDirection::Downlink, 0, &sealed.octets);
        assert!(other.is_err());
        let opened = ue.open(srb, LinkDirection::Downlink, sealed.sequence_number, &sealed.octets);
        assert_eq!(opened, Ok((0, b"handover command".to_vec())));
        // Played again it would be COUNT 32, under which the MAC is another.
        let again = ue.open(srb, LinkDirection::Downlink, sealed.sequence_number, &sealed.octets);
        assert_eq!(again, Err(ProtectionError::Mac { count: 32 }));
    }

    #[test]
    fn a_packet_has_no_mac_and_its_own_key() {
        let (mut enb, mut ue) = (air(), air());
        let sealed = enb.protect(BearerId::Data(1), LinkDirection::Downlink, &[0x45; 40]).unwrap();
        assert_eq!(sealed.octets.len(), 40);
        let opened = ue.open(BearerId::Data(1), LinkDirection::Downlink, sealed.sequence_number, &sealed.octets);
        assert_eq!(opened, Ok((0, vec![0x45; 40])));
        let signalling = enb.protect(BearerId::Signalling(1), LinkDirection::Downlink, &[0x45; 40]).unwrap();
        assert_ne!(signalling.octets[..40], sealed.octets);
    }

    #[test]
    fn nas_counts_go_on_under_other_keys_and_a_message_played_again_is_refused() {
        // Acceptance list 1.3, points 6 and 7.
        let (mut mme, mut ue) = (nas(), nas());
        let first = mme.protect(LinkDirection::Downlink, b"PARA", true).unwrap();
        let sequence_number = u8::try_from(first.sequence_number).unwrap();
        let open =
            |ue: &mut NasSecurity| ue.open(LinkDirection::Downlink, sequence_number, first.mac, &first.octets, true);
        assert_eq!(open(&mut ue), Ok((0, b"PARA".to_vec())));
        assert_eq!(open(&mut ue), Err(ProtectionError::Mac { count: 256 }));
        let again = |mac| ue.open_played_again(LinkDirection::Downlink, sequence_number, mac, &first.octets, true);
        assert_eq!((again(first.mac), again([0; 4])), (Some((0, b"PARA".to_vec())), None));
        let keys = NasKeys::derive(&Kasme::from_octets([4; 32]), AES, AlgorithmId::Null);
        let moved = mme.with_keys(keys, AES, AlgorithmId::Null);
        assert_eq!((moved.next_count(LinkDirection::Downlink), moved.next_count(LinkDirection::Uplink)), (1, 0));
    }

    #[test]
    fn an_algorithm_that_is_not_computed_is_refused() {
        let keys = AsKeys::derive(&Kenb::from_octets([3; 32]), AlgorithmId::Zuc, AES);
        let mut security = AsSecurity::new(keys, AlgorithmId::Zuc, AES);
        let refused = security.protect(BearerId::Data(1), LinkDirection::Uplink, b"x");
        assert_eq!(refused, Err(ProtectionError::Unsupported(AlgorithmId::Zuc)));
    }
}
