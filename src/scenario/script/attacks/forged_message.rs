//! The fields of management messages that an attack makes: who they name, and what they say.

use crate::dot16::identifiers::{Bsid, MsMac};
use crate::dot16::wire::{
    HoIndication, ManagementMessage, Measurements, MobHoInd, MobMshoReq, MobNbrAdv, Neighbour, NewBs,
    RangingParameters, RangingStatus, ReportMetric, RngReq, RngReqTlv, RngRsp, RngRspTlv, SkipOptionalFields,
};
use crate::scenario::script::links::{DirectedLink, Link};
use crate::scenario::script::problem::{Problem, Read};
use crate::scenario::script::section::{Field, Section};
use crate::scenario::script::stations::Stations;

/// Keys of fields, each of some messages.
pub(super) const FIELDS: &[&str] = &[
    "mobile_station",
    "base_station",
    "purpose",
    "status",
    "power",
    "frequency",
    "neighbours",
    "candidates",
    "indication",
    "target",
];

/// Base stations in one message.
const MOST: usize = 32;

/// The message of this type, called `what` in the script, for the link `tap` where there is one; without CMAC_KEY_COUNT and
/// CMAC tuple.
pub(super) fn read(
    section: &Section<'_>,
    what: &Field<'_>,
    message_type: u8,
    tap: Option<DirectedLink>,
    stations: &Stations,
) -> Read<ManagementMessage> {
    let own: &[&str] = match message_type {
        RngReq::TYPE => &["mobile_station", "base_station", "purpose"],
        RngRsp::TYPE => &["mobile_station", "status", "power", "frequency"],
        MobNbrAdv::TYPE => &["neighbours"],
        MobMshoReq::TYPE => &["candidates"],
        MobHoInd::TYPE => &["indication", "target"],
        _ => {
            section.required("body", "the body of a message whose fields have no keys, in hex")?;
            &[]
        }
    };
    for key in FIELDS.iter().filter(|key| !own.contains(key)) {
        section.refuse(key, &format!("in a {}", what.text("a name")?))?;
    }
    match message_type {
        RngReq::TYPE => rng_req(section, tap, stations),
        RngRsp::TYPE => rng_rsp(section, tap, stations),
        MobNbrAdv::TYPE => nbr_adv(section, stations),
        MobMshoReq::TYPE => msho_req(section, stations),
        _ => ho_ind(section, stations),
    }
}

/// The mobile that `mobile_station` names; that of the tap if it names none.
pub(super) fn mobile(section: &Section<'_>, tap: Option<DirectedLink>, stations: &Stations) -> Read<MsMac> {
    let mobile = match (section.field("mobile_station"), tap) {
        (None, Some(DirectedLink { link: Link::Air { mobile_station, .. }, .. })) => mobile_station,
        _ => stations.mobile_station(section)?,
    };
    Ok(stations.mobile_stations.get(mobile.0).map_or(MsMac([0; 6]), |mobile| mobile.mac))
}

/// A base station of the script by its name, or any BSID: the adversary may invent some.
fn bsid(field: &Field<'_>, stations: &Stations) -> Read<Bsid> {
    let text = field.text("the name of a [[base_station]] or a BSID of 12 hex digits")?;
    match text.parse() {
        Ok(bsid) => Ok(bsid),
        Err(_) => {
            let base = stations.base_station(field)?;
            Ok(stations.base_stations.get(base.0).map_or(Bsid([0; 6]), |base| base.bsid))
        }
    }
}

fn bsids(section: &Section<'_>, key: &str, stations: &Stations) -> Read<Vec<Bsid>> {
    let expected = "an array of names of [[base_station]]s or BSIDs";
    let field = section.required(key, expected)?;
    let items = field.items(expected)?;
    if items.len() > MOST {
        return Err(Problem::mismatch(field.place(), field.path(), &format!("at most {MOST}"), "more"));
    }
    items.iter().map(|item| bsid(item, stations)).collect()
}

fn rng_req(section: &Section<'_>, tap: Option<DirectedLink>, stations: &Stations) -> Read<ManagementMessage> {
    let purposes = [
        ("handover", RngReq::PURPOSE_HANDOVER),
        ("seamless", RngReq::PURPOSE_HANDOVER | RngReq::PURPOSE_SEAMLESS_HANDOVER),
    ];
    let mut tlvs = vec![RngReqTlv::SsMacAddress(mobile(section, tap, stations)?)];
    if let Some(field) = section.field("base_station") {
        tlvs.push(RngReqTlv::ServingBsid(bsid(&field, stations)?));
    }
    let purpose = section.read("purpose", RngReq::PURPOSE_HANDOVER, |field| field.one_of(&purposes))?;
    tlvs.push(RngReqTlv::RangingPurpose(purpose));
    Ok(ManagementMessage::RngReq(RngReq { reserved: 0, tlvs: tlvs.into() }))
}

