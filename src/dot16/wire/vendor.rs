//! Vendor-specific information, and the one table of this crate's private numbers (`PROTOCOL.md` R17).
//!
//! The standard's numbers for seamless handover are not known here, so they are this crate's own, inside the vendor TLV that
//! every receiver may skip: TLV 143 { sub-TLV 144: vendor id, 3 octets; sub-TLVs of that vendor }. The CMAC tuple stands after it.
//!
//! | where | number | value |
//! | --- | --- | --- |
//! | vendor TLV | 1 | seamless handover: 1 octet, 0 or 1 |
//! | vendor TLV | 2 | ranging deadline: 2 octets, units of 10 ms |
//! | vendor TLV | 3 | candidate: BSID 6, basic CID 2, primary CID 2, flags 1, n 1, n times (SFID 4, CID 2, SAID 2) |
//! | MOB_BSHO-RSP | 28 | resource retain time: 2 octets, units of 100 ms (the number it has in REG-RSP) |

use cookie_factory::bytes::{be_u8 as write_be_u8, be_u16 as write_be_u16, be_u32 as write_be_u32};
use cookie_factory::combinator::slice;
use cookie_factory::multi::all;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::multi::length_count;
use nom::number::complete::be_u8;

use super::error::WireError;
use super::parsing::{bsid, cid, said, sfid};
use super::serialising::serialised;
use super::tlv::Tlv;
use super::typed_tlv::{TlvValue, exactly, first, typed_tlvs};
use crate::dot16::identifiers::{Bsid, Cid, Said, Sfid};

const LAYER: &str = "vendor TLV";
const VENDOR_ID: u8 = 144;

typed_tlvs! {
    /// A sub-TLV of this crate's vendor TLV.
    pub enum VendorItem {
        /// Seamless handover: offered, agreed, or promised for this handover. 1 octet, 0 or 1.
        Seamless(bool) = 1,
        /// Time from action time by which the MS has to have sent RNG-REQ. 2 octets, units of 10 ms.
        RangingDeadline(u16) = 2,
        /// What a target BS allocated. 12 octets and 8 for each flow.
        Candidate(Candidate) = 3,
    }
}

/// A target BS of a handover and the connections it allocated in advance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The target.
    pub bsid: Bsid,
    /// Pre-allocated basic CID, 2 octets.
    pub basic_cid: Cid,
    /// Pre-allocated primary management CID, 2 octets.
    pub primary_cid: Cid,
    /// Flags, 1 octet. The wire gives its bits no meaning.
    pub flags: u8,
    /// The service flows, at most 255.
    pub flows: Vec<CandidateFlow>,
}

/// A service flow at a target, 8 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CandidateFlow {
    /// The service flow, which keeps its SFID, 4 octets.
    pub sfid: Sfid,
    /// Its transport CID at the target, 2 octets.
    pub cid: Cid,
    /// The SA that encrypts it, 2 octets.
    pub said: Said,
}

impl TlvValue for Candidate {
    fn from_value(value: &[u8]) -> Option<Self> {
        let flow = (sfid, cid, said).map(|(sfid, cid, said)| CandidateFlow { sfid, cid, said });
        let candidate = (bsid, cid, cid, be_u8, length_count(be_u8, flow))
            .map(|(bsid, basic_cid, primary_cid, flags, flows)| Self { bsid, basic_cid, primary_cid, flags, flows });
        exactly(candidate, value)
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        let count = u8::try_from(self.flows.len()).map_err(|_| WireError {
            layer: LAYER,
            offset: 11,
            expected: "at most 255 flows of a candidate".into(),
            found: self.flows.len().to_string(),
        })?;
        let flow = |flow: &CandidateFlow| {
            tuple((write_be_u32(flow.sfid.0), write_be_u16(flow.cid.0), write_be_u16(flow.said.0)))
        };
        serialised(
            LAYER,
            tuple((
                slice(self.bsid.0),
                write_be_u16(self.basic_cid.0),
                write_be_u16(self.primary_cid.0),
                write_be_u8(self.flags),
                write_be_u8(count),
                all(self.flows.iter().map(flow)),
            )),
        )
    }
}

/// Vendor-specific information, TLV 143.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorTlv {
    /// The vendor, 3 octets.
    pub vendor_id: [u8; 3],
    /// The vendor's sub-TLVs, in order. For a vendor id that is not this crate's all are [`VendorItem::Other`].
    pub items: Vec<VendorItem>,
}

impl VendorTlv {
    /// Type number of the TLV.
    pub const TLV: u8 = 143;

    /// This crate's vendor id: locally administered, so that it is nobody else's.
    pub const KEYHOP: [u8; 3] = [0x02, 0x6b, 0x68];

