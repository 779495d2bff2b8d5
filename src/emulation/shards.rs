//! [`Engine::Shards`](super::Engine::Shards): the nodes in groups, side by side.
//!
//! A shard is a group of nodes with their events, timers and the generators of the links on which they send. All shards run
//! for one window of virtual time, which ends before anything that starts in it can arrive anywhere; then they exchange what
//! they have sent each other. So no shard needs to know what another one does in the same window. A shard is a value: it moves
//! through a channel to a worker for a window and back.
//!
//! What the nodes of a shard report goes into a log. The logs of a window are merged by the keys of the events that led to
//! their entries, which is the order in which one thread would have made them, and are told to the observer while the next
//! window runs. What a shard did after the instant at which the observer has finished is forgotten with its log.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::engine::{BoxedNode, react};
use super::event_set::{Entry, EventSet, Key, Source};
use super::fate::Fate;
use super::kernel::{Observer, ScheduledCommand, TimerSlot};
use super::link::{LinkGenerators, Links, Timing};
use super::node::{Input, NodeIndex, Port, Sent, Verdict};
use super::records::Records;
use super::transmission::{Departure, Transmission, depart, other_end};
use crate::time::VirtualTime;

/// Links that are quicker than this make windows too short to be worth an exchange.
const MIN_WINDOW: Duration = Duration::from_micros(100);
/// Events in a window above which it is handed to the workers.
const PARALLEL: usize = 512;
/// Shards for each thread, so that a thread that is done early finds another one.
const SHARDS_PER_THREAD: usize = 2;

/// Whether windows are long enough for shards.
pub(super) fn worth_while(links: &dyn Links) -> bool {
    links.timings().into_iter().all(|timing| match timing {
        Timing::Latency { latency, .. } => latency >= MIN_WINDOW,
        Timing::Slot { .. } => true,
    })
}

/// Nodes and links, ready to run, without faults and adversary.
pub(super) struct Network<'a, C, E> {
    pub(super) seed: u64,
    pub(super) nodes: Vec<BoxedNode<C, E>>,
    pub(super) links: &'a dyn Links,
    pub(super) commands: Vec<ScheduledCommand<C>>,
}

/// A frame of a shard: the shard, and how many it had started before.
#[derive(Clone, Copy)]
struct Record {
    shard: usize,
    number: u64,
}

enum Due<C> {
    Deliver { port: Port, octets: Vec<u8>, record: Record },
    Command(C),
    Timer { generation: u64 },
}

/// What becomes due, for a node of a shard by its position there.
struct Task<C> {
    position: usize,
    due: Due<C>,
}

enum Report<E> {
    Verdict { record: Record, verdict: Verdict },
    Event { node: NodeIndex, event: E },
    Started { shard: usize, transmission: Box<Transmission>, arrivals: usize },
}

/// What was reported while the event with the key was handled.
type Log<E> = Vec<(Key, Report<E>)>;

struct Seat<C, E> {
    index: NodeIndex,
    node: BoxedNode<C, E>,
    timer: TimerSlot,
    /// How many events this node has caused.
    caused: u64,
}

struct Shard<C, E> {
    number: usize,
    seats: Vec<Seat<C, E>>,
    events: EventSet<Task<C>>,
    generators: LinkGenerators,
    /// How many frames its nodes have started.
    started: u64,
    log: Log<E>,
    /// By shard: what this one has caused there.
    outgoing: Vec<Vec<Entry<Task<C>>>>,
    /// How many events it handled in the last window.
    handled: usize,
}

/// The shard of a node and its position there, among `shards` of them.
const fn place(node: NodeIndex, shards: usize) -> (usize, usize) {
    (node.0 % shards, node.0 / shards)
}

impl<C: Send, E: Send> Shard<C, E> {
    fn new(number: usize, shards: usize, seed: u64) -> Self {
        Self {
            number,
            seats: Vec::new(),
            events: EventSet::new(),
            generators: LinkGenerators::new(seed),
            started: 0,
            log: Vec::new(),
            outgoing: std::iter::repeat_with(Vec::new).take(shards).collect(),
            handled: 0,
        }
    }

