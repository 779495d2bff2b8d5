//! The seeds of each target while they are gathered, and the folders that they are written to.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Most files in one corpus.
const MOST_SEEDS: usize = 160;
/// Longer frames teach the fuzzer nothing more, and slow it down.
const LONGEST_SEED: usize = 900;

/// For every kind of input its shortest and its longest.
#[derive(Default)]
struct Corpus {
    kinds: BTreeMap<String, (Vec<u8>, Vec<u8>)>,
}

/// The corpora, by target.
#[derive(Default)]
pub struct Corpora {
    targets: BTreeMap<&'static str, Corpus>,
}

impl Corpora {
    /// Takes `octets` as a seed of `target`, if they are the shortest or the longest of their kind.
    pub fn offer(&mut self, target: &'static str, kind: &str, octets: &[u8]) {
        if octets.len() > LONGEST_SEED {
            return;
        }
        let kinds = &mut self.targets.entry(target).or_default().kinds;
        let (shortest, longest) =
            kinds.entry(kind.to_lowercase()).or_insert_with(|| (octets.to_vec(), octets.to_vec()));
        if octets.len() < shortest.len() {
            *shortest = octets.to_vec();
        } else if octets.len() > longest.len() {
            *longest = octets.to_vec();
        }
    }

    /// Replaces the seeds of every target in `corpora`.
    pub fn write(&self, corpora: &Path) -> Result<(), Box<dyn Error>> {
        for (target, corpus) in &self.targets {
            let folder = corpora.join(target);
            fs::create_dir_all(&folder)?;
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                // What a fuzzer found has a digest of 40 digits for a name, and stays.
                if path.file_name().is_none_or(|name| name.len() != 40) {
                    fs::remove_file(path)?;
                }
            }
            let shortest = corpus.kinds.iter().map(|(kind, (shortest, _))| (kind, shortest));
            let longest = corpus.kinds.iter().map(|(kind, (_, longest))| (kind, longest));
            let mut octets = 0;
            for (kind, seed) in shortest.chain(longest).take(MOST_SEEDS) {
                let name: String = kind.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
                fs::write(folder.join(format!("{name}-{}", seed.len())), seed)?;
                octets += seed.len();
            }
            println!("{}: {octets} octets", folder.display());
        }
        Ok(())
    }
}
