//! Handovers per second of real time: whole runs, from a script to the report, the capture and the key log in memory.
//!
//! Writing files is not part of it, nor is reading the script. A run that does not complete every handover, or that loses
//! a user packet, is a failed benchmark.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use keyhop::emulation::Engine;
use keyhop::scenario::run::{FinishedRun, run};
use keyhop::scenario::script::Script;

#[path = "table/networks.rs"]
mod networks;

use networks::{PING_PONG, header, mobile_station, parsed, ping_pong, step, traffic};

/// Base stations and mobile stations of the network.
const BASE_STATIONS: usize = 4;
const MOBILE_STATIONS: usize = 1_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    one_mobile(&mut criterion);
    network(&mut criterion);
    criterion.final_summary();
}

fn one_mobile(criterion: &mut Criterion) {
    let (script, handovers) = (ping_pong(), PING_PONG);
    let mut group = criterion.benchmark_group("handover, 1 MS on 2 BSs");
    group.throughput(Throughput::Elements(handovers as u64)).sample_size(20).measurement_time(Duration::from_secs(6));
    for engine in [Engine::Inline, Engine::PerNode, Engine::default()] {
        describe(&script, engine, handovers);
        group.bench_function(BenchmarkId::from_parameter(engine), |bencher| {
            bencher.iter(|| completed(black_box(&script), engine, handovers));
        });
    }
    group.finish();
}

fn network(criterion: &mut Criterion) {
    let script = one_handover_each();
    let mut group = criterion.benchmark_group("handover, 1000 MSs on 4 BSs");
    group
        .throughput(Throughput::Elements(MOBILE_STATIONS as u64))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    describe(&script, Engine::Inline, MOBILE_STATIONS);
    group.bench_function(BenchmarkId::from_parameter(Engine::Inline), |bencher| {
        bencher.iter(|| completed(black_box(&script), Engine::Inline, MOBILE_STATIONS));
    });
    group.finish();
}

/// Runs `script` and checks that it did what its figure claims.
fn completed(script: &Script, engine: Engine, handovers: usize) -> FinishedRun {
    let finished = run(script, engine, Path::new("."), None).expect("a script without files runs");
    let outcome = &finished.outcome;
    assert_eq!(outcome.handovers.len(), handovers);
    for handover in &outcome.handovers {
        assert_eq!(
            (handover.outcome.as_str(), handover.mode.as_str()),
            ("completed", "seamless"),
            "{} from {} to {}",
            handover.ms,
            handover.from,
            handover.to
        );
    }
    for (ms, traffic) in &outcome.traffic {
        assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0), "{ms}");
        assert!(traffic.ul.delivered > 0 && traffic.dl.delivered > 0, "{ms}");
    }
    finished
}

/// Says how much one handover comes to, so that figures of different scripts can be compared.
fn describe(script: &Script, engine: Engine, handovers: usize) {
    let finished = completed(script, engine, handovers);
    let frames = finished.capture.frames.len();
    let packets = finished.delivered.frames.len();
    let per = |number: usize| number as f64 / handovers as f64;
    println!(
        "{} ({engine}): {handovers} handovers, {:.1} frames and {:.1} user packets for each",
        script.name,
        per(frames),
        per(packets)
    );
}

/// Every mobile of a network moves once, to the next base station, one every 2 ms.
fn one_handover_each() -> Script {
    let shows = "1,000 MSs on four BSs hand over once each";
    let mut text = header("network", shows, "2.5s", BASE_STATIONS);
    for mobile in 0..MOBILE_STATIONS {
        mobile_station(&mut text, mobile, &format!("bs{}", 1 + mobile % BASE_STATIONS));
    }
    for mobile in 0..MOBILE_STATIONS {
        traffic(&mut text, mobile, &format!("{}ms", mobile % 600), "600ms");
    }
    for mobile in 0..MOBILE_STATIONS {
        let target = format!("bs{}", 1 + (mobile + 1) % BASE_STATIONS);
        step(&mut text, 100 + 2 * mobile, mobile, &target);
    }
    parsed(&text)
}
