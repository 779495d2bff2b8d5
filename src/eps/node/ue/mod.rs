//! The UE: it reports the cell that it measures, follows the handover command, confirms at the target, or goes back.
//!
//! * `handover`: the command and what follows it.
//! * `nas`: what the MME says to it; `registration`: authentication, attach, tracking area update.
//! * `arrival`: how it comes to another cell by itself.
//! * `utran`: in UTRAN, to there and from there; `utran_access`: it attaches there; `reselection`: from there while it is idle.
//!   `geran`: in GERAN.
//! * `gmm`: what the SGSN says to it.
//! * `rlos`: it is off, and attaches for restricted local operator services.
//! * `user_plane`: its packets, where they are ciphered between UE and UPE.
//!
//! A UE goes back to the source when T304 ends and nothing has come from the target, or when it cannot follow the command: it
//! re-establishes there (TS 36.331 clause 5.3.7). Who does not take it back is asked [`TRIES`] times, each for [`T301`].

mod arrival;
mod geran;
mod gmm;
mod handover;
mod nas;
mod registration;
mod reselection;
mod rlos;
mod user_plane;
mod utran;
mod utran_access;

use utran::{ContextOrigin, UtranPlace};
pub use utran::{HeardUtranCell, UtranConnection};

use geran::GeranPlace;
use gmm::Gmm;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;

pub use arrival::{ARRIVAL, T300};
pub use geran::GeranConnection;
pub use gmm::ATTACH;
pub use registration::{UPDATE, UPDATE_TRIES};
pub use rlos::{RLOS_ATTACH, RLOS_ATTACH_TRIES};

use arrival::Arriving;
use registration::Update;
use rlos::{Attaching, Rlos};

use super::event::{Command, DropReason, Event, What};
use super::parlos::NULL;
use super::radio_side::{AirError, FromAir, RadioSide, common_message};
use super::settings::{Agreement, KEY_SET};
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::identifiers::{Eci, Guti, Imsi, Pci, Tai};
use crate::eps::keys::{Kasme, UpKey};
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{Algorithms, Ncc};
use crate::eps::security::aka::Usim;
use crate::eps::security::parties::{BeforeHandover, UeKeys};
use crate::eps::security::protection::{BearerId, Protected};
use crate::eps::security::user_plane::UpSecurity;
use crate::eps::wire::UeSecurityCapabilities;
use crate::eps::wire::nas::NasKsi;
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{
    DlDcchMessage, MeasurementReport, NeighbourMeasurement, RrcConnectionReconfiguration, UlDcchMessage,
};
use crate::time::VirtualTime;

/// How long a UE waits for the answer to a re-establishment request.
pub const T301: Duration = Duration::from_millis(200);
/// How often it asks.
pub const TRIES: u8 = 3;

/// Most packets to a UPE that wait while the UE moves.
pub const MAX_HELD: usize = 256;

/// How strong a UE reports its own cell and the better one, in the steps of RSRP and RSRQ (TS 36.133 clauses 9.1.4 and 9.1.7).
const OWN: (u8, u8) = (40, 20);
const BETTER: (u8, u8) = (55, 25);
/// The measurement that the report is about.
const MEASUREMENT: u8 = 1;
/// What a UE that has never been given a C-RNTI asks for one with.
const FIRST_C_RNTI: u16 = 1;

/// A cell as a UE hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardCell {
    /// The link to it.
    pub port: Port,
    /// Its downlink carrier.
    pub earfcn_dl: u32,
    /// Its identity in the network, which it broadcasts.
    pub eci: Eci,
    /// Its tracking area, which it broadcasts.
    pub tai: Tai,
}

/// What a UE is.
#[derive(Clone, Debug)]
pub struct UeSettings {
    /// Who it is.
    pub imsi: Imsi,
    /// The cells that it can hear.
    pub cells: BTreeMap<Pci, HeardCell>,
    /// The cells of UTRAN that it can hear.
    pub utran: BTreeMap<Pci, HeardUtranCell>,
    /// The algorithms that it has.
    pub capabilities: UeSecurityCapabilities,
    /// What the network has agreed on.
    pub agreement: Agreement,
    /// What it is authenticated with; without one it does not take part in authentication.
    pub usim: Option<Usim>,
    /// Whether the ME makes CK' and IK' of the CK and IK that the USIM gives it, and uses those in UTRAN and GERAN ([`separated`]).
    ///
    /// [`separated`]: crate::eps::security::aka::separated
    pub separates_keys: bool,
    /// The temporary identity that its MME has given it before the run; without one it neither comes to cells by itself nor updates its
    /// tracking area.
    pub guti: Option<Guti>,
    /// How long it takes from the command to the first frame in the target cell.
    pub interruption: Duration,
    /// What is wrong with it.
    pub faults: UeFaults,
}

