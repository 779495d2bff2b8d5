//! Requests of GTP-C that are sent again, and those that come again (TS 29.274 clause 7.6, TS 29.060 clause 7.6), beneath every node
//! that speaks GTP-C.
//!
//! A request that is not answered within T3-RESPONSE is sent again as it was, with its sequence number, N3-REQUESTS times in all; then
//! nobody waits for its answer but the procedure that it is of, which ends by its own timer. A request that comes again is answered as
//! before, and the node does not hear of it; nor of an answer that no request waits for. A Context Response is both: the answer to a
//! request, and a request itself, which the Context Acknowledge answers.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::core_side::CoreMessage;
use super::settings::GtpTimers;
use crate::eps::wire::{Gtpv1Message, Gtpv2Message};
use crate::time::VirtualTime;

/// Most requests that are remembered, of each direction; the oldest are forgotten then.
const MAX_REMEMBERED: usize = 1_024;
/// How long one is remembered: longer than a node waits in any procedure.
const REMEMBERED: Duration = Duration::from_secs(10);

/// A request that this node has sent.
#[derive(Clone, Debug)]
struct Waiting {
    to: Ipv4Addr,
    request: CoreMessage,
    /// How often it may be sent yet.
    left: u8,
    /// When it is sent again; none when it was sent often enough.
    due: Option<VirtualTime>,
    until: VirtualTime,
}

/// A request that this node has got.
#[derive(Clone, Debug)]
struct Heard {
    from: Ipv4Addr,
    request: CoreMessage,
    answer: Option<CoreMessage>,
    until: VirtualTime,
}

/// What has come.
pub(super) enum Heeded {
    /// Something for the node.
    New,
    /// A request again, with its answer if there is one yet.
    Again(Option<Box<CoreMessage>>),
    /// An answer that no request waits for.
    Unasked,
}

/// The requests of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct GtpRequests {
    pub(super) timers: GtpTimers,
    now: VirtualTime,
    waiting: VecDeque<Waiting>,
    heard: VecDeque<Heard>,
}

/// What tells a message of GTP-C from others of its sender.
struct Number {
    version: u8,
    sequence: u32,
    kind: u8,
    /// The type of its answer, if it is a request.
    answered_by: Option<u8>,
    is_answer: bool,
}

fn number(message: &CoreMessage) -> Option<Number> {
    let (version, sequence, kind, answered_by, is_answer) = match message {
        CoreMessage::Gtpv1(Gtpv1Message { sequence, body, .. }) => {
            (1, u32::from(*sequence), body.message_type(), body.answered_by(), body.is_answer())
        }
        CoreMessage::Gtpv2(Gtpv2Message { sequence, body, .. }) => {
            (2, *sequence, body.message_type(), body.answered_by(), body.is_answer())
        }
        _ => return None,
    };
    Some(Number { version, sequence, kind, answered_by, is_answer })
}

/// Whether the one is the answer to the other.
fn answers(answer: &Number, request: &CoreMessage) -> bool {
    number(request).is_some_and(|request| {
        (request.version, request.sequence, request.answered_by) == (answer.version, answer.sequence, Some(answer.kind))
    })
}

/// Room for one more.
fn make_room<T>(queue: &mut VecDeque<T>) {
    if queue.len() >= MAX_REMEMBERED {
        queue.pop_front();
    }
}

impl GtpRequests {
    /// It is `now`: what is to be sent again, and to whom; and the requests that were sent often enough.
    pub(super) fn wake(&mut self, now: VirtualTime) -> (Vec<(Ipv4Addr, CoreMessage)>, Vec<CoreMessage>) {
        self.now = now;
        self.waiting.retain(|waiting| waiting.until > now);
        self.heard.retain(|heard| heard.until > now);
        let (mut again, mut given_up) = (Vec::new(), Vec::new());
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.due.is_some_and(|due| due <= now)) {
            let request = waiting.request.clone();
            if let Some(left) = waiting.left.checked_sub(1) {
                (waiting.left, waiting.due) = (left, Some(now + self.timers.t3_response));
                again.push((waiting.to, request));
            } else {
                waiting.due = None;
                given_up.push(request);
            }
        }
        (again, given_up)
    }

    /// When something is to be sent again, or was often enough.
    pub(super) fn next_timer(&self) -> Option<VirtualTime> {
        self.waiting.iter().filter_map(|waiting| waiting.due).min()
    }

    /// A message is sent for the first time.
    pub(super) fn sent(&mut self, to: Ipv4Addr, message: &CoreMessage) {
        let Some(number) = number(message) else { return };
        if number.is_answer {
            let request = self.heard.iter_mut().find(|heard| heard.from == to && answers(&number, &heard.request));
            if let Some(heard) = request {
                heard.answer = Some(message.clone());
            }
        }
        if number.answered_by.is_some() {
            make_room(&mut self.waiting);
            self.waiting.push_back(Waiting {
                to,
                request: message.clone(),
                left: self.timers.n3_requests.saturating_sub(1),
                due: Some(self.now + self.timers.t3_response),
                until: self.now + REMEMBERED,
            });
        }
    }

    /// A message has come.
    pub(super) fn heed(&mut self, from: Ipv4Addr, message: &CoreMessage) -> Heeded {
        let Some(number) = number(message) else { return Heeded::New };
        let known = self.heard.iter().find(|heard| heard.from == from && heard.request == *message);
        if let Some(heard) = known {
            return Heeded::Again(heard.answer.clone().map(Box::new));
        }
        if number.is_answer {
            let asked = |waiting: &Waiting| waiting.to == from && answers(&number, &waiting.request);
            let Some(place) = self.waiting.iter().position(asked) else { return Heeded::Unasked };
            self.waiting.remove(place);
        }
        if number.answered_by.is_some() {
            make_room(&mut self.heard);
            let (request, until) = (message.clone(), self.now + REMEMBERED);
            self.heard.push_back(Heard { from, request, answer: None, until });
        }
        Heeded::New
    }
}
