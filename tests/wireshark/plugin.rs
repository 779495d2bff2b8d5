//! `captures/wireshark/keyhop.lua`: the fields it adds are those that the frames hold.

use std::path::Path;

use keyhop::capture::{LinkKind, capture_reader};
use keyhop::dot16::identifiers::Bsid;
use keyhop::dot16::wire::{BshoDecision, EncryptedBody, HoIndication, MacPdu, ManagementMessage};

use crate::tshark::{fields, read, tshark};
use crate::worked_frames::{all, capture, file, goldens, named};

const PLUGIN: &str = concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/captures/wireshark/keyhop.lua");
const LOADED: [&str; 2] = ["-X", PLUGIN];

/// Frame, fields without their `dot16.`, and what is printed for them.
const SHOWN: [(&str, &str, &str); 12] = [
    ("rng-req", "cid ec eks len msg.type crc _ws.col.Protocol _ws.col.Info", "0x0000|0||62|4|0x4b6530e2|WiMAX|RNG-REQ"),
    (
        "msho-req",
        "msg.type cid ec len hcs report_metric n_new_bs_index n_new_bs_full candidate.bsid candidate.preamble \
         candidate.cinr candidate.rssi candidate.service_level candidate.arrival_difference_included",
        "57|0x0005|0|42|0x44|0x03|0|1|0a:00:00:00:00:02|33|40|96|2|0",
    ),
    ("msho-req", "n_current_bss current.temp_bsid current.cinr current.rssi", "1|0|20|64"),
    (
        "msho-req",
        "tlv.type tlv.length cmac.ak_sn cmac.pn cmac.value crc _ws.col.Protocol _ws.col.Info",
        "141|13|1|2|95aeba09a8a337c9|0x1a58d0ac|WiMAX|MOB_MSHO-REQ CID=5 target=0a:00:00:00:00:02 CMAC_PN=2",
    ),
    (
        "bsho-rsp",
        "msg.type cid ho_mode ho_mandatory n_recommended resource_retain candidate.bsid candidate.preamble \
         candidate.service_level candidate.ho_optimization ho_optimization.security ho_optimization.omit_reg_req",
        "58|0x0005|0|1|1|1|0a:00:00:00:00:02|33|2|0x87|3|1",
    ),
    (
        "bsho-rsp",
        "candidate.network_assisted candidate.ho_id_included candidate.ho_id candidate.policy_included action_time \
         cmac.pn cmac.value _ws.col.Info",
        "1|1|7|0|20|2|accadb00ea48e57c|MOB_BSHO-RSP CID=5 target=0a:00:00:00:00:02 action_time=20 CMAC_PN=2",
    ),
    (
        "ho-ind",
        "msg.type cid ho_mode ho_ind_type ranging_params target_bsid preamble cmac.pn cmac.value _ws.col.Info",
        "59|0x0005|0|0|1|0a:00:00:00:00:02|33|3|e749b22f707019cf|\
         MOB_HO-IND CID=5 serving BS release target=0a:00:00:00:00:02 CMAC_PN=3",
    ),
    (
        "data-downlink",
        "cid ec eks len pn pn.direction pn.counter icv ciphertext crc msg.type _ws.col.Protocol _ws.col.Info",
        "0x0300|1|1|61|0x00000001|0|1|26dad64caee948ab|\
         90ce04f81e4767d69248e7e0213563973e432f7c6e8b4137c5a2f775baa451907c68ac466ef3c3|0xbcdda4f9||WiMAX|\
         Encrypted PDU CID=0x0300 EKS=1 downlink PN=1 length=39",
    ),
    (
        "data-uplink",
        "cid ec eks pn pn.direction pn.counter icv _ws.col.Info",
        "0x0300|1|0|0x80000002|1|2|26dad64caee948ab|Encrypted PDU CID=0x0300 EKS=0 uplink PN=2 length=39",
    ),
    (
        "bsho-rsp-seamless",
        "action_time resource_retain_time vendor.id vendor.seamless vendor.ranging_deadline candidate.bsid \
         candidate.policy cmac.value",
        "20|5|026b68|1|20|0a:00:00:00:00:02,0a:00:00:00:00:03|0xa5|0102030405060708",
    ),
    (
        "bsho-rsp-seamless",
        "vendor.candidate.bsid vendor.candidate.basic_cid vendor.candidate.primary_cid vendor.candidate.flags \
         vendor.candidate.n_flows vendor.candidate.flow.sfid vendor.candidate.flow.cid vendor.candidate.flow.said",
        "0a:00:00:00:00:02|0x0009|0x0149|0x01|2|0x01020304,0x01020305|0x0300,0x0301|0x0005,0x0006",
    ),
    (
        "bsho-rsp-seamless",
        "_ws.col.Info",
        "MOB_BSHO-RSP CID=5 target=0a:00:00:00:00:02,0a:00:00:00:00:03 action_time=20 seamless \
         ranging_deadline=200ms CMAC_PN=2",
    ),
];

/// Builds of Wireshark that give root no Lua do so without a message; every other test here would then fail for a reason
/// that it does not name.
#[test]
fn the_file_is_loaded_and_registers_its_fields() {
    let registered = tshark(["-G", "fields", "-X", PLUGIN]);
    let fields = registered.lines().filter(|line| line.contains("\tdot16.")).count();
    assert!(fields >= 80, "{fields} fields: is Lua switched off in this tshark, or for root?");
}

