//! Whole runs of many mobiles by the program `keyhop`: how long they take and how much memory.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Setting;

/// How often the memory of a running program is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Mobiles for each base station of the grid.
const MOBILES_PER_STATION: u32 = 100;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Run {
    /// Handovers completed.
    pub handovers: u64,
    /// From start to end of the process.
    pub seconds: f64,
    /// The most memory that the process had, in octets; 0 where the system does not tell.
    pub memory: u64,
    /// The statistics that it wrote.
    pub statistics: String,
}

/// Runs so many mobiles for `duration` of virtual time. They drive at 40 m/s among base stations 100 m apart, and hand over
/// whenever another one is nearer; nobody sends user data, nothing is captured.
pub fn run(setting: &Setting, mobiles: u32, duration: &str, options: &[&str]) -> Result<Run, String> {
    let failed = |error: std::io::Error| error.to_string();
    let folder = tempfile::tempdir().map_err(failed)?;
    let [script, statistics] = ["driving.toml", "statistics.json"].map(|name| folder.path().join(name));
    fs::write(&script, script_of(mobiles, duration)).map_err(failed)?;
    let mut command = Command::new(&setting.keyhop);
    command.arg("run").arg(&script).args(["--capture", "none", "--engine", &setting.scale_engine]);
    command.arg("--statistics").arg(&statistics).args(options).stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let (memory, messages) = watched(command.stderr(Stdio::piped()).spawn().map_err(failed)?)?;
    let seconds = begin.elapsed().as_secs_f64();
    let statistics = fs::read_to_string(&statistics)
        .map_err(|error| format!("keyhop run: {error}: {}", messages.lines().last().unwrap_or_default()))?;
    let value: serde_json::Value = serde_json::from_str(&statistics).map_err(|error| error.to_string())?;
    let handovers = value["handovers"]["by_outcome"]["completed"].as_u64().unwrap_or_default();
    if handovers == 0 {
        return Err("no handover in the run".to_owned());
    }
    Ok(Run { handovers, seconds, memory, statistics })
}

/// Waits for the program; the most memory it had, and what it said on standard error.
fn watched(mut program: Child) -> Result<(u64, String), String> {
    let status = format!("/proc/{}/status", program.id());
    let mut peak = 0;
    let mut messages = program.stderr.take();
    let reader = thread::spawn(move || {
        let text = messages.as_mut().map(std::io::read_to_string);
        text.and_then(Result::ok).unwrap_or_default()
    });
    loop {
        peak = peak.max(most_memory(Path::new(&status)).unwrap_or(0));
        if program.try_wait().map_err(|error| error.to_string())?.is_some() {
            return Ok((peak, reader.join().unwrap_or_default()));
        }
        thread::sleep(LOOK);
    }
}

/// `VmHWM` of a process, in octets.
fn most_memory(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// A grid about as wide as high, at most 100 mobiles for each of its base stations and four of them at least.
fn script_of(mobiles: u32, duration: &str) -> String {
    let stations = mobiles.div_ceil(MOBILES_PER_STATION).max(4);
    let columns = stations.isqrt();
    let rows = stations.div_ceil(columns);
    format!(
        "name = \"driving\"\nshows = \"Mobiles drive about and hand over\"\nduration = \"{duration}\"\n\
         [radio]\nneighbour_advertisement = \"10s\"\n\
         [grid]\ncolumns = {columns}\nrows = {rows}\nspacing = 100\n\
         [[mobile_station]]\nname = \"ms\"\ncount = {mobiles}\nmac = \"02:00:00:00:00:01\"\nip = \"10.32.0.1\"\n\
         [mobility]\nmodel = \"random-waypoint\"\nspeed = {{ at_least = 40, at_most = 40 }}\n\
         pause = {{ at_least = \"0s\", at_most = \"0s\" }}\nby = \"distance\"\nhysteresis = 5\nperiod = \"500ms\"\n\
         [capture]\nof = \"none\"\n"
    )
}
