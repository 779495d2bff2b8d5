//! From a number to a script: a network, impairments, a disturbed phase of steps and attacks, and then, with pauses long
//! enough for everything to come to rest, two last handovers of every mobile to two different base stations. One of the
//! two is not the serving one, so it must be possible.
//!
//! A new kind of step, setting or adversary is a line in one of the tables [`STEPS`], [`RADIO`], [`BASE_STATION`] and
//! [`RECORDED`], or a function beside them.

use keyhop::emulation::random::{generator, up_to};
use rand_chacha::ChaCha20Rng;

use crate::bounds::settle;
use crate::support::script;

/// Draws everything that a case is made of.
struct Draw(ChaCha20Rng);

impl Draw {
    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + up_to(&mut self.0, most - least)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.between(0, 99) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.between(0, of.len() as u64 - 1) as usize]
    }

    /// One of the second parts, each as often as its first part says.
    fn weighted<T: Copy>(&mut self, of: &[(u64, T)]) -> T {
        let mut left = self.between(0, of.iter().map(|(weight, _)| weight).sum::<u64>() - 1);
        for (weight, what) in of {
            if left < *weight {
                return *what;
            }
            left -= weight;
        }
        unreachable!("the weights add up")
    }
}

/// What the drawing of one part may depend on.
struct Network {
    stations: u64,
    mobiles: u64,
    /// End of the disturbed phase.
    disturbed_until: u64,
    /// M of every mobile at the start.
    counts: Vec<u64>,
}

impl Network {
    fn station(&self, draw: &mut Draw) -> String {
        format!("bs{}", draw.between(1, self.stations))
    }

    fn mobile(&self, draw: &mut Draw) -> u64 {
        draw.between(1, self.mobiles)
    }

    /// A link of some kind, and the end that receives.
    fn way(&self, draw: &mut Draw, way: Way) -> (String, String) {
        let (mobile, station) = (format!("ms{}", self.mobile(draw)), self.station(draw));
        match way {
            Way::Up => (format!("air:{mobile}-{station}"), station),
            Way::Down => (format!("air:{mobile}-{station}"), mobile),
            Way::ToGateway => (format!("r6:{station}-gw"), "gw".to_owned()),
            Way::FromGateway => (format!("r6:{station}-gw"), station),
            Way::Across => {
                let first = draw.between(1, self.stations);
                let second = 1 + (first + draw.between(0, self.stations - 2)) % self.stations;
                (format!("r4:bs{}-bs{}", first.min(second), first.max(second)), format!("bs{second}"))
            }
        }
    }

    /// Any direction of any link.
    fn direction(&self, draw: &mut Draw) -> (String, String) {
        let ways = [Way::Up, Way::Down, Way::ToGateway, Way::FromGateway, Way::Across];
        let way = ways[draw.between(0, 4) as usize];
        self.way(draw, way)
    }
}

/// Settings of the radio: how often in a hundred scripts each is there, and its values.
const RADIO: &[(u64, &str, &[&str])] = &[
    (30, "association", &["\"none\""]),
    (30, "max_pdu", &["64", "100", "300"]),
    (10, "frame", &["\"2ms\"", "\"10ms\"", "\"20ms\""]),
    (10, "rng_delay", &["\"1ms\"", "\"15ms\"", "\"120ms\""]),
    (10, "ranging_deadline", &["\"150ms\"", "\"300ms\"", "\"500ms\""]),
    (10, "ranging_retry", &["\"20ms\"", "\"90ms\""]),
    (10, "action_time", &["1", "2", "9"]),
    (10, "resource_retain", &["\"100ms\"", "\"500ms\"", "\"5s\""]),
    (10, "dl_sync", &["\"1ms\"", "\"30ms\""]),
    (10, "tek_processing", &["\"0s\"", "\"40ms\""]),
    (5, "crc", &["\"ofdma\""]),
    (20, "packing", &["true"]),
    (10, "allocation", &["2047", "4000", "20000"]),
    (5, "key_request_retry", &["\"50ms\"", "\"1s\""]),
    (5, "tek_linger", &["\"0s\"", "\"20ms\""]),
    (60, "handover_retry", &["\"40ms\"", "\"100ms\"", "\"200ms\""]),
];

/// Settings of a base station, in the same way.
const BASE_STATION: &[(u64, &str, &[&str])] = &[
    (15, "pn_window", &["0", "1", "8", "1024"]),
    (15, "self_sync_budget", &["0", "1", "3"]),
    (15, "retained_contexts", &["0", "1", "2"]),
    (5, "last_pn", &["300", "2000"]),
];

