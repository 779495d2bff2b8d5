//! An ME that is off and attaches for restricted local operator services, without AKA (seed 003, TS 24.301 clause 5.5.1): it chooses a
//! network that offers them, sends a public key, and takes KASMEtemp out of the security mode command.
//!
//! A command that whoever has sent it did not have to know KASMEtemp for is dropped, and the ME waits for another; one that is protected
//! under KASMEtemp, and says something else than the ME has sent, ends the attach. Without an answer an attach ends after [`RLOS_ATTACH`], and
//! is tried [`RLOS_ATTACH_TRIES`] times, with another pair where it makes one for each.

use std::time::Duration;

use rand_core::Rng;

use super::arrival::T300;
use super::handover::Refusal;
use super::nas::open;
use super::{HeardCell, Place, RadioSide, State, TRIES, Ue, UeSettings};
use crate::emulation::Outbox;
use crate::eps::identifiers::{Pci, Plmn};
use crate::eps::keys::Kasme;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::parlos::{
    AttachOutcome, Credential, KeyOperation, NULL, NetworkProof, Parlos, RlosRefusal, RlosUe, attach_hash,
    carried_public_key, mcc, no_kasme, report_operation,
};
use crate::eps::node::radio_side::common_frame;
use crate::eps::parameters::LinkDirection::Uplink;
use crate::eps::parameters::{AlgorithmId, Algorithms};
use crate::eps::security::key_transport::certificate::certified_signing;
use crate::eps::security::key_transport::contribution::joined;
use crate::eps::security::key_transport::{self, PrivateKey, SignedCommand, VerifyingKey};
use crate::eps::security::parties::UeKeys;
use crate::eps::wire::nas::element::{CarriedKey, MAX_CARRIED, TAG_CERTIFICATE, TAG_NONCE, TAG_SEALED, TAG_SIGNATURE};
use crate::eps::wire::nas::emm::{ATTACH_FOR_RLOS, HASH_OCTETS};
use crate::eps::wire::nas::{
    AlgorithmSet, DetachType, EmmCause, EmmMessage, EpsMobileIdentity, FurtherElement, NasKsi, ProtectedNas,
    SecurityHeader, UeCapability, esm,
};
use crate::eps::wire::rrc::{EstablishmentCause, InitialUeIdentity, UlCcchMessage};
use crate::time::VirtualTime;

/// How long an ME waits for its attach to be accepted (T3410 is 15 s; here there are only the links to cross).
pub const RLOS_ATTACH: Duration = Duration::from_secs(4);
/// How often it attaches when nobody answers.
pub const RLOS_ATTACH_TRIES: u8 = 2;
/// Procedure transaction of the connection that it asks for.
const TRANSACTION: u8 = 1;
/// Octets of the fresh number in an attach request.
const NONCE: usize = 16;
/// Bits of the number that it calls itself by when it has no temporary identity.
const RANDOM_BITS: u64 = (1 << 40) - 1;
/// Type of detach: EPS detach.
const EPS_DETACH: u8 = 1;

/// What an ME has for this.
#[derive(Clone, Debug)]
pub(super) struct Rlos {
    settings: RlosUe,
    /// When it attaches by itself.
    due: Option<VirtualTime>,
}

impl Rlos {
    pub(super) const fn due(&self) -> Option<VirtualTime> {
        self.due
    }
}

/// An attach that is going on.
pub(super) struct Attaching {
    request: Vec<u8>,
    /// The pair of this attach; none where there are the null algorithms.
    key: Option<PrivateKey>,
    step: Step,
    ends: VirtualTime,
    tries: u8,
    /// The last thing that it has not taken.
    refused: Option<RlosRefusal>,
    keys: Keys,
}

#[derive(Clone, Copy)]
enum Step {
    Asking { tries: u8, due: VirtualTime },
    Connected,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    None,
    Null,
    /// It has taken KASMEtemp, or KASME of an authentication.
    Taken,
}

impl Attaching {
    pub(super) fn next_timer(&self) -> VirtualTime {
        match self.step {
            Step::Asking { due, .. } => due.min(self.ends),
            Step::Connected => self.ends,
        }
    }

