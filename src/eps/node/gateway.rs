//! The gateway, S-GW and P-GW in one: where the packets of UEs come into the network and leave it (TS 23.401 clause 4.4.3). Where
//! packets are ciphered by UPEs it is the SAE anchor: the tunnels of UEs lead to their UPEs, and a UPE switches them.
//!
//! An MME switches the path of a UE by a Modify Bearer Request, an SGSN by an Update PDP Context Request; the old path then ends in an end marker (TS 23.401 clause 5.5.1.1.2).
//! An MME gives it UEs, and takes them away again, by Create and Delete Session Requests (TS 29.274 clauses 7.2.1 and 7.2.9): of those
//! it gives the addresses too, made of the TEID.
//! What is for an address outside goes there over a link of its own, and what comes from there goes to the UE that has the address it is
//! for ([`Outside`]).
//! The TEID of a UE on S11 and that of its uplink on S1-U are the same number \[choice\].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, What};
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::identifiers::{Ebi, Imsi, MmeUeS1apId, Teid};
use crate::eps::parameters::LinkDirection::Uplink;
use crate::eps::wire::gtpv1::{Gtpv1Cause, UpdatePdpContextResponse};
use crate::eps::wire::gtpv2::{
    CreateSessionRequest, CreateSessionResponse, GtpCause, ModifyBearerRequest, ModifyBearerResponse, SessionGrant,
};
use crate::eps::wire::user_packet::{addresses, off_ethernet, on_ethernet};
use crate::eps::wire::{Erab, GtpuPacket, Gtpv1Body, Gtpv1Message, Gtpv2Body, Gtpv2Message, TunnelEndpoint};
use crate::time::VirtualTime;

/// Most UEs that MMEs may give a gateway.
pub const MAX_SESSIONS: usize = 65_536;
/// The network of their addresses: 10.46.0.0/16.
const ADDRESSES: u32 = 0x0a2e_0000;

/// The tunnel of a UE's uplink at the gateway, or at a UPE.
#[must_use]
pub const fn uplink_tunnel(gateway: Ipv4Addr, ue: MmeUeS1apId) -> TunnelEndpoint {
    TunnelEndpoint { address: gateway, teid: Teid(ue.0) }
}

/// A UE that is connected from before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayUe {
    /// Who it is.
    pub imsi: Imsi,
    /// The tunnel of its uplink here: [`uplink_tunnel`].
    pub uplink: Teid,
    /// The tunnel of its downlink at its eNB: [`downlink_tunnel`](super::enb::downlink_tunnel); or at its UPE:
    /// [`anchor_tunnel`](super::upe::anchor_tunnel).
    pub downlink: TunnelEndpoint,
    /// What its MME or its UPE calls it on S11 or S5: the number that it has on S1.
    pub mme: Teid,
}

/// What is outside of the network (SGi, TS 23.401 clause 4.2), and what UEs are called there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// The Ethernet address of the gateway there.
    pub own: [u8; 6],
    /// Who is reached over which link, and at which Ethernet address.
    pub hosts: BTreeMap<Ipv4Addr, (Port, [u8; 6])>,
    /// The addresses of the UEs.
    pub ues: BTreeMap<Ipv4Addr, Imsi>,
}

/// A gateway.
pub struct Gateway {
    core: CoreSide,
    outside: Outside,
    /// By the tunnel of the uplink.
    ues: BTreeMap<Teid, GatewayUe>,
}

impl Gateway {
    /// A gateway that serves these UEs.
    #[must_use]
    pub fn new(core: CoreSide, ues: &[GatewayUe]) -> Self {
        Self { core, outside: Outside::default(), ues: ues.iter().map(|ue| (ue.uplink, *ue)).collect() }
    }

    /// The same gateway, with links to hosts outside.
    #[must_use]
    pub fn with_outside(mut self, outside: Outside) -> Self {
        self.outside = outside;
        self
    }

    fn packet(&mut self, packet: GtpuPacket, outbox: &mut Outbox<Event>) {
        let GtpuPacket::User { teid, packet, .. } = packet else {
            return outbox.verdict(Verdict::rejected("dropped: an end marker is not for a gateway"));
        };
        let Some(ue) = self.ues.get(&teid) else {
            return outbox.verdict(Verdict::rejected("dropped: no UE has this tunnel"));
        };
        if let Some([from, to]) = addresses(&packet)
            && let Some((port, host)) = self.outside.hosts.get(&to)
        {
            if self.outside.ues.get(&from) != Some(&ue.imsi) {
                return outbox.verdict(Verdict::rejected("dropped: not from the address of the UE"));
            }
            outbox.send(*port, on_ethernet([self.outside.own, *host], &packet), "user packet");
        }
        outbox.verdict(Verdict::accepted("accepted: user packet"));
        outbox.report(Event { ue: ue.imsi, what: What::PacketOut { direction: Uplink, octets: packet } });
    }

