//! What is measured of every handover, from the reports of the nodes and the frames on the links (DESIGN section 5).
//!
//! The interruption of a direction is `max(0, b - a)`, independent of traffic. `a` is the end of the last subframe in
//! which the sender could send through the source: uplink, before the mobile left; downlink, before the serving BS
//! stopped. `b` is the start of the first subframe in which a user PDU, had one been queued, would be accepted at the
//! other end: the sender may send there or the receiver listens, downlink packets reach the BS, and both ends have TEKs
//! of the same count.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::outcome::{HandoverResult, PerDirection};
use super::subject::Subject;
use super::world::Topology;
use crate::dot16::identifiers::{Bsid, CmacKeyCount, Direction, MsMac};
use crate::dot16::node::{HandoverMode, Outcome, RadioSettings, What};
use crate::emulation::Transmission;
use crate::time::VirtualTime;

/// How much of the time around a handover or an authentication its ladder shows.
const LADDER_BEFORE: Duration = Duration::from_millis(1);
const LADDER_AFTER: Duration = Duration::from_millis(60);

/// Whether the ladder of what went on from `started` to `ended` covers `at`.
pub(super) fn ladder_shows(at: VirtualTime, started: VirtualTime, ended: Option<VirtualTime>) -> bool {
    ladder_overlaps(at, at, started, ended)
}

/// Whether that ladder covers an instant from `first` to `last`.
pub(super) fn ladder_overlaps(
    first: VirtualTime,
    last: VirtualTime,
    started: VirtualTime,
    ended: Option<VirtualTime>,
) -> bool {
    last + LADDER_BEFORE >= started && ended.is_none_or(|ended| first <= ended + LADDER_AFTER)
}

/// A handover, measured.
#[derive(Clone, Debug)]
pub struct HandoverMeasure {
    /// As it stands in the document.
    pub result: HandoverResult,
    started: VirtualTime,
    ended: Option<VirtualTime>,
}

impl HandoverMeasure {
    /// Whether the ladder of this handover covers `at`.
    #[must_use]
    pub fn shows(&self, at: VirtualTime) -> bool {
        ladder_shows(at, self.started, self.ended)
    }

    /// Whether the ladder of this handover covers an instant from `first` to `last`.
    #[must_use]
    pub fn overlaps(&self, first: VirtualTime, last: VirtualTime) -> bool {
        ladder_overlaps(first, last, self.started, self.ended)
    }

    /// Whether a node takes part: the mobile and every BS, since a candidate that is not chosen holds a context too.
    #[must_use]
    pub fn involves(&self, name: &str, topology: &Topology) -> bool {
        let station = topology.names.iter().skip(1).take(topology.bsids().len()).any(|station| station == name);
        name == self.result.ms
            || (station && topology.bsids().len() <= LADDER_STATIONS)
            || name == self.result.from
            || name == self.result.to
    }
}

/// Up to how many base stations the ladder shows all of them.
const LADDER_STATIONS: usize = 4;

/// A handover while the run goes on.
#[derive(Clone, Debug)]
struct Tracked {
    ms: MsMac,
    from: Bsid,
    to: Bsid,
    mode: HandoverMode,
    started: VirtualTime,
    ended: Option<(VirtualTime, Outcome)>,
    left: Option<VirtualTime>,
    downlink_stopped: Option<VirtualTime>,
    /// Since when the mobile may send at the target, hears it, and has a path there.
    granted: Option<VirtualTime>,
    listening: Option<VirtualTime>,
    path: Option<VirtualTime>,
    /// Since when both ends have TEKs of the same count.
    same_keys: Option<VirtualTime>,
    last_at_source: [Option<VirtualTime>; 2],
    first_at_target: [Option<VirtualTime>; 2],
    ranged: bool,
    data_before_ranging: PerDirection,
    self_sync_steps: u64,
    /// The handover of this mobile before it.
    previous: Option<usize>,
    /// Messages and their octets: in the air, on the backbone.
    messages: [(u64, u64); 2],
}

/// A message that belongs to some handover, until it is told to which: what begins at its instant is to be known first.
#[derive(Clone, Copy, Debug)]
struct Message {
    time: VirtualTime,
    ms: MsMac,
    backbone: bool,
    octets: u64,
}

/// Measures every handover of a run.
#[derive(Clone, Debug)]
pub struct Measures {
    modes: BTreeMap<MsMac, HandoverMode>,
    tracked: Vec<Tracked>,
    /// The handover of each mobile that began last.
    latest: HashMap<MsMac, usize>,
    /// T_M and T_B for each mobile and BS where there is one of them.
    counts: HashMap<(MsMac, Bsid), [Option<CmacKeyCount>; 2]>,
    messages: VecDeque<Message>,
    ended: u64,
}

