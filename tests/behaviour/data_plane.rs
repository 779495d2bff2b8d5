//! User data on the air: packing and fragmentation, several service flows and SAs, R15, and what bounds the queues.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use keyhop::capture::Capture;
use keyhop::capture::key_log::{ConnectionType, KeyRecord, TekSource};
use keyhop::dot16::backbone::Compound::{MsInfo, MsSecurityContext, SaDescriptor, SfInfo};
use keyhop::dot16::backbone::transport::{BackbonePacket, decapsulate, encapsulate};
use keyhop::dot16::backbone::{BackboneEndpoint, GreHeader, GrePacket, MessageKind, TlvLookup};
use keyhop::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said, Sfid};
use keyhop::dot16::node::fragmentation::{Fragmenter, Reassembler};
use keyhop::dot16::node::sdu_queue::{PduLimits, SduQueue};
use keyhop::dot16::node::{
    AirPorts, Association, BackboneSide, BaseStation, BaseStationSettings, CidPool, Directory, HandoverMode, Place,
    RadioSettings,
};
use keyhop::dot16::security::base_station_keys::{BaseStationKeySettings, BaseStationKeys};
use keyhop::dot16::security::entry_keys::EntryKeys;
use keyhop::dot16::security::tek_context::{PmkLifetime, ReceiveError, TekLimits};
use keyhop::dot16::security::{AkContext, Kek, Pmk, PnWindow, Profile, Tek, TekIndex, Weaknesses, ccm, counter_tek};
use keyhop::dot16::wire::{
    CrcForm, FragmentControl, FragmentationSubheader, GenericMacHeader, MacPdu, ManagementMessage, PackingSubheader,
    cdma_code,
};
use keyhop::emulation::random::generator;
use keyhop::emulation::{Engine, Input, Node, Outbox, Port};
use keyhop::scenario::world::{self, LinkEnds};
use keyhop::time::VirtualTime;
use proptest::prelude::*;

use crate::support::{OpenedData, Run, handover, network, run_text, run_with, script, udp};

const DIRECTIONS: [Direction; 2] = [Direction::Uplink, Direction::Downlink];

/// Three SAs beside the primary one: by port, by protocol, and for whatever else goes down.
const FLOWS: &str = "[[flow]]\nsa = 2\nudp_port = 52000\n\
                     [[flow]]\nsa = 3\nprotocol = \"icmp\"\n\
                     [[flow]]\nsa = 4\ndirection = \"downlink\"\n";

/// UDP to port 52000, ICMP, and UDP to port 52002, both ways.
const TRAFFIC: &str = "[[traffic]]\nkind = \"udp\"\nstart = \"100ms\"\nstop = \"2.3s\"\n\
                       [[traffic]]\nkind = \"icmp-echo\"\nstart = \"100ms\"\nstop = \"2.3s\"\n\
                       [[traffic]]\nkind = \"bulk\"\ncount = 4\nsize = 900\ninterval = \"60ms\"\n\
                       start = \"100ms\"\nstop = \"2.3s\"\n";

/// One handover of ms1 from bs1 to bs2 at 1 s, bs3 prepared too, over several flows.
fn several_flows(sets: &[&str]) -> Run {
    let rest = FLOWS.to_owned() + TRAFFIC + &handover("1s", "bs2", &["bs2", "bs3"]);
    run_text(&network(3, &rest), sets)
}

fn assert_everything_arrived_once(run: &Run) {
    let traffic = &run.outcome.traffic["ms1"];
    for counts in [traffic.ul, traffic.dl] {
        assert!(counts.sent > 0);
        assert_eq!((counts.delivered, counts.lost, counts.duplicated, counts.altered), (counts.sent, 0, 0, 0));
    }
}

fn comment_of<'a>(run: &'a Run, pdu: &OpenedData) -> &'a str {
    &run.capture.frames[pdu.frame].comment
}

/// The transport connections of ms1 at a base station, with their SAIDs.
fn connections(run: &Run, bs: &str) -> BTreeMap<Cid, Said> {
    let bs = run.bs(bs);
    let records = run.keys.records.iter().filter_map(|record| match record {
        KeyRecord::Connection(connection) if connection.bs == bs && connection.kind == ConnectionType::Transport => {
            Some((connection.cid, connection.said))
        }
        _ => None,
    });
    records.collect()
}

fn saids(connections: &BTreeMap<Cid, Said>) -> BTreeSet<Said> {
    connections.values().copied().collect()
}

// ---- Packing and fragmentation, without a network.

/// One round of a connection: SDUs that come to wait, the settings of the subframe, and which of its PDUs get lost.
#[derive(Clone, Debug)]
struct Subframe {
    sizes: Vec<usize>,
    packing: bool,
    allocation: usize,
    lost: Vec<bool>,
}

