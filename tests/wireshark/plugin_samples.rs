//! Frames with what no golden holds: every TLV and every form of each message that the parsers of this crate know, and comments
//! of every kind.

use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::frame_comment::{FrameChange, FrameComment, ReceiverVerdict};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::dot16::backbone::{
    AsnTlv, BackboneEndpoint, BackbonePacket, Compound, ControlMessage, MessageKind, encapsulate,
};
use keyhop::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said, Sfid};
use keyhop::dot16::wire::{
    BshoDecision, Candidate, CandidateFlow, CmacDigest, CmacTuple, CrcForm, CurrentBs, DregMessage, EncryptedBody,
    FragmentControl, FragmentationSubheader, GenericMacHeader, HoIndication, HoProcessOptimization, MacPdu,
    ManagementMessage, Measurements, MobBshoRsp, MobBshoRspTlv, MobHoInd, MobMshoReq, MobNbrAdv, Neighbour, NewBs,
    PackingSubheader, PduType, PhyProfileId, PkmAttribute, PkmCode, PkmErrorCode, PkmMessage, RangingParameters,
    RangingStatus, RecommendedBs, RegReq, RegRsp, RegRspEncodings, RegTlv, ReportMetric, RngReq, RngReqTlv, RngRsp,
    RngRspTlv, SaChallengeTuple, SaDescriptor, SaTekUpdate, SbcMessage, SbcTlv, SecurityNegotiation,
    SecurityNegotiationItem, SkipOptionalFields, TekParameters, Tlv, VendorItem, VendorTlv,
};
use keyhop::time::VirtualTime;

const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const BS: Bsid = Bsid([0x0a, 0, 0, 0, 0, 2]);
const OTHER_BS: Bsid = Bsid([0x0a, 0, 0, 0xff, 0, 3]);
const MOBILE: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 10);
const STATION: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 2);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 254);
/// Names with hyphens of their own, one of which is the end of another.
const NAMES: [(Ipv4Addr, &str); 3] = [(MOBILE, "ms-1"), (STATION, "bs-1-2"), (GATEWAY, "gw")];

fn tuple(bsid: Option<Bsid>) -> CmacTuple {
    CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(5), bsid, pn: 0x0102_0304, value: [1, 2, 3, 4, 5, 6, 7, 8] }
}

fn other(kind: u8, octets: usize) -> Tlv {
    Tlv { kind, value: vec![0xa5; octets] }
}

fn tek(sequence_number: u8) -> TekParameters {
    TekParameters { wrapped_tek: vec![0x77; 24], lifetime: 3600, sequence_number, other: vec![other(46, 1)] }
}

fn update() -> SaTekUpdate {
    SaTekUpdate {
        kind: 1,
        new_said: Said(9),
        old_said: Said(8),
        older: Some(tek(2)),
        newer: Some(tek(3)),
        other: vec![other(6, 3)],
    }
}

fn vendor() -> VendorTlv {
    let flow = |n| CandidateFlow { sfid: Sfid(n), cid: Cid(0x300), said: Said(7) };
    VendorTlv::new(vec![
        VendorItem::Seamless(false),
        VendorItem::RangingDeadline(25),
        VendorItem::Candidate(Candidate {
            bsid: BS,
            basic_cid: Cid(3),
            primary_cid: Cid(323),
            flags: 0x81,
            flows: vec![flow(1), flow(2)],
        }),
        VendorItem::Other(other(77, 2)),
    ])
}

fn foreign_vendor() -> VendorTlv {
    VendorTlv { vendor_id: [0, 0x11, 0x22], items: vec![VendorItem::Other(other(1, 1))] }
}

fn negotiation() -> SecurityNegotiation {
    SecurityNegotiation(vec![
        SecurityNegotiationItem::PkmVersion(2),
        SecurityNegotiationItem::AuthorizationPolicy(0x22),
        SecurityNegotiationItem::MacMode(2),
        SecurityNegotiationItem::PnWindowSize(64),
        SecurityNegotiationItem::MaxConcurrentTransactions(3),
        SecurityNegotiationItem::MaxSecurityAssociations(8),
        SecurityNegotiationItem::Other(other(9, 1)),
    ])
}

