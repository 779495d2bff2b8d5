//! The rules on counters and TEK contexts (R1 to R8, R10), one party at a time and all of them against an adversary.

#![expect(clippy::collapsible_match, reason = "a guard of a match must not change anything")]

use std::collections::HashSet;
use std::time::Duration;

use keyhop::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use keyhop::dot16::security::authenticator_keys::{AuthenticatorKeys, ReportOutcome};
use keyhop::dot16::security::base_station_keys::{
    BaseStationKeySettings, BaseStationKeys, EntryState, Preparation, RangingOutcome, Uplink, UplinkError,
};
use keyhop::dot16::security::entry_keys::{CmacError, EntryKeys};
use keyhop::dot16::security::key_wrap;
use keyhop::dot16::security::mobile_keys::{CountExhausted, GiveUp, MobileKeySettings, MobileKeys};
use keyhop::dot16::security::tek_context::{
    PmkLifetime, ReceiveError, SealedPdu, TekContext, TekLimits, TekSource, TekState, TransmitError,
};
use keyhop::dot16::security::{AkContext, Pmk, PnWindow, Profile, Tek, Weaknesses};
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu};
use keyhop::time::VirtualTime;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const A: Bsid = Bsid([10, 0, 0, 0, 0, 1]);
const B: Bsid = Bsid([10, 0, 0, 0, 0, 2]);
const SAID: Said = Said(0x0101);
const CID: Cid = Cid(0x0300);
const BASIC: Cid = Cid(0x0005);
const W: u16 = 4;
const BUDGET: u32 = 16;
const RNG_REQ: &[u8] = b"\x04\x00 any message will do";

fn seconds(seconds: u64) -> VirtualTime {
    VirtualTime::from_nanos(seconds * 1_000_000_000)
}

const NOW: VirtualTime = VirtualTime::from_nanos(10_500_000_000);

fn lifetime() -> PmkLifetime {
    PmkLifetime { full: Duration::from_secs(3600), ends: seconds(3600) }
}

fn pmk() -> Pmk {
    Pmk::from_octets([7; 20])
}

fn window() -> PnWindow {
    PnWindow::new(64).unwrap()
}

fn count(count: u16) -> CmacKeyCount {
    CmacKeyCount(count)
}

fn settings() -> BaseStationKeySettings {
    BaseStationKeySettings {
        profile: Profile::Contribution,
        self_sync_window: W,
        self_sync_budget: BUDGET,
        window: window(),
        limits: TekLimits::default(),
        tek_cache: true,
        weaknesses: Weaknesses::default(),
    }
}

fn ak(bs: Bsid) -> AkContext {
    AkContext::derive(&pmk(), AkSequenceNumber(4), MS, bs)
}

fn base_station(settings: BaseStationKeySettings) -> BaseStationKeys {
    BaseStationKeys::new(settings, ak(B), vec![SAID], lifetime())
}

/// A BS that was given N, with the context derived.
fn prepared(n: u16) -> BaseStationKeys {
    let mut keys = base_station(settings());
    assert_eq!(keys.prepare(NOW, count(n), false), Preparation::Seamless { count: count(n), resumed: false });
    keys
}

/// What the mobile holds at B for T_M = `m`.
fn mobile_entry(m: u16) -> EntryKeys {
    EntryKeys::from_count(&ak(B), count(m), &[SAID], &window(), lifetime(), NOW)
}

fn seal(keys: &mut EntryKeys, direction: Direction, plaintext: &[u8]) -> SealedPdu {
    let context = keys.tek_context_mut(SAID).unwrap();
    context.seal(NOW, direction, GenericMacHeader::new(CID), plaintext, CrcForm::MsbFirst).unwrap()
}

fn uplink(mobile: &mut EntryKeys) -> Vec<u8> {
    seal(mobile, Direction::Uplink, b"an uplink SDU").octets
}

fn open(keys: &mut BaseStationKeys, pdu: &[u8]) -> Result<Uplink, UplinkError> {
    keys.open_uplink(NOW, SAID, &MacPdu::parse(pdu).unwrap())
}

fn range(keys: &mut BaseStationKeys, m: u16, tuple: &CmacTuple) -> RangingOutcome {
    keys.range(NOW, count(m), BASIC, RNG_REQ, tuple)
}

fn sign(mobile: &mut EntryKeys) -> CmacTuple {
    mobile.sign(Direction::Uplink, BASIC, RNG_REQ).unwrap()
}

/// T_B, its state and the retained counts: what must not change when something is dropped.
fn snapshot(keys: &BaseStationKeys) -> (CmacKeyCount, Option<EntryState>, Vec<(CmacKeyCount, EntryState)>) {
    let retained = keys.retained().map(|(count, state, _)| (count, state)).collect();
    (keys.count(), keys.state(), retained)
}

fn mobile(tek_cache: bool, committed: u16) -> MobileKeys {
    let settings = MobileKeySettings {
        window: window(),
        limits: TekLimits::default(),
        tek_cache,
        weaknesses: Weaknesses::default(),
    };
    let sn = AkSequenceNumber(4);
    let mut keys = MobileKeys::new(settings, pmk(), sn, MS, vec![SAID], lifetime(), count(committed));
    let state =
        |octet, eks| TekState::new(Tek::from_octets([octet; 16]), eks, TekSource::Random, window(), seconds(3600));
    keys.establish(A, [(SAID, TekContext::from_random(state(1, 0), state(2, 1)))]);
    keys
}

fn send(keys: &mut MobileKeys, bs: Bsid, m: u16) -> SealedPdu {
    seal(keys.keys_mut(bs, count(m)).unwrap(), Direction::Uplink, b"an uplink SDU")
}

#[test]
fn a_handover_given_up_before_rng_req_keeps_m_the_old_connection_and_the_pns_of_t_m() {
    // A16, A17, R1
    let mut keys = mobile(true, 1);
    assert_eq!(keys.begin(), Ok(count(2)));
    assert_eq!(keys.derive(NOW, B), Some(false));
    assert_eq!(send(&mut keys, B, 2).pn.count(), 1);
    assert_eq!(keys.give_up(), GiveUp::Resume);
    assert_eq!(keys.committed(), count(1));
    assert_eq!(send(&mut keys, A, 1).pn.count(), 1);
    assert_eq!(keys.begin(), Ok(count(2)));
    assert_eq!(keys.derive(NOW, B), Some(true), "from the cache");
    assert_eq!(send(&mut keys, B, 2).pn.count(), 2);
}