fn subframe() -> impl Strategy<Value = Subframe> {
    let size = prop_oneof![4 => 20_usize..400, 2 => 400_usize..3_000, 1 => 3_000_usize..12_000];
    let lost = prop::collection::vec(prop::bool::weighted(0.2), 16);
    (prop::collection::vec(size, 0..6), any::<bool>(), 2_047_usize..9_000, lost)
        .prop_map(|(sizes, packing, allocation, lost)| Subframe { sizes, packing, allocation, lost })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever is packed, cut and lost: exactly the SDUs without a part in a lost PDU come out, in order, once, unaltered.
    #[test]
    fn a_lost_pdu_costs_the_sdus_that_had_a_part_in_it_and_no_others(
        mut subframes in prop::collection::vec(subframe(), 1..12),
        max_pdu in 64_usize..=2_047,
    ) {
        // At the end everything that waits is sent.
        let rest = Subframe { sizes: vec![20], packing: false, allocation: usize::MAX, lost: vec![false] };
        subframes.push(rest);
        let flow = Sfid(1);
        let (mut queue, mut fragmenter, mut reassembler) = <(SduQueue, Fragmenter, Reassembler)>::default();
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let mut begun = 0;
        let mut spoilt = BTreeSet::new();
        let mut out: Vec<Vec<u8>> = Vec::new();
        for subframe in subframes {
            for size in subframe.sizes {
                let number = u32::try_from(sent.len()).unwrap();
                let sdu: Vec<u8> = number.to_be_bytes().into_iter().cycle().take(size).collect();
                prop_assert!(queue.insert(flow, number, sdu.clone()));
                sent.push(sdu);
            }
            let mut left = subframe.allocation;
            let mut lost = subframe.lost.into_iter().cycle();
            while let Some(load) = queue.load(flow, PduLimits { max_pdu, left, packing: subframe.packing }) {
                let (pdu_type, body) = fragmenter.body(&load.pieces).unwrap();
                let octets = body.len() + 22;
                prop_assert!(octets <= max_pdu && octets <= left);
                left -= octets;
                let lost = lost.next().unwrap();
                for piece in &load.pieces {
                    // One flow sends in order, so a beginning is that of the next SDU.
                    begun += usize::from(piece.from == 0);
                    if lost {
                        spoilt.insert(begun - 1);
                    }
                }
                if !lost {
                    out.extend(reassembler.take(pdu_type, &body).unwrap().sdus);
                }
            }
        }
        prop_assert!(queue.is_empty());
        let whole = sent.into_iter().enumerate().filter(|(number, _)| !spoilt.contains(number));
        let expected: Vec<Vec<u8>> = whole.map(|(_, sdu)| sdu).collect();
        prop_assert_eq!(out.len(), expected.len());
        prop_assert!(out == expected, "altered or out of order");
    }
}

// ---- Packing and fragmentation in runs.

/// How a PDU carries what it carries: FC and octets of each piece.
fn pieces(pdu: &OpenedData) -> Vec<(FragmentControl, usize)> {
    let (extended, plaintext) = (pdu.pdu_type.extended(), &pdu.plaintext[..]);
    if pdu.pdu_type.packing() {
        let pieces = PackingSubheader::parse_all(plaintext, extended).unwrap();
        return pieces.into_iter().map(|(subheader, piece)| (subheader.control, piece.len())).collect();
    }
    if pdu.pdu_type.fragmentation() {
        let (subheader, piece) = FragmentationSubheader::parse(plaintext, extended).unwrap();
        return vec![(subheader.control, piece.len())];
    }
    vec![(FragmentControl::Unfragmented, plaintext.len())]
}

#[test]
fn packed_pdus_end_one_sdu_carry_whole_ones_and_begin_another_and_their_comments_say_so() {
    use FragmentControl::{First, Last, Unfragmented};
    let bulk = "[[traffic]]\nkind = \"bulk\"\ncount = 5\nsize = 700\nstart = \"100ms\"\nstop = \"120ms\"\n";
    let run = run_text(&network(1, bulk), &["radio.packing=true"]);
    assert_everything_arrived_once(&run);
    for direction in DIRECTIONS {
        let data: Vec<OpenedData> = run.data("air:").into_iter().filter(|pdu| pdu.direction == direction).collect();
        let shapes: Vec<_> = data.iter().map(pieces).collect();
        let first = vec![(Unfragmented, 700), (Unfragmented, 700), (First, 616)];
        assert_eq!(shapes, [first, vec![(Last, 84), (Unfragmented, 700), (Unfragmented, 700)]]);
        assert!(data.iter().all(|pdu| pdu.octets.len() <= 2_047));
        let comments = [
            "user data, packed 3: 700 octets, 700 octets, octets 1 to 616 of 700, PN 1",
            "user data, packed 3: octets 617 to 700 of 700, 700 octets, 700 octets, PN 2",
        ];
        for (pdu, comment) in data.iter().zip(comments) {
            assert!(comment_of(&run, pdu).starts_with(comment), "{}", comment_of(&run, pdu));
        }
        assert!(comment_of(&run, &data[0]).ends_with("new, 2 SDUs, more fragments to come"));
        assert!(comment_of(&run, &data[1]).ends_with("new, 3 SDUs"));
    }
}

