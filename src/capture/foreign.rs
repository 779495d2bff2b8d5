//! 802.16 frames in the framings of others (`dot16-wire.md` 1.1), taken out of the records of a capture:
//!
//! * [`m2m`]: Ethernet type 0x08F0, in Ethernet and Linux cooked frames;
//! * [`gsmtap`]: GSMTAP of type 7 in UDP port 4729, over IPv4 and IPv6 in the link types of
//!   [`link_layer`];
//! * link types 188 (IEEE802_16_MAC_CPS) and 147 (DLT_USER0, as Wireshark reads it once it is bound to
//!   `wimax_pdu_burst_handler`): a burst of MAC PDUs with nothing around it.
//!
//! (193, MAC CPS with a radio header, is not read: no public description says what that header is.)
//!
//! A record of another kind is left to the reader. Damage inside a foreign framing does not end the reading: what can be
//! read is given, and a note says which frame and octet is bad. No more than [`MAX_NOTES`] notes are kept, the rest is
//! counted.

use std::collections::BTreeSet;
use std::fmt;

use super::gsmtap;
use super::link_layer;
use super::m2m;
use super::m2m_reassembly::{Arrived, Fragments, Outcome};
use super::record_reader::Record;
use crate::dot16::identifiers::Direction;

/// Link type of 802.16 MAC PDU bursts without any header.
pub const LINK_TYPE_MAC_CPS: u16 = 188;
/// Link type that everyone may use for his own; here as 188.
pub const LINK_TYPE_USER0: u16 = 147;
/// Most notes that are kept of one capture.
pub const MAX_NOTES: usize = 200;
/// Most addresses that are remembered as those of base stations.
const MAX_STATIONS: usize = 1024;

/// A framing of 802.16 that is not keyhop's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framing {
    /// Link type 188 or 147: a burst without a header.
    Bare,
    /// Ethernet type 0x08F0.
    M2m,
    /// GSMTAP in UDP.
    Gsmtap,
}

/// The name in words.
impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare MAC burst",
            Self::M2m => "m2m",
            Self::Gsmtap => "GSMTAP",
        })
    }
}

/// What is wrong inside a foreign framing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{layer}, octet {offset}: expected {expected}, found {found}")]
pub struct ForeignError {
    /// The layer, such as `m2m` or `GSMTAP`.
    pub layer: &'static str,
    /// Octets from the start of the record.
    pub offset: usize,
    /// What the framing asks for.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// What a burst of a foreign framing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurstKind {
    /// MAC PDUs.
    Pdu,
    /// A CDMA ranging code of 3 octets.
    CdmaCode,
    /// Something of the PHY: the name of the Wireshark dissector that reads it.
    Phy(&'static str),
}

/// A frame control header, 3 octets: the downlink prefix.
pub const FCH: BurstKind = BurstKind::Phy("wimax_fch_burst_handler");
/// A fast feedback burst.
pub const FAST_FEEDBACK: BurstKind = BurstKind::Phy("wimax_ffb_burst_handler");
/// HARQ acknowledgements.
pub const HARQ_ACK: BurstKind = BurstKind::Phy("wimax_hack_burst_handler");
/// PHY attributes.
pub const PHY_ATTRIBUTES: BurstKind = BurstKind::Phy("wimax_phy_attributes_burst_handler");

/// Addresses of the link, of source and destination.
pub type Addresses = [Option<[u8; 6]>; 2];

/// What came out of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A burst.
    Burst {
        /// What it is.
        kind: BurstKind,
        /// Its direction, if the capture tells.
        direction: Option<Direction>,
        /// Its octets.
        octets: Vec<u8>,
        /// Octets from the start of the record to its first (the last fragment of several).
        offset: usize,
        /// The frames whose fragments it was put together from; empty if it came whole.
        fragments: Vec<u64>,
        /// Comments of those frames but the last.
        comments: Vec<String>,
    },
    /// No burst, and why.
    Nothing(String),
}

impl Piece {
    /// Whether it holds MAC PDUs or a ranging code, and nothing of the PHY alone.
    #[must_use]
    pub const fn is_air(&self) -> bool {
        matches!(self, Self::Burst { kind: BurstKind::Pdu | BurstKind::CdmaCode, .. })
    }
}

/// A record of a foreign framing, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Its framing.
    pub framing: Framing,
    /// Addresses of an m2m frame.
    pub addresses: Addresses,
    /// What is in it; at least one piece.
    pub pieces: Vec<Piece>,
}

/// Something worth knowing about frames that could not be read as they should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderNote {
    /// The frames, as Wireshark counts them.
    pub frames: Vec<u64>,
    /// What it is.
    pub text: String,
}

/// The note in words, with its frames.
impl fmt::Display for ReaderNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.frames.iter().map(u64::to_string).collect();
        match numbers.as_slice() {
            [] => f.write_str(&self.text),
            [one] => write!(f, "frame {one}: {}", self.text),
            several => write!(f, "frames {}: {}", several.join(", "), self.text),
        }
    }
}

/// What is remembered from record to record.
#[derive(Debug, Default)]
pub struct ForeignFramings {
    stations: BTreeSet<[u8; 6]>,
    fragments: Fragments,
    notes: Vec<ReaderNote>,
    more: u64,
}

