//! Race b of e2m keys: a session that is opened just before or just after a frame of a re-authentication is sent, over each access (seed 004;
//! acceptance list 4.2, point 4).

use std::time::Duration;

use serde::Serialize;

use super::e2m_compare::{E2mCompareSettings, agree, first, script, ue};
use super::run::EpsRun;
use crate::scenario::compare::CompareError;
use crate::scenario::script::eps::{EnterpriseStep, EpsScript, StepAction};
use crate::time::VirtualTime;

/// Depths of the store, for race b.
pub const RACE_DEPTHS: [usize; 3] = [1, 2, 4];
/// When the re-authentication begins, for race b.
const RACE_BEGINS: Duration = Duration::from_secs(2);
/// By how much the vector is late, and the challenge with it.
const VECTOR_LATE: Duration = Duration::from_millis(300);
/// How long before and after a frame a session is opened.
const AROUND: Duration = Duration::from_micros(1);

/// Race b over one access with a store of one depth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RaceRow {
    /// `eps`, `umts` or `gprs`.
    pub access: &'static str,
    /// Keys that the EMKS keeps.
    pub depth: usize,
    /// When the HSS pushed the new key and when the UE had it, in milliseconds from the re-authentication.
    pub pushed_ms: Option<i64>,
    /// When the UE made it.
    pub made_ms: Option<i64>,
    /// The sessions, two for each instant at which frames of the re-authentication are sent: just before and just after.
    pub points: Vec<RacePoint>,
}

/// A session in race b.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RacePoint {
    /// When the frames were sent, in microseconds from the re-authentication.
    pub at_us: i64,
    /// What they are.
    pub frames: Vec<String>,
    /// Whether the session was opened before them; else after them.
    pub before: bool,
    /// What came of it.
    pub session: String,
    /// With which of the keys of the UE, from 1.
    pub key: Option<u32>,
    /// Whether both ends had the same keys, if it came to that.
    pub same_keys: bool,
}

/// Frames of the re-authentication that are sent at one instant.
pub(super) struct Instant {
    /// From the beginning of the re-authentication.
    at: Duration,
    frames: Vec<String>,
}

/// A network in which a UE is authenticated anew, and the vector comes late.
pub(super) fn race(
    settings: &E2mCompareSettings,
    (serving, [tap, to]): (&str, [&str; 2]),
    steps: &str,
) -> Result<EpsScript, CompareError> {
    let text = format!(
        "duration = \"5s\"\n{}[[step]]\nat = \"{begins}ms\"\naction = \"authenticate\"\n{steps}\
         [[attack]]\nname = \"vector\"\ntap = \"{tap}\"\nto = \"{to}\"\n\
         trigger = {{ frame = \"AuthenticationInformationAnswer\", after = \"{begins}ms\" }}\naction = {{ delay = \"{}ms\" }}\n",
        ue(serving),
        VECTOR_LATE.as_millis(),
        begins = RACE_BEGINS.as_millis(),
    );
    script(&text, settings)
}

/// The instants of a re-authentication, as they are without a session: from the request for a vector until the answer of the UE is on
/// its last link.
pub(super) fn instants(run: &EpsRun) -> Vec<Instant> {
    let capture = &run.run.capture;
    let made = run.enterprise.last_made_us.map(Duration::from_micros).unwrap_or_default();
    let mut instants: Vec<Instant> = Vec::new();
    for frame in &capture.frames {
        let sent = Duration::from_nanos(frame.time.as_nanos());
        let of_network = capture.interfaces.get(frame.interface).is_some_and(|one| !one.name.starts_with("keys:"));
        let Some(at) = sent.checked_sub(RACE_BEGINS).filter(|_| of_network) else { continue };
        let name = frame.comment.split(';').next().unwrap_or_default().to_owned();
        match instants.last_mut() {
            Some(last) if last.at == at => last.frames.push(name),
            // The answer leaves the UE when it has made the key; what follows it is the same on the next link.
            Some(last) if RACE_BEGINS + last.at > made => break,
            _ => instants.push(Instant { at, frames: vec![name] }),
        }
    }
    instants
}

/// The sessions of a race: when they are opened.
pub(super) fn openings(instants: &[Instant]) -> impl Iterator<Item = (&Instant, bool, Duration)> {
    let sides = |instant| [true, false].map(|before| (instant, before));
    instants.iter().flat_map(sides).map(|(instant, before)| {
        let at = RACE_BEGINS + instant.at;
        (instant, before, if before { at - AROUND } else { at + AROUND })
    })
}

/// The jobs of race b over one access, by depth of the store and opening.
pub(super) fn race_jobs(
    settings: &E2mCompareSettings,
    of_access: (&str, [&str; 2]),
    instants: &[Instant],
) -> Result<Vec<EpsScript>, CompareError> {
    let mut jobs = Vec::new();
    for depth in RACE_DEPTHS {
        for (_, _, at) in openings(instants) {
            let open = format!("[[step]]\nat = \"{}ms\"\naction = \"open\"\n", RACE_BEGINS.as_millis());
            let mut script = race(settings, of_access, &open)?;
            agree(&mut script, |agreed| agreed.depth = depth);
            // To the microsecond, and before the re-authentication too.
            let opening = script
                .steps
                .iter_mut()
                .filter(|step| matches!(step.action, StepAction::Enterprise(EnterpriseStep::Open(_))));
            opening.for_each(|step| step.at = VirtualTime::ZERO + at);
            jobs.push(script);
        }
    }
    Ok(jobs)
}

/// What the runs of one row have come to.
pub(super) fn race_row((access, depth): (&'static str, usize), instants: &[Instant], runs: &[EpsRun]) -> RaceRow {
    let begins = RACE_BEGINS.as_millis() as i64;
    let since = |micros: Option<u64>| micros.map(|micros| (micros / 1_000) as i64 - begins);
    let points = openings(instants).zip(runs).map(|((instant, before, _), run)| RacePoint {
        at_us: instant.at.as_micros() as i64,
        frames: instant.frames.clone(),
        before,
        session: first(run).map_or_else(String::new, |session| session.outcome.clone()),
        key: first(run).and_then(|session| session.key),
        same_keys: first(run).is_some_and(|session| session.same_keys),
    });
    // The same in every run of a row but for the session.
    let last = runs.last();
    RaceRow {
        access,
        depth,
        pushed_ms: since(last.and_then(|run| run.enterprise.last_push_us)),
        made_ms: since(last.and_then(|run| run.enterprise.last_made_us)),
        points: points.collect(),
    }
}
