//! HSS, EMKS, EMSEs and UEs of a script with end points in an enterprise.

use std::collections::BTreeSet;

use super::builder::Builder;
use super::link_keys;
use super::topology::Role;
use super::world::{EMKS, mme_id, place, plmn};
use crate::emulation::{Emulation, Port, random};
use crate::eps::enterprise::{
    ApplicationSettings, Around, Command, Emks, EmksFaults, EmksSettings, Emse, EmseFaults, EmseSettings,
    EnterpriseHss, EnterpriseUe, Event, KnownEndPoint, PushSettings, ZnClient, ZnSettings,
};
use crate::eps::identifiers::Imsi;
use crate::eps::node::core_side::CoreSide;
use crate::eps::node::gateway::Outside;
use crate::eps::node::{GeranConnection, Rnc, Ue};
use crate::eps::wire::diameter::DiameterPeer;
use crate::scenario::script::eps::enterprise::{EnterpriseSettings, HssWeakness, UserWeakness, users};
use crate::scenario::script::eps::{EmksWeakness, EmseWeakness, EndPoint};

/// What UEs in GERAN call themselves first: the lowest of those that a UE draws (TS 23.003 clause 2.6).
const FIRST_TLLI: u32 = 0x7800_0001;

/// What an EMSE is called in Diameter.
fn peer(end_point: &EndPoint) -> DiameterPeer {
    let host = end_point.id.to_string();
    let realm = host.split_once('.').map_or_else(|| host.clone(), |(_, realm)| realm.to_owned());
    DiameterPeer { host, realm }
}

