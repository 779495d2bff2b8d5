//! Handovers of EPS where packets are ciphered between UE and UPE: between MMEs (procedure A of seed 001), between UPEs (procedure B),
//! and both at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use keyhop::emulation::{Fate, NodeIndex, Transmission, random};
use keyhop::eps::keys::{AlgorithmKey, UpContext};
use keyhop::eps::node::upe::SHARE;
use keyhop::eps::node::{
    Arrival, Command, ContextTransfer, DropReason, Outcome, Relocation, Scheme, UpKeys, UpeFaults, What,
};
use keyhop::eps::parameters::LinkDirection::{self, Downlink, Uplink};
use keyhop::eps::parameters::{AlgorithmId, Algorithms};
use keyhop::eps::wire::gtpv2::AccessContextNotification;
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::s1ap::{Cause, CauseMisc, CauseRadioNetwork};
use keyhop::eps::wire::{CoreFrame, CorePayload, GtpuPacket, Gtpv2Body, Gtpv2Message, S1apMessage};
use keyhop::time::VirtualTime;
use rand_core::Rng;

use crate::eps_network::{Plan, Seen, To, at, enb_place, gateway_place, imsi, packet, pci, replacing_s1ap, upe_place};

const UE: NodeIndex = NodeIndex(0);
const RELOCATIONS: [Relocation; 4] =
    [Relocation::Nothing, Relocation::BiCasting, Relocation::Forwarding, Relocation::Both];
/// MMEs and UPEs: procedure A, procedure B, both.
const PROCEDURES: [(&str, usize, usize); 3] = [("A", 2, 1), ("B", 1, 2), ("A and B", 2, 2)];
/// Numbered packets in each direction.
const PACKETS: u64 = 100;

fn transfer(relocation: Relocation, up_keys: UpKeys) -> ContextTransfer {
    ContextTransfer { upe: true, relocation, up_keys, ..ContextTransfer::default() }
}

/// Cells 1 and 2 belong to the first MME and UPE, 3 and 4 to the last.
fn plan((_, mmes, upes): (&str, usize, usize), relocation: Relocation, up_keys: UpKeys) -> Plan {
    Plan { mmes, upes, transfer: transfer(relocation, up_keys), ..Plan::always(Scheme::NextHopS1) }
}

/// A packet in each direction every 2 ms while the UE goes to the third cell.
fn stream(mut plan: Plan) -> Plan {
    plan = plan.command(100, To::Ue(0), Command::Measure(pci(2)));
    for number in 0..PACKETS {
        plan = plan.command(50 + 2 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
        plan = plan.command(51 + 2 * number, To::Ue(0), Command::Uplink(packet(1_000 + number)));
    }
    plan
}

/// Every procedure in every setting.
fn everything() -> impl Iterator<Item = (String, (&'static str, usize, usize), Relocation, UpKeys)> {
    PROCEDURES.into_iter().flat_map(|procedure| {
        RELOCATIONS.into_iter().flat_map(move |relocation| {
            [UpKeys::Same, UpKeys::Update].map(move |up_keys| {
                (format!("{}, {relocation:?}, {up_keys:?}", procedure.0), procedure, relocation, up_keys)
            })
        })
    })
}

/// When a node first said this.
fn when(seen: &Seen, said: impl Fn(&What) -> bool) -> VirtualTime {
    seen.events.iter().find(|(_, _, event)| said(&event.what)).unwrap().0
}

/// The COUNTs that packets were ciphered with, by key, in order, with the node.
fn counts(seen: &Seen, wanted: LinkDirection) -> BTreeMap<[u8; 16], Vec<(NodeIndex, u32)>> {
    let keys = seen.up_keys_at(0, UE);
    let mut counts: BTreeMap<[u8; 16], Vec<(NodeIndex, u32)>> = BTreeMap::new();
    for (node, what) in seen.of(0) {
        match what {
            What::Protected { key, direction, count, .. } if *direction == wanted && keys.contains(key) => {
                counts.entry(*key.octets()).or_default().push((node, *count));
            }
            _ => {}
        }
    }
    counts
}

fn forgotten(seen: &Seen) -> Vec<NodeIndex> {
    seen.of(0).filter(|(_, what)| **what == What::UpKeyForgotten).map(|(node, _)| node).collect()
}

/// What was sent in GTP-U between two nodes.
fn tunnelled(seen: &Seen, from: Ipv4Addr, to: Ipv4Addr) -> Vec<GtpuPacket> {
    let packet = |sent: &Transmission| {
        let frame = CoreFrame::parse(&sent.octets).ok().filter(|frame| (frame.from.ip, frame.to.ip) == (from, to))?;
        let CorePayload::Udp(datagram) = frame.payload else { return None };
        GtpuPacket::parse(&datagram.payload).ok()
    };
    seen.transmissions.iter().filter_map(packet).collect()
}

/// Exchanges GTPv2-C messages on their way: `change` says whether it changed one.
fn replacing_gtpv2(
    mut change: impl FnMut(&mut Gtpv2Body) -> bool + Send + 'static,
) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    move |_, _, octets| {
        let Ok(mut frame) = CoreFrame::parse(octets) else { return Fate::pass() };
        let CorePayload::Udp(datagram) = &mut frame.payload else { return Fate::pass() };
        let Ok(mut message) = Gtpv2Message::parse(&datagram.payload) else { return Fate::pass() };
        if !change(&mut message.body) {
            return Fate::pass();
        }
        datagram.payload = message.octets().unwrap();
        Fate::replaced(frame.octets(1).unwrap())
    }
}

#[test]
fn each_setting_loses_what_it_must_and_delivers_nothing_twice_and_in_order() {
    // T1, T3
    for (name, procedure, relocation, up_keys) in everything() {
        let seen = stream(plan(procedure, relocation, up_keys)).run();
        assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed], 0), "{name}");
        // While the UE has no cell they wait.
        assert_eq!(seen.packets(0, Uplink).len(), 100, "{name}");
        assert!(seen.packets(0, Uplink).is_sorted(), "{name}");
        let command = when(&seen, |what| matches!(what, What::CommandSent(_)));
        let switch = when(&seen, |what| *what == What::PathSwitched);
        // From the gateway to the UPE 2 ms, from there to the eNB 4 ms; the path is switched at the UPE in A, else at the gateway.
        let to_switch = if procedure.2 == 1 { 2 } else { 0 };
        let lost = |number: &u64| {
            let sent = 50 + 2 * number;
            relocation == Relocation::Nothing && at(sent + 6) >= command && at(sent + to_switch) < switch
        };
        let expected: Vec<Vec<u8>> = (0..PACKETS).filter(|number| !lost(number)).map(packet).collect();
        assert_eq!(expected.len() < 100, relocation == Relocation::Nothing, "{name}");
        assert!(seen.packets(0, Downlink) == expected, "{name}: {}", seen.packets(0, Downlink).len());
        let duplicates = seen.dropped().iter().filter(|dropped| **dropped == (UE, DropReason::Duplicate)).count();
        let twice = matches!(relocation, Relocation::BiCasting | Relocation::Both);
        assert_eq!((duplicates > 0, seen.dropped().len()), (twice, duplicates), "{name}");
    }
}

