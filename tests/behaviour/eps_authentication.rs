//! Authentication with vectors of the HSS, and UEs that come to another MME by themselves: authenticated there, or with the context that
//! their old MME gives.

use keyhop::emulation::NodeIndex;
use keyhop::eps::node::{Arrival, Outcome, Scheme, What};
use keyhop::eps::parameters::LinkDirection;

use crate::eps_network::{Plan, Seen, To, pci};

/// What was sent and said, on standard output: shown when a test fails.
fn story(seen: &Seen) {
    for sent in &seen.transmissions {
        let verdicts: Vec<_> = sent.verdicts.iter().map(|verdict| verdict.text.as_str()).collect();
        let (time, lost) = (sent.time.as_nanos() / 1_000, if sent.lost { ", lost" } else { "" });
        println!("{time} us, to {:?}: {}{lost} {verdicts:?}", sent.to, sent.note);
    }
    for (time, node, event) in &seen.events {
        if !matches!(event.what, What::Protected { .. } | What::PacketOut { .. }) {
            println!("{} us, {node:?}: {:?}", time.as_nanos() / 1_000, event.what);
        }
    }
}

#[test]
fn a_ue_is_authenticated_at_another_mme_with_its_packets_before_and_after() {
    // T2
    let plan = Plan::arriving(Arrival::Authentication).authenticating().walk(&[2, 0, 3]);
    let seen = plan.run();
    story(&seen);
    let ends = [2, 0, 3].map(|cell| (Outcome::Completed, pci(cell)));
    assert_eq!(seen.ends(0), ends);
    assert_eq!(seen.begun(0)[0], (pci(0), pci(2), Scheme::Authentication));
    for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
        assert_eq!(seen.packets(0, direction).len(), 4, "{direction:?}");
    }
    assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]));
    assert_eq!(seen.used_twice(), 0);
    let said = |wanted: &What, at: NodeIndex| seen.of(0).filter(|(node, what)| *node == at && *what == wanted).count();
    assert_eq!(said(&What::Authenticated, NodeIndex(0)), 3);
    assert_eq!(seen.sent("AuthenticationInformationRequest"), 3);
}

#[test]
fn the_old_mme_gives_the_context_of_a_ue_that_comes_with_its_temporary_identity() {
    // T2 T9
    let plan = Plan::arriving(Arrival::ContextRequest).walk(&[2, 0, 3]);
    let mme = plan.node(To::Mme(1));
    let seen = plan.run();
    story(&seen);
    let ends = [2, 0, 3].map(|cell| (Outcome::Completed, pci(cell)));
    assert_eq!(seen.ends(0), ends);
    for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
        assert_eq!(seen.packets(0, direction).len(), 4, "{direction:?}");
    }
    assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]));
    assert_eq!(seen.used_twice(), 0);
    assert!(seen.of(0).any(|(node, what)| node == mme && matches!(what, What::OldNodeFound(_))));
}
