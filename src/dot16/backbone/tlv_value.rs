//! What stands in the value of one TLV that is not a compound (`dot16-wire.md` 5.3).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::dot16::identifiers::{AkId, Bsid, Cid, CmacKeyCount, MsMac, Said, Sfid};

/// A node of the network as the ASN control plane names it; the length of the value says which form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeIdentifier {
    /// IPv4 address, 4 octets.
    Ipv4(Ipv4Addr),
    /// BSID or MAC address, 6 octets.
    Octets6([u8; 6]),
    /// IPv6 address, 16 octets.
    Ipv6(Ipv6Addr),
}

impl NodeIdentifier {
    /// The identifier as a BSID, if it has six octets.
    #[must_use]
    pub const fn bsid(self) -> Option<Bsid> {
        match self {
            Self::Octets6(octets) => Some(Bsid(octets)),
            Self::Ipv4(_) | Self::Ipv6(_) => None,
        }
    }
}

impl From<Bsid> for NodeIdentifier {
    fn from(bsid: Bsid) -> Self {
        Self::Octets6(bsid.0)
    }
}

impl From<MsMac> for NodeIdentifier {
    fn from(ms: MsMac) -> Self {
        Self::Octets6(ms.0)
    }
}

impl From<Ipv4Addr> for NodeIdentifier {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ipv4(address)
    }
}

/// Dotted decimal, six octets with colons, or IPv6 text.
impl fmt::Display for NodeIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => address.fmt(f),
            Self::Octets6(octets) => Bsid(*octets).fmt(f),
            Self::Ipv6(address) => address.fmt(f),
        }
    }
}

/// A value with a fixed set of lengths, most significant octet first.
pub(super) trait TlvValue: Sized + fmt::Debug {
    /// The value, or `None` if it does not have the length of this type.
    fn from_value(octets: &[u8]) -> Option<Self>;

    /// Appends the octets of the value.
    fn append(&self, octets: &mut Vec<u8>);

    /// What `Debug` may print.
    fn shown(&self) -> &dyn fmt::Debug {
        self
    }
}

struct Redacted;

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Plain octets of a fixed number are keys (AK, TEK): they are never printed.
impl<const N: usize> TlvValue for [u8; N] {
    fn from_value(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok()
    }

    fn append(&self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(self);
    }

    fn shown(&self) -> &dyn fmt::Debug {
        &Redacted
    }
}

macro_rules! integer {
    ($($type:ty),*) => { $(
        impl TlvValue for $type {
            fn from_value(octets: &[u8]) -> Option<Self> {
                octets.try_into().ok().map(Self::from_be_bytes)
            }

            fn append(&self, octets: &mut Vec<u8>) {
                octets.extend_from_slice(&self.to_be_bytes());
            }
        }
    )* };
}

integer!(u8, u16, u32);

macro_rules! identifier {
    ($($type:ident),*) => { $(
        impl TlvValue for $type {
            fn from_value(octets: &[u8]) -> Option<Self> {
                TlvValue::from_value(octets).map(Self)
            }

            fn append(&self, octets: &mut Vec<u8>) {
                self.0.append(octets);
            }
        }
    )* };
}

identifier!(AkId, Cid, CmacKeyCount, Said, Sfid);

impl TlvValue for NodeIdentifier {
    fn from_value(octets: &[u8]) -> Option<Self> {
        match octets.len() {
            4 => <[u8; 4]>::from_value(octets).map(|octets| Self::Ipv4(octets.into())),
            6 => <[u8; 6]>::from_value(octets).map(Self::Octets6),
            16 => <[u8; 16]>::from_value(octets).map(|octets| Self::Ipv6(octets.into())),
            _ => None,
        }
    }

    fn append(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Ipv4(address) => octets.extend_from_slice(&address.octets()),
            Self::Octets6(identifier) => octets.extend_from_slice(identifier),
            Self::Ipv6(address) => octets.extend_from_slice(&address.octets()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_chooses_the_form_of_a_node_identifier() {
        let cases: [(&[u8], &str); 3] = [
            (&[10, 16, 0, 2], "10.16.0.2"),
            (&[10, 0, 0, 0, 0, 2], "0a:00:00:00:00:02"),
            (&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1"),
        ];
        for (octets, text) in cases {
            let identifier = NodeIdentifier::from_value(octets).unwrap();
            assert_eq!(identifier.to_string(), text);
            let mut written = Vec::new();
            identifier.append(&mut written);
            assert_eq!(written, octets);
        }
        for length in [0, 1, 3, 5, 7, 8, 15, 17] {
            assert_eq!(NodeIdentifier::from_value(&vec![0; length]), None, "{length} octets");
        }
    }

    #[test]
    fn only_a_six_octet_identifier_is_a_bsid() {
        let bsid = Bsid([10, 0, 0, 0, 0, 2]);
        assert_eq!(NodeIdentifier::from(bsid).bsid(), Some(bsid));
        assert_eq!(NodeIdentifier::from(Ipv4Addr::LOCALHOST).bsid(), None);
    }
}
