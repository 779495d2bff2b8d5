//! Handovers per second: engines against each other, and keyhop against ns-3.

use std::path::Path;

use keyhop::emulation::Engine;
use keyhop::scenario::run::run;
use keyhop::scenario::script::Script;

use crate::measure::{Compared, compared, once};
use crate::networks::{PING_PONG, ping_pong};
use crate::{Row, Setting, Shown};

const ONE_MOBILE: &str = "one MS goes to and fro between two BSs 50 times, from the script to report, capture and key log in memory; the \
    peer is the engine per-node of keyhop: each node on a thread, one event after the other.";

/// The rows of this file.
pub fn rows() -> Vec<Row> {
    vec![Row::of_ratio("handovers, 1 MS", "a thread per node", 30.0, (Shown::PerSecond, ONE_MOBILE), one_mobile)]
}

fn one_mobile(setting: &Setting) -> Result<Compared, String> {
    let script = ping_pong();
    let cost = |engine| {
        move |script: &Script| {
            let (seconds, finished) = once(|| run(script, engine, Path::new("."), None));
            let handovers = finished.map_err(|error| error.to_string())?.outcome.handovers.len();
            if handovers == PING_PONG {
                Ok(seconds * 1e9 / PING_PONG as f64)
            } else {
                Err(format!("{handovers} handovers"))
            }
        }
    };
    let (ours, peer) = (cost(setting.engine), cost(Engine::PerNode));
    compared(setting.effort, || ours(&script), || peer(&script))
}
