//! `system = "e2m"`: `[enterprise]`, `[[emse]]`, what a UE is to the enterprise, and the steps and expectations of that system
//! (`captures/e2m.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::attacks::{Attack, AttackAction, NodeName};
use super::network::{self, UeId, name, named, weaknesses};
use super::transfer::{Sgsn, SgsnId};
use super::{Network, too_many};
use crate::eps::enterprise::{Collision, EmseIdGiven, Enterprise, IdentityForm, QueryFailure, SessionFailure};
use crate::eps::identifiers::e2m::{ApplicationIdentity, EmseId, MAX_NAME};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::security::e2m_keys::{E2mDerivation, IdentifierForm};
use crate::scenario::script::bounds::{Amount, amount};
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};

/// Position of an end point in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndPointId(pub usize);

/// Position of a BSS in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BssId(pub usize);

/// A rule that an EMKS does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EmksWeakness {
    /// It takes every EMSE_Id for that of who asks.
    TrustsEmseId,
}

/// A rule that the HSS does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HssWeakness {
    /// It makes and pushes keys of every user.
    IgnoresSubscription,
}

/// A rule that an EMSE does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EmseWeakness {
    /// Of several keys of one identifier it tries the newest only.
    NewestOnly,
    /// It takes the same random values for every session.
    RepeatsRandoms,
}

/// A rule that the applications of a UE do not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserWeakness {
    /// They take the same random values for every session.
    RepeatsRandoms,
}

/// An end point in an enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndPoint {
    /// Its name.
    pub name: String,
    /// Its EMSE_Id.
    pub id: EmseId,
    /// The EMSE_Id as which it asks the EMKS: another's, if it is the adversary's.
    pub asks_as: EmseId,
    /// The rules that it does not keep.
    pub weaknesses: BTreeSet<EmseWeakness>,
}

/// A BSS with its cell of GERAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bss {
    /// Its name.
    pub name: String,
    /// What its cell is called on the air; no other cell has the same number.
    pub cell: Pci,
    /// Its SGSN.
    pub sgsn: SgsnId,
}

/// `[enterprise]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseSettings {
    /// What the nodes have agreed on.
    pub agreed: Enterprise,
    /// The rules that the EMKS does not keep.
    pub weaknesses: BTreeSet<EmksWeakness>,
    /// Those that the HSS does not.
    pub hss_weaknesses: BTreeSet<HssWeakness>,
    /// Whether what HSS, EMKS and EMSEs say to each other is protected.
    pub protected_links: bool,
}

/// What a UE is to the enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserOfEnterprise {
    /// What it is called by the application.
    pub application: ApplicationIdentity,
    /// Whether its subscription has e2m keys.
    pub subscribed: bool,
    /// Whether the string goes into its second derivation, where it is of another mind than the EMKS.
    pub string_in_second: Option<bool>,
    /// The rules that its applications do not keep.
    pub weaknesses: BTreeSet<UserWeakness>,
}

/// Keys of `[enterprise]`.
pub(super) const KEYS: &[&str] = &[
    "string",
    "string_in_second",
    "identifier",
    "identifier_bits",
    "identity",
    "emse_id",
    "collision",
    "depth",
    "age",
    "keeps_confirmed",
    "separates_keys",
    "emks_weaknesses",
    "hss_weaknesses",
    "protected_links",
];
/// Keys of `[[bss]]`.
pub(super) const BSS_KEYS: &[&str] = &["name", "cell", "sgsn"];
/// Keys of `[[emse]]`.
pub(super) const EMSE_KEYS: &[&str] = &["name", "id", "asks_as", "weaknesses"];
/// Keys of `[[ue]]` besides those of every system.
pub(super) const UE_KEYS: &[&str] = &["application", "subscribed", "string_in_second"];
/// Actions of `[[attack]]` besides those of every system.
pub(super) const ACTIONS: &[&str] = &["knows_session"];
/// What stands beside them, and beside those of PARLOS that there are too.
pub(super) const ACTION_OPTIONS: &[&str] = &["imsi_of"];
/// Keys of `[[step]]` besides those of every system.
pub(super) const STEP_KEYS: &[&str] = &["emse", "text", "count", "every"];

