//! The scripted adversary: trigger and action. It sits on taps of links, records frames that pass, and plays them again.
//!
//! Recording happens at the tap. Everything else happens at trigger + [`REACTION`], ordered after whatever nodes do at
//! that instant.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dot16::identifiers::Direction;
use crate::dot16::wire::MacPdu;
use crate::emulation::{self, Fate, Injection, NodeIndex, Port};
use crate::time::VirtualTime;

/// From a trigger to the action that it starts.
pub const REACTION: Duration = Duration::from_micros(1);
/// How many frames a recording holds at the most.
const RECORDING: usize = 65_536;

/// Which MAC PDUs a trigger counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// PDUs on transport connections.
    Data,
    /// Management messages of this type.
    Message(u8),
}

impl FrameKind {
    fn matches(self, octets: &[u8]) -> bool {
        let Some(Ok(pdu)) = MacPdu::burst(octets).next() else {
            return false;
        };
        match self {
            Self::Data => !pdu.header.cid.is_management(),
            Self::Message(kind) => pdu.header.cid.is_management() && pdu.body.first() == Some(&kind),
        }
    }
}

/// When an attack acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On `count` matching frames in a row, from the `nth` (from 1) that passes at `after` or later.
    Frames {
        /// Which frames.
        kind: FrameKind,
        /// The first one.
        nth: u32,
        /// How many.
        count: u32,
        /// Frames before this instant do not count.
        after: VirtualTime,
    },
    /// At an instant.
    Time(VirtualTime),
}

/// What an attack does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Copies the frame to the end of the recording of this name.
    Record(String),
    /// Sends the recording of this name.
    Replay(String),
}

/// An attack at a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name.
    pub name: String,
    /// The link.
    pub port: Port,
    /// The end that the frames go to, those seen and those sent.
    pub to: NodeIndex,
    /// The direction of those frames.
    pub direction: Direction,
    /// When it acts.
    pub trigger: Trigger,
    /// What it does.
    pub action: Action,
}

#[derive(Clone, Debug)]
struct Recorded {
    time: VirtualTime,
    octets: Vec<u8>,
}

/// The adversary of a script.
#[derive(Clone, Debug)]
pub struct Adversary {
    attacks: Vec<Attack>,
    /// How many matching frames each attack has seen.
    seen: Vec<u32>,
    recordings: BTreeMap<String, Vec<Recorded>>,
    /// Attacks whose action is to start, by instant.
    due: BTreeMap<VirtualTime, Vec<usize>>,
}

impl Adversary {
    /// An adversary with these attacks, numbered in this order.
    #[must_use]
    pub fn new(attacks: Vec<Attack>) -> Self {
        let mut due: BTreeMap<VirtualTime, Vec<usize>> = BTreeMap::new();
        for (number, attack) in attacks.iter().enumerate() {
            if let Trigger::Time(at) = attack.trigger {
                due.entry(at + REACTION).or_default().push(number);
            }
        }
        Self { seen: vec![0; attacks.len()], attacks, recordings: BTreeMap::new(), due }
    }
}

impl emulation::Adversary for Adversary {
    fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        for (number, (attack, seen)) in self.attacks.iter().zip(&mut self.seen).enumerate() {
            let Trigger::Frames { kind, nth, count, after } = attack.trigger else {
                continue;
            };
            if attack.port != port || attack.to != to || now < after || !kind.matches(octets) {
                continue;
            }
            *seen = seen.saturating_add(1);
            if !(nth..nth.saturating_add(count)).contains(seen) {
                continue;
            }
            match &attack.action {
                Action::Record(name) => {
                    let recording = self.recordings.entry(name.clone()).or_default();
                    if recording.len() < RECORDING {
                        recording.push(Recorded { time: now, octets: octets.to_vec() });
                    }
                }
                Action::Replay(_) => self.due.entry(now + REACTION).or_default().push(number),
            }
        }
        Fate::Pass
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.due.keys().next().copied()
    }

    fn act(&mut self, now: VirtualTime) -> Vec<Injection> {
        let mut injections = Vec::new();
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= now) {
            for number in entry.remove() {
                let Some(attack) = self.attacks.get(number) else {
                    continue;
                };
                let Action::Replay(name) = &attack.action else { continue };
                for recorded in self.recordings.get(name).map_or(&[][..], Vec::as_slice) {
                    injections.push(Injection {
                        port: attack.port,
                        to: attack.to,
                        octets: recorded.octets.clone(),
                        note: format!("{}: plays what was recorded at {}", attack.name, recorded.time),
                        attack: number,
                    });
                }
            }
        }
        injections
    }
}
