//! The keys of one UE at each party, and what becomes of them at a handover: UE, eNB, MME.
//!
//! A handover changes keys in one of two ways: as the contribution has it, by KeNB* and C-RNTI ([`KeyChange::Star`]), or as the
//! standard has it, by NH or KeNB and the target cell ([`KeyChange::Cell`]).

use super::handover_keys::{AsKeys, CRnti, HandoverDerivation, NasKeys};
use super::inter_system::COUNT_OF_HANDOVER;
use super::kdf::{self, ParameterTooLong};
use super::next_hop::{NextHopChain, horizontal, vertical};
use super::protection::{AsSecurity, NasSecurity};
use crate::eps::keys::{Kasme, Kenb, KenbStar, Nh};
use crate::eps::parameters::{Algorithms, HandoverParameters, Indication, LinkDirection, Ncc};

impl Algorithms {
    fn air(self, kenb: &Kenb) -> AsSecurity {
        AsSecurity::new(AsKeys::derive(kenb, self.ciphering, self.integrity), self.ciphering, self.integrity)
    }

    fn nas_keys(self, kasme: &Kasme) -> NasKeys {
        NasKeys::derive(kasme, self.ciphering, self.integrity)
    }
}

/// A cell as it goes into the standard's derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellInput {
    /// Physical cell identity, 0 to 503.
    pub pci: u16,
    /// Downlink carrier.
    pub earfcn_dl: u32,
}

/// What the handover command says of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// The contribution: INDICATION with PARA, and C-RNTI.
    Star(HandoverParameters, CRnti),
    /// The standard: NCC, and the cell that the UE is sent to.
    Cell(Ncc, CellInput),
    /// keyChangeIndicator: KeNB of the KASME that the last authentication has left (TS 33.401 clause 7.2.9.2).
    Kasme,
}

/// The keys of a UE at itself.
#[derive(Clone, Debug)]
pub struct UeKeys {
    kasme: Kasme,
    kenb: Kenb,
    chain: NextHopChain,
    /// What KeNB and the chain go back to: KASME, or the one before it until KeNB changes.
    chained: Kasme,
    /// The uplink NAS COUNT of the last answer to a NAS security mode command.
    mode_count: u32,
    derivation: HandoverDerivation,
    /// NAS security.
    pub nas: NasSecurity,
    /// AS security under the KeNB in use.
    pub air: AsSecurity,
}

/// What a UE goes back to when a handover fails.
#[derive(Clone, Debug)]
pub struct BeforeHandover {
    kenb: Kenb,
    chain: NextHopChain,
    chained: Kasme,
    air: AsSecurity,
}

impl UeKeys {
    /// The keys after NAS and AS security mode commands; KeNB is made of KASME and the uplink NAS COUNT.
    #[must_use]
    pub fn establish(kasme: Kasme, nas: Algorithms, air: Algorithms, derivation: HandoverDerivation) -> Self {
        let nas = NasSecurity::new(nas.nas_keys(&kasme), nas.ciphering, nas.integrity);
        let kenb = kdf::kenb(&kasme, nas.next_count(LinkDirection::Uplink));
        let (chain, air) = (NextHopChain::new(&kenb), air.air(&kenb));
        Self { chained: kasme.clone(), mode_count: 0, kasme, kenb, chain, derivation, nas, air }
    }

    /// NAS security of a KASME that an authentication has left: COUNTs begin at 0.
    #[must_use]
    pub fn nas_of(kasme: &Kasme, algorithms: Algorithms) -> NasSecurity {
        NasSecurity::new(algorithms.nas_keys(kasme), algorithms.ciphering, algorithms.integrity)
    }

    /// An authentication has left this KASME, and a NAS security mode command takes it into use. The keys of the air stay as they
    /// are until the eNB changes them.
    pub fn renew(&mut self, kasme: Kasme, nas: NasSecurity) {
        (self.kasme, self.nas) = (kasme, nas);
    }

    /// A connection begins that has no keys yet: nothing on the air is protected.
    pub fn disconnect(&mut self) {
        self.air = AsSecurity::off();
    }

