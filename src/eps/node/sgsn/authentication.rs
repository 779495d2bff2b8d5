//! Authentication with vectors of the HSS (TS 33.102 clause 6.3, TS 24.008 clause 4.7.7): of a UE that attaches, and anew of one that is
//! served. Vectors come over S6d (TS 29.272) \[choice: not over Gr\]; the HSS is told of nothing else.

use std::net::Ipv4Addr;

use subtle::ConstantTimeEq;

use super::attach::p_tmsi;
use super::{Place, Setup, Sgsn, UeContext};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::{Imsi, MmeUeS1apId, Plmn};
use crate::eps::node::core_side::CoreMessage;
use crate::eps::node::event::{DropReason, Event, HeldKey, What};
use crate::eps::node::mme::{ANSWER, CHALLENGE, CHALLENGE_TRIES, EXECUTION};
use crate::eps::node::settings::KEY_SET;
use crate::eps::parameters::Origin;
use crate::eps::wire::diameter::{
    AuthenticationInformationRequest, AuthenticationQuintuplet, DiameterPeer, Resynchronisation, Vector, VectorAccess,
};
use crate::eps::wire::gmm::{GmmCause, GmmMessage};
use crate::eps::wire::ranap::SecurityModeCommand;
use crate::eps::wire::{DiameterBody, DiameterMessage, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// Key sets are numbered 0 to 6.
const KEY_SETS: u8 = 7;
/// A&C reference numbers 0 to 15.
const REFERENCES: u8 = 16;

/// An authentication that is going on.
pub(super) struct Authentication {
    imsi: Imsi,
    pub(super) place: Place,
    /// Of a UE that attaches: what it can in E-UTRAN.
    attaches: Option<UeSecurityCapabilities>,
    /// Which keys they are to be.
    key_set: u8,
    /// What the answer is to name.
    reference: u8,
    stage: Stage,
    resynchronised: bool,
    pub(super) ends: VirtualTime,
}

enum Stage {
    /// The HSS is asked, with this number.
    Vector(u32),
    /// The UE is asked.
    Challenge { vector: Box<AuthenticationQuintuplet>, tries: u8 },
}

impl Sgsn {
    /// The network that its cells are of; none if it has none.
    fn plmn(&self) -> Option<Plmn> {
        let own = self.core.address();
        let utran = self.settings.utran_cells.iter().find(|cell| cell.sgsn == own).map(|cell| cell.plmn);
        let geran = || self.settings.geran_cells.iter().find(|cell| cell.sgsn == own);
        utran.or_else(|| geran().map(|cell| cell.identity.area.plmn))
    }

    /// Asks the HSS for a vector, and with which number; none if there is none.
    fn ask_vector(
        &mut self,
        imsi: Imsi,
        resynchronisation: Option<Resynchronisation>,
        outbox: &mut Outbox<Event>,
    ) -> Option<u32> {
        let (hss, visited) = (self.settings.hss?, self.plmn()?);
        self.last_hop = self.last_hop.wrapping_add(1);
        let origin = DiameterPeer::sgsn(self.core.address(), visited);
        let (destination, access) = (DiameterPeer::hss(visited), VectorAccess::UtranGeran);
        let request = AuthenticationInformationRequest { destination, imsi, visited, access, resynchronisation };
        let body = DiameterBody::AuthenticationInformationRequest(request);
        let message = DiameterMessage::request(self.last_hop, origin, body);
        self.core.send(hss, &CoreMessage::Diameter(message), outbox);
        Some(self.last_hop)
    }

    pub(super) fn diameter(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        message: DiameterMessage,
        outbox: &mut Outbox<Event>,
    ) {
        if Some(from) != self.settings.hss {
            return outbox.verdict(Verdict::rejected("dropped: not from the HSS of this SGSN"));
        }
        let DiameterBody::AuthenticationInformationAnswer(answer) = message.body else {
            return outbox.verdict(Verdict::rejected("dropped: not for an SGSN"));
        };
        let asked = |authentication: &Authentication| matches!(authentication.stage, Stage::Vector(number) if number == message.hop_by_hop);
        let found = self.authentications.iter_mut().find(|(_, authentication)| asked(authentication));
        let Some((id, authentication)) = found.map(|(id, authentication)| (*id, authentication)) else { return };
        let Some(Vector::Utran(vector)) = answer.vector else { return self.give_up(id, outbox) };
        // It has them from now on, whatever becomes of the challenge.
        let held = What::KeyHeld(HeldKey::CkIk(vector.keys.clone()));
        outbox.report(Event { ue: authentication.imsi, what: held });
        authentication.reference = (authentication.reference + 1) % REFERENCES;
        authentication.stage = Stage::Challenge { vector: Box::new(vector), tries: CHALLENGE_TRIES };
        self.challenge(now, id, outbox);
    }

    /// A UE attaches, and says who it is.
    pub(super) fn authenticate_attach(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        place: Place,
        capabilities: UeSecurityCapabilities,
        outbox: &mut Outbox<Event>,
    ) {
        self.authentications.remove(&id);
        self.authenticate(now, id, (place, KEY_SET), Some(capabilities), outbox);
    }

    /// A UE that is served is to be authenticated anew. Not while its keys or its RNC change.
    pub(super) fn authenticate_anew(&mut self, now: VirtualTime, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let found = self.ues.iter().find(|(_, ue)| ue.imsi == imsi && ue.is_settled());
        let Some((id, place, key_set)) = found.and_then(|(id, ue)| Some((*id, ue.place?, ue.key_set))) else { return };
        if !self.authentications.contains_key(&id) {
            self.authenticate(now, id, (place, (key_set + 1) % KEY_SETS), None, outbox);
        }
    }

    fn authenticate(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        (place, key_set): (Place, u8),
        attaches: Option<UeSecurityCapabilities>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(imsi) = self.settings.subscribers.get(&id).copied() else { return };
        let Some(hop) = self.ask_vector(imsi, None, outbox) else {
            if attaches.is_some() {
                self.turn_away(id, place, &GmmMessage::AttachReject { cause: GmmCause::NETWORK_FAILURE }, outbox);
            }
            return;
        };
        let stage = Stage::Vector(hop);
        let (reference, resynchronised, ends) = (0, false, now + ANSWER);
        let authentication = Authentication { imsi, place, attaches, key_set, reference, stage, resynchronised, ends };
        self.authentications.insert(id, authentication);
    }

    /// Sends the challenge, if a try is left.
    fn challenge(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(authentication) = self.authentications.get_mut(&id) else { return };
        let Authentication { place, key_set, reference, .. } = *authentication;
        let Stage::Challenge { vector, tries } = &mut authentication.stage else { return };
        let (Some(left), Ok(autn)) = (tries.checked_sub(1), <[u8; 16]>::try_from(&vector.autn[..])) else {
            return self.give_up(id, outbox);
        };
        *tries = left;
        let rand = vector.rand;
        authentication.ends = now + CHALLENGE;
        let request = GmmMessage::AuthenticationRequest { reference, key_set, rand, autn };
        self.tell(id, place, &request, outbox);
    }

    /// Nothing comes of an authentication: who attaches is turned away, who is served keeps its keys.
    fn give_up(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(Authentication { place, attaches, .. }) = self.authentications.remove(&id) else { return };
        if attaches.is_some() {
            self.turn_away(id, place, &GmmMessage::AttachReject { cause: GmmCause::NETWORK_FAILURE }, outbox);
        }
    }

    /// What a UE says to a challenge.
    pub(super) fn authentication_message(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        message: &GmmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(authentication) = self.authentications.get_mut(&id) else { return };
        let Authentication { imsi, reference, resynchronised, place, .. } = *authentication;
        let Stage::Challenge { vector, .. } = &authentication.stage else { return };
        match message {
            GmmMessage::AuthenticationResponse { reference: named, .. } if *named != reference => {
                outbox.verdict(Verdict::rejected("dropped: the answer to another challenge"));
            }
            GmmMessage::AuthenticationResponse { res, .. } if vector.xres[..].ct_eq(res).into() => {
                let Some(authentication) = self.authentications.remove(&id) else { return };
                self.authenticated(now, id, authentication, outbox);
            }
            GmmMessage::AuthenticationResponse { .. } => {
                outbox.report(Event { ue: imsi, what: What::Dropped(DropReason::Authentication) });
                outbox.verdict(Verdict::rejected("refused: RES is wrong"));
                let served = self.authentications.remove(&id).is_some_and(|ended| ended.attaches.is_none());
                if served {
                    self.ues.remove(&id);
                }
                self.turn_away(id, place, &GmmMessage::AuthenticationReject, outbox);
            }
            GmmMessage::AuthenticationFailure { cause: GmmCause::SYNCH_FAILURE, auts: Some(auts) }
                if !resynchronised =>
            {
                let said = Resynchronisation { rand: vector.rand, auts: *auts };
                let Some(hop) = self.ask_vector(imsi, Some(said), outbox) else { return self.give_up(id, outbox) };
                if let Some(authentication) = self.authentications.get_mut(&id) {
                    (authentication.stage, authentication.resynchronised) = (Stage::Vector(hop), true);
                    authentication.ends = now + ANSWER;
                }
            }
            GmmMessage::AuthenticationFailure { .. } => self.give_up(id, outbox),
            // Of the rest nothing follows.
            _ => {}
        }
    }

    /// The UE is who it says. In UTRAN its RNC gets CK and IK, and has them taken into use; in GERAN they are in use.
    fn authenticated(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        authentication: Authentication,
        outbox: &mut Outbox<Event>,
    ) {
        let Authentication { imsi, place, attaches, key_set, stage, .. } = authentication;
        let Stage::Challenge { vector, .. } = stage else { return };
        let keys = vector.keys;
        outbox.report(Event { ue: imsi, what: What::Authenticated });
        let ends = now + EXECUTION;
        match attaches {
            Some(capabilities) => {
                let setup = Some(Setup::Keys { ends });
                let pdp = self.pdp(id);
                let (origin, relocation, place) = (Origin::Umts, None, Some(place));
                let keys = keys.clone();
                let (p_tmsi, given) = (Some(p_tmsi(id)), None);
                let ue = UeContext {
                    imsi,
                    keys,
                    origin,
                    capabilities,
                    place,
                    pdp,
                    relocation,
                    setup,
                    key_set,
                    p_tmsi,
                    given,
                };
                self.ues.insert(id, ue);
            }
            None => {
                // The challenge was for one that was served there.
                let served = |ue: &&mut UeContext| ue.place == Some(place) && ue.is_settled();
                let Some(ue) = self.ues.get_mut(&id).filter(served) else { return };
                let before = (ue.key_set, std::mem::replace(&mut ue.keys, keys.clone()));
                ue.key_set = key_set;
                ue.setup = Some(Setup::KeyChange { before, ends });
            }
        }
        match place {
            Place::Rnc(rnc) => self.tell_rnc(rnc, id, SecurityModeCommand { keys }, outbox),
            Place::Bss(..) => self.keys_taken(now, id, outbox),
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
