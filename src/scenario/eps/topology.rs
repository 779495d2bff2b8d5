//! Who is where in a network of EPS: nodes, cells and links, by their indices in the emulation.

use std::net::Ipv4Addr;

use crate::emulation::{NodeIndex, Port};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::node::settings::{Cell, GeranCell, UtranCell};
use crate::scenario::script::eps::{NodeName, StationId};

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// The air between UE and eNB.
    Uu,
    /// The air between UE and RNC, NodeB included.
    UtranUu,
    /// The air between UE and BSS.
    Um,
    /// Between two eNBs.
    X2,
    /// Between eNB and MME.
    S1,
    /// Between two MMEs.
    S10,
    /// Between MME and gateway or UPE.
    S11,
    /// User packets between eNB and gateway or UPE.
    S1u,
    /// Between UPE or SGSN and SAE anchor.
    S5,
    /// Between two UPEs.
    Upe,
    /// Between RNC and SGSN.
    Iu,
    /// Between SGSN and MME, and between SGSNs.
    Gn,
    /// Between MME and HSS.
    S6a,
    /// Between BSS and SGSN.
    Gb,
    /// Between SGSN and HSS.
    S6d,
    /// Between HSS and EMKS.
    Swx,
    /// Between EMKS and EMSE.
    Zn,
    /// User packets between gateway and EMSE.
    Sgi,
}

impl LinkKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Uu | Self::UtranUu => "uu",
            Self::Um => "um",
            Self::Gb => "gb",
            Self::X2 => "x2",
            Self::S1 => "s1",
            Self::S10 => "s10",
            Self::S11 => "s11",
            Self::S1u => "s1u",
            Self::S5 => "s5",
            Self::Upe => "upe",
            Self::Iu => "iu",
            Self::Gn => "gn",
            Self::S6a => "s6a",
            Self::S6d => "s6d",
            Self::Swx => "swx",
            Self::Zn => "zn",
            Self::Sgi => "sgi",
        }
    }

    /// What stands in the description of its interface.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Uu => "air interface",
            Self::UtranUu => "air interface of UTRAN",
            Self::Um => "air interface of GERAN",
            Self::Gb => "reference point Gb",
            Self::X2 => "reference point X2",
            Self::S1 => "reference point S1-MME",
            Self::S10 => "reference point S10",
            Self::S11 => "reference point S11",
            Self::S1u => "reference point S1-U",
            Self::S5 => "user packets behind UPE and SGSN",
            Self::Upe => "user packets between UPEs",
            Self::Iu => "reference point Iu-PS",
            Self::Gn => "reference point Gn",
            Self::S6a => "reference point S6a",
            Self::S6d => "reference point S6d",
            Self::Swx => "reference point SWx",
            Self::Zn => "reference point Zn",
            Self::Sgi => "reference point SGi",
        }
    }

    /// Whether it is one of the air.
    #[must_use]
    pub const fn is_air(self) -> bool {
        matches!(self, Self::Uu | Self::UtranUu | Self::Um)
    }

    /// Whether user packets alone go over it.
    #[must_use]
    pub const fn is_of_users(self) -> bool {
        matches!(self, Self::S1u | Self::S5 | Self::Upe | Self::Sgi)
    }
}

/// A link and its ends, in the order of [`Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is.
    pub kind: LinkKind,
    /// Its ends.
    pub ends: [NodeIndex; 2],
}

/// What a node is. In the emulation nodes stand in this order, those of a role in the order of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// UE.
    Ue,
    /// eNB.
    Enb,
    /// RNC.
    Rnc,
    /// BSS.
    Bss,
    /// MME.
    Mme,
    /// SGSN.
    Sgsn,
    /// UPE.
    Upe,
    /// HSS.
    Hss,
    /// Gateway: S-GW and P-GW in one, or SAE anchor.
    Gateway,
    /// EMKS: the key server of the operator.
    Emks,
    /// EMSE: an end point in an enterprise.
    Emse,
}

impl Role {
    /// It in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ue => "ue",
            Self::Enb => "enb",
            Self::Rnc => "rnc",
            Self::Bss => "bss",
            Self::Mme => "mme",
            Self::Sgsn => "sgsn",
            Self::Upe => "upe",
            Self::Hss => "hss",
            Self::Gateway => "sgw",
            Self::Emks => "emks",
            Self::Emse => "emse",
        }
    }
}

