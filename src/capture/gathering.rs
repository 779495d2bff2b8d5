//! A whole capture gathered from a reader: every frame on an interface of its kind, in the order of the file.
//!
//! Frames of keyhop's own kinds stay on the interfaces of the file. Those of a foreign framing go to one interface for each
//! mobile and base station that can be told, `air:MOBILE-BASE`, and to `air` where they cannot. What holds no burst, and,
//! in a file with a foreign framing, what is no traffic of the backbone, is left out and counted.

mod interfaces;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::Ipv4Addr;

use super::capture_file::{Capture, CapturedFrame};
use super::capture_reader::{CaptureReader, FrameKind, MAX_FRAMES, MAX_OCTETS, RecordedFrame};
use super::error::{CaptureError, Place};
use super::framing::LinkKind;
use super::key_lookup::KeyLookup;
use super::link_layer;
use crate::dot16::backbone::transport::CONTROL_PORT;
use crate::dot16::identifiers::{Direction, MsMac};
use crate::time::VirtualTime;
use interfaces::{InterfaceKey, Interfaces, Kind};

/// First of the addresses (198.18.0.0/15, RFC 2544) that stand for Ethernet addresses of m2m frames.
const FIRST_ADDRESS: u32 = 0xc612_0001;
/// Most Ethernet addresses that get one.
const MAX_ADDRESSES: usize = 4096;
/// Most pairs of mobile and base station that get an interface of their own.
const MAX_PAIRS: usize = 4096;
/// UDP ports of RADIUS.
const RADIUS_PORTS: [u16; 2] = [1812, 1813];
/// Protocol number of GRE.
const PROTOCOL_GRE: u8 = 47;

/// How many frames were left out, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Frames that have nothing to do with 802.16.
    pub unrelated: u64,
    /// Frames of a foreign framing without a burst, or with a part of one.
    pub without_burst: u64,
    /// Bursts that hold no MAC PDU: FCH, fast feedback and the like.
    pub phy_bursts: u64,
}

impl LeftOut {
    /// All together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.unrelated.saturating_add(self.without_burst).saturating_add(self.phy_bursts)
    }
}

/// A gathered capture.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The capture.
    pub capture: Capture,
    /// By frame of the capture: its number in the file.
    pub numbers: Vec<u64>,
    /// What was left out.
    pub left_out: LeftOut,
    /// Frames whose direction was told by their content alone.
    pub inferred_directions: u64,
    /// Frames of the air without a direction.
    pub unknown_directions: u64,
}

/// Which frames a capture may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Those of the kinds that keyhop writes; another is an error.
    Strict,
    /// Any: others are left out and counted.
    Lenient,
}

/// Frames while they are gathered; their interface is an index into `interfaces`.
#[derive(Default)]
struct Gathering {
    gathered: Gathered,
    interfaces: Interfaces,
    /// By frame: whether it is left out should the file hold a foreign framing.
    unrelated: Vec<bool>,
    foreign: bool,
    /// Interfaces of the file that carry a foreign framing.
    foreign_interfaces: BTreeSet<usize>,
    addresses: BTreeMap<[u8; 6], Ipv4Addr>,
    octets: usize,
}

/// Gathers all frames of a capture. Keys tell the ends of frames of foreign framings. A classic pcap, which has no
/// interfaces, gets one for each kind of frame in it, named `air`, `backbone` and `ip`.
///
/// # Errors
/// Those of the reader, a time before 2000, more than [`MAX_FRAMES`] frames or [`MAX_OCTETS`] octets, and a frame of another
/// kind: if `strictness` says so, or if there is none of a kind that is kept.
pub fn gather<R: Read>(
    reader: &mut CaptureReader<R>,
    keys: Option<&KeyLookup>,
    strictness: Strictness,
) -> Result<Gathered, CaptureError> {
    let mut gathering = Gathering::default();
    let mut first_other = None;
    while let Some(frame) = reader.next() {
        let mut frame = frame?;
        if let Some(keys) = keys {
            keys.name_ends(&mut frame);
        }
        let refused = match gathering.frame(&frame, keys) {
            Ok(()) => continue,
            Err(Refusal::Kind) if strictness == Strictness::Lenient => {
                first_other.get_or_insert_with(|| other_kind(&frame));
                continue;
            }
            Err(Refusal::Kind) => other_kind(&frame),
            Err(Refusal::Fault(expected, found)) => {
                let place = Place::Octet { frame: Some(frame.number), offset: frame.offset };
                CaptureError::malformed(place, expected, found)
            }
        };
        return Err(in_file(reader, refused));
    }
    let gathered = gathering.finish(reader, keys);
    match first_other {
        Some(refused) if gathered.capture.frames.is_empty() => Err(in_file(reader, refused)),
        _ => Ok(gathered),
    }
}

