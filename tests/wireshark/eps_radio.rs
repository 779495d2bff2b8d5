//! The radio of EPS, by both routes: Wireshark deciphers and verifies what it is meant to (`eps-systems.md` 5.3 to 5.5).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::capture_reader::{self, FrameKind};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::eps::identifiers::{Gummei, Guti, MTmsi, MmeCode, MmeGroupId, Pci, Plmn, Tac, Tai};
use keyhop::eps::keys::{Kenb, KenbStar};
use keyhop::eps::parameters::{AlgorithmId, HandoverParameters, Indication, LinkDirection, Ncc};
use keyhop::eps::security::handover_keys::{AsKeys, CRnti};
use keyhop::eps::security::{HandoverDerivation, eea2, eia2};
use keyhop::eps::wire::mac_pdu::{LCID_CCCH, LCID_SRB1, LCID_SRB2, MacPdu};
use keyhop::eps::wire::nas::{
    AlgorithmSet, DetachType, EmmMessage, EpsMobileIdentity, GenericContainer, NasAlgorithms, NasKsi, Nonces,
    UeCapability, UpdateFromUtran, esm,
};
use keyhop::eps::wire::pdcp::{DATA_HEADER_OCTETS, DataPdu, SIGNALLING_HEADER_OCTETS, SignallingPdu, ciphered_part};
use keyhop::eps::wire::pdcp_udp::{KEY_TABLE, KeyTableRow, OPTIONS, PdcpOverUdp, Plane};
use keyhop::eps::wire::radio_frame::{self, RadioFrame, in_upper_pdu};
use keyhop::eps::wire::rlc::AmDataPdu;
use keyhop::eps::wire::rrc::{
    DlCcchMessage, DlDcchMessage, MeasurementReport, MobilityControlInfo, NeighbourMeasurement, ReestablishmentCause,
    ReleaseCause, RrcConnectionReconfiguration, SecurityAlgorithms, SecurityConfigHo, T304, UlCcchMessage,
    UlDcchMessage,
};
use keyhop::eps::wire::{UeId, dct2000};
use keyhop::time::VirtualTime;
use tempfile::TempDir;

use crate::tshark::read;
use crate::worked_frames::file;

const UE: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 10);
const ENB: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 2);
const AES: SecurityAlgorithms = SecurityAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };
const UP: LinkDirection = LinkDirection::Uplink;
const DOWN: LinkDirection = LinkDirection::Downlink;

/// A UE with one KeNB.
struct Epoch {
    ue_id: UeId,
    c_rnti: u16,
    keys: AsKeys,
    /// COUNT that comes next, by direction and bearer; the sequence number of RLC goes with it.
    counts: BTreeMap<(LinkDirection, u8), u32>,
    frames: u16,
}

impl Epoch {
    fn new(ue_id: u16, c_rnti: u16, kenb: &Kenb) -> Self {
        let keys = AsKeys::derive(kenb, AlgorithmId::Aes, AlgorithmId::Aes);
        Self { ue_id: UeId(ue_id), c_rnti, keys, counts: BTreeMap::new(), frames: 0 }
    }

    fn key_record(&self) -> Vec<u8> {
        let record = dct2000::KeyRecord {
            ue_id: self.ue_id,
            rrc_enc: self.keys.rrc_enc.clone(),
            rrc_int: self.keys.rrc_int.clone(),
            message: UlDcchMessage::ReconfigurationComplete { transaction: 0 }.octets().unwrap(),
        };
        in_upper_pdu(dct2000::DISSECTOR, UE, ENB, &record.octets().unwrap()).unwrap()
    }

