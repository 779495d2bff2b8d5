//! NAS messages: whose they are, under which COUNT they verify, and what is in them (TS 24.301 clause 4.4).
//!
//! A message goes over two hops, S1 and the air, under one protection: it counts once. The COUNTs of a KASME go on whatever becomes of
//! the keys of the algorithms.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use super::keys::Keys;
use crate::capture::key_log::eps::{EpsKeyRecord, NasKeyUse};
use crate::capture::key_log::{KeyLog, Validity};
use crate::eps::identifiers::Imsi;
use crate::eps::keys::{AlgorithmKey, Kasme};
use crate::eps::parameters::{AlgorithmId, LinkDirection};
use crate::eps::security::kdf::{KeyUse, algorithm_key};
use crate::eps::security::{eea2, eia2};
use crate::eps::wire::nas::{EmmMessage, ProtectedNas};
use crate::time::VirtualTime;

/// Most UEs whose keys are tried on one message.
const MAX_TRIALS: usize = 256;
/// Most UEs of an MME that are remembered by the number it gave them.
const MAX_KNOWN: usize = 65_536;
/// Most messages under one key and COUNT that are told apart.
const MAX_SAME: usize = 16;
/// COUNTs with one overflow counter.
const WINDOW: u32 = 256;

/// The NAS keys of one KASME, or of a UE whose KASME is not known.
#[derive(Debug)]
struct Context {
    ue: Imsi,
    kasme: Option<Kasme>,
    integrity: Vec<(AlgorithmId, AlgorithmKey)>,
    ciphering: Vec<(AlgorithmId, AlgorithmKey, Validity)>,
    /// The COUNT that comes next, up and down, and the frame of the last.
    next: [(u32, u64); 2],
}

/// What a UE is known by on S1: the address of its MME, and what that calls it.
pub type S1Name = (Ipv4Addr, u32);

/// A protected message and where it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'n> {
    /// Frame.
    pub frame: u64,
    /// When.
    pub time: VirtualTime,
    /// Up or down.
    pub direction: LinkDirection,
    /// The message.
    pub nas: &'n ProtectedNas,
    /// A digest of its octets.
    pub digest: u64,
    /// The UE, on the air.
    pub ue: Option<Imsi>,
    /// The same on S1.
    pub s1: Option<S1Name>,
    /// Whether the adversary put it on the link.
    pub adversary: bool,
}

/// A message that verified.
#[derive(Debug)]
pub struct Verified {
    /// The UE.
    pub ue: Imsi,
    /// KASME of its keys, if that is known.
    pub kasme: Option<Kasme>,
    /// NAS COUNT.
    pub count: u32,
    /// The message, deciphered; none if it is not one that is known here.
    pub message: Option<EmmMessage>,
    /// How it stands to what was sent before.
    pub order: Order,
}

/// How a message stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is new, and its COUNT the next or a later one.
    New,
    /// The same message was in this frame first.
    Repeats(u64),
    /// Another message had this key and COUNT, in this frame.
    Reuses(u64),
    /// It is new, and its COUNT below that of the message in this frame.
    Below(u64),
}

/// Why a message did not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// There is no key for it.
    NoKey,
    /// It verifies under none of the keys.
    WrongMac,
}

/// The NAS contexts of all UEs.
#[derive(Debug, Default)]
pub struct Nas {
    contexts: Vec<Context>,
    known: BTreeMap<S1Name, usize>,
    /// By number of the integrity key, direction and COUNT: frame and digest of the messages.
    sent: HashMap<(usize, LinkDirection, u32), Vec<(u64, u64)>>,
}

