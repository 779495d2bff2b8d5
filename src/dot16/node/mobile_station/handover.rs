//! The handover up to the action time: MOB_MSHO-REQ, MOB_BSHO-RSP, MOB_HO-IND, and what cancelling does (R1, R9).

use std::time::Duration;

use super::authentication::Pending;
use super::{Entry, MobileStation, State, Timer};
use crate::dot16::identifiers::{Bsid, Direction};
use crate::dot16::node::connection::{Connection, signed_pdu};
use crate::dot16::node::event::{Event, HandoverMode, Outcome, What};
use crate::dot16::security::Weakness;
use crate::dot16::security::mobile_keys::GiveUp;
use crate::dot16::wire::{
    HoIndication, ManagementMessage, Measurements, MobBshoRsp, MobHoInd, MobMshoReq, NewBs, RangingParameters,
    RecommendedBs, ReportMetric, VendorItem,
};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How often MOB_MSHO-REQ is repeated before the handover is given up.
const REPEATS: u8 = 3;

impl MobileStation {
    /// T_M first, then AK, KEK and TEKs of every candidate, then MOB_MSHO-REQ (R9, A6).
    pub(super) fn begin_handover(
        &mut self,
        now: VirtualTime,
        target: Bsid,
        candidates: Vec<Bsid>,
        outbox: &mut Outbox<Event>,
    ) {
        let (State::Connected, Some(live)) = (&self.state, &self.live) else {
            return self
                .event(What::CommandIgnored("handover: one is under way, or the mobile has no connection"), outbox);
        };
        let from = live.bs;
        if !self.settings.declared.handover && !self.keys.weak(Weakness::MovesAlthoughFixed) {
            return self.event(What::CommandIgnored("handover: a fixed station does not hand over"), outbox);
        }
        let (target, candidates) = self.candidates(target, candidates);
        if self.pending.is_some() {
            let text = "handover: one waits for the end of an authentication already";
            return self.event(What::CommandIgnored(text), outbox);
        }
        if self.must_finish_authentication() {
            self.pending = Some(Pending::Deferred { target, candidates });
            return;
        }
        self.event(What::HandoverStarted { from, to: target }, outbox);
        self.timers.cancel(Timer::RepeatCancel);
        if self.keys.begin().is_err() {
            return self.renew_for_handover(now, outbox);
        }
        self.withdraw_refresh();
        self.put_renewal_off(now, outbox);
        if !self.keys.weak(Weakness::DerivesAtArrival) {
            for &bs in &candidates {
                self.derive(now, bs, outbox);
            }
        }
        self.state = State::Preparing { target, candidates, repeats: 0 };
        self.request(now, outbox);
    }

    pub(super) fn derive(&mut self, now: VirtualTime, bs: Bsid, outbox: &mut Outbox<Event>) {
        self.keys.derive(now, bs);
        self.report_keys(outbox);
        if self.settings.seamless {
            let count = self.keys.traffic();
            self.event(What::TrafficCount { bs, at_mobile: true, count }, outbox);
        }
    }

    fn request(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Preparing { candidates, .. } = &self.state else {
            return;
        };
        let names: Vec<String> = candidates.iter().map(|bs| self.directory.bs(*bs)).collect();
        let note = format!("MOB_MSHO-REQ: asks for a handover, candidates {}", names.join(", "));
        let message = ManagementMessage::MobMshoReq(measured(candidates));
        self.send_to_serving(now, message, note, outbox);
        self.timers.set(Timer::RepeatRequest, now + self.settings.radio.handover_retry + self.settings.radio.frame * 4);
    }

    /// Queues a signed message for the serving BS.
    fn send_to_serving(
        &mut self,
        now: VirtualTime,
        message: ManagementMessage,
        note: String,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(live) = &self.live else { return };
        let Some(keys) = self.keys.keys_mut(live.bs, live.count) else {
            return;
        };
        let crc = self.settings.radio.crc;
        match signed_pdu(message, live.connection.basic, Direction::Uplink, keys, crc) {
            Ok(pdu) => self.queue_management(now, pdu, note, outbox),
            Err(_) => self.event(What::CommandIgnored("a message could not be signed"), outbox),
        }
    }

