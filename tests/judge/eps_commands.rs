//! `judge`, `decrypt` and `inspect` of EPS captures, from the outside.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use keyhop::capture::capture_reader::{self, FrameKind};
use keyhop::capture::{FileFormat, LinkKind, key_log_text};
use keyhop::eps::wire::nas::EmmMessage;
use keyhop::eps::wire::rrc::{DlDcchMessage, UlDcchMessage};
use serde_json::Value;
use tempfile::TempDir;

use super::eps_film::{DOWN, Film, How, Twist, UP, packet, walk};
use super::octets;

fn keyhop(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("keyhop").unwrap().args(arguments).output().unwrap();
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Capture and key log as files.
fn files(film: &Film, format: FileFormat) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (capture, keys) = (folder.path().join("eps.pcapng"), folder.path().join("eps.keys"));
    std::fs::write(&capture, octets(&film.capture, format)).unwrap();
    let mut text = Vec::new();
    key_log_text::write(&film.log, &mut text).unwrap();
    std::fs::write(&keys, text).unwrap();
    (folder, capture, keys)
}

fn of<'a>(command: &'a str, capture: &'a Path, keys: &'a Path) -> Vec<&'a str> {
    vec![command, capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap()]
}

#[test]
fn the_judge_tells_of_eps_what_it_verified() {
    let (_folder, capture, keys) = files(&walk(How::MmeInvolved), FileFormat::Pcapng);
    let (status, out, _) = keyhop(&of("judge", &capture, &keys));
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("RRC messages whose MAC-I verifies") && out.contains("judge: nothing found"), "{out}");
    assert!(!out.contains("ICV"), "{out}");
    let (status, out, _) = keyhop(&[of("judge", &capture, &keys), vec!["--json"]].concat());
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, document["verified"]["mac_i"].as_u64()), (0, Some(15)));
    assert_eq!(document["verified"]["packets"].as_u64(), Some(17));
    // What no EPS capture has is there and 0; the other way round it is left out.
    assert_eq!(document["verified"]["icv"].as_u64(), Some(0));
}

#[test]
fn a_decrypted_capture_has_every_message_and_packet_in_the_clear_and_the_rest_as_it_was() {
    let film = walk(How::Chained);
    for format in [FileFormat::Pcapng, FileFormat::Pcap] {
        let (folder, capture, keys) = files(&film, format);
        let clear = folder.path().join("clear.pcapng");
        let (status, _, told) = keyhop(&[of("decrypt", &capture, &keys), vec!["-o", clear.to_str().unwrap()]].concat());
        assert_eq!((status, told.as_str()), (0, "PDUs opened: 32, not opened: 0\n"));
        let read = |path: &Path| capture_reader::open(path).unwrap().map(Result::unwrap).collect::<Vec<_>>();
        let (before, after) = (read(&capture), read(&clear));
        assert_eq!(before.len(), after.len());
        let (mut packets, mut messages) = (Vec::new(), 0);
        for (before, after) in before.iter().zip(&after) {
            assert_eq!((before.time_ns, &before.comment), (after.time_ns, &after.comment));
            match &after.kind {
                FrameKind::Known(LinkKind::RawIp) => packets.push(after.octets.clone()),
                FrameKind::Dissector(name) if name == "lte_rrc.dl_dcch" => {
                    messages += 1;
                    DlDcchMessage::parse(&after.octets).unwrap();
                }
                FrameKind::Dissector(name) if name == "lte_rrc.ul_dcch" => {
                    messages += 1;
                    UlDcchMessage::parse(&after.octets).unwrap();
                }
                _ => assert_eq!((&before.kind, &before.octets), (&after.kind, &after.octets)),
            }
        }
        assert_eq!((packets.len(), messages), (17, 15));
        assert_eq!((&packets[0], &packets[1], &packets[2]), (&packet(1), &packet(2), &packet(11)));
    }
}

