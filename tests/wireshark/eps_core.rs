//! The messages of the EPS core network, one of each, as Wireshark reads them, and as another codec reads and writes those of
//! ASN.1 (`tests/second_codec.py`).

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::eps::identifiers::Teid;
use keyhop::eps::keys::LinkSecret;
use keyhop::eps::link_protection::LinkKey;
use keyhop::eps::wire::gtpu::{GTPU_PORT, GtpuPacket};
use keyhop::eps::wire::gtpv2::GTPV2_PORT;
use keyhop::eps::wire::sctp::{DIAMETER_PORT, DIAMETER_PROTOCOL, S1AP_PORT, S1AP_PROTOCOL, X2AP_PORT, X2AP_PROTOCOL};
use keyhop::eps::wire::{CoreFrame, CorePayload, DataChunk, SctpPacket, UdpDatagram};
use keyhop::time::VirtualTime;

use crate::eps_core_samples as samples;
use crate::recipe::complaints_of;
use crate::tshark::fields;
use crate::worked_frames::file;

/// ICMP echo request from 10.45.0.2 to 10.45.0.1.
const USER_PACKET: &str = "4500001c000100004001665e0a2d00020a2d00010800f7fd00010001";

/// An S1AP or X2AP message, the `number`th of its association.
fn sctp(port: u16, protocol: u32, number: usize, user_data: Vec<u8>) -> CorePayload {
    let number = u32::try_from(number).unwrap();
    let sequence = u16::try_from(number).unwrap();
    let data = DataChunk { tsn: 1000 + number, stream: 1, sequence, protocol, user_data };
    CorePayload::Sctp(SctpPacket { source: port, destination: port, tag: 0x0102_0304, data })
}

fn udp(port: u16, payload: Vec<u8>) -> CorePayload {
    CorePayload::Udp(UdpDatagram { source: port, destination: port, payload })
}

/// The name and the packet of every message.
fn packets() -> Vec<(String, CorePayload)> {
    let mut packets = Vec::new();
    for (number, message) in samples::s1ap().into_iter().enumerate() {
        let octets = message.octets().unwrap();
        packets.push((message.name().to_owned(), sctp(S1AP_PORT, S1AP_PROTOCOL, number, octets)));
    }
    for (number, message) in samples::x2ap().into_iter().enumerate() {
        let octets = message.octets().unwrap();
        packets.push((message.name().to_owned(), sctp(X2AP_PORT, X2AP_PROTOCOL, number, octets)));
    }
    for (number, message) in samples::diameter().into_iter().enumerate() {
        let octets = message.octets().unwrap();
        packets.push((message.body.name().to_owned(), sctp(DIAMETER_PORT, DIAMETER_PROTOCOL, number, octets)));
    }
    for message in samples::gtpv2() {
        packets.push((message.body.name().to_owned(), udp(GTPV2_PORT, message.octets().unwrap())));
    }
    let packet = hex::decode(USER_PACKET).unwrap();
    let pdu = [&[0x8a, 0xbc], &packet[..]].concat();
    for (pdcp_number, packet) in [(None, packet), (Some(0xabc), pdu)] {
        for packet in [
            GtpuPacket::User { teid: Teid(7), pdcp_number, packet },
            GtpuPacket::EndMarker { teid: Teid(7), pdcp_number },
        ] {
            packets.push(("GTP-U".to_owned(), udp(GTPU_PORT, packet.octets().unwrap())));
        }
    }
    packets
}

/// A key, and what it makes of a message: [`capture`] with its last frame.
fn protected() -> (LinkKey, Capture) {
    let key = LinkKey { spi: 0x1234_5678, secret: LinkSecret::from_octets(std::array::from_fn(|place| place as u8)) };
    let mut capture = capture();
    let mut frames = capture.frames.iter().rev().filter(|frame| frame.comment == "ForwardRelocationRequest");
    let mut last = frames.next().unwrap().clone();
    let sealed = key.seal(&CoreFrame::parse(&last.octets).unwrap(), 1).unwrap();
    last.octets = sealed.octets(900).unwrap();
    last.comment = "ESP".to_owned();
    capture.frames.push(last);
    (key, capture)
}

