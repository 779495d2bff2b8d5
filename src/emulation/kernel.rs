//! The emulation itself: nodes, links, the event set, and the loop that drives them.

use std::collections::VecDeque;
use std::time::Duration;

use super::adversary::Adversary;
use super::engine::{BoxedNode, Dispatch, Engine, Inline, Reaction, with_threads};
use super::event_set::{EventSet, Source};
use super::fate::{Fate, Faults};
use super::link::{DirectedLink, LinkGenerators, Links, Passage};
use super::node::{Input, Node, NodeIndex, Port, Sent, Verdict};
use crate::time::VirtualTime;

/// Who put a frame on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A node.
    Node(NodeIndex),
    /// The adversary, in the attack with this number.
    Adversary(usize),
}

/// A frame on a link, complete: it was recorded once when its transmission started, and its receivers have judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmission {
    /// When the transmission started.
    pub time: VirtualTime,
    /// The link.
    pub port: Port,
    /// Who sent it.
    pub from: Sender,
    /// The end it was for.
    pub to: NodeIndex,
    /// The octets as the sender sent them.
    pub octets: Vec<u8>,
    /// What it is, in the sender's words.
    pub note: String,
    /// Whether the link lost it, or a tap took it.
    pub lost: bool,
    /// Whether the link or a tap changed its octets.
    pub changed: bool,
    /// Whether a tap put other octets in its place.
    pub replaced: bool,
    /// What else happened to it on the way, in words.
    pub remarks: Vec<String>,
    /// The receiver's verdicts: none if lost or still under way at the end, two if the link duplicated it.
    pub verdicts: Vec<Verdict>,
}

/// Takes what a run produces, in the order of virtual time.
pub trait Observer<E> {
    /// A frame is complete. Frames come in the order in which their transmissions started.
    fn transmission(&mut self, transmission: Transmission);

    /// A node reported something.
    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: E);

    /// What the adversary says of one of its attacks when the run is over.
    fn remark(&mut self, attack: usize, remark: String) {
        let _ = (attack, remark);
    }

    /// Whether the run may end before its horizon; asked before every event.
    fn finished(&self, now: VirtualTime) -> bool;
}

enum Due<C> {
    Deliver { to: NodeIndex, port: Port, octets: Vec<u8>, record: u64 },
    Command { to: NodeIndex, command: C },
    Timer { node: NodeIndex, generation: u64 },
    Adversary { generation: u64 },
}

#[derive(Clone, Copy, Default)]
struct TimerSlot {
    due: Option<VirtualTime>,
    generation: u64,
}

/// A frame that a tap holds until others have passed.
struct Held {
    port: Port,
    to: NodeIndex,
    /// How many are still to pass.
    frames: u32,
    octets: Vec<u8>,
    record: u64,
    /// How often it arrives then.
    copies: usize,
    from: NodeIndex,
    delay: Duration,
}

struct Pending {
    transmission: Transmission,
    outstanding: usize,
}

/// Nodes and links, ready to run.
pub struct Emulation<C, E> {
    seed: u64,
    nodes: Vec<BoxedNode<C, E>>,
    links: Box<dyn Links>,
    faults: Option<Box<dyn Faults>>,
    adversary: Option<Box<dyn Adversary<E>>>,
    events: EventSet<Due<C>>,
}

impl<C: Send, E: Send> Emulation<C, E> {
    /// A network of these links and of no nodes yet; `seed` seeds the generator of every directed link.
    #[must_use]
    pub fn new(seed: u64, links: impl Links + 'static) -> Self {
        let links = Box::new(links);
        Self { seed, nodes: Vec::new(), links, faults: None, adversary: None, events: EventSet::new() }
    }

    /// Adds a node. At one instant nodes are served in the order in which they were added.
    pub fn add_node(&mut self, node: impl Node<Command = C, Event = E> + 'static) -> NodeIndex {
        self.nodes.push(Box::new(node));
        NodeIndex(self.nodes.len() - 1)
    }

    /// Lets `faults` single out frames on all links. They come before the adversary, which yet sees each frame as sent.
    pub fn set_faults(&mut self, faults: impl Faults + 'static) {
        self.faults = Some(Box::new(faults));
    }

    /// Puts an adversary on the taps of all links.
    pub fn set_adversary(&mut self, adversary: impl Adversary<E> + 'static) {
        self.adversary = Some(Box::new(adversary));
    }

    /// Hands `command` to `node` at `time`. Commands of one instant come in the order of these calls, before all frames.
    pub fn schedule(&mut self, time: VirtualTime, node: NodeIndex, command: C) {
        self.events.insert(time, Source::Script, Due::Command { to: node, command });
    }

