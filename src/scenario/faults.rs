//! The scripted faults at work: every frame is held against every `[[fault]]`.

use std::collections::BTreeMap;

use super::script::FaultEffect;
use crate::adversary::FrameChoice;
use crate::emulation::{self, Fate, NodeIndex, Port};
use crate::time::VirtualTime;

/// One fault of one directed link.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) frames: FrameChoice,
    pub(super) effect: FaultEffect,
}

/// The faults of a script.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// By link and receiver, each with the number of matching frames so far.
    by_link: BTreeMap<(Port, NodeIndex), Vec<(Fault, u32)>>,
}

impl Faults {
    /// Adds a fault of the link `port` towards `to`.
    pub(super) fn add(&mut self, port: Port, to: NodeIndex, fault: Fault) {
        self.by_link.entry((port, to)).or_default().push((fault, 0));
    }
}

impl emulation::Faults for Faults {
    fn strike(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        let mut fate = Fate::pass();
        for (fault, seen) in self.by_link.get_mut(&(port, to)).into_iter().flatten() {
            if fault.frames.takes(seen, now, octets) {
                fate = fate.and(fate_of(fault.effect));
            }
        }
        fate
    }
}

fn fate_of(effect: FaultEffect) -> Fate {
    match effect {
        FaultEffect::Lose => Fate::lost(),
        FaultEffect::Delay(delay) => Fate { delay, remarks: vec!["delayed by the link".to_owned()], ..Fate::pass() },
        FaultEffect::Duplicate(later) => Fate { copies: vec![later], ..Fate::pass() },
        FaultEffect::FlipBit(bit) => Fate { inverted_bits: vec![bit], ..Fate::pass() },
    }
}
