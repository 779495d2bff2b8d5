//! User data at the base station: uplink PDUs are opened and tunnelled to the gateway, downlink SDUs wait for the next
//! downlink subframe. SDUs that go out before the mobile has shown its keys are kept (R15).

use std::net::Ipv4Addr;

use super::{BaseStation, Mobile, Role, Timer};
use crate::dot16::backbone::GrePacket;
use crate::dot16::identifiers::{Cid, CmacKeyCount, Direction, MsMac};
use crate::dot16::node::connection::{Flow, header};
use crate::dot16::node::event::{Event, Reject, What};
use crate::dot16::node::fragmentation::Reassembled;
use crate::dot16::node::mobile_station::data::{data_note, reject_of};
use crate::dot16::security::Weakness;
use crate::dot16::security::base_station_keys::{BaseStationKeys, EntryState};
use crate::dot16::security::tek_context::TransmitError;
use crate::dot16::wire::MacPdu;
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How many SDUs of a mobile wait at the most.
const QUEUE: usize = 4096;
/// How many sent SDUs of a mobile are kept at the most.
const KEPT: usize = 1024;

impl Mobile {
    /// How many service flows a mobile has at the most.
    pub(super) const FLOWS: usize = 32;

    /// Whether the entry here was answered with TEKs in RNG-RSP, and no uplink PDU under them has verified yet (R8).
    pub(super) fn awaits_first_uplink(&self) -> bool {
        self.keys.as_ref().is_some_and(BaseStationKeys::awaits_first_uplink)
    }

    /// The count and flow of a transport CID of an attempt that has ended.
    fn retired_flow(&self, cid: Cid) -> Option<(CmacKeyCount, Flow)> {
        self.retired.iter().find_map(|(count, connection)| Some((*count, connection.flow_on(cid)?)))
    }

    /// Whether downlink data may go out at `now`.
    fn may_send(&self, now: VirtualTime, frame: u32) -> bool {
        match &self.role {
            Role::Idle => false,
            Role::Serving(serving) => {
                serving.downlink_from().is_some_and(|from| from <= now) && !serving.awaits_indication(frame)
            }
            Role::Target(target) => target.downlink_from.is_some_and(|from| from <= now),
        }
    }
}

