//! Authentication at the BS: EAP is relayed between the mobile and the Authenticator, then the SA-TEK handshake brings the new
//! AK into use (`dot16-security.md` 5.1, 6.1).
//!
//! A session is either a renewal on a live connection, whose messages are protected by the AK in use, or the entry of a mobile
//! on a connection of its own that is not authenticated yet ([`super::entrance`]). Nothing of what the BS has for the mobile
//! changes before an SA-TEK-Request under the new AK has verified. From then on the BS signs with the new AK; the old one
//! still verifies what the mobile sends before SA-TEK-Response has reached it, and goes with the first other message under
//! the new one. In a renewal the connection and its TEKs go on, as the entry of count 0 of the new AK.

use std::net::Ipv4Addr;
use std::time::Duration;

use rand_core::Rng;

use super::budget::worked;
use super::target::saids;
use super::{BaseStation, Mobile, Role, Timer};
use crate::dot16::backbone::Compound::{AkContext as AkContextTlv, MsInfo};
use crate::dot16::backbone::asn_code::{PKM2_EAP_TRANSFER, context_purpose, registration};
use crate::dot16::backbone::{AsnTlv, ControlMessage, MessageKind, NodeIdentifier, TlvLookup};
use crate::dot16::identifiers::{AkSequenceNumber, Cid, CmacKeyCount, Direction, MsMac, Said, Sfid};
use crate::dot16::node::capabilities;
use crate::dot16::node::classifier::Classifiers;
use crate::dot16::node::connection::{plain_pdu, signed_pdu};
use crate::dot16::node::event::{Event, Reject, Work};
use crate::dot16::node::sa_tek;
use crate::dot16::security::base_station_keys::BaseStationKeys;
use crate::dot16::security::entry_keys::EntryKeys;
use crate::dot16::security::hierarchy::AkContext;
use crate::dot16::security::keys::Ak;
use crate::dot16::security::tek_context::PmkLifetime;
use crate::dot16::wire::{CmacTuple, EapPacket, ManagementMessage, PkmAttribute, PkmCode, PkmMessage};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// SAChallengeTimer: from an SA-TEK-Challenge to its repetition.
const CHALLENGE_TIMER: Duration = Duration::from_secs(1);
/// How often SA-TEK-Challenge is repeated.
const CHALLENGE_REPEATS: u8 = 3;
/// How long a session may take. The mobile and the Authenticator give up before.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// What a mobile authenticates for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// To enter, on a connection that is not authenticated yet.
    Entry,
    /// To have another PMK on the connection that it has.
    Renewal,
}

/// An authentication under way, or the last one that was done.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Identifier of EAP-Start: the same in its repetitions.
    start: u8,
    /// Of every AR_EAP message of this session.
    transaction: u16,
    /// The primary management connection.
    primary: Cid,
    /// In a renewal the AK that the mobile signs with.
    signed_with: AkSequenceNumber,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// EAP packets are relayed.
    Eap,
    /// EAP has succeeded, and the context of this AK is asked for.
    Fetching(AkSequenceNumber),
    /// SA-TEK-Challenge is out.
    Challenged(Box<Challenge>),
    /// The handshake is done; a repeated SA-TEK-Request gets this response again.
    Answered { bs_random: [u8; 8], response: PkmMessage },
}

/// A new AK, until the mobile has shown that it has it too.
#[derive(Clone, Debug)]
struct Challenge {
    keys: BaseStationKeys,
    /// CMAC keys of count 0.
    entry: EntryKeys,
    bs_random: [u8; 8],
    identifier: u8,
    repeats: u8,
    flows: Vec<(Sfid, Said)>,
    classifiers: Classifiers,
    seamless: bool,
}

impl Session {
    /// The keys of a new AK that is not in use yet.
    pub(super) fn fresh(&self) -> Option<(&AkContext, &EntryKeys)> {
        match &self.stage {
            Stage::Challenged(challenge) => Some((challenge.keys.ak(), &challenge.entry)),
            _ => None,
        }
    }
}

impl Mobile {
    /// The keys that verify what is signed with the AK `sn`: those in use, or the ones before them.
    pub(super) fn keys_signed_with(&mut self, sn: AkSequenceNumber) -> Option<&mut EntryKeys> {
        match &mut self.previous {
            Some(previous) if previous.ak_sn() == sn => Some(previous),
            _ => self.keys.as_mut()?.current_mut(),
        }
    }
}

