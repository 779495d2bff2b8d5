//! User data at the mobile station: packets wait for the next uplink subframe with a grant; downlink PDUs are opened,
//! put together and handed out. A downlink PDU that does not open is dropped and nothing else happens (A20).

use super::{MobileStation, State, Timer};
use crate::dot16::identifiers::{Bsid, Cid, CmacKeyCount, Direction, Said};
use crate::dot16::node::connection::header;
use crate::dot16::node::event::{Event, Reject, What};
use crate::dot16::node::fragmentation::Reassembled;
use crate::dot16::security::tek_context::{ReceiveError, TransmitError};
use crate::dot16::wire::MacPdu;
use crate::emulation::{Outbox, Port, Verdict};
use crate::time::VirtualTime;

/// How many packets wait for the uplink at the most.
const QUEUE: usize = 4096;

/// The reject that a dropped data PDU counts as; `None` for a PDU under a TEK that is not there.
pub(in crate::dot16::node) fn reject_of(error: &ReceiveError) -> Option<Reject> {
    match error {
        ReceiveError::Icv => Some(Reject::Icv),
        ReceiveError::Duplicate(_) | ReceiveError::Old(_) => Some(Reject::PnReplay),
        ReceiveError::WrongDirection | ReceiveError::Malformed(_) => Some(Reject::Malformed),
        ReceiveError::UnknownTek { .. } => None,
    }
}

impl MobileStation {
    /// A user packet for the uplink.
    pub(super) fn packet(&mut self, now: VirtualTime, packet: Vec<u8>, outbox: &mut Outbox<Event>) {
        if matches!(self.state, State::Detached) || self.packets.len() >= QUEUE {
            return self.event(What::PacketGivenUp { direction: Direction::Uplink }, outbox);
        }
        self.packets.push_back(packet);
        self.want_slot(now);
    }

    pub(super) fn give_packets_up(&mut self, outbox: &mut Outbox<Event>) {
        for packet in std::mem::take(&mut self.packets) {
            if !packet.is_empty() {
                self.event(What::PacketGivenUp { direction: Direction::Uplink }, outbox);
            }
        }
    }

    pub(super) fn queue_management(&mut self, now: VirtualTime, pdu: Vec<u8>, note: String) {
        self.management.push_back((pdu, note));
        self.want_slot(now);
    }

    fn want_slot(&mut self, now: VirtualTime) {
        if self.timers.get(Timer::Slot).is_none() && self.sending_to().is_some() {
            self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
        }
    }

    /// Where user data may go now: BS, port, CID of the uplink flow, count.
    fn sending_to(&self) -> Option<(Bsid, Port, CmacKeyCount)> {
        let (bs, count) = match &self.state {
            State::Connected | State::Preparing { .. } | State::Leaving { .. } => {
                self.live.as_ref().map(|live| (live.bs, live.count))?
            }
            State::Entering { entry } if entry.granted => (entry.bs, self.keys.traffic()?),
            State::Entering { .. } | State::Returning { .. } | State::Detached => return None,
        };
        Some((bs, *self.settings.ports.get(&bs)?, count))
    }

    /// An uplink subframe starts: management first, then every waiting packet.
    pub(super) fn flush(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some((bs, port, count)) = self.sending_to() else {
            return;
        };
        if !self.settings.radio.uplink_starts_at(now) {
            if !(self.management.is_empty() && self.packets.is_empty()) {
                self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
            }
            return;
        }
        self.timers.cancel(Timer::Slot);
        for (pdu, note) in self.management.drain(..) {
            outbox.send(port, pdu, note);
        }
        let flow = self.listening_to().and_then(|(_, connection, _)| connection?.flow(Direction::Uplink));
        let Some(flow) = flow else { return };
        while let Some(packet) = self.packets.pop_front() {
            if !self.send_packet(now, (bs, port, count), (flow.cid, flow.said), &packet, outbox) {
                // There is no TEK to send under: everything waits for a new one.
                self.packets.push_front(packet);
                break;
            }
        }
        self.watch_packet_numbers(now, outbox);
    }