#[test]
fn both_ends_hold_the_same_key_and_count_goes_on_whoever_ciphers() {
    // T1, T4
    for (name, procedure, relocation, up_keys) in everything() {
        let plan = stream(plan(procedure, relocation, up_keys));
        let upes: Vec<NodeIndex> = (0..procedure.2).map(|upe| plan.node(To::Upe(upe))).collect();
        let seen = plan.run();
        let keys = seen.up_keys_at(0, UE);
        assert_eq!(keys.len(), if up_keys == UpKeys::Same { 1 } else { 2 }, "{name}");
        assert_eq!(seen.up_keys_at(0, upes[0]).first(), keys.first(), "{name}");
        assert_eq!(seen.up_keys_at(0, upes[upes.len() - 1]).last(), keys.last(), "{name}");
        assert_eq!(forgotten(&seen), if procedure.2 == 2 { vec![upes[0]] } else { vec![] }, "{name}");
        // Over all keys every COUNT from 0 on is there, and under one key in order: COUNT neither begins again nor skips.
        for direction in [Uplink, Downlink] {
            let by_key = counts(&seen, direction);
            let mut all: Vec<u32> = by_key.values().flatten().map(|(_, count)| *count).collect();
            assert!(by_key.values().all(|counts| counts.is_sorted_by_key(|(_, count)| *count)), "{name}");
            all.sort_unstable();
            all.dedup();
            assert_eq!(all, (0..100).collect::<Vec<_>>(), "{name}");
        }
        // With the same key each packet is ciphered once, whatever copies there are.
        let ciphered: usize = counts(&seen, Downlink).values().map(Vec::len).sum();
        let two_keys = matches!(relocation, Relocation::BiCasting | Relocation::Both) && up_keys == UpKeys::Update;
        assert_eq!(ciphered > 100, two_keys, "{name}: {ciphered}");
    }
}

#[test]
fn a_copy_is_the_same_ciphered_pdu_and_no_enb_and_no_air_sees_a_packet() {
    // T3
    let seen = stream(plan(PROCEDURES[1], Relocation::BiCasting, UpKeys::Same)).run();
    let pdus = |from, to| {
        let pdu = |packet| match packet {
            GtpuPacket::User { pdcp_number: Some(number), packet, .. } => Some((number, packet)),
            _ => None,
        };
        tunnelled(&seen, from, to).into_iter().filter_map(pdu).collect::<Vec<_>>()
    };
    let [source, target, s_enb, t_enb] = [upe_place(0).ip, upe_place(1).ip, enb_place(0).ip, enb_place(2).ip];
    let copies = pdus(source, target);
    assert!(copies.len() > 10, "{}", copies.len());
    assert!(copies.iter().all(|copy| pdus(source, s_enb).contains(copy) && pdus(target, t_enb).contains(copy)));
    let ends: Vec<GtpuPacket> = [(gateway_place().ip, source), (source, target)]
        .into_iter()
        .filter_map(|(from, to)| tunnelled(&seen, from, to).pop())
        .collect();
    let next = Some(copies.last().unwrap().0 + 1);
    assert!(
        matches!(ends[..], [GtpuPacket::EndMarker { pdcp_number: None, .. }, GtpuPacket::EndMarker { pdcp_number, .. }] if pdcp_number == next)
    );
    for sent in &seen.transmissions {
        let plain = (0..PACKETS).any(|number| {
            [number, 1_000 + number]
                .iter()
                .any(|number| sent.octets.windows(36).any(|octets| octets == packet(*number)))
        });
        let at_the_anchor = CoreFrame::parse(&sent.octets)
            .is_ok_and(|frame| [frame.from.ip, frame.to.ip].contains(&gateway_place().ip));
        assert!(!plain || at_the_anchor, "{}", sent.note);
    }
}

