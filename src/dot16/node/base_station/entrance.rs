//! The entrance of a mobile that has no connection, or says so: initial ranging gives it a basic and a primary management
//! connection beside whatever this BS has for the mobile already, to negotiate basic capabilities and authenticate on. What
//! follows is in [`super::registration`].
//!
//! Neither RNG-REQ of initial ranging nor SBC-REQ is protected, so that they change nothing: no live connection, no prepared entry, no count
//! (A13, R7). Entrances are few and end after a while. Only a completed authentication takes the place of what was there.

use std::collections::BTreeMap;

use super::authentication::{LIMIT, Purpose, Session};
use super::registration::Registration;
use super::{BaseStation, Role, Serving, Timer};
use crate::dot16::backbone::MessageKind;
use crate::dot16::identifiers::{Cid, MsMac};
use crate::dot16::node::capabilities;
use crate::dot16::node::connection::{Connection, parse_management, plain_pdu};
use crate::dot16::node::event::{Event, HandoverMode, Reject, What};
use crate::dot16::security::Weakness;
use crate::dot16::wire::{
    MacPdu, ManagementMessage, PkmMessage, RangingStatus, RngReq, RngReqTlv, RngRsp, RngRspTlv, SbcMessage,
    SecurityNegotiation,
};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How many mobiles may authenticate to enter at a time.
pub(super) const ENTRANCES: usize = 32;

/// A mobile that authenticates to enter.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    /// Basic and primary CID; no flows yet.
    connection: Connection,
    /// Security negotiation parameters of SBC-REQ, which is not protected.
    negotiated: Option<SecurityNegotiation>,
    pub(super) session: Option<Session>,
}

/// The entrances of a BS.
pub(super) type Entrances = BTreeMap<MsMac, Entrance>;

/// Whether an RNG-REQ is of initial ranging: neither a count nor a CMAC tuple.
pub(super) fn is_initial(request: &RngReq) -> bool {
    !request.tlvs.iter().any(|tlv| matches!(tlv, RngReqTlv::CmacKeyCount(_) | RngReqTlv::CmacTuple(_)))
}

impl BaseStation {
    /// RNG-REQ of initial ranging: CIDs to authenticate on, the same ones for a repetition.
    pub(super) fn initial_ranging(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        if self.know(ms).is_none() {
            return outbox.verdict(Verdict::rejected("dropped: no mobile with this MAC address can be reached here"));
        }
        if !self.entrances.contains_key(&ms) {
            let connection = if self.entrances.len() < ENTRANCES { self.cids.allocate(&[]) } else { None };
            let Some(connection) = connection else {
                return outbox.verdict(Verdict::rejected("dropped: too many mobiles want to enter"));
            };
            self.entrances.insert(ms, Entrance { connection, negotiated: None, session: None });
            self.timers.set(Timer::AuthenticationEnd(ms, Purpose::Entry), now + LIMIT);
        }
        let prepared = self.target(ms).is_some_and(|target| target.mode == HandoverMode::LegacyFull);
        if prepared {
            self.timers.set(Timer::Deadline(ms), now + LIMIT);
            self.event(ms, What::RangingRequest { bs: self.settings.bsid }, outbox);
        }
        let Some(Entrance { connection, .. }) = self.entrances.get(&ms) else {
            return;
        };
        outbox.verdict(Verdict::accepted("initial ranging: may authenticate"));
        // In a handover RNG-RSP says what of the entry is left out: nothing.
        let bits = prepared.then(|| RngRspTlv::HoProcessOptimization(HandoverMode::LegacyFull.optimization()));
        let message = ManagementMessage::RngRsp(RngRsp {
            reserved: 0,
            tlvs: vec![
                RngRspTlv::RangingStatus(RangingStatus::SUCCESS),
                RngRspTlv::SsMacAddress(ms),
                RngRspTlv::BasicCid(connection.basic),
                RngRspTlv::PrimaryCid(connection.primary),
            ]
            .into_iter()
            .chain(bits)
            .collect(),
        });
        if let Ok(pdu) = plain_pdu(&message, Cid::INITIAL_RANGING, self.settings.radio.crc) {
            self.queue_management(
                now,
                ms,
                pdu,
                "RNG-RSP: initial ranging is done, basic capabilities follow".to_owned(),
            );
        }
    }

    /// The mobile that authenticates on a CID.
    pub(super) fn entrance_on(&self, cid: Cid) -> Option<MsMac> {
        let owns = |entrance: &Entrance| [entrance.connection.basic, entrance.connection.primary].contains(&cid);
        self.entrances.iter().find(|(_, entrance)| owns(entrance)).map(|(ms, _)| *ms)
    }

