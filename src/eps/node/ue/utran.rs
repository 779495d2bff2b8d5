//! The UE in UTRAN: it reports cells of E-UTRAN, goes there and comes from there (seed 001 procedure C).
//!
//! On the way to UTRAN nothing of E-UTRAN is given up before the RNC has shown that it has IK too: a UE that hears nothing of it goes
//! back with its keys and COUNTs as they were. On the way to E-UTRAN what was in UTRAN is kept likewise until the eNB has spoken.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use super::gmm::mapped_guti;
use super::handover::Refusal;
use super::{BETTER, Before, MAX_HELD, MEASUREMENT, OWN, Place, State, TRIES, Ue, UeSettings, WayBack};
use crate::emulation::{Input, Outbox, Port, Verdict};
use crate::eps::identifiers::Pci;
use crate::eps::keys::{CkIk, Kasme};
use crate::eps::node::event::{Command, DropReason, Event, What};
use crate::eps::node::radio_side::RadioSide;
use crate::eps::node::settings::{Arrival, Mapping, UtranCell};
use crate::eps::node::utran_side::{UtranError, UtranSide};
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{Algorithms, Origin, TargetIdentity, TargetInput};
use crate::eps::security::inter_system::{ck_ik_of_count, kasme_of_nonce, way_back};
use crate::eps::security::parties::UeKeys;
use crate::eps::wire::inter_system::NasSecurityToEutra;
use crate::eps::wire::nas::{EmmMessage, GenericContainer, SecurityHeader};
use crate::eps::wire::rrc::utran::{HandoverToUtranCommand, UtranDlMessage, UtranUlMessage};
use crate::eps::wire::rrc::{DlDcchMessage, HandoverToEutra, ReestablishmentCause, UlDcchMessage};
use crate::eps::wire::{UtranContents, UtranFrame};
use crate::time::VirtualTime;

/// How long a UE tries to reach a cell of UTRAN.
const REACHES: Duration = Duration::from_millis(200);
/// RSCP of a cell of UTRAN that is better, in the steps of TS 25.133 clause 9.1.1.3.
const BETTER_RSCP: i8 = 60;

/// A cell of UTRAN as a UE hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardUtranCell {
    /// The link to it.
    pub port: Port,
    /// The cell.
    pub cell: UtranCell,
}

/// How a UE is connected in UTRAN from before the run.
#[derive(Clone, Debug)]
pub struct UtranConnection {
    /// CK and IK.
    pub keys: CkIk,
    /// Which authentication they go back to.
    pub origin: Origin,
    /// The cell.
    pub cell: Pci,
    /// What the RNC calls it ([`Rnc::connect`](crate::eps::node::Rnc::connect)).
    pub u_rnti: u32,
    /// FRESH of its integrity protection.
    pub fresh: u32,
    /// What the SGSN calls it. With the routing area of the cell it makes the temporary identity that the UE has in E-UTRAN until an MME
    /// gives it another (TS 23.003 clause 2.8.2.2).
    pub p_tmsi: u32,
    /// What the UE draws nonces from.
    pub random: ChaCha20Rng,
}

/// What the security context of a UE goes back to.
#[derive(Clone, Debug)]
pub(super) struct ContextOrigin {
    pub(super) access: Origin,
    /// CK and IK that KASME was made of, if it was.
    pub(super) made_of: Option<CkIk>,
    /// What the MME has said of a handover to UTRAN that is to be commanded.
    pub(super) told: Option<TargetInput>,
}

impl Default for ContextOrigin {
    fn default() -> Self {
        Self { access: Origin::Lte, made_of: None, told: None }
    }
}