    /// The message that comes next is the answer to a NAS security mode command: its COUNT goes into a KeNB that is made of KASME.
    pub const fn answers_mode(&mut self) {
        self.mode_count = self.nas.next_count(LinkDirection::Uplink);
    }

    /// The security mode command of a new connection: KeNB of KASME and the uplink NAS COUNT of the message that the UE has come with,
    /// else of the last answer to a NAS security mode command. COUNTs of the air go on.
    #[must_use]
    pub fn connected(mut self, uplink_nas_count: Option<u32>, algorithms: Algorithms) -> Self {
        self.kenb = kdf::kenb(&self.kasme, uplink_nas_count.unwrap_or(self.mode_count));
        (self.chain, self.chained) = (NextHopChain::new(&self.kenb), self.kasme.clone());
        self.air = algorithms.air(&self.kenb).going_on_from(&self.air);
        self
    }

    /// The keys of a UE that comes from another system: NAS COUNTs begin at 0, KeNB is made of KASME and a COUNT that no message has
    /// (TS 33.401 clause 9.2.2.1).
    #[must_use]
    pub fn mapped(kasme: Kasme, nas: Algorithms, air: Algorithms, derivation: HandoverDerivation) -> Self {
        let kenb = kdf::kenb(&kasme, COUNT_OF_HANDOVER);
        let nas = NasSecurity::new(nas.nas_keys(&kasme), nas.ciphering, nas.integrity);
        let (chain, air) = (NextHopChain::new(&kenb), air.air(&kenb));
        Self { chained: kasme.clone(), mode_count: 0, kasme, kenb, chain, derivation, nas, air }
    }

    /// The KeNB in use.
    #[must_use]
    pub const fn kenb(&self) -> &Kenb {
        &self.kenb
    }

    /// Follows a handover command; `algorithms` if it names any, else those in use stay. What was before is given back: it is
    /// needed again if the target does not answer.
    ///
    /// # Errors
    /// PARA has more than 65,535 octets.
    pub fn hand_over(
        &mut self,
        change: &KeyChange,
        algorithms: Option<Algorithms>,
    ) -> Result<BeforeHandover, ParameterTooLong> {
        let (mut chain, mut chained) = (self.chain.clone(), self.chained.clone());
        let kenb = match change {
            KeyChange::Star(HandoverParameters { indication, para }, c_rnti) => {
                let star = match indication {
                    Indication::SourceEnb => self.derivation.chained(&self.kenb),
                    Indication::Mme => self.derivation.mme_involved(&self.kasme, para)?,
                };
                self.derivation.target(&star, *c_rnti)
            }
            KeyChange::Cell(ncc, CellInput { pci, earfcn_dl }) => match chain.advance_to(*ncc, &self.chained) {
                Some(nh) => vertical(&nh, *pci, *earfcn_dl),
                None => horizontal(&self.kenb, *pci, *earfcn_dl),
            },
            KeyChange::Kasme => {
                let kenb = kdf::kenb(&self.kasme, self.mode_count);
                (chain, chained) = (NextHopChain::new(&kenb), self.kasme.clone());
                kenb
            }
        };
        let air = algorithms.unwrap_or(self.air.algorithms()).air(&kenb);
        Ok(BeforeHandover {
            kenb: std::mem::replace(&mut self.kenb, kenb),
            chain: std::mem::replace(&mut self.chain, chain),
            chained: std::mem::replace(&mut self.chained, chained),
            air: std::mem::replace(&mut self.air, air),
        })
    }

    /// Back at the source: its keys and COUNTs are in use again.
    pub fn go_back(&mut self, before: BeforeHandover) {
        (self.kenb, self.chain, self.air) = (before.kenb, before.chain, before.air);
        self.chained = before.chained;
    }

    /// KASME.
    #[must_use]
    pub const fn kasme(&self) -> &Kasme {
        &self.kasme
    }

    /// NCC of the KeNB in use.
    #[must_use]
    pub fn ncc(&self) -> Ncc {
        Ncc::new(self.chain.ncc())
    }

    /// NAS security with other algorithms: keys of the same KASME, the COUNTs go on.
    #[must_use]
    pub fn nas_with(&self, algorithms: Algorithms) -> NasSecurity {
        self.nas.clone().with_keys(algorithms.nas_keys(&self.kasme), algorithms.ciphering, algorithms.integrity)
    }
}

