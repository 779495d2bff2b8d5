//! Caches are bounded: how much they hold, what gives way, and what that costs (R8, attacks 5 and 6 of `dot16-security.md` 9).

use crate::support::{Run, network, run_text};

/// Twelve mobiles; each exchanges data with bs2 and cancels, one after the other, and then each tries again.
fn crowd(retained: usize, weaknesses: &str) -> Run {
    let mut text = network(2, "");
    let (mut mobiles, mut steps) = (String::new(), String::new());
    for number in 1..=12 {
        if number > 1 {
            mobiles.push_str(&format!(
                "[[mobile_station]]\nname = \"ms{number}\"\nmac = \"0200000000{number:02x}\"\n\
                 ip = \"192.0.2.{}\"\nserving = \"bs1\"\n",
                50 + number
            ));
        }
        mobiles.push_str(&format!(
            "[[traffic]]\nmobile_station = \"ms{number}\"\nkind = \"udp\"\nstart = \"100ms\"\nstop = \"5s\"\n\
             interval = \"10ms\"\nsize = 100\n"
        ));
    }
    for (attempt, cancelled) in [(0, true), (1, false)] {
        for number in 0..12 {
            let at = 300 + attempt * 2400 + number * 200;
            let ms = format!("mobile_station = \"ms{}\"\n", number + 1);
            steps.push_str(&format!("[[step]]\nat = \"{at}ms\"\n{ms}action = \"handover\"\ntarget = \"bs2\"\n"));
            if cancelled {
                steps.push_str(&format!("[[step]]\nat = \"{}ms\"\n{ms}action = \"cancel\"\n", at + 80));
            }
        }
    }
    text.push_str(&mobiles);
    text.push_str(&steps);
    let text = text.replace("duration = \"2.5s\"", "duration = \"6s\"");
    let retained = format!("base_station.bs2.retained_contexts={retained}");
    let weaknesses = format!("base_station.bs2.weaknesses={weaknesses}");
    run_text(&text, &[&retained, &weaknesses])
}

fn modes(run: &Run) -> Vec<&str> {
    let retries = run.outcome.handovers.iter().skip(12);
    retries
        .map(|handover| {
            assert_eq!(handover.outcome, "completed", "{handover:?}");
            handover.mode.as_str()
        })
        .collect()
}

#[test]
fn a_full_cache_evicts_the_context_retained_first_and_its_mobile_gets_random_teks() {
    // A16, A17, R4, R8
    let roomy = crowd(12, "[]");
    assert_eq!(modes(&roomy), ["seamless"; 12]);
    let full = crowd(4, "[]");
    let modes = modes(&full);
    // The last four of the first round are retained.
    assert_eq!(modes, [["legacy-rng-rsp"; 8].as_slice(), &["seamless"; 4]].concat());
    for run in [&roomy, &full] {
        assert_eq!(run.outcome.nonce_reuse, 0);
    }
}

#[test]
fn an_evicted_context_that_is_derived_again_uses_its_nonces_again() {
    // broken: A18, R4, R8
    let run = crowd(4, "[\"forgets-highest-count\", \"ignores-issued-before\"]");
    assert_eq!(modes(&run), ["seamless"; 12]);
    assert!(run.outcome.nonce_reuse > 0);
}
