//! The SGSN: it hands contexts of UEs to MMEs and takes them from there, and carries the packets of UEs in UTRAN between RNC and
//! gateway (TS 23.401 Annex D, seed 001 procedure C).
//!
//! It has one step of a relocation under way for a UE; what it waits for ends after [`EXECUTION`]. CK and IK are of the UE: it makes none,
//! but hands on what it has, with the authentication that they go back to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, HeldKey, What};
use super::mme::EXECUTION;
use super::rnc::downlink_tunnel as rnc_tunnel;
use super::settings::{Cell, Subscribers, UtranCell};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Teid};
use crate::eps::keys::CkIk;
use crate::eps::parameters::Origin;
use crate::eps::wire::gtpv1::{
    ForwardRelocationRequest, ForwardRelocationResponse, Gtpv1Cause, PdpContext, RelocationCancelRequest,
    RelocationGrant, UmtsContext, UpdatePdpContextRequest,
};
use crate::eps::wire::ranap::{
    IuReleaseCommand, RanapCause, RelocationCancelAcknowledge, RelocationCommand, RelocationPreparationFailure,
    RelocationRequest, RelocationRequestAcknowledge, RelocationRequired, RelocationTarget, SourceRncContainer,
};
use crate::eps::wire::{
    Erab, GtpuPacket, Gtpv1Body, Gtpv1Message, IuMessage, RanapMessage, TunnelEndpoint, UeSecurityCapabilities,
};
use crate::time::VirtualTime;

/// The bit of a TEID at an SGSN that tells the tunnel of a UE's uplink from that of its downlink.
const UPLINK: u32 = 0x8000_0000;

/// The tunnel of a UE's downlink at its SGSN, where the gateway sends it.
#[must_use]
pub const fn downlink_tunnel(sgsn: Ipv4Addr, ue: MmeUeS1apId) -> TunnelEndpoint {
    TunnelEndpoint { address: sgsn, teid: Teid(ue.0) }
}

/// The tunnel of a UE's uplink at its SGSN, where the RNC sends it.
#[must_use]
pub const fn uplink_tunnel(sgsn: Ipv4Addr, ue: MmeUeS1apId) -> TunnelEndpoint {
    TunnelEndpoint { address: sgsn, teid: Teid(ue.0 | UPLINK) }
}

/// What an SGSN is.
#[derive(Clone, Debug)]
pub struct SgsnSettings {
    /// All cells of UTRAN: those with its address are its own.
    pub utran_cells: Vec<UtranCell>,
    /// All cells of E-UTRAN.
    pub cells: Vec<Cell>,
    /// The numbers of UEs on S1, which they have on Iu and Gn too.
    pub subscribers: Subscribers,
    /// What is wrong with it.
    pub faults: SgsnFaults,
}

/// What is wrong with an SGSN; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SgsnFaults {
    /// It hands contexts over without CK and IK.
    pub withholds_keys: bool,
}

/// A relocation that is going on.
#[derive(Clone, Debug)]
enum Relocation {
    /// To an MME; what that calls the UE, once it has answered.
    There { mme: Ipv4Addr, peer: Teid, ends: VirtualTime },
    /// From an MME, whose request has that number, to an RNC.
    Here { rnc: Ipv4Addr, mme: TunnelEndpoint, sequence: u16, granted: bool, ends: VirtualTime },
}

impl Relocation {
    const fn ends(&self) -> VirtualTime {
        match self {
            Self::There { ends, .. } | Self::Here { ends, .. } => *ends,
        }
    }
}

struct UeContext {
    imsi: Imsi,
    keys: CkIk,
    origin: Origin,
    capabilities: UeSecurityCapabilities,
    /// Where it is; none while it is on its way from an MME.
    rnc: Option<Ipv4Addr>,
    pdp: PdpContext,
    relocation: Option<Relocation>,
}

/// A UE that is connected from before the run.
#[derive(Clone, Debug)]
pub struct SgsnUe {
    /// Its number.
    pub id: MmeUeS1apId,
    /// CK and IK.
    pub keys: CkIk,
    /// Which authentication they go back to.
    pub origin: Origin,
    /// Its RNC, which has its downlink at [`downlink_tunnel`](super::rnc::downlink_tunnel).
    pub rnc: Ipv4Addr,
    /// Its algorithms in E-UTRAN.
    pub capabilities: UeSecurityCapabilities,
    /// Its bearer, with the uplink at the gateway: [`uplink_tunnel`](super::gateway::uplink_tunnel).
    pub bearer: Erab,
    /// Its address in the packet network.
    pub address: Ipv4Addr,
}

