//! What UEs say to an eNB and it to them: frames, the RRC messages in them, and those of NAS that it passes on.

use super::{Enb, Role, UeContext};
use crate::emulation::{Outbox, Port, Verdict};
use crate::eps::identifiers::{EnbUeS1apId, Pci};
use crate::eps::node::event::{DropReason, Event, Outcome, What};
use crate::eps::node::parlos::NULL;
use crate::eps::node::radio_side::{AirError, FromAir, RadioSide, common_frame, common_message};
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::Ncc;
use crate::eps::security::protection::{BearerId, Protected};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{
    DlCcchMessage, DlDcchMessage, InitialUeIdentity, UlCcchMessage, UlDcchMessage, short_mac_input,
};
use crate::eps::wire::s1ap::{DownlinkNasTransport, UplinkNasTransport};
use crate::time::VirtualTime;

const SRB1: BearerId = BearerId::Signalling(1);

impl Enb {
    pub(super) fn send_air(
        &mut self,
        now: VirtualTime,
        id: EnbUeS1apId,
        bearer: BearerId,
        octets: &[u8],
        note: &str,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Some(port) = ue.port else { return };
        let made = ue.radio.frame(now, (Downlink, ue.c_rnti), &mut ue.keys.air, bearer, octets);
        let Ok((frame, Protected { count, .. })) = made else { return };
        outbox.send(port, frame, note);
        // The null algorithms use no key.
        if ue.keys.air.algorithms() == NULL {
            return;
        }
        let keys = ue.keys.air.keys();
        let key = match bearer {
            BearerId::Signalling(_) => keys.rrc_enc.clone(),
            BearerId::Data(_) => keys.up_enc.clone(),
        };
        let imsi = ue.imsi;
        self.report(imsi, What::Protected { key, bearer: bearer.input(), direction: Downlink, count }, outbox);
    }

    pub(super) fn send_rrc(
        &mut self,
        now: VirtualTime,
        id: EnbUeS1apId,
        message: &DlDcchMessage,
        note: &str,
        outbox: &mut Outbox<Event>,
    ) {
        if let Ok(octets) = message.octets() {
            self.send_air(now, id, SRB1, &octets, note, outbox);
        }
    }

    /// The transaction that comes next with a UE.
    pub(super) fn new_transaction(&mut self, id: EnbUeS1apId) -> u8 {
        let Some(ue) = self.ues.get_mut(&id) else { return 0 };
        ue.transaction = (ue.transaction + 1) % 4;
        ue.transaction
    }

    pub(super) fn air(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let frame = match RadioFrame::parse(octets) {
            Ok(frame) if frame.direction == Uplink => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not an uplink frame")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        if let Some(message) = common_message(&frame) {
            let (verdict, name) = match UlCcchMessage::parse(&message) {
                Ok(UlCcchMessage::ReestablishmentRequest { c_rnti, cell, short_mac_i, .. }) => {
                    let asked = self.re_establishment(now, port, (c_rnti, cell, short_mac_i), outbox);
                    (asked, "RRCConnectionReestablishmentRequest")
                }
                Ok(UlCcchMessage::ConnectionRequest { identity, .. }) => {
                    let identity = match identity {
                        InitialUeIdentity::STmsi(identity) => Some(identity),
                        InitialUeIdentity::Random(_) => None,
                    };
                    let asked = self.connection_requested(now, (port, frame.c_rnti), identity, outbox);
                    (asked, "RRCConnectionRequest")
                }
                Err(error) => (Err(error.to_string()), ""),
            };
            return outbox.verdict(match verdict {
                Ok(()) => Verdict::accepted(format!("accepted: {name}")),
                Err(reason) => Verdict::rejected(format!("dropped: {reason}")),
            });
        }
        let found = self.ues.iter_mut().find(|(_, ue)| ue.c_rnti == frame.c_rnti);
        let Some((id, ue)) = found.map(|(id, ue)| (*id, ue)) else {
            return self.frame_before(&frame, outbox);
        };
        let (imsi, uplink, expected) = (ue.imsi, ue.uplink, matches!(ue.role, Role::Expected { .. }));
        if self.settings.agreement.transfer.upe {
            match RadioSide::user_pdu(&frame) {
                Ok(Some(pdu)) if !expected => {
                    outbox.verdict(Verdict::accepted(format!("accepted: PDCP PDU {}", pdu.sequence_number)));
                    let octets = pdu.octets().unwrap_or_default();
                    return self.send_uplink(uplink, Some(pdu.sequence_number), octets, outbox);
                }
                Ok(Some(_)) => {
                    return outbox.verdict(Verdict::rejected("dropped: a packet before the handover confirm"));
                }
                // RRC, or no message at all: so it turns out below.
                Ok(None) | Err(_) => {}
            }
        }
        let dropped = match RadioSide::open(&frame, &mut ue.keys.air) {
            // Nothing tells whether a packet is of the UE that is to come: first it has to say so.
            Ok(FromAir { bearer: BearerId::Data(_), .. }) if ue.role.awaits_confirm() => {
                return outbox.verdict(Verdict::rejected("dropped: a packet before the handover confirm"));
            }
            Ok(FromAir { bearer: BearerId::Data(_), count, octets }) => {
                outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                return self.send_uplink(uplink, None, octets, outbox);
            }
            Ok(FromAir { count, octets, .. }) => match UlDcchMessage::parse(&octets) {
                Ok(message) => {
                    ue.port = Some(port);
                    outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                    return self.rrc(now, id, message, outbox);
                }
                Err(error) => (DropReason::Malformed, error.to_string()),
            },
            Err(error @ AirError::Protection(_)) => (DropReason::MacI, error.to_string()),
            Err(error) => (DropReason::Malformed, error.to_string()),
        };
        self.report(imsi, What::Dropped(dropped.0), outbox);
        outbox.verdict(Verdict::rejected(format!("dropped: {}", dropped.1)));
    }

