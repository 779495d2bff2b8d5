//! What a PDU of a handover costs in allocations, from its octets to the verdict on it.

use keyhop::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac};
use keyhop::dot16::security::ccm;
use keyhop::dot16::security::cmac_tuple::{Truncation, cmac_value, verify};
use keyhop::dot16::security::{CmacKey, PacketNumber, Tek};
use keyhop::dot16::wire::rng_req::RngReqTlv;
use keyhop::dot16::wire::{
    CmacTuple, CrcForm, EncryptedBody, GenericMacHeader, HoIndication, MacPdu, ManagementMessage, MobHoInd,
    RangingParameters, RngReq, protected_part,
};

const AKID: AkId = AkId([1, 2, 3, 4, 5, 6, 7, 8]);
const BASIC: Cid = Cid(0x15);

fn key() -> CmacKey {
    CmacKey::from_octets([0x2a; 16])
}

/// A PDU with the message and a CMAC tuple.
fn protected(mut message: ManagementMessage) -> Vec<u8> {
    let value = cmac_value(&key(), AKID, 7, BASIC, &message.octets().unwrap(), Truncation::Right);
    message.push_cmac_tuple(CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(1), bsid: None, pn: 7, value });
    MacPdu::build(GenericMacHeader::new(BASIC), &message.octets().unwrap(), Some(CrcForm::MsbFirst)).unwrap()
}

/// Everything that a receiver checks of such a PDU.
fn verifies(octets: &[u8], key: &CmacKey) -> bool {
    let pdu = MacPdu::parse(octets).unwrap();
    let message = ManagementMessage::parse(pdu.body).unwrap();
    let tuple = message.cmac_tuple().unwrap();
    let covered = protected_part(pdu.body, &tuple).unwrap();
    pdu.crc_form().is_some() && verify(key, AKID, tuple.pn, pdu.header.cid, covered, Truncation::Right, &tuple.value)
}

/// The allocations of `work`, which answers whether it did what it should.
fn allocations(mut work: impl FnMut() -> bool) -> u64 {
    // What is set up once is no part of it.
    assert!(work());
    let mut done = false;
    let count = allocation_counter::measure(|| done = work()).count_total;
    assert!(done);
    count
}

fn rng_req() -> ManagementMessage {
    let tlvs = vec![
        RngReqTlv::SsMacAddress(MsMac([2, 0, 0, 0, 0, 1])),
        RngReqTlv::ServingBsid(Bsid([0x0a, 0, 0, 0, 0, 1])),
        RngReqTlv::RangingPurpose(RngReq::PURPOSE_HANDOVER),
        RngReqTlv::HoId(1),
        RngReqTlv::CmacKeyCount(CmacKeyCount(2)),
        RngReqTlv::MacVersion(RngReq::MAC_VERSION),
    ];
    ManagementMessage::RngReq(RngReq { reserved: 0, tlvs: tlvs.into() })
}

#[test]
fn an_rng_req_of_a_handover_is_parsed_and_checked_without_an_allocation() {
    let (pdu, key) = (protected(rng_req()), key());
    assert_eq!(allocations(|| verifies(&pdu, &key)), 0);
}

#[test]
fn one_tlv_more_than_a_handover_has_costs_one_allocation() {
    let ManagementMessage::RngReq(mut message) = rng_req() else { panic!("it is one") };
    message.tlvs.insert(0, RngReqTlv::RangingAnomalies(0));
    let (pdu, key) = (protected(ManagementMessage::RngReq(message)), key());
    assert_eq!(allocations(|| verifies(&pdu, &key)), 1);
}

#[test]
fn a_mob_ho_ind_is_parsed_and_checked_without_an_allocation() {
    let message = MobHoInd {
        reserved: 0,
        indication: HoIndication::Release { target: Bsid([0x0a, 0, 0, 0, 0, 2]) },
        ranging_parameters: RangingParameters::Valid,
        indication_reserved: 0,
        preamble_index: 2,
        tlvs: Default::default(),
    };
    let (pdu, key) = (protected(ManagementMessage::MobHoInd(message)), key());
    assert_eq!(allocations(|| verifies(&pdu, &key)), 0);
}

#[test]
fn an_encrypted_pdu_is_parsed_without_an_allocation_and_opened_with_that_of_its_plaintext() {
    let tek = Tek::from_octets([0x5a; 16]);
    let header = GenericMacHeader::new(Cid(0x0301));
    let pn = PacketNumber::FIRST;
    let pdu = ccm::seal(&tek, header, pn, Direction::Uplink, &[0x41; 200], Some(CrcForm::MsbFirst)).unwrap();
    let parsed = || {
        let pdu = MacPdu::parse(&pdu).unwrap();
        pdu.crc_form().is_some() && EncryptedBody::parse(pdu.body).unwrap().ciphertext.len() == 200
    };
    assert_eq!(allocations(parsed), 0);
    let opened = || ccm::open(&tek, &MacPdu::parse(&pdu).unwrap()).unwrap().plaintext == [0x41; 200];
    assert_eq!(allocations(opened), 1);
}
