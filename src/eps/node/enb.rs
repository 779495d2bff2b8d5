//! The eNB: source and target of handovers, over X2 and over S1.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, Outcome, What};
use super::radio_side::{AirError, FromAir, RadioSide};
use super::settings::{Agreement, Scheme};
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::identifiers::{
    Ebi, Ecgi, EnbUeS1apId, GlobalEnbId, Gummei, Imsi, MmeUeS1apId, Pci, Tai, Teid, X2apUeId,
};
use crate::eps::keys::{Kenb, KenbStar, Nh};
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{Algorithms, Ncc};
use crate::eps::security::parties::{CellInput, EnbKeys};
use crate::eps::security::protection::{BearerId, Protected};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{
    self, DlDcchMessage, HandoverPreparationInformation, MobilityControlInfo, RrcConnectionReconfiguration,
    SecurityConfigHo, T304, UlDcchMessage,
};
use crate::eps::wire::s1ap::{
    Cause, CauseRadioNetwork, HandoverNotify, HandoverRequestAcknowledge, HandoverRequired, PathSwitchRequest,
    S1apMessage, SourceToTargetContainer, TargetToSourceContainer, UeContextReleaseComplete, UeS1apIds,
};
use crate::eps::wire::{BearerCounts, Erab, TunnelEndpoint, UeSecurityCapabilities, X2apMessage, x2ap};
use crate::time::VirtualTime;

/// A cell with the eNB that has it: every eNB knows all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its identity on the air.
    pub pci: Pci,
    /// Its identity in the network.
    pub ecgi: Ecgi,
    /// Downlink carrier.
    pub earfcn_dl: u32,
    /// The eNB.
    pub enb: GlobalEnbId,
    /// Where that is on X2.
    pub address: Ipv4Addr,
    /// Its security group.
    pub group: u32,
    /// The tracking area.
    pub tai: Tai,
}

/// What an eNB is.
#[derive(Clone, Debug)]
pub struct EnbSettings {
    /// Its cell.
    pub cell: Cell,
    /// All cells of the network.
    pub cells: Vec<Cell>,
    /// Its MME.
    pub mme: Ipv4Addr,
    /// How that is called.
    pub gummei: Gummei,
    /// The algorithms of its choice, if a UE has them.
    pub algorithms: Algorithms,
    /// What the network has agreed on.
    pub agreement: Agreement,
    /// A broken random source: this C-RNTI is given whenever it is free.
    pub constant_c_rnti: Option<u16>,
    /// It is compromised, and tells UEs the opposite of who made KeNB*.
    pub flips_indication: bool,
}

/// How a UE stands with this eNB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It is connected here.
    Serving,
    /// It is to come: from the eNB at this address over X2, which calls it so, or over S1.
    Expected(Option<(Ipv4Addr, X2apUeId)>),
    /// It has come over X2, from there; the path is being switched.
    Arrived(Ipv4Addr, X2apUeId),
    /// It is being handed over to this cell.
    Leaving(Pci),
}

/// A UE here.
struct UeContext {
    imsi: Imsi,
    port: Option<Port>,
    c_rnti: u16,
    mme_id: MmeUeS1apId,
    keys: EnbKeys,
    radio: RadioSide,
    role: Role,
    transaction: u8,
    capabilities: UeSecurityCapabilities,
    uplink: TunnelEndpoint,
}

/// An eNB.
pub struct Enb {
    settings: EnbSettings,
    core: CoreSide,
    random: ChaCha20Rng,
    ues: BTreeMap<EnbUeS1apId, UeContext>,
    next_id: u32,
}

/// A UE that is connected from before the run.
#[derive(Clone, Debug)]
pub struct ConnectedUe {
    /// Who it is.
    pub imsi: Imsi,
    /// The link to it.
    pub port: Port,
    /// C-RNTI.
    pub c_rnti: u16,
    /// What the MME calls it.
    pub mme_id: MmeUeS1apId,
    /// Its keys.
    pub keys: EnbKeys,
    /// Its algorithms.
    pub capabilities: UeSecurityCapabilities,
    /// Where its uplink goes.
    pub uplink: TunnelEndpoint,
}

const BEARER: Ebi = Ebi::FIRST;
const PREPARATION: T304 = T304::Ms200;

impl Enb {
    /// An eNB without UEs; `random` is its own.
    #[must_use]
    pub fn new(settings: EnbSettings, core: CoreSide, random: ChaCha20Rng) -> Self {
        Self { settings, core, random, ues: BTreeMap::new(), next_id: 0 }
    }

