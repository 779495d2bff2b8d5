//! A script becomes a network: nodes with keys and connections that stand from before the run, links, an adversary.
//!
//! An established mobile begins connected to its serving BS, with a confirmed entry under its count and random TEKs; one with
//! `entry = "full"` begins switched on, and the network knows no more of it than its subscription.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rand_core::Rng;

use super::mobility;
use super::played_frames::PlayedFrames;
use super::script::{
    self, Actor, BaseStationId, DirectedLink, Entry, Link, LinkEnd, MobileStation as ScriptedMobile, MobileStationId,
    Position, Script, Station, StepAction,
};
use super::scripted_links::{ScriptedLinks, external_view, scripted_adversary, scripted_faults};
use super::service_flows::ServiceFlows;
use crate::adversary::Comparisons;
use crate::adversary::external::{Conversation, External, Failure};
use crate::dot16::backbone::BackboneEndpoint;
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, CmacKeyCount, MsMac, Said};
use crate::dot16::node::{
    Aaa, AaaSettings, AirPorts, Association, Authenticator, AuthenticatorSettings, BackboneSide, BaseStation,
    BaseStationSettings, Capabilities, CidPool, Classifiers, Command, Connection, Counts, Directory, Established,
    Event, HandoverMode, MobileStation, MobileStationSettings, Place, RadioSettings, RefreshSettings, Subscriber,
};
use crate::dot16::security::authenticator_keys::AuthenticatorKeys;
use crate::dot16::security::base_station_keys::{BaseStationKeySettings, BaseStationKeys};
use crate::dot16::security::eap_tls::{CertificateAuthority, PeerCredentials};
use crate::dot16::security::mobile_keys::{MobileKeySettings, MobileKeys};
use crate::dot16::security::radius::RadiusSecret;
use crate::dot16::security::tek_context::{PmkLifetime, TekContext, TekLimits, TekSource, TekState};
use crate::dot16::security::{AkContext, PacketNumber, Pmk, PnWindow, Profile, Tek, Weakness};
use crate::dot16::wire::CrcForm;
use crate::emulation::random::generator;
use crate::emulation::{Emulation, NodeIndex, Port, Transmission};
use crate::time::VirtualTime;

/// A mobile that enters without a count of its own has committed this one (traces: "the MS has entered with count 1").
const FIRST_COUNT: CmacKeyCount = CmacKeyCount(1);

/// What is at the two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnds {
    /// The air between a mobile and a BS.
    Air {
        /// Its position in the script.
        mobile: usize,
        /// Its position in the script.
        base_station: usize,
    },
    /// R6: a BS and the gateway.
    R6 {
        /// Its position in the script.
        base_station: usize,
    },
    /// R4: two BSs.
    R4 {
        /// The first.
        first: usize,
        /// The second.
        second: usize,
    },
    /// R3: the gateway and the AAA server.
    R3,
}

impl LinkEnds {
    /// The link as a script names it.
    pub(super) fn in_script(self) -> Link {
        match self {
            Self::Air { mobile, base_station } => {
                Link::Air { mobile_station: MobileStationId(mobile), base_station: BaseStationId(base_station) }
            }
            Self::R6 { base_station } => Link::R6 { base_station: BaseStationId(base_station) },
            Self::R4 { first, second } => Link::R4 { first: BaseStationId(first), second: BaseStationId(second) },
            Self::R3 => Link::R3,
        }
    }

    /// The link that a script names.
    fn of_script(link: Link) -> Self {
        match link {
            Link::Air { mobile_station, base_station } => {
                Self::Air { mobile: mobile_station.0, base_station: base_station.0 }
            }
            Link::R6 { base_station } => Self::R6 { base_station: base_station.0 },
            Link::R4 { first, second } => Self::R4 { first: first.0, second: second.0 },
            Link::R3 => Self::R3,
        }
    }
}

/// Which node is which, and where every link leads.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Names of the nodes by index: gateway, base stations, mobile stations, AAA server.
    pub names: Vec<String>,
    /// The addresses that stand for the nodes in captures.
    pub addresses: Vec<Ipv4Addr>,
    /// Mobiles and base stations by position in the script, and the links between them.
    pub air: Arc<AirPorts>,
}

impl Topology {
    /// The gateway.
    pub const GATEWAY: NodeIndex = NodeIndex(0);

