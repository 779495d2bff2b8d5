//! The emulation kernel through its public door, with nodes that know no protocol.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyhop::emulation::{
    Adversary, Emulation, Engine, Fate, Impairments, Injection, Input, LinkList, LinkSettings, Node, NodeIndex,
    Observer, Outbox, Port, Sender, Timing, Transmission, Verdict,
};
use keyhop::time::VirtualTime;

const ENGINES: [Engine; 4] =
    [Engine::Inline, Engine::PerNode, Engine::Shards { threads: 1 }, Engine::Shards { threads: 3 }];

fn at(micros: u64) -> VirtualTime {
    VirtualTime::from_nanos(micros * 1000)
}

fn latency(micros: u64) -> LinkSettings {
    let latency = Duration::from_micros(micros);
    let timing = Timing::Latency { latency, jitter: Duration::ZERO };
    LinkSettings { timing, impairments: Impairments::default() }
}

/// What an [`Echo`] is told.
enum Order {
    /// Send these octets on a port.
    Send(Port, Vec<u8>),
    /// Fail.
    Panic,
}

/// Reports every input. A frame whose first octet is 1 to 9 goes back with that octet one lower; a bit error must not
/// make it a long game.
struct Echo {
    timers: Vec<VirtualTime>,
}

impl Echo {
    fn new() -> Self {
        Self { timers: Vec::new() }
    }
}

impl Node for Echo {
    type Command = Order;
    type Event = String;

    fn handle(&mut self, now: VirtualTime, input: Input<Order>, outbox: &mut Outbox<String>) {
        match input {
            Input::Frame { port, mut octets } => {
                outbox.report(format!("frame {octets:?}"));
                outbox.verdict(Verdict::accepted(format!("{octets:?}")));
                if (1..10).contains(&octets[0]) {
                    octets[0] -= 1;
                    outbox.send(port, octets, "pong");
                }
            }
            Input::Timer => {
                self.timers.retain(|due| *due > now);
                outbox.report("timer".to_owned());
            }
            Input::Command(Order::Send(port, octets)) => {
                outbox.report(format!("command {octets:?}"));
                outbox.send(port, octets, "ping");
            }
            Input::Command(Order::Panic) => panic!("as ordered"),
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.timers.iter().copied().min()
    }
}

/// Keeps everything.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    transmissions: Vec<Transmission>,
    events: Vec<(VirtualTime, usize, String)>,
    /// After how many events it has seen enough.
    limit: Option<usize>,
}

impl Observer<String> for Seen {
    fn transmission(&mut self, transmission: Transmission) {
        self.transmissions.push(transmission);
    }
    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: String) {
        self.events.push((now, node.0, event));
    }
    fn finished(&self, _: VirtualTime) -> bool {
        self.limit.is_some_and(|limit| self.events.len() >= limit)
    }
}

fn seen(emulation: Emulation<Order, String>, engine: Engine) -> Seen {
    let mut seen = Seen::default();
    emulation.run(engine, at(1_000_000), &mut seen);
    seen
}

/// Three nodes with these links.
fn network(seed: u64, links: &[(&str, usize, usize, LinkSettings)]) -> Emulation<Order, String> {
    let mut list = LinkList::default();
    for (name, first, second, settings) in links {
        list.add(name, NodeIndex(*first), *settings, NodeIndex(*second), *settings);
    }
    let mut emulation = Emulation::new(seed, list);
    for _ in 0..3 {
        emulation.add_node(Echo::new());
    }
    emulation
}

/// Three nodes, a link between each pair: ports 0 (0-1), 1 (0-2), 2 (1-2).
fn triangle(seed: u64, settings: LinkSettings) -> Emulation<Order, String> {
    network(seed, &[("a", 0, 1, settings), ("b", 0, 2, settings), ("c", 1, 2, settings)])
}

