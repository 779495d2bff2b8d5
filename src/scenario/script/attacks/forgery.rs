//! The table `inject`: frames of the adversary's own making.

use super::Tap;
use super::messages::{MESSAGES, MessageName};
use super::value::{Scope, octets, value};
use crate::adversary::{Forgery, FrameField, Value};
use crate::dot16::identifiers::{Bsid, MsMac};
use crate::dot16::wire::{ManagementMessage, RngReq, RngReqTlv};
use crate::scenario::script::links::{DirectedLink, Link};
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};

pub(in crate::scenario::script) const KEYS: &[&str] = &[
    "octets",
    "data",
    "message",
    "cid",
    "body",
    "cmac_key_count",
    "cmac_pn",
    "tuple",
    "mobile_station",
    "base_station",
    "purpose",
];
pub(in crate::scenario::script) const DATA_KEYS: &[&str] = &["cid", "eks", "pn", "length"];

/// Longest frame, in octets.
const FRAME: usize = 2_047;
/// Longest ciphertext: what a PDU holds beside header, PN, ICV and CRC.
const CIPHERTEXT: u16 = 2_025;

/// The frame that `field` describes, for the link `tap` where there is one.
pub(super) fn read(field: &Field<'_>, tap: Option<Tap>, scope: Scope<'_>) -> Read<Forgery> {
    let section = field.section(KEYS)?;
    let what = section.exactly_one(&["octets", "data", "message"])?;
    if what.key() != "message" {
        for key in KEYS.iter().filter(|key| !["octets", "data", "message"].contains(key)) {
            section.refuse(key, &format!("beside {}", what.key()))?;
        }
    }
    match what.key() {
        "octets" => octets(&what, FRAME).map(Forgery::Octets),
        "data" => data(&what.section(DATA_KEYS)?, scope),
        _ => message(&section, &what, tap.and_then(Tap::link), scope),
    }
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
    let message = if let Some(body) = section.field("body") {
        for key in ["mobile_station", "base_station", "purpose", "cmac_key_count"] {
            section.refuse(key, "beside body")?;
        }
        ManagementMessage::Other { message_type: name.message_type(), body: octets(&body, FRAME - 11)? }
    } else if is_rng_req {
        let (ms, bs) = parties(section, tap, scope)?;
        let purposes = [
            ("handover", RngReq::PURPOSE_HANDOVER),
            ("seamless", RngReq::PURPOSE_HANDOVER | RngReq::PURPOSE_SEAMLESS_HANDOVER),
        ];
        let purpose = section.read("purpose", RngReq::PURPOSE_HANDOVER, |field| field.one_of(&purposes))?;
        let mut tlvs = vec![RngReqTlv::SsMacAddress(ms)];
        tlvs.extend(bs.map(RngReqTlv::ServingBsid));
        tlvs.push(RngReqTlv::RangingPurpose(purpose));
        ManagementMessage::RngReq(RngReq { reserved: 0, tlvs })
    } else {
        return Err(section
            .required("body", "the body of the message in hex")
            .err()
            .unwrap_or_else(|| what.mismatch("a message whose fields are known")));
    };
    let cmac_pn = has_tuple.then(|| cmac_pn.unwrap_or(Value::given(1)));
    Ok(Forgery::Message { cid, message: Box::new(message), cmac_key_count, cmac_pn })
}

/// Whom the message is about: the mobile of the tap unless `mobile_station` says another, and `base_station`.
fn parties(section: &Section<'_>, tap: Option<DirectedLink>, scope: Scope<'_>) -> Read<(MsMac, Option<Bsid>)> {
    let stations = scope.stations;
    let mobile = match (section.field("mobile_station"), tap) {
        (None, Some(DirectedLink { link: Link::Air { mobile_station, .. }, .. })) => mobile_station,
        _ => stations.mobile_station(section)?,
    };
    let base = section.field("base_station").map(|field| stations.base_station(&field)).transpose()?;
    let mac = stations.mobile_stations.get(mobile.0).map_or(MsMac([0; 6]), |mobile| mobile.mac);
    Ok((mac, base.and_then(|base| stations.base_stations.get(base.0)).map(|base| base.bsid)))
}
