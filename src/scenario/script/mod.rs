//! The scenario script: a TOML file, read, checked and resolved into [`Script`].
//!
//! `captures/README.md` documents the format for those who write scripts. Every value is checked before a run begins;
//! the first problem is a [`ScriptError`] that names file, line and column, or the `--set` option at fault.
//! The format follows DESIGN section 6, the protocol's values rules R1 to R19.

mod aaa;
mod attacks;
mod bounds;
mod capture;
mod defaults;
mod entry;
pub mod eps;
mod expectations;
mod external;
mod faults;
mod flows;
mod grid;
mod groups;
mod header;
mod impairments;
mod links;
mod mobility;
mod nearest;
mod network;
pub(super) mod placement;
mod position;
mod possible;
mod problem;
mod section;
mod set;
mod stations;
mod steps;
mod study;
mod success;
#[cfg(test)]
mod tests;
mod traffic;
mod units;
mod value;
mod work;

use std::ops::Index;
use std::sync::Arc;
use std::time::Duration;

pub use crate::dot16::node::HandoverMode;
pub use aaa::Aaa;
pub use attacks::{
    Attack, AttackAction, EventChoice, FrameFilter, KeyStreamReuse, KnownPlaintext, MESSAGES, MessageName, Tap, Trigger,
};
pub use bounds::{Amount, TimeBounds};
pub use capture::CaptureChoice;
pub use entry::{Entry, Station};
pub use eps::EpsScript;
pub use expectations::{Expectation, Expected, HandoverOutcome, RejectReason};
pub use external::ExternalAdversary;
pub use faults::{Fault, FaultEffect};
pub use flows::{ServiceFlow, default_directions};
pub use groups::MobileGroup;
pub use header::{AttackId, Defence, Profile, StatementId, System, Title};
pub use impairments::{LinkImpairments, WireDelay};
pub use links::{DirectedLink, FrameChoice, FrameKind, Link, LinkEnd};
pub use mobility::{Measure, Mobility, Movement};
pub use network::{Association, Authenticator, Backbone, CrcOrder, Radio};
pub use position::{Area, Position};
pub use problem::ScriptError;
pub use set::{SetArgument, SetArgumentError};
pub use stations::{BaseStation, BaseStationId, MOBILE_STATIONS_PER_BASE_STATION, MobileStation, MobileStationId};
pub use steps::{Actor, Step, StepAction};
pub use study::{LONGEST_STUDY, StudyFile};
pub use success::Success;
pub use traffic::{CaptureTraffic, GeneratedTraffic, Pattern, Traffic, TrafficDirection};
pub use work::WorkKind;

use problem::{Place, Problem, Read, SourceText};
use section::Section;
use value::{Data, Node};

use crate::dot16::identifiers::CmacKeyCount;
use crate::time::VirtualTime;

/// A script whose every value is given, checked and resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Name of the scenario, a plain file stem.
    pub name: String,
    /// What it shows, in one line.
    pub shows: String,
    /// The statements and rules that it covers.
    pub statements: Vec<StatementId>,
    /// The emulated system.
    pub system: System,
    /// The attack that it is about, if it is about one.
    pub attack_id: Option<AttackId>,
    /// Whether the defence against that attack is on; given exactly when `attack_id` is.
    pub defence: Option<Defence>,
    /// Seed of every random generator of the run.
    pub seed: u64,
    /// Which reading of the rules holds.
    pub profile: Profile,
    /// How the TEKs come to a target in this network.
    pub mode: HandoverMode,
    /// What stands for the end of CMAC_KEY_COUNT, the last count there is.
    pub last_key_count: CmacKeyCount,
    /// When the script's own clock begins: at once, or after `entry_time` if a mobile enters the network in the run. Every
    /// instant in the script is this much later than it says, those of `entered` expectations not.
    pub begins: VirtualTime,
    /// When steps and generated traffic end at the latest, from the start of the run; the run ends when everything is quiet after it.
    pub duration: Duration,
    /// The air interface.
    pub radio: Radio,
    /// The wired links.
    pub backbone: Backbone,
    /// The Authenticator and gateway.
    pub authenticator: Authenticator,
    /// The AAA server.
    pub aaa: Aaa,
    /// The base stations, at least one, at most 1024.
    pub base_stations: Vec<BaseStation>,
    /// The mobile stations, at least one, at most [`MOBILE_STATIONS_PER_BASE_STATION`] for each base station.
    pub mobile_stations: Vec<MobileStation>,
    /// Service flows beside the default ones.
    pub flows: Vec<ServiceFlow>,
    /// User traffic.
    pub traffic: Vec<Traffic>,
    /// Steps in the order of time.
    pub steps: Vec<Step>,
    /// Impairments of single directions of links, each direction once.
    pub links: Vec<LinkImpairments>,
    /// What links do to chosen frames.
    pub faults: Vec<Fault>,
    /// What the adversary does.
    pub attacks: Vec<Attack>,
    /// A program that is the adversary too.
    pub adversary: Option<ExternalAdversary>,
    /// What must hold at the end.
    pub expectations: Vec<Expectation>,
    /// How mobile stations move, if they do.
    pub mobility: Option<Mobility>,
    /// Of which mobile stations frames and keys are recorded.
    pub capture: CaptureChoice,
}

