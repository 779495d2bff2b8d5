//! The mobile station: user traffic, and the handover as it drives it (`dot16-security.md` 7.2; R1, R9, R14, R18).
//!
//! * [`mod@self`]: states, input, timers.
//! * `handover`: MOB_MSHO-REQ to MOB_HO-IND, leaving, cancelling.
//! * `entry`: arrival at a target, RNG-REQ and RNG-RSP, giving up and re-entry.
//! * `sa_tek_handover` and `full_handover`: the modes `legacy-sa-tek` and `legacy-full`.
//! * `data`: user packets up and down.
//! * `network_entry`: the way in for a mobile without connection; `registration`: SBC, REG and the first TEKs on it.
//! * `authentication`: EAP and the SA-TEK handshake.
//! * `refresh`: new TEKs in time.
//! * `lost_link`: a serving BS that is silent, contexts that are gone.

mod authentication;
pub(in crate::dot16::node) mod data;
mod entry;
mod full_handover;
mod handover;
#[cfg(fuzzing)]
mod held;
mod lost_link;
mod network_entry;
mod refresh;
mod registration;
mod sa_tek_handover;
mod unprotected;

use refresh::Refresh;
pub use refresh::RefreshSettings;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::air_ports::AirPorts;
use super::capabilities::Capabilities;
use super::classifier::Classifiers;
use super::connection::{Connection, parse_management};
use super::directory::Directory;
use super::event::{Command, Event, HandoverMode, NamedKey, Reject, What};
use super::fragmentation::{Fragmenter, Reassembler};
use super::key_report::KeyReport;
use super::radio::RadioSettings;
use super::sdu_queue::SduQueue;
use super::timers::Timers;
use crate::dot16::identifiers::{Bsid, Cid, CmacKeyCount, Direction, MsMac, Sfid};
use crate::dot16::security::Weakness;
use crate::dot16::security::eap_tls::PeerCredentials;
use crate::dot16::security::hierarchy::AkContext;
use crate::dot16::security::mobile_keys::MobileKeys;
use crate::dot16::wire::{CmacTuple, MacPdu, ManagementMessage};
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::time::VirtualTime;
use authentication::{Authentication, Pending};
use network_entry::Joining;
use rand_chacha::ChaCha20Rng;
use sa_tek_handover::Handshake;

/// Settings of a mobile station.
#[derive(Clone, Debug)]
pub struct MobileStationSettings {
    /// Its MAC address.
    pub mac: MsMac,
    /// Whether seamless handover is negotiated (A5, R13): before the run, or in REG of the last network entry.
    pub seamless: bool,
    /// What it declares in REG.
    pub declared: Capabilities,
    /// What it authenticates with.
    pub credentials: PeerCredentials,
    /// The radio.
    pub radio: RadioSettings,
    /// The links to base stations.
    pub ports: Arc<AirPorts>,
    /// The classifiers of its service flows.
    pub classifiers: Classifiers,
}

impl MobileStationSettings {
    /// The link to a base station.
    fn port(&self, bs: Bsid) -> Option<Port> {
        self.ports.port(self.mac, bs)
    }
}

/// The established connection.
#[derive(Clone, Debug)]
struct Live {
    bs: Bsid,
    connection: Connection,
    count: CmacKeyCount,
}

/// An entry at a BS under way.
#[derive(Clone, Debug)]
struct Entry {
    bs: Bsid,
    from: Bsid,
    mode: HandoverMode,
    /// CIDs pre-allocated in MOB_BSHO-RSP.
    connection: Option<Connection>,
    /// CIDs from RNG-RSP, while the TEKs that came with them are being installed.
    installing: Option<Connection>,
    ho_id: Option<u8>,
    /// From arrival to the end of the attempt.
    deadline: Duration,
    /// Where to go if this attempt fails, in order.
    fallbacks: Vec<Bsid>,
    /// Whether this is the attempt of the script, or one that follows a failure.
    fallback: bool,
    /// Whether the mobile has synchronised to the downlink.
    listening: bool,
    /// Whether it may send user data.
    granted: bool,
    /// Whether the BS waits for a first uplink PDU.
    notify: bool,
    /// The answer to the SA challenge of RNG-RSP that is under way.
    handshake: Option<Handshake>,
}