#[test]
fn at_one_instant_commands_come_first_then_what_nodes_caused_in_their_order_then_in_that_of_sending() {
    for engine in ENGINES {
        let mut emulation = network(1, &[("late", 1, 2, latency(10)), ("early", 0, 2, latency(10))]);
        let nodes = [0, 1, 2].map(NodeIndex);
        let send = |port, octet| Order::Send(Port(port), vec![0, octet]);
        // Node 1 sends before node 0 does; all frames arrive at 10.
        emulation.schedule(at(0), nodes[1], send(0, 1));
        emulation.schedule(at(0), nodes[0], send(1, 2));
        emulation.schedule(at(0), nodes[0], send(1, 3));
        // Scheduled last, served first at its instant.
        emulation.schedule(at(10), nodes[2], send(1, 4));
        let seen = seen(emulation, engine);
        let order: Vec<&str> =
            seen.events.iter().filter(|(time, ..)| *time == at(10)).map(|(.., what)| what.as_str()).collect();
        assert_eq!(order, ["command [0, 4]", "frame [0, 2]", "frame [0, 3]", "frame [0, 1]"], "{engine}");
        assert!(seen.events.is_sorted_by_key(|(time, ..)| *time));
    }
}

#[test]
fn a_timer_fires_at_its_instant_once() {
    for engine in ENGINES {
        let mut emulation = Emulation::new(1, LinkList::default());
        emulation.add_node(Echo { timers: vec![at(7), at(3), at(3)] });
        let events = seen(emulation, engine).events;
        assert_eq!(events, [(at(3), 0, "timer".to_owned()), (at(7), 0, "timer".to_owned())], "{engine}");
    }
}

/// Ping-pong on all links at once, over links that lose, duplicate and spoil.
fn spoilt(seed: u64, engine: Engine) -> Seen {
    let impairments = Impairments { loss: 0.1, duplication: 0.2, bit_error: 0.1, ..Impairments::default() };
    let timing = Timing::Latency { latency: Duration::from_micros(5), jitter: Duration::from_micros(50) };
    let mut emulation = triangle(seed, LinkSettings { timing, impairments });
    for (node, port) in [(0, 0), (1, 2), (2, 1)] {
        for octet in 0..20 {
            let order = Order::Send(Port(port), vec![6, octet, 0, 0]);
            emulation.schedule(at(u64::from(octet)), NodeIndex(node), order);
        }
    }
    seen(emulation, engine)
}

#[test]
fn every_engine_gives_the_same_frames_and_events_and_another_seed_gives_others() {
    for seed in 1..6 {
        let inline = spoilt(seed, Engine::Inline);
        assert!(inline.transmissions.iter().any(|sent| sent.lost));
        assert!(inline.transmissions.iter().any(|sent| sent.changed));
        for engine in ENGINES {
            assert_eq!(inline, spoilt(seed, engine), "{engine:?}");
        }
        assert_ne!(inline, spoilt(seed + 100, Engine::Inline));
    }
}

/// Many nodes on a ring and its diameters, with so much to do that windows are handed to workers: over wires with jitter and
/// losses, and links with slots, which all frames of a while reach at one instant.
fn crowd(nodes: usize, limit: Option<usize>, engine: Engine) -> Seen {
    let impairments = Impairments { loss: 0.05, duplication: 0.1, bit_error: 0.1, ..Impairments::default() };
    let wire = Timing::Latency { latency: Duration::from_micros(700), jitter: Duration::from_micros(300) };
    let slots = Timing::Slot { period: Duration::from_millis(5), end: Duration::from_millis(3) };
    let mut links = LinkList::default();
    for node in 0..nodes {
        let [next, opposite] = [1, nodes / 2].map(|away| NodeIndex((node + away) % nodes));
        let wire = LinkSettings { timing: wire, impairments };
        let slots = LinkSettings { timing: slots, impairments };
        links.add(&format!("wire {node}"), NodeIndex(node), wire, next, wire);
        links.add(&format!("air {node}"), NodeIndex(node), slots, opposite, wire);
    }
    let mut emulation = Emulation::new(7, links);
    for node in 0..nodes {
        let timers = (0..5).map(|timer| at(timer * 1_000 + node as u64 % 7)).collect();
        emulation.add_node(Echo { timers });
        for (octet, port) in (0..10).zip([2 * node, 2 * node + 1].into_iter().cycle()) {
            emulation.schedule(at(octet * 900), NodeIndex(node), Order::Send(Port(port), vec![9, octet as u8, 0]));
        }
    }
    let mut seen = Seen { limit, ..Seen::default() };
    emulation.run(engine, at(40_000), &mut seen);
    seen
}

