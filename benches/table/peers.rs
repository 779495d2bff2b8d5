//! The programs on the other side: where they are, what they say, which versions they have.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a reason says where a peer is not installed or not built.
pub const MISSING: &str = "is not there";

/// What `benches/peers/build` has made, in a folder.
pub struct Peers {
    folder: PathBuf,
}

impl Peers {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The program, if it was built.
    pub fn program(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        if path.exists() { Ok(path) } else { Err(format!("{name} {MISSING}: run benches/peers/build")) }
    }

    /// The numbers in the line that the program prints.
    pub fn numbers(&self, name: &str, arguments: &[&str]) -> Result<Vec<f64>, String> {
        let output = printed(&self.program(name)?, arguments)?;
        output.split_whitespace().map(|word| word.parse().map_err(|_| format!("{name} printed {output:?}"))).collect()
    }

    /// The first number of that line.
    pub fn number(&self, name: &str, arguments: &[&str]) -> Result<f64, String> {
        self.numbers(name, arguments)?.first().copied().ok_or_else(|| format!("{name} printed nothing"))
    }

    /// A line on each peer that is there.
    pub fn versions(&self) -> Vec<String> {
        let tshark = printed(Path::new("tshark"), &["--version"]);
        let own = ["openssl_ccm", "pcap_writer", "lte_x2"].map(|name| printed(&self.program(name)?, &["version"]));
        let first_line = |text: String| text.lines().next().unwrap_or_default().split(" (").next().map(str::to_owned);
        own.into_iter().chain([tshark]).filter_map(|version| version.ok().and_then(first_line)).collect()
    }
}

/// What a program prints.
pub fn printed(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let name = program.display();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| not_started(&name, &error))?;
    if !output.status.success() {
        return Err(format!("{name}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{name}: {error}"))
}

fn not_started(name: impl std::fmt::Display, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("{name} {MISSING}"),
        _ => format!("{name}: {error}"),
    }
}

/// Runs a program to its end, and forgets what it prints.
pub fn finished(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let name = program.display();
    let mut command = Command::new(program);
    let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.map_err(|error| not_started(&name, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}
