//! A UE that is to go to a cell of another MME and takes no context along: it is released with the carrier of that cell, and comes there
//! by itself (TS 36.331 clause 5.3.8).
//!
//! \[choice\] The context stays for [`REDIRECTED`]: a UE that the target does not take comes back by re-establishment, with its keys and
//! COUNTs. The MME is asked to release it when that time is over; before it the MME does so of its own accord when it hears that another
//! serves the UE.

use std::time::Duration;

use super::{CANCELLING, Enb, Role};
use crate::emulation::Outbox;
use crate::eps::identifiers::EnbUeS1apId;
use crate::eps::node::event::{Event, Outcome, What};
use crate::eps::node::settings::{Arrival, Cell, Scheme};
use crate::eps::wire::rrc::{DlDcchMessage, ReleaseCause};
use crate::eps::wire::s1ap::{Cause, CauseRadioNetwork, UeContextReleaseRequest};
use crate::time::VirtualTime;

/// How long a source eNB keeps the context of a UE that it has released with redirection.
pub const REDIRECTED: Duration = Duration::from_secs(5);

impl Enb {
    /// The scheme of a UE that goes to this cell by itself; none if it is handed over.
    pub(super) fn arrival_at(&self, to: &Cell) -> Option<Scheme> {
        match self.settings.agreement.transfer.arrival {
            _ if to.mme == self.settings.cell.mme => None,
            Arrival::Handover => None,
            Arrival::ContextRequest => Some(Scheme::ContextRequest),
            Arrival::Authentication => Some(Scheme::Authentication),
        }
    }

    /// The UE is sent to a cell.
    pub(super) fn redirect(
        &mut self,
        now: VirtualTime,
        id: EnbUeS1apId,
        (to, scheme): (Cell, Scheme),
        outbox: &mut Outbox<Event>,
    ) {
        // A carrier that has no room in the message cannot be said.
        let Ok(carrier) = u16::try_from(to.earfcn_dl) else { return };
        let Some(imsi) = self.ues.get(&id).map(|ue| ue.imsi) else { return };
        self.report(imsi, What::HandoverBegun { from: self.settings.cell.pci, to: to.pci, scheme }, outbox);
        self.release_air(now, id, Some(carrier), outbox);
        if let Some(ue) = self.ues.get_mut(&id) {
            ue.role = Role::Redirected { asked: false, ends: now + REDIRECTED };
        }
        self.report(imsi, What::CommandSent(to.pci), outbox);
    }

    /// Releases the connection of a UE, to look for a cell of a carrier if one is given.
    pub(super) fn release_air(
        &mut self,
        now: VirtualTime,
        id: EnbUeS1apId,
        redirection: Option<u16>,
        outbox: &mut Outbox<Event>,
    ) {
        let transaction = self.new_transaction(id);
        let release = DlDcchMessage::Release { transaction, cause: ReleaseCause::Other, redirection };
        self.send_rrc(now, id, &release, "RRCConnectionRelease", outbox);
    }

    /// Nothing was heard of a UE that was sent away: the MME is asked to release it, and if that says nothing, it is forgotten.
    pub(super) fn redirection_over(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let (Some(ids), Some(ue)) = (self.s1_ids(id), self.ues.get_mut(&id)) else { return };
        if let Role::Redirected { asked: true, .. } = ue.role {
            return self.forget(id, outbox);
        }
        ue.role = Role::Redirected { asked: true, ends: now + CANCELLING };
        let imsi = ue.imsi;
        self.ended(imsi, Outcome::Cancelled, outbox);
        let cause = Cause::radioNetwork(CauseRadioNetwork::release_due_to_eutran_generated_reason);
        self.tell_mme(UeContextReleaseRequest { ue: ids, cause }, outbox);
    }
}
