//! The command line: one file per command.

pub mod decrypt;
mod frame_summary;
pub mod frame_view;
pub mod inspect;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Exit status 0: all as expected, nothing found.
    Success,
    /// Exit status 1: an expectation did not hold, there were findings, or a PDU or wrapped key did not open.
    Failure,
    /// Exit status 2: wrong usage or bad input.
    BadInput,
}
