//! What forged packets make a base station and the authenticator do, with budgets and without (attacks 2, 4 and 6 of
//! `dot16-security.md` 9). The table is the one of README.md.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use keyhop::capture::key_log::{ConnectionType, KeyRecord};
use keyhop::dot16::backbone::transport::encapsulate;
use keyhop::dot16::backbone::{BackbonePacket, ControlMessage, MessageKind};
use keyhop::dot16::identifiers::{AkSequenceNumber, Cid, CmacKeyCount};
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu, ManagementMessage, RngReq, RngReqTlv};
use keyhop::emulation::{Engine, Injection};
use keyhop::scenario::script::Script;
use keyhop::scenario::work::NodeWork;
use keyhop::scenario::world::{LinkEnds, Topology, build};

use crate::forger::{NOTE, pdu, run_world};
use crate::scripts::ms;
use crate::support::{
    Run, bundled_names, handover, network, repository, run_bundled, run_script, run_with, script, udp,
};

/// Packets forged in one second.
const FORGED: u16 = 200;
/// A second's budget in the rows with one.
const BUDGET: u32 = 16;
/// The base station that is flooded, by its position in the script.
const TARGET: usize = 1;

#[derive(Clone, Copy)]
enum Flood {
    /// User data on the CID that is allocated to ms1 before it comes.
    UplinkData,
    /// RNG-REQ, each in the name of another mobile of the network.
    RangingRequests,
    /// HO_Req, each for another mobile of the network.
    Preparations,
}

impl Flood {
    fn in_words(self) -> &'static str {
        match self {
            Self::UplinkData => "user data that no TEK opens, before the mobile comes",
            Self::RangingRequests => "RNG-REQ of mobiles that nobody has announced",
            Self::Preparations => "HO_Req for mobiles that never come",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Self::UplinkData => "self_sync_budget",
            Self::RangingRequests => "context_request_budget",
            Self::Preparations => "preparation_budget",
        }
    }
}

/// ms1 goes to bs2 at 1 s; as many mobiles as packets are forged stay at bs1.
fn flooded(flood: Flood, budget: u32) -> Script {
    let mut text = network(2, &(udp(160) + &handover("1s", "bs2", &["bs2"])));
    for number in 2..FORGED + 2 {
        let [high, low] = number.to_be_bytes();
        write!(
            text,
            "[[mobile_station]]\nname = \"ms{number}\"\nmac = \"02000000{high:02x}{low:02x}\"\n\
             ip = \"192.0.{}.{low}\"\nserving = \"bs1\"\n",
            3 + high
        )
        .unwrap();
    }
    let text = text.replace("[[traffic]]\n", "[[traffic]]\nmobile_station = \"ms1\"\n");
    let text = text.replace("[[step]]\n", "[[step]]\nmobile_station = \"ms1\"\n");
    script(&text, &[&format!("base_station.bs2.{}={budget}", flood.setting())])
}

/// The transport CIDs that bs2 has for ms1, uplink first.
fn transport_cid(genuine: &Run) -> Cid {
    let data = genuine.data("air:ms1-bs2").into_iter().find(|pdu| pdu.direction.to_string() == "uplink").unwrap();
    let known = genuine.keys.records.iter().any(|record| {
        matches!(record, KeyRecord::Connection(connection)
            if connection.kind == ConnectionType::Transport && connection.cid == data.cid)
    });
    assert!(known);
    data.cid
}

/// The forged packets: when, on which link, and their octets. Those of user data come while bs2 has the context and ms1
/// is still on its way.
fn forged(
    flood: Flood,
    genuine: &Run,
    script: &Script,
    topology: &Topology,
) -> BTreeMap<keyhop::time::VirtualTime, Vec<Injection>> {
    let (from, pace) = match flood {
        Flood::UplinkData => (ms(1_016), Duration::from_micros(100)),
        // In a second in which nobody else needs the budget.
        _ => (ms(2_050), Duration::from_millis(1)),
    };
    let link = topology.links().find(|(_, ends)| match flood {
        Flood::Preparations => matches!(ends, LinkEnds::R4 { .. }),
        _ => matches!(ends, LinkEnds::Air { mobile: 0, base_station: TARGET }),
    });
    let (port, _) = link.unwrap();
    let mut frames = BTreeMap::new();
    for number in 0..FORGED {
        let mac = script.mobile_stations[usize::from(number) + 1].mac;
        let octets = match flood {
            Flood::UplinkData => {
                let header = GenericMacHeader {
                    encrypted: true,
                    crc_present: true,
                    ..GenericMacHeader::new(transport_cid(genuine))
                };
                let mut body = (0x8000_0001 + u32::from(number)).to_le_bytes().to_vec();
                body.extend((0..68u16).map(|place| (place * 31 + number * 7) as u8));
                MacPdu::build(header, &body, Some(CrcForm::MsbFirst)).unwrap()
            }
            Flood::RangingRequests => {
                let tuple =
                    CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(0), bsid: None, pn: 77, value: *b"whatever" };
                let tlvs = vec![
                    RngReqTlv::SsMacAddress(mac),
                    RngReqTlv::RangingPurpose(RngReq::PURPOSE_HANDOVER),
                    RngReqTlv::CmacKeyCount(CmacKeyCount(2)),
                    RngReqTlv::CmacTuple(tuple),
                ];
                let message = ManagementMessage::RngReq(RngReq { reserved: 0, tlvs: tlvs.into() });
                pdu(Cid::INITIAL_RANGING, &message.octets().unwrap())
            }
            Flood::Preparations => {
                let (_, packet, request) = genuine.control(MessageKind::HoReq).into_iter().next().unwrap();
                let request = ControlMessage { ms: mac, transaction: 1_000 + number, ..request };
                encapsulate(&packet.from, &packet.to, number, &BackbonePacket::Control(request)).unwrap()
            }
        };
        let injection = Injection { port, to: topology.base_station(TARGET), octets, note: NOTE.to_owned(), attack: 0 };
        frames.entry(from + pace * u32::from(number)).or_insert_with(Vec::new).push(injection);
    }
    frames
}

