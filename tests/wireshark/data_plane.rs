//! Packed PDUs in the clear, and the messages of a mobile with as many service flows and SAs as it can have.

use std::path::Path;

use keyhop::capture::key_lookup::KeyLookup;
use keyhop::cli::decrypt::decrypt;
use keyhop::emulation::Engine;
use keyhop::scenario::run::run;
use keyhop::scenario::script::Script;

use crate::recipe::complaints_of;
use crate::tshark::fields;
use crate::worked_frames::file;

const SCRIPT: &str = r#"
name = "data-plane"
shows = "a handover with sixteen flows in eight SAs, whose TEKs come in RNG-RSP"
duration = "400ms"
[radio]
packing = true
max_pdu = 700
[[base_station]]
name = "bs1"
bsid = "0a0000000001"
ip = "10.16.0.1"
[[base_station]]
name = "bs2"
bsid = "0a0000000002"
ip = "10.16.0.2"
[[mobile_station]]
name = "ms1"
mac = "020000000001"
ip = "192.0.2.10"
serving = "bs1"
seamless = false
[[traffic]]
kind = "bulk"
count = 4
size = 300
interval = "40ms"
[[step]]
at = "100ms"
action = "handover"
target = "bs2"
"#;

#[test]
fn packed_pdus_and_messages_with_many_flows_open_without_a_complaint() {
    let mut text = SCRIPT.to_owned();
    for sa in 2..9 {
        text.push_str(&format!("[[flow]]\nsa = {sa}\nudp_port = {}\n", 51_998 + sa));
    }
    let script = Script::parse("data-plane.toml", &text, &[]).unwrap();
    let finished = run(&script, Engine::Inline, Path::new("."), None).unwrap();
    let mut capture = finished.capture;
    let outcome = decrypt(&mut capture, &KeyLookup::new(finished.keys));
    assert!(outcome.opened > 0 && outcome.sealed.is_empty());
    assert_eq!(complaints_of(&capture), [""; 0]);

    let (_folder, path) = file(&capture);
    let read = |filter: &str, field: &str| fields(&path, &[], filter, &[field]);
    let packed = read("wmx.genericType1 == 1 && wmx.genericType3 == 1", "frame.number");
    let sent = capture.frames.iter().filter(|frame| frame.comment.starts_with("user data, packed"));
    assert_eq!(packed.lines().count(), sent.count());
    assert!(packed.lines().count() > 10);
    let saids = read("wimaxasncp && frame.comment contains \"HO_Req\"", "wimaxasncp.tlv.SAID.value");
    assert_eq!(saids.trim().split(',').count(), 16 + 8, "of flows and of SA Descriptors: {saids}");
}