    /// Takes a UE that is connected from before the run; what it calls it.
    pub fn connect(&mut self, ue: ConnectedUe) -> EnbUeS1apId {
        let ConnectedUe { imsi, port, c_rnti, mme_id, keys, capabilities, uplink } = ue;
        let id = self.new_id();
        let context = UeContext {
            imsi,
            port: Some(port),
            c_rnti,
            mme_id,
            keys,
            radio: RadioSide::default(),
            role: Role::Serving,
            transaction: 0,
            capabilities,
            uplink,
        };
        self.ues.insert(id, context);
        id
    }

    fn new_id(&mut self) -> EnbUeS1apId {
        self.next_id = (self.next_id + 1) % (1 << 24);
        EnbUeS1apId::new(self.next_id).unwrap_or(EnbUeS1apId::FIRST)
    }

    fn report(&self, ue: Imsi, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ue, what });
    }

    fn cell(&self, pci: Pci) -> Option<Cell> {
        self.settings.cells.iter().find(|cell| cell.pci == pci).copied()
    }

    fn tell_mme(&mut self, message: S1apMessage, outbox: &mut Outbox<Event>) {
        let note = message.name();
        // A message that does not encode is as good as lost.
        let _ = self.core.send(self.settings.mme, &CoreMessage::S1ap(message), note, outbox);
    }

    fn tell_enb(&mut self, to: Ipv4Addr, message: X2apMessage, outbox: &mut Outbox<Event>) {
        let note = format!("X2 {}", message.name());
        let _ = self.core.send(to, &CoreMessage::X2ap(message), note, outbox);
    }

    fn send_air(
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
        let keys = ue.keys.air.keys();
        let key = match bearer {
            BearerId::Signalling(_) => keys.rrc_enc.clone(),
            BearerId::Data(_) => keys.up_enc.clone(),
        };
        let imsi = ue.imsi;
        self.report(imsi, What::Protected { key, bearer: 0, direction: Downlink, count }, outbox);
    }

    fn air(&mut self, now: VirtualTime, port: Port, octets: &[u8], outbox: &mut Outbox<Event>) {
        let frame = match RadioFrame::parse(octets) {
            Ok(frame) if frame.direction == Uplink => frame,
            Ok(_) => return outbox.verdict(Verdict::rejected("dropped: not an uplink frame")),
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let found = self.ues.iter_mut().find(|(_, ue)| ue.c_rnti == frame.c_rnti);
        let Some((id, ue)) = found.map(|(id, ue)| (*id, ue)) else {
            return outbox.verdict(Verdict::rejected("dropped: no UE has this C-RNTI here"));
        };
        match RadioSide::open(&frame, &mut ue.keys.air) {
            Ok(FromAir { bearer, count, octets }) => {
                ue.port = Some(port);
                outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                match bearer {
                    BearerId::Data(_) => {
                        let imsi = ue.imsi;
                        self.report(imsi, What::PacketOut { direction: Uplink, octets }, outbox);
                    }
                    BearerId::Signalling(_) => self.rrc(now, id, &octets, outbox),
                }
            }
            Err(error) => {
                let imsi = ue.imsi;
                if matches!(error, AirError::Protection(_)) {
                    self.report(imsi, What::WrongMac, outbox);
                }
                outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
            }
        }
    }

    fn rrc(&mut self, now: VirtualTime, id: EnbUeS1apId, octets: &[u8], outbox: &mut Outbox<Event>) {
        match UlDcchMessage::parse(octets) {
            Ok(UlDcchMessage::MeasurementReport(report)) => {
                let best = report.neighbours.iter().max_by_key(|neighbour| neighbour.rsrp);
                if let Some(best) = best.map(|best| best.cell) {
                    self.prepare(id, best, outbox);
                }
            }
            Ok(UlDcchMessage::ReconfigurationComplete { .. }) => self.confirmed(now, id, outbox),
            // Nothing else is asked of a UE here.
            Ok(_) | Err(_) => {}
        }
    }

    /// The UE is to be handed over to the eNB of a cell.
    fn prepare(&mut self, id: EnbUeS1apId, target: Pci, outbox: &mut Outbox<Event>) {
        let (Some(cell), source) = (self.cell(target), self.settings.cell) else { return };
        let Some(ue) = self.ues.get_mut(&id).filter(|ue| ue.role == Role::Serving) else { return };
        if cell.pci == source.pci {
            return;
        }
        let Ok(rrc) = HandoverPreparationInformation.octets() else { return };
        let scheme = self.settings.agreement.schemes.of(source.group, cell.group);
        let erab = Erab { ebi: BEARER, tunnel: ue.uplink };
        if !scheme.over_x2() {
            let container = SourceToTargetContainer {
                rrc,
                bearers: vec![BEARER],
                target_cell: cell.ecgi,
                source_cell: source.ecgi,
            };
            let Ok(container) = container.octets() else { return };
            ue.role = Role::Leaving(target);
            let required = HandoverRequired {
                ue: UeS1apIds { mme: ue.mme_id, enb: id },
                cause: Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason),
                target: cell.enb,
                target_tai: cell.tai,
                container,
            };
            return self.tell_mme(required.into(), outbox);
        }
        let (kenb_star, ncc) = match scheme {
            Scheme::Chained => (ue.keys.chained_star(&self.settings.agreement.derivation), Ncc::new(0)),
            _ => {
                let input = CellInput { pci: cell.pci.get(), earfcn_dl: cell.earfcn_dl };
                let (kenb, ncc) = ue.keys.cell_star(input);
                (KenbStar::from_octets(*kenb.octets()), ncc)
            }
        };
        ue.role = Role::Leaving(target);
        let request = x2ap::HandoverRequest {
            old_id: x2_id(id),
            cause: x2ap::X2apCause::RadioNetwork(x2ap::RadioNetworkCause::HandoverDesirableForRadioReasons),
            target_cell: cell.ecgi,
            mme: self.settings.gummei,
            mme_ue_id: ue.mme_id,
            capabilities: ue.capabilities,
            kenb_star,
            ncc,
            bearers: vec![erab],
            rrc_context: rrc,
            source_cell: source.ecgi,
        };
        self.tell_enb(cell.address, request.into(), outbox);
    }

    /// A UE is to come: it gets a C-RNTI, and the command that leads it here is made. In the contribution NCC stands for
    /// INDICATION, which is the source's to set.
    fn expect(
        &mut self,
        (mme_id, capabilities, uplink): (MmeUeS1apId, UeSecurityCapabilities, TunnelEndpoint),
        from: Option<(Ipv4Addr, X2apUeId)>,
        keys: impl FnOnce(&Agreement, u16, Algorithms) -> EnbKeys,
        ncc: Ncc,
    ) -> Option<(EnbUeS1apId, Vec<u8>)> {
        let c_rnti = self.new_c_rnti()?;
        let keys = keys(&self.settings.agreement, c_rnti, self.settings.algorithms);
        let command = RrcConnectionReconfiguration {
            transaction: 0,
            mobility: Some(MobilityControlInfo {
                target: self.settings.cell.pci,
                carrier: None,
                t304: PREPARATION,
                c_rnti,
            }),
            nas: Vec::new(),
            // The algorithms do not change: they are left out, as the contribution allows.
            security: Some(SecurityConfigHo { algorithms: None, key_change: false, next_hop_chaining_count: ncc }),
        };
        let message = DlDcchMessage::Reconfiguration(command).octets().ok()?;
        let container = rrc::HandoverCommand { message }.octets().ok()?;
        let id = self.new_id();
        let context = UeContext {
            // The MME tells nobody who a UE is: its number stands for it.
            imsi: named(mme_id),
            port: None,
            c_rnti,
            mme_id,
            keys,
            radio: RadioSide::default(),
            role: Role::Expected(from),
            transaction: 0,
            capabilities,
            uplink,
        };
        self.ues.insert(id, context);
        Some((id, container))
    }

    /// One that no UE has here, out of those that LTE gives to UEs (TS 36.321 clause 7.1).
    fn new_c_rnti(&mut self) -> Option<u16> {
        (0..256).find_map(|_| {
            let drawn = 0x003d + (self.random.next_u32() % (0xfff3 - 0x003d)) as u16;
            let drawn = self.settings.constant_c_rnti.unwrap_or(drawn);
            self.ues.values().all(|ue| ue.c_rnti != drawn).then_some(drawn)
        })
    }

    fn core(&mut self, now: VirtualTime, octets: &[u8], outbox: &mut Outbox<Event>) {
        match self.core.receive(octets) {
            Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            Ok((from, CoreMessage::X2ap(message))) => {
                outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
                self.x2ap(now, from, message, outbox);
            }
            Ok((_, CoreMessage::S1ap(message))) => {
                outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
                self.s1ap(now, message, outbox);
            }
        }
    }

    fn x2ap(&mut self, now: VirtualTime, from: Ipv4Addr, message: X2apMessage, outbox: &mut Outbox<Event>) {
        match message {
            X2apMessage::HandoverRequest(request) => {
                let Some(uplink) = request.bearers.first().map(|erab| erab.tunnel) else { return };
                let (star, ncc) = (request.kenb_star, request.ncc);
                let standard = self.settings.agreement.schemes.is_standard();
                let keys = |agreement: &Agreement, c_rnti, algorithms| match standard {
                    true => EnbKeys::new(Kenb::from_octets(*star.octets()), ncc, algorithms),
                    false => EnbKeys::of_star(&agreement.derivation, &star, agreement.c_rnti(c_rnti), algorithms),
                };
                let ue = (request.mme_ue_id, request.capabilities, uplink);
                let Some((id, container)) = self.expect(ue, Some((from, request.old_id)), keys, ncc) else { return };
                let admitted = vec![x2ap::AdmittedBearer { ebi: BEARER, forwarding: None }];
                let (old_id, new_id) = (request.old_id, x2_id(id));
                let answer = x2ap::HandoverRequestAcknowledge { old_id, new_id, admitted, container };
                self.tell_enb(from, answer.into(), outbox);
            }
            X2apMessage::HandoverRequestAcknowledge(answer) => {
                let Some(id) = s1_id(answer.old_id) else { return };
                if let Some(counts) = self.command(now, id, &answer.container, None, outbox) {
                    let (old_id, new_id) = (answer.old_id, answer.new_id);
                    let status = x2ap::SnStatusTransfer { old_id, new_id, bearers: vec![counts] };
                    self.tell_enb(from, status.into(), outbox);
                }
            }
            X2apMessage::UeContextRelease(release) => {
                if let Some(id) = s1_id(release.old_id) {
                    self.ues.remove(&id);
                }
            }
            // COUNTs begin at 0 with the new key; the other messages are for failures.
            _ => {}
        }
    }

    fn s1ap(&mut self, now: VirtualTime, message: S1apMessage, outbox: &mut Outbox<Event>) {
        match message {
            S1apMessage::HandoverRequest(request) => {
                let Some(uplink) = request.bearers.first().map(|erab| erab.tunnel) else { return };
                let (security, cell) = (request.security, self.settings.cell);
                let standard = self.settings.agreement.schemes.is_standard();
                let ncc = security.ncc;
                let keys = |agreement: &Agreement, c_rnti, algorithms| match standard {
                    true => {
                        let input = CellInput { pci: cell.pci.get(), earfcn_dl: cell.earfcn_dl };
                        EnbKeys::of_next_hop(&security.next_hop, ncc, input, algorithms)
                    }
                    false => {
                        let star = KenbStar::from_octets(*security.next_hop.octets());
                        EnbKeys::of_star(&agreement.derivation, &star, agreement.c_rnti(c_rnti), algorithms)
                    }
                };
                let ue = (request.mme_ue_id, request.capabilities, uplink);
                let Some((id, rrc)) = self.expect(ue, None, keys, ncc) else { return };
                let Ok(container) = (TargetToSourceContainer { rrc }).octets() else { return };
                let tunnel = TunnelEndpoint { address: self.core.address(), teid: Teid(id.get()) };
                let answer = HandoverRequestAcknowledge {
                    ue: UeS1apIds { mme: request.mme_ue_id, enb: id },
                    admitted: vec![Erab { ebi: BEARER, tunnel }],
                    container,
                };
                self.tell_mme(answer.into(), outbox);
            }
            S1apMessage::HandoverCommand(command) => {
                let Ok(TargetToSourceContainer { rrc }) = TargetToSourceContainer::parse(&command.container) else {
                    return;
                };
                self.command(now, command.ue.enb, &rrc, command.nas_security_parameters, outbox);
            }
            S1apMessage::HandoverPreparationFailure(failure) => {
                if let Some(ue) = self.ues.get_mut(&failure.ue.enb) {
                    ue.role = Role::Serving;
                    let imsi = ue.imsi;
                    self.report(imsi, What::HandoverEnded(Outcome::Refused), outbox);
                }
            }
            S1apMessage::PathSwitchRequestAcknowledge(answer) => {
                let fresh = Nh::from_octets(*answer.security.next_hop.octets());
                let standard = self.settings.agreement.schemes.is_standard();
                let Some(ue) = self.ues.get_mut(&answer.ue.enb) else { return };
                if standard {
                    ue.keys.refresh(fresh, answer.security.ncc);
                }
                if let Role::Arrived(source, old_id) = ue.role {
                    ue.role = Role::Serving;
                    let release = x2ap::UeContextRelease { old_id, new_id: x2_id(answer.ue.enb) };
                    self.tell_enb(source, release.into(), outbox);
                }
            }
            S1apMessage::UeContextReleaseCommand(command) => {
                self.ues.remove(&command.ue.enb);
                self.tell_mme(UeContextReleaseComplete { ue: command.ue }.into(), outbox);
            }
            _ => {}
        }
    }

    /// Sends the UE the command that the target has made, with what the MME says beside it; the COUNTs of its bearer.
    fn command(
        &mut self,
        now: VirtualTime,
        id: EnbUeS1apId,
        container: &[u8],
        nas: Option<Vec<u8>>,
        outbox: &mut Outbox<Event>,
    ) -> Option<BearerCounts> {
        let rrc::HandoverCommand { message } = rrc::HandoverCommand::parse(container).ok()?;
        let DlDcchMessage::Reconfiguration(mut command) = DlDcchMessage::parse(&message).ok()? else { return None };
        let ue = self.ues.get_mut(&id).filter(|ue| matches!(ue.role, Role::Leaving(_)))?;
        ue.transaction = (ue.transaction + 1) % 4;
        command.transaction = ue.transaction;
        if let (Some(nas), Some(security)) = (nas, &mut command.security) {
            // INDICATION: the MME made KeNB*. Its PARA goes with it.
            security.next_hop_chaining_count = Ncc::new(1);
            command.nas = vec![nas];
        }
        if let Some(security) = command.security.as_mut().filter(|_| self.settings.flips_indication) {
            security.next_hop_chaining_count = Ncc::new(u32::from(security.next_hop_chaining_count.get() ^ 1));
        }
        let octets = DlDcchMessage::Reconfiguration(command).octets().ok()?;
        let bearer = BearerId::Data(1);
        let [uplink, downlink] = [Uplink, Downlink].map(|direction| ue.keys.air.next_count(bearer, direction));
        let note = "RRCConnectionReconfiguration: handover command";
        self.send_air(now, id, BearerId::Signalling(1), &octets, note, outbox);
        Some(BearerCounts { ebi: BEARER, uplink, downlink })
    }

    /// The UE has spoken with the new keys.
    fn confirmed(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Role::Expected(from) = ue.role else { return };
        let (imsi, ids) = (ue.imsi, UeS1apIds { mme: ue.mme_id, enb: id });
        let (capabilities, cell) = (ue.capabilities, self.settings.cell);
        ue.role = from.map_or(Role::Serving, |(source, old_id)| Role::Arrived(source, old_id));
        self.report(imsi, What::HandoverEnded(Outcome::Completed), outbox);
        // The first word of the target: what to measure here. By it the UE knows that it has been heard.
        let reconfiguration =
            RrcConnectionReconfiguration { transaction: 1, mobility: None, nas: Vec::new(), security: None };
        if let Ok(octets) = DlDcchMessage::Reconfiguration(reconfiguration).octets() {
            self.send_air(now, id, BearerId::Signalling(1), &octets, "RRCConnectionReconfiguration", outbox);
        }
        let tunnel = TunnelEndpoint { address: self.core.address(), teid: Teid(id.get()) };
        let message = match from {
            None => HandoverNotify { ue: ids, cell: cell.ecgi, tai: cell.tai }.into(),
            Some(_) => PathSwitchRequest {
                enb_ue_id: id,
                bearers: vec![Erab { ebi: BEARER, tunnel }],
                mme_ue_id: ids.mme,
                cell: cell.ecgi,
                tai: cell.tai,
                capabilities,
            }
            .into(),
        };
        self.tell_mme(message, outbox);
    }
}

