//! The numbers by which a capture tells one KeNB from the next: a UE id for each KeNB that a UE has in a cell, from 1
//! (`eps-systems.md` 5.5).

use std::collections::BTreeMap;

use crate::emulation::NodeIndex;
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::Kenb;
use crate::eps::parameters::Algorithms;
use crate::time::VirtualTime;

/// A KeNB of a UE in a cell.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    /// The UE.
    pub ue: Imsi,
    /// The cell.
    pub cell: Pci,
    /// C-RNTI.
    pub c_rnti: u16,
    /// The key.
    pub kenb: Kenb,
    /// NCC, or INDICATION, that it was made with.
    pub ncc: u8,
    /// AS algorithms.
    pub algorithms: Algorithms,
    /// Since when eNB and UE have it in use; `None`: they never had.
    pub since: [Option<VirtualTime>; 2],
    /// Until when.
    pub until: [Option<VirtualTime>; 2],
}

/// The side of a node: eNB or UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The eNB.
    Enb = 0,
    /// The UE.
    Ue = 1,
}

/// All KeNBs of a run.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    pub all: Vec<Epoch>,
    /// The position of the one that a node sends with to a C-RNTI (eNB) or with one (UE), and since when.
    in_use: BTreeMap<(NodeIndex, u16), Vec<(VirtualTime, usize)>>,
}

/// What is reported of a KeNB that came into use.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub ue: Imsi,
    pub cell: Pci,
    pub c_rnti: u16,
    pub kenb: Kenb,
    pub ncc: u8,
    pub algorithms: Algorithms,
}

impl Epochs {
    /// A node has taken a KeNB into use. One that the other side has already is the same epoch; a UE that goes back to one goes on
    /// in it.
    pub(super) fn taken(&mut self, now: VirtualTime, node: NodeIndex, side: Side, taken: Taken) {
        let Taken { ue, cell, c_rnti, kenb, ncc, algorithms } = taken;
        let same = |epoch: &Epoch| (epoch.ue, epoch.cell, epoch.c_rnti, &epoch.kenb) == (ue, cell, c_rnti, &kenb);
        let of_other = self.all.iter().rposition(|epoch| same(epoch) && epoch.since[side as usize].is_none());
        let again = || self.all.iter().rposition(|epoch| same(epoch) && side == Side::Ue);
        let position = of_other.or_else(again).unwrap_or_else(|| {
            self.all.push(Epoch {
                ue,
                cell,
                c_rnti,
                kenb: kenb.clone(),
                ncc,
                algorithms,
                since: [None; 2],
                until: [None; 2],
            });
            self.all.len() - 1
        });
        let side = side as usize;
        if side == Side::Ue as usize {
            // A UE has one KeNB at a time.
            for epoch in self.all.iter_mut().filter(|epoch| epoch.ue == ue && epoch.since[side].is_some()) {
                epoch.until[side].get_or_insert(now);
            }
        }
        let epoch = &mut self.all[position];
        epoch.since[side].get_or_insert(now);
        epoch.until[side] = None;
        self.in_use.entry((node, c_rnti)).or_default().push((now, position));
    }

    /// An eNB has forgotten a UE.
    pub(super) fn forgotten(&mut self, now: VirtualTime, ue: Imsi, cell: Pci) {
        let side = Side::Enb as usize;
        let held = |epoch: &&mut Epoch| epoch.ue == ue && epoch.cell == cell && epoch.since[side].is_some();
        // The oldest of those that it has: a UE that has come back has another.
        if let Some(epoch) = self.all.iter_mut().filter(held).find(|epoch| epoch.until[side].is_none()) {
            epoch.until[side] = Some(now);
        }
    }

    /// The position of the KeNB under which a node sends a frame that begins at `time`, with this C-RNTI.
    pub(super) fn of_frame(&self, node: NodeIndex, c_rnti: u16, time: VirtualTime) -> Option<usize> {
        let taken = self.in_use.get(&(node, c_rnti))?;
        taken.iter().rev().find(|(since, _)| *since <= time).map(|(_, position)| *position)
    }

    /// The same, or of a frame of a connection that has no KeNB yet the position of that which it is to have.
    pub(super) fn of_connection(&self, node: NodeIndex, c_rnti: u16, time: VirtualTime) -> Option<usize> {
        let next = || self.in_use.get(&(node, c_rnti))?.iter().find(|(since, _)| *since > time);
        self.of_frame(node, c_rnti, time).or_else(|| next().map(|(_, position)| *position))
    }

    /// How many KeNBs came into use more than once at the UE, or at an eNB under two C-RNTIs.
    pub(super) fn repeated_kenbs(&self) -> u64 {
        let kenbs: Vec<&Kenb> =
            self.all.iter().filter(|epoch| epoch.since[1].is_some()).map(|epoch| &epoch.kenb).collect();
        let again = |(position, kenb): &(usize, &Kenb)| kenbs.iter().take(*position).any(|earlier| earlier == kenb);
        kenbs.iter().copied().enumerate().filter(again).count() as u64
    }
}
