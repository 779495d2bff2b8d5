//! What the AAA server makes of requests that it should not believe, or cannot use.

use proptest::prelude::*;
use rand_core::SeedableRng;

use super::*;
use crate::dot16::backbone::{BackboneEndpoint, ControlMessage, MessageKind, decapsulate, encapsulate};
use crate::dot16::node::Place;
use crate::dot16::security::eap_tls::identity;
use crate::dot16::wire::EapExchange;
use crate::emulation::Port;

const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const OWN: BackboneEndpoint = BackboneEndpoint { mac: [2, 0, 0, 0, 0, 2], ip: Ipv4Addr::new(10, 16, 0, 253) };
const GATEWAY: BackboneEndpoint = BackboneEndpoint { mac: [2, 0, 0, 0, 0, 3], ip: Ipv4Addr::new(10, 16, 0, 254) };
const NOW: VirtualTime = VirtualTime::ZERO;

fn secret() -> RadiusSecret {
    RadiusSecret::new(b"secret".to_vec())
}

fn server() -> Aaa {
    let place = |name: &str, endpoint| Place { name: name.to_owned(), endpoint };
    let directory = Directory {
        gateway: place("gw", GATEWAY),
        aaa: place("aaa", OWN),
        base_stations: BTreeMap::new(),
        mobile_stations: BTreeMap::new(),
    };
    let settings = AaaSettings {
        secret: secret(),
        authority: Arc::new(CertificateAuthority::new([1; 32])),
        certificate: CertificateState::Valid,
        pmk_lifetime: Duration::from_secs(60),
    };
    let backbone = BackboneSide::new(OWN, Duration::from_millis(20), vec![(Port(0), GATEWAY)]);
    Aaa::new(settings, Arc::new(directory), backbone, ChaCha20Rng::from_seed([9; 32]))
}

fn calling_station(ms: MsMac) -> RadiusAttribute {
    RadiusAttribute::CallingStationId(ms.to_string().replace(':', "-").into_bytes())
}

fn identity_response(ms: MsMac) -> EapPacket {
    let data = identity(ms).into_bytes();
    EapPacket::Response(EapExchange { identifier: 1, kind: EapExchange::IDENTITY, data })
}

/// An Access-Request that is not signed yet.
fn request(eap: &[u8], more: impl IntoIterator<Item = RadiusAttribute>) -> RadiusPacket {
    let attributes = more.into_iter().chain(eap_messages(eap)).collect();
    RadiusPacket { code: RadiusCode::ACCESS_REQUEST, identifier: 7, authenticator: [5; 16], attributes }
}

fn signed(mut packet: RadiusPacket) -> RadiusPacket {
    secret().sign_request(&mut packet).unwrap();
    packet
}

/// Hands a packet to the server; its verdict, and its answer.
fn ask(server: &mut Aaa, from: &BackboneEndpoint, packet: RadiusPacket) -> (Verdict, Option<RadiusPacket>) {
    let datagram = RadiusDatagram { source: 49_152, destination: 1812, packet };
    hand(server, from, &BackbonePacket::Radius(datagram))
}

fn hand(server: &mut Aaa, from: &BackboneEndpoint, packet: &BackbonePacket) -> (Verdict, Option<RadiusPacket>) {
    let octets = encapsulate(from, &OWN, 1, packet).unwrap();
    let mut outbox = Outbox::default();
    server.handle(NOW, Input::Frame { port: Port(0), octets }, &mut outbox);
    let answer = outbox.frames().next().map(|(_, octets, _)| match decapsulate(octets).unwrap().packet {
        BackbonePacket::Radius(datagram) => datagram.packet,
        other => panic!("{other:?}"),
    });
    (outbox.judged().cloned().expect("every frame has a verdict"), answer)
}

#[test]
fn an_identity_is_answered_with_a_start_and_again_with_the_same() {
    let mut server = server();
    let asks = signed(request(&identity_response(MS).octets().unwrap(), [calling_station(MS)]));
    let (verdict, answer) = ask(&mut server, &GATEWAY, asks.clone());
    let answer = answer.unwrap();
    assert!(verdict.accepted);
    assert_eq!((answer.code, answer.identifier), (RadiusCode::ACCESS_CHALLENGE, 7));
    secret().verify_response(&answer, &asks.authenticator).unwrap();
    assert_eq!(ask(&mut server, &GATEWAY, asks).1, Some(answer));
    assert_eq!(server.sessions.len(), 1);
}

