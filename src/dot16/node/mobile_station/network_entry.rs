//! The way into the network for a mobile that is switched on, and for one that has no connection and no context that would let
//! it in (802.16-2009 clause 6.3.9):
//!
//! 1. the downlink is found; a CDMA initial ranging code, RNG-RSP; RNG-REQ, RNG-RSP with basic and primary CID;
//! 2. SBC-REQ, SBC-RSP: basic capabilities, security negotiation ([`super::registration`]);
//! 3. EAP and the SA-TEK handshake ([`super::authentication`]);
//! 4. REG-REQ, REG-RSP: capabilities and transport connections; Key-Request, Key-Reply for every SA ([`super::registration`]).
//!
//! Every request is repeated a few times, then the next base station is tried: in turn, the one that served last first, and
//! again after a while, for ever. Nothing of the PMK before is used, and nothing of it is lost to a base station that answers
//! badly: it goes when another is in use.

use std::collections::BTreeMap;
use std::time::Duration;

use super::full_handover::Planned;
use super::registration::FirstKeys;
use super::{Live, MobileStation, State, Timer};
use crate::dot16::identifiers::{Bsid, Cid, Said};
use crate::dot16::node::connection::{Connection, plain_pdu};
use crate::dot16::node::event::{Counts, Event, Outcome, What};
use crate::dot16::node::radio::Association;
use crate::dot16::wire::{ManagementMessage, RangingStatus, RngReq, RngReqTlv, RngRsp, SecurityNegotiation, cdma_code};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// From the end of a round without success to the next round; it doubles with every round.
const BACK_OFF: Duration = Duration::from_secs(1);
/// How often it doubles at the most.
const BACK_OFF_DOUBLINGS: u32 = 4;

/// A mobile on its way into the network.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    pub(super) bs: Bsid,
    /// The BSs to be tried after this one, the next one last.
    others: Vec<Bsid>,
    /// Rounds without success so far.
    rounds: u32,
    pub(super) stage: Stage,
    /// How often the request of this stage was repeated.
    pub(super) repeats: u8,
    /// Security negotiation parameters of SBC-RSP, which is not protected.
    pub(super) negotiated: Option<SecurityNegotiation>,
    /// Whether a handover waits for the end.
    handover: bool,
    /// The handover that this entry is planned for.
    pub(super) planned: Option<Planned>,
}

#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Looking for the downlink.
    Synchronising,
    /// A CDMA code or RNG-REQ is out.
    Ranging,
    /// SBC-REQ is out, on these CIDs.
    Negotiating(Connection),
    /// EAP and the SA-TEK handshake.
    Authenticating(Connection),
    /// REG-REQ is out, under the AK of the handshake.
    Registering(Connection),
    /// Key-Requests are out; the connection has its transport CIDs.
    Keying { connection: Connection, keys: BTreeMap<Said, FirstKeys> },
    /// The first TEKs are being installed.
    Installing(Connection),
    /// Every BS was tried.
    Waiting,
}

impl Joining {
    /// Before the first BS is tried, which will be `bs`.
    pub(super) fn beginning(bs: Bsid, handover: bool) -> Self {
        let (others, stage) = (Vec::new(), Stage::Waiting);
        Self { bs, others, rounds: 0, stage, repeats: 0, negotiated: None, handover, planned: None }
    }

    /// On the way to the target of a handover with a full entry.
    pub(super) fn planned(bs: Bsid, planned: Planned) -> Self {
        Self { stage: Stage::Synchronising, planned: Some(planned), ..Self::beginning(bs, true) }
    }

    /// The CDMA code that this entry begins with.
    fn code(&self) -> [u8; 3] {
        if self.planned.is_some() { cdma_code::HANDOVER_RANGING } else { cdma_code::INITIAL_RANGING }
    }

    /// The connections at the BS, as far as it has given any.
    fn connection(&self) -> Option<&Connection> {
        match &self.stage {
            Stage::Synchronising | Stage::Ranging | Stage::Waiting => None,
            Stage::Negotiating(own) | Stage::Authenticating(own) | Stage::Registering(own) | Stage::Installing(own) => {
                Some(own)
            }
            Stage::Keying { connection, .. } => Some(connection),
        }
    }

    /// Whether the mobile listens to the BS.
    pub(super) fn is_listening(&self) -> bool {
        matches!(self.stage, Stage::Ranging) || self.may_send()
    }

    /// Whether it may send management messages there.
    pub(super) fn may_send(&self) -> bool {
        self.connection().is_some()
    }

    /// Whether the AK of this entry is in use: REG and the messages after it are protected.
    pub(super) fn has_keys(&self) -> bool {
        self.may_send() && !matches!(self.stage, Stage::Negotiating(_) | Stage::Authenticating(_))
    }
}

impl MobileStation {
    /// Gives up whatever connection or attempt there is, and enters the network by authentication, at the BS that served last
    /// or at another. The mobile tries until it is in.
    pub fn enter_network(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.join(now, self.last_serving, false, outbox);
    }

