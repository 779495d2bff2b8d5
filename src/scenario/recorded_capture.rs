//! The frames of a run as a capture (DESIGN section 6), and the user packets that came out as another.

use std::collections::{BTreeMap, HashMap};

use super::script::Script;
use super::world::{LinkEnds, Topology};
use crate::capture::frame_comment::{FrameChange, FrameComment, ReceiverVerdict};
use crate::capture::{Capture, CapturedFrame, InterfaceDescription, LinkKind};
use crate::dot16::identifiers::Direction;
use crate::emulation::{Sender, Transmission, Verdict};

/// Version of the capture format, as the section comment names it.
const CAPTURE_FORMAT: u32 = 1;

/// The comment on a frame: what it is, what happened to it, and what its receiver made of it. That of a frame that was
/// spoilt on the link begins with `deliberate:`.
fn comment(sent: &Transmission, topology: &Topology) -> String {
    let mut what = sent.note.clone();
    for remark in &sent.remarks {
        what.push_str(&format!("; {remark}"));
    }
    let verdict = |(arrival, verdict): (usize, &Verdict)| ReceiverVerdict {
        receiver: topology.names[sent.to.0].clone(),
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

/// Every frame, on an interface for each link, or for each that carries one unless `all_links`; those of the adversary on
/// interfaces of their own. Only nodes that are shown, by their index, have name records.
pub(super) fn capture(
    script: &Script,
    transmissions: Vec<Transmission>,
    topology: &Topology,
    all_links: bool,
    shows_node: impl Fn(usize) -> bool,
) -> Capture {
    let links: BTreeMap<usize, LinkEnds> = match all_links {
        true => topology.links().map(|(port, ends)| (port.0, ends)).collect(),
        false => transmissions.iter().map(|sent| (sent.port.0, topology.ends_of(sent))).collect(),
    };
    let interface_of: HashMap<usize, usize> = links.keys().copied().zip(0..).collect();
    let mut interfaces: Vec<InterfaceDescription> = links
        .into_values()
        .map(|ends| {
            let [first, second] = topology.ends(ends).map(|node| topology.names[node.0].as_str());
            let (kind, description) = match ends {
                LinkEnds::Air { .. } => (LinkKind::Air, format!("air interface between {first} and {second}")),
                LinkEnds::R6 { .. } => (LinkKind::Backbone, format!("reference point R6 between {first} and {second}")),
                LinkEnds::R4 { .. } => (LinkKind::Backbone, format!("reference point R4 between {first} and {second}")),
                LinkEnds::R3 => (LinkKind::Backbone, format!("reference point R3 between {first} and {second}")),
            };
            InterfaceDescription { name: topology.link_name(ends), description, kind }
        })
        .collect();
    let mut adversary: BTreeMap<usize, usize> = BTreeMap::new();
    for sent in transmissions.iter().filter(|sent| matches!(sent.from, Sender::Adversary(_))) {
        adversary.entry(sent.port.0).or_insert_with(|| {
            let tapped = &interfaces[interface_of[&sent.port.0]];
            let (name, kind) = (tapped.name.clone(), tapped.kind);
            let plain = name.split_once(':').map_or(name.as_str(), |(_, ends)| ends);
            let description = format!("what the adversary sends on {name}");
            interfaces.push(InterfaceDescription { name: format!("adv:{plain}"), description, kind });
            interfaces.len() - 1
        });
    }
    let frames = transmissions
        .into_iter()
        .map(|sent| {
            let ends = topology.ends_of(&sent);
            let [first, second] = topology.ends(ends);
            let from = if sent.to == first { second } else { first };
            let air = matches!(ends, LinkEnds::Air { .. });
            let direction = air.then(|| if sent.to == first { Direction::Downlink } else { Direction::Uplink });
            let own = interface_of[&sent.port.0];
            let interface = match sent.from {
                Sender::Node(_) => own,
                Sender::Adversary(_) => adversary.get(&sent.port.0).copied().unwrap_or(own),
            };
            CapturedFrame {
                time: sent.time,
                interface,
                direction,
                source: air.then(|| topology.addresses[from.0]),
                destination: air.then(|| topology.addresses[sent.to.0]),
                comment: comment(&sent, topology),
                octets: sent.octets,
            }
        })
        .collect();
    Capture {
        section_comment: format!(
            "keyhop capture format {CAPTURE_FORMAT}; scenario {}; seed {}",
            script.name, script.seed
        ),
        interfaces,
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
    }
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
    }
}