impl Nas {
    /// The keys that follow from the KASMEs, and those of the log.
    #[must_use]
    pub fn new(log: &KeyLog, keys: &Keys) -> Self {
        let derived = |kasme: &Kasme, key_use| algorithm_key(kasme.octets(), key_use, AlgorithmId::Aes as u8);
        let mut contexts: Vec<Context> = keys
            .subscribers
            .iter()
            .map(|subscriber| Context {
                ue: subscriber.ue,
                kasme: Some(subscriber.kasme.clone()),
                integrity: vec![(AlgorithmId::Aes, derived(&subscriber.kasme, KeyUse::NasInt))],
                ciphering: Vec::new(),
                next: [(0, 0); 2],
            })
            .collect();
        for record in &log.eps {
            let EpsKeyRecord::Nas(record) = record else { continue };
            let follows = |context: &Context| {
                let key_use = match record.key_use {
                    NasKeyUse::Ciphering => KeyUse::NasEnc,
                    NasKeyUse::Integrity => KeyUse::NasInt,
                };
                context
                    .kasme
                    .as_ref()
                    .is_none_or(|kasme| algorithm_key(kasme.octets(), key_use, record.algorithm as u8) == record.key)
            };
            let of_ue = |context: &Context| context.ue == record.ue;
            let place = match contexts.iter().position(|context| of_ue(context) && follows(context)) {
                Some(place) => place,
                // It follows from no KASME of its UE, which is a finding already.
                None if contexts.iter().any(of_ue) => continue,
                None => {
                    let (integrity, ciphering) = (Vec::new(), Vec::new());
                    contexts.push(Context { ue: record.ue, kasme: None, integrity, ciphering, next: [(0, 0); 2] });
                    contexts.len().saturating_sub(1)
                }
            };
            let Some(context) = contexts.get_mut(place) else { continue };
            match record.key_use {
                NasKeyUse::Integrity if context.integrity.iter().all(|(known, _)| *known != record.algorithm) => {
                    context.integrity.push((record.algorithm, record.key.clone()));
                }
                NasKeyUse::Integrity => {}
                NasKeyUse::Ciphering => {
                    context.ciphering.push((record.algorithm, record.key.clone(), record.validity));
                }
            }
        }
        for context in &mut contexts {
            if let Some(kasme) = &context.kasme {
                let key = derived(kasme, KeyUse::NasEnc);
                context.ciphering.push((AlgorithmId::Aes, key.clone(), Validity::default()));
                context.ciphering.push((AlgorithmId::Null, key, Validity::default()));
            }
        }
        Self { contexts, ..Self::default() }
    }

    /// A KASME that a message has brought, if it is not known yet and there is room.
    pub fn learn(&mut self, ue: Imsi, kasme: &Kasme) {
        let known = self.contexts.iter().any(|one| one.ue == ue && one.kasme.as_ref() == Some(kasme));
        if known || self.contexts.len() >= MAX_KNOWN {
            return;
        }
        let derived = |key_use| algorithm_key(kasme.octets(), key_use, AlgorithmId::Aes as u8);
        let key = derived(KeyUse::NasEnc);
        self.contexts.push(Context {
            ue,
            kasme: Some(kasme.clone()),
            integrity: vec![(AlgorithmId::Aes, derived(KeyUse::NasInt))],
            ciphering: [AlgorithmId::Aes, AlgorithmId::Null]
                .map(|algorithm| (algorithm, key.clone(), Validity::default()))
                .to_vec(),
            next: [(0, 0); 2],
        });
    }

    /// The KASMEs of a UE, each with the downlink COUNT that comes next.
    pub fn downlink_of(&self, ue: Imsi) -> impl Iterator<Item = (&Kasme, u32)> {
        let of_ue = self.contexts.iter().filter(move |context| context.ue == ue);
        of_ue.filter_map(|context| Some((context.kasme.as_ref()?, context.next[LinkDirection::Downlink as usize].0)))
    }

