//! What is expected of attaches for RLOS: kinds of `[[expect]]` that only scripts with `system = "parlos"` have.

use super::Network;
use super::network::{EnbId, MmeId, UeId, named};
use crate::eps::node::{AttachOutcome, RlosRefusal};
use crate::eps::security::key_transport::CertificateError;
use crate::scenario::script::bounds::{Amount, amount};
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};

const NTH: std::ops::RangeInclusive<u32> = 1..=1_000_000;

/// What is expected of attaches for RLOS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParlosExpected {
    /// An attach of a UE ended so, as the UE sees it.
    Attached {
        /// Whose.
        ue: UeId,
        /// Which of them, from 1.
        nth: u32,
        /// How.
        outcome: AttachEnd,
        /// EMM cause with which the network turned it away.
        cause: Option<u8>,
        /// What the UE has refused.
        refusal: Option<RlosRefusal>,
        /// In the cell of this eNB.
        enb: Option<EnbId>,
    },
    /// How many attaches ended in one way, those of all UEs.
    Attaches(AttachEnd, Amount),
    /// What ME and MME have refused, by reason.
    Refusals(Vec<(RlosRefusal, Amount)>),
    /// Whether UE and network have the same KASMEtemp, NAS keys and KeNB in an attach.
    KeysEqual {
        /// Whose.
        ue: UeId,
        /// Which of them, from 1.
        nth: u32,
        /// Whether they are.
        equal: bool,
    },
    /// How many different KASMEtemp the MMEs have drawn.
    KasmesDrawn(Amount),
    /// How often a UE has taken a KASMEtemp that it had taken before.
    KasmesTakenAgain(Amount),
    /// How many operations with public and private keys an MME has done.
    KeyOperations {
        /// Which.
        mme: MmeId,
        /// How many.
        amount: Amount,
    },
    /// How many attaches an MME has half done at the most.
    HalfOpen {
        /// Which.
        mme: MmeId,
        /// How many.
        amount: Amount,
    },
    /// Octets that attach request and security mode command have more than without a key, those of the first attach on the air.
    NewOctets {
        /// Of the attach request.
        request: Option<Amount>,
        /// Of the security mode command.
        command: Option<Amount>,
    },
}

/// How an attach ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachEnd {
    /// The UE is attached.
    Accepted,
    /// The network has turned it away.
    Rejected,
    /// The UE has refused what the network said.
    Refused,
    /// There is no network for it.
    NoNetwork,
    /// Nobody has answered.
    NoAnswer,
}

impl AttachEnd {
    /// The words for them.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("accepted", Self::Accepted),
        ("rejected", Self::Rejected),
        ("refused", Self::Refused),
        ("no-network", Self::NoNetwork),
        ("no-answer", Self::NoAnswer),
    ];

    /// That of an outcome.
    #[must_use]
    pub const fn of(outcome: AttachOutcome) -> Self {
        match outcome {
            AttachOutcome::Accepted => Self::Accepted,
            AttachOutcome::Rejected(_) => Self::Rejected,
            AttachOutcome::Refused(_) => Self::Refused,
            AttachOutcome::NoNetwork => Self::NoNetwork,
            AttachOutcome::NoAnswer => Self::NoAnswer,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMED.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }
}

/// The words for what is refused in an attach.
pub const REFUSALS: [(&str, RlosRefusal); 19] = [
    ("algorithms", RlosRefusal::Algorithms),
    ("capabilities", RlosRefusal::Capabilities),
    ("hash", RlosRefusal::Hash),
    ("signature", RlosRefusal::Signature),
    ("transport", RlosRefusal::Transport),
    ("mac", RlosRefusal::Mac),
    ("no_key", RlosRefusal::NoKey),
    ("scheme", RlosRefusal::Scheme),
    ("not_offered", RlosRefusal::NotOffered),
    ("congestion", RlosRefusal::Congestion),
    ("not_served", RlosRefusal::NotServed),
    ("no_certificate", RlosRefusal::Certificate(CertificateError::Malformed)),
    ("unknown_issuer", RlosRefusal::Certificate(CertificateError::UnknownIssuer)),
    ("issuer_signature", RlosRefusal::Certificate(CertificateError::Signature)),
    ("not_yet_valid", RlosRefusal::Certificate(CertificateError::NotYetValid)),
    ("expired", RlosRefusal::Certificate(CertificateError::Expired)),
    ("key_usage", RlosRefusal::Certificate(CertificateError::KeyUsage)),
    ("certificate_name", RlosRefusal::Certificate(CertificateError::Name)),
    ("certificate_key", RlosRefusal::Certificate(CertificateError::Key)),
];

/// The word for what is refused.
#[must_use]
pub fn refusal_name(refusal: RlosRefusal) -> &'static str {
    REFUSALS.iter().find(|(_, one)| *one == refusal).map_or("", |(word, _)| word)
}

/// Kinds of expectations.
pub(super) const KINDS: &[&str] = &[
    "attached",
    "attaches",
    "refusals",
    "keys_equal",
    "kasmes_drawn",
    "kasmes_taken_again",
    "key_operations",
    "half_open",
    "new_octets",
];

