//! The UE in GERAN: its messages and packets in frames of LLC (TS 44.064). It stays there: nothing hands it over \[choice\].
//!
//! Nothing is ciphered and nothing is protected, as GEA is not computed and GPRS has no integrity: of its keys it has Kc, and does not
//! use it. It calls itself by one TLLI throughout \[choice\].

use super::{Ue, UeSettings};
use crate::emulation::{Input, Outbox, Port, Verdict};
use crate::eps::keys::{CkIk, Kc};
use crate::eps::node::event::{Command, DropReason, Event, What};
use crate::eps::node::geran_side::LlcNumbers;
use crate::eps::node::settings::GeranCell;
use crate::eps::parameters::{LinkDirection, Origin};
use crate::eps::security::inter_system::kc_of_ck_ik;
use crate::eps::wire::GeranFrame;
use crate::eps::wire::gprs::{LlcContents, LlcFrame};
use crate::time::VirtualTime;

/// A cell of GERAN that a UE is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeranConnection {
    /// The link to it.
    pub port: Port,
    /// The cell.
    pub cell: GeranCell,
    /// What the UE calls itself: of those that a UE draws, 0x7800_0000 to 0x7fff_ffff (TS 23.003 clause 2.6).
    pub tlli: u32,
}

/// Where a UE is in GERAN.
pub(super) struct GeranPlace {
    connection: GeranConnection,
    numbers: LlcNumbers,
    /// CK and IK of its last authentication.
    pub(super) keys: Option<CkIk>,
}

impl Ue {
    /// A UE that is switched off, and attaches in this cell of GERAN when it is told to.
    #[must_use]
    pub fn off_in_geran(settings: UeSettings, connection: GeranConnection) -> Self {
        let mut ue = Self::off(settings, connection.cell.cell);
        ue.geran = Some(GeranPlace { connection, numbers: LlcNumbers::default(), keys: None });
        ue
    }

    pub(super) fn handle_in_geran(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        let Some(place) = &self.geran else { return };
        match input {
            Input::Frame { port, octets } => self.geran_frame(port, &octets, outbox),
            Input::Timer => self.attach_timer(now, outbox),
            Input::Command(Command::Attach) if place.keys.is_none() && self.gmm.attaching.is_none() => {
                let area = place.connection.cell.identity.area;
                self.attach_to_sgsn(now, area, outbox);
            }
            Input::Command(Command::Uplink(packet)) if place.keys.is_some() && self.gmm.attaching.is_none() => {
                self.send_in_geran(|numbers| numbers.user(false, packet), "user packet", outbox);
            }
            Input::Command(_) => {}
        }
    }

    fn send_in_geran(
        &mut self,
        frame: impl FnOnce(&mut LlcNumbers) -> LlcFrame,
        note: &str,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(place) = &mut self.geran else { return };
        let GeranConnection { port, tlli, .. } = place.connection;
        if let Ok(llc) = frame(&mut place.numbers).octets() {
            outbox.send(port, GeranFrame { direction: LinkDirection::Uplink, tlli, llc }.octets(), note);
        }
    }

    /// A message to the SGSN.
    pub(super) fn say_in_geran(&mut self, nas: Vec<u8>, note: &str, outbox: &mut Outbox<Event>) {
        self.send_in_geran(|numbers| numbers.gmm(false, nas), note, outbox);
    }

    /// An authentication has left these keys, which are in use at once.
    pub(super) fn keys_in_geran(&mut self, keys: CkIk, outbox: &mut Outbox<Event>) {
        let Some(place) = &mut self.geran else { return };
        let (cell, kc) = (place.connection.cell.cell, Kc::from_octets(kc_of_ck_ik(&keys)));
        place.keys = Some(keys.clone());
        self.report(What::CkIkInUse { cell, keys }, outbox);
        self.report(What::KcInUse(kc), outbox);
        self.report(What::ContextInUse(Origin::Umts), outbox);
    }

    fn geran_frame(&mut self, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let Some(place) = &self.geran else { return };
        let GeranConnection { port: own, tlli, .. } = place.connection;
        let frame = match GeranFrame::parse(octets) {
            Ok(frame) if own == port && frame.direction == LinkDirection::Downlink && frame.tlli == tlli => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not for this UE in this cell")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let served = place.keys.is_some();
        let taken = match LlcFrame::parse(&frame.llc) {
            Ok(LlcFrame { from_sgsn: true, contents: LlcContents::Gmm(message), .. }) => {
                // What keys there are, they protect nothing.
                self.hear_sgsn(&message, served, outbox)
            }
            Ok(LlcFrame { from_sgsn: true, contents: LlcContents::User { packet, .. }, .. }) if served => {
                outbox.verdict(Verdict::accepted("accepted: user packet"));
                self.report(What::PacketOut { direction: LinkDirection::Downlink, octets: packet }, outbox);
                Ok(())
            }
            Ok(_) => Err((DropReason::Refused, "not before it is attached".to_owned())),
            Err(error) => Err((DropReason::Malformed, error.to_string())),
        };
        if let Err((reason, text)) = taken {
            self.report(What::Dropped(reason), outbox);
            outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
        }
    }
}
