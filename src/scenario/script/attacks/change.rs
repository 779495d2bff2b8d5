//! The table of changes of `modify` and `change`.

use super::value::{Scope, octets, value};
use crate::adversary::{Change, FrameField};
use crate::dot16::wire::Tlv;
use crate::scenario::script::problem::{Problem, Read};
use crate::scenario::script::section::Field;

pub(in crate::scenario::script) const KEYS: &[&str] =
    &["cid", "pn", "eks", "cmac_pn", "cmac_key_count", "tlv", "octets", "bits", "checksums"];
pub(in crate::scenario::script) const TLV_KEYS: &[&str] = &["type", "value"];
pub(in crate::scenario::script) const OCTETS_KEYS: &[&str] = &["at", "value"];

/// Longest frame that a change reaches into, in octets.
const FRAME: usize = 65_535;
/// TLVs, octet strings and bits in one table.
const MOST: usize = 64;

/// The changes that `field` has for frames on the air, or on the backbone.
pub(super) fn read(field: &Field<'_>, backbone: bool, scope: Scope<'_>) -> Read<Change> {
    let section = field.section(KEYS)?;
    let scope = Scope { own: true, ..scope };
    let mut change = Change::default();
    if backbone {
        for key in ["cid", "pn", "eks", "cmac_pn", "cmac_key_count", "tlv"] {
            section.refuse(key, "with a tap on the backbone, where frames have octets and bits only")?;
        }
    }
    for (name, of_frame) in FrameField::NAMED {
        if let Some(field) = section.field(name) {
            change.fields.push((of_frame, value(&field, of_frame.highest(), scope)?));
        }
    }
    let few = |field: &Field<'_>, count: usize| {
        let problem = || Problem::mismatch(field.place(), field.path(), &format!("at most {MOST}"), "more");
        if count <= MOST { Ok(()) } else { Err(problem()) }
    };
    if let Some(field) = section.field("tlv") {
        for item in field.items("an array of { type = NUMBER, value = HEX }")? {
            let tlv = item.section(TLV_KEYS)?;
            let kind = tlv.required("type", "the type of a TLV, 0 to 255")?.number(0..=u8::MAX)?;
            let value = octets(&tlv.required("value", "octets in hex")?, 1_024)?;
            change.tlvs.push(Tlv { kind, value });
        }
        few(&field, change.tlvs.len())?;
    }
    if let Some(field) = section.field("octets") {
        for item in field.items("an array of { at = NUMBER, value = HEX }")? {
            let place = item.section(OCTETS_KEYS)?;
            let at = place.required("at", "the number of an octet, from 0")?.number(0..=u16::MAX)?;
            change.octets.push((usize::from(at), octets(&place.required("value", "octets in hex")?, FRAME)?));
        }
        few(&field, change.octets.len())?;
    }
    if let Some(field) = section.field("bits") {
        for item in field.items("an array of numbers of bits, from 0")? {
            change.bits.push(usize::try_from(item.number(0..=0x7_fff7_u32)?).unwrap_or(usize::MAX));
        }
        few(&field, change.bits.len())?;
    }
    change.leaves_checksums =
        section.read("checksums", false, |field| field.one_of(&[("mended", false), ("left", true)]))?;
    if change.is_empty() {
        return Err(field.mismatch("at least one change (cid, pn, eks, cmac_pn, cmac_key_count, tlv, octets or bits)"));
    }
    Ok(change)
}