#[test]
fn the_upe_that_a_ue_leaves_and_that_which_it_comes_to_share_the_counts_also_without_end_marker() {
    // T3
    for (relocation, up_keys) in RELOCATIONS.into_iter().flat_map(|all| [(all, UpKeys::Same), (all, UpKeys::Update)]) {
        let name = format!("{relocation:?}, {up_keys:?}");
        let plan = Plan { ends: 2_000, ..stream(plan(PROCEDURES[1], relocation, up_keys)) };
        let target = plan.node(To::Upe(1));
        let seen = plan.run_with(|_, _, octets| {
            let Ok(CoreFrame { payload: CorePayload::Udp(datagram), .. }) = CoreFrame::parse(octets) else {
                return Fate::pass();
            };
            match GtpuPacket::parse(&datagram.payload) {
                Ok(GtpuPacket::EndMarker { .. }) => Fate::lost(),
                _ => Fate::pass(),
            }
        });
        assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed], 0), "{name}");
        assert!(seen.packets(0, Downlink).is_sorted(), "{name}");
        assert_eq!(seen.packets(0, Downlink).len() < 100, relocation == Relocation::Nothing, "{name}");
        // What came over the new path has waited, and goes on behind the share.
        let last = counts(&seen, Downlink).into_values().flatten().filter(|(node, _)| *node == target);
        let behind: Vec<u32> = last.map(|(_, count)| count).filter(|count| *count >= SHARE).collect();
        assert!(behind.len() > 10 && behind[0] < SHARE + 100, "{name}: {behind:?}");
        assert!(behind.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{name}");
        // The one that the UE has left forgets it all the same.
        assert_eq!(forgotten(&seen).len(), 1, "{name}");
    }
}

#[test]
fn the_upe_that_a_ue_leaves_drops_what_is_beyond_its_share_rather_than_take_a_count_of_the_other() {
    // T3
    for relocation in RELOCATIONS {
        // From before the relocation begins until the path is switched, some forty packets a millisecond.
        let plan = plan(PROCEDURES[1], relocation, UpKeys::Same).command(100, To::Ue(0), Command::Measure(pci(2)));
        let plan = (0..3_000).fold(plan, |plan, number| {
            plan.command(125 + number / 40, To::Gateway, Command::Downlink(imsi(0), packet(number)))
        });
        let (source, target) = (plan.node(To::Upe(0)), plan.node(To::Upe(1)));
        let seen = plan.run();
        assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed], 0), "{relocation:?}");
        let beyond = |sent: &&Transmission| sent.verdicts.iter().any(|verdict| verdict.text.contains("share of COUNT"));
        assert!(seen.rejected().iter().filter(|sent| beyond(sent)).count() > 100, "{relocation:?}");
        let by_node = |wanted| {
            let all = counts(&seen, Downlink).into_values().flatten();
            all.filter(|(node, _)| *node == wanted).map(|(_, count)| count).collect::<Vec<_>>()
        };
        let (first, then) = (by_node(source), by_node(target));
        // Those from the beginning of the relocation on are exactly the share; the other goes on behind it.
        let begins = tunnelled_contexts(&seen)[0].counts[1];
        assert_eq!(first.last(), Some(&(begins + SHARE - 1)), "{relocation:?}");
        assert_eq!(then.first(), Some(&(begins + SHARE)), "{relocation:?}");
        let packets = seen.packets(0, Downlink);
        assert!(packets.is_sorted() && !packets.is_empty(), "{relocation:?}");
    }
}

/// What UPEs have handed one another.
fn tunnelled_contexts(seen: &Seen) -> Vec<UpContext> {
    let context = |sent: &Transmission| {
        let CorePayload::Udp(datagram) = CoreFrame::parse(&sent.octets).ok()?.payload else { return None };
        match Gtpv2Message::parse(&datagram.payload).ok()?.body {
            Gtpv2Body::ForwardAccessContextNotification(notification) => Some(notification.up),
            _ => None,
        }
    };
    seen.transmissions.iter().filter_map(context).collect()
}

