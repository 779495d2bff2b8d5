//! A network of EPS for tests: UEs in its first cell, eNBs, MMEs and a gateway, and what they say of themselves in a run.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::emulation::{
    Emulation, Engine, Fate, Faults, Impairments, LinkList, LinkSettings, NodeIndex, Observer, Port, Timing,
    Transmission, random,
};
use keyhop::eps::identifiers::{
    Ebi, Ecgi, Eci, EnbId, EnbUeS1apId, GlobalEnbId, Gummei, Guti, Imsi, MTmsi, MmeCode, MmeGroupId, MmeUeS1apId, Pci,
    Plmn, Tac, Tai,
};
use keyhop::eps::keys::{AlgorithmKey, CkIk, Kasme, Kenb, LinkSecret, OperatorKey, SubscriberKey, UpKey};
use keyhop::eps::link_protection::{LinkKey, LinkProtection};
use keyhop::eps::node::core_side::CoreSide;
use keyhop::eps::node::enb::downlink_tunnel;
use keyhop::eps::node::gateway::uplink_tunnel;
use keyhop::eps::node::sgsn;
use keyhop::eps::node::upe::anchor_tunnel;
use keyhop::eps::node::{
    Agreement, Arrival, AttachedUe, Bss, BssSettings, Cell, Command, ConnectedUe, ContextTransfer, DropReason, Enb,
    EnbFaults, EnbSettings, Event, Gateway, GatewayUe, GeranCell, GeranConnection, GtpTimers, HeardCell,
    HeardUtranCell, Hss, HssSubscriber, Mme, MmeFaults, MmeSettings, MmeUserPlane, Outcome, RlosMme, RlosUe, Rnc,
    RncSettings, RncUe, Scheme, Schemes, Sgsn, SgsnFaults, SgsnSettings, SgsnUe, Subscribers, Ue, UeFaults, UeSettings,
    Upe, UpeFaults, UpeSettings, UpeUe, UtranCell, UtranConnection, What,
};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, LinkDirection, Ncc, Origin};
use keyhop::eps::security::HandoverDerivation;
use keyhop::eps::security::aka::{Subscription, Usim};
use keyhop::eps::security::count::CountLedger;
use keyhop::eps::security::inter_system::ck_ik_of_kc;
use keyhop::eps::security::parties::{EnbKeys, MmeKeys, UeKeys};
use keyhop::eps::wire::gmm::RoutingArea;
use keyhop::eps::wire::gprs::GeranCellIdentity;
use keyhop::eps::wire::{CoreFrame, CorePayload, Erab, S1apMessage, UeSecurityCapabilities};
use keyhop::time::VirtualTime;

/// EEA0 with EIA2.
pub const NULL_CIPHERING: Algorithms = Algorithms { ciphering: AlgorithmId::Null, integrity: AlgorithmId::Aes };

pub fn at(milliseconds: u64) -> VirtualTime {
    VirtualTime::from_nanos(milliseconds * 1_000_000)
}

/// A network and what is done to it.
#[derive(Clone)]
pub struct Plan {
    pub schemes: Schemes,
    pub cells: usize,
    /// The first cells belong to the first of them, and so on.
    pub mmes: usize,
    /// All in the first cell.
    pub ues: usize,
    /// Of the eNBs: what each has is at its number, or the last.
    pub enb_algorithms: Vec<Vec<Algorithms>>,
    pub most_ues: Vec<usize>,
    pub always_names_algorithms: bool,
    pub enb_faults: EnbFaults,
    /// Likewise of the MMEs.
    pub nas_algorithms: Vec<Vec<Algorithms>>,
    pub mme_faults: MmeFaults,
    /// The MME that authenticates UEs anew whose context goes back to GSM.
    pub renewing_mme: Option<usize>,
    /// Whether the links between MMEs are protected, by the keys of [`link_key`].
    pub protects_s10: bool,
    /// The first cells belong to the first of them, and so on; none unless `transfer` says so.
    pub upes: usize,
    /// Of the UPEs: what each has is at its number, or the last.
    pub upe_algorithms: Vec<Vec<AlgorithmId>>,
    pub upe_most_ues: Vec<usize>,
    pub upe_faults: UpeFaults,
    pub transfer: ContextTransfer,
    /// Cells of UTRAN, each with an RNC; the first belong to the first SGSN, and so on.
    pub utran_cells: usize,
    pub sgsns: usize,
    /// The UEs begin in the first cell of UTRAN, with keys of this authentication.
    pub begins_in_utran: Option<Origin>,
    /// The UEs are switched off, and attach in the first cell of this access.
    pub begins_off: Option<Access>,
    /// Whether HSS and MEs make CK' and IK'.
    pub separates_keys: [bool; 2],
    pub rnc_most_ues: usize,
    pub rncs_have_snow3g: bool,
    pub sgsn_faults: SgsnFaults,
    /// How requests of GTP-C are sent again.
    pub gtp: GtpTimers,
    /// A cell that no MME knows of.
    pub unknown_cell: Option<usize>,
    pub ue_capabilities: UeSecurityCapabilities,
    /// What the network was told of them.
    pub told_capabilities: UeSecurityCapabilities,
    pub ue_faults: UeFaults,
    /// UEs are off, and attach for restricted local operator services; the last is all further ones.
    pub rlos: Option<RlosPlan>,
    /// The networks of the cells; what each has is at its number, or the last.
    pub networks: Vec<Plmn>,
    /// What there is for authentication; nothing if none.
    pub authentication: Option<AuthenticationPlan>,
    pub commands: Vec<(u64, To, Command)>,
    pub engine: Engine,
    /// In milliseconds.
    pub ends: u64,
}

