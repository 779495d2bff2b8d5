//! The links and the gateway: sections `[radio]`, `[backbone]` and the values of `[authenticator]`.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::defaults;
use super::problem::Read;
use super::section::{Field, Section};
use crate::dot16::security::Weaknesses;

/// Whether the timing at a target base station is known beforehand (rule R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Association {
    /// Known from scanning with association: the target grants the pre-allocated Basic CID at once.
    Level2,
    /// Unknown: CDMA code, RNG-RSP and allocation precede data in every mode.
    None,
}

/// Bit order of the MAC CRC-32 (`dot16-wire.md` 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrcOrder {
    /// Most significant bit first, the form that Wireshark verifies.
    MsbFirst,
    /// The form of the OFDMA physical layer.
    Ofdma,
}

/// The air interface: one set of values for every link.
#[derive(Clone, Debug, PartialEq)]
pub struct Radio {
    /// Length of a TDD frame; a multiple of 1 µs, at most 20 ms.
    pub frame: Duration,
    /// Length of the downlink subframe, less than `frame`; a multiple of 1 µs.
    pub downlink: Duration,
    /// Whether timing at the target is known before the handover.
    pub association: Association,
    /// From the action time to the first grant and the first downlink at the target.
    pub dl_sync: Duration,
    /// Probability that a frame is lost, 0 to 1.
    pub loss: f64,
    /// Probability that a frame arrives twice, 0 to 1.
    pub duplication: f64,
    /// Probability that a frame arrives with one of its bits inverted, 0 to 1.
    pub bit_errors: f64,
    /// Probability that a frame is held back for one frame length, 0 to 1.
    pub reordering: f64,
    /// Bit order of the CRC of every MAC PDU.
    pub crc: CrcOrder,
    /// Interval of MOB_NBR-ADV.
    pub neighbour_advertisement: Duration,
    /// How long the serving base station is silent before the mobile enters it again; longer than its advertisements are apart.
    pub lost_downlink: Duration,
    /// From the arrival at the target to the RNG-REQ.
    pub rng_delay: Duration,
    /// From the arrival at the target to the end of data without RNG-REQ; a multiple of 10 ms, at most 655.35 s (rule R17).
    pub ranging_deadline: Duration,
    /// T3: from an RNG-REQ to its repetition.
    pub ranging_retry: Duration,
    /// How long the serving base station waits for its candidates; a little later the mobile repeats MOB_MSHO-REQ.
    pub handover_retry: Duration,
    /// From MOB_BSHO-RSP to the change of base station, in frames, at least 1.
    pub action_time: u8,
    /// How long the serving base station keeps the connection after MOB_HO-IND; a multiple of 100 ms, at most 25.5 s.
    pub resource_retain: Duration,
    /// Largest MAC PDU, in octets; longer SDUs are fragmented.
    pub max_pdu: u16,
    /// Whether SDUs and fragments that wait for one connection share PDUs.
    pub packing: bool,
    /// Octets of user data PDUs that a mobile may send, or be sent, in one subframe, at least `max_pdu`; any number if none
    /// is given.
    pub allocation: Option<u32>,
    /// What the mobile takes to install TEKs that came in RNG-RSP or Key-Reply.
    pub tek_processing: Duration,
    /// From a Key-Request to its repetition.
    pub key_request_retry: Duration,
    /// How long a receiver goes on accepting under a TEK that has expired; at most 1/8 of its lifetime is used.
    pub tek_linger: Duration,
}

/// The wired links between base stations and gateway: one set of values for every link.
#[derive(Clone, Debug, PartialEq)]
pub struct Backbone {
    /// Smallest one-way delay, never zero.
    pub latency: Duration,
    /// Largest random addition to `latency`.
    pub jitter: Duration,
    /// Probability that a packet is lost, 0 to 1.
    pub loss: f64,
    /// Probability that a packet arrives twice, 0 to 1.
    pub duplication: f64,
    /// Probability that a packet is held back for twice `latency`, 0 to 1.
    pub reordering: f64,
    /// From a control message to its repetition when no answer came.
    pub retry: Duration,
}

/// The Authenticator, which is the ASN gateway too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator {
    /// Its name, distinct from that of every station.
    pub name: String,
    /// Lifetime of a PMK.
    pub pmk_lifetime: Duration,
    /// Its address on the backbone.
    pub ip: Ipv4Addr,
    /// How far above N a count may be that a base station reports (rule R2).
    pub count_jump: u16,
    /// Rules that it does not keep.
    pub weaknesses: Weaknesses,
}

pub(super) const RADIO_KEYS: &[&str] = &[
    "frame",
    "downlink",
    "association",
    "dl_sync",
    "loss",
    "duplication",
    "bit_errors",
    "reordering",
    "crc",
    "neighbour_advertisement",
    "lost_downlink",
    "rng_delay",
    "ranging_deadline",
    "ranging_retry",
    "handover_retry",
    "action_time",
    "resource_retain",
    "max_pdu",
    "packing",
    "allocation",
    "tek_processing",
    "key_request_retry",
    "tek_linger",
];
pub(super) const BACKBONE_KEYS: &[&str] = &["latency", "jitter", "loss", "duplication", "reordering", "retry"];
pub(super) const AUTHENTICATOR_KEYS: &[&str] = &["name", "pmk_lifetime", "ip", "count_jump", "weaknesses"];