/// The keys of a UE at an eNB.
#[derive(Clone, Debug)]
pub struct EnbKeys {
    kenb: Kenb,
    /// The NH that the MME has sent for the next handover.
    fresh: Option<(Nh, Ncc)>,
    ncc: Ncc,
    /// AS security under this KeNB.
    pub air: AsSecurity,
}

impl EnbKeys {
    /// A KeNB that the MME has made of KASME, or that came as KeNB* by the standard's derivation, which is KeNB then.
    #[must_use]
    pub fn new(kenb: Kenb, ncc: Ncc, algorithms: Algorithms) -> Self {
        let air = algorithms.air(&kenb);
        Self { kenb, fresh: None, ncc, air }
    }

    /// The target of the contribution: of KeNB* and the C-RNTI that it gives.
    #[must_use]
    pub fn of_star(derivation: &HandoverDerivation, star: &KenbStar, c_rnti: CRnti, algorithms: Algorithms) -> Self {
        Self::new(derivation.target(star, c_rnti), Ncc::new(0), algorithms)
    }

    /// The target of a handover over S1: of the NH that the MME has sent, for its own cell.
    #[must_use]
    pub fn of_next_hop(nh: &Nh, ncc: Ncc, CellInput { pci, earfcn_dl }: CellInput, algorithms: Algorithms) -> Self {
        Self::new(vertical(nh, pci, earfcn_dl), ncc, algorithms)
    }

    /// The KeNB.
    #[must_use]
    pub const fn kenb(&self) -> &Kenb {
        &self.kenb
    }

    /// NCC of the KeNB.
    #[must_use]
    pub const fn ncc(&self) -> Ncc {
        self.ncc
    }

    /// The UE is back in this cell, by the standard: KeNB is made anew, for the cell itself.
    pub fn re_establish(&mut self, cell: CellInput) {
        let (kenb, ncc) = self.cell_star(cell);
        *self = Self::new(kenb, ncc, self.air.algorithms());
    }

    /// The MME has sent an NH for the next handover (path switch acknowledge).
    pub fn refresh(&mut self, nh: Nh, ncc: Ncc) {
        self.fresh = Some((nh, ncc));
    }

    /// KeNB* for a target over X2 by the contribution: chained.
    #[must_use]
    pub fn chained_star(&self, derivation: &HandoverDerivation) -> KenbStar {
        derivation.chained(&self.kenb)
    }

    /// KeNB* for a target cell over X2 by the standard, with its NCC: of a fresh NH, else of KeNB.
    #[must_use]
    pub fn cell_star(&self, CellInput { pci, earfcn_dl }: CellInput) -> (Kenb, Ncc) {
        match &self.fresh {
            Some((nh, ncc)) => (vertical(nh, pci, earfcn_dl), *ncc),
            None => (horizontal(&self.kenb, pci, earfcn_dl), self.ncc),
        }
    }
}

/// The keys of a UE at its MME.
#[derive(Clone, Debug)]
pub struct MmeKeys {
    kasme: Kasme,
    chain: NextHopChain,
    derivation: HandoverDerivation,
    /// NAS security.
    pub nas: NasSecurity,
}

/// What one MME hands to another about a UE (Forward Relocation Request, MM context).
#[derive(Clone, Debug)]
pub struct MmContext {
    /// KASME.
    pub kasme: Kasme,
    /// The NAS COUNTs that come next: uplink, downlink.
    pub nas_counts: [u32; 2],
    /// The NAS algorithms in use.
    pub algorithms: Algorithms,
    /// The next NH of the chain, which is the source's last, with its NCC.
    pub next_hop: (Nh, Ncc),
}

impl MmeKeys {
    /// The keys after authentication, and the KeNB for the eNB.
    #[must_use]
    pub fn establish(kasme: Kasme, nas: Algorithms, derivation: HandoverDerivation) -> (Self, Kenb) {
        let nas = NasSecurity::new(nas.nas_keys(&kasme), nas.ciphering, nas.integrity);
        let kenb = kdf::kenb(&kasme, nas.next_count(LinkDirection::Uplink));
        (Self { chain: NextHopChain::new(&kenb), kasme, derivation, nas }, kenb)
    }