#[test]
fn packing_takes_fewer_pdus_for_the_same_packets_and_off_is_the_default() {
    let [off, default, on] = [&["radio.packing=false"][..], &[], &["radio.packing=true"]].map(several_flows);
    assert_eq!(off.capture_octets(), default.capture_octets());
    let count = |run: &Run| run.data("air:").len();
    assert!(count(&on) < count(&off), "{} PDUs instead of {}", count(&on), count(&off));
    assert!(off.data("air:").iter().all(|pdu| !pdu.pdu_type.packing()));
    assert_everything_arrived_once(&off);
    assert_everything_arrived_once(&on);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Over links that lose, double and spoil frames, through a handover: no packet comes twice or changed.
    #[test]
    fn no_packet_comes_out_twice_or_altered(
        seed: u32,
        packing: bool,
        limited: bool,
        max_pdu in prop_oneof![64_u32..200, 200_u32..=2_047],
        size in 28_u32..=1_500,
        loss in 0_u32..15,
    ) {
        let allocation = if limited { max_pdu.max(600) } else { 1_000_000 };
        let sets = [
            format!("seed={seed}"),
            format!("radio.packing={packing}"),
            format!("radio.max_pdu={max_pdu}"),
            format!("radio.allocation={allocation}"),
            format!("radio.loss=0.{loss:02}"),
            "radio.duplication=0.05".to_owned(),
            "radio.bit_errors=0.05".to_owned(),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let rest = FLOWS.to_owned() + TRAFFIC + &udp(size) + &handover("1s", "bs2", &["bs2"]);
        let run = run_text(&network(2, &rest), &sets);
        let traffic = &run.outcome.traffic["ms1"];
        for counts in [traffic.ul, traffic.dl] {
            prop_assert_eq!((counts.duplicated, counts.altered), (0, 0));
            prop_assert!(counts.delivered > 0);
        }
        prop_assert_eq!(run.outcome.nonce_reuse, 0);
    }
}

// ---- Several service flows and SAs.

#[test]
fn every_sa_has_teks_of_its_own_at_every_base_station_and_they_open_its_pdus_only() {
    // A1
    let run = several_flows(&[]);
    assert_everything_arrived_once(&run);
    let all: Vec<_> = run.teks().map(|tek| *tek.key.expose()).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "two TEKs are the same");
    assert_eq!(all.len(), 3 * 4 * 2, "base stations, SAs, TEKs of each");
    for bs in ["bs2", "bs3"] {
        let kek = run.keks().find(|kek| kek.bs == run.bs(bs)).unwrap();
        let kek = Kek::from_octets(*kek.key.expose());
        for tek in run.teks_of(bs) {
            assert_eq!((tek.source, tek.count), (TekSource::Counter, CmacKeyCount(2)));
            let index = if tek.eks == 0 { TekIndex::Tek0 } else { TekIndex::Tek1 };
            assert_eq!(counter_tek(&kek, tek.count, tek.said, index).octets(), tek.key.expose());
        }
    }
    let data = run.data("air:");
    for pdu in &data {
        let others = run.teks().filter(|tek| tek.bs == pdu.tek.bs && tek.eks == pdu.eks && tek.said != pdu.tek.said);
        let opened = others.filter(|tek| {
            ccm::open(&Tek::from_octets(*tek.key.expose()), &MacPdu::parse(&pdu.octets).unwrap()).is_ok()
        });
        assert_eq!(opened.count(), 0, "frame {}", pdu.frame + 1);
    }
    for interface in ["air:ms1-bs1", "air:ms1-bs2"] {
        let used: BTreeSet<Said> =
            data.iter().filter(|pdu| pdu.interface == interface).map(|pdu| pdu.tek.said).collect();
        assert_eq!(used.len(), 4, "{interface}");
    }
}

#[test]
fn a_packet_takes_the_flow_whose_classifier_it_matches_in_both_directions_at_both_base_stations() {
    let run = several_flows(&[]);
    let saids: Vec<Said> = saids(&connections(&run, "bs1")).into_iter().collect();
    let [primary, second, third, fourth] = saids[..] else { panic!("{saids:?}") };
    for pdu in run.data("air:") {
        let ports = [20, 22].map(|at| u16::from_be_bytes([pdu.plaintext[at], pdu.plaintext[at + 1]]));
        let expected = match (pdu.plaintext[9], pdu.direction) {
            (17, _) if ports.contains(&52_000) => second,
            (1, _) => third,
            (_, Direction::Downlink) => fourth,
            (_, Direction::Uplink) => primary,
        };
        assert_eq!(pdu.tek.said, expected, "frame {}", pdu.frame + 1);
    }
}

