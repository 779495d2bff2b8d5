//! The Authenticator, with the ASN gateway's data path: keeps PMK and N, hands contexts out, takes reports of counts,
//! tells every holder, and switches the path (`dot16-security.md` 7.5; R2, R3, R8, R16).

mod aaa_client;
mod authentication;
#[cfg(fuzzing)]
mod held;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use aaa_client::AaaClient;
use authentication::{Session, SessionKey, SessionTimer};

use super::backbone_side::{BackboneSide, Request};
use super::classifier::Classifiers;
use super::directory::Directory;
use super::event::{Command, Counts, Event, NamedKey, What, Work};
use super::named_count::{count_tlv, named_ak_sn, named_count};
use super::sequence_window::SequenceWindow;
use super::timers::Timers;
use crate::dot16::backbone::Compound::{AkContext, BsInfo, DataPathInfo, MsInfo};
use crate::dot16::backbone::asn_code::{ENCAPSULATION_GRE, failure, registration, result};
use crate::dot16::backbone::{
    AsnTlv, BackbonePacket, ControlMessage, GrePacket, MessageKind, NodeIdentifier, TlvLookup,
};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, CmacKeyCount, Direction, MsMac, Said, Sfid};
use crate::dot16::security::authenticator_keys::{AuthenticatorKeys, HandedContext, ReportOutcome};
use crate::dot16::security::radius::RadiusSecret;
use crate::dot16::security::{Weakness, Weaknesses};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::time::VirtualTime;

/// A mobile as the gateway knows it from network entry.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Its keys.
    pub keys: AuthenticatorKeys,
    /// Its service flows and their SAs.
    pub flows: Vec<(Sfid, Said)>,
    /// The classifiers of these flows.
    pub classifiers: Classifiers,
    /// Whether it negotiated seamless handover.
    pub seamless: bool,
    /// The BS that its path leads to before the run, with the keys of that path's tunnel, towards the BS and towards the
    /// gateway, and the count that the path rests on; none if it has not entered the network.
    pub path: Option<(Bsid, u32, u32, CmacKeyCount)>,
}

