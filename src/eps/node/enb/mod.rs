//! The eNB: source and target of handovers, over X2 and over S1.
//!
//! * `source`: it decides, asks, commands, takes UEs back.
//! * `target`: it grants or refuses, hears the confirm, has the path switched.
//! * `connection`: UEs that come by themselves. `redirection`: those that are sent away to do so. `rekeying`: another KeNB.
//! * `utran`: both, where the other cell is of UTRAN.
//! * `air`: frames of UEs. `user_plane`: packets, and their forwarding over X2.
//!
//! What an eNB waits for ends after [`PREPARATION`], [`EXECUTION`], [`CANCELLING`], [`CONNECTING`], [`SETTING_UP`] or [`REDIRECTED`]; it keeps no UE in a role for ever.

mod air;
mod connection;
mod redirection;
mod rekeying;
mod source;
mod target;
mod user_plane;
mod utran;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

pub use connection::{CONNECTING, SETTING_UP};
pub use redirection::REDIRECTED;

use connection::Connecting;
use rekeying::Before;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, HeldKey, Outcome, What};
use super::radio_side::RadioSide;
use super::settings::{Agreement, Cell, Subscribers, UtranCell};
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::identifiers::{Ebi, EnbUeS1apId, Gummei, Imsi, MmeUeS1apId, Pci, Teid, X2apUeId};
use crate::eps::keys::Kenb;
use crate::eps::parameters::{AlgorithmId, Algorithms};
use crate::eps::security::parties::EnbKeys;
use crate::eps::wire::s1ap::{S1apMessage, UeContextReleaseComplete, UeS1apIds};
use crate::eps::wire::{TunnelEndpoint, UeSecurityCapabilities, X2apMessage};
use crate::time::VirtualTime;

/// How long a source eNB waits for the answer to its request (`TRELOCprep`).
pub const PREPARATION: Duration = Duration::from_secs(1);
/// How long a source eNB waits after the command for release or return (`TRELOCoverall`), and a target eNB for the UE.
pub const EXECUTION: Duration = Duration::from_secs(2);
/// How long a source eNB waits when it has cancelled: the release may be on its way.
pub const CANCELLING: Duration = Duration::from_millis(500);
/// Most packets that a target eNB keeps for a UE that is to come.
pub const MAX_HELD: usize = 256;

const BEARER: Ebi = Ebi::FIRST;
/// An eNB calls UEs 1 to 4095: on X2 a number has 12 bits, and here a UE has one number on S1 and X2.
const LAST_ID: u32 = 0x0fff;
/// The bit of a TEID that tells the tunnel of forwarded packets from that of S1-U.
const FORWARDED: u32 = 0x8000_0000;

/// The tunnel of a UE's downlink at its eNB.
#[must_use]
pub const fn downlink_tunnel(enb: Ipv4Addr, ue: EnbUeS1apId) -> TunnelEndpoint {
    TunnelEndpoint { address: enb, teid: Teid(ue.get()) }
}

/// What an eNB is.
#[derive(Clone, Debug)]
pub struct EnbSettings {
    /// Its cell.
    pub cell: Cell,
    /// All cells of the network.
    pub cells: Vec<Cell>,
    /// All cells of UTRAN.
    pub utran_cells: Vec<UtranCell>,
    /// What its MME is called.
    pub gummei: Gummei,
    /// The algorithms that it has, best first. A UE that comes keeps its own if they are among them.
    pub algorithms: Vec<Algorithms>,
    /// Whether handover commands to this cell name the algorithms also when they stay the same.
    pub always_names_algorithms: bool,
    /// How many UEs it has room for, 4095 at most.
    pub most_ues: usize,
    /// What the network has agreed on.
    pub agreement: Agreement,
    /// For reports.
    pub subscribers: Subscribers,
    /// What is wrong with it.
    pub faults: EnbFaults,
}

/// What is wrong with an eNB; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnbFaults {
    /// A broken random source: this C-RNTI is given whenever it is free.
    pub constant_c_rnti: Option<u16>,
    /// It is compromised, and tells UEs the opposite of who made KeNB*.
    pub flips_indication: bool,
    /// It takes UEs over X2 from eNBs of other security groups.
    pub allows_x2_across_groups: bool,
    /// It is compromised, and hands UEs over X2 to eNBs of other security groups.
    pub tries_x2_across_groups: bool,
}

