//! The text of scripts: networks of some base stations and mobiles, for benchmarks.

use std::fmt::Write;

use keyhop::scenario::script::Script;

/// Handovers of the mobile of [`ping_pong`].
pub const PING_PONG: usize = 50;

/// A mobile goes to and fro between two base stations.
pub fn ping_pong() -> Script {
    let mut text = header("ping-pong", "One MS goes to and fro between two BSs", "20.5s", 2);
    mobile_station(&mut text, 0, "bs1");
    traffic(&mut text, 0, "10ms", "100ms");
    for handover in 0..PING_PONG {
        let target = if handover % 2 == 0 { "bs2" } else { "bs1" };
        step(&mut text, 100 + 400 * handover, 0, target);
    }
    parsed(&text)
}

/// The head of a script, and its base stations `bs1` and so on.
pub fn header(name: &str, shows: &str, duration: &str, base_stations: usize) -> String {
    let mut text = format!("name = \"{name}\"\nshows = \"{shows}\"\nduration = \"{duration}\"\n");
    for number in 1..=base_stations {
        add(
            &mut text,
            format_args!(
                "[[base_station]]\nname = \"bs{number}\"\nbsid = \"0a:00:00:00:00:{number:02x}\"\nip = \"10.16.0.{number}\"\n"
            ),
        );
    }
    text
}

/// Mobile number `mobile`.
pub fn mobile_station(text: &mut String, mobile: usize, serving: &str) {
    let [high, low] = [mobile / 250, 1 + mobile % 250];
    add(
        text,
        format_args!(
            "[[mobile_station]]\nname = \"ms{mobile}\"\nmac = \"02:00:00:00:{high:02x}:{low:02x}\"\n\
             ip = \"198.18.{high}.{low}\"\nserving = \"{serving}\"\n"
        ),
    );
}

/// Its user traffic.
pub fn traffic(text: &mut String, mobile: usize, start: &str, interval: &str) {
    add(
        text,
        format_args!(
            "[[traffic]]\nmobile_station = \"ms{mobile}\"\nkind = \"udp\"\nstart = \"{start}\"\ninterval = \"{interval}\"\n"
        ),
    );
}

/// A handover of it.
pub fn step(text: &mut String, at_ms: usize, mobile: usize, target: &str) {
    add(
        text,
        format_args!(
            "[[step]]\nat = \"{at_ms}ms\"\nmobile_station = \"ms{mobile}\"\naction = \"handover\"\ntarget = \"{target}\"\n"
        ),
    );
}

fn add(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("a String takes everything");
}

/// The script of a text.
pub fn parsed(text: &str) -> Script {
    Script::parse("bench.toml", text, &[]).unwrap_or_else(|error| panic!("{error}"))
}