    fn new(script: &Script) -> Self {
        let bsids = script.base_stations.iter().map(|bs| bs.bsid).collect();
        let macs = script.mobile_stations.iter().map(|ms| ms.mac).collect();
        let names = std::iter::once(script.authenticator.name.clone())
            .chain(script.base_stations.iter().map(|bs| bs.name.clone()))
            .chain(script.mobile_stations.iter().map(|ms| ms.name.clone()))
            .chain([script.aaa.name.clone()]);
        let addresses = std::iter::once(script.authenticator.ip)
            .chain(script.base_stations.iter().map(|bs| bs.ip))
            .chain(script.mobile_stations.iter().map(|ms| ms.ip))
            .chain([script.aaa.ip]);
        Self { names: names.collect(), addresses: addresses.collect(), air: Arc::new(AirPorts::new(macs, bsids)) }
    }

    /// BSIDs by position in the script.
    #[must_use]
    pub fn bsids(&self) -> &[Bsid] {
        self.air.bsids()
    }

    /// MAC addresses by position in the script.
    #[must_use]
    pub fn macs(&self) -> &[MsMac] {
        self.air.macs()
    }

    /// The number of links: between every mobile and every BS, between every BS and the gateway, between any two BSs, and R3.
    #[must_use]
    pub fn link_count(&self) -> usize {
        let stations = self.bsids().len();
        self.air.count() + stations + stations * stations.saturating_sub(1) / 2 + 1
    }

    /// The links by port.
    pub fn links(&self) -> impl Iterator<Item = (Port, LinkEnds)> {
        (0..self.link_count()).filter_map(|port| Some((Port(port), self.link(Port(port))?)))
    }

    /// What is at the ends of the link with this port, if there is one.
    #[must_use]
    pub fn link(&self, port: Port) -> Option<LinkEnds> {
        let stations = self.bsids().len();
        let Some(wire) = port.0.checked_sub(self.air.count()) else {
            return Some(LinkEnds::Air { mobile: port.0 / stations, base_station: port.0 % stations });
        };
        if wire < stations {
            return Some(LinkEnds::R6 { base_station: wire });
        }
        // The pairs of base stations, by the first and then by the second.
        let mut pair = wire - stations;
        for first in 0..stations {
            let with_first = stations - first - 1;
            if pair < with_first {
                return Some(LinkEnds::R4 { first, second: first + 1 + pair });
            }
            pair -= with_first;
        }
        (pair == 0).then_some(LinkEnds::R3)
    }

    /// What is at the ends of the link of a frame.
    pub(super) fn ends_of(&self, sent: &Transmission) -> LinkEnds {
        self.link(sent.port).unwrap_or_else(|| unreachable!("frames are on links of this topology"))
    }

    /// The port of a link.
    #[must_use]
    pub fn port(&self, ends: LinkEnds) -> Port {
        let (stations, air) = (self.bsids().len(), self.air.count());
        Port(match ends {
            LinkEnds::Air { mobile, base_station } => mobile * stations + base_station,
            LinkEnds::R6 { base_station } => air + base_station,
            LinkEnds::R4 { first, second } => {
                air + stations + first * stations - first * (first + 1) / 2 + (second - first - 1)
            }
            LinkEnds::R3 => self.link_count() - 1,
        })
    }

    /// The node of a BS.
    #[must_use]
    pub fn base_station(&self, position: usize) -> NodeIndex {
        NodeIndex(1 + position)
    }

    /// The position in the script of the BS that this node is, if it is one.
    #[must_use]
    pub fn station_position(&self, node: NodeIndex) -> Option<usize> {
        node.0.checked_sub(1).filter(|position| *position < self.bsids().len())
    }

    /// The node of a mobile.
    #[must_use]
    pub fn mobile(&self, position: usize) -> NodeIndex {
        NodeIndex(1 + self.bsids().len() + position)
    }

    /// The node of the AAA server: the last one.
    #[must_use]
    pub fn aaa(&self) -> NodeIndex {
        NodeIndex(1 + self.bsids().len() + self.macs().len())
    }

    /// The two nodes of a link; the first of an air link is the mobile.
    #[must_use]
    pub fn ends(&self, ends: LinkEnds) -> [NodeIndex; 2] {
        match ends {
            LinkEnds::Air { mobile, base_station } => [self.mobile(mobile), self.base_station(base_station)],
            LinkEnds::R6 { base_station } => [self.base_station(base_station), Self::GATEWAY],
            LinkEnds::R4 { first, second } => [self.base_station(first), self.base_station(second)],
            LinkEnds::R3 => [Self::GATEWAY, self.aaa()],
        }
    }

