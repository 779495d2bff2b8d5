//! The lanes of x86-64: the same text for registers of one block (AES-NI) and of four (VAES with AVX-512).

use super::{BLOCK, CcmJob, CmacJob, first_block};

/// Round keys of AES-128.
const KEYS: usize = 11;
/// Blocks of a text that are loaded and stored together, and their octets.
const GROUP: usize = 4;
type Group = [u8; GROUP * BLOCK];
/// Which octets of a first block are the nonce, and the flags of block A_0.
const NONCE: [u8; BLOCK] = [0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0];
const COUNTER_FLAGS: [u8; BLOCK] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Round constants, one for each round key but the first.
const RCON: [i32; KEYS - 1] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];
/// Which octets of a round key are its last word, rotated; four times.
const LAST_WORD_ROTATED: [u8; BLOCK] = [13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12];

/// Block `number` of a text, zeros behind its end.
#[inline(always)]
fn block_of(text: &[u8], number: usize) -> [u8; BLOCK] {
    let rest = text.get(number * BLOCK..).unwrap_or_default();
    match (rest.first_chunk(), text.last_chunk()) {
        (Some(block), _) => *block,
        (None, _) if rest.is_empty() => [0; BLOCK],
        // The last octets of the text, and those of the block before moved out.
        (None, Some(last)) => (u128::from_le_bytes(*last) >> (8 * (BLOCK - rest.len()))).to_le_bytes(),
        (None, None) => {
            let mut block = [0; BLOCK];
            block.iter_mut().zip(rest).for_each(|(place, octet)| *place = *octet);
            block
        }
    }
}

/// Group `number` of a text, zeros behind its end.
#[inline(always)]
fn group_of(text: &[u8], number: usize) -> Group {
    let rest = text.get(number * size_of::<Group>()..).unwrap_or_default();
    match rest.first_chunk() {
        Some(group) => *group,
        None if rest.is_empty() => [0; _],
        None => *with_room(text)[size_of::<Group>() - rest.len()..].first_chunk().expect("there is room behind it"),
    }
}

/// Writes group `number` of a text, as far as the text goes.
#[inline(always)]
fn set_group_of(text: &mut [u8], number: usize, group: &Group) {
    let rest = text.get_mut(number * size_of::<Group>()..).unwrap_or_default();
    let length = rest.len();
    match rest.first_chunk_mut() {
        Some(place) => *place = *group,
        None if length == 0 => {}
        None => {
            let mut room = with_room(text);
            *room[size_of::<Group>() - length..].first_chunk_mut().expect("there is room behind it") = *group;
            match text.last_chunk_mut::<{ size_of::<Group>() }>() {
                Some(last) => *last = *room.first_chunk().expect("it is longer"),
                None => text.copy_from_slice(&room[size_of::<Group>() - text.len()..size_of::<Group>()]),
            }
        }
    }
}

