//! Who reads the user packets that UEs and UPEs cipher: whoever hears a link of the core network that nothing protects, or has the keys
//! of a node.

use std::collections::BTreeMap;

use keyhop::adversary::eps::holder::{Holder, Read, Visit};
use keyhop::emulation::NodeIndex;
use keyhop::eps::keys::UpKey;
use keyhop::eps::node::{
    Agreement, Arrival, Command, ContextTransfer, Event, Mapping, Relocation, Scheme, Schemes, UpKeys, What,
};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, LinkDirection, Origin};
use keyhop::eps::security::HandoverDerivation;
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::{CoreFrame, UtranFrame};
use keyhop::time::VirtualTime;

use crate::eps_network::{Plan, Seen, To, at, ck_ik, imsi, kasme, packet, pci, utran_pci};

/// A packet in each direction every 4 ms while the UE goes to the third cell, which has another MME, at 100 ms, and back.
fn plan(protects_s10: bool, up_keys: UpKeys) -> Plan {
    let transfer =
        ContextTransfer { upe: true, relocation: Relocation::BiCasting, up_keys, ..ContextTransfer::default() };
    let plan = Plan { mmes: 2, upes: 1, protects_s10, transfer, ..Plan::always(Scheme::NextHopS1) };
    let mut plan =
        plan.command(100, To::Ue(0), Command::Measure(pci(2))).command(300, To::Ue(0), Command::Measure(pci(0)));
    for number in 0..100 {
        plan = plan.command(50 + 4 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
        plan = plan.command(51 + 4 * number, To::Ue(0), Command::Uplink(packet(1_000 + number)));
    }
    plan
}

/// The air as it is heard, cell by cell.
fn visits(seen: &Seen) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    // By C-RNTI, or U-RNTI.
    let mut stays: BTreeMap<u32, usize> = BTreeMap::new();
    let mut sent: Vec<_> = seen.transmissions.iter().collect();
    sent.sort_by_key(|sent| sent.time);
    for sent in sent.into_iter().filter(|sent| CoreFrame::parse(&sent.octets).is_err()) {
        let mut begin = |cell, c_rnti| {
            let algorithms = Algorithms::AES;
            let (setting_up, frames, utran) = (Vec::new(), Vec::new(), Vec::new());
            visits.push(Visit { ue: 0, cell, earfcn_dl: 1_850, c_rnti, algorithms, setting_up, frames, utran });
            visits.len() - 1
        };
        if let Ok(frame) = UtranFrame::parse(&sent.octets) {
            let place = *stays.entry(frame.u_rnti).or_insert_with(|| begin(utran_pci(0), 0));
            visits[place].utran.push((sent.time, frame));
            continue;
        }
        let frame = RadioFrame::parse(&sent.octets).unwrap();
        let of_ue = |(time, _, event): &(VirtualTime, NodeIndex, Event)| match &event.what {
            What::KenbInUse { cell, c_rnti, .. } if *c_rnti == frame.c_rnti => Some((*time, *cell)),
            _ => None,
        };
        // Who asks for a connection has no C-RNTI yet.
        let Some((since, cell)) = seen.events.iter().find_map(of_ue) else { continue };
        let place = *stays.entry(frame.c_rnti.into()).or_insert_with(|| begin(cell, frame.c_rnti));
        let visit = &mut visits[place];
        let frames = if sent.time < since { &mut visit.setting_up } else { &mut visit.frames };
        frames.push((sent.time, frame));
    }
    visits
}

fn agreement(plan: &Plan) -> Agreement {
    Agreement {
        schemes: Schemes::Always(Scheme::NextHopS1),
        derivation: HandoverDerivation::default(),
        para_octets: 16,
        wide_c_rnti: false,
        transfer: plan.transfer,
    }
}

fn reads(holder: &Holder, plan: &Plan, seen: &Seen) -> Vec<Option<Read>> {
    holder.read(&visits(seen), &agreement(plan))
}

/// How many user packets were sent on the air, and how many of them are read.
fn packets(holder: &Holder, plan: &Plan, seen: &Seen) -> (usize, usize) {
    let all: usize = seen.transmissions.iter().filter(|sent| sent.note == "user packet").count();
    let on_air = all
        - seen
            .transmissions
            .iter()
            .filter(|sent| sent.note == "user packet" && CoreFrame::parse(&sent.octets).is_ok())
            .count();
    (on_air, reads(holder, plan, seen).iter().flatten().map(|read| read.packets.len()).sum())
}

