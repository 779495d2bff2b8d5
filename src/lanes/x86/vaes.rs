//! Registers of four blocks.

use std::arch::x86_64::*;

use zerocopy::transmute;

use super::{
    BLOCK, COUNTER_FLAGS, CcmJob, CmacJob, GROUP, Group, KEYS, LANES, LAST_WORD_ROTATED, NONCE, RCON, block_of,
    cmac_block, doubled, first_block, group_of, set_group_of,
};

type Register = __m512i;

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn load([a, b, c, d]: [[u8; BLOCK]; 4]) -> Register {
    let first = _mm512_castsi128_si512(transmute!(a));
    let two = _mm512_inserti32x4::<1>(first, transmute!(b));
    let three = _mm512_inserti32x4::<2>(two, transmute!(c));
    _mm512_inserti32x4::<3>(three, transmute!(d))
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn store(register: Register) -> [[u8; BLOCK]; 4] {
    [
        transmute!(_mm512_castsi512_si128(register)),
        transmute!(_mm512_extracti32x4_epi32::<1>(register)),
        transmute!(_mm512_extracti32x4_epi32::<2>(register)),
        transmute!(_mm512_extracti32x4_epi32::<3>(register)),
    ]
}

/// Four blocks of four texts: a register for each text becomes one for each block number.
#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn load_group([a, b, c, d]: [&Group; 4]) -> [Register; GROUP] {
    transposed([transmute!(*a), transmute!(*b), transmute!(*c), transmute!(*d)])
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn store_group(blocks: [Register; GROUP]) -> [Group; 4] {
    let [a, b, c, d] = transposed(blocks);
    [transmute!(a), transmute!(b), transmute!(c), transmute!(d)]
}

/// Block `i` of register `j` to block `j` of register `i`.
#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn transposed([a, b, c, d]: [Register; 4]) -> [Register; 4] {
    let [ab_low, ab_high] = [_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0xee>(a, b)];
    let [cd_low, cd_high] = [_mm512_shuffle_i32x4::<0x44>(c, d), _mm512_shuffle_i32x4::<0xee>(c, d)];
    [
        _mm512_shuffle_i32x4::<0x88>(ab_low, cd_low),
        _mm512_shuffle_i32x4::<0xdd>(ab_low, cd_low),
        _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high),
        _mm512_shuffle_i32x4::<0xdd>(ab_high, cd_high),
    ]
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn xor(a: Register, b: Register) -> Register {
    _mm512_xor_si512(a, b)
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn and(a: Register, b: Register) -> Register {
    _mm512_and_si512(a, b)
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn round(state: Register, key: Register) -> Register {
    _mm512_aesenc_epi128(state, key)
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn last_round(state: Register, key: Register) -> Register {
    _mm512_aesenclast_epi128(state, key)
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn rotated_last_word(key: Register) -> Register {
    _mm512_shuffle_epi8(key, _mm512_broadcast_i32x4(transmute!(LAST_WORD_ROTATED)))
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn shifted_by_a_word(key: Register) -> Register {
    _mm512_bslli_epi128::<4>(key)
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn shifted_by_two_words(key: Register) -> Register {
    _mm512_bslli_epi128::<8>(key)
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn round_constant(rcon: i32) -> Register {
    _mm512_set1_epi32(rcon)
}

/// The last octet of each block plus one.
#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn counted(counter: Register) -> Register {
    _mm512_add_epi64(counter, _mm512_broadcast_i32x4(_mm_set_epi64x(1 << 56, 0)))
}

/// The first octets of each block, as many as it says, and zeros behind them.
#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn trimmed(register: Register, octets: [usize; 4]) -> Register {
    let of_lane = |octets: usize| (1u64 << octets.min(BLOCK)) - 1;
    let mask = octets.into_iter().rev().fold(0, |mask, octets| mask << BLOCK | of_lane(octets));
    _mm512_maskz_mov_epi8(mask, register)
}

#[inline]
#[target_feature(enable = "aes,avx,vaes,avx512f,avx512bw")]
fn chosen(which: [bool; 4], this: Register, that: Register) -> Register {
    // Two 64-bit parts for each lane.
    let mask = which.into_iter().rev().fold(0, |mask, lane| mask << 2 | if lane { 0b11 } else { 0 });
    _mm512_mask_mov_epi64(that, mask, this)
}

lanes!(4, "aes,avx,vaes,avx512f,avx512bw");
