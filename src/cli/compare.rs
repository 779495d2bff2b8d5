//! `keyhop compare`: the five modes of handover on the same radio and backbone (DESIGN section 5; A23, A24, A25).

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::Args;

use super::jobs_done::JobsDone;
use super::run::diagnostic;
use super::{Status, print};
use crate::capture::placement::PendingOutputs;
use crate::report::comparison::comparison;
use crate::report::e2m_comparison::e2m_comparison;
use crate::report::e2m_race::e2m_race;
use crate::report::eps_comparison::eps_comparison;
use crate::report::eps_plot::eps_plot;
use crate::report::parlos_comparison::parlos_comparison;
use crate::report::parlos_matrix::parlos_matrix;
use crate::report::plot::plot;
use crate::report::reach_map::reach_map;
use crate::report::transfer_comparison::transfer_comparison;
use crate::report::transfer_plot::transfer_plot;
use crate::scenario::compare::{CompareError, CompareSettings, OWN_KEYS, compare, sweep};
use crate::scenario::eps::compare::{self as eps, EpsCompareSettings};
use crate::scenario::eps::e2m_compare::{self as e2m, E2mCompareSettings};
use crate::scenario::eps::parlos_compare::{self as parlos, ParlosCompareSettings};
use crate::scenario::eps::transfer_compare::{self as transfer, TransferCompareSettings};
use crate::scenario::script::SetArgument;

/// Most runs of a row.
const MOST_RUNS: u32 = 10_000;
/// Runs of a row, if nothing else is said.
const DEFAULT_RUNS: u32 = 100;
/// Most threads.
const MOST_THREADS: u16 = 256;
/// Rows without loss come beside those with this one.
const DEFAULT_LOSS: f64 = 0.05;

/// The arguments of `keyhop compare`.
#[derive(Args)]
#[command(
    after_help = "--system dot16, the default: one handover in each of the five modes, with and without loss on the radio, with and without association at \
the target, many times each: interruption, gap, messages, octets, lost packets, and whether the serving base station can read \
what is sent at the target.

The network is built in: two base stations, one mobile, an SDU of 64 octets in every frame and direction. --set changes it by \
the keys of a script (captures/README.md): radio.frame=10ms, backbone.latency=20ms. The same seed gives the same figures, \
whatever the number of threads.

--system eps: random walks through a grid of 36 cells in each scheme of handover keys: how many cells somebody reads who takes the keys \
of the eNB of one hop, how many values of C-RNTI must be tried, interruption, messages, octets, lost packets. --loss is not for it.

--system context-transfer: one handover between MMEs, between UPEs, between UTRAN and E-UTRAN, with its security context, by a context request, and with \
a full authentication: interruption, round trips, messages, octets, lost packets, and a sweep over the delay of the HSS. --loss is not for it.

--system parlos: variants of temporary keys for a phone without a subscription against attacks, each field from a run of its own, with the octets \
of the new fields and the operations with public keys. --runs, --loss and --plot are not for it.

--system e2m: keys between UEs and end points in an enterprise: access, identifier of a key and identity of the user side by side with messages, \
octets and who learns what; failed authentications by the depth of the store; a session opened at each instant of a re-authentication. \
One run for each figure: --runs, --loss and --plot are not for it."
)]
pub struct CompareArguments {
    /// The system: dot16, eps, context-transfer, parlos or e2m
    #[arg(long, value_name = "SYSTEM", default_value = "dot16", value_parser = ["dot16", "eps", "context-transfer", "parlos", "e2m"])]
    system: String,
    /// Runs of each row, 1 to 10000 [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_RUNS)))]
    runs: Option<u32>,
    /// Seed of the first run of each row; the others count on from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Probability that a frame on the air is lost, 0 to 1, compared with none lost; 0: only without loss
    /// [default: 0.05]
    #[arg(long, value_name = "P", value_parser = probability, allow_negative_numbers = true)]
    loss: Option<f64>,
    /// Sets a value of the network, by its dotted path: backbone.latency=20ms, radio.tek_processing=10ms
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<SetArgument>,
    /// Draws interruption over backbone latency and over TEK processing time; of eps: cells read over the hop of the compromise,
    /// and interruption over the delay of X2 and S1; of context-transfer: interruption over the delay of the HSS
    #[arg(long, value_name = "FILE.svg", value_parser = svg_file)]
    plot: Option<PathBuf>,
    /// Of eps: draws which cells somebody reads who has the keys of one eNB, a map for each scheme; of parlos: draws variants by attacks; of
    /// e2m: draws what comes of sessions in the race and after failures
    #[arg(long, value_name = "FILE.svg", value_parser = svg_file)]
    map: Option<PathBuf>,
    /// Threads, 1 to 256; else one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_THREADS)))]
    threads: Option<u16>,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| format!("expected a probability from 0 to 1, found {text:?}"))
}

fn svg_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        true => Ok(path),
        false => Err(format!("expected a file name that ends in .svg, found {text:?}")),
    }
}