    /// The next PDCP PDU of a signalling bearer, and its COUNT.
    fn pdcp(&mut self, direction: LinkDirection, bearer: u8, message: Vec<u8>, ciphered: bool) -> (Vec<u8>, u32) {
        let next = self.counts.entry((direction, bearer)).or_default();
        let count = *next;
        *next += 1;
        let mut pdu = SignallingPdu { sequence_number: (count & 31) as u8, message, mac_i: [0; 4] };
        pdu.mac_i = eia2(&self.keys.rrc_int, count, bearer - 1, direction, &pdu.integrity_input());
        let mut octets = pdu.octets().unwrap();
        if ciphered {
            let part = ciphered_part(&mut octets, SIGNALLING_HEADER_OCTETS);
            eea2(&self.keys.rrc_enc, count, bearer - 1, direction, part);
        }
        (octets, count)
    }

    fn framed(&mut self, direction: LinkDirection, lcid: u8, sdu: Vec<u8>) -> Vec<u8> {
        let mac_pdu = MacPdu { lcid, sdu, padding: 2 }.octets().unwrap();
        let (frame_number, subframe) = (self.frames / 10, (self.frames % 10) as u8);
        self.frames += 1;
        let frame = RadioFrame { direction, c_rnti: self.c_rnti, ue_id: self.ue_id, frame_number, subframe, mac_pdu };
        let (source, destination) = if direction == UP { (UE, ENB) } else { (ENB, UE) };
        in_upper_pdu(radio_frame::DISSECTOR, source, destination, &frame.octets().unwrap()).unwrap()
    }

    fn send(&mut self, direction: LinkDirection, bearer: u8, message: Vec<u8>, ciphered: bool) -> Vec<u8> {
        let (sdu, count) = self.pdcp(direction, bearer, message, ciphered);
        let rlc = AmDataPdu { poll: true, sequence_number: (count & 1023) as u16, sdu };
        self.framed(direction, bearer, rlc.octets().unwrap())
    }

    fn up(&mut self, message: &UlDcchMessage) -> Vec<u8> {
        self.send(UP, LCID_SRB1, message.octets().unwrap(), true)
    }

    fn down(&mut self, message: &DlDcchMessage) -> Vec<u8> {
        self.send(DOWN, LCID_SRB1, message.octets().unwrap(), true)
    }
}

fn report() -> UlDcchMessage {
    let neighbour = NeighbourMeasurement { cell: Pci::new(2).unwrap(), rsrp: Some(60), rsrq: Some(20) };
    UlDcchMessage::MeasurementReport(MeasurementReport {
        measurement: 1,
        rsrp: 40,
        rsrq: 15,
        neighbours: vec![neighbour],
    })
}

const CONFIRM: UlDcchMessage = UlDcchMessage::ReconfigurationComplete { transaction: 2 };
const PARA: [u8; 16] = [0x5a; 16];

fn generic_transport() -> EmmMessage {
    let parameters = HandoverParameters { indication: Indication::Mme, para: PARA.to_vec() };
    EmmMessage::DownlinkGenericTransport(GenericContainer::of_handover_parameters(&parameters).unwrap())
}

fn handover_command(c_rnti: u16, algorithms: Option<SecurityAlgorithms>, nas: Vec<Vec<u8>>) -> DlDcchMessage {
    DlDcchMessage::Reconfiguration(RrcConnectionReconfiguration {
        transaction: 2,
        mobility: Some(MobilityControlInfo {
            target: Pci::new(2).unwrap(),
            carrier: Some(1300),
            t304: T304::Ms1000,
            c_rnti,
        }),
        nas,
        bearer: None,
        security: Some(SecurityConfigHo { algorithms, key_change: false, next_hop_chaining_count: Ncc::new(1) }),
    })
}

/// A file of these frames, a millisecond apart.
fn capture(kind: LinkKind, frames: Vec<Vec<u8>>) -> (TempDir, std::path::PathBuf) {
    let frames = (0_u64..).zip(frames).map(|(place, octets)| CapturedFrame {
        time: VirtualTime::from_nanos(place * 1_000_000),
        interface: 0,
        octets,
        direction: None,
        source: None,
        destination: None,
        // Wireshark counts a comment as an expert item.
        comment: String::new(),
    });
    file(&Capture {
        section_comment: "radio".to_owned(),
        interfaces: vec![InterfaceDescription { name: "air".to_owned(), description: String::new(), kind }],
        names: Vec::new(),
        frames: frames.collect(),
        secrets: Vec::new(),
    })
}

