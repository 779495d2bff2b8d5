//! The SGSN: UEs attach to it over UTRAN and GERAN; it hands contexts of UEs to MMEs and takes them from there, and carries packets
//! between RNC or BSS and gateway.
//!
//! * `relocation`: to an MME, and from one; `context`: a UE that is idle goes to an MME by itself.
//! * `attach`: a UE comes, gets its keys and its bearer.
//! * `authentication`: with vectors of the HSS, at an attach and anew.
//! * `gprs`: what it says to UEs in GERAN, and they to it.
//!
//! It has one step of a procedure under way for a UE; what it waits for ends after [`EXECUTION`], [`CHALLENGE`](super::mme::CHALLENGE) or
//! [`ANSWER`](super::mme::ANSWER). CK and IK are of the UE: it makes none, but hands on what it has, with the authentication that they go
//! back to. Which keys they are, those of the USIM or others that were made of them, it cannot tell.

mod attach;
mod authentication;
mod context;
mod gprs;
mod relocation;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use authentication::Authentication;
use context::Given;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, HeldKey, What};
use super::geran_side::LlcNumbers;
#[cfg(doc)]
use super::mme::EXECUTION;
use super::rnc::downlink_tunnel as rnc_tunnel;
use super::settings::{Cell, GeranCell, KEY_SET, Subscribers, UtranCell};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Teid};
use crate::eps::keys::CkIk;
use crate::eps::parameters::Origin;
use crate::eps::wire::gtpv1::PdpContext;
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
    /// All cells of GERAN.
    pub geran_cells: Vec<GeranCell>,
    /// All cells of E-UTRAN.
    pub cells: Vec<Cell>,
    /// Its gateway.
    pub gateway: Ipv4Addr,
    /// Its HSS; without one it authenticates nobody.
    pub hss: Option<Ipv4Addr>,
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
    place: Option<Place>,
    pdp: PdpContext,
    relocation: Option<Relocation>,
    /// What it still has to be given, or what changes.
    setup: Option<Setup>,
    /// Which keys it has.
    key_set: u8,
    /// What this SGSN calls it; none if it has come by a handover and was told none.
    p_tmsi: Option<u32>,
    /// An MME was given its context, and has not said what became of it.
    given: Option<Given>,
}

/// Where a UE is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At this RNC, in the connection that has the number of the UE.
    Rnc(Ipv4Addr),
    /// At this BSS, as which TLLI.
    Bss(Ipv4Addr, u32),
}

/// A UE is being given something.
#[derive(Clone, Debug)]
enum Setup {
    /// It attaches: the RNC has got its keys.
    Keys { ends: VirtualTime },
    /// It was told that it is accepted.
    Accept { tries: u8, ends: VirtualTime },
    /// The RNC is to have its bearer.
    Bearer { ends: VirtualTime },
    /// The gateway is to send its packets here.
    Path { ends: VirtualTime },
    /// It is served: the RNC has got other keys; key set and keys before them.
    KeyChange { before: (u8, CkIk), ends: VirtualTime },
}

impl Setup {
    const fn ends(&self) -> VirtualTime {
        match self {
            Self::Keys { ends }
            | Self::Accept { ends, .. }
            | Self::Bearer { ends }
            | Self::Path { ends }
            | Self::KeyChange { ends, .. } => *ends,
        }
    }
}

impl UeContext {
    /// Its RNC, if it has one.
    const fn rnc(&self) -> Option<Ipv4Addr> {
        match self.place {
            Some(Place::Rnc(rnc)) => Some(rnc),
            _ => None,
        }
    }

    /// Whether packets of it go through.
    const fn has_bearer(&self) -> bool {
        matches!(self.setup, None | Some(Setup::Path { .. } | Setup::KeyChange { .. }))
    }

    /// Whether nothing is under way.
    const fn is_settled(&self) -> bool {
        self.relocation.is_none() && self.setup.is_none()
    }

    /// When some of the waiting is over.
    fn ends(&self) -> Option<VirtualTime> {
        let relocation = self.relocation.as_ref().map(Relocation::ends);
        let ends = [relocation, self.setup.as_ref().map(Setup::ends), self.given.map(|given| given.ends)];
        ends.into_iter().flatten().min()
    }
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
    /// What this SGSN has called it.
    pub p_tmsi: u32,
}

/// An SGSN.
pub struct Sgsn {
    settings: SgsnSettings,
    core: CoreSide,
    ues: BTreeMap<MmeUeS1apId, UeContext>,
    authentications: BTreeMap<MmeUeS1apId, Authentication>,
    /// What comes next to UEs in GERAN.
    llc: BTreeMap<MmeUeS1apId, LlcNumbers>,
    /// The number of the last request to the HSS.
    last_hop: u32,
    /// The number of the last request of GTPv1-C.
    last_sequence: u16,
    started: bool,
}