    /// A packet has come from outside.
    fn enters(&mut self, frame: &[u8], outbox: &mut Outbox<Event>) {
        let packet = match off_ethernet(frame) {
            Ok(packet) => packet,
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let ue = addresses(packet).and_then(|[_, to]| self.outside.ues.get(&to));
        match ue.and_then(|imsi| self.ues.values().find(|ue| ue.imsi == *imsi)).map(|ue| ue.downlink) {
            Some(tunnel) => {
                outbox.verdict(Verdict::accepted("accepted: user packet"));
                self.send_downlink(tunnel, packet.to_vec(), outbox);
            }
            None => outbox.verdict(Verdict::rejected("dropped: no UE has this address")),
        }
    }

    fn send_downlink(&mut self, to: TunnelEndpoint, packet: Vec<u8>, outbox: &mut Outbox<Event>) {
        let TunnelEndpoint { address, teid } = to;
        self.core.send(address, &CoreMessage::Gtpu(GtpuPacket::User { teid, pdcp_number: None, packet }), outbox);
    }

    fn control(&mut self, from: Ipv4Addr, message: Gtpv2Message, outbox: &mut Outbox<Event>) {
        let Gtpv2Message { teid, sequence, body } = message;
        let ModifyBearerRequest { sender, bearers, .. } = match body {
            Gtpv2Body::ModifyBearerRequest(request) => request,
            Gtpv2Body::CreateSessionRequest(request) => return self.create_session(from, sequence, &request, outbox),
            Gtpv2Body::DeleteSessionRequest(_) => return self.delete_session(from, (teid, sequence), outbox),
            _ => return outbox.verdict(Verdict::rejected("dropped: no request of an MME to its gateway")),
        };
        outbox.verdict(Verdict::accepted("accepted: ModifyBearerRequest"));
        let mut old = None;
        let (answer_to, response) = match (self.ues.get_mut(&teid), bearers.first()) {
            (Some(ue), Some(Erab { tunnel, .. })) => {
                old = Some((std::mem::replace(&mut ue.downlink, *tunnel), *tunnel));
                ue.mme = sender.map_or(ue.mme, |sender| sender.teid);
                outbox.report(Event { ue: ue.imsi, what: What::PathSwitched });
                let uplink = TunnelEndpoint { address: self.core.address(), teid: ue.uplink };
                let bearers = vec![Erab { ebi: Ebi::FIRST, tunnel: uplink }];
                (ue.mme, ModifyBearerResponse { cause: GtpCause::ACCEPTED, bearers })
            }
            _ => {
                let refused = ModifyBearerResponse { cause: GtpCause::CONTEXT_NOT_FOUND, bearers: Vec::new() };
                (sender.map_or(Teid(0), |sender| sender.teid), refused)
            }
        };
        if let Some((old, new)) = old {
            self.end_path(old, new, outbox);
        }
        let body = Gtpv2Body::ModifyBearerResponse(response);
        self.core.send(from, &CoreMessage::Gtpv2(Gtpv2Message { teid: answer_to, sequence, body }), outbox);
    }
}

impl Gateway {
    /// An MME has a UE that has come without having been here. Its downlink leads nowhere until its eNB is known.
    fn create_session(
        &mut self,
        from: Ipv4Addr,
        sequence: u32,
        request: &CreateSessionRequest,
        outbox: &mut Outbox<Event>,
    ) {
        outbox.verdict(Verdict::accepted("accepted: CreateSessionRequest"));
        let CreateSessionRequest { imsi, sender, bearer, .. } = request;
        let uplink = sender.teid;
        let of_another = self.ues.get(&uplink).is_some_and(|ue| ue.imsi != *imsi);
        let full = self.ues.len() >= MAX_SESSIONS && !self.ues.contains_key(&uplink);
        let response = if of_another || full {
            CreateSessionResponse { cause: GtpCause::NO_RESOURCES, grant: None }
        } else {
            let nowhere = TunnelEndpoint { address: Ipv4Addr::UNSPECIFIED, teid: Teid(0) };
            self.ues.insert(uplink, GatewayUe { imsi: *imsi, uplink, downlink: nowhere, mme: uplink });
            let tunnel = TunnelEndpoint { address: self.core.address(), teid: uplink };
            let address = Some(Ipv4Addr::from_bits(ADDRESSES | uplink.0 & 0xffff));
            let grant = SessionGrant { sender: tunnel, address, bearer: Erab { ebi: bearer.ebi, tunnel } };
            CreateSessionResponse { cause: GtpCause::ACCEPTED, grant: Some(grant) }
        };
        let body = Gtpv2Body::CreateSessionResponse(response);
        self.core.send(from, &CoreMessage::Gtpv2(Gtpv2Message { teid: uplink, sequence, body }), outbox);
    }