/// What UEs and MMEs have for restricted local operator services.
#[derive(Clone)]
pub struct RlosPlan {
    pub ues: Vec<RlosUe>,
    pub mme: RlosMme,
}

/// By what a UE that is switched off attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Eps,
    Umts,
    Gprs,
}

/// An HSS, and what the USIMs have seen before.
#[derive(Clone, Copy)]
pub struct AuthenticationPlan {
    /// SQN of the last vector of the HSS.
    pub hss_sqn: u64,
    /// The highest SQN that the USIMs have seen.
    pub usim_sqn: u64,
    /// How long a message takes between MME and HSS, in milliseconds.
    pub latency: u64,
}

/// Whom a command is for, by number.
#[derive(Clone, Copy)]
pub enum To {
    Ue(usize),
    Mme(usize),
    Gateway,
    Upe(usize),
    Hss,
    Rnc(usize),
    Sgsn(usize),
    Bss,
}

pub fn both() -> UeSecurityCapabilities {
    UeSecurityCapabilities::new(&[AlgorithmId::Aes], &[AlgorithmId::Aes])
}

impl Plan {
    /// One UE, four cells, one MME, everything in order.
    pub fn new(schemes: Schemes) -> Self {
        Self {
            schemes,
            cells: 4,
            mmes: 1,
            ues: 1,
            enb_algorithms: vec![vec![Algorithms::AES]],
            most_ues: vec![100],
            always_names_algorithms: false,
            enb_faults: EnbFaults::default(),
            nas_algorithms: vec![vec![Algorithms::AES]],
            mme_faults: MmeFaults::default(),
            renewing_mme: None,
            protects_s10: false,
            upes: 0,
            upe_algorithms: vec![vec![AlgorithmId::Aes]],
            upe_most_ues: vec![100],
            upe_faults: UpeFaults::default(),
            transfer: ContextTransfer::default(),
            utran_cells: 0,
            sgsns: 0,
            begins_in_utran: None,
            begins_off: None,
            separates_keys: [true; 2],
            rnc_most_ues: 100,
            rncs_have_snow3g: true,
            sgsn_faults: SgsnFaults::default(),
            gtp: GtpTimers::default(),
            unknown_cell: None,
            ue_capabilities: both(),
            told_capabilities: both(),
            ue_faults: UeFaults::default(),
            rlos: None,
            networks: vec![plmn()],
            authentication: None,
            commands: Vec::new(),
            engine: Engine::Inline,
            ends: 1_000,
        }
    }

    pub fn always(scheme: Scheme) -> Self {
        Self::new(Schemes::Always(scheme))
    }

    pub fn command(mut self, milliseconds: u64, to: To, command: Command) -> Self {
        self.commands.push((milliseconds, to, command));
        self.ends = self.ends.max(milliseconds + 1_000);
        self
    }

    /// The UE walks through these cells, a fifth of a second in each, with a packet in each direction in each and before.
    pub fn walk(mut self, cells: &[usize]) -> Self {
        self = self.command(10, To::Ue(0), Command::Uplink(packet(0)));
        self = self.command(11, To::Gateway, Command::Downlink(imsi(0), packet(0)));
        self.walk_from(1, cells)
    }

    /// Then, half a second later, through these.
    pub fn walk_on(self, cells: &[usize]) -> Self {
        let last = self.commands.iter().map(|(milliseconds, _, _)| *milliseconds).max().unwrap_or_default();
        self.walk_from(last / 200 + 3, cells)
    }

    fn walk_from(mut self, first: u64, cells: &[usize]) -> Self {
        let ue = To::Ue(0);
        for (step, cell) in (first..).zip(cells) {
            let begins = step * 200;
            self = self.command(begins, ue, Command::Measure(pci(*cell)));
            self = self.command(begins + 150, ue, Command::Uplink(packet(step)));
            self = self.command(begins + 151, To::Gateway, Command::Downlink(imsi(0), packet(step)));
        }
        self
    }

    pub fn run(self) -> Seen {
        self.see(self.emulation())
    }

    /// Runs with something that decides the fate of every frame: when, to whom, what.
    pub fn run_with(self, tap: impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static) -> Seen {
        let mut emulation = self.emulation();
        emulation.set_faults(Tap(tap));
        self.see(emulation)
    }

    fn see(&self, emulation: Emulation<Command, Event>) -> Seen {
        let mut seen = Seen::default();
        emulation.run(self.engine, at(self.ends), &mut seen);
        seen
    }
}

