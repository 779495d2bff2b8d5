//! Sessions of a UE with an end point in an enterprise (seed 004): the port, and what the UE says of itself and of its key where DTLS asks for
//! the identity of a pre-shared key.
//!
//! `application identity;key identifier`, the latter in eight lower-case hex digits \[choice\], for instance
//! `meter-7@utility.example;89abcdef`: printable ASCII, at most 264 octets (RFC 4279 section 5.1 wants UTF-8).

use std::fmt;

use crate::eps::identifiers::e2m::{ApplicationIdentity, KeyIdentifier};

/// The UDP port of every end point: that which Wireshark takes for DTLS.
pub const EMSE_PORT: u16 = 4433;

/// The identity of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionIdentity {
    /// Who the UE is to the application: its IMSI, or a name that the two have agreed on.
    pub application: ApplicationIdentity,
    /// Which of its keys it uses.
    pub key: KeyIdentifier,
}

impl SessionIdentity {
    /// The identity that these octets are; none if they are not of that form.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let (application, key) = std::str::from_utf8(octets).ok()?.split_once(';')?;
        let identity = Self { application: application.parse().ok()?, key: key.parse().ok()? };
        // Digits in upper case are another form.
        (identity.key.to_string() == key).then_some(identity)
    }
}

impl fmt::Display for SessionIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.application, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_back() {
        let identity = SessionIdentity {
            application: "meter-7@utility.example".parse().unwrap(),
            key: KeyIdentifier(0x0bcd_ef01),
        };
        assert_eq!(identity.to_string(), "meter-7@utility.example;0bcdef01");
        assert_eq!(SessionIdentity::parse(identity.to_string().as_bytes()), Some(identity));
    }

    #[test]
    fn what_is_of_another_form_is_none() {
        let long = format!("{};00000000", "x".repeat(256));
        for text in ["", "a", "a;", ";00000000", "a;0000000", "a;0000000G", "a;ABCDEF00", "a;b;00000000", &long] {
            assert_eq!(SessionIdentity::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(SessionIdentity::parse(b"\xff;00000000"), None);
    }
}
