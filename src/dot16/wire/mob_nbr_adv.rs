//! MOB_NBR-ADV, type 53 (802.16e-2005 clause 6.3.2.3.47; `dot16-wire.md` 3.4).
//!
//! PHY profile ID has 8 bits, as in the text of 2005 (some drafts have 16).

use nom::Parser;
use nom::bytes::complete::take;
use nom::combinator::cond;
use nom::number::complete::be_u8;

use super::error::WireError;
use super::parsing::{Fault, Parsed, expect, finish, message_type, octets};
use super::serialising::BitString;
use super::tlv::Tlv;
use crate::dot16::identifiers::Bsid;

/// Skip-optional-fields bitmap, 8 bits: what the message leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SkipOptionalFields(pub u8);

impl SkipOptionalFields {
    /// Bit 0: no operator ID.
    pub const OPERATOR_ID: u8 = 1;
    /// Bit 1: no neighbour BSIDs.
    pub const NEIGHBOUR_BSID: u8 = 1 << 1;
    /// Bit 2: no HO process optimization.
    pub const HO_PROCESS_OPTIMIZATION: u8 = 1 << 2;
    /// Bit 3: no scheduling service field.
    pub const SCHEDULING_SERVICE: u8 = 1 << 3;

    const fn has(self, field: u8) -> bool {
        self.0 & field == 0
    }
}

/// PHY profile ID, 8 bits: bit 0 co-located FA, 1 FA configuration, 2 and 3 synchronisation, 4 BS EIRP present, 5 DCD and UCD
/// reference, 6 FA index present, 7 trigger reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PhyProfileId(pub u8);

impl PhyProfileId {
    /// Bit 4: BS EIRP is present.
    pub const BS_EIRP: u8 = 1 << 4;
    /// Bit 6: FA index is present.
    pub const FA_INDEX: u8 = 1 << 6;

    const fn has(self, field: u8) -> bool {
        self.0 & field != 0
    }
}

/// One neighbour BS. At most 255 octets on the wire, its TLVs included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbour {
    /// Which PHY fields follow.
    pub phy_profile_id: PhyProfileId,
    /// FA index, 1 octet; there exactly if the PHY profile ID says so.
    pub fa_index: Option<u8>,
    /// BS EIRP, 1 octet, dBm, signed; there exactly if the PHY profile ID says so.
    pub bs_eirp: Option<i8>,
    /// The low 24 bits of the BSID; there unless skipped.
    pub bsid_low: Option<[u8; 3]>,
    /// Preamble index, 1 octet.
    pub preamble_index: u8,
    /// The low octet of HO process optimization; there unless skipped.
    pub ho_process_optimization: Option<u8>,
    /// Scheduling services supported, 1 octet; there unless skipped.
    pub scheduling_service: Option<u8>,
    /// DCD configuration change count, 4 bits.
    pub dcd_change_count: u8,
    /// UCD configuration change count, 4 bits.
    pub ucd_change_count: u8,
    /// TLVs of this neighbour, in order.
    pub tlvs: Vec<Tlv>,
}

impl Neighbour {
    /// The whole BSID: the operator's 24 bits, from the message or from the BS that sent it, and the neighbour's own.
    #[must_use]
    pub fn bsid(&self, operator_id: [u8; 3]) -> Option<Bsid> {
        let [a, b, c] = operator_id;
        self.bsid_low.map(|[d, e, f]| Bsid([a, b, c, d, e, f]))
    }