    /// Handles everything that is due before `end`.
    fn run(&mut self, links: &dyn Links, end: VirtualTime) {
        self.handled = 0;
        while let Some(Entry { key, item: Task { position, due } }) = self.events.pop_before(end) {
            let input = match due {
                Due::Timer { generation } if !self.seats[position].timer.fires(generation) => continue,
                Due::Timer { .. } => Input::Timer,
                Due::Command(command) => Input::Command(command),
                Due::Deliver { port, octets, record } => {
                    self.handle(links, key, position, Input::Frame { port, octets }, Some(record));
                    continue;
                }
            };
            self.handle(links, key, position, input, None);
        }
    }

    fn handle(&mut self, links: &dyn Links, key: Key, position: usize, input: Input<C>, judged: Option<Record>) {
        self.handled += 1;
        let seat = &mut self.seats[position];
        let node = seat.index;
        let mut reaction = react(&mut seat.node, key.time, input);
        if let Some(record) = judged {
            let verdict = reaction.outbox.verdict.take().unwrap_or_else(|| Verdict::accepted("received"));
            self.log.push((key, Report::Verdict { record, verdict }));
        }
        self.log.extend(reaction.outbox.events.into_iter().map(|event| (key, Report::Event { node, event })));
        for sent in reaction.outbox.sent {
            self.transmit(links, key, position, sent);
        }
        self.set_timer(position, key.time, reaction.next_timer);
    }

    fn set_timer(&mut self, position: usize, now: VirtualTime, wanted: Option<VirtualTime>) {
        if let Some((due, generation)) = self.seats[position].timer.set(now, wanted) {
            let key = self.caused(position, due);
            self.events.insert(key, Task { position, due: Due::Timer { generation } });
        }
    }

    /// The key of an event that a node causes.
    fn caused(&mut self, position: usize, time: VirtualTime) -> Key {
        let seat = &mut self.seats[position];
        seat.caused += 1;
        Key { time, source: Source::Node(seat.index.0), sequence: seat.caused }
    }

    fn transmit(&mut self, links: &dyn Links, key: Key, position: usize, sent: Sent) {
        let (port, from) = (sent.port, self.seats[position].index);
        let to = other_end(links, port, from);
        let Departure { transmission, mut arriving, arrivals } =
            depart(links, &mut self.generators, (from, to), key.time, sent, Fate::pass());
        let transmission = Box::new(transmission);
        let report = Report::Started { shard: self.number, transmission, arrivals: arrivals.len() };
        self.log.push((key, report));
        let record = Record { shard: self.number, number: self.started };
        self.started += 1;
        let (shard, there) = place(to, self.outgoing.len());
        let mut left = arrivals.len();
        for arrival in arrivals {
            left -= 1;
            let octets = if left == 0 { std::mem::take(&mut arriving) } else { arriving.clone() };
            let task = Task { position: there, due: Due::Deliver { port, octets, record } };
            let key = self.caused(position, arrival);
            if shard == self.number {
                self.events.insert(key, task);
            } else {
                self.outgoing[shard].push(Entry { key, item: task });
            }
        }
    }
}

/// The shards of a network, with what is due at first.
fn shards<C: Send, E: Send>(network: Network<'_, C, E>, count: usize) -> Vec<Shard<C, E>> {
    let mut shards: Vec<_> = (0..count).map(|number| Shard::new(number, count, network.seed)).collect();
    for (index, node) in network.nodes.into_iter().enumerate() {
        let (shard, position) = place(NodeIndex(index), count);
        let timer = node.next_timer();
        let seat = Seat { index: NodeIndex(index), node, timer: TimerSlot::default(), caused: 0 };
        shards[shard].seats.push(seat);
        shards[shard].set_timer(position, VirtualTime::ZERO, timer);
    }
    for ((time, node, command), sequence) in network.commands.into_iter().zip(0..) {
        let (shard, position) = place(node, count);
        let key = Key { time, source: Source::Script, sequence };
        shards[shard].events.insert(key, Task { position, due: Due::Command(command) });
    }
    shards
}

/// Hands what the shards have caused for each other to whom it is for.
fn exchange<C, E>(shards: &mut [Shard<C, E>]) {
    for from in 0..shards.len() {
        for to in 0..shards.len() {
            let mut entries = std::mem::take(&mut shards[from].outgoing[to]);
            for Entry { key, item } in entries.drain(..) {
                shards[to].events.insert(key, item);
            }
            shards[from].outgoing[to] = entries;
        }
    }
}

