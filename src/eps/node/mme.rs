//! The MME: it is asked for handovers over S1, makes KeNB* or hands out NH, and switches paths.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::core_side::{CoreMessage, CoreSide};
use super::enb::named;
use super::event::{Command, Event, What};
use super::settings::{Agreement, Scheme};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::{EnbUeS1apId, GlobalEnbId, MmeUeS1apId};
use crate::eps::keys::Nh;
use crate::eps::parameters::LinkDirection::Downlink;
use crate::eps::parameters::{HandoverParameters, Indication, Ncc};
use crate::eps::security::parties::MmeKeys;
use crate::eps::wire::nas::{EmmMessage, GenericContainer, ProtectedNas, SecurityHeader};
use crate::eps::wire::s1ap::{
    Cause, CauseNas, CauseRadioNetwork, HandoverCommand, HandoverPreparationFailure, HandoverRequest, HandoverRequired,
    PathSwitchRequestAcknowledge, S1apMessage, SecurityContext, UeContextReleaseCommand, UeS1apIds,
};
use crate::eps::wire::{Erab, TunnelEndpoint, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// What an MME is.
#[derive(Clone, Debug)]
pub struct MmeSettings {
    /// The eNBs that it serves: where they are, and their security groups.
    pub enbs: BTreeMap<GlobalEnbId, (Ipv4Addr, u32)>,
    /// What the network has agreed on.
    pub agreement: Agreement,
    /// A broken random source: PARA is always the same.
    pub constant_para: bool,
}

/// Where a UE is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    enb: Ipv4Addr,
    id: EnbUeS1apId,
}

struct UeContext {
    keys: MmeKeys,
    place: Place,
    /// The eNB that it is being handed over to, and PARA if the MME made KeNB*.
    target: Option<(Ipv4Addr, Option<Vec<u8>>, Option<EnbUeS1apId>)>,
    capabilities: UeSecurityCapabilities,
    bearer: Erab,
}

/// An MME.
pub struct Mme {
    settings: MmeSettings,
    core: CoreSide,
    random: ChaCha20Rng,
    ues: BTreeMap<MmeUeS1apId, UeContext>,
}

/// A UE that is connected from before the run.
#[derive(Clone, Debug)]
pub struct AttachedUe {
    /// What the MME calls it.
    pub id: MmeUeS1apId,
    /// Its keys.
    pub keys: MmeKeys,
    /// Its eNB, and what that calls it.
    pub enb: (Ipv4Addr, EnbUeS1apId),
    /// Its algorithms.
    pub capabilities: UeSecurityCapabilities,
    /// Its bearer, with the uplink at the S-GW.
    pub bearer: Erab,
}

impl Mme {
    /// An MME without UEs; `random` is its own.
    #[must_use]
    pub fn new(settings: MmeSettings, core: CoreSide, random: ChaCha20Rng) -> Self {
        Self { settings, core, random, ues: BTreeMap::new() }
    }

    /// Takes a UE that is connected from before the run.
    pub fn attach(&mut self, ue: AttachedUe) {
        let AttachedUe { id, keys, enb: (enb, enb_id), capabilities, bearer } = ue;
        let place = Place { enb, id: enb_id };
        self.ues.insert(id, UeContext { keys, place, target: None, capabilities, bearer });
    }

    fn send(&mut self, to: Ipv4Addr, message: S1apMessage, outbox: &mut Outbox<Event>) {
        let note = message.name();
        // A message that does not encode is as good as lost.
        let _ = self.core.send(to, &CoreMessage::S1ap(message), note, outbox);
    }

    /// PARA, at random.
    fn para(&mut self) -> Vec<u8> {
        let mut para = vec![0; self.settings.agreement.para_octets];
        if !self.settings.constant_para {
            self.random.fill_bytes(&mut para);
        }
        para
    }