    /// The links of the backbone that end at a node, each with the node at the other end, by port.
    fn wires_of(&self, node: NodeIndex) -> Vec<(Port, NodeIndex)> {
        let stations = self.bsids().len();
        let mut links: Vec<LinkEnds> = match self.station_position(node) {
            Some(own) => (0..stations)
                .filter(|other| *other != own)
                .map(|other| LinkEnds::R4 { first: own.min(other), second: own.max(other) })
                .chain([LinkEnds::R6 { base_station: own }])
                .collect(),
            None if node == self.aaa() => vec![LinkEnds::R3],
            None => (0..stations).map(|base_station| LinkEnds::R6 { base_station }).chain([LinkEnds::R3]).collect(),
        };
        links.sort_by_key(|ends| self.port(*ends).0);
        let peer = |ends: LinkEnds| self.ends(ends).into_iter().find(|end| *end != node).unwrap_or(node);
        links.into_iter().map(|ends| (self.port(ends), peer(ends))).collect()
    }

    /// The name of a link, as an interface of the capture.
    #[must_use]
    pub fn link_name(&self, ends: LinkEnds) -> String {
        let kind = match ends {
            LinkEnds::Air { .. } => "air",
            LinkEnds::R6 { .. } => "r6",
            LinkEnds::R4 { .. } => "r4",
            LinkEnds::R3 => "r3",
        };
        let [first, second] = self.ends(ends).map(|node| self.names[node.0].as_str());
        format!("{kind}:{first}-{second}")
    }

    /// The port of the air link between a mobile and a BS.
    #[must_use]
    pub fn air_port(&self, mobile: usize, base_station: usize) -> Port {
        self.port(LinkEnds::Air { mobile, base_station })
    }

    /// The node that a script names.
    pub(super) fn actor(&self, actor: Actor) -> NodeIndex {
        match actor {
            Actor::MobileStation(mobile) => self.mobile(mobile.0),
            Actor::BaseStation(base_station) => self.base_station(base_station.0),
            Actor::Authenticator => Self::GATEWAY,
        }
    }

    /// The port of a link of the script, and the node at the end that receives.
    pub(super) fn directed(&self, directed: DirectedLink) -> (Port, NodeIndex) {
        let ends = LinkEnds::of_script(directed.link);
        let [first, second] = self.ends(ends);
        let to = match directed.to {
            LinkEnd::First => first,
            LinkEnd::Second => second,
        };
        (self.port(ends), to)
    }

    /// The name of the BS with this BSID.
    #[must_use]
    pub fn bs_name(&self, bsid: Bsid) -> String {
        let position = self.air.station(bsid);
        position.map_or_else(|| bsid.to_string(), |position| self.names[1 + position].clone())
    }

    /// The position of the mobile with this MAC address.
    #[must_use]
    pub fn mobile_position(&self, mac: MsMac) -> Option<usize> {
        self.air.mobile(mac)
    }

    /// The name of the mobile with this MAC address.
    #[must_use]
    pub fn ms_name(&self, mac: MsMac) -> String {
        self.mobile_position(mac)
            .map_or_else(|| mac.to_string(), |position| self.names[self.mobile(position).0].clone())
    }
}

/// A network, ready to run.
pub struct World {
    /// Who is who.
    pub topology: Topology,
    /// The radio, as every node has it.
    pub radio: RadioSettings,
    /// Nodes, links, adversary and the steps of the script; user traffic is still to be scheduled.
    pub emulation: Emulation<Command, Event>,
    /// What attacks compare while the run goes on.
    pub comparisons: Comparisons,
    /// Why the conversation with the adversary outside broke off, if it did.
    pub failure: Failure,
}

/// How a mobile stands at its serving BS before the run; of one that is to enter, what it is subscribed to.
struct Standing {
    pmk: Pmk,
    count: CmacKeyCount,
    next: Option<CmacKeyCount>,
    lifetime: PmkLifetime,
    connection: Connection,
    classifiers: Classifiers,
    teks_at_mobile: Vec<(Said, TekContext)>,
    teks_at_base_station: Vec<(Said, TekContext)>,
    /// GRE keys towards the BS and towards the gateway.
    tunnel: (u32, u32),
}

