//! Handovers end in time; where nothing disturbs them they complete and lose nothing; nobody is locked out.

use std::collections::{BTreeMap, HashSet};

use keyhop::scenario::outcome::HandoverResult;
use keyhop::scenario::script::{Actor, Entry, MobileStation, Step, StepAction, Traffic};
use keyhop::scenario::traffic::packets;
use keyhop::time::VirtualTime;

use super::Findings;
use super::rest::{Disturbances, chance_to_arrive, is_ahead_at_start, uses_up_pns};
use crate::bounds::{entrance, handover_bound, is_near_the_end, preparation_fits, settle};

fn micros(micros: u64) -> VirtualTime {
    VirtualTime::from_nanos(micros.saturating_mul(1_000))
}

impl Findings<'_> {
    fn handovers_of<'a>(&'a self, mobile: &'a str) -> impl DoubleEndedIterator<Item = &'a HandoverResult> {
        self.run.outcome.handovers.iter().filter(move |handover| handover.ms == mobile)
    }

    /// Every handover ends within its bound. One that ends in an entry by authentication has a bound only if nothing is lost.
    pub(super) fn handovers_end(&mut self) {
        let (script, run) = (self.script, self.run);
        let bound = handover_bound(script);
        let disturbances = Disturbances::of(script, run);
        for handover in &run.outcome.handovers {
            let start = micros(handover.started_us);
            let what = format!("{}: {} to {}", start, handover.ms, handover.to);
            let end = handover.ended_us.map(micros);
            let spared = disturbances.spares(start, end.unwrap_or(start + bound));
            let enters = handover.outcome == "reauthenticated" || self.is_away(&handover.ms, start + bound);
            match end {
                _ if enters && !spared => {}
                None if start + bound < VirtualTime::ZERO + script.duration => {
                    self.add("handover-open", format!("{what} has not ended"));
                }
                Some(end) if end.since(start) > bound => {
                    self.add("handover-late", format!("{what} took {:?} of {bound:?}", end.since(start)));
                }
                _ => {}
            }
        }
    }

    /// When a mobile was on its way into the network by authentication last before `at`, unless it has got in since.
    fn away_since(&self, mobile: &str, at: VirtualTime) -> Option<VirtualTime> {
        let released = |handover: &&HandoverResult| handover.outcome == "released";
        let released = self.handovers_of(mobile).filter(released).filter_map(|handover| handover.ended_us.map(micros));
        let own = format!("air:{mobile}-");
        let ranging = self.air.iter().filter(|sent| sent.interface.starts_with(&own));
        let ranging = ranging.filter(|sent| sent.rng_req().is_some_and(|request| request.cmac_tuple().is_none()));
        let away = released.chain(ranging.map(|sent| sent.time)).filter(|time| *time <= at).max()?;
        let mut authentications = self.run.outcome.authentications.iter();
        let in_again = authentications.any(|authentication| {
            let time = micros(authentication.at_us);
            authentication.ms == mobile && authentication.completed && away <= time && time <= at
        });
        (!in_again).then_some(away)
    }

    fn is_away(&self, mobile: &str, at: VirtualTime) -> bool {
        self.away_since(mobile, at).is_some()
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
            // After a round of all base stations in vain, for which there is a reason, the mobile waits.
            let away = self.away_since(&script[mobile].name, step.at);
            let waits = away.is_some_and(|since| !disturbances.spare_before(since, step.at));
            let is_in = self.is_in_the_network(&script[mobile], step.at);
            if is_in && in_step && !waits && disturbances.spare_step(script, step.at) {
                self.handover_completes(&script[mobile], step.at, &script[*target].name);
            }
        }
    }

    /// A mobile that is switched on at the start comes in, if nothing disturbs it.
    pub(super) fn switched_on_mobiles_come_in(&mut self) {
        let script = self.script;
        let by = VirtualTime::ZERO + entrance(script);
        let lasts = by <= VirtualTime::ZERO + script.duration && script.steps.iter().all(|step| step.at > by);
        if !lasts || !Disturbances::of(script, self.run).spares(VirtualTime::ZERO, by) {
            return;
        }
        for mobile in &script.mobile_stations {
            if !self.is_in_the_network(mobile, by) {
                self.add("not-in", format!("{} has not entered the network by {by}", mobile.name));
            }
        }
    }

    /// Whether a mobile that is switched on at the start has come in before.
    fn is_in_the_network(&self, mobile: &MobileStation, at: VirtualTime) -> bool {
        let mut entries = self.run.outcome.authentications.iter().filter(|one| one.ms == mobile.name && one.completed);
        mobile.entry == Entry::Established || entries.any(|one| micros(one.at_us) < at)
    }

    /// Whether a mobile has entered anywhere, or tried to.
    fn entered_between(&self, mobile: &MobileStation, since: VirtualTime, until: VirtualTime) -> bool {
        let between = since.as_nanos() / 1_000..until.as_nanos() / 1_000;
        let entered =
            |handover: &HandoverResult| between.contains(&handover.started_us) && handover.outcome != "cancelled";
        self.handovers_of(&mobile.name).any(entered)
    }

    fn handover_completes(&mut self, mobile: &MobileStation, start: VirtualTime, target: &str) {
        let this = self.handovers_of(&mobile.name).find(|handover| micros(handover.started_us) == start);
        let refused = |from: &str| from == target || !preparation_fits(self.script);
        let what = match this {
            // It waits for the end of an authentication.
            None if is_near_the_end(mobile) => return,
            None => format!("{start}: {} does not hand over to {target}", mobile.name),
            Some(this) => {
                let (outcome, from, to) = (this.outcome.as_str(), &this.from, &this.to);
                let good = match outcome {
                    "cancelled" => refused(from),
                    // Who asks for the BS where it is is led to another candidate.
                    "completed" => to == target || from == target,
                    "reauthenticated" => is_near_the_end(mobile),
                    _ => false,
                };
                if good {
                    return;
                }
                format!("{start}: {}, wanted {target}, from {from} to {to}: {outcome}", mobile.name)
            }
        };
        self.add("lock-out", what);
    }

    /// No lock-out, second half: when everything is at rest after the last step, user data flows both ways: all of it where
    /// nothing is lost, some of it otherwise, unless chance alone may have lost so many packets, or let the mobile enter
    /// the network again just then.
    pub(super) fn nobody_is_locked_out(&mut self) {
        let (script, run) = (self.script, self.run);
        let last_step = script.steps.last().map_or(VirtualTime::ZERO, |step| step.at);
        let rest = last_step + settle(script);
        let spared = !uses_up_pns(script) && Disturbances::of(script, run).spares(last_step, VirtualTime::MAX);
        let arrived: HashSet<&[u8]> = run.delivered.frames.iter().map(|frame| frame.octets.as_slice()).collect();
        let mut counts: BTreeMap<(&str, String), (u32, u32, f64)> = BTreeMap::new();
        for traffic in &script.traffic {
            let Traffic::Generated(generated) = traffic else { continue };
            let mobile = &script[generated.mobile_station];
            // An authentication that is cut short takes as long as it may.
            if !self.is_in_the_network(mobile, rest) {
                continue;
            }
            for (_, direction, packet) in
                packets(generated, (&mobile.name, mobile.ip)).filter(|(time, ..)| *time >= rest)
            {
                let key = (mobile.name.as_str(), direction.to_string());
                let (sent, came, all_lost) = counts.entry(key).or_insert((0, 0, 1.0));
                *sent += 1;
                *came += u32::from(arrived.contains(packet.as_slice()));
                *all_lost *= 1.0 - chance_to_arrive(script, packet.len());
            }
        }
        for ((mobile, direction), (sent, came, all_lost)) in counts {
            let away = self.is_away(mobile, rest) || self.is_away(mobile, VirtualTime::MAX);
            if came == 0 && all_lost < 1e-9 && (spared || !away) {
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
        // What comes for a mobile that has still to enter has no path.
        let fit = |mobile: &MobileStation| {
            mobile.network_key_count.is_none() && !is_near_the_end(mobile) && mobile.entry == Entry::Established
        };
        let fell = |handover: &HandoverResult| !["completed", "cancelled"].contains(&handover.outcome.as_str());
        let undisturbed = !uses_up_pns(script)
            && !script.steps.iter().any(other)
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
