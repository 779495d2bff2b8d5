//! An adversary outside of the program: frames and events go to it as lines of JSON, actions come back, one line for one
//! line. It sees virtual time only, so that the same answers give the same octets.
//!
//! What it is told has a sequence number, which its answer repeats:
//!
//! ```text
//! {"hello":1,"scenario":"x","seed":1,"nodes":["gw","bs1"],"links":["air:ms1-bs1"]}   {"subscribe":["air:ms1-bs1"],"events":true}
//! {"seq":1,"time_ns":5000000,"frame":{"link":"air:ms1-bs1","to":"bs1","octets":"40.."}}   {"seq":1,"actions":[{"drop":true}]}
//! {"seq":2,"time_ns":6000000,"event":{"kind":"left","ms":"ms1","bs":"bs1"}}          {"seq":2}
//! {"seq":3,"time_ns":7000000,"timer":true}      {"seq":3,"actions":[{"inject":{"link":"air:ms1-bs1","to":"bs1","octets":".."}}]}
//! {"seq":4,"end":true}                          (no answer)
//! ```
//!
//! The first answer that is wrong ends the conversation; the run then has no result ([`Failure`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Adversary, EventKind, REACTION};
use crate::dot16::identifiers::{Bsid, MsMac};
use crate::dot16::node::Event;
use crate::emulation::{self, Fate, Injection, NodeIndex, Port};
use crate::time::VirtualTime;

/// Longest line in either direction, in octets.
pub const LONGEST_LINE: usize = 1 << 20;
/// Most actions in an answer.
const MOST_ACTIONS: usize = 64;
/// Longest frame, in octets.
const LONGEST_FRAME: usize = 65_535;
/// Most frames that wait to be sent.
const MOST_WAITING: usize = 65_536;

/// Whoever answers line by line. A line has no line end.
pub trait Conversation: Send {
    /// Says `line` and waits for the answer.
    ///
    /// # Errors
    /// Why there is none.
    fn exchange(&mut self, line: &str) -> Result<String, String>;

    /// Says `line`, the last one, and waits for nothing.
    fn end(&mut self, line: &str);
}

/// Why the conversation broke off, for who judges the run at its end.
#[derive(Clone, Debug, Default)]
pub struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    /// The reason; `None`: it did not break off.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, reason: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }
}

/// A link as the adversary outside knows it.
#[derive(Clone, Debug)]
pub struct ExternalLink {
    /// Its name, such as `air:ms1-bs2`.
    pub name: String,
    /// Its two ends.
    pub ends: [NodeIndex; 2],
    /// Whether it may be heard and sent on: the backbone only by an insider (R19).
    pub open: bool,
}

/// What the adversary outside is told of the network.
#[derive(Clone, Debug)]
pub struct ExternalView {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Names of the nodes, by index.
    pub nodes: Vec<String>,
    /// The links, by port.
    pub links: Vec<ExternalLink>,
    /// The mobiles and their names.
    pub mobiles: Vec<(MsMac, String)>,
    /// The base stations and their names.
    pub base_stations: Vec<(Bsid, String)>,
    /// The number that its frames have in the capture.
    pub attack: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    #[serde(default)]
    subscribe: Vec<String>,
    #[serde(default)]
    events: bool,
    /// The first instant at which it wants to act, in nanoseconds.
    timer_ns: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    seq: u64,
    #[serde(default)]
    actions: Vec<ActionLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ActionLine {
    Drop(bool),
    DelayNs(u64),
    Octets(String),
    Inject { link: String, to: String, octets: String },
    TimerNs(u64),
}

/// The adversary outside, beside the one of the script.
pub struct External {
    scripted: Option<Adversary>,
    conversation: Box<dyn Conversation>,
    view: ExternalView,
    subscribed: BTreeSet<Port>,
    events: bool,
    sequence: u64,
    timer: Option<VirtualTime>,
    due: BTreeMap<VirtualTime, Vec<Injection>>,
    waiting: usize,
    failure: Failure,
}

impl External {
    /// Greets the adversary outside; `scripted` is that of the script, which acts first.
    ///
    /// # Errors
    /// An answer that is none to a greeting.
    pub fn new(
        mut conversation: Box<dyn Conversation>,
        view: ExternalView,
        scripted: Option<Adversary>,
    ) -> Result<Self, String> {
        let links: Vec<&str> = view.links.iter().filter(|link| link.open).map(|link| link.name.as_str()).collect();
        let hello =
            json!({"hello": 1, "scenario": view.scenario, "seed": view.seed, "nodes": view.nodes, "links": links});
        let line = conversation.exchange(&hello.to_string())?;
        let greeting: Greeting = read(&line, "{\"subscribe\": [LINK, ...], \"events\": true}")?;
        let mut subscribed = BTreeSet::new();
        for name in &greeting.subscribe {
            subscribed.insert(port(&view, name)?);
        }
        Ok(Self {
            scripted,
            conversation,
            view,
            subscribed,
            events: greeting.events,
            sequence: 0,
            timer: greeting.timer_ns.map(VirtualTime::from_nanos),
            due: BTreeMap::new(),
            waiting: 0,
            failure: Failure::default(),
        })
    }