    /// Runs until the observer has finished, nothing is due any more, or `horizon` has passed.
    pub fn run(self, engine: Engine, horizon: VirtualTime, observer: &mut dyn Observer<E>) {
        let Self { seed, mut nodes, links, faults, adversary, events } = self;
        let timers = nodes.iter().map(|node| node.next_timer()).collect();
        let run = Run {
            links,
            generators: LinkGenerators::new(seed),
            faults,
            adversary,
            events,
            timers: vec![TimerSlot::default(); nodes.len()],
            adversary_timer: TimerSlot::default(),
            pending: VecDeque::new(),
            first_record: 0,
            held: Vec::new(),
            observer,
        };
        match engine {
            Engine::Inline => run.drive(Inline(&mut nodes), timers, horizon),
            Engine::PerNode => with_threads(&mut nodes, |threads| run.drive(threads, timers, horizon)),
        }
    }
}

struct Run<'a, C, E> {
    links: Box<dyn Links>,
    generators: LinkGenerators,
    faults: Option<Box<dyn Faults>>,
    adversary: Option<Box<dyn Adversary<E>>>,
    events: EventSet<Due<C>>,
    timers: Vec<TimerSlot>,
    adversary_timer: TimerSlot,
    /// Frames under way, by the number of their record; the front one is `first_record`.
    pending: VecDeque<Pending>,
    first_record: u64,
    held: Vec<Held>,
    observer: &'a mut dyn Observer<E>,
}