#[test]
fn a_mobile_without_cache_uses_a_nonce_again_after_a_cancelled_handover() {
    // broken: A4, A17, R1
    // The TEKs are no fresh ones, and the PNs begin again all the same.
    let mut keys = mobile(false, 1);
    let pdus = [(); 2].map(|()| {
        keys.begin().unwrap();
        keys.derive(NOW, B);
        let pdu = send(&mut keys, B, 2);
        keys.give_up();
        pdu
    });
    assert_eq!((pdus[0].fingerprint, pdus[0].pn), (pdus[1].fingerprint, pdus[1].pn));
}

#[test]
fn a_handover_given_up_after_rng_req_commits_t_m_and_drops_every_context_the_live_one_too() {
    // R1
    // Traces T1 and T16.
    let mut keys = mobile(true, 1);
    keys.begin().unwrap();
    keys.derive(NOW, B);
    keys.spend();
    assert_eq!(keys.give_up(), GiveUp::ReEnter);
    assert_eq!(keys.committed(), count(2));
    assert_eq!(keys.held().count(), 0);
    assert!(!keys.is_spent());
    assert_eq!(keys.begin(), Ok(count(3)));
    assert_eq!(keys.derive(NOW, A), Some(false));
}

#[test]
fn completion_commits_t_m_and_leaves_the_live_context_only() {
    // A2, A17
    let mut keys = mobile(true, 1);
    keys.begin().unwrap();
    for bs in [B, Bsid([3; 6]), Bsid([4; 6])] {
        keys.derive(NOW, bs);
    }
    assert_eq!(keys.held().count(), 4, "the old connection and three candidates");
    keys.spend();
    keys.complete(B);
    assert_eq!((keys.committed(), keys.traffic()), (count(2), None));
    assert_eq!(keys.held().map(|(bs, entry)| (bs, entry.count())).collect::<Vec<_>>(), [(B, count(2))]);
}

#[test]
fn a_mobile_whose_counter_is_exhausted_begins_nothing() {
    // R2
    assert_eq!(mobile(true, 0xfffe).begin(), Ok(count(0xffff)));
    assert_eq!(mobile(true, 0xffff).begin(), Err(CountExhausted));
}

fn authenticator(n: u16) -> AuthenticatorKeys {
    AuthenticatorKeys::new(pmk(), AkSequenceNumber(4), MS, lifetime(), Some(count(n)))
}

#[test]
fn only_a_report_of_n_or_more_moves_n_and_a_repeat_or_an_older_one_does_not() {
    // A15, R2
    // Traces T2 and T3.
    let mut keys = authenticator(1);
    for bs in [A, B, A, B] {
        assert_eq!(keys.hand_out(bs).unwrap().count, count(1));
    }
    assert_eq!(keys.report(A, count(1)), ReportOutcome::Accepted(count(2)));
    assert_eq!(keys.report(A, count(1)), ReportOutcome::Repeated);
    assert_eq!(keys.report(B, count(1)), ReportOutcome::Refused);
    assert_eq!(keys.next(), Some(count(2)));
    assert_eq!(keys.report(B, count(5)), ReportOutcome::Accepted(count(6)));
    assert_eq!(keys.report(A, count(1)), ReportOutcome::Refused, "no longer the last accepted");
    assert_eq!(keys.next(), Some(count(6)));
    assert_eq!(keys.holders().collect::<Vec<_>>(), [A, B]);
}

#[test]
fn an_exhausted_counter_never_wraps_and_no_context_is_served() {
    // R2
    let mut keys = authenticator(0xffff);
    assert_eq!(keys.report(B, count(0xffff)), ReportOutcome::Exhausted);
    assert_eq!(keys.next(), None);
    assert!(keys.hand_out(B).is_none());
    assert_eq!(keys.report(A, count(0)), ReportOutcome::Refused);
}

#[test]
fn t_b_is_the_larger_of_n_and_h_and_a_retained_context_is_resumed_with_pns_and_window() {
    // A8, A16, R4
    // Trace T4.
    let mut keys = prepared(1);
    let mut mobile = mobile_entry(3);
    assert_eq!(range(&mut keys, 3, &sign(&mut mobile)), RangingOutcome::Confirmed { advanced: true });
    let pdu = uplink(&mut mobile);
    open(&mut keys, &pdu).unwrap();
    assert_eq!(seal(keys.current_mut().unwrap(), Direction::Downlink, b"x").pn.count(), 1);
    keys.release();
    assert_eq!(keys.prepare(NOW, count(1), true), Preparation::Seamless { count: count(3), resumed: true });
    assert_eq!(keys.state(), Some(EntryState::Prepared), "a confirmed context prepared again");
    assert!(open(&mut keys, &pdu).is_err(), "the window is the old one");
    assert_eq!(seal(keys.current_mut().unwrap(), Direction::Downlink, b"x").pn.count(), 2);
    // The recorded RNG-REQ of a smaller count cuts nobody off.
    let recorded = sign(&mut mobile_entry(2));
    assert!(matches!(range(&mut keys, 2, &recorded), RangingOutcome::Smaller { .. }));
    assert_eq!(keys.count(), count(3));
}

#[test]
fn no_context_is_derived_for_a_count_up_to_h_after_its_context_was_purged() {
    // R4, R8
    // Trace T15.
    let mut keys = prepared(2);
    let mut mobile = mobile_entry(2);
    let (pdu, tuple) = (uplink(&mut mobile), sign(&mut mobile));
    open(&mut keys, &pdu).unwrap();
    keys.release();
    keys.notice(count(3));
    assert_eq!(keys.retained().count(), 0);
    // A Context_Rpt that names the old N comes late.
    assert_eq!(keys.prepare(NOW, count(2), true), Preparation::LegacyRngRsp);
    assert!(keys.current().is_none());
    assert!(open(&mut keys, &pdu).is_err());
    assert_eq!(range(&mut keys, 2, &tuple), RangingOutcome::ContextLost);
    assert_eq!(keys.retained().count(), 0, "nothing was derived");
    // The next N is above H.
    assert_eq!(keys.prepare(NOW, count(3), true), Preparation::Seamless { count: count(3), resumed: false });
}

