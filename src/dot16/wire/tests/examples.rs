//! The worked examples of `dot16-wire.md` 7, which Wireshark has read, octet for octet in both directions; and the encrypted PDU
//! that the standard publishes.

use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, MsMac};
use crate::dot16::wire::*;

const MS: MsMac = MsMac([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]);
const SERVING: Bsid = Bsid([0x0a, 0, 0, 0, 0, 1]);
const TARGET: Bsid = Bsid([0x0a, 0, 0, 0, 0, 2]);

const RNG_REQ: &str = "00403e000056 0400 0206001122334455 05060a0000000001 060101 070107 0d020005 940105
    8d13010a000000000200000001 01d18d7de2400490 4b6530e2";
const RNG_RSP: &str = "00404a00009a 0500 010400000008 020104 030400000064 040103 0806001122334455 09020009 0a020149
    110102 140101 15020287 160107 8d0d0100000001 1b2c8b274cfebad7 c48626e0";
const MOB_MSHO_REQ: &str =
    "00402a000544 39 030001 0a0000000002 212860 42 014400 8d0d0100000002 95aeba09a8a337c9 1a58d0ac";
const MOB_BSHO_RSP: &str = "0040290005f9 3a0080c005000000000110 8143e0e014 8d0d0100000002 accadb00ea48e57c b75fbcc9";
const MOB_HO_IND: &str = "00402300057e 3b0010 0a0000000002 21 8d0d0100000003 e749b22f707019cf a48b451b";
const DATA: &str = "40503d03007b 01000000 90ce04f81e4767d69248e7e0213563973e432f7c
    6e8b4137c5a2f775baa451907c68ac466ef3c3 26dad64caee948ab bcdda4f9";
/// The same packet twice in one PDU, not encrypted.
const PACKED: &str = "0a405e030071
    00282a 45000027000140004011b6c1c0000201c0000202138813890013b3f568656c6c6f2077696d6178
    00302a 45000027000140004011b6c1c0000201c0000202138813890013b3f568656c6c6f2077696d6178 ba84daba";
const SA_TEK_CHALLENGE: &str = "0040380145e2 0a1401 22080001020304050607 0a0101 2d08a1a2a3a4a5a6a7a8 090400000e10
    280c0000000379a325723c258d92 ec121a7e";
const PUBLISHED: &str = "40401a06c45a bcf65721 e75536c8 27a8d71b432ca548 cbb65f48";

fn octets(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

fn tuple(pn: u32, value: &str) -> CmacTuple {
    let value = octets(value).try_into().unwrap();
    CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(1), bsid: None, pn, value }
}

fn rng_req() -> ManagementMessage {
    let mut message = ManagementMessage::RngReq(RngReq {
        reserved: 0,
        tlvs: vec![
            RngReqTlv::SsMacAddress(MS),
            RngReqTlv::ServingBsid(SERVING),
            RngReqTlv::RangingPurpose(RngReq::PURPOSE_HANDOVER),
            RngReqTlv::HoId(7),
            RngReqTlv::CmacKeyCount(CmacKeyCount(5)),
            RngReqTlv::MacVersion(5),
        ]
        .into(),
    });
    message.push_cmac_tuple(CmacTuple { bsid: Some(TARGET), ..tuple(1, "01d18d7de2400490") });
    message
}

fn rng_rsp() -> ManagementMessage {
    let optimization = HoProcessOptimization::OMIT_SBC_REQ
        .with_security(HoSecurity::NoTekTransfer)
        .with(HoProcessOptimization::OMIT_REG_REQ)
        .with(HoProcessOptimization::DOWNLINK_DATA_PENDING);
    let mut message = ManagementMessage::RngRsp(RngRsp {
        reserved: 0,
        tlvs: vec![
            RngRspTlv::TimingAdjust(8),
            RngRspTlv::PowerLevelAdjust(4),
            RngRspTlv::OffsetFrequencyAdjust(100),
            RngRspTlv::RangingStatus(RangingStatus::SUCCESS),
            RngRspTlv::SsMacAddress(MS),
            RngRspTlv::BasicCid(Cid(9)),
            RngRspTlv::PrimaryCid(Cid(9 + Cid::BASIC_MAX)),
            RngRspTlv::ServiceLevelPrediction(2),
            RngRspTlv::ResourceRetainFlag(1),
            RngRspTlv::HoProcessOptimization(optimization),
            RngRspTlv::HoId(7),
        ],
    });
    message.push_cmac_tuple(tuple(1, "1b2c8b274cfebad7"));
    message
}

