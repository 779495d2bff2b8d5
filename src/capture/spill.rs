//! The frames of a capture that is too long for memory: they go to a temporary file as they come, and from there into the
//! capture when its interfaces are known.
//!
//! The file holds what will stand in the capture: Enhanced Packet Blocks of pcapng, or records of classic pcap. Interfaces have
//! numbers of its own there, in the order in which links first carried a frame; whoever reads it gets the capture's numbers in
//! their place. The file has no name, so that nothing is left of it, whatever ends the program.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom};
use std::path::Path;

use super::capture_file::{CaptureWriter, CapturedFrame, FileFormat};
use super::error::CaptureError;
use super::framing::LinkKind;
use crate::time::VirtualTime;

/// Octets that go to the file, or come from it, at a time.
const BUFFER: usize = 256 * 1024;
/// Octets of type, length and interface number, with which an Enhanced Packet Block begins, little-endian.
const BLOCK_HEAD: usize = 12;

/// A link that has carried spilled frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpilledLink {
    /// Its number, as the one who spills has it.
    pub link: usize,
    /// When the first of these frames started.
    pub first: VirtualTime,
    /// When the last of them started.
    pub last: VirtualTime,
}

/// Takes frames while they come.
pub struct FrameSpill {
    writer: CaptureWriter<BufWriter<File>>,
    format: FileFormat,
    /// By the number of their interface in the file.
    links: Vec<SpilledLink>,
    interfaces: HashMap<usize, usize>,
    before: u64,
}

/// Frames in a temporary file.
pub struct SpilledFrames {
    file: File,
    format: FileFormat,
    links: Vec<SpilledLink>,
    frames: u64,
}

impl FrameSpill {
    /// A temporary file in `folder` for frames of a capture in this format, in which `before` frames precede them.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn new(folder: &Path, format: FileFormat, before: u64) -> Result<Self, CaptureError> {
        let file = tempfile::tempfile_in(folder).map_err(|error| CaptureError::io("cannot be written", error))?;
        let writer = CaptureWriter::behind(BufWriter::with_capacity(BUFFER, file), format, Vec::new(), before);
        Ok(Self { writer, format, links: Vec::new(), interfaces: HashMap::new(), before })
    }

    /// Takes the next frame, of a link of this number and kind; the interface that the frame names does not matter.
    ///
    /// # Errors
    /// The file cannot be written, or the frame is beyond what the format can hold.
    pub fn write(&mut self, link: usize, kind: LinkKind, mut frame: CapturedFrame) -> Result<(), CaptureError> {
        let time = frame.time;
        frame.interface = *self.interfaces.entry(link).or_insert_with(|| {
            self.links.push(SpilledLink { link, first: time, last: time });
            self.writer.add_interface(kind)
        });
        if let Some(link) = self.links.get_mut(frame.interface) {
            link.last = time;
        }
        self.writer.write_frame(&frame)
    }

    /// The frames, all there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<SpilledFrames, CaptureError> {
        let frames = self.writer.frames().saturating_sub(self.before);
        let file = self.writer.finish()?.into_inner();
        let file = file.map_err(|error| CaptureError::io("cannot be written", error.into_error()))?;
        Ok(SpilledFrames { file, format: self.format, links: self.links, frames })
    }
}

impl SpilledFrames {
    /// The links that carried them, in the order in which they first did.
    #[must_use]
    pub fn links(&self) -> &[SpilledLink] {
        &self.links
    }

    /// How many there are.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// The format they are in.
    #[must_use]
    pub const fn format(&self) -> FileFormat {
        self.format
    }

    /// Their octets as they stand in a capture in which the [`links`](Self::links) have interfaces of these numbers, from the
    /// first frame on. Any number of readers may read in turn, on one thread.
    #[must_use]
    pub fn read<'a>(&'a self, interfaces: &'a [u32]) -> SpillReader<'a> {
        let input = BufReader::with_capacity(BUFFER, FileAt { file: &self.file, offset: 0 });
        SpillReader { input, format: self.format, interfaces, left: self.frames, block: Vec::new(), taken: 0 }
    }
}

/// Reads a file from a place of its own on, whoever else reads it in between.
struct FileAt<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for FileAt<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.offset))?;
        let octets = file.read(out)?;
        self.offset = self.offset.saturating_add(octets as u64);
        Ok(octets)
    }
}

/// Reads spilled frames as they stand in their capture.
pub struct SpillReader<'a> {
    input: BufReader<FileAt<'a>>,
    format: FileFormat,
    interfaces: &'a [u32],
    /// Frames that are still in the file.
    left: u64,
    /// The block read last, and how much of it has been taken.
    block: Vec<u8>,
    taken: usize,
}

