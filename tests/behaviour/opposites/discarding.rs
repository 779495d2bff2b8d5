//! Data that does not decrypt: A20.

use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::dot16::wire::{CrcForm, EncryptedBody, GenericMacHeader, MacPdu};
use keyhop::scenario::script::Script;

use crate::forger::{Forged, Reported, run_with_forger};
use crate::scripts::{ms, run, weak};
use crate::support::{self, network, udp};

/// A downlink PDU of bs1 to ms1 that nobody has sealed, with a PN far ahead.
fn forged_downlink(cid: Cid, eks: u8) -> Forged {
    let body = EncryptedBody { pn: 100_000, ciphertext: &[0x5a; 60], icv: [0xa5; 8] };
    let header = GenericMacHeader { encrypted: true, crc_present: true, eks, ..GenericMacHeader::new(cid) };
    let octets = MacPdu::build(header, &body.octets(), Some(CrcForm::MsbFirst)).unwrap();
    Forged { at: 500, station: 0, direction: Direction::Downlink, octets }
}

/// Runs the network of two base stations with that PDU.
fn with_forged_downlink(sets: &[&str]) -> Reported {
    // CID and EKS of the downlink, from its first PDU.
    let first = run(2, &udp(160), &[]).data("air:ms1-bs1").into_iter().find(|pdu| pdu.direction == Direction::Downlink);
    let first = first.unwrap();
    let script: Script = support::script(&network(2, ""), sets);
    let reported = run_with_forger(&script, [forged_downlink(first.cid, first.eks)], |_| None);
    assert!(!reported.verdicts[0].accepted, "{:?}", reported.verdicts);
    reported
}

fn downlink_after(reported: &Reported, milliseconds: u64) -> usize {
    let late = |(time, direction): &&(_, Direction)| *time > ms(milliseconds) && *direction == Direction::Downlink;
    reported.packets.iter().filter(late).count()
}

#[test]
fn a_downlink_pdu_that_does_not_decrypt_moves_no_window() {
    // A20
    let reported = with_forged_downlink(&[]);
    assert_eq!(reported.packets.len(), 200, "every packet of both directions");
}

#[test]
fn one_downlink_pdu_that_does_not_decrypt_ends_the_downlink_where_it_moves_the_window() {
    // broken: A20
    let reported = with_forged_downlink(&[&weak("ms1", &["moves-window-before-icv"])]);
    assert!(downlink_after(&reported, 400) > 0);
    assert_eq!(downlink_after(&reported, 520), 0);
    assert!(reported.packets_between(520, 2_500) > 70, "the uplink goes on");
}
