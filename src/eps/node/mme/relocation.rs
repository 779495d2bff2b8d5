//! Handovers between MMEs: the source hands the security context of a UE to the target, which makes KeNB* or uses the NH that comes
//! with it.
//!
//! \[choice\] The target MME makes the NAS message with PARA, under the NAS keys that the UE has in use: KASME, algorithms and NAS
//! COUNTs have come to it, and the UE follows without knowing that its MME changes. The NAS COUNT of the message is the target's from
//! when the context is on its way, so that the source uses none twice if the UE stays or comes back. The algorithms of the target
//! MME's choice come into use by a NAS security mode command after the handover, which names them; the seed's handover command does,
//! this one does not.

use std::net::Ipv4Addr;

use super::{ContextOrigin, EXECUTION, Handover, Mme, Source, UeContext, UpThere, UserPlane};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Teid};
use crate::eps::keys::UpRelocation;
use crate::eps::node::event::Event;
use crate::eps::parameters::{Algorithms, LinkDirection};
use crate::eps::security::parties::{MmContext, MmeKeys};
use crate::eps::wire::gtpv2::{
    self, ForwardRelocationRequest, ForwardRelocationResponse, GtpCause, PdnBearer, PdnConnection,
    RelocationCancelRequest, RelocationGrant, mm_context::KsiAsme,
};
use crate::eps::wire::nas::NasKsi;
use crate::eps::wire::s1ap::{Cause, CauseRadioNetwork, HandoverCommand, HandoverRequired, UeS1apIds};
use crate::eps::wire::{Erab, Gtpv2Body, TunnelEndpoint, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// The packet network of every UE.
pub(super) const APN: &str = "internet";

/// The context in the message that brings it.
fn mm_context(key_set: NasKsi, context: &MmContext, capabilities: UeSecurityCapabilities) -> gtpv2::MmContext {
    let [uplink_count, downlink_count] = context.nas_counts;
    gtpv2::MmContext {
        ksi: KsiAsme::new(key_set.get()),
        integrity: context.algorithms.integrity,
        ciphering: context.algorithms.ciphering,
        downlink_count,
        uplink_count,
        kasme: context.kasme.clone(),
        next_hop: Some(context.next_hop.clone()),
        quadruplets: Vec::new(),
        ue_network_capability: capabilities.nas_octets().to_vec(),
    }
}

impl UeContext {
    /// Its connection to the packet network, as another MME is told.
    pub(super) fn connection(&self) -> PdnConnection {
        let Erab { ebi, tunnel: sgw } = self.bearer;
        // The gateway is both, but where there are UPEs.
        let pgw = self.up.as_ref().map_or(sgw, |up| up.anchor);
        PdnConnection {
            apn: APN.to_owned(),
            address: self.address,
            default_bearer: ebi,
            pgw,
            bearers: vec![PdnBearer { ebi, sgw, pgw }],
        }
    }
}

/// The context out of that message; none if it is not complete.
fn of_mm_context(context: gtpv2::MmContext) -> Option<(MmContext, UeSecurityCapabilities)> {
    let octets = *context.ue_network_capability.first_chunk()?;
    let algorithms = Algorithms { ciphering: context.ciphering, integrity: context.integrity };
    let nas_counts = [context.uplink_count, context.downlink_count];
    let next_hop = context.next_hop?;
    let context = MmContext { kasme: context.kasme, nas_counts, algorithms, next_hop };
    Some((context, UeSecurityCapabilities::from_nas_octets(octets)))
}

impl Mme {
    /// At the source: the UE is to go to a cell of another MME.
    pub(super) fn forward(
        &mut self,
        now: VirtualTime,
        mme: Ipv4Addr,
        required: HandoverRequired,
        outbox: &mut Outbox<Event>,
    ) {
        let HandoverRequired { ue: ids, cause, target, target_tai, container } = required;
        let sender = self.control_tunnel(ids.mme);
        let up = self.user_plane_there(ids.mme);
        let carries_origin = self.settings.agreement.transfer.carries_origin;
        let Some(ue) = self.ues.get_mut(&ids.mme) else { return };
        let sgw = ue.bearer.tunnel;
        let request = ForwardRelocationRequest {
            imsi: ue.imsi,
            sender,
            connections: vec![ue.connection()],
            sgw,
            mm_context: mm_context(ue.key_set, &ue.keys.context(), ue.capabilities),
            container,
            target,
            target_tai,
            cause: (&cause).into(),
            up,
            origin: carries_origin.then_some(ue.origin.access),
        };
        // The target speaks with the next COUNT, whether its answer comes or not.
        ue.keys.nas.leave_out(LinkDirection::Downlink);
        ue.handover = Some(Handover::There { mme, peer: Teid(0), up: UpThere::default(), ends: now + EXECUTION });
        self.request(mme, Teid(0), Gtpv2Body::ForwardRelocationRequest(request), outbox);
    }

    /// At the target: a UE is to come.
    pub(super) fn relocate(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        sequence: u32,
        request: ForwardRelocationRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let peer = request.sender;
        let id = self.settings.subscribers.iter().find(|(_, imsi)| **imsi == request.imsi).map(|(id, _)| *id);
        let own = self.core.address();
        let cell = self.settings.cells.iter().find(|cell| cell.enb == request.target && cell.mme == own);
        let bearer =
            request.connections.first().and_then(|connection| Some((connection.address, connection.bearers.first()?)));
        let cause = request.cause.s1ap();
        let key_set = NasKsi::new(request.mm_context.ksi.get());
        let complete = (id, cell.copied(), bearer, of_mm_context(request.mm_context), cause);
        let (Some(id), Some(target), Some((address, bearer)), Some((context, capabilities)), Some(cause)) = complete
        else {
            return self.refuse_relocation(peer, sequence, outbox);
        };
        if self.settings.agreement.transfer.upe && request.up.is_none() {
            return self.refuse_relocation(peer, sequence, outbox);
        }
        // Of a UE that has no connection here, an older context may have stayed.
        let connected = |ue: &UeContext| ue.place.is_some() || ue.handover.is_some();
        if peer.address != from || self.ues.get(&id).is_some_and(connected) {
            return self.refuse_relocation(TunnelEndpoint { address: from, ..peer }, sequence, outbox);
        }
        let (algorithms, derivation) = (context.algorithms, self.settings.agreement.derivation);
        let keys = MmeKeys::relocated(context, algorithms, derivation, self.settings.faults.resets_counts);
        let ue = UeContext {
            imsi: request.imsi,
            keys,
            place: None,
            handover: None,
            mode: None,
            switching: false,
            capabilities,
            bearer: Erab { ebi: bearer.ebi, tunnel: bearer.sgw },
            up: request.up.map(|UpRelocation { key, last_update }| UserPlane { anchor: bearer.pgw, key, last_update }),
            address,
            key_set,
            gutis: [None; 2],
            arriving: None,
            renewing: None,
            given: None,
            registered: false,
            locating: None,
            origin: ContextOrigin::told(request.origin),
        };
        self.holds_kasme(&ue, outbox);
        self.nas_in_use(&ue, outbox);
        self.ues.insert(id, ue);
        self.ask_target(now, id, &target, (cause, request.container), Some(Source::Mme(peer, sequence)), outbox);
    }

    /// At the target: the UE may come.
    pub(super) fn grant_relocation(
        &mut self,
        id: MmeUeS1apId,
        (peer, sequence): (TunnelEndpoint, u32),
        (container, nas, forwarding): (Vec<u8>, Option<Vec<u8>>, Option<Erab>),
        outbox: &mut Outbox<Event>,
    ) {
        let grant = Some(RelocationGrant { sender: self.control_tunnel(id), container, nas, forwarding });
        let response = ForwardRelocationResponse { cause: GtpCause::ACCEPTED, grant };
        self.answer(peer.address, peer.teid, sequence, Gtpv2Body::ForwardRelocationResponse(response), outbox);
    }

    /// At the target: the UE may not come.
    pub(super) fn refuse_relocation(&mut self, peer: TunnelEndpoint, sequence: u32, outbox: &mut Outbox<Event>) {
        let response = ForwardRelocationResponse { cause: GtpCause::RELOCATION_FAILURE, grant: None };
        self.answer(peer.address, peer.teid, sequence, Gtpv2Body::ForwardRelocationResponse(response), outbox);
    }

    /// At the source: the target has answered.
    pub(super) fn relocation_answered(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: ForwardRelocationResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let (Some(Handover::There { mme, peer, .. }), Some(place)) = (&mut ue.handover, ue.place) else { return };
        if *mme != from {
            return;
        }
        let ids = UeS1apIds { mme: id, enb: place.id };
        let Some(RelocationGrant { sender, container, nas, forwarding }) = response.grant else {
            ue.handover = None;
            let cause = Cause::radioNetwork(CauseRadioNetwork::ho_failure_in_target_EPC_eNB_or_target_system);
            return self.refuse(place.enb, ids, cause, outbox);
        };
        *peer = sender.teid;
        if let Some(forwarding) = forwarding.filter(|_| ue.up.is_some()) {
            return self.relocate_user_plane(id, forwarding, (container, nas), outbox);
        }
        self.send(place.enb, HandoverCommand { ue: ids, nas_security_parameters: nas, container }, outbox);
    }

    /// At the source: the UE has come to the target, and is forgotten here.
    pub(super) fn relocated(&mut self, from: Ipv4Addr, id: MmeUeS1apId, sequence: u32, outbox: &mut Outbox<Event>) {
        let of = |ue: &UeContext| matches!(ue.handover, Some(Handover::There { mme, .. }) if mme == from);
        let Some(UeContext { place, handover: Some(Handover::There { peer, up, .. }), bearer, .. }) =
            self.ues.get(&id).is_some_and(of).then(|| self.ues.remove(&id)).flatten()
        else {
            return;
        };
        let acknowledge = Gtpv2Body::ForwardRelocationCompleteAcknowledge(GtpCause::ACCEPTED);
        self.answer(from, peer, sequence, acknowledge, outbox);
        if up.relocated() {
            self.leave_upe(bearer, bearer.tunnel, outbox);
        }
        if let Some(place) = place {
            let ue = UeS1apIds { mme: id, enb: place.id };
            self.release(place.enb, ue, CauseRadioNetwork::successful_handover, outbox);
        }
    }

    /// At the source: the UE is not to go.
    pub(super) fn cancel_relocation(&mut self, mme: Ipv4Addr, peer: Teid, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let body = Gtpv2Body::RelocationCancelRequest(RelocationCancelRequest { imsi });
        self.request(mme, peer, body, outbox);
    }

    /// At the target: the UE is not to come.
    pub(super) fn relocation_cancelled(
        &mut self,
        from: Ipv4Addr,
        sequence: u32,
        imsi: Imsi,
        outbox: &mut Outbox<Event>,
    ) {
        let of = |ue: &UeContext| match &ue.handover {
            Some(Handover::Here { from: Some(Source::Mme(peer, _)), .. })
                if ue.imsi == imsi && peer.address == from =>
            {
                Some(peer.teid)
            }
            _ => None,
        };
        let found = self.ues.iter().find_map(|(id, ue)| Some((*id, of(ue)?)));
        if let Some((id, _)) = found {
            self.call_off(id, outbox);
        }
        let (teid, cause) =
            found.map_or((Teid(0), GtpCause::CONTEXT_NOT_FOUND), |(_, teid)| (teid, GtpCause::ACCEPTED));
        self.answer(from, teid, sequence, Gtpv2Body::RelocationCancelResponse(cause), outbox);
    }
}
