//! Attach for restricted local operator services (seed 003): the MME draws KASMEtemp, encrypts it to the public key of the ME, and has it
//! answer a security mode command under the keys of it; then it asks the gateway for a session, and sets up the context of the UE.
//!
//! Until the ME has answered, what there is of it is kept by its place, and whoever is served under its identity stays so: anybody may
//! send an attach request. It ends after [`SECURITY_MODE_TRIES`](super::SECURITY_MODE_TRIES) commands, and there are no more of them at a
//! time than the settings say. \[choice\] S1 numbers only those that the run knows; another is commanded, and released when it answers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rand_core::Rng;

use super::arrival::{Arriving, Request, SETTING_UP};
use super::nas::open;
use super::{ContextOrigin, Mme, Place, SECURITY_MODE, SECURITY_MODE_TRIES, UeContext};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::{Ebi, Imsi, MmeUeS1apId, Tai, Teid};
use crate::eps::keys::Kasme;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::gateway::uplink_tunnel;
use crate::eps::node::parlos::{
    Credential, KeyOperation, NULL, NetworkProof, RlosMme, RlosRefusal, attach_hash, carried_public_key, no_kasme,
    report_operation,
};
use crate::eps::node::settings::KEY_SET;
use crate::eps::parameters::Algorithms;
use crate::eps::parameters::LinkDirection::Downlink;
use crate::eps::security::key_transport::certificate::{certified_transport, unchecked_transport};
use crate::eps::security::key_transport::contribution::joined;
use crate::eps::security::key_transport::{self, KeyTransport, PrivateKey, PublicKey, SignedCommand};
use crate::eps::security::parties::MmeKeys;
use crate::eps::wire::gtpv2::{CreateSessionRequest, CreateSessionResponse, DeleteSessionRequest, SessionGrant};
use crate::eps::wire::nas::element::{TAG_CERTIFICATE, TAG_SEALED, TAG_SIGNATURE};
use crate::eps::wire::nas::emm::HASH_OCTETS;
use crate::eps::wire::nas::{
    EmmCause, EmmMessage, EpsMobileIdentity, FurtherElement, NasAlgorithms, NasKsi, NasMessage, ProtectedNas,
    SecurityHeader, UeCapability, esm,
};
use crate::eps::wire::s1ap::{CauseNas, DownlinkNasTransport, UeS1apIds};
use crate::eps::wire::{Erab, Gtpv2Body, UeSecurityCapabilities};
use crate::time::VirtualTime;

/// Name of the packet network that these services have.
const APN: &str = "rlos";
/// What S1 calls UEs that the run does not know: from this number on, for as long as they are not served.
const UNKNOWN: u32 = 0x4000_0000;

/// What an MME has for this.
pub(super) struct Rlos {
    settings: RlosMme,
    half_open: BTreeMap<Place, HalfOpen>,
    /// Those that are attached so, or about to be.
    sessions: BTreeMap<MmeUeS1apId, Session>,
    last_unknown: u32,
}

/// An attach whose security mode command was not answered yet.
struct HalfOpen {
    id: MmeUeS1apId,
    imsi: Imsi,
    tai: Tai,
    capability: UeCapability,
    keys: MmeKeys,
    hash: Option<[u8; HASH_OCTETS]>,
    elements: Vec<FurtherElement>,
    /// The pair of the MME, where it sends a key too.
    own: Option<PrivateKey>,
    tries: u8,
    ends: VirtualTime,
}

/// The session of a UE at the gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Session {
    Asked,
    There,
}

/// An attach request.
pub(super) struct Asking<'a> {
    pub(super) place: Place,
    pub(super) tai: Tai,
    pub(super) identity: EpsMobileIdentity,
    pub(super) capability: UeCapability,
    pub(super) esm: &'a [u8],
    pub(super) elements: &'a [FurtherElement],
    /// As it came.
    pub(super) octets: &'a [u8],
}

impl Rlos {
    pub(super) fn next_timer(&self) -> Option<VirtualTime> {
        self.half_open.values().map(|half| half.ends).min()
    }
}

impl Mme {
    /// The MME offers restricted local operator services, or refuses them as the settings say.
    #[must_use]
    pub fn with_rlos(mut self, settings: RlosMme) -> Self {
        let rlos = Rlos { settings, half_open: BTreeMap::new(), sessions: BTreeMap::new(), last_unknown: 0 };
        self.rlos = Some(Box::new(rlos));
        self
    }

