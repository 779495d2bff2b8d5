//! Writes the seed corpora of the fuzz targets anew: `cargo run --example seed_corpus`, from the root of the repository.
//!
//! Seeds are the worked frames and, of each kind of frame in the golden captures, the shortest and the longest.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use keyhop::capture::LinkKind;
use keyhop::capture::capture_reader::{self, FrameKind};
use keyhop::dot16::backbone::{
    AsnTlv, BackboneEndpoint, BackbonePacket, ControlMessage, GreHeader, GrePacket, MessageKind, decapsulate,
    encapsulate,
};
use keyhop::dot16::identifiers::MsMac;
use keyhop::dot16::wire::{MacPdu, message_name};

/// Most files in one corpus.
const MOST_SEEDS: usize = 60;
/// Longer frames teach the fuzzer nothing more, and slow it down.
const LONGEST_SEED: usize = 600;

/// The seeds of one target: for every kind of frame its shortest and its longest.
#[derive(Default)]
struct Corpus {
    kinds: BTreeMap<String, (Vec<u8>, Vec<u8>)>,
}

impl Corpus {
    fn offer(&mut self, kind: String, octets: Vec<u8>) {
        if octets.len() > LONGEST_SEED {
            return;
        }
        let (shortest, longest) = self.kinds.entry(kind).or_insert_with(|| (octets.clone(), octets.clone()));
        if octets.len() < shortest.len() {
            *shortest = octets;
        } else if octets.len() > longest.len() {
            *longest = octets;
        }
    }

    /// Replaces the files in `folder`.
    fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let shortest = self.kinds.iter().map(|(kind, (shortest, _))| (kind, shortest));
        let longest = self.kinds.iter().map(|(kind, (_, longest))| (kind, longest));
        for (kind, octets) in shortest.chain(longest).take(MOST_SEEDS) {
            fs::write(folder.join(format!("{kind}-{}", octets.len())), octets)?;
        }
        println!("{}: {} files", folder.display(), fs::read_dir(folder)?.count());
        Ok(())
    }
}

/// What the first PDU of a burst is, as the name of a file.
fn burst_kind(burst: &[u8]) -> String {
    let Some(Ok(pdu)) = MacPdu::burst(burst).next() else {
        return "malformed".to_owned();
    };
    let kind = match pdu.body.first() {
        _ if pdu.header.encrypted => "encrypted",
        _ if pdu.header.pdu_type.fragmentation() => "fragment",
        _ if pdu.header.pdu_type.packing() => "packed",
        Some(&message_type) if pdu.header.cid.is_management() => message_name(message_type),
        _ => "data",
    };
    let several = MacPdu::burst(burst).nth(1).map_or("", |_| "-and-more");
    format!("{}{several}", kind.to_lowercase().replace(' ', "-"))
}

/// A frame of the backbone gives two seeds: the frame, and what it carries.
fn offer_backbone(corpus: &mut Corpus, frame: Vec<u8>) -> Result<(), Box<dyn Error>> {
    let Ok(taken) = decapsulate(&frame) else {
        corpus.offer("malformed".to_owned(), frame);
        return Ok(());
    };
    let (kind, carried) = match taken.packet {
        BackbonePacket::Control(message) => (message.kind.name().to_lowercase(), message.octets()?),
        BackbonePacket::Data(packet) => ("gre".to_owned(), packet.octets()?),
        BackbonePacket::Radius(datagram) => ("radius".to_owned(), datagram.packet.octets()?),
    };
    corpus.offer(format!("frame-{kind}"), frame);
    corpus.offer(kind, carried);
    Ok(())
}

fn offer_worked(air: &mut Corpus, backbone: &mut Corpus, root: &Path) -> Result<(), Box<dyn Error>> {
    let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: [10, 16, 0, last].into() };
    let frames = fs::read_to_string(root.join("tests/vectors/worked-frames.txt"))?;
    for line in frames.lines().filter(|line| !line.starts_with('#')) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, "air", _, octets] => air.offer(format!("worked-{name}"), hex::decode(octets)?),
            [_, "asn", _, octets] => {
                let packet = BackbonePacket::Control(ControlMessage::parse(&hex::decode(octets)?)?);
                offer_backbone(backbone, encapsulate(&place(1), &place(2), 1, &packet)?)?;
            }
            _ => return Err(format!("expected name, link, direction and octets, found {line:?}").into()),
        }
    }
    let header = GreHeader { key: Some(7), sequence: Some(1), protocol: GreHeader::IPV4 };
    let packet = BackbonePacket::Data(GrePacket { header, payload: b"Ehello".to_vec() });
    offer_backbone(backbone, encapsulate(&place(1), &place(2), 1, &packet)?)?;
    // As deep as TLVs may nest: too many lengths that have to agree for the fuzzer to come upon.
    let nested = (1..8).fold(AsnTlv::AkSn(1), |inner, _| AsnTlv::MsInfo(vec![inner]));
    let message = ControlMessage::new(MessageKind::ContextRpt, MsMac([2, 0, 0, 0, 0, 3]), 1, vec![nested]);
    backbone.offer("nested".to_owned(), message.octets()?);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut air, mut backbone) = (Corpus::default(), Corpus::default());
    offer_worked(&mut air, &mut backbone, root)?;

    let mut captures = fs::read_dir(root.join("captures"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    captures.retain(|path| path.extension().is_some_and(|extension| extension == "pcapng"));
    captures.sort();
    for path in captures {
        for frame in capture_reader::open(&path)? {
            let frame = frame?;
            match frame.kind {
                FrameKind::Known(LinkKind::Air) => air.offer(burst_kind(&frame.octets), frame.octets),
                FrameKind::Known(LinkKind::Backbone) => offer_backbone(&mut backbone, frame.octets)?,
                _ => {}
            }
        }
    }
    air.write(&root.join("fuzz/corpus/mac_burst"))?;
    backbone.write(&root.join("fuzz/corpus/asn_control_plane"))
}
