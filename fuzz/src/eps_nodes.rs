//! A small network of EPS (UEs, eNBs, MMEs, gateway) with the fuzzer at its air and wires: frames are lost, late, doubled, changed,
//! played again, and exchanged for others.
//!
//! Crypto is real, and the fuzzer has no key. S1, X2 and GTP are not protected in this network: who changes them can make anything
//! of it. So what holds goes by what was done:
//!
//! * Whatever is done: no panic, no end of frames, and every frame of a node reads and writes back.
//! * Anything on the air, and on the wires losses, delays and copies: no (key, bearer, direction, COUNT) is used twice.
//! * Anything on the air, and losses on the wires: each handover that was begun has ended; exactly once if the wires lose nothing.
//! * Losses alone: a user packet comes out once at the most, and as it went in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyhop::emulation::{Fate, NodeIndex};
use keyhop::eps::node::{Command, Scheme, Schemes, What};
use keyhop::eps::parameters::{Algorithms, LinkDirection};
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::{
    CoreFrame, CorePayload, DiameterMessage, GbMessage, GeranFrame, GtpuPacket, Gtpv1Message, Gtpv2Message, IuMessage,
    S1apMessage, UtranFrame, X2apMessage,
};
use keyhop::time::VirtualTime;

use crate::choices::Choices;
use crate::eps_network::{Access, NULL_CIPHERING, Plan, Seen, To, imsi, packet, pci, utran_pci};
use crate::{eps_core_frames, eps_radio};

/// Most steps of an input.
const STEPS: usize = 24;
/// How long the network has after the last of them, in milliseconds.
const REST: u64 = 6_000;
/// Frames that can be played again.
const REMEMBERED: usize = 256;
/// Frames of a run: a step, and what is done to a frame, do not make many.
const FRAMES: usize = 4_000;

/// Runs a network: the first octet says which, the second how many steps there are, two octets each; what follows is done to its
/// frames.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let first = choices.any();
    let mut plan = Plan {
        cells: 2 + usize::from(first >> 3 & 1),
        mmes: 1 + usize::from(first >> 4 & 1),
        ues: 1 + usize::from(first >> 5 & 1),
        ..Plan::new(match first & 7 {
            0 | 5 => Schemes::Always(Scheme::Chained),
            1 | 6 => Schemes::Always(Scheme::MmeInvolved),
            2 | 7 => Schemes::Always(Scheme::NextHopX2),
            3 => Schemes::Always(Scheme::NextHopS1),
            _ => Schemes::Grouped,
        })
    };
    if first & 7 > 4 {
        plan.enb_algorithms = vec![vec![Algorithms::AES], vec![NULL_CIPHERING]];
    }
    let reach = Reach::of(first >> 6);
    let ues = plan.ues;
    let (seen, sent, harm) = attacked(plan, reach, &mut choices);
    holds(&seen, ues, &sent, harm);
}

/// Runs a network: steps and what is done to frames are what is left of the input.
pub fn attacked(plan: Plan, reach: Reach, choices: &mut Choices<'_>) -> (Seen, Sent, Harm) {
    let (plan, sent) = with_steps(plan, choices);
    let harm = Arc::new(Mutex::new(Harm::default()));
    let mut adversary = Adversary {
        octets: choices.rest().to_vec(),
        at: 0,
        passing: 0,
        reach,
        remembered: Vec::new(),
        harm: Arc::clone(&harm),
    };
    let seen = plan.run_with(move |_: VirtualTime, to, octets| adversary.fate(to, octets));
    let harm = *harm.lock().expect("nobody panicked");
    if std::env::var_os("KEYHOP_FUZZ_STORY").is_some() {
        tell_story(&seen, harm);
    }
    assert!(seen.transmissions.len() < FRAMES, "{} frames", seen.transmissions.len());
    (seen, sent, harm)
}

