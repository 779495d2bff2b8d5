//! The entries `[[expect]]`: what must hold at the end of a run.

use std::time::Duration;

use super::super::attack_results::EXTERNAL;
use super::attacks::{Attack, DIRECTIONS};
use super::bounds::{Amount, TimeBounds, amount, given_amount, given_time_bounds};
use super::groups::MobileGroup;
use super::nearest::suggest;
use super::network::TICK;
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::stations::{BaseStationId, MobileStationId, Stations};
use super::units::show_time;
use super::work::{self, WorkKind};
use crate::dot16::identifiers::Direction;
use crate::dot16::node::HandoverMode;
use crate::judge::FindingKind;

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
    /// A handover went to `target` and ended as said.
    Handover {
        /// Whose.
        mobile_station: MobileStationId,
        /// Which of that mobile's handovers, in the order in which they began, from 1.
        nth: u32,
        /// Where it went.
        target: BaseStationId,
        /// How it ended.
        outcome: HandoverOutcome,
        /// How the target got its TEKs; `None`: in any way.
        mode: Option<HandoverMode>,
    },
    /// User packets, compared end to end; a count that is `None` may be anything.
    Traffic {
        /// Whose.
        mobile_station: MobileStationId,
        /// Which way.
        direction: Direction,
        /// Sent but never delivered.
        lost: Option<Amount>,
        /// Delivered more often than sent.
        duplicated: Option<Amount>,
        /// Delivered but never sent.
        altered: Option<Amount>,
    },
    /// PDUs that receivers refused, over the whole run, by reason.
    Rejects(Vec<(RejectReason, Amount)>),
    /// Whether an attack succeeded.
    Attack {
        /// Its name.
        name: String,
        /// Whether it succeeded.
        succeeded: bool,
    },
    /// Pairs of TEK and PN under which more than one PDU was sent.
    NonceReuse(Amount),
    /// User PDUs accepted at the target before the RNG-REQ first reached it.
    DataBeforeRanging {
        /// Whose handover.
        mobile_station: MobileStationId,
        /// Which of that mobile's handovers, from 1.
        nth: u32,
        /// Which way.
        direction: Direction,
        /// How many.
        amount: Amount,
    },
    /// Time without a path for user data in a handover.
    Interruption {
        /// Whose handover.
        mobile_station: MobileStationId,
        /// Which of that mobile's handovers, from 1.
        nth: u32,
        /// Which way.
        direction: Direction,
        /// How long.
        bounds: TimeBounds,
    },
    /// A mobile has another PMK in use: it has entered the network by authentication, or goes on where it was.
    Authenticated {
        /// Whether it has entered, or only renewed its PMK.
        entry: bool,
        /// Which.
        mobile_station: MobileStationId,
        /// Where.
        base_station: BaseStationId,
        /// When at the latest, from the start of the run.
        by: Duration,
    },
    /// Whether a generated TEK, plain or wrapped, is on any link (statement A21).
    TekOnLink(bool),
    /// What the run has cost a node.
    Work {
        /// The base station or the authenticator.
        node: String,
        /// How much of which kind of work.
        amounts: Vec<(WorkKind, Amount)>,
    },
    /// The kinds of findings that the judge reports, each once, in any order; empty: none.
    Judge(Vec<FindingKind>),
    /// The base station gave up the live connection of the mobile, which had not completed a handover to another.
    Released {
        /// Whose.
        mobile_station: MobileStationId,
        /// Which base station.
        base_station: BaseStationId,
    },
    /// How many handovers, of all that these mobiles began, ended in one way.
    Handovers {
        /// Whose.
        mobiles: MobileGroup,
        /// How.
        outcome: HandoverOutcome,
        /// Only handovers in which the target got its TEKs in this way; `None`: in any.
        mode: Option<HandoverMode>,
        /// How many.
        count: Option<Amount>,
        /// Which share of them at the least, in millionths.
        share: Option<u32>,
    },
    /// User packets of a group, compared end to end, as of one mobile.
    TrafficOfGroup {
        /// Whose.
        mobiles: MobileGroup,
        /// Which way.
        direction: Direction,
        /// Sent but never delivered.
        lost: Option<Amount>,
        /// Delivered more often than sent.
        duplicated: Option<Amount>,
        /// Delivered but never sent.
        altered: Option<Amount>,
    },
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value with its name in scripts and results.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];

            /// The name in scripts and results.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words! {
    /// How a handover ended.
    HandoverOutcome {
        /// The mobile is at the target.
        Completed = "completed",
        /// The mobile cancelled it.
        Cancelled = "cancelled",
        /// The mobile went back or elsewhere after a failure.
        FellBack = "fell-back",
        /// The target released the connection.
        Released = "released",
        /// It ended in a new authentication.
        Reauthenticated = "reauthenticated",
    }
}