#[test]
fn the_worked_frames_are_shown_field_by_field() {
    for (name, columns, printed) in SHOWN {
        let (_folder, path) = file(&capture(vec![named(name)]));
        let columns: Vec<String> = columns
            .split_whitespace()
            .map(|column| if column.starts_with("_ws") { column.to_owned() } else { format!("dot16.{column}") })
            .collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        assert_eq!(fields(&path, &LOADED, "frame", &columns).trim_end(), printed, "{name}");
    }
}

#[test]
fn the_file_brings_no_complaint_into_a_capture() {
    let (_folder, worked) = file(&capture(all()));
    for path in goldens().into_iter().chain([worked]) {
        let items = read(&path, &["-X", PLUGIN, "-q", "-z", "expert,note"]);
        assert_eq!(items.trim(), "", "{}", path.display());
        let tree = read(&path, &["-X", PLUGIN, "-V"]);
        assert!(tree.contains("keyhop: IEEE 802.16"), "{}", path.display());
        assert!(!tree.contains("Lua Error"), "{}", path.display());
    }
}

#[test]
fn the_file_and_the_parsers_of_this_crate_read_the_same() {
    let (_folder, worked) = file(&capture(all()));
    for path in goldens().into_iter().chain([worked]) {
        let columns = ["frame.number", "dot16.cid", "dot16.len", "dot16.ec", "dot16.eks", "dot16.pn", "dot16.cmac.pn"];
        let shown = fields(&path, &LOADED, "dot16.cid", &columns);
        let shown: Vec<&str> = shown.lines().collect();
        assert_eq!(shown, air_frames(&path, columns_of), "{}", path.display());

        let columns = ["frame.number", "dot16.candidate.bsid", "dot16.target_bsid"];
        let shown = fields(&path, &LOADED, "dot16.candidate.bsid || dot16.target_bsid", &columns);
        let shown: Vec<&str> = shown.lines().collect();
        assert_eq!(shown, air_frames(&path, targets_of), "{}", path.display());
    }
}

/// A line for every air frame to whose burst `line` has something to say, the number of the frame before it.
fn air_frames(path: &Path, line: fn(&[MacPdu<'_>]) -> Option<String>) -> Vec<String> {
    capture_reader::open(path)
        .unwrap()
        .map(Result::unwrap)
        .filter(|frame| frame.kind == capture_reader::FrameKind::Known(LinkKind::Air))
        .filter_map(|frame| {
            let burst: Vec<MacPdu<'_>> = MacPdu::burst(&frame.octets).flatten().collect();
            line(&burst).map(|line| format!("{}|{line}", frame.number))
        })
        .collect()
}

fn joined(burst: &[MacPdu<'_>], value: impl Fn(&MacPdu<'_>) -> Option<String>) -> String {
    burst.iter().filter_map(value).collect::<Vec<_>>().join(",")
}

/// CID, LEN, EC, EKS, PN, CMAC_PN; EKS and PN only where EC = 1.
fn columns_of(burst: &[MacPdu<'_>]) -> Option<String> {
    let encrypted = |pdu: &MacPdu<'_>| {
        let body = EncryptedBody::parse(pdu.body).ok()?;
        pdu.header.encrypted.then_some((pdu.header.eks, body.pn))
    };
    let columns = [
        joined(burst, |pdu| Some(format!("{:#06x}", pdu.header.cid.0))),
        joined(burst, |pdu| Some(pdu.header.length.to_string())),
        joined(burst, |pdu| Some(u8::from(pdu.header.encrypted).to_string())),
        joined(burst, |pdu| encrypted(pdu).map(|(eks, _)| eks.to_string())),
        joined(burst, |pdu| encrypted(pdu).map(|(_, pn)| format!("{pn:#010x}"))),
        joined(burst, |pdu| {
            // The file decodes the tuple in the messages that Wireshark does not.
            let message = message(pdu).filter(|message| (57..=59).contains(&message.message_type()))?;
            message.cmac_tuple().map(|tuple| tuple.pn.to_string())
        }),
    ];
    (!burst.is_empty()).then(|| columns.join("|"))
}

/// The candidates of MOB_MSHO-REQ and MOB_BSHO-RSP, and the target of MOB_HO-IND.
fn targets_of(burst: &[MacPdu<'_>]) -> Option<String> {
    let candidates = joined(burst, |pdu| {
        let named: Vec<Bsid> = match message(pdu)? {
            ManagementMessage::MobMshoReq(request) => request.full.iter().map(|(bsid, _)| *bsid).collect(),
            ManagementMessage::MobBshoRsp(response) => match response.decision {
                BshoDecision::HardHandover { recommended, .. } => recommended.iter().map(|bs| bs.bsid).collect(),
                _ => return None,
            },
            _ => return None,
        };
        Some(named.iter().map(Bsid::to_string).collect::<Vec<_>>().join(","))
    });
    let target = joined(burst, |pdu| match message(pdu)? {
        ManagementMessage::MobHoInd(indication) => match indication.indication {
            HoIndication::Release { target } => Some(target.to_string()),
            _ => None,
        },
        _ => None,
    });
    (!candidates.is_empty() || !target.is_empty()).then(|| format!("{candidates}|{target}"))
}

fn message(pdu: &MacPdu<'_>) -> Option<ManagementMessage> {
    let plain = !pdu.header.encrypted && !pdu.header.pdu_type.fragmentation() && pdu.header.cid.is_management();
    plain.then(|| ManagementMessage::parse(pdu.body).ok()).flatten()
}
