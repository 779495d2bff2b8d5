//! `[[attack]]`: the adversary, as trigger and action, in the words of the 802.16 scripts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::enterprise::{self, BssId, EndPointId};
use super::expectations::{self, Expected};
use super::network::{self, EnbId, EnbWeakness, MmeId, MmeWeakness, UeId, UeWeakness};
use super::parlos_attacks::{self, ParlosAttack};
use super::transfer::{RncId, SgsnId, UpeId};
use super::{Network, Nodes, too_many};
use crate::adversary::eps::{Change, FrameChoice, FrameKind, NasKind, Trigger};
use crate::eps::wire::gtpv2::Gtpv2Body;
use crate::eps::wire::{DiameterBody, RanapMessage, S1apMessage, X2apMessage};
use crate::scenario::eps::world;
use crate::scenario::script::header::System;
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};
use crate::scenario::script::value::Data;
use crate::time::VirtualTime;

/// One entry `[[attack]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name, distinct from that of every other attack.
    pub name: String,
    /// Where the adversary sits; `None` exactly where the action needs no tap.
    pub tap: Option<Tap>,
    /// When it acts; `None`: from the start, which only a corrupted node does.
    pub trigger: Option<Trigger>,
    /// How much later it sends.
    pub wait: Duration,
    /// What it does.
    pub action: AttackAction,
    /// When it has succeeded; `None`: it has no result.
    pub succeeds_if: Option<Success>,
}

/// A node of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeName {
    /// A UE.
    Ue(UeId),
    /// An eNB.
    Enb(EnbId),
    /// An MME.
    Mme(MmeId),
    /// An RNC.
    Rnc(RncId),
    /// A UPE.
    Upe(UpeId),
    /// An SGSN.
    Sgsn(SgsnId),
    /// The HSS.
    Hss,
    /// The EMKS.
    Emks,
    /// An EMSE.
    Emse(EndPointId),
    /// A BSS.
    Bss(BssId),
    /// The gateway: S-GW and P-GW, or SAE anchor.
    Gateway,
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Who sends.
    pub from: NodeName,
    /// Who receives.
    pub to: NodeName,
}

/// A rule that a corrupted node does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// Of a UE.
    Ue(UeId, UeWeakness),
    /// Of an eNB.
    Enb(EnbId, EnbWeakness),
    /// Of an MME.
    Mme(MmeId, MmeWeakness),
}

/// What the adversary does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttackAction {
    /// Copies the frame to the end of the recording of this name.
    Record(String),
    /// Sends the frames of a recording, in their order.
    Replay {
        /// Its name.
        recording: String,
        /// How often.
        times: u32,
        /// From one time to the next.
        every: Duration,
    },
    /// Takes the frame off the link.
    Drop,
    /// Holds the frame back.
    Delay(Duration),
    /// Puts a changed frame in its place.
    Modify(Change),
    /// A node of the network is the adversary's, and does not keep a rule.
    Corrupt(Corruption),
    /// Takes the keys that this node holds at the trigger, and no later ones; hears all of the air.
    Steal {
        /// The node.
        node: NodeName,
        /// Whether every PARA is handed to it besides.
        told: bool,
    },
    /// Takes every key that this node holds at the trigger and later; hears all of the air.
    Compromise(NodeName),
    /// Hears a link of the core network, in both directions and from the start, and takes the keys that stand there; hears all of
    /// the air.
    Eavesdrop,
    /// Has found out the first CK and IK of this UE in UTRAN, as who knows Kc has; hears all of the air.
    Knows(UeId),
    /// Has found out the record keys of the first session of this UE with an end point in an enterprise, and no other key; hears what is
    /// between gateway and end points.
    KnowsSession(UeId),
    /// Takes the KeNB that this eNB holds at the trigger, has not heard the handover command, and searches C-RNTI: all
    /// of its values, against one MAC-I of the UE in its next cell.
    Search(EnbId),
    /// Against an attach.
    Parlos(ParlosAttack),
}