/// Legal keys at the top of a script.
const KEYS: &[&str] = &[
    "name",
    "shows",
    "statements",
    "system",
    "attack_id",
    "defence",
    "seed",
    "profile",
    "mode",
    "last_key_count",
    "entry",
    "entry_time",
    "duration",
    "radio",
    "backbone",
    "authenticator",
    "aaa",
    "base_station",
    "mobile_station",
    "flow",
    "traffic",
    "step",
    "link",
    "fault",
    "attack",
    "adversary",
    "expect",
    "grid",
    "mobility",
    "capture",
];

/// Longest script, in octets.
const LONGEST_SCRIPT: usize = 16 * 1024 * 1024;

impl Script {
    /// Reads and checks the script `text`; `source_name` is its file name, for messages. `sets` are applied in their
    /// order, before anything is checked.
    ///
    /// # Errors
    ///
    /// The first problem found, with its place in the file or the `--set` option at fault.
    pub fn parse(source_name: &str, text: &str, sets: &[SetArgument]) -> Result<Self, ScriptError> {
        parsed(source_name, text, sets, |document| {
            let root = Section::any(document)?;
            match header::system(&root)? {
                System::Dot16 => read(document),
                System::Eps | System::ContextTransfer | System::Parlos | System::E2m => {
                    Err(root.required("system", "dot16")?.mismatch("\"dot16\": this takes 802.16 scripts only"))
                }
            }
        })
    }

    /// How the TEKs of `mobile` come to a target: as the base stations of this network have it, but seamless only for a
    /// mobile that declares it (A5, R13).
    #[must_use]
    pub fn mode_of(&self, mobile: &MobileStation) -> HandoverMode {
        if self.mode == HandoverMode::Seamless && !self.negotiates_seamless(mobile) {
            HandoverMode::LegacyRngRsp
        } else {
            self.mode
        }
    }

    /// Whether both `mobile` and the base station where it enters declare seamless handover (statements A5, A26), which no
    /// base station does in a network of another mode.
    #[must_use]
    pub fn negotiates_seamless(&self, mobile: &MobileStation) -> bool {
        self.mode == HandoverMode::Seamless && mobile.seamless && self[mobile.serving].seamless
    }
}

/// The base station of this id.
///
/// # Panics
///
/// If the id is not from this script.
impl Index<BaseStationId> for Script {
    type Output = BaseStation;
    fn index(&self, id: BaseStationId) -> &BaseStation {
        &self.base_stations[id.0]
    }
}

/// The mobile station of this id.
///
/// # Panics
///
/// If the id is not from this script.
impl Index<MobileStationId> for Script {
    type Output = MobileStation;
    fn index(&self, id: MobileStationId) -> &MobileStation {
        &self.mobile_stations[id.0]
    }
}

/// A script of one system or the other.
#[derive(Clone, Debug, PartialEq)]
pub enum ScriptFile {
    /// 802.16.
    Dot16(Box<Script>),
    /// EPS.
    Eps(Box<EpsScript>),
}

impl ScriptFile {
    /// Reads and checks a script of the system that it names; as [`Script::parse`] otherwise.
    ///
    /// # Errors
    ///
    /// The first problem found, with its place in the file or the `--set` option at fault.
    pub fn parse(source_name: &str, text: &str, sets: &[SetArgument]) -> Result<Self, ScriptError> {
        parsed(source_name, text, sets, |document| {
            Ok(match header::system(&Section::any(document)?)? {
                System::Dot16 => Self::Dot16(Box::new(read(document)?)),
                system => Self::Eps(Box::new(eps::read(document, system)?)),
            })
        })
    }

