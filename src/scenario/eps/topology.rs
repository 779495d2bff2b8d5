//! Who is where in a network of EPS: nodes, cells and links, by their indices in the emulation.

use std::net::Ipv4Addr;

use crate::emulation::{NodeIndex, Port};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::node::settings::Cell;
use crate::scenario::script::eps::NodeName;

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// The air between UE and eNB.
    Uu,
    /// Between two eNBs.
    X2,
    /// Between eNB and MME.
    S1,
    /// Between two MMEs.
    S10,
    /// Between MME and gateway.
    S11,
    /// User packets between eNB and gateway.
    S1u,
}

impl LinkKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Uu => "uu",
            Self::X2 => "x2",
            Self::S1 => "s1",
            Self::S10 => "s10",
            Self::S11 => "s11",
            Self::S1u => "s1u",
        }
    }

    /// What stands in the description of its interface.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Uu => "air interface",
            Self::X2 => "reference point X2",
            Self::S1 => "reference point S1-MME",
            Self::S10 => "reference point S10",
            Self::S11 => "reference point S11",
            Self::S1u => "reference point S1-U",
        }
    }
}

/// A link and its ends: UE before eNB before MME before gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is.
    pub kind: LinkKind,
    /// Its ends.
    pub ends: [NodeIndex; 2],
}

/// Who is where in the emulation: UEs, eNBs, MMEs, gateway, each in the order of the script.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The names of the nodes.
    pub names: Vec<String>,
    /// Their addresses: of UEs and eNBs those that stand for them on the air too.
    pub addresses: Vec<Ipv4Addr>,
    /// The cells, in the order of the eNBs.
    pub cells: Vec<Cell>,
    pub(super) links: Vec<Link>,
    pub(super) imsis: Vec<Imsi>,
    pub(super) mmes: usize,
    /// The MME of each eNB.
    pub(super) mme_of: Vec<usize>,
}

impl Topology {
    /// How many UEs there are.
    #[must_use]
    pub const fn ues(&self) -> usize {
        self.imsis.len()
    }

    /// The position of a UE.
    #[must_use]
    pub fn ue(&self, imsi: Imsi) -> Option<usize> {
        self.imsis.iter().position(|known| *known == imsi)
    }

    /// The node of the UE at this position.
    #[must_use]
    pub const fn ue_node(&self, ue: usize) -> NodeIndex {
        NodeIndex(ue)
    }

    /// The node of the eNB at this position.
    #[must_use]
    pub const fn enb(&self, enb: usize) -> NodeIndex {
        NodeIndex(self.ues() + enb)
    }

    /// The node of the MME at this position.
    #[must_use]
    pub const fn mme(&self, mme: usize) -> NodeIndex {
        NodeIndex(self.ues() + self.cells.len() + mme)
    }

    /// The node of the gateway.
    #[must_use]
    pub const fn gateway(&self) -> NodeIndex {
        NodeIndex(self.ues() + self.cells.len() + self.mmes)
    }

    /// The node of this name in a script.
    #[must_use]
    pub const fn node(&self, name: NodeName) -> NodeIndex {
        match name {
            NodeName::Ue(ue) => self.ue_node(ue.0),
            NodeName::Enb(enb) => self.enb(enb.0),
            NodeName::Mme(mme) => self.mme(mme.0),
            NodeName::Gateway => self.gateway(),
        }
    }

    /// Whether a node is an eNB.
    #[must_use]
    pub fn is_enb(&self, NodeIndex(node): NodeIndex) -> bool {
        (self.ues()..self.ues() + self.cells.len()).contains(&node)
    }

    /// The role of a node, in one word.
    #[must_use]
    pub fn role(&self, node: NodeIndex) -> &'static str {
        match node {
            NodeIndex(node) if node < self.ues() => "ue",
            node if self.is_enb(node) => "enb",
            node if node == self.gateway() => "sgw",
            _ => "mme",
        }
    }

    /// The name of the MME of the eNB at this position.
    #[must_use]
    pub fn mme_name(&self, enb: usize) -> String {
        self.mme_of.get(enb).map_or(String::new(), |mme| self.names[self.mme(*mme).0].clone())
    }

    /// The cell of this identity.
    #[must_use]
    pub fn cell(&self, pci: Pci) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.pci == pci)
    }

    /// The node of the eNB with this cell.
    #[must_use]
    pub fn enb_of(&self, pci: Pci) -> Option<NodeIndex> {
        self.cells.iter().position(|cell| cell.pci == pci).map(|enb| self.enb(enb))
    }

    /// A link.
    #[must_use]
    pub fn link(&self, Port(port): Port) -> Link {
        self.links[port]
    }

    /// What a link is called.
    #[must_use]
    pub fn link_name(&self, port: Port) -> String {
        let Link { kind, ends: [first, second] } = self.link(port);
        format!("{}:{}-{}", kind.prefix(), self.names[first.0], self.names[second.0])
    }

    /// The link between two nodes.
    pub(super) fn port(&self, first: NodeIndex, second: NodeIndex) -> Option<Port> {
        let ends = [first, second];
        let is_it = |link: &Link| link.ends == ends || link.ends == [second, first];
        self.links.iter().position(is_it).map(Port)
    }
}