/// End points in one script.
const MOST_END_POINTS: usize = 16;
/// Keys that an EMKS keeps of a UE at the most.
const MOST_DEPTH: usize = 64;
/// Messages of one step, and octets of one.
const MOST_MESSAGES: u32 = 1_000;
const MOST_TEXT: usize = 512;
/// From one message of a step to the next.
const EVERY: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(1);

/// The words for settings.
pub const IDENTITIES: [(&str, IdentityForm); 3] =
    [("imsi", IdentityForm::Imsi), ("emse", IdentityForm::AtEmse), ("emks", IdentityForm::AtEmks)];
/// The words for when an EMSE says who it is.
pub const EMSE_IDS: [(&str, EmseIdGiven); 2] =
    [("every-request", EmseIdGiven::EveryRequest), ("once", EmseIdGiven::Once)];
const COLLISIONS: [(&str, Collision); 2] = [("newest-first", Collision::NewestFirst), ("reject", Collision::Reject)];
/// The weaknesses by their words.
pub(super) const OF_EMKS: [(&str, EmksWeakness); 1] = [("trusts-emse-id", EmksWeakness::TrustsEmseId)];
pub(super) const OF_HSS: [(&str, HssWeakness); 1] = [("ignores-subscription", HssWeakness::IgnoresSubscription)];
pub(super) const OF_EMSE: [(&str, EmseWeakness); 2] =
    [("newest-only", EmseWeakness::NewestOnly), (REPEATS_RANDOMS, EmseWeakness::RepeatsRandoms)];
pub(super) const OF_USER: [(&str, UserWeakness); 1] = [(REPEATS_RANDOMS, UserWeakness::RepeatsRandoms)];
const REPEATS_RANDOMS: &str = "repeats-randoms";

pub(super) fn read(section: &Section<'_>) -> Read<EnterpriseSettings> {
    let default = Enterprise::default();
    let string = |field: &Field<'_>| {
        let expected = "a text of at most 255 octets";
        let text = field.text(expected)?;
        if text.len() <= MAX_NAME { Ok(text.to_owned()) } else { Err(field.mismatch(expected)) }
    };
    let bits = section.read("identifier_bits", 32, |field| field.number(1_u8..=32))?;
    let of_rand = section.read("identifier", true, |field| field.one_of(&[("rand", true), ("hash", false)]))?;
    let age = |field: Field<'_>| field.time(TICK..=Duration::MAX);
    Ok(EnterpriseSettings {
        agreed: Enterprise {
            derivation: E2mDerivation {
                string: section.read("string", default.derivation.string, string)?,
                string_in_second: section
                    .read("string_in_second", default.derivation.string_in_second, |field| field.boolean())?,
                identifier: if of_rand { IdentifierForm::Rand { bits } } else { IdentifierForm::Hash { bits } },
            },
            identity: section.read("identity", default.identity, |field| field.one_of(&IDENTITIES))?,
            emse_id: section.read("emse_id", default.emse_id, |field| field.one_of(&EMSE_IDS))?,
            collision: section.read("collision", default.collision, |field| field.one_of(&COLLISIONS))?,
            depth: section.read("depth", default.depth as u32, |field| field.number(1..=MOST_DEPTH as u32))? as usize,
            age: section.field("age").map(age).transpose()?,
            keeps_confirmed: section.read("keeps_confirmed", default.keeps_confirmed, |field| field.boolean())?,
            separates_keys: section.read("separates_keys", default.separates_keys, |field| field.boolean())?,
        },
        weaknesses: section.read("emks_weaknesses", BTreeSet::new(), |field| {
            field.items("an array of weaknesses")?.iter().map(|field| field.one_of(&OF_EMKS)).collect()
        })?,
        hss_weaknesses: section.read("hss_weaknesses", BTreeSet::new(), |field| {
            field.items("an array of weaknesses")?.iter().map(|field| field.one_of(&OF_HSS)).collect()
        })?,
        protected_links: section.read("protected_links", false, |field| field.boolean())?,
    })
}

