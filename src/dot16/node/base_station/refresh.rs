//! The refresh of TEKs at the BS: Key-Request is answered with Key-Reply or Key-Reject, TEK-Invalid makes a mobile ask
//! (802.16-2009 clause 6.3.2.3.9; `dot16-security.md` 4.2, 5.2, 7.7; A22, R10).
//!
//! **What travels.** Key-Reply has the parameters of an older and a newer TEK. A generated TEK never travels (A21): while
//! the older one of the pair is TEK1, and when it has expired, the newer one stands alone.
//!
//! **How the two ends stay together.** The BS makes a TEK before it says so, and both keep the last four. A sender uses the
//! last three at the most. So each end has whatever the other sends under, as long as the BS is never more than one TEK ahead
//! of the MS.
//!
//! * *A request is lost*: nothing has happened. *A reply is lost*: the MS repeats its request, and the same nonce gets the
//!   same TEKs. When the repetitions are used up and it asks with another nonce, the newer TEK is sent once more, until the MS
//!   has been seen to use it or the older one is about to expire (`TekContext::may_renew`): then this is the next
//!   refresh, and what the MS would lose is a TEK at its end.
//! * *A message arrives twice, or late and after another one*: its CMAC_PN is not above the last one, and it is dropped.
//!   A late reply that is in order answers a nonce that is out no longer, and is dropped, too; its TEK is sent again.
//! * *The MS sends under the newer TEK*, at once if none is generated: the BS has it. *The BS sends* under the oldest that is
//!   live, which the MS has had since the refresh before. Where only the newer one is left, since packet numbers have run out
//!   or the MS was not heard for long, traffic waits until the MS is seen to use it: a reply that was lost would cost the
//!   SDUs. Without uplink data the wait ends when the MS has not asked for as long as two exchanges take with all their
//!   repetitions. (If all of those are lost, that cannot be told from success: the one case in which downlink SDUs are lost
//!   with a TEK.)
//! * *A handover* begins while a request is out: the MS withdraws it. If it stays after all, it asks again and gets the newer
//!   TEK that it has not used. At another BS everything begins anew.
//!
//! **Packet numbers.** A BS cannot ask. When the numbers of its older TEK are used up it goes on with the newer one; when those
//! of all TEKs run out, or none is live, it sends TEK-Invalid, which tells the MS to ask, and repeats it while SDUs wait.

use std::collections::BTreeSet;
use std::time::Duration;

use rand_core::Rng;

use super::{BaseStation, Mobile, Role, Timer};
use crate::dot16::identifiers::{Cid, Direction, MsMac, Said, Sfid};
use crate::dot16::node::connection::signed_pdu;
use crate::dot16::node::event::{Event, Reject};
use crate::dot16::node::sa_tek;
use crate::dot16::security::base_station_keys::EntryState;
use crate::dot16::security::keys::Tek;
use crate::dot16::security::tek_context::{PmkLifetime, TekSource, TekState};
use crate::dot16::wire::{ManagementMessage, PkmAttribute, PkmCode, PkmErrorCode, PkmMessage};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// For how many repetition intervals of Key-Request the BS waits for a sign that the mobile has no new TEK: two exchanges with
/// three repetitions each.
const SILENT_INTERVALS: u32 = 8;

impl Mobile {
    /// Whether the mobile has entered here and has not left.
    fn has_entered(&self) -> bool {
        let here = matches!(&self.role, Role::Serving(serving) if serving.is_here());
        here && self.keys.as_ref().is_some_and(|keys| keys.state() == Some(EntryState::Confirmed))
    }

    /// Whether there are TEKs of this SA, but none to send under.
    pub(super) fn waits_for_tek(&self, now: VirtualTime, said: Said) -> bool {
        let entry = self.keys.as_ref().and_then(|keys| keys.current());
        let context = entry.and_then(|entry| entry.tek_context(said));
        context.is_some_and(|context| !context.can_send(Direction::Downlink, now))
    }
}

