//! Text into a key log, with line and column of what is wrong.

use std::fs::File;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;

use zeroize::Zeroizing;

use super::{CONNECTION_TYPES, FIRST_LINE, MAX_LINE, MAX_OCTETS, TEK_HOLDERS, TEK_NUMBERS, TEK_SOURCES, eps, is_word};
use crate::capture::error::{CaptureError, Place};
use crate::capture::key_log::{
    AkRecord, CmacKeyRecord, ConnectionRecord, KekRecord, KeyLog, KeyRecord, NodeRecord, Note, PmkRecord, TekRecord,
    Validity,
};
use crate::capture::secret::Secret;
use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use crate::time::VirtualTime;

/// A piece of a line between two spaces; `column` counts octets from 1.
#[derive(Clone, Copy)]
struct Token<'a> {
    column: usize,
    text: &'a str,
}

/// One record on its way from text: its fields by name, its secret, and where they stand.
pub(super) struct Line<'a> {
    number: usize,
    fields: Vec<(&'a str, Token<'a>)>,
    secret: Token<'a>,
    end: usize,
    used: Vec<&'static str>,
}

fn tokens(line: &str) -> Vec<Token<'_>> {
    let mut column = 1usize;
    line.split(' ')
        .map(|text| {
            let token = Token { column, text };
            column = column.saturating_add(text.len()).saturating_add(1);
            token
        })
        .collect()
}

fn error(line: usize, column: usize, expected: impl Into<String>, found: impl Into<String>) -> CaptureError {
    CaptureError::malformed(Place::Line { line, column }, expected, found)
}

pub(super) fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.checked_mul(2)? || !text.is_ascii() {
        return None;
    }
    let mut octets = [0; N];
    for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = <[u8; 2]>::try_from(pair).ok()?;
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *octet = digit(high)? << 4 | digit(low)?;
    }
    Some(octets)
}

/// A decimal number without sign, as the whole of the text.
pub(super) fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok())?
}

impl<'a> Line<'a> {
    pub(super) fn field<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, CaptureError> {
        self.used.push(name);
        let Some((_, value)) = self.fields.iter().find(|(known, _)| *known == name) else {
            return Err(error(self.number, self.end, format!("a field {name}="), "the end of the record without it"));
        };
        let wrong = || error(self.number, value.column, format!("{name}= {expected}"), format!("{:?}", value.text));
        parse(value.text).ok_or_else(wrong)
    }

    fn ms(&mut self) -> Result<MsMac, CaptureError> {
        self.field("ms", "12 hex digits", |text| digits(text).map(MsMac))
    }

    fn bs(&mut self) -> Result<Bsid, CaptureError> {
        self.field("bs", "12 hex digits", |text| digits(text).map(Bsid))
    }

    fn akid(&mut self) -> Result<AkId, CaptureError> {
        self.field("akid", "16 hex digits", |text| digits(text).map(AkId))
    }

    fn said(&mut self) -> Result<Said, CaptureError> {
        self.field("said", "4 hex digits", |text| digits(text).map(u16::from_be_bytes).map(Said))
    }

    fn count(&mut self) -> Result<CmacKeyCount, CaptureError> {
        self.field("count", "a decimal number up to 65535", |text| {
            decimal(text).and_then(|count| u16::try_from(count).ok()).map(CmacKeyCount)
        })
    }

