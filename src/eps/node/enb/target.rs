//! The eNB as the target of handovers.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::{BEARER, EXECUTION, Enb, FORWARDED, Role, UeContext, downlink_tunnel, s1_id, x2_id};
use crate::emulation::Outbox;
use crate::eps::identifiers::{EnbUeS1apId, MmeUeS1apId, Teid, X2apUeId};
use crate::eps::keys::{Kenb, KenbStar, Nh};
use crate::eps::node::event::{Event, HeldKey, Outcome, What};
use crate::eps::node::radio_side::RadioSide;
use crate::eps::node::settings::Schemes;
use crate::eps::parameters::{Algorithms, Ncc};
use crate::eps::security::parties::EnbKeys;
use crate::eps::wire::rrc::{
    DlDcchMessage, HandoverCommand, HandoverPreparationInformation, MobilityControlInfo, RrcConnectionReconfiguration,
    SecurityAlgorithms, SecurityConfigHo, T304,
};
use crate::eps::wire::s1ap::{
    Cause, CauseRadioNetwork, HandoverFailure, HandoverNotify, HandoverRequest, HandoverRequestAcknowledge,
    PathSwitchRequest, PathSwitchRequestAcknowledge, SecurityContext, SourceToTargetContainer, TargetToSourceContainer,
    UeS1apIds,
};
use crate::eps::wire::x2ap::{self, RadioNetworkCause, X2apCause};
use crate::eps::wire::{Erab, TunnelEndpoint, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// How long the UE tries.
pub(super) const TRIES: T304 = T304::Ms200;

/// A UE that is to come.
struct Coming {
    mme_id: MmeUeS1apId,
    capabilities: UeSecurityCapabilities,
    uplink: TunnelEndpoint,
    /// HandoverPreparationInformation.
    rrc: Vec<u8>,
    from: Option<(Ipv4Addr, X2apUeId)>,
    /// What its KeNB is made of: KeNB* or NH.
    key: HeldKey,
    ncc: Ncc,
}

/// Why a UE may not come.
enum Refusal {
    /// No C-RNTI, no number, or nobody knows it.
    NoRoom,
    /// It has none of the algorithms that the eNB has.
    NoAlgorithms,
}

impl Enb {
    pub(super) fn requested_over_x2(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        request: x2ap::HandoverRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let x2ap::HandoverRequest { old_id, mme_ue_id: mme_id, capabilities, rrc_context: rrc, ncc, .. } = request;
        let Some(uplink) = request.bearers.first().map(|erab| erab.tunnel) else { return };
        let key = HeldKey::KenbStar(request.kenb_star);
        let coming = Coming { mme_id, capabilities, uplink, rrc, from: Some((from, old_id)), key, ncc };
        self.holds_of(&coming, outbox);
        let same_group =
            self.settings.cells.iter().any(|cell| cell.address == from && cell.group == self.settings.cell.group);
        let allowed = same_group
            || self.settings.agreement.schemes != Schemes::Grouped
            || self.settings.faults.allows_x2_across_groups;
        let granted = if allowed && request.target_cell == self.settings.cell.ecgi {
            self.expect(now, coming, outbox).map_err(|refusal| match refusal {
                Refusal::NoRoom => RadioNetworkCause::NoRadioResourcesAvailableInTargetCell,
                Refusal::NoAlgorithms => RadioNetworkCause::EncryptionAndOrIntegrityProtectionAlgorithmsNotSupported,
            })
        } else {
            Err(RadioNetworkCause::HoTargetNotAllowed)
        };
        match granted {
            Ok((id, container)) => {
                let teid = Teid(FORWARDED | id.get());
                let forwarding = Some(TunnelEndpoint { address: self.core.address(), teid });
                let admitted = vec![x2ap::AdmittedBearer { ebi: BEARER, forwarding }];
                let answer = x2ap::HandoverRequestAcknowledge { old_id, new_id: x2_id(id), admitted, container };
                self.tell_enb(from, answer, outbox);
            }
            Err(cause) => {
                let cause = X2apCause::RadioNetwork(cause);
                self.tell_enb(from, x2ap::HandoverPreparationFailure { old_id, cause }, outbox);
            }
        }
    }

    pub(super) fn requested_over_s1(&mut self, now: VirtualTime, request: HandoverRequest, outbox: &mut Outbox<Event>) {
        let HandoverRequest { mme_ue_id: mme_id, capabilities, .. } = request;
        let SecurityContext { ncc, next_hop } = request.security;
        let Some(uplink) = request.bearers.first().map(|erab| erab.tunnel) else { return };
        let rrc = SourceToTargetContainer::parse(&request.container).map(|container| container.rrc).unwrap_or_default();
        let key = match self.is_standard() {
            true => HeldKey::NextHop(next_hop, ncc),
            false => HeldKey::KenbStar(KenbStar::from_octets(*next_hop.octets())),
        };
        let coming = Coming { mme_id, capabilities, uplink, rrc, from: None, key, ncc };
        self.holds_of(&coming, outbox);
        let granted = self.expect(now, coming, outbox).and_then(|(id, rrc)| {
            let container = (TargetToSourceContainer { rrc }).octets().map_err(|_| Refusal::NoRoom)?;
            Ok((id, container))
        });
        let cause = match granted {
            Ok((id, container)) => {
                let tunnel = downlink_tunnel(self.core.address(), id);
                let ue = UeS1apIds { mme: mme_id, enb: id };
                let admitted = vec![Erab { ebi: BEARER, tunnel }];
                return self.tell_mme(HandoverRequestAcknowledge { ue, admitted, container }, outbox);
            }
            Err(Refusal::NoRoom) => CauseRadioNetwork::no_radio_resources_available_in_target_cell,
            Err(Refusal::NoAlgorithms) => {
                CauseRadioNetwork::encryption_and_or_integrity_protection_algorithms_not_supported
            }
        };
        self.tell_mme(HandoverFailure { mme_ue_id: mme_id, cause: Cause::radioNetwork(cause) }, outbox);
    }

    /// Whatever becomes of the request: its key has been told.
    fn holds_of(&self, coming: &Coming, outbox: &mut Outbox<Event>) {
        if let Some(imsi) = self.settings.subscribers.get(&coming.mme_id) {
            self.holds(*imsi, coming.key.clone(), outbox);
        }
    }

    /// The keys of a UE that is to come, with this C-RNTI and these algorithms. KeNB* of the standard is KeNB.
    fn keys_of(&self, key: &HeldKey, ncc: Ncc, c_rnti: u16, algorithms: Algorithms) -> Option<EnbKeys> {
        let agreement = &self.settings.agreement;
        match key {
            HeldKey::NextHop(nh, _) => Some(EnbKeys::of_next_hop(nh, ncc, self.settings.cell.input(), algorithms)),
            HeldKey::KenbStar(star) if self.is_standard() => {
                Some(EnbKeys::new(Kenb::from_octets(*star.octets()), ncc, algorithms))
            }
            HeldKey::KenbStar(star) => {
                Some(EnbKeys::of_star(&agreement.derivation, star, agreement.c_rnti(c_rnti), algorithms))
            }
            // No eNB gets that.
            HeldKey::Kasme(_) | HeldKey::CkIk(_) => None,
        }
    }

    /// The algorithms of a UE that comes, and those that it had if that is known: it keeps them if this eNB has them, else it gets
    /// the best that both have.
    pub(super) fn choose(
        &self,
        capabilities: UeSecurityCapabilities,
        rrc: &[u8],
    ) -> (Option<Algorithms>, Option<Algorithms>) {
        let source = HandoverPreparationInformation::parse(rrc).ok().and_then(|information| information.source);
        let in_use = source.map(|source| Algorithms {
            ciphering: source.algorithms.ciphering,
            integrity: source.algorithms.integrity,
        });
        let possible = |algorithms: &&Algorithms| {
            capabilities.ciphers_with(algorithms.ciphering) && capabilities.protects_with(algorithms.integrity)
        };
        let kept = in_use.filter(|in_use| self.settings.algorithms.contains(in_use));
        (kept.or_else(|| self.settings.algorithms.iter().find(possible).copied()), in_use)
    }

    /// A UE is to come: it gets a C-RNTI, and the command that leads it here is made. In the contribution NCC stands for
    /// INDICATION, which is the source's to set.
    fn expect(
        &mut self,
        now: VirtualTime,
        coming: Coming,
        outbox: &mut Outbox<Event>,
    ) -> Result<(EnbUeS1apId, Vec<u8>), Refusal> {
        let Coming { mme_id, capabilities, uplink, rrc, from, key, ncc } = coming;
        let imsi = *self.settings.subscribers.get(&mme_id).ok_or(Refusal::NoRoom)?;
        let (algorithms, in_use) = self.choose(capabilities, &rrc);
        let algorithms = algorithms.ok_or(Refusal::NoAlgorithms)?;
        let id = self.new_id().ok_or(Refusal::NoRoom)?;
        let c_rnti = self.new_c_rnti().ok_or(Refusal::NoRoom)?;
        let named = (in_use != Some(algorithms) || self.settings.always_names_algorithms)
            .then_some(SecurityAlgorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity });
        let mobility = MobilityControlInfo { target: self.settings.cell.pci, carrier: None, t304: TRIES, c_rnti };
        let command = RrcConnectionReconfiguration {
            transaction: 0,
            mobility: Some(mobility),
            nas: Vec::new(),
            bearer: None,
            security: Some(SecurityConfigHo { algorithms: named, key_change: false, next_hop_chaining_count: ncc }),
        };
        let message = DlDcchMessage::Reconfiguration(command).octets().map_err(|_| Refusal::NoRoom)?;
        let container = HandoverCommand { message }.octets().map_err(|_| Refusal::NoRoom)?;
        let context = UeContext {
            imsi,
            port: None,
            c_rnti,
            mme_id,
            keys: self.keys_of(&key, ncc, c_rnti, algorithms).ok_or(Refusal::NoRoom)?,
            radio: RadioSide::default(),
            role: Role::Expected { from, ends: now + EXECUTION },
            transaction: 0,
            capabilities,
            uplink,
            held: VecDeque::new(),
            accept: None,
            before: None,
        };
        self.keys_in_use(&context, outbox);
        self.ues.insert(id, context);
        Ok((id, container))
    }

    /// The UE has spoken with the new keys.
    pub(super) fn confirmed(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let cell = self.settings.cell;
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Role::Expected { from, .. } = ue.role else { return };
        ue.role = from.map_or(Role::Serving, |from| Role::Arrived { from, ends: now + EXECUTION });
        let (imsi, ids, capabilities) = (ue.imsi, UeS1apIds { mme: ue.mme_id, enb: id }, ue.capabilities);
        let held = std::mem::take(&mut ue.held);
        self.ended(imsi, Outcome::Completed, outbox);
        self.first_word(now, id, outbox);
        for packet in held {
            self.send_user(now, id, &packet, outbox);
        }
        if from.is_none() {
            return self.tell_mme(HandoverNotify { ue: ids, cell: cell.ecgi, tai: cell.tai }, outbox);
        }
        let tunnel = downlink_tunnel(self.core.address(), id);
        let request = PathSwitchRequest {
            enb_ue_id: id,
            bearers: vec![Erab { ebi: BEARER, tunnel }],
            mme_ue_id: ids.mme,
            cell: cell.ecgi,
            tai: cell.tai,
            capabilities,
        };
        self.tell_mme(request, outbox);
    }

    /// The first word under new keys: what to measure here. By it the UE knows that it has been heard.
    pub(super) fn first_word(&mut self, now: VirtualTime, id: EnbUeS1apId, outbox: &mut Outbox<Event>) {
        let transaction = self.new_transaction(id);
        let reconfiguration =
            RrcConnectionReconfiguration { transaction, mobility: None, nas: Vec::new(), bearer: None, security: None };
        let message = DlDcchMessage::Reconfiguration(reconfiguration);
        self.send_rrc(now, id, &message, "RRCConnectionReconfiguration", outbox);
    }

    pub(super) fn path_switched(&mut self, answer: PathSwitchRequestAcknowledge, outbox: &mut Outbox<Event>) {
        let (id, standard) = (answer.ue.enb, self.is_standard());
        let fresh = Nh::from_octets(*answer.security.next_hop.octets());
        let Some(ue) = self.ues.get_mut(&id) else { return };
        let Role::Arrived { from: (source, old_id), .. } = ue.role else { return };
        ue.role = Role::Serving;
        if standard {
            ue.keys.refresh(fresh.clone(), answer.security.ncc);
            let imsi = ue.imsi;
            self.report(imsi, What::KeyHeld(HeldKey::NextHop(fresh, answer.security.ncc)), outbox);
        }
        self.tell_enb(source, x2ap::UeContextRelease { old_id, new_id: x2_id(id) }, outbox);
    }

    /// The source calls the handover off; if the UE is here already, it is told so.
    pub(super) fn cancelled_over_x2(
        &mut self,
        from: Ipv4Addr,
        cancel: &x2ap::HandoverCancel,
        outbox: &mut Outbox<Event>,
    ) {
        let of = |ue: &UeContext| matches!(ue.role, Role::Expected { from: Some(source), .. } if source == (from, cancel.old_id));
        if let Some(id) = self.ues.iter().find(|(_, ue)| of(ue)).map(|(id, _)| *id) {
            return self.forget(id, outbox);
        }
        let here = cancel.new_id.filter(|id| self.ues.contains_key(&s1_id(*id)));
        if let Some(new_id) = here {
            self.tell_enb(from, x2ap::UeContextRelease { old_id: cancel.old_id, new_id }, outbox);
        }
    }
}