    /// An ME attaches.
    pub(super) fn attach_for_rlos(&mut self, now: VirtualTime, asking: &Asking<'_>, outbox: &mut Outbox<Event>) {
        let EpsMobileIdentity::Imsi(imsi) = asking.identity else {
            let reject = EmmMessage::AttachReject { cause: EmmCause::IDENTITY_UNKNOWN };
            return self.turn_away(super::arrival::NOBODY, asking.place, &reject, outbox);
        };
        if let Err((refusal, cause)) = self.begin_rlos(now, imsi, asking, outbox) {
            outbox.report(Event { ue: imsi, what: What::AttachRefused(refusal) });
            let reject = EmmMessage::AttachReject { cause };
            self.turn_away(super::arrival::NOBODY, asking.place, &reject, outbox);
        }
    }

    fn begin_rlos(
        &mut self,
        now: VirtualTime,
        imsi: Imsi,
        asking: &Asking<'_>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), (RlosRefusal, EmmCause)> {
        let not_offered = (RlosRefusal::NotOffered, EmmCause::NOT_AUTHORIZED);
        let known = self.number_of(imsi);
        let rlos = self.rlos.as_mut().filter(|rlos| rlos.settings.offered).ok_or(not_offered)?;
        let again = rlos.half_open.remove(&asking.place).is_some();
        if !again && rlos.half_open.len() >= rlos.settings.most_half_open {
            return Err((RlosRefusal::Congestion, EmmCause::CONGESTION));
        }
        rlos.last_unknown = (rlos.last_unknown + 1) & 0x00ff_ffff;
        let id = known.unwrap_or(MmeUeS1apId(UNKNOWN | rlos.last_unknown));
        let key = rlos.settings.key_of(now, imsi, asking, outbox)?;
        let variant = rlos.settings.variant;
        let hash = variant.hash.then(|| attach_hash(asking.octets));
        let derivation = self.settings.agreement.derivation;
        let ends = now + SECURITY_MODE;
        let capability = asking.capability.clone();
        let half = match key {
            None => HalfOpen {
                id,
                imsi,
                tai: asking.tai,
                capability,
                keys: MmeKeys::establish(no_kasme(), NULL, derivation).0,
                hash,
                elements: Vec::new(),
                own: None,
                tries: 1,
                ends,
            },
            Some(key) => {
                let octets = [capability.ciphering.0, capability.integrity.0];
                let mismatch = (RlosRefusal::Algorithms, EmmCause::CAPABILITIES_MISMATCH);
                let algorithms = self.best_algorithms(UeSecurityCapabilities::from_nas_octets(octets));
                let algorithms = algorithms.ok_or(mismatch)?;
                let kasme = self.draw_kasme(imsi, variant.mme_key, outbox);
                let (elements, own) = self.transport_elements((imsi, &key), &kasme, algorithms, asking, outbox)?;
                let keys = MmeKeys::establish(kasme, algorithms, derivation).0;
                HalfOpen { id, imsi, tai: asking.tai, capability, keys, hash, elements, own, tries: 1, ends }
            }
        };
        if let Some(rlos) = &mut self.rlos {
            rlos.half_open.insert(asking.place, half);
            outbox.report(Event { ue: imsi, what: What::HalfOpen(rlos.half_open.len()) });
        }
        self.command_rlos(asking.place, outbox);
        Ok(())
    }

    /// KASMEtemp, or the part of it that is the MME's.
    fn draw_kasme(&mut self, imsi: Imsi, is_part: bool, outbox: &mut Outbox<Event>) -> Kasme {
        let mut octets = zeroize::Zeroizing::new([0x5a; Kasme::OCTETS]);
        if !self.rlos.as_ref().is_some_and(|rlos| rlos.settings.faults.constant_kasme) {
            self.random.fill_bytes(&mut octets[..]);
        }
        let kasme = Kasme::from_octets(*octets);
        if !is_part {
            outbox.report(Event { ue: imsi, what: What::TemporaryKasme(kasme.clone()) });
        }
        kasme
    }

