//! The Authenticator as a client of the AAA server: EAP of the mobiles in RADIUS (RFC 3579; RFC 2865 section 2).
//!
//! A request is repeated unchanged until it is answered, and the authentication given up with it. An answer is believed if it
//! comes from the server, answers a request that is out, and both its authenticators verify.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use rand_core::Rng;

use super::Authenticator;
use super::authentication::{SessionKey, SessionTimer};
use crate::dot16::backbone::radius::{RADIUS_PORT, eap_messages};
use crate::dot16::backbone::{RadiusAttribute, RadiusCode, RadiusDatagram, RadiusPacket};
use crate::dot16::node::event::Event;
use crate::dot16::security::Msk;
use crate::dot16::security::radius::RadiusSecret;
use crate::dot16::wire::EapPacket;
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How often an Access-Request is repeated before the authentication is given up.
const REPEATS: u8 = 3;
/// The first source port of requests. Every authentication has a port of its own, its requests count their identifiers up.
const FIRST_PORT: u16 = 49_152;
/// How many of them take turns: as many authentications later a port comes again.
const PORTS: u16 = 0x4000;

/// Source port and identifier of a request.
pub(super) type RequestName = (u16, u8);

/// The name of the request number `number` of the authentication number `order`.
pub(super) fn request_name(order: u64, number: u8) -> RequestName {
    let turn = u16::try_from(order % u64::from(PORTS)).unwrap_or_default();
    (FIRST_PORT | turn, number)
}

/// A question that is out.
#[derive(Clone, Debug)]
struct Question {
    session: SessionKey,
    packet: RadiusPacket,
    note: String,
    repeats: u8,
}

/// What the Authenticator needs to ask.
#[derive(Clone, Debug)]
pub(super) struct AaaClient {
    secret: RadiusSecret,
    /// From a request to its repetition.
    retry: Duration,
    questions: BTreeMap<RequestName, Question>,
}

/// What the server has answered, with the EAP packet for the mobile.
pub(super) enum Answer {
    /// The mobile is to answer this request; its answer goes back with this State.
    Challenge(EapPacket, Vec<u8>),
    /// Authenticated.
    Accept { success: EapPacket, msk: Msk, pmk_lifetime: Duration },
    /// Not authenticated.
    Reject(EapPacket),
}

impl AaaClient {
    pub(super) fn new(secret: RadiusSecret, retry: Duration) -> Self {
        Self { secret, retry, questions: BTreeMap::new() }
    }

    /// The session has no question any more.
    pub(super) fn withdraw(&mut self, name: RequestName) {
        self.questions.remove(&name);
    }

    /// What an answer says to the question that it answers.
    fn answered(&mut self, datagram: &RadiusDatagram) -> Result<(SessionKey, Answer), String> {
        let packet = &datagram.packet;
        let name = (datagram.destination, packet.identifier);
        let question = self.questions.get(&name).ok_or("it answers no request that is out")?;
        let asked = &question.packet.authenticator;
        self.secret.verify_response(packet, asked).map_err(|fault| fault.to_string())?;
        let octets = packet.eap_packet().ok_or("no EAP packet")?;
        let eap = EapPacket::parse(&octets).map_err(|error| error.to_string())?;
        let answer = match (packet.code, eap) {
            (RadiusCode::ACCESS_CHALLENGE, request @ EapPacket::Request(_)) => {
                Answer::Challenge(request, packet.state().ok_or("no State")?.to_vec())
            }
            (RadiusCode::ACCESS_ACCEPT, success @ EapPacket::Success { .. }) => {
                let msk = self.secret.reveal_msk(packet, asked).ok_or("no MSK")?;
                let seconds =
                    packet.session_timeout().filter(|seconds| *seconds > 0).ok_or("no lifetime of the PMK")?;
                Answer::Accept { success, msk, pmk_lifetime: Duration::from_secs(seconds.into()) }
            }
            (RadiusCode::ACCESS_REJECT, failure @ EapPacket::Failure { .. }) => Answer::Reject(failure),
            (code, eap) => return Err(format!("{} with an EAP {}", code.name(), eap.name())),
        };
        let session = question.session;
        self.questions.remove(&name);
        Ok((session, answer))
    }
}

