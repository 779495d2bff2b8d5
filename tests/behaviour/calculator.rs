//! `keyhop calc` from the outside: values, exit status, messages.

use assert_cmd::Command;
use serde_json::{Value, json};

const TEK: &str = "d50e18a844ac5bf38e4cd72d9b0942e5";
const PUBLISHED_PDU: &str = "40401a06c45abcf65721e75536c827a8d71b432ca548cbb65f48";
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

struct Outcome {
    status: i32,
    out: String,
    messages: String,
}

fn keyhop(arguments: &[&str]) -> Outcome {
    let output = Command::cargo_bin("keyhop").unwrap().args(arguments).output().unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        messages: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `calc` with the arguments of `line`, where `""` stands for an empty one.
fn calc(line: &str) -> Outcome {
    let arguments = line.split_whitespace().map(|word| if word == "\"\"" { "" } else { word });
    keyhop(&["calc"].into_iter().chain(arguments).collect::<Vec<_>>())
}

fn answer(line: &str) -> Value {
    let outcome = calc(&format!("{line} --json"));
    assert_eq!((outcome.status, outcome.messages.as_str()), (0, ""), "{line}");
    serde_json::from_str(&outcome.out).unwrap()
}

/// The message of a call that ends with status 1, which is JSON on standard output, or plain on standard error.
fn not_opened(line: &str) -> String {
    let outcome = calc(&format!("{line} --json"));
    assert_eq!((outcome.status, outcome.messages.as_str()), (1, ""), "{line}");
    let document: Value = serde_json::from_str(&outcome.out).unwrap();
    let error = document["error"].as_str().unwrap().to_owned();
    assert_eq!(document, json!({ "error": error }));
    let plain = calc(line);
    assert_eq!((plain.status, plain.out.as_str()), (1, ""));
    assert_eq!(plain.messages, format!("error: {error}\n"));
    error
}

/// The message of a call that ends with status 2 and prints no data.
fn bad_input(line: &str) -> String {
    let outcome = calc(&format!("{line} --json"));
    assert_eq!((outcome.status, outcome.out.as_str()), (2, ""), "{line}");
    outcome.messages
}

#[test]
fn keyhop_alone_prints_help_and_wrong_usage_ends_with_2() {
    let outcome = keyhop(&[]);
    assert_eq!((outcome.status, outcome.messages.as_str()), (0, ""));
    assert!(outcome.out.contains("Usage: keyhop") && outcome.out.contains("calc"), "{}", outcome.out);
    for arguments in [&["frobnicate"][..], &["calc"], &["calc", "frobnicate"], &["--frobnicate"], &["calc", "kdf"]] {
        let outcome = keyhop(arguments);
        assert_eq!((outcome.status, outcome.out.as_str()), (2, ""), "{arguments:?}");
        assert!(outcome.messages.contains("Usage:"), "{arguments:?}: {}", outcome.messages);
    }
    assert_eq!(keyhop(&["--help"]).status, 0);
    assert_eq!(keyhop(&["calc", "seal", "--help"]).status, 0);
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("keyhop"))
        .args(["calc", "kdf", "--key", KEY, "--astring", "", "--bits", "1048576"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

// Expected values of the KDF and of TEKs were computed with another implementation, from the definition.

#[test]
fn kdf_derives_in_both_forms() {
    let key = "000102030405060708090a0b0c0d0e0f1011121314151617";
    let kdf = |rest: &str| answer(&format!("kdf --key {key} --astring 00056c6162656c {rest}"));
    assert_eq!(kdf("--bits 160"), json!({ "key": "dfae8a1f8dcd5f1274170f8918e261d215493a4a" }));
    assert_eq!(kdf("--bits 0x80 --prf cmac"), json!({ "key": "308048a3deefc78367716ade4be4c64b" }));
    assert_eq!(kdf("--bits 64 --prf sha1"), json!({ "key": "93a41cc4c4945a15" }));
    let empty = answer(&format!("kdf --key {KEY} --astring \"\" --bits 8"));
    assert_eq!(empty["key"].as_str().unwrap().len(), 2);
}

#[test]
fn kdf_refuses_lengths_and_keys_that_it_cannot_use() {
    for bits in ["0", "1", "127", "1048584", "-8", "eight"] {
        let message = bad_input(&format!("kdf --key {KEY} --astring 00 --bits={bits}"));
        assert!(message.contains("--bits"), "{message}");
    }
    let message = bad_input("kdf --key 000102 --astring 00 --bits 128");
    assert!(message.contains("--key") && message.contains("16 octets") && message.contains("found 3"), "{message}");
    let message = bad_input(&format!("kdf --key {KEY} --astring 00 --bits 128 --prf sha1"));
    assert!(message.contains("--key") && message.contains("20 octets"), "{message}");
    assert!(bad_input(&format!("kdf --key {KEY} --astring 00 --bits 128 --prf md5")).contains("--prf"));
}

const SET_A: &str = "keys --pmk ea8487a0f6f4b35fbddb2f232b771d2f71fdda94 --ms 001b11c9d50c --bs 000000000005";

#[test]
fn keys_gives_the_whole_hierarchy_of_the_public_data_set() {
    let expected = json!({
        "pmk": "ea8487a0f6f4b35fbddb2f232b771d2f71fdda94",
        "ak": "d7eaa9683c377b76a2385b8454b57ae7c9ad3224",
        "akid": "3b7e354a44b25806",
        "cmac_prekey_u": "6b72126de9c3985068a34f96b3a59e68",
        "cmac_prekey_d": "15e5563e1e43a2a23bcc60e692b0006b",
        "kek": "e09389b8f3391dfec8a99af41da147b9",
        "cmac_key_u": "f6eed12d93c37271bdb384449cb62467",
        "cmac_key_d": "c0f5e67ca3b7e3c31de4222a25836b2b",
        "tek0": "005b11b5a404972939089f2aeebcc817",
        "tek1": "f2241fa5b1ef3eb8876209e774438e75",
    });
    assert_eq!(answer(&format!("{SET_A} --count 0 --said 9")), expected);
    assert_eq!(answer(&format!("{SET_A} --count 0x0 --said 0x0009 --profile std2009")), expected);
    let msk = "3d8bfc43c8004afb0ff83b6a30ee7d6cbf93b076b93653e9627fe47aef9cb384caa55b812aad2d7de554cf9eea8487a0\
               f6f4b35fbddb2f232b771d2f71fdda94";
    let from_msk = format!("keys --msk {msk} --ms 00:1B:11:c9:d5:0c --bs 00:00:00:00:00:05 --count 0 --said 9");
    assert_eq!(answer(&from_msk), expected);
}

#[test]
fn keys_follows_count_said_and_sequence_number() {
    let keys = answer(&format!("{SET_A} --count 5 --said 0x1234 --ak-sn 5"));
    assert_eq!(keys["akid"], "13ca8721feba3695");
    assert_eq!(keys["kek"], "e09389b8f3391dfec8a99af41da147b9");
    assert_eq!(keys["tek0"], "571b696a236a892061c6a9ce262b2e99");
    assert_eq!(keys["tek1"], "fa5348a195120da958393c30f7ad634e");
    let keys = answer(&format!("{SET_A} --count 65535 --said 0"));
    assert_eq!(keys["cmac_key_u"], "ca33c87f60ddfd4415309b2acf2dc0c1");
    assert_eq!(keys["cmac_key_d"], "eec129dc6aacea246e7e56b29b304d06");
}

#[test]
fn keys_names_the_option_that_is_wrong() {
    let keys = |secret: String| format!("keys {secret} --ms 001b11c9d50c --bs 000000000005 --count 0 --said 0");
    for (arguments, option) in [
        (keys(format!("--pmk {}", "0".repeat(38))), "--pmk <HEX>': position 39: expected 40 hex digits (20 octets)"),
        (keys(format!("--pmk {}", "0".repeat(42))), "--pmk <HEX>': position 41: expected 40 hex digits (20 octets)"),
        (keys(format!("--msk {}", "0".repeat(40))), "--msk <HEX>': position 41: expected 128 hex digits (64 octets)"),
        (keys("--msk 0".to_owned()), "position 2: expected the second hex digit of an octet"),
        (format!("{SET_A} --count 65536 --said 0"), "--count"),
        (format!("{SET_A} --count 0 --said 0x10000"), "--said"),
        (format!("{SET_A} --count 0 --said 0 --ak-sn 16"), "--ak-sn"),
        (format!("{SET_A} --count 0 --said 0 --profile std1999"), "--profile"),
        (format!("{SET_A} --said 0"), "--count"),
        (format!("{SET_A} --count 0 --said 0 --msk {}", "00".repeat(64)), "--msk"),
        ("keys --ms 001b11c9d50c --bs 000000000005 --count 0 --said 0".to_owned(), "--pmk"),
        (SET_A.replace("--ms 001b11c9d50c", "--ms 001b11c9d5") + " --count 0 --said 0", "--ms"),
        (SET_A.replace("--bs 000000000005", "--bs 00:00:00:00:0005") + " --count 0 --said 0", "--bs"),
        (SET_A.replace("--bs 000000000005", "--bs 00000000000x") + " --count 0 --said 0", "position 12"),
    ] {
        let message = bad_input(&arguments);
        assert!(message.contains(option), "{arguments}: {message}");
    }
}

#[test]
fn cmac_gives_the_worked_value_in_both_truncations() {
    let message = "0400020600112233445505060a00000000010601010701070d020005940105";
    let cmac = format!("cmac --key {KEY} --akid a1a2a3a4a5a6a7a8 --pn 1 --cid 0 --message {message}");
    let full = "f757faaae9d0f32a01d18d7de2400490";
    assert_eq!(answer(&cmac), json!({ "cmac": "01d18d7de2400490", "full": full }));
    assert_eq!(answer(&format!("{cmac} --truncate left")), json!({ "cmac": "f757faaae9d0f32a", "full": full }));
    let changed = answer(&cmac.replace("--cid 0", "--cid 0x0001"));
    assert_ne!(changed["cmac"], "01d18d7de2400490");
}

#[test]
fn cmac_takes_an_empty_message_and_any_pn_of_32_bits() {
    let cmac = |pn: &str| format!("cmac --key {KEY} --akid a1a2a3a4a5a6a7a8 --pn {pn} --cid 5 --message \"\"");
    assert_ne!(answer(&cmac("0")), answer(&cmac("0xffffffff")));
    assert!(bad_input(&cmac("0x100000000")).contains("--pn"));
}

#[test]
fn seal_makes_the_published_pdu_and_open_opens_it() {
    let seal = format!("seal --tek {TEK} --cid 0x06c4 --pn 0x2157f6bc --payload 00010203 --crc ofdma");
    assert_eq!(answer(&seal), json!({ "pdu": PUBLISHED_PDU }));
    let opened = json!({ "cid": 0x06c4, "eks": 0, "pn": 0x2157_f6bc, "direction": "dl", "payload": "00010203" });
    for crc in ["", "--crc auto", "--crc ofdma"] {
        assert_eq!(answer(&format!("open --tek {TEK} --pdu {PUBLISHED_PDU} {crc}")), opened, "{crc}");
    }
}

#[test]
fn seal_makes_the_worked_pdu_with_a_crc_msb_first_by_default() {
    let payload = "45000027000140004011b6c1c0000201c0000202138813890013b3f568656c6c6f2077696d6178";
    let tek = "202122232425262728292a2b2c2d2e2f";
    let pdu = "40503d03007b0100000090ce04f81e4767d69248e7e0213563973e432f7c6e8b4137c5a2f775baa451907c68ac466ef3c3\
               26dad64caee948abbcdda4f9";
    assert_eq!(
        answer(&format!("seal --tek {tek} --cid 768 --pn 1 --eks 1 --payload {payload}")),
        json!({ "pdu": pdu })
    );
    let opened = json!({ "cid": 768, "eks": 1, "pn": 1, "direction": "dl", "payload": payload });
    assert_eq!(answer(&format!("open --tek {tek} --crc msb-first --pdu {pdu}")), opened);
}

#[test]
fn seal_sets_the_uplink_bit_and_open_takes_it_off() {
    for (pn, field) in [("1", "01000080"), ("0x7fffffff", "ffffffff")] {
        let sealed = answer(&format!(
            "seal --tek {TEK} --cid 0x301 --pn {pn} --payload \"\" --direction ul --eks 3 --type 63 --crc none"
        ));
        let pdu = sealed["pdu"].as_str().unwrap();
        assert_eq!((pdu.len(), &pdu[..10], &pdu[12..20]), (36, "7f30120301", field));
        let opened = answer(&format!("open --tek {TEK} --pdu {pdu}"));
        let pn = if pn == "1" { 1 } else { 0x7fff_ffff };
        assert_eq!(opened, json!({ "cid": 0x301, "eks": 3, "pn": pn, "direction": "ul", "payload": "" }));
    }
}

#[test]
fn seal_refuses_what_does_not_fit_in_a_pdu() {
    let seal = |rest: &str| bad_input(&format!("seal --tek {TEK} --cid 1 {rest}"));
    for pn in ["0", "0x80000000", "0x80000001", "4294967296"] {
        assert!(seal(&format!("--pn {pn} --payload 00")).contains("--pn"));
    }
    assert!(seal("--pn 1 --payload 00 --eks 4").contains("--eks"));
    assert!(seal("--pn 1 --payload 00 --type 64").contains("--type"));
    assert!(seal("--pn 1 --payload 00 --direction up").contains("--direction"));
    assert!(seal("--pn 1 --payload 00 --crc auto").contains("--crc"));
    for (crc, limit) in [("msb-first", 2025), ("ofdma", 2025), ("none", 2029)] {
        let seal =
            |octets: usize| format!("seal --tek {TEK} --cid 1 --pn 1 --crc {crc} --payload {}", "ab".repeat(octets));
        assert_eq!(answer(&seal(limit))["pdu"].as_str().unwrap().len(), 2 * 2047);
        let message = bad_input(&seal(limit + 1));
        assert!(message.contains("--payload") && message.contains(&limit.to_string()), "{message}");
    }
}

#[test]
fn open_tells_what_is_wrong_with_a_pdu() {
    let open = |pdu: &str, rest: &str| not_opened(&format!("open --tek {TEK} --pdu {pdu} {rest}"));
    let change = |place: usize, to: &str| {
        let mut pdu = PUBLISHED_PDU.to_owned();
        pdu.replace_range(2 * place..2 * place + 2, to);
        pdu
    };
    assert!(open(&change(5, "5b"), "").contains("HCS"));
    assert!(open(&change(25, "49"), "").contains("CRC"));
    assert!(open(PUBLISHED_PDU, "--crc msb-first").contains("1bd1ba21"));
    // A changed ciphertext under a CRC that fits, and the right PDU under another TEK.
    let other = format!("open --tek {KEY} --pdu {PUBLISHED_PDU}");
    assert!(not_opened(&other).contains("ICV"));
    let sealed = answer(&format!("seal --tek {TEK} --cid 0x301 --pn 1 --payload 0011 --crc none"));
    let pdu = sealed["pdu"].as_str().unwrap();
    let mut changed = pdu.to_owned();
    changed.replace_range(20..21, if pdu.as_bytes()[20] == b'0' { "1" } else { "0" });
    assert!(open(&changed, "").contains("ICV"));
    // CI = 0 with a CRC demanded.
    for form in ["msb-first", "ofdma"] {
        assert!(open(pdu, &format!("--crc {form}")).contains("CI"));
    }
    // EC = 0, with one octet of body.
    let hcs = keyhop::dot16::wire::hcs(&[0x00, 0x00, 0x07, 0x03, 0x01]);
    assert!(open(&format!("0000070301{hcs:02x}00"), "").contains("EC = 0"));
}

#[test]
fn open_refuses_a_pdu_of_the_wrong_length_with_status_1() {
    for octets in 0..PUBLISHED_PDU.len() / 2 {
        let pdu = if octets == 0 { "\"\"" } else { &PUBLISHED_PDU[..2 * octets] };
        not_opened(&format!("open --tek {TEK} --pdu {pdu}"));
    }
    let error = not_opened(&format!("open --tek {TEK} --pdu {PUBLISHED_PDU}00"));
    assert!(error.contains("octet 26"), "{error}");
    // A header that promises an encrypted body and has no room for PN and ICV.
    let header = "4000110301";
    let with_hcs = format!("{header}{:02x}", keyhop::dot16::wire::hcs(&[0x40, 0x00, 0x11, 0x03, 0x01]));
    let error = not_opened(&format!("open --tek {TEK} --pdu {with_hcs}{}", "00".repeat(11)));
    assert!(error.contains("12 octets") && error.contains("found 11"), "{error}");
}

#[test]
fn bad_hex_is_told_with_option_position_and_what_was_found() {
    for (arguments, parts) in [
        (format!("open --tek {TEK} --pdu 4040zz"), ["--pdu", "position 5", "'z'", "hex digit"]),
        (format!("open --tek {TEK} --pdu 40401"), ["--pdu", "position 6", "the end", "second hex digit"]),
        (format!("open --tek {TEK} --pdu 0x4040"), ["--pdu", "position 2", "'x'", "hex digit"]),
        (format!("open --tek {TEK} --pdu 40:40"), ["--pdu", "position 3", "':'", "hex digit"]),
        (format!("open --tek {}g --pdu 40", &TEK[..31]), ["--tek", "position 32", "'g'", "hex digit"]),
        (format!("open --tek {} --pdu 40", &TEK[..30]), ["--tek", "position 31", "found 30", "32 hex digits"]),
        (format!("open --tek {TEK}00 --pdu 40"), ["--tek", "position 33", "found 34", "32 hex digits"]),
        (format!("wrap --kek {TEK} --tek 00"), ["--tek", "position 3", "found 2", "32 hex digits"]),
        (
            "cmac --key 00 --akid 00 --pn 0 --cid 0 --message 00".to_owned(),
            ["--key", "position 3", "found 2", "16 octets"],
        ),
        (
            format!("cmac --key {KEY} --akid ä --pn 0 --cid 0 --message 00"),
            ["--akid", "position 1", "'ä'", "hex digit"],
        ),
    ] {
        let message = bad_input(&arguments);
        for part in parts {
            assert!(message.contains(part), "{arguments}: {part} in {message}");
        }
    }
}

#[test]
fn wrap_and_unwrap_in_both_algorithms() {
    let tek = "00112233445566778899aabbccddeeff";
    for (alg, encrypted) in [
        ("", "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        ("--alg kw", "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        ("--alg ecb", "69c4e0d86a7b0430d8cdb78070b4c55a"),
    ] {
        assert_eq!(answer(&format!("wrap --kek {KEY} --tek {tek} {alg}")), json!({ "tek": encrypted }));
        assert_eq!(answer(&format!("unwrap --kek {KEY} --tek {encrypted} {alg}")), json!({ "tek": tek }));
    }
}

#[test]
fn unwrap_fails_with_1_if_the_check_fails_and_with_2_if_the_length_is_wrong() {
    let wrapped = "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe6";
    let error = not_opened(&format!("unwrap --kek {KEY} --tek {wrapped}"));
    assert!(error.contains("key wrap"), "{error}");
    for (alg, length) in [("kw", 16), ("kw", 32), ("kw", 0), ("ecb", 24), ("ecb", 15)] {
        let tek = if length == 0 { "\"\"".to_owned() } else { "00".repeat(length) };
        let message = bad_input(&format!("unwrap --kek {KEY} --tek {tek} --alg {alg}"));
        assert!(message.contains("--tek") && message.contains(&format!("found {length}")), "{message}");
    }
    // AES-ECB has no check: another KEK gives just another TEK.
    let ecb = answer(&format!("unwrap --kek {TEK} --tek 69c4e0d86a7b0430d8cdb78070b4c55a --alg ecb"));
    assert_ne!(ecb["tek"], "00112233445566778899aabbccddeeff");
}

#[test]
fn window_gives_a_verdict_on_each_number_in_order() {
    let window = |size: &str, pns: &str| answer(&format!("window --size {size} --pns {pns}"));
    assert_eq!(
        window("64", "100,37,36,37,101,37,0,0x80000000,0xffffffffff,100"),
        json!({ "verdicts": [
            "accept", "accept", "old", "duplicate", "accept", "old", "invalid", "invalid", "invalid", "duplicate"
        ] })
    );
    assert_eq!(window("1", "5,5,4,6"), json!({ "verdicts": ["accept", "duplicate", "old", "accept"] }));
    assert_eq!(window("0", "5,5,4,6"), json!({ "verdicts": ["accept", "old", "old", "accept"] }));
    assert_eq!(window("1024", "0x7fffffff,2147482624,2147482623"), json!({ "verdicts": ["accept", "accept", "old"] }));
}

#[test]
fn window_refuses_sizes_and_lists_that_make_no_sense() {
    assert!(bad_input("window --size 1025 --pns 1").contains("--size"));
    for pns in ["1,,2", "\"\"", "1,x", "1;2"] {
        assert!(bad_input(&format!("window --size 64 --pns {pns}")).contains("--pns"), "{pns}");
    }
}

#[test]
fn without_json_the_same_comes_as_lines() {
    let plain = calc(&format!("open --tek {TEK} --pdu {PUBLISHED_PDU}"));
    assert_eq!(plain.out, "cid: 1732\neks: 0\npn: 559412924\ndirection: dl\npayload: 00010203\n");
    assert_eq!(calc("window --size 64 --pns 1,1").out, "verdicts: accept duplicate\n");
}
