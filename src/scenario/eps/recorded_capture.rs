//! The frames of a run of EPS as a capture: the core network on Ethernet, the radio on link type 252, with the records in front of
//! each KeNB by which Wireshark deciphers and verifies RRC without an option (`eps-systems.md` 5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::epochs::Epochs;
use super::radio_annotations::{Annotation, annotations};
use super::recorder::Recorded;
use super::topology::{LinkKind as Reference, Topology};
use crate::capture::{Capture, CapturedFrame, DecryptionSecrets, InterfaceDescription, LinkKind};
use crate::dot16::identifiers::Direction;
use crate::emulation::{Port, Sender};
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::radio_frame::{self, RadioFrame, in_upper_pdu};
use crate::eps::wire::{GeranFrame, UeId, UtranFrame, WireError};
use crate::scenario::recorded_capture::{CAPTURE_FORMAT, comment};
use crate::scenario::script::EpsScript;
use crate::scenario::script::eps::{Attack, AttackAction, ParlosAttack};

/// The UE id of frames that the adversary plays on the air: it has no keys, so that Wireshark does not take them for the UE's.
pub(super) const OF_ADVERSARY: UeId = UeId(0);

/// The UE id of the epoch at this position.
pub(super) fn ue_id(position: usize) -> Option<UeId> {
    u16::try_from(position + 1).ok().map(UeId)
}

/// The interfaces of a capture, in the order in which they are first used.
#[derive(Default)]
struct Interfaces {
    descriptions: Vec<InterfaceDescription>,
    numbers: BTreeMap<String, usize>,
}

impl Interfaces {
    fn number(&mut self, name: String, description: String, kind: LinkKind) -> usize {
        *self.numbers.entry(name.clone()).or_insert_with(|| {
            self.descriptions.push(InterfaceDescription { name, description, kind });
            self.descriptions.len() - 1
        })
    }
}

const fn direction(direction: LinkDirection) -> Direction {
    match direction {
        LinkDirection::Uplink => Direction::Uplink,
        LinkDirection::Downlink => Direction::Downlink,
    }
}

