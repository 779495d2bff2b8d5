//! The parsers of `dot16::wire` on every prefix and every changed octet of valid inputs, and on inputs that claim much.

use keyhop::dot16::wire::dreg::DregMessage;
use keyhop::dot16::wire::*;
use keyhop_generators::eap::{eap_packet, eap_tls_data};
use keyhop_generators::mac_pdu::{burst, encrypted_body, fragmentation_subheader, header, packed_body, packed_pieces};
use keyhop_generators::tlv::unknown_tlv;
use keyhop_generators::{list, mobility, pkm, ranging, registration, sample};
use proptest::prelude::*;

use crate::held::{Fault, Parser, again};
use crate::samples;

/// Octets of memory for each octet of input, and beside those: what the top of `dot16::wire` states.
const MULTIPLE: u64 = 128;
const CONSTANT: u64 = 4096;

const HEADER: Parser = Parser {
    name: "generic MAC header",
    read: |input| Ok(GenericMacHeader::parse(input).map(drop)?),
    comes_back: |input| assert_eq!(GenericMacHeader::parse(input).unwrap().octets(), input[..6]),
    multiple: 0,
    constant: CONSTANT,
};

fn read_burst(input: &[u8]) -> Result<(), Fault> {
    MacPdu::burst(input).try_for_each(|pdu| Ok(pdu.map(drop)?))
}

fn burst_comes_back(input: &[u8]) {
    let mut rest = input;
    for pdu in MacPdu::burst(input).map(Result::unwrap) {
        assert_eq!(&rest[..pdu.octets.len()], pdu.octets);
        rest = &rest[pdu.octets.len()..];
        assert_eq!(pdu.header.octets(), pdu.octets[..6]);
        if pdu.crc.is_none() || pdu.crc_form().is_some() {
            assert_eq!(MacPdu::build(pdu.header, pdu.body, pdu.crc_form()).as_deref(), Ok(pdu.octets));
        }
    }
    assert!(matches!(rest.first(), None | Some(0xff)));
}

const BURST: Parser =
    Parser { name: "MAC burst", read: read_burst, comes_back: burst_comes_back, multiple: 0, constant: CONSTANT };

/// The burst with the right HCS in every header, so that damage gets past it.
fn repaired(burst: &[u8]) -> Vec<u8> {
    let mut repaired = burst.to_vec();
    let mut at = 0;
    while let Some([a, b, c, d, e, check]) = repaired.get_mut(at..at + 6) {
        *check = hcs(&[*a, *b, *c, *d, *e]);
        at += usize::from(u16::from_be_bytes([*b & 0b111, *c])).max(6);
    }
    repaired
}

const REPAIRED_BURST: Parser = Parser {
    name: "MAC burst, HCS made right",
    read: |input| read_burst(&repaired(input)),
    comes_back: |input| burst_comes_back(&repaired(input)),
    multiple: 1,
    constant: CONSTANT,
};

const ENCRYPTED_BODY: Parser = Parser {
    name: "encrypted body",
    read: |input| Ok(EncryptedBody::parse(input).map(drop)?),
    comes_back: |input| assert_eq!(EncryptedBody::parse(input).unwrap().octets(), input),
    multiple: 0,
    constant: CONSTANT,
};

fn fragment_comes_back(input: &[u8], extended: bool) {
    let (subheader, rest) = FragmentationSubheader::parse(input, extended).unwrap();
    assert_eq!([&subheader.octets(extended).unwrap(), rest].concat(), input);
}

const FRAGMENT: [Parser; 2] = [
    Parser {
        name: "fragmentation subheader",
        read: |input| Ok(FragmentationSubheader::parse(input, false).map(drop)?),
        comes_back: |input| fragment_comes_back(input, false),
        multiple: 0,
        constant: CONSTANT,
    },
    Parser {
        name: "extended fragmentation subheader",
        read: |input| Ok(FragmentationSubheader::parse(input, true).map(drop)?),
        comes_back: |input| fragment_comes_back(input, true),
        multiple: 0,
        constant: CONSTANT,
    },
];

fn packed_comes_back(input: &[u8], extended: bool) {
    let pieces = PackingSubheader::parse_all(input, extended).unwrap();
    let written: Vec<u8> =
        pieces.iter().flat_map(|(subheader, piece)| [&subheader.octets(extended).unwrap(), *piece].concat()).collect();
    assert_eq!(written, input);
}