/// Settings of the Authenticator.
#[derive(Clone, Debug)]
pub struct AuthenticatorSettings {
    /// Its mobiles.
    pub subscribers: BTreeMap<MsMac, Subscriber>,
    /// Rules that are switched off.
    pub weaknesses: Weaknesses,
    /// The last CMAC_KEY_COUNT there is.
    pub last_key_count: CmacKeyCount,
    /// How far above N a reported count may be (R2).
    pub count_jump: u16,
    /// From an EAP packet to its repetition.
    pub eap_retry: Duration,
    /// What it shares with the AAA server.
    pub aaa_secret: RadiusSecret,
    /// From an Access-Request to its repetition.
    pub aaa_retry: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Tunnel {
    /// GRE key towards the BS; the BS chose it.
    down: u32,
    /// GRE key towards the gateway; the gateway chose it.
    up: u32,
}

/// The gateway's end of a tunnel.
#[derive(Clone, Debug)]
struct TunnelUp {
    ms: MsMac,
    bs: Bsid,
    /// What has come out of it.
    seen: SequenceWindow,
}

impl TunnelUp {
    fn new(ms: MsMac, bs: Bsid) -> Self {
        Self { ms, bs, seen: SequenceWindow::default() }
    }
}

#[derive(Clone, Debug)]
struct Mobile {
    keys: AuthenticatorKeys,
    /// The PMK SN given last, to a PMK in use or not.
    last_sn: AkSequenceNumber,
    flows: Vec<(Sfid, Said)>,
    classifiers: Classifiers,
    seamless: bool,
    tunnels: BTreeMap<Bsid, Tunnel>,
    /// Where downlink packets go, and the count that this rests on.
    path: (Bsid, CmacKeyCount),
    /// The sequence number of the PMK that this count belongs to.
    path_sn: AkSequenceNumber,
    /// Where the path led before it moved on the same count: a handover that is not confirmed yet.
    before: Option<Bsid>,
    /// BSs that have not acknowledged yet that the PMK with this sequence number is gone.
    former: BTreeSet<(Bsid, AkSequenceNumber)>,
    /// Whether the PMK is another than at the start.
    renewed: bool,
    sequence: u32,
}

/// The Authenticator and ASN gateway.
#[derive(Debug)]
pub struct Authenticator {
    directory: Arc<Directory>,
    backbone: BackboneSide,
    mobiles: BTreeMap<MsMac, Mobile>,
    /// GRE keys towards the gateway.
    tunnels_up: BTreeMap<u32, TunnelUp>,
    next_tunnel: u32,
    weaknesses: Weaknesses,
    last_key_count: CmacKeyCount,
    count_jump: u16,
    eap_retry: Duration,
    aaa: AaaClient,
    /// For Request Authenticators.
    generator: ChaCha20Rng,
    /// Authentications under way.
    sessions: BTreeMap<SessionKey, Session>,
    /// How many authentications have begun.
    begun: u64,
    timers: Timers<SessionTimer>,
    started: bool,
}

impl Authenticator {
    /// An Authenticator whose mobiles have entered before the run starts.
    #[must_use]
    pub fn new(
        settings: AuthenticatorSettings,
        directory: Arc<Directory>,
        backbone: BackboneSide,
        generator: ChaCha20Rng,
    ) -> Self {
        let mut tunnels_up = BTreeMap::new();
        let mut next_tunnel = 1;
        let mut mobiles = BTreeMap::new();
        for (ms, subscriber) in settings.subscribers {
            if let Some((bs, _, up, _)) = subscriber.path {
                tunnels_up.insert(up, TunnelUp::new(ms, bs));
                next_tunnel = next_tunnel.max(up.saturating_add(1));
            }
            let tunnels = subscriber.path.iter().map(|&(bs, down, up, _)| (bs, Tunnel { down, up })).collect();
            let mobile = Mobile {
                last_sn: subscriber.keys.pmk().1,
                path_sn: subscriber.keys.pmk().1,
                keys: subscriber.keys,
                flows: subscriber.flows,
                classifiers: subscriber.classifiers,
                seamless: subscriber.seamless,
                tunnels,
                path: subscriber.path.map_or((Bsid([0; 6]), CmacKeyCount(0)), |(bs, .., count)| (bs, count)),
                before: None,
                former: BTreeSet::new(),
                renewed: false,
                sequence: 0,
            };
            mobiles.insert(ms, mobile);
        }
        Self {
            directory,
            backbone,
            mobiles,
            tunnels_up,
            next_tunnel,
            weaknesses: settings.weaknesses,
            last_key_count: settings.last_key_count,
            count_jump: settings.count_jump,
            eap_retry: settings.eap_retry,
            aaa: AaaClient::new(settings.aaa_secret, settings.aaa_retry),
            generator,
            sessions: BTreeMap::new(),
            begun: 0,
            timers: Timers::default(),
            started: false,
        }
    }

    fn start(&mut self, outbox: &mut Outbox<Event>) {
        self.started = true;
        for (ms, mobile) in self.mobiles.iter().filter(|(_, mobile)| mobile.keys.is_authenticated()) {
            let (pmk, sn) = mobile.keys.pmk();
            let key = NamedKey::Pmk { sn, pmk: pmk.clone() };
            outbox.report(Event { ms: *ms, what: What::Key { at_mobile: false, held: true, key } });
            if let Some(count) = mobile.keys.next() {
                outbox.report(Event { ms: *ms, what: What::NetworkCount(count) });
            }
        }
    }

    /// Open requests and stored answers are lost. PMKs, counts and data paths are read back, the N of one mobile perhaps
    /// from an old backup.
    fn restart(&mut self, now: VirtualTime, backup: Option<(MsMac, CmacKeyCount)>, outbox: &mut Outbox<Event>) {
        self.backbone.restart();
        self.end_sessions(outbox);
        for ms in self.mobiles.keys() {
            self.timers.set(SessionTimer::TellFormer(*ms), now);
        }
        for (ms, mobile) in &mut self.mobiles {
            // A backup that is older than the PMK in use says nothing of its N.
            let old = backup.filter(|(of, _)| of == ms && !mobile.renewed).map(|(_, count)| count);
            let count = old.filter(|_| mobile.keys.is_authenticated()).or(mobile.keys.next());
            if let Some(count) = count {
                mobile.keys.restore(count);
                outbox.report(Event { ms: *ms, what: What::NetworkCount(count) });
            }
        }
    }

