//! The private encodings of a seamless handover, in MOB_BSHO-RSP: R17.

use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::identifiers::{Bsid, Direction};
use keyhop::dot16::node::{HandoverMode, Outcome};
use keyhop::dot16::security::{CmacKey, Truncation, cmac_tuple};
use keyhop::dot16::wire::{
    Candidate, CmacTuple, MacPdu, ManagementMessage, MobBshoRsp, MobBshoRspTlv, VendorItem, VendorTlv,
};

use crate::forger::{Reported, pdu, run_with_forger};
use crate::support::{AirPdu, Run, handover, network, run_text, script, udp};

fn text() -> String {
    network(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"])))
}

fn bsho_rsp(run: &Run) -> AirPdu {
    run.first_message("air:ms1-bs1", |message| matches!(message, ManagementMessage::MobBshoRsp(_))).unwrap()
}

/// The TLVs in `octets`, all with lengths below 128.
fn tlvs(mut octets: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [kind, length, rest @ ..] = octets {
        let (value, after) = rest.split_at(usize::from(*length));
        found.push((*kind, value));
        octets = after;
    }
    found
}

#[test]
fn mob_bsho_rsp_names_seamless_deadline_and_the_connections_of_the_candidate_before_the_cmac_tuple() {
    // R17
    let run = run_text(&text(), &[]);
    let message = bsho_rsp(&run);
    let body = message.pdu().body;
    // The octets, without this crate's parser: the tuple (141, 13) is last, the vendor TLV (143) ends where it begins.
    let (before, tuple) = body.split_at(body.len() - 15);
    assert_eq!(tuple[..2], [141, 13]);
    let start = (0..before.len()).find(|at| before[*at] == 143 && at + 2 + usize::from(before[at + 1]) == before.len());
    let items = tlvs(&before[start.unwrap() + 2..]);
    let kinds: Vec<u8> = items.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [144, 1, 2, 3]);
    assert_eq!((items[0].1.len(), items[1].1, items[2].1), (3, &[1][..], &20u16.to_be_bytes()[..]), "20 times 10 ms");
    // BSID 6, basic CID 2, primary CID 2, flags 1, n 1, n x (SFID 4, CID 2, SAID 2).
    let candidate = items[3].1;
    let number = |at: usize| u16::from_be_bytes([candidate[at], candidate[at + 1]]);
    assert_eq!(candidate[..6], run.bs("bs2").0);
    assert_eq!(number(6), run.first_rng_req("air:ms1-bs2").pdu().header.cid.0);
    let flows = usize::from(candidate[11]);
    assert_eq!((flows, candidate.len()), (2, 12 + 2 * 8));
    for pdu in run.data("air:ms1-bs2") {
        let flow = (0..flows).find(|flow| number(12 + flow * 8 + 4) == pdu.cid.0).expect("a pre-allocated CID");
        assert_eq!(number(12 + flow * 8 + 6), pdu.tek.said.0);
    }
}

/// Who signs what is changed.
#[derive(Clone, Copy, PartialEq)]
enum Signer {
    /// An insider, with the keys of a first run.
    Insider,
    /// Nobody: the CMAC is that of the message as bs1 sent it.
    Nobody,
}

/// The handover with every MOB_BSHO-RSP changed.
fn with_changed_items(signer: Signer, change: fn(&mut Vec<VendorItem>)) -> Reported {
    let run = run_text(&text(), &[]);
    let bs1 = run.bs("bs1");
    let key = run.keys.records.iter().find_map(|record| match record {
        KeyRecord::CmacKey(key) if (key.bs, key.direction) == (bs1, Direction::Downlink) => Some(key.clone()),
        _ => None,
    });
    let key = key.unwrap();
    let exchange = move |octets: &[u8]| {
        let pdu_on_air = MacPdu::parse(octets).ok().filter(|pdu| pdu.header.cid.is_management())?;
        let ManagementMessage::MobBshoRsp(MobBshoRsp { mut tlvs, reserved, decision, action_time, padding }) =
            ManagementMessage::parse(pdu_on_air.body).ok()?
        else {
            return None;
        };
        let Some(MobBshoRspTlv::CmacTuple(tuple)) = tlvs.pop() else { panic!("no CMAC tuple") };
        for tlv in &mut tlvs {
            if let MobBshoRspTlv::Vendor(VendorTlv { items, .. }) = tlv {
                change(items);
            }
        }
        let mut message = ManagementMessage::MobBshoRsp(MobBshoRsp { tlvs, reserved, decision, action_time, padding });
        let cid = pdu_on_air.header.cid;
        let cmac_key = CmacKey::from_octets(*key.key.expose());
        let octets = message.octets().unwrap();
        let value = cmac_tuple::cmac_value(&cmac_key, key.akid, tuple.pn, cid, &octets, Truncation::Right);
        message.push_cmac_tuple(if signer == Signer::Insider { CmacTuple { value, ..tuple } } else { tuple });
        Some(pdu(cid, &message.octets().unwrap()))
    };
    run_with_forger(&script(&text(), &[]), [], exchange)
}

/// User PDUs accepted at bs2 before an RNG-REQ reached it.
fn data_before_ranging(reported: &Reported) -> usize {
    let bs2 = Bsid([0x0a, 0, 0, 0, 0, 2]);
    let ranged = reported.ranging.iter().find(|(_, bs)| *bs == bs2).map(|(time, _)| *time);
    reported.accepted.iter().filter(|(time, bs, _)| *bs == bs2 && ranged.is_none_or(|ranged| *time < ranged)).count()
}

fn candidate(items: &mut [VendorItem]) -> &mut Candidate {
    let found = items.iter_mut().find_map(|item| match item {
        VendorItem::Candidate(candidate) => Some(candidate),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn a_candidate_with_another_bsid_or_other_cids_lets_no_data_flow_before_ranging() {
    // broken: R17
    let untouched = with_changed_items(Signer::Insider, |_| {});
    assert_eq!((&untouched.modes[..], &untouched.ends[..]), (&[HandoverMode::Seamless][..], &[Outcome::Completed][..]));
    assert!(data_before_ranging(&untouched) > 0);
    // Not told where its connections are, the mobile waits for RNG-RSP.
    let elsewhere = with_changed_items(Signer::Insider, |items| candidate(items).bsid.0[5] = 9);
    assert_ne!(elsewhere.modes[0], HandoverMode::Seamless);
    assert_eq!(data_before_ranging(&elsewhere), 0);
    // Told wrongly, it sends where nobody listens, and listens where nobody sends.
    let misled = with_changed_items(Signer::Insider, |items| {
        candidate(items).flows.iter_mut().for_each(|flow| flow.cid.0 += 0x100)
    });
    assert_eq!(data_before_ranging(&misled), 0);
}

#[test]
fn a_ranging_deadline_below_the_ranging_delay_ends_the_attempt_before_any_rng_req() {
    // broken: R17
    let hasty = with_changed_items(Signer::Insider, |items| {
        for item in items {
            if let VendorItem::RangingDeadline(tens) = item {
                *tens = 1;
            }
        }
    });
    assert_eq!(hasty.ends, [Outcome::Cancelled]);
    assert!(hasty.ranging.is_empty());
}

#[test]
fn a_vendor_tlv_changed_by_somebody_without_the_keys_is_dropped_with_its_message() {
    // R17
    let forged = with_changed_items(Signer::Nobody, |items| candidate(items).bsid.0[5] = 9);
    assert!(forged.modes.is_empty(), "no handover was agreed");
    assert_eq!(forged.ends, [Outcome::Cancelled]);
    assert_eq!(forged.packets.len(), 200, "the connection at bs1 goes on");
}
