//! SA-TEK-Update: the TEKs of one SA, sent at a handover (802.16-2009 clause 11.7, REG TLV 38; `dot16-wire.md` 4.5) with TEK
//! parameters as in PKM messages (clause 11.9; `dot16-wire.md` 3.5).

use super::error::WireError;
use super::tlv::Tlv;
use super::typed_tlv::TlvValue;
use crate::dot16::identifiers::Said;

/// Value of REG TLV 38. The sub-TLVs are written in the order of the fields; one that is read in another order, or that lacks
/// type or SAIDs, stays [`RegTlv::Other`](super::RegTlv::Other).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaTekUpdate {
    /// Sub-TLV 1, 1 octet: 1 TEK parameters for an SA, 2 group TEK.
    pub kind: u8,
    /// Sub-TLV 2, 2 octets: SAID at the target.
    pub new_said: Said,
    /// Sub-TLV 3, 2 octets: SAID at the serving BS.
    pub old_said: Said,
    /// Sub-TLV 4: parameters of the older TEK.
    pub older: Option<TekParameters>,
    /// Sub-TLV 5: parameters of the newer TEK.
    pub newer: Option<TekParameters>,
    /// Further sub-TLVs, such as 6, GKEK parameters.
    pub other: Vec<Tlv>,
}

/// Parameters of one TEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TekParameters {
    /// PKM attribute 8: the TEK, encrypted with the KEK: 24 octets with AES key wrap, 16 with AES-ECB.
    pub wrapped_tek: Vec<u8>,
    /// PKM attribute 9, 4 octets: how long the TEK may still be used, in seconds.
    pub lifetime: u32,
    /// PKM attribute 10, 1 octet: TEK sequence number, 2 bits in use.
    pub sequence_number: u8,
    /// Further attributes, such as 46, associated GKEK sequence number.
    pub other: Vec<Tlv>,
}

impl SaTekUpdate {
    /// `kind` of TEK parameters for an SA.
    pub const TEK: u8 = 1;
    /// `kind` of a group TEK.
    pub const GROUP_TEK: u8 = 2;
}

/// Takes the value of the next TLV if it is of type `kind`.
pub(super) fn next_value(tlvs: &mut std::iter::Peekable<std::vec::IntoIter<Tlv>>, kind: u8) -> Option<Vec<u8>> {
    tlvs.next_if(|tlv| tlv.kind == kind).map(|tlv| tlv.value)
}

impl TlvValue for TekParameters {
    fn from_value(value: &[u8]) -> Option<Self> {
        let mut tlvs = Tlv::parse_all(value, 0).ok()?.into_iter().peekable();
        Some(Self {
            wrapped_tek: next_value(&mut tlvs, 8)?,
            lifetime: u32::from_value(&next_value(&mut tlvs, 9)?)?,
            sequence_number: u8::from_value(&next_value(&mut tlvs, 10)?)?,
            other: tlvs.collect(),
        })
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        let mut tlvs = vec![
            Tlv { kind: 8, value: self.wrapped_tek.clone() },
            Tlv { kind: 9, value: self.lifetime.to_value()? },
            Tlv { kind: 10, value: self.sequence_number.to_value()? },
        ];
        tlvs.extend_from_slice(&self.other);
        Tlv::octets_of_all(&tlvs)
    }
}

impl TlvValue for SaTekUpdate {
    fn from_value(value: &[u8]) -> Option<Self> {
        let mut tlvs = Tlv::parse_all(value, 0).ok()?.into_iter().peekable();
        let kind = u8::from_value(&next_value(&mut tlvs, 1)?)?;
        let new_said = Said(u16::from_value(&next_value(&mut tlvs, 2)?)?);
        let old_said = Said(u16::from_value(&next_value(&mut tlvs, 3)?)?);
        let mut parameters = |kind| match next_value(&mut tlvs, kind) {
            Some(value) => TekParameters::from_value(&value).map(Some),
            None => Some(None),
        };
        let (older, newer) = (parameters(4)?, parameters(5)?);
        Some(Self { kind, new_said, old_said, older, newer, other: tlvs.collect() })
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        let mut tlvs = vec![
            Tlv { kind: 1, value: self.kind.to_value()? },
            Tlv { kind: 2, value: self.new_said.0.to_value()? },
            Tlv { kind: 3, value: self.old_said.0.to_value()? },
        ];
        for (kind, parameters) in [(4, &self.older), (5, &self.newer)] {
            if let Some(parameters) = parameters {
                tlvs.push(Tlv { kind, value: parameters.to_value()? });
            }
        }
        tlvs.extend_from_slice(&self.other);
        Tlv::octets_of_all(&tlvs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> SaTekUpdate {
        let parameters = |octet, sequence_number| TekParameters {
            wrapped_tek: vec![octet; 24],
            lifetime: 3600,
            sequence_number,
            other: vec![],
        };
        SaTekUpdate {
            kind: SaTekUpdate::TEK,
            new_said: Said(9),
            old_said: Said(5),
            older: Some(parameters(0xaa, 0)),
            newer: Some(parameters(0xbb, 1)),
            other: vec![],
        }
    }

    #[test]
    fn the_sub_tlvs_stand_in_order() {
        let octets = update().to_value().unwrap();
        let parameters = |octet: &str, sn: &str| format!("0818{}090400000e100a01{sn}", octet.repeat(24));
        let expected =
            format!("010101 02020009 03020005 0423{} 0523{}", parameters("aa", "00"), parameters("bb", "01"));
        assert_eq!(hex::encode(&octets), expected.replace(' ', ""));
        assert_eq!(SaTekUpdate::from_value(&octets), Some(update()));
    }

    #[test]
    fn unknown_sub_tlvs_are_kept_at_both_depths() {
        let mut update = update();
        update.other = vec![Tlv { kind: 6, value: vec![1, 2] }];
        update.newer.as_mut().unwrap().other = vec![Tlv { kind: 46, value: vec![3] }];
        update.older = None;
        assert_eq!(SaTekUpdate::from_value(&update.to_value().unwrap()), Some(update));
    }

    #[test]
    fn another_order_or_a_missing_field_is_not_guessed_at() {
        let reversed = hex::decode("02020009 010101 03020005".replace(' ', "")).unwrap();
        assert_eq!(SaTekUpdate::from_value(&reversed), None);
        let without_old_said = hex::decode("01010102020009").unwrap();
        assert_eq!(SaTekUpdate::from_value(&without_old_said), None);
    }
}