/// What is wrong with a UE; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UeFaults {
    /// It takes NAS messages in handover commands whatever their MAC is.
    pub ignores_nas_mac: bool,
    /// It takes NAS messages in handover commands whose MAC is right for a NAS COUNT that was used already.
    pub ignores_nas_count: bool,
    /// A broken random source: NONCE_UE, when it comes out of UTRAN while it is idle, is always the same.
    pub constant_nonce: bool,
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
    to: Before,
}

/// What was before a handover.
enum Before {
    /// A cell of E-UTRAN.
    Eutran {
        source: Place,
        keys: BeforeHandover,
        /// The key between UE and UPE, if it has got another.
        up_key: Option<UpKey>,
        radio: RadioSide,
    },
    /// A cell of UTRAN; the transaction of its command.
    Utran { place: UtranPlace, transaction: u8 },
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
    /// It has asked the source to take it back.
    Returning {
        tries: u8,
        ends: VirtualTime,
    },
    /// It was released, and comes to another cell by itself.
    Arriving(Box<Arriving>),
    /// Nobody has taken it back.
    Lost,
    /// It is switched off.
    Off,
    /// It attaches for restricted local operator services.
    Attaching(Box<Attaching>),
}

/// A UE.
pub struct Ue {
    settings: UeSettings,
    keys: UeKeys,
    /// Its end of the user plane, where that is ciphered between UE and UPE.
    up: Option<UpSecurity>,
    /// Packets to its UPE that wait until it may speak.
    held: VecDeque<Vec<u8>>,
    radio: RadioSide,
    place: Place,
    state: State,
    /// Which KASME it has.
    key_set: NasKsi,
    usim: Option<Usim>,
    /// What it draws nonces from; one that has not begun in UTRAN needs none.
    random: Option<ChaCha20Rng>,
    guti: Option<Guti>,
    /// The tracking area that it is registered in.
    tai: Option<Tai>,
    /// What an authentication has left that is not in use yet.
    challenged: Option<(NasKsi, Kasme)>,
    update: Option<Update>,
    /// The cell that it has reported last.
    measured: Option<Pci>,
    /// Where it is in UTRAN, if it is there; of E-UTRAN nothing holds then, but for a UE on its way to UTRAN.
    utran: Option<UtranPlace>,
    /// Where it is in GERAN, if it is there; of E-UTRAN and UTRAN nothing holds then.
    geran: Option<GeranPlace>,
    /// Where it stands with its SGSN.
    gmm: Gmm,
    /// What its security context goes back to.
    origin: ContextOrigin,
    /// What it attaches for restricted local operator services with, if it does so.
    rlos: Option<Box<Rlos>>,
    started: bool,
}

impl Ue {
    /// A UE that is connected to a cell from before the run.
    #[must_use]
    pub fn connected(settings: UeSettings, keys: UeKeys, cell: Pci, c_rnti: u16) -> Self {
        let place = Place { cell, c_rnti };
        let radio = RadioSide::default();
        let (usim, guti) = (settings.usim.clone(), settings.guti);
        let mut ue = Self {
            tai: settings.cells.get(&cell).map(|cell| cell.tai),
            settings,
            keys,
            up: None,
            held: VecDeque::new(),
            radio,
            place,
            state: State::Connected,
            key_set: NasKsi::new(KEY_SET),
            usim,
            random: None,
            guti,
            challenged: None,
            update: None,
            measured: None,
            utran: None,
            geran: None,
            gmm: Gmm::default(),
            origin: ContextOrigin::default(),
            rlos: None,
            started: false,
        };
        // That which the AS has \[choice\].
        ue.renew_user_plane(ue.keys.air.algorithms().ciphering);
        ue
    }

    /// A UE that is switched off, and attaches in this cell when it is told to. It asks for a connection with the temporary identity of an
    /// earlier day that its settings say; without one its attach fails. It has no keys: those that stand in their place are of no use to
    /// anybody.
    #[must_use]
    pub fn off(settings: UeSettings, cell: Pci) -> Self {
        let derivation = settings.agreement.derivation;
        let unused = UeKeys::mapped(Kasme::from_octets([0; 32]), Algorithms::AES, Algorithms::AES, derivation);
        let mut ue = Self::connected(settings, unused, cell, FIRST_C_RNTI);
        (ue.state, ue.key_set, ue.tai, ue.up) = (State::Off, NasKsi::NONE, None, None);
        ue
    }

