//! What an input makes happen in a network: an octet that says what, and octets that say how.

use std::time::Duration;

use keyhop::dot16::backbone::transport::mend_checksums;
use keyhop::dot16::identifiers::CmacKeyCount;
use keyhop::dot16::node::{Command, Counts};
use keyhop::dot16::wire::{CrcForm, GenericMacHeader, hcs};
use keyhop::emulation::NodeIndex;
use keyhop::scenario::world::Topology;

use super::watch::Adversary;
use super::{Fate, Frame, Network, forger};
use crate::choices::Choices;

/// Longest stretch of time that one step lets pass.
const LONGEST: Duration = Duration::from_millis(20 * 256);

/// User packets of a run, and how many of them may have been sent before a long one.
const PACKETS: u32 = 1_500;
const LONG_PACKETS: u32 = 100;
/// Octets of a user packet that is not long.
const SHORT: u16 = 255;

/// The steps of a run, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Time passes: so many milliseconds, less one.
    Milliseconds,
    /// Time passes: so many times 20 ms.
    Frames,
    /// So many things happen, one after the other.
    Happenings,
    /// What becomes of the next frame.
    Fate,
    /// Which of the next eight frames are lost.
    Losses,
    /// User packets: mobile and direction, length.
    Packet,
    /// A stream both ways: so many packets, one every 10 ms.
    Stream,
    /// A handover: mobile, target, candidates.
    Handover,
    /// A mobile gives its handover up.
    Cancel,
    /// A frame of before is played once more.
    Replay,
    /// A frame of before with another octet, checksums put right.
    Changed,
    /// Any octets on a link.
    Octets,
    /// A base station or the Authenticator is restarted.
    Restart,
    /// A mobile loses its contexts.
    LoseContexts,
    /// A mobile authenticates anew.
    Reauthenticate,
    /// A mobile loses its counter.
    LoseCounter,
    /// The counts are others.
    Counts,
    /// A message that a forger makes.
    Forged,
}

impl Step {
    /// Every step, in order of number.
    pub const ALL: [Self; 18] = [
        Self::Milliseconds,
        Self::Frames,
        Self::Happenings,
        Self::Fate,
        Self::Losses,
        Self::Packet,
        Self::Stream,
        Self::Handover,
        Self::Cancel,
        Self::Replay,
        Self::Changed,
        Self::Octets,
        Self::Restart,
        Self::LoseContexts,
        Self::Reauthenticate,
        Self::LoseCounter,
        Self::Counts,
        Self::Forged,
    ];
}

/// Whom the adversary is after: to whom it sends frames of its own.
pub type Aim = Option<NodeIndex>;

/// Runs the steps of an input to their end.
pub fn run(network: &mut Network, choices: &mut Choices<'_>, aim: Aim) {
    while !network.is_over() {
        let Some(number) = choices.octet() else { return };
        let step = Step::ALL[usize::from(number) % Step::ALL.len()];
        take(network, step, choices, aim);
    }
}

