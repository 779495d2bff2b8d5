//! Behaviour of the script format as a whole.

mod attacks;
mod bundled;
mod errors;
mod gallery;
mod options;
mod values;

use super::{Script, ScriptError, SetArgument};

/// The smallest script: everything else has a default.
const SMALLEST: &str = r#"name = "small"
shows = "nothing"

[[base_station]]
name = "bs1"
bsid = "0a:00:00:00:00:01"
ip = "10.16.0.1"

[[mobile_station]]
name = "ms1"
mac = "02:00:00:00:00:01"
ip = "192.0.2.10"
serving = "bs1"
"#;

/// Two base stations and two mobile stations, for scripts that refer to them.
const STATIONS: &str = r#"name = "pair"
shows = "two of each"
[[base_station]]
name = "bs1"
bsid = "0a0000000001"
ip = "10.16.0.1"
[[base_station]]
name = "bs2"
bsid = "0a0000000002"
ip = "10.16.0.2"
[[mobile_station]]
name = "ms1"
mac = "020000000001"
ip = "192.0.2.10"
serving = "bs1"
[[mobile_station]]
name = "ms2"
mac = "020000000002"
ip = "192.0.2.11"
serving = "bs2"
"#;

fn parse(text: &str) -> Result<Script, ScriptError> {
    Script::parse("test.toml", text, &[])
}

/// Parses `text` with these `--set` arguments.
fn with(text: &str, sets: &[&str]) -> Result<Script, ScriptError> {
    let sets: Vec<SetArgument> = sets.iter().map(|set| set.parse().unwrap()).collect();
    Script::parse("test.toml", text, &sets)
}