/// Settings of a mobile, in the same way.
const MOBILE_STATION: &[(u64, &str, &[&str])] = &[
    (20, "seamless", &["false"]),
    (15, "pn_window", &["0", "1", "8", "1024"]),
    (5, "last_pn", &["300", "2000"]),
    (3, "cmac_pn", &["4294901750", "4294901800"]),
];

/// Six in ten networks are seamless.
const MODES: &[&str] = &[
    "seamless",
    "seamless",
    "seamless",
    "seamless",
    "seamless",
    "seamless",
    "legacy-full",
    "legacy-sa-tek",
    "legacy-rng-rsp",
    "legacy-reuse",
];

/// Those that profile `std2009` does not have.
const CONTRIBUTION: &[(u64, &str, &[&str])] = &[(25, "self_sync_window", &["0", "1", "2", "9"])];

/// The keys of a step, but for its time.
type DrawnStep = fn(&mut Draw, &Network) -> String;

/// Kinds of steps: how often each is drawn, and how.
const STEPS: &[(u64, DrawnStep)] = &[
    (60, handover),
    (30, cancel),
    (5, restart_of_a_base_station),
    (3, restart_of_the_authenticator),
    (2, authenticator_from_a_backup),
    (5, |draw, network| format!("action = \"lose_contexts\"\nmobile_station = \"ms{}\"\n", network.mobile(draw))),
    (4, lose_counter),
    (6, |draw, network| format!("action = \"reauthenticate\"\nmobile_station = \"ms{}\"\n", network.mobile(draw))),
];

/// What is recorded and played again: frame and direction.
const RECORDED: &[(u64, (&str, &str))] = &[
    (3, ("data", "uplink")),
    (3, ("data", "downlink")),
    (3, ("RNG-REQ", "uplink")),
    (2, ("MOB_HO-IND", "uplink")),
    (2, ("MOB_MSHO-REQ", "uplink")),
    (2, ("RNG-RSP", "downlink")),
    (1, ("MOB_BSHO-RSP", "downlink")),
    (1, ("MOB_NBR-ADV", "downlink")),
    (1, ("PKM-REQ", "uplink")),
    (1, ("PKM-RSP", "downlink")),
];

/// Which way a frame goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// From a mobile to a BS.
    Up,
    /// From a BS to a mobile.
    Down,
    /// From a BS to the gateway.
    ToGateway,
    /// From the gateway to a BS.
    FromGateway,
    /// From a BS to another.
    Across,
}

/// What faults befall.
const FAULTS: &[(u64, (&str, Way))] = &[
    (3, ("MOB_MSHO-REQ", Way::Up)),
    (3, ("MOB_BSHO-RSP", Way::Down)),
    (4, ("MOB_HO-IND", Way::Up)),
    (4, ("RNG-REQ", Way::Up)),
    (4, ("RNG-RSP", Way::Down)),
    (1, ("CDMA", Way::Up)),
    (1, ("MOB_NBR-ADV", Way::Down)),
    (2, ("data", Way::Up)),
    (2, ("data", Way::Down)),
    (2, ("Context_Req", Way::ToGateway)),
    (2, ("Context_Rpt", Way::FromGateway)),
    (1, ("Path_Prereg_Req", Way::ToGateway)),
    (1, ("Path_Prereg_Rsp", Way::FromGateway)),
    (2, ("Path_Reg_Req", Way::ToGateway)),
    (2, ("Path_Reg_Rsp", Way::FromGateway)),
    (2, ("Path_Dereg_Req", Way::ToGateway)),
    (1, ("Path_Dereg_Rsp", Way::FromGateway)),
    (3, ("CMAC_Key_Count_Update", Way::ToGateway)),
    (3, ("CMAC_Key_Count_Update_ACK", Way::FromGateway)),
    (3, ("CMAC_Key_Count_Update", Way::FromGateway)),
    (2, ("CMAC_Key_Count_Update_ACK", Way::ToGateway)),
    (2, ("HO_Req", Way::Across)),
    (2, ("HO_Rsp", Way::Across)),
    (3, ("HO_Cnf", Way::Across)),
    (1, ("HO_Ack", Way::Across)),
    (3, ("HO_Complete", Way::Across)),
    (2, ("PKM-REQ", Way::Up)),
    (2, ("PKM-RSP", Way::Down)),
    (1, ("AR_EAP_Transfer", Way::FromGateway)),
    (1, ("Key_Change_Cnf", Way::ToGateway)),
    (1, ("Key_Change_Ack", Way::FromGateway)),
    (1, ("any", Way::ToGateway)),
    (1, ("any", Way::FromGateway)),
    (1, ("any", Way::Across)),
    (1, ("any", Way::Up)),
    (1, ("any", Way::Down)),
];

