//! Attack 6: key stream that is used twice, and what an eavesdropper reads with it.

use keyhop::dot16::identifiers::Direction;
use keyhop::scenario::outcome::AttackResult;

use crate::support::{Run, bundled, run_bundled, run_text};

fn result<'a>(run: &'a Run, name: &str) -> &'a AttackResult {
    run.outcome.attacks.iter().find(|attack| attack.name == name).unwrap()
}

fn holds(run: &Run) {
    assert!(run.outcome.expectations.iter().all(|expectation| expectation.held), "{:?}", run.outcome.expectations);
}

/// The damage is what the key log says, which the adversary does not have: a pair under one TEK and nonce, the XOR of its
/// plaintexts, and the text of the second of them.
fn shown_by_the_key_log(run: &Run, name: &str, direction: Direction) {
    let attack = result(run, name);
    let (xor, recovered) = (attack.xor.as_ref().unwrap(), attack.recovered.as_ref().unwrap());
    assert!(attack.succeeded && attack.detail.contains(xor) && attack.detail.contains("pairs under one nonce"));
    let data = run.data_of_any_time("air:ms1-bs2");
    let text = |plaintext: &[u8]| String::from_utf8_lossy(plaintext.get(28..).unwrap_or_default()).into_owned();
    let second = data.iter().find(|pdu| pdu.direction == direction && text(&pdu.plaintext) == *recovered).unwrap();
    let same = |pdu: &&_| same_nonce(pdu, second);
    let first = data.iter().find(same).unwrap();
    assert_eq!(first.tek.key, second.tek.key);
    let both = first.plaintext.iter().zip(&second.plaintext).take(32);
    assert_eq!(*xor, both.map(|(a, b)| format!("{:02x}", a ^ b)).collect::<String>());
}

fn same_nonce(one: &crate::support::OpenedData, other: &crate::support::OpenedData) -> bool {
    // Header without HCS, and PN.
    let nonce = |octets: &[u8]| [&octets[..5], &octets[6..10]].concat();
    nonce(&one.octets) == nonce(&other.octets) && one.octets != other.octets
}

#[test]
fn with_caches_at_both_ends_no_nonce_comes_twice() {
    // A18
    let run = run_bundled("nonce-reuse", &[]);
    holds(&run);
    for name in ["read-uplink", "read-downlink"] {
        let attack = result(&run, name);
        assert_eq!(attack.detail, "no nonce of 10 PDUs is among those of the 26 others");
        assert_eq!((attack.succeeded, &attack.xor, &attack.recovered), (false, &None, &None));
    }
}

#[test]
fn a_target_that_forgets_lets_an_eavesdropper_read_downlink() {
    // broken: A16, A18
    let run = run_bundled("nonce-reuse-target-flush", &[]);
    holds(&run);
    shown_by_the_key_log(&run, "read-downlink", Direction::Downlink);
    let json = serde_json::to_value(&run.outcome).unwrap();
    let attacks = json["attacks"].as_array().unwrap();
    assert!(attacks[0].get("xor").is_none() && attacks[0].get("recovered").is_none());
    assert_eq!(attacks[1]["xor"].as_str().unwrap().len(), 64);
    assert!(attacks[1]["recovered"].as_str().unwrap().starts_with("keyhop ms1 downlink packet"));
}

#[test]
fn a_mobile_that_forgets_lets_an_eavesdropper_read_uplink_once_its_cids_come_round() {
    // broken: A17, A18
    let run = run_bundled("nonce-reuse-mobile-flush", &[]);
    holds(&run);
    shown_by_the_key_log(&run, "read-uplink", Direction::Uplink);
    assert!(
        result(&run_bundled("nonce-reuse-mobile-flush", &["mobile_station.ms1.tek_cache=true"]), "read-uplink")
            .recovered
            .is_none()
    );
}

#[test]
fn a_context_that_was_pushed_out_burns_its_count() {
    // R4, R8
    let run = run_bundled("nonce-reuse-forced", &[]);
    holds(&run);
    // The CIDs come again, and with them nonces; but the TEKs of RNG-RSP are random.
    let attack = result(&run, "read-downlink");
    assert!(attack.xor.is_some() && attack.recovered.is_none(), "{}", attack.detail);
    // Either rule alone is enough.
    for weakness in ["forgets-highest-count", "ignores-issued-before"] {
        let set = format!("base_station.bs2.weaknesses=[\"{weakness}\"]");
        assert_eq!(run_bundled("nonce-reuse-forced", &[&set]).outcome.nonce_reuse, 0, "{weakness}");
    }
}

#[test]
fn without_either_rule_others_make_the_target_forget() {
    // broken: A18, R4, R8
    let run = run_bundled("nonce-reuse-forced-flush", &[]);
    holds(&run);
    shown_by_the_key_log(&run, "read-downlink", Direction::Downlink);
}

#[test]
fn a_text_that_the_first_packet_says_reads_as_much_of_the_second_and_a_wrong_one_nothing() {
    let script = bundled("nonce-reuse-target-flush");
    let read = |known: &str| {
        let changed = script
            .replace("with = \"downlink\", known = \"sent\"", &format!("with = \"downlink\", known = \"{known}\""));
        assert_ne!(script, changed);
        let run = run_text(&changed, &[]);
        let attack = result(&run, "read-downlink");
        (attack.succeeded, attack.recovered.clone())
    };
    assert_eq!(read("keyhop ms1 downlink echo 0000"), (true, Some("keyhop ms1 downlink packet 00".to_owned())));
    assert_eq!(read("something that it does not say"), (false, None));
}
