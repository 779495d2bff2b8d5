//! The table `inject`: frames of the adversary's own making.

use super::Tap;
use super::forged_message::{self, mobile};
use super::messages::{MESSAGES, MessageName};
use super::value::{Scope, octets, value};
use crate::adversary::{Forgery, FrameField, Value};
use crate::dot16::backbone::{BackboneEndpoint, MessageKind};
use crate::dot16::identifiers::Bsid;
use crate::dot16::wire::{ManagementMessage, RngReq};
use crate::scenario::script::links::{DirectedLink, Link, LinkEnd};
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};
use crate::scenario::script::stations::{BaseStationId, Stations};
use crate::scenario::world::endpoint;

/// Of which a table has exactly one.
const KINDS: &[&str] = &["octets", "data", "message", "control"];
const OF_MESSAGES: &[&str] = &["cid", "body", "cmac_key_count", "cmac_pn", "tuple"];
const OF_CONTROL: &[&str] = &["mobile_station", "base_station", "count"];
pub(in crate::scenario::script) const DATA_KEYS: &[&str] = &["cid", "eks", "pn", "length"];

/// Longest frame, in octets.
const FRAME: usize = 2_047;
/// Longest ciphertext: what a PDU holds beside header, PN, ICV and CRC.
const CIPHERTEXT: u16 = 2_025;

/// The frame that `field` describes, for the link `tap` where there is one.
pub(super) fn read(field: &Field<'_>, tap: Option<Tap>, scope: Scope<'_>) -> Read<Forgery> {
    let keys = keys();
    let section = field.section(&keys)?;
    let what = section.exactly_one(KINDS)?;
    let legal = match what.key() {
        "message" => [OF_MESSAGES, forged_message::FIELDS].concat(),
        "control" => OF_CONTROL.to_vec(),
        _ => Vec::new(),
    };
    for key in keys.iter().filter(|key| !KINDS.contains(key) && !legal.contains(key)) {
        section.refuse(key, &format!("beside {}", what.key()))?;
    }
    let backbone = tap.is_some_and(Tap::is_backbone);
    if backbone && matches!(what.key(), "data" | "message") {
        return Err(what.mismatch("a tap on the air beside what only stations on the air send"));
    }
    match what.key() {
        "octets" => octets(&what, FRAME).map(Forgery::Octets),
        "data" => data(&what.section(DATA_KEYS)?, scope),
        "control" => control(&section, &what, tap.and_then(Tap::link), scope),
        _ => message(&section, &what, tap.and_then(Tap::link), scope),
    }
}

/// Every legal key.
pub(in crate::scenario::script) fn keys() -> Vec<&'static str> {
    let mut keys = [KINDS, OF_MESSAGES, forged_message::FIELDS].concat();
    keys.extend(OF_CONTROL.iter().filter(|key| !forged_message::FIELDS.contains(key)));
    keys
}

fn field_value(section: &Section<'_>, key: &str, of_frame: FrameField, scope: Scope<'_>) -> Read<Option<Value>> {
    section.field(key).map(|field| value(&field, of_frame.highest(), scope)).transpose()
}

fn cid(section: &Section<'_>, scope: Scope<'_>) -> Read<Value> {
    let field = section.required("cid", "a CID such as \"ms1@bs2.basic\"")?;
    value(&field, FrameField::Cid.highest(), scope)
}

fn data(section: &Section<'_>, scope: Scope<'_>) -> Read<Forgery> {
    Ok(Forgery::Data {
        cid: cid(section, scope)?,
        eks: field_value(section, "eks", FrameField::Eks, scope)?.unwrap_or(Value::given(0)),
        pn: field_value(section, "pn", FrameField::Pn, scope)?.unwrap_or(Value::given(1)),
        length: section.read("length", 60, |field| field.number(0..=CIPHERTEXT))?,
    })
}

