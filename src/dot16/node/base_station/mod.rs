//! The base station: serving and target are roles of one type, per mobile (`dot16-security.md` 7.3, 7.4; R3 to R8, R14 to R18).
//!
//! * [`mod@self`]: what is kept for a mobile, input, timers.
//! * `serving`: MOB_MSHO-REQ to MOB_HO-IND, forwarding, taking back, letting go.
//! * `target`: preparation, confirmation, the end of an attempt.
//! * `ranging`: RNG-REQ and RNG-RSP, reports and notices of counts.
//! * `data`: user data on the air and in the tunnels.
//! * `entrance`: initial ranging and SBC; `authentication`: EAP and the SA-TEK handshake; `registration`: REG, the first TEKs.
//! * `sa_tek_handover` and `reuse`: the modes `legacy-sa-tek` and `legacy-reuse`.
//! * `refresh`: new TEKs for a mobile that asks.
//! * `retained`: how many contexts are kept; `restart`: all of them lost; `budget`: what may be asked of it in a second.

mod authentication;
mod budget;
mod cid_pool;
mod data;
mod entrance;
#[cfg(fuzzing)]
mod held;
mod ranging;
mod refresh;
mod registration;
mod restart;
mod retained;
mod reuse;
mod sa_tek_handover;
mod serving;
mod target;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use authentication::{Purpose, Session};
use budget::{Budget, worked};
pub use cid_pool::CidPool;
use entrance::Entrances;
use registration::Registration;
use sa_tek_handover::Challenge;
use serving::Serving;
use target::Target;

use super::air_ports::AirPorts;
use super::backbone_side::{BackboneSide, Request};
use super::classifier::Classifiers;
use super::connection::{Connection, parse_management};
use super::directory::Directory;
use super::event::{CidKind, Command, Event, HandoverMode, Reject, What, Work};
use super::fragmentation::{Fragmenter, Reassembler};
use super::key_report::KeyReport;
use super::radio::RadioSettings;
use super::sdu_queue::SduQueue;
use super::sequence_window::SequenceWindow;
use super::timers::Timers;
use crate::dot16::backbone::{AsnTlv, BackbonePacket, ControlMessage, MessageKind};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, MsMac, Said, Sfid};
use crate::dot16::security::Weakness;
use crate::dot16::security::base_station_keys::{BaseStationKeySettings, BaseStationKeys};
use crate::dot16::security::entry_keys::EntryKeys;
use crate::dot16::wire::{MacPdu, ManagementMessage};
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::time::VirtualTime;

/// How many ended attempts of a mobile keep their CIDs reserved at the most.
const RETIRED: usize = 4;

/// Settings of a base station.
#[derive(Clone, Debug)]
pub struct BaseStationSettings {
    /// Its BSID.
    pub bsid: Bsid,
    /// How the TEKs come to a target in this network, as far as the mobile takes part in it.
    pub mode: HandoverMode,
    /// The radio.
    pub radio: RadioSettings,
    /// What bears on keys.
    pub keys: BaseStationKeySettings,
    /// The full lifetime of a PMK in this network (R10).
    pub pmk_lifetime: Duration,
    /// Whether it generates TEKs from the count (A5).
    pub seamless: bool,
    /// How many contexts of ended attempts are kept at the most (R8).
    pub retained_contexts: usize,
    /// Context_Req that RNG-REQs of mobiles without context here may cause in a second.
    pub context_request_budget: u32,
    /// HO_Req that it takes in a second.
    pub preparation_budget: u32,
    /// The base stations that MOB_NBR-ADV names, in its order, at most 255; what does not fit a PDU of 2047 octets is not sent.
    pub neighbours: Vec<Bsid>,
    /// The links to mobile stations.
    pub ports: Arc<AirPorts>,
}

/// A mobile that is connected here before the run starts.
#[derive(Clone, Debug)]
pub struct Established {
    /// Its CIDs, from this BS's pool.
    pub connection: Connection,
    /// Its keys, with the entry confirmed.
    pub keys: BaseStationKeys,
    /// GRE keys of its path, towards this BS and towards the gateway.
    pub tunnel: (u32, u32),
    /// Whether it negotiated seamless handover.
    pub seamless: bool,
    /// Whether it declared that it hands over.
    pub handover: bool,
    /// The classifiers of its service flows.
    pub classifiers: Classifiers,
}

