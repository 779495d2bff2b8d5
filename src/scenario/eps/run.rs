//! Running a script of EPS: the network is built, user traffic goes in, and what comes of it is recorded.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use super::attaches::{Attaches, new_octets};
use super::attack_results::{self, Reads, Traces};
use super::enterprise::{self, EnterpriseSummary, Learnt};
use super::expectations::{self, Seen};
use super::ladder::ladder;
use super::link_keys;
use super::recorded_capture;
use super::recorder::Recorder;
use super::rlos;
use super::visits::visits;
use super::world::{self, World};
use crate::adversary::eps::Learned;
use crate::adversary::eps::search::Found;
use crate::dot16::identifiers::Direction;
use crate::emulation::Engine;
use crate::eps;
use crate::eps::node::Command;
use crate::scenario::outcome::{RejectCounts, RunOutcome, RunVerdict, SkippedPackets, TrafficResult};
use crate::scenario::recorded_capture::delivered;
use crate::scenario::run::{
    FinishedRun, Input, Progress, RunError, TrafficOverride, file_traffic, take_file, traffic_file,
};
use crate::scenario::script::eps::{EpsScript, StepAction};
use crate::scenario::script::{self, Traffic};
use crate::scenario::traffic;
use crate::time::VirtualTime;

/// How long after the last packet and step a run goes on at least, for procedures to end.
const SETTLE: Duration = Duration::from_secs(1);
/// How long a run waits at the most for packets that are still under way.
const DRAIN: Duration = Duration::from_secs(3);

/// A run of EPS, finished.
pub struct EpsRun {
    /// As every run leaves it behind.
    pub run: FinishedRun,
    /// What attacks read.
    pub reads: Vec<Reads>,
    /// What searches for C-RNTI came to.
    pub searches: Vec<Found>,
    /// The attaches for RLOS.
    pub attaches: Attaches,
    /// Octets that attach request and security mode command have more than without a key, those of the first attach on the air.
    pub new_octets: [u64; 2],
    /// Operations with public and private keys of the first MME.
    pub key_operations: u64,
    /// The same air by the other route, which shows user packets (see [`pdcp_udp`](super::pdcp_udp)).
    pub pdcp_udp: super::pdcp_udp::PdcpCapture,
    /// What there was of sessions with end points in an enterprise.
    pub enterprise: EnterpriseSummary,
}

/// Runs `script`. Files that it names are looked for in `folder`, then among the bundled ones.
///
/// # Errors
/// If a traffic file cannot be read.
pub fn run(
    script: &EpsScript,
    engine: Engine,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
    progress: &mut dyn Progress,
) -> Result<EpsRun, RunError> {
    let World { mut emulation, topology, agreement, exchanged, learned } = world::build(script);
    let mut recorder = Recorder::new(topology, exchanged, progress);
    let mut last_input = VirtualTime::ZERO + script.title.duration;
    let mut skipped = SkippedPackets::default();
    for step in &script.steps {
        let (topology, ue) = (&recorder.topology, &script.nodes.ues[step.ue.0]);
        let (node, command) = match &step.action {
            StepAction::Handover(target) => match topology.cell_of(*target) {
                Some(cell) => (topology.ue_node(step.ue.0), Command::Measure(cell)),
                None => continue,
            },
            StepAction::Authenticate(mme) => (topology.mme(mme.0), Command::Authenticate(ue.imsi)),
            StepAction::Attach => (topology.ue_node(step.ue.0), Command::Attach),
            StepAction::PowerOff => (topology.ue_node(step.ue.0), Command::PowerOff),
            // The MME where the UE was at the start, unless it knows that UE no more.
            StepAction::NasAlgorithms(algorithms) => (
                topology.mme(script.nodes.enbs[ue.serving.0].mme.0),
                Command::ChangeNasAlgorithms(ue.imsi, *algorithms),
            ),
            StepAction::Enterprise(action) => {
                for (at, node, command) in enterprise::commands(script, topology, step, action) {
                    last_input = last_input.max(at);
                    emulation.schedule(at, node, command);
                }
                continue;
            }
        };
        emulation.schedule(step.at, node, eps::enterprise::Command::Eps(command));
    }
    for (time, ue, direction, packet) in user_traffic(script, folder, traffic_override, &mut skipped)? {
        last_input = last_input.max(time);
        recorder.packet_in(ue, direction, &packet);
        let (node, command) = match direction {
            Direction::Uplink => (recorder.topology.ue_node(ue), Command::Uplink(packet)),
            Direction::Downlink => (recorder.topology.gateway(), Command::Downlink(script.nodes.ues[ue].imsi, packet)),
        };
        emulation.schedule(time, node, eps::enterprise::Command::Eps(command));
    }
    recorder.quiet_from(last_input + SETTLE);
    emulation.run(engine, last_input + DRAIN, &mut recorder);
    finish(script, recorder, (&agreement, &learned), skipped)
}

