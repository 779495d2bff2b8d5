//! MOB_HO-IND, type 59 (802.16e-2005 clause 6.3.2.3.55; `dot16-wire.md` 3.4).

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::parsing::{Fault, Parsed, bits, bsid_bits, finish, message_type, padding};
use super::serialising::BitString;
use super::typed_tlv::{short_list, trailing_cmac_tuple, typed_tlvs};
use crate::dot16::identifiers::Bsid;
use nom::Parser;
use smallvec::SmallVec;

typed_tlvs! {
    /// A TLV of MOB_HO-IND.
    pub enum MobHoIndTlv {
        /// CMAC tuple, the last TLV.
        CmacTuple(CmacTuple) = 141,
    }
}

/// HO_IND_type, 2 bits, and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoIndication {
    /// 0: the MS leaves the serving BS for `target`.
    Release {
        /// The target BS, 6 octets. All zero: a bare acknowledgement.
        target: Bsid,
    },
    /// 1: the handover is off.
    Cancel,
    /// 2: the MS takes none of the BSs it was told.
    Reject,
    /// 3: reserved.
    Reserved,
}

/// Whether the MS holds valid ranging parameters of the target, 2 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RangingParameters {
    /// 0: nothing is said.
    None,
    /// 1: valid.
    Valid,
    /// 2: not valid.
    NotValid,
    /// 3: reserved.
    Reserved,
}

/// MOB_HO-IND for a hard handover (mode 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobHoInd {
    /// Reserved, 6 bits before the mode, 0 in the format.
    pub reserved: u8,
    /// What is indicated, and the target if the serving BS is left.
    pub indication: HoIndication,
    /// Whether ranging parameters are valid.
    pub ranging_parameters: RangingParameters,
    /// Reserved, 4 bits after the ranging parameters, 0 in the format.
    pub indication_reserved: u8,
    /// Preamble index of the target, 1 octet.
    pub preamble_index: u8,
    /// The TLVs, in order; there is room for one without an allocation.
    pub tlvs: SmallVec<[MobHoIndTlv; 1]>,
}

impl MobHoInd {
    /// Message type.
    pub const TYPE: u8 = 59;

    const LAYER: &'static str = "MOB_HO-IND";

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, a mode other than 0 (hard handover), or a message cut short.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        finish(Self::LAYER, message, Self::parser(message)).map(|(_, message)| message)
    }

    /// Whether a message of this type has the one mode that is decoded, 0 (or no octet with a mode at all).
    pub(super) fn is_decoded(message: &[u8]) -> bool {
        message.get(1).is_none_or(|octet| octet & 0b11 == 0)
    }

    fn parser(message: &[u8]) -> Parsed<'_, Self> {
        let (at_mode, _) = message_type(Self::TYPE).parse(message)?;
        let (input, reserved) = bits("6 reserved bits", 6)((at_mode, 0))?;
        let (input, mode) = bits::<u8>("a mode", 2)(input)?;
        if mode != 0 {
            return Err(Fault::error(at_mode, "mode 0, hard handover"));
        }
        let (input, kind) = bits::<u8>("HO_IND_type", 2)(input)?;
        let (input, ranging) = bits::<u8>("ranging parameters valid indication", 2)(input)?;
        let (input, indication_reserved) = bits("4 reserved bits", 4)(input)?;
        let (input, indication) = match kind {
            0 => bsid_bits("a target BSID")(input).map(|(rest, target)| (rest, HoIndication::Release { target }))?,
            1 => (input, HoIndication::Cancel),
            2 => (input, HoIndication::Reject),
            _ => (input, HoIndication::Reserved),
        };
        let ranging_parameters = match ranging {
            0 => RangingParameters::None,
            1 => RangingParameters::Valid,
            2 => RangingParameters::NotValid,
            _ => RangingParameters::Reserved,
        };
        let (input, preamble_index) = bits("a preamble index", 8)(input)?;
        // All fields together are whole octets, with a target or without: there is no padding.
        let (input, _) = padding(input)?;
        let mut tlvs = SmallVec::new();
        let (input, ()) = short_list(input, &mut tlvs)?;
        Ok((input, Self { reserved, indication, ranging_parameters, indication_reserved, preamble_index, tlvs }))
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A value too wide for its bits, or a TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let (kind, target) = match self.indication {
            HoIndication::Release { target } => (0_u8, Some(target)),
            HoIndication::Cancel => (1, None),
            HoIndication::Reject => (2, None),
            HoIndication::Reserved => (3, None),
        };
        let ranging = match self.ranging_parameters {
            RangingParameters::None => 0_u8,
            RangingParameters::Valid => 1,
            RangingParameters::NotValid => 2,
            RangingParameters::Reserved => 3,
        };
        let mut fields = BitString::new(Self::LAYER);
        fields.put("message type", 8, Self::TYPE)?.put("reserved", 6, self.reserved)?.put("mode", 2, 0_u8)?;
        fields.put("HO_IND_type", 2, kind)?.put("ranging parameters", 2, ranging)?;
        fields.put("reserved", 4, self.indication_reserved)?;
        if let Some(target) = target {
            fields.put_bsid("target BSID", target)?;
        }
        fields.put("preamble index", 8, self.preamble_index)?;
        let mut octets = fields.into_octets();
        octets.extend(MobHoIndTlv::octets_of_all(&self.tlvs)?);
        Ok(octets)
    }

    /// The target BS, if the MS leaves for one.
    #[must_use]
    pub const fn target_bsid(&self) -> Option<Bsid> {
        match self.indication {
            HoIndication::Release { target } => Some(target),
            _ => None,
        }
    }

    /// The CMAC tuple, if it is the last TLV.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<&CmacTuple> {
        trailing_cmac_tuple!(self.tlvs, MobHoIndTlv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_release_names_a_target() {
        let cancel = MobHoInd::parse(&[59, 0, 0b0101_0000, 33]).unwrap();
        assert_eq!((cancel.indication, cancel.ranging_parameters), (HoIndication::Cancel, RangingParameters::Valid));
        assert_eq!((cancel.target_bsid(), cancel.preamble_index), (None, 33));
        let release = MobHoInd::parse(&[59, 0, 0b0010_0000, 10, 0, 0, 0, 0, 2, 33]).unwrap();
        assert_eq!(release.target_bsid(), Some(Bsid([10, 0, 0, 0, 0, 2])));
        assert_eq!(release.ranging_parameters, RangingParameters::NotValid);
    }

    #[test]
    fn reserved_bits_survive() {
        let octets = [59, 0b1010_1000, 0b1011_0110, 7];
        assert_eq!(MobHoInd::parse(&octets).unwrap().octets().unwrap(), octets);
    }

    #[test]
    fn another_mode_is_refused_at_its_octet() {
        let error = MobHoInd::parse(&[59, 1, 0, 0]).unwrap_err();
        assert_eq!((error.offset, error.expected.as_ref()), (1, "mode 0, hard handover"));
    }
}
