//! A run is judged: the judge gets the octets of the capture and the key log as they are written, and nothing else.

use super::expectations;
use super::outcome::{ExpectationResult, RunVerdict};
use super::run::{FinishedRun, RunError};
use super::script::{CaptureChoice, EpsScript, Expected, Script, eps};
use crate::capture::error::CaptureError;
use crate::capture::{FileFormat, capture_reader, key_log_text};
use crate::judge::{FindingKind, Judgement, judge};

/// What a script expects of the judge: the place among all expectations, the words, the kinds of findings.
type Wanted<'a> = (usize, &'a str, &'a [FindingKind]);

impl FinishedRun {
    /// Asks the judge about the capture in this format, evaluates what the script expects of it, and takes both into the
    /// outcome. A script that says nothing of the judge expects it to find nothing. Of a run without a capture there is nothing to
    /// judge, and what the script expects of the judge is left out; so it is, with a note, where capture or key log are beyond
    /// what the judge's readers take.
    ///
    /// # Errors
    /// Capture or key log cannot be written, or the operating system does not let them be read again.
    pub fn judged(self, script: &Script, format: FileFormat) -> Result<Self, RunError> {
        if script.capture == CaptureChoice::Nothing {
            return Ok(self);
        }
        let of_judge = script.expectations.iter().enumerate().filter_map(|(position, expectation)| {
            let Expected::Judge(kinds) = &expectation.expected else { return None };
            Some((position, expectation.text.as_str(), kinds.as_slice()))
        });
        self.judged_by(format, of_judge.collect())
    }

    /// The same of a run of EPS.
    ///
    /// # Errors
    /// As [`judged`](Self::judged).
    pub fn judged_eps(self, script: &EpsScript, format: FileFormat) -> Result<Self, RunError> {
        let of_judge = script.expectations.iter().enumerate().filter_map(|(position, expectation)| {
            let eps::Expected::Judge(kinds) = &expectation.expected else { return None };
            Some((position, expectation.text.as_str(), kinds.as_slice()))
        });
        self.judged_by(format, of_judge.collect())
    }

    fn judged_by(mut self, format: FileFormat, wanted: Vec<Wanted<'_>>) -> Result<Self, RunError> {
        let judgement = match self.judgement(format) {
            Ok(judgement) => judgement,
            Err(error @ CaptureError::Malformed { .. }) => {
                self.notes.push(format!("warning: not judged, and nothing expected of the judge: {error}"));
                return Ok(self);
            }
            Err(error) => return Err(RunError::Judge(error)),
        };
        for (position, text, kinds) in &wanted {
            let (held, detail) = expectations::judge_holds(kinds, &judgement);
            let position = (*position).min(self.outcome.expectations.len());
            let result = ExpectationResult { text: (*text).to_owned(), held, detail };
            self.outcome.expectations.insert(position, result);
        }
        if wanted.is_empty() && !judgement.findings.is_empty() {
            let (held, detail) = expectations::judge_holds(&[], &judgement);
            let text = "the judge finds nothing (the script does not say otherwise)".to_owned();
            self.outcome.expectations.push(ExpectationResult { text, held, detail });
        }
        if self.outcome.expectations.iter().any(|expectation| !expectation.held) {
            self.outcome.verdict = RunVerdict::Fail;
        }
        self.outcome.judge = Some(judgement);
        Ok(self)
    }

    fn judgement(&self, format: FileFormat) -> Result<Judgement, CaptureError> {
        let log = {
            let mut keys = Vec::new();
            key_log_text::write(&self.keys, &mut keys)?;
            key_log_text::parse(&keys)?.0
        };
        judge(|| capture_reader::read(self.open_capture(format)?), &log)
    }
}
