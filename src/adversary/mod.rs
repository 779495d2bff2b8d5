//! The scripted adversary: trigger and action. It sits on taps of links; records, drops, delays, reorders and changes frames
//! that pass; plays them again, changed or not; and makes frames of its own.
//!
//! Recording, dropping, delaying, reordering and changing happen at the tap. Everything else happens at trigger + [`REACTION`]
//! and a wait, ordered after whatever nodes do at that instant. The tap is at the sender's end of the link: an eavesdropper
//! there hears also what the link then loses or spoils on its way to the receiver.
//!
//! * [`attack`]: what an attack is; [`trigger`]: when it acts; [`frames`]: which frames count.
//! * [`value`]: numbers that are known only when an action runs; [`known`]: what the adversary knows besides frames.
//! * [`recording`], [`fields`], [`change`], [`forgery`]: frames heard, read, changed and made.
//! * [`external`]: an adversary in another process.
//! * [`rogue`]: a base station of its own in place of another.
//! * [`key_stream`]: what two recorded frames tell that were sealed under one nonce.
//! * [`compromise`]: what the keys of a base station open, when they are in the adversary's hands.
//! * [`eps`]: the adversary of EPS.

pub mod attack;
pub mod change;
pub mod compromise;
pub mod eps;
pub mod external;
pub mod fields;
pub mod forgery;
pub mod frames;
pub mod key_stream;
pub mod known;
pub mod recording;
pub mod rogue;
pub mod trigger;
pub mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;

pub use attack::{Action, Attack, Replay, Rounds, Tap};
pub use change::{Change, Changed};
pub use compromise::Compromise;
pub use fields::FrameField;
pub use forgery::{Forged, Forgery};
pub use frames::{FrameChoice, FrameKind};
pub use key_stream::Comparisons;
pub use known::{AirLink, Known};
pub use recording::{Heard, Recordings};
use rogue::Rogues;
pub use trigger::{EventChoice, EventKind, EventNode, Filter, Phase, Trigger};
pub use value::{CidRole, Sight, Source, Value};

use crate::dot16::node::Event;
use crate::emulation::{self, Fate, Injection, NodeIndex, Port};
use crate::time::VirtualTime;

/// From a trigger to the action that it starts.
pub const REACTION: Duration = Duration::from_micros(1);

/// An action that is to start.
#[derive(Clone, Debug)]
struct Due {
    /// Position of the attack.
    attack: usize,
    /// The frame that started it.
    cause: Option<Heard>,
    /// How often it still runs, this time included.
    times: u32,
}

/// The adversary of a script.
#[derive(Clone, Debug)]
pub struct Adversary {
    attacks: Vec<Attack>,
    known: Known,
    random: ChaCha20Rng,
    /// How many matching frames or events each attack has seen.
    seen: Vec<u32>,
    recordings: Recordings,
    comparisons: Comparisons,
    rogues: Rogues,
    /// Actions that are to start, by instant.
    due: BTreeMap<VirtualTime, Vec<Due>>,
    /// By position of the attack: how often it could not do what it was to, and why the first time.
    failures: BTreeMap<usize, (u64, String)>,
}

impl Adversary {
    /// An adversary with these attacks, which act in this order; `known` is the network, `random` its own generator.
    #[must_use]
    pub fn new(attacks: Vec<Attack>, known: Known, random: ChaCha20Rng) -> Self {
        let mut adversary = Self {
            known,
            random,
            seen: vec![0; attacks.len()],
            attacks,
            recordings: Recordings::default(),
            comparisons: Comparisons::default(),
            rogues: Rogues::default(),
            due: BTreeMap::new(),
            failures: BTreeMap::new(),
        };
        for position in 0..adversary.attacks.len() {
            if let Some(Trigger::Time(at)) = adversary.attacks.get(position).map(|attack| &attack.trigger) {
                adversary.start(position, *at, None);
            }
        }
        adversary
    }

    /// The same adversary, which notes in `comparisons` what it compares.
    #[must_use]
    pub fn noting(mut self, comparisons: Comparisons) -> Self {
        self.comparisons = comparisons;
        self
    }

