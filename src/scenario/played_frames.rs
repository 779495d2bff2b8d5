//! The frames of capture files that attacks play: `{ play = "FILE.pcapng", frames = [1, 5] }`.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use super::bundled;
use super::run::RunError;
use super::script::{AttackAction, Script};
use crate::capture::capture_reader::{self, CaptureReader};
use crate::capture::error::CaptureError;
use crate::capture::gathering::{Gathered, Strictness, gather};
use crate::capture::{CapturedFrame, LinkKind};

/// By number of the attack: the octets of its frames, in the order in which they are played.
pub(super) type PlayedFrames = BTreeMap<usize, Vec<Vec<u8>>>;

/// Reads what the attacks of `script` play. Files are looked for in `folder`, then among the bundled ones.
pub(super) fn read(script: &Script, folder: &Path) -> Result<PlayedFrames, RunError> {
    let mut played = PlayedFrames::new();
    for (number, attack) in script.attacks.iter().enumerate() {
        let AttackAction::Play { file, frames } = &attack.action else {
            continue;
        };
        let path = folder.join(file);
        let capture = match bundled::traffic_file(file) {
            Some(octets) if !path.exists() => whole(capture_reader::read(Cursor::new(octets))?)?,
            _ => whole(capture_reader::open(&path)?)?,
        };
        let backbone = attack.tap.is_some_and(super::script::Tap::is_backbone);
        let wanted = if backbone { LinkKind::Backbone } else { LinkKind::Air };
        let mut octets = Vec::new();
        for &frame in frames {
            // A frame of another's framing may hold several bursts: all of them are played.
            let numbered = || capture.iter().filter(|(number, ..)| *number == u64::from(frame));
            let found = numbered().next();
            match found {
                Some((_, kind, _)) if *kind == wanted => {
                    octets.extend(numbered().map(|(_, _, captured)| captured.octets.clone()));
                }
                found => {
                    let expected = if backbone { "an Ethernet frame" } else { "a frame of 802.16" };
                    let found = match found {
                        Some(_) => "a frame of another kind".to_owned(),
                        None => format!("{} frames in the file", capture.len()),
                    };
                    return Err(RunError::PlayedFrame { file: path, frame, expected, found });
                }
            }
        }
        played.insert(number, octets);
    }
    Ok(played)
}

/// Every frame of a capture with its number and kind; those of no kind that can be played are left out.
fn whole<R: std::io::Read>(mut reader: CaptureReader<R>) -> Result<Vec<(u64, LinkKind, CapturedFrame)>, CaptureError> {
    let Gathered { capture, numbers, .. } = gather(&mut reader, None, Strictness::Lenient)?;
    let kind = |frame: &CapturedFrame| capture.interfaces.get(frame.interface).map(|interface| interface.kind);
    let numbered = capture.frames.iter().zip(numbers);
    Ok(numbered.filter_map(|(frame, number)| Some((number, kind(frame)?, frame.clone()))).collect())
}
