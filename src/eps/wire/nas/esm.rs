//! The session messages that attach has in it, as small as the standard allows (TS 24.301 clause 8.3). Attach treats them as
//! octets: no key hangs on them.

/// A bearer of the default connection.
const BEARER: u8 = 5;
/// The protocol discriminator of EPS session management.
const ESM: u8 = 2;
const PDN_CONNECTIVITY_REQUEST: u8 = 0xd0;
const ACTIVATE_DEFAULT_REQUEST: u8 = 0xc1;
const ACTIVATE_DEFAULT_ACCEPT: u8 = 0xc2;
/// Initial request for an IPv4 address.
const INITIAL_IPV4: u8 = 0x11;
/// QCI of best effort.
const QCI: u8 = 9;
/// PDN type IPv4.
const IPV4: u8 = 1;

/// PDN CONNECTIVITY REQUEST: an initial one for an IPv4 address, procedure transaction `pti`; 4 octets.
#[must_use]
pub const fn pdn_connectivity_request(pti: u8) -> [u8; 4] {
    [ESM, pti, PDN_CONNECTIVITY_REQUEST, INITIAL_IPV4]
}

/// ACTIVATE DEFAULT EPS BEARER CONTEXT REQUEST: bearer 5, best effort, APN `lte`, this IPv4 address; 16 octets.
#[must_use]
pub const fn activate_default_bearer_request(pti: u8, address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [BEARER << 4 | ESM, pti, ACTIVATE_DEFAULT_REQUEST, 1, QCI, 4, 3, b'l', b't', b'e', 5, IPV4, a, b, c, d]
}

/// ACTIVATE DEFAULT EPS BEARER CONTEXT ACCEPT: bearer 5; 3 octets.
#[must_use]
pub const fn activate_default_bearer_accept() -> [u8; 3] {
    [BEARER << 4 | ESM, 0, ACTIVATE_DEFAULT_ACCEPT]
}
