//! Every fuzz target takes its seeds, and what a seeded hand makes of them. No fuzzer is needed: nothing is instrumented, and
//! crypto is real where a fuzzer would have null crypto. `fuzz/smoke` and `fuzz/measure` are the runs with one.
//!
//! `KEYHOP_CASES`: this many times as many changed inputs (default 1).

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use keyhop_fuzz::TARGETS;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Changed inputs of a target, unless more are asked for.
const CHANGED: usize = 60;
/// Longest input in octets, as in `fuzz/smoke`.
const LONGEST: usize = 2048;

/// Alone in its program: the targets measure memory.
#[test]
fn every_fuzz_target_takes_its_seeds_and_what_a_seeded_hand_makes_of_them() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("fuzz/Cargo.toml");
    let programs: BTreeSet<_> =
        manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")).collect();
    let named: BTreeSet<_> = TARGETS.iter().map(|(name, _)| format!("{name}.rs\"")).collect();
    assert_eq!(programs, named.iter().map(String::as_str).collect(), "targets of fuzz/Cargo.toml, and of TARGETS");
    let times = std::env::var("KEYHOP_CASES").map_or(1, |times| times.parse().expect("KEYHOP_CASES is a number"));
    for (number, (name, run)) in TARGETS.iter().enumerate() {
        // An allocation above the limit ends the program: the last line says where.
        write!(std::io::stderr(), "{name} ").expect("standard error takes it");
        let seeds = seeds(&fuzz.join("corpus").join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (file, seed) in &seeds {
            takes(name, file, *run, seed);
        }
        let mut random = ChaCha20Rng::seed_from_u64(number as u64);
        for case in 0..CHANGED * times {
            let (file, seed) = &seeds[below(&mut random, seeds.len())];
            let (_, other) = &seeds[below(&mut random, seeds.len())];
            let input = changed(seed, other, &mut random);
            takes(name, &format!("{file}, change {case}"), *run, &input);
        }
    }
}

/// The seeds that git keeps, by name: what a fuzzer found has a digest for a name.
fn seeds(corpus: &Path) -> Vec<(String, Vec<u8>)> {
    let digest = |name: &str| name.len() == 40 && name.bytes().all(|letter| letter.is_ascii_hexdigit());
    let mut files: Vec<_> =
        fs::read_dir(corpus).expect("a folder of seeds").map(|file| file.expect("a file")).collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let named = files.into_iter().map(|file| (file.file_name().into_string().expect("a name in ASCII"), file.path()));
    named.filter(|(name, _)| !digest(name)).map(|(name, path)| (name, fs::read(path).expect("a seed"))).collect()
}

fn takes(target: &str, input: &str, run: fn(&[u8]), octets: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| run(octets))).is_err() {
        panic!("{target} breaks a promise; input: {input}: {}", hex::encode(octets));
    }
}

fn below(random: &mut ChaCha20Rng, end: usize) -> usize {
    (random.next_u64() % end.max(1) as u64) as usize
}

/// `seed` after one to four changes: a bit, an octet, a part left out, doubled, or taken from `other`, the end cut off.
fn changed(seed: &[u8], other: &[u8], random: &mut ChaCha20Rng) -> Vec<u8> {
    let mut octets = seed.to_vec();
    for _ in 0..=below(random, 4) {
        let at = below(random, octets.len());
        let end = octets.len().min(at + 1 + below(random, 16));
        match below(random, 6) {
            _ if octets.is_empty() => octets = other.to_vec(),
            0 => octets[at] ^= 1 << below(random, 8),
            1 => octets[at] = random.next_u32() as u8,
            2 => drop(octets.drain(at..end)),
            3 => octets.splice(at..at, octets[at..end].to_vec()).for_each(drop),
            4 => {
                let from = below(random, other.len());
                let to = other.len().min(from + 1 + below(random, 64));
                octets.splice(at..end, other[from..to].iter().copied());
            }
            _ => octets.truncate(at),
        }
    }
    octets.truncate(LONGEST);
    octets
}
