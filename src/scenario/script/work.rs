//! The expectation `work`: what a run may cost a base station or the authenticator.

use super::bounds::{Amount, amount};
use super::nearest::suggest;
use super::problem::{Problem, Read};
use super::section::Field;
use super::stations::Stations;

/// A kind of work that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkKind {
    /// TEKs derived from a count.
    TekDerivations,
    /// User data PDUs decrypted to see whether their ICV fits, once for each TEK that was tried.
    IcvTrials,
    /// CMAC tuples verified.
    CmacChecks,
    /// Context_Req sent.
    ContextRequests,
    /// Contexts held at one time at the most.
    ContextsKept,
    /// Context_Req answered, by the authenticator.
    ContextReports,
}

impl WorkKind {
    /// Every kind with its name in scripts and results.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("tek_derivations", Self::TekDerivations),
        ("icv_trials", Self::IcvTrials),
        ("cmac_checks", Self::CmacChecks),
        ("context_requests", Self::ContextRequests),
        ("contexts_kept", Self::ContextsKept),
        ("context_reports", Self::ContextReports),
    ];

    /// The name in scripts and results.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether this is the work of the authenticator, and not that of a base station.
    fn of_authenticator(self) -> bool {
        self == Self::ContextReports
    }
}

pub(super) const KEYS: &[&str] =
    &["node", "tek_derivations", "icv_trials", "cmac_checks", "context_requests", "contexts_kept", "context_reports"];

/// The node and at least one amount.
pub(super) fn read(field: &Field<'_>, stations: &Stations) -> Read<(String, Vec<(WorkKind, Amount)>)> {
    let section = field.section(KEYS)?;
    let expected = "the name of a [[base_station]] or of the authenticator";
    let node = section.required("node", expected)?;
    let name = node.text(expected)?;
    let authenticator = stations.authenticator.name.as_str();
    let names = || stations.base_stations.iter().map(|bs| bs.name.as_str()).chain([authenticator]);
    if !names().any(|known| known == name) {
        let problem = node.mismatch(expected);
        return Err(suggest(problem, name, names()));
    }
    let mut amounts = Vec::new();
    for (key, kind) in WorkKind::ALL {
        if kind.of_authenticator() != (name == authenticator) {
            section.refuse(key, &format!("of {name:?}, which does no such work"))?;
        } else if let Some(field) = section.field(key) {
            amounts.push((*kind, amount(&field)?));
        }
    }
    if amounts.is_empty() {
        let own = WorkKind::ALL.iter().filter(|(_, kind)| kind.of_authenticator() == (name == authenticator));
        let keys: Vec<&str> = own.map(|(key, _)| *key).collect();
        let expected = format!("at least one of {}", keys.join(", "));
        return Err(Problem::mismatch(field.place(), field.path(), &expected, "none"));
    }
    Ok((name.to_owned(), amounts))
}
