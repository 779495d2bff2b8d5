//! Authentications at the Authenticator: EAP between the BSs and the AAA server, the PMKs that come of it, and the change from
//! one PMK to the next (`dot16-security.md` 6.1, 6.2; AR_EAP and Key_Change messages of `dot16-wire.md` 5.2).
//!
//! The Authenticator asks for the identity and repeats what a mobile has not answered; all else of EAP is between mobile and
//! AAA server (RFC 3748 section 2.3, RFC 3579), which it asks in [`super::aaa_client`].
//!
//! An EAP success makes a new PMK with N = 1 and a sequence number of its own. The PMK in use stays in use until a BS confirms
//! with Key_Change_Cnf that the SA-TEK handshake under the new AK is done; only then is it replaced, and every BS that holds
//! a context of the old one is told. An authentication that comes to nothing therefore changes nothing.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::aaa_client::{Answer, RequestName, request_name};
use super::{Authenticator, Mobile};
use crate::dot16::backbone::Compound::{AkContext as AkContextTlv, MsInfo};
use crate::dot16::backbone::asn_code::{PKM2_EAP_TRANSFER, failure, registration};
use crate::dot16::backbone::{AsnTlv, ControlMessage, MessageKind, NodeIdentifier, TlvLookup};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, CmacKeyCount, MsMac};
use crate::dot16::node::backbone_side::Request;
use crate::dot16::node::event::{Event, NamedKey, What};
use crate::dot16::node::named_count::{ak_sn_tlv, named_ak_sn};
use crate::dot16::security::authenticator_keys::AuthenticatorKeys;
use crate::dot16::security::hierarchy::AkContext;
use crate::dot16::security::tek_context::PmkLifetime;
use crate::dot16::security::{Msk, Pmk};
use crate::dot16::wire::{EapExchange, EapPacket};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How often an EAP packet is repeated before the authentication is given up.
const REPEATS: u8 = 5;
/// How long an authentication may take, and how long its PMK waits for the SA-TEK handshake (`dot16-security.md` 2.3).
const LIMIT: Duration = Duration::from_secs(10);
/// From a notice that a PMK is gone which nobody has acknowledged, after its repetitions, to the next.
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// From the first identifier of an authentication to that of the next: more than an exchange has requests.
const IDENTIFIERS: u64 = 16;
/// Octets of an identity at the most: User-Name holds it.
const LONGEST_IDENTITY: usize = 253;

/// The mobile, the BS, and whether the mobile enters there (or re-authenticates on the connection it has). So there are at most
/// two sessions for a mobile and BS.
pub(super) type SessionKey = (MsMac, Bsid, bool);

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SessionTimer {
    /// To repeat the last packet.
    Repeat(SessionKey),
    /// To ask the AAA server again.
    Ask(SessionKey),
    /// To give the session up.
    Expire(SessionKey),
    /// To tell those again who have not acknowledged that a PMK is gone.
    TellFormer(MsMac),
}

/// An authentication under way.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Of the AR_EAP_Start; every AR_EAP_Transfer of the session has the same.
    transaction: u16,
    /// The last packet sent.
    last: EapPacket,
    repeats: u8,
    /// The identity that the mobile gave.
    user_name: Vec<u8>,
    /// What the AAA server wants to have back.
    state: Option<Vec<u8>>,
    /// How many questions to the AAA server there were.
    questions: u8,
    /// The one that is out: the mobile has answered the last packet.
    asked: Option<RequestName>,
    /// What EAP came to.
    fresh: Option<AuthenticatorKeys>,
    /// Which of all sessions it is: a later one is the one that the mobile meant.
    order: u64,
}