/// Tells the observer what stands in the logs.
struct Telling<'o, E> {
    observer: &'o mut dyn Observer<E>,
    records: Records,
    /// By shard: the number in all of each of its frames that may be under way, and the number there of the first of them.
    numbers: Vec<(u64, VecDeque<u64>)>,
    last: Option<Key>,
}

impl<E> Telling<'_, E> {
    /// Tells the logs of a window, in no order of their own; `false`: the observer has finished.
    fn tell(&mut self, log: &mut Log<E>) -> bool {
        // Stable: what one event led to stays together and in its order.
        log.sort_by_key(|(key, _)| *key);
        for (key, report) in log.drain(..) {
            if self.last.replace(key) != Some(key) && self.observer.finished(key.time) {
                return false;
            }
            match report {
                Report::Event { node, event } => self.observer.event(key.time, node, event),
                Report::Started { shard, transmission, arrivals } => {
                    let record = self.records.start(*transmission, arrivals, self.observer);
                    self.numbers[shard].1.push_back(record);
                }
                Report::Verdict { record: Record { shard, number }, verdict } => {
                    let (first, numbers) = &mut self.numbers[shard];
                    let at = usize::try_from(number - *first).ok();
                    if let Some(record) = at.and_then(|at| numbers.get(at)) {
                        self.records.judged(*record, verdict, self.observer);
                    }
                    while numbers.front().is_some_and(|record| *record < self.records.first()) {
                        numbers.pop_front();
                        *first += 1;
                    }
                }
            }
        }
        true
    }
}

/// A shard on its way, and until when it is to run or has run.
type Job<C, E> = (Shard<C, E>, VirtualTime);

/// Runs until the observer has finished, nothing is due any more, or `horizon` has passed.
pub(super) fn run<C: Send, E: Send>(
    network: Network<'_, C, E>,
    threads: usize,
    horizon: VirtualTime,
    observer: &mut dyn Observer<E>,
) {
    let links = network.links;
    let timings = links.timings();
    let mut shards = shards(network, threads * SHARDS_PER_THREAD);
    let count = shards.len();
    let numbers = std::iter::repeat_with(Default::default).take(count).collect();
    let mut telling = Telling { observer, records: Records::default(), numbers, last: None };
    thread::scope(|scope| {
        let (jobs, waiting) = unbounded::<Job<C, E>>();
        let (done, finished) = unbounded();
        for _ in 1..threads {
            let (waiting, done) = (waiting.clone(), done.clone());
            scope.spawn(move || work(&waiting, &done, links));
        }
        let mut log = Log::new();
        let mut next = Log::new();
        while let Some(start) = shards.iter_mut().filter_map(|shard| shard.events.next_time()).min()
            && start <= horizon
        {
            let ends = timings.iter().map(|timing| timing.earliest_arrival(start));
            let end = ends.min().unwrap_or(VirtualTime::MAX).min(horizon + Duration::from_nanos(1));
            let handled: usize = shards.iter().map(|shard| shard.handled).sum();
            if handled < PARALLEL {
                shards.iter_mut().for_each(|shard| shard.run(links, end));
                if !telling.tell(&mut log) {
                    return;
                }
            } else {
                for shard in shards.drain(..) {
                    let _ = jobs.send((shard, end));
                }
                if !telling.tell(&mut log) {
                    return;
                }
                while let Ok((mut shard, end)) = waiting.try_recv() {
                    shard.run(links, end);
                    shards.push(shard);
                }
                while shards.len() < count {
                    match finished.recv() {
                        Ok(Ok(shard)) => shards.push(shard),
                        Ok(Err(panic)) => resume_unwind(panic),
                        Err(_) => unreachable!("this thread holds a sender"),
                    }
                }
                shards.sort_unstable_by_key(|shard| shard.number);
            }
            exchange(&mut shards);
            shards.iter_mut().for_each(|shard| next.append(&mut shard.log));
            std::mem::swap(&mut log, &mut next);
        }
        telling.tell(&mut log);
    });
    telling.records.end(telling.observer);
}

/// What comes back of a shard: itself, or the panic of one of its nodes.
type Done<C, E> = thread::Result<Shard<C, E>>;

fn work<C: Send, E: Send>(waiting: &Receiver<Job<C, E>>, done: &Sender<Done<C, E>>, links: &dyn Links) {
    for (mut shard, end) in waiting {
        let ran = catch_unwind(AssertUnwindSafe(move || {
            shard.run(links, end);
            shard
        }));
        if done.send(ran).is_err() {
            return;
        }
    }
}
