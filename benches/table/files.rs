//! Reading and checking against tshark, writing captures against libpcap.

use std::fs::{self, File};
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::Path;

use keyhop::capture::capture_file::CaptureHeader;
use keyhop::capture::{CaptureWriter, CapturedFrame, FileFormat, InterfaceDescription, LinkKind};
use keyhop::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac};
use keyhop::dot16::security::CmacKey;
use keyhop::dot16::security::cmac_tuple::{Claim, Truncation, cmac_value, verify_all};
use keyhop::dot16::wire::rng_req::RngReqTlv;
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu, RngReq, protected_part};
use keyhop::time::VirtualTime;

use crate::measure::{Compared, compared, once, timed};
use crate::peers::finished;
use crate::{Row, Setting, Shown};

/// RNG-REQ PDUs that are checked together.
const BATCH: usize = 1_024;
/// Octets of a packet that is written, and of the upper-PDU tags in front of an air frame with direction and addresses.
const SMALL_PACKET: usize = 86;
const TAGS: usize = 64;
const AKID: AkId = AkId([0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8]);

const LIBRARY: &str = "RNG-REQ PDUs of 50 octets: header with HCS, CRC-32, every TLV, and the CMAC under a key of its own for each. \
    tshark -q -z io,phs on the same PDUs (without a statistic it would not dissect them), its start subtracted; it looks at HCS and CRC and \
    has no keys.";
const WHOLE: &str = "a file of 400,000 such PDUs, start to end of the process, output to nowhere: keyhop inspect, which makes a line of text of \
    each frame, against tshark -q -z io,phs.";
const WRITING: &str = "a million packets of 86 octets written over a file in memory: pcapng with the direction of each, against \
    classic pcap by libpcap. Opening and closing are counted.";
const FORMATTING: &str =
    "the same into /dev/null: without the system's copying of 130 octets a packet by keyhop and 102 by libpcap.";

/// The rows of this file.
pub fn rows() -> Vec<Row> {
    vec![
        Row::of_ratio("parse and check, library", "tshark", 100.0, (Shown::PerSecond, LIBRARY), library),
        Row::of_ratio("parse and check, whole process", "tshark", 30.0, (Shown::PerSecond, WHOLE), whole_process),
        Row::of_ratio(
            "capture writing, packets of 86 octets",
            "libpcap",
            3.5,
            (Shown::PerSecond, WRITING),
            |setting| writing(setting, LinkKind::Backbone, SMALL_PACKET, Sink::Memory),
        ),
        Row::of_ratio(
            "capture writing, air, 86 octets with tags",
            "libpcap",
            3.5,
            (Shown::PerSecond, WRITING),
            |setting| writing(setting, LinkKind::Air, SMALL_PACKET - TAGS, Sink::Memory),
        ),
        Row::of_ratio(
            "capture formatting, packets of 86 octets",
            "libpcap",
            3.5,
            (Shown::PerSecond, FORMATTING),
            |setting| writing(setting, LinkKind::Backbone, SMALL_PACKET, Sink::Nothing),
        ),
        Row::of_ratio(
            "capture formatting, air, 86 octets with tags",
            "libpcap",
            3.5,
            (Shown::PerSecond, FORMATTING),
            |setting| writing(setting, LinkKind::Air, SMALL_PACKET - TAGS, Sink::Nothing),
        ),
    ]
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// RNG-REQ number `number` of a handover, with the CMAC tuple under `key`.
fn rng_req(number: u32, key: &CmacKey) -> Result<Vec<u8>, String> {
    let mut tlvs = vec![
        RngReqTlv::SsMacAddress(MsMac([2, 0, 0, 0, (number >> 8) as u8, number as u8])),
        RngReqTlv::ServingBsid(Bsid([0x0a, 0, 0, 0, 0, 1])),
        RngReqTlv::RangingPurpose(RngReq::PURPOSE_HANDOVER),
        RngReqTlv::CmacKeyCount(CmacKeyCount(number as u16)),
    ];
    let cid = Cid::INITIAL_RANGING;
    let message = RngReq { reserved: 0, tlvs: tlvs.clone().into() }.octets().map_err(failed)?;
    let value = cmac_value(key, AKID, number, cid, &message, Truncation::Right);
    let tuple = CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(1), bsid: None, pn: number, value };
    tlvs.push(RngReqTlv::CmacTuple(tuple));
    let message = RngReq { reserved: 0, tlvs: tlvs.into() }.octets().map_err(failed)?;
    MacPdu::build(GenericMacHeader::new(cid), &message, Some(CrcForm::MsbFirst)).map_err(failed)
}