#[test]
fn whatever_is_changed_in_messages_and_tunnels_no_node_stumbles() {
    // T8
    let mut refused = 0;
    for (name, procedure, relocation, up_keys) in everything() {
        for seed in 0..4 {
            let mut generator = random::generator(seed, "changes");
            let plan = stream(plan(procedure, relocation, up_keys));
            let seen = plan.run_with(move |_, _, octets| {
                let Ok(mut frame) = CoreFrame::parse(octets) else { return Fate::pass() };
                let CorePayload::Udp(datagram) = &mut frame.payload else { return Fate::pass() };
                let length = u32::try_from(datagram.payload.len()).unwrap();
                if length == 0 || !generator.next_u32().is_multiple_of(5) {
                    return Fate::pass();
                }
                let place = (generator.next_u32() % length.min(60)) as usize;
                datagram.payload[place] ^= 1 << (generator.next_u32() % 8);
                Fate::replaced(frame.octets(1).unwrap())
            });
            assert_eq!(seen.begun(0).len(), 1, "{name}");
            refused += seen.rejected().len();
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn count_that_begins_again_under_the_same_key_is_key_stream_used_twice() {
    // T4; broken: T4 the UPE begins at 0 again.
    for (procedure, relocation) in PROCEDURES.into_iter().flat_map(|all| RELOCATIONS.map(|one| (all, one))) {
        let name = format!("{}, {relocation:?}", procedure.0);
        let upe_faults = UpeFaults { restarts_count: true, ..UpeFaults::default() };
        let seen = stream(Plan { upe_faults, ..plan(procedure, relocation, UpKeys::Same) }).run();
        assert_eq!(seen.outcomes(0), [Outcome::Completed], "{name}");
        let twice = counts(&seen, Downlink).values().flatten().filter(|(_, count)| *count == 0).count();
        assert_eq!(twice, 2, "{name}");
        assert!(seen.used_twice() > 20, "{name}: {}", seen.used_twice());
        // The UE takes them for what it has had: that it does not take them twice mends nothing.
        assert!(seen.dropped().iter().filter(|(node, _)| *node == UE).count() > 20, "{name}");
    }
    // Under another key no harm is done to anybody but the UE, which goes by COUNT.
    let upe_faults = UpeFaults { restarts_count: true, ..UpeFaults::default() };
    let other = stream(Plan { upe_faults, ..plan(PROCEDURES[0], Relocation::Nothing, UpKeys::Update) }).run();
    assert_eq!(other.used_twice(), 0);
}

/// The UE is refused at the third cell and stays as it was; what was prepared is taken back, and packets go on. The second cell takes it.
fn refused(name: &str, plan: Plan, change: impl FnMut(&mut Gtpv2Body) -> bool + Send + 'static) -> Seen {
    let (target_enb, upes) = (plan.enb(2), plan.upes);
    let target_upe = plan.node(To::Upe(upes - 1));
    let seen = plan.walk(&[2, 1]).run_with(replacing_gtpv2(change));
    assert_eq!(seen.ends(0), [(Outcome::Refused, pci(0)), (Outcome::Completed, pci(1))], "{name}");
    assert_eq!((seen.packets(0, Downlink).len(), seen.packets(0, Uplink).len()), (3, 3), "{name}");
    assert_eq!((seen.used_twice(), seen.dropped()), (0, vec![]), "{name}");
    for (key, node) in [(What::KenbForgotten { cell: pci(2) }, target_enb), (What::UpKeyForgotten, target_upe)] {
        let kept = |what: &What| match what {
            What::KenbInUse { cell, .. } => *cell == pci(2),
            What::UpKeyInUse { .. } => upes > 1,
            _ => false,
        };
        let came = seen.of(0).filter(|(said, what)| *said == node && kept(what)).count();
        let went = seen.of(0).filter(|(said, what)| *said == node && **what == key).count();
        assert_eq!(came, went, "{name}: {key:?}");
    }
    let mut of_packets: Vec<u32> = counts(&seen, Uplink).into_values().flatten().map(|(_, count)| count).collect();
    of_packets.sort_unstable();
    assert_eq!(of_packets, [0, 1, 2], "{name}");
    seen
}

/// The causes of the preparation failures that the source eNB has got.
fn causes(seen: &Seen) -> Vec<Cause> {
    let cause = |sent: &Transmission| {
        let CorePayload::Sctp(packet) = CoreFrame::parse(&sent.octets).ok()?.payload else { return None };
        match S1apMessage::parse(&packet.data.user_data).ok()? {
            S1apMessage::HandoverPreparationFailure(failure) => Some(failure.cause),
            _ => None,
        }
    };
    seen.transmissions.iter().filter_map(cause).collect()
}

#[test]
fn a_target_that_cannot_take_the_ue_refuses_and_the_ue_stays_with_keys_and_counts() {
    // T8
    let nothing = |_: &mut Gtpv2Body| false;
    for (name, procedure, relocation, up_keys) in everything() {
        let plan = || plan(procedure, relocation, up_keys);
        let full = Plan { most_ues: vec![100, 100, 0, 100], ..plan() };
        refused(&format!("{name}, the eNB is full"), full, nothing);
        let snow = Algorithms { ciphering: AlgorithmId::Snow3g, integrity: AlgorithmId::Snow3g };
        let enb_algorithms = vec![vec![Algorithms::AES], vec![Algorithms::AES], vec![snow]];
        let seen = refused(&format!("{name}, AS algorithms"), Plan { enb_algorithms, ..plan() }, nothing);
        let unsupported = CauseRadioNetwork::encryption_and_or_integrity_protection_algorithms_not_supported;
        if procedure.1 == 1 {
            assert_eq!(causes(&seen), [Cause::radioNetwork(unsupported)], "{name}");
        }
        refused(&format!("{name}, the cell is unknown"), Plan { unknown_cell: Some(2), ..plan() }, nothing);
        if procedure.2 == 2 {
            let full = Plan { upe_most_ues: vec![100, 0], ..plan() };
            let full = refused(&format!("{name}, the UPE is full"), full, nothing);
            let upe_algorithms = vec![vec![AlgorithmId::Aes], vec![AlgorithmId::Null]];
            let lacks = refused(&format!("{name}, UP algorithm"), Plan { upe_algorithms, ..plan() }, nothing);
            if procedure.1 == 1 {
                let no_room = Cause::misc(CauseMisc::not_enough_user_plane_processing_resources);
                assert_eq!((causes(&full), causes(&lacks)), (vec![no_room], vec![Cause::radioNetwork(unsupported)]));
            }
        }
        if procedure.1 == 2 {
            refused(&format!("{name}, no UP context"), plan(), |body| match body {
                Gtpv2Body::ForwardRelocationRequest(request) => request.up.take().is_some(),
                _ => false,
            });
        }
        if procedure.2 == 2 && up_keys == UpKeys::Same {
            // The UPE that the UE would go to is told of another key than its MME told it: both are in doubt.
            refused(&format!("{name}, another key"), plan(), |body| match body {
                Gtpv2Body::ForwardAccessContextNotification(AccessContextNotification { up }) => {
                    up.key.key = AlgorithmKey::from_octets([1; 16]);
                    true
                }
                _ => false,
            });
        }
    }
}

#[test]
fn a_ue_that_the_target_does_not_hear_returns_and_goes_on_over_the_old_path() {
    // T8
    for (name, procedure, relocation, up_keys) in everything() {
        let plan = Plan { ends: 3_000, ..stream(plan(procedure, relocation, up_keys)) };
        let plan = (0..PACKETS).fold(plan, |plan, number| {
            let plan = plan.command(1_000 + 2 * number, To::Gateway, Command::Downlink(imsi(0), packet(200 + number)));
            plan.command(1_001 + 2 * number, To::Ue(0), Command::Uplink(packet(2_000 + number)))
        });
        let plan = plan.command(1_500, To::Ue(0), Command::Measure(pci(3)));
        let (target, upes) = (plan.enb(2), [0, 1].map(|upe| plan.node(To::Upe(upe))));
        let seen =
            plan.run_with(
                move |_, to, octets| {
                    if to == target && RadioFrame::parse(octets).is_ok() { Fate::lost() } else { Fate::pass() }
                },
            );
        // It comes back to try another cell of the same MME and UPE, and gets there.
        assert_eq!(seen.ends(0), [(Outcome::Returned, pci(0)), (Outcome::Completed, pci(3))], "{name}");
        assert_eq!(seen.used_twice(), 0, "{name}");
        let keys = seen.up_keys_at(0, UE);
        if up_keys == UpKeys::Update {
            // There and back to the first; the number of the second is never given again.
            assert!(keys.len() == 4 && keys[2] == keys[0] && keys[3] != keys[1] && keys[3] != keys[0], "{name}");
        } else {
            assert_eq!(keys.len(), 1, "{name}");
        }
        let late = |number: u64, direction| {
            let late: Vec<Vec<u8>> = (0..PACKETS).map(|place| packet(number + place)).collect();
            seen.packets(0, direction).into_iter().filter(|packet| late.contains(packet)).count()
        };
        assert_eq!((late(200, Downlink), late(2_000, Uplink)), (100, 100), "{name}");
        let expected = if procedure.2 == 2 { vec![upes[1], upes[0]] } else { vec![] };
        assert_eq!(forgotten(&seen), expected, "{name}: the target's, and later the source's");
        // COUNT of the uplink goes on, also over what nobody has heard.
        let mut all: Vec<u32> = counts(&seen, Uplink).into_values().flatten().map(|(_, count)| count).collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{name}");
    }
}

#[test]
fn where_the_mme_does_not_say_that_a_ue_has_come_its_packets_do() {
    // T1
    for (relocation, up_keys) in RELOCATIONS.into_iter().flat_map(|all| [(all, UpKeys::Same), (all, UpKeys::Update)]) {
        let name = format!("{relocation:?}, {up_keys:?}");
        let plan = stream(plan(PROCEDURES[0], relocation, up_keys)).command(1_000, To::Ue(0), Command::Measure(pci(0)));
        let plan = plan.command(1_500, To::Ue(0), Command::Uplink(packet(5_000)));
        let plan = plan.command(1_500, To::Gateway, Command::Downlink(imsi(0), packet(5_000)));
        let upe = plan.node(To::Upe(0));
        let seen = plan.run_with(move |now, to, octets| {
            let Ok(CoreFrame { payload: CorePayload::Udp(datagram), .. }) = CoreFrame::parse(octets) else {
                return Fate::pass();
            };
            match Gtpv2Message::parse(&datagram.payload).map(|message| message.body) {
                // However often it is sent.
                Ok(Gtpv2Body::ModifyBearerRequest(_)) if to == upe && now.as_nanos() < 1_000_000_000 => Fate::lost(),
                _ => Fate::pass(),
            }
        });
        assert_eq!(seen.ends(0), [(Outcome::Completed, pci(2)), (Outcome::Completed, pci(0))], "{name}");
        assert_eq!(seen.used_twice(), 0, "{name}");
        // No packet of the uplink is opened with a key that it is not under.
        let up: Vec<Vec<u8>> = (1_000..1_000 + PACKETS).chain([5_000]).map(packet).collect();
        assert!(seen.packets(0, Uplink) == up, "{name}");
        assert_eq!(seen.packets(0, Downlink).last(), Some(&packet(5_000)), "{name}");
        assert_eq!(seen.up_keys_at(0, upe).last(), seen.up_keys_at(0, UE).last(), "{name}");
    }
}

#[test]
fn a_packet_of_the_uplink_that_comes_twice_is_opened_once() {
    // T3
    let plan = stream(plan(PROCEDURES[1], Relocation::Forwarding, UpKeys::Same));
    let seen = plan.run_with(|_, _, octets| {
        let Ok(frame) = CoreFrame::parse(octets) else { return Fate::pass() };
        let upes = [upe_place(0).ip, upe_place(1).ip];
        let CorePayload::Udp(datagram) = &frame.payload else { return Fate::pass() };
        match GtpuPacket::parse(&datagram.payload) {
            Ok(GtpuPacket::User { pdcp_number: Some(_), .. }) if upes.contains(&frame.to.ip) => {
                Fate { copies: vec![std::time::Duration::from_millis(20)], ..Fate::default() }
            }
            _ => Fate::pass(),
        }
    });
    assert_eq!((seen.packets(0, Uplink).len(), seen.packets(0, Downlink).len()), (100, 100));
    assert!(
        seen.dropped().iter().filter(|(node, reason)| *node != UE && *reason == DropReason::Duplicate).count() > 80
    );
}

#[test]
fn several_ues_of_several_upes_keep_apart_on_their_ways() {
    // T1
    for (name, procedure, relocation, up_keys) in everything() {
        let mut plan = Plan { ues: 4, ..plan(procedure, relocation, up_keys) };
        for ue in 0..4 {
            let number = u64::try_from(ue).unwrap();
            for (step, cell) in (1..).zip([3, 1, 2, 0]) {
                plan = plan.command(1_000 * step + number, To::Ue(ue), Command::Measure(pci(cell)));
                plan = plan.command(1_000 * step + 750, To::Ue(ue), Command::Uplink(packet(number)));
                plan = plan.command(1_000 * step + 750, To::Gateway, Command::Downlink(imsi(ue), packet(number)));
            }
        }
        let seen = plan.run();
        for ue in 0..4 {
            assert_eq!(seen.outcomes(ue), [Outcome::Completed; 4], "{name}: {ue}");
            let own = vec![packet(u64::try_from(ue).unwrap()); 4];
            assert!(seen.packets(ue, Uplink) == own && seen.packets(ue, Downlink) == own, "{name}: {ue}");
        }
        assert_eq!((seen.used_twice(), seen.dropped()), (0, vec![]), "{name}");
    }
}

#[test]
fn whatever_makes_the_keys_of_cells_those_of_the_user_plane_go_on() {
    // T1
    for scheme in [Scheme::Chained, Scheme::MmeInvolved, Scheme::NextHopX2] {
        for up_keys in [UpKeys::Same, UpKeys::Update] {
            let name = format!("{scheme:?}, {up_keys:?}");
            let transfer = transfer(Relocation::BiCasting, up_keys);
            // Over X2 the UE keeps its UPE, and the eNB forwards PDUs as they are.
            let plan = Plan { upes: 1, transfer, ..Plan::always(scheme) };
            let seen = stream(plan).run();
            assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed], 0), "{name}");
            assert_eq!((seen.packets(0, Downlink).len(), seen.packets(0, Uplink).len()), (100, 100), "{name}");
            assert_eq!(seen.up_keys_at(0, UE).len(), 1, "{name}");
        }
    }
}