fn mob_msho_req() -> ManagementMessage {
    let measured = |cinr, rssi| Measurements { cinr: Some(cinr), rssi: Some(rssi), relative_delay: None };
    let target = NewBs {
        preamble_index: 33,
        measurements: measured(40, 0x60),
        service_level_prediction: 2,
        arrival_time_difference: None,
    };
    let current = CurrentBs { temp_bsid: 0, measurements: measured(0x14, 0x40), round_trip_delay: None };
    let mut message = ManagementMessage::MobMshoReq(MobMshoReq {
        report_metric: ReportMetric(ReportMetric::CINR | ReportMetric::RSSI),
        full: vec![(TARGET, target)],
        current: vec![current],
        ..MobMshoReq::default()
    });
    message.push_cmac_tuple(tuple(2, "95aeba09a8a337c9"));
    message
}

fn mob_bsho_rsp() -> ManagementMessage {
    let target = RecommendedBs {
        bsid: TARGET,
        preamble_index: 33,
        service_level_prediction: 2,
        ho_process_optimization: 0x87,
        network_assisted: true,
        ho_id: Some(7),
        reserved: 0,
        ho_authorization_policy: None,
    };
    let mut message = ManagementMessage::MobBshoRsp(MobBshoRsp {
        reserved: 0,
        decision: BshoDecision::HardHandover {
            mandatory: true,
            resource_retain: true,
            reserved: 0,
            recommended: vec![target],
        },
        action_time: 20,
        padding: 0,
        tlvs: vec![],
    });
    message.push_cmac_tuple(tuple(2, "accadb00ea48e57c"));
    message
}

fn mob_ho_ind() -> ManagementMessage {
    let mut message = ManagementMessage::MobHoInd(MobHoInd {
        reserved: 0,
        indication: HoIndication::Release { target: TARGET },
        ranging_parameters: RangingParameters::Valid,
        indication_reserved: 0,
        preamble_index: 33,
        tlvs: Default::default(),
    });
    message.push_cmac_tuple(tuple(3, "e749b22f707019cf"));
    message
}

fn sa_tek_challenge() -> ManagementMessage {
    let mut message = ManagementMessage::PkmRsp(PkmMessage {
        code: PkmCode::SA_TEK_CHALLENGE,
        identifier: 1,
        attributes: vec![
            PkmAttribute::BsRandom([0, 1, 2, 3, 4, 5, 6, 7]),
            PkmAttribute::KeySequenceNumber(1),
            PkmAttribute::AkId(AkId([0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8])),
            PkmAttribute::KeyLifetime(3600),
        ],
    });
    message.push_cmac_tuple(tuple(3, "79a325723c258d92"));
    message
}