/// The last octets of a text, as many as a group has, and as many zeros behind them. They are moved as a whole, which is faster than
/// to move as many as there are.
#[inline(always)]
fn with_room(text: &[u8]) -> [u8; 2 * size_of::<Group>()] {
    let mut room = [0; 2 * size_of::<Group>()];
    let (octets, _) = room.split_at_mut(size_of::<Group>());
    match text.last_chunk::<{ size_of::<Group>() }>() {
        Some(last) => octets.copy_from_slice(last),
        None => octets[size_of::<Group>() - text.len()..].copy_from_slice(text),
    }
    room
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

/// CCM and CMAC on registers of `$width` lanes. The module has: `Register`, and `load`, `store`, `load_group`, `store_group`, `xor`, `and`, `round`,
/// `last_round`, `rotated_last_word`, `shifted_by_a_word`, `shifted_by_two_words`, `round_constant`, `counted`, `trimmed`, `chosen`.
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
        fn added<const Z: usize>(mut a: [Register; Z], b: [Register; Z]) -> [Register; Z] {
            for z in 0..Z {
                a[z] = xor(a[z], b[z]);
            }
            a
        }

        /// The rounds of AES but the last, of what the first round key has been added to.
        #[inline]
        #[target_feature(enable = $features)]
        fn begun<const Z: usize>(keys: &Keys<Z>, mut a: [Register; Z]) -> [Register; Z] {
            for keys in &keys[1..KEYS - 1] {
                for z in 0..Z {
                    a[z] = round(a[z], keys[z]);
                }
            }
            a
        }

        /// The same of two blocks for each lane.
        #[inline]
        #[target_feature(enable = $features)]
        fn both_begun<const Z: usize>(
            keys: &Keys<Z>,
            mut a: [Register; Z],
            mut b: [Register; Z],
        ) -> ([Register; Z], [Register; Z]) {
            for keys in &keys[1..KEYS - 1] {
                for z in 0..Z {
                    a[z] = round(a[z], keys[z]);
                    b[z] = round(b[z], keys[z]);
                }
            }
            (a, b)
        }

        /// The last round. It ends with the addition of a round key: with that goes whatever else is to be added, so that it
        /// costs the chain of a MAC no time.
        #[inline]
        #[target_feature(enable = $features)]
        fn ended<const Z: usize>(mut a: [Register; Z], last_key: [Register; Z]) -> [Register; Z] {
            for z in 0..Z {
                a[z] = last_round(a[z], last_key[z]);
            }
            a
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn encrypted<const Z: usize>(keys: &Keys<Z>, a: [Register; Z]) -> [Register; Z] {
            ended(begun(keys, added(a, keys[0])), keys[KEYS - 1])
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

        /// Blocks of group `number` of all texts, those of `z` from now on.
        #[inline]
        #[target_feature(enable = $features)]
        fn take_group<const Z: usize>(
            texts: &[&mut [Group]],
            number: usize,
            z: usize,
            group: &mut [[Register; Z]; GROUP],
        ) {
            let lanes: &[&mut [Group]; $width] = texts[z * $width..].first_chunk().expect("a text for each lane");
            for (blocks, row) in group.iter_mut().zip(load_group(std::array::from_fn(|lane| &lanes[lane][number]))) {
                blocks[z] = row;
            }
        }

        /// The other way round.
        #[inline]
        #[target_feature(enable = $features)]
        fn put_group<const Z: usize>(
            texts: &mut [&mut [Group]],
            number: usize,
            z: usize,
            group: &[[Register; Z]; GROUP],
        ) {
            let lanes: &mut [&mut [Group]; $width] =
                texts[z * $width..].first_chunk_mut().expect("a text for each lane");
            let octets = store_group(std::array::from_fn(|block| group[block][z]));
            for (lane, octets) in lanes.iter_mut().zip(octets) {
                lane[number] = octets;
            }
        }

        /// As many texts as there are lanes: `Z` times the width of a register.
        #[target_feature(enable = $features)]
        pub(in super::super) fn ccm<const Z: usize, const OPEN: bool>(jobs: &mut [&mut CcmJob<'_>]) {
            assert_eq!(jobs.len(), Z * $width);
            let keys = expanded::<Z>(gathered(|lane| *jobs[lane].key));
            let (first_key, last_key) = (keys[0], keys[KEYS - 1]);
            let between = added(first_key, last_key);
            let first = gathered::<Z>(|lane| first_block(jobs[lane].nonce, jobs[lane].text.len()));
            let mut counter = first;
            for z in 0..Z {
                counter[z] = xor(and(first[z], load([NONCE; $width])), load([COUNTER_FLAGS; $width]));
            }
            // Of MAC and stream the last round is still to come, see `ended`.
            let (mut mac, mut stream) = both_begun(&keys, added(first, first_key), added(counter, first_key));
            let mask = ended(stream, last_key);
            for z in 0..Z {
                counter[z] = counted(counter[z]);
            }
            if OPEN {
                // The stream is one block ahead: a block has to be plain before the MAC can take it in.
                stream = begun(&keys, added(counter, first_key));
            }

            let shortest = jobs.iter().map(|job| job.text.len()).min().unwrap_or_default();
            let longest = jobs.iter().map(|job| job.text.len()).max().unwrap_or_default();
            let mut texts: [&mut [Group]; LANES] = Default::default();
            for (text, job) in texts.iter_mut().zip(jobs.iter_mut()) {
                *text = job.text.as_chunks_mut().0;
            }
            let texts = &mut texts[..Z * $width];
            let whole = shortest / size_of::<Group>();
            // While one group is worked on, the next is loaded and the one before is stored, a part at each block: that takes other
            // parts of the processor than the rounds do.
            let mut groups = [[[mac[0]; Z]; GROUP]; 3];
            let [before, now, next] = &mut groups;
            let (mut before, mut now, mut next) = (before, now, next);
            if whole > 0 {
                for z in 0..Z {
                    take_group(texts, 0, z, now);
                }
            }
            for number in 0..whole {
                for block in 0..GROUP {
                    for z in Z * block / GROUP..Z * (block + 1) / GROUP {
                        if number + 1 < whole {
                            take_group(texts, number + 1, z, next);
                        }
                        if number > 0 {
                            put_group(texts, number - 1, z, before);
                        }
                    }
                    let taken = now[block];
                    let out;
                    if OPEN {
                        out = ended(stream, added(taken, last_key));
                        mac = ended(mac, added(out, between));
                        for z in 0..Z {
                            counter[z] = counted(counter[z]);
                        }
                        (mac, stream) = both_begun(&keys, mac, added(counter, first_key));
                    } else {
                        mac = ended(mac, added(taken, between));
                        (mac, stream) = both_begun(&keys, mac, added(counter, first_key));
                        out = ended(stream, added(taken, last_key));
                        for z in 0..Z {
                            counter[z] = counted(counter[z]);
                        }
                    }
                    now[block] = out;
                }
                (before, now, next) = (now, next, before);
            }
            if whole > 0 {
                for z in 0..Z {
                    put_group(texts, whole - 1, z, before);
                }
            }

            // What is left: lanes end at different blocks, and those before stay as they are.
            for number in whole..longest.div_ceil(size_of::<Group>()) {
                let mut group = [mac; GROUP];
                for z in 0..Z {
                    let octets: [Group; $width] =
                        std::array::from_fn(|lane| group_of(jobs[z * $width + lane].text, number));
                    for (blocks, row) in group.iter_mut().zip(load_group(octets.each_ref())) {
                        blocks[z] = row;
                    }
                }
                let start = number * size_of::<Group>();
                for (start, blocks) in (start..longest).step_by(BLOCK).zip(&mut group) {
                    let left = |lane: usize| jobs[lane].text.len().saturating_sub(start).min(BLOCK);
                    if !OPEN {
                        stream = begun(&keys, added(counter, first_key));
                    }
                    let out = ended(stream, added(*blocks, last_key));
                    let mut plain = *blocks;
                    if OPEN {
                        plain = out;
                    }
                    for z in 0..Z {
                        let lefts = std::array::from_fn(|lane| left(z * $width + lane));
                        if OPEN && start + BLOCK > shortest {
                            plain[z] = trimmed(plain[z], lefts);
                        }
                        counter[z] = counted(counter[z]);
                    }
                    *blocks = out;
                    let (next, ahead) = both_begun(&keys, ended(mac, added(plain, between)), added(counter, first_key));
                    stream = ahead;
                    for z in 0..Z {
                        let under_way = std::array::from_fn(|lane| left(z * $width + lane) > 0);
                        mac[z] = if start < shortest { next[z] } else { chosen(under_way, next[z], mac[z]) };
                    }
                }
                for z in 0..Z {
                    let octets = store_group(std::array::from_fn(|block| group[block][z]));
                    for (lane, octets) in octets.iter().enumerate() {
                        set_group_of(jobs[z * $width + lane].text, number, octets);
                    }
                }
            }
            let icvs = added(ended(mac, last_key), mask);
            for z in 0..Z {
                for (lane, block) in store(icvs[z]).into_iter().enumerate() {
                    let [icv @ .., _, _, _, _, _, _, _, _] = block;
                    jobs[z * $width + lane].tagged::<OPEN>(icv);
                }
            }
        }

        /// The tags of one ciphertext under as many keys as there are lanes.
        #[target_feature(enable = $features)]
        pub(in super::super) fn tags<const Z: usize>(
            keys: &[[u8; 16]],
            first_block: [u8; BLOCK],
            text: &[u8],
            tags: &mut [[u8; BLOCK]],
        ) {
            assert_eq!((keys.len(), tags.len()), (Z * $width, Z * $width));
            let keys = expanded::<Z>(gathered(|lane| keys[lane]));
            let (first_key, last_key) = (keys[0], keys[KEYS - 1]);
            let between = added(first_key, last_key);
            let first = [load([first_block; $width]); Z];
            let mut counter = xor(and(first[0], load([NONCE; $width])), load([COUNTER_FLAGS; $width]));
            let (mut mac, mask) = both_begun(&keys, added(first, first_key), added([counter; Z], first_key));
            counter = counted(counter);
            let mut stream = begun(&keys, added([counter; Z], first_key));
            for start in (0..text.len()).step_by(BLOCK) {
                let block = load([block_of(text, start / BLOCK); $width]);
                counter = counted(counter);
                let mut plain = ended(stream, added([block; Z], last_key));
                if text.len() - start < BLOCK {
                    for z in 0..Z {
                        plain[z] = trimmed(plain[z], [text.len() - start; $width]);
                    }
                }
                (mac, stream) = both_begun(&keys, ended(mac, added(plain, between)), added([counter; Z], first_key));
            }
            let icvs = added(ended(mac, last_key), ended(mask, last_key));
            for z in 0..Z {
                tags[z * $width..][..$width].copy_from_slice(&store(icvs[z]));
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
            zero = encrypted(&one, zero);
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
                mac = encrypted(&keys, mac);
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
            zero = encrypted(&keys, zero);
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
                next = encrypted(&keys, next);
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

pub(super) mod aes_ni;
pub(super) mod vaes;