fn handover(draw: &mut Draw, network: &Network) -> String {
    let target = network.station(draw);
    let mut candidates = vec![target.clone()];
    for _ in 0..draw.between(0, 2) {
        let other = network.station(draw);
        if !candidates.contains(&other) {
            candidates.push(other);
        }
    }
    if draw.chance(50) {
        candidates.reverse();
    }
    handover_to(network.mobile(draw), &target, &candidates)
}

fn handover_to(mobile: u64, target: &str, candidates: &[String]) -> String {
    format!(
        "action = \"handover\"\nmobile_station = \"ms{mobile}\"\ntarget = \"{target}\"\ncandidates = {candidates:?}\n"
    )
}

fn cancel(draw: &mut Draw, network: &Network) -> String {
    format!("action = \"cancel\"\nmobile_station = \"ms{}\"\n", network.mobile(draw))
}

fn restart_of_a_base_station(draw: &mut Draw, network: &Network) -> String {
    format!("action = \"restart\"\nnode = \"{}\"\n", network.station(draw))
}

fn restart_of_the_authenticator(_: &mut Draw, _: &Network) -> String {
    "action = \"restart\"\nnode = \"gw\"\n".to_owned()
}

fn authenticator_from_a_backup(draw: &mut Draw, network: &Network) -> String {
    let mobile = network.mobile(draw);
    let count = network.counts[mobile as usize - 1];
    let backup = draw.between(count.saturating_sub(2).max(1), (count + 3).min(65535));
    let restart = restart_of_the_authenticator(draw, network);
    format!("{restart}mobile_station = \"ms{mobile}\"\nnetwork_key_count = {backup}\n")
}

/// A mobile that has lost M and begins at 0 again uses its counts a second time, and with them its nonces. That is no
/// fault of the network, which must turn it away; so only a mobile loses M that does not come to its old counts again.
fn lose_counter(draw: &mut Draw, network: &Network) -> String {
    let mobile = network.mobile(draw);
    if network.counts[mobile as usize - 1] < 100 {
        return cancel(draw, network);
    }
    format!("action = \"lose_counter\"\nmobile_station = \"ms{mobile}\"\n")
}

/// The script of case number `seed`: every fourth from power-on if nothing in it contradicts that, every eighth with a base
/// station that does not support seamless handover.
pub fn script_text(seed: u64) -> String {
    let mut text = drawn(seed);
    if seed % 8 == 5 {
        text = text.replacen("name = \"bs2\"\n", "name = \"bs2\"\nseamless = false\n", 1);
    }
    let counts = ["cmac_key_count", "network_key_count", "cmac_pn"];
    let established = text.lines().any(|line| counts.iter().any(|key| line.starts_with(key)));
    // The disturbed phase begins with the entry.
    if seed % 4 == 1 && !established { format!("entry = \"full\"\nentry_time = \"1ms\"\n{text}") } else { text }
}

