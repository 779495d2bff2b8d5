//! A PDCP PDU in a UDP datagram, for Wireshark's heuristic `pdcp_lte_udp`, and the table of keys that goes with it
//! (`eps-systems.md` 5.3). Of the two ways to show the radio it is the one that shows user data.
//!
//! `pdcp-lte` | header absent (1 octet, 0 or 1) | plane (1, 1 signalling, 2 user) | ROHC `00` | `02` bits of sequence number (1; user
//! plane only) | `03` direction (1) | `04 01` DCCH | `0D` channel id (2) | `0E` UE id (2) | `01` PDCP PDU

use std::fmt;
use std::net::Ipv4Addr;

use cookie_factory::SerializeFn;
use cookie_factory::bytes::{be_u8, be_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::tag;
use nom::number::complete;
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::{self, MutableIpv4Packet};
use pnet_packet::udp::{self, MutableUdpPacket};

use super::WireError;
use super::pdcp::unwritable;
use super::radio_frame::{UeId, direction};
use crate::dot16::wire::parsing::{Fault, Parsed, expect, finish};
use crate::dot16::wire::serialising::serialised;
use crate::eps::keys::AlgorithmKey;
use crate::eps::parameters::LinkDirection;

const LAYER: &str = "pdcp-lte record";
const START: &[u8] = b"pdcp-lte";
const SIGNALLING: u8 = 1;
const USER: u8 = 2;
const NO_ROHC: u8 = 0;
const TAG_PAYLOAD: u8 = 1;
const TAG_SEQUENCE_NUMBER_BITS: u8 = 2;
const TAG_DIRECTION: u8 = 3;
const TAG_CHANNEL_TYPE: u8 = 4;
const DCCH: u8 = 1;
const TAG_CHANNEL_ID: u8 = 0x0d;
const TAG_UE_ID: u8 = 0x0e;
/// Bits of the sequence number of a data bearer.
const DATA_BITS: u8 = 12;

/// The UDP port, source and destination, of records: one that no other protocol of Wireshark claims.
pub const PORT: u16 = 8250;
/// Octets in front of a record in an IP packet: IPv4 without options, UDP.
const IP_HEADERS: usize = 28;
const IPV4_HEADER: usize = 20;

/// Which plane a PDU belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plane {
    /// A signalling bearer: RRC.
    Signalling,
    /// A data bearer with a sequence number of 12 bits.
    User,
}

/// A PDCP PDU with what Wireshark has to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdcpOverUdp {
    /// The PDU is an RRC message or IP packet alone: no header, no MAC-I, not ciphered.
    pub header_absent: bool,
    /// Signalling or user data.
    pub plane: Plane,
    /// Up or down.
    pub direction: LinkDirection,
    /// The bearer, 1 more than BEARER of the algorithms.
    pub channel_id: u16,
    /// UE and KeNB.
    pub ue_id: UeId,
    /// The PDU.
    pub pdu: Vec<u8>,
}

impl PdcpOverUdp {
    /// Takes the payload of a datagram apart.
    ///
    /// # Errors
    /// It has other tags than those of the layout, or has them in another order.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, record(octets)).map(|(_, record)| record)
    }

    /// The payload of the datagram.
    ///
    /// # Errors
    /// None that a value could be the cause of.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        serialised(
            LAYER,
            tuple((
                slice(START),
                be_u8(u8::from(self.header_absent)),
                plane_octets(self.plane),
                slice([TAG_DIRECTION, self.direction as u8, TAG_CHANNEL_TYPE, DCCH, TAG_CHANNEL_ID]),
                be_u16(self.channel_id),
                be_u8(TAG_UE_ID),
                be_u16(self.ue_id.0),
                be_u8(TAG_PAYLOAD),
                slice(&self.pdu),
            )),
        )
    }

    /// The record in UDP and IPv4, from port [`PORT`] to port [`PORT`], with both checksums.
    ///
    /// # Errors
    /// The IP packet would be longer than 65,535 octets.
    pub fn ip_packet(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Result<Vec<u8>, WireError> {
        let record = self.octets()?;
        let whole = record.len().saturating_add(IP_HEADERS);
        let found = u64::try_from(whole).unwrap_or(u64::MAX);
        let too_long = || unwritable("IPv4", 2, "a packet of at most 65535 octets", found);
        let length = u16::try_from(whole).map_err(|_| too_long())?;
        let mut octets = vec![0; IPV4_HEADER];
        let datagram = {
            let mut datagram = vec![0; IP_HEADERS.saturating_sub(IPV4_HEADER)];
            datagram.extend_from_slice(&record);
            let mut udp = MutableUdpPacket::owned(datagram).ok_or_else(too_long)?;
            udp.set_source(PORT);
            udp.set_destination(PORT);
            udp.set_length(length.saturating_sub(20));
            udp.set_checksum(udp::ipv4_checksum(&udp.to_immutable(), &source, &destination));
            pnet_packet::Packet::packet(&udp).to_vec()
        };
        let mut ip = MutableIpv4Packet::new(&mut octets).ok_or_else(too_long)?;
        ip.set_version(4);
        ip.set_header_length(5);
        ip.set_total_length(length);
        ip.set_ttl(64);
        ip.set_next_level_protocol(IpNextHeaderProtocols::Udp);
        ip.set_source(source);
        ip.set_destination(destination);
        ip.set_checksum(ipv4::checksum(&ip.to_immutable()));
        octets.extend_from_slice(&datagram);
        Ok(octets)
    }
}