    /// This crate's vendor TLV with `items`.
    #[must_use]
    pub const fn new(items: Vec<VendorItem>) -> Self {
        Self { vendor_id: Self::KEYHOP, items }
    }

    /// Whether seamless handover is offered, agreed or promised; `None` if nothing is said.
    #[must_use]
    pub fn seamless(&self) -> Option<bool> {
        first!(self.items, VendorItem::Seamless).copied()
    }

    /// The ranging deadline in units of 10 ms.
    #[must_use]
    pub fn ranging_deadline(&self) -> Option<u16> {
        first!(self.items, VendorItem::RangingDeadline).copied()
    }

    /// The candidates, in order.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.items.iter().filter_map(|item| match item {
            VendorItem::Candidate(candidate) => Some(candidate),
            _ => None,
        })
    }
}

impl TlvValue for VendorTlv {
    fn from_value(value: &[u8]) -> Option<Self> {
        let mut sub = Tlv::parse_all(value, 0).ok()?.into_iter();
        let first = sub.next().filter(|tlv| tlv.kind == VENDOR_ID)?;
        let vendor_id = first.value.try_into().ok()?;
        let typed = if vendor_id == Self::KEYHOP { VendorItem::from } else { VendorItem::Other };
        Some(Self { vendor_id, items: sub.map(typed).collect() })
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        let private = |item: &&VendorItem| !matches!(item, VendorItem::Other(_));
        if self.vendor_id != Self::KEYHOP
            && let Some(item) = self.items.iter().find(private)
        {
            return Err(WireError {
                layer: LAYER,
                offset: 0,
                expected: "this crate's vendor id before its private sub-TLVs".into(),
                found: format!("vendor {} before sub-TLV {}", super::parsing::describe(&self.vendor_id), item.kind()),
            });
        }
        let vendor = Tlv { kind: VENDOR_ID, value: self.vendor_id.to_vec() };
        serialised(LAYER, tuple((slice(vendor.octets()?), slice(VendorItem::octets_of_all(&self.items)?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate() -> Candidate {
        Candidate {
            bsid: Bsid([0x0a, 0, 0, 0, 0, 2]),
            basic_cid: Cid(9),
            primary_cid: Cid(0x149),
            flags: 1,
            flows: vec![CandidateFlow { sfid: Sfid(0x0102_0304), cid: Cid(0x0300), said: Said(0x0005) }],
        }
    }

    #[test]
    fn every_item_stands_where_the_table_says() {
        let items = vec![
            VendorItem::Seamless(true),
            VendorItem::RangingDeadline(20),
            VendorItem::Candidate(candidate()),
            VendorItem::Other(Tlv { kind: 200, value: vec![7] }),
        ];
        let tlv = VendorTlv::new(items);
        let octets = tlv.to_value().unwrap();
        let expected =
            "9003026b68 010101 02020014 03140a000000000200090149010101020304030000 05c80107".replace(' ', "");
        assert_eq!(hex::encode(&octets), expected);
        assert_eq!(VendorTlv::from_value(&octets), Some(tlv.clone()));
        assert_eq!((tlv.seamless(), tlv.ranging_deadline(), tlv.candidates().count()), (Some(true), Some(20), 1));
    }

    #[test]
    fn another_vendors_numbers_are_not_taken_for_ours() {
        let octets = hex::decode("9003aabbcc010101").unwrap();
        let tlv = VendorTlv::from_value(&octets).unwrap();
        assert_eq!((tlv.vendor_id, tlv.seamless()), ([0xaa, 0xbb, 0xcc], None));
        assert_eq!(tlv.to_value().unwrap(), octets);
        let ours = VendorTlv { vendor_id: [0xaa, 0xbb, 0xcc], items: vec![VendorItem::Seamless(true)] };
        assert!(ours.to_value().is_err());
    }

    #[test]
    fn without_a_vendor_id_in_front_it_is_no_vendor_tlv() {
        for value in ["", "010101", "9002026b", "0101019003026b68"] {
            assert_eq!(VendorTlv::from_value(&hex::decode(value).unwrap()), None, "{value}");
        }
    }

    #[test]
    fn the_number_of_flows_has_to_fit_its_octet_and_the_value() {
        let mut value = candidate().to_value().unwrap();
        assert_eq!(Candidate::from_value(&value), Some(candidate()));
        value[11] = 2;
        assert_eq!(Candidate::from_value(&value), None);
        let flow = candidate().flows[0];
        assert!(Candidate { flows: vec![flow; 255], ..candidate() }.to_value().is_ok());
        assert!(Candidate { flows: vec![flow; 256], ..candidate() }.to_value().is_err());
    }
}
