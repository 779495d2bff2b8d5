//! Handovers within an MME: over S1 it is asked before, over X2 it is told afterwards.

use std::net::Ipv4Addr;

use super::{EXECUTION, Handover, Mme, Place, Source, UeContext};
use crate::emulation::Outbox;
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::keys::Nh;
use crate::eps::node::core_side::CoreMessage;
use crate::eps::node::event::Event;
use crate::eps::node::settings::Cell;
use crate::eps::parameters::Ncc;
use crate::eps::wire::gtpv2::{GtpCause, ModifyBearerRequest, ModifyBearerResponse};
use crate::eps::wire::s1ap::{
    Cause, CauseNas, CauseRadioNetwork, HandoverCancelAcknowledge, HandoverCommand, HandoverFailure, HandoverNotify,
    HandoverRequest, HandoverRequestAcknowledge, HandoverRequired, PathSwitchRequest, PathSwitchRequestAcknowledge,
    PathSwitchRequestFailure, SecurityContext, UeS1apIds,
};
use crate::eps::wire::{Erab, Gtpv2Body, Gtpv2Message, TunnelEndpoint};
use crate::time::VirtualTime;

impl Mme {
    /// A source eNB asks for a handover.
    pub(super) fn required(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        required: HandoverRequired,
        outbox: &mut Outbox<Event>,
    ) {
        let ids = required.ue;
        let place = Some(Place { enb: from, id: ids.enb });
        // While NAS algorithms change there is no handover: the UE could not tell which keys PARA is under (TS 33.401 clause 7.2.10).
        let busy = |ue: &UeContext| ue.place != place || ue.handover.is_some() || ue.is_changing();
        if self.authentications.contains_key(&ids.mme) || self.ues.get(&ids.mme).is_none_or(busy) {
            return self.refuse(from, ids, Cause::nas(CauseNas::unspecified), outbox);
        }
        let Some(cell) = self.settings.cells.iter().find(|cell| cell.enb == required.target).copied() else {
            let unknown = Cause::radioNetwork(CauseRadioNetwork::unknown_targetID);
            return self.refuse(from, ids, unknown, outbox);
        };
        if cell.mme != self.core.address() {
            return self.forward(now, cell.mme, required, outbox);
        }
        let HandoverRequired { cause, container, .. } = required;
        self.ask_target(now, ids.mme, &cell, (cause, container), None, outbox);
    }

    /// A handover to a cell of this MME: its UPE is asked first, if that is another, then its eNB.
    pub(super) fn ask_target(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        cell: &Cell,
        (cause, container): (Cause, Vec<u8>),
        from: Option<Source>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let (target, ends) = (cell.address, now + EXECUTION);
        ue.handover = Some(Handover::Here { target, para: None, granted: None, from, up: None, ends });
        if self.prepare_user_plane(id, cell, (&cause, &container), outbox) {
            self.ask_enb(id, cause, container, outbox);
        }
    }

    /// Asks the target eNB: it gets KeNB*, made of a fresh PARA, or NH.
    pub(super) fn ask_enb(&mut self, id: MmeUeS1apId, cause: Cause, container: Vec<u8>, outbox: &mut Outbox<Event>) {
        let Some(bearer) = self.bearer_there(id) else { return };
        if self.comes_from_utran(id) {
            return self.ask_enb_from_utran(id, (cause, container), bearer, outbox);
        }
        let fresh = (!self.is_standard()).then(|| self.para());
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(Handover::Here { target, para, from, .. }) = &mut ue.handover else { return };
        *para = fresh;
        let star = para.as_ref().and_then(|para| ue.keys.star(para).ok());
        let security = match star {
            Some(star) => SecurityContext { ncc: Ncc::new(1), next_hop: Nh::from_octets(*star.octets()) },
            None => {
                // The NH that another MME has sent is fresh, and its next hop.
                let (next_hop, ncc) = if from.is_some() { ue.keys.last_hop() } else { ue.keys.next_hop() };
                SecurityContext { ncc, next_hop }
            }
        };
        let (target, bearers, capabilities) = (*target, vec![bearer], ue.capabilities);
        let request = HandoverRequest { mme_ue_id: id, cause, bearers, container, capabilities, security };
        self.send(target, request, outbox);
    }

    /// The target eNB takes the UE.
    pub(super) fn granted(&mut self, from: Ipv4Addr, answer: HandoverRequestAcknowledge, outbox: &mut Outbox<Event>) {
        let HandoverRequestAcknowledge { ue: ids, admitted, container } = answer;
        let handover = self.ues.get_mut(&ids.mme).and_then(|ue| ue.handover.as_mut());
        let tunnel = match (handover, admitted.first()) {
            (Some(Handover::Here { target, granted: granted @ None, .. }), Some(erab)) if *target == from => {
                *granted = Some((ids.enb, erab.tunnel));
                erab.tunnel
            }
            // Nobody waits for it any more.
            _ => return self.release(from, ids, CauseRadioNetwork::handover_cancelled, outbox),
        };
        if let Some(container) = self.tell_path(ids.mme, tunnel, container, outbox) {
            self.finish(ids.mme, container, None, outbox);
        }
    }

