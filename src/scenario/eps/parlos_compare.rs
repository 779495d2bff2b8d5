//! Variants of temporary keys for PARLOS against attacks, side by side (acceptance list 3.2).
//!
//! Nothing is concluded from a variant: every field of the table is a run of its own, and its word says what was seen there.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::run::{EpsRun, run};
use crate::emulation::Engine;
use crate::eps::node::AttachOutcome;
use crate::scenario::compare::CompareError;
use crate::scenario::run::RunError;
use crate::scenario::script::eps::EpsScript;
use crate::scenario::script::eps::parlos::CertificateFault;
use crate::scenario::script::eps::parlos_expectations::AttachEnd;
use crate::scenario::script::{ScriptFile, SetArgument};
use crate::scenario::workers::in_order;
use crate::time::VirtualTime;

/// What the comparison sets itself, so that `--set` must not.
pub const OWN_KEYS: &[&str] = &[
    "system",
    "seed",
    "duration",
    "parlos.transport",
    "parlos.credential",
    "parlos.network",
    "parlos.mme_key",
    "parlos.hash",
];

/// A variant: a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Variant {
    name: &'static str,
    /// `[parlos]` of it.
    settings: &'static str,
}

/// The rows.
const VARIANTS: [Variant; 8] = [
    Variant { name: "Annex J: no key", settings: "transport = \"none\"" },
    Variant { name: "static key pair", settings: "credential = \"static\"" },
    Variant { name: "pair per attach", settings: "credential = \"self-made\"" },
    Variant { name: "... with hash", settings: "credential = \"self-made\"\nhash = true" },
    Variant { name: "... with MME key", settings: "credential = \"self-made\"\nmme_key = true" },
    Variant { name: "... signed, pinned", settings: "credential = \"self-made\"\nnetwork = \"pinned\"\nhash = true" },
    Variant { name: "certificate", settings: "credential = \"certificate\"" },
    Variant {
        name: "certificate, signed",
        settings: "credential = \"certificate\"\nnetwork = \"certified\"\nhash = true",
    },
];

/// An attack: a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComparedAttack {
    /// What it is called in documents.
    pub id: &'static str,
    /// What stands above its column, in lines.
    pub title: &'static str,
}

const fn attack(id: &'static str, title: &'static str) -> ComparedAttack {
    ComparedAttack { id, title }
}

/// The columns.
pub const ATTACKS: [ComparedAttack; 11] = [
    attack("listener", "listener"),
    attack("key-later", "key later"),
    attack("man-in-the-middle", "man in the\nmiddle"),
    attack("false-network", "false\nnetwork"),
    attack("rlos-stripped", "RLOS\nstripped"),
    attack("key-stripped", "key\nstripped"),
    attack("algorithms-stripped", "algorithms\nstripped"),
    attack("old-request", "old\nrequest"),
    attack("old-command", "old\ncommand"),
    attack("ciphertext", "ciphertext\nchanged"),
    attack("certificate", "certificate\nfaulty"),
];

/// What is compared.
#[derive(Clone, Debug)]
pub struct ParlosCompareSettings {
    /// Changes of the network, none of them of [`OWN_KEYS`].
    pub sets: Vec<SetArgument>,
    /// Seed of every run.
    pub seed: u64,
    /// Threads, at least 1. No word or figure depends on it.
    pub threads: usize,
}

/// The document of `compare --system parlos --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParlosComparison {
    /// The emulated system.
    pub system: &'static str,
    /// Seed of every run.
    pub seed: u64,
    /// A row for each variant.
    pub rows: Vec<ParlosRow>,
    /// What the new fields come to, by encryption.
    pub sizes: Vec<ParlosSize>,
}

/// A variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParlosRow {
    /// Its name.
    pub variant: &'static str,
    /// A field for each attack.
    pub cells: Vec<ParlosCell>,
    /// Octets that the attach request has more than without a key.
    pub request_octets: u64,
    /// The same of the security mode command.
    pub command_octets: u64,
    /// Operations with public keys at the MME for each attach request of a flood, in tenths.
    pub operations_tenths: u64,
}

