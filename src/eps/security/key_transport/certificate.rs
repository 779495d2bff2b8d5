//! Certificates by which an operator vouches for the keys of MEs and MMEs (X.509, RFC 5280): signed with ECDSA, P-256 and SHA-256,
//! deterministic. Times are those of captures: 0 is 2000-01-01T00:00:00Z.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::RsaPublicKey;
use x509_cert::Certificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::BitString;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{DateTime, Decode, Encode};
use x509_cert::ext::pkix::KeyUsage as UsageExtension;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use super::{KeyTransport, PublicKey};
use crate::time::VirtualTime;

/// Seconds from 1970 to 2000, when captures begin.
const YEAR_2000: u64 = 946_684_800;
/// Most octets of a certificate that is looked at.
pub const MAX_CERTIFICATE: usize = 2048;
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsage {
    /// KASMEtemp is encrypted to it: `keyAgreement`, or `keyEncipherment` of RSA.
    KeyTransport,
    /// An MME signs with it: `digitalSignature`.
    Signature,
}

/// Why a certificate is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum CertificateError {
    /// Octets that are no certificate, or one with an extension that is critical and not known here.
    #[error("no certificate")]
    Malformed,
    /// Nobody trusts who has issued it.
    #[error("unknown issuer")]
    UnknownIssuer,
    /// The signature is not the issuer's.
    #[error("the signature is not the issuer's")]
    Signature,
    /// Its time has not come.
    #[error("not valid yet")]
    NotYetValid,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// The key is for something else.
    #[error("the key is for another use")]
    KeyUsage,
    /// It is of somebody else.
    #[error("another name")]
    Name,
    /// The key is none that is known here.
    #[error("no key of a known kind")]
    Key,
}

/// Who is trusted to vouch for keys: its name, and the key that it signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    /// Common name.
    pub name: String,
    /// The key.
    pub key: VerifyingKey,
}

/// An operator, or whoever else issues certificates.
#[derive(Clone)]
pub struct Authority {
    name: String,
    key: SigningKey,
    issued: u32,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({}, redacted)", self.name)
    }
}

/// What a certificate of this module says.
struct Profile {
    issuer: Name,
    subject: Name,
    usages: UsageExtension,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(vec![(&self.usages).to_extension(&self.subject, &[])?])
    }
}

/// The name of somebody, as certificates have it. None if it has octets that a name may not have.
fn name(common: &str) -> Option<Name> {
    let plain = !common.is_empty() && common.chars().all(|c| c.is_ascii_alphanumeric() || "-. ".contains(c));
    plain.then(|| Name::from_str(&format!("CN={common}")).ok()).flatten()
}

/// An instant in seconds.
fn date(time: VirtualTime) -> Option<Time> {
    let seconds = Duration::from_secs(YEAR_2000 + time.as_nanos() / 1_000_000_000);
    DateTime::from_unix_duration(seconds).ok().map(Time::from)
}

impl Authority {
    /// An authority of this name: letters, digits, points and hyphens.
    #[must_use]
    pub fn new(name: &str, key: SigningKey) -> Self {
        Self { name: name.to_owned(), key, issued: 0 }
    }

    /// What others trust it by.
    #[must_use]
    pub fn anchor(&self) -> TrustAnchor {
        TrustAnchor { name: self.name.clone(), key: *self.key.verifying_key() }
    }

    /// A certificate for a key that KASMEtemp is encrypted to; `usage` as the certificate says it, right or wrong.
    ///
    /// # Errors
    /// A name that certificates cannot have, or a time beyond theirs.
    pub fn certify_transport(
        &mut self,
        subject: &str,
        key: &PublicKey,
        usage: KeyUsage,
        valid: RangeInclusive<VirtualTime>,
    ) -> Result<Vec<u8>, CertificateError> {
        let info = transport_info(key).ok_or(CertificateError::Key)?;
        let usages = match (usage, key.scheme()) {
            (KeyUsage::Signature, _) => KeyUsages::DigitalSignature,
            (KeyUsage::KeyTransport, KeyTransport::RsaOaep) => KeyUsages::KeyEncipherment,
            (KeyUsage::KeyTransport, _) => KeyUsages::KeyAgreement,
        };
        self.certify(subject, info, usages, valid).ok_or(CertificateError::Malformed)
    }

    /// A certificate for a key that an MME signs with; `usage` as the certificate says it, right or wrong.
    ///
    /// # Errors
    /// A name that certificates cannot have, or a time beyond theirs.
    pub fn certify_signing(
        &mut self,
        subject: &str,
        key: &VerifyingKey,
        usage: KeyUsage,
        valid: RangeInclusive<VirtualTime>,
    ) -> Result<Vec<u8>, CertificateError> {
        let info = SubjectPublicKeyInfoOwned::from_key(key).map_err(|_| CertificateError::Key)?;
        let usages = match usage {
            KeyUsage::Signature => KeyUsages::DigitalSignature,
            KeyUsage::KeyTransport => KeyUsages::KeyAgreement,
        };
        self.certify(subject, info, usages, valid).ok_or(CertificateError::Malformed)
    }

    fn certify(
        &mut self,
        subject: &str,
        info: SubjectPublicKeyInfoOwned,
        usages: KeyUsages,
        valid: RangeInclusive<VirtualTime>,
    ) -> Option<Vec<u8>> {
        self.issued = self.issued.wrapping_add(1);
        let profile =
            Profile { issuer: name(&self.name)?, subject: name(subject)?, usages: UsageExtension(usages.into()) };
        let validity = Validity::new(date(*valid.start())?, date(*valid.end())?);
        let builder = CertificateBuilder::new(profile, SerialNumber::from(self.issued), validity, info).ok()?;
        builder.build::<_, DerSignature>(&self.key).ok()?.to_der().ok()
    }
}

