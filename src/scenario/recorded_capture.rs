//! The frames of a run as a capture (DESIGN section 6), and the user packets that came out as another.

use std::collections::{BTreeMap, BTreeSet};

use super::recorded_interfaces::Interfaces;
use super::script::Script;
use super::world::{LinkEnds, Topology};
use crate::capture::frame_comment::{FrameChange, FrameComment, ReceiverVerdict};
use crate::capture::record_reader::MAX_INTERFACES;
use crate::capture::spill::SpilledLink;
use crate::capture::{Capture, CapturedFrame, InterfaceDescription, LinkKind};
use crate::dot16::identifiers::Direction;
use crate::emulation::{Sender, Transmission, Verdict};

/// Version of the capture format, as the section comment names it.
pub(super) const CAPTURE_FORMAT: u32 = 1;

/// Up to how many links of a network all of them are described where all is captured; of more, those that carry frames.
const MOST_LINKS_WITHOUT_FRAMES: usize = 4_096;

/// The comment on a frame: what it is, what happened to it, and what its receiver made of it. That of a frame that was
/// spoilt on the link begins with `deliberate:`. `names` are those of the nodes, by their index.
pub(super) fn comment(sent: &Transmission, names: &[String]) -> String {
    let mut what = sent.note.clone();
    for remark in &sent.remarks {
        what.push_str(&format!("; {remark}"));
    }
    let verdict = |(arrival, verdict): (usize, &Verdict)| ReceiverVerdict {
        receiver: names[sent.to.0].clone(),
        duplicate: arrival > 0,
        change: match (sent.changed, sent.replaced) {
            (true, true) => Some(FrameChange::Modified),
            (true, false) => Some(FrameChange::BitError),
            (false, _) => None,
        },
        text: verdict.text.clone(),
    };
    FrameComment {
        deliberate: sent.changed,
        what,
        lost: sent.lost,
        under_way: !sent.lost && sent.verdicts.is_empty(),
        verdicts: sent.verdicts.iter().enumerate().map(verdict).collect(),
    }
    .to_string()
}

/// What the frames of a link are.
pub(super) const fn kind(ends: LinkEnds) -> LinkKind {
    match ends {
        LinkEnds::Air { .. } => LinkKind::Air,
        LinkEnds::R6 { .. } | LinkEnds::R4 { .. } | LinkEnds::R3 => LinkKind::Backbone,
    }
}

/// A frame as it stands in the capture, on the interface of this number.
pub(super) fn frame(sent: Transmission, topology: &Topology, interface: usize) -> CapturedFrame {
    let ends = topology.ends_of(&sent);
    let [first, second] = topology.ends(ends);
    let from = if sent.to == first { second } else { first };
    let air = matches!(ends, LinkEnds::Air { .. });
    let direction = air.then(|| if sent.to == first { Direction::Downlink } else { Direction::Uplink });
    CapturedFrame {
        time: sent.time,
        interface,
        direction,
        source: air.then(|| topology.addresses[from.0]),
        destination: air.then(|| topology.addresses[sent.to.0]),
        comment: comment(&sent, &topology.names),
        octets: sent.octets,
    }
}

/// The capture with the frames in memory, and the numbers of the interfaces of the links of those elsewhere. The interfaces
/// are those of every link if `all_links` and there are few, else of those with frames; frames of the adversary are on
/// interfaces of their own. Only nodes that are shown, by their index, have name records.
pub(super) fn capture(
    script: &Script,
    transmissions: Vec<Transmission>,
    elsewhere: &[SpilledLink],
    topology: &Topology,
    all_links: bool,
    shows_node: impl Fn(usize) -> bool,
) -> (Capture, Vec<u32>) {
    let ports: BTreeSet<usize> = match all_links && topology.link_count() <= MOST_LINKS_WITHOUT_FRAMES {
        true => (0..topology.link_count()).collect(),
        false => transmissions.iter().map(|sent| sent.port.0).chain(elsewhere.iter().map(|link| link.link)).collect(),
    };
    let is_adversary = |sent: &&Transmission| matches!(sent.from, Sender::Adversary(_));
    let tapped: BTreeSet<usize> = transmissions.iter().filter(is_adversary).map(|sent| sent.port.0).collect();
    let most = MAX_INTERFACES.saturating_sub(tapped.len());
    let Interfaces { mut descriptions, numbers } = Interfaces::new(&ports, topology, most);
    let mut adversary: BTreeMap<usize, usize> = BTreeMap::new();
    for sent in transmissions.iter().filter(is_adversary) {
        let own = numbers[&sent.port.0];
        adversary.entry(own).or_insert_with(|| {
            let tapped = &descriptions[own];
            let (name, kind) = (tapped.name.clone(), tapped.kind);
            let plain = name.split_once(':').map_or(name.as_str(), |(_, ends)| ends);
            let description = format!("what the adversary sends on {name}");
            descriptions.push(InterfaceDescription { name: format!("adv:{plain}"), description, kind });
            descriptions.len() - 1
        });
    }
    let interface = |sent: &Transmission| {
        let own = numbers[&sent.port.0];
        match sent.from {
            Sender::Node(_) => own,
            Sender::Adversary(_) => adversary.get(&own).copied().unwrap_or(own),
        }
    };
    let frames = transmissions
        .into_iter()
        .map(|sent| {
            let interface = interface(&sent);
            frame(sent, topology, interface)
        })
        .collect();
    let elsewhere = elsewhere.iter().map(|link| numbers[&link.link] as u32).collect();
    let capture = Capture {
        section_comment: format!(
            "keyhop capture format {CAPTURE_FORMAT}; scenario {}; seed {}",
            script.name, script.seed
        ),
        interfaces: descriptions,
        names: topology
            .addresses
            .iter()
            .copied()
            .zip(topology.names.iter().cloned())
            .enumerate()
            .filter(|(node, _)| shows_node(*node))
            .map(|(_, name)| name)
            .collect(),
        frames,
        secrets: Vec::new(),
    };
    (capture, elsewhere)
}

/// The user packets that came out.
pub(super) fn delivered(frames: Vec<CapturedFrame>) -> Capture {
    let interface = |name: &str, description: &str| InterfaceDescription {
        name: name.to_owned(),
        description: description.to_owned(),
        kind: LinkKind::RawIp,
    };
    Capture {
        section_comment: "user packets in order of delivery".to_owned(),
        interfaces: vec![
            interface("uplink", "what came out at the gateway"),
            interface("downlink", "what came out at the mobile"),
        ],
        names: Vec::new(),
        frames,
        secrets: Vec::new(),
    }
}
