//! What an MME does about UPEs in a handover over S1 (seed 001), where packets are ciphered by them.
//!
//! Within this MME or from another, to a cell of the same UPE or of another:
//! 1. A UPE that the UE comes to is given the UE and its key. 2. The target eNB is asked. 3. The UPE of the target cell is told the tunnel
//!    there, and the key if it changes. 4. A UPE that the UE leaves is told of the relocation, by its own MME; it hands over COUNT.
//! 5. The UE is commanded. So the command is sent when all are ready for the UE. When the UE has come, the path is switched, and a UPE
//!    that it has left forgets it. Whatever ends otherwise is taken back.
//!
//! \[choice\] Each handover with another key takes a number that no handover had before, whether the UE comes to use the key or not: it
//! may have used it where nobody heard it.

use std::net::Ipv4Addr;

use super::relocation::APN;
use super::{Handover, Mme, Source, UeContext};
use crate::emulation::Outbox;
use crate::eps::identifiers::{MmeUeS1apId, Teid};
use crate::eps::keys::{UpKey, UpRelocation};
use crate::eps::node::event::Event;
use crate::eps::node::settings::Cell;
use crate::eps::parameters::AlgorithmId;
use crate::eps::wire::gtpv2::{
    CreateForwardingRequest, CreateForwardingResponse, CreateSessionRequest, CreateSessionResponse,
    DeleteSessionRequest, ForwardingEnd, GtpCause, SessionGrant,
};
use crate::eps::wire::nas::{EmmMessage, GenericContainer, SecurityHeader};
use crate::eps::wire::s1ap::{Cause, CauseMisc, CauseRadioNetwork, HandoverCommand, UeS1apIds};
use crate::eps::wire::{Erab, Gtpv2Body, TunnelEndpoint};
use crate::time::VirtualTime;

/// The user plane of a UE that is connected from before the run, where packets are ciphered by UPEs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmeUserPlane {
    /// The tunnel of its uplink at the anchor: [`uplink_tunnel`](crate::eps::node::gateway::uplink_tunnel).
    pub anchor: TunnelEndpoint,
    /// The ciphering algorithm between UE and UPE: that which the UE has in use with its eNB.
    pub algorithm: AlgorithmId,
}

/// The user plane of a UE.
#[derive(Clone, Debug)]
pub(super) struct UserPlane {
    pub(super) anchor: TunnelEndpoint,
    pub(super) key: UpKey,
    /// The highest number of a key that was given.
    pub(super) last_update: u32,
}

/// What is under way with UPEs, at the MME of the target cell.
pub(super) struct UpHandover {
    /// The bearer at the UPE of the target cell.
    bearer: Erab,
    /// Where the UE has its bearer until then, if that is at another UPE.
    left: Option<TunnelEndpoint>,
    /// The key that it is to have.
    key: UpKey,
    step: Step,
}

enum Step {
    /// The other UPE is asked to take the UE; then the target eNB will be asked with these.
    Session { cause: Cause, container: Vec<u8> },
    /// The target eNB is asked.
    Target,
    /// The UPE of the target cell is told the tunnel there; what the target eNB has answered.
    Path { container: Vec<u8> },
    /// The UPE that the UE leaves is told of the relocation.
    Relocation { container: Vec<u8> },
    /// The UE may come.
    Ready,
}

/// The same at the MME of the source cell, if the target cell has another.
#[derive(Default)]
pub(super) struct UpThere {
    /// The UPE of the UE has been told of the relocation.
    relocated: bool,
    /// What the target MME has answered, until the UPE has.
    waiting: Option<(Vec<u8>, Option<Vec<u8>>)>,
}

impl UpThere {
    pub(super) const fn relocated(&self) -> bool {
        self.relocated
    }
}

impl UeContext {
    /// Where the path of the UE is switched: its UPE, or the gateway.
    pub(super) fn path_node(&self, gateway: Ipv4Addr) -> Ipv4Addr {
        if self.up.is_some() { self.bearer.tunnel.address } else { gateway }
    }
}

