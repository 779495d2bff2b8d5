//! The eNB as the source of handovers.

use std::net::Ipv4Addr;

use super::{BEARER, CANCELLING, EXECUTION, Enb, Leaving, PREPARATION, Role, Stage, s1_id, x2_id};
use crate::emulation::Outbox;
use crate::eps::identifiers::{EnbUeS1apId, Pci};
use crate::eps::keys::KenbStar;
use crate::eps::node::event::{Event, HeldKey, Outcome, What};
use crate::eps::node::settings::Scheme;
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::Ncc;
use crate::eps::security::protection::BearerId;
use crate::eps::wire::rrc::{
    DlDcchMessage, HandoverCommand as RrcHandoverCommand, HandoverPreparationInformation, SecurityAlgorithms,
    SourceConfiguration,
};
use crate::eps::wire::s1ap::{
    Cause, CauseRadioNetwork, HandoverCancel, HandoverCommand, HandoverRequired, SourceToTargetContainer,
    TargetToSourceContainer,
};
use crate::eps::wire::{BearerCounts, Erab, x2ap};
use crate::time::VirtualTime;

impl Enb {
    /// The UE is to be handed over to the eNB of a cell.
    pub(super) fn prepare(&mut self, now: VirtualTime, id: EnbUeS1apId, target: Pci, outbox: &mut Outbox<Event>) {
        let source = self.settings.cell;
        let Some(to) = self.settings.cells.iter().find(|cell| cell.pci == target).copied() else { return };
        let Some(ue) = self.ues.get(&id).filter(|ue| matches!(ue.role, Role::Serving)) else { return };
        if to.pci == source.pci {
            return;
        }
        if let Some(scheme) = self.arrival_at(&to) {
            return self.redirect(now, id, (to, scheme), outbox);
        }
        let mut scheme = self.settings.agreement.schemes.of(&source, &to);
        if self.settings.faults.tries_x2_across_groups && scheme == Scheme::MmeInvolved && to.mme == source.mme {
            scheme = Scheme::Chained;
        }
        let algorithms = ue.keys.air.algorithms();
        let algorithms = SecurityAlgorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity };
        let configuration = SourceConfiguration { algorithms, c_rnti: ue.c_rnti };
        let Ok(rrc) = (HandoverPreparationInformation { source: Some(configuration) }).octets() else { return };
        self.report(ue.imsi, What::HandoverBegun { from: source.pci, to: to.pci, scheme }, outbox);
        let over_x2 = scheme.over_x2();
        let ends = now + PREPARATION;
        let leaving = Leaving { to, over_x2, stage: Stage::Preparing, new_id: None, forwarding: None, ends };
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.role = Role::Leaving(leaving);
        }
        if over_x2 { self.request(id, &leaving, scheme, rrc, outbox) } else { self.require(id, &leaving, rrc, outbox) }
    }

    /// Asks the MME.
    fn require(&mut self, id: EnbUeS1apId, Leaving { to, .. }: &Leaving, rrc: Vec<u8>, outbox: &mut Outbox<Event>) {
        let container = SourceToTargetContainer {
            rrc,
            bearers: vec![BEARER],
            target_cell: to.ecgi,
            source_cell: self.settings.cell.ecgi,
        };
        let (Ok(container), Some(ue)) = (container.octets(), self.s1_ids(id)) else { return };
        let cause = Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason);
        self.tell_mme(HandoverRequired { ue, cause, target: to.enb, target_tai: to.tai, container }, outbox);
    }

    /// Asks the target eNB: it gets KeNB*.
    fn request(
        &mut self,
        id: EnbUeS1apId,
        Leaving { to, .. }: &Leaving,
        scheme: Scheme,
        rrc_context: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(ue) = self.ues.get(&id) else { return };
        let (kenb_star, ncc) = match scheme {
            Scheme::Chained => (ue.keys.chained_star(&self.settings.agreement.derivation), Ncc::new(0)),
            _ => {
                let (kenb, ncc) = ue.keys.cell_star(to.input());
                (KenbStar::from_octets(*kenb.octets()), ncc)
            }
        };
        self.holds(ue.imsi, HeldKey::KenbStar(kenb_star.clone()), outbox);
        let request = x2ap::HandoverRequest {
            old_id: x2_id(id),
            cause: x2ap::X2apCause::RadioNetwork(x2ap::RadioNetworkCause::HandoverDesirableForRadioReasons),
            target_cell: to.ecgi,
            mme: self.settings.gummei,
            mme_ue_id: ue.mme_id,
            capabilities: ue.capabilities,
            kenb_star,
            ncc,
            bearers: vec![Erab { ebi: BEARER, tunnel: ue.uplink }],
            rrc_context,
            source_cell: self.settings.cell.ecgi,
        };
        self.tell_enb(to.address, request, outbox);
    }

    /// The handover of this UE for which an answer is awaited.
    fn preparing(&mut self, id: EnbUeS1apId) -> Option<&mut Leaving> {
        self.ues.get_mut(&id)?.leaving().filter(|leaving| leaving.stage == Stage::Preparing)
    }

    pub(super) fn granted_over_x2(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        answer: x2ap::HandoverRequestAcknowledge,
        outbox: &mut Outbox<Event>,
    ) {
        let id = s1_id(answer.old_id);
        let Some(leaving) = self.preparing(id).filter(|leaving| leaving.over_x2 && leaving.to.address == from) else {
            return;
        };
        leaving.new_id = Some(answer.new_id);
        leaving.forwarding = answer.admitted.first().and_then(|bearer| bearer.forwarding);
        if let Some(counts) = self.command(now, id, &answer.container, None, outbox) {
            let (old_id, new_id) = (answer.old_id, answer.new_id);
            self.tell_enb(from, x2ap::SnStatusTransfer { old_id, new_id, bearers: vec![counts] }, outbox);
        }
    }

    pub(super) fn granted_over_s1(&mut self, now: VirtualTime, answer: HandoverCommand, outbox: &mut Outbox<Event>) {
        if let Ok(TargetToSourceContainer { rrc }) = TargetToSourceContainer::parse(&answer.container) {
            self.command(now, answer.ue.enb, &rrc, answer.nas_security_parameters, outbox);
        }
    }

    /// Sends the UE the command that the target has made, with what the MME says beside it; the COUNTs of its bearer.
    fn command(
        &mut self,
        now: VirtualTime,
        id: EnbUeS1apId,
        container: &[u8],
        nas: Option<Vec<u8>>,
        outbox: &mut Outbox<Event>,
    ) -> Option<BearerCounts> {
        let RrcHandoverCommand { message } = RrcHandoverCommand::parse(container).ok()?;
        let DlDcchMessage::Reconfiguration(mut command) = DlDcchMessage::parse(&message).ok()? else { return None };
        let leaving = self.preparing(id)?;
        (leaving.stage, leaving.ends) = (Stage::Commanded, now + EXECUTION);
        let target = leaving.to.pci;
        command.transaction = self.new_transaction(id);
        if let (Some(nas), Some(security)) = (nas, &mut command.security) {
            // INDICATION: the MME made KeNB*. Its PARA goes with it. By the standard it is of the key between UE and UPE.
            if !self.settings.agreement.schemes.is_standard() {
                security.next_hop_chaining_count = Ncc::new(1);
            }
            command.nas = vec![nas];
        }
        if let Some(security) = command.security.as_mut().filter(|_| self.settings.faults.flips_indication) {
            security.next_hop_chaining_count = Ncc::new(u32::from(security.next_hop_chaining_count.get() ^ 1));
        }
        let air = &mut self.ues.get_mut(&id)?.keys.air;
        let [uplink, downlink] = [Uplink, Downlink].map(|direction| air.next_count(BearerId::Data(1), direction));
        let message = DlDcchMessage::Reconfiguration(command);
        self.send_rrc(now, id, &message, "RRCConnectionReconfiguration: handover command", outbox);
        if let Some(ue) = self.ues.get(&id) {
            self.report(ue.imsi, What::CommandSent(target), outbox);
        }
        Some(BearerCounts { ebi: BEARER, uplink, downlink })
    }

    /// The handover is not to be: the UE stays.
    pub(super) fn refused(&mut self, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        if self.preparing(id).is_some() || self.is_to_utran(id, Stage::Preparing) {
            self.serve(id);
            let imsi = self.ues.get(&id).map(|ue| ue.imsi);
            imsi.into_iter().for_each(|imsi| self.ended(imsi, Outcome::Refused, outbox));
        }
    }

    /// The target has the UE, and its path.
    pub(super) fn released_over_x2(
        &mut self,
        from: Ipv4Addr,
        release: &x2ap::UeContextRelease,
        outbox: &mut Outbox<Event>,
    ) {
        let id = s1_id(release.old_id);
        let leaving = self.ues.get_mut(&id).and_then(|ue| ue.leaving());
        if leaving.is_some_and(|leaving| leaving.to.address == from && leaving.new_id == Some(release.new_id)) {
            self.forget(id, outbox);
        }
    }

    /// No answer has come, or the UE was not heard of again: the handover is called off, unless its end is on the way.
    pub(super) fn cancel(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(leaving) = self.ues.get_mut(&id).and_then(|ue| ue.leaving()) else { return };
        (leaving.stage, leaving.ends) = (Stage::Cancelling, now + CANCELLING);
        let leaving = *leaving;
        self.call_off(id, &leaving, outbox);
    }

    /// Tells the target, or the MME for it, that the UE is not to come.
    pub(super) fn call_off(&mut self, id: EnbUeS1apId, leaving: &Leaving, outbox: &mut Outbox<Event>) {
        let Leaving { to, over_x2, new_id, .. } = *leaving;
        if over_x2 {
            let cause = x2ap::X2apCause::RadioNetwork(x2ap::RadioNetworkCause::Unspecified);
            self.tell_enb(to.address, x2ap::HandoverCancel { old_id: x2_id(id), new_id, cause }, outbox);
        } else if let Some(ue) = self.s1_ids(id) {
            let cause = Cause::radioNetwork(CauseRadioNetwork::handover_cancelled);
            self.tell_mme(HandoverCancel { ue, cause }, outbox);
        }
    }

    pub(super) fn cancel_acknowledged(&mut self, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let leaving = self.ues.get_mut(&id).and_then(|ue| ue.leaving());
        if leaving.is_some_and(|leaving| leaving.stage == Stage::Cancelling) || self.is_to_utran(id, Stage::Cancelling)
        {
            self.given_up(id, outbox);
        }
    }

    /// Nothing more is heard of the handover.
    pub(super) fn given_up(&mut self, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        self.serve(id);
        let imsi = self.ues.get(&id).map(|ue| ue.imsi);
        imsi.into_iter().for_each(|imsi| self.ended(imsi, Outcome::Cancelled, outbox));
    }
}
