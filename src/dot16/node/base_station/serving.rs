//! The serving side: preparing candidates, sending the mobile off, forwarding, taking it back, letting it go.

use std::net::Ipv4Addr;

use super::{BaseStation, Mobile, Role, Timer};
use crate::dot16::backbone::Compound::{BsInfo, DataPathInfo, MsInfo, SfInfo};
use crate::dot16::backbone::asn_code::{HARD_HANDOFF, bs_ho_rsp, bs_role, cryptographic_suite, ho_confirm};
use crate::dot16::backbone::{AsnTlv, ControlMessage, MessageKind, NodeIdentifier, TlvLookup};
use crate::dot16::identifiers::{Bsid, Cid, Direction, MsMac, Said, Sfid};
use crate::dot16::node::authenticator::named_bs;
use crate::dot16::node::backbone_side::Request;
use crate::dot16::node::connection::{Connection, Flow, plain_pdu, signed_pdu};
use crate::dot16::node::event::{Event, HandoverMode, What};
use crate::dot16::node::named_count::count_tlv;
use crate::dot16::security::Weakness;
use crate::dot16::wire::{
    BshoDecision, HoIndication, HoProcessOptimization, ManagementMessage, MobBshoRsp, MobBshoRspTlv, MobHoInd,
    MobMshoReq, MobNbrAdv, Neighbour, RecommendedBs, SkipOptionalFields, VendorItem, VendorTlv,
};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How many candidates are prepared at the most.
const CANDIDATES: usize = 8;

/// What a candidate answered.
#[derive(Clone, Debug)]
struct Candidate {
    ip: Ipv4Addr,
    optimization: u8,
    ho_id: Option<u8>,
    deadline: Option<u16>,
    /// Present if the TEKs will be generated.
    connection: Option<Connection>,
    /// GRE key of packets forwarded to it.
    tunnel: Option<u32>,
}

impl Candidate {
    /// Whether it wants the TEKs of the connection here (R12): bits 1-2 = 11 without the seamless flag.
    fn reuses_teks(&self) -> bool {
        let bits = HoProcessOptimization::from_low_octet(self.optimization);
        HandoverMode::announced(bits, self.connection.is_some()) == Some(HandoverMode::LegacyReuse)
    }
}

/// A preparation under way or answered.
#[derive(Clone, Debug)]
struct Preparation {
    candidates: Vec<(Bsid, Option<Candidate>)>,
    /// How many have not answered yet.
    outstanding: usize,
    /// The frame of the action time, once MOB_BSHO-RSP is out.
    action_frame: Option<u32>,
}

/// Where a mobile went.
#[derive(Clone, Debug)]
pub(super) struct Left {
    target: Bsid,
    /// The target's address and GRE key.
    forward: Option<(Ipv4Addr, u32)>,
    /// Whether the TEKs of the connection went with it (R12).
    teks_given: bool,
}

/// The serving role.
#[derive(Clone, Debug, Default)]
pub(super) struct Serving {
    /// From when downlink data may be sent; at once where nothing is said.
    downlink_from: Option<VirtualTime>,
    /// Whether the mobile has no TEKs yet.
    awaits_teks: bool,
    preparation: Option<Preparation>,
    left: Option<Left>,
}

impl Serving {
    /// The role of a BS that a mobile has just entered.
    pub(super) fn entered(downlink_from: Option<VirtualTime>) -> Self {
        Self { downlink_from, ..Self::default() }
    }

    /// The same where the mobile has still to be given TEKs.
    pub(super) fn without_teks() -> Self {
        Self { awaits_teks: true, ..Self::default() }
    }

    /// TEKs were sent to the mobile, and are at work from `from` on.
    pub(super) fn teks_delivered(&mut self, from: VirtualTime) {
        (self.awaits_teks, self.downlink_from) = (false, Some(from));
    }

    /// Whether another BS uses the TEKs of the connection (R12).
    pub(super) fn has_given_teks_away(&self) -> bool {
        self.left.as_ref().is_some_and(|left| left.teks_given)
    }

    /// From when downlink data may be sent, `None` if the mobile is not here, or has no TEKs.
    pub(super) fn downlink_from(&self) -> Option<VirtualTime> {
        (self.is_here() && !self.awaits_teks).then(|| self.downlink_from.unwrap_or(VirtualTime::ZERO))
    }

