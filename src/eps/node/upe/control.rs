//! What MMEs ask of a UPE, what UPEs say to one another, and what a UPE asks of the anchor.

use std::net::Ipv4Addr;

use super::END_MARKER;
use super::{
    ANCHOR, Afresh, FORWARDED, LAST_PACKETS, LEAVING, Leaving, PREPARED, Role, SHARE, UeContext, Upe, anchor_tunnel,
};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Ebi, MmeUeS1apId, Teid};
use crate::eps::keys::{UpContext, UpKey};
use crate::eps::node::core_side::CoreMessage;
use crate::eps::node::event::{Event, What};
use crate::eps::node::gateway::uplink_tunnel;
use crate::eps::parameters::LinkDirection;
use crate::eps::security::user_plane::UpSecurity;
use crate::eps::wire::gtpv2::{
    AccessContextNotification, CreateForwardingRequest, CreateForwardingResponse, CreateSessionRequest,
    CreateSessionResponse, ForwardingEnd, GtpCause, ModifyBearerRequest, ModifyBearerResponse, SessionGrant,
};
use crate::eps::wire::{Erab, GtpuPacket, Gtpv2Body, Gtpv2Message, TunnelEndpoint};
use crate::time::VirtualTime;

/// The one bearer of a UE.
const BEARER: Ebi = Ebi::FIRST;

impl Upe {
    pub(super) fn control(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        message: Gtpv2Message,
        outbox: &mut Outbox<Event>,
    ) {
        let Gtpv2Message { teid, sequence, body } = message;
        let id = MmeUeS1apId(teid.0);
        // Where an answer goes to a request that does not say so.
        let known = self.ues.get(&id).map_or(Teid(0), |ue| ue.mme.teid);
        let back = TunnelEndpoint { address: from, teid: known };
        match body {
            Gtpv2Body::CreateSessionRequest(request) => {
                let to = request.sender;
                let response = self.create_session(now, &request, outbox);
                self.answer(to, sequence, Gtpv2Body::CreateSessionResponse(response), outbox);
            }
            Gtpv2Body::ModifyBearerRequest(request) => {
                let to = request.sender.unwrap_or(back);
                let response = self.modify_bearer(now, (from, id), &request, outbox);
                self.answer(to, sequence, Gtpv2Body::ModifyBearerResponse(response), outbox);
            }
            Gtpv2Body::DeleteSessionRequest(_) => {
                let cause = self.delete_session(now, (from, id), outbox);
                self.answer(back, sequence, Gtpv2Body::DeleteSessionResponse(cause), outbox);
            }
            Gtpv2Body::CreateForwardingRequest(CreateForwardingRequest { sender, to, up, .. }) => {
                let cause = match to {
                    ForwardingEnd::Enb(tunnel) => self.prepare_path(now, id, tunnel, up, outbox),
                    ForwardingEnd::Upe(tunnel) => match self.relocate(now, id, tunnel, (sender, sequence), outbox) {
                        // Answered when the other UPE has the context.
                        GtpCause::ACCEPTED => return,
                        refused => refused,
                    },
                };
                self.answer_forwarding(id, (sender, sequence), cause, outbox);
            }
            Gtpv2Body::DeleteForwardingRequest => {
                let going =
                    self.ues.get(&id).is_some_and(|ue| matches!(ue.role, Role::Moving { .. } | Role::Leaving(_)));
                let cause = if going { GtpCause::ACCEPTED } else { GtpCause::CONTEXT_NOT_FOUND };
                match (going, self.settings.faults.gives_context_away) {
                    (true, false) => self.stays(id, outbox),
                    (true, true) => self.forget(id, outbox),
                    (false, _) => {}
                }
                self.answer(back, sequence, Gtpv2Body::DeleteForwardingResponse(cause), outbox);
            }
            Gtpv2Body::ForwardAccessContextNotification(AccessContextNotification { up }) => {
                let cause = self.take_context(id, up);
                let to = TunnelEndpoint { address: from, teid };
                self.answer(to, sequence, Gtpv2Body::ForwardAccessContextAcknowledge(cause), outbox);
            }
            Gtpv2Body::ForwardAccessContextAcknowledge(cause) => self.context_taken(from, id, cause, outbox),
            // The anchor has switched the path; the rest is not for a UPE.
            _ => {}
        }
    }