impl Authenticator {
    /// AR_EAP_Start: a new authentication, or the last packet of the one under way again.
    pub(super) fn eap_start(
        &mut self,
        now: VirtualTime,
        bs: Bsid,
        message: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let entry = message.tlvs.registration_type() == Some(registration::INITIAL_NETWORK_ENTRY);
        let key = (message.ms, bs, entry);
        if self.sessions.get(&key).is_some_and(|session| session.transaction == message.transaction) {
            outbox.verdict(Verdict::accepted("a repetition: the last packet again"));
            return self.send_eap(key, outbox);
        }
        self.begun = self.begun.wrapping_add(1);
        // Authentications that follow each other, of one mobile or of several by one BS, use identifiers of their own.
        let identifier = self.begun.wrapping_mul(IDENTIFIERS).to_be_bytes()[7];
        let first = EapExchange { identifier, kind: EapExchange::IDENTITY, data: Vec::new() };
        let session = Session {
            transaction: message.transaction,
            last: EapPacket::Request(first),
            repeats: 0,
            user_name: Vec::new(),
            state: None,
            questions: 0,
            asked: None,
            fresh: None,
            order: self.begun,
        };
        self.end_session(key, outbox);
        self.sessions.insert(key, session);
        outbox.verdict(Verdict::accepted("EAP begins"));
        self.timers.set(SessionTimer::Expire(key), now + LIMIT);
        self.timers.set(SessionTimer::Repeat(key), now + self.eap_retry);
        self.send_eap(key, outbox);
    }

    /// AR_EAP_Transfer with a response of the mobile.
    pub(super) fn eap_response(
        &mut self,
        now: VirtualTime,
        bs: Bsid,
        message: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let of_transaction = |key: &&SessionKey| {
            self.sessions.get(*key).is_some_and(|session| session.transaction == message.transaction)
        };
        let keys = [(message.ms, bs, true), (message.ms, bs, false)];
        let Some(&key) = keys.iter().find(of_transaction) else {
            return outbox.verdict(Verdict::rejected("dropped: no authentication has this transaction"));
        };
        let packet = match message.tlvs.eap_payload().map(EapPacket::parse) {
            Some(Ok(packet)) => packet,
            Some(Err(error)) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            None => return outbox.verdict(Verdict::rejected("dropped: no EAP payload")),
        };
        let Some(session) = self.sessions.get_mut(&key).filter(|session| session.fresh.is_none()) else {
            return outbox.verdict(Verdict::rejected("dropped: the authentication has succeeded already"));
        };
        let (EapPacket::Request(request), EapPacket::Response(response)) = (&session.last, &packet) else {
            return outbox.verdict(Verdict::rejected("dropped: not a response"));
        };
        if response.identifier != request.identifier {
            return outbox.verdict(Verdict::rejected("dropped: it answers no outstanding request"));
        }
        if session.asked.is_some() {
            return outbox.verdict(Verdict::accepted("a repetition: the AAA server is being asked"));
        }
        if response.kind == EapExchange::IDENTITY {
            if response.data.len() > LONGEST_IDENTITY {
                return outbox.verdict(Verdict::rejected("dropped: an identity of more than 253 octets"));
            }
            session.user_name.clone_from(&response.data);
        }
        outbox.verdict(Verdict::accepted("relayed to the AAA server"));
        let name = request_name(session.order, session.questions);
        session.questions = session.questions.wrapping_add(1);
        session.asked = Some(name);
        let (user_name, state) = (session.user_name.clone(), session.state.clone());
        self.timers.cancel(SessionTimer::Repeat(key));
        if self.ask_aaa(now, key, name, (&user_name, state.as_deref()), &packet, outbox).is_none() {
            self.end_session(key, outbox);
        }
    }

    /// The AAA server has answered for a session that waits for it.
    pub(super) fn aaa_answered(
        &mut self,
        now: VirtualTime,
        key: SessionKey,
        answer: Answer,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        session.asked = None;
        match answer {
            Answer::Challenge(request, state) => {
                outbox.verdict(Verdict::accepted("relayed to the mobile"));
                session.state = Some(state);
                self.send_next(now, key, request, outbox);
            }
            Answer::Accept { success, msk, pmk_lifetime } => {
                outbox.verdict(Verdict::accepted("authenticated, N = 1 for the new PMK"));
                self.authenticated(now, key, &msk, pmk_lifetime, outbox);
                self.send_next(now, key, success, outbox);
            }
            Answer::Reject(failure) => {
                outbox.verdict(Verdict::accepted("not authenticated"));
                self.send_next(now, key, failure, outbox);
                self.end_session(key, outbox);
            }
        }
    }

