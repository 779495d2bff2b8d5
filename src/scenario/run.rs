//! Running a script: user traffic goes in, what comes out is compared, frames become a capture, reports become measures.

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bundled;
use super::expectations;
use super::handover_measure::{HandoverMeasure, Measures};
use super::key_collector::KeyCollector;
use super::ledger::Ledger;
use super::link_search;
use super::outcome::{
    AttackResult, LadderItem, LadderStep, RejectCounts, RunOutcome, RunVerdict, SkippedPackets, TrafficResult,
};
use super::script::{Script, Traffic};
use super::traffic;
use super::world::{self, LinkEnds, Topology};
use crate::capture::error::CaptureError;
use crate::capture::key_log::KeyLog;
use crate::capture::traffic::{TrafficFile, direction, read_traffic, read_traffic_from};
use crate::capture::{Capture, CapturedFrame, InterfaceDescription, LinkKind};
use crate::dot16::identifiers::{Bsid, Direction, MsMac};
use crate::dot16::node::{Command, Event, Reject, What};
use crate::emulation::{Engine, NodeIndex, Observer, Sender, Transmission};
use crate::time::VirtualTime;

/// Version of the capture format, as the section comment names it.
const CAPTURE_FORMAT: u32 = 1;
/// How long after the last packet and step a run goes on at least, for procedures to end.
const SETTLE: Duration = Duration::from_secs(1);
/// How long a run waits at the most for packets that are still under way.
const DRAIN: Duration = Duration::from_secs(10);

/// User traffic from a file, in place of the script's.
#[derive(Clone, Debug)]
pub struct TrafficOverride {
    /// The capture.
    pub file: PathBuf,
    /// The mobile's address in it; the source of the first IPv4 packet if not given.
    pub mobile: Option<Ipv4Addr>,
}

/// A run, finished: the document, the capture, the key log, and the user packets that came out.
pub struct FinishedRun {
    /// The document and the ladder; `capture` is still to be named.
    pub outcome: RunOutcome,
    /// Every frame.
    pub capture: Capture,
    /// Every key.
    pub keys: KeyLog,
    /// The user packets that came out, in order of delivery.
    pub delivered: Capture,
    /// What the user should know besides, a line each.
    pub notes: Vec<String>,
}

/// Why a script could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A traffic file cannot be used.
    #[error(transparent)]
    Traffic(#[from] CaptureError),
    /// A traffic file holds no IPv4 packet, so there is nothing to send.
    #[error("{}: expected at least one whole IPv4 packet, found none", .0.display())]
    NoPackets(PathBuf),
}

/// Runs `script`. Files that it names are looked for in `folder`, then among the bundled ones.
///
/// # Errors
/// If a traffic file cannot be read.
pub fn run(
    script: &Script,
    engine: Engine,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
) -> Result<FinishedRun, RunError> {
    let mut world = world::build(script);
    let mut recorder = Recorder::new(script, &world.topology);
    let mut last_input = VirtualTime::ZERO + script.duration;
    let mut skipped = SkippedPackets::default();
    let inputs = user_traffic(script, folder, traffic_override, &mut skipped)?;
    for (time, mobile, direction, packet) in inputs {
        last_input = last_input.max(time);
        recorder.ledgers[mobile].sent(direction, &packet);
        recorder.outstanding += 1;
        let (node, command) = match direction {
            Direction::Uplink => (world.topology.mobile(mobile), Command::Uplink(packet)),
            Direction::Downlink => (Topology::GATEWAY, Command::Downlink { ms: world.topology.macs[mobile], packet }),
        };
        world.emulation.schedule(time, node, command);
    }
    recorder.quiet_from = last_input + SETTLE;
    world.emulation.run(engine, last_input + DRAIN, &mut recorder);
    Ok(recorder.finish(script, &world.radio, skipped))
}

type Input = (VirtualTime, usize, Direction, Vec<u8>);

