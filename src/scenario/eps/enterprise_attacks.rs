//! Which sessions the adversary reads in a run with end points in an enterprise.

use super::attack_results::{Reads, Traces};
use super::keys::HeldWhat;
use super::topology::LinkKind;
use crate::adversary::eps::Trigger;
use crate::adversary::eps::enterprise::{HeardSession, KeyThief, sessions};
use crate::adversary::key_stream::readable;
use crate::eps::enterprise::What;
use crate::eps::identifiers::e2m::EmseId;
use crate::eps::node::event::HeldKey;
use crate::scenario::outcome::AttackResult;
use crate::scenario::script::eps::{Attack, AttackAction, EpsScript, NodeName, UeId};
use crate::time::VirtualTime;

/// How many characters of a text that was read are shown.
const SHOWN_TEXT: usize = 60;

/// Whether such an attack comes by keys.
pub(super) const fn is_one(action: &AttackAction) -> bool {
    matches!(
        action,
        AttackAction::Steal { .. }
            | AttackAction::Compromise(_)
            | AttackAction::Eavesdrop
            | AttackAction::KnowsSession(_)
    )
}

/// The keys that a node holds at an instant and, if it is compromised, comes to hold later.
fn held(node: NodeName, at: VirtualTime, later: bool, traces: &Traces<'_>) -> KeyThief {
    let mut thief = KeyThief::default();
    let index = traces.topology.node(node);
    for held in traces.held.iter().filter(|held| held.node == index && (later || held.time <= at)) {
        if let HeldWhat::Besides(HeldKey::CkIk(keys)) = &held.what {
            thief.ck_iks.push(keys.clone());
        }
    }
    for report in traces.enterprise.reports.iter().filter(|one| one.node == index && (later || one.time <= at)) {
        match &report.what {
            What::IntKey { key, .. } => thief.int_keys.push(key.clone()),
            What::Key { key, .. } => thief.keys.push(key.clone()),
            _ => {}
        }
    }
    thief
}

/// What an attack reads. It has succeeded if it reads a session that is not its own.
pub(super) fn read(
    script: &EpsScript,
    attack: &Attack,
    traces: &Traces<'_>,
    reads: &mut Vec<Reads>,
) -> Option<AttackResult> {
    let settings = script.enterprise.as_ref()?;
    let outside = traces.frames.iter().filter(|one| traces.topology.link(one.sent.port).kind == LinkKind::Sgi);
    let heard = sessions(outside.map(|one| one.octets.as_slice()));
    if let AttackAction::KnowsSession(ue) = attack.action {
        return known(attack, ue, &heard, traces, reads);
    }
    let (thief, own) = match (&attack.action, attack.trigger) {
        (AttackAction::Steal { node, .. }, Some(Trigger::Time(at))) => (held(*node, at, false, traces), Some(*node)),
        (AttackAction::Compromise(node), Some(Trigger::Time(at))) => (held(*node, at, true, traces), Some(*node)),
        (AttackAction::Eavesdrop, _) => {
            let tap = attack.tap?;
            let port = traces.topology.port(traces.topology.node(tap.from), traces.topology.node(tap.to));
            let mut thief = KeyThief::default();
            let heard = traces.frames.iter().filter(|one| Some(one.sent.port) == port);
            heard.for_each(|one| thief.hear(&one.octets));
            (thief, None)
        }
        _ => return None,
    };
    let end_points: Vec<EmseId> = script.nodes.end_points.iter().map(|one| one.id.clone()).collect();
    let keys = thief.keys_for(&settings.agreed.derivation, &end_points);
    // What an end point says and hears itself it need not break.
    let own = own.map(|node| traces.topology.addresses[traces.topology.node(node).0]);
    let others: Vec<_> = heard.iter().filter(|session| own != Some(*session.ends[1].ip())).collect();
    let opened: Vec<Vec<Vec<u8>>> = others.iter().filter_map(|session| session.read(&keys)).collect();
    let in_hand = format!(
        "{} of CK and IK, {} e2m_int_keys, {} e2m_keys in hand: {} of {} sessions of others",
        thief.ck_iks.len(),
        thief.int_keys.len(),
        thief.keys.len(),
        opened.len(),
        others.len()
    );
    Some(result(attack, in_hand, &opened, reads))
}

/// What comes of the record keys of the first session of a UE: which others they open.
fn known(
    attack: &Attack,
    ue: UeId,
    heard: &[HeardSession],
    traces: &Traces<'_>,
    reads: &mut Vec<Reads>,
) -> Option<AttackResult> {
    let found = traces.enterprise.opened(traces.topology, ue).first().and_then(|report| match &report.what {
        What::SessionOpened { client_random, master_secret, .. } => {
            let own = heard.iter().position(|session| session.client_random() == Some(*client_random))?;
            Some((own, heard.get(own)?.keys_of(master_secret.as_ref()?)?))
        }
        _ => None,
    });
    let Some((own, keys)) = found else {
        return Some(AttackResult::new(&attack.name, false, "there was no session whose keys could be found out"));
    };
    let others = heard.iter().enumerate().filter(|(place, _)| *place != own);
    let opened: Vec<Vec<Vec<u8>>> = others.filter_map(|(_, session)| session.read_under(&keys)).collect();
    let in_hand =
        format!("the record keys of one session in hand: {} of {} others", opened.len(), heard.len().saturating_sub(1));
    Some(result(attack, in_hand, &opened, reads))
}

/// The result of an attack that has opened these sessions.
fn result(attack: &Attack, in_hand: String, opened: &[Vec<Vec<u8>>], reads: &mut Vec<Reads>) -> AttackResult {
    let messages: usize = opened.iter().map(Vec::len).sum();
    let mut detail = format!("{in_hand} opened, {messages} records");
    let recovered = opened.first().and_then(|session| session.first()).map(|octets| readable(octets));
    let recovered = recovered.filter(|text| !text.is_empty());
    if let Some(text) = &recovered {
        let text: String = text.chars().take(SHOWN_TEXT).collect();
        detail.push_str(&format!(", the first says {text:?}"));
    }
    let sessions = opened.len() as u64;
    reads.push(Reads { attack: attack.name.clone(), cells: Vec::new(), packets: Vec::new(), sessions });
    AttackResult { recovered, ..AttackResult::new(&attack.name, sessions > 0, detail) }
}
