//! What a UE and its MME say of who it is and where: authentication, attach, tracking area update (TS 24.301 clauses 5.4.2, 5.5.1
//! and 5.5.3).

use std::time::Duration;

use super::handover::Refusal;
use super::{State, Ue};
use crate::emulation::Outbox;
use crate::eps::identifiers::Guti;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::parlos::AttachOutcome;
use crate::eps::node::settings::Arrival;
use crate::eps::security::aka::ChallengeRefused;
use crate::eps::wire::nas::{EmmCause, EmmMessage, NasKsi, SecurityHeader, esm};
use crate::time::VirtualTime;

/// How long a UE waits for the answer to a tracking area update (T3430 is 15 s; here there are only the links to cross).
pub const UPDATE: Duration = Duration::from_secs(1);
/// How often it asks.
pub const UPDATE_TRIES: u8 = 5;
/// TA updating; it has its bearer.
const UPDATE_ONLY: u8 = 0;

/// A tracking area update that was not answered yet.
pub(super) struct Update {
    tries: u8,
    pub(super) ends: VirtualTime,
}

impl Ue {
    /// A message of the MME that is its own: protected, or of those that are taken without.
    pub(super) fn emm(
        &mut self,
        now: VirtualTime,
        message: EmmMessage,
        protected: bool,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        match message {
            EmmMessage::AuthenticationRequest { key_set, rand, autn } => {
                self.challenge(now, key_set, (rand, autn), protected, outbox)
            }
            EmmMessage::AuthenticationReject => {
                match self.state {
                    State::Arriving(_) => self.go_back_from_arrival(now, outbox),
                    State::Attaching(_) => self.attach_ended(AttachOutcome::NoAnswer, outbox),
                    _ => self.state = State::Lost,
                }
                Ok(())
            }
            EmmMessage::AttachReject { cause } if matches!(self.state, State::Attaching(_)) => {
                self.attach_ended(AttachOutcome::Rejected(cause.0), outbox);
                Ok(())
            }
            EmmMessage::AttachReject { cause } | EmmMessage::TrackingAreaUpdateReject { cause } => {
                self.update = None;
                self.turned_away(now, cause == EmmCause::IDENTITY_UNKNOWN, outbox);
                Ok(())
            }
            EmmMessage::AttachAccept { guti, .. } if protected => {
                self.registered(guti);
                self.attach_accepted(outbox);
                let complete = EmmMessage::AttachComplete { esm: esm::activate_default_bearer_accept().to_vec() };
                self.say(now, SecurityHeader::IntegrityCiphered, &complete, "AttachComplete", outbox);
                self.report(What::Attached, outbox);
                Ok(())
            }
            EmmMessage::TrackingAreaUpdateAccept { guti, .. } if protected => {
                self.registered(guti);
                if guti.is_some() {
                    let complete = EmmMessage::TrackingAreaUpdateComplete;
                    let header = SecurityHeader::IntegrityCiphered;
                    self.say(now, header, &complete, "TrackingAreaUpdateComplete", outbox);
                }
                self.report(What::TrackingAreaUpdated, outbox);
                Ok(())
            }
            EmmMessage::DownlinkGenericTransport(container) if protected => self.target_told(&container),
            _ => Err((DropReason::Refused, "a message of which nothing follows".to_owned())),
        }
    }

    /// Whether a message is taken without a MAC: on a connection that has no keys yet, and of those that a network may have to say before
    /// (TS 24.301 clause 4.4.4.2).
    pub(super) const fn takes_plain(&self, message: &EmmMessage) -> bool {
        let arriving = matches!(self.state, State::Arriving(_) | State::Attaching(_)) && !self.keys.air.is_on();
        let one_of_those = matches!(
            message,
            EmmMessage::AuthenticationRequest { .. }
                | EmmMessage::AuthenticationReject
                | EmmMessage::AttachReject { .. }
                | EmmMessage::TrackingAreaUpdateReject { .. }
        );
        arriving && one_of_those
    }

    fn registered(&mut self, guti: Option<Guti>) {
        self.guti = guti.or(self.guti);
        self.tai = self.here().map(|cell| cell.tai);
        self.update = None;
    }

    /// A challenge: it is checked, and answered.
    fn challenge(
        &mut self,
        now: VirtualTime,
        key_set: NasKsi,
        (rand, autn): ([u8; 16], [u8; 16]),
        protected: bool,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        let (Some(usim), Some(network)) =
            (self.usim.as_mut(), self.settings.cells.get(&self.place.cell).map(|cell| cell.tai.plmn))
        else {
            return Err((DropReason::Refused, "there is no USIM".to_owned()));
        };
        let refused = match usim.answer(&rand, &autn) {
            Ok(answer) => {
                self.challenged = Some((key_set, answer.kasme(network.0)));
                self.report(What::AkaKeys { rand, keys: answer.ck_ik.clone() }, outbox);
                self.report(What::Authenticated, outbox);
                let response = EmmMessage::AuthenticationResponse { res: answer.res.to_vec() };
                self.answer(now, protected, &response, "AuthenticationResponse", outbox);
                return Ok(());
            }
            Err(refused) => refused,
        };
        let (cause, auts, text) = match refused {
            ChallengeRefused::Mac => (EmmCause::MAC_FAILURE, None, "the MAC in AUTN is wrong"),
            ChallengeRefused::NotEps => (EmmCause::NOT_EPS, None, "the vector is not for E-UTRAN"),
            ChallengeRefused::Synchronisation(auts) => {
                (EmmCause::SYNCH_FAILURE, Some(auts), "SQN is not above all that was seen")
            }
        };
        let failure = EmmMessage::AuthenticationFailure { cause, auts };
        self.answer(now, protected, &failure, "AuthenticationFailure", outbox);
        Err((DropReason::Authentication, text.to_owned()))
    }

    /// Answers as it was asked: protected or not.
    fn answer(
        &mut self,
        now: VirtualTime,
        protected: bool,
        message: &EmmMessage,
        note: &str,
        outbox: &mut Outbox<Event>,
    ) {
        if protected {
            self.say(now, SecurityHeader::IntegrityCiphered, message, note, outbox);
        } else if let Ok(nas) = message.octets() {
            self.pass(now, nas, note, outbox);
        }
    }

    /// Tells its MME where it is, if it has come to a tracking area that it is not registered in, in a network in which UEs do so.
    pub(super) fn update_where_due(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let transfer = self.settings.agreement.transfer;
        // One that comes from UTRAN is in no tracking area.
        let updates = transfer.upe || transfer.arrival != Arrival::Handover || self.tai.is_none();
        let here = self.here().map(|cell| cell.tai);
        if updates && here.is_some() && here != self.tai && self.guti.is_some() {
            self.ask_update(now, UPDATE_TRIES, outbox);
        }
    }

    fn ask_update(&mut self, now: VirtualTime, tries: u8, outbox: &mut Outbox<Event>) {
        self.update = None;
        let (Some(tries), Some(old_guti), State::Connected) = (tries.checked_sub(1), self.guti, &self.state) else {
            return;
        };
        self.update = Some(Update { tries, ends: now + UPDATE });
        let request = EmmMessage::TrackingAreaUpdateRequest {
            update_type: UPDATE_ONLY,
            key_set: self.key_set,
            old_guti,
            from_utran: None,
        };
        self.say(now, SecurityHeader::Integrity, &request, "TrackingAreaUpdateRequest", outbox);
    }

    pub(super) fn update_timer(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if let Some(Update { tries, .. }) = self.update.take_if(|update| now >= update.ends) {
            self.ask_update(now, tries, outbox);
        }
    }
}