/// Every user packet of a run, in order of time.
fn user_traffic(
    script: &Script,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
    skipped: &mut SkippedPackets,
) -> Result<Vec<Input>, RunError> {
    let mut inputs: Vec<Input> = Vec::new();
    if let Some(wanted) = traffic_override {
        let file = read_traffic(&wanted.file)?;
        let mobile = wanted.mobile.or(file.first_ipv4_source).ok_or(RunError::NoPackets(wanted.file.clone()))?;
        take_file(file, 0, VirtualTime::ZERO, mobile, skipped, &mut inputs);
    } else {
        for entry in &script.traffic {
            match entry {
                Traffic::Generated(generated) => {
                    let mobile = generated.mobile_station;
                    let packets = traffic::packets(generated, &script[mobile]);
                    inputs.extend(packets.map(|(time, direction, packet)| (time, mobile.0, direction, packet)));
                }
                Traffic::Capture(capture) => {
                    let path = folder.join(&capture.file);
                    let file = match bundled::traffic_file(&capture.file) {
                        Some(octets) if !path.exists() => read_traffic_from(octets)?,
                        _ => read_traffic(&path)?,
                    };
                    let mobile = capture.mobile_station;
                    take_file(file, mobile.0, capture.start, script[mobile].ip, skipped, &mut inputs);
                }
            }
        }
    }
    // Stable: packets of one instant stay in the order of the script.
    inputs.sort_by_key(|(time, ..)| *time);
    Ok(inputs)
}

fn take_file(
    file: TrafficFile,
    mobile: usize,
    start: VirtualTime,
    address: Ipv4Addr,
    skipped: &mut SkippedPackets,
    inputs: &mut Vec<Input>,
) {
    skipped.not_ipv4 += file.skipped.not_ipv4;
    skipped.truncated += file.skipped.truncated;
    inputs.extend(
        file.packets
            .into_iter()
            .map(|packet| (start + packet.time, mobile, direction(address, &packet.octets), packet.octets)),
    );
}

/// What a run leaves behind while it goes on.
struct Recorder {
    topology: Topology,
    ledgers: Vec<Ledger>,
    outstanding: u64,
    quiet_from: VirtualTime,
    transmissions: Vec<Transmission>,
    delivered: Vec<CapturedFrame>,
    keys: KeyCollector,
    measures: Measures,
    rejects: RejectCounts,
    sealed: HashSet<(u64, Direction, u32)>,
    nonce_reuse: u64,
    states: Vec<LadderStep>,
    /// What the ladder said last of a node and a BS.
    said: BTreeMap<(NodeIndex, MsMac, Bsid), String>,
    notes: Vec<String>,
}

