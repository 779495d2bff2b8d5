//! UEs that come to an eNB by themselves: connection set-up, NAS messages before there are keys, and the context that the MME sets up
//! with KeNB (TS 36.331 clauses 5.3.3 and 5.3.4, TS 23.401 clause 5.3.2.1).
//!
//! Signalling bearer 1 keeps its COUNTs when the security mode command gives it keys.

use std::collections::VecDeque;
use std::time::Duration;

use super::{BEARER, Enb, Role, UeContext, downlink_tunnel};
use crate::emulation::{Outbox, Port, Verdict};
use crate::eps::identifiers::{EnbUeS1apId, MmeUeS1apId, STmsi};
use crate::eps::keys::Kenb;
use crate::eps::node::event::{Event, Outcome};
use crate::eps::node::radio_side::{AirError, RadioSide, common_frame};
use crate::eps::parameters::LinkDirection::Downlink;
use crate::eps::parameters::{AlgorithmId, Algorithms, Ncc};
use crate::eps::security::parties::EnbKeys;
use crate::eps::security::protection::{AsSecurity, BearerId};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{
    DlCcchMessage, DlDcchMessage, ReleaseCause, RrcConnectionReconfiguration, SecurityAlgorithms, UlDcchMessage,
};
use crate::eps::wire::s1ap::{
    Cause, CauseRadioNetwork, InitialContextSetupFailure, InitialContextSetupRequest, InitialContextSetupResponse,
    InitialUeMessage, UeContextReleaseRequest, UeS1apIds, UplinkNasTransport,
};
use crate::eps::wire::{Erab, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// How long a UE that has come may be without keys: an authentication takes its time.
pub const CONNECTING: Duration = Duration::from_secs(6);
/// How long the set-up of its context may take after that.
pub const SETTING_UP: Duration = Duration::from_secs(1);
/// What a UE is told to wait that there is no room for, in seconds.
const WAIT: u8 = 1;
const SRB1: BearerId = BearerId::Signalling(1);

/// A UE that has no keys here yet.
pub(super) struct Connecting {
    port: Port,
    pub(super) c_rnti: u16,
    /// Its temporary identity, if it has one.
    identity: Option<STmsi>,
    air: AsSecurity,
    radio: RadioSide,
    /// What the MME calls it, once it has said so.
    mme_id: Option<MmeUeS1apId>,
    pub(super) ends: VirtualTime,
}

impl Enb {
    /// A UE asks for a connection. One that it was being given before is as good as forgotten.
    pub(super) fn connection_requested(
        &mut self,
        now: VirtualTime,
        (port, c_rnti): (Port, u16),
        identity: Option<STmsi>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), String> {
        self.connecting.retain(|_, other| other.port != port);
        let (Some(id), Some(given)) = (self.new_id(), self.new_c_rnti()) else {
            let frame = DlCcchMessage::ConnectionReject { wait: WAIT }.octets();
            let frame = frame.and_then(|octets| common_frame(now, (Downlink, c_rnti), octets));
            outbox.send(port, frame.map_err(|error| error.to_string())?, "RRCConnectionReject");
            return Ok(());
        };
        let frame = DlCcchMessage::ConnectionSetup { transaction: 0 }.octets();
        let frame = frame.and_then(|octets| common_frame(now, (Downlink, given), octets));
        outbox.send(port, frame.map_err(|error| error.to_string())?, "RRCConnectionSetup");
        let connecting = Connecting {
            port,
            c_rnti: given,
            identity,
            air: AsSecurity::off(),
            radio: RadioSide::default(),
            mme_id: None,
            ends: now + CONNECTING,
        };
        self.connecting.insert(id, connecting);
        Ok(())
    }

    /// A frame of a UE that has no keys here.
    pub(super) fn connecting_frame(&mut self, frame: &RadioFrame, outbox: &mut Outbox<Event>) {
        let found = self.connecting.iter_mut().find(|(_, ue)| ue.c_rnti == frame.c_rnti);
        let Some((id, ue)) = found else {
            return outbox.verdict(Verdict::rejected("dropped: no UE has this C-RNTI here"));
        };
        let opened = match RadioSide::open(frame, &mut ue.air) {
            Ok(opened) if opened.bearer == SRB1 => UlDcchMessage::parse(&opened.octets).map_err(AirError::from),
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: a packet before there are keys")),
            Err(error) => Err(error),
        };
        let (id, identity, mme_id) = (*id, ue.identity, ue.mme_id);
        let cell = self.settings.cell;
        match (opened, mme_id) {
            (Ok(UlDcchMessage::SetupComplete { nas, .. }), _) => {
                outbox.verdict(Verdict::accepted("accepted: RRCConnectionSetupComplete"));
                let message =
                    InitialUeMessage { enb_ue_id: id, nas_pdu: nas, tai: cell.tai, cell: cell.ecgi, s_tmsi: identity };
                self.tell_mme(message, outbox);
            }
            (Ok(UlDcchMessage::InformationTransfer { nas }), Some(mme)) => {
                outbox.verdict(Verdict::accepted("accepted: ULInformationTransfer"));
                let ue = UeS1apIds { mme, enb: id };
                self.tell_mme(UplinkNasTransport { ue, nas_pdu: nas, cell: cell.ecgi, tai: cell.tai }, outbox);
            }
            (Ok(_), _) => outbox.verdict(Verdict::rejected("dropped: not before there are keys")),
            (Err(error), _) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        }
    }

    /// A message to a UE that has no keys here.
    fn tell_connecting(
        &mut self,
        now: VirtualTime,
        id: EnbUeS1apId,
        message: &DlDcchMessage,
        note: &str,
        outbox: &mut Outbox<Event>,
    ) {
        let (Some(ue), Ok(octets)) = (self.connecting.get_mut(&id), message.octets()) else { return };
        if let Ok((frame, _)) = ue.radio.frame(now, (Downlink, ue.c_rnti), &mut ue.air, SRB1, &octets) {
            outbox.send(ue.port, frame, note);
        }
    }

    /// The MME says something to such a UE; whether there is one.
    pub(super) fn nas_to_connecting(
        &mut self,
        now: VirtualTime,
        ids: UeS1apIds,
        nas: &[u8],
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let Some(ue) = self.connecting.get_mut(&ids.enb) else { return false };
        ue.mme_id = Some(ids.mme);
        let message = DlDcchMessage::InformationTransfer { transaction: 0, nas: nas.to_vec() };
        self.tell_connecting(now, ids.enb, &message, "DLInformationTransfer", outbox);
        true
    }

    /// The connection of such a UE ends.
    pub(super) fn disconnect(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let release = DlDcchMessage::Release { transaction: 0, cause: ReleaseCause::Other, redirection: None };
        self.tell_connecting(now, id, &release, "RRCConnectionRelease", outbox);
        self.connecting.remove(&id);
    }

    /// The MME has done nothing with such a UE for too long.
    pub(super) fn connecting_over(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let mme_id = self.connecting.get(&id).and_then(|ue| ue.mme_id);
        self.disconnect(now, id, outbox);
        if let Some(mme) = mme_id {
            let cause = Cause::radioNetwork(CauseRadioNetwork::unspecified);
            self.tell_mme(UeContextReleaseRequest { ue: UeS1apIds { mme, enb: id }, cause }, outbox);
        }
    }

    /// The best algorithms that both have.
    fn best_algorithms(&self, capabilities: UeSecurityCapabilities) -> Option<Algorithms> {
        let possible = |algorithms: &&Algorithms| {
            capabilities.ciphers_with(algorithms.ciphering) && capabilities.protects_with(algorithms.integrity)
        };
        self.settings.algorithms.iter().find(possible).copied()
    }

    /// The MME sets up the context of a UE: it gets keys, by a security mode command that has a MAC-I and is not ciphered.
    pub(super) fn set_up(&mut self, now: VirtualTime, request: InitialContextSetupRequest, outbox: &mut Outbox<Event>) {
        let InitialContextSetupRequest { ue: ids, bearers, capabilities, kenb } = request;
        let failed = |cause| InitialContextSetupFailure { ue: ids, cause: Cause::radioNetwork(cause) };
        if !self.connecting.contains_key(&ids.enb) {
            return self.tell_mme(failed(CauseRadioNetwork::unknown_enb_ue_s1ap_id), outbox);
        }
        let imsi = self.settings.subscribers.get(&ids.mme).copied();
        let (Some(imsi), Some(bearer)) = (imsi, bearers.into_iter().next()) else {
            self.disconnect(now, ids.enb, outbox);
            return self.tell_mme(failed(CauseRadioNetwork::unspecified), outbox);
        };
        let Some(algorithms) = self.best_algorithms(capabilities) else {
            self.disconnect(now, ids.enb, outbox);
            let cause = CauseRadioNetwork::encryption_and_or_integrity_protection_algorithms_not_supported;
            return self.tell_mme(failed(cause), outbox);
        };
        let Some(Connecting { port, c_rnti, identity, air, radio, .. }) = self.connecting.remove(&ids.enb) else {
            return;
        };
        let arrives = identity.is_some();
        let mut context = UeContext {
            imsi,
            port: Some(port),
            c_rnti,
            mme_id: ids.mme,
            keys: first_keys(kenb, algorithms, &air),
            radio,
            role: Role::SettingUp { ciphering: Some(algorithms.ciphering), arrives, ends: now + SETTING_UP },
            transaction: 0,
            capabilities,
            uplink: bearer.erab.tunnel,
            held: VecDeque::new(),
            accept: bearer.nas_pdu,
            before: None,
        };
        self.keys_in_use(&context, outbox);
        context.keys.air = context.keys.air.ciphering_with(AlgorithmId::Null);
        self.ues.insert(ids.enb, context);
        let transaction = self.new_transaction(ids.enb);
        let Algorithms { ciphering, integrity } = algorithms;
        let algorithms = SecurityAlgorithms { ciphering, integrity };
        let command = DlDcchMessage::SecurityModeCommand { transaction, algorithms };
        self.send_rrc(now, ids.enb, &command, "SecurityModeCommand", outbox);
    }

    /// The UE has taken the security mode command: what follows is ciphered. It gets its bearer, and what the MME says with it.
    pub(super) fn secured(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Role::SettingUp { ciphering: Some(ciphering), arrives, .. } = ue.role else { return };
        ue.keys.air = ue.keys.air.clone().ciphering_with(ciphering);
        ue.role = Role::SettingUp { ciphering: None, arrives, ends: now + SETTING_UP };
        let nas = ue.accept.take().into_iter().collect();
        let transaction = self.new_transaction(id);
        let reconfiguration =
            RrcConnectionReconfiguration { transaction, mobility: None, nas, bearer: Some(BEARER), security: None };
        let message = DlDcchMessage::Reconfiguration(reconfiguration);
        self.send_rrc(now, id, &message, "RRCConnectionReconfiguration", outbox);
    }

    /// The UE has its bearer: it is here.
    pub(super) fn set_up_complete(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let (Some(ids), Some(ue)) = (self.s1_ids(id), self.ues.get_mut(&id)) else { return };
        let arrives = matches!(ue.role, Role::SettingUp { arrives: true, .. });
        ue.role = Role::Serving;
        let (imsi, held) = (ue.imsi, std::mem::take(&mut ue.held));
        if arrives {
            self.ended(imsi, Outcome::Completed, outbox);
        }
        for packet in held {
            self.send_user(now, id, &packet, outbox);
        }
        let bearers = vec![Erab { ebi: BEARER, tunnel: downlink_tunnel(self.core.address(), id) }];
        self.tell_mme(InitialContextSetupResponse { ue: ids, bearers }, outbox);
    }

    /// The UE has not taken the security mode command, or has not answered.
    pub(super) fn set_up_failed(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ids) = self.s1_ids(id) else { return };
        self.release_air(now, id, None, outbox);
        self.forget(id, outbox);
        let cause = Cause::radioNetwork(CauseRadioNetwork::failure_in_radio_interface_procedure);
        self.tell_mme(InitialContextSetupFailure { ue: ids, cause }, outbox);
    }
}

/// The keys of a KeNB that the MME has made of KASME; COUNTs go on from when there were none.
fn first_keys(kenb: Kenb, algorithms: Algorithms, before: &AsSecurity) -> EnbKeys {
    let mut keys = EnbKeys::new(kenb, Ncc::new(0), algorithms);
    keys.air = keys.air.going_on_from(before);
    keys
}
