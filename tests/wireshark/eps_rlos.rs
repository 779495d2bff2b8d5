//! Attaches for restricted local operator services (seed 003), as Wireshark reads them: whole runs of every variant. Elements that the
//! standard does not have stand at the end of a message, and give one note each message: "extraneous data".

use std::net::Ipv4Addr;
use std::time::Duration;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::eps::node::parlos::NULL;
use keyhop::eps::node::{Command, Credential, NetworkProof, Parlos, RlosMme, RlosUe, Scheme};
use keyhop::eps::parameters::{AlgorithmId, LinkDirection};
use keyhop::eps::security::key_transport::{Authority, KeyTransport, KeyUsage, PrivateKey, signature};
use keyhop::eps::wire::nas::{AlgorithmSet, EmmMessage};
use keyhop::eps::wire::radio_frame::{self, RadioFrame, in_upper_pdu};
use keyhop::eps::wire::{CoreFrame, S1apMessage, UeId};
use keyhop::time::VirtualTime;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::eps_network::{NULL_CIPHERING, Plan, RlosPlan, Seen, To, imsi, packet, plmn, replacing_s1ap};
use crate::tshark::{VALUE, fields, lines_of_fields, read};
use crate::worked_frames::file;

const EXTRANEOUS: &str = "Extraneous Data, dissector bug or later version spec(report to wireshark.org)";

fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn arranged(variant: Parlos) -> RlosPlan {
    let valid = VirtualTime::ZERO..=VirtualTime::ZERO + Duration::from_secs(9 * 86_400);
    let (mut ue, mut mme) = (RlosUe::new(variant, plmn(), random(21)), RlosMme::new(variant));
    let mut operator = Authority::new("operator-1", signature::signing_key(&mut random(22)));
    let signing = signature::signing_key(&mut random(23));
    if let (Credential::Certificate, Some(scheme)) = (variant.credential, variant.transport) {
        let key = PrivateKey::generate(scheme, &mut random(24)).unwrap();
        let (name, usage) = (imsi(0).to_string(), KeyUsage::KeyTransport);
        ue.certificate = operator.certify_transport(&name, &key.public(), usage, valid.clone()).ok();
        ue.key = Some(key);
    }
    mme.certificate = operator.certify_signing("mme.1", signing.verifying_key(), KeyUsage::Signature, valid).ok();
    (ue.mme_name, ue.pinned) = ("mme.1".to_owned(), Some(*signing.verifying_key()));
    (ue.anchors, mme.anchors, mme.signing) = (vec![operator.anchor()], vec![operator.anchor()], Some(signing));
    RlosPlan { ues: vec![ue], mme }
}

fn plan(rlos: RlosPlan) -> Plan {
    let plan = Plan { cells: 1, rlos: Some(rlos), ..Plan::always(Scheme::NextHopS1) };
    let plan = plan.command(10, To::Ue(0), Command::Attach).command(600, To::Ue(0), Command::Uplink(packet(1)));
    plan.command(610, To::Gateway, Command::Downlink(imsi(0), packet(2))).command(900, To::Ue(0), Command::PowerOff)
}

/// The core network of a run.
fn core(seen: &Seen) -> Capture {
    let frames = seen.transmissions.iter().filter(|sent| CoreFrame::parse(&sent.octets).is_ok());
    let frames = frames.map(|sent| CapturedFrame {
        time: sent.time,
        interface: 0,
        octets: sent.octets.clone(),
        direction: None,
        source: None,
        destination: None,
        comment: sent.note.clone(),
    });
    let description = String::new();
    let interface = InterfaceDescription { name: "core".to_owned(), description, kind: LinkKind::Backbone };
    Capture {
        section_comment: "core network of EPS".to_owned(),
        interfaces: vec![interface],
        names: Vec::new(),
        secrets: Vec::new(),
        frames: frames.collect(),
    }
}

/// NAS in the clear, but with a MAC.
fn readable(variant: Parlos) -> Plan {
    Plan { nas_algorithms: vec![vec![NULL_CIPHERING]], ..plan(arranged(variant)) }
}

fn variants() -> Vec<Parlos> {
    let mut all = Vec::new();
    for transport in KeyTransport::ALL {
        for credential in [Credential::SelfMade, Credential::Certificate] {
            all.push(Parlos { transport: Some(transport), credential, ..Parlos::default() });
        }
        all.push(Parlos { transport: Some(transport), mme_key: true, hash: true, ..Parlos::default() });
    }
    for network in [NetworkProof::Pinned, NetworkProof::Certified] {
        all.push(Parlos { network, hash: true, ..Parlos::default() });
    }
    all
}

/// The air of a run up to its security mode command.
fn air(seen: &Seen) -> Capture {
    let [ue, enb] = [Ipv4Addr::new(10, 64, 0, 1), Ipv4Addr::new(10, 64, 1, 1)];
    let before = seen.transmissions.iter().take_while(|sent| sent.note != "SecurityModeCommand");
    let frames = before.filter(|sent| CoreFrame::parse(&sent.octets).is_err()).map(|sent| {
        let frame = RadioFrame { ue_id: UeId(1), ..RadioFrame::parse(&sent.octets).unwrap() };
        let (from, to) = if frame.direction == LinkDirection::Uplink { (ue, enb) } else { (enb, ue) };
        CapturedFrame {
            time: sent.time,
            interface: 0,
            octets: in_upper_pdu(radio_frame::DISSECTOR, from, to, &frame.octets().unwrap()).unwrap(),
            direction: None,
            source: None,
            destination: None,
            comment: sent.note.clone(),
        }
    });
    let interface = InterfaceDescription { name: "uu".to_owned(), description: String::new(), kind: LinkKind::Tagged };
    Capture {
        section_comment: "air of EPS".to_owned(),
        interfaces: vec![interface],
        names: Vec::new(),
        secrets: Vec::new(),
        frames: frames.collect(),
    }
}

