//! Keys that are derived, transferred or used otherwise than said: A1, R12, R18.

use std::time::Duration;

use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::identifiers::{AkId, Bsid, Cid, CmacKeyCount, Direction, Said};
use keyhop::dot16::security::tek_context::{PmkLifetime, ReceiveError, TekContext, TekSource, TekState};
use keyhop::dot16::security::{
    CmacKey, Kek, PnWindow, Prf, Tek, TekIndex, Truncation, ccm, cmac_tuple, counter_tek, dot16_kdf,
};
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu, ManagementMessage, protected_part};
use keyhop::time::VirtualTime;

use crate::scripts::{fault, run};
use crate::support::{AirPdu, Run, handover, run_bundled, udp};

/// TEKs that the mobile has for bs2 in the seamless handover, and whatever else somebody might derive.
#[test]
fn data_at_the_target_opens_under_no_tek_of_another_kek_count_index_or_label() {
    // broken: A1
    let run = run_bundled("seamless", &[]);
    let sent: Vec<AirPdu> = run.air("air:ms1-bs2").into_iter().filter(AirPdu::is_data).collect();
    let opens = |tek: &Tek| sent.iter().filter(|pdu| ccm::open(tek, &pdu.pdu()).is_ok()).count();
    let keks: Vec<(bool, Kek)> =
        run.keks().map(|kek| (kek.bs == run.bs("bs2"), Kek::from_octets(*kek.key.expose()))).collect();
    let said = run.teks_of("bs2")[0].said;
    let (right, wrong): (Vec<_>, Vec<_>) = keks.iter().partition(|(at_bs2, _)| *at_bs2);
    let [(_, right)] = right[..] else { panic!("the KEK of bs2, once") };
    assert!(sent.len() > 50 && wrong.len() >= 2);
    assert_eq!(opens(&counter_tek(right, CmacKeyCount(2), said, TekIndex::Tek0)), sent.len());
    // The KEK of the AK of another BS.
    for (_, kek) in wrong {
        assert_eq!(opens(&counter_tek(kek, CmacKeyCount(2), said, TekIndex::Tek0)), 0);
    }
    for count in [0, 1, 3, 0x0200] {
        assert_eq!(opens(&counter_tek(right, CmacKeyCount(count), said, TekIndex::Tek0)), 0, "count {count}");
    }
    assert_eq!(opens(&counter_tek(right, CmacKeyCount(2), said, TekIndex::Tek1)), 0, "the label of TEK1");
    let labelled = |label: &str| {
        let astring = [&2u16.to_be_bytes()[..], &said.0.to_be_bytes(), label.as_bytes()].concat();
        let octets = dot16_kdf(Prf::Cmac, right.octets(), &astring, 128).unwrap();
        opens(&Tek::from_octets(octets[..].try_into().unwrap()))
    };
    assert_eq!(labelled("TEK0 Generation"), sent.len());
    for label in ["TEK0 generation", "TEK Generation", "TEK0 Generation\0", ""] {
        assert_eq!(labelled(label), 0, "{label:?}");
    }
}

const NOW: VirtualTime = VirtualTime::from_nanos(1_000_000_000);
const LIFETIME: PmkLifetime = PmkLifetime { full: Duration::from_secs(3600), ends: VirtualTime::from_nanos(u64::MAX) };

fn window() -> PnWindow {
    PnWindow::new(64).unwrap()
}

/// A downlink PDU: which TEK, which PN, its octets.
type Sealed = (u64, u32, Vec<u8>);

fn seal(context: &mut TekContext) -> Sealed {
    let header = GenericMacHeader::new(Cid(0x0300));
    let sealed = context.seal(NOW, Direction::Downlink, header, b"user data", CrcForm::MsbFirst).unwrap();
    (sealed.fingerprint, sealed.pn.count(), sealed.octets)
}

fn open(context: &mut TekContext, pdu: &[u8]) -> Result<u32, ReceiveError> {
    context.open(NOW, Direction::Downlink, &MacPdu::parse(pdu).unwrap()).map(|opened| opened.pn.count())
}

/// The serving BS's end and the mobile's end of an SA that has been in use: three PDUs were sent and accepted.
fn in_use() -> (TekContext, TekContext, Vec<Sealed>) {
    let kek = Kek::from_octets([5; 16]);
    let context = || TekContext::from_count(&kek, CmacKeyCount(1), Said(1), &window(), LIFETIME, NOW);
    let (mut serving, mut mobile) = (context(), context());
    let sent: Vec<_> = (0..3).map(|_| seal(&mut serving)).collect();
    for (_, pn, pdu) in &sent {
        assert_eq!(open(&mut mobile, pdu), Ok(*pn));
    }
    (serving, mobile, sent)
}

#[test]
fn teks_that_move_to_another_base_station_with_pns_and_windows_go_on_where_they_were() {
    // R12
    let (serving, mobile, sent) = in_use();
    let (mut target, mut mobile_at_target) = (serving.clone(), mobile.clone());
    let (_, pn, pdu) = seal(&mut target);
    assert_eq!((pn, open(&mut mobile_at_target, &pdu)), (4, Ok(4)));
    for (.., recorded) in &sent {
        assert!(matches!(open(&mut mobile_at_target, recorded), Err(ReceiveError::Duplicate(_))));
    }
}

