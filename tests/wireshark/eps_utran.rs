//! Handovers between UTRAN and E-UTRAN, as Wireshark reads them: one of every message, and whole runs in both directions.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::eps::identifiers::Pci;
use keyhop::eps::keys::CkIk;
use keyhop::eps::node::{Arrival, Command, ContextTransfer, Mapping, Outcome, Scheme, UpKeys};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, IntegrityCheck, LinkDirection, Origin};
use keyhop::eps::security::inter_system::kasme_of_nonces;
use keyhop::eps::wire::gprs::gb::GB_PORT;
use keyhop::eps::wire::gtpv2::GTPV2_PORT;
use keyhop::eps::wire::inter_system::NasSecurityToEutra;
use keyhop::eps::wire::radio_frame::in_upper_pdu;
use keyhop::eps::wire::rrc::utran::{HandoverToUtranCommand, UtranDlMessage, UtranUlMessage};
use keyhop::eps::wire::rrc::{
    DlDcchMessage, HandoverToEutra, MobilityControlInfo, SecurityAlgorithms, T304, UlDcchMessage,
};
use keyhop::eps::wire::sctp::{RUA_PORT, RUA_PROTOCOL, S1AP_PORT, S1AP_PROTOCOL};
use keyhop::eps::wire::{CoreFrame, CorePayload, DataChunk, SctpPacket, UdpDatagram, UtranContents, UtranFrame};
use keyhop::time::VirtualTime;

use crate::eps_core_samples as samples;
use crate::eps_network::{Plan, Seen, To, ck_ik, imsi, packet, pci, utran_pci};
use crate::recipe::complaints_of;
use crate::tshark::fields;
use crate::worked_frames::file;

const NODES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 16, 0, 1), Ipv4Addr::new(10, 16, 0, 2)];

fn frame(time: VirtualTime, interface: usize, octets: Vec<u8>, comment: &str) -> CapturedFrame {
    let comment = comment.to_owned();
    CapturedFrame { time, interface, octets, direction: None, source: None, destination: None, comment }
}

fn capture(frames: Vec<CapturedFrame>) -> Capture {
    let interface = |name: &str, kind| InterfaceDescription { name: name.to_owned(), description: String::new(), kind };
    Capture {
        section_comment: "between UTRAN and E-UTRAN".to_owned(),
        interfaces: vec![interface("core", LinkKind::Backbone), interface("air", LinkKind::Tagged)],
        names: Vec::new(),
        frames,
        secrets: Vec::new(),
    }
}

fn at(number: usize) -> VirtualTime {
    VirtualTime::from_nanos(u64::try_from(number).unwrap() * 1_000_000)
}

/// One of every message of the core network, with its name.
fn core() -> Vec<CapturedFrame> {
    let sctp = |port, protocol, number: usize, user_data| {
        let tsn = u32::try_from(number).unwrap();
        let data = DataChunk { tsn, stream: 1, sequence: u16::try_from(number).unwrap(), protocol, user_data };
        CorePayload::Sctp(SctpPacket { source: port, destination: port, tag: 9, data })
    };
    let mut payloads = Vec::new();
    for (number, message) in samples::s1ap_between_systems().into_iter().enumerate() {
        payloads.push((message.name(), sctp(S1AP_PORT, S1AP_PROTOCOL, number, message.octets().unwrap())));
    }
    for (number, message) in samples::ranap().into_iter().enumerate() {
        payloads.push((message.message.name(), sctp(RUA_PORT, RUA_PROTOCOL, number, message.octets().unwrap())));
    }
    for message in samples::gtpv1() {
        let payload = message.octets().unwrap();
        let datagram = UdpDatagram { source: GTPV2_PORT, destination: GTPV2_PORT, payload };
        payloads.push((message.body.name(), CorePayload::Udp(datagram)));
    }
    for message in samples::gb() {
        let payload = message.octets().unwrap();
        payloads
            .push((message.name(), CorePayload::Udp(UdpDatagram { source: GB_PORT, destination: GB_PORT, payload })));
    }
    let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: Ipv4Addr::new(10, 20, 0, last) };
    let frames = payloads.into_iter().enumerate().map(|(number, (name, payload))| {
        let octets = CoreFrame { from: place(1), to: place(2), payload }.octets(u16::try_from(number).unwrap());
        frame(at(number), 0, octets.unwrap(), name)
    });
    frames.collect()
}

