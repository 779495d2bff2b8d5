//! An adversary that makes and changes frames, and the run of a network with it. A script cannot say what is in a forged
//! frame, so this world is driven by hand; it has no capture, only what its nodes report.

use std::collections::BTreeMap;
use std::time::Duration;

use keyhop::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction};
use keyhop::dot16::node::{Command, Event, HandoverMode, Outcome, What};
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu, ManagementMessage, RngReq, RngReqTlv};
use keyhop::emulation::{Adversary, Engine, Fate, Injection, NodeIndex, Observer, Port, Transmission, Verdict};
use keyhop::scenario::script::Script;
use keyhop::scenario::work::WorkLog;
use keyhop::scenario::world::{Topology, World, build};
use keyhop::time::VirtualTime;

use crate::scripts::ms;

/// A frame on the air that nobody but the adversary has sent.
pub struct Forged {
    /// When, in milliseconds.
    pub at: u64,
    /// The base station at one end, by its position in the script; ms1 is at the other.
    pub station: usize,
    /// Which of the two receives it.
    pub direction: Direction,
    pub octets: Vec<u8>,
}

/// What the adversary puts in place of a frame, if anything.
type Exchange = Box<dyn FnMut(&[u8]) -> Option<Vec<u8>> + Send>;

struct Forger {
    frames: BTreeMap<VirtualTime, Vec<Injection>>,
    exchange: Exchange,
}

impl Adversary<Event> for Forger {
    fn tap(&mut self, _: VirtualTime, _: Port, _: NodeIndex, octets: &[u8]) -> Fate {
        (self.exchange)(octets).map_or_else(Fate::pass, Fate::replaced)
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.frames.keys().next().copied()
    }

    fn act(&mut self, _: VirtualTime) -> Vec<Injection> {
        self.frames.pop_first().map(|(_, frames)| frames).unwrap_or_default()
    }
}

/// What the nodes reported.
#[derive(Default)]
pub struct Reported {
    /// When user packets came out.
    pub packets: Vec<(VirtualTime, Direction)>,
    /// When user PDUs were accepted, and at which end of which air link.
    pub accepted: Vec<(VirtualTime, Bsid, Direction)>,
    /// When an RNG-REQ that verifies reached a base station.
    pub ranging: Vec<(VirtualTime, Bsid)>,
    /// T_B as base stations (by node) took it into use; none where the context was gone.
    pub t_b: Vec<(VirtualTime, NodeIndex, Option<u16>)>,
    /// N.
    pub n: Vec<u16>,
    /// The modes that handovers were agreed in.
    pub modes: Vec<HandoverMode>,
    /// Registrations of ms1: whether seamless handover was agreed.
    pub registered: Vec<bool>,
    /// How handovers and re-entries ended.
    pub ends: Vec<Outcome>,
    /// What became of the forged frames.
    pub verdicts: Vec<Verdict>,
    /// What the nodes had to do.
    pub work: WorkLog,
}

/// Marks a forged frame.
pub const NOTE: &str = "forged";

impl Observer<Event> for Reported {
    fn transmission(&mut self, transmission: Transmission) {
        if transmission.note == NOTE {
            self.verdicts.extend(transmission.verdicts);
        }
    }

    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: Event) {
        self.work.event(now, node, event.ms, &event.what);
        match event.what {
            What::PacketOut { direction, .. } => self.packets.push((now, direction)),
            What::DataAccepted { bs, direction, .. } => self.accepted.push((now, bs, direction)),
            What::RangingRequest { bs } => self.ranging.push((now, bs)),
            What::TrafficCount { at_mobile: false, count, .. } => {
                self.t_b.push((now, node, count.map(|count| count.0)));
            }
            What::NetworkCount(n) => self.n.push(n.0),
            What::HandoverAgreed { mode, .. } => self.modes.push(mode),
            What::Registered { seamless, .. } => self.registered.push(seamless),
            What::HandoverEnded { outcome, .. } => self.ends.push(outcome),
            _ => {}
        }
    }

    fn finished(&self, _: VirtualTime) -> bool {
        false
    }
}

impl Reported {
    /// How many user packets came out in this time, in milliseconds.
    pub fn packets_between(&self, from: u64, until: u64) -> usize {
        self.packets.iter().filter(|(time, _)| (ms(from)..ms(until)).contains(time)).count()
    }
}

/// Runs a script for 2.5 s, with a packet in each direction every 20 ms from 0.1 s to 2.1 s.
pub fn run_with_forger(
    script: &Script,
    forged: impl IntoIterator<Item = Forged>,
    exchange: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> Reported {
    let world = build(script);
    let mut frames = BTreeMap::<VirtualTime, Vec<Injection>>::new();
    for Forged { at, station, direction, octets } in forged {
        let to = match direction {
            Direction::Uplink => world.topology.base_station(station),
            Direction::Downlink => world.topology.mobile(0),
        };
        let port = world.topology.air_port(0, station);
        frames.entry(ms(at)).or_default().push(Injection { port, to, octets, note: NOTE.to_owned(), attack: 0 });
    }
    run_world(world, frames, exchange)
}

/// The same with frames on any link; the note of a forged one is [`NOTE`].
pub fn run_world(
    mut world: World,
    frames: BTreeMap<VirtualTime, Vec<Injection>>,
    exchange: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> Reported {
    world.emulation.set_adversary(Forger { frames, exchange: Box::new(exchange) });
    let mobile = world.topology.mobile(0);
    for number in 0..100u8 {
        let at = ms(100) + Duration::from_millis(20) * u32::from(number);
        let packet = vec![number; 100];
        let downlink = Command::Downlink { ms: world.topology.macs()[0], packet: packet.clone() };
        world.emulation.schedule(at, mobile, Command::Uplink(packet));
        world.emulation.schedule(at, Topology::GATEWAY, downlink);
    }
    let mut reported = Reported::default();
    world.emulation.run(Engine::Inline, ms(2_500), &mut reported);
    reported
}

/// The same with forged RNG-REQs only: when (milliseconds), at which base station (its position), with which count. They
/// come on the initial ranging connection, and their CMAC is one that nobody has computed.
pub fn run_with_forged_rng_reqs(script: &Script, forged: &[(u64, usize, u16)]) -> Reported {
    let frames = forged.iter().map(|&(at, station, count)| {
        let tuple = CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(0), bsid: None, pn: 77, value: *b"whatever" };
        let tlvs = vec![
            RngReqTlv::SsMacAddress(script.mobile_stations[0].mac),
            RngReqTlv::RangingPurpose(RngReq::PURPOSE_HANDOVER),
            RngReqTlv::CmacKeyCount(CmacKeyCount(count)),
            RngReqTlv::CmacTuple(tuple),
        ];
        let message = ManagementMessage::RngReq(RngReq { reserved: 0, tlvs: tlvs.into() }).octets().unwrap();
        let octets = pdu(Cid::INITIAL_RANGING, &message);
        Forged { at, station, direction: Direction::Uplink, octets }
    });
    run_with_forger(script, frames, |_| None)
}

/// A PDU without encryption, with CRC.
pub fn pdu(cid: Cid, body: &[u8]) -> Vec<u8> {
    MacPdu::build(GenericMacHeader { crc_present: true, ..GenericMacHeader::new(cid) }, body, Some(CrcForm::MsbFirst))
        .unwrap()
}