/// When an attack has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Success {
    /// The receiver accepted a frame that the adversary sent.
    Accepted,
    /// A cell was read that is not the compromised node's own.
    Read,
    /// The key of the next cell was found.
    Found,
    /// The network has sent a KASMEtemp a second time.
    SameKey,
    /// This holds at the end of the run.
    Expected(Box<Expected>),
}

const KEYS: &[&str] = &["name", "tap", "direction", "to", "trigger", "action", "succeeds_if"];
const TRIGGER_KEYS: &[&str] = &["frame", "time", "nth", "count", "after", "wait"];
const ACTION_KEYS: &[&str] =
    &["record", "replay", "drop", "delay", "modify", "corrupt", "steal", "compromise", "eavesdrop", "knows", "search"];
const ACTION_OPTIONS: &[&str] = &["times", "every", "weakness", "told"];
const CHANGE_KEYS: &[&str] = &["bits", "nas_bits", "nas"];

/// The keys of an entry and of every table in it; the reference of the format has all of them.
#[cfg(test)]
pub(super) fn every_key() -> Vec<&'static str> {
    [KEYS, TRIGGER_KEYS, ACTION_KEYS, ACTION_OPTIONS, CHANGE_KEYS].concat()
}

/// Attacks in one script.
const MOST_ATTACKS: usize = 1_000;
const MOST_TIMES: u32 = 100_000;
const FRAMES: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// Bits of the longest frame.
const BITS: std::ops::RangeInclusive<u32> = 0..=65_535 * 8;
const EVERY: Duration = Duration::from_millis(5);
const TICK: Duration = Duration::from_nanos(1);

