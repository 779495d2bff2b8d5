mod support;
use keyhop::dot16::identifiers::Direction;
use std::collections::*;
use support::*;

fn rng(x: &mut u64) -> u64 {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    *x
}

#[test]
fn explore() {
    let n: u64 = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let from: u64 = std::env::var("FROM").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut ends = BTreeMap::<String, usize>::new();
    let mut sync = 0;
    let mut dead = 0;
    for seed in from..from + n {
        let mut x = seed.wrapping_mul(0x9e3779b97f4a7c15) | 1;
        for _ in 0..5 {
            rng(&mut x);
        }
        let mut text = network(3, "");
        text = text.replace("duration = \"2.5s\"", "duration = \"9s\"");
        text.push_str("[[traffic]]\nkind = \"udp\"\ndirection = \"both\"\nstart = \"100ms\"\nstop = \"9s\"\ninterval = \"20ms\"\nsize = 160\n");
        let mut at = 300u64;
        let steps = 1 + rng(&mut x) % 6;
        for _ in 0..steps {
            at += 50 + rng(&mut x) % 900;
            if at > 5500 {
                break;
            }
            if rng(&mut x) % 4 == 0 {
                text.push_str(&format!("[[step]]\nat = \"{at}ms\"\naction = \"cancel\"\n"));
            } else {
                let target = 1 + rng(&mut x) % 3;
                let other = 1 + rng(&mut x) % 3;
                let (t, o) = (format!("bs{target}"), format!("bs{other}"));
                let c: Vec<&str> = if t == o { vec![&t] } else { vec![&t, &o] };
                text.push_str(&handover(&format!("{at}ms"), &t, &c));
            }
        }
        let pick = |x: &mut u64, of: &[&str]| of[(rng(x) % of.len() as u64) as usize].to_owned();
        let sets = vec![
            format!("radio.loss={}", pick(&mut x, &["0", "0.02", "0.05", "0.1"])),
            format!("radio.duplication={}", pick(&mut x, &["0", "0.1"])),
            format!("radio.bit_errors={}", pick(&mut x, &["0", "0", "0.05"])),
            format!("backbone.loss={}", pick(&mut x, &["0", "0.02", "0.1", "0.2"])),
            format!("backbone.latency={}", pick(&mut x, &["2ms", "2ms", "1us", "15ms", "60ms"])),
            format!("backbone.jitter={}", pick(&mut x, &["0ms", "1ms", "40ms"])),
            format!("radio.association={}", pick(&mut x, &["level2", "level2", "none"])),
            format!("profile={}", pick(&mut x, &["contribution", "contribution", "std2009"])),
            format!("mobile_station.ms1.seamless={}", pick(&mut x, &["true", "true", "true", "false"])),
            format!("radio.max_pdu={}", pick(&mut x, &["2047", "100"])),
            format!("mobile_station.ms1.cmac_key_count={}", pick(&mut x, &["1", "1"])),
            format!("seed={seed}"),
        ];
        let refs: Vec<&str> = sets.iter().map(String::as_str).collect();
        let what = format!("{seed}: {sets:?}");
        let s = match std::panic::catch_unwind(|| script(&text, &refs)) {
            Ok(s) => s,
            Err(_) => {
                println!("BAD SCRIPT {what}");
                continue;
            }
        };
        let run = match std::panic::catch_unwind(|| run_script(&s)) {
            Ok(r) => r,
            Err(_) => {
                println!("PANIC {what}\n{text}");
                continue;
            }
        };
        if run.outcome.nonce_reuse > 0 {
            println!("NONCE {} {what}", run.outcome.nonce_reuse);
        }
        for t in run.outcome.traffic.values().flat_map(|t| [&t.ul, &t.dl]) {
            if t.altered + t.duplicated > 0 {
                println!("DUP/ALT {t:?} {what}");
            }
        }
        let data = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.data("air:")));
        match data {
            Err(_) => println!("KEYLOG {what}"),
            Ok(data) => {
                let mut seen = BTreeMap::<_, &[u8]>::new();
                for p in &data {
                    if let Some(old) = seen.insert((*p.tek.key.expose(), p.direction, p.pn), &p.octets) {
                        println!("NONCE-CAPTURE {} {what}", old == p.octets.as_slice());
                    }
                }
            }
        }
        for h in &run.outcome.handovers {
            *ends.entry(format!("{}/{}", h.outcome, h.mode)).or_default() += 1;
            sync += h.self_sync_steps;
            if !["completed", "cancelled", "fell-back"].contains(&h.outcome.as_str()) {
                println!("OUTCOME {} {} {what}", h.outcome, h.to);
            }
        }
        // liveness: data in the last second both ways
        for d in [Direction::Uplink, Direction::Downlink] {
            let i = usize::from(d == Direction::Downlink);
            let last =
                run.delivered.frames.iter().filter(|f| f.interface == i).map(|f| f.time.as_nanos()).max().unwrap_or(0);
            if last < 8_000_000_000 {
                dead += 1;
                println!(
                    "DEAD {d} since {last} {:?} {what}",
                    run.outcome.handovers.iter().map(|h| (&h.to, &h.outcome, &h.mode)).collect::<Vec<_>>()
                );
            }
        }
        let lossless = sets[0] == "radio.loss=0" && sets[2] == "radio.bit_errors=0" && sets[3] == "backbone.loss=0";
        if lossless {
            for (name, t) in &run.outcome.traffic {
                if t.ul.lost + t.dl.lost > 0 {
                    println!(
                        "LOST {name} {} {} {what} {:?}",
                        t.ul.lost,
                        t.dl.lost,
                        run.outcome.handovers.iter().map(|h| (&h.to, &h.outcome, &h.mode)).collect::<Vec<_>>()
                    );
                }
            }
        }
    }
    println!("{ends:?} sync {sync} dead {dead}");
}