#[test]
fn saids_stay_at_handover_while_every_cid_changes_and_all_of_them_are_in_the_messages() {
    // R9, R17
    let run = several_flows(&[]);
    let [at_bs1, at_bs2, at_bs3] = ["bs1", "bs2", "bs3"].map(|bs| connections(&run, bs));
    assert_eq!(at_bs1.len(), 6, "two default flows less one, and five listed ones");
    for other in [&at_bs2, &at_bs3] {
        assert_eq!(saids(other), saids(&at_bs1));
        assert!(other.keys().all(|cid| !at_bs1.contains_key(cid)));
    }
    let basic = run.keys.records.iter().find_map(|record| match record {
        KeyRecord::Connection(connection) if connection.kind == ConnectionType::Basic => Some(connection.cid.0),
        _ => None,
    });
    assert_eq!(saids(&at_bs1).first().map(|said| said.0), basic, "the primary SAID is the basic CID at network entry");

    let (_, _, request) = run.control(MessageKind::HoReq).remove(0);
    let info = request.tlvs.inside(MsInfo);
    let descriptors = info.inside(MsSecurityContext).each(SaDescriptor).map(|descriptor| descriptor.said().unwrap());
    assert_eq!(descriptors.collect::<BTreeSet<_>>(), saids(&at_bs1));
    assert_eq!(info.each(SfInfo).count(), 6);
    let (_, _, context) = run.control(MessageKind::ContextRpt).remove(0);
    assert_eq!(context.tlvs.inside(MsInfo).each(SfInfo).count(), 6);
    let response = run.first_message("air:ms1-bs1", |message| matches!(message, ManagementMessage::MobBshoRsp(_)));
    let Some(ManagementMessage::MobBshoRsp(response)) = response.and_then(|pdu| pdu.message()) else { panic!() };
    let candidates: Vec<_> = response.vendor().unwrap().candidates().collect();
    for (candidate, connections) in candidates.iter().zip([&at_bs2, &at_bs3]) {
        let flows: BTreeMap<Cid, Said> = candidate.flows.iter().map(|flow| (flow.cid, flow.said)).collect();
        assert_eq!(flows, *connections);
    }
    assert_eq!(candidates.len(), 2);
}

const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const BS: Bsid = Bsid([10, 0, 0, 0, 0, 2]);
const NOW: VirtualTime = VirtualTime::from_nanos(1_000_000_000);

fn key_settings() -> BaseStationKeySettings {
    BaseStationKeySettings {
        profile: Profile::Contribution,
        self_sync_window: 4,
        self_sync_budget: 16,
        window: PnWindow::new(64).unwrap(),
        limits: TekLimits::default(),
        tek_cache: true,
        weaknesses: Weaknesses::default(),
    }
}

fn target_keys(saids: Vec<Said>) -> BaseStationKeys {
    let mut keys = BaseStationKeys::new(key_settings(), ak(), saids, lifetime());
    keys.prepare(NOW, CmacKeyCount(2), false);
    keys
}

fn ak() -> AkContext {
    AkContext::derive(&Pmk::from_octets([7; 20]), AkSequenceNumber(0), MS, BS)
}

fn lifetime() -> PmkLifetime {
    let full = Duration::from_secs(3_600);
    PmkLifetime { full, ends: VirtualTime::ZERO + full }
}

/// An uplink PDU of the mobile on a new transport CID, under the TEK of `said` for count 2.
fn uplink(said: Said) -> Vec<u8> {
    let window = PnWindow::new(64).unwrap();
    let mut keys = EntryKeys::from_count(&ak(), CmacKeyCount(2), &[said], &window, lifetime(), NOW);
    let header = GenericMacHeader::new(Cid(0x1100));
    let context = keys.tek_context_mut(said).unwrap();
    context.seal(NOW, Direction::Uplink, header, b"an SDU", CrcForm::MsbFirst).unwrap().octets
}

#[test]
fn a_side_that_takes_the_said_from_the_new_basic_cid_opens_nothing() {
    // broken: A1, R9
    let (assigned, new_basic_cid) = (Said(0x0001), Said(0x0015));
    let pdu = uplink(assigned);
    let pdu = MacPdu::parse(&pdu).unwrap();
    assert!(target_keys(vec![assigned]).open_uplink(NOW, assigned, &pdu).is_ok());
    let mut wrong = target_keys(vec![new_basic_cid]);
    let error = wrong.open_uplink(NOW, new_basic_cid, &pdu).unwrap_err();
    assert_eq!((error.reason, error.searched), (ReceiveError::Icv, true), "under no count of the window either");
    assert!(wrong.open_uplink(NOW, assigned, &pdu).is_err(), "it has no TEKs for the SAID that was assigned");
}

#[test]
fn the_pdu_of_one_sa_does_not_open_under_the_tek_of_another() {
    // broken: A1
    let (first, second) = (Said(0x0001), Said(0x0400));
    let pdu = uplink(first);
    let pdu = MacPdu::parse(&pdu).unwrap();
    let mut keys = target_keys(vec![first, second]);
    assert_eq!(keys.open_uplink(NOW, second, &pdu).unwrap_err().reason, ReceiveError::Icv);
    assert!(keys.open_uplink(NOW, first, &pdu).is_ok());
}

