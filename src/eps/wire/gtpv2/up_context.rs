//! What is said of the key between UE and UPE, in Private Extensions of [`ENTERPRISE`], for the standard has no such key \[choice\]:
//!
//! | in | octets |
//! | --- | --- |
//! | Create Session Request, Modify Bearer Request, Create Indirect Data Forwarding Tunnel Request | number of the key (4), algorithm (1), KUP (16) |
//! | Forward Relocation Request, Context Response | the same, highest number given so far (4) |
//! | Forward Access Context Notification, between UPEs | the same as first, COUNTs that come next: uplink, downlink (4 each) |

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::combinator::{all_consuming, map_opt, map_res};
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::element::{Elements, Ie, Value};
use super::forward_relocation::ENTERPRISE;
use crate::eps::keys::{AlgorithmKey, UpContext, UpKey, UpRelocation};
use crate::eps::parameters::AlgorithmId;
use crate::eps::wire::WireError;

/// Forward Access Context Notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessContextNotification {
    /// From the UPE that a UE leaves to that which it goes to.
    pub up: UpContext,
}

fn octets(key: &UpKey, rest: &[u8]) -> Result<Vec<u8>, WireError> {
    let UpKey { update, algorithm, key } = key;
    let values = (write_u16(ENTERPRISE), write_u32(*update), write_u8(*algorithm as u8), slice(key.octets()));
    Ie::PRIVATE.with(tuple((tuple(values), slice(rest))))
}

/// The enterprise, which must be the right one, and a key.
fn key(input: &[u8]) -> IResult<&[u8], UpKey> {
    let enterprise = map_opt(be_u16, |found| (found == ENTERPRISE).then_some(()));
    let octets = map_res(nom::bytes::complete::take(AlgorithmKey::OCTETS), <[u8; AlgorithmKey::OCTETS]>::try_from);
    (enterprise, be_u32, map_opt(be_u8, AlgorithmId::from_number), octets)
        .map(|((), update, algorithm, key)| UpKey { update, algorithm, key: AlgorithmKey::from_octets(key) })
        .parse(input)
}

pub(super) fn with_up_key(key: &UpKey) -> Result<Vec<u8>, WireError> {
    octets(key, &[])
}

pub(super) fn up_key(value: Value<'_>) -> Result<UpKey, WireError> {
    value.read("a key between UE and UPE", all_consuming(key))
}

pub(super) fn with_up_relocation(up: &UpRelocation) -> Result<Vec<u8>, WireError> {
    octets(&up.key, &up.last_update.to_be_bytes())
}

pub(super) fn up_relocation(value: Value<'_>) -> Result<UpRelocation, WireError> {
    let (key, last_update) = value.read("a user plane to be relocated", all_consuming((key, be_u32)))?;
    Ok(UpRelocation { key, last_update })
}

impl AccessContextNotification {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        octets(&self.up.key, &self.up.counts.map(u32::to_be_bytes).concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let read = |value: Value<'_>| value.read("the context of a user plane", all_consuming((key, be_u32, be_u32)));
        let (key, uplink, downlink) = elements.required(Ie::PRIVATE, read)?;
        Ok(Self { up: UpContext { key, counts: [uplink, downlink] } })
    }
}