fn take(network: &mut Network, step: Step, choices: &mut Choices<'_>, aim: Aim) {
    match step {
        Step::Milliseconds => network.advance(Duration::from_millis(u64::from(choices.any()))),
        Step::Frames => network.advance(Duration::from_millis(20 * (u64::from(choices.any()) + 1))),
        Step::Happenings => {
            let until = network.now() + LONGEST;
            for _ in 0..choices.below(64) + 1 {
                if !network.step(until) {
                    break;
                }
            }
        }
        Step::Fate => {
            let fate = fate(choices);
            network.fates.push_back(fate);
        }
        Step::Losses => {
            let lost = choices.any();
            let fate = |bit: u8| if lost & 1 << bit == 0 { Fate::Delivered } else { Fate::Lost };
            network.fates.extend((0..8).map(fate));
        }
        Step::Packet => packet(network, choices.any(), u16::from(choices.any()) * 6),
        Step::Stream => {
            for _ in 0..choices.below(32) + 1 {
                packet(network, 0, 100);
                packet(network, 1, 100);
                network.advance(Duration::from_millis(10));
            }
        }
        Step::Handover => {
            let Some(mobile) = choices.of(&network.mobiles()).copied() else { return };
            let wanted = choices.any();
            let bsids = network.topology.bsids();
            let Some(target) = bsids.get(usize::from(wanted & 3) % bsids.len()).copied() else { return };
            let named = bsids.iter().enumerate().filter(|(place, _)| wanted >> 2 & 1 << place != 0);
            let mut candidates: Vec<_> = named.map(|(_, bsid)| *bsid).collect();
            if !candidates.contains(&target) {
                candidates.insert(0, target);
            }
            network.command(mobile, Command::Handover { target, candidates });
        }
        Step::Cancel => to_mobile(network, choices, Command::Cancel),
        Step::Replay => {
            if let Some(frame) = remembered(network, choices, aim) {
                network.inject(frame);
            }
        }
        Step::Changed => {
            let frame = remembered(network, choices, aim);
            let changes: Vec<(usize, u8)> =
                (0..choices.below(4) + 1).map(|_| (usize::from(choices.any()), choices.any())).collect();
            let Some(mut frame) = frame else { return };
            let air = network.is_air(frame.port);
            if !air && network.watch.adversary == Adversary::Keyless {
                return;
            }
            for (place, change) in changes {
                let place = place.checked_rem(frame.octets.len()).unwrap_or_default();
                if let Some(octet) = frame.octets.get_mut(place) {
                    *octet ^= change;
                }
            }
            mend(air, &mut frame.octets, network.radio.crc);
            network.inject(frame);
        }
        Step::Octets => {
            let to = aim.or_else(|| choices.of(&all(network)).copied());
            let links = to.map(|to| network.links_of(to)).unwrap_or_default();
            let link = choices.of(&links).map(|(port, _)| *port);
            let count = choices.below(64);
            let octets = choices.octets(count).to_vec();
            if let (Some(to), Some(port)) = (to, link) {
                network.inject(Frame { port, to, octets });
            }
        }
        Step::Restart => {
            let which = choices.any();
            let count = CmacKeyCount(u16::from(choices.any()));
            let stations = network.base_stations();
            match stations.get(usize::from(which & 3)) {
                Some(station) => network.command(*station, Command::Restart { backup: None }),
                None => {
                    // A backup of the run itself: an N that there has been.
                    let ms = network.topology.macs().first().copied();
                    let known = network.watch.counts.contains(&count.0);
                    let backup = ms.filter(|_| which & 0x80 != 0 && known).map(|ms| (ms, count));
                    network.command(Topology::GATEWAY, Command::Restart { backup });
                }
            }
        }
        Step::LoseContexts => to_mobile(network, choices, Command::LoseContexts),
        Step::Reauthenticate => to_mobile(network, choices, Command::Reauthenticate),
        Step::LoseCounter | Step::Counts if network.keeps_counters => {}
        Step::LoseCounter => to_mobile(network, choices, Command::LoseCounter),
        Step::Counts => {
            let Some(ms) = choices.of(network.topology.macs()).copied() else { return };
            let (committed, next) = (u16::from(choices.any()), u16::from(choices.any()));
            let next = (next != 0).then_some(CmacKeyCount(next));
            let counts = Counts { ms, committed: CmacKeyCount(committed), next, cmac_pn: choices.four() };
            let others =
                network.mobiles().into_iter().zip(network.topology.macs().to_vec()).filter(|(_, of)| *of != ms);
            let others: Vec<NodeIndex> = others.map(|(node, _)| node).collect();
            let nodes = all(network).into_iter().filter(|node| !others.contains(node));
            for node in nodes {
                network.command(node, Command::Counts(counts));
            }
        }
        Step::Forged => {
            if network.watch.adversary == Adversary::Forger
                && let Some(frame) = forger::frame(network, choices, aim)
            {
                network.inject(frame);
            }
        }
    }
}

fn all(network: &Network) -> Vec<NodeIndex> {
    (0..network.topology.names.len()).map(NodeIndex).collect()
}

