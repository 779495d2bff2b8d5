//! A frame on a link: what is known of it when its transmission starts, and what becomes of it.

use super::fate::Fate;
use super::link::{DirectedLink, LinkGenerators, Links, Passage};
use super::node::{NodeIndex, Port, Sent, Verdict};
use crate::time::VirtualTime;

/// Who put a frame on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A node.
    Node(NodeIndex),
    /// The adversary, in the attack with this number.
    Adversary(usize),
}

/// A frame on a link, complete: it was recorded once when its transmission started, and its receivers have judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmission {
    /// When the transmission started.
    pub time: VirtualTime,
    /// The link.
    pub port: Port,
    /// Who sent it.
    pub from: Sender,
    /// The end it was for.
    pub to: NodeIndex,
    /// The octets as the sender sent them.
    pub octets: Vec<u8>,
    /// What it is, in the sender's words.
    pub note: String,
    /// Whether the link lost it, or a tap took it.
    pub lost: bool,
    /// Whether the link or a tap changed its octets.
    pub changed: bool,
    /// Whether a tap put other octets in its place.
    pub replaced: bool,
    /// What else happened to it on the way, in words.
    pub remarks: Vec<String>,
    /// The receiver's verdicts: none if lost or still under way at the end, two if the link duplicated it.
    pub verdicts: Vec<Verdict>,
}

/// A frame that starts: as it is recorded, and what arrives of it when.
pub(super) struct Departure {
    pub(super) transmission: Transmission,
    /// The octets as they arrive.
    pub(super) arriving: Vec<u8>,
    pub(super) arrivals: Vec<VirtualTime>,
}

/// The node `from` starts a frame, which meets `fate` at the tap and then what the link does to all.
pub(super) fn depart(
    links: &dyn Links,
    generators: &mut LinkGenerators,
    (from, to): (NodeIndex, NodeIndex),
    now: VirtualTime,
    sent: Sent,
    mut fate: Fate,
) -> Departure {
    let Sent { port, octets, note } = sent;
    let replaced = fate.octets.is_some();
    let mut arriving = fate.octets.take().unwrap_or_else(|| octets.clone());
    let towards = usize::from(links.ends(port)[0] == from);
    let mut link = DirectedLink { links, port, towards, generators };
    let Passage { arrivals, inverted_bits, held_back } = link.pass(now, arriving.len(), &fate);
    for bit in inverted_bits {
        if let Some(octet) = arriving.get_mut(bit / 8) {
            *octet ^= 0x80 >> (bit % 8);
        }
    }
    if held_back {
        fate.remarks.push("held back by the link".to_owned());
    }
    let transmission = Transmission {
        time: now,
        port,
        from: Sender::Node(from),
        to,
        changed: !arrivals.is_empty() && octets != arriving,
        replaced,
        octets,
        note,
        lost: arrivals.is_empty(),
        remarks: fate.remarks,
        verdicts: Vec::new(),
    };
    Departure { transmission, arriving, arrivals }
}

/// The end of a link that hears what `from` sends.
pub(super) fn other_end(links: &dyn Links, port: Port, from: NodeIndex) -> NodeIndex {
    let ends = links.ends(port);
    ends[usize::from(ends[0] == from)]
}
