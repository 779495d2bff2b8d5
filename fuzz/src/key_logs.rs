//! Key logs: refused with line and column, or read; what was read and written again is read as it was. And the lookup of keys.

use keyhop::capture::key_log::{KeyLog, KeyRecord};
use keyhop::capture::key_log_text;
use keyhop::capture::key_lookup::{CmacOutcome, DataOutcome, KeyLookup, Protection, Sighting};
use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::dot16::wire::{GenericMacHeader, MacPdu};
use keyhop::time::VirtualTime;

use crate::promises::{explains, within_memory};

/// Reads the octets as a key log, as they are and behind the first line that every key log has.
pub fn run(octets: &[u8]) {
    holds(octets);
    holds(&[b"# keyhop-keylog 1\n", octets].concat());
}

fn holds(text: &[u8]) {
    let (log, notes) = match within_memory(text, || key_log_text::parse(text)) {
        Ok(read) => read,
        Err(error) => return explains(&error, text),
    };
    let lines = text.split(|octet| *octet == b'\n').count();
    assert!(log.nodes.len() + log.records.len() + log.eps.len() <= lines);
    assert!(notes.iter().all(|note| (1..=lines).contains(&note.line) && !note.text.is_empty()));
    let written = written(&log);
    let (again, no_notes) = key_log_text::parse(&written).expect("what was written can be read");
    assert!(no_notes.is_empty());
    let sizes = |log: &KeyLog| (log.nodes.len(), log.records.len(), log.eps.len());
    assert_eq!(sizes(&again), sizes(&log));
    assert!(log.nodes.iter().all(|node| again.nodes.contains(node)));
    assert_eq!(self::written(&again), written, "the order of records is one");
    lookup_answers(log);
}

/// The text of a key log.
pub fn written(log: &KeyLog) -> Vec<u8> {
    let mut text = Vec::new();
    key_log_text::write(log, &mut text).expect("what was read can be written");
    text
}

/// Asks for the keys of a PDU and of a message that nobody sealed, on the connections and links that the log names.
fn lookup_answers(log: KeyLog) {
    let cids = log.records.iter().filter_map(|record| match record {
        KeyRecord::Connection(connection) => Some(connection.cid),
        _ => None,
    });
    let cids: Vec<Cid> = cids.chain([Cid(0x400)]).take(4).collect();
    let addresses: Vec<_> = log.nodes.iter().map(|node| node.ip).chain([None]).take(4).collect();
    let cmac_keys = log.records.iter().filter(|record| matches!(record, KeyRecord::CmacKey(_))).count();
    let lookup = KeyLookup::new(log);
    for direction in [None, Some(Direction::Uplink), Some(Direction::Downlink)] {
        for address in &addresses {
            let link = lookup.link(direction, *address, addresses.first().copied().flatten());
            let at = Sighting { time: VirtualTime::from_nanos(1_000_000_000), direction, link };
            let protection = Protection { covered: &[4, 0], pn: 1, value: [0; 8] };
            match lookup.verify(&protection, Cid(0), &at) {
                CmacOutcome::Verified { key, .. } => assert!(key < cmac_keys),
                CmacOutcome::Wrong { tried } => assert!((1..=cmac_keys).contains(&tried)),
                CmacOutcome::NoKey => {}
            }
            for cid in &cids {
                sealed_stays_closed(&lookup, *cid, &at);
            }
        }
    }
}

fn sealed_stays_closed(lookup: &KeyLookup, cid: Cid, at: &Sighting) {
    let header = GenericMacHeader { encrypted: true, ..GenericMacHeader::new(cid) };
    let pdu = MacPdu::build(header, &[1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0], None).expect("a short PDU");
    let pdu = MacPdu::parse(&pdu).expect("the PDU just built");
    assert!(!matches!(lookup.open(&pdu, at), DataOutcome::Opened { .. }), "an ICV of zeros");
}