fn cell(number: u16) -> Pci {
    Pci::new(number).unwrap()
}

/// One of every message of RRC.
fn radio() -> Vec<CapturedFrame> {
    let check = Some(IntegrityCheck { mac: [0xde, 0xad, 0xbe, 0xef], sequence_number: 5 });
    let up = [
        UtranUlMessage::MeasurementReport { measurement: 1, earfcn: 1850, cell: cell(2), rsrp: 55, rsrq: 25 },
        UtranUlMessage::HandoverToUtranComplete,
        UtranUlMessage::HandoverFromUtranFailure { transaction: 1 },
        UtranUlMessage::SecurityModeComplete { transaction: 1 },
        UtranUlMessage::InitialDirectTransfer { nas: vec![8, 3] },
        UtranUlMessage::DirectTransfer { nas: vec![8, 3] },
    ];
    let aes = SecurityAlgorithms { ciphering: Algorithms::AES.ciphering, integrity: Algorithms::AES.integrity };
    let to_eutra = DlDcchMessage::HandoverToEutra(HandoverToEutra {
        transaction: 0,
        mobility: MobilityControlInfo { target: cell(2), carrier: None, t304: T304::Ms200, c_rnti: 0x4602 },
        nas: Vec::new(),
        algorithms: aes,
        nas_security: NasSecurityToEutra { nonce: 0x0102_0304, algorithms: Algorithms::AES, key_set: 1 }.octets(),
    });
    let down = [
        UtranDlMessage::HandoverFromUtran { transaction: 1, eutra: to_eutra.octets().unwrap() },
        UtranDlMessage::SecurityModeCommand { transaction: 1, fresh: 0x0102_0304 },
        UtranDlMessage::KeyChange { transaction: 1 },
        UtranDlMessage::DirectTransfer { transaction: 1, nas: vec![8, 0x14] },
    ];
    let of =
        |direction, contents| UtranFrame { direction, u_rnti: 7, contents }.in_capture(NODES[0], NODES[1]).unwrap();
    let mut all = Vec::new();
    for message in up {
        let check = check.filter(|_| message != UtranUlMessage::HandoverToUtranComplete);
        let contents = UtranContents::Signalling(message.octets(check).unwrap());
        all.push((of(LinkDirection::Uplink, contents), format!("{message:?}")));
    }
    for message in down {
        let contents = UtranContents::Signalling(message.octets(check).unwrap());
        all.push((of(LinkDirection::Downlink, contents), format!("{message:?}")));
    }
    let user = UtranContents::User { sequence_number: 3, packet: vec![1, 2, 3] };
    all.push((of(LinkDirection::Uplink, user), "user packet".to_owned()));
    let container = HandoverToUtranCommand { rnc: 5, s_rnti: 7, cell: cell(9) }.octets().unwrap();
    let command = DlDcchMessage::MobilityToUtran { transaction: 1, container, nas_security: 7 }.octets().unwrap();
    let tagged = in_upper_pdu("lte_rrc.dl_dcch", NODES[0], NODES[1], &command).unwrap();
    all.push((tagged, "MobilityFromEUTRACommand".to_owned()));
    let report =
        UlDcchMessage::UtranMeasurementReport { measurement: 1, rsrp: 40, rsrq: 20, cell: cell(101), rscp: 60 };
    let tagged = in_upper_pdu("lte_rrc.ul_dcch", NODES[0], NODES[1], &report.octets().unwrap()).unwrap();
    all.push((tagged, "MeasurementReport".to_owned()));
    all.into_iter().enumerate().map(|(number, (octets, name))| frame(at(number), 1, octets, &name)).collect()
}

