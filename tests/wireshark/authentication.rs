//! EAP-TLS on the air and RADIUS on the backbone, as Wireshark reads them.

use std::path::Path;

use keyhop::emulation::Engine;
use keyhop::scenario::run::run;
use keyhop::scenario::script::{Script, SetArgument};

use crate::recipe::complaints_of;
use crate::tshark::fields;
use crate::worked_frames::file;

const SCRIPT: &str = r#"
name = "authentication"
shows = "two mobiles that authenticate at the same time, and again"
duration = "2s"
[[base_station]]
name = "bs1"
bsid = "0a0000000001"
ip = "10.16.0.1"
[[mobile_station]]
name = "ms1"
mac = "020000000001"
ip = "192.0.2.10"
serving = "bs1"
[[mobile_station]]
name = "ms2"
mac = "020000000002"
ip = "192.0.2.11"
serving = "bs1"
"#;

fn script(sets: &[&str]) -> Script {
    let steps = [("ms1", "100ms"), ("ms2", "100ms"), ("ms1", "500ms"), ("ms2", "540ms")].map(|(mobile, at)| {
        format!("[[step]]\nat = \"{at}\"\nmobile_station = \"{mobile}\"\naction = \"reauthenticate\"\n")
    });
    let sets: Vec<SetArgument> = sets.iter().map(|set| set.parse().unwrap()).collect();
    Script::parse("authentication.toml", &(SCRIPT.to_owned() + &steps.concat()), &sets).unwrap()
}

#[test]
fn the_handshake_and_its_radius_packets_open_without_a_complaint() {
    let finished = run(&script(&[]), Engine::Inline, Path::new("."), None).unwrap();
    assert!(finished.outcome.authentications.iter().all(|one| one.completed));
    assert_eq!(complaints_of(&finished.capture), [""; 0]);

    let (_folder, path) = file(&finished.capture);
    let lines = |options: &[&str], filter: &str, field: &str| -> Vec<String> {
        fields(&path, options, filter, &[field]).lines().map(str::to_owned).collect()
    };
    // ClientHello 1, ServerHello 2 with 11, 12, 13, 14, then 11, 16, 15 of the mobile.
    let messages = lines(&[], "tls.handshake && frame.interface_name contains \"ms1\"", "tls.handshake.type");
    assert_eq!(messages[..3], ["1", "2,11,12,13,14", "11,16,15"]);
    let options = ["-o", "radius.shared_secret:keyhop-radius", "-o", "radius.validate_authenticator:TRUE"];
    let valid = lines(&options, "radius.authenticator.valid == 1", "radius.code");
    let answers = lines(&[], "radius.code != 1", "radius.code");
    assert_eq!((valid.len(), valid), (16, answers), "every answer verifies");
    let names = lines(&[], "radius.code == 1", "radius.Calling_Station_Id");
    assert!(names.contains(&"02-00-00-00-00-01".to_owned()) && names.contains(&"02-00-00-00-00-02".to_owned()));
}

#[test]
fn an_alert_and_the_failure_after_it_open_without_a_complaint() {
    for set in ["mobile_station.ms1.certificate=expired", "aaa.certificate=expired"] {
        let finished = run(&script(&[set]), Engine::Inline, Path::new("."), None).unwrap();
        assert_eq!(complaints_of(&finished.capture), [""; 0], "{set}");
        let (_folder, path) = file(&finished.capture);
        let alerts = fields(&path, &[], "tls.alert_message", &["tls.alert_message.desc"]);
        assert!(alerts.lines().all(|alert| alert == "45") && alerts.lines().count() > 1, "{set}: {alerts}");
    }
}