#[test]
fn a_number_of_a_key_that_was_changed_on_its_way_is_refused_and_the_ue_keeps_its_key() {
    // T4
    for procedure in PROCEDURES {
        let change = |message: &mut S1apMessage| {
            let S1apMessage::HandoverCommand(command) = message else { return false };
            let Some(last) = command.nas_security_parameters.as_mut().and_then(|nas| nas.last_mut()) else {
                return false;
            };
            *last ^= 1;
            true
        };
        let plan = plan(procedure, Relocation::Both, UpKeys::Update).walk(&[2]);
        let seen = plan.run_with(replacing_s1ap(change));
        assert_eq!((seen.outcomes(0), seen.dropped()), (vec![Outcome::Returned], vec![(UE, DropReason::NasMac)]));
        assert_eq!((seen.up_keys_at(0, UE).len(), seen.used_twice()), (1, 0), "{}", procedure.0);
        assert_eq!((seen.packets(0, Downlink).len(), seen.packets(0, Uplink).len()), (2, 2), "{}", procedure.0);
    }
}

/// UEs come by themselves to the cells of other MMEs, whose UPEs may be others.
fn arriving(arrival: Arrival, upes: usize) -> Plan {
    let transfer = ContextTransfer { upe: true, arrival, ..ContextTransfer::default() };
    Plan { mmes: 2, upes, transfer, ..Plan::always(Scheme::NextHopS1) }.authenticating()
}

