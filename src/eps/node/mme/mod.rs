//! The MME: it is asked for handovers over S1, makes KeNB* or hands out NH, switches paths, hands UEs over to other MMEs.
//!
//! * `handover`: within this MME, over S1 and X2.
//! * `relocation`: to another MME, and from one.
//! * `user_plane`: UPEs, where packets are ciphered by them; `user_plane_arrival`: when a UE comes by itself, or its keys change.
//! * `utran`: to and from UTRAN, through an SGSN.
//! * `nas`: what it says to UEs and they to it.
//! * `authentication`: with vectors of the HSS; `subscriber`: what it says to the HSS besides.
//! * `arrival`: UEs that come by themselves; `context`: the old MME of one is asked for its context; `arrival_from_utran`: its SGSN;
//!   `registration`: temporary identities, tracking areas.
//! * `rlos`: attach without AKA, for restricted local operator services.
//!
//! What an MME waits for ends after [`EXECUTION`], [`SECURITY_MODE`], [`CHALLENGE`] or [`ANSWER`]; it keeps nothing of it for ever.

mod arrival;
mod arrival_from_utran;
mod authentication;
mod context;
mod handover;
mod nas;
mod registration;
mod relocation;
mod rlos;
mod subscriber;
mod user_plane;
mod user_plane_arrival;
mod utran;

pub use user_plane::MmeUserPlane;
use user_plane::{UpHandover, UpThere, UserPlane};
use utran::{ContextOrigin, ToUtran};

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use arrival::Arriving;
pub(in crate::eps::node) use arrival::SETTING_UP;
use authentication::{Authentication, Renewing};
use context::{Asked, Given};
use rlos::Rlos;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, HeldKey, What};
use super::settings::{Agreement, Cell, KEY_SET, Subscribers, UtranCell};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::{EnbUeS1apId, Gummei, Guti, Imsi, MmeUeS1apId, Teid};
use crate::eps::parameters::Algorithms;
use crate::eps::security::parties::MmeKeys;
use crate::eps::wire::nas::NasKsi;
use crate::eps::wire::s1ap::{
    Cause, CauseRadioNetwork, HandoverPreparationFailure, S1apMessage, UeContextReleaseCommand, UeS1apIds,
};
use crate::eps::wire::{Erab, Gtpv2Body, Gtpv2Message, TunnelEndpoint, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// How long an MME waits for the end of a handover.
pub const EXECUTION: Duration = Duration::from_secs(4);
/// How long it waits for the answer to a security mode command before it sends another (T3460 is 6 s; here a command has only the
/// links to cross).
pub const SECURITY_MODE: Duration = Duration::from_secs(1);
/// How often it sends a security mode command.
pub const SECURITY_MODE_TRIES: u8 = 5;
/// How long it waits for the answer to a challenge before it sends it again.
pub const CHALLENGE: Duration = Duration::from_secs(1);
/// How often it sends a challenge.
pub const CHALLENGE_TRIES: u8 = 3;
/// How long it waits for the answer of the HSS, or of the MME that it asks for a context.
pub const ANSWER: Duration = Duration::from_secs(2);

/// What an MME is.
#[derive(Clone, Debug)]
pub struct MmeSettings {
    /// All cells of the network: those with its address are its own.
    pub cells: Vec<Cell>,
    /// All cells of UTRAN.
    pub utran_cells: Vec<UtranCell>,
    /// Its gateway.
    pub gateway: Ipv4Addr,
    /// Its HSS; without one it authenticates nobody.
    pub hss: Option<Ipv4Addr>,
    /// What the MMEs of the network are called, and where they are, itself among them: what temporary identities are made of, and whom
    /// they name. Who is not among them gives none.
    pub mmes: Vec<(Gummei, Ipv4Addr)>,
    /// The NAS algorithms that it has, best first: a UE that comes from another MME gets the first that it has too. 128-EEA2, 128-EIA2
    /// and the null ones are those that are computed.
    pub nas_algorithms: Vec<Algorithms>,
    /// What the network has agreed on.
    pub agreement: Agreement,
    /// The numbers of UEs on S1.
    pub subscribers: Subscribers,
    /// Whether a UE that has come with a context of GSM is authenticated anew without being told, as soon as nothing else goes on with it.
    pub renews_weak: bool,
    /// What is wrong with it.
    pub faults: MmeFaults,
}

/// What is wrong with an MME; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MmeFaults {
    /// A broken random source: PARA is always the same.
    pub constant_para: bool,
    /// It begins the NAS COUNTs of UEs that come from other MMEs at 0 again.
    pub resets_counts: bool,
    /// A broken random source: NONCE_MME for UEs that were idle in UTRAN is always the same.
    pub constant_nonce: bool,
}

