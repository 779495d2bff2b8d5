//! Authentication of the mobile: EAP in PKM messages, then the SA-TEK handshake that brings the new AK into use
//! (`dot16-security.md` 5.1, 6.1).
//!
//! A renewal runs on the live connection and is protected by the AK in use; connection and TEKs go on under the new AK, as its
//! entry of count 0. It is due when M is at its end or CMAC_PNs run out, and when a script wants it. In an entry
//! ([`super::network_entry`]) nothing protects EAP. The PMK before stays in use until SA-TEK-Response has verified under the
//! new AK; an authentication that comes to nothing changes nothing.

use std::time::Duration;

use rand_core::Rng;

use super::{MobileStation, State, Timer};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction};
use crate::dot16::node::capabilities;
use crate::dot16::node::connection::{plain_pdu, signed_pdu};
use crate::dot16::node::event::{Event, NamedKey, Outcome, Reject, What};
use crate::dot16::node::sa_tek;
use crate::dot16::security::Pmk;
use crate::dot16::security::eap_tls::{EapPeer, PeerStep};
use crate::dot16::security::entry_keys::EntryKeys;
use crate::dot16::security::mobile_keys::MobileKeys;
use crate::dot16::security::tek_context::PmkLifetime;
use crate::dot16::wire::{CmacTuple, EapPacket, ManagementMessage, PkmAttribute, PkmCode, PkmMessage};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How often EAP-Start and SA-TEK-Request are repeated.
const REPEATS: u8 = 3;
/// SaTEKTimer: from an SA-TEK-Request to its repetition.
const SA_TEK_TIMER: Duration = Duration::from_millis(300);
/// How long an authentication may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a mobile that enters waits for the next EAP packet, beside eight times what a serving BS waits for its candidates:
/// the Authenticator repeats its packets more often. A BS that has restarted has forgotten the entry.
const SILENCE: Duration = Duration::from_secs(2);
/// From a renewal that came to nothing to the next; it doubles with every further one.
const BACK_OFF: Duration = Duration::from_secs(1);
/// How often it doubles at the most.
const BACK_OFF_DOUBLINGS: u32 = 5;

/// An authentication under way.
#[derive(Debug)]
pub(super) struct Authentication {
    bs: Bsid,
    primary: Cid,
    /// Whether it is to enter; otherwise it renews the PMK of the live connection.
    entry: bool,
    peer: EapPeer,
    /// Identifier of EAP-Start.
    start: u8,
    /// How often EAP-Start was repeated.
    repeats: u8,
    /// When it is given up at the latest.
    until: VirtualTime,
    handshake: Option<Handshake>,
}

/// The SA-TEK handshake: a new AK that is not in use yet.
#[derive(Clone, Debug)]
struct Handshake {
    keys: MobileKeys,
    bs_random: [u8; 8],
    ms_random: [u8; 8],
    identifier: u8,
    repeats: u8,
}

/// A handover that waits for the end of a renewal.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    /// It has begun, but M + 1 does not fit: the renewal is all that comes of it.
    Exhausted,
    /// It begins afterwards.
    Deferred { target: Bsid, candidates: Vec<Bsid> },
}

impl Authentication {
    /// The keys of the new AK.
    pub(super) fn fresh(&self) -> Option<&MobileKeys> {
        self.handshake.as_ref().map(|handshake| &handshake.keys)
    }

    /// The CMAC keys of the new AK, if `sn` is its sequence number.
    pub(super) fn fresh_entry(&mut self, sn: AkSequenceNumber) -> Option<&mut EntryKeys> {
        let keys = self.handshake.as_mut().map(|handshake| &mut handshake.keys)?;
        if keys.pmk().1 == sn { keys.keys_mut(self.bs, CmacKeyCount(0)) } else { None }
    }
}

impl MobileStation {
    /// The script wants another PMK.
    pub(super) fn reauthenticate(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if !matches!(self.state, State::Connected) || self.authentication.is_some() {
            let text = "reauthenticate: one is under way, or the mobile has no connection to do it on";
            return self.event(What::CommandIgnored(text), outbox);
        }
        self.renew(now, outbox);
    }

    /// Renews the PMK if its last count has come into use, or CMAC_PNs run out.
    pub(super) fn renew_if_due(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if self.keys.count_is_exhausted() && self.may_renew() {
            self.renew(now, outbox);
        }
        self.renew_if_pns_run_out(now, outbox);
    }