/// A UDP packet with a number in it.
pub fn packet(number: u64) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 10, 45, 0, 1, 10, 45, 0, 2];
    packet.extend([0x9c, 0x40, 0x9c, 0x40, 0, 16, 0, 0]);
    packet.extend(number.to_be_bytes());
    let sum: u32 = packet[..20].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let checksum = !(sum + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn after(milliseconds: u64) -> LinkSettings {
    let timing = Timing::Latency { latency: Duration::from_millis(milliseconds), jitter: Duration::ZERO };
    LinkSettings { timing, impairments: Impairments::default() }
}

fn place(network: u8, number: usize) -> BackboneEndpoint {
    let last = u8::try_from(number + 1).unwrap();
    BackboneEndpoint { mac: [2, 0, 0, 0, network, last], ip: Ipv4Addr::new(10, 64, network, last) }
}

pub fn enb_place(number: usize) -> BackboneEndpoint {
    place(1, number)
}

pub fn mme_place(number: usize) -> BackboneEndpoint {
    place(2, number)
}

pub fn upe_place(number: usize) -> BackboneEndpoint {
    place(7, number)
}

pub fn rnc_place(number: usize) -> BackboneEndpoint {
    place(5, number)
}

pub fn sgsn_place(number: usize) -> BackboneEndpoint {
    place(6, number)
}

/// A cell of UTRAN.
pub fn utran_pci(number: usize) -> Pci {
    pci(100 + number)
}

/// CK and IK of a UE that begins in UTRAN.
pub fn ck_ik(number: usize, origin: Origin) -> CkIk {
    let octet = 0x61 + u8::try_from(number).unwrap();
    match origin {
        Origin::Gsm => ck_ik_of_kc([octet, 2, 3, 4, 5, 6, 7, 8]),
        _ => CkIk::from_octets([octet; 32]),
    }
}

pub fn gateway_place() -> BackboneEndpoint {
    place(3, 0)
}

pub fn plmn() -> Plmn {
    "001-01".parse().unwrap()
}

pub fn pci(number: usize) -> Pci {
    Pci::new(u16::try_from(number + 1).unwrap()).unwrap()
}

pub fn imsi(number: usize) -> Imsi {
    format!("00101{:010}", number + 1).parse().unwrap()
}

/// What protects the link from one MME to another.
pub fn link_key(from: usize, to: usize) -> LinkKey {
    let of_both = u8::try_from(16 * from + to + 1).unwrap();
    LinkKey { spi: 0x1000 + u32::from(of_both), secret: LinkSecret::from_octets([of_both; 20]) }
}

fn ue_number(number: usize) -> MmeUeS1apId {
    MmeUeS1apId(u32::try_from(number + 1).unwrap())
}

/// C-RNTI of a UE in the first cell.
pub fn c_rnti(number: usize) -> u16 {
    0x4601 + u16::try_from(number).unwrap()
}

pub fn kasme(number: usize) -> Kasme {
    Kasme::from_octets([0x2a + u8::try_from(number).unwrap(); 32])
}

fn of<T: Clone>(all: &[T], number: usize) -> T {
    all.get(number).or(all.last()).unwrap().clone()
}

/// Exchanges S1AP messages on their way: `change` says whether it changed one.
pub fn replacing_s1ap(
    mut change: impl FnMut(&mut S1apMessage) -> bool + Send + 'static,
) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    move |_, _, octets| {
        let Ok(mut frame) = CoreFrame::parse(octets) else { return Fate::pass() };
        let CorePayload::Sctp(packet) = &mut frame.payload else { return Fate::pass() };
        let Ok(mut message) = S1apMessage::parse(&packet.data.user_data) else { return Fate::pass() };
        if !change(&mut message) {
            return Fate::pass();
        }
        packet.data.user_data = message.octets().unwrap();
        Fate::replaced(frame.octets(1).unwrap())
    }
}

/// What a tap does to a frame: time, receiver, octets.
struct Tap<F>(F);

impl<F: FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send> Faults for Tap<F> {
    fn strike(&mut self, now: VirtualTime, _: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        (self.0)(now, to, octets)
    }
}

impl Plan {
    fn cell(&self, number: usize) -> Cell {
        let id = u32::try_from(number + 1).unwrap();
        let enb = EnbId::new(id).unwrap();
        let mme = number * self.mmes / self.cells;
        Cell {
            pci: pci(number),
            ecgi: Ecgi { plmn: of(&self.networks, number), eci: Eci::of_enb(enb, 1) },
            earfcn_dl: 1_850,
            enb: GlobalEnbId { plmn: plmn(), enb },
            address: enb_place(number).ip,
            // Two cells are a group.
            group: id.div_ceil(2),
            tai: Tai { plmn: of(&self.networks, number), tac: Tac(u16::try_from(mme + 1).unwrap()) },
            mme: mme_place(mme).ip,
            upe: (self.upes > 0).then(|| upe_place(self.upe_of(number)).ip),
        }
    }

    fn utran_cell(&self, number: usize) -> UtranCell {
        let id = u32::try_from(number + 1).unwrap();
        UtranCell {
            cell: utran_pci(number),
            plmn: plmn(),
            id: id << 16 | 1,
            rnc: rnc_place(number).ip,
            sgsn: sgsn_place(self.sgsn_of(number)).ip,
            lac: 0x1001,
            rac: 1,
        }
    }

    fn sgsn_of(&self, cell: usize) -> usize {
        cell * self.sgsns / self.utran_cells.max(1)
    }

