//! MOB_BSHO-RSP, type 58 (802.16e-2005 clause 6.3.2.3.54; `dot16-wire.md` 3.4).
//!
//! The two public simulators differ on the reserved runs and on the width of action time; this is the layout with both runs and
//! 8 bits of action time.

use nom::Parser;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::ho_process_optimization::HoProcessOptimization;
use super::parsing::{
    Bits, Fault, Parsed, ParsedBits, bits, bsid_bits, finish, flag, message_type, optional_bits, padding,
};
use super::serialising::BitString;
use super::typed_tlv::{first, list, trailing_cmac_tuple, typed_tlvs};
use super::vendor::VendorTlv;
use crate::dot16::identifiers::Bsid;

typed_tlvs! {
    /// A TLV of MOB_BSHO-RSP.
    pub enum MobBshoRspTlv {
        /// Resource retain time, 2 octets, units of 100 ms. A private choice: the standard's number is not known here, so it has
        /// the number and form it has in REG-RSP.
        ResourceRetainTime(u16) = 28,
        /// CMAC tuple, the last TLV.
        CmacTuple(CmacTuple) = 141,
        /// Vendor-specific information: what a seamless handover needs (`PROTOCOL.md` R17).
        Vendor(VendorTlv) = 143,
    }
}

/// A BS that MOB_BSHO-RSP recommends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecommendedBs {
    /// The BS, 6 octets.
    pub bsid: Bsid,
    /// Its preamble index, 1 octet.
    pub preamble_index: u8,
    /// Service level prediction, 1 octet: 0 none, 1 some, 2 all service flows, 3 no prediction.
    pub service_level_prediction: u8,
    /// The low octet of HO process optimization.
    pub ho_process_optimization: u8,
    /// Network-assisted handover is supported.
    pub network_assisted: bool,
    /// HO_ID, 1 octet.
    pub ho_id: Option<u8>,
    /// Reserved, 4 bits, 0 in the format.
    pub reserved: u8,
    /// HO authorization policy, 1 octet.
    pub ho_authorization_policy: Option<u8>,
}

impl RecommendedBs {
    /// HO process optimization, of which MOB_BSHO-RSP carries the 8 low bits.
    #[must_use]
    pub const fn optimization(&self) -> HoProcessOptimization {
        HoProcessOptimization::from_low_octet(self.ho_process_optimization)
    }

    fn parser(input: Bits<'_>) -> ParsedBits<'_, Self> {
        let (input, bsid) = bsid_bits("the BSID of a recommended BS")(input)?;
        let (input, preamble_index) = bits("a preamble index", 8)(input)?;
        let (input, service_level_prediction) = bits("a service level prediction", 8)(input)?;
        let (input, ho_process_optimization) = bits("HO process optimization", 8)(input)?;
        let (input, network_assisted) = flag("the network-assisted bit")(input)?;
        let (input, ho_id_included) = flag("the HO_ID indicator")(input)?;
        let (input, ho_id) = optional_bits(ho_id_included, "an HO_ID", 8)(input)?;
        let (input, policy_included) = flag("the HO authorization policy indicator")(input)?;
        let (input, reserved) = bits("4 reserved bits", 4)(input)?;
        let (input, ho_authorization_policy) = optional_bits(policy_included, "an HO authorization policy", 8)(input)?;
        let bs = Self {
            bsid,
            preamble_index,
            service_level_prediction,
            ho_process_optimization,
            network_assisted,
            ho_id,
            reserved,
            ho_authorization_policy,
        };
        Ok((input, bs))
    }

    fn put(&self, fields: &mut BitString) -> Result<(), WireError> {
        fields.put_bsid("BSID", self.bsid)?.put("preamble index", 8, self.preamble_index)?;
        fields.put("service level prediction", 8, self.service_level_prediction)?;
        fields.put("HO process optimization", 8, self.ho_process_optimization)?;
        fields.put("network-assisted", 1, self.network_assisted)?;
        fields.put("HO_ID indicator", 1, self.ho_id.is_some())?;
        fields.put_optional(self.ho_id.is_some(), "HO_ID", 8, self.ho_id)?;
        fields.put("HO authorization policy indicator", 1, self.ho_authorization_policy.is_some())?;
        fields.put("reserved", 4, self.reserved)?;
        let policy = self.ho_authorization_policy;
        fields.put_optional(policy.is_some(), "HO authorization policy", 8, policy)?;
        Ok(())
    }
}

/// What the serving BS answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BshoDecision {
    /// Mode 0: a hard handover to one of these BSs.
    HardHandover {
        /// HO operation mode: the MS has to hand over.
        mandatory: bool,
        /// Resource retain flag: the serving BS keeps the MS's connections for the resource retain time.
        resource_retain: bool,
        /// Reserved, 7 bits, 0 in the format.
        reserved: u8,
        /// The recommended BSs, best first, at most 255.
        recommended: Vec<RecommendedBs>,
    },
    /// Mode 7: no handover is recommended.
    NotRecommended,
}