#[derive(Clone, Debug)]
enum State {
    /// User data flows over the live connection.
    Connected,
    /// MOB_MSHO-REQ is out.
    Preparing { target: Bsid, candidates: Vec<Bsid>, repeats: u8 },
    /// MOB_BSHO-RSP is in; the live connection works until the action time.
    Leaving { entry: Entry },
    /// Away from the serving BS, entering another (or the same again).
    Entering { entry: Entry },
    /// Cancelled after leaving: synchronising to the serving BS again.
    Returning { target: Bsid },
    /// No connection is left: entering the network by authentication.
    Joining { joining: Joining },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Slot,
    RepeatRequest,
    RepeatCancel,
    Indicate,
    Leave,
    Arrive,
    Access,
    Range,
    Deadline,
    Return,
    KeysInstalled,
    LostLink,
    Authentication,
    AuthenticationLimit,
    Reauthenticate,
    Join,
    JoinAccess,
    JoinRange,
    JoinDeadline,
    Refresh,
    Handshake,
    JoinRequest,
}

/// A mobile station.
#[derive(Debug)]
pub struct MobileStation {
    settings: MobileStationSettings,
    directory: Arc<Directory>,
    keys: MobileKeys,
    report: KeyReport,
    live: Option<Live>,
    state: State,
    timers: Timers<Timer>,
    /// How often MOB_HO-IND (cancel) may still be repeated.
    cancel_repeats: u8,
    /// For nonces.
    generator: ChaCha20Rng,
    /// The authentication under way.
    authentication: Option<Authentication>,
    /// The handover that waits for its end.
    pending: Option<Pending>,
    /// Identifier of the last EAP-Start.
    pkm_identifier: u8,
    /// How many renewals in a row have come to nothing, and whether the last one was refused.
    renewals_failed: u32,
    refused: bool,
    /// The BS of the live connection, or of the last one.
    last_serving: Bsid,
    /// When the BS listened to was heard last.
    heard: VirtualTime,
    /// The neighbours that the last MOB_NBR-ADV named.
    neighbours: Vec<Bsid>,
    management: VecDeque<(Vec<u8>, String)>,
    /// Its service flows in the order in which their classifiers are asked.
    flows: Vec<Sfid>,
    /// User packets for the uplink, numbered in the order in which they came.
    packets: SduQueue,
    next_packet: u32,
    /// Whether the BS waits for a first uplink PDU, be it without user data.
    proves_keys: bool,
    /// BS, basic CID and count that user data was sent with last.
    sent_with: Option<(Bsid, Cid, CmacKeyCount)>,
    fragmenters: BTreeMap<(Bsid, Cid), Fragmenter>,
    reassemblers: BTreeMap<(Bsid, Cid), Reassembler>,
    started: bool,
    /// Absent if this mobile asks for no TEKs.
    refresh: Option<Refresh>,
}

impl MobileStation {
    /// A mobile that is connected to `bs` before the run starts; `keys` hold the entry of that connection.
    #[must_use]
    pub fn new(
        settings: MobileStationSettings,
        directory: Arc<Directory>,
        keys: MobileKeys,
        bs: Bsid,
        connection: Connection,
        generator: ChaCha20Rng,
    ) -> Self {
        let count = keys.committed();
        let flows = connection.flows.iter().map(|flow| flow.sfid).collect();
        let mut station = Self::switched_on(settings, directory, keys, bs, flows, generator);
        station.timers.cancel(Timer::Join);
        station.timers.set(Timer::Slot, VirtualTime::ZERO);
        station.live = Some(Live { bs, connection, count });
        station.state = State::Connected;
        station
    }

    /// A mobile that is switched on at the start of the run and enters the network, at `bs` first; `keys` are those of a mobile
    /// that has not authenticated, `flows` its service flows.
    #[must_use]
    pub fn switched_on(
        settings: MobileStationSettings,
        directory: Arc<Directory>,
        keys: MobileKeys,
        bs: Bsid,
        flows: Vec<Sfid>,
        generator: ChaCha20Rng,
    ) -> Self {
        let report = KeyReport::new(settings.mac, true);
        let mut timers = Timers::default();
        timers.set(Timer::Join, VirtualTime::ZERO);
        timers.set(Timer::LostLink, VirtualTime::ZERO);
        Self {
            settings,
            directory,
            keys,
            report,
            live: None,
            state: State::Joining { joining: Joining::beginning(bs, false) },
            timers,
            cancel_repeats: 0,
            generator,
            authentication: None,
            pending: None,
            pkm_identifier: 0,
            renewals_failed: 0,
            refused: false,
            last_serving: bs,
            heard: VirtualTime::ZERO,
            neighbours: Vec::new(),
            management: VecDeque::new(),
            flows,
            packets: SduQueue::default(),
            next_packet: 0,
            proves_keys: false,
            sent_with: None,
            fragmenters: BTreeMap::new(),
            reassemblers: BTreeMap::new(),
            started: false,
            refresh: None,
        }
    }

