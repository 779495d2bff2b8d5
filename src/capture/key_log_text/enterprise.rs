//! The lines of keys between UEs and end points in an enterprise, both ways.
//!
//! ```text
//! E2M string in_second=yes|no identifier=rand|hash bits                                                  -
//! AKA_KEYS ue rand from until                                                                            64 hex: CK, IK
//! E2M_INT_KEY ue identifier holder=ue|network|both from until                                            64 hex
//! E2M_KEY ue identifier emse holder=ue|network|both from until                                           64 hex
//!      ; string = hex, or - for none   bits = 1 to 32   rand = 32 hex   identifier = 8 hex   emse = EMSE_Id
//! ```

use super::eps::{KEY_HOLDERS, YES_NO};
use super::reading::{Line, digits};
use super::writing::{hex, times, word};
use crate::capture::error::CaptureError;
use crate::capture::key_log::enterprise::{AkaKeysRecord, E2mIntKeyRecord, E2mKeyRecord, EnterpriseRecord};
use crate::eps::identifiers::e2m::{KeyIdentifier, MAX_NAME};
use crate::eps::keys::{CkIk, E2mIntKey, E2mKey};
use crate::eps::security::e2m_keys::{E2mDerivation, IdentifierForm};

/// The kinds of these lines.
pub(super) const KINDS: [&str; 4] = ["E2M", "AKA_KEYS", "E2M_INT_KEY", "E2M_KEY"];

/// Whether the identifier is of RAND.
const FORMS: [(&str, bool); 2] = [("rand", true), ("hash", false)];

/// The text whose octets these digits are.
fn string(text: &str) -> Option<String> {
    if text == "-" {
        return Some(String::new());
    }
    let fits = text.is_ascii() && (2..=2 * MAX_NAME).contains(&text.len()) && text.len().is_multiple_of(2);
    let pairs = text.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).ok().and_then(digits::<1>));
    let octets: Option<Vec<u8>> = if fits { pairs.map(|octet| octet.map(|[octet]| octet)).collect() } else { None };
    octets.and_then(|octets| String::from_utf8(octets).ok())
}

fn identifier(line: &mut Line<'_>) -> Result<KeyIdentifier, CaptureError> {
    line.field("identifier", "8 hex digits", |text| text.parse().ok())
}

/// The record of a line of this kind, if it is one of [`KINDS`].
pub(super) fn record(kind: &str, line: &mut Line<'_>) -> Result<Option<EnterpriseRecord>, CaptureError> {
    Ok(Some(match kind {
        "E2M" => {
            let string = line.field("string", "text in hex digits, or -", string)?;
            let string_in_second = line.one_of("in_second", &YES_NO)?;
            let of_rand = line.one_of("identifier", &FORMS)?;
            let bits = line.field("bits", "a decimal number from 1 to 32", |text| {
                text.parse().ok().filter(|bits| (1..=32).contains(bits))
            })?;
            line.no_secret()?;
            let identifier = if of_rand { IdentifierForm::Rand { bits } } else { IdentifierForm::Hash { bits } };
            EnterpriseRecord::Settings(E2mDerivation { string, string_in_second, identifier })
        }
        "AKA_KEYS" => EnterpriseRecord::AkaKeys(AkaKeysRecord {
            ue: line.ue()?,
            rand: line.field("rand", "32 hex digits", digits)?,
            validity: line.validity()?,
            key: CkIk::from_octets(*line.secret()?.expose()),
        }),
        "E2M_INT_KEY" => EnterpriseRecord::IntKey(E2mIntKeyRecord {
            ue: line.ue()?,
            identifier: identifier(line)?,
            holder: line.one_of("holder", &KEY_HOLDERS)?,
            validity: line.validity()?,
            key: E2mIntKey::from_octets(*line.secret()?.expose()),
        }),
        "E2M_KEY" => EnterpriseRecord::Key(E2mKeyRecord {
            ue: line.ue()?,
            identifier: identifier(line)?,
            emse: line.field("emse", "an EMSE_Id", |text| text.parse().ok())?,
            holder: line.one_of("holder", &KEY_HOLDERS)?,
            validity: line.validity()?,
            key: E2mKey::from_octets(*line.secret()?.expose()),
        }),
        _ => return Ok(None),
    }))
}

pub(super) const fn kind(record: &EnterpriseRecord) -> &'static str {
    match record {
        EnterpriseRecord::Settings(_) => "E2M",
        EnterpriseRecord::AkaKeys(_) => "AKA_KEYS",
        EnterpriseRecord::IntKey(_) => "E2M_INT_KEY",
        EnterpriseRecord::Key(_) => "E2M_KEY",
    }
}

/// The fields of a record, and its secret.
pub(super) fn fields(record: &EnterpriseRecord) -> (String, String) {
    match record {
        EnterpriseRecord::Settings(r) => {
            let (form, bits) = match r.identifier {
                IdentifierForm::Rand { bits } => ("rand", bits),
                IdentifierForm::Hash { bits } => ("hash", bits),
            };
            let string = if r.string.is_empty() { "-".to_owned() } else { hex(r.string.as_bytes()) };
            let in_second = word(&YES_NO, &r.string_in_second);
            (format!("string={string} in_second={in_second} identifier={form} bits={bits}"), "-".to_owned())
        }
        EnterpriseRecord::AkaKeys(r) => {
            (format!("ue={} rand={} {}", r.ue, hex(&r.rand), times(r.validity)), hex(r.key.octets()))
        }
        EnterpriseRecord::IntKey(r) => {
            let holder = word(&KEY_HOLDERS, &r.holder);
            let fields = format!("ue={} identifier={} holder={holder} {}", r.ue, r.identifier, times(r.validity));
            (fields, hex(r.key.octets()))
        }
        EnterpriseRecord::Key(r) => {
            let (holder, times) = (word(&KEY_HOLDERS, &r.holder), times(r.validity));
            let fields = format!("ue={} identifier={} emse={} holder={holder} {times}", r.ue, r.identifier, r.emse);
            (fields, hex(r.key.octets()))
        }
    }
}
