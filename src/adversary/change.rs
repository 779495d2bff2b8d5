//! What the adversary changes in a frame: fields, TLVs, octets, bits; and whether its checksums fit afterwards.

use super::fields::{FrameField, first_pdu, mend};
use super::value::{Sight, Value};
use crate::dot16::backbone::transport;
use crate::dot16::wire::{CrcForm, GenericMacHeader, MacPdu, ManagementMessage, Tlv};

/// Changes to one frame, in the order in which they are made: fields, TLVs, octets, bits, checksums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// New values of fields; on the air.
    pub fields: Vec<(FrameField, Value)>,
    /// TLVs of a management message: in place of the first of the same type, or at the end if there is none, before a CMAC
    /// tuple; on the air.
    pub tlvs: Vec<Tlv>,
    /// Octets that are overwritten: where, counted from the first of the frame, and with what.
    pub octets: Vec<(usize, Vec<u8>)>,
    /// Bits that are inverted, counted from the most significant one of the first octet of the frame.
    pub bits: Vec<usize>,
    /// Whether the checksums stay as they were: on the air HCS and CRC, on the backbone those of IPv4 and UDP.
    pub leaves_checksums: bool,
}

/// A frame after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The octets.
    pub octets: Vec<u8>,
    /// What is different, in words.
    pub text: String,
    /// Whether the change may leave what no reader takes for a frame.
    pub is_rough: bool,
}

impl Change {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.tlvs.is_empty() && self.octets.is_empty() && self.bits.is_empty()
    }

    /// `frame` changed; on the air its CRC is of the form `crc`, unless it is right in another one.
    ///
    /// # Errors
    /// Why nothing can be changed: a value that is not there, a field that the frame has not, a place beyond its end.
    pub fn apply(&self, frame: &[u8], on_air: bool, sight: Sight<'_>, crc: CrcForm) -> Result<Changed, String> {
        let sight = Sight { own: Some(frame), ..sight };
        let mut octets = frame.to_vec();
        let mut words = Vec::new();
        // Values are those of the frame as it was. The CID comes last: it says what kind of PDU this is.
        let (cids, others): (Vec<_>, Vec<_>) = self.fields.iter().partition(|(field, _)| *field == FrameField::Cid);
        for (field, value) in others.into_iter().chain(cids) {
            let new = sight.number(value, field.highest())?;
            let missing = || format!("the frame has no {}", field.name());
            let old = field.read(frame).ok_or_else(missing)?;
            field.write(&mut octets, new).ok_or_else(missing)?;
            mend_header(&mut octets);
            words.push(format!("{} {new} in place of {old}", field.name()));
        }
        let form = first_pdu(frame).and_then(|pdu| pdu.crc_form()).unwrap_or(crc);
        for tlv in &self.tlvs {
            octets = with_tlv(&octets, tlv).ok_or_else(|| format!("the frame has no place for TLV {}", tlv.kind))?;
            words.push(format!("TLV {} is {}", tlv.kind, hex(&tlv.value)));
        }
        for (at, new) in &self.octets {
            let place = at.checked_add(new.len()).and_then(|end| octets.get_mut(*at..end));
            place
                .ok_or_else(|| format!("the frame has no octet {}", at.saturating_add(new.len()).saturating_sub(1)))?
                .copy_from_slice(new);
            words.push(format!("octets from {at} on are {}", hex(new)));
        }
        for bit in &self.bits {
            let octet = octets.get_mut(bit / 8).ok_or_else(|| format!("the frame has no bit {bit}"))?;
            *octet ^= 0x80 >> (bit % 8);
            words.push(format!("bit {bit} is inverted"));
        }
        match (self.leaves_checksums, on_air) {
            (false, true) => mend(&mut octets, form),
            (false, false) => transport::mend_checksums(&mut octets),
            (true, _) => {
                if on_air {
                    restore_checksums(&mut octets, frame);
                }
                words.push("the checksums are left".to_owned());
            }
        }
        let is_rough =
            self.leaves_checksums || !self.tlvs.is_empty() || !self.octets.is_empty() || !self.bits.is_empty();
        Ok(Changed { octets, text: words.join(", "), is_rough })
    }
}

