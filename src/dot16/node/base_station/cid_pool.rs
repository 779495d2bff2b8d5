//! CIDs of one BS: basic CIDs 1 to 320 with the primary CID 320 above, transport CIDs from a range of its own.
//!
//! Allocation goes round the range, so that a new preparation gets other CIDs than the one before (R15). The cells have
//! different transport CIDs, since Wireshark tells fragment trains apart by CID (`dot16-wire.md` 2.5).

use std::collections::BTreeSet;

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
    used: BTreeSet<Cid>,
    next_basic: u16,
    first_transport: u16,
    next_transport: u16,
}

impl CidPool {
    /// The pool of the BS with this index in its network.
    #[must_use]
    pub fn new(index: usize) -> Self {
        let range = (index % usize::from(RANGES)) as u16;
        Self {
            used: BTreeSet::new(),
            next_basic: range * 20,
            first_transport: TRANSPORT_FIRST + range * TRANSPORT_RANGE,
            next_transport: 0,
        }
    }

    /// CIDs for a mobile with these flows; `None` if the pool is empty.
    pub fn allocate(&mut self, flows: &[(Sfid, Said)]) -> Option<Connection> {
        let basic = (0..Cid::BASIC_MAX).map(|step| Cid(1 + (self.next_basic + step) % Cid::BASIC_MAX));
        let basic = basic.into_iter().find(|cid| !self.used.contains(cid))?;
        let mut taken = vec![basic];
        let mut allocated = Vec::with_capacity(flows.len());
        let mut step = 0;
        for &(sfid, said) in flows {
            let cid = loop {
                if step == TRANSPORT_RANGE {
                    return None;
                }
                let cid = Cid(self.first_transport + (self.next_transport + step) % TRANSPORT_RANGE);
                step += 1;
                if !self.used.contains(&cid) {
                    break cid;
                }
            };
            taken.push(cid);
            allocated.push(Flow {
                sfid,
                cid,
                said,
                direction: Flow::direction_of(sfid),
            });
        }
        self.next_basic = basic.0 % Cid::BASIC_MAX;
        self.next_transport = (self.next_transport + step) % TRANSPORT_RANGE;
        self.used.extend(taken);
        Some(Connection {
            basic,
            primary: Cid(basic.0 + Cid::BASIC_MAX),
            flows: allocated,
        })
    }

    /// Gives the CIDs of a connection back.
    pub fn free(&mut self, connection: &Connection) {
        self.used.remove(&connection.basic);
        for flow in &connection.flows {
            self.used.remove(&flow.cid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOWS: [(Sfid, Said); 2] = [(Sfid(1), Said(5)), (Sfid(2), Said(5))];

    #[test]
    fn a_new_allocation_gets_other_cids_than_the_one_just_freed() {
        // R15
        let mut pool = CidPool::new(1);
        let first = pool.allocate(&FLOWS).unwrap();
        pool.free(&first);
        let second = pool.allocate(&FLOWS).unwrap();
        assert_ne!(first.basic, second.basic);
        assert!(first.flows.iter().all(|flow| second.flow_on(flow.cid).is_none()));
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
