//! EPS captures made by hand, of wire formats and key derivations alone: a UE walks through cells, and every frame has the comment of
//! its receiver. Whoever includes this file may leave part of it unused.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::key_log::eps::{
    AsKeyRecord, AsKeyUse, CRntiBits, CellRecord, DerivationRecord, EpsKeyRecord, KasmeRecord, KenbHolder, KenbRecord,
    KenbStarRecord, KeySystem, NasKeyRecord, NasKeyUse, NhRecord,
};
use keyhop::capture::key_log::{KeyLog, NodeRecord, Validity};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::eps::identifiers::{
    Earfcn, Ebi, Ecgi, Eci, EnbId, EnbUeS1apId, GlobalEnbId, Gummei, Imsi, MmeCode, MmeGroupId, MmeUeS1apId, Pci, Plmn,
    Tac, Tai, Teid, X2apUeId,
};
use keyhop::eps::keys::{Kasme, Kenb, KenbStar, Nh};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, HandoverParameters, Indication, LinkDirection, Ncc};
use keyhop::eps::security::handover_keys::{AsKeys, CRnti};
use keyhop::eps::security::kdf::{self, KeyUse, algorithm_key};
use keyhop::eps::security::next_hop::{NextHopChain, horizontal, vertical};
use keyhop::eps::security::{HandoverDerivation, eea2, eia2};
use keyhop::eps::wire::gtpv2::mm_context::KsiAsme;
use keyhop::eps::wire::gtpv2::{FCause, ForwardRelocationRequest, GTPV2_PORT, Gtpv2Body, Gtpv2Message, MmContext};
use keyhop::eps::wire::mac_pdu::{LCID_CCCH, LCID_SRB1, LCID_SRB2, MacPdu};
use keyhop::eps::wire::nas::{EmmMessage, GenericContainer, ProtectedNas, SecurityHeader};
use keyhop::eps::wire::pdcp::{DATA_HEADER_OCTETS, DataPdu, SIGNALLING_HEADER_OCTETS, SignallingPdu, ciphered_part};
use keyhop::eps::wire::radio_frame::{self, RadioFrame, in_upper_pdu};
use keyhop::eps::wire::rlc::AmDataPdu;
use keyhop::eps::wire::rrc::{
    self, DlCcchMessage, DlDcchMessage, HandoverPreparationInformation, MeasurementReport, MobilityControlInfo,
    NeighbourMeasurement, RrcConnectionReconfiguration, SecurityAlgorithms, SecurityConfigHo, T304, UlDcchMessage,
};
use keyhop::eps::wire::s1ap::{
    self, Cause, CauseRadioNetwork, S1apMessage, SecurityContext, SourceToTargetContainer, TargetToSourceContainer,
    UeS1apIds,
};
use keyhop::eps::wire::sctp::{S1AP_PORT, S1AP_PROTOCOL, X2AP_PORT, X2AP_PROTOCOL};
use keyhop::eps::wire::{
    CoreFrame, CorePayload, DataChunk, Erab, SctpPacket, TunnelEndpoint, UdpDatagram, UeId, UeSecurityCapabilities,
    X2apMessage, dct2000, x2ap,
};
use keyhop::time::VirtualTime;

pub const UP: LinkDirection = LinkDirection::Uplink;
pub const DOWN: LinkDirection = LinkDirection::Downlink;
const AES: Algorithms = Algorithms::AES;
/// The UE's first C-RNTI; in the target of hop n it gets n more.
pub const FIRST_C_RNTI: u16 = 0x4601;
/// Cells, each of an eNB of its own: two of group 1, then two of group 2.
pub const CELLS: u16 = 4;

/// How a UE is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The contribution over X2.
    Chained,
    /// The contribution with the MME.
    MmeInvolved,
    /// The standard over X2.
    NextHopX2,
    /// The standard over S1.
    NextHopS1,
}

/// What is wrong with a handover.
#[derive(Clone, Copy, Debug, Default)]
pub struct Twist {
    /// The source eNB tells the UE the opposite of who made KeNB*.
    pub flips_indication: bool,
    /// PARA; one that is different each time if none.
    pub para: Option<[u8; 16]>,
    /// C-RNTI in the target; one that is different each time if none.
    pub c_rnti: Option<u16>,
    /// The UE says that it did not take the command.
    pub denied: bool,
}

/// A number of the radio frames, with its key and COUNTs.
#[derive(Clone)]
pub struct Epoch {
    pub ue_id: u16,
    pub cell: u16,
    pub c_rnti: u16,
    pub kenb: Kenb,
    pub keys: AsKeys,
    /// By direction and logical channel.
    pub counts: BTreeMap<(LinkDirection, u8), u32>,
}