    pub(super) const fn is_asking(&self) -> bool {
        matches!(self.step, Step::Asking { .. })
    }

    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.step, Step::Connected)
    }

    pub(super) const fn connected(&mut self) {
        self.step = Step::Connected;
    }

    pub(super) fn request(&self) -> &[u8] {
        &self.request
    }

    pub(super) fn has_keys(&self) -> bool {
        self.keys != Keys::None
    }
}

/// What a security mode command says.
struct Command<'a> {
    message: &'a ProtectedNas,
    algorithms: Algorithms,
    key_set: NasKsi,
    capability: [u8; 2],
    hash: Option<[u8; HASH_OCTETS]>,
    elements: &'a [FurtherElement],
}

impl Ue {
    /// A UE that is off. It attaches when it is told to, or at the time that `rlos` says.
    #[must_use]
    pub fn off_for_rlos(settings: UeSettings, rlos: RlosUe) -> Self {
        let cell = settings.cells.keys().next().copied().unwrap_or(Pci::FIRST);
        let derivation = settings.agreement.derivation;
        let unused = UeKeys::mapped(no_kasme(), Algorithms::AES, Algorithms::AES, derivation);
        let mut ue = Self::connected(settings, unused, cell, 0);
        ue.switch_off();
        ue.rlos = Some(Box::new(Rlos { due: rlos.attach_at, settings: rlos }));
        ue
    }

    fn switch_off(&mut self) {
        let derivation = self.settings.agreement.derivation;
        self.keys = UeKeys::mapped(no_kasme(), Algorithms::AES, Algorithms::AES, derivation);
        self.keys.disconnect();
        (self.key_set, self.guti, self.tai) = (NasKsi::NONE, None, None);
        (self.challenged, self.update, self.measured) = (None, None, None);
        self.radio = RadioSide::default();
        self.state = State::Off;
    }

    pub(super) const fn is_off(&self) -> bool {
        matches!(self.state, State::Off)
    }

    /// Whether the null algorithms protect its connection: it has been commanded so.
    pub(super) fn takes_null(&self) -> bool {
        matches!(&self.state, State::Attaching(attaching) if attaching.keys == Keys::Null)
    }

    /// It detaches, if it is attached, and is off.
    pub(super) fn power_off(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if self.rlos.is_none() {
            return;
        }
        if let State::Attaching(_) = self.state {
            return self.attach_ended(AttachOutcome::NoAnswer, outbox);
        }
        if self.may_speak() {
            let detach = EmmMessage::DetachRequest {
                detach_type: DetachType { switch_off: true, kind: EPS_DETACH },
                key_set: self.key_set,
                identity: self.guti.map_or(EpsMobileIdentity::Imsi(self.settings.imsi), EpsMobileIdentity::Guti),
            };
            self.say(now, SecurityHeader::IntegrityCiphered, &detach, "DetachRequest", outbox);
        }
        self.switch_off();
    }

    /// It attaches, if it is off.
    pub(super) fn attach_for_rlos(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if let Some(rlos) = self.rlos.as_mut().filter(|_| matches!(self.state, State::Off | State::Lost)) {
            rlos.due = None;
            self.begin_attach(now, RLOS_ATTACH_TRIES, outbox);
        }
    }

    /// The cell of a network that offers these services: of its home network, else of the first that it prefers, else of another that it
    /// takes (TS 23.122, TS 33.401 Annex J).
    fn select_cell(&self) -> Option<Pci> {
        let RlosUe { offering, home, preferred, allowed, faults, .. } = &self.rlos.as_ref()?.settings;
        let rank = |network: Plmn| {
            let listed = home.iter().chain(preferred).position(|known| *known == network);
            let other = || (allowed.contains(&mcc(network)) || faults.attaches_anywhere).then_some(usize::MAX);
            listed.or_else(other)
        };
        let offers = |network: Plmn| faults.attaches_anywhere || offering.contains(&network);
        let cells = self.settings.cells.iter().filter(|(_, cell)| offers(cell.tai.plmn));
        let ranked = cells.filter_map(|(pci, cell)| Some((rank(cell.tai.plmn)?, *pci)));
        ranked.min().map(|(_, pci)| pci)
    }

