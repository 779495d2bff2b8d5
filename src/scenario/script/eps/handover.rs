//! `[handover]`: how keys are derived on handover, with every choice that the contribution leaves open.

use std::time::Duration;

use crate::eps::node::{Scheme, Schemes};
use crate::eps::parameters::MAX_PARA;
use crate::eps::security::{HandoverDerivation, OneWay};
use crate::scenario::script::header::System;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::Section;

/// How keys are derived on handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Which scheme.
    pub schemes: Schemes,
    /// One-way function and FC of the contribution's derivations.
    pub derivation: HandoverDerivation,
    /// Octets of PARA.
    pub para_octets: usize,
    /// Whether C-RNTI goes into keys with 32 bits, as the contribution has it, and not with the 16 that it has.
    pub wide_c_rnti: bool,
    /// Whether a handover command names the algorithms also where they do not change.
    pub names_algorithms: bool,
    /// From the command to the first frame of the UE in the target cell.
    pub interruption: Duration,
}

pub(super) const KEYS: &[&str] =
    &["scheme", "one_way", "fc_star", "fc_target", "para_octets", "c_rnti_bits", "names_algorithms", "interruption"];

/// The words for schemes.
pub const SCHEMES: [(&str, Schemes); 5] = [
    ("chained", Schemes::Always(Scheme::Chained)),
    ("mme-involved", Schemes::Always(Scheme::MmeInvolved)),
    ("grouped", Schemes::Grouped),
    ("nh-x2", Schemes::Always(Scheme::NextHopX2)),
    ("nh-s1", Schemes::Always(Scheme::NextHopS1)),
];

/// The word for the scheme of one handover.
#[must_use]
pub const fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Chained => "chained",
        Scheme::MmeInvolved => "mme-involved",
        Scheme::NextHopX2 => "nh-x2",
        Scheme::NextHopS1 => "nh-s1",
        Scheme::InterSystem => "inter-system",
        Scheme::ContextRequest => "context-request",
        Scheme::Authentication => "authentication",
    }
}

/// What `interruption` may be: below the 200 ms of T304, at which a UE gives up.
const INTERRUPTIONS: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_millis(150);

pub(super) fn read(section: &Section<'_>, system: System) -> Read<Handover> {
    let default = HandoverDerivation::default();
    let schemes = if system == System::ContextTransfer {
        // The seed leaves AS keys open: here every cell gets fresh ones.
        section.refuse("scheme", "with system = \"context-transfer\"")?;
        Schemes::Always(Scheme::NextHopS1)
    } else if system == System::E2m {
        // Nodes of the network are those of the standard.
        Schemes::Always(Scheme::NextHopS1)
    } else {
        section.read("scheme", Schemes::Always(Scheme::MmeInvolved), |field| field.one_of(&SCHEMES))?
    };
    if schemes.is_standard() {
        for key in ["one_way", "fc_star", "fc_target", "para_octets", "c_rnti_bits"] {
            section.refuse(key, "with a scheme of the standard")?;
        }
    }
    Ok(Handover {
        schemes,
        derivation: HandoverDerivation {
            one_way: section.read("one_way", default.one_way, |field| {
                field.one_of(&[("kdf", OneWay::Kdf), ("sha-256", OneWay::Sha256)])
            })?,
            fc_star: section.read("fc_star", default.fc_star, |field| field.number(0..=u8::MAX))?,
            fc_target: section.read("fc_target", default.fc_target, |field| field.number(0..=u8::MAX))?,
        },
        para_octets: section.read("para_octets", 16, |field| field.number(1..=MAX_PARA as u8).map(usize::from))?,
        wide_c_rnti: section.read("c_rnti_bits", 16, |field| match field.number(16..=32)? {
            bits @ (16 | 32) => Ok(bits),
            _ => Err(field.mismatch("16 or 32")),
        })? == 32,
        names_algorithms: section.read("names_algorithms", false, |field| field.boolean())?,
        interruption: section.read("interruption", Duration::from_millis(10), |field| field.time(INTERRUPTIONS))?,
    })
}
