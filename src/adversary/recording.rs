//! What the adversary has heard and keeps.

use std::collections::BTreeMap;

use crate::emulation::{NodeIndex, Port};
use crate::time::VirtualTime;

/// How many frames a recording holds at the most.
const FRAMES: usize = 65_536;

/// A frame as it was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When it started.
    pub time: VirtualTime,
    /// On which link.
    pub port: Port,
    /// The end that it was for.
    pub to: NodeIndex,
    /// The octets as they were sent.
    pub octets: Vec<u8>,
}

/// Recordings by name.
#[derive(Clone, Debug, Default)]
pub struct Recordings(BTreeMap<String, Vec<Heard>>);

impl Recordings {
    /// Puts a frame at the end of the recording `name`, unless that is full (65536 frames).
    pub fn record(&mut self, name: &str, frame: Heard) {
        let recording = self.0.entry(name.to_owned()).or_default();
        if recording.len() < FRAMES {
            recording.push(frame);
        }
    }

    /// The frames of the recording `name`, in the order in which they were heard.
    #[must_use]
    pub fn frames(&self, name: &str) -> &[Heard] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The octets of the first frame of the recording `name`.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.frames(name).first().map(|heard| heard.octets.as_slice())
    }
}