impl BaseStation {
    fn session(&mut self, ms: MsMac, purpose: Purpose) -> Option<&mut Session> {
        match purpose {
            Purpose::Entry => self.entrances.get_mut(&ms)?.session.as_mut(),
            Purpose::Renewal => self.mobiles.get_mut(&ms)?.session.as_mut(),
        }
    }

    fn set_session(&mut self, ms: MsMac, purpose: Purpose, session: Option<Session>) {
        match purpose {
            Purpose::Entry => {
                if let Some(entrance) = self.entrances.get_mut(&ms) {
                    entrance.session = session;
                }
            }
            Purpose::Renewal => {
                if let Some(mobile) = self.mobiles.get_mut(&ms) {
                    mobile.session = session;
                }
            }
        }
    }

    /// The session that `is` means, of either purpose.
    fn session_where(&mut self, ms: MsMac, is: impl Fn(&Session) -> bool) -> Option<Purpose> {
        [Purpose::Entry, Purpose::Renewal]
            .into_iter()
            .find(|purpose| self.session(ms, *purpose).is_some_and(|session| is(session)))
    }

    /// A PKM-REQ of EAP or of the SA-TEK handshake.
    pub(super) fn authentication_request(
        &mut self,
        now: VirtualTime,
        (ms, purpose): (MsMac, Purpose),
        cid: Cid,
        message: &PkmMessage,
        protected: Option<(CmacTuple, &[u8])>,
        outbox: &mut Outbox<Event>,
    ) {
        if message.code == PkmCode::SA_TEK_REQUEST {
            return self.sa_tek_request(now, (ms, purpose), cid, message, protected, outbox);
        }
        let mut signed_with = AkSequenceNumber(0);
        if purpose == Purpose::Renewal {
            let Some((tuple, protected)) = protected else {
                return self.rejected(ms, Reject::Cmac, "dropped: PKM-REQ without CMAC digest", outbox);
            };
            if !self.verify(ms, cid, protected, &tuple, outbox) {
                return;
            }
            signed_with = tuple.ak_sn;
        }
        match message.code {
            PkmCode::EAP_START => {
                let primary = (cid, signed_with);
                self.eap_start(now, (ms, purpose), primary, message.identifier, outbox);
            }
            PkmCode::EAP_TRANSFER => self.eap_response((ms, purpose), message, outbox),
            _ => outbox.verdict(Verdict::rejected("dropped: not expected from a mobile")),
        }
    }

    /// EAP-Start: a new session, or AR_EAP_Start again for the one that has just begun.
    fn eap_start(
        &mut self,
        now: VirtualTime,
        (ms, purpose): (MsMac, Purpose),
        (primary, signed_with): (Cid, AkSequenceNumber),
        start: u8,
        outbox: &mut Outbox<Event>,
    ) {
        let here = self
            .mobiles
            .get(&ms)
            .is_some_and(|mobile| matches!(&mobile.role, Role::Serving(serving) if serving.is_here()));
        if purpose == Purpose::Renewal && !here {
            return outbox.verdict(Verdict::rejected("dropped: the mobile is not connected here"));
        }
        let transaction = match self.session(ms, purpose) {
            Some(Session { start: of, stage: Stage::Eap, transaction, .. }) if *of == start => *transaction,
            Some(Session { start: of, .. }) if *of == start => {
                return outbox.verdict(Verdict::accepted("a repetition: EAP has succeeded already"));
            }
            _ => {
                let transaction = self.backbone.unanswered_transaction();
                let session = Session { start, transaction, primary, signed_with, stage: Stage::Eap };
                self.timers.cancel(Timer::Challenge(ms, purpose));
                self.set_session(ms, purpose, Some(session));
                self.timers.set(Timer::AuthenticationEnd(ms, purpose), now + LIMIT);
                transaction
            }
        };
        outbox.verdict(Verdict::accepted("asks the Authenticator for EAP"));
        let kind = match purpose {
            Purpose::Entry => registration::INITIAL_NETWORK_ENTRY,
            Purpose::Renewal => registration::HANDOFF,
        };
        let gateway = self.directory.gateway.endpoint.ip;
        let message =
            ControlMessage::new(MessageKind::ArEapStart, ms, transaction, vec![AsnTlv::RegistrationType(kind)]);
        let note = format!("AR_EAP_Start: {} wants to authenticate", self.directory.ms(ms));
        self.backbone.tell(gateway, message, note, outbox);
    }