/// Name, PDU, CID, message, octets of the message before its TLVs.
fn management_examples() -> [(&'static str, Vec<u8>, Cid, ManagementMessage, usize); 6] {
    [
        ("RNG-REQ", octets(RNG_REQ), Cid::INITIAL_RANGING, rng_req(), 2),
        ("RNG-RSP", octets(RNG_RSP), Cid::INITIAL_RANGING, rng_rsp(), 2),
        ("MOB_MSHO-REQ", octets(MOB_MSHO_REQ), Cid(5), mob_msho_req(), 17),
        ("MOB_BSHO-RSP", octets(MOB_BSHO_RSP), Cid(5), mob_bsho_rsp(), 16),
        ("MOB_HO-IND", octets(MOB_HO_IND), Cid(5), mob_ho_ind(), 10),
        ("PKM-RSP", octets(SA_TEK_CHALLENGE), Cid(0x145), sa_tek_challenge(), 3),
    ]
}

#[test]
fn worked_management_messages_are_read() {
    for (name, pdu, cid, message, _) in management_examples() {
        let parsed = MacPdu::parse(&pdu).unwrap();
        assert_eq!((parsed.header.cid, parsed.octets), (cid, pdu.as_slice()), "{name}");
        assert_eq!(parsed.crc_form(), Some(CrcForm::MsbFirst), "{name}");
        let read = ManagementMessage::parse(parsed.body).unwrap();
        assert_eq!((read.name(), &read), (name, &message));
        let tuple = read.cmac_tuple().unwrap();
        let covered = protected_part(parsed.body, &tuple).unwrap();
        let trailing = if name == "PKM-RSP" { 14 } else { tuple.tlv_octets().len() };
        assert_eq!(covered.len() + trailing, parsed.body.len(), "{name}");
    }
}

#[test]
fn worked_management_messages_are_written() {
    for (name, pdu, cid, message, _) in management_examples() {
        let body = message.octets().unwrap();
        let built = MacPdu::build(GenericMacHeader::new(cid), &body, Some(CrcForm::MsbFirst)).unwrap();
        assert_eq!(hex::encode(built), hex::encode(pdu), "{name}");
    }
}

#[test]
fn getters_find_what_the_examples_carry() {
    let ManagementMessage::RngReq(request) = rng_req() else { unreachable!() };
    assert_eq!((request.ss_mac_address(), request.serving_bsid()), (Some(MS), Some(SERVING)));
    assert_eq!((request.ranging_purpose(), request.ho_id()), (Some(1), Some(7)));
    assert_eq!(request.cmac_key_count(), Some(CmacKeyCount(5)));
    assert_eq!(request.cmac_tuple().and_then(|tuple| tuple.bsid), Some(TARGET));
    let ManagementMessage::RngRsp(response) = rng_rsp() else { unreachable!() };
    assert_eq!((response.ranging_status(), response.ss_mac_address()), (Some(RangingStatus::SUCCESS), Some(MS)));
    assert_eq!((response.basic_cid(), response.primary_cid()), (Some(Cid(9)), Some(Cid(0x149))));
    assert_eq!(response.ho_process_optimization(), Some(HoProcessOptimization(0x0287)));
    assert_eq!((response.ho_id(), response.sa_tek_updates().count()), (Some(7), 0));
}

#[test]
fn the_worked_encrypted_pdu_is_read_and_written() {
    let pdu = octets(DATA);
    let parsed = MacPdu::parse(&pdu).unwrap();
    let header = GenericMacHeader {
        encrypted: true,
        eks: 1,
        crc_present: true,
        length: 61,
        ..GenericMacHeader::new(Cid(0x0300))
    };
    assert_eq!((parsed.header, parsed.crc_form()), (header, Some(CrcForm::MsbFirst)));
    assert_eq!(hex::encode(parsed.header.nonce_octets()), "40503d0300");
    let body = EncryptedBody::parse(parsed.body).unwrap();
    assert_eq!((body.pn, body.ciphertext.len(), hex::encode(body.icv)), (1, 39, "26dad64caee948ab".to_owned()));
    let built = MacPdu::build(
        GenericMacHeader { length: 0, crc_present: false, ..header },
        &body.octets(),
        Some(CrcForm::MsbFirst),
    );
    assert_eq!(built.unwrap(), pdu);
}

#[test]
fn the_published_encrypted_pdu_has_the_ofdma_crc_and_its_pn_least_significant_octet_first() {
    let pdu = octets(PUBLISHED);
    let parsed = MacPdu::parse(&pdu).unwrap();
    assert_eq!((parsed.header.cid, parsed.crc_form()), (Cid(0x06c4), Some(CrcForm::Ofdma)));
    let body = EncryptedBody::parse(parsed.body).unwrap();
    assert_eq!((body.pn, hex::encode(body.ciphertext)), (0x2157_f6bc, "e75536c8".to_owned()));
    let built = MacPdu::build(parsed.header, &body.octets(), Some(CrcForm::Ofdma)).unwrap();
    assert_eq!(built, pdu);
}

#[test]
fn worked_pkm_messages_are_typed_and_written_back() {
    let frames = include_str!("../../../../tests/vectors/worked-frames.txt");
    let mut codes = Vec::new();
    for line in frames.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split(' ').collect();
        let [name, "air", _, frame] = columns[..] else { continue };
        let pdu = octets(frame);
        let body = MacPdu::parse(&pdu).unwrap().body;
        let (ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message)) = (match body[0] {
            9 | 10 => ManagementMessage::parse(body).unwrap(),
            _ => continue,
        }) else {
            panic!("{name}");
        };
        assert!(!message.attributes.iter().any(|attribute| matches!(attribute, PkmAttribute::Other(_))), "{message:?}");
        assert_eq!(message.octets(body[0]).unwrap(), body, "{name}");
        codes.push(message.code.0);
    }
    codes.dedup();
    assert_eq!(codes, [20, 17, 18, 21, 22, 23, 24, 25, 27]);
}

