//! Which cells somebody reads who holds keys and hears all of the air (acceptance list 1.3, points 1, 2, 8, 10).
//!
//! The holder knows C-RNTI, which stands in the clear in front of every MAC PDU, and what the handover commands say that it can
//! open: target cell, INDICATION or NCC, and PARA if the NAS keys are in its hands. It tries every key that follows from
//! those that it has: by the chained derivation, by the standard's horizontal and vertical one, and from KASME. User packets that UPEs
//! cipher are read apart from that, see [`user_plane`](super::user_plane).

use super::user_plane;
use crate::eps::identifiers::Pci;
use crate::eps::keys::{CkIk, Kasme, Kenb, KenbStar, Nh, UpKey};
use crate::eps::node::radio_side::RadioSide;
use crate::eps::node::settings::Agreement;
use crate::eps::parameters::{AlgorithmId, Algorithms, Indication, LinkDirection, Ncc};
use crate::eps::security::handover_keys;
use crate::eps::security::kdf;
use crate::eps::security::next_hop::{NextHopChain, horizontal, vertical};
use crate::eps::security::protection::{AsSecurity, BearerId, NasSecurity};
use crate::eps::wire::mac_pdu::{LCID_SRB1, MacPdu};
use crate::eps::wire::nas::{EmmMessage, NasMessage};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::DlDcchMessage;
use crate::time::VirtualTime;

/// A UE in a cell, from one KeNB to the next, as it is heard on the air.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Number of the UE.
    pub ue: usize,
    /// The cell.
    pub cell: Pci,
    /// Its downlink carrier.
    pub earfcn_dl: u32,
    /// C-RNTI.
    pub c_rnti: u16,
    /// The AS algorithms, which are no secret.
    pub algorithms: Algorithms,
    /// The frames and when they began, in order.
    pub frames: Vec<(VirtualTime, RadioFrame)>,
}

/// What the holder reads of a visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// RRC messages opened.
    pub messages: usize,
    /// User packets deciphered and when they were sent, in order.
    pub packets: Vec<(VirtualTime, Vec<u8>)>,
}

/// The keys in somebody's hands.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    /// KeNBs.
    pub kenbs: Vec<Kenb>,
    /// KeNB*s.
    pub stars: Vec<KenbStar>,
    /// NHs with their NCC.
    pub next_hops: Vec<(Nh, Ncc)>,
    /// KASMEs.
    pub kasmes: Vec<Kasme>,
    /// CK and IK.
    pub ck_iks: Vec<CkIk>,
    /// Keys between UEs and UPEs.
    pub up_keys: Vec<UpKey>,
    /// PARAs that it was told, so that nothing but KASME is missing.
    pub told: Vec<Vec<u8>>,
}

/// RRC messages by which a key is tried.
const TRIED: usize = 4;
/// How far a chain of NH is followed.
const CHAIN: usize = 64;
/// NAS COUNTs in uplink of which KeNB may have been made, besides that which stands for a handover from UTRAN.
const UPLINK_COUNTS: u32 = 8;

/// A UE while its visits are read one after the other.
#[derive(Default)]
struct Followed {
    kenb: Option<Kenb>,
    paras: Vec<Vec<u8>>,
}

impl Holder {
    /// What is read of each visit, in their order (of all UEs, by the time at which they begin); `None`: nothing.
    #[must_use]
    pub fn read(&self, visits: &[Visit], agreement: &Agreement) -> Vec<Option<Read>> {
        let mut reads = self.follow(visits, agreement).0;
        if agreement.transfer.upe {
            let packets = user_plane::packets(&self.up_keys, &self.kasmes, visits);
            for (read, packets) in reads.iter_mut().zip(packets).filter(|(_, packets)| !packets.is_empty()) {
                read.get_or_insert_default().packets = packets;
            }
        }
        reads
    }

    /// The PARAs that it reads of these visits, which takes KASME.
    #[must_use]
    pub fn paras(&self, visits: &[Visit], agreement: &Agreement) -> Vec<Vec<u8>> {
        self.follow(visits, agreement).1.into_iter().flat_map(|followed| followed.paras).collect()
    }

    fn follow(&self, visits: &[Visit], agreement: &Agreement) -> (Vec<Option<Read>>, Vec<Followed>) {
        let ues = visits.iter().map(|visit| visit.ue).max().map_or(0, |last| last + 1);
        let mut followed: Vec<Followed> = (0..ues).map(|_| Followed::default()).collect();
        // One that commands to this UE are opened with: KASME is one UE's.
        let mut nas: Vec<NasSecurity> = self.kasmes.iter().flat_map(nas_securities).collect();
        let next_hops = self.all_next_hops();
        let mut reads = Vec::new();
        for visit in visits {
            let Some(ue) = followed.get_mut(visit.ue) else { continue };
            let candidates = self.candidates(visit, ue, &next_hops, agreement);
            let opened = candidates.into_iter().find_map(|kenb| {
                let opened = opened(visit, &kenb, agreement.transfer.upe)?;
                Some((kenb, opened))
            });
            let Some((kenb, (read, downlink))) = opened else {
                reads.push(None);
                continue;
            };
            ue.paras.extend(downlink.iter().flat_map(|message| paras(message, &mut nas)));
            ue.kenb = Some(kenb);
            reads.push(Some(read));
        }
        (reads, followed)
    }

    /// Whether the key of a visit is one that it holds, and not one that it has to derive.
    #[must_use]
    pub fn holds(&self, visit: &Visit) -> bool {
        self.kenbs.iter().any(|kenb| opened(visit, kenb, true).is_some())
    }

