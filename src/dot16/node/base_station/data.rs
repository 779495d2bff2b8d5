//! User data at the base station: uplink PDUs are opened and tunnelled to the gateway, downlink SDUs wait for the next
//! downlink subframe. SDUs that go out before the mobile has shown its keys are kept (R15).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::budget::worked;
use super::registration::WAITING_FOR_PATH;
use super::{BaseStation, Mobile, Role, Timer};
use crate::dot16::backbone::GrePacket;
use crate::dot16::identifiers::{Cid, CmacKeyCount, Direction, MsMac, Sfid};
use crate::dot16::node::connection::{Flow, header};
use crate::dot16::node::event::{Event, Reject, What};
use crate::dot16::node::mobile_station::data::{data_note, reject_of};
use crate::dot16::node::sdu_queue::{Load, PduLimits};
use crate::dot16::security::Weakness;
use crate::dot16::security::base_station_keys::{BaseStationKeys, EntryState};
use crate::dot16::security::tek_context::SealedPdu;
use crate::dot16::wire::{CrcForm, MacPdu};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How many SDUs of a mobile wait at the most.
pub(super) const QUEUE: usize = 4096;
/// How many sent SDUs of a mobile are kept before no more are sent until it has shown its keys.
pub(super) const KEPT: usize = 1024;
/// How many management PDUs for a mobile wait at the most.
pub(super) const MANAGEMENT: usize = 64;

impl Mobile {
    /// How many service flows a mobile has at the most.
    pub(super) const FLOWS: usize = 32;

    /// Seals a PDU under the keys of T_B and answers it with its plaintext; `None` if none of them can.
    fn seal(&mut self, now: VirtualTime, flow: Flow, load: &Load, crc: CrcForm) -> Option<(SealedPdu, Vec<u8>)> {
        let (pdu_type, body) = self.fragmenters.entry(flow.cid).or_default().body(&load.pieces).ok()?;
        let context = self.keys.as_mut()?.current_mut()?.tek_context_mut(flow.said)?;
        let sealed = context.seal(now, Direction::Downlink, header(pdu_type, flow.cid), &body, crc).ok()?;
        Some((sealed, body))
    }

