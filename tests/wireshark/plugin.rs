//! `captures/wireshark/keyhop.lua`: the fields it adds are those that the frames hold, in every frame of every golden.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use keyhop::capture::capture_reader::{FrameKind, RecordedFrame};
use keyhop::capture::{LinkKind, capture_reader};
use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::wire::{EncryptedBody, MacPdu, PduType, PkmCode, message_name};
use tempfile::TempDir;

use crate::plugin_expected::{Fields, fields_of};
use crate::plugin_samples;
use crate::tshark::{VALUE, in_pairs, lines_of_fields, read, tshark};
use crate::worked_frames::{all, capture, file, goldens, named};

pub const PLUGIN: &str = concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/captures/wireshark/keyhop.lua");

/// Frame, fields without their `dot16.`, and what is shown for them. `Protocol` and `Info` are the columns.
const SHOWN: [(&str, &str, &str); 25] = [
    (
        "rng-req",
        "cid ec eks len msg.type ss_mac_address serving_bsid ranging_purpose ranging_purpose.handover ho_id \
         cmac_key_count mac_version crc Protocol",
        "0x0000|0||62|4|00:11:22:33:44:55|0a:00:00:00:00:01|0x01|1|7|5|5|0x4b6530e2|WiMAX",
    ),
    (
        "rng-req",
        "cmac.ak_sn cmac.bsid cmac.pn cmac.value Info",
        "1|0a:00:00:00:00:02|1|01d18d7de2400490|RNG-REQ CID=0 MS=00:11:22:33:44:55 serving=0a:00:00:00:00:01 handover \
         HO_ID=7 CMAC_KEY_COUNT=5 CMAC_PN=1",
    ),
    (
        "rng-rsp",
        "timing_adjust power_adjust frequency_adjust ranging_status basic_cid primary_cid service_level resource_retain \
         ho_optimization ho_optimization.security ho_optimization.downlink_data_pending ho_id",
        "8|4|100|3|0x0009|0x0149|2|1|0x0287|3|1|7",
    ),
    (
        "rng-rsp",
        "cmac.pn cmac.value Info",
        "1|1b2c8b274cfebad7|RNG-RSP CID=0 success MS=00:11:22:33:44:55 basic=9 primary=329 HO_ID=7 CMAC_PN=1",
    ),
    (
        "msho-req",
        "msg.type cid ec len hcs report_metric n_new_bs_index n_new_bs_full candidate.bsid candidate.preamble \
         candidate.cinr candidate.rssi candidate.service_level candidate.arrival_difference_included",
        "57|0x0005|0|42|0x44|0x03|0|1|0a:00:00:00:00:02|33|40|96|2|0",
    ),
    ("msho-req", "n_current_bss current.temp_bsid current.cinr current.rssi", "1|0|20|64"),
    (
        "msho-req",
        "tlv.type tlv.length cmac.ak_sn cmac.pn cmac.value crc Protocol Info",
        "141|13|1|2|95aeba09a8a337c9|0x1a58d0ac|WiMAX|MOB_MSHO-REQ CID=5 target=0a:00:00:00:00:02 CMAC_PN=2",
    ),
    (
        "bsho-rsp",
        "msg.type cid ho_mode ho_mandatory n_recommended resource_retain candidate.bsid candidate.preamble \
         candidate.service_level ho_optimization ho_optimization.security ho_optimization.omit_reg_req",
        "58|0x0005|0|1|1|1|0a:00:00:00:00:02|33|2|0x0087|3|1",
    ),
    (
        "bsho-rsp",
        "candidate.network_assisted candidate.ho_id_included candidate.ho_id candidate.policy_included action_time \
         cmac.pn cmac.value Info",
        "1|1|7|0|20|2|accadb00ea48e57c|MOB_BSHO-RSP CID=5 target=0a:00:00:00:00:02 action_time=20 CMAC_PN=2",
    ),
    (
        "ho-ind",
        "msg.type cid ho_mode ho_ind_type ranging_params target_bsid preamble cmac.pn cmac.value Info",
        "59|0x0005|0|0|1|0a:00:00:00:00:02|33|3|e749b22f707019cf|\
         MOB_HO-IND CID=5 serving BS release target=0a:00:00:00:00:02 CMAC_PN=3",
    ),
    (
        "data-downlink",
        "cid ec eks len pn pn.direction pn.counter icv ciphertext crc msg.type Protocol Info",
        "0x0300|1|1|61|0x00000001|0|1|26dad64caee948ab|\
         90ce04f81e4767d69248e7e0213563973e432f7c6e8b4137c5a2f775baa451907c68ac466ef3c3|0xbcdda4f9||WiMAX|\
         Encrypted PDU CID=0x0300 EKS=1 downlink PN=1 length=39",
    ),
    (
        "data-uplink",
        "cid ec eks pn pn.direction pn.counter icv Info",
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
        "Info",
        "MOB_BSHO-RSP CID=5 target=0a:00:00:00:00:02,0a:00:00:00:00:03 action_time=20 seamless \
         ranging_deadline=200ms CMAC_PN=2",
    ),
    (
        "sa-tek-challenge",
        "pkm.code pkm.identifier bs_random key_sn akid key_lifetime cmac.pn cmac.value Info",
        "20|1|0001020304050607|1|a1a2a3a4a5a6a7a8|3600|3|79a325723c258d92|\
         PKM-RSP CID=325 SA-TEK-Challenge id=1 AK_SN=1 AKID=a1a2a3a4a5a6a7a8 CMAC_PN=3",
    ),
    ("eap-identity-request", "pkm.code pkm.eap_payload Protocol", "18|0101000501|EAP"),
    ("eap-identity-request", "Info", "PKM-RSP CID=325 EAP-Transfer id=1 | Request, Identity"),
    (
        "key-request",
        "said nonce Info",
        "0x0005|2021222324252627|PKM-REQ CID=325 Key-Request id=2 AK_SN=1 SAID=0x0005 CMAC_PN=5",
    ),
    (
        "key-reply",
        "tek.lifetime tek.sn Info",
        "3600,3600|1,2|PKM-RSP CID=325 Key-Reply id=2 AK_SN=1 SAID=0x0005 TEK_SN=1 TEK_SN=2 CMAC_PN=5",
    ),
    (
        "key-reject",
        "pkm.error_code Info",
        "2|PKM-RSP CID=325 Key-Reject id=2 AK_SN=1 SAID=0x0005 reason: SAID not authorized CMAC_PN=6",
    ),
    ("context-rpt", "asn.message cmac_key_count", "0x0442|5"),
    ("context-rpt", "Info", "Context_Rpt - MSID:00:11:22:33:44:55, TID:0x0004, CMAC_KEY_COUNT=5"),
    ("key-count-update", "asn.message cmac_key_count", "0x0424|6"),
    (
        "key-count-update",
        "Info",
        "CMAC_Key_Count_Update - MSID:00:11:22:33:44:55, TID:0x0005, CMAC_KEY_COUNT=6 BS=0a:00:00:00:00:02",
    ),
];
/// What an Info column must not say, in any case, but in the name of a message.
const BAD_WORDS: [&str; 3] = ["error", "invalid", "unknown"];
const NAMES_WITH_BAD_WORDS: [&str; 1] = ["TEK-Invalid"];