#[test]
fn self_synchronisation_derives_nothing_up_to_h() {
    // R4, R6
    let mut keys = prepared(1);
    let mut at_3 = mobile_entry(3);
    let pdu = uplink(&mut at_3);
    assert_eq!(open(&mut keys, &pdu).unwrap().self_sync_steps, 2);
    keys.refused(count(3));
    assert!(keys.current().is_none());
    // H is 3: neither 2 nor 3 can come back, whatever is prepared or played.
    assert_eq!(keys.prepare(NOW, count(1), true), Preparation::LegacyRngRsp);
    for m in [2, 3] {
        assert!(open(&mut keys, &uplink(&mut mobile_entry(m))).is_err());
        let outcome = range(&mut keys, m, &sign(&mut mobile_entry(m)));
        assert!(matches!(outcome, RangingOutcome::ContextLost | RangingOutcome::Smaller { .. }), "{m}: {outcome:?}");
    }
    assert!(open(&mut keys, &pdu).is_err(), "accepted a second time");
}

#[test]
fn a_bs_without_cache_derives_the_same_context_again() {
    // broken: A16, R4, R8
    let mut keys = base_station(BaseStationKeySettings { tek_cache: false, ..settings() });
    keys.prepare(NOW, count(2), false);
    let pdu = uplink(&mut mobile_entry(2));
    let first = seal(keys.current_mut().unwrap(), Direction::Downlink, b"x");
    open(&mut keys, &pdu).unwrap();
    keys.release();
    assert_eq!(keys.prepare(NOW, count(2), true), Preparation::Seamless { count: count(2), resumed: false });
    let second = seal(keys.current_mut().unwrap(), Direction::Downlink, b"y");
    assert_eq!((first.fingerprint, first.pn), (second.fingerprint, second.pn));
    assert!(open(&mut keys, &pdu).is_ok(), "the recorded PDU is accepted again");
}

#[test]
fn contexts_are_purged_by_state_n_and_release() {
    // A17, R5
    // Trace T5.
    // (state of the context of count 2, released, N) -> whether it stays
    let table = [
        (EntryState::Prepared, false, 2, true),
        (EntryState::Prepared, false, 3, false),
        (EntryState::Matched, false, 2, true),
        (EntryState::Matched, false, 3, false),
        (EntryState::Confirmed, false, 2, true),
        (EntryState::Confirmed, false, 3, true),
        (EntryState::Confirmed, false, 4, false),
        (EntryState::Prepared, true, 2, true),
        (EntryState::Matched, true, 2, true),
        (EntryState::Confirmed, true, 2, true),
        (EntryState::Confirmed, true, 3, false),
    ];
    for (state, released, n, stays) in table {
        for release_first in [false, true] {
            let mut keys = prepared(2);
            let mut mobile = mobile_entry(2);
            match state {
                EntryState::Prepared => {}
                EntryState::Matched => drop(open(&mut keys, &uplink(&mut mobile)).unwrap()),
                EntryState::Confirmed => drop(range(&mut keys, 2, &sign(&mut mobile))),
            }
            assert_eq!(keys.state(), Some(state));
            if released && release_first {
                keys.release();
            }
            keys.notice(count(n));
            if released && !release_first {
                keys.release();
            }
            let what = format!("{state:?}, released {released} (first {release_first}), N = {n}");
            assert_eq!(keys.current().is_some(), stays, "{what}");
        }
    }
}

#[test]
fn the_notice_before_the_release_leaves_a_cancelling_mobile_its_old_connection() {
    // R5
    // Trace T20.
    let mut keys = base_station(settings());
    let state =
        |octet, eks| TekState::new(Tek::from_octets([octet; 16]), eks, TekSource::Random, window(), seconds(3600));
    keys.establish(count(1), [(SAID, TekContext::from_random(state(1, 0), state(2, 1)))]);
    seal(keys.current_mut().unwrap(), Direction::Downlink, b"x");
    // The late notice of its own completion; MOB_HO-IND releases nothing.
    keys.notice(count(2));
    assert_eq!(keys.state(), Some(EntryState::Confirmed));
    assert_eq!(seal(keys.current_mut().unwrap(), Direction::Downlink, b"x").pn.count(), 2);
    keys.release();
    assert!(keys.current().is_none(), "the resource retain time is over");
}

#[test]
fn a_stale_n_is_overcome_up_to_the_window_by_the_first_uplink_pdu() {
    // A11, R6
    for stale in 0..=W {
        let mut keys = prepared(5);
        let mut mobile = mobile_entry(5 + stale);
        let opened = open(&mut keys, &uplink(&mut mobile)).unwrap();
        assert_eq!((opened.self_sync_steps, opened.matched_now), (stale, true));
        assert_eq!(opened.opened.plaintext, b"an uplink SDU");
        assert_eq!((keys.count(), keys.state()), (count(5 + stale), Some(EntryState::Matched)));
        // From now on both ends have the same TEKs in both directions.
        let down = seal(keys.current_mut().unwrap(), Direction::Downlink, b"down");
        let received = mobile.tek_context_mut(SAID).unwrap();
        received.open(NOW, Direction::Downlink, &MacPdu::parse(&down.octets).unwrap()).unwrap();
    }
}

#[test]
fn a_count_one_beyond_the_window_does_not_synchronise() {
    // A11, R6
    let mut keys = prepared(5);
    let before = snapshot(&keys);
    let error = open(&mut keys, &uplink(&mut mobile_entry(5 + W + 1))).unwrap_err();
    assert_eq!(error, UplinkError { reason: ReceiveError::Icv, searched: true });
    assert_eq!(snapshot(&keys), before);
    // Ranging does what the search could not.
    let tuple = sign(&mut mobile_entry(5 + W + 1));
    assert_eq!(range(&mut keys, 5 + W + 1, &tuple), RangingOutcome::Confirmed { advanced: true });
}

#[test]
fn with_self_synchronisation_off_data_is_dropped_until_rng_req_brings_the_count() {
    // A12, A14, R6
    for settings in [
        BaseStationKeySettings { self_sync_window: 0, ..settings() },
        BaseStationKeySettings { profile: Profile::Std2009, ..settings() },
    ] {
        let mut keys = base_station(settings);
        keys.prepare(NOW, count(5), false);
        let mut mobile = mobile_entry(6);
        for _ in 0..3 {
            let error = open(&mut keys, &uplink(&mut mobile)).unwrap_err();
            assert_eq!(error, UplinkError { reason: ReceiveError::Icv, searched: false });
        }
        assert_eq!(keys.count(), count(5));
        assert_eq!(range(&mut keys, 6, &sign(&mut mobile)), RangingOutcome::Confirmed { advanced: true });
        assert_eq!(open(&mut keys, &uplink(&mut mobile)).unwrap().opened.pn.count(), 4);
    }
}

