//! Whole files in small: key logs, captures of every form that keyhop reads, a certificate.

use std::error::Error;
use std::path::Path;

use keyhop::capture::capture_file::{self, FileFormat};
use keyhop::capture::{Capture, LinkKind, capture_reader};
use keyhop::dot16::identifiers::MsMac;
use keyhop::dot16::security::eap_tls::{CertificateAuthority, CertificateState};

use crate::corpus::Corpora;

/// Of each kind of line the shortest and the longest, and the beginning of every log.
pub fn offer_key_log(corpora: &mut Corpora, text: &str) {
    let mut beginning = String::new();
    for line in text.lines() {
        let kind = line.split(' ').next().unwrap_or_default();
        let tek = line.split(' ').filter(|field| field.starts_with("source=") || field.starts_with("holder="));
        let kind = tek.fold(kind.to_owned(), |kind, field| format!("{kind}-{field}"));
        corpora.offer("key_logs", &kind, format!("# keyhop-keylog 1\n{line}\n").as_bytes());
        if beginning.len() < 700 {
            beginning = format!("{beginning}{line}\n");
        }
    }
    corpora.offer("key_logs", "several", beginning.as_bytes());
}

/// The certificate of a device, where the name is, with what is behind the name cut off: that would be too long for a seed.
pub fn offer_certificate(corpora: &mut Corpora) -> Result<(), Box<dyn Error>> {
    let device = CertificateAuthority::new([1; 32]).device(MsMac([2, 0, 0, 0, 0, 1]), CertificateState::Valid)?;
    corpora.offer("eap_packets", "certificate", device.certificate());
    Ok(())
}

/// Beginnings of golden captures as keyhop writes them, and captures of others, octet by octet.
pub fn offer_captures(corpora: &mut Corpora, root: &Path) -> Result<(), Box<dyn Error>> {
    let golden = capture_reader::read_whole(capture_reader::open(&root.join("captures/seamless.pcapng"))?)?;
    for kind in [LinkKind::Air, LinkKind::Backbone] {
        let of_kind = |frame: &&capture_file::CapturedFrame| golden.interfaces[frame.interface].kind == kind;
        let mut frames: Vec<_> = golden.frames.iter().filter(of_kind).take(2).cloned().collect();
        let interface = frames.first().map_or(0, |frame| frame.interface);
        frames.retain(|frame| frame.interface == interface && frame.octets.len() < 200);
        frames.iter_mut().for_each(|frame| frame.interface = 0);
        let interfaces = vec![golden.interfaces[interface].clone()];
        let names = golden.names.iter().take(2).cloned().collect();
        let capture = Capture { section_comment: "keyhop".to_owned(), interfaces, names, frames, secrets: Vec::new() };
        for format in [FileFormat::Pcapng, FileFormat::Pcap] {
            let mut octets = Vec::new();
            capture_file::write(&capture, format, &mut octets)?;
            corpora.offer("capture_files", &format!("own-{format:?}-{kind:?}"), &octets);
        }
    }
    for big_endian in [false, true] {
        let order = Order { big_endian };
        for (name, link_type, frame) in link_frames() {
            let pcap = [order.pcap_header(link_type, big_endian), order.pcap_record(&frame, frame.len())].concat();
            corpora.offer("capture_files", &format!("pcap-{name}-{big_endian}"), &pcap);
        }
        corpora.offer("capture_files", &format!("pcapng-{big_endian}"), &order.pcapng(false));
        corpora.offer("capture_files", &format!("pcapng-twice-{big_endian}"), &order.pcapng(true));
    }
    let cut = Order { big_endian: false };
    corpora.offer("capture_files", "pcap-cut", &[cut.pcap_header(101, false), cut.pcap_record(&ipv4(), 90)].concat());
    Ok(())
}

/// A UDP datagram of one octet in IPv4.
fn ipv4() -> Vec<u8> {
    let ip = [0x45, 0, 0, 29, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&ip[..], &[0x13, 0x88, 0x13, 0x89, 0, 9, 0, 0, b'k']].concat()
}

/// Captures of 802.16 in the framings of others, and lists of such records as the target `foreign_framings` reads them.
pub fn offer_foreign(corpora: &mut Corpora) {
    let pdu = [0, 0x40, 11, 0xff, 0xff, 0xa5, 1, 0, 0, 0, 0];
    let packet = |tlvs: &[&[u8]]| [&[0, 1, 0, tlvs.len() as u8][..], &tlvs.concat()].concat();
    let pdus = |octets: &[u8]| [&[9, octets.len() as u8][..], octets].concat();
    let whole = packet(&[&[8, 3, 0, 0, 0], &pdus(&pdu), &[7, 3, 96, 0, 0]]);
    let fragment = |kind, number, part: &[u8]| packet(&[&[3, 1, 1], &[4, 1, kind], &[5, 1, number], &pdus(part)]);
    let (first, last) = (fragment(1, 1, &pdu[..6]), fragment(3, 2, &pdu[6..]));
    let gsmtap = |kind, burst: &[u8]| [&[2, 4, 7, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, kind, 0, 0, 0][..], burst].concat();
    let record = |how: u8, octets: &[u8]| [&[how, octets.len() as u8][..], octets].concat();
    let lists = [
        ("m2m", record(0x08, &whole)),
        ("m2m-fragments", [record(0x48, &first), record(0x08, &last)].concat()),
        ("m2m-late", [record(0x08, &first), record(0x88, &last)].concat()),
        ("m2m-two-ways", [record(0x08, &whole), record(0x18, &whole)].concat()),
        ("gsmtap", record(0x0c, &gsmtap(0x13, &pdu))),
        ("gsmtap-code", record(0x0c, &gsmtap(0x10, &[96, 0, 0]))),
        ("gsmtap-phy", record(0x0c, &gsmtap(0x11, &[0, 0, 0]))),
        ("bare", record(0x26, &pdu)),
    ];
    for (name, list) in lists {
        corpora.offer("foreign_framings", name, &list);
    }
    let ethernet = |packet: &[u8]| [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0xf0][..], packet].concat();
    let order = Order { big_endian: false };
    for (name, link_type, frames) in [
        ("m2m", 1, vec![ethernet(&whole)]),
        ("m2m-fragments", 1, vec![ethernet(&first), ethernet(&last)]),
        ("bare", 188, vec![pdu.to_vec()]),
    ] {
        let records: Vec<Vec<u8>> = frames.iter().map(|frame| order.pcap_record(frame, frame.len())).collect();
        corpora.offer("capture_files", name, &[order.pcap_header(link_type, false), records.concat()].concat());
    }
}

