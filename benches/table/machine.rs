//! On what it was measured.

use std::fs;
use std::thread;

/// Instructions that the cipher paths ask for.
const FLAGS: [&str; 6] = ["aes", "pclmulqdq", "avx2", "vaes", "avx512f", "avx512bw"];

/// Processor, cores and instructions, in one line.
pub fn described() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let flags = field("flags").unwrap_or_default();
    let flags: Vec<&str> = FLAGS.into_iter().filter(|flag| flags.split(' ').any(|found| found == *flag)).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let megahertz = field("cpu MHz").map_or(String::new(), |clock| format!(", {clock} MHz as the system has it"));
    format!("{model}{megahertz}, {cores} cores, {}", flags.join(" "))
}