fn slot(direction: Direction) -> usize {
    usize::from(direction == Direction::Downlink)
}

impl Measures {
    /// Nothing yet; `mobiles` are the mobiles, each with the mode of its handovers as far as it is known beforehand.
    #[must_use]
    pub fn new(mobiles: Vec<(MsMac, HandoverMode)>) -> Self {
        Self {
            modes: mobiles.into_iter().collect(),
            tracked: Vec::new(),
            latest: HashMap::new(),
            counts: HashMap::new(),
            messages: VecDeque::new(),
            ended: 0,
        }
    }

    /// A node reported something about `ms`.
    pub fn event(&mut self, now: VirtualTime, ms: MsMac, what: &What) {
        self.assign(Some(now));
        if let What::TrafficCount { bs, at_mobile, count } = what {
            let counts = self.counts.entry((ms, *bs)).or_default();
            counts[usize::from(!at_mobile)] = *count;
            if *counts == [None; 2] {
                self.counts.remove(&(ms, *bs));
            }
        }
        if let What::Registered { seamless, .. } = what {
            // Without seamless handover it is as the base stations of this network have it.
            match (self.modes.get(&ms), seamless) {
                (_, true) => self.modes.insert(ms, HandoverMode::Seamless),
                (None | Some(HandoverMode::Seamless), false) => self.modes.insert(ms, HandoverMode::LegacyRngRsp),
                (Some(_), false) => None,
            };
        }
        self.ended += u64::from(matches!(what, What::HandoverEnded { .. }));
        if let What::HandoverStarted { from, to } = what {
            self.start(now, ms, *from, *to);
        }
        let Some(tracked) = self.latest.get(&ms).and_then(|latest| self.tracked.get_mut(*latest)) else {
            return;
        };
        let (source, target) = (tracked.from, tracked.to);
        match *what {
            What::HandoverAgreed { to, mode, .. } => (tracked.to, tracked.mode) = (to, mode),
            What::HandoverEnded { outcome, .. } => tracked.ended = tracked.ended.or(Some((now, outcome))),
            What::Left { bs } if bs == source => tracked.left = tracked.left.or(Some(now)),
            What::DownlinkStopped { bs } if bs == source => tracked.downlink_stopped = Some(now),
            What::UplinkGranted { bs } if bs == target => tracked.granted = tracked.granted.or(Some(now)),
            What::Listening { bs } if bs == target => tracked.listening = tracked.listening.or(Some(now)),
            What::PathReady { bs } if bs == target => tracked.path = tracked.path.or(Some(now)),
            // One that comes before the mobile does is somebody else's.
            What::RangingRequest { bs } if bs == target => tracked.ranged |= tracked.listening.is_some(),
            What::DataAccepted { bs, direction, self_sync_steps } => {
                if bs == target {
                    tracked.first_at_target[slot(direction)].get_or_insert(now);
                    tracked.self_sync_steps += u64::from(self_sync_steps);
                    if !tracked.ranged {
                        tracked.data_before_ranging.count(direction);
                    }
                } else if bs == source && tracked.first_at_target[slot(direction)].is_none() {
                    tracked.last_at_source[slot(direction)] = Some(now);
                }
            }
            _ => {}
        }
        let same = matches!(self.counts.get(&(ms, target)), Some([Some(mobile), Some(station)]) if mobile == station);
        if !same {
            // What happens to the keys after the handover is not its interruption.
            if tracked.ended.is_none() {
                tracked.same_keys = None;
            }
        } else if tracked.same_keys.is_none() {
            tracked.same_keys = Some(now);
        }
    }

    fn start(&mut self, now: VirtualTime, ms: MsMac, from: Bsid, to: Bsid) {
        let mode = self.modes.get(&ms).copied().unwrap_or(HandoverMode::LegacyRngRsp);
        let previous = self.latest.insert(ms, self.tracked.len());
        self.tracked.push(Tracked {
            ms,
            from,
            to,
            mode,
            started: now,
            ended: None,
            left: None,
            downlink_stopped: None,
            granted: None,
            listening: None,
            path: None,
            same_keys: None,
            last_at_source: [None; 2],
            first_at_target: [None; 2],
            ranged: false,
            data_before_ranging: PerDirection::default(),
            self_sync_steps: 0,
            previous,
            messages: [(0, 0); 2],
        });
    }

