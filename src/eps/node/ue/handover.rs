//! The handover command: following it, confirming, going back.

use std::time::Duration;

use super::{Before, HeardCell, Place, State, T301, TRIES, Ue, WayBack};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::Pci;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::radio_side::{RadioSide, common_frame};
use crate::eps::parameters::LinkDirection::Uplink;
use crate::eps::parameters::{Algorithms, HandoverParameters, Indication};
use crate::eps::security::parties::{CellInput, KeyChange};
use crate::eps::wire::rrc::{
    DlCcchMessage, MobilityControlInfo, ReestablishmentCause, RrcConnectionReconfiguration, SecurityConfigHo,
    UlCcchMessage, UlDcchMessage, short_mac_input,
};
use crate::time::VirtualTime;

/// Why a command is not followed.
pub(super) type Refusal = (DropReason, String);

fn refused(text: impl Into<String>) -> Refusal {
    (DropReason::Refused, text.into())
}

impl Ue {
    /// What the command says of keys: by its INDICATION, which stands in the place of NCC, and PARA in the NAS message with it.
    fn key_change(
        &mut self,
        mobility: MobilityControlInfo,
        security: SecurityConfigHo,
        nas: &[Vec<u8>],
        cell: HeardCell,
    ) -> Result<KeyChange, Refusal> {
        let ncc = security.next_hop_chaining_count;
        if security.key_change {
            return Ok(KeyChange::Kasme);
        }
        if self.is_standard() {
            let input = CellInput { pci: mobility.target.get(), earfcn_dl: cell.earfcn_dl };
            return Ok(KeyChange::Cell(ncc, input));
        }
        let c_rnti = self.settings.agreement.c_rnti(mobility.c_rnti);
        let parameters = match (ncc.get(), nas) {
            (0, _) => HandoverParameters { indication: Indication::SourceEnb, para: Vec::new() },
            (_, [message]) => self.parameters(message)?,
            (_, messages) => {
                return Err(refused(format!("expected PARA in one NAS message, found {} messages", messages.len())));
            }
        };
        Ok(KeyChange::Star(parameters, c_rnti))
    }

