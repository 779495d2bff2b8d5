//! The names of those who use e2m keys, and of the keys (seed 004).

use std::fmt;
use std::str::FromStr;

/// Most octets of the identifier of an end point, of an application identity, and of the string in the derivations.
pub const MAX_NAME: usize = 255;

/// Not the name of an end point or of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {MAX_NAME} printable ASCII characters other than space and semicolon, found {0:?}")]
pub struct NotAName(pub String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// It as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                let fits = (1..=MAX_NAME).contains(&text.len());
                // A semicolon stands between the parts of a PSK identity.
                if fits && text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b';') {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NotAName(text.to_owned()))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// EMSE_Id: what an end point is called in derivations, for instance `"emse1.example.org"`.
    EmseId
}

name! {
    /// What a user is called by an application: an IMSI in digits, or a name of the enterprise's own.
    ApplicationIdentity
}

/// What a key is called between UE, EMSE and EMKS, 32 bits; of them as many are used as was agreed on. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyIdentifier(pub u32);

/// Eight hex digits.
impl fmt::Display for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for KeyIdentifier {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let digits = text.len() == 8 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
        let value = if digits { u32::from_str_radix(text, 16).ok() } else { None };
        value.map(Self).ok_or_else(|| NotAName(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_space_and_no_separator() {
        for text in ["", "a b", "a;b", "\u{e4}", "a\n", &"a".repeat(256)] {
            assert!(text.parse::<EmseId>().is_err(), "{text:?}");
        }
        assert_eq!("meter-1@example.org".parse::<ApplicationIdentity>().unwrap().to_string(), "meter-1@example.org");
    }

    #[test]
    fn identifiers_of_keys_come_back_from_text() {
        // E5
        for value in [0, 0x0bcd_ef01, u32::MAX] {
            assert_eq!(KeyIdentifier(value).to_string().parse(), Ok(KeyIdentifier(value)));
        }
        for text in ["", "0000000", "000000000", "+0000000", "0000000g"] {
            assert!(text.parse::<KeyIdentifier>().is_err());
        }
    }
}
