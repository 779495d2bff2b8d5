//! Values that live: a number, or a text such as `"ms1@bs2.basic"` or `"first.pn + 1"` that stands for one.

use crate::adversary::{CidRole, FrameField, Source, Value};
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::Field;
use crate::scenario::script::stations::Stations;
use crate::scenario::script::value::Data;

/// What a text may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub stations: &'a Stations,
    /// The recordings that attacks of the script make.
    pub recordings: &'a [String],
    /// Whether there is a frame whose own fields are meant by their names.
    pub own: bool,
}

impl Scope<'_> {
    /// Everything that a text may begin with, for advice.
    fn names(&self) -> Vec<String> {
        let fields = FrameField::NAMED.map(|(name, _)| name);
        let mut names: Vec<String> =
            if self.own { fields.iter().map(ToString::to_string).collect() } else { Vec::new() };
        names.extend(self.recordings.iter().flat_map(|name| fields.map(|field| format!("{name}.{field}"))));
        // With many stations the advice would be long in coming.
        let stations = self.stations.mobile_stations.iter().take(16);
        names.extend(stations.flat_map(|mobile| {
            let bases = self.stations.base_stations.iter().take(16);
            bases.flat_map(|base| CidRole::NAMED.map(|(role, _)| format!("{}@{}.{role}", mobile.name, base.name)))
        }));
        names
    }

    fn source(&self, field: &Field<'_>, name: &str) -> Read<Option<Source>> {
        let of = |name: &str| FrameField::NAMED.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        if let Some((mobile, rest)) = name.split_once('@') {
            let Some((base, role)) = rest.split_once('.') else { return Ok(None) };
            let mobile = self.stations.mobile_station_called(field, mobile)?;
            let base = self.stations.base_station_called(field, base)?;
            let role = CidRole::NAMED.iter().find(|(known, _)| *known == role).map(|(_, role)| *role);
            let mac = self.stations.mobile_stations.get(mobile.0).map(|mobile| mobile.mac);
            let bsid = self.stations.base_stations.get(base.0).map(|base| base.bsid);
            return Ok(mac.zip(bsid).zip(role).map(|((mac, bsid), role)| Source::Cid(mac, bsid, role)));
        }
        Ok(match name.split_once('.') {
            Some((recording, name)) if self.recordings.iter().any(|known| known == recording) => {
                of(name).map(|field| Source::Recorded(recording.to_owned(), field))
            }
            Some(_) => None,
            None => of(name).filter(|_| self.own).map(Source::Own),
        })
    }
}

/// The value of `field`, at most `highest`.
pub(super) fn value(field: &Field<'_>, highest: u32, scope: Scope<'_>) -> Read<Value> {
    let expected = format!(
        "a whole number from 0 to {highest} or a value such as \"ms1@bs2.basic\"{} or \"RECORDING.pn + 1\"",
        if scope.own { ", \"pn\"" } else { "" }
    );
    let Data::Text(text) = field.data() else {
        return match field.data() {
            Data::Integer(_) => field.number(0..=highest).map(Value::given),
            _ => Err(field.mismatch(&expected)),
        };
    };
    let split = |sign: &str, factor: i64| {
        let (name, number) = text.split_once(sign)?;
        let number = number.trim();
        let number = match number.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok()?,
            None => number.parse::<u32>().ok().map(i64::from)?,
        };
        (0..=i64::from(u32::MAX)).contains(&number).then(|| (name.trim(), number * factor))
    };
    let (name, offset) = split(" + ", 1).or_else(|| split(" - ", -1)).unwrap_or((text.trim(), 0));
    match scope.source(field, name)? {
        Some(source) => Ok(Value { source, offset, text: text.clone() }),
        None => {
            let problem = field.mismatch(&expected);
            let names = scope.names();
            Err(suggest(problem, name, names.iter().map(String::as_str)))
        }
    }
}

/// Octets in hex, at least one; colons and spaces between them are ignored.
pub(super) fn octets(field: &Field<'_>, most: usize) -> Read<Vec<u8>> {
    let expected = format!("1 to {most} octets in hex");
    let text = field.text(&expected)?;
    let digits: String = text.chars().filter(|sign| !matches!(sign, ':' | ' ')).collect();
    let values: Option<Vec<u8>> = digits.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let (pairs, rest) = values.as_deref().unwrap_or_default().as_chunks::<2>();
    let octets: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    if rest.is_empty() && (1..=most).contains(&octets.len()) { Ok(octets) } else { Err(field.mismatch(&expected)) }
}