    /// All are ready for the UE: it is commanded, or the MME that it comes from is told.
    pub(super) fn finish(
        &mut self,
        id: MmeUeS1apId,
        container: Vec<u8>,
        forwarding: Option<Erab>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(UeContext { place, handover: Some(Handover::Here { para, from, .. }), .. }) = self.ues.get(&id) else {
            return;
        };
        let (place, para, from) = (*place, para.clone(), *from);
        if let Some(Source::Sgsn(peer, sequence)) = from {
            return self.grant_to_sgsn(id, (peer, sequence), container, outbox);
        }
        let nas = match para {
            Some(para) => self.protected_para(id, para, outbox),
            None => self.protected_up_key(id, outbox),
        };
        if let Some(Source::Mme(peer, sequence)) = from {
            return self.grant_relocation(id, (peer, sequence), (container, nas, forwarding), outbox);
        }
        let Some(place) = place else { return };
        let ue = UeS1apIds { mme: id, enb: place.id };
        self.send(place.enb, HandoverCommand { ue, nas_security_parameters: nas, container }, outbox);
    }

    /// The target eNB does not take the UE.
    pub(super) fn failed(&mut self, from: Ipv4Addr, failure: HandoverFailure, outbox: &mut Outbox<Event>) {
        let id = failure.mme_ue_id;
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let here = ue.handover.take_if(|handover| matches!(handover, Handover::Here { target, .. } if *target == from));
        let Some(Handover::Here { from: source, up, .. }) = here else { return };
        let place = ue.place;
        up.iter().for_each(|up| self.take_back(up, source.is_some(), outbox));
        match (source, place) {
            (Some(source), _) => {
                self.ues.remove(&id);
                self.refuse_source(source, outbox);
            }
            (None, Some(place)) => {
                self.refuse(place.enb, UeS1apIds { mme: id, enb: place.id }, failure.cause, outbox);
            }
            (None, None) => {}
        }
    }

    /// The UE has come to the target eNB: its path is switched, and the source forgets it.
    pub(super) fn arrived(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        notify: &HandoverNotify,
        outbox: &mut Outbox<Event>,
    ) {
        let ids = notify.ue;
        let Some(ue) = self.ues.get_mut(&ids.mme) else { return };
        let of = |handover: &mut Handover| matches!(handover, Handover::Here { target, granted: Some((id, _)), .. } if *target == from && *id == ids.enb);
        let Some(Handover::Here { granted: Some((_, tunnel)), from: source, up, .. }) = ue.handover.take_if(of) else {
            return;
        };
        let left = ue.place.replace(Place { enb: from, id: ids.enb });
        if let Some(up) = up {
            self.user_plane_arrived(ids.mme, up, source.is_some(), outbox);
        }
        self.modify_bearer(ids.mme, tunnel, source.is_some(), outbox);
        if let Some(Place { enb, id }) = left {
            let ue = UeS1apIds { mme: ids.mme, enb: id };
            self.release(enb, ue, CauseRadioNetwork::successful_handover, outbox);
        }
        match source {
            None => {}
            Some(Source::Sgsn(peer, _)) => self.has_come_from_utran(peer, outbox),
            Some(Source::Mme(peer, _)) => {
                let complete = Gtpv2Body::ForwardRelocationCompleteNotification;
                self.request(peer.address, peer.teid, complete, outbox);
                if self.settings.agreement.transfer.upe {
                    self.origin_in_use(ids.mme, outbox);
                }
                self.prefer_algorithms(now, ids.mme, outbox);
            }
        }
    }

    /// The UE may not come from there.
    pub(super) fn refuse_source(&mut self, source: Source, outbox: &mut Outbox<Event>) {
        match source {
            Source::Mme(peer, sequence) => self.refuse_relocation(peer, sequence, outbox),
            Source::Sgsn(peer, sequence) => self.refuse_sgsn(peer, sequence, outbox),
        }
    }

