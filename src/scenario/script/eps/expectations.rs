//! `[[expect]]`: what must hold at the end of a run.

use std::time::Duration;

use super::Network;
use super::attacks::{Attack, NodeName};
use super::enterprise::{self, EnterpriseExpected};
use super::handover::{SCHEMES, scheme_name};
use super::network::{StationId, UeId};
use super::parlos_attacks::ParlosAttack;
use super::parlos_expectations::{self, ParlosExpected};
use crate::dot16::identifiers::Direction;
use crate::eps::node::{Outcome, Scheme, Schemes};
use crate::eps::parameters::Origin;
use crate::judge::FindingKind;
use crate::scenario::script::System;
use crate::scenario::script::attacks::DIRECTIONS;
use crate::scenario::script::bounds::{Amount, TimeBounds, amount, given_time_bounds};
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};
use crate::time::VirtualTime;

/// One entry `[[expect]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// It in words: the script's own, or made from the values.
    pub text: String,
    /// What must hold.
    pub expected: Expected,
}

/// What must hold at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A handover went to the cell of `target` and ended as said.
    Handover {
        /// Whose.
        ue: UeId,
        /// Which of that UE's handovers, from 1.
        nth: u32,
        /// Where it went.
        target: StationId,
        /// How it ended.
        outcome: Outcome,
        /// How its key was made; `None`: in any way.
        scheme: Option<Scheme>,
    },
    /// How many handovers ended in one way, those of all UEs.
    Handovers(Outcome, Amount),
    /// User packets, compared end to end; a count that is `None` may be anything.
    Traffic {
        /// Whose.
        ue: UeId,
        /// Which way.
        direction: Direction,
        /// Sent but never delivered.
        lost: Option<Amount>,
        /// Delivered more often than sent.
        duplicated: Option<Amount>,
        /// Delivered but never sent.
        altered: Option<Amount>,
    },
    /// Messages that receivers refused, by reason.
    Rejects(Vec<(Reject, Amount)>),
    /// Whether an attack succeeded.
    Attack {
        /// Its name.
        name: String,
        /// Whether it succeeded.
        succeeded: bool,
    },
    /// The cells that an attack read, in the order in which the UE was there, each visit once.
    Reads {
        /// The attack.
        name: String,
        /// The cells.
        cells: Vec<StationId>,
    },
    /// How many of the user packets that were sent in some time an attack has read.
    PacketsRead {
        /// The attack.
        name: String,
        /// From this instant on.
        after: VirtualTime,
        /// Before this one; `None`: to the end.
        before: Option<VirtualTime>,
        /// How many.
        amount: Amount,
    },
    /// How often a key, bearer, direction and COUNT were used again.
    KeyStreamReuse(Amount),
    /// How many KeNBs came into use more than once.
    RepeatedKenbs(Amount),
    /// How many different NAS keys (KNASenc, KNASint) a UE had.
    NasKeys {
        /// Whose.
        ue: UeId,
        /// How many pairs.
        amount: Amount,
    },
    /// How many different keys (KUP) a UE had with UPEs.
    UpKeys {
        /// Whose.
        ue: UeId,
        /// How many.
        amount: Amount,
    },
    /// The authentication that the security context of a UE goes back to at the end, at the UE and at the node that serves it.
    Origin {
        /// Whose.
        ue: UeId,
        /// Which, as the UE has it.
        origin: Origin,
        /// Which, as the network has it; `None`: the same.
        network: Option<Origin>,
    },
    /// How many authentications with vectors of the HSS succeeded, as a UE sees it.
    Authentications {
        /// Whose.
        ue: UeId,
        /// How many.
        amount: Amount,
    },
    /// How many tracking area updates were completed.
    TrackingAreaUpdates {
        /// Whose.
        ue: UeId,
        /// How many.
        amount: Amount,
    },
    /// The nodes that were found by temporary identities and asked for a context, in order.
    OldNodes {
        /// Of which UE.
        ue: UeId,
        /// Their names.
        nodes: Vec<String>,
    },
    /// How often a UE took a KASME, or CK and IK, into use that it had had in use before and left.
    RepeatedContexts(Amount),
    /// Messages of a handover that the UE answers, and that the HSS answers, from when the UE leaves the source.
    RoundTrips {
        /// Whose handover.
        ue: UeId,
        /// Which of them, from 1.
        nth: u32,
        /// Of the UE.
        air: Option<Amount>,
        /// Of the HSS.
        hss: Option<Amount>,
    },
    /// Time without a path for user data in a handover.
    Interruption {
        /// Whose handover.
        ue: UeId,
        /// Which of them, from 1.
        nth: u32,
        /// Which way.
        direction: Direction,
        /// How long.
        bounds: TimeBounds,
    },
    /// The kinds of findings that the judge reports, each once; empty: none.
    Judge(Vec<FindingKind>),
    /// Of attaches for RLOS.
    Parlos(ParlosExpected),
    /// Of keys between UEs and end points in an enterprise.
    Enterprise(EnterpriseExpected),
}

