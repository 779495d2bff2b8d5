//! Who acts against attaches on one link of the air (seed 003; `eps-systems.md` 3.2): in between, as the network, or as an ME. The last acts
//! against attaches of subscribers too (seed 004).
//!
//! `parlos_middle`: the man in the middle; `parlos_network`: the false network; `parlos_ue`: the false ME, which comes with old attach
//! requests or with many; `parlos_command`: the messages that they read and make.
//!
//! They work with what is on the air, and with keys that they make themselves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use super::parlos_middle::Middle;
use super::parlos_network::FalseNetwork;
use super::parlos_ue::FalseUe;
use super::{REACTION, Recordings};
use crate::emulation::{Fate, Injection, NodeIndex, Port};
use crate::eps::identifiers::{Imsi, Tai};
use crate::eps::keys::Kasme;
use crate::eps::security::key_transport::KeyTransport;
use crate::time::VirtualTime;

/// What somebody does against attaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParlosAction {
    /// Puts his own public key in the place of the ME's.
    Middle,
    /// Is the network for the ME.
    Network,
    /// Comes as an ME.
    Ue {
        /// How often.
        times: u32,
        /// From one time to the next.
        every: Duration,
        /// What it says.
        says: FalseRequest,
    },
}

/// The attach request of a false ME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FalseRequest {
    /// The first of this recording.
    Recorded(String),
    /// One of its own for RLOS, with a key by which the network encrypts like this, which is no secret; none: without a key.
    Own(Option<KeyTransport>),
    /// An ordinary one in the name of this subscriber, which is no secret either.
    InTheNameOf(Imsi),
}

/// A link of the air, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AirLink {
    /// The link.
    pub port: Port,
    /// The ME.
    pub ue: NodeIndex,
    /// The eNB.
    pub enb: NodeIndex,
    /// The tracking area that the cell broadcasts.
    pub tai: Tai,
}

/// An attack on attaches at a link of the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParlosAttack {
    /// Its name.
    pub name: String,
    /// Its number in the script.
    pub number: usize,
    /// The link.
    pub link: AirLink,
    /// When it begins.
    pub begins: VirtualTime,
    /// What it does.
    pub action: ParlosAction,
}

/// The KASMEtemp that attacks have learned, each with the number of its attack.
#[derive(Clone, Debug, Default)]
pub struct Learned(Arc<Mutex<Vec<(usize, Kasme)>>>);

impl Learned {
    /// An attack has learned a key.
    pub(super) fn note(&self, attack: usize, kasme: &Kasme) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST_LEARNED && !all.iter().any(|known| (known.0, &known.1) == (attack, kasme)) {
            all.push((attack, kasme.clone()));
        }
    }

    /// The keys of this attack.
    #[must_use]
    pub fn of(&self, attack: usize) -> Vec<Kasme> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(of, _)| *of == attack).map(|(_, kasme)| kasme.clone()).collect()
    }
}

/// C-RNTIs that a UE may have (TS 36.321 clause 7.1).
pub(super) const C_RNTIS: std::ops::RangeInclusive<u16> = 0x003d..=0xfff3;
/// Keys that are kept at the most.
const MOST_LEARNED: usize = 65_536;

/// A frame that is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub to_ue: bool,
    pub octets: Vec<u8>,
    pub note: String,
}

/// What becomes of a frame of the air, and what is said to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub fate: Fate,
    pub said: Vec<Said>,
    /// A key that came out of it.
    pub learned: Option<Kasme>,
    /// Why it could not go on.
    pub failure: Option<String>,
}

#[derive(Clone, Debug)]
enum Role {
    Middle(Box<Middle>),
    Network(Box<FalseNetwork>),
    Ue(Box<FalseUe>),
}

/// Somebody at a link, while it goes on.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    attack: ParlosAttack,
    role: Role,
    due: Vec<(VirtualTime, Said)>,
    learned: Learned,
    failure: Option<String>,
}

impl Actor {
    /// An attack that has not begun; `random` is its own.
    pub(super) fn new(attack: ParlosAttack, random: ChaCha20Rng, learned: Learned) -> Self {
        let role = match &attack.action {
            ParlosAction::Middle => Role::Middle(Box::new(Middle::new(random))),
            ParlosAction::Network => Role::Network(Box::new(FalseNetwork::new(random, attack.link.tai))),
            ParlosAction::Ue { times, every, says } => {
                Role::Ue(Box::new(FalseUe::new(random, attack.begins, (*times, *every), says.clone())))
            }
        };
        Self { attack, role, due: Vec::new(), learned, failure: None }
    }

    /// A frame starts on a link; what becomes of it, if it is of this one.
    pub(super) fn tap(
        &mut self,
        now: VirtualTime,
        (port, to): (Port, NodeIndex),
        octets: &[u8],
        recordings: &Recordings,
    ) -> Option<Fate> {
        if port != self.attack.link.port || now < self.attack.begins {
            return None;
        }
        let uplink = to == self.attack.link.enb;
        let answer = match &mut self.role {
            Role::Middle(middle) => middle.hear(uplink, octets),
            Role::Network(network) => network.hear(now, uplink, octets),
            Role::Ue(ue) => ue.hear(now, uplink, octets, recordings),
        };
        let Answer { mut fate, said, learned, failure } = answer?;
        self.due.extend(said.into_iter().map(|said| (now + REACTION, said)));
        if let Some(kasme) = learned {
            self.learned.note(self.attack.number, &kasme);
        }
        self.failure = self.failure.take().or(failure);
        for remark in &mut fate.remarks {
            *remark = remark.replace(NAME, &self.attack.name);
        }
        Some(fate)
    }

    /// When it wants to act next.
    pub(super) fn next_timer(&self) -> Option<VirtualTime> {
        let begins = match &self.role {
            Role::Ue(ue) => ue.next_timer(),
            _ => None,
        };
        self.due.iter().map(|(at, _)| *at).chain(begins).min()
    }

    /// Its instant has come.
    pub(super) fn act(&mut self, now: VirtualTime) -> Vec<Injection> {
        if let Role::Ue(ue) = &mut self.role {
            self.due.extend(ue.begin(now).map(|said| (now, said)));
        }
        let (now_due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.due).into_iter().partition(|(at, _)| *at <= now);
        self.due = later;
        let AirLink { port, ue, enb, .. } = self.attack.link;
        let injection = |(_, Said { to_ue, octets, note }): (VirtualTime, Said)| Injection {
            port,
            to: if to_ue { ue } else { enb },
            octets,
            note: format!("deliberate: {}: {note}", self.attack.name),
            attack: self.attack.number,
        };
        now_due.into_iter().map(injection).collect()
    }

    /// What is to be said of it: why it could not go on.
    pub(super) fn remark(&mut self) -> Option<(usize, String)> {
        self.failure.take().map(|failure| (self.attack.number, failure))
    }
}

/// Stands for the name of an attack in remarks.
pub(super) const NAME: &str = "{name}";