impl BaseStation {
    /// PKM-REQ whose CMAC has verified.
    pub(super) fn key_request(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        cid: Cid,
        request: &PkmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        if request.code != PkmCode::KEY_REQUEST {
            let text = format!("dropped: PKM code {} not expected here", request.code.0);
            return outbox.verdict(Verdict::rejected(text));
        }
        let (Some(said), Some(nonce)) = (request.said(), request.nonce()) else {
            return self.rejected(ms, Reject::Malformed, "dropped: Key-Request without SAID or nonce", outbox);
        };
        let entered = |mobile: &&Mobile| mobile.has_entered() && mobile.is_registered();
        let Some(mobile) = self.mobiles.get(&ms).map(|mobile| &**mobile).filter(entered) else {
            return outbox.verdict(Verdict::rejected("dropped: the mobile has not entered here"));
        };
        if mobile.connection.as_ref().is_none_or(|connection| connection.primary != cid) {
            return outbox.verdict(Verdict::rejected("dropped: not on the primary management connection"));
        }
        if mobile.keys.as_ref().is_none_or(|keys| keys.lifetime().ends <= now) {
            return outbox.verdict(Verdict::rejected("dropped: the PMK has expired, and no TEK outlives it"));
        }
        match self.renewed(now, ms, said, nonce) {
            Some(renewed) => {
                let how = match (renewed, self.mobiles.get(&ms).is_some_and(|mobile| mobile.is_unkeyed(said))) {
                    (true, _) => "a newer TEK is made",
                    (false, true) => "the first TEKs are sent",
                    (false, false) => "the newer TEK is sent once more",
                };
                outbox.verdict(Verdict::accepted(format!("CMAC good, {how}")));
                self.report_keys(ms, outbox);
                self.answer_key_request(now, ms, request.identifier, said, nonce);
                self.tek_at_hand(now, ms);
                self.first_keys_sent(now, ms, said, outbox);
            }
            None => {
                outbox.verdict(Verdict::accepted(format!("CMAC good, but there is no SA {said}")));
                self.reject_key_request(now, ms, request.identifier, said, nonce);
            }
        }
    }

    /// For how long a mobile that has no new TEK may not be heard asking for it.
    pub(super) fn longest_silence(&self) -> Duration {
        self.settings.radio.key_request_retry.saturating_mul(SILENT_INTERVALS)
    }

    /// Makes a newer TEK unless this request was answered before, or the newer TEK may not have arrived; says whether it did.
    /// `None` if there is no such SA.
    fn renewed(&mut self, now: VirtualTime, ms: MsMac, said: Said, nonce: [u8; 8]) -> Option<bool> {
        let window = self.settings.keys.window.clone();
        let radio = &self.settings.radio;
        let arrival = radio.next_downlink(now) + radio.frame + radio.tek_processing;
        let hold = arrival.since(now) + self.longest_silence();
        let mobile = self.mobiles.get_mut(&ms)?;
        let repeated = mobile.answered.get(&said) == Some(&nonce) || mobile.is_unkeyed(said);
        let keys = mobile.keys.as_mut()?;
        let lifetime = keys.lifetime();
        let context = keys.current_mut()?.tek_context_mut(said)?;
        let renewed = !repeated && context.may_renew(now);
        if renewed {
            let mut octets = [0; Tek::OCTETS];
            self.generator.fill_bytes(&mut octets);
            let expires = newer_expiry(lifetime, now);
            let newer = TekState::new(Tek::from_octets(octets), context.next_eks(), TekSource::Random, window, expires);
            context.renew(newer.lasting(expires.since(now)));
        }
        context.hold_newer(now, hold);
        mobile.answered.insert(said, nonce);
        if renewed {
            self.timers.cancel(Timer::TekInvalid(ms));
        }
        Some(renewed)
    }