/// The BSSs.
pub(super) fn bsss(
    root: &Section<'_>,
    sgsns: &[Sgsn],
    cells: &BTreeSet<u16>,
    taken: &mut BTreeSet<String>,
) -> Read<Vec<Bss>> {
    let mut cells = cells.clone();
    let mut bsss = Vec::new();
    for section in root.tables("bss", BSS_KEYS)? {
        if bsss.len() >= MOST_END_POINTS {
            return Err(too_many(&section, "bss", MOST_END_POINTS));
        }
        let name = name(&section, taken)?;
        let free = (1..=Pci::LAST.get()).rev().find(|cell| !cells.contains(cell)).unwrap_or(Pci::LAST.get());
        let cell = section.read("cell", free, |field| {
            let cell = field.number(Pci::FIRST.get()..=Pci::LAST.get())?;
            if cells.contains(&cell) { Err(field.mismatch("a number that no other cell has")) } else { Ok(cell) }
        })?;
        cells.insert(cell);
        let names = sgsns.iter().map(|sgsn| sgsn.name.as_str());
        let sgsn = section.read("sgsn", 0, |field| named(field, "the name of an SGSN", names.clone()))?;
        bsss.push(Bss { name, cell: Pci::new(cell).unwrap_or(Pci::LAST), sgsn: SgsnId(sgsn) });
    }
    Ok(bsss)
}

/// The end points. A script without `[[emse]]` has one, `emse1`.
pub(super) fn end_points(root: &Section<'_>, taken: &mut BTreeSet<String>) -> Read<Vec<EndPoint>> {
    let mut end_points: Vec<EndPoint> = Vec::new();
    let expected = "an EMSE_Id: 1 to 255 printable ASCII characters other than space and semicolon";
    for section in root.tables("emse", EMSE_KEYS)? {
        if end_points.len() >= MOST_END_POINTS {
            return Err(too_many(&section, "emse", MOST_END_POINTS));
        }
        let name = name(&section, taken)?;
        let id = match default_id(&name).filter(|_| section.field("id").is_none()) {
            Some(id) => id,
            None => section.required("id", expected)?.parsed(expected)?,
        };
        if let Some(field) = section.field("id").filter(|_| end_points.iter().any(|other| other.id == id)) {
            return Err(field.mismatch("an EMSE_Id that no other end point has"));
        }
        let asks_as = section.field("asks_as").map(|field| field.parsed(expected)).transpose()?;
        let weaknesses = weaknesses(&section, &OF_EMSE)?;
        end_points.push(EndPoint { name, asks_as: asks_as.unwrap_or_else(|| id.clone()), id, weaknesses });
    }
    if end_points.is_empty() {
        taken.insert("emse1".to_owned());
        let id = default_id("emse1");
        end_points.extend(id.map(|id| EndPoint {
            name: "emse1".to_owned(),
            asks_as: id.clone(),
            id,
            weaknesses: BTreeSet::new(),
        }));
    }
    Ok(end_points)
}

fn default_id(name: &str) -> Option<EmseId> {
    format!("{name}.enterprise.example").parse().ok()
}

/// What a UE is to the enterprise.
pub(super) fn user(section: &Section<'_>, ue: &str) -> Read<UserOfEnterprise> {
    let expected = "an application identity: printable ASCII without space and semicolon, not of digits only";
    let read = |field: &Field<'_>| {
        let identity: ApplicationIdentity = field.parsed(expected)?;
        if identity.as_str().parse::<Imsi>().is_ok() { Err(field.mismatch(expected)) } else { Ok(identity) }
    };
    let made = format!("{ue}@enterprise.example").parse().ok();
    let application = match made.filter(|_| section.field("application").is_none()) {
        Some(application) => application,
        None => read(&section.required("application", expected)?)?,
    };
    Ok(UserOfEnterprise {
        application,
        subscribed: section.read("subscribed", true, |field| field.boolean())?,
        string_in_second: section.field("string_in_second").map(|field| field.boolean()).transpose()?,
        weaknesses: weaknesses(section, &OF_USER)?,
    })
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterpriseStep {
    /// The UE, which is switched off, attaches where it is.
    Attach,
    /// The MME or SGSN that serves it authenticates it anew.
    Authenticate,
    /// The UE opens a session with an end point.
    Open(EndPointId),
    /// It closes it.
    Close(EndPointId),
    /// It sends messages in it; the end point sends each back.
    Send {
        /// To whom.
        emse: EndPointId,
        /// What: with a number behind it from the second on.
        text: String,
        /// How many.
        count: u32,
        /// From one to the next.
        every: Duration,
    },
}

