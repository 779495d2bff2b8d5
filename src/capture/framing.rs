//! What an interface of a capture carries, and the link types of the tcpdump registry that stand for it.

/// Link type of 802.16 MAC PDU bursts behind upper-PDU tags (`dot16-wire.md` 1.2).
pub const LINK_TYPE_UPPER_PDU: u16 = 252;
/// Link type of Ethernet frames.
pub const LINK_TYPE_ETHERNET: u16 = 1;
/// Link type of IP packets without framing.
pub const LINK_TYPE_RAW_IP: u16 = 101;

/// Octets of a CDMA ranging code on an air interface: too few for a MAC PDU.
pub const CDMA_CODE_OCTETS: usize = 3;
const BURST_DISSECTOR: &str = "wimax_pdu_burst_handler";
const CDMA_CODE_DISSECTOR: &str = "wimax_cdma_code_burst_handler";

/// What the frames of an interface are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Bursts of 802.16 MAC PDUs; link type 252, wrapped in upper-PDU tags.
    Air,
    /// Ethernet frames of the backbone; link type 1.
    Backbone,
    /// IP packets; link type 101.
    RawIp,
    /// Frames of other dissectors that bring their upper-PDU tags; link type 252. Read back, they are
    /// [`FrameKind::Dissector`](super::capture_reader::FrameKind::Dissector), without the tags.
    Tagged,
}

impl LinkKind {
    /// The link type of the tcpdump registry, as it stands in a pcapng file.
    #[must_use]
    pub const fn link_type(self) -> u16 {
        match self {
            Self::Air | Self::Tagged => LINK_TYPE_UPPER_PDU,
            Self::Backbone => LINK_TYPE_ETHERNET,
            Self::RawIp => LINK_TYPE_RAW_IP,
        }
    }

    /// The kind a link type stands for: of those written here the one that is known by it.
    #[must_use]
    pub const fn from_link_type(link_type: u16) -> Option<Self> {
        match link_type {
            LINK_TYPE_UPPER_PDU => Some(Self::Air),
            LINK_TYPE_ETHERNET => Some(Self::Backbone),
            LINK_TYPE_RAW_IP => Some(Self::RawIp),
            _ => None,
        }
    }

    /// The Wireshark dissector that an upper-PDU tag 12 names for `frame`, which is of this kind (`dot16-wire.md` 1.2). A burst
    /// of exactly [`CDMA_CODE_OCTETS`] is a ranging code and has a dissector of its own; a tagged frame names its own.
    #[must_use]
    pub const fn dissector(self, frame: &[u8]) -> &'static str {
        match self {
            Self::Air if frame.len() == CDMA_CODE_OCTETS => CDMA_CODE_DISSECTOR,
            Self::Air => BURST_DISSECTOR,
            Self::Backbone => "eth_withoutfcs",
            Self::RawIp => "ip",
            Self::Tagged => "",
        }
    }

    /// The kind a dissector name stands for, if there is one.
    #[must_use]
    pub fn from_dissector(name: &str) -> Option<Self> {
        match name {
            BURST_DISSECTOR | CDMA_CODE_DISSECTOR => Some(Self::Air),
            _ => [Self::Backbone, Self::RawIp].into_iter().find(|kind| kind.dissector(&[]) == name),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_three_octets_goes_to_the_dissector_of_ranging_codes_and_is_read_back_as_a_burst() {
        assert_eq!(LinkKind::Air.dissector(&[1, 0, 0]), "wimax_cdma_code_burst_handler");
        assert_eq!(LinkKind::Air.dissector(&[0; 6]), "wimax_pdu_burst_handler");
        for frame in [&[0; 3][..], &[0; 6]] {
            for kind in [LinkKind::Air, LinkKind::Backbone, LinkKind::RawIp] {
                assert_eq!(LinkKind::from_dissector(kind.dissector(frame)), Some(kind));
            }
        }
        assert_eq!(LinkKind::from_dissector("rrc"), None);
    }
}
