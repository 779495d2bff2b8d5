//! What a run with end points in an enterprise leaves behind, and what is made of it: the key log, expectations, who learns what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::recorder::Recorded;
use super::topology::{Role, Topology};
use crate::capture::DecryptionSecrets;
use crate::capture::key_log::Validity;
use crate::capture::key_log::enterprise::{AkaKeysRecord, E2mIntKeyRecord, E2mKeyRecord, EnterpriseRecord};
use crate::capture::key_log::eps::{EpsKeyRecord, KeyHolder};
use crate::emulation::NodeIndex;
use crate::eps::enterprise::{Command, SessionFailure, User, What};
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::KeyIdentifier;
use crate::eps::keys::CkIk;
use crate::eps::node;
use crate::eps::security::e2m_keys::E2mDerivation;
use crate::scenario::script::Amount;
use crate::scenario::script::eps::enterprise::{SessionWord, failure_name};
use crate::scenario::script::eps::{EndPointId, EnterpriseExpected, EnterpriseStep, EpsScript, Step, UeId};
use crate::time::VirtualTime;

/// Reports that are kept at the most.
const MOST_REPORTS: usize = 1_000_000;

/// Something that a node has reported.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub time: VirtualTime,
    pub node: NodeIndex,
    pub user: User,
    pub what: What,
}

/// What the nodes of a run have reported of these keys.
#[derive(Debug, Default)]
pub(super) struct EnterpriseTrace {
    pub reports: Vec<Report>,
    /// Vectors of the HSS: when, whose, RAND, CK and IK.
    aka: Vec<(VirtualTime, Imsi, [u8; 16], CkIk)>,
}

/// The commands of a step: when, to which node.
pub(super) fn commands(
    script: &EpsScript,
    topology: &Topology,
    step: &Step,
    action: &EnterpriseStep,
) -> Vec<(VirtualTime, NodeIndex, Command)> {
    let UeId(ue) = step.ue;
    let (node, imsi) = (topology.ue_node(ue), topology.imsis[ue]);
    let id = |EndPointId(emse): EndPointId| script.nodes.end_points[emse].id.clone();
    match action {
        EnterpriseStep::Attach => vec![(step.at, node, Command::Eps(node::Command::Attach))],
        EnterpriseStep::Authenticate => {
            let server = topology.serving_node(script, ue);
            vec![(step.at, server, Command::Eps(node::Command::Authenticate(imsi)))]
        }
        EnterpriseStep::Open(emse) => vec![(step.at, node, Command::Open(id(*emse)))],
        EnterpriseStep::Close(emse) => vec![(step.at, node, Command::Close(id(*emse)))],
        EnterpriseStep::Send { emse, text, count, every } => {
            let text = |number: u32| if number == 0 { text.clone() } else { format!("{text} {}", number + 1) };
            let one = |number| (step.at + *every * number, node, Command::Send(id(*emse), text(number).into_bytes()));
            (0..*count).map(one).collect()
        }
    }
}

impl Topology {
    /// The MME or SGSN that serves a UE where it begins.
    fn serving_node(&self, script: &EpsScript, ue: usize) -> NodeIndex {
        let serving = script.nodes.ues[ue].serving;
        match script.nodes.sgsn_of(serving) {
            Some(sgsn) => self.at(Role::Sgsn, sgsn.0),
            None => self.mme(script.nodes.enbs[serving.0].mme.0),
        }
    }
}

/// A session, or an attempt to have one, as its UE sees it.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    /// What it came to: `Err` of a failure.
    pub outcome: Result<&'a What, SessionFailure>,
    pub identifier: Option<KeyIdentifier>,
}

impl EnterpriseTrace {
    /// A node has reported something of a user.
    pub(super) fn report(&mut self, time: VirtualTime, node: NodeIndex, user: User, what: What) {
        if self.reports.len() < MOST_REPORTS {
            self.reports.push(Report { time, node, user, what });
        }
    }

    /// A node of EPS has reported something.
    pub(super) fn event(&mut self, time: VirtualTime, ue: Imsi, at_hss: bool, what: &node::What) {
        if let node::What::AkaKeys { rand, keys } = what
            && at_hss
            && self.aka.len() < MOST_REPORTS
        {
            self.aka.push((time, ue, *rand, keys.clone()));
        }
    }

    fn of(&self, node: NodeIndex) -> impl Iterator<Item = &Report> {
        self.reports.iter().filter(move |report| report.node == node)
    }

