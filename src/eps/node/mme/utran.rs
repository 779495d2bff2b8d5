//! Handovers between this MME's eNBs and UTRAN, through an SGSN (seed 001 procedure C; TS 33.401 clauses 9.2.1 and 9.2.2).
//!
//! A UE that comes from UTRAN brings CK and IK, of which the MME makes KASME and all below it: of the identity of the target eNB and a
//! fresh number, or of a nonce. To one that goes to UTRAN the MME gives a CK and IK: of KASME, the identity of the target cell and a
//! fresh number, or of the downlink NAS COUNT. Without a fresh number the first CK and IK go back, which the context still holds.
//!
//! \[choice\] What the UE is told besides the command is a NAS message: from UTRAN within the command, to UTRAN before it.

use std::net::Ipv4Addr;

use rand_core::Rng;

use super::{EXECUTION, Handover, Mme, Place, Source, UeContext, UserPlane};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Teid};
use crate::eps::keys::{CkIk, UpKey};
use crate::eps::node::event::{Event, HeldKey, What};
use crate::eps::node::settings::{Cell, Mapping, UtranCell};
use crate::eps::parameters::{Algorithms, LinkDirection, Origin, TargetIdentity, TargetInput};
use crate::eps::security::inter_system::{COUNT_OF_HANDOVER, ck_ik_of_count, kasme_of_nonce, way_back};
use crate::eps::security::kdf;
use crate::eps::security::parties::MmeKeys;
use crate::eps::wire::gtpv1::{
    ForwardRelocationRequest, ForwardRelocationResponse, Gtpv1Cause, PdpContext, RelocationCancelRequest,
    RelocationGrant, UmtsContext,
};
use crate::eps::wire::inter_system::NasSecurityToEutra;
use crate::eps::wire::nas::{EmmMessage, GenericContainer, NasKsi, SecurityHeader};
use crate::eps::wire::ranap::{RanapCause, RelocationTarget, SourceRncContainer};
use crate::eps::wire::s1ap::{
    Cause, CauseNas, CauseRadioNetwork, DownlinkNasTransport, HandoverFromUtranRequest, HandoverToUtranCommand,
    HandoverToUtranRequired, UeS1apIds,
};
use crate::eps::wire::{Erab, Gtpv1Body, Gtpv1Message, TunnelEndpoint};
use crate::time::VirtualTime;

/// What the keys of a handover between systems are made of besides keys: what the UE has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The seed: the target, with a fresh number or without.
    Target(TargetInput),
    /// The standard: the nonce, or the downlink NAS COUNT.
    Number(u32),
}

/// What a security context goes back to.
#[derive(Clone, Debug)]
pub(super) struct ContextOrigin {
    /// Which authentication.
    pub(super) access: Origin,
    /// CK and IK that KASME was made of, if it was, with what the UE is told of it.
    pub(super) made_of: Option<(CkIk, Told)>,
}

impl Default for ContextOrigin {
    fn default() -> Self {
        Self { access: Origin::Lte, made_of: None }
    }
}

impl ContextOrigin {
    /// As another MME has said; one of E-UTRAN if it has said nothing.
    pub(super) fn told(origin: Option<Origin>) -> Self {
        Self { access: origin.unwrap_or(Origin::Lte), made_of: None }
    }
}

/// A handover of a UE to UTRAN.
pub(super) struct ToUtran {
    sgsn: Ipv4Addr,
    /// What the SGSN calls the UE, once it has answered.
    peer: Teid,
    told: Told,
}

