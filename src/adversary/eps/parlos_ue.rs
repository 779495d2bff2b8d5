//! A false ME (seed 003, points 7 and 10 of `eps-systems.md` 3.2): it comes again and again, with an attach request that somebody else has
//! sent before, with one of its own, or with one in the name of a subscriber, and does not go on. What the network sends it, it cannot open or
//! answer, or does not care for.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::Recordings;
use super::nas_in_frame::NasInFrame;
use super::parlos::{Answer, C_RNTIS, FalseRequest, NAME, Said};
use super::parlos_command::Offer;
use crate::emulation::Fate;
use crate::eps::node::radio_side::{RadioSide, common_frame, common_message};
use crate::eps::parameters::LinkDirection::Uplink;
use crate::eps::security::protection::{AsSecurity, BearerId};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{DlCcchMessage, EstablishmentCause, InitialUeIdentity, UlCcchMessage, UlDcchMessage};
use crate::time::VirtualTime;

const SRB1: BearerId = BearerId::Signalling(1);
/// Bits of the number by which it calls itself.
const RANDOM_BITS: u64 = (1 << 40) - 1;

/// How far a connection of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    None,
    /// It has asked for one.
    Asked,
    /// It has this C-RNTI, and has said what it wants.
    Requested(u16),
}

/// A false ME.
#[derive(Clone, Debug)]
pub(super) struct FalseUe {
    random: ChaCha20Rng,
    left: u32,
    every: Duration,
    next: VirtualTime,
    says: FalseRequest,
    /// The attach request of its own.
    own: Option<Vec<u8>>,
    connection: Connection,
}

impl FalseUe {
    /// One that begins at an instant, and comes so often.
    pub(super) fn new(
        random: ChaCha20Rng,
        begins: VirtualTime,
        (left, every): (u32, Duration),
        says: FalseRequest,
    ) -> Self {
        Self { random, left, every, next: begins, says, own: None, connection: Connection::None }
    }

    pub(super) fn next_timer(&self) -> Option<VirtualTime> {
        (self.left > 0).then_some(self.next)
    }

    /// It asks for a connection, if it is time.
    pub(super) fn begin(&mut self, now: VirtualTime) -> Option<Said> {
        self.next_timer().filter(|next| *next <= now)?;
        (self.left, self.next) = (self.left - 1, now + self.every);
        self.connection = Connection::Asked;
        let identity = InitialUeIdentity::Random(self.random.next_u64() & RANDOM_BITS);
        let cause = EstablishmentCause::MobileOriginatedSignalling;
        let request = UlCcchMessage::ConnectionRequest { identity, cause };
        // Random access is not on the air here: the C-RNTI in front of the request says nothing.
        let c_rnti = C_RNTIS.start() + (self.random.next_u32() % u32::from(C_RNTIS.end() - C_RNTIS.start())) as u16;
        let octets = request.octets().and_then(|octets| common_frame(now, (Uplink, c_rnti), octets)).ok()?;
        Some(Said { to_ue: false, octets, note: "RRCConnectionRequest".to_owned() })
    }

    /// A frame of the link. What is for it, the ME there does not take.
    pub(super) fn hear(
        &mut self,
        now: VirtualTime,
        uplink: bool,
        octets: &[u8],
        recordings: &Recordings,
    ) -> Option<Answer> {
        let frame = RadioFrame::parse(octets).ok().filter(|_| !uplink)?;
        let fate = Fate { remarks: vec![format!("for {NAME}")], ..Fate::lost() };
        match (self.connection, common_message(&frame)) {
            (Connection::Asked, Some(message)) => {
                let Ok(DlCcchMessage::ConnectionSetup { transaction }) = DlCcchMessage::parse(&message) else {
                    self.connection = Connection::None;
                    return Some(Answer { fate, ..Answer::default() });
                };
                self.connection = Connection::Requested(frame.c_rnti);
                Some(match self.request(now, frame.c_rnti, transaction, recordings) {
                    Ok(said) => Answer { fate, said: vec![said], ..Answer::default() },
                    Err(failure) => Answer { fate, failure: Some(failure), ..Answer::default() },
                })
            }
            (Connection::Requested(c_rnti), _) if c_rnti == frame.c_rnti => Some(Answer { fate, ..Answer::default() }),
            _ => None,
        }
    }

    /// It says what it wants.
    fn request(
        &mut self,
        now: VirtualTime,
        c_rnti: u16,
        transaction: u8,
        recordings: &Recordings,
    ) -> Result<Said, String> {
        let nas = match &self.says {
            FalseRequest::Recorded(name) => {
                let recorded = recordings.first(name).ok_or_else(|| format!("the recording {name} is empty"))?;
                NasInFrame::read(recorded, true).ok_or_else(|| format!("the recording {name} has no NAS message"))?.1
            }
            FalseRequest::Own(scheme) => match &self.own {
                Some(own) => own.clone(),
                None => self.own.insert(Offer::own_request(*scheme, &mut self.random)?).clone(),
            },
            FalseRequest::InTheNameOf(imsi) => Offer::in_the_name_of(*imsi)?,
        };
        let message = UlDcchMessage::SetupComplete { transaction, nas }.octets().map_err(|error| error.to_string())?;
        let (mut radio, mut air) = (RadioSide::default(), AsSecurity::off());
        let frame = radio.frame(now, (Uplink, c_rnti), &mut air, SRB1, &message).map_err(|error| error.to_string())?;
        let note = "RRCConnectionSetupComplete: AttachRequest".to_owned();
        Ok(Said { to_ue: false, octets: frame.0, note })
    }
}