    /// The same, beginning with `first`. `handover`: one has begun, and ends as re-authenticated when the mobile is in.
    pub(super) fn join(&mut self, now: VirtualTime, first: Bsid, handover: bool, outbox: &mut Outbox<Event>) {
        for timer in [Timer::RepeatRequest, Timer::RepeatCancel, Timer::Indicate, Timer::Leave, Timer::Return] {
            self.timers.cancel(timer);
        }
        match (&self.state, &self.live) {
            (State::Entering { .. }, _) => self.stop_entering(outbox),
            (State::Joining { .. }, _) => self.stop_joining(),
            (State::Returning { .. }, _) | (_, None) => {}
            (_, Some(live)) => self.event(What::Left { bs: live.bs }, outbox),
        }
        self.drop_authentication(outbox);
        let exhausted = self.pending.take().is_some();
        self.management.clear();
        self.live = None;
        self.keys.abandon();
        self.report_keys(outbox);
        self.event(What::Committed(self.keys.committed()), outbox);
        let handover = handover || exhausted;
        self.state = State::Joining { joining: Joining::beginning(first, handover) };
        self.try_all(now, first);
    }

    /// A round begins with `first`.
    fn try_all(&mut self, now: VirtualTime, first: Bsid) {
        let mut others: Vec<Bsid> = self.settings.ports.stations().filter(|bs| *bs != first).collect();
        others.reverse();
        others.push(first);
        if let State::Joining { joining } = &mut self.state {
            joining.others = others;
        }
        self.try_next(now);
    }

    fn try_next(&mut self, now: VirtualTime) {
        let State::Joining { joining } = &mut self.state else {
            return;
        };
        match joining.others.pop() {
            Some(bs) => {
                (joining.bs, joining.stage, joining.negotiated) = (bs, Stage::Synchronising, None);
                self.timers.set(Timer::Join, now + self.settings.radio.dl_sync);
            }
            None => {
                let wait = BACK_OFF * (1 << joining.rounds.min(BACK_OFF_DOUBLINGS));
                joining.rounds += 1;
                joining.stage = Stage::Waiting;
                self.timers.set(Timer::Join, now + wait);
            }
        }
    }

    /// The BS in turn has not let the mobile in: the next one.
    pub(super) fn join_next(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if self.return_from_full_entry(now, outbox) {
            return;
        }
        if self.live.is_some() {
            return self.join(now, self.last_serving, true, outbox);
        }
        let State::Joining { joining } = &mut self.state else {
            return;
        };
        joining.planned = None;
        let (bs, has_keys) = (joining.bs, joining.has_keys());
        self.stop_joining();
        self.management.clear();
        if has_keys {
            self.keys.abandon();
            self.report_keys(outbox);
        }
        self.event(What::Left { bs }, outbox);
        self.try_next(now);
    }

