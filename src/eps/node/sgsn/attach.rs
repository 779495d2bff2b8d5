//! UEs that attach (TS 23.060 clause 6.5, TS 24.008 clause 4.7.3): who has come is authenticated, gets keys, is accepted, and gets a bearer.
//!
//! \[choice\] A UE has its address and its tunnel at the gateway from before, as in an attach to an MME: no PDP context is set up, its path is
//! switched. What RANAP calls the connection of a UE is its number, so that an RNC cannot speak for another.

use std::net::Ipv4Addr;

use super::{Place, Setup, Sgsn, UeContext, downlink_tunnel, uplink_tunnel};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::{Ebi, Imsi, MmeUeS1apId};
use crate::eps::keys::Kc;
use crate::eps::node::event::{Event, What};
use crate::eps::node::gateway;
use crate::eps::node::mme::{CHALLENGE, CHALLENGE_TRIES, EXECUTION};
use crate::eps::parameters::Origin;
use crate::eps::security::inter_system::kc_of_ck_ik;
use crate::eps::wire::gmm::{GmmCause, GmmMessage, RoutingArea};
use crate::eps::wire::gtpv1::{PdpContext, UpdatePdpContextRequest};
use crate::eps::wire::ranap::{DirectTransfer, IuReleaseCommand, RabAssignmentRequest, RanapCause};
use crate::eps::wire::{Erab, Gtpv1Body};
use crate::time::VirtualTime;

/// What an SGSN calls a UE that attaches: P-TMSIs have these bits, of which the others are the number of the UE \[choice\].
pub(super) const fn p_tmsi(id: MmeUeS1apId) -> u32 {
    0xc000_0000 | id.0
}

impl Sgsn {
    /// What S1, Iu and Gn call a subscriber.
    pub(super) fn number_of(&self, imsi: Imsi) -> Option<MmeUeS1apId> {
        self.settings.subscribers.iter().find(|(_, subscriber)| **subscriber == imsi).map(|(id, _)| *id)
    }

    /// The connection to the packet network that every UE has.
    pub(super) fn pdp(&self, id: MmeUeS1apId) -> PdpContext {
        let uplink = gateway::uplink_tunnel(self.settings.gateway, id);
        // The gateway knows the address; 0.0.0.0 leaves it open, as in an attach to an MME.
        PdpContext { nsapi: Ebi::FIRST, address: Ipv4Addr::UNSPECIFIED, control: uplink.teid, uplink }
    }

    /// A message of mobility management to a UE.
    pub(super) fn tell(&mut self, id: MmeUeS1apId, place: Place, message: &GmmMessage, outbox: &mut Outbox<Event>) {
        let Ok(nas) = message.octets() else { return };
        match place {
            Place::Rnc(rnc) => self.tell_rnc(rnc, id, DirectTransfer { nas }, outbox),
            Place::Bss(bss, tlli) => self.gmm_to_bss(id, (bss, tlli), nas, outbox),
        }
    }

    /// Tells a UE that it may not come, or not stay, and ends its connection.
    pub(super) fn turn_away(
        &mut self,
        id: MmeUeS1apId,
        place: Place,
        message: &GmmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        self.tell(id, place, message, outbox);
        if let Place::Rnc(rnc) = place {
            self.tell_rnc(rnc, id, IuReleaseCommand { cause: RanapCause::NORMAL_RELEASE }, outbox);
        }
    }