/// What a BS is to a mobile.
#[derive(Clone, Debug)]
enum Role {
    /// Nothing but retained contexts.
    Idle,
    /// The mobile is, or was until it left, connected here.
    Serving(Serving),
    /// A handover or re-entry to this BS is under way.
    Target(Target),
}

#[derive(Clone, Debug)]
struct Mobile {
    port: Port,
    keys: Option<BaseStationKeys>,
    report: KeyReport,
    role: Role,
    connection: Option<Connection>,
    /// CIDs of attempts that have ended, with the count they were used under: reserved while its context is retained.
    retired: Vec<(CmacKeyCount, Connection)>,
    flows: Vec<(Sfid, Said)>,
    classifiers: Classifiers,
    /// Whether the mobile negotiated seamless handover and this BS generates its TEKs (R13).
    seamless: bool,
    /// What the mobile negotiated, whatever this BS can do.
    negotiated: bool,
    /// Whether the mobile declared that it hands over (A26).
    handover: bool,
    /// The BS it came from, to be told when the handover is complete.
    came_from: Option<Ipv4Addr>,
    /// Where it went from here, address and GRE key: downlink packets that are still under way when the connection is over go
    /// there. They cannot go in circles, since a new preparation here ends it.
    gone_to: Option<(Ipv4Addr, u32)>,
    /// GRE sequence number of the last packet towards the gateway.
    uplink_sequence: u32,
    /// GRE key of packets towards this BS.
    tunnel_down: u32,
    /// GRE key of packets towards the gateway.
    tunnel_up: Option<u32>,
    /// The AK and the count on which the gateway leads the downlink here, if it does (R16).
    path: Option<(AkSequenceNumber, CmacKeyCount)>,
    /// The same of the last Path_Reg_Req.
    path_asked: Option<(AkSequenceNumber, CmacKeyCount)>,
    /// GRE sequence numbers of the packets that came, by the node that sent them here: a copy made by a link is dropped, but
    /// a packet that was forwarded may come back.
    came: BTreeMap<Ipv4Addr, SequenceWindow>,
    /// When the gateway was told last that the mobile is not here.
    told_gone: Option<VirtualTime>,
    /// SDUs for the mobile, by GRE sequence number.
    queue: SduQueue,
    /// SDUs sent before the mobile has shown that it has the same keys (R15), by GRE sequence number.
    kept: BTreeMap<u32, (Sfid, Vec<u8>)>,
    /// Basic CID and T_B that user data was sent with last.
    sent_with: Option<(Cid, CmacKeyCount)>,
    /// Management PDUs with their notes, each with the start of the downlink subframe that it goes out in.
    management: VecDeque<(VirtualTime, Vec<u8>, String)>,
    fragmenters: BTreeMap<Cid, Fragmenter>,
    reassemblers: BTreeMap<Cid, Reassembler>,
    /// The nonce of the last Key-Request answered, for each SA.
    answered: BTreeMap<Said, [u8; 8]>,
    /// Flows whose SDUs wait because there is no TEK to send under.
    halted: BTreeSet<Sfid>,
    /// An RNG-REQ that waits for the context: its CID and its message.
    waiting: Option<(Cid, Vec<u8>)>,
    /// A re-authentication under way, or the last one.
    session: Option<Session>,
    /// The CMAC keys before the last re-authentication, until the mobile has shown that it uses the new ones.
    previous: Option<EntryKeys>,
    /// How the TEKs of the entry here come to it, as RNG-RSP says.
    mode: HandoverMode,
    /// The SA challenge of that RNG-RSP.
    challenge: Option<Challenge>,
    /// Whether the Authenticator has still to answer that the AK in use is in use.
    confirming: bool,
    /// The registration of a mobile that is entering, until its first TEKs are out.
    registration: Option<Registration>,
    /// Whether the data path is still to be registered for the first time after an entry.
    attaching: bool,
    /// Uplink packets that wait for that.
    waits_for_path: VecDeque<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Advertise,
    Slot(MsMac),
    Preparation(MsMac),
    Retain(MsMac),
    Deadline(MsMac),
    Challenge(MsMac, Purpose),
    AuthenticationEnd(MsMac, Purpose),
    Halted(MsMac),
    TekInvalid(MsMac),
    Registration(MsMac),
}