#[test]
fn what_cannot_be_believed_gets_no_answer() {
    let mut server = server();
    let eap = identity_response(MS).octets().unwrap();
    let good = || request(&eap, [calling_station(MS)]);
    let stranger = BackboneEndpoint { ip: Ipv4Addr::new(10, 16, 0, 1), ..GATEWAY };
    let mut forged = good();
    RadiusSecret::new(b"another".to_vec()).sign_request(&mut forged).unwrap();
    let accept = RadiusPacket { code: RadiusCode::ACCESS_ACCEPT, ..good() };
    let state = |state: Vec<u8>| request(&eap, [calling_station(MS), RadiusAttribute::State(state)]);
    for (from, packet, why) in [
        (&stranger, signed(good()), "no client of this server"),
        (&GATEWAY, forged, "Message-Authenticator does not verify"),
        (&GATEWAY, good(), "not exactly one Message-Authenticator"),
        (&GATEWAY, signed(accept), "not for a server"),
        (&GATEWAY, signed(request(&eap, [])), "no Calling-Station-Id"),
        (
            &GATEWAY,
            signed(request(&eap, [RadiusAttribute::CallingStationId(b"02-00".to_vec())])),
            "no Calling-Station-Id",
        ),
        (&GATEWAY, signed(request(&[], [calling_station(MS)])), "no EAP packet"),
        (&GATEWAY, signed(request(&[2, 1, 0, 9, 1], [calling_station(MS)])), "EAP packet, octet 2"),
        (&GATEWAY, signed(request(&[1, 1, 0, 5, 1], [calling_station(MS)])), "not a response"),
        (&GATEWAY, signed(state(vec![7; 16])), "has this State"),
        (&GATEWAY, signed(state(vec![7])), "has this State"),
    ] {
        let (verdict, answer) = ask(&mut server, from, packet);
        assert!(!verdict.accepted && verdict.text.contains(why), "{why}: {}", verdict.text);
        assert_eq!(answer, None, "{why}");
    }
    let control = ControlMessage::new(MessageKind::HoReq, MS, 1, Vec::new());
    let (verdict, _) = hand(&mut server, &GATEWAY, &BackbonePacket::Control(control));
    assert!(!verdict.accepted);
    assert!(server.sessions.is_empty());
}

#[test]
fn an_identity_of_another_mobile_is_rejected() {
    let mut server = server();
    let other = MsMac([2, 0, 0, 0, 0, 9]);
    let asks = signed(request(&identity_response(other).octets().unwrap(), [calling_station(MS)]));
    let (verdict, answer) = ask(&mut server, &GATEWAY, asks);
    let answer = answer.unwrap();
    assert_eq!((verdict.accepted, answer.code), (false, RadiusCode::ACCESS_REJECT));
    assert_eq!(EapPacket::parse(&answer.eap_packet().unwrap()), Ok(EapPacket::Failure { identifier: 1 }));
}

#[test]
fn a_session_of_one_mobile_is_closed_to_another_and_ends_in_time() {
    let mut server = server();
    let eap = identity_response(MS).octets().unwrap();
    let (_, answer) = ask(&mut server, &GATEWAY, signed(request(&eap, [calling_station(MS)])));
    let state = RadiusAttribute::State(answer.unwrap().state().unwrap().to_vec());
    let other = calling_station(MsMac([2, 0, 0, 0, 0, 9]));
    let asks = RadiusPacket { identifier: 8, ..request(&eap, [other, state]) };
    let (verdict, answer) = ask(&mut server, &GATEWAY, signed(asks));
    assert!(verdict.text.contains("has this State") && answer.is_none(), "{}", verdict.text);
    let due = server.next_timer().unwrap();
    server.handle(due, Input::Timer, &mut Outbox::default());
    assert!(server.sessions.is_empty() && server.next_timer().is_none());
}

#[test]
fn sessions_and_stored_answers_have_a_limit() {
    let mut server = server();
    let mut refused = 0;
    for number in 0..SESSIONS + 3 {
        let [.., a, b] = number.to_be_bytes();
        let ms = MsMac([2, 0, 0, 0, a, b]);
        let mut asks = request(&identity_response(ms).octets().unwrap(), [calling_station(ms)]);
        asks.authenticator[..2].copy_from_slice(&[a, b]);
        refused += usize::from(ask(&mut server, &GATEWAY, signed(asks)).1.is_none());
    }
    assert_eq!((server.sessions.len(), refused), (SESSIONS, 3));
    assert_eq!((server.answers.len(), server.answer_order.len()), (STORED_ANSWERS, STORED_ANSWERS));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_eap_of_chance_brings_the_server_down(
        code in prop::sample::select(vec![1_u8, 2, 2, 2, 3]),
        identifier in 1..4_u8,
        kind in prop::sample::select(vec![1_u8, 3, 13, 13, 254]),
        data in prop::collection::vec(any::<u8>(), 0..600),
        whole: bool,
    ) {
        let mut server = server();
        let eap = identity_response(MS).octets().unwrap();
        let (_, answer) = ask(&mut server, &GATEWAY, signed(request(&eap, [calling_station(MS)])));
        let state = RadiusAttribute::State(answer.unwrap().state().unwrap().to_vec());
        let length = u16::try_from(data.len() + 5).unwrap();
        let [high, low] = if whole { length.to_be_bytes() } else { [0, 9] };
        let eap = [&[code, identifier, high, low, kind][..], &data].concat();
        let asks = RadiusPacket { identifier: 8, ..request(&eap, [calling_station(MS), state]) };
        let (_, answer) = ask(&mut server, &GATEWAY, signed(asks));
        prop_assert!(answer.is_none_or(|answer| answer.code != RadiusCode::ACCESS_ACCEPT));
    }
}