    fn answer_forwarding(
        &mut self,
        id: MmeUeS1apId,
        (to, sequence): (TunnelEndpoint, u32),
        cause: GtpCause,
        outbox: &mut Outbox<Event>,
    ) {
        let tunnel = self.forwarding_tunnel(id);
        let bearer = (cause == GtpCause::ACCEPTED).then_some(Erab { ebi: BEARER, tunnel });
        let response = CreateForwardingResponse { cause, bearer };
        self.answer(to, sequence, Gtpv2Body::CreateForwardingResponse(response), outbox);
    }

    /// A UE is to come from another UPE.
    fn create_session(
        &mut self,
        now: VirtualTime,
        request: &CreateSessionRequest,
        outbox: &mut Outbox<Event>,
    ) -> CreateSessionResponse {
        let refused = |cause| CreateSessionResponse { cause, grant: None };
        let found = self.settings.subscribers.iter().find(|(_, imsi)| **imsi == request.imsi).map(|(id, _)| *id);
        let Some(id) = found.filter(|id| id.0 & (ANCHOR | FORWARDED) == 0) else {
            return refused(GtpCause::CONTEXT_NOT_FOUND);
        };
        let Some(key) = request.up.as_ref().filter(|key| self.settings.algorithms.contains(&key.algorithm)) else {
            return refused(GtpCause::NOT_SUPPORTED);
        };
        let all = self.ues.keys().chain(self.afresh.keys().filter(|id| !self.ues.contains_key(id))).count();
        if !self.ues.contains_key(&id) && all >= self.settings.most_ues {
            return refused(GtpCause::NO_RESOURCES);
        }
        let up = UpSecurity::new(key.clone(), LinkDirection::Downlink);
        let (mme, anchor, ends) = (request.sender, request.bearer.tunnel, now + PREPARED);
        let ue = UeContext {
            imsi: request.imsi,
            mme,
            anchor,
            path: None,
            left: None,
            up,
            role: Role::Coming { begins: None, ends },
        };
        ue.key_in_use(key, outbox);
        if request.afresh {
            self.afresh.insert(id, Afresh { mme, anchor, up: ue.up, ends });
        } else {
            // What is left of an earlier stay here is of no use any more.
            self.ues.insert(id, ue);
        }
        let bearer = Erab { ebi: BEARER, tunnel: uplink_tunnel(self.core.address(), id) };
        let grant = Some(SessionGrant { sender: bearer.tunnel, address: None, bearer });
        CreateSessionResponse { cause: GtpCause::ACCEPTED, grant }
    }

