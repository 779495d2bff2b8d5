//! keyhop side by side with its peers: every target in one table, each row measured in turn with its peer (`performance.md` 7).
//!
//! `benches/run DATE` builds what is needed and prints it. Without `--bench`, as in `cargo test`, every row is run once, short,
//! and nothing is measured.

mod ciphers;
mod files;
mod growth;
mod machine;
mod measure;
mod networks;
mod peers;
mod runs;
mod scale;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use keyhop::emulation::Engine;

use measure::{Compared, Effort};
use peers::{MISSING, Peers};

/// Measures keyhop against its peers and prints a table in Markdown.
#[derive(Parser)]
struct Arguments {
    /// The date to write beside the figures
    #[arg(long, default_value = "no date given")]
    date: String,
    /// Only rows whose text contains this
    #[arg(long, default_value = "")]
    rows: String,
    /// The engine that is compared with a thread for each entity
    #[arg(long, default_value = "inline")]
    engine: Engine,
    /// The engine of the runs with many mobiles, as `keyhop run` knows it
    #[arg(long, default_value = "shards")]
    scale_engine: String,
    /// Pairs of samples of each row
    #[arg(long)]
    samples: Option<usize>,
    /// Where benches/peers/build has put the peers
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers"))]
    peers: PathBuf,
    /// Measures runs of 1 to 100,000 mobiles into this CSV file, instead of the table
    #[arg(long, value_name = "FILE.csv")]
    growth: Option<PathBuf>,
    /// Draws such a file
    #[arg(long, value_names = ["FILE.csv", "FILE.svg"], num_args = 2)]
    plot: Option<Vec<PathBuf>>,
    /// The program keyhop
    #[arg(long, default_value = env!("CARGO_BIN_EXE_keyhop"))]
    keyhop: PathBuf,
    /// Said by cargo bench, and not by cargo test
    #[arg(long, hide = true)]
    bench: bool,
}

/// What every row gets.
pub struct Setting {
    /// How long and how often.
    pub effort: Effort,
    /// The programs on the other side.
    pub peers: Peers,
    /// That of the run with one mobile.
    pub engine: Engine,
    /// That of the runs with many, as `keyhop run` knows it.
    pub scale_engine: String,
    /// The program keyhop.
    pub keyhop: PathBuf,
    /// Nothing is measured.
    pub smoke: bool,
}

/// A row before it is measured.
pub struct Row {
    /// What is compared.
    pub what: String,
    /// Against what.
    pub peer: &'static str,
    /// What is to be reached.
    pub target: String,
    /// What is behind the figure that a reader should know.
    pub note: &'static str,
    /// Does it.
    pub measure: Measure,
}

/// What was measured, as it is printed.
pub struct Figures {
    /// The figure of keyhop.
    pub ours: String,
    /// That of the peer.
    pub peer: String,
    /// What stands against the target.
    pub reached: String,
    /// Whether that is reached.
    pub met: bool,
}

/// Measures a row.
type Measure = Box<dyn Fn(&Setting) -> Result<Figures, String>>;

impl Row {
    /// A row whose target is a ratio.
    pub fn of_ratio(
        what: impl Into<String>,
        peer: &'static str,
        target: f64,
        (shown, note): (Shown, &'static str),
        measure: impl Fn(&Setting) -> Result<Compared, String> + 'static,
    ) -> Self {
        let measure = move |setting: &Setting| {
            let Compared { ours, peer, ratio, range: (least, greatest) } = measure(setting)?;
            let reached = format!("{ratio:.2} ({least:.2} to {greatest:.2})");
            Ok(Figures { ours: shown.text(ours), peer: shown.text(peer), reached, met: ratio >= target })
        };
        Self { what: what.into(), peer, target: target.to_string(), note, measure: Box::new(measure) }
    }
}

/// How the cost of one item is shown.
#[derive(Clone, Copy)]
pub enum Shown {
    /// Nanoseconds.
    Nanoseconds,
    /// Items in a second.
    PerSecond,
    /// Seconds of one run.
    Seconds,
}

impl Shown {
    fn text(self, nanoseconds: f64) -> String {
        let per_second = 1e9 / nanoseconds;
        match self {
            Self::Nanoseconds if nanoseconds < 100.0 => format!("{nanoseconds:.1} ns"),
            Self::Nanoseconds => format!("{nanoseconds:.0} ns"),
            Self::Seconds if nanoseconds < 1e9 => format!("{:.1} ms", nanoseconds / 1e6),
            Self::Seconds => format!("{:.2} s", nanoseconds / 1e9),
            Self::PerSecond if per_second >= 1e7 => format!("{:.1} M/s", per_second / 1e6),
            Self::PerSecond if per_second >= 1e6 => format!("{:.2} M/s", per_second / 1e6),
            Self::PerSecond if per_second >= 1e4 => format!("{:.0} k/s", per_second / 1e3),
            Self::PerSecond => format!("{per_second:.0} /s"),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let smoke = !arguments.bench;
    let mut effort = if smoke { Effort::SMOKE } else { Effort::FULL };
    effort.samples = arguments.samples.unwrap_or(effort.samples).max(1);
    let setting = Setting {
        effort,
        peers: Peers::new(&arguments.peers),
        engine: arguments.engine,
        scale_engine: arguments.scale_engine,
        keyhop: arguments.keyhop,
        smoke,
    };
    let headline = format!("{}. {}.", arguments.date, machine::described());
    if arguments.growth.is_some() || arguments.plot.is_some() {
        let measured = arguments.growth.iter().try_for_each(|file| growth::measure(&setting, &headline, file));
        let done = measured.and_then(|()| match arguments.plot.as_deref() {
            Some([data, plot]) => growth::draw(data, plot),
            _ => Ok(()),
        });
        return done.map_or_else(
            |error| {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            },
            |()| ExitCode::SUCCESS,
        );
    }
    println!("{headline} Peers: {}.", setting.peers.versions().join("; "));
    if rows(&arguments.rows, &setting) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures and prints every row that has this in its text. `false` if one failed for another reason than a peer that is missing.
fn rows(wanted: &str, setting: &Setting) -> bool {
    println!();
    println!("| what | keyhop | peer | | ratio | target | |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | --- |");
    let mut notes: Vec<(String, &str)> = Vec::new();
    let mut failed = false;
    let rows = ciphers::rows().into_iter().chain(files::rows()).chain(runs::rows());
    for Row { what, peer, target, note, measure } in rows.filter(|row| row.what.contains(wanted)) {
        match measure(setting) {
            Ok(Figures { ours, peer: theirs, reached, met }) => {
                let verdict = if met { "met" } else { "missed" };
                println!("| {what} | {ours} | {peer} | {theirs} | {reached} | {target} | {verdict} |");
            }
            Err(reason) => {
                println!("| {what} | | {peer} | | | {target} | not measured: {reason} |");
                // A peer may be missing; what is ours may not fail.
                failed |= !reason.contains(MISSING);
            }
        }
        if !notes.iter().any(|(_, other)| *other == note) {
            notes.push((what, note));
        }
    }
    println!();
    for (what, note) in notes {
        println!("* {what}: {note}");
    }
    !failed
}
