//! UEs that attach: NAS messages pass, the SGSN gives keys, and a bearer (TS 25.413 clauses 8.2, 8.18, 8.22 and 8.23).
//!
//! A UE gets its first keys, or others, by a security mode command that is under them already. Until it has answered, user packets wait, and
//! what it says else is under the keys before; who does not answer within [`KEY_CHANGE`] is asked again, [`KEY_CHANGE_TRIES`] times. A UE
//! that has never answered may have the other keys in use, for its answers may be lost: as often it is commanded back to those before,
//! under these. \[choice\] In the standard the UE finds out itself, by an RLC that goes unacknowledged and a cell update, and goes back to the
//! configuration before (TS 25.331 clause 8.1.12.4b); of RLC there is nothing here that would tell it.
//! \[choice\] The connection of RRC is there from before the run, and is there when the SGSN has released the UE: its set-up has no part in
//! keys. The radio bearer of user packets is set up by nothing on the air.

use std::collections::VecDeque;
use std::time::Duration;

use rand_core::Rng;

use super::{Rnc, Role, downlink_tunnel};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::keys::CkIk;
use crate::eps::node::event::{Event, HeldKey, What};
use crate::eps::node::utran_side::{UtranError, UtranSide};
use crate::eps::parameters::IntegrityCheck;
use crate::eps::wire::Erab;
use crate::eps::wire::gmm::RoutingArea;
use crate::eps::wire::ranap::{
    InitialUeMessage, IuReleaseComplete, RabAssignmentResponse, RanapCause, SecurityModeComplete, SecurityModeReject,
};
use crate::eps::wire::rrc::utran::{UtranDlMessage, UtranUlMessage};
use crate::time::VirtualTime;

/// How long an RNC waits for the answer to a security mode command before it sends another.
pub const KEY_CHANGE: Duration = Duration::from_secs(1);
/// How often it sends one.
pub const KEY_CHANGE_TRIES: u8 = 3;
/// Most packets that wait for other keys.
const MAX_HELD: usize = 256;

/// Keys that a UE is to take into use.
pub(super) struct KeyChange {
    side: UtranSide,
    /// They are not its first.
    modifies: bool,
    /// It is to have those before in use again.
    given_up: bool,
    tries: u8,
    held: VecDeque<Vec<u8>>,
    pub(super) ends: VirtualTime,
}

impl KeyChange {
    /// Keeps a packet until then; whether there is room.
    pub(super) fn hold(&mut self, packet: Vec<u8>) -> bool {
        let room = self.held.len() < MAX_HELD;
        if room {
            self.held.push_back(packet);
        }
        room
    }
}

impl Rnc {
    /// The first message of a UE to the SGSN.
    pub(super) fn first_message(&mut self, id: MmeUeS1apId, nas: Vec<u8>, outbox: &mut Outbox<Event>) {
        let cell = self.settings.cell;
        let area = RoutingArea { plmn: cell.plmn, lac: cell.lac, rac: cell.rac };
        let message = InitialUeMessage { area, rnc: cell.rnc_number(), connection: id.0, nas };
        self.tell_sgsn(id, message, outbox);
    }

    /// A NAS message for a UE.
    pub(super) fn nas_to_ue(&mut self, id: MmeUeS1apId, nas: Vec<u8>, outbox: &mut Outbox<Event>) {
        let transaction = self.new_transaction(id);
        self.send_rrc(id, &UtranDlMessage::DirectTransfer { transaction, nas }, "DOWNLINK DIRECT TRANSFER", outbox);
    }

    /// The SGSN gives keys, the first of a UE or others.
    pub(super) fn keys_given(&mut self, now: VirtualTime, id: MmeUeS1apId, keys: CkIk, outbox: &mut Outbox<Event>) {
        let fresh = self.random.next_u32();
        let has_snow3g = self.settings.has_snow3g;
        let Some(ue) = self.ues.get_mut(&id) else {
            return self.tell_sgsn(id, SecurityModeReject { cause: RanapCause::UNSPECIFIED }, outbox);
        };
        let imsi = ue.imsi;
        let refused = match ue.role {
            _ if !has_snow3g => Some(RanapCause::NO_ALGORITHMS),
            Role::Serving => None,
            _ => Some(RanapCause::UNSPECIFIED),
        };
        if refused.is_none() {
            let modifies = ue.side.is_on();
            let fresh = if modifies { ue.side.security.fresh() } else { fresh };
            let side = UtranSide::new(ue.side.u_rnti, keys.clone(), fresh);
            let held = ue.change.take().map(|change| change.held).unwrap_or_default();
            let (given_up, tries) = (false, KEY_CHANGE_TRIES);
            ue.change = Some(KeyChange { side, modifies, given_up, tries, held, ends: now });
        }
        self.report(imsi, What::KeyHeld(HeldKey::CkIk(keys)), outbox);
        match refused {
            Some(cause) => self.tell_sgsn(id, SecurityModeReject { cause }, outbox),
            None => self.command_keys(now, id, outbox),
        }
    }

