//! The security of a UE in UTRAN at one of its ends: CK and IK, and the COUNTs that go with them (TS 33.102 clauses 6.5 and 6.6).
//!
//! | | algorithm | COUNT | beside it |
//! | --- | --- | --- | --- |
//! | RRC messages | UIA2 under IK | HFN of 28 bits, RRC sequence number of 4 | FRESH of the RNC |
//! | user packets | UEA2 under CK | HFN of 20 bits, RLC sequence number of 12 | radio bearer - 1 |
//!
//! RRC messages are not ciphered, so that they can be read in a capture \[choice\]. COUNTs begin at 0, START is not used: CK and IK of
//! a handover are new \[choice\].

use super::count::{Count, CountExhausted};
use super::protection::ProtectionError;
use super::snow3g::{uea2, uia2};
use crate::eps::keys::{AlgorithmKey, CkIk};
use crate::eps::parameters::{IntegrityCheck, LinkDirection};

/// The radio bearer of user packets: 5, the first that is not for signalling. One less goes into f8.
pub const USER_BEARER: u8 = 5;

/// A user packet that is ciphered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CipheredPacket {
    /// COUNT-C.
    pub count: u32,
    /// Its low 12 bits, which travel.
    pub sequence_number: u16,
    /// The packet.
    pub octets: Vec<u8>,
}

/// The security of a UE in UTRAN at one end.
#[derive(Clone, Debug)]
pub struct UtranSecurity {
    keys: CkIk,
    fresh: u32,
    signalling: [Count; 2],
    user: [Count; 2],
}

impl UtranSecurity {
    /// Under these keys, with FRESH of the RNC.
    #[must_use]
    pub const fn new(keys: CkIk, fresh: u32) -> Self {
        Self { keys, fresh, signalling: [Count::utran_signalling(); 2], user: [Count::data(); 2] }
    }

    /// CK and IK.
    #[must_use]
    pub const fn keys(&self) -> &CkIk {
        &self.keys
    }

    /// FRESH.
    #[must_use]
    pub const fn fresh(&self) -> u32 {
        self.fresh
    }

    /// The RNC has begun the integrity protection with this FRESH.
    pub const fn begin(&mut self, fresh: u32) {
        self.fresh = fresh;
    }

    fn halves(&self) -> [[u8; 16]; 2] {
        let [ck, ik] = self.keys.octets().as_chunks().0 else { return [[0; 16]; 2] };
        [*ck, *ik]
    }

    /// CK as the key of f8.
    #[must_use]
    pub fn ck(&self) -> AlgorithmKey {
        AlgorithmKey::from_octets(self.halves()[0])
    }

    /// The integrity check of a message whose octets to be covered are these.
    ///
    /// # Errors
    /// No COUNT is left.
    pub fn sign(&mut self, direction: LinkDirection, covered: &[u8]) -> Result<IntegrityCheck, CountExhausted> {
        let counter = &mut self.signalling[direction as usize];
        let count = counter.take()?;
        let sequence_number = (counter.sequence_number(count) & 0xf) as u8;
        let [_, ik] = self.halves();
        Ok(IntegrityCheck { mac: uia2(&ik, count, self.fresh, direction, covered), sequence_number })
    }

    /// Whether a message is authentic; only one that is moves the COUNT.
    ///
    /// # Errors
    /// It is not, or no COUNT is left.
    pub fn verify(
        &mut self,
        direction: LinkDirection,
        check: IntegrityCheck,
        covered: &[u8],
    ) -> Result<u32, ProtectionError> {
        let counter = self.signalling[direction as usize];
        let count = counter.received(check.sequence_number.into())?;
        let [_, ik] = self.halves();
        let expected = uia2(&ik, count, self.fresh, direction, covered);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(&expected[..], &check.mac[..])) {
            return Err(ProtectionError::Mac { count });
        }
        self.signalling[direction as usize].accept(count);
        Ok(count)
    }

    /// Ciphers a user packet.
    ///
    /// # Errors
    /// No COUNT is left.
    pub fn cipher(&mut self, direction: LinkDirection, packet: &[u8]) -> Result<CipheredPacket, CountExhausted> {
        let counter = &mut self.user[direction as usize];
        let count = counter.take()?;
        let sequence_number = counter.sequence_number(count);
        let mut octets = packet.to_vec();
        let [ck, _] = self.halves();
        uea2(&ck, count, USER_BEARER - 1, direction, &mut octets);
        Ok(CipheredPacket { count, sequence_number, octets })
    }

    /// Deciphers a user packet: COUNT-C and the packet.
    ///
    /// # Errors
    /// No COUNT is left.
    pub fn decipher(
        &mut self,
        direction: LinkDirection,
        sequence_number: u16,
        octets: &[u8],
    ) -> Result<(u32, Vec<u8>), CountExhausted> {
        let counter = &mut self.user[direction as usize];
        let count = counter.received(sequence_number)?;
        counter.accept(count);
        let mut packet = octets.to_vec();
        let [ck, _] = self.halves();
        uea2(&ck, count, USER_BEARER - 1, direction, &mut packet);
        Ok((count, packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eps::parameters::LinkDirection::{Downlink, Uplink};

    #[test]
    fn both_ends_agree_and_a_message_that_is_changed_or_played_again_is_none() {
        let mut ue = UtranSecurity::new(CkIk::from_octets([3; 32]), 7);
        let mut rnc = ue.clone();
        for number in 0..40 {
            let check = ue.sign(Uplink, b"message").unwrap();
            assert_eq!(rnc.verify(Uplink, check, b"message"), Ok(number));
            assert!(rnc.verify(Uplink, check, b"message").is_err(), "again");
            let packet = rnc.cipher(Downlink, b"packet").unwrap();
            assert_ne!(packet.octets, b"packet");
            let opened = ue.decipher(Downlink, packet.sequence_number, &packet.octets);
            assert_eq!(opened, Ok((number, b"packet".to_vec())));
        }
        let check = ue.sign(Uplink, b"message").unwrap();
        assert!(rnc.verify(Uplink, check, b"massage").is_err());
        let mut other = UtranSecurity::new(CkIk::from_octets([3; 32]), 8);
        assert!(other.verify(Uplink, check, b"message").is_err(), "another FRESH");
        assert_eq!(rnc.verify(Uplink, check, b"message"), Ok(40));
    }
}
