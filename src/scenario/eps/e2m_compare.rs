//! e2m keys, settings side by side: what each costs and who learns what, failure a by the depth of the store, race b by the frame of the
//! re-authentication around which the session is opened, over each access (acceptance list 4.2, points 3, 4, 5 and 7).
//!
//! Every figure comes of a run of its own; the same seed gives the same figures.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::e2m_race::{RACE_DEPTHS, RaceRow, instants, openings, race, race_jobs, race_row};
use super::enterprise::{Learnt, SessionAttempt};
use super::run::{EpsRun, run};
use crate::capture::Capture;
use crate::emulation::Engine;
use crate::eps::enterprise::Enterprise;
use crate::eps::security::e2m_keys::IdentifierForm;
use crate::scenario::compare::CompareError;
use crate::scenario::run::RunError;
use crate::scenario::script::eps::EpsScript;
use crate::scenario::script::eps::enterprise::IDENTITIES;
use crate::scenario::script::{ScriptFile, SetArgument};
use crate::scenario::workers::in_order;

/// What the comparison sets itself, so that `--set` must not.
pub const OWN_KEYS: &[&str] = &[
    "system",
    "seed",
    "duration",
    "enterprise.identifier",
    "enterprise.identifier_bits",
    "enterprise.identity",
    "enterprise.depth",
    "enterprise.age",
];
/// The accesses, with the station where the UE is, the link from which its vectors come, and who gets them.
const ACCESSES: [(&str, &str, [&str; 2]); 3] = [
    ("eps", "enb1", ["s6a:mme1-hss", "mme1"]),
    ("umts", "rnc1", ["s6d:sgsn1-hss", "sgsn1"]),
    ("gprs", "bss1", ["s6d:sgsn1-hss", "sgsn1"]),
];
/// The forms of the identifier.
const FORMS: [(&str, IdentifierForm); 2] =
    [("rand", IdentifierForm::Rand { bits: 32 }), ("hash", IdentifierForm::Hash { bits: 32 })];
/// Depths of the store, for failure a.
pub const DEPTHS: [usize; 5] = [1, 2, 3, 4, 5];
/// Authentications that fail after the push at the most.
pub const MOST_FAILURES: u32 = 6;
/// From one failed authentication to the next: the MME has given the one before up by then.
const FAILURE_EVERY: Duration = Duration::from_secs(4);
/// What is compared.
#[derive(Clone, Debug)]
pub struct E2mCompareSettings {
    /// Changes of the network, none of them of [`OWN_KEYS`].
    pub sets: Vec<SetArgument>,
    /// Seed of every run.
    pub seed: u64,
    /// Threads, at least 1. No figure depends on it.
    pub threads: usize,
}

/// The document of `compare --system e2m --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct E2mComparison {
    /// The emulated system.
    pub system: &'static str,
    /// Seed of every run.
    pub seed: u64,
    /// A row for each access, form of the identifier and identity.
    pub settings: Vec<SettingsRow>,
    /// A row for each depth of the store.
    pub failures: Vec<FailureRow>,
    /// A row for each access and depth of the store.
    pub races: Vec<RaceRow>,
}

/// Messages and their octets on a kind of link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// How many.
    pub messages: u64,
    /// Octets of their frames.
    pub octets: u64,
}

/// One setting: a UE that attaches, opens a session, sends a message and gets it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingsRow {
    /// `eps`, `umts` or `gprs`.
    pub access: &'static str,
    /// `rand` or `hash`.
    pub identifier: &'static str,
    /// `imsi`, `emse` or `emks`: who makes the IMSI of what the UE says.
    pub identity: &'static str,
    /// What came of the session.
    pub session: String,
    /// Whether both ends had the same keys.
    pub same_keys: bool,
    /// Vectors of the HSS (S6a, S6d).
    pub vectors: Cost,
    /// Pushes (SWx).
    pub pushes: Cost,
    /// Requests for keys (Zn).
    pub requests: Cost,
    /// The session behind the gateway (SGi).
    pub session_frames: Cost,
    /// What the end point learns of the UE.
    pub emse_learns: Learnt,
    /// What the EMKS does.
    pub emks_learns: Learnt,
}

/// Failure a with a store of one depth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureRow {
    /// Keys that the EMKS keeps.
    pub depth: usize,
    /// What came of a session after so many failed authentications, from 0 on.
    pub sessions: Vec<String>,
}

pub(super) fn script(text: &str, settings: &E2mCompareSettings) -> Result<EpsScript, CompareError> {
    let text = format!(
        "name = \"compare\"\nshows = \"a session\"\nsystem = \"e2m\"\nseed = {}\n{text}\
         [[mme]]\nname = \"mme1\"\n[[sgsn]]\nname = \"sgsn1\"\n[[enb]]\nname = \"enb1\"\n[[rnc]]\nname = \"rnc1\"\n[[bss]]\nname = \"bss1\"\n\
         [[emse]]\nname = \"emse1\"\n",
        settings.seed
    );
    match ScriptFile::parse("the network of compare", &text, &settings.sets)? {
        ScriptFile::Eps(script) => Ok(*script),
        // `system` is not among the keys that may be set.
        ScriptFile::Dot16(_) => unreachable!("the text says system = \"e2m\""),
    }
}

/// A UE there; `steps` follow.
pub(super) fn ue(serving: &str) -> String {
    format!(
        "[[ue]]\nname = \"ue1\"\nimsi = \"001010000000001\"\nip = \"192.0.2.10\"\nserving = \"{serving}\"\n\
         application = \"meter-7@utility.example\"\n[[step]]\nat = \"100ms\"\naction = \"attach\"\n"
    )
}

