//! The goldens of EPS in `tshark -2`, without any other option: nothing is malformed, every RRC message is deciphered, every MAC-I is
//! right, but that of frames which an adversary has changed (`eps-systems.md` 5.4).

use std::path::{Path, PathBuf};

use keyhop::capture::capture_reader::{self, FrameKind};
use keyhop::eps::wire::mac_pdu::{LCID_SRB1, LCID_SRB2, MacPdu};
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::scenario::bundled::EPS_SCRIPTS;

use crate::tshark::{in_pairs, read};

fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    EPS_SCRIPTS.iter().map(|script| folder.join(format!("{}.pcapng", script.name))).collect()
}

/// The NAS messages of PARLOS that have elements behind all that the standard has in them: Wireshark notes that, and nothing else.
const LENGTHENED: [&str; 2] = ["Attach request (0x41)", "Security mode command (0x5d)"];
const EXTRANEOUS: &str = "[Expert Info (Note/Protocol): Extraneous Data, dissector bug or later version spec";

/// What Wireshark has to say against a frame.
fn complaints(tree: &str, of_parlos: bool) -> usize {
    let allowed = of_parlos && LENGTHENED.iter().any(|message| tree.contains(message));
    let comments = tree.matches("Expert Info (Comment").count();
    tree.matches("Expert Info (").count() - comments - if allowed { tree.matches(EXTRANEOUS).count() } else { 0 }
}

/// What a frame of a golden is to Wireshark.
struct Frame {
    /// Whether it carries RRC under a MAC-I; before there are keys that is 0, and right.
    signalling: bool,
    /// Whether somebody has made it bad.
    deliberate: bool,
    comment: String,
}

fn frames(path: &Path) -> Vec<Frame> {
    let read = capture_reader::open(path).unwrap().map(Result::unwrap);
    read.map(|frame| {
        let radio = matches!(&frame.kind, FrameKind::Dissector(name) if name == "mac-lte-framed");
        let mac = radio.then(|| MacPdu::parse(&RadioFrame::parse(&frame.octets).unwrap().mac_pdu).unwrap());
        Frame {
            signalling: mac.is_some_and(|mac| [LCID_SRB1, LCID_SRB2].contains(&mac.lcid)),
            deliberate: frame.comment.starts_with("deliberate:"),
            comment: frame.comment,
        }
    })
    .collect()
}

#[test]
fn every_golden_is_deciphered_and_verified_without_an_option() {
    // H11
    let goldens = goldens();
    let trees = in_pairs(&goldens, |golden| read(golden, &["-2", "-V"]));
    for (golden, text) in goldens.iter().zip(trees) {
        let name = golden.display();
        let text = format!("\n{text}");
        let trees: Vec<&str> = text.split("\nFrame ").skip(1).collect();
        let frames = frames(golden);
        assert_eq!(trees.len(), frames.len(), "{name}");
        // A UE that stays in UTRAN has none, nor has one that attaches for RLOS, and is turned away.
        let of_parlos = name.to_string().contains("/parlos-");
        let elsewhere =
            ["transfer-utran-incomplete", "e2m-umts", "e2m-gprs", "e2m-hostile-sgsn", "e2m-hostile-sgsn-naive"];
        let in_utran = elsewhere.iter().any(|script| name.to_string().ends_with(&format!("/{script}.pcapng")));
        assert!(in_utran || of_parlos || frames.iter().filter(|frame| frame.signalling).count() > 2, "{name}");
        for (number, (tree, frame)) in (1..).zip(trees.iter().zip(&frames)) {
            let words = format!("{name}, frame {number}: {}:\n{tree}", frame.comment);
            assert!(!tree.contains("Malformed"), "{words}");
            if frame.deliberate && !of_parlos {
                continue;
            }
            assert_eq!(complaints(tree, of_parlos), 0, "{words}");
            if frame.deliberate {
                continue;
            }
            assert_eq!(tree.contains("[Matches calculated result]"), frame.signalling, "{words}");
        }
    }
}

#[test]
fn the_one_frame_that_was_tampered_with_is_flagged() {
    // broken: H11
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/eps-tampered.pcapng");
    let bad: Vec<bool> = frames(&golden).iter().map(|frame| frame.deliberate).collect();
    assert_eq!(bad.iter().filter(|bad| **bad).count(), 1);
    let text = format!("\n{}", read(&golden, &["-2", "-V"]));
    let flagged: Vec<bool> = text.split("\nFrame ").skip(1).map(|tree| tree.contains("MAC-I Digest wrong")).collect();
    assert_eq!(flagged, bad);
}
