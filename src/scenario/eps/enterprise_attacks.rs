//! Which sessions the adversary reads in a run with end points in an enterprise.

use super::attack_results::{Reads, Traces};
use super::keys::HeldWhat;
use super::topology::LinkKind;
use crate::adversary::eps::Trigger;
use crate::adversary::eps::enterprise::{KeyThief, sessions};
use crate::adversary::key_stream::readable;
use crate::eps::enterprise::What;
use crate::eps::identifiers::e2m::EmseId;
use crate::eps::node::event::HeldKey;
use crate::scenario::outcome::AttackResult;
use crate::scenario::script::eps::{Attack, AttackAction, EpsScript, NodeName};
use crate::time::VirtualTime;

/// How many characters of a text that was read are shown.
const SHOWN_TEXT: usize = 60;

/// Whether such an attack comes by keys.
pub(super) const fn is_one(action: &AttackAction) -> bool {
    matches!(action, AttackAction::Steal { .. } | AttackAction::Compromise(_) | AttackAction::Eavesdrop)
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
    let outside = traces.frames.iter().filter(|one| traces.topology.link(one.sent.port).kind == LinkKind::Sgi);
    let heard = sessions(outside.map(|one| one.octets.as_slice()));
    // What an end point says and hears itself it need not break.
    let own = own.map(|node| traces.topology.addresses[traces.topology.node(node).0]);
    let others: Vec<_> = heard.iter().filter(|session| own != Some(*session.ends[1].ip())).collect();
    let opened: Vec<Vec<Vec<u8>>> = others.iter().filter_map(|session| session.read(&keys)).collect();
    let messages: usize = opened.iter().map(Vec::len).sum();
    let mut detail = format!(
        "{} of CK and IK, {} e2m_int_keys, {} e2m_keys in hand: {} of {} sessions of others opened, {messages} records",
        thief.ck_iks.len(),
        thief.int_keys.len(),
        thief.keys.len(),
        opened.len(),
        others.len()
    );
    let recovered = opened.first().and_then(|session| session.first()).map(|octets| readable(octets));
    let recovered = recovered.filter(|text| !text.is_empty());
    if let Some(text) = &recovered {
        let text: String = text.chars().take(SHOWN_TEXT).collect();
        detail.push_str(&format!(", the first says {text:?}"));
    }
    let sessions = opened.len() as u64;
    reads.push(Reads { attack: attack.name.clone(), cells: Vec::new(), packets: Vec::new(), sessions });
    Some(AttackResult { recovered, ..AttackResult::new(&attack.name, sessions > 0, detail) })
}