impl Mme {
    pub(super) fn gtpv1(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        message: Gtpv1Message,
        outbox: &mut Outbox<Event>,
    ) {
        let Gtpv1Message { teid, sequence, body } = message;
        let id = MmeUeS1apId(teid.0);
        match body {
            Gtpv1Body::ForwardRelocationRequest(request) => self.admit_from_utran(now, from, sequence, request, outbox),
            Gtpv1Body::ForwardRelocationResponse(response) => self.utran_answered(from, id, response, outbox),
            Gtpv1Body::ForwardRelocationComplete => self.gone_to_utran(from, id, sequence, outbox),
            Gtpv1Body::RelocationCancelRequest(request) => {
                self.utran_cancelled(from, sequence, request.imsi, outbox);
            }
            Gtpv1Body::SgsnContextResponse(response) => {
                self.sgsn_answered(now, from, (teid, sequence), response, outbox);
            }
            // Of the other answers nothing follows, and the rest is not for an MME.
            _ => {}
        }
    }

    fn ask_sgsn(&mut self, to: Ipv4Addr, teid: Teid, body: Gtpv1Body, outbox: &mut Outbox<Event>) {
        self.last_sequence = (self.last_sequence + 1) & 0x00ff_ffff;
        self.answer_sgsn(to, teid, (self.last_sequence & 0xffff) as u16, body, outbox);
    }

    pub(super) fn answer_sgsn(
        &mut self,
        to: Ipv4Addr,
        teid: Teid,
        sequence: u16,
        body: Gtpv1Body,
        outbox: &mut Outbox<Event>,
    ) {
        let message = crate::eps::node::core_side::CoreMessage::Gtpv1(Gtpv1Message { teid, sequence, body });
        self.core.send(to, &message, outbox);
    }

    fn fresh(&mut self, fresh: bool) -> Option<[u8; 16]> {
        fresh.then(|| {
            let mut number = [0; 16];
            self.random.fill_bytes(&mut number);
            number
        })
    }

    /// The cell of this MME that a target on Gn names, which has room for 16 bits of an eNB.
    fn named_on_gn(&self, target: RelocationTarget) -> Option<Cell> {
        let RelocationTarget::Enb(enb, tai) = target else { return None };
        let own = self.core.address();
        let named = |cell: &&Cell| {
            cell.mme == own
                && cell.tai == tai
                && cell.enb.plmn == enb.plmn
                && cell.enb.enb.get() & 0xffff == enb.enb.get()
        };
        self.settings.cells.iter().find(named).copied()
    }

