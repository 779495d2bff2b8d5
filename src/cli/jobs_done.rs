//! How many of the jobs of a long command are done, on standard error, if somebody looks at it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often it is told at the most.
const EVERY: Duration = Duration::from_millis(100);

/// A line that says how many are done, and how many in a second; it is gone when this is dropped.
pub(super) struct JobsDone<'a> {
    messages: &'a mut dyn Write,
    shown: bool,
    begun: Instant,
    /// How many were done when this began.
    before: Option<usize>,
    told: Option<Instant>,
}

impl<'a> JobsDone<'a> {
    /// Nothing told yet.
    pub(super) fn new(messages: &'a mut dyn Write) -> Self {
        Self { messages, shown: io::stderr().is_terminal(), begun: Instant::now(), before: None, told: None }
    }

    /// So many of so many are done; the first call is of the first one that is.
    pub(super) fn tell(&mut self, what: &str, done: usize, all: usize) {
        let before = *self.before.get_or_insert(done.saturating_sub(1));
        if !self.shown || (done < all && self.told.is_some_and(|told| told.elapsed() < EVERY)) {
            return;
        }
        let rate = done.saturating_sub(before) as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        let _ = write!(self.messages, "\r\x1b[K{done} of {all} {what}, {rate:.0}/s");
        let _ = self.messages.flush();
        self.told = Some(Instant::now());
    }
}

impl Drop for JobsDone<'_> {
    fn drop(&mut self) {
        if self.told.is_some() {
            let _ = write!(self.messages, "\r\x1b[K");
        }
    }
}
