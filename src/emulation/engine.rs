//! The engines: where a node's code runs. Both are driven by the same kernel, event by event, so both give the same bytes.

use std::fmt;
use std::num::NonZero;
use std::str::FromStr;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::node::{Input, Node, NodeIndex, Outbox};
use crate::time::VirtualTime;

/// Where the nodes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// All nodes on the calling thread.
    Inline,
    /// Every node on a thread of its own; frames travel over crossbeam channels, virtual time is kept in lock-step.
    PerNode,
    /// The nodes in groups, which run side by side for a window of virtual time. A network with faults or an adversary on
    /// its links, or with links of less than 100 µs, is one group.
    Shards {
        /// How many threads work, the calling one included; at least 1.
        threads: usize,
    },
}

/// [`Engine::Shards`] with as many threads as the machine has cores.
impl Default for Engine {
    fn default() -> Self {
        Self::Shards { threads: thread::available_parallelism().map_or(1, NonZero::get) }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline => "inline",
            Self::PerNode => "per-node",
            Self::Shards { .. } => "shards",
        })
    }
}

impl FromStr for Engine {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "inline" => Ok(Self::Inline),
            "per-node" => Ok(Self::PerNode),
            "shards" => Ok(Self::default()),
            _ => Err(format!("expected inline, per-node or shards, found {text:?}")),
        }
    }
}

/// A boxed node of an emulation with commands `C` and events `E`.
pub(super) type BoxedNode<C, E> = Box<dyn Node<Command = C, Event = E>>;

/// What one input led to.
pub(super) struct Reaction<E> {
    pub(super) outbox: Outbox<E>,
    pub(super) next_timer: Option<VirtualTime>,
}

/// Runs one input through one node and waits for its reaction.
pub(super) trait Dispatch<C, E> {
    fn dispatch(&mut self, node: NodeIndex, now: VirtualTime, input: Input<C>) -> Reaction<E>;
}

pub(super) fn react<C: Send, E: Send>(node: &mut BoxedNode<C, E>, now: VirtualTime, input: Input<C>) -> Reaction<E> {
    let mut outbox = Outbox::default();
    node.handle(now, input, &mut outbox);
    Reaction { outbox, next_timer: node.next_timer() }
}

/// [`Engine::Inline`].
pub(super) struct Inline<'a, C, E>(pub(super) &'a mut [BoxedNode<C, E>]);

impl<C: Send, E: Send> Dispatch<C, E> for Inline<'_, C, E> {
    fn dispatch(&mut self, node: NodeIndex, now: VirtualTime, input: Input<C>) -> Reaction<E> {
        react(&mut self.0[node.0], now, input)
    }
}

/// The two channels of a node's thread, as the kernel holds them.
struct Thread<C, E> {
    inputs: Sender<(VirtualTime, Input<C>)>,
    reactions: Receiver<Reaction<E>>,
}

/// [`Engine::PerNode`]: lives inside [`with_threads`].
pub(super) struct PerNode<C, E>(Vec<Thread<C, E>>);

impl<C: Send, E: Send> Dispatch<C, E> for PerNode<C, E> {
    fn dispatch(&mut self, node: NodeIndex, now: VirtualTime, input: Input<C>) -> Reaction<E> {
        let thread = &self.0[node.0];
        // A channel closes early only when the node's thread has panicked; the scope then hands that panic on.
        let closed = "the node's thread has ended";
        if thread.inputs.send((now, input)).is_err() {
            panic!("{closed}");
        }
        thread.reactions.recv().expect(closed)
    }
}

/// Starts a thread for every node, runs `body`, and ends the threads by closing their channels.
pub(super) fn with_threads<C: Send, E: Send, R>(
    nodes: &mut [BoxedNode<C, E>],
    body: impl FnOnce(PerNode<C, E>) -> R,
) -> R {
    thread::scope(|scope| {
        let threads = nodes
            .iter_mut()
            .map(|node| {
                let (inputs, inputs_at_node) = bounded::<(VirtualTime, Input<C>)>(1);
                let (reactions_at_node, reactions) = bounded(1);
                scope.spawn(move || {
                    for (now, input) in inputs_at_node {
                        if reactions_at_node.send(react(node, now, input)).is_err() {
                            break;
                        }
                    }
                });
                Thread { inputs, reactions }
            })
            .collect();
        body(PerNode(threads))
    })
}