    fn upe_of(&self, cell: usize) -> usize {
        cell * self.upes / self.cells
    }

    pub fn node(&self, to: To) -> NodeIndex {
        NodeIndex(match to {
            To::Ue(number) => number,
            To::Mme(number) => self.ues + self.cells + number,
            To::Gateway => self.ues + self.cells + self.mmes,
            To::Upe(number) => self.ues + self.cells + self.mmes + 1 + number,
            To::Rnc(number) => self.node(To::Upe(self.upes)).0 + number,
            To::Sgsn(number) => self.node(To::Rnc(self.utran_cells)).0 + number,
            To::Hss => self.node(To::Sgsn(self.sgsns)).0,
            To::Bss => self.node(To::Hss).0 + usize::from(self.authentication.is_some()),
        })
    }

    pub fn enb(&self, number: usize) -> NodeIndex {
        NodeIndex(self.ues + number)
    }

    fn emulation(&self) -> Emulation<Command, Event> {
        let agreement = Agreement {
            schemes: self.schemes,
            derivation: HandoverDerivation::default(),
            para_octets: 16,
            wide_c_rnti: false,
            transfer: self.transfer,
        };
        let cells: Vec<Cell> = (0..self.cells).map(|number| self.cell(number)).collect();
        let utran_cells: Vec<UtranCell> = (0..self.utran_cells).map(|number| self.utran_cell(number)).collect();
        let subscribers = Arc::new((0..self.ues).map(|ue| (ue_number(ue), imsi(ue))).collect());
        let mut links = LinkList::default();
        let mut peers: BTreeMap<NodeIndex, Vec<(Port, BackboneEndpoint)>> = BTreeMap::new();
        let mut air = BTreeMap::new();
        let mut utran_air = BTreeMap::new();
        for ue in 0..self.ues {
            for cell in 0..self.cells {
                let name = format!("air:{ue}-{cell}");
                air.insert((ue, cell), links.add(&name, self.node(To::Ue(ue)), after(1), self.enb(cell), after(1)));
            }
            for cell in 0..self.utran_cells {
                let name = format!("utran:{ue}-{cell}");
                let rnc = self.node(To::Rnc(cell));
                utran_air.insert((ue, cell), links.add(&name, self.node(To::Ue(ue)), after(1), rnc, after(1)));
            }
        }
        let bss = self.node(To::Bss);
        let geran_air: Vec<Port> = (0..self.ues)
            .filter(|_| self.has_bss())
            .map(|ue| links.add(&format!("geran:{ue}"), self.node(To::Ue(ue)), after(1), bss, after(1)))
            .collect();
        let mut core = |first: (NodeIndex, BackboneEndpoint), second: (NodeIndex, BackboneEndpoint), latency| {
            let name = format!("core:{}-{}", first.0.0, second.0.0);
            let port = links.add(&name, first.0, after(latency), second.0, after(latency));
            peers.entry(first.0).or_default().push((port, second.1));
            peers.entry(second.0).or_default().push((port, first.1));
        };
        let enbs: Vec<_> = (0..self.cells).map(|number| (self.enb(number), enb_place(number))).collect();
        let mmes: Vec<_> = (0..self.mmes).map(|number| (self.node(To::Mme(number)), mme_place(number))).collect();
        let gateway = (self.node(To::Gateway), gateway_place());
        for (number, enb) in enbs.iter().enumerate() {
            core(*enb, mmes[number * self.mmes / self.cells], 5);
            core(*enb, gateway, 5);
            enbs[number + 1..].iter().for_each(|other| core(*enb, *other, 2));
        }
        for (number, mme) in mmes.iter().enumerate() {
            core(*mme, gateway, 3);
            mmes[number + 1..].iter().for_each(|other| core(*mme, *other, 4));
            if let Some(AuthenticationPlan { latency, .. }) = self.authentication {
                core(*mme, (self.node(To::Hss), hss_place()), latency);
            }
        }
        let upes: Vec<_> = (0..self.upes).map(|number| (self.node(To::Upe(number)), upe_place(number))).collect();
        for (number, upe) in upes.iter().enumerate() {
            enbs.iter().for_each(|enb| core(*upe, *enb, 4));
            mmes.iter().for_each(|mme| core(*upe, *mme, 3));
            core(*upe, gateway, 2);
            upes[number + 1..].iter().for_each(|other| core(*upe, *other, 2));
        }
        let rncs: Vec<_> =
            (0..self.utran_cells).map(|number| (self.node(To::Rnc(number)), rnc_place(number))).collect();
        let sgsns: Vec<_> = (0..self.sgsns).map(|number| (self.node(To::Sgsn(number)), sgsn_place(number))).collect();
        for (number, rnc) in rncs.iter().enumerate() {
            core(*rnc, sgsns[self.sgsn_of(number)], 4);
        }
        for sgsn in &sgsns {
            mmes.iter().for_each(|mme| core(*sgsn, *mme, 4));
            core(*sgsn, gateway, 3);
            if let Some(AuthenticationPlan { latency, .. }) = self.authentication {
                core(*sgsn, (self.node(To::Hss), hss_place()), latency);
            }
        }
        if self.has_bss() {
            core((self.node(To::Bss), bss_place()), sgsns[0], 4);
        }
        // Where the user plane of a UE in the first cell is.
        let user_node = if self.upes > 0 { upe_place(0).ip } else { gateway_place().ip };
        let core_side = |node: NodeIndex, place| CoreSide::new(place, &peers[&node]).repeating(self.gtp);
        let mme_side = |number: usize, node: NodeIndex, place| {
            let others = (0..self.mmes).filter(|other| self.protects_s10 && *other != number);
            others.fold(core_side(node, place), |side, other| {
                let protection = LinkProtection::new(link_key(number, other), link_key(other, number));
                side.protected(mme_place(other).ip, protection)
            })
        };
        let mut emulation = Emulation::new(1, links);
        for ue in 0..self.ues {
            let keys = UeKeys::establish(kasme(ue), Algorithms::AES, Algorithms::AES, agreement.derivation);
            let heard = cells.iter().enumerate().map(|(number, cell)| {
                let heard = HeardCell {
                    port: air[&(ue, number)],
                    earfcn_dl: cell.earfcn_dl,
                    eci: cell.ecgi.eci,
                    tai: cell.tai,
                };
                (cell.pci, heard)
            });
            let utran = utran_cells.iter().enumerate();
            let utran =
                utran.map(|(number, cell)| (cell.cell, HeardUtranCell { port: utran_air[&(ue, number)], cell: *cell }));
            let settings = UeSettings {
                imsi: imsi(ue),
                cells: heard.collect(),
                utran: utran.collect(),
                capabilities: self.ue_capabilities,
                usim: self.usim(ue),
                separates_keys: self.separates_keys[1],
                guti: Some(guti(ue)),
                agreement,
                interruption: Duration::from_millis(10),
                faults: self.ue_faults,
            };
            if let Some(rlos) = &self.rlos {
                emulation.add_node(Ue::off_for_rlos(settings, of(&rlos.ues, ue)));
                continue;
            }
            if let Some(access) = self.begins_off {
                let cell = self.geran_cell();
                emulation.add_node(match access {
                    Access::Eps => Ue::off(settings, cells[0].pci),
                    Access::Umts => {
                        Ue::off_in_utran(settings, utran_cells[0].cell, 1 << 20 | u32::try_from(ue).unwrap())
                    }
                    Access::Gprs => {
                        let tlli = 0x7800_0001 + u32::try_from(ue).unwrap();
                        Ue::off_in_geran(settings, GeranConnection { port: geran_air[ue], cell, tlli })
                    }
                });
                continue;
            }
            emulation.add_node(match self.begins_in_utran {
                None => Ue::connected(settings, keys, cells[0].pci, c_rnti(ue)),
                Some(origin) => {
                    let u_rnti = 1 << 20 | u32::try_from(ue).unwrap();
                    let (keys, cell, p_tmsi) = (ck_ik(ue, origin), utran_cells[0].cell, p_tmsi(ue));
                    let random = random::generator(1, &format!("ue{ue}"));
                    Ue::in_utran(settings, UtranConnection { keys, origin, cell, u_rnti, fresh: FRESH, p_tmsi, random })
                }
            });
        }
        let mme_keys = |ue| MmeKeys::establish(kasme(ue), Algorithms::AES, agreement.derivation);
        let mut attached: Vec<EnbUeS1apId> = Vec::new();
        for (number, (index, place)) in enbs.iter().enumerate() {
            let settings = EnbSettings {
                cell: cells[number],
                cells: cells.clone(),
                utran_cells: utran_cells.clone(),
                gummei: Gummei { plmn: plmn(), group: MmeGroupId(1), code: MmeCode(1) },
                algorithms: of(&self.enb_algorithms, number),
                always_names_algorithms: self.always_names_algorithms,
                most_ues: of(&self.most_ues, number),
                agreement,
                subscribers: Arc::clone(&subscribers),
                faults: self.enb_faults,
            };
            let generator = random::generator(1, &format!("enb{number}"));
            let mut enb = Enb::new(settings, core_side(*index, *place), generator);
            for ue in (0..self.ues).filter(|_| number == 0 && self.begins_in_eutran()) {
                let id = enb.connect(ConnectedUe {
                    port: air[&(ue, 0)],
                    c_rnti: c_rnti(ue),
                    mme_id: ue_number(ue),
                    keys: EnbKeys::new(mme_keys(ue).1, Ncc::new(0), Algorithms::AES),
                    capabilities: self.told_capabilities,
                    uplink: uplink_tunnel(user_node, ue_number(ue)),
                });
                attached.push(id.unwrap());
            }
            emulation.add_node(enb);
        }
        let known = cells.iter().enumerate().filter(|(number, _)| Some(*number) != self.unknown_cell);
        let known: Vec<Cell> = known.map(|(_, cell)| *cell).collect();
        for (number, (index, place)) in mmes.iter().enumerate() {
            let settings = MmeSettings {
                cells: known.clone(),
                utran_cells: utran_cells.clone(),
                gateway: gateway_place().ip,
                hss: self.authentication.map(|_| hss_place().ip),
                mmes: (0..self.mmes).map(|mme| (gummei(mme), mme_place(mme).ip)).collect(),
                nas_algorithms: of(&self.nas_algorithms, number),
                agreement,
                subscribers: Arc::clone(&subscribers),
                renews_weak: self.renewing_mme == Some(number),
                faults: self.mme_faults,
            };
            let generator = random::generator(1, &format!("mme{number}"));
            let mut mme = Mme::new(settings, mme_side(number, *index, *place), generator);
            if let Some(rlos) = &self.rlos {
                mme = mme.with_rlos(rlos.mme.clone());
            }
            for ue in (0..self.ues).filter(|_| number == 0 && self.begins_in_eutran()) {
                mme.attach(AttachedUe {
                    id: ue_number(ue),
                    keys: mme_keys(ue).0,
                    enb: (cells[0].address, attached[ue]),
                    capabilities: self.told_capabilities,
                    bearer: Erab { ebi: Ebi::FIRST, tunnel: uplink_tunnel(user_node, ue_number(ue)) },
                    user_plane: (self.upes > 0).then(|| MmeUserPlane {
                        anchor: uplink_tunnel(gateway_place().ip, ue_number(ue)),
                        algorithm: AlgorithmId::Aes,
                    }),
                    address: Ipv4Addr::new(10, 45, 0, u8::try_from(ue + 2).unwrap()),
                    guti: Some(guti(ue)),
                });
            }
            emulation.add_node(mme);
        }
        let served: Vec<GatewayUe> = (0..self.ues)
            .filter(|_| self.rlos.is_none())
            .map(|ue| {
                let uplink = uplink_tunnel(gateway_place().ip, ue_number(ue)).teid;
                let downlink = match self.upes {
                    // Nowhere.
                    _ if self.begins_off.is_some() => uplink_tunnel(Ipv4Addr::UNSPECIFIED, ue_number(ue)),
                    _ if self.begins_in_utran.is_some() => sgsn::downlink_tunnel(sgsn_place(0).ip, ue_number(ue)),
                    0 => downlink_tunnel(cells[0].address, attached[ue]),
                    _ => anchor_tunnel(user_node, ue_number(ue)),
                };
                GatewayUe { imsi: imsi(ue), uplink, downlink, mme: uplink }
            })
            .collect();
        emulation.add_node(Gateway::new(core_side(gateway.0, gateway.1), &served));
        for (number, (index, place)) in upes.iter().enumerate() {
            let settings = UpeSettings {
                anchor: gateway_place().ip,
                algorithms: of(&self.upe_algorithms, number),
                most_ues: of(&self.upe_most_ues, number),
                agreement,
                subscribers: Arc::clone(&subscribers),
                faults: self.upe_faults,
            };
            let mut upe = Upe::new(settings, core_side(*index, *place));
            for ue in (0..self.ues).filter(|_| number == 0 && self.begins_in_eutran()) {
                upe.connect(UpeUe {
                    id: ue_number(ue),
                    key: UpKey::derive(&kasme(ue), 0, AlgorithmId::Aes),
                    mme: cells[0].mme,
                    downlink: downlink_tunnel(cells[0].address, attached[ue]),
                    uplink: uplink_tunnel(gateway_place().ip, ue_number(ue)),
                });
            }
            emulation.add_node(upe);
        }
        self.add_utran(&mut emulation, &subscribers, (&cells, &utran_cells), &utran_air, &core_side);
        if self.authentication.is_some() {
            let random = random::generator(1, "hss");
            emulation.add_node(Hss::new(core_side(self.node(To::Hss), hss_place()), plmn(), random, &self.hss()));
        }
        if self.has_bss() {
            let settings = BssSettings { cell: self.geran_cell(), most_ues: 100 };
            emulation.add_node(Bss::new(settings, core_side(self.node(To::Bss), bss_place())));
        }
        for (time, to, command) in &self.commands {
            emulation.schedule(at(*time), self.node(*to), command.clone());
        }
        emulation
    }
}