    /// Reports of a node of the network about a UE, as which it may know it by either name.
    fn about<'a>(&'a self, node: NodeIndex, script: &'a EpsScript, ue: UeId) -> impl Iterator<Item = &'a Report> {
        let is_it = move |report: &&Report| user_of(script, &report.user) == Some(ue);
        self.of(node).filter(is_it)
    }

    /// The attempts of a UE to open a session with an end point, in order.
    pub(super) fn attempts(
        &self,
        script: &EpsScript,
        topology: &Topology,
        ue: UeId,
        emse: EndPointId,
    ) -> Vec<Attempt<'_>> {
        let id = &script.nodes.end_points[emse.0].id;
        let of = |report: &'_ Report| match &report.what {
            What::SessionOpened { emse, .. } | What::SessionFailed { emse, .. } => emse == id,
            _ => false,
        };
        let attempts = self.of(topology.ue_node(ue.0)).filter(|report| of(report));
        attempts
            .map(|report| match &report.what {
                What::SessionFailed { identifier, why, .. } => Attempt {
                    outcome: Err(self.reason(topology, emse, *identifier, *why, report.time)),
                    identifier: *identifier,
                },
                what @ What::SessionOpened { identifier, .. } => {
                    Attempt { outcome: Ok(what), identifier: Some(*identifier) }
                }
                what => Attempt { outcome: Ok(what), identifier: None },
            })
            .collect()
    }

    /// Why an attempt has failed: what the end point says, where the UE has only heard that it did.
    fn reason(
        &self,
        topology: &Topology,
        emse: EndPointId,
        key: Option<KeyIdentifier>,
        seen: SessionFailure,
        until: VirtualTime,
    ) -> SessionFailure {
        if !matches!(seen, SessionFailure::Alert | SessionFailure::TimedOut) {
            return seen;
        }
        let said = self.of(topology.at(Role::Emse, emse.0)).filter(|report| report.time <= until);
        let of_key = said.filter_map(|report| match &report.what {
            What::SessionFailed { identifier, why, .. } if *identifier == key => Some(*why),
            _ => None,
        });
        of_key.last().unwrap_or(seen)
    }

    /// The identifiers of the e2m_int_keys that a UE has made, in order.
    fn made(&self, topology: &Topology, ue: UeId) -> Vec<KeyIdentifier> {
        let made = self.of(topology.ue_node(ue.0)).filter_map(|report| match &report.what {
            What::IntKey { identifier, .. } => Some(*identifier),
            _ => None,
        });
        made.collect()
    }

    /// Sessions that were open at a UE: when, with whom, the key and the master secret.
    pub(super) fn opened(&self, topology: &Topology, ue: UeId) -> Vec<&Report> {
        self.of(topology.ue_node(ue.0)).filter(|report| matches!(report.what, What::SessionOpened { .. })).collect()
    }

    /// The records of the key log.
    pub(super) fn records(&self, script: &EpsScript, topology: &Topology, agreed: &E2mDerivation) -> Vec<EpsKeyRecord> {
        let mut records = vec![EnterpriseRecord::Settings(agreed.clone())];
        records.extend(self.aka.iter().map(|(time, ue, rand, keys)| {
            let validity = Validity { from: Some(*time), until: None };
            EnterpriseRecord::AkaKeys(AkaKeysRecord { ue: *ue, rand: *rand, validity, key: keys.clone() })
        }));
        let mut keys: Vec<EnterpriseRecord> = Vec::new();
        for Report { time, node, user, what } in &self.reports {
            let Some(UeId(ue)) = user_of(script, user) else { continue };
            let ue = topology.imsis[ue];
            let holder = if topology.role(*node) == Role::Ue { KeyHolder::Ue } else { KeyHolder::Network };
            let validity = Validity { from: Some(*time), until: None };
            match what {
                What::IntKey { key, identifier } => {
                    let (identifier, key) = (*identifier, key.clone());
                    add(&mut keys, EnterpriseRecord::IntKey(E2mIntKeyRecord { ue, identifier, holder, validity, key }));
                }
                What::Key { key, identifier, emse } => {
                    let (identifier, emse, key) = (*identifier, emse.clone(), key.clone());
                    add(&mut keys, EnterpriseRecord::Key(E2mKeyRecord { ue, identifier, emse, holder, validity, key }));
                }
                What::Deleted { identifier, .. } => {
                    let open = keys.iter_mut().find_map(|record| match record {
                        EnterpriseRecord::IntKey(record) => {
                            let is_it = (record.ue, record.identifier) == (ue, *identifier);
                            (is_it && record.validity.until.is_none()).then_some(record)
                        }
                        _ => None,
                    });
                    if let Some(record) = open {
                        record.validity.until = Some(*time);
                    }
                }
                _ => {}
            }
        }
        records.extend(keys);
        records.into_iter().map(EpsKeyRecord::Enterprise).collect()
    }

    /// Whether what was expected holds, and what was seen.
    pub(super) fn holds(
        &self,
        expected: &EnterpriseExpected,
        script: &EpsScript,
        topology: &Topology,
        learnt: &BTreeMap<(usize, usize), Learnt>,
        read: impl Fn(&str) -> u64,
    ) -> (bool, String) {
        let emks = topology.at(Role::Emks, 0);
        let counted = |all: &[(&str, u64, Option<Amount>)]| {
            let held = all.iter().all(|(_, count, amount)| amount.is_none_or(|amount| amount.holds(*count)));
            let seen = all.iter().map(|(word, count, _)| format!("{word} {count}"));
            (held, seen.collect::<Vec<_>>().join(", "))
        };
        match expected {
            EnterpriseExpected::Session { ue, emse, nth, failure, key } => {
                let attempts = self.attempts(script, topology, *ue, *emse);
                let Some(attempt) = attempts.get(*nth as usize - 1) else {
                    return (false, format!("{} attempts", attempts.len()));
                };
                let seen = attempt.outcome.err().map_or("open", failure_name);
                let number =
                    |id: KeyIdentifier| self.made(topology, *ue).iter().position(|made| *made == id).map(|at| at + 1);
                let used = attempt.identifier.and_then(number);
                let held = attempt.outcome.as_ref().err().copied() == failure.map(|SessionWord(failure)| failure)
                    && key.is_none_or(|key| used == Some(key as usize));
                let with = used.map_or(String::new(), |used| format!(", with key {used} of the UE"));
                (held, format!("{seen}{with}"))
            }
            EnterpriseExpected::Sessions { ue, opened, failed, keys, master_secrets } => {
                let of_ue = || self.of(topology.ue_node(ue.0));
                let open = self.opened(topology, *ue);
                let failures = of_ue().filter(|report| matches!(report.what, What::SessionFailed { .. })).count();
                let psks: BTreeSet<_> = open.iter().filter_map(|report| self.psk_of(report)).collect();
                let masters: BTreeSet<_> = open.iter().filter_map(|report| master_of(&report.what)).collect();
                counted(&[
                    ("opened", open.len() as u64, *opened),
                    ("failed", failures as u64, *failed),
                    ("e2m_keys", psks.len() as u64, *keys),
                    ("master secrets", masters.len() as u64, *master_secrets),
                ])
            }
            EnterpriseExpected::UnequalSessions(amount) => {
                let unequal = self.unequal(topology);
                (amount.holds(unequal), unequal.to_string())
            }
            EnterpriseExpected::Messages { ue, received, returned } => {
                let is_message = |report: &&Report| matches!(report.what, What::Received { .. });
                let emses = topology.all(Role::Emse);
                let at_emses = emses.map(|emse| self.about(emse, script, *ue).filter(is_message).count() as u64).sum();
                let back = self.of(topology.ue_node(ue.0)).filter(is_message).count() as u64;
                counted(&[("received", at_emses, *received), ("returned", back, *returned)])
            }
            EnterpriseExpected::IntKeys { at, ue, amount } => {
                let of_ue = self.about(topology.node(*at), script, *ue);
                let count = of_ue.filter(|report| matches!(report.what, What::IntKey { .. })).count() as u64;
                (amount.holds(count), count.to_string())
            }
            EnterpriseExpected::Pushes { ue, answered, given_up } => {
                let hss = topology.at(Role::Hss, 0);
                let count = |is: fn(&What) -> bool| {
                    self.about(hss, script, *ue).filter(|report| is(&report.what)).count() as u64
                };
                counted(&[
                    ("answered", count(|what| matches!(what, What::Pushed(_))), *answered),
                    ("given up", count(|what| matches!(what, What::PushGivenUp(_))), *given_up),
                ])
            }
            EnterpriseExpected::Deleted { ue, depth, age } => {
                use crate::eps::enterprise::Removal;
                let count = |wanted: Removal| {
                    let deleted = self.about(emks, script, *ue);
                    deleted.filter(|one| matches!(one.what, What::Deleted { why, .. } if why == wanted)).count() as u64
                };
                counted(&[("for depth", count(Removal::Depth), *depth), ("for age", count(Removal::Age), *age)])
            }
            EnterpriseExpected::Refusals { why, amount } => {
                let refused = |report: &&Report| match report.what {
                    What::Refused { why: said, .. } => why.is_none_or(|why| why == said),
                    _ => false,
                };
                let count = self.of(emks).filter(refused).count() as u64;
                (amount.holds(count), count.to_string())
            }
            EnterpriseExpected::Learns { node, ue, imsi, application } => {
                let seen = learnt.get(&(topology.node(*node).0, ue.0)).copied().unwrap_or_default();
                let held = imsi.is_none_or(|imsi| imsi == seen.imsi)
                    && application.is_none_or(|application| application == seen.application);
                let whether = |does: bool| if does { "yes" } else { "no" };
                (held, format!("IMSI {}, application identity {}", whether(seen.imsi), whether(seen.application)))
            }
            EnterpriseExpected::SessionsRead { name, amount } => {
                let count = read(name);
                (amount.holds(count), count.to_string())
            }
        }
    }

    /// The e2m_key of a session, by the last report of its UE of such a key before it.
    fn psk_of(&self, opened: &Report) -> Option<[u8; 32]> {
        let What::SessionOpened { emse: with, identifier: id, .. } = &opened.what else { return None };
        let keys = self.of(opened.node).filter(|report| report.time <= opened.time);
        let of_session = keys.filter_map(|report| match &report.what {
            What::Key { key, identifier, emse } if (emse, identifier) == (with, id) => Some(*key.octets()),
            _ => None,
        });
        of_session.last()
    }

    /// The secrets by which anybody reads the sessions: their client randoms and master secrets.
    pub(super) fn secrets(&self) -> Vec<DecryptionSecrets> {
        let mut all: BTreeMap<&[u8; 32], &[u8; 48]> = BTreeMap::new();
        for report in &self.reports {
            if let What::SessionOpened { client_random, master_secret: Some(master), .. } = &report.what {
                all.entry(client_random).or_insert(master.octets());
            }
        }
        if all.is_empty() { Vec::new() } else { vec![DecryptionSecrets::of_sessions(all)] }
    }

    /// What comparisons take.
    pub(super) fn summary(
        &self,
        script: &EpsScript,
        topology: &Topology,
        learnt: &BTreeMap<(usize, usize), Learnt>,
    ) -> EnterpriseSummary {
        if script.enterprise.is_none() {
            return EnterpriseSummary::default();
        }
        let (ue, emse) = (UeId(0), EndPointId(0));
        let made = self.made(topology, ue);
        let attempts = self.attempts(script, topology, ue, emse).into_iter().map(|attempt| {
            let number = attempt.identifier.and_then(|id| made.iter().position(|known| *known == id));
            let both = match attempt.outcome {
                Ok(What::SessionOpened { client_random, .. }) => Some(*client_random),
                _ => None,
            };
            SessionAttempt {
                outcome: attempt.outcome.err().map_or("open", failure_name).to_owned(),
                key: number.and_then(|number| u32::try_from(number + 1).ok()),
                same_keys: both.is_some_and(|random| self.ends_of(topology, &random) == (2, 1)),
            }
        });
        let last = |node: NodeIndex| {
            let made = self.of(node).filter(|report| matches!(report.what, What::IntKey { .. }));
            made.last().map(|report| report.time.as_nanos() / 1_000)
        };
        let of_ue = learnt.iter().filter(|((_, of), _)| *of == ue.0);
        EnterpriseSummary {
            attempts: attempts.collect(),
            learnt: of_ue.map(|((node, _), learnt)| (topology.names[*node].clone(), *learnt)).collect(),
            last_push_us: last(topology.at(Role::Emks, 0)),
            last_made_us: last(topology.ue_node(ue.0)),
        }
    }

    /// At how many ends a session is open, and under how many master secrets.
    fn ends_of(&self, topology: &Topology, random: &[u8; 32]) -> (usize, usize) {
        let at_ends = self.reports.iter().filter(|one| matches!(topology.role(one.node), Role::Ue | Role::Emse));
        let of_session = at_ends
            .filter(|one| matches!(&one.what, What::SessionOpened { client_random, .. } if client_random == random));
        let masters: Vec<_> = of_session.map(|one| master_of(&one.what)).collect();
        (masters.len(), masters.iter().collect::<BTreeSet<_>>().len())
    }

    /// Sessions that are open at both ends under different master secrets, which different keys would lead to.
    fn unequal(&self, topology: &Topology) -> u64 {
        let mut ends: BTreeMap<[u8; 32], BTreeSet<Option<[u8; 48]>>> = BTreeMap::new();
        for report in &self.reports {
            let role = topology.role(report.node);
            if let (What::SessionOpened { client_random, .. }, Role::Ue | Role::Emse) = (&report.what, role) {
                ends.entry(*client_random).or_default().insert(master_of(&report.what));
            }
        }
        ends.values().filter(|masters| masters.len() > 1).count() as u64
    }
}

