//! The information elements of GTPv2-C as type, length, instance and value, and the values that several messages have
//! (TS 29.274 clause 8).

use std::net::Ipv4Addr;

use cookie_factory::SerializeFn;
use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::LAYER;
use crate::eps::identifiers::{Ebi, Teid};
use crate::eps::wire::WireError;
use crate::eps::wire::core_error::{length_16, serialise};
pub(super) use crate::eps::wire::gtp_value::Value;
use crate::eps::wire::ue_context::TunnelEndpoint;

/// Octets of type, length and instance.
const HEADER_OCTETS: usize = 4;
/// Where the length stands in them.
const LENGTH_OFFSET: usize = 1;
/// The bits of an instance.
const INSTANCE: u8 = 0x0f;
/// The bits of a bearer identity in its octet.
const BEARER: u8 = 0x0f;
/// The flag of an F-TEID that an IPv4 address is there.
const V4: u8 = 0x80;
/// The flag that an IPv6 address is there.
const V6: u8 = 0x40;

/// An information element by type and instance, and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ie {
    kind: u8,
    instance: u8,
    name: &'static str,
}

impl Ie {
    const fn new(kind: u8, instance: u8, name: &'static str) -> Self {
        Self { kind, instance, name }
    }

    pub(super) const IMSI: Self = Self::new(1, 0, "IMSI");
    pub(super) const CAUSE: Self = Self::new(2, 0, "Cause");
    pub(super) const APN: Self = Self::new(71, 0, "APN");
    pub(super) const AMBR: Self = Self::new(72, 0, "Aggregate Maximum Bit Rate");
    pub(super) const BEARER: Self = Self::new(73, 0, "EPS Bearer ID");
    pub(super) const ADDRESS: Self = Self::new(74, 0, "IPv4 Address");
    pub(super) const INDICATION: Self = Self::new(77, 0, "Indication");
    pub(super) const PDN_ADDRESS: Self = Self::new(79, 0, "PDN Address Allocation");
    pub(super) const RAT_TYPE: Self = Self::new(82, 0, "RAT Type");
    pub(super) const QOS: Self = Self::new(80, 0, "Bearer Level QoS");
    pub(super) const SENDER: Self = Self::new(87, 0, "Sender's F-TEID for Control Plane");
    pub(super) const ENB_USER: Self = Self::new(87, 0, "S1-U eNodeB F-TEID");
    pub(super) const SGW_CONTROL: Self = Self::new(87, 1, "SGW S11/S4 IP Address and TEID for Control Plane");
    pub(super) const PGW_CONTROL: Self = Self::new(87, 0, "PGW S5/S8 IP Address for Control Plane");
    pub(super) const SGW_USER: Self = Self::new(87, 0, "SGW S1/S4/S12 IP Address and TEID for user plane");
    pub(super) const PGW_USER: Self = Self::new(87, 1, "PGW S5/S8 IP Address and TEID for user plane");
    pub(super) const ANCHOR_CONTROL: Self = Self::new(87, 1, "PGW S5/S8 Address for Control Plane");
    pub(super) const ANCHOR_USER: Self = Self::new(87, 3, "S5/S8-U PGW F-TEID");
    pub(super) const FORWARDING_ENB: Self = Self::new(87, 0, "F-TEID for DL data forwarding");
    pub(super) const FORWARDING_SGW: Self = Self::new(87, 1, "SGW F-TEID for DL data forwarding");
    pub(super) const RELOCATED_SGW: Self = Self::new(87, 2, "SGW F-TEID for DL data forwarding");
    pub(super) const BEARER_CONTEXT: Self = Self::new(93, 0, "Bearer Context");
    pub(super) const MM_CONTEXT: Self = Self::new(107, 0, "EPS Security Context and Quadruplets");
    pub(super) const PDN_CONNECTION: Self = Self::new(109, 0, "MME UE EPS PDN Connections");
    pub(super) const RAT: Self = Self::new(82, 0, "RAT Type");
    pub(super) const COMPLETE_REQUEST: Self = Self::new(116, 0, "Complete TAU Request Message");
    pub(super) const GUTI: Self = Self::new(117, 0, "GUTI");
    pub(super) const CONTAINER: Self = Self::new(118, 0, "E-UTRAN Transparent Container");
    pub(super) const S1AP_CAUSE: Self = Self::new(119, 0, "S1-AP Cause");
    pub(super) const TARGET: Self = Self::new(121, 0, "Target Identification");
    pub(super) const PRIVATE: Self = Self::new(255, 0, "Private Extension");
    pub(super) const ORIGIN: Self = Self::new(255, 1, "Private Extension of an origin");

