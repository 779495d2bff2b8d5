//! 128-EEA2 and 128-EIA2, the algorithms with AES (TS 33.401 Annex B).

use aes::Aes128;
use cipher::{BlockCipherEncrypt, KeyInit, KeyIvInit, StreamCipher};

use crate::eps::keys::AlgorithmKey;
use crate::eps::parameters::LinkDirection;

type Ctr = ctr::Ctr128BE<Aes128>;

/// COUNT (4 octets), BEARER (5 bits), DIRECTION (1 bit), 26 bits of zero.
fn head(count: u32, bearer: u8, direction: LinkDirection) -> [u8; 8] {
    let [a, b, c, d] = count.to_be_bytes();
    [a, b, c, d, (bearer & 0x1f) << 3 | (direction as u8) << 2, 0, 0, 0]
}

/// 128-EEA2 over `message`, in place: ciphering and deciphering are the same (B.1.3). Of a message that ends within an octet, the
/// bits behind its end are no part of the result. `bearer` has 5 bits.
pub fn eea2(key: &AlgorithmKey, count: u32, bearer: u8, direction: LinkDirection, message: &mut [u8]) {
    let mut counter = [0; 16];
    counter[..8].copy_from_slice(&head(count, bearer, direction));
    // A message of 2^68 octets would be too long.
    let _ = Ctr::new(key.octets().into(), &counter.into()).try_apply_keystream(message);
}

/// The MAC of 128-EIA2 over a message of whole octets, 4 octets (B.2.3). `bearer` has 5 bits.
#[must_use]
pub fn eia2(key: &AlgorithmKey, count: u32, bearer: u8, direction: LinkDirection, message: &[u8]) -> [u8; 4] {
    eia2_bits(key, count, bearer, direction, message, message.len().saturating_mul(8))
}

/// The same over the first `bits` bits of `message`, most significant bit first; over all of it if it has fewer.
#[must_use]
pub fn eia2_bits(
    key: &AlgorithmKey,
    count: u32,
    bearer: u8,
    direction: LinkDirection,
    message: &[u8],
    bits: usize,
) -> [u8; 4] {
    let bits = bits.min(message.len().saturating_mul(8));
    let octets = message.get(..bits.div_ceil(8)).unwrap_or_default();
    let whole = [&head(count, bearer, direction), octets].concat();
    let [a, b, c, d, ..] = cmac_bits(key, whole, bits.saturating_add(64));
    [a, b, c, d]
}

/// AES-CMAC of the first `bits` bits of `message` (SP 800-38B, whose padding is one bit of 1 and then zeros, wherever in an octet
/// it begins). There is at least one bit.
fn cmac_bits(key: &AlgorithmKey, mut message: Vec<u8>, bits: usize) -> [u8; 16] {
    let cipher = Aes128::new(key.octets().into());
    let encrypt = |block: u128| {
        let mut block = block.to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    };
    let double = |block: u128| block << 1 ^ if block >> 127 == 1 { 0x87 } else { 0 };
    let mut mask = double(encrypt(0));
    if !bits.is_multiple_of(128) {
        mask = double(mask);
        if bits.is_multiple_of(8) {
            message.push(0x80);
        } else if let Some(last) = message.last_mut() {
            let used = bits % 8;
            *last = *last & !(0xff >> used) | 0x80 >> used;
        }
        message.resize(message.len().next_multiple_of(16), 0);
    }
    let (blocks, _) = message.as_chunks();
    let last = blocks.len().saturating_sub(1);
    let mac = blocks.iter().enumerate().fold(0, |mac, (place, block)| {
        let block = u128::from_be_bytes(*block);
        encrypt(mac ^ block ^ if place == last { mask } else { 0 })
    });
    mac.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_published_vector_comes_out() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/eps-aes-algorithms.json")).unwrap();
        let octets = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let (mut eea2_ran, mut eia2_ran) = (0, 0);
        for vector in vectors["vectors"].as_array().unwrap() {
            let number = |name: &str| vector[name].as_u64().unwrap();
            let key = AlgorithmKey::from_octets(octets(&vector["key"]).try_into().unwrap());
            let (count, bearer) = (u32::try_from(number("count")).unwrap(), u8::try_from(number("bearer")).unwrap());
            let direction = if number("direction") == 1 { LinkDirection::Downlink } else { LinkDirection::Uplink };
            let bits = usize::try_from(number("bit_length")).unwrap();
            let mut message = octets(&vector["message"]);
            let mut expected = octets(&vector["expect"]);
            if vector["kind"] == "128-EIA2" {
                assert_eq!(eia2_bits(&key, count, bearer, direction, &message, bits).as_slice(), expected, "{vector}");
                if bits % 8 == 0 {
                    let whole = &message[..bits / 8];
                    assert_eq!(eia2(&key, count, bearer, direction, whole).as_slice(), expected, "{vector}");
                }
                eia2_ran += 1;
            } else {
                eea2(&key, count, bearer, direction, &mut message);
                for result in [&mut message, &mut expected] {
                    result.truncate(bits.div_ceil(8));
                    if bits % 8 != 0 {
                        *result.last_mut().unwrap() &= !(0xff >> (bits % 8));
                    }
                }
                assert_eq!(message, expected, "{vector}");
                eea2_ran += 1;
            }
        }
        assert_eq!((eea2_ran, eia2_ran), (6, 8));
    }

    #[test]
    fn ciphering_twice_gives_the_message_back_and_every_input_of_the_counter_counts() {
        let key = AlgorithmKey::from_octets([7; 16]);
        let plain: Vec<u8> = (0..50).collect();
        let sealed = |count, bearer, direction| {
            let mut message = plain.clone();
            eea2(&key, count, bearer, direction, &mut message);
            message
        };
        let mut twice = sealed(5, 1, LinkDirection::Uplink);
        eea2(&key, 5, 1, LinkDirection::Uplink, &mut twice);
        assert_eq!(twice, plain);
        let others = [(6, 1, LinkDirection::Uplink), (5, 2, LinkDirection::Uplink), (5, 1, LinkDirection::Downlink)];
        for (count, bearer, direction) in others {
            assert_ne!(sealed(count, bearer, direction), sealed(5, 1, LinkDirection::Uplink));
            assert_ne!(eia2(&key, count, bearer, direction, &plain), eia2(&key, 5, 1, LinkDirection::Uplink, &plain));
        }
    }
}
