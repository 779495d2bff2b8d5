//! What must hold in every run, judged from what the run leaves behind: document, capture, key log, delivered packets.

use std::collections::{BTreeMap, HashMap};

use keyhop::capture::key_log::TekRecord;
use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::identifiers::{Bsid, CmacKeyCount, Direction, MsMac};
use keyhop::dot16::security::{Tek, ccm};
use keyhop::scenario::outcome::{HandoverResult, RunVerdict};
use keyhop::scenario::script::{Actor, MobileStation, MobileStationId, Profile, Script, Step, StepAction, Traffic};
use keyhop::scenario::traffic::packets;
use keyhop::time::VirtualTime;

use super::bounds::{handover_bound, preparation_fits, settle};
use crate::support::{AirPdu, Run, count_in};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was broken; the same word for the same thing in every run.
    pub rule: &'static str,
    /// Where.
    pub detail: String,
}

/// Everything that is wrong with a run.
pub fn findings(script: &Script, run: &Run) -> Vec<Finding> {
    let mut found = Findings { script, run, found: Vec::new() };
    found.expectations();
    found.packet_numbers();
    found.keys_differ();
    found.network_count();
    found.mobile_count();
    found.user_packets();
    found.handovers_end();
    found.handovers_at_rest_complete();
    found.nobody_is_locked_out();
    found.undisturbed_runs_lose_nothing();
    found.found
}

/// Mobiles that are off the network at the end: there is no way back for them without a new authentication.
pub fn detached(script: &Script, run: &Run) -> Vec<String> {
    let names = script.mobile_stations.iter().map(|mobile| mobile.name.clone());
    names.filter(|name| is_detached(last_handover(run, name))).collect()
}

fn last_handover<'a>(run: &'a Run, mobile: &str) -> Option<&'a HandoverResult> {
    run.outcome.handovers.iter().rfind(|handover| handover.ms == mobile)
}

fn is_detached(last: Option<&HandoverResult>) -> bool {
    let gone = |handover: &HandoverResult| ["released", "reauthenticated"].contains(&handover.outcome.as_str());
    last.is_some_and(|handover| handover.ended_us.is_some() && gone(handover))
}

