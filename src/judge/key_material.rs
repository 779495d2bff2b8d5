//! Keys where none may be: a TEK that was generated from a count travels on no link, in no form, and belongs to one mobile, base
//! station, count, SA and number alone (`dot16-security.md` 11, invariants 5 to 7). The AK in Context_Rpt is what the control
//! plane does (PROTOCOL R19) and no fault.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{FindingKind, Findings, NoteKind};
use super::keys::{Keys, KnownTek};
use super::patterns::{MAX_PATTERNS, Patterns};
use crate::dot16::identifiers::Bsid;
use crate::dot16::security::{Kek, key_wrap};

/// Looks for generated TEKs in octets, and at who uses which TEK.
#[derive(Debug, Default)]
pub struct KeyMaterial {
    /// Each with the number of the TEK and the form it has there.
    patterns: Patterns<(usize, &'static str)>,
    used_at: BTreeMap<usize, (Bsid, u64)>,
}

impl KeyMaterial {
    /// Prepares the search for every generated TEK: plain, and wrapped under every KEK with AES key wrap and AES-ECB.
    #[must_use]
    pub fn new(keys: &Keys, findings: &mut Findings) -> Self {
        let mut material = Self::default();
        let mut full = false;
        // Those of the log come first, should there be too many.
        let mut teks: Vec<(usize, &KnownTek)> =
            keys.teks.iter().enumerate().filter(|(_, tek)| tek.count.is_some()).collect();
        teks.sort_by_key(|(number, tek)| (tek.origin, *number));
        let mut seen = BTreeSet::new();
        teks.retain(|(_, tek)| seen.insert(tek.octets_number));
        let every: Vec<&Kek> = keys.contexts().map(|context| &context.kek).collect();
        let few = teks.len().saturating_mul(every.len().saturating_mul(2).saturating_add(1)) <= MAX_PATTERNS;
        for (number, tek) in teks {
            full |= !material.add(tek.tek.octets(), number, "in the clear");
            // Where there are too many, a KEK of another mobile is left out.
            let own: Vec<&Kek> = keys.contexts_of_mobile(tek.ms).map(|context| &context.kek).collect();
            for kek in if few { &every } else { &own } {
                full |= !material.add(&key_wrap::wrap(kek, &tek.tek), number, "under AES key wrap");
                full |= !material.add(&key_wrap::ecb_wrap(kek, &tek.tek), number, "under AES-ECB");
            }
        }
        if full {
            findings.note(
                NoteKind::Limit,
                None,
                format!("{MAX_PATTERNS} forms of TEKs are looked for, there are more"),
            );
        }
        material
    }

    fn add(&mut self, octets: &[u8], tek: usize, form: &'static str) -> bool {
        self.patterns.add(octets, (tek, form))
    }

    /// Looks through the octets of a frame.
    pub fn search(&self, frame: u64, octets: &[u8], keys: &Keys, findings: &mut Findings) {
        self.patterns.search(octets, |at, _, (tek, form)| {
            let name = keys.tek_name(*tek);
            findings.find(FindingKind::TekOnWire, &[frame], format!("{name} {form} at octet {at}"));
        });
    }

    /// A PDU that its sender sealed under this TEK, at `bs`.
    pub fn used(&mut self, frame: u64, tek: &KnownTek, name: &str, findings: &mut Findings) {
        match self.used_at.get(&tek.octets_number).copied() {
            Some((bs, first)) if bs != tek.bs => {
                if !tek.reused {
                    let detail = format!("{name} is in use at {bs} too, and nothing says that it goes there");
                    findings.find(FindingKind::TekNotUnique, &[first, frame], detail);
                }
                self.used_at.insert(tek.octets_number, (tek.bs, frame));
            }
            Some(_) => {}
            None => {
                self.used_at.insert(tek.octets_number, (tek.bs, frame));
            }
        }
    }
}

/// Finds generated TEKs that are equal although mobile, base station, count, SA or number differ.
pub fn unique(keys: &Keys, findings: &mut Findings) {
    let mut named = BTreeMap::new();
    for (number, tek) in keys.teks.iter().enumerate() {
        let Some(count) = tek.count else { continue };
        let name = (tek.ms, tek.bs, count, tek.said, tek.eks);
        match named.get(&tek.octets_number) {
            Some((other, first)) if *other != name => {
                let detail = format!("{} and {} are equal", keys.tek_name(*first), keys.tek_name(number));
                findings.find(FindingKind::TekNotUnique, &[], detail);
            }
            Some(_) => {}
            None => {
                named.insert(tek.octets_number, (name, number));
            }
        }
    }
}