/// A frame as tshark shows it with the file.
struct ShownFrame {
    number: u64,
    protocol: String,
    info: String,
    /// The fields that the file adds.
    fields: Fields,
}

/// A capture as tshark shows it with the file.
struct ShownCapture {
    path: PathBuf,
    frames: Vec<ShownFrame>,
    /// The expert items from Note up.
    complaints: Vec<String>,
}

/// Every field that the file registers, without its `dot16.`.
fn registered() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let all = tshark(["-G", "fields", "-X", PLUGIN]);
        let names = all.lines().filter_map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            ["F", _, name, ..] => name.strip_prefix("dot16."),
            _ => None,
        });
        names.map(str::to_owned).collect()
    })
}

/// One run of tshark that gives all that the tests here ask of a capture.
fn show(path: &Path) -> ShownCapture {
    let names = registered().iter().map(|name| format!("dot16.{name}"));
    let columns: Vec<String> =
        ["frame.number", "_ws.col.Protocol", "_ws.col.Info"].map(str::to_owned).into_iter().chain(names).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let (lines, complaints) = lines_of_fields(path, &["-X", PLUGIN, "-z", "expert,note"], &columns);
    let frames = lines.into_iter().map(|columns| {
        let [number, protocol, info, values @ ..] = &columns[..] else { panic!("{columns:?}") };
        let fields = registered().iter().zip(values).filter(|(_, values)| !values.is_empty());
        ShownFrame {
            number: number.parse().unwrap(),
            protocol: protocol.clone(),
            info: info.clone(),
            fields: fields
                .map(|(name, values)| (name.clone(), values.split(VALUE).map(str::to_owned).collect()))
                .collect(),
        }
    });
    ShownCapture { path: path.to_owned(), frames: frames.collect(), complaints }
}

