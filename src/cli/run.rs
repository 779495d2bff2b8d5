//! `keyhop run`: runs a scenario, writes capture and key log, prints ladder, table and verdict (DESIGN section 5).

use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum, value_parser};

use super::progress::ProgressLine;
use super::{Status, print};
use crate::adversary::external::Conversation;
use crate::capture::placement::{PendingOutputs, PlacementError, folder_of};
use crate::capture::{FileFormat, capture_file, key_log_text};
use crate::emulation::Engine;
use crate::report;
use crate::scenario;
use crate::scenario::bundled;
use crate::scenario::eps::pdcp_udp::PdcpCapture;
use crate::scenario::eps::run::EpsRun;
use crate::scenario::external_process::ExternalProcess;
use crate::scenario::kept_frames::{CaptureStore, FRAMES_IN_MEMORY};
use crate::scenario::outcome::{CaptureResult, RunOutcome, RunVerdict};
use crate::scenario::run::{FinishedRun, TrafficOverride, run_observed};
use crate::scenario::script::{CaptureChoice, Script, ScriptFile, SetArgument, Title};
use crate::scenario::statistics::{Statistics, write_csv};
use crate::time::VirtualTime;

/// Octets of a MiB.
const MIB: usize = 1024 * 1024;

/// The format of the capture.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// pcapng, with comments, names and directions.
    #[default]
    Pcapng,
    /// Classic pcap: link type 252, no comments.
    Pcap,
}

/// How a ladder is drawn.
#[derive(Clone, Copy, Debug)]
enum LadderForm {
    Svg,
    Mermaid,
}

/// Where a ladder is drawn, and how: the extension says it.
#[derive(Clone, Debug)]
struct LadderFile {
    path: PathBuf,
    form: LadderForm,
}

impl FromStr for LadderFile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let form = match extension.as_deref() {
            Some("svg") => LadderForm::Svg,
            Some("mmd") => LadderForm::Mermaid,
            _ => return Err(format!("expected a file name that ends in .svg or .mmd, found {text:?}")),
        };
        Ok(Self { path, form })
    }
}

impl LadderFile {
    fn content(&self, outcome: &RunOutcome) -> String {
        let title = format!("{}, seed {}", outcome.scenario, outcome.seed);
        match self.form {
            LadderForm::Svg => report::ladder::svg(&title, &outcome.ladder, &outcome.ladder_nodes),
            LadderForm::Mermaid => report::ladder::mermaid(&title, &outcome.ladder, &outcome.ladder_nodes),
        }
    }
}

/// Where statistics are written, and how: the extension says it.
#[derive(Clone, Debug)]
struct StatisticsFile {
    path: PathBuf,
    rows: bool,
}

impl FromStr for StatisticsFile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let rows = match extension.as_deref() {
            Some("json") => false,
            Some("csv") => true,
            _ => return Err(format!("expected a file name that ends in .json or .csv, found {text:?}")),
        };
        Ok(Self { path, rows })
    }
}

impl StatisticsFile {
    fn write(&self, script: &Script, outcome: &RunOutcome, out: &mut dyn Write) -> io::Result<()> {
        match self.rows {
            true => write_csv(&outcome.handovers, out),
            false => Statistics::of(script, outcome).write_json(out),
        }
    }
}

