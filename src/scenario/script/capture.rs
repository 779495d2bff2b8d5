//! The section `[capture]`: of which mobile stations frames and keys are recorded.

use std::fmt;
use std::str::FromStr;

use super::groups::LARGEST_GROUP;
use super::problem::Read;
use super::section::Section;

/// Of which mobile stations a run records frames and keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureChoice {
    /// Of every one, on every link.
    #[default]
    All,
    /// Of so many, evenly spaced in the order of the script.
    Sample(usize),
    /// Of none: there is neither a capture nor a key log, and nothing to judge.
    Nothing,
}

pub(super) const CAPTURE_KEYS: &[&str] = &["of", "sample"];

/// Reads `[capture]`.
pub(super) fn read(root: &Section<'_>) -> Read<CaptureChoice> {
    let Some(field) = root.field("capture") else { return Ok(CaptureChoice::All) };
    let section = field.section(CAPTURE_KEYS)?;
    let field = section.exactly_one(CAPTURE_KEYS)?;
    match field.key() {
        "of" => field.one_of(&[("all", CaptureChoice::All), ("none", CaptureChoice::Nothing)]),
        _ => Ok(CaptureChoice::Sample(usize::try_from(field.number(1..=LARGEST_GROUP as i64)?).unwrap_or(1))),
    }
}

/// `all`, `none` or `sample=N`, as on the command line.
impl FromStr for CaptureChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let sample = |count: &str| count.parse().ok().filter(|count| (1..=LARGEST_GROUP).contains(count));
        match (text, text.strip_prefix("sample=").and_then(sample)) {
            ("all", _) => Ok(Self::All),
            ("none", _) => Ok(Self::Nothing),
            (_, Some(count)) => Ok(Self::Sample(count)),
            _ => Err(format!("expected all, none or sample=N with N from 1 to {LARGEST_GROUP}, found {text:?}")),
        }
    }
}

impl fmt::Display for CaptureChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Sample(count) => write!(f, "sample={count}"),
            Self::Nothing => f.write_str("none"),
        }
    }
}