    fn s1ap(&mut self, from: Ipv4Addr, message: S1apMessage, outbox: &mut Outbox<Event>) {
        match message {
            S1apMessage::HandoverRequired(required) => self.required(from, required, outbox),
            S1apMessage::HandoverRequestAcknowledge(answer) => {
                let Some(ue) = self.ues.get_mut(&answer.ue.mme) else { return };
                let Some((target, para, id)) = &mut ue.target else { return };
                if *target != from {
                    return;
                }
                *id = Some(answer.ue.enb);
                let para = para.clone();
                let nas_security_parameters = match para.map(|para| protected_para(ue, para)).transpose() {
                    Ok(parameters) => parameters,
                    Err(()) => return,
                };
                let (key, count) = (ue.keys.nas.keys().enc.clone(), ue.keys.nas.next_count(Downlink).saturating_sub(1));
                let place = ue.place;
                if nas_security_parameters.is_some() {
                    let what = What::Protected { key, bearer: 0, direction: Downlink, count };
                    outbox.report(Event { ue: named(answer.ue.mme), what });
                }
                let command = HandoverCommand {
                    ue: UeS1apIds { mme: answer.ue.mme, enb: place.id },
                    nas_security_parameters,
                    container: answer.container,
                };
                self.send(place.enb, command.into(), outbox);
            }
            S1apMessage::HandoverFailure(failure) => {
                let Some(ue) = self.ues.get_mut(&failure.mme_ue_id) else { return };
                ue.target = None;
                let place = ue.place;
                self.refuse(UeS1apIds { mme: failure.mme_ue_id, enb: place.id }, place.enb, failure.cause, outbox);
            }
            S1apMessage::HandoverNotify(notify) => {
                let Some(ue) = self.ues.get_mut(&notify.ue.mme) else { return };
                let Some((target, ..)) = ue.target.take().filter(|(target, ..)| *target == from) else { return };
                let left = std::mem::replace(&mut ue.place, Place { enb: target, id: notify.ue.enb });
                let release = UeContextReleaseCommand {
                    ue: UeS1apIds { mme: notify.ue.mme, enb: left.id },
                    cause: Cause::radioNetwork(CauseRadioNetwork::successful_handover),
                };
                self.send(left.enb, release.into(), outbox);
            }
            S1apMessage::PathSwitchRequest(request) => {
                let standard = self.settings.agreement.schemes.is_standard();
                let Some(ue) = self.ues.get_mut(&request.mme_ue_id) else { return };
                ue.place = Place { enb: from, id: request.enb_ue_id };
                // The field is mandatory; where the contribution rules there is nothing to be said in it.
                let (next_hop, ncc) =
                    if standard { ue.keys.next_hop() } else { (Nh::from_octets([0; 32]), Ncc::new(0)) };
                let answer = PathSwitchRequestAcknowledge {
                    ue: UeS1apIds { mme: request.mme_ue_id, enb: request.enb_ue_id },
                    security: SecurityContext { ncc, next_hop },
                };
                self.send(from, answer.into(), outbox);
            }
            // Of the rest, none asks for an answer.
            _ => {}
        }
    }

    fn refuse(&mut self, ue: UeS1apIds, to: Ipv4Addr, cause: Cause, outbox: &mut Outbox<Event>) {
        self.send(to, HandoverPreparationFailure { ue, cause }.into(), outbox);
    }

    fn required(&mut self, from: Ipv4Addr, required: HandoverRequired, outbox: &mut Outbox<Event>) {
        let HandoverRequired { ue: ids, target, container, cause, .. } = required;
        let unknown = Cause::radioNetwork(CauseRadioNetwork::unknown_targetID);
        let Some((address, group)) = self.settings.enbs.get(&target).copied() else {
            return self.refuse(ids, from, unknown, outbox);
        };
        let source = self.settings.enbs.values().find(|(enb, _)| *enb == from).map(|(_, group)| *group);
        let scheme = self.settings.agreement.schemes.of(source.unwrap_or(group), group);
        let para = (scheme == Scheme::MmeInvolved).then(|| self.para());
        let Some(ue) = self.ues.get_mut(&ids.mme).filter(|ue| ue.place == Place { enb: from, id: ids.enb }) else {
            return self.refuse(ids, from, Cause::nas(CauseNas::unspecified), outbox);
        };
        let security = match &para {
            Some(para) => ue
                .keys
                .star(para)
                .map(|star| SecurityContext { ncc: Ncc::new(1), next_hop: Nh::from_octets(*star.octets()) }),
            None => {
                let (next_hop, ncc) = ue.keys.next_hop();
                Ok(SecurityContext { ncc, next_hop })
            }
        };
        let Ok(security) = security else { return };
        let (bearers, capabilities) = (vec![ue.bearer], ue.capabilities);
        ue.target = Some((address, para, None));
        let request = HandoverRequest { mme_ue_id: ids.mme, cause, bearers, container, capabilities, security };
        self.send(address, request.into(), outbox);
    }
}

/// INDICATION and PARA for the UE, in a NAS message under the NAS keys.
fn protected_para(ue: &mut UeContext, para: Vec<u8>) -> Result<Vec<u8>, ()> {
    let parameters = HandoverParameters { indication: Indication::Mme, para };
    let container = GenericContainer::of_handover_parameters(&parameters).map_err(drop)?;
    let plain = EmmMessage::DownlinkGenericTransport(container).octets().map_err(drop)?;
    let header = SecurityHeader::IntegrityCiphered;
    let protected = ue.keys.nas.protect(Downlink, &plain, header.ciphered()).map_err(drop)?;
    let sequence_number = (protected.sequence_number & 0xff) as u8;
    let message = ProtectedNas { header, mac: protected.mac, sequence_number, message: protected.octets };
    message.octets().map_err(drop)
}

/// The tunnel of a UE's uplink at the S-GW, which is no node here.
#[must_use]
pub fn uplink_tunnel(gateway: Ipv4Addr, ue: MmeUeS1apId) -> TunnelEndpoint {
    TunnelEndpoint { address: gateway, teid: crate::eps::identifiers::Teid(ue.0) }
}

impl Node for Mme {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, _: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        let Input::Frame { octets, .. } = input else { return };
        match self.core.receive(&octets) {
            Ok((from, CoreMessage::S1ap(message))) => {
                outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
                self.s1ap(from, message, outbox);
            }
            Ok((_, CoreMessage::X2ap(_))) => outbox.verdict(Verdict::rejected("dropped: X2AP is not for an MME")),
            Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        None
    }
}