    /// What the command carries of keys, and the pair of the MME, if it sends a key.
    fn transport_elements(
        &mut self,
        (imsi, key): (Imsi, &PublicKey),
        kasme: &Kasme,
        algorithms: Algorithms,
        asking: &Asking<'_>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(Vec<FurtherElement>, Option<PrivateKey>), (RlosRefusal, EmmCause)> {
        let wrong = |_| (RlosRefusal::Scheme, EmmCause::PROTOCOL_ERROR);
        let Some(rlos) = &self.rlos else { return Err((RlosRefusal::NotOffered, EmmCause::NOT_AUTHORIZED)) };
        let settings = &rlos.settings;
        report_operation(imsi, KeyOperation::Seal, outbox);
        let sealed = key_transport::seal(key, kasme, &mut self.random).map_err(wrong)?;
        let mut elements = vec![FurtherElement::new(TAG_SEALED, sealed.clone())];
        let mut own = None;
        if settings.variant.mme_key {
            report_operation(imsi, KeyOperation::Generate, outbox);
            let pair = PrivateKey::generate(key.scheme(), &mut self.random).map_err(wrong)?;
            outbox.report(Event { ue: imsi, what: What::KeyPair { key: pair.clone(), fresh: true } });
            elements.push(FurtherElement::public_key(key.scheme() as u8, pair.public().octets()));
            own = Some(pair);
        }
        if let (true, Some(signing)) = (settings.variant.network != NetworkProof::Unsigned, &settings.signing) {
            if let (NetworkProof::Certified, Some(certificate)) = (settings.variant.network, &settings.certificate) {
                elements.push(FurtherElement::new(TAG_CERTIFICATE, certificate.clone()));
            }
            let mme_key = own.as_ref().map(PrivateKey::public);
            let signed = SignedCommand {
                attach: settings.variant.hash.then_some(asking.octets),
                algorithms: (algorithms.ciphering as u8) << 4 | algorithms.integrity as u8,
                key_set: KEY_SET,
                capability: &[asking.capability.ciphering.0, asking.capability.integrity.0],
                sealed: &sealed,
                mme_key: mme_key.as_ref(),
            };
            report_operation(imsi, KeyOperation::Sign, outbox);
            elements.push(FurtherElement::new(TAG_SIGNATURE, signed.sign(signing)));
        }
        Ok((elements, own))
    }

    /// Sends the security mode command of an attach.
    fn command_rlos(&mut self, place: Place, outbox: &mut Outbox<Event>) {
        let Some(half) = self.rlos.as_mut().and_then(|rlos| rlos.half_open.get_mut(&place)) else { return };
        let Algorithms { ciphering, integrity } = half.keys.nas.algorithms();
        let [first, second] = [half.capability.ciphering, half.capability.integrity];
        let message = EmmMessage::SecurityModeCommand {
            algorithms: NasAlgorithms { ciphering, integrity },
            key_set: NasKsi::new(KEY_SET),
            capability: UeCapability { ciphering: first, integrity: second, further: Vec::new() },
            nonces: None,
            hash: half.hash,
            elements: half.elements.clone(),
        };
        let header = SecurityHeader::IntegrityNewContext;
        let protected = message.octets().ok().and_then(|plain| half.keys.nas.protect(Downlink, &plain, false).ok());
        let Some(protected) = protected else { return };
        let (key, count, id) = (half.keys.nas.keys().enc.clone(), protected.count, half.id);
        if half.keys.nas.algorithms() != NULL {
            outbox
                .report(Event { ue: half.imsi, what: What::Protected { key, bearer: 0, direction: Downlink, count } });
        }
        let sequence_number = (protected.sequence_number & 0xff) as u8;
        let nas = ProtectedNas { header, mac: protected.mac, sequence_number, message: protected.octets };
        if let Ok(nas_pdu) = nas.octets() {
            let ue = UeS1apIds { mme: id, enb: place.id };
            self.send(place.enb, DownlinkNasTransport { ue, nas_pdu }, outbox);
        }
    }

