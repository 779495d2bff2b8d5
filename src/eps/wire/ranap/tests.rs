use proptest::prelude::*;

use super::*;
use crate::eps::identifiers::{Ebi, EnbId, GlobalEnbId, Imsi, Plmn, Tac, Tai, Teid};
use crate::eps::keys::CkIk;
use crate::eps::wire::damage::survives;
use crate::eps::wire::gmm::RoutingArea;
use crate::eps::wire::{Erab, TunnelEndpoint};

fn plmn() -> Plmn {
    "001-01".parse().unwrap()
}

fn imsi() -> Imsi {
    "001010000000001".parse().unwrap()
}

fn keys() -> CkIk {
    CkIk::from_octets(std::array::from_fn(|place| 0x40 + place as u8))
}

fn area() -> RoutingArea {
    RoutingArea { plmn: plmn(), lac: 0x1001, rac: 1 }
}

fn bearer(last: u8, teid: u32) -> Erab {
    Erab { ebi: Ebi::FIRST, tunnel: TunnelEndpoint { address: [10, 64, last, 1].into(), teid: Teid(teid) } }
}

fn enb(number: u32) -> RelocationTarget {
    let enb = GlobalEnbId { plmn: plmn(), enb: EnbId::new(number).unwrap() };
    RelocationTarget::Enb(enb, Tai { plmn: plmn(), tac: Tac(1) })
}

/// One of every message, and the octets that another encoder (pycrate) makes of the same values; with the containers for E-UTRAN in the
/// place of the OCTET STRINGs of them.
fn examples() -> Vec<(RanapMessage, &'static str)> {
    let required = RelocationRequired {
        cause: RanapCause::DESIRABLE,
        plmn: plmn(),
        rnc: 5,
        target: enb(1),
        container: vec![0, 0],
    };
    let request = RelocationRequest {
        imsi: imsi(),
        cause: RanapCause::DESIRABLE,
        container: SourceRncContainer { target_cell: 0x5_0001 },
        bearer: bearer(4, 1),
        keys: keys(),
        connection: 1,
    };
    let rrc = hex::decode("f20014079c301601e00040091428539928").unwrap();
    let granted = RelocationRequestAcknowledge { container: TargetRncContainer { rrc }, bearer: bearer(5, 2) };
    vec![
        (
            required.into(),
            "000200310000050038000140000440020a80003c40060000f1100005003e000f800d0000f1100000001000f1100001003d00020000",
        ),
        (
            request.into(),
            "0003008080000008001740095000010100000000f1000440020a800003000180003d000a0080030008003005000100310020000001\
             002f001900140184f423ff802ee000088000087c0a4004010000000001000c40120080505152535455565758595a5b5c5d5e5f000b\
             40120100404142434445464748494a4b4c4d4e4f004f4003000001",
        ),
        (
            granted.into(),
            "2003003b000004003f40130011f20014079c301601e00040091428539928003240130000010030000c6050f80a4005010000000002\
             00064001100005400120",
        ),
        (RelocationCommand { container: vec![0, 0] }.into(), "20020009000001003f00020000"),
        (RelocationDetect.into(), "000c4003000000"),
        (IuReleaseCommand { cause: RanapCause::SUCCESSFUL }.into(), "00010009000001000440020280"),
        (
            InitialUeMessage { area: area(), rnc: 5, connection: 1, nas: vec![8, 1] }.into(),
            "0013403a0000070003400180000f40060000f11010010037400101003a40080000f1101001000100104003020801004f40030000010056\
             400500f1100005",
        ),
        (DirectTransfer { nas: vec![8, 1] }.into(), "0014400a00000100104003020801"),
        (
            SecurityModeCommand { keys: keys() }.into(),
            "00060034000003000c00120080505152535455565758595a5b5c5d5e5f000b40120100404142434445464748494a4b4c4d4e4f004b0001\
             40",
        ),
        (SecurityModeComplete.into(), "2006000d00000200060001100005400120"),
        (SecurityModeReject { cause: RanapCause::NO_ALGORITHMS }.into(), "400600090000010004400202c0"),
        (
            RabAssignmentRequest { bearer: bearer(4, 1) }.into(),
            "0000002a0000010036402300000100350019380a00c2f423ff802ee000088000081f0a4004010000000001400100",
        ),
        (
            RabAssignmentResponse { bearer: bearer(5, 2) }.into(),
            "6000001a000001003440130000010033400c60287c0a4005010000000002",
        ),
        (RelocationComplete.into(), ""),
        (RelocationPreparationFailure { cause: RanapCause::FAILURE_IN_TARGET }.into(), ""),
        (RelocationFailure { cause: RanapCause::UNSPECIFIED }.into(), ""),
        (RelocationCancel { cause: RanapCause::CANCELLED }.into(), ""),
        (RelocationCancelAcknowledge.into(), ""),
        (IuReleaseComplete.into(), ""),
    ]
}

#[test]
fn the_octets_are_those_of_another_encoder() {
    for (message, octets) in examples() {
        let written = message.octets().unwrap();
        if !octets.is_empty() {
            assert_eq!(hex::encode(&written), octets, "{}", message.name());
        }
        assert_eq!(RanapMessage::parse(&written).as_ref(), Ok(&message));
        survives(&written, false, |octets| RanapMessage::parse(octets).is_ok());
    }
    let message = IuMessage { connection: 1, message: examples()[0].0.clone() };
    let rua = "000240490000030007000180000300030000010004003635";
    assert_eq!(hex::encode(&message.octets().unwrap()[..24]), rua);
    assert_eq!(IuMessage::parse(&message.octets().unwrap()), Ok(message));
    assert_eq!(hex::encode(last_visited_cell(plmn(), 0x5_0001).unwrap()), "0000f11080050001000001");
    assert_eq!(hex::encode(SourceRncContainer { target_cell: 0x5_0001 }.octets().unwrap()), "00800300080030050001");
}

#[test]
fn every_message_was_tried() {
    let tried: Vec<&str> = examples().iter().map(|(message, _)| message.name()).collect();
    assert!(RanapMessage::NAMES.iter().all(|name| tried.contains(name)), "{tried:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn targets_and_causes_go_round(cause in 1_u8.., rnc in 0..4096_u16, lac: u16, rac: u8, number in 0..=EnbId::LAST.get(), connection in 0..1_u32 << 24) {
        let identity = RncIdentity { plmn: "310-410".parse().unwrap(), lac, rac, rnc };
        for target in [enb(number), RelocationTarget::Rnc(identity)] {
            let cause = RanapCause(cause);
            let message = RelocationRequired { cause, plmn: plmn(), rnc, target, container: vec![1] }.into();
            let message = IuMessage { connection, message };
            prop_assert_eq!(IuMessage::parse(&message.octets().unwrap()), Ok(message));
        }
    }
}