fn finish(
    script: &EpsScript,
    recorder: Recorder<'_>,
    (agreement, learned): (&crate::eps::node::settings::Agreement, &Learned),
    skipped: SkippedPackets,
) -> Result<EpsRun, RunError> {
    let topology = &recorder.topology;
    let mut traffic = BTreeMap::new();
    let mut notes = Vec::new();
    for (ue, ledger) in script.nodes.ues.iter().zip(&recorder.ledgers) {
        let (ul, dl) = (ledger.counts(Direction::Uplink), ledger.counts(Direction::Downlink));
        traffic.insert(ue.name.clone(), TrafficResult { ul, dl });
    }
    let attaches = recorder.attaches.all();
    let (steps, nodes) = ladder(&recorder.measures.handovers, attaches, &recorder.frames, &recorder.states, topology);
    let mut outcome = RunOutcome {
        scenario: script.title.name.clone(),
        seed: script.title.seed,
        verdict: RunVerdict::Pass,
        expectations: Vec::new(),
        handovers: recorder.measures.results(topology, script),
        authentications: Vec::new(),
        traffic,
        skipped,
        rejects: RejectCounts::default(),
        eps_rejects: Some(recorder.rejects.iter().map(|(reject, count)| (reject.as_str(), *count)).collect()),
        failed_searches: 0,
        nonce_reuse: recorder.reuse,
        releases: Vec::new(),
        work: BTreeMap::new(),
        attacks: Vec::new(),
        capture: None,
        judge: None,
        ladder: steps,
        ladder_nodes: nodes,
    };
    let sent: Vec<_> = recorder.frames.iter().map(|recorded| recorded.sent.clone()).collect();
    let heard = visits(&sent, &recorder.epochs, topology);
    let traces = Traces {
        frames: &recorder.frames,
        held: &recorder.keys.held,
        epochs: &recorder.epochs,
        visits: &heard,
        remarks: &recorder.remarks,
        topology,
        agreement,
        attaches: &recorder.attaches,
        learned,
        enterprise: &recorder.enterprise,
    };
    let learnt = match script.enterprise {
        Some(_) => enterprise::learnt(script, topology, &recorder.frames),
        None => BTreeMap::new(),
    };
    let attacks = {
        let seen = seen(&recorder, &outcome, &[], &learnt);
        attack_results::results(script, &traces, |expected| expectations::holds(expected, script, &seen))
    };
    outcome.attacks = attacks.results;
    outcome.expectations = expectations::evaluate(script, &seen(&recorder, &outcome, &attacks.reads, &learnt));
    if outcome.expectations.iter().any(|expectation| !expectation.held) {
        outcome.verdict = RunVerdict::Fail;
    }
    if let Some(until) = recorder.kept_until {
        notes.push(format!("warning: more frames than are kept: capture, ladder and attacks end at {until}"));
    }
    if recorder.epochs.all.len() > usize::from(u16::MAX) {
        notes.push("warning: more KeNBs than a capture can number: frames from there on have no keys".to_owned());
    }
    let capture = {
        let secrets = recorder.enterprise.secrets();
        recorded_capture::capture(script, &recorder.frames, &recorder.epochs, topology, secrets)
    };
    let mut key_log = recorder.keys.log(&recorder.epochs, agreement, topology);
    key_log.eps.extend(link_keys::records(script, topology));
    key_log.eps.extend(rlos::records(script));
    if let Some(settings) = &script.enterprise {
        key_log.eps.extend(recorder.enterprise.records(script, topology, &settings.agreed.derivation));
    }
    let run = FinishedRun {
        outcome,
        capture: capture.map_err(|error| RunError::Unwritable(error.to_string()))?,
        keys: key_log,
        delivered: delivered(recorder.delivered),
        notes,
        rest: None,
    };
    let pdcp_udp =
        super::pdcp_udp::capture(script, &recorder.frames, &recorder.epochs, &recorder.contexts, &recorder.topology);
    Ok(EpsRun {
        run,
        reads: attacks.reads,
        searches: attacks.searches,
        enterprise: recorder.enterprise.summary(script, topology, &learnt),
        new_octets: new_octets(&recorder.attaches, &recorder.frames, topology),
        key_operations: recorder.attaches.operations(topology.mme(0)),
        attaches: recorder.attaches.clone(),
        pdcp_udp: pdcp_udp.map_err(|error| RunError::Unwritable(error.to_string()))?,
    })
}

/// What expectations are held against.
fn seen<'a>(
    recorder: &'a Recorder<'_>,
    outcome: &'a RunOutcome,
    reads: &'a [Reads],
    learnt: &'a BTreeMap<(usize, usize), Learnt>,
) -> Seen<'a> {
    Seen {
        outcome,
        rejects: &recorder.rejects,
        repeated_kenbs: recorder.epochs.repeated_kenbs(),
        nas_keys: recorder.nas_keys.iter().map(|(ue, keys)| (*ue, keys.len() as u64)).collect(),
        contexts: &recorder.contexts,
        attaches: &recorder.attaches,
        new_octets: new_octets(&recorder.attaches, &recorder.frames, &recorder.topology),
        topology: &recorder.topology,
        reads,
        enterprise: &recorder.enterprise,
        learnt,
    }
}

/// Every user packet of a run, in order of time.
fn user_traffic(
    script: &EpsScript,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
    skipped: &mut SkippedPackets,
) -> Result<Vec<Input>, RunError> {
    let mut inputs: Vec<Input> = Vec::new();
    if let Some(wanted) = traffic_override {
        file_traffic(wanted, VirtualTime::ZERO, skipped, &mut inputs)?;
        return Ok(inputs);
    }
    let ip = |ue: usize| script.nodes.ues.get(ue).map_or(Ipv4Addr::UNSPECIFIED, |ue| ue.ip);
    for entry in &script.traffic {
        let script::MobileStationId(ue) = entry.mobile_station();
        match entry {
            Traffic::Generated(generated) => {
                let packets = traffic::packets(generated, (&script.nodes.ues[ue].name, ip(ue)));
                inputs.extend(packets.map(|(time, direction, packet)| (time, ue, direction, packet)));
            }
            Traffic::Capture(capture) => {
                let file = traffic_file(folder, &capture.file)?;
                take_file(file, ue, capture.start, ip(ue), skipped, &mut inputs);
            }
        }
    }
    // Stable: packets of one instant stay in the order of the script.
    inputs.sort_by_key(|(time, ..)| *time);
    Ok(inputs)
}