/// Where a UE is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    enb: Ipv4Addr,
    id: EnbUeS1apId,
}

/// A handover that is going on.
enum Handover {
    /// To an eNB of this MME.
    Here {
        target: Ipv4Addr,
        /// PARA, if the MME made KeNB*.
        para: Option<Vec<u8>>,
        /// What the target calls the UE, and where its downlink goes, once it has answered.
        granted: Option<(EnbUeS1apId, TunnelEndpoint)>,
        /// The node that it comes from; none if it is this MME.
        from: Option<Source>,
        /// What is under way with UPEs.
        up: Option<UpHandover>,
        ends: VirtualTime,
    },
    /// To another MME; what that calls the UE, once it has answered.
    There { mme: Ipv4Addr, peer: Teid, up: UpThere, ends: VirtualTime },
    /// To UTRAN.
    ToUtran { to_utran: ToUtran, ends: VirtualTime },
}

/// The node that a UE comes from, and the number of its request.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Another MME.
    Mme(TunnelEndpoint, u32),
    /// An SGSN.
    Sgsn(TunnelEndpoint, u16),
}

impl Handover {
    const fn ends(&self) -> VirtualTime {
        match self {
            Self::Here { ends, .. } | Self::There { ends, .. } | Self::ToUtran { ends, .. } => *ends,
        }
    }
}

/// A security mode command that was not answered yet.
struct ModeCommand {
    before: Before,
    tries: u8,
    ends: VirtualTime,
}

/// What is in use again if the UE does not take a security mode command.
enum Before {
    /// These algorithms of the same KASME, whose COUNTs have gone on.
    Algorithms(Algorithms),
    /// The keys and the key set before an authentication.
    Keys(Box<(MmeKeys, NasKsi)>),
    /// Nothing: the UE has come by itself, and is turned away.
    Nothing,
}

struct UeContext {
    imsi: Imsi,
    keys: MmeKeys,
    /// None while it is on its way from another MME.
    place: Option<Place>,
    handover: Option<Handover>,
    mode: Option<ModeCommand>,
    /// It has come over X2, and the gateway is to switch its path.
    switching: bool,
    capabilities: UeSecurityCapabilities,
    /// Its bearer, with the uplink at the gateway, or at its UPE.
    bearer: Erab,
    /// Where its packets are ciphered by a UPE.
    up: Option<UserPlane>,
    /// Its address in the packet network.
    address: Ipv4Addr,
    /// Which KASME it has.
    key_set: NasKsi,
    /// Its temporary identity here, and that which it was given after it and has not confirmed.
    gutis: [Option<Guti>; 2],
    /// It has come by itself, and its context is being set up at its eNB.
    arriving: Option<Arriving>,
    /// Its eNB has been sent a KeNB of a new KASME.
    renewing: Option<Renewing>,
    /// Another MME has been given its context.
    given: Option<Given>,
    /// Whether the HSS knows that this MME serves it, as far as it does.
    registered: bool,
    /// The HSS was told so, with this number, and has not answered.
    locating: Option<u32>,
    /// What its security context goes back to.
    origin: ContextOrigin,
}

impl UeContext {
    /// When some of the waiting is over.
    fn ends(&self) -> Option<VirtualTime> {
        let ends = [
            self.handover.as_ref().map(Handover::ends),
            self.mode.as_ref().map(|mode| mode.ends),
            self.arriving.as_ref().map(|arriving| arriving.ends),
            self.renewing.as_ref().map(|renewing| renewing.ends),
            self.given.map(|given| given.ends),
        ];
        ends.into_iter().flatten().min()
    }