const PACKED: [Parser; 2] = [
    Parser {
        name: "packed body",
        read: |input| Ok(PackingSubheader::parse_all(input, false).map(drop)?),
        comes_back: |input| packed_comes_back(input, false),
        multiple: MULTIPLE,
        constant: CONSTANT,
    },
    Parser {
        name: "packed body, extended subheaders",
        read: |input| Ok(PackingSubheader::parse_all(input, true).map(drop)?),
        comes_back: |input| packed_comes_back(input, true),
        multiple: MULTIPLE,
        constant: CONSTANT,
    },
];

const TLVS: Parser = Parser {
    name: "TLVs",
    read: |input| Ok(Tlv::parse_all(input, 0).map(drop)?),
    comes_back: |input| {
        let tlvs = Tlv::parse_all(input, 0).unwrap();
        // An empty value is read and never written.
        if tlvs.iter().all(|tlv| !tlv.value.is_empty()) {
            again(&tlvs, &Tlv::octets_of_all(&tlvs).unwrap(), |octets| Tlv::parse_all(octets, 0));
        }
    },
    multiple: MULTIPLE,
    constant: CONSTANT,
};

/// Only a longer form of a length can be lost, and an empty TLV not be written.
fn message_comes_back(input: &[u8]) {
    let message = ManagementMessage::parse(input).unwrap();
    match message.octets() {
        Ok(written) => {
            again(&message, &written, ManagementMessage::parse);
            assert!(written.len() < input.len() || written == input, "{message:?}");
        }
        Err(error) => assert_eq!((error.layer, error.found.as_str()), ("TLV", "an empty one"), "{message:?}"),
    }
}

const MESSAGE: Parser = Parser {
    name: "management message",
    read: |input| Ok(ManagementMessage::parse(input).map(drop)?),
    comes_back: message_comes_back,
    multiple: MULTIPLE,
    constant: CONSTANT,
};

const EAP: Parser = Parser {
    name: "EAP packet",
    read: |input| Ok(EapPacket::parse(input).map(drop)?),
    comes_back: |input| assert_eq!(EapPacket::parse(input).unwrap().octets().as_deref(), Ok(input)),
    multiple: MULTIPLE,
    constant: CONSTANT,
};

const EAP_TLS: Parser = Parser {
    name: "EAP-TLS data",
    read: |input| Ok(EapTlsData::parse(input).map(drop)?),
    comes_back: |input| assert_eq!(EapTlsData::parse(input).unwrap().octets().as_deref(), Ok(input)),
    multiple: MULTIPLE,
    constant: CONSTANT,
};

#[test]
fn headers_subheaders_and_bursts_hold_around_valid_ones() {
    for seed in 0..samples(20) {
        HEADER.hold_around(&sample(&header(), seed).octets());
        let (subheader, extended) = sample(&fragmentation_subheader(), seed);
        FRAGMENT[usize::from(extended)].hold_around(&subheader.octets(extended).unwrap());
        let (pieces, extended) = sample(&packed_pieces(), seed);
        PACKED[usize::from(extended)].hold_around(&packed_body(&pieces, extended));
        ENCRYPTED_BODY.hold_around(&sample(&encrypted_body(), seed));
        let burst = sample(&burst(), seed);
        BURST.hold_around(&burst);
        REPAIRED_BURST.hold_around(&burst);
    }
}

#[test]
fn eap_and_tlvs_hold_around_valid_ones() {
    for seed in 0..samples(20) {
        EAP.hold_around(&sample(&eap_packet(), seed).octets().unwrap());
        EAP_TLS.hold_around(&sample(&eap_tls_data(), seed).octets().unwrap());
        TLVS.hold_around(&Tlv::octets_of_all(&sample(&list::list(unknown_tlv(), 0..4), seed)).unwrap());
    }
}

/// Holds the parser of messages around messages of one kind.
fn messages_hold(kind: u8, message: impl Strategy<Value = ManagementMessage>) {
    for seed in 0..samples(16) {
        let octets = sample(&message, seed).octets().unwrap();
        assert_eq!(octets[0], kind);
        MESSAGE.hold_around(&octets);
    }
}

