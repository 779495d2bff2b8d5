//! The requests of network entry that follow ranging: SBC-REQ, then, once the mobile is authenticated, REG-REQ, and a
//! Key-Request for the first TEKs of every SA (802.16-2009 clauses 6.3.9.7 to 6.3.9.9; `dot16-wire.md` 3.5, 3.6; A5, A27, R13).
//!
//! Each is repeated a few times; if no answer comes, the next base station is tried. Seamless handover is in use only if both
//! sides declared it: an agreement to what this mobile has not declared is none.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_core::Rng;

use super::handover::candidate_connection;
use super::network_entry::{Joining, Stage};
use super::{MobileStation, State, Timer};
use crate::dot16::identifiers::{Bsid, Cid, CmacKeyCount, Direction, Said};
use crate::dot16::node::capabilities::{self, Capabilities};
use crate::dot16::node::connection::{Connection, plain_pdu, signed_pdu};
use crate::dot16::node::event::{Event, Reject, What};
use crate::dot16::node::sa_tek;
use crate::dot16::security::Weakness;
use crate::dot16::security::tek_context::{TekContext, TekState};
use crate::dot16::wire::{ManagementMessage, PkmAttribute, PkmCode, PkmMessage, RegRsp, SbcMessage};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How often a request is repeated before the next base station is tried.
const REPEATS: u8 = 3;
/// The count of an entry by authentication: M = 0 under a new PMK.
const COUNT: CmacKeyCount = CmacKeyCount(0);

/// The first TEKs of an SA: asked for, and perhaps given.
#[derive(Clone, Debug)]
pub(super) struct FirstKeys {
    nonce: [u8; 8],
    identifier: u8,
    given: Option<TekContext>,
}

impl MobileStation {
    /// The BS that is being entered, its stage and the CIDs there.
    fn joining_at(&self) -> Option<(Bsid, &Joining)> {
        match &self.state {
            State::Joining { joining } => Some((joining.bs, joining)),
            _ => None,
        }
    }

    /// Sets the timer for the repetition of a request.
    fn expect_answer(&mut self, now: VirtualTime) {
        let radio = &self.settings.radio;
        self.timers.set(Timer::JoinRequest, now + radio.handover_retry + radio.frame * 4);
    }

    /// The request of this stage was not answered: it is repeated, or the next base station is tried.
    pub(super) fn join_unanswered(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Joining { joining } = &mut self.state else {
            return;
        };
        if joining.repeats == REPEATS {
            return self.join_next(now, outbox);
        }
        joining.repeats += 1;
        match joining.stage {
            Stage::Negotiating(_) => self.negotiate(now, outbox),
            Stage::Registering(_) => self.register(now, outbox),
            Stage::Keying { .. } => self.ask_for_first_keys(now, outbox),
            _ => {}
        }
    }

    /// SBC-REQ, on the basic connection.
    pub(super) fn negotiate(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some((_, Joining { stage: Stage::Negotiating(own), .. })) = self.joining_at() else {
            return;
        };
        let message = ManagementMessage::SbcReq(capabilities::sbc(self.keys.window(), true));
        if let Ok(pdu) = plain_pdu(&message, own.basic, self.settings.radio.crc) {
            self.queue_management(now, pdu, "SBC-REQ: declares basic capabilities".to_owned(), outbox);
        }
        self.expect_answer(now);
    }

    /// SBC-RSP. What it says of security is believed until SA-TEK-Response has said it too.
    pub(super) fn negotiated(&mut self, now: VirtualTime, cid: Cid, response: &SbcMessage, outbox: &mut Outbox<Event>) {
        let State::Joining { joining: Joining { bs, stage: Stage::Negotiating(own), negotiated, .. } } =
            &mut self.state
        else {
            return outbox.verdict(Verdict::rejected("dropped: no SBC-REQ is out"));
        };
        if cid != own.basic {
            return outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is none of this mobile's")));
        }
        if let Some(what) = capabilities::missing(response.security_negotiation()) {
            outbox.verdict(Verdict::accepted(format!("{what} is not agreed: not this base station")));
            return self.join_next(now, outbox);
        }
        *negotiated = response.security_negotiation().cloned();
        let (bs, own) = (*bs, own.clone());
        let primary = own.primary;
        outbox.verdict(Verdict::accepted("basic capabilities agreed: authenticates"));
        self.begin_stage(Stage::Authenticating(own));
        self.authenticate(now, bs, primary, true, outbox);
    }

