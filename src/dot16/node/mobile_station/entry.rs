//! Entering a BS: arrival, RNG-REQ and RNG-RSP, the deadline, and what follows a failure (R1, R14, R18).

use std::time::Duration;

use super::handover::candidate_connection;
use super::{Live, MobileStation, State, Timer};
use crate::dot16::identifiers::{Bsid, Cid, Direction};
use crate::dot16::node::connection::{Connection, signed_pdu};
use crate::dot16::node::event::{Event, HandoverMode, Outcome, What};
use crate::dot16::node::radio::Association;
use crate::dot16::node::sa_tek;
use crate::dot16::security::Weakness;
use crate::dot16::wire::{
    HoProcessOptimization, HoSecurity, ManagementMessage, RangingStatus, RngReq, RngReqTlv, RngRsp, SaTekUpdate,
    cdma_code,
};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

impl MobileStation {
    /// Synchronised to the downlink of the BS to enter.
    pub(super) fn arrive(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &mut self.state else {
            return;
        };
        entry.listening = true;
        let (bs, deadline) = (entry.bs, entry.deadline);
        // Only the live connection goes on if this entry comes to nothing.
        let live = self.live.as_ref().map(|live| live.bs);
        self.reassemblers.retain(|(at, _), _| Some(*at) == live);
        self.fragmenters.retain(|(at, _), _| Some(*at) == live);
        if self.keys.weak(Weakness::DerivesAtArrival) {
            self.derive(now, bs, outbox);
        }
        self.event(What::Listening { bs }, outbox);
        self.timers.set(Timer::Deadline, now + deadline);
        match self.settings.radio.association {
            Association::Level2 => self.timing_known(now, outbox),
            Association::None => self.access(now, outbox),
        }
    }

    /// Timing and power are right: user data may flow where CIDs are pre-allocated, RNG-REQ follows after its delay.
    fn timing_known(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &mut self.state else {
            return;
        };
        if entry.mode == HandoverMode::Seamless && entry.connection.is_some() {
            entry.granted = true;
            let bs = entry.bs;
            self.event(What::UplinkGranted { bs }, outbox);
            if !self.packets.is_empty() {
                self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
            }
        }
        // Just before the delay is over, so that an uplink subframe that starts right then is still taken.
        let ready = now + self.settings.radio.rng_delay - Duration::from_nanos(1);
        self.timers.set(Timer::Range, self.settings.radio.next_uplink(ready));
    }

    /// Sends a CDMA ranging code (R14, `association = "none"`), and again until it is answered.
    pub(super) fn access(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &self.state else { return };
        if !self.settings.radio.uplink_starts_at(now) {
            return self.timers.set(Timer::Access, self.settings.radio.next_uplink(now));
        }
        if let Some(port) = self.settings.port(entry.bs) {
            let note = format!("CDMA ranging code for {}", self.directory.bs(entry.bs));
            outbox.send(port, cdma_code::HANDOVER_RANGING.to_vec(), note);
        }
        self.timers.set(Timer::Access, self.settings.radio.next_uplink(now + self.settings.radio.ranging_retry));
    }

    /// RNG-RSP without CMAC tuple: only as the answer to a CDMA code.
    pub(super) fn access_response(&mut self, now: VirtualTime, response: &RngRsp, outbox: &mut Outbox<Event>) {
        if matches!(self.state, State::Joining { .. }) {
            return self.join_response(now, response, outbox);
        }
        let waiting = matches!(self.state, State::Entering { .. }) && self.timers.get(Timer::Access).is_some();
        if !waiting || !cdma_code::answers(response, cdma_code::HANDOVER_RANGING) {
            return self.unprotected_response(now, response, outbox);
        }
        outbox.verdict(Verdict::accepted("timing adjusted"));
        self.timers.cancel(Timer::Access);
        self.timing_known(now, outbox);
    }