    /// Why the conversation broke off, if it did; to be asked when the run is over.
    #[must_use]
    pub fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// Tells it something and carries out the answer; `fate` is that of the frame that it was told of.
    fn tell(&mut self, now: VirtualTime, mut line: Value, fate: Option<&mut Fate>) {
        if self.failure.reason().is_some() {
            return;
        }
        self.sequence = self.sequence.saturating_add(1);
        if let Some(object) = line.as_object_mut() {
            object.insert("seq".to_owned(), json!(self.sequence));
            object.insert("time_ns".to_owned(), json!(now.as_nanos()));
        }
        let told = line.to_string();
        let done = self.conversation.exchange(&told).and_then(|answer| self.answered(now, &answer, fate));
        if let Err(reason) = done {
            self.failure.set(format!("to line {}: {reason}", self.sequence));
        }
    }

    fn answered(&mut self, now: VirtualTime, line: &str, mut fate: Option<&mut Fate>) -> Result<(), String> {
        let sequence = self.sequence;
        let answer: Answer = read(line, "{\"seq\": NUMBER, \"actions\": [...]}")?;
        if answer.seq != sequence {
            return Err(format!("expected an answer with \"seq\": {sequence}, found {}", answer.seq));
        }
        if answer.actions.len() > MOST_ACTIONS {
            return Err(format!("expected at most {MOST_ACTIONS} actions, found {}", answer.actions.len()));
        }
        for action in answer.actions {
            match action {
                ActionLine::TimerNs(at) if VirtualTime::from_nanos(at) <= now => {
                    return Err(format!("expected a timer_ns after {}, found {at}", now.as_nanos()));
                }
                ActionLine::TimerNs(at) => self.timer = Some(VirtualTime::from_nanos(at)),
                ActionLine::Inject { link, to, octets } => self.inject(now, &link, &to, &octets)?,
                ActionLine::Drop(false) => {}
                of_frame => {
                    let Some(fate) = fate.as_deref_mut() else {
                        return Err("expected inject or timer_ns, found what only a frame can be done to".to_owned());
                    };
                    let done = match of_frame {
                        ActionLine::DelayNs(delay) => Fate {
                            delay: Duration::from_nanos(delay),
                            remarks: vec!["delayed from outside".to_owned()],
                            ..Fate::pass()
                        },
                        ActionLine::Octets(text) => {
                            Fate { remarks: vec!["replaced from outside".to_owned()], ..Fate::replaced(octets(&text)?) }
                        }
                        _ => Fate { remarks: vec!["taken off the link from outside".to_owned()], ..Fate::lost() },
                    };
                    *fate = std::mem::take(fate).and(done);
                }
            }
        }
        Ok(())
    }

