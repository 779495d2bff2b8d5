//! What the shared secret of Authenticator and AAA server protects: Message-Authenticator (RFC 3579 section 3.2), Response
//! Authenticator (RFC 2865 section 3), and the keys in an Access-Accept (RFC 2548 section 2.4).

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keys::Msk;
use crate::dot16::backbone::radius::RadiusPacket;
use crate::dot16::backbone::radius_attribute::{MppeKeyKind, RadiusAttribute};
use crate::dot16::backbone::{BackboneError, RadiusCode};

/// Octets of a block of the key encryption.
const BLOCK: usize = 16;
/// Octets of each half of the MSK.
const HALF: usize = Msk::OCTETS / 2;

/// The secret that Authenticator and AAA server share: any number of octets.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RadiusSecret(Vec<u8>);

/// The name, never the octets.
impl std::fmt::Debug for RadiusSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RadiusSecret(redacted)")
    }
}

/// Why a packet is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RadiusFault {
    /// There is no Message-Authenticator, or more than one.
    #[error("not exactly one Message-Authenticator")]
    MessageAuthenticatorMissing,
    /// Message-Authenticator does not verify.
    #[error("Message-Authenticator does not verify")]
    MessageAuthenticator,
    /// Response Authenticator does not verify.
    #[error("Response Authenticator does not verify")]
    ResponseAuthenticator,
}

impl RadiusSecret {
    /// The secret made of these octets.
    #[must_use]
    pub const fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// Fills in Message-Authenticator of an Access-Request, as its first attribute.
    ///
    /// # Errors
    /// A packet that cannot be put into octets.
    pub fn sign_request(&self, packet: &mut RadiusPacket) -> Result<(), BackboneError> {
        packet.attributes.insert(0, RadiusAttribute::MessageAuthenticator([0; 16]));
        let value = self.message_authenticator(packet)?;
        set_message_authenticator(packet, value);
        Ok(())
    }

    /// Fills in Message-Authenticator, as the first attribute, and the Response Authenticator of an answer to the request
    /// with `request_authenticator`.
    ///
    /// # Errors
    /// A packet that cannot be put into octets.
    pub fn sign_response(
        &self,
        packet: &mut RadiusPacket,
        request_authenticator: &[u8; 16],
    ) -> Result<(), BackboneError> {
        packet.authenticator = *request_authenticator;
        self.sign_request(packet)?;
        packet.authenticator = self.response_authenticator(packet)?;
        Ok(())
    }

    /// Whether an Access-Request is of one who knows the secret.
    ///
    /// # Errors
    /// [`RadiusFault`].
    pub fn verify_request(&self, packet: &RadiusPacket) -> Result<(), RadiusFault> {
        let mut authenticators = packet.attributes.iter().filter_map(|attribute| match attribute {
            RadiusAttribute::MessageAuthenticator(value) => Some(value),
            _ => None,
        });
        let (Some(value), None) = (authenticators.next(), authenticators.next()) else {
            return Err(RadiusFault::MessageAuthenticatorMissing);
        };
        let mut blank = packet.clone();
        set_message_authenticator(&mut blank, [0; 16]);
        let expected = self.message_authenticator(&blank).map_err(|_| RadiusFault::MessageAuthenticator)?;
        if expected.ct_eq(value).into() { Ok(()) } else { Err(RadiusFault::MessageAuthenticator) }
    }

    /// Whether an answer is of one who knows the secret, and answers the request with `request_authenticator`.
    ///
    /// # Errors
    /// [`RadiusFault`].
    pub fn verify_response(&self, packet: &RadiusPacket, request_authenticator: &[u8; 16]) -> Result<(), RadiusFault> {
        let mut as_signed = packet.clone();
        as_signed.authenticator = *request_authenticator;
        let expected = self.response_authenticator(&as_signed).map_err(|_| RadiusFault::ResponseAuthenticator)?;
        if !bool::from(expected.ct_eq(&packet.authenticator)) {
            return Err(RadiusFault::ResponseAuthenticator);
        }
        self.verify_request(&as_signed)
    }