const ARRIVALS: [Arrival; 2] = [Arrival::Authentication, Arrival::ContextRequest];

#[test]
fn a_ue_that_comes_by_itself_goes_on_with_a_upe() {
    // T1, T2
    for (arrival, upes) in ARRIVALS.into_iter().flat_map(|arrival| [(arrival, 1), (arrival, 2)]) {
        let name = format!("{arrival:?}, {upes} UPEs");
        let plan = stream(arriving(arrival, upes)).command(800, To::Ue(0), Command::Measure(pci(0)));
        let plan = plan.command(1_500, To::Ue(0), Command::Uplink(packet(5_000)));
        let plan = plan.command(1_500, To::Gateway, Command::Downlink(imsi(0), packet(5_000)));
        let nodes: Vec<NodeIndex> = (0..upes).map(|upe| plan.node(To::Upe(upe))).collect();
        let seen = plan.run();
        assert_eq!(seen.ends(0), [(Outcome::Completed, pci(2)), (Outcome::Completed, pci(0))], "{name}");
        assert_eq!((seen.used_twice(), seen.dropped()), (0, vec![]), "{name}");
        // Uplink packets wait for a cell; what comes for the UE meanwhile is lost.
        let up: Vec<Vec<u8>> = (1_000..1_000 + PACKETS).chain([5_000]).map(packet).collect();
        assert!(seen.packets(0, Uplink) == up, "{name}: {}", seen.packets(0, Uplink).len());
        let down: Vec<Vec<u8>> = (0..PACKETS).chain([5_000]).map(packet).collect();
        let delivered = seen.packets(0, Downlink);
        let places = delivered.iter().map(|packet| down.iter().position(|sent| sent == packet));
        assert!(places.clone().all(|place| place.is_some()) && places.is_sorted(), "{name}");
        assert!(delivered.len() > 30 && delivered.last() == down.last(), "{name}: {}", delivered.len());
        let keys = seen.up_keys_at(0, UE);
        let fresh = if arrival == Arrival::Authentication { 3 } else { 1 };
        assert_eq!(keys.iter().map(|key| *key.octets()).collect::<BTreeSet<_>>().len(), fresh, "{name}");
        // Who comes with its old context keeps its UPE; else that of the cell serves it, and the other has forgotten it.
        let last = nodes.iter().map(|node| seen.up_keys_at(0, *node)).find(|there| there.last() == keys.last());
        assert!(last.is_some(), "{name}");
        let expected = if arrival == Arrival::Authentication && upes == 2 { vec![nodes[0], nodes[1]] } else { vec![] };
        assert_eq!(forgotten(&seen), expected, "{name}");
    }
}

