//! Attach requests for RLOS and the security mode commands that answer them, as somebody reads and makes them who is neither ME nor MME.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::eps::identifiers::Plmn;
use crate::eps::keys::Kasme;
use crate::eps::node::settings::KEY_SET;
use crate::eps::parameters::{AlgorithmId, Algorithms, LinkDirection};
use crate::eps::security::handover_keys::NasKeys;
use crate::eps::security::key_transport::certificate::unchecked_transport;
use crate::eps::security::key_transport::signature::signing_key;
use crate::eps::security::key_transport::{
    Authority, KeyTransport, KeyUsage, PrivateKey, PublicKey, SignedCommand, seal,
};
use crate::eps::security::protection::NasSecurity;
use crate::eps::wire::nas::element::{TAG_CERTIFICATE, TAG_NONCE, TAG_PUBLIC_KEY, TAG_SEALED, TAG_SIGNATURE};
use crate::eps::wire::nas::emm::{ATTACH_FOR_RLOS, HASH_OCTETS};
use crate::eps::wire::nas::{
    AlgorithmSet, CarriedKey, EmmMessage, EpsMobileIdentity, FurtherElement, NasAlgorithms, NasKsi, NasMessage,
    ProtectedNas, SecurityHeader, UeCapability, esm,
};
use crate::time::VirtualTime;

/// EPS attach.
const EPS_ATTACH: u8 = 1;
/// Procedure transaction of a request for a connection.
const TRANSACTION: u8 = 1;
/// Octets of the fresh number of an ME.
const NONCE_OCTETS: usize = 16;
/// Seconds for which a forged certificate is valid from the start: what captures have room for.
const FOREVER: u64 = 4_000_000_000;

/// What somebody takes out of an attach request, or puts into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachChange {
    /// The attach type is that of EPS, and not that of RLOS.
    pub strips_rlos: bool,
    /// Public key and certificate are not there.
    pub strips_key: bool,
    /// The algorithms for ciphering and for integrity are these: in the request, or as the command repeats them.
    pub capabilities: Option<(AlgorithmSet, AlgorithmSet)>,
    /// This bit of the encrypted KASMEtemp in a security mode command is inverted.
    pub sealed_bit: Option<usize>,
}

impl AttachChange {
    /// A changed NAS message, and the change in words.
    ///
    /// # Errors
    /// In words, if the message has not what is to be changed.
    pub(super) fn apply(&self, nas: &[u8]) -> Result<(Vec<u8>, String), String> {
        let told = |error: crate::eps::wire::WireError| error.to_string();
        match NasMessage::parse(nas).map_err(told)? {
            NasMessage::Plain(EmmMessage::AttachRequest { .. }) if self.sealed_bit.is_none() => {
                let mut offer = Offer::read(nas).ok_or("the frame has no attach request")?;
                let words = self.change_request(&mut offer);
                Ok((offer.octets()?, words))
            }
            NasMessage::Protected(mut message) if !(self.strips_rlos || self.strips_key) => {
                let mut command = EmmMessage::parse(&message.message).map_err(told)?;
                let words = self.change_command(&mut command)?;
                message.message = command.octets().map_err(told)?;
                Ok((message.octets().map_err(told)?, words))
            }
            _ => Err("the frame has not what is to be changed".to_owned()),
        }
    }

    fn change_request(&self, offer: &mut Offer) -> String {
        let mut words = Vec::new();
        if self.strips_rlos {
            offer.attach_type = EPS_ATTACH;
            words.push("it is not for RLOS");
        }
        if self.strips_key {
            offer.strip_key();
            words.push("it has no key");
        }
        if let Some((ciphering, integrity)) = self.capabilities {
            (offer.capability.ciphering, offer.capability.integrity) = (ciphering, integrity);
            words.push("it has other algorithms");
        }
        words.join(", ")
    }

    fn change_command(&self, command: &mut EmmMessage) -> Result<String, String> {
        let EmmMessage::SecurityModeCommand { capability, elements, .. } = command else {
            return Err("the frame has no security mode command".to_owned());
        };
        let mut words = Vec::new();
        if let Some((ciphering, integrity)) = self.capabilities {
            (capability.ciphering, capability.integrity) = (ciphering, integrity);
            words.push("it repeats other algorithms".to_owned());
        }
        if let Some(bit) = self.sealed_bit {
            let sealed = elements.iter_mut().find(|element| element.tag == TAG_SEALED);
            let octet = sealed.and_then(|sealed| sealed.content.get_mut(bit / 8));
            *octet.ok_or("there is no such bit of an encrypted KASMEtemp")? ^= 0x80 >> (bit % 8);
            words.push(format!("bit {bit} of the encrypted KASMEtemp is inverted"));
        }
        Ok(words.join(", "))
    }
}

