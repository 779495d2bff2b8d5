//! Values that live: numbers of a script that are known only when an action runs.

use std::fmt;

use super::fields::FrameField;
use super::known::Known;
use super::recording::Recordings;
use crate::dot16::identifiers::{Bsid, MsMac};

/// A number of a script: given, or found when the action runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Where it comes from.
    pub source: Source,
    /// What is added to it.
    pub offset: i64,
    /// As the script has it, for remarks.
    pub text: String,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The script.
    Given(u32),
    /// A CID that a mobile has, or had last, at a base station.
    Cid(MsMac, Bsid, CidRole),
    /// A field of the first frame of the recording of this name.
    Recorded(String, FrameField),
    /// A field of the frame that is changed, or that started the action.
    Own(FrameField),
}

/// Which CID of a mobile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidRole {
    /// The basic management connection.
    Basic,
    /// The primary management connection.
    Primary,
    /// The first transport connection of the uplink.
    Uplink,
    /// The first transport connection of the downlink.
    Downlink,
}

impl CidRole {
    /// Every role with its name in scripts.
    pub const NAMED: [(&'static str, Self); 4] =
        [("basic", Self::Basic), ("primary", Self::Primary), ("uplink", Self::Uplink), ("downlink", Self::Downlink)];
}

impl Value {
    /// A number that the script gives.
    #[must_use]
    pub fn given(number: u32) -> Self {
        Self { source: Source::Given(number), offset: 0, text: number.to_string() }
    }
}

/// The value as the script has it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What values are looked up in when an action runs.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// CIDs and handovers.
    pub known: &'a Known,
    /// What was recorded.
    pub recordings: &'a Recordings,
    /// The frame that is changed, or that started the action.
    pub own: Option<&'a [u8]>,
}

impl Sight<'_> {
    /// The number that `value` stands for now, in 0 to `highest`.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn number(&self, value: &Value, highest: u32) -> Result<u32, String> {
        let found = match &value.source {
            Source::Given(number) => Some(*number),
            Source::Cid(ms, bs, role) => self.known.cid(*ms, *bs, *role).map(|cid| u32::from(cid.0)),
            Source::Recorded(name, field) => self.recordings.first(name).and_then(|octets| field.read(octets)),
            Source::Own(field) => self.own.and_then(|octets| field.read(octets)),
        };
        let number = found.ok_or_else(|| format!("there is no {value}"))?;
        let moved = i64::from(number).saturating_add(value.offset);
        let fits = u32::try_from(moved).ok().filter(|moved| *moved <= highest);
        fits.ok_or_else(|| format!("{value} is {moved}, and not in 0 to {highest}"))
    }
}