/// What an attack came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParlosCell {
    /// The attack.
    pub attack: &'static str,
    /// What was seen, in a word or two.
    pub result: &'static str,
    /// Whether it succeeds.
    pub succeeds: bool,
    /// Whether there is something to attack.
    pub applies: bool,
    /// What was seen, in the words of the run.
    pub detail: String,
}

/// The two new fields with one encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParlosSize {
    /// The encryption.
    pub transport: &'static str,
    /// Octets that the attach request has more than without a key.
    pub request_octets: u64,
    /// The same of the security mode command.
    pub command_octets: u64,
}

/// The encryptions whose fields are compared.
const TRANSPORTS: [&str; 3] = ["rsa-oaep", "ecies-b", "ecies-a"];
/// Attach requests of a flood.
const FLOOD: u32 = 20;
/// When a UE attaches that does so twice.
const SECOND_ATTACH: Duration = Duration::from_millis(700);

/// What stands behind the network in the script of an attack. A UE attaches at 100 ms; where it attaches again, at 700 ms.
fn of_attack(id: &str) -> String {
    const AGAIN: &str =
        "[[step]]\nat = \"600ms\"\naction = \"power-off\"\n[[step]]\nat = \"700ms\"\naction = \"attach\"\n";
    let both = |action: &str| format!("[[attack]]\nname = \"a\"\ntap = \"uu:ue1-enb1\"\naction = {{ {action} }}\n");
    let uplink = |name: &str, action: &str| {
        format!(
            "[[attack]]\nname = \"{name}\"\ntap = \"uu:ue1-enb1\"\ndirection = \"uplink\"\n\
             trigger = {{ frame = \"NasAttachRequest\", count = 100 }}\naction = {{ {action} }}\n"
        )
    };
    let downlink = |name: &str, after: &str, action: &str| {
        format!(
            "[[attack]]\nname = \"{name}\"\ntap = \"uu:ue1-enb1\"\ndirection = \"downlink\"\n\
             trigger = {{ frame = \"NasSecurityModeCommand\", after = \"{after}\", count = 100 }}\naction = {{ {action} }}\n"
        )
    };
    let accepted = "succeeds_if = { attached = { outcome = \"accepted\" } }\n";
    match id {
        "listener" => "[[attack]]\nname = \"a\"\naction = { listen = true }\n".to_owned(),
        "key-later" => {
            format!("{AGAIN}[[attack]]\nname = \"a\"\naction = {{ listen = true, key_of = \"ue1\", nth = 1 }}\n")
        }
        "man-in-the-middle" => both("man_in_the_middle = true"),
        "false-network" => both("false_network = true"),
        "rlos-stripped" => uplink("a", "modify = { rlos = false }") + accepted,
        "key-stripped" => uplink("a", "modify = { key = false }") + accepted,
        "algorithms-stripped" => uplink("a", "modify = { capabilities = [\"eea0\", \"eia0\", \"eia2\"] }") + accepted,
        "old-request" => {
            uplink("r", "record = \"old\"")
                + "[[attack]]\nname = \"a\"\ntap = \"uu:ue1-enb1\"\ntrigger = { time = \"700ms\" }\n\
                   action = { attaches = 1, recording = \"old\" }\n"
        }
        "old-command" => {
            AGAIN.to_owned()
                + &downlink("r", "0s", "record = \"old\"")
                + &downlink("a", "700ms", "modify = { nas = \"old\" }")
                + "succeeds_if = { kasmes_taken_again = { at_least = 1 } }\n"
        }
        _ => {
            downlink("a", "0s", "modify = { sealed_bit = 300 }")
                + "succeeds_if = { refusals = { mac = { at_least = 1 } } }\n"
        }
    }
}

