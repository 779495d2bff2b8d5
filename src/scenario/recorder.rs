//! What a run leaves behind: frames, user packets, keys, rejects, states; and what is made of them at its end.
//!
//! Frames, packets, keys and states are kept of the mobiles that are watched; of all others figures only.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::attack_results::{Compromises, Traces, attack_results};
use super::expectations;
use super::handover_measure::Measures;
use super::kept_frames::{CaptureStore, FinishedFrames, KeptFrames};
use super::key_collector::KeyCollector;
use super::key_standing::{KeyChange, StateLog};
use super::key_stream_result::SealedPlaintexts;
use super::ledger::Ledger;
use super::link_search;
use super::outcome::{AuthenticationResult, RejectCounts, RunOutcome, RunVerdict, SkippedPackets, TrafficResult};
use super::recorded_capture::{capture, delivered};
use super::recorded_ladder::Scenes;
use super::releases::Releases;
use super::run::{FinishedRun, Progress, RunError};
use super::script::{AttackAction, Entry, Expected, MobileStation, Script};
use super::sealed_numbers::SealedNumbers;
use super::subject::Subjects;
use super::watch::Watch;
use super::whole_capture::Rest;
use super::work::WorkLog;
use super::world::{Topology, World};
use crate::adversary::Comparisons;
use crate::capture::CapturedFrame;
use crate::capture::spill::SpilledFrames;
use crate::dot16::identifiers::{Bsid, Direction, MsMac};
use crate::dot16::node::{CidKind, Event, RadioSettings, Reject, What};
use crate::emulation::{NodeIndex, Observer, Port, Sender, Transmission};
use crate::time::VirtualTime;

/// How many ignored commands are told one by one.
const TOLD_IGNORED: usize = 100;
/// From one report of progress to the next, in events.
const PROGRESS_EVENTS: u32 = 4_096;

/// What a run leaves behind while it goes on.
pub(super) struct Recorder<'a> {
    topology: Topology,
    watch: Watch,
    subjects: Subjects,
    progress: &'a mut dyn Progress,
    /// Events since progress was told last.
    untold: u32,
    /// Ignored commands that are not among the notes, by reason.
    ignored: BTreeMap<&'static str, u64>,
    ledgers: Vec<Ledger>,
    outstanding: u64,
    quiet_from: VirtualTime,
    frames: KeptFrames,
    /// User packets that came out, if they are kept.
    delivered: Option<Vec<CapturedFrame>>,
    keys: KeyCollector,
    compromises: Compromises,
    releases: Releases,
    comparisons: Comparisons,
    plaintexts: SealedPlaintexts,
    measures: Measures,
    rejects: RejectCounts,
    sealed: SealedNumbers,
    failed_searches: u64,
    nonce_reuse: u64,
    work: WorkLog,
    states: StateLog,
    /// What the ladder said last of a node and a BS.
    said: BTreeMap<(NodeIndex, MsMac, Bsid), String>,
    authentications: Vec<AuthenticationResult>,
    /// When the authentication under way of each mobile began.
    authenticating: BTreeMap<MsMac, VirtualTime>,
    notes: Vec<String>,
    /// What the adversary says of its attacks, by their number.
    remarks: Vec<(usize, String)>,
}

