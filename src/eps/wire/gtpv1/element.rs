//! The information elements of GTPv1-C: a type, then a value whose length the type gives (below 128) or two octets say
//! (TS 29.060 clause 7.7).

use std::net::Ipv4Addr;

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16};
use nom::{IResult, Parser};

use super::LAYER;
use crate::eps::identifiers::Teid;
use crate::eps::wire::WireError;
use crate::eps::wire::core_error::{length_16, serialise};
pub(super) use crate::eps::wire::gtp_value::Value;

/// The types below this have a length of their own.
const FIRST_WITH_LENGTH: u8 = 128;

/// Octets of the value of a type that has a length of its own; none of a type that is not used here.
const fn fixed_octets(kind: u8) -> Option<usize> {
    match kind {
        1 | 8 | 11 | 13..=15 | 19..=22 | 24 | 29 | 127 => Some(1),
        2 => Some(8),
        3 => Some(6),
        4 | 5 | 16 | 17 => Some(4),
        9 => Some(28),
        12 => Some(3),
        18 => Some(5),
        23 | 26..=28 => Some(2),
        25 => Some(2),
        _ => None,
    }
}

/// An information element by type, and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ie {
    kind: u8,
    name: &'static str,
}

impl Ie {
    const fn new(kind: u8, name: &'static str) -> Self {
        Self { kind, name }
    }

    pub(super) const CAUSE: Self = Self::new(1, "Cause");
    pub(super) const IMSI: Self = Self::new(2, "IMSI");
    pub(super) const ROUTING_AREA: Self = Self::new(3, "Routeing Area Identity");
    pub(super) const P_TMSI: Self = Self::new(5, "Packet TMSI");
    pub(super) const TEID_DATA: Self = Self::new(16, "Tunnel Endpoint Identifier Data I");
    pub(super) const TEID_CONTROL: Self = Self::new(17, "Tunnel Endpoint Identifier Control Plane");
    pub(super) const NSAPI: Self = Self::new(20, "NSAPI");
    pub(super) const RANAP_CAUSE: Self = Self::new(21, "RANAP Cause");
    pub(super) const MM_CONTEXT: Self = Self::new(129, "MM Context");
    pub(super) const PDP_CONTEXT: Self = Self::new(130, "PDP Context");
    pub(super) const ADDRESS: Self = Self::new(133, "GSN Address");
    pub(super) const QOS: Self = Self::new(135, "Quality of Service Profile");
    pub(super) const TARGET: Self = Self::new(138, "Target Identification");
    pub(super) const CONTAINER: Self = Self::new(139, "UTRAN Transparent Container");
    pub(super) const RAB_SETUP: Self = Self::new(140, "RAB Setup Information");
    pub(super) const PRIVATE: Self = Self::new(255, "Private Extension");

    /// The octets of this information element with a value.
    pub(super) fn with(self, value: &[u8]) -> Result<Vec<u8>, WireError> {
        if self.kind < FIRST_WITH_LENGTH {
            return serialise(LAYER, tuple((write_u8(self.kind), slice(value))));
        }
        let length = length_16(LAYER, 1, value.len())?;
        serialise(LAYER, tuple((write_u8(self.kind), write_u16(length), slice(value))))
    }
}

/// The information elements of a message, each with the offset at which its value begins.
pub(super) struct Elements<'a>(Vec<(u8, usize, &'a [u8])>);

impl<'a> Elements<'a> {
    /// Those that fill `octets`, which begin at `start` of the message.
    pub(super) fn parse(octets: &'a [u8], start: usize) -> Result<Self, WireError> {
        let mut elements = Vec::new();
        let mut rest = octets;
        while let Some((kind, after)) = rest.split_first() {
            let at = start.saturating_add(octets.len().saturating_sub(rest.len()));
            let cut =
                || WireError::new(LAYER, at, format!("type {kind} with its value"), format!("{} octets", after.len()));
            let unknown = || WireError::new(LAYER, at, "a type that is known or has a length", kind);
            let value: IResult<&[u8], &[u8]> = if *kind < FIRST_WITH_LENGTH {
                take(fixed_octets(*kind).ok_or_else(unknown)?).parse(after)
            } else {
                length_data(be_u16).parse(after)
            };
            let (after, value) = value.map_err(|_| cut())?;
            let offset = start.saturating_add(octets.len().saturating_sub(after.len().saturating_add(value.len())));
            elements.push((*kind, offset, value));
            rest = after;
        }
        Ok(Self(elements))
    }

    /// What `of` makes of the `number`th of an information element; none if there are fewer.
    pub(super) fn nth<T>(
        &self,
        ie: Ie,
        number: usize,
        of: impl FnOnce(Value<'a>) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        let found = self.0.iter().filter(|(kind, _, _)| *kind == ie.kind).nth(number);
        found.map(|(_, offset, octets)| of(Value { layer: LAYER, name: ie.name, offset: *offset, octets })).transpose()
    }

    /// What `of` makes of the first, which must be there.
    pub(super) fn required<T>(
        &self,
        ie: Ie,
        of: impl FnOnce(Value<'a>) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let missing = || WireError::new(LAYER, 0, format!("{} (IE {})", ie.name, ie.kind), "none");
        self.nth(ie, 0, of)?.ok_or_else(missing)
    }

    /// A number of 1 octet.
    pub(super) fn octet(&self, ie: Ie) -> Result<u8, WireError> {
        self.required(ie, |value| value.read("1 octet", be_u8))
    }

    pub(super) fn teid(&self, ie: Ie) -> Result<Teid, WireError> {
        self.required(ie, |value| value.array().map(|octets| Teid(u32::from_be_bytes(octets))))
    }

    /// The `number`th address of a node.
    pub(super) fn address(&self, number: usize) -> Result<Ipv4Addr, WireError> {
        let found = self.nth(Ie::ADDRESS, number, |value| value.array::<4>().map(Ipv4Addr::from))?;
        found.ok_or_else(|| {
            WireError::new(LAYER, 0, format!("{} addresses (IE 133)", number.saturating_add(1)), "fewer")
        })
    }
}

impl Value<'_> {
    /// A value of `N` octets.
    pub(super) fn array<const N: usize>(&self) -> Result<[u8; N], WireError> {
        let found = <[u8; N]>::try_from(self.octets);
        found.map_err(|_| self.refused("the octets that it has", format!("{} octets", self.octets.len())))
    }
}
