//! `keyhop decrypt`: a capture with its data PDUs opened, so that Wireshark shows the IP packets in them.
//!
//! An opened PDU has EC = 0, EKS 0, the plaintext as its body, and LEN, HCS and CRC of its own; everything else, comments
//! times and decryption secrets included, stays as it is. The output is pcapng. A log with EPS records says that the capture is one of EPS.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::Status;
use super::decrypt_eps::{self, Decrypted};
use super::inspect::{read_log, tell_notes};
use crate::capture::capture_file::{self, Capture, FileFormat};
use crate::capture::capture_reader;
use crate::capture::error::CaptureError;
use crate::capture::gathering::{Gathered, Strictness, gather};
use crate::capture::key_lookup::{DataOutcome, KeyLookup, Sighting};
use crate::capture::placement::{PendingOutputs, PlacementError};
use crate::capture::{CapturedFrame, LinkKind};
use crate::dot16::wire::{CrcForm, GenericMacHeader, MacPdu};

/// Arguments of `keyhop decrypt`.
#[derive(Args, Clone, Debug)]
pub struct DecryptArguments {
    /// The capture, pcapng or pcap.
    pub file: PathBuf,
    /// Key log of the capture.
    #[arg(long, value_name = "FILE")]
    pub keylog: PathBuf,
    /// Where the opened capture goes, as pcapng.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// A PDU that stays sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Index of its frame in the capture, from 0.
    pub frame: usize,
    /// Why.
    pub reason: String,
}

/// What became of the encrypted PDUs of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// PDUs opened.
    pub opened: u64,
    /// PDUs that stay as they are.
    pub sealed: Vec<Sealed>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum DecryptError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

/// Runs `keyhop decrypt`; what it did goes to `messages`. [`Status::Failure`] if a PDU did not open (the others are opened
/// and written all the same), [`Status::BadInput`] for input that cannot be read or output that cannot be written.
pub fn run(arguments: &DecryptArguments, messages: &mut dyn Write) -> Status {
    let (told, status) = match decrypt_file(arguments, messages) {
        Ok((outcome, numbers)) => {
            for sealed in &outcome.sealed {
                let number = numbers.get(sealed.frame).copied().unwrap_or_default();
                let _ = writeln!(messages, "frame {number}: {}", sealed.reason);
            }
            let told = format!("PDUs opened: {}, not opened: {}", outcome.opened, outcome.sealed.len());
            (told, if outcome.sealed.is_empty() { Status::Success } else { Status::Failure })
        }
        Err(error) => (format!("error: {error}"), Status::BadInput),
    };
    // There is nobody to tell if messages cannot be printed.
    let _ = writeln!(messages, "{told}");
    status
}

/// What became of the PDUs, and by frame of the output its number in the file.
fn decrypt_file(arguments: &DecryptArguments, messages: &mut dyn Write) -> Result<(Outcome, Vec<u64>), DecryptError> {
    let log = read_log(&arguments.keylog, messages)?;
    let Decrypted { capture, outcome, numbers, left_out } = if log.eps.is_empty() {
        let keys = KeyLookup::new(log);
        let mut reader = capture_reader::open(&arguments.file)?;
        let gathered = gather(&mut reader, Some(&keys), Strictness::Lenient)?;
        tell_notes(&reader, messages);
        let Gathered { mut capture, numbers, left_out, .. } = gathered;
        let outcome = decrypt(&mut capture, &keys);
        Decrypted { capture, outcome, numbers, left_out: left_out.total() }
    } else {
        decrypt_eps::decrypt(&arguments.file, &log)?
    };
    if left_out > 0 {
        let _ = writeln!(messages, "note: {left_out} frames left out that hold no PDU");
    }
    let mut outputs = PendingOutputs::new();
    outputs.stage(&arguments.output, |mut out| {
        capture_file::write(&capture, FileFormat::Pcapng, &mut out).map_err(|error| match error {
            CaptureError::Io { source, .. } => source,
            other => io::Error::other(other),
        })
    })?;
    outputs.commit()?;
    Ok((outcome, numbers))
}

/// Opens every encrypted PDU of the air frames of a capture that a key of the log opens.
pub fn decrypt(capture: &mut Capture, keys: &KeyLookup) -> Outcome {
    let mut outcome = Outcome::default();
    let kinds: Vec<LinkKind> = capture.interfaces.iter().map(|interface| interface.kind).collect();
    for (number, frame) in capture.frames.iter_mut().enumerate() {
        if kinds.get(frame.interface) == Some(&LinkKind::Air) {
            frame.octets = opened_burst(number, frame, keys, &mut outcome);
        }
    }
    outcome
}

/// The burst of a frame with its PDUs opened. What is no PDU, and padding, stays as it is.
fn opened_burst(number: usize, frame: &CapturedFrame, keys: &KeyLookup, outcome: &mut Outcome) -> Vec<u8> {
    let at = Sighting {
        time: frame.time,
        direction: frame.direction,
        link: keys.link(frame.direction, frame.source, frame.destination),
    };
    let mut burst = Vec::with_capacity(frame.octets.len());
    let mut read = 0usize;
    for pdu in MacPdu::burst(&frame.octets).map_while(Result::ok) {
        read = read.saturating_add(pdu.octets.len());
        if !pdu.header.encrypted {
            burst.extend_from_slice(pdu.octets);
            continue;
        }
        match opened_pdu(&pdu, keys, &at) {
            Ok(octets) => {
                outcome.opened = outcome.opened.saturating_add(1);
                burst.extend(octets);
            }
            Err(reason) => {
                outcome.sealed.push(Sealed { frame: number, reason });
                burst.extend_from_slice(pdu.octets);
            }
        }
    }
    burst.extend_from_slice(frame.octets.get(read..).unwrap_or_default());
    burst
}

fn opened_pdu(pdu: &MacPdu<'_>, keys: &KeyLookup, at: &Sighting) -> Result<Vec<u8>, String> {
    let cid = pdu.header.cid;
    let plaintext = match keys.open(pdu, at) {
        DataOutcome::Opened { opened, .. } => opened.plaintext,
        DataOutcome::WrongIcv { tried } => {
            return Err(format!("PDU on CID {cid}: none of {tried} keys verifies the ICV"));
        }
        DataOutcome::NoKey => {
            return Err(format!("PDU on CID {cid}: the key log has no TEK of EKS {}", pdu.header.eks));
        }
        DataOutcome::Unopenable(error) => return Err(format!("PDU on CID {cid}: {error}")),
    };
    let header = GenericMacHeader { encrypted: false, eks: 0, ..pdu.header };
    MacPdu::build(header, &plaintext, Some(CrcForm::MsbFirst)).map_err(|error| format!("PDU on CID {cid}: {error}"))
}
