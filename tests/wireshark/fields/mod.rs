//! Wireshark's own dissectors as a second opinion on the parsers and serialisers of this crate, without the Lua file.
//!
//! For each frame the parsers say which fields Wireshark should show, with which values and in which order
//! ([`expectation`]); tshark's JSON says what it shows ([`dissection`]); both lists are compared from the first field to the
//! last ([`comparison`]). A field that keyhop does not expect, expects with another value, or expects in vain is a fault,
//! unless it stands in `docs/wireshark-deviations.md` ([`deviations`]). A row of that page that no frame needs is a fault,
//! too.

mod asn;
mod backbone;
mod common;
mod comparison;
mod deviations;
mod dissection;
mod eap;
mod expectation;
mod frame;
mod generated;
mod mac_pdu;
mod management;
mod pkm;
mod radius;
mod registration;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use keyhop::capture::framing::LINK_TYPE_UPPER_PDU;
use keyhop::capture::record_reader::RecordReader;

use self::comparison::compare;
use self::deviations::{Deviations, Tally};
use crate::worked_frames::{all, capture, file, goldens};

/// tshark processes at a time.
const AT_A_TIME: usize = 2;
/// Faults of one capture that are told.
const TOLD: usize = 5;

/// Compares every frame of a capture.
fn compare_capture(path: &Path, deviations: &Deviations) -> Tally {
    let json = dissection::json(path);
    let dissections = dissection::frames(&json);
    let records: Vec<_> = RecordReader::open(path).unwrap().map(Result::unwrap).collect();
    assert_eq!(dissections.len(), records.len(), "{}", path.display());
    let mut tally = Tally::default();
    for (record, dissection) in records.iter().zip(&dissections) {
        let expected = frame::expected(record);
        if let Err(fault) = compare(dissection, &expected, deviations, &mut tally)
            && tally.faults.len() < TOLD
        {
            let comments = record.comments.join(" | ");
            tally.faults.push(format!("{}, frame {} ({comments}): {fault}", path.display(), record.number));
        }
    }
    tally
}

/// Compares the captures, a few at a time.
fn compare_captures(captures: &[PathBuf], deviations: &Deviations) -> Tally {
    let left = Mutex::new(captures.iter());
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(path) = left.lock().unwrap().next() else { return };
                    let tally = compare_capture(path, deviations);
                    total.lock().unwrap().add(tally);
                }
            });
        }
    });
    total.into_inner().unwrap()
}

/// The goldens, the worked frames and generated ones together need each row of the page.
#[test]
fn wireshark_and_keyhop_read_every_frame_alike() {
    let deviations = Deviations::read();
    let (_folder, worked) = file(&capture(all()));
    let (_generated, generated) = generated::captures();
    let captures: Vec<PathBuf> = goldens().into_iter().chain([worked]).chain(generated).collect();
    let tally = compare_captures(&captures, &deviations);
    let compared: u64 = tally.compared.values().sum();
    eprintln!("{} frames, {compared} fields with {} names compared", tally.frames, tally.compared.len());
    for (rule, fields) in &tally.deviations {
        eprintln!("{rule}: {} fields with {} names", fields.values().sum::<u64>(), fields.len());
    }
    assert!(tally.faults.is_empty(), "{} faults:\n{}", tally.faults.len(), tally.faults.join("\n"));
    assert_eq!(tally.unused(&deviations), [""; 0], "rows of docs/wireshark-deviations.md that no frame needs");
}

/// A difference in one octet of one frame is found in that frame.
#[test]
fn a_difference_in_one_octet_is_a_fault() {
    let deviations = Deviations::read();
    let (_folder, shown) = file(&capture(all()));
    let json = dissection::json(&shown);
    let dissections = dissection::frames(&json);
    let records: Vec<_> = RecordReader::open(&shown).unwrap().map(Result::unwrap).collect();
    let mut wrong = 0;
    for (record, dissection) in records.iter().zip(&dissections) {
        let mut tally = Tally::default();
        compare(dissection, &frame::expected(record), &deviations, &mut tally).unwrap();
        // The last octet of an air frame is one of a CRC, or of a ranging code.
        if record.link_type == LINK_TYPE_UPPER_PDU {
            let mut changed = record.clone();
            *changed.octets.last_mut().unwrap() ^= 1;
            compare(dissection, &frame::expected(&changed), &deviations, &mut tally).unwrap_err();
            wrong += 1;
        }
    }
    assert!(wrong > 10, "{wrong} frames on the air");
}
