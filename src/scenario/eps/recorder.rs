//! What a run of EPS leaves behind: frames, user packets, keys, rejects, states.

use std::collections::{BTreeMap, BTreeSet};

use super::attaches::Attaches;
use super::contexts::AllContexts;
use super::enterprise::EnterpriseTrace;
use super::epochs::{Epochs, Side, Taken};
use super::keys::Keys;
use super::measures::Measures;
use super::topology::{Role, Topology};
use crate::adversary::eps::Exchanged;
use crate::capture::CapturedFrame;
use crate::dot16::identifiers::Direction;
use crate::emulation::{NodeIndex, Observer, Transmission};
use crate::eps::enterprise::{self, User};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::node::event::DropReason;
use crate::eps::node::{Event, What};
use crate::eps::parameters::LinkDirection;
use crate::eps::security::count::CountLedger;
use crate::eps::wire::session_identity::EMSE_PORT;
use crate::eps::wire::user_packet::UserDatagram;
use crate::scenario::ledger::Ledger;
use crate::scenario::run::Progress;
use crate::scenario::script::eps::enterprise::{self as names, failure_name};
use crate::scenario::script::eps::expectations::Reject;
use crate::scenario::script::eps::parlos_expectations::{AttachEnd, refusal_name};
use crate::time::VirtualTime;

/// A frame, complete, with the octets that went on its way.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    /// As its sender sent it.
    pub sent: Transmission,
    /// As the adversary let it go.
    pub octets: Vec<u8>,
}

/// Something that a node reported, for the ladder.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub time: VirtualTime,
    pub node: NodeIndex,
    pub label: String,
}

/// How many frames are kept: in memory, all of them.
const MOST_FRAMES: usize = 1_000_000;
/// From one report of progress to the next, in events.
const PROGRESS_EVENTS: u32 = 4_096;

fn is_end_point(end: &std::net::SocketAddrV4) -> bool {
    end.port() == EMSE_PORT
}

/// What a run leaves behind while it goes on.
pub(super) struct Recorder<'a> {
    pub topology: Topology,
    progress: &'a mut dyn Progress,
    untold: u32,
    exchanged: Exchanged,
    pub frames: Vec<Recorded>,
    /// When the first frame began that was not kept.
    pub kept_until: Option<VirtualTime>,
    pub ledgers: Vec<Ledger>,
    outstanding: u64,
    quiet_from: VirtualTime,
    pub delivered: Vec<CapturedFrame>,
    pub epochs: Epochs,
    pub keys: Keys,
    pub measures: Measures,
    pub rejects: BTreeMap<Reject, u64>,
    used: CountLedger,
    /// How often a key, bearer, direction and COUNT were used again.
    pub reuse: u64,
    /// NAS keys by UE, as fingerprints.
    pub nas_keys: BTreeMap<Imsi, BTreeSet<[u8; 32]>>,
    /// What became of security contexts.
    pub contexts: AllContexts,
    /// What became of attaches for RLOS.
    pub attaches: Attaches,
    /// What there is of keys between UEs and end points in an enterprise.
    pub enterprise: EnterpriseTrace,
    pub states: Vec<State>,
    pub remarks: Vec<(usize, String)>,
    /// The cell that each UE is in.
    places: BTreeMap<Imsi, Pci>,
    /// Handovers that have ended.
    ended: u64,
}

impl<'a> Recorder<'a> {
    /// Nothing recorded yet.
    pub(super) fn new(topology: Topology, exchanged: Exchanged, progress: &'a mut dyn Progress) -> Self {
        Self {
            ledgers: vec![Ledger::new(); topology.ues()],
            topology,
            progress,
            untold: 0,
            exchanged,
            frames: Vec::new(),
            kept_until: None,
            outstanding: 0,
            quiet_from: VirtualTime::ZERO,
            delivered: Vec::new(),
            epochs: Epochs::default(),
            keys: Keys::default(),
            measures: Measures::default(),
            rejects: BTreeMap::new(),
            used: CountLedger::default(),
            reuse: 0,
            nas_keys: BTreeMap::new(),
            contexts: AllContexts::default(),
            attaches: Attaches::default(),
            enterprise: EnterpriseTrace::default(),
            states: Vec::new(),
            remarks: Vec::new(),
            places: BTreeMap::new(),
            ended: 0,
        }
    }

