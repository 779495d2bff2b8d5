//! The target side: preparation with the AK context, confirmation, and the end of an attempt (R4, R8, R14, R15, R16).

use std::net::Ipv4Addr;

use super::budget::worked;
use super::serving::{bs_info, flow_tlv, flows};
use super::{BaseStation, Role, Timer};
use crate::dot16::backbone::Compound::{AkContext as AkContextTlv, DataPathInfo, MsInfo};
use crate::dot16::backbone::asn_code::{
    ENCAPSULATION_GRE, bs_ho_rsp, bs_role, context_purpose, ho_confirm, registration, result,
};
use crate::dot16::backbone::{AsnTlv, ControlMessage, MessageKind, NodeIdentifier, TlvLookup};
use crate::dot16::identifiers::{AkSequenceNumber, CmacKeyCount, MsMac, Said};
use crate::dot16::node::classifier::Classifiers;
use crate::dot16::node::event::{Event, HandoverMode, What};
use crate::dot16::node::named_count::{count_tlv, named_ak_sn, named_count};
use crate::dot16::security::Weakness;
use crate::dot16::security::base_station_keys::{BaseStationKeys, Preparation};
use crate::dot16::security::hierarchy::AkContext;
use crate::dot16::security::keys::Ak;
use crate::dot16::security::tek_context::{PmkLifetime, TekContext};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// The target role.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// HO_Req, and who sent it; none in a re-entry.
    pub(super) request: Option<(Ipv4Addr, ControlMessage)>,
    /// The serving BS's GRE key, for SDUs that go back.
    back: Option<u32>,
    /// How the TEKs come here; known when the context is.
    pub(super) mode: HandoverMode,
    /// TEKs of the serving BS that HO_Cnf has brought (R12).
    pub(super) reused: Option<Vec<(Said, TekContext)>>,
    /// HO_ID of this attempt.
    pub(super) ho_id: Option<u8>,
    /// From when downlink data may be sent.
    pub(super) downlink_from: Option<VirtualTime>,
    /// Whether a ranging request has been validated here in this attempt.
    pub(super) ranged: bool,
}

impl Target {
    /// An entry that nobody has prepared. Without seamless handover its TEKs come in RNG-RSP.
    pub(super) fn unprepared() -> Self {
        Self {
            request: None,
            back: None,
            mode: HandoverMode::LegacyRngRsp,
            reused: None,
            ho_id: None,
            downlink_from: None,
            ranged: false,
        }
    }

    /// Whether TEKs are generated from the count.
    pub(super) fn generates(&self) -> bool {
        self.mode == HandoverMode::Seamless
    }
}

impl BaseStation {
    pub(super) fn target(&mut self, ms: MsMac) -> Option<&mut Target> {
        match &mut self.mobiles.get_mut(&ms)?.role {
            Role::Target(target) => Some(target),
            _ => None,
        }
    }

