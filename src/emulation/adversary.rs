//! The adversary's place in the kernel: a tap on every directed link, and a timer.

use super::node::{NodeIndex, Port, Verdict};
use crate::time::VirtualTime;

/// What a tap does to the frame that passes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on untouched.
    Pass,
    /// It ends here.
    Drop,
    /// These octets go on in its place.
    Replace(Vec<u8>),
}

/// A frame that the adversary puts on a link. It passes no tap and suffers no loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// The link.
    pub port: Port,
    /// The end that is to receive it.
    pub to: NodeIndex,
    /// The octets.
    pub octets: Vec<u8>,
    /// What it is; becomes the frame's comment in the capture.
    pub note: String,
    /// Comes back with the verdict in [`Adversary::verdict`].
    pub tag: u64,
}

/// Whoever attacks: sees every frame that a node sends, hears what nodes report, acts on frames at their tap and at instants of its own.
pub trait Adversary<E>: Send {
    /// A frame of a node starts on the link `port` towards `to`.
    fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate;

    /// A node reported something.
    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: &E);

    /// When it wants to act next.
    fn next_timer(&self) -> Option<VirtualTime>;

    /// Its instant has come; what it injects starts now.
    fn act(&mut self, now: VirtualTime) -> Vec<Injection>;

    /// What the receiver made of an injected frame.
    fn verdict(&mut self, now: VirtualTime, tag: u64, verdict: &Verdict);
}