#[test]
fn ranging_messages_hold_around_valid_ones() {
    messages_hold(RngReq::TYPE, ranging::rng_req().prop_map(ManagementMessage::RngReq));
    messages_hold(RngRsp::TYPE, ranging::rng_rsp().prop_map(ManagementMessage::RngRsp));
}

#[test]
fn capability_and_registration_messages_hold_around_valid_ones() {
    messages_hold(SbcMessage::REQ, registration::sbc().prop_map(ManagementMessage::SbcReq));
    messages_hold(SbcMessage::RSP, registration::sbc().prop_map(ManagementMessage::SbcRsp));
    messages_hold(RegReq::TYPE, registration::reg_req().prop_map(ManagementMessage::RegReq));
    messages_hold(RegRsp::TYPE, registration::reg_rsp().prop_map(ManagementMessage::RegRsp));
    messages_hold(DregMessage::CMD, registration::dreg().prop_map(ManagementMessage::DregCmd));
    messages_hold(DregMessage::REQ, registration::dreg().prop_map(ManagementMessage::DregReq));
}

#[test]
fn mobility_messages_hold_around_valid_ones() {
    messages_hold(MobNbrAdv::TYPE, mobility::mob_nbr_adv().prop_map(ManagementMessage::MobNbrAdv));
    messages_hold(MobMshoReq::TYPE, mobility::mob_msho_req().prop_map(ManagementMessage::MobMshoReq));
    messages_hold(MobBshoRsp::TYPE, mobility::mob_bsho_rsp().prop_map(ManagementMessage::MobBshoRsp));
    messages_hold(MobHoInd::TYPE, mobility::mob_ho_ind().prop_map(ManagementMessage::MobHoInd));
}

#[test]
fn pkm_messages_hold_around_valid_ones() {
    messages_hold(PkmMessage::REQ, pkm::pkm_message().prop_map(ManagementMessage::PkmReq));
    messages_hold(PkmMessage::RSP, pkm::pkm_message().prop_map(ManagementMessage::PkmRsp));
}

/// Types of the messages that are decoded.
const DECODED: [u8; 14] = [4, 5, 6, 7, 9, 10, 26, 27, 29, 49, 53, 57, 58, 59];

/// As many TLVs or entries as an input can hold, each as small as can be, alone and inside each compound: what takes the
/// most memory, and most where lists have just outgrown their room. And lengths and counts that claim what is not there.
#[test]
fn what_takes_the_most_memory_stays_below_the_bound() {
    let mut most = 0.0_f64;
    let mut hold = |parser: &Parser, input: &[u8]| {
        let (_, memory) = parser.hold(input);
        most = most.max(memory.saturating_sub(CONSTANT) as f64 / input.len() as f64);
    };
    for pieces in [1025, 32_769] {
        hold(&TLVS, &[0, 0].repeat(pieces));
        hold(&PACKED[0], &[0, 2].repeat(pieces));
        hold(&PACKED[1], &[0, 0, 3].repeat(pieces));
    }
    for kind in DECODED {
        for begin in [&[kind][..], &[kind, 0], &[kind, 0, 0], &[kind, 0, 0, 0, 0]] {
            for tlv in 0..=255 {
                let empty = [tlv, 0].repeat(257);
                hold(&MESSAGE, &[begin, &empty].concat());
                hold(&MESSAGE, &[begin, &[tlv, 1, 0].repeat(257)].concat());
                // A compound full of empty ones, and of a compound of them.
                hold(&MESSAGE, &[begin, &[tlv, 0x82, 0x02, 0x02], &empty].concat());
                hold(&MESSAGE, &[begin, &[tlv, 0x82, 0x02, 0x06, tlv, 0x82, 0x02, 0x02], &empty].concat());
                hold(&MESSAGE, &[begin, &[tlv, 0x84, 0xff, 0xff, 0xff, 0xff], &empty].concat());
            }
        }
        for size in [2047, 65_535] {
            for filler in [0, 1, 0x7f, 0x80, 0xff] {
                hold(&MESSAGE, &[&[kind][..], &vec![filler; size]].concat());
            }
        }
    }
    assert!(most > 16.0, "at most {most:.0} octets of memory for an octet of input: this is not what takes the most");
}