    /// Downlink data is not sent before `from`.
    pub(super) fn postpone_downlink(&mut self, from: VirtualTime) {
        self.downlink_from = self.downlink_from.max(Some(from));
    }

    /// Whether the mobile is here, not on its way to another BS.
    pub(super) fn is_here(&self) -> bool {
        self.left.is_none()
    }

    /// Whether the mobile may be gone in the frame with this number: its action time is there, and MOB_HO-IND, which comes
    /// with the end of the frame before, may still be on its way.
    pub(super) fn awaits_indication(&self, frame: u32) -> bool {
        self.preparation.as_ref().is_some_and(|preparation| preparation.action_frame == Some(frame))
    }

    /// Where packets for a mobile that has left go.
    pub(super) fn forward(&self) -> Option<(Ipv4Addr, u32)> {
        self.left.as_ref()?.forward
    }
}

impl BaseStation {
    fn serving(&mut self, ms: MsMac) -> Option<&mut Serving> {
        match &mut self.mobiles.get_mut(&ms)?.role {
            Role::Serving(serving) => Some(serving),
            _ => None,
        }
    }

    /// MOB_NBR-ADV to every mobile that is here.
    pub(super) fn advertise(&mut self, now: VirtualTime) {
        let interval = self.settings.radio.neighbour_advertisement;
        self.timers.set(Timer::Advertise, now + interval);
        let own = self.settings.bsid;
        let [a, b, c, ..] = own.0;
        let neighbours = self.settings.neighbours.iter();
        let message = ManagementMessage::MobNbrAdv(MobNbrAdv {
            skip_optional_fields: SkipOptionalFields(SkipOptionalFields::SCHEDULING_SERVICE),
            operator_id: Some([a, b, c]),
            total_fragmentation: 1,
            neighbours: neighbours
                .map(|bs| {
                    let [.., d, e, f] = bs.0;
                    Neighbour {
                        bsid_low: Some([d, e, f]),
                        preamble_index: f,
                        ho_process_optimization: Some(self.settings.mode.optimization().low_octet()),
                        ..Neighbour::default()
                    }
                })
                .collect(),
            ..MobNbrAdv::default()
        });
        let Ok(pdu) = plain_pdu(&message, Cid::BROADCAST, self.settings.radio.crc) else {
            return;
        };
        let here: Vec<MsMac> = self
            .mobiles
            .iter()
            .filter(|(_, mobile)| matches!(&mobile.role, Role::Serving(serving) if serving.is_here()))
            .map(|(ms, _)| *ms)
            .collect();
        for ms in here {
            self.queue_management(now, ms, pdu.clone(), "MOB_NBR-ADV: names the neighbours".to_owned());
        }
    }

    /// MOB_MSHO-REQ, verified, as `proof` says: HO_Req to every candidate.
    pub(super) fn handover_request(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        request: &MobMshoReq,
        proof: &str,
        outbox: &mut Outbox<Event>,
    ) {
        let own = self.settings.bsid;
        let frame = self.settings.radio.frame_number(now);
        if self.mobiles.get(&ms).is_some_and(|mobile| mobile.confirming) {
            // Until then candidates would be given contexts of the PMK before.
            return outbox.verdict(Verdict::rejected("dropped: the Authenticator does not use the new PMK yet"));
        }
        let fixed = self.mobiles.get(&ms).is_some_and(|mobile| !mobile.handover);
        if fixed && !self.weak(Weakness::MovesFixedStations) {
            return outbox.verdict(Verdict::rejected("refused: the station has declared no handover"));
        }
        let Some(Serving { preparation, left: None, .. }) = self.serving(ms) else {
            return outbox.verdict(Verdict::rejected("dropped: the mobile is not connected here"));
        };
        match preparation {
            Some(Preparation { action_frame: None, .. }) => {
                return outbox.verdict(Verdict::accepted("a repetition: candidates are being prepared"));
            }
            Some(Preparation { action_frame: Some(action), .. }) if *action > frame => {
                outbox.verdict(Verdict::accepted("a repetition: the answer again"));
                return self.recommend(now, ms, outbox);
            }
            // An answer whose action time is over was lost, or not followed: candidates are prepared anew.
            _ => {}
        }
        let mut wanted: Vec<(Bsid, Ipv4Addr)> = Vec::new();
        for (bs, _) in request.full.iter().take(CANDIDATES) {
            let known = self.directory.base_stations.get(bs).map(|place| place.endpoint.ip);
            if let Some(ip) = known.filter(|ip| *bs != own && self.backbone.reaches(*ip)) {
                wanted.push((*bs, ip));
            }
        }
        let names: Vec<String> = wanted.iter().map(|(bs, _)| self.directory.bs(*bs)).collect();
        outbox.verdict(Verdict::accepted(format!("{proof}, prepares {}", names.join(", "))));
        let preparation = Preparation {
            candidates: wanted.iter().map(|(bs, _)| (*bs, None)).collect(),
            outstanding: wanted.len(),
            action_frame: None,
        };
        if let Some(serving) = self.serving(ms) {
            serving.preparation = Some(preparation);
        }
        // An answer to an earlier attempt names CIDs that its candidate has given up since.
        self.backbone.withdraw(ms, |open| open == MessageKind::HoReq);
        for (bs, ip) in &wanted {
            let tlvs = self.handover_request_tlvs(ms, *bs);
            let note = format!("HO_Req: {} may come to {}", self.directory.ms(ms), self.directory.bs(*bs));
            self.backbone.request(now, *ip, ms, Request { kind: MessageKind::HoReq, tlvs, note }, outbox);
        }
        if wanted.is_empty() {
            self.recommend(now, ms, outbox);
        } else {
            self.timers.set(Timer::Preparation(ms), now + self.settings.radio.handover_retry);
        }
    }