#[test]
fn a_protected_message_is_esp_and_opens_there_with_the_key_of_its_link() {
    // T7
    let (key, capture) = protected();
    assert_eq!(complaints_of(&capture), [""; 0]);
    let (_folder, path) = file(&capture);
    let shown = fields(&path, &[], "esp", &["esp.spi", "esp.sequence", "frame.protocols"]);
    assert_eq!(shown.trim_end(), "0x12345678|1|eth:ethertype:ip:esp");
    let secret = hex::encode(key.secret.octets());
    let association = format!(
        "uat:esp_sa:\"IPv4\",\"10.20.0.1\",\"10.20.0.2\",\"0x12345678\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0x{secret}\",\"NULL\",\"\""
    );
    let options = [
        "-o",
        "esp.enable_encryption_decode:TRUE",
        "-o",
        "esp.enable_authentication_check:TRUE",
        "-o",
        association.as_str(),
    ];
    let shown = fields(
        &path,
        &options,
        "esp",
        &["gtpv2.message_type", "gtpv2.mm_context_nas_dl_cnt", "esp.icv_good", "esp.icv_bad"],
    );
    assert_eq!(shown.trim_end(), "133|66051|1|0");
}

fn capture() -> Capture {
    let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: Ipv4Addr::new(10, 20, 0, last) };
    let frames = (1_u16..).zip(packets()).map(|(number, (name, payload))| {
        // S1AP and X2AP have their associations between other nodes.
        let other = if matches!(&payload, CorePayload::Sctp(packet) if packet.source == X2AP_PORT) { 3 } else { 2 };
        let frame = CoreFrame { from: place(1), to: place(other), payload };
        CapturedFrame {
            time: VirtualTime::from_nanos(u64::from(number) * 1_000_000),
            interface: 0,
            octets: frame.octets(number).unwrap(),
            direction: None,
            source: None,
            destination: None,
            comment: name,
        }
    });
    Capture {
        section_comment: "messages of the EPS core network".to_owned(),
        interfaces: vec![InterfaceDescription {
            name: "core".to_owned(),
            description: String::new(),
            kind: LinkKind::Backbone,
        }],
        names: Vec::new(),
        frames: frames.collect(),
        secrets: Vec::new(),
    }
}

#[test]
fn every_message_opens_without_a_complaint() {
    assert_eq!(complaints_of(&capture()), [""; 0]);
}

#[test]
fn the_origin_of_a_context_stands_in_a_private_extension_beside_it() {
    // T6
    let (_folder, path) = file(&capture());
    // Of the enterprise of examples, behind the key with a UPE, or alone.
    for (message, expected) in [("133", "00"), ("131", "01")] {
        let filter = format!("gtpv2.message_type == {message} && gtpv2.proprietary_value");
        let shown = fields(&path, &[], &filter, &["gtpv2.enterprise_id", "gtpv2.proprietary_value"]);
        let last = |values: &str| values.rsplit(',').next().unwrap_or_default().to_owned();
        let found = shown.lines().filter_map(|line| line.split_once('|')).map(|(id, value)| (last(id), last(value)));
        assert!(
            found.into_iter().any(|found| found == ("32473".to_owned(), expected.to_owned())),
            "{message}: {shown}"
        );
    }
}