/// The network of every run.
fn script(variant: &str, seed: u64, further: &str, sets: &[SetArgument]) -> Result<EpsScript, CompareError> {
    let text = format!(
        "name = \"compare\"\nshows = \"an attach for RLOS\"\nsystem = \"parlos\"\nseed = {seed}\nduration = \"1.2s\"\n\
         [parlos]\n{variant}\n[[mme]]\nname = \"mme1\"\n[[enb]]\nname = \"enb1\"\n\
         [[ue]]\nname = \"ue1\"\nimsi = \"001010000000001\"\nip = \"192.0.2.10\"\n\
         [[traffic]]\nkind = \"udp\"\nstart = \"300ms\"\ninterval = \"20ms\"\nsize = 64\n\
         [[step]]\nat = \"100ms\"\naction = \"attach\"\n{further}"
    );
    match ScriptFile::parse("the network of compare", &text, sets)? {
        ScriptFile::Eps(script) => Ok(*script),
        // `system` is not among the keys that may be set.
        ScriptFile::Dot16(_) => unreachable!("the text says system = \"parlos\""),
    }
}

/// The runs of a comparison: of each variant one for each attack but the last, one for each fault of a certificate, and the flood; then one
/// for each encryption.
fn jobs(settings: &ParlosCompareSettings) -> Result<Vec<EpsScript>, CompareError> {
    let mut jobs = Vec::new();
    for Variant { settings: text, .. } in VARIANTS {
        for attack in &ATTACKS[..ATTACKS.len() - 1] {
            jobs.push(script(text, settings.seed, &of_attack(attack.id), &settings.sets)?);
        }
        for fault in FAULTS {
            let mut script = script(text, settings.seed, "", &settings.sets)?;
            for ue in &mut script.nodes.ues {
                ue.rlos.certificate = fault;
            }
            jobs.push(script);
        }
        let flood = format!(
            "[[attack]]\nname = \"r\"\ntap = \"uu:ue1-enb1\"\ndirection = \"uplink\"\n\
             trigger = {{ frame = \"NasAttachRequest\" }}\naction = {{ record = \"old\" }}\n\
             [[attack]]\nname = \"a\"\ntap = \"uu:ue1-enb1\"\ntrigger = {{ time = \"300ms\" }}\n\
             action = {{ attaches = {FLOOD}, recording = \"old\", every = \"20ms\" }}\n"
        );
        jobs.push(script(text, settings.seed, &flood, &settings.sets)?);
    }
    for transport in TRANSPORTS {
        jobs.push(script(&format!("transport = \"{transport}\""), settings.seed, "", &settings.sets)?);
    }
    Ok(jobs)
}

/// The faults of a certificate that make a column together.
const FAULTS: [CertificateFault; 6] = [
    CertificateFault::Expired,
    CertificateFault::NotYetValid,
    CertificateFault::UnknownIssuer,
    CertificateFault::Forged,
    CertificateFault::WrongUsage,
    CertificateFault::WrongName,
];
/// Runs of a variant.
const RUNS: usize = ATTACKS.len() - 1 + FAULTS.len() + 1;

/// Runs everything. `progress` is told how many of how many runs are done.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn compare(
    settings: &ParlosCompareSettings,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ParlosComparison, CompareError> {
    let jobs = jobs(settings)?;
    let done = |script: &EpsScript| run(script, Engine::Inline, Path::new("."), None, &mut ()).map(Trial::of);
    let trials = in_order(&jobs, settings.threads, done, progress);
    let trials: Vec<Trial> = trials.into_iter().collect::<Result<_, RunError>>()?;
    let (of_rows, of_sizes) = trials.split_at(VARIANTS.len() * RUNS);
    let rows = VARIANTS.iter().zip(of_rows.chunks(RUNS)).map(|(variant, trials)| row(variant, trials));
    let size = |(transport, trial): (&&'static str, &Trial)| ParlosSize {
        transport,
        request_octets: trial.new_octets[0],
        command_octets: trial.new_octets[1],
    };
    Ok(ParlosComparison {
        system: "parlos",
        seed: settings.seed,
        rows: rows.collect(),
        sizes: TRANSPORTS.iter().zip(of_sizes).map(size).collect(),
    })
}

/// What is kept of a run.
struct Trial {
    /// Whether the attack succeeded, and what was seen.
    attack: Option<(bool, String)>,
    /// When the packets were sent that it read.
    read: Vec<VirtualTime>,
    /// How the last attach ended.
    ended: Option<AttachOutcome>,
    new_octets: [u64; 2],
    operations: u64,
}