    /// A user packet is about to go in.
    pub(super) fn packet_in(&mut self, ue: usize, direction: Direction, packet: &[u8]) {
        if let Some(ledger) = self.ledgers.get_mut(ue) {
            ledger.sent(direction, packet);
            self.outstanding += 1;
        }
    }

    /// From when the run may end, if no packet is under way.
    pub(super) fn quiet_from(&mut self, at: VirtualTime) {
        self.quiet_from = at;
    }

    fn packet_out(&mut self, now: VirtualTime, ue: Imsi, direction: Direction, octets: Vec<u8>) {
        let Some(position) = self.topology.ue(ue) else { return };
        // What sessions say is no user traffic of the script.
        let of_session = UserDatagram::parse(&octets).is_ok_and(|one| [one.from, one.to].iter().any(is_end_point));
        if of_session && self.topology.all(Role::Emse).next().is_some() {
            return;
        }
        self.ledgers[position].delivered(direction, &octets);
        self.outstanding = self.outstanding.saturating_sub(1);
        if let Some(cell) = self.places.get(&ue) {
            self.measures.packet(now, ue, direction, *cell);
        }
        self.delivered.push(CapturedFrame {
            time: now,
            interface: usize::from(direction == Direction::Downlink),
            octets,
            direction: None,
            source: None,
            destination: None,
            comment: String::new(),
        });
    }

    fn state(&mut self, time: VirtualTime, node: NodeIndex, label: impl Into<String>) {
        self.states.push(State { time, node, label: label.into() });
    }

    fn cell_name(&self, cell: Pci) -> String {
        self.topology
            .station_of(cell)
            .map_or_else(|| format!("cell {}", cell.get()), |enb| self.topology.names[enb.0].clone())
    }
}

impl Recorder<'_> {
    /// A node has reported something of these keys.
    fn of_enterprise(&mut self, now: VirtualTime, node: NodeIndex, user: User, what: enterprise::What) {
        let label = match &what {
            enterprise::What::IntKey { identifier, .. } => Some(format!("e2m_int_key {identifier}")),
            enterprise::What::Deleted { identifier, .. } => Some(format!("deletes key {identifier}")),
            enterprise::What::PushGivenUp(identifier) => Some(format!("gives up pushing {identifier}")),
            enterprise::What::Key { identifier, emse, .. } => Some(format!("e2m_key {identifier} for {emse}")),
            enterprise::What::Refused { why, .. } => Some(format!("refuses: {}", names::refusal_name(*why))),
            enterprise::What::SessionOpened { emse, .. } => Some(format!("session with {emse}")),
            enterprise::What::SessionFailed { why, .. } => Some(format!("no session: {}", failure_name(*why))),
            enterprise::What::SessionClosed { .. } => Some("session closed".to_owned()),
            enterprise::What::Pushed(_) | enterprise::What::Received { .. } => None,
        };
        if let Some(label) = label {
            self.state(now, node, label);
        }
        self.enterprise.report(now, node, user, what);
    }
}