/// The nodes of a network, which its links would connect: for who drives them by hand.
pub struct Nodes {
    /// Who is who, and which port leads where.
    pub topology: Topology,
    /// The radio, as every node has it.
    pub radio: RadioSettings,
    /// The Authenticator with the gateway.
    pub authenticator: Authenticator,
    /// The base stations, by position in the script.
    pub base_stations: Vec<BaseStation>,
    /// The mobile stations, by position in the script.
    pub mobile_stations: Vec<MobileStation>,
    /// The AAA server.
    pub aaa: Aaa,
}

/// Builds the nodes of a script.
#[must_use]
pub fn nodes(script: &Script) -> Nodes {
    let topology = Topology::new(script);
    let radio = radio_settings(&script.radio);
    let directory = Arc::new(directory(script));
    let authority = Arc::new(certificate_authority(script));
    let mut pools: Vec<CidPool> = (0..script.base_stations.len()).map(CidPool::new).collect();
    // What the mobiles would get that enter in the run, in the order of the script.
    let mut expected = pools.clone();
    let standing: Vec<Standing> = script
        .mobile_stations
        .iter()
        .enumerate()
        .map(|(position, mobile)| {
            let serving = mobile.serving.0;
            let pool = if is_established(mobile) { &mut pools[serving] } else { &mut expected[serving] };
            stand(script, mobile, position, pool)
        })
        .collect();
    let mut served: Vec<Vec<(&ScriptedMobile, &Standing)>> = vec![Vec::new(); script.base_stations.len()];
    for (mobile, standing) in script.mobile_stations.iter().zip(&standing).filter(|(mobile, _)| is_established(mobile))
    {
        served[mobile.serving.0].push((mobile, standing));
    }
    let places: Option<Vec<Position>> = script.base_stations.iter().map(|station| station.position).collect();
    let nearest = places.map(|places| mobility::neighbours(&places));
    let base_stations = pools
        .into_iter()
        .enumerate()
        .map(|(position, pool)| {
            let advertised = advertised(script, position, nearest.as_deref());
            base_station(script, position, (&topology, advertised), &radio, &directory, pool, &served[position])
        })
        .collect();
    let mobile_stations = script
        .mobile_stations
        .iter()
        .zip(&standing)
        .map(|(mobile, standing)| mobile_station(script, mobile, &topology, &radio, (&directory, &authority), standing))
        .collect();
    let authenticator = authenticator(script, &topology, &directory, &standing);
    let aaa = aaa_server(script, &topology, &directory, authority);
    Nodes { topology, radio, authenticator, base_stations, mobile_stations, aaa }
}

/// Builds the network of a script. Attacks that play frames of capture files play none.
#[must_use]
pub fn build(script: &Script) -> World {
    match build_with(script, &PlayedFrames::new(), None) {
        Ok(world) => world,
        Err(_) => unreachable!("nobody outside takes part"),
    }
}

/// Builds the network of a script, with the frames that its attacks play, and with the adversary outside, if there is one.
///
/// # Errors
/// The adversary outside does not answer as it should.
pub(super) fn build_with(
    script: &Script,
    played: &PlayedFrames,
    outside: Option<Box<dyn Conversation>>,
) -> Result<World, String> {
    let Nodes { topology, radio, authenticator, base_stations, mobile_stations, aaa } = nodes(script);
    let mut emulation = Emulation::new(script.seed, ScriptedLinks::new(script, &topology));
    emulation.add_node(authenticator);
    for base_station in base_stations {
        emulation.add_node(base_station);
    }
    for mobile_station in mobile_stations {
        emulation.add_node(mobile_station);
    }
    emulation.add_node(aaa);
    if !script.faults.is_empty() {
        emulation.set_faults(scripted_faults(script, &topology));
    }
    let comparisons = Comparisons::default();
    let scripted = || scripted_adversary(script, &topology, played, comparisons.clone());
    let scripted = (!script.attacks.is_empty()).then(scripted);
    let mut failure = Failure::default();
    match (outside, scripted) {
        (Some(outside), scripted) => {
            let external = External::new(outside, external_view(script, &topology), scripted)?;
            failure = external.failure();
            emulation.set_adversary(external);
        }
        (None, Some(scripted)) => emulation.set_adversary(scripted),
        (None, None) => {}
    }
    for (mobile, counts) in
        script.mobile_stations.iter().filter_map(|mobile| Some((mobile, counts_after_entry(script, mobile)?)))
    {
        let serving = topology.base_station(mobile.serving.0);
        let position = topology.mobile_position(mobile.mac).map(|position| topology.mobile(position));
        for node in [Topology::GATEWAY, serving].into_iter().chain(position) {
            emulation.schedule(script.begins, node, Command::Counts(counts));
        }
    }
    for step in &script.steps {
        let node = topology.actor(step.actor);
        let command = match &step.action {
            StepAction::Handover { target, candidates } => Command::Handover {
                target: topology.bsids()[target.0],
                candidates: candidates.iter().map(|bs| topology.bsids()[bs.0]).collect(),
            },
            StepAction::Cancel => Command::Cancel,
            StepAction::Restart { backup } => {
                Command::Restart { backup: backup.map(|(mobile, count)| (topology.macs()[mobile.0], count)) }
            }
            StepAction::LoseContexts => Command::LoseContexts,
            StepAction::LoseCounter => Command::LoseCounter,
            StepAction::Reauthenticate => Command::Reauthenticate,
        };
        emulation.schedule(step.at, node, command);
    }
    Ok(World { topology, radio, emulation, comparisons, failure })
}