    /// Has the gateway or the UPE send the downlink of the UE there; it is told where this MME is if the UE comes from another.
    pub(super) fn modify_bearer(
        &mut self,
        id: MmeUeS1apId,
        tunnel: TunnelEndpoint,
        moved: bool,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(ue) = self.ues.get(&id) else { return };
        let (uplink, ebi) = (ue.bearer.tunnel, ue.bearer.ebi);
        let sender = moved.then(|| self.control_tunnel(id));
        let request = ModifyBearerRequest { sender, bearers: vec![Erab { ebi, tunnel }], up: None };
        let body = Gtpv2Body::ModifyBearerRequest(request);
        let to = ue.path_node(self.settings.gateway);
        self.request(to, uplink.teid, body, outbox);
    }

    /// The UE has come to an eNB over X2.
    pub(super) fn path_switch(&mut self, from: Ipv4Addr, request: &PathSwitchRequest, outbox: &mut Outbox<Event>) {
        let ids = UeS1apIds { mme: request.mme_ue_id, enb: request.enb_ue_id };
        match (self.ues.get_mut(&ids.mme), request.bearers.first()) {
            (Some(ue), Some(erab)) if ue.place.is_some() => {
                ue.place = Some(Place { enb: from, id: ids.enb });
                ue.switching = true;
                self.modify_bearer(ids.mme, erab.tunnel, false, outbox);
            }
            _ => {
                let cause = Cause::radioNetwork(CauseRadioNetwork::unknown_mme_ue_s1ap_id);
                self.send(from, PathSwitchRequestFailure { ue: ids, cause }, outbox);
            }
        }
    }

    /// The gateway or the UPE has switched the path: after a handover over X2 the eNB is told so, and gets a fresh NH.
    pub(super) fn path_modified(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: &ModifyBearerResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let (standard, gateway) = (self.is_standard(), self.settings.gateway);
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| from == ue.path_node(gateway)) else { return };
        if ue.renewing.is_some() && ue.up.is_some() && !ue.switching {
            return self.renewed_at_upe(id, outbox);
        }
        let Some(place) = ue.place.filter(|_| std::mem::take(&mut ue.switching)) else { return };
        let ids = UeS1apIds { mme: id, enb: place.id };
        if response.cause != GtpCause::ACCEPTED {
            let cause = Cause::radioNetwork(CauseRadioNetwork::unspecified);
            return self.send(place.enb, PathSwitchRequestFailure { ue: ids, cause }, outbox);
        }
        // The field is mandatory; where the contribution rules there is nothing to be said in it.
        let (next_hop, ncc) = if standard { ue.keys.next_hop() } else { (Nh::from_octets([0; 32]), Ncc::new(0)) };
        let security = SecurityContext { ncc, next_hop };
        self.send(place.enb, PathSwitchRequestAcknowledge { ue: ids, security }, outbox);
    }

    /// A request was sent as often as it may be. Nobody is told of a path that was not switched: the eNB has the UE all the same. All
    /// else ends by a timer.
    pub(super) fn unanswered(&mut self, request: &CoreMessage) {
        let CoreMessage::Gtpv2(Gtpv2Message { teid, body: Gtpv2Body::ModifyBearerRequest(_), .. }) = request else {
            return;
        };
        if let Some(ue) = self.ues.values_mut().find(|ue| ue.bearer.tunnel.teid == *teid) {
            ue.switching = false;
        }
    }

    /// A source eNB calls its handover off, or asks after one that is over.
    pub(super) fn cancelled(&mut self, from: Ipv4Addr, ids: UeS1apIds, outbox: &mut Outbox<Event>) {
        let place = Some(Place { enb: from, id: ids.enb });
        if self.ues.get(&ids.mme).is_none_or(|ue| ue.place != place) {
            return self.release(from, ids, CauseRadioNetwork::successful_handover, outbox);
        }
        self.call_off(ids.mme, outbox);
        self.send(from, HandoverCancelAcknowledge { ue: ids }, outbox);
    }

    /// Whoever waits for the UE need not any more.
    pub(super) fn call_off(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        match ue.handover.take() {
            None => {}
            Some(Handover::Here { target, granted, from, up, .. }) => {
                up.iter().for_each(|up| self.take_back(up, from.is_some(), outbox));
                if from.is_some() {
                    self.ues.remove(&id);
                }
                if let Some((enb, _)) = granted {
                    let ue = UeS1apIds { mme: id, enb };
                    self.release(target, ue, CauseRadioNetwork::handover_cancelled, outbox);
                }
            }
            Some(Handover::ToUtran { to_utran, .. }) => {
                let imsi = ue.imsi;
                self.cancel_to_utran(&to_utran, imsi, outbox);
            }
            Some(Handover::There { mme, peer, up, .. }) => {
                let (imsi, upe) = (ue.imsi, ue.bearer.tunnel);
                if up.relocated() {
                    self.request(upe.address, upe.teid, Gtpv2Body::DeleteForwardingRequest, outbox);
                }
                self.cancel_relocation(mme, peer, imsi, outbox);
            }
        }
    }
}