#[test]
fn what_does_not_open_is_told_and_stays_as_it_is() {
    let mut film = Film::new(false);
    film.packet(DOWN, 1);
    let mut epoch = film.epoch.clone();
    let (mut octets, _) = film.rrc_frame(&mut epoch, UP, vec![0x14, 0]);
    *octets.last_mut().unwrap() ^= 1;
    let frame = film.push("uu:ue1-enb1", octets, "tampered");
    let (folder, capture, keys) = files(&film, FileFormat::Pcapng);
    let clear = folder.path().join("clear.pcapng");
    let (status, _, told) = keyhop(&[of("decrypt", &capture, &keys), vec!["-o", clear.to_str().unwrap()]].concat());
    assert_eq!(status, 1);
    assert_eq!(told, format!("frame {frame}: RRC ul MAC-I does not verify\nPDUs opened: 1, not opened: 1\n"));
    let last = capture_reader::open(&clear).unwrap().map(Result::unwrap).last().unwrap();
    assert_eq!(last.kind, FrameKind::Dissector("mac-lte-framed".to_owned()));
}

#[test]
fn inspect_says_of_every_frame_what_it_is_and_what_is_inside() {
    let mut film = Film::new(false).in_one_group();
    film.hand_over(How::MmeInvolved, 2, Twist::default());
    film.downlink_nas(&EmmMessage::DetachAccept);
    let (_folder, capture, keys) = files(&film, FileFormat::Pcapng);
    let (status, out, _) = keyhop(&[of("inspect", &capture, &keys), vec!["--json"]].concat());
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((status, lines.len() as u64), (0, film.last()));
    for line in &lines {
        for key in
            ["frame", "time_ns", "interface", "direction", "kind", "cid", "summary", "verdict", "pn", "eks", "payload"]
        {
            assert!(line.get(key).is_some(), "{key}: {line}");
        }
        assert!(line["cid"].is_null());
    }
    let of_kind = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let [report, command, confirm, nas] = of_kind("rrc")[..] else { panic!("{out}") };
    assert_eq!(report["summary"], "RRC ul ciphered COUNT 0: MeasurementReport");
    assert_eq!(command["summary"], "RRC dl ciphered COUNT 0: Reconfiguration");
    assert_eq!(
        (&confirm["direction"], &confirm["verdict"], &confirm["pn"]),
        (&"ul".into(), &"accept".into(), &0.into())
    );
    assert_eq!(nas["summary"], "RRC dl ciphered COUNT 0: InformationTransfer");
    let packets = of_kind("packet");
    assert_eq!(packets.len(), 3);
    assert!(packets[0]["payload"].as_str().unwrap().starts_with("4500"));
    assert_eq!(of_kind("s1ap")[0]["summary"], "S1AP HandoverRequired");
    assert_eq!(of_kind("annotation").len(), 6);
    // Without keys, the frames are told all the same.
    let (status, out, _) = keyhop(&["inspect", capture.to_str().unwrap(), "--json"]);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((status, lines.len() as u64), (0, film.last()));
    let summaries: Vec<&str> = lines.iter().map(|line| line["summary"].as_str().unwrap()).collect();
    for summary in ["S1AP HandoverRequired", "keys of key epoch 1", "RRC dl SRB1 SN 0, ", "packet ul SN 0, "] {
        assert!(summaries.iter().any(|line| line.starts_with(summary)), "{summary}: {out}");
    }
    assert!(lines.iter().all(|line| line["kind"] != "upper PDU" && line.get("verdict").is_none()), "{out}");
    let rrc = lines.iter().find(|line| line["kind"] == "rrc").unwrap();
    assert_eq!(rrc["direction"], "ul");
    // What was decrypted is told by its names, too.
    let clear = capture.with_file_name("clear.pcapng");
    keyhop(&[of("decrypt", &capture, &keys), vec!["-o", clear.to_str().unwrap()]].concat());
    let (_, out, _) = keyhop(&["inspect", clear.to_str().unwrap()]);
    assert!(out.contains("rrc RRC ul MeasurementReport") && out.contains("rrc RRC dl Reconfiguration"), "{out}");
}
