//! The judge: it finds nothing in what honest runs leave behind, and what was done to a capture afterwards.

mod command;
mod e2m_keys;
mod e2m_sessions;
mod eps_commands;
#[path = "../support/eps_enterprise.rs"]
#[allow(dead_code)]
mod eps_enterprise;
#[path = "../support/eps_film.rs"]
#[allow(dead_code)]
mod eps_film;
mod eps_inter_system;
mod eps_judge;
#[path = "../support/eps_network.rs"]
#[allow(dead_code)]
mod eps_network;
mod eps_nodes;
mod eps_rlos;
mod faults;
mod forgery;
mod goldens;
mod layers;
mod mutations;

use keyhop::capture::key_log::KeyLog;
use keyhop::capture::{Capture, FileFormat, capture_file, capture_reader, key_log_text};
use keyhop::judge::{FindingKind, Judgement, judge};
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// A golden and its key log.
fn golden(name: &str) -> (Capture, KeyLog) {
    let reader = capture_reader::open(&path(&format!("{name}.pcapng"))).unwrap();
    (capture_reader::read_whole(reader).unwrap(), log_of(name))
}

fn log_of(name: &str) -> KeyLog {
    key_log_text::read(&path(&format!("{name}.keys"))).unwrap().0
}

fn octets(capture: &Capture, format: FileFormat) -> Vec<u8> {
    let mut octets = Vec::new();
    capture_file::write(capture, format, &mut octets).unwrap();
    octets
}

fn judged(capture: &Capture, log: &KeyLog) -> Judgement {
    let octets = octets(capture, FileFormat::Pcapng);
    judge(|| capture_reader::read(octets.as_slice()), log).unwrap()
}

/// The frames of every finding of a kind.
fn frames_of(judgement: &Judgement, kind: FindingKind) -> Vec<Vec<u64>> {
    judgement.findings.iter().filter(|finding| finding.kind == kind).map(|finding| finding.frames.clone()).collect()
}

/// Every frame that some finding or note names.
fn named(judgement: &Judgement) -> Vec<u64> {
    let findings = judgement.findings.iter().flat_map(|finding| finding.frames.iter().copied());
    findings.chain(judgement.notes.iter().flat_map(|note| note.frames.iter().copied())).collect()
}
