//! A UE that was idle in UTRAN comes by itself: its temporary identity names a routing area, whose SGSN is asked for CK and IK; of them, of
//! a nonce of the UE and one of the MME KASME is made, and a NAS security mode command with both nonces takes it into use (TS 33.401
//! clause 9.1.2, TS 23.401 Annex D.3.6).
//!
//! Nothing protects the UE's tracking area update: who it is shows when it answers the command. \[choice\] The SGSN hears that the UE is
//! here when its context is set up at its eNB, as an old MME does; until then it can go back.

use std::net::Ipv4Addr;

use rand_core::Rng;

use super::arrival::{Arriving, Request, SETTING_UP};
use super::context::{Asked, OF_REQUEST};
use super::utran::Told;
use super::{ANSWER, Before, ContextOrigin, Mme, ModeCommand, Place, SECURITY_MODE, Source, UeContext};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Guti, Tai, Teid};
use crate::eps::node::event::{Event, HeldKey, What};
use crate::eps::security::inter_system::kasme_of_nonces;
use crate::eps::security::parties::MmeKeys;
use crate::eps::wire::gtpv1::{
    Gtpv1Cause, PdpContext, SgsnContext, SgsnContextRequest, SgsnContextResponse, UmtsContext,
};
use crate::eps::wire::gtpv2::GtpCause;
use crate::eps::wire::nas::{EmmCause, EmmMessage, NasKsi, Nonces, UpdateFromUtran};
use crate::eps::wire::{Erab, Gtpv1Body, Gtpv2Body, TunnelEndpoint, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// What a UE has said of itself that was idle in UTRAN.
#[derive(Clone, Copy)]
pub(super) struct OfUtran {
    nonce: u32,
    capabilities: UeSecurityCapabilities,
}

impl Mme {
    /// A UE has come out of UTRAN with a tracking area update.
    pub(super) fn ask_old_sgsn(
        &mut self,
        now: VirtualTime,
        (place, tai): (Place, Tai),
        Guti { gummei, m_tmsi }: Guti,
        from_utran: &UpdateFromUtran,
        outbox: &mut Outbox<Event>,
    ) {
        let (plmn, lac, rac) = (gummei.plmn, gummei.group.0, gummei.code.0);
        let cell = self.settings.utran_cells.iter().find(|cell| (cell.plmn, cell.lac, cell.rac) == (plmn, lac, rac));
        let Some(old) = cell.map(|cell| cell.sgsn).filter(|_| self.has_room_to_ask()) else {
            return self.turn_update_away(place, outbox);
        };
        let octets = [from_utran.capability.ciphering.0, from_utran.capability.integrity.0];
        let capabilities = UeSecurityCapabilities::from_nas_octets(octets);
        let of_utran = Some(OfUtran { nonce: from_utran.nonce, capabilities });
        let sequence = self.next_sequence();
        let sender = TunnelEndpoint { address: self.core.address(), teid: Teid(OF_REQUEST | sequence) };
        let request = SgsnContextRequest { plmn, lac, rac, p_tmsi: m_tmsi.0, sender };
        self.asked.insert(sequence, Asked { place, tai, old, of_utran, ends: now + ANSWER });
        // The number has 16 bits; by the TEID of the answer it is told to which request it is.
        let body = Gtpv1Body::SgsnContextRequest(request);
        self.answer_sgsn(old, Teid(0), (sequence & 0xffff) as u16, body, outbox);
    }

    /// The SGSN has answered.
    pub(super) fn sgsn_answered(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        (teid, sequence): (Teid, u16),
        response: SgsnContextResponse,
        outbox: &mut Outbox<Event>,
    ) {
        let request = teid.0 & !OF_REQUEST;
        let asked = self.asked.get(&request).filter(|asked| asked.old == from);
        let Some(OfUtran { nonce, capabilities }) = asked.and_then(|asked| asked.of_utran) else { return };
        let Some(Asked { place, tai, .. }) = self.asked.remove(&request) else { return };
        let Some(SgsnContext { imsi, sender, context, origin, pdp }) = response.known else {
            return self.turn_update_away(place, outbox);
        };
        outbox.report(Event { ue: imsi, what: What::OldNodeFound(from) });
        let peer = Source::Sgsn(TunnelEndpoint { address: from, ..sender }, sequence);
        let complete = (self.number_of(imsi), context, self.best_algorithms(capabilities));
        let (Some(id), Some(UmtsContext { key_set, keys, .. }), Some(algorithms)) = complete else {
            self.tell_source(peer, false, outbox);
            let cause = EmmCause::NETWORK_FAILURE;
            let reject = EmmMessage::TrackingAreaUpdateReject { cause };
            return self.turn_away(super::arrival::NOBODY, place, &reject, outbox);
        };
        let fresh = !self.settings.faults.constant_nonce;
        let nonces = Nonces { ue: nonce, mme: if fresh { self.random.next_u32() } else { 0 } };
        let kasme = kasme_of_nonces(&keys, nonces.ue, nonces.mme);
        let PdpContext { nsapi, address, uplink, .. } = pdp;
        outbox.report(Event { ue: imsi, what: What::KeyHeld(HeldKey::CkIk(keys.clone())) });
        let ends = now + SETTING_UP;
        let arriving = Arriving { request: Request::Update, tai, peer: Some(peer), nonces: Some(nonces), ends };
        let (keys_of_it, _) = MmeKeys::establish(kasme, algorithms, self.settings.agreement.derivation);
        let ue = UeContext {
            imsi,
            keys: keys_of_it,
            place: Some(place),
            handover: None,
            mode: Some(ModeCommand { before: Before::Nothing, tries: 1, ends: now + SECURITY_MODE }),
            switching: false,
            capabilities,
            bearer: Erab { ebi: nsapi, tunnel: uplink },
            up: None,
            address,
            key_set: NasKsi::mapped(key_set),
            gutis: [None; 2],
            arriving: Some(arriving),
            renewing: None,
            given: None,
            registered: false,
            locating: None,
            origin: ContextOrigin { access: origin, made_of: Some((keys, Told::Number(nonces.mme))) },
        };
        self.admit(id, ue, outbox);
        self.command_mode(id, outbox);
    }

    /// Tells the node that has given the context of a UE whether the UE is served here.
    pub(super) fn tell_source(&mut self, peer: Source, served: bool, outbox: &mut Outbox<Event>) {
        match peer {
            Source::Mme(TunnelEndpoint { address, teid }, sequence) => {
                let cause = if served { GtpCause::ACCEPTED } else { GtpCause::NO_RESOURCES };
                self.answer(address, teid, sequence, Gtpv2Body::ContextAcknowledge(cause), outbox);
            }
            Source::Sgsn(TunnelEndpoint { address, teid }, sequence) => {
                let cause = if served { Gtpv1Cause::ACCEPTED } else { Gtpv1Cause::NO_RESOURCES };
                self.answer_sgsn(address, teid, sequence, Gtpv1Body::SgsnContextAcknowledge(cause), outbox);
            }
        }
    }
}
