//! The independent judge: it reads a capture and a key log, recomputes everything, and tells what is wrong.
//!
//! It uses the capture files, the wire formats and the computations of `dot16::security` (key derivation, CMAC, CCM, PN), and
//! nothing of the nodes, the emulation, the scenarios or the adversary: its verdict owes nothing to the code that made the
//! capture.
//!
//! The capture is read twice. The [`survey`] collects who is who, the counts, the SAs and the wrapped TEKs; from them and the
//! key log come the [`keys`]. Then every PDU is opened or verified by [`ciphers`], and held against what was sent before by
//! [`order`]; [`key_material`] looks for keys where none may be, [`acceptance`] infers what the receivers took from what they
//! did afterwards, and holds it against the comments; [`reports`] asks what the counts rest on that base stations report. [`findings`] collects what comes of it, and [`report`] is the whole.
//!
//! Captures of EPS have a judge of their own, [`eps`].

pub mod acceptance;
pub mod ciphers;
pub mod eps;
pub mod findings;
pub mod key_material;
pub mod keys;
pub mod order;
pub mod patterns;
mod reading;
pub mod report;
pub mod reports;
pub mod survey;

use std::io::Read;

pub use findings::{Finding, FindingKind, Note, NoteKind};
pub use report::Judgement;

use crate::capture::capture_reader::CaptureReader;
use crate::capture::error::CaptureError;
use crate::capture::key_log::KeyLog;
use crate::capture::key_lookup::KeyLookup;

/// Judges a capture, which `open` opens; it is read twice. A log with EPS records says that it is one of EPS.
///
/// # Errors
/// Those of `open` and of the reader: a capture that is none, or is damaged, with frame and octet.
pub fn judge<R: Read>(
    open: impl Fn() -> Result<CaptureReader<R>, CaptureError>,
    log: &KeyLog,
) -> Result<Judgement, CaptureError> {
    if !log.eps.is_empty() {
        return eps::judge(open, log);
    }
    let mut survey = survey::Survey::default();
    // Frames of foreign framings have no addresses; only then the keys are asked.
    let mut lookup: Option<KeyLookup> = None;
    let mut reader = open()?;
    for frame in reader.by_ref() {
        let mut frame = frame?;
        if frame.foreign.is_some() {
            lookup.get_or_insert_with(|| KeyLookup::new(log.clone())).name_ends(&mut frame);
        }
        survey.frame(&frame);
    }
    survey.complete();
    let mut reading = reading::Reading::new(log, &survey, reader.records().names());
    let mut reader = open()?;
    while let Some(frame) = reader.next() {
        let mut frame = frame?;
        if let Some(lookup) = &lookup {
            lookup.name_ends(&mut frame);
        }
        let interface = reader.interface_name(frame.interface).to_owned();
        reading.frame(&frame, &interface);
    }
    reading.framing_notes(reader.notes(), reader.more_notes());
    Ok(reading.finish(survey.frames))
}
