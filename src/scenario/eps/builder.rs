//! The nodes of a network of EPS, out of its script.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::link_keys;
use super::rlos;
use super::topology::{Link, Role, Topology};
use super::world::{HSS, enb_weaknesses, mme_id, mme_weaknesses, place, plmn, ue_weaknesses};
use crate::dot16::backbone::BackboneEndpoint;
use crate::emulation::{Emulation, NodeIndex, Port, random};
use crate::eps::enterprise::{self, Around};
use crate::eps::identifiers::{Ebi, Gummei, Guti, MTmsi, MmeCode, MmeGroupId};
use crate::eps::keys::{CkIk, Kenb, OperatorKey, SubscriberKey, UpKey};
use crate::eps::node::core_side::CoreSide;
use crate::eps::node::enb::{ConnectedUe, EnbFaults, downlink_tunnel};
use crate::eps::node::gateway::{Gateway, GatewayUe, uplink_tunnel};
use crate::eps::node::hss::{Hss, HssSubscriber};
use crate::eps::node::mme::{AttachedUe, MmeFaults, MmeUserPlane};
use crate::eps::node::parlos::NULL;
use crate::eps::node::rnc::{Rnc, RncSettings, RncUe};
use crate::eps::node::settings::{Agreement, Subscribers};
use crate::eps::node::sgsn::{self, Sgsn, SgsnFaults, SgsnSettings, SgsnUe};
use crate::eps::node::ue::{HeardCell, HeardUtranCell, UeFaults, UtranConnection};
use crate::eps::node::upe::{Upe, UpeFaults, UpeSettings, UpeUe, anchor_tunnel};
use crate::eps::node::{Bss, BssSettings, Enb, EnbSettings, Mme, MmeSettings, Ue, UeSettings};
use crate::eps::parameters::{AlgorithmId, Algorithms, Ncc, Origin};
use crate::eps::security::aka::{Subscription, Usim};
use crate::eps::security::inter_system::ck_ik_of_kc;
use crate::eps::security::parties::{EnbKeys, MmeKeys, UeKeys};
use crate::eps::wire::{Erab, TunnelEndpoint, UeSecurityCapabilities};
use crate::scenario::script::eps::{EnbWeakness, EpsScript, MmeWeakness, SgsnWeakness, UeWeakness, UpeWeakness};

/// First C-RNTI of UEs that are connected from before the run.
const FIRST_C_RNTI: u16 = 0x4601;
/// First M-TMSI of such UEs.
const FIRST_M_TMSI: u32 = 0xc000_0001;
/// How many UEs a BSS remembers.
const MOST_UES_OF_BSS: usize = 256;
/// FRESH of the integrity protection of UEs that begin in UTRAN.
const FRESH: u32 = 0x0102_0304;
/// SQN of the authentication that the keys of such UEs go back to.
const FIRST_SQN: u64 = 32;

/// The algorithms of a node: its own, and behind them all others that are computed.
fn preferences(own: Algorithms, only_own: bool) -> Vec<Algorithms> {
    let mut all = vec![own];
    for ciphering in [AlgorithmId::Aes, AlgorithmId::Null] {
        let other = Algorithms { ciphering, integrity: AlgorithmId::Aes };
        if !only_own && other != own {
            all.push(other);
        }
    }
    all
}

/// What the nodes are made of.
pub(super) struct Builder<'a> {
    pub script: &'a EpsScript,
    pub topology: &'a Topology,
    pub agreement: Agreement,
    pub subscribers: Subscribers,
}