#[test]
fn shards_give_what_one_thread_gives_for_every_number_of_threads() {
    let inline = crowd(300, None, Engine::Inline);
    assert!(inline.events.len() > 20_000, "{}", inline.events.len());
    for threads in [1, 2, 3, 4, 7] {
        assert!(crowd(300, None, Engine::Shards { threads }) == inline, "{threads} threads");
    }
}

#[test]
fn a_run_that_the_observer_ends_in_mid_window_ends_at_the_same_event_in_shards() {
    for limit in [1, 700, 9_999] {
        let inline = crowd(100, Some(limit), Engine::Inline);
        assert!(inline.events.len() >= limit && inline.events.len() < limit + 20);
        assert!(crowd(100, Some(limit), Engine::Shards { threads: 2 }) == inline, "{limit} events");
    }
}

#[test]
fn frames_are_recorded_in_the_order_in_which_they_were_sent_although_they_arrive_in_another() {
    let mut emulation = network(1, &[("slow", 0, 1, latency(100)), ("quick", 0, 2, latency(1))]);
    let nodes = [0, 1, 2].map(NodeIndex);
    emulation.schedule(at(0), nodes[0], Order::Send(Port(0), vec![0, 1]));
    emulation.schedule(at(5), nodes[0], Order::Send(Port(1), vec![0, 2]));
    let recorded = seen(emulation, Engine::Inline).transmissions;
    assert_eq!(recorded.iter().map(|sent| sent.octets[1]).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(recorded.iter().map(|sent| sent.time).collect::<Vec<_>>(), [at(0), at(5)]);
}

fn one_frame(impairments: Impairments) -> Seen {
    let mut emulation = triangle(3, LinkSettings { impairments, ..latency(10) });
    emulation.schedule(at(0), NodeIndex(0), Order::Send(Port(0), vec![0, 0xff]));
    seen(emulation, Engine::Inline)
}

#[test]
fn a_lost_frame_is_recorded_once_and_reaches_nobody() {
    let seen = one_frame(Impairments { loss: 1.0, ..Impairments::default() });
    assert_eq!(seen.events.len(), 1, "only the command");
    let [sent] = &seen.transmissions[..] else { panic!("{:?}", seen.transmissions) };
    assert!(sent.lost && sent.verdicts.is_empty());
    assert_eq!((sent.from, sent.to), (Sender::Node(NodeIndex(0)), NodeIndex(1)));
    assert_eq!(sent.octets, [0, 0xff]);
}

#[test]
fn a_duplicated_frame_is_recorded_once_with_two_verdicts_and_arrives_twice() {
    let seen = one_frame(Impairments { duplication: 1.0, ..Impairments::default() });
    let [sent] = &seen.transmissions[..] else { panic!("{:?}", seen.transmissions) };
    assert!(!sent.lost && sent.verdicts.len() == 2);
    let arrivals: Vec<_> = seen.events.iter().filter(|(_, node, _)| *node == 1).map(|(time, ..)| *time).collect();
    assert_eq!(arrivals, [at(10), at(20)]);
}

#[test]
fn a_bit_error_reaches_the_receiver_and_the_record_keeps_what_was_sent() {
    let seen = one_frame(Impairments { bit_error: 1.0, ..Impairments::default() });
    let sent = &seen.transmissions[0];
    assert!(sent.changed);
    assert_eq!(sent.octets, [0, 0xff]);
    assert_ne!(sent.verdicts[0].text, "[0, 255]");
}

/// Passes, drops or replaces what node 0 sends by its second octet, and injects at instants of its own.
struct Attacker {
    injections: Vec<(VirtualTime, Injection)>,
}

impl Adversary<String> for Attacker {
    fn tap(&mut self, _: VirtualTime, _: Port, _: NodeIndex, octets: &[u8]) -> Fate {
        match octets[1] {
            1 => Fate::lost(),
            2 => Fate::replaced(vec![0, 99]),
            _ => Fate::pass(),
        }
    }
    fn next_timer(&self) -> Option<VirtualTime> {
        self.injections.iter().map(|(time, _)| *time).min()
    }
    fn act(&mut self, now: VirtualTime) -> Vec<Injection> {
        let (due, later) = std::mem::take(&mut self.injections).into_iter().partition(|(time, _)| *time <= now);
        self.injections = later;
        due.into_iter().map(|(_, injection): (VirtualTime, Injection)| injection).collect()
    }
}

fn injection(octet: u8) -> Injection {
    let octets = vec![0, octet];
    Injection { port: Port(0), to: NodeIndex(1), octets, note: "injected".to_owned(), attack: 4 }
}

#[test]
fn what_the_adversary_injects_comes_after_the_frames_of_the_same_instant_and_passes_no_loss() {
    for engine in ENGINES {
        let mut emulation = triangle(1, latency(10));
        let injections = vec![(at(0), injection(7)), (at(0), injection(8)), (at(30), injection(1))];
        emulation.set_adversary(Attacker { injections });
        emulation.schedule(at(0), NodeIndex(0), Order::Send(Port(0), vec![0, 5]));
        let all = seen(emulation, engine);
        let order: Vec<&str> =
            all.events.iter().filter(|(_, node, _)| *node == 1).map(|(.., what)| what.as_str()).collect();
        // The last one would be dropped at a tap: the adversary's own frames pass none.
        assert_eq!(order, ["frame [0, 5]", "frame [0, 7]", "frame [0, 8]", "frame [0, 1]"], "{engine}");
        let by_adversary = all.transmissions.iter().filter(|sent| sent.from == Sender::Adversary(4));
        assert_eq!(by_adversary.count(), 3);
    }
    let mut emulation =
        triangle(1, LinkSettings { impairments: Impairments { loss: 1.0, ..Impairments::default() }, ..latency(10) });
    emulation.set_adversary(Attacker { injections: vec![(at(0), injection(7))] });
    assert_eq!(seen(emulation, Engine::Inline).events.len(), 1);
}

#[test]
fn a_tap_takes_or_replaces_a_frame_and_the_record_keeps_what_was_sent() {
    for engine in ENGINES {
        let mut emulation = triangle(1, latency(10));
        emulation.set_adversary(Attacker { injections: Vec::new() });
        for octet in [1, 2, 3] {
            emulation.schedule(at(0), NodeIndex(0), Order::Send(Port(0), vec![0, octet]));
        }
        let seen = seen(emulation, engine);
        let arrived: Vec<&str> =
            seen.events.iter().filter(|(_, node, _)| *node == 1).map(|(.., what)| what.as_str()).collect();
        assert_eq!(arrived, ["frame [0, 99]", "frame [0, 3]"]);
        let record: Vec<_> = seen.transmissions.iter().map(|sent| (sent.octets[1], sent.lost, sent.changed)).collect();
        assert_eq!(record, [(1, true, false), (2, false, true), (3, false, false)]);
    }
}

#[test]
fn a_run_ends_at_its_horizon_and_frames_under_way_are_recorded_without_verdict() {
    let mut emulation = triangle(1, latency(600_000));
    emulation.schedule(at(0), NodeIndex(0), Order::Send(Port(0), vec![9, 0]));
    let seen = seen(emulation, Engine::PerNode);
    // The ping arrives at 0.6 s, its answer would at 1.2 s, behind the horizon of 1 s.
    assert_eq!(seen.transmissions.len(), 2);
    let last = &seen.transmissions[1];
    assert!(!last.lost && last.verdicts.is_empty());
}

#[test]
fn a_panic_in_a_node_reaches_the_caller_and_nothing_hangs() {
    for engine in ENGINES {
        let (done, finished) = mpsc::channel();
        thread::spawn(move || {
            let run = thread::spawn(move || {
                let mut emulation = triangle(1, latency(10));
                emulation.schedule(at(0), NodeIndex(0), Order::Send(Port(0), vec![9, 0]));
                emulation.schedule(at(5), NodeIndex(1), Order::Panic);
                seen(emulation, engine)
            });
            let _ = done.send(run.join().is_err());
        });
        let panicked = finished.recv_timeout(Duration::from_secs(20));
        assert_eq!(panicked, Ok(true), "{engine}: hangs, or hides the panic");
    }
}