/// A management message on a link on the air, or on whichever the frame passes that starts the attack.
fn message(section: &Section<'_>, what: &Field<'_>, tap: Option<DirectedLink>, scope: Scope<'_>) -> Read<Forgery> {
    let expected = "the name of a management message such as \"RNG-REQ\"";
    let name = what.text(expected)?;
    let Some(name) =
        MESSAGES.iter().find(|(known, _)| *known == name).and_then(|(_, kind)| MessageName::of_type(*kind))
    else {
        let problem = what.mismatch(expected);
        return Err(suggest(problem, name, MESSAGES.iter().map(|(name, _)| *name)));
    };
    let cid = cid(section, scope)?;
    let is_rng_req = name.message_type() == RngReq::TYPE;
    if !is_rng_req {
        section.refuse("cmac_key_count", "in a message other than RNG-REQ")?;
    }
    let cmac_key_count = field_value(section, "cmac_key_count", FrameField::CmacKeyCount, scope)?;
    let cmac_pn = field_value(section, "cmac_pn", FrameField::CmacPn, scope)?;
    let has_tuple = section.read("tuple", cmac_pn.is_some(), Field::boolean)?;
    if !has_tuple {
        section.refuse("cmac_pn", "without a tuple")?;
    }
    let message = match section.field("body") {
        Some(body) => {
            for key in forged_message::FIELDS.iter().chain(&["cmac_key_count"]) {
                section.refuse(key, "beside body")?;
            }
            ManagementMessage::Other { message_type: name.message_type(), body: octets(&body, FRAME - 11)? }
        }
        None => forged_message::read(section, what, name.message_type(), tap, scope.stations)?,
    };
    let cmac_pn = has_tuple.then(|| cmac_pn.unwrap_or(Value::given(1)));
    Ok(Forgery::Message { cid, message: Box::new(message), cmac_key_count, cmac_pn })
}

/// A control message from the sending end of a link on the backbone to the other one.
fn control(section: &Section<'_>, what: &Field<'_>, tap: Option<DirectedLink>, scope: Scope<'_>) -> Read<Forgery> {
    let kinds = [
        (MessageKind::CmacKeyCountUpdate.name(), MessageKind::CmacKeyCountUpdate),
        (MessageKind::ContextReq.name(), MessageKind::ContextReq),
    ];
    let kind = what.one_of(&kinds)?;
    let stations = scope.stations;
    let on_backbone = tap.filter(|tap| tap.link.is_backbone());
    let expected = "a tap on the backbone beside a control message, such as \"r6:bs2-gw\"";
    let tap = on_backbone.ok_or_else(|| what.mismatch(expected))?;
    let mac = mobile(section, None, stations)?;
    let named = section.field("base_station").map(|field| stations.base_station(&field)).transpose()?;
    let [from, to] = ends(tap, stations);
    let bsid = named.and_then(|named| stations.base_stations.get(named.0)).map(|base| base.bsid);
    let bsid = bsid.unwrap_or(Bsid(from.mac));
    let count = if kind == MessageKind::CmacKeyCountUpdate {
        let field = section.required("count", "the CMAC_KEY_COUNT that is reported")?;
        Some(value(&field, FrameField::CmacKeyCount.highest(), scope)?)
    } else {
        section.refuse("count", "in a Context_Req")?;
        None
    };
    Ok(Forgery::Control { from, to, kind, ms: mac, bsid, count })
}

/// The two ends of a link on the backbone: who sends, and who receives what the tap is for.
fn ends(tap: DirectedLink, stations: &Stations) -> [BackboneEndpoint; 2] {
    let station = |id: BaseStationId| {
        let base = stations.base_stations.get(id.0);
        base.map_or(endpoint(stations.authenticator.ip, None), |base| endpoint(base.ip, Some(base.bsid)))
    };
    let gateway = endpoint(stations.authenticator.ip, None);
    let [first, second] = match tap.link {
        Link::R6 { base_station } | Link::Air { base_station, .. } => [station(base_station), gateway],
        Link::R4 { first, second } => [station(first), station(second)],
        Link::R3 => [gateway, endpoint(stations.aaa.ip, None)],
    };
    match tap.to {
        LinkEnd::First => [second, first],
        LinkEnd::Second => [first, second],
    }
}
