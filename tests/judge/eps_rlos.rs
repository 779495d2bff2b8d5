//! Attaches for restricted local operator services before the judge: what it opens with a private key, and commands that must not be
//! accepted (seed 003).

use std::time::Duration;

use keyhop::capture::capture_file::Capture;
use keyhop::capture::key_log::KeyLog;
use keyhop::capture::key_log::eps::{CommandProof, EpsKeyRecord, NetworkKeyRecord, ParlosRecord, TrustRecord};
use keyhop::emulation::{Fate, NodeIndex};
use keyhop::eps::keys::Kasme;
use keyhop::eps::node::parlos::NULL;
use keyhop::eps::node::{Command, Credential, NetworkProof, Parlos, RlosMme, RlosUe, Scheme};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, LinkDirection};
use keyhop::eps::security::key_transport::{self, Authority, KeyTransport, KeyUsage, PrivateKey, signature};
use keyhop::eps::security::parties::UeKeys;
use keyhop::eps::wire::S1apMessage;
use keyhop::eps::wire::nas::element::TAG_SEALED;
use keyhop::eps::wire::nas::{AlgorithmSet, EmmMessage, ProtectedNas, SecurityHeader, esm};
use keyhop::judge::{FindingKind, Judgement, NoteKind};
use keyhop::time::VirtualTime;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::eps_network::{NULL_CIPHERING, Plan, RlosPlan, To, imsi, packet, plmn, replacing_s1ap};
use super::eps_nodes::left_behind;
use super::judged;

fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn operator() -> Authority {
    Authority::new("operator-1", signature::signing_key(&mut random(22)))
}

