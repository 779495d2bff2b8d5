//! Peer and server against each other, and both against anything.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::dot16::security::keys::Msk;
use crate::dot16::wire::{EapExchange, EapPacket};
use crate::time::VirtualTime;

const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const NOW: VirtualTime = VirtualTime::from_nanos(500_000_000);

/// A mobile and a server, each with a generator of its own.
struct Ends {
    peer: EapPeer,
    server: Option<EapServer>,
    credentials: ServerCredentials,
    now: VirtualTime,
    generators: [ChaCha20Rng; 2],
    /// Every packet, in order.
    packets: Vec<EapPacket>,
    fragment: usize,
}

/// How an exchange ended at the server.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Succeeded(Msk),
    Failed(String),
}

impl Ends {
    fn new(device: CertificateState, server: CertificateState) -> Self {
        let authority = Arc::new(CertificateAuthority::new([7; 32]));
        let credentials = ServerCredentials::new(&authority, server).unwrap();
        Self {
            peer: EapPeer::new(PeerCredentials { authority, ms: MS, certificate: device }),
            server: None,
            credentials,
            now: NOW,
            generators: [1, 2].map(|seed| ChaCha20Rng::from_seed([seed; 32])),
            packets: Vec::new(),
            fragment: FRAGMENT,
        }
    }

    fn fragmented(mut self, fragment: usize) -> Self {
        (self.fragment, self.peer.fragment) = (fragment, fragment);
        self
    }

    fn identity_request() -> EapPacket {
        EapPacket::Request(EapExchange { identifier: 250, kind: EapExchange::IDENTITY, data: Vec::new() })
    }

    fn ask(&mut self, request: &EapPacket) -> EapPacket {
        let step = self.peer.take(request, self.now, &mut self.generators[0]);
        let PeerStep::Respond(response) = step else { panic!("{step:?}") };
        response
    }

    fn answer(&mut self, response: &EapPacket) -> ServerStep {
        match &mut self.server {
            Some(server) => server.take(response, &self.credentials, self.now, &mut self.generators[1]),
            None => {
                let EapPacket::Response(identity) = response else { panic!() };
                let (server, step) = EapServer::begin(MS, identity);
                self.server = server;
                if let Some(server) = &mut self.server {
                    server.fragment = self.fragment;
                }
                step
            }
        }
    }

    /// Runs to the end; both ends have to agree on it.
    fn run(&mut self) -> End {
        let mut request = Self::identity_request();
        for _ in 0..200 {
            let response = self.ask(&request);
            self.packets.extend([request, response.clone()]);
            match self.answer(&response) {
                ServerStep::Request(next) => request = next,
                ServerStep::Succeeded(success, msk) => {
                    assert_eq!(self.peer.take(&success, self.now, &mut self.generators[0]), PeerStep::Succeeded);
                    return End::Succeeded(msk);
                }
                ServerStep::Failed(failure, why) => {
                    assert_eq!(self.peer.take(&failure, self.now, &mut self.generators[0]), PeerStep::Refused);
                    return End::Failed(why);
                }
                ServerStep::Ignored(why) => panic!("{why}"),
            }
        }
        panic!("no end")
    }

    fn octets(&self) -> Vec<Vec<u8>> {
        self.packets.iter().map(|packet| packet.octets().unwrap()).collect()
    }
}

fn valid() -> Ends {
    Ends::new(CertificateState::Valid, CertificateState::Valid)
}

#[test]
fn both_ends_come_to_the_same_msk() {
    let mut ends = valid();
    let End::Succeeded(msk) = ends.run() else { panic!() };
    assert_eq!(ends.peer.msk(), Some(&msk));
    assert_eq!(ends.packets.len(), 8, "four requests and responses");
    assert!(ends.octets().iter().all(|packet| packet.len() <= LONGEST_PACKET));
}

#[test]
fn the_same_generators_give_the_same_octets_in_every_thread_and_others_give_others() {
    let run = |seed: u8| {
        let mut ends = valid();
        ends.generators[0] = ChaCha20Rng::from_seed([seed; 32]);
        let end = ends.run();
        (ends.octets(), end)
    };
    let threads: Vec<_> = [5, 5, 6].map(|seed| std::thread::spawn(move || run(seed))).into_iter().collect();
    let [one, same, other]: [_; 3] =
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(one, same);
    assert_ne!(one.0, other.0);
    assert_ne!(one.1, other.1, "another MSK");
}

#[test]
fn small_fragments_are_acknowledged_and_change_no_key_and_no_message() {
    for fragment in [37, 200] {
        let mut ends = valid().fragmented(fragment);
        assert!(matches!(ends.run(), End::Succeeded(_)));
        assert!(ends.octets().iter().all(|packet| packet.len() <= fragment + 10));
        let data: Vec<EapTlsData> = ends
            .packets
            .iter()
            .filter_map(|packet| match packet {
                EapPacket::Request(exchange) | EapPacket::Response(exchange) if exchange.kind == EapExchange::TLS => {
                    EapTlsData::parse(&exchange.data).ok()
                }
                _ => None,
            })
            .collect();
        assert!(data.iter().any(|data| data.more && data.length.is_some()), "a first fragment");
        assert!(data.iter().any(|data| data.more && data.length.is_none()), "one in the middle");
        let announced: usize = data.iter().filter_map(|data| data.length).map(|length| length as usize).sum();
        assert!(announced > 1000 && data.iter().map(|data| data.tls.len()).sum::<usize>() >= announced);
    }
}

