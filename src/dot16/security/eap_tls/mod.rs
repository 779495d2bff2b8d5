//! EAP-TLS (RFC 5216) with TLS 1.2: how mobile and AAA server authenticate each other and come to one MSK
//! (802.16-2009 clause 7.2.2.1). Sans-IO: packets, time and a generator in, packets out.
//!
//! ```text
//! AAA server                                                       mobile
//!   (the Authenticator: Request, Identity)            ->
//!                                                     <-   Response, Identity: MAC address @ realm
//!   Request, TLS: Start                               ->
//!                                                     <-   Response, TLS: ClientHello
//!   Request, TLS: ServerHello, Certificate,
//!     ServerKeyExchange, CertificateRequest, Done     ->
//!                                                     <-   Response, TLS: Certificate, ClientKeyExchange,
//!                                                            CertificateVerify, ChangeCipherSpec, Finished
//!   Request, TLS: ChangeCipherSpec, Finished          ->
//!                                                     <-   Response, TLS: nothing
//!   Success                                           ->
//! ```
//!
//! An end that does not like the other's certificate sends a TLS alert instead, and the exchange ends with Failure. The
//! server repeats nothing by itself: its relay does (RFC 3748 section 4.3). The mobile answers a repeated request with the
//! answer it gave. There is no resumption.
//!
//! * `at_work`: the generator and the time that TLS sees, so that a run gives the same octets whenever it is run.
//! * `provider`: the cryptography that TLS is given.
//! * [`certificates`]: the authority, and the certificates of server and devices.
//! * [`common_name`]: what a device certificate says of its device.
//! * `exchange`: TLS messages in fragments, the same at both ends.
//! * [`peer`]: the method at the mobile.
//! * [`server`]: the method at the AAA server; [`server_credentials`]: whom it believes.

mod at_work;
pub mod certificates;
pub mod common_name;
mod exchange;
pub mod peer;
mod provider;
pub mod server;
pub mod server_credentials;
#[cfg(test)]
mod tests;

use crate::dot16::identifiers::MsMac;
use crate::dot16::wire::EapTlsData;

pub use certificates::{CertificateAuthority, CertificateState};
pub use peer::{EapPeer, PeerCredentials, PeerStep};
pub use server::{EapServer, ServerStep};
pub use server_credentials::ServerCredentials;

/// The realm of every mobile.
const REALM: &str = "keyhop.example";
/// Octets of an EAP packet at the most: one MAC PDU carries it, and RADIUS too.
const LONGEST_PACKET: usize = 1000;
/// Octets of TLS data in such a packet: 5 go to EAP's header and type.
const FRAGMENT: usize = LONGEST_PACKET - 5 - EapTlsData::HEADER;
/// Octets of a TLS message, put together, at the most. A flight of this crate has about 1000.
const LONGEST_MESSAGE: usize = 16 * 1024;
/// Packets that one end takes in one authentication: an exchange has 4, or more in small fragments.
const ROUNDS: u16 = 200;
/// Under which TLS exports the MSK (RFC 5216 section 2.3).
const LABEL: &[u8] = b"client EAP encryption";

/// The identity that a mobile gives: its MAC address as 12 hex digits, and the realm.
#[must_use]
pub fn identity(ms: MsMac) -> String {
    format!("{}@{REALM}", ms.to_string().replace(':', ""))
}