    pub(super) fn repeat_request(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Preparing { repeats, .. } = &mut self.state else {
            return;
        };
        if *repeats < REPEATS {
            *repeats += 1;
            return self.request(now, outbox);
        }
        self.abandon_preparation(now, outbox);
    }

    /// Nothing came of the preparation: the live connection goes on.
    fn abandon_preparation(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.indicate_cancel(now, outbox);
        self.end_unspent(outbox);
        self.refresh_teks(now, outbox);
    }

    /// A handover that left T_M unspent is over (R1).
    fn end_unspent(&mut self, outbox: &mut Outbox<Event>) {
        self.keys.give_up();
        self.report_keys(outbox);
        self.state = State::Connected;
        let at = self.live.as_ref().map(|live| live.bs);
        self.event(What::HandoverEnded { outcome: Outcome::Cancelled, at }, outbox);
    }

    /// MOB_BSHO-RSP: takes the wanted target if it is recommended, else the first that is.
    pub(super) fn handover_response(&mut self, now: VirtualTime, response: &MobBshoRsp, outbox: &mut Outbox<Event>) {
        let (State::Preparing { target, .. }, Some(live)) = (&self.state, &self.live) else {
            return outbox.verdict(Verdict::rejected("dropped: no MOB_MSHO-REQ is out"));
        };
        let (target, from) = (*target, live.bs);
        self.timers.cancel(Timer::RepeatRequest);
        let items = response.vendor().map_or(&[][..], |vendor| &vendor.items);
        let recommended: Vec<(&RecommendedBs, HandoverMode)> =
            response.recommended().iter().filter_map(|chosen| Some((chosen, self.mode_at(chosen, items)?))).collect();
        let Some((chosen, mode)) = recommended.iter().find(|(bs, _)| bs.bsid == target).or(recommended.first()) else {
            let text = match response.recommended() {
                [] => "no BS recommended: handover given up",
                _ => "no BS recommended in a way that was negotiated: handover given up",
            };
            outbox.verdict(Verdict::accepted(text));
            return self.abandon_preparation(now, outbox);
        };
        let (bs, mode) = (chosen.bsid, *mode);
        let connection = candidate_connection(items, bs);
        let deadline = ranging_deadline(items);
        // If the attempt fails: back to the serving BS, then to whoever else was recommended.
        let others = recommended.iter().map(|(other, _)| other.bsid).filter(|other| *other != bs);
        let fallbacks = std::iter::once(from).chain(others).collect();
        let radio = self.settings.radio.clone();
        let entry = Entry {
            bs,
            from,
            mode,
            connection: connection.filter(|_| mode == HandoverMode::Seamless),
            installing: None,
            ho_id: chosen.ho_id,
            deadline: deadline.unwrap_or(radio.ranging_deadline),
            fallbacks,
            fallback: false,
            listening: false,
            granted: false,
            notify: false,
            handshake: None,
        };
        let action_time =
            radio.frame_start(radio.frame_number(now).saturating_add(u32::from(response.action_time.max(1))));
        let name = self.directory.bs(bs);
        outbox.verdict(Verdict::accepted(format!("goes to {name} at {action_time}, {mode}")));
        if !self.keys.weak(Weakness::DerivesAtArrival) {
            self.derive(now, bs, outbox);
        }
        self.event(What::HandoverAgreed { to: bs, mode, action_time }, outbox);
        self.state = State::Leaving { entry };
        self.timers.set(Timer::Indicate, action_time - radio.frame + radio.downlink);
        self.timers.set(Timer::Leave, action_time);
    }

    /// How the mobile will get its TEKs at a recommended BS. `None` if it does not go there: bits 1-2 are reserved, or they
    /// announce, after seamless handover was negotiated, another way than that or 01 (R8, R13).
    fn mode_at(&self, recommended: &RecommendedBs, items: &[VendorItem]) -> Option<HandoverMode> {
        let flag = items.contains(&VendorItem::Seamless(true));
        let announced = HandoverMode::announced(recommended.optimization(), flag)?;
        let negotiated = self.settings.seamless && !self.keys.weak(Weakness::AcceptsTeksAfterSeamless);
        match announced {
            // Seamless needs pre-allocated CIDs, too.
            HandoverMode::Seamless if self.settings.seamless => {
                let told = candidate_connection(items, recommended.bsid).is_some();
                Some(if told { announced } else { HandoverMode::LegacyRngRsp })
            }
            HandoverMode::Seamless | HandoverMode::LegacyRngRsp => Some(HandoverMode::LegacyRngRsp),
            _ => (!negotiated).then_some(announced),
        }
    }