    /// RNG-REQ with T_M: on the pre-allocated Basic CID in a seamless handover, else on CID 0 (R18). T_M is spent now.
    pub(super) fn range(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let (State::Entering { entry }, Some(count)) = (&self.state, self.keys.traffic()) else {
            return;
        };
        let (bs, mode) = (entry.bs, entry.mode);
        let cid = entry.connection.as_ref().map_or(Cid::INITIAL_RANGING, |connection| connection.basic);
        let purpose = match mode {
            HandoverMode::Seamless => RngReq::PURPOSE_HANDOVER | RngReq::PURPOSE_SEAMLESS_HANDOVER,
            _ if self.keys.weak(Weakness::ClaimsSeamless) => {
                RngReq::PURPOSE_HANDOVER | RngReq::PURPOSE_SEAMLESS_HANDOVER
            }
            _ => RngReq::PURPOSE_HANDOVER,
        };
        let mut tlvs = vec![
            RngReqTlv::SsMacAddress(self.settings.mac),
            RngReqTlv::ServingBsid(entry.from),
            RngReqTlv::RangingPurpose(purpose),
        ];
        tlvs.extend(entry.ho_id.map(RngReqTlv::HoId));
        tlvs.extend([RngReqTlv::CmacKeyCount(count), RngReqTlv::MacVersion(RngReq::MAC_VERSION)]);
        let message = ManagementMessage::RngReq(RngReq { reserved: 0, tlvs: tlvs.into() });
        self.keys.spend();
        let crc = self.settings.radio.crc;
        let pdu = self.keys.keys_mut(bs, count).map(|keys| signed_pdu(message, cid, Direction::Uplink, keys, crc));
        if let (Some(Ok(pdu)), Some(port)) = (pdu, self.settings.port(bs)) {
            let note = format!("RNG-REQ: enters {}, CMAC_KEY_COUNT {count}", self.directory.bs(bs));
            outbox.send(port, pdu, note);
        }
        let retry = now + self.settings.radio.ranging_retry - Duration::from_nanos(1);
        self.timers.set(Timer::Range, self.settings.radio.next_uplink(retry));
    }

    /// RNG-RSP whose CMAC has verified.
    pub(super) fn ranging_response(&mut self, now: VirtualTime, response: &RngRsp, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &self.state else {
            return outbox.verdict(Verdict::rejected("dropped: no RNG-REQ is out"));
        };
        if !self.keys.is_spent() || response.ranging_status() != Some(RangingStatus::SUCCESS) {
            return outbox.verdict(Verdict::rejected("dropped: it ends no ranging of this mobile"));
        }
        let security = response.ho_process_optimization().map(|bits| bits.security());
        let (bs, from, mode) = (entry.bs, entry.from, entry.mode);
        let encodings = response.reg_rsp_encodings();
        let told = encodings
            .and_then(|encodings| encodings.vendor())
            .and_then(|vendor| candidate_connection(&vendor.items, bs));
        // The tuple tells the handshake with the AK at hand from full re-authentication.
        match response.sa_challenge_tuple() {
            Some(tuple) if security == Some(HoSecurity::Reauthentication) => {
                return self.challenged_at_target(now, *tuple, told, outbox);
            }
            Some(_) => {
                return outbox.verdict(Verdict::rejected("dropped: an SA challenge where the bits announce none"));
            }
            None if security == Some(HoSecurity::Reauthentication) => {
                return self.reauthentication_demanded(now, outbox);
            }
            None => {}
        }
        let notify = response
            .ho_process_optimization()
            .is_some_and(|bits| bits.contains(HoProcessOptimization::NOTIFY_RE_ENTRY));
        let Some(connection) = told.or_else(|| entry.connection.clone()) else {
            return outbox.verdict(Verdict::rejected("dropped: RNG-RSP names no transport connections"));
        };
        // R13: TEKs may come in RNG-RSP after seamless handover was agreed only where contexts were lost (bits 1-2 = 01, R8).
        let lost = security == Some(HoSecurity::SaTekUpdateInRngRsp) || mode != HandoverMode::Seamless;
        if response.sa_tek_updates().next().is_some() && !lost && !self.keys.weak(Weakness::AcceptsTeksAfterSeamless) {
            let text = "dropped: TEKs in RNG-RSP, although seamless handover was agreed";
            return outbox.verdict(Verdict::rejected(text));
        }
        let updates: Vec<&SaTekUpdate> = response.sa_tek_updates().collect();
        let installed = !updates.is_empty();
        if let Err(reason) = self.install_updates(now, &updates, &connection) {
            return outbox.verdict(Verdict::rejected(format!("dropped: {reason}")));
        }
        if !installed && mode == HandoverMode::LegacyReuse && security == Some(HoSecurity::NoTekTransfer) {
            if !self.keys.reuse_teks(from, bs) {
                return outbox.verdict(Verdict::rejected("dropped: the TEKs to be used on are gone here"));
            }
            outbox.verdict(Verdict::accepted("entry complete, TEKs go on with their packet numbers"));
            return self.complete(now, bs, connection, outbox);
        }
        if !installed && self.settings.seamless {
            outbox.verdict(Verdict::accepted("entry complete"));
            return self.complete(now, bs, connection, outbox);
        }
        if !installed {
            return outbox.verdict(Verdict::rejected("dropped: no TEKs in RNG-RSP, and none are generated here"));
        }
        outbox.verdict(Verdict::accepted("entry complete, TEKs unwrapped"));
        self.waits_for_teks(now, HandoverMode::LegacyRngRsp, outbox);
        if let State::Entering { entry } = &mut self.state {
            entry.installing = Some(connection);
            entry.notify = notify;
        }
        self.timers.set(Timer::KeysInstalled, now + self.settings.radio.tek_processing);
    }

