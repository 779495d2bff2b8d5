//! A run is judged: the judge gets the octets of the capture and the key log as they are written, and nothing else.

use super::expectations;
use super::outcome::{ExpectationResult, RunVerdict};
use super::run::{FinishedRun, RunError};
use super::script::{CaptureChoice, Expected, Script};
use crate::capture::error::CaptureError;
use crate::capture::{FileFormat, capture_reader, key_log_text};
use crate::judge::{Judgement, judge};

impl FinishedRun {
    /// Asks the judge about the capture in this format, evaluates what the script expects of it, and takes both into the
    /// outcome. A script that says nothing of the judge expects it to find nothing. Of a run without a capture there is nothing to
    /// judge, and what the script expects of the judge is left out; so it is, with a note, where capture or key log are beyond
    /// what the judge's readers take.
    ///
    /// # Errors
    /// Capture or key log cannot be written, or the operating system does not let them be read again.
    pub fn judged(mut self, script: &Script, format: FileFormat) -> Result<Self, RunError> {
        if script.capture == CaptureChoice::Nothing {
            return Ok(self);
        }
        let judgement = match self.judgement(format) {
            Ok(judgement) => judgement,
            Err(error @ CaptureError::Malformed { .. }) => {
                self.notes.push(format!("warning: not judged, and nothing expected of the judge: {error}"));
                return Ok(self);
            }
            Err(error) => return Err(RunError::Judge(error)),
        };
        let results = expectations::of_judge(script, &judgement);
        for (position, result) in results {
            let position = position.min(self.outcome.expectations.len());
            self.outcome.expectations.insert(position, result);
        }
        if !script.expectations.iter().any(|expectation| matches!(expectation.expected, Expected::Judge(_)))
            && !judgement.findings.is_empty()
        {
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