    /// NHs that it holds, and those that follow from KASME and the first KeNB.
    fn all_next_hops(&self) -> Vec<Nh> {
        let mut all: Vec<Nh> = self.next_hops.iter().map(|(nh, _)| nh.clone()).collect();
        for kasme in &self.kasmes {
            for first in first_kenbs(kasme) {
                let mut chain = NextHopChain::new(&first);
                all.extend((0..CHAIN).map(|_| chain.advance(kasme).0));
            }
        }
        all
    }

    /// The keys that the KeNB of a visit may be.
    fn candidates(&self, visit: &Visit, ue: &Followed, next_hops: &[Nh], agreement: &Agreement) -> Vec<Kenb> {
        let Agreement { derivation, schemes, .. } = agreement;
        let c_rnti = agreement.c_rnti(visit.c_rnti);
        let known = || self.kenbs.iter().chain(&ue.kenb);
        let mut candidates: Vec<Kenb> = known().cloned().collect();
        candidates.extend(self.kasmes.iter().flat_map(first_kenbs));
        if schemes.is_standard() {
            let (pci, earfcn) = (visit.cell.get(), visit.earfcn_dl);
            candidates.extend(known().map(|kenb| horizontal(kenb, pci, earfcn)));
            candidates.extend(next_hops.iter().map(|nh| vertical(nh, pci, earfcn)));
            // What came over X2 is the KeNB itself.
            candidates.extend(self.stars.iter().map(|star| Kenb::from_octets(*star.octets())));
            return candidates;
        }
        let mut stars: Vec<KenbStar> = known().map(|kenb| derivation.chained(kenb)).chain(self.stars.clone()).collect();
        let paras = || self.told.iter().chain(&ue.paras);
        let in_place = known().map(|kenb| Kasme::from_octets(*kenb.octets()));
        for kasme in self.kasmes.iter().cloned().chain(in_place) {
            stars.extend(paras().filter_map(|para| derivation.mme_involved(&kasme, para).ok()));
        }
        candidates.extend(stars.iter().map(|star| derivation.target(star, c_rnti)));
        candidates
    }
}

fn first_kenbs(kasme: &Kasme) -> impl Iterator<Item = Kenb> + '_ {
    (0..UPLINK_COUNTS).chain([u32::MAX]).map(|count| kdf::kenb(kasme, count))
}

/// NAS under a KASME, with each ciphering algorithm that is computed.
fn nas_securities(kasme: &Kasme) -> impl Iterator<Item = NasSecurity> + '_ {
    [AlgorithmId::Aes, AlgorithmId::Null].into_iter().map(|ciphering| {
        let integrity = AlgorithmId::Aes;
        NasSecurity::new(handover_keys::NasKeys::derive(kasme, ciphering, integrity), ciphering, integrity)
    })
}

/// What of a visit opens under a key: all that is read, and the RRC messages of the downlink; of user packets nothing if eNBs have
/// no key for them. `None`: the first messages do not verify.
fn opened(visit: &Visit, kenb: &Kenb, of_upe: bool) -> Option<(Read, Vec<Vec<u8>>)> {
    let Algorithms { ciphering, integrity } = visit.algorithms;
    let keys = handover_keys::AsKeys::derive(kenb, ciphering, integrity);
    let mut security = AsSecurity::new(keys, ciphering, integrity);
    let lcid = |frame: &RadioFrame| MacPdu::parse(&frame.mac_pdu).ok().map(|mac| mac.lcid);
    let tried = visit.frames.iter().filter(|(_, frame)| lcid(frame) == Some(LCID_SRB1)).take(TRIED);
    tried.clone().find(|(_, frame)| RadioSide::open(frame, &mut security.clone()).is_ok())?;
    let mut read = Read::default();
    let mut downlink = Vec::new();
    for (time, frame) in &visit.frames {
        if of_upe && matches!(RadioSide::user_pdu(frame), Ok(Some(_))) {
            continue;
        }
        let Ok(from_air) = RadioSide::open(frame, &mut security) else { continue };
        match from_air.bearer {
            BearerId::Signalling(_) => {
                read.messages += 1;
                if frame.direction == LinkDirection::Downlink {
                    downlink.push(from_air.octets);
                }
            }
            BearerId::Data(_) => read.packets.push((*time, from_air.octets)),
        }
    }
    Some((read, downlink))
}

/// The PARAs in the NAS messages of a handover command that one of these opens.
fn paras(message: &[u8], nas: &mut [NasSecurity]) -> Vec<Vec<u8>> {
    let Ok(DlDcchMessage::Reconfiguration(command)) = DlDcchMessage::parse(message) else { return Vec::new() };
    let mut paras = Vec::new();
    for octets in &command.nas {
        let Ok(NasMessage::Protected(protected)) = NasMessage::parse(octets) else { continue };
        // KNASint is the same whatever the ciphering is: the right one is that under which the rest is a message.
        let found = nas.iter_mut().find_map(|security| {
            let header = protected.header.ciphered();
            let (number, mac) = (protected.sequence_number, protected.mac);
            let (_, plain) = security.open(LinkDirection::Downlink, number, mac, &protected.message, header).ok()?;
            match EmmMessage::parse(&plain) {
                Ok(EmmMessage::DownlinkGenericTransport(container)) => container.handover_parameters().ok(),
                _ => None,
            }
        });
        paras.extend(found.filter(|found| found.indication == Indication::Mme).map(|found| found.para));
    }
    paras
}