/// What Wireshark shows of each frame.
fn shown(path: &std::path::Path, options: &[&str]) -> Vec<String> {
    let arguments = [&["-2", "-V"], options].concat();
    let text = format!("\n{}", read(path, &arguments));
    text.split("\nFrame ").skip(1).map(str::to_owned).collect()
}

/// Two epochs, a handover between them. Each frame with what Wireshark is to say of it: a part of its tree, and whether its MAC-I
/// is right (none has been sent where `None` stands).
fn route_2() -> Vec<(Vec<u8>, &'static str, Option<bool>)> {
    let how = HandoverDerivation::default();
    let source_key = Kenb::from_octets([1; 32]);
    let mut source = Epoch::new(1, 0x4601, &source_key);
    let target_key = how.target(&KenbStar::from_octets(*how.chained(&source_key).octets()), CRnti::Bits16(0x4602));
    let mut target = Epoch::new(2, 0x4602, &target_key);
    let command = DlDcchMessage::SecurityModeCommand { transaction: 1, algorithms: AES }.octets().unwrap();
    let complete = UlDcchMessage::SecurityModeComplete { transaction: 1 }.octets().unwrap();
    let transport = vec![generic_transport().octets().unwrap()];
    let activation = handover_command(0x4602, Some(AES), Vec::new()).octets().unwrap();
    let release = DlDcchMessage::Release { transaction: 0, cause: ReleaseCause::Other, redirection: None };
    let nas = UlDcchMessage::InformationTransfer { nas: EmmMessage::TrackingAreaUpdateComplete.octets().unwrap() };
    let right = Some(true);
    let mut frames = vec![
        (source.key_record(), "Ciphering Key", None),
        (source.send(DOWN, LCID_SRB1, command, false), "integrityProtAlgorithm: eia2", right),
        (source.send(UP, LCID_SRB1, complete, false), "securityModeComplete", right),
        (source.up(&report()), "measResultListEUTRA", right),
        (source.up(&nas), "Tracking area update complete", right),
        (source.down(&handover_command(0x4602, None, transport)), "newUE-Identity: 4602", right),
        (target.key_record(), "Integrity Key", None),
        (target.send(DOWN, LCID_SRB2, activation, false), "cipheringAlgorithm: eea2", right),
        (target.send(UP, LCID_SRB2, CONFIRM.octets().unwrap(), false), "rrcConnectionReconfigurationComplete", right),
        (target.up(&CONFIRM), "rrcConnectionReconfigurationComplete", right),
    ];
    // Past the end of the 5 bits of the sequence number.
    for _ in 0..40 {
        frames.push((target.up(&report()), "measResultListEUTRA", right));
    }
    let mut tampered = target.up(&report());
    // Of the RRC message: behind it are MAC-I and padding.
    let place = tampered.len() - 8;
    tampered[place] ^= 1;
    frames.push((tampered, "pdcp-lte", Some(false)));
    frames.push((target.up(&report()), "RSRP < -100dBm (40)", right));
    frames.push((target.down(&release), "rrcConnectionRelease", right));
    frames
}