    /// Reads the entry, which is all of `entry`.
    fn parser(entry: &[u8], skip: SkipOptionalFields) -> Parsed<'_, Self> {
        let (rest, phy_profile_id) = expect("a PHY profile ID", be_u8.map(PhyProfileId)).parse(entry)?;
        let (rest, (fa_index, bs_eirp, bsid_low, preamble_index)) = (
            cond(phy_profile_id.has(PhyProfileId::FA_INDEX), expect("an FA index", be_u8)),
            cond(phy_profile_id.has(PhyProfileId::BS_EIRP), expect("a BS EIRP", be_u8.map(u8::cast_signed))),
            cond(skip.has(SkipOptionalFields::NEIGHBOUR_BSID), expect("3 octets of neighbour BSID", octets)),
            expect("a preamble index", be_u8),
        )
            .parse(rest)?;
        let (rest, (ho_process_optimization, scheduling_service, change_counts)) = (
            cond(skip.has(SkipOptionalFields::HO_PROCESS_OPTIMIZATION), expect("HO process optimization", be_u8)),
            cond(skip.has(SkipOptionalFields::SCHEDULING_SERVICE), expect("scheduling services", be_u8)),
            expect("DCD and UCD change counts", be_u8),
        )
            .parse(rest)?;
        let (rest, tlvs) = Tlv::list(rest)?;
        let neighbour = Self {
            phy_profile_id,
            fa_index,
            bs_eirp,
            bsid_low,
            preamble_index,
            ho_process_optimization,
            scheduling_service,
            dcd_change_count: change_counts >> 4,
            ucd_change_count: change_counts & 0xf,
            tlvs,
        };
        Ok((rest, neighbour))
    }

    /// The entry, without its length octet.
    fn octets(&self, skip: SkipOptionalFields) -> Result<Vec<u8>, WireError> {
        let phy = self.phy_profile_id;
        let bsid_low = self.bsid_low.map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]));
        let mut fields = BitString::new(MobNbrAdv::LAYER);
        fields.put("PHY profile ID", 8, phy.0)?;
        fields.put_optional(phy.has(PhyProfileId::FA_INDEX), "FA index", 8, self.fa_index)?;
        fields.put_optional(phy.has(PhyProfileId::BS_EIRP), "BS EIRP", 8, self.bs_eirp.map(i8::cast_unsigned))?;
        fields.put_optional(skip.has(SkipOptionalFields::NEIGHBOUR_BSID), "neighbour BSID", 24, bsid_low)?;
        fields.put("preamble index", 8, self.preamble_index)?;
        let optimization = skip.has(SkipOptionalFields::HO_PROCESS_OPTIMIZATION);
        fields.put_optional(optimization, "HO process optimization", 8, self.ho_process_optimization)?;
        let scheduling = skip.has(SkipOptionalFields::SCHEDULING_SERVICE);
        fields.put_optional(scheduling, "scheduling services", 8, self.scheduling_service)?;
        fields.put("DCD change count", 4, self.dcd_change_count)?.put("UCD change count", 4, self.ucd_change_count)?;
        let mut octets = fields.into_octets();
        octets.extend(Tlv::octets_of_all(&self.tlvs)?);
        Ok(octets)
    }
}

/// MOB_NBR-ADV: the neighbours of a BS, broadcast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MobNbrAdv {
    /// What is left out.
    pub skip_optional_fields: SkipOptionalFields,
    /// Operator ID, 3 octets, the high half of the BSIDs; there unless skipped.
    pub operator_id: Option<[u8; 3]>,
    /// Configuration change count, 1 octet: moves when the list changes.
    pub configuration_change_count: u8,
    /// Fragmentation index, 4 bits.
    pub fragmentation_index: u8,
    /// Total fragmentation, 4 bits.
    pub total_fragmentation: u8,
    /// The neighbours, at most 255.
    pub neighbours: Vec<Neighbour>,
    /// What follows the neighbours. The format has nothing there.
    pub tlvs: Vec<Tlv>,
}

impl MobNbrAdv {
    /// Message type.
    pub const TYPE: u8 = 53;