    /// MOB_HO-IND (release), in the last uplink subframe before the action time.
    pub(super) fn indicate(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Leaving { entry } = &self.state else { return };
        let (bs, mode) = (entry.bs, entry.mode);
        if mode == HandoverMode::LegacyReuse {
            // The last PDU under TEKs that go to the target with the packet numbers accepted so far (R12).
            self.flush(now, outbox);
        }
        let note = format!("MOB_HO-IND: leaves for {}", self.directory.bs(bs));
        let message = ManagementMessage::MobHoInd(indication(HoIndication::Release { target: bs }));
        self.send_to_serving(now, message, note, outbox);
        match mode {
            HandoverMode::LegacyReuse => self.flush_management(outbox),
            _ => self.flush(now, outbox),
        }
    }

    pub(super) fn leave(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Leaving { entry } = &self.state else { return };
        let (entry, from) = (entry.clone(), entry.from);
        self.management.clear();
        self.event(What::Left { bs: from }, outbox);
        if entry.mode == HandoverMode::LegacyFull {
            return self.leave_for_full_entry(now, &entry);
        }
        self.state = State::Entering { entry };
        self.timers.set(Timer::Arrive, now + self.settings.radio.dl_sync);
    }

    /// The script cancels the handover under way (R1).
    pub(super) fn cancel(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        match &self.state {
            State::Preparing { .. } | State::Leaving { .. } => {
                for timer in [Timer::RepeatRequest, Timer::Indicate, Timer::Leave] {
                    self.timers.cancel(timer);
                }
                self.abandon_preparation(now, outbox);
            }
            State::Entering { entry } if !entry.fallback => {
                let target = entry.bs;
                self.stop_entering(outbox);
                self.give_entry_up(now, target, outbox);
            }
            State::Joining { joining } if joining.planned.is_some() => {
                if !self.return_from_full_entry(now, outbox) {
                    self.event(What::CommandIgnored("cancel: there is no old connection to return to"), outbox);
                }
            }
            State::Connected if self.pending.is_some() => match self.pending.take() {
                Some(Pending::Exhausted) => {
                    let at = self.live.as_ref().map(|live| live.bs);
                    self.event(What::HandoverEnded { outcome: Outcome::Cancelled, at }, outbox);
                }
                _ => self.event(What::CommandIgnored("cancel: the handover had not begun"), outbox),
            },
            _ => self.event(What::CommandIgnored("cancel: no handover is under way"), outbox),
        }
    }

    /// The entry of a handover at `target` is given up (R1): without an RNG-REQ sent the mobile goes back to its old
    /// connection, otherwise it enters anew.
    pub(super) fn give_entry_up(&mut self, now: VirtualTime, target: Bsid, outbox: &mut Outbox<Event>) {
        let resumes = self.keys.weak(Weakness::ResumesAfterRanging);
        if (self.keys.is_spent() && !resumes) || self.live.is_none() {
            return self.re_enter(now, outbox);
        }
        self.state = State::Returning { target };
        self.timers.set(Timer::Return, now + self.settings.radio.dl_sync);
    }

    /// Back at the serving BS after a cancelled attempt: MOB_HO-IND (cancel), and the old connection goes on.
    pub(super) fn returned(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let (State::Returning { target }, Some(live)) = (&self.state, &self.live) else {
            return;
        };
        let (target, serving) = (*target, live.bs);
        self.reassemblers.retain(|(bs, _), _| *bs != target);
        self.link_heard(now);
        self.event(What::Listening { bs: serving }, outbox);
        self.event(What::UplinkGranted { bs: serving }, outbox);
        self.indicate_cancel(now, outbox);
        self.end_unspent(outbox);
        self.refresh_teks(now, outbox);
    }