/// The goldens, then the worked frames, then [`plugin_samples`].
fn shown() -> &'static [ShownCapture] {
    static SHOWN: OnceLock<(Vec<TempDir>, Vec<ShownCapture>)> = OnceLock::new();
    let (_, shown) = SHOWN.get_or_init(|| {
        let (folders, files): (Vec<TempDir>, Vec<PathBuf>) =
            [capture(all()), plugin_samples::capture()].iter().map(file).unzip();
        let paths: Vec<PathBuf> = goldens().into_iter().chain(files).collect();
        (folders, in_pairs(&paths, |path| show(path)))
    });
    shown
}

fn shown_goldens() -> &'static [ShownCapture] {
    &shown()[..shown().len() - 2]
}

/// A capture as this crate reads it.
struct ReadCapture {
    /// Each frame with the name of its interface.
    frames: Vec<(RecordedFrame, String)>,
    /// The names of the nodes.
    names: Vec<(Ipv4Addr, String)>,
}

impl ReadCapture {
    fn open(path: &Path) -> Self {
        let mut reader = capture_reader::open(path).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = reader.next() {
            let frame = frame.unwrap();
            let interface = reader.interface_name(frame.interface).to_owned();
            frames.push((frame, interface));
        }
        Self { frames, names: reader.records().names().to_vec() }
    }
}

/// Builds of Wireshark that give root no Lua do so without a message; every other test here would then fail for a reason
/// that it does not name.
#[test]
fn the_file_is_loaded_and_registers_its_fields() {
    let fields = registered();
    assert!(fields.len() >= 180, "{} fields: is Lua switched off in this tshark, or for root?", fields.len());
    for name in "msg.type cid ec eks pn icv cmac.pn cmac.value cmac_key_count verdict".split(' ') {
        assert!(fields.iter().any(|field| field == name), "{name}");
    }
}

/// The names in `names.lua` are those of this crate.
#[test]
fn messages_have_the_names_that_they_have_in_this_crate() {
    let text = include_str!("../../captures/wireshark/keyhop/names.lua");
    let table = |name: &str| -> Vec<(u32, String)> {
        let table = text.split_once(&format!("names.{name} = {{")).unwrap().1.split_once('}').unwrap().0;
        let entries = table.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let parsed = entries.map(|entry| {
            let (number, name) = entry.strip_prefix('[').unwrap().split_once("] = ").unwrap();
            let number = match number.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
                None => number.parse().unwrap(),
            };
            (number, name.trim_matches('"').to_owned())
        });
        parsed.collect()
    };
    let named = (0..=u8::MAX).map(|kind| (u32::from(kind), message_name(kind).to_owned()));
    let named: Vec<_> = named.filter(|(_, name)| name != "unnamed management message").collect();
    assert_eq!(table("MESSAGE"), named);
    let codes = (0..=u8::MAX).filter_map(|code| Some((u32::from(code), PkmCode(code).name()?.to_owned())));
    assert_eq!(table("PKM_CODE"), codes.collect::<Vec<_>>());
    let number = |kind: &MessageKind| u32::from(u16::from_be_bytes(kind.octets()));
    let mut kinds: Vec<_> = MessageKind::NAMED.iter().map(|kind| (number(kind), kind.name().to_owned())).collect();
    let mut shown = table("ASN_MESSAGE");
    kinds.sort();
    shown.sort();
    assert_eq!(shown, kinds);
}

#[test]
fn the_worked_frames_are_shown_field_by_field() {
    let frames = &shown()[shown().len() - 2].frames;
    for (name, columns, printed) in SHOWN {
        let position = all().iter().position(|frame| frame.name == name).unwrap();
        let frame = &frames[position];
        let column = |column: &str| match column {
            "Protocol" => frame.protocol.clone(),
            "Info" => frame.info.clone(),
            field => frame.fields.get(field).map_or_else(String::new, |values| values.join(",")),
        };
        let shown: Vec<String> = columns.split_whitespace().map(column).collect();
        assert_eq!(shown.join("|"), printed, "{name}");
    }
}

/// Each field that the file adds to a frame has the values that the parsers find there, and none is missing.
#[test]
fn every_field_of_every_frame_is_what_the_parsers_of_this_crate_read() {
    for capture in shown() {
        assert_as_parsed(capture);
    }
}