impl BaseStation {
    /// Queues a management PDU for the next downlink subframe: never for one that starts right now, so that its frame is
    /// known to whoever queues it.
    pub(super) fn queue_management(&mut self, now: VirtualTime, ms: MsMac, pdu: Vec<u8>, note: String) {
        let due = self.settings.radio.next_downlink(now);
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.management.push_back((due, pdu, note));
        }
        self.timers.set_by(Timer::Slot(ms), due);
    }

    /// Asks for the next downlink subframe in which data may go out.
    pub(super) fn want_slot(&mut self, now: VirtualTime, ms: MsMac) {
        let Some(mobile) = self.mobiles.get(&ms) else { return };
        if mobile.queue.is_empty() {
            return;
        }
        if mobile.halted {
            return self.watch_packet_numbers(now, ms);
        }
        let from = match &mobile.role {
            Role::Serving(serving) => serving.downlink_from(),
            Role::Target(target) => target.downlink_from,
            Role::Idle => None,
        };
        if let Some(from) = from.map(|from| from.max(now)) {
            // A downlink subframe that starts right at that instant is taken, unless it is now.
            let just_before = if from > now { from - std::time::Duration::from_nanos(1) } else { from };
            self.timers.set_by(Timer::Slot(ms), self.settings.radio.next_downlink(just_before));
        }
    }

    /// A packet from a tunnel: from the gateway, or forwarded by another BS.
    pub(super) fn tunnelled(&mut self, now: VirtualTime, packet: GrePacket, outbox: &mut Outbox<Event>) {
        let owner = packet.header.key.and_then(|key| self.by_tunnel.get(&key)).copied();
        let Some(ms) = owner else {
            return outbox.verdict(Verdict::rejected("dropped: no mobile here has this GRE key"));
        };
        let sequence = packet.header.sequence.unwrap_or_default();
        let octets = packet.payload.len();
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        match &mobile.role {
            Role::Serving(serving) if !serving.is_here() => match serving.forward() {
                Some((ip, key)) => {
                    outbox.verdict(Verdict::accepted("the mobile has left: forwarded"));
                    let note = format!("GRE: forwards a user packet for {}, {octets} octets", self.directory.ms(ms));
                    self.backbone.tunnel(ip, key, sequence, packet.payload, note, outbox);
                }
                None => self.packet_given_up(ms, "dropped: the mobile has left", outbox),
            },
            Role::Idle => self.packet_given_up(ms, "dropped: the mobile is not here", outbox),
            _ if mobile.queue.len() >= QUEUE => self.packet_given_up(ms, "dropped: the queue is full", outbox),
            _ => {
                mobile.queue.insert(sequence, packet.payload);
                outbox.verdict(Verdict::accepted(format!("queued for {}", self.directory.ms(ms))));
                self.want_slot(now, ms);
            }
        }
    }

    fn packet_given_up(&self, ms: MsMac, why: &str, outbox: &mut Outbox<Event>) {
        outbox.verdict(Verdict::rejected(why));
        self.event(ms, What::PacketGivenUp { direction: Direction::Downlink }, outbox);
    }

    /// SDUs that wait when the mobile leaves go after it.
    pub(super) fn forward_queue(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let forward = match self.mobiles.get(&ms).map(|mobile| &mobile.role) {
            Some(Role::Serving(serving)) => serving.forward(),
            _ => None,
        };
        match forward {
            Some((ip, key)) => self.return_queue(ms, ip, key, outbox),
            None => self.give_queue_up(ms, outbox),
        }
    }

    /// SDUs that were never sent go to another BS.
    pub(super) fn return_queue(&mut self, ms: MsMac, ip: Ipv4Addr, key: u32, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        for (sequence, packet) in std::mem::take(&mut mobile.queue) {
            let note = format!("GRE: forwards a user packet for {}, {} octets", self.directory.ms(ms), packet.len());
            self.backbone.tunnel(ip, key, sequence, packet, note, outbox);
        }
    }

    pub(super) fn give_queue_up(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.kept.clear();
        for _ in std::mem::take(&mut mobile.queue) {
            outbox.report(Event { ms, what: What::PacketGivenUp { direction: Direction::Downlink } });
        }
    }

    /// A downlink subframe starts: management first, then every waiting SDU.
    pub(super) fn flush(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let frame = self.settings.radio.frame_number(now);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let port = mobile.port;
        let due = mobile.management.iter().take_while(|(due, ..)| *due <= now).count();
        for (_, pdu, note) in mobile.management.drain(..due) {
            outbox.send(port, pdu, note);
        }
        if let Some((due, ..)) = mobile.management.front() {
            self.timers.set_by(Timer::Slot(ms), *due);
        }
        if mobile.may_send(now, frame) {
            while let Some((sequence, packet)) = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.queue.pop_first()) {
                if !self.send_packet(now, ms, sequence, packet, outbox) {
                    break;
                }
            }
            self.watch_packet_numbers(now, ms);
        }
        self.want_slot(now, ms);
    }

    /// Sends a packet, or gives it up; `false` if it has to wait for a TEK.
    fn send_packet(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        sequence: u32,
        packet: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let (bs, max_pdu, crc) = (self.settings.bsid, self.settings.radio.max_pdu, self.settings.radio.crc);
        let given_up = Event { ms, what: What::PacketGivenUp { direction: Direction::Downlink } };
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return false;
        };
        let flow = mobile.connection.as_ref().and_then(|connection| connection.flow(Direction::Downlink));
        let Some((flow, keys)) = flow.zip(mobile.keys.as_mut()) else {
            outbox.report(given_up);
            return true;
        };
        let unproven = keys.state() == Some(EntryState::Prepared);
        let context = keys.current_mut().and_then(|entry| entry.tek_context_mut(flow.said));
        let (Some(context), Ok(bodies)) = (context, mobile.fragmenter.cut(&packet, max_pdu)) else {
            outbox.report(given_up);
            return true;
        };
        let pieces = bodies.len();
        for (piece, (pdu_type, body)) in bodies.into_iter().enumerate() {
            let sealed = match context.seal(now, Direction::Downlink, header(pdu_type, flow.cid), &body, crc) {
                Ok(sealed) => sealed,
                Err(TransmitError::Seal(_)) => {
                    outbox.report(given_up);
                    return true;
                }
                Err(_) => {
                    let until = context.newer_held_until();
                    mobile.queue.insert(sequence, packet);
                    self.halt(now, ms, until);
                    return false;
                }
            };
            let (fingerprint, pn) = (sealed.fingerprint, sealed.pn.count());
            let what = What::Sealed { bs, direction: Direction::Downlink, fingerprint, pn };
            outbox.report(Event { ms, what });
            let note = data_note(packet.len(), pn, sealed.eks, piece, pieces);
            outbox.send(mobile.port, sealed.octets, note);
        }
        if unproven && mobile.kept.len() < KEPT {
            mobile.kept.insert(sequence, packet);
        }
        true
    }

    /// An uplink PDU on a transport connection (R6, A10 to A13).
    pub(super) fn uplink_pdu(&mut self, now: VirtualTime, ms: MsMac, pdu: &MacPdu<'_>, outbox: &mut Outbox<Event>) {
        let (cid, bs) = (pdu.header.cid, self.settings.bsid);
        let never = self.weak(Weakness::NeverSealsAgain);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        if let Some((count, flow)) = mobile.retired_flow(cid) {
            return self.retired_pdu(ms, count, flow, pdu, outbox);
        }
        let flow = mobile.connection.as_ref().and_then(|connection| connection.flow_on(cid));
        let (Some(flow), Some(keys)) = (flow.filter(|flow| flow.direction == Direction::Uplink), &mut mobile.keys)
        else {
            return outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} carries no uplink data")));
        };
        let uplink = match keys.open_uplink(now, flow.said, pdu) {
            Ok(uplink) => uplink,
            Err(error) => {
                if let Some(reject) = reject_of(&error.reason) {
                    self.event(ms, What::Rejected(reject), outbox);
                }
                let searched =
                    if error.searched { ", nor under any count of the self-synchronisation window" } else { "" };
                return outbox.verdict(Verdict::rejected(format!("dropped: {}{searched}", error.reason)));
            }
        };
        let (lost, count) = (keys.awaits_first_uplink(), keys.count());
        if lost {
            keys.confirm_current();
        }
        let (steps, pn) = (uplink.self_sync_steps, uplink.opened.pn.count());
        let mut how = format!("accepted: ICV good, PN {pn} new");
        if steps > 0 {
            how = format!("{how}, T_B force-incremented by {steps} to {count}");
            // What went out under the old T_B cannot have been accepted (R15).
            let kept = std::mem::take(&mut mobile.kept);
            if !never {
                mobile.queue.extend(kept);
            }
        } else if uplink.matched_now {
            mobile.kept.clear();
            how.push_str(", same keys at both ends");
        }
        let what = What::DataAccepted { bs, direction: Direction::Uplink, self_sync_steps: steps };
        self.event(ms, what, outbox);
        self.tek_at_hand(now, ms);
        if steps > 0 {
            self.report_keys(ms, outbox);
            self.report_count(ms, outbox);
            self.want_slot(now, ms);
        }
        if lost {
            self.confirmed(now, ms, count, outbox);
        }
        self.reassemble(ms, pdu, &uplink.opened.plaintext, how, outbox);
    }

    /// A PDU on a CID of an attempt that has ended: never accepted. If its PN is no new one, it is a replay.
    fn retired_pdu(
        &mut self,
        ms: MsMac,
        count: CmacKeyCount,
        flow: Flow,
        pdu: &MacPdu<'_>,
        outbox: &mut Outbox<Event>,
    ) {
        let keys = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref());
        match keys.and_then(|keys| keys.replay_of(count, flow.said, pdu)) {
            Some(error) => {
                let text = format!("dropped: {error}, and its CID belongs to an attempt that has ended");
                self.rejected(ms, Reject::PnReplay, text, outbox);
            }
            None => outbox.verdict(Verdict::rejected("dropped: its CID belongs to an attempt that has ended")),
        }
    }

    fn reassemble(&mut self, ms: MsMac, pdu: &MacPdu<'_>, body: &[u8], how: String, outbox: &mut Outbox<Event>) {
        let gateway = self.directory.gateway.endpoint.ip;
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let reassembler = mobile.reassemblers.entry(pdu.header.cid).or_default();
        match reassembler.take(pdu.header.pdu_type, body) {
            Ok(Reassembled::Sdu(packet)) if packet.is_empty() => outbox.verdict(Verdict::accepted(how)),
            Ok(Reassembled::Sdu(packet)) => {
                let Some(key) = mobile.tunnel_up else {
                    self.event(ms, What::PacketGivenUp { direction: Direction::Uplink }, outbox);
                    return outbox.verdict(Verdict::rejected(format!("{how}; but there is no path to the gateway")));
                };
                outbox.verdict(Verdict::accepted(how));
                mobile.uplink_sequence = mobile.uplink_sequence.wrapping_add(1);
                let sequence = mobile.uplink_sequence;
                let note = format!("GRE: user packet of {}, {} octets", self.directory.ms(ms), packet.len());
                self.backbone.tunnel(gateway, key, sequence, packet, note, outbox);
            }
            Ok(Reassembled::Waiting) => outbox.verdict(Verdict::accepted(format!("{how}, more fragments to come"))),
            Ok(Reassembled::Gap) => {
                outbox.verdict(Verdict::rejected(format!("{how}, but fragments before it are missing")));
            }
            Err(error) => self.rejected(ms, Reject::Malformed, format!("dropped: {error}"), outbox),
        }
    }
}