    /// N of a mobile that has entered is another one from now on, and its path rests on another count.
    fn take_counts(&mut self, counts: Counts, outbox: &mut Outbox<Event>) {
        let ms = counts.ms;
        let Some(mobile) = self.mobiles.get_mut(&ms).filter(|mobile| mobile.keys.is_authenticated()) else {
            return;
        };
        mobile.keys.move_to(counts.next);
        mobile.path.1 = counts.committed;
        if let Some(next) = counts.next {
            outbox.report(Event { ms, what: What::NetworkCount(next) });
        }
    }

    fn downlink(&mut self, ms: MsMac, packet: Vec<u8>, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let bs = mobile.path.0;
        let Some((tunnel, place)) = mobile.tunnels.get(&bs).zip(self.directory.base_stations.get(&bs)) else {
            return outbox.report(Event { ms, what: What::PacketGivenUp { direction: Direction::Downlink } });
        };
        mobile.sequence = mobile.sequence.wrapping_add(1);
        let note = format!("GRE: user packet for {}, {} octets", self.directory.ms(ms), packet.len());
        if self.backbone.tunnel(place.endpoint.ip, tunnel.down, mobile.sequence, packet, note, outbox).is_err() {
            outbox.report(Event { ms, what: What::PacketGivenUp { direction: Direction::Downlink } });
            let why = "a user packet that does not fit in GRE over IPv4";
            outbox.report(Event { ms, what: What::CommandIgnored(why) });
        }
    }

    fn uplink(&mut self, packet: GrePacket, outbox: &mut Outbox<Event>) {
        let tunnel = packet.header.key.and_then(|key| self.tunnels_up.get_mut(&key));
        let Some(TunnelUp { ms, bs, seen }) = tunnel else {
            return outbox.verdict(Verdict::rejected("dropped: no data path has this GRE key"));
        };
        let (ms, bs) = (*ms, *bs);
        if let Some(sequence) = packet.header.sequence {
            if seen.has(sequence) {
                return outbox.verdict(Verdict::rejected("dropped: a copy of a packet that came before"));
            }
            seen.take(sequence);
        }
        outbox.verdict(Verdict::accepted(format!(
            "user packet of {} by {}",
            self.directory.ms(ms),
            self.directory.bs(bs)
        )));
        outbox.report(Event { ms, what: What::PacketOut { direction: Direction::Uplink, octets: packet.payload } });
    }

    fn control(&mut self, now: VirtualTime, from: Ipv4Addr, message: &ControlMessage, outbox: &mut Outbox<Event>) {
        use MessageKind::{
            ArEapStart, ArEapTransfer, CmacKeyCountUpdate, CmacKeyCountUpdateAck, ContextAck, ContextReq, KeyChangeCnf,
            PathDeregAck, PathDeregReq, PathPreregAck, PathPreregReq, PathRegAck, PathRegReq,
        };
        let Some(bs) = self.directory.bs_at(from) else {
            return outbox.verdict(Verdict::rejected("dropped: its sender is no base station"));
        };
        if !self.mobiles.contains_key(&message.ms) {
            return outbox.verdict(Verdict::rejected("dropped: no subscriber with this MSID"));
        }
        match message.kind {
            // A repeat is seen as what it is before the keys are asked, so that the weakness has to reach here too.
            CmacKeyCountUpdate if self.weaknesses.has(Weakness::RefusesRepeatedReport) => {
                self.count_report(now, bs, from, message, outbox);
            }
            ContextReq | CmacKeyCountUpdate | KeyChangeCnf | PathPreregReq | PathRegReq | PathDeregReq
                if self.backbone.repeat_answer(from, message, outbox) =>
            {
                outbox.verdict(Verdict::accepted("a repetition: the same answer again"));
            }
            ContextReq => {
                outbox.report(Event { ms: message.ms, what: What::Work(Work::CONTEXT_REPORT) });
                self.context_request(now, bs, from, message, outbox);
            }
            CmacKeyCountUpdate => self.count_report(now, bs, from, message, outbox),
            ArEapStart => self.eap_start(now, bs, message, outbox),
            ArEapTransfer => self.eap_response(now, bs, message, outbox),
            KeyChangeCnf => self.key_changed(now, bs, from, message, outbox),
            PathPreregReq | PathRegReq => self.path_request(bs, from, message, outbox),
            PathDeregReq => self.path_end(bs, from, message, outbox),
            CmacKeyCountUpdateAck => {
                let text = match self.backbone.answered(from, message) {
                    Some(request) => {
                        self.former_holder_told(bs, &request);
                        "acknowledged"
                    }
                    None => "acknowledged before",
                };
                outbox.verdict(Verdict::accepted(text));
            }
            ContextAck | PathPreregAck | PathRegAck | PathDeregAck => {
                outbox.verdict(Verdict::accepted("acknowledged"));
            }
            kind => outbox.verdict(Verdict::rejected(format!("dropped: {} is not for an Authenticator", kind.name()))),
        }
    }

