//! The frames of a run while it goes on: the first ones in memory, those beyond a bound in a temporary file.
//!
//! In memory a frame is a [`Transmission`], of which the ladder is drawn and with which attacks are measured. In the file it
//! stands as it will in the capture.

use std::path::PathBuf;

use super::recorded_capture;
use super::run::RunError;
use super::world::Topology;
use crate::capture::spill::{FrameSpill, SpilledFrames};
use crate::capture::{CaptureError, FileFormat};
use crate::emulation::{Transmission, Verdict};

/// How many octets the frames of a capture take in memory, about, before they go to a file: 64 MiB.
pub const FRAMES_IN_MEMORY: usize = 64 * 1024 * 1024;

/// What a run is told about its capture: where frames go that are too many for memory, and as what.
#[derive(Clone, Debug)]
pub struct CaptureStore {
    /// The format of the capture. Frames that go to a file cannot be written in another one later.
    pub format: FileFormat,
    /// The folder of the temporary file, which is made when a frame is beyond `memory`.
    pub folder: PathBuf,
    /// How many octets frames take in memory, about, with what is known of each. Where results of attacks need the frames, all
    /// of them stay there.
    pub memory: usize,
    /// Whether user packets that come out are kept, all of them in memory.
    pub delivered: bool,
}

impl Default for CaptureStore {
    /// pcapng, [`FRAMES_IN_MEMORY`], the rest in the system's folder of temporary files, no user packets.
    fn default() -> Self {
        Self { format: FileFormat::Pcapng, folder: std::env::temp_dir(), memory: FRAMES_IN_MEMORY, delivered: false }
    }
}

impl CaptureStore {
    /// Everything stays in memory, user packets too.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { memory: usize::MAX, delivered: true, ..Self::default() }
    }
}

/// The frames of a run that is over.
pub(super) struct FinishedFrames {
    /// Those in memory.
    pub(super) transmissions: Vec<Transmission>,
    /// Which of these go into the capture; empty: all.
    pub(super) captured: Vec<bool>,
    /// Those behind them.
    pub(super) spilled: Option<SpilledFrames>,
}

/// The frames so far.
pub(super) struct KeptFrames {
    store: CaptureStore,
    /// Octets of memory that are left.
    room: usize,
    transmissions: Vec<Transmission>,
    /// Which of them go into the capture; empty: all.
    captured: Vec<bool>,
    spill: Option<FrameSpill>,
    failure: Option<CaptureError>,
}

impl KeptFrames {
    /// None yet; `all_in_memory` whatever the bound is.
    pub(super) fn new(mut store: CaptureStore, all_in_memory: bool) -> Self {
        if all_in_memory {
            store.memory = usize::MAX;
        }
        Self { room: store.memory, store, transmissions: Vec::new(), captured: Vec::new(), spill: None, failure: None }
    }

    /// Takes the next frame. `captured` says whether it goes into the capture, where some of them do not.
    pub(super) fn keep(&mut self, sent: Transmission, captured: Option<bool>, topology: &Topology) {
        if self.failure.is_some() {
            return;
        }
        if self.spill.is_none()
            && let Some(room) = self.room.checked_sub(memory_of(&sent))
        {
            self.room = room;
            self.captured.extend(captured);
            self.transmissions.push(sent);
            return;
        }
        if let Err(error) = self.spill(sent, topology) {
            self.failure = Some(error);
        }
    }

    fn spill(&mut self, sent: Transmission, topology: &Topology) -> Result<(), CaptureError> {
        let before = self.transmissions.len() as u64;
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(FrameSpill::new(&self.store.folder, self.store.format, before)?),
        };
        let (port, kind) = (sent.port.0, recorded_capture::kind(topology.ends_of(&sent)));
        spill.write(port, kind, recorded_capture::frame(sent, topology, 0))
    }

    /// Whether frames are in the file, and no longer at hand for the ladder.
    pub(super) const fn in_file(&self) -> bool {
        self.spill.is_some()
    }

    /// Whether the file cannot be written: there is no use in going on.
    pub(super) const fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// All frames, the run being over.
    ///
    /// # Errors
    /// The file could not be written.
    pub(super) fn finish(self) -> Result<FinishedFrames, RunError> {
        let spilled = match self.failure {
            Some(failure) => Err(failure),
            None => self.spill.map(FrameSpill::finish).transpose(),
        };
        let spilled = spilled.map_err(|source| RunError::Spill { folder: self.store.folder, source })?;
        Ok(FinishedFrames { transmissions: self.transmissions, captured: self.captured, spilled })
    }
}

/// Octets that a frame takes in memory, without what the allocator adds.
fn memory_of(sent: &Transmission) -> usize {
    let verdicts: usize = sent.verdicts.iter().map(|verdict| size_of::<Verdict>() + verdict.text.len()).sum();
    let remarks: usize = sent.remarks.iter().map(|remark| size_of::<String>() + remark.len()).sum();
    size_of::<Transmission>() + sent.octets.len() + sent.note.len() + verdicts + remarks
}
