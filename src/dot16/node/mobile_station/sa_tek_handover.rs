//! `legacy-sa-tek` at the mobile: the SA challenge tuple of RNG-RSP is answered with SA-TEK-Request, SA-TEK-Response brings
//! the TEKs (`dot16-security.md` 5.1, 5.3).
//!
//! The AK is the one that the mobile has for the target, its CMAC keys those of T_M. SA-TEK-Request is repeated; when the
//! repetitions are used up, the entry is given up as after the ranging deadline (R1).

use std::time::Duration;

use rand_core::Rng;

use super::{MobileStation, State, Timer};
use crate::dot16::identifiers::{Cid, Direction};
use crate::dot16::node::connection::{Connection, signed_pdu};
use crate::dot16::node::event::{Event, HandoverMode};
use crate::dot16::node::sa_tek;
use crate::dot16::security::Weakness;
use crate::dot16::wire::{ManagementMessage, PkmCode, PkmMessage, SaChallengeTuple, SaTekUpdate};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// SaTEKTimer: from an SA-TEK-Request to its repetition.
const SA_TEK_TIMER: Duration = Duration::from_millis(300);
/// How often SA-TEK-Request is repeated.
const REPEATS: u8 = 3;

/// A challenge that is being answered.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    bs_random: [u8; 8],
    ms_random: [u8; 8],
    identifier: u8,
    repeats: u8,
    /// The connection that RNG-RSP has told of.
    connection: Connection,
}

impl MobileStation {
    /// RNG-RSP with the SA challenge tuple, verified.
    pub(super) fn challenged_at_target(
        &mut self,
        now: VirtualTime,
        tuple: SaChallengeTuple,
        told: Option<Connection>,
        outbox: &mut Outbox<Event>,
    ) {
        let State::Entering { entry } = &self.state else { return };
        let bs = entry.bs;
        if self.settings.seamless && !self.keys.weak(Weakness::AcceptsTeksAfterSeamless) {
            let text = "dropped: an SA challenge, although seamless handover was negotiated";
            return outbox.verdict(Verdict::rejected(text));
        }
        if entry.handshake.as_ref().is_some_and(|handshake| handshake.bs_random == tuple.bs_random) {
            return outbox.verdict(Verdict::accepted("a repetition: the challenge is being answered"));
        }
        let Some(connection) = told.or_else(|| entry.connection.clone()) else {
            return outbox.verdict(Verdict::rejected("dropped: RNG-RSP names no transport connections"));
        };
        if self.keys.ak(bs).akid != tuple.akid {
            return outbox.verdict(Verdict::rejected("dropped: it challenges for an AK that is not known here"));
        }
        outbox.verdict(Verdict::accepted("ranging done: answers the challenge"));
        let mut ms_random = [0; 8];
        self.generator.fill_bytes(&mut ms_random);
        self.pkm_identifier = self.pkm_identifier.wrapping_add(1);
        let identifier = self.pkm_identifier;
        let handshake = Handshake { bs_random: tuple.bs_random, ms_random, identifier, repeats: 0, connection };
        self.waits_for_teks(now, HandoverMode::LegacySaTek, outbox);
        if let State::Entering { entry } = &mut self.state {
            entry.handshake = Some(handshake);
        }
        self.send_arrival_request(now, outbox);
    }

    fn send_arrival_request(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let negotiation = sa_tek::parameters_of(self.keys.window());
        let (State::Entering { entry }, Some(count)) = (&self.state, self.keys.traffic()) else {
            return;
        };
        let Some(handshake) = entry.handshake.clone() else { return };
        let Some(keys) = self.keys.keys_mut(entry.bs, count) else {
            return;
        };
        let randoms = (handshake.ms_random, handshake.bs_random);
        let message = sa_tek::request(handshake.identifier, randoms, keys, negotiation);
        let (message, crc) = (ManagementMessage::PkmReq(message), self.settings.radio.crc);
        if let Ok(pdu) = signed_pdu(message, handshake.connection.primary, Direction::Uplink, keys, crc) {
            self.queue_management(now, pdu, "SA-TEK-Request: answers the challenge in RNG-RSP".to_owned(), outbox);
        }
        self.timers.set(Timer::Handshake, now + SA_TEK_TIMER);
    }

    /// SA-TEK-Request was not answered.
    pub(super) fn arrival_unanswered(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Entering { entry } = &mut self.state else { return };
        match &mut entry.handshake {
            Some(handshake) if handshake.repeats < REPEATS => {
                handshake.repeats += 1;
                self.send_arrival_request(now, outbox);
            }
            Some(_) => self.deadline(now, outbox),
            None => {}
        }
    }

    /// Whether a PKM-RSP is the SA-TEK-Response to the request of an entry under way.
    pub(super) fn answers_arrival(&self, message: &PkmMessage) -> bool {
        let State::Entering { entry } = &self.state else { return false };
        message.code == PkmCode::SA_TEK_RESPONSE && entry.handshake.is_some()
    }

    /// SA-TEK-Response to the request of an entry under way, verified.
    pub(super) fn arrival_answered(
        &mut self,
        now: VirtualTime,
        cid: Cid,
        response: &PkmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let State::Entering { entry } = &self.state else { return };
        let Some(handshake) = entry.handshake.clone() else { return };
        let randoms = (response.ms_random(), response.bs_random());
        let answers = randoms == (Some(handshake.ms_random), Some(handshake.bs_random))
            && cid == handshake.connection.primary
            && entry.installing.is_none();
        if !answers {
            return outbox.verdict(Verdict::rejected("dropped: it does not answer the request"));
        }
        let updates: Vec<&SaTekUpdate> = response.sa_tek_updates().collect();
        if updates.is_empty() {
            return outbox.verdict(Verdict::rejected("dropped: no TEKs in SA-TEK-Response"));
        }
        if let Err(reason) = self.install_updates(now, &updates, &handshake.connection) {
            return outbox.verdict(Verdict::rejected(format!("dropped: {reason}")));
        }
        outbox.verdict(Verdict::accepted("entry complete, TEKs unwrapped"));
        self.timers.cancel(Timer::Handshake);
        if let State::Entering { entry } = &mut self.state {
            entry.installing = Some(handshake.connection);
        }
        self.timers.set(Timer::KeysInstalled, now + self.settings.radio.tek_processing);
    }
}
