//! Registers of one block.

use std::arch::x86_64::*;

use zerocopy::transmute;

use super::{
    BLOCK, COUNTER_FLAGS, CcmJob, CmacJob, GROUP, Group, KEYS, LANES, LAST_WORD_ROTATED, NONCE, RCON, block_of,
    cmac_block, doubled, first_block, group_of, set_group_of,
};

type Register = __m128i;

#[inline]
#[target_feature(enable = "aes,avx")]
fn load([block]: [[u8; BLOCK]; 1]) -> Register {
    transmute!(block)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn store(register: Register) -> [[u8; BLOCK]; 1] {
    [transmute!(register)]
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn load_group([text]: [&Group; 1]) -> [Register; GROUP] {
    transmute!(*text)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn store_group(blocks: [Register; GROUP]) -> [Group; 1] {
    [transmute!(blocks)]
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn xor(a: Register, b: Register) -> Register {
    _mm_xor_si128(a, b)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn and(a: Register, b: Register) -> Register {
    _mm_and_si128(a, b)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn round(state: Register, key: Register) -> Register {
    _mm_aesenc_si128(state, key)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn last_round(state: Register, key: Register) -> Register {
    _mm_aesenclast_si128(state, key)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn rotated_last_word(key: Register) -> Register {
    _mm_shuffle_epi8(key, transmute!(LAST_WORD_ROTATED))
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn shifted_by_a_word(key: Register) -> Register {
    _mm_slli_si128::<4>(key)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn shifted_by_two_words(key: Register) -> Register {
    _mm_slli_si128::<8>(key)
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn round_constant(rcon: i32) -> Register {
    _mm_set1_epi32(rcon)
}

/// The last octet plus one.
#[inline]
#[target_feature(enable = "aes,avx")]
fn counted(counter: Register) -> Register {
    _mm_add_epi64(counter, _mm_set_epi64x(1 << 56, 0))
}

/// The first octets, as many as it says, and zeros behind them.
#[inline]
#[target_feature(enable = "aes,avx")]
fn trimmed(register: Register, [octets]: [usize; 1]) -> Register {
    const MASKS: [u8; 2 * BLOCK] = {
        let mut masks = [0; 2 * BLOCK];
        masks.first_chunk_mut::<BLOCK>().expect("it is half of it").copy_from_slice(&[255; BLOCK]);
        masks
    };
    let mask: [u8; BLOCK] = *MASKS[BLOCK - octets.min(BLOCK)..].first_chunk().expect("there is room behind it");
    and(register, load([mask]))
}

#[inline]
#[target_feature(enable = "aes,avx")]
fn chosen([which]: [bool; 1], this: Register, that: Register) -> Register {
    if which { this } else { that }
}

lanes!(1, "aes,avx");

/// One text: its MAC is one chain, beside which the stream costs nothing.
#[target_feature(enable = "aes,avx")]
pub(in super::super) fn ccm_alone<const OPEN: bool>(job: &mut CcmJob<'_>) {
    let keys = expanded([load([*job.key])]);
    let (first_key, last_key) = (keys[0], keys[KEYS - 1]);
    let between = added(first_key, last_key);
    let first = load([first_block(job.nonce, job.text.len())]);
    let mut counter = xor(and(first, load([NONCE])), load([COUNTER_FLAGS]));
    let (mut mac, mask) = both_begun(&keys, added([first], first_key), added([counter], first_key));

    let (blocks, rest) = job.text.as_chunks_mut();
    for block in blocks {
        counter = counted(counter);
        let taken = [load([*block])];
        let out = ended(begun(&keys, added([counter], first_key)), added(taken, last_key));
        mac = begun(&keys, ended(mac, added(if OPEN { out } else { taken }, between)));
        [*block] = store(out[0]);
    }
    if !rest.is_empty() {
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        let taken = [load([last])];
        let out = ended(begun(&keys, added([counted(counter)], first_key)), added(taken, last_key));
        let plain = if OPEN { [trimmed(out[0], [rest.len()])] } else { taken };
        let [octets] = store(out[0]);
        rest.copy_from_slice(&octets[..rest.len()]);
        mac = begun(&keys, ended(mac, added(plain, between)));
    }
    let [[icv @ .., _, _, _, _, _, _, _, _]] = store(added(ended(mac, last_key), ended(mask, last_key))[0]);
    job.tagged::<OPEN>(icv);
}