/// Whether a mobile has entered before the run.
fn is_established(mobile: &ScriptedMobile) -> bool {
    mobile.entry == Entry::Established
}

/// N of a mobile whose M is `committed`; none behind the last count.
fn network_count(script: &Script, mobile: &ScriptedMobile, committed: CmacKeyCount) -> Option<CmacKeyCount> {
    mobile.network_key_count.or(committed.next()).filter(|next| *next <= script.last_key_count)
}

/// The counts that a mobile has when the script's own clock begins, if it enters in the run and the script gives any.
fn counts_after_entry(script: &Script, mobile: &ScriptedMobile) -> Option<Counts> {
    let given = mobile.cmac_key_count.is_some() || mobile.network_key_count.is_some() || mobile.cmac_pn.is_some();
    let committed = mobile.cmac_key_count.unwrap_or(FIRST_COUNT);
    let next = network_count(script, mobile, committed);
    let counts = Counts { ms: mobile.mac, committed, next, cmac_pn: mobile.cmac_pn.unwrap_or(0) };
    (given && !is_established(mobile)).then_some(counts)
}

/// The form of every CRC on the air.
pub(super) fn crc_form(order: script::CrcOrder) -> CrcForm {
    match order {
        script::CrcOrder::MsbFirst => CrcForm::MsbFirst,
        script::CrcOrder::Ofdma => CrcForm::Ofdma,
    }
}

fn radio_settings(radio: &script::Radio) -> RadioSettings {
    RadioSettings {
        frame: radio.frame,
        downlink: radio.downlink,
        dl_sync: radio.dl_sync,
        association: match radio.association {
            script::Association::Level2 => Association::Level2,
            script::Association::None => Association::None,
        },
        crc: crc_form(radio.crc),
        max_pdu: usize::from(radio.max_pdu),
        packing: radio.packing,
        allocation: radio.allocation.map(|octets| usize::try_from(octets).unwrap_or(usize::MAX)),
        rng_delay: radio.rng_delay,
        ranging_deadline: radio.ranging_deadline,
        ranging_retry: radio.ranging_retry,
        handover_retry: radio.handover_retry,
        action_time: radio.action_time,
        resource_retain: radio.resource_retain,
        neighbour_advertisement: radio.neighbour_advertisement,
        lost_downlink: radio.lost_downlink,
        tek_processing: radio.tek_processing,
        key_request_retry: radio.key_request_retry,
    }
}

/// A node's Ethernet address on the backbone: a BSID is one; the gateway's is made from its IPv4 address.
pub(super) fn endpoint(ip: Ipv4Addr, bsid: Option<Bsid>) -> BackboneEndpoint {
    let [a, b, c, d] = ip.octets();
    BackboneEndpoint { mac: bsid.map_or([0x0a, 0x01, a, b, c, d], |bsid| bsid.0), ip }
}

fn directory(script: &Script) -> Directory {
    let place = |name: &str, ip, bsid| Place { name: name.to_owned(), endpoint: endpoint(ip, bsid) };
    Directory {
        gateway: place(&script.authenticator.name, script.authenticator.ip, None),
        aaa: place(&script.aaa.name, script.aaa.ip, None),
        base_stations: script.base_stations.iter().map(|bs| (bs.bsid, place(&bs.name, bs.ip, Some(bs.bsid)))).collect(),
        mobile_stations: script.mobile_stations.iter().map(|ms| (ms.mac, ms.name.clone())).collect(),
    }
}

