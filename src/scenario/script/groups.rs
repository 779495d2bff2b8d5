//! Groups of mobile stations: `count` makes many of one `[[mobile_station]]`, and the rest of the script speaks of all of them by
//! the one name.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use super::nearest::suggest;
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::stations::{MobileStationId, Stations, is_host};
use crate::dot16::identifiers::{Bsid, MsMac};

/// Mobile stations that stand one after the other in [`Script::mobile_stations`](super::Script::mobile_stations).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobileGroup {
    /// The name of the one mobile, or of the group; of all mobiles of a script "all mobiles".
    pub name: String,
    /// Their positions in the script.
    pub mobiles: Range<usize>,
}

/// Most mobile stations that one entry makes: as many as 1024 base stations can serve.
pub(super) const LARGEST_GROUP: usize = 307_200;

/// Names, addresses and identifiers that count upwards from the first.
pub(super) trait Counted: Sized {
    /// The one `steps` behind this one, if there is one.
    fn after(&self, steps: usize) -> Option<Self>;
}

/// Six octets as a number, most significant first.
fn octets_after(octets: [u8; 6], steps: usize) -> Option<[u8; 6]> {
    let number = octets.iter().fold(0, |number: u64, octet| number << 8 | u64::from(*octet));
    let [0, 0, octets @ ..] = number.checked_add(u64::try_from(steps).ok()?)?.to_be_bytes() else { return None };
    Some(octets)
}

impl Counted for MsMac {
    fn after(&self, steps: usize) -> Option<Self> {
        octets_after(self.0, steps).map(Self)
    }
}

impl Counted for Bsid {
    fn after(&self, steps: usize) -> Option<Self> {
        octets_after(self.0, steps).map(Self)
    }
}

impl Counted for Ipv4Addr {
    fn after(&self, steps: usize) -> Option<Self> {
        let address = Self::from_bits(self.to_bits().checked_add(u32::try_from(steps).ok()?)?);
        is_host(address).then_some(address)
    }
}

/// How long after the first of `count` number `index` is due, if they are spread evenly over `spread`.
pub(super) fn stagger(spread: Duration, index: usize, count: usize) -> Duration {
    let (index, count) = (index as u128, count.max(1) as u128);
    Duration::from_nanos(u64::try_from(spread.as_nanos().saturating_mul(index) / count).unwrap_or(u64::MAX))
}

/// The groups of a script by name.
pub(super) type Groups = BTreeMap<String, Range<usize>>;

impl Stations {
    /// The mobile stations that `section` speaks of: its key `mobile_station` names one, or a group; only a script with one mobile
    /// may leave it out.
    pub fn mobile_group(&self, section: &Section<'_>) -> Read<MobileGroup> {
        if section.field("mobile_station").is_none() && self.mobile_stations.len() == 1 {
            return Ok(self.group_of(MobileStationId(0)));
        }
        let expected = "the name of a [[mobile_station]], single or with count";
        self.group_called(&section.required("mobile_station", expected)?)
    }

    /// The same; without the key all mobile stations.
    pub fn mobile_group_or_all(&self, section: &Section<'_>) -> Read<MobileGroup> {
        let all = MobileGroup { name: "all mobiles".to_owned(), mobiles: 0..self.mobile_stations.len() };
        section.field("mobile_station").map_or(Ok(all), |field| self.group_called(&field))
    }

    fn group_called(&self, field: &Field<'_>) -> Read<MobileGroup> {
        let expected = "the name of a [[mobile_station]], single or with count";
        let name = field.text(expected)?;
        if let Some(mobiles) = self.groups.get(name) {
            return Ok(MobileGroup { name: name.to_owned(), mobiles: mobiles.clone() });
        }
        match self.mobile_names.get(name) {
            Some(mobile) => Ok(self.group_of(*mobile)),
            None => {
                let names = self.groups.keys().chain(self.mobile_names.keys());
                Err(suggest(field.mismatch(expected), name, names.map(String::as_str)))
            }
        }
    }

    fn group_of(&self, mobile: MobileStationId) -> MobileGroup {
        let name = self.mobile_stations.get(mobile.0).map_or_else(String::new, |mobile| mobile.name.clone());
        MobileGroup { name, mobiles: mobile.0..mobile.0.saturating_add(1) }
    }

    /// Why `found`, the name of a group, names no single mobile.
    pub(super) fn not_single(&self, problem: Box<Problem>, found: &str) -> Box<Problem> {
        match self.groups.get(found) {
            Some(mobiles) => {
                problem.help(format!("{found} is a group: its mobiles are {found}1 to {found}{}", mobiles.len()))
            }
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_upwards_as_one_number() {
        assert_eq!(MsMac([2, 0, 0, 0, 0, 0xff]).after(2), Some(MsMac([2, 0, 0, 0, 1, 1])));
        assert_eq!(Bsid([0xff; 6]).after(1), None);
        assert_eq!(Ipv4Addr::new(10, 0, 0, 255).after(1), Some(Ipv4Addr::new(10, 0, 1, 0)));
        assert_eq!(Ipv4Addr::new(223, 255, 255, 255).after(1), None, "multicast begins there");
        assert_eq!(Ipv4Addr::new(126, 255, 255, 255).after(1), None, "loopback begins there");
    }

    #[test]
    fn a_spread_is_even_and_ends_before_its_end() {
        let spread = Duration::from_secs(1);
        let starts: Vec<_> = (0..4).map(|index| stagger(spread, index, 4).as_millis()).collect();
        assert_eq!(starts, [0, 250, 500, 750]);
        assert_eq!(stagger(Duration::MAX, 1, 2), Duration::from_nanos(u64::MAX));
    }
}