fn ranging() -> [ManagementMessage; 3] {
    let request = RngReq {
        reserved: 1,
        tlvs: vec![
            RngReqTlv::RequestedDownlinkBurstProfile(0x21),
            RngReqTlv::SsMacAddress(MS),
            RngReqTlv::RangingAnomalies(5),
            RngReqTlv::AasBroadcastCapability(1),
            RngReqTlv::ServingBsid(BS),
            RngReqTlv::RangingPurpose(7),
            RngReqTlv::HoId(9),
            RngReqTlv::PowerDownIndicator(1),
            RngReqTlv::PagingControllerId([1, 2, 3, 4, 5, 6]),
            RngReqTlv::MacHashSkipThreshold(700),
            RngReqTlv::RequestedDownlinkRepetitionCoding(2),
            RngReqTlv::CmacKeyCount(CmacKeyCount(65535)),
            RngReqTlv::Other(other(13, 3)),
            RngReqTlv::Other(other(210, 200)),
            RngReqTlv::MacVersion(5),
            RngReqTlv::CmacTuple(tuple(Some(BS))),
        ]
        .into(),
    };
    let encodings = RegRspEncodings {
        status: 1,
        tlvs: vec![RegTlv::SaTekUpdate(update()), RegTlv::Vendor(vendor()), RegTlv::Other(other(99, 300))],
    };
    let response = RngRsp {
        reserved: 0,
        tlvs: vec![
            RngRspTlv::SaChallengeTuple(SaChallengeTuple { bs_random: [3; 8], akid: AkId([4; 8]) }),
            RngRspTlv::RegRspEncodings(encodings),
            RngRspTlv::TimingAdjust(-8),
            RngRspTlv::PowerLevelAdjust(-4),
            RngRspTlv::OffsetFrequencyAdjust(-100),
            RngRspTlv::RangingStatus(RangingStatus::ABORT),
            RngRspTlv::DownlinkFrequencyOverride(2_500_000),
            RngRspTlv::UplinkChannelIdOverride(4),
            RngRspTlv::DownlinkOperationalBurstProfile(0x0102),
            RngRspTlv::SsMacAddress(MS),
            RngRspTlv::BasicCid(Cid(9)),
            RngRspTlv::PrimaryCid(Cid(329)),
            RngRspTlv::ServiceLevelPrediction(2),
            RngRspTlv::ResourceRetainFlag(1),
            RngRspTlv::HoProcessOptimization(HoProcessOptimization(0x1287)),
            RngRspTlv::HoId(3),
            RngRspTlv::LocationUpdateResponse(1),
            RngRspTlv::NextPeriodicRanging(1000),
            RngRspTlv::DownlinkOperationalBurstProfileOfdma(0x0203),
            RngRspTlv::Other(Tlv { kind: 150, value: vec![0x12, 0x34, 5, 6] }),
            RngRspTlv::MacVersion(5),
            RngRspTlv::CmacTuple(tuple(None)),
        ],
    };
    let code = RngRsp { reserved: 0, tlvs: vec![RngRspTlv::Other(Tlv { kind: 150, value: vec![0, 1, 2, 3] })] };
    [ManagementMessage::RngReq(request), ManagementMessage::RngRsp(response), ManagementMessage::RngRsp(code)]
}