pub(super) fn read(root: &Section<'_>, network: Network<'_>, duration: Duration) -> Read<Vec<Attack>> {
    let sections = root.tables("attack", KEYS)?;
    let mut attacks: Vec<Attack> = Vec::new();
    for section in &sections {
        if attacks.len() >= MOST_ATTACKS {
            return Err(too_many(section, "attack", MOST_ATTACKS));
        }
        let attack = attack(section, network, duration)?;
        if attacks.iter().any(|other| other.name == attack.name) {
            return Err(section.required("name", "a name")?.mismatch("a name that no other attack has"));
        }
        attacks.push(attack);
    }
    let recorded: BTreeSet<&str> = attacks
        .iter()
        .filter_map(|attack| match &attack.action {
            AttackAction::Record(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    for (section, attack) in sections.iter().zip(&attacks) {
        let used = match &attack.action {
            AttackAction::Replay { recording, .. } => Some(recording),
            AttackAction::Modify(change) => change.nas.as_ref(),
            AttackAction::Parlos(ParlosAttack::Attaches { recording, .. }) => recording.as_ref(),
            _ => None,
        };
        if let Some(name) = used.filter(|name| !recorded.contains(name.as_str())) {
            let problem = section.required("action", "an action")?.mismatch("the name of a recording");
            return Err(suggest(problem, name, recorded.iter().copied()));
        }
    }
    Ok(attacks)
}

fn attack(section: &Section<'_>, network: Network<'_>, duration: Duration) -> Read<Attack> {
    let name = section.required("name", "a name")?.name(64, true)?;
    let actions = [ACTION_KEYS, parlos_attacks::ACTIONS, enterprise::ACTIONS].concat();
    let options = [ACTION_OPTIONS, parlos_attacks::ACTION_OPTIONS, enterprise::ACTION_OPTIONS];
    let known = [&actions[..], &options.concat()].concat();
    let table = section.required("action", "an action")?.section(&known)?;
    let what = table.exactly_one(&actions)?;
    let action = action(&table, &what, network)?;
    let key = what.key();
    let needs_tap = matches!(key, "record" | "replay" | "drop" | "delay" | "modify");
    let tap = if needs_tap {
        Some(tap(section, network)?)
    } else if action == AttackAction::Eavesdrop {
        Some(both_directions(section, network)?)
    } else if parlos_attacks::is_on_air(&action) {
        Some(both_ways_of_air(section, network)?)
    } else {
        for other in ["tap", "direction", "to"] {
            section.refuse(other, &format!("beside {key}"))?;
        }
        None
    };
    let (trigger, wait) = match &action {
        AttackAction::Corrupt(_)
        | AttackAction::Eavesdrop
        | AttackAction::Knows(_)
        | AttackAction::KnowsSession(_)
        | AttackAction::Parlos(ParlosAttack::Listen(_)) => {
            section.refuse("trigger", &format!("beside {key}")).map(|()| (None, Duration::ZERO))?
        }
        // From the start, if nothing else is said.
        AttackAction::Parlos(ParlosAttack::ManInTheMiddle | ParlosAttack::FalseNetwork)
            if section.field("trigger").is_none() =>
        {
            (Some(Trigger::Time(VirtualTime::ZERO)), Duration::ZERO)
        }
        action => {
            let field = section.required("trigger", "{ frame = ... } or { time = ... }")?;
            let (trigger, wait) = trigger(&field, tap, network, duration)?;
            let at_tap = needs_tap && !matches!(action, AttackAction::Replay { .. });
            match trigger {
                Trigger::Time(_) if at_tap => {
                    return Err(field.mismatch(&format!("{{ frame = ... }}: {key} acts on frames")));
                }
                Trigger::Frame(_) if !needs_tap => return Err(field.mismatch("{ time = ... }")),
                trigger => (Some(trigger), wait),
            }
        }
    };
    let purpose = match &action {
        AttackAction::Replay { .. } => Some(Success::Accepted),
        AttackAction::Steal { .. }
        | AttackAction::Compromise(_)
        | AttackAction::Eavesdrop
        | AttackAction::Knows(_)
        | AttackAction::KnowsSession(_) => Some(Success::Read),
        AttackAction::Parlos(ParlosAttack::Listen(_) | ParlosAttack::ManInTheMiddle | ParlosAttack::FalseNetwork) => {
            Some(Success::Read)
        }
        AttackAction::Search(_) => Some(Success::Found),
        AttackAction::Parlos(ParlosAttack::Attaches { recording: Some(_), .. }) => Some(Success::SameKey),
        _ => None,
    };
    let succeeds_if = match section.field("succeeds_if") {
        None => purpose,
        Some(field) if field.is_table() => {
            Some(Success::Expected(Box::new(expectations::of_success(&field, network)?)))
        }
        Some(field) => match field.data() {
            Data::Text(text) if text == "accepted" && purpose == Some(Success::Accepted) => purpose,
            _ => return Err(field.mismatch("a table with one expectation, such as { handover = { ... } }")),
        },
    };
    Ok(Attack { name, tap, trigger, wait, action, succeeds_if })
}

fn trigger(field: &Field<'_>, tap: Option<Tap>, network: Network<'_>, duration: Duration) -> Read<(Trigger, Duration)> {
    let section = field.section(TRIGGER_KEYS)?;
    let what = section.exactly_one(&["frame", "time"])?;
    let wait = section.read("wait", Duration::ZERO, |field| field.time(TICK..=Duration::MAX))?;
    if what.key() == "time" {
        for key in ["nth", "count", "after"] {
            section.refuse(key, "beside time")?;
        }
        let at = what.instant(Duration::ZERO, duration)?;
        return Ok((Trigger::Time(VirtualTime::ZERO + at), wait));
    }
    let choice = FrameChoice {
        kind: kind(&what, tap, network)?,
        nth: section.read("nth", 1, |field| field.number(FRAMES))?,
        count: section.read("count", 1, |field| field.number(FRAMES))?,
        after: VirtualTime::ZERO
            + section.read("after", Duration::ZERO, |field| field.instant(Duration::ZERO, duration))?,
    };
    Ok((Trigger::Frame(choice), wait))
}

fn kind(field: &Field<'_>, tap: Option<Tap>, network: Network<'_>) -> Read<FrameKind> {
    let on_air = tap.is_some_and(|tap| [tap.from, tap.to].iter().any(|end| matches!(end, NodeName::Ue(_))));
    let mut words = vec![("any", FrameKind::Any), ("data", FrameKind::Data)];
    if on_air {
        words.push(("signalling", FrameKind::Signalling));
    } else {
        let names = S1apMessage::NAMES.iter().chain(X2apMessage::NAMES).chain(Gtpv2Body::NAMES);
        let mut names: BTreeSet<&'static str> = names.copied().collect();
        if network.0.system == System::E2m {
            names.extend(DiameterBody::NAMES.iter().chain(RanapMessage::NAMES));
        }
        words.extend(names.into_iter().map(|name| (name, FrameKind::Message(name))));
    }
    if network.is_parlos() {
        words.extend(NasKind::NAMED.map(|(name, kind)| (name, FrameKind::Nas(kind))));
    }
    field.one_of(&words)
}

/// A link by its reference point and its ends: `tap = "s1:enb1-mme1"`.
fn link(section: &Section<'_>, network: Network<'_>) -> Read<(&'static str, [NodeName; 2])> {
    let expected = "a link, such as \"uu:ue1-enb1\", \"x2:enb1-enb2\", \"s1:enb1-mme1\", \"s1u:enb1-sgw\", \"s11:mme1-sgw\" or \
         \"s10:mme1-mme2\"";
    let field = section.required("tap", expected)?;
    let text = field.text(expected)?;
    let (reference_point, ends) = text.split_once(':').ok_or_else(|| field.mismatch(expected))?;
    let (first, second) = ends.split_once('-').ok_or_else(|| field.mismatch(expected))?;
    let end = |name: &str| network.node(name).ok_or_else(|| field.mismatch(expected));
    let (first, second) = (end(first)?, end(second)?);
    let known = network.reference_point(first, second).filter(|known| *known == reference_point);
    known.map(|known| (known, [first, second])).ok_or_else(|| field.mismatch("a link that there is"))
}

/// A link of the core network, in both directions.
fn both_directions(section: &Section<'_>, network: Network<'_>) -> Read<Tap> {
    for key in ["direction", "to"] {
        section.refuse(key, "beside eavesdrop, which hears both directions")?;
    }
    let (reference_point, [from, to]) = link(section, network)?;
    if ["uu", "um"].contains(&reference_point) {
        let field = section.required("tap", "a link of the core network")?;
        return Err(field.mismatch("a link of the core network: the air is heard always"));
    }
    Ok(Tap { from, to })
}

/// A link of the air, in both directions.
fn both_ways_of_air(section: &Section<'_>, network: Network<'_>) -> Read<Tap> {
    for key in ["direction", "to"] {
        section.refuse(key, "beside an action that takes both directions")?;
    }
    match link(section, network)? {
        ("uu", [ue @ NodeName::Ue(_), enb] | [enb, ue @ NodeName::Ue(_)]) => Ok(Tap { from: ue, to: enb }),
        _ => {
            let field = section.required("tap", "a link of the air")?;
            Err(field.mismatch("a link of the air, such as \"uu:ue1-enb1\""))
        }
    }
}

/// The direction of a link: `tap` with `to`, or on the air with `direction`.
fn tap(section: &Section<'_>, network: Network<'_>) -> Read<Tap> {
    let (reference_point, [first, second]) = link(section, network)?;
    if ["uu", "um"].contains(&reference_point) {
        section.refuse("to", "on the air: direction says it")?;
        let ue_first = matches!(first, NodeName::Ue(_));
        let (ue, enb) = if ue_first { (first, second) } else { (second, first) };
        let direction = section.required("direction", "\"uplink\" or \"downlink\"")?;
        return Ok(match direction.one_of(&[("uplink", true), ("downlink", false)])? {
            true => Tap { from: ue, to: enb },
            false => Tap { from: enb, to: ue },
        });
    }
    section.refuse("direction", "on a wired link: to says it")?;
    let to_field = section.required("to", "the end that the frames go to")?;
    let to = network.node(to_field.text("the name of a node")?);
    match to {
        Some(to) if to == first => Ok(Tap { from: second, to }),
        Some(to) if to == second => Ok(Tap { from: first, to }),
        _ => Err(to_field.mismatch("one of the two ends of the link")),
    }
}

fn action(section: &Section<'_>, what: &Field<'_>, network: Network<'_>) -> Read<AttackAction> {
    let taken: &[&str] = match what.key() {
        "replay" => &["times", "every"],
        "corrupt" => &["weakness"],
        "steal" => &["told"],
        "listen" => &["key_of", "nth"],
        "attaches" => &["every", "recording", "imsi_of"],
        _ => &[],
    };
    let options = ACTION_OPTIONS.iter().chain(parlos_attacks::ACTION_OPTIONS).chain(enterprise::ACTION_OPTIONS);
    for key in options.filter(|key| !taken.contains(key)) {
        section.refuse(key, &format!("beside {}", what.key()))?;
    }
    Ok(match what.key() {
        "record" => AttackAction::Record(what.name(64, true)?),
        "replay" => AttackAction::Replay {
            recording: what.name(64, true)?,
            times: section.read("times", 1, |field| field.number(1..=MOST_TIMES))?,
            every: section.read("every", EVERY, |field| field.time(TICK..=Duration::MAX))?,
        },
        "drop" => what.yes().map(|()| AttackAction::Drop)?,
        "delay" => AttackAction::Delay(what.time(TICK..=Duration::MAX)?),
        "modify" => AttackAction::Modify(change(what, network)?),
        "corrupt" => AttackAction::Corrupt(corruption(section, what, network)?),
        "steal" => AttackAction::Steal {
            node: holding(what, network)?,
            told: section.read("told", false, |field| field.boolean())?,
        },
        "search" => AttackAction::Search(network.enb(what)?),
        "knows" => AttackAction::Knows(network.named_ue(what)?),
        "knows_session" if network.0.system == System::E2m => AttackAction::KnowsSession(network.named_ue(what)?),
        "knows_session" => return Err(what.mismatch("no such action without system = \"e2m\"")),
        "eavesdrop" => what.yes().map(|()| AttackAction::Eavesdrop)?,
        "compromise" => AttackAction::Compromise(holding(what, network)?),
        _ => AttackAction::Parlos(parlos_attacks::action(section, what, network)?),
    })
}

/// A node of the network that holds keys of UEs.
fn holding(what: &Field<'_>, network: Network<'_>) -> Read<NodeName> {
    let expected = "the name of a node of the network";
    match network.node(what.text(expected)?) {
        Some(NodeName::Ue(_) | NodeName::Hss | NodeName::Gateway) | None => Err(what.mismatch(expected)),
        Some(node) => Ok(node),
    }
}

fn change(field: &Field<'_>, network: Network<'_>) -> Read<Change> {
    let section = field.section(&[CHANGE_KEYS, parlos_attacks::CHANGES].concat())?;
    let bits = |key: &str| {
        section.read(key, Vec::new(), |field| {
            let bits = field.items("an array of bit numbers")?;
            bits.iter().map(|field| field.number(BITS).map(|bit| bit as usize)).collect()
        })
    };
    let nas = section.field("nas").map(|field| field.name(64, true)).transpose()?;
    let attach = parlos_attacks::attach_change(&section, network)?;
    let change = Change { bits: bits("bits")?, nas_bits: bits("nas_bits")?, nas, attach };
    if change == Change::default() {
        return Err(field.mismatch("bits, nas_bits or nas"));
    }
    Ok(change)
}

fn corruption(section: &Section<'_>, what: &Field<'_>, network: Network<'_>) -> Read<Corruption> {
    let expected = "the name of a UE, eNB or MME";
    let weakness = section.required("weakness", "the rule that it does not keep")?;
    Ok(match network.node(what.text(expected)?) {
        Some(NodeName::Ue(ue)) => Corruption::Ue(ue, weakness.one_of(network.of_ue())?),
        Some(NodeName::Enb(enb)) => Corruption::Enb(enb, weakness.one_of(&network::OF_ENB)?),
        Some(NodeName::Mme(mme)) => Corruption::Mme(mme, weakness.one_of(network.of_mme())?),
        _ => return Err(what.mismatch(expected)),
    })
}

impl Network<'_> {
    /// The node of this name.
    pub(super) fn node(self, name: &str) -> Option<NodeName> {
        let Nodes { system, mmes, enbs, ues, upes, sgsns, rncs, end_points, bsss } = self.0;
        let e2m = *system == System::E2m;
        let has_hss = e2m || !upes.is_empty();
        let end_point =
            || end_points.iter().position(|one| one.name == name).map(|place| NodeName::Emse(EndPointId(place)));
        let ue = ues.iter().position(|ue| ue.name == name).map(|place| NodeName::Ue(UeId(place)));
        ue.or_else(|| enbs.iter().position(|enb| enb.name == name).map(|place| NodeName::Enb(EnbId(place))))
            .or_else(|| rncs.iter().position(|rnc| rnc.name == name).map(|place| NodeName::Rnc(RncId(place))))
            .or_else(|| mmes.iter().position(|mme| mme.name == name).map(|place| NodeName::Mme(MmeId(place))))
            .or_else(|| upes.iter().position(|upe| upe.name == name).map(|place| NodeName::Upe(UpeId(place))))
            .or_else(|| sgsns.iter().position(|sgsn| sgsn.name == name).map(|place| NodeName::Sgsn(SgsnId(place))))
            .or_else(|| (has_hss && name == world::HSS).then_some(NodeName::Hss))
            .or_else(|| (e2m && name == world::EMKS).then_some(NodeName::Emks))
            .or_else(end_point)
            .or_else(|| bsss.iter().position(|bss| bss.name == name).map(|place| NodeName::Bss(BssId(place))))
            .or_else(|| (name == world::gateway_name(*system)).then_some(NodeName::Gateway))
    }

    /// What the link between two nodes is called, if there is one.
    fn reference_point(self, first: NodeName, second: NodeName) -> Option<&'static str> {
        use NodeName::{Bss, Emks, Emse, Enb, Gateway, Hss, Mme, Rnc, Sgsn, Ue, Upe};
        let Nodes { enbs, rncs, upes, system, bsss, .. } = self.0;
        let e2m = *system == System::E2m;
        match (first, second) {
            (Ue(_), Enb(_) | Rnc(_)) | (Enb(_) | Rnc(_), Ue(_)) => Some("uu"),
            (Ue(_), Bss(_)) | (Bss(_), Ue(_)) => Some("um"),
            (Bss(bss), Sgsn(sgsn)) | (Sgsn(sgsn), Bss(bss)) if bsss[bss.0].sgsn == sgsn => Some("gb"),
            (Enb(first), Enb(second)) if first != second && upes.is_empty() => Some("x2"),
            (Enb(enb), Mme(mme)) | (Mme(mme), Enb(enb)) if enbs[enb.0].mme == mme => Some("s1"),
            (Enb(_), Gateway) | (Gateway, Enb(_)) if upes.is_empty() => Some("s1u"),
            (Enb(_), Upe(_)) | (Upe(_), Enb(_)) => Some("s1u"),
            (Mme(_), Gateway) | (Gateway, Mme(_)) | (Mme(_), Upe(_)) | (Upe(_), Mme(_)) => Some("s11"),
            (Mme(first), Mme(second)) if first != second => Some("s10"),
            (Mme(_), Hss) | (Hss, Mme(_)) => Some("s6a"),
            (Sgsn(_), Hss) | (Hss, Sgsn(_)) if e2m => Some("s6d"),
            (Hss, Emks) | (Emks, Hss) => Some("swx"),
            (Emks, Emse(_)) | (Emse(_), Emks) => Some("zn"),
            (Gateway, Emse(_)) | (Emse(_), Gateway) => Some("sgi"),
            (Upe(first), Upe(second)) if first != second => Some("upe"),
            (Upe(_) | Sgsn(_), Gateway) | (Gateway, Upe(_) | Sgsn(_)) => Some("s5"),
            (Rnc(rnc), Sgsn(sgsn)) | (Sgsn(sgsn), Rnc(rnc)) if rncs[rnc.0].sgsn == sgsn => Some("iu"),
            (Sgsn(_), Mme(_)) | (Mme(_), Sgsn(_)) => Some("gn"),
            (Sgsn(first), Sgsn(second)) if first != second => Some("gn"),
            _ => None,
        }
    }
}