    /// What a UE says whose attach is half done; whether it is one.
    pub(super) fn rlos_uplink(
        &mut self,
        now: VirtualTime,
        (id, place): (MmeUeS1apId, Place),
        nas_pdu: &[u8],
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let half = self.rlos.as_mut().and_then(|rlos| rlos.half_open.get_mut(&place)).filter(|half| half.id == id);
        let Some(half) = half else { return false };
        let imsi = half.imsi;
        let drop = |reason, text: String, outbox: &mut Outbox<Event>| {
            outbox.report(Event { ue: imsi, what: What::Dropped(reason) });
            outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
        };
        let elements = match NasMessage::parse(nas_pdu) {
            Ok(NasMessage::Plain(EmmMessage::SecurityModeReject { .. })) => {
                self.close_rlos(place, CauseNas::normal_release, outbox);
                return true;
            }
            Ok(NasMessage::Protected(message)) if message.header == SecurityHeader::IntegrityCipheredNewContext => {
                match open(&mut half.keys.nas, &message).map(|plain| EmmMessage::parse(&plain)) {
                    Ok(Ok(EmmMessage::SecurityModeComplete { elements })) => elements,
                    Ok(_) => {
                        drop(DropReason::Refused, "expected a security mode complete".to_owned(), outbox);
                        return true;
                    }
                    Err((reason, text)) => {
                        outbox.report(Event { ue: imsi, what: What::AttachRefused(RlosRefusal::Mac) });
                        drop(reason, text, outbox);
                        return true;
                    }
                }
            }
            Ok(_) => {
                drop(DropReason::NasMac, "not before the security mode command is answered".to_owned(), outbox);
                return true;
            }
            Err(error) => {
                drop(DropReason::Malformed, error.to_string(), outbox);
                return true;
            }
        };
        self.rlos_taken(now, place, &elements, outbox);
        true
    }

    /// The ME has taken the command: whoever was served under its identity is not any more, and the gateway is asked for a session.
    fn rlos_taken(&mut self, now: VirtualTime, place: Place, elements: &[FurtherElement], outbox: &mut Outbox<Event>) {
        let Some(half) = self.rlos.as_mut().and_then(|rlos| rlos.half_open.remove(&place)) else { return };
        let HalfOpen { id, imsi, tai, capability, mut keys, own, .. } = half;
        if let Some(own) = own {
            report_operation(imsi, KeyOperation::Open, outbox);
            let part = FurtherElement::of(elements, TAG_SEALED).and_then(|part| key_transport::open(&own, part).ok());
            let Some(part) = part else {
                outbox.report(Event { ue: imsi, what: What::AttachRefused(RlosRefusal::Transport) });
                return self.release_place(id, place, CauseNas::unspecified, outbox);
            };
            let whole = joined(keys.kasme(), &part);
            outbox.report(Event { ue: imsi, what: What::TemporaryKasme(whole.clone()) });
            keys = MmeKeys::establish(whole, keys.nas.algorithms(), self.settings.agreement.derivation).0;
        }
        if self.settings.subscribers.get(&id) != Some(&imsi) {
            outbox.report(Event { ue: imsi, what: What::AttachRefused(RlosRefusal::NotServed) });
            return self.release_place(id, place, CauseNas::unspecified, outbox);
        }
        let capabilities = match keys.nas.algorithms() {
            NULL => UeSecurityCapabilities::default(),
            _ => UeSecurityCapabilities::from_nas_octets([capability.ciphering.0, capability.integrity.0]),
        };
        let bearer = Erab { ebi: Ebi::FIRST, tunnel: uplink_tunnel(self.settings.gateway, id) };
        let context = UeContext {
            imsi,
            keys,
            place: Some(place),
            handover: None,
            mode: None,
            switching: false,
            capabilities,
            bearer,
            up: None,
            address: Ipv4Addr::UNSPECIFIED,
            key_set: NasKsi::new(KEY_SET),
            gutis: [None; 2],
            arriving: Some(Arriving {
                request: Request::Attach,
                tai,
                peer: None,
                nonces: None,
                ends: now + SETTING_UP,
            }),
            renewing: None,
            given: None,
            // The HSS does not know of it.
            registered: true,
            locating: None,
            origin: ContextOrigin::default(),
        };
        self.admit(id, context, outbox);
        if let Some(rlos) = &mut self.rlos {
            rlos.sessions.insert(id, Session::Asked);
        }
        let request = CreateSessionRequest {
            imsi,
            sender: self.control_tunnel(id),
            apn: APN.to_owned(),
            address: Ipv4Addr::UNSPECIFIED,
            bearer,
            afresh: true,
            up: None,
        };
        self.request(self.settings.gateway, Teid(0), Gtpv2Body::CreateSessionRequest(request), outbox);
    }

    /// Whether a UE is attached so, or about to be.
    pub(super) fn is_rlos(&self, id: MmeUeS1apId) -> bool {
        self.rlos.as_ref().is_some_and(|rlos| rlos.sessions.contains_key(&id))
    }

