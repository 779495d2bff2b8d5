use proptest::prelude::*;

use super::*;
use crate::eps::identifiers::{MmeCode, MmeGroupId};
use crate::eps::wire::samples;

#[test]
fn names_are_those_of_the_network() {
    let gummei = Gummei { plmn: "001-01".parse().unwrap(), group: MmeGroupId(0x8001), code: MmeCode(0x0a) };
    let realm = "epc.mnc001.mcc001.3gppnetwork.org".to_owned();
    let host = "mmec0a.mmegi8001.mme.epc.mnc001.mcc001.3gppnetwork.org".to_owned();
    assert_eq!(DiameterPeer::mme(gummei), DiameterPeer { host, realm });
    assert_eq!(DiameterPeer::hss("310-410".parse().unwrap()).host, "hss.epc.mnc410.mcc310.3gppnetwork.org");
}

/// Figures of RFC 6733 clauses 3 and 4.1 by hand.
#[test]
fn an_answer_is_these_octets() {
    let message = DiameterMessage {
        hop_by_hop: 0x0102_0304,
        end_to_end: 0x0506_0708,
        session: "a;0;1".to_owned(),
        origin: DiameterPeer { host: "h".to_owned(), realm: "re".to_owned() },
        body: DiameterBody::UpdateLocationAnswer(DiameterResult::USER_UNKNOWN),
    };
    let expected = [
        // Version 1, 136 octets; P; 316; S6a; identifiers.
        "01000088",
        "4000013c",
        "01000023",
        "01020304",
        "05060708",
        // Session-Id with 3 octets of padding.
        "00000107",
        "4000000d",
        "613b303b31000000",
        // Vendor-Specific-Application-Id: Vendor-Id, Auth-Application-Id.
        "00000104",
        "40000020",
        "0000010a",
        "4000000c",
        "000028af",
        "00000102",
        "4000000c",
        "01000023",
        // Auth-Session-State, Origin-Host, Origin-Realm.
        "00000115",
        "4000000c",
        "00000001",
        "00000108",
        "40000009",
        "68000000",
        "00000128",
        "4000000a",
        "72650000",
        // Experimental-Result: Vendor-Id, 5001.
        "00000129",
        "40000020",
        "0000010a",
        "4000000c",
        "000028af",
        "0000012a",
        "4000000c",
        "00001389",
    ];
    assert_eq!(hex::encode(message.octets().unwrap()), expected.concat());
}

#[test]
fn every_message_comes_back_and_every_prefix_is_an_error() {
    for message in samples::diameter() {
        let octets = message.octets().unwrap();
        assert_eq!(DiameterMessage::parse(&octets).as_ref(), Ok(&message));
        for length in 0..octets.len() {
            assert!(DiameterMessage::parse(&octets[..length]).is_err(), "{} {length}", message.body.name());
        }
        for place in 0..octets.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[place] ^= change;
                if let Ok(message) = DiameterMessage::parse(&changed) {
                    assert_eq!(DiameterMessage::parse(&message.octets().unwrap()), Ok(message));
                }
            }
        }
    }
}

#[test]
fn what_is_missing_or_not_used_here_is_named_and_placed() {
    let octets = samples::diameter().swap_remove(0).octets().unwrap();
    let error = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = octets.clone();
        change(&mut octets);
        DiameterMessage::parse(&octets).unwrap_err().to_string()
    };
    assert_eq!(error(&|octets| octets[0] = 2), "Diameter, octet 0: expected version 1, found 2");
    assert!(error(&|octets| octets.push(0)).starts_with("Diameter, octet 1: expected length "));
    assert_eq!(
        error(&|octets| octets[11] = 0),
        "Diameter, octet 8: expected application 16777251 (S6a), 16777265 (SWx) or 16777220 (Zn), found 16777216"
    );
    let command = "Diameter, octet 5: expected a command of S6a (316 to 318), found command 319";
    assert_eq!(error(&|octets| octets[7] = 0x3f), command);
    assert_eq!(error(&|octets| octets[22] = 9), "Diameter, octet 0: expected Session-Id (AVP 263), found none");
    assert!(error(&|octets| octets[27] = 7).contains("a length of at least 8 (AVP 263)"));
}

#[test]
fn no_secret_is_printed() {
    let printed = format!("{:?}", samples::diameter());
    assert!(printed.contains("Kasme(redacted)") && !printed.contains("34, 34"), "XRES");
}

proptest! {
    #[test]
    fn any_octets_are_a_message_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut framed = samples::diameter()[0].octets().unwrap()[..20].to_vec();
        framed.extend(&octets);
        let length = u32::try_from(framed.len()).unwrap().to_be_bytes();
        framed[1..4].copy_from_slice(&length[1..]);
        let _ = DiameterMessage::parse(&framed);
        let _ = DiameterMessage::parse(&octets);
    }
}
