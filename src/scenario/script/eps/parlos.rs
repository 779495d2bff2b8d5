//! What only scripts with `system = "parlos"` have: `[parlos]`, what MMEs, eNBs and UEs are besides, the attacks on attaches for RLOS,
//! and what is expected of attaches.

use std::time::Duration;

use super::Network;
use super::attacks::AttackAction;
use super::network::{EnbId, MmeId, UeId, named};
use crate::adversary::eps::AttachChange;
use crate::eps::identifiers::Plmn;
use crate::eps::node::{AttachOutcome, Credential, NetworkProof, Parlos, RlosRefusal};
use crate::eps::parameters::AlgorithmId;
use crate::eps::security::key_transport::{CertificateError, KeyTransport};
use crate::eps::wire::nas::AlgorithmSet;
use crate::scenario::script::bounds::{Amount, amount};
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};

pub(super) const KEYS: &[&str] = &["transport", "credential", "network", "mme_key", "hash"];
/// Keys of `[[mme]]`, `[[enb]]` and `[[ue]]` that only such scripts have.
pub(super) const MME_KEYS: &[&str] = &["certificate", "rlos", "most_half_open"];
pub(super) const ENB_KEYS: &[&str] = &["plmn", "rlos"];
pub(super) const UE_KEYS: &[&str] = &["home", "preferred", "allowed", "certificate"];

/// The words for how KASMEtemp travels.
pub const TRANSPORTS: [(&str, Option<KeyTransport>); 4] = [
    ("none", None),
    ("ecies-a", Some(KeyTransport::EciesA)),
    ("ecies-b", Some(KeyTransport::EciesB)),
    ("rsa-oaep", Some(KeyTransport::RsaOaep)),
];
/// The words for what the ME has.
pub const CREDENTIALS: [(&str, Credential); 3] =
    [("self-made", Credential::SelfMade), ("static", Credential::Static), ("certificate", Credential::Certificate)];
/// The words for how the network proves who it is.
pub const PROOFS: [(&str, NetworkProof); 3] =
    [("unsigned", NetworkProof::Unsigned), ("pinned", NetworkProof::Pinned), ("certified", NetworkProof::Certified)];

/// `[parlos]`.
pub(super) fn read(section: &Section<'_>) -> Read<Parlos> {
    let default = Parlos::default();
    let transport = section.read("transport", default.transport, |field| field.one_of(&TRANSPORTS))?;
    if transport.is_none() {
        for key in ["credential", "network", "mme_key", "hash"] {
            section.refuse(key, "with transport = \"none\", which carries no key")?;
        }
    }
    Ok(Parlos {
        transport,
        credential: section.read("credential", default.credential, |field| field.one_of(&CREDENTIALS))?,
        network: section.read("network", default.network, |field| field.one_of(&PROOFS))?,
        mme_key: section.read("mme_key", default.mme_key, |field| field.boolean())?,
        hash: section.read("hash", default.hash, |field| field.boolean())?,
    })
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateFault {
    /// Nothing.
    #[default]
    None,
    /// Its time is over when the run begins.
    Expired,
    /// Its time comes after the run.
    NotYetValid,
    /// Who has issued it, nobody trusts.
    UnknownIssuer,
    /// It names the issuer that is trusted, who has not signed it.
    Forged,
    /// Its key is for another use.
    WrongUsage,
    /// It is made out to somebody else.
    WrongName,
}

/// The words for faults of a certificate.
pub const CERTIFICATES: [(&str, CertificateFault); 7] = [
    ("valid", CertificateFault::None),
    ("expired", CertificateFault::Expired),
    ("not-yet-valid", CertificateFault::NotYetValid),
    ("unknown-issuer", CertificateFault::UnknownIssuer),
    ("forged", CertificateFault::Forged),
    ("wrong-usage", CertificateFault::WrongUsage),
    ("wrong-name", CertificateFault::WrongName),
];

impl CertificateFault {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        CERTIFICATES.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }
}

/// What an MME is besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmeOfRlos {
    /// Its certificate, where it has one.
    pub certificate: CertificateFault,
    /// Whether it offers RLOS.
    pub offered: bool,
    /// How many attaches it has half done at most.
    pub most_half_open: u16,
}

impl Default for MmeOfRlos {
    fn default() -> Self {
        Self { certificate: CertificateFault::default(), offered: true, most_half_open: 64 }
    }
}

/// What a cell is besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellOfRlos {
    /// The network.
    pub plmn: Plmn,
    /// Whether it broadcasts that this network offers RLOS.
    pub offered: bool,
}

impl Default for CellOfRlos {
    fn default() -> Self {
        Self { plmn: TEST_NETWORK, offered: true }
    }
}