    /// Renews the PMK if CMAC_PNs of the live connection run out.
    pub(super) fn renew_if_pns_run_out(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if self.pns_run_out() && self.may_renew() {
            self.renew(now, outbox);
        }
    }

    fn pns_run_out(&self) -> bool {
        let keys = self.live.as_ref().and_then(|live| self.keys.keys(live.bs, live.count));
        keys.is_some_and(EntryKeys::cmac_pns_run_out)
    }

    /// Whether a renewal can begin: the mobile is connected, none is under way, and none has just come to nothing.
    fn may_renew(&self) -> bool {
        matches!(self.state, State::Connected)
            && self.authentication.is_none()
            && self.timers.get(Timer::Reauthenticate).is_none()
    }

    /// A handover was asked for and M + 1 does not fit: the renewal comes first, and is all that comes of it.
    pub(super) fn renew_for_handover(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.pending = Some(Pending::Exhausted);
        if self.authentication.is_none() {
            self.renew(now, outbox);
        }
    }

    /// The back-off after a renewal that came to nothing is over. One that was refused is tried again only where it must be.
    pub(super) fn renew_again(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if std::mem::take(&mut self.refused) && !self.keys.count_is_exhausted() && !self.pns_run_out() {
            return;
        }
        if self.may_renew() {
            self.renew(now, outbox);
        } else {
            self.timers.set(Timer::Reauthenticate, now + BACK_OFF);
        }
    }

    /// Whether the authentication under way cannot be put off: the BS may use the new AK by now.
    pub(super) fn must_finish_authentication(&self) -> bool {
        self.authentication.as_ref().is_some_and(|authentication| authentication.handshake.is_some())
    }

    /// A handover goes before a renewal that has not come to the handshake, which may take long; the renewal is tried again
    /// later.
    pub(super) fn put_renewal_off(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if self.authentication.is_some() {
            self.drop_authentication(outbox);
            self.timers.set(Timer::Reauthenticate, now + BACK_OFF);
        }
    }

    fn renew(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some(live) = &self.live else { return };
        let (bs, primary) = (live.bs, live.connection.primary);
        self.timers.cancel(Timer::Reauthenticate);
        self.event(What::AuthenticationStarted { bs, entry: false }, outbox);
        self.authenticate(now, bs, primary, false, outbox);
    }

    /// Begins an authentication on the primary management connection `primary` at `bs`.
    pub(super) fn authenticate(
        &mut self,
        now: VirtualTime,
        bs: Bsid,
        primary: Cid,
        entry: bool,
        outbox: &mut Outbox<Event>,
    ) {
        self.pkm_identifier = self.pkm_identifier.wrapping_add(1);
        let peer = EapPeer::new(self.settings.credentials.clone());
        let start = self.pkm_identifier;
        let until = now + LIMIT;
        let authentication = Authentication { bs, primary, entry, peer, start, repeats: 0, until, handshake: None };
        self.authentication = Some(authentication);
        self.timers.set(Timer::AuthenticationLimit, until);
        self.start_eap(now, outbox);
    }

    /// EAP goes on: in an entry the next packet comes soon, or never.
    fn expect_eap(&mut self, now: VirtualTime) {
        if let Some(Authentication { entry: true, until, .. }) = self.authentication {
            let silence = SILENCE + self.settings.radio.handover_retry * 8;
            self.timers.set(Timer::AuthenticationLimit, until.min(now + silence));
        }
    }

    fn start_eap(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some(Authentication { start, .. }) = &self.authentication else {
            return;
        };
        let message = PkmMessage { code: PkmCode::EAP_START, identifier: *start, attributes: Vec::new() };
        self.send_eap(now, message, "PKM-REQ: EAP-Start".to_owned(), outbox);
        let radio = &self.settings.radio;
        self.timers.set(Timer::Authentication, now + radio.handover_retry + radio.frame * 4);
    }

    /// EAP in the protection of the AK in use, or of none where there is none.
    fn send_eap(&mut self, now: VirtualTime, mut message: PkmMessage, note: String, outbox: &mut Outbox<Event>) {
        let crc = self.settings.radio.crc;
        let Some(Authentication { entry, primary, .. }) = self.authentication else {
            return;
        };
        let pdu = if entry {
            plain_pdu(&ManagementMessage::PkmReq(message), primary, crc).ok()
        } else {
            let live = self.live.as_ref();
            let keys = live.and_then(|live| self.keys.keys_mut(live.bs, live.count));
            keys.and_then(|keys| {
                message.attributes.push(PkmAttribute::KeySequenceNumber(keys.ak_sn().0));
                signed_pdu(ManagementMessage::PkmReq(message), primary, Direction::Uplink, keys, crc).ok()
            })
        };
        match pdu {
            Some(pdu) => self.queue_management(now, pdu, note, outbox),
            None => self.event(What::CommandIgnored("a message could not be signed"), outbox),
        }
    }

