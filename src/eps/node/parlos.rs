//! Restricted local operator services (seed 003): what a network and an ME have agreed on for an attach without AKA, and what is wrong
//! with them.
//!
//! \[choice\] An ME says the IMSI of the USIM that it has, which is of no use in this network; by it S1 numbers it, and its certificate is
//! made out to its digits.

use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use super::event::{Event, What};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Imsi, Plmn};
use crate::eps::keys::Kasme;
use crate::eps::parameters::{AlgorithmId, Algorithms};
use crate::eps::security::key_transport::{
    CertificateError, KeyTransport, PrivateKey, PublicKey, SigningKey, TrustAnchor, VerifyingKey,
};
use crate::eps::wire::nas::FurtherElement;
use crate::eps::wire::nas::element::TAG_PUBLIC_KEY;
use crate::eps::wire::nas::emm::HASH_OCTETS;
use crate::time::VirtualTime;

/// EEA0 and EIA0, those of TS 33.401 Annex J.
pub const NULL: Algorithms = Algorithms { ciphering: AlgorithmId::Null, integrity: AlgorithmId::Null };

/// KASME where the null algorithms protect nothing: there is no secret \[choice\].
#[must_use]
pub const fn no_kasme() -> Kasme {
    Kasme::from_octets([0; 32])
}

/// Whose public key an ME attaches with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// It makes a pair for each attach.
    #[default]
    SelfMade,
    /// It has made a pair once, and takes it for every attach.
    Static,
    /// It has a pair that an operator vouches for, with a certificate.
    Certificate,
}

/// How the network shows that a security mode command is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkProof {
    /// It does not.
    #[default]
    Unsigned,
    /// It signs it, and the ME knows the key.
    Pinned,
    /// It signs it, and sends a certificate by one whom the ME trusts.
    Certified,
}

/// The variant of an attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parlos {
    /// By what KASMEtemp is encrypted; none: TS 33.401 Annex J, null algorithms and no key.
    pub transport: Option<KeyTransport>,
    /// Whose key the ME has. An MME that wants certificates takes nothing else.
    pub credential: Credential,
    /// How the network shows itself.
    pub network: NetworkProof,
    /// The MME sends a public key of its own too, and the ME gives a part of KASMEtemp
    /// ([`contribution`](crate::eps::security::key_transport::contribution)).
    pub mme_key: bool,
    /// The security mode command has a hash of the attach request, and its signature covers that too.
    pub hash: bool,
}

impl Default for Parlos {
    /// That of the text: a pair for each attach, an unsigned command, with profile A.
    fn default() -> Self {
        Self {
            transport: Some(KeyTransport::EciesA),
            credential: Credential::default(),
            network: NetworkProof::default(),
            mme_key: false,
            hash: false,
        }
    }
}

/// An ME that attaches for restricted local operator services.
#[derive(Clone, Debug)]
pub struct RlosUe {
    /// How.
    pub variant: Parlos,
    /// The networks that broadcast that they offer these services.
    pub offering: Vec<Plmn>,
    /// That of its USIM.
    pub home: Option<Plmn>,
    /// Those that it prefers, best first (TS 23.122: RLOS preferred PLMN list).
    pub preferred: Vec<Plmn>,
    /// Mobile country codes, three digits, of the other networks that it takes (RLOS allowed MCC list).
    pub allowed: Vec<[u8; 3]>,
    /// Its pair, unless it makes one for each attach; where it is to be static and there is none it makes one at its first attach.
    pub key: Option<PrivateKey>,
    /// The certificate for that.
    pub certificate: Option<Vec<u8>>,
    /// Whom it trusts to vouch for MMEs.
    pub anchors: Vec<TrustAnchor>,
    /// What the certificate of the MME has to be made out to.
    pub mme_name: String,
    /// The key of the network, if it knows that.
    pub pinned: Option<VerifyingKey>,
    /// When it attaches by itself.
    pub attach_at: Option<VirtualTime>,
    /// Its own.
    pub random: ChaCha20Rng,
    /// What is wrong with it.
    pub faults: RlosUeFaults,
}

impl RlosUe {
    /// One that takes any network of its country that offers the services, and has nothing but what it makes; `random` is its own.
    #[must_use]
    pub fn new(variant: Parlos, network: Plmn, random: ChaCha20Rng) -> Self {
        Self {
            variant,
            offering: vec![network],
            home: None,
            preferred: Vec::new(),
            allowed: vec![mcc(network)],
            key: None,
            certificate: None,
            anchors: Vec::new(),
            mme_name: String::new(),
            pinned: None,
            attach_at: None,
            random,
            faults: RlosUeFaults::default(),
        }
    }
}