    /// HO_Req: flows and SAs go with it (R9), and whether seamless was negotiated (R13).
    fn handover_request_tlvs(&self, ms: MsMac, target: Bsid) -> Vec<AsnTlv> {
        let Some(mobile) = self.mobiles.get(&ms) else {
            return Vec::new();
        };
        let flow = |(sfid, said): &(Sfid, Said)| mobile.classifiers.sf_info(*sfid, *said);
        let mut info: Vec<AsnTlv> = mobile.flows.iter().map(flow).collect();
        let mut saids: Vec<Said> = mobile.flows.iter().map(|(_, said)| *said).collect();
        saids.sort_unstable();
        saids.dedup();
        info.push(AsnTlv::MsSecurityContext(saids.iter().map(|said| sa_descriptor(*said, Vec::new())).collect()));
        let gateway = self.directory.gateway.endpoint.ip;
        vec![
            AsnTlv::HoType(HARD_HANDOFF),
            AsnTlv::AuthenticatorIdentifier(NodeIdentifier::Ipv4(gateway)),
            AsnTlv::MsInfo(info),
            bs_info(self.settings.bsid, bs_role::SERVING),
            bs_info(target, bs_role::TARGET),
            AsnTlv::DataPathInfo(vec![AsnTlv::DataPathId(mobile.tunnel_down)]),
            AsnTlv::seamless((mobile.negotiated || mobile.seamless) && self.settings.seamless),
        ]
    }

    /// HO_Rsp of a candidate.
    pub(super) fn candidate_answered(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        answer: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = answer.ms;
        self.acknowledge(from, answer, MessageKind::HoAck, outbox);
        let Some(bs) = self.directory.bs_at(from) else { return };
        let candidate = candidate(from, answer);
        let Some(Serving { preparation: Some(preparation), .. }) = self.serving(ms) else {
            return;
        };
        let Some(place) = preparation.candidates.iter_mut().find(|(bsid, _)| *bsid == bs) else {
            return;
        };
        place.1 = candidate;
        preparation.outstanding = preparation.outstanding.saturating_sub(1);
        if preparation.outstanding == 0 && preparation.action_frame.is_none() {
            self.recommend(now, ms, outbox);
        }
    }

    /// A candidate that does not answer HO_Req counts as one that refuses.
    pub(super) fn candidate_silent(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(Serving { preparation: Some(preparation), .. }) = self.serving(ms) else {
            return;
        };
        preparation.outstanding = preparation.outstanding.saturating_sub(1);
        if preparation.outstanding == 0 && preparation.action_frame.is_none() {
            self.recommend(now, ms, outbox);
        }
    }

