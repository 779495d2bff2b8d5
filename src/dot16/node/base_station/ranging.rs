//! RNG-REQ and RNG-RSP, and what follows from them on the backbone: reports and notices of counts (R2, R3, R7, R8, R13, R18).

use std::net::Ipv4Addr;

use rand_core::Rng;

use super::budget::worked;
use super::serving::bs_info;
use super::target::{Target, saids};
use super::{BaseStation, Role, Serving, Timer};
use crate::dot16::backbone::Compound::MsInfo;
use crate::dot16::backbone::asn_code::{bs_role, result};
use crate::dot16::backbone::{AsnTlv, ControlMessage, MessageKind, TlvLookup};
use crate::dot16::identifiers::{AkSequenceNumber, Cid, CmacKeyCount, Direction, MsMac, Said, Sfid};
use crate::dot16::node::connection::{plain_pdu, signed_pdu};
use crate::dot16::node::event::{Event, HandoverMode, Reject, What, Work};
use crate::dot16::node::named_count::{count_tlv, named_ak_sn, named_count};
use crate::dot16::node::sa_tek;
use crate::dot16::security::Weakness;
use crate::dot16::security::base_station_keys::{BaseStationKeys, EntryState, RangingOutcome};
use crate::dot16::security::hierarchy::Profile;
use crate::dot16::security::keys::Tek;
use crate::dot16::security::tek_context::{PmkLifetime, TekContext, TekSource, TekState};
use crate::dot16::wire::{
    CmacTuple, HoProcessOptimization, ManagementMessage, RangingStatus, RegRspEncodings, RegTlv, RngReq, RngRsp,
    RngRspTlv, VendorItem, VendorTlv, cdma_code, management,
};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