/// Words for steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Attach,
    Authenticate,
    Open,
    Close,
    Send,
}

pub(super) fn step(section: &Section<'_>, network: Network<'_>) -> Read<EnterpriseStep> {
    let words = [
        ("attach", Word::Attach),
        ("authenticate", Word::Authenticate),
        ("open", Word::Open),
        ("close", Word::Close),
        ("send", Word::Send),
    ];
    let word = section.required("action", "what happens")?.one_of(&words)?;
    let refused: &[&str] = match word {
        Word::Attach | Word::Authenticate => &["emse", "text", "count", "every"],
        Word::Open | Word::Close => &["text", "count", "every"],
        Word::Send => &[],
    };
    for key in refused {
        section.refuse(key, "beside this action")?;
    }
    Ok(match word {
        Word::Attach => EnterpriseStep::Attach,
        Word::Authenticate => EnterpriseStep::Authenticate,
        Word::Open => EnterpriseStep::Open(network.end_point(section)?),
        Word::Close => EnterpriseStep::Close(network.end_point(section)?),
        Word::Send => EnterpriseStep::Send {
            emse: network.end_point(section)?,
            text: section.read("text", "reading".to_owned(), |field| {
                let expected = "a text of 1 to 512 octets";
                let text = field.text(expected)?;
                let fits = (1..=MOST_TEXT).contains(&text.len());
                if fits { Ok(text.to_owned()) } else { Err(field.mismatch(expected)) }
            })?,
            count: section.read("count", 1, |field| field.number(1..=MOST_MESSAGES))?,
            every: section.read("every", EVERY, |field| field.time(TICK..=Duration::MAX))?,
        },
    })
}

impl Network<'_> {
    /// The end point that `emse` of a section names, or the only one.
    fn end_point(self, section: &Section<'_>) -> Read<EndPointId> {
        if section.field("emse").is_none() && self.0.end_points.len() == 1 {
            return Ok(EndPointId(0));
        }
        let names = self.0.end_points.iter().map(|one| one.name.as_str());
        let field = section.required("emse", "the name of an EMSE, because there are several")?;
        named(&field, "the name of an EMSE", names).map(EndPointId)
    }
}

