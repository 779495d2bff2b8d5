//! The identifiers of EPS, one type for each, so that none can stand in for another.
//!
//! Sizes are those of TS 23.003 (identities of networks, nodes and subscribers), TS 36.413 and TS 36.423 (identifiers of a UE on
//! an interface), TS 36.331 (cells and carriers), TS 29.274 (tunnels). NCC is in
//! [`parameters`](super::parameters). [`e2m`]: the names of enterprises and of those who have keys with them.

pub mod e2m;

use std::fmt;
use std::str::FromStr;

/// A number that has fewer values than its type.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($inner:ty), $first:literal, $last:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// The lowest value.
            pub const FIRST: Self = Self($first);
            /// The highest value.
            pub const LAST: Self = Self($last);

            /// The identifier with this value; none if it is not one.
            #[must_use]
            pub const fn new(value: $inner) -> Option<Self> {
                if matches!(value, $first..=$last) { Some(Self(value)) } else { None }
            }

            /// The value.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

bounded! {
    /// Identity of a macro eNB in its network, 20 bits (TS 36.413 clause 9.2.1.37).
    EnbId(u32), 0, 0x000f_ffff
}

bounded! {
    /// Identity of a cell in its network, 28 bits: of a macro eNB the 20 of the eNB, then 8 of the cell (TS 36.413 clause 9.2.1.38).
    Eci(u32), 0, 0x0fff_ffff
}

bounded! {
    /// Physical cell identity, 0 to 503 (TS 36.331 clause 6.3.4).
    Pci(u16), 0, 503
}

bounded! {
    /// Downlink carrier, 0 to 262,143 (TS 36.331 clause 6.3.4, `ARFCN-ValueEUTRA-r9`).
    Earfcn(u32), 0, 0x0003_ffff
}

bounded! {
    /// What an eNB calls a UE on S1, 24 bits (TS 36.413 clause 9.2.3.4).
    EnbUeS1apId(u32), 0, 0x00ff_ffff
}

bounded! {
    /// What an eNB calls a UE on X2, 12 bits (TS 36.423 clause 9.2.24).
    X2apUeId(u16), 0, 0x0fff
}

bounded! {
    /// EPS bearer identity, which is the E-RAB ID too: 4 bits, of which 5 to 15 name a bearer (TS 24.007 clause 11.2.3.1.5).
    Ebi(u8), 5, 15
}

/// A number all of whose values there are.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $format:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
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
    /// What an MME calls a UE on S1, 4 octets (TS 36.413 clause 9.2.3.3).
    MmeUeS1apId(u32), "{}"
}

number! {
    /// Tunnel endpoint identifier of GTP, 4 octets; 0 where the peer's is not known yet (TS 29.274 clause 5.1).
    Teid(u32), "{:#010x}"
}

number! {
    /// Tracking area code, 2 octets (TS 23.003 clause 19.4.2.3).
    Tac(u16), "{:#06x}"
}

number! {
    /// Group of MMEs, 2 octets (TS 23.003 clause 2.8.1).
    MmeGroupId(u16), "{:#06x}"
}

number! {
    /// MME in its group, 1 octet (TS 23.003 clause 2.8.1).
    MmeCode(u8), "{:#04x}"
}

number! {
    /// M-TMSI, 4 octets: the UE within its MME (TS 23.003 clause 2.8.1).
    MTmsi(u32), "{:#010x}"
}

impl Eci {
    /// The cell with this number of a macro eNB.
    #[must_use]
    pub const fn of_enb(enb: EnbId, cell: u8) -> Self {
        Self(enb.0 << 8 | cell as u32)
    }

    /// The macro eNB that it is a cell of.
    #[must_use]
    pub const fn enb(self) -> EnbId {
        EnbId(self.0 >> 8)
    }
}

/// Why digits are no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct DigitsError {
    expected: &'static str,
    found: String,
}

/// The digits of `text`, each a number, if it has `least` to `most` and nothing else.
fn digits(text: &str, least: usize, most: usize) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.bytes().map(|digit| digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))).collect();
    digits.filter(|digits| (least..=most).contains(&digits.len()))
}

/// What stands in the place of a digit that is not there.
const FILLER: u8 = 0xf;

/// Identity of a network, 3 octets: the digits of MCC and MNC, two in an octet, the first in the low half; in octet 2 the high half
/// is the third digit of the MNC, or 0xf if there is none (TS 24.008 clause 10.5.1.13). So it stands in NAS and GTPv2-C, and so the
/// serving network goes into KASME. S1AP and X2AP have the digits of an MNC of three in another order: [`Plmn::ap_octets`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plmn(pub [u8; 3]);