    /// Whether keys are changing, or it is changing its MME: no handover begins (TS 33.401 clause 7.2.10).
    const fn is_changing(&self) -> bool {
        self.mode.is_some() || self.arriving.is_some() || self.renewing.is_some() || self.given.is_some()
    }
}

/// An MME.
pub struct Mme {
    settings: MmeSettings,
    core: CoreSide,
    random: ChaCha20Rng,
    ues: BTreeMap<MmeUeS1apId, UeContext>,
    authentications: BTreeMap<MmeUeS1apId, Authentication>,
    /// UEs whose contexts other MMEs were asked for, by the number of the request.
    asked: BTreeMap<u32, Asked>,
    /// Restricted local operator services, if there is something to say of them.
    rlos: Option<Box<Rlos>>,
    /// The number of the last request to the HSS.
    last_hop: u32,
    /// The number of the last request of GTPv2-C, 24 bits.
    last_sequence: u32,
    started: bool,
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
    /// Its bearer, with the uplink at the gateway, or at its UPE: [`uplink_tunnel`](super::gateway::uplink_tunnel).
    pub bearer: Erab,
    /// Where its packets are ciphered by a UPE.
    pub user_plane: Option<MmeUserPlane>,
    /// Its address in the packet network.
    pub address: Ipv4Addr,
    /// The temporary identity that this MME has given it.
    pub guti: Option<Guti>,
}

impl Mme {
    /// An MME without UEs; `random` is its own.
    #[must_use]
    pub const fn new(settings: MmeSettings, core: CoreSide, random: ChaCha20Rng) -> Self {
        Self {
            settings,
            core,
            random,
            ues: BTreeMap::new(),
            authentications: BTreeMap::new(),
            asked: BTreeMap::new(),
            rlos: None,
            last_hop: 0,
            last_sequence: 0,
            started: false,
        }
    }

    /// Takes a UE that is connected from before the run, if it is one of the subscribers.
    pub fn attach(&mut self, ue: AttachedUe) {
        let AttachedUe { id, keys, enb: (enb, enb_id), capabilities, bearer, user_plane, address, guti } = ue;
        let Some(imsi) = self.settings.subscribers.get(&id).copied() else { return };
        let place = Some(Place { enb, id: enb_id });
        let up = self.user_plane(&keys, user_plane);
        let context = UeContext {
            imsi,
            keys,
            place,
            handover: None,
            mode: None,
            switching: false,
            capabilities,
            bearer,
            up,
            address,
            key_set: NasKsi::new(KEY_SET),
            gutis: [guti, None],
            arriving: None,
            renewing: None,
            given: None,
            registered: true,
            locating: None,
            origin: ContextOrigin::default(),
        };
        self.ues.insert(id, context);
    }

    fn is_standard(&self) -> bool {
        self.settings.agreement.schemes.is_standard()
    }

    fn send(&mut self, to: Ipv4Addr, message: impl Into<S1apMessage>, outbox: &mut Outbox<Event>) {
        self.core.send(to, &CoreMessage::S1ap(message.into()), outbox);
    }

    fn request(&mut self, to: Ipv4Addr, teid: Teid, body: Gtpv2Body, outbox: &mut Outbox<Event>) {
        let sequence = self.next_sequence();
        self.answer(to, teid, sequence, body, outbox);
    }

    const fn next_sequence(&mut self) -> u32 {
        self.last_sequence = (self.last_sequence + 1) & 0x00ff_ffff;
        self.last_sequence
    }

    fn answer(&mut self, to: Ipv4Addr, teid: Teid, sequence: u32, body: Gtpv2Body, outbox: &mut Outbox<Event>) {
        self.core.send(to, &CoreMessage::Gtpv2(Gtpv2Message { teid, sequence, body }), outbox);
    }

    /// This MME's end of the tunnel of a UE on S10 and S11: the number that it has on S1.
    const fn control_tunnel(&self, id: MmeUeS1apId) -> TunnelEndpoint {
        TunnelEndpoint { address: self.core.address(), teid: Teid(id.0) }
    }

