//! UEs in GERAN: frames of LLC over Gb. Nothing ciphers them: Kc is made of CK and IK, and not used \[choice\].

use std::net::Ipv4Addr;

use super::{Place, Sgsn};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::node::core_side::CoreMessage;
use crate::eps::node::event::Event;
use crate::eps::node::geran_side::LlcNumbers;
use crate::eps::wire::GtpuPacket;
use crate::eps::wire::gmm::GmmMessage;
use crate::eps::wire::gprs::{GbMessage, LlcContents, LlcFrame};
use crate::time::VirtualTime;

/// What Gb calls a UE that is turned away before the SGSN knows who it is; nobody has this number.
const NOBODY: MmeUeS1apId = MmeUeS1apId(u32::MAX);

impl Sgsn {
    fn tell_bss(
        &mut self,
        id: MmeUeS1apId,
        (bss, tlli): (Ipv4Addr, u32),
        frame: impl FnOnce(&mut LlcNumbers) -> LlcFrame,
        outbox: &mut Outbox<Event>,
    ) {
        // Of nobody nothing is remembered.
        let mut first = LlcNumbers::default();
        let numbers = if id == NOBODY { &mut first } else { self.llc.entry(id).or_default() };
        if let Ok(llc) = frame(numbers).octets() {
            self.core.send(bss, &CoreMessage::Gb(GbMessage::Downlink { tlli, llc }), outbox);
        }
    }

    /// A message of mobility management to a UE.
    pub(super) fn gmm_to_bss(
        &mut self,
        id: MmeUeS1apId,
        place: (Ipv4Addr, u32),
        message: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) {
        self.tell_bss(id, place, |numbers| numbers.gmm(true, message), outbox);
    }

    /// A user packet to a UE.
    pub(super) fn user_packet_to_bss(
        &mut self,
        id: MmeUeS1apId,
        place: (Ipv4Addr, u32),
        packet: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) {
        self.tell_bss(id, place, |numbers| numbers.user(true, packet), outbox);
    }

    /// A frame of a UE.
    pub(super) fn gb(&mut self, now: VirtualTime, bss: Ipv4Addr, message: GbMessage, outbox: &mut Outbox<Event>) {
        let GbMessage::Uplink { tlli, llc, .. } = message else {
            return outbox.verdict(Verdict::rejected("dropped: not for an SGSN"));
        };
        let contents = match LlcFrame::parse(&llc) {
            Ok(LlcFrame { from_sgsn: false, contents, .. }) => contents,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not a frame of a UE")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let place = Place::Bss(bss, tlli);
        match contents {
            LlcContents::Gmm(octets) => {
                // Who attaches says who it is; the rest is of who is there.
                let named = match GmmMessage::parse(&octets) {
                    Ok(GmmMessage::AttachRequest { imsi, .. }) => self.number_of(imsi),
                    _ => self.at(place),
                };
                self.gmm(now, place, named.unwrap_or(NOBODY), &octets, outbox);
            }
            LlcContents::User { packet, .. } => {
                let ue = self.ues.values().find(|ue| ue.place == Some(place) && ue.has_bearer());
                let Some(tunnel) = ue.map(|ue| ue.pdp.uplink) else {
                    return outbox.verdict(Verdict::rejected("dropped: no UE is attached there"));
                };
                outbox.verdict(Verdict::accepted("accepted: user packet"));
                let packet = GtpuPacket::User { teid: tunnel.teid, pdcp_number: None, packet };
                self.core.send(tunnel.address, &CoreMessage::Gtpu(packet), outbox);
            }
        }
    }

    /// The UE that is there, or is being authenticated there.
    fn at(&self, place: Place) -> Option<MmeUeS1apId> {
        let challenged = self.authentications.iter().find(|(_, authentication)| authentication.place == place);
        let served = || self.ues.iter().find(|(_, ue)| ue.place == Some(place)).map(|(id, _)| *id);
        challenged.map(|(id, _)| *id).or_else(served)
    }
}
