//! NH and NCC: how the standard keeps a source eNB from knowing the key of the hop after next (TS 33.401 clause 7.2.8;
//! `eps-systems.md` 1.4).
//!
//! The MME and the UE each hold a chain: NH of NCC 1 is made of KASME and the first KeNB, each next NH of KASME and the one before.
//! On the wire NCC has 3 bits; the chain counts on.

use super::kdf::{kenb_star, nh};
use crate::eps::keys::{Kasme, Kenb, Nh};
use crate::eps::parameters::Ncc;

/// The end of a chain, at UE or MME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHopChain {
    ncc: u32,
    /// What the next NH is made of besides KASME: KeNB at first, then NH.
    nh: [u8; 32],
}

impl Drop for NextHopChain {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.nh);
    }
}

impl NextHopChain {
    /// The chain when KeNB was made of KASME itself: NCC 0.
    #[must_use]
    pub fn new(kenb: &Kenb) -> Self {
        Self { ncc: 0, nh: *kenb.octets() }
    }

    /// The chain as another MME has left it: at this NH, with its NCC.
    #[must_use]
    pub fn resumed(nh: &Nh, ncc: Ncc) -> Self {
        Self { ncc: ncc.get().into(), nh: *nh.octets() }
    }

    /// NCC, of which the low 3 bits stand in messages.
    #[must_use]
    pub const fn ncc(&self) -> u32 {
        self.ncc
    }

    /// Where the chain stands: NH, of NCC 0 the KeNB in its place, with its NCC.
    #[must_use]
    pub fn last(&self) -> (Nh, Ncc) {
        (Nh::from_octets(self.nh), Ncc::new(self.ncc))
    }

    /// The next NH of the chain with its NCC.
    pub fn advance(&mut self, kasme: &Kasme) -> (Nh, Ncc) {
        let next = nh(kasme, &self.nh);
        self.nh = *next.octets();
        self.ncc = self.ncc.saturating_add(1);
        (next, Ncc::new(self.ncc))
    }

    /// Runs the chain forward to the NCC of a message: the NH there, or none if it stands there already. That is at most seven
    /// steps, after which the three bits are the same again.
    pub fn advance_to(&mut self, ncc: Ncc, kasme: &Kasme) -> Option<Nh> {
        let mut reached = None;
        while Ncc::new(self.ncc) != ncc {
            reached = Some(self.advance(kasme).0);
        }
        reached
    }
}

/// KeNB at the target cell, from the current KeNB: horizontal.
#[must_use]
pub fn horizontal(kenb: &Kenb, pci: u16, earfcn_dl: u32) -> Kenb {
    Kenb::from_octets(*kenb_star(kenb.octets(), pci, earfcn_dl).octets())
}

/// KeNB at the target cell, from NH: vertical.
#[must_use]
pub fn vertical(nh: &Nh, pci: u16, earfcn_dl: u32) -> Kenb {
    Kenb::from_octets(*kenb_star(nh.octets(), pci, earfcn_dl).octets())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ue_and_mme_meet_at_the_ncc_of_the_message_also_past_its_three_bits() {
        let (kasme, kenb) = (Kasme::from_octets([1; 32]), Kenb::from_octets([2; 32]));
        let (mut mme, mut ue) = (NextHopChain::new(&kenb), NextHopChain::new(&kenb));
        for steps in [1, 3, 7, 2] {
            let (mut last, mut ncc) = mme.advance(&kasme);
            for _ in 1..steps {
                (last, ncc) = mme.advance(&kasme);
            }
            assert_eq!(ue.advance_to(ncc, &kasme), Some(last));
            assert_eq!(ue, mme);
            assert_eq!(ue.advance_to(ncc, &kasme), None, "equal NCC: horizontal");
        }
        assert_eq!((mme.ncc(), Ncc::new(mme.ncc()).get()), (13, 5));
    }

    #[test]
    fn a_cell_has_a_key_of_its_own() {
        let kenb = Kenb::from_octets([2; 32]);
        assert_ne!(horizontal(&kenb, 1, 100), horizontal(&kenb, 2, 100));
        assert_ne!(horizontal(&kenb, 1, 100), horizontal(&kenb, 1, 65_636));
    }
}