fn master_of(what: &What) -> Option<[u8; 48]> {
    match what {
        What::SessionOpened { master_secret, .. } => master_secret.as_ref().map(|master| *master.octets()),
        _ => None,
    }
}

/// Adds a key, unless it is there: then it is held on both sides now.
fn add(records: &mut Vec<EnterpriseRecord>, new: EnterpriseRecord) {
    let both = |known: KeyHolder, other: KeyHolder| if known == other { known } else { KeyHolder::Both };
    for known in records.iter_mut() {
        match (known, &new) {
            (EnterpriseRecord::IntKey(known), EnterpriseRecord::IntKey(new))
                if (known.ue, known.identifier, &known.key) == (new.ue, new.identifier, &new.key) =>
            {
                known.holder = both(known.holder, new.holder);
                return;
            }
            (EnterpriseRecord::Key(known), EnterpriseRecord::Key(new))
                if (known.ue, known.identifier, &known.emse, &known.key)
                    == (new.ue, new.identifier, &new.emse, &new.key) =>
            {
                known.holder = both(known.holder, new.holder);
                return;
            }
            _ => {}
        }
    }
    records.push(new);
}

/// The UE that a user is.
pub(super) fn user_of(script: &EpsScript, user: &User) -> Option<UeId> {
    let ues = script.nodes.ues.iter();
    let position = match user {
        User::Imsi(imsi) => ues.clone().position(|ue| ue.imsi == *imsi),
        User::Application(name) => ues.clone().position(|ue| {
            let by_imsi = name.as_str().parse() == Ok(ue.imsi);
            by_imsi || ue.enterprise.as_ref().is_some_and(|user| user.application == *name)
        }),
    };
    position.map(UeId)
}