fn keys() -> Vec<CmacKey> {
    (0..BATCH).map(|number| CmacKey::from_octets([number as u8; 16])).collect()
}

fn pdus(keys: &[CmacKey]) -> Result<Vec<Vec<u8>>, String> {
    (1..).zip(keys).map(|(number, key)| rng_req(number, key)).collect()
}

/// Parses and checks every PDU.
fn checked(pdus: &[Vec<u8>], keys: &[CmacKey]) -> Result<usize, String> {
    let mut claims = Vec::with_capacity(pdus.len());
    for (octets, key) in pdus.iter().zip(keys) {
        let pdu = MacPdu::parse(octets).map_err(failed)?;
        if pdu.crc_form() != Some(CrcForm::MsbFirst) {
            return Err("a CRC that is not right".to_owned());
        }
        let message = RngReq::parse(pdu.body).map_err(failed)?;
        let tuple = message.cmac_tuple().ok_or("no CMAC tuple")?;
        let covered = protected_part(pdu.body, tuple).ok_or("no trailing CMAC tuple")?;
        let cid = pdu.header.cid;
        claims.push(Claim { key, akid: AKID, pn: tuple.pn, cid, message: covered, value: tuple.value });
    }
    let verdicts = verify_all(&claims, Truncation::Right);
    Ok(verdicts.into_iter().filter(|verifies| *verifies).count())
}

fn library(setting: &Setting) -> Result<Compared, String> {
    let effort = setting.effort;
    let keys = keys();
    let pdus = pdus(&keys)?;
    let folder = tempfile::tempdir().map_err(failed)?;
    let counts = if setting.smoke { [10, 20] } else { [20_000, 220_000] };
    let files = counts.map(|count| folder.path().join(format!("{count}.pcapng")));
    for (file, count) in files.iter().zip(counts) {
        capture_of(file, &pdus, count)?;
    }
    compared(
        effort.seldom(),
        || {
            Ok(timed(effort, BATCH, || {
                assert_eq!(checked(black_box(&pdus), &keys), Ok(BATCH));
            }))
        },
        || {
            let [few, many] = [tshark(&files[0])?, tshark(&files[1])?];
            let frames = (counts[1] - counts[0]) as f64;
            Ok(((many - few) * 1e9 / frames).max(f64::MIN_POSITIVE))
        },
    )
}

/// Seconds that tshark takes for a file.
fn tshark(file: &Path) -> Result<f64, String> {
    let file = file.display().to_string();
    let (seconds, result) = once(|| finished(Path::new("tshark"), &["-q", "-z", "io,phs", "-r", &file]));
    result.map(|()| seconds)
}

fn header() -> CaptureHeader {
    CaptureHeader {
        section_comment: String::new(),
        interfaces: vec![InterfaceDescription {
            name: "air:ms1-bs1".to_owned(),
            description: String::new(),
            kind: LinkKind::Air,
        }],
        names: Vec::new(),
        secrets: Vec::new(),
    }
}

fn frame(number: usize, octets: Vec<u8>) -> CapturedFrame {
    CapturedFrame {
        time: VirtualTime::from_nanos(number as u64 * 5_000_000),
        interface: 0,
        octets,
        direction: Some(Direction::Uplink),
        source: Some(Ipv4Addr::new(192, 0, 2, 10)),
        destination: Some(Ipv4Addr::new(10, 16, 0, 1)),
        comment: String::new(),
    }
}

