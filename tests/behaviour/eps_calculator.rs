//! `keyhop calc eps-...` from outside, on the built program.

use std::process::Command;

use serde_json::Value;

fn run(arguments: &[String]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_keyhop")).arg("calc").args(arguments).arg("--json").output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn arguments(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn answer(line: &str) -> Value {
    let (status, out, messages) = run(&arguments(line));
    assert_eq!((status, messages.as_str()), (Some(0), ""), "{line}");
    serde_json::from_str(&out).unwrap()
}

fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str::<Value>(text).unwrap()["vectors"].as_array().unwrap().clone()
}

#[test]
fn the_algorithms_give_the_published_values_and_a_message_may_end_within_an_octet() {
    let vectors = vectors(include_str!("../vectors/eps-aes-algorithms.json"));
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let bits = vector["bit_length"].as_u64().unwrap();
        let direction = if vector["direction"] == 1 { "dl" } else { "ul" };
        let octets = usize::try_from(bits.div_ceil(8)).unwrap();
        let line = format!(
            "--key {} --count {} --bearer {} --direction {direction} --message {} --bits {bits}",
            text("key"),
            vector["count"],
            vector["bearer"],
            &text("message")[..2 * octets]
        );
        if text("kind") == "128-EIA2" {
            assert_eq!(answer(&format!("eps-eia2 {line}")), serde_json::json!({ "mac": text("expect") }));
        } else {
            let found = hex::decode(answer(&format!("eps-eea2 {line}"))["message"].as_str().unwrap()).unwrap();
            let mut expected = hex::decode(text("expect")).unwrap();
            if let Some(last) = expected.last_mut().filter(|_| bits % 8 != 0) {
                *last &= !(0xff >> (bits % 8));
            }
            assert_eq!(found, expected, "{vector}");
        }
    }
    assert_eq!(vectors.len(), 14);
}

#[test]
fn the_kdf_gives_the_published_values() {
    let mut ran = 0;
    for vector in vectors(include_str!("../vectors/eps-kdf.json")) {
        let (Some(key), true) = (vector["kasme"].as_str(), vector["kind"] == "KENB") else { continue };
        let count = vector["ul_nas_count"].as_u64().unwrap();
        let found = answer(&format!("eps-kdf --key {key} --fc 0x11 --param {count:08x}"));
        assert_eq!(found, serde_json::json!({ "key": vector["expect"] }));
        ran += 1;
    }
    assert_eq!(ran, 9);
}

#[test]
fn the_chain_is_what_the_kdf_gives_step_by_step() {
    let kdf = |key: &str, fc: u8, parameters: &[&str]| {
        let parameters: String = parameters.iter().map(|parameter| format!(" --param {parameter}")).collect();
        answer(&format!("eps-kdf --key {key} --fc {fc}{parameters}"))["key"].as_str().unwrap().to_owned()
    };
    let root = "11".repeat(32);
    for (option, parameters) in [("--kenb", Vec::new()), ("--kasme", vec!["00112233"])] {
        let para = parameters.first().map_or(String::new(), |para| format!(" --para {para}"));
        for c_rnti in ["4601", "00004601"] {
            for (star, target, fcs) in [(0xf0, 0xf1, ""), (1, 2, " --fc-star 1 --fc-kenb 0x02")] {
                let found = answer(&format!("eps-chain {option} {root}{para} --c-rnti {c_rnti}{fcs}"));
                let kenb_star = kdf(&root, star, &parameters);
                let kenb = kdf(&kenb_star, target, &[c_rnti]);
                let key = |key_use: &str| kdf(&kenb, 0x15, &[key_use, "02"])[32..].to_owned();
                let expected = serde_json::json!({
                    "kenb_star": kenb_star, "kenb": kenb,
                    "k_rrc_enc": key("03"), "k_rrc_int": key("04"), "k_up_enc": key("05"),
                });
                assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn khse_is_what_the_kdf_gives_of_both_runs() {
    let (keys, name, sqn) = ("5a".repeat(32), "5G:mnc001.mcc001.3gppnetwork.org", "0102030405ff");
    for (of, fc) in [("", "0x63"), (" --of 5g-aka", "0x63"), (" --of eap-aka-prime", "0x64")] {
        let found = answer(&format!("eps-khse{of} --ck-ik {keys} --serving-network {name} --sqn-xor-ak {sqn}"));
        let kdf = answer(&format!("eps-kdf --key {keys} --fc {fc} --param {} --param {sqn}", hex::encode(name)));
        assert_eq!(found, serde_json::json!({ "khse": kdf["key"] }), "{of}");
    }
}

#[test]
fn bad_arguments_end_with_2_and_name_the_option() {
    let key = "11".repeat(32);
    for (line, wanted) in [
        (format!("eps-chain --kasme {key} --c-rnti 4601"), "--para"),
        (format!("eps-chain --kenb {key} --para 00 --c-rnti 4601"), "--para"),
        (format!("eps-chain --kenb {key} --c-rnti 46"), "expected 2 or 4 octets, found 1"),
        ("eps-chain --c-rnti 4601".to_owned(), "--kenb"),
        (format!("eps-kdf --key {key} --fc 256"), "--fc"),
        (format!("eps-khse --ck-ik {key} --serving-network x --sqn-xor-ak 00"), "--sqn-xor-ak"),
        (format!("eps-khse --ck-ik 00 --serving-network x --sqn-xor-ak {}", "00".repeat(6)), "--ck-ik"),
        (format!("eps-eia2 --key {} --count 0 --bearer 32 --direction ul --message 00", "11".repeat(16)), "--bearer"),
        (
            format!("eps-eea2 --key {} --count 0 --bearer 1 --direction ul --message 0000 --bits 8", "11".repeat(16)),
            "--bits: expected 9 to 16 for a message of 2 octets, found 8",
        ),
    ] {
        let (status, out, messages) = run(&arguments(&line));
        assert_eq!((status, out.as_str()), (Some(2), ""), "{line}");
        assert!(messages.contains(wanted), "{line}: {messages}");
    }
}