    fn answer_key_request(&mut self, now: VirtualTime, ms: MsMac, identifier: u8, said: Said, nonce: [u8; 8]) {
        let Some(keys) = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref()) else {
            return;
        };
        let context = keys.current().and_then(|entry| entry.tek_context(said));
        let sent: Vec<&TekState> = context.into_iter().flat_map(|context| context.states()).collect();
        // A generated TEK never travels (A21), and an expired one is of no use.
        let sent = sent.into_iter().filter(|tek| !tek.source().is_counter() && tek.expires() > now);
        let (eks, parameters): (Vec<String>, Vec<PkmAttribute>) = sent
            .map(|tek| {
                (tek.eks().to_string(), PkmAttribute::TekParameters(sa_tek::parameters(&keys.ak().kek, tek, now)))
            })
            .unzip();
        let mut attributes = vec![PkmAttribute::Said(said)];
        attributes.extend(parameters);
        attributes.push(PkmAttribute::Nonce(nonce));
        let note = format!("Key-Reply: TEKs of SA {said} with EKS {}", eks.join(", "));
        self.send_pkm(now, ms, PkmMessage { code: PkmCode::KEY_REPLY, identifier, attributes }, note);
    }

    fn reject_key_request(&mut self, now: VirtualTime, ms: MsMac, identifier: u8, said: Said, nonce: [u8; 8]) {
        let attributes = vec![
            PkmAttribute::Said(said),
            PkmAttribute::ErrorCode(PkmErrorCode::UNAUTHORIZED_SAID),
            PkmAttribute::DisplayString(b"no such SA".to_vec()),
            PkmAttribute::Nonce(nonce),
        ];
        let note = format!("Key-Reject: there is no SA {said}");
        self.send_pkm(now, ms, PkmMessage { code: PkmCode::KEY_REJECT, identifier, attributes }, note);
    }

    /// Puts the AK sequence number in front, signs, and queues on the primary management connection.
    fn send_pkm(&mut self, now: VirtualTime, ms: MsMac, mut message: PkmMessage, note: String) {
        let crc = self.settings.radio.crc;
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let (Some(connection), Some(keys)) = (&mobile.connection, &mut mobile.keys) else {
            return;
        };
        message.attributes.insert(0, PkmAttribute::KeySequenceNumber(keys.ak().ak_sn.0));
        let (message, cid) = (ManagementMessage::PkmRsp(message), connection.primary);
        let Some(entry) = keys.current_mut() else { return };
        if let Ok(pdu) = signed_pdu(message, cid, Direction::Downlink, entry, crc) {
            self.queue_management(now, ms, pdu, note);
        }
    }

    /// A downlink subframe was filled, and these flows had no TEK to send under. One may have it when the mobile holds the newer
    /// TEK for sure. Where it needs another one, the mobile is told.
    pub(super) fn halt(&mut self, now: VirtualTime, ms: MsMac, flows: BTreeSet<Sfid>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.halted = flows;
        let halted = mobile.flows.iter().filter(|(sfid, _)| mobile.halted.contains(sfid));
        let entry = mobile.keys.as_ref().and_then(|keys| keys.current());
        let contexts = halted.filter_map(|(_, said)| entry?.tek_context(*said));
        let until = contexts.map(|context| context.newer_held_until()).filter(|until| *until > now).min();
        if let Some(until) = until {
            self.timers.set(Timer::Halted(ms), until);
        }
        self.watch_packet_numbers(now, ms);
    }

    /// SDUs that wait for a TEK may go out now: one was made, was seen in use, or has waited long enough.
    pub(super) fn tek_at_hand(&mut self, now: VirtualTime, ms: MsMac) {
        let halted = self.mobiles.get_mut(&ms).map(|mobile| std::mem::take(&mut mobile.halted));
        if halted.is_some_and(|flows| !flows.is_empty()) {
            self.want_slot(now, ms);
        }
    }

    /// After downlink data: TEK-Invalid for every SA that runs out of packet numbers or has no TEK to send under.
    pub(super) fn watch_packet_numbers(&mut self, now: VirtualTime, ms: MsMac) {
        if self.timers.get(Timer::TekInvalid(ms)).is_some() {
            return;
        }
        let Some(mobile) = self.mobiles.get(&ms).filter(|mobile| mobile.has_entered()) else {
            return;
        };
        let keys = mobile.keys.as_ref().filter(|keys| keys.lifetime().ends > now);
        let contexts = keys.and_then(|keys| keys.current()).into_iter().flat_map(|entry| entry.tek_contexts());
        let saids: Vec<Said> =
            contexts.filter(|(_, context)| context.runs_low(Direction::Downlink, now)).map(|(said, _)| said).collect();
        if saids.is_empty() {
            return;
        }
        self.timers.set(Timer::TekInvalid(ms), now + self.settings.radio.key_request_retry);
        for said in saids {
            let attributes = vec![
                PkmAttribute::Said(said),
                PkmAttribute::ErrorCode(PkmErrorCode::INVALID_KEY_SEQUENCE_NUMBER),
                PkmAttribute::DisplayString(b"no packet numbers are left".to_vec()),
            ];
            let note = format!("TEK-Invalid: the TEKs of SA {said} are used up");
            self.send_pkm(now, ms, PkmMessage { code: PkmCode::TEK_INVALID, identifier: 0, attributes }, note);
        }
    }

    /// Nobody has asked after TEK-Invalid: says it again if SDUs wait.
    pub(super) fn repeat_tek_invalid(&mut self, now: VirtualTime, ms: MsMac) {
        if self.mobiles.get(&ms).is_some_and(|mobile| !mobile.queue.is_empty()) {
            self.watch_packet_numbers(now, ms);
        }
    }
}

/// A TEK made at `now` lasts half of the full PMK lifetime, as TEK1 does, in whole seconds, but not longer than the PMK (R10).
fn newer_expiry(lifetime: PmkLifetime, now: VirtualTime) -> VirtualTime {
    (now + Duration::from_secs((lifetime.full / 2).as_secs().max(1))).min(lifetime.ends)
}