/// An SGSN.
pub struct Sgsn {
    settings: SgsnSettings,
    core: CoreSide,
    ues: BTreeMap<MmeUeS1apId, UeContext>,
    /// The number of the last request of GTPv1-C.
    last_sequence: u16,
    started: bool,
}

impl Sgsn {
    /// An SGSN without UEs.
    #[must_use]
    pub const fn new(settings: SgsnSettings, core: CoreSide) -> Self {
        Self { settings, core, ues: BTreeMap::new(), last_sequence: 0, started: false }
    }

    /// Takes a UE that is connected from before the run, if it is one of the subscribers.
    pub fn attach(&mut self, ue: SgsnUe) {
        let SgsnUe { id, keys, origin, rnc, capabilities, bearer, address } = ue;
        let Some(imsi) = self.settings.subscribers.get(&id).copied() else { return };
        let Erab { ebi: nsapi, tunnel: uplink } = bearer;
        let pdp = PdpContext { nsapi, address, control: uplink.teid, uplink };
        let context = UeContext { imsi, keys, origin, capabilities, rnc: Some(rnc), pdp, relocation: None };
        self.ues.insert(id, context);
    }

    fn holds(&self, ue: &UeContext, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ue: ue.imsi, what: What::KeyHeld(HeldKey::CkIk(ue.keys.clone())) });
        outbox.report(Event { ue: ue.imsi, what: What::ContextInUse(ue.origin) });
    }

    fn tell_rnc(
        &mut self,
        rnc: Ipv4Addr,
        id: MmeUeS1apId,
        message: impl Into<RanapMessage>,
        outbox: &mut Outbox<Event>,
    ) {
        let message = IuMessage { connection: id.0, message: message.into() };
        self.core.send(rnc, &CoreMessage::Ranap(message), outbox);
    }

    fn request(&mut self, to: Ipv4Addr, teid: Teid, body: Gtpv1Body, outbox: &mut Outbox<Event>) {
        self.last_sequence = self.last_sequence.wrapping_add(1);
        self.answer(to, teid, self.last_sequence, body, outbox);
    }

    fn answer(&mut self, to: Ipv4Addr, teid: Teid, sequence: u16, body: Gtpv1Body, outbox: &mut Outbox<Event>) {
        self.core.send(to, &CoreMessage::Gtpv1(Gtpv1Message { teid, sequence, body }), outbox);
    }

    const fn control_tunnel(&self, id: MmeUeS1apId) -> TunnelEndpoint {
        TunnelEndpoint { address: self.core.address(), teid: Teid(id.0) }
    }

    fn ranap(&mut self, now: VirtualTime, rnc: Ipv4Addr, message: IuMessage, outbox: &mut Outbox<Event>) {
        let IuMessage { connection, message } = message;
        let id = MmeUeS1apId(connection);
        match message {
            RanapMessage::RelocationRequired(required) => self.required(now, rnc, id, required, outbox),
            RanapMessage::RelocationRequestAcknowledge(answer) => self.granted(rnc, id, &answer, outbox),
            RanapMessage::RelocationFailure(_) => self.refused_by_rnc(rnc, id, outbox),
            RanapMessage::RelocationComplete(_) => self.arrived(rnc, id, outbox),
            RanapMessage::RelocationCancel(_) => self.cancelled(rnc, id, outbox),
            // Of a detect nothing follows, and the rest is not for an SGSN.
            _ => {}
        }
    }

    /// At the source: an RNC wants a UE to go to E-UTRAN.
    fn required(
        &mut self,
        now: VirtualTime,
        rnc: Ipv4Addr,
        id: MmeUeS1apId,
        required: RelocationRequired,
        outbox: &mut Outbox<Event>,
    ) {
        let RelocationRequired { cause, target, container, .. } = required;
        let refused = |cause| RelocationPreparationFailure { cause };
        let sender = self.control_tunnel(id);
        let withholds = self.settings.faults.withholds_keys;
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.rnc == Some(rnc) && ue.relocation.is_none()) else {
            return self.tell_rnc(rnc, id, refused(RanapCause::UNSPECIFIED), outbox);
        };
        let mme = match target {
            RelocationTarget::Enb(enb, _) => self.settings.cells.iter().find(|cell| cell.enb == enb),
            RelocationTarget::Rnc(_) => None,
        };
        let Some(mme) = mme.map(|cell| cell.mme) else {
            return self.tell_rnc(rnc, id, refused(RanapCause::UNKNOWN_TARGET), outbox);
        };
        let context = UmtsContext { keys: ue.keys.clone(), capabilities: ue.capabilities };
        let request = ForwardRelocationRequest {
            imsi: ue.imsi,
            sender,
            cause,
            context: Some(context).filter(|_| !withholds),
            origin: ue.origin,
            pdp: ue.pdp,
            target,
            container,
        };
        ue.relocation = Some(Relocation::There { mme, peer: Teid(0), ends: now + EXECUTION });
        self.request(mme, Teid(0), Gtpv1Body::ForwardRelocationRequest(request), outbox);
    }

    /// At the source: the MME has answered.
    fn relocation_answered(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: ForwardRelocationResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(UeContext { rnc: Some(rnc), relocation, .. }) = self.ues.get_mut(&id) else { return };
        let rnc = *rnc;
        match (relocation, response.grant) {
            (Some(Relocation::There { mme, peer, .. }), Some(grant)) if *mme == from => {
                *peer = grant.sender.teid;
                self.tell_rnc(rnc, id, RelocationCommand { container: grant.container }, outbox);
            }
            (relocation @ Some(Relocation::There { .. }), None) => {
                *relocation = None;
                let failure = RelocationPreparationFailure { cause: RanapCause::FAILURE_IN_TARGET };
                self.tell_rnc(rnc, id, failure, outbox);
            }
            _ => {}
        }
    }

    /// At the source: the UE has come to the target, and is forgotten here.
    fn relocated(&mut self, from: Ipv4Addr, id: MmeUeS1apId, sequence: u16, outbox: &mut Outbox<Event>) {
        let Some(UeContext { rnc: Some(rnc), relocation: Some(Relocation::There { mme, peer, .. }), .. }) =
            self.ues.get(&id)
        else {
            return;
        };
        let (rnc, mme, peer) = (*rnc, *mme, *peer);
        if mme == from {
            let body = Gtpv1Body::ForwardRelocationCompleteAcknowledge(Gtpv1Cause::ACCEPTED);
            self.answer(from, peer, sequence, body, outbox);
            self.ues.remove(&id);
            self.tell_rnc(rnc, id, IuReleaseCommand { cause: RanapCause::SUCCESSFUL }, outbox);
        }
    }

    /// At the source: the RNC calls the relocation off.
    fn cancelled(&mut self, rnc: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let here = self.ues.get_mut(&id).filter(|ue| ue.rnc == Some(rnc));
        let there = here.and_then(|ue| Some((ue.imsi, ue.relocation.take()?)));
        if let Some((imsi, Relocation::There { mme, peer, .. })) = there {
            self.cancel_there(mme, peer, imsi, outbox);
        }
        self.tell_rnc(rnc, id, RelocationCancelAcknowledge, outbox);
    }

    fn cancel_there(&mut self, mme: Ipv4Addr, peer: Teid, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let body = Gtpv1Body::RelocationCancelRequest(RelocationCancelRequest { imsi });
        self.request(mme, peer, body, outbox);
    }

    /// At the target: a UE is to come from an MME.
    fn relocate(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        sequence: u16,
        request: ForwardRelocationRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let mme = request.sender;
        let id = self.settings.subscribers.iter().find(|(_, imsi)| **imsi == request.imsi).map(|(id, _)| *id);
        let own = self.core.address();
        let container = SourceRncContainer::parse(&request.container).ok();
        let cell = self.settings.utran_cells.iter().find(|cell| {
            let asked = RelocationTarget::Rnc(cell.rnc_identity()) == request.target;
            cell.sgsn == own && asked && container.is_some_and(|container| container.target_cell == cell.id)
        });
        let complete = (id, cell.map(|cell| cell.rnc), container, request.context);
        let (Some(id), Some(rnc), Some(container), Some(context)) = complete else {
            return self.refuse(mme, sequence, outbox);
        };
        if mme.address != from || self.ues.contains_key(&id) {
            return self.refuse(TunnelEndpoint { address: from, ..mme }, sequence, outbox);
        }
        let relocation = Relocation::Here { rnc, mme, sequence, granted: false, ends: now + EXECUTION };
        let ue = UeContext {
            imsi: request.imsi,
            keys: context.keys,
            origin: request.origin,
            capabilities: context.capabilities,
            rnc: None,
            pdp: request.pdp,
            relocation: Some(relocation),
        };
        self.holds(&ue, outbox);
        let bearer = Erab { ebi: ue.pdp.nsapi, tunnel: uplink_tunnel(own, id) };
        let (imsi, keys, connection) = (ue.imsi, ue.keys.clone(), id.0);
        self.ues.insert(id, ue);
        let request = RelocationRequest { imsi, cause: request.cause, container, bearer, keys, connection };
        self.tell_rnc(rnc, id, request, outbox);
    }

    fn refuse(&mut self, mme: TunnelEndpoint, sequence: u16, outbox: &mut Outbox<Event>) {
        let response = ForwardRelocationResponse { cause: Gtpv1Cause::RELOCATION_FAILURE, grant: None };
        self.answer(mme.address, mme.teid, sequence, Gtpv1Body::ForwardRelocationResponse(response), outbox);
    }

    /// At the target: the RNC takes the UE.
    fn granted(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        answer: &RelocationRequestAcknowledge,
        outbox: &mut Outbox<Event>,
    ) {
        let sender = self.control_tunnel(id);
        let relocation = self.ues.get_mut(&id).and_then(|ue| ue.relocation.as_mut());
        let Some(Relocation::Here { rnc, mme, sequence, granted, .. }) = relocation else {
            // Nobody waits for it any more.
            return self.tell_rnc(from, id, IuReleaseCommand { cause: RanapCause::CANCELLED }, outbox);
        };
        let Ok(container) = answer.container.octets() else { return };
        if *rnc == from && !std::mem::replace(granted, true) {
            let (mme, sequence) = (*mme, *sequence);
            let grant = Some(RelocationGrant { sender, container, bearer: answer.bearer });
            let response = ForwardRelocationResponse { cause: Gtpv1Cause::ACCEPTED, grant };
            let body = Gtpv1Body::ForwardRelocationResponse(response);
            self.answer(mme.address, mme.teid, sequence, body, outbox);
        }
    }

    /// At the target: the RNC does not take it.
    fn refused_by_rnc(&mut self, from: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let relocation = self.ues.get(&id).and_then(|ue| ue.relocation.as_ref());
        if let Some(Relocation::Here { rnc, mme, sequence, .. }) = relocation {
            let (rnc, mme, sequence) = (*rnc, *mme, *sequence);
            if rnc == from {
                self.ues.remove(&id);
                self.refuse(mme, sequence, outbox);
            }
        }
    }

    /// At the target: the UE has come. Its path is switched, and its MME is told.
    fn arrived(&mut self, from: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let (sender, own) = (self.control_tunnel(id), self.core.address());
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let of = |relocation: &mut Relocation| matches!(relocation, Relocation::Here { rnc, granted: true, .. } if *rnc == from);
        let Some(Relocation::Here { mme, .. }) = ue.relocation.take_if(of) else { return };
        ue.rnc = Some(from);
        let PdpContext { nsapi, control, uplink, .. } = ue.pdp;
        let update = UpdatePdpContextRequest { nsapi, sender, downlink: downlink_tunnel(own, id) };
        self.request(uplink.address, control, Gtpv1Body::UpdatePdpContextRequest(update), outbox);
        self.request(mme.address, mme.teid, Gtpv1Body::ForwardRelocationComplete, outbox);
    }

    /// At the target: the UE is not to come.
    fn relocation_cancelled(&mut self, from: Ipv4Addr, sequence: u16, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let of = |ue: &UeContext| match &ue.relocation {
            Some(Relocation::Here { mme, .. }) if ue.imsi == imsi && mme.address == from => Some(mme.teid),
            _ => None,
        };
        let found = self.ues.iter().find_map(|(id, ue)| Some((*id, of(ue)?)));
        if let Some((id, _)) = found {
            self.call_off(id, outbox);
        }
        let (teid, cause) = found.map_or((Teid(0), Gtpv1Cause::NON_EXISTENT), |(_, teid)| (teid, Gtpv1Cause::ACCEPTED));
        self.answer(from, teid, sequence, Gtpv1Body::RelocationCancelResponse(cause), outbox);
    }

    /// Whoever waits for the UE need not any more.
    fn call_off(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let imsi = ue.imsi;
        match ue.relocation.take() {
            None => {}
            Some(Relocation::There { mme, peer, .. }) => self.cancel_there(mme, peer, imsi, outbox),
            Some(Relocation::Here { rnc, .. }) => {
                self.ues.remove(&id);
                self.tell_rnc(rnc, id, IuReleaseCommand { cause: RanapCause::CANCELLED }, outbox);
            }
        }
    }

    fn gtpv1(&mut self, now: VirtualTime, from: Ipv4Addr, message: Gtpv1Message, outbox: &mut Outbox<Event>) {
        let Gtpv1Message { teid, sequence, body } = message;
        let id = MmeUeS1apId(teid.0);
        match body {
            Gtpv1Body::ForwardRelocationRequest(request) => self.relocate(now, from, sequence, request, outbox),
            Gtpv1Body::ForwardRelocationResponse(response) => self.relocation_answered(from, id, response, outbox),
            Gtpv1Body::ForwardRelocationComplete => self.relocated(from, id, sequence, outbox),
            Gtpv1Body::RelocationCancelRequest(request) => {
                self.relocation_cancelled(from, sequence, request.imsi, outbox);
            }
            // Of the other answers nothing follows, and the rest is not for an SGSN.
            _ => {}
        }
    }

    /// A packet of a UE goes on: from the gateway to its RNC, from the RNC to the gateway.
    fn tunnelled(&mut self, packet: GtpuPacket, outbox: &mut Outbox<Event>) {
        let (GtpuPacket::User { teid: Teid(teid), .. } | GtpuPacket::EndMarker { teid: Teid(teid), .. }) = packet;
        let id = MmeUeS1apId(teid & !UPLINK);
        let to = match self.ues.get(&id) {
            Some(ue) if teid & UPLINK != 0 => Some(ue.pdp.uplink),
            Some(UeContext { rnc: Some(rnc), .. }) => Some(rnc_tunnel(*rnc, id)),
            _ => None,
        };
        match (to, &packet) {
            (Some(TunnelEndpoint { address, teid }), GtpuPacket::User { .. }) => {
                self.core.send(address, &CoreMessage::Gtpu(packet.in_tunnel(teid)), outbox);
            }
            (None, GtpuPacket::User { .. }) => outbox.verdict(Verdict::rejected("dropped: no UE has this tunnel")),
            // Nobody waits for the end of a path here.
            (_, GtpuPacket::EndMarker { .. }) => {}
        }
    }
}

impl Node for Sgsn {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.started = true;
            self.ues.values().for_each(|ue| self.holds(ue, outbox));
        }
        match input {
            Input::Frame { octets, .. } => match self.core.receive(&octets) {
                Ok((from, message)) => {
                    outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
                    match message {
                        CoreMessage::Ranap(message) => self.ranap(now, from, message, outbox),
                        CoreMessage::Gtpv1(message) => self.gtpv1(now, from, message, outbox),
                        CoreMessage::Gtpu(packet) => self.tunnelled(packet, outbox),
                        _ => outbox.verdict(Verdict::rejected("dropped: not for an SGSN")),
                    }
                }
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
            Input::Timer => {
                let over = |ue: &UeContext| ue.relocation.as_ref().is_some_and(|relocation| relocation.ends() <= now);
                let over: Vec<MmeUeS1apId> = self.ues.iter().filter(|(_, ue)| over(ue)).map(|(id, _)| *id).collect();
                over.into_iter().for_each(|id| self.call_off(id, outbox));
            }
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        self.ues.values().filter_map(|ue| ue.relocation.as_ref().map(Relocation::ends)).min()
    }
}