impl Mme {
    pub(super) fn user_plane(&self, keys: &super::MmeKeys, up: Option<MmeUserPlane>) -> Option<UserPlane> {
        let MmeUserPlane { anchor, algorithm } = up.filter(|_| self.settings.agreement.transfer.upe)?;
        Some(UserPlane { anchor, key: UpKey::derive(keys.kasme(), 0, algorithm), last_update: 0 })
    }

    /// The key of a UE that is handed over, with a number of its own if keys change.
    fn key_there(&mut self, id: MmeUeS1apId) -> Option<UpKey> {
        let updates = self.settings.agreement.updates_up_keys();
        // One that comes from UTRAN has no key yet but the first.
        let first = self.comes_from_utran(id);
        let UeContext { keys, up: Some(up), .. } = self.ues.get_mut(&id)? else { return None };
        if !updates || first {
            return Some(up.key.clone());
        }
        up.last_update = up.last_update.checked_add(1)?;
        Some(UpKey::derive(keys.kasme(), up.last_update, up.key.algorithm))
    }

    /// Whether a UE is to come from UTRAN.
    pub(super) fn comes_from_utran(&self, id: MmeUeS1apId) -> bool {
        let handover = self.ues.get(&id).and_then(|ue| ue.handover.as_ref());
        matches!(handover, Some(Handover::Here { from: Some(Source::Sgsn(..)), .. }))
    }

    /// What another MME must know of the user plane of a UE that is to go to it. It takes the next number.
    pub(super) fn user_plane_there(&mut self, id: MmeUeS1apId) -> Option<UpRelocation> {
        let UserPlane { key, last_update, .. } = self.ues.get(&id)?.up.clone()?;
        self.key_there(id)?;
        Some(UpRelocation { key, last_update })
    }

    /// A handover to a cell of this MME begins; whether the target eNB can be asked at once.
    pub(super) fn prepare_user_plane(
        &mut self,
        id: MmeUeS1apId,
        cell: &Cell,
        (cause, container): (&Cause, &[u8]),
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let Some(key) = self.key_there(id) else { return true };
        let sender = self.control_tunnel(id);
        let afresh = self.comes_from_utran(id);
        let Some(UeContext {
            imsi,
            address,
            bearer,
            up: Some(up),
            handover: Some(Handover::Here { up: under_way, .. }),
            ..
        }) = self.ues.get_mut(&id)
        else {
            return true;
        };
        let Erab { ebi, tunnel } = *bearer;
        let Some(upe) = cell.upe.filter(|upe| *upe != tunnel.address) else {
            *under_way = Some(UpHandover { bearer: *bearer, left: None, key, step: Step::Target });
            return true;
        };
        let request = CreateSessionRequest {
            imsi: *imsi,
            sender,
            apn: APN.to_owned(),
            address: *address,
            bearer: Erab { ebi, tunnel: up.anchor },
            afresh,
            up: Some(key.clone()),
        };
        let step = Step::Session { cause: cause.clone(), container: container.to_vec() };
        let there = TunnelEndpoint { address: upe, teid: tunnel.teid };
        *under_way = Some(UpHandover { bearer: Erab { ebi, tunnel: there }, left: Some(tunnel), key, step });
        self.request(upe, Teid(0), Gtpv2Body::CreateSessionRequest(request), outbox);
        false
    }

    /// The bearer as the target eNB is told it.
    pub(super) fn bearer_there(&self, id: MmeUeS1apId) -> Option<Erab> {
        let ue = self.ues.get(&id)?;
        match &ue.handover {
            Some(Handover::Here { up: Some(up), .. }) => Some(up.bearer),
            _ => Some(ue.bearer),
        }
    }

    fn under_way(&mut self, id: MmeUeS1apId) -> Option<&mut UpHandover> {
        match &mut self.ues.get_mut(&id)?.handover {
            Some(Handover::Here { up, .. }) => up.as_mut(),
            _ => None,
        }
    }

