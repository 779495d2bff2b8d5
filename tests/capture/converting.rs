//! `keyhop convert`: the clean form of what others captured, and of what is clean already.

use std::path::PathBuf;

use keyhop::capture::capture_file::{Capture, CapturedFrame, FileFormat};
use keyhop::capture::{DecryptionSecrets, LinkKind, capture_reader};
use keyhop::cli::Status;
use keyhop::cli::convert::{ConvertArguments, Format, run};
use keyhop::dot16::identifiers::Direction;
use serde_json::Value;

use crate::foreign_support::{self, Framing, Pcapng, Style, link, m2m, tlv, udp};
use crate::foreign_verdicts::{golden, judged, path};
use crate::samples::{self, RNG_REQ, octets};

struct Converted {
    status: Status,
    json: Value,
    messages: String,
    file: Option<Vec<u8>>,
}

fn converted(file: &[u8], format: Format, keylog: Option<PathBuf>) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::write(&input, file).unwrap();
    let once = |json| {
        let arguments =
            ConvertArguments { file: input.clone(), output: output.clone(), format, keylog: keylog.clone(), json };
        let (mut out, mut messages) = (Vec::new(), Vec::new());
        let status = run(&arguments, &mut out, &mut messages).unwrap();
        (status, out, String::from_utf8(messages).unwrap())
    };
    let (status, out, _) = once(true);
    let (same, none, messages) = once(false);
    assert_eq!((same, none.len()), (status, 0));
    let json = serde_json::from_slice(&out).unwrap_or_default();
    assert!(std::fs::read_dir(folder.path()).unwrap().count() <= 2, "nothing but input and output");
    Converted { status, json, messages, file: std::fs::read(output).ok() }
}

fn capture_of(file: &[u8]) -> Capture {
    capture_reader::read_whole(capture_reader::read(file).unwrap()).unwrap()
}

fn air(capture: &Capture) -> Vec<CapturedFrame> {
    let kind = |frame: &&CapturedFrame| capture.interfaces[frame.interface].kind == LinkKind::Air;
    capture.frames.iter().filter(kind).cloned().collect()
}

#[test]
fn a_clean_capture_comes_out_octet_for_octet() {
    for name in ["seamless", "network-entry", "replay-data", "lossy", "rogue-base-station-believed"] {
        let file = std::fs::read(path(&format!("{name}.pcapng"))).unwrap();
        let result = converted(&file, Format::Pcapng, None);
        assert_eq!((result.status, result.messages.lines().count()), (Status::Success, 1), "{}", result.messages);
        assert!(result.file.unwrap() == file, "{name}");
    }
    // Packets that were delivered, damaged Ethernet frames and interfaces without frames are as clean.
    let sample = samples::capture();
    let file = samples::file(&sample, FileFormat::Pcapng);
    assert_eq!(capture_of(&converted(&file, Format::Pcapng, None).file.unwrap()), sample);
}

#[test]
fn with_a_key_log_every_framing_becomes_the_capture_it_was_made_of() {
    let (capture, log) = golden("seamless");
    let before = judged(&samples::file(&capture, FileFormat::Pcapng), &log);
    let fragments = Style { fragments: Some(40), fch: true, flags: false, ..Style::new(Framing::M2m(1)) };
    let gsmtap = Style::new(Framing::Gsmtap { link_type: 1, ipv6: true });
    for style in [Style { flags: false, ..Style::new(Framing::Bare(188)) }, fragments, gsmtap] {
        let file = foreign_support::pcapng(&capture, &style);
        let result = converted(&file, Format::Pcapng, Some(path("seamless.keys")));
        assert_eq!(result.status, Status::Success, "{style:?}: {}", result.messages);
        let clean = capture_of(result.file.as_ref().unwrap());
        let (expected, found) = (air(&capture), air(&clean));
        assert_eq!(found.len(), expected.len());
        for (before, after) in expected.iter().zip(&found) {
            assert_eq!((after.time, after.direction, &after.octets), (before.time, before.direction, &before.octets));
            // What has no link in the foreign capture has none here.
            assert!(after.source.is_none() || after.source == before.source || style.fch, "{style:?}");
            assert!(!after.comment.is_empty());
        }
        assert_eq!(clean.frames.len(), capture.frames.len());
        let names: Vec<&str> = clean.interfaces.iter().map(|interface| interface.name.as_str()).collect();
        if !style.fch {
            assert!(names.contains(&"air:ms1-bs1") && names.contains(&"air:ms1-bs2"), "{names:?}");
            let after = judged(result.file.as_ref().unwrap(), &log);
            assert_eq!((after.verified, after.findings), (before.verified, before.findings.clone()), "{style:?}");
        }
        let again = converted(result.file.as_ref().unwrap(), Format::Pcapng, None);
        assert!(again.file == result.file, "{style:?}");
    }
}

