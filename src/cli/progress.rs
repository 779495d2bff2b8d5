//! How far a long run has come, on a terminal: one line on standard error that is written anew.
//!
//! The wall clock is read here and nowhere on the way to an output.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::scenario::run::Progress;
use crate::time::VirtualTime;

/// From one line to the next; the first comes after this time too, so that short runs show none.
const INTERVAL: Duration = Duration::from_millis(500);

/// Progress of a run on standard error, if that is a terminal.
pub(super) struct ProgressLine {
    terminal: bool,
    end: VirtualTime,
    shown: Instant,
    handovers: u64,
    written: bool,
}

impl ProgressLine {
    /// Of a run that ends about `end`.
    pub(super) fn new(end: VirtualTime) -> Self {
        Self { terminal: stderr().is_terminal(), end, shown: Instant::now(), handovers: 0, written: false }
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if self.written {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// What the line says: how much of the virtual time is over, how many handovers there were, and how many now in a second.
fn line(now: VirtualTime, end: VirtualTime, handovers: u64, since_last: u64, elapsed: Duration) -> String {
    let seconds = |time: VirtualTime| time.since(VirtualTime::ZERO).as_secs_f64();
    let rate = since_last as f64 / elapsed.as_secs_f64().max(1e-3);
    format!("{:.2} s of {:.2} s, {handovers} handovers, {rate:.0} handovers/s", seconds(now), seconds(end))
}

impl Progress for ProgressLine {
    fn at(&mut self, now: VirtualTime, handovers: u64) {
        if !self.terminal {
            return;
        }
        let elapsed = self.shown.elapsed();
        if elapsed < INTERVAL {
            return;
        }
        let line = line(now, self.end, handovers, handovers.saturating_sub(self.handovers), elapsed);
        let _ = write!(stderr(), "\r\x1b[K{line}");
        (self.shown, self.handovers, self.written) = (Instant::now(), handovers, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_time_handovers_and_their_rate() {
        let at = VirtualTime::from_nanos;
        let line = line(at(12_340_000_000), at(60_000_000_000), 900, 300, Duration::from_secs(2));
        assert_eq!(line, "12.34 s of 60.00 s, 900 handovers, 150 handovers/s");
    }
}
