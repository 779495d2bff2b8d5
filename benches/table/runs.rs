//! Handovers per second: engines against each other, and keyhop against ns-3.

use std::path::Path;

use keyhop::emulation::Engine;
use keyhop::scenario::run::run;
use keyhop::scenario::script::Script;

use crate::measure::{Compared, compared, once};
use crate::networks::{PING_PONG, ping_pong};
use crate::{Figures, Row, Setting, Shown, scale};

/// Milliseconds from one handover in ns-3 to the next.
const NS3_INTERVAL: &str = "50";
/// Handovers in a second that 100,000 mobiles shall come to, and octets of memory for each mobile.
const WITH_100_000: f64 = 150_000.0;
const OCTETS_PER_MOBILE: f64 = 2_000.0;

const ONE_MOBILE: &str = "one MS goes to and fro between two BSs 50 times, from the script to report, capture and key log in memory; the \
    peer is the engine per-node of keyhop: each node on a thread, one event after the other.";
const AGAINST_NS3: &str = "`keyhop run` from start to end, mobiles at 40 m/s among base stations 100 m apart, no user data, no capture; the \
    peer is one UE of LTE that goes to and fro over X2, a handover every 50 ms. ns-3 models the PHY in steps of 1 ms and has no security; \
    keyhop has no PHY and computes every key, CMAC and ICV.";
const MANY: &str = "`keyhop run` as above. Memory is the most that the process had, less that of a run with one mobile; the statistics of \
    one thread and of two are compared octet by octet.";

/// The rows of this file.
pub fn rows() -> Vec<Row> {
    let row = |what: &str, peer, target: &str, note, measure| Row {
        what: what.to_owned(),
        peer,
        target: target.to_owned(),
        note,
        measure,
    };
    vec![
        Row::of_ratio("handovers, 1 MS", "a thread per node", 30.0, (Shown::PerSecond, ONE_MOBILE), one_mobile),
        Row::of_ratio("handovers, 10,000 MS", "ns-3 LTE X2", 500.0, (Shown::PerSecond, AGAINST_NS3), against_ns3),
        row("handovers, 100,000 MS", "", "150 k/s, 2 kB an MS", MANY, Box::new(hundred_thousand)),
    ]
}

fn one_mobile(setting: &Setting) -> Result<Compared, String> {
    let script = ping_pong();
    let cost = |engine| {
        move |script: &Script| {
            let (seconds, finished) = once(|| run(script, engine, Path::new("."), None));
            let handovers = finished.map_err(|error| error.to_string())?.outcome.handovers.len();
            let cost = seconds * 1e9 / PING_PONG as f64;
            if handovers == PING_PONG { Ok(cost) } else { Err(format!("{handovers} handovers")) }
        }
    };
    let (ours, peer) = (cost(setting.engine), cost(Engine::PerNode));
    compared(setting.effort, || ours(&script), || peer(&script))
}

fn against_ns3(setting: &Setting) -> Result<Compared, String> {
    let (mobiles, duration, handovers) = if setting.smoke { (50, "2s", "2") } else { (10_000, "10s", "500") };
    compared(
        setting.effort.seldom(),
        || scale::run(setting, mobiles, duration, &[]).map(|run| run.seconds * 1e9 / run.handovers as f64),
        || match setting.peers.numbers("lte_x2", &[handovers, NS3_INTERVAL])?.as_slice() {
            [completed, seconds, ..] => Ok(seconds * 1e9 / completed),
            other => Err(format!("lte_x2 printed {other:?}")),
        },
    )
}

fn hundred_thousand(setting: &Setting) -> Result<Figures, String> {
    let (mobiles, duration) = if setting.smoke { (100, "2s") } else { (100_000, "10s") };
    let threads = |count: &'static str| match setting.scale_engine.as_str() {
        "shards" => vec!["--threads", count],
        _ => Vec::new(),
    };
    let few = scale::run(setting, 1, duration, &threads("2")).or_else(|_| scale::run(setting, 10, duration, &[]))?;
    let many = scale::run(setting, mobiles, duration, &threads("2"))?;
    let alone = scale::run(setting, mobiles, duration, &threads("1"))?;
    let per_second = many.handovers as f64 / many.seconds;
    let per_mobile = many.memory.saturating_sub(few.memory) as f64 / f64::from(mobiles);
    let same = many.statistics == alone.statistics;
    Ok(Figures {
        ours: format!("{}, {:.1} kB an MS", Shown::PerSecond.text(1e9 / per_second), per_mobile / 1e3),
        peer: String::new(),
        reached: format!(
            "{:.2}, {:.2}; one thread {:.2} times as long, {}",
            per_second / WITH_100_000,
            per_mobile / OCTETS_PER_MOBILE,
            alone.seconds / many.seconds,
            if same { "the same octets" } else { "other octets" }
        ),
        met: per_second >= WITH_100_000 && per_mobile <= OCTETS_PER_MOBILE && same,
    })
}
