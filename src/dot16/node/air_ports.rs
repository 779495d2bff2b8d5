//! Which port leads from which mobile to which base station: computed, since there is one for every pair.

use std::collections::{BTreeMap, HashMap};

use crate::dot16::identifiers::{Bsid, MsMac};
use crate::emulation::Port;

/// The air links of a network. The port of a pair is the number of links of the mobiles before it, and the position of the
/// base station.
#[derive(Clone, Debug, Default)]
pub struct AirPorts {
    macs: Vec<MsMac>,
    bsids: Vec<Bsid>,
    mobiles: HashMap<MsMac, usize>,
    stations: BTreeMap<Bsid, usize>,
}

impl AirPorts {
    /// Links between any of these mobiles and any of these base stations.
    #[must_use]
    pub fn new(macs: Vec<MsMac>, bsids: Vec<Bsid>) -> Self {
        let mobiles = macs.iter().enumerate().map(|(position, ms)| (*ms, position)).collect();
        let stations = bsids.iter().enumerate().map(|(position, bs)| (*bs, position)).collect();
        Self { macs, bsids, mobiles, stations }
    }

    /// The mobiles by position.
    #[must_use]
    pub fn macs(&self) -> &[MsMac] {
        &self.macs
    }

    /// The base stations by position.
    #[must_use]
    pub fn bsids(&self) -> &[Bsid] {
        &self.bsids
    }

    /// The base stations, in the order of their BSIDs.
    pub fn stations(&self) -> impl DoubleEndedIterator<Item = Bsid> {
        self.stations.keys().copied()
    }

    /// The position of a mobile.
    #[must_use]
    pub fn mobile(&self, ms: MsMac) -> Option<usize> {
        self.mobiles.get(&ms).copied()
    }

    /// The position of a base station.
    #[must_use]
    pub fn station(&self, bs: Bsid) -> Option<usize> {
        self.stations.get(&bs).copied()
    }

    /// How many air links there are; their ports count from 0.
    #[must_use]
    pub fn count(&self) -> usize {
        self.macs.len().saturating_mul(self.bsids.len())
    }

    /// The port between a mobile and a base station, if both are of this network.
    #[must_use]
    pub fn port(&self, ms: MsMac, bs: Bsid) -> Option<Port> {
        Some(Port(self.mobile(ms)? * self.bsids.len() + self.station(bs)?))
    }

    /// The mobile and the base station of a port, if it is one in the air.
    #[must_use]
    pub fn ends(&self, port: Port) -> Option<(MsMac, Bsid)> {
        let ms = self.macs.get(port.0.checked_div(self.bsids.len())?)?;
        Some((*ms, *self.bsids.get(port.0.checked_rem(self.bsids.len())?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_a_port_of_its_own_that_leads_back_to_it() {
        let (macs, bsids) = ([4, 2, 9].map(|octet| MsMac([octet; 6])), [7, 1].map(|octet| Bsid([octet; 6])));
        let ports = AirPorts::new(macs.to_vec(), bsids.to_vec());
        let mut seen = Vec::new();
        for (ms, bs) in macs.into_iter().flat_map(|ms| bsids.map(|bs| (ms, bs))) {
            let port = ports.port(ms, bs).unwrap();
            assert_eq!(ports.ends(port), Some((ms, bs)));
            seen.push(port.0);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        assert_eq!((ports.count(), ports.ends(Port(6))), (6, None));
        assert_eq!(ports.stations().collect::<Vec<_>>(), [bsids[1], bsids[0]]);
        assert_eq!(ports.port(MsMac([0; 6]), bsids[0]), None);
        assert_eq!(AirPorts::default().ends(Port(0)), None);
    }
}
