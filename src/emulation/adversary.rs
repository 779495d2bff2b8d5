//! The adversary's place in the kernel: a tap on every directed link, and a timer.

use super::fate::Fate;
use super::node::{NodeIndex, Port};
use crate::time::VirtualTime;

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
    /// Which of its attacks this belongs to; stands in [`super::Sender::Adversary`].
    pub attack: usize,
}

/// Whoever attacks: sees every frame that a node sends, acts on it at its
/// tap, and injects frames at instants of its own. `E` is what nodes report about themselves.
pub trait Adversary<E>: Send {
    /// A frame of a node starts on the link `port` towards `to`. The tap is at the sender's end: it sees what was sent,
    /// also what the link is going to lose or change.
    fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate;

    /// A node reported something; frames that it sends at the same instant pass their taps afterwards.
    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: &E) {
        let _ = (now, node, event);
    }

    /// When it wants to act next.
    fn next_timer(&self) -> Option<VirtualTime>;

    /// Its instant has come; what it injects starts now.
    fn act(&mut self, now: VirtualTime) -> Vec<Injection>;

    /// What is to be said of its attacks when the run is over: the number of each, and a remark.
    fn remarks(&mut self) -> Vec<(usize, String)> {
        Vec::new()
    }
}