/// The capture of a run; by `secrets` anybody reads the sessions in it.
///
/// # Errors
/// None that a run could be the cause of.
pub(super) fn capture(
    script: &EpsScript,
    recorded: &[Recorded],
    epochs: &Epochs,
    topology: &Topology,
    secrets: Vec<DecryptionSecrets>,
) -> Result<Capture, WireError> {
    let mut interfaces = Interfaces::default();
    let mut frames = Vec::new();
    let mut announced: BTreeSet<usize> = BTreeSet::new();
    // Of attaches for RLOS, or of strangers: connections that never get keys, each with a UE id of its own from the last one down, so that Wireshark does not
    // take one for the other.
    let mut without_keys: BTreeMap<(Port, u16), UeId> = BTreeMap::new();
    let is_stranger = |attack: &Attack| matches!(attack.action, AttackAction::Parlos(ParlosAttack::Attaches { .. }));
    let strangers = script.parlos.is_some() || script.attacks.iter().any(is_stranger);
    for one in recorded {
        let (sent, link) = (&one.sent, topology.link(one.sent.port));
        let name = topology.link_name(sent.port);
        let kind = if link.kind.is_air() { LinkKind::Tagged } else { LinkKind::Backbone };
        let [first, second] = link.ends.map(|end| topology.names[end.0].as_str());
        let interface = match sent.from {
            Sender::Node(_) => {
                interfaces.number(name, format!("{} between {first} and {second}", link.kind.in_words()), kind)
            }
            Sender::Adversary(_) => {
                let ends = name.split_once(':').map_or(name.as_str(), |(_, ends)| ends);
                interfaces.number(format!("adv:{ends}"), format!("what the adversary sends on {name}"), kind)
            }
        };
        let mut octets = one.octets.clone();
        let mut way = None;
        if link.kind == Reference::Uu
            && let Ok(mut frame) = RadioFrame::parse(&octets)
        {
            let epoch = match sent.from {
                Sender::Node(node) => epochs.of_connection(node, frame.c_rnti, sent.time),
                // Whoever is the network for a UE has a connection with it, as that sees it.
                Sender::Adversary(_) if script.parlos.is_some() && frame.direction == LinkDirection::Downlink => {
                    epochs.of_connection(link.ends[0], frame.c_rnti, sent.time)
                }
                Sender::Adversary(_) => None,
            };
            let [ue, enb] = link.ends.map(|end| topology.addresses[end.0]);
            if let Some(position) = epoch.filter(|position| announced.insert(*position))
                && let (Some(epoch), Some(id)) = (epochs.all.get(position), ue_id(position))
            {
                let keys =
                    interfaces.number(format!("keys:{first}"), format!("records for Wireshark of {first}"), kind);
                let all = annotations(epoch, id)?.into_iter();
                // A connection that begins without keys gets them, and the algorithms, by a security mode command of its own.
                let has_keys =
                    matches!(sent.from, Sender::Node(node) if epochs.of_frame(node, frame.c_rnti, sent.time).is_some());
                let shown = if has_keys { usize::MAX } else { 1 };
                for annotation in all.take(shown) {
                    frames.push(annotated(annotation, sent.time, keys, [ue, enb])?);
                }
            }
            frame.ue_id = match sent.from {
                Sender::Node(_) if strangers && epoch.is_none() => {
                    let next = UeId(u16::MAX.saturating_sub(u16::try_from(without_keys.len()).unwrap_or(u16::MAX)));
                    *without_keys.entry((sent.port, frame.c_rnti)).or_insert(next)
                }
                Sender::Adversary(_) if epoch.is_none() => {
                    without_keys.get(&(sent.port, frame.c_rnti)).copied().unwrap_or(OF_ADVERSARY)
                }
                _ => epoch.and_then(ue_id).unwrap_or(OF_ADVERSARY),
            };
            way = Some(direction(frame.direction));
            octets = tagged(radio_frame::DISSECTOR, frame.direction, [ue, enb], &frame.octets()?)?;
        }
        if link.kind == Reference::UtranUu
            && let Ok(frame) = UtranFrame::parse(&octets)
        {
            let [ue, rnc] = link.ends.map(|end| topology.addresses[end.0]);
            way = Some(direction(frame.direction));
            let up = frame.direction == LinkDirection::Uplink;
            let (source, destination) = if up { (ue, rnc) } else { (rnc, ue) };
            octets = frame.in_capture(source, destination)?;
        }
        if link.kind == Reference::Um
            && let Ok(frame) = GeranFrame::parse(&octets)
        {
            let [ue, bss] = link.ends.map(|end| topology.addresses[end.0]);
            way = Some(direction(frame.direction));
            let up = frame.direction == LinkDirection::Uplink;
            let (source, destination) = if up { (ue, bss) } else { (bss, ue) };
            octets = frame.in_capture(source, destination)?;
        }
        frames.push(CapturedFrame {
            time: sent.time,
            interface,
            octets,
            direction: way,
            source: None,
            destination: None,
            comment: comment(sent, &topology.names),
        });
    }
    let names = topology.addresses.iter().copied().zip(topology.names.iter().cloned());
    Ok(Capture {
        section_comment: format!(
            "keyhop capture format {CAPTURE_FORMAT}; system {}; scenario {}; seed {}",
            script.title.system.as_str(),
            script.title.name,
            script.title.seed
        ),
        interfaces: interfaces.descriptions,
        names: names.collect(),
        frames,
        secrets,
    })
}

fn tagged(
    dissector: &str,
    direction: LinkDirection,
    [ue, enb]: [Ipv4Addr; 2],
    octets: &[u8],
) -> Result<Vec<u8>, WireError> {
    let (source, destination) = if direction == LinkDirection::Uplink { (ue, enb) } else { (enb, ue) };
    in_upper_pdu(dissector, source, destination, octets)
}

fn annotated(
    annotation: Annotation,
    time: crate::time::VirtualTime,
    interface: usize,
    ends: [Ipv4Addr; 2],
) -> Result<CapturedFrame, WireError> {
    let Annotation { dissector, direction: way, octets, comment } = annotation;
    Ok(CapturedFrame {
        time,
        interface,
        octets: tagged(dissector, way, ends, &octets)?,
        direction: Some(direction(way)),
        source: None,
        destination: None,
        comment,
    })
}
