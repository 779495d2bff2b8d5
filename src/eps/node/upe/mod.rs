//! The UPE of the early architecture (seed 001): it ciphers the packets of UEs and opens them, between the eNB, which passes PDCP PDUs
//! on unopened, and the SAE anchor, with which it exchanges IP packets.
//!
//! * `packets`: what becomes of a packet.
//! * `control`: what MMEs, the anchor and other UPEs ask for.
//!
//! Who ciphers in a handover between UPEs, with the same key at both: until the end marker only the UPE that the UE leaves. A copy that
//! goes to the target is the same ciphered PDU, which the target UPE passes on unopened. From the beginning of the relocation the UPE
//! that the UE leaves may use [`SHARE`] COUNTs and no more. When the anchor has switched the path, its end marker comes over the old
//! one, and goes on to the target UPE with the COUNT that comes next: there the target UPE goes on, with what has come over the new
//! path meanwhile. Where no end marker comes within [`END_MARKER`], it goes on behind the share. So COUNT is split, and none is used
//! twice. Where the key changes, copies go to the target UPE unciphered with the number that they have, and that ciphers them.
//!
//! What a UPE waits for ends after [`PREPARED`], [`LEAVING`], [`END_MARKER`] or [`LAST_PACKETS`].

mod control;
mod packets;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, What};
use super::settings::{Agreement, Subscribers};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Teid};
use crate::eps::keys::UpKey;
use crate::eps::parameters::{AlgorithmId, LinkDirection};
use crate::eps::security::user_plane::UpSecurity;
use crate::eps::wire::{Gtpv2Body, Gtpv2Message, TunnelEndpoint};
use crate::time::VirtualTime;

/// How long a UPE keeps what was prepared for a UE that is to come: longer than any MME waits.
pub const PREPARED: Duration = Duration::from_secs(5);
/// How long it waits to hear what became of a UE that was to go to another UPE: no MME waits so long, so that it stays.
pub const LEAVING: Duration = Duration::from_secs(8);
/// How long it waits for the end of the old path of a UE that has come.
pub const END_MARKER: Duration = Duration::from_millis(500);
/// How long it passes on what comes for a UE that has gone, if the old path does not end before.
pub const LAST_PACKETS: Duration = Duration::from_secs(1);
/// How many COUNTs the UPE that a UE leaves may use from the beginning of the relocation: a quarter of those that a sequence number
/// tells apart, so that the UE can follow if none of them reaches it.
pub const SHARE: u32 = 1_024;
/// Most packets of the new path that wait for the end of the old one.
pub const MAX_QUEUED: usize = 1_024;

/// The bit of a TEID that tells the tunnel from the anchor from that of S1-U.
const ANCHOR: u32 = 0x4000_0000;
/// The bit that tells the tunnel from another UPE.
const FORWARDED: u32 = 0x8000_0000;

/// The tunnel of a UE's downlink at its UPE, from the anchor. That of its uplink is
/// [`uplink_tunnel`](super::gateway::uplink_tunnel); the UPE has that number on S11 too \[choice\].
#[must_use]
pub const fn anchor_tunnel(upe: Ipv4Addr, ue: MmeUeS1apId) -> TunnelEndpoint {
    TunnelEndpoint { address: upe, teid: Teid(ue.0 | ANCHOR) }
}

/// What a UPE is.
#[derive(Clone, Debug)]
pub struct UpeSettings {
    /// Its anchor.
    pub anchor: Ipv4Addr,
    /// The ciphering algorithms that it has: a UE that comes with another is refused.
    pub algorithms: Vec<AlgorithmId>,
    /// How many UEs it has room for.
    pub most_ues: usize,
    /// What the network has agreed on.
    pub agreement: Agreement,
    /// The numbers of UEs on S1. Below 2^30.
    pub subscribers: Subscribers,
    /// What is wrong with it.
    pub faults: UpeFaults,
}

/// What is wrong with a UPE; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpeFaults {
    /// It begins the COUNT of the downlink at 0 again when a UE has come to another cell.
    pub restarts_count: bool,
    /// It has no context any more when a UE that was to go to another cell stays.
    pub gives_context_away: bool,
}