/// What Wireshark says of each frame besides its comment, with the comment; it finds nothing malformed.
fn remarks(capture: &Capture) -> Vec<(String, Vec<String>)> {
    let (_folder, path) = file(capture);
    let (lines, _) = lines_of_fields(&path, &[], &["frame.comment", "_ws.malformed", "_ws.expert.message"]);
    assert_eq!(lines.len(), capture.frames.len());
    let remarks = lines.into_iter().map(|line| {
        let [comment, malformed, messages] = &line[..] else { panic!("{line:?}") };
        assert_eq!(malformed, "", "{comment}");
        let messages = messages.split(VALUE).filter(|message| message != comment && !message.is_empty());
        (comment.clone(), messages.map(str::to_owned).collect())
    });
    remarks.collect()
}

#[test]
fn every_message_of_every_variant_opens_and_what_the_standard_does_not_have_is_one_note() {
    // P1 P10 P11
    for variant in variants() {
        let seen = readable(variant).run();
        assert!(seen.sent("DeleteSessionResponse") == 1, "{variant:?}");
        let mut with_note = 0;
        for capture in [core(&seen), air(&seen)] {
            for (comment, remarks) in remarks(&capture) {
                let of_transport = ["InitialUeMessage", "DownlinkNasTransport", "UplinkNasTransport"];
                let carries = of_transport.contains(&comment.as_str()) || comment.contains("InformationTransfer");
                if carries || comment.starts_with("RRCConnectionSetupComplete") {
                    assert!(remarks.is_empty() || remarks == [EXTRANEOUS], "{variant:?} {comment}: {remarks:?}");
                    with_note += remarks.len();
                } else {
                    assert_eq!(remarks, [""; 0], "{variant:?} {comment}");
                }
            }
        }
        // Request and command, each on the air and on S1; with a part of the ME its answer too.
        assert_eq!(with_note, if variant.mme_key { 6 } else { 4 }, "{variant:?}");
    }
}

#[test]
fn the_fields_of_an_attach_are_where_they_are_meant_to_be() {
    // P1 P10
    let variant = Parlos { network: NetworkProof::Certified, hash: true, ..Parlos::default() };
    let (_folder, path) = file(&core(&readable(variant).run()));
    let shown = read(&path, &["-V", "-Y", "nas-eps"]);
    for expected in [
        "EPS attach type: EPS RLOS attach (3)",
        "Protocol or Container ID: Operator Specific Use (0xff00)",
        "NAS EPS Mobility Management Message Type: Security mode command (0x5d)",
        "Type of ciphering algorithm: EPS encryption algorithm EEA0 (null ciphering algorithm) (0)",
        "Type of integrity protection algorithm: EPS integrity algorithm 128-EIA2 (2)",
        "HashMME: ",
        "NAS EPS Mobility Management Message Type: Security mode complete (0x5e)",
        "NAS EPS Mobility Management Message Type: Attach accept (0x42)",
        "NAS EPS session management messages: Activate default EPS bearer context request (0xc1)",
        "NAS EPS Mobility Management Message Type: Attach complete (0x43)",
        "NAS EPS Mobility Management Message Type: Detach request (0x45)",
    ] {
        assert!(shown.contains(expected), "{expected}");
    }
    // The key of the ME is long enough for the options, that of RSA is not.
    let lengths = |scheme| {
        let seen = readable(Parlos { transport: Some(scheme), ..Parlos::default() }).run();
        let (_folder, path) = file(&core(&seen));
        fields(&path, &[], "nas_eps.nas_msg_emm_type == 0x41", &["gsm_a.gm.sm.pco_pid"]).trim_end().to_owned()
    };
    assert_eq!(KeyTransport::ALL.map(lengths), ["0xff00", "0xff00", ""]);
    let (_folder, path) = file(&core(&readable(variant).run()));
    assert_eq!(fields(&path, &[], "gtpv2.message_type == 32", &["gtpv2.apn", "gtpv2.rat_type"]), "rlos|6\n");
}

#[test]
fn refusals_and_the_null_algorithms_open_too() {
    // P4 P6
    let mut not_offered = arranged(Parlos::default());
    not_offered.mme.offered = false;
    let strip = replacing_s1ap(|message| {
        let S1apMessage::InitialUeMessage(message) = message else { return false };
        let Ok(EmmMessage::AttachRequest { attach_type, key_set, identity, mut capability, esm, elements }) =
            EmmMessage::parse(&message.nas_pdu)
        else {
            return false;
        };
        capability.ciphering = AlgorithmSet::of(&[AlgorithmId::Null]);
        let request = EmmMessage::AttachRequest { attach_type, key_set, identity, capability, esm, elements };
        message.nas_pdu = request.octets().unwrap();
        true
    });
    let null = Parlos { transport: None, ..Parlos::default() };
    let runs = [
        (plan(not_offered).run(), "Attach reject"),
        (readable(Parlos::default()).run_with(strip), "Security mode reject"),
        (Plan { enb_algorithms: vec![vec![NULL]], ..plan(arranged(null)) }.run(), "Attach accept"),
    ];
    for (seen, expected) in runs {
        for (comment, remarks) in [core(&seen), air(&seen)].iter().flat_map(remarks) {
            assert!(remarks.is_empty() || remarks == [EXTRANEOUS], "{expected}, {comment}: {remarks:?}");
        }
        let (_folder, path) = file(&core(&seen));
        let shown = fields(&path, &[], "nas-eps", &["_ws.col.Info"]);
        assert!(shown.contains(expected), "{shown}");
    }
}
