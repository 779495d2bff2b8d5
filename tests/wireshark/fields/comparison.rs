//! Wireshark's fields of a frame against what keyhop expects.

use std::borrow::Cow;

use super::deviations::{Deviations, Tally};
use super::dissection::{Dissection, Token};
use super::expectation::Item;

/// The rule for a frame at whose end, behind a TLV that keyhop does not know, the dissector gave up.
const BROKEN_OFF: &str = "broken-off";
/// Tokens shown around a difference.
const AROUND: usize = 6;

/// The fields that stand behind a payload: CRC, the header of the next PDU, padding, the next subheader.
const BEHIND_A_PAYLOAD: [&str; 5] =
    ["wmx.genericCrc", "wmx.genericHt", "wmx.pdu.value", "wmx.genericPackSubhd.Fc", "wmx.genericPackSubhd.FcExt"];

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
    /// The rule that let the fields at the end of the TLV pass, if any did.
    passed: Option<&'static str>,
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
    let mut comparison = Comparison { deviations, tally, tokens, at: 0, opened: false, passed: None };
    for (position, item) in expected.iter().enumerate() {
        if comparison.step(item) {
            continue;
        }
        if comparison.opened
            && tokens[comparison.at..].contains(&Token::Malformed)
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
        [Token::Malformed, ..] if comparison.opened => {
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
            Item::End => return self.end(),
            Item::Maybe { rule, name } => {
                return next.is_none_or(|(found, _)| found != name) || self.deviates(rule);
            }
            Item::Absent { rule, name } => {
                self.tally.deviates(rule, name);
                return self.deviations.excuses(rule, name);
            }
            Item::Rest { rule, raw } => {
                self.passed = Some(rule);
                return self.rest(rule, raw.as_deref());
            }
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

    /// The end of a TLV.
    fn end(&mut self) -> bool {
        let passed = self.passed.take();
        if !self.marker(&Token::End) {
            return false;
        }
        // Sub-TLVs that are none stand behind the TLV.
        match (passed, self.next_field()) {
            (Some(rule), Some((name, _))) if name.ends_with(".invalid_tlv") => self.deviates(rule),
            _ => true,
        }
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
                Token::Field { name, .. } if depth == 0 && BEHIND_A_PAYLOAD.contains(&name.as_ref()) => return true,
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

#[cfg(test)]
mod tests {
    use super::super::dissection::frames;
    use super::super::expectation::Expectation;
    use super::*;

    /// A frame with a field of the first table, a TLV, and the TLV once more.
    const JSON: &str = r#"[{"_source": {"layers": {"frame": {"frame.len": "9"}, "eth": {"eth.lg": "1"}, "wmx": {
        "Some TLV": {"wmx.tlv_type": "7", "wmx.tlv_length": "1", "wmx.rng_req.ho_id": "5"},
        "Some TLV": {"wmx.tlv_type": "7", "wmx.tlv_length": "1", "wmx.rng_req.ho_id": "6"},
        "wmx.genericCrc": "0x01"}}}}]"#;

    fn compared(expectation: Expectation) -> (Result<(), String>, Tally) {
        let mut tally = Tally::default();
        let result = compare(&frames(JSON)[0], &expectation.finish(), &Deviations::read(), &mut tally);
        (result, tally)
    }

    fn tlv(fields: &mut Expectation, ho_id: u8) {
        fields.tlv(&[7, 1, ho_id], |fields, value| fields.is("wmx.rng_req.ho_id", value[0]));
    }

    fn whole(ho_ids: &[u8]) -> Expectation {
        let mut fields = Expectation::default();
        ho_ids.iter().for_each(|ho_id| tlv(&mut fields, *ho_id));
        fields.is("wmx.genericCrc", "0x01");
        fields
    }

    #[test]
    fn repeated_fields_are_compared_in_order() {
        let (result, tally) = compared(whole(&[5, 6]));
        assert_eq!(result, Ok(()));
        assert_eq!(tally.compared["wmx.rng_req.ho_id"], 2);
        assert_eq!(tally.deviations["addresses-again"]["eth.lg"], 1);
        let (result, _) = compared(whole(&[6, 5]));
        assert!(result.unwrap_err().contains(r#"expected Is { name: "wmx.rng_req.ho_id", value: "6" }"#));
    }

    #[test]
    fn a_field_too_few_and_one_too_many_are_faults() {
        assert!(compared(whole(&[5])).0.unwrap_err().contains(r#"name: "wmx.genericCrc""#));
        assert!(compared(whole(&[5, 6, 7])).0.unwrap_err().contains("expected Begin"));
        let mut without_crc = Expectation::default();
        tlv(&mut without_crc, 5);
        tlv(&mut without_crc, 6);
        assert!(compared(without_crc).0.unwrap_err().contains("nothing more expected"));
    }

    #[test]
    fn a_rule_excuses_only_what_its_row_names() {
        let passing = |rule, raw: &[u8]| {
            let mut fields = Expectation::default();
            fields.group(|fields| fields.rest_of(rule, raw));
            tlv(&mut fields, 6);
            fields.is("wmx.genericCrc", "0x01");
            compared(fields)
        };
        let (result, tally) = passing("tlv-not-read", &[]);
        assert_eq!(result, Ok(()));
        assert_eq!(tally.deviations["tlv-not-read"]["wmx.rng_req.ho_id"], 1);
        // Another row, and none.
        assert!(passing("eap-method", &[]).0.is_err());
        assert!(passing("no-such-rule", &[]).0.is_err());
    }

    #[test]
    fn octets_that_both_show_are_compared_under_a_rule_too() {
        let json = JSON.replace("wmx.rng_req.ho_id", "wmx.rng_req.unknown_tlv_type");
        let passing = |raw: u8| {
            let mut fields = Expectation::default();
            for _ in 0..2 {
                fields.tlv(&[7, 1, 5], |fields, _| fields.rest_of("tlv-not-read", &[raw]));
            }
            fields.is("wmx.genericCrc", "0x01");
            let json = json.replace(r#"e": "5""#, r#"e": "05""#).replace(r#"e": "6""#, r#"e": "05""#);
            compare(&frames(&json)[0], &fields.finish(), &Deviations::read(), &mut Tally::default())
        };
        assert_eq!(passing(5), Ok(()));
        passing(4).unwrap_err();
    }

    #[test]
    fn what_breaks_off_is_a_fault_unless_a_rule_let_fields_pass() {
        let json = JSON.replace(r#""wmx.genericCrc": "0x01"}"#, r#""x": {}}, "_ws.malformed": "Malformed Packet""#);
        let frame = |fields: Expectation| {
            compare(&frames(&json)[0], &fields.finish(), &Deviations::read(), &mut Tally::default())
        };
        frame(whole(&[5, 6])).unwrap_err();
        let mut fields = Expectation::default();
        tlv(&mut fields, 5);
        fields.tlv(&[7, 1, 6], |fields, _| fields.rest("tlv-not-read"));
        fields.is("wmx.genericCrc", "0x01");
        assert_eq!(frame(fields), Ok(()));
    }
}