    /// A node has sent a frame about `subject`: management PDUs count from MOB_MSHO-REQ to RNG-RSP, control messages until the
    /// mobile's next handover begins.
    pub(super) fn transmission(&mut self, sent: &Transmission, subject: Subject, topology: &Topology) {
        let (ms, backbone) = match subject {
            Subject::Air { mobile, management: true } => (topology.macs().get(mobile).copied(), false),
            Subject::Control(ms) => (Some(ms), true),
            Subject::Air { .. } | Subject::Packet(_) | Subject::Nobody => return,
        };
        let Some(ms) = ms else { return };
        self.messages.push_back(Message { time: sent.time, ms, backbone, octets: sent.octets.len() as u64 });
    }

    /// Assigns the messages from before `now` to handovers; `None`: all that are left.
    fn assign(&mut self, now: Option<VirtualTime>) {
        while let Some(message) = self.messages.front().copied().filter(|of| now.is_none_or(|now| of.time < now)) {
            self.messages.pop_front();
            let Message { time, ms, backbone, octets } = message;
            let mut position = self.latest.get(&ms).copied();
            while let Some(later) =
                position.and_then(|position| self.tracked.get(position)).filter(|of| of.started > time)
            {
                position = later.previous;
            }
            let Some(tracked) = position.and_then(|position| self.tracked.get_mut(position)) else { continue };
            if backbone || tracked.ended.is_none_or(|(ended, _)| time <= ended) {
                let (count, sum) = &mut tracked.messages[usize::from(backbone)];
                *count += 1;
                *sum += octets;
            }
        }
    }

    /// How many handovers have ended so far.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// The handovers in the order in which they began.
    #[must_use]
    pub fn finish(mut self, radio: &RadioSettings, topology: &Topology) -> Vec<HandoverMeasure> {
        self.assign(None);
        self.tracked.iter().map(|tracked| tracked.measured(radio, topology)).collect()
    }
}

impl Tracked {
    fn measured(&self, radio: &RadioSettings, topology: &Topology) -> HandoverMeasure {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let gap = |direction| {
            let (last, first) = (self.last_at_source[slot(direction)]?, self.first_at_target[slot(direction)]?);
            Some(micros(first.since(last)))
        };
        let [air, backbone] = self.messages;
        let result = HandoverResult {
            ms: topology.ms_name(self.ms),
            from: topology.bs_name(self.from),
            to: topology.bs_name(self.to),
            mode: self.mode.to_string(),
            // A handover that the run did not see the end of has left the mobile without a connection so far.
            outcome: self.ended.map_or(Outcome::Released, |(_, outcome)| outcome).to_string(),
            interruption_ul_us: self.interruption(Direction::Uplink, radio).map(micros),
            interruption_dl_us: self.interruption(Direction::Downlink, radio).map(micros),
            gap_ul_us: gap(Direction::Uplink),
            gap_dl_us: gap(Direction::Downlink),
            messages_air: air.0,
            messages_backbone: backbone.0,
            bytes_air: air.1,
            bytes_backbone: backbone.1,
            self_sync_steps: self.self_sync_steps,
            data_before_ranging: self.data_before_ranging,
            started_us: micros(self.started.since(VirtualTime::ZERO)),
            ended_us: self.ended.map(|(ended, _)| micros(ended.since(VirtualTime::ZERO))),
            answers: None,
        };
        HandoverMeasure { result, started: self.started, ended: self.ended.map(|(ended, _)| ended) }
    }

    fn interruption(&self, direction: Direction, radio: &RadioSettings) -> Option<Duration> {
        // The largest multiple of a frame, plus the end of the subframe, that is not after `at`.
        let last_end = |at: VirtualTime, end: Duration| {
            let number = radio.frame_number(at);
            let here = radio.frame_start(number) + end;
            if here <= at { here } else { radio.frame_start(number.saturating_sub(1)) + end }
        };
        // The first start of a subframe at or after `at`.
        let just_before = |at: VirtualTime| at - Duration::from_nanos(1);
        let keys = self.same_keys?;
        let (last, first) = match direction {
            Direction::Uplink => {
                let last = last_end(self.left?, radio.frame);
                // A subframe that starts at the very instant of the grant is too early for the mobile.
                (last, radio.next_uplink(self.granted?.max(keys)))
            }
            Direction::Downlink => {
                let last = last_end(self.downlink_stopped.or(self.left)?, radio.downlink);
                (last, radio.next_downlink(just_before(self.listening?.max(keys).max(self.path?))))
            }
        };
        Some(first.since(last))
    }
}
