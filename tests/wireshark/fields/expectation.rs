//! What the parsers of this crate expect Wireshark to show, field by field.

use std::borrow::Cow;
use std::fmt::{Display, LowerHex};

/// The next thing in Wireshark's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A field with this value.
    Is { name: Cow<'static, str>, value: String },
    /// A field that Wireshark shows otherwise than keyhop reads it, under a rule of the page; what it shows is known.
    Shown { rule: &'static str, name: Cow<'static, str>, value: String },
    /// A field with a name that only Wireshark knows, under a rule; the value is known.
    Unnamed { rule: &'static str, value: String },
    /// One field under a rule, with any value.
    Listed { rule: &'static str, name: Cow<'static, str> },
    /// Any fields, or none, up to the end of the TLV, of the payload of the MAC PDU or of the frame, under a rule. If the first is called unknown, its value
    /// is `raw`.
    Rest { rule: &'static str, raw: Option<String> },
    /// A field that may be there or not, under a rule, with any value.
    Maybe { rule: &'static str, name: &'static str },
    /// Wireshark does not show this field, nor what follows it in the TLV, under a rule.
    Absent { rule: &'static str, name: &'static str },
    /// A TLV begins.
    Begin,
    /// A TLV ends.
    End,
}

/// A list of items being made.
#[derive(Default)]
pub struct Expectation {
    items: Vec<Item>,
    /// What stands at the end of the frame, whatever it is part of.
    at_the_end: Vec<Item>,
}

/// How a part of an octet or word is printed.
#[derive(Clone, Copy)]
pub enum Form {
    Decimal,
    /// Hexadecimal with as many digits as the word has.
    Hex,
}

/// Octets as tshark prints them: `0a:01`.
pub fn octets(octets: &[u8]) -> String {
    let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(":")
}

/// A number with `digits` hexadecimal digits.
pub fn hex(value: impl LowerHex, digits: usize) -> String {
    format!("0x{value:0digits$x}")
}

/// A floating-point number of single precision as C's `%g` prints it, six significant digits.
pub fn float(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation)]
    let value = f64::from(value as f32);
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap();
        return trimmed(&format!("{value:.decimals$}"));
    }
    format!("{}e{}{:02}", trimmed(mantissa), if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

impl Expectation {
    /// All items.
    pub fn finish(mut self) -> Vec<Item> {
        self.items.append(&mut self.at_the_end);
        self.items
    }

    /// Octets that no dissector takes: Wireshark shows them as a layer of its own behind all others.
    pub fn data(&mut self, data: &[u8]) {
        let is = |name, value| Item::Is { name: Cow::Borrowed(name), value };
        self.at_the_end.push(is("data.data", octets(data)));
        self.at_the_end.push(is("data.len", data.len().to_string()));
    }

    pub fn is(&mut self, name: impl Into<Cow<'static, str>>, value: impl Display) {
        self.items.push(Item::Is { name: name.into(), value: value.to_string() });
    }

    pub fn octets(&mut self, name: impl Into<Cow<'static, str>>, value: &[u8]) {
        self.is(name, octets(value));
    }

    pub fn hex(&mut self, name: impl Into<Cow<'static, str>>, value: impl LowerHex, digits: usize) {
        self.is(name, hex(value, digits));
    }

    /// Wireshark shows `shown` where keyhop reads `ours`: a deviation under `rule`, unless both are the same.
    pub fn shown(
        &mut self,
        rule: &'static str,
        name: impl Into<Cow<'static, str>>,
        ours: impl Display,
        shown: impl Display,
    ) {
        let (name, ours, value) = (name.into(), ours.to_string(), shown.to_string());
        self.items.push(if ours == value { Item::Is { name, value } } else { Item::Shown { rule, name, value } });
    }

    pub fn listed(&mut self, rule: &'static str, name: impl Into<Cow<'static, str>>) {
        self.items.push(Item::Listed { rule, name: name.into() });
    }

    pub fn unnamed(&mut self, rule: &'static str, value: &[u8]) {
        self.items.push(Item::Unnamed { rule, value: octets(value) });
    }

    pub fn maybe(&mut self, rule: &'static str, name: &'static str) {
        self.items.push(Item::Maybe { rule, name });
    }

    pub fn absent(&mut self, rule: &'static str, name: &'static str) {
        self.items.push(Item::Absent { rule, name });
    }

    pub fn rest(&mut self, rule: &'static str) {
        self.items.push(Item::Rest { rule, raw: None });
    }

    pub fn rest_of(&mut self, rule: &'static str, raw: &[u8]) {
        self.items.push(Item::Rest { rule, raw: Some(octets(raw)) });
    }

    /// A subtree of a TLV.
    pub fn group(&mut self, inside: impl FnOnce(&mut Self)) {
        self.items.push(Item::Begin);
        inside(self);
        self.items.push(Item::End);
    }

    /// The parts of `word`, which has `digits` hexadecimal digits: name, mask, form.
    pub fn parts(&mut self, word: impl Into<u64>, digits: usize, parts: &[(&'static str, u64, Form)]) {
        let word = word.into();
        for (name, mask, form) in parts {
            let value = (word & mask) >> mask.trailing_zeros();
            match form {
                Form::Decimal => self.is(*name, value),
                Form::Hex => self.hex(*name, value, digits),
            }
        }
    }

    /// The flags of an octet: name and mask.
    pub fn flags(&mut self, octet: u8, flags: &[(&'static str, u8)]) {
        for (name, mask) in flags {
            self.is(*name, u8::from(octet & mask != 0));
        }
    }

    /// A TLV of a management message, whose octets are `tlv`: type and length, then what `inside` adds from the value.
    pub fn tlv(&mut self, tlv: &[u8], inside: impl FnOnce(&mut Self, &[u8])) {
        self.group(|fields| {
            fields.is("wmx.tlv_type", tlv[0]);
            let count = usize::from(tlv[1] & 0x7f);
            let (length, value) = if tlv[1] < 0x80 {
                (count, &tlv[2..])
            } else {
                fields.is("wmx.tlv_length_size", count);
                let length = tlv[2..2 + count].iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
                (length, &tlv[2 + count..])
            };
            fields.is("wmx.tlv_length", length);
            assert_eq!(length, value.len());
            inside(fields, value);
        });
    }
}

#[test]
fn numbers_are_printed_as_c_prints_them() {
    let printed = [(0.0, "0"), (31.75, "31.75"), (-12.0, "-12"), (1_073_741_822.0, "1.07374e+09"), (0.25, "0.25")];
    for (value, text) in printed {
        assert_eq!(float(value), text);
    }
    assert_eq!(float(99_999.75), "99999.8");
    assert_eq!(float(1e-5), "1e-05");
    assert_eq!(float(100_000.0), "100000");
    assert_eq!(float(459_621_504.25), "4.59622e+08");
}