#[test]
fn failed_searches_cost_the_budget_of_a_second_and_the_next_second_has_a_new_one() {
    // R6
    // Trace T6.
    let mut keys = prepared(5);
    let mut stranger = mobile_entry(100);
    let mut late = mobile_entry(6);
    for search in 0..=BUDGET {
        let error = open(&mut keys, &uplink(&mut stranger)).unwrap_err();
        assert_eq!(error.searched, search < BUDGET, "search {search}");
    }
    assert!(open(&mut keys, &uplink(&mut late)).is_err(), "nothing is left in this second");
    let pdu = uplink(&mut late);
    let next_second = NOW + Duration::from_secs(1);
    let opened = keys.open_uplink(next_second, SAID, &MacPdu::parse(&pdu).unwrap()).unwrap();
    assert_eq!(opened.self_sync_steps, 1);
}

#[test]
fn what_cannot_be_a_counter_based_uplink_pdu_is_dropped_at_no_cost() {
    // R6
    let mut keys = base_station(BaseStationKeySettings { self_sync_budget: 1, ..settings() });
    keys.prepare(NOW, count(5), false);
    for _ in 0..10 {
        for eks in [2, 3] {
            let state = |eks| TekState::new(Tek::from_octets([9; 16]), eks, TekSource::Random, window(), seconds(3600));
            let mut context = TekContext::from_random(state(eks), state(eks));
            let header = GenericMacHeader::new(CID);
            let pdu = context.seal(NOW, Direction::Uplink, header, b"x", CrcForm::MsbFirst).unwrap();
            let error = open(&mut keys, &pdu.octets).unwrap_err();
            assert_eq!(error, UplinkError { reason: ReceiveError::UnknownTek { eks }, searched: false });
        }
        for n in [5, 6] {
            let pdu = seal(&mut mobile_entry(n), Direction::Downlink, b"reflected");
            let error = open(&mut keys, &pdu.octets).unwrap_err();
            assert_eq!(error, UplinkError { reason: ReceiveError::WrongDirection, searched: false });
        }
    }
    assert_eq!(open(&mut keys, &uplink(&mut mobile_entry(6))).unwrap().self_sync_steps, 1);
}

#[test]
fn only_a_prepared_entry_searches_and_never_below_t_b() {
    // A13, R6
    let mut below = mobile_entry(4);
    let mut above = mobile_entry(6);
    let mut matched = prepared(5);
    let mut own = mobile_entry(5);
    open(&mut matched, &uplink(&mut own)).unwrap();
    let mut confirmed = prepared(5);
    range(&mut confirmed, 5, &sign(&mut mobile_entry(5)));
    for keys in [&mut matched, &mut confirmed] {
        let before = snapshot(keys);
        let error = open(keys, &uplink(&mut above)).unwrap_err();
        assert!(!error.searched);
        assert_eq!(snapshot(keys), before);
    }
    // T_B above T_M: a replay of an earlier handover. The search fails and nothing moves.
    let mut keys = prepared(5);
    let before = snapshot(&keys);
    assert!(open(&mut keys, &uplink(&mut below)).unwrap_err().searched);
    assert_eq!(
        range(&mut keys, 4, &sign(&mut below)),
        RangingOutcome::Smaller { expected: count(5), state: EntryState::Prepared }
    );
    assert_eq!(snapshot(&keys), before);
}

#[test]
fn a_retained_context_above_t_b_is_a_candidate_with_its_window() {
    // R4, R6
    let mut keys = prepared(5);
    let mut at_5 = mobile_entry(5);
    let mut at_6 = mobile_entry(6);
    let recorded = uplink(&mut at_6);
    assert_eq!(open(&mut keys, &recorded).unwrap().self_sync_steps, 1);
    keys.release();
    // N is still 5, but H is 6.
    assert_eq!(keys.prepare(NOW, count(5), true), Preparation::Seamless { count: count(6), resumed: true });
    assert!(open(&mut keys, &recorded).is_err());
    assert!(open(&mut keys, &uplink(&mut at_5)).is_err(), "below T_B");
    assert!(open(&mut keys, &uplink(&mut at_6)).is_ok());
}

#[test]
fn an_rng_req_whose_cmac_does_not_verify_changes_nothing_whatever_it_claims() {
    // A14, R7
    // Trace T7.
    for m in [1, 4, 5, 6, 0x7fff, 0xffff] {
        for state in [EntryState::Prepared, EntryState::Matched, EntryState::Confirmed] {
            let mut keys = prepared(5);
            let mut mobile = mobile_entry(5);
            match state {
                EntryState::Prepared => {}
                EntryState::Matched => drop(open(&mut keys, &uplink(&mut mobile)).unwrap()),
                EntryState::Confirmed => drop(range(&mut keys, 5, &sign(&mut mobile))),
            }
            let before = snapshot(&keys);
            let mut wrong_value = sign(&mut mobile_entry(m));
            wrong_value.value[7] ^= 1;
            let mut wrong_pn = sign(&mut mobile_entry(m));
            wrong_pn.pn += 1;
            let other_count = sign(&mut mobile_entry(m ^ 0x10));
            for forged in [wrong_value, wrong_pn, other_count] {
                assert_eq!(range(&mut keys, m, &forged), RangingOutcome::Invalid, "{m}, {state:?}");
                assert_eq!(snapshot(&keys), before, "{m}, {state:?}");
            }
            // On another CID, and with another message.
            let genuine = sign(&mut mobile);
            let cid = Cid(BASIC.0 + 1);
            assert_eq!(keys.range(NOW, count(5), cid, RNG_REQ, &genuine), RangingOutcome::Invalid);
            assert_eq!(keys.range(NOW, count(5), BASIC, b"another", &genuine), RangingOutcome::Invalid);
            assert!(open(&mut keys, &uplink(&mut mobile)).is_ok(), "the connection lives");
        }
    }
}

