//! `keyhop judge`: the independent verdict on a capture and its key log (DESIGN section 5).

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::{Status, print};
use crate::capture::capture_reader;
use crate::capture::error::CaptureError;
use crate::capture::key_log_text;
use crate::judge::{Judgement, judge};
use crate::report;

/// Arguments of `keyhop judge`.
#[derive(Args, Clone, Debug)]
pub struct JudgeArguments {
    /// The capture, pcapng or pcap.
    pub file: PathBuf,
    /// Key log of the capture; PMK lines alone suffice.
    #[arg(long, value_name = "FILE")]
    pub keylog: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Runs `keyhop judge`. [`Status::Failure`] if there is a finding, [`Status::BadInput`] for a capture or key log that cannot
/// be read.
///
/// # Errors
/// `out` could not be written, for another reason than that its reader went away.
pub fn run(arguments: &JudgeArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    let judgement = match judged(arguments, messages) {
        Ok(judgement) => judgement,
        Err(error) => {
            let _ = writeln!(messages, "error: {error}");
            return Ok(Status::BadInput);
        }
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&judgement).map_err(io::Error::other)?;
        print(out, &format!("{json}\n"))?;
    } else {
        print(out, &report::judgement::text(&judgement))?;
    }
    Ok(if judgement.findings.is_empty() { Status::Success } else { Status::Failure })
}

fn judged(arguments: &JudgeArguments, messages: &mut dyn Write) -> Result<Judgement, CaptureError> {
    let (log, notes) = key_log_text::read(&arguments.keylog)?;
    for note in notes {
        let _ = writeln!(messages, "note: {}: line {}: {}", arguments.keylog.display(), note.line, note.text);
    }
    judge(|| capture_reader::open(&arguments.file), &log)
}
