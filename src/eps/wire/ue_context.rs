//! What S1AP, X2AP and GTPv2-C all say of a UE: its bearers and their tunnels, their COUNTs, the algorithms it is capable of.

use std::net::Ipv4Addr;

use crate::eps::identifiers::{Ebi, Teid};
use crate::eps::parameters::AlgorithmId;

/// One end of a GTP tunnel: an IPv4 address and a TEID, 4 octets each (TS 36.413 clauses 9.2.2.1 and 9.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelEndpoint {
    /// The node.
    pub address: Ipv4Addr,
    /// The tunnel at that node.
    pub teid: Teid,
}

/// A bearer and the end of its tunnel at the node that the message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Erab {
    /// The bearer: E-RAB ID.
    pub ebi: Ebi,
    /// Where packets for it go.
    pub tunnel: TunnelEndpoint,
}

/// QCI of every bearer: 9, the usual one of a default bearer (TS 23.203 table 6.1.7).
pub const QCI: u8 = 9;
/// Priority of every bearer in allocation and retention: 15, the lowest but none; it neither displaces another nor may be displaced.
pub const PRIORITY_LEVEL: u8 = 15;
/// Aggregate maximum bit rate of a UE in each direction, in bits per second.
pub const AGGREGATE_MAXIMUM_BIT_RATE: u32 = 100_000_000;

/// COUNTs of a data bearer with 12 bits of sequence number, as the source eNB hands them on: 20 bits of HFN, then 12 of PDCP SN
/// (TS 36.413 clause 9.2.1.31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BearerCounts {
    /// The bearer.
    pub ebi: Ebi,
    /// COUNT of the first uplink PDU that is missing at the source eNB.
    pub uplink: u32,
    /// COUNT that the target eNB gives the first downlink PDU that has none yet.
    pub downlink: u32,
}

/// Bits of the sequence number in a COUNT.
const SEQUENCE_BITS: u32 = 12;

/// The sequence number and the HFN of a COUNT.
pub(super) const fn split_count(count: u32) -> (u16, u32) {
    ((count & 0x0fff) as u16, count >> SEQUENCE_BITS)
}

/// The COUNT of these; bits that they do not have are left out.
pub(super) const fn join_count(sequence_number: u16, hfn: u32) -> u32 {
    hfn << SEQUENCE_BITS | sequence_number as u32 & 0x0fff
}

/// The algorithms that a UE is capable of besides the null ones: 16 bits each, the most significant for 128-EEA1 and 128-EIA1, the
/// next for 128-EEA2 and 128-EIA2 (TS 36.413 clause 9.2.1.40).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UeSecurityCapabilities {
    /// Ciphering, 2 octets.
    pub encryption: u16,
    /// Integrity, 2 octets.
    pub integrity: u16,
}

impl UeSecurityCapabilities {
    /// The bit of an algorithm; none for the null ones.
    const fn bit(algorithm: AlgorithmId) -> u16 {
        match algorithm {
            AlgorithmId::Null => 0,
            AlgorithmId::Snow3g => 0x8000,
            AlgorithmId::Aes => 0x4000,
            AlgorithmId::Zuc => 0x2000,
        }
    }

    /// Of a UE that has these algorithms.
    #[must_use]
    pub fn new(encryption: &[AlgorithmId], integrity: &[AlgorithmId]) -> Self {
        let bits =
            |algorithms: &[AlgorithmId]| algorithms.iter().fold(0, |bits, algorithm| bits | Self::bit(*algorithm));
        Self { encryption: bits(encryption), integrity: bits(integrity) }
    }

    /// Whether the UE can cipher with this. Every UE can with the null algorithm.
    #[must_use]
    pub const fn ciphers_with(self, algorithm: AlgorithmId) -> bool {
        matches!(algorithm, AlgorithmId::Null) || self.encryption & Self::bit(algorithm) != 0
    }

    /// Whether the UE can protect the integrity with this. Every UE can with the null algorithm, where that is allowed.
    #[must_use]
    pub const fn protects_with(self, algorithm: AlgorithmId) -> bool {
        matches!(algorithm, AlgorithmId::Null) || self.integrity & Self::bit(algorithm) != 0
    }

    /// The first two octets of UE network capability and of UE security capability in NAS: EEA0 to EEA7, then EIA0 to EIA7, from
    /// the most significant bit; EEA0 is always there and EIA0 never (TS 24.301 clauses 9.9.3.34 and 9.9.3.36).
    #[must_use]
    pub const fn nas_octets(self) -> [u8; 2] {
        [0x80 | (self.encryption >> 9) as u8, (self.integrity >> 9) as u8]
    }

    /// The capabilities that such octets say.
    #[must_use]
    pub const fn from_nas_octets([encryption, integrity]: [u8; 2]) -> Self {
        Self { encryption: (encryption as u16 & 0x7f) << 9, integrity: (integrity as u16 & 0x7f) << 9 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_the_algorithms_move_between_s1ap_and_nas() {
        let all = [AlgorithmId::Null, AlgorithmId::Snow3g, AlgorithmId::Aes, AlgorithmId::Zuc];
        let capabilities = UeSecurityCapabilities::new(&all, &[AlgorithmId::Aes]);
        assert_eq!((capabilities.encryption, capabilities.integrity), (0xe000, 0x4000));
        assert_eq!(capabilities.nas_octets(), [0xf0, 0x20]);
        assert_eq!(UeSecurityCapabilities::from_nas_octets([0xf0, 0x20]), capabilities);
        assert!(all.into_iter().all(|algorithm| capabilities.ciphers_with(algorithm)));
        assert!(capabilities.protects_with(AlgorithmId::Aes) && !capabilities.protects_with(AlgorithmId::Zuc));
    }

    #[test]
    fn a_count_is_its_hfn_and_its_sequence_number() {
        assert_eq!(split_count(0x1234_5678), (0x678, 0x0001_2345));
        assert_eq!(join_count(0x678, 0x0001_2345), 0x1234_5678);
    }
}