fn profile(script: &Script) -> Profile {
    match script.profile {
        script::Profile::Contribution => Profile::Contribution,
        script::Profile::Std2009 => Profile::Std2009,
    }
}

fn window(size: u16) -> PnWindow {
    PnWindow::new(size).unwrap_or_else(|_| unreachable!("the script format checks the size"))
}

fn limits(script: &Script, last_pn: PacketNumber) -> TekLimits {
    TekLimits { last_pn, linger: script.radio.tek_linger }
}

fn stand(script: &Script, mobile: &ScriptedMobile, position: usize, pool: &mut CidPool) -> Standing {
    let mut random = generator(script.seed, &format!("network entry of {}", mobile.name));
    let mut pmk = [0; 20];
    random.fill_bytes(&mut pmk);
    let pmk = mobile.pmk.clone().unwrap_or(Pmk::from_octets(pmk));
    let full = script.authenticator.pmk_lifetime;
    let lifetime = PmkLifetime { full, ends: VirtualTime::ZERO + full };
    let number = u32::try_from(position).unwrap_or(u32::MAX / 2);
    // R9: SAIDs are assigned at network entry; the primary SAID equals the basic CID of that BS.
    let flows = ServiceFlows::of(script, MobileStationId(position));
    let mut connection = pool
        .allocate(&flows.with_saids(Said(0)))
        .unwrap_or_else(|| unreachable!("the script format limits the mobiles and flows of a BS"));
    let flows_and_sas = flows.with_saids(Said(connection.basic.0));
    for (flow, (_, said)) in connection.flows.iter_mut().zip(&flows_and_sas) {
        flow.said = *said;
    }
    let count = mobile.cmac_key_count.unwrap_or(FIRST_COUNT);
    let mut tek = || {
        let mut octets = [0; 16];
        random.fill_bytes(&mut octets);
        Tek::from_octets(octets)
    };
    let saids: BTreeSet<Said> = flows_and_sas.iter().map(|(_, said)| *said).collect();
    let keys: Vec<(Said, Tek, Tek)> = saids.into_iter().map(|said| (said, tek(), tek())).collect();
    // Each side has a window of its own.
    let teks = |size| {
        let state = |tek: &Tek, eks, part| {
            let expires = VirtualTime::ZERO + full / part;
            TekState::new(tek.clone(), eks, TekSource::Random, window(size), expires).lasting(full / part)
        };
        // As if sent at the start of the run: lifetimes are those of a fresh pair.
        let context = |older, newer| TekContext::from_random(state(older, 0, 8), state(newer, 1, 2));
        keys.iter().map(|(said, older, newer)| (*said, context(older, newer))).collect()
    };
    Standing {
        pmk,
        count,
        next: network_count(script, mobile, count),
        lifetime,
        connection,
        classifiers: flows.classifiers,
        teks_at_mobile: teks(mobile.pn_window),
        teks_at_base_station: teks(script[mobile.serving].pn_window),
        tunnel: (number + 1, number + 1),
    }
}

const AK_SN: AkSequenceNumber = AkSequenceNumber(0);

fn authenticator(
    script: &Script,
    topology: &Topology,
    directory: &Arc<Directory>,
    standing: &[Standing],
) -> Authenticator {
    let subscribers = script.mobile_stations.iter().zip(standing).map(|(mobile, standing)| {
        let serving = topology.bsids()[mobile.serving.0];
        let established = is_established(mobile);
        let keys = if established {
            let pmk = standing.pmk.clone();
            let keys = AuthenticatorKeys::new(pmk, AK_SN, mobile.mac, standing.lifetime, standing.next);
            let keys = keys.with_weaknesses(script.authenticator.weaknesses.clone());
            let keys = keys.ending_at(script.last_key_count);
            let mut keys = keys.jumping_at_most(script.authenticator.count_jump);
            keys.hand_out(serving);
            keys
        } else {
            AuthenticatorKeys::unauthenticated(mobile.mac, standing.lifetime)
        };
        let flows = standing.connection.flows.iter().map(|flow| (flow.sfid, flow.said)).collect();
        let path = (serving, standing.tunnel.0, standing.tunnel.1, standing.count);
        let path = established.then_some(path);
        let seamless = established && script.negotiates_seamless(mobile);
        let classifiers = standing.classifiers.clone();
        (mobile.mac, Subscriber { keys, flows, classifiers, seamless, path })
    });
    let settings = AuthenticatorSettings {
        subscribers: subscribers.collect(),
        weaknesses: script.authenticator.weaknesses.clone(),
        last_key_count: script.last_key_count,
        count_jump: script.authenticator.count_jump,
        eap_retry: eap_retry(script),
        aaa_secret: RadiusSecret::new(script.aaa.secret.clone().into_bytes()),
        aaa_retry: script.backbone.retry,
    };
    let backbone = backbone_side(script, topology, directory, Topology::GATEWAY);
    let random = generator(script.seed, &format!("authenticator {}", script.authenticator.name));
    Authenticator::new(settings, Arc::clone(directory), backbone, random)
}