    /// HMAC-MD5 over a packet whose Message-Authenticator is 0 and whose authenticator is that of the request.
    fn message_authenticator(&self, packet: &RadiusPacket) -> Result<[u8; 16], BackboneError> {
        let octets = packet.octets()?;
        // HMAC takes a key of any length.
        let Ok(mut mac) = <Hmac<Md5> as KeyInit>::new_from_slice(&self.0) else {
            return Ok([0; 16]);
        };
        mac.update(&octets);
        Ok(mac.finalize().into_bytes().into())
    }

    /// MD5 over a packet whose authenticator is that of the request, and the secret.
    fn response_authenticator(&self, packet: &RadiusPacket) -> Result<[u8; 16], BackboneError> {
        Ok(Md5::new().chain_update(packet.octets()?).chain_update(&self.0).finalize().into())
    }

    /// The two attributes that carry the MSK in an Access-Accept: its first half is the Authenticator's receiving key, its
    /// second the sending one. The salts have to differ; their highest bit is set here.
    #[must_use]
    pub fn hide_msk(&self, msk: &Msk, salts: [u16; 2], request_authenticator: &[u8; 16]) -> [RadiusAttribute; 2] {
        let (recv, send) = msk.octets().split_at(HALF);
        let [recv_salt, send_salt] = salts.map(|salt| salt | 0x8000);
        let hide = |kind, half, salt| {
            let hidden = self.hide(half, salt, request_authenticator);
            RadiusAttribute::MppeKey { kind, salt, hidden }
        };
        [hide(MppeKeyKind::Recv, recv, recv_salt), hide(MppeKeyKind::Send, send, send_salt)]
    }

    /// The MSK in an Access-Accept, if both halves are there and have 32 octets each.
    #[must_use]
    pub fn reveal_msk(&self, packet: &RadiusPacket, request_authenticator: &[u8; 16]) -> Option<Msk> {
        if packet.code != RadiusCode::ACCESS_ACCEPT {
            return None;
        }
        let half = |kind| {
            let (salt, hidden) = packet.mppe_key(kind)?;
            self.reveal(hidden, salt, request_authenticator)
        };
        let (recv, send) = (half(MppeKeyKind::Recv)?, half(MppeKeyKind::Send)?);
        let octets: Zeroizing<Vec<u8>> = Zeroizing::new([recv.as_slice(), send.as_slice()].concat());
        Some(Msk::from_octets(octets.as_slice().try_into().ok()?))
    }

    /// `length | key | zeros`, each block XORed with MD5(secret | what came before).
    fn hide(&self, key: &[u8], salt: u16, request_authenticator: &[u8; 16]) -> Vec<u8> {
        let length = u8::try_from(key.len()).unwrap_or(u8::MAX);
        let mut plain = Zeroizing::new([&[length], key].concat());
        let padded = plain.len().next_multiple_of(BLOCK);
        plain.resize(padded, 0);
        let mut before = [&request_authenticator[..], &salt.to_be_bytes()].concat();
        let mut hidden = Vec::with_capacity(padded);
        for block in plain.chunks(BLOCK) {
            before = self.masked(block, &before);
            hidden.extend_from_slice(&before);
        }
        hidden
    }

    fn reveal(&self, hidden: &[u8], salt: u16, request_authenticator: &[u8; 16]) -> Option<Zeroizing<Vec<u8>>> {
        let mut before = [&request_authenticator[..], &salt.to_be_bytes()].concat();
        let mut plain = Zeroizing::new(Vec::with_capacity(hidden.len()));
        for block in hidden.chunks(BLOCK) {
            plain.extend_from_slice(&Zeroizing::new(self.masked(block, &before)));
            before = block.to_vec();
        }
        let (length, rest) = plain.split_first()?;
        let key = rest.get(..usize::from(*length)).filter(|key| key.len() == HALF)?;
        Some(Zeroizing::new(key.to_vec()))
    }

    fn masked(&self, block: &[u8], before: &[u8]) -> Vec<u8> {
        let mask = Md5::new().chain_update(&self.0).chain_update(before).finalize();
        block.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect()
    }
}

