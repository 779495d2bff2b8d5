//! The EPS records of a key log, both ways, and where their errors are.

use keyhop::capture::error::{CaptureError, Place};
use keyhop::capture::key_log::KeyLog;
use keyhop::capture::key_log::eps::{EpsKeyRecord, KenbHolder, KenbRecord, KeySystem};
use keyhop::capture::key_log_text::{parse, write};
use keyhop::time::VirtualTime;
use proptest::prelude::*;

const LOG: &str = "\
# keyhop-keylog 1
NODE name=enb1 role=enb ip=10.36.0.2 id=- -
NODE name=mme1 role=mme ip=10.36.0.1 id=- -
NODE name=ue1 role=ue ip=10.36.1.1 id=- -
CELL cell=1 enb=enb1 mme=mme1 earfcn=1300 group=1 -
CELL cell=503 enb=enb2 mme=mme1 earfcn=262143 group=4294967295 -
DERIVATION system=contribution one_way=sha-256 fc_star=240 fc_target=241 c_rnti_bits=32 -
E2M string=65326d5f2043496f54 in_second=yes identifier=rand bits=32 -
KASME ue=001010000000001 from=- until=- 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
KEY_PAIR ue=001010000000001 scheme=ecies-a holder=ue from=- until=- a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0102030405060708090a0b0c0d0e0f10
LINK_KEY sender=mme1 receiver=mme2 spi=0000beef c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3
NAS_ENC ue=001010000000001 algorithm=2 from=0 until=- 202122232425262728292a2b2c2d2e2f
NAS_INT ue=001010000000001 algorithm=2 from=0 until=- 303132333435363738393a3b3c3d3e3f
NETWORK_KEY key=036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296 -
PARLOS transport=ecies-b certificates=yes network=certified mme_key=no hash=yes mme=mme.1 -
TRANSFER upe=yes up_keys=same mapping=target-id-fresh -
TRUST name=operator-1 key=036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296 -
KENB ue=001010000000001 cell=1 c_rnti=4601 ue_id=1 ncc=0 ciphering=2 integrity=2 holder=both from=5 until=90 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f
PMK ms=020000000001 pmk_sn=1 from=5 until=- 00112233445566778899aabbccddeeff01234567
RRC_ENC ue=001010000000001 cell=1 ue_id=1 algorithm=2 from=5 until=90 606162636465666768696a6b6c6d6e6f
RRC_INT ue=001010000000001 cell=1 ue_id=1 algorithm=2 from=5 until=90 707172737475767778797a7b7c7d7e7f
UP_ENC ue=001010000000001 cell=1 ue_id=1 algorithm=0 from=5 until=90 808182838485868788898a8b8c8d8e8f
UP_KEY ue=001010000000001 algorithm=2 holder=both from=5 until=- e0e1e2e3e4e5e6e7e8e9eaebecedeeef
NH ue=001010000000001 ncc=7 from=60 until=- 909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf
KENB_STAR ue=001010000000001 cell=503 from=70 until=- b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf
AKA_KEYS ue=001010000000001 rand=00112233445566778899aabbccddeeff from=80 until=- f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f
CK_IK ue=001010000000001 cell=- holder=network from=80 until=- f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f
CK_IK ue=001010000000001 cell=7 holder=ue from=80 until=90 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f
E2M_INT_KEY ue=001010000000001 identifier=ccddeeff holder=both from=80 until=90 101112131415161718191a1b1c1d1e1ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff
E2M_KEY ue=001010000000001 identifier=ccddeeff emse=emse1.example.org holder=network from=90 until=- 202122232425262728292a2b2c2d2e2ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff
";

