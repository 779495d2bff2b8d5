//! The way into the network for a mobile that has no connection and no context that would let it in: initial ranging,
//! authentication, and TEKs in SA-TEK-Response (802.16-2009 clause 6.3.9; SBC and REG are left out).
//!
//! The base stations are tried in turn, the one that served last first, and again after a while, for ever. Nothing of the PMK
//! before is used, and nothing of it is lost to a base station that answers badly: it goes when another is in use.

use std::time::Duration;

use super::handover::candidate_connection;
use super::{Live, MobileStation, State, Timer};
use crate::dot16::identifiers::{Bsid, Cid, CmacKeyCount};
use crate::dot16::node::connection::{Connection, plain_pdu};
use crate::dot16::node::event::{Event, Outcome, What};
use crate::dot16::node::radio::Association;
use crate::dot16::node::sa_tek;
use crate::dot16::security::mobile_keys::MobileKeys;
use crate::dot16::wire::{ManagementMessage, PkmMessage, RangingStatus, RngReq, RngReqTlv, RngRsp, cdma_code};
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
    stage: Stage,
    /// Whether a handover waits for the end.
    handover: bool,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Looking for the downlink.
    Synchronising,
    /// RNG-REQ is out.
    Ranging,
    /// EAP and the SA-TEK handshake, on these CIDs.
    Authenticating(Connection),
    /// The TEKs of SA-TEK-Response are being installed.
    Installing(Connection),
    /// Every BS was tried.
    Waiting,
}

impl Joining {
    /// Whether the mobile listens to the BS.
    pub(super) fn is_listening(&self) -> bool {
        matches!(self.stage, Stage::Ranging | Stage::Authenticating(_) | Stage::Installing(_))
    }

    /// Whether it may send management messages there.
    pub(super) fn may_send(&self) -> bool {
        matches!(self.stage, Stage::Authenticating(_) | Stage::Installing(_))
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
        let joining = Joining { bs: first, others: Vec::new(), rounds: 0, stage: Stage::Waiting, handover };
        self.state = State::Joining { joining };
        self.try_all(now, first);
    }

    /// A round begins with `first`.
    fn try_all(&mut self, now: VirtualTime, first: Bsid) {
        let mut others: Vec<Bsid> = self.settings.ports.keys().copied().filter(|bs| *bs != first).collect();
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
                (joining.bs, joining.stage) = (bs, Stage::Synchronising);
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
        let State::Joining { joining } = &self.state else {
            return;
        };
        let bs = joining.bs;
        self.stop_joining();
        self.management.clear();
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
        self.event(What::Listening { bs }, outbox);
        self.timers.set(Timer::JoinDeadline, now + self.settings.radio.ranging_deadline);
        match self.settings.radio.association {
            Association::Level2 => self.timers.set(Timer::JoinRange, self.settings.radio.next_uplink(now)),
            Association::None => self.timers.set(Timer::JoinAccess, self.settings.radio.next_uplink(now)),
        }
    }

