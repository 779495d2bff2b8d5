//! The entries `[[flow]]`: service flows of a mobile station beside its default ones, each with its SA and classifier.

use std::collections::BTreeMap;

use super::problem::{Place, Problem, Read};
use super::section::{Field, Section};
use super::stations::{BaseStationId, MobileStationId, Stations};
use super::traffic::TrafficDirection;
use crate::dot16::identifiers::Direction;
use crate::dot16::node::Classifier;

/// One entry `[[flow]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceFlow {
    /// Whose it is.
    pub mobile_station: MobileStationId,
    /// Which way it goes; both are a pair of flows.
    pub direction: TrafficDirection,
    /// Its security association: 1 is the primary one, 2 to 16 are further ones.
    pub sa: u8,
    /// Which packets it is for; those that no other flow takes if none is given.
    pub classifier: Option<Classifier>,
}

pub(super) const KEYS: &[&str] = &["mobile_station", "direction", "sa", "protocol", "udp_port"];

/// Security associations of a mobile.
const MOST_SAS: u8 = 16;
/// Service flows of a mobile, its default ones included: their CIDs at eight candidates fit in one MOB_BSHO-RSP.
const MOST_FLOWS: usize = 16;
/// Service flows of the mobiles of one base station: each takes a transport CID.
const MOST_FLOWS_AT_BASE_STATION: usize = 3_000;

/// Reads every `[[flow]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations) -> Read<Vec<ServiceFlow>> {
    let sections = root.tables("flow", KEYS)?;
    let flows = sections.iter().map(|section| flow(section, stations)).collect::<Read<Vec<ServiceFlow>>>()?;
    let places = sections.iter().map(|section| section.place);
    let mut of_mobiles = BTreeMap::<MobileStationId, (Vec<ServiceFlow>, Place)>::new();
    for (flow, place) in flows.iter().zip(places) {
        let (own, last) = of_mobiles.entry(flow.mobile_station).or_insert_with(|| (Vec::new(), place));
        own.push(*flow);
        *last = place;
    }
    let mut at_base_station = BTreeMap::<BaseStationId, usize>::new();
    for (position, mobile) in stations.mobile_stations.iter().enumerate() {
        let (own, place) = of_mobiles.remove(&MobileStationId(position)).unwrap_or((Vec::new(), root.place));
        let listed: usize = own.iter().map(|flow| flow.direction.directions().len()).sum();
        let count = listed + default_directions(&own).len();
        if count > MOST_FLOWS {
            let expected = format!("at most {MOST_FLOWS} service flows of {}, the default ones included", mobile.name);
            return Err(Problem::mismatch(place, "flow", &expected, &count.to_string()));
        }
        let there = at_base_station.entry(mobile.serving).or_default();
        *there += count;
        if *there > MOST_FLOWS_AT_BASE_STATION {
            let expected = format!("at most {MOST_FLOWS_AT_BASE_STATION} service flows at one base station");
            return Err(Problem::mismatch(place, "flow", &expected, "more"));
        }
    }
    Ok(flows)
}

fn flow(section: &Section<'_>, stations: &Stations) -> Read<ServiceFlow> {
    let protocol = |field: &Field<'_>| {
        field.one_of(&[("icmp", Classifier::ICMP), ("tcp", Classifier::TCP), ("udp", Classifier::UDP)])
    };
    let port = section.field("udp_port").map(|field| field.number(0..=u16::MAX)).transpose()?;
    let classifier = match port {
        Some(_) => {
            section.refuse("protocol", "beside udp_port")?;
            Some(Classifier { protocol: Classifier::UDP, port })
        }
        None => section
            .read("protocol", None, |field| protocol(field).map(Some))?
            .map(|protocol| Classifier { protocol, port: None }),
    };
    Ok(ServiceFlow {
        mobile_station: stations.mobile_station(section)?,
        direction: section.read("direction", TrafficDirection::Both, |field| {
            field.one_of(&[
                ("uplink", TrafficDirection::Uplink),
                ("downlink", TrafficDirection::Downlink),
                ("both", TrafficDirection::Both),
            ])
        })?,
        sa: section.read("sa", 1, |field| field.number(1..=MOST_SAS))?,
        classifier,
    })
}

/// The directions in which a mobile with these flows has a default flow besides: where each of them has a classifier.
pub fn default_directions(flows: &[ServiceFlow]) -> Vec<Direction> {
    let takes_the_rest =
        |flow: &ServiceFlow, direction| flow.classifier.is_none() && flow.direction.directions().contains(&direction);
    let both = TrafficDirection::Both.directions();
    both.iter().copied().filter(|direction| !flows.iter().any(|flow| takes_the_rest(flow, *direction))).collect()
}