#[test]
fn teks_that_move_to_another_base_station_alone_are_used_with_the_same_nonces_and_let_replays_in() {
    // broken: R12
    let (serving, _, sent) = in_use();
    // Nothing but the keys and their EKS.
    let bare = || {
        let state = |state: &TekState| {
            TekState::new(state.tek().clone(), state.eks(), TekSource::Random, window(), state.expires())
        };
        let [first, second] = serving.states();
        TekContext::from_random(state(first), state(second))
    };
    let (mut target, mut mobile_at_target) = (bare(), bare());
    let (fingerprint, pn, _) = seal(&mut target);
    assert_eq!((fingerprint, pn), (sent[0].0, sent[0].1), "one nonce, two PDUs");
    assert_eq!(open(&mut mobile_at_target, &sent[0].2), Ok(1), "accepted a second time");
}

/// The RNG-REQs of an entry at bs2 under the pre-allocated Basic CID, which get no answer, and of the entry at bs1 that follows,
/// on the initial ranging connection; with the CMAC key and AKID of each.
fn rng_reqs() -> Vec<(AirPdu, CmacKey, AkId)> {
    let lost = fault("air:ms1-bs2", "ms1", "RNG-RSP", "count = 4\nlose = true");
    let run: Run = run(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"]) + &lost), &[]);
    let requests = run.air("air:").into_iter().filter(|pdu| pdu.rng_req().is_some());
    let with_keys = requests.map(|pdu| {
        let (_, bs) = run.ends(&pdu.interface);
        let count = pdu.rng_req().unwrap().cmac_key_count().unwrap();
        let key = run.keys.records.iter().find_map(|record| match record {
            KeyRecord::CmacKey(key) if (key.bs, key.count, key.direction) == (bs, count, Direction::Uplink) => {
                Some(key)
            }
            _ => None,
        });
        let key = key.expect("CMAC_KEY_U");
        (pdu, CmacKey::from_octets(*key.key.expose()), key.akid)
    });
    with_keys.collect()
}

/// Whether the CMAC of a message verifies for `cid`.
fn verifies(pdu: &AirPdu, key: &CmacKey, akid: AkId, cid: Cid) -> bool {
    let body = pdu.pdu().body.to_vec();
    let tuple = ManagementMessage::parse(&body).unwrap().cmac_tuple().unwrap();
    let protected = protected_part(&body, &tuple).unwrap();
    cmac_tuple::verify(key, akid, tuple.pn, cid, protected, Truncation::Right, &tuple.value)
}

#[test]
fn rng_req_stands_on_the_basic_cid_or_on_0_and_its_cmac_is_for_the_cid_of_its_header() {
    // R18
    let requests = rng_reqs();
    let cids: Vec<(&str, bool)> = requests
        .iter()
        .map(|(pdu, ..)| (pdu.interface.as_str(), pdu.pdu().header.cid == Cid::INITIAL_RANGING))
        .collect();
    assert_eq!(cids.iter().filter(|cid| **cid == ("air:ms1-bs2", false)).count(), 4);
    assert_eq!(cids[4..], [("air:ms1-bs1", true)]);
    for (pdu, key, akid) in &requests {
        assert!(verifies(pdu, key, *akid, pdu.pdu().header.cid), "frame {}", pdu.frame + 1);
        // The tuple is the last TLV: type 141, 13 octets.
        let octets = pdu.pdu().body;
        assert_eq!(octets[octets.len() - 15..][..2], [141, 13]);
    }
}

#[test]
fn the_cmac_of_an_rng_req_does_not_verify_for_another_cid() {
    // broken: R18
    for (pdu, key, akid) in rng_reqs() {
        let own = pdu.pdu().header.cid;
        for other in [Cid::INITIAL_RANGING, Cid(own.0 + 1), Cid(0x15)].into_iter().filter(|cid| *cid != own) {
            assert!(!verifies(&pdu, &key, akid, other), "{other}");
        }
    }
}

#[test]
fn a_cmac_tuple_of_19_octets_is_read_too_and_one_of_any_other_length_is_none() {
    // R18
    let (pdu, ..) = rng_reqs().swap_remove(0);
    let body = pdu.pdu().body.to_vec();
    let tuple = ManagementMessage::parse(&body).unwrap().cmac_tuple().unwrap();
    let without = protected_part(&body, &tuple).unwrap().to_vec();
    let read = |tlv: Vec<u8>| ManagementMessage::parse(&[without.clone(), tlv].concat()).unwrap().cmac_tuple();
    let with_bsid = CmacTuple { bsid: Some(Bsid([10, 0, 0, 0, 0, 2])), ..tuple };
    assert_eq!(with_bsid.tlv_octets()[..2], [141, 19]);
    assert_eq!(read(with_bsid.tlv_octets()), Some(with_bsid));
    for length in [0u8, 12, 14, 18, 20] {
        let tlv = [vec![141, length], vec![7; usize::from(length)]].concat();
        assert_eq!(read(tlv), None, "{length}");
    }
}