/// 001-01, the test network.
pub const TEST_NETWORK: Plmn = Plmn([0x00, 0xf1, 0x10]);

/// What a UE is besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UeOfRlos {
    /// The network of its USIM.
    pub home: Option<Plmn>,
    /// The networks that it prefers, best first.
    pub preferred: Vec<Plmn>,
    /// Mobile country codes of the others that it takes; none are given: that of the first eNB.
    pub allowed: Option<Vec<[u8; 3]>>,
    /// Its certificate, where it has one.
    pub certificate: CertificateFault,
}

/// A network: `"001-01"`.
fn plmn(field: &Field<'_>) -> Read<Plmn> {
    let expected = "a network, such as \"001-01\" or \"310-260\"";
    let text = field.text(expected)?;
    let digits = |text: &str| text.bytes().map(|octet| octet.checked_sub(b'0').filter(|digit| *digit < 10)).collect();
    let parts = text.split_once('-').map(|(country, network)| [digits(country), digits(network)]);
    let Some([Some::<Vec<u8>>(country), Some::<Vec<u8>>(network)]) = parts else {
        return Err(field.mismatch(expected));
    };
    // MCC, then MNC, digits in halves of octets, the first in the low one; a filler where MNC has two (TS 24.008 clause 10.5.1.3).
    match (&country[..], &network[..]) {
        ([a, b, c], [d, e]) => Ok(Plmn([b << 4 | a, 0xf0 | c, e << 4 | d])),
        ([a, b, c], [d, e, f]) => Ok(Plmn([b << 4 | a, f << 4 | c, e << 4 | d])),
        _ => Err(field.mismatch(expected)),
    }
}

fn country(field: &Field<'_>) -> Read<[u8; 3]> {
    let expected = "a mobile country code, such as \"001\"";
    let digits = <[u8; 3]>::try_from(field.text(expected)?.as_bytes()).ok();
    let digits = digits.map(|digits| digits.map(|octet| octet.wrapping_sub(b'0')));
    digits.filter(|digits| digits.iter().all(|digit| *digit < 10)).ok_or_else(|| field.mismatch(expected))
}

/// Refuses what a section of another system must not have.
fn only_here(section: &Section<'_>, network_is_parlos: bool, keys: &[&str]) -> Read<()> {
    if network_is_parlos {
        return Ok(());
    }
    keys.iter().try_for_each(|key| section.refuse(key, "without system = \"parlos\""))
}

/// [`MME_KEYS`] of a section.
pub(super) fn mme(section: &Section<'_>, is_parlos: bool) -> Read<MmeOfRlos> {
    only_here(section, is_parlos, MME_KEYS)?;
    let default = MmeOfRlos::default();
    Ok(MmeOfRlos {
        certificate: section.read("certificate", default.certificate, |field| field.one_of(&CERTIFICATES))?,
        offered: section.read("rlos", default.offered, |field| field.boolean())?,
        most_half_open: section.read("most_half_open", default.most_half_open, |field| field.number(1..=u16::MAX))?,
    })
}

/// [`ENB_KEYS`] of a section.
pub(super) fn enb(section: &Section<'_>, is_parlos: bool) -> Read<CellOfRlos> {
    only_here(section, is_parlos, ENB_KEYS)?;
    let default = CellOfRlos::default();
    Ok(CellOfRlos {
        plmn: section.read("plmn", default.plmn, plmn)?,
        offered: section.read("rlos", default.offered, |field| field.boolean())?,
    })
}

/// [`UE_KEYS`] of a section.
pub(super) fn ue(section: &Section<'_>, is_parlos: bool) -> Read<UeOfRlos> {
    only_here(section, is_parlos, UE_KEYS)?;
    if is_parlos {
        for key in ["serving", "kasme", "origin"] {
            section.refuse(key, "with system = \"parlos\": the UE is off at the start")?;
        }
    }
    let networks = |field: &Field<'_>| field.items("an array of networks")?.iter().map(plmn).collect::<Read<Vec<_>>>();
    let countries =
        |field: &Field<'_>| field.items("an array of country codes")?.iter().map(country).collect::<Read<Vec<_>>>();
    Ok(UeOfRlos {
        home: section.field("home").map(|field| plmn(&field)).transpose()?,
        preferred: section.read("preferred", Vec::new(), networks)?,
        allowed: section.field("allowed").map(|field| countries(&field)).transpose()?,
        certificate: section.read("certificate", CertificateFault::default(), |field| field.one_of(&CERTIFICATES))?,
    })
}