/// What must hold at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterpriseExpected {
    /// An attempt of a UE to open a session with an end point, from 1, comes to this.
    Session {
        /// The UE.
        ue: UeId,
        /// The end point.
        emse: EndPointId,
        /// Which attempt.
        nth: u32,
        /// What it comes to; none: it is open.
        failure: Option<SessionWord>,
        /// With which of the keys that the UE has made, from 1.
        key: Option<u32>,
    },
    /// Sessions that were open at the UE, and attempts that failed.
    Sessions {
        /// The UE.
        ue: UeId,
        /// How many were open.
        opened: Option<Amount>,
        /// How many attempts failed.
        failed: Option<Amount>,
        /// How many e2m_keys those had that were open.
        keys: Option<Amount>,
        /// How many master secrets, which record keys are made of.
        master_secrets: Option<Amount>,
    },
    /// Sessions that are open at one end with another key than at the other: none may be.
    UnequalSessions(Amount),
    /// Messages in the sessions of a UE.
    Messages {
        /// The UE.
        ue: UeId,
        /// That came out at end points.
        received: Option<Amount>,
        /// That came back at the UE.
        returned: Option<Amount>,
    },
    /// How many e2m_int_keys a node has made, or got.
    IntKeys {
        /// UE, HSS or EMKS.
        at: NodeName,
        /// Of this UE.
        ue: UeId,
        /// How many.
        amount: Amount,
    },
    /// What became of pushes of a UE's keys.
    Pushes {
        /// The UE.
        ue: UeId,
        /// How many were answered.
        answered: Option<Amount>,
        /// How many were given up.
        given_up: Option<Amount>,
    },
    /// How many keys of a UE the EMKS has deleted.
    Deleted {
        /// The UE.
        ue: UeId,
        /// Because newer ones had come.
        depth: Option<Amount>,
        /// Because they were too old.
        age: Option<Amount>,
    },
    /// How many requests for keys the EMKS has refused for this reason.
    Refusals {
        /// Why; none: for any.
        why: Option<QueryFailure>,
        /// How many.
        amount: Amount,
    },
    /// What stands of a UE in the frames that a node sends or gets.
    Learns {
        /// EMSE or EMKS.
        node: NodeName,
        /// The UE.
        ue: UeId,
        /// Whether its IMSI does.
        imsi: Option<bool>,
        /// Whether its application identity does.
        application: Option<bool>,
    },
    /// How many sessions an attack reads.
    SessionsRead {
        /// Its name.
        name: String,
        /// How many.
        amount: Amount,
    },
}

/// What an attempt comes to, in a word: what its UE sees, or what the EMSE has got from the EMKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionWord(pub SessionFailure);

/// The words for why there is no session.
pub const FAILURES: [(&str, SessionFailure); 10] = [
    ("no-key", SessionFailure::NoKey),
    ("unknown-user", SessionFailure::Query(QueryFailure::UnknownUser)),
    ("unknown-key", SessionFailure::Query(QueryFailure::UnknownKey)),
    ("ambiguous", SessionFailure::Query(QueryFailure::Ambiguous)),
    ("not-authorized", SessionFailure::Query(QueryFailure::NotAuthorized)),
    ("no-answer", SessionFailure::Query(QueryFailure::NoAnswer)),
    ("identity", SessionFailure::Identity),
    ("handshake", SessionFailure::Handshake),
    ("alert", SessionFailure::Alert),
    ("timed-out", SessionFailure::TimedOut),
];

/// The word for why there is no session.
#[must_use]
pub fn failure_name(failure: SessionFailure) -> &'static str {
    FAILURES.iter().find(|(_, known)| *known == failure).map_or("", |(word, _)| word)
}

/// The word for why a key is refused.
#[must_use]
pub fn refusal_name(why: QueryFailure) -> &'static str {
    failure_name(SessionFailure::Query(why))
}

/// The kinds of these expectations.
pub(super) const KINDS: &[&str] = &[
    "session",
    "sessions",
    "unequal_sessions",
    "messages",
    "int_keys",
    "pushes",
    "keys_deleted",
    "key_refusals",
    "learns",
    "sessions_read",
];

const NTH: std::ops::RangeInclusive<u32> = 1..=1_000_000;

