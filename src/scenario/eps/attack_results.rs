//! What the attacks of a run of EPS came to.

use super::attaches::Attaches;
use super::enterprise::EnterpriseTrace;
use super::enterprise_attacks;
use super::epochs::Epochs;
use super::keys::{Held, HeldWhat};
use super::recorder::Recorded;
use super::topology::Topology;
use crate::adversary::eps::holder::{Holder, Read, Visit};
use crate::adversary::eps::search::{Found, search};
use crate::adversary::eps::{Learned, Trigger, private_key};
use crate::emulation::{NodeIndex, Sender};
use crate::eps::keys::{Kasme, Kenb, UpKey};
use crate::eps::node::event::HeldKey;
use crate::eps::node::settings::Agreement;
use crate::eps::security::key_transport::PrivateKey;
use crate::scenario::outcome::AttackResult;
use crate::scenario::script::eps::{Attack, AttackAction, EpsScript, Expected, ParlosAttack, StationId, Success, Tap};
use crate::time::VirtualTime;

/// What a run has left behind of its attacks.
pub(super) struct Traces<'a> {
    pub frames: &'a [Recorded],
    pub held: &'a [Held],
    pub epochs: &'a Epochs,
    /// With the positions of their epochs.
    pub visits: &'a [(Option<usize>, Visit)],
    /// What the adversary says of its attacks, by number.
    pub remarks: &'a [(usize, String)],
    pub topology: &'a Topology,
    pub agreement: &'a Agreement,
    /// The attaches for RLOS.
    pub attaches: &'a Attaches,
    /// What attacks on them have learned.
    pub learned: &'a Learned,
    /// What there is of keys between UEs and end points in an enterprise.
    pub enterprise: &'a EnterpriseTrace,
}

/// What an attack has read.
#[derive(Clone, Debug)]
pub struct Reads {
    /// Its name.
    pub attack: String,
    /// The cells that it read, in the order of the visits, by station of the script: eNBs, then RNCs.
    pub cells: Vec<usize>,
    /// When the user packets were sent that it read, ascending.
    pub packets: Vec<VirtualTime>,
    /// How many sessions with end points in an enterprise it read, that were not its own.
    pub sessions: u64,
}

/// The results of a run's attacks, and which visits were read, by name of the attack.
#[derive(Default)]
pub(super) struct Results {
    pub results: Vec<AttackResult>,
    /// What was read.
    pub reads: Vec<Reads>,
    /// The searches for C-RNTI.
    pub searches: Vec<Found>,
}