    /// The other UPE takes the UE, or not.
    pub(super) fn session_answered(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: &CreateSessionResponse,
        outbox: &mut Outbox<Event>,
    ) {
        if self.session_of_arrival(now, from, id, response, outbox) {
            return;
        }
        let Some(up) = self.under_way(id).filter(|up| up.bearer.tunnel.address == from) else { return };
        let Step::Session { .. } = up.step else { return };
        let Some(SessionGrant { bearer, .. }) = response.grant else {
            return self.refused_by_upe(id, response.cause, outbox);
        };
        up.bearer.tunnel = bearer.tunnel;
        if let Step::Session { cause, container } = std::mem::replace(&mut up.step, Step::Target) {
            self.ask_enb(id, cause, container, outbox);
        }
    }

    /// The target eNB takes the UE: the UPE of the target cell is told. Gives the answer back if there is none.
    pub(super) fn tell_path(
        &mut self,
        id: MmeUeS1apId,
        tunnel: TunnelEndpoint,
        container: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) -> Option<Vec<u8>> {
        let (updates, afresh) = (self.settings.agreement.updates_up_keys(), self.comes_from_utran(id));
        let Some(up) = self.under_way(id) else { return Some(container) };
        if afresh {
            // No packet comes there before the UE does: when its bearer is modified the UPE is told.
            up.step = Step::Ready;
            return Some(container);
        }
        // A UPE that the UE comes to has the key already.
        let key = (updates && up.left.is_none()).then(|| up.key.clone());
        let bearer = up.bearer;
        up.step = Step::Path { container };
        self.forwarding(id, bearer, ForwardingEnd::Enb(tunnel), key, outbox);
        None
    }

    fn forwarding(
        &mut self,
        id: MmeUeS1apId,
        Erab { ebi, tunnel }: Erab,
        to: ForwardingEnd,
        up: Option<UpKey>,
        outbox: &mut Outbox<Event>,
    ) {
        let request = CreateForwardingRequest { sender: self.control_tunnel(id), ebi, to, up };
        self.request(tunnel.address, tunnel.teid, Gtpv2Body::CreateForwardingRequest(request), outbox);
    }

    /// A UPE has answered what it was told.
    pub(super) fn forwarding_answered(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: &CreateForwardingResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(UeContext { bearer, handover: Some(handover), .. }) = self.ues.get_mut(&id) else { return };
        let (up, foreign) = match handover {
            Handover::Here { up: Some(up), from, .. } => (up, from.is_some()),
            Handover::There { .. } if bearer.tunnel.address == from => {
                return self.left_upe_answered(id, response, outbox);
            }
            _ => return,
        };
        let (step, left) = (std::mem::replace(&mut up.step, Step::Ready), up.left);
        let container = match step {
            Step::Path { container } if up.bearer.tunnel.address == from => container,
            Step::Relocation { container } if left.is_some_and(|left| left.address == from) => {
                match response.bearer {
                    Some(_) => self.finish(id, container, None, outbox),
                    None => self.refused_by_upe(id, response.cause, outbox),
                }
                return;
            }
            other => {
                up.step = other;
                return;
            }
        };
        match (response.bearer, left) {
            (None, _) => self.refused_by_upe(id, response.cause, outbox),
            (Some(Erab { ebi, tunnel }), Some(left)) if !foreign => {
                up.step = Step::Relocation { container };
                self.forwarding(id, Erab { ebi, tunnel: left }, ForwardingEnd::Upe(tunnel), None, outbox);
            }
            (bearer, left) => self.finish(id, container, bearer.filter(|_| left.is_some()), outbox),
        }
    }

    /// The number of another key, for the UE.
    pub(super) fn protected_up_key(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) -> Option<Vec<u8>> {
        if !self.settings.agreement.updates_up_keys() {
            return None;
        }
        let update = self.under_way(id)?.key.update;
        let message = EmmMessage::DownlinkGenericTransport(GenericContainer::of_up_key(update));
        self.protect(id, SecurityHeader::IntegrityCiphered, &message, outbox)
    }