struct Findings<'a> {
    script: &'a Script,
    run: &'a Run,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, rule: &'static str, detail: String) {
        self.found.push(Finding { rule, detail });
    }

    /// Those of the script: no generated TEK on a link, in the scripts that ask for the search.
    fn expectations(&mut self) {
        for expectation in &self.run.outcome.expectations {
            if !expectation.held {
                self.add("expectation", format!("{}: {}", expectation.text, expectation.detail));
            }
        }
        if self.run.outcome.verdict == RunVerdict::Fail && self.found.is_empty() {
            self.add("verdict", "the run fails, although every expectation holds".to_owned());
        }
    }

    /// Every (TEK, direction, PN) is used once, and PNs only grow, over restarts, cancels and returns (invariants 1, 2).
    fn packet_numbers(&mut self) {
        if self.run.outcome.nonce_reuse > 0 {
            self.add("nonce", format!("the nodes report {} pairs used twice", self.run.outcome.nonce_reuse));
        }
        let mut teks: BTreeMap<(MsMac, Bsid, u8), Vec<&TekRecord>> = BTreeMap::new();
        for tek in self.run.teks() {
            teks.entry((tek.ms, tek.bs, tek.eks)).or_default().push(tek);
        }
        let mut last: HashMap<([u8; 16], Direction), u32> = HashMap::new();
        let mut in_use: HashMap<(MsMac, Bsid), (CmacKeyCount, VirtualTime)> = HashMap::new();
        let restarts = self.restarts();
        for sent in self.run.air("air:").iter().filter(|sent| sent.is_data()) {
            let pdu = sent.pdu();
            let (ms, bs) = self.run.ends(&sent.interface);
            let of_link = teks.get(&(ms, bs, pdu.header.eks)).map_or(&[][..], Vec::as_slice);
            let opened = of_link
                .iter()
                .rev()
                .find_map(|tek| Some((*tek, ccm::open(&Tek::from_octets(*tek.key.expose()), &pdu).ok()?)));
            let Some((tek, opened)) = opened else {
                self.add("key-log", format!("{}: no TEK of the key log opens it", place(sent)));
                continue;
            };
            let pn = opened.pn.count();
            let before = last.insert((*tek.key.expose(), opened.direction), pn).unwrap_or(0);
            if pn <= before {
                self.add("packet-number", format!("{}: PN {pn} after {before} under count {}", place(sent), tek.count));
            }
            // T_B as the downlink shows it: it never goes back, unless the BS has forgotten it.
            if sent.direction == Direction::Downlink {
                let forgotten = |since| restarts.iter().any(|(of, at)| *of == bs && since < *at && *at <= sent.time);
                let (count, _) = in_use.insert((ms, bs), (tek.count, sent.time)).unwrap_or((tek.count, sent.time));
                if tek.count < count && !forgotten(sent.time) {
                    self.add("traffic-count", format!("{}: count {} after {count}", place(sent), tek.count));
                }
            }
        }
    }

    /// When which BS restarted.
    fn restarts(&self) -> Vec<(Bsid, VirtualTime)> {
        let steps = self.script.steps.iter();
        steps
            .filter_map(|step| match (step.actor, &step.action) {
                (Actor::BaseStation(bs), StepAction::Restart { .. }) => Some((self.script[bs].bsid, step.at)),
                _ => None,
            })
            .collect()
    }

    /// TEKs of different mobiles, base stations, SAs, counts and labels differ (invariant 5), and no BS other than its own
    /// holds one (invariant 6): a key is named once.
    fn keys_differ(&mut self) {
        let mut names: HashMap<&[u8; 16], (MsMac, Bsid, String)> = HashMap::new();
        for tek in self.run.teks() {
            let name = format!("{} {} {:?} EKS {}", tek.said, tek.count, tek.source, tek.eks);
            let name = (tek.ms, tek.bs, name);
            if let Some(other) = names.insert(tek.key.expose(), name.clone()).filter(|other| *other != name) {
                self.add("same-key", format!("{name:?} is {other:?}"));
            }
        }
    }

    /// N never goes back, unless it is read from a backup, and it moves only behind a count that a BS has reported
    /// (invariant 3, R2, A15). An answer that is repeated says what it said.
    fn network_count(&mut self) {
        for mobile in &self.script.mobile_stations {
            let mut allowed = vec![first_network_count(mobile)];
            let mut backups = self.backups(mobile);
            let mut highest = CmacKeyCount(0);
            let mut seen = Vec::new();
            for (time, from, to, kind, transaction, count) in counts_on_the_backbone(self.run, mobile.mac) {
                while let Some((_, backup)) = backups.first().filter(|(at, _)| *at <= time).copied() {
                    backups.remove(0);
                    (highest, allowed) = (CmacKeyCount(0), vec![backup]);
                }
                if from.is_some() {
                    allowed.extend(count.next());
                    continue;
                }
                if seen.contains(&(to, transaction, kind)) {
                    continue;
                }
                seen.push((to, transaction, kind));
                if count < highest {
                    self.add("network-count", format!("{time}: N = {count} for {} after {highest}", mobile.name));
                }
                if !allowed.contains(&count) {
                    self.add("network-count", format!("{time}: N = {count} for {} that nobody reported", mobile.name));
                }
                highest = highest.max(count);
            }
        }
    }

    fn backups(&self, mobile: &MobileStation) -> Vec<(VirtualTime, CmacKeyCount)> {
        let steps = self.script.steps.iter();
        steps
            .filter_map(|step| match step.action {
                StepAction::Restart { backup: Some((of, count)) } if self.script[of].mac == mobile.mac => {
                    Some((step.at, count))
                }
                _ => None,
            })
            .collect()
    }

    /// The count of RNG-REQ never goes back, and one count is for one BS only (R1; `std2009`: the key lock keeps it).
    fn mobile_count(&mut self) {
        let loses = |mobile: MobileStationId| {
            let of = |step: &&Step| step.actor == Actor::MobileStation(mobile);
            self.script.steps.iter().filter(of).any(|step| step.action == StepAction::LoseCounter)
        };
        let names = (0..self.script.mobile_stations.len()).map(MobileStationId).filter(|mobile| !loses(*mobile));
        for mobile in names.map(|mobile| &self.script[mobile]).collect::<Vec<_>>() {
            let mut last: Option<(CmacKeyCount, String)> = None;
            for sent in self.run.air(&format!("air:{}-", mobile.name)) {
                let Some(count) = sent.rng_req().and_then(|request| request.cmac_key_count()) else { continue };
                let (before, bs) =
                    last.replace((count, sent.interface.clone())).unwrap_or((count, sent.interface.clone()));
                if count < before {
                    self.add("mobile-count", format!("{}: count {count} after {before}", place(&sent)));
                }
                if count == before && bs != sent.interface && self.script.profile == Profile::Contribution {
                    self.add("mobile-count", format!("{}: count {count} was for {bs}", place(&sent)));
                }
            }
        }
    }

    /// User packets come out once at the most, and as they went in.
    fn user_packets(&mut self) {
        for (name, traffic) in &self.run.outcome.traffic {
            for (direction, counts) in [("uplink", traffic.ul), ("downlink", traffic.dl)] {
                if counts.duplicated + counts.altered > 0 {
                    self.add("user-packets", format!("{name} {direction}: {counts:?}"));
                }
            }
        }
    }

    /// Every handover ends within its bound.
    fn handovers_end(&mut self) {
        let bound = handover_bound(self.script);
        let limit = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        let duration = u64::try_from(self.script.duration.as_micros()).unwrap_or(u64::MAX);
        for handover in &self.run.outcome.handovers {
            let what = || format!("{} to {} from {} us on", handover.ms, handover.to, handover.started_us);
            match handover.ended_us {
                None if handover.started_us + limit < duration => {
                    self.add("handover-open", format!("{} has not ended", what()));
                }
                Some(ended) if ended - handover.started_us > limit => {
                    self.add("handover-late", format!("{} took {} us of {limit}", what(), ended - handover.started_us));
                }
                _ => {}
            }
        }
    }

    /// No lock-out, first half: where nothing is lost, a handover that begins when everything is at rest, and is left alone,
    /// is completed, or refused because the mobile is there already.
    fn handovers_at_rest_complete(&mut self) {
        let script = self.script;
        if !is_clean(script) {
            return;
        }
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
            if in_step && is_alone(script, step) {
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
        let earlier = self.run.outcome.handovers.iter().filter(of_mobile).rfind(|handover| handover.started_us < at);
        if is_detached(earlier) || is_near_the_end(mobile) {
            return;
        }
        let this = self.run.outcome.handovers.iter().filter(of_mobile).find(|handover| handover.started_us == at);
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

    /// Where links lose nothing, no node forgets anything and the counts fit, completed handovers lose no user packet. Who
    /// cancels when it has left loses what the target sends until it hears of that (R15: it may have been accepted).
    fn undisturbed_runs_lose_nothing(&mut self) {
        let script = self.script;
        let other = |step: &Step| !matches!(step.action, StepAction::Handover { .. });
        let fit = |mobile: &MobileStation| mobile.network_key_count.is_none() && !is_near_the_end(mobile);
        let fell = |handover: &HandoverResult| !["completed", "cancelled"].contains(&handover.outcome.as_str());
        let undisturbed = is_clean(script) && !script.steps.iter().any(other) && script.mobile_stations.iter().all(fit);
        if !undisturbed || self.run.outcome.handovers.iter().any(fell) {
            return;
        }
        for (name, traffic) in &self.run.outcome.traffic {
            for (direction, counts) in [("uplink", traffic.ul), ("downlink", traffic.dl)] {
                if counts.lost > 0 {
                    self.add("lost-undisturbed", format!("{name} {direction}: {counts:?}"));
                }
            }
        }
    }

    /// No lock-out, second half: when everything is at rest after the last step, user data flows both ways: all of it where
    /// nothing is lost, some of it otherwise, unless chance alone may have lost so many packets.
    fn nobody_is_locked_out(&mut self) {
        let script = self.script;
        let last_step = script.steps.last().map_or(VirtualTime::ZERO, |step| step.at);
        let rest = last_step + settle(script);
        let mut arrived: HashMap<&[u8], ()> = HashMap::new();
        for frame in &self.run.delivered.frames {
            arrived.insert(frame.octets.as_slice(), ());
        }
        let mut counts: BTreeMap<(String, bool), (u32, u32, f64)> = BTreeMap::new();
        for traffic in &script.traffic {
            let Traffic::Generated(generated) = traffic else { continue };
            let mobile = &script[generated.mobile_station];
            for (time, direction, packet) in packets(generated, mobile) {
                if time < rest {
                    continue;
                }
                let key = (mobile.name.clone(), direction == Direction::Uplink);
                let (sent, came, all_lost) = counts.entry(key).or_insert((0, 0, 1.0));
                *sent += 1;
                *came += u32::from(arrived.contains_key(packet.as_slice()));
                *all_lost *= 1.0 - chance_to_arrive(script, packet.len());
            }
        }
        for ((mobile, uplink), (sent, came, all_lost)) in counts {
            if is_detached(last_handover(self.run, &mobile)) {
                continue;
            }
            let direction = if uplink { "uplink" } else { "downlink" };
            if came == 0 && all_lost < 1e-9 {
                self.add("cut-off", format!("{mobile} {direction}: none of {sent} packets arrived after {rest}"));
            } else if came < sent && is_clean(script) {
                self.add("lost", format!("{mobile} {direction}: {came} of {sent} packets arrived after {rest}"));
            }
        }
    }
}

fn place(sent: &AirPdu) -> String {
    format!("frame {} at {} on {}", sent.frame + 1, sent.time, sent.interface)
}

/// Whether the links lose and change nothing.
fn is_clean(script: &Script) -> bool {
    script.radio.loss == 0.0 && script.radio.bit_errors == 0.0 && script.backbone.loss == 0.0
}

/// Whether everything is at rest when a step begins, and stays so until a handover would be over. Steps of one instant
/// do not count as disturbing each other.
fn is_alone(script: &Script, step: &Step) -> bool {
    let before = script.steps.iter().rfind(|other| other.at < step.at);
    let after = script.steps.iter().find(|other| other.at > step.at);
    before.is_none_or(|before| before.at + settle(script) <= step.at)
        && after.is_none_or(|after| step.at + handover_bound(script) <= after.at)
}

/// Whether N is more than one above M at the start.
fn is_ahead_at_start(mobile: &MobileStation) -> bool {
    let own = mobile.cmac_key_count.map_or(1, |count| count.0);
    mobile.network_key_count.is_some_and(|next| next.0 > own.saturating_add(1))
}

/// Whether the counts of a mobile may be used up in a run.
fn is_near_the_end(mobile: &MobileStation) -> bool {
    mobile.cmac_key_count.is_some_and(|count| count.0 > 65_000)
}

fn first_network_count(mobile: &MobileStation) -> CmacKeyCount {
    let own = mobile.cmac_key_count.map_or(1, |count| count.0);
    mobile.network_key_count.unwrap_or(CmacKeyCount(own.saturating_add(1)))
}

/// The probability that a user packet of this size arrives, if there is a connection.
fn chance_to_arrive(script: &Script, octets: usize) -> f64 {
    let radio = &script.radio;
    let pieces = octets.div_ceil(usize::from(radio.max_pdu).saturating_sub(24).max(1)).max(1);
    let piece = (1.0 - radio.loss) * (1.0 - radio.bit_errors);
    piece.powi(i32::try_from(pieces).unwrap_or(i32::MAX)) * (1.0 - script.backbone.loss)
}

/// A count on the backbone: when, reported by which BS (`None`: by the Authenticator), to whom, in what, and the count.
type CountSent = (VirtualTime, Option<Bsid>, std::net::Ipv4Addr, [u8; 2], u16, CmacKeyCount);

/// Every count of a mobile that BSs report and the Authenticator hands out or announces, in order.
fn counts_on_the_backbone(run: &Run, ms: MsMac) -> Vec<CountSent> {
    let mut counts = Vec::new();
    for kind in [MessageKind::ContextRpt, MessageKind::CmacKeyCountUpdate] {
        for (time, packet, message) in run.control(kind) {
            let reporter = run.keys.node_at(packet.from.ip).and_then(|node| node.id).map(Bsid);
            if let Some(count) = count_in(&message.tlvs).filter(|_| message.ms == ms) {
                counts.push((time, reporter, packet.to.ip, kind.octets(), message.transaction, count));
            }
        }
    }
    counts.sort_by_key(|(time, ..)| *time);
    counts
}