    /// What it says of itself.
    #[must_use]
    pub fn title(&self) -> Title {
        match self {
            Self::Dot16(script) => Title {
                name: script.name.clone(),
                shows: script.shows.clone(),
                statements: script.statements.clone(),
                system: script.system,
                attack_id: script.attack_id,
                defence: script.defence,
                seed: script.seed,
                duration: script.duration,
            },
            Self::Eps(script) => script.title.clone(),
        }
    }
}

/// What `read` makes of the document in `text` with `sets` applied.
fn parsed<T>(
    source_name: &str,
    text: &str,
    sets: &[SetArgument],
    read: impl FnOnce(&Node) -> Read<T>,
) -> Result<T, ScriptError> {
    let mut texts = vec![SourceText { name: source_name.to_owned(), text: Arc::from(text) }];
    texts.extend(sets.iter().map(|set| SourceText { name: "--set".to_owned(), text: Arc::from(set.to_string()) }));
    document(text, sets).and_then(|document| read(&document)).map_err(|problem| ScriptError::new(*problem, &texts))
}

fn document(text: &str, sets: &[SetArgument]) -> Read<Node> {
    if text.len() > LONGEST_SCRIPT {
        let expected = format!("a script of at most {LONGEST_SCRIPT} octets");
        let found = format!("{} octets", text.len());
        return Err(Problem::mismatch(Place { text: 0, start: 0, end: 0 }, "script", &expected, &found));
    }
    let mut document = value::document(text, 0)?;
    for (set, number) in sets.iter().zip(1..) {
        set::apply(&mut document, set, number)?;
    }
    Ok(document)
}

fn read(document: &Node) -> Read<Script> {
    let root = Section::open(document, String::new(), KEYS)?;
    let empty = Node { place: document.place, data: Data::Table(Vec::new()) };
    let header = header::read(&root)?;
    let Title { name, shows, statements, system, attack_id, defence, seed, duration } = header.title;
    let radio = match root.field("radio") {
        Some(field) => field.section(network::RADIO_KEYS)?,
        None => Section::open(&empty, "radio".to_owned(), &[])?,
    };
    let backbone = match root.field("backbone") {
        Some(field) => field.section(network::BACKBONE_KEYS)?,
        None => Section::open(&empty, "backbone".to_owned(), &[])?,
    };
    let backbone = network::backbone(&backbone)?;
    let radio = network::radio(&radio, &backbone)?;
    let entry = entry::read(&root)?;
    let stations = stations::read(&root, header.profile, entry.entry, seed)?;
    let begins = entry::begins(&stations.mobile_stations, entry);
    entry::check_lifetime(&root, stations.authenticator.pmk_lifetime, begins, duration)?;
    let flows = flows::read(&root, &stations)?;
    let traffic = traffic::read(&root, &stations, duration)?;
    let steps = steps::read(&root, &stations, duration)?;
    let links = impairments::read(&root, &stations, &radio, &backbone)?;
    let faults = faults::read(&root, &stations, duration)?;
    let attacks = attacks::read(&root, &stations, duration)?;
    let adversary = external::read(&root)?;
    let expectations = expectations::read(&root, &stations, &attacks)?;
    let mobility = mobility::read(&root, &stations)?;
    let capture = capture::read(&root)?;
    let script = Script {
        name,
        shows,
        statements,
        system,
        attack_id,
        defence,
        seed,
        profile: header.profile,
        mode: header.mode,
        last_key_count: header.last_key_count,
        begins: VirtualTime::ZERO + begins,
        duration: duration.saturating_add(begins),
        radio,
        backbone,
        authenticator: stations.authenticator,
        aaa: stations.aaa,
        base_stations: stations.base_stations,
        mobile_stations: stations.mobile_stations,
        flows,
        traffic: entry::shifted(traffic, begins),
        steps: entry::shifted(steps, begins),
        links,
        faults: entry::shifted(faults, begins),
        attacks: entry::shifted(attacks, begins),
        adversary,
        expectations,
        mobility,
        capture,
    };
    possible::check(&root, &script)?;
    Ok(script)
}
