//! What an SGSN and an MME tell each other of a UE: its keys, and its connection to the packet network (TS 29.060 clauses 7.7.28 and
//! 7.7.29).

use std::net::Ipv4Addr;

use nom::bytes::complete::take;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::element::{Elements, Ie};
use crate::eps::identifiers::{Ebi, Teid};
use crate::eps::keys::CkIk;
use crate::eps::wire::ue_context::TunnelEndpoint;
use crate::eps::wire::{UeSecurityCapabilities, WireError};

/// Security mode: UMTS keys and quintuplets.
const UMTS_KEYS: u8 = 2;
/// The unused bits of the first two octets are 1.
const UNUSED_FIRST: u8 = 0xf8;
const UNUSED_SECOND: u8 = 0x07;
/// The bits of KSI in the first octet.
const KSI: u8 = 0x07;
/// MS network capability: nothing of GPRS, a revision of release 99, EPC (TS 24.008 clause 10.5.5.12).
pub(super) const MS_NETWORK_CAPABILITY: [u8; 3] = [0x21, 0x00, 0x04];
/// QoS of every bearer, behind its priority: background class, best effort, 8640 kbit/s in both directions (TS 24.008 clause 10.5.6.5).
pub(super) const QOS: [u8; 12] = [0x0f, 0x23, 0x92, 0x1f, 0x91, 0xfe, 0xfe, 0x74, 0x81, 0x00, 0x00, 0x00];
/// PDP type: IETF, IPv4.
const IPV4: [u8; 2] = [0xf1, 0x21];
/// The packet network of every UE, as a label behind its length.
const APN: &[u8] = b"\x08internet";
/// SAPI 3, the one of user data with the highest priority.
const SAPI: u8 = 3;

/// MM Context with the keys of UMTS, and the EPS algorithms of the UE behind them, in the container. No quintuplet is handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UmtsContext {
    /// Which CK and IK they are (KSI), 3 bits.
    pub key_set: u8,
    /// CK and IK.
    pub keys: CkIk,
    /// What the UE is capable of in E-UTRAN.
    pub capabilities: UeSecurityCapabilities,
}

/// The element in the container of an MM context that is the UE network capability (TS 24.008 clause 10.5.5.12a; IEI 58).
const UE_NETWORK_CAPABILITY: u8 = 0x58;
/// The element before it: the mobile identity, an IMEISV (TS 24.008 clause 10.5.1.4; IEI 23). No UE here has one.
const MOBILE_IDENTITY: u8 = 0x23;
/// No identity.
const NO_IDENTITY: u8 = 0;

impl UmtsContext {
    pub(super) fn element(&self) -> Result<Vec<u8>, WireError> {
        let [eea, eia] = self.capabilities.nas_octets();
        let mut value = vec![UNUSED_FIRST | self.key_set & KSI, UMTS_KEYS << 6 | UNUSED_SECOND];
        value.extend_from_slice(self.keys.octets());
        // No quintuplets, then the DRX parameter: nothing special.
        value.extend_from_slice(&[0, 0, 0, 0]);
        value.push(MS_NETWORK_CAPABILITY.len() as u8);
        value.extend_from_slice(&MS_NETWORK_CAPABILITY);
        let container = [MOBILE_IDENTITY, 1, NO_IDENTITY, UE_NETWORK_CAPABILITY, 2, eea, eia];
        value.extend_from_slice(&(container.len() as u16).to_be_bytes());
        value.extend_from_slice(&container);
        // No access restriction.
        value.push(0);
        Ie::MM_CONTEXT.with(&value)
    }