/// Who is where in the emulation.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The nodes in their order: what they are.
    pub(super) roles: Vec<Role>,
    /// The names of the nodes.
    pub names: Vec<String>,
    /// Their addresses: of UEs, eNBs and RNCs those that stand for them on the air too.
    pub addresses: Vec<Ipv4Addr>,
    /// The cells, in the order of the eNBs.
    pub cells: Vec<Cell>,
    /// The cells of UTRAN, in the order of the RNCs.
    pub utran: Vec<UtranCell>,
    /// The cells of GERAN, in the order of the BSSs.
    pub geran: Vec<GeranCell>,
    pub(super) links: Vec<Link>,
    pub(super) imsis: Vec<Imsi>,
    /// The MME of each eNB.
    pub(super) mme_of: Vec<usize>,
}

impl Topology {
    /// The node of this role at this position.
    #[must_use]
    pub fn at(&self, role: Role, position: usize) -> NodeIndex {
        NodeIndex(self.roles.partition_point(|other| *other < role) + position)
    }

    /// The nodes of a role.
    pub(super) fn all(&self, role: Role) -> impl Iterator<Item = NodeIndex> + Clone + use<> {
        let first = self.at(role, 0).0;
        (first..self.roles.partition_point(|other| *other <= role)).map(NodeIndex)
    }

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
    pub fn enb(&self, enb: usize) -> NodeIndex {
        self.at(Role::Enb, enb)
    }

    /// The node of the MME at this position.
    #[must_use]
    pub fn mme(&self, mme: usize) -> NodeIndex {
        self.at(Role::Mme, mme)
    }

    /// The node of the gateway.
    #[must_use]
    pub fn gateway(&self) -> NodeIndex {
        self.at(Role::Gateway, 0)
    }

    /// The node of this name in a script.
    #[must_use]
    pub fn node(&self, name: NodeName) -> NodeIndex {
        match name {
            NodeName::Ue(ue) => self.ue_node(ue.0),
            NodeName::Enb(enb) => self.enb(enb.0),
            NodeName::Rnc(rnc) => self.at(Role::Rnc, rnc.0),
            NodeName::Mme(mme) => self.mme(mme.0),
            NodeName::Sgsn(sgsn) => self.at(Role::Sgsn, sgsn.0),
            NodeName::Upe(upe) => self.at(Role::Upe, upe.0),
            NodeName::Hss => self.at(Role::Hss, 0),
            NodeName::Gateway => self.gateway(),
            NodeName::Bss(bss) => self.at(Role::Bss, bss.0),
            NodeName::Emks => self.at(Role::Emks, 0),
            NodeName::Emse(emse) => self.at(Role::Emse, emse.0),
        }
    }

    /// Whether a node has a cell: eNB or RNC.
    #[must_use]
    pub fn is_station(&self, NodeIndex(node): NodeIndex) -> bool {
        matches!(self.roles.get(node), Some(Role::Enb | Role::Rnc | Role::Bss))
    }

    /// The role of a node.
    #[must_use]
    pub fn role(&self, NodeIndex(node): NodeIndex) -> Role {
        self.roles.get(node).copied().unwrap_or(Role::Gateway)
    }

    /// The name of the MME of the eNB at this position.
    #[must_use]
    pub fn mme_name(&self, enb: usize) -> String {
        self.mme_of.get(enb).map_or(String::new(), |mme| self.names[self.mme(*mme).0].clone())
    }

    /// The cell of E-UTRAN with this identity.
    #[must_use]
    pub fn cell(&self, pci: Pci) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.pci == pci)
    }

    /// The identity of the cell of a station: of the eNBs, then of the RNCs, then of the BSSs.
    #[must_use]
    pub fn cell_of(&self, StationId(station): StationId) -> Option<Pci> {
        self.station_cells().nth(station)
    }

    /// The cells of the stations, in their order.
    fn station_cells(&self) -> impl Iterator<Item = Pci> {
        let utran = self.utran.iter().map(|cell| cell.cell);
        let geran = self.geran.iter().map(|cell| cell.cell);
        self.cells.iter().map(|cell| cell.pci).chain(utran).chain(geran)
    }

    /// The cell of an RNC.
    pub(super) fn utran_cell_of(&self, rnc: NodeIndex) -> Option<Pci> {
        let position = rnc.0.checked_sub(self.at(Role::Rnc, 0).0)?;
        self.utran.get(position).map(|cell| cell.cell)
    }

    /// The node of the eNB or RNC with this cell.
    #[must_use]
    pub fn station_of(&self, cell: Pci) -> Option<NodeIndex> {
        let station = self.station_cells().position(|known| known == cell);
        // RNCs follow eNBs, and BSSs them.
        station.map(|station| NodeIndex(self.ues() + station))
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