    /// EAP-Transfer of the mobile: relayed as it is.
    fn eap_response(&mut self, (ms, purpose): (MsMac, Purpose), message: &PkmMessage, outbox: &mut Outbox<Event>) {
        let Some(Session { stage: Stage::Eap, transaction, .. }) = self.session(ms, purpose) else {
            return outbox.verdict(Verdict::rejected("dropped: no EAP is under way"));
        };
        let transaction = *transaction;
        let Some(payload) = message.eap_payload() else {
            return outbox.verdict(Verdict::rejected("dropped: no EAP payload"));
        };
        outbox.verdict(Verdict::accepted("relayed to the Authenticator"));
        let name = EapPacket::parse(payload).map_or("packet", |packet| packet.name());
        let tlvs = vec![AsnTlv::Pkm2MessageCode(PKM2_EAP_TRANSFER), AsnTlv::EapPayload(payload.to_vec())];
        let gateway = self.directory.gateway.endpoint.ip;
        let relayed = ControlMessage::new(MessageKind::ArEapTransfer, ms, transaction, tlvs);
        let note = format!("AR_EAP_Transfer: EAP {name} of {}", self.directory.ms(ms));
        self.backbone.tell(gateway, relayed, note, outbox);
    }

    /// AR_EAP_Transfer: relayed to the mobile. A success also begins the SA-TEK handshake, a failure ends the session.
    pub(super) fn eap_request(&mut self, now: VirtualTime, message: &ControlMessage, outbox: &mut Outbox<Event>) {
        let ms = message.ms;
        let transaction = message.transaction;
        let Some(purpose) = self.session_where(ms, |session| session.transaction == transaction) else {
            return outbox.verdict(Verdict::rejected("dropped: no authentication has this transaction"));
        };
        if !matches!(self.session(ms, purpose), Some(Session { stage: Stage::Eap, .. })) {
            return outbox.verdict(Verdict::accepted("a repetition: EAP has succeeded already"));
        }
        let Some(payload) = message.tlvs.eap_payload() else {
            return outbox.verdict(Verdict::rejected("dropped: no EAP payload"));
        };
        outbox.verdict(Verdict::accepted("relayed to the mobile"));
        let identifier = payload.get(1).copied().unwrap_or_default();
        let name = EapPacket::parse(payload).map_or("packet", |packet| packet.name());
        let attributes = vec![PkmAttribute::EapPayload(payload.to_vec())];
        let relayed = PkmMessage { code: PkmCode::EAP_TRANSFER, identifier, attributes };
        self.send_eap(now, (ms, purpose), relayed, format!("PKM-RSP: EAP {name}"));
        match message.tlvs.authentication_result() {
            Some(0) => {
                if let Some(sn) = message.tlvs.inside(MsInfo).inside(AkContextTlv).ak_sn() {
                    self.fetch_fresh_context(now, (ms, purpose), AkSequenceNumber(sn & 0xf), outbox);
                }
            }
            Some(_) => self.end_session(ms, purpose, outbox),
            None => {}
        }
    }