#[test]
fn an_equal_count_confirms_a_higher_cmac_pn_is_a_retransmission_and_an_equal_or_lower_one_a_replay() {
    // A10, R7
    let mut keys = prepared(5);
    let mut mobile = mobile_entry(5);
    let tuples: Vec<CmacTuple> = (0..4).map(|_| sign(&mut mobile)).collect();
    assert_eq!(range(&mut keys, 5, &tuples[1]), RangingOutcome::Confirmed { advanced: false });
    let highest = tuples[1].pn;
    for old in &tuples[..2] {
        let replay = CmacError::PacketNumber { found: old.pn, highest };
        assert_eq!(range(&mut keys, 5, old), RangingOutcome::Replay(replay));
    }
    assert_eq!(range(&mut keys, 5, &tuples[2]), RangingOutcome::Retransmission);
    assert_eq!(keys.state(), Some(EntryState::Confirmed));
    // CMAC_PN is part of the context: it is checked in a resumed one too.
    keys.release();
    assert_eq!(keys.prepare(NOW, count(5), true), Preparation::Seamless { count: count(5), resumed: true });
    assert!(matches!(range(&mut keys, 5, &tuples[2]), RangingOutcome::Replay(_)));
    assert_eq!(keys.state(), Some(EntryState::Prepared));
    assert_eq!(range(&mut keys, 5, &tuples[3]), RangingOutcome::Confirmed { advanced: false });
}

#[test]
fn an_rng_req_of_a_context_that_was_evicted_or_refused_is_a_replay_and_no_cmac_pn_is_used_again() {
    // R7, R8
    for gone in [BaseStationKeys::evict, BaseStationKeys::refused] {
        let (mut bs, mut mobile) = (prepared(2), mobile_entry(2));
        let recorded = sign(&mut mobile);
        assert_eq!(range(&mut bs, 2, &recorded), RangingOutcome::Confirmed { advanced: false });
        assert_eq!(bs.current_mut().unwrap().sign(Direction::Downlink, BASIC, b"RNG-RSP").unwrap().pn, 1);
        gone(&mut bs, count(2));
        assert_eq!(bs.state(), None);
        assert!(matches!(range(&mut bs, 2, &recorded), RangingOutcome::Replay(CmacError::PacketNumber { .. })));
        // The mobile itself may come again, and is answered with the next CMAC_PN.
        assert_eq!(range(&mut bs, 2, &sign(&mut mobile)), RangingOutcome::ContextLost);
        bs.install_lost(count(2), []);
        assert_eq!(bs.current_mut().unwrap().sign(Direction::Downlink, BASIC, b"RNG-RSP").unwrap().pn, 2);
    }
}

#[test]
fn a_valid_smaller_count_never_changes_a_connection() {
    // A13, R7
    // Trace T8.
    for state in [EntryState::Prepared, EntryState::Matched, EntryState::Confirmed] {
        let mut keys = prepared(5);
        let mut mobile = mobile_entry(5);
        match state {
            EntryState::Prepared => {}
            EntryState::Matched => drop(open(&mut keys, &uplink(&mut mobile)).unwrap()),
            EntryState::Confirmed => drop(range(&mut keys, 5, &sign(&mut mobile))),
        }
        let before = snapshot(&keys);
        for m in [1, 4] {
            let outcome = range(&mut keys, m, &sign(&mut mobile_entry(m)));
            assert_eq!(outcome, RangingOutcome::Smaller { expected: count(5), state });
            assert_eq!(snapshot(&keys), before);
        }
        assert!(open(&mut keys, &uplink(&mut mobile)).is_ok());
    }
}

#[test]
fn a_larger_count_moves_t_b_and_data_flows_under_its_teks() {
    // A2, A14, R7
    for m in [6, 6 + W, 1000, 0xffff] {
        let mut keys = prepared(5);
        let mut mobile = mobile_entry(m);
        assert_eq!(range(&mut keys, m, &sign(&mut mobile)), RangingOutcome::Confirmed { advanced: true });
        assert_eq!((keys.count(), keys.state()), (count(m), Some(EntryState::Confirmed)));
        assert_eq!(open(&mut keys, &uplink(&mut mobile)).unwrap().self_sync_steps, 0);
    }
}

#[test]
fn a_restarted_bs_that_was_given_a_context_before_sends_teks_in_rng_rsp_until_the_pmk_changes() {
    // R8
    // Traces T9, T13 and T18.
    let mut mobile = mobile_entry(2);
    let (pdu, recorded) = (uplink(&mut mobile), sign(&mut mobile));
    let mut keys = base_station(settings());
    for n in [2, 3, 7] {
        assert_eq!(keys.prepare(NOW, count(n), true), Preparation::LegacyRngRsp, "N = {n}");
        assert!(keys.current().is_none());
        assert!(open(&mut keys, &pdu).is_err());
    }
    let mut keys = base_station(settings());
    keys.prepare(NOW, count(2), true);
    assert_eq!(range(&mut keys, 2, &recorded), RangingOutcome::ContextLost);
    // TEKs travel; a played RNG-REQ confirms nothing, only data under the new TEKs does.
    let state =
        |octet, eks| TekState::new(Tek::from_octets([octet; 16]), eks, TekSource::Random, window(), seconds(3600));
    let teks = TekContext::from_random(state(1, 0), state(2, 1));
    keys.install_lost(count(2), [(SAID, teks.clone())]);
    assert!(keys.awaits_first_uplink());
    assert!(matches!(range(&mut keys, 2, &recorded), RangingOutcome::Replay(_)), "its CMAC_PN was used");
    assert_eq!(keys.state(), Some(EntryState::Prepared));
    assert!(open(&mut keys, &pdu).is_err(), "sealed under the lost TEKs");
    mobile.install(SAID, teks);
    open(&mut keys, &uplink(&mut mobile)).unwrap();
    keys.confirm_current();
    assert_eq!((keys.state(), keys.awaits_first_uplink()), (Some(EntryState::Confirmed), false));
}

#[test]
fn a_bs_that_restarts_again_under_the_same_count_uses_no_cmac_pn_twice() {
    // R8, invariant of dot16-security.md 11: what it answered before a restart is not known to it.
    let answers = |now| {
        let mut keys = base_station(settings());
        keys.prepare(now, count(2), true);
        keys.install_lost(count(2), []);
        let of = |keys: &mut EntryKeys| keys.sign(Direction::Downlink, BASIC, b"RNG-RSP").unwrap().pn;
        [of(keys.below_mut(count(1)).unwrap()), of(keys.current_mut().unwrap()), of(keys.current_mut().unwrap())]
    };
    assert_eq!(answers(seconds(1)), [1001, 1001, 1002]);
    assert_eq!(answers(seconds(2)), [2001, 2001, 2002]);
}

