//! What is measured of every handover, from the reports of the nodes and the frames on the links (DESIGN section 5).
//!
//! The interruption of a direction is `max(0, b - a)`, independent of traffic. `a` is the end of the last subframe in
//! which the sender could send through the source: uplink, before the mobile left; downlink, before the serving BS
//! stopped. `b` is the start of the first subframe in which a user PDU, had one been queued, would be accepted at the
//! other end: the sender may send there or the receiver listens, downlink packets reach the BS, and both ends have TEKs
//! of the same count.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outcome::{HandoverResult, PerDirection};
use super::world::{LinkEnds, Topology};
use crate::dot16::backbone::{BackbonePacket, RadiusCode, RadiusDatagram, decapsulate};
use crate::dot16::identifiers::{Bsid, Cid, CmacKeyCount, Direction, MsMac};
use crate::dot16::node::{HandoverMode, Outcome, RadioSettings, What};
use crate::dot16::wire::MacPdu;
use crate::emulation::{Sender, Transmission};
use crate::time::VirtualTime;

/// How much of the time around a handover or an authentication its ladder shows.
const LADDER_BEFORE: Duration = Duration::from_millis(1);
const LADDER_AFTER: Duration = Duration::from_millis(60);

/// Whether the ladder of what went on from `started` to `ended` covers `at`.
pub(super) fn ladder_shows(at: VirtualTime, started: VirtualTime, ended: Option<VirtualTime>) -> bool {
    at + LADDER_BEFORE >= started && ended.is_none_or(|ended| at <= ended + LADDER_AFTER)
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
}

/// Measures every handover of a run.
#[derive(Clone, Debug)]
pub struct Measures {
    modes: BTreeMap<MsMac, HandoverMode>,
    tracked: Vec<Tracked>,
    /// The handover of each mobile that began last.
    latest: BTreeMap<MsMac, usize>,
    /// T_M and T_B for each mobile and BS.
    counts: BTreeMap<(MsMac, Bsid), [Option<CmacKeyCount>; 2]>,
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
            latest: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// A node reported something about `ms`.
    pub fn event(&mut self, now: VirtualTime, ms: MsMac, what: &What) {
        if let What::TrafficCount { bs, at_mobile, count } = what {
            let counts = self.counts.entry((ms, *bs)).or_default();
            counts[usize::from(!at_mobile)] = *count;
        }
        if let What::Registered { seamless, .. } = what {
            // Without seamless handover it is as the base stations of this network have it.
            match (self.modes.get(&ms), seamless) {
                (_, true) => self.modes.insert(ms, HandoverMode::Seamless),
                (None | Some(HandoverMode::Seamless), false) => self.modes.insert(ms, HandoverMode::LegacyRngRsp),
                (Some(_), false) => None,
            };
        }
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
        self.latest.insert(ms, self.tracked.len());
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
        });
    }

    /// The handovers in the order in which they began.
    #[must_use]
    pub fn finish(
        self,
        radio: &RadioSettings,
        transmissions: &[Transmission],
        topology: &Topology,
    ) -> Vec<HandoverMeasure> {
        let mut measures: Vec<HandoverMeasure> =
            self.tracked.iter().map(|tracked| tracked.measured(radio, topology)).collect();
        count_messages(&self.tracked, &mut measures, transmissions, topology);
        measures
    }
}

impl Tracked {
    fn measured(&self, radio: &RadioSettings, topology: &Topology) -> HandoverMeasure {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let gap = |direction| {
            let (last, first) = (self.last_at_source[slot(direction)]?, self.first_at_target[slot(direction)]?);
            Some(micros(first.since(last)))
        };
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
            messages_air: 0,
            messages_backbone: 0,
            bytes_air: 0,
            bytes_backbone: 0,
            self_sync_steps: self.self_sync_steps,
            data_before_ranging: self.data_before_ranging,
            started_us: micros(self.started.since(VirtualTime::ZERO)),
            ended_us: self.ended.map(|(ended, _)| micros(ended.since(VirtualTime::ZERO))),
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

/// Counts management PDUs from MOB_MSHO-REQ to RNG-RSP, and control messages until the mobile's next handover begins.
fn count_messages(
    tracked: &[Tracked],
    measures: &mut [HandoverMeasure],
    transmissions: &[Transmission],
    topology: &Topology,
) {
    let mut by_mobile: BTreeMap<MsMac, Vec<usize>> = BTreeMap::new();
    for (position, handover) in tracked.iter().enumerate() {
        by_mobile.entry(handover.ms).or_default().push(position);
    }
    let at = |ms: MsMac, time: VirtualTime| {
        let positions = by_mobile.get(&ms)?;
        positions.iter().copied().rev().find(|position| tracked[*position].started <= time)
    };
    let mut asked = BTreeMap::new();
    for sent in transmissions.iter().filter(|sent| matches!(sent.from, Sender::Node(_))) {
        let octets = sent.octets.len() as u64;
        match topology.ends_of(sent) {
            LinkEnds::Air { mobile, .. } => {
                let Some(position) = at(topology.macs()[mobile], sent.time) else {
                    continue;
                };
                let ended = tracked[position].ended.is_some_and(|(ended, _)| sent.time > ended);
                if !ended && is_management(&sent.octets) {
                    measures[position].result.messages_air += 1;
                    measures[position].result.bytes_air += octets;
                }
            }
            LinkEnds::R6 { .. } | LinkEnds::R4 { .. } | LinkEnds::R3 => {
                let Ok(frame) = decapsulate(&sent.octets) else { continue };
                let ms = match frame.packet {
                    BackbonePacket::Control(message) => Some(message.ms),
                    BackbonePacket::Radius(datagram) => radius_subject(&mut asked, &datagram),
                    BackbonePacket::Data(_) => None,
                };
                if let Some(position) = ms.and_then(|ms| at(ms, sent.time)) {
                    measures[position].result.messages_backbone += 1;
                    measures[position].result.bytes_backbone += octets;
                }
            }
        }
    }
}

/// The mobile that a RADIUS packet is about: a request names it, an answer has port and identifier of its request.
fn radius_subject(asked: &mut BTreeMap<(u16, u8), MsMac>, datagram: &RadiusDatagram) -> Option<MsMac> {
    let RadiusDatagram { source, destination, packet } = datagram;
    if packet.code != RadiusCode::ACCESS_REQUEST {
        return asked.get(&(*destination, packet.identifier)).copied();
    }
    let ms = packet.calling_station()?;
    asked.insert((*source, packet.identifier), ms);
    Some(ms)
}

fn is_management(octets: &[u8]) -> bool {
    // A CDMA ranging code is no PDU, but part of the exchange all the same.
    octets.len() == 3
        || MacPdu::burst(octets)
            .next()
            .is_some_and(|pdu| pdu.is_ok_and(|pdu| pdu.header.cid.is_management() && pdu.header.cid != Cid::BROADCAST))
}
