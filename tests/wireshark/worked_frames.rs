//! The worked frames of `tests/vectors/worked-frames.txt`, and captures made of them.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use keyhop::capture::capture_file::{self, Capture, CapturedFrame, FileFormat};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::dot16::backbone::{BackboneEndpoint, BackbonePacket, ControlMessage, encapsulate};
use keyhop::dot16::identifiers::Direction;
use keyhop::time::VirtualTime;
use tempfile::TempDir;

/// A worked frame.
pub struct WorkedFrame {
    pub name: &'static str,
    /// `None` on the backbone.
    pub direction: Option<Direction>,
    /// A MAC PDU on the air, the payload of UDP on the backbone.
    pub octets: Vec<u8>,
}

/// All of them.
pub fn all() -> Vec<WorkedFrame> {
    let lines = include_str!("../vectors/worked-frames.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&'static str> = line.split_whitespace().collect();
            let [name, link, direction, octets] = columns[..] else {
                panic!("{line}");
            };
            WorkedFrame {
                name,
                direction: match (link, direction) {
                    ("air", "uplink") => Some(Direction::Uplink),
                    ("air", "downlink") => Some(Direction::Downlink),
                    ("asn", "-") => None,
                    _ => panic!("{line}"),
                },
                octets: hex::decode(octets).unwrap(),
            }
        })
        .collect()
}

/// The one of this name.
pub fn named(name: &str) -> WorkedFrame {
    all().into_iter().find(|frame| frame.name == name).unwrap()
}

/// A capture of these frames on the air and the backbone, its comments the names.
pub fn capture(frames: Vec<WorkedFrame>) -> Capture {
    let interface = |name: &str, kind| InterfaceDescription { name: name.to_owned(), description: String::new(), kind };
    let (mobile, station) = (Ipv4Addr::new(10, 16, 0, 10), Ipv4Addr::new(10, 16, 0, 2));
    let frames = (0_u64..).zip(frames).map(|(position, frame)| {
        let (source, destination) = match frame.direction {
            Some(Direction::Uplink) => (Some(mobile), Some(station)),
            Some(Direction::Downlink) => (Some(station), Some(mobile)),
            None => (None, None),
        };
        CapturedFrame {
            time: VirtualTime::from_nanos(position * 5_000_000),
            interface: usize::from(frame.direction.is_none()),
            octets: match frame.direction {
                Some(_) => frame.octets,
                None => on_the_backbone(&frame.octets),
            },
            direction: frame.direction,
            source,
            destination,
            comment: frame.name.to_owned(),
        }
    });
    Capture {
        section_comment: "worked frames".to_owned(),
        interfaces: vec![interface("air:ms1-bs2", LinkKind::Air), interface("r6:bs2-gw", LinkKind::Backbone)],
        names: vec![(mobile, "ms1".to_owned()), (station, "bs2".to_owned())],
        frames: frames.collect(),
        secrets: Vec::new(),
    }
}

fn on_the_backbone(payload: &[u8]) -> Vec<u8> {
    let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: Ipv4Addr::new(10, 16, 0, last) };
    let message = ControlMessage::parse(payload).unwrap();
    encapsulate(&place(254), &place(2), 1, &BackbonePacket::Control(message)).unwrap()
}

/// `capture` as a pcapng file, which is there as long as the folder.
pub fn file(capture: &Capture) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.pcapng");
    let mut file = std::fs::File::create(&path).unwrap();
    capture_file::write(capture, FileFormat::Pcapng, &mut file).unwrap();
    (folder, path)
}

/// The golden captures: those that stand beside a script in `captures/`. Once there is one, no script is without, save those whose
/// runs take minutes.
pub fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut scripts: Vec<PathBuf> =
        keyhop::scenario::bundled::goldens().map(|script| folder.join(script.file_name)).collect();
    scripts.sort();
    let goldens: Vec<PathBuf> =
        scripts.iter().map(|script| script.with_extension("pcapng")).filter(|golden| golden.exists()).collect();
    assert!(goldens.is_empty() || goldens.len() == scripts.len(), "of {scripts:?} only {goldens:?} are there");
    goldens
}