#[test]
fn a_ue_that_is_not_taken_where_it_comes_by_itself_goes_on_with_its_old_upe_key_and_counts() {
    // T8
    for (arrival, upes) in ARRIVALS.into_iter().flat_map(|arrival| [(arrival, 1), (arrival, 2)]) {
        for upe_full in [false, true] {
            if upe_full && (upes == 1 || arrival == Arrival::ContextRequest) {
                continue;
            }
            let name = format!("{arrival:?}, {upes} UPEs, the UPE is full: {upe_full}");
            let (most_ues, upe_most_ues) =
                if upe_full { (vec![100], vec![100, 0]) } else { (vec![100, 100, 0], vec![100]) };
            let plan = Plan { most_ues, upe_most_ues, ends: 12_000, ..stream(arriving(arrival, upes)) };
            let plan = plan.command(9_000, To::Ue(0), Command::Uplink(packet(5_000)));
            let plan = plan.command(9_000, To::Gateway, Command::Downlink(imsi(0), packet(5_000)));
            let seen = plan.run();
            assert_eq!(seen.used_twice(), 0, "{name}");
            let keys = seen.up_keys_at(0, UE);
            assert_eq!(keys.first(), keys.last(), "{name}");
            for direction in [Uplink, Downlink] {
                assert_eq!(seen.packets(0, direction).last(), Some(&packet(5_000)), "{name}, {direction:?}");
            }
            let counts = counts(&seen, Uplink);
            let old: Vec<u32> = counts[keys[0].octets()].iter().map(|(_, count)| *count).collect();
            assert_eq!(old, (0..101).collect::<Vec<_>>(), "{name}");
        }
    }
}

