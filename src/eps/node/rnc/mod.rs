//! The RNC, with its NodeB and one cell of UTRAN: source and target of relocations from and to E-UTRAN.
//!
//! * `source`: it decides, asks, commands, takes UEs back.
//! * `target`: it grants or refuses, hears the UE, begins integrity protection.
//! * `access`: UEs that attach: NAS messages, keys, a bearer.
//!
//! Where a UE's packets go between RNC and UE, f8 ciphers them under CK; RRC messages are under f9 and IK, in the clear. What an RNC
//! waits for ends after [`PREPARATION`], [`EXECUTION`] or [`CANCELLING`], as at an eNB.

mod access;
mod source;
mod target;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rand_chacha::ChaCha20Rng;

use access::KeyChange;

use super::core_side::{CoreMessage, CoreSide};
use super::enb::{CANCELLING, EXECUTION, PREPARATION};
use super::event::{Command, DropReason, Event, Outcome, What};
use super::settings::{Cell, Subscribers, UtranCell};
use super::utran_side::{UtranError, UtranSide};
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Pci, Teid};
use crate::eps::keys::CkIk;
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::wire::ranap::{DirectTransfer, IuReleaseComplete, RanapCause, RanapMessage};
use crate::eps::wire::rrc::utran::{UtranDlMessage, UtranUlMessage};
use crate::eps::wire::{GtpuPacket, IuMessage, TunnelEndpoint, UtranContents, UtranFrame};
use crate::time::VirtualTime;

/// What an RNC calls UEs has 20 bits, of which a command to UTRAN has room for 10.
const S_RNTIS: u32 = 1 << 10;

/// The tunnel of a UE's downlink at its RNC. A UE has the same number on Iu as on S1 \[choice\].
#[must_use]
pub const fn downlink_tunnel(rnc: Ipv4Addr, ue: MmeUeS1apId) -> TunnelEndpoint {
    TunnelEndpoint { address: rnc, teid: Teid(ue.0) }
}

/// What an RNC is.
#[derive(Clone, Debug)]
pub struct RncSettings {
    /// Its cell.
    pub cell: UtranCell,
    /// The cells of E-UTRAN.
    pub cells: Vec<Cell>,
    /// How many UEs it has room for, 1024 at most.
    pub most_ues: usize,
    /// Whether it has UEA2 and UIA2; without them no UE can come.
    pub has_snow3g: bool,
    /// For reports.
    pub subscribers: Subscribers,
}

/// How a UE stands with this RNC.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// It is connected here.
    Serving,
    /// It is to come from E-UTRAN.
    Expected { ends: VirtualTime },
    /// It has come, and is asked to show that it has the keys.
    Arriving { ends: VirtualTime },
    /// It is being handed over to a cell of E-UTRAN.
    Leaving { to: Pci, stage: Stage, ends: VirtualTime },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Preparing,
    Commanded,
    Cancelling,
}

impl Role {
    const fn ends(&self) -> Option<VirtualTime> {
        match self {
            Self::Serving => None,
            Self::Expected { ends } | Self::Arriving { ends } | Self::Leaving { ends, .. } => Some(*ends),
        }
    }
}

/// A UE here.
struct UeContext {
    imsi: Imsi,
    port: Option<Port>,
    side: UtranSide,
    role: Role,
    transaction: u8,
    /// Where its uplink goes: the SGSN; none while it has no bearer.
    uplink: Option<TunnelEndpoint>,
    /// It has been sent other keys, or its first.
    change: Option<KeyChange>,
}

impl UeContext {
    /// One that is connected.
    const fn new(imsi: Imsi, port: Port, side: UtranSide, uplink: Option<TunnelEndpoint>) -> Self {
        Self { imsi, port: Some(port), side, role: Role::Serving, transaction: 0, uplink, change: None }
    }

    /// When some of the waiting is over.
    fn ends(&self) -> Option<VirtualTime> {
        self.role.ends().into_iter().chain(self.change.as_ref().map(|change| change.ends)).min()
    }
}