impl Authenticator {
    /// Access-Request called `name` with an EAP response of the mobile; none if it can not be written.
    pub(super) fn ask_aaa(
        &mut self,
        now: VirtualTime,
        session: SessionKey,
        name: RequestName,
        (user_name, state): (&[u8], Option<&[u8]>),
        eap: &EapPacket,
        outbox: &mut Outbox<Event>,
    ) -> Option<()> {
        let (ms, ..) = session;
        let (_, identifier) = name;
        let mut authenticator = [0; 16];
        self.generator.fill_bytes(&mut authenticator);
        let place = &self.directory.gateway;
        let mut attributes = vec![
            RadiusAttribute::UserName(user_name.to_vec()),
            RadiusAttribute::NasIpAddress(place.endpoint.ip),
            RadiusAttribute::NasIdentifier(place.name.clone().into_bytes()),
            RadiusAttribute::CallingStationId(ms.to_string().replace(':', "-").into_bytes()),
        ];
        attributes.extend(state.map(|state| RadiusAttribute::State(state.to_vec())));
        attributes.extend(eap_messages(&eap.octets().ok()?));
        let mut packet = RadiusPacket { code: RadiusCode::ACCESS_REQUEST, identifier, authenticator, attributes };
        self.aaa.secret.sign_request(&mut packet).ok()?;
        let note = format!("Access-Request: EAP {} of {}", eap.name(), self.directory.ms(ms));
        self.aaa.questions.insert(name, Question { session, packet, note, repeats: 0 });
        self.send_question(now, name, outbox);
        Some(())
    }

    fn send_question(&mut self, now: VirtualTime, name: RequestName, outbox: &mut Outbox<Event>) {
        let Some(Question { session, packet, note, repeats }) = self.aaa.questions.get(&name) else {
            return;
        };
        let note = if *repeats == 0 { note.clone() } else { format!("{note} (repetition {repeats})") };
        let server = self.directory.aaa.endpoint.ip;
        let datagram = RadiusDatagram { source: name.0, destination: RADIUS_PORT, packet: packet.clone() };
        self.timers.set(SessionTimer::Ask(*session), now + self.aaa.retry);
        self.backbone.radius(server, datagram, note, outbox);
    }

    /// The server has not answered: the question again, or the end of the authentication.
    pub(super) fn aaa_silent(
        &mut self,
        now: VirtualTime,
        session: SessionKey,
        name: RequestName,
        outbox: &mut Outbox<Event>,
    ) {
        match self.aaa.questions.get_mut(&name) {
            Some(question) if question.repeats < REPEATS => {
                question.repeats = question.repeats.saturating_add(1);
                self.send_question(now, name, outbox);
            }
            _ => self.end_session(session, outbox),
        }
    }