/// An IPv4 packet behind every link header that traffic is read from.
fn link_frames() -> Vec<(&'static str, u16, Vec<u8>)> {
    let behind = |header: &[u8]| [header, &ipv4()].concat();
    vec![
        ("ethernet", 1, behind(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])),
        ("vlan", 1, behind(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0])),
        ("cooked-1", 113, behind(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0])),
        ("cooked-2", 276, behind(&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0])),
        ("loopback", 0, behind(&[2, 0, 0, 0])),
        ("raw-ip", 101, ipv4()),
        ("raw-ipv6", 101, [&[0x60][..], &[0; 39]].concat()),
        ("unknown-link", 147, ipv4()),
    ]
}

/// The byte order of a file.
struct Order {
    big_endian: bool,
}

impl Order {
    fn number16(&self, value: u16) -> [u8; 2] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn number32(&self, value: usize) -> [u8; 4] {
        let value = value as u32;
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn pcap_header(&self, link_type: u16, nanoseconds: bool) -> Vec<u8> {
        let magic = self.number32(if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
        let [major, minor] = [self.number16(2), self.number16(4)];
        let (length, link) = (self.number32(65535), self.number32(link_type.into()));
        [&magic[..], &major, &minor, &[0; 8], &length, &link].concat()
    }

    fn pcap_record(&self, frame: &[u8], original: usize) -> Vec<u8> {
        let [seconds, fraction] = [self.number32(946_684_801), self.number32(5)];
        [&seconds, &fraction, &self.number32(frame.len()), &self.number32(original), frame].concat()
    }

    fn block(&self, kind: usize, body: &[u8]) -> Vec<u8> {
        let padded = [body, &vec![0; body.len().next_multiple_of(4) - body.len()]].concat();
        let length = self.number32(padded.len() + 12);
        [&self.number32(kind), &length, &padded[..], &length].concat()
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&self.number16(code), &self.number16(value.len() as u16), value, &padding].concat()
    }

    /// Section, interface with every option that is read, the packet blocks, names, and what is stepped over.
    fn pcapng(&self, twice: bool) -> Vec<u8> {
        let comment = self.option(1, b"keyhop-capture 1");
        let mark = self.number32(0x1a2b_3c4d);
        let section = [&mark[..], &self.number16(1), &self.number16(0), &[0xff; 8], &comment].concat();
        let offset = if self.big_endian { 2_i64.to_be_bytes() } else { 2_i64.to_le_bytes() };
        let unit = if twice { 0x80 | 20 } else { 6 };
        let options = [(2, &b"ip0"[..]), (3, b"a link"), (9, &[unit]), (14, &offset)];
        let options = options.map(|(code, value)| self.option(code, value)).concat();
        let interface = [&self.number16(101)[..], &[0; 2], &self.number32(0), &options].concat();
        let packet = ipv4();
        let lengths = [self.number32(packet.len()), self.number32(packet.len())].concat();
        let padded = [&packet[..], &[0; 3]].concat();
        let flags = self.option(2, &self.number32(if twice { 1 } else { 2 }));
        let timed = [&self.number32(0x0003_5ceb)[..], &self.number32(0x8f91_2345), &lengths, &padded, &flags].concat();
        let enhanced = [&self.number32(0)[..], &timed, &self.option(1, b"hello")].concat();
        let obsolete = [&self.number16(0)[..], &self.number16(0), &timed].concat();
        let names = [&self.option(1, b"\x0a\0\0\x01ms1\0")[..], &self.option(2, &[0; 18]), &[0; 4]].concat();
        let blocks = [
            self.block(0x0a0d_0d0a, &section),
            self.block(1, &interface),
            self.block(4, &names),
            self.block(6, &enhanced),
            self.block(2, &obsolete),
            self.block(3, &[&self.number32(packet.len())[..], &packet].concat()),
            self.block(0x0bad, &[0; 8]),
            self.block(5, &[0; 12]),
        ];
        if twice {
            [blocks.concat(), Order { big_endian: !self.big_endian }.pcapng(false)].concat()
        } else {
            blocks.concat()
        }
    }
}