impl Recorder {
    fn new(script: &Script, topology: &Topology) -> Self {
        Self {
            topology: topology.clone(),
            ledgers: vec![Ledger::new(); script.mobile_stations.len()],
            outstanding: 0,
            quiet_from: VirtualTime::ZERO,
            transmissions: Vec::new(),
            delivered: Vec::new(),
            keys: KeyCollector::default(),
            measures: Measures::new(script.mobile_stations.iter().map(|ms| (ms.mac, ms.seamless)).collect()),
            rejects: RejectCounts::default(),
            sealed: HashSet::new(),
            nonce_reuse: 0,
            states: Vec::new(),
            said: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    fn packet_out(&mut self, now: VirtualTime, ms: MsMac, direction: Direction, octets: Vec<u8>) {
        let Some(position) = self.topology.mobile_position(ms) else {
            return;
        };
        self.ledgers[position].delivered(direction, &octets);
        self.outstanding = self.outstanding.saturating_sub(1);
        let interface = usize::from(direction == Direction::Downlink);
        self.delivered.push(CapturedFrame {
            time: now,
            interface,
            octets,
            direction: None,
            source: None,
            destination: None,
            comment: String::new(),
        });
    }

    fn state(&mut self, time: VirtualTime, node: NodeIndex, label: String) {
        let node = self.topology.names[node.0].clone();
        self.states.push(LadderStep { time, what: LadderItem::State { node, label } });
    }

    fn changed_state(&mut self, time: VirtualTime, node: NodeIndex, ms: MsMac, bs: Bsid, label: String) {
        if self.said.insert((node, ms, bs), label.clone()).as_ref() != Some(&label) {
            self.state(time, node, label);
        }
    }

    fn reject(&mut self, reject: Reject) {
        let count = match reject {
            Reject::Icv => &mut self.rejects.icv,
            Reject::PnReplay => &mut self.rejects.pn_replay,
            Reject::Cmac => &mut self.rejects.cmac,
            Reject::CmacPn => &mut self.rejects.cmac_pn,
            Reject::KeyCount => &mut self.rejects.key_count,
            Reject::Malformed => &mut self.rejects.malformed,
        };
        *count += 1;
    }
}

impl Observer<Event> for Recorder {
    fn transmission(&mut self, transmission: Transmission) {
        self.transmissions.push(transmission);
    }

    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: Event) {
        let ms = event.ms;
        self.measures.event(now, ms, &event.what);
        match event.what {
            What::PacketOut { direction, octets } => self.packet_out(now, ms, direction, octets),
            What::PacketGivenUp { .. } => self.outstanding = self.outstanding.saturating_sub(1),
            What::Sealed { direction, fingerprint, pn, .. } => {
                self.nonce_reuse += u64::from(!self.sealed.insert((fingerprint, direction, pn)));
            }
            What::Rejected(reject) => self.reject(reject),
            What::CommandIgnored(why) => {
                let name = &self.topology.names[node.0];
                self.notes.push(format!("warning: {now}: {name}: ignored: {why}"));
            }
            What::Key { at_mobile, held, key } => self.keys.key(now, ms, at_mobile, held, &key),
            What::Cid { bs, cid, kind, held } => self.keys.cid(now, ms, bs, cid, kind, held),
            What::Committed(count) => self.state(now, node, format!("M = {count}")),
            What::NetworkCount(count) => self.state(now, node, format!("N = {count}")),
            What::TrafficCount { bs, at_mobile: true, count: Some(count) } => {
                let label = format!("T_M = {count}, TEKs of {} at hand", self.topology.bs_name(bs));
                self.changed_state(now, node, ms, bs, label);
            }
            What::TrafficCount { bs, at_mobile: false, count } => {
                let label = match count {
                    Some(count) => format!("T_B = {count}, TEKs at hand"),
                    None => "contexts deleted".to_owned(),
                };
                self.changed_state(now, node, ms, bs, label);
            }
            What::HandoverStarted { to, .. } => {
                let label = format!("hands over to {}", self.topology.bs_name(to));
                self.state(now, node, label);
            }
            What::HandoverEnded { outcome, .. } => self.state(now, node, format!("handover {outcome}")),
            What::Left { bs } => {
                let label = format!("leaves {}", self.topology.bs_name(bs));
                self.state(now, node, label);
            }
            What::Listening { bs } => {
                let label = format!("listens to {}", self.topology.bs_name(bs));
                self.state(now, node, label);
            }
            _ => {}
        }
    }

    fn finished(&self, now: VirtualTime) -> bool {
        now > self.quiet_from && self.outstanding == 0
    }
}

impl Recorder {
    fn finish(
        self,
        script: &Script,
        radio: &crate::dot16::node::RadioSettings,
        skipped: SkippedPackets,
    ) -> FinishedRun {
        let handovers = self.measures.finish(radio, &self.transmissions, &self.topology);
        let attacks = attack_results(script, &self.transmissions, &self.topology);
        let mut traffic = BTreeMap::new();
        let mut notes = self.notes;
        for (mobile, ledger) in script.mobile_stations.iter().zip(&self.ledgers) {
            let (ul, dl) = (ledger.counts(Direction::Uplink), ledger.counts(Direction::Downlink));
            traffic.insert(mobile.name.clone(), TrafficResult { ul, dl });
            let untracked = ledger.untracked(Direction::Uplink) + ledger.untracked(Direction::Downlink);
            if untracked > 0 {
                notes.push(format!("warning: {}: {untracked} user packets could not be followed", mobile.name));
            }
        }
        let mut outcome = RunOutcome {
            scenario: script.name.clone(),
            seed: script.seed,
            verdict: RunVerdict::Pass,
            expectations: Vec::new(),
            handovers: handovers.iter().map(|measure| measure.result.clone()).collect(),
            traffic,
            skipped,
            rejects: self.rejects,
            nonce_reuse: self.nonce_reuse,
            attacks,
            capture: None,
            judge: None,
            ladder: ladder(&handovers, &self.transmissions, self.states, &self.topology),
            ladder_nodes: ladder_nodes(&handovers, &self.topology),
        };
        let tek_on_link = || link_search::generated_tek_on_link(&self.keys, &self.transmissions);
        outcome.expectations = expectations::evaluate(script, &outcome, tek_on_link);
        if outcome.expectations.iter().any(|expectation| !expectation.held) {
            outcome.verdict = RunVerdict::Fail;
        }
        FinishedRun {
            outcome,
            capture: capture(script, self.transmissions, &self.topology),
            keys: self.keys.log(&self.topology),
            delivered: delivered(self.delivered),
            notes,
        }
    }
}

fn attack_results(script: &Script, transmissions: &[Transmission], topology: &Topology) -> Vec<AttackResult> {
    let replays = |number: usize| {
        transmissions.iter().filter(move |sent| sent.from == Sender::Adversary(number)).collect::<Vec<_>>()
    };
    let attacks = script.attacks.iter().enumerate();
    let active = attacks.filter(|(_, attack)| matches!(attack.action, super::script::AttackAction::Replay(_)));
    active
        .map(|(number, attack)| {
            let sent = replays(number);
            let verdicts = || sent.iter().flat_map(|sent| &sent.verdicts);
            let accepted = verdicts().filter(|verdict| verdict.accepted).count();
            let mut detail = format!("{} frames played, {accepted} accepted", sent.len());
            if let (Some(first), Some(verdict)) = (sent.first(), verdicts().next()) {
                detail = format!("{detail}; {}: {}", topology.names[first.to.0], verdict.text);
            }
            AttackResult { name: attack.name.clone(), succeeded: accepted > 0, detail }
        })
        .collect()
}

/// The comment on a frame: what it is, and what its receiver made of it.
fn comment(sent: &Transmission, topology: &Topology) -> String {
    let receiver = &topology.names[sent.to.0];
    let mut comment = sent.note.clone();
    if sent.lost {
        comment.push_str("\nlost");
    } else if sent.verdicts.is_empty() {
        comment.push_str("; still under way when the run ended");
    }
    for (arrival, verdict) in sent.verdicts.iter().enumerate() {
        let again = if arrival > 0 { " (a duplicate made by the link)" } else { "" };
        let changed = if sent.changed { " (a bit error on the link)" } else { "" };
        comment.push_str(&format!("; {receiver}{again}{changed}: {}", verdict.text));
    }
    comment
}

fn capture(script: &Script, transmissions: Vec<Transmission>, topology: &Topology) -> Capture {
    let mut interfaces: Vec<InterfaceDescription> = topology
        .links
        .iter()
        .map(|ends| {
            let [first, second] = topology.ends(*ends).map(|node| topology.names[node.0].as_str());
            let (kind, description) = match ends {
                LinkEnds::Air { .. } => (LinkKind::Air, format!("air interface between {first} and {second}")),
                LinkEnds::R6 { .. } => (LinkKind::Backbone, format!("reference point R6 between {first} and {second}")),
                LinkEnds::R4 { .. } => (LinkKind::Backbone, format!("reference point R4 between {first} and {second}")),
            };
            InterfaceDescription { name: topology.link_name(*ends), description, kind }
        })
        .collect();
    let mut adversary: BTreeMap<usize, usize> = BTreeMap::new();
    for sent in transmissions.iter().filter(|sent| matches!(sent.from, Sender::Adversary(_))) {
        adversary.entry(sent.port.0).or_insert_with(|| {
            let tapped = &interfaces[sent.port.0];
            let (name, kind) = (tapped.name.clone(), tapped.kind);
            let plain = name.split_once(':').map_or(name.as_str(), |(_, ends)| ends);
            let description = format!("what the adversary sends on {name}");
            interfaces.push(InterfaceDescription { name: format!("adv:{plain}"), description, kind });
            interfaces.len() - 1
        });
    }
    let frames = transmissions
        .into_iter()
        .map(|sent| {
            let ends = topology.links[sent.port.0];
            let [first, second] = topology.ends(ends);
            let from = if sent.to == first { second } else { first };
            let air = matches!(ends, LinkEnds::Air { .. });
            let direction = air.then(|| if sent.to == first { Direction::Downlink } else { Direction::Uplink });
            let interface = match sent.from {
                Sender::Node(_) => sent.port.0,
                Sender::Adversary(_) => adversary.get(&sent.port.0).copied().unwrap_or(sent.port.0),
            };
            CapturedFrame {
                time: sent.time,
                interface,
                direction,
                source: air.then(|| topology.addresses[from.0]),
                destination: air.then(|| topology.addresses[sent.to.0]),
                comment: comment(&sent, topology),
                octets: sent.octets,
            }
        })
        .collect();
    Capture {
        section_comment: format!(
            "keyhop capture format {CAPTURE_FORMAT}; scenario {}; seed {}",
            script.name, script.seed
        ),
        interfaces,
        names: topology.addresses.iter().copied().zip(topology.names.iter().cloned()).collect(),
        frames,
    }
}

fn delivered(frames: Vec<CapturedFrame>) -> Capture {
    let interface = |name: &str, description: &str| InterfaceDescription {
        name: name.to_owned(),
        description: description.to_owned(),
        kind: LinkKind::RawIp,
    };
    Capture {
        section_comment: "user packets in order of delivery".to_owned(),
        interfaces: vec![
            interface("uplink", "what came out at the gateway"),
            interface("downlink", "what came out at the mobile"),
        ],
        names: Vec::new(),
        frames,
    }
}

/// Which nodes take part in a handover of the run.
fn ladder_nodes(handovers: &[HandoverMeasure], topology: &Topology) -> Vec<String> {
    let involved = |name: &String| {
        *name == topology.names[0] || handovers.iter().any(|handover| handover.involves(name, topology))
    };
    let mobiles = topology.names.iter().skip(1 + topology.bsids.len());
    let stations = topology.names.iter().skip(1).take(topology.bsids.len());
    mobiles.chain(stations).chain(topology.names.first()).filter(|name| involved(name)).cloned().collect()
}

/// The ladder of the first handovers: their messages, user data on the air near them, and changes of key state.
fn ladder(
    handovers: &[HandoverMeasure],
    transmissions: &[Transmission],
    states: Vec<LadderStep>,
    topology: &Topology,
) -> Vec<LadderStep> {
    let mut steps: Vec<(VirtualTime, usize, LadderStep)> = Vec::new();
    let shown = |at: VirtualTime| handovers.iter().take(LADDERS).any(|handover| handover.shows(at));
    for (order, step) in states.into_iter().enumerate().filter(|(_, step)| shown(step.time)) {
        steps.push((step.time, order, step));
    }
    let before = steps.len();
    for (order, sent) in transmissions.iter().enumerate().filter(|(_, sent)| shown(sent.time)) {
        let air = matches!(topology.links[sent.port.0], LinkEnds::Air { .. });
        let data = sent.note.contains("user data") || sent.note.contains("user packet");
        if (data && !air) || sent.note.starts_with("MOB_NBR-ADV") {
            continue;
        }
        let from = match sent.from {
            Sender::Node(node) => Some(topology.names[node.0].clone()),
            Sender::Adversary(_) => None,
        };
        let what = LadderItem::Message {
            from,
            to: topology.names[sent.to.0].clone(),
            label: sent.note.clone(),
            data,
            dropped: sent.lost || sent.verdicts.iter().any(|verdict| !verdict.accepted),
        };
        steps.push((sent.time, before + order, LadderStep { time: sent.time, what }));
    }
    steps.sort_by_key(|(time, order, _)| (*time, *order));
    steps.into_iter().map(|(_, _, step)| step).collect()
}

/// How many handovers the ladder shows.
const LADDERS: usize = 4;