/// Where a UE is in UTRAN.
pub(super) struct UtranPlace {
    pub(super) cell: Pci,
    pub(super) side: UtranSide,
    pub(super) state: UtranState,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum UtranState {
    Connected,
    /// On its way from E-UTRAN, where it goes back to at `ends` if nothing comes from the target.
    Moving {
        due: VirtualTime,
        ends: VirtualTime,
    },
    /// It has said that it is there.
    Confirmed {
        ends: VirtualTime,
    },
}

fn refused(text: impl Into<String>) -> Refusal {
    (DropReason::Refused, text.into())
}

fn malformed(error: impl std::fmt::Display) -> Refusal {
    (DropReason::Malformed, error.to_string())
}

impl Ue {
    /// A UE that is connected to a cell of UTRAN from before the run. Of E-UTRAN it has no keys: those that stand in their place are of
    /// no use to anybody, and the first handover replaces them.
    #[must_use]
    pub fn in_utran(settings: UeSettings, connection: UtranConnection) -> Self {
        let UtranConnection { keys, origin, cell, u_rnti, fresh, p_tmsi, random } = connection;
        let area = settings.utran.get(&cell).map(|heard| heard.cell);
        let derivation = settings.agreement.derivation;
        let unused = UeKeys::mapped(Kasme::from_octets([0; 32]), Algorithms::AES, Algorithms::AES, derivation);
        let side = UtranSide::new(u_rnti, keys, fresh);
        let mut ue = Self::connected(settings, unused, cell, 0);
        ue.utran = Some(UtranPlace { cell, side, state: UtranState::Connected });
        (ue.origin.access, ue.random) = (origin, Some(random));
        ue.guti = area.map(|UtranCell { plmn, lac, rac, .. }| mapped_guti(plmn, lac, rac, p_tmsi));
        ue
    }

    pub(super) fn start_in_utran(&self, outbox: &mut Outbox<Event>) {
        if let Some(place) = self.utran.as_ref().filter(|place| place.side.is_on()) {
            self.report(place.side.in_use(place.cell), outbox);
            self.report(What::ContextInUse(self.origin.access), outbox);
        }
    }

    /// The port of the cell of UTRAN that it is in.
    fn utran_port(&self) -> Option<Port> {
        let place = self.utran.as_ref()?;
        self.settings.utran.get(&place.cell).map(|heard| heard.port)
    }

    pub(super) fn handle_in_utran(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        let speaks = matches!(&self.utran, Some(place) if !matches!(place.state, UtranState::Moving { .. }));
        match input {
            Input::Frame { port, octets } => self.utran_frame(now, port, &octets, outbox),
            Input::Timer => self.utran_timer(now, outbox),
            Input::Command(Command::Measure(cell)) if speaks && self.is_idle() => {
                return self.reselect(now, cell, outbox);
            }
            Input::Command(Command::Measure(cell)) if speaks => self.measure_eutra(cell, outbox),
            Input::Command(Command::Attach) if speaks => self.attach_in_utran(now, outbox),
            // While it moves they wait.
            Input::Command(Command::Uplink(packet)) if self.held.len() < MAX_HELD => self.held.push_back(packet),
            Input::Command(_) => {}
        }
        while matches!(&self.utran, Some(place) if !matches!(place.state, UtranState::Moving { .. }))
            && let Some(packet) = self.held.pop_front()
        {
            self.send_in_utran(&packet, outbox);
        }
    }

    pub(super) fn utran_due(&self) -> Option<Option<VirtualTime>> {
        self.utran.as_ref().map(|place| match place.state {
            UtranState::Connected => self.gmm.attaching,
            UtranState::Moving { due, .. } => Some(due),
            UtranState::Confirmed { ends } => Some(ends),
        })
    }

    fn utran_timer(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        self.attach_timer(now, outbox);
        let Some(place) = &mut self.utran else { return };
        match place.state {
            UtranState::Moving { due, ends } if now >= due => {
                place.state = UtranState::Confirmed { ends };
                let cell = place.cell;
                let frame = place.side.unchecked(&UtranUlMessage::HandoverToUtranComplete);
                if let (Some(port), Ok(frame)) = (self.utran_port(), frame) {
                    outbox.send(port, frame, "HANDOVER TO UTRAN COMPLETE");
                }
                self.report(What::Confirmed(cell), outbox);
            }
            UtranState::Confirmed { ends } if now >= ends => {
                self.utran = None;
                self.keys_in_use(outbox);
                self.ask_back(now, TRIES, ReestablishmentCause::HandoverFailure, outbox);
            }
            _ => {}
        }
    }

    pub(super) fn say_in_utran(
        &mut self,
        message: &UtranUlMessage,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        let port = self.utran_port();
        let frame = self.utran.as_mut().map(|place| place.side.message(message));
        if let (Some(port), Some(Ok(frame))) = (port, frame) {
            outbox.send(port, frame, note);
        }
    }

