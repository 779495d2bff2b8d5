//! What a UE and its SGSN say to one another, over UTRAN and GERAN alike: attach and authentication (TS 24.008 clauses 4.7.3 and 4.7.7).
//!
//! The USIM answers a challenge of UMTS as ever; of its CK and IK the ME makes CK' and IK', where it is told to, and gives the access
//! those ([`AccessKeys`]). A challenge that comes again is answered as the first time: the answer was lost.

use std::time::Duration;

use super::handover::Refusal;
use super::{ARRIVAL, Ue};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::{Gummei, Guti, MTmsi, MmeCode, MmeGroupId, Plmn};
use crate::eps::keys::CkIk;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::utran_side::UtranSide;
use crate::eps::parameters::Origin;
use crate::eps::security::aka::{ChallengeRefused, separated};
use crate::eps::wire::gmm::{GmmCause, GmmMessage, NO_KEY_SET, RoutingArea};
use crate::eps::wire::nas::NasKsi;
use crate::time::VirtualTime;

/// How long a UE waits for the end of its attach (T3310 is 15 s).
pub const ATTACH: Duration = ARRIVAL;

/// Where a UE stands with its SGSN.
#[derive(Debug, Default)]
pub(super) struct Gmm {
    /// Its attach is under way until then.
    pub(super) attaching: Option<VirtualTime>,
    /// What an authentication has left that is not in use yet, and which keys they are.
    pub(super) challenged: Option<(u8, CkIk)>,
    /// The last challenge that it has answered.
    answered: Option<Answered>,
    /// Keys before those that are in use in UTRAN, until it is seen that the RNC has these too; the last at the end.
    pub(super) before: Vec<KeysBefore>,
}

/// Keys in UTRAN, and what they go back to.
#[derive(Debug)]
pub(super) struct KeysBefore {
    pub(super) side: UtranSide,
    pub(super) key_set: NasKsi,
    pub(super) access: Origin,
    pub(super) made_of: Option<CkIk>,
}

/// A challenge that was answered.
#[derive(Debug)]
struct Answered {
    rand: [u8; 16],
    autn: [u8; 16],
    res: Vec<u8>,
}

/// The temporary identity that a UE of an SGSN has in E-UTRAN until an MME gives it another (TS 23.003 clause 2.8.2.2).
pub(super) fn mapped_guti(plmn: Plmn, lac: u16, rac: u8, p_tmsi: u32) -> Guti {
    Guti { gummei: Gummei { plmn, group: MmeGroupId(lac), code: MmeCode(rac) }, m_tmsi: MTmsi(p_tmsi) }
}

impl Ue {
    /// It attaches to the SGSN of its cell: the first message of that.
    pub(super) fn attach_to_sgsn(&mut self, now: VirtualTime, area: RoutingArea, outbox: &mut Outbox<Event>) {
        self.gmm = Gmm { attaching: Some(now + ATTACH), ..Gmm::default() };
        let (imsi, capabilities) = (self.settings.imsi, self.settings.capabilities);
        self.say_to_sgsn(&GmmMessage::AttachRequest { key_set: NO_KEY_SET, imsi, area, capabilities }, outbox);
    }

    /// Sends a message, as the access does.
    fn say_to_sgsn(&mut self, message: &GmmMessage, outbox: &mut Outbox<Event>) {
        let Ok(nas) = message.octets() else { return };
        let note = message.name();
        if self.geran.is_some() {
            return self.say_in_geran(nas, note, outbox);
        }
        self.nas_in_utran(nas, matches!(message, GmmMessage::AttachRequest { .. }), note, outbox);
    }

    /// A message of the SGSN; whether it was protected, or cannot be.
    pub(super) fn hear_sgsn(
        &mut self,
        octets: &[u8],
        protected: bool,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        let message = GmmMessage::parse(octets).map_err(|error| (DropReason::Malformed, error.to_string()))?;
        outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
        match message {
            GmmMessage::AuthenticationRequest { reference, key_set, rand, autn } => {
                self.challenged_by_sgsn(reference, key_set, (rand, autn), outbox)
            }
            GmmMessage::AuthenticationReject | GmmMessage::AttachReject { .. } => {
                self.forgotten_by_sgsn(outbox);
                Ok(())
            }
            GmmMessage::AttachAccept { area: RoutingArea { plmn, lac, rac }, p_tmsi } if protected => {
                self.guti = Some(mapped_guti(plmn, lac, rac, p_tmsi));
                self.say_to_sgsn(&GmmMessage::AttachComplete, outbox);
                // It comes again where the complete was lost.
                if self.gmm.attaching.take().is_some() {
                    self.report(What::Attached, outbox);
                }
                Ok(())
            }
            _ => Err((DropReason::Refused, "a message of which nothing follows".to_owned())),
        }
    }

    /// The SGSN does not serve it, or not any more.
    fn forgotten_by_sgsn(&mut self, outbox: &mut Outbox<Event>) {
        let attaching = std::mem::take(&mut self.gmm).attaching.is_some();
        self.without_keys_in_utran();
        if let Some(place) = &mut self.geran {
            place.keys = None;
        }
        if attaching {
            self.report(What::AttachFailed, outbox);
        }
    }

    /// Nothing has come of its attach in time.
    pub(super) fn attach_timer(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if self.gmm.attaching.is_some_and(|ends| now >= ends) {
            self.forgotten_by_sgsn(outbox);
        }
    }

    /// A challenge: it is checked, and answered.
    fn challenged_by_sgsn(
        &mut self,
        reference: u8,
        key_set: u8,
        (rand, autn): ([u8; 16], [u8; 16]),
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        if let Some(answered) = self.gmm.answered.as_ref().filter(|last| (last.rand, last.autn) == (rand, autn)) {
            let res = answered.res.clone();
            self.say_to_sgsn(&GmmMessage::AuthenticationResponse { reference, res }, outbox);
            return Ok(());
        }
        let Some(usim) = self.usim.as_mut() else { return Err((DropReason::Refused, "there is no USIM".to_owned())) };
        let refused = match usim.answer_umts(&rand, &autn) {
            Ok(answer) => {
                let keys = if self.settings.separates_keys { separated(&answer.ck_ik) } else { answer.ck_ik.clone() };
                let res = answer.res.to_vec();
                self.gmm.answered = Some(Answered { rand, autn, res: res.clone() });
                self.report(What::AkaKeys { rand, keys: answer.ck_ik }, outbox);
                self.report(What::Authenticated, outbox);
                self.say_to_sgsn(&GmmMessage::AuthenticationResponse { reference, res }, outbox);
                // In UTRAN they wait for a security mode command.
                if self.geran.is_some() {
                    self.keys_in_geran(keys, outbox);
                } else {
                    self.gmm.challenged = Some((key_set, keys));
                }
                return Ok(());
            }
            Err(refused) => refused,
        };
        let (cause, auts, text) = match refused {
            ChallengeRefused::Mac | ChallengeRefused::NotEps => {
                (GmmCause::MAC_FAILURE, None, "the MAC in AUTN is wrong")
            }
            ChallengeRefused::Synchronisation(auts) => {
                (GmmCause::SYNCH_FAILURE, Some(auts), "SQN is not above all that was seen")
            }
        };
        self.say_to_sgsn(&GmmMessage::AuthenticationFailure { cause, auts }, outbox);
        Err((DropReason::Authentication, text.to_owned()))
    }
}
