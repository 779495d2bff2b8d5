//! Temporary identities and tracking areas (TS 23.003 clause 2.8, TS 24.301 clause 5.5.3): a UE that has come from another MME says where
//! it is, and is given a temporary identity that names this one.

use rand_core::Rng;

use super::Mme;
use crate::emulation::Outbox;
use crate::eps::identifiers::{Guti, MTmsi, MmeUeS1apId, Tai};
use crate::eps::node::event::Event;
use crate::eps::wire::nas::{EmmMessage, SecurityHeader};
use crate::eps::wire::s1ap::{DownlinkNasTransport, UeS1apIds};
use crate::time::VirtualTime;

/// The two highest bits of an M-TMSI, which tell it from a P-TMSI (TS 23.003 clause 2.8.2.1.3).
const M_TMSI: u32 = 0xc000_0000;
/// EPS update result: TA updated.
const UPDATED: u8 = 0;

impl Mme {
    /// A temporary identity for a UE, at random, that nobody has here; none if this MME has no name. Until the UE has confirmed it, that
    /// which it had holds too.
    pub(super) fn new_guti(&mut self, id: MmeUeS1apId) -> Option<Guti> {
        let gummei = self.gummei()?;
        let (random, ues) = (&mut self.random, &self.ues);
        let given = |guti: &Guti| ues.values().any(|ue| ue.gutis.contains(&Some(*guti)));
        let drawn = (0..256).map(|_| Guti { gummei, m_tmsi: MTmsi(M_TMSI | random.next_u32()) });
        let guti = drawn.into_iter().find(|guti| !given(guti))?;
        self.ues.get_mut(&id)?.gutis[1] = Some(guti);
        Some(guti)
    }

    /// A UE that is served says that it is in this tracking area.
    pub(super) fn update_area(&mut self, now: VirtualTime, id: MmeUeS1apId, tai: Tai, outbox: &mut Outbox<Event>) {
        let guti = self.new_guti(id);
        let Some(place) = self.ues.get(&id).and_then(|ue| ue.place) else { return };
        let accept = EmmMessage::TrackingAreaUpdateAccept { result: UPDATED, guti, tai: Some(tai) };
        let Some(nas_pdu) = self.protect(id, SecurityHeader::IntegrityCiphered, &accept, outbox) else { return };
        let ue = UeS1apIds { mme: id, enb: place.id };
        self.send(place.enb, DownlinkNasTransport { ue, nas_pdu }, outbox);
        self.register(id, outbox);
        self.renew_weak(now, id, outbox);
    }

    /// The UE has taken the temporary identity: the one before it says nothing any more.
    pub(super) fn identity_confirmed(&mut self, id: MmeUeS1apId) {
        if let Some(ue) = self.ues.get_mut(&id)
            && let Some(guti) = ue.gutis[1].take()
        {
            ue.gutis[0] = Some(guti);
        }
    }

    /// The UE that has a temporary identity of this MME.
    pub(super) fn ue_of(&self, guti: Guti) -> Option<MmeUeS1apId> {
        self.ues.iter().find(|(_, ue)| ue.gutis.contains(&Some(guti))).map(|(id, _)| *id)
    }
}