    /// Context_Req: AK, AKID, SN, lifetime and N; N does not move (A15, A16). "Issued before" is R8.
    fn context_request(
        &mut self,
        now: VirtualTime,
        bs: Bsid,
        from: Ipv4Addr,
        request: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let wanted = request.tlvs.inside(MsInfo).inside(AkContext).ak_sn().map(AkSequenceNumber);
        let in_use = self.mobiles.get(&request.ms).map(|mobile| mobile.keys.pmk().1);
        if let Some(sn) = wanted.filter(|sn| Some(*sn) != in_use) {
            return self.fresh_context_request(now, bs, sn, (from, request), outbox);
        }
        let Some(mobile) = self.mobiles.get_mut(&request.ms) else {
            return;
        };
        if !mobile.keys.is_authenticated() {
            outbox.verdict(Verdict::rejected("refused: the mobile has not authenticated"));
            let tlvs = vec![AsnTlv::FailureIndication(failure::CONTEXT_UNAVAILABLE)];
            let note = "Context_Rpt: no context, the mobile has not authenticated";
            return self.backbone.answer(from, request, MessageKind::ContextRpt, tlvs, note, outbox);
        }
        let Some(context) = mobile.keys.hand_out(bs) else {
            outbox.verdict(Verdict::rejected("refused: CMAC_KEY_COUNT is exhausted"));
            let tlvs = vec![AsnTlv::FailureIndication(failure::CONTEXT_UNAVAILABLE)];
            let note = "Context_Rpt: no context, CMAC_KEY_COUNT is exhausted";
            return self.backbone.answer(from, request, MessageKind::ContextRpt, tlvs, note, outbox);
        };
        outbox.verdict(Verdict::accepted(format!("context handed out, N = {} stays", context.count)));
        self.report_context(now, from, request, &context, outbox);
    }

    /// Context_Rpt with the AK context, and what the mobile's entry needs besides.
    fn report_context(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        request: &ControlMessage,
        context: &HandedContext,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(mobile) = self.mobiles.get(&request.ms) else {
            return;
        };
        let name = self.directory.bs(context.ak.bs);
        let mut info = vec![AsnTlv::AkContext(vec![
            AsnTlv::Ak(*context.ak.ak.octets()),
            AsnTlv::AkId(context.ak.akid),
            AsnTlv::AkLifetime(context.lifetime.seconds_left(now)),
            AsnTlv::AkSn(context.ak.ak_sn.0),
            AsnTlv::CmacKeyCount(context.count),
        ])];
        info.extend(mobile.flows.iter().map(|(sfid, said)| mobile.classifiers.sf_info(*sfid, *said)));
        let mut tlvs = vec![
            AsnTlv::ContextPurpose(crate::dot16::backbone::asn_code::context_purpose::MS_AK_CONTEXT),
            AsnTlv::MsInfo(info),
            AsnTlv::seamless(mobile.seamless),
        ];
        if context.issued_before {
            tlvs.push(AsnTlv::issued_before());
        }
        let note = format!("Context_Rpt: AK for {name}, N = {}", context.count);
        self.backbone.answer(from, request, MessageKind::ContextRpt, tlvs, note, outbox);
    }

