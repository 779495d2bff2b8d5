//! A mobile that has lost its connection without leaving it: its serving BS is silent, or its own contexts are gone. It
//! enters the network again with the next count (R1, R8).
//!
//! A serving BS sends MOB_NBR-ADV to every mobile that is connected to it, so that silence for several of its intervals
//! says that the mobile is connected no longer: the BS has restarted, or has let it go.

use super::authentication::Pending;
use super::{Entry, MobileStation, State, Timer};
use crate::dot16::identifiers::Bsid;
use crate::dot16::node::event::{Event, HandoverMode, What};
use crate::dot16::security::Weakness;
use crate::emulation::Outbox;
use crate::time::VirtualTime;

impl MobileStation {
    /// Something from the BS that the mobile listens to has arrived, or a connection begins.
    pub(super) fn link_heard(&mut self, now: VirtualTime) {
        self.heard = now;
    }

    /// Looks whether the link is lost, and when to look again.
    pub(super) fn check_link(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let lost = self.heard + self.settings.radio.lost_downlink;
        if now < lost {
            return self.timers.set(Timer::LostLink, lost);
        }
        self.timers.set(Timer::LostLink, now + self.settings.radio.lost_downlink);
        if matches!(self.state, State::Connected | State::Preparing { .. }) {
            self.enter_again(now, outbox);
        }
    }

    /// Leaves a connection that works no longer and enters its BS again, or another.
    pub(super) fn enter_again(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some(live) = self.live.take() else { return };
        let bs = live.bs;
        for timer in [Timer::RepeatRequest, Timer::RepeatCancel, Timer::Indicate, Timer::Leave] {
            self.timers.cancel(timer);
        }
        self.management.clear();
        self.drop_authentication(outbox);
        if matches!(self.state, State::Connected) && !matches!(self.pending.take(), Some(Pending::Exhausted)) {
            self.event(What::HandoverStarted { from: bs, to: bs }, outbox);
        }
        self.event(What::Left { bs }, outbox);
        let others = self.settings.ports.stations().filter(|other| *other != bs && self.settings.declared.handover);
        let fallbacks: Vec<Bsid> = others.collect();
        let entry = Entry {
            bs,
            from: bs,
            mode: HandoverMode::LegacyRngRsp,
            connection: None,
            installing: None,
            ho_id: None,
            deadline: self.settings.radio.ranging_deadline,
            fallbacks,
            fallback: true,
            listening: false,
            granted: false,
            notify: false,
            handshake: None,
        };
        if self.keys.begin().is_err() {
            return self.join(now, bs, true, outbox);
        }
        self.state = State::Entering { entry };
        self.derive(now, bs, outbox);
        self.timers.set(Timer::Arrive, now + self.settings.radio.dl_sync);
    }

    /// The contexts of every BS are lost (R8). What was under way is given up; the next entry uses the next count.
    pub(super) fn lose_contexts(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.keys.lose_contexts();
        if self.keys.weak(Weakness::DerivesLostContextsAgain) {
            let at = match &self.state {
                State::Entering { entry } => Some(entry.bs),
                _ => None,
            };
            self.report_keys(outbox);
            return at.map_or((), |bs| self.derive(now, bs, outbox));
        }
        self.lost_keys(now, outbox);
    }

    /// M and every context are lost.
    pub(super) fn lose_counter(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.keys.lose_counter();
        self.lost_keys(now, outbox);
    }

    fn lost_keys(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.report_keys(outbox);
        self.event(What::Committed(self.keys.committed()), outbox);
        match &self.state {
            State::Connected | State::Preparing { .. } | State::Leaving { .. } => self.enter_again(now, outbox),
            State::Entering { .. } => {
                self.live = None;
                self.stop_entering(outbox);
                self.re_enter(now, outbox);
            }
            State::Returning { .. } => {
                self.timers.cancel(Timer::Return);
                self.enter_again(now, outbox);
            }
            State::Joining { .. } => self.join_anew(now, outbox),
        }
    }
}