    /// The trigger of an attack that sends has come.
    fn start(&mut self, position: usize, now: VirtualTime, cause: Option<Heard>) {
        if let Some(attack) = self.attacks.get(position) {
            let due = Due { attack: position, cause, times: attack.rounds().times };
            self.due.entry(now + REACTION + attack.wait).or_default().push(due);
        }
    }

    fn failed(&mut self, position: usize, why: String) {
        let (times, _) = self.failures.entry(position).or_insert((0, why));
        *times = times.saturating_add(1);
    }

    /// Acts on a frame at its tap.
    fn at_tap(&mut self, position: usize, frame: &Heard, fate: &mut Fate) {
        let Some(attack) = self.attacks.get(position) else {
            return;
        };
        let name = &attack.name;
        let done = match &attack.action {
            Action::Record(recording) => {
                self.recordings.record(recording, frame.clone());
                return;
            }
            Action::Replay(_) | Action::Inject { .. } | Action::Play(_) | Action::Rogue | Action::Compare(..) => {
                return self.start(position, frame.time, Some(frame.clone()));
            }
            Action::Drop => Fate { remarks: vec![format!("taken off the link by {name}")], ..Fate::lost() },
            Action::Delay(delay) => Fate { delay: *delay, remarks: vec![format!("delayed by {name}")], ..Fate::pass() },
            Action::Reorder(frames) => {
                let remarks = vec![format!("held back by {name} until {frames} more have passed")];
                Fate { held: Some(*frames), remarks, ..Fate::pass() }
            }
            Action::Modify(change) => {
                // An attack before this one may have changed the frame already.
                let octets = fate.octets.as_deref().unwrap_or(&frame.octets);
                let sight = Sight { known: &self.known, recordings: &self.recordings, own: None };
                let on_air = self.known.air_link(frame.port).is_some();
                match change.apply(octets, on_air, sight, self.known.crc()) {
                    Ok(changed) => {
                        let remarks = vec![format!("modified by {name}: {}", changed.text)];
                        Fate { remarks, ..Fate::replaced(changed.octets) }
                    }
                    Err(why) => return self.failed(position, why),
                }
            }
        };
        *fate = std::mem::take(fate).and(done);
    }

    /// What an action sends when it runs.
    fn sent(&mut self, now: VirtualTime, position: usize, cause: Option<&Heard>) -> Vec<Injection> {
        let Some(attack) = self.attacks.get(position) else {
            return Vec::new();
        };
        let mut failures = Vec::new();
        let mut injections = Vec::new();
        let sight =
            Sight { known: &self.known, recordings: &self.recordings, own: cause.map(|cause| cause.octets.as_slice()) };
        // Where to: the tap's own link, or that of a frame.
        let place = |frame: Option<&Heard>| match attack.tap {
            Tap::Link { port, to } => Ok((port, to)),
            Tap::Air(_) => {
                frame.map(|frame| (frame.port, frame.to)).ok_or_else(|| "it has no link to send on".to_owned())
            }
        };
        let mut send = |place: (Port, NodeIndex), octets: Vec<u8>, text: String, is_rough: bool| {
            let (port, to) = place;
            let on_air = self.known.air_link(port).is_some();
            let deliberate = is_rough || on_air && !forgery::is_sound(&octets, &self.known);
            let mark = if deliberate { "deliberate: " } else { "" };
            injections.push(Injection {
                port,
                to,
                octets,
                note: format!("{mark}{}: {text}", attack.name),
                attack: attack.number,
            });
        };
        match &attack.action {
            Action::Replay(replay) => {
                let first = usize::try_from(replay.first.saturating_sub(1)).unwrap_or(usize::MAX);
                let most = replay.frames.map_or(usize::MAX, |frames| usize::try_from(frames).unwrap_or(usize::MAX));
                let frames = self.recordings.frames(&replay.recording).iter().skip(first).take(most);
                let mut count = 0;
                for recorded in frames {
                    count += 1;
                    let text = format!("plays what was recorded at {}", recorded.time);
                    let on_air = self.known.air_link(recorded.port).is_some();
                    let done = place(Some(recorded)).and_then(|place| {
                        if replay.change.is_empty() {
                            send(place, recorded.octets.clone(), text, false);
                            return Ok(());
                        }
                        let changed = replay.change.apply(&recorded.octets, on_air, sight, self.known.crc())?;
                        send(place, changed.octets, format!("{text}, but {}", changed.text), changed.is_rough);
                        Ok(())
                    });
                    failures.extend(done.err());
                }
                if count == 0 {
                    failures.push(format!("the recording {} holds no such frame", replay.recording));
                }
            }
            Action::Inject { forgery, .. } => {
                let done = place(cause).and_then(|place| {
                    let (port, to) = place;
                    let direction = self.known.air_link(port).map(|link| link.direction(to));
                    let forged = forgery.make(direction, sight, &mut self.random)?;
                    send(place, forged.octets, forged.text, forged.is_rough);
                    Ok(())
                });
                failures.extend(done.err());
            }
            Action::Play(frames) => {
                for octets in frames {
                    match place(cause) {
                        Ok(place) => send(place, octets.clone(), "plays a frame of a capture".to_owned(), false),
                        Err(why) => failures.push(why),
                    }
                }
            }
            Action::Rogue => match place(cause) {
                Ok((port, _)) => {
                    if let Some(link) = self.known.air_link(port) {
                        self.rogues.begin(now, &attack.name, attack.number, port, link);
                    }
                }
                Err(why) => failures.push(why),
            },
            Action::Compare(first, second) => {
                let [first, second] = [first, second].map(|name| self.recordings.frames(name));
                self.comparisons.note(attack.number, first, second);
            }
            Action::Record(_) | Action::Drop | Action::Delay(_) | Action::Reorder(_) | Action::Modify(_) => {}
        }
        for why in failures {
            self.failed(position, why);
        }
        injections
    }
}