    fn begin_attach(&mut self, now: VirtualTime, tries: u8, outbox: &mut Outbox<Event>) {
        self.switch_off();
        let (Some(tries), Some(cell)) = (tries.checked_sub(1), self.select_cell()) else {
            return self.report(What::AttachEnded(AttachOutcome::NoNetwork), outbox);
        };
        self.report(What::AttachBegun(cell), outbox);
        let key = self.pair_of_attach(outbox);
        let Some((request, c_rnti)) = self.attach_request(cell, key.as_ref()) else {
            return self.report(What::AttachEnded(AttachOutcome::NoNetwork), outbox);
        };
        self.place = Place { cell, c_rnti };
        let step = Step::Asking { tries: TRIES, due: now };
        let ends = now + RLOS_ATTACH;
        let attaching = Attaching { request, key, step, ends, tries, refused: None, keys: Keys::None };
        self.state = State::Attaching(Box::new(attaching));
        self.ask_connection(now, outbox);
    }

    /// The pair that it attaches with.
    fn pair_of_attach(&mut self, outbox: &mut Outbox<Event>) -> Option<PrivateKey> {
        let imsi = self.settings.imsi;
        let RlosUe { variant: Parlos { transport, credential, .. }, key, random, .. } =
            &mut self.rlos.as_mut()?.settings;
        let scheme = (*transport)?;
        let has = key.clone().filter(|_| *credential != Credential::SelfMade);
        let fresh = has.is_none();
        let pair = match has {
            Some(pair) => pair,
            None => {
                report_operation(imsi, KeyOperation::Generate, outbox);
                PrivateKey::generate(scheme, random).ok()?
            }
        };
        if *credential == Credential::Static {
            *key = Some(pair.clone());
        }
        self.report(What::KeyPair { key: pair.clone(), fresh }, outbox);
        Some(pair)
    }

    /// The octets of the attach request, and the C-RNTI that it asks for a connection with.
    fn attach_request(&mut self, cell: Pci, key: Option<&PrivateKey>) -> Option<(Vec<u8>, u16)> {
        let network = self.settings.cells.get(&cell)?.tai.plmn;
        let [ciphering, integrity] = self.attach_capability();
        let RlosUe { variant, certificate, random, .. } = &mut self.rlos.as_mut()?.settings;
        let mut elements = Vec::new();
        let mut session = esm::pdn_connectivity_request(TRANSACTION).to_vec();
        let certificate = certificate.clone().filter(|_| variant.credential == Credential::Certificate);
        match (key, certificate) {
            (Some(_), Some(certificate)) => elements.push(FurtherElement::new(TAG_CERTIFICATE, certificate)),
            (Some(key), None) => {
                let (scheme, key) = (key.scheme() as u8, key.public().octets().to_vec());
                if key.len() > MAX_CARRIED {
                    elements.push(FurtherElement::public_key(scheme, &key));
                } else {
                    session = esm::pdn_connectivity_request_with(TRANSACTION, &CarriedKey { network, scheme, key })?;
                }
            }
            (None, _) => {}
        }
        if key.is_some() {
            let mut nonce = [0; NONCE];
            random.fill_bytes(&mut nonce);
            elements.push(FurtherElement::new(TAG_NONCE, nonce));
        }
        let c_rnti = 0x003d + (random.next_u32() % (0xfff3 - 0x003d)) as u16;
        let request = EmmMessage::AttachRequest {
            attach_type: ATTACH_FOR_RLOS,
            key_set: NasKsi::NONE,
            identity: EpsMobileIdentity::Imsi(self.settings.imsi),
            capability: UeCapability {
                ciphering: AlgorithmSet(ciphering),
                integrity: AlgorithmSet(integrity),
                further: Vec::new(),
            },
            esm: session,
            elements,
        };
        Some((request.octets().ok()?, c_rnti))
    }

