//! The UE: it reports the cell that it measures, follows the handover command, and confirms at the target.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{Command, Event, Outcome, What};
use super::radio_side::{AirError, FromAir, RadioSide};
use super::settings::Agreement;
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{Algorithms, HandoverParameters, Indication};
use crate::eps::security::parties::{BeforeHandover, CellInput, KeyChange, UeKeys};
use crate::eps::security::protection::{BearerId, Protected};
use crate::eps::wire::nas::{EmmMessage, NasMessage, ProtectedNas};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{
    DlDcchMessage, MeasurementReport, MobilityControlInfo, NeighbourMeasurement, RrcConnectionReconfiguration,
    SecurityConfigHo, UlDcchMessage,
};
use crate::time::VirtualTime;

/// How strong a UE reports its own cell and the better one, in the steps of RSRP and RSRQ (TS 36.133 clauses 9.1.4 and 9.1.7).
const OWN: (u8, u8) = (40, 20);
const BETTER: (u8, u8) = (55, 25);
/// The measurement that the report is about.
const MEASUREMENT: u8 = 1;

/// What a UE is.
#[derive(Clone, Debug)]
pub struct UeSettings {
    /// Who it is.
    pub imsi: Imsi,
    /// The cells that it can hear, each with the link to it and its downlink carrier.
    pub cells: BTreeMap<Pci, (Port, u32)>,
    /// What the network has agreed on.
    pub agreement: Agreement,
    /// How long it takes from the command to the first frame in the target cell.
    pub interruption: Duration,
}

/// Where it is, and as what.
#[derive(Clone, Copy, Debug)]
struct Place {
    cell: Pci,
    c_rnti: u16,
}

/// What it goes back to if nothing comes from the target before T304 ends.
struct WayBack {
    ends: VirtualTime,
    source: Place,
    keys: BeforeHandover,
    radio: RadioSide,
}

enum State {
    Connected,
    /// On its way to the target, where it arrives at `due` and confirms.
    Moving {
        due: VirtualTime,
        transaction: u8,
        way_back: Box<WayBack>,
    },
    /// It has confirmed.
    Confirmed {
        way_back: Box<WayBack>,
    },
}

/// A UE.
pub struct Ue {
    settings: UeSettings,
    keys: UeKeys,
    radio: RadioSide,
    place: Place,
    state: State,
    started: bool,
}

impl Ue {
    /// A UE that is connected to a cell from before the run.
    #[must_use]
    pub fn connected(settings: UeSettings, keys: UeKeys, cell: Pci, c_rnti: u16) -> Self {
        let place = Place { cell, c_rnti };
        let radio = RadioSide::default();
        Self { settings, keys, radio, place, state: State::Connected, started: false }
    }

