//! `[times]`: how long a frame takes on each kind of link, one way, and how long a node takes to answer.

use std::time::Duration;

use crate::eps::node::GtpTimers;
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
    /// S6a between MME and HSS, S6d between SGSN and HSS.
    pub s6a: Duration,
    /// SWx between HSS and EMKS.
    pub swx: Duration,
    /// Zn between EMKS and EMSE.
    pub zn: Duration,
    /// SGi between gateway and EMSE.
    pub sgi: Duration,
    /// What a node of the core network and an eNB take from a message to what follows from it; it is added to the delay of
    /// every wired link.
    pub processing: Duration,
    /// How requests of GTP-C are sent again.
    pub gtp: GtpTimers,
}

pub(super) const KEYS: &[&str] = &["radio", "x2", "s1", "s10", "s11", "processing", "t3_response", "n3_requests"];
/// Those of links that only a network of context transfer has.
pub(super) const TRANSFER_KEYS: &[&str] = &["s5", "upe", "iu", "gn", "s6a"];
/// Those of links that only a network with end points in an enterprise has.
pub(super) const E2M_KEYS: &[&str] = &["swx", "zn", "sgi"];

/// The shortest delay: lookahead of the engine.
const SHORTEST: Duration = Duration::from_micros(10);
const LONGEST: Duration = Duration::from_secs(1);
/// The shortest time for an answer.
const SHORTEST_T3: Duration = Duration::from_millis(1);
/// How often a request may be sent at the most.
const MOST_REQUESTS: u8 = 10;

pub(super) fn read(section: &Section<'_>, system: System) -> Read<Times> {
    let e2m = system == System::E2m;
    if system != System::ContextTransfer {
        for key in TRANSFER_KEYS.iter().filter(|key| !e2m || **key == "upe") {
            section.refuse(key, "without system = \"context-transfer\"")?;
        }
    }
    for key in E2M_KEYS.iter().filter(|_| !e2m) {
        section.refuse(key, "without system = \"e2m\"")?;
    }
    let time = |key, default| section.read(key, Duration::from_millis(default), |field| field.time(SHORTEST..=LONGEST));
    let GtpTimers { t3_response, n3_requests } = GtpTimers::default();
    let gtp = GtpTimers {
        t3_response: section.read("t3_response", t3_response, |field| field.time(SHORTEST_T3..=LONGEST))?,
        n3_requests: section.read("n3_requests", n3_requests, |field| field.number(1..=MOST_REQUESTS))?,
    };
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
        swx: time("swx", 5)?,
        zn: time("zn", 10)?,
        sgi: time("sgi", 10)?,
        processing: section.read("processing", Duration::ZERO, |field| field.time(Duration::ZERO..=LONGEST))?,
        gtp,
    })
}
