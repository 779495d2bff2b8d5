//! The entries `[[traffic]]`: which user packets a mobile station exchanges with a host behind the gateway.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::defaults;
use super::groups::stagger;
use super::network::TICK;
use super::problem::{Problem, Read};
use super::section::Section;
use super::stations::{MobileStationId, Stations, ip};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// One entry `[[traffic]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Packets made by [`packets`](crate::scenario::traffic::packets).
    Generated(GeneratedTraffic),
    /// Packets taken from a capture file.
    Capture(CaptureTraffic),
}

/// User traffic that the emulator makes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedTraffic {
    /// Position of the entry in the script, from 0; keeps the ports of entries apart.
    pub flow: u32,
    /// The mobile station at one end.
    pub mobile_station: MobileStationId,
    /// What the packets are.
    pub pattern: Pattern,
    /// Who sends (for ICMP: who asks).
    pub direction: TrafficDirection,
    /// When the first packet is sent.
    pub start: VirtualTime,
    /// No packet is sent at or after this instant, save replies to earlier requests.
    pub stop: VirtualTime,
    /// From one packet, request or burst to the next.
    pub interval: Duration,
    /// Size of an IP packet with its headers, in octets, 28 to 1500.
    pub size: u16,
    /// The host at the other end.
    pub peer: Ipv4Addr,
}

/// User traffic from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureTraffic {
    /// The mobile station whose traffic this is.
    pub mobile_station: MobileStationId,
    /// When the first packet of the file is sent; the others keep their distance from it.
    pub start: VirtualTime,
    /// Path of the file, relative to the script.
    pub file: String,
}

/// What generated packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A UDP datagram per interval.
    Udp,
    /// An ICMP echo request per interval, and its reply the other way.
    IcmpEcho,
    /// This many UDP datagrams at once per interval.
    Bulk(u32),
}

/// Which way generated packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficDirection {
    /// From the mobile station.
    Uplink,
    /// To the mobile station.
    Downlink,
    /// Both ways, independently.
    Both,
}

impl TrafficDirection {
    /// The directions one by one.
    #[must_use]
    pub const fn directions(self) -> &'static [Direction] {
        match self {
            Self::Uplink => &[Direction::Uplink],
            Self::Downlink => &[Direction::Downlink],
            Self::Both => &[Direction::Uplink, Direction::Downlink],
        }
    }
}

impl Traffic {
    /// The mobile station whose traffic this is.
    #[must_use]
    pub const fn mobile_station(&self) -> MobileStationId {
        match self {
            Self::Generated(generated) => generated.mobile_station,
            Self::Capture(capture) => capture.mobile_station,
        }
    }
}

pub(super) const KEYS: &[&str] =
    &["mobile_station", "kind", "direction", "start", "stop", "interval", "size", "count", "peer", "file", "spread"];

/// Smallest and largest IP packet: 20 octets of IPv4 and 8 of UDP or ICMP header, up to the MTU.
const SIZES: std::ops::RangeInclusive<u16> = 28..=1_500;
/// Largest burst.
const LARGEST_BURST: u32 = 10_000;
/// Packets that one entry may send in each direction.
const MOST_PACKETS: u128 = 4_000_000;

/// Reads every `[[traffic]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations, duration: Duration) -> Read<Vec<Traffic>> {
    let mut traffic = Vec::new();
    for (section, flow) in root.tables("traffic", KEYS)?.iter().zip(0..) {
        let group = stations.mobile_group(section)?;
        let own = stations.mobile_stations.get(group.mobiles.clone()).unwrap_or_default();
        let addresses: Vec<Ipv4Addr> = own.iter().map(|mobile| mobile.ip).collect();
        let only = || stations.mobile_station(section);
        let owner = Owner { mobile: MobileStationId(group.mobiles.start), addresses: &addresses, only: &only };
        let of_first = entry(section, flow, &owner, duration)?;
        match of_first {
            Traffic::Generated(first) => {
                let spread = section.read("spread", first.interval, |field| field.time(Duration::ZERO..=duration))?;
                if group.mobiles.len() == 1 {
                    section.refuse("spread", "for a single mobile station")?;
                }
                let count = group.mobiles.len();
                traffic.extend(group.mobiles.enumerate().map(|(index, mobile)| {
                    let start = first.start + stagger(spread, index, count);
                    Traffic::Generated(GeneratedTraffic {
                        mobile_station: MobileStationId(mobile),
                        start,
                        ..first.clone()
                    })
                }));
            }
            Traffic::Capture(_) => traffic.push(of_first),
        }
    }
    Ok(traffic)
}