#[test]
fn teks_for_every_sa_come_in_rng_rsp_where_they_are_not_generated() {
    // R8, R9
    for (sets, restart) in [(&["mobile_station.ms1.seamless=false"][..], false), (&[], true)] {
        let mut rest = FLOWS.to_owned() + TRAFFIC;
        if restart {
            // bs2 was given a context before and has forgotten it (R8).
            rest += &handover("500ms", "bs2", &["bs2"]);
            rest += "[[step]]\nat = \"510ms\"\naction = \"cancel\"\n";
            rest += "[[step]]\nat = \"800ms\"\naction = \"restart\"\nnode = \"bs2\"\n";
        }
        let run = run_text(&network(2, &(rest + &handover("1s", "bs2", &["bs2"]))), sets);
        let last = run.outcome.handovers.last().unwrap();
        assert_eq!((last.outcome.as_str(), last.mode.as_str()), ("completed", "legacy-rng-rsp"));
        assert_everything_arrived_once(&run);
        let response = run.first_message("air:ms1-bs2", |message| matches!(message, ManagementMessage::RngRsp(_)));
        let Some(ManagementMessage::RngRsp(response)) = response.and_then(|pdu| pdu.message()) else { panic!() };
        let updated: BTreeSet<Said> = response.sa_tek_updates().map(|update| update.new_said).collect();
        assert_eq!(updated, saids(&connections(&run, "bs1")));
        let used: BTreeSet<Said> = run.data("air:ms1-bs2").iter().map(|pdu| pdu.tek.said).collect();
        assert_eq!(used, updated, "restart: {restart}");
    }
}

// ---- R15: what waits, was sent in part, or was sent too early.

/// The user packets that a base station forwards to another, with their numbers.
fn forwarded(run: &Run, interface: &str) -> Vec<Vec<u8>> {
    let frames = run.capture.frames.iter().filter(|frame| run.interface(frame) == interface);
    let packets = frames.filter_map(|frame| match decapsulate(&frame.octets).unwrap().packet {
        BackbonePacket::Data(packet) => Some(packet.payload),
        BackbonePacket::Control(_) | BackbonePacket::Radius(_) => None,
    });
    packets.collect()
}

#[test]
fn an_sdu_that_is_half_sent_when_the_mobile_leaves_goes_on_as_a_whole_and_arrives_once() {
    // R15
    for packing in ["radio.packing=false", "radio.packing=true"] {
        let traffic =
            "[[traffic]]\nkind = \"udp\"\nsize = 1500\ninterval = \"10ms\"\nstart = \"900ms\"\nstop = \"1.1s\"\n";
        // A packet of 1500 octets takes four subframes of 512 octets, so that there is always one on the way.
        let sets = [packing, "radio.max_pdu=512", "radio.allocation=512"];
        let run = run_text(&network(2, &(traffic.to_owned() + &handover("1s", "bs2", &["bs2"]))), &sets);
        assert_eq!(run.outcome.handovers[0].outcome, "completed");
        assert_everything_arrived_once(&run);
        for direction in DIRECTIONS {
            let at_bs1 = run.data_of_any_time("air:ms1-bs1").into_iter().filter(|pdu| pdu.direction == direction);
            let controls: Vec<FragmentControl> =
                at_bs1.flat_map(|pdu| pieces(&pdu)).map(|(control, _)| control).collect();
            let last = controls.last().unwrap();
            assert!(
                matches!(last, FragmentControl::First | FragmentControl::Middle),
                "{direction} {packing}: {last:?}"
            );
            // What came of it at bs2 begins anew.
            let first_there = run.data("air:ms1-bs2").into_iter().find(|pdu| pdu.direction == direction).unwrap();
            assert_eq!(pieces(&first_there)[0].0, FragmentControl::First);
        }
        let forwarded = forwarded(&run, "r4:bs1-bs2");
        assert!(forwarded.len() > 1 && forwarded.iter().all(|packet| packet.len() == 1_500));
    }
}

#[test]
fn sdus_sent_before_the_mobile_has_shown_its_keys_are_sealed_again_however_many_they_are() {
    // R15, A14
    // T_B is one behind and nothing goes up before RNG-REQ, so that everything is sent in vain at first.
    for packing in ["radio.packing=false", "radio.packing=true"] {
        let traffic = "[[traffic]]\nkind = \"bulk\"\ncount = 3000\nsize = 40\ndirection = \"downlink\"\n\
                       start = \"1.04s\"\nstop = \"1.05s\"\n";
        let rest = traffic.to_owned() + &handover("1s", "bs2", &["bs2"]);
        let run = run_text(&network(2, &rest), &[packing, "mobile_station.ms1.network_key_count=1"]);
        let counts = run.outcome.traffic["ms1"].dl;
        assert_eq!((counts.sent, counts.delivered, counts.duplicated, counts.altered), (3_000, 3_000, 0, 0));
        let data = run.data("air:ms1-bs2");
        let under = |count| data.iter().filter(|pdu| pdu.tek.count == CmacKeyCount(count)).flat_map(pieces).count();
        assert!((1_024..1_200).contains(&under(1)), "{} sent in vain", under(1));
        assert!(under(2) >= 3_000);
    }
}