    /// Whether SA-TEK-Response says of security what SBC-RSP said.
    fn negotiation_stands(&self, response: &PkmMessage) -> bool {
        let Some((_, joining)) = self.joining_at() else {
            return false;
        };
        self.keys.weak(Weakness::BelievesSbcRsp) || response.security_negotiation() == joining.negotiated.as_ref()
    }

    /// SA-TEK-Response has verified under the AK of `keys`: the mobile is authenticated, and registers.
    pub(super) fn register_with(
        &mut self,
        now: VirtualTime,
        keys: crate::dot16::security::mobile_keys::MobileKeys,
        response: &PkmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let Some((_, Joining { stage: Stage::Authenticating(own), .. })) = self.joining_at() else {
            return;
        };
        let own = own.clone();
        if !self.negotiation_stands(response) {
            outbox.verdict(Verdict::rejected("dropped: its security negotiation is not that of SBC-RSP"));
            return self.authentication_failed(now, true, outbox);
        }
        outbox.verdict(Verdict::accepted("authenticated: registers"));
        // The connection before, if there still was one, goes with its PMK.
        self.live = None;
        self.use_keys(keys, outbox);
        self.begin_stage(Stage::Registering(own));
        self.register(now, outbox);
    }

    /// REG-REQ, on the primary management connection.
    fn register(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some((bs, Joining { stage: Stage::Registering(own), .. })) = self.joining_at() else {
            return;
        };
        let primary = own.primary;
        let declared = self.settings.declared;
        let request = capabilities::reg_req(declared, self.flows.len(), &self.settings.radio);
        let seamless = if declared.seamless { "declares seamless handover" } else { "no seamless handover" };
        let note = format!("REG-REQ: registers, {seamless}");
        self.send_in_entry(now, (bs, primary), ManagementMessage::RegReq(request), note, outbox);
        self.expect_answer(now);
    }

    fn send_in_entry(
        &mut self,
        now: VirtualTime,
        (bs, cid): (Bsid, Cid),
        message: ManagementMessage,
        note: String,
        outbox: &mut Outbox<Event>,
    ) {
        let crc = self.settings.radio.crc;
        let keys = self.keys.keys_mut(bs, COUNT);
        if let Some(Ok(pdu)) = keys.map(|keys| signed_pdu(message, cid, Direction::Uplink, keys, crc)) {
            self.queue_management(now, pdu, note, outbox);
        }
    }

    /// REG-RSP whose CMAC has verified: what is agreed holds from now on, and TEKs are asked for.
    pub(super) fn registered(&mut self, now: VirtualTime, cid: Cid, response: &RegRsp, outbox: &mut Outbox<Event>) {
        let Some((bs, Joining { stage: Stage::Registering(own), .. })) = self.joining_at() else {
            return outbox.verdict(Verdict::rejected("dropped: no REG-REQ is out"));
        };
        let own = own.clone();
        if cid != own.primary {
            return outbox.verdict(Verdict::rejected(format!("dropped: CID {cid} is none of this mobile's")));
        }
        if response.response != 0 {
            outbox.verdict(Verdict::accepted("registration refused: not this base station"));
            return self.join_next(now, outbox);
        }
        let items = response.vendor().map_or(&[][..], |vendor| &vendor.items);
        let told = candidate_connection(items, bs).filter(|told| told.basic == own.basic && !told.flows.is_empty());
        let Some(connection) = told else {
            return outbox.verdict(Verdict::rejected("dropped: REG-RSP names no transport connections"));
        };
        let (declared, agreed) = (self.settings.declared, Capabilities::agreed(response));
        let seamless = declared.seamless && agreed.seamless;
        let verdict = match (declared.seamless, agreed.seamless) {
            (_, false) => "registered, no seamless handover",
            (true, true) => "registered, seamless handover agreed",
            (false, true) => "registered; seamless handover, which was not declared, is not taken",
        };
        outbox.verdict(Verdict::accepted(verdict));
        self.settings.seamless = seamless || self.keys.weak(Weakness::ClaimsSeamless);
        let mut saids: Vec<Said> = connection.flows.iter().map(|flow| flow.said).collect();
        saids.sort_unstable();
        saids.dedup();
        self.keys.generate_for(if self.settings.seamless { saids.clone() } else { Vec::new() });
        self.event(What::Registered { bs, seamless }, outbox);
        let keys: BTreeMap<Said, FirstKeys> = saids.into_iter().map(|said| (said, self.first_keys())).collect();
        self.begin_stage(Stage::Keying { connection, keys });
        self.ask_for_first_keys(now, outbox);
    }

