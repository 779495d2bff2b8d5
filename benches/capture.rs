//! Frames written per second: a pcapng of small air frames, against a bare copy of the octets that it comes to.
//!
//! * `pcapng to memory`: into a buffer that is large enough from the start.
//! * `pcapng to nowhere`: the same without keeping anything, the cost of formatting.
//! * `pcapng, no comments`: into the buffer, but the frames carry no comment.
//! * `copy`: the octets of the first file, block by block, into the same buffer.

use std::hint::black_box;
use std::io::{Write, sink};
use std::net::Ipv4Addr;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use keyhop::capture::capture_file::CaptureHeader;
use keyhop::capture::{CaptureWriter, CapturedFrame, FileFormat, InterfaceDescription, LinkKind};
use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::dot16::security::ccm::seal;
use keyhop::dot16::security::{PacketNumber, Tek};
use keyhop::dot16::wire::{CrcForm, GenericMacHeader};
use keyhop::time::VirtualTime;

const FRAMES: u32 = 10_000;
/// Plaintext of a frame; with header, PN, ICV and CRC it is a MAC PDU of 86 octets.
const PLAINTEXT: [u8; 64] = [0x41; 64];
const PDU_OCTETS: usize = 86;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let header = header();
    let frames: Vec<CapturedFrame> = (1..=FRAMES).map(frame).collect();
    let bare: Vec<CapturedFrame> =
        frames.iter().map(|frame| CapturedFrame { comment: String::new(), ..frame.clone() }).collect();
    let file = written(Vec::new(), &header, &frames);
    let blocks = blocks(&file);
    assert_eq!(copied(Vec::new(), &blocks), file);
    println!("{} octets in the file for each frame of {PDU_OCTETS}", file.len() / frames.len());

    let mut group = criterion.benchmark_group("capture");
    group.throughput(Throughput::Elements(u64::from(FRAMES))).warm_up_time(Duration::from_secs(1));
    let mut buffer = Vec::with_capacity(file.len());
    for (name, frames) in [("pcapng to memory", &frames), ("pcapng, no comments", &bare)] {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                buffer.clear();
                written(&mut buffer, &header, black_box(frames));
                black_box(buffer.len())
            });
        });
    }
    group.bench_function(BenchmarkId::from_parameter("pcapng to nowhere"), |bencher| {
        bencher.iter(|| written(sink(), &header, black_box(&frames)));
    });
    group.bench_function(BenchmarkId::from_parameter("copy"), |bencher| {
        bencher.iter(|| {
            buffer.clear();
            copied(&mut buffer, black_box(&blocks));
            black_box(buffer.len())
        });
    });
    group.finish();
    criterion.final_summary();
}

fn header() -> CaptureHeader {
    CaptureHeader {
        section_comment: "benchmark".to_owned(),
        interfaces: vec![InterfaceDescription {
            name: "air:ms1-bs1".to_owned(),
            description: String::new(),
            kind: LinkKind::Air,
        }],
        names: Vec::new(),
        secrets: Vec::new(),
    }
}

/// A data PDU as a run records it.
fn frame(number: u32) -> CapturedFrame {
    let pn = PacketNumber::new(number).expect("it is not 0");
    let tek = Tek::from_octets([0x5a; 16]);
    let template = GenericMacHeader::new(Cid(0x0301));
    let crc = Some(CrcForm::MsbFirst);
    let octets = seal(&tek, template, pn, Direction::Uplink, &PLAINTEXT, crc).expect("it fits in a PDU");
    assert_eq!(octets.len(), PDU_OCTETS);
    CapturedFrame {
        time: VirtualTime::from_nanos(u64::from(number) * 5_000_000),
        interface: 0,
        octets,
        direction: Some(Direction::Uplink),
        source: Some(Ipv4Addr::new(192, 0, 2, 10)),
        destination: Some(Ipv4Addr::new(10, 16, 0, 1)),
        comment: format!("user data, 64 octets, PN {number}, EKS 1; bs1: accepted: ICV good, PN {number} new"),
    }
}

fn written<W: Write>(out: W, header: &CaptureHeader, frames: &[CapturedFrame]) -> W {
    let mut writer = CaptureWriter::new(out, FileFormat::Pcapng, header).expect("the header can be written");
    for frame in frames {
        writer.write_frame(frame).expect("the frame can be written");
    }
    writer.finish().expect("memory takes everything")
}

/// The blocks of a little-endian pcapng file: octets 4 to 7 of each are its length.
fn blocks(file: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = file;
    while let Some(length) = rest.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().expect("four octets"));
        let (block, after) = rest.split_at(length as usize);
        blocks.push(block);
        rest = after;
    }
    blocks
}

fn copied<W: Write>(mut out: W, blocks: &[&[u8]]) -> W {
    for block in blocks {
        out.write_all(block).expect("memory takes everything");
    }
    out
}