/// An attempt of a UE to open a session, for comparisons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionAttempt {
    /// `open`, or why not.
    pub outcome: String,
    /// With which of the keys that the UE has made, from 1.
    pub key: Option<u32>,
    /// Whether it is open at both ends under one master secret.
    pub same_keys: bool,
}

/// What comparisons take of a run with end points in an enterprise: of its first UE and its first end point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnterpriseSummary {
    /// The sessions.
    pub attempts: Vec<SessionAttempt>,
    /// What nodes learn of the UE, by name.
    pub learnt: Vec<(String, Learnt)>,
    /// When the EMKS got the last key, and when the UE made its last one, in microseconds.
    pub last_push_us: Option<u64>,
    /// The latter.
    pub last_made_us: Option<u64>,
}

/// What stands of a UE in the frames of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Learnt {
    /// Its IMSI, in digits.
    pub imsi: bool,
    /// Its application identity.
    pub application: bool,
}

/// Who learns what, from the frames that EMKS and EMSEs have sent and got: by node and UE.
pub(super) fn learnt(script: &EpsScript, topology: &Topology, frames: &[Recorded]) -> BTreeMap<(usize, usize), Learnt> {
    let mut all: BTreeMap<(usize, usize), Learnt> = BTreeMap::new();
    let names: Vec<(String, String)> = script
        .nodes
        .ues
        .iter()
        .map(|ue| {
            let application = ue.enterprise.as_ref().map_or(String::new(), |user| user.application.to_string());
            (ue.imsi.to_string(), application)
        })
        .collect();
    let holds = |octets: &[u8], text: &str| {
        !text.is_empty() && octets.windows(text.len()).any(|window| window == text.as_bytes())
    };
    for one in frames {
        for end in topology.link(one.sent.port).ends {
            if !matches!(topology.role(end), Role::Emks | Role::Emse) {
                continue;
            }
            for (ue, (imsi, application)) in names.iter().enumerate() {
                let learnt = all.entry((end.0, ue)).or_default();
                learnt.imsi |= holds(&one.octets, imsi);
                learnt.application |= holds(&one.octets, application);
            }
        }
    }
    all
}
