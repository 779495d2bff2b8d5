//! A network with an EMKS and end points in enterprises, for tests: one UE in one cell, one MME, a gateway, an HSS that pushes keys.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::frame_comment::{FrameComment, ReceiverVerdict};
use keyhop::capture::key_log::enterprise::{E2mKeyRecord, EnterpriseRecord};
use keyhop::capture::key_log::eps::{EpsKeyRecord, KeyHolder};
use keyhop::capture::key_log::{KeyLog, Validity};
use keyhop::capture::{DecryptionSecrets, InterfaceDescription, LinkKind};
use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::emulation::{
    Emulation, Engine, Fate, Faults, Impairments, LinkList, LinkSettings, NodeIndex, Observer, Port, Timing,
    Transmission, Verdict, random,
};
use keyhop::eps::enterprise::{
    ApplicationSettings, Around, Command, Emks, EmksFaults, EmksSettings, Emse, EmseFaults, EmseId, EmseSettings,
    Enterprise, EnterpriseHss, EnterpriseUe, Event, IdentityForm, KeyIdentifier, KnownEndPoint, MasterSecret,
    PushSettings, SessionFailure, User, What, ZnClient, ZnSettings,
};
use keyhop::eps::identifiers::{
    Ebi, Ecgi, Eci, EnbId, GlobalEnbId, Gummei, Guti, Imsi, MTmsi, MmeCode, MmeGroupId, MmeUeS1apId, Pci, Plmn, Tac,
    Tai,
};
use keyhop::eps::keys::{E2mKey, Kasme, OperatorKey, SubscriberKey};
use keyhop::eps::node::core_side::CoreSide;
use keyhop::eps::node::enb::downlink_tunnel;
use keyhop::eps::node::gateway::uplink_tunnel;
use keyhop::eps::node::{
    self, Agreement, AttachedUe, Cell, ConnectedUe, ContextTransfer, Enb, EnbFaults, EnbSettings, Gateway, GatewayUe,
    HeardCell, Hss, HssSubscriber, Mme, MmeFaults, MmeSettings, Outside, Scheme, Schemes, Ue, UeFaults, UeSettings,
};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, Ncc};
use keyhop::eps::security::HandoverDerivation;
use keyhop::eps::security::aka::{Subscription, Usim};
use keyhop::eps::security::parties::{EnbKeys, MmeKeys, UeKeys};
use keyhop::eps::wire::diameter::DiameterPeer;
use keyhop::eps::wire::{CoreFrame, Erab, UeSecurityCapabilities};
use keyhop::time::VirtualTime;

pub const UE: NodeIndex = NodeIndex(0);
pub const ENB: NodeIndex = NodeIndex(1);
pub const MME: NodeIndex = NodeIndex(2);
pub const GATEWAY: NodeIndex = NodeIndex(3);
pub const HSS: NodeIndex = NodeIndex(4);
pub const EMKS: NodeIndex = NodeIndex(5);

/// An end point, by number.
pub fn emse(number: usize) -> NodeIndex {
    NodeIndex(6 + number)
}

/// Its EMSE_Id.
pub fn emse_id(number: usize) -> EmseId {
    format!("emse{}.example.org", number + 1).parse().unwrap()
}

pub fn at(milliseconds: u64) -> VirtualTime {
    VirtualTime::from_nanos(milliseconds * 1_000_000)
}

pub fn imsi() -> Imsi {
    "001010000000001".parse().unwrap()
}

pub const APPLICATION: &str = "meter-7@utility.example";

/// Where the UE is to those outside.
pub const UE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);