    /// A UE is to come from UTRAN: its keys are made, then the target is asked as in any handover.
    fn admit_from_utran(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        sequence: u16,
        request: ForwardRelocationRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let peer = TunnelEndpoint { address: from, ..request.sender };
        let source = Source::Sgsn(peer, sequence);
        let id = self.settings.subscribers.iter().find(|(_, imsi)| **imsi == request.imsi).map(|(id, _)| *id);
        let complete = (id, self.named_on_gn(request.target), request.context);
        let (Some(id), Some(cell), Some(UmtsContext { key_set, keys, capabilities })) = complete else {
            return self.refuse_source(source, outbox);
        };
        let possible = |algorithms: &&Algorithms| {
            algorithms.are_for_nas()
                && capabilities.ciphers_with(algorithms.ciphering)
                && capabilities.protects_with(algorithms.integrity)
        };
        let algorithms = self.settings.nas_algorithms.iter().find(possible).copied();
        let Some(algorithms) = algorithms.filter(|_| !self.ues.contains_key(&id)) else {
            return self.refuse_source(source, outbox);
        };
        let transfer = self.settings.agreement.transfer;
        let (kasme, told) = match transfer.mapping {
            Mapping::TargetId { fresh } => {
                let input = TargetInput { target: TargetIdentity::Enb(cell.enb), fresh: self.fresh(fresh) };
                (input.kasme(&keys), Told::Target(input))
            }
            Mapping::Nonce => {
                let nonce = self.random.next_u32();
                (kasme_of_nonce(&keys, nonce), Told::Number(nonce))
            }
        };
        let PdpContext { nsapi, address, uplink, .. } = request.pdp;
        // The key between UE and UPE is the first of this KASME, for the ciphering algorithm that NAS has.
        let up = transfer.upe.then(|| {
            let key = UpKey::derive(&kasme, 0, algorithms.ciphering);
            UserPlane { anchor: uplink, key, last_update: 0 }
        });
        let held = What::KeyHeld(HeldKey::CkIk(keys.clone()));
        outbox.report(Event { ue: request.imsi, what: held });
        let ue = UeContext {
            imsi: request.imsi,
            keys: MmeKeys::mapped(kasme, algorithms, self.settings.agreement.derivation).0,
            place: None,
            handover: None,
            mode: None,
            switching: false,
            capabilities,
            bearer: Erab { ebi: nsapi, tunnel: uplink },
            up,
            address,
            key_set: NasKsi::new(key_set),
            gutis: [None; 2],
            arriving: None,
            renewing: None,
            given: None,
            registered: false,
            locating: None,
            origin: ContextOrigin { access: request.origin, made_of: Some((keys, told)) },
        };
        self.holds_kasme(&ue, outbox);
        self.nas_in_use(&ue, outbox);
        outbox.report(Event { ue: request.imsi, what: What::ContextInUse(request.origin) });
        self.ues.insert(id, ue);
        let cause = Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason);
        self.ask_target(now, id, &cell, (cause, request.container), Some(source), outbox);
    }

    /// Asks the target eNB for a UE that comes from UTRAN: it gets KeNB, and what the UE has to be told.
    pub(super) fn ask_enb_from_utran(
        &mut self,
        id: MmeUeS1apId,
        (cause, container): (Cause, Vec<u8>),
        bearer: Erab,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(ue) = self.ues.get(&id) else { return };
        let Some(Handover::Here { target, .. }) = ue.handover else { return };
        let Some((_, told)) = ue.origin.made_of else { return };
        let kenb = kdf::kenb(ue.keys.kasme(), COUNT_OF_HANDOVER);
        let (capabilities, algorithms, key_set) = (ue.capabilities, ue.keys.nas.algorithms(), ue.key_set.get());
        let nonce = if let Told::Number(nonce) = told { nonce } else { 0 };
        let mut nas_security = NasSecurityToEutra { nonce, algorithms, key_set }.octets().to_vec();
        if let Told::Target(input) = told {
            let message = GenericContainer::of_target(&input).map(EmmMessage::DownlinkGenericTransport);
            let Ok(message) = message else { return };
            let Some(nas) = self.protect(id, SecurityHeader::IntegrityNewContext, &message, outbox) else { return };
            nas_security.extend(nas);
        }
        let bearers = vec![bearer];
        let request =
            HandoverFromUtranRequest { mme_ue_id: id, cause, bearers, container, capabilities, kenb, nas_security };
        self.send(target, request, outbox);
    }

    /// The target eNB takes the UE: the SGSN is told.
    pub(super) fn grant_to_sgsn(
        &mut self,
        id: MmeUeS1apId,
        (peer, sequence): (TunnelEndpoint, u16),
        container: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) {
        let sender = self.control_tunnel(id);
        let Some(ue) = self.ues.get(&id) else { return };
        let Some(Handover::Here { granted: Some((_, tunnel)), .. }) = ue.handover else { return };
        let bearer = Erab { ebi: ue.bearer.ebi, tunnel };
        let grant = Some(RelocationGrant { sender, container, bearer });
        let response = ForwardRelocationResponse { cause: Gtpv1Cause::ACCEPTED, grant };
        let body = Gtpv1Body::ForwardRelocationResponse(response);
        self.answer_sgsn(peer.address, peer.teid, sequence, body, outbox);
    }

    pub(super) fn refuse_sgsn(&mut self, peer: TunnelEndpoint, sequence: u16, outbox: &mut Outbox<Event>) {
        let response = ForwardRelocationResponse { cause: Gtpv1Cause::RELOCATION_FAILURE, grant: None };
        let body = Gtpv1Body::ForwardRelocationResponse(response);
        self.answer_sgsn(peer.address, peer.teid, sequence, body, outbox);
    }

    /// The UE has come from UTRAN: its SGSN forgets it. The UE's tracking area update follows, which closes the procedure.
    pub(super) fn has_come_from_utran(&mut self, peer: TunnelEndpoint, outbox: &mut Outbox<Event>) {
        self.ask_sgsn(peer.address, peer.teid, Gtpv1Body::ForwardRelocationComplete, outbox);
    }

    /// The SGSN that a UE was to come from calls it off.
    fn utran_cancelled(&mut self, from: Ipv4Addr, sequence: u16, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let of = |ue: &UeContext| match &ue.handover {
            Some(Handover::Here { from: Some(Source::Sgsn(peer, _)), .. }) => {
                (ue.imsi == imsi && peer.address == from).then_some(peer.teid)
            }
            _ => None,
        };
        let found = self.ues.iter().find_map(|(id, ue)| Some((*id, of(ue)?)));
        if let Some((id, _)) = found {
            self.call_off(id, outbox);
        }
        let (teid, cause) = found.map_or((Teid(0), Gtpv1Cause::NON_EXISTENT), |(_, teid)| (teid, Gtpv1Cause::ACCEPTED));
        self.answer_sgsn(from, teid, sequence, Gtpv1Body::RelocationCancelResponse(cause), outbox);
    }

    /// A source eNB asks for a handover to UTRAN.
    pub(super) fn required_to_utran(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        required: HandoverToUtranRequired,
        outbox: &mut Outbox<Event>,
    ) {
        let HandoverToUtranRequired { ue: ids, target, container, .. } = required;
        let place = Some(Place { enb: from, id: ids.enb });
        if self.ues.get(&ids.mme).is_none_or(|ue| ue.place != place || ue.handover.is_some() || ue.mode.is_some()) {
            return self.refuse(from, ids, Cause::nas(CauseNas::unspecified), outbox);
        }
        let named = SourceRncContainer::parse(&container).ok();
        let cell = self
            .settings
            .utran_cells
            .iter()
            .find(|cell| cell.rnc_identity() == target && named.is_some_and(|named| named.target_cell == cell.id));
        let Some(cell) = cell.copied() else {
            let unknown = Cause::radioNetwork(CauseRadioNetwork::unknown_targetID);
            return self.refuse(from, ids, unknown, outbox);
        };
        let (keys, told) = self.keys_for_utran(ids.mme, &cell);
        let sender = self.control_tunnel(ids.mme);
        let Some(ue) = self.ues.get_mut(&ids.mme) else { return };
        outbox.report(Event { ue: ue.imsi, what: What::KeyHeld(HeldKey::CkIk(keys.clone())) });
        let uplink = ue.up.as_ref().map_or(ue.bearer.tunnel, |up| up.anchor);
        let pdp = PdpContext { nsapi: ue.bearer.ebi, address: ue.address, control: uplink.teid, uplink };
        let request = ForwardRelocationRequest {
            imsi: ue.imsi,
            sender,
            cause: RanapCause::DESIRABLE,
            context: Some(UmtsContext { key_set: ue.key_set.get(), keys, capabilities: ue.capabilities }),
            origin: ue.origin.access,
            pdp,
            target: RelocationTarget::Rnc(target),
            container,
        };
        let to_utran = ToUtran { sgsn: cell.sgsn, peer: Teid(0), told };
        ue.handover = Some(Handover::ToUtran { to_utran, ends: now + EXECUTION });
        self.ask_sgsn(cell.sgsn, Teid(0), Gtpv1Body::ForwardRelocationRequest(request), outbox);
    }

    /// CK and IK for a UE that is to go to this cell, and what it has to be told.
    fn keys_for_utran(&mut self, id: MmeUeS1apId, cell: &UtranCell) -> (CkIk, Told) {
        let fresh = matches!(self.settings.agreement.transfer.mapping, Mapping::TargetId { fresh: true });
        let input = TargetInput { target: cell.target(), fresh: self.fresh(fresh) };
        let standard = self.settings.agreement.transfer.mapping == Mapping::Nonce;
        match self.ues.get_mut(&id) {
            Some(ue) if standard => {
                let count = ue.keys.nas.next_count(LinkDirection::Downlink);
                // No message has it then.
                ue.keys.nas.leave_out(LinkDirection::Downlink);
                (ck_ik_of_count(ue.keys.kasme(), count), Told::Number(count))
            }
            Some(ue) => {
                let made_of = ue.origin.made_of.as_ref().map(|(keys, _)| keys);
                (way_back(&input, ue.keys.kasme(), made_of), Told::Target(input))
            }
            None => (CkIk::from_octets([0; 32]), Told::Target(input)),
        }
    }

    /// The SGSN has answered: the UE is told of its keys, and commanded.
    fn utran_answered(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: ForwardRelocationResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(UeContext { place: Some(place), handover, .. }) = self.ues.get_mut(&id) else { return };
        let (ids, enb) = (UeS1apIds { mme: id, enb: place.id }, place.enb);
        let Some(Handover::ToUtran { to_utran: ToUtran { sgsn, peer, told }, .. }) = handover else { return };
        if *sgsn != from {
            return;
        }
        let Some(RelocationGrant { sender, container, .. }) = response.grant else {
            *handover = None;
            let cause = Cause::radioNetwork(CauseRadioNetwork::ho_failure_in_target_EPC_eNB_or_target_system);
            return self.refuse(enb, ids, cause, outbox);
        };
        *peer = sender.teid;
        let mut nas_security = 0;
        match *told {
            Told::Number(count) => nas_security = (count & 0xf) as u8,
            Told::Target(input) => {
                let message = GenericContainer::of_target(&input).map(EmmMessage::DownlinkGenericTransport);
                let Ok(message) = message else { return };
                let nas = self.protect(id, SecurityHeader::IntegrityCiphered, &message, outbox);
                let Some(nas_pdu) = nas else { return };
                self.send(enb, DownlinkNasTransport { ue: ids, nas_pdu }, outbox);
            }
        }
        self.send(enb, HandoverToUtranCommand { ue: ids, nas_security, container }, outbox);
    }

    /// The UE has come to UTRAN, and is forgotten here.
    fn gone_to_utran(&mut self, from: Ipv4Addr, id: MmeUeS1apId, sequence: u16, outbox: &mut Outbox<Event>) {
        let of =
            |ue: &UeContext| matches!(&ue.handover, Some(Handover::ToUtran { to_utran, .. }) if to_utran.sgsn == from);
        let gone = self.ues.get(&id).is_some_and(of).then(|| self.ues.remove(&id)).flatten();
        let Some(UeContext { place, bearer, up, handover: Some(Handover::ToUtran { to_utran, .. }), .. }) = gone else {
            return;
        };
        let acknowledge = Gtpv1Body::ForwardRelocationCompleteAcknowledge(Gtpv1Cause::ACCEPTED);
        self.answer_sgsn(from, to_utran.peer, sequence, acknowledge, outbox);
        if up.is_some() {
            self.leave_upe(bearer, bearer.tunnel, outbox);
        }
        if let Some(place) = place {
            let ue = UeS1apIds { mme: id, enb: place.id };
            self.release(place.enb, ue, CauseRadioNetwork::successful_handover, outbox);
        }
    }

    /// The UE is not to go to UTRAN.
    pub(super) fn cancel_to_utran(&mut self, to_utran: &ToUtran, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let body = Gtpv1Body::RelocationCancelRequest(RelocationCancelRequest { imsi });
        self.ask_sgsn(to_utran.sgsn, to_utran.peer, body, outbox);
    }
}
