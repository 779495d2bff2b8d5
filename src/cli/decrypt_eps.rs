//! `keyhop decrypt` of EPS captures: the RRC messages and packets of the radio in the clear, so that Wireshark shows them with no
//! option and no key.
//!
//! A frame that opens becomes one of `lte_rrc.dl_dcch`, `lte_rrc.ul_dcch` or `ip`, one of a protected link what it would be without that;
//! everything else, times and comments included,
//! stays as it is.

use std::collections::BTreeMap;
use std::path::Path;

use super::decrypt::{Outcome, Sealed};
use crate::capture::capture_file::{Capture, CapturedFrame};
use crate::capture::capture_reader::{self, FrameKind, MAX_FRAMES, MAX_OCTETS, RecordedFrame};
use crate::capture::error::{CaptureError, Place};
use crate::capture::framing::LINK_TYPE_UPPER_PDU;
use crate::capture::key_log::KeyLog;
use crate::capture::upper_pdu::{self, UpperPdu};
use crate::capture::{InterfaceDescription, LinkKind};
use crate::eps::parameters::LinkDirection;
use crate::judge::eps::reading::Reading;
use crate::judge::eps::{FrameView, Opened, learn};
use crate::time::VirtualTime;

/// The capture in the clear, what became of its protected frames, and by frame its number in the file.
pub(super) struct Decrypted {
    pub capture: Capture,
    pub outcome: Outcome,
    pub numbers: Vec<u64>,
    /// Frames of other link types, which are left out.
    pub left_out: u64,
}

/// Opens every radio frame of a capture that the keys of the log, or those that follow from them, open.
///
/// # Errors
/// The file cannot be read, is no capture or is damaged, has a time before 2000, or more than [`MAX_FRAMES`] frames or
/// [`MAX_OCTETS`] octets.
pub(super) fn decrypt(file: &Path, log: &KeyLog) -> Result<Decrypted, CaptureError> {
    let learnt = learn(|| capture_reader::open(file), log)?;
    let mut reading = Reading::new(log, learnt);
    let mut reader = capture_reader::open(file)?;
    let (mut outcome, mut left_out, mut octets) = (Outcome::default(), 0_u64, 0_usize);
    let (mut frames, mut numbers) = (Vec::new(), Vec::new());
    let mut interfaces: BTreeMap<(usize, u16), usize> = BTreeMap::new();
    while let Some(frame) = reader.next() {
        let frame = frame?;
        let refused = |expected: &str, found: &str| {
            let place = Place::Octet { frame: Some(frame.number), offset: frame.offset };
            CaptureError::malformed(place, expected, found).in_file(file)
        };
        reading.names(reader.records().names());
        let view = reading.frame(&frame, reader.interface_name(frame.interface));
        if LinkKind::from_link_type(frame.link_type).is_none() {
            left_out = left_out.saturating_add(1);
            continue;
        }
        let time = u64::try_from(frame.time_ns)
            .map_err(|_| refused("a time from 2000-01-01T00:00:00Z on", "an earlier one"))?;
        let next = interfaces.len();
        let interface = *interfaces.entry((frame.interface, frame.link_type)).or_insert(next);
        match (&view.opened, view.kind, view.verdict) {
            (Some(_), ..) => outcome.opened = outcome.opened.saturating_add(1),
            (None, "rrc" | "packet" | "esp", Some("mac_invalid" | "no_key" | "malformed")) => {
                outcome.sealed.push(Sealed { frame: frames.len(), reason: view.summary.clone() });
            }
            _ => {}
        }
        let clear = in_clear(&frame, &view).map_err(|error| refused(&error.expected, &error.found))?;
        octets = octets.saturating_add(clear.len()).saturating_add(frame.comment.len());
        if frames.len() >= MAX_FRAMES || octets > MAX_OCTETS {
            return Err(refused(&format!("at most {MAX_FRAMES} frames and {MAX_OCTETS} octets"), "more"));
        }
        numbers.push(frame.number);
        frames.push(CapturedFrame {
            time: VirtualTime::from_nanos(time),
            interface,
            octets: clear,
            direction: frame.direction,
            source: frame.source,
            destination: frame.destination,
            comment: frame.comment,
        });
    }
    let mut places: Vec<((usize, u16), usize)> = interfaces.into_iter().collect();
    places.sort_unstable_by_key(|(_, place)| *place);
    let blocks = reader.records().interfaces();
    let described = places.into_iter().map(|((number, link_type), _)| InterfaceDescription {
        name: blocks.get(number).map_or_else(|| "eps".to_owned(), |block| block.name.clone()),
        description: blocks.get(number).map(|block| block.description.clone()).unwrap_or_default(),
        kind: kind(link_type),
    });
    let capture = Capture {
        section_comment: reader.records().section_comment().to_owned(),
        interfaces: described.collect(),
        names: reader.records().names().to_vec(),
        frames,
        secrets: reader.records().secrets().to_vec(),
    };
    Ok(Decrypted { capture, outcome, numbers, left_out })
}

/// What the frames of a link type are written as: behind upper-PDU tags each names its own dissector.
fn kind(link_type: u16) -> LinkKind {
    match LinkKind::from_link_type(link_type) {
        Some(LinkKind::Air) | None => LinkKind::Tagged,
        Some(other) => other,
    }
}

/// The octets of a frame as they are written: of one that opened, what was inside.
fn in_clear(frame: &RecordedFrame, view: &FrameView) -> Result<Vec<u8>, upper_pdu::UpperPduError> {
    let octets = match &view.opened {
        Some(Opened::Core(octets)) => octets,
        _ => &frame.octets,
    };
    if frame.link_type != LINK_TYPE_UPPER_PDU {
        return Ok(octets.clone());
    }
    let (dissector, payload) = match (&view.opened, view.direction, &frame.kind) {
        (Some(Opened::Rrc(message)), Some(LinkDirection::Downlink), _) => ("lte_rrc.dl_dcch", message),
        (Some(Opened::Rrc(message)), ..) => ("lte_rrc.ul_dcch", message),
        (Some(Opened::Packet(packet)), ..) => ("ip", packet),
        (_, _, FrameKind::Dissector(name)) => (name.as_str(), octets),
        (_, _, FrameKind::Known(kind)) => (kind.dissector(octets), octets),
        _ => ("", octets),
    };
    upper_pdu::wrap(&UpperPdu {
        dissector: dissector.into(),
        source: frame.source,
        destination: frame.destination,
        protocol: "".into(),
        direction: None,
        payload,
    })
}
