//! UE, eNBs and MME of EPS on the kernel: handovers of each scheme, and what somebody reads who holds the keys of one cell.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::emulation::{
    Emulation, Engine, Impairments, LinkList, LinkSettings, NodeIndex, Observer, Port, Timing, Transmission, random,
};
use keyhop::eps::identifiers::{
    Ebi, Ecgi, Eci, EnbId, EnbUeS1apId, GlobalEnbId, Gummei, Imsi, MmeCode, MmeGroupId, MmeUeS1apId, Pci, Plmn, Tac,
    Tai,
};
use keyhop::eps::keys::{Kasme, Kenb};
use keyhop::eps::node::core_side::CoreSide;
use keyhop::eps::node::enb::ConnectedUe;
use keyhop::eps::node::mme::{AttachedUe, uplink_tunnel};
use keyhop::eps::node::radio_side::RadioSide;
use keyhop::eps::node::settings::Agreement;
use keyhop::eps::node::{
    Cell, Command, Enb, EnbSettings, Event, Mme, MmeSettings, Outcome, Scheme, Schemes, Ue, UeSettings, What,
};
use keyhop::eps::parameters::{Algorithms, LinkDirection, Ncc};
use keyhop::eps::security::HandoverDerivation;
use keyhop::eps::security::count::CountLedger;
use keyhop::eps::security::handover_keys::{AsKeys, CRnti};
use keyhop::eps::security::parties::{EnbKeys, MmeKeys, UeKeys};
use keyhop::eps::security::protection::AsSecurity;
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::rrc::DlDcchMessage;
use keyhop::eps::wire::{Erab, UeSecurityCapabilities};
use keyhop::time::VirtualTime;

const CELLS: usize = 4;
const UE: NodeIndex = NodeIndex(0);
const MME: NodeIndex = NodeIndex(1 + CELLS);
const MME_UE: MmeUeS1apId = MmeUeS1apId(1);

fn at(milliseconds: u64) -> VirtualTime {
    VirtualTime::from_nanos(milliseconds * 1_000_000)
}

fn after(milliseconds: u64) -> LinkSettings {
    let timing = Timing::Latency { latency: Duration::from_millis(milliseconds), jitter: Duration::ZERO };
    LinkSettings { timing, impairments: Impairments::default() }
}

fn place(network: u8, last: usize) -> BackboneEndpoint {
    let last = u8::try_from(last).unwrap();
    BackboneEndpoint { mac: [2, 0, 0, 0, network, last], ip: Ipv4Addr::new(10, 64, network, last) }
}

fn plmn() -> Plmn {
    "001-01".parse().unwrap()
}

fn cell(number: usize) -> Cell {
    let id = u32::try_from(number + 1).unwrap();
    let enb = EnbId::new(id).unwrap();
    Cell {
        pci: Pci::new(u16::try_from(number + 1).unwrap()).unwrap(),
        ecgi: Ecgi { plmn: plmn(), eci: Eci::of_enb(enb, 1) },
        earfcn_dl: 1_850,
        enb: GlobalEnbId { plmn: plmn(), enb },
        address: place(1, number + 1).ip,
        // The first two cells are of one group, the others of another.
        group: id.div_ceil(2),
        tai: Tai { plmn: plmn(), tac: Tac(1) },
    }
}

fn imsi() -> Imsi {
    "001010000000001".parse().unwrap()
}

#[derive(Default)]
struct Seen {
    transmissions: Vec<Transmission>,
    events: Vec<(VirtualTime, NodeIndex, Event)>,
}

impl Observer<Event> for Seen {
    fn transmission(&mut self, transmission: Transmission) {
        self.transmissions.push(transmission);
    }
    fn event(&mut self, now: VirtualTime, node: NodeIndex, event: Event) {
        self.events.push((now, node, event));
    }
    fn finished(&self, _: VirtualTime) -> bool {
        false
    }
}

impl Seen {
    fn outcomes(&self) -> Vec<Outcome> {
        let outcome = |(_, _, event): &(VirtualTime, NodeIndex, Event)| match event.what {
            What::HandoverEnded(outcome) => Some(outcome),
            _ => None,
        };
        self.events.iter().filter_map(outcome).collect()
    }

    /// The KeNBs that the UE had, in order.
    fn kenbs(&self) -> Vec<Kenb> {
        let kenb = |(_, _, event): &(VirtualTime, NodeIndex, Event)| match &event.what {
            What::KenbInUse { kenb, .. } => Some(kenb.clone()),
            _ => None,
        };
        self.events.iter().filter_map(kenb).collect()
    }