/// What is drawn for case number `seed`.
fn drawn(seed: u64) -> String {
    let mut draw = Draw(generator(seed, "random script"));
    let stations = draw.between(2, 4);
    let mobiles = draw.weighted(&[(4, 1), (1, 2)]);
    let mut text = format!("name = \"case\"\nshows = \"random case {seed}\"\nseed = {seed}\n");
    let standard = draw.chance(25);
    if standard {
        text.push_str("profile = \"std2009\"\n");
    }
    // Drawn apart, so that the rest of a case is the same in every mode.
    let mode = Draw(generator(seed, "mode of a random script")).pick(MODES);
    text.push_str(&format!("mode = {mode:?}\n"));
    let head = text;
    let mut text = impairments(&mut draw);
    for number in 1..=stations {
        text.push_str(&format!(
            "[[base_station]]\nname = \"bs{number}\"\nbsid = \"0a000000000{number}\"\nip = \"10.16.0.{number}\"\n"
        ));
        settings(&mut draw, BASE_STATION, &mut text);
        if !standard {
            settings(&mut draw, CONTRIBUTION, &mut text);
        }
    }
    let mut counts = Vec::new();
    for number in 1..=mobiles {
        let (count, lines) = mobile(&mut draw, stations);
        counts.push(count);
        text.push_str(&format!(
            "[[mobile_station]]\nname = \"ms{number}\"\nmac = \"02000000000{number}\"\nip = \"192.0.2.1{number}\"\n{lines}"
        ));
    }
    let network = Network { stations, mobiles, disturbed_until: draw.between(300, 2500), counts };
    disturbed_phase(&mut draw, &network, &mut text);
    links(&mut draw, &network, &mut text);
    faults(&mut draw, &network, &mut text);
    attacks(&mut draw, &network, &mut text);
    let ending = ending(&mut draw, &network, &format!("{head}duration = \"100s\"\n{text}"));
    flows(&mut draw, &network, &mut text);
    traffic(&mut draw, &network, &ending, &mut text);
    if draw.chance(15) {
        // So short that TEKs expire in the run, and so long that the PMK does not.
        text.push_str(&format!("[authenticator]\npmk_lifetime = \"{}s\"\n", ending.duration / 1000 + 30));
    }
    if seed.is_multiple_of(16) {
        text.push_str("[[expect]]\ntek_on_link = false\n");
    }
    format!("{head}duration = \"{}ms\"\n{text}{}", ending.duration, ending.steps)
}

fn settings(draw: &mut Draw, of: &[(u64, &str, &[&str])], text: &mut String) {
    for (percent, key, values) in of {
        if draw.chance(*percent) {
            text.push_str(&format!("{key} = {}\n", draw.pick(values)));
        }
    }
}

/// `[radio]` and `[backbone]`. Four scripts in ten lose and change nothing, so that more can be asked of them.
fn impairments(draw: &mut Draw) -> String {
    let mut text = "[radio]\nneighbour_advertisement = \"100ms\"\n".to_owned();
    settings(draw, RADIO, &mut text);
    let clean = draw.chance(40);
    if clean {
        text.push_str(&format!("lost_downlink = \"{}\"\n", draw.pick(&["350ms", "600ms", "1s"])));
    } else {
        text.push_str(&format!("lost_downlink = \"1s\"\nloss = {}\n", draw.pick(&["0", "0.02", "0.05", "0.1", "0.2"])));
        text.push_str(&format!("bit_errors = {}\n", draw.pick(&["0", "0", "0.01", "0.05"])));
    }
    if draw.chance(30) {
        text.push_str(&format!("duplication = {}\n", draw.pick(&["0.05", "0.3"])));
    }
    if !clean && draw.chance(20) {
        text.push_str(&format!("reordering = {}\n", draw.pick(&["0.02", "0.2"])));
    }
    let latency = draw.weighted(&[(2, 300), (2, 1000), (4, 2000), (2, 5000), (2, 15_000), (2, 40_000)]);
    text.push_str(&format!("[backbone]\nlatency = \"{latency}us\"\n"));
    if draw.chance(40) {
        text.push_str(&format!("jitter = \"{}us\"\n", draw.between(1, latency * 2)));
    }
    if draw.chance(20) {
        text.push_str(&format!("duplication = {}\n", draw.pick(&["0.05", "0.3"])));
    }
    if !clean {
        text.push_str(&format!("loss = {}\n", draw.pick(&["0", "0.02", "0.1", "0.2"])));
        if draw.chance(20) {
            text.push_str(&format!("reordering = {}\n", draw.pick(&["0.02", "0.2"])));
        }
    }
    text
}

/// The settings of a mobile, and its M.
fn mobile(draw: &mut Draw, stations: u64) -> (u64, String) {
    let mut text = format!("serving = \"bs{}\"\n", draw.between(1, stations));
    settings(draw, MOBILE_STATION, &mut text);
    let (mut count, mut next) = (1, 2);
    match draw.weighted(&[(12, "usual"), (2, "any"), (3, "stale"), (2, "ahead"), (1, "end")]) {
        "any" => {
            count = draw.between(1, 60_000);
            next = count + 1;
        }
        "stale" => {
            count = draw.between(1, 9);
            next = draw.between(count.saturating_sub(4).max(1), count);
        }
        "ahead" => {
            count = draw.between(1, 9);
            next = count + 1 + draw.between(1, 3);
        }
        "end" => {
            count = draw.between(65_528, 65_535);
            next = (count + 1).min(65_535);
        }
        _ => {}
    }
    if count != 1 {
        text.push_str(&format!("cmac_key_count = {count}\n"));
    }
    if next != count + 1 {
        text.push_str(&format!("network_key_count = {next}\n"));
    }
    (count, text)
}