    /// The UE is at this eNB now.
    fn modify_bearer(
        &mut self,
        now: VirtualTime,
        (from, id): (Ipv4Addr, MmeUeS1apId),
        ModifyBearerRequest { sender, bearers, up }: &ModifyBearerRequest,
        outbox: &mut Outbox<Event>,
    ) -> ModifyBearerResponse {
        let refused = ModifyBearerResponse { cause: GtpCause::CONTEXT_NOT_FOUND, bearers: Vec::new() };
        let upe = self.core.address();
        let accepted = ModifyBearerResponse {
            cause: GtpCause::ACCEPTED,
            bearers: vec![Erab { ebi: BEARER, tunnel: uplink_tunnel(upe, id) }],
        };
        let tunnel = bearers.first().map(|bearer| bearer.tunnel);
        if let (Some(afresh), Some(tunnel)) = (self.afresh.remove(&id), tunnel) {
            if afresh.mme.address == from {
                self.come_afresh(id, afresh, tunnel, outbox);
                return accepted;
            }
            self.afresh.insert(id, afresh);
        }
        let Some(ue) = self.ues.get_mut(&id) else { return refused };
        if let Some(key) = up {
            ue.up.change_key(key.clone());
            ue.key_in_use(key, outbox);
        }
        let Some(tunnel) = tunnel else { return accepted };
        ue.mme = sender.unwrap_or(ue.mme);
        match std::mem::replace(&mut ue.role, Role::Serving) {
            Role::Coming { begins: Some(begins), .. } => {
                ue.path = Some(tunnel);
                ue.role = Role::Come { begins, queue: Default::default(), ends: now + END_MARKER };
                let anchor = ue.anchor;
                self.ask_anchor(id, anchor, outbox);
            }
            // It cannot have come: nobody has told its COUNTs.
            role @ Role::Coming { begins: None, .. } => {
                ue.role = role;
                return refused;
            }
            role @ (Role::Come { .. } | Role::Leaving(_)) => {
                ue.path = Some(tunnel);
                ue.role = role;
            }
            Role::Moving { key, heard, ends, .. } => {
                ue.role = Role::Moving { to: tunnel, key, heard, ends };
                self.moved(id, outbox);
            }
            Role::Serving => {
                ue.left = None;
                self.switch(id, tunnel, outbox);
            }
        }
        accepted
    }

    /// A UE has come by itself; the anchor is to send its downlink here.
    fn come_afresh(
        &mut self,
        id: MmeUeS1apId,
        Afresh { mme, anchor, up, .. }: Afresh,
        tunnel: TunnelEndpoint,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(imsi) = self.settings.subscribers.get(&id).copied() else { return };
        let (path, role) = (Some(tunnel), Role::Serving);
        self.ues.insert(id, UeContext { imsi, mme, anchor, path, left: None, up, role });
        self.ask_anchor(id, anchor, outbox);
    }

    /// The anchor is to send the downlink of a UE here.
    fn ask_anchor(&mut self, id: MmeUeS1apId, anchor: TunnelEndpoint, outbox: &mut Outbox<Event>) {
        let bearers = vec![Erab { ebi: BEARER, tunnel: anchor_tunnel(self.core.address(), id) }];
        let request = ModifyBearerRequest { sender: None, bearers, up: None };
        self.request(anchor, Gtpv2Body::ModifyBearerRequest(request), outbox);
    }

    /// The UE is where it was to go, and has the key that it was to have.
    pub(super) fn moved(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Role::Moving { to, key, .. } = std::mem::replace(&mut ue.role, Role::Serving) else { return };
        ue.left = key.as_ref().and(ue.path).map(|path| path.address).filter(|left| *left != to.address);
        key.map(|key| ue.up.replace_key(key));
        self.switch(id, to, outbox);
    }

    /// The downlink of a UE goes to another eNB of this UPE.
    fn switch(&mut self, id: MmeUeS1apId, tunnel: TunnelEndpoint, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let old = ue.path.replace(tunnel).filter(|old| *old != tunnel);
        outbox.report(Event { ue: ue.imsi, what: What::PathSwitched });
        if self.settings.faults.restarts_count {
            ue.up.go_on_at(0);
        }
        if let Some(TunnelEndpoint { address, teid }) = old {
            let end = GtpuPacket::EndMarker { teid, pdcp_number: None };
            self.core.send(address, &CoreMessage::Gtpu(end), outbox);
        }
    }