    /// A PKM-RSP of EAP or of the SA-TEK handshake.
    pub(super) fn authentication_response(
        &mut self,
        now: VirtualTime,
        cid: Cid,
        message: &PkmMessage,
        protected: Option<(CmacTuple, &[u8])>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(Authentication { primary, entry, .. }) = self.authentication else {
            return outbox.verdict(Verdict::rejected("dropped: no authentication is under way"));
        };
        if cid != primary {
            return outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is none of this mobile's")));
        }
        match (message.code, protected) {
            (PkmCode::EAP_TRANSFER, _) if entry => self.eap_request(now, message, outbox),
            (PkmCode::EAP_TRANSFER, Some((tuple, covered))) => {
                if self.verify(cid, covered, &tuple, outbox) {
                    self.eap_request(now, message, outbox);
                }
            }
            (PkmCode::SA_TEK_CHALLENGE, Some(protected)) => self.challenged(now, cid, message, protected, outbox),
            (PkmCode::SA_TEK_RESPONSE, Some(protected)) => self.responded(now, cid, message, protected, outbox),
            (_, None) => self.rejected(Reject::Cmac, "dropped: PKM-RSP without CMAC digest", outbox),
            (_, Some(_)) => outbox.verdict(Verdict::rejected("dropped: not expected from a base station")),
        }
    }

    fn eap_request(&mut self, now: VirtualTime, message: &PkmMessage, outbox: &mut Outbox<Event>) {
        let packet = match message.eap_payload().map(EapPacket::parse) {
            Some(Ok(packet)) => packet,
            Some(Err(error)) => return self.rejected(Reject::Malformed, format!("dropped: {error}"), outbox),
            None => return self.rejected(Reject::Malformed, "dropped: no EAP payload", outbox),
        };
        let Self { authentication: Some(Authentication { peer, .. }), generator, .. } = self else {
            return;
        };
        match peer.take(&packet, now, generator) {
            PeerStep::Ignored(why) => outbox.verdict(Verdict::rejected(format!("dropped: {why}"))),
            PeerStep::Respond(response) => {
                outbox.verdict(Verdict::accepted("answered"));
                self.expect_eap(now);
                // From now on the Authenticator repeats what is lost.
                if self.authentication.as_ref().is_some_and(|authentication| authentication.handshake.is_none()) {
                    self.timers.cancel(Timer::Authentication);
                }
                let Ok(payload) = response.octets() else { return };
                let identifier = payload.get(1).copied().unwrap_or_default();
                let attributes = vec![PkmAttribute::EapPayload(payload)];
                let message = PkmMessage { code: PkmCode::EAP_TRANSFER, identifier, attributes };
                self.send_eap(now, message, format!("PKM-REQ: EAP {}", response.name()), outbox);
            }
            PeerStep::Succeeded => {
                outbox.verdict(Verdict::accepted("authenticated: waits for the SA-TEK-Challenge"));
                self.expect_eap(now);
            }
            PeerStep::Refused => {
                outbox.verdict(Verdict::accepted("not authenticated"));
                self.authentication_failed(now, true, outbox);
            }
        }
    }

