//! Packets of UEs: between the air and the gateway, and on their way after a UE that has left.
//!
//! A handover over X2 loses no packet of the downlink: what comes for a UE after its command goes on to the target, which keeps it
//! until the UE has confirmed, and the end marker of the old path goes the same way. Nobody waits for the end marker: a packet of
//! the new path may overtake one that is forwarded. A handover over S1 forwards nothing: what comes between the command and the
//! switch of the path is lost, unless a UPE sees to it.
//!
//! Where packets are ciphered by UPEs, the eNB passes PDCP PDUs on unopened, and reads of them no more than their number.

use super::{Enb, FORWARDED, Leaving, MAX_HELD, Role, Stage};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::EnbUeS1apId;
use crate::eps::node::core_side::CoreMessage;
use crate::eps::node::event::Event;
use crate::eps::parameters::LinkDirection::Downlink;
use crate::eps::security::protection::BearerId;
use crate::eps::wire::{GtpuPacket, TunnelEndpoint};
use crate::time::VirtualTime;

impl Enb {
    /// Sends an IP packet of a UE on; or a PDCP PDU, with its number.
    pub(super) fn send_uplink(
        &mut self,
        uplink: TunnelEndpoint,
        pdcp_number: Option<u16>,
        packet: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) {
        let packet = GtpuPacket::User { teid: uplink.teid, pdcp_number, packet };
        self.core.send(uplink.address, &CoreMessage::Gtpu(packet), outbox);
    }

    /// A packet has come in a tunnel, from the gateway or forwarded.
    pub(super) fn tunnelled(&mut self, now: VirtualTime, packet: GtpuPacket, outbox: &mut Outbox<Event>) {
        let (GtpuPacket::User { teid, .. } | GtpuPacket::EndMarker { teid, .. }) = packet;
        let id = EnbUeS1apId::new(teid.0 & !FORWARDED);
        let Some((id, ue)) = id.and_then(|id| Some((id, self.ues.get_mut(&id)?))) else {
            // The end of a path may well come when the UE is forgotten.
            if let GtpuPacket::User { .. } = packet {
                outbox.verdict(Verdict::rejected("dropped: no UE has this tunnel"));
            }
            return;
        };
        match (ue.role, packet) {
            (Role::Leaving(Leaving { forwarding: Some(to), stage, .. }), packet) if stage != Stage::Preparing => {
                self.core.send(to.address, &CoreMessage::Gtpu(packet.in_tunnel(to.teid)), outbox);
            }
            (_, GtpuPacket::EndMarker { .. }) => {}
            (Role::Leaving(Leaving { stage, .. }) | Role::ToUtran { stage, .. }, _) if stage != Stage::Preparing => {
                outbox.verdict(Verdict::rejected("dropped: the UE has been sent away"));
            }
            (Role::Redirected { .. }, _) => outbox.verdict(Verdict::rejected("dropped: the UE has been sent away")),
            (role, GtpuPacket::User { packet, .. }) if role.awaits_confirm() && ue.held.len() < MAX_HELD => {
                ue.held.push_back(packet);
            }
            (role, _) if role.awaits_confirm() => {
                outbox.verdict(Verdict::rejected("dropped: 256 packets are kept already"))
            }
            (_, GtpuPacket::User { packet, .. }) => {
                self.send_user(now, id, &packet, outbox);
            }
        }
    }

    /// Sends a UE a packet: ciphered here, or a PDCP PDU as it has come.
    pub(super) fn send_user(&mut self, now: VirtualTime, id: EnbUeS1apId, packet: &[u8], outbox: &mut Outbox<Event>) {
        if !self.settings.agreement.transfer.upe {
            return self.send_air(now, id, BearerId::Data(1), packet, "user packet", outbox);
        }
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(port) = ue.port else { return };
        match ue.radio.pdu_frame(now, (Downlink, ue.c_rnti), packet.to_vec()) {
            Ok(frame) => outbox.send(port, frame, "user packet"),
            Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        }
    }
}
