//! The interfaces of a capture: one for each link, or for all the links of a base station where there are too many.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::recorded_capture::kind;
use super::world::{LinkEnds, Topology};
use crate::capture::InterfaceDescription;
use crate::emulation::Port;

/// Links that share an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    /// The air links of this base station.
    Air(usize),
    /// R4 from this base station to those behind it in the script.
    R4(usize),
}

/// Which links share interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    None,
    Air,
    AirAndR4,
}

impl Sharing {
    fn of(self, ends: LinkEnds) -> Option<Shared> {
        match (self, ends) {
            (Self::Air | Self::AirAndR4, LinkEnds::Air { base_station, .. }) => Some(Shared::Air(base_station)),
            (Self::AirAndR4, LinkEnds::R4 { first, .. }) => Some(Shared::R4(first)),
            _ => None,
        }
    }

    /// How many interfaces these links have.
    fn interfaces(self, links: impl Iterator<Item = LinkEnds>) -> usize {
        let mut shared = BTreeSet::new();
        links.filter(|ends| self.of(*ends).is_none_or(|one| shared.insert(one))).count()
    }
}

/// The interfaces of links.
pub(super) struct Interfaces {
    /// By their numbers.
    pub(super) descriptions: Vec<InterfaceDescription>,
    /// The number of the interface of a link, by its port.
    pub(super) numbers: HashMap<usize, usize>,
}

impl Interfaces {
    /// At most `most` interfaces, in the order of the ports: one for each link; else one for the air links of each base station;
    /// where those are too many, another for the links of R4 of each. Of 1024 base stations that makes less than 4096.
    pub(super) fn new(ports: &BTreeSet<usize>, topology: &Topology, most: usize) -> Self {
        let links = || ports.iter().filter_map(|port| Some((*port, topology.link(Port(*port))?)));
        let fits = |sharing: &Sharing| sharing.interfaces(links().map(|(_, ends)| ends)) <= most;
        let sharing = [Sharing::None, Sharing::Air].into_iter().find(fits).unwrap_or(Sharing::AirAndR4);
        let mut interfaces = Self { descriptions: Vec::new(), numbers: HashMap::new() };
        let mut shared: BTreeMap<Shared, usize> = BTreeMap::new();
        for (port, ends) in links() {
            let with = sharing.of(ends);
            let known = with.and_then(|with| shared.get(&with).copied());
            let number = known.unwrap_or_else(|| {
                interfaces.descriptions.push(described(ends, with, topology));
                interfaces.descriptions.len() - 1
            });
            shared.extend(with.map(|with| (with, number)));
            interfaces.numbers.insert(port, number);
        }
        interfaces
    }
}

fn described(ends: LinkEnds, shared: Option<Shared>, topology: &Topology) -> InterfaceDescription {
    let kind = kind(ends);
    let [first, second] = topology.ends(ends).map(|node| topology.names[node.0].as_str());
    let (name, description) = match (shared, ends) {
        (Some(Shared::Air(_)), _) => {
            (format!("air:*-{second}"), format!("air interface between mobile stations and {second}"))
        }
        (Some(Shared::R4(_)), _) => {
            (format!("r4:{first}-*"), format!("reference point R4 between {first} and other base stations"))
        }
        (None, LinkEnds::Air { .. }) => {
            (topology.link_name(ends), format!("air interface between {first} and {second}"))
        }
        (None, LinkEnds::R6 { .. }) => {
            (topology.link_name(ends), format!("reference point R6 between {first} and {second}"))
        }
        (None, LinkEnds::R4 { .. }) => {
            (topology.link_name(ends), format!("reference point R4 between {first} and {second}"))
        }
        (None, LinkEnds::R3) => (topology.link_name(ends), format!("reference point R3 between {first} and {second}")),
    };
    InterfaceDescription { name, description, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::script::Script;
    use crate::scenario::world;

    const SCRIPT: &str = "name = \"grid\"\nshows = \"a test\"\nduration = \"1s\"\n[grid]\ncolumns = 4\nrows = 1\n\
        spacing = 100\n[[mobile_station]]\nname = \"ms\"\ncount = 5\nmac = \"020000000001\"\nip = \"10.32.0.1\"\n";

    #[test]
    fn links_share_interfaces_only_where_there_are_more_than_may_be() {
        let script = Script::parse("grid.toml", SCRIPT, &[]).unwrap();
        let topology = world::nodes(&script).topology;
        // 20 in the air, 4 of R6, 6 of R4, R3.
        let ports: BTreeSet<usize> = (0..topology.link_count()).collect();
        let names = |most| {
            let Interfaces { descriptions, numbers } = Interfaces::new(&ports, &topology, most);
            assert_eq!(numbers.len(), 31);
            for (port, number) in &numbers {
                assert_eq!(descriptions[*number].kind, kind(topology.link(Port(*port)).unwrap()));
            }
            descriptions.into_iter().map(|interface| interface.name).collect::<Vec<_>>()
        };
        assert_eq!(names(31).len(), 31);
        assert_eq!(names(31)[..2], ["air:ms1-bs1", "air:ms1-bs2"]);
        let shared = names(30);
        assert_eq!(shared.len(), 4 + 4 + 6 + 1);
        assert_eq!(shared[..5], ["air:*-bs1", "air:*-bs2", "air:*-bs3", "air:*-bs4", "r6:bs1-gw"]);
        assert_eq!(names(15), shared);
        let few = names(14);
        assert_eq!(few[8..], ["r4:bs1-*", "r4:bs2-*", "r4:bs3-*", "r3:gw-aaa"]);
    }
}
