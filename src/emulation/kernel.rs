//! The emulation itself: nodes, links, the event set, and the loop that drives them.

use std::time::Duration;

use super::adversary::Adversary;
use super::engine::{BoxedNode, Dispatch, Engine, Inline, Reaction, with_threads};
use super::event_set::{Entry, EventSet, Key, Source};
use super::fate::{Fate, Faults};
use super::link::{LinkGenerators, Links};
use super::node::{Input, Node, NodeIndex, Port, Sent, Verdict};
use super::records::Records;
use super::shards;
use super::transmission::{Departure, Sender, Transmission, depart, other_end};
use crate::time::VirtualTime;

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

/// When the one timer of somebody is due. Events of earlier settings have another generation.
#[derive(Clone, Copy, Default)]
pub(super) struct TimerSlot {
    due: Option<VirtualTime>,
    generation: u64,
}

impl TimerSlot {
    /// Takes what is wanted now; an event for it, if that has changed: its instant and generation.
    pub(super) fn set(&mut self, now: VirtualTime, wanted: Option<VirtualTime>) -> Option<(VirtualTime, u64)> {
        let wanted = wanted.map(|wanted| wanted.max(now));
        if self.due == wanted {
            return None;
        }
        self.due = wanted;
        self.generation += 1;
        wanted.map(|due| (due, self.generation))
    }

    /// Whether the event of this generation is the timer's, which then has fired.
    pub(super) fn fires(&mut self, generation: u64) -> bool {
        let fires = self.generation == generation;
        if fires {
            self.due = None;
        }
        fires
    }
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

/// Nodes and links, ready to run.
pub struct Emulation<C, E> {
    seed: u64,
    nodes: Vec<BoxedNode<C, E>>,
    links: Box<dyn Links>,
    faults: Option<Box<dyn Faults>>,
    adversary: Option<Box<dyn Adversary<E>>>,
    commands: Vec<ScheduledCommand<C>>,
}

/// A command from outside: when, for which node, and what.
pub(super) type ScheduledCommand<C> = (VirtualTime, NodeIndex, C);

impl<C: Send, E: Send> Emulation<C, E> {
    /// A network of these links and of no nodes yet; `seed` seeds the generator of every directed link.
    #[must_use]
    pub fn new(seed: u64, links: impl Links + 'static) -> Self {
        let links = Box::new(links);
        Self { seed, nodes: Vec::new(), links, faults: None, adversary: None, commands: Vec::new() }
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
        self.commands.push((time, node, command));
    }

    /// Runs until the observer has finished, nothing is due any more, or `horizon` has passed.
    pub fn run(self, engine: Engine, horizon: VirtualTime, observer: &mut dyn Observer<E>) {
        let Self { seed, mut nodes, links, faults, adversary, commands } = self;
        if let Engine::Shards { threads } = engine
            && threads > 1
            && faults.is_none()
            && adversary.is_none()
            && shards::worth_while(&*links)
        {
            let network = shards::Network { seed, nodes, links: &*links, commands };
            return shards::run(network, threads, horizon, observer);
        }
        let timers = nodes.iter().map(|node| node.next_timer()).collect();
        let mut run = Run {
            links,
            generators: LinkGenerators::new(seed),
            faults,
            adversary,
            events: EventSet::new(),
            sequence: 0,
            timers: vec![TimerSlot::default(); nodes.len()],
            adversary_timer: TimerSlot::default(),
            records: Records::default(),
            held: Vec::new(),
            observer,
        };
        for (time, to, command) in commands {
            run.insert(time, Source::Script, Due::Command { to, command });
        }
        match engine {
            Engine::PerNode => with_threads(&mut nodes, |threads| run.drive(threads, timers, horizon)),
            Engine::Inline | Engine::Shards { .. } => run.drive(Inline(&mut nodes), timers, horizon),
        }
    }
}

struct Run<'a, C, E> {
    links: Box<dyn Links>,
    generators: LinkGenerators,
    faults: Option<Box<dyn Faults>>,
    adversary: Option<Box<dyn Adversary<E>>>,
    events: EventSet<Due<C>>,
    sequence: u64,
    timers: Vec<TimerSlot>,
    adversary_timer: TimerSlot,
    records: Records,
    held: Vec<Held>,
    observer: &'a mut dyn Observer<E>,
}