    /// A RADIUS packet: an answer of the server, or nothing.
    pub(super) fn aaa_answer(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        datagram: &RadiusDatagram,
        outbox: &mut Outbox<Event>,
    ) {
        if from != self.directory.aaa.endpoint.ip || datagram.source != RADIUS_PORT {
            return outbox.verdict(Verdict::rejected("dropped: its sender is not the AAA server"));
        }
        match self.aaa.answered(datagram) {
            Ok((session, answer)) => {
                self.timers.cancel(SessionTimer::Ask(session));
                self.aaa_answered(now, session, answer, outbox);
            }
            Err(why) => outbox.verdict(Verdict::rejected(format!("dropped: {why}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::{Bsid, MsMac};

    const SESSION: SessionKey = (MsMac([2, 0, 0, 0, 0, 1]), Bsid([3; 6]), false);
    const ASKED: [u8; 16] = [4; 16];

    fn secret() -> RadiusSecret {
        RadiusSecret::new(b"secret".to_vec())
    }

    /// A client whose question with the identifier 6 is out.
    fn client() -> AaaClient {
        let mut client = AaaClient::new(secret(), Duration::from_millis(20));
        let packet = RadiusPacket {
            code: RadiusCode::ACCESS_REQUEST,
            identifier: 6,
            authenticator: ASKED,
            attributes: Vec::new(),
        };
        client.questions.insert((49_152, 6), Question { session: SESSION, packet, note: String::new(), repeats: 0 });
        client
    }

    fn answer(code: RadiusCode, eap: &EapPacket, more: Vec<RadiusAttribute>) -> RadiusDatagram {
        let attributes = more.into_iter().chain(eap_messages(&eap.octets().unwrap())).collect();
        let mut packet = RadiusPacket { code, identifier: 6, authenticator: [0; 16], attributes };
        secret().sign_response(&mut packet, &ASKED).unwrap();
        RadiusDatagram { source: RADIUS_PORT, destination: 49_152, packet }
    }

    fn keys() -> Vec<RadiusAttribute> {
        secret().hide_msk(&Msk::from_octets([7; 64]), [1, 2], &ASKED).to_vec()
    }

    #[test]
    fn an_answer_counts_once_and_only_for_the_question_that_it_answers() {
        let mut client = client();
        let good = answer(RadiusCode::ACCESS_REJECT, &EapPacket::Failure { identifier: 1 }, Vec::new());
        let elsewhere = RadiusDatagram { destination: 49_153, ..good.clone() };
        assert!(client.answered(&elsewhere).is_err());
        assert!(matches!(client.answered(&good), Ok((SESSION, Answer::Reject(_)))));
        assert!(client.answered(&good).is_err(), "no question is out any more");
    }

    #[test]
    fn an_answer_that_lacks_what_it_has_to_say_changes_nothing() {
        use RadiusAttribute::SessionTimeout;
        use RadiusCode as Code;
        let success = EapPacket::Success { identifier: 1 };
        let failure = EapPacket::Failure { identifier: 1 };
        let mut client = client();
        let short = |mut keys: Vec<RadiusAttribute>| {
            keys.pop();
            keys
        };
        for (datagram, why) in [
            (answer(Code::ACCESS_ACCEPT, &success, vec![SessionTimeout(60)]), "no MSK"),
            (answer(Code::ACCESS_ACCEPT, &success, [short(keys()), vec![SessionTimeout(60)]].concat()), "no MSK"),
            (answer(Code::ACCESS_ACCEPT, &success, keys()), "no lifetime of the PMK"),
            (answer(Code::ACCESS_ACCEPT, &success, [keys(), vec![SessionTimeout(0)]].concat()), "no lifetime"),
            (answer(Code::ACCESS_ACCEPT, &failure, [keys(), vec![SessionTimeout(60)]].concat()), "with an EAP Failure"),
            (answer(Code::ACCESS_REJECT, &success, Vec::new()), "Access-Reject with an EAP Success"),
            (answer(Code::ACCESS_CHALLENGE, &success, Vec::new()), "Access-Challenge with an EAP Success"),
        ] {
            let refused = client.answered(&datagram).err().expect(why);
            assert!(refused.contains(why), "{why}: {refused}");
        }
        let good = answer(Code::ACCESS_ACCEPT, &success, [keys(), vec![SessionTimeout(60)]].concat());
        let Ok((_, Answer::Accept { pmk_lifetime, msk, .. })) = client.answered(&good) else { panic!() };
        assert_eq!((pmk_lifetime, msk), (Duration::from_secs(60), Msk::from_octets([7; 64])));
    }

    #[test]
    fn authentications_that_are_out_at_a_time_have_ports_of_their_own() {
        assert_eq!(request_name(1, 0), (49_153, 0));
        assert_eq!(request_name(0x3fff, 255), (65_535, 255));
        assert_eq!(request_name(0x4001, 3), (49_153, 3));
    }
}