    /// SA-TEK-Challenge: M = 0 for the new PMK, and SA-TEK-Request. It also says that EAP has succeeded.
    fn challenged(
        &mut self,
        now: VirtualTime,
        cid: Cid,
        message: &PkmMessage,
        (tuple, covered): (CmacTuple, &[u8]),
        outbox: &mut Outbox<Event>,
    ) {
        let Some(Authentication { bs, entry, peer, handshake, .. }) = &mut self.authentication else {
            return;
        };
        let (bs, entry) = (*bs, *entry);
        let named = message.ak_sn().zip(message.akid()).zip(message.bs_random()).zip(message.key_lifetime());
        let (Some((((sn, akid), bs_random), seconds)), Some(msk)) = (named, peer.msk()) else {
            return outbox.verdict(Verdict::rejected("dropped: it challenges for no AK that EAP has given"));
        };
        if !entry && sn == self.keys.pmk().1 {
            return outbox.verdict(Verdict::rejected("dropped: it challenges for the AK in use"));
        }
        let known = handshake.as_ref().is_some_and(|handshake| handshake.keys.pmk().1 == sn);
        let mut fresh = (!known).then(|| {
            let ends = now + Duration::from_secs(u64::from(seconds));
            let lifetime = PmkLifetime { full: self.keys.lifetime().full, ends };
            let mut keys = self.keys.renewed(Pmk::from_msk(msk.octets()), sn, lifetime);
            keys.establish_without_teks(bs);
            keys
        });
        let Some(keys) = fresh.as_mut().or(handshake.as_mut().map(|handshake| &mut handshake.keys)) else {
            return;
        };
        let verified = keys.keys_mut(bs, CmacKeyCount(0)).filter(|entry| entry.akid() == akid);
        match verified.map(|entry| entry.accept(Direction::Downlink, cid, covered, &tuple)) {
            Some(Ok(())) => {}
            Some(Err(error)) => return self.rejected(Reject::from(error), format!("dropped: {error}"), outbox),
            None => return self.rejected(Reject::Cmac, "dropped: its AKID is that of no AK known here", outbox),
        }
        outbox.verdict(Verdict::accepted(format!("the BS has AK {akid} too, M = 0")));
        let mut ms_random = [0; 8];
        self.generator.fill_bytes(&mut ms_random);
        match (handshake, fresh) {
            (handshake, Some(keys)) => {
                let (pmk, sn) = keys.pmk();
                let key = NamedKey::Pmk { sn, pmk: pmk.clone() };
                let identifier = message.identifier;
                *handshake = Some(Handshake { keys, bs_random, ms_random, identifier, repeats: 0 });
                self.event(What::Key { at_mobile: true, held: true, key }, outbox);
            }
            (Some(handshake), None) if handshake.bs_random != bs_random => {
                (handshake.bs_random, handshake.ms_random, handshake.repeats) = (bs_random, ms_random, 0);
                handshake.identifier = message.identifier;
            }
            _ => {}
        }
        self.report_keys(outbox);
        self.sa_tek_request(now, outbox);
    }

    fn sa_tek_request(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let crc = self.settings.radio.crc;
        let window = self.keys.window().clone();
        let Some(Authentication { bs, primary, entry, handshake: Some(handshake), .. }) = &mut self.authentication
        else {
            return;
        };
        // At entry it is what SBC-REQ, which is not protected, has said.
        let negotiation = if *entry { capabilities::security(&window) } else { sa_tek::parameters_of(&window) };
        let Some(entry) = handshake.keys.keys_mut(*bs, CmacKeyCount(0)) else {
            return;
        };
        let randoms = (handshake.ms_random, handshake.bs_random);
        let message = sa_tek::request(handshake.identifier, randoms, entry, negotiation);
        let note = format!("SA-TEK-Request: has AK {}", entry.akid());
        if let Ok(pdu) = signed_pdu(ManagementMessage::PkmReq(message), *primary, Direction::Uplink, entry, crc) {
            self.queue_management(now, pdu, note, outbox);
        }
        self.timers.set(Timer::Authentication, now + SA_TEK_TIMER);
        self.forgo_return(now);
    }

    /// EAP-Start or SA-TEK-Request was not answered.
    pub(super) fn authentication_unanswered(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some(authentication) = &mut self.authentication else {
            return;
        };
        let repeats = match &mut authentication.handshake {
            Some(handshake) => &mut handshake.repeats,
            None => &mut authentication.repeats,
        };
        if *repeats == REPEATS {
            return self.authentication_failed(now, false, outbox);
        }
        *repeats += 1;
        match authentication.handshake {
            Some(_) => self.sa_tek_request(now, outbox),
            None => self.start_eap(now, outbox),
        }
    }