/// Who has certified the AAA server and every device.
fn certificate_authority(script: &Script) -> CertificateAuthority {
    let mut secret = [0; 32];
    generator(script.seed, "certificate authority").fill_bytes(&mut secret);
    CertificateAuthority::new(secret)
}

fn aaa_server(
    script: &Script,
    topology: &Topology,
    directory: &Arc<Directory>,
    authority: Arc<CertificateAuthority>,
) -> Aaa {
    let settings = AaaSettings {
        secret: RadiusSecret::new(script.aaa.secret.clone().into_bytes()),
        authority,
        certificate: script.aaa.certificate,
        pmk_lifetime: script.authenticator.pmk_lifetime,
    };
    let backbone = backbone_side(script, topology, directory, topology.aaa());
    let random = generator(script.seed, &format!("aaa {}", script.aaa.name));
    Aaa::new(settings, Arc::clone(directory), backbone, random)
}

/// From an EAP packet to its repetition: there and back over backbone and air, and some time to spare.
fn eap_retry(script: &Script) -> Duration {
    (script.backbone.latency + script.backbone.jitter) * 4 + script.radio.frame * 16 + script.backbone.retry
}

fn backbone_side(script: &Script, topology: &Topology, directory: &Directory, node: NodeIndex) -> BackboneSide {
    let endpoint_of = |node: NodeIndex| match node.0.checked_sub(1) {
        None => directory.gateway.endpoint,
        Some(_) if node == topology.aaa() => directory.aaa.endpoint,
        Some(position) => endpoint(script.base_stations[position].ip, Some(topology.bsids()[position])),
    };
    let peers = topology.wires_of(node).into_iter().map(|(port, peer)| (port, endpoint_of(peer)));
    BackboneSide::new(endpoint_of(node), script.backbone.retry, peers.collect())
}

/// How many base stations MOB_NBR-ADV names at the most: it has to fit a PDU.
const ADVERTISED: usize = 200;

/// The base stations that a base station names in MOB_NBR-ADV: its nearest neighbours, where base stations have places, else all
/// others in the order of their BSIDs.
fn advertised(script: &Script, position: usize, nearest: Option<&[Vec<usize>]>) -> Vec<Bsid> {
    let bsid = |station: &script::BaseStation| station.bsid;
    match nearest.and_then(|nearest| nearest.get(position)) {
        Some(near) => near.iter().filter_map(|other| script.base_stations.get(*other)).map(bsid).collect(),
        None => {
            let others = script.base_stations.iter().enumerate().filter(|(other, _)| *other != position);
            let mut others: Vec<Bsid> = others.map(|(_, station)| bsid(station)).collect();
            others.sort_unstable();
            others.truncate(ADVERTISED);
            others
        }
    }
}

