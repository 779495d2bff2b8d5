//! The radio of UEs that come to another MME by themselves, as Wireshark reads it: connection set-up in the clear, then the security mode
//! command, whose keys it is given.

use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::emulation::NodeIndex;
use keyhop::eps::identifiers::Pci;
use keyhop::eps::node::{Arrival, What};
use keyhop::eps::parameters::LinkDirection;
use keyhop::eps::wire::radio_frame::{self, RadioFrame, in_upper_pdu};
use keyhop::eps::wire::rrc::UlDcchMessage;
use keyhop::eps::wire::{UeId, dct2000};
use keyhop::time::VirtualTime;

use crate::eps_network::{Plan, Seen, pci};
use crate::tshark::read;
use crate::worked_frames::file;

const UE: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 10);
const ENB: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 2);

/// The keys of the UE in a cell, as a record of the capture, and from when on they are in use.
fn keys(seen: &Seen, wanted: Pci) -> (VirtualTime, Vec<u8>) {
    let in_cell = seen.events.iter().find_map(|(time, node, event)| match &event.what {
        What::KenbInUse { cell, keys, .. } if *cell == wanted && *node != NodeIndex(0) => Some((*time, keys.clone())),
        _ => None,
    });
    let (time, [rrc_enc, rrc_int, _]) = in_cell.unwrap();
    let message = UlDcchMessage::ReconfigurationComplete { transaction: 0 }.octets().unwrap();
    let record = dct2000::KeyRecord { ue_id: UeId(1), rrc_enc, rrc_int, message };
    (time, in_upper_pdu(dct2000::DISSECTOR, UE, ENB, &record.octets().unwrap()).unwrap())
}

/// What Wireshark shows of each frame of signalling in the third cell.
fn shown(seen: &Seen, enb: NodeIndex) -> Vec<String> {
    let (from, record) = keys(seen, pci(2));
    let mut frames: Vec<(VirtualTime, Vec<u8>)> = vec![(from, record)];
    for sent in &seen.transmissions {
        let Ok(mut frame) = RadioFrame::parse(&sent.octets) else { continue };
        let (source, destination) = if frame.direction == LinkDirection::Uplink { (UE, ENB) } else { (ENB, UE) };
        let at_target = sent.to == enb || frame.direction == LinkDirection::Downlink && sent.time > from_when(seen);
        if at_target && sent.note != "user packet" {
            frame.ue_id = UeId(1);
            let octets = in_upper_pdu(radio_frame::DISSECTOR, source, destination, &frame.octets().unwrap()).unwrap();
            frames.push((sent.time, octets));
        }
    }
    frames.sort_by_key(|(time, _)| *time);
    let frames = frames.into_iter().map(|(time, octets)| CapturedFrame {
        time,
        interface: 0,
        octets,
        direction: None,
        source: None,
        destination: None,
        // Wireshark counts a comment as an expert item.
        comment: String::new(),
    });
    let (_folder, path) = file(&Capture {
        section_comment: "radio".to_owned(),
        interfaces: vec![InterfaceDescription {
            name: "air".to_owned(),
            description: String::new(),
            kind: LinkKind::Tagged,
        }],
        names: Vec::new(),
        frames: frames.collect(),
        secrets: Vec::new(),
    });
    let text = format!("\n{}", read(&path, &["-2", "-V"]));
    text.split("\nFrame ").skip(1).map(str::to_owned).collect()
}

/// When the UE has left its first cell.
fn from_when(seen: &Seen) -> VirtualTime {
    let left = seen.events.iter().find(|(_, _, event)| matches!(event.what, What::HandoverStarted(_)));
    left.map(|(time, ..)| *time).unwrap()
}

/// What is expected comes in this order, and so many MACs are right: before there are keys they are 0.
fn holds(plan: Plan, expected: &[&str], right: usize) {
    let enb = plan.enb(2);
    let seen = plan.walk(&[2]).run();
    let shown = shown(&seen, enb);
    let mut rest = shown.iter();
    for part in expected {
        assert!(rest.any(|tree| tree.contains(part)), "{part} of\n{}", shown.join("\n"));
    }
    for tree in &shown {
        assert!(!tree.contains("Malformed") && !tree.contains("Expert Info"), "{tree}");
    }
    assert_eq!(shown.iter().filter(|tree| tree.contains("[Matches calculated result]")).count(), right);
}

#[test]
fn an_authentication_is_shown_and_what_follows_it_is_deciphered() {
    // T2
    let expected = [
        "rrcConnectionRequest-r8",
        "rrcConnectionSetup-r8",
        "Attach request",
        "Authentication request",
        "Authentication response",
        "Security mode command",
        "cipheringAlgorithm: eea2",
        "securityModeComplete",
        "drb-ToAddModList",
        "rrcConnectionReconfigurationComplete",
        "ulInformationTransfer",
    ];
    holds(Plan::arriving(Arrival::Authentication).authenticating(), &expected, 10);
}

#[test]
fn a_tracking_area_update_with_a_context_that_is_given_is_shown_and_what_follows_it_is_deciphered() {
    // T9
    let expected = [
        "rrcConnectionRequest-r8",
        "rrcConnectionSetup-r8",
        "Tracking area update request",
        "cipheringAlgorithm: eea2",
        "securityModeComplete",
        "drb-ToAddModList",
        "rrcConnectionReconfigurationComplete",
        "ulInformationTransfer",
    ];
    holds(Plan::arriving(Arrival::ContextRequest), &expected, 6);
}
