//! `keyhop convert`: any capture that keyhop reads, in the clean form: nanoseconds, the air on link type 252 with direction
//! and addresses, an interface for each mobile and base station that can be told, the backbone on Ethernet.
//!
//! Fragments are put together, comments and decryption secrets are kept, and what is left out is counted. A clean capture comes out equal.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::inspect::{read_keys, tell_notes};
use super::{Status, print};
use crate::capture::capture_file::{self, FileFormat};
use crate::capture::capture_reader;
use crate::capture::error::CaptureError;
use crate::capture::gathering::{Gathered, LeftOut, Strictness, gather};
use crate::capture::placement::{PendingOutputs, PlacementError};
use crate::capture::{CapturedFrame, LinkKind};

/// The format of the output.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Format {
    /// pcapng, with comments, names and directions.
    #[default]
    Pcapng,
    /// Classic pcap: link type 252, no comments.
    Pcap,
}

impl From<Format> for FileFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Pcapng => Self::Pcapng,
            Format::Pcap => Self::Pcap,
        }
    }
}

/// Arguments of `keyhop convert`.
#[derive(Args, Clone, Debug)]
pub struct ConvertArguments {
    /// The capture, pcapng or pcap: link type 252, 188 or 147, m2m (Ethernet type 0x08F0), GSMTAP (UDP port 4729).
    pub file: PathBuf,
    /// Where the clean form goes.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Key log of the capture: its keys and connections tell which mobile and base station a frame is of.
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
    /// Print what was done as one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What was done, as `--json` has it.
#[derive(Serialize)]
struct Summary {
    /// Frames written, by kind.
    air: usize,
    backbone: usize,
    ip: usize,
    /// Interfaces written.
    interfaces: Vec<String>,
    /// Frames whose direction their content alone told, and those without any.
    inferred_directions: u64,
    unknown_directions: u64,
    left_out: LeftOut,
    /// Blocks of decryption secrets that the format has no place for.
    #[serde(skip_serializing_if = "is_zero")]
    secrets_left_out: u64,
    /// What could not be read as it should.
    notes: Vec<NoteLine>,
    more_notes: u64,
}

#[derive(Serialize)]
struct NoteLine {
    frames: Vec<u64>,
    detail: String,
}

#[derive(Debug, thiserror::Error)]
enum ConvertError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

/// Runs `keyhop convert`. [`Status::Failure`] if some of the 802.16 in the capture could not be read whole (the rest is
/// written all the same), [`Status::BadInput`] for input that cannot be read or output that cannot be written.
///
/// # Errors
/// `out` could not be written, for another reason than that its reader went away.
pub fn run(arguments: &ConvertArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    let summary = match convert(arguments, messages) {
        Ok(summary) => summary,
        Err(error) => {
            let _ = writeln!(messages, "error: {error}");
            return Ok(Status::BadInput);
        }
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&summary).map_err(io::Error::other)?;
        print(out, &format!("{json}\n"))?;
    } else {
        tell(&summary, messages);
    }
    Ok(if summary.notes.is_empty() { Status::Success } else { Status::Failure })
}

fn convert(arguments: &ConvertArguments, messages: &mut dyn Write) -> Result<Summary, ConvertError> {
    let keys = arguments.keylog.as_deref().map(|path| read_keys(path, messages)).transpose()?;
    let mut reader = capture_reader::open(&arguments.file)?;
    let gathered = gather(&mut reader, keys.as_ref(), Strictness::Lenient)?;
    let mut outputs = PendingOutputs::new();
    outputs.stage(&arguments.output, |mut out| {
        capture_file::write(&gathered.capture, arguments.format.into(), &mut out).map_err(|error| match error {
            CaptureError::Io { source, .. } => source,
            other => io::Error::other(other),
        })
    })?;
    outputs.commit()?;
    if !arguments.json {
        tell_notes(&reader, messages);
    }
    let notes = reader.notes().iter().map(|note| NoteLine { frames: note.frames.clone(), detail: note.text.clone() });
    Ok(Summary {
        secrets_left_out: match arguments.format {
            Format::Pcapng => 0,
            Format::Pcap => gathered.capture.secrets.len() as u64,
        },
        ..summary(&gathered, notes.collect(), reader.more_notes())
    })
}

fn summary(gathered: &Gathered, notes: Vec<NoteLine>, more_notes: u64) -> Summary {
    let capture = &gathered.capture;
    let kind = |frame: &CapturedFrame| capture.interfaces.get(frame.interface).map(|interface| interface.kind);
    let of = |wanted| capture.frames.iter().filter(|frame| kind(frame) == Some(wanted)).count();
    Summary {
        air: of(LinkKind::Air),
        backbone: of(LinkKind::Backbone),
        ip: of(LinkKind::RawIp),
        interfaces: capture.interfaces.iter().map(|interface| interface.name.clone()).collect(),
        inferred_directions: gathered.inferred_directions,
        unknown_directions: gathered.unknown_directions,
        left_out: gathered.left_out,
        secrets_left_out: 0,
        notes,
        more_notes,
    }
}

fn tell(summary: &Summary, messages: &mut dyn Write) {
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            let _ = writeln!(messages, "note: {count} {what}");
        }
    };
    say(summary.inferred_directions, "frames have their direction by their content alone");
    say(summary.unknown_directions, "frames have no direction");
    say(summary.left_out.unrelated, "frames left out that have nothing to do with 802.16");
    say(summary.left_out.without_burst, "frames left out without a burst, or with a part of one");
    say(summary.secrets_left_out, "blocks of decryption secrets left out: classic pcap has no place for them");
    say(summary.left_out.phy_bursts, "bursts left out that hold no MAC PDU");
    let Summary { air, backbone, ip, .. } = summary;
    let interfaces = summary.interfaces.len();
    let _ = writeln!(
        messages,
        "frames written: {air} of the air, {backbone} of the backbone, {ip} IP packets, on {interfaces} interfaces"
    );
}