/// A UE that is connected from before the run.
#[derive(Clone, Debug)]
pub struct RncUe {
    /// The link to it.
    pub port: Port,
    /// Its number on Iu: that on S1.
    pub id: MmeUeS1apId,
    /// CK and IK.
    pub keys: CkIk,
    /// FRESH of its integrity protection.
    pub fresh: u32,
    /// Where its uplink goes: [`uplink_tunnel`](super::sgsn::uplink_tunnel).
    pub uplink: TunnelEndpoint,
}

/// An RNC.
pub struct Rnc {
    settings: RncSettings,
    core: CoreSide,
    random: ChaCha20Rng,
    ues: BTreeMap<MmeUeS1apId, UeContext>,
    started: bool,
}

impl Rnc {
    /// An RNC without UEs; `random` is its own.
    #[must_use]
    pub const fn new(settings: RncSettings, core: CoreSide, random: ChaCha20Rng) -> Self {
        Self { settings, core, random, ues: BTreeMap::new(), started: false }
    }

    /// Takes a UE that is connected from before the run; what it calls it. None if there is no room, or it is no subscriber.
    pub fn connect(&mut self, ue: RncUe) -> Option<u32> {
        let RncUe { port, id, keys, fresh, uplink } = ue;
        let (imsi, u_rnti) = (*self.settings.subscribers.get(&id)?, self.new_u_rnti()?);
        let side = UtranSide::new(u_rnti, keys, fresh);
        self.ues.insert(id, UeContext::new(imsi, port, side, Some(uplink)));
        Some(u_rnti)
    }

    /// Takes a UE that has a connection of RRC from before the run and nothing else; what it calls it. None as in
    /// [`connect`](Self::connect).
    pub fn admit(&mut self, port: Port, id: MmeUeS1apId) -> Option<u32> {
        let (imsi, u_rnti) = (*self.settings.subscribers.get(&id)?, self.new_u_rnti()?);
        self.ues.insert(id, UeContext::new(imsi, port, UtranSide::without_keys(u_rnti), None));
        Some(u_rnti)
    }

    /// A U-RNTI that no UE has here: the RNC, then the lowest number that is free; none if there is no room.
    fn new_u_rnti(&self) -> Option<u32> {
        if self.ues.len() >= self.settings.most_ues {
            return None;
        }
        let rnc = u32::from(self.settings.cell.rnc_number()) << 20;
        (0..S_RNTIS).map(|number| rnc | number).find(|u_rnti| self.ues.values().all(|ue| ue.side.u_rnti != *u_rnti))
    }

