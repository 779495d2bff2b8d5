//! An EPS capture that `keyhop decrypt` has opened: Wireshark shows its messages and packets with no option and no key.

use std::process::Command;

use keyhop::capture::key_log_text;

use crate::eps_film::{How, walk};
use crate::tshark::{fields, read};
use crate::worked_frames::file;

#[test]
fn wireshark_shows_the_messages_and_the_packets_of_a_decrypted_capture() {
    let film = walk(How::MmeInvolved);
    let (folder, capture) = file(&film.capture);
    let (keys, clear) = (folder.path().join("eps.keys"), folder.path().join("clear.pcapng"));
    let mut text = Vec::new();
    key_log_text::write(&film.log, &mut text).unwrap();
    std::fs::write(&keys, text).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_keyhop"))
        .args(["decrypt", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap(), "-o", clear.to_str().unwrap()])
        .status()
        .unwrap();
    assert!(status.success());
    let commands = fields(&clear, &[], "lte-rrc.mobilityControlInfo_element", &["lte-rrc.newUE_Identity"]);
    // On the air, and in the two containers of S1 before; the capture's own annotations are not counted.
    assert!(commands.lines().count() >= 5, "{commands}");
    let reports = fields(&clear, &[], "lte-rrc.measurementReport_element", &["frame.number"]);
    assert_eq!(reports.lines().count(), 5, "a report for each handover: {reports}");
    let shown = read(&clear, &["-V"]);
    assert!(!shown.contains("Malformed"), "{shown}");
    let payloads = fields(&clear, &[], "udp.srcport == 5000 && !gtp", &["ip.src", "udp.length"]);
    assert_eq!(payloads.lines().count(), 17, "{payloads}");
    assert!(payloads.lines().all(|line| line.contains("10.0.0.1|")), "{payloads}");
    // Before, the packets were nowhere to be seen.
    assert_eq!(fields(&capture, &[], "udp.srcport == 5000 && !gtp", &["ip.src"]), "");
}