    fn report(&self, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ue: self.settings.imsi, what });
    }

    fn is_standard(&self) -> bool {
        self.settings.agreement.schemes.is_standard()
    }

    fn keys_in_use(&self, outbox: &mut Outbox<Event>) {
        let keys = self.keys.air.keys();
        let what = What::KenbInUse {
            cell: self.place.cell,
            kenb: self.keys.kenb().clone(),
            keys: [keys.rrc_enc.clone(), keys.rrc_int.clone(), keys.up_enc.clone()],
            c_rnti: self.place.c_rnti,
            algorithms: self.keys.air.algorithms(),
            ncc: if self.is_standard() { self.keys.ncc() } else { Ncc::new(0) },
        };
        self.report(what, outbox);
    }

    fn nas_in_use(&self, outbox: &mut Outbox<Event>) {
        let nas = &self.keys.nas;
        let keys = [nas.keys().enc.clone(), nas.keys().int.clone()];
        let what = What::NasInUse { keys, algorithms: nas.algorithms(), kasme: self.keys.kasme().clone() };
        self.report(what, outbox);
    }

    /// The cell that it is in, if it hears it.
    fn here(&self) -> Option<HeardCell> {
        self.settings.cells.get(&self.place.cell).copied()
    }

    fn send(
        &mut self,
        now: VirtualTime,
        bearer: BearerId,
        octets: &[u8],
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(HeardCell { port, .. }) = self.here() else { return };
        let made = self.radio.frame(now, (Uplink, self.place.c_rnti), &mut self.keys.air, bearer, octets);
        // Without a COUNT nothing can be said: the connection is as good as lost.
        let Ok((frame, Protected { count, .. })) = made else { return };
        outbox.send(port, frame, note);
        // The null algorithms use no key.
        if !self.keys.air.is_on() || self.keys.air.algorithms() == NULL {
            return;
        }
        let keys = self.keys.air.keys();
        let key = match bearer {
            BearerId::Signalling(_) => keys.rrc_enc.clone(),
            BearerId::Data(_) => keys.up_enc.clone(),
        };
        self.report(What::Protected { key, bearer: bearer.input(), direction: Uplink, count }, outbox);
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
        self.measured = Some(cell);
        let neighbour = NeighbourMeasurement { cell, rsrp: Some(BETTER.0), rsrq: Some(BETTER.1) };
        let report =
            MeasurementReport { measurement: MEASUREMENT, rsrp: OWN.0, rsrq: OWN.1, neighbours: vec![neighbour] };
        let note = format!("MeasurementReport: cell {cell} is better");
        self.send_rrc(now, &UlDcchMessage::MeasurementReport(report), note, outbox);
    }

    /// Whether it is connected to a cell, and may speak there.
    const fn may_speak(&self) -> bool {
        matches!(self.state, State::Connected | State::Confirmed { .. })
    }

    /// Whether somebody may speak to it on a bearer.
    fn may_hear(&self) -> bool {
        self.may_speak()
            || matches!(&self.state, State::Arriving(arriving) if arriving.is_connected())
            || matches!(&self.state, State::Attaching(attaching) if attaching.is_connected())
    }

    fn frame(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let here = self.here().is_some_and(|cell| cell.port == port);
        let frame = match RadioFrame::parse(octets) {
            Ok(frame) if here && frame.direction == Downlink && self.is_for_it(&frame) && !self.is_off() => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not for this UE in this cell")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        if let Some(message) = common_message(&frame) {
            return self.common(now, &message, frame.c_rnti, outbox);
        }
        if !self.may_hear() {
            return outbox.verdict(Verdict::rejected("dropped: not for this UE in this cell"));
        }
        if !self.keys.air.is_on() {
            return self.hear_unsecured(now, &frame, outbox);
        }
        if let (Some(_), Ok(Some(pdu))) = (&self.up, RadioSide::user_pdu(&frame)) {
            return self.open_user_pdu(&pdu, outbox);
        }
        let (reason, error) = match RadioSide::open(&frame, &mut self.keys.air) {
            Ok(FromAir { bearer: BearerId::Data(_), octets, .. }) => {
                outbox.verdict(Verdict::accepted("accepted: user packet"));
                self.report(What::PacketOut { direction: Downlink, octets }, outbox);
                return self.heard_target(now, outbox);
            }
            Ok(FromAir { octets, count, .. }) => {
                self.heard_target(now, outbox);
                return self.rrc(now, &octets, count, outbox);
            }
            Err(error @ AirError::Protection(_)) => (DropReason::MacI, error),
            Err(error) => (DropReason::Malformed, error),
        };
        self.report(What::Dropped(reason), outbox);
        outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
    }

    /// The target speaks with the new keys: there is no way back, and no need of one.
    fn heard_target(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if let State::Confirmed { .. } = self.state {
            self.state = State::Connected;
            self.update_where_due(now, outbox);
        }
    }

    /// Whether it has asked for a connection.
    fn is_asking(&self) -> bool {
        matches!(&self.state, State::Arriving(arriving) if arriving.is_asking())
            || matches!(&self.state, State::Attaching(attaching) if attaching.is_asking())
    }

    /// Whether a frame of its cell is for it; who asks for a connection does not know yet what it will be called.
    fn is_for_it(&self, frame: &RadioFrame) -> bool {
        let asking = self.is_asking();
        frame.c_rnti == self.place.c_rnti || asking && common_message(frame).is_some()
    }

    fn rrc(&mut self, now: VirtualTime, octets: &[u8], count: u32, outbox: &mut Outbox<Event>) {
        let message = match DlDcchMessage::parse(octets) {
            Ok(message) => message,
            Err(error) => {
                self.report(What::Dropped(DropReason::Malformed), outbox);
                return outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
            }
        };
        outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
        match message {
            DlDcchMessage::Reconfiguration(RrcConnectionReconfiguration {
                transaction,
                mobility: None,
                nas,
                bearer,
                ..
            }) => {
                let answer = UlDcchMessage::ReconfigurationComplete { transaction };
                self.send_rrc(now, &answer, "RRCConnectionReconfigurationComplete", outbox);
                if bearer.is_some() {
                    self.arrived();
                }
                for message in nas {
                    self.nas(now, &message, outbox);
                }
            }
            DlDcchMessage::Reconfiguration(command) => self.commanded(now, command, count, outbox),
            DlDcchMessage::InformationTransfer { nas, .. } => self.nas(now, &nas, outbox),
            DlDcchMessage::MobilityToUtran { container, nas_security, .. } => {
                self.commanded_to_utran(now, &container, nas_security, outbox);
            }
            DlDcchMessage::Release { redirection, .. } => self.released(now, redirection, outbox),
            // There are keys already; a command of the other is in one of UTRAN.
            DlDcchMessage::HandoverToEutra(_) | DlDcchMessage::SecurityModeCommand { .. } => {}
        }
    }
}

