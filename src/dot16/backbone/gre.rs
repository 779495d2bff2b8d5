//! GRE (RFC 2784, with key and sequence number of RFC 2890): the data path between gateway and base station.

use cookie_factory::bytes::{be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::{cond, slice};
use cookie_factory::sequence::tuple;
use nom::IResult;
use nom::Parser;
use nom::combinator::cond as when;
use nom::number::complete::{be_u16, be_u32};

use super::error::{BackboneError, serialise};

const LAYER: &str = "GRE";
/// The key is present.
const KEY: u16 = 0x2000;
/// The sequence number is present.
const SEQUENCE: u16 = 0x1000;
/// The three low bits of the first two octets.
const VERSION: u16 = 0x0007;

/// The bits that must be 0 here, by name.
const UNSUPPORTED: [(u16, &str); 5] = [
    (0x8000, "checksum present (C)"),
    (0x4000, "routing present (R)"),
    (0x0800, "strict source route (s)"),
    (0x0700, "recursion control"),
    (0x00f8, "reserved flags (bits 8 to 12)"),
];

/// Header of a GRE packet: 4 octets, and 4 more for each of key and sequence number that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GreHeader {
    /// The key, 4 octets: names the data path (the value of the Data Path ID TLV).
    pub key: Option<u32>,
    /// The sequence number of the packet within its key, 4 octets.
    pub sequence: Option<u32>,
    /// EtherType of the payload, 2 octets; 0x0800 for IPv4.
    pub protocol: u16,
}

impl GreHeader {
    /// EtherType of IPv4.
    pub const IPV4: u16 = 0x0800;
}

/// A GRE packet: the payload of IPv4 with protocol 47.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrePacket {
    /// The header.
    pub header: GreHeader,
    /// What it carries: for [`GreHeader::IPV4`] a whole IPv4 packet.
    pub payload: Vec<u8>,
}

fn fields(input: &[u8], flags: u16) -> IResult<&[u8], (u16, Option<u32>, Option<u32>)> {
    (
        be_u16,
        when(flags & KEY != 0, be_u32),
        when(flags & SEQUENCE != 0, be_u32),
    )
        .parse(input)
}

impl GrePacket {
    /// The packet that `octets` (the whole payload of IPv4) are.
    ///
    /// # Errors
    ///
    /// Fewer octets than the flags announce, a version other than 0, or a flag other than key and sequence number:
    /// checksum, routing, strict source route, recursion control, reserved.
    pub fn parse(octets: &[u8]) -> Result<Self, BackboneError> {
        let short = |expected| BackboneError::new(LAYER, octets.len(), expected, format!("{} octets", octets.len()));
        let (rest, flags): (_, u16) =
            be_u16::<_, nom::error::Error<&[u8]>>(octets).map_err(|_| short("2 octets of flags and version"))?;
        for (bits, name) in UNSUPPORTED {
            if flags & bits != 0 {
                let found = format!("{name} in {flags:#06x}");
                return Err(BackboneError::new(
                    LAYER,
                    0,
                    "no flags but key and sequence number",
                    found,
                ));
            }
        }
        let version = flags & VERSION;
        if version != 0 {
            return Err(BackboneError::new(LAYER, 0, "version 0", format!("version {version}")));
        }
        let (payload, (protocol, key, sequence)) =
            fields(rest, flags).map_err(|_| short("protocol, key and sequence number as the flags announce"))?;
        Ok(Self {
            header: GreHeader {
                key,
                sequence,
                protocol,
            },
            payload: payload.to_vec(),
        })
    }

    /// The octets of the packet, header included.
    ///
    /// # Errors
    ///
    /// None that depends on the value; memory only.
    pub fn octets(&self) -> Result<Vec<u8>, BackboneError> {
        let GreHeader {
            key,
            sequence,
            protocol,
        } = self.header;
        let flags = if key.is_some() { KEY } else { 0 } | if sequence.is_some() { SEQUENCE } else { 0 };
        serialise(
            LAYER,
            tuple((
                write_u16(flags),
                write_u16(protocol),
                cond(key.is_some(), write_u32(key.unwrap_or_default())),
                cond(sequence.is_some(), write_u32(sequence.unwrap_or_default())),
                slice(&self.payload),
            )),
        )
    }
}