    /// CMAC_Key_Count_Update from a BS (R2); if N moves, every holder is told (R3).
    fn count_report(
        &mut self,
        now: VirtualTime,
        bs: Bsid,
        from: Ipv4Addr,
        report: &ControlMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let ms = report.ms;
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let kind = MessageKind::CmacKeyCountUpdateAck;
        let Some(m) = named_count(&report.tlvs) else {
            outbox.verdict(Verdict::rejected("refused: no CMAC_KEY_COUNT"));
            let tlvs = vec![AsnTlv::FailureIndication(failure::MANDATORY_TLV_MISSING)];
            let note = "CMAC_Key_Count_Update_ACK: refused, no CMAC_KEY_COUNT";
            return self.backbone.answer(from, report, kind, tlvs, note, outbox);
        };
        let sn = mobile.keys.pmk().1;
        let outcome = if named_ak_sn(&report.tlvs) == sn { mobile.keys.report(bs, m) } else { ReportOutcome::Refused };
        match outcome {
            ReportOutcome::Accepted(n) => {
                if mobile.path.0 == bs && mobile.path_sn == sn {
                    mobile.path.1 = mobile.path.1.max(m);
                }
                outbox.verdict(Verdict::accepted(format!("count {m} accepted, N = {n}")));
                outbox.report(Event { ms, what: What::NetworkCount(n) });
                let note = format!("CMAC_Key_Count_Update_ACK: count {m} accepted");
                self.backbone.answer(from, report, kind, Vec::new(), note, outbox);
                self.tell_holders(now, ms, n, outbox);
            }
            ReportOutcome::Repeated | ReportOutcome::Exhausted => {
                outbox.verdict(Verdict::accepted(format!("count {m} accepted")));
                let note = format!("CMAC_Key_Count_Update_ACK: count {m} accepted");
                self.backbone.answer(from, report, kind, Vec::new(), note, outbox);
            }
            ReportOutcome::Refused => {
                let why = match mobile.keys.next() {
                    Some(n) if m >= n => format!("is too far above N = {n}"),
                    _ => "was consumed elsewhere".to_owned(),
                };
                outbox.verdict(Verdict::rejected(format!("refused: count {m} {why}")));
                let tlvs = vec![
                    AsnTlv::FailureIndication(failure::AUTHORIZATION_FAILURE),
                    count_tlv(named_ak_sn(&report.tlvs), m),
                ];
                let note = format!("CMAC_Key_Count_Update_ACK: count {m} refused");
                self.backbone.answer(from, report, kind, tlvs, note, outbox);
            }
        }
    }

    /// The completion indication (R3), to every BS that holds a context, the serving BS included.
    fn tell_holders(&mut self, now: VirtualTime, ms: MsMac, n: CmacKeyCount, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get(&ms).filter(|_| !self.weaknesses.has(Weakness::TellsNobody)) else {
            return;
        };
        // A notice of a lower N has nothing to say any more.
        self.backbone.withdraw(ms, |kind| kind == MessageKind::CmacKeyCountUpdate);
        let (holders, sn): (Vec<Bsid>, _) = (mobile.keys.holders().collect(), mobile.keys.pmk().1);
        for holder in holders {
            let Some(place) = self.directory.base_stations.get(&holder) else {
                continue;
            };
            let (to, note) = (place.endpoint.ip, format!("CMAC_Key_Count_Update: tells {} that N = {n}", place.name));
            let tlvs = vec![count_tlv(sn, n), AsnTlv::BsInfo(vec![AsnTlv::BsId(NodeIdentifier::Octets6(holder.0))])];
            let notice = Request { kind: MessageKind::CmacKeyCountUpdate, tlvs, note };
            self.backbone.request(now, to, ms, notice, outbox);
        }
        self.tell_former_holders(now, ms, outbox);
    }