fn in_file<R: Read>(reader: &CaptureReader<R>, error: CaptureError) -> CaptureError {
    match reader.records().path() {
        Some(path) => error.in_file(path),
        None => error,
    }
}

fn other_kind(frame: &RecordedFrame) -> CaptureError {
    let expected = "a frame of 802.16 (link type 252, 188 or 147, m2m, GSMTAP), Ethernet (1) or raw IP (101)";
    let place = Place::Octet { frame: Some(frame.number), offset: frame.offset };
    let found = match &frame.kind {
        FrameKind::NoBurst(why) => why.clone(),
        other => format!("{other:?}"),
    };
    CaptureError::malformed(place, expected, found)
}

enum Refusal {
    /// The frame is of a kind that is not kept.
    Kind,
    /// What was expected and what was found.
    Fault(String, String),
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Gathering {
    fn frame(&mut self, frame: &RecordedFrame, keys: Option<&KeyLookup>) -> Result<(), Refusal> {
        if frame.foreign.is_some() {
            self.foreign = true;
            self.foreign_interfaces.insert(frame.interface);
        }
        let kind = match &frame.kind {
            FrameKind::Known(kind) => *kind,
            FrameKind::NoBurst(_) => {
                count(&mut self.gathered.left_out.without_burst);
                return Err(Refusal::Kind);
            }
            FrameKind::Dissector(_) if frame.foreign.is_some() => {
                count(&mut self.gathered.left_out.phy_bursts);
                return Err(Refusal::Kind);
            }
            FrameKind::Dissector(_) | FrameKind::LinkType(_) => {
                count(&mut self.gathered.left_out.unrelated);
                return Err(Refusal::Kind);
            }
        };
        self.octets = self.octets.saturating_add(frame.octets.len()).saturating_add(frame.comment.len());
        if self.gathered.capture.frames.len() >= MAX_FRAMES || self.octets > MAX_OCTETS {
            let expected = format!("at most {MAX_FRAMES} frames and {MAX_OCTETS} octets");
            return Err(Refusal::Fault(expected, "more".to_owned()));
        }
        let time = u64::try_from(frame.time_ns).map_err(|_| {
            let found = format!("{} ns before", frame.time_ns.unsigned_abs());
            Refusal::Fault("a time from 2000-01-01T00:00:00Z on".to_owned(), found)
        })?;
        let mut captured = CapturedFrame {
            time: VirtualTime::from_nanos(time),
            interface: 0,
            octets: frame.octets.clone(),
            direction: frame.direction,
            source: frame.source,
            destination: frame.destination,
            comment: frame.comment.clone(),
        };
        let key = match frame.foreign {
            Some(framing) => {
                if frame.direction_inferred {
                    count(&mut self.gathered.inferred_directions);
                }
                if frame.direction.is_none() {
                    count(&mut self.gathered.unknown_directions);
                }
                if captured.comment.is_empty() {
                    captured.comment = origin(frame, &framing.to_string());
                }
                self.air(frame, &mut captured, keys)
            }
            None => InterfaceKey::OfFile(frame.interface, Kind::of(kind)),
        };
        captured.interface = self.interfaces.number_of(key);
        let unrelated = match kind {
            LinkKind::Air => false,
            LinkKind::Backbone => !is_backbone(&frame.octets),
            LinkKind::RawIp | LinkKind::Tagged => true,
        };
        self.unrelated.push(unrelated);
        self.gathered.capture.frames.push(captured);
        self.gathered.numbers.push(frame.number);
        Ok(())
    }

    /// The interface of an air frame of a foreign framing; fills in addresses where Ethernet addresses stand for them.
    fn air(&mut self, frame: &RecordedFrame, captured: &mut CapturedFrame, keys: Option<&KeyLookup>) -> InterfaceKey {
        let [source, destination] = frame.addresses;
        let mut name = |display: &mut Option<Ipv4Addr>, address: Option<[u8; 6]>| match (*display, address) {
            (Some(known), _) => keys.and_then(|keys| keys.name_of(known)).map(str::to_owned),
            (None, Some(address)) if address[0] & 1 == 0 => {
                *display = self.address(address);
                display.map(|_| hex(address))
            }
            _ => None,
        };
        let source = name(&mut captured.source, source);
        let destination = name(&mut captured.destination, destination);
        let pair = match frame.direction {
            Some(Direction::Uplink) => source.zip(destination),
            Some(Direction::Downlink) => destination.zip(source),
            None => None,
        };
        match pair {
            Some((ms, bs)) if self.interfaces.count() < MAX_PAIRS => InterfaceKey::Pair(ms, bs),
            _ => InterfaceKey::Air,
        }
    }

    /// The display address that stands for an Ethernet address.
    fn address(&mut self, address: [u8; 6]) -> Option<Ipv4Addr> {
        let number = self.addresses.len();
        if number >= MAX_ADDRESSES && !self.addresses.contains_key(&address) {
            return None;
        }
        let next = Ipv4Addr::from(FIRST_ADDRESS.saturating_add(u32::try_from(number).ok()?));
        Some(*self.addresses.entry(address).or_insert(next))
    }

    fn finish<R: Read>(mut self, reader: &CaptureReader<R>, keys: Option<&KeyLookup>) -> Gathered {
        if self.foreign {
            self.leave_out_unrelated();
            let numbers = self.gathered.numbers.iter();
            for (frame, number) in self.gathered.capture.frames.iter_mut().zip(numbers) {
                if frame.comment.is_empty() {
                    frame.comment = format!("from frame {number}");
                }
            }
        }
        let capture = &mut self.gathered.capture;
        let foreign = self.foreign.then_some(&self.foreign_interfaces);
        let blocks = reader.records().interfaces();
        capture.interfaces = self.interfaces.place(&mut capture.frames, blocks, foreign);
        capture.section_comment = reader.records().section_comment().to_owned();
        capture.names = reader.records().names().to_vec();
        capture.secrets = reader.records().secrets().to_vec();
        if self.foreign {
            let mut named: BTreeMap<Ipv4Addr, String> = BTreeMap::new();
            let used = capture.frames.iter().flat_map(|frame| [frame.source, frame.destination]).flatten();
            named.extend(used.filter_map(|ip| Some((ip, keys?.name_of(ip)?.to_owned()))));
            named.extend(self.addresses.iter().map(|(address, ip)| (*ip, MsMac(*address).to_string())));
            let known: BTreeSet<Ipv4Addr> = capture.names.iter().map(|(ip, _)| *ip).collect();
            capture.names.extend(named.into_iter().filter(|(ip, _)| !known.contains(ip)));
        }
        self.gathered
    }

    fn leave_out_unrelated(&mut self) {
        let mut unrelated = self.unrelated.iter().copied();
        let mut numbers = std::mem::take(&mut self.gathered.numbers).into_iter();
        let (kept, left_out) = (&mut self.gathered.numbers, &mut self.gathered.left_out.unrelated);
        self.gathered.capture.frames.retain(|_| {
            let number = numbers.next();
            if unrelated.next().unwrap_or_default() {
                count(left_out);
                return false;
            }
            kept.extend(number);
            true
        });
    }
}

fn hex(address: [u8; 6]) -> String {
    address.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A comment for a frame that has none: where it comes from.
fn origin(frame: &RecordedFrame, framing: &str) -> String {
    let mut text = match frame.fragments.as_slice() {
        [] => format!("from frame {}, {framing}", frame.number),
        frames => {
            let frames: Vec<String> = frames.iter().map(u64::to_string).collect();
            format!("from frames {}, {framing}", frames.join(" "))
        }
    };
    if frame.direction_inferred {
        text.push_str("; direction by the content");
    } else if frame.direction.is_none() {
        text.push_str("; direction not known");
    }
    text
}

/// Whether an Ethernet frame is traffic of the backbone: ASN control plane, RADIUS or GRE, good or damaged.
fn is_backbone(frame: &[u8]) -> bool {
    let Some(Ok((_, inside))) = link_layer::parser(super::framing::LINK_TYPE_ETHERNET).map(|parser| parser(frame))
    else {
        return false;
    };
    if inside.protocol != link_layer::ETHERTYPE_IPV4 {
        return false;
    }
    if inside.octets.get(9) == Some(&PROTOCOL_GRE) {
        return true;
    }
    let datagram = link_layer::datagram(&inside);
    datagram
        .is_some_and(|datagram| datagram.ports.iter().any(|port| *port == CONTROL_PORT || RADIUS_PORTS.contains(port)))
}