impl SpillReader<'_> {
    /// The next block, with the number of its interface in the capture.
    fn next_block(&mut self) -> io::Result<()> {
        let mut head = [0; BLOCK_HEAD];
        self.input.read_exact(&mut head)?;
        let [t0, t1, t2, t3, l0, l1, l2, l3, i0, i1, i2, i3] = head;
        let own = u32::from_le_bytes([i0, i1, i2, i3]);
        let interface = usize::try_from(own).ok().and_then(|own| self.interfaces.get(own));
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3])).checked_sub(BLOCK_HEAD as u64);
        let (Some(interface), Some(rest)) = (interface, length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the temporary file is not as it was written"));
        };
        self.block.clear();
        self.block.extend_from_slice(&[t0, t1, t2, t3, l0, l1, l2, l3]);
        self.block.extend_from_slice(&interface.to_le_bytes());
        if (&mut self.input).take(rest).read_to_end(&mut self.block)? as u64 != rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.left, self.taken) = (self.left.saturating_sub(1), 0);
        Ok(())
    }
}

impl Read for SpillReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.format == FileFormat::Pcap {
            return self.input.read(out);
        }
        if self.taken >= self.block.len() && self.left > 0 {
            self.next_block()?;
        }
        let octets = self.block.get(self.taken..).unwrap_or_default().read(out)?;
        self.taken = self.taken.saturating_add(octets);
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Capture, InterfaceDescription, capture_file};

    fn frame(number: u64, interface: usize) -> CapturedFrame {
        CapturedFrame {
            time: VirtualTime::from_nanos(number * 1_000),
            interface,
            octets: vec![number as u8; 10 + number as usize % 7],
            direction: None,
            source: None,
            destination: None,
            comment: format!("frame {number}"),
        }
    }

    fn interface(kind: LinkKind) -> InterfaceDescription {
        InterfaceDescription { name: "a link".to_owned(), description: String::new(), kind }
    }

    #[test]
    fn spilled_frames_are_those_of_a_capture_written_at_once_and_can_be_read_twice_side_by_side() {
        let kinds = [LinkKind::Air, LinkKind::Backbone, LinkKind::Air];
        for format in [FileFormat::Pcapng, FileFormat::Pcap] {
            let mut capture = Capture { interfaces: kinds.map(interface).to_vec(), ..Capture::default() };
            let mut header = Vec::new();
            capture_file::write(&capture, format, &mut header).unwrap();
            // Links 30, 20 and 10 are interfaces 2, 1 and 0.
            let mut spill = FrameSpill::new(&std::env::temp_dir(), format, 0).unwrap();
            for number in 0..10_000 {
                let own = [2, 2, 0, 1][number as usize % 4];
                spill.write(own * 10 + 10, kinds[own], frame(number, 77)).unwrap();
                capture.frames.push(frame(number, own));
            }
            let spilled = spill.finish().unwrap();
            assert_eq!(spilled.frames(), 10_000);
            let links: Vec<_> = spilled.links().iter().map(|link| (link.link, link.first.as_nanos())).collect();
            assert_eq!(links, [(30, 0), (10, 2_000), (20, 3_000)]);
            assert_eq!(spilled.links()[2].last.as_nanos(), 9_999_000);
            let mut whole = Vec::new();
            capture_file::write(&capture, format, &mut whole).unwrap();
            let interfaces = [2, 0, 1];
            let mut readers = [spilled.read(&interfaces), spilled.read(&interfaces)];
            let mut read = [header.clone(), header];
            let mut part = [0; 1_000];
            loop {
                let ends = [0, 1].map(|of| {
                    let octets = readers[of].read(&mut part).unwrap();
                    read[of].extend_from_slice(&part[..octets]);
                    octets == 0
                });
                if ends == [true; 2] {
                    break;
                }
            }
            assert!(read.iter().all(|octets| *octets == whole), "{format:?}");
        }
    }

    #[test]
    fn a_frame_that_cannot_be_written_is_named_by_its_number_in_the_capture() {
        let mut spill = FrameSpill::new(&std::env::temp_dir(), FileFormat::Pcapng, 41).unwrap();
        let mut long = frame(1, 0);
        long.octets = vec![0; 300_000];
        let error = spill.write(0, LinkKind::Backbone, long).unwrap_err();
        assert!(error.to_string().starts_with("frame 42 cannot be written"), "{error}");
        assert!(FrameSpill::new(Path::new("/no/such/folder"), FileFormat::Pcap, 0).is_err());
    }
}