/// MOB_BSHO-RSP for a hard handover (mode 0) or against one (mode 7). The modes 1 to 6, macro diversity and fast BS switching,
/// are not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobBshoRsp {
    /// Reserved, 5 bits after the mode, 0 in the format.
    pub reserved: u8,
    /// The answer.
    pub decision: BshoDecision,
    /// Action time, 1 octet, in frames: when the target expects the MS.
    pub action_time: u8,
    /// The bits that fill up the last octet before the TLVs, 0 in the format.
    pub padding: u8,
    /// The TLVs, in order: resource retain time, vendor TLV, CMAC tuple.
    pub tlvs: Vec<MobBshoRspTlv>,
}

impl MobBshoRsp {
    /// Message type.
    pub const TYPE: u8 = 58;

    const LAYER: &'static str = "MOB_BSHO-RSP";
    const HARD_HANDOVER: u8 = 0;
    const NOT_RECOMMENDED: u8 = 7;

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, a mode of 1 to 6, or a message cut short.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        finish(Self::LAYER, message, Self::parser(message)).map(|(_, message)| message)
    }

    /// Whether a message of this type has a mode that is decoded, 0 or 7 (or no octet with a mode at all).
    pub(super) fn is_decoded(message: &[u8]) -> bool {
        message.get(1).is_none_or(|octet| matches!(octet >> 5, Self::HARD_HANDOVER | Self::NOT_RECOMMENDED))
    }

    fn parser(message: &[u8]) -> Parsed<'_, Self> {
        let (at_mode, _) = message_type(Self::TYPE).parse(message)?;
        let (input, mode) = bits::<u8>("a mode", 3)((at_mode, 0))?;
        let (input, reserved) = bits("5 reserved bits", 5)(input)?;
        let (input, decision) = match mode {
            Self::HARD_HANDOVER => Self::hard_handover(input)?,
            Self::NOT_RECOMMENDED => (input, BshoDecision::NotRecommended),
            _ => return Err(Fault::error(at_mode, "mode 0, hard handover, or 7, not recommended")),
        };
        let (input, action_time) = bits("an action time", 8)(input)?;
        let (input, padding) = padding(input)?;
        let (input, tlvs) = list(input)?;
        Ok((input, Self { reserved, decision, action_time, padding, tlvs }))
    }

    fn hard_handover(input: Bits<'_>) -> ParsedBits<'_, BshoDecision> {
        let (input, mandatory) = flag("the HO operation mode")(input)?;
        let (input, count) = bits::<u8>("the number of recommended BSs", 8)(input)?;
        let (input, resource_retain) = flag("the resource retain flag")(input)?;
        let (mut input, reserved) = bits("7 reserved bits", 7)(input)?;
        let mut recommended = Vec::new();
        for _ in 0..count {
            let (rest, bs) = RecommendedBs::parser(input)?;
            recommended.push(bs);
            input = rest;
        }
        Ok((input, BshoDecision::HardHandover { mandatory, resource_retain, reserved, recommended }))
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A value too wide for its bits, more than 255 BSs, or a TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let mut fields = BitString::new(Self::LAYER);
        fields.put("message type", 8, Self::TYPE)?;
        match &self.decision {
            BshoDecision::HardHandover { mandatory, resource_retain, reserved, recommended } => {
                fields.put("mode", 3, Self::HARD_HANDOVER)?.put("reserved", 5, self.reserved)?;
                fields.put("HO operation mode", 1, *mandatory)?;
                fields.put_count("number of recommended BSs", 8, recommended.len())?;
                fields.put("resource retain flag", 1, *resource_retain)?.put("reserved", 7, *reserved)?;
                for bs in recommended {
                    bs.put(&mut fields)?;
                }
            }
            BshoDecision::NotRecommended => {
                fields.put("mode", 3, Self::NOT_RECOMMENDED)?.put("reserved", 5, self.reserved)?;
            }
        }
        fields.put("action time", 8, self.action_time)?.pad(self.padding)?;
        let mut octets = fields.into_octets();
        octets.extend(MobBshoRspTlv::octets_of_all(&self.tlvs)?);
        Ok(octets)
    }

    /// The recommended BSs, best first; none if no handover is recommended.
    #[must_use]
    pub fn recommended(&self) -> &[RecommendedBs] {
        match &self.decision {
            BshoDecision::HardHandover { recommended, .. } => recommended,
            BshoDecision::NotRecommended => &[],
        }
    }

    /// Resource retain time, in units of 100 ms.
    #[must_use]
    pub fn resource_retain_time(&self) -> Option<u16> {
        first!(self.tlvs, MobBshoRspTlv::ResourceRetainTime).copied()
    }

    /// Vendor-specific information.
    #[must_use]
    pub fn vendor(&self) -> Option<&VendorTlv> {
        first!(self.tlvs, MobBshoRspTlv::Vendor)
    }

    /// The CMAC tuple, if it is the last TLV.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<&CmacTuple> {
        trailing_cmac_tuple!(self.tlvs, MobBshoRspTlv)
    }
}