fn registration() -> [ManagementMessage; 4] {
    let tlvs = vec![
        RegTlv::UplinkTransportCids(4),
        RegTlv::HandoverSupport(5),
        RegTlv::ResourceRetainTime(20),
        RegTlv::HoOptimizationTimer(7),
        RegTlv::MobilityFeatures(1),
        RegTlv::SaTekUpdate(update()),
        RegTlv::HoConnectionProcessingTime(8),
        RegTlv::HoTekProcessingTime(9),
        RegTlv::HoIndicationReadinessTimer(10),
        RegTlv::Vendor(foreign_vendor()),
        RegTlv::CmacTuple(tuple(None)),
    ];
    let sbc = SbcMessage {
        tlvs: vec![
            SbcTlv::BandwidthAllocation(1),
            SbcTlv::MacPduCapabilities(2),
            SbcTlv::PkmFlowControl(3),
            SbcTlv::MaxSecurityAssociations(4),
            SbcTlv::SecurityNegotiation(negotiation()),
            SbcTlv::ExtensionCapability(5),
            SbcTlv::HoTriggerMetrics(6),
            SbcTlv::CurrentTransmitPower(7),
            SbcTlv::Other(other(200, 1)),
        ],
    };
    [
        ManagementMessage::RegReq(RegReq { tlvs: tlvs.clone() }),
        ManagementMessage::RegRsp(RegRsp { response: 1, tlvs }),
        ManagementMessage::SbcReq(sbc.clone()),
        ManagementMessage::SbcRsp(sbc),
    ]
}

fn keys() -> [ManagementMessage; 3] {
    let descriptor =
        SaDescriptor { said: Said(9), sa_type: 2, service_type: 0, suite: [2, 1, 4], other: vec![other(77, 1)] };
    let all = PkmMessage {
        code: PkmCode::KEY_REJECT,
        identifier: 200,
        attributes: vec![
            PkmAttribute::DisplayString(b"no such SA".to_vec()),
            PkmAttribute::Tek(vec![0x66; 24]),
            PkmAttribute::KeyLifetime(86400),
            PkmAttribute::KeySequenceNumber(0x14),
            PkmAttribute::Said(Said(9)),
            PkmAttribute::TekParameters(tek(1)),
            PkmAttribute::ErrorCode(PkmErrorCode::UNAUTHORIZED_SAID),
            PkmAttribute::CryptographicSuite([2, 1, 4]),
            PkmAttribute::SaDescriptor(descriptor),
            PkmAttribute::SecurityNegotiation(negotiation()),
            PkmAttribute::Nonce([6; 8]),
            PkmAttribute::AuthResultCode(1),
            PkmAttribute::FrameNumber([1, 2, 3]),
            PkmAttribute::MsRandom([7; 8]),
            PkmAttribute::BsRandom([8; 8]),
            PkmAttribute::SaTekUpdate(update()),
            PkmAttribute::MsMacAddress(MS),
            PkmAttribute::AkId(AkId([9; 8])),
            PkmAttribute::Vendor(vendor()),
            PkmAttribute::CmacDigest(CmacDigest { pn: 12, value: [1; 8] }),
        ],
    };
    let eap = vec![PkmAttribute::EapPayload(vec![3, 4, 0, 4])];
    let eap = PkmMessage { code: PkmCode::EAP_TRANSFER, identifier: 4, attributes: eap };
    let unnamed = PkmMessage { code: PkmCode(99), identifier: 4, attributes: vec![] };
    [ManagementMessage::PkmRsp(all), ManagementMessage::PkmRsp(eap), ManagementMessage::PkmReq(unnamed)]
}

fn neighbours() -> ManagementMessage {
    let neighbour = |phy| Neighbour {
        phy_profile_id: PhyProfileId(phy),
        fa_index: (phy & PhyProfileId::FA_INDEX != 0).then_some(3),
        bs_eirp: (phy & PhyProfileId::BS_EIRP != 0).then_some(-7),
        bsid_low: Some([0xff, 0, 3]),
        preamble_index: 4,
        ho_process_optimization: Some(0x87),
        scheduling_service: Some(0x1f),
        dcd_change_count: 5,
        ucd_change_count: 6,
        tlvs: vec![other(1, 3)],
    };
    ManagementMessage::MobNbrAdv(MobNbrAdv {
        skip_optional_fields: SkipOptionalFields(0),
        operator_id: Some([0x0a, 0, 0]),
        configuration_change_count: 9,
        fragmentation_index: 1,
        total_fragmentation: 2,
        neighbours: vec![neighbour(PhyProfileId::FA_INDEX | PhyProfileId::BS_EIRP), neighbour(0)],
        tlvs: vec![other(2, 1)],
    })
}