    /// The capabilities that it attaches with: where there is no key, EIA0 is among them.
    fn attach_capability(&self) -> [u8; 2] {
        let [ciphering, integrity] = self.settings.capabilities.nas_octets();
        let null = self.rlos.as_ref().is_some_and(|rlos| rlos.settings.variant.transport.is_none());
        [ciphering, if null { integrity | AlgorithmSet::of(&[AlgorithmId::Null]).0 } else { integrity }]
    }

    /// Asks for a connection, if a try is left.
    fn ask_connection(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let (State::Attaching(attaching), Some(rlos)) = (&mut self.state, &mut self.rlos) else { return };
        let Step::Asking { tries, .. } = attaching.step else { return };
        let Some(tries) = tries.checked_sub(1) else { return self.attach_unanswered(now, outbox) };
        attaching.step = Step::Asking { tries, due: now + T300 };
        let identity = InitialUeIdentity::Random(rlos.settings.random.next_u64() & RANDOM_BITS);
        self.radio = RadioSide::default();
        let Some(HeardCell { port, .. }) = self.here() else { return };
        let cause = EstablishmentCause::MobileOriginatedSignalling;
        let request = UlCcchMessage::ConnectionRequest { identity, cause };
        let frame = request.octets().and_then(|octets| common_frame(now, (Uplink, self.place.c_rnti), octets));
        if let Ok(frame) = frame {
            outbox.send(port, frame, "RRCConnectionRequest");
        }
    }

    pub(super) fn rlos_attach_timer(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        match &self.state {
            State::Attaching(attaching) if now >= attaching.ends => self.attach_unanswered(now, outbox),
            State::Attaching(attaching) => {
                if let Step::Asking { due, .. } = attaching.step
                    && now >= due
                {
                    self.ask_connection(now, outbox);
                }
            }
            _ => {
                if self.rlos.as_ref().and_then(|rlos| rlos.due).is_some_and(|due| now >= due) {
                    self.attach_for_rlos(now, outbox);
                }
            }
        }
    }

    /// Nothing comes of an attach: once more, unless it was something that the ME has refused.
    pub(super) fn attach_unanswered(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let State::Attaching(attaching) = &self.state else { return };
        match (attaching.refused, attaching.tries) {
            (Some(refusal), _) => self.attach_ended(AttachOutcome::Refused(refusal), outbox),
            (None, 0) => self.attach_ended(AttachOutcome::NoAnswer, outbox),
            (None, tries) => {
                self.report(What::AttachEnded(AttachOutcome::NoAnswer), outbox);
                self.begin_attach(now, tries, outbox);
            }
        }
    }

    pub(super) fn attach_ended(&mut self, outcome: AttachOutcome, outbox: &mut Outbox<Event>) {
        self.report(What::AttachEnded(outcome), outbox);
        self.switch_off();
    }

    /// The network has accepted it.
    pub(super) fn attach_accepted(&self, outbox: &mut Outbox<Event>) {
        if self.rlos.is_some() {
            self.report(What::AttachEnded(AttachOutcome::Accepted), outbox);
        }
    }

    /// The network has authenticated it, though it has not asked for that: it follows the normal procedure, with these keys (TS 33.401
    /// Annex J).
    pub(super) fn authenticated_in_attach(&mut self) {
        if let State::Attaching(attaching) = &mut self.state {
            attaching.keys = Keys::Taken;
        }
    }

