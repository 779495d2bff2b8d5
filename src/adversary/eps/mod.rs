//! The scripted adversary of EPS: the same language as against 802.16, on frames of EPS.
//!
//! It records, drops, delays and changes frames at their tap, and plays recorded ones. What comes of keys in its hands is seen
//! when the run is over: it hears all of the air, and needs no tap for that.
//!
//! * [`frames`]: which frames count; [`change`]: what is changed in one.
//! * [`holder`]: which cells somebody reads who holds keys; [`user_plane`]: the same of packets that UPEs cipher;
//!   [`eavesdropper`]: the keys of somebody who hears a link of the core network.
//! * `between_systems`: what keys of UTRAN and of E-UTRAN say of each other.
//! * [`enterprise`]: which sessions with end points in an enterprise somebody reads.
//! * [`search`]: the search for C-RNTI.
//! * [`parlos`]: who acts against attaches for RLOS; [`nas_in_frame`]: the NAS message in a frame before there are keys;
//!   [`private_key`]: what somebody makes of a private key that is found later.

mod between_systems;
pub mod change;
pub mod eavesdropper;
pub mod enterprise;
pub mod frames;
pub mod holder;
pub mod nas_in_frame;
pub mod parlos;
mod parlos_command;
mod parlos_middle;
mod parlos_network;
mod parlos_ue;
pub mod private_key;
pub mod search;
pub mod user_plane;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use change::{AttachChange, Change};
pub use frames::{FrameChoice, FrameKind, NasKind};
pub use parlos::{AirLink, FalseRequest, Learned, ParlosAction, ParlosAttack};

use super::REACTION;
use super::recording::{Heard, Recordings};
use crate::emulation::{self, Fate, Injection, NodeIndex, Port};
use crate::time::VirtualTime;
use parlos::Actor;
use rand_chacha::ChaCha20Rng;

/// When an attack acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On frames that pass the tap.
    Frame(FrameChoice),
    /// At an instant.
    Time(VirtualTime),
}

/// What an attack does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Copies the frame to the end of the recording of this name.
    Record(String),
    /// Sends the frames of a recording.
    Replay {
        /// Its name.
        recording: String,
        /// How often.
        times: u32,
        /// From one time to the next.
        every: Duration,
    },
    /// Takes the frame off the link.
    Drop,
    /// Holds the frame back for so long.
    Delay(Duration),
    /// Puts a changed frame in its place.
    Modify(Change),
}

/// An attack at a tap: one direction of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name.
    pub name: String,
    /// Its number in the script, which tells in a capture what belongs to it.
    pub number: usize,
    /// The link.
    pub port: Port,
    /// The end that the frames go to.
    pub to: NodeIndex,
    /// Whether the link is the air.
    pub on_air: bool,
    /// When it acts.
    pub trigger: Trigger,
    /// How much later it sends.
    pub wait: Duration,
    /// What it does.
    pub action: Action,
}

/// The frames that the adversary has put in the place of others, by the instant and the link.
#[derive(Clone, Debug, Default)]
pub struct Exchanged(Arc<Mutex<BTreeMap<Place, Vec<u8>>>>);

/// When and where a frame began.
type Place = (VirtualTime, Port, NodeIndex);

impl Exchanged {
    fn note(&self, place: Place, octets: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place, octets);
    }

    /// What went on in the place of the frame that began then and there.
    #[must_use]
    pub fn of(&self, time: VirtualTime, port: Port, to: NodeIndex) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(time, port, to)).cloned()
    }
}

/// The adversary of a script.
#[derive(Clone, Debug)]
pub struct Adversary {
    attacks: Vec<Attack>,
    /// How many matching frames each attack has seen.
    seen: Vec<u32>,
    recordings: Recordings,
    exchanged: Exchanged,
    /// What is to be sent, by instant: position of the attack, and how often it still runs.
    due: BTreeMap<VirtualTime, Vec<(usize, u32)>>,
    /// By position of the attack: why it could not do what it was to, the first time.
    failures: BTreeMap<usize, String>,
    /// Who acts against attaches for RLOS.
    actors: Vec<Actor>,
}

impl Adversary {
    /// An adversary with these attacks, which act in this order, and which notes in `exchanged` what it changes.
    #[must_use]
    pub fn new(attacks: Vec<Attack>, exchanged: Exchanged) -> Self {
        let mut adversary = Self {
            seen: vec![0; attacks.len()],
            attacks,
            recordings: Recordings::default(),
            exchanged,
            due: BTreeMap::new(),
            failures: BTreeMap::new(),
            actors: Vec::new(),
        };
        for position in 0..adversary.attacks.len() {
            if let Some(Trigger::Time(at)) = adversary.attacks.get(position).map(|attack| attack.trigger) {
                adversary.start(position, at);
            }
        }
        adversary
    }