/// A capture and a key log in the making.
pub struct Film {
    pub capture: Capture,
    pub log: KeyLog,
    pub how: HandoverDerivation,
    pub kasme: Kasme,
    pub epoch: Epoch,
    pub nas_count: [u32; 2],
    pub chain: NextHopChain,
    ncc: Ncc,
    fresh: Option<(Nh, Ncc)>,
    standard: bool,
    now: u64,
    last_epoch: u16,
    sent: BTreeMap<(Ipv4Addr, Ipv4Addr), u16>,
}

pub fn imsi() -> Imsi {
    "001010000000001".parse().unwrap()
}

fn plmn() -> Plmn {
    "001-01".parse().unwrap()
}

pub fn pci(cell: u16) -> Pci {
    Pci::new(cell).unwrap()
}

pub const UE: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 1);
pub const MME: Ipv4Addr = Ipv4Addr::new(10, 64, 2, 1);
pub const OTHER_MME: Ipv4Addr = Ipv4Addr::new(10, 64, 2, 2);

pub fn enb(cell: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 64, 1, u8::try_from(cell).unwrap())
}

fn earfcn(cell: u16) -> u32 {
    // The last has one of 3 octets.
    if cell == CELLS { 66_000 } else { 1_300 + u32::from(cell) }
}

fn ecgi(cell: u16) -> Ecgi {
    Ecgi { plmn: plmn(), eci: Eci::of_enb(EnbId::new(cell.into()).unwrap(), 1) }
}

fn tai() -> Tai {
    Tai { plmn: plmn(), tac: Tac(1) }
}

fn endpoint(ip: Ipv4Addr) -> BackboneEndpoint {
    let [_, _, network, last] = ip.octets();
    BackboneEndpoint { mac: [2, 0, 0, 0, network, last], ip }
}

fn ids(cell: u16) -> UeS1apIds {
    UeS1apIds { mme: MmeUeS1apId(7), enb: EnbUeS1apId::new(u32::from(cell) + 100).unwrap() }
}

fn tunnel(last: u8) -> TunnelEndpoint {
    TunnelEndpoint { address: Ipv4Addr::new(10, 64, 3, last), teid: Teid(last.into()) }
}

pub fn capabilities() -> UeSecurityCapabilities {
    UeSecurityCapabilities::new(&[AlgorithmId::Aes], &[AlgorithmId::Aes])
}

