//! `[times]`: how long a frame takes on each kind of link, one way, and how long a node takes to answer.

use std::time::Duration;

use crate::scenario::script::header::System;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::Section;

/// One-way delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The air between UE and eNB.
    pub radio: Duration,
    /// X2 between two eNBs.
    pub x2: Duration,
    /// S1 between eNB and MME, and S1-U between eNB and S-GW.
    pub s1: Duration,
    /// S10 between two MMEs.
    pub s10: Duration,
    /// S11 between MME and S-GW, and MME and UPE.
    pub s11: Duration,
    /// Between UPE or SGSN and SAE anchor.
    pub s5: Duration,
    /// Between two UPEs.
    pub upe: Duration,
    /// Iu between RNC and SGSN.
    pub iu: Duration,
    /// Gn between SGSN and MME, and between SGSNs.
    pub gn: Duration,
    /// S6a between MME and HSS.
    pub s6a: Duration,
    /// What a node of the core network and an eNB take from a message to what follows from it; it is added to the delay of
    /// every wired link.
    pub processing: Duration,
}

pub(super) const KEYS: &[&str] = &["radio", "x2", "s1", "s10", "s11", "processing"];
/// Those of links that only a network of context transfer has.
pub(super) const TRANSFER_KEYS: &[&str] = &["s5", "upe", "iu", "gn", "s6a"];

/// The shortest delay: lookahead of the engine.
const SHORTEST: Duration = Duration::from_micros(10);
const LONGEST: Duration = Duration::from_secs(1);

pub(super) fn read(section: &Section<'_>, system: System) -> Read<Times> {
    if system != System::ContextTransfer {
        for key in TRANSFER_KEYS {
            section.refuse(key, "without system = \"context-transfer\"")?;
        }
    }
    let time = |key, default| section.read(key, Duration::from_millis(default), |field| field.time(SHORTEST..=LONGEST));
    Ok(Times {
        radio: time("radio", 1)?,
        x2: time("x2", 2)?,
        s1: time("s1", 5)?,
        s10: time("s10", 5)?,
        s11: time("s11", 2)?,
        s5: time("s5", 2)?,
        upe: time("upe", 2)?,
        iu: time("iu", 5)?,
        gn: time("gn", 5)?,
        s6a: time("s6a", 20)?,
        processing: section.read("processing", Duration::ZERO, |field| field.time(Duration::ZERO..=LONGEST))?,
    })
}