fn to_mobile(network: &mut Network, choices: &mut Choices<'_>, command: Command) {
    if let Some(mobile) = choices.of(&network.mobiles()).copied() {
        network.command(mobile, command);
    }
}

/// A user packet that no other is equal to. `way` is mobile and direction.
fn packet(network: &mut Network, way: u8, octets: u16) {
    let mobiles = network.topology.macs().len();
    let mobile = usize::from(way >> 1) % mobiles.max(1);
    let (few, many) = (octets <= SHORT, network.watch.packets_in());
    if many >= if few { PACKETS } else { LONG_PACKETS } {
        return;
    }
    let Some(ms) = network.topology.macs().get(mobile).copied() else { return };
    let packet = user_packet(network.watch.numbered(), octets);
    if way & 1 == 0 {
        let node = network.topology.mobile(mobile);
        network.command(node, Command::Uplink(packet));
    } else {
        network.command(Topology::GATEWAY, Command::Downlink { ms, packet });
    }
}

/// An IPv4 packet with UDP, of at least 32 octets, with its number in it.
pub fn user_packet(number: u32, octets: u16) -> Vec<u8> {
    let length = octets.clamp(32, 4_000);
    let [high, low] = length.to_be_bytes();
    let mut packet = vec![0x45, 0, high, low, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 10, 192, 0, 2, 20];
    let [high, low] = (length - 20).to_be_bytes();
    packet.extend([0xc3, 0x50, 0xcb, 0x20, high, low, 0, 0]);
    packet.extend(number.to_be_bytes());
    packet.resize(usize::from(length), b'.');
    packet
}

fn fate(choices: &mut Choices<'_>) -> Fate {
    let (kind, how) = (choices.below(4), choices.any());
    let later = Duration::from_millis(u64::from(how) * u64::from(how) / 16);
    match kind {
        0 => Fate::Lost,
        1 => Fate::Twice(later),
        2 => Fate::Late(later),
        _ => Fate::Inverted(u16::from(how) * 5),
    }
}

/// A frame of before, at the end where it arrived; a forger may send it to another node that the link before knows.
fn remembered(network: &Network, choices: &mut Choices<'_>, aim: Aim) -> Option<Frame> {
    let (back, elsewhere) = (choices.below(network.history.len().max(1)), choices.any());
    let to_aim = |frame: &&Frame| aim.is_none_or(|aim| frame.to == aim);
    let frame = network.history.iter().rev().filter(to_aim).nth(back % network.history.len().max(1))?;
    let mut frame = frame.clone();
    if elsewhere >= 0x80 && network.is_air(frame.port) {
        // At another base station, or from it.
        let bases = network.topology.bsids().len();
        let mobile = frame.port.0 / bases.max(1);
        let base_station = usize::from(elsewhere) % bases.max(1);
        frame.port = network.topology.air_port(mobile, base_station);
        if frame.to != network.topology.mobile(mobile) {
            frame.to = network.topology.base_station(base_station);
        }
    }
    Some(frame)
}

/// Puts HCS and CRC of every PDU right, or the checksums of a frame of the backbone.
pub fn mend(air: bool, octets: &mut [u8], crc: CrcForm) {
    if !air {
        return mend_checksums(octets);
    }
    let mut rest = octets;
    while let Some((header, _)) = rest.split_first_chunk_mut::<{ GenericMacHeader::OCTETS }>() {
        let [a, b, c, d, e, check] = header;
        *check = hcs(&[*a, *b, *c, *d, *e]);
        let with_crc = *b & 0x40 != 0;
        let length = usize::from(u16::from_be_bytes([*b & 0b111, *c])).max(GenericMacHeader::OCTETS);
        let Some((pdu, next)) = rest.split_at_mut_checked(length) else { return };
        if let (true, Some((covered, sum))) = (with_crc, pdu.split_last_chunk_mut::<4>()) {
            *sum = crc.octets(covered);
        }
        rest = next;
    }
}