/// An expectation of [`KINDS`].
pub(super) fn expected(field: &Field<'_>, network: Network<'_>) -> Read<ParlosExpected> {
    let nth = |section: &Section<'_>| section.read("nth", 1, |field| field.number(NTH));
    Ok(match field.key() {
        "attached" => {
            let section = field.section(&["ue", "nth", "outcome", "cause", "refusal", "enb"])?;
            let outcome = section.required("outcome", "how it ends")?.one_of(&AttachEnd::NAMED)?;
            if outcome != AttachEnd::Rejected {
                section.refuse("cause", "beside another outcome than \"rejected\"")?;
            }
            if outcome != AttachEnd::Refused {
                section.refuse("refusal", "beside another outcome than \"refused\"")?;
            }
            ParlosExpected::Attached {
                ue: network.ue(&section)?,
                nth: nth(&section)?,
                outcome,
                cause: section.field("cause").map(|field| field.number(0..=u8::MAX)).transpose()?,
                refusal: section.field("refusal").map(|field| field.one_of(&REFUSALS)).transpose()?,
                enb: section.field("enb").map(|field| network.enb(&field)).transpose()?,
            }
        }
        "attaches" => {
            let section = field.section(&["outcome", "count"])?;
            let outcome = section.required("outcome", "how they end")?.one_of(&AttachEnd::NAMED)?;
            ParlosExpected::Attaches(outcome, amount(&section.required("count", "how many")?)?)
        }
        "refusals" => {
            let section = field.section(&REFUSALS.map(|(word, _)| word))?;
            let given = REFUSALS.iter().filter_map(|(word, refusal)| Some((*refusal, section.field(word)?)));
            let refusals = given.map(|(refusal, field)| Ok((refusal, amount(&field)?))).collect::<Read<Vec<_>>>()?;
            if refusals.is_empty() {
                return Err(field.mismatch("at least one reason"));
            }
            ParlosExpected::Refusals(refusals)
        }
        "keys_equal" => {
            let section = field.section(&["ue", "nth", "is"])?;
            ParlosExpected::KeysEqual {
                ue: network.ue(&section)?,
                nth: nth(&section)?,
                equal: section.read("is", true, |field| field.boolean())?,
            }
        }
        "kasmes_drawn" => ParlosExpected::KasmesDrawn(amount(field)?),
        "kasmes_taken_again" => ParlosExpected::KasmesTakenAgain(amount(field)?),
        key @ ("key_operations" | "half_open") => {
            let section = field.section(&["mme", "count"])?;
            let names = network.0.mmes.iter().map(|mme| mme.name.as_str());
            let mme = MmeId(section.read("mme", 0, |field| named(field, "the name of an MME", names))?);
            let amount = amount(&section.required("count", "how many")?)?;
            if key == "half_open" {
                ParlosExpected::HalfOpen { mme, amount }
            } else {
                ParlosExpected::KeyOperations { mme, amount }
            }
        }
        _ => {
            let section = field.section(&["request", "command"])?;
            let counted = |key: &str| section.field(key).map(|field| amount(&field)).transpose();
            ParlosExpected::NewOctets { request: counted("request")?, command: counted("command")? }
        }
    })
}

/// An expectation in words.
pub(super) fn in_words(expected: &ParlosExpected, network: Network<'_>) -> String {
    let name = |UeId(ue): &UeId| network.0.ues[*ue].name.as_str();
    let of_mme = |MmeId(mme): &MmeId| network.0.mmes[*mme].name.as_str();
    match expected {
        ParlosExpected::Attached { ue, nth, outcome, cause, refusal, enb } => {
            let enb = enb.map_or(String::new(), |EnbId(enb)| format!(" at {}", network.0.enbs[enb].name));
            let cause = cause.map_or(String::new(), |cause| format!(", cause {cause}"));
            let refusal = refusal.map_or(String::new(), |refusal| format!(", {}", refusal_name(refusal)));
            format!("attach {nth} of {}{enb}: {}{cause}{refusal}", name(ue), outcome.as_str())
        }
        ParlosExpected::Attaches(outcome, amount) => format!("attaches {}: {amount}", outcome.as_str()),
        ParlosExpected::Refusals(refusals) => {
            let refusals = refusals.iter().map(|(refusal, amount)| format!("{} {amount}", refusal_name(*refusal)));
            format!("refused in attaches: {}", refusals.collect::<Vec<_>>().join(", "))
        }
        ParlosExpected::KeysEqual { ue, nth, equal } => {
            let are = if *equal { "the same" } else { "not the same" };
            format!("the keys of attach {nth} of {} are {are} at both ends", name(ue))
        }
        ParlosExpected::KasmesDrawn(amount) => format!("different KASMEtemp drawn: {amount}"),
        ParlosExpected::KasmesTakenAgain(amount) => format!("KASMEtemp that a UE takes again: {amount}"),
        ParlosExpected::KeyOperations { mme, amount } => {
            format!("operations of {} with public keys: {amount}", of_mme(mme))
        }
        ParlosExpected::HalfOpen { mme, amount } => format!("attaches half done at {}: {amount}", of_mme(mme)),
        ParlosExpected::NewOctets { request, command } => {
            let counts = [("attach request", request), ("security mode command", command)];
            let counts = counts.iter().filter_map(|(word, count)| Some(format!("{word} {}", count.as_ref()?)));
            format!("octets more than without a key: {}", counts.collect::<Vec<_>>().join(", "))
        }
    }
}
