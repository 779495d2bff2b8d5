//! The refresh of TEKs as the mobile drives it: PKMv2 Key-Request, Key-Reply, Key-Reject and TEK-Invalid on the primary
//! management connection (802.16-2009 clause 6.3.2.3.9; `dot16-security.md` 5.2, 7.7; A22, R10).
//!
//! There is one exchange for each SA. The mobile asks
//!
//! * the grace time before the older TEK of a pair expires, unless the newer one lasts as long as the PMK;
//! * when it sends under the newest TEK and its packet numbers run out, or it has none to send under;
//! * when the BS says with TEK-Invalid that it has none.
//!
//! It asks over an established connection only: before RNG-REQ nothing is refreshed, and a handover that begins withdraws
//! the request that is out. A request is repeated, with its nonce, until an answer with that nonce comes or the repetitions
//! are used up; a while later there is another one with another nonce. An answer without an outstanding nonce is dropped, so
//! that a late one installs nothing. That the two ends do not lose each other is for the BS to see to
//! (`base_station::refresh`).

use std::collections::BTreeMap;
use std::time::Duration;

use rand_core::Rng;

use super::{Live, MobileStation, State, Timer};
use crate::dot16::identifiers::{Cid, Direction, Said};
use crate::dot16::node::connection::signed_pdu;
use crate::dot16::node::event::{Event, Reject};
use crate::dot16::node::sa_tek;
use crate::dot16::security::tek_context::{TekContext, TekState};
use crate::dot16::wire::{ManagementMessage, PkmAttribute, PkmCode, PkmMessage};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How often a Key-Request is sent again before it is given up.
const REPEATS: u8 = 3;

/// How a mobile refreshes its TEKs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshSettings {
    /// How long before the end of a TEK new ones are asked for; at most 1/8 of its lifetime is used (R10).
    pub grace: Duration,
}

/// The exchange of one SA.
#[derive(Clone, Debug, Default)]
enum Exchange {
    /// None is under way; the last one ended then without new TEKs.
    #[default]
    None,
    /// Key-Request is out.
    Asking { nonce: [u8; 8], identifier: u8, repeats: u8, due: VirtualTime },
    /// New TEKs are at work after their processing time.
    Installing { teks: Vec<TekState>, due: VirtualTime },
}

#[derive(Clone, Debug, Default)]
struct OfSa {
    exchange: Exchange,
    /// When the last exchange ended that brought no new TEK.
    fruitless: Option<VirtualTime>,
    /// The BS has said that its TEKs are of no use any more.
    demanded: bool,
    /// Key-Reject: the BS has no such SA.
    rejected: bool,
}

/// What the mobile keeps for the refresh of its TEKs at the BS that it is connected to.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    settings: RefreshSettings,
    identifier: u8,
    sas: BTreeMap<Said, OfSa>,
}

/// What is to be done for an SA, and when.
enum Next {
    Ask(VirtualTime),
    Repeat(VirtualTime),
    Install(VirtualTime),
}

impl MobileStation {
    /// The same, asking for new TEKs in time.
    #[must_use]
    pub fn refreshing(mut self, settings: RefreshSettings) -> Self {
        self.refresh = Some(Refresh { settings, identifier: 0, sas: BTreeMap::new() });
        self.timers.set(Timer::Refresh, VirtualTime::ZERO);
        self
    }

    /// A handover begins, or the connection is another one: requests are withdrawn, TEKs not yet installed are dropped.
    pub(super) fn withdraw_refresh(&mut self) {
        if let Some(refresh) = &mut self.refresh {
            refresh.sas.clear();
        }
        self.timers.cancel(Timer::Refresh);
    }

    /// Asks, repeats and installs what is due, and sets the timer for what comes next.
    pub(super) fn refresh_teks(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.timers.cancel(Timer::Refresh);
        let (State::Connected, Some(live)) = (&self.state, self.live.clone()) else {
            return;
        };
        let keys = self.keys.keys(live.bs, live.count);
        let saids: Vec<Said> = keys.into_iter().flat_map(|keys| keys.tek_contexts().map(|(said, _)| said)).collect();
        for said in saids {
            // Each step is followed by a time of waiting.
            while let Some(next) = self.next_step(said, now, &live) {
                let (Next::Ask(due) | Next::Repeat(due) | Next::Install(due)) = next;
                if due > now {
                    self.timers.set_by(Timer::Refresh, due);
                    break;
                }
                match next {
                    Next::Ask(_) => self.ask(now, said, &live, outbox),
                    Next::Repeat(_) => self.repeat(now, said, &live, outbox),
                    Next::Install(_) => self.install_refreshed(now, said, &live, outbox),
                }
            }
        }
    }

