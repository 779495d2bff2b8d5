//! Wire and security of EPS stand beside each other on keys, parameters and identifiers, below the nodes.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn wire_uses_no_security_and_security_no_wire_and_neither_a_node() {
    let eps = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eps");
    for (room, refused) in [("wire", ["eps::security", "eps::node"]), ("security", ["eps::wire", "eps::node"])] {
        let files = files(&eps.join(room));
        assert!(files.len() >= 7, "{room}: {}", files.len());
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let found = text.lines().find(|line| refused.iter().any(|path| line.contains(path)));
            assert_eq!(found, None, "{}", file.display());
        }
    }
}

/// What names something of keys between UEs and end points in an enterprise.
const OF_ENTERPRISES: [&str; 9] =
    ["enterprise", "e2m", "E2m", "emks", "Emks", "EMSE", "Emse", "key_server", "BootstrappingInfo"];

fn names_an_enterprise(line: &str) -> bool {
    OF_ENTERPRISES.iter().any(|word| line.contains(word))
}

#[test]
fn no_node_of_the_network_names_a_thing_of_enterprises() {
    // E1
    let eps = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eps");
    for file in files(&eps.join("node")) {
        let text = fs::read_to_string(&file).unwrap();
        let found = text.lines().find(|line| names_an_enterprise(line));
        assert_eq!(found, None, "{}", file.display());
    }
}

#[test]
fn a_node_that_would_name_one_is_found() {
    // broken: E1
    for file in ["emks.rs", "hss.rs", "zn.rs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eps/enterprise").join(file);
        let text = fs::read_to_string(path).unwrap();
        assert!(text.lines().any(names_an_enterprise), "{file}");
    }
}
