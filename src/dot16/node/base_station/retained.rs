//! The bound on retained contexts (R8): contexts of ended attempts are kept until N has moved past them (R5), but never more
//! than a limit at one BS. The one that was retained first gives way; `H` stays, so that its count is never derived again.

use std::collections::VecDeque;

use super::{BaseStation, Role};
use crate::dot16::identifiers::{CmacKeyCount, MsMac};
use crate::dot16::node::event::Event;
use crate::emulation::Outbox;

impl BaseStation {
    /// An attempt or connection of `ms` has ended: its contexts are retained from now on.
    pub(super) fn retain_contexts(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let mut order = std::mem::take(&mut self.retained);
        let keys = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref());
        for (count, ..) in keys.iter().flat_map(|keys| keys.retained()) {
            if !order.contains(&(ms, count)) {
                order.push_back((ms, count));
            }
        }
        if order.len() > self.settings.retained_contexts {
            order.retain(|(ms, count)| self.is_retained(*ms, *count));
        }
        while order.len() > self.settings.retained_contexts {
            self.evict_first(&mut order, outbox);
        }
        self.retained = order;
    }

    /// Whether a context is there and in no use.
    fn is_retained(&self, ms: MsMac, count: CmacKeyCount) -> bool {
        let Some(mobile) = self.mobiles.get(&ms) else { return false };
        let Some(keys) = &mobile.keys else { return false };
        let in_use = !matches!(mobile.role, Role::Idle) && keys.count() == count;
        !in_use && keys.retained().any(|(retained, ..)| retained == count)
    }

    fn evict_first(&mut self, order: &mut VecDeque<(MsMac, CmacKeyCount)>, outbox: &mut Outbox<Event>) {
        let Some((ms, count)) = order.pop_front() else { return };
        if let Some(keys) = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut()) {
            keys.evict(count);
        }
        self.report_keys(ms, outbox);
    }
}