#[test]
fn wireshark_deciphers_two_epochs_without_an_option_and_flags_the_tampered_frame_alone() {
    let frames = route_2();
    let (_folder, path) = capture(LinkKind::Tagged, frames.iter().map(|(octets, ..)| octets.clone()).collect());
    let shown = shown(&path, &[]);
    assert_eq!(shown.len(), frames.len());
    for (number, (tree, (_, part, mac))) in (1..).zip(shown.iter().zip(&frames)) {
        assert!(tree.contains(part), "frame {number} has no {part}:\n{tree}");
        assert_eq!(tree.contains("[Matches calculated result]"), *mac == Some(true), "frame {number}:\n{tree}");
        assert_eq!(tree.contains("MAC-I Digest wrong"), *mac == Some(false), "frame {number}:\n{tree}");
        assert_eq!(tree.contains("Expert Info"), *mac == Some(false), "frame {number}:\n{tree}");
        assert!(!tree.contains("Malformed"), "frame {number}:\n{tree}");
    }
    let command = &shown[5];
    assert!(command.contains("Downlink generic NAS transport"), "{command}");
    assert!(command.contains(&format!("01{}", hex::encode(PARA))), "PARA is shown: {command}");
}

/// What was written is read back through every layer, and the RRC messages deciphered from it are those that were sent.
#[test]
fn the_capture_is_read_back_layer_by_layer() {
    let mut epoch = Epoch::new(1, 0x4601, &Kenb::from_octets([1; 32]));
    let frames = vec![epoch.key_record(), epoch.up(&report()), epoch.up(&CONFIRM)];
    let (_folder, path) = capture(LinkKind::Tagged, frames);
    let read: Vec<_> = capture_reader::open(&path).unwrap().map(Result::unwrap).collect();
    let kinds: Vec<_> = read.iter().map(|frame| frame.kind.clone()).collect();
    let named = |name: &str| FrameKind::Dissector(name.to_owned());
    assert_eq!(kinds, [named("dct2000"), named("mac-lte-framed"), named("mac-lte-framed")]);
    let record = dct2000::KeyRecord::parse(&read[0].octets).unwrap();
    assert_eq!((record.ue_id, &record.rrc_enc), (UeId(1), &epoch.keys.rrc_enc));
    for (count, (frame, sent)) in (0..).zip(read[1..].iter().zip([report(), CONFIRM])) {
        let radio = RadioFrame::parse(&frame.octets).unwrap();
        assert_eq!((radio.ue_id, radio.direction, radio.c_rnti), (UeId(1), UP, 0x4601));
        let mac = MacPdu::parse(&radio.mac_pdu).unwrap();
        let mut pdcp = AmDataPdu::parse(&mac.sdu).unwrap().sdu;
        eea2(&record.rrc_enc, count, 0, UP, ciphered_part(&mut pdcp, SIGNALLING_HEADER_OCTETS));
        let pdu = SignallingPdu::parse(&pdcp).unwrap();
        assert_eq!(UlDcchMessage::parse(&pdu.message).unwrap(), sent);
        assert_eq!(eia2(&record.rrc_int, count, 0, UP, &pdu.integrity_input()), pdu.mac_i);
    }
}

/// Keys that are not those of the frames: every ciphered frame is flagged, so the test above can fail.
#[test]
fn wireshark_flags_every_frame_under_a_wrong_key() {
    let mut epoch = Epoch::new(1, 0x4601, &Kenb::from_octets([1; 32]));
    let other = Epoch::new(1, 0x4601, &Kenb::from_octets([2; 32]));
    let command = DlDcchMessage::SecurityModeCommand { transaction: 1, algorithms: AES }.octets().unwrap();
    let complete = UlDcchMessage::SecurityModeComplete { transaction: 1 }.octets().unwrap();
    let frames = vec![
        other.key_record(),
        epoch.send(DOWN, LCID_SRB1, command, false),
        epoch.send(UP, LCID_SRB1, complete, false),
        epoch.up(&report()),
    ];
    let (_folder, path) = capture(LinkKind::Tagged, frames);
    let wrong = shown(&path, &[]).iter().filter(|tree| tree.contains("MAC-I Digest wrong")).count();
    assert_eq!(wrong, 3);
}