    /// A new PMK, which no BS has confirmed yet.
    fn authenticated(
        &mut self,
        now: VirtualTime,
        key: SessionKey,
        msk: &Msk,
        full: Duration,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = key.0;
        let (Some(session), Some(mobile)) = (self.sessions.get_mut(&key), self.mobiles.get_mut(&ms)) else {
            return;
        };
        // PMK SNs have two bits above those of the PAK; that of the PMK in use is passed over.
        let after = |sn: AkSequenceNumber| AkSequenceNumber(sn.0.wrapping_add(4) & 0xc);
        let in_use = mobile.keys.pmk().1;
        mobile.last_sn = Some(after(mobile.last_sn)).filter(|sn| *sn != in_use).unwrap_or(after(in_use));
        let pmk = Pmk::from_msk(msk.octets());
        let named = NamedKey::Pmk { sn: mobile.last_sn, pmk: pmk.clone() };
        let lifetime = PmkLifetime { full, ends: now + full };
        let keys = AuthenticatorKeys::new(pmk, mobile.last_sn, ms, lifetime, Some(CmacKeyCount(1)));
        session.fresh = Some(
            keys.with_weaknesses(self.weaknesses.clone())
                .ending_at(self.last_key_count)
                .jumping_at_most(self.count_jump),
        );
        outbox.report(Event { ms, what: What::Key { at_mobile: false, held: true, key: named } });
    }

