//! 802.16 frames in the framings of others: m2m with its fragments, GSMTAP, bare bursts, over every link layer that is read.
//!
//! An input is a list of records, each `how (1) | length (1) | octets`: three bits of `how` choose the link type, the others
//! what is put before the octets, so that the fuzzer does not have to guess headers.

use keyhop::capture::foreign::{ForeignFramings, MAX_NOTES, Piece};
use keyhop::capture::link_layer::{datagram, parser};
use keyhop::capture::record_reader::Record;
use keyhop::capture::{gsmtap, m2m};
use keyhop::dot16::identifiers::Direction;

use crate::promises::{explains, within_memory};

const LINK_TYPES: [u16; 8] = [1, 1, 113, 276, 101, 0, 188, 147];
/// Two stations, so that fragments find each other and directions are told.
const STATIONS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];

/// Reads the octets as records of one capture, and as the contents of each framing.
pub fn run(octets: &[u8]) {
    contents_hold(octets);
    let records = records(octets);
    let all = records.iter().map(|record| record.octets.as_slice()).collect::<Vec<_>>().concat();
    let mut framings = ForeignFramings::default();
    for record in &records {
        let link = parser(record.link_type).map(|parse| parse(&record.octets).map(|(_, inside)| datagram(&inside)));
        if let Some(Ok(Some(datagram))) = link {
            assert!(record.octets.ends_with(datagram.payload) || datagram.payload.len() <= datagram.length);
        }
        let unpacked = within_memory(&all, || framings.unpack(record));
        for piece in unpacked.iter().flat_map(|unpacked| &unpacked.pieces) {
            piece_stands_in(record, piece, all.len());
        }
        assert!(unpacked.is_none_or(|unpacked| !unpacked.pieces.is_empty()));
    }
    within_memory(&all, || framings.finish());
    assert!(framings.notes().len() <= MAX_NOTES);
    assert!(framings.more_notes() == 0 || framings.notes().len() == MAX_NOTES);
    for note in framings.notes() {
        assert!(note.frames.iter().all(|frame| (1..=records.len() as u64).contains(frame)), "{note}");
        assert!(!note.text.is_empty());
    }
}

fn records(octets: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut rest = octets;
    let mut time_ns = 0_i64;
    while let Some(([how, length], after)) = rest.split_first_chunk::<2>() {
        let (contents, next) = after.split_at(usize::from(*length).min(after.len()));
        rest = next;
        let link_type = LINK_TYPES[usize::from(how & 7)];
        time_ns = time_ns.saturating_add(if how & 0x80 == 0 { 1_000_000 } else { 2_000_000_000 });
        let octets = if how & 8 == 0 { contents.to_vec() } else { framed(link_type, how & 16 == 0, contents) };
        let number = records.len() as u64 + 1;
        records.push(Record {
            number,
            offset: 0,
            octets_offset: 0,
            time_ns,
            interface: 0,
            link_type,
            original_length: u32::try_from(octets.len()).expect("a short record"),
            direction: (how & 32 != 0).then_some(Direction::Uplink),
            comments: if how & 64 == 0 { Vec::new() } else { vec![format!("record {number}")] },
            octets,
        });
    }
    records
}

/// m2m behind Ethernet, from the one station or the other; else GSMTAP behind IPv4 and UDP. Other link types stay as they are.
fn framed(link_type: u16, first: bool, contents: &[u8]) -> Vec<u8> {
    let [source, destination] = if first { STATIONS } else { [STATIONS[1], STATIONS[0]] };
    match link_type {
        1 => [&destination, &source, &m2m::ETHERTYPE.to_be_bytes()[..], contents].concat(),
        101 => {
            let [whole, inner] = [contents.len() + 28, contents.len() + 8].map(|length| (length as u16).to_be_bytes());
            let ip = [&[0x45, 0], &whole[..], &[0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]].concat();
            let udp = [&gsmtap::PORT.to_be_bytes()[..], &gsmtap::PORT.to_be_bytes(), &inner, &[0, 0]].concat();
            [&ip, &udp, contents].concat()
        }
        _ => contents.to_vec(),
    }
}

fn piece_stands_in(record: &Record, piece: &Piece, all: usize) {
    match piece {
        Piece::Nothing(why) => assert!(!why.is_empty()),
        Piece::Burst { octets, offset, fragments, .. } => {
            assert!(*offset <= record.octets.len());
            if fragments.is_empty() {
                assert_eq!(record.octets.get(*offset..offset + octets.len()), Some(octets.as_slice()));
            } else {
                assert!(octets.len() <= all, "a burst is no longer than its fragments");
                assert_eq!(fragments.last(), Some(&record.number));
                assert!(fragments.is_sorted());
            }
        }
    }
}

fn contents_hold(octets: &[u8]) {
    match within_memory(octets, || gsmtap::parse(octets)) {
        Ok(Some(found)) => assert!(octets.ends_with(found.burst)),
        Ok(None) => {}
        Err(error) => explains(&error, octets),
    }
    let (bursts, error) = within_memory(octets, || m2m::bursts(octets));
    for burst in bursts {
        assert_eq!(octets.get(burst.offset..burst.offset + burst.octets.len()), Some(burst.octets));
        assert!(burst.fragment.is_none_or(|fragment| !fragment.to_string().is_empty()));
    }
    if let Some(error) = error {
        explains(&error, octets);
    }
}