fn step(at: u64, what: &str) -> String {
    format!("[[step]]\nat = \"{at}ms\"\n{what}")
}

/// Steps at any time, many of them in the middle of what an earlier one began.
fn disturbed_phase(draw: &mut Draw, network: &Network, text: &mut String) {
    let mut at = draw.between(0, 200);
    for _ in 0..draw.between(1, 7) {
        if at > network.disturbed_until {
            break;
        }
        let what = draw.weighted(STEPS)(draw, network);
        text.push_str(&step(at, &what));
        at += draw.weighted(&[(3, 20), (3, 120), (3, 400), (1, 1500)]) * draw.between(1, 10) / 10;
    }
}

/// One or two directions of links that are worse than the others.
fn links(draw: &mut Draw, network: &Network, text: &mut String) {
    if !draw.chance(15) {
        return;
    }
    let mut named = Vec::new();
    for _ in 0..draw.between(1, 2) {
        let (link, to) = network.direction(draw);
        if named.contains(&(link.clone(), to.clone())) {
            continue;
        }
        text.push_str(&format!("[[link]]\nlink = \"{link}\"\nto = \"{to}\"\n"));
        let wired = !link.starts_with("air:");
        match draw.between(0, if wired { 3 } else { 2 }) {
            0 => text.push_str(&format!("loss = {}\n", draw.pick(&["0.1", "0.3", "0.5"]))),
            1 => text.push_str(&format!("duplication = {}\n", draw.pick(&["0.1", "1.0"]))),
            2 => text.push_str(&format!("reordering = 0.1\nheld_back = \"{}ms\"\n", draw.between(1, 60))),
            _ => text.push_str(&format!("latency = \"{}us\"\n", draw.between(10, 30_000))),
        }
        named.push((link, to));
    }
}

/// What befalls chosen frames.
fn faults(draw: &mut Draw, network: &Network, text: &mut String) {
    if draw.chance(60) {
        return;
    }
    for _ in 0..draw.between(1, 4) {
        let (frame, kind) = draw.weighted(FAULTS);
        let (link, to) = network.way(draw, kind);
        let (nth, count) = (draw.weighted(&[(4, 1), (2, 2), (1, 3)]), draw.weighted(&[(4, 1), (2, 2), (1, 6)]));
        let after = draw.between(0, network.disturbed_until);
        // On the backbone nothing protects a packet, so that a changed one is another one.
        let effect = match draw.between(0, if matches!(kind, Way::Up | Way::Down) { 5 } else { 4 }) {
            0 => format!("delay = \"{}ms\"", draw.between(1, 300)),
            1 => format!("duplicate = \"{}ms\"", draw.between(1, 300)),
            5 => format!("flip_bit = {}", draw.between(0, 3_000)),
            _ => "lose = true".to_owned(),
        };
        text.push_str(&format!(
            "[[fault]]\nlink = \"{link}\"\nto = \"{to}\"\nframe = \"{frame}\"\nnth = {nth}\ncount = {count}\n\
             after = \"{after}ms\"\n{effect}\n"
        ));
    }
}

/// Recordings, each played once or more on its own link or on that of another base station or mobile.
fn attacks(draw: &mut Draw, network: &Network, text: &mut String) {
    if draw.chance(50) {
        return;
    }
    for number in 1..=draw.between(1, 3) {
        let (frame, direction) = draw.weighted(RECORDED);
        let tap = format!("air:ms{}-{}", network.mobile(draw), network.station(draw));
        let (nth, count) = (draw.between(1, 3), draw.between(1, 8));
        let after = draw.between(0, network.disturbed_until);
        text.push_str(&format!(
            "[[attack]]\nname = \"record-{number}\"\ntap = \"{tap}\"\ndirection = \"{direction}\"\n\
             trigger = {{ frame = \"{frame}\", nth = {nth}, count = {count}, after = \"{after}ms\" }}\n\
             action = {{ record = \"tape-{number}\" }}\n"
        ));
        for again in 1..=draw.between(1, 3) {
            let elsewhere = format!("air:ms{}-{}", network.mobile(draw), network.station(draw));
            let tap = if draw.chance(75) { &tap } else { &elsewhere };
            let trigger = if draw.chance(50) {
                format!("{{ time = \"{}ms\" }}", after + draw.between(1, 1500))
            } else {
                let (seen, way) = draw.weighted(RECORDED);
                let nth = draw.between(1, 4);
                if way != direction {
                    // Such a frame never passes there.
                    continue;
                }
                format!("{{ frame = \"{seen}\", nth = {nth}, after = \"{after}ms\" }}")
            };
            text.push_str(&format!(
                "[[attack]]\nname = \"replay-{number}-{again}\"\ntap = \"{tap}\"\ndirection = \"{direction}\"\n\
                 trigger = {trigger}\naction = {{ replay = \"tape-{number}\" }}\n"
            ));
        }
    }
}