#[test]
fn an_sdu_that_is_half_sent_when_t_b_advances_is_sealed_again_from_its_beginning() {
    // R15, A11
    for start in ["1.03s", "1.035s", "1.04s", "1.045s"] {
        let traffic = |direction: &str, size: u32, start: &str| {
            format!(
                "[[traffic]]\nkind = \"udp\"\ndirection = \"{direction}\"\nsize = {size}\nstart = \"{start}\"\nstop = \"1.2s\"\n"
            )
        };
        let rest = traffic("downlink", 1_500, start) + &traffic("uplink", 100, "1.05s");
        let sets = ["mobile_station.ms1.network_key_count=1", "radio.max_pdu=512", "radio.allocation=512"];
        let run = run_text(&network(2, &(rest + &handover("1s", "bs2", &["bs2"]))), &sets);
        assert_eq!(run.outcome.handovers[0].self_sync_steps, 1);
        assert_everything_arrived_once(&run);
        let down = run.data("air:ms1-bs2").into_iter().filter(|pdu| pdu.direction == Direction::Downlink);
        let (old, new): (Vec<_>, Vec<_>) = down.partition(|pdu| pdu.tek.count == CmacKeyCount(1));
        assert!(!old.is_empty(), "{start}");
        assert_eq!(pieces(&new[0])[0].0, FragmentControl::First, "{start}");
    }
}

// ---- Limits.

#[test]
fn packets_beyond_the_queue_are_given_up_and_the_run_ends_when_the_others_are_there() {
    let traffic = "[[traffic]]\nkind = \"bulk\"\ncount = 5000\nsize = 40\nstart = \"100ms\"\nstop = \"110ms\"\n";
    let run = run_text(&network(1, traffic), &["duration=200ms", "radio.packing=true"]);
    let traffic = &run.outcome.traffic["ms1"];
    for counts in [traffic.ul, traffic.dl] {
        assert_eq!((counts.sent, counts.delivered, counts.lost), (5_000, 4_096, 904));
    }
    assert!(end(&run.capture) < VirtualTime::from_nanos(3_000_000_000), "given up means not waited for");
    let full = run.capture.frames.iter().filter(|frame| frame.comment.contains("dropped: the queue is full"));
    assert_eq!(full.count(), 904);
}

#[test]
fn a_flood_of_ranging_codes_is_answered_up_to_a_bound() {
    let radio = RadioSettings {
        frame: Duration::from_millis(5),
        downlink: Duration::from_millis(3),
        dl_sync: Duration::from_millis(10),
        association: Association::None,
        crc: CrcForm::MsbFirst,
        max_pdu: 2_047,
        packing: false,
        allocation: None,
        rng_delay: Duration::from_millis(40),
        ranging_deadline: Duration::from_millis(200),
        ranging_retry: Duration::from_millis(50),
        handover_retry: Duration::from_millis(100),
        action_time: 4,
        resource_retain: Duration::from_secs(2),
        neighbour_advertisement: Duration::from_secs(1),
        lost_downlink: Duration::from_secs(4),
        tek_processing: Duration::from_millis(5),
        key_request_retry: Duration::from_millis(300),
    };
    let settings = BaseStationSettings {
        seamless: true,
        bsid: BS,
        mode: HandoverMode::Seamless,
        radio,
        keys: key_settings(),
        pmk_lifetime: lifetime().full,
        retained_contexts: 10,
        context_request_budget: 100,
        preparation_budget: 300,
        neighbours: Vec::new(),
        ports: Arc::new(AirPorts::new(vec![MS], vec![BS])),
    };
    let own = BackboneEndpoint { mac: BS.0, ip: [10, 16, 0, 2].into() };
    let directory = Directory {
        gateway: Place { name: "gw".to_owned(), endpoint: own },
        aaa: Place { name: "aaa".to_owned(), endpoint: own },
        base_stations: BTreeMap::new(),
        mobile_stations: BTreeMap::new(),
    };
    let backbone = BackboneSide::new(own, Duration::from_millis(20), Vec::new());
    let random = generator(1, "test");
    let mut bs = BaseStation::new(settings, Arc::new(directory), backbone, random, CidPool::new(0), BTreeMap::new());
    for _ in 0..500 {
        let octets = cdma_code::HANDOVER_RANGING.to_vec();
        bs.handle(NOW, Input::Frame { port: Port(0), octets }, &mut Outbox::default());
    }
    let mut outbox = Outbox::default();
    bs.handle(NOW + Duration::from_millis(5), Input::Timer, &mut outbox);
    assert_eq!(outbox.frames().count(), 64);
}