    /// Whether it goes to cells of E-UTRAN by itself, and is not handed over.
    fn is_idle(&self) -> bool {
        self.settings.agreement.transfer.arrival == Arrival::ContextRequest
    }

    fn measure_eutra(&mut self, cell: Pci, outbox: &mut Outbox<Event>) {
        let Some(earfcn) = self.settings.cells.get(&cell).and_then(|heard| u16::try_from(heard.earfcn_dl).ok()) else {
            return;
        };
        let (measurement, (rsrp, rsrq)) = (MEASUREMENT, BETTER);
        let report = UtranUlMessage::MeasurementReport { measurement, earfcn, cell, rsrp, rsrq };
        self.say_in_utran(&report, format!("MEASUREMENT REPORT: cell {cell} is better"), outbox);
    }

    /// Reports a cell of UTRAN to the eNB.
    pub(super) fn measure_utran(&mut self, now: VirtualTime, cell: Pci, outbox: &mut Outbox<Event>) {
        let (measurement, (rsrp, rsrq)) = (MEASUREMENT, OWN);
        let report = UlDcchMessage::UtranMeasurementReport { measurement, rsrp, rsrq, cell, rscp: BETTER_RSCP };
        self.send_rrc(now, &report, format!("MeasurementReport: cell {cell} of UTRAN is better"), outbox);
    }

    pub(super) fn send_in_utran(&mut self, packet: &[u8], outbox: &mut Outbox<Event>) {
        let port = self.utran_port();
        let made = self.utran.as_mut().map(|place| place.side.packet(Uplink, packet));
        if let (Some(port), Some(Ok((frame, protected)))) = (port, made) {
            outbox.send(port, frame, "user packet");
            self.report(protected, outbox);
        }
    }

    fn utran_frame(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let own = self.utran_port() == Some(port);
        let Some(place) = &mut self.utran else { return };
        let awake = !matches!(place.state, UtranState::Moving { .. });
        let frame = match UtranFrame::parse(octets) {
            Ok(frame) if own && awake && frame.direction == Downlink && frame.u_rnti == place.side.u_rnti => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not for this UE in this cell")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let dropped = match frame.contents {
            UtranContents::User { sequence_number, packet } => {
                match place.side.security.decipher(Downlink, sequence_number, &packet) {
                    Ok((count, octets)) => {
                        outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                        return self.report(What::PacketOut { direction: Downlink, octets }, outbox);
                    }
                    Err(error) => malformed(error),
                }
            }
            UtranContents::Signalling(message) => match UtranDlMessage::parse(&message) {
                Ok((check, message)) => {
                    if self.unprotected_in_utran(check, &message, outbox)
                        || self.takes_keys_in_utran(check, &message, outbox)
                        || self.goes_back_in_utran(check, &message, outbox)
                    {
                        return;
                    }
                    let Some(place) = &mut self.utran else { return };
                    // The message that begins integrity protection is the first under it.
                    if let UtranDlMessage::SecurityModeCommand { fresh, .. } = message {
                        place.side.security.begin(fresh);
                    }
                    match place.side.verify(check, &message) {
                        Ok(count) => {
                            outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                            // But for the command that comes again, the RNC says this when it has the keys in use too.
                            if !matches!(message, UtranDlMessage::KeyChange { .. }) {
                                self.gmm.before.clear();
                            }
                            return self.utran_rrc(now, message, outbox);
                        }
                        Err(error @ UtranError::Wire(_)) => malformed(error),
                        Err(error) => (DropReason::MacI, error.to_string()),
                    }
                }
                Err(error) => malformed(error),
            },
        };
        self.report(What::Dropped(dropped.0), outbox);
        outbox.verdict(Verdict::rejected(format!("dropped: {}", dropped.1)));
    }