words! {
    /// Why a receiver refused a PDU.
    RejectReason {
        /// The ICV does not verify.
        Icv = "icv",
        /// The PN was accepted before or is older than the window.
        PnReplay = "pn_replay",
        /// The CMAC does not verify.
        Cmac = "cmac",
        /// The CMAC_PN is not above the last.
        CmacPn = "cmac_pn",
        /// The CMAC_KEY_COUNT is not acceptable.
        KeyCount = "key_count",
        /// It does not parse.
        Malformed = "malformed",
    }
}

/// What an entry can expect, one of them each.
pub(super) const KINDS: [&str; 14] = [
    "handover",
    "traffic",
    "rejects",
    "attack",
    "nonce_reuse",
    "data_before_ranging",
    "interruption",
    "entered",
    "renewed",
    "work",
    "tek_on_link",
    "judge",
    "released",
    "handovers",
];
pub(super) const KEYS: &[&str] = &[
    "text",
    "handover",
    "traffic",
    "rejects",
    "attack",
    "nonce_reuse",
    "data_before_ranging",
    "interruption",
    "entered",
    "renewed",
    "work",
    "tek_on_link",
    "judge",
    "released",
    "handovers",
];
/// What the success of an attack can rest on: neither on another attack, nor on the judge, who comes later.
const OF_SUCCESS: [&str; 12] = [
    "handover",
    "traffic",
    "rejects",
    "nonce_reuse",
    "data_before_ranging",
    "interruption",
    "entered",
    "renewed",
    "work",
    "tek_on_link",
    "released",
    "handovers",
];
pub(super) const HANDOVER_KEYS: &[&str] = &["mobile_station", "nth", "target", "outcome", "mode"];
pub(super) const TRAFFIC_KEYS: &[&str] = &["mobile_station", "direction", "lost", "duplicated", "altered"];
pub(super) const BOUNDED_KEYS: &[&str] = &["mobile_station", "nth", "direction", "at_least", "at_most"];
pub(super) const AUTHENTICATED_KEYS: &[&str] = &["mobile_station", "base_station", "by"];
pub(super) const ATTACK_KEYS: &[&str] = &["name", "succeeded"];
pub(super) const HANDOVERS_KEYS: &[&str] = &["mobile_station", "outcome", "mode", "count", "share"];
pub(super) const RELEASED_KEYS: &[&str] = &["mobile_station", "base_station"];

/// What the expectations of a script may refer to.
struct Reader<'a> {
    stations: &'a Stations,
    attacks: &'a [Attack],
    /// Whether a program outside is an adversary too.
    external: bool,
}

/// Reads every `[[expect]]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations, attacks: &[Attack]) -> Read<Vec<Expectation>> {
    let reader = Reader { stations, attacks, external: root.field("adversary").is_some() };
    let mut expectations = Vec::new();
    for section in root.tables("expect", KEYS)? {
        let field = section.exactly_one(&KINDS)?;
        let expected = reader.expected(&field)?;
        let in_words = reader.in_words(&expected);
        expectations.push(Expectation { text: section.read("text", in_words, Field::line)?, expected });
    }
    Ok(expectations)
}

/// The one expectation in the table `field`, on which the success of an attack rests.
pub(super) fn of_success(field: &Field<'_>, stations: &Stations) -> Read<Expectation> {
    let reader = Reader { stations, attacks: &[], external: false };
    let expected = reader.expected(&field.section(&OF_SUCCESS)?.exactly_one(&OF_SUCCESS)?)?;
    Ok(Expectation { text: reader.in_words(&expected), expected })
}

fn nth(section: &Section<'_>) -> Read<u32> {
    section.read("nth", 1, |field| field.number(1..=u32::MAX))
}

fn direction(section: &Section<'_>) -> Read<Direction> {
    section.required("direction", "\"uplink\" or \"downlink\"")?.one_of(&DIRECTIONS)
}

