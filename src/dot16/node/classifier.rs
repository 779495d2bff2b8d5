//! Which service flow a user packet takes: the classifiers of the convergence sublayer (802.16-2009 clause 5.2.2).
//!
//! They are agreed on with the service flow at network entry and do not change at handover: the mobile keeps them, and they
//! go from BS to BS with the flow, as Packet Classification Rules in SF Info of HO_Req and Context_Rpt.

use std::collections::BTreeMap;

use super::connection::Flow;
use crate::dot16::backbone::Compound::{MsInfo, PacketClassificationRule, SfInfo};
use crate::dot16::backbone::{AsnTlv, TlvLookup};
use crate::dot16::identifiers::{Direction, Said, Sfid};

/// Which IPv4 packets a service flow is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classifier {
    /// The protocol field of IPv4.
    pub protocol: u8,
    /// A port of UDP or TCP, at either end; any if none is given.
    pub port: Option<u16>,
}

impl Classifier {
    /// Protocol number of ICMP.
    pub const ICMP: u8 = 1;
    /// Protocol number of TCP.
    pub const TCP: u8 = 6;
    /// Protocol number of UDP.
    pub const UDP: u8 = 17;

    /// Whether `packet` is one of them. A fragment of IPv4 but the first has no ports.
    #[must_use]
    pub fn matches(&self, packet: &[u8]) -> bool {
        let ipv4 = packet.first().is_some_and(|octet| octet >> 4 == 4);
        let protocol = packet.get(9) == Some(&self.protocol);
        let port = self.port.is_none_or(|port| ports(packet).is_some_and(|ports| ports.contains(&port)));
        ipv4 && protocol && port
    }

    /// The rules that say it, one for each end that a port may be at.
    #[must_use]
    pub fn rules(&self) -> Vec<AsnTlv> {
        let protocol = || AsnTlv::Protocol(u16::from(self.protocol));
        let Some(port) = self.port else {
            return vec![AsnTlv::PacketClassificationRule(vec![protocol()])];
        };
        let range = u32::from(port) << 16 | u32::from(port);
        let ends = [AsnTlv::ProtocolSourcePortRange(range), AsnTlv::ProtocolDestinationPortRange(range)];
        ends.map(|end| AsnTlv::PacketClassificationRule(vec![protocol(), end])).to_vec()
    }

    /// The classifier that the rules in an SF Info say; `None` if there are none that [`Self::rules`] gives.
    #[must_use]
    pub fn from_rules(sf_info: &[AsnTlv]) -> Option<Self> {
        let rule = sf_info.each(PacketClassificationRule).next()?;
        let protocol = u8::try_from(rule.protocol()?).ok()?;
        let port = match rule.protocol_source_port_range() {
            Some(range) => Some(u16::try_from(range >> 16).ok()?),
            None => None,
        };
        Some(Self { protocol, port }).filter(|classifier| {
            let rules: Vec<&[AsnTlv]> = sf_info.each(PacketClassificationRule).collect();
            let own = classifier.rules();
            own.each(PacketClassificationRule).eq(rules)
        })
    }
}

/// Source and destination port of a UDP or TCP packet.
fn ports(packet: &[u8]) -> Option<[u16; 2]> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let fragment = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x1fff;
    let [a, b, c, d] = packet.get(header..)?.first_chunk::<4>()?;
    (fragment == 0).then(|| [u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])])
}

/// The classifiers of a mobile's service flows. A flow without one takes what no other takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classifiers(BTreeMap<Sfid, Classifier>);

impl Classifiers {
    /// The classifier of a flow.
    #[must_use]
    pub fn of(&self, flow: Sfid) -> Option<&Classifier> {
        self.0.get(&flow)
    }

    /// SF Info with SFID, SAID and the classifier.
    #[must_use]
    pub fn sf_info(&self, flow: Sfid, said: Said) -> AsnTlv {
        let mut info = vec![AsnTlv::Sfid(flow), AsnTlv::Said(said)];
        info.extend(self.of(flow).into_iter().flat_map(Classifier::rules));
        AsnTlv::SfInfo(info)
    }

    /// Those of the flows in MS Info of a message.
    #[must_use]
    pub fn in_message(tlvs: &[AsnTlv]) -> Self {
        let flows = tlvs.inside(MsInfo).each(SfInfo);
        flows.filter_map(|flow| Some((flow.sfid()?, Classifier::from_rules(flow)?))).collect()
    }

    /// The flow of `flows`, in their order, that takes `packet`: the first of its direction whose classifier matches,
    /// else the first without a classifier.
    #[must_use]
    pub fn flow_for(&self, flows: &[Sfid], direction: Direction, packet: &[u8]) -> Option<Sfid> {
        let mut own = flows.iter().copied().filter(|flow| Flow::direction_of(*flow) == direction);
        let matches = |flow: &Sfid| self.of(*flow).is_some_and(|classifier| classifier.matches(packet));
        own.clone().find(matches).or_else(|| own.find(|flow| self.of(*flow).is_none()))
    }
}