/// Who hears everything between the MMEs.
fn eavesdropper(plan: &Plan, seen: &Seen) -> Holder {
    let mut holder = Holder::default();
    let mmes = [plan.node(To::Mme(0)), plan.node(To::Mme(1))];
    let on_s10 = |sent: &&keyhop::emulation::Transmission| {
        let keyhop::emulation::Sender::Node(from) = sent.from else { return false };
        mmes.contains(&from) && mmes.contains(&sent.to)
    };
    seen.transmissions.iter().filter(on_s10).for_each(|sent| holder.hear(&sent.octets));
    holder
}

#[test]
fn who_hears_the_link_between_mmes_reads_every_packet_unless_the_link_is_protected() {
    // T7
    // broken: T7
    for up_keys in [UpKeys::Same, UpKeys::Update] {
        for protects in [false, true] {
            let (plan, seen) = (plan(protects, up_keys), plan(protects, up_keys).run());
            assert_eq!(seen.outcomes(0).len(), 2);
            let holder = eavesdropper(&plan, &seen);
            let (sent, read) = packets(&holder, &plan, &seen);
            assert!(sent > 180, "{sent}");
            assert_eq!(read, if protects { 0 } else { sent }, "{up_keys:?}");
            let cells = reads(&holder, &plan, &seen);
            assert_eq!(cells.iter().filter(|read| read.is_some()).count(), if protects { 0 } else { 3 });
            // RRC too: NH follows from KASME.
            let messages = cells.iter().flatten().map(|read| read.messages).sum::<usize>();
            assert_eq!(messages > 0, !protects);
        }
    }
}

#[test]
fn a_key_of_a_upe_opens_what_is_sent_under_it_and_with_updates_nothing_else() {
    // T4
    // T7
    for (up_keys, everything) in [(UpKeys::Same, true), (UpKeys::Update, false)] {
        let (plan, seen) = (plan(true, up_keys), plan(true, up_keys).run());
        let key = UpKey::derive(&kasme(0), 0, AlgorithmId::Aes);
        let holder = Holder { up_keys: vec![key], ..Holder::default() };
        let (sent, read) = packets(&holder, &plan, &seen);
        assert_eq!(read == sent, everything, "{up_keys:?}: {read} of {sent}");
        assert!(read > 20, "{read}");
        // What was sent before the first handover began.
        let before = reads(&holder, &plan, &seen)
            .iter()
            .flatten()
            .flat_map(|read| read.packets.clone())
            .filter(|(time, _)| *time < at(100))
            .count();
        assert_eq!(before, 24, "{up_keys:?}");
    }
    let (plan, seen) = (plan(false, UpKeys::Same), plan(false, UpKeys::Same).run());
    assert_eq!(packets(&Holder::default(), &plan, &seen).1, 0, "the air alone");
}