/// When the last things happen, in milliseconds.
struct Ending {
    handovers: [u64; 2],
    /// From when everything is at rest for the last time.
    rest: u64,
    duration: u64,
    steps: String,
}

/// The two last handovers of every mobile, with a pause before each and after the second.
fn ending(draw: &mut Draw, network: &Network, text: &str) -> Ending {
    let so_far = script(text, &[]);
    let pause = settle(&so_far).as_millis() as u64 + 20;
    let disturbed = so_far.steps.last().map_or(0, |step| step.at.as_nanos() / 1_000_000);
    let handovers = [disturbed + pause, disturbed + 2 * pause];
    let first = draw.between(1, network.stations);
    let second = 1 + (first + draw.between(0, network.stations - 2)) % network.stations;
    let mut steps = String::new();
    for (at, target) in handovers.into_iter().zip([first, second]) {
        for mobile in 1..=network.mobiles {
            let target = format!("bs{target}");
            // Two mobiles that hand over at the same instant share the base stations, and nothing else.
            steps.push_str(&step(at, &handover_to(mobile, &target, std::slice::from_ref(&target))));
        }
    }
    let rest = disturbed + 3 * pause;
    Ending { handovers, rest, duration: rest + 1000, steps }
}

/// Service flows of their own for some of the packets.
fn flows(draw: &mut Draw, network: &Network, text: &mut String) {
    for mobile in 1..=network.mobiles {
        for _ in 0..draw.weighted(&[(8, 0), (1, 1), (1, 3)]) {
            let direction = draw.pick(&["uplink", "downlink", "both"]);
            let packets = match draw.between(0, 2) {
                0 => "protocol = \"icmp\"".to_owned(),
                1 => "protocol = \"udp\"".to_owned(),
                _ => format!("udp_port = {}", 50_000 + draw.between(0, 8)),
            };
            text.push_str(&format!(
                "[[flow]]\nmobile_station = \"ms{mobile}\"\ndirection = \"{direction}\"\nsa = {}\n{packets}\n",
                draw.between(1, 3)
            ));
        }
    }
}

/// UDP both ways for every mobile, except in the pauses, and now and then a second stream of another kind.
fn traffic(draw: &mut Draw, network: &Network, ending: &Ending, text: &mut String) {
    let around = |at: u64| (at - 100, at + 600);
    let [first, second] = ending.handovers.map(around);
    let windows = [(0, network.disturbed_until + 500), first, second, (ending.rest, ending.duration)];
    for mobile in 1..=network.mobiles {
        let interval = draw.weighted(&[(1, 10), (3, 20), (2, 40)]);
        let size = draw.weighted(&[(5, 60), (3, 160), (1, 400), (1, 1500)]);
        for (start, stop) in windows {
            text.push_str(&format!(
                "[[traffic]]\nmobile_station = \"ms{mobile}\"\nkind = \"udp\"\ninterval = \"{interval}ms\"\n\
                 size = {size}\nstart = \"{start}ms\"\nstop = \"{stop}ms\"\n"
            ));
        }
        if draw.chance(10) {
            let start = draw.between(0, network.disturbed_until);
            let kind = draw.pick(&["icmp-echo", "bulk"]);
            let direction = draw.pick(&["uplink", "downlink", "both"]);
            text.push_str(&format!(
                "[[traffic]]\nmobile_station = \"ms{mobile}\"\nkind = \"{kind}\"\ndirection = \"{direction}\"\n\
                 start = \"{start}ms\"\nstop = \"{}ms\"\ninterval = \"100ms\"\n",
                start + 500
            ));
        }
    }
}
