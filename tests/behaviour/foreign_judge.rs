//! The foreign judge: `tests/foreign_judge.py` recomputes every ICV and CMAC of the goldens with OpenSSL, from its own
//! reading of the formats, and says the same of each as `keyhop inspect`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keyhop::capture::{FileFormat, capture_file, capture_reader};
use keyhop::dot16::wire::{CrcForm, MacPdu};

use crate::support::{bundled_names, repository};

fn run(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    command.output().unwrap_or_else(|error| panic!("{name} cannot be run ({error}): tests/run installs it"))
}

/// The script on these captures, with `--inspect` if there is a folder.
fn judge(inspected: Option<&Path>, captures: &[PathBuf]) -> (i32, String, String) {
    let package = run(Command::new("python3").args(["-c", "import cryptography"]));
    assert!(package.status.success(), "python3 has no package cryptography: tests/run installs it");
    let mut command = Command::new("python3");
    command.arg(repository("tests/foreign_judge.py"));
    if let Some(folder) = inspected {
        command.arg("--inspect").arg(folder);
    }
    let output = run(command.args(captures).env("PYTHONDONTWRITEBYTECODE", "1"));
    let text = |octets| String::from_utf8(octets).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn inspect_into(folder: &Path, capture: &Path) {
    let name = capture.file_stem().unwrap().to_str().unwrap();
    let keys = capture.with_extension("keys");
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("keyhop"));
    let output = run(command.arg("inspect").arg(capture).arg("--keylog").arg(keys).arg("--json"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(folder.join(format!("{name}.json")), output.stdout).unwrap();
}

#[test]
fn another_program_verifies_every_icv_and_cmac_of_every_golden_and_agrees_with_inspect() {
    // A1, A2, A4
    let goldens: Vec<PathBuf> =
        bundled_names().iter().map(|name| repository(&format!("captures/{name}.pcapng"))).collect();
    let folder = tempfile::tempdir().unwrap();
    for golden in &goldens {
        inspect_into(folder.path(), golden);
    }
    let (status, out, messages) = judge(Some(folder.path()), &goldens);
    assert_eq!((status, messages.as_str()), (0, ""), "{out}");
    let total = out.lines().last().unwrap();
    let numbers: Vec<usize> = total.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[0] == goldens.len() && numbers[1] > 6_000 && numbers[2] > 250, "{total}");
}

/// A copy of `seamless`, in which `change` has been made to the body of the first PDU on the air that it takes (the octets
/// between header and CRC); and the number of that frame. The CRC fits again.
fn tampered(folder: &Path, change: impl Fn(&MacPdu<'_>, &mut Vec<u8>) -> bool) -> (PathBuf, usize) {
    let golden = fs::read(repository("captures/seamless.pcapng")).unwrap();
    let mut capture = capture_reader::read_whole(capture_reader::read(&golden[..]).unwrap()).unwrap();
    let changed = capture.frames.iter_mut().position(|frame| {
        let Ok(pdu) = MacPdu::parse(&frame.octets) else { return false };
        let mut body = pdu.body.to_vec();
        let taken = change(&pdu, &mut body);
        if taken {
            frame.octets = MacPdu::build(pdu.header, &body, Some(CrcForm::MsbFirst)).unwrap();
        }
        taken
    });
    let file = folder.join("seamless.pcapng");
    let mut octets = Vec::new();
    capture_file::write(&capture, FileFormat::Pcapng, &mut octets).unwrap();
    fs::write(&file, octets).unwrap();
    fs::copy(repository("captures/seamless.keys"), folder.join("seamless.keys")).unwrap();
    (file, changed.unwrap() + 1)
}

#[test]
fn the_judge_names_the_frame_in_which_one_octet_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    type Change = fn(&MacPdu<'_>, &mut Vec<u8>) -> bool;
    let changes: [(&str, Change); 4] = [
        ("ICV bad", |pdu, body| pdu.header.encrypted && body.get_mut(20).map(|octet| *octet ^= 1).is_some()),
        // The packet number is in the nonce.
        ("ICV bad", |pdu, body| pdu.header.encrypted && body.first_mut().map(|octet| *octet ^= 2).is_some()),
        // RNG-REQ: its second TLV.
        ("CMAC bad", |pdu, body| {
            !pdu.header.encrypted && body.starts_with(&[4, 0]) && body.get_mut(12).map(|octet| *octet ^= 1).is_some()
        }),
        // MOB_MSHO-REQ: the CMAC value.
        ("CMAC bad", |pdu, body| {
            !pdu.header.encrypted && body.starts_with(&[57]) && body.last_mut().map(|octet| *octet ^= 1).is_some()
        }),
    ];
    for (wanted, change) in changes {
        let (file, frame) = tampered(folder.path(), change);
        let (status, _, messages) = judge(None, &[file]);
        assert_eq!(status, 1);
        assert!(messages.starts_with(&format!("seamless.pcapng: frame {frame} (air:ms1-")), "{messages}");
        assert!(messages.contains(wanted), "{messages}");
    }
}

#[test]
fn the_judge_names_a_frame_of_which_inspect_says_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let golden = repository("captures/replay-data.pcapng");
    inspect_into(folder.path(), &golden);
    let file = folder.path().join("replay-data.json");
    let lines = fs::read_to_string(&file).unwrap().replacen("\"verdict\":\"accept\"", "\"verdict\":\"icv_invalid\"", 1);
    let frame = 1 + lines.lines().position(|line| line.contains("icv_invalid")).unwrap();
    fs::write(&file, lines).unwrap();
    let (status, _, messages) = judge(Some(folder.path()), &[golden]);
    assert_eq!(status, 1);
    assert!(messages.starts_with(&format!("replay-data.pcapng: frame {frame} (")), "{messages}");
    assert!(messages.ends_with("in_use here, icv_invalid in keyhop inspect\n"), "{messages}");
}