/// Signalling on CCCH, which nothing protects, and every NAS message in the clear.
#[test]
fn wireshark_reads_ccch_and_every_nas_message_without_a_complaint() {
    let mut epoch = Epoch::new(1, 0x4601, &Kenb::from_octets([1; 32]));
    let request = UlCcchMessage::ReestablishmentRequest {
        c_rnti: 0x4601,
        cell: Pci::new(7).unwrap(),
        short_mac_i: 0xabcd,
        cause: ReestablishmentCause::HandoverFailure,
    };
    let answer = DlCcchMessage::Reestablishment { transaction: 1, next_hop_chaining_count: Ncc::new(5) };
    let mut frames = vec![
        (epoch.framed(UP, LCID_CCCH, request.octets().unwrap()), "shortMAC-I: abcd"),
        (epoch.framed(DOWN, LCID_CCCH, answer.octets().unwrap()), "nextHopChainingCount: 5"),
    ];
    for (message, part) in nas_messages() {
        frames.push((in_upper_pdu("nas-eps", UE, ENB, &message.octets().unwrap()).unwrap(), part));
    }
    let (_folder, path) = capture(LinkKind::Tagged, frames.iter().map(|(octets, _)| octets.clone()).collect());
    let shown = shown(&path, &[]);
    assert_eq!(shown.len(), frames.len());
    for (tree, (_, part)) in shown.iter().zip(&frames) {
        assert!(tree.contains(part), "no {part}:\n{tree}");
        assert!(!tree.contains("Malformed") && !tree.contains("Expert Info"), "{tree}");
    }
}

fn nas_messages() -> Vec<(EmmMessage, &'static str)> {
    let plmn = Plmn([0x00, 0xf1, 0x10]);
    let gummei = Gummei { plmn, group: MmeGroupId(0x8001), code: MmeCode(1) };
    let guti = Guti { gummei, m_tmsi: MTmsi(0xc000_0001) };
    let tai = Tai { plmn, tac: Tac(1) };
    let set = AlgorithmSet::of(&[AlgorithmId::Null, AlgorithmId::Aes]);
    let capability = UeCapability { ciphering: set, integrity: set, further: Vec::new() };
    let key_set = NasKsi::new(2);
    let imsi = EpsMobileIdentity::Imsi("001010000000001".parse().unwrap());
    let algorithms = NasAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };
    let detach_type = DetachType { switch_off: false, kind: 1 };
    vec![
        (
            EmmMessage::AttachRequest {
                attach_type: 1,
                key_set: NasKsi::NONE,
                identity: imsi,
                capability: capability.clone(),
                esm: esm::pdn_connectivity_request(1).to_vec(),
                elements: Vec::new(),
            },
            "PDN connectivity request",
        ),
        (
            EmmMessage::AttachAccept {
                result: 1,
                t3412: 0x49,
                tai,
                esm: esm::activate_default_bearer_request(1, [10, 0, 0, 1]).to_vec(),
                guti: Some(guti),
            },
            "(0xc0000001)",
        ),
        (
            EmmMessage::AttachComplete { esm: esm::activate_default_bearer_accept().to_vec() },
            "Activate default EPS bearer context accept",
        ),
        (EmmMessage::DetachRequest { detach_type, key_set, identity: EpsMobileIdentity::Guti(guti) }, "Detach request"),
        (EmmMessage::DetachAccept, "Detach accept"),
        (
            EmmMessage::TrackingAreaUpdateRequest { update_type: 0, key_set, old_guti: guti, from_utran: None },
            "Tracking area update request",
        ),
        (
            EmmMessage::TrackingAreaUpdateRequest {
                update_type: 8,
                key_set: NasKsi::NONE,
                old_guti: guti,
                from_utran: Some(UpdateFromUtran { key_set: 1, nonce: 0x0102_0304, capability: capability.clone() }),
            },
            "GUTI type: Mapped GUTI",
        ),
        (
            EmmMessage::TrackingAreaUpdateAccept { result: 0, guti: Some(guti), tai: Some(tai) },
            "Tracking area update accept",
        ),
        (EmmMessage::TrackingAreaUpdateComplete, "Tracking area update complete"),
        (EmmMessage::AuthenticationRequest { key_set, rand: [1; 16], autn: [2; 16] }, "Authentication request"),
        (EmmMessage::AuthenticationResponse { res: vec![3; 8] }, "Authentication response"),
        (
            EmmMessage::SecurityModeCommand {
                algorithms,
                key_set,
                capability: capability.clone(),
                nonces: None,
                hash: None,
                elements: Vec::new(),
            },
            "128-EEA2",
        ),
        (
            EmmMessage::SecurityModeCommand {
                algorithms,
                key_set: NasKsi::mapped(1),
                capability,
                nonces: Some(Nonces { ue: 0x0102_0304, mme: 0x0506_0708 }),
                hash: None,
                elements: Vec::new(),
            },
            "NonceMME",
        ),
        (EmmMessage::SecurityModeComplete { elements: Vec::new() }, "Security mode complete"),
        (EmmMessage::SecurityModeReject { cause: 23 }, "Security mode reject"),
        (generic_transport(), "Downlink generic NAS transport"),
    ]
}

