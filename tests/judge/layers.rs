//! The judge owes nothing to the code that makes captures.

use std::fs;
use std::path::Path;

#[test]
fn the_judge_uses_capture_wire_backbone_and_security_only() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge");
    let allowed = [
        "crate::capture",
        "crate::dot16::wire",
        "crate::dot16::backbone",
        "crate::dot16::security::",
        "crate::dot16::identifiers",
        "crate::time",
    ];
    // The state machines of security are the nodes' own.
    let refused = ["tek_context", "entry_keys", "base_station_keys", "mobile_keys", "authenticator_keys", "pn_window"];
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        files += 1;
        for line in text.lines().filter(|line| line.contains("crate::")) {
            assert!(allowed.iter().any(|path| line.contains(path)), "{line}");
            assert!(!refused.iter().any(|path| line.contains(path)), "{line}");
        }
    }
    assert!(files >= 8, "{files}");
}