impl<C, E> Run<'_, C, E> {
    fn drive(mut self, mut dispatch: impl Dispatch<C, E>, timers: Vec<Option<VirtualTime>>, horizon: VirtualTime) {
        for (index, due) in timers.into_iter().enumerate() {
            self.set_timer(NodeIndex(index), VirtualTime::ZERO, due);
        }
        self.set_adversary_timer(VirtualTime::ZERO);
        while let Some((now, due)) = self.events.pop() {
            if now > horizon || self.observer.finished(now) {
                break;
            }
            match due {
                Due::Deliver { to, port, octets, record } => {
                    let mut reaction = dispatch.dispatch(to, now, Input::Frame { port, octets });
                    let verdict = reaction.outbox.verdict.take().unwrap_or_else(|| Verdict::accepted("received"));
                    self.judged(record, verdict);
                    self.follow(to, now, reaction);
                }
                Due::Command { to, command } => {
                    let reaction = dispatch.dispatch(to, now, Input::Command(command));
                    self.follow(to, now, reaction);
                }
                Due::Timer { node, generation } => {
                    let slot = &mut self.timers[node.0];
                    if slot.generation == generation {
                        slot.due = None;
                        let reaction = dispatch.dispatch(node, now, Input::Timer);
                        self.follow(node, now, reaction);
                    }
                }
                Due::Adversary { generation } => {
                    if self.adversary_timer.generation == generation {
                        self.adversary_timer.due = None;
                        self.adversary_acts(now);
                    }
                }
            }
            self.set_adversary_timer(now);
        }
        for pending in std::mem::take(&mut self.pending) {
            self.observer.transmission(pending.transmission);
        }
        for (attack, remark) in self.adversary.iter_mut().flat_map(|adversary| adversary.remarks()) {
            self.observer.remark(attack, remark);
        }
    }

    /// Carries out what a node left behind.
    fn follow(&mut self, node: NodeIndex, now: VirtualTime, reaction: Reaction<E>) {
        for event in reaction.outbox.events {
            if let Some(adversary) = &mut self.adversary {
                adversary.event(now, node, &event);
            }
            self.observer.event(now, node, event);
        }
        for sent in reaction.outbox.sent {
            self.transmit(node, now, sent);
        }
        self.set_timer(node, now, reaction.next_timer);
    }

    fn transmit(&mut self, from: NodeIndex, now: VirtualTime, sent: Sent) {
        let Sent { port, octets, note } = sent;
        let ends = self.links.ends(port);
        let towards = usize::from(ends[0] == from);
        let to = ends[towards];
        let fault = self.faults.as_mut().map_or_else(Fate::pass, |faults| faults.strike(now, port, to, &octets));
        let tapped = self.adversary.as_mut().map_or_else(Fate::pass, |adversary| adversary.tap(now, port, to, &octets));
        let mut fate = fault.and(tapped);
        let replaced = fate.octets.is_some();
        let mut arriving = fate.octets.take().unwrap_or_else(|| octets.clone());
        let mut link = DirectedLink { links: &*self.links, port, towards, generators: &mut self.generators };
        let Passage { arrivals, inverted_bits, held_back } = link.pass(now, arriving.len(), &fate);
        for bit in inverted_bits {
            if let Some(octet) = arriving.get_mut(bit / 8) {
                *octet ^= 0x80 >> (bit % 8);
            }
        }
        if held_back {
            fate.remarks.push("held back by the link".to_owned());
        }
        let record = self.record(
            Transmission {
                time: now,
                port,
                from: Sender::Node(from),
                to,
                changed: !arrivals.is_empty() && octets != arriving,
                replaced,
                octets,
                note,
                lost: arrivals.is_empty(),
                remarks: fate.remarks,
                verdicts: Vec::new(),
            },
            arrivals.len(),
        );
        if let Some(frames) = fate.held {
            let copies = arrivals.len();
            self.held.push(Held { port, to, frames, octets: arriving, record, copies, from, delay: fate.delay });
        } else {
            for arrival in arrivals {
                let due = Due::Deliver { to, port, octets: arriving.clone(), record };
                self.events.insert(arrival, Source::Node(from.0), due);
            }
        }
        self.passed(port, to, record, now);
    }

    /// The frame `record` has started on a directed link: those that wait for it to pass come after it.
    fn passed(&mut self, port: Port, to: NodeIndex, record: u64, now: VirtualTime) {
        for held in &mut self.held {
            if held.port == port && held.to == to && held.record != record {
                held.frames = held.frames.saturating_sub(1);
            }
        }
        for held in self.held.extract_if(.., |held| held.frames == 0) {
            let arrival = earliest(&*self.links, held.port, held.to, now + held.delay);
            for _ in 0..held.copies {
                let due =
                    Due::Deliver { to: held.to, port: held.port, octets: held.octets.clone(), record: held.record };
                self.events.insert(arrival, Source::Node(held.from.0), due);
            }
        }
    }

    fn adversary_acts(&mut self, now: VirtualTime) {
        let Some(adversary) = &mut self.adversary else { return };
        for injection in adversary.act(now) {
            let arrival = earliest(&*self.links, injection.port, injection.to, now);
            let record = self.record(
                Transmission {
                    time: now,
                    port: injection.port,
                    from: Sender::Adversary(injection.attack),
                    to: injection.to,
                    octets: injection.octets.clone(),
                    note: injection.note,
                    lost: false,
                    changed: false,
                    replaced: false,
                    remarks: Vec::new(),
                    verdicts: Vec::new(),
                },
                1,
            );
            let due = Due::Deliver { to: injection.to, port: injection.port, octets: injection.octets, record };
            self.events.insert(arrival, Source::Adversary, due);
        }
    }

    fn record(&mut self, transmission: Transmission, outstanding: usize) -> u64 {
        self.pending.push_back(Pending { transmission, outstanding });
        let record = self.first_record + self.pending.len() as u64 - 1;
        self.flush();
        record
    }

    fn judged(&mut self, record: u64, verdict: Verdict) {
        let position = record.checked_sub(self.first_record).and_then(|position| usize::try_from(position).ok());
        if let Some(pending) = position.and_then(|position| self.pending.get_mut(position)) {
            pending.transmission.verdicts.push(verdict);
            pending.outstanding = pending.outstanding.saturating_sub(1);
        }
        self.flush();
    }

    fn flush(&mut self) {
        while self.pending.front().is_some_and(|pending| pending.outstanding == 0) {
            if let Some(pending) = self.pending.pop_front() {
                self.first_record += 1;
                self.observer.transmission(pending.transmission);
            }
        }
    }

    fn set_timer(&mut self, node: NodeIndex, now: VirtualTime, wanted: Option<VirtualTime>) {
        let slot = &mut self.timers[node.0];
        let wanted = wanted.map(|wanted| wanted.max(now));
        if slot.due == wanted {
            return;
        }
        slot.due = wanted;
        slot.generation += 1;
        if let Some(due) = wanted {
            let generation = slot.generation;
            self.events.insert(due, Source::Node(node.0), Due::Timer { node, generation });
        }
    }

    fn set_adversary_timer(&mut self, now: VirtualTime) {
        let Some(adversary) = &self.adversary else { return };
        let wanted = adversary.next_timer().map(|wanted| wanted.max(now));
        if self.adversary_timer.due == wanted {
            return;
        }
        self.adversary_timer.due = wanted;
        self.adversary_timer.generation += 1;
        if let Some(due) = wanted {
            let generation = self.adversary_timer.generation;
            self.events.insert(due, Source::Adversary, Due::Adversary { generation });
        }
    }
}

/// When a frame arrives at `to` that starts at `start` and that nothing happens to.
fn earliest(links: &dyn Links, port: Port, to: NodeIndex, start: VirtualTime) -> VirtualTime {
    let towards = usize::from(links.ends(port)[1] == to);
    links.settings(port)[towards].timing.earliest_arrival(start)
}