    fn utran_rrc(&mut self, now: VirtualTime, message: UtranDlMessage, outbox: &mut Outbox<Event>) {
        match message {
            // Of keys that are in use already: the answer was lost, or they came by a handover.
            UtranDlMessage::SecurityModeCommand { transaction, .. } | UtranDlMessage::KeyChange { transaction } => {
                if let Some(place) = &mut self.utran {
                    place.state = UtranState::Connected;
                }
                let complete = UtranUlMessage::SecurityModeComplete { transaction };
                self.say_in_utran(&complete, "SECURITY MODE COMPLETE", outbox);
            }
            UtranDlMessage::DirectTransfer { nas, .. } => self.hear_in_utran(&nas, true, outbox),
            UtranDlMessage::HandoverFromUtran { transaction, eutra } => {
                if let Err((reason, text)) = self.follow_to_eutra(now, transaction, &eutra, outbox) {
                    self.report(What::Dropped(reason), outbox);
                    outbox.verdict(Verdict::rejected(format!("refused: {text}")));
                    self.stays_in_utran(transaction, outbox);
                }
            }
        }
    }

    /// The UE tells the RNC that it is in UTRAN still, or again.
    fn stays_in_utran(&mut self, transaction: u8, outbox: &mut Outbox<Event>) {
        let failure = UtranUlMessage::HandoverFromUtranFailure { transaction };
        self.say_in_utran(&failure, "HANDOVER FROM UTRAN FAILURE", outbox);
    }

    /// Back in UTRAN, with the keys and COUNTs that it had there.
    pub(super) fn back_in_utran(&mut self, place: UtranPlace, transaction: u8, outbox: &mut Outbox<Event>) {
        self.report(place.side.in_use(place.cell), outbox);
        self.utran = Some(place);
        self.stays_in_utran(transaction, outbox);
    }

    /// Follows a command to E-UTRAN: keys are made of CK and IK.
    fn follow_to_eutra(
        &mut self,
        now: VirtualTime,
        from_utran: u8,
        command: &[u8],
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        let command = match DlDcchMessage::parse(command).map_err(malformed)? {
            DlDcchMessage::HandoverToEutra(command) => command,
            _ => return Err(refused("expected a handover command from another system, found another message")),
        };
        let HandoverToEutra { transaction, mobility, algorithms, nas_security, .. } = command;
        let cell = mobility.target;
        if !self.settings.cells.contains_key(&cell) {
            return Err(refused(format!("cell {cell} is not one that it hears")));
        }
        let air = Algorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity };
        let capabilities = self.settings.capabilities;
        let told = NasSecurityToEutra::from_octets(nas_security).ok_or_else(|| refused("no NAS algorithms"))?;
        let has = |algorithms: Algorithms| {
            capabilities.ciphers_with(algorithms.ciphering) && capabilities.protects_with(algorithms.integrity)
        };
        if !has(air) || !has(told.algorithms) || !told.algorithms.are_for_nas() {
            return Err(refused("algorithms that it does not have"));
        }
        let keys = self.mapped_keys(&command, told, air)?;
        let Some(place) = self.utran.take() else { return Err(refused("not in UTRAN")) };
        self.origin.made_of = Some(place.side.security.keys().clone());
        self.report(What::HandoverStarted(cell), outbox);
        self.keys = keys;
        self.place = Place { cell, c_rnti: mobility.c_rnti };
        self.radio = RadioSide::default();
        self.renew_user_plane(self.keys.nas.algorithms().ciphering);
        (self.tai, self.update, self.challenged) = (None, None, None);
        let way_back = WayBack {
            ends: now + Duration::from_millis(mobility.t304.milliseconds()),
            to: Before::Utran { place, transaction: from_utran },
        };
        let due = now + self.settings.interruption;
        self.state = State::Moving { due, transaction, way_back: Box::new(way_back) };
        self.report(What::ContextInUse(self.origin.access), outbox);
        self.keys_in_use(outbox);
        self.nas_in_use(outbox);
        self.up_key_in_use(outbox);
        Ok(())
    }