#[cfg(test)]
mod tests {
    use super::super::vendor::VendorItem;
    use super::*;

    fn bs(last: u8, ho_id: Option<u8>, policy: Option<u8>) -> RecommendedBs {
        RecommendedBs {
            bsid: Bsid([0x0a, 0, 0, 0, 0, last]),
            preamble_index: 33,
            service_level_prediction: 2,
            ho_process_optimization: 0x87,
            network_assisted: true,
            ho_id,
            reserved: 0,
            ho_authorization_policy: policy,
        }
    }

    fn message(recommended: Vec<RecommendedBs>) -> MobBshoRsp {
        MobBshoRsp {
            reserved: 0,
            decision: BshoDecision::HardHandover { mandatory: true, resource_retain: true, reserved: 0, recommended },
            action_time: 20,
            padding: 0,
            tlvs: vec![],
        }
    }

    #[test]
    fn optional_fields_shift_what_follows_by_whole_octets() {
        for (ho_id, policy, length) in
            [(None, None, 13), (Some(7), None, 14), (None, Some(1), 14), (Some(7), Some(1), 15)]
        {
            let message = message(vec![bs(2, ho_id, policy)]);
            let octets = message.octets().unwrap();
            assert_eq!(octets.len(), 1 + length + 1, "{ho_id:?} {policy:?}");
            assert_eq!(MobBshoRsp::parse(&octets), Ok(message));
        }
    }

    #[test]
    fn entries_end_inside_octets_and_padding_is_kept() {
        for count in 0..9 {
            let mut message = message((0..count).map(|last| bs(last, Some(last), None)).collect());
            let octets = message.octets().unwrap();
            assert_eq!(MobBshoRsp::parse(&octets).as_ref(), Ok(&message), "{count}");
            if count > 1 {
                message.padding = 1;
                assert_eq!(MobBshoRsp::parse(&message.octets().unwrap()), Ok(message), "{count}");
            }
        }
    }

    #[test]
    fn a_refusal_has_action_time_and_tlvs_only() {
        let message = MobBshoRsp { decision: BshoDecision::NotRecommended, ..message(vec![]) };
        assert_eq!(message.octets().unwrap(), [58, 0xe0, 20]);
        assert_eq!(MobBshoRsp::parse(&[58, 0xe0, 20]), Ok(message));
    }

    #[test]
    fn retain_time_and_vendor_tlv_are_found() {
        let mut message = message(vec![]);
        message.tlvs = vec![
            MobBshoRspTlv::ResourceRetainTime(50),
            MobBshoRspTlv::Vendor(VendorTlv::new(vec![VendorItem::Seamless(true)])),
        ];
        let parsed = MobBshoRsp::parse(&message.octets().unwrap()).unwrap();
        assert_eq!(parsed.resource_retain_time(), Some(50));
        assert_eq!(parsed.vendor().and_then(VendorTlv::seamless), Some(true));
        assert_eq!(parsed, message);
    }

    #[test]
    fn more_entries_than_octets_is_an_error() {
        let mut octets = message(vec![bs(2, None, None)]).octets().unwrap();
        octets[2] |= 0x7f;
        assert!(MobBshoRsp::parse(&octets).is_err());
        assert!(message(vec![bs(2, None, None); 256]).octets().is_err());
    }

    #[test]
    fn macro_diversity_modes_are_refused() {
        for mode in 1..=6 {
            assert_eq!(MobBshoRsp::parse(&[58, mode << 5, 20]).unwrap_err().offset, 1);
        }
    }
}
