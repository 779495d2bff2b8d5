//! `legacy-full` at the mobile: a handover whose entry is the whole way into the network, with a new PMK
//! ([`super::network_entry`]), at a target that MOB_BSHO-RSP announces with bits 0, 1, 2 and 7 clear.
//!
//! No RNG-REQ with T_M is sent: that of a full entry has neither count nor CMAC tuple. So T_M stays unspent, and the live
//! connection is kept (R1). The mobile goes back to it if the target does not let it in, or the handover is cancelled, as long
//! as the serving BS retains it, but not any more when it has sent SA-TEK-Request: the network may use the new PMK from then
//! on, and lets the old connection go. Afterwards it enters the network wherever it can.

use super::{Entry, MobileStation, State, Timer};
use crate::dot16::identifiers::Bsid;
use crate::dot16::node::event::Event;
use crate::dot16::node::mobile_station::network_entry::Joining;
use crate::dot16::wire::{RngReq, RngReqTlv};
use crate::emulation::Outbox;
use crate::time::VirtualTime;

/// What a full entry has of the handover that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    from: Bsid,
    ho_id: Option<u8>,
    /// Until when the mobile may return: the serving BS keeps the connection.
    retained_until: VirtualTime,
}

impl Planned {
    /// What RNG-REQ says of the handover.
    pub(super) fn ranging_tlvs(&self) -> Vec<RngReqTlv> {
        let mut tlvs = vec![RngReqTlv::ServingBsid(self.from), RngReqTlv::RangingPurpose(RngReq::PURPOSE_HANDOVER)];
        tlvs.extend(self.ho_id.map(RngReqTlv::HoId));
        tlvs
    }
}

impl MobileStation {
    /// The action time of a handover with a full entry.
    pub(super) fn leave_for_full_entry(&mut self, now: VirtualTime, entry: &Entry) {
        let radio = &self.settings.radio;
        let retained_until = now + radio.resource_retain;
        let planned = Planned { from: entry.from, ho_id: entry.ho_id, retained_until };
        self.timers.set(Timer::Join, now + radio.dl_sync);
        self.state = State::Joining { joining: Joining::planned(entry.bs, planned) };
    }

    /// SA-TEK-Request goes out: there is no way back to the old connection.
    pub(super) fn forgo_return(&mut self, now: VirtualTime) {
        if let State::Joining { joining } = &mut self.state
            && let Some(planned) = &mut joining.planned
        {
            planned.retained_until = planned.retained_until.min(now);
        }
    }

    /// The target has not let the mobile in, or the script cancels the handover, and the old connection can be resumed.
    /// `false` if it cannot: another PMK may be in use already, or the serving BS has let the connection go.
    pub(super) fn return_from_full_entry(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) -> bool {
        let State::Joining { joining } = &self.state else {
            return false;
        };
        let (target, retained) =
            (joining.bs, joining.planned.as_ref().is_some_and(|planned| now < planned.retained_until));
        if !retained || self.live.is_none() {
            return false;
        }
        self.stop_joining();
        self.drop_authentication(outbox);
        self.management.clear();
        self.event(super::What::Left { bs: target }, outbox);
        self.state = State::Returning { target };
        self.timers.set(Timer::Return, now + self.settings.radio.dl_sync);
        true
    }
}