/// What bs2 did: TEKs derived, ICV trials, CMAC checks, Context_Reqs, contexts kept; and Context_Rpts of the gateway.
type Costs = [u64; 6];

fn costs(work: &BTreeMap<String, NodeWork>) -> Costs {
    match (work["bs2"], work["gw"]) {
        (
            NodeWork::BaseStation { tek_derivations, icv_trials, cmac_checks, context_requests, contexts_kept },
            NodeWork::Authenticator { context_reports },
        ) => [tek_derivations, icv_trials, cmac_checks, context_requests, context_reports, contexts_kept],
        other => panic!("{other:?}"),
    }
}

/// What the flood costs beyond what the same run costs without it, with this budget.
fn flood(flood: Flood, budget: u32) -> Costs {
    let script = flooded(flood, budget);
    let genuine = run_script(&script);
    let of = |frames: &dyn Fn(&Topology) -> BTreeMap<_, _>| {
        let world = build(&script);
        let topology = world.topology.clone();
        let frames = frames(&topology);
        let reported = run_world(world, frames, |_| None);
        assert_eq!(reported.ends, [keyhop::dot16::node::Outcome::Completed], "ms1 gets through");
        costs(&reported.work.finish(&script, &topology))
    };
    let quiet = of(&|_| BTreeMap::new());
    let loud = of(&|topology| forged(flood, &genuine, &script, topology));
    std::array::from_fn(|kind| loud[kind] - quiet[kind])
}

const FLOODS: [Flood; 3] = [Flood::UplinkData, Flood::RangingRequests, Flood::Preparations];

#[test]
fn the_table_of_the_readme_is_what_floods_cost_and_a_budget_bounds_each() {
    // R6, R8
    let mut table = "\
| 200 forged in one second | budget | TEKs derived | ICV trials | CMAC checks | Context_Req | Context_Rpt | contexts kept |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"
    .to_owned();
    for kind in FLOODS {
        let (bounded, unbounded) = (flood(kind, BUDGET), flood(kind, 1_000_000));
        for (budget, costs) in [(BUDGET.to_string(), bounded), ("none".to_owned(), unbounded)] {
            let cells = costs.map(|cost| format!(" {cost} |")).concat();
            writeln!(table, "| {} | {budget} |{cells}", kind.in_words()).unwrap();
        }
        // Nothing costs more with a budget, and something costs at most what the budget allows.
        assert!(bounded.iter().zip(unbounded).all(|(bounded, unbounded)| *bounded <= unbounded));
        match kind {
            Flood::UplinkData => {
                // A search is four counts, each of two TEKs.
                assert_eq!((bounded[0], unbounded[0]), (u64::from(BUDGET) * 8, u64::from(FORGED) * 8));
            }
            _ => assert_eq!((bounded[3], unbounded[3]), (u64::from(BUDGET), u64::from(FORGED))),
        }
    }
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    assert!(readme.contains(&table), "README.md has another table than\n{table}");
}

#[test]
fn no_bundled_run_of_an_honest_network_comes_near_a_budget() {
    for name in bundled_names() {
        let run = run_bundled(&name, &[]);
        let floods = run.capture.frames.iter().any(|frame| frame.comment.contains("in this second"));
        assert!(!floods || name.contains("flood") || name.contains("elsewhere"), "{name} meets a budget");
    }
}

#[test]
fn both_engines_report_the_same_work() {
    let script = script(&crate::support::bundled("stale-count"), &[]);
    let [inline, threads] =
        [Engine::Inline, Engine::PerNode].map(|engine| run_with(&script, engine, None).outcome.work);
    assert_eq!(inline, threads);
    // One uplink PDU was searched for under one count more: two TEKs, beside the two of the preparation.
    assert_eq!(costs(&inline)[0], 4);
    assert_eq!(
        inline["bs3"],
        NodeWork::BaseStation {
            tek_derivations: 0,
            icv_trials: 0,
            cmac_checks: 0,
            context_requests: 0,
            contexts_kept: 0
        }
    );
}