    /// MOB_HO-IND (cancel). Nobody acknowledges it, so it is repeated until the serving BS is heard again.
    fn indicate_cancel(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.cancel_repeats = REPEATS;
        self.send_cancel(now, outbox);
    }

    pub(super) fn repeat_cancel(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if matches!(self.state, State::Connected) && self.cancel_repeats > 0 {
            self.cancel_repeats -= 1;
            self.send_cancel(now, outbox);
        }
    }

    /// The serving BS was heard, and what it sent verified: it knows that the mobile is here.
    pub(super) fn serving_heard(&mut self) {
        self.timers.cancel(Timer::RepeatCancel);
    }

    fn send_cancel(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.timers.set(Timer::RepeatCancel, now + self.settings.radio.ranging_retry);
        let message = ManagementMessage::MobHoInd(indication(HoIndication::Cancel));
        self.send_to_serving(now, message, "MOB_HO-IND: cancels the handover".to_owned(), outbox);
    }

    /// What R1 makes of an attempt that is given up when no old connection can be resumed: the next BS is entered, with
    /// the next count if T_M is spent.
    pub(super) fn re_enter(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &self.state else { return };
        let mut entry = entry.clone();
        if self.keys.give_up() == GiveUp::ReEnter {
            self.live = None;
            self.event(What::Committed(self.keys.committed()), outbox);
        }
        self.report_keys(outbox);
        if self.keys.weak(Weakness::ReturnsUnprepared) && entry.connection.is_some() && self.keys.begin().is_ok() {
            self.derive(now, entry.bs, outbox);
            entry.listening = false;
            self.state = State::Entering { entry };
            return self.timers.set(Timer::Arrive, now + self.settings.radio.dl_sync);
        }
        let next = if entry.fallbacks.is_empty() { None } else { Some(entry.fallbacks.remove(0)) };
        if self.keys.count_is_exhausted() {
            return self.join(now, self.last_serving, true, outbox);
        }
        let (Some(next), Ok(_)) = (next, self.keys.begin()) else {
            self.event(What::HandoverEnded { outcome: Outcome::Released, at: None }, outbox);
            return self.enter_network(now, outbox);
        };
        self.derive(now, next, outbox);
        entry.bs = next;
        entry.connection = None;
        entry.installing = None;
        entry.ho_id = None;
        entry.fallback = true;
        entry.listening = false;
        entry.granted = false;
        entry.notify = false;
        entry.handshake = None;
        if entry.mode != HandoverMode::Seamless {
            // Nobody has prepared this entry.
            entry.mode = HandoverMode::LegacyRngRsp;
        }
        self.state = State::Entering { entry };
        self.timers.set(Timer::Arrive, now + self.settings.radio.dl_sync);
    }
}

fn ranging_deadline(items: &[VendorItem]) -> Option<Duration> {
    items.iter().find_map(|item| match item {
        VendorItem::RangingDeadline(tens) => Some(Duration::from_millis(10) * u32::from(*tens)),
        _ => None,
    })
}

/// The CIDs pre-allocated at `bs` (R17).
pub(super) fn candidate_connection(items: &[VendorItem], bs: Bsid) -> Option<Connection> {
    items.iter().find_map(|item| match item {
        VendorItem::Candidate(candidate) if candidate.bsid == bs => Some(Connection::from_candidate(candidate)),
        _ => None,
    })
}

/// MOB_MSHO-REQ with plausible measurements: there is no PHY to take them from.
fn measured(candidates: &[Bsid]) -> MobMshoReq {
    let measurements = Measurements { cinr: Some(40), rssi: Some(0x60), relative_delay: None };
    let new_bs = NewBs { preamble_index: 33, measurements, service_level_prediction: 2, arrival_time_difference: None };
    MobMshoReq {
        report_metric: ReportMetric(ReportMetric::CINR | ReportMetric::RSSI),
        full: candidates.iter().map(|bs| (*bs, new_bs)).collect(),
        ..MobMshoReq::default()
    }
}

fn indication(indication: HoIndication) -> MobHoInd {
    MobHoInd {
        reserved: 0,
        indication,
        ranging_parameters: RangingParameters::Valid,
        indication_reserved: 0,
        preamble_index: 33,
        tlvs: Default::default(),
    }
}
