//! The air of a run as somebody hears it who has no keys: for each KeNB the frames under it, in order.

use std::collections::BTreeMap;

use super::epochs::Epochs;
use super::topology::{LinkKind, Topology};
use crate::adversary::eps::holder::Visit;
use crate::emulation::{Sender, Transmission};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::time::VirtualTime;

/// The visits of UEs to cells, in the order in which their first frames were heard, each with the position of its epoch.
pub(super) fn visits(transmissions: &[Transmission], epochs: &Epochs, topology: &Topology) -> Vec<(usize, Visit)> {
    let mut order: Vec<usize> = Vec::new();
    let mut frames: BTreeMap<usize, Vec<(VirtualTime, RadioFrame)>> = BTreeMap::new();
    for sent in transmissions.iter().filter(|sent| topology.link(sent.port).kind == LinkKind::Uu) {
        let (Sender::Node(node), Ok(frame)) = (sent.from, RadioFrame::parse(&sent.octets)) else { continue };
        let Some(epoch) = epochs.of_frame(node, frame.c_rnti, sent.time) else { continue };
        let heard = frames.entry(epoch).or_default();
        if heard.is_empty() {
            order.push(epoch);
        }
        heard.push((sent.time, frame));
    }
    let visit = |position: usize| {
        let epoch = epochs.all.get(position)?;
        let cell = topology.cell(epoch.cell)?;
        let ue = topology.ue(epoch.ue)?;
        let frames = frames.remove(&position)?;
        let visit = Visit {
            ue,
            cell: epoch.cell,
            earfcn_dl: cell.earfcn_dl,
            c_rnti: epoch.c_rnti,
            algorithms: epoch.algorithms,
            frames,
        };
        Some((position, visit))
    };
    order.into_iter().filter_map(visit).collect()
}