    /// An MME has forgotten a UE.
    fn delete_session(&mut self, from: Ipv4Addr, (teid, sequence): (Teid, u32), outbox: &mut Outbox<Event>) {
        outbox.verdict(Verdict::accepted("accepted: DeleteSessionRequest"));
        let (teid, cause) = match self.ues.remove(&teid) {
            Some(ue) => (ue.mme, GtpCause::ACCEPTED),
            None => (Teid(0), GtpCause::CONTEXT_NOT_FOUND),
        };
        let body = Gtpv2Body::DeleteSessionResponse(cause);
        self.core.send(from, &CoreMessage::Gtpv2(Gtpv2Message { teid, sequence, body }), outbox);
    }

    /// An SGSN has a UE, and switches its path.
    fn update(&mut self, from: Ipv4Addr, message: Gtpv1Message, outbox: &mut Outbox<Event>) {
        let Gtpv1Message { teid, sequence, body } = message;
        let Gtpv1Body::UpdatePdpContextRequest(request) = body else {
            return outbox.verdict(Verdict::rejected("dropped: no request of an SGSN to its gateway"));
        };
        outbox.verdict(Verdict::accepted("accepted: UpdatePdpContextRequest"));
        let gateway = self.core.address();
        let response = match self.ues.get_mut(&teid) {
            Some(ue) => {
                let old = std::mem::replace(&mut ue.downlink, request.downlink);
                ue.mme = request.sender.teid;
                let uplink = Some(TunnelEndpoint { address: gateway, teid: ue.uplink });
                outbox.report(Event { ue: ue.imsi, what: What::PathSwitched });
                self.end_path(old, request.downlink, outbox);
                UpdatePdpContextResponse { cause: Gtpv1Cause::ACCEPTED, uplink }
            }
            None => UpdatePdpContextResponse { cause: Gtpv1Cause::NON_EXISTENT, uplink: None },
        };
        let (teid, body) = (request.sender.teid, Gtpv1Body::UpdatePdpContextResponse(response));
        self.core.send(from, &CoreMessage::Gtpv1(Gtpv1Message { teid, sequence, body }), outbox);
    }

    /// The end of a path that was switched to another.
    fn end_path(&mut self, old: TunnelEndpoint, new: TunnelEndpoint, outbox: &mut Outbox<Event>) {
        if old != new && !old.address.is_unspecified() {
            let marker = GtpuPacket::EndMarker { teid: old.teid, pdcp_number: None };
            self.core.send(old.address, &CoreMessage::Gtpu(marker), outbox);
        }
    }
}

impl Node for Gateway {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        // It asks nobody for anything.
        self.core.wake(now, outbox);
        match input {
            Input::Frame { port, octets } if self.outside.hosts.values().any(|(link, _)| *link == port) => {
                self.enters(&octets, outbox);
            }
            Input::Frame { octets, .. } => match self.core.receive(&octets) {
                Ok((from, message)) if self.core.settles(from, &message, outbox) => {}
                Ok((_, CoreMessage::Gtpu(packet))) => self.packet(packet, outbox),
                Ok((from, CoreMessage::Gtpv2(message))) => self.control(from, message, outbox),
                Ok((from, CoreMessage::Gtpv1(message))) => self.update(from, message, outbox),
                Ok((_, other)) => {
                    outbox.verdict(Verdict::rejected(format!("dropped: {} is not for a gateway", other.name())));
                }
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
            Input::Command(Command::Downlink(imsi, packet)) => {
                let Some(ue) = self.ues.values().find(|ue| ue.imsi == imsi) else { return };
                self.send_downlink(ue.downlink, packet, outbox);
            }
            Input::Command(_) | Input::Timer => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        None
    }
}
