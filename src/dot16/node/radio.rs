//! The radio as the nodes see it: TDD frames, and the delays of R14. There is no PHY and there are no MAPs on the wire
//! (a stated limit): a station may send at the start of any subframe of its direction in which it has a grant.

use std::time::Duration;

use crate::dot16::wire::CrcForm;
use crate::emulation::link::next_in_period;
use crate::time::VirtualTime;

/// How the mobile comes to know its timing at a target (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Association {
    /// From scanning with association: grants on the pre-allocated Basic CID start right after downlink synchronisation.
    Level2,
    /// Not at all: a CDMA code and an RNG-RSP come before anything else, in every mode.
    None,
}

/// Settings of the radio and of the procedures on it, the same for every node of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct RadioSettings {
    /// Length of a TDD frame.
    pub frame: Duration,
    /// Length of its downlink subframe, which comes first; the uplink subframe fills the rest.
    pub downlink: Duration,
    /// Time to synchronise to the downlink of another BS.
    pub dl_sync: Duration,
    /// How a mobile comes to know its timing at a target.
    pub association: Association,
    /// Form of the CRC-32 of every MAC PDU.
    pub crc: CrcForm,
    /// Largest MAC PDU, in octets; longer SDUs are fragmented.
    pub max_pdu: usize,
    /// Whether SDUs and fragments that wait for one connection share PDUs. A receiver takes packed PDUs in any case.
    pub packing: bool,
    /// Octets of user data PDUs that a mobile may send, or be sent, in one subframe, at least `max_pdu`; any number if none
    /// is given.
    pub allocation: Option<usize>,
    /// From arrival at a target to the RNG-REQ.
    pub rng_delay: Duration,
    /// From arrival at a target to the end of the attempt if ranging is not done.
    pub ranging_deadline: Duration,
    /// From one RNG-REQ, or CDMA code, to its repetition.
    pub ranging_retry: Duration,
    /// How long a serving BS waits for its candidates; four frames later the mobile repeats MOB_MSHO-REQ.
    pub handover_retry: Duration,
    /// From MOB_BSHO-RSP to the action time, in frames.
    pub action_time: u8,
    /// How long a serving BS keeps the connection of a mobile that has left.
    pub resource_retain: Duration,
    /// Interval of MOB_NBR-ADV.
    pub neighbour_advertisement: Duration,
    /// How long a serving BS is silent before the mobile takes the link as lost.
    pub lost_downlink: Duration,
    /// Time the mobile needs to install TEKs that came in RNG-RSP or Key-Reply (REG TLV 42).
    pub tek_processing: Duration,
    /// From a Key-Request to its repetition.
    pub key_request_retry: Duration,
}

impl RadioSettings {
    /// The start of the first downlink subframe after `after`.
    #[must_use]
    pub fn next_downlink(&self, after: VirtualTime) -> VirtualTime {
        next_in_period(after, self.frame, Duration::ZERO)
    }

    /// The start of the first uplink subframe after `after`.
    #[must_use]
    pub fn next_uplink(&self, after: VirtualTime) -> VirtualTime {
        next_in_period(after, self.frame, self.downlink)
    }

    /// Whether an uplink subframe starts at `now`.
    #[must_use]
    pub fn uplink_starts_at(&self, now: VirtualTime) -> bool {
        now >= VirtualTime::ZERO + self.downlink && self.next_uplink(now - Duration::from_nanos(1)) == now
    }

    /// Whether a downlink subframe starts at `now`.
    #[must_use]
    pub fn downlink_starts_at(&self, now: VirtualTime) -> bool {
        now == VirtualTime::ZERO || self.next_downlink(now - Duration::from_nanos(1)) == now
    }

    /// The number of the frame that `at` lies in, counted from the start of the run.
    #[must_use]
    pub fn frame_number(&self, at: VirtualTime) -> u32 {
        let frame = u64::try_from(self.frame.as_nanos()).unwrap_or(u64::MAX).max(1);
        u32::try_from(at.as_nanos() / frame).unwrap_or(u32::MAX)
    }

    /// How long a target keeps a preparation that is neither confirmed nor cancelled: while the serving BS may wait for
    /// other candidates and the mobile for its action time, and then as long as a connection is kept.
    #[must_use]
    pub fn preparation_kept(&self) -> Duration {
        self.handover_retry + self.frame * (u32::from(self.action_time) + 4) + self.resource_retain
    }

    /// The start of the frame with this number.
    #[must_use]
    pub fn frame_start(&self, number: u32) -> VirtualTime {
        VirtualTime::ZERO + self.frame.saturating_mul(number)
    }
}
