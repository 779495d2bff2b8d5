//! The emulation kernel: nodes behind one trait, links with latency and loss, virtual time, threads and channels.
//!
//! It knows no protocol. A [`Node`] is a sans-IO state machine; an [`Emulation`] delivers frames, timers and commands to
//! nodes in the order (time, source, sequence), under one of three [`Engine`]s that give the same bytes: `inline` on one
//! thread, `per-node` with a thread for every node and frames that travel over crossbeam channels in lock-step virtual
//! time, `shards` with the nodes in groups that move through channels to worker threads for a window of virtual time and
//! back. Loss, duplication, reordering and bit errors belong to the [`link`]; what happens to chosen frames ([`Faults`])
//! and recording, replay and whatever else an [`Adversary`] does happens at a tap on the link, never in a node.
//!
//! Nothing sleeps and nothing reads a wall clock. Every directed link has its own generator, seeded by its name
//! ([`random::generator`]), so that one more link changes nothing on the others.

pub mod adversary;
pub mod engine;
pub mod event_set;
pub mod fate;
pub mod kernel;
pub mod link;
pub mod node;
pub mod random;
mod records;
mod shards;
pub mod transmission;

pub use adversary::{Adversary, Injection};
pub use engine::Engine;
pub use fate::{Fate, Faults};
pub use kernel::{Emulation, Observer};
pub use link::{Impairments, LinkList, LinkSettings, Links, Timing};
pub use node::{Input, Node, NodeIndex, Outbox, Port, Verdict};
pub use transmission::{Sender, Transmission};