    fn report(&self, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ue: self.settings.imsi, what });
    }

    fn keys_in_use(&self, outbox: &mut Outbox<Event>) {
        let keys = self.keys.air.keys();
        self.report(
            What::KenbInUse {
                cell: self.place.cell,
                kenb: self.keys.kenb().clone(),
                keys: [keys.rrc_enc.clone(), keys.rrc_int.clone(), keys.up_enc.clone()],
                c_rnti: self.place.c_rnti,
            },
            outbox,
        );
    }

    fn send(
        &mut self,
        now: VirtualTime,
        bearer: BearerId,
        octets: &[u8],
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some((port, _)) = self.settings.cells.get(&self.place.cell) else { return };
        let made = self.radio.frame(now, (Uplink, self.place.c_rnti), &mut self.keys.air, bearer, octets);
        // Without a COUNT nothing can be said: the connection is as good as lost.
        let Ok((frame, Protected { count, .. })) = made else { return };
        outbox.send(*port, frame, note);
        let keys = self.keys.air.keys();
        let key = match bearer {
            BearerId::Signalling(_) => keys.rrc_enc.clone(),
            BearerId::Data(_) => keys.up_enc.clone(),
        };
        self.report(What::Protected { key, bearer: 0, direction: Uplink, count }, outbox);
    }

    fn send_rrc(
        &mut self,
        now: VirtualTime,
        message: &UlDcchMessage,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        if let Ok(octets) = message.octets() {
            self.send(now, BearerId::Signalling(1), &octets, note, outbox);
        }
    }

    fn measure(&mut self, now: VirtualTime, cell: Pci, outbox: &mut Outbox<Event>) {
        let neighbour = NeighbourMeasurement { cell, rsrp: Some(BETTER.0), rsrq: Some(BETTER.1) };
        let report =
            MeasurementReport { measurement: MEASUREMENT, rsrp: OWN.0, rsrq: OWN.1, neighbours: vec![neighbour] };
        let note = format!("MeasurementReport: cell {cell} is better");
        self.send_rrc(now, &UlDcchMessage::MeasurementReport(report), note, outbox);
    }

    fn frame(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let here = self.settings.cells.get(&self.place.cell).is_some_and(|(link, _)| *link == port);
        let moving = matches!(self.state, State::Moving { .. });
        let frame = match RadioFrame::parse(octets) {
            Ok(frame) if here && !moving && frame.direction == Downlink && frame.c_rnti == self.place.c_rnti => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not for this UE in this cell")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        match RadioSide::open(&frame, &mut self.keys.air) {
            Ok(FromAir { bearer: BearerId::Data(_), octets, .. }) => {
                self.heard_target();
                outbox.verdict(Verdict::accepted("accepted: user packet"));
                self.report(What::PacketOut { direction: Downlink, octets }, outbox);
            }
            Ok(FromAir { octets, count, .. }) => {
                self.heard_target();
                self.rrc(now, &octets, count, outbox);
            }
            Err(error) => {
                if matches!(error, AirError::Protection(_)) {
                    self.report(What::WrongMac, outbox);
                }
                outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
            }
        }
    }

    /// The target speaks with the new keys: there is no way back, and no need of one.
    fn heard_target(&mut self) {
        if let State::Confirmed { .. } = self.state {
            self.state = State::Connected;
        }
    }

    fn rrc(&mut self, now: VirtualTime, octets: &[u8], count: u32, outbox: &mut Outbox<Event>) {
        match DlDcchMessage::parse(octets) {
            Ok(DlDcchMessage::Reconfiguration(RrcConnectionReconfiguration {
                transaction, mobility: None, ..
            })) => {
                outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                let answer = UlDcchMessage::ReconfigurationComplete { transaction };
                self.send_rrc(now, &answer, "RRCConnectionReconfigurationComplete", outbox);
            }
            Ok(DlDcchMessage::Reconfiguration(command)) => {
                let verdict = match self.follow(now, command, outbox) {
                    Ok(cell) => Verdict::accepted(format!("accepted: COUNT {count}, to cell {cell}")),
                    Err(reason) => Verdict::rejected(format!("refused: {reason}")),
                };
                outbox.verdict(verdict);
            }
            Ok(_) => outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}"))),
            Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        }
    }

    /// What the command says of keys: by its INDICATION, which stands in the place of NCC, and PARA in the NAS message with it.
    fn key_change(
        &mut self,
        mobility: MobilityControlInfo,
        security: SecurityConfigHo,
        nas: &[Vec<u8>],
        (cell, earfcn_dl): (Pci, u32),
        standard: bool,
    ) -> Result<KeyChange, String> {
        let ncc = security.next_hop_chaining_count;
        if standard {
            return Ok(KeyChange::Cell(ncc, CellInput { pci: cell.get(), earfcn_dl }));
        }
        let c_rnti = self.settings.agreement.c_rnti(mobility.c_rnti);
        let parameters = match (ncc.get(), nas) {
            (0, _) => HandoverParameters { indication: Indication::SourceEnb, para: Vec::new() },
            (_, [message]) => self.parameters(message)?,
            (_, messages) => {
                return Err(format!("expected PARA in one NAS message, found {} messages", messages.len()));
            }
        };
        Ok(KeyChange::Star(parameters, c_rnti))
    }

    /// INDICATION and PARA out of a NAS message that the MME has protected.
    fn parameters(&mut self, octets: &[u8]) -> Result<HandoverParameters, String> {
        let Ok(NasMessage::Protected(ProtectedNas { header, mac, sequence_number, message })) =
            NasMessage::parse(octets)
        else {
            return Err("expected a protected NAS message".to_owned());
        };
        let (_, plain) = self
            .keys
            .nas
            .open(Downlink, sequence_number, mac, &message, header.ciphered())
            .map_err(|error| format!("NAS: {error}"))?;
        match EmmMessage::parse(&plain) {
            Ok(EmmMessage::DownlinkGenericTransport(container)) => {
                container.handover_parameters().map_err(|error| error.to_string())
            }
            Ok(_) => Err("expected a generic NAS transport".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Follows a handover command; the cell that it leads to.
    fn follow(
        &mut self,
        now: VirtualTime,
        command: RrcConnectionReconfiguration,
        outbox: &mut Outbox<Event>,
    ) -> Result<Pci, String> {
        let RrcConnectionReconfiguration { transaction, mobility, nas, security } = command;
        let (Some(mobility), Some(security)) = (mobility, security) else {
            return Err("expected a handover command, found another reconfiguration".to_owned());
        };
        let known = self.settings.cells.get(&mobility.target).map(|carrier| (mobility.target, *carrier));
        let Some((cell, (_, carrier))) = known else {
            return Err(format!("cell {} is not one that it hears", mobility.target));
        };
        let standard = self.settings.agreement.schemes.is_standard();
        let change = self.key_change(mobility, security, &nas, (cell, carrier), standard)?;
        let algorithms = security
            .algorithms
            .map(|algorithms| Algorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity });
        let keys = self.keys.hand_over(&change, algorithms).map_err(|error| error.to_string())?;
        self.report(What::HandoverStarted(cell), outbox);
        let way_back = WayBack {
            ends: now + Duration::from_millis(mobility.t304.milliseconds()),
            source: std::mem::replace(&mut self.place, Place { cell, c_rnti: mobility.c_rnti }),
            keys,
            radio: std::mem::take(&mut self.radio),
        };
        let (due, way_back) = (now + self.settings.interruption, Box::new(way_back));
        self.state = State::Moving { due, transaction, way_back };
        self.keys_in_use(outbox);
        Ok(cell)
    }

    /// Back to the source, whose keys and COUNTs are in use again.
    fn go_back(&mut self, WayBack { source, keys, radio, .. }: WayBack, outbox: &mut Outbox<Event>) {
        self.keys.go_back(keys);
        (self.place, self.radio) = (source, radio);
        self.report(What::HandoverEnded(Outcome::Returned), outbox);
        self.keys_in_use(outbox);
    }
}

impl Node for Ue {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.started = true;
            self.keys_in_use(outbox);
        }
        match input {
            Input::Frame { port, octets } => self.frame(now, port, &octets, outbox),
            Input::Command(Command::Measure(cell)) => self.measure(now, cell, outbox),
            Input::Command(Command::Uplink(packet)) if !matches!(self.state, State::Moving { .. }) => {
                self.send(now, BearerId::Data(1), &packet, "user packet", outbox);
            }
            // While it moves there is nobody to send to, and a downlink packet is not the UE's to send.
            Input::Command(Command::Uplink(_) | Command::Downlink(..)) => {}
            Input::Timer => match std::mem::replace(&mut self.state, State::Connected) {
                State::Moving { due, transaction, way_back } if now >= due => {
                    self.state = State::Confirmed { way_back };
                    let confirm = UlDcchMessage::ReconfigurationComplete { transaction };
                    self.send_rrc(now, &confirm, "RRCConnectionReconfigurationComplete: handover confirm", outbox);
                }
                State::Confirmed { way_back } if now >= way_back.ends => self.go_back(*way_back, outbox),
                other => self.state = other,
            },
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        match &self.state {
            State::Connected => None,
            State::Moving { due, .. } => Some(*due),
            State::Confirmed { way_back } => Some(way_back.ends),
        }
    }
}