    fn packets(&self, wanted: LinkDirection) -> usize {
        let packet = |event: &Event| matches!(event.what, What::PacketOut { direction, .. } if direction == wanted);
        self.events.iter().filter(|(_, _, event)| packet(event)).count()
    }
}

/// What a network is besides its scheme.
#[derive(Clone, Copy, Default)]
struct Faults {
    constant_para: bool,
    constant_c_rnti: Option<u16>,
    flips_indication: bool,
}

/// A UE in the first cell walks through the cells of `walk`, a tenth of a second in each, with a packet in each direction.
fn walk(schemes: Schemes, walk: &[usize], engine: Engine, faults: Faults) -> Seen {
    let Faults { constant_para, constant_c_rnti, flips_indication } = faults;
    let agreement =
        Agreement { schemes, derivation: HandoverDerivation::default(), para_octets: 16, wide_c_rnti: false };
    let kasme = Kasme::from_octets([0x2a; 32]);
    let ue_keys = UeKeys::establish(kasme.clone(), Algorithms::AES, Algorithms::AES, agreement.derivation);
    let (mme_keys, kenb) = MmeKeys::establish(kasme, Algorithms::AES, agreement.derivation);
    let cells: Vec<Cell> = (0..CELLS).map(cell).collect();
    let mut links = LinkList::default();
    let air: Vec<Port> = (0..CELLS)
        .map(|number| links.add(&format!("air:{number}"), UE, after(1), NodeIndex(1 + number), after(1)))
        .collect();
    let s1: Vec<Port> = (0..CELLS)
        .map(|number| links.add(&format!("s1:{number}"), NodeIndex(1 + number), after(5), MME, after(5)))
        .collect();
    let mut x2 = BTreeMap::new();
    for first in 0..CELLS {
        for second in first + 1..CELLS {
            let name = format!("x2:{first}-{second}");
            let port = links.add(&name, NodeIndex(1 + first), after(2), NodeIndex(1 + second), after(2));
            // Between groups there is none.
            if schemes != Schemes::Grouped || cells[first].group == cells[second].group {
                x2.insert((first, second), port);
            }
        }
    }
    let mut emulation = Emulation::new(1, links);
    let heard = (0..CELLS).map(|number| (cells[number].pci, (air[number], cells[number].earfcn_dl)));
    let settings =
        UeSettings { imsi: imsi(), cells: heard.collect(), agreement, interruption: Duration::from_millis(10) };
    emulation.add_node(Ue::connected(settings, ue_keys, cells[0].pci, 0x4601));
    let capabilities = UeSecurityCapabilities::new(&[Algorithms::AES.ciphering], &[Algorithms::AES.integrity]);
    let uplink = uplink_tunnel(place(3, 1).ip, MME_UE);
    for number in 0..CELLS {
        let mut peers = vec![(s1[number], place(2, 1))];
        for ((first, second), port) in &x2 {
            let other = if *first == number { Some(second) } else { Some(first).filter(|_| *second == number) };
            peers.extend(other.map(|other| (*port, place(1, other + 1))));
        }
        let settings = EnbSettings {
            cell: cells[number],
            cells: cells.clone(),
            mme: place(2, 1).ip,
            gummei: Gummei { plmn: plmn(), group: MmeGroupId(1), code: MmeCode(1) },
            algorithms: Algorithms::AES,
            agreement,
            constant_c_rnti,
            flips_indication,
        };
        let core = CoreSide::new(place(1, number + 1), &peers);
        let mut enb = Enb::new(settings, core, random::generator(1, &format!("enb{number}")));
        if number == 0 {
            let keys = EnbKeys::new(kenb.clone(), Ncc::new(0), Algorithms::AES);
            let port = air[0];
            enb.connect(ConnectedUe { imsi: imsi(), port, c_rnti: 0x4601, mme_id: MME_UE, keys, capabilities, uplink });
        }
        emulation.add_node(enb);
    }
    let enbs = cells.iter().map(|cell| (cell.enb, (cell.address, cell.group))).collect();
    let peers: Vec<_> = (0..CELLS).map(|number| (s1[number], place(1, number + 1))).collect();
    let core = CoreSide::new(place(2, 1), &peers);
    let settings = MmeSettings { enbs, agreement, constant_para };
    let mut mme = Mme::new(settings, core, random::generator(1, "mme"));
    mme.attach(AttachedUe {
        id: MME_UE,
        keys: mme_keys,
        enb: (cells[0].address, EnbUeS1apId::new(1).unwrap()),
        capabilities,
        bearer: Erab { ebi: Ebi::FIRST, tunnel: uplink },
    });
    emulation.add_node(mme);
    let packet = |step: usize| vec![0x45 + u8::try_from(step).unwrap(); 60];
    emulation.schedule(at(10), UE, Command::Uplink(packet(0)));
    emulation.schedule(at(11), NodeIndex(1), Command::Downlink(imsi(), packet(0)));
    for (step, number) in (1..).zip(walk) {
        let begins = u64::try_from(step).unwrap() * 100;
        emulation.schedule(at(begins), UE, Command::Measure(cells[*number].pci));
        emulation.schedule(at(begins + 80), UE, Command::Uplink(packet(step)));
        emulation.schedule(at(begins + 81), NodeIndex(1 + number), Command::Downlink(imsi(), packet(step)));
    }
    let mut seen = Seen::default();
    emulation.run(engine, at(100 * u64::try_from(walk.len() + 4).unwrap()), &mut seen);
    seen
}