    const LAYER: &'static str = "MOB_NBR-ADV";

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, a message cut short, or an entry too short for the fields that have to be in it.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        finish(Self::LAYER, message, Self::parser(message)).map(|(_, message)| message)
    }

    fn parser(message: &[u8]) -> Parsed<'_, Self> {
        let (rest, (_, skip)) =
            (message_type(Self::TYPE), expect("skip-optional-fields", be_u8.map(SkipOptionalFields))).parse(message)?;
        let (mut rest, (operator_id, configuration_change_count, fragmentation, count)) = (
            cond(skip.has(SkipOptionalFields::OPERATOR_ID), expect("an operator ID of 3 octets", octets)),
            expect("a configuration change count", be_u8),
            expect("fragmentation index and total", be_u8),
            expect("the number of neighbours", be_u8),
        )
            .parse(rest)?;
        let mut neighbours = Vec::new();
        for _ in 0..count {
            let (at_entry, length) = expect("the length of a neighbour", be_u8).parse(rest)?;
            let (next, entry) = take::<_, _, Fault<'_>>(length)(at_entry)
                .map_err(|_| Fault::error(at_entry, format!("a neighbour of {length} octets")))?;
            let (_, neighbour) = Neighbour::parser(entry, skip)?;
            neighbours.push(neighbour);
            rest = next;
        }
        let (rest, tlvs) = Tlv::list(rest)?;
        let message = Self {
            skip_optional_fields: skip,
            operator_id,
            configuration_change_count,
            fragmentation_index: fragmentation >> 4,
            total_fragmentation: fragmentation & 0xf,
            neighbours,
            tlvs,
        };
        Ok((rest, message))
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A field that is there though it is said to be skipped, or the reverse; a value too wide for its bits, more than 255
    /// neighbours, a neighbour of more than 255 octets, or a TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let skip = self.skip_optional_fields;
        let operator_id = self.operator_id.map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]));
        let mut fields = BitString::new(Self::LAYER);
        fields.put("message type", 8, Self::TYPE)?.put("skip-optional-fields", 8, skip.0)?;
        fields.put_optional(skip.has(SkipOptionalFields::OPERATOR_ID), "operator ID", 24, operator_id)?;
        fields.put("configuration change count", 8, self.configuration_change_count)?;
        fields.put("fragmentation index", 4, self.fragmentation_index)?;
        fields.put("total fragmentation", 4, self.total_fragmentation)?;
        fields.put_count("number of neighbours", 8, self.neighbours.len())?;
        let mut octets = fields.into_octets();
        for neighbour in &self.neighbours {
            let entry = neighbour.octets(skip)?;
            let length = u8::try_from(entry.len()).map_err(|_| WireError {
                layer: Self::LAYER,
                offset: octets.len(),
                expected: "a neighbour of at most 255 octets".into(),
                found: entry.len().to_string(),
            })?;
            octets.push(length);
            octets.extend(entry);
        }
        octets.extend(Tlv::octets_of_all(&self.tlvs)?);
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> MobNbrAdv {
        let neighbour = Neighbour {
            phy_profile_id: PhyProfileId(PhyProfileId::BS_EIRP | PhyProfileId::FA_INDEX),
            fa_index: Some(1),
            bs_eirp: Some(-2),
            bsid_low: Some([0, 0, 2]),
            preamble_index: 33,
            ho_process_optimization: Some(0x87),
            scheduling_service: Some(0x1f),
            dcd_change_count: 3,
            ucd_change_count: 4,
            tlvs: vec![Tlv { kind: 1, value: vec![5] }],
        };
        MobNbrAdv {
            operator_id: Some([0x0a, 0, 0]),
            configuration_change_count: 6,
            fragmentation_index: 0,
            total_fragmentation: 1,
            neighbours: vec![neighbour],
            ..MobNbrAdv::default()
        }
    }

    #[test]
    fn every_field_stands_in_its_place() {
        let octets = message().octets().unwrap();
        assert_eq!(hex::encode(&octets), "35000a0000060101 0d 5001fe 000002 21 87 1f 34 010105".replace(' ', ""));
        assert_eq!(MobNbrAdv::parse(&octets), Ok(message()));
        assert_eq!(message().neighbours[0].bsid([0x0a, 0, 0]), Some(Bsid([0x0a, 0, 0, 0, 0, 2])));
    }

    #[test]
    fn skipped_fields_take_no_octets() {
        let octets = [53, 0x0f, 6, 1, 1, 3, 0, 33, 0x34];
        let message = MobNbrAdv::parse(&octets).unwrap();
        assert_eq!((message.operator_id, message.neighbours[0].bsid([0; 3])), (None, None));
        assert_eq!(message.octets().unwrap(), octets);
    }

    #[test]
    fn a_field_and_the_bit_that_skips_it_have_to_agree() {
        let mut wrong = message();
        wrong.skip_optional_fields = SkipOptionalFields(SkipOptionalFields::NEIGHBOUR_BSID);
        assert!(wrong.octets().is_err());
        assert!(MobNbrAdv { operator_id: None, ..message() }.octets().is_err());
    }

    #[test]
    fn an_entry_too_short_for_its_fields_is_an_error_inside_it() {
        let mut octets = message().octets().unwrap();
        octets[8] = 3;
        let error = MobNbrAdv::parse(&octets).unwrap_err();
        assert_eq!((error.offset, error.expected.as_ref()), (12, "3 octets of neighbour BSID"));
    }

    #[test]
    fn a_neighbour_longer_than_its_length_octet_can_tell_is_refused() {
        let mut long = message();
        long.neighbours[0].tlvs = vec![Tlv { kind: 1, value: vec![0; 250] }];
        assert!(long.octets().is_err());
    }
}