fn assert_as_parsed(capture: &ShownCapture) {
    let ReadCapture { frames, names } = ReadCapture::open(&capture.path);
    assert_eq!(capture.frames.len(), frames.len(), "{}", capture.path.display());
    let mut differences = Vec::new();
    for (shown, (frame, interface)) in capture.frames.iter().zip(&frames) {
        assert_eq!(shown.number, frame.number);
        let expected = fields_of(frame, interface, &names);
        let fields: BTreeSet<&String> = shown.fields.keys().chain(expected.keys()).collect();
        let differ = fields.into_iter().filter(|field| shown.fields.get(*field) != expected.get(*field));
        differences.extend(differ.map(|field| {
            let (shows, holds) = (shown.fields.get(field), expected.get(field));
            format!("frame {} ({}): {field}: shown {shows:?}, read {holds:?}", frame.number, shown.info)
        }));
    }
    assert_eq!(differences.iter().take(20).collect::<Vec<_>>(), [""; 0], "{}", capture.path.display());
}

/// The same for messages that are drawn from generators: many have values that nothing sends.
#[test]
fn every_field_of_generated_messages_is_what_the_parsers_of_this_crate_read() {
    let (_folder, path) = file(&plugin_samples::generated(1500));
    let shown = show(&path);
    assert!(shown.frames.len() > 1000, "{}", shown.frames.len());
    assert_as_parsed(&shown);
}