/// Why a receiver refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reject {
    /// MAC-I of RRC.
    MacI,
    /// NAS-MAC.
    NasMac,
    /// A NAS COUNT that was used before.
    NasReplay,
    /// A handover command that cannot be followed.
    Refused,
    /// Octets that are no message.
    Malformed,
    /// A user packet with a COUNT that was received already.
    Duplicate,
    /// A wrong AUTN or RES.
    Authentication,
}

impl Reject {
    /// The words for them.
    pub const NAMED: [(&'static str, Self); 7] = [
        ("mac_i", Self::MacI),
        ("nas_mac", Self::NasMac),
        ("nas_replay", Self::NasReplay),
        ("refused", Self::Refused),
        ("malformed", Self::Malformed),
        ("duplicate", Self::Duplicate),
        ("authentication", Self::Authentication),
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMED.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }
}

/// The words for outcomes.
pub const OUTCOMES: [(&str, Outcome); 4] = [
    ("completed", Outcome::Completed),
    ("returned", Outcome::Returned),
    ("refused", Outcome::Refused),
    ("cancelled", Outcome::Cancelled),
];

pub(super) const KINDS: &[&str] = &[
    "handover",
    "handovers",
    "traffic",
    "rejects",
    "attack",
    "reads",
    "packets_read",
    "key_stream_reuse",
    "repeated_kenbs",
    "nas_keys",
    "up_keys",
    "origin",
    "authentications",
    "tracking_area_updates",
    "old_nodes",
    "repeated_contexts",
    "round_trips",
    "interruption",
    "judge",
];

pub(super) fn read(root: &Section<'_>, network: Network<'_>, attacks: &[Attack]) -> Read<Vec<Expectation>> {
    let mut expectations = Vec::new();
    let kinds = kinds(network);
    for section in root.tables("expect", &[&kinds[..], &["text"]].concat())? {
        let expected = expected(&section.exactly_one(&kinds)?, network, attacks)?;
        let text = section.field("text").map(|field| field.line()).transpose()?;
        expectations.push(Expectation { text: text.unwrap_or_else(|| in_words(&expected, network)), expected });
    }
    Ok(expectations)
}

/// The kinds that there are in a network.
fn kinds(network: Network<'_>) -> Vec<&'static str> {
    let of_system = match network.0.system {
        System::E2m => enterprise::KINDS,
        System::Parlos => parlos_expectations::KINDS,
        _ => &[],
    };
    [KINDS, of_system].concat()
}

/// The expectation on which the success of an attack rests.
pub(super) fn of_success(field: &Field<'_>, network: Network<'_>) -> Read<Expected> {
    let of_attacks = ["attack", "reads", "packets_read", "judge", "sessions_read"];
    let kinds: Vec<&str> = kinds(network).into_iter().filter(|kind| !of_attacks.contains(kind)).collect();
    expected(&field.section(&kinds)?.exactly_one(&kinds)?, network, &[])
}

const NTH: std::ops::RangeInclusive<u32> = 1..=1_000_000;

fn expected(field: &Field<'_>, network: Network<'_>, attacks: &[Attack]) -> Read<Expected> {
    Ok(match field.key() {
        "handover" => {
            let section = field.section(&["ue", "nth", "target", "outcome", "scheme"])?;
            let scheme = |field: Field<'_>| {
                let words = SCHEMES.iter().filter_map(|(word, schemes)| match schemes {
                    Schemes::Always(scheme) => Some((*word, *scheme)),
                    Schemes::Grouped => None,
                });
                // Those that follow from nodes and `[transfer]`.
                let others = [Scheme::InterSystem, Scheme::ContextRequest, Scheme::Authentication];
                let words = words.chain(others.map(|scheme| (scheme_name(scheme), scheme)));
                field.one_of(&words.collect::<Vec<_>>())
            };
            Expected::Handover {
                ue: network.ue(&section)?,
                nth: section.read("nth", 1, |field| field.number(NTH))?,
                target: network.station(&section.required("target", "the name of an eNB")?)?,
                outcome: section.required("outcome", "how it ends")?.one_of(&OUTCOMES)?,
                scheme: section.field("scheme").map(scheme).transpose()?,
            }
        }
        "handovers" => {
            let section = field.section(&["outcome", "count"])?;
            let outcome = section.required("outcome", "how they end")?.one_of(&OUTCOMES)?;
            Expected::Handovers(outcome, amount(&section.required("count", "how many")?)?)
        }
        "traffic" => {
            let section = field.section(&["ue", "direction", "lost", "duplicated", "altered"])?;
            let counted = |key: &str| section.field(key).map(|field| amount(&field)).transpose();
            Expected::Traffic {
                ue: network.ue(&section)?,
                direction: section.required("direction", "\"uplink\" or \"downlink\"")?.one_of(&DIRECTIONS)?,
                lost: counted("lost")?,
                duplicated: counted("duplicated")?,
                altered: counted("altered")?,
            }
        }
        "rejects" => {
            let section = field.section(&Reject::NAMED.map(|(word, _)| word))?;
            let given = Reject::NAMED.iter().filter_map(|(word, reject)| Some((*reject, section.field(word)?)));
            let rejects = given.map(|(reject, field)| Ok((reject, amount(&field)?))).collect::<Read<Vec<_>>>()?;
            if rejects.is_empty() {
                return Err(field.mismatch("at least one reason"));
            }
            Expected::Rejects(rejects)
        }
        "attack" => {
            let section = field.section(&["name", "succeeded"])?;
            let name = attack_name(&section, attacks, |attack| attack.succeeds_if.is_some())?;
            Expected::Attack { name, succeeded: section.required("succeeded", "true or false")?.boolean()? }
        }
        "reads" => {
            let section = field.section(&["attack", "cells"])?;
            let cells = section.required("cells", "an array of eNBs")?.items("an array of eNBs")?;
            let cells = cells.iter().map(|field| network.station(field)).collect::<Read<Vec<_>>>()?;
            Expected::Reads { name: attack_name(&section, attacks, reads)?, cells }
        }
        "packets_read" => {
            let section = field.section(&["attack", "after", "before", "count"])?;
            let instant =
                |field: Field<'_>| field.time(Duration::ZERO..=Duration::MAX).map(|at| VirtualTime::ZERO + at);
            Expected::PacketsRead {
                name: attack_name(&section, attacks, reads)?,
                after: section.field("after").map_or(Ok(VirtualTime::ZERO), instant)?,
                before: section.field("before").map(instant).transpose()?,
                amount: amount(&section.required("count", "how many")?)?,
            }
        }
        "key_stream_reuse" => Expected::KeyStreamReuse(amount(field)?),
        "repeated_kenbs" => Expected::RepeatedKenbs(amount(field)?),
        key @ ("nas_keys" | "up_keys" | "authentications" | "tracking_area_updates") => {
            let section = field.section(&["ue", "count"])?;
            let ue = network.ue(&section)?;
            let amount = amount(&section.required("count", "how many")?)?;
            match key {
                "nas_keys" => Expected::NasKeys { ue, amount },
                "up_keys" => Expected::UpKeys { ue, amount },
                "authentications" => Expected::Authentications { ue, amount },
                _ => Expected::TrackingAreaUpdates { ue, amount },
            }
        }
        "origin" => {
            let section = field.section(&["ue", "is", "network"])?;
            let words = [Origin::Gsm, Origin::Umts, Origin::Lte].map(|origin| (origin.name(), origin));
            let origin = section.required("is", "\"gsm\", \"umts\" or \"lte\"")?.one_of(&words)?;
            let at_core = section.field("network").map(|field| field.one_of(&words)).transpose()?;
            Expected::Origin { ue: network.ue(&section)?, origin, network: at_core }
        }
        "old_nodes" => {
            let section = field.section(&["ue", "nodes"])?;
            let expected = "the name of an MME or SGSN";
            let known = |field: &Field<'_>| match network.node(field.text(expected)?) {
                Some(NodeName::Mme(_) | NodeName::Sgsn(_)) => Ok(field.text(expected)?.to_owned()),
                _ => Err(field.mismatch(expected)),
            };
            let nodes = section.required("nodes", "an array of names")?.items("an array of names")?;
            Expected::OldNodes { ue: network.ue(&section)?, nodes: nodes.iter().map(known).collect::<Read<_>>()? }
        }
        "repeated_contexts" => Expected::RepeatedContexts(amount(field)?),
        "round_trips" => {
            let section = field.section(&["ue", "nth", "air", "hss"])?;
            let counted = |key: &str| section.field(key).map(|field| amount(&field)).transpose();
            Expected::RoundTrips {
                ue: network.ue(&section)?,
                nth: section.read("nth", 1, |field| field.number(NTH))?,
                air: counted("air")?,
                hss: counted("hss")?,
            }
        }
        "interruption" => {
            let section = field.section(&["ue", "nth", "direction", "at_least", "at_most"])?;
            Expected::Interruption {
                ue: network.ue(&section)?,
                nth: section.read("nth", 1, |field| field.number(NTH))?,
                direction: section.required("direction", "\"uplink\" or \"downlink\"")?.one_of(&DIRECTIONS)?,
                bounds: given_time_bounds(&section)?,
            }
        }
        key if network.is_parlos() && parlos_expectations::KINDS.contains(&key) => {
            Expected::Parlos(parlos_expectations::expected(field, network)?)
        }
        key if enterprise::KINDS.contains(&key) => Expected::Enterprise(enterprise::expected(field, network, attacks)?),
        _ => {
            let words: Vec<_> = FindingKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
            let kinds = field.items("an array of kinds of findings")?;
            Expected::Judge(kinds.iter().map(|field| field.one_of(&words)).collect::<Read<Vec<_>>>()?)
        }
    })
}

