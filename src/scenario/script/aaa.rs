//! The AAA server, section `[aaa]`, and the certificates of server and mobiles.

use std::net::Ipv4Addr;

use super::problem::Read;
use super::section::Section;
use crate::dot16::security::eap_tls::CertificateState;

/// The AAA server, which every network has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aaa {
    /// Its name, distinct from that of every station.
    pub name: String,
    /// Its address on the backbone.
    pub ip: Ipv4Addr,
    /// What it shares with the Authenticator.
    pub secret: String,
    /// What is wrong with its certificate.
    pub certificate: CertificateState,
}

pub(super) const AAA_KEYS: &[&str] = &["name", "ip", "secret", "certificate"];

/// What a certificate may be.
const CERTIFICATES: &[(&str, CertificateState)] = &[
    ("valid", CertificateState::Valid),
    ("other-ca", CertificateState::OtherCa),
    ("expired", CertificateState::Expired),
    ("other-name", CertificateState::OtherName),
];

/// The key `certificate` of a section; valid where there is none.
pub(super) fn certificate(section: &Section<'_>) -> Read<CertificateState> {
    section.read("certificate", CertificateState::Valid, |field| field.one_of(CERTIFICATES))
}
