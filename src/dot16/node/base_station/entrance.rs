//! The entrance of a mobile that has no connection, or says so: initial ranging gives it a basic and a primary management
//! connection beside whatever this BS has for the mobile already, to authenticate on.
//!
//! RNG-REQ of initial ranging is not protected, so that it changes nothing: no live connection, no prepared entry, no count
//! (A13, R7). Entrances are few and end after a while. Only a completed authentication takes the place of what was there.

use std::collections::BTreeMap;

use super::authentication::{LIMIT, Purpose, Session};
use super::{BaseStation, Role, Serving, Timer};
use crate::dot16::backbone::MessageKind;
use crate::dot16::identifiers::{Cid, MsMac, Said, Sfid};
use crate::dot16::node::connection::{Connection, parse_management, plain_pdu};
use crate::dot16::node::event::{Event, Reject};
use crate::dot16::wire::{MacPdu, ManagementMessage, RangingStatus, RngReq, RngReqTlv, RngRsp, RngRspTlv};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How many mobiles may authenticate to enter at a time.
const ENTRANCES: usize = 32;

/// A mobile that authenticates to enter.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    /// Basic and primary CID; no flows yet.
    connection: Connection,
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
            self.entrances.insert(ms, Entrance { connection, session: None });
            self.timers.set(Timer::AuthenticationEnd(ms, Purpose::Entry), now + LIMIT);
        }
        let Some(Entrance { connection, .. }) = self.entrances.get(&ms) else {
            return;
        };
        outbox.verdict(Verdict::accepted("initial ranging: may authenticate"));
        let message = ManagementMessage::RngRsp(RngRsp {
            reserved: 0,
            tlvs: vec![
                RngRspTlv::RangingStatus(RangingStatus::SUCCESS),
                RngRspTlv::SsMacAddress(ms),
                RngRspTlv::BasicCid(connection.basic),
                RngRspTlv::PrimaryCid(connection.primary),
            ],
        });
        if let Ok(pdu) = plain_pdu(&message, Cid::INITIAL_RANGING, self.settings.radio.crc) {
            self.queue_management(now, ms, pdu, "RNG-RSP: initial ranging is done, authentication follows".to_owned());
        }
    }

    /// The mobile that authenticates on a CID.
    pub(super) fn entrance_on(&self, cid: Cid) -> Option<MsMac> {
        let owns = |entrance: &Entrance| [entrance.connection.basic, entrance.connection.primary].contains(&cid);
        self.entrances.iter().find(|(_, entrance)| owns(entrance)).map(|(ms, _)| *ms)
    }

    /// A management PDU on a connection that is not authenticated: EAP and the SA-TEK handshake, nothing else.
    pub(super) fn entrance_pdu(&mut self, now: VirtualTime, ms: MsMac, pdu: &MacPdu<'_>, outbox: &mut Outbox<Event>) {
        let received = match parse_management(pdu) {
            Ok(received) => received,
            Err(error) => return self.rejected(ms, Reject::Malformed, format!("dropped: {error}"), outbox),
        };
        match &received.message {
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
    /// the entrance with transport CIDs for `flows`, or `None` if there are not enough.
    pub(super) fn take_over(
        &mut self,
        ms: MsMac,
        flows: &[(Sfid, Said)],
        outbox: &mut Outbox<Event>,
    ) -> Option<Connection> {
        let mut connection = self.entrances.remove(&ms)?.connection;
        if !self.cids.add_flows(&mut connection, flows) {
            self.cids.free(&connection);
            return None;
        }
        self.backbone.withdraw(ms, |kind| {
            use MessageKind::{CmacKeyCountUpdate, ContextReq, HoCnf, HoReq, PathDeregReq, PathPreregReq, PathRegReq};
            let asked = [HoReq, HoCnf, ContextReq, CmacKeyCountUpdate, PathPreregReq, PathRegReq, PathDeregReq];
            asked.contains(&kind)
        });
        for timer in [Timer::Preparation(ms), Timer::Retain(ms), Timer::Deadline(ms)] {
            self.timers.cancel(timer);
        }
        self.retire_cids(ms, outbox);
        let mobile = self.mobiles.get_mut(&ms)?;
        // SDUs that were sent under the old keys are lost with them; those that wait go out under the new ones.
        mobile.kept.clear();
        mobile.management.clear();
        mobile.waiting = None;
        mobile.came_from = None;
        mobile.gone_to = None;
        mobile.sent_with = None;
        mobile.previous = None;
        mobile.path = false;
        Some(connection)
    }

    /// The mobile is connected here now.
    pub(super) fn entered(&mut self, now: VirtualTime, ms: MsMac) {
        let installed = self.installed(now);
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.role = Role::Serving(Serving::entered(Some(installed)));
        }
    }
}