    /// HO_Req: other CIDs than before (R15), then the context from the Authenticator.
    pub(super) fn handover_requested(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        request: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = request.ms;
        let weak = self.weak(Weakness::AcceptsUnnegotiatedSeamless);
        let refused = |station: &mut Self, why: &str, code: u8, outbox: &mut Outbox<Event>| {
            outbox.verdict(Verdict::rejected(format!("refused: {why}")));
            let tlvs = vec![AsnTlv::BsHoRspCode(code)];
            station.backbone.answer(from, request, MessageKind::HoRsp, tlvs, "HO_Rsp: refuses", outbox);
        };
        let same = |target: &Target| {
            target.request.as_ref().is_some_and(|(of, known)| (*of, known.transaction) == (from, request.transaction))
        };
        if self.target(ms).is_some_and(|target| same(target)) {
            return outbox.verdict(Verdict::accepted("a repetition: the preparation is under way"));
        }
        let here = self
            .mobiles
            .get(&ms)
            .is_some_and(|mobile| matches!(&mobile.role, Role::Serving(serving) if serving.is_here()));
        if here {
            return refused(self, "the mobile is connected here", bs_ho_rsp::OTHER, outbox);
        }
        if !self.preparations.take(now) {
            let budget = self.settings.preparation_budget;
            let why = format!("{budget} preparations have begun in this second");
            return refused(self, &why, bs_ho_rsp::OTHER, outbox);
        }
        self.empty_attempt(ms, outbox);
        let flows: Vec<_> = flows(&request.tlvs).into_iter().map(|(sfid, _, said)| (sfid, said)).collect();
        let Some(connection) = self.cids.allocate(&flows).filter(|_| !flows.is_empty()) else {
            return refused(self, "no CIDs or no flows", bs_ho_rsp::NO_AIR_RESOURCES, outbox);
        };
        self.next_ho_id = self.next_ho_id.wrapping_add(1);
        let target = Target {
            request: Some((from, request.clone())),
            back: request.tlvs.inside(DataPathInfo).data_path_id(),
            ho_id: Some(self.next_ho_id),
            ..Target::unprepared()
        };
        self.adopt(ms, connection, outbox);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.flows = flows;
        mobile.classifiers = Classifiers::in_message(&request.tlvs);
        mobile.negotiated = request.tlvs.is_seamless();
        mobile.seamless = mobile.negotiated && self.settings.seamless || weak;
        mobile.handover = true;
        mobile.role = Role::Target(target);
        self.timers.set(Timer::Deadline(ms), now + self.settings.radio.preparation_kept());
        if self.settings.mode == HandoverMode::LegacyFull {
            // The mobile authenticates here: its AK is of no use.
            if let Some(target) = self.target(ms) {
                target.mode = HandoverMode::LegacyFull;
            }
            outbox.verdict(Verdict::accepted("prepares the data path for a full entry"));
            return self.preregister_path(now, ms, outbox);
        }
        outbox.verdict(Verdict::accepted("asks for the context"));
        self.fetch_context(now, ms, outbox);
    }

    fn preregister_path(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let tunnel = self.own_tunnel(ms);
        let tlvs = vec![AsnTlv::RegistrationType(registration::HANDOFF), tunnel_info(tunnel)];
        let note = "Path_Prereg_Req: prepares the data path";
        self.ask_gateway(now, ms, MessageKind::PathPreregReq, tlvs, note, outbox);
    }

    pub(super) fn fetch_context(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let own = self.settings.bsid;
        let tlvs = vec![
            AsnTlv::ContextPurpose(context_purpose::MS_AK_CONTEXT),
            AsnTlv::BsInfo(vec![AsnTlv::BsId(NodeIdentifier::Octets6(own.0))]),
        ];
        let note = format!("Context_Req: {} asks for the AK context", self.directory.bs(own));
        self.ask_gateway(now, ms, MessageKind::ContextReq, tlvs, note, outbox);
    }

