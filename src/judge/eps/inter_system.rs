//! Keys of one system that are made of those of the other (seed 001 procedure C; TS 33.401 clauses 9.2.1 and 9.2.2): recomputed of what
//! messages say, and held against what they bring and against the log.
//!
//! | message | says | brings | recomputed |
//! | --- | --- | --- | --- |
//! | S1AP HandoverRequest from UTRAN | nonce, or target | KeNB | KASME of CK and IK, KeNB of that |
//! | RRC command to E-UTRAN | the same | - | KASME of CK and IK |
//! | GTPv1-C Forward Relocation Request of an MME | - | CK', IK' | by the standard, of KASME and a downlink NAS COUNT |
//! | S1AP HandoverCommand, RRC command to UTRAN | 4 bits of that COUNT | - | the same |
//! | NAS message that names a cell of UTRAN | target | - | CK', IK' of KASME |
//!
//! CK and IK are those of the log, and those that messages have brought before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, NoteKind};
use super::reading::{Reading, Seen};
use crate::capture::key_log::eps::KeyMapping;
use crate::eps::identifiers::Imsi;
use crate::eps::keys::{CkIk, Kasme, Kenb};
use crate::eps::parameters::{LinkDirection, TargetIdentity, TargetInput};
use crate::eps::security::inter_system::{COUNT_OF_HANDOVER, ck_ik_of_count, kasme_of_nonce};
use crate::eps::security::kdf;
use crate::eps::wire::gtpv1::ForwardRelocationRequest;
use crate::eps::wire::inter_system;
use crate::eps::wire::nas::{EmmMessage, NasMessage};
use crate::eps::wire::ranap::RelocationTarget;
use crate::eps::wire::rrc::DlDcchMessage;

/// Downlink NAS COUNTs before the one that comes next, and from it on, that CK' and IK' may be made of.
const NEAR: u32 = 256;
/// The bits of that COUNT that a command has.
const COUNT_BITS: u32 = 0xf;
/// Most keys that are remembered, of each kind.
const MAX_REMEMBERED: usize = 65_536;
/// Most CKs and IKs of messages that are remembered: the last.
const MAX_SHOWN: usize = 4_096;
/// Most CKs and IKs that are tried on one message.
const MAX_TRIALS: usize = 256;

/// What is remembered of keys between systems.
#[derive(Debug, Default)]
pub(super) struct InterSystem {
    /// CK and IK that messages have brought, the last in front.
    shown: VecDeque<(Imsi, CkIk)>,
    /// KASMEs that were recomputed, with what they are made of.
    made: HashMap<(Imsi, [u8; 32]), CkIk>,
    /// CK and IK of which something was seen: a message that brings them, a key made of them, or they made of one.
    seen: HashSet<[u8; 32]>,
    /// UEs for which something was recomputed.
    moved: HashSet<Imsi>,
    /// By MME: the COUNTs of CK' and IK' that no command has had yet.
    counts: Vec<(Ipv4Addr, u32)>,
}

impl InterSystem {
    /// Something was seen of CK and IK.
    pub(super) fn seen(&mut self, keys: &CkIk) {
        if self.seen.len() < MAX_REMEMBERED {
            self.seen.insert(*keys.octets());
        }
    }

    /// A message has brought CK and IK.
    pub(super) fn shown(&mut self, ue: Option<Imsi>, keys: &CkIk) {
        self.seen(keys);
        if let Some(ue) = ue {
            self.shown.truncate(MAX_SHOWN - 1);
            self.shown.push_front((ue, keys.clone()));
        }
    }

    fn moved(&mut self, ue: Imsi, keys: &CkIk) {
        self.seen(keys);
        if self.moved.len() < MAX_REMEMBERED {
            self.moved.insert(ue);
        }
    }
}

/// What a UE that comes from UTRAN is told of KASME.
enum Told {
    Nonce(u32),
    Target(TargetInput),
}

impl Told {
    /// Of the NAS security parameters to E-UTRA, and the NAS message with them where the seed rules.
    fn parse(parameters: [u8; 6], nas: Option<&[u8]>) -> Option<Self> {
        let Some(nas) = nas else {
            return inter_system::NasSecurityToEutra::from_octets(parameters).map(|told| Self::Nonce(told.nonce));
        };
        let Ok(NasMessage::Protected(message)) = NasMessage::parse(nas) else { return None };
        match EmmMessage::parse(&message.message) {
            Ok(EmmMessage::DownlinkGenericTransport(container)) => container.target().ok().map(Self::Target),
            _ => None,
        }
    }

    fn kasme(&self, keys: &CkIk) -> Kasme {
        match self {
            Self::Nonce(nonce) => kasme_of_nonce(keys, *nonce),
            Self::Target(input) => input.kasme(keys),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Nonce(_) => "the nonce",
            Self::Target(_) => "the target",
        }
    }
}