    /// Has a UE take its other keys into use, if a try is left. Else it keeps those that it had, and is told so if it has any.
    pub(super) fn command_keys(&mut self, now: VirtualTime, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let transaction = self.new_transaction(id);
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(change) = ue.change.as_mut() else { return };
        let Some(tries) = change.tries.checked_sub(1) else {
            let goes_back = change.modifies && !change.given_up;
            let reported = std::mem::replace(&mut change.given_up, true);
            if !reported {
                change.tries = KEY_CHANGE_TRIES;
                self.tell_sgsn(id, SecurityModeReject { cause: RanapCause::UNSPECIFIED }, outbox);
            }
            return if goes_back { self.command_keys(now, id, outbox) } else { self.change_over(id, outbox) };
        };
        (change.tries, change.ends) = (tries, now + KEY_CHANGE);
        let (command, side) = if change.given_up {
            (UtranDlMessage::KeyChange { transaction }, &mut ue.side)
        } else if change.modifies {
            (UtranDlMessage::KeyChange { transaction }, &mut change.side)
        } else {
            let fresh = change.side.security.fresh();
            (UtranDlMessage::SecurityModeCommand { transaction, fresh }, &mut change.side)
        };
        if let (Some(port), Ok(frame)) = (ue.port, side.message(&command)) {
            outbox.send(port, frame, "SECURITY MODE COMMAND");
        }
    }

    /// The keys of a UE do not change any more: what has waited for that goes out.
    fn change_over(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let change = self.ues.get_mut(&id).and_then(|ue| ue.change.take());
        for packet in change.into_iter().flat_map(|change| change.held) {
            self.packet_to_ue(id, &packet, outbox);
        }
    }

    /// A UE says that it has its other keys in use, or those before again.
    ///
    /// # Errors
    /// It has not: the message is not under them.
    pub(super) fn key_change_answered(
        &mut self,
        id: MmeUeS1apId,
        check: Option<IntegrityCheck>,
        transaction: u8,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), UtranError> {
        let cell = self.settings.cell.cell;
        let Some(ue) = self.ues.get_mut(&id) else { return Ok(()) };
        let Some(change) = ue.change.as_mut() else { return Ok(()) };
        let side = if change.given_up { &mut ue.side } else { &mut change.side };
        let count = side.verify(check, &UtranUlMessage::SecurityModeComplete { transaction })?;
        outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
        if !change.given_up {
            ue.side = change.side.clone();
            let (imsi, in_use) = (ue.imsi, ue.side.in_use(cell));
            self.report(imsi, in_use, outbox);
            self.tell_sgsn(id, SecurityModeComplete, outbox);
        }
        self.change_over(id, outbox);
        Ok(())
    }

    /// The SGSN gives a bearer.
    pub(super) fn bearer_given(&mut self, id: MmeUeS1apId, bearer: Erab, outbox: &mut Outbox<Event>) {
        let tunnel = downlink_tunnel(self.core.address(), id);
        // Without keys there is none.
        if let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.side.is_on()) {
            ue.uplink = Some(bearer.tunnel);
            let bearer = Erab { ebi: bearer.ebi, tunnel };
            self.tell_sgsn(id, RabAssignmentResponse { bearer }, outbox);
        }
    }

    /// The SGSN has nothing to do with a UE any more, which keeps its connection of RRC.
    pub(super) fn disconnect(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) {
        let cell = self.settings.cell.cell;
        if let Some(ue) = self.ues.get_mut(&id) {
            let had_keys = ue.side.is_on();
            ue.side = UtranSide::without_keys(ue.side.u_rnti);
            (ue.change, ue.uplink, ue.role) = (None, None, Role::Serving);
            let imsi = ue.imsi;
            if had_keys {
                self.report(imsi, What::CkIkForgotten { cell }, outbox);
            }
        }
        self.tell_sgsn(id, IuReleaseComplete, outbox);
    }
}