/// A UE that is connected from before the run.
#[derive(Clone, Debug)]
pub struct UpeUe {
    /// Its number on S1.
    pub id: MmeUeS1apId,
    /// Its key.
    pub key: UpKey,
    /// Its MME.
    pub mme: Ipv4Addr,
    /// The tunnel of its downlink at its eNB: [`downlink_tunnel`](super::enb::downlink_tunnel).
    pub downlink: TunnelEndpoint,
    /// The tunnel of its uplink at the anchor: [`uplink_tunnel`](super::gateway::uplink_tunnel).
    pub uplink: TunnelEndpoint,
}

/// How a UE stands with this UPE.
enum Role {
    /// It is here.
    Serving,
    /// It is to go to another eNB, whose tunnel this is, and may be to have another key. What comes from that eNB shows that it is there,
    /// if the MME does not say so.
    Moving { to: TunnelEndpoint, key: Option<UpKey>, heard: bool, ends: VirtualTime },
    /// It is to go to another UPE.
    Leaving(Leaving),
    /// It is to come from another UPE; the COUNT of the downlink that the share of that one begins with, once it has said so.
    Coming { begins: Option<u32>, ends: VirtualTime },
    /// It has come. Packets of the new path wait for the end of the old one.
    Come { begins: u32, queue: VecDeque<Vec<u8>>, ends: VirtualTime },
}

/// A UE that is to go to another UPE.
struct Leaving {
    /// The tunnel for forwarded packets there.
    to: TunnelEndpoint,
    /// The MME and the number of its request, which is answered when the other UPE has the context.
    asked: Option<(TunnelEndpoint, u32)>,
    /// The first COUNT that is not in the share.
    limit: u32,
    /// The MME has said that the UE is there.
    gone: bool,
    /// The old path has ended.
    ended: bool,
    ends: VirtualTime,
}

impl Role {
    const fn ends(&self) -> Option<VirtualTime> {
        match self {
            Self::Serving => None,
            Self::Moving { ends, .. }
            | Self::Leaving(Leaving { ends, .. })
            | Self::Coming { ends, .. }
            | Self::Come { ends, .. } => Some(*ends),
        }
    }
}

/// A UE that is to come by itself: until it has come, what there may be of an earlier stay here stands beside it.
struct Afresh {
    mme: TunnelEndpoint,
    anchor: TunnelEndpoint,
    up: UpSecurity,
    ends: VirtualTime,
}

/// A UE here.
struct UeContext {
    imsi: Imsi,
    /// Where answers to its MME go.
    mme: TunnelEndpoint,
    /// Where its uplink goes.
    anchor: TunnelEndpoint,
    /// Where its downlink goes: the tunnel at its eNB; none yet when it is to come.
    path: Option<TunnelEndpoint>,
    /// The eNB that it has left by a change of its key: what still comes from there is under a key that is not here any more.
    left: Option<Ipv4Addr>,
    up: UpSecurity,
    role: Role,
}

/// A UPE.
pub struct Upe {
    settings: UpeSettings,
    core: CoreSide,
    ues: BTreeMap<MmeUeS1apId, UeContext>,
    afresh: BTreeMap<MmeUeS1apId, Afresh>,
    /// The number of the last request of GTPv2-C, 24 bits.
    last_sequence: u32,
    started: bool,
}

impl Upe {
    /// A UPE without UEs.
    #[must_use]
    pub const fn new(settings: UpeSettings, core: CoreSide) -> Self {
        Self { settings, core, ues: BTreeMap::new(), afresh: BTreeMap::new(), last_sequence: 0, started: false }
    }

    /// Takes a UE that is connected from before the run, if it is one of the subscribers.
    pub fn connect(&mut self, ue: UpeUe) {
        let UpeUe { id, key, mme, downlink, uplink } = ue;
        let Some(imsi) = self.settings.subscribers.get(&id).copied() else { return };
        let context = UeContext {
            imsi,
            mme: TunnelEndpoint { address: mme, teid: Teid(id.0) },
            anchor: uplink,
            path: Some(downlink),
            left: None,
            up: UpSecurity::new(key, LinkDirection::Downlink),
            role: Role::Serving,
        };
        self.ues.insert(id, context);
    }