/// A base station.
#[derive(Clone, Debug)]
pub struct BaseStation {
    settings: BaseStationSettings,
    directory: Arc<Directory>,
    backbone: BackboneSide,
    /// For TEKs that are not generated from the count.
    generator: ChaCha20Rng,
    cids: CidPool,
    by_cid: BTreeMap<Cid, MsMac>,
    by_tunnel: BTreeMap<u32, MsMac>,
    next_tunnel: u32,
    next_ho_id: u8,
    mobiles: BTreeMap<MsMac, Box<Mobile>>,
    /// Mobiles that authenticate to enter.
    entrances: Entrances,
    /// Contexts in no use, the one retained first in front.
    retained: VecDeque<(MsMac, CmacKeyCount)>,
    context_requests: Budget,
    preparations: Budget,
    timers: Timers<Timer>,
    started: bool,
}

impl BaseStation {
    /// A base station; the CIDs of `established` mobiles come from `cids`.
    #[must_use]
    pub fn new(
        settings: BaseStationSettings,
        directory: Arc<Directory>,
        backbone: BackboneSide,
        generator: ChaCha20Rng,
        cids: CidPool,
        established: BTreeMap<MsMac, Established>,
    ) -> Self {
        let mut timers = Timers::default();
        timers.set(Timer::Advertise, VirtualTime::ZERO);
        let mut station = Self {
            context_requests: Budget::new(settings.context_request_budget),
            preparations: Budget::new(settings.preparation_budget),
            settings,
            directory,
            backbone,
            generator,
            cids,
            by_cid: BTreeMap::new(),
            by_tunnel: BTreeMap::new(),
            next_tunnel: 1,
            next_ho_id: 0,
            mobiles: BTreeMap::new(),
            entrances: Entrances::new(),
            retained: VecDeque::new(),
            timers,
            started: false,
        };
        for (ms, standing) in established {
            let Some(mobile) = station.know(ms) else { continue };
            mobile.flows = standing.connection.flows.iter().map(|flow| (flow.sfid, flow.said)).collect();
            mobile.role = Role::Serving(Serving::default());
            mobile.path = Some((standing.keys.ak().ak_sn, standing.keys.count()));
            mobile.classifiers = standing.classifiers;
            (mobile.seamless, mobile.negotiated) = (standing.seamless, standing.seamless);
            mobile.handover = standing.handover;
            mobile.keys = Some(standing.keys);
            (mobile.tunnel_down, mobile.tunnel_up) = (standing.tunnel.0, Some(standing.tunnel.1));
            let tunnel = standing.tunnel.0;
            station.by_tunnel.insert(tunnel, ms);
            station.next_tunnel = station.next_tunnel.max(tunnel.saturating_add(1));
            station.adopt(ms, standing.connection, &mut Outbox::default());
        }
        station
    }

    /// The record of a mobile, made when it is first heard of; `None` if there is no link to it.
    fn know(&mut self, ms: MsMac) -> Option<&mut Mobile> {
        let port = self.settings.ports.port(ms, self.settings.bsid)?;
        let unknown = || Mobile {
            port,
            keys: None,
            report: KeyReport::new(ms, false),
            role: Role::Idle,
            connection: None,
            retired: Vec::new(),
            flows: Vec::new(),
            classifiers: Classifiers::default(),
            seamless: false,
            negotiated: false,
            handover: true,
            came_from: None,
            gone_to: None,
            uplink_sequence: 0,
            came: BTreeMap::new(),
            told_gone: None,
            tunnel_down: 0,
            tunnel_up: None,
            path: None,
            path_asked: None,
            queue: SduQueue::default(),
            kept: BTreeMap::new(),
            sent_with: None,
            management: VecDeque::new(),
            fragmenters: BTreeMap::new(),
            reassemblers: BTreeMap::new(),
            answered: BTreeMap::new(),
            halted: BTreeSet::new(),
            waiting: None,
            session: None,
            previous: None,
            mode: HandoverMode::Seamless,
            challenge: None,
            confirming: false,
            registration: None,
            attaching: false,
            waits_for_path: VecDeque::new(),
        };
        Some(self.mobiles.entry(ms).or_insert_with(|| Box::new(unknown())))
    }

