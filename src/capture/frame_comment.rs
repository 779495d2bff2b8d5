//! The comment on a frame of a capture: what it is, what happened to it, and what its receiver made of it. This is the one
//! place that knows its form, for those who write comments and for those who read them.
//!
//! ```text
//! ["deliberate: "] what *("; " remark) [LF "lost"] ["; still under way when the run ended"]
//! *("; " receiver [" (a duplicate made by the link)"] [" (a bit error on the link)" / " (modified on the way)"] ": " verdict)
//! ```
//!
//! A verdict that begins with one of [`REJECTING`] says that the receiver dropped the frame, any other that it took it.

use std::fmt;

/// How a verdict begins by which the receiver dropped the frame.
pub const REJECTING: [&str; 4] = ["dropped", "refused", "ignored", "no context:"];

const DELIBERATE: &str = "deliberate: ";
/// How a verdict begins that is put off until the keys are there.
const DEFERRING: &str = "no context here";
const LOST: &str = "lost";
const UNDER_WAY: &str = "; still under way when the run ended";
const DUPLICATE: &str = " (a duplicate made by the link)";

/// How the octets that arrived differ from those that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameChange {
    /// The link inverted bits.
    BitError,
    /// The adversary changed them at its tap.
    Modified,
}

impl FrameChange {
    const ALL: [Self; 2] = [Self::BitError, Self::Modified];

    const fn in_words(self) -> &'static str {
        match self {
            Self::BitError => " (a bit error on the link)",
            Self::Modified => " (modified on the way)",
        }
    }
}

/// What a receiver made of one arrival of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverVerdict {
    /// Its name.
    pub receiver: String,
    /// Whether this arrival is a copy that the link made.
    pub duplicate: bool,
    /// What changed it on the way.
    pub change: Option<FrameChange>,
    /// Its reason, in the state machine's words.
    pub text: String,
}

impl ReceiverVerdict {
    /// Whether the receiver put off what it makes of the frame, until it has the keys for it.
    #[must_use]
    pub fn deferred(&self) -> bool {
        self.text.starts_with(DEFERRING)
    }

    /// Whether the receiver took the frame.
    #[must_use]
    pub fn accepted(&self) -> bool {
        !REJECTING.iter().any(|word| self.text.starts_with(word))
    }
}

/// A comment, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameComment {
    /// Whether the frame was made bad on purpose.
    pub deliberate: bool,
    /// What the sender says of it, and the remarks of the link.
    pub what: String,
    /// Whether the link lost it.
    pub lost: bool,
    /// Whether it had not arrived when the run ended.
    pub under_way: bool,
    /// The arrivals, in order.
    pub verdicts: Vec<ReceiverVerdict>,
}

impl FrameComment {
    /// Takes a comment apart whose frame was for `receiver`; without that name its verdicts stay part of `what`.
    #[must_use]
    pub fn parse(comment: &str, receiver: Option<&str>) -> Self {
        let mut parsed = Self::default();
        let comment = match comment.strip_prefix(DELIBERATE) {
            Some(rest) => {
                parsed.deliberate = true;
                rest
            }
            None => comment,
        };
        let (mut head, verdicts) = match receiver.and_then(|receiver| first_verdict(comment, receiver)) {
            Some(at) => comment.split_at_checked(at).unwrap_or((comment, "")),
            None => (comment, ""),
        };
        if let Some(rest) = head.strip_suffix(UNDER_WAY) {
            parsed.under_way = true;
            head = rest;
        }
        if let Some(rest) = head.strip_suffix(LOST).and_then(|rest| rest.strip_suffix('\n')) {
            parsed.lost = true;
            head = rest;
        }
        parsed.what = head.to_owned();
        let Some(receiver) = receiver else { return parsed };
        let mut rest = verdicts;
        while let Some((verdict, next)) = take_verdict(rest, receiver) {
            parsed.verdicts.push(verdict);
            rest = next;
        }
        parsed
    }

    /// Whether a receiver took one of the arrivals; `None` if the comment tells of none.
    #[must_use]
    pub fn accepted(&self) -> Option<bool> {
        match self.verdicts.as_slice() {
            [] if self.lost => Some(false),
            [] => None,
            verdicts => Some(verdicts.iter().any(ReceiverVerdict::accepted)),
        }
    }
}