    fn rrc(&mut self, now: VirtualTime, id: EnbUeS1apId, message: UlDcchMessage, outbox: &mut Outbox<Event>) {
        match message {
            UlDcchMessage::MeasurementReport(report) => {
                let best = report.neighbours.iter().max_by_key(|neighbour| neighbour.rsrp);
                if let Some(best) = best.map(|best| best.cell) {
                    self.prepare(now, id, best, outbox);
                }
            }
            UlDcchMessage::UtranMeasurementReport { cell, .. } => self.prepare_utran(now, id, cell, outbox),
            UlDcchMessage::ReconfigurationComplete { .. } => match self.ues.get(&id).map(|ue| ue.role) {
                Some(Role::SettingUp { ciphering: None, .. }) => self.set_up_complete(now, id, outbox),
                Some(Role::Rekeying { .. }) => self.rekeyed(now, id, outbox),
                _ => self.confirmed(now, id, outbox),
            },
            UlDcchMessage::SecurityModeComplete { .. } => self.secured(now, id, outbox),
            UlDcchMessage::InformationTransfer { nas } => {
                let (Some(ue), cell) = (self.s1_ids(id), self.settings.cell) else { return };
                self.tell_mme(UplinkNasTransport { ue, nas_pdu: nas, cell: cell.ecgi, tai: cell.tai }, outbox);
            }
            // Of these nothing follows.
            UlDcchMessage::ReestablishmentComplete { .. }
            | UlDcchMessage::SetupComplete { .. }
            | UlDcchMessage::SecurityModeFailure { .. } => {}
        }
    }

    pub(super) fn nas_to_ue(
        &mut self,
        now: VirtualTime,
        DownlinkNasTransport { ue, nas_pdu }: DownlinkNasTransport,
        outbox: &mut Outbox<Event>,
    ) {
        if self.nas_to_connecting(now, ue, &nas_pdu, outbox) {
            return;
        }
        let transaction = self.new_transaction(ue.enb);
        let message = DlDcchMessage::InformationTransfer { transaction, nas: nas_pdu };
        self.send_rrc(now, ue.enb, &message, "DLInformationTransfer", outbox);
    }

    /// A UE is back: its handover has failed, or it could not follow the command. By the contribution KeNB and its COUNTs go on
    /// \[choice\]; by the standard KeNB is made anew for this cell (TS 33.401 clause 7.2.8.4).
    fn re_establishment(
        &mut self,
        now: VirtualTime,
        port: Port,
        (c_rnti, cell, short_mac_i): (u16, Pci, u16),
        outbox: &mut Outbox<Event>,
    ) -> Result<(), String> {
        let (own, standard) = (self.settings.cell, self.is_standard());
        let here = |ue: &UeContext| ue.c_rnti == c_rnti && cell == own.pci && ue.role.takes_back();
        let (id, ue) =
            self.ues.iter_mut().find(|(_, ue)| here(ue)).ok_or("no UE that could come back has this C-RNTI")?;
        let (id, imsi) = (*id, ue.imsi);
        let input = short_mac_input(own.ecgi.eci, cell, c_rnti).map_err(|error| error.to_string())?;
        if ue.keys.air.short_mac_i(&input) != Ok(short_mac_i) {
            self.report(imsi, What::Dropped(DropReason::MacI), outbox);
            return Err("shortMAC-I is wrong".to_owned());
        }
        ue.port = Some(port);
        let (left, to_utran) = (ue.leaving().copied(), matches!(ue.role, Role::ToUtran { .. }));
        let redirected = matches!(ue.role, Role::Redirected { .. });
        ue.role = Role::Serving;
        let mut ncc = Ncc::new(0);
        if standard {
            ue.keys.re_establish(own.input());
            ue.radio = RadioSide::default();
            ncc = ue.keys.ncc();
        }
        let transaction = self.new_transaction(id);
        let answer = DlCcchMessage::Reestablishment { transaction, next_hop_chaining_count: ncc };
        let frame = answer.octets().and_then(|octets| common_frame(now, (Downlink, c_rnti), octets));
        outbox.send(port, frame.map_err(|error| error.to_string())?, "RRCConnectionReestablishment");
        if let Some(ue) = self.ues.get(&id).filter(|_| standard) {
            self.keys_in_use(ue, outbox);
        }
        if left.is_some() || redirected || to_utran {
            self.ended(imsi, Outcome::Returned, outbox);
        }
        if let Some(leaving) = left {
            self.call_off(id, &leaving, outbox);
        }
        if to_utran {
            self.call_off_utran(id, outbox);
        }
        Ok(())
    }
}