/// What X2 calls a UE: the low 12 bits of what S1 calls it.
fn x2_id(id: EnbUeS1apId) -> X2apUeId {
    X2apUeId::new((id.get() & 0xfff) as u16).unwrap_or(X2apUeId::FIRST)
}

fn s1_id(id: X2apUeId) -> Option<EnbUeS1apId> {
    EnbUeS1apId::new(u32::from(id.get()))
}

/// The name under which a node reports a UE that it knows by its number only: the IMSI with it in its last digits.
pub(super) fn named(mme_id: MmeUeS1apId) -> Imsi {
    format!("00101{:010}", mme_id.0).parse().unwrap_or_else(|_| unreachable!("15 digits are an IMSI"))
}

impl Node for Enb {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        match input {
            Input::Frame { port, octets } if self.core.is_link(port) => self.core(now, &octets, outbox),
            Input::Frame { port, octets } => self.air(now, port, &octets, outbox),
            Input::Command(Command::Downlink(imsi, packet)) => {
                let serving = self.ues.iter().find(|(_, ue)| ue.imsi == imsi && ue.role == Role::Serving);
                if let Some(id) = serving.map(|(id, _)| *id) {
                    self.send_air(now, id, BearerId::Data(1), &packet, "user packet", outbox);
                }
            }
            Input::Command(_) | Input::Timer => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        None
    }
}