    fn refuse(&mut self, to: Ipv4Addr, ue: UeS1apIds, cause: Cause, outbox: &mut Outbox<Event>) {
        self.send(to, HandoverPreparationFailure { ue, cause }, outbox);
    }

    fn release(&mut self, at: Ipv4Addr, ue: UeS1apIds, cause: CauseRadioNetwork, outbox: &mut Outbox<Event>) {
        self.send(at, UeContextReleaseCommand { ue, cause: Cause::radioNetwork(cause) }, outbox);
    }

    /// PARA, at random.
    fn para(&mut self) -> Vec<u8> {
        let mut para = vec![0; self.settings.agreement.para_octets];
        if !self.settings.faults.constant_para {
            self.random.fill_bytes(&mut para);
        }
        para
    }

    fn nas_in_use(&self, ue: &UeContext, outbox: &mut Outbox<Event>) {
        let nas = &ue.keys.nas;
        let keys = [nas.keys().enc.clone(), nas.keys().int.clone()];
        let what = What::NasInUse { keys, algorithms: nas.algorithms(), kasme: ue.keys.kasme().clone() };
        outbox.report(Event { ue: ue.imsi, what });
    }

    fn holds_kasme(&self, ue: &UeContext, outbox: &mut Outbox<Event>) {
        let what = What::KeyHeld(HeldKey::Kasme(ue.keys.kasme().clone()));
        outbox.report(Event { ue: ue.imsi, what });
    }

    fn s1ap(&mut self, now: VirtualTime, from: Ipv4Addr, message: S1apMessage, outbox: &mut Outbox<Event>) {
        match message {
            S1apMessage::HandoverRequired(required) => self.required(now, from, required, outbox),
            S1apMessage::HandoverRequestAcknowledge(answer) => self.granted(from, answer, outbox),
            S1apMessage::HandoverFailure(failure) => self.failed(from, failure, outbox),
            S1apMessage::HandoverNotify(notify) => self.arrived(now, from, &notify, outbox),
            S1apMessage::HandoverCancel(cancel) => self.cancelled(from, cancel.ue, outbox),
            S1apMessage::PathSwitchRequest(request) => self.path_switch(from, &request, outbox),
            S1apMessage::HandoverToUtranRequired(required) => self.required_to_utran(now, from, required, outbox),
            S1apMessage::UplinkNasTransport(transport) => self.uplink_nas(now, from, &transport, outbox),
            S1apMessage::InitialUeMessage(message) => self.initial(now, from, &message, outbox),
            S1apMessage::InitialContextSetupResponse(response) => self.set_up_complete(now, from, &response, outbox),
            S1apMessage::InitialContextSetupFailure(failure) => self.set_up_failed(from, failure.ue, outbox),
            S1apMessage::UeContextModificationResponse(response) => self.renewed(now, from, response.ue, outbox),
            S1apMessage::UeContextReleaseRequest(request) => self.release_requested(from, request.ue, outbox),
            // Of the rest, none asks for an answer.
            _ => {}
        }
    }

    fn gtpv2(&mut self, now: VirtualTime, from: Ipv4Addr, message: Gtpv2Message, outbox: &mut Outbox<Event>) {
        let Gtpv2Message { teid, sequence, body } = message;
        let id = MmeUeS1apId(teid.0);
        match body {
            Gtpv2Body::ForwardRelocationRequest(request) => self.relocate(now, from, sequence, request, outbox),
            Gtpv2Body::ForwardRelocationResponse(response) => self.relocation_answered(from, id, response, outbox),
            Gtpv2Body::ForwardRelocationCompleteNotification => self.relocated(from, id, sequence, outbox),
            Gtpv2Body::RelocationCancelRequest(request) => {
                self.relocation_cancelled(from, sequence, request.imsi, outbox);
            }
            Gtpv2Body::ModifyBearerResponse(response) => self.path_modified(from, id, &response, outbox),
            Gtpv2Body::ContextRequest(request) => self.context_requested(now, from, sequence, request, outbox),
            Gtpv2Body::ContextResponse(response) => self.context_answered(now, from, sequence, response, outbox),
            Gtpv2Body::ContextAcknowledge(cause) => self.context_acknowledged(from, (id, sequence), cause, outbox),
            Gtpv2Body::CreateSessionResponse(response) => self.session_answered(now, from, id, &response, outbox),
            Gtpv2Body::CreateForwardingResponse(response) => self.forwarding_answered(from, id, &response, outbox),
            // Of the other answers nothing follows, and a request to a gateway or a UPE is not for an MME.
            _ => {}
        }
    }