/// How a UE stands with this eNB.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// It is connected here.
    Serving,
    /// It is to come: over X2 from the eNB at this address, which calls it so, or over S1.
    Expected { from: Option<(Ipv4Addr, X2apUeId)>, ends: VirtualTime },
    /// It has come over X2, from there; the path is being switched.
    Arrived { from: (Ipv4Addr, X2apUeId), ends: VirtualTime },
    /// It is being handed over.
    Leaving(Leaving),
    /// It has come by itself, and its context is being set up. Until it has taken the security mode command: what is ciphered with
    /// then. Whether it arrives from another cell, as one does that has a temporary identity.
    SettingUp { ciphering: Option<AlgorithmId>, arrives: bool, ends: VirtualTime },
    /// It was sent away to come elsewhere by itself; the MME is asked to release it if nothing is heard.
    Redirected { asked: bool, ends: VirtualTime },
    /// It is to take another KeNB into use.
    Rekeying { ends: VirtualTime },
    /// It is being handed over to this cell of UTRAN.
    ToUtran { cell: Pci, stage: Stage, ends: VirtualTime },
}

/// A handover that this eNB is the source of.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    to: Cell,
    over_x2: bool,
    stage: Stage,
    /// What the target calls it on X2, once that has answered.
    new_id: Option<X2apUeId>,
    /// Where the target takes packets for it, once that has said so.
    forwarding: Option<TunnelEndpoint>,
    ends: VirtualTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Preparing,
    Commanded,
    Cancelling,
}

impl Role {
    /// Whether nobody can tell yet if packets are of the UE: first it has to say something that has a MAC.
    const fn awaits_confirm(&self) -> bool {
        matches!(self, Self::Expected { .. } | Self::SettingUp { .. } | Self::Rekeying { .. })
    }

    /// Whether a UE that asks for it is taken back.
    const fn takes_back(&self) -> bool {
        matches!(self, Self::Serving | Self::Leaving(_) | Self::ToUtran { .. } | Self::Redirected { asked: false, .. })
    }

    const fn ends(&self) -> Option<VirtualTime> {
        match self {
            Self::Serving => None,
            Self::Expected { ends, .. }
            | Self::Arrived { ends, .. }
            | Self::Leaving(Leaving { ends, .. })
            | Self::SettingUp { ends, .. }
            | Self::Redirected { ends, .. }
            | Self::Rekeying { ends }
            | Self::ToUtran { ends, .. } => Some(*ends),
        }
    }
}

/// A UE here.
struct UeContext {
    imsi: Imsi,
    port: Option<Port>,
    c_rnti: u16,
    mme_id: MmeUeS1apId,
    keys: EnbKeys,
    radio: RadioSide,
    role: Role,
    transaction: u8,
    capabilities: UeSecurityCapabilities,
    uplink: TunnelEndpoint,
    /// Packets that wait for it.
    held: VecDeque<Vec<u8>>,
    /// What the MME says to it with its bearer.
    accept: Option<Vec<u8>>,
    /// While it is to take another KeNB into use: what it had.
    before: Option<Box<Before>>,
}

impl UeContext {
    /// The handover that it leaves by.
    const fn leaving(&mut self) -> Option<&mut Leaving> {
        if let Role::Leaving(leaving) = &mut self.role { Some(leaving) } else { None }
    }
}

/// An eNB.
pub struct Enb {
    settings: EnbSettings,
    core: CoreSide,
    random: ChaCha20Rng,
    ues: BTreeMap<EnbUeS1apId, UeContext>,
    connecting: BTreeMap<EnbUeS1apId, Connecting>,
    last_id: u32,
    started: bool,
}

/// A UE that is connected from before the run.
#[derive(Clone, Debug)]
pub struct ConnectedUe {
    /// The link to it.
    pub port: Port,
    /// C-RNTI.
    pub c_rnti: u16,
    /// What the MME calls it.
    pub mme_id: MmeUeS1apId,
    /// Its keys.
    pub keys: EnbKeys,
    /// Its algorithms.
    pub capabilities: UeSecurityCapabilities,
    /// Where its uplink goes.
    pub uplink: TunnelEndpoint,
}

impl Enb {
    /// An eNB without UEs; `random` is its own.
    #[must_use]
    pub const fn new(settings: EnbSettings, core: CoreSide, random: ChaCha20Rng) -> Self {
        Self { settings, core, random, ues: BTreeMap::new(), connecting: BTreeMap::new(), last_id: 0, started: false }
    }

    /// Takes a UE that is connected from before the run; what it calls it. None if there is no room, or it is
    /// no subscriber.
    pub fn connect(&mut self, ue: ConnectedUe) -> Option<EnbUeS1apId> {
        let ConnectedUe { port, c_rnti, mme_id, keys, capabilities, uplink } = ue;
        let id = self.new_id()?;
        let context = UeContext {
            imsi: *self.settings.subscribers.get(&mme_id)?,
            port: Some(port),
            c_rnti,
            mme_id,
            keys,
            radio: RadioSide::default(),
            role: Role::Serving,
            transaction: 0,
            capabilities,
            uplink,
            held: VecDeque::new(),
            accept: None,
            before: None,
        };
        self.ues.insert(id, context);
        Some(id)
    }