impl Observer<enterprise::Event> for Recorder<'_> {
    fn transmission(&mut self, sent: Transmission) {
        self.measures.transmission(&sent, &self.topology);
        if self.frames.len() >= MOST_FRAMES {
            self.kept_until.get_or_insert(sent.time);
            return;
        }
        let exchanged = self.exchanged.of(sent.time, sent.port, sent.to).filter(|_| sent.replaced);
        let octets = exchanged.unwrap_or_else(|| sent.octets.clone());
        self.frames.push(Recorded { sent, octets });
    }

    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: enterprise::Event) {
        let Event { ue, what } = match event {
            enterprise::Event::Eps(event) => event,
            enterprise::Event::Enterprise { user, what } => return self.of_enterprise(now, node, user, what),
        };
        self.untold += 1;
        if self.untold == PROGRESS_EVENTS {
            self.untold = 0;
            self.progress.at(now, self.ended);
        }
        self.measures.event(now, node, ue, &what);
        self.keys.event(now, node, ue, &what);
        self.enterprise.event(now, ue, self.topology.role(node) == Role::Hss, &what);
        self.contexts.event(now, node, ue, &what, &self.topology);
        self.attaches.event(now, node, ue, &what, &self.topology);
        match what {
            What::KenbInUse { cell, kenb, c_rnti, ncc, algorithms, .. } => {
                let side = if self.topology.is_station(node) { Side::Enb } else { Side::Ue };
                if side == Side::Ue {
                    self.places.insert(ue, cell);
                }
                let cell_name = self.cell_name(cell);
                self.state(now, node, format!("KeNB for {cell_name}, C-RNTI {c_rnti:04x}"));
                let taken = Taken { ue, cell, c_rnti, kenb, ncc: ncc.get(), algorithms };
                self.epochs.taken(now, node, side, taken);
            }
            What::KenbForgotten { cell } => {
                self.epochs.forgotten(now, ue, cell);
                self.state(now, node, "KeNB forgotten");
            }
            What::NasInUse { keys, .. } => {
                let [enc, int] = keys.map(|key| *key.octets());
                let mut pair = [0; 32];
                pair[..16].copy_from_slice(&enc);
                pair[16..].copy_from_slice(&int);
                if self.nas_keys.entry(ue).or_default().insert(pair) {
                    self.state(now, node, "other NAS keys");
                }
            }
            What::Protected { key, bearer, direction, count } => {
                let [a, b, c, d, e, f, g, h, ..] = *key.octets();
                let fingerprint = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                self.reuse += u64::from(!self.used.insert(fingerprint, bearer, direction, count));
            }
            What::PacketOut { direction, octets } => {
                let direction = match direction {
                    LinkDirection::Uplink => Direction::Uplink,
                    LinkDirection::Downlink => Direction::Downlink,
                };
                self.packet_out(now, ue, direction, octets);
            }
            What::Dropped(reason) => {
                let reject = match reason {
                    DropReason::MacI => Reject::MacI,
                    DropReason::NasMac => Reject::NasMac,
                    DropReason::NasReplay => Reject::NasReplay,
                    DropReason::Refused => Reject::Refused,
                    DropReason::Malformed => Reject::Malformed,
                    DropReason::Duplicate => Reject::Duplicate,
                    DropReason::Authentication => Reject::Authentication,
                };
                *self.rejects.entry(reject).or_default() += 1;
            }
            What::CkIkInUse { cell, .. } => {
                if self.topology.ue_node(self.topology.ue(ue).unwrap_or_default()) == node {
                    self.places.insert(ue, cell);
                }
                let cell = self.cell_name(cell);
                self.state(now, node, format!("CK and IK for {cell}"));
            }
            What::CkIkForgotten { .. } => self.state(now, node, "CK and IK forgotten"),
            What::UpKeyInUse { .. } => self.state(now, node, "key of user packets"),
            What::UpKeyForgotten => self.state(now, node, "key of user packets forgotten"),
            What::ContextInUse(origin) => self.state(now, node, format!("context of {}", origin.name())),
            What::Authenticated => self.state(now, node, "authenticated"),
            What::OldNodeFound(_) => self.state(now, node, "finds the old node"),
            What::TrackingAreaUpdated => self.state(now, node, "tracking area updated"),
            What::AttachBegun(cell) => {
                let cell = self.cell_name(cell);
                self.state(now, node, format!("attaches at {cell}"));
            }
            What::AttachEnded(outcome) => {
                let outcome = AttachEnd::of(outcome).as_str();
                self.state(now, node, format!("attach {outcome}"));
            }
            What::AttachRefused(refusal) => self.state(now, node, format!("refused: {}", refusal_name(refusal))),
            What::KeyPair { fresh: true, .. } => self.state(now, node, "makes a key pair"),
            What::TemporaryKasme(_) => {
                let word = if self.topology.role(node) == Role::Ue { "takes" } else { "draws" };
                self.state(now, node, format!("{word} KASMEtemp"));
            }
            What::HandoverBegun { to, .. } => {
                let cell = self.cell_name(to);
                self.state(now, node, format!("hands over to {cell}"));
            }
            What::HandoverStarted(cell) => {
                let cell = self.cell_name(cell);
                self.state(now, node, format!("leaves for {cell}"));
            }
            What::HandoverEnded { outcome, .. } => {
                self.ended += 1;
                let outcome = crate::scenario::script::eps::expectations::outcome_name(outcome);
                self.state(now, node, format!("handover {outcome}"));
            }
            _ => {}
        }
    }

    fn remark(&mut self, attack: usize, remark: String) {
        self.remarks.push((attack, remark));
    }

    fn finished(&self, now: VirtualTime) -> bool {
        now > self.quiet_from && self.outstanding == 0
    }
}