    /// EAP-Transfer in the protection of the connection: the AK that the mobile signs with, or none before there is one.
    fn send_eap(&mut self, now: VirtualTime, (ms, purpose): (MsMac, Purpose), mut message: PkmMessage, note: String) {
        let crc = self.settings.radio.crc;
        let Some(Session { primary, signed_with, .. }) = self.session(ms, purpose) else {
            return;
        };
        let (primary, signed_with) = (*primary, *signed_with);
        let pdu = match purpose {
            Purpose::Entry => plain_pdu(&ManagementMessage::PkmRsp(message), primary, crc),
            Purpose::Renewal => {
                let keys = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys_signed_with(signed_with));
                let Some(keys) = keys else { return };
                message.attributes.push(PkmAttribute::KeySequenceNumber(keys.ak_sn().0));
                signed_pdu(ManagementMessage::PkmRsp(message), primary, Direction::Downlink, keys, crc)
            }
        };
        if let Ok(pdu) = pdu {
            self.queue_management(now, ms, pdu, note);
        }
    }

    /// Context_Req for the AK that EAP has just given.
    fn fetch_fresh_context(
        &mut self,
        now: VirtualTime,
        (ms, purpose): (MsMac, Purpose),
        sn: AkSequenceNumber,
        outbox: &mut Outbox<Event>,
    ) {
        if let Some(session) = self.session(ms, purpose) {
            session.stage = Stage::Fetching(sn);
        }
        let own = self.settings.bsid;
        let tlvs = vec![
            AsnTlv::ContextPurpose(context_purpose::MS_AK_CONTEXT),
            AsnTlv::MsInfo(vec![AsnTlv::AkContext(vec![AsnTlv::AkSn(sn.0)])]),
            AsnTlv::BsInfo(vec![AsnTlv::BsId(NodeIdentifier::Octets6(own.0))]),
        ];
        let note = format!("Context_Req: {} asks for the context of AK SN {sn}", self.directory.bs(own));
        self.ask_gateway(now, ms, MessageKind::ContextReq, tlvs, note, outbox);
    }

    /// The sequence number in a Context_Req for an AK that is not in use yet.
    pub(super) fn wanted_ak(request: &ControlMessage) -> Option<AkSequenceNumber> {
        let context = request.tlvs.inside(MsInfo).inside(AkContextTlv);
        context.ak_sn().filter(|_| request.kind == MessageKind::ContextReq).map(AkSequenceNumber)
    }

    /// Nobody has answered Context_Req for such an AK: it is asked for as long as the session lasts.
    pub(super) fn fresh_context_unanswered(
        &mut self,
        now: VirtualTime,
        request: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let (ms, wanted) = (request.ms, Self::wanted_ak(request));
        let waits = |session: &Session| matches!(session.stage, Stage::Fetching(sn) if Some(sn) == wanted);
        if let (Some(purpose), Some(sn)) = (self.session_where(ms, waits), wanted) {
            self.fetch_fresh_context(now, (ms, purpose), sn, outbox);
        }
    }

    /// Context_Rpt for such an AK: SA-TEK-Challenge.
    pub(super) fn fresh_context_reported(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        sn: AkSequenceNumber,
        report: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = report.ms;
        let wanted = |session: &Session| matches!(session.stage, Stage::Fetching(wanted) if wanted == sn);
        let Some(purpose) = self.session_where(ms, wanted) else {
            return outbox.verdict(Verdict::rejected("dropped: no authentication waits for this AK"));
        };
        let info = report.tlvs.inside(MsInfo).inside(AkContextTlv);
        let Some(((ak, seconds), n)) = info.ak().zip(info.ak_lifetime()).zip(info.cmac_key_count()) else {
            outbox.verdict(Verdict::rejected("no context: the authentication is over"));
            return self.end_session(ms, purpose, outbox);
        };
        let acknowledgement = ControlMessage::new(MessageKind::ContextAck, ms, report.transaction, Vec::new());
        self.backbone.tell(from, acknowledgement, "Context_Ack", outbox);
        let ak = AkContext::from_ak(Ak::from_octets(ak), sn, ms, self.settings.bsid);
        outbox.verdict(Verdict::accepted(format!("AK {} known, N = {n}: challenges the mobile", ak.akid)));
        let flows: Vec<(Sfid, Said)> =
            super::serving::flows(&report.tlvs).into_iter().map(|(sfid, _, said)| (sfid, said)).collect();
        let seamless = report.tlvs.is_seamless();
        let ends = now + Duration::from_secs(u64::from(seconds));
        let lifetime = PmkLifetime { full: self.settings.pmk_lifetime, ends };
        let seamless_here = seamless && self.settings.seamless && purpose == Purpose::Renewal;
        let generated = if seamless_here { saids(&flows) } else { Vec::new() };
        let entry = EntryKeys::without_teks(&ak, CmacKeyCount(0)).limited(self.settings.keys.limits);
        let keys = BaseStationKeys::new(self.settings.keys.clone(), ak, generated, lifetime);
        let mut bs_random = [0; 8];
        self.generator.fill_bytes(&mut bs_random);
        let Some(session) = self.session(ms, purpose) else {
            return;
        };
        let identifier = session.start;
        let classifiers = Classifiers::in_message(&report.tlvs);
        let challenge = Challenge { keys, entry, bs_random, identifier, repeats: 0, flows, classifiers, seamless };
        session.stage = Stage::Challenged(Box::new(challenge));
        self.report_keys(ms, outbox);
        self.challenge(now, ms, purpose);
    }

    fn challenge(&mut self, now: VirtualTime, ms: MsMac, purpose: Purpose) {
        let crc = self.settings.radio.crc;
        let name = self.directory.bs(self.settings.bsid);
        let Some(Session { stage: Stage::Challenged(challenge), primary, .. }) = self.session(ms, purpose) else {
            return;
        };
        let ak = challenge.keys.ak();
        let message = PkmMessage {
            code: PkmCode::SA_TEK_CHALLENGE,
            identifier: challenge.identifier,
            attributes: vec![
                PkmAttribute::BsRandom(challenge.bs_random),
                PkmAttribute::KeySequenceNumber(ak.ak_sn.0),
                PkmAttribute::AkId(ak.akid),
                PkmAttribute::KeyLifetime(challenge.keys.lifetime().seconds_left(now)),
            ],
        };
        let note = format!("SA-TEK-Challenge: {name} has AK {}", ak.akid);
        let message = ManagementMessage::PkmRsp(message);
        let pdu = signed_pdu(message, *primary, Direction::Downlink, &mut challenge.entry, crc);
        if let Ok(pdu) = pdu {
            self.queue_management(now, ms, pdu, note);
        }
        self.timers.set(Timer::Challenge(ms, purpose), now + CHALLENGE_TIMER);
    }

    /// SAChallengeTimer: the challenge again, or the end.
    pub(super) fn challenge_unanswered(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        purpose: Purpose,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(Session { stage: Stage::Challenged(challenge), .. }) = self.session(ms, purpose) else {
            return;
        };
        if challenge.repeats == CHALLENGE_REPEATS {
            return self.end_session(ms, purpose, outbox);
        }
        challenge.repeats += 1;
        self.challenge(now, ms, purpose);
    }

    /// SA-TEK-Request. Once it has verified under the new AK, the mobile is authenticated.
    fn sa_tek_request(
        &mut self,
        now: VirtualTime,
        (ms, purpose): (MsMac, Purpose),
        cid: Cid,
        message: &PkmMessage,
        protected: Option<(CmacTuple, &[u8])>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some((tuple, covered)) = protected else {
            return self.rejected(ms, Reject::Cmac, "dropped: SA-TEK-Request without CMAC digest", outbox);
        };
        let randoms = message.ms_random().zip(message.bs_random());
        match self.session(ms, purpose).map(|session| &mut session.stage) {
            Some(Stage::Challenged(challenge)) => {
                worked(ms, Work::CMAC_CHECK, outbox);
                if let Err(error) = challenge.entry.accept(Direction::Uplink, cid, covered, &tuple) {
                    return self.rejected(ms, Reject::from(error), format!("dropped: {error}"), outbox);
                }
                let wanted = (Some(challenge.keys.ak().akid), challenge.bs_random);
                match randoms {
                    Some((ms_random, bs_random)) if (message.akid(), bs_random) == wanted => {
                        if purpose == Purpose::Entry && !self.negotiation_stands(ms, message) {
                            let text = "dropped: its security negotiation is not that of SBC-REQ";
                            outbox.verdict(Verdict::rejected(text));
                            return self.authentication_ended(ms, purpose, outbox);
                        }
                        self.authenticated(now, (ms, purpose), message.identifier, ms_random, outbox);
                    }
                    _ => outbox.verdict(Verdict::rejected("dropped: it does not answer the challenge")),
                }
            }
            Some(Stage::Answered { bs_random, response }) => {
                let (bs_random, response) = (*bs_random, response.clone());
                if !self.verify(ms, cid, covered, &tuple, outbox) {
                    return;
                }
                if randoms != response.ms_random().zip(Some(bs_random)) {
                    return outbox.verdict(Verdict::rejected("dropped: it answers no challenge"));
                }
                outbox.verdict(Verdict::accepted("a repetition: the same answer again"));
                self.respond(now, ms, cid, response);
            }
            _ => outbox.verdict(Verdict::rejected("dropped: no challenge is out")),
        }
    }

    /// The mobile has the new AK: it comes into use.
    fn authenticated(
        &mut self,
        now: VirtualTime,
        (ms, purpose): (MsMac, Purpose),
        identifier: u8,
        ms_random: [u8; 8],
        outbox: &mut Outbox<Event>,
    ) {
        let taken = match purpose {
            Purpose::Entry => self.entrances.get_mut(&ms).and_then(|entrance| entrance.session.take()),
            Purpose::Renewal => self.mobiles.get_mut(&ms).and_then(|mobile| mobile.session.take()),
        };
        let Some(Session { stage: Stage::Challenged(challenge), start, transaction, primary, signed_with }) = taken
        else {
            return;
        };
        let Challenge { mut keys, mut entry, bs_random, flows, classifiers, seamless, .. } = *challenge;
        self.timers.cancel(Timer::Challenge(ms, purpose));
        self.timers.cancel(Timer::AuthenticationEnd(ms, purpose));
        let mut attributes = vec![
            PkmAttribute::MsRandom(ms_random),
            PkmAttribute::BsRandom(bs_random),
            PkmAttribute::KeySequenceNumber(keys.ak().ak_sn.0),
            PkmAttribute::AkId(keys.ak().akid),
        ];
        match purpose {
            Purpose::Renewal => {
                let Some(mobile) = self.mobiles.get_mut(&ms) else { return };
                // What counts of the PMK before are needed for is settled when the new one is confirmed.
                self.backbone
                    .withdraw(ms, |kind| matches!(kind, MessageKind::CmacKeyCountUpdate | MessageKind::PathRegReq));
                // An SDU that was sent in part goes on where it was.
                mobile.sent_with = mobile.sent_with.map(|(basic, _)| (basic, CmacKeyCount(0)));
                let mut old = mobile.keys.as_mut().and_then(|keys| keys.current_mut().cloned());
                if let Some(old) = &mut old {
                    entry.take_teks(old);
                }
                // What the mobile signs with until the response reaches it.
                if mobile.previous.as_ref().is_none_or(|previous| previous.ak_sn() != signed_with) {
                    mobile.previous = old;
                }
            }
            Purpose::Entry => {
                let Some(connection) = self.take_over(ms, outbox) else {
                    return;
                };
                attributes.extend(saids(&flows).into_iter().map(sa_tek::descriptor));
                attributes.push(PkmAttribute::SecurityNegotiation(capabilities::security(&self.settings.keys.window)));
                self.adopt(ms, connection, outbox);
            }
        }
        let response = PkmMessage { code: PkmCode::SA_TEK_RESPONSE, identifier, attributes };
        keys.establish_authenticated(entry);
        self.retained.retain(|(of, _)| *of != ms);
        let Some(mobile) = self.mobiles.get_mut(&ms) else { return };
        mobile.keys = Some(keys);
        mobile.flows = flows;
        mobile.classifiers = classifiers;
        if purpose == Purpose::Renewal {
            (mobile.seamless, mobile.negotiated) = (seamless && self.settings.seamless, seamless);
        }
        mobile.confirming = true;
        let stage = Stage::Answered { bs_random, response: response.clone() };
        mobile.session = Some(Session { start, transaction, primary, signed_with, stage });
        outbox.verdict(Verdict::accepted("CMAC good under the new AK: authenticated"));
        self.report_keys(ms, outbox);
        match purpose {
            Purpose::Entry => self.await_registration(now, ms),
            Purpose::Renewal => self.report_count(ms, outbox),
        }
        self.respond(now, ms, primary, response);
        self.confirm_pmk(now, ms, outbox);
        self.want_slot(now, ms);
    }

    /// SA-TEK-Response under the keys in use.
    pub(super) fn respond(&mut self, now: VirtualTime, ms: MsMac, primary: Cid, response: PkmMessage) {
        let crc = self.settings.radio.crc;
        let keys = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut()?.current_mut());
        let updates = response.sa_tek_updates().next().is_some();
        let note =
            if updates { "SA-TEK-Response: with SA-TEK-Update" } else { "SA-TEK-Response: the new AK is in use" };
        let message = ManagementMessage::PkmRsp(response);
        let pdu = keys.map(|keys| signed_pdu(message, primary, Direction::Downlink, keys, crc));
        if let Some(Ok(pdu)) = pdu {
            self.queue_management(now, ms, pdu, note.to_owned());
        }
    }

    /// Key_Change_Cnf: the Authenticator may let the old PMK go.
    pub(super) fn confirm_pmk(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(ak) = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref()).map(BaseStationKeys::ak) else {
            return;
        };
        let context = vec![AsnTlv::AkId(ak.akid), AsnTlv::AkSn(ak.ak_sn.0)];
        let tlvs = vec![AsnTlv::KeyChangeIndicator(0), AsnTlv::MsInfo(vec![AsnTlv::AkContext(context)])];
        let note =
            format!("Key_Change_Cnf: {} and {} use AK {}", self.directory.bs(ak.bs), self.directory.ms(ms), ak.akid);
        self.backbone.withdraw(ms, |kind| kind == MessageKind::KeyChangeCnf);
        self.ask_gateway(now, ms, MessageKind::KeyChangeCnf, tlvs, note, outbox);
    }

    /// Whether Key_Change_Cnf `request` is about the AK in use here.
    fn is_about_ak_in_use(&self, request: &ControlMessage) -> bool {
        let named = request.tlvs.inside(MsInfo).inside(AkContextTlv).ak_id();
        let keys = self.mobiles.get(&request.ms).and_then(|mobile| mobile.keys.as_ref());
        keys.is_some_and(|keys| named == Some(keys.ak().akid))
    }

    /// Nobody has answered Key_Change_Cnf: it is sent until somebody does.
    pub(super) fn pmk_unconfirmed(&mut self, now: VirtualTime, request: &ControlMessage, outbox: &mut Outbox<Event>) {
        if self.is_about_ak_in_use(request) {
            self.confirm_pmk(now, request.ms, outbox);
        }
    }

    /// Key_Change_Ack: the data path may come here. If the Authenticator knows nothing of the AK, the connection is over.
    pub(super) fn pmk_confirmed(
        &mut self,
        now: VirtualTime,
        request: &ControlMessage,
        answer: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = answer.ms;
        if !self.is_about_ak_in_use(request) {
            return outbox.verdict(Verdict::accepted("acknowledged; another AK is in use by now"));
        }
        if answer.tlvs.key_change_indicator() != Some(0) {
            outbox.verdict(Verdict::accepted("refused: the connection is over"));
            return self.forget_keys(now, ms, outbox);
        }
        outbox.verdict(Verdict::accepted("the Authenticator uses the new PMK"));
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.confirming = false;
        let here = matches!(&mobile.role, Role::Serving(serving) if serving.is_here());
        let here = here && mobile.registration.is_none();
        if let Some(keys) = mobile.keys.as_ref().filter(|_| here) {
            let (sn, count) = (keys.ak().ak_sn, keys.count());
            // The path of a live connection goes on under the new PMK.
            mobile.path = mobile.path.map(|_| (sn, count));
            self.entry_complete(now, ms, count, outbox);
        }
    }

    /// The Authenticator says that the PMK `gone` is no longer in use: what hangs on it goes, a live connection too.
    pub(super) fn pmk_replaced(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        gone: AkSequenceNumber,
        outbox: &mut Outbox<Event>,
    ) {
        let keys = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref());
        if keys.is_none_or(|keys| keys.ak().ak_sn != gone) {
            return outbox.verdict(Verdict::accepted("nothing of that PMK is held here"));
        }
        outbox.verdict(Verdict::accepted("another PMK is in use: every context of the old one goes"));
        self.forget_keys(now, ms, outbox);
    }

    /// The keys of a mobile go, and the connection or attempt under them.
    fn forget_keys(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        match self.mobiles.get(&ms).map(|mobile| &mobile.role) {
            Some(Role::Serving(_)) => self.let_go(now, ms, outbox),
            Some(Role::Target(_)) => {
                self.end_attempt(ms, outbox);
                self.close_tunnel(now, ms, outbox);
            }
            _ => {}
        }
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.keys = None;
        mobile.previous = None;
        mobile.session = None;
        mobile.confirming = false;
        self.retained.retain(|(of, _)| *of != ms);
        self.report_keys(ms, outbox);
        self.report_count(ms, outbox);
    }

    /// A message other than SA-TEK-Request has verified under the AK `sn`: if that is the one in use, the mobile uses it too,
    /// and the one before it goes.
    pub(super) fn signed_with(&mut self, ms: MsMac, sn: AkSequenceNumber, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms).filter(|mobile| mobile.previous.is_some()) else {
            return;
        };
        if mobile.keys.as_ref().is_some_and(|keys| keys.ak().ak_sn == sn) {
            mobile.previous = None;
            self.report_keys(ms, outbox);
        }
    }

    /// A session is over without a change of the AK in use.
    pub(super) fn end_session(&mut self, ms: MsMac, purpose: Purpose, outbox: &mut Outbox<Event>) {
        self.timers.cancel(Timer::Challenge(ms, purpose));
        if matches!(self.session(ms, purpose), Some(Session { stage: Stage::Answered { .. }, .. })) {
            return;
        }
        self.set_session(ms, purpose, None);
        self.report_keys(ms, outbox);
    }
}
