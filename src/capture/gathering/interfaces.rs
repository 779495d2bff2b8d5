//! The interfaces of a gathered capture: those of the file in its order, then one for each mobile and base station of a
//! foreign framing.

use std::collections::{BTreeMap, BTreeSet};

use crate::capture::CapturedFrame;
use crate::capture::framing::{InterfaceDescription, LinkKind};
use crate::capture::pcapng_block::InterfaceBlock;

/// What makes frames belong to one interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InterfaceKey {
    /// An interface of the file, and a kind of frame on it: one of classic pcap carries several.
    OfFile(usize, Kind),
    /// A mobile and a base station.
    Pair(String, String),
    /// The air, ends not known.
    Air,
}

/// A [`LinkKind`] that has an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Air,
    Backbone,
    RawIp,
    Tagged,
}

impl Kind {
    pub(super) const fn of(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Air => Self::Air,
            LinkKind::Backbone => Self::Backbone,
            LinkKind::RawIp => Self::RawIp,
            LinkKind::Tagged => Self::Tagged,
        }
    }

    const fn link_kind(self) -> LinkKind {
        match self {
            Self::Air => LinkKind::Air,
            Self::Backbone => LinkKind::Backbone,
            Self::RawIp => LinkKind::RawIp,
            Self::Tagged => LinkKind::Tagged,
        }
    }

    /// The name of an interface that has none.
    const fn unnamed(self) -> &'static str {
        match self {
            Self::Air => "air",
            Self::Backbone => "backbone",
            Self::RawIp => "ip",
            Self::Tagged => "upper-pdu",
        }
    }
}

/// The interfaces of the frames so far, numbered in the order in which they came.
#[derive(Default)]
pub(super) struct Interfaces {
    keys: Vec<InterfaceKey>,
    numbers: BTreeMap<InterfaceKey, usize>,
}

impl Interfaces {
    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn number_of(&mut self, key: InterfaceKey) -> usize {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.keys.len();
        self.keys.push(key.clone());
        self.numbers.insert(key, number);
        number
    }

    /// The interfaces of the capture; renumbers its frames accordingly. Those of the file stand in its order (one may be
    /// described after frames of another), those without frames too. `foreign` are the interfaces of the file that carry a
    /// foreign framing, if there is such in it: then they are left out unless other frames were on them.
    pub(super) fn place(
        &self,
        frames: &mut [CapturedFrame],
        blocks: &[InterfaceBlock],
        foreign: Option<&BTreeSet<usize>>,
    ) -> Vec<InterfaceDescription> {
        let mut used = vec![foreign.is_none(); self.keys.len()];
        for frame in frames.iter() {
            if let Some(used) = used.get_mut(frame.interface) {
                *used = true;
            }
        }
        let used = || self.keys.iter().zip(&used).filter(|(_, used)| **used).map(|(key, _)| key);
        let mut of_file: BTreeMap<usize, Vec<InterfaceKey>> = BTreeMap::new();
        for key in used() {
            if let InterfaceKey::OfFile(number, _) = key {
                of_file.entry(*number).or_default().push(key.clone());
            }
        }
        let mut placed: Vec<InterfaceKey> = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            match of_file.remove(&number) {
                Some(keys) => placed.extend(keys),
                None if foreign.is_some_and(|foreign| foreign.contains(&number)) => {}
                None => {
                    let kind = LinkKind::from_link_type(block.link_type);
                    placed.extend(kind.map(|kind| InterfaceKey::OfFile(number, Kind::of(kind))));
                }
            }
        }
        placed.extend(used().filter(|key| !matches!(key, InterfaceKey::OfFile(..))).cloned());
        let positions: BTreeMap<&InterfaceKey, usize> = placed.iter().zip(0..).collect();
        let renumbered: Vec<usize> =
            self.keys.iter().map(|key| positions.get(key).copied().unwrap_or_default()).collect();
        for frame in frames {
            frame.interface = renumbered.get(frame.interface).copied().unwrap_or_default();
        }
        placed.iter().map(|key| description(key, blocks)).collect()
    }
}

fn description(key: &InterfaceKey, blocks: &[InterfaceBlock]) -> InterfaceDescription {
    match key {
        InterfaceKey::OfFile(number, kind) => {
            let block = blocks.get(*number);
            let name = block.map(|block| block.name.clone()).filter(|name| !name.is_empty());
            InterfaceDescription {
                name: name.unwrap_or_else(|| kind.unnamed().to_owned()),
                description: block.map(|block| block.description.clone()).unwrap_or_default(),
                kind: kind.link_kind(),
            }
        }
        InterfaceKey::Pair(ms, bs) => InterfaceDescription {
            name: format!("air:{ms}-{bs}"),
            description: format!("mobile {ms} and base station {bs}"),
            kind: LinkKind::Air,
        },
        InterfaceKey::Air => InterfaceDescription {
            name: Kind::Air.unnamed().to_owned(),
            description: "the air; mobile and base station are not known".to_owned(),
            kind: LinkKind::Air,
        },
    }
}