    fn first_keys(&mut self) -> FirstKeys {
        let mut nonce = [0; 8];
        self.generator.fill_bytes(&mut nonce);
        self.pkm_identifier = self.pkm_identifier.wrapping_add(1);
        FirstKeys { nonce, identifier: self.pkm_identifier, given: None }
    }

    /// Key-Request for every SA that has no TEKs yet.
    fn ask_for_first_keys(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some((bs, Joining { stage: Stage::Keying { connection, keys }, .. })) = self.joining_at() else {
            return;
        };
        let primary = connection.primary;
        let missing = keys.iter().filter(|(_, keys)| keys.given.is_none());
        let missing: Vec<(Said, [u8; 8], u8)> =
            missing.map(|(said, keys)| (*said, keys.nonce, keys.identifier)).collect();
        let ak_sn = self.keys.ak(bs).ak_sn;
        for (said, nonce, identifier) in missing {
            let attributes =
                vec![PkmAttribute::KeySequenceNumber(ak_sn.0), PkmAttribute::Said(said), PkmAttribute::Nonce(nonce)];
            let message = ManagementMessage::PkmReq(PkmMessage { code: PkmCode::KEY_REQUEST, identifier, attributes });
            let note = format!("Key-Request: asks for the first TEKs of SA {said}");
            self.send_in_entry(now, (bs, primary), message, note, outbox);
        }
        self.timers.set(Timer::JoinRequest, now + self.settings.radio.key_request_retry);
    }

    /// Key-Reply or Key-Reject, verified, while the first TEKs are asked for.
    pub(super) fn first_key_answer(
        &mut self,
        now: VirtualTime,
        cid: Cid,
        answer: &PkmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let Some((bs, Joining { stage: Stage::Keying { connection, keys }, .. })) = self.joining_at() else {
            return outbox.verdict(Verdict::rejected("dropped: no Key-Request is out"));
        };
        let outstanding = |said: &Said| {
            let asked = keys.get(said).filter(|keys| keys.given.is_none());
            cid == connection.primary && asked.is_some_and(|keys| answer.nonce() == Some(keys.nonce))
        };
        let Some(said) = answer.said().filter(outstanding) else {
            return outbox.verdict(Verdict::rejected("dropped: it answers no Key-Request that is out"));
        };
        if answer.code != PkmCode::KEY_REPLY {
            outbox.verdict(Verdict::accepted(format!("no TEKs of SA {said}: not this base station")));
            return self.join_next(now, outbox);
        }
        let context = match self.unwrapped_pair(now, bs, answer) {
            Ok(context) => context,
            Err(reason) => return self.rejected(Reject::Malformed, format!("dropped: {reason}"), outbox),
        };
        outbox.verdict(Verdict::accepted("TEKs unwrapped"));
        if let State::Joining { joining: Joining { stage: Stage::Keying { keys, .. }, .. } } = &mut self.state
            && let Some(first) = keys.get_mut(&said)
        {
            first.given = Some(context);
        }
        self.install_first_keys(now, outbox);
    }

    fn unwrapped_pair(&mut self, now: VirtualTime, bs: Bsid, reply: &PkmMessage) -> Result<TekContext, &'static str> {
        let ak = self.keys.ak(bs).clone();
        if reply.ak_sn() != Some(ak.ak_sn) {
            return Err("its TEKs are under the KEK of another AK");
        }
        let (window, ends) = (self.keys.window(), self.keys.lifetime().ends);
        let teks: Result<Vec<TekState>, _> =
            reply.tek_parameters().map(|parameters| sa_tek::tek(&ak.kek, parameters, window, now, ends)).collect();
        match <[TekState; 2]>::try_from(teks?) {
            Ok([older, newer]) => Ok(TekContext::from_random(older, newer)),
            Err(_) => Err("a first Key-Reply without an older and a newer TEK"),
        }
    }

    /// TEKs of every SA are there: they are at work after their processing time.
    fn install_first_keys(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some((bs, Joining { stage: Stage::Keying { connection, keys }, .. })) = self.joining_at() else {
            return;
        };
        let connection: Connection = connection.clone();
        let given: Option<Vec<(Said, TekContext)>> =
            keys.iter().map(|(said, keys)| Some((*said, keys.given.clone()?))).collect();
        let (Some(given), Some(entry)) = (given, self.keys.keys_mut(bs, COUNT)) else {
            return;
        };
        for (said, context) in given {
            entry.install(said, context);
        }
        self.report_keys(outbox);
        self.begin_stage(Stage::Installing(connection));
        let processing: Duration = self.settings.radio.tek_processing;
        self.timers.set(Timer::KeysInstalled, now + processing);
    }
}
