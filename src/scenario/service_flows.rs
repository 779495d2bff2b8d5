//! The service flows and security associations that a mobile has from network entry on (R9).

use super::script::{MobileStationId, Script, ServiceFlow, default_directions};
use crate::dot16::identifiers::{Direction, Said, Sfid};
use crate::dot16::node::{Classifier, Classifiers};

/// First SFID of flows that the script lists; those of default flows are below.
const LISTED_SFIDS: u32 = 0x0100_0000;
/// SFIDs of listed flows of one mobile.
const SFIDS: u32 = 64;
/// First SAID of further SAs; the primary SAID equals a basic CID, which is below.
const FURTHER_SAIDS: u16 = 0x0400;
/// SAIDs of further SAs of one mobile. They differ between mobiles too, as long as 16 bits have room for it.
const SAIDS: u64 = 15;

/// The service flows of a mobile.
#[derive(Clone, Debug)]
pub struct ServiceFlows {
    /// SFID and SA (1 is the primary one), in the order in which classifiers are asked.
    flows: Vec<(Sfid, u8)>,
    /// Their classifiers.
    pub classifiers: Classifiers,
    number: u32,
}

impl ServiceFlows {
    /// The flows of a mobile of the script: a default flow for each direction in which no listed flow takes what the
    /// others do not, then the listed ones. SFIDs tell the direction (see
    /// [`Flow::direction_of`](crate::dot16::node::Flow::direction_of)) and differ between mobiles.
    #[must_use]
    pub fn of(script: &Script, mobile: MobileStationId) -> Self {
        let number = u32::try_from(mobile.0).unwrap_or(u32::MAX);
        let sfid = |even: u32, direction| match direction {
            Direction::Uplink => Sfid(even.saturating_add(1)),
            Direction::Downlink => Sfid(even.saturating_add(2)),
        };
        let listed: Vec<ServiceFlow> =
            script.flows.iter().copied().filter(|flow| flow.mobile_station == mobile).collect();
        let default = default_directions(&listed).into_iter();
        let mut flows: Vec<(Sfid, u8)> =
            default.map(|direction| (sfid(number.saturating_mul(2), direction), 1)).collect();
        let mut classifiers: Vec<(Sfid, Classifier)> = Vec::new();
        let first = LISTED_SFIDS.saturating_add(number.saturating_mul(SFIDS));
        for (flow, even) in listed.iter().zip((first..).step_by(2)) {
            for direction in flow.direction.directions() {
                let sfid = sfid(even, *direction);
                flows.push((sfid, flow.sa));
                classifiers.extend(flow.classifier.map(|classifier| (sfid, classifier)));
            }
        }
        Self { flows, classifiers: classifiers.into_iter().collect(), number }
    }

    /// SFID and SAID of each flow; `primary` is the SAID of the primary SA.
    #[must_use]
    pub fn with_saids(&self, primary: Said) -> Vec<(Sfid, Said)> {
        let said = |sa: u8| match u64::from(sa).checked_sub(2) {
            None => primary,
            Some(further) => {
                let place = u64::from(self.number) * SAIDS + further;
                let room = u64::from(u16::MAX - FURTHER_SAIDS) + 1;
                Said(FURTHER_SAIDS + u16::try_from(place % room).unwrap_or_default())
            }
        };
        self.flows.iter().map(|(sfid, sa)| (*sfid, said(*sa))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dot16::node::Flow;

    const STATIONS: &str = r#"
name = "flows"
shows = "flows"
[[base_station]]
name = "bs1"
bsid = "0a0000000001"
ip = "10.16.0.1"
[[mobile_station]]
name = "ms1"
mac = "020000000001"
ip = "192.0.2.10"
serving = "bs1"
[[mobile_station]]
name = "ms2"
mac = "020000000002"
ip = "192.0.2.11"
serving = "bs1"
"#;

    fn of(rest: &str, mobile: usize) -> ServiceFlows {
        let script = Script::parse("flows.toml", &format!("{STATIONS}{rest}"), &[]).unwrap();
        ServiceFlows::of(&script, MobileStationId(mobile))
    }

    #[test]
    fn without_listed_flows_there_is_one_for_each_direction_in_the_primary_sa() {
        let flows = of("", 1);
        assert_eq!(flows.with_saids(Said(7)), [(Sfid(3), Said(7)), (Sfid(4), Said(7))]);
        assert_eq!(flows.classifiers, Classifiers::default());
    }

    #[test]
    fn listed_flows_stand_beside_the_default_ones_that_they_do_not_replace() {
        let flows = of(
            "[[flow]]\nmobile_station = \"ms2\"\nsa = 3\nudp_port = 5000\n\
             [[flow]]\nmobile_station = \"ms2\"\nsa = 2\ndirection = \"downlink\"\n",
            1,
        );
        let saids = flows.with_saids(Said(7));
        let directions: Vec<Direction> = saids.iter().map(|(sfid, _)| Flow::direction_of(*sfid)).collect();
        let (up, down) = (Direction::Uplink, Direction::Downlink);
        assert_eq!(directions, [up, up, down, down]);
        let (third, second) = (Said(0x0400 + 15 + 1), Said(0x0400 + 15));
        assert_eq!(saids.iter().map(|(_, said)| *said).collect::<Vec<_>>(), [Said(7), third, third, second]);
        assert_eq!(saids.iter().map(|(sfid, _)| *sfid).collect::<BTreeSet<_>>().len(), 4);
        let classified: Vec<bool> = saids.iter().map(|(sfid, _)| flows.classifiers.of(*sfid).is_some()).collect();
        assert_eq!(classified, [false, true, true, false]);
        assert_eq!(of("[[flow]]\nmobile_station = \"ms2\"\n", 0).with_saids(Said(7)).len(), 2, "another mobile");
    }

    #[test]
    fn no_two_sas_of_a_mobile_share_a_said_however_many_mobiles_there_are() {
        for number in [0, 1, 4_231, 4_232, 300_000, u32::MAX] {
            let flows: Vec<(Sfid, u8)> = (1..=16).map(|sa| (Sfid(u32::from(sa)), sa)).collect();
            let flows = ServiceFlows { flows, classifiers: Classifiers::default(), number };
            let saids: BTreeSet<Said> = flows.with_saids(Said(320)).into_iter().map(|(_, said)| said).collect();
            assert_eq!(saids.len(), 16, "{number}");
        }
    }
}
