//! The capture of a run as octets: its header, the frames in memory, and behind them those in the temporary file.

use std::io::{self, Read, Write};

use super::run::FinishedRun;
use crate::capture::spill::{SpillReader, SpilledFrames};
use crate::capture::{CaptureError, CaptureWriter, CapturedFrame, FileFormat, LinkKind, capture_file};

/// Frames of the memory that are made into octets at a time.
const FRAMES_AT_ONCE: usize = 256;

/// The frames of a capture that are not in memory.
pub(super) struct Rest {
    pub(super) frames: SpilledFrames,
    /// The numbers of the interfaces of their links in the capture.
    pub(super) interfaces: Vec<u32>,
}

impl FinishedRun {
    /// How many frames the whole capture has.
    #[must_use]
    pub fn frames(&self) -> u64 {
        let rest = self.rest.as_ref().map_or(0, |rest| rest.frames.frames());
        (self.capture.frames.len() as u64).saturating_add(rest)
    }

    /// Writes the whole capture.
    ///
    /// # Errors
    /// `out` refuses, a frame is beyond what the format can hold, or frames are in a temporary file in another format.
    pub fn write_capture(&self, format: FileFormat, out: &mut impl Write) -> Result<(), CaptureError> {
        let rest = self.rest_in(format)?;
        capture_file::write(&self.capture, format, out)?;
        if let Some(mut rest) = rest {
            io::copy(&mut rest, out).map_err(|error| CaptureError::io("cannot be written", error))?;
        }
        out.flush().map_err(|error| CaptureError::io("cannot be written", error))
    }

    /// Opens the whole capture as octets, of which few are in memory at a time.
    ///
    /// # Errors
    /// The header is beyond what the format can hold, or frames are in a temporary file in another format.
    pub fn open_capture(&self, format: FileFormat) -> Result<CaptureOctets<'_>, CaptureError> {
        let rest = self.rest_in(format)?;
        let header = CaptureWriter::new(Vec::new(), format, &self.capture.header())?.finish()?;
        let kinds = self.capture.interfaces.iter().map(|interface| interface.kind).collect();
        let frames = &self.capture.frames;
        Ok(CaptureOctets { format, kinds, frames, before: 0, octets: header, taken: 0, rest })
    }

    fn rest_in(&self, format: FileFormat) -> Result<Option<SpillReader<'_>>, CaptureError> {
        let Some(rest) = &self.rest else { return Ok(None) };
        if rest.frames.format() != format {
            return Err(CaptureError::Unwritable {
                frame: 0,
                expected: "the format that the run was told".to_owned(),
                found: format!("{format:?}"),
            });
        }
        Ok(Some(rest.frames.read(&rest.interfaces)))
    }
}

/// The octets of a capture, one after the other.
pub struct CaptureOctets<'a> {
    format: FileFormat,
    kinds: Vec<LinkKind>,
    /// Frames of the memory that are still to come, and how many were before them.
    frames: &'a [CapturedFrame],
    before: u64,
    /// What is at hand, and how much of it has been taken.
    octets: Vec<u8>,
    taken: usize,
    rest: Option<SpillReader<'a>>,
}

impl CaptureOctets<'_> {
    /// Makes octets of the next frames of the memory.
    fn next_frames(&mut self) -> Result<(), CaptureError> {
        let (now, later) = self.frames.split_at(self.frames.len().min(FRAMES_AT_ONCE));
        self.octets.clear();
        let octets = std::mem::take(&mut self.octets);
        let mut writer = CaptureWriter::behind(octets, self.format, self.kinds.clone(), self.before);
        for frame in now {
            writer.write_frame(frame)?;
        }
        self.before = writer.frames();
        self.octets = writer.finish()?;
        (self.frames, self.taken) = (later, 0);
        Ok(())
    }
}

impl Read for CaptureOctets<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.octets.len() && !self.frames.is_empty() {
            self.next_frames().map_err(io::Error::other)?;
        }
        let octets = self.octets.get(self.taken..).unwrap_or_default().read(out)?;
        self.taken = self.taken.saturating_add(octets);
        match &mut self.rest {
            Some(rest) if octets == 0 => rest.read(out),
            _ => Ok(octets),
        }
    }
}
