//! Running a script: the network is built, user traffic goes in, and what comes of it is recorded.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bundled;
use super::kept_frames::CaptureStore;
use super::mobility::positions_file::PositionsError;
use super::mobility::{self, PlannedHandover};
use super::outcome::{RunOutcome, SkippedPackets};
use super::played_frames;
use super::recorder::Recorder;
use super::script::{Script, Traffic};
use super::traffic;
use super::watch::Watch;
use super::whole_capture::Rest;
use super::world::{self, Topology};
use crate::adversary::external::Conversation;
use crate::capture::Capture;
use crate::capture::error::CaptureError;
use crate::capture::key_log::KeyLog;
use crate::capture::traffic::{TrafficFile, direction, read_traffic, read_traffic_from};
use crate::dot16::identifiers::Direction;
use crate::dot16::node::Command;
use crate::emulation::Engine;
use crate::time::VirtualTime;

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
    /// The capture of the mobiles that the script captures, with those of its frames that are in memory.
    /// [`write_capture`](Self::write_capture) and [`open_capture`](Self::open_capture) have all of them.
    pub capture: Capture,
    /// Every key of these mobiles.
    pub keys: KeyLog,
    /// The user packets of these mobiles that came out, in order of delivery, if the run was to keep them.
    pub delivered: Capture,
    /// What the user should know besides, a line each.
    pub notes: Vec<String>,
    /// Frames behind those of `capture`.
    pub(super) rest: Option<Rest>,
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
    /// The script names a program as adversary, and nobody has allowed to start it.
    #[error("adversary.command: expected the option --external, which allows the script to start {0:?}, found none")]
    NotAllowed(String),
    /// The adversary outside does not answer as it should.
    #[error("external adversary: {0}")]
    External(String),
    /// A frame that an attack plays is not there, or does not belong on its link.
    #[error("{}: frame {frame}: expected {expected}, found {found}", file.display())]
    PlayedFrame {
        /// The capture.
        file: PathBuf,
        /// Number of the frame, from 1, as in Wireshark.
        frame: u32,
        /// What the link of the attack carries.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A file with positions cannot be used.
    #[error(transparent)]
    Positions(Box<PositionsError>),
    /// Frames that were too many for memory could not be put in a file.
    #[error("{}: frames of the capture: {source}", folder.display())]
    Spill {
        /// The folder of the file.
        folder: PathBuf,
        /// Why not.
        source: CaptureError,
    },
    /// A frame could not be put into the capture.
    #[error("the capture: {0}")]
    Unwritable(String),
    /// What the run leaves behind could not be judged.
    #[error("the judge: {0}")]
    Judge(#[source] CaptureError),
}

/// Is told how far a run has come, every few thousand events.
pub trait Progress {
    /// The run is at `now`, and so many handovers have ended.
    fn at(&mut self, now: VirtualTime, handovers: u64);
}

/// Nobody is told.
impl Progress for () {
    fn at(&mut self, _: VirtualTime, _: u64) {}
}

/// Runs `script`. Files that it names are looked for in `folder`, then among the bundled ones. All that comes of it stays in
/// memory: [`run_observed`] bounds that.
///
/// # Errors
/// If a traffic file cannot be read, or the script names a program as adversary: [`run_against`] takes one.
pub fn run(
    script: &Script,
    engine: Engine,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
) -> Result<FinishedRun, RunError> {
    run_against(None, script, engine, folder, traffic_override)
}

/// The same against the adversary `outside`, which the script must name as one.
///
/// # Errors
/// If a traffic file cannot be read, or the adversary does not answer as it should.
pub fn run_against(
    outside: Option<Box<dyn Conversation>>,
    script: &Script,
    engine: Engine,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
) -> Result<FinishedRun, RunError> {
    run_observed(outside, script, engine, folder, traffic_override, CaptureStore::in_memory(), &mut ())
}

/// The same, with frames kept as `store` says, and while `progress` is told how far it has come.
///
/// # Errors
/// If a traffic file or one with positions cannot be used, the adversary does not answer as it should, or frames cannot be
/// put where `store` says; the run ends with that.
pub fn run_observed(
    outside: Option<Box<dyn Conversation>>,
    script: &Script,
    engine: Engine,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
    store: CaptureStore,
    progress: &mut dyn Progress,
) -> Result<FinishedRun, RunError> {
    match (&script.adversary, &outside) {
        (Some(adversary), None) => return Err(RunError::NotAllowed(adversary.command.join(" "))),
        (None, Some(_)) => return Err(RunError::External("expected [adversary] in the script, found none".to_owned())),
        _ => {}
    }
    let (script, positions) = mobility::placed(script, folder).map_err(|error| RunError::Positions(Box::new(error)))?;
    let script = &*script;
    let played = played_frames::read(script, folder)?;
    let mut world = world::build_with(script, &played, outside).map_err(RunError::External)?;
    let failure = world.failure.clone();
    let mut last_input = VirtualTime::ZERO + script.duration;
    let mut skipped = SkippedPackets::default();
    let (inputs, address) = user_traffic(script, folder, traffic_override, &mut skipped)?;
    let watch = Watch::new(script, address);
    let mut recorder = Recorder::new(script, &world, watch, store, progress);
    for PlannedHandover { at, mobile, target, candidates } in mobility::plan(script, positions.as_ref()) {
        let bsids = world.topology.bsids();
        let candidates = candidates.into_iter().map(|station| bsids[station]).collect();
        let command = Command::Handover { target: bsids[target], candidates };
        world.emulation.schedule(at, world.topology.mobile(mobile), command);
    }
    for (time, mobile, direction, packet) in inputs {
        last_input = last_input.max(time);
        recorder.packet_in(mobile, direction, &packet);
        let (node, command) = match direction {
            Direction::Uplink => (world.topology.mobile(mobile), Command::Uplink(packet)),
            Direction::Downlink => (Topology::GATEWAY, Command::Downlink { ms: world.topology.macs()[mobile], packet }),
        };
        world.emulation.schedule(time, node, command);
    }
    recorder.quiet_from(last_input + SETTLE);
    world.emulation.run(engine, last_input + DRAIN, &mut recorder);
    if let Some(reason) = failure.reason() {
        return Err(RunError::External(reason));
    }
    recorder.finish(script, &world.radio, skipped)
}

/// A user packet: when, whose by position, which way.
pub(super) type Input = (VirtualTime, usize, Direction, Vec<u8>);

/// Every user packet of a run, in order of time, and the address of the first mobile in a file that takes the place of the
/// script's traffic.
fn user_traffic(
    script: &Script,
    folder: &Path,
    traffic_override: Option<&TrafficOverride>,
    skipped: &mut SkippedPackets,
) -> Result<(Vec<Input>, Option<Ipv4Addr>), RunError> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut address = None;
    if let Some(wanted) = traffic_override {
        address = Some(file_traffic(wanted, script.begins, skipped, &mut inputs)?);
    } else {
        for entry in &script.traffic {
            match entry {
                Traffic::Generated(generated) => {
                    let mobile = generated.mobile_station;
                    let packets = traffic::packets(generated, (&script[mobile].name, script[mobile].ip));
                    inputs.extend(packets.map(|(time, direction, packet)| (time, mobile.0, direction, packet)));
                }
                Traffic::Capture(capture) => {
                    let file = traffic_file(folder, &capture.file)?;
                    let mobile = capture.mobile_station;
                    take_file(file, mobile.0, capture.start, script[mobile].ip, skipped, &mut inputs);
                }
            }
        }
    }
    // Stable: packets of one instant stay in the order of the script.
    inputs.sort_by_key(|(time, ..)| *time);
    Ok((inputs, address))
}

/// The packets of the file that takes the place of the script's traffic, from `begins` on; the address of the first mobile in it.
pub(super) fn file_traffic(
    wanted: &TrafficOverride,
    begins: VirtualTime,
    skipped: &mut SkippedPackets,
    inputs: &mut Vec<Input>,
) -> Result<Ipv4Addr, RunError> {
    let file = read_traffic(&wanted.file)?;
    let mobile = wanted.mobile.or(file.first_ipv4_source).ok_or(RunError::NoPackets(wanted.file.clone()))?;
    take_file(file, 0, begins, mobile, skipped, inputs);
    Ok(mobile)
}

/// The traffic file that a script in `folder` names, or the bundled one.
pub(super) fn traffic_file(folder: &Path, name: &str) -> Result<TrafficFile, CaptureError> {
    let path = folder.join(name);
    match bundled::traffic_file(name) {
        Some(octets) if !path.exists() => read_traffic_from(octets),
        _ => read_traffic(&path),
    }
}

pub(super) fn take_file(
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
