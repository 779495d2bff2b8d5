//! What the kernel asks of a node, and what it hands to one.

use crate::time::VirtualTime;

/// A node of an emulation, in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub usize);

/// A link as its two ends see it: the same port at both, in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub usize);

/// What reaches a node.
#[derive(Debug)]
pub enum Input<C> {
    /// A frame that came in on a link.
    Frame {
        /// The link.
        port: Port,
        /// The octets as they left the link.
        octets: Vec<u8>,
    },
    /// The instant that [`Node::next_timer`] named has come.
    Timer,
    /// From outside the emulated network: a step of a script, a user packet.
    Command(C),
}

/// A sans-IO state machine: input and time in, frames and events out. It never sees a thread, a channel or a file.
pub trait Node: Send {
    /// What a script may tell it.
    type Command: Send;
    /// What it reports about itself.
    type Event: Send;

    /// Takes one input at the instant `now` and leaves what follows from it in `outbox`.
    ///
    /// For [`Input::Frame`] it also leaves a [`Verdict`] there.
    fn handle(&mut self, now: VirtualTime, input: Input<Self::Command>, outbox: &mut Outbox<Self::Event>);

    /// When it wants [`Input::Timer`] next; asked after every input. An instant in the past counts as now.
    fn next_timer(&self) -> Option<VirtualTime>;
}

/// What a receiver made of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it took the frame's content.
    pub accepted: bool,
    /// Its reason, in the state machine's words.
    pub text: String,
}

impl Verdict {
    /// The frame's content was taken.
    pub fn accepted(text: impl Into<String>) -> Self {
        Self { accepted: true, text: text.into() }
    }

    /// The frame was dropped.
    pub fn rejected(text: impl Into<String>) -> Self {
        Self { accepted: false, text: text.into() }
    }
}

/// A frame that a node hands to a link.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) port: Port,
    pub(super) octets: Vec<u8>,
    pub(super) note: String,
}

/// What a node leaves behind after one input.
#[derive(Debug)]
pub struct Outbox<E> {
    pub(super) sent: Vec<Sent>,
    pub(super) events: Vec<E>,
    pub(super) verdict: Option<Verdict>,
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self { sent: Vec::new(), events: Vec::new(), verdict: None }
    }
}

impl<E> Outbox<E> {
    /// Starts the transmission of a frame now. `note` says what it is; it becomes the frame's comment in the capture.
    pub fn send(&mut self, port: Port, octets: Vec<u8>, note: impl Into<String>) {
        self.sent.push(Sent { port, octets, note: note.into() });
    }

    /// Reports something about the node.
    pub fn report(&mut self, event: E) {
        self.events.push(event);
    }

    /// Says what became of the frame that was the input.
    pub fn verdict(&mut self, verdict: Verdict) {
        self.verdict = Some(verdict);
    }

    /// Takes over the frames and events of `other`, not its verdict: work that was put off until this input.
    pub fn append_without_verdict(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.events.extend(other.events);
    }

    /// Takes over all that `other` holds: frames, the verdict, and what `of` makes of its events. `other` is that of a node around which
    /// the owner of this one is built.
    pub fn absorb<F>(&mut self, other: Outbox<F>, of: impl FnMut(F) -> E) {
        self.sent.extend(other.sent);
        self.events.extend(other.events.into_iter().map(of));
        self.verdict = other.verdict.or(self.verdict.take());
    }

    /// The events reported so far, for tests that drive a node by hand.
    #[must_use]
    pub fn events(&self) -> &[E] {
        &self.events
    }

    /// The verdict on the frame that was the input, for tests that drive a node by hand.
    #[must_use]
    pub const fn judged(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// The frames sent so far (port, octets, note), for tests that drive a node by hand.
    pub fn frames(&self) -> impl Iterator<Item = (Port, &[u8], &str)> {
        self.sent.iter().map(|sent| (sent.port, sent.octets.as_slice(), sent.note.as_str()))
    }
}