impl Plan {
    /// UEs come to other MMEs by themselves, of which there are two.
    pub fn arriving(arrival: Arrival) -> Self {
        Self {
            mmes: 2,
            transfer: ContextTransfer { arrival, ..ContextTransfer::default() },
            ..Self::always(Scheme::NextHopS1)
        }
    }

    /// There is an HSS.
    pub fn authenticating(self) -> Self {
        Self { authentication: Some(AuthenticationPlan { hss_sqn: 100, usim_sqn: 100, latency: 6 }), ..self }
    }

    fn usim(&self, ue: usize) -> Option<Usim> {
        let (k, opc) = subscriber_keys(ue);
        self.authentication.map(|plan| Usim::new(k, opc, plan.usim_sqn))
    }

    fn hss(&self) -> Vec<HssSubscriber> {
        let subscriber = |ue| {
            let (k, opc) = subscriber_keys(ue);
            let sqn = self.authentication.map_or(0, |plan| plan.hss_sqn);
            let serving = Some((gummei(0), mme_place(0).ip)).filter(|_| self.begins_off.is_none());
            let subscription = Subscription::new(k, opc, sqn);
            HssSubscriber { imsi: imsi(ue), subscription, separates_keys: self.separates_keys[0], serving }
        };
        (0..self.ues).map(subscriber).collect()
    }
}

