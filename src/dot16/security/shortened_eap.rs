//! EAP, shortened: a key known to both ends in place of an EAP method of the AAA server (802.16-2009 clause 7.2.2.1; RFC 3748).
//!
//! ```text
//! Authenticator                                      mobile
//!   Request, Identity                        ->
//!                                            <-      Response, Identity: the MSID in hex
//!   Request, type 255: nonce_a | mac_a       ->      mac_a verifies, or Nak
//!                                            <-      Response, type 255: nonce_m | mac_m
//!   Success, or Failure                      ->
//!
//! mac_a = Dot16KDF(credential, MSID | nonce_a           | "Authenticator", 128)
//! mac_m = Dot16KDF(credential, MSID | nonce_a | nonce_m | "Mobile", 128)
//! MSK   = Dot16KDF(credential, MSID | nonce_a | nonce_m | "MSK", 512)
//! ```
//!
//! Nonces and MACs have 16 octets each. The Authenticator repeats its last packet until it is answered; the mobile answers a
//! repeated request with the answer it gave. What this method does not have: identity protection, negotiation, and keys that
//! outlive the loss of the credential.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::kdf::cmac_form;
use super::keys::{Credential, Msk};
use crate::dot16::identifiers::MsMac;
use crate::dot16::wire::{EapExchange, EapPacket};

/// Octets of a nonce and of a MAC.
const PART: usize = 16;

/// A nonce, 16 octets, never used twice.
pub type Nonce = [u8; PART];

/// The method at the mobile, for one authentication.
#[derive(Clone, Debug)]
pub struct EapPeer {
    credential: Credential,
    ms: MsMac,
    /// The last request answered, and the answer.
    answered: Option<(EapExchange, EapPacket)>,
    msk: Option<Msk>,
}

/// What the mobile makes of an EAP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerStep {
    /// Send this response.
    Respond(EapPacket),
    /// The Authenticator is satisfied, and its MAC has verified: [`EapPeer::msk`] holds.
    Succeeded,
    /// The Authenticator has refused.
    Refused,
    /// The packet does not belong here.
    Ignored(&'static str),
}

impl EapPeer {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new(credential: Credential, ms: MsMac) -> Self {
        Self { credential, ms, answered: None, msk: None }
    }

    /// The MSK, once a request with a good MAC was answered.
    #[must_use]
    pub fn msk(&self) -> Option<&Msk> {
        self.msk.as_ref()
    }

    /// Takes a packet of the Authenticator. `nonce` is drawn if a new nonce goes out.
    pub fn take(&mut self, packet: &EapPacket, nonce: impl FnOnce() -> Nonce) -> PeerStep {
        match packet {
            EapPacket::Request(request) => self.request(request, nonce),
            EapPacket::Success { identifier } | EapPacket::Failure { identifier }
                if self.answered.as_ref().is_none_or(|(request, _)| request.identifier != *identifier) =>
            {
                PeerStep::Ignored("it ends no exchange of this mobile")
            }
            EapPacket::Success { .. } if self.msk.is_none() => {
                PeerStep::Ignored("a success before the Authenticator has shown that it knows the credential")
            }
            EapPacket::Success { .. } => PeerStep::Succeeded,
            EapPacket::Failure { .. } => PeerStep::Refused,
            EapPacket::Response(_) => PeerStep::Ignored("a response, from an Authenticator"),
        }
    }

    fn request(&mut self, request: &EapExchange, nonce: impl FnOnce() -> Nonce) -> PeerStep {
        if let Some((answered, response)) = &self.answered
            && answered == request
        {
            return PeerStep::Respond(response.clone());
        }
        let identifier = request.identifier;
        let respond = |kind, data| EapPacket::Response(EapExchange { identifier, kind, data });
        let response = match request.kind {
            EapExchange::IDENTITY => respond(EapExchange::IDENTITY, identity(self.ms)),
            255 => match self.verified(&request.data) {
                Some(authenticator) => {
                    let own = nonce();
                    self.msk = Some(derive_msk(&self.credential, self.ms, &authenticator, &own));
                    let mac = mobile_mac(&self.credential, self.ms, &authenticator, &own);
                    respond(255, [own, mac].concat())
                }
                None if self.msk.is_some() => return PeerStep::Ignored("another request was answered before"),
                None => respond(EapExchange::NAK, vec![0]),
            },
            _ => respond(EapExchange::NAK, vec![255]),
        };
        self.answered = Some((request.clone(), response.clone()));
        PeerStep::Respond(response)
    }

