//! A UE's connection to a packet network, as one MME tells the other (TS 29.274 tables 7.3.1-2 and 7.3.1-3).

use std::net::Ipv4Addr;

use cookie_factory::bytes::{be_u8 as write_u8, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::number::complete::be_u32;

use super::LAYER;
use super::element::{Elements, Ie, Value};
use crate::eps::identifiers::Ebi;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{AGGREGATE_MAXIMUM_BIT_RATE, PRIORITY_LEVEL, QCI, TunnelEndpoint};

/// Interface type of an F-TEID: S1-U at the S-GW.
const S1U_SGW: u8 = 1;
/// Interface type of an F-TEID: S5/S8 at the P-GW, user plane.
pub(super) const S5_PGW_USER: u8 = 5;
/// Interface type of an F-TEID: S5/S8 at the P-GW, control plane.
pub(super) const S5_PGW_CONTROL: u8 = 7;
/// Most octets of a label in the name of a packet network (RFC 1035 clause 2.3.4).
const MAX_LABEL: usize = 63;

/// A bearer and its tunnels. Its QoS is that of [`wire::ue_context`](crate::eps::wire::ue_context).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdnBearer {
    /// The bearer.
    pub ebi: Ebi,
    /// Where its uplink goes from the eNB: the S-GW.
    pub sgw: TunnelEndpoint,
    /// Where that goes on to: the P-GW.
    pub pgw: TunnelEndpoint,
}

/// A connection to a packet network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdnConnection {
    /// Name of the packet network: labels of letters, digits and hyphens, with dots between them.
    pub apn: String,
    /// The UE's address in it.
    pub address: Ipv4Addr,
    /// The default bearer.
    pub default_bearer: Ebi,
    /// The P-GW, control plane.
    pub pgw: TunnelEndpoint,
    /// The bearers, the default one among them.
    pub bearers: Vec<PdnBearer>,
}

impl PdnBearer {
    fn octets(&self) -> Result<Vec<u8>, WireError> {
        Ie::BEARER_CONTEXT.with_group(&[
            Ie::BEARER.with_bearer(self.ebi)?,
            Ie::SGW_USER.with_tunnel(S1U_SGW, self.sgw)?,
            Ie::PGW_USER.with_tunnel(S5_PGW_USER, self.pgw)?,
            qos()?,
        ])
    }

    fn read(context: &Value<'_>) -> Result<Self, WireError> {
        let members = context.group()?;
        Ok(Self {
            ebi: members.required(Ie::BEARER, |value| value.bearer())?,
            sgw: members.required(Ie::SGW_USER, |value| value.tunnel())?,
            pgw: members.required(Ie::PGW_USER, |value| value.tunnel())?,
        })
    }
}

/// The QoS of every bearer.
pub(super) fn qos() -> Result<Vec<u8>, WireError> {
    let rates = [0_u8; 20];
    // Neither may it displace another (bit 7) nor be displaced (bit 1): both bits say so by being set.
    let priority = 0x41 | PRIORITY_LEVEL << 2;
    Ie::QOS.with(tuple((write_u8(priority), write_u8(QCI), slice(rates))))
}

/// The labels of the name of a packet network, each behind its length (TS 23.003 clause 9.1).
pub(super) fn labels(apn: &str) -> Result<Vec<u8>, WireError> {
    let mut octets = Vec::new();
    for label in apn.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=MAX_LABEL).contains(&usize::from(*length)));
        let Some(length) = length.filter(|_| is_label(label.as_bytes())) else {
            let expected = "labels of 1 to 63 letters, digits and hyphens with dots between them";
            return Err(WireError::new(LAYER, 0, expected, format!("{apn:?}")));
        };
        octets.push(length);
        octets.extend_from_slice(label.as_bytes());
    }
    Ok(octets)
}

fn is_label(octets: &[u8]) -> bool {
    octets.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
}

/// The name whose labels these are.
pub(super) fn of_labels(value: &Value<'_>) -> Result<String, WireError> {
    let mut name = String::new();
    let mut rest = value.octets;
    while let Some((length, after)) = rest.split_first() {
        let label = after.split_at_checked(usize::from(*length));
        let Some((label, after)) = label.filter(|(label, _)| !label.is_empty() && is_label(label)) else {
            return Err(value.refused("labels of letters, digits and hyphens", "others"));
        };
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().copied().map(char::from));
        rest = after;
    }
    if name.is_empty() {
        return Err(value.refused("a name", "no label"));
    }
    Ok(name)
}

impl PdnConnection {
    /// The information element.
    pub(super) fn octets(&self) -> Result<Vec<u8>, WireError> {
        // In units of 1000 bits per second, uplink and downlink.
        let rate = AGGREGATE_MAXIMUM_BIT_RATE / 1000;
        let mut members = vec![
            Ie::APN.with(slice(labels(&self.apn)?))?,
            Ie::ADDRESS.with(slice(self.address.octets()))?,
            Ie::BEARER.with_bearer(self.default_bearer)?,
            Ie::PGW_CONTROL.with_tunnel(S5_PGW_CONTROL, self.pgw)?,
        ];
        for bearer in &self.bearers {
            members.push(bearer.octets()?);
        }
        members.push(Ie::AMBR.with(tuple((write_u32(rate), write_u32(rate))))?);
        Ie::PDN_CONNECTION.with_group(&members)
    }

    /// The connection that the information element says.
    pub(super) fn read(value: &Value<'_>) -> Result<Self, WireError> {
        let members: Elements<'_> = value.group()?;
        let address = |value: Value<'_>| value.read("4 octets", be_u32).map(Ipv4Addr::from_bits);
        Ok(Self {
            apn: members.required(Ie::APN, |value| of_labels(&value))?,
            address: members.required(Ie::ADDRESS, address)?,
            default_bearer: members.required(Ie::BEARER, |value| value.bearer())?,
            pgw: members.required(Ie::PGW_CONTROL, |value| value.tunnel())?,
            bearers: members.every(Ie::BEARER_CONTEXT, |value| PdnBearer::read(&value))?,
        })
    }
}