    fn report(&self, ue: Imsi, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ue, what });
    }

    fn ended(&self, ue: Imsi, outcome: Outcome, outbox: &mut Outbox<Event>) {
        self.report(ue, What::HandoverEnded { outcome, at: self.settings.cell.cell }, outbox);
    }

    fn forget(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        if let Some(ue) = self.ues.remove(&id) {
            self.report(ue.imsi, What::CkIkForgotten { cell: self.settings.cell.cell }, outbox);
        }
    }

    fn tell_sgsn(&mut self, id: MmeUeS1apId, message: impl Into<RanapMessage>, outbox: &mut Outbox<Event>) {
        let message = CoreMessage::Ranap(IuMessage { connection: id.0, message: message.into() });
        self.core.send(self.settings.cell.sgsn, &message, outbox);
    }

    /// Sends a UE a message under an integrity check.
    fn send_rrc(&mut self, id: MmeUeS1apId, message: &UtranDlMessage, note: &str, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let (Some(port), Ok(frame)) = (ue.port, ue.side.message(message)) {
            outbox.send(port, frame, note);
        }
    }

    /// The transaction that comes next with a UE.
    fn new_transaction(&mut self, id: MmeUeS1apId) -> u8 {
        let Some(ue) = self.ues.get_mut(&id) else { return 0 };
        ue.transaction = (ue.transaction + 1) % 4;
        ue.transaction
    }

    fn air(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let frame = match UtranFrame::parse(octets) {
            Ok(frame) if frame.direction == Uplink => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not an uplink frame")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let found = self.ues.iter_mut().find(|(_, ue)| ue.side.u_rnti == frame.u_rnti);
        let Some((id, ue)) = found.map(|(id, ue)| (*id, ue)) else {
            return outbox.verdict(Verdict::rejected("dropped: no UE has this U-RNTI here"));
        };
        let dropped = match frame.contents {
            UtranContents::User { .. } if matches!(ue.role, Role::Expected { .. }) => {
                return outbox.verdict(Verdict::rejected("dropped: a packet before the handover to UTRAN is complete"));
            }
            UtranContents::User { .. } if ue.uplink.is_none() => {
                return outbox.verdict(Verdict::rejected("dropped: a packet without a bearer"));
            }
            UtranContents::User { sequence_number, packet } => {
                match ue.side.security.decipher(Uplink, sequence_number, &packet) {
                    Ok((count, packet)) => {
                        let Some(TunnelEndpoint { address, teid }) = ue.uplink else { return };
                        outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                        let packet = GtpuPacket::User { teid, pdcp_number: None, packet };
                        return self.core.send(address, &CoreMessage::Gtpu(packet), outbox);
                    }
                    Err(error) => (DropReason::Malformed, error.to_string()),
                }
            }
            UtranContents::Signalling(message) => match UtranUlMessage::parse(&message) {
                // Integrity protection has not begun: it is for this message to have it begin.
                Ok((None, UtranUlMessage::HandoverToUtranComplete)) if matches!(ue.role, Role::Expected { .. }) => {
                    ue.port = Some(port);
                    outbox.verdict(Verdict::accepted("accepted: HANDOVER TO UTRAN COMPLETE"));
                    return self.detected(now, id, outbox);
                }
                // So it is with the first messages of a UE that attaches.
                Ok((
                    None,
                    message @ (UtranUlMessage::InitialDirectTransfer { .. } | UtranUlMessage::DirectTransfer { .. }),
                )) if !ue.side.is_on() => {
                    outbox.verdict(Verdict::accepted("accepted: there are no keys"));
                    return self.rrc(now, id, message, outbox);
                }
                Ok((check, UtranUlMessage::SecurityModeComplete { transaction })) if ue.change.is_some() => {
                    match self.key_change_answered(id, check, transaction, outbox) {
                        Ok(()) => return,
                        Err(error) => (DropReason::MacI, error.to_string()),
                    }
                }
                Ok((check, message)) => match ue.side.verify(check, &message) {
                    Ok(count) => {
                        ue.port = Some(port);
                        outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                        return self.rrc(now, id, message, outbox);
                    }
                    Err(error @ UtranError::Wire(_)) => (DropReason::Malformed, error.to_string()),
                    Err(error) => (DropReason::MacI, error.to_string()),
                },
                Err(error) => (DropReason::Malformed, error.to_string()),
            },
        };
        if let Some(ue) = self.ues.get(&id) {
            self.report(ue.imsi, What::Dropped(dropped.0), outbox);
        }
        outbox.verdict(Verdict::rejected(format!("dropped: {}", dropped.1)));
    }

    fn rrc(&mut self, now: VirtualTime, id: MmeUeS1apId, message: UtranUlMessage, outbox: &mut Outbox<Event>) {
        match message {
            UtranUlMessage::MeasurementReport { cell, .. } => self.prepare(now, id, cell, outbox),
            UtranUlMessage::HandoverFromUtranFailure { .. } => self.returned(id, outbox),
            UtranUlMessage::SecurityModeComplete { .. } => self.complete(id, outbox),
            UtranUlMessage::InitialDirectTransfer { nas } => self.first_message(id, nas, outbox),
            UtranUlMessage::DirectTransfer { nas } => self.tell_sgsn(id, DirectTransfer { nas }, outbox),
            UtranUlMessage::HandoverToUtranComplete => {}
        }
    }

    fn ranap(&mut self, now: VirtualTime, IuMessage { connection, message }: IuMessage, outbox: &mut Outbox<Event>) {
        let id = MmeUeS1apId(connection);
        match message {
            RanapMessage::RelocationRequest(request) => self.requested(now, request, outbox),
            RanapMessage::RelocationCommand(command) => self.granted(now, id, &command, outbox),
            RanapMessage::RelocationPreparationFailure(_) => self.refused(id, outbox),
            RanapMessage::RelocationCancelAcknowledge(_) => self.cancel_acknowledged(id, outbox),
            RanapMessage::DirectTransfer(transfer) => self.nas_to_ue(id, transfer.nas, outbox),
            RanapMessage::SecurityModeCommand(command) => self.keys_given(now, id, command.keys, outbox),
            RanapMessage::RabAssignmentRequest(request) => self.bearer_given(id, request.bearer, outbox),
            RanapMessage::IuReleaseCommand(command) if command.cause == RanapCause::NORMAL_RELEASE => {
                self.disconnect(id, outbox);
            }
            RanapMessage::IuReleaseCommand(_) => {
                self.forget(id, outbox);
                self.tell_sgsn(id, IuReleaseComplete, outbox);
            }
            // The rest is not for an RNC.
            _ => {}
        }
    }

    /// A packet for a UE has come from the SGSN.
    fn tunnelled(&mut self, packet: GtpuPacket, outbox: &mut Outbox<Event>) {
        let GtpuPacket::User { teid: Teid(number), packet, .. } = packet else { return };
        let Some(ue) = self.ues.get_mut(&MmeUeS1apId(number)) else {
            return outbox.verdict(Verdict::rejected("dropped: no UE has this tunnel"));
        };
        match ue.role {
            Role::Leaving { stage: Stage::Commanded | Stage::Cancelling, .. } => {
                return outbox.verdict(Verdict::rejected("dropped: the UE has been sent away"));
            }
            Role::Expected { .. } => return outbox.verdict(Verdict::rejected("dropped: the UE has not come")),
            Role::Serving | Role::Arriving { .. } | Role::Leaving { .. } => {}
        }
        if let Some(change) = &mut ue.change {
            return if change.hold(packet) {
                outbox.verdict(Verdict::accepted("accepted: it waits for other keys"));
            } else {
                outbox.verdict(Verdict::rejected("dropped: too many wait for other keys"));
            };
        }
        self.packet_to_ue(MmeUeS1apId(number), &packet, outbox);
    }

    fn packet_to_ue(&mut self, id: MmeUeS1apId, packet: &[u8], outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(port) = ue.port else { return };
        if let Ok((frame, protected)) = ue.side.packet(Downlink, packet) {
            outbox.send(port, frame, "user packet");
            let imsi = ue.imsi;
            self.report(imsi, protected, outbox);
        }
    }

    fn core(&mut self, now: VirtualTime, octets: &[u8], outbox: &mut Outbox<Event>) {
        let (from, message) = match self.core.receive(octets) {
            Ok(received) => received,
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
        match message {
            CoreMessage::Ranap(message) if from == self.settings.cell.sgsn => self.ranap(now, message, outbox),
            CoreMessage::Gtpu(packet) => self.tunnelled(packet, outbox),
            _ => outbox.verdict(Verdict::rejected("dropped: not from the SGSN of this RNC")),
        }
    }

    /// Some of the waiting is over.
    fn timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let changing = |ue: &UeContext| ue.change.as_ref().is_some_and(|change| change.ends <= now);
        let changing: Vec<MmeUeS1apId> = self.ues.iter().filter(|(_, ue)| changing(ue)).map(|(id, _)| *id).collect();
        changing.into_iter().for_each(|id| self.command_keys(now, id, outbox));
        let over = self.ues.iter().filter(|(_, ue)| ue.role.ends().is_some_and(|ends| ends <= now));
        let over: Vec<(MmeUeS1apId, Role)> = over.map(|(id, ue)| (*id, ue.role)).collect();
        for (id, role) in over {
            match role {
                Role::Serving => {}
                Role::Expected { .. } | Role::Arriving { .. } => self.forget(id, outbox),
                Role::Leaving { stage: Stage::Cancelling, .. } => self.given_up(id, outbox),
                Role::Leaving { .. } => self.cancel(now, id, outbox),
            }
        }
    }
}

impl Node for Rnc {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.started = true;
            for ue in self.ues.values().filter(|ue| ue.side.is_on()) {
                self.report(ue.imsi, ue.side.in_use(self.settings.cell.cell), outbox);
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
        self.ues.values().filter_map(UeContext::ends).min()
    }
}