/// What came of an input, on standard error: every frame, by time, receiver and name, and what handovers came to.
fn tell_story(seen: &Seen, harm: Harm) {
    for sent in &seen.transmissions {
        let (time, to, note) = (sent.time.as_nanos() / 1_000, sent.to, &sent.note);
        eprintln!("{time} us, to {to:?}: {note}{}", if sent.lost { ", lost" } else { "" });
    }
    for (time, node, event) in &seen.events {
        if let What::HandoverBegun { .. } | What::HandoverEnded { .. } | What::Dropped(_) = event.what {
            eprintln!("{} us, {node:?}: {:?}", time.as_nanos() / 1_000, event.what);
        }
    }
    eprintln!("{} frames, {harm:?}", seen.transmissions.len());
}

/// The packets that go in, by UE and direction.
pub type Sent = BTreeMap<(usize, LinkDirection), Vec<Vec<u8>>>;

/// What the nodes are told, and when.
fn with_steps(mut plan: Plan, choices: &mut Choices<'_>) -> (Plan, Sent) {
    let mut sent = Sent::new();
    let mut now = 10;
    for number in 0..choices.below(STEPS + 1) as u64 {
        let (what, wait) = (choices.any(), choices.any());
        now += u64::from(wait);
        let ue = usize::from(what >> 2 & 1) % plan.ues;
        let cell = match usize::from(what >> 3 & 3) % (plan.cells + plan.utran_cells) {
            cell if cell < plan.cells => pci(cell),
            cell => utran_pci(cell - plan.cells),
        };
        let mut going = |direction| {
            let packet = packet(number);
            sent.entry((ue, direction)).or_default().push(packet.clone());
            packet
        };
        let (to, command) = match what & 3 {
            0 => (To::Ue(ue), Command::Measure(cell)),
            1 => (To::Ue(ue), Command::Uplink(going(LinkDirection::Uplink))),
            2 => (To::Gateway, Command::Downlink(imsi(ue), going(LinkDirection::Downlink))),
            _ if what & 0x40 != 0 && plan.authentication.is_some() => {
                let of_sgsn = matches!(plan.begins_off, Some(Access::Umts | Access::Gprs));
                let core = if of_sgsn { To::Sgsn(0) } else { To::Mme(0) };
                (core, Command::Authenticate(imsi(ue)))
            }
            _ if plan.begins_off.is_some() => (To::Ue(ue), Command::Attach),
            _ if what & 0x20 != 0 => (To::Mme(0), Command::ChangeNasAlgorithms(imsi(ue), Algorithms::AES)),
            _ => (To::Ue(ue), Command::Measure(cell)),
        };
        plan = plan.command(now, to, command);
    }
    plan.ends = now + REST;
    (plan, sent)
}

impl Reach {
    /// By two bits.
    pub fn of(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Air,
            1 => Self::AirAndLosses,
            _ => Self::Everything,
        }
    }
}

/// Where the fuzzer may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anything on the air.
    Air,
    /// Besides, frames are lost on the wires.
    AirAndLosses,
    /// Anything.
    Everything,
}

/// The worst that was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worst {
    #[default]
    Nothing,
    Lost,
    /// Late, or more than once, or both.
    Again,
    /// Other octets.
    Changed,
}

/// What was done to the air and to the wires.
#[derive(Clone, Copy, Debug, Default)]
pub struct Harm {
    pub air: Worst,
    pub wires: Worst,
}

fn holds(seen: &Seen, ues: usize, sent: &Sent, harm: Harm) {
    if harm.wires < Worst::Changed {
        no_count_is_used_twice(seen);
    }
    for ue in 0..ues {
        let (begun, ended) = (seen.begun(ue).len(), seen.ends(ue).len());
        match harm.wires {
            Worst::Nothing => assert_eq!(begun, ended, "handovers of UE {ue}: {:?}", seen.ends(ue)),
            Worst::Lost => assert!(begun <= ended, "handovers of UE {ue}: {begun} begun, {:?}", seen.ends(ue)),
            Worst::Again | Worst::Changed => {}
        }
        if harm.air <= Worst::Lost && harm.wires <= Worst::Lost {
            for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
                let mut left = sent.get(&(ue, direction)).cloned().unwrap_or_default();
                for packet in seen.packets(ue, direction) {
                    let place = left.iter().position(|sent| *sent == packet);
                    left.swap_remove(place.expect("a packet as it went in, once"));
                }
            }
        }
    }
}

