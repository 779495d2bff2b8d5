//! What the tests of captures share: a capture with every kind of interface, and files made octet by octet.

use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{self, Capture, CapturedFrame, FileFormat};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::dot16::security::{PacketNumber, Tek, ccm};
use keyhop::dot16::wire::{CrcForm, GenericMacHeader};
use keyhop::time::VirtualTime;

/// RNG-REQ of `dot16-wire.md` 7.2.
pub const RNG_REQ: &str = concat!(
    "00403e000056",
    "0400020600112233445505060a00000000010601010701070d020005940105",
    "8d13010a00000000020000000101d18d7de2400490",
    "4b6530e2"
);
/// Encrypted data PDU of `dot16-wire.md` 7.5.
pub const DATA: &str = concat!(
    "40503d03007b",
    "01000000",
    "90ce04f81e4767d69248e7e0213563973e432f7c6e8b4137c5a2f775baa451907c68ac466ef3c3",
    "26dad64caee948ab",
    "bcdda4f9"
);

pub fn octets(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

/// The plaintext of the data PDU of 7.5: IPv4, UDP, `hello wimax`.
pub fn hello() -> Vec<u8> {
    octets("450000270001400040 11b6c1c0000201c000020213881389 0013b3f568656c6c6f2077696d6178".replace(' ', "").as_str())
}

pub fn capture() -> Capture {
    let interface = |name: &str, kind| InterfaceDescription { name: name.to_owned(), description: String::new(), kind };
    let (ms, bs, gateway) = (Ipv4Addr::new(10, 16, 0, 10), Ipv4Addr::new(10, 16, 0, 2), Ipv4Addr::new(10, 16, 0, 1));
    let frame = |nanos, interface, octets| CapturedFrame {
        time: VirtualTime::from_nanos(nanos),
        interface,
        octets,
        direction: None,
        source: None,
        destination: None,
        comment: String::new(),
    };
    let air = |nanos, octets, up: bool, comment: &str| CapturedFrame {
        direction: Some(if up { Direction::Uplink } else { Direction::Downlink }),
        source: Some(if up { ms } else { bs }),
        destination: Some(if up { bs } else { ms }),
        comment: comment.to_owned(),
        ..frame(nanos, 0, octets)
    };
    let mut ethernet = octets("0a00000000020a00000000010800");
    ethernet.extend(hello());
    Capture {
        section_comment: "keyhop capture 1, scenario \u{fc}bung, seed 1".to_owned(),
        interfaces: vec![
            InterfaceDescription {
                description: "mobile ms1 at bs2".to_owned(),
                ..interface("air:ms1-bs2", LinkKind::Air)
            },
            interface("r6:bs2-gw", LinkKind::Backbone),
            interface("uplink", LinkKind::RawIp),
        ],
        names: vec![(ms, "ms1".to_owned()), (bs, "bs2".to_owned()), (gateway, "gw".to_owned())],
        frames: vec![
            air(0, octets(RNG_REQ), true, "ms1: RNG-REQ, accepted"),
            air(1_234_567_891, octets(DATA), false, "bs2: data\nverdict: accepted"),
            frame(1_234_567_892, 1, ethernet),
            CapturedFrame { comment: "delivered".to_owned(), ..frame(5_000_000_000_000, 2, hello()) },
        ],
        secrets: Vec::new(),
    }
}

pub fn file(capture: &Capture, format: FileFormat) -> Vec<u8> {
    let mut out = Vec::new();
    capture_file::write(capture, format, &mut out).unwrap();
    out
}

/// A packet of a file made by hand: time in units of the file, octets on the link, captured octets.
pub struct Packet<'a> {
    pub time: u64,
    pub length: u32,
    pub octets: &'a [u8],
}

impl<'a> Packet<'a> {
    pub fn whole(time: u64, octets: &'a [u8]) -> Self {
        Self { time, length: u32::try_from(octets.len()).unwrap(), octets }
    }
}

/// A classic pcap, big-endian or little-endian, with micro- or nanoseconds.
pub fn pcap(link_type: u32, big_endian: bool, nanoseconds: bool, packets: &[Packet<'_>]) -> Vec<u8> {
    let number = |value: u32| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let short = |value: u16| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let mut out = number(if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }).to_vec();
    out.extend([short(2), short(4)].concat());
    out.extend([number(0), number(0), number(65_535), number(link_type)].concat());
    let second = if nanoseconds { 1_000_000_000 } else { 1_000_000 };
    for packet in packets {
        let captured = u32::try_from(packet.octets.len()).unwrap();
        let (seconds, fraction) = ((packet.time / second) as u32, (packet.time % second) as u32);
        out.extend([number(seconds), number(fraction), number(captured), number(packet.length)].concat());
        out.extend(packet.octets);
    }
    out
}

/// A pcapng block around a body, big-endian or little-endian.
pub fn block(kind: u32, big_endian: bool, body: &[u8]) -> Vec<u8> {
    let number = |value: u32| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = number(u32::try_from(body.len() + padding + 12).unwrap());
    [&number(kind)[..], &length, body, &[0; 3][..padding], &length].concat()
}

/// The keys of [`capture`]: those of `dot16-wire.md` 7.
pub const KEYS: &str = "\
# keyhop-keylog 1
NODE name=bs2 role=bs ip=10.16.0.2 id=0a0000000002 -
NODE name=bs3 role=bs ip=10.16.0.3 id=0a0000000003 -
NODE name=ms1 role=ms ip=10.16.0.10 id=001122334455 -
CMAC_KEY_D ms=001122334455 bs=0a0000000002 akid=a1a2a3a4a5a6a7a8 count=5 from=- until=- 000102030405060708090a0b0c0d0e0f
CMAC_KEY_U ms=001122334455 bs=0a0000000002 akid=a1a2a3a4a5a6a7a8 count=5 from=- until=- 000102030405060708090a0b0c0d0e0f
CONN ms=001122334455 bs=0a0000000002 cid=0300 type=transport said=0101 from=- until=- -
TEK ms=001122334455 bs=0a0000000002 akid=a1a2a3a4a5a6a7a8 said=0101 count=5 tek=1 eks=1 source=counter holder=both from=- until=- 202122232425262728292a2b2c2d2e2f
";

/// The TEK in [`KEYS`].
pub fn tek() -> Tek {
    Tek::from_octets(std::array::from_fn(|place| 0x20 + place as u8))
}

/// A data PDU as [`DATA`] is, with another content.
pub fn sealed(tek: &Tek, cid: u16, pn: u32, direction: Direction, plaintext: &[u8]) -> Vec<u8> {
    let header = GenericMacHeader { eks: 1, ..GenericMacHeader::new(Cid(cid)) };
    let pn = PacketNumber::new(pn).unwrap();
    ccm::seal(tek, header, pn, direction, plaintext, Some(CrcForm::MsbFirst)).unwrap()
}

/// The octets of a PDU with its last four replaced by the right CRC.
pub fn with_crc(mut pdu: Vec<u8>) -> Vec<u8> {
    let end = pdu.len() - 4;
    let crc = CrcForm::MsbFirst.octets(&pdu[..end]);
    pdu[end..].copy_from_slice(&crc);
    pdu
}

/// A folder that holds a capture as `x.pcapng` and a key log as `x.keys`.
pub struct Files {
    pub folder: tempfile::TempDir,
}

impl Files {
    pub fn new(capture: &Capture, keys: &str) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(files.path("x.pcapng"), file(capture, FileFormat::Pcapng)).unwrap();
        std::fs::write(files.path("x.keys"), keys).unwrap();
        files
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}
