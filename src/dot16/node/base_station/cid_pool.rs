//! CIDs of one BS: basic CIDs 1 to 320 with the primary CID 320 above, transport CIDs from a range of its own.
//!
//! The lowest free CIDs are allocated. A BS that retains the context of an attempt keeps its CIDs reserved too, so that a
//! new preparation gets others (R15); one that forgets everything gives the same CIDs again, and with them the same
//! nonces (A18). The cells have different transport CIDs, since Wireshark tells fragment trains apart by CID
//! (`dot16-wire.md` 2.5).

use crate::dot16::identifiers::{Cid, Said, Sfid};
use crate::dot16::node::connection::{Connection, Flow};

/// The first transport CID that Wireshark takes as data.
const TRANSPORT_FIRST: u16 = 0x0300;
/// Transport CIDs of one BS.
const TRANSPORT_RANGE: u16 = 0x0e00;
/// How many BSs get a range of their own before ranges are used again.
const RANGES: u16 = 16;

/// The CIDs of a BS.
#[derive(Clone, Debug)]
pub struct CidPool {
    /// By distance from the first one: whether it is in use.
    basic: Vec<bool>,
    transport: Vec<bool>,
    first_basic: u16,
    first_transport: u16,
}

impl CidPool {
    /// The pool of the BS with this index in its network.
    #[must_use]
    pub fn new(index: usize) -> Self {
        let range = (index % usize::from(RANGES)) as u16;
        Self {
            basic: vec![false; usize::from(Cid::BASIC_MAX)],
            transport: vec![false; usize::from(TRANSPORT_RANGE)],
            first_basic: range * 20,
            first_transport: TRANSPORT_FIRST + range * TRANSPORT_RANGE,
        }
    }

    /// CIDs for a mobile with these flows; `None` if the pool is empty.
    pub fn allocate(&mut self, flows: &[(Sfid, Said)]) -> Option<Connection> {
        let step = self.basic.iter().position(|used| !used)?;
        let transport = self.take_transport(flows.len())?;
        self.basic[step] = true;
        let basic = Cid(1 + (self.first_basic + step as u16) % Cid::BASIC_MAX);
        Some(Connection { basic, primary: Cid(basic.0 + Cid::BASIC_MAX), flows: with_cids(flows, transport) })
    }

    /// Transport CIDs for `flows` beside the management CIDs of `connection`; `false` if there are not enough.
    pub fn add_flows(&mut self, connection: &mut Connection, flows: &[(Sfid, Said)]) -> bool {
        let Some(transport) = self.take_transport(flows.len()) else {
            return false;
        };
        connection.flows = with_cids(flows, transport);
        true
    }

    /// Takes free transport CIDs, the lowest ones; none if there are not so many.
    fn take_transport(&mut self, count: usize) -> Option<Vec<Cid>> {
        let free = self.transport.iter().enumerate().filter(|(_, used)| !**used).map(|(step, _)| step);
        let free: Vec<usize> = free.take(count).collect();
        (free.len() == count).then(|| {
            let take = |step: usize| {
                self.transport[step] = true;
                Cid(self.first_transport + step as u16)
            };
            free.into_iter().map(take).collect()
        })
    }

    /// Gives every CID back.
    pub fn clear(&mut self) {
        self.basic.fill(false);
        self.transport.fill(false);
    }

    /// Gives the CIDs of a connection back.
    pub fn free(&mut self, connection: &Connection) {
        let basic = connection.basic.0.wrapping_sub(1 + self.first_basic);
        let step = if basic < Cid::BASIC_MAX { basic } else { basic.wrapping_add(Cid::BASIC_MAX) };
        if let Some(used) = self.basic.get_mut(usize::from(step)) {
            *used = false;
        }
        for flow in &connection.flows {
            if let Some(used) = self.transport.get_mut(usize::from(flow.cid.0.wrapping_sub(self.first_transport))) {
                *used = false;
            }
        }
    }
}

fn with_cids(flows: &[(Sfid, Said)], cids: Vec<Cid>) -> Vec<Flow> {
    let flow = |(&(sfid, said), cid)| Flow { sfid, cid, said, direction: Flow::direction_of(sfid) };
    flows.iter().zip(cids).map(flow).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const FLOWS: [(Sfid, Said); 2] = [(Sfid(1), Said(5)), (Sfid(2), Said(5))];

    #[test]
    fn an_allocation_gets_other_cids_while_the_ones_before_are_reserved_and_the_same_once_they_are_free() {
        // R15; broken: A18
        let mut pool = CidPool::new(1);
        let first = pool.allocate(&FLOWS).unwrap();
        let second = pool.allocate(&FLOWS).unwrap();
        assert_ne!(first.basic, second.basic);
        assert!(first.flows.iter().all(|flow| second.flow_on(flow.cid).is_none()));
        pool.free(&first);
        assert_eq!(pool.allocate(&FLOWS).unwrap(), first);
    }

    #[test]
    fn three_hundred_and_twenty_mobiles_fit_and_their_cids_are_management_and_data() {
        let mut pool = CidPool::new(15);
        let connections: Vec<_> = std::iter::from_fn(|| pool.allocate(&FLOWS)).collect();
        assert_eq!(connections.len(), 320);
        for connection in &connections {
            assert!(connection.basic.is_management() && connection.primary.is_management());
            assert!(connection.flows.iter().all(|flow| !flow.cid.is_management()));
        }
        let basics: BTreeSet<_> = connections.iter().map(|connection| connection.basic).collect();
        assert_eq!(basics.len(), 320);
    }
}