impl Plmn {
    /// Its 3 octets in S1AP and X2AP: MCC, then 0xf and two digits of MNC or its three, two digits in an octet in this order
    /// (TS 36.413 clause 9.2.3.8).
    #[must_use]
    pub const fn ap_octets(self) -> [u8; 3] {
        let Self([first, second, third]) = self;
        if second >> 4 == FILLER {
            return self.0;
        }
        [first, third << 4 | second & 0xf, second & 0xf0 | third >> 4]
    }

    /// The network with these octets in S1AP and X2AP.
    #[must_use]
    pub const fn from_ap_octets([first, second, third]: [u8; 3]) -> Self {
        if second >> 4 == FILLER {
            return Self([first, second, third]);
        }
        Self([first, third & 0xf0 | second & 0xf, third << 4 | second >> 4])
    }
}

/// MCC (3 digits) and MNC (2 or 3 digits) with a hyphen between them: `001-01`.
impl FromStr for Plmn {
    type Err = DigitsError;

    fn from_str(text: &str) -> Result<Self, DigitsError> {
        let parts = text.split_once('-').and_then(|(mcc, mnc)| Some((digits(mcc, 3, 3)?, digits(mnc, 2, 3)?)));
        match parts.as_ref().map(|(mcc, mnc)| (mcc.as_slice(), mnc.as_slice())) {
            Some(([a, b, c], [d, e])) => Ok(Self([b << 4 | a, FILLER << 4 | c, e << 4 | d])),
            Some(([a, b, c], [d, e, f])) => Ok(Self([b << 4 | a, f << 4 | c, e << 4 | d])),
            _ => Err(DigitsError {
                expected: "three digits, a hyphen, two or three digits, as in 001-01",
                found: text.to_owned(),
            }),
        }
    }
}

/// As it is read from text; a half octet that is no digit as the hex digit it is.
impl fmt::Display for Plmn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = self.0.map(|octet| (octet & 0xf, octet >> 4));
        write!(f, "{:x}{:x}{:x}-{:x}{:x}", first.0, first.1, second.0, third.0, third.1)?;
        if second.1 == FILLER { Ok(()) } else { write!(f, "{:x}", second.1) }
    }
}

impl fmt::Debug for Plmn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plmn({self})")
    }
}

/// Most digits of an IMSI.
const MAX_IMSI: usize = 15;

/// International mobile subscriber identity, 6 to 15 digits (TS 23.003 clause 2.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Imsi {
    /// Its digits as a number.
    value: u64,
    /// How many there are.
    length: u8,
}

impl Imsi {
    /// Its octets where digits stand two in an octet, the first in the low half, a last single one under 0xf: 3 to 8 octets
    /// (TS 29.274 clause 8.3).
    #[must_use]
    pub fn octets(self) -> Vec<u8> {
        let digits: Vec<u8> = self.to_string().bytes().map(|digit| digit.wrapping_sub(b'0')).collect();
        digits.chunks(2).map(|pair| pair.get(1).unwrap_or(&FILLER) << 4 | pair.first().unwrap_or(&FILLER)).collect()
    }

    /// The identity that such octets hold; none if they hold something else.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut text = String::with_capacity(octets.len().saturating_mul(2).min(MAX_IMSI.saturating_add(1)));
        let last = octets.len().checked_sub(1)?;
        for (place, octet) in octets.iter().enumerate() {
            text.push(char::from_digit(u32::from(octet & 0xf), 10)?);
            match octet >> 4 {
                FILLER if place == last => {}
                digit => text.push(char::from_digit(u32::from(digit), 10)?),
            }
            if text.len() > MAX_IMSI {
                return None;
            }
        }
        text.parse().ok()
    }
}

impl FromStr for Imsi {
    type Err = DigitsError;

    fn from_str(text: &str) -> Result<Self, DigitsError> {
        let error = || DigitsError { expected: "6 to 15 digits", found: text.to_owned() };
        let digits = digits(text, 6, MAX_IMSI).ok_or_else(error)?;
        let length = u8::try_from(digits.len()).map_err(|_| error())?;
        Ok(Self { value: text.parse().map_err(|_| error())?, length })
    }
}

impl fmt::Display for Imsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.value, width = usize::from(self.length))
    }
}