/// User data, by route 1: the packet in the packet is shown, the handover before it verified.
#[test]
fn wireshark_shows_the_user_packet_with_the_table_of_keys() {
    let mut epoch = Epoch::new(3, 0x4602, &Kenb::from_octets([7; 32]));
    let record = |plane, direction, channel_id, pdu| {
        let record = PdcpOverUdp { header_absent: false, plane, direction, channel_id, ue_id: UeId(3), pdu };
        record.ip_packet(UE, ENB).unwrap()
    };
    let mut frames = Vec::new();
    let activation = handover_command(0x4602, Some(AES), Vec::new()).octets().unwrap();
    let steps = [
        (DOWN, LCID_SRB2, activation, false),
        (UP, LCID_SRB2, CONFIRM.octets().unwrap(), false),
        (UP, LCID_SRB1, CONFIRM.octets().unwrap(), true),
        (UP, LCID_SRB1, report().octets().unwrap(), true),
    ];
    for (direction, bearer, message, ciphered) in steps {
        let (pdu, _) = epoch.pdcp(direction, bearer, message, ciphered);
        frames.push(record(Plane::Signalling, direction, bearer.into(), pdu));
    }
    // An IP packet is at hand: a record of another kind, in UDP.
    let (inner_source, inner_destination) = (Ipv4Addr::new(10, 45, 0, 7), Ipv4Addr::new(10, 45, 0, 8));
    let other = PdcpOverUdp {
        header_absent: true,
        plane: Plane::Signalling,
        direction: UP,
        channel_id: 1,
        ue_id: UeId(9),
        pdu: vec![0; 6],
    };
    let packet = other.ip_packet(inner_source, inner_destination).unwrap();
    for (count, direction) in [(0, UP), (0, DOWN), (1, UP)] {
        let pdu = DataPdu { sequence_number: count as u16, packet: packet.clone() };
        let mut octets = pdu.octets().unwrap();
        eea2(&epoch.keys.up_enc, count, 0, direction, ciphered_part(&mut octets, DATA_HEADER_OCTETS));
        frames.push(record(Plane::User, direction, 1, octets));
    }
    let (_folder, path) = capture(LinkKind::RawIp, frames);
    let row = KeyTableRow {
        ue_id: UeId(3),
        rrc_enc: epoch.keys.rrc_enc.clone(),
        up_enc: epoch.keys.up_enc.clone(),
        rrc_int: epoch.keys.rrc_int.clone(),
    };
    let table = format!("{KEY_TABLE}{row}");
    let shown = shown(&path, &[&OPTIONS[..], &["-o", &table]].concat());
    assert_eq!(shown.len(), 7);
    for tree in &shown[..4] {
        assert!(tree.contains("[Matches calculated result]") && !tree.contains("Expert Info"), "{tree}");
    }
    for tree in &shown[4..] {
        assert!(tree.contains("Src: 10.45.0.7, Dst: 10.45.0.8"), "{tree}");
    }
}
