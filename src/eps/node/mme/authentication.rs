//! Authentication with vectors of the HSS (TS 33.401 clause 6.1, TS 24.301 clause 5.4.2): of a UE that has come by itself, and anew of
//! one that is served, whose keys of all layers change then (TS 33.401 clause 7.2.9).

use std::net::Ipv4Addr;

use subtle::ConstantTimeEq;

use super::arrival::{Arriving, Request, SETTING_UP};
use super::{
    ANSWER, Before, CHALLENGE, CHALLENGE_TRIES, ContextOrigin, Mme, ModeCommand, Place, SECURITY_MODE,
    SECURITY_MODE_TRIES, UeContext,
};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::{Ebi, Imsi, MmeUeS1apId, Tai};
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::gateway::uplink_tunnel;
use crate::eps::node::settings::KEY_SET;
use crate::eps::parameters::{Algorithms, Origin};
use crate::eps::security::parties::MmeKeys;
use crate::eps::wire::diameter::Resynchronisation;
use crate::eps::wire::gtpv2::AuthenticationQuadruplet;
use crate::eps::wire::nas::{EmmCause, EmmMessage, NasKsi, SecurityHeader};
use crate::eps::wire::s1ap::{CauseNas, DownlinkNasTransport, UeContextModificationRequest, UeS1apIds};
use crate::eps::wire::{Erab, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// Key sets are numbered 0 to 6.
const KEY_SETS: u8 = 7;

/// An authentication that is going on.
pub(super) struct Authentication {
    imsi: Imsi,
    place: Place,
    /// Of a UE that has come by itself and has no keys here: what it can, and where it is.
    arrival: Option<(UeSecurityCapabilities, Tai)>,
    /// Which KASME it is to be.
    key_set: NasKsi,
    stage: Stage,
    resynchronised: bool,
    pub(super) ends: VirtualTime,
}

enum Stage {
    /// The HSS is asked, with this number.
    Vector(u32),
    /// The UE is asked.
    Challenge { vector: Box<AuthenticationQuadruplet>, tries: u8 },
}

/// The keys of the air are to be those of a new KASME, and the eNB has not said yet that they are in use.
pub(super) struct Renewing {
    /// What the eNB is to get waits for the UPE.
    upe_asked: bool,
    tries: u8,
    pub(super) ends: VirtualTime,
}

impl Authentication {
    /// Whether it is of a UE that has come by itself to there.
    pub(super) fn is_arrival_at(&self, place: Place) -> bool {
        self.arrival.is_some() && self.place == place
    }
}

impl Mme {
    /// A UE has come and says who it is.
    pub(super) fn authenticate_arrival(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        place: Place,
        arrival: (UeSecurityCapabilities, Tai),
        outbox: &mut Outbox<Event>,
    ) {
        self.authentications.remove(&id);
        self.authenticate(now, id, (place, NasKsi::new(KEY_SET)), Some(arrival), outbox);
    }

    /// A UE that is served is to be authenticated anew. Not while its keys or its eNB change.
    pub(super) fn authenticate_anew(&mut self, now: VirtualTime, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let of = |ue: &UeContext| ue.imsi == imsi && ue.handover.is_none() && !ue.is_changing();
        let found = self.ues.iter().find(|(_, ue)| of(ue));
        let Some((id, place, key_set)) = found.and_then(|(id, ue)| Some((*id, ue.place?, ue.key_set))) else { return };
        if !self.authentications.contains_key(&id) {
            let key_set = NasKsi::new((key_set.get() + 1) % KEY_SETS);
            self.authenticate(now, id, (place, key_set), None, outbox);
        }
    }

    /// A UE is here: if its context goes back to GSM it is authenticated anew, where that is done. If nothing comes of it, the next tracking
    /// area update leads to another.
    pub(super) fn renew_weak(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let weak = self.ues.get(&id).filter(|ue| self.settings.renews_weak && ue.origin.access == Origin::Gsm);
        if let Some(imsi) = weak.map(|ue| ue.imsi) {
            self.authenticate_anew(now, imsi, outbox);
        }
    }

    fn authenticate(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        (place, key_set): (Place, NasKsi),
        arrival: Option<(UeSecurityCapabilities, Tai)>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(imsi) = self.settings.subscribers.get(&id).copied() else { return };
        let Some(hop) = self.ask_vector(imsi, None, outbox) else {
            if arrival.is_some() {
                let reject = EmmMessage::AttachReject { cause: EmmCause::NETWORK_FAILURE };
                self.turn_away(id, place, &reject, outbox);
            }
            return;
        };
        let authentication = Authentication {
            imsi,
            place,
            arrival,
            key_set,
            stage: Stage::Vector(hop),
            resynchronised: false,
            ends: now + ANSWER,
        };
        self.authentications.insert(id, authentication);
    }

    /// The HSS has answered the request with this number.
    pub(super) fn vector_answered(
        &mut self,
        now: VirtualTime,
        hop: u32,
        vector: Option<AuthenticationQuadruplet>,
        outbox: &mut Outbox<Event>,
    ) {
        let asked = |stage: &Stage| matches!(stage, Stage::Vector(number) if *number == hop);
        let found = self.authentications.iter_mut().find(|(_, authentication)| asked(&authentication.stage));
        let Some((id, authentication)) = found.map(|(id, authentication)| (*id, authentication)) else { return };
        let Some(vector) = vector else { return self.give_up(id, outbox) };
        authentication.stage = Stage::Challenge { vector: Box::new(vector), tries: CHALLENGE_TRIES };
        self.challenge(now, id, outbox);
    }

    /// Sends the challenge, if a try is left.
    fn challenge(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(authentication) = self.authentications.get_mut(&id) else { return };
        let Stage::Challenge { vector, tries } = &mut authentication.stage else { return };
        let (Some(left), Ok(autn)) = (tries.checked_sub(1), <[u8; 16]>::try_from(&vector.autn[..])) else {
            return self.give_up(id, outbox);
        };
        *tries = left;
        authentication.ends = now + CHALLENGE;
        let (rand, key_set) = (vector.rand, authentication.key_set);
        let request = EmmMessage::AuthenticationRequest { key_set, rand, autn };
        self.tell_authenticated(id, &request, outbox);
    }

    /// Says something to a UE that is being authenticated: protected, if it has keys.
    fn tell_authenticated(&mut self, id: MmeUeS1apId, message: &EmmMessage, outbox: &mut Outbox<Event>) {
        let Some(Authentication { place, arrival, .. }) = self.authentications.get(&id) else { return };
        let (place, arrives) = (*place, arrival.is_some());
        if arrives {
            return self.tell_plainly(id, place, message, outbox);
        }
        let Some(nas_pdu) = self.protect(id, SecurityHeader::IntegrityCiphered, message, outbox) else { return };
        let ue = UeS1apIds { mme: id, enb: place.id };
        self.send(place.enb, DownlinkNasTransport { ue, nas_pdu }, outbox);
    }

    /// Nothing comes of an authentication: who has come by itself is turned away, who is served keeps its keys.
    fn give_up(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(Authentication { place, arrival, .. }) = self.authentications.remove(&id) else { return };
        if arrival.is_some() {
            let reject = EmmMessage::AttachReject { cause: EmmCause::NETWORK_FAILURE };
            self.turn_away(id, place, &reject, outbox);
        }
    }

    /// What a UE says to a challenge.
    pub(super) fn authentication_message(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        message: &EmmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(authentication) = self.authentications.get_mut(&id) else { return };
        let Stage::Challenge { vector, .. } = &authentication.stage else { return };
        match message {
            EmmMessage::AuthenticationResponse { res } if vector.xres[..].ct_eq(res).into() => {
                let Some(authentication) = self.authentications.remove(&id) else { return };
                self.authenticated(now, id, authentication, outbox);
            }
            EmmMessage::AuthenticationResponse { .. } => {
                let imsi = authentication.imsi;
                outbox.report(Event { ue: imsi, what: What::Dropped(DropReason::Authentication) });
                outbox.verdict(Verdict::rejected("refused: RES is wrong"));
                self.tell_authenticated(id, &EmmMessage::AuthenticationReject, outbox);
                let Some(Authentication { place, arrival, .. }) = self.authentications.remove(&id) else { return };
                match arrival {
                    Some(_) => self.release_place(id, place, CauseNas::authentication_failure, outbox),
                    None => self.leave(id, outbox),
                }
            }
            EmmMessage::AuthenticationFailure { cause: EmmCause::SYNCH_FAILURE, auts: Some(auts) }
                if !authentication.resynchronised =>
            {
                let said = Resynchronisation { rand: vector.rand, auts: *auts };
                let imsi = authentication.imsi;
                let Some(hop) = self.ask_vector(imsi, Some(said), outbox) else { return self.give_up(id, outbox) };
                if let Some(authentication) = self.authentications.get_mut(&id) {
                    (authentication.stage, authentication.resynchronised) = (Stage::Vector(hop), true);
                    authentication.ends = now + ANSWER;
                }
            }
            EmmMessage::AuthenticationFailure { .. } => self.give_up(id, outbox),
            // Of the rest nothing follows.
            _ => {}
        }
    }

    /// The UE is who it says: KASME of the vector comes into use by a NAS security mode command; NAS COUNTs begin at 0.
    fn authenticated(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        authentication: Authentication,
        outbox: &mut Outbox<Event>,
    ) {
        let Authentication { imsi, place, arrival, key_set, stage, .. } = authentication;
        let Stage::Challenge { vector, .. } = stage else { return };
        outbox.report(Event { ue: imsi, what: What::Authenticated });
        let derivation = self.settings.agreement.derivation;
        let ends = now + SECURITY_MODE;
        match arrival {
            Some((capabilities, tai)) => {
                let Some(algorithms) = self.best_algorithms(capabilities) else {
                    let reject = EmmMessage::AttachReject { cause: EmmCause::CAPABILITIES_MISMATCH };
                    return self.turn_away(id, place, &reject, outbox);
                };
                let (keys, _) = MmeKeys::establish(vector.kasme, algorithms, derivation);
                let arriving =
                    Arriving { request: Request::Attach, tai, peer: None, nonces: None, ends: now + SETTING_UP };
                let context = UeContext {
                    imsi,
                    keys,
                    place: Some(place),
                    handover: None,
                    mode: Some(ModeCommand { before: Before::Nothing, tries: 1, ends }),
                    switching: false,
                    capabilities,
                    bearer: Erab { ebi: Ebi::FIRST, tunnel: uplink_tunnel(self.settings.gateway, id) },
                    up: None,
                    // The gateway knows it; 0.0.0.0 leaves it open (TS 24.301 clause 6.2.2).
                    address: Ipv4Addr::UNSPECIFIED,
                    key_set,
                    gutis: [None; 2],
                    arriving: Some(arriving),
                    renewing: None,
                    given: None,
                    registered: false,
                    locating: None,
                    origin: ContextOrigin::default(),
                };
                self.admit(id, context, outbox);
            }
            None => {
                let Some(ue) = self.ues.get_mut(&id) else { return };
                let algorithms = ue.keys.nas.algorithms();
                let (keys, _) = MmeKeys::establish(vector.kasme, algorithms, derivation);
                let before = (std::mem::replace(&mut ue.keys, keys), std::mem::replace(&mut ue.key_set, key_set));
                ue.mode = Some(ModeCommand { before: Before::Keys(Box::new(before)), tries: 1, ends });
                if let Some(ue) = self.ues.get(&id) {
                    self.holds_kasme(ue, outbox);
                    self.nas_in_use(ue, outbox);
                }
            }
        }
        self.command_mode(id, outbox);
    }

    /// The first of this MME's NAS algorithms that a UE has too.
    pub(super) fn best_algorithms(&self, capabilities: UeSecurityCapabilities) -> Option<Algorithms> {
        let possible = |algorithms: &&Algorithms| {
            capabilities.ciphers_with(algorithms.ciphering) && capabilities.protects_with(algorithms.integrity)
        };
        self.settings.nas_algorithms.iter().find(possible).copied()
    }

    /// A UE that is served has taken a new KASME into use: the keys of the air change too, and that with its UPE, if it has one.
    pub(super) fn renew_access(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.origin = ContextOrigin::default();
        }
        self.origin_in_use(id, outbox);
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.renew_up_key();
            ue.renewing = Some(Renewing { tries: SECURITY_MODE_TRIES, upe_asked: false, ends: now });
        }
        self.send_kenb(now, id, outbox);
    }

    /// Sends the eNB a KeNB of the last message of the UE, if that is what is waited for. A UPE gets its new key first: it has to have that
    /// when the UE uses it.
    pub(super) fn send_kenb(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(renewing) = ue.renewing.as_mut() else { return };
        (renewing.ends, renewing.upe_asked) = (now + SECURITY_MODE, true);
        if ue.up.is_some() { self.tell_renewed_key(id, outbox) } else { self.renewed_at_upe(id, outbox) }
    }

    /// The UPE of a UE, if it has one, has its new key: the eNB gets its new KeNB.
    pub(super) fn renewed_at_upe(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(UeContext { place: Some(place), renewing: Some(renewing), keys, .. }) = self.ues.get_mut(&id) else {
            return;
        };
        // Once: under a KeNB that is sent again COUNTs would begin at 0 again.
        if !std::mem::take(&mut renewing.upe_asked) {
            return;
        }
        let (place, kenb) = (*place, keys.renew_kenb());
        let ue = UeS1apIds { mme: id, enb: place.id };
        self.send(place.enb, UeContextModificationRequest { ue, kenb }, outbox);
    }

    /// The eNB has not answered. A KeNB that it may have used is not sent again, for COUNTs would begin at 0 under it once more: the UE is
    /// sent another security mode command, whose answer has another NAS COUNT. If no try is left, the keys of the air stay as they are.
    pub(super) fn renewal_unanswered(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(tries) = ue.renewing.take().and_then(|renewing| renewing.tries.checked_sub(1)) else { return };
        ue.renewing =
            Some(Renewing { tries, upe_asked: false, ends: now + SECURITY_MODE * u32::from(SECURITY_MODE_TRIES + 1) });
        let before = Before::Algorithms(ue.keys.nas.algorithms());
        ue.mode = Some(ModeCommand { before, tries: 1, ends: now + SECURITY_MODE });
        self.command_mode(id, outbox);
    }

    /// The keys of the air have changed.
    pub(super) fn renewed(&mut self, now: VirtualTime, from: Ipv4Addr, ids: UeS1apIds, outbox: &mut Outbox<Event>) {
        let place = Some(Place { enb: from, id: ids.enb });
        if let Some(ue) = self.ues.get_mut(&ids.mme).filter(|ue| ue.place == place) {
            ue.renewing = None;
            self.renew_weak(now, ids.mme, outbox);
        }
    }

    /// Nothing was answered for too long.
    pub(super) fn authentication_timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let over = self.authentications.iter().filter(|(_, authentication)| authentication.ends <= now);
        let over: Vec<MmeUeS1apId> = over.map(|(id, _)| *id).collect();
        for id in over {
            match self.authentications.get(&id).map(|authentication| &authentication.stage) {
                Some(Stage::Challenge { .. }) => self.challenge(now, id, outbox),
                _ => self.give_up(id, outbox),
            }
        }
    }
}