/// The arguments of `keyhop run`.
#[derive(Args)]
pub struct RunArguments {
    /// A bundled scenario (see `keyhop list`) or a script file
    #[arg(value_name = "NAME|FILE.toml")]
    scenario: String,
    /// The capture; without it NAME.pcapng and NAME.keys in the current folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The format of the capture
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The key log
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,
    /// Another seed than the script's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// User traffic from this pcap or pcapng, in place of the script's
    #[arg(long, value_name = "FILE")]
    traffic: Option<PathBuf>,
    /// The mobile's address in that file; else the source of its first IPv4 packet
    #[arg(long, value_name = "ADDR", requires = "traffic")]
    traffic_mobile: Option<Ipv4Addr>,
    /// Writes the IP packets that came out
    #[arg(long, value_name = "FILE")]
    delivered: Option<PathBuf>,
    /// Draws the ladder: FILE.svg, or FILE.mmd for Mermaid text
    #[arg(long, value_name = "FILE.svg|FILE.mmd")]
    ladder: Option<LadderFile>,
    /// Captures frames and keys of all mobiles, of none, or of N of them, whatever the script says
    #[arg(long, value_name = "all|none|sample=N")]
    capture: Option<CaptureChoice>,
    /// From how many MiB of frames on they go to a temporary file beside the capture, and no longer into the ladder
    #[arg(long, value_name = "MIB", default_value_t = (FRAMES_IN_MEMORY / MIB) as u32)]
    capture_memory: u32,
    /// Writes the run in figures: FILE.json, or FILE.csv with a row for each handover; may be given twice
    #[arg(long, value_name = "FILE.json|FILE.csv")]
    statistics: Vec<StatisticsFile>,
    /// Sets a value of the script, by its dotted path: radio.frame=10ms, base_station.bs2.tek_cache=false
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<SetArgument>,
    /// Where the nodes run: inline, per-node or shards
    #[arg(long, value_name = "ENGINE", default_value_t)]
    engine: Engine,
    /// How many threads work, with the engine shards; else as many as there are cores
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Allows the script to start the program that it names as adversary
    #[arg(long)]
    external: bool,
    /// Of EPS: writes the air as PDCP in UDP too, with which Wireshark shows user packets, and prints the command with the keys
    #[arg(long, value_name = "FILE.pcapng")]
    pdcp_udp: Option<PathBuf>,
    /// Checks the script and runs nothing
    #[arg(long)]
    check: bool,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If `out` cannot be written.
pub fn run(arguments: &RunArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    match prepared(arguments) {
        Ok((script, folder)) if arguments.check => {
            let _ = writeln!(messages, "{}: the script is valid", script.title().name);
            let _ = folder;
            Ok(Status::Success)
        }
        Ok((script, folder)) => match executed(arguments, &script, &folder) {
            Ok(finished) => report(arguments, &finished, out, messages),
            Err(message) => bad_input(messages, &message),
        },
        Err(message) => bad_input(messages, &message),
    }
}

fn bad_input(messages: &mut dyn Write, message: &str) -> io::Result<Status> {
    let _ = writeln!(messages, "{}", message.trim_end());
    Ok(Status::BadInput)
}

/// The engine with the number of its threads.
fn engine(arguments: &RunArguments) -> Result<Engine, String> {
    match (arguments.engine, arguments.threads) {
        (engine, None) => Ok(engine),
        (Engine::Shards { .. }, Some(threads)) => Ok(Engine::Shards { threads: usize::from(threads) }),
        (other, Some(_)) => {
            Err(format!("error: --threads: expected it with --engine shards only, found --engine {other}"))
        }
    }
}

/// The script with every `--set` applied, and the folder that its files are looked for in.
fn prepared(arguments: &RunArguments) -> Result<(ScriptFile, PathBuf), String> {
    engine(arguments)?;
    let (source, text, folder) = source(&arguments.scenario)?;
    let mut sets = arguments.sets.clone();
    // The places of mobiles follow from the seed, so that it has to be known while the script is read.
    sets.extend(arguments.seed.map(|seed| SetArgument { path: "seed".to_owned(), value: seed.to_string() }));
    let script = ScriptFile::parse(&source, &text, &sets).map_err(|error| diagnostic(error.into()))?;
    let mut script = match script {
        ScriptFile::Dot16(script) => script,
        ScriptFile::Eps(script) => {
            let options = [
                ("--capture", arguments.capture.is_some()),
                ("--statistics", !arguments.statistics.is_empty()),
                ("--external", arguments.external),
            ];
            return match options.iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(format!("error: {option}: expected no such option with a script of EPS")),
                None => Ok((ScriptFile::Eps(script), folder)),
            };
        }
    };
    if arguments.pdcp_udp.is_some() {
        return Err("error: --pdcp-udp: expected no such option without a script of EPS".to_owned());
    }
    if let Some(capture) = arguments.capture {
        script.capture = capture;
    }
    if script.capture == CaptureChoice::Nothing {
        let files = [
            ("--output", arguments.output.is_some()),
            ("--keylog", arguments.keylog.is_some()),
            ("--delivered", arguments.delivered.is_some()),
            ("--ladder", arguments.ladder.is_some()),
        ];
        if let Some((option, _)) = files.iter().find(|(_, given)| *given) {
            return Err(format!(
                "error: {option}: expected no such option where nothing is captured, or --capture all or sample=N beside it"
            ));
        }
    }
    Ok((ScriptFile::Dot16(script), folder))
}

