//! The session messages that attach has in it, as small as the standard allows (TS 24.301 clause 8.3). Attach treats them as
//! octets: no key hangs on them, but that of an ME that attaches for restricted local operator services in protocol configuration
//! options (TS 24.008 clause 10.5.6.3), in the container of the operator.

use super::element::{CarriedKey, MAX_CARRIED};
use crate::eps::identifiers::Plmn;

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
/// Tag of protocol configuration options.
const OPTIONS: u8 = 0x27;
/// Their first octet: a configuration protocol of IP.
const OPTIONS_HEAD: u8 = 0x80;
/// Container for what an operator makes of it: its network follows.
const OPERATOR: [u8; 2] = [0xff, 0x00];
/// PDN type IPv4.
const IPV4: u8 = 1;

/// PDN CONNECTIVITY REQUEST: an initial one for an IPv4 address, procedure transaction `pti`; 4 octets.
#[must_use]
pub const fn pdn_connectivity_request(pti: u8) -> [u8; 4] {
    [ESM, pti, PDN_CONNECTIVITY_REQUEST, INITIAL_IPV4]
}

/// The same with the public key of the ME; None if it is too long for protocol configuration options.
#[must_use]
pub fn pdn_connectivity_request_with(pti: u8, key: &CarriedKey) -> Option<Vec<u8>> {
    if key.key.len() > MAX_CARRIED {
        return None;
    }
    let content = [&key.network.0[..], &[key.scheme], &key.key].concat();
    let container = [&OPERATOR[..], &[u8::try_from(content.len()).ok()?], &content].concat();
    let length = u8::try_from(container.len().checked_add(1)?).ok()?;
    Some([&pdn_connectivity_request(pti)[..], &[OPTIONS, length, OPTIONS_HEAD], &container].concat())
}

/// The public key that a PDN CONNECTIVITY REQUEST carries, if it is one and carries one.
#[must_use]
pub fn carried_key(esm: &[u8]) -> Option<CarriedKey> {
    let [ESM, _, PDN_CONNECTIVITY_REQUEST, _, OPTIONS, length, rest @ ..] = esm else { return None };
    let [_, containers @ ..] = rest.get(..usize::from(*length))? else { return None };
    let mut containers = containers;
    while let [high, low, length, rest @ ..] = containers {
        let (content, rest) = rest.split_at_checked((*length).into())?;
        match content {
            [a, b, c, scheme, key @ ..] if [*high, *low] == OPERATOR => {
                return Some(CarriedKey { network: Plmn([*a, *b, *c]), scheme: *scheme, key: key.to_vec() });
            }
            _ => containers = rest,
        }
    }
    None
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
