//! A UE that is released with the carrier of another cell, or leaves UTRAN while it is idle (`reselection`): it comes to a cell by itself,
//! and attaches, or updates its tracking area with the context that it has; if the network there does not take it, it goes back (TS 36.331 clauses 5.3.3, 5.3.4 and 5.3.12, TS 24.301
//! clauses 5.5.1.2 and 5.5.3.2).
//!
//! \[choice\] Where it is to be authenticated it attaches and says its IMSI: its MME there is to ask nobody, and could make nothing of a
//! temporary identity that another has given. It goes to the cell that it has reported, and on its way uses the C-RNTI that it had, as in
//! re-establishment; S-TMSI is its identity also where its tracking area is new. Who does not take it within [`ARRIVAL`] does not at all.

use std::time::Duration;

use super::reselection::FromUtran;
use super::{HeardCell, Place, State, TRIES, Ue};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::Pci;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::radio_side::{RadioSide, common_frame};
use crate::eps::node::settings::Arrival;
use crate::eps::parameters::{AlgorithmId, Algorithms, LinkDirection::Uplink};
use crate::eps::security::parties::UeKeys;
use crate::eps::security::user_plane::UpSecurity;
use crate::eps::wire::nas::{AlgorithmSet, EmmMessage, EpsMobileIdentity, NasKsi, SecurityHeader, UeCapability, esm};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{
    DlDcchMessage, EstablishmentCause, InitialUeIdentity, ReestablishmentCause, UlCcchMessage, UlDcchMessage,
};
use crate::time::VirtualTime;

/// How long a UE waits for the answer to a connection request.
pub const T300: Duration = Duration::from_millis(200);
/// How long it tries to be taken by the network in another cell.
pub const ARRIVAL: Duration = Duration::from_secs(4);
/// EPS attach.
const EPS_ATTACH: u8 = 1;
/// TA updating, with the active flag: a bearer is wanted.
const ACTIVE_UPDATE: u8 = 0x08;
/// Procedure transaction of the connection that it asks for.
const TRANSACTION: u8 = 1;

/// A UE on its way to another cell.
pub(super) struct Arriving {
    pub(super) source: Place,
    /// What it goes back to.
    pub(super) keys: UeKeys,
    pub(super) up: Option<UpSecurity>,
    pub(super) key_set: NasKsi,
    pub(super) radio: RadioSide,
    pub(super) attaches: bool,
    /// There is nothing to go back to: it was switched off, or lost.
    pub(super) from_off: bool,
    /// It goes back to UTRAN.
    pub(super) from_utran: Option<FromUtran>,
    /// It says who it is when its connection has ended: the temporary identity was not known.
    pub(super) again: bool,
    /// The uplink NAS COUNT of the message that it has come with, if that is protected.
    pub(super) count: Option<u32>,
    pub(super) step: Step,
    pub(super) ends: VirtualTime,
}

#[derive(Clone, Copy)]
pub(super) enum Step {
    OnTheWay { due: VirtualTime },
    Asking { tries: u8, due: VirtualTime },
    Connected,
}

impl Arriving {
    pub(super) fn next_timer(&self) -> VirtualTime {
        match self.step {
            Step::OnTheWay { due } | Step::Asking { due, .. } => due.min(self.ends),
            Step::Connected => self.ends,
        }
    }

    pub(super) const fn is_asking(&self) -> bool {
        matches!(self.step, Step::Asking { .. })
    }

    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.step, Step::Connected)
    }
}

impl Ue {
    /// Its connection is released.
    pub(super) fn released(&mut self, now: VirtualTime, redirection: Option<u16>, outbox: &mut Outbox<Event>) {
        if let State::Attaching(_) = self.state {
            return self.attach_unanswered(now, outbox);
        }
        if let State::Arriving(arriving) = &mut self.state {
            if std::mem::take(&mut arriving.again) {
                return self.ask(now, TRIES, outbox);
            }
            return self.go_back_from_arrival(now, outbox);
        }
        let arrival = self.settings.agreement.transfer.arrival;
        match redirection.map(|carrier| self.cell_on(carrier)) {
            Some(Some(cell)) => self.leave(now, cell, outbox),
            Some(None) => self.ask_back(now, TRIES, ReestablishmentCause::OtherFailure, outbox),
            // The eNB has given it up: it asks again in the same cell.
            None if arrival != Arrival::Handover => self.leave(now, self.place.cell, outbox),
            None => {}
        }
    }