/// Runs the command.
///
/// # Errors
/// If `out` cannot be written.
pub fn run(arguments: &CompareArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    let result = match arguments.system.as_str() {
        "eps" => eps_compared(arguments, messages),
        "context-transfer" => transfers_compared(arguments, messages),
        "parlos" => parlos_compared(arguments, messages),
        "e2m" => e2m_compared(arguments, messages),
        _ => compared(arguments, messages),
    };
    match result {
        Ok(text) => print(out, &text).map(|()| Status::Success),
        Err(message) => {
            let _ = writeln!(messages, "{}", message.trim_end());
            Ok(Status::BadInput)
        }
    }
}

fn settings(arguments: &CompareArguments) -> Result<CompareSettings, String> {
    for set in &arguments.sets {
        if OWN_KEYS.contains(&set.path.as_str()) {
            let instead = match set.path.as_str() {
                "seed" => "use --seed",
                "radio.loss" => "use --loss",
                _ => "every value of it is compared",
            };
            return Err(format!("error: --set {set}: expected another key than {}; {instead}", set.path));
        }
    }
    let loss = arguments.loss.unwrap_or(DEFAULT_LOSS);
    let losses = if loss > 0.0 { vec![0.0, loss] } else { vec![0.0] };
    Ok(CompareSettings {
        sets: arguments.sets.clone(),
        seed: arguments.seed,
        runs: arguments.runs.unwrap_or(DEFAULT_RUNS),
        losses,
        threads: threads(arguments),
    })
}

fn threads(arguments: &CompareArguments) -> usize {
    arguments.threads.map_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get), usize::from)
}

fn told(error: CompareError) -> String {
    match error {
        CompareError::Script(error) => diagnostic(error.into()),
        CompareError::Run(error) => format!("error: {error}"),
    }
}

/// What no comparison of EPS takes: another loss, keys that are its own.
fn of_eps(arguments: &CompareArguments, own: &[&str]) -> Result<(), String> {
    if arguments.loss.is_some() {
        return Err(format!("error: --loss: expected no such option with --system {}", arguments.system));
    }
    if let Some(set) = arguments.sets.iter().find(|set| own.contains(&set.path.as_str())) {
        let instead = if set.path == "seed" { "use --seed" } else { "it belongs to the comparison" };
        return Err(format!("error: --set {set}: expected another key than {}; {instead}", set.path));
    }
    Ok(())
}

/// The same of context transfer: the plot is in place then.
fn transfers_compared(arguments: &CompareArguments, messages: &mut dyn Write) -> Result<String, String> {
    of_eps(arguments, transfer::OWN_KEYS)?;
    if arguments.map.is_some() {
        return Err("error: --map: expected --system eps beside it".to_owned());
    }
    let settings = TransferCompareSettings {
        sets: arguments.sets.clone(),
        seed: arguments.seed,
        runs: arguments.runs.unwrap_or(DEFAULT_RUNS),
        threads: threads(arguments),
    };
    let mut progress = JobsDone::new(messages);
    let result = transfer::compare(&settings, &mut |done, all| progress.tell("runs", done, all)).map_err(told)?;
    drop(progress);
    let mut outputs = PendingOutputs::new();
    if let Some(path) = &arguments.plot {
        let drawing = transfer_plot(&result, &caption(arguments, "one handover between MMEs"));
        let drawing = drawing.map_err(|error| format!("error: {error}"))?;
        outputs.stage(path, |out| out.write_all(drawing.as_bytes())).map_err(|error| format!("error: {error}"))?;
    }
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&result).map_err(|error| format!("error: {error}"))?;
        format!("{json}\n")
    } else {
        transfer_comparison(&result)
    };
    outputs.commit().map_err(|error| format!("error: {error}"))?;
    if let Some(path) = &arguments.plot {
        let _ = writeln!(messages, "wrote {}", path.display());
    }
    Ok(text)
}

/// Refuses the options of systems that are compared by figures of many runs.
fn no_runs_and_no_plot(arguments: &CompareArguments, system: &str) -> Result<(), String> {
    if arguments.runs.is_some() {
        return Err(format!("error: --runs: expected no such option with --system {system}"));
    }
    if arguments.plot.is_some() {
        return Err(format!("error: --plot: expected --map with --system {system}"));
    }
    Ok(())
}

/// The same of temporary keys for PARLOS: the picture is in place then.
fn parlos_compared(arguments: &CompareArguments, messages: &mut dyn Write) -> Result<String, String> {
    of_eps(arguments, parlos::OWN_KEYS)?;
    no_runs_and_no_plot(arguments, "parlos")?;
    let settings =
        ParlosCompareSettings { sets: arguments.sets.clone(), seed: arguments.seed, threads: threads(arguments) };
    let mut progress = JobsDone::new(messages);
    let result = parlos::compare(&settings, &mut |done, all| progress.tell("runs", done, all)).map_err(told)?;
    drop(progress);
    let mut outputs = PendingOutputs::new();
    if let Some(path) = &arguments.map {
        let picture = parlos_matrix(&result, &caption(arguments, "one attach for RLOS in each field"));
        outputs.stage(path, |out| out.write_all(picture.as_bytes())).map_err(|error| format!("error: {error}"))?;
    }
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&result).map_err(|error| format!("error: {error}"))?;
        format!("{json}\n")
    } else {
        parlos_comparison(&result)
    };
    outputs.commit().map_err(|error| format!("error: {error}"))?;
    if let Some(path) = &arguments.map {
        let _ = writeln!(messages, "wrote {}", path.display());
    }
    Ok(text)
}

