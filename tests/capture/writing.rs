//! The writer of captures: frames reach the output in large pieces, and none is claimed that did not.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use keyhop::capture::capture_file::{Capture, CaptureHeader, CaptureWriter, CapturedFrame, FileFormat, MAX_TEXT};
use keyhop::capture::capture_reader;

use crate::samples;

/// Takes so many octets, and tells what it got in which pieces.
#[derive(Clone, Default)]
struct Disk {
    room: usize,
    octets: Rc<RefCell<Vec<u8>>>,
    pieces: Rc<RefCell<usize>>,
}

impl Write for Disk {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut held = self.octets.borrow_mut();
        let taken = octets.len().min(self.room - held.len());
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        held.extend(&octets[..taken]);
        *self.pieces.borrow_mut() += 1;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn header(capture: &Capture) -> CaptureHeader {
    CaptureHeader {
        section_comment: capture.section_comment.clone(),
        interfaces: capture.interfaces.clone(),
        names: capture.names.clone(),
        secrets: Vec::new(),
    }
}

/// The frames of the sample, `times` over.
fn many(times: usize) -> Capture {
    let sample = samples::capture();
    Capture { frames: std::iter::repeat_n(sample.frames.clone(), times).flatten().collect(), ..sample }
}

#[test]
fn frames_go_out_in_large_pieces_and_none_is_lost() {
    let capture = many(4_000);
    for format in [FileFormat::Pcapng, FileFormat::Pcap] {
        let disk = Disk { room: usize::MAX, ..Disk::default() };
        let mut writer = CaptureWriter::new(disk.clone(), format, &header(&capture)).unwrap();
        let before = *disk.pieces.borrow();
        for frame in &capture.frames {
            writer.write_frame(frame).unwrap();
        }
        assert_eq!(writer.frames(), 16_000);
        writer.finish().unwrap();
        let octets = disk.octets.take();
        assert!(*disk.pieces.borrow() - before <= octets.len() / (256 * 1024) + 1);
        assert_eq!(octets, samples::file(&capture, format));
        assert_eq!(capture_reader::read(&octets[..]).unwrap().map(Result::unwrap).count(), 16_000);
    }
}

#[test]
fn a_frame_that_no_file_can_hold_leaves_nothing_behind() {
    let capture = samples::capture();
    let mut writer = CaptureWriter::new(Vec::new(), FileFormat::Pcapng, &header(&capture)).unwrap();
    for frame in &capture.frames {
        let too_long = CapturedFrame { comment: "x".repeat(MAX_TEXT + 1), ..frame.clone() };
        let elsewhere = CapturedFrame { interface: 9, ..frame.clone() };
        let too_large = CapturedFrame { octets: vec![0; 262_145], ..frame.clone() };
        for refused in [too_long, elsewhere, too_large] {
            writer.write_frame(&refused).unwrap_err();
        }
        writer.write_frame(frame).unwrap();
    }
    assert_eq!((writer.frames(), writer.finish().unwrap()), (4, samples::file(&capture, FileFormat::Pcapng)));
}

#[test]
fn an_output_that_is_full_is_told_and_frames_that_it_did_not_take_are_not_claimed() {
    let capture = many(4_000);
    let disk = Disk { room: 600_000, ..Disk::default() };
    let mut writer = CaptureWriter::new(disk.clone(), FileFormat::Pcapng, &header(&capture)).unwrap();
    let taken = capture.frames.iter().take_while(|frame| writer.write_frame(frame).is_ok()).count() as u64;
    let claimed = writer.frames();
    assert!(claimed > 1_000 && claimed < taken, "{claimed} of {taken}");
    let there = capture_reader::read(&disk.octets.borrow()[..]).unwrap().filter(Result::is_ok).count() as u64;
    assert!(claimed <= there, "{claimed} are claimed, {there} are there");
    assert!(writer.write_frame(&capture.frames[0]).is_err());
    assert_eq!(writer.frames(), claimed);
    assert!(writer.finish().is_err());
}

#[test]
fn an_output_that_is_full_before_the_end_is_told_at_the_end() {
    let capture = samples::capture();
    let disk = Disk { room: 600, ..Disk::default() };
    let mut writer = CaptureWriter::new(disk, FileFormat::Pcapng, &header(&capture)).unwrap();
    for frame in &capture.frames {
        writer.write_frame(frame).unwrap();
    }
    assert!(writer.finish().is_err());
}