fn arranged(variant: Parlos) -> RlosPlan {
    let valid = VirtualTime::ZERO..=VirtualTime::ZERO + Duration::from_secs(9 * 86_400);
    let (mut ue, mut mme) = (RlosUe::new(variant, plmn(), random(21)), RlosMme::new(variant));
    let (mut operator, signing) = (operator(), signature::signing_key(&mut random(23)));
    if variant.credential == Credential::Certificate {
        let key = PrivateKey::generate(variant.transport.unwrap(), &mut random(24)).unwrap();
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
    Plan { ends: 6_000, ..plan.command(610, To::Gateway, Command::Downlink(imsi(0), packet(2))) }
}

/// The lines of a variant.
fn lines(variant: Parlos) -> Vec<EpsKeyRecord> {
    let network = match variant.network {
        NetworkProof::Unsigned => CommandProof::Unsigned,
        NetworkProof::Pinned => CommandProof::Pinned,
        NetworkProof::Certified => CommandProof::Certified,
    };
    let record = ParlosRecord {
        transport: variant.transport,
        certificates: variant.credential == Credential::Certificate,
        network,
        mme_key: variant.mme_key,
        hash: variant.hash,
        mme_name: Some("mme.1".to_owned()),
    };
    let key = *signature::signing_key(&mut random(23)).verifying_key();
    vec![
        EpsKeyRecord::Parlos(record),
        EpsKeyRecord::Trust(TrustRecord { anchor: operator().anchor() }),
        EpsKeyRecord::NetworkKey(NetworkKeyRecord { key }),
    ]
}

/// Capture and log of a run with something in between.
fn run(
    variant: Parlos,
    plan: Plan,
    tap: impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static,
) -> (Capture, KeyLog) {
    let (capture, mut log) = left_behind(plan, |plan| plan.run_with(tap));
    log.eps.extend(lines(variant));
    (capture, log)
}

fn honest(variant: Parlos) -> (Capture, KeyLog) {
    run(variant, plan(arranged(variant)), |_, _, _| Fate::pass())
}

/// What the judge says with the private keys and nothing else of the keys of UEs.
fn with_private_keys((capture, log): &(Capture, KeyLog)) -> Judgement {
    let mut alone = log.clone();
    alone.eps.retain(|record| {
        use EpsKeyRecord::{Cell, Derivation, KeyPair, NetworkKey, Trust};
        matches!(record, Derivation(_) | Cell(_) | KeyPair(_) | Trust(_) | NetworkKey(_) | EpsKeyRecord::Parlos(_))
    });
    judged(capture, &alone)
}

fn variants() -> Vec<Parlos> {
    let plain = Parlos::default();
    let mut all: Vec<Parlos> =
        KeyTransport::ALL.map(|transport| Parlos { transport: Some(transport), ..plain }).to_vec();
    for network in [NetworkProof::Pinned, NetworkProof::Certified] {
        all.push(Parlos { credential: Credential::Certificate, network, hash: true, ..plain });
    }
    all.push(Parlos { credential: Credential::Static, ..plain });
    all.push(Parlos { mme_key: true, ..plain });
    all
}

#[test]
fn nothing_is_found_in_an_honest_attach_and_with_the_private_key_alone_all_of_it_is_verified() {
    // P1, P2
    for variant in variants() {
        let recorded = honest(variant);
        let whole = judged(&recorded.0, &recorded.1);
        assert_eq!(whole.findings, [], "{variant:?}");
        assert!(whole.verified.nas_mac >= 7 && whole.verified.packets == 2, "{variant:?}: {:?}", whole.verified);
        let alone = with_private_keys(&recorded);
        assert_eq!((&alone.findings, alone.verified), (&vec![], whole.verified), "{variant:?}");
        // Without it nothing opens.
        let mut none = recorded.1.clone();
        none.eps.retain(|record| matches!(record, EpsKeyRecord::Derivation(_) | EpsKeyRecord::Cell(_)));
        let none = judged(&recorded.0, &none);
        assert_eq!((none.verified.nas_mac, none.verified.mac_i, none.verified.packets), (0, 0, 0), "{variant:?}");
    }
}

#[test]
fn an_attach_with_null_algorithms_is_judged_and_nothing_of_it_is_secret() {
    // broken: P1
    let variant = Parlos { transport: None, ..Parlos::default() };
    let plan = Plan { enb_algorithms: vec![vec![NULL]], ..plan(arranged(variant)) };
    let (capture, log) = run(variant, plan, |_, _, _| Fate::pass());
    let judgement = judged(&capture, &log);
    assert_eq!(judgement.findings, []);
    assert_eq!(judgement.verified.packets, 2);
}

/// Changes the attach request on its way to the MME.
fn changing_request(
    mut change: impl FnMut(&mut EmmMessage) + Send + 'static,
) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    replacing_s1ap(move |message| {
        let S1apMessage::InitialUeMessage(message) = message else { return false };
        let Ok(mut request) = EmmMessage::parse(&message.nas_pdu) else { return false };
        change(&mut request);
        message.nas_pdu = request.octets().unwrap();
        true
    })
}

/// A false network: somebody without any key puts a command of its own in the place of that of the MME.
fn false_network(key: key_transport::PublicKey) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    replacing_s1ap(move |message| {
        let S1apMessage::DownlinkNasTransport(transport) = message else { return false };
        let Ok(nas) = ProtectedNas::parse(&transport.nas_pdu) else { return false };
        let Ok(EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, mut elements }) =
            EmmMessage::parse(&nas.message)
        else {
            return false;
        };
        let kasme = Kasme::from_octets([0x99; 32]);
        let sealed = key_transport::seal(&key, &kasme, &mut random(68)).unwrap();
        elements.iter_mut().filter(|element| element.tag == TAG_SEALED).for_each(|element| {
            element.content.clone_from(&sealed);
        });
        let command = EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, elements };
        let mut keys = UeKeys::nas_of(&kasme, Algorithms::AES);
        let made = keys.protect(LinkDirection::Downlink, &command.octets().unwrap(), false).unwrap();
        let header = SecurityHeader::IntegrityNewContext;
        let nas = ProtectedNas { header, mac: made.mac, sequence_number: 0, message: made.octets };
        transport.nas_pdu = nas.octets().unwrap();
        true
    })
}