impl FromIterator<(Sfid, Classifier)> for Classifiers {
    fn from_iter<T: IntoIterator<Item = (Sfid, Classifier)>>(classifiers: T) -> Self {
        Self(classifiers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP_5000: Classifier = Classifier { protocol: Classifier::UDP, port: Some(5000) };
    const ICMP: Classifier = Classifier { protocol: Classifier::ICMP, port: None };

    /// An IPv4 header of `header` octets, then two ports.
    fn packet(protocol: u8, header: usize, fragment: u16, ports: [u16; 2]) -> Vec<u8> {
        let mut packet = vec![0; header];
        packet[0] = 0x40 | u8::try_from(header / 4).unwrap();
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[9] = protocol;
        packet.extend(ports.into_iter().flat_map(u16::to_be_bytes));
        packet
    }

    #[test]
    fn a_port_matches_at_either_end_behind_options_too_but_not_in_a_later_fragment() {
        for (ports, matches) in [([5000, 9], true), ([9, 5000], true), ([9, 9], false)] {
            for header in [20, 24, 60] {
                assert_eq!(UDP_5000.matches(&packet(17, header, 0x4000, ports)), matches);
            }
            assert!(!UDP_5000.matches(&packet(17, 20, 0x2001, ports)));
            assert!(!UDP_5000.matches(&packet(6, 20, 0, ports)));
        }
        assert!(ICMP.matches(&packet(1, 20, 0x2001, [0, 0])));
    }

    #[test]
    fn octets_that_are_no_ipv4_packet_match_nothing() {
        let whole = packet(17, 20, 0, [5000, 5000]);
        for length in 0..whole.len() {
            assert!(!UDP_5000.matches(&whole[..length]), "{length}");
        }
        let mut ipv6 = whole;
        ipv6[0] = 0x65;
        assert!(!UDP_5000.matches(&ipv6));
    }

    #[test]
    fn the_first_flow_that_matches_takes_the_packet_else_the_first_without_a_classifier() {
        let flows = [Sfid(4), Sfid(6), Sfid(8), Sfid(10), Sfid(3), Sfid(5)];
        let udp = Classifier { port: None, ..UDP_5000 };
        let classifiers: Classifiers = [(Sfid(4), ICMP), (Sfid(6), UDP_5000), (Sfid(10), udp)].into_iter().collect();
        let taken = |direction, octets: &[u8]| classifiers.flow_for(&flows, direction, octets);
        let down = Direction::Downlink;
        assert_eq!(taken(down, &packet(1, 20, 0, [0, 0])), Some(Sfid(4)));
        assert_eq!(taken(down, &packet(17, 20, 0, [1, 5000])), Some(Sfid(6)));
        assert_eq!(taken(down, &packet(17, 20, 0, [1, 2])), Some(Sfid(10)), "before the default flow");
        assert_eq!(taken(down, &packet(6, 20, 0, [1, 2])), Some(Sfid(8)));
        assert_eq!(taken(Direction::Uplink, &packet(1, 20, 0, [0, 0])), Some(Sfid(3)));
        assert_eq!(classifiers.flow_for(&flows[..2], down, &packet(6, 20, 0, [1, 2])), None);
    }

    #[test]
    fn classifiers_travel_with_their_flows() {
        let classifiers: Classifiers = [(Sfid(4), ICMP), (Sfid(5), UDP_5000)].into_iter().collect();
        let info = [1, 4, 5].map(|flow| classifiers.sf_info(Sfid(flow), Said(9))).to_vec();
        assert_eq!(info[0], AsnTlv::SfInfo(vec![AsnTlv::Sfid(Sfid(1)), AsnTlv::Said(Said(9))]));
        assert_eq!(Classifiers::in_message(&[AsnTlv::MsInfo(info)]), classifiers);
    }

    #[test]
    fn rules_say_the_same_classifier_again_and_others_say_none() {
        for classifier in [UDP_5000, ICMP, Classifier { protocol: 6, port: Some(0) }] {
            let mut info = vec![AsnTlv::Sfid(Sfid(1))];
            info.extend(classifier.rules());
            assert_eq!(Classifier::from_rules(&info), Some(classifier));
        }
        assert_eq!(Classifier::from_rules(&[AsnTlv::Sfid(Sfid(1))]), None);
        let range = AsnTlv::ProtocolSourcePortRange(5000 << 16 | 5001);
        let rule = AsnTlv::PacketClassificationRule(vec![AsnTlv::Protocol(17), range]);
        assert_eq!(Classifier::from_rules(&[rule]), None);
        assert_eq!(Classifier::from_rules(&UDP_5000.rules()[..1]), None, "one end only");
    }
}
