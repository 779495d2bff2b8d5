//! The lanes of x86-64: the same text for registers of one block (AES-NI) and of four (VAES with AVX-512).

use super::{BLOCK, CcmJob, CmacJob, first_blocks};

/// Round keys of AES-128.
const KEYS: usize = 11;
/// Round constants, one for each round key but the first.
const RCON: [i32; KEYS - 1] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];
/// Which octets of a round key are its last word, rotated; four times.
const LAST_WORD_ROTATED: [u8; BLOCK] = [13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12];

/// Block `number` of a text, zeros behind its end.
#[inline(always)]
fn block_of(text: &[u8], number: usize) -> [u8; BLOCK] {
    let rest = text.get(number * BLOCK..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or_else(|| {
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        block
    })
}

/// Writes block `number` of a text, as far as the text goes.
#[inline(always)]
fn set_block_of(text: &mut [u8], number: usize, block: [u8; BLOCK]) {
    let rest = text.get_mut(number * BLOCK..).unwrap_or_default();
    match rest.first_chunk_mut() {
        Some(place) => *place = block,
        None => rest.iter_mut().zip(block).for_each(|(octet, new)| *octet = new),
    }
}

/// A subkey of CMAC from the one before: doubled in GF(2^128).
fn doubled(block: [u8; BLOCK]) -> [u8; BLOCK] {
    let number = u128::from_be_bytes(block);
    (number << 1 ^ if number >> 127 == 0 { 0 } else { 0x87 }).to_be_bytes()
}

/// Block `number` of a message of `blocks` blocks as CMAC takes it in; `zero` is the encrypted zero block.
fn cmac_block(message: &[u8], number: usize, zero: [u8; BLOCK]) -> [u8; BLOCK] {
    let mut block = block_of(message, number);
    let end = message.len().saturating_sub(number * BLOCK);
    let subkey = match end {
        0..BLOCK => {
            block[end] = 0x80;
            doubled(doubled(zero))
        }
        BLOCK => doubled(zero),
        _ => return block,
    };
    (u128::from_ne_bytes(block) ^ u128::from_ne_bytes(subkey)).to_ne_bytes()
}

/// CCM and CMAC on registers of `$width` lanes. The module has: `Register`, and `load`, `store`, `xor`, `round`, `last_round`, `rotated_last_word`,
/// `shifted_by_a_word`, `shifted_by_two_words`, `round_constant`, `counted`, `chosen`.
macro_rules! lanes {
    ($width:literal, $features:literal) => {
        type Keys<const Z: usize> = [[Register; Z]; KEYS];

        #[inline]
        #[target_feature(enable = $features)]
        fn expanded<const Z: usize>(mut key: [Register; Z]) -> Keys<Z> {
            let mut keys = [key; KEYS];
            for (rcon, round_key) in RCON.into_iter().zip(&mut keys[1..]) {
                for z in 0..Z {
                    let word = last_round(rotated_last_word(key[z]), round_constant(rcon));
                    let once = xor(key[z], shifted_by_a_word(key[z]));
                    key[z] = xor(xor(once, shifted_by_two_words(once)), word);
                }
                *round_key = key;
            }
            keys
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn encrypt<const Z: usize>(keys: &Keys<Z>, a: &mut [Register; Z]) {
            for z in 0..Z {
                a[z] = xor(a[z], keys[0][z]);
            }
            for keys in &keys[1..KEYS - 1] {
                for z in 0..Z {
                    a[z] = round(a[z], keys[z]);
                }
            }
            for z in 0..Z {
                a[z] = last_round(a[z], keys[KEYS - 1][z]);
            }
        }

        /// Two blocks for each lane.
        #[inline]
        #[target_feature(enable = $features)]
        fn encrypt_both<const Z: usize>(keys: &Keys<Z>, a: &mut [Register; Z], b: &mut [Register; Z]) {
            for z in 0..Z {
                a[z] = xor(a[z], keys[0][z]);
                b[z] = xor(b[z], keys[0][z]);
            }
            for keys in &keys[1..KEYS - 1] {
                for z in 0..Z {
                    a[z] = round(a[z], keys[z]);
                    b[z] = round(b[z], keys[z]);
                }
            }
            for z in 0..Z {
                a[z] = last_round(a[z], keys[KEYS - 1][z]);
                b[z] = last_round(b[z], keys[KEYS - 1][z]);
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn gathered<const Z: usize>(mut block: impl FnMut(usize) -> [u8; BLOCK]) -> [Register; Z] {
            let mut registers = [load([[0; BLOCK]; $width]); Z];
            for z in 0..Z {
                let mut blocks = [[0; BLOCK]; $width];
                for lane in 0..$width {
                    blocks[lane] = block(z * $width + lane);
                }
                registers[z] = load(blocks);
            }
            registers
        }

        /// As many texts as there are lanes: `Z` times the width of a register.
        #[target_feature(enable = $features)]
        pub(in super::super) fn ccm<const Z: usize, const OPEN: bool>(jobs: &mut [&mut CcmJob<'_>]) {
            assert_eq!(jobs.len(), Z * $width);
            let keys = expanded::<Z>(gathered(|lane| *jobs[lane].key));
            let first = |lane: usize| first_blocks(jobs[lane].nonce, jobs[lane].text.len());
            let mut mac = gathered::<Z>(|lane| first(lane)[0]);
            let mut counter = gathered::<Z>(|lane| first(lane)[1]);
            let mut stream = counter;
            encrypt_both(&keys, &mut mac, &mut stream);
            let mask = stream;
            for z in 0..Z {
                counter[z] = counted(counter[z]);
            }
            if OPEN {
                // The stream is one block ahead: a block has to be plain before the MAC can take it in.
                stream = counter;
                encrypt(&keys, &mut stream);
            }

            let mut texts: [&mut [[u8; BLOCK]]; LANES] = Default::default();
            for (text, job) in texts.iter_mut().zip(jobs.iter_mut()) {
                *text = job.text.as_chunks_mut().0;
            }
            let texts = &mut texts[..Z * $width];
            let whole = texts.iter().map(|text| text.len()).min().unwrap_or_default();
            for number in 0..whole {
                let mut blocks = gathered::<Z>(|lane| texts[lane].get(number).copied().unwrap_or_default());
                for z in 0..Z {
                    counter[z] = if OPEN { counted(counter[z]) } else { counter[z] };
                    blocks[z] = if OPEN { xor(blocks[z], stream[z]) } else { blocks[z] };
                    mac[z] = xor(mac[z], blocks[z]);
                    stream[z] = counter[z];
                }
                if !OPEN {
                    encrypt_both(&keys, &mut mac, &mut stream);
                }
                for z in 0..Z {
                    let out = if OPEN { blocks[z] } else { xor(blocks[z], stream[z]) };
                    for (lane, block) in store(out).into_iter().enumerate() {
                        if let Some(place) = texts[z * $width + lane].get_mut(number) {
                            *place = block;
                        }
                    }
                    counter[z] = if OPEN { counter[z] } else { counted(counter[z]) };
                }
                if OPEN {
                    encrypt_both(&keys, &mut mac, &mut stream);
                }
            }

            // What is left: lanes end at different blocks, and those before stay as they are.
            let most = jobs.iter().map(|job| job.text.len().div_ceil(BLOCK)).max().unwrap_or_default();
            for number in whole..most {
                if !OPEN {
                    stream = counter;
                    encrypt(&keys, &mut stream);
                }
                let blocks = gathered::<Z>(|lane| block_of(jobs[lane].text, number));
                let mut next = mac;
                for z in 0..Z {
                    let other = store(xor(blocks[z], stream[z]));
                    let blocks = store(blocks[z]);
                    let mut plain = [[0; BLOCK]; $width];
                    for lane in 0..$width {
                        let text = &mut *jobs[z * $width + lane].text;
                        set_block_of(text, number, other[lane]);
                        plain[lane] = if OPEN { block_of(text, number) } else { blocks[lane] };
                    }
                    next[z] = xor(mac[z], load(plain));
                    counter[z] = counted(counter[z]);
                    stream[z] = counter[z];
                }
                if OPEN {
                    encrypt_both(&keys, &mut next, &mut stream);
                } else {
                    encrypt(&keys, &mut next);
                }
                for z in 0..Z {
                    let mut under_way = [false; $width];
                    for lane in 0..$width {
                        under_way[lane] = jobs[z * $width + lane].text.len() > number * BLOCK;
                    }
                    mac[z] = chosen(under_way, next[z], mac[z]);
                }
            }
            for z in 0..Z {
                for (lane, block) in store(xor(mac[z], mask[z])).into_iter().enumerate() {
                    let [icv @ .., _, _, _, _, _, _, _, _] = block;
                    jobs[z * $width + lane].tagged::<OPEN>(icv);
                }
            }
        }

        /// The tags of one ciphertext under as many keys as there are lanes.
        #[target_feature(enable = $features)]
        pub(in super::super) fn tags<const Z: usize>(
            keys: &[[u8; 16]],
            first_mac_block: [u8; BLOCK],
            first_counter: [u8; BLOCK],
            text: &[u8],
            tags: &mut [[u8; BLOCK]],
        ) {
            assert_eq!((keys.len(), tags.len()), (Z * $width, Z * $width));
            let keys = expanded::<Z>(gathered(|lane| keys[lane]));
            let mut mac = [load([first_mac_block; $width]); Z];
            let mut counter = load([first_counter; $width]);
            let mut mask = [counter; Z];
            encrypt_both(&keys, &mut mac, &mut mask);
            counter = counted(counter);
            let mut stream = [counter; Z];
            encrypt(&keys, &mut stream);
            for number in 0..text.len().div_ceil(BLOCK) {
                let block = load([block_of(text, number); $width]);
                let there = load([block_of(&[0xff; BLOCK][..BLOCK.min(text.len() - number * BLOCK)], 0); $width]);
                counter = counted(counter);
                for z in 0..Z {
                    mac[z] = xor(mac[z], and(xor(block, stream[z]), there));
                    stream[z] = counter;
                }
                encrypt_both(&keys, &mut mac, &mut stream);
            }
            for z in 0..Z {
                tags[z * $width..][..$width].copy_from_slice(&store(xor(mac[z], mask[z])));
            }
        }

        /// The CMACs of as many messages as there are lanes, under one key.
        #[target_feature(enable = $features)]
        pub(in super::super) fn cmacs_of_one_key<const Z: usize, const N: usize>(
            key: &[u8; 16],
            messages: &[[u8; N]],
            macs: &mut [[u8; BLOCK]],
        ) {
            assert_eq!((messages.len(), macs.len()), (Z * $width, Z * $width));
            let mut one = [[load([[0; BLOCK]; $width]); 1]; KEYS];
            let mut keys = [[one[0][0]; Z]; KEYS];
            one.copy_from_slice(&expanded::<1>([load([*key; $width])]));
            for (keys, one) in keys.iter_mut().zip(one) {
                *keys = [one[0]; Z];
            }
            let mut zero = [load([[0; BLOCK]; $width])];
            encrypt(&one, &mut zero);
            let [zero, ..] = store(zero[0]);
            let whole = !N.is_multiple_of(BLOCK);
            let subkey = if whole { doubled(doubled(zero)) } else { doubled(zero) };
            let mut mac = [load([[0; BLOCK]; $width]); Z];
            let blocks = N.div_ceil(BLOCK);
            for number in 0..blocks {
                let taken = gathered::<Z>(|lane| {
                    let mut block = block_of(&messages[lane], number);
                    if let Some(end) = block.get_mut(N - number * BLOCK) {
                        *end = 0x80;
                    }
                    block
                });
                for z in 0..Z {
                    mac[z] = xor(mac[z], taken[z]);
                    if number + 1 == blocks {
                        mac[z] = xor(mac[z], load([subkey; $width]));
                    }
                }
                encrypt(&keys, &mut mac);
            }
            for z in 0..Z {
                macs[z * $width..][..$width].copy_from_slice(&store(mac[z]));
            }
        }

        /// As many messages as there are lanes.
        #[target_feature(enable = $features)]
        pub(in super::super) fn cmac<const Z: usize>(jobs: &mut [&mut CmacJob<'_>]) {
            assert_eq!(jobs.len(), Z * $width);
            let keys = expanded::<Z>(gathered(|lane| *jobs[lane].key));
            let mut zero = gathered::<Z>(|_| [0; BLOCK]);
            encrypt(&keys, &mut zero);
            let mut zeros = [[0; BLOCK]; LANES];
            for z in 0..Z {
                zeros[z * $width..][..$width].copy_from_slice(&store(zero[z]));
            }
            let blocks = |job: &CmacJob<'_>| job.message.len().div_ceil(BLOCK).max(1);
            let most = jobs.iter().map(|job| blocks(job)).max().unwrap_or_default();
            let mut mac = gathered::<Z>(|_| [0; BLOCK]);
            for number in 0..most {
                let taken = gathered::<Z>(|lane| match jobs[lane].message {
                    message if number < blocks(jobs[lane]) => cmac_block(message, number, zeros[lane]),
                    _ => [0; BLOCK],
                });
                let mut next = mac;
                for z in 0..Z {
                    next[z] = xor(mac[z], taken[z]);
                }
                encrypt(&keys, &mut next);
                for z in 0..Z {
                    let mut under_way = [false; $width];
                    for lane in 0..$width {
                        under_way[lane] = number < blocks(jobs[z * $width + lane]);
                    }
                    mac[z] = chosen(under_way, next[z], mac[z]);
                }
            }
            for z in 0..Z {
                for (lane, block) in store(mac[z]).into_iter().enumerate() {
                    jobs[z * $width + lane].mac = block;
                }
            }
        }
    };
}

/// Most lanes of any path.
const LANES: usize = 16;

pub(super) mod aes_ni {
    //! Registers of one block.

    use std::arch::x86_64::*;

    use zerocopy::transmute;

    use super::{
        BLOCK, CcmJob, CmacJob, KEYS, LANES, LAST_WORD_ROTATED, RCON, block_of, cmac_block, doubled, first_blocks,
        set_block_of,
    };

    type Register = __m128i;

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn load([block]: [[u8; BLOCK]; 1]) -> Register {
        transmute!(block)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn store(register: Register) -> [[u8; BLOCK]; 1] {
        [transmute!(register)]
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn xor(a: Register, b: Register) -> Register {
        _mm_xor_si128(a, b)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn and(a: Register, b: Register) -> Register {
        _mm_and_si128(a, b)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn round(state: Register, key: Register) -> Register {
        _mm_aesenc_si128(state, key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn last_round(state: Register, key: Register) -> Register {
        _mm_aesenclast_si128(state, key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn rotated_last_word(key: Register) -> Register {
        _mm_shuffle_epi8(key, transmute!(LAST_WORD_ROTATED))
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn shifted_by_a_word(key: Register) -> Register {
        _mm_slli_si128::<4>(key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn shifted_by_two_words(key: Register) -> Register {
        _mm_slli_si128::<8>(key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn round_constant(rcon: i32) -> Register {
        _mm_set1_epi32(rcon)
    }

    /// The last octet plus one.
    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn counted(counter: Register) -> Register {
        _mm_add_epi64(counter, _mm_set_epi64x(1 << 56, 0))
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn chosen([which]: [bool; 1], this: Register, that: Register) -> Register {
        if which { this } else { that }
    }

    lanes!(1, "aes,ssse3");
}

pub(super) mod vaes {
    //! Registers of four blocks.

    use std::arch::x86_64::*;

    use zerocopy::transmute;

    use super::{
        BLOCK, CcmJob, CmacJob, KEYS, LANES, LAST_WORD_ROTATED, RCON, block_of, cmac_block, doubled, first_blocks,
        set_block_of,
    };

    type Register = __m512i;

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn load([a, b, c, d]: [[u8; BLOCK]; 4]) -> Register {
        let first = _mm512_castsi128_si512(transmute!(a));
        let two = _mm512_inserti32x4::<1>(first, transmute!(b));
        let three = _mm512_inserti32x4::<2>(two, transmute!(c));
        _mm512_inserti32x4::<3>(three, transmute!(d))
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn store(register: Register) -> [[u8; BLOCK]; 4] {
        [
            transmute!(_mm512_castsi512_si128(register)),
            transmute!(_mm512_extracti32x4_epi32::<1>(register)),
            transmute!(_mm512_extracti32x4_epi32::<2>(register)),
            transmute!(_mm512_extracti32x4_epi32::<3>(register)),
        ]
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn xor(a: Register, b: Register) -> Register {
        _mm512_xor_si512(a, b)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn and(a: Register, b: Register) -> Register {
        _mm512_and_si512(a, b)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn round(state: Register, key: Register) -> Register {
        _mm512_aesenc_epi128(state, key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn last_round(state: Register, key: Register) -> Register {
        _mm512_aesenclast_epi128(state, key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn rotated_last_word(key: Register) -> Register {
        _mm512_shuffle_epi8(key, _mm512_broadcast_i32x4(transmute!(LAST_WORD_ROTATED)))
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn shifted_by_a_word(key: Register) -> Register {
        _mm512_bslli_epi128::<4>(key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn shifted_by_two_words(key: Register) -> Register {
        _mm512_bslli_epi128::<8>(key)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn round_constant(rcon: i32) -> Register {
        _mm512_set1_epi32(rcon)
    }

    /// The last octet of each block plus one.
    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn counted(counter: Register) -> Register {
        _mm512_add_epi64(counter, _mm512_broadcast_i32x4(_mm_set_epi64x(1 << 56, 0)))
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,vaes,avx512f,avx512bw")]
    fn chosen(which: [bool; 4], this: Register, that: Register) -> Register {
        // Two 64-bit parts for each lane.
        let mask = which.into_iter().rev().fold(0, |mask, lane| mask << 2 | if lane { 0b11 } else { 0 });
        _mm512_mask_mov_epi64(that, mask, this)
    }

    lanes!(4, "aes,ssse3,vaes,avx512f,avx512bw");
}
