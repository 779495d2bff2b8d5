//! Attaches over UTRAN and GERAN as Wireshark reads them: GMM, RANAP with its keys, vectors of S6d, LLC over Gb and on the air.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::emulation::NodeIndex;
use keyhop::eps::keys::CkIk;
use keyhop::eps::node::{Command, What};
use keyhop::eps::security::aka::separated;
use keyhop::eps::wire::{CoreFrame, GeranFrame, UtranFrame};

use crate::eps_network::{Access, AuthenticationPlan, Plan, Seen, To, imsi, packet};
use crate::recipe::complaints_of;
use crate::tshark::fields;
use crate::worked_frames::file;

const NODES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 16, 0, 1), Ipv4Addr::new(10, 16, 0, 2)];

/// An attach after a resynchronisation, a packet in each direction, and an authentication anew.
fn run(access: Access) -> Seen {
    let authentication = Some(AuthenticationPlan { hss_sqn: 100, usim_sqn: 5_000, latency: 6 });
    let plan = Plan { authentication, ..Plan::off(access) };
    let plan = plan.command(500, To::Ue(0), Command::Uplink(packet(1)));
    let plan = plan.command(501, To::Gateway, Command::Downlink(imsi(0), packet(1)));
    plan.command(600, To::Sgsn(0), Command::Authenticate(imsi(0))).run()
}

/// The core network and the air of a run.
fn capture(seen: &Seen) -> Capture {
    let frames = seen.transmissions.iter().map(|sent| {
        let (interface, octets) = if let Ok(utran) = UtranFrame::parse(&sent.octets) {
            (1, utran.in_capture(NODES[0], NODES[1]).unwrap())
        } else if let Ok(geran) = GeranFrame::parse(&sent.octets) {
            (1, geran.in_capture(NODES[0], NODES[1]).unwrap())
        } else {
            assert!(CoreFrame::parse(&sent.octets).is_ok(), "{}", sent.note);
            (0, sent.octets.clone())
        };
        let comment = sent.note.clone();
        CapturedFrame { time: sent.time, interface, octets, direction: None, source: None, destination: None, comment }
    });
    let interface = |name: &str, kind| InterfaceDescription { name: name.to_owned(), description: String::new(), kind };
    Capture {
        section_comment: "attach to an SGSN".to_owned(),
        interfaces: vec![interface("core", LinkKind::Backbone), interface("air", LinkKind::Tagged)],
        names: Vec::new(),
        secrets: Vec::new(),
        frames: frames.collect(),
    }
}

/// CK and IK of the USIM, each time that it has answered.
fn agreed(seen: &Seen) -> Vec<CkIk> {
    let keys = |(node, what): (NodeIndex, &What)| match what {
        What::AkaKeys { keys, .. } if node == NodeIndex(0) => Some(keys.clone()),
        _ => None,
    };
    seen.of(0).filter_map(keys).collect()
}

fn halves(keys: &[CkIk]) -> [Vec<String>; 2] {
    [0, 16].map(|start| keys.iter().map(|keys| hex::encode(&keys.octets()[start..start + 16])).collect())
}

#[test]
fn an_attach_over_umts_is_shown_with_the_keys_that_it_delivers() {
    // E1
    let seen = run(Access::Umts);
    let capture = capture(&seen);
    assert_eq!(complaints_of(&capture), [""; 0]);
    let (_folder, path) = file(&capture);
    let read = |filter: &str, field: &str| -> Vec<String> {
        let shown = fields(&path, &[], filter, &[field]).replace(':', "");
        shown.lines().map(str::to_owned).collect()
    };
    // What the USIM has agreed on is nowhere; CK' and IK' are in the vectors and in the security mode commands, IK' first.
    let of_usim = agreed(&seen);
    let delivered: Vec<CkIk> = of_usim.iter().map(separated).collect();
    let [ck, ik] = halves(&delivered);
    assert_eq!(of_usim.len(), 2);
    let pairs: Vec<String> = ik.iter().zip(&ck).map(|(ik, ck)| format!("{ik},{ck}")).collect();
    assert_eq!(read("ranap.procedureCode == 6 && ranap.key", "ranap.key"), pairs);
    // The vector that the USIM was out of step with is the first.
    let vectors = read("diameter.Confidentiality-Key", "diameter.Confidentiality-Key");
    assert_eq!((vectors.len(), &vectors[1..]), (3, &ck[..]));
    assert_eq!(read("diameter.Integrity-Key", "diameter.Integrity-Key")[1..], ik);
    // GMM, in RANAP and in RRC.
    for layer in ["ranap", "rrc"] {
        let kinds: BTreeSet<String> =
            read(&format!("{layer} && gsm_a.dtap.msg_gmm_type"), "gsm_a.dtap.msg_gmm_type").into_iter().collect();
        let expected = ["0x01", "0x02", "0x03", "0x12", "0x13", "0x1c"].map(str::to_owned);
        assert_eq!(kinds, BTreeSet::from(expected), "{layer}");
    }
    assert_eq!(read("ranap && gsm_a.dtap && e212.imsi", "e212.imsi"), ["001010000000001"]);
    // One security mode command of RRC begins, one changes keys.
    for field in ["rrc.integrityProtInitNumber", "rrc.dl_IntegrityProtActivationInfo_element"] {
        assert_eq!(read(field, "frame.number").len(), 1, "{field}");
    }
}

#[test]
fn an_attach_over_gprs_is_shown_with_its_frames_right_and_its_packets_in_the_clear() {
    // E1
    let seen = run(Access::Gprs);
    let capture = capture(&seen);
    assert_eq!(complaints_of(&capture), [""; 0]);
    let (_folder, path) = file(&capture);
    let read = |filter: &str, field: &str| -> Vec<String> {
        let shown = fields(&path, &[], filter, &[field]).replace(':', "");
        shown.lines().map(str::to_owned).collect()
    };
    let kinds: BTreeSet<String> =
        read("bssgp && gsm_a.dtap.msg_gmm_type", "gsm_a.dtap.msg_gmm_type").into_iter().collect();
    let expected = ["0x01", "0x02", "0x03", "0x12", "0x13", "0x1c"].map(str::to_owned);
    assert_eq!(kinds, BTreeSet::from(expected));
    // On the air as on Gb.
    let both = read("llcgprs && gsm_a.dtap.msg_gmm_type", "gsm_a.dtap.msg_gmm_type").len();
    assert_eq!(both, 2 * read("bssgp && gsm_a.dtap.msg_gmm_type", "gsm_a.dtap.msg_gmm_type").len());
    // A packet in each direction, each on the air and on Gb.
    assert_eq!(read("sndcp && udp.port == 40000", "frame.number").len(), 4);
    let [ck, _] = halves(&agreed(&seen).iter().map(separated).collect::<Vec<_>>());
    assert_eq!(read("diameter.Confidentiality-Key", "diameter.Confidentiality-Key")[1..], ck);
}