impl Builder<'_> {
    /// Adds every node, in the order of [`Role`].
    pub(super) fn build(&self, emulation: &mut Emulation<enterprise::Command, enterprise::Event>) {
        let Self { script, topology, .. } = self;
        // RNCs call the UEs that are connected to them from before the run by numbers that those must know.
        let mut rncs: Vec<Rnc> = (0..script.nodes.rncs.len()).map(|rnc| self.rnc(rnc)).collect();
        for ue in 0..script.nodes.ues.len() {
            if let Some(enterprise) = &script.enterprise {
                self.add_user(emulation, enterprise, ue, &mut rncs);
                continue;
            }
            match self.rnc_of(ue) {
                Some(rnc) => {
                    let u_rnti = rncs[rnc].connect(self.connected_in_utran(ue, rnc)).unwrap_or_default();
                    emulation.add_node(Around(self.ue_in_utran(ue, rnc, u_rnti)));
                }
                None => {
                    emulation.add_node(Around(match script.parlos {
                        Some(variant) => Ue::off_for_rlos(self.ue_settings(ue), rlos::ue(script, variant, ue)),
                        None => self.ue(ue),
                    }));
                }
            }
        }
        // What the eNBs call the UEs that are connected from before the run.
        let mut connected = BTreeMap::new();
        for enb in 0..script.nodes.enbs.len() {
            let mut node = self.enb(enb);
            // UEs that attach for RLOS, or to the enterprise, are off.
            let all_off = script.parlos.is_some() || script.enterprise.is_some();
            let connects = |ue: &usize| script.nodes.ues[*ue].serving.0 == enb && !all_off;
            for ue in (0..script.nodes.ues.len()).filter(connects) {
                if let Some(id) = node.connect(self.connected(ue)) {
                    connected.insert(ue, id);
                }
            }
            emulation.add_node(Around(node));
        }
        for rnc in rncs {
            emulation.add_node(Around(rnc));
        }
        for bss in 0..script.nodes.bsss.len() {
            emulation.add_node(Around(self.bss(bss)));
        }
        for mme in 0..script.nodes.mmes.len() {
            let mut node = self.mme(mme);
            for (ue, id) in connected.iter().filter(|(ue, _)| self.mme_of(**ue) == mme) {
                let serving = script.nodes.ues[*ue].serving.0;
                node.attach(AttachedUe {
                    id: mme_id(*ue),
                    keys: self.mme_keys(*ue).0,
                    enb: (topology.cells[serving].address, *id),
                    capabilities: capabilities(),
                    bearer: Erab { ebi: Ebi::FIRST, tunnel: self.uplink(*ue) },
                    user_plane: self.upe_of(*ue).map(|_| MmeUserPlane {
                        anchor: self.anchor(*ue),
                        algorithm: self.as_algorithms(*ue).ciphering,
                    }),
                    address: script.nodes.ues[*ue].ip,
                    guti: self.guti(*ue),
                });
            }
            emulation.add_node(Around(node));
        }
        for sgsn in 0..script.nodes.sgsns.len() {
            emulation.add_node(Around(self.sgsn(sgsn)));
        }
        for upe in 0..script.nodes.upes.len() {
            let mut node = self.upe(upe);
            for (ue, id) in connected.iter().filter(|(ue, _)| self.upe_of(**ue) == Some(upe)) {
                let settings = &script.nodes.ues[*ue];
                node.connect(UpeUe {
                    id: mme_id(*ue),
                    key: UpKey::derive(&settings.kasme, 0, self.as_algorithms(*ue).ciphering),
                    mme: topology.cells[settings.serving.0].mme,
                    downlink: downlink_tunnel(topology.cells[settings.serving.0].address, *id),
                    uplink: self.anchor(*ue),
                });
            }
            emulation.add_node(Around(node));
        }
        if self.has_hss() {
            self.add_hss(emulation);
        }
        // UEs that are switched off have no way for packets to them yet.
        let off = (0..script.nodes.ues.len()).filter(|_| script.enterprise.is_some()).map(|ue| {
            let (uplink, downlink) = (self.anchor(ue).teid, uplink_tunnel(Ipv4Addr::UNSPECIFIED, mme_id(ue)));
            GatewayUe { imsi: script.nodes.ues[ue].imsi, uplink, downlink, mme: uplink }
        });
        let in_utran = (0..script.nodes.ues.len()).filter(|_| script.enterprise.is_none()).filter_map(|ue| {
            let sgsn = script.nodes.rncs[self.rnc_of(ue)?].sgsn.0;
            let uplink = self.anchor(ue).teid;
            let downlink = sgsn::downlink_tunnel(place(Role::Sgsn, sgsn).ip, mme_id(ue));
            Some(GatewayUe { imsi: script.nodes.ues[ue].imsi, uplink, downlink, mme: uplink })
        });
        let gateway_ues: Vec<GatewayUe> = connected
            .iter()
            .map(|(ue, id)| {
                let uplink = self.anchor(*ue).teid;
                let downlink = match self.upe_of(*ue) {
                    Some(upe) => anchor_tunnel(place(Role::Upe, upe).ip, mme_id(*ue)),
                    None => downlink_tunnel(topology.cells[script.nodes.ues[*ue].serving.0].address, *id),
                };
                GatewayUe { imsi: script.nodes.ues[*ue].imsi, uplink, downlink, mme: uplink }
            })
            .chain(in_utran)
            .chain(off)
            .collect();
        let gateway = Gateway::new(self.core(Role::Gateway, 0), &gateway_ues);
        emulation.add_node(Around(gateway.with_outside(self.outside())));
        self.add_enterprise(emulation);
    }

    /// Whether HSS and MEs put CK' and IK' in the place of CK and IK for UTRAN and GERAN.
    fn separates_keys(&self) -> bool {
        self.script.enterprise.as_ref().is_some_and(|enterprise| enterprise.agreed.separates_keys)
    }

    fn has_hss(&self) -> bool {
        self.topology.all(Role::Hss).next().is_some()
    }

    /// What a UE is authenticated with.
    fn subscriber(&self, ue: usize) -> (SubscriberKey, OperatorKey) {
        let name = &self.script.nodes.ues[ue].name;
        let mut generator = random::generator(self.script.title.seed, &format!("subscription of {name}"));
        let (mut k, mut opc) = ([0; 16], [0; 16]);
        rand_core::Rng::fill_bytes(&mut generator, &mut k);
        rand_core::Rng::fill_bytes(&mut generator, &mut opc);
        (SubscriberKey::from_octets(k), OperatorKey::from_octets(opc))
    }

    pub(super) fn hss(&self) -> Hss {
        let ues = self.script.nodes.ues.iter().enumerate();
        let subscribers: Vec<HssSubscriber> = ues
            .map(|(ue, settings)| {
                let connected = self.script.enterprise.is_none();
                let serving = self.script.nodes.enbs.get(settings.serving.0).map(|enb| enb.mme.0);
                let serving = serving.filter(|_| connected);
                let (k, opc) = self.subscriber(ue);
                HssSubscriber {
                    imsi: settings.imsi,
                    subscription: Subscription::new(k, opc, FIRST_SQN),
                    separates_keys: self.separates_keys(),
                    serving: serving.map(|mme| (gummei(mme), place(Role::Mme, mme).ip)),
                }
            })
            .collect();
        let generator = random::generator(self.script.title.seed, HSS);
        Hss::new(self.core(Role::Hss, 0), plmn(), generator, &subscribers)
    }

    /// The MMEs by what they are called.
    fn mmes(&self) -> Vec<(Gummei, Ipv4Addr)> {
        (0..self.script.nodes.mmes.len()).map(|mme| (gummei(mme), place(Role::Mme, mme).ip)).collect()
    }

    /// The temporary identity of a UE at the start, where there are any.
    fn guti(&self, ue: usize) -> Option<Guti> {
        // Of an earlier day, where it is off.
        if self.script.enterprise.is_some() {
            let mme = self.script.nodes.enbs.get(self.script.nodes.ues[ue].serving.0)?.mme.0;
            return Some(Guti { gummei: gummei(mme), m_tmsi: MTmsi(FIRST_M_TMSI + ue as u32) });
        }
        let gummei = match self.rnc_of(ue).and_then(|rnc| self.topology.utran.get(rnc)) {
            // That of an SGSN names its routing area in the place of an MME (TS 23.003 clause 2.8.2.1).
            Some(cell) => Gummei { plmn: plmn(), group: MmeGroupId(cell.lac), code: MmeCode(cell.rac) },
            None => gummei(self.mme_of(ue)),
        };
        self.has_hss().then_some(Guti { gummei, m_tmsi: MTmsi(FIRST_M_TMSI + ue as u32) })
    }

    /// Where the uplink of a UE goes behind its eNB at the start.
    fn uplink(&self, ue: usize) -> TunnelEndpoint {
        match self.upe_of(ue) {
            Some(upe) => uplink_tunnel(place(Role::Upe, upe).ip, mme_id(ue)),
            None => self.anchor(ue),
        }
    }

    /// Where the uplink of a UE leaves the network.
    fn anchor(&self, ue: usize) -> TunnelEndpoint {
        uplink_tunnel(place(Role::Gateway, 0).ip, mme_id(ue))
    }

    /// The UPE of a UE at the start, where there are UPEs.
    fn upe_of(&self, ue: usize) -> Option<usize> {
        let serving = self.script.nodes.enbs.get(self.script.nodes.ues[ue].serving.0)?;
        self.script.nodes.upes.get(serving.upe.0).map(|_| serving.upe.0)
    }

    /// A node's side of the core network, with what protects its links.
    pub(super) fn core(&self, role: Role, position: usize) -> CoreSide {
        let node = self.topology.at(role, position);
        let core = CoreSide::new(place(role, position), &self.peers(node)).repeating(self.script.times.gtp);
        link_keys::protect(core, node, self.script, self.topology)
    }

    fn upe(&self, upe: usize) -> Upe {
        let settings = &self.script.nodes.upes[upe];
        let mut algorithms = vec![settings.ciphering];
        let others = [AlgorithmId::Aes, AlgorithmId::Null];
        algorithms.extend(others.into_iter().filter(|one| !settings.only_own_algorithm && *one != settings.ciphering));
        let settings = UpeSettings {
            anchor: place(Role::Gateway, 0).ip,
            algorithms,
            most_ues: usize::from(settings.most_ues),
            agreement: self.agreement,
            subscribers: Arc::clone(&self.subscribers),
            faults: UpeFaults {
                restarts_count: settings.weaknesses.contains(&UpeWeakness::RestartsCount),
                gives_context_away: settings.weaknesses.contains(&UpeWeakness::GivesContextAway),
            },
        };
        Upe::new(settings, self.core(Role::Upe, upe))
    }

    fn mme_of(&self, ue: usize) -> usize {
        self.script.nodes.enbs[self.script.nodes.ues[ue].serving.0].mme.0
    }

    /// NAS algorithms of a UE at the start: those that its MME wants.
    fn nas_algorithms(&self, ue: usize) -> Algorithms {
        self.script.nodes.mmes[self.mme_of(ue)].algorithms
    }

    fn mme_keys(&self, ue: usize) -> (MmeKeys, Kenb) {
        let kasme = self.script.nodes.ues[ue].kasme.clone();
        MmeKeys::establish(kasme, self.nas_algorithms(ue), self.agreement.derivation)
    }

    /// AS algorithms of a UE at the start: those that its eNB takes first.
    fn as_algorithms(&self, ue: usize) -> Algorithms {
        self.script.nodes.enbs[self.script.nodes.ues[ue].serving.0].algorithms
    }

    fn ue(&self, ue: usize) -> Ue {
        let settings = &self.script.nodes.ues[ue];
        let (nas, air) = (self.nas_algorithms(ue), self.as_algorithms(ue));
        let keys = UeKeys::establish(settings.kasme.clone(), nas, air, self.agreement.derivation);
        let serving = self.topology.cells[settings.serving.0].pci;
        Ue::connected(self.ue_settings(ue), keys, serving, c_rnti(ue))
    }

    pub(super) fn ue_settings(&self, ue: usize) -> UeSettings {
        let (script, topology) = (self.script, self.topology);
        let port = |station| topology.port(topology.ue_node(ue), station);
        let cells = topology.cells.iter().enumerate().filter_map(|(enb, cell)| {
            let port = port(topology.enb(enb))?;
            let eci = cell.ecgi.eci;
            Some((cell.pci, HeardCell { port, earfcn_dl: cell.earfcn_dl, eci, tai: cell.tai }))
        });
        let utran = topology.utran.iter().enumerate().filter_map(|(rnc, cell)| {
            let port = topology.port(topology.ue_node(ue), topology.at(Role::Rnc, rnc))?;
            Some((cell.cell, HeardUtranCell { port, cell: *cell }))
        });
        let weaknesses = ue_weaknesses(script, ue);
        UeSettings {
            separates_keys: self.separates_keys(),
            imsi: script.nodes.ues[ue].imsi,
            cells: cells.collect(),
            utran: utran.collect(),
            capabilities: capabilities(),
            usim: self.has_hss().then(|| self.subscriber(ue)).map(|(k, opc)| Usim::new(k, opc, FIRST_SQN)),
            guti: self.guti(ue),
            agreement: self.agreement,
            interruption: script.handover.interruption,
            faults: UeFaults {
                ignores_nas_mac: weaknesses.contains(&UeWeakness::IgnoresNasMac),
                ignores_nas_count: weaknesses.contains(&UeWeakness::IgnoresNasCount),
                constant_nonce: weaknesses.contains(&UeWeakness::ConstantNonce),
            },
        }
    }

    fn bss(&self, bss: usize) -> Bss {
        let settings = BssSettings { cell: self.topology.geran[bss], most_ues: MOST_UES_OF_BSS };
        Bss::new(settings, self.core(Role::Bss, bss))
    }

    /// The RNC where a UE is at the start, if it is in UTRAN.
    pub(super) fn rnc_of(&self, ue: usize) -> Option<usize> {
        let position = self.script.nodes.ues[ue].serving.0.checked_sub(self.script.nodes.enbs.len())?;
        (position < self.script.nodes.rncs.len()).then_some(position)
    }

    /// CK and IK of a UE that is in UTRAN at the start: by their origin made of Kc, or not.
    fn ck_ik(&self, ue: usize) -> CkIk {
        let settings = &self.script.nodes.ues[ue];
        let mut generator = random::generator(self.script.title.seed, &format!("CK and IK of {}", settings.name));
        let mut octets = [0; 32];
        rand_core::Rng::fill_bytes(&mut generator, &mut octets);
        match (settings.origin, octets.first_chunk()) {
            (Origin::Gsm, Some(kc)) => ck_ik_of_kc(*kc),
            _ => CkIk::from_octets(octets),
        }
    }

    fn ue_in_utran(&self, ue: usize, rnc: usize, u_rnti: u32) -> Ue {
        let (keys, origin) = (self.ck_ik(ue), self.script.nodes.ues[ue].origin);
        let cell = self.script.nodes.rncs[rnc].cell;
        let name = &self.script.nodes.ues[ue].name;
        let random = random::generator(self.script.title.seed, &format!("nonces of {name}"));
        Ue::in_utran(
            self.ue_settings(ue),
            UtranConnection { keys, origin, cell, u_rnti, fresh: FRESH, p_tmsi: p_tmsi(ue), random },
        )
    }

    fn connected_in_utran(&self, ue: usize, rnc: usize) -> RncUe {
        let topology = self.topology;
        let sgsn = self.script.nodes.rncs[rnc].sgsn.0;
        RncUe {
            port: topology.port(topology.ue_node(ue), topology.at(Role::Rnc, rnc)).unwrap_or(Port(0)),
            id: mme_id(ue),
            keys: self.ck_ik(ue),
            fresh: FRESH,
            uplink: sgsn::uplink_tunnel(place(Role::Sgsn, sgsn).ip, mme_id(ue)),
        }
    }

    fn rnc(&self, rnc: usize) -> Rnc {
        let (script, topology) = (self.script, self.topology);
        let settings = RncSettings {
            cell: topology.utran[rnc],
            cells: topology.cells.clone(),
            most_ues: usize::from(script.nodes.rncs[rnc].most_ues),
            has_snow3g: script.nodes.rncs[rnc].has_snow3g,
            subscribers: Arc::clone(&self.subscribers),
        };
        let generator = random::generator(script.title.seed, &script.nodes.rncs[rnc].name);
        Rnc::new(settings, self.core(Role::Rnc, rnc), generator)
    }

    fn sgsn(&self, sgsn: usize) -> Sgsn {
        let (script, topology) = (self.script, self.topology);
        let weaknesses = &script.nodes.sgsns[sgsn].weaknesses;
        let settings = SgsnSettings {
            utran_cells: topology.utran.clone(),
            geran_cells: topology.geran.clone(),
            cells: topology.cells.clone(),
            gateway: place(Role::Gateway, 0).ip,
            hss: script.enterprise.as_ref().map(|_| place(Role::Hss, 0).ip),
            subscribers: Arc::clone(&self.subscribers),
            faults: SgsnFaults { withholds_keys: weaknesses.contains(&SgsnWeakness::WithholdsKeys) },
        };
        let mut node = Sgsn::new(settings, self.core(Role::Sgsn, sgsn));
        for ue in 0..script.nodes.ues.len() {
            let off = script.enterprise.is_some();
            let Some(rnc) = self.rnc_of(ue).filter(|rnc| !off && script.nodes.rncs[*rnc].sgsn.0 == sgsn) else {
                continue;
            };
            node.attach(SgsnUe {
                id: mme_id(ue),
                keys: self.ck_ik(ue),
                origin: script.nodes.ues[ue].origin,
                rnc: place(Role::Rnc, rnc).ip,
                capabilities: capabilities(),
                bearer: Erab { ebi: Ebi::FIRST, tunnel: self.anchor(ue) },
                address: script.nodes.ues[ue].ip,
                p_tmsi: p_tmsi(ue),
            });
        }
        node
    }

    fn connected(&self, ue: usize) -> ConnectedUe {
        let (script, topology) = (self.script, self.topology);
        let serving = script.nodes.ues[ue].serving.0;
        let (_, kenb) = self.mme_keys(ue);
        ConnectedUe {
            port: topology.port(topology.ue_node(ue), topology.enb(serving)).unwrap_or(Port(0)),
            c_rnti: c_rnti(ue),
            mme_id: mme_id(ue),
            keys: EnbKeys::new(kenb, Ncc::new(0), self.as_algorithms(ue)),
            capabilities: capabilities(),
            uplink: self.uplink(ue),
        }
    }

    fn enb(&self, enb: usize) -> Enb {
        let (script, topology) = (self.script, self.topology);
        let settings = &script.nodes.enbs[enb];
        let weaknesses = enb_weaknesses(script, enb);
        let mut algorithms = preferences(settings.algorithms, settings.only_own_algorithms);
        // For those whose MME says that they have no others (TS 33.401 Annex J).
        algorithms.extend(script.parlos.map(|_| NULL));
        let settings = EnbSettings {
            cell: topology.cells[enb],
            cells: topology.cells.clone(),
            utran_cells: topology.utran.clone(),
            gummei: gummei(settings.mme.0),
            algorithms,
            always_names_algorithms: script.handover.names_algorithms,
            most_ues: usize::from(settings.most_ues),
            agreement: self.agreement,
            subscribers: Arc::clone(&self.subscribers),
            faults: EnbFaults {
                constant_c_rnti: settings.constant_c_rnti,
                flips_indication: weaknesses.contains(&EnbWeakness::FlipsIndication),
                allows_x2_across_groups: weaknesses.contains(&EnbWeakness::AllowsX2AcrossGroups),
                tries_x2_across_groups: weaknesses.contains(&EnbWeakness::TriesX2AcrossGroups),
            },
        };
        Enb::new(
            settings,
            self.core(Role::Enb, enb),
            random::generator(script.title.seed, &script.nodes.enbs[enb].name),
        )
    }

    fn mme(&self, mme: usize) -> Mme {
        let (script, topology) = (self.script, self.topology);
        let weaknesses = mme_weaknesses(script, mme);
        let settings = MmeSettings {
            cells: topology.cells.clone(),
            utran_cells: topology.utran.clone(),
            gateway: place(Role::Gateway, 0).ip,
            hss: self.has_hss().then(|| place(Role::Hss, 0).ip),
            mmes: if self.has_hss() { self.mmes() } else { Vec::new() },
            nas_algorithms: preferences(script.nodes.mmes[mme].algorithms, false),
            agreement: self.agreement,
            subscribers: Arc::clone(&self.subscribers),
            renews_weak: script.nodes.mmes[mme].renews_weak,
            faults: MmeFaults {
                constant_para: weaknesses.contains(&MmeWeakness::ConstantPara),
                resets_counts: weaknesses.contains(&MmeWeakness::ResetsCounts),
                constant_nonce: weaknesses.contains(&MmeWeakness::ConstantNonce),
            },
        };
        let node = Mme::new(
            settings,
            self.core(Role::Mme, mme),
            random::generator(script.title.seed, &script.nodes.mmes[mme].name),
        );
        match script.parlos {
            Some(variant) => node.with_rlos(rlos::mme(script, variant, mme)),
            None => node,
        }
    }

    /// The wired links of a node, with who is at their other ends.
    fn peers(&self, node: NodeIndex) -> Vec<(Port, BackboneEndpoint)> {
        let wired = self.topology.links.iter().enumerate().filter(|(_, link)| !link.kind.is_air());
        let other = |(port, link): (usize, &Link)| {
            let other = link.ends.iter().find(|end| **end != node).filter(|_| link.ends.contains(&node))?;
            Some((Port(port), self.endpoint(*other)))
        };
        wired.filter_map(other).collect()
    }

    fn endpoint(&self, NodeIndex(node): NodeIndex) -> BackboneEndpoint {
        let role = self.topology.roles[node];
        place(role, node - self.topology.at(role, 0).0)
    }
}

/// What an MME is called.
fn gummei(mme: usize) -> Gummei {
    Gummei { plmn: plmn(), group: MmeGroupId(1), code: MmeCode(mme as u8 + 1) }
}

/// What SGSNs call a UE that begins in UTRAN: its number in the low bits, the two highest are those of a P-TMSI.
const fn p_tmsi(ue: usize) -> u32 {
    0xc000_0000 | ue as u32
}

fn c_rnti(ue: usize) -> u16 {
    FIRST_C_RNTI + ue as u16
}

/// What UEs can do: the null and the AES algorithms.
fn capabilities() -> UeSecurityCapabilities {
    UeSecurityCapabilities::new(&[AlgorithmId::Aes], &[AlgorithmId::Aes])
}
