//! Relocations from an RNC of this SGSN to an MME, and from an MME to one (TS 23.401 Annex D, seed 001 procedure C).

use std::net::Ipv4Addr;

use super::{Place, Relocation, Sgsn, UeContext, downlink_tunnel, uplink_tunnel};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Teid};
use crate::eps::node::event::Event;
use crate::eps::node::mme::EXECUTION;
use crate::eps::wire::gtpv1::{
    ForwardRelocationRequest, ForwardRelocationResponse, Gtpv1Cause, PdpContext, RelocationCancelRequest,
    RelocationGrant, UmtsContext, UpdatePdpContextRequest,
};
use crate::eps::wire::ranap::{
    IuReleaseCommand, RanapCause, RelocationCancelAcknowledge, RelocationCommand, RelocationPreparationFailure,
    RelocationRequest, RelocationRequestAcknowledge, RelocationRequired, RelocationTarget, SourceRncContainer,
};
use crate::eps::wire::{Erab, Gtpv1Body, TunnelEndpoint};
use crate::time::VirtualTime;

impl Sgsn {
    /// At the source: an RNC wants a UE to go to E-UTRAN.
    pub(super) fn required(
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
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.rnc() == Some(rnc) && ue.is_settled()) else {
            return self.tell_rnc(rnc, id, refused(RanapCause::UNSPECIFIED), outbox);
        };
        let mme = match target {
            RelocationTarget::Enb(enb, _) => self.settings.cells.iter().find(|cell| cell.enb == enb),
            RelocationTarget::Rnc(_) => None,
        };
        let Some(mme) = mme.map(|cell| cell.mme) else {
            return self.tell_rnc(rnc, id, refused(RanapCause::UNKNOWN_TARGET), outbox);
        };
        let context = UmtsContext { key_set: ue.key_set, keys: ue.keys.clone(), capabilities: ue.capabilities };
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
    pub(super) fn relocation_answered(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: ForwardRelocationResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(UeContext { place: Some(Place::Rnc(rnc)), relocation, .. }) = self.ues.get_mut(&id) else { return };
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
    pub(super) fn relocated(&mut self, from: Ipv4Addr, id: MmeUeS1apId, sequence: u16, outbox: &mut Outbox<Event>) {
        let Some(UeContext {
            place: Some(Place::Rnc(rnc)), relocation: Some(Relocation::There { mme, peer, .. }), ..
        }) = self.ues.get(&id)
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
    pub(super) fn cancelled(&mut self, rnc: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let here = self.ues.get_mut(&id).filter(|ue| ue.rnc() == Some(rnc));
        let there = here.and_then(|ue| Some((ue.imsi, ue.relocation.take()?)));
        if let Some((imsi, Relocation::There { mme, peer, .. })) = there {
            self.cancel_there(mme, peer, imsi, outbox);
        }
        self.tell_rnc(rnc, id, RelocationCancelAcknowledge, outbox);
    }

    pub(super) fn cancel_there(&mut self, mme: Ipv4Addr, peer: Teid, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let body = Gtpv1Body::RelocationCancelRequest(RelocationCancelRequest { imsi });
        self.request(mme, peer, body, outbox);
    }

    /// At the target: a UE is to come from an MME.
    pub(super) fn relocate(
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
            place: None,
            pdp: request.pdp,
            relocation: Some(relocation),
            setup: None,
            key_set: context.key_set,
            p_tmsi: None,
            given: None,
        };
        self.holds(&ue, outbox);
        let bearer = Erab { ebi: ue.pdp.nsapi, tunnel: uplink_tunnel(own, id) };
        let (imsi, keys, connection) = (ue.imsi, ue.keys.clone(), id.0);
        self.ues.insert(id, ue);
        let request = RelocationRequest { imsi, cause: request.cause, container, bearer, keys, connection };
        self.tell_rnc(rnc, id, request, outbox);
    }

    pub(super) fn refuse(&mut self, mme: TunnelEndpoint, sequence: u16, outbox: &mut Outbox<Event>) {
        let response = ForwardRelocationResponse { cause: Gtpv1Cause::RELOCATION_FAILURE, grant: None };
        self.answer(mme.address, mme.teid, sequence, Gtpv1Body::ForwardRelocationResponse(response), outbox);
    }

    /// At the target: the RNC takes the UE.
    pub(super) fn granted(
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
    pub(super) fn refused_by_rnc(&mut self, from: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
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
    pub(super) fn arrived(&mut self, from: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let (sender, own) = (self.control_tunnel(id), self.core.address());
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let of = |relocation: &mut Relocation| matches!(relocation, Relocation::Here { rnc, granted: true, .. } if *rnc == from);
        let Some(Relocation::Here { mme, .. }) = ue.relocation.take_if(of) else { return };
        ue.place = Some(Place::Rnc(from));
        let PdpContext { nsapi, control, uplink, .. } = ue.pdp;
        let update = UpdatePdpContextRequest { nsapi, sender, downlink: downlink_tunnel(own, id) };
        self.request(uplink.address, control, Gtpv1Body::UpdatePdpContextRequest(update), outbox);
        self.request(mme.address, mme.teid, Gtpv1Body::ForwardRelocationComplete, outbox);
    }

    /// At the target: the UE is not to come.
    pub(super) fn relocation_cancelled(
        &mut self,
        from: Ipv4Addr,
        sequence: u16,
        imsi: Imsi,
        outbox: &mut Outbox<Event>,
    ) {
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
    pub(super) fn call_off(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
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
}
