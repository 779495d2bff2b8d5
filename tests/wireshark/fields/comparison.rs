//! Wireshark's fields of a frame against what keyhop expects.

use std::borrow::Cow;

use super::deviations::{Deviations, Tally};
use super::dissection::{Dissection, Token};
use super::expectation::Item;

/// The rule for a frame at whose end, behind a TLV that keyhop does not know, the dissector gave up.
const BROKEN_OFF: &str = "broken-off";
/// Tokens shown around a difference.
const AROUND: usize = 6;

/// Whether a field shows the octets of a value that Wireshark does not take apart.
fn is_raw(name: &str) -> bool {
    name.ends_with("unknown_tlv_type")
        || name.ends_with("unknown.type")
        || name.ends_with("tlv_value_bytes")
        || name.ends_with("tlv.Unknown.value")
}

struct Comparison<'c, 'a> {
    deviations: &'c Deviations,
    tally: &'c mut Tally,
    tokens: &'c [Token<'a>],
    at: usize,
    /// Whether a rule let any fields pass in this frame: then the dissector may give up, too.
    opened: bool,
}

/// Compares the fields of one frame, and counts them in `tally`.
///
/// # Errors
/// The first field that differs and stands under no rule.
pub fn compare(
    dissection: &Dissection<'_>,
    expected: &[Item],
    deviations: &Deviations,
    tally: &mut Tally,
) -> Result<(), String> {
    tally.frames += 1;
    let tokens = &dissection.0;
    let mut comparison = Comparison { deviations, tally, tokens, at: 0, opened: false };
    for (position, item) in expected.iter().enumerate() {
        if comparison.step(item) {
            continue;
        }
        if comparison.opened
            && tokens.last() == Some(&Token::Malformed)
            && deviations.excuses(BROKEN_OFF, "_ws.malformed")
        {
            comparison.broken_off();
            return Ok(());
        }
        let from = position.saturating_sub(AROUND);
        let shown = &tokens[comparison.at.saturating_sub(AROUND)..tokens.len().min(comparison.at + AROUND)];
        return Err(format!(
            "expected {item:?}\n  after {:?}\n  tshark shows {:?}\n  around {shown:?}",
            &expected[from..position],
            tokens.get(comparison.at)
        ));
    }
    comparison.pass_never_compared();
    match &tokens[comparison.at..] {
        [] => Ok(()),
        [Token::Malformed] if comparison.opened => {
            comparison.broken_off();
            Ok(())
        }
        more => Err(format!("nothing more expected, tshark shows {:?}", &more[..more.len().min(AROUND)])),
    }
}

impl<'a> Comparison<'_, 'a> {
    fn next_field(&self) -> Option<(&Cow<'a, str>, &Cow<'a, str>)> {
        match self.tokens.get(self.at) {
            Some(Token::Field { name, value }) => Some((name, value)),
            _ => None,
        }
    }

    /// Steps over fields that are never compared.
    fn pass_never_compared(&mut self) {
        while let Some(Token::Field { name, .. }) = self.tokens.get(self.at)
            && let Some(rule) = self.deviations.never_compared(name)
        {
            self.tally.deviates(rule.name, name);
            self.at += 1;
        }
    }

    /// Whether `item` is what comes next; then it is behind us.
    fn step(&mut self, item: &Item) -> bool {
        self.pass_never_compared();
        let next = self.next_field();
        match item {
            Item::Begin => return self.marker(&Token::Begin),
            Item::End => return self.marker(&Token::End),
            Item::Absent { rule, name } => {
                self.tally.deviates(rule, name);
                return self.deviations.excuses(rule, name);
            }
            Item::Rest { rule, raw } => return self.rest(rule, raw.as_deref()),
            Item::Is { name, value } => {
                if next != Some((&Cow::Borrowed(name), &Cow::Borrowed(value))) {
                    return false;
                }
                self.tally.equal(name);
            }
            Item::Shown { rule, name, value } => {
                if next != Some((&Cow::Borrowed(name), &Cow::Borrowed(value))) {
                    return false;
                }
                return self.deviates(rule);
            }
            Item::Unnamed { rule, value } => {
                if next.is_none_or(|(_, found)| found != value) {
                    return false;
                }
                return self.deviates(rule);
            }
            Item::Listed { rule, name } => {
                if next.is_none_or(|(found, _)| found != name) {
                    return false;
                }
                return self.deviates(rule);
            }
        }
        self.at += 1;
        true
    }

    fn marker(&mut self, marker: &Token<'_>) -> bool {
        let here = self.tokens.get(self.at) == Some(marker);
        self.at += usize::from(here);
        here
    }

    /// The next field stands under `rule`, if the rule is about it.
    fn deviates(&mut self, rule: &str) -> bool {
        let Some(Token::Field { name, .. }) = self.tokens.get(self.at) else { return false };
        let covered = self.deviations.excuses(rule, name);
        if covered {
            self.tally.deviates(rule, name);
            self.at += 1;
        }
        covered
    }

    fn rest(&mut self, rule: &str, raw: Option<&str>) -> bool {
        self.opened = true;
        let mut depth = 0_usize;
        let mut first = true;
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Malformed => return true,
                Token::Begin => depth += 1,
                Token::End if depth == 0 => return true,
                Token::End => depth -= 1,
                Token::Field { name, value } => {
                    if first && depth == 0 && is_raw(name) && raw.is_some_and(|raw| raw != value) {
                        return false;
                    }
                    if let Some(rule) = self.deviations.never_compared(name) {
                        self.tally.deviates(rule.name, name);
                    } else if self.deviations.excuses(rule, name) {
                        self.tally.deviates(rule, name);
                    } else {
                        return false;
                    }
                }
            }
            first = false;
            self.at += 1;
        }
        true
    }

    /// Takes note that the dissector gave up before the end of the frame.
    fn broken_off(&mut self) {
        self.tally.deviates(BROKEN_OFF, "_ws.malformed");
    }
}