/// What is wrong with an ME; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RlosUeFaults {
    /// It does not look at the capabilities that the command replays.
    pub ignores_capabilities: bool,
    /// It does not look at the hash of its attach request.
    pub ignores_hash: bool,
    /// It does not look at the signature of the network.
    pub ignores_signature: bool,
    /// It takes the null algorithms though it has sent a key.
    pub takes_null: bool,
    /// It does not look at the tag of an encrypted KASMEtemp.
    pub ignores_tag: bool,
    /// It attaches to any network, whether it offers these services or not.
    pub attaches_anywhere: bool,
}

/// An MME that offers restricted local operator services.
#[derive(Clone, Debug)]
pub struct RlosMme {
    /// How.
    pub variant: Parlos,
    /// Whether it does.
    pub offered: bool,
    /// Whom it trusts to vouch for MEs.
    pub anchors: Vec<TrustAnchor>,
    /// What it signs with.
    pub signing: Option<SigningKey>,
    /// The certificate for that.
    pub certificate: Option<Vec<u8>>,
    /// How many attaches it has half done at most.
    pub most_half_open: usize,
    /// What is wrong with it.
    pub faults: RlosMmeFaults,
}

impl RlosMme {
    /// One that offers them, signs nothing and trusts nobody, with up to 64 attaches half done.
    #[must_use]
    pub const fn new(variant: Parlos) -> Self {
        Self {
            variant,
            offered: true,
            anchors: Vec::new(),
            signing: None,
            certificate: None,
            most_half_open: 64,
            faults: RlosMmeFaults { ignores_certificates: false, serves_without_key: false, constant_kasme: false },
        }
    }
}

/// What is wrong with an MME; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RlosMmeFaults {
    /// Where certificates are wanted, it takes the key of any, and keys without.
    pub ignores_certificates: bool,
    /// It serves an ME that sends no key as TS 33.401 Annex J has it.
    pub serves_without_key: bool,
    /// A broken random source: KASMEtemp is always the same.
    pub constant_kasme: bool,
}

/// Mobile country code of a network, three digits.
#[must_use]
pub const fn mcc(network: Plmn) -> [u8; 3] {
    let Plmn([first, second, _]) = network;
    [first & 0xf, first >> 4, second & 0xf]
}

/// An operation with a public or private key, which costs time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyOperation {
    /// A pair was made.
    Generate,
    /// A key was encrypted to a public key.
    Seal,
    /// An encrypted key was opened with a private key.
    Open,
    /// Something was signed.
    Sign,
    /// A signature was checked, of a command or a certificate.
    Verify,
}

/// Why an ME or an MME does not take a message of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RlosRefusal {
    /// The ME: algorithms that it does not take.
    Algorithms,
    /// The ME: other capabilities than it has sent.
    Capabilities,
    /// The ME: a hash of another attach request, or none.
    Hash,
    /// The ME: the signature is not that of the network, or there is none.
    Signature,
    /// ME or MME: a certificate.
    Certificate(CertificateError),
    /// ME or MME: an encrypted key that was changed, or is for another public key.
    Transport,
    /// ME or MME: the MAC is wrong under the keys that come with the message.
    Mac,
    /// ME or MME: there is no public key, or no encrypted one.
    NoKey,
    /// MME: a public key of a scheme that it does not have, or none at all.
    Scheme,
    /// MME: these services are not offered.
    NotOffered,
    /// MME: too many attaches are half done.
    Congestion,
    /// MME: the gateway or the eNB does not serve the UE.
    NotServed,
}

/// How the attach of an ME ended, as the ME sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttachOutcome {
    /// It is attached.
    Accepted,
    /// The network has turned it away, with this EMM cause.
    Rejected(u8),
    /// The ME has refused what the network said.
    Refused(RlosRefusal),
    /// No network that it hears offers these services and is one that it takes.
    NoNetwork,
    /// Nobody has answered.
    NoAnswer,
}

pub(super) fn report_operation(ue: Imsi, operation: KeyOperation, outbox: &mut Outbox<Event>) {
    outbox.report(Event { ue, what: What::KeyOperation(operation) });
}

/// HashMME of an attach request.
#[must_use]
pub fn attach_hash(request: &[u8]) -> [u8; HASH_OCTETS] {
    let whole: [u8; 32] = Sha256::digest(request).into();
    whole.last_chunk().copied().unwrap_or_default()
}

/// The public key in the elements of a message.
#[must_use]
pub fn carried_public_key(elements: &[FurtherElement]) -> Option<PublicKey> {
    let (scheme, key) = FurtherElement::of(elements, TAG_PUBLIC_KEY)?.split_first()?;
    PublicKey::from_octets(KeyTransport::from_number(*scheme)?, key).ok()
}
