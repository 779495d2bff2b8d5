//! What an interface of a capture carries, and the link types of the tcpdump registry that stand for it.

/// Link type of 802.16 MAC PDU bursts behind upper-PDU tags (`dot16-wire.md` 1.2).
pub const LINK_TYPE_UPPER_PDU: u16 = 252;
/// Link type of Ethernet frames.
pub const LINK_TYPE_ETHERNET: u16 = 1;
/// Link type of IP packets without framing.
pub const LINK_TYPE_RAW_IP: u16 = 101;

/// What the frames of an interface are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Bursts of 802.16 MAC PDUs; link type 252, wrapped in upper-PDU tags.
    Air,
    /// Ethernet frames of the backbone; link type 1.
    Backbone,
    /// IP packets; link type 101.
    RawIp,
}

impl LinkKind {
    /// The link type of the tcpdump registry, as it stands in a pcapng file.
    #[must_use]
    pub const fn link_type(self) -> u16 {
        match self {
            Self::Air => LINK_TYPE_UPPER_PDU,
            Self::Backbone => LINK_TYPE_ETHERNET,
            Self::RawIp => LINK_TYPE_RAW_IP,
        }
    }

    /// The kind a link type stands for, if it is one of the three written here.
    #[must_use]
    pub const fn from_link_type(link_type: u16) -> Option<Self> {
        match link_type {
            LINK_TYPE_UPPER_PDU => Some(Self::Air),
            LINK_TYPE_ETHERNET => Some(Self::Backbone),
            LINK_TYPE_RAW_IP => Some(Self::RawIp),
            _ => None,
        }
    }

    /// The Wireshark dissector that an upper-PDU tag 12 names for frames of this kind (`dot16-wire.md` 1.2).
    #[must_use]
    pub const fn dissector(self) -> &'static str {
        match self {
            Self::Air => "wimax_pdu_burst_handler",
            Self::Backbone => "eth_withoutfcs",
            Self::RawIp => "ip",
        }
    }

    /// The kind a dissector name stands for, if it is one of the three written here.
    #[must_use]
    pub fn from_dissector(name: &str) -> Option<Self> {
        [Self::Air, Self::Backbone, Self::RawIp].into_iter().find(|kind| kind.dissector() == name)
    }
}

/// One interface of a capture: one link, or one tap of the adversary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceDescription {
    /// Name, such as `air:ms1-bs2`, `r6:bs1-gw` or `adv:replay`.
    pub name: String,
    /// A sentence about it; may be empty.
    pub description: String,
    /// What its frames are.
    pub kind: LinkKind,
}