    /// The keys that a command to E-UTRAN leads to. By the seed the target stands in a NAS message that the MME has protected with
    /// them: who has the same keys has made it.
    fn mapped_keys(
        &self,
        command: &HandoverToEutra,
        told: NasSecurityToEutra,
        air: Algorithms,
    ) -> Result<UeKeys, Refusal> {
        let Some(place) = &self.utran else { return Err(refused("not in UTRAN")) };
        let (umts, derivation) = (place.side.security.keys(), self.settings.agreement.derivation);
        let fresh = match self.settings.agreement.transfer.mapping {
            Mapping::Nonce => {
                let kasme = kasme_of_nonce(umts, told.nonce);
                return Ok(UeKeys::mapped(kasme, told.algorithms, air, derivation));
            }
            Mapping::TargetId { fresh } => fresh,
        };
        let [message] = &command.nas[..] else {
            return Err(refused(format!("expected the target in one NAS message, found {}", command.nas.len())));
        };
        let message = super::nas::protected(message)?;
        if message.header != SecurityHeader::IntegrityNewContext {
            return Err(refused("expected a NAS message with a new context"));
        }
        let input = match EmmMessage::parse(&message.message).map_err(malformed)? {
            EmmMessage::DownlinkGenericTransport(container) => container.target().map_err(malformed)?,
            _ => return Err(refused("expected a generic NAS transport")),
        };
        let heard = self.settings.cells.get(&command.mobility.target).map(|heard| heard.eci.enb());
        match input.target {
            TargetIdentity::Enb(enb) if Some(enb.enb) == heard => {}
            other => return Err(refused(format!("a target that is not that of the command: {other:?}"))),
        }
        if input.fresh.is_some() != fresh {
            return Err(refused("a fresh number where there is to be none, or none"));
        }
        let mut keys = UeKeys::mapped(input.kasme(umts), told.algorithms, air, derivation);
        super::nas::open(&mut keys.nas, &message)?;
        Ok(keys)
    }

    /// The MME has said what the keys of a handover to UTRAN are made of.
    pub(super) fn target_told(&mut self, container: &GenericContainer) -> Result<(), Refusal> {
        self.origin.told = Some(container.target().map_err(malformed)?);
        Ok(())
    }

    /// A command to UTRAN has come: it is followed, or the UE has the eNB take it back.
    pub(super) fn commanded_to_utran(
        &mut self,
        now: VirtualTime,
        container: &[u8],
        nas_security: u8,
        outbox: &mut Outbox<Event>,
    ) {
        if let Err((reason, text)) = self.follow_to_utran(now, container, nas_security, outbox) {
            self.report(What::Dropped(reason), outbox);
            outbox.verdict(Verdict::rejected(format!("refused: {text}")));
            self.ask_back(now, TRIES, ReestablishmentCause::ReconfigurationFailure, outbox);
        }
    }

    fn follow_to_utran(
        &mut self,
        now: VirtualTime,
        container: &[u8],
        nas_security: u8,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        let HandoverToUtranCommand { rnc, s_rnti, cell } =
            HandoverToUtranCommand::parse(container).map_err(malformed)?;
        let heard = self.settings.utran.get(&cell).copied();
        let heard = heard.ok_or_else(|| refused(format!("cell {cell} is not one that it hears")))?;
        let keys = match self.settings.agreement.transfer.mapping {
            Mapping::Nonce => {
                let nas = &mut self.keys.nas;
                // The COUNT with these low bits that comes next; none is used for a message then.
                while nas.next_count(Downlink) & 0xf != u32::from(nas_security & 0xf) {
                    nas.leave_out(Downlink);
                }
                let count = nas.next_count(Downlink);
                nas.leave_out(Downlink);
                ck_ik_of_count(self.keys.kasme(), count)
            }
            Mapping::TargetId { fresh } => {
                let input = self.origin.told.take().ok_or_else(|| refused("the MME has not named the target"))?;
                if input.target != heard.cell.target() || input.fresh.is_some() != fresh {
                    return Err(refused(format!("a target that is not that of the command: {:?}", input.target)));
                }
                way_back(&input, self.keys.kasme(), self.origin.made_of.as_ref())
            }
        };
        let u_rnti = u32::from(rnc) << 20 | u32::from(s_rnti);
        let state = UtranState::Moving { due: now + self.settings.interruption, ends: now + REACHES };
        let place = UtranPlace { cell, side: UtranSide::new(u_rnti, keys, 0), state };
        self.report(What::HandoverStarted(cell), outbox);
        self.report(place.side.in_use(cell), outbox);
        self.report(What::ContextInUse(self.origin.access), outbox);
        self.utran = Some(place);
        Ok(())
    }
}