impl Plan {
    /// UEs that are switched off, in a network of this access with an HSS; the first attaches after a tenth of a second.
    pub fn off(access: Access) -> Self {
        let plan = match access {
            Access::Eps => Self::always(Scheme::NextHopS1),
            Access::Umts | Access::Gprs => {
                Self { cells: 2, utran_cells: 1, sgsns: 1, ..Self::always(Scheme::NextHopS1) }
            }
        };
        Self { begins_off: Some(access), ..plan }.authenticating().command(100, To::Ue(0), Command::Attach)
    }

    fn begins_in_eutran(&self) -> bool {
        self.begins_in_utran.is_none() && self.begins_off.is_none() && self.rlos.is_none()
    }

    fn has_bss(&self) -> bool {
        self.begins_off == Some(Access::Gprs)
    }

    fn geran_cell(&self) -> GeranCell {
        let area = RoutingArea { plmn: plmn(), lac: 0x1002, rac: 1 };
        let identity = GeranCellIdentity { area, ci: 1 };
        GeranCell { cell: pci(200), identity, bss: bss_place().ip, sgsn: sgsn_place(0).ip }
    }
}

pub fn bss_place() -> BackboneEndpoint {
    place(8, 0)
}

/// K and OPc.
fn subscriber_keys(ue: usize) -> (SubscriberKey, OperatorKey) {
    let number = u8::try_from(ue).unwrap();
    (SubscriberKey::from_octets([0x40 + number; 16]), OperatorKey::from_octets([0x60 + number; 16]))
}