#[test]
fn every_message_opens_without_a_complaint_and_shows_the_keys_that_it_carries() {
    let mut frames = core();
    frames.extend(radio());
    let capture = capture(frames);
    assert_eq!(complaints_of(&capture), [""; 0]);
    let (_folder, path) = file(&capture);
    let read = |filter: &str, field: &str| {
        let shown = fields(&path, &[], filter, &[field]).replace(':', "");
        shown.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let keys = samples::ck_ik();
    let [ck, ik] = [0, 16].map(|start| BTreeSet::from([hex::encode(&keys.octets()[start..start + 16])]));
    assert_eq!(read("gtp.ciphering_key_ck", "gtp.ciphering_key_ck"), ck);
    assert_eq!(read("gtp.integrity_key_ik", "gtp.integrity_key_ik"), ik);
    let both = BTreeSet::from([format!("{},{}", ik.first().unwrap(), ck.first().unwrap())]);
    assert_eq!(read("ranap.procedureCode == 3 && ranap.key", "ranap.key"), both);
    let one = |value: &str| BTreeSet::from([value.to_owned()]);
    assert_eq!(read("s1ap.NASSecurityParameterstoE_UTRAN", "s1ap.NASSecurityParameterstoE_UTRAN"), one("010203042209"));
    assert_eq!(
        read("s1ap.HandoverType == 1", "s1ap.NASSecurityParametersfromE_UTRAN"),
        BTreeSet::from(["07".to_owned(), String::new()])
    );
    assert_eq!(read("lte-rrc.nas_SecurityParamFromEUTRA", "lte-rrc.nas_SecurityParamFromEUTRA"), one("07"));
    assert_eq!(read("lte-rrc.nas_SecurityParamToEUTRA", "lte-rrc.nas_SecurityParamToEUTRA"), one("010203042209"));
    assert_eq!(read("rrc.integrityProtInitNumber", "rrc.integrityProtInitNumber"), one("01020304"));
    assert_eq!(read("rrc.messageAuthenticationCode", "rrc.messageAuthenticationCode"), one("deadbeef"));
}

/// The core network and the air of UTRAN of a run.
fn of_run(seen: &Seen) -> Capture {
    let frames = seen.transmissions.iter().filter_map(|sent| {
        if CoreFrame::parse(&sent.octets).is_ok() {
            return Some(frame(sent.time, 0, sent.octets.clone(), &sent.note));
        }
        let utran = UtranFrame::parse(&sent.octets).ok()?;
        Some(frame(sent.time, 1, utran.in_capture(NODES[0], NODES[1]).unwrap(), &sent.note))
    });
    capture(frames.collect())
}

#[test]
fn every_frame_of_runs_in_both_directions_opens_without_a_complaint() {
    let mut names = BTreeSet::new();
    let mappings = [Mapping::TargetId { fresh: true }, Mapping::TargetId { fresh: false }, Mapping::Nonce];
    for (mapping, upe) in mappings.into_iter().zip([true, false, false]) {
        let transfer = ContextTransfer { mapping, upe, up_keys: UpKeys::Same, ..ContextTransfer::default() };
        let mut plan = Plan {
            cells: 2,
            utran_cells: 1,
            sgsns: 1,
            upes: usize::from(upe),
            begins_in_utran: Some(Origin::Umts),
            transfer,
            ..Plan::always(Scheme::NextHopS1)
        };
        for (step, cell) in (1..).zip([pci(0), utran_pci(0), pci(1)]) {
            plan = plan.command(step * 200, To::Ue(0), Command::Measure(cell));
            plan = plan.command(step * 200 + 150, To::Ue(0), Command::Uplink(packet(step)));
            plan = plan.command(step * 200 + 151, To::Gateway, Command::Downlink(imsi(0), packet(step)));
        }
        let seen = plan.run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 3], "{mapping:?}");
        let capture = of_run(&seen);
        names.extend(capture.frames.iter().map(|frame| frame.comment.clone()));
        assert_eq!(complaints_of(&capture), [""; 0], "{mapping:?}");
        let (_folder, path) = file(&capture);
        let shown = fields(&path, &[], "gtp.ciphering_key_ck", &["gtp.ciphering_key_ck"]).replace(':', "");
        let first = hex::encode(&ck_ik(0, Origin::Umts).octets()[..16]);
        assert_eq!(shown.lines().next(), Some(first.as_str()), "what the SGSN hands on is what it had");
    }
    for expected in ["HANDOVER FROM UTRAN COMMAND", "RelocationComplete", "Gn ForwardRelocationResponse", "user packet"]
    {
        assert!(names.contains(expected), "{expected} of {names:?}");
    }
}

