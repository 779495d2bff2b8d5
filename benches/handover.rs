//! Handovers per second of real time: whole runs, from a script to the report, the capture and the key log in memory.
//!
//! Writing files is not part of it, nor is reading the script. A run that does not complete every handover, or that loses
//! a user packet, is a failed benchmark.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use keyhop::emulation::Engine;
use keyhop::scenario::run::{FinishedRun, run};
use keyhop::scenario::script::Script;

/// Handovers of the mobile that goes to and fro.
const ROUND_TRIPS: usize = 25;
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
    let (script, handovers) = (ping_pong(), 2 * ROUND_TRIPS);
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

/// A mobile goes to and fro between two base stations.
fn ping_pong() -> Script {
    let mut text = header("ping-pong", "One MS goes to and fro between two BSs", "20.5s", 2);
    mobile_station(&mut text, 0, "bs1");
    traffic(&mut text, 0, "10ms", "100ms");
    for handover in 0..2 * ROUND_TRIPS {
        let target = if handover % 2 == 0 { "bs2" } else { "bs1" };
        step(&mut text, 100 + 400 * handover, 0, target);
    }
    parsed(&text)
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

fn header(name: &str, shows: &str, duration: &str, base_stations: usize) -> String {
    let mut text = format!("name = \"{name}\"\nshows = \"{shows}\"\nduration = \"{duration}\"\n");
    for number in 1..=base_stations {
        add(
            &mut text,
            format_args!(
                "[[base_station]]\nname = \"bs{number}\"\nbsid = \"0a:00:00:00:00:{number:02x}\"\nip = \"10.16.0.{number}\"\n"
            ),
        );
    }
    text
}

fn mobile_station(text: &mut String, mobile: usize, serving: &str) {
    let [high, low] = [mobile / 250, 1 + mobile % 250];
    add(
        text,
        format_args!(
            "[[mobile_station]]\nname = \"ms{mobile}\"\nmac = \"02:00:00:00:{high:02x}:{low:02x}\"\n\
             ip = \"198.18.{high}.{low}\"\nserving = \"{serving}\"\n"
        ),
    );
}

fn traffic(text: &mut String, mobile: usize, start: &str, interval: &str) {
    add(
        text,
        format_args!(
            "[[traffic]]\nmobile_station = \"ms{mobile}\"\nkind = \"udp\"\nstart = \"{start}\"\ninterval = \"{interval}\"\n"
        ),
    );
}

fn step(text: &mut String, at_ms: usize, mobile: usize, target: &str) {
    add(
        text,
        format_args!(
            "[[step]]\nat = \"{at_ms}ms\"\nmobile_station = \"ms{mobile}\"\naction = \"handover\"\ntarget = \"{target}\"\n"
        ),
    );
}

fn add(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("a String takes everything");
}

fn parsed(text: &str) -> Script {
    Script::parse("bench.toml", text, &[]).unwrap_or_else(|error| panic!("{error}"))
}