/// The results of the attacks that have one, in the order of the script. `holds` says whether an expectation on which success
/// rests holds, and what was seen.
pub(super) fn results(script: &EpsScript, traces: &Traces<'_>, holds: impl Fn(&Expected) -> (bool, String)) -> Results {
    let mut all = Results::default();
    for (number, attack) in script.attacks.iter().enumerate() {
        let Some(success) = &attack.succeeds_if else { continue };
        let done = match (&attack.action, attack.trigger) {
            (action, _) if script.enterprise.is_some() && enterprise_attacks::is_one(action) => {
                enterprise_attacks::read(script, attack, traces, &mut all.reads)
            }
            (AttackAction::Replay { .. }, _) => Some(replayed(number, attack, traces)),
            (AttackAction::Steal { node, told }, Some(Trigger::Time(at))) => {
                let mut holder = holder(traces.held, traces.topology.node(*node), at, false);
                holder.told = if *told { paras(traces) } else { Vec::new() };
                Some(read(attack, holder, traces, &mut all.reads))
            }
            (AttackAction::Compromise(node), Some(Trigger::Time(at))) => {
                let node = traces.topology.node(*node);
                Some(read(attack, holder(traces.held, node, at, true), traces, &mut all.reads))
            }
            (AttackAction::Eavesdrop, _) => {
                attack.tap.map(|tap| read(attack, eavesdropper(tap, traces), traces, &mut all.reads))
            }
            (AttackAction::Knows(ue), _) => {
                let node = traces.topology.ue_node(ue.0);
                let first = traces.held.iter().find_map(|held| match &held.what {
                    HeldWhat::Besides(HeldKey::CkIk(keys)) if held.node == node => Some(keys.clone()),
                    _ => None,
                });
                let holder = Holder { ck_iks: first.into_iter().collect(), ..Holder::default() };
                Some(read(attack, holder, traces, &mut all.reads))
            }
            (AttackAction::Parlos(ParlosAttack::Listen(key)), _) => {
                let given = key.and_then(|(ue, nth)| traces.attaches.of(ue).nth(nth as usize - 1)?.private_key.clone());
                let holder =
                    Holder { kasmes: given.map_or_else(Vec::new, |key| found(&key, traces)), ..Holder::default() };
                Some(read(attack, holder, traces, &mut all.reads))
            }
            (AttackAction::Parlos(ParlosAttack::ManInTheMiddle | ParlosAttack::FalseNetwork), _) => {
                let holder = Holder { kasmes: traces.learned.of(number), ..Holder::default() };
                Some(read(attack, holder, traces, &mut all.reads))
            }
            (AttackAction::Parlos(ParlosAttack::Attaches { recording: Some(_), .. }), _) => {
                Some(attached_again(attack, traces))
            }
            (AttackAction::Search(enb), Some(Trigger::Time(at))) => {
                let node = traces.topology.enb(enb.0);
                let found = searched(&holder(traces.held, node, at, false).kenbs, traces);
                all.searches.extend(found.clone());
                Some(of_search(attack, found))
            }
            _ => None,
        };
        let mut result = match (success, done) {
            (Success::Expected(expected), done) => {
                let (succeeded, seen) = holds(expected);
                let done = done.map_or(String::new(), |done| format!("{}; ", done.detail));
                AttackResult::new(&attack.name, succeeded, format!("{done}{seen}"))
            }
            (_, Some(done)) => done,
            (_, None) => continue,
        };
        for (_, remark) in traces.remarks.iter().filter(|(of, _)| *of == number) {
            result.detail.push_str(&format!("; {remark}"));
        }
        all.results.push(result);
    }
    all
}

/// What a node holds at an instant and, if it is compromised, comes to hold later.
fn holder(held: &[Held], node: NodeIndex, at: VirtualTime, later: bool) -> Holder {
    let mut now: Vec<&Held> = Vec::new();
    let of_node = held.iter().filter(|held| held.node == node);
    for one in of_node.take_while(|one| one.time <= at) {
        if let HeldWhat::Forgotten = one.what {
            now.retain(|known| known.ue != one.ue);
        } else {
            now.push(one);
        }
    }
    let after = held.iter().filter(|one| later && one.node == node && one.time > at);
    let mut holder = Holder::default();
    for one in now.into_iter().chain(after) {
        match &one.what {
            HeldWhat::Kenb(kenb) => holder.kenbs.push(kenb.clone()),
            HeldWhat::UpKey(key, algorithm) => {
                holder.up_keys.push(UpKey { update: 0, algorithm: *algorithm, key: key.clone() });
            }
            HeldWhat::Besides(HeldKey::NextHop(nh, ncc)) => holder.next_hops.push((nh.clone(), *ncc)),
            HeldWhat::Besides(HeldKey::Kasme(kasme)) => holder.kasmes.push(kasme.clone()),
            // A node makes KeNB* or KeNB of one, and has no use for it later: whoever comes later finds none.
            HeldWhat::Besides(HeldKey::KenbStar(star)) if one.time > at => holder.stars.push(star.clone()),
            HeldWhat::Besides(HeldKey::CkIk(keys)) => holder.ck_iks.push(keys.clone()),
            HeldWhat::Besides(HeldKey::KenbStar(_)) | HeldWhat::Forgotten => {}
        }
    }
    holder
}