fn text(log: &KeyLog) -> String {
    let mut out = Vec::new();
    write(log, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn one_log_holds_the_records_of_both_systems_in_one_order() {
    let (mut log, notes) = parse(LOG.as_bytes()).unwrap();
    assert_eq!((log.nodes.len(), log.records.len(), log.eps.len(), notes.len()), (3, 1, 25, 0));
    assert_eq!(text(&log), LOG);
    log.eps.reverse();
    assert_eq!(text(&log), LOG);
    let EpsKeyRecord::Derivation(derivation) = log.eps.iter().rev().nth(2).unwrap() else { panic!("{:?}", log.eps) };
    assert_eq!((derivation.system, derivation.derivation.fc_target), (KeySystem::Contribution, 241));
}

#[test]
fn a_key_in_use_is_closed_when_its_end_is_known() {
    let (log, _) = parse(LOG.as_bytes()).unwrap();
    let mut record = log.eps.into_iter().find(|record| matches!(record, EpsKeyRecord::Kenb(_))).unwrap();
    record.set_until(Some(VirtualTime::from_nanos(7)));
    let EpsKeyRecord::Kenb(KenbRecord { holder, validity, c_rnti, .. }) = record else { panic!("{record:?}") };
    assert_eq!((holder, c_rnti, validity.until), (KenbHolder::Both, 0x4601, Some(VirtualTime::from_nanos(7))));
}

#[test]
fn an_error_names_line_column_what_was_expected_and_what_was_found() {
    let error = |from: &str, to: &str| {
        assert!(LOG.contains(from), "{from}");
        match parse(LOG.replacen(from, to, 1).as_bytes()) {
            Err(CaptureError::Malformed { place: Place::Line { line, .. }, expected, found, .. }) => {
                (line, format!("{expected} | {found}"))
            }
            other => panic!("{from} -> {to}: {other:?}"),
        }
    };
    assert_eq!(error("cell=503 enb", "cell=504 enb"), (6, "cell= a decimal number up to 503 | \"504\"".to_owned()));
    assert_eq!(error("earfcn=262143", "earfcn=262144").1, "earfcn= a decimal number up to 262143 | \"262144\"");
    assert_eq!(error("one_way=sha-256", "one_way=md5").1, "one_way= kdf | sha-256 | \"md5\"");
    assert_eq!(error("ue=001010000000001 from=-", "ue=1 from=-").1, "ue= an IMSI of 6 to 15 digits | \"1\"");
    assert_eq!(error("ue_id=1 ", "ue_id=0 ").1, "ue_id= a decimal number from 1 to 65535 | \"0\"");
    assert_eq!(error("algorithm=0", "algorithm=4").1, "algorithm= a decimal number up to 3 | \"4\"");
    assert_eq!(error("ncc=7", "ncc=8").1, "ncc= a decimal number up to 7 | \"8\"");
    assert_eq!(error("holder=both", "holder=mme").1, "holder= ue | enb | both | \"mme\"");
    let short = error("909192939495969798999a9b9c9d9e9f", "");
    assert_eq!(error("cell=- holder", "cell=x holder").1, "cell= a decimal number up to 503, or - | \"x\"");
    assert_eq!(error("holder=network", "holder=enb").1, "holder= ue | network | both | \"enb\"");
    assert_eq!(error("spi=0000beef", "spi=beef").1, "spi= 8 hex digits | \"beef\"");
    assert_eq!(error("upe=yes", "upe=on").1, "upe= yes | no | \"on\"");
    assert_eq!(
        error("mapping=target-id-fresh", "mapping=id").1,
        "mapping= target-id | target-id-fresh | nonce | \"id\""
    );
    assert_eq!(error("up_keys=same", "up_keys=both").1, "up_keys= same | update | \"both\"");
    let point = error("NETWORK_KEY key=036b", "NETWORK_KEY key=056b").1;
    assert!(point.starts_with("key= 66 hex digits of a point of P-256 | \"056b17"), "{point}");
    assert_eq!(error("scheme=ecies-a", "scheme=rsa").1, "scheme= ecies-a | ecies-b | rsa-oaep | \"rsa\"");
    let length = error("scheme=ecies-a", "scheme=rsa-oaep").1;
    assert_eq!(length, "a key of 512 hex digits at the end | 64 characters that are not that");
    let zero = "00".repeat(32);
    let none = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0102030405060708090a0b0c0d0e0f10";
    let other = LOG.replacen("scheme=ecies-a", "scheme=ecies-b", 1).replacen(none, &zero, 1);
    assert!(parse(other.as_bytes()).is_err(), "no scalar of P-256");
    let salt = error("cecfd0d1d2d3", "cecf");
    assert_eq!(salt, (11, "a key of 40 hex digits at the end | 32 characters that are not that".to_owned()));
    assert_eq!(short, (24, "a key of 64 hex digits at the end | 32 characters that are not that".to_owned()));
}

#[test]
fn keys_are_not_shown_by_debug_and_names_that_would_break_the_line_are_not_written() {
    let (mut log, _) = parse(LOG.as_bytes()).unwrap();
    let shown = format!("{:?}", log.eps);
    assert!(!shown.contains("404142") && !shown.contains("64, 65, 66"), "{shown}");
    assert!(!shown.contains("e0e1e2") && !shown.contains("224, 225, 226"), "{shown}");
    for record in &mut log.eps {
        match record {
            EpsKeyRecord::LinkKey(link) => link.receiver = "-".to_owned(),
            EpsKeyRecord::Cell(cell) => cell.mme = "an MME".to_owned(),
            _ => {}
        }
    }
    assert!(write(&log, &mut Vec::new()).is_err());
    log.eps.retain(|record| !matches!(record, EpsKeyRecord::Cell(_)));
    assert!(write(&log, &mut Vec::new()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn a_damaged_log_never_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let mut octets = LOG.as_bytes().to_vec();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if let Ok((log, _)) = parse(&octets) {
            let again = text(&log);
            prop_assert_eq!(parse(again.as_bytes()).unwrap().0.eps.len(), log.eps.len());
        }
    }
}