#[test]
fn the_fields_are_where_they_are_meant_to_be() {
    let (_folder, path) = file(&capture());
    let read = |filter: &str, field: &str| fields(&path, &[], filter, &[field]).trim_end().to_owned();
    let key = |first: u8| hex::encode(std::array::from_fn::<u8, 32, _>(|place| first + place as u8));
    let options = ["-o", "sctp.checksum:CRC 32c"];
    let right = fields(&path, &options, "sctp.checksum.status == 1", &["frame.number"]);
    let all = samples::s1ap().len() + samples::x2ap().len() + samples::diameter().len();
    assert_eq!(right.lines().count(), all, "every checksum is right");
    let shown = read("frame.comment == \"HandoverRequest\" && s1ap", "s1ap.nextHopParameter").replace(':', "");
    assert!(shown == key(0x20), "{shown}");
    assert_eq!(read("s1ap.nextHopChainingCount", "s1ap.nextHopChainingCount"), "2\n2");
    assert_eq!(read("frame.comment == \"InitialContextSetupRequest\"", "s1ap.SecurityKey").replace(':', ""), key(0x40));
    let star = read("x2ap.key_eNodeB_star", "x2ap.key_eNodeB_star").replace(':', "");
    assert_eq!((star, read("x2ap", "x2ap.nextHopChainingCount").trim().to_owned()), (key(0x60), "3".to_owned()));
    assert_eq!(read("frame.comment == \"EnbStatusTransfer\"", "s1ap.pDCP_SN"), "7,4095,0,1");
    assert_eq!(read("frame.comment == \"SnStatusTransfer\"", "x2ap.hFN"), "1,1048575,0,0");
    assert_eq!(read("x2ap.e_RAB_ID", "x2ap.e_RAB_ID"), ["5,6"; 3].join("\n"));
    // The RRC message in its container, and the NAS message beside it.
    assert_eq!(read("frame.comment == \"HandoverCommand\"", "lte-rrc.newUE_Identity"), "4601\n4601");
    assert_eq!(read("frame.comment == \"InitialUeMessage\"", "nas_eps.nas_msg_emm_type"), "0x41\n0x41");
    let request = "gtpv2.message_type == 133";
    assert_eq!(read(request, "gtpv2.mm_context_nas_dl_cnt"), "66051\n66051\n66051");
    assert_eq!(read(request, "gtpv2.mm_context_nas_ul_cnt"), "263430\n263430\n263430");
    let [context, vector] = [key(0x80), key(0xc0)];
    assert_eq!(read(request, "gtpv2.mm_context_kasme"), format!("{context},{vector}\n{context}\n{context}"));
    assert_eq!(read(request, "gtpv2.mm_context_nh"), key(0xa0));
    assert_eq!(read(request, "gtpv2.mm_context_ncc"), "5");
    // Beside it an origin; the key between UE and UPE: number, algorithm, KUP, highest number given.
    let up = format!("0000000302{}00000004", "55".repeat(16));
    assert_eq!(read(request, "gtpv2.proprietary_value").trim(), format!("00\n{up}"));
    assert_eq!(read("gtp.message == 255", "gtp.teid"), "0x00000007\n0x00000007");
    assert_eq!(read("gtp.ext_hdr.pdcp_sn", "gtp.ext_hdr.pdcp_sn"), "2748\n2748");
}

