//! Seamless handover that one side did not agree to, and TEKs that travel although none should: A5, A21, A27, R13.

use keyhop::capture::key_log::TekSource;
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::security::{Kek, Tek, key_wrap};
use keyhop::dot16::wire::ManagementMessage;

use crate::scripts::{
    NO_WAY_BY_AUTHENTICATION, assert_connected, assert_cut_off, outcomes, ranged_counts, record_and_play, run, updates,
    weak,
};
use crate::support::{Run, handover, udp};

const NOT_DECLARED: &str = "mobile_station.ms1.seamless=false";

fn one_handover(sets: &[&str]) -> Run {
    run(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"])), sets)
}

fn generated_teks(run: &Run) -> usize {
    run.teks().filter(|tek| tek.source == TekSource::Counter).count()
}

#[test]
fn a_base_station_refuses_a_mobile_that_claims_a_seamless_handover_it_did_not_negotiate() {
    // A5, A27, R13
    let run = one_handover(&[NOT_DECLARED, &weak("ms1", &["claims-seamless"]), NO_WAY_BY_AUTHENTICATION]);
    assert!(ranged_counts(&run, "bs2").len() == 4 && ranged_counts(&run, "bs1").len() == 4);
    assert_eq!(outcomes(&run)[0].1, "released");
    assert_eq!((updates(&run, "bs1", "gw"), updates(&run, "bs2", "gw")), (vec![], vec![]));
    assert!(run.air("air:ms1-bs2").iter().all(|pdu| !pdu.is_data()));
    assert_cut_off(&run, 600, 4_000);
}

#[test]
fn a_seamless_handover_that_was_not_negotiated_goes_through_where_neither_side_minds() {
    // broken: A5, A27, R13
    let weak_bs = weak("bs2", &["accepts-unnegotiated-seamless"]);
    let run = one_handover(&[NOT_DECLARED, &weak("ms1", &["claims-seamless"]), &weak_bs]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
    assert!(run.outcome.handovers[0].data_before_ranging.ul > 0);
    assert_eq!(generated_teks(&run), 2, "TEK0 and TEK1 of bs2");
}

#[test]
fn a_mobile_that_did_not_negotiate_refuses_a_seamless_handover_that_is_offered() {
    // A5, A27, R13
    let run = one_handover(&[NOT_DECLARED, &weak("bs2", &["accepts-unnegotiated-seamless"])]);
    // bs2 generates TEKs and sends none, so that the mobile cannot enter there.
    assert!(run.air("air:ms1-bs2").iter().all(|pdu| !pdu.is_data() || pdu.direction == Direction::Downlink));
    assert_eq!((ranged_counts(&run, "bs1"), outcomes(&run)[0].1), (vec![3], "fell-back"));
    assert_connected(&run, 1_000, 2_300);
}

/// RNG-RSPs with TEKs of bs2.
fn answers_with_teks(run: &Run) -> usize {
    let messages = run.air("air:ms1-bs2").into_iter().filter_map(|pdu| pdu.message());
    let with_teks = |message: &ManagementMessage| match message {
        ManagementMessage::RngRsp(response) => response.sa_tek_updates().next().is_some(),
        _ => false,
    };
    messages.filter(with_teks).count()
}

/// Whether a generated TEK, wrapped under the KEK of its BS, stands in a frame.
fn generated_tek_on_air(run: &Run) -> bool {
    let keks: Vec<_> = run.keks().map(|kek| (kek.bs, Kek::from_octets(*kek.key.expose()))).collect();
    let generated = run.teks().filter(|tek| tek.source == TekSource::Counter);
    let wrapped: Vec<_> = generated
        .flat_map(|tek| {
            let of_bs = keks.iter().filter(|(bs, _)| *bs == tek.bs);
            of_bs.map(|(_, kek)| key_wrap::wrap(kek, &Tek::from_octets(*tek.key.expose()))).collect::<Vec<_>>()
        })
        .collect();
    assert!(!wrapped.is_empty());
    run.capture
        .frames
        .iter()
        .any(|frame| frame.octets.windows(24).any(|window| wrapped.iter().any(|tek| tek == window)))
}

/// Whether the expectation that no TEK is on a link holds.
const NO_TEK_ON_LINK: &str = "[[expect]]\ntek_on_link = false\n";

fn sends_generated(rest: &str, sets: &[&str]) -> Run {
    let steps = handover("500ms", "bs2", &["bs2"]);
    run(2, &(udp(160) + &steps + rest + NO_TEK_ON_LINK), &[&[&*weak("bs2", &["sends-generated-teks"])], sets].concat())
}

#[test]
fn a_base_station_that_sends_its_generated_teks_is_found_out_by_the_search_of_all_links() {
    // broken: A21
    let run = sends_generated("", &[]);
    assert!(generated_tek_on_air(&run));
    assert!(!run.outcome.expectations[0].held, "{:?}", run.outcome.expectations[0]);
    let silent = one_handover(&[]);
    assert!(!generated_tek_on_air(&silent));
}

#[test]
fn a_mobile_refuses_teks_that_come_after_a_seamless_handover_was_agreed() {
    // A27, R13
    let run = sends_generated("", &[]);
    assert_eq!(answers_with_teks(&run), 4);
    assert_eq!((ranged_counts(&run, "bs2"), ranged_counts(&run, "bs1")), (vec![2; 4], vec![3]));
    assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless")]);
    assert_connected(&run, 1_000, 2_300);
}

#[test]
fn a_mobile_that_takes_teks_after_a_seamless_handover_was_agreed_forgets_its_windows() {
    // broken: A27, R13
    // Downlink that it has accepted before RNG-RSP is played to it afterwards.
    let replay = record_and_play("bs2", "downlink", "data", 2, "700ms");
    let weak_mobile = weak("ms1", &["accepts-teks-after-seamless"]);
    let run = sends_generated(&replay, &[&weak_mobile]);
    assert_eq!((answers_with_teks(&run), outcomes(&run)), (1, vec![("bs2", "completed", "legacy-rng-rsp")]));
    assert!(run.outcome.attacks[0].succeeded);
    assert_eq!(run.outcome.traffic["ms1"].dl.duplicated, 2);
}