    /// The gateway takes such a UE, or not; whether the answer is about one.
    pub(super) fn rlos_session(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        response: &CreateSessionResponse,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let session = self.rlos.as_mut().and_then(|rlos| rlos.sessions.get_mut(&id));
        let Some(session) = session.filter(|session| **session == Session::Asked && from == self.settings.gateway)
        else {
            return false;
        };
        let Some(ue) = self.ues.get_mut(&id) else { return false };
        match response.grant {
            Some(SessionGrant { address, bearer, .. }) => {
                *session = Session::There;
                ue.bearer.tunnel = bearer.tunnel;
                ue.address = address.unwrap_or(ue.address);
                self.set_up(now, id, outbox);
            }
            None => {
                outbox.report(Event { ue: ue.imsi, what: What::AttachRefused(RlosRefusal::NotServed) });
                self.abandon(id, outbox);
            }
        }
        true
    }

    /// A UE is forgotten: so is its session at the gateway, if it has one of these.
    pub(super) fn end_rlos_session(&mut self, id: MmeUeS1apId, bearer: Erab, outbox: &mut Outbox<Event>) {
        if self.rlos.as_mut().is_some_and(|rlos| rlos.sessions.remove(&id).is_some()) {
            let request = DeleteSessionRequest { bearer: bearer.ebi };
            let Erab { tunnel, .. } = bearer;
            self.request(tunnel.address, tunnel.teid, Gtpv2Body::DeleteSessionRequest(request), outbox);
        }
    }

    /// An eNB has released a place.
    pub(super) fn forget_half_open(&mut self, place: Place) {
        if let Some(rlos) = &mut self.rlos {
            rlos.half_open.remove(&place);
        }
    }

    fn close_rlos(&mut self, place: Place, cause: CauseNas, outbox: &mut Outbox<Event>) {
        if let Some(half) = self.rlos.as_mut().and_then(|rlos| rlos.half_open.remove(&place)) {
            self.release_place(half.id, place, cause, outbox);
        }
    }

    /// Some commands were not answered: once more, or nothing comes of it.
    pub(super) fn rlos_timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        let Some(rlos) = &mut self.rlos else { return };
        let over = rlos.half_open.iter().filter(|(_, half)| half.ends <= now);
        let over: Vec<Place> = over.map(|(place, _)| *place).collect();
        for place in over {
            let half = self.rlos.as_mut().and_then(|rlos| rlos.half_open.get_mut(&place));
            match half.filter(|half| half.tries < SECURITY_MODE_TRIES) {
                Some(half) => {
                    (half.tries, half.ends) = (half.tries + 1, now + SECURITY_MODE);
                    self.command_rlos(place, outbox);
                }
                None => self.close_rlos(place, CauseNas::unspecified, outbox),
            }
        }
    }
}

impl RlosMme {
    /// The key that KASMEtemp is encrypted to; None where the null algorithms are to be used.
    fn key_of(
        &self,
        now: VirtualTime,
        imsi: Imsi,
        asking: &Asking<'_>,
        outbox: &mut Outbox<Event>,
    ) -> Result<Option<PublicKey>, (RlosRefusal, EmmCause)> {
        let Some(scheme) = self.variant.transport else { return Ok(None) };
        let bare = || {
            let carried = esm::carried_key(asking.esm);
            let carried =
                carried.and_then(|key| PublicKey::from_octets(KeyTransport::from_number(key.scheme)?, &key.key).ok());
            carried.or_else(|| carried_public_key(asking.elements))
        };
        let certificate = FurtherElement::of(asking.elements, TAG_CERTIFICATE);
        let key = match (self.variant.credential, certificate) {
            (Credential::Certificate, Some(certificate)) if self.faults.ignores_certificates => {
                unchecked_transport(certificate).ok()
            }
            (Credential::Certificate, None) if !self.faults.ignores_certificates => None,
            (Credential::Certificate, Some(certificate)) => {
                report_operation(imsi, KeyOperation::Verify, outbox);
                let checked = certified_transport(certificate, &self.anchors, now, &imsi.to_string());
                Some(checked.map_err(|error| (RlosRefusal::Certificate(error), EmmCause::ILLEGAL_ME))?)
            }
            _ => bare(),
        };
        match key {
            Some(key) if key.scheme() == scheme => Ok(Some(key)),
            Some(_) => Err((RlosRefusal::Scheme, EmmCause::PROTOCOL_ERROR)),
            None if self.faults.serves_without_key => Ok(None),
            None => Err((RlosRefusal::NoKey, EmmCause::PROTOCOL_ERROR)),
        }
    }
}