    /// MOB_BSHO-RSP: the candidates that are ready, with what R17 adds for those that generate TEKs.
    pub(super) fn recommend(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        self.timers.cancel(Timer::Preparation(ms));
        let radio = self.settings.radio.clone();
        let action_frame =
            radio.frame_number(radio.next_downlink(now)).saturating_add(u32::from(radio.action_time.max(1)));
        let Some(Serving { preparation: Some(preparation), .. }) = self.serving(ms) else {
            return;
        };
        // A repeated answer names the same instant while there is time for it: the first one may have arrived.
        let next = radio.frame_number(radio.next_downlink(now));
        let action_frame = preparation.action_frame.filter(|frame| *frame >= next + 2).unwrap_or(action_frame);
        let action_time = u8::try_from(action_frame.saturating_sub(next)).unwrap_or(u8::MAX);
        preparation.action_frame = Some(action_frame);
        let ready: Vec<(Bsid, Candidate)> =
            preparation.candidates.iter().filter_map(|(bs, candidate)| Some((*bs, candidate.clone()?))).collect();
        if ready.is_empty() {
            // Nothing is prepared, so a later request starts anew.
            if let Some(serving) = self.serving(ms) {
                serving.preparation = None;
            }
        }
        let recommended: Vec<RecommendedBs> = ready.iter().map(|(bs, candidate)| recommended(*bs, candidate)).collect();
        let mut items = vec![VendorItem::Seamless(ready.iter().any(|(_, candidate)| candidate.connection.is_some()))];
        items.extend(ready.iter().find_map(|(_, candidate)| candidate.deadline).map(VendorItem::RangingDeadline));
        for (bs, candidate) in &ready {
            items.extend(
                candidate.connection.as_ref().map(|connection| VendorItem::Candidate(connection.to_candidate(*bs))),
            );
        }
        let retain = u16::try_from(radio.resource_retain.as_millis() / 100).unwrap_or(u16::MAX);
        let decision = if recommended.is_empty() {
            BshoDecision::NotRecommended
        } else {
            BshoDecision::HardHandover { mandatory: false, resource_retain: true, reserved: 0, recommended }
        };
        let names: Vec<String> = ready.iter().map(|(bs, _)| self.directory.bs(*bs)).collect();
        let note = if names.is_empty() {
            "MOB_BSHO-RSP: no handover is recommended".to_owned()
        } else {
            format!("MOB_BSHO-RSP: recommends {}, action time in {action_time} frames", names.join(", "))
        };
        let message = ManagementMessage::MobBshoRsp(MobBshoRsp {
            reserved: 0,
            decision,
            action_time,
            padding: 0,
            tlvs: vec![MobBshoRspTlv::ResourceRetainTime(retain), MobBshoRspTlv::Vendor(VendorTlv::new(items))],
        });
        self.queue_signed(now, ms, message, note, outbox);
    }

    /// Signs a message with the keys of T_B and queues it on the mobile's basic CID.
    fn queue_signed(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        message: ManagementMessage,
        note: String,
        outbox: &mut Outbox<Event>,
    ) {
        let crc = self.settings.radio.crc;
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let Some(cid) = mobile.connection.as_ref().map(|connection| connection.basic) else {
            return;
        };
        let keys = mobile.keys.as_mut().and_then(|keys| keys.current_mut());
        match keys.map(|keys| signed_pdu(message, cid, Direction::Downlink, keys, crc)) {
            Some(Ok(pdu)) => self.queue_management(now, ms, pdu, note),
            _ => self.event(ms, What::CommandIgnored("a message could not be signed"), outbox),
        }
    }

    /// MOB_HO-IND, verified; `proof` says how.
    pub(super) fn indicated(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        indication: &MobHoInd,
        proof: &str,
        outbox: &mut Outbox<Event>,
    ) {
        match indication.indication {
            HoIndication::Release { target } => self.released(now, ms, target, proof, outbox),
            HoIndication::Cancel | HoIndication::Reject => self.cancelled(now, ms, proof, outbox),
            HoIndication::Reserved => outbox.verdict(Verdict::rejected("dropped: a reserved indication")),
        }
    }