    /// The nonce in the data of a request whose MAC verifies.
    fn verified(&self, data: &[u8]) -> Option<Nonce> {
        let (nonce, mac) = two_parts(data)?;
        let expected = authenticator_mac(&self.credential, self.ms, &nonce);
        bool::from(expected.ct_eq(&mac)).then_some(nonce)
    }
}

/// The method at the Authenticator, for one authentication.
#[derive(Clone, Debug)]
pub struct EapServer {
    credential: Credential,
    ms: MsMac,
    identifier: u8,
    /// The nonce sent; none while the identity is asked for.
    nonce: Option<Nonce>,
}

/// What the Authenticator makes of an EAP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// Send this request, and again until it is answered.
    Request(EapPacket),
    /// Authenticated: send this success.
    Succeeded(EapPacket, Msk),
    /// Not authenticated: send this failure.
    Failed(EapPacket),
    /// The packet does not belong here.
    Ignored(&'static str),
}

impl EapServer {
    /// Begins an authentication of `ms`; `identifier` is that of the first request, which is returned.
    #[must_use]
    pub fn begin(credential: Credential, ms: MsMac, identifier: u8) -> (Self, EapPacket) {
        let request = EapExchange { identifier, kind: EapExchange::IDENTITY, data: Vec::new() };
        (Self { credential, ms, identifier, nonce: None }, EapPacket::Request(request))
    }

    /// Takes a packet of the mobile. `nonce` is drawn if a new nonce goes out.
    pub fn take(&mut self, packet: &EapPacket, nonce: impl FnOnce() -> Nonce) -> ServerStep {
        let EapPacket::Response(response) = packet else {
            return ServerStep::Ignored("not a response");
        };
        if response.identifier != self.identifier {
            return ServerStep::Ignored("it answers no outstanding request");
        }
        let failure = EapPacket::Failure { identifier: self.identifier };
        let Some(own) = self.nonce else {
            if response.kind != EapExchange::IDENTITY || response.data != identity(self.ms) {
                return ServerStep::Failed(failure);
            }
            let own = nonce();
            self.nonce = Some(own);
            self.identifier = self.identifier.wrapping_add(1);
            let data = [own, authenticator_mac(&self.credential, self.ms, &own)].concat();
            let request = EapExchange { identifier: self.identifier, kind: 255, data };
            return ServerStep::Request(EapPacket::Request(request));
        };
        let parts = two_parts(&response.data).filter(|_| response.kind == 255);
        let verified = parts.filter(|(peer, mac)| mobile_mac(&self.credential, self.ms, &own, peer).ct_eq(mac).into());
        match verified {
            Some((peer, _)) => {
                let msk = derive_msk(&self.credential, self.ms, &own, &peer);
                ServerStep::Succeeded(EapPacket::Success { identifier: self.identifier }, msk)
            }
            None => ServerStep::Failed(failure),
        }
    }
}

/// The identity that a mobile gives: its MSID as 12 hex digits.
fn identity(ms: MsMac) -> Vec<u8> {
    ms.to_string().replace(':', "").into_bytes()
}

/// A nonce and a MAC, if `data` are exactly these.
fn two_parts(data: &[u8]) -> Option<(Nonce, [u8; PART])> {
    let (nonce, mac) = data.split_at_checked(PART)?;
    Some((nonce.try_into().ok()?, mac.try_into().ok()?))
}

fn kdf<const OCTETS: usize>(credential: &Credential, ms: MsMac, nonces: &[&Nonce], label: &[u8]) -> [u8; OCTETS] {
    let nonces: Vec<u8> = nonces.iter().flat_map(|nonce| nonce.iter().copied()).collect();
    let mut output = [0; OCTETS];
    cmac_form(credential.octets(), &[&ms.0[..], &nonces, label].concat(), &mut output);
    output
}

fn authenticator_mac(credential: &Credential, ms: MsMac, own: &Nonce) -> [u8; PART] {
    kdf(credential, ms, &[own], b"Authenticator")
}

fn mobile_mac(credential: &Credential, ms: MsMac, authenticator: &Nonce, own: &Nonce) -> [u8; PART] {
    kdf(credential, ms, &[authenticator, own], b"Mobile")
}