/// A network and what is done to it.
pub struct Plan {
    pub enterprise: Enterprise,
    pub emses: usize,
    /// How an end point names itself to the EMKS, if not by its own EMSE_Id: who, as whom.
    pub claims: Option<(usize, usize)>,
    pub emks_faults: EmksFaults,
    pub emse_faults: EmseFaults,
    pub subscribed: bool,
    /// The HSS makes and pushes keys of every UE.
    pub ignores_subscription: bool,
    /// How long a vector takes from the HSS to the MME, in milliseconds.
    pub vector_takes: u64,
    pub seed: u64,
    pub engine: Engine,
    pub commands: Vec<(u64, NodeIndex, Command)>,
    pub ends: u64,
}

impl Plan {
    /// Two end points, everything in order.
    pub fn new() -> Self {
        Self {
            enterprise: Enterprise::default(),
            emses: 2,
            claims: None,
            emks_faults: EmksFaults::default(),
            emse_faults: EmseFaults::default(),
            subscribed: true,
            ignores_subscription: false,
            vector_takes: 6,
            seed: 1,
            engine: Engine::Inline,
            commands: Vec::new(),
            ends: 1_000,
        }
    }

    fn command(mut self, milliseconds: u64, to: NodeIndex, command: Command) -> Self {
        self.commands.push((milliseconds, to, command));
        self.ends = self.ends.max(milliseconds + 3_000);
        self
    }

    /// The UE is authenticated.
    pub fn authenticate(self, milliseconds: u64) -> Self {
        self.command(milliseconds, MME, Command::Eps(node::Command::Authenticate(imsi())))
    }

    /// The UE opens a session with an end point.
    pub fn open(self, milliseconds: u64, number: usize) -> Self {
        self.command(milliseconds, UE, Command::Open(emse_id(number)))
    }

    pub fn close(self, milliseconds: u64, number: usize) -> Self {
        self.command(milliseconds, UE, Command::Close(emse_id(number)))
    }

    pub fn send(self, milliseconds: u64, number: usize, text: &str) -> Self {
        self.command(milliseconds, UE, Command::Send(emse_id(number), text.as_bytes().to_vec()))
    }