#[test]
fn every_prefix_of_every_example_is_an_error_inside_it() {
    for example in [RNG_REQ, RNG_RSP, MOB_MSHO_REQ, MOB_BSHO_RSP, MOB_HO_IND, DATA, PACKED, SA_TEK_CHALLENGE, PUBLISHED]
        .map(octets)
    {
        for length in 0..example.len() {
            let error = MacPdu::parse(&example[..length]).unwrap_err();
            assert!(error.offset <= length, "{error}");
            assert_eq!(MacPdu::burst(&example[..length]).count(), usize::from(length != 0));
        }
    }
}

#[test]
fn a_message_may_be_cut_between_its_tlvs_and_nowhere_else() {
    for (name, pdu, _, _, fixed) in management_examples() {
        let body = MacPdu::parse(&pdu).unwrap().body;
        let mut boundaries = vec![fixed];
        let mut rest = &body[fixed..];
        while let Some(&length) = rest.get(1) {
            rest = &rest[2 + usize::from(length)..];
            boundaries.push(body.len() - rest.len());
        }
        for length in 0..body.len() {
            match ManagementMessage::parse(&body[..length]) {
                Ok(_) => assert!(boundaries.contains(&length), "{name} cut at {length}"),
                Err(error) => {
                    assert!(!boundaries.contains(&length), "{name} cut at {length}: {error}");
                    assert!(error.offset <= length, "{error}");
                }
            }
        }
    }
}

#[test]
fn an_example_with_a_wrong_hcs_or_as_a_signalling_header_is_refused() {
    for (name, pdu, ..) in management_examples() {
        let mut wrong = pdu.clone();
        wrong[5] ^= 0x10;
        assert_eq!(MacPdu::parse(&wrong).unwrap_err().offset, 5, "{name}");
        let mut signalling = pdu;
        signalling[0] |= 0x80;
        assert_eq!(MacPdu::parse(&signalling).unwrap_err().offset, 0, "{name}");
    }
}

#[test]
fn the_examples_make_a_burst() {
    let mut burst: Vec<u8> = management_examples().into_iter().flat_map(|(_, pdu, ..)| pdu).collect();
    burst.extend([0xff, 0xff]);
    let names: Vec<&str> =
        MacPdu::burst(&burst).map(|pdu| ManagementMessage::parse(pdu.unwrap().body).unwrap().name()).collect();
    assert_eq!(names, ["RNG-REQ", "RNG-RSP", "MOB_MSHO-REQ", "MOB_BSHO-RSP", "MOB_HO-IND", "PKM-RSP"]);
}

#[test]
fn a_packed_pdu_holds_its_packets_behind_extended_subheaders() {
    let pdu = octets(PACKED);
    let parsed = MacPdu::parse(&pdu).unwrap();
    assert_eq!(parsed.header.pdu_type, PduType::PACKING.with(PduType::EXTENDED));
    assert_eq!(parsed.crc_form(), Some(CrcForm::MsbFirst));
    let pieces = PackingSubheader::parse_all(parsed.body, true).unwrap();
    let whole = |fsn| PackingSubheader { control: FragmentControl::Unfragmented, fsn, length: 42 };
    assert_eq!(pieces.iter().map(|(subheader, _)| *subheader).collect::<Vec<_>>(), [whole(5), whole(6)]);
    assert!(pieces.iter().all(|(_, packet)| packet.len() == 39 && packet.starts_with(&[0x45, 0, 0, 39])));
    let mut body = Vec::new();
    for (subheader, packet) in pieces {
        body.extend(subheader.octets(true).unwrap());
        body.extend(packet);
    }
    assert_eq!(MacPdu::build(parsed.header, &body, Some(CrcForm::MsbFirst)).unwrap(), pdu);
}
