//! A restart of the BS: everything that is kept in memory is gone, connections, contexts and `H` among them (R8).

use super::{BaseStation, Timer};
use crate::dot16::identifiers::Direction;
use crate::dot16::node::event::{Event, What};
use crate::dot16::node::timers::Timers;
use crate::emulation::Outbox;
use crate::time::VirtualTime;

impl BaseStation {
    /// Forgets every mobile. Transactions, GRE keys and the generator of random TEKs go on where they were, as those of a
    /// node do that starts them from its clock.
    pub(super) fn restart(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let bs = self.settings.bsid;
        for (ms, mut mobile) in std::mem::take(&mut self.mobiles) {
            if let Some(connection) = &mobile.connection {
                self.report_cids(ms, connection, false, outbox);
            }
            mobile.report.update(&[], outbox);
            self.event(ms, What::TrafficCount { bs, at_mobile: false, count: None }, outbox);
            self.event(ms, What::DownlinkStopped { bs }, outbox);
            for _ in mobile.queue.take_all() {
                self.event(ms, What::PacketGivenUp { direction: Direction::Downlink }, outbox);
            }
        }
        self.entrances.clear();
        self.cids.clear();
        self.by_cid.clear();
        self.by_tunnel.clear();
        self.retained.clear();
        self.backbone.restart();
        self.timers = Timers::default();
        self.timers.set(Timer::Advertise, now + self.settings.radio.neighbour_advertisement);
    }
}