#[test]
fn an_authentication_where_the_ue_is_changes_the_key_with_its_upe_and_packets_go_on() {
    // T6
    for upes in [1, 2] {
        for relocation in RELOCATIONS {
            let name = format!("{upes} UPEs, {relocation:?}");
            let mut plan = plan(("", 1, upes), relocation, UpKeys::Same).authenticating();
            plan = plan.command(100, To::Mme(0), Command::Authenticate(imsi(0)));
            for number in 0..PACKETS {
                plan = plan.command(50 + 2 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
                plan = plan.command(51 + 2 * number, To::Ue(0), Command::Uplink(packet(number)));
            }
            plan = plan.command(400, To::Ue(0), Command::Measure(pci(2)));
            plan = plan.command(600, To::Gateway, Command::Downlink(imsi(0), packet(100)));
            plan = plan.command(600, To::Ue(0), Command::Uplink(packet(100)));
            let last = plan.node(To::Upe(upes - 1));
            let seen = plan.run();
            assert_eq!(seen.outcomes(0), [Outcome::Completed], "{name}");
            let all: Vec<Vec<u8>> = (0..=PACKETS).map(packet).collect();
            assert!(seen.packets(0, Downlink) == all, "{name}");
            // One may be on the air when the eNB gives the UE another C-RNTI.
            let up = seen.packets(0, Uplink);
            assert!(up.len() >= 100 && up.is_sorted() && up.iter().all(|packet| all.contains(packet)), "{name}");
            assert_eq!((seen.used_twice(), seen.dropped()), (0, vec![]), "{name}");
            let keys = seen.up_keys_at(0, UE);
            assert!(keys.len() == 2 && keys[0] != keys[1], "{name}: {}", keys.len());
            assert_eq!(seen.up_keys_at(0, last).last(), keys.last(), "{name}");
        }
    }
}

/// A UE that wants to another cell every second, where the air loses a frame in ten, and the core network too if it is not `reliable`.
fn lossy(plan: Plan, seed: u64, reliable: bool) -> Seen {
    let mut plan = Plan { ends: 9_000, ..plan };
    for step in 0..5 {
        plan = plan.command(1_000 * (step + 1), To::Ue(0), Command::Measure(pci((2 * step as usize + 2) % 4)));
        for place in 0..20 {
            let time = 1_000 * step + 960 + 10 * place;
            plan = plan.command(time, To::Ue(0), Command::Uplink(packet(20 * step + place)));
            plan = plan.command(time + 3, To::Gateway, Command::Downlink(imsi(0), packet(20 * step + place)));
        }
    }
    let mut generator = random::generator(seed, "losses");
    plan.run_with(move |_, _, octets| {
        let struck = generator.next_u32().is_multiple_of(10) && (!reliable || RadioFrame::parse(octets).is_ok());
        if struck { Fate::lost() } else { Fate::pass() }
    })
}

#[test]
fn whatever_is_lost_no_count_is_used_twice_and_no_packet_comes_twice() {
    // T3, T4
    type Make = Box<dyn Fn() -> Plan>;
    let mut outcomes = BTreeMap::new();
    let handovers = everything().map(|(name, procedure, relocation, up_keys)| {
        let make: Make = Box::new(move || plan(procedure, relocation, up_keys));
        (name, make)
    });
    let arrivals = ARRIVALS.into_iter().flat_map(|arrival| {
        [1, 2].map(|upes| {
            let authenticate = Command::Authenticate(imsi(0));
            let make: Make = Box::new(move || arriving(arrival, upes).command(2_500, To::Mme(0), authenticate.clone()));
            (format!("{arrival:?}, {upes} UPEs"), make)
        })
    });
    for (name, make) in handovers.chain(arrivals) {
        for (seed, reliable) in (0..6).flat_map(|seed| [(seed, true), (seed, false)]) {
            let seen = lossy(make(), seed, reliable);
            let name = format!("{name}, seed {seed}, reliable {reliable}");
            assert_eq!(seen.used_twice(), 0, "{name}");
            for direction in [Uplink, Downlink] {
                let mut packets = seen.packets(0, direction);
                let count = packets.len();
                packets.sort_unstable();
                packets.dedup();
                assert_eq!(packets.len(), count, "{name}");
                // What comes out is what went in: never another key or COUNT than it was sealed with. Where the word that a UE has come is
                // lost between MME and UPE, the UPE goes on with the key before.
                let whole: Vec<Vec<u8>> = (0..100).map(packet).collect();
                assert!(!reliable || packets.iter().all(|packet| whole.contains(packet)), "{name}");
            }
            for outcome in seen.outcomes(0) {
                *outcomes.entry(outcome).or_insert(0) += 1;
            }
        }
    }
    assert!(outcomes.len() >= 3 && outcomes.values().all(|times| *times > 10), "{outcomes:?}");
}