    /// Ranging is done, and TEKs come or have come in `mode`: no user data until they are at work.
    pub(super) fn waits_for_teks(&mut self, now: VirtualTime, mode: HandoverMode, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &mut self.state else {
            return;
        };
        entry.connection = None;
        entry.granted = false;
        entry.mode = mode;
        let to = entry.bs;
        for timer in [Timer::Range, Timer::Deadline] {
            self.timers.cancel(timer);
        }
        self.event(What::HandoverAgreed { to, mode, action_time: now }, outbox);
    }

    /// The TEKs of RNG-RSP are at work after their processing time.
    pub(super) fn keys_installed(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &self.state else {
            return self.joined(now, outbox);
        };
        if let Some(connection) = entry.installing.clone() {
            self.complete(now, entry.bs, connection, outbox);
        }
    }

    /// Unwraps and installs the TEKs of `updates`. If there are any, they must be those of every SA of `connection`.
    pub(super) fn install_updates(
        &mut self,
        now: VirtualTime,
        updates: &[&SaTekUpdate],
        connection: &Connection,
    ) -> Result<(), String> {
        let State::Entering { entry } = &self.state else {
            return Ok(());
        };
        let bs = entry.bs;
        let missing = connection.flows.iter().find(|flow| updates.iter().all(|update| update.new_said != flow.said));
        if let Some(flow) = missing.filter(|_| !updates.is_empty()) {
            return Err(format!("TEKs of some SAs, but none of SAID {}", flow.said));
        }
        let count = self.keys.traffic().ok_or("no entry is under way")?;
        let kek = self.keys.ak(bs).kek.clone();
        let (window, ends) = (self.keys.window().clone(), self.keys.lifetime().ends);
        for update in updates {
            let context = sa_tek::unwrapped(&kek, update, &window, now, ends)?;
            self.keys.keys_mut(bs, count).ok_or("no keys for this BS")?.install(update.new_said, context);
        }
        Ok(())
    }

    fn complete(&mut self, now: VirtualTime, bs: Bsid, connection: Connection, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &self.state else { return };
        let outcome = if entry.fallback { Outcome::FellBack } else { Outcome::Completed };
        let (granted, notify) = (entry.granted, entry.notify);
        self.stop_timers();
        self.keys.complete(bs);
        self.live = Some(Live { bs, connection, count: self.keys.committed() });
        self.last_serving = bs;
        self.state = State::Connected;
        self.link_heard(now);
        self.reassemblers.retain(|(at, _), _| *at == bs);
        self.fragmenters.retain(|(at, _), _| *at == bs);
        self.report_keys(outbox);
        self.event(What::Committed(self.keys.committed()), outbox);
        let count = Some(self.keys.committed());
        self.event(What::TrafficCount { bs, at_mobile: true, count }, outbox);
        if !granted {
            self.event(What::UplinkGranted { bs }, outbox);
        }
        self.event(What::HandoverEnded { outcome, at: Some(bs) }, outbox);
        // The BS may have derived later, and use a TEK0 that has expired here: the first PDU under TEK1 tells.
        let keys = self.keys.keys(bs, self.keys.committed());
        let with_tek1 = keys.is_some_and(|keys| keys.tek_contexts().any(|(_, context)| context.begins_with_tek1(now)));
        self.proves_keys = notify || with_tek1;
        if self.proves_keys || !self.packets.is_empty() {
            self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
        }
        self.withdraw_refresh();
        self.refresh_teks(now, outbox);
        self.renew_if_due(now, outbox);
    }

    /// RNG-RSP demands re-authentication (bits 1-2 = 00): the mobile enters anew, at this BS first.
    fn reauthentication_demanded(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &self.state else { return };
        let bs = entry.bs;
        outbox.verdict(Verdict::accepted("re-authentication demanded"));
        self.join(now, bs, true, outbox);
    }

    /// The attempt did not succeed in time.
    pub(super) fn deadline(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &self.state else { return };
        let bs = entry.bs;
        self.stop_entering(outbox);
        self.give_entry_up(now, bs, outbox);
    }

    pub(super) fn stop_entering(&mut self, outbox: &mut Outbox<Event>) {
        if let State::Entering { entry } = &self.state {
            let bs = entry.bs;
            self.event(What::Left { bs }, outbox);
        }
        self.stop_timers();
    }

    fn stop_timers(&mut self) {
        for timer in
            [Timer::Arrive, Timer::Access, Timer::Range, Timer::Deadline, Timer::KeysInstalled, Timer::Handshake]
        {
            self.timers.cancel(timer);
        }
    }
}
