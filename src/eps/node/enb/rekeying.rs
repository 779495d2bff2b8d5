//! A KeNB that the MME sends after an authentication comes into use by a handover of the UE to the cell that it is in (TS 33.401 clause
//! 7.2.9.2, TS 36.331 clause 5.3.5.4): C-RNTI and all keys of the air change, COUNTs begin at 0.

use std::time::Duration;

use super::{Enb, Role, UeContext};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::EnbUeS1apId;
use crate::eps::node::event::Event;
use crate::eps::node::radio_side::RadioSide;
use crate::eps::parameters::Ncc;
use crate::eps::security::parties::EnbKeys;
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{DlDcchMessage, MobilityControlInfo, RrcConnectionReconfiguration, SecurityConfigHo, T304};
use crate::eps::wire::s1ap::{UeContextModificationRequest, UeContextModificationResponse};
use crate::time::VirtualTime;

/// How long the UE tries, and the eNB waits for it.
const TRIES: T304 = T304::Ms200;

/// What a UE goes back to that does not follow.
pub(super) struct Before {
    keys: EnbKeys,
    c_rnti: u16,
    radio: RadioSide,
}

impl Enb {
    /// A UE is to have another KeNB. One that is on its way to another cell gets none: the MME asks again.
    pub(super) fn rekey(
        &mut self,
        now: VirtualTime,
        request: UeContextModificationRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let id = request.ue.enb;
        let serving = |ue: &UeContext| ue.mme_id == request.ue.mme && matches!(ue.role, Role::Serving);
        let Some(algorithms) = self.ues.get(&id).filter(|ue| serving(ue)).map(|ue| ue.keys.air.algorithms()) else {
            return;
        };
        let (Some(c_rnti), transaction) = (self.new_c_rnti(), self.new_transaction(id)) else { return };
        let mobility = MobilityControlInfo { target: self.settings.cell.pci, carrier: None, t304: TRIES, c_rnti };
        let command = RrcConnectionReconfiguration {
            transaction,
            mobility: Some(mobility),
            nas: Vec::new(),
            bearer: None,
            security: Some(SecurityConfigHo {
                algorithms: None,
                key_change: true,
                next_hop_chaining_count: Ncc::new(0),
            }),
        };
        let message = DlDcchMessage::Reconfiguration(command);
        self.send_rrc(now, id, &message, "RRCConnectionReconfiguration: key change", outbox);
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let keys = EnbKeys::new(request.kenb, Ncc::new(0), algorithms);
        ue.before = Some(Box::new(Before {
            keys: std::mem::replace(&mut ue.keys, keys),
            c_rnti: std::mem::replace(&mut ue.c_rnti, c_rnti),
            radio: std::mem::take(&mut ue.radio),
        }));
        ue.role = Role::Rekeying { ends: now + Duration::from_millis(TRIES.milliseconds()) };
        if let Some(ue) = self.ues.get(&id) {
            self.keys_in_use(ue, outbox);
        }
    }

    /// A frame of no UE that is connected here: a packet that a UE has sent before it has heard of its new C-RNTI, or a frame of a UE
    /// that has no keys yet.
    pub(super) fn frame_before(&mut self, frame: &RadioFrame, outbox: &mut Outbox<Event>) {
        let upe = self.settings.agreement.transfer.upe;
        let sent = self.ues.values_mut().find_map(|ue| {
            let before = ue.before.as_mut().filter(|before| before.c_rnti == frame.c_rnti)?;
            let opened = match RadioSide::user_pdu(frame) {
                Ok(Some(pdu)) if upe => Some((Some(pdu.sequence_number), pdu.octets().ok()?)),
                Ok(Some(_)) => Some((None, RadioSide::open(frame, &mut before.keys.air).ok()?.octets)),
                _ => None,
            };
            opened.map(|opened| (ue.uplink, opened))
        });
        let Some((uplink, (number, octets))) = sent else { return self.connecting_frame(frame, outbox) };
        outbox.verdict(Verdict::accepted("accepted: a packet from before the key change"));
        self.send_uplink(uplink, number, octets, outbox);
    }

    /// The UE has spoken with the new keys.
    pub(super) fn rekeyed(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        (ue.role, ue.before) = (Role::Serving, None);
        let held = std::mem::take(&mut ue.held);
        self.first_word(now, id, outbox);
        for packet in held {
            self.send_user(now, id, &packet, outbox);
        }
        if let Some(ue) = self.s1_ids(id) {
            self.tell_mme(UeContextModificationResponse { ue }, outbox);
        }
    }

    /// The UE has not: what it had is in use again, and it may ask to be taken back.
    pub(super) fn rekeying_over(&mut self, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(before) = ue.before.take() else { return };
        (ue.keys, ue.c_rnti, ue.radio) = (before.keys, before.c_rnti, before.radio);
        ue.role = Role::Serving;
        ue.held.clear();
        if let Some(ue) = self.ues.get(&id) {
            self.keys_in_use(ue, outbox);
        }
    }
}
