//! Sessions between a UE and end points in an enterprise, as Wireshark reads them: with no option and no key beside the capture.

use std::collections::BTreeSet;
use std::path::Path;

use keyhop::capture::Capture;

use crate::eps_enterprise::{APPLICATION, Plan, UE};
use crate::recipe::complaints_of;
use crate::tshark::fields;
use crate::worked_frames::file;

/// Two sessions with two end points, and one that the EMKS has no key for.
fn capture() -> Capture {
    let plan = Plan::new().authenticate(100).open(400, 0).send(700, 0, "reading 1").close(900, 0);
    let seen = plan.open(1_000, 1).send(1_300, 1, "reading 2").close(1_500, 1).run();
    assert_eq!(seen.opened(UE).len(), 2);
    seen.capture()
}

#[test]
fn application_data_is_shown_by_the_secrets_in_the_capture() {
    // E1
    let (_folder, path) = file(&capture());
    let shown = fields(&path, &[], "dtls && data", &["udp.dstport", "data.data"]);
    let hex = |text: &str| text.bytes().map(|octet| format!("{octet:02x}")).collect::<String>();
    for text in ["reading 1", "reading 2"] {
        // There and back, each in the tunnel of the core network and outside.
        assert_eq!(shown.lines().filter(|line| line.ends_with(&hex(text))).count(), 4, "{shown}");
    }
    // broken: E1, without the secrets there is nothing to see.
    let (_folder, path) = file(&Capture { secrets: Vec::new(), ..capture() });
    assert_eq!(fields(&path, &[], "dtls && data", &["data.data"]), "");
    assert_eq!(fields(&path, &[], "dtls.record.content_type == 23", &["frame.number"]).lines().count(), 8);
}

#[test]
fn the_identity_the_alert_and_the_keys_of_the_operator_are_where_they_are_meant_to_be() {
    let (_folder, path) = file(&capture());
    let identity = "dtls.handshake.identity";
    let identities = fields(&path, &[], "dtls.handshake.type == 16 && !gtp", &[identity]);
    let hex = |text: &str| text.bytes().map(|octet| format!("{octet:02x}")).collect::<String>();
    assert_eq!(identities.lines().filter(|line| line.starts_with(&hex(&format!("{APPLICATION};")))).count(), 2);
    // Transaction-Identifier, NAF-Hostname and ME-Key-Material of Zn.
    let hosts =
        fields(&path, &[], "diameter.cmd.code == 310 && diameter.flags.request == 1", &["diameter.NAF-Hostname"]);
    assert_eq!(hosts.lines().count(), 2, "{hosts}");
    let users = fields(&path, &[], "diameter.cmd.code == 310 && diameter.flags.request == 1", &["diameter.User-Name"]);
    assert_eq!(users.trim_end(), [APPLICATION; 2].join("\n"));
    // A UE that was never subscribed is refused with an alert.
    let seen = Plan { subscribed: false, ..Plan::new() }.authenticate(100).open(400, 0).run();
    let (_folder, path) = file(&seen.capture());
    let alerts =
        fields(&path, &[], "dtls.alert_message && !gtp", &["dtls.alert_message.level", "dtls.alert_message.desc"]);
    assert_eq!(alerts.trim_end(), "2|115");
}

#[test]
fn on_protected_links_of_the_key_server_there_is_esp_and_no_key() {
    // E6
    let golden = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/{name}.pcapng"));
    let commands = "diameter.cmd.code == 305 || diameter.cmd.code == 310";
    let seen = |name: &str| {
        let [keys, sealed] = [commands, "esp"].map(|filter| fields(&golden(name), &[], filter, &["frame.number"]));
        [keys.lines().count(), sealed.lines().count()]
    };
    // A push, two requests for keys, and their answers.
    assert_eq!(seen("e2m-links-protected"), [0, 6]);
    // broken: E6, by links in the clear.
    assert_eq!(seen("e2m-links-heard"), [6, 0]);
    let spis = fields(&golden("e2m-links-protected"), &[], "esp", &["esp.spi"]);
    // One key for each direction of each link.
    assert_eq!(spis.lines().collect::<BTreeSet<_>>().len(), 6, "{spis}");
}

#[test]
fn every_frame_opens_without_a_complaint() {
    // E1
    assert_eq!(complaints_of(&capture()), [""; 0]);
}
