//! `succeeds_if` of an `[[attack]]`: when it has succeeded.

use super::attacks::AttackAction;
use super::expectations::{self, Expectation};
use super::problem::Read;
use super::section::Section;
use super::stations::Stations;
use super::value::Data;

/// When an attack has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Success {
    /// The receiver accepted a frame that the adversary sent.
    Accepted,
    /// A PDU opened that was not the compromised node's own.
    Opened,
    /// A packet was read that nobody but its receiver should read.
    Recovered,
    /// This holds at the end of the run.
    Expected(Box<Expectation>),
}

/// What an attack with this action is for, where the script says nothing else; `None`: nothing by itself.
fn purpose(action: &AttackAction) -> Option<Success> {
    match action {
        AttackAction::Compromise(_) | AttackAction::Steal(_) => Some(Success::Opened),
        AttackAction::KeyStreamReuse(_) => Some(Success::Recovered),
        _ if action.sends() => Some(Success::Accepted),
        _ => None,
    }
}

/// `succeeds_if` of the attack in `section`, which takes `action`: `"accepted"` where it sends frames, or a table with one
/// expectation.
pub(super) fn read(section: &Section<'_>, action: &AttackAction, stations: &Stations) -> Read<Option<Success>> {
    let purpose = purpose(action);
    let Some(field) = section.field("succeeds_if") else {
        return Ok(purpose);
    };
    if let Data::Table(_) = field.data() {
        let expectation = expectations::of_success(&field, stations)?;
        return Ok(Some(Success::Expected(Box::new(expectation))));
    }
    if purpose == Some(Success::Accepted) {
        let expected = "\"accepted\" or a table with one expectation, such as { released = { ... } }";
        return if field.text(expected)? == "accepted" { Ok(purpose) } else { Err(field.mismatch(expected)) };
    }
    Err(field
        .mismatch("a table with one expectation, such as { released = { ... } }, because the action sends nothing"))
}