const WALK: [usize; 5] = [1, 2, 3, 0, 1];

#[test]
fn every_scheme_hands_a_ue_over_from_cell_to_cell_with_its_packets_in_each() {
    let always = [Scheme::Chained, Scheme::MmeInvolved, Scheme::NextHopX2, Scheme::NextHopS1].map(Schemes::Always);
    for schemes in always.into_iter().chain([Schemes::Grouped]) {
        let seen = walk(schemes, &WALK, Engine::Inline, Faults::default());
        assert_eq!(seen.outcomes(), [Outcome::Completed; 5], "{schemes:?}");
        let kenbs = seen.kenbs();
        assert_eq!(kenbs.len(), 6, "{schemes:?}");
        for (number, kenb) in kenbs.iter().enumerate() {
            assert!(!kenbs[..number].contains(kenb), "{schemes:?}: hop {number}");
        }
        assert_eq!(seen.packets(LinkDirection::Uplink), 6, "{schemes:?}");
        assert_eq!(seen.packets(LinkDirection::Downlink), 6, "{schemes:?}");
        assert!(seen.events.iter().all(|(_, _, event)| event.what != What::WrongMac), "{schemes:?}");
        let refused = |sent: &&Transmission| sent.verdicts.iter().any(|verdict| !verdict.accepted);
        assert_eq!(seen.transmissions.iter().find(refused), None, "{schemes:?}");
    }
}

#[test]
fn every_engine_gives_the_same_octets() {
    let schemes = Schemes::Always(Scheme::MmeInvolved);
    let inline = walk(schemes, &WALK, Engine::Inline, Faults::default());
    for engine in [Engine::PerNode, Engine::Shards { threads: 1 }, Engine::Shards { threads: 2 }] {
        let other = walk(schemes, &WALK, engine, Faults::default());
        assert_eq!(other.transmissions, inline.transmissions, "{engine:?}");
        assert_eq!(other.events, inline.events, "{engine:?}");
    }
}

/// The RRC messages that somebody opens who has this KeNB and no other.
fn opened(seen: &Seen, kenb: &Kenb) -> Vec<(LinkDirection, Vec<u8>)> {
    let aes = Algorithms::AES;
    let keys = AsKeys::derive(kenb, aes.ciphering, aes.integrity);
    let mut security = AsSecurity::new(keys, aes.ciphering, aes.integrity);
    let frames = seen.transmissions.iter().filter_map(|sent| RadioFrame::parse(&sent.octets).ok());
    let signalling = frames.filter(|frame| frame.mac_pdu[0] & 0x1f == 1);
    signalling
        .filter_map(|frame| Some((frame.direction, RadioSide::open(&frame, &mut security).ok()?.octets)))
        .collect()
}

/// How many cells are readable to somebody who has this KeNB and hears everything: C-RNTI and INDICATION are in the command, which
/// opens under it.
fn readable(seen: &Seen, kenb: &Kenb) -> usize {
    let how = HandoverDerivation::default();
    let command = |(direction, octets): &(LinkDirection, Vec<u8>)| match DlDcchMessage::parse(octets) {
        Ok(DlDcchMessage::Reconfiguration(command)) if *direction == LinkDirection::Downlink => {
            Some((command.mobility?.c_rnti, command.security?.next_hop_chaining_count.get()))
        }
        _ => None,
    };
    let messages = opened(seen, kenb);
    let next = messages.iter().find_map(command).filter(|(_, indication)| *indication == 0);
    let next = next.map(|(c_rnti, _)| how.target(&how.chained(kenb), CRnti::Bits16(c_rnti)));
    usize::from(!messages.is_empty()) + next.map_or(0, |next| readable(seen, &next))
}

