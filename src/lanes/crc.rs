//! CRC-32 with the polynomial 0x04c11db7, most significant bit first, from all ones and complemented.

/// The polynomial without its highest term.
const POLYNOMIAL: u32 = 0x04c1_1db7;
/// Octets that one step of [`portable`] takes.
const STEP: usize = 8;

/// `x^power` modulo the polynomial.
const fn power_of_x(power: u32) -> u32 {
    let mut rest = 1u32;
    let mut done = 0;
    while done < power {
        rest = rest << 1 ^ if rest >> 31 == 0 { 0 } else { POLYNOMIAL };
        done += 1;
    }
    rest
}

/// Of each octet value: what it adds to the register when `0` to `7` more octets follow it.
const fn tables() -> [[u32; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut place = 0;
    while place < STEP {
        let mut value = 0;
        while value < 256 {
            let mut register = (value as u32) << 24;
            let mut bit = 0;
            while bit < 8 * (place + 1) {
                register = register << 1 ^ if register >> 31 == 0 { 0 } else { POLYNOMIAL };
                bit += 1;
            }
            tables[place][value] = register;
            value += 1;
        }
        place += 1;
    }
    tables
}

static TABLES: [[u32; 256]; STEP] = tables();

/// The register after `octets`.
pub(super) fn portable(octets: &[u8]) -> u32 {
    let (steps, rest) = octets.as_chunks::<STEP>();
    let mut register = u32::MAX;
    for [a, b, c, d, e, f, g, h] in steps {
        let [p, q, r, s] = register.to_be_bytes();
        let of = |place: usize, octet: u8| TABLES[place][usize::from(octet)];
        register =
            of(7, a ^ p) ^ of(6, b ^ q) ^ of(5, c ^ r) ^ of(4, d ^ s) ^ of(3, *e) ^ of(2, *f) ^ of(1, *g) ^ of(0, *h);
    }
    for octet in rest {
        let [top, ..] = register.to_be_bytes();
        register = register << 8 ^ TABLES[0][usize::from(top ^ octet)];
    }
    register
}

#[cfg(target_arch = "x86_64")]
pub(super) mod carry_less {
    //! By carry-less multiplication: blocks of 16 octets are folded into the next, and the last one is reduced.

    use std::arch::x86_64::*;

    use zerocopy::transmute;

    use super::{POLYNOMIAL, power_of_x};

    /// x^192 and x^128: what the upper and lower half of a block are worth in the next block but.
    const FOLD: [u64; 2] = [power_of_x(128) as u64, power_of_x(192) as u64];
    /// x^96 for the upper half at the end, and x^64 for what is then above 64 bits.
    const END: [u64; 2] = [power_of_x(64) as u64, power_of_x(96) as u64];
    /// The polynomial, and floor(x^64 / polynomial).
    const BARRETT: [u64; 2] = [1 << 32 | POLYNOMIAL as u64, reciprocal()];

    const fn reciprocal() -> u64 {
        let divisor = (1u128 << 32) | POLYNOMIAL as u128;
        let mut rest = 1u128 << 64;
        let mut quotient = 0u64;
        let mut bit = 64;
        while bit >= 32 {
            if rest >> bit & 1 == 1 {
                rest ^= divisor << (bit - 32);
                quotient |= 1u64 << (bit - 32);
            }
            bit -= 1;
        }
        quotient
    }

    /// A shuffle that reverses a block, and in front of it what moves octets out at the end instead.
    const REVERSED: [u8; 32] = {
        let mut order = [0x80; 32];
        let mut place = 0;
        while place < 16 {
            order[place] = 15 - place as u8;
            place += 1;
        }
        order
    };

    /// The register after `first` and all of `rest`, each a whole block; of `first` only the first `taken` octets count, 1 to 16.
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    pub(in super::super) fn register(first: [u8; 16], taken: usize, rest: &[[u8; 16]]) -> u32 {
        let fold: __m128i = transmute!(FOLD);
        let reversed: __m128i = transmute!(*REVERSED.first_chunk::<16>().expect("32 are more"));
        // The start value stands in the first four octets; with that, zeros in front change nothing.
        let ones = _mm_set_epi32(0, 0, 0, -1);
        let order: [u8; 16] = std::array::from_fn(|place| REVERSED[16 - taken + place]);
        let mut folded = _mm_shuffle_epi8(_mm_xor_si128(transmute!(first), ones), transmute!(order));
        // Where fewer octets count, the rest of it stands in the block behind.
        let mut over: __m128i = if taken < 4 { number(u128::MAX << (96 + 8 * taken)) } else { _mm_setzero_si128() };
        for block in rest {
            let next = _mm_xor_si128(_mm_shuffle_epi8(transmute!(*block), reversed), over);
            folded = _mm_xor_si128(next, moved(folded, fold));
            over = _mm_setzero_si128();
        }
        let end: __m128i = transmute!(END);
        let barrett: __m128i = transmute!(BARRETT);
        // 128 bits and 32 zeros, to 96, to 64.
        let upper = _mm_clmulepi64_si128::<0x11>(folded, end);
        let lower = _mm_slli_si128::<4>(_mm_move_epi64(folded));
        let ninety_six = _mm_xor_si128(upper, lower);
        let top = _mm_clmulepi64_si128::<0x01>(ninety_six, end);
        let sixty_four = _mm_xor_si128(_mm_move_epi64(ninety_six), top);
        // Barrett.
        let quotient = _mm_clmulepi64_si128::<0x10>(_mm_srli_epi64::<32>(sixty_four), barrett);
        let times = _mm_clmulepi64_si128::<0x00>(_mm_srli_epi64::<32>(quotient), barrett);
        _mm_extract_epi32::<0>(_mm_xor_si128(sixty_four, times)) as u32
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    fn moved(folded: __m128i, by: __m128i) -> __m128i {
        _mm_xor_si128(_mm_clmulepi64_si128::<0x11>(folded, by), _mm_clmulepi64_si128::<0x00>(folded, by))
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    fn number(value: u128) -> __m128i {
        transmute!(value)
    }
}