impl Node for Ue {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.started = true;
            match self.utran {
                Some(_) => self.start_in_utran(outbox),
                None if self.is_off() => {}
                None => {
                    self.keys_in_use(outbox);
                    self.nas_in_use(outbox);
                    self.up_key_in_use(outbox);
                }
            }
        }
        if self.geran.is_some() {
            return self.handle_in_geran(now, input, outbox);
        }
        if self.utran.is_some() {
            return self.handle_in_utran(now, input, outbox);
        }
        match input {
            Input::Frame { port, octets } => self.frame(now, port, &octets, outbox),
            Input::Command(Command::Attach) if self.rlos.is_some() => self.attach_for_rlos(now, outbox),
            Input::Command(Command::Attach) => self.attach(now, outbox),
            Input::Command(Command::Measure(cell)) if self.may_speak() && self.settings.utran.contains_key(&cell) => {
                self.measure_utran(now, cell, outbox);
            }
            Input::Command(Command::Measure(cell)) if self.may_speak() => self.measure(now, cell, outbox),
            Input::Command(Command::PowerOff) => self.power_off(now, outbox),
            // While it moves they wait.
            Input::Command(Command::Uplink(packet)) if self.up.is_some() => {
                if self.held.len() < MAX_HELD {
                    self.held.push_back(packet);
                }
            }
            Input::Command(Command::Uplink(packet)) if self.may_speak() => {
                self.send(now, BearerId::Data(1), &packet, "user packet", outbox);
            }
            // While it moves there is nobody to speak to; the rest is not for a UE.
            Input::Command(_) => {}
            Input::Timer => {
                self.timer(now, outbox);
                self.update_timer(now, outbox);
            }
        }
        self.send_held(now, outbox);
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        if self.geran.is_some() {
            return self.gmm.attaching;
        }
        if let Some(due) = self.utran_due() {
            return due;
        }
        let state = match &self.state {
            State::Connected | State::Lost => None,
            State::Off => self.rlos.as_ref().and_then(|rlos| rlos.due()),
            State::Attaching(attaching) => Some(attaching.next_timer()),
            State::Moving { due, .. } => Some(*due),
            State::Confirmed { way_back } => Some(way_back.ends),
            State::Returning { ends, .. } => Some(*ends),
            State::Arriving(arriving) => Some(arriving.next_timer()),
        };
        [state, self.update.as_ref().map(|update| update.ends)].into_iter().flatten().min()
    }
}