    /// Context_Rpt: T_B := max(N, H), and the TEKs of it (R4, R8, A8).
    pub(super) fn context_reported(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        report: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = report.ms;
        let bs = self.settings.bsid;
        let info = report.tlvs.inside(MsInfo).inside(AkContextTlv);
        let context = info.ak().zip(info.ak_sn()).zip(info.ak_lifetime()).zip(info.cmac_key_count());
        let Some((((ak, sn), seconds), n)) = context else {
            outbox.verdict(Verdict::rejected("no context: the handover is refused"));
            return self.refuse_attempt(ms, outbox);
        };
        let ak = AkContext::from_ak(Ak::from_octets(ak), AkSequenceNumber(sn & 0xf), ms, bs);
        let ends = now + std::time::Duration::from_secs(u64::from(seconds));
        let lifetime = PmkLifetime { full: self.settings.pmk_lifetime, ends };
        let settings = self.settings.keys.clone();
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        if mobile.flows.is_empty() {
            mobile.flows = flows(&report.tlvs).into_iter().map(|(sfid, _, said)| (sfid, said)).collect();
            mobile.classifiers = Classifiers::in_message(&report.tlvs);
        }
        if mobile.waiting.is_some() {
            // A re-entry that no BS has prepared: what the mobile negotiated comes with its context.
            mobile.seamless = report.tlvs.is_seamless() && self.settings.seamless;
        }
        mobile.negotiated |= report.tlvs.is_seamless();
        let same_ak = mobile.keys.as_ref().is_some_and(|keys| keys.ak().akid == ak.akid);
        if !same_ak {
            mobile.keys = Some(BaseStationKeys::new(settings, ak, Vec::new(), lifetime));
        }
        let Some(keys) = &mut mobile.keys else { return };
        keys.generate_for(if mobile.seamless { saids(&mobile.flows) } else { Vec::new() });
        let preparation = keys.prepare(now, n, report.tlvs.is_issued_before());
        worked(ms, keys.take_work(), outbox);
        let legacy = match &mobile.role {
            Role::Target(Target { request: Some(_), .. }) if self.settings.mode != HandoverMode::Seamless => {
                self.settings.mode
            }
            _ => HandoverMode::LegacyRngRsp,
        };
        let (mode, text) = match preparation {
            Preparation::Seamless { count, resumed } if mobile.seamless => {
                let how = if resumed { "context resumed with its PNs" } else { "TEKs derived" };
                (HandoverMode::Seamless, format!("N = {n}, T_B = {count}, {how}"))
            }
            Preparation::Seamless { count, .. } => {
                (legacy, format!("N = {n}, T_B = {count}, TEKs will be {}", comes(legacy)))
            }
            Preparation::LegacyRngRsp => {
                let mode = HandoverMode::LegacyRngRsp;
                (mode, format!("N = {n}, but contexts were lost: TEKs will be {}", comes(mode)))
            }
        };
        outbox.verdict(Verdict::accepted(text));
        self.report_keys(ms, outbox);
        if mode == HandoverMode::Seamless {
            self.report_count(ms, outbox);
        }
        let acknowledgement = ControlMessage::new(MessageKind::ContextAck, ms, report.transaction, Vec::new());
        self.backbone.tell(from, acknowledgement, "Context_Ack", outbox);
        if let Some(target) = self.target(ms) {
            target.mode = mode;
        }
        if self.mobiles.get(&ms).is_some_and(|mobile| mobile.waiting.is_some()) {
            return self.ranging_resumed(now, ms, outbox);
        }
        self.preregister_path(now, ms, outbox);
    }