    /// The keys of a UE that comes from another system, and the KeNB for the eNB: as [`UeKeys::mapped`].
    #[must_use]
    pub fn mapped(kasme: Kasme, nas: Algorithms, derivation: HandoverDerivation) -> (Self, Kenb) {
        let kenb = kdf::kenb(&kasme, COUNT_OF_HANDOVER);
        let nas = NasSecurity::new(nas.nas_keys(&kasme), nas.ciphering, nas.integrity);
        (Self { chain: NextHopChain::new(&kenb), kasme, derivation, nas }, kenb)
    }

    /// KeNB* of a handover that the MME is involved in.
    ///
    /// # Errors
    /// PARA has more than 65,535 octets.
    pub fn star(&self, para: &[u8]) -> Result<KenbStar, ParameterTooLong> {
        self.derivation.mme_involved(&self.kasme, para)
    }

    /// The NH that the chain stands at, with its NCC: what another MME has sent.
    #[must_use]
    pub fn last_hop(&self) -> (Nh, Ncc) {
        self.chain.last()
    }

    /// The next NH with its NCC.
    pub fn next_hop(&mut self) -> (Nh, Ncc) {
        self.chain.advance(&self.kasme)
    }

    /// KASME.
    #[must_use]
    pub const fn kasme(&self) -> &Kasme {
        &self.kasme
    }

    /// NAS security with other algorithms: keys of the same KASME, the COUNTs go on.
    #[must_use]
    pub fn nas_with(&self, algorithms: Algorithms) -> NasSecurity {
        self.nas.clone().with_keys(algorithms.nas_keys(&self.kasme), algorithms.ciphering, algorithms.integrity)
    }

    /// The keys of a UE that has come with a message, as another MME has given them. The NAS COUNTs are those that come next: uplink,
    /// downlink. None if there was no message before: KeNB is made of its COUNT ([`renew_kenb`](Self::renew_kenb)).
    #[must_use]
    pub fn given(
        kasme: Kasme,
        [uplink, downlink]: [u32; 2],
        algorithms: Algorithms,
        derivation: HandoverDerivation,
    ) -> Option<Self> {
        let kenb = kdf::kenb(&kasme, uplink.checked_sub(1)?);
        let nas = UeKeys::nas_of(&kasme, algorithms).going_on_at(uplink, downlink);
        Some(Self { chain: NextHopChain::new(&kenb), kasme, derivation, nas })
    }

    /// KeNB of KASME and the uplink NAS COUNT of the last message of the UE: the one that it has come with, or its answer to a NAS
    /// security mode command. The chain begins anew (TS 33.401 clauses 7.2.4.4 and 7.2.9.2).
    pub fn renew_kenb(&mut self) -> Kenb {
        let last = self.nas.next_count(LinkDirection::Uplink).saturating_sub(1);
        let kenb = kdf::kenb(&self.kasme, last);
        self.chain = NextHopChain::new(&kenb);
        kenb
    }

    /// What the target MME needs. The NH in it is the next of the chain (TS 33.401 clause 7.2.8.4.3).
    #[must_use]
    pub fn context(&mut self) -> MmContext {
        MmContext {
            kasme: self.kasme.clone(),
            nas_counts: [LinkDirection::Uplink, LinkDirection::Downlink]
                .map(|direction| self.nas.next_count(direction)),
            algorithms: self.nas.algorithms(),
            next_hop: self.next_hop(),
        }
    }

