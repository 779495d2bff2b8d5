//! The BSS, with one cell of GERAN: it passes LLC frames between UEs and their SGSN, and has no part in keys (TS 48.018 clause 6).

use std::collections::BTreeMap;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event};
use super::settings::GeranCell;
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::{GbMessage, GeranFrame};
use crate::time::VirtualTime;

/// What a BSS is.
#[derive(Clone, Copy, Debug)]
pub struct BssSettings {
    /// Its cell.
    pub cell: GeranCell,
    /// How many UEs it remembers: of more, none is passed on.
    pub most_ues: usize,
}

/// A BSS.
pub struct Bss {
    settings: BssSettings,
    core: CoreSide,
    /// The links to UEs, by what they call themselves.
    ues: BTreeMap<u32, Port>,
}

impl Bss {
    /// A BSS that has heard no UE yet.
    #[must_use]
    pub const fn new(settings: BssSettings, core: CoreSide) -> Self {
        Self { settings, core, ues: BTreeMap::new() }
    }

    fn air(&mut self, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let GeranFrame { tlli, llc, .. } = match GeranFrame::parse(octets) {
            Ok(frame) if frame.direction == LinkDirection::Uplink => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not an uplink frame")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        if self.ues.len() >= self.settings.most_ues && !self.ues.contains_key(&tlli) {
            return outbox.verdict(Verdict::rejected("dropped: there is no room"));
        }
        self.ues.insert(tlli, port);
        outbox.verdict(Verdict::accepted("accepted: an LLC frame"));
        let GeranCell { identity, sgsn, .. } = self.settings.cell;
        self.core.send(sgsn, &CoreMessage::Gb(GbMessage::Uplink { tlli, cell: identity, llc }), outbox);
    }

    fn core(&mut self, octets: &[u8], outbox: &mut Outbox<Event>) {
        let (tlli, llc) = match self.core.receive(octets) {
            Ok((from, CoreMessage::Gb(GbMessage::Downlink { tlli, llc }))) if from == self.settings.cell.sgsn => {
                (tlli, llc)
            }
            Ok((_, other)) => {
                return outbox.verdict(Verdict::rejected(format!("dropped: {} is not for a BSS", other.name())));
            }
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let Some(port) = self.ues.get(&tlli) else {
            return outbox.verdict(Verdict::rejected("dropped: no UE has this TLLI here"));
        };
        outbox.verdict(Verdict::accepted("accepted: DL-UNITDATA"));
        outbox.send(*port, GeranFrame { direction: LinkDirection::Downlink, tlli, llc }.octets(), "LLC frame");
    }
}

impl Node for Bss {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, _: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        match input {
            Input::Frame { port, octets } if self.core.is_link(port) => self.core(&octets, outbox),
            Input::Frame { port, octets } => self.air(port, &octets, outbox),
            Input::Timer | Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        None
    }
}
