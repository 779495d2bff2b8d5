//! What a mobile makes of messages that nothing protects: MOB_NBR-ADV, and RNG-RSP without a CMAC tuple (attacks 8 and 9 of
//! `dot16-security.md` 9). A mobile that keeps the rules believes neither; a weakness lets it.

use super::{MobileStation, State};
use crate::dot16::identifiers::Bsid;
use crate::dot16::node::event::Event;
use crate::dot16::security::Weakness;
use crate::dot16::wire::{MobNbrAdv, RangingStatus, RngRsp, RngRspTlv};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

impl MobileStation {
    /// Notes the neighbours that an advertisement names by BSID.
    pub(super) fn neighbours_advertised(&mut self, message: &MobNbrAdv, outbox: &mut Outbox<Event>) {
        let operator = message.operator_id.unwrap_or_default();
        self.neighbours = message.neighbours.iter().filter_map(|neighbour| neighbour.bsid(operator)).collect();
        outbox.verdict(Verdict::accepted("neighbours noted"));
    }

    /// Target and candidates of a handover: those of the command, whatever was advertised. Only a mobile that believes
    /// advertisements drops what they do not name, and goes to the first neighbour that they do name.
    pub(super) fn candidates(&self, target: Bsid, candidates: Vec<Bsid>) -> (Bsid, Vec<Bsid>) {
        let Some(first) = self.neighbours.first().filter(|_| self.keys.weak(Weakness::FollowsNeighbourAdvertisement))
        else {
            return (target, candidates);
        };
        let target = if self.neighbours.contains(&target) { target } else { *first };
        let mut named: Vec<Bsid> = candidates.into_iter().filter(|bs| self.neighbours.contains(bs)).collect();
        if !named.contains(&target) {
            named.push(target);
        }
        (target, named)
    }

    /// RNG-RSP without CMAC tuple that answers no CDMA code. In lock it says nothing to a mobile that keeps the rules; one
    /// that believes it leaves on an abort or for another frequency, where there is no BS, and has to enter the network again.
    pub(super) fn unprotected_response(&mut self, now: VirtualTime, response: &RngRsp, outbox: &mut Outbox<Event>) {
        let aborts = response.ranging_status() == Some(RangingStatus::ABORT);
        let moves = response.tlvs.iter().any(|tlv| matches!(tlv, RngRspTlv::DownlinkFrequencyOverride(_)));
        let for_this = response.ss_mac_address().is_none_or(|ms| ms == self.settings.mac);
        if !(for_this && (aborts || moves) && self.keys.weak(Weakness::BelievesUnprotectedRngRsp)) {
            let text = "dropped: RNG-RSP without CMAC tuple answers no CDMA code";
            return outbox.verdict(Verdict::rejected(text));
        }
        let text = if aborts { "ranging aborted: leaves the network" } else { "another frequency: loses the network" };
        outbox.verdict(Verdict::accepted(text));
        let handover = !matches!(self.state, State::Connected);
        self.join(now, self.last_serving, handover, outbox);
    }
}
