//! When nothing disturbs a run: steps, and whatever links and adversaries did to frames, are disturbances, and everything
//! comes to rest some time after the last one.

use std::time::Duration;

use keyhop::capture::CapturedFrame;
use keyhop::dot16::security::packet_number::PacketNumber;
use keyhop::scenario::script::{AttackAction, FaultEffect, LinkImpairments, MobileStation, Script};
use keyhop::time::VirtualTime;

use crate::bounds::{handover_bound, settle};
use crate::support::Run;

/// When something disturbed a run.
pub struct Disturbances {
    /// Frames that a link or an adversary lost, changed, delayed or held back: when that was, and when it was over.
    frames: Vec<(VirtualTime, VirtualTime)>,
    settle: Duration,
    bound: Duration,
}

impl Disturbances {
    /// Those of a run.
    pub fn of(script: &Script, run: &Run) -> Self {
        let delay = longest_delay(script);
        let spoilt = run.capture.frames.iter().filter(|frame| is_spoilt(frame));
        let frames = spoilt.map(|frame| (frame.time, frame.time + delay)).collect();
        Self { frames, settle: settle(script), bound: handover_bound(script) }
    }

    /// Whether nothing happened to any frame from `from` to `until`, both included, and nothing that happened before lasts
    /// until then.
    pub fn spares(&self, from: VirtualTime, until: VirtualTime) -> bool {
        !self.frames.iter().any(|(began, over)| *began <= until && from <= *over)
    }

    /// Whether nothing happened to any frame in the time before `from` in which everything comes to rest, nor up to `until`.
    pub fn spare_before(&self, from: VirtualTime, until: VirtualTime) -> bool {
        self.spares(VirtualTime::from_nanos(from.as_nanos().saturating_sub(nanos(self.settle))), until)
    }

    /// Whether everything is at rest at `at`, when a step begins, and nothing disturbs it until a handover would be over.
    /// Steps of one instant do not disturb each other.
    pub fn spare_step(&self, script: &Script, at: VirtualTime) -> bool {
        let (since, until) =
            (VirtualTime::from_nanos(at.as_nanos().saturating_sub(nanos(self.settle))), at + self.bound);
        let disturbs = |other: VirtualTime| other != at && since < other && other < until;
        self.spares(since, until) && !script.steps.iter().any(|step| disturbs(step.at))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether a link or an adversary did something to a frame; a copy of it is nothing.
fn is_spoilt(frame: &CapturedFrame) -> bool {
    let comment = &frame.comment;
    let done = ["deliberate:", "; delayed by", "; held back by", "; dropped by"];
    comment.lines().any(|line| line == "lost") || done.iter().any(|done| comment.contains(done))
}

fn longest_delay(script: &Script) -> Duration {
    let faults = script.faults.iter().filter_map(|fault| match fault.effect {
        FaultEffect::Delay(delay) => Some(delay),
        _ => None,
    });
    let attacks = script.attacks.iter().filter_map(|attack| match attack.action {
        AttackAction::Delay(delay) => Some(delay),
        _ => None,
    });
    let held_back = script.links.iter().map(|link| link.held_back);
    let usual = [script.radio.frame, script.backbone.latency * 2];
    faults.chain(attacks).chain(held_back).chain(usual).max().unwrap_or_default() + script.radio.frame
}

/// Whether N is more than one above M at the start.
pub fn is_ahead_at_start(mobile: &MobileStation) -> bool {
    let own = mobile.cmac_key_count.map_or(1, |count| count.0);
    mobile.network_key_count.is_some_and(|next| next.0 > own.saturating_add(1))
}

/// Whether PNs may be used up before other TEKs are there, so that packets are given up.
pub fn uses_up_pns(script: &Script) -> bool {
    script.base_stations.iter().any(|station| station.last_pn != PacketNumber::LAST)
        || script.mobile_stations.iter().any(|mobile| mobile.last_pn != PacketNumber::LAST)
}

/// The probability that a user packet of this size arrives at the least, if there is a connection.
pub fn chance_to_arrive(script: &Script, octets: usize) -> f64 {
    let (radio, backbone) = (&script.radio, &script.backbone);
    let worst = |wired: bool, all: f64, of: fn(&LinkImpairments) -> f64| {
        let links = script.links.iter().filter(|link| link.link.link.is_backbone() == wired);
        links.map(of).fold(all, f64::max)
    };
    let pieces = octets.div_ceil(usize::from(radio.max_pdu).saturating_sub(24).max(1)).max(1);
    // A PDU that is overtaken may be too old for a small window, and its SDU can not be put together.
    let piece = (1.0 - worst(false, radio.loss, |link| link.loss))
        * (1.0 - worst(false, radio.bit_errors, |link| link.bit_errors))
        * (1.0 - worst(false, radio.reordering, |link| link.reordering)).powi(2);
    let wire = 1.0 - worst(true, backbone.loss, |link| link.loss);
    piece.powi(i32::try_from(pieces).unwrap_or(i32::MAX)) * wire
}