impl<'a> Recorder<'a> {
    /// Nothing recorded yet, of the mobiles that are watched.
    pub(super) fn new(
        script: &Script,
        World { topology, comparisons, .. }: &World,
        watch: Watch,
        store: CaptureStore,
        progress: &'a mut dyn Progress,
    ) -> Self {
        let reuse = script.attacks.iter().any(|attack| matches!(attack.action, AttackAction::KeyStreamReuse(_)));
        let established = script.mobile_stations.iter().filter(|ms| ms.entry == Entry::Established);
        Self {
            topology: topology.clone(),
            subjects: Subjects::default(),
            progress,
            untold: 0,
            ignored: BTreeMap::new(),
            ledgers: vec![Ledger::new(); script.mobile_stations.len()],
            outstanding: 0,
            quiet_from: VirtualTime::ZERO,
            delivered: store.delivered.then(Vec::new),
            frames: KeptFrames::new(store, watch.keeps_all()),
            watch,
            keys: KeyCollector::default(),
            compromises: Compromises::new(script, topology),
            releases: Releases::new(established.map(|ms| (ms.mac, script[ms.serving].bsid))),
            comparisons: comparisons.clone(),
            plaintexts: SealedPlaintexts::new(reuse),
            measures: Measures::new(script.mobile_stations.iter().map(|ms| (ms.mac, script.mode_of(ms))).collect()),
            rejects: RejectCounts::default(),
            sealed: SealedNumbers::default(),
            failed_searches: 0,
            nonce_reuse: 0,
            work: WorkLog::default(),
            states: StateLog::default(),
            said: BTreeMap::new(),
            authentications: Vec::new(),
            authenticating: BTreeMap::new(),
            notes: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// A user packet is about to go in.
    pub(super) fn packet_in(&mut self, mobile: usize, direction: Direction, packet: &[u8]) {
        if let Some(ledger) = self.ledgers.get_mut(mobile) {
            ledger.sent(direction, packet);
            self.outstanding += 1;
        }
    }

    /// From when the run may end, if no packet is under way.
    pub(super) fn quiet_from(&mut self, at: VirtualTime) {
        self.quiet_from = at;
    }

    fn packet_out(&mut self, now: VirtualTime, ms: MsMac, direction: Direction, octets: Vec<u8>) {
        let Some(position) = self.topology.mobile_position(ms) else {
            return;
        };
        self.ledgers[position].delivered(direction, &octets);
        self.outstanding = self.outstanding.saturating_sub(1);
        let interface = usize::from(direction == Direction::Downlink);
        if let Some(delivered) = &mut self.delivered
            && self.watch.captures(ms)
        {
            delivered.push(CapturedFrame {
                time: now,
                interface,
                octets,
                direction: None,
                source: None,
                destination: None,
                comment: String::new(),
            });
        }
    }

    /// Whether what happens to the keys of this mobile can still be in the ladder.
    fn keeps_states(&self, ms: MsMac) -> bool {
        self.watch.keeps(ms) && !self.frames.in_file()
    }

    fn state(&mut self, time: VirtualTime, node: NodeIndex, ms: MsMac, label: impl FnOnce(&Topology) -> String) {
        if self.keeps_states(ms) {
            self.states.say(time, node, label(&self.topology));
        }
    }

    fn changed_state(&mut self, time: VirtualTime, node: NodeIndex, ms: MsMac, bs: Bsid, label: String) {
        if self.keeps_states(ms) && self.said.insert((node, ms, bs), label.clone()).as_ref() != Some(&label) {
            self.states.say(time, node, label);
        }
    }

    fn authentication(
        &mut self,
        now: VirtualTime,
        node: NodeIndex,
        (ms, bs): (MsMac, Bsid),
        entry: bool,
        completed: bool,
    ) {
        let name = self.topology.bs_name(bs);
        let label = match (entry, completed) {
            (true, true) => format!("has entered {name}, new PMK in use"),
            (false, true) => "new PMK in use".to_owned(),
            (true, false) => format!("is not let in by {name}"),
            (false, false) => "no new PMK".to_owned(),
        };
        self.state(now, node, ms, |_| label);
        self.authentications.push(AuthenticationResult {
            ms: self.topology.ms_name(ms),
            bs: name,
            purpose: if entry { "entry" } else { "renewal" }.to_owned(),
            completed,
            started_us: self.authenticating.get(&ms).copied().unwrap_or(now).as_nanos() / 1_000,
            at_us: now.as_nanos() / 1_000,
        });
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

impl Observer<Event> for Recorder<'_> {
    fn transmission(&mut self, transmission: Transmission) {
        let subject = self.subjects.of(&transmission, &self.topology);
        if matches!(transmission.from, Sender::Node(_)) {
            self.measures.transmission(&transmission, subject, &self.topology);
        }
        if self.watch.keeps_frame(&transmission, subject) {
            let captured = self.watch.keeps_more().then(|| self.watch.captures_frame(&transmission, subject));
            self.frames.keep(transmission, captured, &self.topology);
        }
    }

    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: Event) {
        let ms = event.ms;
        self.measures.event(now, ms, &event.what);
        self.releases.event(now, ms, &event.what);
        self.work.event(now, node, ms, &event.what);
        self.untold += 1;
        if self.untold == PROGRESS_EVENTS {
            self.untold = 0;
            self.progress.at(now, self.measures.ended());
        }
        let kept = self.watch.keeps(ms);
        let change = self.keeps_states(ms).then(|| KeyChange::of(&event.what)).flatten();
        match event.what {
            What::PacketOut { direction, octets } => self.packet_out(now, ms, direction, octets),
            What::PacketGivenUp { .. } => self.outstanding = self.outstanding.saturating_sub(1),
            What::Sealed { bs, direction, fingerprint, pn, plaintext } => {
                self.nonce_reuse += u64::from(!self.sealed.insert(fingerprint, direction, pn));
                self.plaintexts.sealed((now, ms, bs, direction, pn), plaintext);
            }
            What::Rejected(reject) => self.reject(reject),
            What::SearchFailed { .. } => self.failed_searches += 1,
            What::CommandIgnored(why) => {
                if self.notes.len() < TOLD_IGNORED {
                    let name = &self.topology.names[node.0];
                    self.notes.push(format!("warning: {now}: {name}: ignored: {why}"));
                } else {
                    *self.ignored.entry(why).or_default() += 1;
                }
            }
            What::Key { at_mobile, held, key } if kept => {
                self.compromises.key(now, node, ms, held, &key);
                self.keys.key(now, ms, at_mobile, held, &key);
            }
            What::Cid { bs, cid, kind, held } => {
                if let CidKind::Transport(said) = kind {
                    self.compromises.heard(ms, Some(said), None);
                }
                if kept {
                    self.keys.cid(now, ms, bs, cid, kind, held);
                }
            }
            What::Committed(count) => {
                self.compromises.heard(ms, None, Some(count));
                self.state(now, node, ms, |_| format!("M = {count}"));
            }
            What::NetworkCount(count) => self.state(now, node, ms, |_| format!("N = {count}")),
            What::TrafficCount { bs, at_mobile: true, count: Some(count) } if kept => {
                let label = format!("T_M = {count}, TEKs of {} at hand", self.topology.bs_name(bs));
                self.changed_state(now, node, ms, bs, label);
            }
            What::TrafficCount { bs, at_mobile: false, count } if kept => {
                let label = match count {
                    Some(count) => format!("T_B = {count}, TEKs at hand"),
                    None => "contexts deleted".to_owned(),
                };
                self.changed_state(now, node, ms, bs, label);
            }
            What::HandoverStarted { to, .. } => {
                self.state(now, node, ms, |topology| format!("hands over to {}", topology.bs_name(to)));
            }
            What::Registered { bs, seamless } => {
                let how = if seamless { "seamless handover agreed" } else { "no seamless handover" };
                self.state(now, node, ms, |topology| format!("registered at {}, {how}", topology.bs_name(bs)));
            }
            What::AuthenticationStarted { bs, entry } => {
                self.authenticating.insert(ms, now);
                self.state(now, node, ms, |topology| match entry {
                    true => format!("enters the network at {}", topology.bs_name(bs)),
                    false => "authenticates anew".to_owned(),
                });
            }
            What::Authenticated { bs, entry } => self.authentication(now, node, (ms, bs), entry, true),
            What::AuthenticationFailed { bs, entry } => self.authentication(now, node, (ms, bs), entry, false),
            What::HandoverEnded { outcome, .. } => self.state(now, node, ms, |_| format!("handover {outcome}")),
            What::Left { bs } => self.state(now, node, ms, |topology| format!("leaves {}", topology.bs_name(bs))),
            What::Listening { bs } => {
                self.state(now, node, ms, |topology| format!("listens to {}", topology.bs_name(bs)));
            }
            _ => {}
        }
        if let Some(change) = change {
            self.states.change(now, node, ms, change);
        }
    }

    fn remark(&mut self, attack: usize, remark: String) {
        self.remarks.push((attack, remark));
    }

    fn finished(&self, now: VirtualTime) -> bool {
        self.frames.failed() || (now > self.quiet_from && self.outstanding == 0)
    }
}

impl Recorder<'_> {
    /// Measures, evaluates and hands everything over.
    ///
    /// # Errors
    /// Frames could not be put in their file.
    pub(super) fn finish(
        self,
        script: &Script,
        radio: &RadioSettings,
        skipped: SkippedPackets,
    ) -> Result<FinishedRun, RunError> {
        let FinishedFrames { mut transmissions, captured, spilled } = self.frames.finish()?;
        let handovers = self.measures.finish(radio, &self.topology);
        let mut traffic = BTreeMap::new();
        let mut notes = self.notes;
        notes.extend(self.ignored.iter().map(|(why, count)| format!("warning: {count} more commands ignored: {why}")));
        notes.extend(not_entered(script, &self.authentications));
        for (mobile, ledger) in script.mobile_stations.iter().zip(&self.ledgers) {
            let (ul, dl) = (ledger.counts(Direction::Uplink), ledger.counts(Direction::Downlink));
            traffic.insert(mobile.name.clone(), TrafficResult { ul, dl });
            let untracked = ledger.untracked(Direction::Uplink) + ledger.untracked(Direction::Downlink);
            if untracked > 0 {
                notes.push(format!("warning: {}: {untracked} user packets could not be followed", mobile.name));
            }
        }
        let mobiles = script.mobile_stations.iter().filter(|mobile| self.watch.captures(mobile.mac));
        let shown: HashSet<&str> = mobiles.map(|mobile| mobile.name.as_str()).collect();
        let mut outcome = RunOutcome {
            scenario: script.name.clone(),
            seed: script.seed,
            verdict: RunVerdict::Pass,
            expectations: Vec::new(),
            handovers: handovers.iter().map(|measure| measure.result.clone()).collect(),
            authentications: self.authentications,
            traffic,
            skipped,
            rejects: self.rejects,
            eps_rejects: None,
            failed_searches: self.failed_searches,
            nonce_reuse: self.nonce_reuse,
            releases: self.releases.finish(&self.topology),
            attacks: Vec::new(),
            work: self.work.finish(script, &self.topology),
            capture: None,
            judge: None,
            ladder: Vec::new(),
            ladder_nodes: Vec::new(),
        };
        let scenes = Scenes::new(&handovers, &outcome.authentications, |name| shown.contains(name));
        (outcome.ladder, outcome.ladder_nodes) = scenes.ladder(&transmissions, &self.states, &self.topology);
        let links = spilled.as_ref().map(SpilledFrames::links).unwrap_or_default();
        if scenes.miss(links, &outcome.ladder_nodes, &self.topology) {
            let until = links.iter().map(|link| link.first).min().unwrap_or_default();
            notes.push(format!("the ladder ends at {until}: the frames from there on were too many to be kept for it"));
        }
        let tek_on_link = || link_search::generated_tek_on_link(&self.keys, &transmissions);
        let holds = |expected: &Expected| expectations::holds(expected, script, &outcome, &tek_on_link);
        let traces = Traces {
            transmissions: &transmissions,
            compromises: &self.compromises,
            comparisons: &self.comparisons,
            plaintexts: &self.plaintexts,
            remarks: &self.remarks,
            topology: &self.topology,
        };
        let attacks = attack_results(script, traces, holds);
        outcome.attacks = attacks;
        outcome.expectations = expectations::evaluate(script, &outcome, tek_on_link);
        if outcome.expectations.iter().any(|expectation| !expectation.held) {
            outcome.verdict = RunVerdict::Fail;
        }
        if !captured.is_empty() {
            let mut captured = captured.into_iter();
            transmissions.retain(|_| captured.next().unwrap_or(false));
        }
        let active: HashSet<usize> = match self.watch.captures_all() {
            true => HashSet::new(),
            false => transmissions
                .iter()
                .map(|sent| sent.port)
                .chain(links.iter().map(|link| Port(link.link)))
                .filter_map(|port| self.topology.link(port))
                .flat_map(|ends| self.topology.ends(ends))
                .map(|node| node.0)
                .collect(),
        };
        let shows_node = |node: usize| self.watch.shows_node(node, &active, &self.topology);
        let shows_mobile = |ms: MsMac| self.watch.captures(ms);
        let all_links = self.watch.captures_all();
        let (capture, interfaces) = capture(script, transmissions, links, &self.topology, all_links, shows_node);
        Ok(FinishedRun {
            outcome,
            capture,
            keys: self.keys.log(&self.topology, shows_node, shows_mobile),
            delivered: delivered(self.delivered.unwrap_or_default()),
            notes,
            rest: spilled.map(|frames| Rest { frames, interfaces }),
        })
    }
}

/// A note for every mobile that was to enter and is not in when the script's own clock begins.
fn not_entered(script: &Script, authentications: &[AuthenticationResult]) -> Vec<String> {
    let begins = script.begins.as_nanos() / 1_000;
    let in_time = authentications.iter().filter(|one| one.completed && one.at_us <= begins);
    let in_time: HashSet<&str> = in_time.map(|one| one.ms.as_str()).collect();
    let is_late = |ms: &&MobileStation| ms.entry == Entry::Full && !in_time.contains(ms.name.as_str());
    let late = script.mobile_stations.iter().filter(is_late);
    let begins = Duration::from_micros(begins);
    late.map(|ms| format!("warning: {}: has not entered the network by {begins:?}", ms.name)).collect()
}