#[test]
fn contexts_of_entries_long_ago_go_although_no_notice_of_n_arrives() {
    // R5
    let mut keys = prepared(2);
    for m in 2..40 {
        let mut mobile = mobile_entry(m);
        assert!(matches!(range(&mut keys, m, &sign(&mut mobile)), RangingOutcome::Confirmed { .. }));
        keys.acknowledged(count(m));
        assert!(keys.retained().count() <= 2, "after {m}");
        assert_eq!((keys.count(), keys.state()), (count(m), Some(EntryState::Confirmed)));
    }
}

#[test]
fn a_bs_that_still_has_h_resumes_although_it_was_given_a_context_before() {
    // R8
    let mut keys = prepared(2);
    keys.release();
    assert_eq!(keys.prepare(NOW, count(2), true), Preparation::Seamless { count: count(2), resumed: true });
}

#[test]
fn fresh_teks_live_an_eighth_and_a_half_of_the_full_pmk_lifetime_but_not_longer_than_the_pmk() {
    // A3, A4, R10
    let context = |now| TekContext::from_count(&ak(B).kek, count(2), SAID, &window(), lifetime(), now);
    let expiries = |now| context(now).states().clone().map(|state| state.expires());
    assert_eq!(expiries(seconds(10)), [seconds(10 + 450), seconds(10 + 1800)]);
    assert_eq!(expiries(seconds(3000)), [seconds(3450), seconds(3600)]);
    assert_eq!(expiries(seconds(3500)), [seconds(3600); 2]);
    for (state, eks) in context(seconds(10)).states().iter().zip([0, 1]) {
        assert_eq!((state.eks(), state.last_sent(), state.highest_accepted()), (eks, None, None));
    }
}

#[test]
fn both_directions_use_tek0_until_it_expires_then_tek1_and_then_nothing() {
    // A3, R10
    let mut ends =
        [(); 2].map(|()| TekContext::from_count(&ak(B).kek, count(2), SAID, &window(), lifetime(), seconds(10)));
    let header = GenericMacHeader::new(CID);
    let just_before = |time| VirtualTime::from_nanos(seconds(time).as_nanos() - 1);
    for (now, eks, pn) in
        [(seconds(10), 0, 1), (just_before(460), 0, 2), (seconds(460), 1, 1), (just_before(1810), 1, 2)]
    {
        for (sender, direction) in [(0, Direction::Uplink), (1, Direction::Downlink)] {
            let pdu = ends[sender].seal(now, direction, header, b"x", CrcForm::MsbFirst).unwrap();
            assert_eq!((pdu.eks, pdu.pn.count()), (eks, pn), "{direction} at {now}");
            let opened = ends[1 - sender].open(now, direction, &MacPdu::parse(&pdu.octets).unwrap());
            assert_eq!(opened.unwrap().eks, eks);
        }
    }
    let refused = ends[0].seal(seconds(1810), Direction::Uplink, header, b"x", CrcForm::MsbFirst);
    assert_eq!(refused.unwrap_err(), TransmitError::Expired);
}

#[test]
fn an_expired_tek_opens_nothing_and_its_life_runs_on_while_the_context_is_cached() {
    // A3, R10
    let mut keys = prepared(2);
    let mut mobile = mobile_entry(2);
    let pdu = uplink(&mut mobile);
    keys.release();
    let later = NOW + Duration::from_secs(450);
    assert_eq!(keys.prepare(later, count(2), true), Preparation::Seamless { count: count(2), resumed: true });
    let error = keys.open_uplink(later, SAID, &MacPdu::parse(&pdu).unwrap()).unwrap_err();
    assert_eq!(error.reason, ReceiveError::UnknownTek { eks: 0 });
    let context = mobile.tek_context_mut(SAID).unwrap();
    let pdu = context.seal(later, Direction::Uplink, GenericMacHeader::new(CID), b"x", CrcForm::MsbFirst).unwrap();
    assert_eq!((pdu.eks, pdu.pn.count()), (1, 1));
    assert!(keys.open_uplink(later, SAID, &MacPdu::parse(&pdu.octets).unwrap()).is_ok());
}

#[test]
fn with_teks_from_key_reply_the_bs_sends_under_the_older_and_the_mobile_under_the_newer() {
    // R10
    let state =
        |octet, eks, expires| TekState::new(Tek::from_octets([octet; 16]), eks, TekSource::Random, window(), expires);
    let mut context = TekContext::from_random(state(1, 2, seconds(20)), state(2, 3, seconds(30)));
    let header = GenericMacHeader::new(CID);
    let mut eks = |now, direction| context.seal(now, direction, header, b"x", CrcForm::MsbFirst).unwrap().eks;
    assert_eq!(eks(seconds(10), Direction::Downlink), 2);
    assert_eq!(eks(seconds(10), Direction::Uplink), 3);
    assert_eq!(eks(seconds(20), Direction::Downlink), 3, "the older one has expired");
}

#[test]
fn a_pdu_that_does_not_decrypt_moves_no_window() {
    // A19, A20
    let mut base = prepared(2);
    let mut mobile = mobile_entry(2);
    let pdus: Vec<Vec<u8>> =
        (0..3).map(|_| seal(base.current_mut().unwrap(), Direction::Downlink, b"down").octets).collect();
    let receiver = mobile.tek_context_mut(SAID).unwrap();
    let mut spoilt = pdus[2].clone();
    spoilt[12] ^= 1;
    let mut open = |pdu: &[u8]| receiver.open(NOW, Direction::Downlink, &MacPdu::parse(pdu).unwrap());
    assert_eq!(open(&spoilt), Err(ReceiveError::Icv));
    // Reordered inside the window, then each a second time.
    for pdu in [&pdus[2], &pdus[0], &pdus[1]] {
        open(pdu).unwrap();
    }
    for pdu in &pdus {
        assert!(matches!(open(pdu), Err(ReceiveError::Duplicate(_))));
    }
}

