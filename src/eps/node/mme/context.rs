//! A UE comes with a temporary identity that another MME has given it: that is asked for its security context, and gives it to who shows
//! the UE's own message, whose MAC it checks (TS 23.401 clause 5.3.3.1, TS 33.401 clause 7.2.4.4).
//!
//! No challenge follows: KASME and the NAS COUNTs go on, KeNB is made of KASME and the uplink NAS COUNT of the message. \[choice\] The old
//! MME keeps the context until the new one has set it up at its eNB: a UE that is not taken there can go back. It leaves out one downlink
//! NAS COUNT, that of the answer to the UE, which the new MME uses.

use std::net::Ipv4Addr;

use super::arrival::{Arriving, Request, SETTING_UP};
use super::arrival_from_utran::OfUtran;
use super::nas::open;
use super::{ANSWER, ContextOrigin, Mme, Place, Source, UeContext, UserPlane};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::{Guti, Imsi, MmeUeS1apId, Tai, Teid};
use crate::eps::keys::UpRelocation;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::parameters::{Algorithms, LinkDirection};
use crate::eps::security::parties::MmeKeys;
use crate::eps::wire::gtpv2::mm_context::KsiAsme;
use crate::eps::wire::gtpv2::{self, ContextRequest, ContextResponse, GivenContext, GtpCause};
use crate::eps::wire::nas::{NasKsi, ProtectedNas};
use crate::eps::wire::{Erab, Gtpv2Body, TunnelEndpoint, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// Most UEs whose contexts are asked for at a time.
const MAX_ASKED: usize = 1024;
/// The bit of a TEID of S10 and Gn that stands for a request, and not for a UE.
pub(super) const OF_REQUEST: u32 = 0x8000_0000;

/// A UE whose context another MME was asked for, or an SGSN.
pub(super) struct Asked {
    pub(super) place: Place,
    pub(super) tai: Tai,
    pub(super) old: Ipv4Addr,
    /// Of a UE that comes out of UTRAN: what it has said.
    pub(super) of_utran: Option<OfUtran>,
    pub(super) ends: VirtualTime,
}

/// Another MME was given the context of a UE.
#[derive(Clone, Copy)]
pub(super) struct Given {
    to: Ipv4Addr,
    sequence: u32,
    pub(super) ends: VirtualTime,
}

impl Mme {
    /// Whether one more node may be asked.
    pub(super) fn has_room_to_ask(&self) -> bool {
        self.asked.len() < MAX_ASKED
    }

    /// At the new MME: a UE has come with this message, `update`.
    pub(super) fn ask_old_node(
        &mut self,
        now: VirtualTime,
        (place, tai): (Place, Tai),
        guti: Guti,
        update: &[u8],
        outbox: &mut Outbox<Event>,
    ) {
        let own = self.core.address();
        let old = self.settings.mmes.iter().find(|(gummei, address)| *gummei == guti.gummei && *address != own);
        let Some(old) = old.map(|(_, address)| *address).filter(|_| self.has_room_to_ask()) else {
            return self.turn_update_away(place, outbox);
        };
        let sequence = self.next_sequence();
        let sender = TunnelEndpoint { address: own, teid: Teid(OF_REQUEST | sequence) };
        let request = Gtpv2Body::ContextRequest(ContextRequest { guti, update: update.to_vec(), sender });
        self.asked.insert(sequence, Asked { place, tai, old, of_utran: None, ends: now + ANSWER });
        self.answer(old, Teid(0), sequence, request, outbox);
    }

    /// At the old MME: another has a UE of its.
    pub(super) fn context_requested(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        sequence: u32,
        request: ContextRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let ContextRequest { guti, update, sender } = request;
        let (imsi, context, cause) = match self.given_context(guti, &update, outbox) {
            Ok((id, context)) => {
                let imsi = self.ues.get_mut(&id).map(|ue| {
                    ue.given = Some(Given { to: from, sequence, ends: now + SETTING_UP });
                    ue.imsi
                });
                (imsi, Some(context), GtpCause::ACCEPTED)
            }
            Err(cause) => (None, None, cause),
        };
        let response = Gtpv2Body::ContextResponse(ContextResponse { cause, imsi, context });
        self.answer(from, sender.teid, sequence, response, outbox);
    }

    /// The context of the UE with a temporary identity, if the message is its own.
    fn given_context(
        &mut self,
        guti: Guti,
        update: &[u8],
        outbox: &mut Outbox<Event>,
    ) -> Result<(MmeUeS1apId, GivenContext), GtpCause> {
        let found = self.ue_of(guti).filter(|id| !self.authentications.contains_key(id));
        let id = found.ok_or(GtpCause::CONTEXT_NOT_FOUND)?;
        let sender = self.control_tunnel(id);
        let carries_origin = self.settings.agreement.transfer.carries_origin;
        let ue = self.ues.get_mut(&id).filter(|ue| ue.handover.is_none() && !ue.is_changing());
        let ue = ue.ok_or(GtpCause::CONTEXT_NOT_FOUND)?;
        let opened = match ProtectedNas::parse(update) {
            Ok(message) => open(&mut ue.keys.nas, &message),
            Err(error) => Err((DropReason::Malformed, error.to_string())),
        };
        if let Err((reason, text)) = opened {
            outbox.report(Event { ue: ue.imsi, what: What::Dropped(reason) });
            outbox.verdict(Verdict::rejected(format!("refused: {text}")));
            return Err(GtpCause::USER_AUTHENTICATION_FAILED);
        }
        let Algorithms { ciphering, integrity } = ue.keys.nas.algorithms();
        let [uplink_count, downlink_count] =
            [LinkDirection::Uplink, LinkDirection::Downlink].map(|direction| ue.keys.nas.next_count(direction));
        let mm_context = gtpv2::MmContext {
            ksi: KsiAsme::new(ue.key_set.get()),
            integrity,
            ciphering,
            downlink_count,
            uplink_count,
            kasme: ue.keys.kasme().clone(),
            next_hop: None,
            quadruplets: Vec::new(),
            ue_network_capability: ue.capabilities.nas_octets().to_vec(),
        };
        ue.keys.nas.leave_out(LinkDirection::Downlink);
        let up = ue.up.as_ref().map(|up| UpRelocation { key: up.key.clone(), last_update: up.last_update });
        let (connections, sgw) = (vec![ue.connection()], ue.bearer.tunnel);
        let origin = carries_origin.then_some(ue.origin.access);
        let context = GivenContext { mm_context, connections, sender, sgw, up, origin };
        Ok((id, context))
    }

    /// At the new MME: the old one has answered.
    pub(super) fn context_answered(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        sequence: u32,
        response: ContextResponse,
        outbox: &mut Outbox<Event>,
    ) {
        if self.asked.get(&sequence).is_none_or(|asked| asked.old != from || asked.of_utran.is_some()) {
            return;
        }
        let Some(Asked { place, tai, old, .. }) = self.asked.remove(&sequence) else { return };
        let id = response.imsi.and_then(|imsi| self.number_of(imsi));
        let (Some(id), Some(imsi), Some(context)) = (id, response.imsi, response.context) else {
            return self.turn_update_away(place, outbox);
        };
        let peer = TunnelEndpoint { address: old, ..context.sender };
        let Some(mut ue) = self.taken_context(imsi, context) else {
            self.tell_source(Source::Mme(peer, sequence), false, outbox);
            return self.turn_update_away(place, outbox);
        };
        outbox.report(Event { ue: imsi, what: What::OldNodeFound(old) });
        let (peer, ends) = (Some(Source::Mme(peer, sequence)), now + SETTING_UP);
        let arriving = Arriving { request: Request::Update, tai, peer, nonces: None, ends };
        (ue.place, ue.arriving) = (Some(place), Some(arriving));
        self.admit(id, ue, outbox);
        self.set_up(now, id, outbox);
    }

    /// A UE with the context that was given; none if that is not complete.
    fn taken_context(&self, imsi: Imsi, context: GivenContext) -> Option<UeContext> {
        let GivenContext { mm_context, connections, up, origin, .. } = context;
        let octets = *mm_context.ue_network_capability.first_chunk()?;
        let connection = connections.first()?;
        let bearer = connection.bearers.first()?;
        let anchor = bearer.pgw;
        let up = up.map(|UpRelocation { key, last_update }| UserPlane { anchor, key, last_update });
        if up.is_none() && self.settings.agreement.transfer.upe {
            return None;
        }
        let algorithms = Algorithms { ciphering: mm_context.ciphering, integrity: mm_context.integrity };
        let counts = [mm_context.uplink_count, mm_context.downlink_count];
        let derivation = self.settings.agreement.derivation;
        Some(UeContext {
            imsi,
            keys: MmeKeys::given(mm_context.kasme, counts, algorithms, derivation)?,
            place: None,
            handover: None,
            mode: None,
            switching: false,
            capabilities: UeSecurityCapabilities::from_nas_octets(octets),
            bearer: Erab { ebi: bearer.ebi, tunnel: bearer.sgw },
            up,
            address: connection.address,
            key_set: NasKsi::new(mm_context.ksi.get()),
            gutis: [None; 2],
            arriving: None,
            renewing: None,
            given: None,
            registered: false,
            locating: None,
            origin: ContextOrigin::told(origin),
        })
    }

    /// At the old MME: the new one serves the UE, or does not.
    pub(super) fn context_acknowledged(
        &mut self,
        from: Ipv4Addr,
        (id, sequence): (MmeUeS1apId, u32),
        cause: GtpCause,
        outbox: &mut Outbox<Event>,
    ) {
        let of = |given: &mut Given| given.to == from && given.sequence == sequence;
        let given = self.ues.get_mut(&id).and_then(|ue| ue.given.take_if(of));
        if given.is_some() && cause == GtpCause::ACCEPTED {
            // Its UPE serves it on.
            if let Some(ue) = self.ues.get_mut(&id) {
                ue.up = None;
            }
            self.leave(id, outbox);
        }
    }

    /// At the new MME: the old one has not answered.
    pub(super) fn asked_timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let over: Vec<u32> =
            self.asked.iter().filter(|(_, asked)| asked.ends <= now).map(|(sequence, _)| *sequence).collect();
        for sequence in over {
            if let Some(Asked { place, .. }) = self.asked.remove(&sequence) {
                self.turn_update_away(place, outbox);
            }
        }
    }
}