    /// Path_Prereg_Req makes a tunnel; Path_Reg_Req also leads the downlink into it, unless it rests on a count below that
    /// of the present path (R16).
    fn path_request(&mut self, bs: Bsid, from: Ipv4Addr, request: &ControlMessage, outbox: &mut Outbox<Event>) {
        let ms = request.ms;
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let name = self.directory.bs(bs);
        let (kind, register) = match request.kind {
            MessageKind::PathRegReq => (MessageKind::PathRegRsp, true),
            _ => (MessageKind::PathPreregRsp, false),
        };
        let Some(down) = request.tlvs.inside(DataPathInfo).data_path_id() else {
            outbox.verdict(Verdict::rejected("refused: no Data Path ID"));
            let tlvs = vec![AsnTlv::ResultCode(result::NOT_SUPPORTED)];
            return self.backbone.answer(from, request, kind, tlvs, format!("{}: refused", kind.name()), outbox);
        };
        let count = named_count(&request.tlvs);
        let (sn, named) = (mobile.keys.pmk().1, named_ak_sn(&request.tlvs));
        let any = [Weakness::SwitchesPathOnAnyCount, Weakness::WrapsNetworkCount]
            .into_iter()
            .any(|weakness| self.weaknesses.has(weakness));
        // Counts begin anew with every PMK: only those of the same one compare.
        let below = |count: CmacKeyCount| named != sn || (mobile.path_sn == sn && count < mobile.path.1);
        if register && !any && count.is_none_or(below) {
            outbox.verdict(Verdict::rejected("ignored: it rests on a count below that of the present path"));
            let tlvs = vec![AsnTlv::ResultCode(result::NOT_SUPPORTED)];
            return self.backbone.answer(from, request, kind, tlvs, format!("{}: the path stays", kind.name()), outbox);
        }
        // A BS that names another key has restarted: its sequence numbers begin again.
        let up = match mobile.tunnels.get(&bs).filter(|tunnel| tunnel.down == down) {
            Some(tunnel) => tunnel.up,
            None => {
                if let Some(tunnel) = mobile.tunnels.get(&bs) {
                    self.tunnels_up.remove(&tunnel.up);
                }
                let up = self.next_tunnel;
                self.next_tunnel = self.next_tunnel.wrapping_add(1).max(1);
                self.tunnels_up.insert(up, TunnelUp::new(ms, bs));
                up
            }
        };
        mobile.tunnels.insert(bs, Tunnel { down, up });
        if register && request.tlvs.registration_type() == Some(registration::INITIAL_NETWORK_ENTRY) {
            mobile.seamless = request.tlvs.is_seamless();
        }
        let what = match count.filter(|_| register) {
            Some(count) => {
                if mobile.path.0 != bs {
                    let unconfirmed = mobile.path.1 == count && mobile.path_sn == named;
                    mobile.before = unconfirmed.then_some(mobile.path.0);
                }
                mobile.path = (bs, count);
                mobile.path_sn = named;
                "leads the downlink here"
            }
            None => "tunnel ready",
        };
        outbox.verdict(Verdict::accepted(format!("{name}: {what}")));
        let tlvs = vec![
            AsnTlv::ResultCode(result::SUCCESS),
            AsnTlv::DataPathInfo(vec![AsnTlv::DataPathEncapsulation(ENCAPSULATION_GRE), AsnTlv::DataPathId(up)]),
        ];
        self.backbone.answer(from, request, kind, tlvs, format!("{}: {what}", kind.name()), outbox);
    }

    fn path_end(&mut self, bs: Bsid, from: Ipv4Addr, request: &ControlMessage, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&request.ms) else {
            return;
        };
        // The holder of the path gives it up: a cancelled handover whose requests crossed. It leads back where it was.
        if mobile.path.0 == bs
            && let Some(before) = mobile.before.take().filter(|before| mobile.tunnels.contains_key(before))
        {
            mobile.path.0 = before;
        }
        let current = mobile.path.0 == bs;
        if !current && let Some(tunnel) = mobile.tunnels.remove(&bs) {
            self.tunnels_up.remove(&tunnel.up);
        }
        let (code, what) =
            if current { (result::NOT_SUPPORTED, "the path in use stays") } else { (result::SUCCESS, "tunnel closed") };
        outbox.verdict(Verdict::accepted(what));
        let note = format!("Path_Dereg_Rsp: {what}");
        self.backbone.answer(from, request, MessageKind::PathDeregRsp, vec![AsnTlv::ResultCode(code)], note, outbox);
    }
}

/// The BSID in BS Info of a message, if there is one.
pub(super) fn named_bs(message: &ControlMessage) -> Option<Bsid> {
    match message.tlvs.inside(BsInfo).bs_id()? {
        NodeIdentifier::Octets6(octets) => Some(Bsid(octets)),
        _ => None,
    }
}

impl Node for Authenticator {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.start(outbox);
        }
        match input {
            Input::Frame { octets, .. } => match self.backbone.receive(&octets) {
                Ok(frame) => match frame.packet {
                    BackbonePacket::Control(message) => self.control(now, frame.from.ip, &message, outbox),
                    BackbonePacket::Data(packet) => self.uplink(packet, outbox),
                    BackbonePacket::Radius(datagram) => self.aaa_answer(now, frame.from.ip, &datagram, outbox),
                },
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
            Input::Timer => {
                // A BS that does not acknowledge a notice is told again with the next one (R3).
                for given_up in self.backbone.expire(now, outbox) {
                    self.former_holder_silent(now, &given_up.message);
                }
                self.expire_sessions(now, outbox);
            }
            Input::Command(Command::Downlink { ms, packet }) => self.downlink(ms, packet, outbox),
            Input::Command(Command::Restart { backup }) => self.restart(now, backup, outbox),
            Input::Command(Command::Counts(counts)) => self.take_counts(counts, outbox),
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        [self.backbone.next_timer(), self.timers.next()].into_iter().flatten().min()
    }
}