/// Whose traffic an entry is.
pub(super) struct Owner<'a> {
    /// The mobile, or the first of a group.
    pub mobile: MobileStationId,
    /// Their addresses.
    pub addresses: &'a [Ipv4Addr],
    /// The only mobile that the entry is about: what traffic of a capture is for.
    pub only: &'a dyn Fn() -> Read<MobileStationId>,
}

/// The traffic of the first mobile of `owner`; one of a capture is that of one mobile only.
pub(super) fn entry(section: &Section<'_>, flow: u32, owner: &Owner<'_>, duration: Duration) -> Read<Traffic> {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Udp,
        IcmpEcho,
        Bulk,
        Capture,
    }
    let kinds = [("udp", Kind::Udp), ("icmp-echo", Kind::IcmpEcho), ("bulk", Kind::Bulk), ("capture", Kind::Capture)];
    let kind = section.required("kind", "\"udp\", \"icmp-echo\", \"bulk\" or \"capture\"")?.one_of(&kinds)?;
    let start = section.read("start", Duration::ZERO, |field| field.instant(Duration::ZERO, duration))?;
    if kind == Kind::Capture {
        for key in ["direction", "stop", "interval", "size", "count", "peer", "spread"] {
            section.refuse(key, "beside kind = \"capture\"")?;
        }
        let mobile_station = (owner.only)()?;
        let file = section.required("file", "the path of a capture file")?.line()?;
        return Ok(Traffic::Capture(CaptureTraffic { mobile_station, start: VirtualTime::ZERO + start, file }));
    }
    let mobile_station = owner.mobile;
    section.refuse("file", "without kind = \"capture\"")?;
    let pattern = match kind {
        Kind::Bulk => Pattern::Bulk(section.read("count", defaults::BURST, |field| field.number(1..=LARGEST_BURST))?),
        _ => {
            section.refuse("count", "without kind = \"bulk\"")?;
            if kind == Kind::IcmpEcho { Pattern::IcmpEcho } else { Pattern::Udp }
        }
    };
    let generated = GeneratedTraffic {
        flow,
        mobile_station,
        pattern,
        direction: section.read("direction", TrafficDirection::Both, |field| {
            field.one_of(&[
                ("uplink", TrafficDirection::Uplink),
                ("downlink", TrafficDirection::Downlink),
                ("both", TrafficDirection::Both),
            ])
        })?,
        start: VirtualTime::ZERO + start,
        stop: VirtualTime::ZERO + section.read("stop", duration, |field| field.instant(start, duration))?,
        interval: section.read("interval", defaults::TRAFFIC_INTERVAL, |field| field.time(TICK..=Duration::MAX))?,
        size: section.read("size", defaults::TRAFFIC_SIZE, |field| field.number(SIZES))?,
        peer: section.read("peer", defaults::TRAFFIC_PEER, ip)?,
    };
    limit(section, &generated, owner.addresses.len())?;
    match section.field("peer") {
        Some(field) if owner.addresses.contains(&generated.peer) => {
            Err(field.mismatch("an address other than the mobile's own"))
        }
        _ => Ok(Traffic::Generated(generated)),
    }
}

/// Refuses an entry of `mobiles` mobiles that would send more than [`MOST_PACKETS`] in a direction.
fn limit(section: &Section<'_>, generated: &GeneratedTraffic, mobiles: usize) -> Read<()> {
    let intervals = generated.stop.since(generated.start).as_nanos().div_ceil(generated.interval.as_nanos().max(1));
    let burst = match generated.pattern {
        Pattern::Bulk(count) => u128::from(count),
        Pattern::Udp | Pattern::IcmpEcho => 1,
    };
    let packets = intervals.saturating_mul(burst).saturating_mul(mobiles as u128);
    if packets <= MOST_PACKETS {
        return Ok(());
    }
    let expected = format!("at most {MOST_PACKETS} packets in a direction");
    let place = section.field("interval").map_or(section.place, |field| field.place());
    Err(Problem::mismatch(place, "traffic", &expected, &packets.to_string()))
}
