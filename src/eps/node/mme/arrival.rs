//! UEs that come by themselves: what the first message of a connection says, and how the context of a UE is set up at its eNB (TS 23.401
//! clauses 5.3.2.1 and 5.3.3.1).
//!
//! A UE that says its IMSI is authenticated; one with a temporary identity of another MME comes with the context that this has, and one
//! that was idle in UTRAN with that of its SGSN.
//! \[choice\] A UE keeps its bearer and its address at the gateway: nothing is set up there, its path is switched.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::rlos::Asking;
use super::{EXECUTION, Mme, Place, Source, UeContext};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Tai};
use crate::eps::node::event::{Event, What};
use crate::eps::wire::UeSecurityCapabilities;
use crate::eps::wire::nas::emm::ATTACH_FOR_RLOS;
use crate::eps::wire::nas::{EmmCause, EmmMessage, EpsMobileIdentity, NasMessage, Nonces, SecurityHeader, esm};
use crate::eps::wire::s1ap::{
    Cause, CauseNas, DownlinkNasTransport, InitialContextSetupRequest, InitialContextSetupResponse, InitialUeMessage,
    SetupBearer, UeContextReleaseCommand, UeS1apIds,
};
use crate::time::VirtualTime;

/// What S1 calls a UE that is turned away before the MME knows who it is; nobody has this number.
pub(super) const NOBODY: MmeUeS1apId = MmeUeS1apId(u32::MAX);
/// EPS attach result: EPS only.
const EPS_ONLY: u8 = 1;
/// EPS update result: TA updated.
const UPDATED: u8 = 0;
/// T3412: 9 hours and 20 minutes in units of ten minutes; nothing is idle here for that long.
const T3412: u8 = 0x58;
/// Procedure transaction of a UE's connection to the packet network, the first of the UE.
const TRANSACTION: u8 = 1;
/// How long a UE may take from when its keys are there, with NAS security mode commands, to the set-up of its context.
pub(in crate::eps::node) const SETTING_UP: Duration = Duration::from_secs(8);

/// A UE whose context is being set up at the eNB that it has come to.
pub(super) struct Arriving {
    pub(super) request: Request,
    /// Where it is.
    pub(super) tai: Tai,
    /// The node that has given its context, and the number of the request.
    pub(super) peer: Option<Source>,
    /// What its KASME is made of besides CK and IK, if it comes out of UTRAN.
    pub(super) nonces: Option<Nonces>,
    pub(super) ends: VirtualTime,
}

/// What a UE wants.
#[derive(Clone, Copy)]
pub(super) enum Request {
    Attach,
    Update,
}

impl Mme {
    /// The first message of a UE's connection.
    pub(super) fn initial(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        message: &InitialUeMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let (place, tai) = (Place { enb: from, id: message.enb_ue_id }, message.tai);
        match NasMessage::parse(&message.nas_pdu) {
            Ok(NasMessage::Plain(EmmMessage::AttachRequest {
                attach_type: ATTACH_FOR_RLOS,
                identity,
                capability,
                esm,
                elements,
                ..
            })) => {
                let octets = &message.nas_pdu[..];
                let asking = Asking { place, tai, identity, capability, esm: &esm, elements: &elements, octets };
                self.attach_for_rlos(now, &asking, outbox);
            }
            Ok(NasMessage::Plain(EmmMessage::AttachRequest { identity, capability, .. })) => {
                let octets = [capability.ciphering.0, capability.integrity.0];
                let capabilities = UeSecurityCapabilities::from_nas_octets(octets);
                let id = match identity {
                    EpsMobileIdentity::Imsi(imsi) => self.number_of(imsi).ok_or(EmmCause::IMSI_UNKNOWN),
                    // Another's says nothing here, and who has one of this MME's does not attach.
                    EpsMobileIdentity::Guti(_) => Err(EmmCause::IDENTITY_UNKNOWN),
                };
                match id {
                    Ok(id) => self.authenticate_arrival(now, id, place, (capabilities, tai), outbox),
                    Err(cause) => self.turn_away(NOBODY, place, &EmmMessage::AttachReject { cause }, outbox),
                }
            }
            Ok(NasMessage::Plain(EmmMessage::TrackingAreaUpdateRequest {
                old_guti,
                from_utran: Some(from_utran),
                ..
            })) => self.ask_old_sgsn(now, (place, tai), old_guti, &from_utran, outbox),
            Ok(NasMessage::Protected(update)) if update.header == SecurityHeader::Integrity => {
                match EmmMessage::parse(&update.message) {
                    Ok(EmmMessage::TrackingAreaUpdateRequest { old_guti, .. }) => {
                        self.ask_old_node(now, (place, tai), old_guti, &message.nas_pdu, outbox);
                    }
                    _ => self.release_place(NOBODY, place, CauseNas::unspecified, outbox),
                }
            }
            _ => self.release_place(NOBODY, place, CauseNas::unspecified, outbox),
        }
    }