/// Makes the HCS right, so that the frame can be read on.
fn mend_header(frame: &mut [u8]) {
    let Some((header, _)) = frame.split_first_chunk_mut::<{ GenericMacHeader::OCTETS }>() else {
        return;
    };
    let [a, b, c, d, e, check] = header;
    *check = crate::dot16::wire::hcs(&[*a, *b, *c, *d, *e]);
}

/// Puts the HCS and the CRC of the first PDU of `old` back.
fn restore_checksums(frame: &mut [u8], old: &[u8]) {
    let length = first_pdu(frame).map(|pdu| pdu.octets.len());
    if let (Some(length), Some(crc)) = (length, first_pdu(old).and_then(|pdu| pdu.crc))
        && let Some((_, place)) = frame.get_mut(..length).and_then(|pdu| pdu.split_last_chunk_mut::<4>())
    {
        *place = crc;
    }
    let place = GenericMacHeader::OCTETS - 1;
    if let (Some(check), Some(old)) = (frame.get_mut(place), old.get(place)) {
        *check = *old;
    }
}

/// The frame with a TLV of its management message exchanged or added. A PDU that gets longer or shorter has a CRC that
/// is not right.
fn with_tlv(frame: &[u8], tlv: &Tlv) -> Option<Vec<u8>> {
    let pdu = first_pdu(frame)?;
    let rest = frame.get(pdu.octets.len()..)?;
    let mut message = ManagementMessage::parse(pdu.body).ok().filter(|_| pdu.header.cid.is_management())?;
    match &mut message {
        ManagementMessage::RngReq(message) => {
            let mut tlvs = std::mem::take(&mut message.tlvs).into_vec();
            put(&mut tlvs, |one| one.kind(), tlv);
            message.tlvs = tlvs.into();
        }
        ManagementMessage::RngRsp(message) => put(&mut message.tlvs, |one| one.kind(), tlv),
        ManagementMessage::RegReq(message) => put(&mut message.tlvs, |one| one.kind(), tlv),
        ManagementMessage::RegRsp(message) => put(&mut message.tlvs, |one| one.kind(), tlv),
        ManagementMessage::SbcReq(message) | ManagementMessage::SbcRsp(message) => {
            put(&mut message.tlvs, |one| one.kind(), tlv);
        }
        ManagementMessage::MobNbrAdv(message) => put(&mut message.tlvs, |one| one.kind, tlv),
        ManagementMessage::MobMshoReq(message) => put(&mut message.tlvs, |one| one.kind(), tlv),
        ManagementMessage::MobBshoRsp(message) => put(&mut message.tlvs, |one| one.kind(), tlv),
        ManagementMessage::MobHoInd(message) => {
            let mut tlvs = std::mem::take(&mut message.tlvs).into_vec();
            put(&mut tlvs, |one| one.kind(), tlv);
            message.tlvs = tlvs.into();
        }
        ManagementMessage::DregCmd(message) | ManagementMessage::DregReq(message) => {
            put(&mut message.tlvs, |one| one.kind(), tlv);
        }
        ManagementMessage::PkmReq(_) | ManagementMessage::PkmRsp(_) | ManagementMessage::Other { .. } => return None,
    }
    let body = message.octets().ok()?;
    let form = pdu.crc.map(|_| pdu.crc_form().unwrap_or(CrcForm::MsbFirst));
    let mut octets = MacPdu::build(pdu.header, &body, form).ok()?;
    octets.extend(rest);
    Some(octets)
}

