//! The identifiers of IEEE 802.16, one type for each, so that none can stand in for another.
//!
//! All of them are written most significant octet first on every wire of this crate.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a MAC address or BSID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected six octets as twelve hex digits, with or without colons (0a:00:00:00:00:02), found {found:?}")]
pub struct AddressError {
    /// The text as given.
    pub found: String,
}

fn six_octets(text: &str) -> Result<[u8; 6], AddressError> {
    let error = || AddressError { found: text.to_owned() };
    let digits: String = if text.contains(':') {
        let groups: Vec<&str> = text.split(':').collect();
        if groups.len() != 6 || groups.iter().any(|group| group.len() != 2) {
            return Err(error());
        }
        groups.concat()
    } else {
        text.to_owned()
    };
    if digits.len() != 12 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(error());
    }
    let value = u64::from_str_radix(&digits, 16).map_err(|_| error())?;
    let [_, _, octets @ ..] = value.to_be_bytes();
    Ok(octets)
}

/// The digits of an octet in hex.
const fn hex(octet: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[(octet >> 4) as usize], DIGITS[(octet & 0xf) as usize]]
}

macro_rules! six_octet_address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 6]);

        /// Six octets in hex with colons, as Wireshark prints them.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = *b"--:--:--:--:--:--";
                for (place, octet) in text.chunks_mut(3).zip(self.0) {
                    if let Some(digits) = place.first_chunk_mut() {
                        *digits = hex(octet);
                    }
                }
                f.write_str(str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        /// Twelve hex digits, with or without colons.
        impl FromStr for $name {
            type Err = AddressError;
            fn from_str(text: &str) -> Result<Self, AddressError> {
                six_octets(text).map(Self)
            }
        }
    };
}

six_octet_address! {
    /// Base station identifier, 6 octets.
    Bsid
}

six_octet_address! {
    /// MAC address of a mobile station (MSID), 6 octets.
    MsMac
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $format:path) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $format(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

number! {
    /// Connection identifier, 2 octets. Its range says what kind of connection it is (802.16-2009 clause 10.4, with m = 320).
    Cid(u16), hex_number
}

number! {
    /// Security association identifier, 2 octets.
    Said(u16), hex_number
}

number! {
    /// Service flow identifier, 4 octets.
    Sfid(u32), long_hex_number
}

number! {
    /// CMAC_KEY_COUNT, 2 octets: the counter from which CMAC keys and handover TEKs are derived.
    CmacKeyCount(u16), decimal
}

number! {
    /// AK sequence number, 4 bits: PMK SN in the two high bits, PAK SN in the two low ones.
    AkSequenceNumber(u8), decimal
}

/// A number without leading zeros, whatever the width that is asked for.
fn decimal(number: impl fmt::Display, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{number}")
}

/// A number of 32 bits in hex, `0x` and eight digits.
fn long_hex_number(number: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{number:#010x}")
}

/// A number of 16 bits in hex, `0x` and four digits.
fn hex_number(number: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let [[a, b], [c, d]] = number.to_be_bytes().map(hex);
    f.write_str(str::from_utf8(&[b'0', b'x', a, b, c, d]).unwrap_or_default())
}

impl Cid {
    /// Initial ranging connection, 0x0000.
    pub const INITIAL_RANGING: Self = Self(0);
    /// Broadcast connection, 0xffff.
    pub const BROADCAST: Self = Self(0xffff);
    /// Highest basic CID (m). Primary management CIDs are m + 1 to 2m, transport CIDs above.
    pub const BASIC_MAX: u16 = 320;

    /// Whether Wireshark, with its default preferences, and this crate take a PDU on this CID as management
    /// (`dot16-wire.md` 1.5).
    #[must_use]
    pub const fn is_management(self) -> bool {
        self.0 <= 2 * Self::BASIC_MAX || self.0 == 0xfeff || matches!(self.0, 0xfffa..=0xfffd) || self.0 == 0xffff
    }
}

impl CmacKeyCount {
    /// The next count, or `None` at the end of the 16-bit range: it never wraps (attack 15 of `dot16-security.md` 9).
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }
}

/// AKID, 8 octets: names an AK at one BS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AkId(pub [u8; 8]);

impl fmt::Display for AkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for AkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AkId({self})")
    }
}

/// Direction on the air, seen from the mobile station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the mobile station to the base station.
    Uplink,
    /// From the base station to the mobile station.
    Downlink,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uplink => "uplink",
            Self::Downlink => "downlink",
        })
    }
}