impl Reader<'_> {
    fn expected(&self, field: &Field<'_>) -> Read<Expected> {
        match field.key() {
            "handover" => self.handover(&field.section(HANDOVER_KEYS)?),
            "traffic" => self.traffic(&field.section(TRAFFIC_KEYS)?),
            "rejects" => rejects(field),
            "attack" => self.attack(&field.section(ATTACK_KEYS)?),
            "handovers" => self.handovers(&field.section(HANDOVERS_KEYS)?),
            "nonce_reuse" => amount(field).map(Expected::NonceReuse),
            "data_before_ranging" => {
                let section = field.section(BOUNDED_KEYS)?;
                Ok(Expected::DataBeforeRanging {
                    mobile_station: self.stations.mobile_station(&section)?,
                    nth: nth(&section)?,
                    direction: direction(&section)?,
                    amount: given_amount(&section)?,
                })
            }
            "interruption" => {
                let section = field.section(BOUNDED_KEYS)?;
                Ok(Expected::Interruption {
                    mobile_station: self.stations.mobile_station(&section)?,
                    nth: nth(&section)?,
                    direction: direction(&section)?,
                    bounds: given_time_bounds(&section)?,
                })
            }
            "entered" | "renewed" => {
                let section = field.section(AUTHENTICATED_KEYS)?;
                let base_station = section.required("base_station", "the name of a [[base_station]]")?;
                Ok(Expected::Authenticated {
                    entry: field.key() == "entered",
                    mobile_station: self.stations.mobile_station(&section)?,
                    base_station: self.stations.base_station(&base_station)?,
                    by: section.required("by", "a time from the start of the run")?.time(TICK..=Duration::MAX)?,
                })
            }
            "work" => work::read(field, self.stations).map(|(node, amounts)| Expected::Work { node, amounts }),
            "tek_on_link" => field.boolean().map(Expected::TekOnLink),
            "released" => {
                let section = field.section(RELEASED_KEYS)?;
                let base_station = section.required("base_station", "the name of a [[base_station]]")?;
                Ok(Expected::Released {
                    mobile_station: self.stations.mobile_station(&section)?,
                    base_station: self.stations.base_station(&base_station)?,
                })
            }
            _ => judge(field),
        }
    }

    fn handover(&self, section: &Section<'_>) -> Read<Expected> {
        Ok(Expected::Handover {
            mobile_station: self.stations.mobile_station(section)?,
            nth: nth(section)?,
            target: self.stations.base_station(&section.required("target", "the name of a [[base_station]]")?)?,
            outcome: section.required("outcome", "how the handover ended")?.one_of(HandoverOutcome::ALL)?,
            mode: section.field("mode").map(|field| field.one_of(HandoverMode::ALL)).transpose()?,
        })
    }

    fn traffic(&self, section: &Section<'_>) -> Read<Expected> {
        let counts = ["lost", "duplicated", "altered"];
        if counts.iter().all(|key| section.field(key).is_none()) {
            section.required("lost", "at least one of lost, duplicated, altered")?;
        }
        let count = |key| section.field(key).map(|field| amount(&field)).transpose();
        let mobiles = self.stations.mobile_group(section)?;
        let direction = direction(section)?;
        let (lost, duplicated, altered) = (count("lost")?, count("duplicated")?, count("altered")?);
        if mobiles.mobiles.len() > 1 {
            return Ok(Expected::TrafficOfGroup { mobiles, direction, lost, duplicated, altered });
        }
        let mobile_station = MobileStationId(mobiles.mobiles.start);
        Ok(Expected::Traffic { mobile_station, direction, lost, duplicated, altered })
    }

    fn handovers(&self, section: &Section<'_>) -> Read<Expected> {
        if ["count", "share"].iter().all(|key| section.field(key).is_none()) {
            section.required("share", "at least one of count, share")?;
        }
        let share = |field: Field<'_>| field.probability().map(|share| (share * 1e6).round() as u32);
        Ok(Expected::Handovers {
            mobiles: self.stations.mobile_group_or_all(section)?,
            outcome: section.read("outcome", HandoverOutcome::Completed, |field| field.one_of(HandoverOutcome::ALL))?,
            mode: section.field("mode").map(|field| field.one_of(HandoverMode::ALL)).transpose()?,
            count: section.field("count").map(|field| amount(&field)).transpose()?,
            share: section.field("share").map(share).transpose()?,
        })
    }

    fn attack(&self, section: &Section<'_>) -> Read<Expected> {
        let field = section.required("name", "the name of an [[attack]]")?;
        let name = field.text("the name of an [[attack]]")?;
        let judged = self.attacks.iter().filter(|attack| attack.succeeds_if.is_some());
        let external = self.external.then_some(EXTERNAL);
        let known: Vec<&str> = judged.map(|attack| attack.name.as_str()).chain(external).collect();
        if !known.contains(&name) {
            if self.attacks.iter().any(|attack| attack.name == name) {
                let problem = field.mismatch("the name of an [[attack]] that has a result");
                return Err(problem.help("an attack that sends nothing and reads nothing has one with succeeds_if"));
            }
            let problem = field.mismatch("the name of an [[attack]]");
            return Err(suggest(problem, name, known));
        }
        Ok(Expected::Attack {
            name: name.to_owned(),
            succeeded: section.required("succeeded", "true or false")?.boolean()?,
        })
    }

    fn in_words(&self, expected: &Expected) -> String {
        let mobile = |id: &MobileStationId| self.stations.mobile_stations.get(id.0).map_or("", |ms| ms.name.as_str());
        let base = |id: &BaseStationId| self.stations.base_stations.get(id.0).map_or("", |bs| bs.name.as_str());
        match expected {
            Expected::Handover { mobile_station, nth, target, outcome, mode } => {
                let mode = mode.map_or(String::new(), |mode| format!(", {}", mode.as_str()));
                let (mobile, target) = (mobile(mobile_station), base(target));
                format!("handover {nth} of {mobile} to {target}: {}{mode}", outcome.as_str())
            }
            Expected::Traffic { mobile_station, direction, lost, duplicated, altered } => {
                let counts: Vec<String> = [("lost", lost), ("duplicated", duplicated), ("altered", altered)]
                    .into_iter()
                    .filter_map(|(what, amount)| amount.map(|amount| format!("{amount} {what}")))
                    .collect();
                format!("{direction} packets of {}: {}", mobile(mobile_station), counts.join(", "))
            }
            Expected::Rejects(reasons) => {
                let reasons: Vec<String> =
                    reasons.iter().map(|(reason, amount)| format!("{} {amount}", reason.as_str())).collect();
                format!("rejected PDUs: {}", reasons.join(", "))
            }
            Expected::Attack { name, succeeded: true } => format!("attack {name} succeeds"),
            Expected::Attack { name, succeeded: false } => format!("attack {name} fails"),
            Expected::NonceReuse(amount) => format!("pairs of TEK and PN used more than once: {amount}"),
            Expected::DataBeforeRanging { mobile_station, nth, direction, amount } => {
                let mobile = mobile(mobile_station);
                format!("{direction} PDUs accepted before the RNG-REQ of handover {nth} of {mobile}: {amount}")
            }
            Expected::Interruption { mobile_station, nth, direction, bounds } => {
                format!("{direction} interruption in handover {nth} of {}: {bounds}", mobile(mobile_station))
            }
            Expected::Authenticated { entry, mobile_station, base_station, by } => {
                let what = if *entry { "has entered" } else { "has renewed its PMK" };
                format!("{} {what} at {} by {}", mobile(mobile_station), base(base_station), show_time(*by))
            }
            Expected::Work { node, amounts } => {
                let amounts: Vec<String> =
                    amounts.iter().map(|(kind, amount)| format!("{} {amount}", kind.as_str())).collect();
                format!("work of {node}: {}", amounts.join(", "))
            }
            Expected::TekOnLink(true) => "a generated TEK is on a link".to_owned(),
            Expected::TekOnLink(false) => "no generated TEK is on any link".to_owned(),
            Expected::Judge(findings) if findings.is_empty() => "the judge finds nothing".to_owned(),
            Expected::Judge(findings) => {
                let findings: Vec<&str> = findings.iter().map(|finding| finding.as_str()).collect();
                format!("the judge finds {}", findings.join(", "))
            }
            Expected::Handovers { mobiles, outcome, mode, count, share } => {
                let mode = mode.map_or(String::new(), |mode| format!("{} ", mode.as_str()));
                let share = share.map(|share| format!("at least {} %", f64::from(share) / 10_000.0));
                let wanted: Vec<String> = count.map(|count| count.to_string()).into_iter().chain(share).collect();
                format!("{mode}handovers of {} {}: {}", mobiles.name, outcome.as_str(), wanted.join(", "))
            }
            Expected::TrafficOfGroup { mobiles, direction, lost, duplicated, altered } => {
                let counts: Vec<String> = [("lost", lost), ("duplicated", duplicated), ("altered", altered)]
                    .into_iter()
                    .filter_map(|(what, amount)| amount.map(|amount| format!("{amount} {what}")))
                    .collect();
                format!("{direction} packets of {}: {}", mobiles.name, counts.join(", "))
            }
            Expected::Released { mobile_station, base_station } => {
                format!("{} gives up the live connection of {}", base(base_station), mobile(mobile_station))
            }
        }
    }
}

fn rejects(field: &Field<'_>) -> Read<Expected> {
    let names: Vec<&str> = RejectReason::ALL.iter().map(|(name, _)| *name).collect();
    let section = field.section(&names)?;
    let mut reasons = Vec::new();
    for (name, reason) in RejectReason::ALL {
        if let Some(field) = section.field(name) {
            reasons.push((*reason, amount(&field)?));
        }
    }
    if reasons.is_empty() {
        let expected = format!("at least one of {}", names.join(", "));
        return Err(Problem::mismatch(field.place(), field.path(), &expected, "none"));
    }
    Ok(Expected::Rejects(reasons))
}

fn judge(field: &Field<'_>) -> Read<Expected> {
    let kinds: Vec<_> = FindingKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let mut findings = Vec::new();
    for item in field.items("an array of kinds of findings")? {
        let finding = item.one_of(&kinds)?;
        if findings.contains(&finding) {
            return Err(item.mismatch("a kind that is not named twice"));
        }
        findings.push(finding);
    }
    Ok(Expected::Judge(findings))
}