    /// The GRE key of packets towards this BS, chosen when it is first needed.
    pub(super) fn own_tunnel(&mut self, ms: MsMac) -> u32 {
        let next = self.next_tunnel;
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return 0;
        };
        if mobile.tunnel_down == 0 {
            mobile.tunnel_down = next;
            self.next_tunnel = next.checked_add(1).unwrap_or(1);
            self.by_tunnel.insert(next, ms);
        }
        self.mobiles.get(&ms).map_or(0, |mobile| mobile.tunnel_down)
    }

    fn refuse_attempt(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        if let Some((from, request)) = self.target(ms).and_then(|target| target.request.clone()) {
            let tlvs = vec![AsnTlv::BsHoRspCode(bs_ho_rsp::OTHER)];
            self.backbone.answer(from, &request, MessageKind::HoRsp, tlvs, "HO_Rsp: refuses", outbox);
        }
        self.end_attempt(ms, outbox);
    }

    /// Path_Prereg_Rsp: everything is ready, HO_Rsp.
    pub(super) fn path_preregistered(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        answer: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = answer.ms;
        self.acknowledge(from, answer, MessageKind::PathPreregAck, outbox);
        let own = self.settings.bsid;
        let deadline = u16::try_from(self.settings.radio.ranging_deadline.as_millis() / 10).unwrap_or(u16::MAX);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.tunnel_up = answer.tlvs.inside(DataPathInfo).data_path_id();
        let (Role::Target(target), Some(connection)) = (&mobile.role, &mobile.connection) else {
            return;
        };
        let Some((to, request)) = target.request.clone() else {
            return;
        };
        let (mode, generates) = (target.mode, target.generates());
        let mut bs = vec![
            AsnTlv::BsId(NodeIdentifier::Octets6(own.0)),
            AsnTlv::ServingTargetIndicator(bs_role::TARGET),
            AsnTlv::ServiceLevelPrediction(2),
            AsnTlv::HoProcessOptimization(mode.optimization().low_octet()),
        ];
        bs.extend(target.ho_id.map(AsnTlv::HoId));
        let mut info = vec![AsnTlv::Cid(connection.basic)];
        info.extend(connection.flows.iter().map(flow_tlv));
        let tlvs = vec![
            AsnTlv::BsHoRspCode(bs_ho_rsp::SUCCESS),
            AsnTlv::BsInfo(bs),
            AsnTlv::MsInfo(info),
            tunnel_info(mobile.tunnel_down),
            AsnTlv::primary_cid(connection.primary),
            AsnTlv::ranging_deadline(deadline),
            AsnTlv::seamless(generates),
        ];
        let how = match mode {
            HandoverMode::Seamless => "TEKs are generated",
            HandoverMode::LegacyRngRsp => "TEKs come in RNG-RSP",
            HandoverMode::LegacySaTek => "TEKs come in SA-TEK-Response",
            HandoverMode::LegacyReuse => "TEKs of the serving BS are used on",
            HandoverMode::LegacyFull => "full entry",
        };
        let note = format!("HO_Rsp: {} is ready, {how}", self.directory.bs(own));
        self.backbone.answer(to, &request, MessageKind::HoRsp, tlvs, note, outbox);
        // Until HO_Cnf says when the mobile comes.
        self.timers.set(Timer::Deadline(ms), now + self.settings.radio.preparation_kept());
    }

    /// HO_Cnf: the mobile comes, or it does not.
    pub(super) fn handover_confirmed(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        message: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = message.ms;
        let confirmed = message.tlvs.ho_confirm_type() == Some(ho_confirm::CONFIRM);
        let note = format!("HO_Ack: {}", if confirmed { "waits for the mobile" } else { "stands down" });
        self.backbone.answer(from, message, MessageKind::HoAck, Vec::new(), note, outbox);
        let radio = self.settings.radio.clone();
        let Some(target) = self.target(ms).filter(|target| !target.ranged) else {
            if confirmed && self.mobiles.get(&ms).is_some_and(|mobile| mobile.came_from == Some(from)) {
                // The mobile was faster; forwarded packets arrive from now on.
                self.event(ms, What::PathReady { bs: self.settings.bsid }, outbox);
            }
            return outbox.verdict(Verdict::accepted("no attempt of this mobile is under way here"));
        };
        if target.request.as_ref().is_none_or(|(serving, _)| *serving != from) {
            return outbox.verdict(Verdict::rejected("dropped: another BS prepared this attempt"));
        }
        if !confirmed {
            outbox.verdict(Verdict::accepted("stands down, contexts are kept"));
            self.stand_down(now, ms, outbox);
            return;
        }
        let action = message.tlvs.action_time().map_or(now, |frame| radio.frame_start(frame));
        let arrival = (action + radio.dl_sync).max(now);
        let (mode, wanted) = (target.mode, target.ho_id);
        if target.generates() {
            target.downlink_from = Some(arrival);
        }
        let mut text = format!("expects the mobile at {arrival}");
        if mode == HandoverMode::LegacyReuse {
            let named = message.tlvs.ho_id().filter(|_| message.tlvs.ho_id() == wanted);
            let teks = named.and_then(|_| self.arriving_teks(ms, &message.tlvs, action));
            text.push_str(if teks.is_some() { ", with its TEKs" } else { ", but has no TEKs for it" });
            if let Some(target) = self.target(ms) {
                target.reused = teks;
            }
        }
        outbox.verdict(Verdict::accepted(text));
        // A mobile that enters anew has other limits, and may have begun.
        if !self.entrances.contains_key(&ms) {
            self.timers.set(Timer::Deadline(ms), arrival + radio.ranging_deadline);
        }
        match named_count(&message.tlvs) {
            // There is no AK of the mobile here.
            Some(count) if mode == HandoverMode::LegacyFull => {
                self.register_path_on(now, ms, (named_ak_sn(&message.tlvs), count), outbox);
            }
            count => self.register_path(now, ms, count, outbox),
        }
        // Forwarded packets arrive from now on, those of the gateway a little later.
        self.event(ms, What::PathReady { bs: self.settings.bsid }, outbox);
        self.want_slot(now, ms);
    }

    /// Path_Reg_Req: the downlink shall come here; it rests on `count`, or on T_B (R16).
    pub(super) fn register_path(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        count: Option<CmacKeyCount>,
        outbox: &mut Outbox<Event>,
    ) {
        let own = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref()).map(BaseStationKeys::count);
        if let (Some(count), Some(sn)) = (count.or(own), self.ak_sn(ms)) {
            self.register_path_on(now, ms, (sn, count), outbox);
        }
    }

    fn register_path_on(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        (sn, count): (AkSequenceNumber, CmacKeyCount),
        outbox: &mut Outbox<Event>,
    ) {
        let tunnel = self.own_tunnel(ms);
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.path_asked = Some((sn, count));
        }
        let entered = self.mobiles.get(&ms).filter(|mobile| mobile.attaching).map(|mobile| mobile.negotiated);
        let kind = if entered.is_some() { registration::INITIAL_NETWORK_ENTRY } else { registration::HANDOFF };
        let mut tlvs = vec![AsnTlv::RegistrationType(kind), count_tlv(sn, count), tunnel_info(tunnel)];
        tlvs.extend(entered.map(AsnTlv::seamless));
        let note = format!("Path_Reg_Req: asks for the downlink, on count {count}");
        self.backbone.withdraw(ms, |kind| matches!(kind, MessageKind::PathRegReq | MessageKind::PathDeregReq));
        self.ask_gateway(now, ms, MessageKind::PathRegReq, tlvs, note, outbox);
    }

    pub(super) fn path_registered(&mut self, from: Ipv4Addr, answer: &ControlMessage, outbox: &mut Outbox<Event>) {
        self.acknowledge(from, answer, MessageKind::PathRegAck, outbox);
        let Some(mobile) = self.mobiles.get_mut(&answer.ms) else {
            return;
        };
        mobile.path = mobile.path_asked.filter(|_| answer.tlvs.result_code() == Some(result::SUCCESS));
        if let Some(up) = answer.tlvs.inside(DataPathInfo).data_path_id() {
            mobile.tunnel_up = Some(up);
            self.path_is_there(answer.ms, outbox);
        }
    }

    /// The ranging deadline, or nobody confirmed the preparation: data stops, CIDs are freed, contexts stay (R14).
    pub(super) fn deadline(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        if self.weak(Weakness::IgnoresRangingDeadline) {
            return;
        }
        self.stand_down(now, ms, outbox);
    }

    /// The attempt is over without the mobile: unsent SDUs go back (R15), contexts stay.
    fn stand_down(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let back = self.target(ms).and_then(|target| Some((target.request.as_ref()?.0, target.back?)));
        if let Some((ip, key)) = back {
            self.return_queue(ms, ip, key, outbox);
        }
        self.end_attempt(ms, outbox);
        self.close_tunnel(now, ms, outbox);
    }

    /// Requests of a preparation that is over, or has served its purpose: a late answer must prepare nothing, least of all
    /// an entry that is live by then (R8).
    pub(super) fn withdraw_preparation(&mut self, ms: MsMac) {
        // Not the context of an AK that an authentication has just given: it belongs to no preparation.
        let of_preparation = |open: &ControlMessage| match open.kind {
            MessageKind::ContextReq => Self::wanted_ak(open).is_none(),
            kind => kind == MessageKind::PathPreregReq,
        };
        self.backbone.withdraw_messages(ms, of_preparation);
    }

    /// What belongs to one attempt goes: CIDs, queued and kept SDUs.
    fn empty_attempt(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        self.withdraw_preparation(ms);
        self.timers.cancel(Timer::Deadline(ms));
        self.timers.cancel(Timer::Retain(ms));
        self.give_queue_up(ms, outbox);
        self.retire_cids(ms, outbox);
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.management.clear();
            mobile.waiting = None;
            mobile.gone_to = None;
            mobile.role = Role::Idle;
        }
    }

    pub(super) fn end_attempt(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        self.empty_attempt(ms, outbox);
        if let Some(keys) = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut()) {
            keys.release();
        }
        self.retain_contexts(ms, outbox);
        self.report_keys(ms, outbox);
    }

    /// Path_Dereg_Req, if the gateway knows a tunnel.
    pub(super) fn close_tunnel(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.path = None;
        if mobile.tunnel_up.take().is_some() {
            self.end_path(now, ms, outbox);
        }
    }

    /// Path_Dereg_Req.
    pub(super) fn end_path(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.told_gone = Some(now);
        }
        let tlvs = vec![bs_info(self.settings.bsid, bs_role::SERVING)];
        self.backbone.withdraw(ms, |kind| matches!(kind, MessageKind::PathRegReq | MessageKind::PathPreregReq));
        self.ask_gateway(now, ms, MessageKind::PathDeregReq, tlvs, "Path_Dereg_Req: closes the data path", outbox);
    }

    /// The gateway could not be reached: a mobile that is here without a path would be cut off, so that it is asked again
    /// and again, for the path or for what comes before it (R16).
    fn ask_for_path_again(&mut self, now: VirtualTime, request: &ControlMessage, outbox: &mut Outbox<Event>) {
        let ms = request.ms;
        let Some(mobile) = self.mobiles.get(&ms) else { return };
        let here = matches!(&mobile.role, Role::Serving(serving) if serving.is_here());
        // A count of the PMK before says nothing any more.
        let current = self.ak_sn(ms) == Some(named_ak_sn(&request.tlvs));
        match named_count(&request.tlvs).filter(|_| here && current && mobile.path.is_none()) {
            Some(count) if request.kind == MessageKind::PathRegReq => self.register_path(now, ms, Some(count), outbox),
            Some(count) => self.report_to_authenticator(now, ms, count, outbox),
            None => {}
        }
    }

    /// A request that nobody answered, after its repetitions.
    pub(super) fn unanswered(&mut self, now: VirtualTime, request: &ControlMessage, outbox: &mut Outbox<Event>) {
        match request.kind {
            MessageKind::HoReq => self.candidate_silent(now, request.ms, outbox),
            MessageKind::KeyChangeCnf => self.pmk_unconfirmed(now, request, outbox),
            MessageKind::ContextReq if Self::wanted_ak(request).is_some() => {
                self.fresh_context_unanswered(now, request, outbox);
            }
            MessageKind::ContextReq | MessageKind::PathPreregReq if self.target(request.ms).is_some() => {
                self.refuse_attempt(request.ms, outbox);
            }
            MessageKind::PathRegReq | MessageKind::CmacKeyCountUpdate => self.ask_for_path_again(now, request, outbox),
            _ => {}
        }
    }
}

/// How the TEKs come to the mobile in a legacy mode.
fn comes(mode: HandoverMode) -> &'static str {
    match mode {
        HandoverMode::LegacyReuse => "those of the serving BS",
        HandoverMode::LegacySaTek => "sent in SA-TEK-Response",
        _ => "sent in RNG-RSP",
    }
}

/// Data Path Info: GRE with this key towards the sender of the message.
fn tunnel_info(key: u32) -> AsnTlv {
    AsnTlv::DataPathInfo(vec![AsnTlv::DataPathEncapsulation(ENCAPSULATION_GRE), AsnTlv::DataPathId(key)])
}

/// The SAs of some flows, each once.
pub(super) fn saids(flows: &[(crate::dot16::identifiers::Sfid, Said)]) -> Vec<Said> {
    let mut saids: Vec<Said> = flows.iter().map(|(_, said)| *said).collect();
    saids.sort_unstable();
    saids.dedup();
    saids
}
