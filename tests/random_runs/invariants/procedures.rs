//! Handovers end in time; where nothing disturbs them they complete and lose nothing; nobody is locked out.

use std::collections::{BTreeMap, HashSet};

use keyhop::scenario::outcome::HandoverResult;
use keyhop::scenario::script::{Actor, MobileStation, Step, StepAction, Traffic};
use keyhop::scenario::traffic::packets;
use keyhop::time::VirtualTime;

use super::rest::{Disturbances, chance_to_arrive, is_ahead_at_start, is_near_the_end};
use super::{Findings, is_detached, last_handover};
use crate::bounds::{handover_bound, preparation_fits, settle};

impl Findings<'_> {
    /// Every handover ends within its bound.
    pub(super) fn handovers_end(&mut self) {
        let (script, run) = (self.script, self.run);
        let limit = u64::try_from(handover_bound(script).as_micros()).unwrap_or(u64::MAX);
        let duration = u64::try_from(script.duration.as_micros()).unwrap_or(u64::MAX);
        for handover in &run.outcome.handovers {
            let (start, end) = (handover.started_us, handover.ended_us);
            let what = format!("{} to {} from {start} us on", handover.ms, handover.to);
            match end {
                None if start + limit < duration => self.add("handover-open", format!("{what} has not ended")),
                Some(end) if end - start > limit => {
                    self.add("handover-late", format!("{what} took {} us of {limit}", end - start));
                }
                _ => {}
            }
        }
    }

    /// No lock-out, first half: a handover that begins when everything is at rest, and is left alone, is completed, or
    /// refused because the mobile is there already.
    pub(super) fn handovers_at_rest_complete(&mut self) {
        let script = self.script;
        let disturbances = Disturbances::of(script, self.run);
        // An N above the mobile's count costs it a handover, and then the two fit again.
        let starts = script.mobile_stations.iter().map(|mobile| is_ahead_at_start(mobile).then_some(VirtualTime::ZERO));
        let mut ahead: Vec<Option<VirtualTime>> = starts.collect();
        for step in &script.steps {
            if let StepAction::Restart { backup: Some((mobile, _)) } = step.action {
                ahead[mobile.0] = Some(step.at);
            }
            let (Actor::MobileStation(mobile), StepAction::Handover { target, .. }) = (step.actor, &step.action) else {
                continue;
            };
            let in_step = ahead[mobile.0].is_none_or(|since| self.entered_between(&script[mobile], since, step.at));
            if in_step && disturbances.spare_step(script, step.at) {
                self.handover_completes(&script[mobile], step.at, &script[*target].name);
            }
        }
    }

    /// Whether a mobile has entered anywhere, or tried to.
    fn entered_between(&self, mobile: &MobileStation, since: VirtualTime, until: VirtualTime) -> bool {
        let between = since.as_nanos() / 1_000..until.as_nanos() / 1_000;
        let mut own = self.run.outcome.handovers.iter().filter(|handover| handover.ms == mobile.name);
        own.any(|handover| between.contains(&handover.started_us) && handover.outcome != "cancelled")
    }

    fn handover_completes(&mut self, mobile: &MobileStation, start: VirtualTime, target: &str) {
        let of_mobile = |handover: &&HandoverResult| handover.ms == mobile.name;
        let at = start.as_nanos() / 1_000;
        let handovers = &self.run.outcome.handovers;
        let earlier = handovers.iter().filter(of_mobile).rfind(|handover| handover.started_us < at);
        if is_detached(earlier) || is_near_the_end(mobile) {
            return;
        }
        let this = handovers.iter().filter(of_mobile).find(|handover| handover.started_us == at);
        let refused = |from: &str| from == target || !preparation_fits(self.script);
        match this {
            None => self.add("lock-out", format!("{start}: {} does not hand over to {target}", mobile.name)),
            Some(this) if this.outcome == "cancelled" && refused(&this.from) => {}
            // Who asks for the BS where it is is led to another candidate.
            Some(this) if this.outcome == "completed" && (this.to == target || this.from == target) => {}
            Some(this) => {
                let how = format!("from {} to {}: {}", this.from, this.to, this.outcome);
                self.add("lock-out", format!("{start}: {}, wanted {target}, {how}", mobile.name));
            }
        }
    }

    /// No lock-out, second half: when everything is at rest after the last step, user data flows both ways: all of it where
    /// nothing is lost, some of it otherwise, unless chance alone may have lost so many packets.
    pub(super) fn nobody_is_locked_out(&mut self) {
        let (script, run) = (self.script, self.run);
        let last_step = script.steps.last().map_or(VirtualTime::ZERO, |step| step.at);
        let rest = last_step + settle(script);
        let spared = Disturbances::of(script, run).spares(last_step, VirtualTime::MAX);
        let arrived: HashSet<&[u8]> = run.delivered.frames.iter().map(|frame| frame.octets.as_slice()).collect();
        let mut counts: BTreeMap<(&str, String), (u32, u32, f64)> = BTreeMap::new();
        for traffic in &script.traffic {
            let Traffic::Generated(generated) = traffic else { continue };
            let mobile = &script[generated.mobile_station];
            for (_, direction, packet) in packets(generated, mobile).filter(|(time, ..)| *time >= rest) {
                let key = (mobile.name.as_str(), direction.to_string());
                let (sent, came, all_lost) = counts.entry(key).or_insert((0, 0, 1.0));
                *sent += 1;
                *came += u32::from(arrived.contains(packet.as_slice()));
                *all_lost *= 1.0 - chance_to_arrive(script, packet.len());
            }
        }
        for ((mobile, direction), (sent, came, all_lost)) in counts {
            if is_detached(last_handover(run, mobile)) {
                continue;
            }
            if came == 0 && all_lost < 1e-9 {
                self.add("cut-off", format!("{mobile} {direction}: none of {sent} packets arrived after {rest}"));
            } else if came < sent && spared {
                self.add("lost", format!("{mobile} {direction}: {came} of {sent} packets arrived after {rest}"));
            }
        }
    }

    /// Where links do nothing to frames, no node forgets anything and the counts fit, completed handovers lose no user
    /// packet. Who cancels when it has left loses what the target sends until it hears of that: it may have been accepted
    /// (R15).
    pub(super) fn undisturbed_runs_lose_nothing(&mut self) {
        let (script, run) = (self.script, self.run);
        let other = |step: &Step| !matches!(step.action, StepAction::Handover { .. });
        let fit = |mobile: &MobileStation| mobile.network_key_count.is_none() && !is_near_the_end(mobile);
        let fell = |handover: &HandoverResult| !["completed", "cancelled"].contains(&handover.outcome.as_str());
        let undisturbed = !script.steps.iter().any(other)
            && script.mobile_stations.iter().all(fit)
            && Disturbances::of(script, run).spares(VirtualTime::ZERO, VirtualTime::MAX);
        if !undisturbed || run.outcome.handovers.iter().any(fell) {
            return;
        }
        for (name, traffic) in &run.outcome.traffic {
            for (direction, counts) in [("uplink", traffic.ul), ("downlink", traffic.dl)] {
                if counts.lost > 0 {
                    self.add("lost-undisturbed", format!("{name} {direction}: {counts:?}"));
                }
            }
        }
    }
}