    /// Sends a packet, or gives it up; `false` if it has to wait for a TEK.
    fn send_packet(
        &mut self,
        now: VirtualTime,
        (bs, port, count): (Bsid, Port, CmacKeyCount),
        (cid, said): (Cid, Said),
        packet: &[u8],
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let radio = &self.settings.radio;
        let fragmenter = self.fragmenters.entry((bs, cid)).or_default();
        let context = self.keys.keys_mut(bs, count).and_then(|keys| keys.tek_context_mut(said));
        let (Ok(bodies), Some(context)) = (fragmenter.cut(packet, radio.max_pdu), context) else {
            self.event(What::PacketGivenUp { direction: Direction::Uplink }, outbox);
            return true;
        };
        let pieces = bodies.len();
        for (piece, (pdu_type, body)) in bodies.into_iter().enumerate() {
            let sealed = match context.seal(now, Direction::Uplink, header(pdu_type, cid), &body, radio.crc) {
                Ok(sealed) => sealed,
                Err(TransmitError::Seal(_)) => {
                    self.event(What::PacketGivenUp { direction: Direction::Uplink }, outbox);
                    return true;
                }
                Err(_) => return false,
            };
            let (fingerprint, pn) = (sealed.fingerprint, sealed.pn.count());
            let ms = self.settings.mac;
            let what = What::Sealed { bs, direction: Direction::Uplink, fingerprint, pn };
            outbox.report(Event { ms, what });
            let note = data_note(packet.len(), pn, sealed.eks, piece, pieces);
            outbox.send(port, sealed.octets, note);
        }
        true
    }

    /// A PDU on a transport connection.
    pub(super) fn data_pdu(&mut self, now: VirtualTime, pdu: &MacPdu<'_>, outbox: &mut Outbox<Event>) {
        let cid = pdu.header.cid;
        let Some((bs, connection, count)) = self.listening_to() else {
            return;
        };
        let Some(flow) = connection.and_then(|connection| connection.flow_on(cid)) else {
            return outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is none of this mobile's")));
        };
        let context = self.keys.keys_mut(bs, count).and_then(|keys| keys.tek_context_mut(flow.said));
        let Some(context) = context else {
            return outbox.verdict(Verdict::rejected("dropped: no TEK for this connection"));
        };
        let opened = match context.open(now, Direction::Downlink, pdu) {
            Ok(opened) => opened,
            Err(error) => {
                if let Some(reject) = reject_of(&error) {
                    self.event(What::Rejected(reject), outbox);
                }
                return outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
            }
        };
        self.serving_heard();
        self.event(What::DataAccepted { bs, direction: Direction::Downlink, self_sync_steps: 0 }, outbox);
        let reassembler = self.reassemblers.entry((bs, cid)).or_default();
        match reassembler.take(pdu.header.pdu_type, &opened.plaintext) {
            Ok(Reassembled::Sdu(octets)) => {
                outbox.verdict(Verdict::accepted(format!("accepted: ICV good, PN {} new", opened.pn.count())));
                self.event(What::PacketOut { direction: Direction::Downlink, octets }, outbox);
            }
            Ok(Reassembled::Waiting) => {
                let text = format!("accepted: ICV good, PN {} new, more fragments to come", opened.pn.count());
                outbox.verdict(Verdict::accepted(text));
            }
            Ok(Reassembled::Gap) => outbox.verdict(Verdict::rejected("ICV good, but fragments before it are missing")),
            Err(error) => self.rejected(Reject::Malformed, format!("dropped: {error}"), outbox),
        }
    }
}

/// The comment on a sealed data PDU.
pub(in crate::dot16::node) fn data_note(octets: usize, pn: u32, eks: u8, piece: usize, pieces: usize) -> String {
    if octets == 0 {
        format!("no user data, but proof of the keys, PN {pn}, EKS {eks}")
    } else if pieces == 1 {
        format!("user data, {octets} octets, PN {pn}, EKS {eks}")
    } else {
        format!("user data, fragment {} of {pieces} of {octets} octets, PN {pn}, EKS {eks}", piece + 1)
    }
}