/// The problem of a script: in one line, then the line of the script with what is wrong in it, and advice.
pub(crate) fn diagnostic(report: miette::Report) -> String {
    let mut text = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
    match handler.render_report(&mut text, report.as_ref()) {
        Ok(()) => {
            // What the picture begins with is said in the first line already.
            let snippet: Vec<&str> = text.lines().skip_while(|line| !line.contains("╭─[")).collect();
            format!("error: {report}\n{}", snippet.join("\n"))
        }
        Err(_) => format!("error: {report}"),
    }
}

fn source(scenario: &str) -> Result<(String, String, PathBuf), String> {
    source_beside(Path::new(""), scenario)
}

/// Name, text and folder of a script: a bundled one by its name, else a file, relative to the folder `beside`.
pub(crate) fn source_beside(beside: &Path, scenario: &str) -> Result<(String, String, PathBuf), String> {
    if let Some(script) = bundled::script(scenario) {
        return Ok((script.file_name.to_owned(), script.text.to_owned(), PathBuf::from(".")));
    }
    let path = beside.join(scenario);
    if !scenario.ends_with(".toml") && !path.exists() {
        let names: Vec<&str> = bundled::all().map(|script| script.name).collect();
        return Err(format!(
            "error: {scenario}: expected a script file or a bundled scenario ({}), found neither",
            names.join(", ")
        ));
    }
    let name = path.display().to_string();
    let text = fs::read(&path).map_err(|error| format!("error: {name}: {error}"))?;
    let text = String::from_utf8(text).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("error: {name}: expected a text in UTF-8, found another octet at offset {at}")
    })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((name, text, folder.to_owned()))
}