    pub fn run(self) -> Seen {
        let emulation = self.emulation();
        self.see(emulation)
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

/// What a tap does to a frame: time, receiver, octets.
struct Tap<F>(F);

impl<F: FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send> Faults for Tap<F> {
    fn strike(&mut self, now: VirtualTime, _: Port, to: NodeIndex, octets: &[u8]) -> Fate {
        (self.0)(now, to, octets)
    }
}

fn place(network: u8, number: usize) -> BackboneEndpoint {
    let last = u8::try_from(number + 1).unwrap();
    BackboneEndpoint { mac: [2, 0, 0, 0, network, last], ip: Ipv4Addr::new(10, 64, network, last) }
}

/// Where a node is: of an end point, to the EMKS.
fn place_of(node: NodeIndex) -> BackboneEndpoint {
    place(1, node.0)
}

/// Where an end point is to UEs.
pub fn outside(number: usize) -> BackboneEndpoint {
    let last = u8::try_from(number + 1).unwrap();
    BackboneEndpoint { mac: [2, 0, 0, 0, 9, last], ip: Ipv4Addr::new(198, 51, 100, last) }
}

/// The Ethernet address of the gateway outside.
const GATEWAY_OUTSIDE: [u8; 6] = [2, 0, 0, 0, 9, 100];

fn after(milliseconds: u64) -> LinkSettings {
    let timing = Timing::Latency { latency: Duration::from_millis(milliseconds), jitter: Duration::ZERO };
    LinkSettings { timing, impairments: Impairments::default() }
}

fn plmn() -> Plmn {
    "001-01".parse().unwrap()
}

fn host(number: usize) -> String {
    emse_id(number).to_string()
}

impl Plan {
    fn emulation(&self) -> Emulation<Command, Event> {
        let mut links = LinkList::default();
        let mut peers: BTreeMap<NodeIndex, Vec<(Port, BackboneEndpoint)>> = BTreeMap::new();
        let air = links.add("air", UE, after(1), ENB, after(1));
        let mut core = |first: NodeIndex, second: NodeIndex, to_first, to_second| {
            let port =
                links.add(&format!("core:{}-{}", first.0, second.0), first, after(to_first), second, after(to_second));
            peers.entry(first).or_default().push((port, place_of(second)));
            peers.entry(second).or_default().push((port, place_of(first)));
        };
        core(ENB, MME, 5, 5);
        core(ENB, GATEWAY, 5, 5);
        core(MME, GATEWAY, 3, 3);
        core(MME, HSS, self.vector_takes, 6);
        (0..self.emses).for_each(|number| core(EMKS, emse(number), 7, 7));
        let swx = links.add("swx", HSS, after(4), EMKS, after(4));
        let sgi: Vec<Port> = (0..self.emses)
            .map(|number| links.add(&format!("sgi:{number}"), GATEWAY, after(9), emse(number), after(9)))
            .collect();
        peers.entry(EMKS).or_default().push((swx, place_of(HSS)));
        let core_side = |node: NodeIndex| CoreSide::new(place_of(node), &peers[&node]);
        let generator = |name: &str| random::generator(self.seed, name);
        let mut emulation = Emulation::new(self.seed, links);
        self.add_access(&mut emulation, air, &core_side);
        let hosts = sgi.iter().enumerate().map(|(number, port)| {
            let BackboneEndpoint { mac, ip } = outside(number);
            (ip, (*port, mac))
        });
        let outside_of =
            Outside { own: GATEWAY_OUTSIDE, hosts: hosts.collect(), ues: BTreeMap::from([(UE_ADDRESS, imsi())]) };
        let uplink = uplink_tunnel(place_of(GATEWAY).ip, UE_NUMBER).teid;
        let downlink = downlink_tunnel(place_of(ENB).ip, FIRST_AT_ENB);
        let served = GatewayUe { imsi: imsi(), uplink, downlink, mme: uplink };
        emulation.add_node(Around(Gateway::new(core_side(GATEWAY), &[served]).with_outside(outside_of)));
        let (k, opc) = subscriber_keys();
        let subscription = Subscription::new(k, opc, 100);
        let subscriber = HssSubscriber {
            imsi: imsi(),
            subscription,
            separates_keys: true,
            serving: Some((gummei(), place_of(MME).ip)),
        };
        let settings = PushSettings {
            origin: DiameterPeer::hss(plmn()),
            emks: place_of(EMKS).ip,
            destination: DiameterPeer::of("emks", plmn()),
            subscribed: if self.subscribed { BTreeSet::from([imsi()]) } else { BTreeSet::new() },
            enterprise: self.enterprise.clone(),
            ignores_subscription: self.ignores_subscription,
        };
        let push_side = CoreSide::new(place_of(HSS), &[(swx, place_of(EMKS))]);
        let hss = Hss::new(core_side(HSS), plmn(), generator("hss"), &[subscriber]);
        emulation.add_node(EnterpriseHss::new(hss, push_side, settings));
        let known =
            |number| KnownEndPoint { address: place_of(emse(number)).ip, host: host(number), emse: emse_id(number) };
        let settings = EmksSettings {
            origin: DiameterPeer::of("emks", plmn()),
            hss: place_of(HSS).ip,
            end_points: (0..self.emses).map(known).collect(),
            users: self.users(IdentityForm::AtEmks),
            enterprise: self.enterprise.clone(),
            faults: self.emks_faults,
        };
        emulation.add_node(Emks::new(settings, core_side(EMKS)));
        for (number, link) in sgi.into_iter().enumerate() {
            let claimed = self.claims.filter(|(who, _)| *who == number).map_or(number, |(_, whom)| whom);
            let zn = ZnSettings {
                origin: DiameterPeer { host: host(number), realm: "example.org".to_owned() },
                emks: place_of(EMKS).ip,
                destination: DiameterPeer::of("emks", plmn()),
                emse: emse_id(claimed),
                given: self.enterprise.emse_id,
            };
            let settings = EmseSettings {
                emse: emse_id(number),
                own: outside(number),
                link,
                gateway: GATEWAY_OUTSIDE,
                identity: self.enterprise.identity,
                users: self.users(IdentityForm::AtEmse),
                faults: self.emse_faults,
            };
            let random = generator(&format!("emse{number}"));
            emulation.add_node(Emse::new(settings, ZnClient::new(zn, core_side(emse(number))), random));
        }
        for (time, to, command) in &self.commands {
            emulation.schedule(at(*time), *to, command.clone());
        }
        emulation
    }

    /// Who makes an IMSI of the application identity, if it is this one.
    fn users(&self, form: IdentityForm) -> BTreeMap<keyhop::eps::enterprise::ApplicationIdentity, Imsi> {
        let here = self.enterprise.identity == form;
        here.then(|| (APPLICATION.parse().unwrap(), imsi())).into_iter().collect()
    }

    /// UE, eNB and MME, connected.
    fn add_access(
        &self,
        emulation: &mut Emulation<Command, Event>,
        air: Port,
        core_side: &dyn Fn(NodeIndex) -> CoreSide,
    ) {
        let agreement = Agreement {
            schemes: Schemes::Always(Scheme::NextHopS1),
            derivation: HandoverDerivation::default(),
            para_octets: 16,
            wide_c_rnti: false,
            transfer: ContextTransfer::default(),
        };
        let enb_id = EnbId::new(1).unwrap();
        let cell = Cell {
            pci: Pci::new(1).unwrap(),
            ecgi: Ecgi { plmn: plmn(), eci: Eci::of_enb(enb_id, 1) },
            earfcn_dl: 1_850,
            enb: GlobalEnbId { plmn: plmn(), enb: enb_id },
            address: place_of(ENB).ip,
            group: 1,
            tai: Tai { plmn: plmn(), tac: Tac(1) },
            mme: place_of(MME).ip,
            upe: None,
        };
        let kasme = Kasme::from_octets([0x2a; 32]);
        let capabilities = UeSecurityCapabilities::new(&[AlgorithmId::Aes], &[AlgorithmId::Aes]);
        let guti = Guti { gummei: gummei(), m_tmsi: MTmsi(0xc000_0001) };
        let (k, opc) = subscriber_keys();
        let heard = HeardCell { port: air, earfcn_dl: cell.earfcn_dl, eci: cell.ecgi.eci, tai: cell.tai };
        let settings = UeSettings {
            imsi: imsi(),
            cells: BTreeMap::from([(cell.pci, heard)]),
            utran: BTreeMap::new(),
            capabilities,
            usim: Some(Usim::new(k, opc, 100)),
            separates_keys: self.enterprise.separates_keys,
            guti: Some(guti),
            agreement,
            interruption: Duration::from_millis(10),
            faults: UeFaults::default(),
        };
        let keys = UeKeys::establish(kasme.clone(), Algorithms::AES, Algorithms::AES, agreement.derivation);
        let applications = ApplicationSettings {
            imsi: imsi(),
            identity: APPLICATION.parse().unwrap(),
            address: UE_ADDRESS,
            end_points: (0..self.emses).map(|number| (emse_id(number), outside(number).ip)).collect(),
            enterprise: self.enterprise.clone(),
        };
        let ue = Ue::connected(settings, keys, cell.pci, C_RNTI);
        emulation.add_node(EnterpriseUe::new(ue, applications, random::generator(self.seed, "ue")));
        let subscribers = Arc::new(BTreeMap::from([(UE_NUMBER, imsi())]).into_iter().collect());
        let settings = EnbSettings {
            cell,
            cells: vec![cell],
            utran_cells: Vec::new(),
            gummei: gummei(),
            algorithms: vec![Algorithms::AES],
            always_names_algorithms: false,
            most_ues: 10,
            agreement,
            subscribers: Arc::clone(&subscribers),
            faults: EnbFaults::default(),
        };
        let mut enb = Enb::new(settings, core_side(ENB), random::generator(self.seed, "enb"));
        let (mme_keys, kenb) = MmeKeys::establish(kasme, Algorithms::AES, agreement.derivation);
        let uplink = uplink_tunnel(place_of(GATEWAY).ip, UE_NUMBER);
        let connected = ConnectedUe {
            port: air,
            c_rnti: C_RNTI,
            mme_id: UE_NUMBER,
            keys: EnbKeys::new(kenb, Ncc::new(0), Algorithms::AES),
            capabilities,
            uplink,
        };
        assert_eq!(enb.connect(connected), Some(FIRST_AT_ENB));
        emulation.add_node(Around(enb));
        let settings = MmeSettings {
            cells: vec![cell],
            utran_cells: Vec::new(),
            gateway: place_of(GATEWAY).ip,
            hss: Some(place_of(HSS).ip),
            mmes: vec![(gummei(), place_of(MME).ip)],
            nas_algorithms: vec![Algorithms::AES],
            agreement,
            subscribers,
            renews_weak: false,
            faults: MmeFaults::default(),
        };
        let mut mme = Mme::new(settings, core_side(MME), random::generator(self.seed, "mme"));
        mme.attach(AttachedUe {
            id: UE_NUMBER,
            keys: mme_keys,
            enb: (place_of(ENB).ip, FIRST_AT_ENB),
            capabilities,
            bearer: Erab { ebi: Ebi::FIRST, tunnel: uplink },
            user_plane: None,
            address: UE_ADDRESS,
            guti: Some(guti),
        });
        emulation.add_node(Around(mme));
    }
}

const C_RNTI: u16 = 0x4601;
const UE_NUMBER: MmeUeS1apId = MmeUeS1apId(1);
/// What the eNB calls the first UE that is connected.
const FIRST_AT_ENB: keyhop::eps::identifiers::EnbUeS1apId = match keyhop::eps::identifiers::EnbUeS1apId::new(1) {
    Some(id) => id,
    None => panic!(),
};

fn gummei() -> Gummei {
    Gummei { plmn: plmn(), group: MmeGroupId(0x8001), code: MmeCode(1) }
}

/// K and OPc.
fn subscriber_keys() -> (SubscriberKey, OperatorKey) {
    (SubscriberKey::from_octets([0x40; 16]), OperatorKey::from_octets([0x60; 16]))
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

/// A session that a node has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub emse: EmseId,
    pub identifier: KeyIdentifier,
    pub client_random: [u8; 32],
    pub master: MasterSecret,
}

impl Seen {
    /// What a node has said of users, besides what any node of EPS says.
    pub fn said(&self, wanted: NodeIndex) -> impl Iterator<Item = (&User, &What)> {
        self.events.iter().filter(move |(_, node, _)| *node == wanted).filter_map(|(_, _, event)| match event {
            Event::Enterprise { user, what } => Some((user, what)),
            Event::Eps(_) => None,
        })
    }

    /// The sessions that a node has opened.
    pub fn opened(&self, node: NodeIndex) -> Vec<Opened> {
        let opened = |what: &What| match what {
            What::SessionOpened { emse, identifier, client_random, master_secret } => Some(Opened {
                emse: emse.clone(),
                identifier: *identifier,
                client_random: *client_random,
                master: master_secret.clone().expect("the library tells it"),
            }),
            _ => None,
        };
        self.said(node).filter_map(|(_, what)| opened(what)).collect()
    }

    /// Why sessions failed at a node.
    pub fn failed(&self, node: NodeIndex) -> Vec<SessionFailure> {
        let why = |what: &What| match what {
            What::SessionFailed { why, .. } => Some(*why),
            _ => None,
        };
        self.said(node).filter_map(|(_, what)| why(what)).collect()
    }

    /// How many sessions were closed at a node.
    pub fn closed(&self, node: NodeIndex) -> usize {
        self.said(node).filter(|(_, what)| matches!(what, What::SessionClosed { .. })).count()
    }

    /// What came out of sessions at a node.
    pub fn received(&self, node: NodeIndex) -> Vec<String> {
        let octets = |what: &What| match what {
            What::Received { octets, .. } => Some(String::from_utf8(octets.clone()).unwrap()),
            _ => None,
        };
        self.said(node).filter_map(|(_, what)| octets(what)).collect()
    }

    /// The keys for end points that a node has made or got.
    pub fn keys(&self, node: NodeIndex) -> Vec<(E2mKey, KeyIdentifier, EmseId)> {
        let key = |what: &What| match what {
            What::Key { key, identifier, emse } => Some((key.clone(), *identifier, emse.clone())),
            _ => None,
        };
        self.said(node).filter_map(|(_, what)| key(what)).collect()
    }

    /// The identifiers of the keys that a node has made or keeps.
    pub fn int_keys(&self, node: NodeIndex) -> Vec<KeyIdentifier> {
        let key = |what: &What| match what {
            What::IntKey { identifier, .. } => Some(*identifier),
            _ => None,
        };
        self.said(node).filter_map(|(_, what)| key(what)).collect()
    }

    /// What was sent with this note, by whom it may be.
    pub fn sent(&self, note: &str) -> usize {
        self.transmissions.iter().filter(|sent| sent.note == note).count()
    }
}

impl Seen {
    /// The frames of the core network and of what is outside, as a capture: with what their receivers made of them, and, in front of them,
    /// the secrets of the sessions.
    pub fn capture(&self) -> Capture {
        let core = self.transmissions.iter().filter(|sent| CoreFrame::parse(&sent.octets).is_ok());
        let frames = core.map(|sent| {
            let verdict = |verdict: &Verdict| ReceiverVerdict {
                receiver: name(sent.to),
                duplicate: false,
                change: None,
                text: verdict.text.clone(),
            };
            let verdicts = sent.verdicts.iter().map(verdict).collect();
            let comment =
                FrameComment { what: sent.note.clone(), lost: sent.lost, verdicts, ..FrameComment::default() };
            CapturedFrame {
                time: sent.time,
                interface: 0,
                octets: sent.octets.clone(),
                direction: None,
                source: None,
                destination: None,
                comment: comment.to_string(),
            }
        });
        let opened = self.opened(UE);
        let sessions = opened.iter().map(|opened| (&opened.client_random, opened.master.octets()));
        let inside = (0..=EMKS.0).map(|node| (place_of(NodeIndex(node)).ip, name(NodeIndex(node))));
        let outside = (0..2).map(|number| (outside(number).ip, name(emse(number))));
        Capture {
            section_comment: "sessions with end points".to_owned(),
            interfaces: vec![InterfaceDescription {
                name: "core".to_owned(),
                description: String::new(),
                kind: LinkKind::Backbone,
            }],
            names: inside.chain(outside).collect(),
            frames: frames.collect(),
            secrets: vec![DecryptionSecrets::of_sessions(sessions)],
        }
    }

    /// The e2m_keys that UEs have made, as a key log.
    pub fn key_log(&self) -> KeyLog {
        let record = |(key, identifier, emse): (E2mKey, KeyIdentifier, EmseId)| {
            let (ue, holder, validity) = (imsi(), KeyHolder::Both, Validity::default());
            EpsKeyRecord::Enterprise(EnterpriseRecord::Key(E2mKeyRecord {
                ue,
                identifier,
                emse,
                holder,
                validity,
                key,
            }))
        };
        KeyLog { eps: self.keys(UE).into_iter().map(record).collect(), ..KeyLog::default() }
    }
}

/// What a node is called in a capture.
fn name(node: NodeIndex) -> String {
    format!("node{}", node.0)
}