    /// The mobile leaves for `target`: downlink stops, waiting SDUs go after it, the others stand down.
    fn released(&mut self, now: VirtualTime, ms: MsMac, target: Bsid, proof: &str, outbox: &mut Outbox<Event>) {
        let Some(Serving { preparation: Some(preparation), left: None, .. }) = self.serving(ms) else {
            return outbox.verdict(Verdict::rejected("dropped: no handover has been prepared"));
        };
        let action_frame = preparation.action_frame.unwrap_or_default();
        let candidates = preparation.candidates.clone();
        let chosen = candidates.iter().find(|(bs, _)| *bs == target).and_then(|(_, candidate)| candidate.clone());
        let forward = chosen.as_ref().and_then(|candidate| Some((candidate.ip, candidate.tunnel?)));
        let name = self.directory.bs(target);
        outbox.verdict(Verdict::accepted(format!("{proof}, {} leaves for {name}", self.directory.ms(ms))));
        let from = self.settings.radio.frame_start(action_frame);
        let teks = chosen.filter(|candidate| candidate.reuses_teks()).and_then(|_| self.leaving_teks(ms, from));
        if let Some(serving) = self.serving(ms) {
            serving.left = Some(Left { target, forward, teks_given: teks.is_some() });
        }
        let releases = self.weak(Weakness::ReleasesOnIndication);
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.path = None;
            if let Some(keys) = mobile.keys.as_mut().filter(|_| releases) {
                keys.release();
            }
        }
        self.event(ms, What::DownlinkStopped { bs: self.settings.bsid }, outbox);
        for (bs, candidate) in candidates {
            let Some(candidate) = candidate else { continue };
            let kind = if bs == target { ho_confirm::CONFIRM } else { ho_confirm::UNCONFIRM };
            let teks = teks.clone().filter(|_| bs == target).zip(candidate.ho_id);
            self.confirm(now, ms, (bs, candidate.ip), (kind, action_frame), teks, outbox);
        }
        self.forward_queue(ms, outbox);
        self.timers.set(Timer::Retain(ms), now + self.settings.radio.resource_retain);
    }

    /// HO_Cnf; a path switch that follows from it rests on the count of the connection here (R16). `teks`: those of the
    /// connection here, with the HO_ID of the preparation that they are for (R12).
    fn confirm(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        (bs, to): (Bsid, Ipv4Addr),
        (kind, action_frame): (u8, u32),
        teks: Option<(AsnTlv, u8)>,
        outbox: &mut Outbox<Event>,
    ) {
        let what = match kind {
            ho_confirm::CONFIRM => "comes to",
            ho_confirm::UNCONFIRM => "does not come to",
            _ => "stays, and does not need",
        };
        let with = if teks.is_some() { ", with the TEKs" } else { "" };
        let note = format!("HO_Cnf: {} {what} {}{with}", self.directory.ms(ms), self.directory.bs(bs));
        let keys = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref());
        let mut tlvs = vec![AsnTlv::HoConfirmType(kind), AsnTlv::ActionTime(action_frame)];
        tlvs.extend(keys.map(|keys| count_tlv(keys.ak().ak_sn, keys.count())));
        if let (Some(AsnTlv::MsInfo(info)), Some((teks, ho_id))) = (tlvs.last_mut(), teks) {
            info.push(teks);
            tlvs.push(AsnTlv::HoId(ho_id));
        }
        tlvs.push(bs_info(self.settings.bsid, bs_role::SERVING));
        self.backbone.request(now, to, ms, Request { kind: MessageKind::HoCnf, tlvs, note }, outbox);
    }

    /// The mobile stays, or has come back: the connection goes on with its PNs.
    fn cancelled(&mut self, now: VirtualTime, ms: MsMac, proof: &str, outbox: &mut Outbox<Event>) {
        let Some(serving) = self.serving(ms) else {
            return outbox.verdict(Verdict::rejected("dropped: the mobile is not connected here"));
        };
        let (preparation, left) = (serving.preparation.take(), serving.left.take());
        if preparation.is_none() && left.is_none() {
            return outbox.verdict(Verdict::accepted("a repetition: the mobile stays"));
        }
        outbox.verdict(Verdict::accepted(format!("{proof}, {} stays", self.directory.ms(ms))));
        self.timers.cancel(Timer::Preparation(ms));
        self.timers.cancel(Timer::Retain(ms));
        self.backbone.withdraw(ms, |open| open == MessageKind::HoCnf);
        for (bs, candidate) in preparation.map(|preparation| preparation.candidates).unwrap_or_default() {
            let stood_down = left.as_ref().is_some_and(|left| left.target != bs);
            if let Some(candidate) = candidate.filter(|_| !stood_down) {
                self.confirm(now, ms, (bs, candidate.ip), (ho_confirm::CANCEL, 0), None, outbox);
            }
        }
        if left.is_some() {
            self.register_path(now, ms, None, outbox);
            self.event(ms, What::PathReady { bs: self.settings.bsid }, outbox);
            self.want_slot(now, ms);
        }
    }

    /// HO_Complete, or a notice that leaves no context of the connection: the mobile lives elsewhere.
    pub(super) fn handover_completed(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        outbox.verdict(Verdict::accepted("handover complete"));
        if self.serving(ms).is_some_and(|serving| serving.left.is_some()) {
            self.let_go(now, ms, outbox);
        }
    }

    /// The connection here is over: CIDs are freed, the tunnel is closed, contexts go as R5 says.
    pub(super) fn let_go(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        self.timers.cancel(Timer::Retain(ms));
        self.timers.cancel(Timer::Preparation(ms));
        self.give_queue_up(ms, outbox);
        self.give_waiting_up(ms, outbox);
        self.retire_cids(ms, outbox);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        if let Role::Serving(serving) = &mobile.role {
            mobile.gone_to = serving.forward();
        }
        mobile.role = Role::Idle;
        mobile.path = None;
        mobile.management.clear();
        (mobile.session, mobile.previous, mobile.confirming) = (None, None, false);

        if let Some(keys) = &mut mobile.keys {
            keys.release();
        }
        self.retain_contexts(ms, outbox);
        self.report_keys(ms, outbox);
        self.close_tunnel(now, ms, outbox);
    }
}