    /// What S1 calls a subscriber.
    pub(super) fn number_of(&self, imsi: Imsi) -> Option<MmeUeS1apId> {
        self.settings.subscribers.iter().find(|(_, subscriber)| **subscriber == imsi).map(|(id, _)| *id)
    }

    /// Ends the connection of a UE.
    pub(super) fn release_place(
        &mut self,
        id: MmeUeS1apId,
        Place { enb, id: enb_id }: Place,
        cause: CauseNas,
        outbox: &mut Outbox<Event>,
    ) {
        let ue = UeS1apIds { mme: id, enb: enb_id };
        self.send(enb, UeContextReleaseCommand { ue, cause: Cause::nas(cause) }, outbox);
    }

    /// Tells a UE that has no keys here that it may not come, and ends its connection.
    pub(super) fn turn_away(
        &mut self,
        id: MmeUeS1apId,
        place: Place,
        message: &EmmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        self.tell_plainly(id, place, message, outbox);
        self.release_place(id, place, CauseNas::normal_release, outbox);
    }

    /// A tracking area update that leads to nothing: the UE is asked to say who it is, if it can be authenticated then.
    pub(super) fn turn_update_away(&mut self, place: Place, outbox: &mut Outbox<Event>) {
        let authenticates = self.settings.hss.is_some();
        let cause = if authenticates { EmmCause::IDENTITY_UNKNOWN } else { EmmCause::NETWORK_FAILURE };
        self.turn_away(NOBODY, place, &EmmMessage::TrackingAreaUpdateReject { cause }, outbox);
    }

    /// A NAS message that nothing protects.
    pub(super) fn tell_plainly(
        &mut self,
        id: MmeUeS1apId,
        Place { enb, id: enb_id }: Place,
        message: &EmmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        if let Ok(nas_pdu) = message.octets() {
            let ue = UeS1apIds { mme: id, enb: enb_id };
            self.send(enb, DownlinkNasTransport { ue, nas_pdu }, outbox);
        }
    }

    /// The context of a UE that has come by itself is complete; where it was before at this MME, it is not any more.
    pub(super) fn admit(&mut self, id: MmeUeS1apId, ue: UeContext, outbox: &mut Outbox<Event>) {
        self.leave(id, outbox);
        self.holds_kasme(&ue, outbox);
        self.nas_in_use(&ue, outbox);
        self.ues.insert(id, ue);
    }

    /// Forgets a UE, and has its eNB and its UPE forget it.
    pub(super) fn leave(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        self.call_off(id, outbox);
        let Some(ue) = self.ues.remove(&id) else { return };
        if let Some(place) = ue.place {
            self.release_place(id, place, CauseNas::normal_release, outbox);
        }
        self.end_rlos_session(id, ue.bearer, outbox);
        if ue.up.is_some() {
            self.leave_upe(ue.bearer, ue.bearer.tunnel, outbox);
        }
    }

    pub(super) fn origin_in_use(&self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        if let Some(ue) = self.ues.get(&id) {
            outbox.report(Event { ue: ue.imsi, what: What::ContextInUse(ue.origin.access) });
        }
    }

