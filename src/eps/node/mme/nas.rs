//! What an MME says to UEs and they to it: PARA, and the security mode command by which NAS algorithms change (TS 24.301 clause 5.4.3).

use std::net::Ipv4Addr;

use super::{Before, Mme, ModeCommand, Place, SECURITY_MODE, SECURITY_MODE_TRIES, UeContext};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::parlos::NULL;
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{Algorithms, HandoverParameters, Indication};
use crate::eps::security::protection::NasSecurity;
use crate::eps::wire::nas::{
    AlgorithmSet, EmmMessage, GenericContainer, NasAlgorithms, NasMessage, ProtectedNas, SecurityHeader, UeCapability,
};
use crate::eps::wire::s1ap::{DownlinkNasTransport, UeS1apIds, UplinkNasTransport};
use crate::time::VirtualTime;

impl Mme {
    /// A message to a UE, protected.
    pub(super) fn protect(
        &mut self,
        id: MmeUeS1apId,
        header: SecurityHeader,
        message: &EmmMessage,
        outbox: &mut Outbox<Event>,
    ) -> Option<Vec<u8>> {
        let ue = self.ues.get_mut(&id)?;
        let plain = message.octets().ok()?;
        let protected = ue.keys.nas.protect(Downlink, &plain, header.ciphered()).ok()?;
        let (key, count) = (ue.keys.nas.keys().enc.clone(), protected.count);
        if ue.keys.nas.algorithms() != NULL {
            outbox.report(Event { ue: ue.imsi, what: What::Protected { key, bearer: 0, direction: Downlink, count } });
        }
        let sequence_number = (protected.sequence_number & 0xff) as u8;
        ProtectedNas { header, mac: protected.mac, sequence_number, message: protected.octets }.octets().ok()
    }

    /// INDICATION and PARA for a UE.
    pub(super) fn protected_para(
        &mut self,
        id: MmeUeS1apId,
        para: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) -> Option<Vec<u8>> {
        let parameters = HandoverParameters { indication: Indication::Mme, para };
        let container = GenericContainer::of_handover_parameters(&parameters).ok()?;
        let message = EmmMessage::DownlinkGenericTransport(container);
        self.protect(id, SecurityHeader::IntegrityCiphered, &message, outbox)
    }

    /// A UE has come from another MME: it gets the algorithms that this one prefers.
    pub(super) fn prefer_algorithms(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get(&id) else { return };
        let best = self.best_algorithms(ue.capabilities);
        if let Some(best) = best.filter(|best| *best != ue.keys.nas.algorithms()) {
            self.change_algorithms(now, id, best, outbox);
        }
    }

    /// Other NAS algorithms for a UE, if they are computed here: keys of the same KASME, the COUNTs go on, and a security mode command.
    /// Not while a handover is under way, which has taken keys and COUNTs along (TS 33.401 clause 7.2.10).
    pub(super) fn change_algorithms(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        algorithms: Algorithms,
        outbox: &mut Outbox<Event>,
    ) {
        let before = |ue: &UeContext| match &ue.mode {
            Some(ModeCommand { before: Before::Algorithms(before), .. }) => Some(*before),
            None => Some(ue.keys.nas.algorithms()),
            // Its KASME changes.
            Some(_) => None,
        };
        let may = |ue: &&mut UeContext| ue.place.is_some() && ue.handover.is_none() && algorithms.are_for_nas();
        let Some(ue) = self.ues.get_mut(&id).filter(may) else { return };
        let Some(before) = before(ue) else { return };
        ue.keys.nas = ue.keys.nas_with(algorithms);
        ue.mode = Some(ModeCommand { before: Before::Algorithms(before), tries: 1, ends: now + SECURITY_MODE });
        if let Some(ue) = self.ues.get(&id) {
            self.nas_in_use(ue, outbox);
        }
        self.command_mode(id, outbox);
    }

    pub(super) fn command_mode(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get(&id) else { return };
        let Some(place) = ue.place else { return };
        let Algorithms { ciphering, integrity } = ue.keys.nas.algorithms();
        let [eea, eia] = ue.capabilities.nas_octets();
        let message = EmmMessage::SecurityModeCommand {
            algorithms: NasAlgorithms { ciphering, integrity },
            key_set: ue.key_set,
            capability: UeCapability {
                ciphering: AlgorithmSet(eea),
                integrity: AlgorithmSet(eia),
                further: Vec::new(),
            },
            nonces: ue.arriving.as_ref().and_then(|arriving| arriving.nonces),
            hash: None,
            elements: Vec::new(),
        };
        let Some(nas_pdu) = self.protect(id, SecurityHeader::IntegrityNewContext, &message, outbox) else { return };
        let ue = UeS1apIds { mme: id, enb: place.id };
        self.send(place.enb, DownlinkNasTransport { ue, nas_pdu }, outbox);
    }

    /// Nobody has answered the command: once more, or back to what was before it.
    pub(super) fn mode_unanswered(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(mode) = self.ues.get_mut(&id).and_then(|ue| ue.mode.as_mut()) else { return };
        if mode.tries < SECURITY_MODE_TRIES {
            (mode.tries, mode.ends) = (mode.tries + 1, now + SECURITY_MODE);
            self.command_mode(id, outbox);
        } else {
            self.keep(id, outbox);
        }
    }

