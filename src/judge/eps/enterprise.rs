//! Keys between UEs and end points in an enterprise (seed 004): e2m_int_key recomputed of CK, IK and RAND of the log, e2m_key of that, and
//! held against the log, against every push of the HSS and against every answer of the EMKS.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, Findings, NoteKind};
use super::reading::Reading;
use crate::capture::capture_reader::RecordedFrame;
use crate::capture::key_log::KeyLog;
use crate::capture::key_log::enterprise::{E2mIntKeyRecord, E2mKeyRecord, EnterpriseRecord};
use crate::capture::key_log::eps::EpsKeyRecord;
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::{EmseId, KeyIdentifier};
use crate::eps::keys::E2mIntKey;
use crate::eps::security::e2m_keys::{E2mDerivation, IdentifierForm};
use crate::eps::wire::diameter::{BootstrappingInfoAnswer, BootstrappingInfoRequest, PushProfileRequest};
use crate::eps::wire::{DiameterBody, DiameterMessage};

/// Requests that are remembered at the most until they are answered.
const MOST_REQUESTS: usize = 10_000;

/// A key that follows from CK and IK of the log.
struct Made {
    ue: Imsi,
    identifier: KeyIdentifier,
    key: E2mIntKey,
}

/// What is known of these keys.
#[derive(Default)]
pub(super) struct EnterpriseKeys {
    agreed: Option<E2mDerivation>,
    made: Vec<Made>,
    /// Requests that were not answered yet: by the end point's address and number, what was asked for, and as whom.
    requests: HashMap<(Ipv4Addr, u32), (Option<KeyIdentifier>, Option<EmseId>)>,
    /// As whom end points have registered.
    registered: HashMap<Ipv4Addr, EmseId>,
}

impl EnterpriseKeys {
    /// Those of a log. Keys that do not follow from those above them are findings.
    pub(super) fn new(log: &KeyLog, findings: &mut Findings) -> Self {
        let mut keys = Self::default();
        let records = || {
            log.eps.iter().filter_map(|record| match record {
                EpsKeyRecord::Enterprise(record) => Some(record),
                _ => None,
            })
        };
        keys.agreed = records().find_map(|record| match record {
            EnterpriseRecord::Settings(derivation) => Some(derivation.clone()),
            _ => None,
        });
        let Some(agreed) = keys.agreed.clone() else { return keys };
        for record in records() {
            if let EnterpriseRecord::AkaKeys(aka) = record
                && let Ok(key) = agreed.int_key(&aka.key)
            {
                let identifier = agreed.identifier.of(&aka.rand, &key);
                keys.made.push(Made { ue: aka.ue, identifier, key });
            }
        }
        for record in records() {
            match record {
                EnterpriseRecord::IntKey(record) => keys.check_int_key(record, findings),
                EnterpriseRecord::Key(record) => keys.check_key(record, &agreed, findings),
                EnterpriseRecord::Settings(_) | EnterpriseRecord::AkaKeys(_) => {}
            }
        }
        keys
    }

    fn check_int_key(&self, record: &E2mIntKeyRecord, findings: &mut Findings) {
        let mut of_ue = self.made.iter().filter(|made| made.ue == record.ue).peekable();
        let derivable = of_ue.peek().is_some();
        if derivable && !of_ue.any(|made| (made.identifier, &made.key) == (record.identifier, &record.key)) {
            let detail =
                format!("e2m_int_key {} of UE {} does not follow from its CK and IK", record.identifier, record.ue);
            findings.find(FindingKind::KeyDerivation, &[], detail);
        }
    }

    fn check_key(&self, record: &E2mKeyRecord, agreed: &E2mDerivation, findings: &mut Findings) {
        let mut of_ue = self.made.iter().filter(|made| made.ue == record.ue).peekable();
        let derivable = of_ue.peek().is_some();
        let follows = |made: &Made| {
            made.identifier == record.identifier && agreed.key(&made.key, &record.emse).as_ref() == Ok(&record.key)
        };
        if derivable && !of_ue.any(follows) {
            let E2mKeyRecord { ue, identifier, emse, .. } = record;
            let detail = format!("e2m_key {identifier} of UE {ue} for {emse} does not follow from its CK and IK");
            findings.find(FindingKind::KeyDerivation, &[], detail);
        }
    }
}