/// Whether an attack reads what is on the air.
fn reads(attack: &Attack) -> bool {
    use super::attacks::AttackAction::{Compromise, Eavesdrop, Knows, Parlos, Steal};
    match &attack.action {
        Parlos(attack) => !matches!(attack, ParlosAttack::Attaches { .. }),
        action => matches!(action, Steal { .. } | Compromise(_) | Eavesdrop | Knows(_)),
    }
}

/// The name of an attack of which `fits` says that the expectation can be about it.
fn attack_name(section: &Section<'_>, attacks: &[Attack], fits: impl Fn(&Attack) -> bool) -> Read<String> {
    let key = if section.field("attack").is_some() { "attack" } else { "name" };
    let field = section.required(key, "the name of an attack")?;
    let name = field.text("the name of an attack")?;
    let names = || attacks.iter().filter(|attack| fits(attack)).map(|attack| attack.name.as_str());
    if names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(suggest(field.mismatch("the name of an attack that has such a result"), name, names()))
}

/// The word for an outcome.
#[must_use]
pub fn outcome_name(outcome: Outcome) -> &'static str {
    OUTCOMES.iter().find(|(_, known)| *known == outcome).map_or("", |(word, _)| word)
}

fn in_words(expected: &Expected, network: Network<'_>) -> String {
    let ue = |UeId(ue): &UeId| network.0.ues[*ue].name.as_str();
    let enb = |station: &StationId| network.0.station_name(*station);
    let way = |direction: &Direction| match direction {
        Direction::Uplink => "uplink",
        Direction::Downlink => "downlink",
    };
    match expected {
        Expected::Handover { ue: of, nth, target, outcome, scheme } => {
            let scheme = scheme.map_or(String::new(), |scheme| format!(", {}", scheme_name(scheme)));
            format!("handover {nth} of {} goes to {}: {}{scheme}", ue(of), enb(target), outcome_name(*outcome))
        }
        Expected::Handovers(outcome, amount) => format!("handovers {}: {amount}", outcome_name(*outcome)),
        Expected::Traffic { ue: of, direction, lost, duplicated, altered } => {
            let counts = [("lost", lost), ("duplicated", duplicated), ("altered", altered)];
            let counts = counts.iter().filter_map(|(word, count)| Some(format!("{word} {}", count.as_ref()?)));
            format!("{} traffic of {}: {}", way(direction), ue(of), counts.collect::<Vec<_>>().join(", "))
        }
        Expected::Rejects(rejects) => {
            let rejects = rejects.iter().map(|(reject, amount)| format!("{} {amount}", reject.as_str()));
            format!("rejected: {}", rejects.collect::<Vec<_>>().join(", "))
        }
        Expected::Attack { name, succeeded: true } => format!("attack {name} succeeds"),
        Expected::Attack { name, succeeded: false } => format!("attack {name} fails"),
        Expected::Reads { name, cells } => {
            let cells = cells.iter().map(|cell| enb(cell).to_owned()).collect::<Vec<_>>();
            format!("{name} reads {}", if cells.is_empty() { "no cell".to_owned() } else { cells.join(", ") })
        }
        Expected::PacketsRead { name, after, before, amount } => {
            let before = before.map_or(String::new(), |before| format!(" before {before}"));
            format!("user packets from {after} on{before} that {name} reads: {amount}")
        }
        Expected::KeyStreamReuse(amount) => format!("key stream used again: {amount}"),
        Expected::RepeatedKenbs(amount) => format!("KeNBs that come into use again: {amount}"),
        Expected::NasKeys { ue: of, amount } => format!("pairs of NAS keys of {}: {amount}", ue(of)),
        Expected::UpKeys { ue: of, amount } => format!("keys of {} with UPEs: {amount}", ue(of)),
        Expected::Origin { ue: of, origin, network } => {
            let network = network.map_or(String::new(), |origin| format!(", and to {} for the network", origin.name()));
            format!("the context of {} goes back to {}{network}", ue(of), origin.name())
        }
        Expected::Authentications { ue: of, amount } => format!("authentications of {}: {amount}", ue(of)),
        Expected::TrackingAreaUpdates { ue: of, amount } => format!("tracking area updates of {}: {amount}", ue(of)),
        Expected::OldNodes { ue: of, nodes } => {
            format!(
                "asked for the context of {}: {}",
                ue(of),
                if nodes.is_empty() { "nobody".to_owned() } else { nodes.join(", ") }
            )
        }
        Expected::RepeatedContexts(amount) => format!("KASME, or CK and IK, in use again: {amount}"),
        Expected::RoundTrips { ue: of, nth, air, hss } => {
            let counts = [("UE", air), ("HSS", hss)];
            let counts = counts.iter().filter_map(|(word, count)| Some(format!("{word} {}", count.as_ref()?)));
            format!("answers in handover {nth} of {}: {}", ue(of), counts.collect::<Vec<_>>().join(", "))
        }
        Expected::Interruption { ue: of, nth, direction, bounds } => {
            format!("interruption of the {} in handover {nth} of {}: {bounds}", way(direction), ue(of))
        }
        Expected::Parlos(expected) => parlos_expectations::in_words(expected, network),
        Expected::Enterprise(expected) => enterprise::in_words(expected, network),
        Expected::Judge(kinds) if kinds.is_empty() => "the judge finds nothing".to_owned(),
        Expected::Judge(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            format!("the judge finds {}", kinds.join(", "))
        }
    }
}