    /// SA-TEK-Response: the new AK is in use at both ends.
    fn responded(
        &mut self,
        now: VirtualTime,
        cid: Cid,
        message: &PkmMessage,
        (tuple, covered): (CmacTuple, &[u8]),
        outbox: &mut Outbox<Event>,
    ) {
        let Some(Authentication { bs, entry, handshake: Some(handshake), .. }) = &mut self.authentication else {
            return outbox.verdict(Verdict::rejected("dropped: no SA-TEK-Request is out"));
        };
        let (bs, entry) = (*bs, *entry);
        let Some(keys) = handshake.keys.keys_mut(bs, CmacKeyCount(0)) else {
            return;
        };
        if let Err(error) = keys.accept(Direction::Downlink, cid, covered, &tuple) {
            return self.rejected(Reject::from(error), format!("dropped: {error}"), outbox);
        }
        let answers =
            (message.ms_random(), message.bs_random()) == (Some(handshake.ms_random), Some(handshake.bs_random));
        if !answers {
            return outbox.verdict(Verdict::rejected("dropped: it does not answer the request"));
        }
        let mut keys = handshake.keys.clone();
        if entry {
            return self.register_with(now, keys, message, outbox);
        }
        outbox.verdict(Verdict::accepted("the new AK is in use"));
        let Some(live) = &mut self.live else { return };
        let old = self.keys.take_keys(live.bs, live.count);
        if let (Some(mut old), Some(fresh)) = (old, keys.keys_mut(bs, CmacKeyCount(0))) {
            fresh.take_teks(&mut old);
        }
        live.count = CmacKeyCount(0);
        let basic = live.connection.basic;
        // An SDU that was sent in part goes on where it was.
        self.sent_with = self.sent_with.map(|_| (bs, basic, CmacKeyCount(0)));
        self.use_keys(keys, outbox);
        self.event(What::TrafficCount { bs, at_mobile: true, count: Some(CmacKeyCount(0)) }, outbox);
        self.event(What::Authenticated { bs, entry: false }, outbox);
        self.refresh_teks(now, outbox);
        match self.pending.take() {
            Some(Pending::Exhausted) => {
                let outcome = Outcome::Reauthenticated;
                self.event(What::HandoverEnded { outcome, at: Some(bs) }, outbox);
            }
            Some(Pending::Deferred { target, candidates }) => self.begin_handover(now, target, candidates, outbox),
            None => {}
        }
    }

    /// The PMK of a completed authentication comes into use, the one before goes with everything that hangs on it.
    pub(super) fn use_keys(&mut self, keys: MobileKeys, outbox: &mut Outbox<Event>) {
        let old = std::mem::replace(&mut self.keys, keys);
        self.authentication = None;
        self.stop_authentication_timers();
        self.renewals_failed = 0;
        if old.is_authenticated() {
            let (pmk, sn) = old.pmk();
            let key = NamedKey::Pmk { sn, pmk: pmk.clone() };
            self.event(What::Key { at_mobile: true, held: false, key }, outbox);
        }
        self.report_keys(outbox);
        self.event(What::Committed(self.keys.committed()), outbox);
    }

    /// An authentication came to nothing: it took too long, or was `refused`. The keys in use stay.
    pub(super) fn authentication_failed(&mut self, now: VirtualTime, refused: bool, outbox: &mut Outbox<Event>) {
        let Some(Authentication { bs, entry, .. }) = self.authentication else {
            return;
        };
        self.drop_authentication(outbox);
        self.event(What::AuthenticationFailed { bs, entry }, outbox);
        if entry {
            return self.join_next(now, outbox);
        }
        // A certificate that will not do now is likely not to do for a while.
        let doublings = if refused { BACK_OFF_DOUBLINGS } else { self.renewals_failed.min(BACK_OFF_DOUBLINGS) };
        self.renewals_failed += 1;
        self.refused = refused;
        self.timers.set(Timer::Reauthenticate, now + BACK_OFF * (1 << doublings));
        match self.pending.take() {
            Some(Pending::Exhausted) => {
                self.event(What::HandoverEnded { outcome: Outcome::Cancelled, at: Some(bs) }, outbox);
            }
            Some(Pending::Deferred { target, candidates }) => self.begin_handover(now, target, candidates, outbox),
            None => {}
        }
    }

    /// The connection on which an authentication runs is given up, and the authentication with it.
    pub(super) fn drop_authentication(&mut self, outbox: &mut Outbox<Event>) {
        self.stop_authentication_timers();
        let Some(authentication) = self.authentication.take() else {
            return;
        };
        if let Some(fresh) = authentication.fresh() {
            let (pmk, sn) = fresh.pmk();
            let key = NamedKey::Pmk { sn, pmk: pmk.clone() };
            self.event(What::Key { at_mobile: true, held: false, key }, outbox);
            self.report_keys(outbox);
        }
    }

    fn stop_authentication_timers(&mut self) {
        for timer in [Timer::Authentication, Timer::AuthenticationLimit, Timer::Reauthenticate] {
            self.timers.cancel(timer);
        }
    }
}
