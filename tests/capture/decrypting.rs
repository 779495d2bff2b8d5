//! `keyhop decrypt`: the same capture with its data PDUs in the clear.

use std::process::Command;

use keyhop::capture::capture_file::{Capture, CapturedFrame, FileFormat};
use keyhop::capture::{DecryptionSecrets, capture_reader};
use keyhop::cli::Status;
use keyhop::cli::decrypt::{DecryptArguments, run};
use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::dot16::wire::{CrcForm, MacPdu};

use crate::samples::{self, Files, KEYS, RNG_REQ, hello, octets, sealed, tek, with_crc};

fn decrypt(files: &Files) -> (Status, String) {
    let arguments =
        DecryptArguments { file: files.path("x.pcapng"), keylog: files.path("x.keys"), output: files.path("y.pcapng") };
    let mut messages = Vec::new();
    let status = run(&arguments, &mut messages);
    (status, String::from_utf8(messages).unwrap())
}

fn output(files: &Files) -> Capture {
    capture_reader::read_whole(capture_reader::open(&files.path("y.pcapng")).unwrap()).unwrap()
}

#[test]
fn data_is_opened_and_all_else_stays() {
    let secrets = vec![DecryptionSecrets::of_sessions([(&[1; 32], &[2; 48])])];
    let capture = Capture { secrets, ..samples::capture() };
    let files = Files::new(&capture, KEYS);
    assert_eq!(decrypt(&files), (Status::Success, "PDUs opened: 1, not opened: 0\n".to_owned()));
    let opened = output(&files);
    let pdu = MacPdu::parse(&opened.frames[1].octets).unwrap();
    assert_eq!((pdu.header.encrypted, pdu.header.eks, pdu.header.cid), (false, 0, Cid(0x300)));
    assert_eq!((pdu.body, pdu.crc_form()), (hello().as_slice(), Some(CrcForm::MsbFirst)));
    assert_eq!(usize::from(pdu.header.length), opened.frames[1].octets.len());
    let mut expected = capture.clone();
    expected.frames[1].octets = opened.frames[1].octets.clone();
    assert_eq!(opened, expected);
}

#[test]
fn wireshark_shows_the_packets() {
    let files = Files::new(&samples::capture(), KEYS);
    decrypt(&files);
    let tshark = |arguments: &[&str]| {
        let output = Command::new("tshark").arg("-r").arg(files.path("y.pcapng")).args(arguments).output();
        String::from_utf8(output.expect("tshark is installed").stdout).unwrap()
    };
    let shown = tshark(&["-Y", "wmx && udp.port == 5001", "-T", "fields", "-e", "frame.number", "-e", "data.text"]);
    assert!(shown.starts_with("2"), "{shown}");
    assert_eq!(tshark(&["-q", "-z", "expert,note"]).trim(), "");
}

#[test]
fn a_pdu_that_does_not_open_stays_sealed_and_is_told() {
    let sample = samples::capture();
    let good = sealed(&tek(), 0x300, 2, Direction::Downlink, &hello());
    let mut bad = good.clone();
    bad[20] ^= 1;
    let bad = with_crc(bad);
    let burst = [octets(RNG_REQ), bad.clone(), good, vec![0xff; 5]].concat();
    let frame = CapturedFrame { octets: burst, ..sample.frames[1].clone() };
    let files = Files::new(&Capture { frames: vec![frame], ..sample }, KEYS);
    let (status, messages) = decrypt(&files);
    assert_eq!(status, Status::Failure);
    assert_eq!(
        messages,
        "frame 1: PDU on CID 0x0300: none of 1 keys verifies the ICV\nPDUs opened: 1, not opened: 1\n"
    );
    let burst = output(&files).frames[0].octets.clone();
    let pdus: Vec<_> = MacPdu::burst(&burst).map(Result::unwrap).collect();
    assert_eq!(pdus[0].octets, octets(RNG_REQ));
    assert_eq!(pdus[1].octets, bad);
    assert_eq!(pdus[2].body, hello());
    assert!(burst.ends_with(&[0xff; 5]));
}

#[test]
fn without_a_key_nothing_opens() {
    let files = Files::new(&samples::capture(), &KEYS.replace("eks=1", "eks=0"));
    let (status, messages) = decrypt(&files);
    assert_eq!(status, Status::Failure);
    assert!(messages.contains("frame 2: PDU on CID 0x0300: the key log has no TEK of EKS 1"), "{messages}");
    assert_eq!(output(&files), samples::capture());
}

#[test]
fn classic_pcap_is_opened_too() {
    let files = Files::new(&samples::capture(), KEYS);
    std::fs::write(files.path("x.pcapng"), samples::file(&samples::capture(), FileFormat::Pcap)).unwrap();
    assert_eq!(decrypt(&files).0, Status::Success);
    assert_eq!(MacPdu::parse(&output(&files).frames[1].octets).unwrap().body, hello());
}

#[test]
fn bad_input_leaves_the_output_as_it_was() {
    let files = Files::new(&samples::capture(), KEYS);
    std::fs::write(files.path("y.pcapng"), "before").unwrap();
    let whole = samples::file(&samples::capture(), FileFormat::Pcapng);
    std::fs::write(files.path("x.pcapng"), &whole[..whole.len() - 1]).unwrap();
    let (status, messages) = decrypt(&files);
    assert_eq!(status, Status::BadInput);
    assert!(messages.contains("x.pcapng: frame 4, octet "), "{messages}");
    assert_eq!(std::fs::read_to_string(files.path("y.pcapng")).unwrap(), "before");
    let left = std::fs::read_dir(files.folder.path()).unwrap().count();
    assert_eq!(left, 3);
}