/// An attach request.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    attach_type: u8,
    key_set: NasKsi,
    identity: EpsMobileIdentity,
    pub capability: UeCapability,
    esm: Vec<u8>,
    elements: Vec<FurtherElement>,
}

impl Offer {
    /// The attach request that a NAS message is.
    pub(super) fn read(nas: &[u8]) -> Option<Self> {
        match NasMessage::parse(nas).ok()? {
            NasMessage::Plain(EmmMessage::AttachRequest {
                attach_type,
                key_set,
                identity,
                capability,
                esm,
                elements,
            }) => Some(Self { attach_type, key_set, identity, capability, esm, elements }),
            _ => None,
        }
    }

    /// One with a key of its own, if there are any, for an ME that nobody knows.
    pub(super) fn own_request(scheme: Option<KeyTransport>, random: &mut ChaCha20Rng) -> Result<Vec<u8>, String> {
        let number = random.next_u64() % 10_000_000_000;
        let identity = format!("00101{number:010}").parse().map_err(|_| "no identity")?;
        let mut nonce = [0; NONCE_OCTETS];
        random.fill_bytes(&mut nonce);
        let aes = AlgorithmSet::of(&[AlgorithmId::Null, AlgorithmId::Aes]);
        let offer = Self {
            attach_type: ATTACH_FOR_RLOS,
            key_set: NasKsi::NONE,
            identity: EpsMobileIdentity::Imsi(identity),
            capability: UeCapability { ciphering: aes, integrity: aes, further: Vec::new() },
            esm: esm::pdn_connectivity_request(TRANSACTION).to_vec(),
            elements: vec![FurtherElement::new(TAG_NONCE, nonce)],
        };
        match scheme {
            Some(scheme) => {
                let key = PrivateKey::generate(scheme, random).map_err(|error| error.to_string())?;
                offer.with_key(&key.public())?.octets()
            }
            None => offer.octets(),
        }
    }

    pub(super) fn octets(self) -> Result<Vec<u8>, String> {
        let Self { attach_type, key_set, identity, capability, esm, elements } = self;
        let request = EmmMessage::AttachRequest { attach_type, key_set, identity, capability, esm, elements };
        request.octets().map_err(|error| error.to_string())
    }

    /// The certificate.
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        FurtherElement::of(&self.elements, TAG_CERTIFICATE)
    }

    /// The public key, or that in the certificate, whatever is wrong with it.
    pub(super) fn key(&self) -> Option<PublicKey> {
        if let Some(CarriedKey { scheme, key, .. }) = esm::carried_key(&self.esm) {
            return PublicKey::from_octets(KeyTransport::from_number(scheme)?, &key).ok();
        }
        carried_public_key(&self.elements).or_else(|| unchecked_transport(self.certificate()?).ok())
    }

    fn strip_key(&mut self) {
        let transaction = self.esm.get(1).copied().unwrap_or(TRANSACTION);
        if esm::carried_key(&self.esm).is_some() {
            self.esm = esm::pdn_connectivity_request(transaction).to_vec();
        }
        self.elements.retain(|element| ![TAG_PUBLIC_KEY, TAG_CERTIFICATE].contains(&element.tag));
    }

    /// The same with this key in the place of its own, without a certificate.
    fn with_key(mut self, key: &PublicKey) -> Result<Self, String> {
        let network = esm::carried_key(&self.esm).map_or(TEST_NETWORK, |carried| carried.network);
        self.strip_key();
        let transaction = self.esm.get(1).copied().unwrap_or(TRANSACTION);
        let carried = CarriedKey { network, scheme: key.scheme() as u8, key: key.octets().to_vec() };
        match esm::pdn_connectivity_request_with(transaction, &carried) {
            Some(esm) => self.esm = esm,
            None => self.elements.push(FurtherElement::public_key(carried.scheme, &carried.key)),
        }
        Ok(self)
    }

    /// The same with this key; where it has a certificate, one that somebody else has made out in the names that stand in it.
    pub(super) fn replaced(self, key: &PublicKey, random: &mut ChaCha20Rng) -> Result<Self, String> {
        let Some([issuer, subject]) = self.certificate().and_then(names) else { return self.with_key(key) };
        let mut authority = Authority::new(&issuer, signing_key(random));
        let valid = VirtualTime::ZERO..=VirtualTime::ZERO + std::time::Duration::from_secs(FOREVER);
        let forged = authority.certify_transport(&subject, key, KeyUsage::KeyTransport, valid);
        let forged = forged.map_err(|error| error.to_string())?;
        let mut elements = self.elements;
        for element in elements.iter_mut().filter(|element| element.tag == TAG_CERTIFICATE) {
            element.content.clone_from(&forged);
        }
        Ok(Self { elements, ..self })
    }
}