    /// The same at the target MME, with the NAS algorithms of its choice: the keys of the same KASME, the COUNTs go on, unless it
    /// `resets_counts`, which is wrong: keys that come back then meet COUNTs that they had.
    #[must_use]
    pub fn relocated(
        context: MmContext,
        algorithms: Algorithms,
        derivation: HandoverDerivation,
        resets_counts: bool,
    ) -> Self {
        let MmContext { kasme, nas_counts: [uplink, downlink], next_hop: (nh, ncc), .. } = context;
        let nas = NasSecurity::new(algorithms.nas_keys(&kasme), algorithms.ciphering, algorithms.integrity);
        let nas = if resets_counts { nas } else { nas.going_on_at(uplink, downlink) };
        Self { kasme, chain: NextHopChain::resumed(&nh, ncc), derivation, nas }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eps::parameters::AlgorithmId;
    use crate::eps::security::protection::BearerId;

    const HOW: fn() -> HandoverDerivation = HandoverDerivation::default;

    #[derive(Clone, Copy, Debug)]
    enum Scheme {
        Chained,
        Involved,
        X2NextHop,
        S1NextHop,
    }

    fn network() -> (UeKeys, EnbKeys, MmeKeys) {
        let kasme = Kasme::from_octets([0x11; 32]);
        let ue = UeKeys::establish(kasme.clone(), Algorithms::AES, Algorithms::AES, HOW());
        let (mme, kenb) = MmeKeys::establish(kasme, Algorithms::AES, HOW());
        (ue, EnbKeys::new(kenb, Ncc::new(0), Algorithms::AES), mme)
    }

    fn source_enb() -> HandoverParameters {
        HandoverParameters { indication: Indication::SourceEnb, para: Vec::new() }
    }

    /// One handover: the keys at the target, and what the command said.
    fn hop(scheme: Scheme, number: u16, source: &EnbKeys, mme: &mut MmeKeys) -> (EnbKeys, KeyChange) {
        let c_rnti = CRnti::Bits16(0x1000 + number);
        let cell = CellInput { pci: number, earfcn_dl: 1_850 };
        let of = |star: &KenbStar| EnbKeys::of_star(&HOW(), star, c_rnti, Algorithms::AES);
        match scheme {
            Scheme::Chained => (of(&source.chained_star(&HOW())), KeyChange::Star(source_enb(), c_rnti)),
            Scheme::Involved => {
                let para = number.to_be_bytes().to_vec();
                let star = of(&mme.star(&para).unwrap());
                (star, KeyChange::Star(HandoverParameters { indication: Indication::Mme, para }, c_rnti))
            }
            Scheme::X2NextHop => {
                let (kenb, ncc) = source.cell_star(cell);
                let mut target = EnbKeys::new(kenb, ncc, Algorithms::AES);
                let (nh, fresh) = mme.next_hop();
                target.refresh(nh, fresh);
                (target, KeyChange::Cell(ncc, cell))
            }
            Scheme::S1NextHop => {
                let (nh, ncc) = mme.next_hop();
                (EnbKeys::of_next_hop(&nh, ncc, cell, Algorithms::AES), KeyChange::Cell(ncc, cell))
            }
        }
    }

    /// The KeNBs that follow from those of one cell, for somebody who hears every command: what `compromised` holds, and its KeNB.
    fn reach(compromised: &EnbKeys, heard: &[KeyChange]) -> Vec<Kenb> {
        let mut known = vec![compromised.kenb().clone()];
        let mut held = Some(compromised.clone());
        for change in heard {
            let Some(last) = known.last() else { break };
            let next = match change {
                KeyChange::Star(HandoverParameters { indication: Indication::SourceEnb, .. }, c_rnti) => {
                    HOW().target(&HOW().chained(last), *c_rnti)
                }
                KeyChange::Star(..) | KeyChange::Kasme => break,
                KeyChange::Cell(ncc, cell) => match &held {
                    Some(held) if held.fresh.is_some() => held.cell_star(*cell).0,
                    Some(held) if held.ncc == *ncc => horizontal(last, cell.pci, cell.earfcn_dl),
                    _ => break,
                },
            };
            // What the MME sends to later targets is not heard.
            held = None;
            known.push(next);
        }
        known
    }

    fn works(ue: &mut UeKeys, enb: &mut EnbKeys) {
        let srb = BearerId::Signalling(1);
        let confirm = ue.air.protect(srb, LinkDirection::Uplink, b"confirm").unwrap();
        let opened = enb.air.open(srb, LinkDirection::Uplink, confirm.sequence_number, &confirm.octets);
        assert_eq!(opened, Ok((0, b"confirm".to_vec())));
    }

    fn scheme() -> impl Strategy<Value = Scheme> {
        prop::sample::select(vec![Scheme::Chained, Scheme::Involved, Scheme::X2NextHop, Scheme::S1NextHop])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Acceptance list 1.3, point 11: whatever the schemes of a walk are, both ends agree at each hop.
        #[test]
        fn both_ends_agree_at_every_hop_of_a_walk(schemes in prop::collection::vec(scheme(), 1..12)) {
            let (mut ue, mut enb, mut mme) = network();
            works(&mut ue, &mut enb);
            for (number, scheme) in (1..).zip(schemes) {
                // A target of the contribution knows no NCC: over X2 the standard goes on where the chain stands as it says.
                let in_step = enb.fresh.is_some() || Ncc::new(ue.chain.ncc()) == enb.ncc;
                let scheme = if in_step { scheme } else { Scheme::S1NextHop };
                let (target, change) = hop(scheme, number, &enb, &mut mme);
                enb = target;
                ue.hand_over(&change, None).unwrap();
                prop_assert_eq!(ue.kenb(), enb.kenb());
                works(&mut ue, &mut enb);
            }
        }
    }

    /// How many cells, its own among them, a walk of one scheme leaves readable when the second is compromised.
    fn readable(scheme: Scheme) -> usize {
        let (mut ue, mut enb, mut mme) = network();
        let (mut cells, mut heard) = (Vec::new(), Vec::new());
        for number in 1..=6 {
            let (target, change) = hop(scheme, number, &enb, &mut mme);
            ue.hand_over(&change, None).unwrap();
            enb = target;
            cells.push(enb.clone());
            heard.push(change);
        }
        let known = reach(&cells[1], &heard[2..]);
        let real: Vec<&Kenb> = cells.iter().map(EnbKeys::kenb).collect();
        assert!(!known.contains(real[0]), "backward security");
        known.iter().filter(|key| real.contains(key)).count()
    }

    #[test]
    fn a_compromise_reaches_all_later_cells_of_a_chain_and_no_other_where_the_mme_is_involved() {
        // Acceptance list 1.3, points 1, 2 and 10.
        assert_eq!(readable(Scheme::Chained), 5);
        assert_eq!(readable(Scheme::Involved), 1);
        assert_eq!(readable(Scheme::X2NextHop), 2);
        assert_eq!(readable(Scheme::S1NextHop), 1);
    }

    #[test]
    fn a_flipped_indication_never_leads_to_a_shared_key() {
        // Acceptance list 1.3, point 5.
        let (mut ue, enb, mut mme) = network();
        let (mut target, change) = hop(Scheme::Involved, 1, &enb, &mut mme);
        let KeyChange::Star(_, c_rnti) = change else { unreachable!() };
        let before = ue.hand_over(&KeyChange::Star(source_enb(), c_rnti), None).unwrap();
        assert_ne!(ue.kenb(), target.kenb());
        let srb = BearerId::Signalling(1);
        let confirm = ue.air.protect(srb, LinkDirection::Uplink, b"confirm").unwrap();
        assert!(target.air.open(srb, LinkDirection::Uplink, confirm.sequence_number, &confirm.octets).is_err());
        ue.go_back(before);
        let mut enb = enb;
        works(&mut ue, &mut enb);
    }

    #[test]
    fn a_context_that_moves_keeps_its_counts_and_one_that_resets_them_uses_them_again() {
        // Acceptance list 1.3, point 7; broken: counts reset.
        for (resets, first) in [(false, 2), (true, 0)] {
            let (_, _, mut mme) = network();
            mme.nas.protect(LinkDirection::Downlink, b"one", true).unwrap();
            mme.nas.protect(LinkDirection::Downlink, b"two", true).unwrap();
            let other = Algorithms { ciphering: AlgorithmId::Null, integrity: AlgorithmId::Aes };
            let mut there = MmeKeys::relocated(mme.context(), other, HOW(), resets);
            assert!(there.nas.keys().enc != mme.nas.keys().enc && there.nas.keys().int == mme.nas.keys().int);
            let back = MmeKeys::relocated(there.context(), Algorithms::AES, HOW(), resets);
            assert_eq!(back.nas.keys(), mme.nas.keys());
            assert_eq!(back.nas.next_count(LinkDirection::Downlink), first);
        }
    }
}
