//! KHSE of TS 33.163 (BEST): the key of a UE and the home security end point (HSE), which the end point of seed 004 became, from a run of 5G AKA
//! or of EAP-AKA' (`eps-systems.md` 4.3).
//!
//! | of | key | FC | P0 | P1 |
//! | --- | --- | --- | --- | --- |
//! | 5G AKA | CK \| IK | 0x63 | serving network name | SQN xor AK |
//! | EAP-AKA' | CK' \| IK' | 0x64 | serving network name | SQN xor AK |
//!
//! FC and inputs are confirmed by a source, but by no vector. What is made of KHSE (TS 33.163 clause 5.1) is not confirmed, and is not here.

use super::kdf::{ParameterTooLong, kdf};
use crate::eps::keys::{CkIk, Khse};

/// What CK and IK are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KhseRoot {
    /// 5G AKA: CK and IK.
    FiveGAka,
    /// EAP-AKA': CK' and IK'.
    EapAkaPrime,
}

impl KhseRoot {
    const fn fc(self) -> u8 {
        match self {
            Self::FiveGAka => 0x63,
            Self::EapAkaPrime => 0x64,
        }
    }
}

/// KHSE; `serving_network` is the name of the serving network, such as `5G:mnc001.mcc001.3gppnetwork.org`.
///
/// # Errors
/// A name of more than 65,535 octets.
pub fn khse(root: KhseRoot, keys: &CkIk, serving_network: &str, sqn_xor_ak: [u8; 6]) -> Result<Khse, ParameterTooLong> {
    kdf(keys.octets(), root.fc(), &[serving_network.as_bytes(), &sqn_xor_ak]).map(Khse::from_octets)
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;

    #[test]
    fn khse_is_the_hash_of_the_string_that_the_annex_writes() {
        let keys = CkIk::from_octets(std::array::from_fn(|place| place as u8));
        let name = "5G:mnc001.mcc001.3gppnetwork.org";
        for (root, fc) in [(KhseRoot::FiveGAka, 0x63), (KhseRoot::EapAkaPrime, 0x64)] {
            // FC | P0 | L0 | P1 | L1 (TS 33.220 clause B.2).
            let mut s = vec![fc];
            s.extend(name.as_bytes());
            s.extend([0x00, 0x20]);
            s.extend([0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5]);
            s.extend([0x00, 0x06]);
            let mut mac = Hmac::<Sha256>::new_from_slice(keys.octets()).unwrap();
            mac.update(&s);
            let expected: [u8; 32] = mac.finalize().into_bytes().into();
            let made = khse(root, &keys, name, [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5]).unwrap();
            assert_eq!(*made.octets(), expected);
        }
        assert!(khse(KhseRoot::FiveGAka, &keys, &"x".repeat(65_536), [0; 6]).is_err());
    }
}