fn few_neighbours() -> ManagementMessage {
    let neighbour = Neighbour { preamble_index: 1, ..Neighbour::default() };
    let message = MobNbrAdv {
        skip_optional_fields: SkipOptionalFields(0xf),
        neighbours: vec![neighbour],
        ..MobNbrAdv::default()
    };
    ManagementMessage::MobNbrAdv(message)
}

fn handover() -> Vec<ManagementMessage> {
    let measurements = Measurements { cinr: Some(-3), rssi: Some(0x60), relative_delay: Some(7) };
    let new_bs = |difference| NewBs {
        preamble_index: 33,
        measurements,
        service_level_prediction: 2,
        arrival_time_difference: difference,
    };
    let request = MobMshoReq {
        report_metric: ReportMetric(0xf),
        configuration_change_count: Some(9),
        indexed: vec![(1, new_bs(Some(11))), (2, new_bs(None))],
        full: vec![(BS, new_bs(None)), (OTHER_BS, new_bs(Some(3)))],
        current: vec![CurrentBs { temp_bsid: 1, measurements, round_trip_delay: Some(8) }],
        reserved: true,
        padding: 0,
        tlvs: vec![],
    };
    let recommended = |bsid, ho_id, policy| RecommendedBs {
        bsid,
        preamble_index: 33,
        service_level_prediction: 2,
        ho_process_optimization: 0x79,
        network_assisted: true,
        ho_id,
        reserved: 3,
        ho_authorization_policy: policy,
    };
    let tlvs = vec![
        MobBshoRspTlv::ResourceRetainTime(5),
        MobBshoRspTlv::Vendor(vendor()),
        MobBshoRspTlv::Other(other(9, 1)),
        MobBshoRspTlv::CmacTuple(tuple(None)),
    ];
    let decision = BshoDecision::HardHandover {
        mandatory: true,
        resource_retain: false,
        reserved: 5,
        recommended: vec![recommended(BS, Some(7), None), recommended(OTHER_BS, None, Some(0xa5))],
    };
    let response = |decision| MobBshoRsp { reserved: 1, decision, action_time: 20, padding: 0, tlvs: tlvs.clone() };
    let indication = |indication| MobHoInd {
        reserved: 1,
        indication,
        ranging_parameters: RangingParameters::NotValid,
        indication_reserved: 2,
        preamble_index: 5,
        tlvs: Default::default(),
    };
    let dreg = DregMessage { action: 5, tlvs: vec![] };
    let mut messages = vec![
        ManagementMessage::MobMshoReq(request),
        ManagementMessage::MobBshoRsp(response(decision)),
        ManagementMessage::MobBshoRsp(response(BshoDecision::NotRecommended)),
        ManagementMessage::MobHoInd(indication(HoIndication::Release { target: OTHER_BS })),
        ManagementMessage::MobHoInd(indication(HoIndication::Cancel)),
        ManagementMessage::MobHoInd(indication(HoIndication::Reject)),
        ManagementMessage::DregCmd(dreg.clone()),
        ManagementMessage::DregReq(DregMessage { action: 1, ..dreg }),
    ];
    for message in &mut messages {
        if message.cmac_tuple().is_none() {
            message.push_cmac_tuple(tuple(None));
        }
    }
    messages
}

/// Messages that the parsers leave as octets: a mode of macro diversity, and the other MOB_* messages.
fn undecoded() -> impl Iterator<Item = ManagementMessage> {
    let of_other_modes = [(58, vec![0x20, 1, 2]), (59, vec![1, 2, 3])];
    let others = [50_u8, 51, 52, 54, 55, 56, 60, 61, 66].map(|kind| (kind, vec![kind, 1, 2, 3]));
    of_other_modes.into_iter().chain(others).map(|(message_type, body)| ManagementMessage::Other { message_type, body })
}