pub fn hss_place() -> BackboneEndpoint {
    place(9, 0)
}

pub fn gummei(mme: usize) -> Gummei {
    let number = u8::try_from(mme + 1).unwrap();
    Gummei { plmn: plmn(), group: MmeGroupId(0x8001), code: MmeCode(number) }
}

/// The temporary identity of a UE at the first MME, before the run.
pub fn guti(ue: usize) -> Guti {
    Guti { gummei: gummei(0), m_tmsi: MTmsi(0xc000_0001 + u32::try_from(ue).unwrap()) }
}

/// FRESH of UEs that begin in UTRAN.
const FRESH: u32 = 0x0102_0304;
/// What the SGSN calls them.
fn p_tmsi(ue: usize) -> u32 {
    0x8000_0001 + u32::try_from(ue).unwrap()
}

impl Plan {
    /// RNCs and SGSNs.
    fn add_utran(
        &self,
        emulation: &mut Emulation<Command, Event>,
        subscribers: &Subscribers,
        (cells, utran_cells): (&[Cell], &[UtranCell]),
        air: &BTreeMap<(usize, usize), Port>,
        core_side: &dyn Fn(NodeIndex, BackboneEndpoint) -> CoreSide,
    ) {
        let here = |number: usize| self.begins_in_utran.filter(|_| number == 0);
        let off = self.begins_off == Some(Access::Umts);
        for (number, cell) in utran_cells.iter().enumerate() {
            let settings = RncSettings {
                cell: *cell,
                cells: cells.to_vec(),
                most_ues: self.rnc_most_ues,
                has_snow3g: self.rncs_have_snow3g,
                subscribers: Arc::clone(subscribers),
            };
            let generator = random::generator(1, &format!("rnc{number}"));
            let mut rnc = Rnc::new(settings, core_side(self.node(To::Rnc(number)), rnc_place(number)), generator);
            for (ue, origin) in (0..self.ues).filter_map(|ue| Some((ue, here(number)?))) {
                let id = ue_number(ue);
                let uplink = sgsn::uplink_tunnel(cell.sgsn, id);
                let keys = ck_ik(ue, origin);
                rnc.connect(RncUe { port: air[&(ue, number)], id, keys, fresh: FRESH, uplink }).unwrap();
            }
            for ue in (0..self.ues).filter(|_| number == 0 && off) {
                rnc.admit(air[&(ue, number)], ue_number(ue)).unwrap();
            }
            emulation.add_node(rnc);
        }
        for number in 0..self.sgsns {
            let settings = SgsnSettings {
                utran_cells: utran_cells.to_vec(),
                geran_cells: vec![self.geran_cell()],
                cells: cells.to_vec(),
                gateway: gateway_place().ip,
                hss: self.authentication.map(|_| hss_place().ip),
                subscribers: Arc::clone(subscribers),
                faults: self.sgsn_faults,
            };
            let mut sgsn = Sgsn::new(settings, core_side(self.node(To::Sgsn(number)), sgsn_place(number)));
            for (ue, origin) in (0..self.ues).filter_map(|ue| Some((ue, here(number)?))) {
                let id = ue_number(ue);
                sgsn.attach(SgsnUe {
                    id,
                    keys: ck_ik(ue, origin),
                    origin,
                    rnc: utran_cells[0].rnc,
                    capabilities: self.told_capabilities,
                    bearer: Erab { ebi: Ebi::FIRST, tunnel: uplink_tunnel(gateway_place().ip, id) },
                    address: Ipv4Addr::new(10, 45, 0, u8::try_from(ue + 2).unwrap()),
                    p_tmsi: p_tmsi(ue),
                });
            }
            emulation.add_node(sgsn);
        }
    }
}