    /// A number that no UE has here, the one after the last given if that is free; none if there is no room.
    fn new_id(&mut self) -> Option<EnbUeS1apId> {
        if self.ues.len() + self.connecting.len() >= self.settings.most_ues {
            return None;
        }
        let next = |id: u32| id % LAST_ID + 1;
        let mut id = next(self.last_id);
        for _ in 0..LAST_ID {
            let free =
                EnbUeS1apId::new(id).filter(|id| !self.ues.contains_key(id) && !self.connecting.contains_key(id));
            if free.is_some() {
                self.last_id = id;
                return free;
            }
            id = next(id);
        }
        None
    }

    /// One that no UE has here, out of those that LTE gives to UEs (TS 36.321 clause 7.1).
    fn new_c_rnti(&mut self) -> Option<u16> {
        (0..256).find_map(|_| {
            let drawn = 0x003d + (self.random.next_u32() % (0xfff3 - 0x003d)) as u16;
            let drawn = self.settings.faults.constant_c_rnti.unwrap_or(drawn);
            let given = self.ues.values().map(|ue| ue.c_rnti).chain(self.connecting.values().map(|ue| ue.c_rnti));
            (!given.into_iter().any(|given| given == drawn)).then_some(drawn)
        })
    }

    fn is_standard(&self) -> bool {
        self.settings.agreement.schemes.is_standard()
    }