#[test]
fn a_packet_from_an_address_that_no_link_leads_to_is_dropped() {
    // R16
    let script = script(&network(2, ""), &[]);
    let mut nodes = world::nodes(&script);
    let topology = &nodes.topology;
    let port = topology.port(LinkEnds::R6 { base_station: 0 });
    let place = |ip| BackboneEndpoint { mac: [2; 6], ip };
    let (gateway, bs1) = (place(topology.addresses[0]), place(topology.addresses[1]));
    let mut accepts = |from: BackboneEndpoint, sequence| {
        let header = GreHeader { key: Some(1), sequence: Some(sequence), protocol: GreHeader::IPV4 };
        let packet = BackbonePacket::Data(GrePacket { header, payload: longest(100, false) });
        let octets = encapsulate(&from, &bs1, 1, &packet).unwrap();
        let mut outbox = Outbox::default();
        nodes.base_stations[0].handle(NOW, Input::Frame { port, octets }, &mut outbox);
        outbox.judged().unwrap().accepted
    };
    assert!(accepts(gateway, 7));
    assert!(!accepts(place([10, 99, 0, 1].into()), 8), "its window would be one more that is kept");
}

fn end(capture: &Capture) -> VirtualTime {
    capture.frames.last().unwrap().time
}

/// A pcap of raw IP packets at time 0.
fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 101].map(u32::to_be_bytes).concat();
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap();
        out.extend([0, 0, length, length].map(u32::to_be_bytes).concat());
        out.extend(packet);
    }
    out
}

/// An IPv4 packet of a protocol that nobody knows, to or from the mobile.
fn longest(octets: u16, uplink: bool) -> Vec<u8> {
    let [high, low] = octets.to_be_bytes();
    let (mobile, host) = ([192, 0, 2, 10], [198, 51, 100, 5]);
    let (from, to) = if uplink { (mobile, host) } else { (host, mobile) };
    let mut packet = vec![0x45, 0, high, low, 0, 0, 0x40, 0, 64, 253, 0, 0];
    packet.extend([from, to].concat());
    packet.resize(usize::from(octets), b'x');
    packet
}

#[test]
fn the_longest_packet_that_fits_in_gre_arrives_and_a_longer_one_is_given_up_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("longest.pcap");
    for (octets, arrives) in [(65_503, true), (65_504, false), (65_535, false)] {
        fs::write(&path, pcap(&[longest(octets, true), longest(octets, false)])).unwrap();
        let run = run_with(&script(&network(1, ""), &["duration=100ms"]), Engine::Inline, Some(&path));
        let traffic = &run.outcome.traffic["ms1"];
        for counts in [traffic.ul, traffic.dl] {
            assert_eq!((counts.sent, counts.delivered), (1, u64::from(arrives)), "{octets}");
        }
        assert!(end(&run.capture) < VirtualTime::from_nanos(3_000_000_000), "nothing is waited for");
        let uplink = run.data("air:").into_iter().rfind(|pdu| pdu.direction == Direction::Uplink).unwrap();
        let why = comment_of(&run, &uplink);
        assert_eq!(why.contains("but IPv4, octet"), !arrives, "{why}");
    }
}