#[test]
fn what_authentication_and_a_context_request_say_is_shown() {
    let (_folder, path) = file(&capture());
    let read = |filter: &str, field: &str| fields(&path, &[], filter, &[field]).trim_end().replace(':', "");
    let key = |first: u8| hex::encode(std::array::from_fn::<u8, 32, _>(|place| first + place as u8));
    assert_eq!(read("diameter.KASME", "diameter.KASME"), key(0xc0));
    let [rand, xres, autn] = [("RAND", "11", 16), ("XRES", "22", 8), ("AUTN", "33", 16)]
        .map(|(name, octet, length)| (read("diameter.KASME", &format!("diameter.{name}")), octet.repeat(length)));
    for (shown, expected) in [rand, xres, autn] {
        assert_eq!(shown, expected);
    }
    let said = [&"11".repeat(16)[..], &"44".repeat(14)].concat();
    let asked = format!("{said}\n{said}");
    assert_eq!(read("diameter.Re-Synchronization-Info", "diameter.Re-Synchronization-Info"), asked);
    assert_eq!(read("diameter.cmd.code == 318", "diameter.applicationId"), ["16777251"; 8].join("\n"));
    assert_eq!(read("diameter.Experimental-Result-Code", "diameter.Experimental-Result-Code"), "5001\n5402\n5403");
    // Vectors of S6d, the keys that are pushed and given, and what they are called.
    let counted = |first: u8| hex::encode((first..first + 16).collect::<Vec<u8>>());
    assert_eq!(read("diameter.Confidentiality-Key", "diameter.Confidentiality-Key"), counted(0xa0));
    assert_eq!(read("diameter.Integrity-Key", "diameter.Integrity-Key"), counted(0xb0));
    assert_eq!(read("diameter.Kc", "diameter.Kc"), "66".repeat(8));
    assert_eq!(read("diameter.cmd.code == 305", "diameter.applicationId"), ["16777265"; 3].join("\n"));
    assert_eq!(read("diameter.cmd.code == 310", "diameter.applicationId"), ["16777220"; 6].join("\n"));
    let pushed = read("diameter.cmd.code == 305 && diameter.ME-Key-Material", "diameter.ME-Key-Material");
    assert_eq!(pushed, ["77".repeat(32), "77".repeat(32)].join("\n"));
    let given = read("diameter.cmd.code == 310 && diameter.ME-Key-Material", "diameter.ME-Key-Material");
    assert_eq!(given, ["88".repeat(32), "99".repeat(32)].join(","));
    let called = read("diameter.Transaction-Identifier", "diameter.Transaction-Identifier");
    assert_eq!(called, ["01020304"; 3].join("\n"));
    assert_eq!(
        read("diameter.NAF-Hostname", "diameter.NAF-Hostname"),
        vec![hex::encode("emse1.example.org"); 2].join("\n")
    );
    assert_eq!(read("diameter.cmd.code == 317", "diameter.User-Name").trim(), "208930000000001");
    // The temporary identity, beside the message that the old MME checks, and the context that it gives.
    assert_eq!(read("gtpv2.message_type == 130", "gtpv2.m_tmsi"), "c0010203");
    assert_eq!(read("gtpv2.message_type == 130", "nas_eps.nas_msg_emm_type"), "0x48");
    assert_eq!(read("gtpv2.message_type == 131", "gtpv2.mm_context_kasme").trim(), key(0x80));
    assert_eq!(read("gtpv2.message_type == 131", "gtpv2.cause"), "16\n92");
    let kenbs = read("frame.comment == \"UeContextModificationRequest\"", "s1ap.SecurityKey");
    assert_eq!(kenbs, key(0x50));
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn another_codec_reads_every_message_of_asn1_and_writes_the_same_octets() {
    let python = repository("target/second-codec/bin/python");
    assert!(python.exists(), "{} is not there: tests/run installs it", python.display());
    let mut lines = Vec::new();
    for message in samples::s1ap() {
        lines.push((format!("s1ap {}", hex::encode(message.octets().unwrap())), message.name()));
    }
    for message in samples::x2ap() {
        lines.push((format!("x2ap {}", hex::encode(message.octets().unwrap())), message.name()));
    }
    let container = samples::source_to_target().octets().unwrap();
    lines.push((format!("source {}", hex::encode(container)), "SourceeNbToTargeteNbTransparentContainer"));
    let container = samples::target_to_source().octets().unwrap();
    lines.push((format!("target {}", hex::encode(container)), "TargeteNbToSourceeNbTransparentContainer"));

    let mut child = Command::new(python)
        .arg(repository("tests/second_codec.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    // The names of the standard have hyphens and capitals where those of this crate have none.
    let plain = |name: &str| name.replace('-', "").to_lowercase();
    let expected: Vec<String> = lines.iter().map(|(_, name)| plain(name)).collect();
    assert_eq!(names.lines().map(plain).collect::<Vec<_>>(), expected);
}