    fn report(&self, ue: Imsi, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ue, what });
    }

    fn holds(&self, ue: Imsi, key: HeldKey, outbox: &mut Outbox<Event>) {
        self.report(ue, What::KeyHeld(key), outbox);
    }

    fn ended(&self, ue: Imsi, outcome: Outcome, outbox: &mut Outbox<Event>) {
        self.report(ue, What::HandoverEnded { outcome, at: self.settings.cell.pci }, outbox);
    }

    fn keys_in_use(&self, ue: &UeContext, outbox: &mut Outbox<Event>) {
        let (kenb, air): (&Kenb, _) = (ue.keys.kenb(), ue.keys.air.keys());
        let what = What::KenbInUse {
            cell: self.settings.cell.pci,
            kenb: kenb.clone(),
            keys: [air.rrc_enc.clone(), air.rrc_int.clone(), air.up_enc.clone()],
            c_rnti: ue.c_rnti,
            algorithms: ue.keys.air.algorithms(),
            ncc: ue.keys.ncc(),
        };
        self.report(ue.imsi, what, outbox);
    }

    fn forget(&mut self, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        if let Some(ue) = self.ues.remove(&id) {
            self.report(ue.imsi, What::KenbForgotten { cell: self.settings.cell.pci }, outbox);
        }
    }

    fn tell_mme(&mut self, message: impl Into<S1apMessage>, outbox: &mut Outbox<Event>) {
        self.core.send(self.settings.cell.mme, &CoreMessage::S1ap(message.into()), outbox);
    }

    fn tell_enb(&mut self, to: Ipv4Addr, message: impl Into<X2apMessage>, outbox: &mut Outbox<Event>) {
        self.core.send(to, &CoreMessage::X2ap(message.into()), outbox);
    }

    fn core(&mut self, now: VirtualTime, octets: &[u8], outbox: &mut Outbox<Event>) {
        let (from, message) = match self.core.receive(octets) {
            Ok(received) => received,
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
        match message {
            CoreMessage::X2ap(message) => self.x2ap(now, from, message, outbox),
            CoreMessage::S1ap(message) if from == self.settings.cell.mme => self.s1ap(now, message, outbox),
            CoreMessage::Gtpu(packet) => self.tunnelled(now, packet, outbox),
            _ => outbox.verdict(Verdict::rejected("dropped: not from the MME of this eNB")),
        }
    }

    fn x2ap(&mut self, now: VirtualTime, from: Ipv4Addr, message: X2apMessage, outbox: &mut Outbox<Event>) {
        match message {
            X2apMessage::HandoverRequest(request) => self.requested_over_x2(now, from, request, outbox),
            X2apMessage::HandoverRequestAcknowledge(answer) => self.granted_over_x2(now, from, answer, outbox),
            X2apMessage::HandoverPreparationFailure(failure) => self.refused(s1_id(failure.old_id), outbox),
            X2apMessage::UeContextRelease(release) => self.released_over_x2(from, &release, outbox),
            X2apMessage::HandoverCancel(cancel) => self.cancelled_over_x2(from, &cancel, outbox),
            // COUNTs begin at 0 with the new key.
            X2apMessage::SnStatusTransfer(_) => {}
        }
    }

    fn s1ap(&mut self, now: VirtualTime, message: S1apMessage, outbox: &mut Outbox<Event>) {
        match message {
            S1apMessage::HandoverRequest(request) => self.requested_over_s1(now, request, outbox),
            S1apMessage::HandoverCommand(command) => self.granted_over_s1(now, command, outbox),
            S1apMessage::HandoverFromUtranRequest(request) => self.requested_from_utran(now, request, outbox),
            S1apMessage::HandoverToUtranCommand(command) => self.granted_by_utran(now, &command, outbox),
            S1apMessage::HandoverPreparationFailure(failure) => self.refused(failure.ue.enb, outbox),
            S1apMessage::HandoverCancelAcknowledge(answer) => self.cancel_acknowledged(answer.ue.enb, outbox),
            S1apMessage::PathSwitchRequestAcknowledge(answer) => self.path_switched(answer, outbox),
            S1apMessage::PathSwitchRequestFailure(failure) => self.forget(failure.ue.enb, outbox),
            S1apMessage::DownlinkNasTransport(transport) => self.nas_to_ue(now, transport, outbox),
            S1apMessage::InitialContextSetupRequest(request) => self.set_up(now, request, outbox),
            S1apMessage::UeContextModificationRequest(request) => self.rekey(now, request, outbox),
            S1apMessage::UeContextReleaseCommand(command) => {
                let id = command.ue.enb;
                self.disconnect(now, id, outbox);
                // Who is here hears of it; who has left does not.
                if self.ues.get(&id).is_some_and(|ue| matches!(ue.role, Role::SettingUp { .. } | Role::Serving)) {
                    self.release_air(now, id, None, outbox);
                }
                self.forget(id, outbox);
                self.tell_mme(UeContextReleaseComplete { ue: command.ue }, outbox);
            }
            // Of the rest, none is for an eNB.
            _ => {}
        }
    }

    /// What a UE is called on S1.
    fn s1_ids(&self, id: EnbUeS1apId) -> Option<UeS1apIds> {
        self.ues.get(&id).map(|ue| UeS1apIds { mme: ue.mme_id, enb: id })
    }

    /// Some of the waiting is over.
    fn timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let over = self.ues.iter().filter(|(_, ue)| ue.role.ends().is_some_and(|ends| ends <= now));
        let over: Vec<(EnbUeS1apId, Role)> = over.map(|(id, ue)| (*id, ue.role)).collect();
        for (id, role) in over {
            match role {
                Role::Serving => {}
                Role::Expected { .. } => self.forget(id, outbox),
                // Nobody has answered: the UE is here all the same.
                Role::Arrived { .. } => self.serve(id),
                Role::Leaving(Leaving { stage: Stage::Cancelling, .. }) => self.given_up(id, outbox),
                Role::Leaving(_) => self.cancel(now, id, outbox),
                Role::SettingUp { .. } => self.set_up_failed(now, id, outbox),
                Role::Redirected { .. } => self.redirection_over(now, id, outbox),
                Role::Rekeying { .. } => self.rekeying_over(id, outbox),
                Role::ToUtran { stage: Stage::Cancelling, .. } => self.given_up(id, outbox),
                Role::ToUtran { .. } => self.cancel_to_utran(now, id, outbox),
            }
        }
        let over = self.connecting.iter().filter(|(_, ue)| ue.ends <= now);
        let over: Vec<EnbUeS1apId> = over.map(|(id, _)| *id).collect();
        for id in over {
            self.connecting_over(now, id, outbox);
        }
    }

    fn serve(&mut self, id: EnbUeS1apId) {
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.role = Role::Serving;
        }
    }
}

/// What X2 calls a UE: the number that it has on S1, which has no more than 12 bits.
fn x2_id(id: EnbUeS1apId) -> X2apUeId {
    X2apUeId::new((id.get() & LAST_ID) as u16).unwrap_or(X2apUeId::FIRST)
}

fn s1_id(id: X2apUeId) -> EnbUeS1apId {
    EnbUeS1apId::new(u32::from(id.get())).unwrap_or(EnbUeS1apId::FIRST)
}

impl Node for Enb {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.started = true;
            for ue in self.ues.values() {
                self.keys_in_use(ue, outbox);
            }
        }
        match input {
            Input::Frame { port, octets } if self.core.is_link(port) => self.core(now, &octets, outbox),
            Input::Frame { port, octets } => self.air(now, port, &octets, outbox),
            Input::Timer => self.timers(now, outbox),
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        let roles = self.ues.values().filter_map(|ue| ue.role.ends());
        roles.chain(self.connecting.values().map(|ue| ue.ends)).min()
    }
}
