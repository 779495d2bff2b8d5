//! The doors to the generators that fuzz targets and benchmarks use.

use std::fmt::Debug;

use keyhop_generators::asn_control::control_message;
use keyhop_generators::list::list;
use keyhop_generators::mac_pdu::{burst, packed_pieces};
use keyhop_generators::management::management_message;
use keyhop_generators::tlv::unknown_tlv;
use keyhop_generators::transport::frame;
use keyhop_generators::{recorded, sample, sample_from_octets};
use proptest::prelude::*;

fn recorded_octets_are_the_value_again<S: Strategy>(strategy: &S)
where
    S::Value: PartialEq + Debug,
{
    for seed in 0..30 {
        let (value, octets) = recorded(strategy, seed);
        assert_eq!(sample_from_octets(strategy, &octets), value, "seed {seed}");
        // Every input is a value.
        for length in [0, octets.len() / 3, octets.len() / 2] {
            sample_from_octets(strategy, &octets[..length]);
        }
    }
}

#[test]
fn what_was_recorded_of_a_value_makes_it_again() {
    recorded_octets_are_the_value_again(&management_message());
    recorded_octets_are_the_value_again(&packed_pieces());
    recorded_octets_are_the_value_again(&burst());
    recorded_octets_are_the_value_again(&control_message());
    recorded_octets_are_the_value_again(&frame());
}

#[test]
fn a_seed_gives_the_same_value_again_and_another_seed_another() {
    let strategy = burst();
    let bursts: Vec<Vec<u8>> = (0..20).map(|seed| sample(&strategy, seed)).collect();
    assert_eq!(bursts, (0..20).map(|seed| sample(&burst(), seed)).collect::<Vec<_>>());
    let distinct: std::collections::BTreeSet<_> = bursts.iter().filter(|burst| !burst.is_empty()).collect();
    assert!(distinct.len() > 10, "{} different ones", distinct.len());
}

#[test]
fn a_changed_octet_leaves_the_fields_before_it_alone() {
    let strategy = list(unknown_tlv(), 3..4);
    let (tlvs, mut octets) = recorded(&strategy, 7);
    *octets.last_mut().unwrap() ^= 1;
    let changed = sample_from_octets(&strategy, &octets);
    assert_eq!(changed[..2], tlvs[..2]);
    assert_ne!(changed[2], tlvs[2]);
}