/// What may happen between a mobile, its two base stations, the Authenticator and an adversary. `bool`: whether what is
/// sent arrives. The numbers pick a recorded PDU or message.
#[derive(Clone, Copy, Debug)]
enum Action {
    Prepare,
    MobileArrives,
    SendUp(bool),
    SendDown(bool),
    Range(bool),
    Report,
    Answer,
    GiveUp,
    Deadline,
    Notice,
    Restart,
    MoveToA(bool),
    ReplayUp(usize),
    ReplayDown(usize),
    ReplayRngReq(usize),
    LateReport(usize),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        16 => Just(Action::Prepare),
        16 => Just(Action::MobileArrives),
        20 => any::<bool>().prop_map(Action::SendUp),
        20 => any::<bool>().prop_map(Action::SendDown),
        12 => any::<bool>().prop_map(Action::Range),
        8 => Just(Action::Report),
        8 => Just(Action::Answer),
        12 => Just(Action::GiveUp),
        8 => Just(Action::Deadline),
        8 => Just(Action::Notice),
        1 => Just(Action::Restart),
        8 => any::<bool>().prop_map(Action::MoveToA),
        16 => any::<usize>().prop_map(Action::ReplayUp),
        12 => any::<usize>().prop_map(Action::ReplayDown),
        12 => any::<usize>().prop_map(Action::ReplayRngReq),
        4 => any::<usize>().prop_map(Action::LateReport),
    ]
}

/// Where the mobile is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    AtA,
    Arrived,
    AtB,
}

/// The whole of it, and what must never repeat.
struct World {
    mobile: MobileKeys,
    place: Place,
    base: Option<BaseStationKeys>,
    settings: BaseStationKeySettings,
    authenticator: AuthenticatorKeys,
    to_report: Option<CmacKeyCount>,
    answered: Option<CmacKeyCount>,
    up: Vec<Vec<u8>>,
    down: Vec<Vec<u8>>,
    requests: Vec<(CmacKeyCount, CmacTuple)>,
    /// Contexts that were handed out, and may arrive late.
    reports: Vec<(CmacKeyCount, bool)>,
    sealed: HashSet<(u64, Direction, u32)>,
    accepted: HashSet<Vec<u8>>,
    seamless_pdus: usize,
}

impl World {
    fn new(tek_cache: bool) -> Self {
        Self {
            mobile: mobile(tek_cache, 1),
            place: Place::AtA,
            base: None,
            settings: BaseStationKeySettings { self_sync_window: 2, tek_cache, ..settings() },
            // A's report of count 1 is pending: N may be stale.
            authenticator: authenticator(1),
            to_report: None,
            answered: None,
            up: Vec::new(),
            down: Vec::new(),
            requests: Vec::new(),
            reports: Vec::new(),
            sealed: HashSet::new(),
            accepted: HashSet::new(),
            seamless_pdus: 0,
        }
    }

    fn sealed(&mut self, pdu: &SealedPdu, direction: Direction) -> Result<(), String> {
        let new = self.sealed.insert((pdu.fingerprint, direction, pdu.pn.count()));
        if new { Ok(()) } else { Err(format!("{direction} PN {} sealed twice under one TEK", pdu.pn.count())) }
    }

    fn accepted(&mut self, pdu: &[u8]) -> Result<(), String> {
        self.seamless_pdus += 1;
        if self.accepted.insert(pdu.to_vec()) { Ok(()) } else { Err("a PDU was accepted twice".to_owned()) }
    }

    /// The mobile's keys at B, if it is there.
    fn at_b(&mut self) -> Option<&mut EntryKeys> {
        let count = match self.place {
            Place::AtA => return None,
            Place::Arrived => self.mobile.traffic()?,
            Place::AtB => self.mobile.committed(),
        };
        self.mobile.keys_mut(B, count)
    }

    fn prepare(&mut self, n: CmacKeyCount, issued_before: bool) {
        let settings = self.settings.clone();
        self.base.get_or_insert_with(|| base_station(settings)).prepare(NOW, n, issued_before);
    }

    fn deliver_up(&mut self, pdu: &[u8]) -> Result<(), String> {
        let Some(base) = &mut self.base else { return Ok(()) };
        match open(base, pdu) {
            Ok(_) => self.accepted(pdu),
            Err(_) => Ok(()),
        }
    }

    fn deliver_down(&mut self, pdu: &[u8]) -> Result<(), String> {
        let Some(context) = self.at_b().and_then(|keys| keys.tek_context_mut(SAID)) else { return Ok(()) };
        match context.open(NOW, Direction::Downlink, &MacPdu::parse(pdu).unwrap()) {
            Ok(_) => self.accepted(pdu),
            Err(_) => Ok(()),
        }
    }

    fn deliver_request(&mut self, m: CmacKeyCount, tuple: &CmacTuple) {
        let Some(base) = &mut self.base else { return };
        match base.range(NOW, m, BASIC, RNG_REQ, tuple) {
            RangingOutcome::Confirmed { .. } | RangingOutcome::Retransmission => {
                self.to_report = Some(m);
                self.answered = Some(m);
            }
            _ => {}
        }
    }

