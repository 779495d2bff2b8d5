//! `keyhop inspect`: a line per frame of a capture, with keys also the verdict on CMAC, ICV and PN, and the plaintext.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Status;
use super::frame_view::{Secured, View, Viewer};
use crate::capture::LinkKind;
use crate::capture::capture_reader::{self, CaptureReader, FrameKind, RecordedFrame};
use crate::capture::error::CaptureError;
use crate::capture::key_log::KeyLog;
use crate::capture::key_log_text;
use crate::capture::key_lookup::KeyLookup;
use crate::dot16::backbone::decapsulate;
use crate::dot16::identifiers::Direction;
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::gtpu::GTPU_PORT;
use crate::eps::wire::gtpv2::GTPV2_PORT;
use crate::eps::wire::{CoreFrame, CorePayload};
use crate::judge::eps::reading::Reading;
use crate::judge::eps::{self, FrameView, Opened};

/// Octets of lines that are collected before they are written.
const PIECE: usize = 256 * 1024;

/// Arguments of `keyhop inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectArguments {
    /// The capture, pcapng or pcap.
    pub file: PathBuf,
    /// Key log of the capture.
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
    /// Print JSON Lines, one object per frame.
    #[arg(long)]
    pub json: bool,
}

/// One line of `inspect --json`.
#[derive(Serialize)]
struct FrameLine<'a> {
    frame: u64,
    time_ns: i64,
    interface: &'a str,
    direction: Option<&'static str>,
    /// The content alone tells the direction.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    direction_inferred: bool,
    #[serde(flatten)]
    first: PduFields<'a>,
    comment: &'a str,
    /// All PDUs of a burst that holds several; the first one stands above, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pdus: Vec<PduFields<'a>>,
}

#[derive(Serialize)]
struct PduFields<'a> {
    kind: &'a str,
    cid: Option<u16>,
    summary: &'a str,
    #[serde(flatten)]
    secured: Option<SecuredFields<'a>>,
}

#[derive(Serialize)]
struct SecuredFields<'a> {
    verdict: Option<&'a str>,
    pn: Option<u32>,
    eks: Option<u8>,
    payload: Option<String>,
}

/// Runs `keyhop inspect`: lines go to `out`, messages to `messages`. [`Status::BadInput`] for a capture or key log that
/// cannot be read; the lines up to the fault are printed.
///
/// # Errors
/// `out` could not be written, for another reason than that its reader went away.
pub fn run(arguments: &InspectArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    let mut out = io::BufWriter::with_capacity(PIECE, out);
    let result = inspect(arguments, &mut out, messages);
    let flushed = out.flush().map_err(Failure::Output);
    match result.and(flushed) {
        Ok(()) => Ok(Status::Success),
        // Whoever reads the lines has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Status::Success),
        Err(Failure::Output(error)) => Err(error),
        Err(Failure::Input(error)) => {
            let _ = writeln!(messages, "error: {error}");
            Ok(Status::BadInput)
        }
    }
}

enum Failure {
    Input(CaptureError),
    Output(io::Error),
}

/// Reads a key log; what is not understood in it is told in `messages`.
pub(super) fn read_log(path: &Path, messages: &mut dyn Write) -> Result<KeyLog, CaptureError> {
    let (log, notes) = key_log_text::read(path)?;
    for note in notes {
        let _ = writeln!(messages, "note: {}: line {}: {}", path.display(), note.line, note.text);
    }
    Ok(log)
}

/// The keys for the frames of 802.16 in a key log.
pub(super) fn read_keys(path: &Path, messages: &mut dyn Write) -> Result<KeyLookup, CaptureError> {
    read_log(path, messages).map(KeyLookup::new)
}

fn inspect(arguments: &InspectArguments, out: &mut impl Write, messages: &mut dyn Write) -> Result<(), Failure> {
    let log = arguments.keylog.as_deref().map(|path| read_log(path, messages));
    let log = log.transpose().map_err(Failure::Input)?;
    let with_keys = log.is_some();
    let (of_eps, of_dot16) =
        log.map_or((None, None), |log| if log.eps.is_empty() { (None, Some(log)) } else { (Some(log), None) });
    let mut viewer = Viewer::new(of_dot16.map(KeyLookup::new));
    let mut reading = None;
    if let Some(log) = &of_eps {
        let learnt = eps::learn(|| capture_reader::open(&arguments.file), log).map_err(Failure::Input)?;
        reading = Some(Reading::new(log, learnt));
    }
    // Without keys of EPS its frames are named as far as that goes.
    let nothing = KeyLog::default();
    let mut keyless = Reading::new(&nothing, BTreeMap::new());
    let mut reader = capture_reader::open(&arguments.file).map_err(Failure::Input)?;
    let mut line = String::new();
    while let Some(frame) = reader.next() {
        let mut frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                tell_notes(&reader, messages);
                return Err(Failure::Input(error));
            }
        };
        let interface = reader.interface_name(frame.interface);
        // A file may name its nodes after some of their frames.
        let names = reader.records().names();
        let views = if let Some(reading) = &mut reading {
            reading.names(names);
            vec![view_of_eps(reading.frame(&frame, interface), &mut frame)]
        } else if is_of_eps(&frame) {
            keyless.names(names);
            let view = view_of_eps(keyless.frame(&frame, interface), &mut frame);
            vec![View { secured: Secured::default(), ..view }]
        } else {
            viewer.name_ends(&mut frame);
            viewer.name_nodes(names);
            viewer.views(&frame)
        };
        if arguments.json {
            json_line(&frame, interface, &views, with_keys, out).map_err(Failure::Output)?;
        } else {
            line.clear();
            text_line(&frame, interface, &views, &mut line);
            out.write_all(line.as_bytes()).map_err(Failure::Output)?;
        }
    }
    tell_notes(&reader, messages);
    Ok(())
}