#[test]
fn whoever_holds_one_key_reads_all_later_cells_of_a_chain_one_with_the_mme_and_never_past_a_group() {
    // Acceptance list 1.3, points 1, 2 and 8.
    let reach = |schemes| {
        let seen = walk(schemes, &WALK, Engine::Inline, Faults::default());
        seen.kenbs().iter().map(|kenb| readable(&seen, kenb)).collect::<Vec<_>>()
    };
    assert_eq!(reach(Schemes::Always(Scheme::Chained)), [6, 5, 4, 3, 2, 1]);
    assert_eq!(reach(Schemes::Always(Scheme::MmeInvolved)), [1; 6]);
    // Cells 1 and 2 are a group, 3 and 4 another: 1, 2 | 3, 4 | 1, 2.
    assert_eq!(reach(Schemes::Grouped), [2, 1, 2, 1, 2, 1]);
}

#[test]
fn the_frames_of_a_cell_open_under_its_own_keys_and_no_others() {
    let seen = walk(Schemes::Always(Scheme::MmeInvolved), &WALK, Engine::Inline, Faults::default());
    // Report and command in the first; confirm, reconfiguration and its answer besides in those between.
    let opened: Vec<usize> = seen.kenbs().iter().map(|kenb| opened(&seen, kenb).len()).collect();
    assert_eq!(opened, [2, 5, 5, 5, 5, 3]);
}

/// How often a key is used twice with the same bearer, direction and COUNT.
fn used_twice(seen: &Seen) -> usize {
    let mut ledger = CountLedger::default();
    let first = |event: &Event| match &event.what {
        What::Protected { key, bearer, direction, count } => {
            let [a, b, c, d, e, f, g, h, ..] = *key.octets();
            ledger.insert(u64::from_be_bytes([a, b, c, d, e, f, g, h]), *bearer, *direction, *count)
        }
        _ => true,
    };
    seen.events.iter().map(|(_, _, event)| event).map(first).filter(|first| !first).count()
}

#[test]
fn para_is_drawn_for_each_handover_so_that_no_key_stream_comes_twice() {
    // Acceptance list 1.3, point 4; broken: with a constant PARA and the same C-RNTI the keys of a cell come again.
    let schemes = Schemes::Always(Scheme::MmeInvolved);
    let with = |constant_para| {
        walk(
            schemes,
            &WALK,
            Engine::Inline,
            Faults { constant_para, constant_c_rnti: Some(0x1234), flips_indication: false },
        )
    };
    let (drawn, constant) = (with(false), with(true));
    assert_eq!(used_twice(&drawn), 0);
    assert_eq!(constant.outcomes(), drawn.outcomes());
    let kenbs = constant.kenbs();
    assert_eq!(kenbs[1], kenbs[5]);
    assert!(used_twice(&constant) > 0);
}

#[test]
fn a_flipped_indication_never_leads_to_a_shared_key_and_the_ue_goes_back() {
    // Acceptance list 1.3, point 5.
    let flips = Faults { flips_indication: true, ..Faults::default() };
    // The UE makes KeNB* of its KeNB, the target has that of the MME: the confirm has a wrong MAC there.
    let involved = walk(Schemes::Always(Scheme::MmeInvolved), &[1], Engine::Inline, flips);
    let kenbs = involved.kenbs();
    assert_eq!((involved.outcomes(), kenbs.len()), (vec![Outcome::Returned], 3));
    assert_eq!(kenbs[0], kenbs[2]);
    let wrong: Vec<NodeIndex> =
        involved.events.iter().filter(|event| event.2.what == What::WrongMac).map(|event| event.1).collect();
    assert_eq!(wrong, [NodeIndex(2)]);
    // Where the source eNB made KeNB* there is no PARA: the UE refuses the command and stays.
    let chained = walk(Schemes::Always(Scheme::Chained), &[1], Engine::Inline, flips);
    assert_eq!((chained.outcomes(), chained.kenbs().len()), (vec![], 1));
    let refused =
        |sent: &&Transmission| sent.verdicts.iter().any(|verdict| verdict.text.starts_with("refused: expected PARA"));
    assert_eq!(chained.transmissions.iter().filter(refused).count(), 1);
}