/// The jobs of the first two parts, in their order.
fn jobs(settings: &E2mCompareSettings) -> Result<Vec<EpsScript>, CompareError> {
    let mut jobs = Vec::new();
    for (_, serving, _) in ACCESSES {
        for (_, form) in FORMS {
            for (_, identity) in IDENTITIES {
                let steps = "[[step]]\nat = \"1s\"\naction = \"open\"\n[[step]]\nat = \"1500ms\"\naction = \"send\"\n\
                             [[step]]\nat = \"2s\"\naction = \"close\"\n";
                let mut script = script(&format!("duration = \"3s\"\n{}{steps}", ue(serving)), settings)?;
                agree(&mut script, |agreed| (agreed.derivation.identifier, agreed.identity) = (form, identity));
                jobs.push(script);
            }
        }
    }
    for depth in DEPTHS {
        for failures in 0..=MOST_FAILURES {
            let begins = |number: u32| Duration::from_secs(2) + FAILURE_EVERY * number;
            let authenticate =
                |number| format!("[[step]]\nat = \"{}ms\"\naction = \"authenticate\"\n", begins(number).as_millis());
            let steps: String = (0..failures).map(authenticate).collect();
            let (opened, ends) = (begins(failures), begins(failures + 1));
            let open = format!("[[step]]\nat = \"{}ms\"\naction = \"open\"\n", opened.as_millis());
            let lost = "[[attack]]\nname = \"challenges\"\ntap = \"s1:enb1-mme1\"\nto = \"enb1\"\n\
                        trigger = { frame = \"DownlinkNasTransport\", count = 1000, after = \"1500ms\" }\n\
                        action = { drop = true }\n";
            let text = format!("duration = \"{}ms\"\n{}{steps}{open}{lost}", ends.as_millis(), ue("enb1"));
            let mut script = script(&text, settings)?;
            agree(&mut script, |agreed| agreed.depth = depth);
            jobs.push(script);
        }
    }
    Ok(jobs)
}

pub(super) fn agree(script: &mut EpsScript, change: impl FnOnce(&mut Enterprise)) {
    if let Some(enterprise) = &mut script.enterprise {
        change(&mut enterprise.agreed);
    }
}

fn one(script: &EpsScript) -> Result<EpsRun, RunError> {
    run(script, Engine::Inline, Path::new("."), None, &mut ())
}

/// Runs everything. `progress` is told how many of how many runs are done.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn compare(
    settings: &E2mCompareSettings,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<E2mComparison, CompareError> {
    let mut jobs = jobs(settings)?;
    let mut races = Vec::new();
    for (access, serving, vectors) in ACCESSES {
        let instants = instants(&one(&race(settings, (serving, vectors), "")?)?);
        jobs.extend(race_jobs(settings, (serving, vectors), &instants)?);
        races.push((access, instants));
    }
    let runs = in_order(&jobs, settings.threads, one, progress);
    let runs: Vec<EpsRun> = runs.into_iter().collect::<Result<_, RunError>>()?;
    let of_settings = ACCESSES.len() * FORMS.len() * IDENTITIES.len();
    let (of_settings, rest) = runs.split_at(of_settings);
    let (of_failures, mut of_races) = rest.split_at(DEPTHS.len() * (MOST_FAILURES as usize + 1));
    let mut race_rows = Vec::new();
    for (access, instants) in &races {
        for depth in RACE_DEPTHS {
            let (of_row, rest) = of_races.split_at(openings(instants).count());
            race_rows.push(race_row((access, depth), instants, of_row));
            of_races = rest;
        }
    }
    let names = ACCESSES.iter().flat_map(|(access, ..)| {
        FORMS.iter().flat_map(move |(form, _)| IDENTITIES.iter().map(move |(identity, _)| (*access, *form, *identity)))
    });
    let failures = DEPTHS.iter().zip(of_failures.chunks(MOST_FAILURES as usize + 1)).map(|(depth, runs)| FailureRow {
        depth: *depth,
        sessions: runs
            .iter()
            .map(|run| first(run).map_or_else(String::new, |session| session.outcome.clone()))
            .collect(),
    });
    Ok(E2mComparison {
        system: "e2m",
        seed: settings.seed,
        settings: names.zip(of_settings).map(|(names, run)| settings_row(names, run)).collect(),
        failures: failures.collect(),
        races: race_rows,
    })
}

pub(super) fn first(run: &EpsRun) -> Option<&SessionAttempt> {
    run.enterprise.attempts.first()
}

/// Frames on the links of these kinds, by how the names of their interfaces begin.
fn cost(capture: &Capture, links: &[&str]) -> Cost {
    let mut cost = Cost::default();
    for frame in &capture.frames {
        let name = capture.interfaces.get(frame.interface).map_or("", |interface| interface.name.as_str());
        if links.iter().any(|link| name.split_once(':').is_some_and(|(kind, _)| kind == *link)) {
            cost.messages += 1;
            cost.octets += frame.octets.len() as u64;
        }
    }
    cost
}

fn settings_row(
    (access, identifier, identity): (&'static str, &'static str, &'static str),
    run: &EpsRun,
) -> SettingsRow {
    let capture = &run.run.capture;
    let learns = |node: &str| {
        let of_node = run.enterprise.learnt.iter().find(|(name, _)| name == node);
        of_node.map(|(_, learnt)| *learnt).unwrap_or_default()
    };
    SettingsRow {
        access,
        identifier,
        identity,
        session: first(run).map_or_else(String::new, |session| session.outcome.clone()),
        same_keys: first(run).is_some_and(|session| session.same_keys),
        vectors: cost(capture, &["s6a", "s6d"]),
        pushes: cost(capture, &["swx"]),
        requests: cost(capture, &["zn"]),
        session_frames: cost(capture, &["sgi"]),
        emse_learns: learns("emse1"),
        emks_learns: learns("emks"),
    }
}
