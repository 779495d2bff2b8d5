//! Which cells somebody reads who holds keys and hears all of the air (acceptance list 1.3, points 1, 2, 8, 10).
//!
//! The holder knows C-RNTI, which stands in the clear in front of every MAC PDU, and what the handover commands say that it can
//! open: target cell, INDICATION or NCC, and PARA if the NAS keys are in its hands. It tries every key that follows from
//! those that it has: by the chained derivation, by the standard's horizontal and vertical one, and from KASME. User packets that UPEs
//! cipher are read apart from that, see [`user_plane`].

use super::{between_systems, user_plane};
use crate::eps::identifiers::Pci;
use crate::eps::keys::{CkIk, Kasme, Kenb, KenbStar, Nh, UpKey};
use crate::eps::node::radio_side::RadioSide;
use crate::eps::node::settings::Agreement;
use crate::eps::parameters::{AlgorithmId, Algorithms, Indication, LinkDirection, Ncc};
use crate::eps::security::handover_keys;
use crate::eps::security::kdf;
use crate::eps::security::next_hop::{NextHopChain, horizontal, vertical};
use crate::eps::security::protection::{AsSecurity, BearerId, NasSecurity};
use crate::eps::wire::UtranFrame;
use crate::eps::wire::mac_pdu::{LCID_SRB1, MacPdu};
use crate::eps::wire::nas::{EmmMessage, GenericContainer, NasMessage};
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
    /// The frames of its connection from before it had keys, and when they began, in order.
    pub setting_up: Vec<(VirtualTime, RadioFrame)>,
    /// The frames after that, likewise.
    pub frames: Vec<(VirtualTime, RadioFrame)>,
    /// The same of a stay in a cell of UTRAN, of which nothing else but UE and cell is said then.
    pub utran: Vec<(VirtualTime, UtranFrame)>,
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
    /// Keys between UEs and UPEs.
    pub up_keys: Vec<UpKey>,
    /// CKs and IKs.
    pub ck_iks: Vec<CkIk>,
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
    /// KASMEs that were made of CK and IK, and what follows from them.
    kasmes: Vec<Kasme>,
    next_hops: Vec<Nh>,
    /// CKs and IKs that were made of KASME.
    ck_iks: Vec<CkIk>,
}

