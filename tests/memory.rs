//! What a node remembers of handovers that were cancelled does not grow. A test binary of its own: it counts every octet that
//! is allocated.

mod support;

use std::alloc::System;

use cap::Cap;
use keyhop::dot16::node::{Event, What};
use keyhop::emulation::{Engine, NodeIndex, Observer, Transmission};
use keyhop::scenario::world;
use keyhop::time::VirtualTime;
use support::{network, script};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Looks at the memory in use at the end of every handover, and keeps nothing else.
struct Watch {
    ended: usize,
    /// Octets after a tenth of the handovers, and after all.
    in_use: Vec<usize>,
    marks: [usize; 2],
}

impl Observer<Event> for Watch {
    fn transmission(&mut self, _: Transmission) {}

    fn event(&mut self, _: VirtualTime, _: NodeIndex, event: Event) {
        if let What::HandoverEnded { .. } = event.what {
            self.ended += 1;
            if self.marks.contains(&self.ended) {
                self.in_use.push(ALLOCATOR.allocated());
            }
        }
    }

    fn finished(&self, _: VirtualTime) -> bool {
        false
    }
}

#[test]
fn ten_thousand_cancelled_handovers_leave_no_more_in_memory_than_a_thousand() {
    // A16, A17, R8
    const HANDOVERS: usize = 10_000;
    let mut steps = String::new();
    for number in 0..HANDOVERS {
        let at = 500 + number * 200;
        let target = if number % 2 == 0 { "bs2" } else { "bs3" };
        steps.push_str(&format!(
            "[[step]]\nat = \"{at}ms\"\naction = \"handover\"\ntarget = \"{target}\"\ncandidates = [\"bs2\", \"bs3\"]\n\
             [[step]]\nat = \"{}ms\"\naction = \"cancel\"\n",
            at + 80,
        ));
    }
    let text = network(3, &steps).replace("duration = \"2.5s\"", "duration = \"2001s\"");
    let world = world::build(&script(&text, &["authenticator.pmk_lifetime=86400s"]));
    let mut watch = Watch { ended: 0, in_use: Vec::new(), marks: [HANDOVERS / 10, HANDOVERS] };
    world.emulation.run(Engine::Inline, VirtualTime::from_nanos(2_001_000_000_000), &mut watch);
    assert_eq!(watch.ended, HANDOVERS);
    let [early, late] = watch.in_use[..] else { panic!("{:?}", watch.in_use) };
    // The commands still to come are freed meanwhile; sixteen octets for each handover would show.
    assert!(late < early + 32 * 1024, "{early} octets after a tenth, {late} at the end");
}