fn derive_msk(credential: &Credential, ms: MsMac, authenticator: &Nonce, mobile: &Nonce) -> Msk {
    let msk = Zeroizing::new(kdf(credential, ms, &[authenticator, mobile], b"MSK"));
    Msk::from_octets(*msk)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);

    fn credential() -> Credential {
        Credential::from_octets([0x5a; 16])
    }

    fn never() -> Nonce {
        panic!("no nonce is drawn here")
    }

    /// The exchange up to the response that the Authenticator judges.
    fn exchange(peer: &mut EapPeer, server: &mut EapServer, first: &EapPacket) -> EapPacket {
        let PeerStep::Respond(identity) = peer.take(first, never) else { panic!() };
        let ServerStep::Request(request) = server.take(&identity, || [1; 16]) else { panic!() };
        let PeerStep::Respond(response) = peer.take(&request, || [2; 16]) else { panic!() };
        response
    }

    #[test]
    fn both_ends_come_to_the_same_msk_which_follows_from_both_nonces() {
        let (mut server, first) = EapServer::begin(credential(), MS, 9);
        let mut peer = EapPeer::new(credential(), MS);
        let response = exchange(&mut peer, &mut server, &first);
        let ServerStep::Succeeded(success, msk) = server.take(&response, never) else { panic!() };
        assert_eq!(peer.take(&success, never), PeerStep::Succeeded);
        assert_eq!(peer.msk(), Some(&msk));
        let others = [([1; 16], [3; 16]), ([3; 16], [2; 16])];
        assert!(others.iter().all(|(a, m)| derive_msk(&credential(), MS, a, m) != msk));
        assert_eq!(derive_msk(&credential(), MS, &[1; 16], &[2; 16]), msk);
    }

    #[test]
    fn a_mobile_with_another_credential_is_refused_and_learns_no_key() {
        let (mut server, first) = EapServer::begin(credential(), MS, 9);
        let mut peer = EapPeer::new(Credential::from_octets([1; 16]), MS);
        let response = exchange(&mut peer, &mut server, &first);
        assert!(matches!(&response, EapPacket::Response(EapExchange { kind: EapExchange::NAK, .. })));
        let ServerStep::Failed(failure) = server.take(&response, never) else { panic!() };
        assert_eq!(peer.take(&failure, never), PeerStep::Refused);
        assert_eq!(peer.msk(), None);
    }

    #[test]
    fn a_response_without_the_credential_is_refused() {
        let (mut server, first) = EapServer::begin(credential(), MS, 9);
        let mut peer = EapPeer::new(credential(), MS);
        let EapPacket::Response(mut response) = exchange(&mut peer, &mut server, &first) else { panic!() };
        response.data[31] ^= 1;
        assert!(matches!(server.take(&EapPacket::Response(response), never), ServerStep::Failed(_)));
        let (mut server, _) = EapServer::begin(credential(), MS, 9);
        let other = EapExchange { identifier: 9, kind: EapExchange::IDENTITY, data: b"020000000002".to_vec() };
        assert!(matches!(server.take(&EapPacket::Response(other), never), ServerStep::Failed(_)));
    }

    #[test]
    fn a_repeated_request_gets_the_same_answer_and_a_repeated_response_none() {
        let (mut server, first) = EapServer::begin(credential(), MS, 255);
        let mut peer = EapPeer::new(credential(), MS);
        let PeerStep::Respond(identity) = peer.take(&first, never) else { panic!() };
        assert_eq!(peer.take(&first, never), PeerStep::Respond(identity.clone()));
        let ServerStep::Request(request) = server.take(&identity, || [1; 16]) else { panic!() };
        assert!(matches!(server.take(&identity, never), ServerStep::Ignored(_)));
        let response = peer.take(&request, || [2; 16]);
        assert_eq!(peer.take(&request, never), response);
    }

    #[test]
    fn ends_that_belong_to_no_exchange_change_nothing() {
        let mut peer = EapPeer::new(credential(), MS);
        for packet in [EapPacket::Success { identifier: 9 }, EapPacket::Failure { identifier: 9 }] {
            assert!(matches!(peer.take(&packet, never), PeerStep::Ignored(_)));
        }
        let (mut server, first) = EapServer::begin(credential(), MS, 9);
        let _ = peer.take(&first, never);
        assert!(matches!(peer.take(&EapPacket::Success { identifier: 9 }, never), PeerStep::Ignored(_)), "no MAC yet");
        let _ = exchange(&mut peer, &mut server, &first);
        assert!(matches!(peer.take(&EapPacket::Failure { identifier: 9 }, never), PeerStep::Ignored(_)), "an old one");
        let forged = EapExchange { identifier: 11, kind: 255, data: vec![0; 32] };
        assert!(matches!(peer.take(&EapPacket::Request(forged), never), PeerStep::Ignored(_)));
        assert!(peer.msk().is_some());
    }
}