fn set_message_authenticator(packet: &mut RadiusPacket, value: [u8; 16]) {
    for attribute in &mut packet.attributes {
        if let RadiusAttribute::MessageAuthenticator(authenticator) = attribute {
            *authenticator = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> RadiusSecret {
        RadiusSecret::new(b"xyzzy5461".to_vec())
    }

    fn packet(code: RadiusCode, attributes: Vec<RadiusAttribute>) -> RadiusPacket {
        RadiusPacket { code, identifier: 1, authenticator: [9; 16], attributes }
    }

    #[test]
    fn the_response_authenticator_is_that_of_the_example_in_rfc_2865() {
        // Section 7.1: the request's authenticator and the accept that answers it.
        let request: [u8; 16] = hex::decode("0f403f9473978057bd83d5cb98f4227a").unwrap().try_into().unwrap();
        let accept = hex::decode("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103");
        let accept = RadiusPacket::parse(&accept.unwrap()).unwrap();
        let mut as_signed = accept.clone();
        as_signed.authenticator = request;
        assert_eq!(secret().response_authenticator(&as_signed), Ok(accept.authenticator));
    }

    #[test]
    fn whatever_is_changed_no_longer_verifies() {
        let mut request = packet(RadiusCode::ACCESS_REQUEST, vec![RadiusAttribute::UserName(b"ms".to_vec())]);
        assert_eq!(secret().verify_request(&request), Err(RadiusFault::MessageAuthenticatorMissing));
        secret().sign_request(&mut request).unwrap();
        assert_eq!(secret().verify_request(&request), Ok(()));
        assert!(RadiusSecret::new(b"another".to_vec()).verify_request(&request).is_err());
        let mut response = packet(RadiusCode::ACCESS_CHALLENGE, vec![RadiusAttribute::State(vec![1])]);
        secret().sign_response(&mut response, &request.authenticator).unwrap();
        assert_eq!(secret().verify_response(&response, &request.authenticator), Ok(()));
        let fault = secret().verify_response(&response, &[8; 16]);
        assert_eq!(fault, Err(RadiusFault::ResponseAuthenticator), "an answer to another request");
        for (packet, verifies) in [
            (
                &request,
                &(|packet: &RadiusPacket| secret().verify_request(packet).is_ok()) as &dyn Fn(&RadiusPacket) -> bool,
            ),
            (&response, &|packet| secret().verify_response(packet, &[9; 16]).is_ok()),
        ] {
            let octets = packet.octets().unwrap();
            for place in (0..octets.len()).filter(|place| !(2..4).contains(place)) {
                let mut changed = octets.clone();
                changed[place] ^= 1;
                let changed = RadiusPacket::parse(&changed);
                assert!(!changed.is_ok_and(|packet| verifies(&packet)), "octet {place}");
            }
        }
    }

    #[test]
    fn the_msk_travels_in_two_halves_that_only_the_secret_opens() {
        let octets: [u8; 64] = std::array::from_fn(|place| place as u8);
        let msk = Msk::from_octets(octets);
        let accept = packet(RadiusCode::ACCESS_ACCEPT, secret().hide_msk(&msk, [1, 2], &[3; 16]).to_vec());
        assert_eq!(accept.mppe_key(MppeKeyKind::Recv).unwrap().0, 0x8001);
        assert_eq!(accept.mppe_key(MppeKeyKind::Send).unwrap().1.len(), 48);
        let sent = accept.octets().unwrap();
        assert!(!sent.windows(8).any(|part| octets.windows(8).any(|secret| secret == part)));
        assert_eq!(secret().reveal_msk(&accept, &[3; 16]), Some(msk.clone()));
        assert_ne!(secret().reveal_msk(&accept, &[4; 16]), Some(msk.clone()));
        assert_ne!(RadiusSecret::new(b"another".to_vec()).reveal_msk(&accept, &[3; 16]), Some(msk));
        let none = packet(RadiusCode::ACCESS_ACCEPT, Vec::new());
        assert_eq!(secret().reveal_msk(&none, &[3; 16]), None);
        let short = RadiusAttribute::MppeKey { kind: MppeKeyKind::Recv, salt: 0x8000, hidden: vec![1, 2] };
        assert_eq!(secret().reveal_msk(&packet(RadiusCode::ACCESS_ACCEPT, vec![short]), &[3; 16]), None);
    }
}
