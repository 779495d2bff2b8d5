//! The command line: one file per command, and what they share: exit status, arguments in hex, printing.
//!
//! Data goes to standard output, messages to standard error. Nothing here panics when the reader of a pipe goes away.

pub mod argument;
pub mod calc;
pub mod compare;
pub mod convert;
pub mod decrypt;
mod decrypt_eps;
mod frame_summary;
pub mod frame_view;
pub mod inspect;
mod jobs_done;
pub mod judge;
pub mod list;
pub mod merge;
mod progress;
pub mod run;
pub mod sweep;
pub mod wireshark;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// The command line of keyhop.
#[derive(Parser)]
#[command(name = "keyhop", version, about)]
pub struct Cli {
    /// The command; without one the help is printed.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Runs a scenario: writes capture and key log, prints ladder, table and verdict
    Run(run::RunArguments),
    /// Lists the bundled scenarios, with what each shows
    List(list::ListArguments),
    /// Runs a handover in each of the five modes, many times, and prints what each costs
    Compare(compare::CompareArguments),
    /// Runs a scenario with every combination of settings and every seed, on all cores: one row for each run
    Sweep(sweep::SweepArguments),
    /// Joins the parts of a study that keyhop sweep has run into one table
    Merge(merge::MergeArguments),
    /// Computes keys, CMAC values, sealed PDUs and window verdicts from values given in hex
    Calc(calc::CalcCommand),
    /// Prints a line per frame of a capture; with a key log also what its keys show
    Inspect(inspect::InspectArguments),
    /// Recomputes everything in a capture from its key log, and tells what is wrong with it
    Judge(judge::JudgeArguments),
    /// Writes a capture with the data PDUs opened, so that Wireshark shows the IP packets
    Decrypt(decrypt::DecryptArguments),
    /// Makes Wireshark and tshark show all of a capture: a Lua plugin, and a profile with columns, colours and buttons
    #[command(subcommand)]
    Wireshark(wireshark::WiresharkCommand),
    /// Writes the clean form of a capture that others made: m2m, GSMTAP, link types 188 and 147
    Convert(convert::ConvertArguments),
}

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

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Success => 0,
            Status::Failure => 1,
            Status::BadInput => 2,
        })
    }
}

/// Reads the arguments of the process, runs the command and tells the exit status.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. There is nobody to tell if they cannot be printed.
            let _ = error.print();
            return if error.use_stderr() { Status::BadInput } else { Status::Success }.into();
        }
    };
    match run(cli, &mut io::stdout(), &mut io::stderr()) {
        Ok(status) => status.into(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: standard output: {error}");
            Status::BadInput.into()
        }
    }
}

/// Runs the command. `out` gets data, `messages` what is said about it.
///
/// # Errors
/// `out` could not be written, for another reason than that its reader went away.
pub fn run(cli: Cli, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    match cli.command {
        Some(Command::Run(arguments)) => self::run::run(&arguments, out, messages),
        Some(Command::List(arguments)) => list::run(&arguments, out, messages),
        Some(Command::Compare(arguments)) => compare::run(&arguments, out, messages),
        Some(Command::Sweep(arguments)) => sweep::run(&arguments, out, messages),
        Some(Command::Merge(arguments)) => merge::run(&arguments, out, messages),
        Some(Command::Calc(command)) => calc::run(&command, out, messages),
        Some(Command::Inspect(arguments)) => inspect::run(&arguments, out, messages),
        Some(Command::Judge(arguments)) => judge::run(&arguments, out, messages),
        Some(Command::Decrypt(arguments)) => Ok(decrypt::run(&arguments, messages)),
        Some(Command::Wireshark(command)) => Ok(wireshark::run(&command, messages)),
        Some(Command::Convert(arguments)) => convert::run(&arguments, out, messages),
        None => print(out, &Cli::command().render_help().to_string()).map(|()| Status::Success),
    }
}

/// Writes `text`. A reader that went away (`keyhop ... | head`) is no error: it has what it wanted.
///
/// # Errors
/// Any other failure to write.
pub fn print(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    /// A pipe whose reader left, and a disk that is full.
    struct Refusing(io::ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_broken_pipe_is_no_error_and_a_full_disk_is() {
        assert!(print(&mut Refusing(io::ErrorKind::BrokenPipe), "text").is_ok());
        assert!(print(&mut Refusing(io::ErrorKind::StorageFull), "text").is_err());
    }
}