#[test]
fn a_certificate_that_will_not_do_ends_in_a_failure_and_no_key() {
    use CertificateState::{Expired, OtherCa, OtherName, Valid};
    for (device, server, expected) in [
        (OtherCa, Valid, "UnknownIssuer"),
        (Expired, Valid, "expired"),
        (OtherName, Valid, "NotValidForName"),
        (Valid, OtherCa, "alert"),
        (Valid, Expired, "alert"),
        (Valid, OtherName, "alert"),
    ] {
        let mut ends = Ends::new(device, server);
        let End::Failed(why) = ends.run() else { panic!("{device:?}, {server:?}") };
        assert!(why.contains(expected), "{device:?}, {server:?}: {why}");
        assert_eq!(ends.peer.msk(), None);
        // A fatal alert is on the wire: TLS record of type 21.
        let alerts = ends.packets.iter().filter(|packet| match packet {
            EapPacket::Request(exchange) | EapPacket::Response(exchange) => exchange.data.get(1) == Some(&21),
            _ => false,
        });
        assert_eq!(alerts.count(), 1, "{device:?}, {server:?}");
    }
}

#[test]
fn certificates_are_judged_at_virtual_time() {
    // They end with the year 2999.
    let mut ends = valid();
    ends.now = VirtualTime::ZERO + Duration::from_secs(365 * 86_400 * 300);
    assert!(matches!(ends.run(), End::Succeeded(_)));
    let mut before = valid();
    before.now = VirtualTime::ZERO;
    assert!(matches!(before.run(), End::Succeeded(_)), "whatever the wall clock says");
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_a_repeated_response_none() {
    let mut ends = valid();
    let mut request = Ends::identity_request();
    loop {
        let response = ends.ask(&request);
        assert_eq!(ends.ask(&request), response);
        let step = ends.answer(&response);
        if !matches!(step, ServerStep::Request(_)) {
            assert!(matches!(step, ServerStep::Succeeded(..)));
            break;
        }
        assert!(matches!(ends.answer(&response), ServerStep::Ignored(_)));
        let ServerStep::Request(next) = step else { break };
        request = next;
    }
}

#[test]
fn another_method_is_answered_with_nak_and_a_nak_ends_it() {
    let mut ends = valid();
    let md5 = EapPacket::Request(EapExchange { identifier: 3, kind: 4, data: vec![1, 2] });
    let nak = EapPacket::Response(EapExchange { identifier: 3, kind: EapExchange::NAK, data: vec![13] });
    assert_eq!(ends.ask(&md5), nak);
    let identity = ends.ask(&Ends::identity_request());
    let ServerStep::Request(EapPacket::Request(start)) = ends.answer(&identity) else { panic!() };
    let nak = EapPacket::Response(EapExchange { identifier: start.identifier, kind: EapExchange::NAK, data: vec![21] });
    assert!(matches!(ends.answer(&nak), ServerStep::Failed(..)));
}

#[test]
fn an_identity_of_another_mobile_is_refused() {
    let identity =
        EapExchange { identifier: 1, kind: EapExchange::IDENTITY, data: b"020000000002@keyhop.example".to_vec() };
    let (server, step) = EapServer::begin(MS, &identity);
    assert!(server.is_none() && matches!(step, ServerStep::Failed(EapPacket::Failure { identifier: 1 }, _)));
}

#[test]
fn ends_that_belong_to_no_exchange_change_nothing() {
    let mut ends = valid();
    for packet in [EapPacket::Success { identifier: 250 }, EapPacket::Failure { identifier: 250 }] {
        assert!(matches!(ends.peer.take(&packet, NOW, &mut ends.generators[0]), PeerStep::Ignored(_)));
    }
    ends.ask(&Ends::identity_request());
    let early = ends.peer.take(&EapPacket::Success { identifier: 250 }, NOW, &mut ends.generators[0]);
    assert!(matches!(early, PeerStep::Ignored(_)), "no handshake yet");
    let mut ends = valid();
    assert!(matches!(ends.run(), End::Succeeded(_)));
    let Some(EapPacket::Response(last)) = ends.packets.last() else { panic!() };
    let failure = EapPacket::Failure { identifier: last.identifier };
    assert!(matches!(ends.peer.take(&failure, NOW, &mut ends.generators[0]), PeerStep::Ignored(_)));
    let forged = EapExchange { identifier: 9, kind: EapExchange::TLS, data: vec![0x20] };
    assert!(matches!(ends.peer.take(&EapPacket::Request(forged), NOW, &mut ends.generators[0]), PeerStep::Ignored(_)));
    assert!(ends.peer.msk().is_some());
}

/// TLS data in an EAP packet of the server.
fn tls_request(identifier: u8, data: &EapTlsData) -> EapPacket {
    EapPacket::Request(EapExchange { identifier, kind: EapExchange::TLS, data: data.octets().unwrap() })
}

#[test]
fn a_last_flight_that_is_cut_inside_its_records_is_not_acknowledged() {
    let mut ends = valid();
    let mut request = Ends::identity_request();
    let flight = loop {
        let response = ends.ask(&request);
        let ServerStep::Request(next) = ends.answer(&response) else { panic!() };
        let EapPacket::Request(exchange) = &next else { panic!() };
        // Change Cipher Spec.
        if exchange.data.get(1) == Some(&20) {
            break exchange.clone();
        }
        request = next;
    };
    let mut cut = flight.clone();
    cut.data.pop();
    let step = ends.peer.take(&EapPacket::Request(cut), NOW, &mut ends.generators[0]);
    assert_eq!(step, PeerStep::Ignored("a TLS message that is not whole"));
    assert_eq!(ends.peer.msk(), None);
}

#[test]
fn what_never_ends_is_cut_off() {
    let mut ends = valid();
    let start = EapTlsData { start: true, ..EapTlsData::default() };
    ends.ask(&tls_request(1, &start));
    let long = EapTlsData { more: true, length: Some(1 << 20), tls: vec![0; 900], ..EapTlsData::default() };
    let step = ends.peer.take(&tls_request(2, &long), NOW, &mut ends.generators[0]);
    assert_eq!(step, PeerStep::Ignored("a TLS message that is too long"));
    let mut taken = 0;
    for identifier in 3..60 {
        let more = EapTlsData { more: true, tls: vec![0; 900], ..EapTlsData::default() };
        taken += usize::from(matches!(
            ends.peer.take(&tls_request(identifier, &more), NOW, &mut ends.generators[0]),
            PeerStep::Respond(_)
        ));
    }
    assert_eq!(taken, LONGEST_MESSAGE / 900);
    let mut asked = 0;
    let mut ends = valid();
    for identifier in 0..=255 {
        let request = EapPacket::Request(EapExchange { identifier, kind: EapExchange::NOTIFICATION, data: vec![] });
        asked += u16::from(matches!(ends.peer.take(&request, NOW, &mut ends.generators[0]), PeerStep::Respond(_)));
    }
    assert_eq!(asked, ROUNDS);
}

/// Changes octets of the data of a packet, or cuts it.
fn mutated(packet: &EapPacket, at: usize, value: u8, cut: Option<usize>) -> EapPacket {
    let mutate = |exchange: &EapExchange| {
        let mut exchange = exchange.clone();
        if let Some(octet) = exchange.data.get_mut(at) {
            *octet = value;
        }
        if let Some(cut) = cut {
            exchange.data.truncate(cut);
        }
        exchange
    };
    match packet {
        EapPacket::Request(exchange) => EapPacket::Request(mutate(exchange)),
        EapPacket::Response(exchange) => EapPacket::Response(mutate(exchange)),
        end => end.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_packet_changed_on_the_way_brings_no_end_down_and_never_gives_different_keys(
        victim in 0..12_usize,
        at in 0..900_usize,
        value: u8,
        cut in prop::option::of(0..900_usize),
        fragment in prop::sample::select(vec![60, FRAGMENT]),
    ) {
        let mut ends = valid().fragmented(fragment);
        let mut request = Ends::identity_request();
        let mut number = 0;
        let mut at_server = None;
        for _ in 0..100 {
            if number == victim {
                request = mutated(&request, at, value, cut);
            }
            number += 1;
            let PeerStep::Respond(mut response) = ends.peer.take(&request, NOW, &mut ends.generators[0]) else { break };
            if number == victim {
                response = mutated(&response, at, value, cut);
            }
            number += 1;
            if ends.server.is_none() && !matches!(&response, EapPacket::Response(exchange) if exchange.kind == 1) {
                break;
            }
            match ends.answer(&response) {
                ServerStep::Request(next) => request = next,
                ServerStep::Succeeded(_, msk) => {
                    at_server = Some(msk);
                    break;
                }
                _ => break,
            }
        }
        if let Some(msk) = at_server {
            prop_assert!(ends.peer.msk().is_none_or(|own| *own == msk));
        }
    }

    #[test]
    fn octets_of_chance_bring_no_end_down(
        flags: u8,
        octets in prop::collection::vec(any::<u8>(), 0..300),
        kind in prop::sample::select(vec![1_u8, 2, 3, 13, 13, 13, 254]),
        rounds in 0..4_usize,
    ) {
        let mut ends = valid();
        let mut request = Ends::identity_request();
        for _ in 0..rounds {
            let response = ends.ask(&request);
            let ServerStep::Request(next) = ends.answer(&response) else { break };
            request = next;
        }
        let data = [&[flags][..], &octets].concat();
        let EapPacket::Request(EapExchange { identifier, .. }) = request else { panic!() };
        let exchange = EapExchange { identifier, kind, data };
        let _ = ends.peer.take(&EapPacket::Request(exchange.clone()), NOW, &mut ends.generators[0]);
        if ends.server.is_some() {
            let _ = ends.answer(&EapPacket::Response(exchange));
        }
    }
}