    pub(super) fn small(&mut self, name: &'static str, highest: u8) -> Result<u8, CaptureError> {
        self.field(name, &format!("a decimal number up to {highest}"), |text| {
            decimal(text).and_then(|number| u8::try_from(number).ok()).filter(|number| *number <= highest)
        })
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &'static str,
        table: &[(&'static str, T)],
    ) -> Result<T, CaptureError> {
        let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
        self.field(name, &words.join(" | "), |text| {
            table.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
        })
    }

    pub(super) fn validity(&mut self) -> Result<Validity, CaptureError> {
        let time = |text: &str| match text {
            "-" => Some(None),
            text => decimal(text).map(VirtualTime::from_nanos).map(Some),
        };
        let expected = "decimal nanoseconds or -";
        Ok(Validity { from: self.field("from", expected, time)?, until: self.field("until", expected, time)? })
    }

    pub(super) fn secret<const N: usize>(&self) -> Result<Secret<N>, CaptureError> {
        digits(self.secret.text).map(Secret::new).ok_or_else(|| {
            // What stands there may be most of a key: it is not repeated.
            let found = format!("{} characters that are not that", self.secret.text.chars().count());
            let expected = format!("a key of {} hex digits at the end", N.saturating_mul(2));
            error(self.number, self.secret.column, expected, found)
        })
    }

    /// Octets at the end that are no key of this kind. They are not repeated.
    pub(super) fn no_key(&self, kind: &str) -> CaptureError {
        error(self.number, self.secret.column, format!("a key of {kind} at the end"), "one that is none")
    }

    pub(super) fn no_secret(&self) -> Result<(), CaptureError> {
        match self.secret.text {
            "-" => Ok(()),
            found => Err(error(self.number, self.secret.column, "- at the end", format!("{found:?}"))),
        }
    }

    /// Every field that the record does not know, or that stands there twice, becomes a note or an error.
    fn rest(&self, kind: &str, notes: &mut Vec<Note>) -> Result<(), CaptureError> {
        for (index, (name, value)) in self.fields.iter().enumerate() {
            if self.fields.iter().take(index).any(|(earlier, _)| earlier == name) {
                let column = value.column.saturating_sub(name.len()).saturating_sub(1);
                return Err(error(self.number, column, "every field once", format!("{name}= again")));
            }
            if !self.used.contains(name) {
                notes.push(Note { line: self.number, text: format!("{kind} has an unknown field {name}") });
            }
        }
        Ok(())
    }
}

fn node(line: &mut Line<'_>) -> Result<NodeRecord, CaptureError> {
    let name = |text: &str| is_word(text).then(|| text.to_owned());
    let record = NodeRecord {
        name: line.field("name", "a name in visible ASCII", name)?,
        role: line.field("role", "a role in visible ASCII", name)?,
        ip: line.field("ip", "an IPv4 address or -", |text| match text {
            "-" => Some(None),
            text => text.parse::<Ipv4Addr>().ok().map(Some),
        })?,
        id: line.field("id", "12 hex digits or -", |text| match text {
            "-" => Some(None),
            text => digits(text).map(Some),
        })?,
    };
    line.no_secret()?;
    Ok(record)
}

fn record(kind: &str, line: &mut Line<'_>) -> Result<Option<KeyRecord>, CaptureError> {
    Ok(Some(match kind {
        "CONN" => {
            let record = ConnectionRecord {
                ms: line.ms()?,
                bs: line.bs()?,
                cid: line.field("cid", "4 hex digits", |text| digits(text).map(u16::from_be_bytes).map(Cid))?,
                kind: line.one_of("type", &CONNECTION_TYPES)?,
                said: line.said()?,
                validity: line.validity()?,
            };
            line.no_secret()?;
            KeyRecord::Connection(record)
        }
        "PMK" => KeyRecord::Pmk(PmkRecord {
            ms: line.ms()?,
            pmk_sn: line.small("pmk_sn", 15)?,
            validity: line.validity()?,
            key: line.secret()?,
        }),
        "AK" => KeyRecord::Ak(AkRecord {
            ms: line.ms()?,
            bs: line.bs()?,
            ak_sn: AkSequenceNumber(line.small("ak_sn", 15)?),
            akid: line.akid()?,
            validity: line.validity()?,
            key: line.secret()?,
        }),
        "KEK" => KeyRecord::Kek(KekRecord {
            ms: line.ms()?,
            bs: line.bs()?,
            akid: line.akid()?,
            validity: line.validity()?,
            key: line.secret()?,
        }),
        "CMAC_KEY_U" | "CMAC_KEY_D" => KeyRecord::CmacKey(CmacKeyRecord {
            direction: if kind == "CMAC_KEY_U" { Direction::Uplink } else { Direction::Downlink },
            ms: line.ms()?,
            bs: line.bs()?,
            akid: line.akid()?,
            count: line.count()?,
            validity: line.validity()?,
            key: line.secret()?,
        }),
        "TEK" => KeyRecord::Tek(TekRecord {
            ms: line.ms()?,
            bs: line.bs()?,
            akid: line.akid()?,
            said: line.said()?,
            count: line.count()?,
            tek: line.one_of("tek", &TEK_NUMBERS)?,
            eks: line.small("eks", 3)?,
            source: line.one_of("source", &TEK_SOURCES)?,
            holder: line.one_of("holder", &TEK_HOLDERS)?,
            validity: line.validity()?,
            key: line.secret()?,
        }),
        _ => return Ok(None),
    }))
}

fn parse_line(number: usize, text: &str, log: &mut KeyLog, notes: &mut Vec<Note>) -> Result<(), CaptureError> {
    let mut pieces = tokens(text).into_iter();
    let kind = pieces.next().map_or("", |token| token.text);
    let known = ["NODE", "CONN", "PMK", "AK", "KEK", "CMAC_KEY_U", "CMAC_KEY_D", "TEK"].contains(&kind);
    if !known && !eps::KINDS.contains(&kind) {
        if kind.is_empty() {
            return Err(error(number, 1, "a record or a line that begins with #", "a space or an empty line"));
        }
        notes.push(Note { line: number, text: format!("unknown kind {kind}") });
        return Ok(());
    }
    let end = text.len().saturating_add(1);
    let Some(secret) = pieces.next_back() else {
        return Err(error(number, end, "fields and a secret", "the end of the line"));
    };
    let mut fields = Vec::new();
    for token in pieces {
        let Some((name, value)) = token.text.split_once('=') else {
            return Err(error(number, token.column, "name=value", format!("{:?}", token.text)));
        };
        let column = token.column.saturating_add(name.len()).saturating_add(1);
        fields.push((name, Token { column, text: value }));
    }
    let mut line = Line { number, fields, secret, end: secret.column, used: Vec::new() };
    if kind == "NODE" {
        log.nodes.push(node(&mut line)?);
    } else if let Some(record) = record(kind, &mut line)? {
        log.records.push(record);
    } else if let Some(record) = eps::record(kind, &mut line)? {
        log.eps.push(record);
    }
    line.rest(kind, notes)
}

/// Reads a key log. Lines that begin with `#` are comments; unknown kinds and fields are noted and left out.
///
/// # Errors
/// The first line is not [`FIRST_LINE`], a line is longer than [`MAX_LINE`] or not UTF-8, or a record of a known kind
/// lacks a field, has one twice or has a value that is none; with line and column.
pub fn parse(text: &[u8]) -> Result<(KeyLog, Vec<Note>), CaptureError> {
    let mut log = KeyLog::default();
    let mut notes = Vec::new();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for (index, line) in text.split(|octet| *octet == b'\n').enumerate() {
        let number = index.saturating_add(1);
        if line.len() > MAX_LINE {
            let found = format!("{} octets", line.len());
            return Err(error(number, MAX_LINE, format!("a line of at most {MAX_LINE} octets"), found));
        }
        let line = std::str::from_utf8(line).map_err(|fault| {
            error(number, fault.valid_up_to().saturating_add(1), "ASCII text", "octets that are not even UTF-8")
        })?;
        if number == 1 {
            if line != FIRST_LINE {
                return Err(error(1, 1, format!("the line {FIRST_LINE:?}"), format!("{line:?}")));
            }
        } else if !line.starts_with('#') {
            parse_line(number, line, &mut log, &mut notes)?;
        }
    }
    Ok((log, notes))
}

/// Reads a key log file.
///
/// # Errors
/// The file cannot be read or is longer than [`MAX_OCTETS`], or those of [`parse`]; the error names the file.
pub fn read(path: &Path) -> Result<(KeyLog, Vec<Note>), CaptureError> {
    let io = |error| CaptureError::io("cannot be read", error).in_file(path);
    let mut text = Zeroizing::new(Vec::new());
    File::open(path).map_err(io)?.take(MAX_OCTETS.saturating_add(1)).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_OCTETS {
        let expected = format!("a key log of at most {MAX_OCTETS} octets");
        return Err(CaptureError::malformed(Place::Whole, expected, "a longer one").in_file(path));
    }
    parse(&text).map_err(|error| error.in_file(path))
}