    /// The same with somebody who acts against attaches for RLOS, and notes in `learned` what keys he comes by; `random` is his own.
    #[must_use]
    pub fn with(mut self, attack: ParlosAttack, random: ChaCha20Rng, learned: Learned) -> Self {
        self.actors.push(Actor::new(attack, random, learned));
        self
    }

    fn start(&mut self, position: usize, now: VirtualTime) {
        if let Some(attack) = self.attacks.get(position)
            && let Action::Replay { times, .. } = attack.action
        {
            self.due.entry(now + REACTION + attack.wait).or_default().push((position, times));
        }
    }

    fn at_tap(&mut self, position: usize, frame: Heard, fate: &mut Fate) {
        let Some(attack) = self.attacks.get(position) else { return };
        let name = &attack.name;
        let done = match &attack.action {
            Action::Record(recording) => return self.recordings.record(recording, frame),
            Action::Replay { .. } => return self.start(position, frame.time),
            Action::Drop => Fate { remarks: vec![format!("taken off the link by {name}")], ..Fate::lost() },
            Action::Delay(delay) => Fate { delay: *delay, remarks: vec![format!("delayed by {name}")], ..Fate::pass() },
            Action::Modify(change) => {
                // An attack before this one may have changed the frame already.
                let octets = fate.octets.as_deref().unwrap_or(&frame.octets);
                match change.apply(octets, attack.on_air, &self.recordings) {
                    Ok((octets, text)) => {
                        self.exchanged.note((frame.time, frame.port, frame.to), octets.clone());
                        Fate { remarks: vec![format!("modified by {name}: {text}")], ..Fate::replaced(octets) }
                    }
                    Err(why) => {
                        self.failures.entry(position).or_insert(why);
                        return;
                    }
                }
            }
        };
        *fate = std::mem::take(fate).and(done);
    }
}

impl<E> emulation::Adversary<E> for Adversary {
    fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        let mut fate = Fate::default();
        for position in 0..self.attacks.len() {
            let (Some(attack), Some(seen)) = (self.attacks.get(position), self.seen.get_mut(position)) else {
                continue;
            };
            let Trigger::Frame(choice) = attack.trigger else { continue };
            if (attack.port, attack.to) == (port, to) && choice.takes(seen, now, octets, attack.on_air) {
                self.at_tap(position, Heard { time: now, port, to, octets: octets.to_vec() }, &mut fate);
            }
        }
        for actor in &mut self.actors {
            // Another may have changed the frame already.
            let octets = fate.octets.clone().unwrap_or_else(|| octets.to_vec());
            let Some(done) = actor.tap(now, (port, to), &octets, &self.recordings) else { continue };
            if let Some(octets) = &done.octets {
                self.exchanged.note((now, port, to), octets.clone());
            }
            fate = fate.and(done);
        }
        fate
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        let due = self.due.keys().next().copied();
        due.into_iter().chain(self.actors.iter().filter_map(Actor::next_timer)).min()
    }

    fn act(&mut self, now: VirtualTime) -> Vec<Injection> {
        let mut injections = Vec::new();
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= now) {
            for (position, times) in entry.remove() {
                let Some(attack) = self.attacks.get(position) else { continue };
                let Action::Replay { recording, every, .. } = &attack.action else { continue };
                let frames = self.recordings.frames(recording);
                if frames.is_empty() {
                    self.failures.entry(position).or_insert(format!("the recording {recording} is empty"));
                }
                injections.extend(frames.iter().map(|frame| Injection {
                    port: attack.port,
                    to: attack.to,
                    octets: frame.octets.clone(),
                    note: format!("deliberate: {}: plays what was recorded at {}", attack.name, frame.time),
                    attack: attack.number,
                }));
                if times > 1 {
                    self.due.entry(now + *every).or_default().push((position, times - 1));
                }
            }
        }
        injections.extend(self.actors.iter_mut().flat_map(|actor| actor.act(now)));
        injections
    }

    fn remarks(&mut self) -> Vec<(usize, String)> {
        let failures = std::mem::take(&mut self.failures).into_iter();
        let of_actors: Vec<(usize, String)> = self.actors.iter_mut().filter_map(Actor::remark).collect();
        failures
            .filter_map(|(position, why)| {
                let attack = self.attacks.get(position)?;
                Some((attack.number, format!("nothing was done: {why}")))
            })
            .chain(of_actors)
            .collect()
    }
}
