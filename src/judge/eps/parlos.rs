//! Attaches for restricted local operator services, without AKA (seed 003): with a private key of the log KASMEtemp is taken out of the
//! security mode command, and what follows is verified under it; a command that an ME accepts is held against its attach request.
//!
//! The ME is judged by what is on the air, the MME by what is on S1: between them there may be somebody.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use super::super::findings::{FindingKind, NoteKind};
use super::keys::Subscriber;
use super::reading::{Reading, Seen};
use crate::capture::capture_reader::RecordedFrame;
use crate::capture::key_log::KeyLog;
use crate::capture::key_log::eps::{CommandProof, EpsKeyRecord, KeyHolder, ParlosRecord};
use crate::eps::identifiers::Imsi;
use crate::eps::keys::Kasme;
use crate::eps::parameters::{AlgorithmId, LinkDirection};
use crate::eps::security::key_transport::certificate::{certified_signing, certified_transport};
use crate::eps::security::key_transport::contribution::joined;
use crate::eps::security::key_transport::{
    self, KeyTransport, PrivateKey, PublicKey, SignedCommand, TrustAnchor, VerifyingKey,
};
use crate::eps::wire::nas::element::{TAG_CERTIFICATE, TAG_PUBLIC_KEY, TAG_SEALED, TAG_SIGNATURE};
use crate::eps::wire::nas::emm::ATTACH_FOR_RLOS;
use crate::eps::wire::nas::{EmmMessage, EpsMobileIdentity, FurtherElement, NasMessage, SecurityHeader, UeCapability};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{DlDcchMessage, UlDcchMessage};

/// Most attach requests that are remembered on each side.
const MAX_REQUESTS: usize = 65_536;
/// Most private keys that are tried on one command, and most KASMEtemps that are taken.
const MAX_TRIALS: usize = 256;

/// An attach request for these services.
#[derive(Clone, Debug)]
struct Request {
    ue: Imsi,
    octets: Vec<u8>,
    capability: UeCapability,
    certificate: Option<Vec<u8>>,
    /// The part of KASMEtemp that the MME has sent, if that is known.
    part: Option<Kasme>,
}

/// What is known of such attaches.
#[derive(Debug, Default)]
pub(super) struct Parlos {
    agreed: Option<ParlosRecord>,
    anchors: Vec<TrustAnchor>,
    network_key: Option<VerifyingKey>,
    pairs: Vec<(Imsi, KeyHolder, PrivateKey)>,
    /// On the air: by eNB and C-RNTI.
    sent: BTreeMap<(Option<Ipv4Addr>, u16), Request>,
    /// On S1: by eNB and what that calls the UE.
    received: BTreeMap<(Ipv4Addr, u32), Request>,
}

/// What a security mode command says.
struct Command {
    algorithms: [AlgorithmId; 2],
    key_set: u8,
    capability: UeCapability,
    hash: Option<[u8; 8]>,
    elements: Vec<FurtherElement>,
}

impl Command {
    /// That in the octets of a NAS message, if they are one.
    fn parse(octets: &[u8]) -> Option<Self> {
        let Ok(NasMessage::Protected(message)) = NasMessage::parse(octets) else { return None };
        if message.header != SecurityHeader::IntegrityNewContext {
            return None;
        }
        match EmmMessage::parse(&message.message) {
            Ok(EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, elements }) => {
                let algorithms = [algorithms.ciphering, algorithms.integrity];
                Some(Self { algorithms, key_set: key_set.get(), capability, hash, elements })
            }
            _ => None,
        }
    }

    fn sealed(&self) -> Option<&[u8]> {
        FurtherElement::of(&self.elements, TAG_SEALED)
    }
}

impl Request {
    fn parse(octets: &[u8]) -> Option<Self> {
        match EmmMessage::parse(octets) {
            Ok(EmmMessage::AttachRequest {
                attach_type: ATTACH_FOR_RLOS,
                identity: EpsMobileIdentity::Imsi(ue),
                capability,
                elements,
                ..
            }) => Some(Self {
                ue,
                octets: octets.to_vec(),
                capability,
                certificate: FurtherElement::of(&elements, TAG_CERTIFICATE).map(<[u8]>::to_vec),
                part: None,
            }),
            _ => None,
        }
    }
}

