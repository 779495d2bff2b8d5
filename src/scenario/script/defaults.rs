//! Every default of the script format, in one place (`captures/README.md` lists them for users).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::entry::Entry;
use super::header::{Profile, System};
use super::network::{Association, CrcOrder};
use crate::dot16::identifiers::{Bsid, CmacKeyCount};
use crate::dot16::node::HandoverMode;
use crate::dot16::security::PacketNumber;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) const SYSTEM: System = System::Dot16;
pub(super) const PROFILE: Profile = Profile::Contribution;
pub(super) const MODE: HandoverMode = HandoverMode::Seamless;
pub(super) const SEED: u64 = 1;
pub(super) const LAST_KEY_COUNT: CmacKeyCount = CmacKeyCount(u16::MAX);
pub(super) const ENTRY: Entry = Entry::Established;
pub(super) const ENTRY_TIME: Duration = ms(2_000);
pub(super) const DURATION: Duration = ms(3_000);

pub(super) const FRAME: Duration = ms(5);
/// Downlink subframe as a share of the frame: numerator and denominator (3 ms of 5 ms).
pub(super) const DOWNLINK_SHARE: (u32, u32) = (3, 5);
/// `dl_sync` in frames.
pub(super) const DL_SYNC_FRAMES: u32 = 2;
pub(super) const ASSOCIATION: Association = Association::Level2;
pub(super) const CRC: CrcOrder = CrcOrder::MsbFirst;
pub(super) const NEIGHBOUR_ADVERTISEMENT: Duration = ms(1_000);
pub(super) const RNG_DELAY: Duration = ms(40);
pub(super) const RANGING_DEADLINE: Duration = ms(200);
pub(super) const RANGING_RETRY: Duration = ms(50);
pub(super) const ACTION_TIME: u8 = 4;
pub(super) const RESOURCE_RETAIN: Duration = ms(2_000);

pub(super) const MAX_PDU: u16 = 2_047;
pub(super) const PACKING: bool = false;
pub(super) const TEK_PROCESSING: Duration = ms(5);
pub(super) const KEY_REQUEST_RETRY: Duration = ms(300);
pub(super) const TEK_LINGER: Duration = ms(200);

pub(super) const BACKBONE_LATENCY: Duration = ms(2);

/// `backbone.retry`: 10 one-way delays, at least 20 ms.
pub(super) fn backbone_retry(latency: Duration) -> Duration {
    latency.saturating_mul(10).max(ms(20))
}

/// `radio.handover_retry`: a preparation takes 6 one-way delays; 20 leave room for a repetition. At least 100 ms.
pub(super) fn handover_retry(latency: Duration) -> Duration {
    latency.saturating_mul(20).max(ms(100))
}

/// `radio.lost_downlink`: three and a half intervals of MOB_NBR-ADV, so that three in a row were lost.
pub(super) fn lost_downlink(neighbour_advertisement: Duration) -> Duration {
    neighbour_advertisement.saturating_mul(7) / 2
}

/// Loss, duplication, bit errors, reordering.
pub(super) const PROBABILITY: f64 = 0.0;

pub(super) const AUTHENTICATOR: &str = "gw";
pub(super) const AUTHENTICATOR_IP: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 254);
pub(super) const PMK_LIFETIME: Duration = Duration::from_secs(3_600);

pub(super) const AAA: &str = "aaa";
pub(super) const AAA_IP: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 253);
pub(super) const AAA_SECRET: &str = "keyhop-radius";

pub(super) const SELF_SYNC_WINDOW: u16 = 4;
pub(super) const SELF_SYNC_BUDGET: u32 = 16;
pub(super) const PN_WINDOW: u16 = 64;
pub(super) const RETAINED_CONTEXTS: u32 = 1_024;
pub(super) const CONTEXT_REQUEST_BUDGET: u32 = 100;
/// As many as there can be mobiles at one base station.
pub(super) const PREPARATION_BUDGET: u32 = 300;
pub(super) const LAST_PN: PacketNumber = PacketNumber::LAST;
pub(super) const TEK_CACHE: bool = true;
pub(super) const REFRESH: bool = true;
pub(super) const TEK_GRACE: Duration = Duration::from_secs(3_600);
pub(super) const SEAMLESS: bool = true;

pub(super) const TRAFFIC_INTERVAL: Duration = ms(20);
pub(super) const TRAFFIC_SIZE: u16 = 160;
pub(super) const TRAFFIC_PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 20);
pub(super) const BURST: u32 = 10;

pub(super) const GRID_NAME: &str = "bs";
pub(super) const GRID_BSID: Bsid = Bsid([0x0a, 0, 0, 0, 0, 1]);
pub(super) const GRID_IP: Ipv4Addr = Ipv4Addr::new(10, 17, 0, 1);

pub(super) const HYSTERESIS_METRES: f64 = 50.0;
pub(super) const HYSTERESIS_DECIBELS: f64 = 3.0;
pub(super) const MEASUREMENT: Duration = ms(500);
pub(super) const AGAIN_AFTER: Duration = ms(2_000);
/// Towns, with antennas below the roofs: between 2 (free space) and 5.
pub(super) const PATH_LOSS: f64 = 3.5;
pub(super) const SHADOWING_DISTANCE: f64 = 50.0;