#[test]
fn without_a_key_log_the_addresses_of_m2m_name_the_stations() {
    let (capture, log) = golden("seamless");
    let file = foreign_support::pcapng(&capture, &Style::new(Framing::M2m(1)));
    let result = converted(&file, Format::Pcapng, None);
    let clean = capture_of(&result.file.clone().unwrap());
    let name = |ip: std::net::Ipv4Addr| {
        let digits: String = foreign_support::mac(Some(ip)).iter().map(|octet| format!("{octet:02x}")).collect();
        digits
    };
    for (before, after) in air(&capture).iter().zip(air(&clean)) {
        assert_eq!(after.octets, before.octets);
        let (Some(source), Some(destination)) = (before.source, before.destination) else { continue };
        let (ms, bs) = match before.direction {
            Some(Direction::Uplink) => (source, destination),
            _ => (destination, source),
        };
        let interface = &clean.interfaces[after.interface].name;
        assert_eq!(*interface, format!("air:{}-{}", name(ms), name(bs)));
        assert!(clean.names.iter().any(|(ip, _)| Some(*ip) == after.source));
    }
    // The judge learns who they are.
    let (before, after) = (judged(&file, &log), judged(&result.file.unwrap(), &log));
    assert_eq!((after.verified.icv, after.findings), (before.verified.icv, vec![]));
}

#[test]
fn decryption_secrets_are_kept_and_it_is_told_where_they_cannot_be() {
    let secrets = DecryptionSecrets::of_sessions([(&[1; 32], &[2; 48])]);
    let sample = Capture { secrets: vec![secrets], ..samples::capture() };
    let file = samples::file(&sample, FileFormat::Pcapng);
    let result = converted(&file, Format::Pcapng, None);
    assert!(result.file.unwrap() == file && result.json.get("secrets_left_out").is_none());
    let result = converted(&file, Format::Pcap, None);
    assert_eq!(result.json["secrets_left_out"], 1);
    assert!(result.messages.contains("note: 1 blocks of decryption secrets left out"), "{}", result.messages);
}

#[test]
fn classic_pcap_is_written_too() {
    let (capture, _) = golden("three-candidates");
    let file = foreign_support::pcapng(&capture, &Style::new(Framing::Bare(147)));
    let clean = capture_of(&converted(&file, Format::Pcap, None).file.unwrap());
    assert_eq!(
        clean.interfaces.iter().map(|interface| interface.name.as_str()).collect::<Vec<_>>(),
        ["air", "backbone"]
    );
    assert_eq!(clean.frames.len(), capture.frames.len());
}

#[test]
fn what_is_left_out_is_counted_and_what_is_not_whole_is_told() {
    let mut file = Pcapng::new();
    file.interface(1, "eth0");
    let ethernet = |packet: &[u8], ether_type| link(1, ether_type, [2; 6], [4; 6], packet);
    let burst = m2m(1, &[tlv(8, &[1, 2, 3]), tlv(9, &octets(RNG_REQ))]);
    let part = m2m(1, &[tlv(3, &[9]), tlv(4, &[1]), tlv(5, &[1]), tlv(9, &[7; 20])]);
    for (nanos, packet) in [
        ethernet(&burst, 0x08f0),
        ethernet(&udp(53, &[1, 2, 3], false), 0x0800),
        ethernet(&udp(2231, &[1, 2, 3], false), 0x0800),
        ethernet(&part, 0x08f0),
        ethernet(&[0, 1, 0, 1, 9, 0], 0x08f0),
    ]
    .iter()
    .enumerate()
    {
        file.packet(0, nanos as u64, packet, None, &["kept"]);
    }
    let result = converted(&file.octets, Format::Pcapng, None);
    assert_eq!(result.status, Status::Failure);
    assert_eq!((&result.json["air"], &result.json["backbone"]), (&1.into(), &1.into()));
    let left_out = serde_json::json!({"unrelated": 1, "without_burst": 2, "phy_bursts": 1});
    assert_eq!((&result.json["left_out"], &result.json["inferred_directions"]), (&left_out, &0.into()));
    assert_eq!(result.json["notes"][1]["frames"], serde_json::json!([4]));
    assert!(result.messages.contains("note: frame 5: m2m, octet 19: expected a TLV length above 0, found 0\n"));
    assert!(
        result.messages.contains("note: 1 frames left out that have nothing to do with 802.16\n"),
        "{}",
        result.messages
    );
    let clean = capture_of(&result.file.unwrap());
    assert_eq!(clean.frames.iter().map(|frame| frame.comment.as_str()).collect::<Vec<_>>(), ["kept", "kept"]);
}

#[test]
fn a_capture_without_802_16_and_one_that_is_damaged_leave_no_output() {
    let mut file = Pcapng::new();
    file.interface(105, "wlan0");
    file.packet(0, 0, &[1, 2, 3], None, &[]);
    let result = converted(&file.octets, Format::Pcapng, None);
    assert_eq!((result.status, result.file), (Status::BadInput, None));
    assert!(result.messages.contains("frame 1, octet "), "{}", result.messages);
    assert!(result.messages.contains("found LinkType(105)"), "{}", result.messages);
    let whole = samples::file(&samples::capture(), FileFormat::Pcapng);
    let result = converted(&whole[..whole.len() - 1], Format::Pcapng, None);
    assert_eq!((result.status, result.file), (Status::BadInput, None));
    let late = Capture { frames: vec![], ..samples::capture() };
    assert_eq!(converted(&samples::file(&late, FileFormat::Pcapng), Format::Pcapng, None).status, Status::Success);
}
