//! Network entry as Wireshark shows it: ranging code, SBC, PKM and REG down to their fields.

use std::path::{Path, PathBuf};

use crate::tshark::fields;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/network-entry.pcapng")
}

/// `field` in the frames that `filter` lets through.
fn values(filter: &str, field: &str) -> Vec<String> {
    fields(&golden(), &[], filter, &[field]).lines().map(str::to_owned).collect()
}

#[test]
fn messages_of_network_entry_follow_in_the_order_of_the_standard() {
    let entry = "frame.interface_name == \"air:ms1-bs1\" && frame.time_relative < 1";
    let types = values(&format!("{entry} && wmx.macmgtmsgtype < 50"), "wmx.macmgtmsgtype");
    let mut expected = vec!["5", "4", "5", "26", "27"];
    let pkm = types.iter().filter(|kind| ["9", "10"].contains(&kind.as_str())).count();
    let of_eap = pkm.checked_sub(5).unwrap();
    assert_eq!(types[..5], expected[..]);
    expected = vec!["10", "9", "10", "6", "7", "9", "10"];
    assert_eq!(types[5 + of_eap..], expected[..], "SA-TEK handshake, REG, Key-Request and Key-Reply");
    let codes = values(&format!("{entry} && wmx.pkm.msg_code"), "wmx.pkm.msg_code");
    let after_eap: Vec<&str> = codes.iter().map(String::as_str).filter(|code| !["17", "18"].contains(code)).collect();
    assert_eq!(after_eap, ["20", "21", "22", "23", "24"]);
}

#[test]
fn a_ranging_code_is_decoded_by_a_dissector_of_its_own() {
    let code = ["wmx.cdma.ranging_code", "wmx.cdma.ranging_symbol_offset", "wmx.cdma.ranging_subchannel_offset"];
    let decoded = code.map(|field| values("frame.number == 1", field));
    assert_eq!(decoded, [["0x01"], ["0x00"], ["0x00"]]);
}

#[test]
fn capabilities_are_decoded() {
    let security = "wmx.security_negotiation_parameters";
    for kind in [26, 27] {
        let sbc = format!("wmx.macmgtmsgtype == {kind}");
        assert_eq!(values(&sbc, "wmx.sbc.ho_trigger_metric_support"), ["0x03"]);
        assert_eq!(values(&sbc, &format!("{security}.pkm_version_support")), ["0x02"]);
        assert_eq!(values(&sbc, &format!("{security}.auth_policy_support")), ["0x22"]);
        assert_eq!(values(&sbc, &format!("{security}.mac_mode")), ["0x02"]);
        assert_eq!(values(&sbc, &format!("{security}.pn_window_size")), ["64"]);
    }
    // The same again under a CMAC, in SA-TEK-Request and SA-TEK-Response.
    for code in [21, 22] {
        let handshake = format!("wmx.pkm.msg_code == {code}");
        assert_eq!(values(&handshake, &format!("{security}.auth_policy_support")), ["0x22"]);
    }
    for kind in [6, 7] {
        let reg = format!("wmx.macmgtmsgtype == {kind}");
        assert_eq!(values(&reg, "wmx.reg.mobility_handover"), ["1"]);
        assert_eq!(values(&reg, "wmx.reg.ul_cids_supported"), ["2"]);
        assert!(!values(&reg, "wmx.cmac_tuple.cmac.value").is_empty(), "the CMAC tuple of message {kind}");
    }
}
