//! What a run takes of memory whose frames go to a file, by octets that its thread has allocated.

use std::path::Path;

use keyhop::emulation::Engine;
use keyhop::scenario::kept_frames::CaptureStore;
use keyhop::scenario::run::run_observed;
use keyhop::scenario::script::Script;

/// One mobile that listens: neither keys nor user packets, which are kept, come of it.
fn script(seconds: usize) -> Script {
    let text = format!(
        "name = \"listener\"\nshows = \"a test\"\nduration = \"{seconds}s\"\n[radio]\nneighbour_advertisement = \"5ms\"\n\
         [authenticator]\npmk_lifetime = \"86400s\"\n\
         [[base_station]]\nname = \"bs1\"\nbsid = \"0a0000000001\"\nip = \"10.16.0.1\"\n\
         [[mobile_station]]\nname = \"ms1\"\nmac = \"020000000001\"\nip = \"192.0.2.10\"\nserving = \"bs1\"\n"
    );
    Script::parse("test.toml", &text, &[]).unwrap()
}

/// Frames of the capture, and the most octets in memory at a time.
fn peak(seconds: usize, memory: usize) -> (u64, u64) {
    let script = script(seconds);
    let store = CaptureStore { memory, ..CaptureStore::default() };
    let mut frames = 0;
    let run = || {
        let run = run_observed(None, &script, Engine::Inline, Path::new("."), None, store, &mut ()).unwrap();
        frames = run.frames();
    };
    let peak = allocation_counter::measure(run).bytes_max;
    (frames, peak)
}

#[test]
fn a_capture_of_ten_times_as_many_frames_takes_no_more_memory() {
    let (few, little) = peak(10, 64 * 1024);
    let (many, much) = peak(100, 64 * 1024);
    assert!(few > 1_500 && many > 9 * few, "{few}, {many}");
    assert!(much < little + 16 * 1024, "{little} octets for {few} frames, {much} for {many}");
    // In memory each takes more than a hundred.
    let (_, all) = peak(100, usize::MAX);
    assert!(all > much + 100 * (many - few), "{much} octets with a file, {all} without");
}