    /// A UPE does not take part: the handover is not to be, and the UE stays.
    fn refused_by_upe(&mut self, id: MmeUeS1apId, cause: GtpCause, outbox: &mut Outbox<Event>) {
        let Some(UeContext { place, handover: Some(Handover::Here { from, .. }), .. }) = self.ues.get(&id) else {
            return;
        };
        let (place, from) = (*place, *from);
        self.call_off(id, outbox);
        if let Some(source) = from {
            return self.refuse_source(source, outbox);
        }
        let cause = match cause {
            GtpCause::NOT_SUPPORTED => {
                Cause::radioNetwork(CauseRadioNetwork::encryption_and_or_integrity_protection_algorithms_not_supported)
            }
            _ => Cause::misc(CauseMisc::not_enough_user_plane_processing_resources),
        };
        if let Some(place) = place {
            self.refuse(place.enb, UeS1apIds { mme: id, enb: place.id }, cause, outbox);
        }
    }

    /// Takes back what UPEs were told of a handover to a cell of this MME.
    pub(super) fn take_back(&mut self, up: &UpHandover, foreign: bool, outbox: &mut Outbox<Event>) {
        let Erab { ebi, tunnel } = up.bearer;
        if up.left.is_some() {
            let request = DeleteSessionRequest { bearer: ebi };
            self.request(tunnel.address, tunnel.teid, Gtpv2Body::DeleteSessionRequest(request), outbox);
        } else if let Step::Path { .. } | Step::Ready = up.step {
            self.request(tunnel.address, tunnel.teid, Gtpv2Body::DeleteForwardingRequest, outbox);
        }
        // That of another MME is for that to tell.
        let told = matches!(up.step, Step::Relocation { .. } | Step::Ready);
        if let Some(left) = up.left.filter(|_| told && !foreign) {
            self.request(left.address, left.teid, Gtpv2Body::DeleteForwardingRequest, outbox);
        }
    }

    /// The UE has come: its bearer and its key are what was prepared, and a UPE that it has left forgets it.
    pub(super) fn user_plane_arrived(
        &mut self,
        id: MmeUeS1apId,
        up: UpHandover,
        foreign: bool,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        ue.bearer = up.bearer;
        if let Some(user_plane) = &mut ue.up {
            user_plane.key = up.key;
        }
        if let Some(left) = up.left.filter(|_| !foreign) {
            self.leave_upe(up.bearer, left, outbox);
        }
    }

    pub(super) fn leave_upe(&mut self, Erab { ebi, .. }: Erab, left: TunnelEndpoint, outbox: &mut Outbox<Event>) {
        let request = DeleteSessionRequest { bearer: ebi };
        self.request(left.address, left.teid, Gtpv2Body::DeleteSessionRequest(request), outbox);
    }

    /// At the source MME: the target MME has answered. Whether the UE can be commanded at once; else its UPE is told of the relocation.
    pub(super) fn relocate_user_plane(
        &mut self,
        id: MmeUeS1apId,
        forwarding: Erab,
        answer: (Vec<u8>, Option<Vec<u8>>),
        outbox: &mut Outbox<Event>,
    ) {
        let Some(UeContext { bearer, handover: Some(Handover::There { up, .. }), .. }) = self.ues.get_mut(&id) else {
            return;
        };
        *up = UpThere { relocated: true, waiting: Some(answer) };
        let bearer = *bearer;
        self.forwarding(id, bearer, ForwardingEnd::Upe(forwarding.tunnel), None, outbox);
    }

    /// At the source MME: the UPE that the UE leaves has answered.
    fn left_upe_answered(&mut self, id: MmeUeS1apId, response: &CreateForwardingResponse, outbox: &mut Outbox<Event>) {
        let Some(UeContext { place: Some(place), handover: Some(Handover::There { up, .. }), .. }) =
            self.ues.get_mut(&id)
        else {
            return;
        };
        let Some((container, nas)) = up.waiting.take() else { return };
        let (ids, enb) = (UeS1apIds { mme: id, enb: place.id }, place.enb);
        if response.bearer.is_some() {
            return self.send(enb, HandoverCommand { ue: ids, nas_security_parameters: nas, container }, outbox);
        }
        self.call_off(id, outbox);
        let cause = Cause::radioNetwork(CauseRadioNetwork::ho_failure_in_target_EPC_eNB_or_target_system);
        self.refuse(enb, ids, cause, outbox);
    }
}
