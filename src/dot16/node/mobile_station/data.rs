//! User data at the mobile station: packets wait for the next uplink subframe with a grant; downlink PDUs are opened,
//! put together and handed out. A downlink PDU that does not open is dropped and nothing else happens (A20).

use std::collections::BTreeSet;

use super::{MobileStation, State, Timer};
use crate::dot16::identifiers::{Bsid, CmacKeyCount, Direction};
use crate::dot16::node::connection::{Flow, header};
use crate::dot16::node::event::{Event, Reject, What};
use crate::dot16::node::sdu_queue::{Load, PduLimits};
use crate::dot16::security::Weakness;
use crate::dot16::security::tek_context::ReceiveError;
use crate::dot16::wire::MacPdu;
use crate::emulation::{Outbox, Port, Verdict};
use crate::time::VirtualTime;

/// How many packets wait for the uplink at the most.
pub(super) const QUEUE: usize = 4096;
/// How many management PDUs wait for the uplink at the most.
pub(super) const MANAGEMENT: usize = 64;

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
        let flow = self.settings.classifiers.flow_for(&self.flows, Direction::Uplink, &packet);
        let Some(flow) = flow.filter(|_| self.packets.len() < QUEUE) else {
            return self.packets_given_up(1, outbox);
        };
        self.packets.insert(flow, self.next_packet, packet);
        self.next_packet = self.next_packet.wrapping_add(1);
        self.want_slot(now);
    }

    fn packets_given_up(&self, packets: usize, outbox: &mut Outbox<Event>) {
        for _ in 0..packets {
            self.event(What::PacketGivenUp { direction: Direction::Uplink }, outbox);
        }
    }

    pub(super) fn queue_management(
        &mut self,
        now: VirtualTime,
        pdu: Vec<u8>,
        note: String,
        outbox: &mut Outbox<Event>,
    ) {
        if self.management.len() >= MANAGEMENT {
            return self.event(What::CommandIgnored("too many management messages wait for the uplink"), outbox);
        }
        self.management.push_back((pdu, note));
        self.want_slot(now);
    }

    fn want_slot(&mut self, now: VirtualTime) {
        if self.timers.get(Timer::Slot).is_none() && self.sending_to().is_some() {
            self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
        }
    }

    /// Where user data may go now: BS, port, count.
    fn sending_to(&self) -> Option<(Bsid, Port, CmacKeyCount)> {
        let (bs, count) = match &self.state {
            State::Connected | State::Preparing { .. } | State::Leaving { .. } => {
                self.live.as_ref().map(|live| (live.bs, live.count))?
            }
            State::Entering { entry } if entry.granted || entry.handshake.is_some() => (entry.bs, self.keys.traffic()?),
            State::Joining { joining } if joining.may_send() => (joining.bs, CmacKeyCount(0)),
            State::Entering { .. } | State::Returning { .. } | State::Joining { .. } => return None,
        };
        Some((bs, self.settings.port(bs)?, count))
    }

    /// An uplink subframe starts: management first, then every waiting packet.
    pub(super) fn flush(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some((bs, port, count)) = self.sending_to() else {
            return;
        };
        if !self.settings.radio.uplink_starts_at(now) {
            if !(self.management.is_empty() && self.packets.is_empty()) || self.proves_keys {
                self.timers.set(Timer::Slot, self.settings.radio.next_uplink(now));
            }
            return;
        }
        self.timers.cancel(Timer::Slot);
        self.flush_management(outbox);
        let Some(connection) = self.listening_to().and_then(|(_, connection, _)| connection.cloned()) else {
            return;
        };
        let sends_with = (bs, connection.basic, count);
        if self.sent_with.replace(sends_with) != Some(sends_with) {
            self.packets.begin_anew();
        }
        let proves = std::mem::take(&mut self.proves_keys) && self.packets.is_empty();
        let uplink = connection.flows.iter().find(|flow| flow.direction == Direction::Uplink);
        if let Some(flow) = uplink.copied().filter(|_| proves) {
            self.send_load(now, (bs, port, count), flow, &Load::empty("no user data, but proof of the keys"), outbox);
        }
        let radio = &self.settings.radio;
        let (max_pdu, packing) = (radio.max_pdu, radio.packing);
        let mut left = radio.allocation.unwrap_or(usize::MAX);
        let mut halted = BTreeSet::new();
        while let Some(sfid) = self.packets.next_flow(&halted) {
            let Some(flow) = connection.flow(sfid) else {
                let packets = self.packets.drop_flow(sfid);
                self.packets_given_up(packets, outbox);
                continue;
            };
            let context = self.keys.keys(bs, count).and_then(|keys| keys.tek_context(flow.said));
            if context.is_some_and(|context| !context.can_send(Direction::Uplink, now)) {
                halted.insert(sfid);
                continue;
            }
            let Some(load) = self.packets.load(sfid, PduLimits { max_pdu, left, packing }) else {
                break;
            };
            match self.send_load(now, (bs, port, count), flow, &load, outbox) {
                Some(octets) => left = left.saturating_sub(octets),
                None => {
                    let packets = load.done.len() + usize::from(self.packets.drop_begun(sfid));
                    self.packets_given_up(packets, outbox);
                }
            }
        }
        if self.packets.next_flow(&halted).is_some() {
            self.want_slot(now);
        }
        self.watch_packet_numbers(now, outbox);
    }

    /// Sends the management messages that wait.
    pub(super) fn flush_management(&mut self, outbox: &mut Outbox<Event>) {
        let Some((_, port, _)) = self.sending_to() else { return };
        for (pdu, note) in self.management.drain(..) {
            outbox.send(port, pdu, note);
        }
    }

    /// Sends a PDU; answers its octets, or `None` if no key can seal it.
    fn send_load(
        &mut self,
        now: VirtualTime,
        (bs, port, count): (Bsid, Port, CmacKeyCount),
        flow: Flow,
        load: &Load,
        outbox: &mut Outbox<Event>,
    ) -> Option<usize> {
        let crc = self.settings.radio.crc;
        let fragmenter = self.fragmenters.entry((bs, flow.cid)).or_default();
        let (pdu_type, body) = fragmenter.body(&load.pieces).ok()?;
        let context = self.keys.keys_mut(bs, count)?.tek_context_mut(flow.said)?;
        let sealed = context.seal(now, Direction::Uplink, header(pdu_type, flow.cid), &body, crc).ok()?;
        let (fingerprint, pn) = (sealed.fingerprint, sealed.pn.count());
        self.event(What::Sealed { bs, direction: Direction::Uplink, fingerprint, pn, plaintext: body }, outbox);
        let octets = sealed.octets.len();
        outbox.send(port, sealed.octets, data_note(&load.text, pn, sealed.eks));
        Some(octets)
    }

    /// A PDU on a transport connection.
    pub(super) fn data_pdu(&mut self, now: VirtualTime, pdu: &MacPdu<'_>, outbox: &mut Outbox<Event>) {
        let cid = pdu.header.cid;
        let Some((bs, connection, count)) = self.listening_to() else {
            return outbox.verdict(Verdict::rejected("dropped: the mobile has no connection"));
        };
        let Some(flow) = connection.and_then(|connection| connection.flow_on(cid)) else {
            return outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is none of this mobile's")));
        };
        let moves_window = self.keys.weak(Weakness::MovesWindowBeforeIcv);
        let context = self.keys.keys_mut(bs, count).and_then(|keys| keys.tek_context_mut(flow.said));
        let Some(context) = context else {
            return outbox.verdict(Verdict::rejected("dropped: no TEK for this connection"));
        };
        let opened = match context.open(now, Direction::Downlink, pdu) {
            Ok(opened) => opened,
            Err(error) => {
                if moves_window && error == ReceiveError::Icv {
                    context.accept_unverified(pdu);
                }
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
            Ok(result) => {
                outbox.verdict(result.verdict(format!("accepted: ICV good, PN {} new", opened.pn.count())));
                for octets in result.sdus.into_iter().filter(|sdu| !sdu.is_empty()) {
                    self.event(What::PacketOut { direction: Direction::Downlink, octets }, outbox);
                }
            }
            Err(error) => self.rejected(Reject::Malformed, format!("dropped: {error}"), outbox),
        }
    }
}

/// The comment on a sealed data PDU whose load is `text`.
pub(in crate::dot16::node) fn data_note(text: &str, pn: u32, eks: u8) -> String {
    format!("{text}, PN {pn}, EKS {eks}")
}
