//! An adversary that makes frames of its own, and the run of a network with it. A script cannot say what is in a forged
//! frame, so this world is driven by hand; it has no capture, only what its nodes report.

use std::collections::BTreeMap;
use std::time::Duration;

use keyhop::dot16::identifiers::{AkSequenceNumber, Cid, CmacKeyCount, Direction};
use keyhop::dot16::node::{Command, Event, Outcome, What};
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu, ManagementMessage, RngReq, RngReqTlv};
use keyhop::emulation::{Adversary, Engine, Fate, Injection, NodeIndex, Observer, Port, Transmission, Verdict};
use keyhop::scenario::script::Script;
use keyhop::scenario::world::{Topology, build};
use keyhop::time::VirtualTime;

use crate::scripts::ms;

/// The frames to be sent, by instant.
struct Forger(BTreeMap<VirtualTime, Vec<Injection>>);

impl Adversary for Forger {
    fn tap(&mut self, _: VirtualTime, _: Port, _: NodeIndex, _: &[u8]) -> Fate {
        Fate::pass()
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.0.keys().next().copied()
    }

    fn act(&mut self, _: VirtualTime) -> Vec<Injection> {
        self.0.pop_first().map(|(_, frames)| frames).unwrap_or_default()
    }
}

/// What the nodes reported.
#[derive(Default)]
pub struct Reported {
    /// When user packets came out.
    pub packets: Vec<(VirtualTime, Direction)>,
    /// T_B as base stations (by node) took it into use; none where the context was gone.
    pub t_b: Vec<(VirtualTime, NodeIndex, Option<u16>)>,
    /// N.
    pub n: Vec<u16>,
    /// How handovers and re-entries ended.
    pub ends: Vec<Outcome>,
    /// What became of the forged frames.
    pub verdicts: Vec<Verdict>,
}

impl Observer<Event> for Reported {
    fn transmission(&mut self, transmission: Transmission) {
        if transmission.note == "forged" {
            self.verdicts.extend(transmission.verdicts);
        }
    }

    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: Event) {
        match event.what {
            What::PacketOut { direction, .. } => self.packets.push((now, direction)),
            What::TrafficCount { at_mobile: false, count, .. } => {
                self.t_b.push((now, node, count.map(|count| count.0)));
            }
            What::NetworkCount(n) => self.n.push(n.0),
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

/// An RNG-REQ of ms1 on the initial ranging connection that claims `count`, with a CMAC that nobody has computed.
fn forged_rng_req(script: &Script, count: u16) -> Vec<u8> {
    let tuple = CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(0), bsid: None, pn: 77, value: *b"whatever" };
    let tlvs = vec![
        RngReqTlv::SsMacAddress(script.mobile_stations[0].mac),
        RngReqTlv::RangingPurpose(RngReq::PURPOSE_HANDOVER),
        RngReqTlv::CmacKeyCount(CmacKeyCount(count)),
        RngReqTlv::CmacTuple(tuple),
    ];
    let message = ManagementMessage::RngReq(RngReq { reserved: 0, tlvs }).octets().unwrap();
    let header = GenericMacHeader { crc_present: true, ..GenericMacHeader::new(Cid::INITIAL_RANGING) };
    MacPdu::build(header, &message, Some(CrcForm::MsbFirst)).unwrap()
}

/// Runs a script for 2.5 s with a packet in each direction every 20 ms, and with forged RNG-REQs: when (milliseconds), at
/// which base station (its position in the script), with which count.
pub fn run_with_forged_rng_reqs(script: &Script, forged: &[(u64, usize, u16)]) -> Reported {
    let mut world = build(script);
    let mut frames = BTreeMap::<VirtualTime, Vec<Injection>>::new();
    for &(at, station, count) in forged {
        frames.entry(ms(at)).or_default().push(Injection {
            port: world.topology.air_port(0, station),
            to: world.topology.base_station(station),
            octets: forged_rng_req(script, count),
            note: "forged".to_owned(),
            attack: 0,
        });
    }
    world.emulation.set_adversary(Forger(frames));
    let mobile = world.topology.mobile(0);
    for number in 0..100u8 {
        let at = ms(100) + Duration::from_millis(20) * u32::from(number);
        let packet = vec![number; 100];
        let downlink = Command::Downlink { ms: world.topology.macs[0], packet: packet.clone() };
        world.emulation.schedule(at, mobile, Command::Uplink(packet));
        world.emulation.schedule(at, Topology::GATEWAY, downlink);
    }
    let mut reported = Reported::default();
    world.emulation.run(Engine::Inline, ms(2_500), &mut reported);
    reported
}
