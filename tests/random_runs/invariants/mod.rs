//! What must hold in every run, judged from what the run leaves behind: document, capture, key log, delivered packets.
//!
//! * `keys`: packet numbers and keys (`dot16-security.md` 11, invariants 1, 2, 5, 6).
//! * `counts`: N and M (invariant 3).
//! * `procedures`: handovers end and complete, nobody is locked out.
//! * `rest`: when nothing disturbs a run.
//!
//! Here: the expectations of the script (no generated TEK on a link, invariant 7), and user packets, which an altered PDU
//! that is accepted would show (invariants 4 and 8).

mod counts;
mod keys;
mod procedures;
mod rest;

use keyhop::dot16::wire::RngReq;
use keyhop::scenario::outcome::{AuthenticationResult, HandoverResult, RunVerdict};
use keyhop::scenario::script::Script;
use keyhop::time::VirtualTime;

use crate::support::{AirPdu, Run};

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
    let mut found = Findings { script, run, air: run.air("air:"), found: Vec::new() };
    found.expectations();
    found.user_packets();
    found.packet_numbers();
    found.keys_differ();
    found.network_count();
    found.mobile_count();
    found.handovers_end();
    found.handovers_at_rest_complete();
    found.nobody_is_locked_out();
    found.undisturbed_runs_lose_nothing();
    found.found
}

/// Mobiles that are off the network at the end, and still on their way back.
pub fn detached(script: &Script, run: &Run) -> Vec<String> {
    let names = script.mobile_stations.iter().map(|mobile| mobile.name.clone());
    names.filter(|name| is_detached(run, name, VirtualTime::MAX)).collect()
}

/// Whether a mobile was off the network at `at`: released, and not yet in again.
fn is_detached(run: &Run, mobile: &str, at: VirtualTime) -> bool {
    let at = at.as_nanos() / 1_000;
    let mut own = run.outcome.handovers.iter().filter(|handover| handover.ms == mobile && handover.started_us < at);
    let Some(HandoverResult { outcome, ended_us: Some(ended), .. }) = own.next_back() else {
        return false;
    };
    let back = |one: &AuthenticationResult| one.ms == mobile && one.completed && (*ended..=at).contains(&one.at_us);
    outcome == "released" && !run.outcome.authentications.iter().any(back)
}

/// Whether initial ranging of a mobile went out from `from` to `until`: it was entering by authentication.
fn authenticates_to_enter(run: &Run, mobile: &str, from: VirtualTime, until: VirtualTime) -> bool {
    run.air(&format!("air:{mobile}-")).iter().any(|pdu| {
        let initial = |request: RngReq| request.cmac_key_count().is_none() && request.cmac_tuple().is_none();
        (from..=until).contains(&pdu.time) && pdu.rng_req().is_some_and(initial)
    })
}

/// A run that is looked at, and what was found.
struct Findings<'a> {
    script: &'a Script,
    run: &'a Run,
    /// What the nodes sent on the air.
    air: Vec<AirPdu>,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, rule: &'static str, detail: String) {
        self.found.push(Finding { rule, detail });
    }

    fn expectations(&mut self) {
        let run = self.run;
        for expectation in run.outcome.expectations.iter().filter(|expectation| !expectation.held) {
            self.add("expectation", format!("{}: {}", expectation.text, expectation.detail));
        }
        if run.outcome.verdict == RunVerdict::Fail && self.found.is_empty() {
            self.add("verdict", "the run fails, although every expectation holds".to_owned());
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
}

fn place(sent: &AirPdu) -> String {
    format!("frame {} at {} on {}", sent.frame + 1, sent.time, sent.interface)
}