/// A key as certificates have it.
fn transport_info(key: &PublicKey) -> Option<SubjectPublicKeyInfoOwned> {
    match key.scheme() {
        KeyTransport::EciesA => {
            let algorithm = AlgorithmIdentifierOwned { oid: X25519, parameters: None };
            let subject_public_key = BitString::from_bytes(key.octets()).ok()?;
            Some(SubjectPublicKeyInfoOwned { algorithm, subject_public_key })
        }
        KeyTransport::EciesB => SubjectPublicKeyInfoOwned::from_key(&key.p256().ok()?).ok(),
        KeyTransport::RsaOaep => {
            let der = key.rsa().ok()?.to_public_key_der().ok()?;
            SubjectPublicKeyInfoOwned::from_der(der.as_bytes()).ok()
        }
    }
}

/// The key that an ME's certificate vouches for, if it is that of `subject` and all is right with it.
///
/// # Errors
/// The first thing that is wrong, of: form, issuer, signature, times, use, name, key.
pub fn certified_transport(
    certificate: &[u8],
    anchors: &[TrustAnchor],
    now: VirtualTime,
    subject: &str,
) -> Result<PublicKey, CertificateError> {
    let tbs = checked(certificate, anchors, now, KeyUsage::KeyTransport, subject)?;
    transport_key(tbs.subject_public_key_info()).ok_or(CertificateError::Key)
}

/// The key that an MME's certificate vouches for, likewise.
///
/// # Errors
/// As [`certified_transport`].
pub fn certified_signing(
    certificate: &[u8],
    anchors: &[TrustAnchor],
    now: VirtualTime,
    subject: &str,
) -> Result<VerifyingKey, CertificateError> {
    let tbs = checked(certificate, anchors, now, KeyUsage::Signature, subject)?;
    let der = tbs.subject_public_key_info().to_der().map_err(|_| CertificateError::Key)?;
    VerifyingKey::from_public_key_der(&der).map_err(|_| CertificateError::Key)
}

/// The key in a certificate, whatever is wrong with the rest: what an MME takes that checks nothing.
///
/// # Errors
/// Octets that are no certificate, or a key that is not known here.
pub fn unchecked_transport(certificate: &[u8]) -> Result<PublicKey, CertificateError> {
    let certificate = parsed(certificate)?;
    transport_key(certificate.tbs_certificate().subject_public_key_info()).ok_or(CertificateError::Key)
}

fn parsed(certificate: &[u8]) -> Result<Certificate, CertificateError> {
    if certificate.len() > MAX_CERTIFICATE {
        return Err(CertificateError::Malformed);
    }
    Certificate::from_der(certificate).map_err(|_| CertificateError::Malformed)
}

fn checked(
    certificate: &[u8],
    anchors: &[TrustAnchor],
    now: VirtualTime,
    usage: KeyUsage,
    subject: &str,
) -> Result<TbsCertificate, CertificateError> {
    let certificate = parsed(certificate)?;
    let tbs = certificate.tbs_certificate();
    let known =
        tbs.extensions().into_iter().flatten().all(|extension| !extension.critical || extension.extn_id == KEY_USAGE);
    let algorithms = [tbs.signature(), certificate.signature_algorithm()];
    if !known || algorithms.iter().any(|algorithm| algorithm.oid != ECDSA_WITH_SHA256) {
        return Err(CertificateError::Malformed);
    }
    let issuer = anchors.iter().find(|anchor| name(&anchor.name).as_ref() == Some(tbs.issuer()));
    let issuer = issuer.ok_or(CertificateError::UnknownIssuer)?;
    let signed = tbs.to_der().map_err(|_| CertificateError::Malformed)?;
    let signature = certificate.signature().as_bytes().and_then(|octets| DerSignature::from_bytes(octets).ok());
    let signature = signature.ok_or(CertificateError::Signature)?;
    issuer.key.verify(&signed, &signature).map_err(|_| CertificateError::Signature)?;
    let now = Duration::from_secs(YEAR_2000) + now.since(VirtualTime::ZERO);
    if now < tbs.validity().not_before.to_unix_duration() {
        return Err(CertificateError::NotYetValid);
    }
    if now > tbs.validity().not_after.to_unix_duration() {
        return Err(CertificateError::Expired);
    }
    let usages = tbs.get_extension::<UsageExtension>().map_err(|_| CertificateError::Malformed)?;
    let (_, usages) = usages.ok_or(CertificateError::KeyUsage)?;
    let is_for = match usage {
        KeyUsage::KeyTransport => usages.key_agreement() || usages.key_encipherment(),
        KeyUsage::Signature => usages.digital_signature(),
    };
    if !is_for {
        return Err(CertificateError::KeyUsage);
    }
    if name(subject).as_ref() != Some(tbs.subject()) {
        return Err(CertificateError::Name);
    }
    Ok(tbs.clone())
}

/// The key of a certificate, if it is of a scheme that is known here.
fn transport_key(info: &SubjectPublicKeyInfoOwned) -> Option<PublicKey> {
    match info.algorithm.oid {
        X25519 => PublicKey::from_octets(KeyTransport::EciesA, info.subject_public_key.as_bytes()?).ok(),
        EC_PUBLIC_KEY => {
            p256::PublicKey::from_public_key_der(&info.to_der().ok()?).ok().map(|key| PublicKey::of_p256(&key))
        }
        RSA_ENCRYPTION => {
            let key = RsaPublicKey::from_public_key_der(&info.to_der().ok()?).ok()?;
            PublicKey::of_rsa(&key).ok()
        }
        _ => None,
    }
}