/// Runs the script and puts every output in place.
fn executed(arguments: &RunArguments, script: &ScriptFile, folder: &Path) -> Result<FinishedRun, String> {
    let (format, extension) = match arguments.format {
        Format::Pcapng => (FileFormat::Pcapng, "pcapng"),
        Format::Pcap => (FileFormat::Pcap, "pcap"),
    };
    let Title { name, duration, .. } = script.title();
    let captures = !matches!(script, ScriptFile::Dot16(script) if script.capture == CaptureChoice::Nothing);
    let capture =
        captures.then(|| arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.{extension}"))));
    let traffic =
        arguments.traffic.as_ref().map(|file| TrafficOverride { file: file.clone(), mobile: arguments.traffic_mobile });
    let mut progress = ProgressLine::new(VirtualTime::ZERO + duration);
    let (finished, pdcp_udp) = match script {
        ScriptFile::Dot16(script) => {
            let store =
                capture_store(arguments, format, capture.as_deref()).map_err(|error| format!("error: {error}"))?;
            let outside = outside(arguments, script, folder)?;
            let engine = engine(arguments)?;
            let finished = run_observed(outside, script, engine, folder, traffic.as_ref(), store, &mut progress);
            (finished.and_then(|finished| finished.judged(script, format)), None)
        }
        ScriptFile::Eps(script) => {
            match scenario::eps::run::run(script, engine(arguments)?, folder, traffic.as_ref(), &mut progress) {
                Ok(EpsRun { run, pdcp_udp, .. }) => (run.judged_eps(script, format), Some(pdcp_udp)),
                Err(error) => (Err(error), None),
            }
        }
    };
    progress.clear();
    let mut finished = finished.map_err(|error| format!("error: {error}"))?;
    let default_keys = || PathBuf::from(format!("{name}.keys"));
    // Without -o both files get their default names; with -o a key log is written where one is asked for.
    let keys = arguments.keylog.clone().or_else(|| (captures && arguments.output.is_none()).then(default_keys));
    finished.outcome.capture = capture.as_ref().map(|capture| CaptureResult {
        file: capture.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        frames: finished.frames(),
    });
    let mut outputs = PendingOutputs::new();
    let mut written = Vec::new();
    let mut stage = |path: &Path, write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
        written.push(path.display().to_string());
        outputs.stage(path, write).map_err(|error| format!("error: {error}"))
    };
    if let Some(path) = &capture {
        stage(path, &|mut out| finished.write_capture(format, &mut out).map_err(io::Error::other))?;
    }
    if let Some(path) = &keys {
        stage(path, &|out| key_log_text::write(&finished.keys, out).map_err(io::Error::other))?;
    }
    if let Some(path) = &arguments.delivered {
        let delivered = &finished.delivered;
        stage(path, &|mut out| capture_file::write(delivered, FileFormat::Pcapng, &mut out).map_err(io::Error::other))?;
    }
    let mut notes = Vec::new();
    if let (Some(path), Some(PdcpCapture { capture, command })) = (&arguments.pdcp_udp, &pdcp_udp) {
        stage(path, &|mut out| capture_file::write(capture, FileFormat::Pcapng, &mut out).map_err(io::Error::other))?;
        notes.push(command.replace("FILE", &path.display().to_string()));
    }
    if let Some(ladder) = &arguments.ladder {
        let content = ladder.content(&finished.outcome);
        stage(&ladder.path, &|out| out.write_all(content.as_bytes()))?;
    }
    if let ScriptFile::Dot16(script) = script {
        for statistics in &arguments.statistics {
            stage(&statistics.path, &|out| statistics.write(script, &finished.outcome, out))?;
        }
    }
    outputs.commit().map_err(|error| format!("error: {error}"))?;
    if !written.is_empty() {
        finished.notes.push(format!("wrote {}", written.join(", ")));
    }
    finished.notes.extend(notes);
    Ok(finished)
}

/// The program that the script names as adversary, started, if that is allowed.
fn outside(arguments: &RunArguments, script: &Script, folder: &Path) -> Result<Option<Box<dyn Conversation>>, String> {
    match &script.adversary {
        Some(adversary) if arguments.external => {
            let process = ExternalProcess::start(&adversary.command, folder);
            let process = process.map_err(|error| format!("error: external adversary: {error}"))?;
            Ok(Some(Box::new(process)))
        }
        _ => Ok(None),
    }
}

/// How the run is to keep the frames of its capture, which goes to this path.
fn capture_store(
    arguments: &RunArguments,
    format: FileFormat,
    capture: Option<&Path>,
) -> Result<CaptureStore, PlacementError> {
    let folder = capture.map(folder_of).transpose()?.unwrap_or_else(std::env::temp_dir);
    let memory = usize::try_from(arguments.capture_memory).map_or(usize::MAX, |mib| mib.saturating_mul(MIB));
    Ok(CaptureStore { format, folder, memory, delivered: arguments.delivered.is_some() })
}

fn report(
    arguments: &RunArguments,
    finished: &FinishedRun,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> io::Result<Status> {
    for note in &finished.notes {
        let _ = writeln!(messages, "{note}");
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&finished.outcome).map_err(io::Error::other)?;
        print(out, &format!("{json}\n"))?;
    } else {
        print(out, &report::text(&finished.outcome))?;
    }
    Ok(match finished.outcome.verdict {
        RunVerdict::Pass => Status::Success,
        RunVerdict::Fail => Status::Failure,
    })
}
