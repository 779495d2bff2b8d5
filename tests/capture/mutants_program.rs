//! A sample of damaged files through the built program, with every command that reads files: exit status 0, 1 or 2, a
//! message with 2, no output but a whole one, and no more than `ADDRESS_SPACE` of memory.

use std::path::Path;
use std::process::{Command, Output};

use keyhop::capture::FileFormat;

use crate::foreign_support::{self, Framing, Style};
use crate::samples::{self, KEYS};

/// In KiB, as `ulimit -v` has it: of virtual memory, not all of it in use.
const ADDRESS_SPACE: u32 = 1_500_000;

/// A script whose adversary plays the frames of `x`.
const PLAYS: &str = r#"name = "plays"
shows = "a test"
duration = "300ms"
[[base_station]]
name = "bs1"
bsid = "0a0000000001"
ip = "10.16.0.1"
[[mobile_station]]
name = "ms1"
mac = "020000000001"
ip = "192.0.2.10"
serving = "bs1"
[[attack]]
name = "a"
tap = "air:ms1-bs1"
direction = "uplink"
trigger = { time = "100ms" }
action = { play = "x", frames = [1] }
"#;

fn keyhop(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_keyhop");
    let limited = format!("ulimit -v {ADDRESS_SPACE}; exec \"$0\" \"$@\"");
    Command::new("sh").args(["-c", &limited, program]).args(arguments).current_dir(folder).output().unwrap()
}

/// What is run, and the outputs that are there if it did not fail.
const COMMANDS: [(&[&str], &[&str]); 7] = [
    (&["inspect", "x", "--keylog", "k"], &[]),
    (&["inspect", "x", "--json"], &[]),
    (&["judge", "x", "--keylog", "k", "--json"], &[]),
    (&["decrypt", "x", "--keylog", "k", "-o", "out"], &["out"]),
    (&["convert", "x", "-o", "out", "--json"], &["out"]),
    (&["run", "quiet.toml", "--traffic", "x", "-o", "out", "--keylog", "out.keys"], &["out", "out.keys"]),
    (&["run", "plays.toml", "-o", "out", "--keylog", "out.keys"], &["out", "out.keys"]),
];

/// Runs every command on `capture` and `keys`; gives how many said that it is bad.
fn run_all(what: &str, capture: &[u8], keys: &[u8]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("x"), capture).unwrap();
    std::fs::write(path("k"), keys).unwrap();
    std::fs::write(path("plays.toml"), PLAYS).unwrap();
    std::fs::write(path("quiet.toml"), PLAYS.split("[[attack]]").next().unwrap()).unwrap();
    let mut bad = 0;
    for (arguments, outputs) in COMMANDS {
        let Output { status, stderr, .. } = keyhop(folder.path(), arguments);
        let text = String::from_utf8_lossy(&stderr);
        let code = status.code();
        assert!(matches!(code, Some(0..=2)), "{what}, {arguments:?}: {status:?}, {text}");
        assert!(!text.contains("panicked"), "{what}, {arguments:?}: {text}");
        if code == Some(2) {
            bad += 1;
            assert!(text.contains("error: ") && text.contains("expected"), "{what}, {arguments:?}: {text}");
        }
        for output in outputs {
            assert_eq!(path(output).exists(), code != Some(2), "{what}, {arguments:?}: {text}");
            let _ = std::fs::remove_file(path(output));
        }
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 4, "{what}, {arguments:?} leaves files behind");
    }
    bad
}

#[test]
fn damaged_files_never_crash_the_program_nor_leave_a_part_of_an_output() {
    let sample = samples::capture();
    let pcapng = samples::file(&sample, FileFormat::Pcapng);
    let pcap = samples::file(&sample, FileFormat::Pcap);
    let mut of_the_air = sample.clone();
    of_the_air.frames.truncate(3);
    let m2m = Style { fragments: Some(30), ..Style::new(Framing::M2m(1)) };
    let m2m = foreign_support::pcapng(&of_the_air, &m2m);
    assert!(run_all("good", &pcapng, KEYS.as_bytes()) <= 1, "link type 252 is no user traffic");
    assert_eq!(run_all("empty", &[], KEYS.as_bytes()), COMMANDS.len());
    assert_eq!(run_all("a key log that is none", &pcapng, b"\xff\xfe"), 4);
    assert_eq!(run_all("an empty key log", &pcapng, b""), 4);
    let changed = |file: &[u8], at: usize, octets: &[u8]| {
        let mut mutant = file.to_vec();
        mutant[at..at + octets.len()].copy_from_slice(octets);
        mutant
    };
    let gigabytes = [pcapng.clone(), vec![6, 0, 0, 0, 0xfc, 0xff, 0xff, 0x7f]].concat();
    let names = [&[1, 0, 6, 0, 10, 0, 0, 1, b'a', 0, 0, 0][..]].concat().repeat(1 << 20);
    let endless = [&pcapng[..], &samples::block(4, false, &names)].concat();
    let options = [1, 0, 0, 0].repeat(1 << 21);
    let comments = samples::block(6, false, &[&[0; 20][..], &options].concat());
    let mutants = [
        ("a block of gigabytes", gigabytes),
        ("a record of gigabytes", changed(&pcap, 32, &[0xff; 4])),
        ("times at the end of the range", changed(&pcap, 24, &[0xff; 8])),
        ("another order of octets", changed(&pcapng, 8, &[0x1a, 0x2b, 0x3c, 0x4d])),
        ("a million names", endless),
        ("two million comments", [&pcapng[..], &comments].concat()),
        ("cut pcapng", pcapng[..pcapng.len() - 3].to_vec()),
        ("cut pcap", pcap[..pcap.len() - 3].to_vec()),
        ("cut m2m", m2m[..m2m.len() - 3].to_vec()),
        ("m2m with another octet", changed(&m2m, m2m.len() / 3, &[0xff; 2])),
    ];
    for (what, mutant) in mutants {
        run_all(what, &mutant, KEYS.as_bytes());
    }
}