    /// The cell that it has reported, if it is on this carrier, else another that it hears there.
    fn cell_on(&self, carrier: u16) -> Option<Pci> {
        let on = |cell: &HeardCell| cell.earfcn_dl == u32::from(carrier);
        let reported = self.measured.filter(|cell| self.settings.cells.get(cell).is_some_and(on));
        let other = || self.settings.cells.iter().find(|(cell, heard)| on(heard) && **cell != self.place.cell);
        reported.or_else(|| other().map(|(cell, _)| *cell))
    }

    fn leave(&mut self, now: VirtualTime, cell: Pci, outbox: &mut Outbox<Event>) {
        if cell != self.place.cell {
            self.report(What::HandoverStarted(cell), outbox);
        }
        let Place { c_rnti, .. } = self.place;
        let arriving = Arriving {
            source: std::mem::replace(&mut self.place, Place { cell, c_rnti }),
            keys: self.keys.clone(),
            up: self.up.clone(),
            key_set: self.key_set,
            radio: std::mem::take(&mut self.radio),
            attaches: self.settings.agreement.transfer.arrival == Arrival::Authentication,
            from_off: false,
            from_utran: None,
            again: false,
            count: None,
            step: Step::OnTheWay { due: now + self.settings.interruption },
            ends: now + ARRIVAL,
        };
        self.keys.disconnect();
        self.update = None;
        self.state = State::Arriving(Box::new(arriving));
    }

    /// It attaches where it is, if nobody serves it.
    pub(super) fn attach(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let (State::Off | State::Lost) = self.state else { return };
        (self.key_set, self.challenged, self.update, self.tai) = (NasKsi::NONE, None, None, None);
        let arriving = Arriving {
            source: self.place,
            keys: self.keys.clone(),
            up: None,
            key_set: NasKsi::NONE,
            radio: RadioSide::default(),
            attaches: true,
            from_off: true,
            from_utran: None,
            again: false,
            count: None,
            step: Step::OnTheWay { due: now },
            ends: now + ARRIVAL,
        };
        self.state = State::Arriving(Box::new(arriving));
        self.ask(now, TRIES, outbox);
    }

    /// Asks for a connection.
    fn ask(&mut self, now: VirtualTime, tries: u8, outbox: &mut Outbox<Event>) {
        let State::Arriving(arriving) = &mut self.state else { return };
        let (Some(tries), Some(guti)) = (tries.checked_sub(1), self.guti) else {
            return self.go_back_from_arrival(now, outbox);
        };
        arriving.step = Step::Asking { tries, due: now + T300 };
        self.keys.disconnect();
        self.radio = RadioSide::default();
        let Some(HeardCell { port, .. }) = self.here() else { return };
        let cause = EstablishmentCause::MobileOriginatedSignalling;
        let request = UlCcchMessage::ConnectionRequest { identity: InitialUeIdentity::STmsi(guti.s_tmsi()), cause };
        let frame = request.octets().and_then(|octets| common_frame(now, (Uplink, self.place.c_rnti), octets));
        if let Ok(frame) = frame {
            outbox.send(port, frame, "RRCConnectionRequest");
        }
    }

    /// The connection is there: it gets a C-RNTI, and says what it wants.
    pub(super) fn connection_set_up(
        &mut self,
        now: VirtualTime,
        c_rnti: u16,
        transaction: u8,
        outbox: &mut Outbox<Event>,
    ) {
        match &mut self.state {
            State::Arriving(arriving) => arriving.step = Step::Connected,
            State::Attaching(attaching) => attaching.connected(),
            _ => return,
        }
        self.place.c_rnti = c_rnti;
        let first = match &self.state {
            State::Attaching(attaching) => Some((attaching.request().to_vec(), "AttachRequest")),
            _ => self.first_message(outbox),
        };
        let Some((nas, note)) = first else { return };
        let complete = UlDcchMessage::SetupComplete { transaction, nas };
        self.send_rrc(now, &complete, format!("RRCConnectionSetupComplete: {note}"), outbox);
        self.report(What::Confirmed(self.place.cell), outbox);
    }