    /// After user data: asks early if packet numbers run out.
    pub(super) fn watch_packet_numbers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some(keys) = self.live.as_ref().and_then(|live| self.keys.keys(live.bs, live.count)) else {
            return;
        };
        if keys.tek_contexts().any(|(_, context)| context.runs_low(Direction::Uplink, now)) {
            self.refresh_teks(now, outbox);
        }
    }

    fn next_step(&self, said: Said, now: VirtualTime, live: &Live) -> Option<Next> {
        let refresh = self.refresh.as_ref()?;
        let context = self.keys.keys(live.bs, live.count)?.tek_context(said)?;
        let sa = refresh.sas.get(&said);
        match sa.map(|sa| &sa.exchange) {
            Some(Exchange::Asking { due, .. }) => return Some(Next::Repeat(*due)),
            Some(Exchange::Installing { due, .. }) => return Some(Next::Install(*due)),
            Some(Exchange::None) | None => {}
        }
        let ends = self.keys.lifetime().ends;
        if now >= ends || sa.is_some_and(|sa| sa.rejected) {
            return None;
        }
        let grace = refresh.settings.grace;
        let urgent = context.runs_low(Direction::Uplink, now) || sa.is_some_and(|sa| sa.demanded);
        let due = if urgent { now } else { context.refresh_due(grace, ends)? };
        let Some(ended) = sa.and_then(|sa| sa.fruitless) else {
            return Some(Next::Ask(due));
        };
        // After an exchange without success a pause, the shorter the closer the end of the last TEK is.
        let [_, newer] = context.states();
        let pause = if urgent { Duration::ZERO } else { context.grace(grace).min(newer.expires().since(ended) / 8) };
        Some(Next::Ask(due.max(ended + pause.max(self.settings.radio.key_request_retry))))
    }

    fn ask(&mut self, now: VirtualTime, said: Said, live: &Live, outbox: &mut Outbox<Event>) {
        let Some(refresh) = &mut self.refresh else { return };
        let mut nonce = [0; 8];
        self.generator.fill_bytes(&mut nonce);
        refresh.identifier = refresh.identifier.wrapping_add(1);
        let identifier = refresh.identifier;
        let due = now + self.settings.radio.key_request_retry;
        refresh.sas.entry(said).or_default().exchange = Exchange::Asking { nonce, identifier, repeats: 0, due };
        let note = format!("Key-Request: asks for TEKs of SA {said}");
        self.send_key_request(now, (said, nonce, identifier), live, note, outbox);
    }

    /// Sends the request again, or gives it up.
    fn repeat(&mut self, now: VirtualTime, said: Said, live: &Live, outbox: &mut Outbox<Event>) {
        let retry = self.settings.radio.key_request_retry;
        let Some(sa) = self.refresh.as_mut().and_then(|refresh| refresh.sas.get_mut(&said)) else {
            return;
        };
        let Exchange::Asking { nonce, identifier, repeats, due } = &mut sa.exchange else {
            return;
        };
        if *repeats == REPEATS {
            sa.exchange = Exchange::None;
            sa.fruitless = Some(now);
            return;
        }
        *repeats += 1;
        *due = now + retry;
        let (request, number) = ((said, *nonce, *identifier), *repeats);
        let note = format!("Key-Request: asks for TEKs of SA {said} (repetition {number})");
        self.send_key_request(now, request, live, note, outbox);
    }

    fn send_key_request(
        &mut self,
        now: VirtualTime,
        (said, nonce, identifier): (Said, [u8; 8], u8),
        live: &Live,
        note: String,
        outbox: &mut Outbox<Event>,
    ) {
        let ak_sn = self.keys.ak(live.bs).ak_sn;
        let attributes =
            vec![PkmAttribute::KeySequenceNumber(ak_sn.0), PkmAttribute::Said(said), PkmAttribute::Nonce(nonce)];
        let message = ManagementMessage::PkmReq(PkmMessage { code: PkmCode::KEY_REQUEST, identifier, attributes });
        let (cid, crc) = (live.connection.primary, self.settings.radio.crc);
        let keys = self.keys.keys_mut(live.bs, live.count);
        // Without a CMAC_PN left nothing can be signed: the request counts as lost.
        if let Some(Ok(pdu)) = keys.map(|keys| signed_pdu(message, cid, Direction::Uplink, keys, crc)) {
            self.queue_management(now, pdu, note, outbox);
        }
    }

    /// PKM-RSP whose CMAC has verified.
    pub(super) fn key_answer(&mut self, now: VirtualTime, cid: Cid, answer: &PkmMessage, outbox: &mut Outbox<Event>) {
        if matches!(self.state, State::Joining { .. }) {
            return self.first_key_answer(now, cid, answer, outbox);
        }
        let live = match (&self.state, &self.live) {
            (State::Connected, Some(live)) if live.connection.primary == cid => live.clone(),
            _ => return outbox.verdict(Verdict::rejected("dropped: no Key-Request is out on this connection")),
        };
        if self.refresh.is_none() {
            return outbox.verdict(Verdict::rejected("dropped: this mobile does not refresh its TEKs"));
        }
        match answer.code {
            PkmCode::KEY_REPLY => self.key_reply(now, &live, answer, outbox),
            PkmCode::KEY_REJECT => self.key_reject(answer, outbox),
            PkmCode::TEK_INVALID => self.tek_invalid(now, &live, answer, outbox),
            other => {
                let text = format!("dropped: PKM code {} not expected here", other.0);
                outbox.verdict(Verdict::rejected(text));
            }
        }
    }

    /// The SA whose outstanding nonce `answer` has.
    fn outstanding(&mut self, answer: &PkmMessage) -> Option<(Said, &mut OfSa)> {
        let (said, answered) = answer.said().zip(answer.nonce())?;
        let sa = self.refresh.as_mut()?.sas.get_mut(&said)?;
        match sa.exchange {
            Exchange::Asking { nonce, .. } if nonce == answered => Some((said, sa)),
            _ => None,
        }
    }

    fn key_reply(&mut self, now: VirtualTime, live: &Live, reply: &PkmMessage, outbox: &mut Outbox<Event>) {
        if self.outstanding(reply).is_none() {
            return outbox.verdict(Verdict::rejected("dropped: it answers no Key-Request that is out"));
        }
        let ak = self.keys.ak(live.bs).clone();
        if reply.ak_sn() != Some(ak.ak_sn) {
            return outbox.verdict(Verdict::rejected("dropped: its TEKs are under the KEK of an AK not in use yet"));
        }
        let (window, ends) = (self.keys.window(), self.keys.lifetime().ends);
        let teks: Result<Vec<TekState>, _> =
            reply.tek_parameters().map(|parameters| sa_tek::tek(&ak.kek, parameters, window, now, ends)).collect();
        let teks = match teks {
            Ok(teks) => teks,
            Err(reason) => return self.rejected(Reject::Malformed, format!("dropped: {reason}"), outbox),
        };
        let due = now + self.settings.radio.tek_processing;
        if let Some((_, sa)) = self.outstanding(reply) {
            sa.exchange = Exchange::Installing { teks, due };
            sa.demanded = false;
        }
        outbox.verdict(Verdict::accepted("it answers the Key-Request, TEKs unwrapped"));
        self.refresh_teks(now, outbox);
    }

    fn install_refreshed(&mut self, now: VirtualTime, said: Said, live: &Live, outbox: &mut Outbox<Event>) {
        let Some(sa) = self.refresh.as_mut().and_then(|refresh| refresh.sas.get_mut(&said)) else {
            return;
        };
        let Exchange::Installing { teks, .. } = std::mem::take(&mut sa.exchange) else {
            return;
        };
        let context = self.keys.keys_mut(live.bs, live.count).and_then(|keys| keys.tek_context_mut(said));
        let new = context.is_some_and(|context| take_all(context, teks));
        sa.fruitless = (!new).then_some(now);
        self.report_keys(outbox);
        if !self.packets.is_empty() {
            self.timers.set_by(Timer::Slot, self.settings.radio.next_uplink(now));
        }
    }

    /// Key-Reject: this SA is not asked for again over this connection.
    fn key_reject(&mut self, answer: &PkmMessage, outbox: &mut Outbox<Event>) {
        let Some((said, sa)) = self.outstanding(answer) else {
            return outbox.verdict(Verdict::rejected("dropped: it answers no Key-Request that is out"));
        };
        sa.exchange = Exchange::None;
        sa.rejected = true;
        outbox.verdict(Verdict::accepted(format!("there are no TEKs of SA {said} here")));
    }

    /// TEK-Invalid: the BS has run out of packet numbers or of TEKs, and cannot ask.
    fn tek_invalid(&mut self, now: VirtualTime, live: &Live, message: &PkmMessage, outbox: &mut Outbox<Event>) {
        let keys = self.keys.keys(live.bs, live.count);
        let said = message.said().filter(|said| keys.is_some_and(|keys| keys.tek_context(*said).is_some()));
        let (Some(said), Some(refresh)) = (said, &mut self.refresh) else {
            return outbox.verdict(Verdict::rejected("dropped: no SA of this mobile"));
        };
        refresh.sas.entry(said).or_default().demanded = true;
        outbox.verdict(Verdict::accepted(format!("asks for new TEKs of SA {said}")));
        self.refresh_teks(now, outbox);
    }
}

/// Installs those that are new, in order; says whether there was one.
fn take_all(context: &mut TekContext, teks: Vec<TekState>) -> bool {
    let mut new = false;
    for tek in teks {
        new |= context.take(tek);
    }
    new
}