    /// A security mode command that brings KASMEtemp, or the null algorithms.
    pub(super) fn temporary_keys(
        &mut self,
        now: VirtualTime,
        message: &ProtectedNas,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        let (algorithms, key_set, capability, hash, elements) = match EmmMessage::parse(&message.message) {
            Ok(EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, elements }) => {
                (algorithms, key_set, capability, hash, elements)
            }
            Ok(_) => return Err((DropReason::Refused, "expected a security mode command".to_owned())),
            Err(error) => return Err((DropReason::Malformed, error.to_string())),
        };
        let command = Command {
            message,
            algorithms: Algorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity },
            key_set,
            capability: [capability.ciphering.0, capability.integrity.0],
            hash,
            elements: &elements,
        };
        if matches!(&self.state, State::Attaching(attaching) if attaching.has_keys()) {
            return self.commanded_again(now, &command, outbox);
        }
        let taken = self.taken_kasme(now, &command, outbox);
        let taken = taken.and_then(|(kasme, null)| {
            let algorithms = if null { NULL } else { command.algorithms };
            let mut nas = UeKeys::nas_of(&kasme, algorithms);
            open(&mut nas, message).map_err(|_| RlosRefusal::Mac)?;
            Ok((kasme, nas, null))
        });
        let (kasme, nas, null) = taken.map_err(|refusal| self.refuse(refusal, outbox))?;
        if let Err(refusal) = self.agrees(&command) {
            let cause = match refusal {
                RlosRefusal::Capabilities => EmmCause::CAPABILITIES_MISMATCH,
                _ => EmmCause::SECURITY_MODE_REJECTED,
            };
            // There are no keys before it to protect this with.
            if let Ok(nas) = (EmmMessage::SecurityModeReject { cause: cause.0 }).octets() {
                self.pass(now, nas, "SecurityModeReject", outbox);
            }
            let dropped = self.refuse(refusal, outbox);
            self.attach_ended(AttachOutcome::Refused(refusal), outbox);
            return Err(dropped);
        }
        self.keys.renew(kasme, nas);
        self.key_set = command.key_set;
        if let State::Attaching(attaching) = &mut self.state {
            attaching.keys = if null { Keys::Null } else { Keys::Taken };
        }
        self.nas_in_use(outbox);
        self.answer_mode(now, null, &command, outbox);
        Ok(())
    }

    /// Reports what was not taken.
    fn refuse(&mut self, refusal: RlosRefusal, outbox: &mut Outbox<Event>) -> Refusal {
        if let State::Attaching(attaching) = &mut self.state {
            attaching.refused = Some(refusal);
        }
        self.report(What::AttachRefused(refusal), outbox);
        let reason = if refusal == RlosRefusal::Mac { DropReason::NasMac } else { DropReason::Refused };
        (reason, format!("a security mode command that it does not take: {refusal:?}"))
    }

    /// KASMEtemp, if all that comes before keys is right with the command; or that there is none, and nothing is protected.
    fn taken_kasme(
        &self,
        now: VirtualTime,
        command: &Command<'_>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(Kasme, bool), RlosRefusal> {
        let (State::Attaching(attaching), Some(rlos)) = (&self.state, &self.rlos) else {
            return Err(RlosRefusal::NoKey);
        };
        let RlosUe { variant, faults, .. } = &rlos.settings;
        if command.algorithms == NULL && (variant.transport.is_none() || faults.takes_null) {
            return Ok((no_kasme(), true));
        }
        let key = attaching.key.as_ref().ok_or(RlosRefusal::Algorithms)?;
        let capabilities = self.settings.capabilities;
        if !command.algorithms.are_for_nas()
            || !capabilities.ciphers_with(command.algorithms.ciphering)
            || !capabilities.protects_with(command.algorithms.integrity)
        {
            return Err(RlosRefusal::Algorithms);
        }
        let sealed = FurtherElement::of(command.elements, TAG_SEALED).ok_or(RlosRefusal::NoKey)?;
        if variant.network != NetworkProof::Unsigned && !faults.ignores_signature {
            self.check_signature(now, (&rlos.settings, &attaching.request), sealed, command, outbox)?;
        }
        report_operation(self.settings.imsi, KeyOperation::Open, outbox);
        let open = if faults.ignores_tag { key_transport::open_unchecked } else { key_transport::open };
        let kasme = open(key, sealed).map_err(|_| RlosRefusal::Transport)?;
        Ok((kasme, false))
    }

    fn check_signature(
        &self,
        now: VirtualTime,
        (settings, request): (&RlosUe, &[u8]),
        sealed: &[u8],
        command: &Command<'_>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), RlosRefusal> {
        let imsi = self.settings.imsi;
        let key: VerifyingKey = match settings.variant.network {
            NetworkProof::Certified => {
                let certificate =
                    FurtherElement::of(command.elements, TAG_CERTIFICATE).ok_or(RlosRefusal::Signature)?;
                report_operation(imsi, KeyOperation::Verify, outbox);
                certified_signing(certificate, &settings.anchors, now, &settings.mme_name)
                    .map_err(RlosRefusal::Certificate)?
            }
            _ => settings.pinned.ok_or(RlosRefusal::Signature)?,
        };
        let signature = FurtherElement::of(command.elements, TAG_SIGNATURE).ok_or(RlosRefusal::Signature)?;
        let mme_key = carried_public_key(command.elements);
        let Algorithms { ciphering, integrity } = command.algorithms;
        let signed = SignedCommand {
            attach: settings.variant.hash.then_some(request),
            algorithms: (ciphering as u8) << 4 | integrity as u8,
            key_set: command.key_set.get(),
            capability: &command.capability,
            sealed,
            mme_key: mme_key.as_ref(),
        };
        report_operation(imsi, KeyOperation::Verify, outbox);
        if signed.is_signed(&key, signature) { Ok(()) } else { Err(RlosRefusal::Signature) }
    }

    /// Whether a command says what the ME has sent.
    fn agrees(&self, command: &Command<'_>) -> Result<(), RlosRefusal> {
        let (State::Attaching(attaching), Some(rlos)) = (&self.state, &self.rlos) else {
            return Err(RlosRefusal::NoKey);
        };
        let RlosUe { variant, faults, .. } = &rlos.settings;
        if command.capability != self.attach_capability() && !faults.ignores_capabilities {
            return Err(RlosRefusal::Capabilities);
        }
        if variant.hash && !faults.ignores_hash && command.hash != Some(attach_hash(&attaching.request)) {
            return Err(RlosRefusal::Hash);
        }
        Ok(())
    }

    /// Says that it has taken a command; with its own part of KASMEtemp, if the MME has sent a key.
    fn answer_mode(&mut self, now: VirtualTime, null: bool, command: &Command<'_>, outbox: &mut Outbox<Event>) {
        let header = SecurityHeader::IntegrityCipheredNewContext;
        let mut part = None;
        if let (Some(to), Some(rlos), false) = (carried_public_key(command.elements), &mut self.rlos, null)
            && rlos.settings.variant.mme_key
        {
            let mut octets = zeroize::Zeroizing::new([0; Kasme::OCTETS]);
            rlos.settings.random.fill_bytes(&mut octets[..]);
            let own = Kasme::from_octets(*octets);
            report_operation(self.settings.imsi, KeyOperation::Seal, outbox);
            let sealed = key_transport::seal(&to, &own, &mut rlos.settings.random);
            part = sealed.ok().map(|sealed| (own, FurtherElement::new(TAG_SEALED, sealed)));
        }
        self.keys.answers_mode();
        let elements = part.iter().map(|(_, element)| element.clone()).collect();
        self.say(now, header, &EmmMessage::SecurityModeComplete { elements }, "SecurityModeComplete", outbox);
        if let Some((own, _)) = part {
            let whole = joined(self.keys.kasme(), &own);
            let nas = UeKeys::nas_of(&whole, self.keys.nas.algorithms());
            self.keys.renew(whole, nas);
            self.keys.answers_mode();
            self.nas_in_use(outbox);
        }
        if !null {
            self.report(What::TemporaryKasme(self.keys.kasme().clone()), outbox);
        }
    }

    /// The MME has not heard the answer, and commands again.
    fn commanded_again(
        &mut self,
        now: VirtualTime,
        command: &Command<'_>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), Refusal> {
        open(&mut self.keys.nas, command.message)?;
        let complete = EmmMessage::SecurityModeComplete { elements: Vec::new() };
        self.keys.answers_mode();
        let header = SecurityHeader::IntegrityCipheredNewContext;
        self.say(now, header, &complete, "SecurityModeComplete", outbox);
        Ok(())
    }
}
