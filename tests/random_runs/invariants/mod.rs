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

use keyhop::scenario::outcome::RunVerdict;
use keyhop::scenario::script::Script;

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
    found.management_packet_numbers();
    found.keys_differ();
    found.network_count();
    found.mobile_count();
    found.handovers_end();
    found.switched_on_mobiles_come_in();
    found.handovers_at_rest_complete();
    found.nobody_is_locked_out();
    found.undisturbed_runs_lose_nothing();
    found.found
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
