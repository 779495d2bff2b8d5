//! What the adversary knows of the network besides the frames that it hears: who has which CID, and how the handover of
//! each mobile stands. A script says such things by name, where a real adversary reads MOB_BSHO-RSP and MAPs.

use std::collections::BTreeMap;

use super::frames::FrameKind;
use super::trigger::Phase;
use super::value::CidRole;
use crate::dot16::identifiers::{Bsid, Cid, Direction, MsMac};
use crate::dot16::node::{CidKind, Event, What};
use crate::dot16::wire::{CrcForm, RngReq};
use crate::emulation::{NodeIndex, Port};

/// A link on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AirLink {
    /// The mobile.
    pub ms: MsMac,
    /// The base station.
    pub bs: Bsid,
    /// The node of the mobile.
    pub mobile: NodeIndex,
    /// The node of the base station.
    pub base_station: NodeIndex,
}

impl AirLink {
    /// Which way frames towards `to` go.
    #[must_use]
    pub fn direction(&self, to: NodeIndex) -> Direction {
        if to == self.mobile { Direction::Downlink } else { Direction::Uplink }
    }
}

/// The CIDs of a mobile at a base station, those that it has or had last.
#[derive(Clone, Debug, Default)]
struct Cids {
    basic: Option<Cid>,
    primary: Option<Cid>,
    transport: Vec<Cid>,
}

/// The network as the adversary knows it.
#[derive(Clone, Debug)]
pub struct Known {
    air: BTreeMap<Port, AirLink>,
    /// The directions of each mobile's service flows, in their order, which is that of its transport CIDs.
    flows: BTreeMap<MsMac, Vec<Direction>>,
    crc: CrcForm,
    cids: BTreeMap<(MsMac, Bsid), Cids>,
    /// Phases of mobiles that hand over; the others are connected.
    phases: BTreeMap<MsMac, Phase>,
}

impl Known {
    /// A network with these links on the air, these service flows (their directions, in the order of the transport CIDs)
    /// and CRCs of this form, of which nothing was heard yet.
    #[must_use]
    pub fn new(air: BTreeMap<Port, AirLink>, flows: BTreeMap<MsMac, Vec<Direction>>, crc: CrcForm) -> Self {
        Self { air, flows, crc, cids: BTreeMap::new(), phases: BTreeMap::new() }
    }

    /// The form of CRCs on the air.
    #[must_use]
    pub const fn crc(&self) -> CrcForm {
        self.crc
    }

    /// What a link on the air joins; `None` for one on the backbone.
    #[must_use]
    pub fn air_link(&self, port: Port) -> Option<AirLink> {
        self.air.get(&port).copied()
    }

    /// A CID that `ms` has, or had last, at `bs`.
    #[must_use]
    pub fn cid(&self, ms: MsMac, bs: Bsid, role: CidRole) -> Option<Cid> {
        let cids = self.cids.get(&(ms, bs))?;
        let transport = |direction| {
            let flows = self.flows.get(&ms)?;
            let position = flows.iter().position(|of_flow| *of_flow == direction)?;
            cids.transport.get(position).copied()
        };
        match role {
            CidRole::Basic => cids.basic,
            CidRole::Primary => cids.primary,
            CidRole::Uplink => transport(Direction::Uplink),
            CidRole::Downlink => transport(Direction::Downlink),
        }
    }

    /// How the handover of `ms` stands.
    #[must_use]
    pub fn phase(&self, ms: MsMac) -> Phase {
        self.phases.get(&ms).copied().unwrap_or(Phase::Connected)
    }

    /// A node reports something.
    pub(super) fn event(&mut self, event: &Event) {
        match event.what {
            What::Cid { bs, cid, kind, held: true } => {
                let cids = self.cids.entry((event.ms, bs)).or_default();
                match kind {
                    // A mobile gets its basic CID first.
                    CidKind::Basic => *cids = Cids { basic: Some(cid), ..Cids::default() },
                    CidKind::Primary => cids.primary = Some(cid),
                    CidKind::Transport(_) => cids.transport.push(cid),
                }
            }
            What::HandoverStarted { .. } => {
                self.phases.insert(event.ms, Phase::Preparing);
            }
            What::Left { .. } => {
                if let Some(phase) = self.phases.get_mut(&event.ms).filter(|phase| **phase == Phase::Preparing) {
                    *phase = Phase::Arriving;
                }
            }
            What::HandoverEnded { .. } => {
                self.phases.remove(&event.ms);
            }
            _ => {}
        }
    }

    /// A frame of a node passes: an RNG-REQ of a mobile that hands over begins the last phase, which it belongs to.
    pub(super) fn heard(&mut self, port: Port, to: NodeIndex, octets: &[u8]) {
        let Some(link) = self.air.get(&port).filter(|link| link.base_station == to) else {
            return;
        };
        if let Some(phase) = self.phases.get_mut(&link.ms).filter(|phase| **phase != Phase::Ranging)
            && FrameKind::Message(RngReq::TYPE).matches(octets)
        {
            *phase = Phase::Ranging;
        }
    }
}
