//! What an MME says to UEs and they to it: PARA, and the security mode command by which NAS algorithms change (TS 24.301 clause 5.4.3).

use std::net::Ipv4Addr;

use super::relocation::KEY_SET;
use super::{Mme, ModeCommand, SECURITY_MODE, SECURITY_MODE_TRIES, UeContext};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{Algorithms, HandoverParameters, Indication};
use crate::eps::security::protection::NasSecurity;
use crate::eps::wire::nas::{
    AlgorithmSet, EmmMessage, GenericContainer, NasAlgorithms, NasKsi, NasMessage, ProtectedNas, SecurityHeader,
    UeCapability,
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
        outbox.report(Event { ue: ue.imsi, what: What::Protected { key, bearer: 0, direction: Downlink, count } });
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
        let possible = |algorithms: &&Algorithms| {
            ue.capabilities.ciphers_with(algorithms.ciphering) && ue.capabilities.protects_with(algorithms.integrity)
        };
        let best = self.settings.nas_algorithms.iter().find(possible).copied();
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
        let may = |ue: &&mut UeContext| ue.place.is_some() && ue.handover.is_none() && algorithms.are_for_nas();
        let Some(ue) = self.ues.get_mut(&id).filter(may) else { return };
        let before = ue.mode.take().map_or(ue.keys.nas.algorithms(), |mode| mode.before);
        ue.keys.nas = ue.keys.nas_with(algorithms);
        ue.mode = Some(ModeCommand { before, tries: 1, ends: now + SECURITY_MODE });
        if let Some(ue) = self.ues.get(&id) {
            self.nas_in_use(ue, outbox);
        }
        self.command_mode(id, outbox);
    }

    fn command_mode(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get(&id) else { return };
        let Some(place) = ue.place else { return };
        let Algorithms { ciphering, integrity } = ue.keys.nas.algorithms();
        let [eea, eia] = ue.capabilities.nas_octets();
        let message = EmmMessage::SecurityModeCommand {
            algorithms: NasAlgorithms { ciphering, integrity },
            key_set: NasKsi::new(KEY_SET),
            capability: UeCapability {
                ciphering: AlgorithmSet(eea),
                integrity: AlgorithmSet(eia),
                further: Vec::new(),
            },
        };
        let Some(nas_pdu) = self.protect(id, SecurityHeader::IntegrityNewContext, &message, outbox) else { return };
        let ue = UeS1apIds { mme: id, enb: place.id };
        self.send(place.enb, DownlinkNasTransport { ue, nas_pdu }, outbox);
    }

    /// Nobody has answered the command: once more, or back to the algorithms before it.
    pub(super) fn mode_unanswered(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(mode) = self.ues.get_mut(&id).and_then(|ue| ue.mode.as_mut()) else { return };
        if mode.tries < SECURITY_MODE_TRIES {
            (mode.tries, mode.ends) = (mode.tries + 1, now + SECURITY_MODE);
            self.command_mode(id, outbox);
        } else {
            self.keep_algorithms(id, outbox);
        }
    }

    /// The UE has not taken the algorithms of the command.
    fn keep_algorithms(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let Some(mode) = ue.mode.take() {
            ue.keys.nas = ue.keys.nas_with(mode.before);
        }
        if let Some(ue) = self.ues.get(&id) {
            self.nas_in_use(ue, outbox);
        }
    }

    pub(super) fn uplink_nas(&mut self, from: Ipv4Addr, transport: &UplinkNasTransport, outbox: &mut Outbox<Event>) {
        let id = transport.ue.mme;
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if ue.place.is_none_or(|place| place.enb != from || place.id != transport.ue.enb) {
            return outbox.verdict(Verdict::rejected("dropped: the UE is not at this eNB"));
        }
        let imsi = ue.imsi;
        let drop = |reason, text: String, outbox: &mut Outbox<Event>| {
            outbox.report(Event { ue: imsi, what: What::Dropped(reason) });
            outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
        };
        let message = match NasMessage::parse(&transport.nas_pdu) {
            Ok(NasMessage::Protected(message)) => message,
            Ok(NasMessage::Plain(_)) => {
                return drop(DropReason::NasMac, "a NAS message without MAC".to_owned(), outbox);
            }
            Err(error) => return drop(DropReason::Malformed, error.to_string(), outbox),
        };
        // Who rejects a security mode command speaks with the keys before it; who follows it says that they are new.
        let is_new = message.header == SecurityHeader::IntegrityCipheredNewContext;
        let now_in_use = ue.keys.nas.algorithms();
        if let Some(mode) = ue.mode.as_ref().filter(|_| !is_new) {
            ue.keys.nas = ue.keys.nas_with(mode.before);
        }
        let opened = open(&mut ue.keys.nas, &message);
        ue.keys.nas = ue.keys.nas_with(now_in_use);
        let plain = match opened {
            Ok(plain) => plain,
            Err((reason, text)) => return drop(reason, text, outbox),
        };
        match EmmMessage::parse(&plain) {
            Ok(EmmMessage::SecurityModeComplete) if is_new => ue.mode = None,
            Ok(EmmMessage::SecurityModeReject { .. }) if ue.mode.is_some() => self.keep_algorithms(id, outbox),
            // Nothing else is asked of an MME here.
            Ok(_) => {}
            Err(error) => drop(DropReason::Malformed, error.to_string(), outbox),
        }
    }
}

fn open(nas: &mut NasSecurity, message: &ProtectedNas) -> Result<Vec<u8>, (DropReason, String)> {
    let ProtectedNas { header, mac, sequence_number, message } = message;
    let opened = nas.open(Uplink, *sequence_number, *mac, message, header.ciphered());
    opened.map(|(_, plain)| plain).map_err(|error| {
        let again = nas.open_played_again(Uplink, *sequence_number, *mac, message, header.ciphered());
        (if again.is_some() { DropReason::NasReplay } else { DropReason::NasMac }, error.to_string())
    })
}