impl Reading<'_> {
    /// CK and IK of a UE, or of all: those of messages, the last first, then those of the log; at most a number that is fixed.
    fn ck_iks(&self, ue: Option<Imsi>) -> Vec<(Imsi, CkIk)> {
        let known = self.inter_system.shown.iter().chain(&self.keys.ck_ik);
        known.filter(|(of, _)| ue.is_none_or(|ue| ue == *of)).take(MAX_TRIALS).cloned().collect()
    }

    fn follows(&mut self) {
        self.verified.mapped = self.verified.mapped.saturating_add(1);
    }

    fn does_not_follow(&mut self, seen: &Seen, detail: String) {
        if seen.accepted() == Some(false) {
            self.findings.note(NoteKind::NotDerived, Some(seen.number), format!("{detail}, and was not accepted"));
        } else {
            self.findings.find(FindingKind::KeyDerivation, &[seen.number], detail);
        }
    }

    /// An MME asks an eNB for a UE that comes from UTRAN.
    pub(super) fn requested_from_utran(&mut self, seen: &Seen, kenb: &Kenb, nas_security: &[u8]) {
        let Some((parameters, nas)) = nas_security.split_first_chunk() else {
            return self.first_kenb(seen.number, kenb);
        };
        let known = self.ck_iks(None);
        let Some(told) = Told::parse(*parameters, (!nas.is_empty()).then_some(nas)).filter(|_| !known.is_empty())
        else {
            return self.first_kenb(seen.number, kenb);
        };
        let of_kenb = |kasme: &Kasme| kdf::kenb(kasme, COUNT_OF_HANDOVER) == *kenb;
        let made =
            known.into_iter().map(|(ue, keys)| (ue, told.kasme(&keys), keys)).find(|(_, kasme, _)| of_kenb(kasme));
        let Some((ue, kasme, keys)) = made else {
            let of = self.keys.subscribers.iter().find(|known| of_kenb(&known.kasme)).map(|known| known.ue);
            if let Some(ue) = of.filter(|ue| self.ck_iks(Some(*ue)).is_empty()) {
                let detail = format!("KASME of UE {ue}, which comes from UTRAN: its CK and IK are not known");
                return self.findings.note(NoteKind::NotDerived, Some(seen.number), detail);
            }
            let detail = format!("the KeNB in this message does not follow from CK, IK and {} in it", told.name());
            return self.does_not_follow(seen, detail);
        };
        self.inter_system.moved(ue, &keys);
        let mut logged = self.keys.subscribers.iter().filter(|known| known.ue == ue).peekable();
        let unknown = logged.peek().is_none();
        if !unknown && !logged.any(|known| known.kasme == kasme) {
            let name = told.name();
            let detail =
                format!("no KASME of UE {ue} in the log is what follows from CK, IK and {name} in this message");
            return self.does_not_follow(seen, detail);
        }
        if unknown {
            self.nas.learn(ue, &kasme);
        }
        if self.inter_system.made.len() < MAX_REMEMBERED {
            self.inter_system.made.insert((ue, *kasme.octets()), keys);
        }
        self.follows();
    }

    /// An RRC message of UTRAN commands a UE to E-UTRAN.
    pub(super) fn commanded_from_utran(&mut self, seen: &Seen, command: &[u8]) {
        let command = match DlDcchMessage::parse(command) {
            Ok(DlDcchMessage::HandoverToEutra(command)) => command,
            Ok(_) => return,
            Err(error) => {
                return self.findings.note(NoteKind::Malformed, Some(seen.number), format!("RRC of E-UTRAN: {error}"));
            }
        };
        for nas in &command.nas {
            self.nas(nas, LinkDirection::Downlink, None, None, seen, true);
        }
        let Some(told) = Told::parse(command.nas_security, command.nas.first().map(Vec::as_slice)) else { return };
        let known = self.ck_iks(None);
        let has = |ue: Imsi, kasme: &Kasme| {
            self.inter_system.made.contains_key(&(ue, *kasme.octets()))
                || self.keys.subscribers.iter().any(|known| known.ue == ue && known.kasme == *kasme)
        };
        let found = known.iter().find(|(ue, keys)| has(*ue, &told.kasme(keys)));
        if let Some((ue, keys)) = found {
            self.inter_system.moved(*ue, keys);
            return self.follows();
        }
        let mut subscribers = self.keys.subscribers.iter();
        if subscribers.any(|subscriber| known.iter().any(|(ue, _)| *ue == subscriber.ue)) {
            let name = told.name();
            let detail = format!("no KASME that is known follows from CK, IK and {name} in this command to E-UTRAN");
            self.does_not_follow(seen, detail);
        }
    }

    /// CK' and IK' of a KASME of the UE and one of the COUNTs near, with that COUNT.
    fn of_count(&self, ue: Imsi, wanted: impl Fn(u32, &CkIk) -> bool) -> Option<(u32, CkIk)> {
        self.nas.downlink_of(ue).take(MAX_TRIALS).find_map(|(kasme, next)| {
            let near = next.saturating_sub(NEAR)..next.saturating_add(NEAR);
            near.map(|count| (count, ck_ik_of_count(kasme, count))).find(|(count, keys)| wanted(*count, keys))
        })
    }

    fn maps_by_count(&self) -> bool {
        self.keys.mapping == Some(KeyMapping::Nonce)
    }

    /// A node asks an SGSN or an MME for a UE: if it is an MME, the CK' and IK' that it brings are those of a COUNT, by the standard.
    pub(super) fn relocated(&mut self, seen: &Seen, from: Ipv4Addr, request: &ForwardRelocationRequest) {
        let ForwardRelocationRequest { imsi: ue, context: Some(context), target: RelocationTarget::Rnc(_), .. } =
            request
        else {
            return;
        };
        let name = self.keys.names.get(&from);
        if !self.maps_by_count() || !self.keys.cells.values().any(|cell| Some(&cell.mme) == name) {
            return;
        }
        if self.nas.downlink_of(*ue).next().is_none() {
            let detail = format!("CK and IK of UE {ue}, which goes to UTRAN: its KASME is not known");
            return self.findings.note(NoteKind::NotDerived, Some(seen.number), detail);
        }
        let Some((count, keys)) = self.of_count(*ue, |_, keys| *keys == context.keys) else {
            let detail =
                format!("CK and IK of UE {ue} in this message follow from no KASME and downlink NAS COUNT of it");
            return self.does_not_follow(seen, detail);
        };
        self.inter_system.moved(*ue, &keys);
        // The request may come again, for its answer was lost.
        let counts = &mut self.inter_system.counts;
        if counts.len() < MAX_SHOWN && !counts.contains(&(from, count)) {
            counts.push((from, count));
        }
        self.follows();
    }

    /// An MME tells an eNB the low bits of the COUNT for a UE that is to go to UTRAN.
    pub(super) fn told_bits(&mut self, seen: &Seen, mme: Ipv4Addr, bits: u8) {
        let counts = &mut self.inter_system.counts;
        let named = |(of, count): &(Ipv4Addr, u32)| *of == mme && count & COUNT_BITS == u32::from(bits) & COUNT_BITS;
        if let Some(place) = counts.iter().position(named) {
            counts.swap_remove(place);
        } else if counts.iter().any(|(of, _)| *of == mme) {
            let detail = "the bits of the NAS COUNT in this HandoverCommand are not those of CK and IK that were made";
            self.does_not_follow(seen, detail.to_owned());
        }
    }

    /// An RRC message of E-UTRAN commands a UE to UTRAN: by the standard with the low bits of the COUNT.
    pub(super) fn commanded_to_utran(&mut self, seen: &Seen, ue: Imsi, bits: u8) {
        let known = self.ck_iks(Some(ue));
        if !self.maps_by_count() || known.is_empty() {
            return;
        }
        let wanted = |count: u32, keys: &CkIk| {
            count & COUNT_BITS == u32::from(bits) & COUNT_BITS && known.iter().any(|(_, known)| known == keys)
        };
        if let Some((_, keys)) = self.of_count(ue, wanted) {
            self.inter_system.moved(ue, &keys);
            self.follows();
        } else {
            let detail = format!("no CK and IK of UE {ue} follow from its KASME and the NAS COUNT of this command");
            self.does_not_follow(seen, detail);
        }
    }

    /// A NAS message under a KASME names the target of a handover: to a cell of UTRAN CK and IK follow from it, or are those that
    /// KASME was made of where nothing fresh goes in.
    pub(super) fn named_target(&mut self, seen: &Seen, ue: Imsi, kasme: &Kasme, input: &TargetInput) {
        let known = self.ck_iks(Some(ue));
        if matches!(input.target, TargetIdentity::Enb(_)) || known.is_empty() {
            return;
        }
        let before = self.inter_system.made.get(&(ue, *kasme.octets())).filter(|_| input.fresh.is_none()).cloned();
        let found =
            before.into_iter().chain([input.ck_ik(kasme)]).find(|keys| known.iter().any(|(_, known)| known == keys));
        if let Some(keys) = found {
            self.inter_system.moved(ue, &keys);
            self.follows();
        } else {
            let detail = format!("no CK and IK of UE {ue} follow from its KASME and the target in this NAS message");
            self.does_not_follow(seen, detail);
        }
    }

    /// CK and IK of the log of UEs that went between systems: something is to have been seen of each.
    pub(super) fn finish_inter_system(&mut self) {
        let InterSystem { seen, moved, .. } = &self.inter_system;
        if seen.len() >= MAX_REMEMBERED {
            let detail = format!("{MAX_REMEMBERED} CKs and IKs are remembered, there are more");
            return self.findings.note(NoteKind::Limit, None, detail);
        }
        for (ue, _) in self.keys.ck_ik.iter().filter(|(ue, keys)| moved.contains(ue) && !seen.contains(keys.octets())) {
            let detail = format!(
                "CK and IK of UE {ue} in the log: no message brings them, nothing is made of them, nor they of anything"
            );
            self.findings.find(FindingKind::KeyDerivation, &[], detail);
        }
    }
}
