//! Writes the seed corpora of the targets that drive state machines, the judge and the script reader anew:
//! `cargo run --manifest-path fuzz/Cargo.toml --example machine_seeds`, from the root of the repository.
//!
//! Inputs of these targets are steps, not frames: what stands here is what a network does when all goes well, and a few ways in
//! which it does not.

use std::error::Error;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use keyhop::capture::capture_file::{FileFormat, write};
use keyhop::capture::capture_reader;
use keyhop_fuzz::network::settings;
use keyhop_fuzz::network::steps::Step;

/// Ways through a network, each with a name.
fn ways() -> Vec<(&'static str, Vec<u8>)> {
    use Step::{
        Cancel, Changed, Counts, Fate, Forged, Frames, Handover, LoseContexts, LoseCounter, Losses, Packet,
        Reauthenticate, Replay, Restart, Stream,
    };
    // The second and the third base station, and the first; both others are named.
    let (to_second, to_third, back) = (1 | 0b110 << 2, 2 | 0b110 << 2, 0);
    let go = |target: u8| vec![Handover as u8, 0, target];
    let stream = |packets: u8| vec![Stream as u8, packets - 1];
    let rest = |frames: u8| vec![Frames as u8, frames];
    let way = |parts: &[Vec<u8>]| parts.concat();
    vec![
        ("handover", way(&[stream(4), go(to_second), stream(30), rest(40)])),
        (
            "to-and-fro",
            way(&[go(to_second), stream(32), rest(30), go(back), stream(32), rest(30), go(to_third), stream(32)]),
        ),
        (
            "cancelled-early",
            way(&[go(to_second), stream(3), vec![Cancel as u8, 0], stream(8), go(to_second), stream(30)]),
        ),
        (
            "cancelled-late",
            way(&[go(to_second), stream(14), vec![Cancel as u8, 0], stream(20), go(to_second), stream(30)]),
        ),
        ("losses", way(&[go(to_second), vec![Losses as u8, 0x24], stream(12), vec![Losses as u8, 0x91], stream(30)])),
        (
            "late-and-twice",
            way(&[vec![Fate as u8, 2, 40], go(to_second), vec![Fate as u8, 1, 90], stream(30), rest(30)]),
        ),
        (
            "played-again",
            way(&[go(to_second), stream(20), vec![Replay as u8, 3, 0, Replay as u8, 9, 0x81], stream(12)]),
        ),
        ("changed", way(&[go(to_second), stream(16), vec![Changed as u8, 4, 0, 1, 30, 1], stream(16), rest(30)])),
        (
            "restarts",
            way(&[go(to_second), stream(8), vec![Restart as u8, 1], stream(20), vec![Restart as u8, 3, 1], rest(60)]),
        ),
        ("contexts-lost", way(&[go(to_second), stream(14), vec![LoseContexts as u8, 0], rest(60), stream(12)])),
        ("authenticates", way(&[vec![Reauthenticate as u8, 0], rest(80), go(to_second), stream(30)])),
        ("counter-lost", way(&[vec![LoseCounter as u8, 0], rest(200), stream(4)])),
        ("other-counts", way(&[vec![Counts as u8, 0, 7, 9, 0, 0, 0, 5], go(to_second), stream(30)])),
        ("long-packets", way(&[vec![Packet as u8, 0, 250, Packet as u8, 1, 250], go(to_second), stream(30)])),
        (
            "forged",
            way(&[
                go(to_second),
                stream(8),
                vec![Forged as u8, 0, 0, 0, 0, 9, 0, 3],
                stream(8),
                vec![Forged as u8, 1, 2],
                stream(9),
            ]),
        ),
        ("quiet", way(&[rest(255), rest(255), rest(255), rest(255)])),
    ]
}

fn put(target: &str, name: &str, octets: &[u8]) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), octets)?;
    Ok(())
}

fn machines() -> Result<(), Box<dyn Error>> {
    let ways = ways();
    for (target, chosen) in
        [("handover", &[][..]), ("mobile_station", &[]), ("base_station", &[1]), ("authenticator", &[])]
    {
        // Every way in the first network, and a handover in each of the others.
        let first = ways.iter().map(|way| (0, way));
        let others = (1..settings::count()).flat_map(|network| ways.iter().take(2).map(move |way| (network, way)));
        for (network, (name, way)) in first.chain(others) {
            let input = [&[u8::try_from(network)?], chosen, way].concat();
            put(target, &format!("{name}-in-{network}"), &input)?;
        }
    }
    Ok(())
}