impl fmt::Debug for Imsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imsi({self})")
    }
}

/// E-UTRAN cell global identifier: 3 octets and 28 bits (TS 36.413 clause 9.2.1.38).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ecgi {
    /// The network.
    pub plmn: Plmn,
    /// The cell in it.
    pub eci: Eci,
}

/// Tracking area identity: 3 and 2 octets (TS 36.413 clause 9.2.3.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tai {
    /// The network.
    pub plmn: Plmn,
    /// The tracking area in it.
    pub tac: Tac,
}

/// Global eNB ID of a macro eNB: 3 octets and 20 bits (TS 36.413 clause 9.2.1.37).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlobalEnbId {
    /// The network.
    pub plmn: Plmn,
    /// The eNB in it.
    pub enb: EnbId,
}

/// Globally unique MME identifier, 6 octets (TS 36.413 clause 9.2.3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gummei {
    /// The network.
    pub plmn: Plmn,
    /// The group in it.
    pub group: MmeGroupId,
    /// The MME in that.
    pub code: MmeCode,
}

/// S-TMSI, 5 octets: the UE within a group of MMEs (TS 36.413 clause 9.2.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct STmsi {
    /// The MME in its group.
    pub code: MmeCode,
    /// The UE in that MME.
    pub m_tmsi: MTmsi,
}

/// Globally unique temporary identity, 10 octets (TS 23.003 clause 2.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guti {
    /// The MME.
    pub gummei: Gummei,
    /// The UE in that.
    pub m_tmsi: MTmsi,
}

impl Guti {
    /// The part of it that is said on the air.
    #[must_use]
    pub const fn s_tmsi(self) -> STmsi {
        STmsi { code: self.gummei.code, m_tmsi: self.m_tmsi }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_network_with_two_digits_of_mnc_has_a_filler_and_one_with_three_none() {
        let plmn: Plmn = "208-93".parse().unwrap();
        assert_eq!(plmn.0, [0x02, 0xf8, 0x39]);
        let plmn: Plmn = "999-070".parse().unwrap();
        assert_eq!((plmn.0, plmn.ap_octets()), ([0x99, 0x09, 0x70], [0x99, 0x09, 0x07]));
        for text in ["001-01", "310-410", "999-070"] {
            let plmn: Plmn = text.parse().unwrap();
            assert_eq!((plmn.to_string().as_str(), Plmn::from_ap_octets(plmn.ap_octets())), (text, plmn));
        }
        for text in ["00101", "001-1", "001-1234", "01-01", "001-0a", "001-01-2", "-", "\u{661}01-01"] {
            let error = text.parse::<Plmn>().unwrap_err().to_string();
            assert!(error.starts_with("expected three digits, a hyphen"), "{error}");
        }
    }

    #[test]
    fn an_identifier_outside_its_bits_is_none() {
        assert_eq!(EnbId::new(0x000f_ffff), Some(EnbId::LAST));
        assert_eq!(EnbId::new(0x0010_0000), None);
        assert_eq!((Ebi::new(4), Ebi::new(5), Ebi::new(16)), (None, Some(Ebi::FIRST), None));
        assert_eq!(X2apUeId::new(4096), None);
        assert_eq!(Eci::of_enb(EnbId::LAST, 0xff), Eci::LAST);
        assert_eq!(Eci::of_enb(EnbId::new(0x12345).unwrap(), 6).enb(), EnbId::new(0x12345).unwrap());
    }

    #[test]
    fn an_odd_number_of_digits_ends_in_a_filler() {
        let imsi: Imsi = "001010000000001".parse().unwrap();
        assert_eq!(imsi.octets(), [0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0xf1]);
        assert_eq!(Imsi::from_octets(&[]), None);
        assert_eq!(Imsi::from_octets(&[0x00, 0xf1, 0x01, 0x00]), None, "a filler before the end");
        assert_eq!(Imsi::from_octets(&[0; 8]), None, "sixteen digits");
        assert_eq!(Imsi::from_octets(&[0x00, 0x0a, 0x01, 0x00]), None, "no digit");
        assert!("12345".parse::<Imsi>().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_imsi_comes_back_from_its_octets(text in "[0-9]{6,15}") {
            let imsi: Imsi = text.parse().unwrap();
            prop_assert_eq!(imsi.to_string(), text);
            prop_assert_eq!(Imsi::from_octets(&imsi.octets()), Some(imsi));
        }
    }
}