    /// Takes the SDUs that were sent under keys that the mobile turns out not to have back into the queue: it cannot have
    /// accepted them (R15).
    pub(super) fn queue_kept(&mut self) {
        for (sequence, (flow, packet)) in std::mem::take(&mut self.kept) {
            self.queue.insert(flow, sequence, packet);
        }
    }

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
        if self.registration.is_some() {
            return false;
        }
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
        if let Some(mobile) = self.mobiles.get_mut(&ms).filter(|mobile| mobile.management.len() < MANAGEMENT) {
            mobile.management.push_back((due, pdu, note));
        }
        self.timers.set_by(Timer::Slot(ms), due);
    }

    /// Asks for the next downlink subframe in which data may go out.
    pub(super) fn want_slot(&mut self, now: VirtualTime, ms: MsMac) {
        let Some(mobile) = self.mobiles.get(&ms) else { return };
        if mobile.queue.is_empty() || mobile.registration.is_some() {
            return;
        }
        if mobile.queue.next_flow(&mobile.halted).is_none() {
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
    pub(super) fn tunnelled(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        packet: GrePacket,
        outbox: &mut Outbox<Event>,
    ) {
        // For every node that sends packets a window is kept: there are as many as there are links.
        if !self.backbone.reaches(from) {
            return outbox.verdict(Verdict::rejected("dropped: no link leads to its sender"));
        }
        let owner = packet.header.key.and_then(|key| self.by_tunnel.get(&key)).copied();
        let Some(ms) = owner else {
            return outbox.verdict(Verdict::rejected("dropped: no mobile here has this GRE key"));
        };
        let sequence = packet.header.sequence.unwrap_or_default();
        let octets = packet.payload.len();
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let came = mobile.came.entry(from).or_default();
        if came.has(sequence) {
            return outbox.verdict(Verdict::rejected("dropped: a copy of a packet that came before"));
        }
        came.take(sequence);
        let forward = match &mobile.role {
            Role::Serving(serving) if !serving.is_here() => Some(serving.forward()),
            Role::Idle => Some(mobile.gone_to),
            _ => None,
        };
        match forward {
            Some(Some((ip, key))) => {
                outbox.verdict(Verdict::accepted("the mobile has left: forwarded"));
                let note = format!("GRE: forwards a user packet for {}, {octets} octets", self.directory.ms(ms));
                if let Err(error) = self.backbone.tunnel(ip, key, sequence, packet.payload, note, outbox) {
                    self.packet_given_up(ms, &format!("dropped: {error}"), outbox);
                }
            }
            Some(None) => {
                self.packet_given_up(ms, "dropped: the mobile is not here", outbox);
                self.tell_gone(now, ms, outbox);
            }
            _ if mobile.queue.len() >= QUEUE => self.packet_given_up(ms, "dropped: the queue is full", outbox),
            _ => {
                let flows: Vec<Sfid> = mobile.flows.iter().map(|(sfid, _)| *sfid).collect();
                let flow = mobile.classifiers.flow_for(&flows, Direction::Downlink, &packet.payload);
                match flow.map(|flow| mobile.queue.insert(flow, sequence, packet.payload)) {
                    Some(true) => {
                        outbox.verdict(Verdict::accepted(format!("queued for {}", self.directory.ms(ms))));
                        self.want_slot(now, ms);
                    }
                    Some(false) => outbox.verdict(Verdict::rejected("dropped: it waits here already")),
                    None => self.packet_given_up(ms, "dropped: no service flow takes it", outbox),
                }
            }
        }
    }

    /// The gateway leads the path of a mobile here that is gone: a request for the path was overtaken by its end. It is told,
    /// unless what came may have been under way when it was told before, and can lead the path back where it was.
    fn tell_gone(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get(&ms) else { return };
        let pause = self.settings.radio.handover_retry;
        if matches!(mobile.role, Role::Idle) && mobile.told_gone.is_none_or(|told| told + pause <= now) {
            self.end_path(now, ms, outbox);
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

    /// SDUs that were never sent go to another BS, and those that were sent in part as a whole (R15).
    pub(super) fn return_queue(&mut self, ms: MsMac, ip: Ipv4Addr, key: u32, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        for (sequence, packet) in mobile.queue.take_all() {
            let note = format!("GRE: forwards a user packet for {}, {} octets", self.directory.ms(ms), packet.len());
            if self.backbone.tunnel(ip, key, sequence, packet, note, outbox).is_err() {
                given_up(ms, 1, outbox);
            }
        }
    }

    pub(super) fn give_queue_up(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.kept.clear();
        given_up(ms, mobile.queue.take_all().len(), outbox);
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
            self.send_waiting(now, ms, outbox);
        }
        self.want_slot(now, ms);
    }

    /// Sends the SDUs that wait, as many as the subframe takes.
    fn send_waiting(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        let (bs, radio) = (self.settings.bsid, &self.settings.radio);
        let (max_pdu, packing) = (radio.max_pdu, radio.packing);
        let mut left = radio.allocation.unwrap_or(usize::MAX);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let (Some(connection), Some(keys)) = (mobile.connection.clone(), &mobile.keys) else {
            return given_up(ms, mobile.queue.take_all().len(), outbox);
        };
        let unproven = keys.state() == Some(EntryState::Prepared);
        let sends_with = (connection.basic, keys.count());
        if mobile.sent_with.replace(sends_with) != Some(sends_with) {
            mobile.queue.begin_anew();
        }
        let mut halted = BTreeSet::new();
        while let Some(sfid) = mobile.queue.next_flow(&halted) {
            if unproven && mobile.kept.len() >= KEPT {
                break;
            }
            let Some(flow) = connection.flow(sfid) else {
                given_up(ms, mobile.queue.drop_flow(sfid), outbox);
                continue;
            };
            if mobile.waits_for_tek(now, flow.said) {
                halted.insert(sfid);
                continue;
            }
            let Some(load) = mobile.queue.load(sfid, PduLimits { max_pdu, left, packing }) else {
                break;
            };
            let Some((sealed, plaintext)) = mobile.seal(now, flow, &load, radio.crc) else {
                given_up(ms, load.done.len() + usize::from(mobile.queue.drop_begun(sfid)), outbox);
                continue;
            };
            left = left.saturating_sub(sealed.octets.len());
            let (fingerprint, pn) = (sealed.fingerprint, sealed.pn.count());
            let what = What::Sealed { bs, direction: Direction::Downlink, fingerprint, pn, plaintext };
            outbox.report(Event { ms, what });
            let note = data_note(&load.text, pn, sealed.eks);
            outbox.send(mobile.port, sealed.octets, note);
            if unproven {
                mobile.kept.extend(load.done.into_iter().map(|(sequence, packet)| (sequence, (sfid, packet))));
            }
        }
        self.halt(now, ms, halted);
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
        if matches!(&mobile.role, Role::Serving(serving) if serving.has_given_teks_away()) {
            return outbox
                .verdict(Verdict::rejected("dropped: the replay window has gone to the target with the TEKs"));
        }
        let flow = mobile.connection.as_ref().and_then(|connection| connection.flow_on(cid));
        let (Some(flow), Some(keys)) = (flow.filter(|flow| flow.direction == Direction::Uplink), &mut mobile.keys)
        else {
            return outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} carries no uplink data")));
        };
        let opened = keys.open_uplink(now, flow.said, pdu);
        worked(ms, keys.take_work(), outbox);
        let uplink = match opened {
            Ok(uplink) => uplink,
            Err(error) => {
                if let Some(reject) = reject_of(&error.reason) {
                    self.event(ms, What::Rejected(reject), outbox);
                }
                if error.searched {
                    self.event(ms, What::SearchFailed { bs }, outbox);
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
            if !never {
                mobile.queue_kept();
            }
            mobile.kept.clear();
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
            Ok(result) => {
                let mut verdict = result.verdict(how);
                for packet in result.sdus.into_iter().filter(|sdu| !sdu.is_empty()) {
                    if let Err(why) = self.send_to_gateway(ms, gateway, packet, outbox) {
                        self.event(ms, What::PacketGivenUp { direction: Direction::Uplink }, outbox);
                        verdict = Verdict::rejected(format!("{}; but {why}", verdict.text));
                    }
                }
                outbox.verdict(verdict);
            }
            Err(error) => self.rejected(ms, Reject::Malformed, format!("dropped: {error}"), outbox),
        }
    }

    /// Sends an uplink packet that has waited for the data path.
    pub(super) fn send_waited(&mut self, ms: MsMac, packet: Vec<u8>, outbox: &mut Outbox<Event>) {
        let gateway = self.directory.gateway.endpoint.ip;
        if self.send_to_gateway(ms, gateway, packet, outbox).is_err() {
            self.event(ms, What::PacketGivenUp { direction: Direction::Uplink }, outbox);
        }
    }

    /// Sends a user packet to the gateway; says what is in the way.
    fn send_to_gateway(
        &mut self,
        ms: MsMac,
        gateway: Ipv4Addr,
        packet: Vec<u8>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), String> {
        let note = format!("GRE: user packet of {}, {} octets", self.directory.ms(ms), packet.len());
        if let Some(mobile) = self.mobiles.get_mut(&ms).filter(|mobile| mobile.attaching) {
            if mobile.waits_for_path.len() >= WAITING_FOR_PATH {
                return Err("too many packets wait for the data path".to_owned());
            }
            mobile.waits_for_path.push_back(packet);
            return Ok(());
        }
        let mobile = self.mobiles.get_mut(&ms);
        let no_path = || "there is no path to the gateway".to_owned();
        let (mobile, key) = mobile.and_then(|mobile| mobile.tunnel_up.map(|key| (mobile, key))).ok_or_else(no_path)?;
        mobile.uplink_sequence = mobile.uplink_sequence.wrapping_add(1);
        let sequence = mobile.uplink_sequence;
        self.backbone.tunnel(gateway, key, sequence, packet, note, outbox).map_err(|error| error.to_string())
    }
}

/// Downlink packets are given up.
fn given_up(ms: MsMac, packets: usize, outbox: &mut Outbox<Event>) {
    for _ in 0..packets {
        outbox.report(Event { ms, what: What::PacketGivenUp { direction: Direction::Downlink } });
    }
}
