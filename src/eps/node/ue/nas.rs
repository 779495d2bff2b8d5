//! What the MME says to a UE: INDICATION and PARA in a handover command, and the security mode command by which NAS algorithms change.

use super::handover::Refusal;
use super::{ContextOrigin, State, Ue};
use crate::emulation::{Outbox, Verdict};
use crate::eps::keys::UpKey;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::parlos::NULL;
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{Algorithms, HandoverParameters, Origin};
use crate::eps::security::parties::UeKeys;
use crate::eps::security::protection::NasSecurity;
use crate::eps::wire::nas::{
    EmmCause, EmmMessage, GenericContainer, NasAlgorithms, NasKsi, NasMessage, ProtectedNas, SecurityHeader,
};
use crate::eps::wire::rrc::UlDcchMessage;
use crate::time::VirtualTime;

pub(super) fn protected(octets: &[u8]) -> Result<ProtectedNas, Refusal> {
    match NasMessage::parse(octets) {
        Ok(NasMessage::Protected(message)) => Ok(message),
        Ok(NasMessage::Plain(_)) => Err((DropReason::NasMac, "NAS: a message without MAC".to_owned())),
        Err(error) => Err((DropReason::Malformed, error.to_string())),
    }
}

pub(super) fn open(nas: &mut NasSecurity, message: &ProtectedNas) -> Result<Vec<u8>, Refusal> {
    let ProtectedNas { header, mac, sequence_number, message } = message;
    let opened = nas.open(Downlink, *sequence_number, *mac, message, header.ciphered());
    opened.map(|(_, plain)| plain).map_err(|error| {
        let again = nas.open_played_again(Downlink, *sequence_number, *mac, message, header.ciphered());
        match again {
            Some((count, _)) => (DropReason::NasReplay, format!("NAS: COUNT {count} was used already")),
            None => (DropReason::NasMac, format!("NAS: {error}")),
        }
    })
}

impl Ue {
    /// What a generic NAS transport in a handover command carries, which the MME has protected.
    fn container(&mut self, octets: &[u8]) -> Result<GenericContainer, Refusal> {
        let message = protected(octets)?;
        let (nas, faults) = (&mut self.keys.nas, self.settings.faults);
        let plain = open(nas, &message).or_else(|refusal| {
            let ProtectedNas { header, mac, sequence_number, message } = &message;
            let taken = match refusal.0 {
                DropReason::NasReplay if faults.ignores_nas_count => {
                    nas.open_played_again(Downlink, *sequence_number, *mac, message, header.ciphered())
                }
                DropReason::NasMac if faults.ignores_nas_mac => {
                    nas.open_unchecked(Downlink, *sequence_number, message, header.ciphered()).ok()
                }
                _ => None,
            };
            taken.map(|(_, plain)| plain).ok_or(refusal)
        })?;
        match EmmMessage::parse(&plain) {
            Ok(EmmMessage::DownlinkGenericTransport(container)) => Ok(container),
            Ok(_) => Err((DropReason::Refused, "expected a generic NAS transport".to_owned())),
            Err(error) => Err((DropReason::Malformed, error.to_string())),
        }
    }

    /// INDICATION and PARA out of a NAS message.
    pub(super) fn parameters(&mut self, octets: &[u8]) -> Result<HandoverParameters, Refusal> {
        let container = self.container(octets)?;
        container.handover_parameters().map_err(|error| (DropReason::Malformed, error.to_string()))
    }

    /// The key between UE and UPE that a NAS message in a handover command names, if there is one and the standard's keys leave it
    /// to that. The algorithm stays.
    pub(super) fn other_up_key(&mut self, nas: &[Vec<u8>]) -> Result<Option<UpKey>, Refusal> {
        let algorithm = self.up.as_ref().filter(|_| self.is_standard()).map(|up| up.key().algorithm);
        let (Some(algorithm), Some(message)) = (algorithm, nas.first()) else { return Ok(None) };
        let update = self.container(message)?.up_key().map_err(|error| (DropReason::Malformed, error.to_string()))?;
        Ok(Some(UpKey::derive(self.keys.kasme(), update, algorithm)))
    }

    /// A NAS message by itself.
    pub(super) fn nas(&mut self, now: VirtualTime, octets: &[u8], outbox: &mut Outbox<Event>) {
        let taken = match NasMessage::parse(octets) {
            Ok(NasMessage::Plain(message)) if self.takes_plain(&message) => self.emm(now, message, false, outbox),
            Ok(NasMessage::Protected(message))
                if self.key_set == NasKsi::NONE && message.header != SecurityHeader::IntegrityNewContext =>
            {
                Err((DropReason::NasMac, "NAS: there are no keys yet".to_owned()))
            }
            Ok(NasMessage::Protected(message)) if message.header != SecurityHeader::IntegrityNewContext => {
                let plain = open(&mut self.keys.nas, &message);
                let message = plain.and_then(|plain| {
                    EmmMessage::parse(&plain).map_err(|error| (DropReason::Malformed, error.to_string()))
                });
                message.and_then(|message| self.emm(now, message, true, outbox))
            }
            _ => self.security_mode(now, octets, outbox),
        };
        if let Err((reason, text)) = taken {
            self.report(What::Dropped(reason), outbox);
            outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
        }
    }

