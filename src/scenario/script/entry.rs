//! How mobile stations come into the network: keys `entry` and `entry_time`, and `entry`, `station`, `pmk` and `msk` of a mobile.
//!
//! `entry = "full"` lets a mobile begin switched on and without a connection. The script's own clock then begins after
//! `entry_time`: steps, traffic, and the instants in faults and attacks are that much later, and so is the end of the run.
//! Nothing else of a script changes.

use std::time::Duration;

use super::attacks::{Attack, Trigger};
use super::defaults;
use super::links::FrameChoice;
use super::network::AUTHENTICATOR_KEYS;
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::steps::Step;
use super::traffic::Traffic;
use super::units::show_time;
use super::{Fault, MobileStation};
use crate::dot16::security::Pmk;
use crate::time::VirtualTime;

/// How a mobile station begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It has entered before the run: connected, with keys.
    Established,
    /// It is switched on at the start of the run and enters the network (802.16-2009 clause 6.3.9).
    Full,
}

/// What kind of station it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// It hands over.
    Mobile,
    /// It declares no handover at network entry, seamless or not, and begins none (A26).
    Fixed,
}

const ENTRIES: [(&str, Entry); 2] = [("established", Entry::Established), ("full", Entry::Full)];

/// The keys at the top of a script.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryDefaults {
    pub entry: Entry,
    pub entry_time: Duration,
}

/// Reads `entry` and `entry_time` at the top of the script.
pub(super) fn read(root: &Section<'_>) -> Read<EntryDefaults> {
    let second = Duration::from_secs(1);
    Ok(EntryDefaults {
        entry: root.read("entry", defaults::ENTRY, |field| field.one_of(&ENTRIES))?,
        entry_time: root
            .read("entry_time", defaults::ENTRY_TIME, |field| field.time(Duration::from_millis(1)..=second * 3600))?,
    })
}

/// How the mobile of `section` begins. What stands for a connection before the run contradicts `"full"`.
pub(super) fn of_mobile(section: &Section<'_>, default: Entry) -> Read<Entry> {
    let entry = section.read("entry", default, |field| field.one_of(&ENTRIES))?;
    if entry == Entry::Full {
        for key in ["pmk", "msk"] {
            section.refuse(key, "with entry = \"full\", where EAP gives the keys")?;
        }
    }
    Ok(entry)
}

/// The kind of station, and whether it declares seamless handover: a fixed one never does.
pub(super) fn station(section: &Section<'_>) -> Read<(Station, bool)> {
    let kinds = [("mobile", Station::Mobile), ("fixed", Station::Fixed)];
    let station = section.read("station", Station::Mobile, |field| field.one_of(&kinds))?;
    let seamless = match (station, section.field("seamless")) {
        (Station::Mobile, None) => defaults::SEAMLESS,
        (Station::Fixed, None) => false,
        (_, Some(field)) => {
            let seamless = field.boolean()?;
            if seamless && station == Station::Fixed {
                return Err(
                    field.mismatch("false, or no such key, because station = \"fixed\" declares no handover (A26)")
                );
            }
            seamless
        }
    };
    Ok((station, seamless))
}

/// The PMK that an established mobile begins with, where the script gives it, or the MSK that it comes from.
pub(super) fn pmk(section: &Section<'_>) -> Read<Option<Pmk>> {
    if let Some(field) = section.field("pmk") {
        section.refuse("msk", "beside pmk, which would come from it")?;
        return key(&field).map(Pmk::from_octets).map(Some);
    }
    section.field("msk").map(|field| key(&field).map(|octets| Pmk::from_msk(&octets))).transpose()
}

/// A key of `N` octets in hex. What is found is told by its length only.
fn key<const N: usize>(field: &Field<'_>) -> Read<[u8; N]> {
    let expected = format!("{} hex digits ({N} octets)", N * 2);
    let text = field.text(&expected)?;
    let digits: Option<Vec<u8>> = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let found = match &digits {
        Some(digits) => format!("{} of them", digits.len()),
        None => "something else".to_owned(),
    };
    let (pairs, rest) = digits.as_deref().unwrap_or_default().as_chunks::<2>();
    let octets: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    let problem = || Problem::mismatch(field.place(), field.path(), &expected, &found);
    octets.try_into().ok().filter(|_| rest.is_empty()).ok_or_else(problem)
}

/// How much later the script's own clock begins: `entry_time`, if any mobile enters in the run.
pub(super) fn begins(mobiles: &[MobileStation], defaults: EntryDefaults) -> Duration {
    let enters = mobiles.iter().any(|mobile| mobile.entry == Entry::Full);
    if enters { defaults.entry_time } else { Duration::ZERO }
}

/// The PMK of a mobile that enters in the run is made then, not at the start of the script's own clock: where it would last to
/// the end of the script without the entry, it has to with it.
pub(super) fn check_lifetime(root: &Section<'_>, lifetime: Duration, begins: Duration, duration: Duration) -> Read<()> {
    // On the wire a lifetime is in whole seconds, rounded down.
    let needed = begins.saturating_add(duration).saturating_add(Duration::from_secs(1));
    if begins.is_zero() || lifetime < duration || lifetime >= needed {
        return Ok(());
    }
    let (needed, begins) = (show_time(needed), show_time(begins));
    let expected = format!("at least {needed} (entry_time, duration and 1s) with entry = \"full\"");
    let section = root.field("authenticator").map(|field| field.section(AUTHENTICATOR_KEYS)).transpose()?;
    let field = section.as_ref().and_then(|section| section.field("pmk_lifetime"));
    let place = field.map_or(root.place, |field| field.place());
    let problem = Problem::mismatch(place, "authenticator.pmk_lifetime", &expected, &show_time(lifetime));
    Err(problem
        .help(format!("the PMK begins with the network entry, before the script's own clock; entry_time is {begins}")))
}

/// Something of a script with instants in it.
pub(super) trait Shift {
    /// Makes every instant `by` later.
    fn shift(&mut self, by: Duration);
}

impl Shift for VirtualTime {
    fn shift(&mut self, by: Duration) {
        *self += by;
    }
}

impl Shift for Step {
    fn shift(&mut self, by: Duration) {
        self.at.shift(by);
    }
}

impl Shift for Traffic {
    fn shift(&mut self, by: Duration) {
        match self {
            Self::Generated(generated) => {
                generated.start.shift(by);
                generated.stop.shift(by);
            }
            Self::Capture(capture) => capture.start.shift(by),
        }
    }
}

impl Shift for FrameChoice {
    fn shift(&mut self, by: Duration) {
        self.after.shift(by);
    }
}

impl Shift for Fault {
    fn shift(&mut self, by: Duration) {
        self.frames.shift(by);
    }
}

impl Shift for Attack {
    fn shift(&mut self, by: Duration) {
        match &mut self.trigger {
            Trigger::Frame(frames, _) => frames.shift(by),
            Trigger::Event(event) => event.after.shift(by),
            Trigger::Time(at) => at.shift(by),
        }
    }
}

/// Makes everything `by` later.
pub(super) fn shifted<T: Shift>(mut entries: Vec<T>, by: Duration) -> Vec<T> {
    entries.iter_mut().for_each(|entry| entry.shift(by));
    entries
}
