//! Wire and security of EPS stand beside each other on keys, parameters and identifiers, below the nodes; and the nodes of the access below
//! those of enterprises.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn wire_uses_no_security_and_security_no_wire_and_neither_a_node() {
    let eps = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eps");
    for (room, other) in [("wire", "eps::security"), ("security", "eps::wire")] {
        let refused = [other, "eps::node", "eps::enterprise"];
        let files = files(&eps.join(room));
        assert!(files.len() >= 7, "{room}: {}", files.len());
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let found = text.lines().find(|line| refused.iter().any(|path| line.contains(path)));
            assert_eq!(found, None, "{}", file.display());
        }
    }
}

/// What names something of the e2m keys.
const OF_E2M: [&str; 10] =
    ["enterprise", "Enterprise", "e2m", "E2m", "emks", "Emks", "EMKS", "Emse", "EMSE", "key_server"];

fn names_e2m(text: &str) -> Option<&str> {
    let of_e2m = |line: &&str| OF_E2M.iter().any(|name| line.contains(name));
    text.lines().find(of_e2m)
}

#[test]
fn no_node_of_the_access_network_can_name_anything_of_the_e2m_keys() {
    // E1
    let eps = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eps");
    let nodes = files(&eps.join("node"));
    for part in
        ["mme/mod.rs", "mme/authentication.rs", "sgsn/mod.rs", "sgsn/authentication.rs", "rnc/access.rs", "hss.rs"]
    {
        assert!(nodes.iter().any(|file| file.ends_with(part)), "{part}");
    }
    for file in nodes {
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(names_e2m(&text), None, "{}", file.display());
    }
    // Of the USIM nothing is asked that it did not do before: what it answers with is in the USIM's room, which names none of it either.
    let usim = fs::read_to_string(eps.join("security/aka.rs")).unwrap();
    assert_eq!(names_e2m(&usim), None);
}

#[test]
fn a_node_that_would_name_one_is_found() {
    // broken: E1
    for file in ["emks.rs", "hss.rs", "zn.rs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eps/enterprise").join(file);
        assert!(names_e2m(&fs::read_to_string(path).unwrap()).is_some(), "{file}");
    }
}