    /// The first NAS message of the connection.
    fn first_message(&mut self, outbox: &mut Outbox<Event>) -> Option<(Vec<u8>, &'static str)> {
        let State::Arriving(arriving) = &mut self.state else { return None };
        if arriving.attaches {
            let [eea, eia] = self.settings.capabilities.nas_octets();
            let request = EmmMessage::AttachRequest {
                attach_type: EPS_ATTACH,
                key_set: NasKsi::NONE,
                identity: EpsMobileIdentity::Imsi(self.settings.imsi),
                capability: UeCapability {
                    ciphering: AlgorithmSet(eea),
                    integrity: AlgorithmSet(eia),
                    further: Vec::new(),
                },
                esm: esm::pdn_connectivity_request(TRANSACTION).to_vec(),
                elements: Vec::new(),
            };
            arriving.count = None;
            return Some((request.octets().ok()?, "AttachRequest"));
        }
        let (update_type, old_guti) = (ACTIVE_UPDATE, self.guti?);
        if let Some(from_utran) = &arriving.from_utran {
            // It has no KASME yet: nothing protects the message.
            let (key_set, from_utran) =
                (NasKsi::NONE, Some(from_utran.told(self.settings.capabilities, arriving.key_set)));
            let request = EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, old_guti, from_utran };
            return Some((request.octets().ok()?, "TrackingAreaUpdateRequest"));
        }
        let key_set = self.key_set;
        let request = EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, old_guti, from_utran: None };
        // COUNT 0 has gone into the KeNB of a UE that is connected from before the run.
        if self.keys.nas.next_count(Uplink) == 0 {
            self.keys.nas.leave_out(Uplink);
        }
        arriving.count = Some(self.keys.nas.next_count(Uplink));
        // It is never ciphered: the MME that reads it has no keys (TS 24.301 clause 4.4.5).
        let nas = self.protect(SecurityHeader::Integrity, &request, outbox)?;
        Some((nas, "TrackingAreaUpdateRequest"))
    }

    /// A frame of signalling before there are keys.
    pub(super) fn hear_unsecured(&mut self, now: VirtualTime, frame: &RadioFrame, outbox: &mut Outbox<Event>) {
        // With the null algorithms the security mode command is as if there were none.
        let null = self.takes_null() && self.is_mode_command(frame);
        let mut unchanged = self.keys.air.clone();
        match RadioSide::open(frame, if null { &mut unchanged } else { &mut self.keys.air }) {
            Ok(_) if null => {
                if let Err((reason, text)) = self.secure(now, frame, String::new(), outbox) {
                    self.report(What::Dropped(reason), outbox);
                    outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
                }
            }
            Ok(message) => match DlDcchMessage::parse(&message.octets) {
                Ok(DlDcchMessage::InformationTransfer { .. } | DlDcchMessage::Release { .. }) => {
                    self.rrc(now, &message.octets, message.count, outbox);
                }
                _ => outbox.verdict(Verdict::rejected("dropped: not before there are keys")),
            },
            // It may be the security mode command, whose MAC-I is of the keys that it brings.
            Err(error) => {
                if let Err((reason, text)) = self.secure(now, frame, error.to_string(), outbox) {
                    self.report(What::Dropped(reason), outbox);
                    outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
                }
            }
        }
    }

    fn is_mode_command(&self, frame: &RadioFrame) -> bool {
        let message = RadioSide::unchecked(frame).and_then(|octets| DlDcchMessage::parse(&octets).ok());
        matches!(message, Some(DlDcchMessage::SecurityModeCommand { .. }))
    }

    /// The security mode command of a new connection.
    fn secure(
        &mut self,
        now: VirtualTime,
        frame: &RadioFrame,
        error: String,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), (DropReason, String)> {
        let (attaches, count) = match &self.state {
            // Those that stand in the place of keys are known to all.
            State::Arriving(_) if self.key_set == NasKsi::NONE => return Err((DropReason::MacI, error)),
            // Whose KASME is new has a new key with its UPE too.
            State::Arriving(arriving) => (arriving.attaches || arriving.from_utran.is_some(), arriving.count),
            State::Attaching(attaching) if attaching.has_keys() => (true, None),
            _ => return Err((DropReason::MacI, error)),
        };
        let message = RadioSide::unchecked(frame).and_then(|octets| DlDcchMessage::parse(&octets).ok());
        let Some(DlDcchMessage::SecurityModeCommand { transaction, algorithms }) = message else {
            return Err((DropReason::MacI, error));
        };
        let Algorithms { ciphering, integrity } =
            Algorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity };
        let capabilities = self.settings.capabilities;
        // No signalling without integrity, but for an ME that has no key.
        let null = integrity == AlgorithmId::Null && !self.takes_null();
        if null || !capabilities.ciphers_with(ciphering) || !capabilities.protects_with(integrity) {
            return Err((DropReason::Refused, "algorithms that it does not have".to_owned()));
        }
        let keys = self.keys.clone().connected(count, Algorithms { ciphering, integrity });
        let mut checked = keys.clone();
        checked.air = checked.air.ciphering_with(AlgorithmId::Null);
        RadioSide::open(frame, &mut checked.air).map_err(|error| (DropReason::MacI, error.to_string()))?;
        self.keys = keys;
        self.keys_in_use(outbox);
        self.keys.air = checked.air;
        if attaches {
            self.renew_user_plane(self.keys.nas.algorithms().ciphering);
            self.up_key_in_use(outbox);
        }
        outbox.verdict(Verdict::accepted("accepted: SecurityModeCommand"));
        self.send_rrc(now, &UlDcchMessage::SecurityModeComplete { transaction }, "SecurityModeComplete", outbox);
        self.keys.air = self.keys.air.clone().ciphering_with(ciphering);
        Ok(())
    }

    /// It has its bearer: it is here.
    pub(super) fn arrived(&mut self) {
        if let State::Arriving(_) | State::Attaching(_) = self.state {
            self.state = State::Connected;
        }
    }

    pub(super) fn arrival_timer(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Arriving(arriving) = &self.state else { return };
        match arriving.step {
            _ if now >= arriving.ends => self.go_back_from_arrival(now, outbox),
            Step::OnTheWay { due } if now >= due => self.ask(now, TRIES, outbox),
            Step::Asking { tries, due } if now >= due => self.ask(now, tries, outbox),
            _ => {}
        }
    }

    /// The network here does not take it: back to where it came from, with what it had there. NAS COUNTs of a KASME that is the same go
    /// on.
    pub(super) fn go_back_from_arrival(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Arriving(arriving) = std::mem::replace(&mut self.state, State::Connected) else { return };
        let Arriving { source, mut keys, up, key_set, radio, from_off, from_utran, .. } = *arriving;
        if from_off {
            (self.keys, self.key_set, self.challenged, self.place) = (keys, key_set, None, source);
            (self.radio, self.up, self.state) = (radio, up, State::Off);
            return self.report(What::AttachFailed, outbox);
        }
        if let Some(from_utran) = from_utran {
            (self.keys, self.key_set, self.challenged, self.place) = (keys, key_set, None, source);
            (self.radio, self.up) = (radio, up);
            return self.back_from_reselection(from_utran, outbox);
        }
        let renewed = self.keys.kasme() != keys.kasme();
        if !renewed {
            keys.nas = self.keys.nas.clone();
        }
        (self.keys, self.key_set, self.challenged) = (keys, key_set, None);
        (self.place, self.radio) = (source, radio);
        if renewed {
            self.nas_in_use(outbox);
            self.up = up;
            self.up_key_in_use(outbox);
        }
        self.keys_in_use(outbox);
        self.ask_back(now, TRIES, ReestablishmentCause::OtherFailure, outbox);
    }

    /// The network here turns it away; whether it says that it does not know the temporary identity: then the UE says who it is, when
    /// its connection has ended.
    pub(super) fn turned_away(&mut self, now: VirtualTime, identity_unknown: bool, outbox: &mut Outbox<Event>) {
        match &mut self.state {
            State::Arriving(arriving)
                if identity_unknown && !arriving.attaches && arriving.from_utran.is_none() && self.usim.is_some() =>
            {
                (arriving.attaches, arriving.again) = (true, true);
            }
            State::Arriving(_) => self.go_back_from_arrival(now, outbox),
            _ => {}
        }
    }
}