impl ForeignFramings {
    /// Takes a record apart if it is of a foreign framing.
    pub fn unpack(&mut self, record: &Record) -> Option<Unpacked> {
        if matches!(record.link_type, LINK_TYPE_MAC_CPS | LINK_TYPE_USER0) {
            let piece = whole(BurstKind::Pdu, record.direction, &record.octets, 0);
            return Some(Unpacked { framing: Framing::Bare, addresses: [None; 2], pieces: vec![piece] });
        }
        let (_, inside) = link_layer::parser(record.link_type)?(&record.octets).ok()?;
        let start = record.octets.len().saturating_sub(inside.octets.len());
        if inside.protocol == m2m::ETHERTYPE {
            let addresses = [inside.source, inside.destination];
            let pieces = self.m2m(record, inside.octets, start, addresses);
            return Some(Unpacked { framing: Framing::M2m, addresses, pieces });
        }
        let datagram = link_layer::datagram(&inside).filter(|datagram| datagram.ports.contains(&gsmtap::PORT))?;
        let start = start.saturating_add(datagram.offset);
        let piece = match gsmtap::parse(datagram.payload) {
            Ok(None) => return None,
            Ok(Some(found)) => {
                if datagram.fragmented || datagram.payload.len() < datagram.length {
                    let [there, length] = [datagram.payload.len(), datagram.length];
                    self.note(&[record.number], format!("UDP: {there} of {length} octets of GSMTAP are here"));
                }
                let direction = if found.uplink { Direction::Uplink } else { Direction::Downlink };
                match found.kind {
                    Some(kind) => {
                        let header = datagram.payload.len().saturating_sub(found.burst.len());
                        whole(kind, Some(direction), found.burst, start.saturating_add(header))
                    }
                    None => Piece::Nothing(format!("GSMTAP, burst type {:#04x}", found.sub_type)),
                }
            }
            Err(error) => self.damaged(record, error, start),
        };
        Some(Unpacked { framing: Framing::Gsmtap, addresses: [None; 2], pieces: vec![piece] })
    }

    /// To be called when there are no more records: bursts whose fragments are not all there are noted.
    pub fn finish(&mut self) {
        for incomplete in self.fragments.finish() {
            self.push(incomplete);
        }
    }

    /// What could not be read as it should, in the order in which it was found.
    #[must_use]
    pub fn notes(&self) -> &[ReaderNote] {
        &self.notes
    }

    /// How many notes there are beyond those kept.
    #[must_use]
    pub const fn more_notes(&self) -> u64 {
        self.more
    }

    fn push(&mut self, note: ReaderNote) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn note(&mut self, frames: &[u64], text: String) {
        self.push(ReaderNote { frames: frames.to_vec(), text });
    }

    /// A piece for what is damaged; `start` are the octets before those that `error` counts from.
    fn damaged(&mut self, record: &Record, mut error: ForeignError, start: usize) -> Piece {
        error.offset = error.offset.saturating_add(start);
        self.note(&[record.number], error.to_string());
        Piece::Nothing(error.to_string())
    }

    /// The direction that the addresses tell: only base stations send an FCH.
    fn direction(&self, [source, destination]: Addresses) -> Option<Direction> {
        let is_station = |address: Option<[u8; 6]>| address.is_some_and(|address| self.stations.contains(&address));
        if is_station(source) {
            Some(Direction::Downlink)
        } else {
            is_station(destination).then_some(Direction::Uplink)
        }
    }

    fn m2m(&mut self, record: &Record, packet: &[u8], start: usize, addresses: Addresses) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let (bursts, error) = m2m::bursts(packet);
        for burst in bursts {
            if let (true, Some(source)) = (burst.kind == FCH, addresses[0])
                && self.stations.len() < MAX_STATIONS
            {
                self.stations.insert(source);
            }
            let direction = record.direction.or_else(|| self.direction(addresses));
            let offset = start.saturating_add(burst.offset);
            let Some(fragment) = burst.fragment else {
                pieces.push(whole(burst.kind, direction, burst.octets, offset));
                continue;
            };
            let arrived = Arrived {
                addresses,
                fragment,
                frame: record.number,
                time_ns: record.time_ns,
                octets: burst.octets,
                comments: &record.comments,
            };
            let (outcome, incomplete) = self.fragments.take(&arrived);
            incomplete.into_iter().for_each(|note| self.push(note));
            pieces.push(match outcome {
                Outcome::Waits => Piece::Nothing(format!("m2m, {fragment}")),
                Outcome::Complete { octets, frames, comments } => {
                    Piece::Burst { kind: burst.kind, direction, octets, offset, fragments: frames, comments }
                }
            });
        }
        match error {
            Some(error) => pieces.push(self.damaged(record, error, start)),
            None if pieces.is_empty() => pieces.push(Piece::Nothing("m2m without a burst".to_owned())),
            None => {}
        }
        pieces
    }
}

fn whole(kind: BurstKind, direction: Option<Direction>, octets: &[u8], offset: usize) -> Piece {
    Piece::Burst { kind, direction, octets: octets.to_vec(), offset, fragments: Vec::new(), comments: Vec::new() }
}