fn plain(cid: u16, body: &[u8], pdu_type: PduType) -> Vec<u8> {
    let header = GenericMacHeader { pdu_type, ..GenericMacHeader::new(Cid(cid)) };
    MacPdu::build(header, body, Some(CrcForm::MsbFirst)).unwrap()
}

fn data() -> Vec<Vec<u8>> {
    let mut pdus = Vec::new();
    for extended in [false, true] {
        let form = |flag: PduType| if extended { flag.with(PduType::EXTENDED) } else { flag };
        let fsn = if extended { 1025 } else { 6 };
        for control in [FragmentControl::First, FragmentControl::Last] {
            let subheader = FragmentationSubheader { control, fsn, reserved: 0 }.octets(extended).unwrap();
            let body = [subheader, vec![0x60; 30]].concat();
            pdus.push(plain(0x300 + u16::from(extended), &body, form(PduType::FRAGMENTATION)));
        }
        let piece = |octets: usize| {
            let length = u16::try_from(PackingSubheader::size(extended) + octets).unwrap();
            let subheader = PackingSubheader { control: FragmentControl::Unfragmented, fsn, length };
            [subheader.octets(extended).unwrap(), vec![0x60; octets]].concat()
        };
        pdus.push(plain(0x302, &[piece(20), piece(3)].concat(), form(PduType::PACKING)));
    }
    pdus.push(plain(0x303, &[0x60; 40], PduType::NONE));
    pdus.push(plain(0x303, &[0; 20], PduType::FAST_FEEDBACK_OR_GRANT_MANAGEMENT));
    // Without CRC; and with an extended subheader group before the PN, that is a length and an SDU_SN.
    let body = EncryptedBody { pn: 0x8000_0005, ciphertext: &[], icv: [9; 8] }.octets();
    let header = GenericMacHeader { encrypted: true, eks: 3, ..GenericMacHeader::new(Cid(0x300)) };
    pdus.push(MacPdu::build(header, &body, None).unwrap());
    let header = GenericMacHeader { extended_subheader_group: true, ..header };
    pdus.push(MacPdu::build(header, &[&[3, 0, 7][..], &body].concat(), Some(CrcForm::MsbFirst)).unwrap());
    // Two in a burst, then padding.
    let two = [plain(0x303, &[0x60; 10], PduType::NONE), plain(0x304, &[0x60; 12], PduType::NONE), vec![0xff; 7]];
    pdus.push(two.concat());
    pdus.push(vec![96, 1, 2]);
    pdus
}

fn control() -> Vec<u8> {
    let tlvs = vec![
        AsnTlv::seamless(true),
        Compound::MsInfo.holding(vec![
            Compound::AkContext.holding(vec![AsnTlv::CmacKeyCount(CmacKeyCount(7)), AsnTlv::issued_before()]),
            AsnTlv::CmacKeyCount(CmacKeyCount(8)),
        ]),
        AsnTlv::primary_cid(Cid(329)),
        AsnTlv::ranging_deadline(25),
        AsnTlv::receive_window(&[0xf0, 1]),
        AsnTlv::seamless(false),
        AsnTlv::VendorSpecific { vendor: [0, 1, 2], octets: vec![5, 1] },
    ];
    let message = ControlMessage::new(MessageKind::ContextRpt, MS, 4, tlvs);
    let place = |ip, last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip };
    encapsulate(&place(GATEWAY, 254), &place(STATION, 2), 1, &BackbonePacket::Control(message)).unwrap()
}

