//! What a context goes back to, from MME to MME (seed 001, acceptance list 2.2, point 6).

use keyhop::emulation::NodeIndex;
use keyhop::eps::keys::Kasme;
use keyhop::eps::node::{Arrival, Command, ContextTransfer, Outcome, Scheme, What};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, Origin};

use crate::eps_network::{Plan, Seen, To, pci};

const UE: NodeIndex = NodeIndex(0);
const ARRIVALS: [Arrival; 2] = [Arrival::Handover, Arrival::ContextRequest];

/// A UE in UTRAN goes to a cell of the first MME, then to one of the second, which has UEs with contexts of GSM authenticated.
fn plan(origin: Origin, arrival: Arrival, carries_origin: bool) -> Plan {
    let transfer = ContextTransfer { upe: true, arrival, carries_origin, ..ContextTransfer::default() };
    let plan = Plan {
        mmes: 2,
        upes: 1,
        utran_cells: 1,
        sgsns: 1,
        transfer,
        begins_in_utran: Some(origin),
        renewing_mme: Some(1),
        ends: 2_500,
        ..Plan::always(Scheme::NextHopS1)
    };
    plan.authenticating().command(200, To::Ue(0), Command::Measure(pci(0))).command(
        600,
        To::Ue(0),
        Command::Measure(pci(2)),
    )
}

fn origins(seen: &Seen, wanted: NodeIndex) -> Vec<Origin> {
    let origin = |(node, what): (NodeIndex, &What)| match what {
        What::ContextInUse(origin) if node == wanted => Some(*origin),
        _ => None,
    };
    seen.of(0).filter_map(origin).collect()
}

/// KASMEs that the UE had in use, each once.
fn kasmes(seen: &Seen) -> Vec<Kasme> {
    let kasme = |(node, what): (NodeIndex, &What)| match what {
        What::NasInUse { kasme, .. } if node == UE => Some(kasme.clone()),
        _ => None,
    };
    let mut all: Vec<Kasme> = seen.of(0).filter_map(kasme).collect();
    all.dedup();
    all
}

fn authentications(seen: &Seen) -> usize {
    seen.of(0).filter(|(node, what)| *node == UE && **what == What::Authenticated).count()
}

#[test]
fn a_mark_that_goes_along_has_the_second_mme_authenticate() {
    // T6
    for arrival in ARRIVALS {
        let plan = plan(Origin::Gsm, arrival, true);
        let [first, second] = [plan.node(To::Mme(0)), plan.node(To::Mme(1))];
        let seen = plan.run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 2], "{arrival:?}");
        assert_eq!(
            (origins(&seen, first), origins(&seen, second)),
            (vec![Origin::Gsm], vec![Origin::Gsm, Origin::Lte])
        );
        assert_eq!(origins(&seen, UE).last(), Some(&Origin::Lte), "{arrival:?}");
        assert_eq!((authentications(&seen), kasmes(&seen).len()), (1, 2), "{arrival:?}");
        assert_eq!((seen.dropped(), seen.used_twice()), (vec![], 0), "{arrival:?}");
    }
}

#[test]
fn without_the_mark_the_second_mme_takes_a_context_of_gsm_for_its_own() {
    // broken: T6
    for arrival in ARRIVALS {
        let plan = plan(Origin::Gsm, arrival, false);
        let second = plan.node(To::Mme(1));
        let seen = plan.run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed; 2], "{arrival:?}");
        assert_eq!((origins(&seen, second), origins(&seen, UE).last()), (vec![Origin::Lte], Some(&Origin::Gsm)));
        assert_eq!((authentications(&seen), kasmes(&seen).len()), (0, 1), "{arrival:?}");
    }
}

#[test]
fn a_strong_context_is_not_authenticated_again() {
    // T6
    for arrival in ARRIVALS {
        let plan = plan(Origin::Umts, arrival, true);
        let second = plan.node(To::Mme(1));
        let seen = plan.run();
        assert_eq!((authentications(&seen), origins(&seen, second)), (0, vec![Origin::Umts]), "{arrival:?}");
    }
}

#[test]
fn an_mme_whose_algorithms_change_first_authenticates_when_they_have() {
    // T6
    let null = Algorithms { ciphering: AlgorithmId::Null, ..Algorithms::AES };
    for arrival in ARRIVALS {
        let nas_algorithms = vec![vec![Algorithms::AES, null], vec![null, Algorithms::AES]];
        let seen = Plan { nas_algorithms, ..plan(Origin::Gsm, arrival, true) }.run();
        assert_eq!((authentications(&seen), origins(&seen, UE).last()), (1, Some(&Origin::Lte)), "{arrival:?}");
        assert_eq!(seen.nas_algorithms(UE).last(), Some(&null), "{arrival:?}");
        assert_eq!(seen.dropped(), [], "{arrival:?}");
    }
}
