//! The RNC as the source: a UE goes to E-UTRAN.

use super::{CANCELLING, EXECUTION, PREPARATION, Rnc, Role, Stage};
use crate::emulation::Outbox;
use crate::eps::identifiers::{MmeUeS1apId, Pci};
use crate::eps::node::event::{Event, Outcome, What};
use crate::eps::node::settings::Scheme;
use crate::eps::wire::ranap::{RanapCause, RelocationCancel, RelocationCommand, RelocationRequired, RelocationTarget};
use crate::eps::wire::rrc::utran::UtranDlMessage;
use crate::eps::wire::rrc::{HandoverCommand, HandoverPreparationInformation};
use crate::eps::wire::s1ap::{TargetToSourceContainer, container_from_utran};
use crate::time::VirtualTime;

impl Rnc {
    /// A UE is better off in a cell of E-UTRAN: the SGSN is asked.
    pub(super) fn prepare(&mut self, now: VirtualTime, id: MmeUeS1apId, target: Pci, outbox: &mut Outbox<Event>) {
        let source = self.settings.cell;
        let Some(to) = self.settings.cells.iter().find(|cell| cell.pci == target).copied() else { return };
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| matches!(ue.role, Role::Serving)) else { return };
        let Ok(rrc) = HandoverPreparationInformation::default().octets() else { return };
        let Ok(container) = container_from_utran(&rrc, to.ecgi, (source.plmn, source.id)) else { return };
        ue.role = Role::Leaving { to: target, stage: Stage::Preparing, ends: now + PREPARATION };
        let imsi = ue.imsi;
        self.report(imsi, What::HandoverBegun { from: source.cell, to: target, scheme: Scheme::InterSystem }, outbox);
        let required = RelocationRequired {
            cause: RanapCause::DESIRABLE,
            plmn: source.plmn,
            rnc: source.rnc_number(),
            target: RelocationTarget::Enb(to.enb, to.tai),
            container,
        };
        self.tell_sgsn(id, required, outbox);
    }

    /// The target takes the UE: it is commanded.
    pub(super) fn granted(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        command: &RelocationCommand,
        outbox: &mut Outbox<Event>,
    ) {
        let rrc = TargetToSourceContainer::parse(&command.container).map(|container| container.rrc);
        let message = rrc.and_then(|rrc| HandoverCommand::parse(&rrc)).map(|command| command.message);
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let (Role::Leaving { to, stage: Stage::Preparing, .. }, Ok(eutra)) = (ue.role, message) else { return };
        ue.role = Role::Leaving { to, stage: Stage::Commanded, ends: now + EXECUTION };
        let (imsi, transaction) = (ue.imsi, self.new_transaction(id));
        let command = UtranDlMessage::HandoverFromUtran { transaction, eutra };
        self.send_rrc(id, &command, "HANDOVER FROM UTRAN COMMAND", outbox);
        self.report(imsi, What::CommandSent(to), outbox);
    }

    /// The handover is not to be: the UE stays.
    pub(super) fn refused(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let Role::Leaving { stage: Stage::Preparing, .. } = ue.role {
            ue.role = Role::Serving;
            let imsi = ue.imsi;
            self.ended(imsi, Outcome::Refused, outbox);
        }
    }

    /// The UE says that it is back.
    pub(super) fn returned(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let Role::Leaving { .. } = ue.role {
            ue.role = Role::Serving;
            let imsi = ue.imsi;
            self.ended(imsi, Outcome::Returned, outbox);
            self.tell_sgsn(id, RelocationCancel { cause: RanapCause::CANCELLED }, outbox);
        }
    }

    /// No answer has come, or the UE was not heard of again: the relocation is called off, unless its end is on the way.
    pub(super) fn cancel(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let Role::Leaving { to, .. } = ue.role {
            ue.role = Role::Leaving { to, stage: Stage::Cancelling, ends: now + CANCELLING };
            self.tell_sgsn(id, RelocationCancel { cause: RanapCause::CANCELLED }, outbox);
        }
    }

    pub(super) fn cancel_acknowledged(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let role = self.ues.get(&id).map(|ue| ue.role);
        if let Some(Role::Leaving { stage: Stage::Cancelling, .. }) = role {
            self.given_up(id, outbox);
        }
    }

    /// Nothing more is heard of the relocation.
    pub(super) fn given_up(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        ue.role = Role::Serving;
        let imsi = ue.imsi;
        self.ended(imsi, Outcome::Cancelled, outbox);
    }
}