/// The same of e2m keys: the picture is in place then.
fn e2m_compared(arguments: &CompareArguments, messages: &mut dyn Write) -> Result<String, String> {
    of_eps(arguments, e2m::OWN_KEYS)?;
    no_runs_and_no_plot(arguments, "e2m")?;
    let settings =
        E2mCompareSettings { sets: arguments.sets.clone(), seed: arguments.seed, threads: threads(arguments) };
    let mut progress = JobsDone::new(messages);
    let result = e2m::compare(&settings, &mut |done, all| progress.tell("runs", done, all)).map_err(told)?;
    drop(progress);
    let mut outputs = PendingOutputs::new();
    if let Some(path) = &arguments.map {
        let picture = e2m_race(
            &result,
            &caption(
                arguments,
                "one session in each run, opened just before or just after a frame of the authentication is sent",
            ),
        );
        outputs.stage(path, |out| out.write_all(picture.as_bytes())).map_err(|error| format!("error: {error}"))?;
    }
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&result).map_err(|error| format!("error: {error}"))?;
        format!("{json}\n")
    } else {
        e2m_comparison(&result)
    };
    outputs.commit().map_err(|error| format!("error: {error}"))?;
    if let Some(path) = &arguments.map {
        let _ = writeln!(messages, "wrote {}", path.display());
    }
    Ok(text)
}

/// The same of EPS: plot and map are in place then.
fn eps_compared(arguments: &CompareArguments, messages: &mut dyn Write) -> Result<String, String> {
    of_eps(arguments, eps::OWN_KEYS)?;
    let settings = EpsCompareSettings {
        sets: arguments.sets.clone(),
        seed: arguments.seed,
        runs: arguments.runs.unwrap_or(DEFAULT_RUNS),
        threads: threads(arguments),
    };
    let mut progress = JobsDone::new(messages);
    let result = eps::compare(&settings, &mut |done, all| progress.tell("runs", done, all)).map_err(told)?;
    let mut outputs = PendingOutputs::new();
    let mut stage = |path: &PathBuf, drawing: &str| {
        outputs.stage(path, |out| out.write_all(drawing.as_bytes())).map_err(|error| format!("error: {error}"))
    };
    if let Some(path) = &arguments.plot {
        let delays = eps::delays(&settings, &mut |done, all| progress.tell("runs for the plot", done, all));
        let caption = caption(arguments, "median of random walks");
        let drawing = eps_plot(&result, &delays.map_err(told)?, &caption).map_err(|error| format!("error: {error}"))?;
        stage(path, &drawing)?;
    }
    if let Some(path) = &arguments.map {
        let reaches = eps::reaches(&settings).map_err(told)?;
        let walk = format!("one random walk of {} handovers, seed {}", eps::HOPS, arguments.seed);
        stage(path, &reach_map(&reaches, &caption(arguments, &walk)))?;
    }
    drop(progress);
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&result).map_err(|error| format!("error: {error}"))?;
        format!("{json}\n")
    } else {
        eps_comparison(&result)
    };
    outputs.commit().map_err(|error| format!("error: {error}"))?;
    for path in [&arguments.plot, &arguments.map].into_iter().flatten() {
        let _ = writeln!(messages, "wrote {}", path.display());
    }
    Ok(text)
}

/// What is to be printed; the plot is in place then.
fn compared(arguments: &CompareArguments, messages: &mut dyn Write) -> Result<String, String> {
    if arguments.map.is_some() {
        return Err("error: --map: expected --system eps beside it".to_owned());
    }
    let settings = settings(arguments)?;
    let mut progress = JobsDone::new(messages);
    let result = compare(&settings, &mut |done, all| progress.tell("runs", done, all)).map_err(told)?;
    let mut outputs = PendingOutputs::new();
    if let Some(path) = &arguments.plot {
        let curves = sweep::sweep(&settings, &mut |done, all| progress.tell("runs for the plot", done, all));
        let drawing =
            plot(&curves.map_err(told)?, &caption(arguments, "median, without loss; vertical axes logarithmic"))
                .map_err(|error| format!("error: {error}"))?;
        outputs.stage(path, |out| out.write_all(drawing.as_bytes())).map_err(|error| format!("error: {error}"))?;
    }
    drop(progress);
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&result).map_err(|error| format!("error: {error}"))?;
        format!("{json}\n")
    } else {
        comparison(&result)
    };
    outputs.commit().map_err(|error| format!("error: {error}"))?;
    if let Some(path) = &arguments.plot {
        let _ = writeln!(messages, "wrote {}", path.display());
    }
    Ok(text)
}

/// What the plot is of, beside what its axes say.
fn caption(arguments: &CompareArguments, of: &str) -> String {
    let mut caption = of.to_owned();
    for set in &arguments.sets {
        caption.push_str(&format!("; {set}"));
    }
    caption
}