impl Trial {
    fn of(run: EpsRun) -> Self {
        let attack = run.run.outcome.attacks.iter().find(|attack| attack.name == "a");
        Self {
            attack: attack.map(|attack| (attack.succeeded, attack.detail.clone())),
            read: run.reads.first().map_or_else(Vec::new, |read| read.packets.clone()),
            ended: run.attaches.all().last().and_then(|attach| attach.ended).map(|(_, outcome)| outcome),
            new_octets: run.new_octets,
            operations: run.key_operations,
        }
    }

    fn succeeded(&self) -> bool {
        self.attack.as_ref().is_some_and(|(succeeded, _)| *succeeded)
    }

    /// How the last attach ended, in the words of scripts.
    fn end(&self) -> &'static str {
        self.ended.map_or("no end", |ended| AttachEnd::of(ended).as_str())
    }
}

fn row(variant: &Variant, trials: &[Trial]) -> ParlosRow {
    let (of_attacks, rest) = trials.split_at(ATTACKS.len() - 1);
    let (of_faults, flood) = rest.split_at(FAULTS.len());
    let has_key = !variant.settings.contains("none");
    let mut cells: Vec<ParlosCell> =
        ATTACKS.iter().zip(of_attacks).map(|(attack, trial)| cell(attack.id, has_key, trial)).collect();
    let has_certificate = variant.settings.contains("credential = \"certificate\"");
    let taken = of_faults.iter().filter(|trial| trial.ended == Some(AttachOutcome::Accepted)).count();
    let ends: Vec<String> =
        FAULTS.iter().zip(of_faults).map(|(fault, trial)| format!("{}: {}", fault.as_str(), trial.end())).collect();
    cells.push(ParlosCell {
        attack: "certificate",
        result: match (has_certificate, taken) {
            (false, _) => "none",
            (true, 0) => "refused",
            (true, _) => "taken",
        },
        succeeds: has_certificate && taken > 0,
        applies: has_certificate,
        detail: if has_certificate { ends.join(", ") } else { String::new() },
    });
    let operations = flood.first().map_or(0, |trial| trial.operations);
    let [request_octets, command_octets] = of_attacks.first().map_or([0; 2], |trial| trial.new_octets);
    ParlosRow {
        variant: variant.name,
        cells,
        request_octets,
        command_octets,
        // The attach of the UE comes before the flood.
        operations_tenths: operations * 10 / u64::from(FLOOD + 1),
    }
}

/// What the attack of this column came to.
fn cell(attack: &'static str, has_key: bool, trial: &Trial) -> ParlosCell {
    let succeeded = trial.succeeded();
    let second = VirtualTime::ZERO + SECOND_ATTACH;
    let [first, second] = [trial.read.iter().any(|sent| *sent < second), trial.read.iter().any(|sent| *sent >= second)];
    let accepted = trial.ended == Some(AttachOutcome::Accepted);
    let (result, succeeds) = match (attack, succeeded) {
        ("listener", true) => ("reads", true),
        ("listener", false) => ("nothing", false),
        ("key-later", _) => match (first, second) {
            (_, true) => ("reads both", true),
            (true, false) => ("own only", false),
            (false, false) => ("nothing", false),
        },
        ("man-in-the-middle" | "false-network", true) => ("reads", true),
        ("man-in-the-middle" | "false-network", false) => (trial.end(), false),
        ("old-request", true) => ("same key", true),
        ("old-request", false) => ("fresh key", false),
        ("old-command", true) => ("taken", true),
        ("ciphertext", true) => ("later", true),
        ("ciphertext", false) => ("at once", false),
        _ if succeeded && accepted => ("taken", true),
        _ => ("refused", false),
    };
    let needs_key = !["listener", "key-later", "man-in-the-middle", "false-network", "rlos-stripped"].contains(&attack);
    let detail = trial.attack.as_ref().map_or_else(String::new, |(_, detail)| detail.clone());
    if needs_key && !has_key {
        return ParlosCell { attack, result: "no key", succeeds: false, applies: false, detail: String::new() };
    }
    ParlosCell { attack, result, succeeds, applies: true, detail }
}