/// Plane, ROHC and, on the user plane, the length of the sequence number.
fn plane_octets(plane: Plane) -> impl SerializeFn<Vec<u8>> {
    slice(match plane {
        Plane::Signalling => &[SIGNALLING, NO_ROHC][..],
        Plane::User => &[USER, NO_ROHC, TAG_SEQUENCE_NUMBER_BITS, DATA_BITS],
    })
}

fn plane(input: &[u8]) -> Parsed<'_, Plane> {
    match input {
        [SIGNALLING, NO_ROHC, rest @ ..] => Ok((rest, Plane::Signalling)),
        [USER, NO_ROHC, TAG_SEQUENCE_NUMBER_BITS, DATA_BITS, rest @ ..] => Ok((rest, Plane::User)),
        _ => Err(Fault::error(input, "plane 1, or plane 2 and a sequence number of 12 bits; no ROHC")),
    }
}

fn record(input: &[u8]) -> Parsed<'_, PdcpOverUdp> {
    let (input, _) = expect("the text pdcp-lte", tag(START)).parse(input)?;
    let (input, header_absent) = match input.split_first() {
        Some((flag @ (0 | 1), rest)) => (rest, *flag == 1),
        _ => return Err(Fault::error(input, "0 or 1 for a header that is absent")),
    };
    let (input, plane) = plane(input)?;
    let (input, _) = expect("tag 3, direction", tag(&[TAG_DIRECTION][..])).parse(input)?;
    let (input, direction) = direction(input)?;
    let channel = [TAG_CHANNEL_TYPE, DCCH, TAG_CHANNEL_ID];
    let (input, _) = expect("tag 4 (DCCH), then tag d", tag(&channel[..])).parse(input)?;
    let (input, channel_id) = expect("channel id, 2 octets", complete::be_u16).parse(input)?;
    let (input, _) = expect("tag e, UE id", tag(&[TAG_UE_ID][..])).parse(input)?;
    let (input, ue_id) = expect("UE id, 2 octets", complete::be_u16).parse(input)?;
    let (pdu, _) = expect("tag 1, PDCP PDU", tag(&[TAG_PAYLOAD][..])).parse(input)?;
    let (ue_id, pdu) = (UeId(ue_id), pdu.to_vec());
    Ok((&[], PdcpOverUdp { header_absent, plane, direction, channel_id, ue_id, pdu }))
}

/// A row of Wireshark's table of keys, as text: in the file `pdcp_lte_ue_keys` of a profile, or behind
/// [`KEY_TABLE`] as the value of `-o`.
///
/// Its `Display` shows the keys; its `Debug` does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTableRow {
    /// UE and KeNB.
    pub ue_id: UeId,
    /// KRRCenc.
    pub rrc_enc: AlgorithmKey,
    /// KUPenc.
    pub up_enc: AlgorithmKey,
    /// KRRCint.
    pub rrc_int: AlgorithmKey,
}

/// What stands in front of a row as the value of `-o`.
pub const KEY_TABLE: &str = "uat:pdcp_lte_ue_keys:";

/// What else `tshark -2` needs to decipher user data and verify signalling by this route.
pub const OPTIONS: [&str; 6] = [
    "--enable-heuristic",
    "pdcp_lte_udp",
    "-o",
    "pdcp-lte.check_sequence_numbers:Only-PDCP-frames",
    "-o",
    "pdcp-lte.decipher_userplane:TRUE",
];

/// `"UE id","KRRCenc","KUPenc","KRRCint"`, the keys in hex.
impl fmt::Display for KeyTableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.ue_id.0)?;
        for key in [&self.rrc_enc, &self.up_enc, &self.rrc_int] {
            f.write_str(",\"")?;
            for octet in key.octets() {
                write!(f, "{octet:02x}")?;
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    #[test]
    fn the_user_plane_says_how_long_its_sequence_number_is() {
        let record = PdcpOverUdp {
            header_absent: false,
            plane: Plane::User,
            direction: LinkDirection::Uplink,
            channel_id: 1,
            ue_id: UeId(0x0203),
            pdu: vec![0x80, 0],
        };
        let expected = concat!("706463702d6c7465", "000200020c", "0300", "0401", "0d0001", "0e0203", "018000");
        assert_eq!(hex::encode(record.octets().unwrap()), expected);
        let packet = record.ip_packet(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)).unwrap();
        assert_eq!(packet[28..], hex::decode(expected).unwrap());
        let too_long = PdcpOverUdp { pdu: vec![0; 65_500], ..record };
        assert!(too_long.ip_packet(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).is_err());
    }

    #[test]
    fn a_row_has_the_keys_in_the_order_of_the_table() {
        let [rrc_enc, up_enc, rrc_int] = [1, 2, 3].map(|octet| AlgorithmKey::from_octets([octet; 16]));
        let row = KeyTableRow { ue_id: UeId(7), rrc_enc, up_enc, rrc_int };
        let keys = ["01", "02", "03"].map(|octet| octet.repeat(16)).join("\",\"");
        assert_eq!(row.to_string(), format!("\"7\",\"{keys}\""));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_record_goes_round_and_survives_damage(
            header_absent: bool,
            user: bool,
            down: bool,
            channel_id: u16,
            ue_id: u16,
            pdu in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let plane = if user { Plane::User } else { Plane::Signalling };
            let direction = if down { LinkDirection::Downlink } else { LinkDirection::Uplink };
            let record = PdcpOverUdp { header_absent, plane, direction, channel_id, ue_id: UeId(ue_id), pdu };
            let octets = record.octets().unwrap();
            prop_assert_eq!(&PdcpOverUdp::parse(&octets).unwrap(), &record);
            survives(&octets, true, |octets| PdcpOverUdp::parse(octets).is_ok());
        }
    }
}