    /// Some of the waiting is over.
    fn timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let over = self.ues.iter().filter(|(_, ue)| ue.ends().is_some_and(|ends| ends <= now));
        let over: Vec<MmeUeS1apId> = over.map(|(id, _)| *id).collect();
        for id in over {
            let Some(ue) = self.ues.get_mut(&id) else { continue };
            if ue.mode.as_ref().is_some_and(|mode| mode.ends <= now) {
                self.mode_unanswered(now, id, outbox);
            }
            let Some(ue) = self.ues.get(&id) else { continue };
            if ue.handover.as_ref().is_some_and(|handover| handover.ends() <= now) {
                self.call_off(id, outbox);
            }
            let Some(ue) = self.ues.get_mut(&id) else { continue };
            ue.given.take_if(|given| given.ends <= now);
            if ue.renewing.as_ref().is_some_and(|renewing| renewing.ends <= now) {
                self.renewal_unanswered(now, id, outbox);
            }
            if self.ues.get(&id).and_then(|ue| ue.arriving.as_ref()).is_some_and(|arriving| arriving.ends <= now) {
                self.abandon(id, outbox);
            }
        }
        self.authentication_timers(now, outbox);
        self.asked_timers(now, outbox);
        self.rlos_timers(now, outbox);
    }
}

impl Node for Mme {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        if !self.started {
            self.started = true;
            for ue in self.ues.values() {
                self.holds_kasme(ue, outbox);
                self.nas_in_use(ue, outbox);
            }
        }
        for request in self.core.wake(now, outbox) {
            self.unanswered(&request);
        }
        match input {
            Input::Frame { octets, .. } => match self.core.receive(&octets) {
                Ok((from, message)) if self.core.settles(from, &message, outbox) => {}
                Ok((from, CoreMessage::S1ap(message))) => {
                    outbox.verdict(Verdict::accepted(format!("accepted: {}", message.name())));
                    self.s1ap(now, from, message, outbox);
                }
                Ok((from, CoreMessage::Gtpv2(message))) => {
                    outbox.verdict(Verdict::accepted(format!("accepted: {}", message.body.name())));
                    self.gtpv2(now, from, message, outbox);
                }
                Ok((from, CoreMessage::Diameter(message))) => {
                    outbox.verdict(Verdict::accepted(format!("accepted: {}", message.body.name())));
                    self.diameter(now, from, message, outbox);
                }
                Ok((from, CoreMessage::Gtpv1(message))) => {
                    outbox.verdict(Verdict::accepted(format!("accepted: {}", message.body.name())));
                    self.gtpv1(now, from, message, outbox);
                }
                Ok((_, other)) => {
                    outbox.verdict(Verdict::rejected(format!("dropped: {} is not for an MME", other.name())));
                }
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
            Input::Command(Command::ChangeNasAlgorithms(imsi, algorithms)) => {
                let ue = self.ues.iter().find(|(_, ue)| ue.imsi == imsi).map(|(id, _)| *id);
                ue.into_iter().for_each(|id| self.change_algorithms(now, id, algorithms, outbox));
            }
            Input::Command(Command::Authenticate(imsi)) => self.authenticate_anew(now, imsi, outbox),
            Input::Timer => self.timers(now, outbox),
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        let ends = self.ues.values().filter_map(UeContext::ends);
        let ends = ends.chain(self.authentications.values().map(|authentication| authentication.ends));
        let ends = ends.chain(self.asked.values().map(|asked| asked.ends));
        ends.chain(self.rlos.as_ref().and_then(|rlos| rlos.next_timer())).chain(self.core.next_timer()).min()
    }
}