impl Builder<'_> {
    /// The HSS, with what it pushes where there is an EMKS.
    pub(super) fn add_hss(&self, emulation: &mut Emulation<Command, Event>) {
        let Some(enterprise) = &self.script.enterprise else {
            emulation.add_node(Around(self.hss()));
            return;
        };
        let subscribed =
            |ue: &&crate::scenario::script::eps::Ue| ue.enterprise.as_ref().is_some_and(|user| user.subscribed);
        let subscribed: BTreeSet<Imsi> = self.script.nodes.ues.iter().filter(subscribed).map(|ue| ue.imsi).collect();
        let settings = PushSettings {
            origin: DiameterPeer::hss(plmn()),
            emks: place(Role::Emks, 0).ip,
            destination: DiameterPeer::of(EMKS, plmn()),
            subscribed,
            enterprise: enterprise.agreed.clone(),
            ignores_subscription: enterprise.hss_weaknesses.contains(&HssWeakness::IgnoresSubscription),
        };
        emulation.add_node(EnterpriseHss::new(self.hss(), self.link_of(Role::Hss, 0, Role::Emks), settings));
    }

    /// A UE that is switched off, with its applications.
    pub(super) fn add_user(
        &self,
        emulation: &mut Emulation<Command, Event>,
        enterprise: &EnterpriseSettings,
        ue: usize,
        rncs: &mut [Rnc],
    ) {
        let (script, topology) = (self.script, self.topology);
        let (user, settings) = (&script.nodes.ues[ue], self.ue_settings(ue));
        let air = |role, position| topology.port(topology.ue_node(ue), topology.at(role, position)).unwrap_or(Port(0));
        let rnc = self.rnc_of(ue);
        let bss = user.serving.0.checked_sub(script.nodes.enbs.len() + script.nodes.rncs.len());
        let node = match (rnc, bss.and_then(|bss| Some((bss, topology.geran.get(bss)?)))) {
            (Some(rnc), _) => {
                let admitted = rncs.get_mut(rnc).and_then(|node| node.admit(air(Role::Rnc, rnc), mme_id(ue)));
                Ue::off_in_utran(settings, script.nodes.rncs[rnc].cell, admitted.unwrap_or_default())
            }
            (None, Some((bss, cell))) => {
                let tlli = FIRST_TLLI + ue as u32;
                Ue::off_in_geran(settings, GeranConnection { port: air(Role::Bss, bss), cell: *cell, tlli })
            }
            (None, None) => Ue::off(settings, topology.cells[user.serving.0].pci),
        };
        let Some(of_user) = &user.enterprise else { return };
        let end_points = script.nodes.end_points.iter().enumerate();
        let mut agreed = enterprise.agreed.clone();
        if let Some(in_second) = of_user.string_in_second {
            agreed.derivation.string_in_second = in_second;
        }
        let settings = ApplicationSettings {
            imsi: user.imsi,
            identity: of_user.application.clone(),
            address: user.ip,
            end_points: end_points.map(|(emse, one)| (one.id.clone(), place(Role::Emse, emse).ip)).collect(),
            enterprise: agreed,
            repeats_randoms: of_user.weaknesses.contains(&UserWeakness::RepeatsRandoms),
        };
        let generator = random::generator(script.title.seed, &format!("applications of {}", user.name));
        emulation.add_node(EnterpriseUe::new(node, settings, generator));
    }

    /// EMKS and EMSEs.
    pub(super) fn add_enterprise(&self, emulation: &mut Emulation<Command, Event>) {
        let Some(enterprise) = &self.script.enterprise else { return };
        emulation.add_node(self.emks(enterprise));
        for emse in 0..self.script.nodes.end_points.len() {
            emulation.add_node(self.emse(enterprise, emse));
        }
    }

    /// What the gateway reaches outside of the network: the end points.
    pub(super) fn outside(&self) -> Outside {
        let topology = self.topology;
        let link = |emse| topology.port(topology.gateway(), topology.at(Role::Emse, emse));
        let host = |emse| Some((place(Role::Emse, emse).ip, (link(emse)?, place(Role::Emse, emse).mac)));
        Outside {
            own: place(Role::Gateway, 0).mac,
            hosts: (0..self.script.nodes.end_points.len()).filter_map(host).collect(),
            ues: self.script.nodes.ues.iter().map(|ue| (ue.ip, ue.imsi)).collect(),
        }
    }

    fn emks(&self, enterprise: &EnterpriseSettings) -> Emks {
        let end_points = self.script.nodes.end_points.iter().enumerate();
        let settings = EmksSettings {
            origin: DiameterPeer::of(EMKS, plmn()),
            hss: place(Role::Hss, 0).ip,
            end_points: end_points
                .map(|(emse, end_point)| KnownEndPoint {
                    address: place(Role::Emse, emse).ip,
                    host: peer(end_point).host,
                    emse: end_point.id.clone(),
                })
                .collect(),
            users: users(&self.script.nodes.ues),
            enterprise: enterprise.agreed.clone(),
            faults: EmksFaults { trusts_emse_id: enterprise.weaknesses.contains(&EmksWeakness::TrustsEmseId) },
        };
        Emks::new(settings, self.core(Role::Emks, 0))
    }

    fn emse(&self, enterprise: &EnterpriseSettings, emse: usize) -> Emse {
        let topology = self.topology;
        let (node, gateway) = (topology.at(Role::Emse, emse), topology.gateway());
        let end_point = &self.script.nodes.end_points[emse];
        let settings = EmseSettings {
            emse: end_point.id.clone(),
            own: place(Role::Emse, emse),
            link: topology.port(gateway, node).unwrap_or(Port(0)),
            gateway: place(Role::Gateway, 0).mac,
            identity: enterprise.agreed.identity,
            users: users(&self.script.nodes.ues),
            confirms: enterprise.agreed.keeps_confirmed,
            faults: EmseFaults {
                takes_newest_only: end_point.weaknesses.contains(&EmseWeakness::NewestOnly),
                repeats_randoms: end_point.weaknesses.contains(&EmseWeakness::RepeatsRandoms),
            },
        };
        let generator = random::generator(self.script.title.seed, &end_point.name);
        Emse::new(settings, self.zn(enterprise, emse), generator)
    }

    /// The client of an EMSE on Zn.
    fn zn(&self, enterprise: &EnterpriseSettings, emse: usize) -> ZnClient {
        let end_point = &self.script.nodes.end_points[emse];
        let settings = ZnSettings {
            origin: peer(end_point),
            emks: place(Role::Emks, 0).ip,
            destination: DiameterPeer::of(EMKS, plmn()),
            emse: end_point.asks_as.clone(),
            given: enterprise.agreed.emse_id,
        };
        ZnClient::new(settings, self.link_of(Role::Emse, emse, Role::Emks))
    }

    /// The side of a node on its link to the only node of another role.
    fn link_of(&self, role: Role, position: usize, other: Role) -> CoreSide {
        let (node, other_node) = (self.topology.at(role, position), self.topology.at(other, 0));
        let port = self.topology.port(node, other_node);
        let peers: Vec<_> = port.map(|port| (port, place(other, 0))).into_iter().collect();
        link_keys::protect(CoreSide::new(place(role, position), &peers), node, self.script, self.topology)
    }
}
