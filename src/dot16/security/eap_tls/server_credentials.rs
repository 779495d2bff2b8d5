//! Whom the AAA server believes: devices that the authority has certified, each for its own MAC address.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS12;
use rustls::{
    CertificateError as TlsCertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    ServerConnection, SignatureScheme,
};

use super::at_work::VirtualClock;
use super::certificates::{CertificateAuthority, CertificateError, CertificateState, Identity};
use super::common_name::common_name;
use super::provider::provider;
use crate::dot16::identifiers::MsMac;

/// The server's certificate, and what it needs to judge those of devices.
#[derive(Debug)]
pub struct ServerCredentials {
    identity: Identity,
    chain: Arc<dyn ClientCertVerifier>,
}

impl ServerCredentials {
    /// A server that trusts `authority`, with a certificate of it that is as `certificate` says.
    ///
    /// # Errors
    /// If the certificates can not be made.
    pub fn new(authority: &CertificateAuthority, certificate: CertificateState) -> Result<Self, CertificateError> {
        let chain = WebPkiClientVerifier::builder_with_provider(authority.roots()?, provider()).build()?;
        Ok(Self { identity: authority.server(certificate)?, chain })
    }

    /// A connection for the device `ms` and no other.
    pub(super) fn connection(&self, ms: MsMac) -> Result<ServerConnection, CertificateError> {
        let verifier = DeviceVerifier { chain: Arc::clone(&self.chain), ms };
        let (chain, key) = self.identity.parts();
        let mut config = ServerConfig::builder_with_details(provider(), Arc::new(VirtualClock))
            .with_protocol_versions(&[&TLS12])?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(chain, key)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(ServerConnection::new(Arc::new(config))?)
    }
}

/// Judges the chain as the library does, then the common name.
#[derive(Debug)]
struct DeviceVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    ms: MsMac,
}

impl ClientCertVerifier for DeviceVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        if common_name(end_entity).is_none_or(|name| name.parse() != Ok(self.ms)) {
            return Err(TlsCertificateError::NotValidForName.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