fn base_station(
    script: &Script,
    position: usize,
    (topology, neighbours): (&Topology, Vec<Bsid>),
    radio: &RadioSettings,
    directory: &Arc<Directory>,
    pool: CidPool,
    served: &[(&ScriptedMobile, &Standing)],
) -> BaseStation {
    let scripted = &script.base_stations[position];
    let keys = BaseStationKeySettings {
        profile: profile(script),
        self_sync_window: scripted.self_sync_window,
        self_sync_budget: scripted.self_sync_budget,
        window: window(scripted.pn_window),
        limits: limits(script, scripted.last_pn),
        tek_cache: scripted.tek_cache,
        weaknesses: scripted.weaknesses.clone(),
    };
    let mut established = BTreeMap::new();
    for (mobile, standing) in served {
        let ak = AkContext::derive(&standing.pmk, AK_SN, mobile.mac, scripted.bsid);
        let seamless = script.negotiates_seamless(mobile);
        let saids = if seamless { standing.teks_at_mobile.iter().map(|(said, _)| *said).collect() } else { Vec::new() };
        let mut station_keys = BaseStationKeys::new(keys.clone(), ak, saids, standing.lifetime);
        station_keys.establish(standing.count, standing.teks_at_base_station.clone());
        if let (Some(pn), Some(entry)) = (mobile.cmac_pn, station_keys.current_mut()) {
            entry.use_cmac_pns_to(pn);
        }
        // The serving BS knows of the N that its own entry led to, whatever the Authenticator holds now.
        if let Some(next) = standing.count.next() {
            station_keys.notice(next);
        }
        let entry = Established {
            connection: standing.connection.clone(),
            keys: station_keys,
            tunnel: standing.tunnel,
            seamless,
            handover: mobile.station == Station::Mobile,
            classifiers: standing.classifiers.clone(),
        };
        established.insert(mobile.mac, entry);
    }
    let settings = BaseStationSettings {
        bsid: scripted.bsid,
        mode: script.mode,
        radio: radio.clone(),
        keys,
        pmk_lifetime: script.authenticator.pmk_lifetime,
        seamless: scripted.seamless && script.mode == HandoverMode::Seamless,
        retained_contexts: usize::try_from(scripted.retained_contexts).unwrap_or(usize::MAX),
        context_request_budget: scripted.context_request_budget,
        preparation_budget: scripted.preparation_budget,
        neighbours,
        ports: Arc::clone(&topology.air),
    };
    let backbone = backbone_side(script, topology, directory, topology.base_station(position));
    let random = generator(script.seed, &format!("base station {}", scripted.name));
    BaseStation::new(settings, Arc::clone(directory), backbone, random, pool, established)
}

fn mobile_station(
    script: &Script,
    mobile: &ScriptedMobile,
    topology: &Topology,
    radio: &RadioSettings,
    (directory, authority): (&Arc<Directory>, &Arc<CertificateAuthority>),
    standing: &Standing,
) -> MobileStation {
    let serving = topology.bsids()[mobile.serving.0];
    let settings = MobileKeySettings {
        window: window(mobile.pn_window),
        limits: limits(script, mobile.last_pn),
        tek_cache: mobile.tek_cache,
        weaknesses: mobile.weaknesses.clone(),
    };
    let established = is_established(mobile);
    let seamless = script.negotiates_seamless(mobile) || mobile.weaknesses.has(Weakness::ClaimsSeamless);
    // Without seamless handover no TEK is generated, so no SA is named.
    let saids = if seamless { standing.teks_at_mobile.iter().map(|(said, _)| *said).collect() } else { Vec::new() };
    let mut keys = if established {
        let pmk = standing.pmk.clone();
        let keys = MobileKeys::new(settings, pmk, AK_SN, mobile.mac, saids, standing.lifetime, standing.count);
        let mut keys = keys.ending_at(script.last_key_count);
        keys.establish(serving, standing.teks_at_mobile.clone());
        keys
    } else {
        MobileKeys::unauthenticated(settings, mobile.mac, standing.lifetime).ending_at(script.last_key_count)
    };
    if let (Some(pn), Some(entry)) = (mobile.cmac_pn, keys.keys_mut(serving, standing.count)) {
        entry.use_cmac_pns_to(pn);
    }
    let settings = MobileStationSettings {
        mac: mobile.mac,
        seamless: seamless && established,
        declared: Capabilities { handover: mobile.station == Station::Mobile, seamless: mobile.seamless },
        credentials: PeerCredentials {
            authority: Arc::clone(authority),
            ms: mobile.mac,
            certificate: mobile.certificate,
        },
        radio: radio.clone(),
        ports: Arc::clone(&topology.air),
        classifiers: standing.classifiers.clone(),
    };
    let random = generator(script.seed, &format!("mobile station {}", mobile.name));
    let directory = Arc::clone(directory);
    let station = if established {
        MobileStation::new(settings, directory, keys, serving, standing.connection.clone(), random)
    } else {
        let flows = standing.connection.flows.iter().map(|flow| flow.sfid).collect();
        MobileStation::switched_on(settings, directory, keys, serving, flows, random)
    };
    if mobile.refresh { station.refreshing(RefreshSettings { grace: mobile.tek_grace }) } else { station }
}