/// Nothing that the file can show is left untested.
#[test]
fn every_field_is_shown_in_some_frame() {
    let mut unseen: Vec<&String> = registered().iter().collect();
    for frame in shown().iter().flat_map(|capture| &capture.frames) {
        unseen.retain(|name| !frame.fields.contains_key(*name));
    }
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn no_message_of_a_golden_stays_octets() {
    let mut handover = 0;
    for capture in shown_goldens() {
        for frame in &capture.frames {
            let place = format!("{} frame {}: {}", capture.path.display(), frame.number, frame.info);
            assert!(!frame.fields.contains_key("undecoded"), "{place}");
            assert!(!frame.info.contains("MOB-"), "{place}");
            let message = frame.fields.get("msg.type").map(|values| values[0].parse::<u8>().unwrap());
            if let Some(kind @ 50..=66) = message {
                assert!(frame.info.starts_with(message_name(kind)), "{place}");
                assert!(!frame.fields.contains_key("tlv.value"), "{place}");
                handover += 1;
            }
        }
    }
    assert!(handover > 500, "{handover}");
}

#[test]
fn the_info_column_says_what_each_frame_is() {
    for capture in shown_goldens() {
        let frames = ReadCapture::open(&capture.path).frames;
        for (shown, (frame, _)) in capture.frames.iter().zip(&frames) {
            let place = format!("{} frame {}: {:?}", capture.path.display(), shown.number, shown.info);
            assert!(!shown.info.trim().is_empty(), "{place}");
            let words = NAMES_WITH_BAD_WORDS.iter().fold(shown.info.clone(), |info, name| info.replace(name, ""));
            let bad = BAD_WORDS.iter().any(|word| words.to_lowercase().contains(word));
            assert!(!bad || frame.comment.starts_with("deliberate:"), "{place}");
            if frame.kind == FrameKind::Known(LinkKind::Air) {
                assert!(shown.info.starts_with(&first_words(&frame.octets)), "{place}");
            }
        }
    }
}

/// What the Info column begins with, for the first PDU of a burst.
fn first_words(burst: &[u8]) -> String {
    let Some(Ok(pdu)) = MacPdu::burst(burst).next().filter(|_| burst.len() != 3) else {
        return format!("CDMA ranging code={}", burst[0]);
    };
    let (header, cid) = (pdu.header, pdu.header.cid.0);
    if header.encrypted {
        let body = EncryptedBody::parse(pdu.body).unwrap();
        let direction = if body.pn >> 31 == 1 { Direction::Uplink } else { Direction::Downlink };
        let (pn, length) = (body.pn & 0x7fff_ffff, body.ciphertext.len());
        return format!("Encrypted PDU CID={cid:#06x} EKS={} {direction} PN={pn} length={length}", header.eks);
    }
    if header.cid.is_management() && header.pdu_type == PduType::NONE {
        return format!("{} CID={cid}", message_name(pdu.body[0]));
    }
    format!("Data CID={cid:#06x}")
}

#[test]
fn the_file_brings_no_complaint_into_a_capture() {
    for capture in shown().iter().take(shown().len() - 1) {
        assert_eq!(capture.complaints, [""; 0], "{}", capture.path.display());
    }
    let spoilt = &mut capture(all());
    *spoilt.frames[0].octets.last_mut().unwrap() ^= 1;
    let (_folder, path) = file(spoilt);
    assert!(!show(&path).complaints.is_empty(), "a wrong CRC is seen this way");
}

/// 802.16 in Ethernet type 0x08F0: sequence number, number of TLVs, frame number (TLV 2), burst (TLV 9).
#[test]
fn a_burst_in_m2m_is_shown_as_one_that_stands_alone() {
    let names = ["msho-req", "data-uplink"];
    let worked = &shown()[shown().len() - 2].frames;
    let alone = names.map(|name| &worked[all().iter().position(|frame| frame.name == name).unwrap()]);
    let burst = names.map(|name| named(name).octets).concat();
    let mut in_m2m = capture(vec![named("msho-req")]);
    let frame = &mut in_m2m.frames[0];
    let tlvs = [&[2, 3, 0, 0, 42, 9, u8::try_from(burst.len()).unwrap()][..], &burst].concat();
    let header = [0x0a, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0xf0, 0, 1, 0, 2];
    (frame.interface, frame.direction, frame.octets) = (1, None, [&header[..], &tlvs].concat());
    let (_folder, path) = file(&in_m2m);
    let shown = &show(&path).frames[0];
    assert_eq!(shown.info, alone.map(|frame| frame.info.as_str()).join("; "));
    for field in ["cid", "msg.type", "candidate.bsid", "cmac.value", "pn", "icv"] {
        let expected: Vec<&String> = alone.iter().filter_map(|frame| frame.fields.get(field)).flatten().collect();
        assert_eq!(shown.fields[field].iter().collect::<Vec<_>>(), expected, "{field}");
    }
}

/// Frames of goldens with octets changed, cut and put in, their header mended in half of them so that the file reads on.
#[test]
fn no_frame_whatever_it_holds_brings_the_file_to_an_error() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let names = ["network-entry", "seamless", "legacy-rng-rsp"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut spoilt = plugin_samples::capture();
    for name in names {
        let path = folder.join(name).with_extension("pcapng");
        let golden = capture_reader::read_whole(capture_reader::open(&path).unwrap()).unwrap();
        let air = |interface: usize| golden.interfaces[interface].kind == LinkKind::Air;
        let signalling = golden.frames.iter().filter(|frame| frame.octets.len() < 150 || !air(frame.interface));
        spoilt.frames.extend(signalling.take(150).map(|frame| {
            let interface = if air(frame.interface) { 0 } else { 2 };
            keyhop::capture::CapturedFrame { interface, ..frame.clone() }
        }));
    }
    let originals = std::mem::take(&mut spoilt.frames);
    for round in 0..6 {
        for original in &originals {
            let mut frame = original.clone();
            // Behind the headers of the backbone, so that the message is read at all.
            let start = if frame.interface == 2 { 42.min(frame.octets.len() - 1) } else { 0 };
            for _ in 0..=random(3) {
                let at = start + random(frame.octets.len() - start);
                match random(4) {
                    0 => frame.octets.truncate(at.max(start + 1)),
                    1 => frame.octets.insert(at, [0, 0x7f, 0x84, 0xff][random(4)]),
                    _ => frame.octets[at] ^= 1 << random(8),
                }
            }
            if round % 2 == 0
                && frame.interface != 2
                && let Some((header, _)) = frame.octets.split_first_chunk_mut::<6>()
            {
                header[0] &= 0x7f;
                header[5] = keyhop::dot16::wire::hcs(&[header[0], header[1], header[2], header[3], header[4]]);
            }
            frame.comment = frame.comment.chars().filter(|_| random(9) > 0).collect();
            spoilt.frames.push(frame);
        }
    }
    let (_folder, path) = file(&spoilt);
    let printed =
        read(&path, &["-X", PLUGIN, "-z", "expert,error", "-T", "fields", "-e", "dot16.cid", "-e", "dot16.verdict"]);
    let bad: Vec<&str> = printed.lines().filter(|line| line.contains("Lua Error")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(printed.contains("Malformed") || printed.contains("Errors"), "the tap of expert items prints");
}
