//! The UPE of a UE that comes by itself, or whose keys change where it is.
//!
//! A UE that was authenticated has another KASME, and so another key with its UPE, the first of that KASME; COUNT begins at 0. One that
//! comes with the context of another MME keeps its UPE, its key and COUNT, whatever UPE its cell has \[choice\].

use std::net::Ipv4Addr;

use super::relocation::APN;
use super::{Mme, Place, UeContext, UserPlane};
use crate::emulation::Outbox;
use crate::eps::identifiers::{MmeUeS1apId, Teid};
use crate::eps::keys::UpKey;
use crate::eps::node::event::Event;
use crate::eps::wire::gtpv2::{CreateSessionRequest, CreateSessionResponse, ModifyBearerRequest, SessionGrant};
use crate::eps::wire::{Erab, Gtpv2Body, TunnelEndpoint};
use crate::time::VirtualTime;

impl UeContext {
    /// The first key of its KASME, for the ciphering algorithm that NAS has \[choice\].
    fn first_up_key(&self) -> UpKey {
        UpKey::derive(self.keys.kasme(), 0, self.keys.nas.algorithms().ciphering)
    }

    /// Its KASME is new: so is the key with its UPE, if it has one.
    pub(super) fn renew_up_key(&mut self) {
        let key = self.first_up_key();
        if let Some(up) = &mut self.up {
            (up.key, up.last_update) = (key, 0);
        }
    }
}

impl Mme {
    /// Asks the UPE of the cell to take a UE that was authenticated and has none; whether that is to be waited for.
    pub(super) fn asks_upe(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) -> bool {
        let sender = self.control_tunnel(id);
        let Some(ue) = self.ues.get_mut(&id) else { return false };
        let at = |place: &Place| self.settings.cells.iter().find(|cell| cell.address == place.enb);
        let upe = ue.place.as_ref().and_then(at).and_then(|cell| cell.upe);
        let (Some(upe), None) = (upe, &ue.up) else { return false };
        let Some(arriving) = &mut ue.arriving else { return false };
        arriving.ends = now + super::arrival::SETTING_UP;
        // Without UPEs the bearer leads to the gateway: that is the anchor.
        let (anchor, key) = (ue.bearer.tunnel, ue.first_up_key());
        ue.bearer = Erab { tunnel: TunnelEndpoint { address: upe, ..anchor }, ..ue.bearer };
        ue.up = Some(UserPlane { anchor, key: key.clone(), last_update: 0 });
        let bearer = Erab { tunnel: anchor, ..ue.bearer };
        let (imsi, address) = (ue.imsi, ue.address);
        let request =
            CreateSessionRequest { imsi, sender, apn: APN.to_owned(), address, bearer, afresh: true, up: Some(key) };
        self.request(upe, Teid(0), Gtpv2Body::CreateSessionRequest(request), outbox);
        true
    }

    /// The UPE takes a UE that has come by itself, or not; whether the answer is about such a one.
    pub(super) fn session_of_arrival(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: &CreateSessionResponse,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        if self.rlos_session(now, from, id, response, outbox) {
            return true;
        }
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.arriving.is_some()) else { return false };
        if ue.up.is_none() || ue.bearer.tunnel.address != from {
            return false;
        }
        match &response.grant {
            Some(SessionGrant { bearer, .. }) => {
                ue.bearer.tunnel = bearer.tunnel;
                self.set_up(now, id, outbox);
            }
            None => {
                ue.up = None;
                self.abandon(id, outbox);
            }
        }
        true
    }

    /// Tells the UPE of a UE the key that takes the place of the one in use.
    pub(super) fn tell_renewed_key(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(UeContext { bearer, up: Some(up), .. }) = self.ues.get(&id) else { return };
        let (tunnel, up) = (bearer.tunnel, Some(up.key.clone()));
        let request = ModifyBearerRequest { sender: None, bearers: Vec::new(), up };
        self.request(tunnel.address, tunnel.teid, Gtpv2Body::ModifyBearerRequest(request), outbox);
    }
}
