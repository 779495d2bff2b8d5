//! The files that a script names: a study depends on what is in them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::scenario::bundled;
use crate::scenario::script::{AttackAction, Movement, Script, Traffic};

/// The names of the files that `script` reads.
#[must_use]
pub fn named(script: &Script) -> BTreeSet<String> {
    let traffic = script.traffic.iter().filter_map(|traffic| match traffic {
        Traffic::Capture(capture) => Some(capture.file.clone()),
        Traffic::Generated(_) => None,
    });
    let played = script.attacks.iter().filter_map(|attack| match &attack.action {
        AttackAction::Play { file, .. } => Some(file.clone()),
        _ => None,
    });
    let positions = script.mobility.iter().filter_map(|mobility| match &mobility.movement {
        Movement::File(file) => Some(file.clone()),
        _ => None,
    });
    traffic.chain(played).chain(positions).collect()
}

/// SHA-256 in hex of the file `name`, looked for in `folder`, then among the bundled ones, as a run does.
///
/// # Errors
/// It cannot be read.
pub fn sha256(name: &str, folder: &Path) -> io::Result<String> {
    let path = folder.join(name);
    let mut digest = Sha256::new();
    match bundled::traffic_file(name) {
        Some(octets) if !path.exists() => digest.update(octets),
        _ => {
            let mut file = BufReader::new(File::open(&path)?);
            loop {
                let octets = file.fill_buf()?;
                digest.update(octets);
                match octets.len() {
                    0 => break,
                    read => file.consume(read),
                }
            }
        }
    }
    Ok(digest.finalize().iter().map(|octet| format!("{octet:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_positions_and_frames_are_among_the_named_ones() {
        let sets = ["mobility={ model = \"file\", file = \"ways.csv\", by = \"distance\" }"];
        let sets: Vec<_> = sets.iter().map(|set| set.parse().unwrap()).collect();
        let script = bundled::script("mobiles-200").unwrap().parse(&sets).unwrap();
        assert_eq!(named(&script).iter().collect::<Vec<_>>(), ["ways.csv"]);
        let sets: Vec<_> = ["attack.replay.action={ play = \"old.pcapng\", frames = [1] }".parse().unwrap()].to_vec();
        let script = bundled::script("replay-data").unwrap().parse(&sets).unwrap();
        assert!(named(&script).contains("old.pcapng"));
    }

    #[test]
    fn a_file_beside_the_script_comes_before_the_bundled_one_of_its_name() {
        let script = bundled::script("seamless").unwrap().parse(&[]).unwrap();
        let names = named(&script);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["user-traffic.pcap"]);
        let folder = tempfile::tempdir().unwrap();
        let bundled = sha256("user-traffic.pcap", folder.path()).unwrap();
        assert_eq!(bundled.len(), 64);
        std::fs::write(folder.path().join("user-traffic.pcap"), "another").unwrap();
        assert_ne!(sha256("user-traffic.pcap", folder.path()).unwrap(), bundled);
        assert!(sha256("none.pcap", folder.path()).is_err());
    }
}