    fn event(&self, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ms: self.settings.mac, what });
    }

    fn rejected(&self, reject: Reject, text: impl Into<String>, outbox: &mut Outbox<Event>) {
        self.event(What::Rejected(reject), outbox);
        outbox.verdict(Verdict::rejected(text));
    }

    /// Reports PMK and counts at the first input.
    fn start(&mut self, outbox: &mut Outbox<Event>) {
        self.started = true;
        if !self.keys.is_authenticated() {
            return;
        }
        let (pmk, sn) = self.keys.pmk();
        let key = NamedKey::Pmk { sn, pmk: pmk.clone() };
        self.event(What::Key { at_mobile: true, held: true, key }, outbox);
        self.event(What::Committed(self.keys.committed()), outbox);
        self.report_keys(outbox);
    }

    fn report_keys(&mut self, outbox: &mut Outbox<Event>) {
        let fresh = self.authentication.as_ref().and_then(Authentication::fresh);
        let keys = [Some(&self.keys), fresh];
        let aks: Vec<&AkContext> = keys.into_iter().flatten().flat_map(MobileKeys::aks).collect();
        for ak in &aks {
            if keys.into_iter().flatten().any(|keys| keys.held().any(|(_, entry)| entry.akid() == ak.akid)) {
                self.report.ak(ak, outbox);
            }
        }
        self.report.keep_aks(&aks.iter().map(|ak| ak.akid).collect::<Vec<_>>(), outbox);
        let entries: Vec<_> = keys.into_iter().flatten().flat_map(MobileKeys::held).collect();
        self.report.update(&entries, outbox);
    }

    /// The BS that the mobile listens to, with the connection and count in use there.
    fn listening_to(&self) -> Option<(Bsid, Option<&Connection>, CmacKeyCount)> {
        match &self.state {
            State::Connected | State::Preparing { .. } | State::Leaving { .. } => {
                self.live.as_ref().map(|live| (live.bs, Some(&live.connection), live.count))
            }
            State::Entering { entry } if entry.listening => {
                self.keys.traffic().map(|count| (entry.bs, entry.connection.as_ref(), count))
            }
            State::Entering { .. } | State::Returning { .. } | State::Joining { .. } => None,
        }
    }

    /// The BS whose downlink the mobile receives.
    fn hears(&self) -> Option<Bsid> {
        match &self.state {
            State::Joining { joining } => joining.is_listening().then_some(joining.bs),
            _ => self.listening_to().map(|(bs, ..)| bs),
        }
    }

    fn frame(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let from = self.settings.ports.ends(port).filter(|(ms, _)| *ms == self.settings.mac).map(|(_, bs)| bs);
        match (from, self.hears()) {
            (Some(from), Some(bs)) if from == bs => {}
            (Some(from), _) => {
                let text = format!("dropped: not listening to {}", self.directory.bs(from));
                return outbox.verdict(Verdict::rejected(text));
            }
            (None, _) => return outbox.verdict(Verdict::rejected("dropped: no BS on this link")),
        }
        for pdu in MacPdu::burst(octets) {
            match pdu {
                Ok(pdu) if pdu.crc_form() == Some(self.settings.radio.crc) => {
                    self.link_heard(now);
                    self.pdu(now, &pdu, outbox);
                }
                Ok(_) => self.rejected(Reject::Malformed, "dropped: CRC-32 does not fit", outbox),
                Err(error) => self.rejected(Reject::Malformed, format!("dropped: {error}"), outbox),
            }
        }
    }

    fn pdu(&mut self, now: VirtualTime, pdu: &MacPdu<'_>, outbox: &mut Outbox<Event>) {
        if !pdu.header.cid.is_management() {
            return self.data_pdu(now, pdu, outbox);
        }
        let received = match parse_management(pdu) {
            Ok(received) => received,
            Err(error) => return self.rejected(Reject::Malformed, format!("dropped: {error}"), outbox),
        };
        let cid = pdu.header.cid;
        match (&received.message, received.protected) {
            (ManagementMessage::MobNbrAdv(message), _) if cid == Cid::BROADCAST => {
                self.neighbours_advertised(message, outbox);
            }
            (ManagementMessage::MobBshoRsp(message), Some((tuple, protected))) => {
                if self.verify(cid, protected, &tuple, outbox) {
                    self.handover_response(now, message, outbox);
                }
            }
            (ManagementMessage::RngRsp(message), Some((tuple, protected))) => {
                if self.keys.weak(Weakness::BelievesUnprotectedRngRsp) || self.verify(cid, protected, &tuple, outbox) {
                    self.ranging_response(now, message, outbox);
                }
            }
            (ManagementMessage::RngRsp(message), None) => self.access_response(now, message, outbox),
            (ManagementMessage::PkmRsp(message), Some((tuple, protected))) if self.answers_arrival(message) => {
                if self.verify(cid, protected, &tuple, outbox) {
                    self.arrival_answered(now, cid, message, outbox);
                }
            }
            (ManagementMessage::SbcRsp(message), _) => self.negotiated(now, cid, message, outbox),
            (ManagementMessage::RegRsp(message), Some((tuple, protected))) => {
                if self.verify(cid, protected, &tuple, outbox) {
                    self.registered(now, cid, message, outbox);
                }
            }
            (ManagementMessage::PkmRsp(message), protected) if message.code.is_authentication() => {
                self.authentication_response(now, cid, message, protected, outbox);
            }
            (ManagementMessage::PkmRsp(message), Some((tuple, protected))) => {
                if self.verify(cid, protected, &tuple, outbox) {
                    self.key_answer(now, cid, message, outbox);
                }
            }
            (message, None) => {
                let text = format!("dropped: {} without CMAC tuple", message.name());
                self.rejected(Reject::Cmac, text, outbox);
            }
            (message, Some(_)) => {
                outbox.verdict(Verdict::rejected(format!("dropped: {} not expected here", message.name())));
            }
        }
    }

    /// Verifies a CMAC tuple of the BS listened to and takes its CMAC_PN.
    fn verify(&mut self, cid: Cid, protected: &[u8], tuple: &CmacTuple, outbox: &mut Outbox<Event>) -> bool {
        let entering = match &self.state {
            State::Joining { joining } => joining.has_keys().then_some((joining.bs, CmacKeyCount(0))),
            _ => None,
        };
        let Some((bs, count)) = entering.or(self.listening_to().map(|(bs, _, count)| (bs, count))) else {
            outbox.verdict(Verdict::rejected("dropped: no keys of this BS are in use"));
            return false;
        };
        // While the BS uses a new AK already and SA-TEK-Response is still to come, both verify.
        let fresh = self.authentication.as_mut().and_then(|authentication| authentication.fresh_entry(tuple.ak_sn));
        let Some(keys) = fresh.or(self.keys.keys_mut(bs, count)) else {
            outbox.verdict(Verdict::rejected("dropped: no keys of this BS are in use"));
            return false;
        };
        match keys.accept(Direction::Downlink, cid, protected, tuple) {
            Ok(()) => {
                self.serving_heard();
                true
            }
            Err(error) => {
                self.rejected(Reject::from(error), format!("dropped: {error}"), outbox);
                false
            }
        }
    }

    fn timer(&mut self, now: VirtualTime, timer: Timer, outbox: &mut Outbox<Event>) {
        match timer {
            Timer::Slot => self.flush(now, outbox),
            Timer::RepeatRequest => self.repeat_request(now, outbox),
            Timer::RepeatCancel => self.repeat_cancel(now, outbox),
            Timer::Indicate => self.indicate(now, outbox),
            Timer::Leave => self.leave(now, outbox),
            Timer::Arrive => self.arrive(now, outbox),
            Timer::Access => self.access(now, outbox),
            Timer::Range => self.range(now, outbox),
            Timer::Deadline => self.deadline(now, outbox),
            Timer::Return => self.returned(now, outbox),
            Timer::KeysInstalled => self.keys_installed(now, outbox),
            Timer::LostLink => self.check_link(now, outbox),
            Timer::Authentication => self.authentication_unanswered(now, outbox),
            Timer::AuthenticationLimit => self.authentication_failed(now, false, outbox),
            Timer::Reauthenticate => self.renew_again(now, outbox),
            Timer::Join => self.join_on(now, outbox),
            Timer::JoinAccess => self.join_access(now, outbox),
            Timer::JoinRange => self.join_range(now, outbox),
            Timer::JoinDeadline => self.join_next(now, outbox),
            Timer::Refresh => self.refresh_teks(now, outbox),
            Timer::Handshake => self.arrival_unanswered(now, outbox),
            Timer::JoinRequest => self.join_unanswered(now, outbox),
        }
    }
}

impl Node for MobileStation {
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
            }
            Input::Command(Command::Handover { target, candidates }) => {
                self.begin_handover(now, target, candidates, outbox);
            }
            Input::Command(Command::Cancel) => self.cancel(now, outbox),
            Input::Command(Command::Uplink(packet)) => self.packet(now, packet, outbox),
            Input::Command(Command::Reauthenticate) => self.reauthenticate(now, outbox),
            Input::Command(Command::LoseContexts) => self.lose_contexts(now, outbox),
            Input::Command(Command::LoseCounter) => self.lose_counter(now, outbox),
            Input::Command(Command::Counts(counts)) => self.take_counts(counts, outbox),
            Input::Command(Command::Downlink { .. } | Command::Restart { .. }) => {}
        }
        self.renew_if_pns_run_out(now, outbox);
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.timers.next()
    }
}
