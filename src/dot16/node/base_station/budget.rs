//! Budgets: how often in a second a message that anybody can send may make the BS work, or ask the Authenticator
//! (`dot16-security.md` 9, attacks 2 and 6).

use crate::dot16::identifiers::MsMac;
use crate::dot16::node::event::{Event, What, Work};
use crate::emulation::Outbox;
use crate::time::VirtualTime;

/// What may be done so many times in each second of virtual time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    per_second: u32,
    second: u64,
    used: u32,
}

impl Budget {
    /// So many in each second.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, second: 0, used: 0 }
    }

    /// Takes one of this second, if there is one left.
    pub(super) fn take(&mut self, now: VirtualTime) -> bool {
        let second = now.as_nanos() / 1_000_000_000;
        if self.second != second {
            (self.second, self.used) = (second, 0);
        }
        let left = self.used < self.per_second;
        self.used += u32::from(left);
        left
    }
}

/// Reports work done for a mobile, or for who claims to be it, if there was any.
pub(super) fn worked(ms: MsMac, work: impl Into<Work>, outbox: &mut Outbox<Event>) {
    let work = work.into();
    if work != Work::NONE {
        outbox.report(Event { ms, what: What::Work(work) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_budget_is_for_one_second_and_the_next_has_a_new_one() {
        let mut budget = Budget::new(2);
        let at = |ms| VirtualTime::ZERO + Duration::from_millis(ms);
        assert_eq!(
            [900, 950, 999, 1_000, 1_001, 1_002].map(|ms| budget.take(at(ms))),
            [true, true, false, true, true, false]
        );
        assert!(!Budget::new(0).take(at(0)));
    }
}