/// No (key, bearer, direction, COUNT) protects two things.
pub fn no_count_is_used_twice(seen: &Seen) {
    let mut first = BTreeMap::new();
    for (time, node, event) in &seen.events {
        if let What::Protected { key, bearer, direction, count } = &event.what {
            let before = first.insert((*key.octets(), *bearer, *direction, *count), (time, node));
            assert!(
                before.is_none(),
                "bearer {bearer}, {direction:?}, COUNT {count} of {} at {before:?} and {:?}",
                event.ue,
                (time, node)
            );
        }
    }
}

/// What is done to frames: the octets of an input, read frame by frame.
struct Adversary {
    octets: Vec<u8>,
    at: usize,
    /// Frames that pass before the next octet counts.
    passing: u32,
    reach: Reach,
    remembered: Vec<(NodeIndex, Vec<u8>)>,
    harm: Arc<Mutex<Harm>>,
}

impl Adversary {
    fn fate(&mut self, to: NodeIndex, octets: &[u8]) -> Fate {
        let air =
            RadioFrame::parse(octets).is_ok() || UtranFrame::parse(octets).is_ok() || GeranFrame::parse(octets).is_ok();
        reads_and_writes_back(octets, air);
        let (fate, worst) = self.decided(to, octets, air);
        if self.remembered.len() < REMEMBERED {
            self.remembered.push((to, octets.to_vec()));
        }
        let mut harm = self.harm.lock().expect("nobody panicked");
        let place = if air { &mut harm.air } else { &mut harm.wires };
        *place = worst.max(*place);
        fate
    }

    fn decided(&mut self, to: NodeIndex, octets: &[u8], air: bool) -> (Fate, Worst) {
        let untouched = (Fate::pass(), Worst::Nothing);
        if self.passing > 0 {
            self.passing -= 1;
            return untouched;
        }
        if !air && self.reach == Reach::Air {
            return untouched;
        }
        let rest = self.octets.get(self.at..).unwrap_or_default();
        let mut choices = Choices::new(rest);
        let what = choices.any();
        self.passing = u32::from(what >> 4).pow(2);
        let wanted = self.wanted(what & 15, to, octets, &mut choices);
        self.at = self.octets.len() - choices.rest().len();
        match wanted {
            (_, worst) if !air && self.reach == Reach::AirAndLosses && worst != Worst::Nothing => {
                (Fate::lost(), Worst::Lost)
            }
            wanted => wanted,
        }
    }

    fn wanted(&self, what: u8, to: NodeIndex, octets: &[u8], choices: &mut Choices<'_>) -> (Fate, Worst) {
        let replaced = |octets: Option<Vec<u8>>| match octets {
            Some(octets) => (Fate::replaced(octets), Worst::Changed),
            None => (Fate::pass(), Worst::Nothing),
        };
        match what {
            1 | 2 => (Fate::lost(), Worst::Lost),
            3 => (Fate { copies: vec![after(choices)], ..Fate::pass() }, Worst::Again),
            4 => (Fate { delay: after(choices), ..Fate::pass() }, Worst::Again),
            5 => (Fate { held: Some(choices.any().into()), ..Fate::pass() }, Worst::Again),
            6 => (Fate { inverted_bits: vec![choices.two().into()], ..Fate::pass() }, Worst::Changed),
            7 => replaced(self.earlier(Some(to), choices)),
            8 => replaced(self.earlier(None, choices)),
            9 => {
                let (fate, worst) = replaced(self.earlier(Some(to), choices));
                (Fate { inverted_bits: vec![choices.two().into()], ..fate }, worst.max(Worst::Changed))
            }
            10 => replaced(octets.get(..choices.any().into()).map(<[u8]>::to_vec)),
            11 => {
                let count = choices.any().into();
                replaced(Some(choices.octets(count).to_vec()))
            }
            12 => {
                let (place, change) = (choices.two(), choices.any());
                replaced(other_content(octets, |message| {
                    let place = usize::from(place).checked_rem(message.len()).unwrap_or_default();
                    if let Some(octet) = message.get_mut(place) {
                        *octet ^= change;
                    }
                }))
            }
            13 => {
                let length = choices.any();
                replaced(other_content(octets, |message| message.truncate(length.into())))
            }
            14 => {
                let earlier = self.earlier(Some(to), choices).and_then(|earlier| content(&earlier));
                replaced(earlier.and_then(|earlier| other_content(octets, |message| *message = earlier)))
            }
            15 => {
                let (c_rnti, count) = (choices.two(), choices.any());
                let also = Fate { copies: vec![Duration::from_millis(count.into())], ..Fate::pass() };
                let other = RadioFrame::parse(octets).and_then(|frame| RadioFrame { c_rnti, ..frame }.octets());
                let (fate, worst) = replaced(other.ok());
                (fate.and(also), worst.max(Worst::Again))
            }
            _ => (Fate::pass(), Worst::Nothing),
        }
    }