/// The comment as it stands in the capture.
impl fmt::Display for FrameComment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.deliberate {
            f.write_str(DELIBERATE)?;
        }
        f.write_str(&self.what)?;
        if self.lost {
            write!(f, "\n{LOST}")?;
        }
        if self.under_way {
            f.write_str(UNDER_WAY)?;
        }
        for verdict in &self.verdicts {
            let duplicate = if verdict.duplicate { DUPLICATE } else { "" };
            let change = verdict.change.map_or("", FrameChange::in_words);
            write!(f, "; {}{duplicate}{change}: {}", verdict.receiver, verdict.text)?;
        }
        Ok(())
    }
}

/// Where the first verdict of `receiver` begins, with its "; ".
fn first_verdict(comment: &str, receiver: &str) -> Option<usize> {
    comment
        .match_indices("; ")
        .map(|(at, _)| at)
        .find(|at| comment.get(*at..).and_then(|rest| verdict_head(rest, receiver)).is_some())
}

/// Whether `text` begins with the head of a verdict of `receiver`: what it says of the arrival, and what follows.
fn verdict_head<'t>(text: &'t str, receiver: &str) -> Option<(bool, Option<FrameChange>, &'t str)> {
    let mut rest = text.strip_prefix("; ")?.strip_prefix(receiver)?;
    let mut flag = |word: &str| match rest.strip_prefix(word) {
        Some(after) => {
            rest = after;
            true
        }
        None => false,
    };
    let duplicate = flag(DUPLICATE);
    let change = FrameChange::ALL.into_iter().find(|change| flag(change.in_words()));
    Some((duplicate, change, rest.strip_prefix(": ")?))
}

fn take_verdict<'t>(text: &'t str, receiver: &str) -> Option<(ReceiverVerdict, &'t str)> {
    let (duplicate, change, rest) = verdict_head(text, receiver)?;
    let end = first_verdict(rest, receiver).unwrap_or(rest.len());
    let (words, next) = rest.split_at_checked(end)?;
    Some((ReceiverVerdict { receiver: receiver.to_owned(), duplicate, change, text: words.to_owned() }, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> ReceiverVerdict {
        ReceiverVerdict { receiver: "bs2".to_owned(), duplicate: false, change: None, text: text.to_owned() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let comments = [
            FrameComment { what: "Context_Ack".to_owned(), ..FrameComment::default() },
            FrameComment { what: "HO_Cnf: ms1 comes; late".to_owned(), lost: true, ..FrameComment::default() },
            FrameComment { what: "x".to_owned(), under_way: true, ..FrameComment::default() },
            FrameComment {
                deliberate: true,
                what: "user data; bs21: is no receiver".to_owned(),
                verdicts: vec![
                    verdict("accepted: ICV good; all is well"),
                    ReceiverVerdict {
                        duplicate: true,
                        change: Some(FrameChange::BitError),
                        ..verdict("dropped: PN 1 was already accepted")
                    },
                    ReceiverVerdict { change: Some(FrameChange::Modified), ..verdict("dropped: wrong ICV") },
                ],
                ..FrameComment::default()
            },
        ];
        for comment in comments {
            assert_eq!(FrameComment::parse(&comment.to_string(), Some("bs2")), comment);
        }
    }

    #[test]
    fn a_frame_was_accepted_if_one_arrival_was() {
        let parse = |text| FrameComment::parse(text, Some("bs2")).accepted();
        assert_eq!(parse("data; bs2: accepted: ICV good"), Some(true));
        assert_eq!(parse("data; bs2: dropped: PN 3 was already accepted"), Some(false));
        assert_eq!(parse("data; bs2: dropped: late; bs2 (a duplicate made by the link): done"), Some(true));
        assert_eq!(parse("RNG-REQ; bs2: no context here: asks for it"), Some(true));
        assert_eq!(parse("data\nlost"), Some(false));
        assert_eq!(parse("data"), None);
        assert_eq!(FrameComment::parse("data; bs2: done", None).accepted(), None);
    }
}