impl emulation::Adversary<Event> for Adversary {
    fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        self.known.heard(port, to, octets);
        let mut fate = self.rogues.tap(now, port, to, octets).unwrap_or_default();
        let mut frame: Option<Heard> = None;
        for position in 0..self.attacks.len() {
            let (Some(attack), Some(seen)) = (self.attacks.get(position), self.seen.get_mut(position)) else {
                continue;
            };
            if !attack.hears(&self.known, port, to) {
                continue;
            }
            let frame = frame.get_or_insert_with(|| Heard { time: now, port, to, octets: octets.to_vec() });
            let sight = Sight { known: &self.known, recordings: &self.recordings, own: Some(octets) };
            if attack.takes(seen, frame, sight) {
                self.at_tap(position, frame, &mut fate);
            }
        }
        fate
    }

    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: &Event) {
        self.known.event(event);
        self.rogues.event(now, event);
        for position in 0..self.attacks.len() {
            let (Some(attack), Some(seen)) = (self.attacks.get(position), self.seen.get_mut(position)) else {
                continue;
            };
            if let Trigger::Events(choice) = &attack.trigger
                && choice.takes(seen, now, node, event.ms, &event.what)
            {
                self.start(position, now, None);
            }
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.due.keys().next().copied().into_iter().chain(self.rogues.next()).min()
    }

    fn act(&mut self, now: VirtualTime) -> Vec<Injection> {
        let mut injections = Vec::new();
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= now) {
            for due in entry.remove() {
                injections.extend(self.sent(now, due.attack, due.cause.as_ref()));
                if let (true, Some(attack)) = (due.times > 1, self.attacks.get(due.attack)) {
                    let next = now + attack.rounds().every;
                    self.due.entry(next).or_default().push(Due { times: due.times - 1, ..due });
                }
            }
        }
        injections.extend(self.rogues.act(now, &self.known, &mut self.random));
        injections
    }

    fn remarks(&mut self) -> Vec<(usize, String)> {
        let failures = std::mem::take(&mut self.failures).into_iter();
        failures
            .filter_map(|(position, (times, why))| {
                let attack = self.attacks.get(position)?;
                let again = if times > 1 { format!(" ({times} times)") } else { String::new() };
                Some((attack.number, format!("nothing was done{again}: {why}")))
            })
            .collect()
    }
}