/// Exchanges the first of `tlvs` of the same type, or puts it before a CMAC tuple at the end.
fn put<T: From<Tlv>>(tlvs: &mut Vec<T>, kind: impl Fn(&T) -> u8, tlv: &Tlv) {
    let new = T::from(tlv.clone());
    match tlvs.iter_mut().find(|one| kind(one) == tlv.kind) {
        Some(old) => *old = new,
        None => {
            let has_tuple = tlvs.last().is_some_and(|last| kind(last) == crate::dot16::wire::CmacTuple::TLV);
            tlvs.insert(tlvs.len().saturating_sub(usize::from(has_tuple)), new);
        }
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::fields::tests::{data, rng_req};
    use super::super::known::Known;
    use super::super::recording::Recordings;
    use super::super::value::Source;
    use super::*;
    use crate::dot16::wire::RngReq;

    fn apply(change: &Change, frame: &[u8]) -> Result<Changed, String> {
        let known = Known::new(BTreeMap::new(), BTreeMap::new(), CrcForm::MsbFirst);
        let recordings = Recordings::default();
        let sight = Sight { known: &known, recordings: &recordings, own: None };
        change.apply(frame, true, sight, CrcForm::MsbFirst)
    }

    #[test]
    fn fields_are_changed_by_values_of_the_frame_itself_and_the_checksums_fit() {
        let next = Value { source: Source::Own(FrameField::Pn), offset: 1, text: "pn + 1".to_owned() };
        // The CID is written last: a management CID would hide the PN.
        let change =
            Change { fields: vec![(FrameField::Cid, Value::given(1)), (FrameField::Pn, next)], ..Change::default() };
        let changed = apply(&change, &data()).unwrap();
        assert_eq!(changed.text, "pn 8 in place of 7, cid 1 in place of 4096");
        assert_eq!((&changed.octets[3..5], &changed.octets[6..10]), (&[0, 1][..], &[8, 0, 0, 0x80][..]));
        assert_eq!(first_pdu(&changed.octets).unwrap().crc_form(), Some(CrcForm::MsbFirst));
        assert!(!changed.is_rough);
    }

    #[test]
    fn tlvs_are_exchanged_or_put_before_the_cmac_tuple() {
        let tlv = |kind, value: &[u8]| Tlv { kind, value: value.to_vec() };
        let change = Change { tlvs: vec![tlv(13, &[0, 9]), tlv(6, &[5])], ..Change::default() };
        let changed = apply(&change, &rng_req()).unwrap().octets;
        let pdu = first_pdu(&changed).unwrap();
        let message = RngReq::parse(pdu.body).unwrap();
        assert_eq!((message.cmac_key_count().map(|count| count.0), message.ranging_purpose()), (Some(9), Some(5)));
        assert_eq!(message.cmac_tuple().map(|tuple| tuple.pn), Some(9), "the tuple is the last one still");
        assert_eq!(pdu.crc_form(), Some(CrcForm::MsbFirst));
        assert!(apply(&change, &data()).unwrap_err().contains("TLV 13"));
    }

    #[test]
    fn octets_and_bits_are_changed_with_the_checksums_mended_or_left() {
        let change = Change { octets: vec![(10, vec![1, 2])], bits: vec![8 * 12], ..Change::default() };
        let frame = data();
        let mended = apply(&change, &frame).unwrap().octets;
        assert_eq!(mended[10..13], [1, 2, 0xaa ^ 0x80]);
        assert!(first_pdu(&mended).unwrap().crc_form().is_some());
        let left = apply(&Change { leaves_checksums: true, ..change }, &frame).unwrap();
        assert_eq!(left.octets[10..13], mended[10..13]);
        assert_eq!(left.octets[left.octets.len() - 4..], frame[frame.len() - 4..]);
        assert!(left.is_rough && first_pdu(&left.octets).unwrap().crc_form().is_none());
        // A header whose HCS is left does not fit.
        let cid = Change {
            fields: vec![(FrameField::Cid, Value::given(0x1001))],
            leaves_checksums: true,
            ..Change::default()
        };
        assert!(first_pdu(&apply(&cid, &frame).unwrap().octets).is_none());
    }

    #[test]
    fn what_lies_beyond_the_frame_or_is_not_in_it_is_said_and_nothing_is_changed() {
        let beyond = Change { octets: vec![(500, vec![1])], ..Change::default() };
        assert_eq!(apply(&beyond, &data()), Err("the frame has no octet 500".to_owned()));
        let bit = Change { bits: vec![8 * 500], ..Change::default() };
        assert_eq!(apply(&bit, &data()), Err("the frame has no bit 4000".to_owned()));
        let field = Change { fields: vec![(FrameField::CmacPn, Value::given(1))], ..Change::default() };
        assert_eq!(apply(&field, &data()), Err("the frame has no cmac_pn".to_owned()));
        let recorded = Value {
            source: Source::Recorded("tape".to_owned(), FrameField::Pn),
            offset: 0,
            text: "tape.pn".to_owned(),
        };
        let missing = Change { fields: vec![(FrameField::Pn, recorded)], ..Change::default() };
        assert_eq!(apply(&missing, &data()), Err("there is no tape.pn".to_owned()));
    }
}