    /// The UE has not taken the command: what was before it is in use again.
    fn keep(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        match ue.mode.take().map(|mode| mode.before) {
            Some(Before::Algorithms(before)) => ue.keys.nas = ue.keys.nas_with(before),
            Some(Before::Keys(before)) => (ue.keys, ue.key_set) = *before,
            Some(Before::Nothing) => return self.abandon(id, outbox),
            None => {}
        }
        if let Some(ue) = self.ues.get(&id) {
            self.nas_in_use(ue, outbox);
        }
    }

    /// The UE has taken the command.
    fn mode_complete(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        match ue.mode.take().map(|mode| mode.before) {
            None => {}
            Some(Before::Algorithms(_)) => {
                self.send_kenb(now, id, outbox);
                // That it had to wait for.
                self.renew_weak(now, id, outbox);
            }
            Some(Before::Keys(_)) => self.renew_access(now, id, outbox),
            Some(Before::Nothing) => {
                self.origin_in_use(id, outbox);
                self.set_up(now, id, outbox);
            }
        }
    }

    /// What a UE says that has keys here, or is being authenticated.
    pub(super) fn uplink_nas(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        transport: &UplinkNasTransport,
        outbox: &mut Outbox<Event>,
    ) {
        let (id, place) = (transport.ue.mme, Place { enb: from, id: transport.ue.enb });
        if self.rlos_uplink(now, (id, place), &transport.nas_pdu, outbox) {
            return;
        }
        let parsed = NasMessage::parse(&transport.nas_pdu);
        if self.authentications.get(&id).is_some_and(|authentication| authentication.is_arrival_at(place)) {
            return match parsed {
                Ok(NasMessage::Plain(message)) => self.authentication_message(now, id, &message, outbox),
                Ok(NasMessage::Protected(_)) => outbox.verdict(Verdict::rejected("dropped: there are no keys yet")),
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            };
        }
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if ue.place != Some(place) {
            return outbox.verdict(Verdict::rejected("dropped: the UE is not at this eNB"));
        }
        let imsi = ue.imsi;
        let drop = |reason, text: String, outbox: &mut Outbox<Event>| {
            outbox.report(Event { ue: imsi, what: What::Dropped(reason) });
            outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
        };
        let message = match parsed {
            Ok(NasMessage::Protected(message)) => message,
            Ok(NasMessage::Plain(_)) => {
                return drop(DropReason::NasMac, "a NAS message without MAC".to_owned(), outbox);
            }
            Err(error) => return drop(DropReason::Malformed, error.to_string(), outbox),
        };
        // Who rejects a security mode command speaks with the keys before it; who follows it says that they are new.
        let is_new = message.header == SecurityHeader::IntegrityCipheredNewContext;
        let UeContext { keys, mode, .. } = ue;
        let opened = match mode.as_mut().map(|mode| &mut mode.before).filter(|_| !is_new) {
            Some(Before::Keys(before)) => open(&mut before.0.nas, &message),
            Some(Before::Algorithms(before)) => {
                let now_in_use = keys.nas.algorithms();
                keys.nas = keys.nas_with(*before);
                let opened = open(&mut keys.nas, &message);
                keys.nas = keys.nas_with(now_in_use);
                opened
            }
            Some(Before::Nothing) | None => open(&mut keys.nas, &message),
        };
        let plain = match opened {
            Ok(plain) => plain,
            Err((reason, text)) => return drop(reason, text, outbox),
        };
        match EmmMessage::parse(&plain) {
            Ok(EmmMessage::SecurityModeComplete { .. }) if is_new => self.mode_complete(now, id, outbox),
            Ok(EmmMessage::SecurityModeReject { .. }) => self.keep(id, outbox),
            Ok(EmmMessage::TrackingAreaUpdateRequest { .. }) => self.update_area(now, id, transport.tai, outbox),
            Ok(EmmMessage::TrackingAreaUpdateComplete | EmmMessage::AttachComplete { .. }) => {
                self.identity_confirmed(id)
            }
            Ok(EmmMessage::DetachRequest { detach_type, .. }) if self.is_rlos(id) => {
                if let (false, Some(place)) = (detach_type.switch_off, self.ues.get(&id).and_then(|ue| ue.place))
                    && let Some(nas_pdu) =
                        self.protect(id, SecurityHeader::IntegrityCiphered, &EmmMessage::DetachAccept, outbox)
                {
                    let ue = UeS1apIds { mme: id, enb: place.id };
                    self.send(place.enb, DownlinkNasTransport { ue, nas_pdu }, outbox);
                }
                self.leave(id, outbox);
            }
            Ok(message) => self.authentication_message(now, id, &message, outbox),
            Err(error) => drop(DropReason::Malformed, error.to_string(), outbox),
        }
    }
}

pub(super) fn open(nas: &mut NasSecurity, message: &ProtectedNas) -> Result<Vec<u8>, (DropReason, String)> {
    let ProtectedNas { header, mac, sequence_number, message } = message;
    let opened = nas.open(Uplink, *sequence_number, *mac, message, header.ciphered());
    opened.map(|(_, plain)| plain).map_err(|error| {
        let again = nas.open_played_again(Uplink, *sequence_number, *mac, message, header.ciphered());
        (if again.is_some() { DropReason::NasReplay } else { DropReason::NasMac }, error.to_string())
    })
}