    /// A frame of before, to this node or to any.
    fn earlier(&self, to: Option<NodeIndex>, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        let fits = |(receiver, _): &&(NodeIndex, Vec<u8>)| to.is_none_or(|to| to == *receiver);
        self.remembered.iter().rev().filter(fits).nth(choices.any().into()).map(|(_, octets)| octets.clone())
    }
}

fn after(choices: &mut Choices<'_>) -> Duration {
    Duration::from_micros(u64::from(choices.two()) * 50)
}

/// The message or packet in a frame: the user data of SCTP, the payload of UDP, the MAC PDU.
fn content(octets: &[u8]) -> Option<Vec<u8>> {
    if let Ok(frame) = RadioFrame::parse(octets) {
        return Some(frame.mac_pdu);
    }
    Some(match CoreFrame::parse(octets).ok()?.payload {
        CorePayload::Sctp(packet) => packet.data.user_data,
        CorePayload::Udp(datagram) => datagram.payload,
        CorePayload::Esp(packet) => packet.sealed,
    })
}

/// The frame with another content, and right checksums; none if that cannot be.
fn other_content(octets: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<u8>> {
    if let Ok(mut frame) = RadioFrame::parse(octets) {
        change(&mut frame.mac_pdu);
        return frame.octets().ok();
    }
    let mut frame = CoreFrame::parse(octets).ok()?;
    match &mut frame.payload {
        CorePayload::Sctp(packet) => change(&mut packet.data.user_data),
        CorePayload::Udp(datagram) => change(&mut datagram.payload),
        CorePayload::Esp(packet) => change(&mut packet.sealed),
    }
    frame.octets(1).ok()
}

/// What a node sends is a frame, with a message in it that is one.
fn reads_and_writes_back(octets: &[u8], air: bool) {
    if air {
        return if RadioFrame::parse(octets).is_ok() {
            eps_radio::radio_frame(octets);
        } else if UtranFrame::parse(octets).is_ok() {
            eps_radio::utran_frame(octets);
        } else {
            eps_radio::geran_frame(octets);
        };
    }
    eps_core_frames::frame(octets);
    let is_message = match CoreFrame::parse(octets).expect("a frame of a node").payload {
        CorePayload::Sctp(packet) => {
            let message = &packet.data.user_data;
            S1apMessage::parse(message).is_ok()
                || X2apMessage::parse(message).is_ok()
                || IuMessage::parse(message).is_ok()
                || DiameterMessage::parse(message).is_ok()
        }
        CorePayload::Udp(datagram) => {
            let message = &datagram.payload;
            GtpuPacket::parse(message).is_ok()
                || Gtpv2Message::parse(message).is_ok()
                || Gtpv1Message::parse(message).is_ok()
                || GbMessage::parse(message).is_ok()
        }
        // No link of these networks is protected.
        CorePayload::Esp(_) => false,
    };
    assert!(is_message, "a message of a node: {octets:02x?}");
}