impl Parlos {
    pub(super) fn new(log: &KeyLog) -> Self {
        let mut parlos = Self::default();
        for record in &log.eps {
            match record {
                EpsKeyRecord::Parlos(record) => parlos.agreed = Some(record.clone()),
                EpsKeyRecord::Trust(record) => parlos.anchors.push(record.anchor.clone()),
                EpsKeyRecord::NetworkKey(record) => parlos.network_key = Some(record.key),
                EpsKeyRecord::KeyPair(record) => parlos.pairs.push((record.ue, record.holder, record.key.clone())),
                _ => {}
            }
        }
        parlos
    }

    /// What opens with a private key of this UE, or of the network for it.
    fn opened(&self, ue: Imsi, of_network: bool, sealed: &[u8]) -> Option<Kasme> {
        let held =
            self.pairs.iter().filter(|(of, holder, _)| *of == ue && (*holder == KeyHolder::Network) == of_network);
        held.take(MAX_TRIALS).find_map(|(_, _, key)| key_transport::open(key, sealed).ok())
    }

    /// Why an ME must not accept a command.
    fn refusal(&self, request: &Request, command: &Command, seen: &Seen) -> Option<String> {
        let agreed = self.agreed.as_ref()?;
        let null = command.algorithms == [AlgorithmId::Null; 2];
        if command.capability != request.capability {
            return Some("it replays other capabilities than the ME has sent".to_owned());
        }
        if agreed.transport.is_some() && null {
            return Some("it commands the null algorithms to an ME that has a key".to_owned());
        }
        let whole: [u8; 32] = Sha256::digest(&request.octets).into();
        if agreed.hash && whole.last_chunk() != command.hash.as_ref() {
            return Some("its hash is not that of the attach request".to_owned());
        }
        if agreed.network == CommandProof::Unsigned || null {
            return None;
        }
        let key = match agreed.network {
            CommandProof::Certified => {
                let certificate = FurtherElement::of(&command.elements, TAG_CERTIFICATE).unwrap_or_default();
                let name = agreed.mme_name.as_deref().unwrap_or_default();
                match certified_signing(certificate, &self.anchors, seen.time, name) {
                    Ok(key) => key,
                    Err(error) => return Some(format!("the certificate of the MME: {error}")),
                }
            }
            // Without the key nothing can be said.
            _ => self.network_key?,
        };
        let mme_key = FurtherElement::of(&command.elements, TAG_PUBLIC_KEY).and_then(|carried| {
            let (scheme, key) = carried.split_first()?;
            PublicKey::from_octets(KeyTransport::from_number(*scheme)?, key).ok()
        });
        let [ciphering, integrity] = command.algorithms;
        let signed = SignedCommand {
            attach: agreed.hash.then_some(&request.octets[..]),
            algorithms: (ciphering as u8) << 4 | integrity as u8,
            key_set: command.key_set,
            capability: &[command.capability.ciphering.0, command.capability.integrity.0],
            sealed: command.sealed().unwrap_or_default(),
            mme_key: mme_key.as_ref(),
        };
        let signature = FurtherElement::of(&command.elements, TAG_SIGNATURE).unwrap_or_default();
        (!signed.is_signed(&key, signature)).then(|| "its signature is not that of the network".to_owned())
    }
}

