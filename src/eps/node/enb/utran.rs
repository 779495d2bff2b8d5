//! The eNB where a UE goes to UTRAN, and where it comes from there.

use std::collections::VecDeque;

use super::target::TRIES;
use super::{BEARER, CANCELLING, EXECUTION, Enb, PREPARATION, Role, Stage, UeContext, downlink_tunnel};
use crate::emulation::Outbox;
use crate::eps::identifiers::{EnbUeS1apId, Pci};
use crate::eps::node::event::{Event, What};
use crate::eps::node::radio_side::RadioSide;
use crate::eps::node::settings::Scheme;
use crate::eps::parameters::Ncc;
use crate::eps::security::parties::EnbKeys;
use crate::eps::wire::Erab;
use crate::eps::wire::ranap::{SourceRncContainer, TargetRncContainer};
use crate::eps::wire::rrc::{DlDcchMessage, HandoverCommand, HandoverToEutra, MobilityControlInfo, SecurityAlgorithms};
use crate::eps::wire::s1ap::{
    Cause, CauseRadioNetwork, HandoverCancel, HandoverFailure, HandoverFromUtranRequest, HandoverRequestAcknowledge,
    HandoverToUtranCommand, HandoverToUtranRequired, TargetToSourceContainer, UeS1apIds,
};
use crate::time::VirtualTime;

impl Enb {
    /// Whether the UE is on its way to UTRAN, at this stage.
    pub(super) fn is_to_utran(&self, id: EnbUeS1apId, wanted: Stage) -> bool {
        let role = self.ues.get(&id).map(|ue| ue.role);
        matches!(role, Some(Role::ToUtran { stage, .. }) if stage == wanted)
    }

    /// A UE is better off in a cell of UTRAN: the MME is asked.
    pub(super) fn prepare_utran(&mut self, now: VirtualTime, id: EnbUeS1apId, target: Pci, outbox: &mut Outbox<Event>) {
        let from = self.settings.cell.pci;
        let Some(to) = self.settings.utran_cells.iter().find(|cell| cell.cell == target).copied() else { return };
        let Ok(container) = (SourceRncContainer { target_cell: to.id }).octets() else { return };
        let Some(ids) = self.s1_ids(id) else { return };
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| matches!(ue.role, Role::Serving)) else { return };
        ue.role = Role::ToUtran { cell: target, stage: Stage::Preparing, ends: now + PREPARATION };
        let imsi = ue.imsi;
        self.report(imsi, What::HandoverBegun { from, to: target, scheme: Scheme::InterSystem }, outbox);
        let cause = Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason);
        let required = HandoverToUtranRequired { ue: ids, cause, target: to.rnc_identity(), container };
        self.tell_mme(required, outbox);
    }

    /// The target in UTRAN takes the UE: it is commanded.
    pub(super) fn granted_by_utran(
        &mut self,
        now: VirtualTime,
        command: &HandoverToUtranCommand,
        outbox: &mut Outbox<Event>,
    ) {
        let (id, nas_security) = (command.ue.enb, command.nas_security);
        let Ok(TargetRncContainer { rrc: container }) = TargetRncContainer::parse(&command.container) else { return };
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Role::ToUtran { cell, stage: Stage::Preparing, .. } = ue.role else { return };
        ue.role = Role::ToUtran { cell, stage: Stage::Commanded, ends: now + EXECUTION };
        let (imsi, transaction) = (ue.imsi, self.new_transaction(id));
        let message = DlDcchMessage::MobilityToUtran { transaction, container, nas_security };
        self.send_rrc(now, id, &message, "MobilityFromEUTRACommand", outbox);
        self.report(imsi, What::CommandSent(cell), outbox);
    }

    /// No answer has come, or the UE was not heard of again: the handover is called off, unless its end is on the way.
    pub(super) fn cancel_to_utran(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        if let Some(Role::ToUtran { stage, ends, .. }) = self.ues.get_mut(&id).map(|ue| &mut ue.role) {
            (*stage, *ends) = (Stage::Cancelling, now + CANCELLING);
            self.call_off_utran(id, outbox);
        }
    }

    pub(super) fn call_off_utran(&mut self, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        if let Some(ue) = self.s1_ids(id) {
            let cause = Cause::radioNetwork(CauseRadioNetwork::handover_cancelled);
            self.tell_mme(HandoverCancel { ue, cause }, outbox);
        }
    }

    /// A UE is to come from UTRAN: KeNB is what the MME has made, whatever scheme rules within E-UTRAN.
    pub(super) fn requested_from_utran(
        &mut self,
        now: VirtualTime,
        request: HandoverFromUtranRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let mme_ue_id = request.mme_ue_id;
        let cause = match self.expect_from_utran(now, request, outbox) {
            Ok(answer) => return self.tell_mme(answer, outbox),
            Err(cause) => Cause::radioNetwork(cause),
        };
        self.tell_mme(HandoverFailure { mme_ue_id, cause }, outbox);
    }

    fn expect_from_utran(
        &mut self,
        now: VirtualTime,
        request: HandoverFromUtranRequest,
        outbox: &mut Outbox<Event>,
    ) -> Result<HandoverRequestAcknowledge, CauseRadioNetwork> {
        let HandoverFromUtranRequest { mme_ue_id: mme_id, bearers, capabilities, kenb, nas_security, .. } = request;
        let no_room = CauseRadioNetwork::no_radio_resources_available_in_target_cell;
        let imsi = *self.settings.subscribers.get(&mme_id).ok_or(no_room)?;
        let uplink = bearers.first().ok_or(no_room)?.tunnel;
        let algorithms = self.choose(capabilities, &[]).0;
        let algorithms =
            algorithms.ok_or(CauseRadioNetwork::encryption_and_or_integrity_protection_algorithms_not_supported)?;
        let (nas_security, nas) = nas_security.split_first_chunk().ok_or(CauseRadioNetwork::unspecified)?;
        let id = self.new_id().ok_or(no_room)?;
        let c_rnti = self.new_c_rnti().ok_or(no_room)?;
        let command = HandoverToEutra {
            transaction: 0,
            mobility: MobilityControlInfo { target: self.settings.cell.pci, carrier: None, t304: TRIES, c_rnti },
            nas: if nas.is_empty() { Vec::new() } else { vec![nas.to_vec()] },
            algorithms: SecurityAlgorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity },
            nas_security: *nas_security,
        };
        let message = DlDcchMessage::HandoverToEutra(command).octets();
        let rrc = message.and_then(|message| HandoverCommand { message }.octets());
        let container = rrc.and_then(|rrc| TargetToSourceContainer { rrc }.octets());
        let container = container.map_err(|_| CauseRadioNetwork::unspecified)?;
        let context = UeContext {
            imsi,
            port: None,
            c_rnti,
            mme_id,
            keys: EnbKeys::new(kenb, Ncc::new(0), algorithms),
            radio: RadioSide::default(),
            role: Role::Expected { from: None, ends: now + EXECUTION },
            transaction: 0,
            capabilities,
            uplink,
            held: VecDeque::new(),
            accept: None,
            before: None,
        };
        self.keys_in_use(&context, outbox);
        self.ues.insert(id, context);
        let tunnel = downlink_tunnel(self.core.address(), id);
        let admitted = vec![Erab { ebi: BEARER, tunnel }];
        Ok(HandoverRequestAcknowledge { ue: UeS1apIds { mme: mme_id, enb: id }, admitted, container })
    }
}