fn captures() -> Result<(), Box<dyn Error>> {
    for golden in 0..5u8 {
        for first in [0, 20, 60] {
            put("judge", &format!("golden-{golden}-from-{first}"), &[1, golden, first, 100])?;
        }
        put("judge", &format!("golden-{golden}-from-pmk"), &[1, golden, 0, 100, 11, 0])?;
        put(
            "judge",
            &format!("golden-{golden}-in-disorder"),
            &[1, golden, 10, 80, 1, 3, 9, 2, 5, 70, 3, 8, 0, 12, 8, 1],
        )?;
        put("judge", &format!("golden-{golden}-as-pcap"), &[1, golden, 10, 30, 14])?;
        put("judge", &format!("golden-{golden}-cut"), &[1, golden, 10, 30, 13, 8, 3])?;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures");
    let keys = fs::read_to_string(root.join("stale-count.keys"))?;
    let keys: String = keys.lines().take(40).map(|line| format!("{line}\n")).collect();
    let reader = capture_reader::read(Cursor::new(fs::read(root.join("stale-count.pcapng"))?))?;
    let mut capture = capture_reader::read_whole(reader)?;
    capture.frames.truncate(12);
    for (name, format) in [("whole-pcapng", FileFormat::Pcapng), ("whole-pcap", FileFormat::Pcap)] {
        let mut file = Vec::new();
        write(&capture, format, &mut file)?;
        let input = [&[0], &u32::try_from(keys.len())?.to_be_bytes()[..], keys.as_bytes(), &file].concat();
        put("judge", name, &input)?;
    }
    Ok(())
}

/// Networks of EPS: walks through the cells in every scheme, quiet and with something done to their frames.
fn eps_networks() -> Result<(), Box<dyn Error>> {
    // A packet in each direction, to the second cell, packets, back, packets, and a change of NAS algorithms.
    let walk: [u8; 20] = [1, 10, 2, 1, 8, 90, 1, 150, 2, 1, 0, 90, 1, 150, 2, 1, 0x23, 50, 8, 90];
    let ways: [(&str, &[u8]); 8] = [
        ("quiet", &[]),
        ("losses", &[0x20, 1, 0x21, 0x11, 0x31, 1]),
        ("again", &[0x33, 0, 40, 0x33, 1, 0, 0x24, 0, 90, 0x15, 2, 0x33, 9, 0]),
        ("bits", &[0x36, 0, 150, 0x26, 1, 9, 0x36, 0, 200, 0x16, 0, 99]),
        ("played-again", &[0x37, 0, 0x27, 1, 0x38, 3, 0x27, 0, 0x19, 0, 0, 120]),
        ("own", &[0x3a, 9, 0x3b, 3, 1, 2, 3, 0x2f, 0x46, 1, 7]),
        ("other-messages", &[0x3c, 0, 20, 1, 0x3c, 0, 40, 0x80, 0x2d, 12, 0x3e, 0]),
        ("at-random", &[0x11, 0x27, 0, 0x36, 0, 77, 0x13, 0, 9, 0x2c, 0, 33, 4, 0x01, 0x1e, 2, 0x24, 3, 0]),
    ];
    for scheme in 0..7u8 {
        // Air alone; losses on the wires; everything; with a third cell, a second MME, a second UE.
        for (kind, more) in [(0u8, 0), (1, 0x08), (2, 0x18), (3, 0x38)] {
            for (name, done) in ways.iter().skip(usize::from((scheme + kind) % 4)).step_by(4) {
                let head = [scheme | more | kind << 6, 10];
                let input = [&head[..], &walk[..], *done].concat();
                put("eps_nodes", &format!("{name}-{scheme}-{kind}"), &input)?;
            }
        }
    }
    // To every other cell in turn, packets in each, and an authentication where there is an HSS.
    let tour: [u8; 22] = [1, 10, 2, 1, 16, 90, 1, 150, 2, 1, 8, 90, 1, 150, 2, 1, 24, 90, 1, 150, 0x43, 90];
    for network in 0..8u8 {
        for (kind, settings) in [(0u8, 0), (1, 0x05), (2, 0x0b)] {
            for (name, done) in ways.iter().skip(usize::from((network + kind) % 4)).step_by(4) {
                let head = [network | (kind & 1) << 3 | kind << 6, settings, 11];
                put("eps_transfer", &format!("{name}-{network}-{kind}"), &[&head[..], &tour[..], *done].concat())?;
            }
        }
    }
    // A UE that is off attaches over each access, is authenticated anew, and attaches again; packets between.
    let attach: [u8; 20] = [3, 90, 1, 250, 2, 1, 0x43, 90, 1, 150, 2, 1, 3, 50, 0x43, 200, 1, 250, 2, 1];
    for access in 1..4u8 {
        for kind in 0..3u8 {
            for (name, done) in ways.iter().skip(usize::from((access + kind) % 4)).step_by(4) {
                let head = [(kind & 1) << 3 | kind << 6, access << 4, 10];
                put(
                    "eps_transfer",
                    &format!("attach-{name}-{access}-{kind}"),
                    &[&head[..], &attach[..], *done].concat(),
                )?;
            }
        }
    }
    Ok(())
}

fn eps_captures() -> Result<(), Box<dyn Error>> {
    for golden in 0..5u8 {
        for first in [0, 20, 50] {
            put("eps_judge", &format!("golden-{golden}-from-{first}"), &[golden, first, 127])?;
        }
        put("eps_judge", &format!("golden-{golden}-from-kasme"), &[golden, 0, 127, 11, 0])?;
        put("eps_judge", &format!("golden-{golden}-from-kenb"), &[golden, 0, 127, 11, 1])?;
        put(
            "eps_judge",
            &format!("golden-{golden}-in-disorder"),
            &[golden, 10, 100, 1, 3, 9, 2, 5, 70, 3, 8, 0, 12, 40, 1],
        )?;
        put("eps_judge", &format!("golden-{golden}-as-pcap"), &[golden, 10, 60, 14])?;
        put("eps_judge", &format!("golden-{golden}-cut"), &[golden, 10, 60, 13, 8, 3])?;
        put("eps_judge", &format!("golden-{golden}-other-log"), &[golden, 0, 90, 9, 3, 10, 8, 90, 0x31])?;
    }
    Ok(())
}

fn scripts() -> Result<(), Box<dyn Error>> {
    let eps = keyhop::scenario::bundled::all().filter(|script| script.name.starts_with("eps-"));
    for script in keyhop::scenario::bundled::goldens().step_by(8).chain(eps.step_by(3)) {
        let text: String =
            script.text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        put("script", script.name, &[&[0], text.as_bytes()].concat())?;
    }
    for number in 0..32u8 {
        put("script", &format!("bundled-{number}"), &[1, number * 3, 3, number * 5, number, 0, number * 7])?;
    }
    Ok(())
}

fn rules() -> Result<(), Box<dyn Error>> {
    // Begin at 1, prepare 1, data, RNG-REQ, its effect, data; then the same elsewhere, and what came before once more.
    let handover = |place: u8| {
        let at = |step: u8, choice: &[u8]| [&[place << 5 | step], choice].concat();
        let steps =
            [at(0, &[]), at(3, &[]), at(5, &[]), at(8, &[0]), at(12, &[]), at(14, &[]), at(16, &[0]), at(28, &[])];
        steps.concat()
    };
    put("key_rules", "handover", &[&[0, 0x36], &handover(1)[..]].concat())?;
    put("key_rules", "two-handovers", &[&[0, 0x36], &handover(1)[..], &handover(2)].concat())?;
    put("key_rules", "std2009", &[&[0, 0x37], &handover(1)[..], &[19], &handover(2)].concat())?;
    put(
        "key_rules",
        "evicted",
        &[&[0, 0x36], &handover(1)[..], &[1 << 5 | 22, 2, 1 << 5 | 16, 0], &handover(2)].concat(),
    )?;
    for (name, how) in [("refresh-random", 0x3f), ("refresh-generated", 0xbf)] {
        let round = [0, 8, 3, 0, 4, 1, 5, 0, 6, 0, 8, 7, 0xff, 0xff];
        put("key_rules", name, &[&[1, how], &round.repeat(8)[..]].concat())?;
    }
    let sdus = [8, 16, 0, 0, 0x10, 40, 9, 0, 9, 12, 2, 2, 0x12, 2, 2, 6, 2, 7, 2, 2, 2, 2].repeat(3);
    for (name, head) in [("packed", [0, 0, 200, 1, 0]), ("fragmented", [0, 0, 100, 1, 1]), ("long", [0, 7, 255, 1, 0])]
    {
        put("reassembly", name, &[&head[..], &sdus].concat())?;
    }
    put("reassembly", "anything", &[1, 1, 0, 40, 8, 0xa0, 9, 1, 2, 3, 2, 0, 60, 8, 0, 5, 9, 9, 9, 9])?;
    put("reassembly", "numbers", &[2, 1, 2, 0x65, 3, 0xa0, 0xff, 0xff, 0xff, 0xff, 0xc1, 1, 0xe1, 0x61])?;
    for path in 0..6u8 {
        let input: Vec<u8> = std::iter::once(path).chain((1..120).map(|octet: u8| octet.wrapping_mul(37))).collect();
        put("plain_paths", &format!("path-{path}"), &input)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    machines()?;
    captures()?;
    eps_networks()?;
    eps_captures()?;
    scripts()?;
    rules()
}