impl BaseStation {
    /// Verifies the CMAC tuple of a message on an established connection and takes its CMAC_PN.
    pub(super) fn verify(
        &mut self,
        ms: MsMac,
        cid: Cid,
        protected: &[u8],
        tuple: &CmacTuple,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let keys = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys_signed_with(tuple.ak_sn));
        if keys.is_some() {
            worked(ms, Work::CMAC_CHECK, outbox);
        }
        match keys.map(|keys| keys.accept(Direction::Uplink, cid, protected, tuple)) {
            Some(Ok(())) => return true,
            Some(Err(error)) => self.rejected(ms, Reject::from(error), format!("dropped: {error}"), outbox),
            None => outbox.verdict(Verdict::rejected("dropped: no keys of this mobile are at hand")),
        }
        false
    }

    /// A CDMA ranging code: RNG-RSP on the initial ranging connection names the code, for nobody is known yet.
    pub(super) fn cdma_code(&mut self, now: VirtualTime, ms: MsMac, code: [u8; 3], outbox: &mut Outbox<Event>) {
        if self.know(ms).is_none() {
            return outbox.verdict(Verdict::rejected("dropped: no link to answer on"));
        }
        outbox.verdict(Verdict::accepted("CDMA ranging code received"));
        let message = ManagementMessage::RngRsp(cdma_code::answer(code));
        if let Ok(pdu) = plain_pdu(&message, Cid::INITIAL_RANGING, self.settings.radio.crc) {
            self.queue_management(now, ms, pdu, "RNG-RSP: timing is right, allocation follows".to_owned());
        }
    }

    /// RNG-REQ. It is looked at only with the keys of the mobile at hand; else it waits for the context.
    pub(super) fn ranging_request(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        cid: Cid,
        message: &[u8],
        outbox: &mut Outbox<Event>,
    ) {
        let Some(mobile) = self.know(ms) else {
            return outbox.verdict(Verdict::rejected("dropped: no mobile with this MAC address can be reached here"));
        };
        if mobile.keys.as_ref().is_some_and(|keys| !keys.is_outdated()) {
            return self.range(now, ms, cid, message, outbox);
        }
        if mobile.waiting.is_some() || !matches!(mobile.role, Role::Idle) {
            return outbox.verdict(Verdict::rejected("dropped: the context has not arrived yet"));
        }
        if !self.context_requests.take(now) {
            let budget = self.settings.context_request_budget;
            let text = format!("dropped: no context here, and {budget} have been asked for in this second");
            return outbox.verdict(Verdict::rejected(text));
        }
        let Some(mobile) = self.mobiles.get_mut(&ms) else { return };
        mobile.waiting = Some((cid, message.to_vec()));
        mobile.role = Role::Target(Target::unprepared());
        outbox.verdict(Verdict::accepted("no context here: asks for it"));
        self.timers.set(Timer::Deadline(ms), now + self.settings.radio.ranging_deadline);
        self.fetch_context(now, ms, outbox);
    }

    /// The context has arrived for an RNG-REQ that waited.
    pub(super) fn ranging_resumed(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let waiting = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.waiting.take());
        if let Some((cid, message)) = waiting {
            // The verdict of this input belongs to Context_Rpt.
            let mut later = Outbox::default();
            self.range(now, ms, cid, &message, &mut later);
            outbox.append_without_verdict(later);
        }
    }

    fn range(&mut self, now: VirtualTime, ms: MsMac, cid: Cid, octets: &[u8], outbox: &mut Outbox<Event>) {
        let Ok(request) = RngReq::parse(octets) else {
            return self.rejected(ms, Reject::Malformed, "dropped: no RNG-REQ", outbox);
        };
        let tuple = request.cmac_tuple().cloned();
        let protected = tuple.as_ref().and_then(|tuple| management::protected_part(octets, tuple));
        let (Some(m), Some(tuple), Some(protected)) = (request.cmac_key_count(), tuple.as_ref(), protected) else {
            return self.rejected(ms, Reject::Cmac, "dropped: no CMAC_KEY_COUNT or no CMAC tuple", outbox);
        };
        let bs = self.settings.bsid;
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let seamless = request.ranging_purpose().is_some_and(|bits| bits & RngReq::PURPOSE_SEAMLESS_HANDOVER != 0);
        if seamless && !mobile.seamless {
            return outbox.verdict(Verdict::rejected("dropped: seamless handover was not negotiated"));
        }
        let Some(keys) = &mut mobile.keys else { return };
        let outcome = keys.range(now, m, cid, protected, tuple);
        worked(ms, Work { cmac_checks: 1, ..keys.take_work().into() }, outbox);
        if outcome == RangingOutcome::Invalid {
            self.rejected(ms, Reject::Cmac, format!("dropped: the CMAC does not verify for count {m}"), outbox);
            if self.weak(Weakness::BelievesCountFirst) {
                self.believed(now, ms, outbox);
            }
            if self.weak(Weakness::FetchesContextAgain)
                && self.target(ms).is_some_and(|target| target.request.is_none())
            {
                self.end_attempt(ms, outbox);
                if let Some(mobile) = self.mobiles.get_mut(&ms) {
                    mobile.keys = None;
                }
            }
            return;
        }
        self.event(ms, What::RangingRequest { bs }, outbox);
        match outcome {
            RangingOutcome::Invalid => {}
            RangingOutcome::Replay(error) => {
                self.rejected(ms, Reject::CmacPn, format!("dropped as a replay: {error}"), outbox);
            }
            RangingOutcome::Smaller { expected, state } => {
                let text = format!("dropped: count {m} is below {expected}");
                self.rejected(ms, Reject::KeyCount, text, outbox);
                if self.settings.keys.profile == Profile::Std2009 && state == EntryState::Prepared {
                    self.demand_reauthentication(now, ms, cid, m);
                }
                if self.weak(Weakness::SmallerCountReleases) {
                    self.believed(now, ms, outbox);
                }
            }
            RangingOutcome::Retransmission if self.weak(Weakness::AnswersRangingOnce) => {
                self.rejected(ms, Reject::CmacPn, "dropped: this RNG-REQ was answered before", outbox);
            }
            RangingOutcome::Retransmission => {
                outbox.verdict(Verdict::accepted("a retransmission: answered again"));
                self.ranging_answer(now, ms, cid, m);
            }
            RangingOutcome::ContextLost => self.context_lost(now, ms, cid, m, outbox),
            RangingOutcome::Confirmed { advanced } => self.ranged(now, ms, cid, m, advanced, outbox),
        }
    }

    /// An RNG-REQ that ought to have changed nothing has changed the keys in use.
    fn believed(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        self.report_keys(ms, outbox);
        self.report_count(ms, outbox);
        self.end_if_keyless(now, ms, outbox);
    }

    /// A valid RNG-REQ at or above T_B: the entry is confirmed.
    fn ranged(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        cid: Cid,
        m: CmacKeyCount,
        advanced: bool,
        outbox: &mut Outbox<Event>,
    ) {
        let how = if advanced { "CMAC good, count taken, TEKs generated anew" } else { "CMAC good, count as expected" };
        let never = self.weak(Weakness::NeverSealsAgain);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        if advanced && !never {
            mobile.queue_kept();
        }
        mobile.kept.clear();
        let planned = match &mobile.role {
            _ if mobile.seamless => HandoverMode::Seamless,
            Role::Target(target) => target.mode,
            _ => HandoverMode::LegacyRngRsp,
        };
        mobile.challenge = None;
        let mode = match planned {
            HandoverMode::Seamless => planned,
            HandoverMode::LegacySaTek => {
                self.challenge_arrival(ms);
                planned
            }
            HandoverMode::LegacyReuse if self.install_reused(now, ms) => planned,
            _ => {
                self.install_random(now, ms, None);
                HandoverMode::LegacyRngRsp
            }
        };
        let missing = planned == HandoverMode::LegacyReuse && mode != planned;
        let but = if missing { ", but no TEKs have come from the serving BS" } else { "" };
        outbox.verdict(Verdict::accepted(format!("{how}{but}")));
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.mode = mode;
        }
        self.report_keys(ms, outbox);
        self.report_count(ms, outbox);
        self.enter(now, ms, cid, m, outbox);
        self.confirmed(now, ms, m, outbox);
    }

    /// A valid RNG-REQ for a count whose context was lost: TEKs go out in RNG-RSP; the entry is confirmed when the first
    /// uplink PDU under them has verified (R8).
    fn context_lost(&mut self, now: VirtualTime, ms: MsMac, cid: Cid, m: CmacKeyCount, outbox: &mut Outbox<Event>) {
        outbox.verdict(Verdict::accepted("CMAC good, but the context was lost: TEKs go out in RNG-RSP"));
        let answered = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref());
        if answered.is_none_or(|keys| !keys.awaits_first_uplink() || keys.count() != m) {
            self.install_random(now, ms, Some(m));
        }
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            (mobile.mode, mobile.challenge) = (HandoverMode::LegacyRngRsp, None);
        }
        self.report_keys(ms, outbox);
        self.report_count(ms, outbox);
        self.enter(now, ms, cid, m, outbox);
        // However late RNG-REQ came, RNG-RSP and the first uplink PDU under its TEKs need their time.
        if self.target(ms).is_some() {
            self.timers.set(Timer::Deadline(ms), now + self.settings.radio.ranging_deadline);
        }
        if self.weak(Weakness::ConfirmsLostContextAtOnce) {
            if let Some(keys) = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut()) {
                keys.confirm_current();
            }
            self.confirmed(now, ms, m, outbox);
        }
    }

    /// Random TEKs, an older and a newer one for each SA: for the entry of T_B, or for that of `lost`, whose context is lost.
    pub(super) fn install_random(&mut self, now: VirtualTime, ms: MsMac, lost: Option<CmacKeyCount>) {
        let Some(mobile) = self.mobiles.get(&ms) else { return };
        let (flows, keys) = (mobile.flows.clone(), mobile.keys.as_ref());
        let Some(lifetime) = keys.map(BaseStationKeys::lifetime) else {
            return;
        };
        let teks = self.random_teks(now, &flows, lifetime);
        let Some(keys) = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut()) else {
            return;
        };
        if let Some(m) = lost {
            keys.install_lost(m, teks);
        } else if let Some(entry) = keys.current_mut() {
            for (said, context) in teks {
                entry.install(said, context);
            }
        }
    }

    /// Random TEKs, an older and a newer one for each SA of `flows`.
    pub(super) fn random_teks(
        &mut self,
        now: VirtualTime,
        flows: &[(Sfid, Said)],
        lifetime: PmkLifetime,
    ) -> Vec<(Said, TekContext)> {
        let window = self.settings.keys.window.clone();
        let mut state = |eks, expires: VirtualTime| {
            let mut octets = [0; 16];
            self.generator.fill_bytes(&mut octets);
            TekState::new(Tek::from_octets(octets), eks, TekSource::Random, window.clone(), expires)
                .lasting(expires.since(now))
        };
        let mut context = || {
            let older = state(0, (now + lifetime.full / 8).min(lifetime.ends));
            let newer = state(1, (now + lifetime.full / 2).min(lifetime.ends));
            TekContext::from_random(older, newer)
        };
        saids(flows).into_iter().map(|said| (said, context())).collect()
    }

    /// CIDs if none are allocated, downlink from now on, and RNG-RSP.
    fn enter(&mut self, now: VirtualTime, ms: MsMac, cid: Cid, m: CmacKeyCount, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        if mobile.connection.is_none() {
            let flows = mobile.flows.clone();
            match self.cids.allocate(&flows) {
                Some(connection) => self.adopt(ms, connection, outbox),
                None => return self.event(ms, What::CommandIgnored("no CIDs are left"), outbox),
            }
        }
        if matches!(self.mobiles.get(&ms).map(|mobile| &mobile.role), Some(Role::Idle)) {
            if let Some(mobile) = self.mobiles.get_mut(&ms) {
                mobile.role = Role::Target(Target::unprepared());
            }
            self.timers.set(Timer::Deadline(ms), now + self.settings.radio.ranging_deadline);
        }
        let generated = self.mobiles.get(&ms).is_some_and(|mobile| mobile.seamless && !mobile.awaits_first_uplink());
        let from = if generated { now } else { self.installed(now) };
        if let Some(target) = self.target(ms) {
            target.ranged = true;
            target.downlink_from =
                Some(target.downlink_from.filter(|_| generated).map_or(from, |known| known.min(from)));
        }
        self.ranging_answer(now, ms, cid, m);
    }

    /// RNG-RSP on the CID of the request, with TEKs under the KEK where they are not generated.
    fn ranging_answer(&mut self, now: VirtualTime, ms: MsMac, cid: Cid, m: CmacKeyCount) {
        let (own, crc) = (self.settings.bsid, self.settings.radio.crc);
        let name = self.directory.bs(own);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let tuple = mobile.challenge_tuple();
        let (Some(connection), Some(keys)) = (&mobile.connection, &mut mobile.keys) else {
            return;
        };
        let kek = keys.ak().kek.clone();
        let sends = self.settings.keys.weaknesses.has(Weakness::SendsGeneratedTeks);
        let ho_id = match &mobile.role {
            Role::Target(target) => target.ho_id,
            _ => None,
        };
        let lost = keys.awaits_first_uplink();
        let Some(entry) = keys.current_mut() else { return };
        let in_rng_rsp = !matches!(mobile.mode, HandoverMode::LegacySaTek | HandoverMode::LegacyReuse);
        let updates: Vec<RegTlv> = entry
            .tek_contexts()
            .filter(|(_, context)| in_rng_rsp && (sends || context.is_random()))
            .map(|(said, context)| RegTlv::SaTekUpdate(sa_tek::update(&kek, said, context, now)))
            .collect();
        let generated = entry.tek_contexts().any(|(_, context)| !context.is_random());
        let (mode, how) = match mobile.mode {
            HandoverMode::LegacySaTek => (HandoverMode::LegacySaTek, "with the SA challenge"),
            HandoverMode::LegacyReuse => (HandoverMode::LegacyReuse, "TEKs of the serving BS are used on"),
            _ if updates.is_empty() || generated => (HandoverMode::Seamless, "TEKs are generated"),
            _ => (HandoverMode::LegacyRngRsp, "with SA-TEK-Update"),
        };
        let mut encodings = updates;
        // The mobile asks on other CIDs than these if the attempt they were pre-allocated for had ended here.
        if cid != connection.basic {
            let candidate = VendorItem::Candidate(connection.to_candidate(own));
            encodings.push(RegTlv::Vendor(VendorTlv::new(vec![candidate])));
        }
        let mut optimization = mode.optimization();
        if lost {
            // The entry counts when the first uplink PDU has verified (R8): there must be one.
            optimization = optimization.with(HoProcessOptimization::NOTIFY_RE_ENTRY);
        }
        // The tuple stands first, where Wireshark shows what is in it.
        let mut tlvs: Vec<RngRspTlv> = tuple.map(RngRspTlv::SaChallengeTuple).into_iter().collect();
        tlvs.extend([
            RngRspTlv::RangingStatus(RangingStatus::SUCCESS),
            RngRspTlv::SsMacAddress(ms),
            RngRspTlv::BasicCid(connection.basic),
            RngRspTlv::PrimaryCid(connection.primary),
            RngRspTlv::ServiceLevelPrediction(2),
            RngRspTlv::ResourceRetainFlag(1),
            RngRspTlv::HoProcessOptimization(optimization),
        ]);
        tlvs.extend(ho_id.map(RngRspTlv::HoId));
        if !encodings.is_empty() {
            tlvs.push(RngRspTlv::RegRspEncodings(RegRspEncodings { status: 0, tlvs: encodings }));
        }
        let message = ManagementMessage::RngRsp(RngRsp { reserved: 0, tlvs });
        if let Ok(pdu) = signed_pdu(message, cid, Direction::Downlink, entry, crc) {
            let note = format!("RNG-RSP: {name} has taken count {m}, {how}");
            self.queue_management(now, ms, pdu, note);
        }
    }

    /// RNG-RSP with bits 1-2 = 00, under the CMAC key of the claimed count (R7, profile `std2009`).
    fn demand_reauthentication(&mut self, now: VirtualTime, ms: MsMac, cid: Cid, m: CmacKeyCount) {
        let crc = self.settings.radio.crc;
        let keys = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut());
        let Some(entry) = keys.and_then(|keys| keys.below_mut(m)) else {
            return;
        };
        let tlvs = vec![
            RngRspTlv::RangingStatus(RangingStatus::SUCCESS),
            RngRspTlv::SsMacAddress(ms),
            RngRspTlv::HoProcessOptimization(HandoverMode::LegacyFull.optimization()),
        ];
        let message = ManagementMessage::RngRsp(RngRsp { reserved: 0, tlvs });
        if let Ok(pdu) = signed_pdu(message, cid, Direction::Downlink, entry, crc) {
            self.queue_management(now, ms, pdu, "RNG-RSP: demands re-authentication".to_owned());
        }
    }

    /// When the mobile has heard an RNG-RSP that is answered now: it goes out in the next downlink subframe.
    fn heard(&self, now: VirtualTime) -> VirtualTime {
        self.settings.radio.next_downlink(now) + self.settings.radio.downlink
    }

    /// When the mobile has installed the TEKs of an RNG-RSP that is answered now.
    pub(super) fn installed(&self, now: VirtualTime) -> VirtualTime {
        self.heard(now) + self.settings.radio.tek_processing
    }

    /// The mobile is here: the role changes, and the count is reported to the Authenticator (R2).
    pub(super) fn confirmed(&mut self, now: VirtualTime, ms: MsMac, m: CmacKeyCount, outbox: &mut Outbox<Event>) {
        self.withdraw_preparation(ms);
        for timer in [Timer::Deadline(ms), Timer::Retain(ms), Timer::Preparation(ms)] {
            self.timers.cancel(timer);
        }
        let (heard, installed) = (self.heard(now), self.installed(now));
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let serving = match mobile.mode {
            _ if mobile.seamless => Serving::entered(None),
            HandoverMode::LegacySaTek => Serving::without_teks(),
            HandoverMode::LegacyReuse => Serving::entered(Some(heard)),
            _ => Serving::entered(Some(installed)),
        };
        let previous = std::mem::replace(&mut mobile.role, Role::Serving(serving));
        match previous {
            Role::Target(Target { request: Some((serving, _)), .. }) => mobile.came_from = Some(serving),
            // The mobile has been elsewhere, perhaps unnoticed, and its path with it.
            Role::Serving(_) => mobile.path = None,
            _ => {}
        }
        if !mobile.queue.is_empty() {
            self.want_slot(now, ms);
        }
        self.report_to_authenticator(now, ms, m, outbox);
        if self.weak(Weakness::SwitchesPathAtRanging) {
            self.register_path(now, ms, Some(m), outbox);
        }
    }

    /// The sequence number of the AK in use for a mobile.
    pub(super) fn ak_sn(&self, ms: MsMac) -> Option<AkSequenceNumber> {
        Some(self.mobiles.get(&ms)?.keys.as_ref()?.ak().ak_sn)
    }

    pub(super) fn report_to_authenticator(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        m: CmacKeyCount,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(sn) = self.ak_sn(ms) else { return };
        let tlvs = vec![count_tlv(sn, m), bs_info(self.settings.bsid, bs_role::SERVING)];
        let note = format!("CMAC_Key_Count_Update: {} has taken count {m}", self.directory.bs(self.settings.bsid));
        self.backbone.withdraw(ms, |kind| kind == MessageKind::CmacKeyCountUpdate);
        self.ask_gateway(now, ms, MessageKind::CmacKeyCountUpdate, tlvs, note, outbox);
    }

    /// The Authenticator's answer to a report: accepted, the handover is complete; refused, only that context goes (R2).
    pub(super) fn count_acknowledged(
        &mut self,
        now: VirtualTime,
        report: &ControlMessage,
        answer: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = answer.ms;
        let reported = named_count(&report.tlvs);
        if self.ak_sn(ms) != Some(named_ak_sn(&report.tlvs)) {
            return outbox.verdict(Verdict::accepted("about a PMK that is no longer in use here"));
        }
        if answer.tlvs.failure_indication().is_some() {
            outbox.verdict(Verdict::accepted("refused: the context of that count goes"));
            if let (Some(count), Some(mobile)) = (reported, self.mobiles.get_mut(&ms))
                && let Some(keys) = &mut mobile.keys
            {
                keys.refused(count);
            }
            self.report_keys(ms, outbox);
            return self.end_if_keyless(now, ms, outbox);
        }
        outbox.verdict(Verdict::accepted("acknowledged"));
        if let Some(count) = reported {
            if let Some(keys) = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut()) {
                keys.acknowledged(count);
            }
            self.report_keys(ms, outbox);
            self.entry_complete(now, ms, count, outbox);
        }
    }

    /// The Authenticator has taken the count of the entry here: the path comes here, and the BS before is told.
    pub(super) fn entry_complete(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        count: CmacKeyCount,
        outbox: &mut Outbox<Event>,
    ) {
        let own = self.settings.bsid;
        let sn = self.ak_sn(ms);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let came_from = mobile.came_from.take();
        // A path that was asked for in this attempt rests on this count or on the one before it. If it rests on a lower one, the
        // mobile may have been elsewhere, and the path with it (R16).
        let lower = |on: CmacKeyCount| on.next().is_some_and(|next| next < count);
        let led_here = mobile.path.is_some_and(|(of, on)| Some(of) == sn && !lower(on));
        if !led_here {
            mobile.path = None;
            self.register_path(now, ms, Some(count), outbox);
            self.event(ms, What::PathReady { bs: own }, outbox);
        }
        if let Some(serving) = came_from {
            let tlvs = vec![bs_info(own, bs_role::TARGET), AsnTlv::ResultCode(result::SUCCESS)];
            let note = format!("HO_Complete: {} is at {}", self.directory.ms(ms), self.directory.bs(own));
            let transaction = self.backbone.unanswered_transaction();
            let message = ControlMessage::new(MessageKind::HoComplete, ms, transaction, tlvs);
            self.backbone.tell(serving, message, note, outbox);
        }
    }

    /// The completion indication (R3): N has moved; contexts go as R5 says.
    pub(super) fn count_notice(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        notice: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = notice.ms;
        let Some(n) = named_count(&notice.tlvs) else {
            return outbox.verdict(Verdict::rejected("dropped: no CMAC_KEY_COUNT"));
        };
        let sn = named_ak_sn(&notice.tlvs);
        let replaced = notice.tlvs.inside(MsInfo).pmk_sn().is_some();
        let note = match replaced {
            true => format!("CMAC_Key_Count_Update_ACK: knows that PMK SN {sn} is no longer in use"),
            false => format!("CMAC_Key_Count_Update_ACK: knows that N = {n}"),
        };
        self.backbone.answer(from, notice, MessageKind::CmacKeyCountUpdateAck, Vec::new(), note, outbox);
        if replaced {
            return self.pmk_replaced(now, ms, sn, outbox);
        }
        let keys = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut());
        let Some(keys) = keys.filter(|keys| keys.ak().ak_sn == sn) else {
            return outbox.verdict(Verdict::accepted(format!("N = {n}, nothing is held here")));
        };
        let before = keys.retained().count();
        keys.notice(n);
        let gone = before - keys.retained().count();
        let behind = keys.state() == Some(EntryState::Confirmed) && n <= keys.count();
        let (count, held) = (keys.count(), keys.state().is_some());
        outbox.verdict(Verdict::accepted(format!("N = {n}, {gone} contexts deleted")));
        self.report_keys(ms, outbox);
        self.report_count(ms, outbox);
        let here = self.mobiles.get(&ms).is_some_and(|mobile| matches!(mobile.role, Role::Serving(_)));
        if behind && here {
            // N is not above the count confirmed here: the report was lost or forgotten (R3).
            self.report_to_authenticator(now, ms, count, outbox);
        } else if here && held && self.mobiles.get(&ms).is_some_and(|mobile| mobile.came_from.is_some()) {
            // N has moved past the count reported from here: its acknowledgement is late or lost, and says no more. Where
            // it has moved so far that the context is gone, the mobile is elsewhere, and the path is not for this BS.
            self.backbone.withdraw(ms, |kind| kind == MessageKind::CmacKeyCountUpdate);
            self.entry_complete(now, ms, count, outbox);
        }
        self.end_if_keyless(now, ms, outbox);
    }

    /// A connection or attempt whose context is gone is over.
    fn end_if_keyless(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get(&ms) else { return };
        let keyless = mobile.keys.as_ref().is_some_and(|keys| keys.state().is_none());
        match &mobile.role {
            Role::Serving(_) if keyless => self.let_go(now, ms, outbox),
            Role::Target(target) if keyless && target.generates() => self.deadline(now, ms, outbox),
            Role::Idle => self.close_tunnel(now, ms, outbox),
            _ => {}
        }
    }
}