pub(super) fn expected(field: &Field<'_>, network: Network<'_>, attacks: &[Attack]) -> Read<EnterpriseExpected> {
    let given = |section: &Section<'_>, key: &str| section.field(key).map(|field| amount(&field)).transpose();
    let some = |all: &[Option<Amount>]| all.iter().any(Option::is_some);
    Ok(match field.key() {
        "session" => {
            let section = field.section(&["ue", "emse", "nth", "outcome", "key"])?;
            let words: Vec<_> = FAILURES
                .iter()
                .map(|(word, failure)| (*word, Some(SessionWord(*failure))))
                .chain([("open", None)])
                .collect();
            EnterpriseExpected::Session {
                ue: network.ue(&section)?,
                emse: network.end_point(&section)?,
                nth: section.read("nth", 1, |field| field.number(NTH))?,
                failure: section.required("outcome", "what it comes to")?.one_of(&words)?,
                key: section.field("key").map(|field| field.number(NTH)).transpose()?,
            }
        }
        "sessions" => {
            let section = field.section(&["ue", "opened", "failed", "keys", "master_secrets"])?;
            let [opened, failed, keys, master_secrets] = [
                given(&section, "opened")?,
                given(&section, "failed")?,
                given(&section, "keys")?,
                given(&section, "master_secrets")?,
            ];
            if !some(&[opened, failed, keys, master_secrets]) {
                return Err(field.mismatch("opened, failed, keys or master_secrets"));
            }
            EnterpriseExpected::Sessions { ue: network.ue(&section)?, opened, failed, keys, master_secrets }
        }
        "unequal_sessions" => EnterpriseExpected::UnequalSessions(amount(field)?),
        "messages" => {
            let section = field.section(&["ue", "received", "returned"])?;
            let (received, returned) = (given(&section, "received")?, given(&section, "returned")?);
            if !some(&[received, returned]) {
                return Err(field.mismatch("received or returned"));
            }
            EnterpriseExpected::Messages { ue: network.ue(&section)?, received, returned }
        }
        "int_keys" => {
            let section = field.section(&["at", "ue", "count"])?;
            let ue = network.ue(&section)?;
            let expected = "\"hss\", \"emks\" or the name of the UE";
            let at = section.required("at", expected)?;
            let node = match network.node(at.text(expected)?) {
                Some(node @ (NodeName::Hss | NodeName::Emks)) => node,
                Some(node @ NodeName::Ue(of)) if of == ue => node,
                _ => return Err(at.mismatch(expected)),
            };
            EnterpriseExpected::IntKeys { at: node, ue, amount: amount(&section.required("count", "how many")?)? }
        }
        "pushes" => {
            let section = field.section(&["ue", "answered", "given_up"])?;
            let (answered, given_up) = (given(&section, "answered")?, given(&section, "given_up")?);
            if !some(&[answered, given_up]) {
                return Err(field.mismatch("answered or given_up"));
            }
            EnterpriseExpected::Pushes { ue: network.ue(&section)?, answered, given_up }
        }
        "keys_deleted" => {
            let section = field.section(&["ue", "depth", "age"])?;
            let (depth, age) = (given(&section, "depth")?, given(&section, "age")?);
            if !some(&[depth, age]) {
                return Err(field.mismatch("depth or age"));
            }
            EnterpriseExpected::Deleted { ue: network.ue(&section)?, depth, age }
        }
        "key_refusals" => {
            let section = field.section(&["why", "count"])?;
            let words: Vec<_> = FAILURES
                .iter()
                .filter_map(|(word, failure)| match failure {
                    SessionFailure::Query(why) if *why != QueryFailure::NoAnswer => Some((*word, *why)),
                    _ => None,
                })
                .collect();
            let why = section.field("why").map(|field| field.one_of(&words)).transpose()?;
            EnterpriseExpected::Refusals { why, amount: amount(&section.required("count", "how many")?)? }
        }
        "learns" => {
            let section = field.section(&["node", "ue", "imsi", "application"])?;
            let at = section.required("node", "the name of an EMSE, or \"emks\"")?;
            let node = match network.node(at.text("the name of an EMSE, or \"emks\"")?) {
                Some(node @ (NodeName::Emks | NodeName::Emse(_))) => node,
                _ => return Err(at.mismatch("the name of an EMSE, or \"emks\"")),
            };
            let whether = |key: &str| section.field(key).map(|field| field.boolean()).transpose();
            let (imsi, application) = (whether("imsi")?, whether("application")?);
            if imsi.is_none() && application.is_none() {
                return Err(field.mismatch("imsi or application"));
            }
            EnterpriseExpected::Learns { node, ue: network.ue(&section)?, imsi, application }
        }
        _ => {
            let section = field.section(&["attack", "count"])?;
            let of = section.required("attack", "the name of an attack")?;
            let wanted = of.text("the name of an attack")?;
            let names = || attacks.iter().filter(|attack| reads_sessions(attack)).map(|attack| attack.name.as_str());
            if !names().any(|known| known == wanted) {
                return Err(suggest(of.mismatch("the name of an attack that reads sessions"), wanted, names()));
            }
            let amount = amount(&section.required("count", "how many")?)?;
            EnterpriseExpected::SessionsRead { name: wanted.to_owned(), amount }
        }
    })
}