impl Holder {
    /// What is read of each visit, in their order (of all UEs, by the time at which they begin); `None`: nothing.
    #[must_use]
    pub fn read(&self, visits: &[Visit], agreement: &Agreement) -> Vec<Option<Read>> {
        let (mut reads, followed) = self.follow(visits, agreement);
        if agreement.transfer.upe {
            let kasmes = self.kasmes.iter().chain(followed.iter().flat_map(|followed| &followed.kasmes));
            let kasmes: Vec<Kasme> = kasmes.cloned().collect();
            let packets = user_plane::packets(&self.up_keys, &kasmes, visits);
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
        let mut nas: Vec<(Kasme, NasSecurity)> = self.kasmes.iter().flat_map(nas_securities).collect();
        let mut next_hops: Vec<Nh> = self.next_hops.iter().map(|(nh, _)| nh.clone()).collect();
        next_hops.extend(self.kasmes.iter().flat_map(next_hops_of));
        let mut reads = Vec::new();
        for visit in visits {
            let Some(ue) = followed.get_mut(visit.ue) else { continue };
            if !visit.utran.is_empty() {
                let before = ue.kasmes.len();
                reads.push(self.read_utran(visit, ue));
                nas.extend(ue.kasmes.iter().skip(before).flat_map(nas_securities));
                continue;
            }
            let keys: Vec<CkIk> = self.ck_iks.iter().chain(&ue.ck_iks).cloned().collect();
            let kasmes = between_systems::made_of_nonces(&visit.setting_up, &keys);
            nas.extend(kasmes.iter().flat_map(nas_securities));
            ue.next_hops.extend(kasmes.iter().flat_map(next_hops_of));
            ue.kasmes.extend(kasmes);
            let candidates = self.candidates(visit, ue, &next_hops, agreement);
            let opened = candidates.into_iter().find_map(|kenb| {
                let opened = opened(visit, &kenb, agreement.transfer.upe)?;
                Some((kenb, opened))
            });
            let Some((kenb, (read, downlink))) = opened else {
                // What is not ciphered takes no key.
                let is_clear = visit.algorithms.ciphering == AlgorithmId::Null && !agreement.transfer.upe;
                reads.push(is_clear.then(|| in_the_clear(visit)));
                continue;
            };
            for (kasme, container) in downlink.iter().flat_map(|message| containers(message, &mut nas)) {
                let parameters = container.handover_parameters().ok();
                ue.paras.extend(parameters.filter(|one| one.indication == Indication::Mme).map(|one| one.para));
                ue.ck_iks.extend(container.target().ok().map(|input| input.ck_ik(&kasme)));
            }
            ue.kenb = Some(kenb);
            reads.push(Some(read));
        }
        (reads, followed)
    }

    /// Whether the key of a visit is one that it holds, and not one that it has to derive.
    #[must_use]
    pub fn holds(&self, visit: &Visit) -> bool {
        self.kenbs.iter().any(|kenb| opened(visit, kenb, true).is_some())
            || self.ck_iks.iter().any(|keys| !between_systems::packets(&visit.utran, keys).is_empty())
    }

    /// What is read of a stay in UTRAN, and the keys that it leads to.
    fn read_utran(&self, visit: &Visit, ue: &mut Followed) -> Option<Read> {
        let kasmes = self.kasmes.iter().chain(&ue.kasmes);
        let held = self.ck_iks.iter().chain(&ue.ck_iks).cloned();
        let mut found = None;
        for keys in held.chain(kasmes.flat_map(between_systems::of_counts)) {
            let packets = between_systems::packets(&visit.utran, &keys);
            if !packets.is_empty() {
                found = Some((keys, packets));
                break;
            }
        }
        ue.ck_iks.extend(found.as_ref().map(|(keys, _)| keys.clone()));
        let keys: Vec<CkIk> = self.ck_iks.iter().chain(&ue.ck_iks).cloned().collect();
        let kasmes = between_systems::made_of(&visit.utran, &keys);
        ue.next_hops.extend(kasmes.iter().flat_map(next_hops_of));
        ue.kasmes.extend(kasmes);
        found.map(|(_, packets)| Read { messages: 0, packets })
    }

    /// The keys that the KeNB of a visit may be.
    fn candidates(&self, visit: &Visit, ue: &Followed, next_hops: &[Nh], agreement: &Agreement) -> Vec<Kenb> {
        let Agreement { derivation, schemes, .. } = agreement;
        let c_rnti = agreement.c_rnti(visit.c_rnti);
        let known = || self.kenbs.iter().chain(&ue.kenb);
        let mut candidates: Vec<Kenb> = known().cloned().collect();
        candidates.extend(self.kasmes.iter().chain(&ue.kasmes).flat_map(first_kenbs));
        if schemes.is_standard() {
            let (pci, earfcn) = (visit.cell.get(), visit.earfcn_dl);
            candidates.extend(known().map(|kenb| horizontal(kenb, pci, earfcn)));
            candidates.extend(next_hops.iter().chain(&ue.next_hops).map(|nh| vertical(nh, pci, earfcn)));
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

/// The NHs that follow from a KASME and the first KeNB.
fn next_hops_of(kasme: &Kasme) -> Vec<Nh> {
    let chain_of = |first: Kenb| {
        let mut chain = NextHopChain::new(&first);
        (0..CHAIN).map(move |_| chain.advance(kasme).0)
    };
    first_kenbs(kasme).flat_map(chain_of).collect()
}

/// NAS under a KASME, with each ciphering algorithm that is computed.
fn nas_securities(kasme: &Kasme) -> impl Iterator<Item = (Kasme, NasSecurity)> + '_ {
    [AlgorithmId::Aes, AlgorithmId::Null].into_iter().map(|ciphering| {
        let integrity = AlgorithmId::Aes;
        let keys = handover_keys::NasKeys::derive(kasme, ciphering, integrity);
        (kasme.clone(), NasSecurity::new(keys, ciphering, integrity))
    })
}

/// What everybody reads of a visit that is not ciphered.
fn in_the_clear(visit: &Visit) -> Read {
    let mut read = Read::default();
    for (time, frame) in &visit.frames {
        read.messages += usize::from(RadioSide::unchecked(frame).is_some());
        if let Ok(Some(pdu)) = RadioSide::user_pdu(frame) {
            read.packets.push((*time, pdu.packet));
        }
    }
    read
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

/// What generic NAS transports in an RRC message carry that one of these opens, each with the KASME of that.
fn containers(message: &[u8], nas: &mut [(Kasme, NasSecurity)]) -> Vec<(Kasme, GenericContainer)> {
    let inside = match DlDcchMessage::parse(message) {
        Ok(DlDcchMessage::Reconfiguration(command)) => command.nas,
        Ok(DlDcchMessage::InformationTransfer { nas, .. }) => vec![nas],
        _ => return Vec::new(),
    };
    let mut containers = Vec::new();
    for octets in &inside {
        let Ok(NasMessage::Protected(protected)) = NasMessage::parse(octets) else { continue };
        // KNASint is the same whatever the ciphering is: the right one is that under which the rest is a message.
        containers.extend(nas.iter_mut().find_map(|(kasme, security)| {
            let header = protected.header.ciphered();
            let (number, mac) = (protected.sequence_number, protected.mac);
            let (_, plain) = security.open(LinkDirection::Downlink, number, mac, &protected.message, header).ok()?;
            match EmmMessage::parse(&plain) {
                Ok(EmmMessage::DownlinkGenericTransport(container)) => Some((kasme.clone(), container)),
                _ => None,
            }
        }));
    }
    containers
}