#[test]
fn a_command_that_is_not_of_the_network_is_found_if_it_is_accepted_and_noted_if_not() {
    for network in [NetworkProof::Pinned, NetworkProof::Certified] {
        for ignores_signature in [false, true] {
            let variant = Parlos { credential: Credential::Certificate, network, ..Parlos::default() };
            let mut rlos = arranged(variant);
            rlos.ues[0].faults.ignores_signature = ignores_signature;
            let key = rlos.ues[0].key.clone().unwrap().public();
            let (capture, log) = run(variant, plan(rlos), false_network(key));
            let judgement = judged(&capture, &log);
            let found = judgement.findings.iter().any(|finding| finding.kind == FindingKind::CommandAccepted);
            let noted = judgement.notes.iter().any(|note| note.kind == NoteKind::CommandRefused);
            // P5; broken: P5
            assert!(found == ignores_signature && (noted || found), "{network:?}");
        }
    }
}

#[test]
fn capabilities_and_a_hash_that_are_not_looked_at_are_found() {
    // broken: P6
    let strip = || {
        changing_request(|request| {
            if let EmmMessage::AttachRequest { capability, .. } = request {
                capability.ciphering = AlgorithmSet::of(&[AlgorithmId::Null]);
            }
        })
    };
    let lost_nonce = || {
        changing_request(|request| {
            if let EmmMessage::AttachRequest { elements, .. } = request {
                elements.clear();
            }
        })
    };
    let variant = Parlos { hash: true, ..Parlos::default() };
    for (capabilities, weak) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut rlos = arranged(variant);
        (rlos.ues[0].faults.ignores_capabilities, rlos.ues[0].faults.ignores_hash) = (weak, weak);
        let weak_network = Plan {
            nas_algorithms: vec![vec![Algorithms::AES, NULL_CIPHERING]],
            enb_algorithms: vec![vec![Algorithms::AES, NULL_CIPHERING]],
            ..plan(rlos)
        };
        let (capture, log) =
            if capabilities { run(variant, weak_network, strip()) } else { run(variant, weak_network, lost_nonce()) };
        let judgement = judged(&capture, &log);
        let found = judgement.findings.iter().any(|finding| finding.kind == FindingKind::CommandAccepted);
        assert_eq!(found, weak, "{capabilities}: {:?}", judgement.findings);
    }
}

#[test]
fn null_algorithms_that_an_me_takes_though_it_has_a_key_are_found() {
    // broken: P6
    let variant = Parlos::default();
    let strip = || {
        changing_request(|request| {
            if let EmmMessage::AttachRequest { esm, .. } = request {
                *esm = esm::pdn_connectivity_request(1).to_vec();
            }
        })
    };
    for takes_null in [false, true] {
        let mut rlos = arranged(variant);
        rlos.mme.faults.serves_without_key = true;
        rlos.ues[0].faults.takes_null = takes_null;
        let plan = Plan { enb_algorithms: vec![vec![Algorithms::AES, NULL]], ..plan(rlos) };
        let (capture, log) = run(variant, plan, strip());
        let judgement = judged(&capture, &log);
        let found = judgement.findings.iter().any(|finding| finding.kind == FindingKind::CommandAccepted);
        let noted = judgement.notes.iter().any(|note| note.kind == NoteKind::CommandRefused);
        assert_eq!((found, noted), (takes_null, !takes_null), "{:?}", judgement.findings);
    }
}

#[test]
fn an_mme_that_encrypts_to_a_key_without_a_good_certificate_is_found() {
    // P8; broken: P8
    let variant = Parlos { credential: Credential::Certificate, ..Parlos::default() };
    for weak in [false, true] {
        let mut rlos = arranged(variant);
        let mut stranger = Authority::new("stranger", signature::signing_key(&mut random(77)));
        let key = rlos.ues[0].key.clone().unwrap().public();
        let valid = VirtualTime::ZERO..=VirtualTime::ZERO + Duration::from_secs(86_400);
        let (name, usage) = (imsi(0).to_string(), KeyUsage::KeyTransport);
        rlos.ues[0].certificate = stranger.certify_transport(&name, &key, usage, valid).ok();
        rlos.mme.faults.ignores_certificates = weak;
        let (capture, log) = run(variant, plan(rlos), |_, _, _| Fate::pass());
        let expected = if weak { vec![FindingKind::UncertifiedKey] } else { vec![] };
        assert_eq!(judged(&capture, &log).kinds(), expected);
    }
}