    /// A management PDU on a connection that is not authenticated: SBC-REQ, EAP and the SA-TEK handshake, nothing else.
    pub(super) fn entrance_pdu(&mut self, now: VirtualTime, ms: MsMac, pdu: &MacPdu<'_>, outbox: &mut Outbox<Event>) {
        let received = match parse_management(pdu) {
            Ok(received) => received,
            Err(error) => return self.rejected(ms, Reject::Malformed, format!("dropped: {error}"), outbox),
        };
        let negotiated = self.entrances.get(&ms).is_some_and(|entrance| entrance.negotiated.is_some());
        match &received.message {
            ManagementMessage::SbcReq(message) => self.capabilities_requested(now, ms, pdu.header.cid, message, outbox),
            ManagementMessage::PkmReq(message) if message.code.is_authentication() && !negotiated => {
                outbox.verdict(Verdict::rejected("dropped: no SBC-REQ has come before"));
            }
            ManagementMessage::PkmReq(message) if message.code.is_authentication() => {
                let of = (ms, Purpose::Entry);
                self.authentication_request(now, of, pdu.header.cid, message, received.protected, outbox);
            }
            other => {
                let text = format!("dropped: {} before the mobile is authenticated", other.name());
                outbox.verdict(Verdict::rejected(text));
            }
        }
    }

    /// SBC-REQ: what this BS can do, and what the mobile has said of security is kept until it is said under a CMAC.
    fn capabilities_requested(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        cid: Cid,
        request: &SbcMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(Entrance { connection, negotiated, session }) = self.entrances.get_mut(&ms) else {
            return;
        };
        if connection.basic != cid {
            return outbox.verdict(Verdict::rejected("dropped: not on the basic connection"));
        }
        if let Some(what) = capabilities::missing(request.security_negotiation()) {
            return outbox.verdict(Verdict::rejected(format!("dropped: without {what} nobody is let in")));
        }
        if session.is_none() {
            *negotiated = request.security_negotiation().cloned();
        }
        outbox.verdict(Verdict::accepted("basic capabilities noted"));
        let message = ManagementMessage::SbcRsp(capabilities::sbc(&self.settings.keys.window, false));
        if let Ok(pdu) = plain_pdu(&message, cid, self.settings.radio.crc) {
            self.queue_management(now, ms, pdu, "SBC-RSP: agrees to basic capabilities".to_owned());
        }
    }

    /// Whether SA-TEK-Request says of security what SBC-REQ said.
    pub(super) fn negotiation_stands(&self, ms: MsMac, request: &PkmMessage) -> bool {
        let negotiated = self.entrances.get(&ms).and_then(|entrance| entrance.negotiated.as_ref());
        self.weak(Weakness::BelievesSbcReq) || request.security_negotiation() == negotiated
    }

    /// A session has taken too long.
    pub(super) fn authentication_ended(&mut self, ms: MsMac, purpose: Purpose, outbox: &mut Outbox<Event>) {
        self.end_session(ms, purpose, outbox);
        if purpose == Purpose::Entry
            && let Some(entrance) = self.entrances.remove(&ms)
        {
            self.cids.free(&entrance.connection);
        }
    }

    /// The mobile of an entrance is authenticated: everything that this BS had for it before ends. Returns the connection of
    /// the entrance; transport CIDs follow with the registration.
    pub(super) fn take_over(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) -> Option<Connection> {
        let connection = self.entrances.remove(&ms)?.connection;
        self.backbone.withdraw(ms, |kind| {
            use MessageKind::{CmacKeyCountUpdate, ContextReq, HoCnf, HoReq, PathDeregReq, PathPreregReq, PathRegReq};
            let asked = [HoReq, HoCnf, ContextReq, CmacKeyCountUpdate, PathPreregReq, PathRegReq, PathDeregReq];
            asked.contains(&kind)
        });
        for timer in [Timer::Preparation(ms), Timer::Retain(ms), Timer::Deadline(ms), Timer::Registration(ms)] {
            self.timers.cancel(timer);
        }
        self.give_waiting_up(ms, outbox);
        self.retire_cids(ms, outbox);
        let mobile = self.mobiles.get_mut(&ms)?;
        // SDUs that were sent under the old keys are lost with them; those that wait go out under the new ones.
        mobile.kept.clear();
        mobile.management.clear();
        mobile.waiting = None;
        mobile.came_from = match &mobile.role {
            Role::Target(target) if target.mode == HandoverMode::LegacyFull => {
                target.request.as_ref().map(|(ip, _)| *ip)
            }
            _ => None,
        };
        mobile.gone_to = None;
        mobile.sent_with = None;
        mobile.previous = None;
        mobile.path = None;
        (mobile.seamless, mobile.negotiated) = (false, false);
        Some(connection)
    }

    /// The mobile is authenticated here: it has to register.
    pub(super) fn await_registration(&mut self, now: VirtualTime, ms: MsMac) {
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.role = Role::Serving(Serving::default());
            mobile.registration = Some(Registration::default());
        }
        self.timers.set(Timer::Registration(ms), now + LIMIT);
    }
}