impl Reading<'_> {
    /// An MME is sent the first message of a connection.
    pub(super) fn request_to_mme(&mut self, name: (Ipv4Addr, u32), nas: &[u8]) {
        match Request::parse(nas) {
            Some(request) if self.parlos.received.len() < MAX_REQUESTS => {
                self.parlos.received.insert(name, request);
            }
            _ => {
                self.parlos.received.remove(&name);
            }
        }
    }

    /// An MME commands: to what key it has encrypted, and what that brings.
    pub(super) fn command_of_mme(&mut self, name: (Ipv4Addr, u32), nas: &[u8], seen: &Seen) {
        let (Some(request), Some(command)) = (self.parlos.received.get(&name).cloned(), Command::parse(nas)) else {
            return;
        };
        let Some(sealed) = command.sealed() else { return };
        if !seen.adversary && self.parlos.agreed.as_ref().is_some_and(|agreed| agreed.certificates) {
            let certificate = request.certificate.as_deref().unwrap_or_default();
            let checked = certified_transport(certificate, &self.parlos.anchors, seen.time, &request.ue.to_string());
            if let Err(error) = checked {
                let none = request.certificate.is_none();
                let why = if none { "there is none".to_owned() } else { error.to_string() };
                let detail = format!("KASMEtemp of UE {} without a good certificate of it: {why}", request.ue);
                self.findings.find(FindingKind::UncertifiedKey, &[seen.number], detail);
            }
        }
        let opened = self.parlos.opened(request.ue, false, sealed);
        if let (Some(kasme), Some(request)) = (&opened, self.parlos.received.get_mut(&name)) {
            request.part = Some(kasme.clone());
        }
        self.temporary(request.ue, opened);
    }

    /// An ME answers a command, maybe with a part of KASMEtemp.
    pub(super) fn part_of_me(&mut self, name: (Ipv4Addr, u32), message: &EmmMessage) {
        let EmmMessage::SecurityModeComplete { elements } = message else { return };
        let Some(Request { ue, part: Some(of_mme), .. }) = self.parlos.received.get(&name).cloned() else { return };
        let part = FurtherElement::of(elements, TAG_SEALED).and_then(|sealed| self.parlos.opened(ue, true, sealed));
        self.temporary(ue, part.map(|part| joined(&of_mme, &part)));
    }

    /// A KASMEtemp that was opened: what follows is verified under it.
    fn temporary(&mut self, ue: Imsi, kasme: Option<Kasme>) {
        let Some(kasme) = kasme else { return };
        self.nas.learn(ue, &kasme);
        let known = self.keys.subscribers.iter().any(|known| known.ue == ue && known.kasme == kasme);
        if !known && self.keys.subscribers.iter().filter(|known| known.ue == ue).count() < MAX_TRIALS {
            self.keys.subscribers.push(Subscriber { ue, kasme });
        }
    }

    /// An RRC message of a connection that has no keys yet, or the null algorithms: the attach request in it, or the command that an ME
    /// accepts. Whether NAS messages in it were not looked at elsewhere.
    pub(super) fn before_keys(
        &mut self,
        frame: &RecordedFrame,
        radio: &RadioFrame,
        octets: &[u8],
        seen: &Seen,
        nas_is_new: bool,
    ) {
        let direction = radio.direction;
        let enb = if direction == LinkDirection::Uplink { frame.destination } else { frame.source };
        let place = (enb, radio.c_rnti);
        if direction == LinkDirection::Uplink {
            // What the ME has sent counts, not what somebody makes of it.
            if seen.adversary {
                return;
            }
            if let Ok(UlDcchMessage::SetupComplete { nas, .. }) = UlDcchMessage::parse(octets) {
                match Request::parse(&nas) {
                    Some(request) if self.parlos.sent.len() < MAX_REQUESTS => {
                        self.parlos.sent.insert(place, request);
                    }
                    _ => {
                        self.parlos.sent.remove(&place);
                    }
                }
            }
            return;
        }
        let Ok(DlDcchMessage::InformationTransfer { nas, .. }) = DlDcchMessage::parse(octets) else { return };
        let (Some(request), Some(command)) = (self.parlos.sent.get(&place).cloned(), Command::parse(&nas)) else {
            return;
        };
        let opened = command.sealed().and_then(|sealed| self.parlos.opened(request.ue, false, sealed));
        self.temporary(request.ue, opened);
        // Its MAC is that of a message on its last hop.
        if nas_is_new {
            self.nas(&nas, direction, Some(request.ue), None, seen, true);
        }
        let Some(refusal) = self.parlos.refusal(&request, &command, seen) else { return };
        let detail = format!("a security mode command to UE {}: {refusal}", request.ue);
        if seen.accepted() == Some(true) {
            let detail = format!("{detail}, and it was accepted: its comment says so");
            self.findings.find(FindingKind::CommandAccepted, &[seen.number], detail);
        } else {
            self.findings.note(NoteKind::CommandRefused, Some(seen.number), detail);
        }
    }
}
