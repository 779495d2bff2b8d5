//! The core network of whole runs of EPS, as Wireshark reads it: handovers over X2 and S1, between MMEs, refused, called off, with
//! a change of NAS algorithms, and with user packets.

use std::collections::BTreeSet;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::emulation::Fate;
use keyhop::eps::node::{Scheme, Schemes};
use keyhop::eps::parameters::Algorithms;
use keyhop::eps::wire::CoreFrame;
use keyhop::eps::wire::radio_frame::RadioFrame;

use crate::eps_network::{NULL_CIPHERING, Plan, Seen};
use crate::recipe::complaints_of;

fn core(seen: &Seen) -> Capture {
    let frames = seen.transmissions.iter().filter(|sent| CoreFrame::parse(&sent.octets).is_ok());
    let frames = frames.map(|sent| CapturedFrame {
        time: sent.time,
        interface: 0,
        octets: sent.octets.clone(),
        direction: None,
        source: None,
        destination: None,
        comment: sent.note.clone(),
    });
    Capture {
        section_comment: "core network of EPS".to_owned(),
        interfaces: vec![InterfaceDescription {
            name: "core".to_owned(),
            description: String::new(),
            kind: LinkKind::Backbone,
        }],
        names: Vec::new(),
        frames: frames.collect(),
    }
}

/// The target hears nothing of the UE.
fn deaf_target(plan: Plan) -> Seen {
    let target = plan.enb(3);
    plan.walk(&[3]).run_with(move |_, to, octets| {
        if to == target && RadioFrame::parse(octets).is_ok() { Fate::lost() } else { Fate::pass() }
    })
}

#[test]
fn every_frame_of_the_core_network_opens_without_a_complaint() {
    let moving = |scheme| Plan { mmes: 2, ..Plan::always(scheme) };
    let nas_algorithms = vec![vec![Algorithms::AES], vec![NULL_CIPHERING]];
    let runs = [
        Plan::new(Schemes::Grouped).walk(&[1, 2, 3]).run(),
        Plan::always(Scheme::NextHopX2).walk(&[1, 2]).run(),
        Plan { nas_algorithms, ..moving(Scheme::MmeInvolved) }.walk(&[1, 2, 0]).run(),
        moving(Scheme::NextHopS1).walk(&[2]).run(),
        Plan { most_ues: vec![100, 0], ..Plan::always(Scheme::Chained) }.walk(&[1]).run(),
        Plan { most_ues: vec![100, 0], ..moving(Scheme::MmeInvolved) }.walk(&[1, 2]).run(),
        deaf_target(Plan::always(Scheme::Chained)),
        deaf_target(Plan::always(Scheme::MmeInvolved)),
        deaf_target(moving(Scheme::MmeInvolved)),
    ];
    let mut names = BTreeSet::new();
    for (number, seen) in runs.iter().enumerate() {
        let capture = core(seen);
        names.extend(capture.frames.iter().map(|frame| frame.comment.clone()));
        assert_eq!(complaints_of(&capture), [""; 0], "run {number}");
    }
    for expected in [
        "HandoverRequestAcknowledge",
        "HandoverPreparationFailure",
        "HandoverFailure",
        "HandoverCancel",
        "HandoverCancelAcknowledge",
        "RelocationCancelRequest",
        "ForwardRelocationCompleteNotification",
        "ModifyBearerResponse",
        "DownlinkNasTransport",
        "UplinkNasTransport",
        "GTP-U end marker",
    ] {
        assert!(names.contains(expected), "{expected} of {names:?}");
    }
}