    /// Has the eNB set up the context of a UE that has come by itself; what the UE asked for is accepted with it.
    pub(super) fn set_up(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        if self.asks_upe(now, id, outbox) {
            return;
        }
        let guti = self.new_guti(id);
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let (Some(place), Some(arriving)) = (ue.place, ue.arriving.as_mut()) else { return };
        arriving.ends = now + EXECUTION;
        let (tai, request) = (arriving.tai, arriving.request);
        let kenb = ue.keys.renew_kenb();
        let accept = match request {
            Request::Attach => EmmMessage::AttachAccept {
                result: EPS_ONLY,
                t3412: T3412,
                tai,
                esm: esm::activate_default_bearer_request(TRANSACTION, ue.address.octets()).to_vec(),
                guti,
            },
            Request::Update => EmmMessage::TrackingAreaUpdateAccept { result: UPDATED, guti, tai: Some(tai) },
        };
        let (erab, capabilities) = (ue.bearer, ue.capabilities);
        let nas_pdu = self.protect(id, SecurityHeader::IntegrityCiphered, &accept, outbox);
        let ue = UeS1apIds { mme: id, enb: place.id };
        let bearers = vec![SetupBearer { erab, nas_pdu }];
        self.send(place.enb, InitialContextSetupRequest { ue, bearers, capabilities, kenb }, outbox);
    }

    /// The UE has its keys and its bearer at the eNB: gateway or UPE send its downlink there.
    pub(super) fn set_up_complete(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        response: &InitialContextSetupResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let (id, place) = (response.ue.mme, Place { enb: from, id: response.ue.enb });
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.place == Some(place)) else { return };
        let (Some(erab), Some(arriving)) = (response.bearers.first(), ue.arriving.take()) else { return };
        self.modify_bearer(id, erab.tunnel, true, outbox);
        if let Some(peer) = arriving.peer {
            self.tell_source(peer, true, outbox);
            if let Source::Mme(..) = peer {
                self.origin_in_use(id, outbox);
            }
        }
        self.register(id, outbox);
        if !self.is_rlos(id) {
            self.prefer_algorithms(now, id, outbox);
            self.renew_weak(now, id, outbox);
        }
    }

    /// The eNB cannot set up the context.
    pub(super) fn set_up_failed(&mut self, from: Ipv4Addr, ids: UeS1apIds, outbox: &mut Outbox<Event>) {
        let place = Some(Place { enb: from, id: ids.enb });
        if let Some(ue) = self.ues.get_mut(&ids.mme).filter(|ue| ue.place == place && ue.arriving.is_some()) {
            ue.place = None;
            self.abandon(ids.mme, outbox);
        }
    }

    /// A UE that has come by itself is not to be served: its eNB forgets it, and the MME that has given its context keeps that.
    pub(super) fn abandon(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let arriving = self.ues.get_mut(&id).and_then(|ue| ue.arriving.take());
        self.leave(id, outbox);
        if let Some(peer) = arriving.and_then(|arriving| arriving.peer) {
            self.tell_source(peer, false, outbox);
        }
    }

    /// An eNB has nothing to do with a UE any more. What the MME knows of it stays, for when it comes again, unless it has not come yet.
    pub(super) fn release_requested(&mut self, from: Ipv4Addr, ids: UeS1apIds, outbox: &mut Outbox<Event>) {
        let place = Place { enb: from, id: ids.enb };
        if self.authentications.get(&ids.mme).is_some_and(|authentication| authentication.is_arrival_at(place)) {
            self.authentications.remove(&ids.mme);
        }
        self.forget_half_open(place);
        let here = self.ues.get_mut(&ids.mme).filter(|ue| ue.place == Some(place));
        match here.map(|ue| (ue.place.take(), ue.arriving.is_some())) {
            Some((_, true)) => self.abandon(ids.mme, outbox),
            Some((_, false)) => self.call_off(ids.mme, outbox),
            None => {}
        }
        self.release_place(ids.mme, place, CauseNas::unspecified, outbox);
    }
}
