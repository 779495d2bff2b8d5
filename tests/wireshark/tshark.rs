//! `tshark` with the settings it has when it is new.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

/// A folder that does not exist: no profile, preference or plugin of the user is found.
const NO_HOME: &str = "/nonexistent";

/// Runs `tshark` and gives what it printed on standard output.
///
/// Standard error is not looked at: there it warns of running as root, for example.
pub fn tshark<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> String {
    let output = Command::new("tshark")
        .args(arguments)
        .env("HOME", NO_HOME)
        .env("XDG_CONFIG_HOME", NO_HOME)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("tshark cannot be run ({error}): tests/run installs it"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("tshark prints UTF-8")
}

/// What it prints on reading `file` with these arguments.
pub fn read(file: &Path, arguments: &[&str]) -> String {
    let file = [OsStr::new("-r"), file.as_os_str()];
    tshark(file.into_iter().chain(arguments.iter().map(OsStr::new)))
}

/// The values of `fields` in every frame that `filter` lets through, one frame a line, with `|` between them; several
/// values of one field have `,` between them.
pub fn fields(file: &Path, options: &[&str], filter: &str, fields: &[&str]) -> String {
    let mut arguments = options.to_vec();
    arguments.extend(["-Y", filter, "-T", "fields", "-E", "separator=|"]);
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    read(file, &arguments)
}

/// What stands between the columns of a line, and between the values of a field: none of them has these.
const COLUMN: char = '\u{1e}';
pub const VALUE: char = '\u{1f}';

/// The columns of every frame of `file`, from one run with `options`, and the lines that are no frame: what a tap prints.
pub fn lines_of_fields(file: &Path, options: &[&str], columns: &[&str]) -> (Vec<Vec<String>>, Vec<String>) {
    let (separator, aggregator) = (format!("separator={COLUMN}"), format!("aggregator={VALUE}"));
    let mut arguments = options.to_vec();
    arguments.extend(["-T", "fields", "-E", &separator, "-E", &aggregator]);
    arguments.extend(columns.iter().flat_map(|column| ["-e", column]));
    let (mut frames, mut rest) = (Vec::new(), Vec::new());
    for line in read(file, &arguments).lines().filter(|line| !line.trim().is_empty()) {
        match line.contains(COLUMN) {
            true => frames.push(line.split(COLUMN).map(str::to_owned).collect()),
            false => rest.push(line.to_owned()),
        }
    }
    (frames, rest)
}

/// What `work` makes of each item, in their order, in two threads: for one tshark each.
pub fn in_pairs<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (queue, results) = (Mutex::new(items.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((position, item)) = next else { break };
                    let result = work(item);
                    results.lock().unwrap().push((position, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}