const MICROSECOND: Duration = Duration::from_micros(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// The smallest positive time.
pub(super) const TICK: Duration = Duration::from_nanos(1);

/// Largest allocation, in octets.
const LARGEST_ALLOCATION: u32 = 1_000_000_000;

/// Reads `[radio]`.
pub(super) fn radio(section: &Section<'_>, backbone: &Backbone) -> Read<Radio> {
    let frame = section.read("frame", defaults::FRAME, |field| {
        field.time_in_steps(Duration::from_micros(2)..=MILLISECOND * 20, MICROSECOND)
    })?;
    let (share, whole) = defaults::DOWNLINK_SHARE;
    let downlink = frame * share / whole;
    let downlink = downlink - Duration::from_nanos(u64::from(downlink.subsec_nanos() % 1_000));
    let neighbour_advertisement =
        section.read("neighbour_advertisement", defaults::NEIGHBOUR_ADVERTISEMENT, |field| {
            field.time(frame..=Duration::MAX)
        })?;
    let max_pdu = section.read("max_pdu", defaults::MAX_PDU, |field| field.number(64..=defaults::MAX_PDU))?;
    let rng_delay = section.read("rng_delay", defaults::RNG_DELAY, |field| field.time(TICK..=Duration::MAX))?;
    Ok(Radio {
        frame,
        downlink: section.read("downlink", downlink.max(MICROSECOND), |field| {
            field.time_in_steps(MICROSECOND..=frame - MICROSECOND, MICROSECOND)
        })?,
        association: section.read("association", defaults::ASSOCIATION, |field| {
            field.one_of(&[("level2", Association::Level2), ("none", Association::None)])
        })?,
        dl_sync: section
            .read("dl_sync", frame * defaults::DL_SYNC_FRAMES, |field| field.time(Duration::ZERO..=Duration::MAX))?,
        loss: section.read("loss", defaults::PROBABILITY, Field::probability)?,
        duplication: section.read("duplication", defaults::PROBABILITY, Field::probability)?,
        bit_errors: section.read("bit_errors", defaults::PROBABILITY, Field::probability)?,
        reordering: section.read("reordering", defaults::PROBABILITY, Field::probability)?,
        crc: section.read("crc", defaults::CRC, |field| {
            field.one_of(&[("msb-first", CrcOrder::MsbFirst), ("ofdma", CrcOrder::Ofdma)])
        })?,
        neighbour_advertisement,
        lost_downlink: section.read("lost_downlink", defaults::lost_downlink(neighbour_advertisement), |field| {
            field.time(neighbour_advertisement.saturating_add(TICK)..=Duration::MAX)
        })?,
        rng_delay,
        ranging_deadline: ranging_deadline(section, rng_delay)?,
        ranging_retry: section
            .read("ranging_retry", defaults::RANGING_RETRY, |field| field.time(TICK..=Duration::MAX))?,
        handover_retry: section.read("handover_retry", defaults::handover_retry(backbone.latency), |field| {
            field.time(TICK..=Duration::MAX)
        })?,
        action_time: section.read("action_time", defaults::ACTION_TIME, |field| field.number(1..=u8::MAX))?,
        resource_retain: section.read("resource_retain", defaults::RESOURCE_RETAIN, |field| {
            field.time_in_steps(MILLISECOND * 100..=MILLISECOND * 25_500, MILLISECOND * 100)
        })?,
        max_pdu,
        packing: section.read("packing", defaults::PACKING, Field::boolean)?,
        allocation: section
            .read("allocation", None, |field| field.number(u32::from(max_pdu)..=LARGEST_ALLOCATION).map(Some))?,
        tek_processing: section
            .read("tek_processing", defaults::TEK_PROCESSING, |field| field.time(Duration::ZERO..=Duration::MAX))?,
        key_request_retry: section
            .read("key_request_retry", defaults::KEY_REQUEST_RETRY, |field| field.time(TICK..=Duration::MAX))?,
        tek_linger: section
            .read("tek_linger", defaults::TEK_LINGER, |field| field.time(Duration::ZERO..=Duration::MAX))?,
    })
}

/// The deadline, which travels in units of 10 ms in 2 octets, must lie after the RNG-REQ that it waits for.
fn ranging_deadline(section: &Section<'_>, rng_delay: Duration) -> Read<Duration> {
    let step = MILLISECOND * 10;
    let field = section.field("ranging_deadline");
    let deadline = match &field {
        Some(field) => field.time_in_steps(step..=step * u32::from(u16::MAX), step)?,
        None => defaults::RANGING_DEADLINE,
    };
    if deadline > rng_delay {
        return Ok(deadline);
    }
    match field.or_else(|| section.field("rng_delay")) {
        Some(field) => Err(field.mismatch("a ranging_deadline longer than rng_delay")),
        None => Ok(deadline),
    }
}

/// Reads `[backbone]`.
pub(super) fn backbone(section: &Section<'_>) -> Read<Backbone> {
    let latency = section.read("latency", defaults::BACKBONE_LATENCY, |field| field.time(TICK..=Duration::MAX))?;
    Ok(Backbone {
        latency,
        jitter: section.read("jitter", Duration::ZERO, |field| field.time(Duration::ZERO..=Duration::MAX))?,
        loss: section.read("loss", defaults::PROBABILITY, Field::probability)?,
        duplication: section.read("duplication", defaults::PROBABILITY, Field::probability)?,
        reordering: section.read("reordering", defaults::PROBABILITY, Field::probability)?,
        retry: section.read("retry", defaults::backbone_retry(latency), |field| field.time(TICK..=Duration::MAX))?,
    })
}