/// Comments of every kind on frames for `receiver`.
fn comments(receiver: &str) -> Vec<FrameComment> {
    let plain = FrameComment { what: "a; bs-3: no receiver; x".to_owned(), ..FrameComment::default() };
    let verdict = |text: &str| ReceiverVerdict {
        receiver: receiver.to_owned(),
        duplicate: false,
        change: None,
        text: text.to_owned(),
    };
    let judged = |text: &str| FrameComment { verdicts: vec![verdict(text)], ..plain.clone() };
    let mut comments: Vec<FrameComment> = [
        "accepted: ICV good, PN 1 new",
        "CMAC good; count taken",
        "dropped: the ICV does not verify",
        "refused: no resources",
        "ignored",
        "no context: and no way to get one",
        "no context here: asks for it",
    ]
    .map(judged)
    .to_vec();
    let spoilt = ReceiverVerdict { change: Some(FrameChange::BitError), ..verdict("dropped: wrong CRC") };
    let again = ReceiverVerdict { duplicate: true, change: Some(FrameChange::Modified), ..verdict("accepted: good") };
    comments.push(FrameComment { deliberate: true, verdicts: vec![spoilt, again], ..plain.clone() });
    comments.push(FrameComment { lost: true, ..plain.clone() });
    comments.push(FrameComment { under_way: true, ..plain.clone() });
    comments.push(plain);
    comments
}

/// Messages drawn from the generators, one for each seed below `seeds` whose message fits a PDU.
pub fn generated(seeds: u64) -> Capture {
    let pdu = |seed| {
        let message = keyhop_generators::sample(&keyhop_generators::management::management_message(), seed);
        let body = message.octets().ok()?;
        let header = GenericMacHeader::new(Cid(0x0141));
        MacPdu::build(header, &body, Some(CrcForm::MsbFirst)).ok()
    };
    let mut capture = capture();
    let frame = capture.frames.remove(0);
    capture.frames = (0..seeds).filter_map(pdu).map(|octets| CapturedFrame { octets, ..frame.clone() }).collect();
    capture
}

/// All of them as a capture.
pub fn capture() -> Capture {
    let mut frames: Vec<CapturedFrame> = Vec::new();
    let mut push = |interface: usize, octets: Vec<u8>, direction: Option<Direction>, comment: String| {
        let (source, destination) = match direction {
            Some(Direction::Uplink) => (Some(MOBILE), Some(STATION)),
            Some(Direction::Downlink) => (Some(STATION), Some(MOBILE)),
            None => (None, None),
        };
        let time = VirtualTime::from_nanos(u64::try_from(frames.len()).unwrap() * 1_000_000);
        frames.push(CapturedFrame { time, interface, octets, direction, source, destination, comment });
    };
    let messages = ranging().into_iter().chain(registration()).chain(keys()).chain([neighbours(), few_neighbours()]);
    for message in messages.chain(handover()).chain(undecoded()) {
        let pdu = plain(0x0141, &message.octets().unwrap(), PduType::NONE);
        push(0, pdu, Some(Direction::Uplink), message.name().to_owned());
    }
    for pdu in data() {
        push(0, pdu, Some(Direction::Downlink), "data".to_owned());
    }
    for (interface, direction, receiver) in
        [(0, Some(Direction::Downlink), "ms-1"), (1, Some(Direction::Uplink), "bs-1-2"), (2, None, "bs-1-2")]
    {
        for comment in comments(receiver) {
            let octets = if direction.is_some() { plain(0x303, &[0x60; 4], PduType::NONE) } else { control() };
            push(interface, octets, direction, comment.to_string());
        }
    }
    let interface = |name: &str, kind| InterfaceDescription { name: name.to_owned(), description: String::new(), kind };
    Capture {
        section_comment: "every field".to_owned(),
        interfaces: vec![
            interface("air:ms-1-bs-1-2", LinkKind::Air),
            interface("adv:ms-1-bs-1-2", LinkKind::Air),
            interface("r6:bs-1-2-gw", LinkKind::Backbone),
        ],
        names: NAMES.map(|(ip, name)| (ip, name.to_owned())).to_vec(),
        frames,
        secrets: Vec::new(),
    }
}