/// What was seen in a run.
#[derive(Default)]
pub struct Seen {
    pub transmissions: Vec<Transmission>,
    pub events: Vec<(VirtualTime, NodeIndex, Event)>,
}

impl Observer<Event> for Seen {
    fn transmission(&mut self, transmission: Transmission) {
        self.transmissions.push(transmission);
    }
    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: Event) {
        self.events.push((now, node, event));
    }
    fn finished(&self, _: VirtualTime) -> bool {
        false
    }
}

impl Seen {
    /// What nodes said of a UE, each with the node.
    pub fn of(&self, ue: usize) -> impl Iterator<Item = (NodeIndex, &What)> {
        self.events
            .iter()
            .filter(move |(_, _, event)| event.ue == imsi(ue))
            .map(|(_, node, event)| (*node, &event.what))
    }

    /// How the handovers of a UE ended, each with the cell whose eNB says so.
    pub fn ends(&self, ue: usize) -> Vec<(Outcome, Pci)> {
        let end = |what: &What| match what {
            What::HandoverEnded { outcome, at } => Some((*outcome, *at)),
            _ => None,
        };
        self.of(ue).filter_map(|(_, what)| end(what)).collect()
    }

    pub fn outcomes(&self, ue: usize) -> Vec<Outcome> {
        self.ends(ue).into_iter().map(|(outcome, _)| outcome).collect()
    }

    pub fn begun(&self, ue: usize) -> Vec<(Pci, Pci, Scheme)> {
        let begun = |what: &What| match what {
            What::HandoverBegun { from, to, scheme } => Some((*from, *to, *scheme)),
            _ => None,
        };
        self.of(ue).filter_map(|(_, what)| begun(what)).collect()
    }

    /// The KeNBs of a UE that a node said were in use, in order.
    pub fn kenbs_at(&self, ue: usize, wanted: NodeIndex) -> Vec<Kenb> {
        let kenb = |(node, what): (NodeIndex, &What)| match what {
            What::KenbInUse { kenb, .. } if node == wanted => Some(kenb.clone()),
            _ => None,
        };
        self.of(ue).filter_map(kenb).collect()
    }

    /// The KeNBs that the first UE had, in order.
    pub fn kenbs(&self) -> Vec<Kenb> {
        self.kenbs_at(0, NodeIndex(0))
    }

    /// The AS algorithms that the first UE had, in order.
    pub fn algorithms(&self) -> Vec<Algorithms> {
        let algorithms = |(node, what): (NodeIndex, &What)| match what {
            What::KenbInUse { algorithms, .. } if node == NodeIndex(0) => Some(*algorithms),
            _ => None,
        };
        self.of(0).filter_map(algorithms).collect()
    }

    /// The NAS algorithms of the first UE at a node, in order.
    pub fn nas_algorithms(&self, wanted: NodeIndex) -> Vec<Algorithms> {
        let algorithms = |(node, what): (NodeIndex, &What)| match what {
            What::NasInUse { algorithms, .. } if node == wanted => Some(*algorithms),
            _ => None,
        };
        self.of(0).filter_map(algorithms).collect()
    }

    /// The packets of a UE that came out.
    pub fn packets(&self, ue: usize, wanted: LinkDirection) -> Vec<Vec<u8>> {
        let packet = |what: &What| match what {
            What::PacketOut { direction, octets } if *direction == wanted => Some(octets.clone()),
            _ => None,
        };
        self.of(ue).filter_map(|(_, what)| packet(what)).collect()
    }

    /// What was dropped, and by whom.
    pub fn dropped(&self) -> Vec<(NodeIndex, DropReason)> {
        let dropped = |(_, node, event): &(VirtualTime, NodeIndex, Event)| match event.what {
            What::Dropped(reason) => Some((*node, reason)),
            _ => None,
        };
        self.events.iter().filter_map(dropped).collect()
    }

    /// How often a frame with this note was sent.
    pub fn sent(&self, note: &str) -> usize {
        self.transmissions.iter().filter(|sent| sent.note == note).count()
    }

    /// The frames that a receiver did not take.
    pub fn rejected(&self) -> Vec<&Transmission> {
        let rejected = |sent: &&Transmission| sent.verdicts.iter().any(|verdict| !verdict.accepted);
        self.transmissions.iter().filter(rejected).collect()
    }

    /// The keys between UE and UPE that a node said were in use, in order.
    pub fn up_keys_at(&self, ue: usize, wanted: NodeIndex) -> Vec<AlgorithmKey> {
        let key = |(node, what): (NodeIndex, &What)| match what {
            What::UpKeyInUse { key, .. } if node == wanted => Some(key.clone()),
            _ => None,
        };
        self.of(ue).filter_map(key).collect()
    }

    /// How often somebody protected two things with the same key, bearer, direction and COUNT.
    pub fn used_twice(&self) -> usize {
        let mut ledger = CountLedger::default();
        let first = |event: &Event| match &event.what {
            What::Protected { key, bearer, direction, count } => {
                let [a, b, c, d, e, f, g, h, ..] = *key.octets();
                ledger.insert(u64::from_be_bytes([a, b, c, d, e, f, g, h]), *bearer, *direction, *count)
            }
            _ => true,
        };
        self.events.iter().map(|(_, _, event)| event).map(first).filter(|first| !first).count()
    }
}
