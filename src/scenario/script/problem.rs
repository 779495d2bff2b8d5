//! What is wrong with a script, and where: the error of this room, with file, line, column and a labelled span.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// What is expected stands under the span too, unless it is longer than so many characters.
const LONGEST_LABEL: usize = 60;

/// A stretch of one of the texts that make up a script: the file is text 0, option `--set` number i is text i + 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which text.
    pub text: usize,
    /// First octet.
    pub start: usize,
    /// Octet after the last.
    pub end: usize,
}

/// A problem found while reading, before it is joined with the text it points into.
#[derive(Debug)]
pub(super) struct Problem {
    place: Place,
    message: String,
    label: String,
    help: Option<String>,
    also: Option<(Place, String)>,
}

/// Result of reading a part of a script.
pub(super) type Read<T> = Result<T, Box<Problem>>;

impl Problem {
    /// A problem with a free message; `label` stands under the span.
    pub fn new(place: Place, message: impl Into<String>, label: impl Into<String>) -> Box<Self> {
        Box::new(Self { place, message: message.into(), label: label.into(), help: None, also: None })
    }

    /// `path` has a value that is not what was expected.
    pub fn mismatch(place: Place, path: &str, expected: &str, found: &str) -> Box<Self> {
        let label = match expected.chars().count() {
            ..=LONGEST_LABEL => format!("expected {expected}"),
            _ => format!("found {found}"),
        };
        Self::new(place, format!("{path}: expected {expected}, found {found}"), label)
    }

    /// Adds advice.
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place that explains the problem.
    pub fn also(mut self: Box<Self>, place: Place, label: impl Into<String>) -> Box<Self> {
        self.also = Some((place, label.into()));
        self
    }
}

/// One of the texts that make up a script.
#[derive(Clone, Debug)]
pub(super) struct SourceText {
    /// File name, or `--set`.
    pub name: String,
    /// The text itself.
    pub text: Arc<str>,
}

/// Why a script (or a value given with `--set`) was refused.
///
/// [`Display`](fmt::Display) is one line, `file:line:column: key: expected ..., found ...`; for a value from the command
/// line it names the option instead. As a [`Diagnostic`] it also shows the line with the offending part labelled.
#[derive(Debug)]
pub struct ScriptError(Box<Body>);

#[derive(Debug)]
struct Body {
    source: SourceText,
    /// Number of the option `--set`, from 0, if it is at fault.
    option: Option<usize>,
    line: usize,
    column: usize,
    message: String,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
}

impl ScriptError {
    pub(super) fn new(problem: Problem, texts: &[SourceText]) -> Self {
        let Problem { place, message, label, help, also } = problem;
        let source =
            texts.get(place.text).cloned().unwrap_or_else(|| SourceText { name: String::new(), text: Arc::from("") });
        let (line, column) = line_and_column(&source.text, place.start);
        let mut labels = vec![labelled(place, label, true)];
        if let Some((other, label)) = also.filter(|(other, _)| other.text == place.text) {
            labels.push(labelled(other, label, false));
        }
        Self(Box::new(Body { option: place.text.checked_sub(1), source, line, column, message, help, labels }))
    }

    /// Name of the text at fault: the script's file, or `--set`.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.0.source.name
    }

    /// Number of the `--set` argument at fault, from 0; `None`: it is the script.
    #[must_use]
    pub fn option(&self) -> Option<usize> {
        self.0.option
    }

    /// Line in that text, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// Column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// What stands under the span.
    pub(super) fn label(&self) -> String {
        self.0.labels.first().and_then(LabeledSpan::label).unwrap_or_default().to_owned()
    }

    /// The advice, if there is any.
    pub(super) fn advice(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The message without its position.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

fn labelled(place: Place, label: String, primary: bool) -> LabeledSpan {
    let span = SourceSpan::from((place.start, place.end.saturating_sub(place.start)));
    if primary {
        LabeledSpan::new_primary_with_span(Some(label), span)
    } else {
        LabeledSpan::new_with_span(Some(label), span)
    }
}

/// Line and column of octet `offset`, both from 1, the column in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before: Vec<char> = text.char_indices().take_while(|(at, _)| *at < offset).map(|(_, c)| c).collect();
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
    (line, column)
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = &self.0;
        if body.option.is_some() {
            write!(f, "{} {}: {}", body.source.name, body.source.text, body.message)
        } else {
            write!(f, "{}:{}:{}: {}", body.source.name, body.line, body.column, body.message)
        }
    }
}

impl std::error::Error for ScriptError {}

impl Diagnostic for ScriptError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.0.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.0.labels.iter().cloned()))
    }
}

impl SourceCode for SourceText {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            inner.data(),
            *inner.span(),
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_columns_are_characters() {
        let text = "a\nµµx\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 2), (2, 1));
        assert_eq!(line_and_column(text, text.find('x').unwrap()), (2, 3));
        assert_eq!(line_and_column(text, text.len()), (3, 1));
    }
}
