//! What an MME says to its HSS, and that to it (TS 29.272 clause 5.2): it asks for vectors, says whom it serves, and hears who is served by
//! another.

use std::net::Ipv4Addr;

use super::Mme;
use crate::emulation::Outbox;
use crate::eps::identifiers::{Gummei, Imsi, MmeUeS1apId};
use crate::eps::node::core_side::CoreMessage;
use crate::eps::node::event::Event;
use crate::eps::wire::diameter::{
    AuthenticationInformationRequest, CancelLocationRequest, DiameterPeer, DiameterResult, Resynchronisation,
    UpdateLocationRequest, Vector, VectorAccess,
};
use crate::eps::wire::{DiameterBody, DiameterMessage};
use crate::time::VirtualTime;

impl Mme {
    /// What this MME is called; none if it is not told.
    pub(super) fn gummei(&self) -> Option<Gummei> {
        let own = self.core.address();
        self.settings.mmes.iter().find(|(_, address)| *address == own).map(|(gummei, _)| *gummei)
    }

    /// Asks the HSS, and with which number; none if there is none.
    fn ask_hss(&mut self, body: impl FnOnce(Gummei) -> DiameterBody, outbox: &mut Outbox<Event>) -> Option<u32> {
        let (hss, gummei) = (self.settings.hss?, self.gummei()?);
        self.last_hop = self.last_hop.wrapping_add(1);
        let message = DiameterMessage::request(self.last_hop, DiameterPeer::mme(gummei), body(gummei));
        self.core.send(hss, &CoreMessage::Diameter(message), outbox);
        Some(self.last_hop)
    }

    /// Asks for a vector.
    pub(super) fn ask_vector(
        &mut self,
        imsi: Imsi,
        resynchronisation: Option<Resynchronisation>,
        outbox: &mut Outbox<Event>,
    ) -> Option<u32> {
        let request = |Gummei { plmn, .. }| {
            let destination = DiameterPeer::hss(plmn);
            let access = VectorAccess::Eutran;
            let request =
                AuthenticationInformationRequest { destination, imsi, visited: plmn, access, resynchronisation };
            DiameterBody::AuthenticationInformationRequest(request)
        };
        self.ask_hss(request, outbox)
    }

    /// Says that it serves a UE from now on. Nobody waits for the answer.
    pub(super) fn register(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| !ue.registered) else { return };
        ue.registered = true;
        let imsi = ue.imsi;
        let request = |Gummei { plmn, .. }| {
            let destination = DiameterPeer::hss(plmn);
            DiameterBody::UpdateLocationRequest(UpdateLocationRequest { destination, imsi, visited: plmn })
        };
        let asked = self.ask_hss(request, outbox);
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.locating = asked;
        }
    }

    pub(super) fn diameter(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        message: DiameterMessage,
        outbox: &mut Outbox<Event>,
    ) {
        if Some(from) != self.settings.hss {
            return;
        }
        let DiameterMessage { hop_by_hop, end_to_end, session, body, .. } = message;
        match body {
            DiameterBody::AuthenticationInformationAnswer(answer) => {
                let vector = answer.vector.and_then(|vector| match vector {
                    Vector::Eutran(vector) => Some(vector),
                    Vector::Utran(_) | Vector::Geran(_) => None,
                });
                self.vector_answered(now, hop_by_hop, vector, outbox);
            }
            DiameterBody::CancelLocationRequest(CancelLocationRequest { imsi, .. }) => {
                let Some(gummei) = self.gummei() else { return };
                self.cancelled_by_hss(imsi, outbox);
                let origin = DiameterPeer::mme(gummei);
                let body = DiameterBody::CancelLocationAnswer(DiameterResult::SUCCESS);
                let message = DiameterMessage { hop_by_hop, end_to_end, session, origin, body };
                self.core.send(from, &CoreMessage::Diameter(message), outbox);
            }
            DiameterBody::UpdateLocationAnswer(_) => {
                let located = self.ues.values_mut().find(|ue| ue.locating == Some(hop_by_hop));
                located.into_iter().for_each(|ue| ue.locating = None);
            }
            // The rest is not for an MME.
            _ => {}
        }
    }

    /// Another MME serves a UE. Not if this one has said since then that it does: the HSS answers in order.
    fn cancelled_by_hss(&mut self, imsi: Imsi, outbox: &mut Outbox<Event>) {
        let id = self.number_of(imsi);
        let of = |id: &MmeUeS1apId| self.ues.get(id).is_some_and(|ue| ue.locating.is_none() && ue.arriving.is_none());
        if let Some(id) = id.filter(of) {
            self.leave(id, outbox);
        }
    }
}