    fn send_next(&mut self, now: VirtualTime, key: SessionKey, packet: EapPacket, outbox: &mut Outbox<Event>) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.last = packet;
            session.repeats = 0;
        }
        self.timers.set(SessionTimer::Repeat(key), now + self.eap_retry);
        self.send_eap(key, outbox);
    }

    /// AR_EAP_Transfer with the last packet; with a success goes the sequence number of the new AK.
    fn send_eap(&mut self, key @ (ms, bs, _): SessionKey, outbox: &mut Outbox<Event>) {
        let (Some(session), Some(place)) = (self.sessions.get(&key), self.directory.base_stations.get(&bs)) else {
            return;
        };
        let Ok(payload) = session.last.octets() else { return };
        let mut tlvs = vec![AsnTlv::Pkm2MessageCode(PKM2_EAP_TRANSFER), AsnTlv::EapPayload(payload)];
        match (&session.last, &session.fresh) {
            (EapPacket::Success { .. }, Some(fresh)) => {
                tlvs.push(AsnTlv::AuthenticationResult(0));
                tlvs.push(AsnTlv::MsInfo(vec![AsnTlv::AkContext(vec![AsnTlv::AkSn(fresh.pmk().1.0)])]));
            }
            (EapPacket::Failure { .. }, _) => tlvs.push(AsnTlv::AuthenticationResult(1)),
            _ => {}
        }
        let note = format!("AR_EAP_Transfer: EAP {} for {}", session.last.name(), self.directory.ms(ms));
        let message = ControlMessage::new(MessageKind::ArEapTransfer, ms, session.transaction, tlvs);
        self.backbone.tell(place.endpoint.ip, message, note, outbox);
    }

    /// Context_Req that names the AK of a PMK which is not in use yet. It also says that the success has arrived.
    pub(super) fn fresh_context_request(
        &mut self,
        now: VirtualTime,
        bs: Bsid,
        sn: AkSequenceNumber,
        (from, request): (Ipv4Addr, &ControlMessage),
        outbox: &mut Outbox<Event>,
    ) {
        let named = |session: &Session| session.fresh.as_ref().is_some_and(|fresh| fresh.pmk().1 == sn);
        let keys = [(request.ms, bs, true), (request.ms, bs, false)];
        let key = keys.into_iter().find(|key| self.sessions.get(key).is_some_and(named));
        let session = key.and_then(|key| self.sessions.get_mut(&key));
        let Some((key, context)) = key.zip(session.and_then(|session| session.fresh.as_mut()?.hand_out(bs))) else {
            outbox.verdict(Verdict::rejected("refused: no authentication has given this AK"));
            let tlvs = vec![AsnTlv::FailureIndication(failure::CONTEXT_UNAVAILABLE)];
            let note = format!("Context_Rpt: no context, AK SN {sn} is unknown");
            return self.backbone.answer(from, request, MessageKind::ContextRpt, tlvs, note, outbox);
        };
        self.timers.cancel(SessionTimer::Repeat(key));
        outbox.verdict(Verdict::accepted("context of the new AK handed out"));
        self.report_context(now, from, request, &context, outbox);
    }

    /// Key_Change_Cnf: the SA-TEK handshake under a new AK is done. Its PMK comes into use, the one before goes.
    pub(super) fn key_changed(
        &mut self,
        now: VirtualTime,
        bs: Bsid,
        from: Ipv4Addr,
        message: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = message.ms;
        let akid = message.tlvs.inside(MsInfo).inside(AkContextTlv).ak_id();
        let names = |keys: &AuthenticatorKeys| {
            let (pmk, sn) = keys.pmk();
            akid == Some(AkContext::derive(pmk, sn, ms, bs).akid)
        };
        let confirmed = [(ms, bs, true), (ms, bs, false)]
            .into_iter()
            .find(|key| self.sessions.get(key).is_some_and(|session| session.fresh.as_ref().is_some_and(names)));
        let in_use = self.mobiles.get(&ms).is_some_and(|mobile| names(&mobile.keys));
        let (code, text) = match confirmed {
            Some(key) => {
                self.replace_pmk(now, key, outbox);
                (0, "the new PMK is in use")
            }
            None if in_use => (0, "the PMK is in use already"),
            None => (1, "refused: no authentication has given this AK, or a later one has replaced it"),
        };
        outbox.verdict(if code == 0 { Verdict::accepted(text) } else { Verdict::rejected(text) });
        let tlvs = vec![AsnTlv::KeyChangeIndicator(code)];
        let note = format!("Key_Change_Ack: {text}");
        self.backbone.answer(from, message, MessageKind::KeyChangeAck, tlvs, note, outbox);
    }

    fn replace_pmk(&mut self, now: VirtualTime, key @ (ms, bs, _): SessionKey, outbox: &mut Outbox<Event>) {
        let Some(Session { fresh: Some(fresh), order, .. }) = self.take_session(key) else {
            return;
        };
        // What the mobile began before is over; what it began later may still replace this.
        let earlier: Vec<SessionKey> = self
            .sessions
            .iter()
            .filter(|((of, ..), session)| *of == ms && session.order < order)
            .map(|(key, _)| *key)
            .collect();
        for key in earlier {
            self.end_session(key, outbox);
        }
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let (sn, next) = (fresh.pmk().1, fresh.next());
        let old = std::mem::replace(&mut mobile.keys, fresh);
        mobile.before = None;
        mobile.renewed = true;
        if mobile.path.0 == bs {
            (mobile.path.1, mobile.path_sn) = (CmacKeyCount(0), sn);
        }
        let (pmk, old_sn) = old.pmk();
        // The BS that confirms knows already.
        mobile.former.extend(old.holders().filter(|holder| *holder != bs).map(|holder| (holder, old_sn)));
        let key = NamedKey::Pmk { sn: old_sn, pmk: pmk.clone() };
        if old.is_authenticated() {
            outbox.report(Event { ms, what: What::Key { at_mobile: false, held: false, key } });
        }
        if let Some(count) = next {
            outbox.report(Event { ms, what: What::NetworkCount(count) });
        }
        self.backbone.withdraw(ms, |kind| kind == MessageKind::CmacKeyCountUpdate);
        self.tell_former_holders(now, ms, outbox);
    }

    /// Every BS that may hold contexts of a PMK which is no longer in use is told so, until it has acknowledged: PMK SN in MS
    /// Info names the PMK in use, the AK Context the one that is gone.
    pub(super) fn tell_former_holders(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(Mobile { former, keys, .. }) = self.mobiles.get(&ms) else {
            return;
        };
        let in_use = keys.pmk().1;
        let of_former = |open: &ControlMessage| open.tlvs.inside(MsInfo).pmk_sn().is_some();
        self.backbone.withdraw_messages(ms, of_former);
        for (holder, gone) in former.clone() {
            let Some(place) = self.directory.base_stations.get(&holder) else {
                continue;
            };
            let count = AsnTlv::CmacKeyCount(CmacKeyCount(u16::MAX));
            let context = ak_sn_tlv(gone).into_iter().chain([count]).collect();
            let tlvs = vec![
                AsnTlv::MsInfo(vec![AsnTlv::PmkSn(in_use.0), AsnTlv::AkContext(context)]),
                AsnTlv::BsInfo(vec![AsnTlv::BsId(NodeIdentifier::Octets6(holder.0))]),
            ];
            let note = format!("CMAC_Key_Count_Update: tells {} that PMK SN {gone} is no longer in use", place.name);
            let notice = Request { kind: MessageKind::CmacKeyCountUpdate, tlvs, note };
            self.backbone.request(now, place.endpoint.ip, ms, notice, outbox);
        }
    }

    /// Nobody has acknowledged a notice: a BS that does not know that a PMK is gone would refuse to prepare the mobile's next
    /// handover, which it takes to be connected still.
    pub(super) fn former_holder_silent(&mut self, now: VirtualTime, notice: &ControlMessage) {
        if notice.tlvs.inside(MsInfo).pmk_sn().is_some() {
            self.timers.set_by(SessionTimer::TellFormer(notice.ms), now + TELL_AGAIN);
        }
    }

    /// The notice `request` was acknowledged by `bs`.
    pub(super) fn former_holder_told(&mut self, bs: Bsid, request: &ControlMessage) {
        if request.tlvs.inside(MsInfo).pmk_sn().is_some()
            && let Some(mobile) = self.mobiles.get_mut(&request.ms)
        {
            mobile.former.remove(&(bs, named_ak_sn(&request.tlvs)));
        }
    }

    /// Repeats the packets that are due, and gives up what takes too long.
    pub(super) fn expire_sessions(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                SessionTimer::Expire(key) => self.end_session(key, outbox),
                SessionTimer::TellFormer(ms) => self.tell_former_holders(now, ms, outbox),
                SessionTimer::Ask(key) => {
                    if let Some(name) = self.sessions.get(&key).and_then(|session| session.asked) {
                        self.aaa_silent(now, key, name, outbox);
                    }
                }
                SessionTimer::Repeat(key) => {
                    let Some(session) = self.sessions.get_mut(&key) else {
                        continue;
                    };
                    session.repeats += 1;
                    if session.repeats > REPEATS {
                        self.end_session(key, outbox);
                        continue;
                    }
                    self.timers.set(SessionTimer::Repeat(key), now + self.eap_retry);
                    self.send_eap(key, outbox);
                }
            }
        }
    }

    fn take_session(&mut self, key: SessionKey) -> Option<Session> {
        for timer in [SessionTimer::Repeat(key), SessionTimer::Ask(key), SessionTimer::Expire(key)] {
            self.timers.cancel(timer);
        }
        let session = self.sessions.remove(&key)?;
        if let Some(name) = session.asked {
            self.aaa.withdraw(name);
        }
        Some(session)
    }

    /// A session is over without a change of the PMK in use.
    pub(super) fn end_session(&mut self, key: SessionKey, outbox: &mut Outbox<Event>) {
        if let Some(Session { fresh: Some(fresh), .. }) = self.take_session(key) {
            let (pmk, sn) = fresh.pmk();
            let named = NamedKey::Pmk { sn, pmk: pmk.clone() };
            outbox.report(Event { ms: key.0, what: What::Key { at_mobile: false, held: false, key: named } });
        }
    }

    /// Every session is over.
    pub(super) fn end_sessions(&mut self, outbox: &mut Outbox<Event>) {
        let keys: Vec<SessionKey> = self.sessions.keys().copied().collect();
        for key in keys {
            self.end_session(key, outbox);
        }
    }
}