/// What somebody does who attacks an attach for RLOS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParlosAttack {
    /// Hears all of the air, and has no key; or is given, when all is over, the private key that this ME had in this attach of it,
    /// from 1.
    Listen(Option<(UeId, u32)>),
    /// Sits between ME and network, and puts its own public key in the place of the ME's.
    ManInTheMiddle,
    /// Is the network for an ME: the louder one in a cell.
    FalseNetwork,
    /// Comes as an ME.
    Attaches {
        /// How often.
        times: u32,
        /// From one time to the next.
        every: Duration,
        /// The attach request is the first of this recording; else one with a key of its own.
        recording: Option<String>,
    },
}

/// The actions.
pub(super) const ACTIONS: &[&str] = &["listen", "man_in_the_middle", "false_network", "attaches"];
/// What stands beside them.
pub(super) const ACTION_OPTIONS: &[&str] = &["key_of", "nth", "recording"];
/// What is changed in an attach request.
pub(super) const CHANGES: &[&str] = &["rlos", "key", "capabilities", "sealed_bit"];

/// Whether an action sits on a link of the air and takes both directions of it.
pub(super) const fn is_on_air(action: &AttackAction) -> bool {
    matches!(action, AttackAction::Parlos(attack) if !matches!(attack, ParlosAttack::Listen(_)))
}

/// The algorithms that somebody leaves in an attach request.
const ALGORITHMS: [(&str, (bool, AlgorithmId)); 4] = [
    ("eea0", (true, AlgorithmId::Null)),
    ("eea2", (true, AlgorithmId::Aes)),
    ("eia0", (false, AlgorithmId::Null)),
    ("eia2", (false, AlgorithmId::Aes)),
];

/// What is changed in an attach request: keys of [`CHANGES`] in a `modify`.
pub(super) fn attach_change(section: &Section<'_>, network: Network<'_>) -> Read<AttachChange> {
    if !network.is_parlos() {
        for key in CHANGES {
            section.refuse(key, "without system = \"parlos\"")?;
        }
    }
    let stripped = |key: &str| {
        section.read(key, false, |field| match field.boolean()? {
            false => Ok(true),
            true => Err(field.mismatch("false: it is taken out")),
        })
    };
    let algorithms = |field: Field<'_>| -> Read<(AlgorithmSet, AlgorithmSet)> {
        let fields = field.items("an array of algorithms")?;
        let chosen = fields.iter().map(|field| field.one_of(&ALGORITHMS)).collect::<Read<Vec<_>>>()?;
        let of = |ciphers: bool| {
            let ids: Vec<AlgorithmId> = chosen.iter().filter(|(of, _)| *of == ciphers).map(|(_, id)| *id).collect();
            AlgorithmSet::of(&ids)
        };
        Ok((of(true), of(false)))
    };
    Ok(AttachChange {
        strips_rlos: stripped("rlos")?,
        strips_key: stripped("key")?,
        capabilities: section.field("capabilities").map(algorithms).transpose()?,
        sealed_bit: section
            .field("sealed_bit")
            .map(|field| field.number(SEALED_BITS).map(|bit| bit as usize))
            .transpose()?,
    })
}

/// Bits of the longest encrypted KASMEtemp.
const SEALED_BITS: std::ops::RangeInclusive<u32> = 0..=256 * 8 - 1;
const MOST_ATTACHES: u32 = 10_000;
const NTH: std::ops::RangeInclusive<u32> = 1..=1_000_000;
const EVERY: Duration = Duration::from_millis(5);
const TICK: Duration = Duration::from_nanos(1);

/// An action of [`ACTIONS`].
pub(super) fn action(section: &Section<'_>, what: &Field<'_>, network: Network<'_>) -> Read<ParlosAttack> {
    if !network.is_parlos() {
        return Err(what.mismatch("no such action without system = \"parlos\""));
    }
    Ok(match what.key() {
        "listen" => {
            what.yes()?;
            let key = section.field("key_of").map(|field| network.named_ue(&field)).transpose()?;
            if key.is_none() {
                section.refuse("nth", "without key_of")?;
            }
            let nth = section.read("nth", 1, |field| field.number(NTH))?;
            ParlosAttack::Listen(key.map(|ue| (ue, nth)))
        }
        "man_in_the_middle" => what.yes().map(|()| ParlosAttack::ManInTheMiddle)?,
        "false_network" => what.yes().map(|()| ParlosAttack::FalseNetwork)?,
        _ => ParlosAttack::Attaches {
            times: what.number(1..=MOST_ATTACHES)?,
            every: section.read("every", EVERY, |field| field.time(TICK..=Duration::MAX))?,
            recording: section.field("recording").map(|field| field.name(64, true)).transpose()?,
        },
    })
}

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
    if !network.is_parlos() {
        return Err(field.mismatch("no such expectation without system = \"parlos\""));
    }
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