    /// The downlink is found, or the wait before the next round is over.
    pub(super) fn join_on(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining } = &mut self.state else {
            return;
        };
        if matches!(joining.stage, Stage::Waiting) {
            return self.try_all(now, self.last_serving);
        }
        joining.stage = Stage::Ranging;
        let bs = joining.bs;
        let known = joining.planned.is_some() && self.settings.radio.association == Association::Level2;
        self.event(What::Listening { bs }, outbox);
        self.event(What::AuthenticationStarted { bs, entry: true }, outbox);
        self.timers.set(Timer::JoinDeadline, now + self.settings.radio.ranging_deadline);
        match known {
            true => self.join_range_later(now),
            false => self.timers.set(Timer::JoinAccess, self.settings.radio.next_uplink(now)),
        }
    }

    /// Timing and power are right: RNG-REQ, in a handover after its delay (R14).
    fn join_range_later(&mut self, now: VirtualTime) {
        let State::Joining { joining } = &self.state else {
            return;
        };
        let delay = if joining.planned.is_some() { self.settings.radio.rng_delay } else { Duration::ZERO };
        // Just before the delay is over, so that an uplink subframe that starts right then is still taken.
        let ready = if delay.is_zero() { now } else { now + delay - Duration::from_nanos(1) };
        self.timers.set(Timer::JoinRange, self.settings.radio.next_uplink(ready));
    }

    /// Sends a CDMA initial ranging code, and again until it is answered.
    pub(super) fn join_access(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining } = &self.state else {
            return;
        };
        if let Some(port) = self.settings.port(joining.bs) {
            let kind = if joining.planned.is_some() { "ranging" } else { "initial ranging" };
            let note = format!("CDMA {kind} code for {}", self.directory.bs(joining.bs));
            outbox.send(port, joining.code().to_vec(), note);
        }
        self.timers.set(Timer::JoinAccess, self.settings.radio.next_uplink(self.retry(now)));
    }

    /// RNG-REQ of initial ranging: no count, and nothing to protect it with.
    pub(super) fn join_range(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining } = &self.state else {
            return;
        };
        let mut tlvs = vec![RngReqTlv::SsMacAddress(self.settings.mac)];
        tlvs.extend(joining.planned.iter().flat_map(Planned::ranging_tlvs));
        tlvs.push(RngReqTlv::MacVersion(RngReq::MAC_VERSION));
        let what = if joining.planned.is_some() { "full entry" } else { "initial ranging" };
        let message = ManagementMessage::RngReq(RngReq { reserved: 0, tlvs: tlvs.into() });
        let pdu = plain_pdu(&message, Cid::INITIAL_RANGING, self.settings.radio.crc);
        if let (Ok(pdu), Some(port)) = (pdu, self.settings.port(joining.bs)) {
            let note = format!("RNG-REQ: {what} at {}", self.directory.bs(joining.bs));
            outbox.send(port, pdu, note);
        }
        self.timers.set(Timer::JoinRange, self.settings.radio.next_uplink(self.retry(now)));
    }

    /// Just before the time to repeat, so that an uplink subframe that starts right then is still taken.
    fn retry(&self, now: VirtualTime) -> VirtualTime {
        now + self.settings.radio.ranging_retry - Duration::from_nanos(1)
    }

    /// RNG-RSP without CMAC tuple for a mobile on its way into the network.
    pub(super) fn join_response(&mut self, now: VirtualTime, response: &RngRsp, outbox: &mut Outbox<Event>) {
        let State::Joining { joining: joining @ Joining { stage: Stage::Ranging, .. } } = &self.state else {
            return outbox.verdict(Verdict::rejected("dropped: no RNG-REQ is out"));
        };
        if self.timers.get(Timer::JoinAccess).is_some() && cdma_code::answers(response, joining.code()) {
            outbox.verdict(Verdict::accepted("timing adjusted"));
            self.timers.cancel(Timer::JoinAccess);
            return self.join_range_later(now);
        }
        let cids = response.basic_cid().zip(response.primary_cid());
        let for_this = response.ss_mac_address() == Some(self.settings.mac)
            && response.ranging_status() == Some(RangingStatus::SUCCESS)
            && self.timers.get(Timer::JoinRange).is_some();
        let Some((basic, primary)) = cids.filter(|_| for_this) else {
            return outbox.verdict(Verdict::rejected("dropped: it answers no RNG-REQ of this mobile"));
        };
        outbox.verdict(Verdict::accepted("ranging done: negotiates basic capabilities"));
        self.stop_joining();
        self.begin_stage(Stage::Negotiating(Connection { basic, primary, flows: Vec::new() }));
        self.negotiate(now, outbox);
    }

    /// The next stage begins, with no request of it repeated yet.
    pub(super) fn begin_stage(&mut self, stage: Stage) {
        self.timers.cancel(Timer::JoinRequest);
        if let State::Joining { joining } = &mut self.state {
            (joining.stage, joining.repeats) = (stage, 0);
        }
    }

    /// The TEKs are at work: the mobile is connected.
    pub(super) fn joined(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining: Joining { bs, stage: Stage::Installing(connection), handover, planned, .. } } =
            &self.state
        else {
            return;
        };
        let (bs, connection, handover) = (*bs, connection.clone(), *handover);
        let outcome = if planned.is_some() { Outcome::Completed } else { Outcome::Reauthenticated };
        let count = self.keys.committed();
        self.live = Some(Live { bs, connection, count });
        self.last_serving = bs;
        self.state = State::Connected;
        self.link_heard(now);
        self.reassemblers.clear();
        self.fragmenters.clear();
        self.sent_with = None;
        self.event(What::TrafficCount { bs, at_mobile: true, count: Some(count) }, outbox);
        self.event(What::UplinkGranted { bs }, outbox);
        self.event(What::Authenticated { bs, entry: true }, outbox);
        if handover {
            self.event(What::HandoverEnded { outcome, at: Some(bs) }, outbox);
        }
        self.withdraw_refresh();
        self.refresh_teks(now, outbox);
        if !self.packets.is_empty() {
            self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
        }
    }

    /// The counts are others from now on; the connection stays. Not while there are contexts of a next count.
    pub(super) fn take_counts(&mut self, counts: Counts, outbox: &mut Outbox<Event>) {
        let settled = matches!(self.state, State::Connected) && self.keys.traffic().is_none();
        let live = self.live.as_mut().filter(|_| settled);
        let Some(live) = live.filter(|live| self.keys.move_to(live.bs, counts.committed, counts.cmac_pn)) else {
            let why = "counts: the mobile has not entered the network, or has begun to leave";
            return self.event(What::CommandIgnored(why), outbox);
        };
        live.count = counts.committed;
        let (bs, count) = (live.bs, Some(live.count));
        self.report_keys(outbox);
        self.event(What::Committed(counts.committed), outbox);
        self.event(What::TrafficCount { bs, at_mobile: true, count }, outbox);
    }

    /// The contexts of the entry under way are lost: it begins anew.
    pub(super) fn join_anew(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if let State::Joining { joining } = &self.state {
            let handover = joining.handover;
            self.join(now, self.last_serving, handover, outbox);
        }
    }

    pub(super) fn stop_joining(&mut self) {
        let own = [Timer::Join, Timer::JoinRange, Timer::JoinAccess, Timer::JoinDeadline, Timer::JoinRequest];
        for timer in own.into_iter().chain([Timer::KeysInstalled]) {
            self.timers.cancel(timer);
        }
    }
}