impl Sgsn {
    /// An SGSN without UEs.
    #[must_use]
    pub const fn new(settings: SgsnSettings, core: CoreSide) -> Self {
        Self {
            settings,
            core,
            ues: BTreeMap::new(),
            authentications: BTreeMap::new(),
            llc: BTreeMap::new(),
            last_hop: 0,
            last_sequence: 0,
            started: false,
        }
    }

    /// Takes a UE that is connected from before the run, if it is one of the subscribers.
    pub fn attach(&mut self, ue: SgsnUe) {
        let SgsnUe { id, keys, origin, rnc, capabilities, bearer, address, p_tmsi } = ue;
        let Some(imsi) = self.settings.subscribers.get(&id).copied() else { return };
        let Erab { ebi: nsapi, tunnel: uplink } = bearer;
        let pdp = PdpContext { nsapi, address, control: uplink.teid, uplink };
        let place = Some(Place::Rnc(rnc));
        let context = UeContext {
            imsi,
            keys,
            origin,
            capabilities,
            place,
            pdp,
            relocation: None,
            setup: None,
            key_set: KEY_SET,
            p_tmsi: Some(p_tmsi),
            given: None,
        };
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
            RanapMessage::InitialUeMessage(message) => self.gmm(now, Place::Rnc(rnc), id, &message.nas, outbox),
            RanapMessage::DirectTransfer(transfer) => self.gmm(now, Place::Rnc(rnc), id, &transfer.nas, outbox),
            RanapMessage::SecurityModeComplete(_) => self.keys_in_use(now, rnc, id, outbox),
            RanapMessage::SecurityModeReject(_) => self.keys_refused(rnc, id, outbox),
            RanapMessage::RabAssignmentResponse(_) => self.bearer_assigned(now, rnc, id, outbox),
            // Of a detect nothing follows, and the rest is not for an SGSN.
            _ => {}
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
            Gtpv1Body::UpdatePdpContextResponse(_) => self.path_switched(id),
            Gtpv1Body::SgsnContextRequest(request) => self.context_requested(now, from, sequence, request, outbox),
            Gtpv1Body::SgsnContextAcknowledge(cause) => self.context_acknowledged(from, (id, sequence), cause, outbox),
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
            Some(UeContext { place: Some(Place::Rnc(rnc)), .. }) => Some(rnc_tunnel(*rnc, id)),
            Some(ue @ UeContext { place: Some(Place::Bss(bss, tlli)), .. }) if ue.has_bearer() => {
                if let GtpuPacket::User { packet, .. } = packet {
                    self.user_packet_to_bss(id, (*bss, *tlli), packet, outbox);
                }
                return;
            }
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
        // What nobody answers ends by a timer.
        self.core.wake(now, outbox);
        match input {
            Input::Frame { octets, .. } => match self.core.receive(&octets) {
                Ok((from, message)) if self.core.settles(from, &message, outbox) => {}
                Ok((from, message)) => {
                    outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
                    match message {
                        CoreMessage::Ranap(message) => self.ranap(now, from, message, outbox),
                        CoreMessage::Gtpv1(message) => self.gtpv1(now, from, message, outbox),
                        CoreMessage::Gtpu(packet) => self.tunnelled(packet, outbox),
                        CoreMessage::Gb(message) => self.gb(now, from, message, outbox),
                        CoreMessage::Diameter(message) => self.diameter(now, from, message, outbox),
                        _ => outbox.verdict(Verdict::rejected("dropped: not for an SGSN")),
                    }
                }
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
            Input::Timer => {
                let over = |ue: &UeContext| ue.relocation.as_ref().is_some_and(|relocation| relocation.ends() <= now);
                let over: Vec<MmeUeS1apId> = self.ues.iter().filter(|(_, ue)| over(ue)).map(|(id, _)| *id).collect();
                over.into_iter().for_each(|id| self.call_off(id, outbox));
                for ue in self.ues.values_mut() {
                    ue.given.take_if(|given| given.ends <= now);
                }
                self.setup_timers(now, outbox);
                self.authentication_timers(now, outbox);
            }
            Input::Command(Command::Authenticate(imsi)) => self.authenticate_anew(now, imsi, outbox),
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        let ues = self.ues.values().filter_map(UeContext::ends);
        let authentications = self.authentications.values().map(|authentication| authentication.ends);
        ues.chain(authentications).chain(self.core.next_timer()).min()
    }
}
