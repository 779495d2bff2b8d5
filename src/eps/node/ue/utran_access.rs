//! A UE that attaches in UTRAN: NAS in RRC, and the security mode command that brings its first keys, or others (TS 25.331 clauses 8.1.8
//! to 8.1.12).

use super::gmm::KeysBefore;
use super::utran::{UtranPlace, UtranState};
use super::{Ue, UeSettings};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::Pci;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::settings::KEY_SET;
use crate::eps::node::utran_side::UtranSide;
use crate::eps::parameters::{IntegrityCheck, Origin};
use crate::eps::wire::gmm::RoutingArea;
use crate::eps::wire::nas::NasKsi;
use crate::eps::wire::rrc::utran::{UtranDlMessage, UtranUlMessage};
use crate::time::VirtualTime;

/// Most keys before that are kept: as many changes of keys may go without an answer.
const MAX_BEFORE: usize = 4;

impl Ue {
    /// A UE that is switched off, but for a connection of RRC to this cell of UTRAN, and attaches there when it is told to. `u_rnti` is
    /// what the RNC calls it ([`Rnc::admit`](crate::eps::node::Rnc::admit)).
    #[must_use]
    pub fn off_in_utran(settings: UeSettings, cell: Pci, u_rnti: u32) -> Self {
        let mut ue = Self::off(settings, cell);
        // Of the keys that a handover to E-UTRAN makes.
        ue.key_set = NasKsi::new(KEY_SET);
        ue.utran = Some(UtranPlace { cell, side: UtranSide::without_keys(u_rnti), state: UtranState::Connected });
        ue
    }

    /// It attaches where it is, if it has no keys there.
    pub(super) fn attach_in_utran(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let off = self.utran.as_ref().filter(|place| !place.side.is_on() && self.gmm.attaching.is_none());
        let Some(cell) = off.and_then(|place| self.settings.utran.get(&place.cell)).map(|heard| heard.cell) else {
            return;
        };
        let area = RoutingArea { plmn: cell.plmn, lac: cell.lac, rac: cell.rac };
        self.attach_to_sgsn(now, area, outbox);
    }

    /// It has no keys in UTRAN any more.
    pub(super) fn without_keys_in_utran(&mut self) {
        if let Some(place) = &mut self.utran {
            place.side = UtranSide::without_keys(place.side.u_rnti);
        }
    }

    /// A NAS message to the SGSN, the first of its connection or another.
    pub(super) fn nas_in_utran(&mut self, nas: Vec<u8>, first: bool, note: &str, outbox: &mut Outbox<Event>) {
        let (message, transfer) = if first {
            (UtranUlMessage::InitialDirectTransfer { nas }, "INITIAL DIRECT TRANSFER")
        } else {
            (UtranUlMessage::DirectTransfer { nas }, "UPLINK DIRECT TRANSFER")
        };
        self.say_in_utran(&message, format!("{transfer}: {note}"), outbox);
    }

    /// A message that nothing protects, while there are no keys; whether it is one.
    pub(super) fn unprotected_in_utran(
        &mut self,
        check: Option<IntegrityCheck>,
        message: &UtranDlMessage,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let on = self.utran.as_ref().is_some_and(|place| place.side.is_on());
        let (false, None, UtranDlMessage::DirectTransfer { nas, .. }) = (on, check, message) else { return false };
        self.hear_in_utran(nas, false, outbox);
        true
    }

    /// A NAS message of the SGSN.
    pub(super) fn hear_in_utran(&mut self, nas: &[u8], protected: bool, outbox: &mut Outbox<Event>) {
        if let Err((reason, text)) = self.hear_sgsn(nas, protected, outbox) {
            self.report(What::Dropped(reason), outbox);
            outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
        }
    }

    /// A security mode command under keys that were in use before: the RNC has not heard that they are not any more, and the UE goes back
    /// to them. Whether it is one.
    pub(super) fn goes_back_in_utran(
        &mut self,
        check: Option<IntegrityCheck>,
        message: &UtranDlMessage,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let (Some(place), UtranDlMessage::KeyChange { transaction }) = (&mut self.utran, message) else { return false };
        let verified = |before: &mut KeysBefore| before.side.verify(check, message).ok();
        let found = self.gmm.before.iter_mut().enumerate().find_map(|(at, before)| Some((at, verified(before)?)));
        let Some((at, count)) = found else { return false };
        outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}, under the keys before")));
        let KeysBefore { side, key_set, access, made_of } = self.gmm.before.swap_remove(at);
        let in_use = side.in_use(place.cell);
        (place.side, self.key_set) = (side, key_set);
        (self.origin.access, self.origin.made_of) = (access, made_of);
        self.gmm.before.clear();
        self.report(in_use, outbox);
        self.report(What::ContextInUse(access), outbox);
        let complete = UtranUlMessage::SecurityModeComplete { transaction: *transaction };
        self.say_in_utran(&complete, "SECURITY MODE COMPLETE", outbox);
        true
    }

    /// A security mode command that takes the keys of the last authentication into use: it is under them. Whether it is one.
    pub(super) fn takes_keys_in_utran(
        &mut self,
        check: Option<IntegrityCheck>,
        message: &UtranDlMessage,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let (Some(place), Some((key_set, keys))) = (&mut self.utran, &self.gmm.challenged) else { return false };
        let on = place.side.is_on();
        let (transaction, fresh) = match message {
            UtranDlMessage::SecurityModeCommand { transaction, fresh } if !on => (*transaction, *fresh),
            UtranDlMessage::KeyChange { transaction } if on => (*transaction, place.side.security.fresh()),
            _ => return false,
        };
        let mut side = UtranSide::new(place.side.u_rnti, keys.clone(), fresh);
        match side.verify(check, message) {
            Ok(count) => {
                outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                let in_use = side.in_use(place.cell);
                let key_set = std::mem::replace(&mut self.key_set, NasKsi::new(*key_set));
                let side = std::mem::replace(&mut place.side, side);
                self.gmm.challenged = None;
                let access = std::mem::replace(&mut self.origin.access, Origin::Umts);
                let made_of = self.origin.made_of.take();
                if on {
                    self.gmm.before.truncate(MAX_BEFORE - 1);
                    self.gmm.before.push(KeysBefore { side, key_set, access, made_of });
                }
                self.report(in_use, outbox);
                self.report(What::ContextInUse(Origin::Umts), outbox);
                let complete = UtranUlMessage::SecurityModeComplete { transaction };
                self.say_in_utran(&complete, "SECURITY MODE COMPLETE", outbox);
                true
            }
            // It may be under those that there were: another that is said again.
            Err(_) if on => false,
            Err(error) => {
                self.report(What::Dropped(DropReason::MacI), outbox);
                outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
                true
            }
        }
    }
}