    /// Verifies a message, deciphers it, and remembers its COUNT.
    ///
    /// # Errors
    /// There is no key for it, or it verifies under none.
    pub fn open(&mut self, seen: &Sighting<'_>, keys: &mut Keys) -> Result<Verified, Unverified> {
        let known = seen.s1.and_then(|name| self.known.get(&name).copied());
        let of_ue = |context: &Context| seen.ue.is_none_or(|ue| ue == context.ue);
        let others = (0..self.contexts.len()).filter(|place| Some(*place) != known);
        let candidates = known.into_iter().chain(others);
        let candidates = candidates.filter(|place| self.contexts.get(*place).is_some_and(of_ue));
        let mut tried = false;
        let mut found = None;
        for place in candidates.take(MAX_TRIALS) {
            let Some(context) = self.contexts.get(place) else { continue };
            tried |= !context.integrity.is_empty();
            if let Some((count, algorithm, key)) = context.verify(seen) {
                found = Some((place, count, algorithm, key.clone()));
                break;
            }
        }
        let Some((place, count, algorithm, key)) = found else {
            return Err(if tried { Unverified::WrongMac } else { Unverified::NoKey });
        };
        if let Some(name) = seen.s1.filter(|_| self.known.len() < MAX_KNOWN) {
            self.known.insert(name, place);
        }
        let Some(context) = self.contexts.get_mut(place) else { return Err(Unverified::NoKey) };
        let message = context.message(seen, count);
        let (ue, kasme) = (context.ue, context.kasme.clone());
        if algorithm == AlgorithmId::Null {
            // Nothing tells one message from another that is played again, and no key is used twice.
            return Ok(Verified { ue, kasme, count, message, order: Order::New });
        }
        let (next, last) = context.next[seen.direction as usize];
        let same = self.sent.entry((keys.number(&key), seen.direction, count)).or_default();
        let order = match same.as_slice() {
            [] if count < next => Order::Below(last),
            [] => Order::New,
            [(first, _), ..] => match same.iter().find(|(_, digest)| *digest == seen.digest) {
                Some((frame, _)) => Order::Repeats(*frame),
                None => Order::Reuses(*first),
            },
        };
        if !matches!(order, Order::Repeats(_)) {
            if same.len() < MAX_SAME {
                same.push((seen.frame, seen.digest));
            }
            if !seen.adversary {
                context.next[seen.direction as usize] = (count.saturating_add(1), seen.frame);
            }
        }
        Ok(Verified { ue, kasme, count, message, order })
    }
}

impl Context {
    /// The COUNT, the integrity algorithm and its key that a message verifies under.
    fn verify(&self, seen: &Sighting<'_>) -> Option<(u32, AlgorithmId, &AlgorithmKey)> {
        let Sighting { nas, direction, .. } = seen;
        let (next, _) = self.next[*direction as usize];
        let start = u32::from(nas.sequence_number);
        let ahead = next.checked_add(start.wrapping_sub(next) & (WINDOW - 1));
        let behind = ahead.and_then(|count| count.checked_sub(WINDOW));
        let counts = [ahead, behind, Some(start)].into_iter().flatten();
        let covered = nas.integrity_input();
        counts.flat_map(|count| self.integrity.iter().map(move |key| (count, key))).find_map(
            |(count, (algorithm, key))| {
                let expected = match algorithm {
                    AlgorithmId::Null => [0; 4],
                    AlgorithmId::Aes => eia2(key, count, 0, *direction, &covered),
                    AlgorithmId::Snow3g | AlgorithmId::Zuc => return None,
                };
                (expected == nas.mac).then_some((count, *algorithm, key))
            },
        )
    }

    /// The message, deciphered with the key that makes one of it: those that the log has in use at the time come first.
    fn message(&self, seen: &Sighting<'_>, count: u32) -> Option<EmmMessage> {
        let Sighting { nas, direction, time, .. } = seen;
        if !nas.header.ciphered() {
            return EmmMessage::parse(&nas.message).ok();
        }
        let mut keys: Vec<_> = self.ciphering.iter().collect();
        keys.sort_by_key(|(_, _, validity)| !validity.contains(*time));
        keys.into_iter().find_map(|(algorithm, key, _)| {
            let mut plain = nas.message.clone();
            match algorithm {
                AlgorithmId::Null => {}
                AlgorithmId::Aes => eea2(key, count, 0, *direction, &mut plain),
                AlgorithmId::Snow3g | AlgorithmId::Zuc => return None,
            }
            EmmMessage::parse(&plain).ok()
        })
    }
}