    fn inject(&mut self, now: VirtualTime, link: &str, to: &str, text: &str) -> Result<(), String> {
        let port = port(&self.view, link)?;
        let ends = self.view.links.get(port.0).map(|link| link.ends);
        let named = |end: &NodeIndex| self.view.nodes.get(end.0).is_some_and(|name| name == to);
        let Some(to) = ends.into_iter().flatten().find(named) else {
            return Err(format!("expected the name of an end of {link} after \"to\", found {to:?}"));
        };
        if self.waiting >= MOST_WAITING {
            return Err(format!("expected at most {MOST_WAITING} frames that wait, found more"));
        }
        self.waiting = self.waiting.saturating_add(1);
        let octets = octets(text)?;
        let note = "deliberate: sent from outside".to_owned();
        let injection = Injection { port, to, octets, note, attack: self.view.attack };
        self.due.entry(now + REACTION).or_default().push(injection);
        Ok(())
    }
}

/// The port of the link `name`, if it may be used.
fn port(view: &ExternalView, name: &str) -> Result<Port, String> {
    let position = view.links.iter().position(|link| link.name == name);
    match position.and_then(|position| Some((position, view.links.get(position)?))) {
        Some((position, link)) if link.open => Ok(Port(position)),
        Some(_) => Err(format!("expected a link on the air, or insider = true in [adversary], found {name:?}")),
        None => Err(format!("expected the name of a link, found {name:?}")),
    }
}

fn read<'a, T: Deserialize<'a>>(line: &'a str, expected: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| {
        let found: String = line.chars().take(80).collect();
        format!("expected {expected}, found {found:?} ({error})")
    })
}

/// The octets of a frame in hex.
fn octets(text: &str) -> Result<Vec<u8>, String> {
    let expected = || format!("expected 1 to {LONGEST_FRAME} octets in hex, found {} characters", text.len());
    let digits: Option<Vec<u8>> = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits.ok_or_else(expected)?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() || pairs.len() > LONGEST_FRAME {
        return Err(expected());
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

impl emulation::Adversary<Event> for External {
    fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        let mut fate = self.scripted.as_mut().map_or_else(Fate::pass, |scripted| scripted.tap(now, port, to, octets));
        if self.subscribed.contains(&port) {
            let link = self.view.links.get(port.0).map(|link| link.name.clone());
            let to = self.view.nodes.get(to.0);
            let line = json!({"frame": {"link": link, "to": to, "octets": hex(octets)}});
            self.tell(now, line, Some(&mut fate));
        }
        fate
    }

    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: &Event) {
        if let Some(scripted) = &mut self.scripted {
            scripted.event(now, node, event);
        }
        let Some((kind, bs)) = EventKind::of(&event.what).filter(|_| self.events) else { return };
        let kind = EventKind::NAMED.iter().find(|(_, named)| *named == kind).map(|(name, _)| *name);
        let ms = self.view.mobiles.iter().find(|(ms, _)| *ms == event.ms).map(|(_, name)| name.clone());
        let bs = self.view.base_stations.iter().find(|(of, _)| Some(*of) == bs).map(|(_, name)| name.clone());
        self.tell(now, json!({"event": {"kind": kind, "ms": ms, "bs": bs}}), None);
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        let scripted = self.scripted.as_ref().and_then(emulation::Adversary::next_timer);
        scripted.into_iter().chain(self.timer).chain(self.due.keys().next().copied()).min()
    }

    fn act(&mut self, now: VirtualTime) -> Vec<Injection> {
        let mut injections = self.scripted.as_mut().map_or_else(Vec::new, |scripted| scripted.act(now));
        if self.timer.is_some_and(|timer| timer <= now) {
            self.timer = None;
            self.tell(now, json!({"timer": true}), None);
        }
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= now) {
            injections.extend(entry.remove());
        }
        self.waiting = self.due.values().map(Vec::len).sum();
        injections
    }

    fn remarks(&mut self) -> Vec<(usize, String)> {
        if self.failure.reason().is_none() {
            self.conversation.end(&json!({"seq": self.sequence.saturating_add(1), "end": true}).to_string());
        }
        self.scripted.as_mut().map_or_else(Vec::new, emulation::Adversary::remarks)
    }
}