/// Whether a frame is one of EPS: by its dissector, or because it is of a core network and not of an ASN backbone.
fn is_of_eps(frame: &RecordedFrame) -> bool {
    match &frame.kind {
        FrameKind::Dissector(name) => eps::DISSECTORS.contains(&name.as_str()),
        FrameKind::Known(LinkKind::Backbone) => {
            let of_core = match CoreFrame::parse(&frame.octets).map(|frame| frame.payload) {
                Ok(CorePayload::Udp(datagram)) => [GTPV2_PORT, GTPU_PORT].contains(&datagram.destination),
                Ok(_) => true,
                Err(_) => false,
            };
            of_core && decapsulate(&frame.octets).is_err()
        }
        _ => false,
    }
}

/// A frame of EPS as it is shown; COUNT stands in the place of the packet number, and the frame gets its direction.
fn view_of_eps(view: FrameView, frame: &mut RecordedFrame) -> View {
    let direction = view.direction.map(|direction| match direction {
        LinkDirection::Uplink => Direction::Uplink,
        LinkDirection::Downlink => Direction::Downlink,
    });
    frame.direction = direction.or(frame.direction);
    let payload = view.opened.map(|opened| match opened {
        Opened::Rrc(octets) | Opened::Packet(octets) | Opened::Core(octets) => octets,
    });
    let secured = Secured { verdict: view.verdict, pn: view.count, eks: None, payload };
    View { kind: view.kind.into(), cid: None, summary: view.summary, secured }
}

/// Tells what could not be read as it should in foreign framings.
pub(super) fn tell_notes<R: Read>(reader: &CaptureReader<R>, messages: &mut dyn Write) {
    for note in reader.notes() {
        let _ = writeln!(messages, "note: {note}");
    }
    if reader.more_notes() > 0 {
        let _ = writeln!(messages, "note: {} more of this sort", reader.more_notes());
    }
}

fn pdu_fields(view: &View, with_keys: bool) -> PduFields<'_> {
    let secured = with_keys.then(|| SecuredFields {
        verdict: view.secured.verdict,
        pn: view.secured.pn,
        eks: view.secured.eks,
        payload: view.secured.payload.as_deref().map(hex),
    });
    PduFields { kind: &view.kind, cid: view.cid.map(|cid| cid.0), summary: &view.summary, secured }
}

fn hex(octets: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0xf)]).collect()
}

fn direction_word(direction: Option<Direction>) -> Option<&'static str> {
    direction.map(|direction| match direction {
        Direction::Uplink => "ul",
        Direction::Downlink => "dl",
    })
}

fn json_line(
    frame: &RecordedFrame,
    interface: &str,
    views: &[View],
    with_keys: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(first) = views.first() else { return Ok(()) };
    let several = if views.len() > 1 { views } else { &[] };
    let line = FrameLine {
        frame: frame.number,
        time_ns: frame.time_ns,
        interface,
        direction: direction_word(frame.direction),
        direction_inferred: frame.direction_inferred,
        first: pdu_fields(first, with_keys),
        comment: &frame.comment,
        pdus: several.iter().map(|view| pdu_fields(view, with_keys)).collect(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// A number in decimal, filled up to `width` digits in front.
fn decimal(mut number: u64, width: usize, filling: u8, line: &mut String) {
    // A number of 64 bits has 20 digits at most.
    let mut text = [filling; 20];
    let mut digits = 0usize;
    for place in text.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        digits = digits.saturating_add(1);
        if number == 0 {
            break;
        }
    }
    let start = text.len().saturating_sub(digits.max(width));
    line.push_str(text.get(start..).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default());
}

fn text_line(frame: &RecordedFrame, interface: &str, views: &[View], line: &mut String) {
    decimal(frame.number, 6, b' ', line);
    line.push_str(if frame.time_ns < 0 { " -" } else { " " });
    let nanos = frame.time_ns.unsigned_abs();
    decimal(nanos / 1_000_000_000, 1, b'0', line);
    line.push('.');
    decimal(nanos % 1_000_000_000, 9, b'0', line);
    line.push(' ');
    line.push_str(if interface.is_empty() { "-" } else { interface });
    line.push(' ');
    line.push_str(direction_word(frame.direction).unwrap_or("-"));
    if frame.direction_inferred {
        line.push('?');
    }
    for (index, view) in views.iter().enumerate() {
        line.push_str(if index == 0 { " " } else { " | " });
        line.push_str(&view.kind);
        if let Some(cid) = view.cid {
            // Writing to a string does not fail.
            let _ = write!(line, " {cid}");
        }
        line.push(' ');
        line.push_str(&view.summary);
        if let Some(verdict) = view.secured.verdict {
            line.extend([" [", verdict, "]"]);
        }
    }
    for comment in frame.comment.lines().filter(|comment| !comment.is_empty()) {
        line.push_str("  # ");
        // A comment is foreign text: it may hold escape sequences that a terminal would obey.
        if comment.chars().any(char::is_control) {
            line.extend(comment.chars().map(|c| if c.is_control() { ' ' } else { c }));
        } else {
            line.push_str(comment);
        }
    }
    line.push('\n');
}
