//! What is refused, with which words, and where the error points.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::{SMALLEST, STATIONS, parse};

/// Appends `added` to `base` and expects the message at this line (counted from the first added one) and column.
#[track_caller]
fn refused(base: &str, added: &str, line: usize, column: usize, message: &str) {
    let error = parse(&format!("{base}{added}")).unwrap_err();
    let line = base.lines().count() + line;
    assert_eq!(error.to_string(), format!("test.toml:{line}:{column}: {message}"), "{added}");
    let labels: Vec<_> = error.labels().unwrap().collect();
    assert!(labels.iter().all(|label| label.label().is_some_and(|text| !text.is_empty())));
    assert!(labels.first().is_some_and(|label| !label.is_empty()), "{added}: the span is empty");
}

/// Expects the message for a line in `[radio]`.
#[track_caller]
fn radio(line: &str, column: usize, message: &str) {
    refused(SMALLEST, &format!("[radio]\n{line}\n"), 2, column, message);
}

const TIME: &str = "expected a time with a unit (ns, us, ms, s, min, h) such as \"5ms\"";

#[test]
fn what_is_not_toml_is_refused_where_it_stops_being_so() {
    let error = parse("name = \"x\"\nshows = = 1\n").unwrap_err();
    assert!(error.to_string().starts_with("test.toml:2:9: not TOML: "), "{error}");
    let error = parse("name = \"x\"\nname = \"y\"\n").unwrap_err();
    assert_eq!(error.to_string(), "test.toml:2:1: not TOML: duplicate key");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_name() {
    radio("fram = \"5ms\"", 1, "unknown key \"fram\" in radio; did you mean \"frame\"?");
    radio("zzzzzzzzzzzzz = 1", 1, "unknown key \"zzzzzzzzzzzzz\" in radio");
    refused(
        SMALLEST,
        "[[trafic]]\n",
        1,
        3,
        "unknown key \"trafic\" at the top of the script; did you mean \"traffic\"?",
    );
    refused(
        SMALLEST,
        "tekcache = true\n",
        1,
        1,
        "unknown key \"tekcache\" in mobile_station; did you mean \"tek_cache\"?",
    );
    refused(
        SMALLEST,
        "[[expect]]\nhandover = { traget = \"bs1\" }\n",
        2,
        14,
        "unknown key \"traget\" in expect.handover; did you mean \"target\"?",
    );
}

#[test]
fn times_need_a_unit() {
    radio("frame = 5", 9, &format!("radio.frame: {TIME}, found the integer 5"));
    radio("frame = 0.005", 9, &format!("radio.frame: {TIME}, found the number 0.005"));
    radio("frame = \"5\"", 9, &format!("radio.frame: {TIME}, found the string \"5\""));
    radio("frame = \"5 minutes\"", 9, &format!("radio.frame: {TIME}, found the string \"5 minutes\""));
    radio("frame = 07:32:00", 9, &format!("radio.frame: {TIME}, found a date or time of day"));
}

#[test]
fn radio_values_out_of_range_are_refused() {
    for (line, column, message) in [
        ("frame = \"21ms\"", 9, "radio.frame: expected a time from 2us to 20ms, found the string \"21ms\""),
        ("frame = \"5000500ns\"", 9, "radio.frame: expected a multiple of 1us, found the string \"5000500ns\""),
        ("downlink = \"5ms\"", 12, "radio.downlink: expected a time from 1us to 4999us, found the string \"5ms\""),
        ("loss = 1.5", 8, "radio.loss: expected a probability from 0 to 1, found the number 1.5"),
        ("loss = nan", 8, "radio.loss: expected a probability from 0 to 1, found the number NaN"),
        ("duplication = -1", 15, "radio.duplication: expected a probability from 0 to 1, found the integer -1"),
        (
            "association = \"level1\"",
            15,
            "radio.association: expected \"level2\" or \"none\", found the string \"level1\"",
        ),
        ("crc = true", 7, "radio.crc: expected \"msb-first\" or \"ofdma\", found true"),
        ("action_time = 0", 15, "radio.action_time: expected a whole number from 1 to 255, found the integer 0"),
        (
            "ranging_deadline = \"15ms\"",
            20,
            "radio.ranging_deadline: expected a multiple of 10ms, found the string \"15ms\"",
        ),
        (
            "ranging_deadline = \"40ms\"",
            20,
            "radio.ranging_deadline: expected a ranging_deadline longer than rng_delay, found the string \"40ms\"",
        ),
        (
            "rng_delay = \"1s\"",
            13,
            "radio.rng_delay: expected a ranging_deadline longer than rng_delay, found the string \"1s\"",
        ),
        (
            "resource_retain = \"26s\"",
            19,
            "radio.resource_retain: expected a time from 100ms to 25500ms, found the string \"26s\"",
        ),
        ("ranging_retry = \"0s\"", 17, "radio.ranging_retry: expected a time of at least 1ns, found the string \"0s\""),
    ] {
        radio(line, column, message);
    }
}

#[test]
fn a_backbone_without_latency_is_refused() {
    refused(
        SMALLEST,
        "[backbone]\nlatency = \"0ms\"\n",
        2,
        11,
        "backbone.latency: expected a time of at least 1ns, found the string \"0ms\"",
    );
}

#[test]
fn header_values_are_checked() {
    let header = |line: &str, column: usize, message: &str| {
        let error = parse(&format!("{line}\n{SMALLEST}")).unwrap_err();
        assert_eq!(error.to_string(), format!("test.toml:1:{column}: {message}"));
    };
    header(
        "statements = [\"A1\", \"A28\"]",
        21,
        "statements: expected a statement id, \"A1\" to \"A27\" or \"R1\" to \"R19\", found the string \"A28\"",
    );
    header(
        "statements = [\"A01\"]",
        15,
        "statements: expected a statement id, \"A1\" to \"A27\" or \"R1\" to \"R19\", found the string \"A01\"",
    );
    header(
        "attack_id = 19\ndefence = \"on\"",
        13,
        "attack_id: expected a number from 1 to 18 or a rule \"R1\" to \"R19\", found the integer 19",
    );
    header("attack_id = 5", 1, "defence: expected \"on\" or \"off\", because attack_id is given, found nothing");
    header("defence = \"on\"", 1, "defence: expected no defence without attack_id, found one");
    header("seed = -1", 8, "seed: expected a whole number from 0 to 18446744073709551615, found the integer -1");
    header(
        "profile = \"std2005\"",
        11,
        "profile: expected \"contribution\" or \"std2009\", found the string \"std2005\"",
    );
    header("duration = \"0s\"", 12, "duration: expected a time of at least 1ns, found the string \"0s\"");
    header("radio = 5", 9, "radio: expected a table, found the integer 5");
}

#[test]
fn a_name_that_is_no_plain_file_stem_is_refused() {
    for name in ["", "../x", "a/b", "a.b", "-a", "ä", &"x".repeat(65)] {
        let error = parse(&SMALLEST.replace("\"small\"", &format!("{name:?}"))).unwrap_err();
        let expected = "name: expected a name of 1 to 64 letters, digits, '_' and '-'";
        assert_eq!(error.to_string(), format!("test.toml:1:8: {expected}, found the string {name:?}"));
    }
}

#[test]
fn what_is_missing_is_said_at_the_table_that_lacks_it() {
    refused(
        SMALLEST,
        "[[base_station]]\nname = \"bs2\"\n",
        1,
        1,
        "base_station.bsid: expected six octets in hex such as \"0a:00:00:00:00:02\", found nothing",
    );
    let error = parse("name = \"x\"\nshows = \"y\"\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "test.toml:1:1: base_station: expected at least one [[base_station]], or a [grid] of them, found nothing"
    );
    let error = parse(SMALLEST.split("[[mobile").next().unwrap()).unwrap_err();
    assert!(error.message().starts_with("mobile_station: expected at least one [[mobile_station]]"), "{error}");
}

#[test]
fn names_and_addresses_are_unique_and_the_error_shows_both_places() {
    let bs = |name: &str, bsid: &str, ip: &str| {
        format!("[[base_station]]\nname = \"{name}\"\nbsid = \"{bsid}\"\nip = \"{ip}\"\n")
    };
    let second = |found: &str| format!("expected a value that no other station has, found the string \"{found}\"");
    let free = ("bs9", "0a:00:00:00:00:09", "10.16.0.9");
    for (added, line, column, message) in [
        (bs("bs1", free.1, free.2), 2, 8, format!("base_station.name: {}", second("bs1"))),
        (bs(free.0, "0A0000000001", free.2), 3, 8, format!("base_station.bsid: {}", second("0A0000000001"))),
        (bs(free.0, free.1, "10.16.0.1"), 4, 6, format!("base_station.ip: {}", second("10.16.0.1"))),
    ] {
        refused(SMALLEST, &added, line, column, &message);
        assert_eq!(parse(&format!("{SMALLEST}{added}")).unwrap_err().labels().unwrap().count(), 2);
    }
    refused(SMALLEST, &bs("gw", free.1, free.2), 2, 8, &format!("base_station.name: {}", second("gw")));
    for taken in ["10.16.0.254", "10.16.0.253"] {
        refused(SMALLEST, &bs(free.0, free.1, taken), 4, 6, &format!("base_station.ip: {}", second(taken)));
    }
}

#[test]
fn references_to_stations_must_be_known() {
    let found = "found the string \"bs9\"";
    let error = parse(&SMALLEST.replace("serving = \"bs1\"", "serving = \"bs9\"")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("test.toml:13:11: mobile_station.serving: expected the name of a [[base_station]], {found}")
    );
    assert_eq!(error.help().unwrap().to_string(), "did you mean \"bs1\"?");
    let step = "[[step]]\nat = \"1s\"\nmobile_station = \"ms1\"\naction = \"handover\"\n";
    refused(
        STATIONS,
        &format!("{step}target = \"bs9\"\n"),
        5,
        10,
        &format!("step.target: expected the name of a [[base_station]], {found}"),
    );
    refused(
        STATIONS,
        &format!("{step}target = \"bs1\"\ncandidates = [\"bs1\", \"bs9\"]\n"),
        6,
        22,
        &format!("step.candidates: expected the name of a [[base_station]], {found}"),
    );
}

#[test]
fn the_mobile_may_be_left_out_only_where_there_is_one() {
    let step = "[[step]]\nat = \"1s\"\naction = \"cancel\"\n";
    assert!(parse(&format!("{SMALLEST}{step}")).is_ok());
    refused(
        STATIONS,
        step,
        1,
        1,
        "step.mobile_station: expected the name of a [[mobile_station]], single or with count, found nothing",
    );
}

#[test]
fn more_mobiles_than_a_base_station_can_serve_are_refused() {
    let mobile = |number: usize| {
        let (high, low) = (number / 200, number % 200 + 1);
        let mac = format!("02000001{number:04}");
        format!(
            "[[mobile_station]]\nname = \"m{number}\"\nmac = \"{mac}\"\nip = \"192.1.{high}.{low}\"\nserving = \"bs1\"\n"
        )
    };
    let more = |count: usize| (0..count).map(mobile).collect::<String>();
    assert!(parse(&format!("{SMALLEST}{}", more(299))).is_ok());
    refused(
        SMALLEST,
        &more(300),
        1_500,
        11,
        "mobile_station: expected at most 300 at one base station at the start, found 301 at bs1",
    );
}

#[test]
fn station_values_are_checked() {
    for (line, column, message) in [
        ("pn_window = 1025", 13, "pn_window: expected a whole number from 0 to 1024, found the integer 1025"),
        ("seamless = \"yes\"", 12, "seamless: expected true or false, found the string \"yes\""),
        ("cmac_key_count = 0", 18, "cmac_key_count: expected a whole number from 1 to 65535, found the integer 0"),
    ] {
        refused(SMALLEST, &format!("{line}\n"), 1, column, &format!("mobile_station.{message}"));
    }
    for (from, to, place, message) in [
        (
            "\"02:00:00:00:00:01\"",
            "\"02:00\"",
            "11:7",
            "mobile_station.mac: expected six octets in hex such as \"0a:00:00:00:00:02\", found the string \"02:00\"",
        ),
        (
            "192.0.2.10",
            "224.0.0.1",
            "12:6",
            "mobile_station.ip: expected the IPv4 address of one host such as \"192.0.2.10\", found the string \"224.0.0.1\"",
        ),
        (
            "name = \"ms1\"",
            "name = \"ms-1\"",
            "10:8",
            "mobile_station.name: expected a name of 1 to 32 letters, digits and '_', found the string \"ms-1\"",
        ),
    ] {
        let error = parse(&SMALLEST.replace(from, to)).unwrap_err();
        assert_eq!(error.to_string(), format!("test.toml:{place}: {message}"));
    }
    let error = parse(&format!("{SMALLEST}[authenticator]\npmk_lifetime = \"1.5s\"\n")).unwrap_err();
    assert_eq!(error.message(), "authenticator.pmk_lifetime: expected a multiple of 1s, found the string \"1.5s\"");
    let error = parse(&format!("{SMALLEST}[authenticator]\npmk_lifetime = \"0s\"\n")).unwrap_err();
    let expected =
        "test.toml:15:16: authenticator.pmk_lifetime: expected a time from 1s to 4294967295s, found the string \"0s\"";
    assert_eq!(error.to_string(), expected);
    let grace = "mobile_station.tek_grace: expected a time of at least 1ns, found the string \"0s\"";
    refused(SMALLEST, "tek_grace = \"0s\"\n", 1, 13, grace);
}

#[test]
fn keys_of_mobiles_are_checked_and_not_shown() {
    let pmk = "expected 40 hex digits (20 octets)";
    for (value, message) in [
        (format!("pmk = \"{}\"", "a".repeat(38)), format!("pmk: {pmk}, found 38 of them")),
        (format!("pmk = \"{}\"", "a".repeat(41)), format!("pmk: {pmk}, found 41 of them")),
        (format!("pmk = \"{}\"", "g".repeat(40)), format!("pmk: {pmk}, found something else")),
        ("pmk = \"\"".to_owned(), format!("pmk: {pmk}, found 0 of them")),
        ("pmk = 7".to_owned(), format!("pmk: {pmk}, found the integer 7")),
        (
            format!("msk = \"{}\"", "0".repeat(40)),
            "msk: expected 128 hex digits (64 octets), found 40 of them".to_owned(),
        ),
    ] {
        refused(SMALLEST, &format!("{value}\n"), 1, 7, &format!("mobile_station.{message}"));
    }
    let both = format!("pmk = \"{}\"\nmsk = \"{}\"\n", "0".repeat(40), "0".repeat(128));
    let message = "mobile_station.msk: expected no msk beside pmk, which would come from it, found one";
    refused(SMALLEST, &both, 2, 1, message);
}

#[test]
fn what_contradicts_full_entry_is_refused() {
    let keys = "with entry = \"full\", where EAP gives the keys, found one";
    let pmk = format!("pmk = \"{}\"", "0".repeat(40));
    let msk = format!("msk = \"{}\"", "0".repeat(128));
    for (line, key, why) in [(&*pmk, "pmk", keys), (&*msk, "msk", keys)] {
        let added = format!("entry = \"full\"\n{line}\n");
        refused(SMALLEST, &added, 2, 1, &format!("mobile_station.{key}: expected no {key} {why}"));
        // The entry of this mobile wins over that of all.
        let established = format!("entry = \"full\"\n{SMALLEST}entry = \"established\"\n{line}\n");
        assert!(parse(&established).is_ok(), "{line}");
    }
    let word = "entry: expected \"established\" or \"full\", found the string \"fulll\"";
    refused("", &format!("entry = \"fulll\"\n{SMALLEST}"), 1, 9, word);
    let time = "entry_time: expected a time from 1ms to 1h, found the string \"0s\"";
    refused("", &format!("entry_time = \"0s\"\n{SMALLEST}"), 1, 14, time);
}

#[test]
fn a_pmk_that_ends_before_the_script_because_of_the_entry_is_refused() {
    let text = format!("{SMALLEST}entry = \"full\"\n[authenticator]\npmk_lifetime = \"5s\"\n");
    let error = parse(&text).unwrap_err();
    let expected = "test.toml:16:16: authenticator.pmk_lifetime: expected at least 6s (entry_time, duration and 1s) with \
                    entry = \"full\", found 5s";
    assert_eq!(error.to_string(), expected);
    assert!(parse(&text.replace("\"5s\"", "\"6s\"")).is_ok());
    assert!(parse(&text.replace("\"5s\"", "\"2s\"")).is_ok(), "it ends before the script on purpose");
    assert!(parse(&text.replace("full", "established")).is_ok());
}

#[test]
fn capabilities_that_contradict_each_other_are_refused() {
    // A26
    let seamless = "mobile_station.seamless: expected false, or no such key, because station = \"fixed\" declares no \
                    handover (A26), found true";
    refused(SMALLEST, "station = \"fixed\"\nseamless = true\n", 2, 12, seamless);
    assert!(parse(&format!("{SMALLEST}station = \"fixed\"\nseamless = false\n")).is_ok());
    let kind = "mobile_station.station: expected \"mobile\" or \"fixed\", found the string \"portable\"";
    refused(SMALLEST, "station = \"portable\"\n", 1, 11, kind);
    let steps = "[[step]]\nat = \"1s\"\nmobile_station = \"ms2\"\naction = \"handover\"\ntarget = \"bs1\"\n";
    let action = "step.action: expected an action of a fixed station, which hands over to nobody (A26), found the string \
                  \"handover\"";
    refused(STATIONS, &format!("station = \"fixed\"\n{steps}"), 5, 10, action);
    let tries = format!("{STATIONS}station = \"fixed\"\nweaknesses = [\"moves-although-fixed\"]\n{steps}");
    assert!(parse(&tries).is_ok());
    refused(
        "",
        &SMALLEST.replace("[[mobile", "seamless = 1\n[[mobile"),
        9,
        12,
        "base_station.seamless: expected true or false, found the integer 1",
    );
}

#[test]
fn packing_and_allocation_are_checked() {
    radio("packing = \"yes\"", 11, "radio.packing: expected true or false, found the string \"yes\"");
    let expected = "radio.allocation: expected a whole number from 2047 to 1000000000, found the integer 2046";
    radio("allocation = 2046", 14, expected);
    let smaller = parse(&format!("{SMALLEST}[radio]\nmax_pdu = 128\nallocation = 128\n")).unwrap();
    assert_eq!(smaller.radio.allocation, Some(128));
}

#[test]
fn flows_are_checked() {
    let flow = |line: &str, column: usize, message: &str| {
        refused(SMALLEST, &format!("[[flow]]\nsa = 2\n{line}\n"), 3, column, message);
    };
    flow("udp_port = 65536", 12, "flow.udp_port: expected a whole number from 0 to 65535, found the integer 65536");
    flow(
        "protocol = \"sctp\"",
        12,
        "flow.protocol: expected \"icmp\" or \"tcp\" or \"udp\", found the string \"sctp\"",
    );
    flow("protocol = \"udp\"\nudp_port = 5", 1, "flow.protocol: expected no protocol beside udp_port, found one");
    flow("port = 5", 1, "unknown key \"port\" in flow");
    flow(
        "direction = \"up\"",
        13,
        "flow.direction: expected \"uplink\" or \"downlink\" or \"both\", found the string \"up\"",
    );
    refused(SMALLEST, "[[flow]]\nsa = 0\n", 2, 6, "flow.sa: expected a whole number from 1 to 16, found the integer 0");
    refused(
        STATIONS,
        "[[flow]]\n",
        1,
        1,
        "flow.mobile_station: expected the name of a [[mobile_station]], found nothing",
    );
}

#[test]
fn more_flows_than_a_mobile_or_a_base_station_can_have_are_refused() {
    let udp = |port: usize| format!("[[flow]]\nudp_port = {port}\n");
    let flows = |count: usize| (0..count).map(udp).collect::<String>();
    assert_eq!(parse(&format!("{SMALLEST}{}", flows(7))).unwrap().flows.len(), 7);
    let expected = "flow: expected at most 16 service flows of ms1, the default ones included";
    refused(SMALLEST, &flows(8), 15, 1, &format!("{expected}, found 18"));
    assert!(parse(&format!("{SMALLEST}{}[[flow]]\n", flows(7))).is_ok(), "a default flow of its own");
    refused(SMALLEST, &format!("{}[[flow]]\n", flows(8)), 17, 1, &format!("{expected}, found 18"));

    let mobile = |number: usize| {
        format!(
            "[[mobile_station]]\nname = \"m{number}\"\nmac = \"02000001{number:04}\"\nip = \"192.1.1.{number}\"\n\
             serving = \"bs1\"\n"
        )
    };
    let flow = |mobile: usize, port: usize| format!("[[flow]]\nmobile_station = \"m{mobile}\"\nudp_port = {port}\n");
    let mobiles: String = (1..=188).map(mobile).collect();
    let of_all = |flows: usize| (1..=188).flat_map(|m| (0..flows).map(move |port| flow(m, port))).collect::<String>();
    assert!(parse(&format!("{SMALLEST}{mobiles}{}", of_all(6))).is_ok());
    let error = parse(&format!("{SMALLEST}{mobiles}{}", of_all(7))).unwrap_err();
    assert_eq!(error.message(), "flow: expected at most 3000 service flows at one base station, found more");
}

#[test]
fn traffic_is_checked() {
    let traffic = |line: &str, column: usize, message: &str| {
        refused(SMALLEST, &format!("[[traffic]]\nkind = \"udp\"\n{line}\n"), 3, column, message);
    };
    traffic("size = 27", 8, "traffic.size: expected a whole number from 28 to 1500, found the integer 27");
    traffic("size = 1501", 8, "traffic.size: expected a whole number from 28 to 1500, found the integer 1501");
    traffic(
        "stop = \"4s\"",
        8,
        "traffic.stop: expected a time from 0s to 3s, when the script ends, found the string \"4s\"",
    );
    traffic(
        "start = \"3001ms\"",
        9,
        "traffic.start: expected a time from 0s to 3s, when the script ends, found the string \"3001ms\"",
    );
    traffic("interval = \"0s\"", 12, "traffic.interval: expected a time of at least 1ns, found the string \"0s\"");
    traffic("interval = \"1ns\"", 12, "traffic: expected at most 4000000 packets in a direction, found 3000000000");
    traffic("count = 5", 1, "traffic.count: expected no count without kind = \"bulk\", found one");
    traffic("file = \"x\"", 1, "traffic.file: expected no file without kind = \"capture\", found one");
    traffic(
        "direction = \"up\"",
        13,
        "traffic.direction: expected \"uplink\" or \"downlink\" or \"both\", found the string \"up\"",
    );
    traffic(
        "peer = \"192.0.2.10\"",
        8,
        "traffic.peer: expected an address other than the mobile's own, found the string \"192.0.2.10\"",
    );
    refused(
        SMALLEST,
        "[[traffic]]\nkind = \"capture\"\nfile = \"x\"\nsize = 100\n",
        4,
        1,
        "traffic.size: expected no size beside kind = \"capture\", found one",
    );
    refused(
        SMALLEST,
        "[[traffic]]\nkind = \"tcp\"\n",
        2,
        8,
        "traffic.kind: expected \"udp\" or \"icmp-echo\" or \"bulk\" or \"capture\", found the string \"tcp\"",
    );
}

#[test]
fn steps_are_checked() {
    let cancel = |at: &str| format!("[[step]]\nat = \"{at}\"\naction = \"cancel\"\n");
    refused(
        SMALLEST,
        &format!("{}{}", cancel("2s"), cancel("1999ms")),
        5,
        6,
        "step.at: expected a time that is not before that of the step above, found the string \"1999ms\"",
    );
    refused(
        SMALLEST,
        &cancel("4s"),
        2,
        6,
        "step.at: expected a time from 0s to 3s, when the script ends, found the string \"4s\"",
    );
    refused(
        SMALLEST,
        &format!("{}target = \"bs1\"\n", cancel("1s")),
        4,
        1,
        "step.target: expected no target beside action = \"cancel\", found one",
    );
    let handover = "[[step]]\nat = \"1s\"\nmobile_station = \"ms1\"\naction = \"handover\"\ntarget = \"bs1\"\n";
    refused(
        STATIONS,
        &format!("{handover}candidates = [\"bs2\"]\n"),
        6,
        14,
        "step.candidates: expected candidates with the target among them, found an array",
    );
    refused(
        STATIONS,
        &format!("{handover}candidates = [\"bs1\", \"bs1\"]\n"),
        6,
        22,
        "step.candidates: expected a base station that is not named twice, found the string \"bs1\"",
    );
}

const ATTACK: &str = r#"[[attack]]
name = "a"
tap = "air:ms1-bs1"
direction = "uplink"
trigger = { frame = "data" }
action = { record = "tape" }
"#;

#[test]
fn attacks_are_checked() {
    let changed = |from: &str, to: &str, line: usize, column: usize, message: &str| {
        assert!(ATTACK.contains(from));
        refused(SMALLEST, &ATTACK.replace(from, to), line, column, &format!("attack.{message}"));
    };
    let link = "expected a link such as \"air:ms1-bs2\", \"r6:bs2-gw\", \"r4:bs1-bs2\" or \"r3:gw-aaa\"";
    changed("air:ms1-bs1", "ms1-bs1", 3, 7, &format!("tap: {link}, found the string \"ms1-bs1\""));
    changed(
        "ms1-bs1",
        "bs1-ms1",
        3,
        7,
        "tap: expected the name of a [[mobile_station]], found the string \"air:bs1-ms1\"",
    );
    changed(
        "\"data\"",
        "\"RNG-REK\"",
        5,
        21,
        "trigger.frame: expected \"any\", \"data\", \"CDMA\" or, on the air, the name of a management message such as \"RNG-REQ\", found the string \"RNG-REK\"",
    );
    changed(
        "\"data\"",
        "\"data\", time = \"1s\"",
        5,
        29,
        "trigger: expected exactly one of frame, time, event, found frame and time",
    );
    changed("{ frame = \"data\" }", "{ }", 5, 11, "trigger: expected exactly one of frame, time, event, found none");
    changed(
        "frame = \"data\"",
        "time = \"1s\"",
        5,
        11,
        "trigger: expected a trigger on frames, because the action is to record, found another",
    );
    changed("frame = \"data\"", "time = \"1s\", nth = 2", 5, 26, "trigger.nth: expected no nth beside time, found one");
    changed(
        "record",
        "replay",
        6,
        21,
        "action.replay: expected a recording that another attack makes of uplink frames, found the string \"tape\"",
    );
    refused(
        SMALLEST,
        &format!("{ATTACK}{ATTACK}"),
        8,
        8,
        "attack.name: expected a name that no other attack has, found the string \"a\"",
    );
}

#[test]
fn the_success_of_an_attack_is_checked() {
    let refused = |success: &str, message: &str| {
        let attack = format!("{ATTACK}succeeds_if = {success}\n").replace("record = \"tape\"", "drop = true");
        let error = parse(&format!("{SMALLEST}{attack}")).unwrap_err().to_string();
        assert!(error.contains(&format!("attack.succeeds_if{message}")), "{error}");
    };
    let sends_nothing =
        "expected a table with one expectation, such as { released = { ... } }, because the action sends nothing";
    refused("\"accepted\"", &format!(": {sends_nothing}, found the string \"accepted\""));
    refused("{ nonce_reuse = 1, tek_on_link = true }", ": expected exactly one of");
    refused(
        "{ released = { base_station = \"bs2\" } }",
        ".released.base_station: expected the name of a [[base_station]]",
    );
    let error = parse(&format!("{SMALLEST}{ATTACK}succeeds_if = {{ attack = {{ name = \"a\" }} }}\n")).unwrap_err();
    assert!(error.to_string().contains("unknown key \"attack\" in attack.succeeds_if"), "{error}");
    let drop = ATTACK.replace("record = \"tape\"", "drop = true");
    let attack = format!("{drop}succeeds_if = {{ released = {{ base_station = \"bs1\" }} }}\n");
    let expect = "[[expect]]\nattack = { name = \"a\", succeeded = true }\n";
    parse(&format!("{SMALLEST}{attack}{expect}")).unwrap();
}

#[test]
fn key_stream_is_looked_for_in_recordings_that_are_made() {
    let compare = "[[attack]]\nname = \"b\"\ntrigger = { time = \"1s\" }\naction = { xor = \"tape\", with = \"tape\", known = \"sent\" }\n";
    parse(&format!("{SMALLEST}{ATTACK}{compare}")).unwrap();
    let changed = |from: &str, to: &str, message: &str| {
        assert!(compare.contains(from));
        let error = parse(&format!("{SMALLEST}{ATTACK}{}", compare.replacen(from, to, 1))).unwrap_err().to_string();
        assert!(error.contains(&format!("attack.{message}")), "{error}");
    };
    changed(
        "with = \"tape\"",
        "with = \"tap\"",
        "action.with: expected a recording that another attack makes, found \"tap\"",
    );
    changed(
        ", known = \"sent\"",
        "",
        "action.known: expected \"sent\", or what the packets of the first recording say",
    );
    changed("with = \"tape\", ", "", "action.with: expected the name of a recording, found nothing");
    changed("xor = \"tape\"", "compromise = \"bs1\"", "action.with: expected no with beside compromise, found one");
    changed("time = \"1s\"", "frame = \"data\"", "trigger: expected an instant (time), because the action has no tap");
    changed(
        "name = \"b\"",
        "name = \"b\"\ntap = \"air:ms1-bs1\"",
        "tap: expected no tap beside xor, which looks at recordings, found one",
    );
}

const COMPROMISE: &str = r#"[[attack]]
name = "a"
trigger = { time = "1s" }
action = { compromise = "bs2" }
"#;

#[test]
fn a_compromise_needs_a_base_station_and_an_instant_and_has_no_tap() {
    parse(&format!("{STATIONS}{COMPROMISE}")).unwrap();
    let changed = |from: &str, to: &str, line: usize, column: usize, message: &str| {
        entry_refused(COMPROMISE, from, to, line, column, &format!("attack.{message}"));
    };
    changed("bs2", "bs9", 4, 25, "action.compromise: expected the name of a node, found the string \"bs9\"");
    changed(
        "time = \"1s\"",
        "frame = \"data\"",
        3,
        11,
        "trigger: expected an instant (time), because the action has no tap, found a table",
    );
    let reason = "beside compromise, which hears all of the air, found one";
    changed("trigger", "tap = \"air:ms1-bs1\"\ntrigger", 3, 1, &format!("tap: expected no tap {reason}"));
}

/// Expects the message for the entry `entry` with `from` changed to `to`, behind two stations of each kind.
#[track_caller]
fn entry_refused(entry: &str, from: &str, to: &str, line: usize, column: usize, message: &str) {
    assert_eq!(entry.matches(from).count(), 1, "{from}");
    refused(STATIONS, &entry.replace(from, to), line, column, message);
}

const INSIDER: &str = r#"[[attack]]
name = "a"
tap = "r6:bs2-gw"
to = "bs2"
insider = true
trigger = { frame = "Context_Rpt" }
action = { drop = true }
"#;

#[test]
fn taps_on_the_backbone_are_checked() {
    parse(&format!("{STATIONS}{INSIDER}")).unwrap();
    let changed = |from: &str, to: &str, line: usize, column: usize, message: &str| {
        entry_refused(INSIDER, from, to, line, column, &format!("attack{message}"));
    };
    let needed = "expected insider = true beside a tap on the backbone, because the AK crosses it in the clear (R19)";
    changed("insider = true\n", "", 3, 7, &format!(".tap: {needed}, found the string \"r6:bs2-gw\""));
    changed("insider = true", "insider = false", 5, 11, &format!(".insider: {needed}, found false"));
    changed("insider = true", "insider = 1", 5, 11, ".insider: expected true or false, found the integer 1");
    changed(
        "to = \"bs2\"",
        "to = \"bs2\"\ndirection = \"uplink\"",
        5,
        1,
        ".direction: expected no direction beside a tap on the backbone, where to names the end that receives, found one",
    );
    let ends = "\"bs2\" or \"gw\", the end of the link that receives";
    changed("to = \"bs2\"\n", "", 1, 1, &format!(".to: expected {ends}, found nothing"));
    changed("\"bs2\"", "\"bs1\"", 4, 6, &format!(".to: expected {ends}, found the string \"bs1\""));
    let air = "air:ms1-bs1";
    changed(
        "r6:bs2-gw",
        air,
        5,
        1,
        ".insider: expected no insider beside a tap on the air, which everybody hears, found one",
    );
    entry_refused(
        &INSIDER.replace("insider = true\n", ""),
        "r6:bs2-gw",
        air,
        4,
        1,
        "attack.to: expected no to beside a tap on the air, where direction says it, found one",
    );
    changed(
        "Context_Rpt",
        "RNG-REQ",
        6,
        21,
        ".trigger.frame: expected \"any\", \"data\" or, on the backbone, the name of a control message such as \"Context_Rpt\", found the string \"RNG-REQ\"",
    );
    changed("drop = true", "drop = false", 7, 19, ".action.drop: expected true, or no such key, found false");
    changed(
        "drop = true",
        "delay = \"0s\"",
        7,
        20,
        ".action.delay: expected a time of at least 1ns, found the string \"0s\"",
    );
    changed(
        "drop = true",
        "drop = true, delay = \"1s\"",
        7,
        25,
        ".action: expected exactly one of record, replay, drop, delay, compromise, modify, inject, play, reorder, xor, rogue, steal, found drop and delay",
    );
    for (action, verb) in [("record = \"x\"", "record"), ("drop = true", "drop"), ("delay = \"1s\"", "delay")] {
        refused(
            STATIONS,
            &INSIDER.replace("drop = true", action).replace("frame = \"Context_Rpt\"", "time = \"1s\""),
            6,
            11,
            &format!("attack.trigger: expected a trigger on frames, because the action is to {verb}, found another"),
        );
    }
    changed(
        "drop = true",
        "replay = \"tape\"",
        7,
        21,
        ".action.replay: expected a recording that another attack makes on the backbone, found the string \"tape\"",
    );
}

const FAULT: &str = r#"[[fault]]
link = "air:ms1-bs2"
to = "bs2"
frame = "RNG-REQ"
lose = true
"#;

#[test]
fn faults_are_checked() {
    parse(&format!("{STATIONS}{FAULT}")).unwrap();
    let changed = |from: &str, to: &str, line: usize, column: usize, message: &str| {
        entry_refused(FAULT, from, to, line, column, &format!("fault{message}"));
    };
    let link = "expected a link such as \"air:ms1-bs2\", \"r6:bs2-gw\", \"r4:bs1-bs2\" or \"r3:gw-aaa\"";
    changed("air:ms1-bs2", "ari:ms1-bs2", 2, 8, &format!(".link: {link}, found the string \"ari:ms1-bs2\""));
    changed("air:ms1-bs2", "air:ms1", 2, 8, &format!(".link: {link}, found the string \"air:ms1\""));
    changed("link = \"air:ms1-bs2\"\n", "", 1, 1, ".link: expected a link such as \"air:ms1-bs2\", found nothing");
    changed(
        "air:ms1-bs2",
        "r6:bs2-bs1",
        2,
        8,
        ".link: expected the name of the gateway after the base station's, found the string \"r6:bs2-bs1\"",
    );
    changed(
        "air:ms1-bs2",
        "r4:bs2-bs2",
        2,
        8,
        ".link: expected two different base stations, found the string \"r4:bs2-bs2\"",
    );
    changed(
        "air:ms1-bs2",
        "r4:bs2-bs3",
        2,
        8,
        ".link: expected the name of a [[base_station]], found the string \"r4:bs2-bs3\"",
    );
    changed(
        "\"bs2\"",
        "\"bs1\"",
        3,
        6,
        ".to: expected \"ms1\" or \"bs2\", the end of the link that receives, found the string \"bs1\"",
    );
    let frame =
        "expected \"any\", \"data\", \"CDMA\" or, on the air, the name of a management message such as \"RNG-REQ\"";
    changed("frame = \"RNG-REQ\"\n", "", 1, 1, &format!(".frame: {frame}, found nothing"));
    changed("RNG-REQ", "HO_Req", 4, 9, &format!(".frame: {frame}, found the string \"HO_Req\""));
    let one = ": expected exactly one of lose, delay, duplicate, flip_bit, found";
    changed("lose = true\n", "", 1, 1, &format!("{one} none"));
    changed("lose = true", "lose = true\nflip_bit = 1", 6, 1, &format!("{one} lose and flip_bit"));
    changed("lose = true", "lose = false", 5, 8, ".lose: expected true, or no such key, found false");
    for key in ["delay", "duplicate"] {
        let found = ".delay: expected a time of at least 1ns, found the string \"0ms\"".replace("delay", key);
        changed("lose = true", &format!("{key} = \"0ms\""), 5, key.len() + 4, &found);
    }
    let bits = ".flip_bit: expected a whole number from 0 to 18446744073709551615, found the integer -1";
    changed("lose = true", "flip_bit = -1", 5, 12, bits);
    for key in ["nth", "count"] {
        let found = format!(".{key}: expected a whole number from 1 to 1000000, found the integer 0");
        changed("lose = true", &format!("lose = true\n{key} = 0"), 6, key.len() + 4, &found);
    }
    changed(
        "lose = true",
        "lose = true\nafter = \"1h\"",
        6,
        9,
        ".after: expected a time from 0s to 3s, when the script ends, found the string \"1h\"",
    );
    entry_refused(FAULT, "lose", "loose", 5, 1, "unknown key \"loose\" in fault; did you mean \"lose\"?");
    refused(STATIONS, &FAULT.repeat(1_001), 5_001, 1, "fault: expected at most 1000, found more");
}

#[test]
fn misspelt_names_of_links_ends_and_frames_are_answered_with_the_nearest() {
    for (from, to, help) in [
        ("air:ms1-bs2", "aer:ms1-bs2", "did you mean \"air:ms1-bs2\"?"),
        ("air:ms1-bs2", "air:msl-bs2", "did you mean \"ms1\"?"),
        ("air:ms1-bs2", "r6:bs2-wg", "did you mean \"r6:bs2-gw\"?"),
        ("air:ms1-bs2", "r3:gw-aa", "did you mean \"r3:gw-aaa\"?"),
        ("\"bs2\"", "\"bs\"", "did you mean \"bs2\"?"),
        ("RNG-REQ", "RNG-REK", "did you mean \"RNG-REQ\"?"),
        ("RNG-REQ", "CMDA", "did you mean \"CDMA\"?"),
    ] {
        assert_eq!(FAULT.matches(from).count(), 1);
        let error = parse(&format!("{STATIONS}{}", FAULT.replace(from, to))).unwrap_err();
        assert_eq!(error.help().unwrap().to_string(), help, "{to}");
    }
}

const LINK: &str = r#"[[link]]
link = "r4:bs2-bs1"
to = "bs1"
latency = "3ms"
"#;

#[test]
fn impairments_of_single_links_are_checked() {
    parse(&format!("{STATIONS}{LINK}")).unwrap();
    let changed = |from: &str, to: &str, line: usize, column: usize, message: &str| {
        entry_refused(LINK, from, to, line, column, &format!("link{message}"));
    };
    changed(
        "latency = \"3ms\"\n",
        "",
        1,
        1,
        ": expected at least one of loss, duplication, bit_errors, reordering, held_back, latency, jitter, found none",
    );
    changed("\"3ms\"", "\"0s\"", 4, 11, ".latency: expected a time of at least 1ns, found the string \"0s\"");
    changed(
        "latency = \"3ms\"",
        "held_back = \"0s\"",
        4,
        13,
        ".held_back: expected a time of at least 1ns, found the string \"0s\"",
    );
    for key in ["loss", "duplication", "bit_errors", "reordering"] {
        let found = format!(".{key}: expected a probability from 0 to 1, found the number 1.5");
        changed("latency = \"3ms\"", &format!("{key} = 1.5"), 4, key.len() + 4, &found);
    }
    let on_air = LINK.replace("r4:bs2-bs1", "air:ms1-bs1");
    for key in ["latency", "jitter"] {
        let found = format!(
            "link.{key}: expected no {key} on the air, where frames arrive at the end of a subframe, found one"
        );
        entry_refused(&on_air, "latency", key, 4, 1, &found);
    }
    refused(
        STATIONS,
        &format!("{LINK}{}", LINK.replace("r4:bs2-bs1", "r4:bs1-bs2")),
        6,
        8,
        "link.link: expected a direction of a link that has no entry yet, found the string \"r4:bs1-bs2\"",
    );
}

#[test]
fn expectations_are_checked() {
    let expect = |line: &str, column: usize, message: &str| {
        refused(SMALLEST, &format!("{ATTACK}[[expect]]\n{line}\n"), 8, column, message);
    };
    expect(
        "nonce_reuse = -1",
        15,
        "expect.nonce_reuse: expected a whole number from 0 to 18446744073709551615, found the integer -1",
    );
    expect(
        "nonce_reuse = true",
        15,
        "expect.nonce_reuse: expected a number, { at_least = ... } or { at_most = ... }, found true",
    );
    expect(
        "rejects = {}",
        11,
        "expect.rejects: expected at least one of icv, pn_replay, cmac, cmac_pn, key_count, malformed, found none",
    );
    expect(
        "nonce_reuse = { at_least = 3, at_most = 2 }",
        41,
        "expect.nonce_reuse.at_most: expected a value that is not below at_least, found the integer 2",
    );
    expect(
        "interruption = { direction = \"uplink\" }",
        16,
        "expect.interruption.at_least: expected at_least or at_most, found nothing",
    );
    expect(
        "traffic = { direction = \"uplink\" }",
        11,
        "expect.traffic.lost: expected at least one of lost, duplicated, altered, found nothing",
    );
    expect(
        "attack = { name = \"a\", succeeded = true }",
        19,
        "expect.attack.name: expected the name of an [[attack]] that has a result, found the string \"a\"",
    );
    expect(
        "handover = { target = \"bs1\", outcome = \"complete\" }",
        40,
        "expect.handover.outcome: expected \"completed\" or \"cancelled\" or \"fell-back\" or \"released\" or \"reauthenticated\", found the string \"complete\"",
    );
    expect(
        "judge = [\"nonce_reuse\", \"nonce_reuse\"]",
        25,
        "expect.judge: expected a kind that is not named twice, found the string \"nonce_reuse\"",
    );
    let kinds = super::super::expectations::KINDS.join(", ");
    refused(
        SMALLEST,
        "[[expect]]\nnonce_reuse = 0\njudge = []\n",
        3,
        1,
        &format!("expect: expected exactly one of {kinds}, found nonce_reuse and judge"),
    );
    refused(
        SMALLEST,
        "[[expect]]\ntext = \"x\"\n",
        1,
        1,
        &format!("expect: expected exactly one of {kinds}, found none"),
    );
}

#[test]
fn the_report_shows_the_line_with_its_label_and_the_advice() {
    let error = parse(&format!("{SMALLEST}[radio]\nfram = \"5ms\"\n")).unwrap_err();
    let mut report = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    handler.render_report(&mut report, &error).unwrap();
    for part in ["test.toml:15:1", "fram = \"5ms\"", "no such key", "expected one of the keys frame, downlink"] {
        assert!(report.contains(part), "no {part} in\n{report}");
    }
}

#[test]
fn no_text_panics_however_it_is_cut() {
    let text = include_str!("../../../../captures/replay-data.toml");
    for (end, _) in text.char_indices().step_by(7) {
        let _ = parse(&text[..end]);
    }
}
