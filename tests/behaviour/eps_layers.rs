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