impl<C, E> Run<'_, C, E> {
    fn drive(mut self, mut dispatch: impl Dispatch<C, E>, timers: Vec<Option<VirtualTime>>, horizon: VirtualTime) {
        for (index, due) in timers.into_iter().enumerate() {
            self.set_timer(NodeIndex(index), VirtualTime::ZERO, due);
        }
        self.set_adversary_timer(VirtualTime::ZERO);
        while let Some(Entry { key: Key { time: now, .. }, item: due }) = self.events.pop() {
            if now > horizon || self.observer.finished(now) {
                break;
            }
            match due {
                Due::Deliver { to, port, octets, record } => {
                    let mut reaction = dispatch.dispatch(to, now, Input::Frame { port, octets });
                    let verdict = reaction.outbox.verdict.take().unwrap_or_else(|| Verdict::accepted("received"));
                    self.records.judged(record, verdict, self.observer);
                    self.follow(to, now, reaction);
                }
                Due::Command { to, command } => {
                    let reaction = dispatch.dispatch(to, now, Input::Command(command));
                    self.follow(to, now, reaction);
                }
                Due::Timer { node, generation } => {
                    if self.timers[node.0].fires(generation) {
                        let reaction = dispatch.dispatch(node, now, Input::Timer);
                        self.follow(node, now, reaction);
                    }
                }
                Due::Adversary { generation } => {
                    if self.adversary_timer.fires(generation) {
                        self.adversary_acts(now);
                    }
                }
            }
            self.set_adversary_timer(now);
        }
        std::mem::take(&mut self.records).end(self.observer);
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
        let port = sent.port;
        let to = other_end(&*self.links, port, from);
        let octets = &sent.octets;
        let fault = self.faults.as_mut().map_or_else(Fate::pass, |faults| faults.strike(now, port, to, octets));
        let tapped = self.adversary.as_mut().map_or_else(Fate::pass, |adversary| adversary.tap(now, port, to, octets));
        let fate = fault.and(tapped);
        let (waits, delay) = (fate.held, fate.delay);
        let Departure { transmission, arriving, arrivals } =
            depart(&*self.links, &mut self.generators, (from, to), now, sent, fate);
        let record = self.records.start(transmission, arrivals.len(), self.observer);
        if let Some(frames) = waits {
            let copies = arrivals.len();
            self.held.push(Held { port, to, frames, octets: arriving, record, copies, from, delay });
        } else {
            for arrival in arrivals {
                let due = Due::Deliver { to, port, octets: arriving.clone(), record };
                self.insert(arrival, Source::Node(from.0), due);
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
        let ready: Vec<Held> = self.held.extract_if(.., |held| held.frames == 0).collect();
        for held in ready {
            let arrival = earliest(&*self.links, held.port, held.to, now + held.delay);
            for _ in 0..held.copies {
                let due =
                    Due::Deliver { to: held.to, port: held.port, octets: held.octets.clone(), record: held.record };
                self.insert(arrival, Source::Node(held.from.0), due);
            }
        }
    }

    fn adversary_acts(&mut self, now: VirtualTime) {
        let Some(adversary) = &mut self.adversary else { return };
        for injection in adversary.act(now) {
            let arrival = earliest(&*self.links, injection.port, injection.to, now);
            let record = self.records.start(
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
                self.observer,
            );
            let due = Due::Deliver { to: injection.to, port: injection.port, octets: injection.octets, record };
            self.insert(arrival, Source::Adversary, due);
        }
    }

    fn insert(&mut self, time: VirtualTime, source: Source, due: Due<C>) {
        self.events.insert(Key { time, source, sequence: self.sequence }, due);
        self.sequence += 1;
    }

    fn set_timer(&mut self, node: NodeIndex, now: VirtualTime, wanted: Option<VirtualTime>) {
        if let Some((due, generation)) = self.timers[node.0].set(now, wanted) {
            self.insert(due, Source::Node(node.0), Due::Timer { node, generation });
        }
    }

    fn set_adversary_timer(&mut self, now: VirtualTime) {
        let Some(adversary) = &self.adversary else { return };
        let wanted = adversary.next_timer();
        if let Some((due, generation)) = self.adversary_timer.set(now, wanted) {
            self.insert(due, Source::Adversary, Due::Adversary { generation });
        }
    }
}

/// When a frame arrives at `to` that starts at `start` and that nothing happens to.
fn earliest(links: &dyn Links, port: Port, to: NodeIndex, start: VirtualTime) -> VirtualTime {
    let towards = usize::from(links.ends(port)[1] == to);
    links.settings(port)[towards].timing.earliest_arrival(start)
}
