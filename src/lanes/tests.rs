//! Every path against the `ccm` and `cmac` crates, which are [`Path::Portable`].

use super::*;

/// Octets that look like none in particular.
fn octets(count: usize, seed: usize) -> Vec<u8> {
    (0..count).map(|place| (((place + 7) * (seed + 3) * 2_654_435_761) >> 13) as u8).collect()
}

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

/// Seals texts of these lengths, each under a key of its own, and gives texts and tags.
fn sealed(path: Path, lengths: &[usize]) -> Vec<(Vec<u8>, [u8; ICV])> {
    let keys: Vec<[u8; 16]> = (0..lengths.len()).map(|seed| octets(16, seed).try_into().unwrap()).collect();
    let mut texts: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(seed, length)| octets(*length, seed + 99)).collect();
    let mut jobs: Vec<CcmJob<'_>> = texts
        .iter_mut()
        .zip(&keys)
        .enumerate()
        .map(|(seed, (text, key))| CcmJob {
            key,
            nonce: octets(13, seed).try_into().unwrap(),
            text,
            icv: [0; 8],
            verified: false,
        })
        .collect();
    path.seal(&mut jobs);
    let tags: Vec<[u8; ICV]> = jobs.iter().map(|job| job.icv).collect();
    texts.into_iter().zip(tags).collect()
}

fn opened(path: Path, sealed: &mut [(Vec<u8>, [u8; ICV])]) -> Vec<bool> {
    let keys: Vec<[u8; 16]> = (0..sealed.len()).map(|seed| octets(16, seed).try_into().unwrap()).collect();
    let mut jobs: Vec<CcmJob<'_>> = sealed
        .iter_mut()
        .zip(&keys)
        .enumerate()
        .map(|(seed, ((text, icv), key))| CcmJob {
            key,
            nonce: octets(13, seed).try_into().unwrap(),
            text,
            icv: *icv,
            verified: false,
        })
        .collect();
    path.open(&mut jobs);
    jobs.iter().map(|job| job.verified).collect()
}

#[test]
fn every_path_seals_and_opens_every_length_to_the_same_octets() {
    for length in 0..=2029 {
        for alone in [1, 4, 8, 16] {
            if alone > 1 && length % 13 != 0 && length > 64 {
                continue;
            }
            let lengths = vec![length; alone];
            let expected = sealed(Path::Portable, &lengths);
            for path in paths() {
                let mut texts = sealed(path, &lengths);
                assert_eq!(texts, expected, "{path:?}, {alone} of {length} octets");
                assert!(opened(path, &mut texts).into_iter().all(|good| good), "{path:?} {length}");
                assert!(texts.iter().enumerate().all(|(seed, (text, _))| *text == octets(length, seed + 99)));
            }
        }
    }
}

#[test]
fn lengths_may_be_mixed_and_one_that_does_not_verify_is_zeros_among_those_that_do() {
    for round in 0..300usize {
        let count = 1 + round % 37;
        let lengths: Vec<usize> = (0..count)
            .map(|place| {
                octets(4, round * 41 + place).iter().fold(0, |all, octet| all * 256 + usize::from(*octet)) % 2030
            })
            .collect();
        let expected = sealed(Path::Portable, &lengths);
        for path in paths() {
            let mut texts = sealed(path, &lengths);
            assert_eq!(texts, expected);
            // One is spoiled.
            let bad = round % count;
            if round % 2 == 0 || lengths[bad] == 0 {
                texts[bad].1[round % 8] ^= 1 << (round % 7);
            } else {
                let at = round % lengths[bad];
                texts[bad].0[at] ^= 0x40;
            }
            let good = opened(path, &mut texts);
            assert!(good.iter().enumerate().all(|(place, good)| *good == (place != bad)));
            for (place, (text, _)) in texts.iter().enumerate() {
                let wanted = if place == bad { vec![0; lengths[place]] } else { octets(lengths[place], place + 99) };
                assert_eq!(*text, wanted);
            }
        }
    }
}

#[test]
fn the_crc_by_tables_and_by_multiplication_is_that_of_its_definition() {
    let slow = |data: &[u8]| {
        data.iter().fold(u32::MAX, |register, octet| {
            (0..8).fold(register ^ u32::from(*octet) << 24, |register, _| {
                register << 1 ^ if register >> 31 == 0 { 0 } else { 0x04c1_1db7 }
            })
        })
    };
    for length in 0..600 {
        let data = octets(length, 5);
        assert_eq!(crc::portable(&data), slow(&data), "{length}");
        assert_eq!(crc_register(&data), slow(&data), "{length}");
    }
}

#[test]
fn of_many_keys_the_first_that_opens_a_text_is_found() {
    for length in (0..200).chain([1500, 2029]) {
        for count in [1usize, 3, 16, 40] {
            let keys: Vec<[u8; 16]> = (0..count).map(|seed| octets(16, seed).try_into().unwrap()).collect();
            let which = (length * 7) % (count + 1);
            let key: [u8; 16] = octets(16, which).try_into().unwrap();
            let mut text = octets(length, 9);
            let mut jobs = [CcmJob { key: &key, nonce: [5; 13], text: &mut text, icv: [0; 8], verified: false }];
            Path::Portable.seal(&mut jobs);
            let icv = jobs[0].icv;
            for path in paths() {
                assert_eq!(
                    path.first_that_opens(&keys, [5; 13], &text, icv),
                    Some(which).filter(|which| *which < count)
                );
            }
        }
    }
}

#[test]
fn every_path_gives_the_same_cmacs_of_messages_of_any_length() {
    for count in 1..40usize {
        let keys: Vec<[u8; 16]> = (0..count).map(|seed| octets(16, seed).try_into().unwrap()).collect();
        let messages: Vec<Vec<u8>> = (0..count).map(|place| octets(place * count % 100, place)).collect();
        let run = |path: Path| {
            let mut jobs: Vec<CmacJob<'_>> =
                keys.iter().zip(&messages).map(|(key, message)| CmacJob { key, message, mac: [0; 16] }).collect();
            path.cmac(&mut jobs);
            jobs.iter().map(|job| job.mac).collect::<Vec<_>>()
        };
        for path in paths() {
            assert_eq!(run(path), run(Path::Portable), "{path:?}");
        }
        let messages: Vec<[u8; 27]> = (0..count).map(|place| octets(27, place).try_into().unwrap()).collect();
        let run = |path: Path| {
            let mut macs = vec![[0; 16]; count];
            path.cmacs_of_one_key(&keys[0], &messages, &mut macs);
            macs
        };
        for path in paths() {
            assert_eq!(run(path), run(Path::Portable), "{path:?}");
        }
    }
}