#[test]
fn the_context_of_an_idle_ue_is_dissected_whole_with_its_keys_and_nonces() {
    // T1 T5
    // NAS in the clear: of what is ciphered Wireshark would guess what it is.
    let null = Algorithms { ciphering: AlgorithmId::Null, ..Algorithms::AES };
    let plan = Plan {
        utran_cells: 1,
        sgsns: 1,
        nas_algorithms: vec![vec![null]],
        begins_in_utran: Some(Origin::Umts),
        transfer: ContextTransfer { arrival: Arrival::ContextRequest, ..ContextTransfer::default() },
        ..Plan::always(Scheme::NextHopS1)
    };
    let seen = plan.command(200, To::Ue(0), Command::Measure(pci(0))).run();
    assert_eq!(seen.outcomes(0), [Outcome::Completed]);
    let capture = of_run(&seen);
    let names: BTreeSet<&str> = capture.frames.iter().map(|frame| frame.comment.as_str()).collect();
    for expected in ["SgsnContextRequest", "SgsnContextResponse", "SgsnContextAcknowledge"] {
        assert!(names.contains(expected), "{expected} of {names:?}");
    }
    assert_eq!(complaints_of(&capture), [""; 0]);
    let (_folder, path) = file(&capture);
    let shown = fields(&path, &[], "gtp.message == 0x33", &["gtp.ciphering_key_ck", "gtp.integrity_key_ik"]);
    let keys = ck_ik(0, Origin::Umts);
    assert_eq!(shown.replace([':', '|', '\n'], ""), hex::encode(keys.octets()));
    let nonces = fields(&path, &[], "nas_eps.nas_msg_emm_type == 0x5d", &["nas_eps.emm.nonce"]);
    assert_eq!(nonces.trim_end().split(',').count(), 2, "{nonces}");
}

/// The record of a kind in a key log whose line has these words.
fn logged(log: &str, kind: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.split(' ').next() == Some(kind));
    lines.filter_map(|line| line.rsplit(' ').next().map(str::to_owned)).collect()
}

#[test]
fn kasme_of_the_log_follows_from_the_keys_and_nonces_that_wireshark_shows() {
    // T5
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let (golden, log) = (folder.join("transfer-idle.pcapng"), folder.join("transfer-idle.keys"));
    let log = std::fs::read_to_string(log).unwrap();
    let shown = |filter: &str, field: &str| {
        let text = fields(&golden, &["-2"], filter, &[field]).replace(':', "");
        let values: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(values.len(), 1, "{filter}: {values:?}");
        values.into_iter().next().unwrap()
    };
    let response = "gtp.message == 0x33";
    let (ck, ik) = (shown(response, "gtp.ciphering_key_ck"), shown(response, "gtp.integrity_key_ik"));
    let keys = format!("{ck}{ik}");
    assert!(logged(&log, "CK_IK").iter().all(|logged| *logged == keys), "{keys}");
    // The command has both nonces: that of the UE again, then that of the MME.
    let nonces = shown("nas_eps.nas_msg_emm_type == 0x5d", "nas_eps.emm.nonce");
    let nonces: Vec<u32> =
        nonces.split(',').map(|nonce| u32::from_str_radix(nonce.trim_start_matches("0x"), 16).unwrap()).collect();
    let octets = <[u8; 32]>::try_from(hex::decode(keys).unwrap()).unwrap();
    let kasme = kasme_of_nonces(&CkIk::from_octets(octets), nonces[0], nonces[1]);
    assert_eq!(logged(&log, "KASME"), [hex::encode(kasme.octets())]);
}
