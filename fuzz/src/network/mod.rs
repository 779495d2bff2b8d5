//! A small network whose air, wires and adversary are the fuzzer: mobiles, three base stations, Authenticator and AAA server,
//! driven by hand.
//!
//! * [`mod@self`]: nodes, virtual time, frames under way, and what becomes of them.
//! * [`settings`]: which networks there are.
//! * [`steps`]: what an input makes happen.
//! * [`forger`]: messages that no node has sent, for runs under null crypto.
//! * [`watch`]: what must hold, asked after every input of a node.

pub mod forger;
pub mod settings;
pub mod steps;
pub mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use keyhop::dot16::node::{Aaa, Authenticator, BaseStation, Command, Event, MobileStation, RadioSettings};
use keyhop::emulation::{Input, Node, NodeIndex, Outbox, Port};
use keyhop::scenario::script::Script;
use keyhop::scenario::world::{LinkEnds, Nodes, Topology, nodes};
use keyhop::time::VirtualTime;

use watch::Watch;

/// Inputs of nodes in one run: more time a run must not take.
const INPUTS: u32 = 6_000;
/// Frames that can be played again.
const REMEMBERED: usize = 96;
/// Frames under way: every user packet of a run, in pieces, twice, and something besides.
const UNDER_WAY: usize = 20_000;
/// Timer inputs of one node at one instant.
const AT_ONE_INSTANT: u32 = 64;

/// A node of any kind.
#[expect(clippy::large_enum_variant, reason = "there are six of them")]
pub enum Station {
    /// The Authenticator with the gateway.
    Authenticator(Authenticator),
    /// A base station.
    BaseStation(BaseStation),
    /// A mobile.
    MobileStation(MobileStation),
    /// The AAA server.
    Aaa(Aaa),
}

impl Station {
    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        match self {
            Self::Authenticator(node) => node.handle(now, input, outbox),
            Self::BaseStation(node) => node.handle(now, input, outbox),
            Self::MobileStation(node) => node.handle(now, input, outbox),
            Self::Aaa(node) => node.handle(now, input, outbox),
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        match self {
            Self::Authenticator(node) => node.next_timer(),
            Self::BaseStation(node) => node.next_timer(),
            Self::MobileStation(node) => node.next_timer(),
            Self::Aaa(node) => node.next_timer(),
        }
    }
}

/// A frame that was sent.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The link.
    pub port: Port,
    /// The end that receives it.
    pub to: NodeIndex,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Delivered,
    /// It does not.
    Lost,
    /// It arrives once more, so much later.
    Twice(Duration),
    /// It arrives so much later.
    Late(Duration),
    /// This bit of it arrives inverted; on a wire it does not arrive.
    Inverted(u16),
}

/// A network at work.
pub struct Network {
    /// Who is who.
    pub topology: Topology,
    /// The radio.
    pub radio: RadioSettings,
    /// What is seen of it.
    pub watch: Watch,
    /// Whether no mobile loses its counter, or is given another: after that a nonce may come twice, and much cannot be held.
    pub keeps_counters: bool,
    stations: Vec<Station>,
    latency: Duration,
    now: VirtualTime,
    under_way: BTreeMap<(VirtualTime, u64), Frame>,
    sent: u64,
    /// The frames sent last.
    pub history: VecDeque<Frame>,
    /// What becomes of the next frames.
    pub fates: VecDeque<Fate>,
    inputs: u32,
    /// Whether every input of a node is printed.
    tells: bool,
    /// Timer inputs at the present instant, by node.
    timer_inputs: BTreeMap<NodeIndex, u32>,
}

impl Network {
    /// The network of a script.
    #[must_use]
    pub fn new(script: &Script) -> Self {
        let Nodes { topology, radio, authenticator, base_stations, mobile_stations, aaa } = nodes(script);
        let mut stations = vec![Station::Authenticator(authenticator)];
        stations.extend(base_stations.into_iter().map(Station::BaseStation));
        stations.extend(mobile_stations.into_iter().map(Station::MobileStation));
        stations.push(Station::Aaa(aaa));
        let mut network = Self {
            watch: Watch::new(&topology),
            keeps_counters: false,
            topology,
            radio,
            stations,
            latency: script.backbone.latency,
            now: VirtualTime::ZERO,
            under_way: BTreeMap::new(),
            sent: 0,
            history: VecDeque::new(),
            fates: VecDeque::new(),
            inputs: 0,
            tells: std::env::var_os("KEYHOP_FUZZ_STORY").is_some_and(|level| level == "2"),
            timer_inputs: BTreeMap::new(),
        };
        // Every node says how it stands.
        network.advance(Duration::ZERO);
        network
    }