/// 001-01, the test network.
const TEST_NETWORK: Plmn = Plmn([0x00, 0xf1, 0x10]);

/// The common names of issuer and subject of a certificate.
fn names(certificate: &[u8]) -> Option<[String; 2]> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let tbs = certificate.tbs_certificate();
    let common = |name: String| name.strip_prefix("CN=").map(str::to_owned);
    Some([common(tbs.issuer().to_string())?, common(tbs.subject().to_string())?])
}

/// HashMME of an attach request.
pub(super) fn hash_of(request: &[u8]) -> [u8; HASH_OCTETS] {
    Sha256::digest(request).last_chunk().copied().unwrap_or_default()
}

/// A security mode command under a key that it brings.
pub(super) struct Command {
    /// It, protected.
    pub nas: Vec<u8>,
    /// NAS security under its key, from the message after it on.
    pub security: NasSecurity,
}

/// The NAS security of a key that a security mode command brings, before that command.
pub(super) fn security_of(kasme: &Kasme, Algorithms { ciphering, integrity }: Algorithms) -> NasSecurity {
    NasSecurity::new(NasKeys::derive(kasme, ciphering, integrity), ciphering, integrity)
}

/// The public key in the elements of a message.
pub(super) fn carried_public_key(elements: &[FurtherElement]) -> Option<PublicKey> {
    let (scheme, key) = FurtherElement::of(elements, TAG_PUBLIC_KEY)?.split_first()?;
    PublicKey::from_octets(KeyTransport::from_number(*scheme)?, key).ok()
}

/// A NAS message, protected in a direction.
pub(super) fn protected(
    message: &EmmMessage,
    (security, direction): (&mut NasSecurity, LinkDirection),
    header: SecurityHeader,
) -> Result<Vec<u8>, String> {
    let plain = message.octets().map_err(|error| error.to_string())?;
    let made = security.protect(direction, &plain, header.ciphered()).map_err(|error| error.to_string())?;
    let sequence_number = (made.sequence_number & 0xff) as u8;
    let nas = ProtectedNas { header, mac: made.mac, sequence_number, message: made.octets };
    nas.octets().map_err(|error| error.to_string())
}

impl Command {
    /// The command that answers an attach request, as a network makes it that has no key of an operator: it signs with a key of its own.
    /// Without a public key in the request nothing is protected (TS 33.401 Annex J).
    pub(super) fn make(offer: &Offer, request: &[u8], kasme: &Kasme, random: &mut ChaCha20Rng) -> Result<Self, String> {
        let key = offer.key();
        let algorithm = if key.is_some() { AlgorithmId::Aes } else { AlgorithmId::Null };
        let algorithms = NasAlgorithms { ciphering: algorithm, integrity: algorithm };
        let mut elements = Vec::new();
        if let Some(key) = &key {
            let sealed = seal(key, kasme, random).map_err(|error| error.to_string())?;
            let signing = signing_key(random);
            let capability =
                [&[offer.capability.ciphering.0, offer.capability.integrity.0], &offer.capability.further[..]];
            let signature = SignedCommand {
                attach: Some(request),
                algorithms: (algorithm as u8) << 4 | algorithm as u8,
                key_set: KEY_SET,
                capability: &capability.concat(),
                sealed: &sealed,
                mme_key: None,
            }
            .sign(&signing);
            elements.push(FurtherElement::new(TAG_SEALED, sealed));
            if let Some([issuer, _]) = offer.certificate().and_then(names) {
                let mut authority = Authority::new(&issuer, signing_key(random));
                let valid = VirtualTime::ZERO..=VirtualTime::ZERO + std::time::Duration::from_secs(FOREVER);
                let key = signing.verifying_key();
                let certificate = authority.certify_signing("mme1", key, KeyUsage::Signature, valid);
                let certificate = certificate.map_err(|error| error.to_string())?;
                elements.push(FurtherElement::new(TAG_CERTIFICATE, certificate));
            }
            elements.push(FurtherElement::new(TAG_SIGNATURE, signature));
        }
        let command = EmmMessage::SecurityModeCommand {
            algorithms,
            key_set: NasKsi::new(KEY_SET),
            capability: offer.capability.clone(),
            nonces: None,
            hash: key.is_some().then(|| hash_of(request)),
            elements,
        };
        let algorithms = Algorithms { ciphering: algorithm, integrity: algorithm };
        let mut security = security_of(kasme, algorithms);
        let nas = protected(&command, (&mut security, LinkDirection::Downlink), SecurityHeader::IntegrityNewContext)?;
        Ok(Self { nas, security })
    }
}
