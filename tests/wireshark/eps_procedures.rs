//! The core network of whole runs of EPS, as Wireshark reads it: handovers over X2 and S1, between MMEs, refused, called off, with
//! a change of NAS algorithms, and with user packets.

use std::collections::BTreeSet;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::emulation::Fate;
use keyhop::eps::node::{Arrival, Command, ContextTransfer, Relocation, Scheme, Schemes, UpKeys};
use keyhop::eps::parameters::Algorithms;
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::{CoreFrame, CorePayload, Gtpv2Body, Gtpv2Message};

use crate::eps_network::{AuthenticationPlan, NULL_CIPHERING, Plan, Seen, To, imsi};
use crate::recipe::complaints_of;
use crate::tshark::fields;
use crate::worked_frames::file;

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
        secrets: Vec::new(),
    }
}

/// The target hears nothing of the UE.
fn deaf_target(plan: Plan) -> Seen {
    let target = plan.enb(3);
    plan.walk(&[3]).run_with(move |_, to, octets| {
        if to == target && RadioFrame::parse(octets).is_ok() { Fate::lost() } else { Fate::pass() }
    })
}

/// Through UPEs: between MMEs, between UPEs, both; refused, and with a UE that goes back.
fn through_upes() -> Vec<Seen> {
    let plan = |mmes, upes, relocation, up_keys| {
        let transfer = ContextTransfer { upe: true, relocation, up_keys, ..ContextTransfer::default() };
        Plan { mmes, upes, transfer, ..Plan::always(Scheme::NextHopS1) }
    };
    let both = || plan(2, 2, Relocation::Both, UpKeys::Update);
    let arriving = |arrival| {
        let transfer = ContextTransfer { upe: true, arrival, ..ContextTransfer::default() };
        Plan { mmes: 2, upes: 2, transfer, ..Plan::always(Scheme::NextHopS1) }.authenticating()
    };
    vec![
        plan(2, 1, Relocation::BiCasting, UpKeys::Update).walk(&[2, 1]).run(),
        plan(1, 2, Relocation::Forwarding, UpKeys::Same).walk(&[2, 1]).run(),
        both().walk(&[2, 1]).run(),
        Plan { upe_most_ues: vec![100, 0], ..plan(1, 2, Relocation::Both, UpKeys::Same) }.walk(&[2]).run(),
        deaf_target(plan(1, 2, Relocation::BiCasting, UpKeys::Same)),
        deaf_target(plan(2, 1, Relocation::BiCasting, UpKeys::Same)),
        deaf_target(both()),
        // Those that come by themselves, and an authentication where the UE is.
        arriving(Arrival::Authentication).walk(&[2, 1]).run(),
        arriving(Arrival::ContextRequest).walk(&[2, 1]).run(),
        plan(1, 2, Relocation::Both, UpKeys::Same)
            .authenticating()
            .command(100, To::Mme(0), Command::Authenticate(imsi(0)))
            .walk(&[2])
            .run(),
    ]
}

#[test]
fn every_frame_of_a_core_network_with_upes_opens_without_a_complaint() {
    // T1
    let mut names = BTreeSet::new();
    for (number, seen) in through_upes().iter().enumerate() {
        let capture = core(seen);
        names.extend(capture.frames.iter().map(|frame| frame.comment.clone()));
        assert_eq!(complaints_of(&capture), [""; 0], "run {number}");
    }
    // All but those of UEs that come by themselves.
    for expected in Gtpv2Body::NAMES.iter().filter(|name| !name.starts_with("Context")) {
        assert!(names.contains(*expected), "{expected} of {names:?}");
    }
}

#[test]
fn the_number_of_a_pdu_and_the_tunnels_of_upes_are_where_they_are_meant_to_be() {
    // T3
    let seen = through_upes().swap_remove(1);
    let (_folder, path) = file(&core(&seen));
    let read = |filter: &str, field: &str| fields(&path, &[], filter, &[field]).trim_end().to_owned();
    // The numbers of the packets of each direction, hop by hop, and those of the end markers between UPEs.
    let numbers = read("gtp.message == 255 && gtp.ext_hdr.pdcp_sn", "gtp.ext_hdr.pdcp_sn");
    assert_eq!(numbers, ["0", "0", "1", "1", "2", "2"].join("\n"));
    assert_eq!(read("gtp.message == 254 && gtp.ext_hdr.pdcp_sn", "gtp.ext_hdr.pdcp_sn"), "1\n2");
    let kinds = read("gtpv2.message_type == 166", "gtpv2.f_teid_interface_type");
    assert_eq!(kinds, ["10,19", "10,23", "10,19", "10,23"].join("\n"));
    assert_eq!(read("gtpv2.message_type == 32", "gtpv2.enterprise_id"), "32473\n32473");
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

/// UEs that come to other MMEs by themselves, with an HSS or without, or that are authenticated anew.
fn arrivals() -> Vec<Seen> {
    let plan = Plan::arriving;
    let behind = Some(AuthenticationPlan { hss_sqn: 0, usim_sqn: 9, latency: 6 });
    let anew = Plan { mmes: 1, ..Plan::always(Scheme::NextHopS1) }.authenticating();
    vec![
        plan(Arrival::Authentication).authenticating().walk(&[2, 0]).run(),
        Plan { authentication: behind, ..plan(Arrival::Authentication) }.walk(&[2]).run(),
        plan(Arrival::Authentication).walk(&[2]).run(),
        plan(Arrival::ContextRequest).walk(&[2, 0]).run(),
        // The old MME gives nothing.
        plan(Arrival::ContextRequest).authenticating().walk(&[2]).run_with(|_, _, octets| {
            let lost = is_context_response(octets);
            if lost { Fate::lost() } else { Fate::pass() }
        }),
        Plan { most_ues: vec![100, 100, 0], ..plan(Arrival::ContextRequest) }.walk(&[2]).run(),
        anew.walk(&[1]).command(500, To::Mme(0), Command::Authenticate(imsi(0))).run(),
    ]
}

/// Whether a frame is a Context Response.
fn is_context_response(octets: &[u8]) -> bool {
    match CoreFrame::parse(octets).map(|frame| frame.payload) {
        Ok(CorePayload::Udp(datagram)) => {
            let message = Gtpv2Message::parse(&datagram.payload).map(|message| message.body);
            matches!(message, Ok(Gtpv2Body::ContextResponse(_)))
        }
        _ => false,
    }
}

#[test]
fn every_frame_of_a_core_network_in_which_ues_come_by_themselves_opens_without_a_complaint() {
    // T2 T9
    let mut names = BTreeSet::new();
    for (number, seen) in arrivals().iter().enumerate() {
        let capture = core(seen);
        names.extend(capture.frames.iter().map(|frame| frame.comment.clone()));
        assert_eq!(complaints_of(&capture), [""; 0], "run {number}");
    }
    for expected in [
        "AuthenticationInformationRequest",
        "AuthenticationInformationAnswer",
        "UpdateLocationRequest",
        "UpdateLocationAnswer",
        "CancelLocationRequest",
        "CancelLocationAnswer",
        "InitialUeMessage",
        "InitialContextSetupRequest",
        "InitialContextSetupResponse",
        "UeContextModificationRequest",
        "UeContextModificationResponse",
        "UeContextReleaseCommand",
        "ContextRequest",
        "ContextResponse",
        "ContextAcknowledge",
    ] {
        assert!(names.contains(expected), "{expected} of {names:?}");
    }
}