/// An IPv4 packet with UDP in it, of readable text.
pub fn packet(number: u8) -> Vec<u8> {
    let text = format!("packet {number:03} of the user");
    let length = u8::try_from(28 + text.len()).unwrap();
    let mut packet = vec![0x45, 0, 0, length, 0, number, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let sum: u32 = packet.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend([0x13, 0x88, 0x13, 0x89, 0, length - 20, 0, 0]);
    packet.extend(text.bytes());
    packet
}

impl Film {
    /// A UE in cell 1, connected from before the capture.
    pub fn new(standard: bool) -> Self {
        let (how, kasme) = (HandoverDerivation::default(), Kasme::from_octets(*b"KASME of the UE in all the tests"));
        let kenb = kdf::kenb(&kasme, 0);
        let interfaces = [
            (1..=CELLS).map(|cell| (format!("uu:ue1-enb{cell}"), LinkKind::Tagged)).collect::<Vec<_>>(),
            (1..=CELLS).map(|cell| (format!("s1:enb{cell}-mme1"), LinkKind::Backbone)).collect(),
            vec![
                ("x2".to_owned(), LinkKind::Backbone),
                ("s10:mme1-mme2".to_owned(), LinkKind::Backbone),
                ("adv:air".to_owned(), LinkKind::Tagged),
                ("adv:core".to_owned(), LinkKind::Backbone),
                ("keys:ue1".to_owned(), LinkKind::Tagged),
            ],
        ];
        let interfaces = interfaces.concat().into_iter().map(|(name, kind)| InterfaceDescription {
            name,
            description: String::new(),
            kind,
        });
        let node = |name: String, role: &str, ip| NodeRecord { name, role: role.to_owned(), ip: Some(ip), id: None };
        let mut nodes = vec![
            node("ue1".to_owned(), "ue", UE),
            node("mme1".to_owned(), "mme", MME),
            node("mme2".to_owned(), "mme", OTHER_MME),
        ];
        nodes.extend((1..=CELLS).map(|cell| node(format!("enb{cell}"), "enb", enb(cell))));
        let names = nodes.iter().map(|node| (node.ip.unwrap(), node.name.clone())).collect();
        let system = if standard { KeySystem::Standard } else { KeySystem::Contribution };
        let derivation = DerivationRecord { system, derivation: how, c_rnti_bits: CRntiBits::Sixteen };
        let mut eps = vec![EpsKeyRecord::Derivation(derivation)];
        eps.extend((1..=CELLS).map(|cell| {
            EpsKeyRecord::Cell(CellRecord {
                cell: pci(cell),
                enb: format!("enb{cell}"),
                mme: "mme1".to_owned(),
                earfcn: Earfcn::new(earfcn(cell)).unwrap(),
                group: u32::from(cell).div_ceil(2),
            })
        }));
        let validity = Validity::default();
        eps.push(EpsKeyRecord::Kasme(KasmeRecord { ue: imsi(), validity, key: kasme.clone() }));
        for (key_use, of) in [(NasKeyUse::Ciphering, KeyUse::NasEnc), (NasKeyUse::Integrity, KeyUse::NasInt)] {
            let key = algorithm_key(kasme.octets(), of, AlgorithmId::Aes as u8);
            let algorithm = AlgorithmId::Aes;
            eps.push(EpsKeyRecord::Nas(NasKeyRecord { key_use, ue: imsi(), algorithm, validity, key }));
        }
        let keys = AsKeys::derive(&kenb, AES.ciphering, AES.integrity);
        let counts = BTreeMap::new();
        let epoch = Epoch { ue_id: 1, cell: 1, c_rnti: FIRST_C_RNTI, kenb: kenb.clone(), keys, counts };
        let mut film = Self {
            capture: Capture {
                section_comment: "by hand".to_owned(),
                interfaces: interfaces.collect(),
                names,
                frames: Vec::new(),
                secrets: Vec::new(),
            },
            log: KeyLog { nodes, records: Vec::new(), eps },
            how,
            kasme,
            epoch,
            nas_count: [0; 2],
            chain: NextHopChain::new(&kenb),
            ncc: Ncc::new(0),
            fresh: None,
            standard,
            now: 1_000_000,
            last_epoch: 1,
            sent: BTreeMap::new(),
        };
        let epoch = film.epoch.clone();
        film.log_epoch(&epoch, KenbHolder::Both, Ncc::new(0));
        film.annotate(&epoch);
        film
    }

    /// All eNBs are of one group.
    pub fn in_one_group(mut self) -> Self {
        for record in &mut self.log.eps {
            if let EpsKeyRecord::Cell(cell) = record {
                cell.group = 1;
            }
        }
        self
    }

    /// The number of the last frame.
    pub fn last(&self) -> u64 {
        self.capture.frames.len() as u64
    }

    pub fn interface(&self, name: &str) -> usize {
        self.capture.interfaces.iter().position(|interface| interface.name == name).unwrap()
    }

    pub fn push(&mut self, interface: &str, octets: Vec<u8>, comment: impl Into<String>) -> u64 {
        self.now += 1_000_000;
        self.capture.frames.push(CapturedFrame {
            time: VirtualTime::from_nanos(self.now),
            interface: self.interface(interface),
            octets,
            direction: None,
            source: None,
            destination: None,
            comment: comment.into(),
        });
        self.last()
    }

    /// The last frame again, from an adversary.
    pub fn replay(&mut self, frame: u64, interface: &str, comment: &str) -> u64 {
        let octets = self.capture.frames[usize::try_from(frame - 1).unwrap()].octets.clone();
        self.push(interface, octets, comment)
    }

    fn log_epoch(&mut self, epoch: &Epoch, holder: KenbHolder, ncc: Ncc) {
        let validity = Validity { from: Some(VirtualTime::from_nanos(self.now)), until: None };
        let (ue, cell, ue_id) = (imsi(), pci(epoch.cell), epoch.ue_id);
        self.log.eps.push(EpsKeyRecord::Kenb(KenbRecord {
            ue,
            cell,
            c_rnti: epoch.c_rnti,
            ue_id,
            ncc,
            ciphering: AES.ciphering,
            integrity: AES.integrity,
            holder,
            validity,
            key: epoch.kenb.clone(),
        }));
        let keys = [&epoch.keys.rrc_enc, &epoch.keys.rrc_int, &epoch.keys.up_enc];
        for (key_use, key) in AsKeyUse::ALL.into_iter().zip(keys) {
            let (algorithm, key) = (AlgorithmId::Aes, key.clone());
            self.log.eps.push(EpsKeyRecord::As(AsKeyRecord { key_use, ue, cell, ue_id, algorithm, validity, key }));
        }
    }

    /// What Wireshark is told of an epoch.
    pub fn annotate(&mut self, epoch: &Epoch) {
        let record = dct2000::KeyRecord {
            ue_id: UeId(epoch.ue_id),
            rrc_enc: epoch.keys.rrc_enc.clone(),
            rrc_int: epoch.keys.rrc_int.clone(),
            message: UlDcchMessage::ReconfigurationComplete { transaction: 0 }.octets().unwrap(),
        };
        let octets = in_upper_pdu(dct2000::DISSECTOR, UE, enb(epoch.cell), &record.octets().unwrap()).unwrap();
        self.push("keys:ue1", octets, "annotation: RRC keys");
        let algorithms = SecurityAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };
        let command = self.command_message(epoch.cell, epoch.c_rnti, Some(algorithms), Ncc::new(0), Vec::new());
        let complete = UlDcchMessage::ReconfigurationComplete { transaction: 0 }.octets().unwrap();
        for (direction, message) in [(DOWN, command), (UP, complete)] {
            let mut pdu = SignallingPdu { sequence_number: 0, message, mac_i: [0; 4] };
            pdu.mac_i = eia2(&epoch.keys.rrc_int, 0, 1, direction, &pdu.integrity_input());
            let octets = self.framed(epoch, direction, LCID_SRB2, 0, pdu.octets().unwrap());
            self.push("keys:ue1", octets, "annotation: algorithms");
        }
    }

    fn framed(&self, epoch: &Epoch, direction: LinkDirection, lcid: u8, count: u32, sdu: Vec<u8>) -> Vec<u8> {
        let rlc = AmDataPdu { poll: true, sequence_number: (count & 1023) as u16, sdu }.octets().unwrap();
        let mac_pdu = MacPdu { lcid, sdu: rlc, padding: 0 }.octets().unwrap();
        let (c_rnti, ue_id) = (epoch.c_rnti, UeId(epoch.ue_id));
        let frame = RadioFrame { direction, c_rnti, ue_id, frame_number: 1, subframe: 1, mac_pdu };
        let (from, to) = if direction == UP { (UE, enb(epoch.cell)) } else { (enb(epoch.cell), UE) };
        in_upper_pdu(radio_frame::DISSECTOR, from, to, &frame.octets().unwrap()).unwrap()
    }

    fn next_count(epoch: &mut Epoch, direction: LinkDirection, lcid: u8) -> u32 {
        let next = epoch.counts.entry((direction, lcid)).or_default();
        *next += 1;
        *next - 1
    }

    /// The frame of an RRC message.
    pub fn rrc_frame(&self, epoch: &mut Epoch, direction: LinkDirection, message: Vec<u8>) -> (Vec<u8>, u32) {
        let count = Self::next_count(epoch, direction, LCID_SRB1);
        let mut pdu = SignallingPdu { sequence_number: (count & 31) as u8, message, mac_i: [0; 4] };
        pdu.mac_i = eia2(&epoch.keys.rrc_int, count, 0, direction, &pdu.integrity_input());
        let mut octets = pdu.octets().unwrap();
        eea2(&epoch.keys.rrc_enc, count, 0, direction, ciphered_part(&mut octets, SIGNALLING_HEADER_OCTETS));
        (self.framed(epoch, direction, LCID_SRB1, count, octets), count)
    }

    /// The frame of an RRC message with its MAC-I, in the clear.
    pub fn clear_rrc_frame(&self, epoch: &mut Epoch, direction: LinkDirection, message: Vec<u8>) -> Vec<u8> {
        let count = Self::next_count(epoch, direction, LCID_SRB1);
        let mut pdu = SignallingPdu { sequence_number: (count & 31) as u8, message, mac_i: [0; 4] };
        pdu.mac_i = eia2(&epoch.keys.rrc_int, count, 0, direction, &pdu.integrity_input());
        self.framed(epoch, direction, LCID_SRB1, count, pdu.octets().unwrap())
    }

    /// The frame of a user packet.
    pub fn packet_frame(&self, epoch: &mut Epoch, direction: LinkDirection, packet: Vec<u8>) -> (Vec<u8>, u32) {
        let count = Self::next_count(epoch, direction, 3);
        let pdu = DataPdu { sequence_number: (count & 0xfff) as u16, packet };
        let mut octets = pdu.octets().unwrap();
        eea2(&epoch.keys.up_enc, count, 0, direction, ciphered_part(&mut octets, DATA_HEADER_OCTETS));
        (self.framed(epoch, direction, 3, count, octets), count)
    }

    fn receiver(&self, epoch: &Epoch, direction: LinkDirection) -> String {
        if direction == UP { format!("enb{}", epoch.cell) } else { "ue1".to_owned() }
    }

    /// An RRC message of the epoch in use; its receiver takes it, unless `verdict` says something else.
    pub fn rrc(&mut self, direction: LinkDirection, message: Vec<u8>, verdict: Option<&str>) -> u64 {
        let mut epoch = self.epoch.clone();
        let (octets, count) = self.rrc_frame(&mut epoch, direction, message);
        self.epoch = epoch;
        self.air(octets, direction, count, verdict)
    }

    /// A user packet of the epoch in use.
    pub fn packet(&mut self, direction: LinkDirection, number: u8) -> u64 {
        let mut epoch = self.epoch.clone();
        let (octets, count) = self.packet_frame(&mut epoch, direction, packet(number));
        self.epoch = epoch;
        self.air(octets, direction, count, None)
    }

    fn air(&mut self, octets: Vec<u8>, direction: LinkDirection, count: u32, verdict: Option<&str>) -> u64 {
        let said = verdict.map_or_else(|| format!("accepted: COUNT {count}"), str::to_owned);
        let receiver = self.receiver(&self.epoch, direction);
        let interface = format!("uu:ue1-enb{}", self.epoch.cell);
        self.push(&interface, octets, format!("protected; {receiver}: {said}"))
    }

    pub fn report(&mut self, cell: u16) -> u64 {
        let neighbour = NeighbourMeasurement { cell: pci(cell), rsrp: Some(60), rsrq: Some(20) };
        let neighbours = vec![neighbour];
        let report = MeasurementReport { measurement: 1, rsrp: 40, rsrq: 15, neighbours };
        self.rrc(UP, UlDcchMessage::MeasurementReport(report).octets().unwrap(), None)
    }

    /// The octets of a core frame.
    fn core(&mut self, from: Ipv4Addr, to: Ipv4Addr, payload: impl FnOnce(u16) -> CorePayload) -> Vec<u8> {
        let sent = self.sent.entry((from, to)).or_default();
        *sent += 1;
        let number = *sent;
        let frame = CoreFrame { from: endpoint(from), to: endpoint(to), payload: payload(number) };
        frame.octets(number).unwrap()
    }

    fn name(&self, ip: Ipv4Addr) -> String {
        self.log.nodes.iter().find(|node| node.ip == Some(ip)).unwrap().name.clone()
    }

    fn sctp(&mut self, from: Ipv4Addr, to: Ipv4Addr, (port, protocol): (u16, u32), user_data: Vec<u8>) -> Vec<u8> {
        self.core(from, to, |number| {
            let data = DataChunk { tsn: number.into(), stream: 0, sequence: number, protocol, user_data };
            CorePayload::Sctp(SctpPacket { source: port, destination: port, tag: 1, data })
        })
    }

    pub fn s1(&mut self, from: Ipv4Addr, to: Ipv4Addr, message: impl Into<S1apMessage>) -> u64 {
        let message = message.into();
        let octets = self.sctp(from, to, (S1AP_PORT, S1AP_PROTOCOL), message.octets().unwrap());
        let [_, _, network, cell] = if from.octets()[2] == 1 { from.octets() } else { to.octets() };
        assert_eq!(network, 1);
        let comment = format!("{}; {}: accepted: {}", message.name(), self.name(to), message.name());
        self.push(&format!("s1:enb{cell}-mme1"), octets, comment)
    }

    pub fn x2(&mut self, from: Ipv4Addr, to: Ipv4Addr, message: impl Into<X2apMessage>) -> u64 {
        let message = message.into();
        let octets = self.sctp(from, to, (X2AP_PORT, X2AP_PROTOCOL), message.octets().unwrap());
        let comment = format!("X2 {}; {}: accepted: {}", message.name(), self.name(to), message.name());
        self.push("x2", octets, comment)
    }

    /// A NAS message of the MME or the UE, protected.
    pub fn nas(&mut self, direction: LinkDirection, message: &EmmMessage) -> Vec<u8> {
        let count = self.nas_count[direction as usize];
        self.nas_count[direction as usize] += 1;
        let key = |key_use| algorithm_key(self.kasme.octets(), key_use, AlgorithmId::Aes as u8);
        let mut octets = message.octets().unwrap();
        eea2(&key(KeyUse::NasEnc), count, 0, direction, &mut octets);
        let header = SecurityHeader::IntegrityCiphered;
        let mut nas = ProtectedNas { header, mac: [0; 4], sequence_number: (count & 0xff) as u8, message: octets };
        nas.mac = eia2(&key(KeyUse::NasInt), count, 0, direction, &nas.integrity_input());
        nas.octets().unwrap()
    }

    /// INDICATION and PARA for the UE.
    pub fn nas_of_para(&mut self, para: &[u8]) -> Vec<u8> {
        let parameters = HandoverParameters { indication: Indication::Mme, para: para.to_vec() };
        let container = GenericContainer::of_handover_parameters(&parameters).unwrap();
        self.nas(DOWN, &EmmMessage::DownlinkGenericTransport(container))
    }

    pub fn command_message(
        &self,
        cell: u16,
        c_rnti: u16,
        algorithms: Option<SecurityAlgorithms>,
        ncc: Ncc,
        nas: Vec<Vec<u8>>,
    ) -> Vec<u8> {
        let mobility = MobilityControlInfo { target: pci(cell), carrier: None, t304: T304::Ms200, c_rnti };
        let security = SecurityConfigHo { algorithms, key_change: false, next_hop_chaining_count: ncc };
        let command = RrcConnectionReconfiguration {
            transaction: 1,
            mobility: Some(mobility),
            nas,
            bearer: None,
            security: Some(security),
        };
        DlDcchMessage::Reconfiguration(command).octets().unwrap()
    }

    /// The request and the answer over X2; the frames of both.
    pub fn prepare_x2(&mut self, target: u16, c_rnti: u16, star: &KenbStar, ncc: Ncc) -> (u64, u64) {
        let (source, old_id) = (self.epoch.cell, X2apUeId::new(self.epoch.cell).unwrap());
        let request = x2ap::HandoverRequest {
            old_id,
            cause: x2ap::X2apCause::RadioNetwork(x2ap::RadioNetworkCause::HandoverDesirableForRadioReasons),
            target_cell: ecgi(target),
            mme: Gummei { plmn: plmn(), group: MmeGroupId(1), code: MmeCode(1) },
            mme_ue_id: ids(source).mme,
            capabilities: capabilities(),
            kenb_star: star.clone(),
            ncc,
            bearers: vec![Erab { ebi: Ebi::FIRST, tunnel: tunnel(1) }],
            rrc_context: HandoverPreparationInformation::default().octets().unwrap(),
            source_cell: ecgi(source),
        };
        let request = self.x2(enb(source), enb(target), request);
        let message = self.command_message(target, c_rnti, None, ncc, Vec::new());
        let answer = x2ap::HandoverRequestAcknowledge {
            old_id,
            new_id: X2apUeId::new(target).unwrap(),
            admitted: vec![x2ap::AdmittedBearer { ebi: Ebi::FIRST, forwarding: None }],
            container: rrc::HandoverCommand { message }.octets().unwrap(),
        };
        (request, self.x2(enb(target), enb(source), answer))
    }

    fn prepare_s1(&mut self, target: u16, c_rnti: u16, security: SecurityContext, nas: Option<Vec<u8>>) {
        let source = self.epoch.cell;
        let rrc = HandoverPreparationInformation::default().octets().unwrap();
        let (target_cell, source_cell) = (ecgi(target), ecgi(source));
        let container = SourceToTargetContainer { rrc, bearers: vec![Ebi::FIRST], target_cell, source_cell };
        let container = container.octets().unwrap();
        let cause = Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason);
        let required = s1ap::HandoverRequired {
            ue: ids(source),
            cause: cause.clone(),
            target: GlobalEnbId { plmn: plmn(), enb: EnbId::new(target.into()).unwrap() },
            target_tai: tai(),
            container: container.clone(),
        };
        self.s1(enb(source), MME, required);
        let ncc = security.ncc;
        let request = s1ap::HandoverRequest {
            mme_ue_id: ids(source).mme,
            cause,
            bearers: vec![Erab { ebi: Ebi::FIRST, tunnel: tunnel(1) }],
            container,
            capabilities: capabilities(),
            security,
        };
        self.s1(MME, enb(target), request);
        let message = self.command_message(target, c_rnti, None, ncc, Vec::new());
        let rrc = rrc::HandoverCommand { message }.octets().unwrap();
        let container = TargetToSourceContainer { rrc }.octets().unwrap();
        let admitted = vec![Erab { ebi: Ebi::FIRST, tunnel: tunnel(2) }];
        let answer = s1ap::HandoverRequestAcknowledge { ue: ids(target), admitted, container: container.clone() };
        self.s1(enb(target), MME, answer);
        let command = s1ap::HandoverCommand { ue: ids(source), nas_security_parameters: nas, container };
        self.s1(MME, enb(source), command);
    }

    /// A handover, from the report to the first packets in the target cell; the frame of the command.
    pub fn hand_over(&mut self, how: How, target: u16, twist: Twist) -> u64 {
        let hop = self.last_epoch;
        let c_rnti = twist.c_rnti.unwrap_or(FIRST_C_RNTI + hop);
        self.report(target);
        let (kenb, cell) = (self.epoch.kenb.clone(), pci(target).get());
        let standard = |star: &KenbStar| Kenb::from_octets(*star.octets());
        let (of_ue, of_enb, mut ncc, nas) = match how {
            How::Chained => {
                let star = self.how.chained(&kenb);
                self.log_star(target, &star);
                self.prepare_x2(target, c_rnti, &star, Ncc::new(0));
                let next = self.how.target(&star, CRnti::Bits16(c_rnti));
                (next.clone(), next, Ncc::new(0), Vec::new())
            }
            How::MmeInvolved => {
                let para = twist.para.unwrap_or([u8::try_from(hop).unwrap(); 16]);
                let star = self.how.mme_involved(&self.kasme, &para).unwrap();
                self.log_star(target, &star);
                let nas = self.nas_of_para(&para);
                let next_hop = Nh::from_octets(*star.octets());
                let security = SecurityContext { ncc: Ncc::new(1), next_hop };
                self.prepare_s1(target, c_rnti, security, Some(nas.clone()));
                let of_enb = self.how.target(&star, CRnti::Bits16(c_rnti));
                let flipped = self.how.target(&self.how.chained(&kenb), CRnti::Bits16(c_rnti));
                let of_ue = if twist.flips_indication { flipped } else { of_enb.clone() };
                (of_ue, of_enb, Ncc::new(1), vec![nas])
            }
            How::NextHopX2 => {
                let (star, ncc) = match self.fresh.take() {
                    Some((nh, ncc)) => (vertical(&nh, cell, earfcn(target)), ncc),
                    None => (horizontal(&kenb, cell, earfcn(target)), self.ncc),
                };
                let star = KenbStar::from_octets(*star.octets());
                self.log_star(target, &star);
                self.prepare_x2(target, c_rnti, &star, ncc);
                (standard(&star), standard(&star), ncc, Vec::new())
            }
            How::NextHopS1 => {
                let (next_hop, ncc) = self.next_hop();
                let next = vertical(&next_hop, cell, earfcn(target));
                self.prepare_s1(target, c_rnti, SecurityContext { ncc, next_hop }, None);
                (next.clone(), next, ncc, Vec::new())
            }
        };
        self.ncc = ncc;
        if twist.flips_indication {
            ncc = Ncc::new(u32::from(ncc.get() ^ 1));
        }
        let message = self.command_message(target, c_rnti, None, ncc, nas);
        let command = self.rrc(DOWN, message, twist.denied.then_some("refused: it does not want to"));
        let differ = of_ue != of_enb;
        if differ {
            self.arrive(target, c_rnti, &of_enb, KenbHolder::Enb);
        }
        self.arrive(target, c_rnti, &of_ue, if differ { KenbHolder::Ue } else { KenbHolder::Both });
        let confirm = UlDcchMessage::ReconfigurationComplete { transaction: 1 }.octets().unwrap();
        if differ {
            self.rrc(UP, confirm, Some("dropped: the MAC is wrong under COUNT 0"));
            return command;
        }
        self.rrc(UP, confirm, None);
        if self.standard && matches!(how, How::NextHopX2) {
            let (next_hop, ncc) = self.next_hop();
            self.fresh = Some((next_hop.clone(), ncc));
            let security = SecurityContext { ncc, next_hop };
            self.s1(MME, enb(target), s1ap::PathSwitchRequestAcknowledge { ue: ids(target), security });
        }
        for (number, direction) in [(1, UP), (2, DOWN), (3, UP)] {
            self.packet(direction, u8::try_from(hop).unwrap() * 10 + number);
        }
        command
    }

    fn log_star(&mut self, target: u16, star: &KenbStar) {
        let validity = Validity { from: Some(VirtualTime::from_nanos(self.now)), until: None };
        let record = KenbStarRecord { ue: imsi(), cell: pci(target), validity, key: star.clone() };
        self.log.eps.push(EpsKeyRecord::KenbStar(record));
    }

    fn next_hop(&mut self) -> (Nh, Ncc) {
        let (key, ncc) = self.chain.advance(&self.kasme);
        let validity = Validity { from: Some(VirtualTime::from_nanos(self.now)), until: None };
        self.log.eps.push(EpsKeyRecord::Nh(NhRecord { ue: imsi(), ncc, validity, key: key.clone() }));
        (key, ncc)
    }

    /// A new epoch in use.
    pub fn arrive(&mut self, cell: u16, c_rnti: u16, kenb: &Kenb, holder: KenbHolder) {
        self.last_epoch += 1;
        let (ue_id, counts) = (self.last_epoch, BTreeMap::new());
        let keys = AsKeys::derive(kenb, AES.ciphering, AES.integrity);
        let epoch = Epoch { ue_id, cell, c_rnti, kenb: kenb.clone(), keys, counts };
        let ncc = self.ncc;
        self.log_epoch(&epoch, holder, ncc);
        self.annotate(&epoch);
        self.epoch = epoch;
    }

    /// The eNB takes the UE back into its cell; the new KeNB of the standard. The frame of its answer.
    pub fn take_back(&mut self) -> u64 {
        let answer = DlCcchMessage::Reestablishment { transaction: 0, next_hop_chaining_count: self.ncc };
        let epoch = self.epoch.clone();
        let mac_pdu = MacPdu { lcid: LCID_CCCH, sdu: answer.octets().unwrap(), padding: 0 }.octets().unwrap();
        let (c_rnti, ue_id) = (epoch.c_rnti, UeId(0));
        let frame = RadioFrame { direction: DOWN, c_rnti, ue_id, frame_number: 1, subframe: 1, mac_pdu };
        let record = frame.octets().unwrap();
        let octets = in_upper_pdu(radio_frame::DISSECTOR, enb(epoch.cell), UE, &record).unwrap();
        let comment = "RRCConnectionReestablishment; ue1: accepted: RRCConnectionReestablishment";
        let frame = self.push(&format!("uu:ue1-enb{}", epoch.cell), octets, comment);
        if self.standard {
            let kenb = horizontal(&epoch.kenb, epoch.cell, earfcn(epoch.cell));
            self.arrive(epoch.cell, c_rnti, &kenb, KenbHolder::Both);
        }
        let complete = UlDcchMessage::ReestablishmentComplete { transaction: 0 };
        self.rrc(UP, complete.octets().unwrap(), None);
        frame
    }

    /// The context of the UE goes to another MME.
    pub fn relocate(&mut self, kasme: &Kasme) -> u64 {
        let context = MmContext {
            ksi: KsiAsme::new(1),
            integrity: AlgorithmId::Aes,
            ciphering: AlgorithmId::Aes,
            downlink_count: self.nas_count[1],
            uplink_count: self.nas_count[0],
            kasme: kasme.clone(),
            next_hop: None,
            quadruplets: Vec::new(),
            ue_network_capability: capabilities().nas_octets().to_vec(),
        };
        let request = ForwardRelocationRequest {
            imsi: imsi(),
            sender: tunnel(9),
            connections: Vec::new(),
            sgw: tunnel(8),
            mm_context: context,
            container: vec![0; 4],
            target: GlobalEnbId { plmn: plmn(), enb: EnbId::new(3).unwrap() },
            target_tai: tai(),
            cause: FCause { group: 0, value: 0 },
            up: None,
            origin: None,
        };
        let body = Gtpv2Body::ForwardRelocationRequest(request);
        let payload = Gtpv2Message { teid: Teid(0), sequence: 1, body }.octets().unwrap();
        let (source, destination) = (GTPV2_PORT, GTPV2_PORT);
        let octets = self.core(MME, OTHER_MME, |_| CorePayload::Udp(UdpDatagram { source, destination, payload }));
        self.push("s10:mme1-mme2", octets, "Forward Relocation Request; mme2: accepted")
    }

    /// A downlink NAS message over S1 and the air; the frames of both.
    pub fn downlink_nas(&mut self, message: &EmmMessage) -> (u64, u64) {
        let nas = self.nas(DOWN, message);
        let ue = ids(self.epoch.cell);
        let first = self.s1(MME, enb(self.epoch.cell), s1ap::DownlinkNasTransport { ue, nas_pdu: nas.clone() });
        (first, self.rrc(DOWN, DlDcchMessage::InformationTransfer { transaction: 0, nas }.octets().unwrap(), None))
    }

    /// An uplink NAS message over the air and S1; the frames of both.
    pub fn uplink_nas(&mut self, message: &EmmMessage) -> (u64, u64) {
        let nas = self.nas(UP, message);
        let first = self.rrc(UP, UlDcchMessage::InformationTransfer { nas: nas.clone() }.octets().unwrap(), None);
        let (ue, cell) = (ids(self.epoch.cell), ecgi(self.epoch.cell));
        let message = s1ap::UplinkNasTransport { ue, nas_pdu: nas, cell, tai: tai() };
        (first, self.s1(enb(self.epoch.cell), MME, message))
    }
}

/// A walk through the cells 2, 3, 4, 1, 2.
pub fn walk(how: How) -> Film {
    let mut film = Film::new(matches!(how, How::NextHopX2 | How::NextHopS1)).in_one_group();
    film.packet(UP, 1);
    film.packet(DOWN, 2);
    for target in [2, 3, 4, 1, 2] {
        film.hand_over(how, target, Twist::default());
    }
    film
}
