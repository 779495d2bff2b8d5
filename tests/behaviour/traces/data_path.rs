//! Which switch of the data path counts (R16): trace T17.

use keyhop::dot16::identifiers::Direction;

use crate::scripts::{
    SLOW_RETRY, assert_connected, assert_harmless, delivered, fault, ms, outcomes, path_switches, run, weak,
};
use crate::support::{Run, handover, udp};

/// The mobile enters A with 2; the acknowledgement of A's report takes 500 ms, and A hears of no notice. Meanwhile it moves
/// on to B with 3. What A has to forward after that is lost.
fn late_acknowledgement(sets: &[&str]) -> Run {
    let late = fault("r6:bs1-gw", "bs1", "CMAC_Key_Count_Update_ACK", "delay = \"500ms\"")
        + &fault("r6:bs1-gw", "bs1", "CMAC_Key_Count_Update", "count = 2\ndelay = \"1200ms\"")
        + &fault("r4:bs1-bs2", "bs2", "data", "count = 1000\nafter = \"850ms\"\nlose = true");
    let rest = udp(160) + &handover("300ms", "bs1", &["bs1"]) + &handover("600ms", "bs2", &["bs2"]) + &late;
    run(3, &rest, &[&["mobile_station.ms1.serving=bs3", SLOW_RETRY], sets].concat())
}

/// Trace T17: the switch that A asks for rests on 2, the path rests on 3.
#[test]
fn a_path_switch_on_a_count_below_that_of_the_path_is_ignored() {
    // R16
    let run = late_acknowledgement(&[]);
    assert_eq!(outcomes(&run), [("bs1", "completed", "seamless"), ("bs2", "completed", "seamless")]);
    assert!(path_switches(&run, "bs1").iter().all(|switch| *switch < ms(600)));
    assert_connected(&run, 700, 2_300);
    assert_harmless(&run);
}

/// Trace T17 with any count good enough: the path moves back to A, and no downlink reaches the mobile any more.
#[test]
fn a_late_acknowledgement_takes_the_path_away_where_the_count_of_a_switch_is_not_looked_at() {
    // broken: R16
    let run = late_acknowledgement(&[&weak("gw", &["switches-path-on-any-count"])]);
    assert!(*path_switches(&run, "bs1").last().unwrap() > ms(850));
    assert!(delivered(&run, Direction::Downlink, 700, 850) > 0);
    assert_eq!(delivered(&run, Direction::Downlink, 920, 4_000), 0);
    assert!(delivered(&run, Direction::Uplink, 2_000, 2_300) > 0, "the mobile is at B, and its uplink passes");
}
