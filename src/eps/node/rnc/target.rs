//! The RNC as the target: a UE comes from E-UTRAN.
//!
//! Its first message, HANDOVER TO UTRAN COMPLETE, has no integrity check. The RNC then begins integrity protection with a FRESH of its
//! own, and says that the UE has come only when that has shown that it has IK \[choice\]: the standard says so with the first message.

use rand_core::Rng;

use super::{EXECUTION, Rnc, Role, UeContext, downlink_tunnel};
use crate::emulation::Outbox;
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::node::event::{Event, HeldKey, Outcome, What};
use crate::eps::node::utran_side::UtranSide;
use crate::eps::wire::Erab;
use crate::eps::wire::ranap::{
    RanapCause, RelocationComplete, RelocationDetect, RelocationFailure, RelocationRequest,
    RelocationRequestAcknowledge, TargetRncContainer,
};
use crate::eps::wire::rrc::utran::{HandoverToUtranCommand, UtranDlMessage};
use crate::time::VirtualTime;

impl Rnc {
    /// A UE is to come, with its keys.
    pub(super) fn requested(&mut self, now: VirtualTime, request: RelocationRequest, outbox: &mut Outbox<Event>) {
        let id = MmeUeS1apId(request.connection);
        self.report(request.imsi, What::KeyHeld(HeldKey::CkIk(request.keys.clone())), outbox);
        let answer = match self.expect(now, id, request, outbox) {
            Ok(answer) => return self.tell_sgsn(id, answer, outbox),
            Err(cause) => RelocationFailure { cause },
        };
        self.tell_sgsn(id, answer, outbox);
    }

    fn expect(
        &mut self,
        now: VirtualTime,
        id: MmeUeS1apId,
        request: RelocationRequest,
        outbox: &mut Outbox<Event>,
    ) -> Result<RelocationRequestAcknowledge, RanapCause> {
        let cell = self.settings.cell;
        if !self.settings.has_snow3g {
            return Err(RanapCause::NO_ALGORITHMS);
        }
        if request.container.target_cell != cell.id || self.ues.contains_key(&id) {
            return Err(RanapCause::FAILURE_IN_TARGET);
        }
        let u_rnti = self.new_u_rnti().ok_or(RanapCause::FAILURE_IN_TARGET)?;
        let s_rnti = (u_rnti & 0x3ff) as u16;
        let command = HandoverToUtranCommand { rnc: cell.rnc_number(), s_rnti, cell: cell.cell };
        let rrc = command.octets().map_err(|_| RanapCause::UNSPECIFIED)?;
        let RelocationRequest { imsi, bearer: Erab { ebi, tunnel: uplink }, keys, .. } = request;
        let context = UeContext {
            imsi,
            port: None,
            side: UtranSide::new(u_rnti, keys, self.random.next_u32()),
            role: Role::Expected { ends: now + EXECUTION },
            transaction: 0,
            uplink: Some(uplink),
            change: None,
        };
        self.report(imsi, context.side.in_use(cell.cell), outbox);
        self.ues.insert(id, context);
        let tunnel = downlink_tunnel(self.core.address(), id);
        Ok(RelocationRequestAcknowledge { container: TargetRncContainer { rrc }, bearer: Erab { ebi, tunnel } })
    }

    /// The UE is heard: integrity protection begins.
    pub(super) fn detected(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        ue.role = Role::Arriving { ends: now + EXECUTION };
        let fresh = ue.side.security.fresh();
        self.tell_sgsn(id, RelocationDetect, outbox);
        let transaction = self.new_transaction(id);
        let command = UtranDlMessage::SecurityModeCommand { transaction, fresh };
        self.send_rrc(id, &command, "SECURITY MODE COMMAND", outbox);
    }

    /// The UE has shown that it has the keys.
    pub(super) fn complete(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let Role::Arriving { .. } = ue.role {
            ue.role = Role::Serving;
            let imsi = ue.imsi;
            self.ended(imsi, Outcome::Completed, outbox);
            self.tell_sgsn(id, RelocationComplete, outbox);
        }
    }
}