    /// A message of mobility management of the UE that has this number, if it is one of those that attach.
    pub(super) fn gmm(
        &mut self,
        now: VirtualTime,
        place: Place,
        id: MmeUeS1apId,
        octets: &[u8],
        outbox: &mut Outbox<Event>,
    ) {
        let message = match GmmMessage::parse(octets) {
            Ok(message) => message,
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
        let challenged = self.authentications.get(&id).is_some_and(|authentication| authentication.place == place);
        match message {
            GmmMessage::AttachRequest { imsi, capabilities, .. } => match self.number_of(imsi) {
                // Who is served here stays so until the one that attaches has shown that it is the same.
                Some(number) if number == id => self.authenticate_attach(now, id, place, capabilities, outbox),
                Some(_) => {
                    let reject = GmmMessage::AttachReject { cause: GmmCause::NETWORK_FAILURE };
                    self.turn_away(id, place, &reject, outbox);
                }
                None => {
                    let reject = GmmMessage::AttachReject { cause: GmmCause::IMSI_UNKNOWN };
                    self.turn_away(id, place, &reject, outbox);
                }
            },
            GmmMessage::AttachComplete => self.attach_complete(now, place, id, outbox),
            message if challenged => self.authentication_message(now, id, &message, outbox),
            _ => outbox.verdict(Verdict::rejected("dropped: nobody has asked for it")),
        }
    }

    /// The RNC has the keys of a UE in use.
    pub(super) fn keys_in_use(&mut self, now: VirtualTime, rnc: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        if self.ues.get(&id).is_some_and(|ue| ue.rnc() == Some(rnc)) {
            self.keys_taken(now, id, outbox);
        }
    }

    /// The keys of an authentication are in use: who attaches is accepted.
    pub(super) fn keys_taken(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let attaches = match ue.setup {
            Some(Setup::Keys { .. }) => true,
            Some(Setup::KeyChange { .. }) => false,
            _ => return,
        };
        (ue.setup, ue.origin) = (None, Origin::Umts);
        let (imsi, place) = (ue.imsi, ue.place);
        outbox.report(Event { ue: imsi, what: What::ContextInUse(Origin::Umts) });
        if let Some(Place::Bss(..)) = place {
            let kc = Kc::from_octets(kc_of_ck_ik(&ue.keys));
            outbox.report(Event { ue: imsi, what: What::KcInUse(kc) });
        }
        if attaches {
            self.accept(now, id, CHALLENGE_TRIES, outbox);
        }
    }

    /// The RNC cannot have the keys of a UE taken into use.
    pub(super) fn keys_refused(&mut self, rnc: Ipv4Addr, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let waits = |setup: &Option<Setup>| matches!(setup, Some(Setup::Keys { .. } | Setup::KeyChange { .. }));
        if self.ues.get(&id).is_some_and(|ue| ue.rnc() == Some(rnc) && waits(&ue.setup)) {
            self.unsettled(id, outbox);
        }
    }

    /// What a UE was to be given it has not got: who is served keeps its keys, who attaches is not served.
    fn unsettled(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        match ue.setup.take() {
            Some(Setup::KeyChange { before, .. }) => (ue.key_set, ue.keys) = before,
            Some(_) => self.drop_ue(id, outbox),
            None => {}
        }
    }

    /// A UE is not served any more.
    fn drop_ue(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let place = self.ues.remove(&id).and_then(|ue| ue.place);
        if let Some(place) = place {
            self.turn_away(id, place, &GmmMessage::AttachReject { cause: GmmCause::NETWORK_FAILURE }, outbox);
        }
    }

    /// Where a UE is, as its cell says.
    fn area(&self, place: Place) -> Option<RoutingArea> {
        match place {
            Place::Rnc(rnc) => {
                let cell = self.settings.utran_cells.iter().find(|cell| cell.rnc == rnc)?;
                Some(RoutingArea { plmn: cell.plmn, lac: cell.lac, rac: cell.rac })
            }
            Place::Bss(bss, _) => {
                self.settings.geran_cells.iter().find(|cell| cell.bss == bss).map(|cell| cell.identity.area)
            }
        }
    }

    /// Tells a UE that it is accepted, if a try is left.
    fn accept(&mut self, now: VirtualTime, id: MmeUeS1apId, tries: u8, outbox: &mut Outbox<Event>) {
        let place = self.ues.get(&id).and_then(|ue| ue.place);
        let area = place.and_then(|place| self.area(place));
        let (Some(tries), Some(place), Some(area)) = (tries.checked_sub(1), place, area) else {
            return self.drop_ue(id, outbox);
        };
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.setup = Some(Setup::Accept { tries, ends: now + CHALLENGE });
        }
        self.tell(id, place, &GmmMessage::AttachAccept { area, p_tmsi: p_tmsi(id) }, outbox);
    }

    /// A UE has heard that it is accepted: it gets its bearer.
    fn attach_complete(&mut self, now: VirtualTime, place: Place, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let accepted = |setup: &Option<Setup>| matches!(setup, Some(Setup::Accept { .. }));
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.place == Some(place) && accepted(&ue.setup)) else {
            return outbox.verdict(Verdict::rejected("dropped: nobody has asked for it"));
        };
        match place {
            Place::Rnc(rnc) => {
                ue.setup = Some(Setup::Bearer { ends: now + EXECUTION });
                let bearer = Erab { ebi: ue.pdp.nsapi, tunnel: uplink_tunnel(self.core.address(), id) };
                self.tell_rnc(rnc, id, RabAssignmentRequest { bearer }, outbox);
            }
            Place::Bss(..) => self.switch_path(now, id, outbox),
        }
    }

    /// The RNC has the bearer of a UE.
    pub(super) fn bearer_assigned(
        &mut self,
        now: VirtualTime,
        rnc: Ipv4Addr,
        id: MmeUeS1apId,
        outbox: &mut Outbox<Event>,
    ) {
        let waits = |ue: &UeContext| ue.rnc() == Some(rnc) && matches!(ue.setup, Some(Setup::Bearer { .. }));
        if self.ues.get(&id).is_some_and(waits) {
            self.switch_path(now, id, outbox);
        }
    }

    /// Has the gateway send the packets of a UE here.
    fn switch_path(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let (sender, own) = (self.control_tunnel(id), self.core.address());
        let Some(ue) = self.ues.get_mut(&id) else { return };
        ue.setup = Some(Setup::Path { ends: now + EXECUTION });
        let PdpContext { nsapi, control, uplink, .. } = ue.pdp;
        let update = UpdatePdpContextRequest { nsapi, sender, downlink: downlink_tunnel(own, id) };
        self.request(uplink.address, control, Gtpv1Body::UpdatePdpContextRequest(update), outbox);
    }

    /// The gateway sends the packets of a UE here.
    pub(super) fn path_switched(&mut self, id: MmeUeS1apId) {
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.setup.take_if(|setup| matches!(setup, Setup::Path { .. }));
        }
    }

    /// Something was not answered for too long.
    pub(super) fn setup_timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let over = |setup: &Option<Setup>| setup.as_ref().is_some_and(|setup| setup.ends() <= now);
        let over: Vec<MmeUeS1apId> = self.ues.iter().filter(|(_, ue)| over(&ue.setup)).map(|(id, _)| *id).collect();
        for id in over {
            match self.ues.get(&id).and_then(|ue| ue.setup.as_ref()) {
                Some(Setup::Accept { tries, .. }) => self.accept(now, id, *tries, outbox),
                // The gateway does not answer: the UE is served, and hears nothing.
                Some(Setup::Path { .. }) => self.path_switched(id),
                _ => self.unsettled(id, outbox),
            }
        }
    }
}