/// The UE goes to a cell of another MME at 100 ms, with a packet in each direction every 4 ms, and is authenticated there at 250 ms if
/// `anew`.
fn followed_by_authentication(anew: bool) -> Plan {
    let transfer = ContextTransfer { upe: true, relocation: Relocation::BiCasting, ..ContextTransfer::default() };
    let plan = Plan { mmes: 2, upes: 1, transfer, ..Plan::always(Scheme::NextHopS1) }.authenticating();
    let mut plan = plan.command(100, To::Ue(0), Command::Measure(pci(2)));
    if anew {
        plan = plan.command(250, To::Mme(1), Command::Authenticate(imsi(0)));
    }
    for number in 0..100 {
        plan = plan.command(50 + 4 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
        plan = plan.command(51 + 4 * number, To::Ue(0), Command::Uplink(packet(1_000 + number)));
    }
    plan
}

#[test]
fn who_has_the_kasme_of_the_source_reads_on_until_the_ue_is_authenticated_anew() {
    // T7
    // broken: T7
    for anew in [true, false] {
        let (plan, seen) = (followed_by_authentication(anew), followed_by_authentication(anew).run());
        assert_eq!(seen.of(0).filter(|(_, what)| **what == What::Authenticated).count(), if anew { 2 } else { 0 });
        // Who hears the link, and the MME that the UE has left.
        for holder in [eavesdropper(&plan, &seen), Holder { kasmes: vec![kasme(0)], ..Holder::default() }] {
            let reads = reads(&holder, &plan, &seen);
            let times: Vec<_> = reads.iter().flatten().flat_map(|read| &read.packets).map(|(time, _)| *time).collect();
            let within = |from, until| times.iter().filter(|time| (at(from)..at(until)).contains(*time)).count();
            assert!(within(0, 100) == 24 && within(120, 250) > 50, "{times:?}");
            // The procedure takes a while, and packets wait for the end of it.
            let after = within(350, 1_000);
            assert!(if anew { after == 0 } else { after > 45 }, "{times:?}");
        }
        let last = seen.packets(0, LinkDirection::Downlink).len();
        assert!(last > 90, "{last}");
    }
}

const MAPPINGS: [Mapping; 3] = [Mapping::TargetId { fresh: true }, Mapping::TargetId { fresh: false }, Mapping::Nonce];

/// The UE goes to the other system at 200 ms, with a packet in each direction every 10 ms, and is authenticated there at 300 ms if
/// `anew`.
fn to_other_system(mapping: Mapping, begins_in_utran: Option<Origin>, anew: bool) -> Plan {
    let transfer = ContextTransfer { mapping, ..ContextTransfer::default() };
    let plan =
        Plan { cells: 2, utran_cells: 2, sgsns: 1, transfer, begins_in_utran, ..Plan::always(Scheme::NextHopS1) };
    let target = if begins_in_utran.is_some() { pci(0) } else { utran_pci(0) };
    let mut plan = plan.authenticating().command(200, To::Ue(0), Command::Measure(target));
    if anew {
        plan = plan.command(300, To::Mme(0), Command::Authenticate(imsi(0)));
    }
    for number in 0..60 {
        plan = plan.command(10 + 10 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
        plan = plan.command(11 + 10 * number, To::Ue(0), Command::Uplink(packet(1_000 + number)));
    }
    plan
}

/// When the packets were sent that somebody reads.
fn times_read(holder: &Holder, plan: &Plan, seen: &Seen) -> Vec<keyhop::time::VirtualTime> {
    reads(holder, plan, seen).iter().flatten().flat_map(|read| &read.packets).map(|(time, _)| *time).collect()
}

#[test]
fn who_has_found_out_kc_reads_what_follows_in_e_utran_until_a_full_authentication() {
    // T6
    // broken: T6
    for mapping in MAPPINGS {
        for anew in [true, false] {
            let plan = || to_other_system(mapping, Some(Origin::Gsm), anew);
            let (plan, seen) = (plan(), plan().run());
            let holder = Holder { ck_iks: vec![ck_ik(0, Origin::Gsm)], ..Holder::default() };
            let times = times_read(&holder, &plan, &seen);
            let within = |from, until| times.iter().filter(|time| (at(from)..at(until)).contains(*time)).count();
            assert!(within(0, 200) > 30, "{mapping:?}: {times:?}");
            assert!(within(260, 300) > 4, "{mapping:?}: {times:?}");
            let after = within(400, 1_000);
            assert!(if anew { after == 0 } else { after > 30 }, "{mapping:?}, {anew}: {after}");
            // Whoever has another Kc reads nothing at all.
            let other = Holder { ck_iks: vec![ck_ik(0, Origin::Umts)], ..Holder::default() };
            assert_eq!(times_read(&other, &plan, &seen), [], "{mapping:?}");
        }
    }
}

#[test]
fn who_has_ck_and_ik_hears_the_nonces_of_an_idle_ue_and_reads_on_in_e_utran() {
    // T7
    let transfer = ContextTransfer { arrival: Arrival::ContextRequest, ..ContextTransfer::default() };
    let plan = || Plan { transfer, ..to_other_system(Mapping::Nonce, Some(Origin::Umts), false) };
    let (plan, seen) = (plan(), plan().run());
    let holder = Holder { ck_iks: vec![ck_ik(0, Origin::Umts)], ..Holder::default() };
    let times = times_read(&holder, &plan, &seen);
    assert!(times.iter().filter(|time| **time > at(300)).count() > 40, "{times:?}");
    let other = Holder { ck_iks: vec![ck_ik(1, Origin::Umts)], ..Holder::default() };
    assert_eq!(times_read(&other, &plan, &seen), []);
}

#[test]
fn who_has_kasme_reads_on_in_utran() {
    // T7
    for mapping in MAPPINGS {
        let plan = || to_other_system(mapping, None, false);
        let (plan, seen) = (plan(), plan().run());
        let holder = Holder { kasmes: vec![kasme(0)], ..Holder::default() };
        let times = times_read(&holder, &plan, &seen);
        let in_utran = times.iter().filter(|time| **time > at(300)).count();
        assert!(in_utran > 40, "{mapping:?}: {in_utran}");
        assert_eq!(times_read(&Holder::default(), &plan, &seen), [], "{mapping:?}");
    }
}