    /// A security mode command: its MAC is made with the keys of the algorithms that it names (TS 24.301 clause 5.4.3.3), of the KASME
    /// that it names: that in use, or that which an authentication has left.
    fn security_mode(&mut self, now: VirtualTime, octets: &[u8], outbox: &mut Outbox<Event>) -> Result<(), Refusal> {
        let message = protected(octets)?;
        if let (State::Attaching(_), None) = (&self.state, &self.challenged) {
            return self.temporary_keys(now, &message, outbox);
        }
        let (algorithms, key_set, capability, nonces) = match EmmMessage::parse(&message.message) {
            Ok(EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces, .. }) => {
                (algorithms, key_set, capability, nonces)
            }
            Ok(_) => return Err((DropReason::Refused, "expected a security mode command".to_owned())),
            Err(error) => return Err((DropReason::Malformed, error.to_string())),
        };
        let NasAlgorithms { ciphering, integrity } = algorithms;
        let algorithms = Algorithms { ciphering, integrity };
        if !algorithms.are_for_nas() {
            return Err((DropReason::Refused, "algorithms that it does not have".to_owned()));
        }
        let mapped = self.kasme_of_command(key_set, nonces)?;
        let is_mapped = mapped.is_some();
        let challenged = self.challenged.clone();
        let renewed = mapped.or(challenged).filter(|(named, _)| *named == key_set).map(|(_, kasme)| kasme);
        let mut changed = match &renewed {
            Some(kasme) => UeKeys::nas_of(kasme, algorithms),
            None if self.key_set == NasKsi::NONE => {
                return Err((DropReason::NasMac, "NAS: another key set than that of the challenge".to_owned()));
            }
            None => self.keys.nas_with(algorithms),
        };
        open(&mut changed, &message)?;
        if [capability.ciphering.0, capability.integrity.0] != self.settings.capabilities.nas_octets() {
            // What the MME was told of the UE is not what it is: somebody has changed it on the way. Without keys there is no saying so.
            if !is_mapped {
                let reject = EmmMessage::SecurityModeReject { cause: EmmCause::CAPABILITIES_MISMATCH.0 };
                self.say(now, SecurityHeader::IntegrityCiphered, &reject, "SecurityModeReject", outbox);
            }
            return Err((DropReason::Refused, "other capabilities than those of this UE".to_owned()));
        }
        match renewed {
            Some(kasme) => {
                self.keys.renew(kasme, changed);
                self.authenticated_in_attach();
                self.expect_up_key();
                (self.key_set, self.challenged) = (key_set, None);
                self.nas_in_use(outbox);
                if is_mapped {
                    self.mapped_from_utran(outbox);
                } else {
                    self.origin = ContextOrigin::default();
                    self.report(What::ContextInUse(Origin::Lte), outbox);
                }
            }
            None => {
                self.keys.nas = changed;
                self.nas_in_use(outbox);
            }
        }
        let header = SecurityHeader::IntegrityCipheredNewContext;
        self.keys.answers_mode();
        let complete = EmmMessage::SecurityModeComplete { elements: Vec::new() };
        self.say(now, header, &complete, "SecurityModeComplete", outbox);
        Ok(())
    }

    /// A NAS message, protected.
    pub(super) fn protect(
        &mut self,
        header: SecurityHeader,
        message: &EmmMessage,
        outbox: &mut Outbox<Event>,
    ) -> Option<Vec<u8>> {
        let plain = message.octets().ok()?;
        let protected = self.keys.nas.protect(Uplink, &plain, header.ciphered()).ok()?;
        let (key, count) = (self.keys.nas.keys().enc.clone(), protected.count);
        if self.keys.nas.algorithms() != NULL {
            self.report(What::Protected { key, bearer: 0, direction: Uplink, count }, outbox);
        }
        let sequence_number = (protected.sequence_number & 0xff) as u8;
        ProtectedNas { header, mac: protected.mac, sequence_number, message: protected.octets }.octets().ok()
    }

    /// Sends a NAS message, protected.
    pub(super) fn say(
        &mut self,
        now: VirtualTime,
        header: SecurityHeader,
        message: &EmmMessage,
        note: &str,
        outbox: &mut Outbox<Event>,
    ) {
        if let Some(nas) = self.protect(header, message, outbox) {
            self.pass(now, nas, note, outbox);
        }
    }

    /// Sends the octets of a NAS message.
    pub(super) fn pass(&mut self, now: VirtualTime, nas: Vec<u8>, note: &str, outbox: &mut Outbox<Event>) {
        let note = format!("ULInformationTransfer: {note}");
        self.send_rrc(now, &UlDcchMessage::InformationTransfer { nas }, note, outbox);
    }
}