    /// The present instant.
    #[must_use]
    pub const fn now(&self) -> VirtualTime {
        self.now
    }

    /// How many inputs nodes had so far.
    #[must_use]
    pub const fn inputs(&self) -> u32 {
        self.inputs
    }

    /// Whether the run has lasted long enough.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.inputs >= INPUTS
    }

    /// Gives the run as many inputs again, for what is to follow it.
    pub const fn go_on(&mut self) {
        self.inputs = 0;
    }

    /// The mobiles.
    #[must_use]
    pub fn mobiles(&self) -> Vec<NodeIndex> {
        (0..self.topology.macs().len()).map(|position| self.topology.mobile(position)).collect()
    }

    /// The base stations.
    #[must_use]
    pub fn base_stations(&self) -> Vec<NodeIndex> {
        (0..self.topology.bsids().len()).map(|position| self.topology.base_station(position)).collect()
    }

    /// The links of a node, each with the node at the other end.
    #[must_use]
    pub fn links_of(&self, node: NodeIndex) -> Vec<(Port, NodeIndex)> {
        let links = self.topology.links();
        let of_node = links.filter_map(|(port, ends)| {
            let [first, second] = self.topology.ends(ends);
            match node {
                _ if node == first => Some((port, second)),
                _ if node == second => Some((port, first)),
                _ => None,
            }
        });
        of_node.collect()
    }

    /// Whether a link is in the air.
    #[must_use]
    pub fn is_air(&self, port: Port) -> bool {
        matches!(self.topology.link(port), Some(LinkEnds::Air { .. }))
    }

    /// When the next thing happens by itself.
    fn next(&self) -> Option<(VirtualTime, Option<NodeIndex>)> {
        let timers = self.stations.iter().enumerate();
        let timers = timers.filter_map(|(node, station)| Some((station.next_timer()?.max(self.now), NodeIndex(node))));
        let timer = timers.min();
        let frame = self.under_way.first_key_value().map(|((at, _), _)| *at);
        match (timer, frame) {
            (Some((at, _)), Some(frame)) if frame <= at => Some((frame, None)),
            (Some((at, node)), _) => Some((at, Some(node))),
            (None, frame) => frame.map(|at| (at, None)),
        }
    }

    /// Lets the next thing happen that is due until `until`; says whether there was one.
    pub fn step(&mut self, until: VirtualTime) -> bool {
        let Some((at, timer)) = self.next().filter(|(at, _)| *at <= until && !self.is_over()) else {
            return false;
        };
        self.move_to(at);
        match timer {
            Some(node) => {
                let times = self.timer_inputs.entry(node).or_default();
                *times += 1;
                assert!(*times < AT_ONE_INSTANT, "{} does not come to rest at {at}", self.topology.names[node.0]);
                self.input(node, Input::Timer);
            }
            None => {
                if let Some((_, Frame { port, to, octets })) = self.under_way.pop_first() {
                    self.input(to, Input::Frame { port, octets });
                }
            }
        }
        true
    }

    fn move_to(&mut self, at: VirtualTime) {
        if at > self.now {
            self.timer_inputs.clear();
        }
        self.now = self.now.max(at);
    }

    /// Lets everything happen that happens by itself in the next `time`.
    pub fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        if !self.is_over() {
            self.move_to(until);
        }
    }

    /// Tells a node something.
    pub fn command(&mut self, node: NodeIndex, command: Command) {
        self.watch.commanded(node, &command);
        self.input(node, Input::Command(command));
    }

    /// Hands a frame to a node, now.
    pub fn inject(&mut self, frame: Frame) {
        self.input(frame.to, Input::Frame { port: frame.port, octets: frame.octets });
    }

    fn input(&mut self, node: NodeIndex, input: Input<Command>) {
        self.inputs = self.inputs.saturating_add(1);
        let Some(station) = self.stations.get_mut(node.0) else { return };
        let mut outbox = Outbox::default();
        let what = self.tells.then(|| format!("{input:02x?}"));
        station.handle(self.now, input, &mut outbox);
        if let Some(what) = what {
            let sent: Vec<&str> = outbox.frames().map(|(_, _, note)| note).collect();
            let verdict = outbox.judged().map(|verdict| verdict.text.as_str());
            eprintln!("story: {} {} {what}: {verdict:?}, sends {sent:?}", self.now, self.topology.names[node.0]);
        }
        #[cfg(fuzzing)]
        if self.inputs.is_multiple_of(16) {
            self.watch.growth(node, station);
        }
        self.watch.reacted(node, &outbox);
        let sent: Vec<(Port, Vec<u8>)> = outbox.frames().map(|(port, octets, _)| (port, octets.to_vec())).collect();
        for (port, octets) in sent {
            self.send(node, port, octets);
        }
    }

    fn send(&mut self, from: NodeIndex, port: Port, octets: Vec<u8>) {
        let ends = self.topology.link(port).map(|ends| (ends, self.topology.ends(ends)));
        let Some((ends, [first, second])) = ends.filter(|(_, ends)| ends.contains(&from)) else {
            panic!("{} has sent on a link that is not its own", self.topology.names[from.0]);
        };
        let to = if from == first { second } else { first };
        self.watch.sent(from, ends, &octets);
        let mut frame = Frame { port, to, octets };
        self.history.push_back(frame.clone());
        if self.history.len() > REMEMBERED {
            self.history.pop_front();
        }
        let arrival = match ends {
            LinkEnds::Air { .. } if from == first => slot_end(self.now, self.radio.frame, self.radio.frame),
            LinkEnds::Air { .. } => slot_end(self.now, self.radio.frame, self.radio.downlink),
            _ => self.now + self.latency,
        };
        match self.fates.pop_front().unwrap_or(Fate::Delivered) {
            Fate::Delivered => self.arrives(arrival, frame),
            Fate::Lost => {}
            Fate::Twice(later) => {
                self.arrives(arrival, frame.clone());
                self.arrives(arrival + later, frame);
            }
            Fate::Late(later) => self.arrives(arrival + later, frame),
            // Ethernet drops it: nothing else protects a user packet in a tunnel.
            Fate::Inverted(_) if !self.is_air(port) => {}
            Fate::Inverted(bit) => {
                let place = usize::from(bit / 8).checked_rem(frame.octets.len()).unwrap_or_default();
                if let Some(octet) = frame.octets.get_mut(place) {
                    *octet ^= 0x80 >> (bit % 8);
                }
                self.arrives(arrival, frame);
            }
        }
    }

    fn arrives(&mut self, at: VirtualTime, frame: Frame) {
        self.sent += 1;
        self.under_way.insert((at, self.sent), frame);
        assert!(self.under_way.len() < UNDER_WAY, "more than {UNDER_WAY} frames are under way");
    }
}

/// The first slot end after `start`, of slots that end at `end` after each multiple of `period`.
fn slot_end(start: VirtualTime, period: Duration, end: Duration) -> VirtualTime {
    let period_nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
    let begun = start.as_nanos() / period_nanos;
    let candidate = VirtualTime::from_nanos(begun * period_nanos) + end;
    if candidate > start { candidate } else { candidate + period }
}

/// Prints how far a run has come, if `KEYHOP_FUZZ_STORY` is set: `KEYHOP_FUZZ_STORY=1 cargo fuzz run handover -- -runs=0`. With 2
/// every input of a node is printed besides.
pub fn tell_story(network: &Network) {
    if std::env::var_os("KEYHOP_FUZZ_STORY").is_some() {
        let (now, delivered) = (network.now, network.watch.delivered);
        eprintln!("story: {now}, {} frames, {delivered} packets delivered, {:?}", network.sent, network.watch.depth);
    }
}