    fn request(&mut self, to: TunnelEndpoint, body: Gtpv2Body, outbox: &mut Outbox<Event>) {
        self.last_sequence = (self.last_sequence + 1) & 0x00ff_ffff;
        self.answer(to, self.last_sequence, body, outbox);
    }

    fn answer(&mut self, to: TunnelEndpoint, sequence: u32, body: Gtpv2Body, outbox: &mut Outbox<Event>) {
        let message = Gtpv2Message { teid: to.teid, sequence, body };
        self.core.send(to.address, &CoreMessage::Gtpv2(message), outbox);
    }

    /// The tunnel for packets that another UPE forwards.
    const fn forwarding_tunnel(&self, id: MmeUeS1apId) -> TunnelEndpoint {
        TunnelEndpoint { address: self.core.address(), teid: Teid(id.0 | FORWARDED) }
    }

    fn forget(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        if let Some(ue) = self.ues.remove(&id) {
            outbox.report(Event { ue: ue.imsi, what: What::UpKeyForgotten });
        }
    }

    /// A UE that was to come by itself does not.
    fn forget_afresh(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let imsi = self.afresh.remove(&id).and_then(|_| self.settings.subscribers.get(&id));
        match (imsi, self.ues.get(&id)) {
            (Some(_), Some(ue)) => ue.key_in_use(ue.up.key(), outbox),
            (Some(imsi), None) => outbox.report(Event { ue: *imsi, what: What::UpKeyForgotten }),
            (None, _) => {}
        }
    }

    /// Some of the waiting is over.
    fn timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let over: Vec<MmeUeS1apId> =
            self.afresh.iter().filter(|(_, afresh)| afresh.ends <= now).map(|(id, _)| *id).collect();
        over.into_iter().for_each(|id| self.forget_afresh(id, outbox));
        let over = self.ues.iter().filter(|(_, ue)| ue.role.ends().is_some_and(|ends| ends <= now));
        let over: Vec<MmeUeS1apId> = over.map(|(id, _)| *id).collect();
        for id in over {
            match self.ues.get(&id).map(|ue| &ue.role) {
                Some(Role::Coming { .. }) => self.forget(id, outbox),
                Some(Role::Leaving(Leaving { gone, ended, .. })) if *gone || *ended => self.forget(id, outbox),
                Some(Role::Moving { heard: true, .. }) => self.moved(id, outbox),
                Some(Role::Moving { .. } | Role::Leaving(_)) => self.stays(id, outbox),
                Some(Role::Come { begins, .. }) => {
                    let next = begins.saturating_add(SHARE);
                    self.old_path_ended(id, next, outbox);
                }
                Some(Role::Serving) | None => {}
            }
        }
    }

    /// The UE does not go.
    fn stays(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let Role::Moving { key: Some(_), .. } = std::mem::replace(&mut ue.role, Role::Serving) {
            ue.key_in_use(ue.up.key(), outbox);
        }
    }
}

impl UeContext {
    fn key_in_use(&self, key: &UpKey, outbox: &mut Outbox<Event>) {
        let UpKey { algorithm, key, .. } = key.clone();
        outbox.report(Event { ue: self.imsi, what: What::UpKeyInUse { key, algorithm } });
    }
}

impl Node for Upe {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.started = true;
            self.ues.values().for_each(|ue| ue.key_in_use(ue.up.key(), outbox));
        }
        // What nobody answers ends by a timer.
        self.core.wake(now, outbox);
        match input {
            Input::Frame { octets, .. } => match self.core.receive(&octets) {
                Ok((from, message)) if self.core.settles(from, &message, outbox) => {}
                Ok((from, CoreMessage::Gtpu(packet))) => self.packet(from, packet, outbox),
                Ok((from, CoreMessage::Gtpv2(message))) => {
                    outbox.verdict(Verdict::accepted(format!("accepted: {}", message.body.name())));
                    self.control(now, from, message, outbox);
                }
                Ok((_, other)) => {
                    outbox.verdict(Verdict::rejected(format!("dropped: {} is not for a UPE", other.name())));
                }
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
            Input::Timer => self.timers(now, outbox),
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        let afresh = self.afresh.values().map(|afresh| afresh.ends);
        self.ues.values().filter_map(|ue| ue.role.ends()).chain(afresh).chain(self.core.next_timer()).min()
    }
}