fn rng_rsp(section: &Section<'_>, tap: Option<DirectedLink>, stations: &Stations) -> Read<ManagementMessage> {
    let statuses = [
        ("continue", RangingStatus::CONTINUE),
        ("abort", RangingStatus::ABORT),
        ("success", RangingStatus::SUCCESS),
        ("re-range", RangingStatus::RE_RANGE),
    ];
    let status = section.required("status", "a ranging status such as \"abort\"")?.one_of(&statuses)?;
    let mut tlvs = Vec::new();
    if let Some(field) = section.field("power") {
        tlvs.push(RngRspTlv::PowerLevelAdjust(field.number(i8::MIN..=i8::MAX)?));
    }
    tlvs.push(RngRspTlv::RangingStatus(status));
    if let Some(field) = section.field("frequency") {
        tlvs.push(RngRspTlv::DownlinkFrequencyOverride(field.number(0..=u32::MAX)?));
    }
    tlvs.push(RngRspTlv::SsMacAddress(mobile(section, tap, stations)?));
    Ok(ManagementMessage::RngRsp(RngRsp { tlvs, ..RngRsp::default() }))
}

/// Neighbours as base stations advertise them; all of one operator, whose ID is that of the first.
fn nbr_adv(section: &Section<'_>, stations: &Stations) -> Read<ManagementMessage> {
    let neighbours = bsids(section, "neighbours", stations)?;
    let operator = |bsid: &Bsid| {
        let [a, b, c, ..] = bsid.0;
        [a, b, c]
    };
    let operator_id = neighbours.first().map(operator);
    if neighbours.iter().any(|bsid| Some(operator(bsid)) != operator_id) {
        let field = section.required("neighbours", "neighbours")?;
        return Err(field.mismatch("BSIDs with the same first three octets, which stand in the message once"));
    }
    let neighbour = |bsid: &Bsid| {
        let [.., d, e, f] = bsid.0;
        Neighbour {
            bsid_low: Some([d, e, f]),
            preamble_index: f,
            ho_process_optimization: Some(0),
            ..Neighbour::default()
        }
    };
    Ok(ManagementMessage::MobNbrAdv(MobNbrAdv {
        skip_optional_fields: SkipOptionalFields(SkipOptionalFields::SCHEDULING_SERVICE),
        operator_id: Some(operator_id.unwrap_or_default()),
        total_fragmentation: 1,
        neighbours: neighbours.iter().map(neighbour).collect(),
        ..MobNbrAdv::default()
    }))
}

fn msho_req(section: &Section<'_>, stations: &Stations) -> Read<ManagementMessage> {
    let measurements = Measurements { cinr: Some(40), rssi: Some(0x60), relative_delay: None };
    let new_bs = NewBs { preamble_index: 33, measurements, service_level_prediction: 2, arrival_time_difference: None };
    Ok(ManagementMessage::MobMshoReq(MobMshoReq {
        report_metric: ReportMetric(ReportMetric::CINR | ReportMetric::RSSI),
        full: bsids(section, "candidates", stations)?.into_iter().map(|bsid| (bsid, new_bs)).collect(),
        ..MobMshoReq::default()
    }))
}

fn ho_ind(section: &Section<'_>, stations: &Stations) -> Read<ManagementMessage> {
    let words = [("release", 0), ("cancel", 1), ("reject", 2)];
    let field = section.required("indication", "\"release\", \"cancel\" or \"reject\"")?;
    let indication = match field.one_of(&words)? {
        0 => {
            let target = bsid(&section.required("target", "the base station that the mobile leaves for")?, stations)?;
            HoIndication::Release { target }
        }
        other => {
            section.refuse("target", "in an indication that is no release")?;
            if other == 1 { HoIndication::Cancel } else { HoIndication::Reject }
        }
    };
    Ok(ManagementMessage::MobHoInd(MobHoInd {
        reserved: 0,
        indication,
        ranging_parameters: RangingParameters::Valid,
        indication_reserved: 0,
        preamble_index: 33,
        tlvs: Default::default(),
    }))
}