/// Who hears a link of the core network, in both directions and from the start, and takes the keys that stand there.
fn eavesdropper(tap: Tap, traces: &Traces<'_>) -> Holder {
    let mut holder = Holder::default();
    let topology = traces.topology;
    let port = topology.port(topology.node(tap.from), topology.node(tap.to));
    for one in traces.frames.iter().filter(|one| Some(one.sent.port) == port) {
        holder.hear(&one.octets);
    }
    holder
}

/// The KASMEtemp that somebody with this private key finds in what was on the air: each as often as it was encrypted anew.
fn found(key: &PrivateKey, traces: &Traces<'_>) -> Vec<Kasme> {
    let on_air = traces.frames.iter().filter(|one| traces.topology.link(one.sent.port).kind.is_air());
    let opened = private_key::opened(on_air.map(|one| one.octets.as_slice()), key);
    opened.into_iter().map(|(_, kasme)| kasme).collect()
}

/// An attach request was played again: it has succeeded if the network has encrypted a KASMEtemp a second time.
fn attached_again(attack: &Attack, traces: &Traces<'_>) -> AttackResult {
    let mut keys: Vec<&PrivateKey> = Vec::new();
    for key in traces.attaches.all().iter().filter_map(|attach| attach.private_key.as_ref()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let found: Vec<Kasme> = keys.iter().flat_map(|key| found(key, traces)).collect();
    let again = found.iter().enumerate().filter(|(number, kasme)| found[..*number].contains(kasme)).count();
    let detail = format!("{} commands with a KASMEtemp, {again} of them with one that was there before", found.len());
    AttackResult::new(&attack.name, again > 0, detail)
}

/// Every PARA of the run, which whoever has all KASMEs reads off the air.
fn paras(traces: &Traces<'_>) -> Vec<Vec<u8>> {
    let kasme = |held: &Held| match &held.what {
        HeldWhat::Besides(HeldKey::Kasme(kasme)) => Some(kasme.clone()),
        _ => None,
    };
    let all = Holder { kasmes: traces.held.iter().filter_map(kasme).collect(), ..Holder::default() };
    let visits: Vec<Visit> = traces.visits.iter().map(|(_, visit)| visit.clone()).collect();
    all.paras(&visits, traces.agreement)
}

fn replayed(number: usize, attack: &Attack, traces: &Traces<'_>) -> AttackResult {
    let sent: Vec<_> = traces.frames.iter().filter(|one| one.sent.from == Sender::Adversary(number)).collect();
    let verdicts = || sent.iter().flat_map(|one| &one.sent.verdicts);
    let accepted = verdicts().filter(|verdict| verdict.accepted).count();
    let frames = if sent.len() == 1 { "frame" } else { "frames" };
    let mut detail = format!("{} {frames} sent, {accepted} accepted", sent.len());
    if let (Some(first), Some(verdict)) = (sent.first(), verdicts().next()) {
        detail = format!("{detail}; {}: {}", traces.topology.names[first.sent.to.0], verdict.text);
    }
    AttackResult::new(&attack.name, accepted > 0, detail)
}

/// When the attach went on whose private key an attack is given: that it reads so is no surprise.
fn given_attach(attack: &Attack, traces: &Traces<'_>) -> Option<(usize, VirtualTime, VirtualTime)> {
    let AttackAction::Parlos(ParlosAttack::Listen(Some((ue, nth)))) = attack.action else { return None };
    let mut from = traces.attaches.of(ue).skip((nth as usize).saturating_sub(1)).map(|attach| attach.begun);
    Some((ue.0, from.next()?, from.next().unwrap_or(VirtualTime::MAX)))
}

/// What a holder reads, cell by cell. It has succeeded if it reads a visit under a key that it did not hold.
fn read(attack: &Attack, holder: Holder, traces: &Traces<'_>, reads: &mut Vec<Reads>) -> AttackResult {
    let visits: Vec<Visit> = traces.visits.iter().map(|(_, visit)| visit.clone()).collect();
    let found = holder.read(&visits, traces.agreement);
    let topology = traces.topology;
    let stations = || (0_usize..).map_while(|station| topology.cell_of(StationId(station)));
    let place = |visit: &Visit| stations().position(|cell| cell == visit.cell);
    let name = |visit: &Visit| topology.station_of(visit.cell).map_or("", |node| &topology.names[node.0]);
    let opened: Vec<(&Visit, &Read)> =
        visits.iter().zip(&found).filter_map(|(visit, read)| Some((visit, read.as_ref()?))).collect();
    let given = given_attach(attack, traces);
    let is_given = |visit: &Visit| {
        let begins = visit.frames.first().map(|(time, _)| *time);
        given.is_some_and(|(ue, from, to)| ue == visit.ue && begins.is_some_and(|at| from <= at && at < to))
    };
    let is_own = |visit: &Visit| holder.holds(visit) || is_given(visit);
    let own = opened.iter().filter(|(visit, _)| is_own(visit)).count();
    let cells: Vec<&str> = opened.iter().map(|(visit, _)| name(visit)).collect();
    let packets: usize = opened.iter().map(|(_, read)| read.packets.len()).sum();
    let messages: usize = opened.iter().map(|(_, read)| read.messages).sum();
    let mut detail = match cells.as_slice() {
        [] => format!("none of {} visits to cells opened", visits.len()),
        cells => format!(
            "{} of {} visits opened ({}), {own} with a key that it held: {messages} RRC messages, {packets} packets",
            cells.len(),
            visits.len(),
            cells.join(", ")
        ),
    };
    if !holder.told.is_empty() {
        detail.push_str(&format!(", {} PARAs in hand", holder.told.len()));
    }
    let mut sent: Vec<VirtualTime> = opened.iter().flat_map(|(_, read)| &read.packets).map(|(time, _)| *time).collect();
    sent.sort_unstable();
    if let (Some(first), Some(last), true) = (sent.first(), sent.last(), traces.agreement.transfer.upe) {
        detail.push_str(&format!(", the packets from {first} to {last}"));
    }
    let beyond = opened.iter().find(|(visit, read)| !is_own(visit) && !read.packets.is_empty());
    let recovered = beyond
        .and_then(|(_, read)| read.packets.first())
        .map(|(_, packet)| crate::adversary::key_stream::readable(packet))
        .filter(|text| !text.is_empty());
    if let Some(text) = &recovered {
        let text: String = text.chars().take(SHOWN_TEXT).collect();
        detail.push_str(&format!(", the first beyond says {text:?}"));
    }
    let cells = opened.iter().filter_map(|(visit, _)| place(visit)).collect();
    reads.push(Reads { attack: attack.name.clone(), cells, packets: sent, sessions: 0 });
    AttackResult { recovered, ..AttackResult::new(&attack.name, opened.len() > own, detail) }
}

/// How many characters of a text that was read are shown.
const SHOWN_TEXT: usize = 120;

/// The search for C-RNTI in the cell after the one whose KeNB is held.
fn searched(kenbs: &[Kenb], traces: &Traces<'_>) -> Option<Found> {
    kenbs.iter().find_map(|kenb| {
        let has_key = |(epoch, _): &(Option<usize>, Visit)| {
            epoch.and_then(|epoch| traces.epochs.all.get(epoch)).is_some_and(|one| one.kenb == *kenb)
        };
        let position = traces.visits.iter().position(has_key)?;
        let (_, visit) = traces.visits.get(position)?;
        let next = traces.visits.iter().skip(position + 1).find(|(_, next)| next.ue == visit.ue);
        next.and_then(|(_, next)| search(kenb, next, traces.agreement))
    })
}

fn of_search(attack: &Attack, found: Option<Found>) -> AttackResult {
    match found {
        Some(Found { trials, c_rnti: Some(c_rnti) }) => {
            AttackResult::new(&attack.name, true, format!("C-RNTI {c_rnti:04x} found after {trials} trials of 65536"))
        }
        Some(Found { trials, c_rnti: None }) => {
            AttackResult::new(&attack.name, false, format!("{trials} trials of 65536, none of which verifies"))
        }
        None => AttackResult::new(&attack.name, false, "no UE was heard in a cell after the one whose KeNB is held"),
    }
}