    /// Sends a CDMA ranging code, and again until it is answered.
    pub(super) fn join_access(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining } = &self.state else {
            return;
        };
        if let Some(port) = self.settings.ports.get(&joining.bs) {
            let note = format!("CDMA ranging code for {}", self.directory.bs(joining.bs));
            outbox.send(*port, cdma_code::HANDOVER_RANGING.to_vec(), note);
        }
        self.timers.set(Timer::JoinAccess, self.settings.radio.next_uplink(self.retry(now)));
    }

    /// RNG-REQ of initial ranging: no count, and nothing to protect it with.
    pub(super) fn join_range(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining } = &self.state else {
            return;
        };
        let tlvs = vec![RngReqTlv::SsMacAddress(self.settings.mac), RngReqTlv::MacVersion(super::entry::MAC_VERSION)];
        let message = ManagementMessage::RngReq(RngReq { reserved: 0, tlvs });
        let pdu = plain_pdu(&message, Cid::INITIAL_RANGING, self.settings.radio.crc);
        if let (Ok(pdu), Some(port)) = (pdu, self.settings.ports.get(&joining.bs)) {
            let note = format!("RNG-REQ: initial ranging at {}", self.directory.bs(joining.bs));
            outbox.send(*port, pdu, note);
        }
        self.timers.set(Timer::JoinRange, self.settings.radio.next_uplink(self.retry(now)));
    }

    /// Just before the time to repeat, so that an uplink subframe that starts right then is still taken.
    fn retry(&self, now: VirtualTime) -> VirtualTime {
        now + self.settings.radio.ranging_retry - Duration::from_nanos(1)
    }

    /// RNG-RSP without CMAC tuple for a mobile on its way into the network.
    pub(super) fn join_response(&mut self, now: VirtualTime, response: &RngRsp, outbox: &mut Outbox<Event>) {
        let State::Joining { joining: joining @ Joining { stage: Stage::Ranging, .. } } = &mut self.state else {
            return outbox.verdict(Verdict::rejected("dropped: no RNG-REQ is out"));
        };
        if self.timers.get(Timer::JoinAccess).is_some() && cdma_code::answers(response, cdma_code::HANDOVER_RANGING) {
            outbox.verdict(Verdict::accepted("timing adjusted"));
            self.timers.cancel(Timer::JoinAccess);
            return self.timers.set(Timer::JoinRange, self.settings.radio.next_uplink(now));
        }
        let cids = response.basic_cid().zip(response.primary_cid());
        let for_this = response.ss_mac_address() == Some(self.settings.mac)
            && response.ranging_status() == Some(RangingStatus::SUCCESS)
            && self.timers.get(Timer::JoinRange).is_some();
        let Some((basic, primary)) = cids.filter(|_| for_this) else {
            return outbox.verdict(Verdict::rejected("dropped: it answers no RNG-REQ of this mobile"));
        };
        outbox.verdict(Verdict::accepted("ranging done: authenticates"));
        joining.stage = Stage::Authenticating(Connection { basic, primary, flows: Vec::new() });
        let bs = joining.bs;
        self.stop_joining();
        self.authenticate(now, bs, primary, true, outbox);
    }

    /// SA-TEK-Response has verified under the AK of `keys`: TEKs and transport connections are in it.
    pub(super) fn enter_with(
        &mut self,
        now: VirtualTime,
        mut keys: MobileKeys,
        response: &PkmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let State::Joining { joining: Joining { bs, stage: Stage::Authenticating(own), .. } } = &self.state else {
            return;
        };
        let (bs, own) = (*bs, own.clone());
        let told = response.vendor().and_then(|vendor| candidate_connection(&vendor.items, bs));
        let Some(connection) = told.filter(|told| (told.basic, told.primary) == (own.basic, own.primary)) else {
            return outbox.verdict(Verdict::rejected("dropped: SA-TEK-Response names no transport connections"));
        };
        let kek = keys.ak(bs).kek.clone();
        let (window, ends) = (keys.window().clone(), keys.lifetime().ends);
        for update in response.sa_tek_updates() {
            match (sa_tek::unwrapped(&kek, update, &window, now, ends), keys.keys_mut(bs, CmacKeyCount(0))) {
                (Ok(context), Some(entry)) => entry.install(update.new_said, context),
                (Err(reason), _) => return outbox.verdict(Verdict::rejected(format!("dropped: {reason}"))),
                (_, None) => {}
            }
        }
        outbox.verdict(Verdict::accepted("authenticated, TEKs unwrapped"));
        self.use_keys(keys, outbox);
        if let State::Joining { joining } = &mut self.state {
            joining.stage = Stage::Installing(connection);
        }
        self.timers.set(Timer::KeysInstalled, now + self.settings.radio.tek_processing);
    }

    /// The TEKs are at work: the mobile is connected.
    pub(super) fn joined(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining: Joining { bs, stage: Stage::Installing(connection), handover, .. } } =
            &self.state
        else {
            return;
        };
        let (bs, connection, handover) = (*bs, connection.clone(), *handover);
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
            self.event(What::HandoverEnded { outcome: Outcome::Reauthenticated, at: Some(bs) }, outbox);
        }
        self.withdraw_refresh();
        self.refresh_teks(now, outbox);
        if !self.packets.is_empty() {
            self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
        }
        self.withdraw_refresh();
        self.refresh_teks(now, outbox);
    }

    /// The contexts of the entry under way are lost: it begins anew.
    pub(super) fn join_anew(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if let State::Joining { joining } = &self.state {
            let handover = joining.handover;
            self.join(now, self.last_serving, handover, outbox);
        }
    }

    pub(super) fn stop_joining(&mut self) {
        for timer in [Timer::Join, Timer::JoinRange, Timer::JoinAccess, Timer::JoinDeadline, Timer::KeysInstalled] {
            self.timers.cancel(timer);
        }
    }
}