    /// None if there are no keys of UMTS in it.
    pub(super) fn read(elements: &Elements<'_>) -> Result<Option<Self>, WireError> {
        elements.required(Ie::MM_CONTEXT, |value| {
            if value.octets.get(1).is_some_and(|mode| mode >> 6 != UMTS_KEYS) {
                return Ok(None);
            }
            let (keys, container) = value.read("a context with keys of 128 bits", context)?;
            let keys = <[u8; CkIk::OCTETS]>::try_from(keys).map_err(|_| value.refused("32 octets of key", "others"))?;
            let capabilities = match container {
                [MOBILE_IDENTITY, 1, _, UE_NETWORK_CAPABILITY, _, eea, eia, ..] => {
                    UeSecurityCapabilities::from_nas_octets([*eea, *eia])
                }
                _ => UeSecurityCapabilities::default(),
            };
            let key_set = value.octets.first().map_or(0, |first| first & KSI);
            Ok(Some(Self { key_set, keys: CkIk::from_octets(keys), capabilities }))
        })
    }
}

/// CK and IK, container.
fn context(input: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    let (input, _) = (be_u8, be_u8).parse(input)?;
    let (input, keys) = take(CkIk::OCTETS).parse(input)?;
    // Quintuplets, DRX parameter, MS network capability.
    let (input, _) = (length_data(be_u16), be_u16, length_data(be_u8)).parse(input)?;
    let (input, container) = length_data(be_u16).parse(input)?;
    Ok((input, (keys, container)))
}

/// PDP Context: a connection to the packet network, with the tunnels at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdpContext {
    /// NSAPI, which is the EPS bearer identity too.
    pub nsapi: Ebi,
    /// The UE's address.
    pub address: Ipv4Addr,
    /// What the gateway calls the UE on its control plane.
    pub control: Teid,
    /// Where the uplink goes at the gateway.
    pub uplink: TunnelEndpoint,
}

impl PdpContext {
    pub(super) fn element(self) -> Result<Vec<u8>, WireError> {
        let mut value = vec![self.nsapi.get(), SAPI];
        // Subscribed, requested, negotiated.
        for _ in 0..3 {
            value.push(QOS.len() as u8);
            value.extend_from_slice(&QOS);
        }
        // Numbers of N-PDUs and SNDCP.
        value.extend_from_slice(&[0; 6]);
        value.extend_from_slice(&self.control.0.to_be_bytes());
        value.extend_from_slice(&self.uplink.teid.0.to_be_bytes());
        value.push(0);
        value.extend_from_slice(&IPV4);
        for address in [self.address, self.uplink.address, self.uplink.address] {
            value.push(4);
            value.extend_from_slice(&address.octets());
        }
        value.push(APN.len() as u8);
        value.extend_from_slice(APN);
        // Transaction.
        value.extend_from_slice(&[0, 0]);
        Ie::PDP_CONTEXT.with(&value)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        elements.required(Ie::PDP_CONTEXT, |value| {
            let (nsapi, control, uplink, [address, _, gateway]) = value.read("a context with IPv4 addresses", pdp)?;
            let nsapi = Ebi::new(nsapi & 0xf).ok_or_else(|| value.refused("a bearer from 5 to 15", nsapi & 0xf))?;
            let uplink = TunnelEndpoint { address: gateway, teid: Teid(uplink) };
            Ok(Self { nsapi, address, control: Teid(control), uplink })
        })
    }
}

fn address(input: &[u8]) -> IResult<&[u8], Ipv4Addr> {
    length_data(be_u8).map_opt(|octets: &[u8]| <[u8; 4]>::try_from(octets).ok().map(Ipv4Addr::from)).parse(input)
}

/// NSAPI, control plane, uplink, and the addresses: of the UE, of the gateway for control, of the gateway for data.
fn pdp(input: &[u8]) -> IResult<&[u8], (u8, u32, u32, [Ipv4Addr; 3])> {
    let (input, (nsapi, _)) = (be_u8, be_u8).parse(input)?;
    let (input, _) = (length_data(be_u8), length_data(be_u8), length_data(be_u8)).parse(input)?;
    let (input, (_, control, uplink, _)) = (take(6_usize), be_u32, be_u32, take(3_usize)).parse(input)?;
    let (input, (ue, gateway, data)) = (address, address, address).parse(input)?;
    Ok((input, (nsapi, control, uplink, [ue, gateway, data])))
}
