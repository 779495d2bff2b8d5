//! Values instead of octets: what the generators make of an input can be written, and is read as it was.
//!
//! The first octet chooses the format, the others are the value's (see `keyhop_generators::sampling`). So the fuzzer is past
//! every length and checksum at once, and comes upon values that no parser would hand to a serialiser.

use keyhop::dot16::backbone::{BackboneEndpoint, BackbonePacket, decapsulate, encapsulate};
use keyhop::dot16::wire::{EapPacket, EapTlsData, GenericMacHeader, ManagementMessage, PackingSubheader, Tlv};
use keyhop_generators::{
    asn_control, capture, eap, gre, key_log, mac_pdu, management, mobility, pkm, radius, ranging, registration,
    sample_from_octets, tlv, transport,
};
use proptest::strategy::{BoxedStrategy, Strategy};

use crate::{
    asn_control_plane, backbone_frames, capture_files, framings, key_logs, mac_burst, messages, radius_packets,
};

/// How a format makes a value of octets and holds what keyhop makes of it.
type Check = Box<dyn Fn(&[u8])>;

thread_local! {
    static FORMATS: Vec<Check> = formats();
}

/// Draws a value and holds what becomes of it.
pub fn run(octets: &[u8]) {
    let Some((format, value)) = octets.split_first() else { return };
    FORMATS.with(|formats| formats[usize::from(*format) % formats.len()](value));
}

fn check<T: std::fmt::Debug + 'static>(values: BoxedStrategy<T>, hold: fn(&T)) -> Check {
    Box::new(move |octets| hold(&sample_from_octets(&values, octets)))
}

fn message(message: ManagementMessage) {
    let octets = message.octets().expect("a generated message can be written");
    assert_eq!(ManagementMessage::parse(&octets).as_ref(), Ok(&message));
    messages::comes_back(&octets);
}

fn formats() -> Vec<Check> {
    use ManagementMessage as Message;
    vec![
        check(management::management_message().boxed(), |value| message(value.clone())),
        check(ranging::rng_req().boxed(), |value| message(Message::RngReq(value.clone()))),
        check(ranging::rng_rsp().boxed(), |value| message(Message::RngRsp(value.clone()))),
        check(registration::reg_req().boxed(), |value| message(Message::RegReq(value.clone()))),
        check(registration::reg_rsp().boxed(), |value| message(Message::RegRsp(value.clone()))),
        check(registration::sbc().boxed(), |value| message(Message::SbcReq(value.clone()))),
        check(mobility::mob_nbr_adv().boxed(), |value| message(Message::MobNbrAdv(value.clone()))),
        check(mobility::mob_msho_req().boxed(), |value| message(Message::MobMshoReq(value.clone()))),
        check(mobility::mob_bsho_rsp().boxed(), |value| message(Message::MobBshoRsp(value.clone()))),
        check(mobility::mob_ho_ind().boxed(), |value| message(Message::MobHoInd(value.clone()))),
        check(pkm::pkm_message().boxed(), |value| message(Message::PkmRsp(value.clone()))),
        check(mac_pdu::header().boxed(), |header| {
            assert_eq!(GenericMacHeader::parse(&header.octets()).as_ref(), Ok(header));
        }),
        check(mac_pdu::packed_pieces().boxed(), |(pieces, extended)| {
            let body = mac_pdu::packed_body(pieces, *extended);
            let read = PackingSubheader::parse_all(&body, *extended).expect("pieces that were packed");
            let read = read.iter().map(|(subheader, piece)| (subheader.control, subheader.fsn, piece.to_vec()));
            assert!(read.eq(pieces.iter().cloned()), "{pieces:?}");
        }),
        check(mac_pdu::burst().boxed(), |burst| mac_burst::run(burst)),
        check(tlv::any_tlv().boxed(), |tlv| {
            let octets = tlv.octets().expect("a generated TLV can be written");
            assert_eq!(Tlv::parse(&octets, 0), Ok((tlv.clone(), &[][..])));
        }),
        check(eap::eap_packet().boxed(), |packet| {
            let octets = packet.octets().expect("a generated packet can be written");
            assert_eq!(EapPacket::parse(&octets).as_ref(), Ok(packet));
        }),
        check(eap::eap_tls_data().boxed(), |data| {
            let octets = data.octets().expect("generated data can be written");
            assert_eq!(EapTlsData::parse(&octets).as_ref(), Ok(data));
        }),
        check(asn_control::control_message().boxed(), |message| {
            asn_control_plane::comes_back(&message.octets().expect("a generated message can be written"));
        }),
        check(radius::radius_packet().boxed(), |packet| {
            radius_packets::comes_back(&packet.octets().expect("a generated packet can be written"));
        }),
        check(gre::gre_packet().boxed(), |packet| {
            backbone_frames::run(&packet.octets().expect("a generated packet can be written"));
        }),
        check((transport::endpoint(), transport::endpoint(), transport::packet()).boxed(), |(from, to, packet)| {
            comes_out(*from, *to, packet);
        }),
        check(capture::capture().boxed(), capture_files::comes_back),
        check(capture::frame_comment("bs1").boxed(), |comment| {
            framings::comment_comes_back(&format!("bs1\n{comment}"));
        }),
        check(key_log::key_log().boxed(), |log| key_logs::run(&key_logs::written(log))),
    ]
}

fn comes_out(from: BackboneEndpoint, to: BackboneEndpoint, packet: &BackbonePacket) {
    let frame = encapsulate(&from, &to, 7, packet).expect("a generated packet fits a frame");
    let taken = decapsulate(&frame).expect("a frame that was just built");
    assert_eq!((taken.from, taken.to, &taken.packet), (from, to, packet));
}
