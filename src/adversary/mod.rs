//! The scripted adversary: trigger and action. It sits on taps of links, records, drops and delays frames that pass, and
//! plays them again.
//!
//! Recording, dropping and delaying happen at the tap. Everything else happens at trigger + [`REACTION`], ordered after
//! whatever nodes do at that instant. The tap is at the sender's end of the link: an eavesdropper there hears also what
//! the link then loses or spoils on its way to the receiver.
//!
//! * [`frames`]: which frames count.
//! * [`recording`]: frames heard; [`key_stream`]: what two of them tell that were sealed under one nonce.
//! * [`compromise`]: what the keys of a base station open, when they are in the adversary's hands.

pub mod compromise;
pub mod frames;
pub mod key_stream;
pub mod recording;

use std::collections::BTreeMap;
use std::time::Duration;

pub use compromise::Compromise;
pub use frames::{FrameChoice, FrameKind};
pub use key_stream::Comparisons;
pub use recording::{Heard, Recordings};

use crate::emulation::{self, Fate, Injection, NodeIndex, Port};
use crate::time::VirtualTime;

/// From a trigger to the action that it starts.
pub const REACTION: Duration = Duration::from_micros(1);

/// When an attack acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On frames that pass its tap.
    Frames(FrameChoice),
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
    /// Takes the frame off the link.
    Drop,
    /// Holds the frame back for so long.
    Delay(Duration),
    /// Looks for key stream that was used twice, in these two recordings.
    Compare(String, String),
}

/// An attack at a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name.
    pub name: String,
    /// Its number in the script, which tells in a capture what belongs to it.
    pub number: usize,
    /// The link.
    pub port: Port,
    /// The end that the frames go to, those seen and those sent.
    pub to: NodeIndex,
    /// When it acts.
    pub trigger: Trigger,
    /// What it does.
    pub action: Action,
}

/// The adversary of a script.
#[derive(Clone, Debug)]
pub struct Adversary {
    attacks: Vec<Attack>,
    /// How many matching frames each attack has seen.
    seen: Vec<u32>,
    recordings: Recordings,
    comparisons: Comparisons,
    /// Attacks whose action is to start, by instant.
    due: BTreeMap<VirtualTime, Vec<usize>>,
}

impl Adversary {
    /// An adversary with these attacks, which act in this order.
    #[must_use]
    pub fn new(attacks: Vec<Attack>) -> Self {
        let mut due: BTreeMap<VirtualTime, Vec<usize>> = BTreeMap::new();
        for (number, attack) in attacks.iter().enumerate() {
            if let Trigger::Time(at) = attack.trigger {
                due.entry(at + REACTION).or_default().push(number);
            }
        }
        Self {
            seen: vec![0; attacks.len()],
            attacks,
            recordings: Recordings::default(),
            comparisons: Comparisons::default(),
            due,
        }
    }

    /// The same adversary, which notes in `comparisons` what it compares.
    #[must_use]
    pub fn noting(mut self, comparisons: Comparisons) -> Self {
        self.comparisons = comparisons;
        self
    }
}

impl emulation::Adversary for Adversary {
    fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        let mut fate = Fate::pass();
        for (number, (attack, seen)) in self.attacks.iter().zip(&mut self.seen).enumerate() {
            let Trigger::Frames(frames) = attack.trigger else {
                continue;
            };
            if attack.port != port || attack.to != to || !frames.takes(seen, now, octets) {
                continue;
            }
            match &attack.action {
                Action::Record(name) => {
                    self.recordings.record(name, Heard { time: now, port, to, octets: octets.to_vec() });
                }
                Action::Replay(_) | Action::Compare(..) => self.due.entry(now + REACTION).or_default().push(number),
                Action::Drop => {
                    let remarks = vec![format!("taken off the link by {}", attack.name)];
                    fate = fate.and(Fate { remarks, ..Fate::lost() });
                }
                Action::Delay(delay) => {
                    let remarks = vec![format!("delayed by {}", attack.name)];
                    fate = fate.and(Fate { delay: *delay, remarks, ..Fate::pass() });
                }
            }
        }
        fate
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
                if let Action::Compare(first, second) = &attack.action {
                    let recordings = [first, second].map(|name| self.recordings.frames(name));
                    self.comparisons.note(attack.number, recordings[0], recordings[1]);
                }
                let Action::Replay(name) = &attack.action else { continue };
                for recorded in self.recordings.frames(name) {
                    injections.push(Injection {
                        port: attack.port,
                        to: attack.to,
                        octets: recorded.octets.clone(),
                        note: format!("{}: plays what was recorded at {}", attack.name, recorded.time),
                        attack: attack.number,
                    });
                }
            }
        }
        injections
    }
}