/// BS Info with BS ID and role.
pub(super) fn bs_info(bs: Bsid, role: u8) -> AsnTlv {
    AsnTlv::BsInfo(vec![AsnTlv::BsId(NodeIdentifier::Octets6(bs.0)), AsnTlv::ServingTargetIndicator(role)])
}

/// SA Descriptor of a primary, unicast SA with the suite in use (R11), and what follows that.
pub(super) fn sa_descriptor(said: Said, rest: Vec<AsnTlv>) -> AsnTlv {
    let mut tlvs = vec![
        AsnTlv::Said(said),
        AsnTlv::SaType(0),
        AsnTlv::SaServiceType(0),
        AsnTlv::CryptographicSuite(cryptographic_suite::CCM_KEY_WRAP),
    ];
    tlvs.extend(rest);
    AsnTlv::SaDescriptor(tlvs)
}

/// SF Info with SFID, CID and SAID.
pub(super) fn flow_tlv(flow: &Flow) -> AsnTlv {
    AsnTlv::SfInfo(vec![AsnTlv::Sfid(flow.sfid), AsnTlv::Cid(flow.cid), AsnTlv::Said(flow.said)])
}

/// The flows in MS Info, with the CID where one is given.
pub(super) fn flows(tlvs: &[AsnTlv]) -> Vec<(Sfid, Option<Cid>, Said)> {
    tlvs.inside(MsInfo)
        .each(SfInfo)
        .filter_map(|flow| Some((flow.sfid()?, flow.cid(), flow.said()?)))
        .take(Mobile::FLOWS)
        .collect()
}

fn candidate(ip: Ipv4Addr, answer: &ControlMessage) -> Option<Candidate> {
    let tlvs = &answer.tlvs;
    if tlvs.bs_ho_rsp_code() != Some(bs_ho_rsp::SUCCESS) || named_bs(answer).is_none() {
        return None;
    }
    let flows: Option<Vec<Flow>> = flows(tlvs)
        .into_iter()
        .map(|(sfid, cid, said)| Some(Flow { sfid, cid: cid?, said, direction: Flow::direction_of(sfid) }))
        .collect();
    let connection = tlvs.inside(MsInfo).cid().zip(tlvs.primary_cid()).zip(flows);
    let info = tlvs.inside(BsInfo);
    Some(Candidate {
        ip,
        optimization: info.ho_process_optimization().unwrap_or_default(),
        ho_id: info.ho_id(),
        deadline: tlvs.ranging_deadline(),
        connection: connection.filter(|_| tlvs.is_seamless()).map(|((basic, primary), flows)| Connection {
            basic,
            primary,
            flows,
        }),
        tunnel: tlvs.inside(DataPathInfo).data_path_id(),
    })
}

fn recommended(bs: Bsid, candidate: &Candidate) -> RecommendedBs {
    RecommendedBs {
        bsid: bs,
        preamble_index: 33,
        service_level_prediction: 2,
        ho_process_optimization: candidate.optimization,
        network_assisted: true,
        ho_id: candidate.ho_id,
        reserved: 0,
        ho_authorization_policy: None,
    }
}
