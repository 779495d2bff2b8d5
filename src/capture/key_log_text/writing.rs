//! A key log into text. The same records give the same text, in whatever order they come.

use std::io::Write;

use zeroize::Zeroizing;

use super::{CONNECTION_TYPES, FIRST_LINE, TEK_HOLDERS, TEK_NUMBERS, TEK_SOURCES, eps, is_word};
use crate::capture::error::CaptureError;
use crate::capture::key_log::{CmacKeyRecord, KeyLog, KeyRecord, NodeRecord, Validity};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len().saturating_mul(2)), |mut digits, octet| {
        for digit in [octet >> 4, octet & 15] {
            digits.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        digits
    })
}

pub(super) fn word<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("-", |(word, _)| word)
}

fn instant(time: Option<VirtualTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.as_nanos().to_string())
}

pub(super) fn times(Validity { from, until }: Validity) -> String {
    format!("from={} until={}", instant(from), instant(until))
}

fn kind(record: &KeyRecord) -> &'static str {
    match record {
        KeyRecord::Connection(_) => "CONN",
        KeyRecord::Pmk(_) => "PMK",
        KeyRecord::Ak(_) => "AK",
        KeyRecord::Kek(_) => "KEK",
        KeyRecord::CmacKey(CmacKeyRecord { direction: Direction::Uplink, .. }) => "CMAC_KEY_U",
        KeyRecord::CmacKey(CmacKeyRecord { direction: Direction::Downlink, .. }) => "CMAC_KEY_D",
        KeyRecord::Tek(_) => "TEK",
    }
}

fn record_line(record: &KeyRecord) -> Zeroizing<String> {
    let times = times(record.validity());
    let (fields, secret) = match record {
        KeyRecord::Connection(r) => (
            format!(
                "ms={} bs={} cid={:04x} type={} said={:04x}",
                hex(&r.ms.0),
                hex(&r.bs.0),
                r.cid.0,
                word(&CONNECTION_TYPES, &r.kind),
                r.said.0
            ),
            Zeroizing::new("-".to_owned()),
        ),
        KeyRecord::Pmk(r) => (format!("ms={} pmk_sn={}", hex(&r.ms.0), r.pmk_sn), Zeroizing::new(hex(r.key.expose()))),
        KeyRecord::Ak(r) => (
            format!("ms={} bs={} ak_sn={} akid={}", hex(&r.ms.0), hex(&r.bs.0), r.ak_sn, r.akid),
            Zeroizing::new(hex(r.key.expose())),
        ),
        KeyRecord::Kek(r) => {
            (format!("ms={} bs={} akid={}", hex(&r.ms.0), hex(&r.bs.0), r.akid), Zeroizing::new(hex(r.key.expose())))
        }
        KeyRecord::CmacKey(r) => (
            format!("ms={} bs={} akid={} count={}", hex(&r.ms.0), hex(&r.bs.0), r.akid, r.count),
            Zeroizing::new(hex(r.key.expose())),
        ),
        KeyRecord::Tek(r) => (
            format!(
                "ms={} bs={} akid={} said={:04x} count={} tek={} eks={} source={} holder={}",
                hex(&r.ms.0),
                hex(&r.bs.0),
                r.akid,
                r.said.0,
                r.count,
                word(&TEK_NUMBERS, &r.tek),
                r.eks,
                word(&TEK_SOURCES, &r.source),
                word(&TEK_HOLDERS, &r.holder)
            ),
            Zeroizing::new(hex(r.key.expose())),
        ),
    };
    Zeroizing::new(format!("{} {fields} {times} {}", kind(record), *secret))
}

fn node_line(node: &NodeRecord) -> Result<String, CaptureError> {
    for name in [&node.name, &node.role] {
        if !is_word(name) {
            return Err(CaptureError::Unwritable {
                frame: 0,
                expected: "the name and role of a node in visible ASCII without spaces".to_owned(),
                found: format!("{name:?}"),
            });
        }
    }
    let ip = node.ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
    let id = node.id.map_or_else(|| "-".to_owned(), |id| hex(&id));
    Ok(format!("NODE name={} role={} ip={ip} id={id} -", node.name, node.role))
}

/// Writes a key log. The same records give the same text, in whatever order they come.
///
/// # Errors
/// `out` refuses, or the name or role of a node is no word of visible ASCII.
pub fn write(log: &KeyLog, out: &mut (impl Write + ?Sized)) -> Result<(), CaptureError> {
    let mut nodes = log.nodes.iter().map(node_line).collect::<Result<Vec<_>, _>>()?;
    nodes.sort_unstable();
    let from = |validity: Validity| validity.from.map_or(0, VirtualTime::as_nanos);
    let dot16 = log.records.iter().map(|record| Ok((from(record.validity()), kind(record), record_line(record))));
    let of_eps = log.eps.iter().map(|record| Ok((from(record.validity()), eps::kind(record), eps::line(record)?)));
    let mut records = dot16.chain(of_eps).collect::<Result<Vec<_>, CaptureError>>()?;
    records.sort_unstable_by(|a, b| (a.0, a.1, a.2.as_str()).cmp(&(b.0, b.1, b.2.as_str())));
    let lines = std::iter::once(FIRST_LINE)
        .chain(nodes.iter().map(String::as_str))
        .chain(records.iter().map(|(_, _, line)| line.as_str()));
    for line in lines {
        out.write_all(line.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|error| CaptureError::io("cannot be written", error))?;
    }
    out.flush().map_err(|error| CaptureError::io("cannot be written", error))
}