    /// The octets of this information element with a value.
    pub(super) fn with(self, value: impl SerializeFn<Vec<u8>>) -> Result<Vec<u8>, WireError> {
        let value = serialise(LAYER, value)?;
        let length = length_16(LAYER, LENGTH_OFFSET, value.len())?;
        serialise(LAYER, tuple((write_u8(self.kind), write_u16(length), write_u8(self.instance), slice(value))))
    }

    /// A bearer.
    pub(super) fn with_bearer(self, ebi: Ebi) -> Result<Vec<u8>, WireError> {
        self.with(write_u8(ebi.get()))
    }

    /// An end of a tunnel, and what interface it is on (clause 8.22).
    pub(super) fn with_tunnel(self, interface: u8, tunnel: TunnelEndpoint) -> Result<Vec<u8>, WireError> {
        self.with(tuple((write_u8(V4 | interface), write_u32(tunnel.teid.0), slice(tunnel.address.octets()))))
    }

    /// Information elements one after the other.
    pub(super) fn with_group(self, members: &[Vec<u8>]) -> Result<Vec<u8>, WireError> {
        self.with(slice(members.concat()))
    }
}

/// An information element that was received, with the offset at which its value begins.
#[derive(Clone, Copy)]
struct Element<'a> {
    kind: u8,
    instance: u8,
    offset: usize,
    value: &'a [u8],
}

/// The information elements of a message or of a group.
pub(super) struct Elements<'a>(Vec<Element<'a>>);

fn header(input: &[u8]) -> IResult<&[u8], (u8, u16, u8)> {
    (be_u8, be_u16, be_u8).parse(input)
}

impl<'a> Elements<'a> {
    /// Those that fill `octets`, which begin at `start` of the message.
    pub(super) fn parse(octets: &'a [u8], start: usize) -> Result<Self, WireError> {
        let mut elements = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() {
            let at = start.saturating_add(octets.len().saturating_sub(rest.len()));
            let (after, (kind, length, instance)) = header(rest).map_err(|_| {
                WireError::new(LAYER, at, "4 octets of type, length and instance", format!("{} octets", rest.len()))
            })?;
            let offset = at.saturating_add(HEADER_OCTETS);
            let (after, value) = take::<_, _, nom::error::Error<&[u8]>>(length).parse(after).map_err(|_| {
                let expected = format!("{length} octets of value (type {kind})");
                WireError::new(LAYER, offset, expected, format!("{} octets", after.len()))
            })?;
            elements.push(Element { kind, instance: instance & INSTANCE, offset, value });
            rest = after;
        }
        Ok(Self(elements))
    }

    /// What `of` makes of the values of every `ie`, each with its offset.
    pub(super) fn every<T>(&self, ie: Ie, of: impl Fn(Value<'a>) -> Result<T, WireError>) -> Result<Vec<T>, WireError> {
        let found = self.0.iter().filter(|element| (element.kind, element.instance) == (ie.kind, ie.instance));
        found
            .map(|Element { offset, value, .. }| {
                of(Value { layer: LAYER, name: ie.name, offset: *offset, octets: value })
            })
            .collect()
    }

    /// What `of` makes of the first `ie`; none if there is none.
    pub(super) fn optional<T>(
        &self,
        ie: Ie,
        of: impl FnOnce(Value<'a>) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        let found = self.0.iter().find(|element| (element.kind, element.instance) == (ie.kind, ie.instance));
        found
            .map(|Element { offset, value, .. }| {
                of(Value { layer: LAYER, name: ie.name, offset: *offset, octets: value })
            })
            .transpose()
    }

    /// What `of` makes of the first `ie`, which must be there.
    pub(super) fn required<T>(
        &self,
        ie: Ie,
        of: impl FnOnce(Value<'a>) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let missing = || WireError::new(LAYER, 0, format!("{} (IE {}.{})", ie.name, ie.kind, ie.instance), "none");
        self.optional(ie, of)?.ok_or_else(missing)
    }
}

impl<'a> Value<'a> {
    /// The information elements of a group.
    pub(super) fn group(&self) -> Result<Elements<'a>, WireError> {
        Elements::parse(self.octets, self.offset)
    }

    /// A bearer.
    pub(super) fn bearer(&self) -> Result<Ebi, WireError> {
        let found = self.read("1 octet", be_u8)? & BEARER;
        Ebi::new(found).ok_or_else(|| self.refused("a bearer from 5 to 15", found))
    }

    /// An end of a tunnel.
    pub(super) fn tunnel(&self) -> Result<TunnelEndpoint, WireError> {
        let (flags, teid, address) = self.read("9 octets", (be_u8, be_u32, be_u32))?;
        if flags & (V4 | V6) != V4 {
            return Err(self.refused("a tunnel with an IPv4 address alone", format!("flags {flags:#04x}")));
        }
        Ok(TunnelEndpoint { address: Ipv4Addr::from_bits(address), teid: Teid(teid) })
    }
}