    fn weak(&self, weakness: Weakness) -> bool {
        self.settings.keys.weaknesses.has(weakness)
    }

    fn event(&self, ms: MsMac, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ms, what });
    }

    fn rejected(&self, ms: MsMac, reject: Reject, text: impl Into<String>, outbox: &mut Outbox<Event>) {
        self.event(ms, What::Rejected(reject), outbox);
        outbox.verdict(Verdict::rejected(text));
    }

    /// Gives a mobile the CIDs of `connection`.
    fn adopt(&mut self, ms: MsMac, connection: Connection, outbox: &mut Outbox<Event>) {
        self.by_cid.extend(connection.cids().map(|cid| (cid, ms)));
        self.report_cids(ms, &connection, true, outbox);
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.connection = Some(connection);
            mobile.answered.clear();
            mobile.halted.clear();
        }
    }

    /// The connection that a mobile has gets its transport CIDs.
    fn adopt_flows(&mut self, ms: MsMac, connection: Connection, outbox: &mut Outbox<Event>) {
        let bs = self.settings.bsid;
        self.by_cid.extend(connection.cids().map(|cid| (cid, ms)));
        for flow in &connection.flows {
            let (cid, kind) = (flow.cid, CidKind::Transport(flow.said));
            self.event(ms, What::Cid { bs, cid, kind, held: true }, outbox);
        }
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.connection = Some(connection);
        }
    }

    /// Ends the use of a mobile's CIDs. They stay reserved as long as the context of T_B is retained (R15), so that a PDU
    /// recorded on them can be told as what it is.
    fn retire_cids(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.reassemblers.clear();
        mobile.fragmenters.clear();
        let Some(connection) = mobile.connection.take() else {
            return;
        };
        let count = mobile.keys.as_ref().map_or(CmacKeyCount(0), BaseStationKeys::count);
        mobile.retired.push((count, connection.clone()));
        self.report_cids(ms, &connection, false, outbox);
        self.free_retired(ms);
    }

    /// Gives the CIDs of ended attempts back whose contexts are gone, and the oldest where there are too many.
    fn free_retired(&mut self, ms: MsMac) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        while let Some(position) = mobile.retired.iter().position(|(count, _)| {
            mobile.retired.len() > RETIRED
                || mobile.keys.as_ref().is_none_or(|keys| !keys.retained().any(|(retained, ..)| retained == *count))
        }) {
            let (_, connection) = mobile.retired.remove(position);
            self.cids.free(&connection);
            for cid in connection.cids() {
                self.by_cid.remove(&cid);
            }
        }
    }

    fn report_cids(&self, ms: MsMac, connection: &Connection, held: bool, outbox: &mut Outbox<Event>) {
        let bs = self.settings.bsid;
        let mut report = |cid, kind| outbox.report(Event { ms, what: What::Cid { bs, cid, kind, held } });
        report(connection.basic, CidKind::Basic);
        report(connection.primary, CidKind::Primary);
        for flow in &connection.flows {
            report(flow.cid, CidKind::Transport(flow.said));
        }
    }

    /// Reports what has changed in the keys of a mobile.
    fn report_keys(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let bs = self.settings.bsid;
        let entrance = self.entrances.get(&ms).and_then(|entrance| entrance.session.as_ref());
        let mobile = self.mobiles.get_mut(&ms).map(|mobile| &mut **mobile);
        let Some(Mobile { keys, report, session, previous, .. }) = mobile else {
            return;
        };
        let fresh: Vec<_> = [entrance, session.as_ref()].into_iter().flatten().filter_map(Session::fresh).collect();
        let aks = keys.iter().map(BaseStationKeys::ak).chain(fresh.iter().map(|(ak, _)| *ak));
        aks.for_each(|ak| report.ak(ak, outbox));
        let retained = keys.iter().flat_map(|keys| keys.retained().map(|(_, _, entry)| entry));
        let entries = retained.chain(fresh.iter().map(|(_, entry)| *entry)).chain(previous.as_ref());
        let entries: Vec<(Bsid, &EntryKeys)> = entries.map(|entry| (bs, entry)).collect();
        report.update(&entries, outbox);
        let held = entries.iter().map(|(_, entry)| entry.akid()).chain(keys.iter().map(|keys| keys.ak().akid));
        report.keep_aks(&held.collect::<Vec<_>>(), outbox);
        self.free_retired(ms);
    }

    /// Reports T_B, or that no TEKs for it are at hand.
    fn report_count(&self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let keys = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref());
        let count = keys.and_then(|keys| keys.current().filter(|entry| entry.has_teks()).map(|_| keys.count()));
        self.event(ms, What::TrafficCount { bs: self.settings.bsid, at_mobile: false, count }, outbox);
    }

    /// Reports everything that stands from before the run at the first input.
    fn start(&mut self, outbox: &mut Outbox<Event>) {
        self.started = true;
        let mobiles: Vec<MsMac> = self.mobiles.keys().copied().collect();
        for ms in mobiles {
            if let Some(connection) = self.mobiles.get(&ms).and_then(|mobile| mobile.connection.clone()) {
                self.report_cids(ms, &connection, true, outbox);
            }
            self.report_keys(ms, outbox);
        }
    }

    fn frame(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let from = self.settings.ports.ends(port).filter(|(_, bs)| *bs == self.settings.bsid);
        match from.map(|(ms, _)| ms) {
            Some(ms) => self.burst(now, ms, octets, outbox),
            None => match self.backbone.receive(octets) {
                Ok(frame) => match frame.packet {
                    BackbonePacket::Control(message) => self.control(now, frame.from.ip, &message, outbox),
                    BackbonePacket::Data(packet) => self.tunnelled(now, frame.from.ip, packet, outbox),
                    BackbonePacket::Radius(_) => outbox.verdict(Verdict::rejected("dropped: not for a base station")),
                },
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
        }
    }

    /// A burst on the link of `ms`. Who really sent it only the keys can tell.
    fn burst(&mut self, now: VirtualTime, ms: MsMac, octets: &[u8], outbox: &mut Outbox<Event>) {
        if let Ok(code) = <[u8; 3]>::try_from(octets) {
            return self.cdma_code(now, ms, code, outbox);
        }
        for pdu in MacPdu::burst(octets) {
            match pdu {
                Ok(pdu) if pdu.crc_form() == Some(self.settings.radio.crc) => self.pdu(now, ms, &pdu, outbox),
                Ok(_) => self.rejected(ms, Reject::Malformed, "dropped: CRC-32 does not fit", outbox),
                Err(error) => self.rejected(ms, Reject::Malformed, format!("dropped: {error}"), outbox),
            }
        }
    }

    fn pdu(&mut self, now: VirtualTime, link: MsMac, pdu: &MacPdu<'_>, outbox: &mut Outbox<Event>) {
        let cid = pdu.header.cid;
        let owner = self.by_cid.get(&cid).copied();
        if !cid.is_management() {
            return match owner {
                Some(ms) => self.uplink_pdu(now, ms, pdu, outbox),
                None => outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is not allocated"))),
            };
        }
        if let Some(ms) = self.entrance_on(cid) {
            return self.entrance_pdu(now, ms, pdu, outbox);
        }
        let received = match parse_management(pdu) {
            Ok(received) => received,
            Err(error) => return self.rejected(link, Reject::Malformed, format!("dropped: {error}"), outbox),
        };
        match (&received.message, &received.protected, owner) {
            (ManagementMessage::RngReq(message), _, _) => {
                let ms = if cid == Cid::INITIAL_RANGING { message.ss_mac_address() } else { owner };
                match ms {
                    Some(ms) if cid == Cid::INITIAL_RANGING && entrance::is_initial(message) => {
                        self.initial_ranging(now, ms, outbox);
                    }
                    Some(ms) => self.ranging_request(now, ms, cid, pdu.body, outbox),
                    None => outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is not allocated"))),
                }
            }
            (_, _, None) => outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is not allocated"))),
            (ManagementMessage::PkmReq(message), Some((tuple, protected)), Some(ms))
                if self.answers_arrival(ms, message) =>
            {
                if self.verify(ms, cid, protected, tuple, outbox) {
                    self.arrival_answered(now, ms, cid, message, outbox);
                }
            }
            (ManagementMessage::PkmReq(message), protected, Some(ms)) if message.code.is_authentication() => {
                self.authentication_request(now, (ms, Purpose::Renewal), cid, message, *protected, outbox);
            }
            (ManagementMessage::MobMshoReq(request), None, Some(ms))
                if self.weak(Weakness::BelievesUnprotectedHandoverMessages) =>
            {
                self.handover_request(now, ms, request, "believed without a CMAC", outbox);
            }
            (ManagementMessage::MobHoInd(indication), None, Some(ms))
                if self.weak(Weakness::BelievesUnprotectedHandoverMessages) =>
            {
                self.indicated(now, ms, indication, "believed without a CMAC", outbox);
            }
            (message, None, Some(ms)) => {
                let text = format!("dropped: {} without CMAC tuple", message.name());
                self.rejected(ms, Reject::Cmac, text, outbox);
            }
            (message, Some((tuple, protected)), Some(ms)) => {
                if !self.verify(ms, cid, protected, tuple, outbox) {
                    return;
                }
                self.signed_with(ms, tuple.ak_sn, outbox);
                match message {
                    ManagementMessage::MobMshoReq(request) => {
                        self.handover_request(now, ms, request, "CMAC good", outbox);
                    }
                    ManagementMessage::MobHoInd(indication) => {
                        self.indicated(now, ms, indication, "CMAC good", outbox);
                    }
                    ManagementMessage::PkmReq(request) => self.key_request(now, ms, cid, request, outbox),
                    ManagementMessage::RegReq(request) => self.registration_requested(now, ms, cid, request, outbox),
                    other => {
                        let text = format!("dropped: {} not expected here", other.name());
                        outbox.verdict(Verdict::rejected(text));
                    }
                }
            }
        }
    }

    fn control(&mut self, now: VirtualTime, from: Ipv4Addr, message: &ControlMessage, outbox: &mut Outbox<Event>) {
        use MessageKind::{
            ArEapTransfer, CmacKeyCountUpdate, CmacKeyCountUpdateAck, ContextRpt, HoAck, HoCnf, HoComplete, HoReq,
            HoRsp, KeyChangeAck, PathDeregRsp, PathPreregRsp, PathRegRsp,
        };
        let ms = message.ms;
        if self.know(ms).is_none() {
            return outbox.verdict(Verdict::rejected("dropped: no mobile with this MSID can be reached here"));
        }
        match message.kind {
            HoReq | HoCnf | CmacKeyCountUpdate if self.backbone.repeat_answer(from, message, outbox) => {
                outbox.verdict(Verdict::accepted("a repetition: the same answer again"));
            }
            HoReq => self.handover_requested(now, from, message, outbox),
            HoCnf => self.handover_confirmed(now, from, message, outbox),
            HoComplete => self.handover_completed(now, ms, outbox),
            CmacKeyCountUpdate => self.count_notice(now, from, message, outbox),
            ArEapTransfer => self.eap_request(now, message, outbox),
            HoAck => {
                // It answers HO_Cnf, or closes the exchange of HO_Req and HO_Rsp.
                self.backbone.answered(from, message);
                outbox.verdict(Verdict::accepted("acknowledged"));
            }
            HoRsp | ContextRpt | PathPreregRsp | PathRegRsp | PathDeregRsp | CmacKeyCountUpdateAck | KeyChangeAck => {
                let request = self.backbone.answered(from, message);
                let late = message.kind == ContextRpt && self.weak(Weakness::TakesLateContextReport);
                let Some(request) = request.or_else(|| late.then(|| message.clone())) else {
                    self.late_answer(from, message, outbox);
                    return outbox.verdict(Verdict::rejected("dropped: it answers no outstanding request"));
                };
                match message.kind {
                    HoRsp => self.candidate_answered(now, from, message, outbox),
                    ContextRpt => match Self::wanted_ak(&request) {
                        Some(sn) => self.fresh_context_reported(now, from, sn, message, outbox),
                        None => self.context_reported(now, from, message, outbox),
                    },
                    KeyChangeAck => self.pmk_confirmed(now, &request, message, outbox),
                    PathPreregRsp => self.path_preregistered(now, from, message, outbox),
                    PathRegRsp => self.path_registered(from, message, outbox),
                    CmacKeyCountUpdateAck => self.count_acknowledged(now, &request, message, outbox),
                    PathDeregRsp => self.acknowledge(from, message, MessageKind::PathDeregAck, outbox),
                    _ => outbox.verdict(Verdict::accepted("acknowledged")),
                }
            }
            kind => outbox.verdict(Verdict::rejected(format!("dropped: {} is not for a base station", kind.name()))),
        }
    }

    /// A repeated answer whose acknowledgement was lost is acknowledged again, and has no other effect.
    fn late_answer(&mut self, from: Ipv4Addr, message: &ControlMessage, outbox: &mut Outbox<Event>) {
        let kind = match message.kind {
            MessageKind::HoRsp => MessageKind::HoAck,
            MessageKind::PathPreregRsp => MessageKind::PathPreregAck,
            MessageKind::PathRegRsp => MessageKind::PathRegAck,
            MessageKind::PathDeregRsp => MessageKind::PathDeregAck,
            _ => return,
        };
        let acknowledgement = ControlMessage::new(kind, message.ms, message.transaction, Vec::new());
        self.backbone.tell(from, acknowledgement, kind.name(), outbox);
    }

    /// Takes an answer and acknowledges it, the third step of most exchanges.
    fn acknowledge(&mut self, to: Ipv4Addr, answer: &ControlMessage, kind: MessageKind, outbox: &mut Outbox<Event>) {
        outbox.verdict(Verdict::accepted("done"));
        let message = ControlMessage::new(kind, answer.ms, answer.transaction, Vec::new());
        self.backbone.tell(to, message, kind.name(), outbox);
    }

    /// Sends a request to the Authenticator.
    fn ask_gateway(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        kind: MessageKind,
        tlvs: Vec<AsnTlv>,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        let gateway = self.directory.gateway.endpoint.ip;
        if kind == MessageKind::ContextReq {
            worked(ms, Work::CONTEXT_REQUEST, outbox);
        }
        self.backbone.request(now, gateway, ms, Request { kind, tlvs, note: note.into() }, outbox);
    }

    fn timer(&mut self, now: VirtualTime, timer: Timer, outbox: &mut Outbox<Event>) {
        match timer {
            Timer::Advertise => self.advertise(now),
            Timer::Slot(ms) => self.flush(now, ms, outbox),
            Timer::Preparation(ms) => self.recommend(now, ms, outbox),
            Timer::Retain(ms) => self.let_go(now, ms, outbox),
            Timer::Deadline(ms) => self.deadline(now, ms, outbox),
            Timer::Challenge(ms, purpose) => self.challenge_unanswered(now, ms, purpose, outbox),
            Timer::AuthenticationEnd(ms, purpose) => self.authentication_ended(ms, purpose, outbox),
            Timer::Halted(ms) => self.tek_at_hand(now, ms),
            Timer::TekInvalid(ms) => self.repeat_tek_invalid(now, ms),
            Timer::Registration(ms) => self.registration_ended(now, ms, outbox),
        }
    }
}

impl Node for BaseStation {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.start(outbox);
        }
        match input {
            Input::Frame { port, octets } => self.frame(now, port, &octets, outbox),
            Input::Timer => {
                while let Some(timer) = self.timers.pop(now) {
                    self.timer(now, timer, outbox);
                }
                for given_up in self.backbone.expire(now, outbox) {
                    self.unanswered(now, &given_up.message, outbox);
                }
            }
            Input::Command(Command::Restart { .. }) => self.restart(now, outbox),
            Input::Command(Command::Counts(counts)) => self.take_counts(counts, outbox),
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        match (self.timers.next(), self.backbone.next_timer()) {
            (Some(own), Some(backbone)) => Some(own.min(backbone)),
            (own, backbone) => own.or(backbone),
        }
    }
}
