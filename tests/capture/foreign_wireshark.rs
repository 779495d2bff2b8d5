//! A second opinion: tshark finds the same PDUs in captures of others. Needs `tshark`.

use std::process::Command;

use keyhop::capture::LinkKind;
use keyhop::capture::capture_reader::{self, FrameKind};
use keyhop::dot16::wire::{MacPdu, PduType};

use crate::foreign_support::{self, Framing, Style};
use crate::foreign_verdicts::golden;

/// What the user sets so that link type 147 is read.
const USER0: &str = "uat:user_dlts:\"User 0 (DLT=147)\",\"wimax_pdu_burst_handler\",\"0\",\"\",\"0\",\"\"";

/// By frame: CIDs and message types of the PDUs that tshark finds.
fn shown(file: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcapng");
    std::fs::write(&path, file).unwrap();
    let output = Command::new("tshark")
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .args(["-o", USER0, "-Y", "wmx.genericCid", "-T", "fields", "-E", "separator=|"])
        .args(["-e", "frame.number", "-e", "wmx.genericCid", "-e", "wmx.macmgtmsgtype", "-r"])
        .arg(&path)
        .output()
        .expect("tshark is installed");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The same by our reader.
fn read(file: &[u8]) -> Vec<String> {
    let frames = capture_reader::read(file).unwrap().map(Result::unwrap);
    let air = frames.filter(|frame| frame.kind == FrameKind::Known(LinkKind::Air) && frame.octets.len() > 3);
    air.map(|frame| {
        let pdus: Vec<_> = MacPdu::burst(&frame.octets).map(Result::unwrap).collect();
        let cids: Vec<String> = pdus.iter().map(|pdu| pdu.header.cid.0.to_string()).collect();
        let message = |pdu: &&MacPdu<'_>| !pdu.header.encrypted && pdu.header.cid.is_management();
        let plain = pdus.iter().filter(message).filter(|pdu| pdu.header.pdu_type == PduType::NONE);
        let types: Vec<String> = plain.map(|pdu| pdu.body[0].to_string()).collect();
        format!("{}|{}|{}", frame.number, cids.join(","), types.join(","))
    })
    .collect()
}

#[test]
fn tshark_finds_the_same_pdus_in_m2m_gsmtap_and_user0() {
    let (mut capture, _) = golden("three-candidates");
    capture.frames.truncate(120);
    let gsmtap = |link_type, ipv6| Style::new(Framing::Gsmtap { link_type, ipv6 });
    let fragments = Style { fragments: Some(60), ..Style::new(Framing::M2m(1)) };
    let styles = [
        Style::new(Framing::Bare(147)),
        Style { fch: true, flags: false, ..Style::new(Framing::M2m(1)) },
        fragments,
        Style::new(Framing::M2m(113)),
        gsmtap(1, false),
        gsmtap(113, true),
        gsmtap(276, false),
        gsmtap(101, true),
        gsmtap(0, false),
        gsmtap(108, true),
    ];
    for style in styles {
        let file = foreign_support::pcapng(&capture, &style);
        let ours = read(&file);
        assert!(ours.len() > 40 && ours.iter().any(|line| line.ends_with("|57")), "{ours:?}");
        assert_eq!(shown(&file), ours, "{style:?}");
    }
}