    /// The mobile enters A with a new count, which A reports at once or (a late report) not at all.
    fn enter_a(&mut self, reported: bool) {
        let Ok(m) = self.mobile.begin() else { return };
        self.mobile.derive(NOW, A);
        self.mobile.spend();
        if reported {
            self.authenticator.report(A, m);
        }
        self.mobile.complete(A);
        self.place = Place::AtA;
        self.answered = None;
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        let pick = |of: usize, number: usize| (of > 0).then(|| number % of.max(1));
        match action {
            Action::Prepare => {
                if let Some(handed) = self.authenticator.hand_out(B) {
                    self.reports.push((handed.count, handed.issued_before));
                    self.prepare(handed.count, handed.issued_before);
                }
            }
            // A Context_Rpt whose request is still out. A BS that restarted has no request out.
            Action::LateReport(number) => {
                if let (Some(at), Some(_)) = (pick(self.reports.len(), number), &self.base) {
                    let (n, issued_before) = self.reports[at];
                    self.prepare(n, issued_before);
                }
            }
            Action::MobileArrives if self.place == Place::AtA => {
                if self.mobile.begin().is_ok() {
                    self.mobile.derive(NOW, B);
                    self.place = Place::Arrived;
                }
            }
            Action::SendUp(arrives) => {
                let Some(keys) = self.at_b() else { return Ok(()) };
                let pdu = seal(keys, Direction::Uplink, b"up");
                self.sealed(&pdu, Direction::Uplink)?;
                self.up.push(pdu.octets.clone());
                if arrives {
                    self.deliver_up(&pdu.octets)?;
                }
            }
            Action::SendDown(arrives) => {
                let Some(keys) = self.base.as_mut().and_then(BaseStationKeys::current_mut) else { return Ok(()) };
                let pdu = seal(keys, Direction::Downlink, b"down");
                self.sealed(&pdu, Direction::Downlink)?;
                self.down.push(pdu.octets.clone());
                if arrives {
                    self.deliver_down(&pdu.octets)?;
                }
            }
            Action::Range(arrives) if self.place == Place::Arrived => {
                self.mobile.spend();
                let (Some(m), Some(keys)) = (self.mobile.traffic(), self.at_b()) else { return Ok(()) };
                let tuple = sign(keys);
                self.requests.push((m, tuple));
                if arrives {
                    self.deliver_request(m, &tuple);
                }
            }
            Action::Report => {
                if let Some(m) = self.to_report.take()
                    && self.authenticator.report(B, m) == ReportOutcome::Refused
                    && let Some(base) = &mut self.base
                {
                    base.refused(m);
                }
            }
            // RNG-RSP, authenticated: only an answer to the count of this attempt completes it.
            Action::Answer if self.place == Place::Arrived && self.mobile.is_spent() => {
                if self.answered.take() == self.mobile.traffic() {
                    self.mobile.complete(B);
                    self.place = Place::AtB;
                }
            }
            Action::GiveUp if self.place == Place::Arrived => {
                self.place = Place::AtA;
                if self.mobile.give_up() == GiveUp::ReEnter {
                    self.enter_a(true);
                }
            }
            Action::MoveToA(reported) if self.place == Place::AtB => self.enter_a(reported),
            Action::Deadline => {
                if let Some(base) = &mut self.base {
                    base.release();
                }
            }
            Action::Notice => {
                if let (Some(base), Some(n)) = (&mut self.base, self.authenticator.next()) {
                    base.notice(n);
                }
            }
            Action::Restart => self.base = None,
            Action::ReplayUp(number) => {
                if let Some(at) = pick(self.up.len(), number) {
                    self.deliver_up(&self.up[at].clone())?;
                }
            }
            Action::ReplayDown(number) => {
                if let Some(at) = pick(self.down.len(), number) {
                    self.deliver_down(&self.down[at].clone())?;
                }
            }
            Action::ReplayRngReq(number) => {
                if let Some(at) = pick(self.requests.len(), number) {
                    let (m, tuple) = self.requests[at];
                    self.deliver_request(m, &tuple);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Plays the actions; answers how many PDUs were accepted, or what went wrong.
fn play(actions: &[Action], tek_cache: bool) -> Result<usize, String> {
    let mut world = World::new(tek_cache);
    for (index, action) in actions.iter().enumerate() {
        world.act(*action).map_err(|error| format!("action {index}: {error}"))?;
    }
    Ok(world.seamless_pdus)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_and_whatever_is_replayed_no_nonce_and_no_pdu_is_taken_twice(
        actions in prop::collection::vec(action(), 1..60),
    ) {
        // A16, A17, A19, R1, R2, R4, R5, R6, R7, R8
        if let Err(error) = play(&actions, true) {
            prop_assert!(false, "{}", error);
        }
    }
}

#[test]
fn the_same_actions_find_nonces_and_pdus_taken_twice_when_the_caches_are_off() {
    // broken: A16, A17, A19, R1, R4, R8
    let mut runner = TestRunner::deterministic();
    let actions = prop::collection::vec(action(), 1..60);
    let errors: Vec<String> =
        (0..300).filter_map(|_| play(&actions.new_tree(&mut runner).unwrap().current(), false).err()).collect();
    for wanted in ["sealed twice", "accepted twice"] {
        assert!(errors.iter().any(|error| error.contains(wanted)), "{wanted}: {errors:?}");
    }
}

#[test]
fn the_random_actions_reach_deep_enough_to_show_something() {
    let mut runner = TestRunner::deterministic();
    let actions = prop::collection::vec(action(), 40..60);
    let accepted: usize =
        (0..100).map(|_| play(&actions.new_tree(&mut runner).unwrap().current(), true).unwrap()).sum();
    assert!(accepted > 200, "{accepted} PDUs accepted in 100 runs");
}

#[test]
fn a_wrapped_tek_that_was_changed_is_refused_under_key_wrap() {
    // R11
    let (kek, tek) = (ak(B).kek, Tek::from_octets([9; 16]));
    let wrapped = key_wrap::wrap(&kek, &tek);
    assert_eq!(key_wrap::unwrap(&kek, &wrapped).as_ref().map(Tek::octets), Ok(tek.octets()));
    for position in 0..wrapped.len() {
        let mut changed = wrapped;
        changed[position] ^= 1;
        assert!(key_wrap::unwrap(&kek, &changed).is_err());
    }
    // A TEK in the form of the other suite is none in this one.
    assert!(key_wrap::unwrap(&kek, &key_wrap::ecb_wrap(&kek, &tek)).is_err());
}

#[test]
fn a_tek_under_aes_ecb_that_was_changed_is_taken_for_another_tek() {
    // broken: R11
    let (kek, tek) = (ak(B).kek, Tek::from_octets([9; 16]));
    let mut encrypted = key_wrap::ecb_wrap(&kek, &tek);
    encrypted[3] ^= 1;
    let taken = key_wrap::ecb_unwrap(&kek, &encrypted).unwrap();
    assert_ne!(taken.octets(), tek.octets());
}

/// Null crypto is for the fuzzer: whatever names it is compiled under `cfg(fuzzing)` alone, so that no other build can turn it on.
#[test]
fn nothing_but_the_fuzzer_gets_past_cmac_and_icv() {
    // A20, R7
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut hooks = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            let mut guarded = false;
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
                if line.contains("null_crypto") {
                    assert!(guarded, "{}: {line}", entry.display());
                    hooks += 1;
                }
                // One statement or block after the attribute, which here is never longer than two lines.
                guarded = line == "#[cfg(fuzzing)]" || (guarded && line.ends_with('{'));
            }
        }
    }
    assert_eq!(hooks, 9, "every line that names it, that of the module among them");
}

#[test]
fn of_the_counts_whose_contexts_were_lost_only_the_last_waits_for_its_first_pdu() {
    // R8
    let mut keys = base_station(settings());
    assert_eq!(keys.prepare(NOW, count(2), true), Preparation::LegacyRngRsp);
    for m in 2..8 {
        let recorded = sign(&mut mobile_entry(m));
        assert_eq!(range(&mut keys, m, &recorded), RangingOutcome::ContextLost);
        keys.install_lost(count(m), []);
        let retained: Vec<CmacKeyCount> = keys.retained().map(|(count, ..)| count).collect();
        assert_eq!(retained, [count(m)], "what waited before has given way");
        assert!(matches!(range(&mut keys, m, &recorded), RangingOutcome::Replay(_)));
    }
}