/// Whether an attack comes by keys of sessions.
fn reads_sessions(attack: &Attack) -> bool {
    matches!(
        attack.action,
        AttackAction::Steal { .. }
            | AttackAction::Compromise(_)
            | AttackAction::Eavesdrop
            | AttackAction::KnowsSession(_)
    )
}

pub(super) fn in_words(expected: &EnterpriseExpected, network: Network<'_>) -> String {
    let ue = |UeId(ue): &UeId| network.0.ues.get(*ue).map_or("", |ue| ue.name.as_str());
    let emse = |EndPointId(one): &EndPointId| network.0.end_points.get(*one).map_or("", |one| one.name.as_str());
    let node = |node: &NodeName| match node {
        NodeName::Ue(of) => ue(of),
        NodeName::Emse(of) => emse(of),
        NodeName::Emks => "emks",
        _ => "hss",
    };
    let counts = |all: &[(&str, &Option<Amount>)]| {
        let all = all.iter().filter_map(|(word, amount)| Some(format!("{word} {}", amount.as_ref()?)));
        all.collect::<Vec<_>>().join(", ")
    };
    match expected {
        EnterpriseExpected::Session { ue: of, emse: with, nth, failure, key } => {
            let outcome = failure.map_or("open", |SessionWord(failure)| failure_name(failure));
            let key = key.map_or(String::new(), |key| format!(", with key {key} of the UE"));
            format!("session {nth} of {} with {}: {outcome}{key}", ue(of), emse(with))
        }
        EnterpriseExpected::Sessions { ue: of, opened, failed, keys, master_secrets } => {
            let all = [("opened", opened), ("failed", failed), ("e2m_keys", keys), ("master secrets", master_secrets)];
            format!("sessions of {}: {}", ue(of), counts(&all))
        }
        EnterpriseExpected::UnequalSessions(amount) => format!("sessions with two different keys: {amount}"),
        EnterpriseExpected::Messages { ue: of, received, returned } => {
            format!("messages of {}: {}", ue(of), counts(&[("received", received), ("returned", returned)]))
        }
        EnterpriseExpected::IntKeys { at, ue: of, amount } => {
            format!("e2m_int_keys of {} at {}: {amount}", ue(of), node(at))
        }
        EnterpriseExpected::Pushes { ue: of, answered, given_up } => {
            format!("pushes of {}: {}", ue(of), counts(&[("answered", answered), ("given up", given_up)]))
        }
        EnterpriseExpected::Deleted { ue: of, depth, age } => {
            format!("keys of {} deleted by the EMKS: {}", ue(of), counts(&[("for depth", depth), ("for age", age)]))
        }
        EnterpriseExpected::Refusals { why, amount } => {
            let why = why.map_or(String::new(), |why| format!(" ({})", refusal_name(why)));
            format!("requests refused by the EMKS{why}: {amount}")
        }
        EnterpriseExpected::Learns { node: at, ue: of, imsi, application } => {
            let whether = [("IMSI", imsi), ("application identity", application)];
            let whether = whether.iter().filter_map(|(what, does)| {
                does.map(|does| format!("{} its {what}", if does { "learns" } else { "does not learn" }))
            });
            format!("{} of {}: {}", node(at), ue(of), whether.collect::<Vec<_>>().join(", "))
        }
        EnterpriseExpected::SessionsRead { name, amount } => format!("sessions that {name} reads: {amount}"),
    }
}

/// The users by their application identities.
#[must_use]
pub fn users(ues: &[network::Ue]) -> BTreeMap<ApplicationIdentity, Imsi> {
    ues.iter().filter_map(|ue| Some((ue.enterprise.as_ref()?.application.clone(), ue.imsi))).collect()
}
