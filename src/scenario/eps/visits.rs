//! The air of a run as somebody hears it who has no keys: for each KeNB, and each stay in a cell of UTRAN, the frames in order.

use std::collections::BTreeMap;

use super::epochs::Epochs;
use super::topology::{LinkKind, Topology};
use crate::adversary::eps::holder::Visit;
use crate::emulation::{NodeIndex, Sender, Transmission};
use crate::eps::identifiers::Pci;
use crate::eps::parameters::Algorithms;
use crate::eps::wire::UtranFrame;
use crate::eps::wire::radio_frame::RadioFrame;

/// What tells one visit from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stay {
    /// The position of the epoch.
    Epoch(usize),
    /// UE, cell of UTRAN and U-RNTI.
    Utran(usize, Pci, u32),
}

/// The visits of UEs to cells, in the order in which their first frames were heard, each with the position of its epoch; in UTRAN there
/// is none.
pub(super) fn visits(
    transmissions: &[Transmission],
    epochs: &Epochs,
    topology: &Topology,
) -> Vec<(Option<usize>, Visit)> {
    let mut visits: Vec<(Option<usize>, Visit)> = Vec::new();
    let mut places: BTreeMap<Stay, usize> = BTreeMap::new();
    for sent in transmissions {
        let Sender::Node(node) = sent.from else { continue };
        let link = topology.link(sent.port);
        let heard = match link.kind {
            LinkKind::Uu => RadioFrame::parse(&sent.octets).ok().and_then(|frame| {
                let secured = epochs.of_frame(node, frame.c_rnti, sent.time);
                let epoch = epochs.of_connection(node, frame.c_rnti, sent.time)?;
                Some((Stay::Epoch(epoch), Some((secured.is_some(), frame)), None))
            }),
            LinkKind::UtranUu => UtranFrame::parse(&sent.octets).ok().and_then(|frame| {
                let [NodeIndex(ue), rnc] = link.ends;
                let cell = topology.utran_cell_of(rnc)?;
                Some((Stay::Utran(ue, cell, frame.u_rnti), None, Some(frame)))
            }),
            _ => None,
        };
        let Some((stay, frame, utran)) = heard else { continue };
        let place = match places.get(&stay) {
            Some(place) => *place,
            None => {
                let Some(visit) = begun(stay, epochs, topology) else { continue };
                visits.push(visit);
                places.insert(stay, visits.len() - 1);
                visits.len() - 1
            }
        };
        if let Some((_, visit)) = visits.get_mut(place) {
            if let Some((secured, frame)) = frame {
                let frames = if secured { &mut visit.frames } else { &mut visit.setting_up };
                frames.push((sent.time, frame));
            }
            visit.utran.extend(utran.map(|frame| (sent.time, frame)));
        }
    }
    visits
}

/// A visit of which nothing was heard yet.
fn begun(stay: Stay, epochs: &Epochs, topology: &Topology) -> Option<(Option<usize>, Visit)> {
    let (position, ue, cell, earfcn_dl, c_rnti, algorithms) = match stay {
        Stay::Epoch(position) => {
            let epoch = epochs.all.get(position)?;
            let carrier = topology.cell(epoch.cell)?.earfcn_dl;
            (Some(position), topology.ue(epoch.ue)?, epoch.cell, carrier, epoch.c_rnti, epoch.algorithms)
        }
        Stay::Utran(ue, cell, _) => (None, ue, cell, 0, 0, Algorithms::AES),
    };
    let (setting_up, frames, utran) = (Vec::new(), Vec::new(), Vec::new());
    Some((position, Visit { ue, cell, earfcn_dl, c_rnti, algorithms, setting_up, frames, utran }))
}