    /// The UE is elsewhere, or does not come. What is on its way for it is passed on until the old path ends.
    fn delete_session(
        &mut self,
        now: VirtualTime,
        (from, id): (Ipv4Addr, MmeUeS1apId),
        outbox: &mut Outbox<Event>,
    ) -> GtpCause {
        if self.afresh.get(&id).is_some_and(|afresh| afresh.mme.address == from) {
            self.forget_afresh(id, outbox);
            return GtpCause::ACCEPTED;
        }
        // Of a UE that another MME has now, the one before has nothing to say.
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.mme.address == from) else {
            return GtpCause::CONTEXT_NOT_FOUND;
        };
        match &mut ue.role {
            Role::Leaving(leaving) if !leaving.ended => {
                (leaving.gone, leaving.ends) = (true, now + LAST_PACKETS);
            }
            _ => self.forget(id, outbox),
        }
        GtpCause::ACCEPTED
    }

    /// The UE is to go to this eNB, and may be to have another key there.
    fn prepare_path(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        tunnel: TunnelEndpoint,
        key: Option<UpKey>,
        outbox: &mut Outbox<Event>,
    ) -> GtpCause {
        if self.ues.get(&id).is_some_and(|ue| matches!(ue.role, Role::Moving { heard: true, .. })) {
            self.moved(id, outbox);
        }
        let Some(ue) = self.ues.get_mut(&id) else { return GtpCause::CONTEXT_NOT_FOUND };
        if key.as_ref().is_some_and(|key| !self.settings.algorithms.contains(&key.algorithm)) {
            return GtpCause::NOT_SUPPORTED;
        }
        match &ue.role {
            Role::Coming { .. } => ue.path = Some(tunnel),
            Role::Serving | Role::Moving { .. } => {
                key.iter().for_each(|key| ue.key_in_use(key, outbox));
                ue.role = Role::Moving { to: tunnel, key, heard: false, ends: now + PREPARED };
            }
            Role::Come { .. } | Role::Leaving(_) => return GtpCause::RELOCATION_FAILURE,
        }
        GtpCause::ACCEPTED
    }

    /// The UE is to go to another UPE: that gets its context, and copies of its packets.
    fn relocate(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        to: TunnelEndpoint,
        asked: (TunnelEndpoint, u32),
        outbox: &mut Outbox<Event>,
    ) -> GtpCause {
        let Some(ue) = self.ues.get_mut(&id) else { return GtpCause::CONTEXT_NOT_FOUND };
        let Role::Serving = ue.role else { return GtpCause::RELOCATION_FAILURE };
        let limit = ue.up.next_count().saturating_add(SHARE);
        let (asked, ends) = (Some(asked), now + LEAVING);
        ue.role = Role::Leaving(Leaving { to, asked, limit, gone: false, ended: false, ends });
        let notification = AccessContextNotification { up: ue.up.context() };
        let peer = TunnelEndpoint { address: to.address, teid: Teid(to.teid.0 & !FORWARDED) };
        self.request(peer, Gtpv2Body::ForwardAccessContextNotification(notification), outbox);
        GtpCause::ACCEPTED
    }

    /// The other UPE has told where COUNT stands.
    fn take_context(&mut self, id: MmeUeS1apId, UpContext { key, counts }: UpContext) -> GtpCause {
        let same = !self.settings.agreement.updates_up_keys();
        let Some(UeContext { up, role: Role::Coming { begins, .. }, .. }) = self.ues.get_mut(&id) else {
            return GtpCause::CONTEXT_NOT_FOUND;
        };
        if begins.is_some() || (same && key != *up.key()) {
            return GtpCause::RELOCATION_FAILURE;
        }
        *begins = Some(counts[LinkDirection::Downlink as usize]);
        *up = UpSecurity::handed_over(UpContext { key: up.key().clone(), counts });
        GtpCause::ACCEPTED
    }

    /// The other UPE has the context, or does not take it.
    fn context_taken(&mut self, from: Ipv4Addr, id: MmeUeS1apId, cause: GtpCause, outbox: &mut Outbox<Event>) {
        let Some(UeContext { role: Role::Leaving(leaving), .. }) = self.ues.get_mut(&id) else { return };
        let Some(asked) = leaving.asked.take_if(|_| leaving.to.address == from) else { return };
        if cause != GtpCause::ACCEPTED {
            self.stays(id, outbox);
        }
        self.answer_forwarding(id, asked, cause, outbox);
    }
}