#[test]
fn an_incomplete_sdu_does_not_outlive_its_connection() {
    // Without caches the second attempt at bs2 has the CIDs of the first, and FSNs begin at 0 in both. The mobile is
    // called back with the second of three pieces sent; the first two of the second attempt are lost. What would be
    // pieces 0 and 1 of one SDU and piece 2 of another must not become a packet.
    let traffic = "[[traffic]]\nkind = \"udp\"\nsize = 1400\ninterval = \"10ms\"\nstart = \"900ms\"\nstop = \"1.7s\"\n\
                   direction = \"uplink\"\n";
    let cancel = "[[step]]\nat = \"1.06s\"\naction = \"cancel\"\n";
    let fault =
        "[[fault]]\nlink = \"air:ms1-bs2\"\nto = \"bs2\"\nframe = \"data\"\ncount = 2\nafter = \"1.5s\"\nlose = true\n";
    let rest = [traffic, &handover("1s", "bs2", &["bs2"]), cancel, &handover("1.5s", "bs2", &["bs2"]), fault].concat();
    let sets = [
        "radio.max_pdu=512",
        "radio.allocation=512",
        "base_station.bs2.tek_cache=false",
        "mobile_station.ms1.tek_cache=false",
    ];
    let run = run_text(&network(2, &rest), &sets);
    let sent = run.data_of_any_time("air:ms1-bs2");
    let (first, second): (Vec<_>, Vec<_>) =
        sent.iter().filter(|pdu| pdu.direction == Direction::Uplink).partition(|pdu| pdu.time < at(1.5));
    let fsn = |pdu: &&OpenedData| FragmentationSubheader::parse(&pdu.plaintext, true).unwrap().0.fsn;
    assert_eq!(first.iter().map(fsn).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(
        second.iter().take(3).map(|pdu| (fsn(pdu), pdu.lost)).collect::<Vec<_>>(),
        [(0, true), (1, true), (2, false)]
    );
    assert_eq!(first[0].cid, second[0].cid);
    let counts = run.outcome.traffic["ms1"].ul;
    assert_eq!((counts.lost, counts.altered), (1, 0));
}

fn at(seconds: f64) -> VirtualTime {
    VirtualTime::from_nanos((seconds * 1e9) as u64)
}

// ---- The edges of the replay window.

/// Packet numbers that the adversary holds back, each for itself: 12 and 13 below a highest one of 20, 52 and 53 below 60.
const HELD_BACK: [u32; 4] = [12, 13, 52, 53];
/// What it plays after PN 20 has come, and after PN 60 has, which is the next one that it lets through.
const PLAYED: [(u64, &[u32]); 2] = [(486, &[13, 13, 12, 20, 19]), (1_286, &[53, 52, 20, 60])];

/// PN and verdict of every uplink PDU in order of arrival, in a run with this window at bs1. PN n starts at
/// 103 + 20 (n - 1) ms.
fn edges(window: u16) -> Vec<(u32, &'static str)> {
    let attack = |name: &str, trigger: &str, action: &str| {
        format!(
            "[[attack]]\nname = \"{name}\"\ntap = \"air:ms1-bs1\"\ndirection = \"uplink\"\n\
             trigger = {{ {trigger} }}\naction = {{ {action} }}\n"
        )
    };
    let mut rest = udp(100).replace("both", "uplink");
    for pn in [HELD_BACK.as_slice(), &[19, 20, 60]].concat() {
        let trigger = format!("frame = \"data\", nth = {pn}");
        rest.push_str(&attack(&format!("hear-{pn}"), &trigger, &format!("record = \"pn-{pn}\"")));
    }
    for (nth, count) in [(12, 2), (21, 39)] {
        let trigger = format!("frame = \"data\", nth = {nth}, count = {count}");
        rest.push_str(&attack(&format!("hold-{nth}"), &trigger, "drop = true"));
    }
    for (at, pns) in PLAYED {
        for (place, pn) in (0u64..).zip(pns) {
            let at = at + place;
            rest.push_str(&attack(
                &format!("play-{at}"),
                &format!("time = \"{at}ms\""),
                &format!("replay = \"pn-{pn}\""),
            ));
        }
    }
    let run = run_text(&network(1, &rest), &[&format!("base_station.bs1.pn_window={window}")]);
    let mut arrived = run.data_of_any_time("");
    arrived.retain(|pdu| !pdu.lost);
    let verdict = |pdu: &OpenedData| {
        let comment = comment_of(&run, pdu);
        let words = [("ICV good", "accept"), ("already accepted", "duplicate"), ("below the window", "old")];
        let found = words.iter().find(|(text, _)| comment.contains(text));
        (pdu.pn, found.unwrap_or_else(|| panic!("{comment}")).1)
    };
    arrived.iter().map(verdict).collect()
}

/// What `keyhop calc window` says of the same numbers in the same order.
fn calculated(window: u16, pns: &[u32]) -> Vec<String> {
    let pns: Vec<String> = pns.iter().map(u32::to_string).collect();
    let mut command = assert_cmd::Command::cargo_bin("keyhop").unwrap();
    command.args(["calc", "window", "--json", "--size", &window.to_string(), "--pns", &pns.join(",")]);
    let answer: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    answer["verdicts"].as_array().unwrap().iter().map(|verdict| verdict.as_str().unwrap().to_owned()).collect()
}

#[test]
fn replays_at_the_edges_of_the_window_come_to_what_the_calculator_says() {
    // A20
    for window in [8, 64, 1, 0] {
        let seen = edges(window);
        let pns: Vec<u32> = seen.iter().map(|(pn, _)| *pn).collect();
        assert!(pns.len() > 60 && pns.contains(&12), "{pns:?}");
        let verdicts: Vec<&str> = seen.iter().map(|(_, verdict)| *verdict).collect();
        assert_eq!(verdicts, calculated(window, &pns), "window {window}");
    }
    // The table of the documentation: what follows the arrival of PN 20, and of PN 60.
    let seen = edges(8);
    let after = |pn, count| {
        let from = seen.iter().position(|(of, _)| *of == pn).unwrap();
        seen[from..=from + count].to_vec()
    };
    let words = [
        "newest so far: the window is 13 to 20",
        "the oldest number of the window, held back until now",
        "the same again",
        "one older, held back until now",
        "the newest again",
        "one from the middle",
        "a jump by 40: the window is 53 to 60",
        "the oldest number of the window, held back until now",
        "one older, held back until now",
        "accepted before the jump",
        "the newest again",
    ];
    let rows = [after(20, 5), after(60, 4)].concat();
    assert_eq!(rows.len(), words.len());
    let rows: Vec<String> =
        rows.iter().zip(words).map(|((pn, verdict), words)| format!("| {pn} | {words} | {verdict} |\n")).collect();
    let table = format!("| PN | what it is | verdict |\n| ---: | --- | --- |\n{}", rows.concat());
    let readme = fs::read_to_string(crate::support::repository("captures/README.md")).unwrap();
    assert!(readme.contains(&table), "captures/README.md has another table than\n{table}");
}