impl Reading<'_> {
    /// A message with keys on SWx or Zn: the octets of the keys that it brings.
    pub(super) fn enterprise(
        &mut self,
        frame: &RecordedFrame,
        (from, to): (Ipv4Addr, Ipv4Addr),
        message: &DiameterMessage,
    ) -> Vec<Vec<u8>> {
        match &message.body {
            DiameterBody::PushProfileRequest(request) => {
                self.pushed(frame, request);
                vec![request.key.octets().to_vec()]
            }
            DiameterBody::BootstrappingInfoRequest(request) => {
                self.asked(from, message.hop_by_hop, request);
                Vec::new()
            }
            DiameterBody::BootstrappingInfoAnswer(answer) => {
                self.answered(frame, to, message.hop_by_hop, answer);
                answer.keys.iter().map(|key| key.octets().to_vec()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn pushed(&mut self, frame: &RecordedFrame, request: &PushProfileRequest) {
        let PushProfileRequest { imsi, identifier, key, .. } = request;
        let Some(agreed) = &self.enterprise_keys.agreed else { return };
        let made = self.enterprise_keys.made.iter().find(|made| made.ue == *imsi && made.key == *key);
        let Some(made) = made else {
            if self.enterprise_keys.made.is_empty() {
                let detail = format!("e2m_int_key of UE {imsi}: the log has neither CK nor IK of it");
                self.findings.note(NoteKind::NotDerived, Some(frame.number), detail);
            } else {
                let detail = format!("the e2m_int_key that is pushed of UE {imsi} does not follow from its CK and IK");
                self.findings.find(FindingKind::KeyDerivation, &[frame.number], detail);
            }
            return;
        };
        let named = match agreed.identifier {
            IdentifierForm::Rand { .. } => *identifier == Some(made.identifier.0),
            IdentifierForm::Hash { .. } => identifier.is_none(),
        };
        if named {
            self.verified.e2m = self.verified.e2m.saturating_add(1);
        } else {
            let detail =
                format!("the e2m_int_key that is pushed of UE {imsi} is called otherwise than {}", made.identifier);
            self.findings.find(FindingKind::KeyDerivation, &[frame.number], detail);
        }
    }

    fn asked(&mut self, from: Ipv4Addr, number: u32, request: &BootstrappingInfoRequest) {
        let emse = request.end_point.as_ref().and_then(|name| name.parse().ok());
        let identifier = request.wanted.as_ref().map(|(_, identifier)| KeyIdentifier(*identifier));
        if self.enterprise_keys.requests.len() >= MOST_REQUESTS {
            return self.findings.note(
                NoteKind::Limit,
                None,
                format!("{MOST_REQUESTS} requests for keys are remembered"),
            );
        }
        self.enterprise_keys.requests.insert((from, number), (identifier, emse));
    }

    fn answered(&mut self, frame: &RecordedFrame, to: Ipv4Addr, number: u32, answer: &BootstrappingInfoAnswer) {
        let keys = &mut self.enterprise_keys;
        let Some((identifier, said)) = keys.requests.remove(&(to, number)) else { return };
        let Some(identifier) = identifier else {
            keys.registered.extend(said.map(|emse| (to, emse)));
            return;
        };
        let Some(agreed) = &keys.agreed else { return };
        let emse = said.or_else(|| keys.registered.get(&to).cloned());
        let Some(emse) = emse.filter(|_| !keys.made.is_empty()) else {
            if !answer.keys.is_empty() {
                self.findings.note(NoteKind::NotDerived, Some(frame.number), "an e2m_key of which nothing is known");
            }
            return;
        };
        let candidates = keys.made.iter().filter(|made| made.identifier == identifier);
        let derived: Vec<_> = candidates.filter_map(|made| agreed.key(&made.key, &emse).ok()).collect();
        for key in &answer.keys {
            if derived.contains(key) {
                self.verified.e2m = self.verified.e2m.saturating_add(1);
            } else {
                let detail = format!("the e2m_key {identifier} that {emse} gets does not follow from any CK and IK");
                self.findings.find(FindingKind::KeyDerivation, &[frame.number], detail);
            }
        }
    }
}