/// A capture of `count` frames, `pdus` over and over.
fn capture_of(file: &Path, pdus: &[Vec<u8>], count: usize) -> Result<(), String> {
    let out = File::create(file).map_err(failed)?;
    let mut writer = CaptureWriter::new(out, FileFormat::Pcapng, &header()).map_err(failed)?;
    for (number, octets) in pdus.iter().cycle().take(count).enumerate() {
        writer.write_frame(&frame(number, octets.clone())).map_err(failed)?;
    }
    writer.finish().map(drop).map_err(failed)
}

fn whole_process(setting: &Setting) -> Result<Compared, String> {
    let folder = tempfile::tempdir().map_err(failed)?;
    let file = folder.path().join("frames.pcapng");
    let count = if setting.smoke { 100 } else { 400_000 };
    capture_of(&file, &pdus(&keys())?, count)?;
    let name = file.display().to_string();
    let per_frame = |seconds: f64| seconds * 1e9 / count as f64;
    compared(
        setting.effort.seldom(),
        || {
            let (seconds, result) = once(|| finished(&setting.keyhop, &["inspect", &name]));
            result.map(|()| per_frame(seconds))
        },
        || tshark(&file).map(per_frame),
    )
}

/// Where files are in memory, if there is such a place.
fn in_memory() -> Result<tempfile::TempDir, String> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.map_err(failed)
}

/// The file, written over if it is there: its pages are in memory.
fn over(path: &Path) -> Result<File, String> {
    File::options().write(true).create(true).truncate(false).open(path).map_err(failed)
}

/// Where what is written goes.
#[derive(Clone, Copy, PartialEq)]
enum Sink {
    /// Files in memory.
    Memory,
    /// A device that takes everything.
    Nothing,
}

/// Frames of `octets` on an interface of this kind, packets of [`SMALL_PACKET`] octets in the file.
fn writing(setting: &Setting, kind: LinkKind, octets: usize, into: Sink) -> Result<Compared, String> {
    let folder = in_memory()?;
    let [ours, theirs] = ["ours.pcapng", "theirs.pcap"].map(|name| match into {
        Sink::Memory => folder.path().join(name),
        Sink::Nothing => "/dev/null".into(),
    });
    let count = if setting.smoke { 10 } else { 1_000_000 };
    let (packet, peer_file) = (SMALL_PACKET.to_string(), theirs.display().to_string());
    let mut header = header();
    header.interfaces[0].kind = kind;
    let mut frame = frame(0, vec![0x41; octets]);
    let mut write = || {
        let (seconds, result) = once(|| -> Result<(), String> {
            let mut writer = CaptureWriter::new(over(&ours)?, FileFormat::Pcapng, &header).map_err(failed)?;
            for number in 0..count {
                frame.time = VirtualTime::from_nanos(number * 5_000_000);
                frame.octets[0] = number as u8;
                writer.write_frame(&frame).map_err(failed)?;
            }
            writer.finish().map(drop).map_err(failed)
        });
        result.map(|()| seconds * 1e9 / count as f64)
    };
    let peer = || setting.peers.number("pcap_writer", &[&count.to_string(), &packet, &peer_file]);
    // The first time makes the files.
    (write()?, peer()?);
    let measured = compared(setting.effort, &mut write, peer)?;
    // A block of 32 octets around the packet, and 12 of options: what was measured was written.
    let expected = count * (SMALL_PACKET.next_multiple_of(4) as u64 + 32 + 12);
    if into == Sink::Memory {
        let found = fs::metadata(&ours).map_err(failed)?.len();
        assert!((expected..expected + 1_000).contains(&found), "{found} octets in the file, not {expected}");
    }
    Ok(measured)
}