    /// A handover command has come: it is followed, or the UE has the source take it back.
    pub(super) fn commanded(
        &mut self,
        now: VirtualTime,
        command: RrcConnectionReconfiguration,
        count: u32,
        outbox: &mut Outbox<Event>,
    ) {
        match self.follow(now, command, outbox) {
            Ok(cell) => outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}, to cell {cell}"))),
            Err((reason, text)) => {
                self.report(What::Dropped(reason), outbox);
                outbox.verdict(Verdict::rejected(format!("refused: {text}")));
                self.ask_back(now, TRIES, ReestablishmentCause::ReconfigurationFailure, outbox);
            }
        }
    }

    /// Follows a handover command; the cell that it leads to.
    fn follow(
        &mut self,
        now: VirtualTime,
        command: RrcConnectionReconfiguration,
        outbox: &mut Outbox<Event>,
    ) -> Result<Pci, Refusal> {
        let RrcConnectionReconfiguration { transaction, mobility, nas, security, .. } = command;
        let (Some(mobility), Some(security)) = (mobility, security) else {
            return Err(refused("expected a handover command, found another reconfiguration"));
        };
        let cell = mobility.target;
        let Some(heard) = self.settings.cells.get(&cell).copied() else {
            return Err(refused(format!("cell {cell} is not one that it hears")));
        };
        let algorithms = security
            .algorithms
            .map(|algorithms| Algorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity });
        let capabilities = self.settings.capabilities;
        let lacks = |algorithms: Algorithms| {
            !capabilities.ciphers_with(algorithms.ciphering) || !capabilities.protects_with(algorithms.integrity)
        };
        if algorithms.is_some_and(lacks) {
            return Err(refused("algorithms that it does not have"));
        }
        let change = self.key_change(mobility, security, &nas, heard)?;
        let up_key = self.other_up_key(&nas)?;
        let keys = self.keys.hand_over(&change, algorithms).map_err(|error| refused(error.to_string()))?;
        // Within its cell it changes keys and nothing else.
        if cell != self.place.cell {
            self.report(What::HandoverStarted(cell), outbox);
        }
        // A key change where it is follows an authentication.
        let up_key = match cell == self.place.cell {
            true => self.change_up_key(outbox),
            false => self.replace_up_key(up_key, outbox),
        };
        let way_back = WayBack {
            ends: now + Duration::from_millis(mobility.t304.milliseconds()),
            to: Before::Eutran {
                source: std::mem::replace(&mut self.place, Place { cell, c_rnti: mobility.c_rnti }),
                keys,
                up_key,
                radio: std::mem::take(&mut self.radio),
            },
        };
        let (due, way_back) = (now + self.settings.interruption, Box::new(way_back));
        self.state = State::Moving { due, transaction, way_back };
        self.keys_in_use(outbox);
        Ok(cell)
    }

    pub(super) fn timer(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        match self.state {
            State::Arriving(_) => return self.arrival_timer(now, outbox),
            State::Attaching(_) | State::Off => return self.rlos_attach_timer(now, outbox),
            _ => {}
        }
        match std::mem::replace(&mut self.state, State::Connected) {
            State::Moving { due, transaction, way_back } if now >= due => {
                let here = self.place.cell;
                let moved = !matches!(&way_back.to, Before::Eutran { source, .. } if source.cell == here);
                self.state = State::Confirmed { way_back };
                let confirm = UlDcchMessage::ReconfigurationComplete { transaction };
                let what = if moved { "handover confirm" } else { "key change" };
                self.send_rrc(now, &confirm, format!("RRCConnectionReconfigurationComplete: {what}"), outbox);
                if moved {
                    self.report(What::Confirmed(self.place.cell), outbox);
                }
            }
            State::Confirmed { way_back } if now >= way_back.ends => match way_back.to {
                Before::Eutran { source, keys, up_key, radio } => {
                    self.keys.go_back(keys);
                    (self.place, self.radio) = (source, radio);
                    self.keys_in_use(outbox);
                    self.return_to_up_key(up_key, outbox);
                    self.ask_back(now, TRIES, ReestablishmentCause::HandoverFailure, outbox);
                }
                Before::Utran { place, transaction } => self.back_in_utran(place, transaction, outbox),
            },
            State::Returning { tries, ends } if now >= ends => {
                self.ask_back(now, tries, ReestablishmentCause::OtherFailure, outbox);
            }
            other => self.state = other,
        }
    }

    /// Asks the cell that it is in to take it back, if a try is left; the keys are those that it had there.
    pub(super) fn ask_back(
        &mut self,
        now: VirtualTime,
        tries: u8,
        cause: ReestablishmentCause,
        outbox: &mut Outbox<Event>,
    ) {
        let (Some(tries), Some(here)) = (tries.checked_sub(1), self.here()) else {
            self.state = State::Lost;
            return;
        };
        self.state = State::Returning { tries, ends: now + T301 };
        let Place { cell, c_rnti } = self.place;
        let Ok(input) = short_mac_input(here.eci, cell, c_rnti) else { return };
        let Ok(short_mac_i) = self.keys.air.short_mac_i(&input) else { return };
        let request = UlCcchMessage::ReestablishmentRequest { c_rnti, cell, short_mac_i, cause };
        let frame = request.octets().and_then(|octets| common_frame(now, (Uplink, c_rnti), octets));
        if let Ok(frame) = frame {
            outbox.send(here.port, frame, "RRCConnectionReestablishmentRequest");
        }
    }

    /// A message that nothing protects: the source takes the UE back, or a cell that it has come to takes it or not.
    pub(super) fn common(&mut self, now: VirtualTime, octets: &[u8], c_rnti: u16, outbox: &mut Outbox<Event>) {
        let asking = self.is_asking();
        let (transaction, ncc) = match DlCcchMessage::parse(octets) {
            Ok(DlCcchMessage::Reestablishment { transaction, next_hop_chaining_count }) => {
                (transaction, next_hop_chaining_count)
            }
            Ok(DlCcchMessage::ConnectionSetup { transaction }) if asking => {
                outbox.verdict(Verdict::accepted("accepted: RRCConnectionSetup"));
                return self.connection_set_up(now, c_rnti, transaction, outbox);
            }
            Ok(DlCcchMessage::ConnectionReject { .. }) if asking => {
                outbox.verdict(Verdict::accepted("accepted: RRCConnectionReject"));
                if let State::Attaching(_) = self.state {
                    return self.attach_unanswered(now, outbox);
                }
                return self.go_back_from_arrival(now, outbox);
            }
            Ok(DlCcchMessage::ConnectionSetup { .. } | DlCcchMessage::ConnectionReject { .. }) => {
                return outbox.verdict(Verdict::rejected("dropped: nobody has asked for it"));
            }
            Err(error) => {
                self.report(What::Dropped(DropReason::Malformed), outbox);
                return outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
            }
        };
        let (State::Returning { .. }, Some(here)) = (&self.state, self.here()) else {
            return outbox.verdict(Verdict::rejected("dropped: nobody has asked for it"));
        };
        if self.is_standard() {
            let input = CellInput { pci: self.place.cell.get(), earfcn_dl: here.earfcn_dl };
            // The only thing that could be wrong is the length of a PARA, and there is none.
            let _ = self.keys.hand_over(&KeyChange::Cell(ncc, input), None);
            self.radio = RadioSide::default();
            self.keys_in_use(outbox);
        }
        self.state = State::Connected;
        outbox.verdict(Verdict::accepted("accepted: RRCConnectionReestablishment"));
        let complete = UlDcchMessage::ReestablishmentComplete { transaction };
        self.send_rrc(now, &complete, "RRCConnectionReestablishmentComplete", outbox);
    }
}
