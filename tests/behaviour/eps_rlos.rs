//! Attach for restricted local operator services (seed 003): nodes of every variant, and what becomes of it when somebody changes,
//! drops or plays again what they say.

use std::collections::BTreeMap;
use std::time::Duration;

use keyhop::emulation::{Fate, NodeIndex};
use keyhop::eps::identifiers::Plmn;
use keyhop::eps::keys::Kasme;
use keyhop::eps::node::parlos::{NULL, mcc};
use keyhop::eps::node::{
    AttachOutcome, Command, Credential, KeyOperation, NetworkProof, Parlos, RlosMme, RlosRefusal, RlosUe, Scheme, What,
};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, LinkDirection};
use keyhop::eps::security::key_transport::{
    self, Authority, CertificateError, KeyTransport, KeyUsage, PrivateKey, signature,
};
use keyhop::eps::security::parties::UeKeys;
use keyhop::eps::wire::S1apMessage;
use keyhop::eps::wire::nas::element::{TAG_CERTIFICATE, TAG_NONCE, TAG_SEALED};
use keyhop::eps::wire::nas::{
    AlgorithmSet, CarriedKey, EmmMessage, FurtherElement, NasAlgorithms, ProtectedNas, SecurityHeader, UeCapability,
    esm,
};
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::time::VirtualTime;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::eps_network::{NULL_CIPHERING, Plan, RlosPlan, Seen, To, at, imsi, packet, pci, plmn, replacing_s1ap};

fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn operator(seed: u64) -> Authority {
    Authority::new("operator-1", signature::signing_key(&mut random(seed)))
}

/// A day of the year 2000.
fn day(number: u64) -> VirtualTime {
    VirtualTime::ZERO + Duration::from_secs(86_400 * number)
}

/// What ME and MME have for a variant, all of it in order.
fn arranged(variant: Parlos) -> RlosPlan {
    let mut ue = RlosUe::new(variant, plmn(), random(21));
    let mut mme = RlosMme::new(variant);
    let mut operator = operator(22);
    let signing = signature::signing_key(&mut random(23));
    if let (Credential::Certificate, Some(scheme)) = (variant.credential, variant.transport) {
        let key = PrivateKey::generate(scheme, &mut random(24)).unwrap();
        let (name, valid) = (imsi(0).to_string(), day(0)..=day(9));
        ue.certificate = operator.certify_transport(&name, &key.public(), KeyUsage::KeyTransport, valid).ok();
        ue.key = Some(key);
    }
    let (valid, name) = (day(0)..=day(9), "mme.1");
    mme.certificate = operator.certify_signing(name, signing.verifying_key(), KeyUsage::Signature, valid).ok();
    (ue.mme_name, ue.pinned) = (name.to_owned(), Some(*signing.verifying_key()));
    (ue.anchors, mme.anchors, mme.signing) = (vec![operator.anchor()], vec![operator.anchor()], Some(signing));
    RlosPlan { ues: vec![ue], mme }
}

/// One ME, one cell: it attaches, and packets go both ways.
fn plan(rlos: RlosPlan) -> Plan {
    let plan = Plan { cells: 1, rlos: Some(rlos), ..Plan::always(Scheme::NextHopS1) };
    let plan = plan.command(10, To::Ue(0), Command::Attach).command(600, To::Ue(0), Command::Uplink(packet(1)));
    Plan { ends: 6_000, ..plan.command(610, To::Gateway, Command::Downlink(imsi(0), packet(2))) }
}

fn of(variant: Parlos) -> Plan {
    plan(arranged(variant))
}

const UE: NodeIndex = NodeIndex(0);
const ENB: NodeIndex = NodeIndex(1);
const MME: NodeIndex = NodeIndex(2);

impl Seen {
    fn attach_ends(&self, ue: usize) -> Vec<AttachOutcome> {
        let end = |what: &What| if let What::AttachEnded(outcome) = what { Some(*outcome) } else { None };
        self.of(ue).filter_map(|(_, what)| end(what)).collect()
    }

    fn refusals(&self, wanted: NodeIndex) -> Vec<RlosRefusal> {
        let refusal = |(_, node, event): &(VirtualTime, NodeIndex, keyhop::eps::node::Event)| match event.what {
            What::AttachRefused(refusal) if *node == wanted => Some(refusal),
            _ => None,
        };
        self.events.iter().filter_map(refusal).collect()
    }

    fn temporary(&self, wanted: NodeIndex) -> Vec<Kasme> {
        let kasme = |(node, what): (NodeIndex, &What)| match what {
            What::TemporaryKasme(kasme) if node == wanted => Some(kasme.clone()),
            _ => None,
        };
        self.of(0).filter_map(kasme).collect()
    }

    fn operations(&self, wanted: NodeIndex) -> BTreeMap<KeyOperation, usize> {
        let mut all = BTreeMap::new();
        for (_, node, event) in &self.events {
            if let (What::KeyOperation(operation), true) = (&event.what, *node == wanted) {
                *all.entry(*operation).or_default() += 1;
            }
        }
        all
    }

    fn private_keys(&self, wanted: NodeIndex) -> Vec<PrivateKey> {
        let key = |(node, what): (NodeIndex, &What)| match what {
            What::KeyPair { key, .. } if node == wanted => Some(key.clone()),
            _ => None,
        };
        self.of(0).filter_map(key).collect()
    }

    /// Attached, with the same keys at both ends, and packets both ways.
    fn works(&self, what: impl std::fmt::Debug) {
        assert_eq!(self.attach_ends(0), [AttachOutcome::Accepted], "{what:?}");
        assert_eq!(self.kenbs_at(0, UE), self.kenbs_at(0, ENB), "{what:?}");
        assert_eq!(self.kenbs_at(0, UE).len(), 1);
        assert_eq!(self.packets(0, LinkDirection::Uplink), [packet(1)], "{what:?}");
        assert_eq!(self.packets(0, LinkDirection::Downlink), [packet(2)], "{what:?}");
        assert_eq!(self.used_twice(), 0, "{what:?}");
    }

    fn rejected_texts(&self) -> Vec<&str> {
        let verdicts = self.transmissions.iter().flat_map(|sent| &sent.verdicts);
        verdicts.filter(|verdict| !verdict.accepted).map(|verdict| verdict.text.as_str()).collect()
    }
}

fn variants() -> Vec<Parlos> {
    let mut all = Vec::new();
    for transport in KeyTransport::ALL {
        for credential in [Credential::SelfMade, Credential::Static, Credential::Certificate] {
            all.push(Parlos { transport: Some(transport), credential, ..Parlos::default() });
        }
    }
    for network in [NetworkProof::Pinned, NetworkProof::Certified] {
        for (hash, mme_key) in [(false, false), (true, false), (true, true)] {
            all.push(Parlos { network, hash, mme_key, credential: Credential::Certificate, ..Parlos::default() });
        }
    }
    for transport in KeyTransport::ALL {
        all.push(Parlos { transport: Some(transport), mme_key: true, ..Parlos::default() });
    }
    all
}

#[test]
fn an_me_of_every_variant_attaches_and_both_ends_have_the_same_keys() {
    // P1, P11
    for variant in variants() {
        let seen = of(variant).run();
        seen.works(variant);
        let nas = |node| {
            let keys = |(at, what): (NodeIndex, &What)| match what {
                What::NasInUse { keys, algorithms, kasme } if at == node => {
                    Some((keys.clone(), *algorithms, kasme.clone()))
                }
                _ => None,
            };
            seen.of(0).filter_map(keys).last().unwrap()
        };
        assert_eq!(nas(UE), nas(MME), "{variant:?}");
        assert_eq!(nas(UE).1, Algorithms::AES);
        assert_eq!(seen.temporary(UE), seen.temporary(MME), "{variant:?}");
        assert_eq!(seen.temporary(UE), [nas(UE).2]);
        assert_eq!(seen.algorithms(), [Algorithms::AES]);
        assert_eq!(seen.rejected_texts(), [""; 0], "{variant:?}");
        assert_eq!(seen.sent("CreateSessionRequest"), 1);
        // The packet of the user is nowhere on the air.
        let marker = &packet(1)[20..];
        let air = seen.transmissions.iter().filter(|sent| RadioFrame::parse(&sent.octets).is_ok());
        assert!(!air.into_iter().any(|sent| sent.octets.windows(marker.len()).any(|octets| octets == marker)));
    }
}

#[test]
fn an_me_attaches_by_itself_at_its_time_and_not_before() {
    // P1
    let mut rlos = arranged(Parlos::default());
    rlos.ues[0].attach_at = Some(at(300));
    let plan = Plan { cells: 1, rlos: Some(rlos), ..Plan::always(Scheme::NextHopS1) };
    let seen = plan.run();
    let begun = seen.events.iter().find(|(_, _, event)| matches!(event.what, What::AttachBegun(_)));
    assert_eq!(begun.map(|(time, _, _)| *time), Some(at(300)));
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Accepted]);
    assert!(seen.transmissions.iter().all(|sent| sent.time >= at(300)));
}

#[test]
fn without_a_key_the_null_algorithms_protect_nothing() {
    // broken: P1, P2
    let variant = Parlos { transport: None, ..Parlos::default() };
    let seen = Plan { enb_algorithms: vec![vec![Algorithms::AES, NULL]], ..of(variant) }.run();
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Accepted]);
    assert_eq!(seen.nas_algorithms(UE), [NULL]);
    assert_eq!(seen.algorithms(), [NULL]);
    assert_eq!(seen.temporary(UE).len() + seen.temporary(MME).len(), 0);
    assert_eq!(seen.packets(0, LinkDirection::Uplink), [packet(1)]);
    assert_eq!(seen.packets(0, LinkDirection::Downlink), [packet(2)]);
    let marker = packet(1);
    let air = seen.transmissions.iter().filter(|sent| RadioFrame::parse(&sent.octets).is_ok());
    assert!(air.into_iter().any(|sent| sent.octets.windows(marker.len()).any(|octets| octets == marker)));
    // An eNB that does not have them cannot serve it.
    let seen = of(variant).run();
    assert!(!seen.attach_ends(0).contains(&AttachOutcome::Accepted), "{:?}", seen.attach_ends(0));
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

/// Changes the first security mode commands, as many as there are `answers`, on their way to the eNB.
fn changing_command(
    mut change: impl FnMut(&ProtectedNas) -> Option<ProtectedNas> + Send + 'static,
) -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    replacing_s1ap(move |message| {
        let S1apMessage::DownlinkNasTransport(transport) = message else { return false };
        let Ok(nas) = ProtectedNas::parse(&transport.nas_pdu) else { return false };
        if nas.header != SecurityHeader::IntegrityNewContext {
            return false;
        }
        let Some(changed) = change(&nas) else { return false };
        transport.nas_pdu = changed.octets().unwrap();
        true
    })
}

fn attacker() -> PrivateKey {
    PrivateKey::generate(KeyTransport::EciesA, &mut random(66)).unwrap()
}

/// A request for a connection with the attacker's key in it.
fn with_attackers_key() -> Vec<u8> {
    let key = CarriedKey { network: plmn(), scheme: 1, key: attacker().public().octets().to_vec() };
    esm::pdn_connectivity_request_with(1, &key).unwrap()
}

/// The encrypted KASMEtemps that the MME has sent.
fn sealed(seen: &Seen) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for sent in &seen.transmissions {
        let mut take = |nas: &ProtectedNas| {
            if let Ok(EmmMessage::SecurityModeCommand { elements, .. }) = EmmMessage::parse(&nas.message) {
                all.extend(FurtherElement::of(&elements, TAG_SEALED).map(<[u8]>::to_vec));
            }
        };
        let Ok(frame) = keyhop::eps::wire::CoreFrame::parse(&sent.octets) else { continue };
        let keyhop::eps::wire::CorePayload::Sctp(packet) = frame.payload else { continue };
        if let Ok(S1apMessage::DownlinkNasTransport(transport)) = S1apMessage::parse(&packet.data.user_data)
            && let Ok(nas) = ProtectedNas::parse(&transport.nas_pdu)
        {
            take(&nas);
        }
    }
    all
}

#[test]
fn an_mme_that_checks_certificates_does_not_encrypt_to_a_key_that_was_put_in() {
    // P4
    let variant = Parlos { credential: Credential::Certificate, ..Parlos::default() };
    let bare = |request: &mut EmmMessage| {
        if let EmmMessage::AttachRequest { esm, elements, .. } = request {
            *esm = with_attackers_key();
            elements.retain(|element| element.tag != TAG_CERTIFICATE);
        }
    };
    let forged = |request: &mut EmmMessage| {
        let mut impostor = operator(67);
        let (name, valid) = (imsi(0).to_string(), day(0)..=day(9));
        let certificate =
            impostor.certify_transport(&name, &attacker().public(), KeyUsage::KeyTransport, valid).unwrap();
        if let EmmMessage::AttachRequest { elements, .. } = request {
            elements.iter_mut().filter(|element| element.tag == TAG_CERTIFICATE).for_each(|element| {
                element.content.clone_from(&certificate);
            });
        }
    };
    for (number, expected) in
        [RlosRefusal::NoKey, RlosRefusal::Certificate(CertificateError::Signature)].into_iter().enumerate()
    {
        let change = move |request: &mut EmmMessage| if number == 0 { bare(request) } else { forged(request) };
        let seen = of(variant).run_with(changing_request(change));
        assert_eq!(seen.refusals(MME), [expected]);
        assert!(matches!(seen.attach_ends(0)[..], [AttachOutcome::Rejected(_)]));
        assert_eq!(sealed(&seen).len(), 0);
        // broken: P4
        let mut weak = arranged(variant);
        weak.mme.faults.ignores_certificates = true;
        let seen = plan(weak).run_with(changing_request(change));
        let kasme = key_transport::open(&attacker(), &sealed(&seen)[0]).unwrap();
        assert_eq!(seen.temporary(MME)[0], kasme);
    }
}

#[test]
fn whoever_puts_a_key_in_reads_what_the_mme_draws_where_keys_are_self_made() {
    // P3 of nodes: the MME cannot tell.
    let seen = of(Parlos::default()).run_with(changing_request(|request| {
        if let EmmMessage::AttachRequest { esm, .. } = request {
            *esm = with_attackers_key();
        }
    }));
    assert_eq!(key_transport::open(&attacker(), &sealed(&seen)[0]).as_ref(), Ok(&seen.temporary(MME)[0]));
    // The ME cannot open what is not for it.
    assert_eq!(seen.refusals(UE), [RlosRefusal::Transport; 4]);
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Refused(RlosRefusal::Transport)]);
}

fn false_kasme() -> Kasme {
    Kasme::from_octets([0x99; 32])
}

/// The command of somebody who has no key of an operator, with a KASMEtemp of his own, to the ME whose request was heard.
fn of_false_network(key: &key_transport::PublicKey, genuine: &ProtectedNas) -> ProtectedNas {
    let Ok(EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, mut elements }) =
        EmmMessage::parse(&genuine.message)
    else {
        panic!()
    };
    let sealed = key_transport::seal(key, &false_kasme(), &mut random(68)).unwrap();
    elements.iter_mut().filter(|element| element.tag == TAG_SEALED).for_each(|element| {
        element.content.clone_from(&sealed);
    });
    let command = EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, elements };
    protected_by(&false_kasme(), &command)
}

/// The first message under the keys of this KASMEtemp.
fn protected_by(kasme: &Kasme, command: &EmmMessage) -> ProtectedNas {
    let mut nas = UeKeys::nas_of(kasme, Algorithms::AES);
    let made = nas.protect(LinkDirection::Downlink, &command.octets().unwrap(), false).unwrap();
    let header = SecurityHeader::IntegrityNewContext;
    ProtectedNas { header, mac: made.mac, sequence_number: 0, message: made.octets }
}

#[test]
fn a_signature_of_the_network_closes_the_false_network_and_certificates_of_mes_do_not() {
    for network in [NetworkProof::Unsigned, NetworkProof::Pinned, NetworkProof::Certified] {
        for ignores_signature in [false, true] {
            let variant = Parlos { credential: Credential::Certificate, network, hash: true, ..Parlos::default() };
            let mut rlos = arranged(variant);
            rlos.ues[0].faults.ignores_signature = ignores_signature;
            let key = rlos.ues[0].key.clone().unwrap().public();
            let seen = plan(rlos).run_with(changing_command(move |command| Some(of_false_network(&key, command))));
            if network == NetworkProof::Unsigned || ignores_signature {
                // broken: P5
                assert!(!seen.temporary(UE).is_empty());
                assert!(seen.temporary(UE).iter().all(|kasme| *kasme == false_kasme()));
            } else {
                // P5
                assert_eq!(seen.temporary(UE), []);
                assert!(seen.refusals(UE).iter().all(|refusal| *refusal == RlosRefusal::Signature));
                assert_eq!(seen.attach_ends(0), [AttachOutcome::Refused(RlosRefusal::Signature)]);
            }
        }
    }
}

#[test]
fn every_fault_of_the_certificate_of_a_network_is_told_apart() {
    // P5, P8
    let variant = Parlos { network: NetworkProof::Certified, ..Parlos::default() };
    type Change = fn(&mut RlosPlan);
    let signing = |name: &str, usage, valid| {
        let key = signature::signing_key(&mut random(23));
        operator(22).certify_signing(name, key.verifying_key(), usage, valid).ok()
    };
    let cases: [(Change, CertificateError); 5] = [
        (
            |rlos| rlos.mme.certificate = rlos.mme.certificate.as_ref().map(|octets| octets[1..].to_vec()),
            CertificateError::Malformed,
        ),
        (|rlos| rlos.ues[0].anchors.clear(), CertificateError::UnknownIssuer),
        (|rlos| rlos.ues[0].anchors = vec![operator(69).anchor()], CertificateError::Signature),
        (|rlos| rlos.ues[0].mme_name = "mme.2".to_owned(), CertificateError::Name),
        (|rlos| rlos.mme.certificate = None, CertificateError::Key),
    ];
    for (change, error) in cases {
        let mut rlos = arranged(variant);
        change(&mut rlos);
        let seen = plan(rlos).run();
        let expected =
            if error == CertificateError::Key { RlosRefusal::Signature } else { RlosRefusal::Certificate(error) };
        assert_eq!(seen.attach_ends(0), [AttachOutcome::Refused(expected)]);
    }
    for (certificate, error) in [
        (signing("mme.1", KeyUsage::KeyTransport, day(0)..=day(1)), CertificateError::KeyUsage),
        (signing("mme.1", KeyUsage::Signature, day(1)..=day(2)), CertificateError::NotYetValid),
    ] {
        let mut rlos = arranged(variant);
        rlos.mme.certificate = certificate;
        let expected = AttachOutcome::Refused(RlosRefusal::Certificate(error));
        assert_eq!(plan(rlos).run().attach_ends(0), [expected]);
    }
}

#[test]
fn capabilities_that_were_taken_out_of_the_request_are_missed_in_the_command() {
    let strip = || {
        changing_request(|request| {
            if let EmmMessage::AttachRequest { capability, .. } = request {
                capability.ciphering = AlgorithmSet::of(&[AlgorithmId::Null]);
            }
        })
    };
    let weak_network = |rlos| Plan {
        nas_algorithms: vec![vec![Algorithms::AES, NULL_CIPHERING]],
        enb_algorithms: vec![vec![Algorithms::AES, NULL_CIPHERING]],
        ..plan(rlos)
    };
    // P6
    let seen = weak_network(arranged(Parlos::default())).run_with(strip());
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Refused(RlosRefusal::Capabilities)]);
    assert_eq!(seen.sent("ULInformationTransfer: SecurityModeReject"), 1);
    // broken: P6
    let mut weak = arranged(Parlos::default());
    weak.ues[0].faults.ignores_capabilities = true;
    let seen = weak_network(weak.clone()).run_with(strip());
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Accepted]);
    assert_eq!((seen.nas_algorithms(UE), seen.algorithms()), (vec![NULL_CIPHERING], vec![NULL_CIPHERING]));
    // A hash of the request finds it all the same, unless that is not looked at either.
    for ignores_hash in [false, true] {
        weak.ues[0].variant.hash = true;
        weak.mme.variant.hash = true;
        weak.ues[0].faults.ignores_hash = ignores_hash;
        let seen = weak_network(weak.clone()).run_with(strip());
        let refused = AttachOutcome::Refused(RlosRefusal::Hash);
        assert_eq!(seen.attach_ends(0), [if ignores_hash { AttachOutcome::Accepted } else { refused }]);
    }
}

#[test]
fn what_the_command_does_not_replay_is_found_by_the_hash_of_the_request_only() {
    // P6; broken: P6
    for hash in [true, false] {
        let variant = Parlos { hash, ..Parlos::default() };
        let seen = of(variant).run_with(changing_request(|request| {
            if let EmmMessage::AttachRequest { elements, .. } = request {
                elements.retain(|element| element.tag != TAG_NONCE);
            }
        }));
        let refused = AttachOutcome::Refused(RlosRefusal::Hash);
        assert_eq!(seen.attach_ends(0), [if hash { refused } else { AttachOutcome::Accepted }]);
    }
}

#[test]
fn a_key_that_was_taken_out_leads_to_nothing_unless_both_are_weak() {
    let strip = || {
        changing_request(|request| {
            if let EmmMessage::AttachRequest { esm, .. } = request {
                *esm = esm::pdn_connectivity_request(1).to_vec();
            }
        })
    };
    let mut rlos = arranged(Parlos::default());
    let with_null = |rlos| Plan { enb_algorithms: vec![vec![Algorithms::AES, NULL]], ..plan(rlos) };
    // P6
    let seen = with_null(rlos.clone()).run_with(strip());
    assert_eq!(
        (seen.refusals(MME), seen.attach_ends(0)),
        (vec![RlosRefusal::NoKey], vec![AttachOutcome::Rejected(111)])
    );
    rlos.mme.faults.serves_without_key = true;
    let seen = with_null(rlos.clone()).run_with(strip());
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Refused(RlosRefusal::Algorithms)]);
    // broken: P6
    rlos.ues[0].faults.takes_null = true;
    let seen = with_null(rlos).run_with(strip());
    assert_eq!((seen.attach_ends(0), seen.algorithms()), (vec![AttachOutcome::Accepted], vec![NULL]));
}

#[test]
fn without_the_indication_the_me_is_to_be_authenticated_and_is_not() {
    // P6
    let strip = changing_request(|request| {
        if let EmmMessage::AttachRequest { attach_type, .. } = request {
            *attach_type = 1;
        }
    });
    let seen = of(Parlos::default()).run_with(strip);
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Rejected(17)]);
    assert_eq!(seen.temporary(MME), []);
}

#[test]
fn an_me_with_a_usim_that_the_network_knows_is_authenticated_where_the_indication_is_missing() {
    // P6
    let strip = changing_request(|request| {
        if let EmmMessage::AttachRequest { attach_type, .. } = request {
            *attach_type = 1;
        }
    });
    let seen = of(Parlos::default()).authenticating().run_with(strip);
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Accepted]);
    assert_eq!(seen.of(0).filter(|(_, what)| **what == What::Authenticated).count(), 2);
    assert_eq!((seen.temporary(UE), seen.temporary(MME)), (vec![], vec![]));
    assert_eq!(seen.kenbs_at(0, UE), seen.kenbs_at(0, ENB));
}

#[test]
fn a_network_that_does_not_offer_the_services_turns_mes_away() {
    // P11
    let mut rlos = arranged(Parlos::default());
    rlos.mme.offered = false;
    assert_eq!(plan(rlos).run().attach_ends(0), [AttachOutcome::Rejected(35)]);
}

/// Two attaches one after the other.
fn twice(rlos: RlosPlan) -> Plan {
    let plan = Plan { cells: 1, rlos: Some(rlos), ..Plan::always(Scheme::NextHopS1) };
    let plan = plan.command(10, To::Ue(0), Command::Attach).command(1_000, To::Ue(0), Command::PowerOff);
    Plan { ends: 9_000, ..plan.command(1_500, To::Ue(0), Command::Attach) }
}

#[test]
fn every_attach_has_another_kasme_also_when_the_request_is_an_old_one() {
    for credential in [Credential::SelfMade, Credential::Static] {
        let variant = Parlos { credential, ..Parlos::default() };
        for constant_kasme in [false, true] {
            let mut first: Option<Vec<u8>> = None;
            let replay = replacing_s1ap(move |message| {
                let S1apMessage::InitialUeMessage(message) = message else { return false };
                let old = first.get_or_insert_with(|| message.nas_pdu.clone()).clone();
                let replayed = old != message.nas_pdu;
                message.nas_pdu = old;
                replayed
            });
            let mut rlos = arranged(variant);
            rlos.mme.faults.constant_kasme = constant_kasme;
            let seen = twice(rlos).run_with(replay);
            let drawn = seen.temporary(MME);
            // P7; broken: P7
            assert_eq!(drawn.len(), 2);
            assert_eq!(drawn[0] == drawn[1], constant_kasme);
            // With a pair of its own for each attach, the ME cannot make anything of what the old request brings.
            let last = seen.attach_ends(0)[1];
            let refused = AttachOutcome::Refused(RlosRefusal::Transport);
            assert_eq!(last, if credential == Credential::SelfMade { refused } else { AttachOutcome::Accepted });
        }
    }
}

/// The first security mode command instead of those of the second attach.
fn replaying_command() -> impl FnMut(VirtualTime, NodeIndex, &[u8]) -> Fate + Send + 'static {
    let mut first: Option<ProtectedNas> = None;
    changing_command(move |command| {
        let old = first.get_or_insert_with(|| command.clone());
        (old != command).then(|| old.clone())
    })
}

#[test]
fn an_old_command_fails_but_with_a_static_key_and_no_hash() {
    for (credential, hash, expected) in [
        // P7
        (Credential::SelfMade, false, Some(RlosRefusal::Transport)),
        (Credential::Static, true, Some(RlosRefusal::Hash)),
        // broken: P7
        (Credential::Static, false, None),
    ] {
        let seen = twice(arranged(Parlos { credential, hash, ..Parlos::default() })).run_with(replaying_command());
        assert_eq!(seen.attach_ends(0)[0], AttachOutcome::Accepted);
        let taken = seen.temporary(UE);
        match expected {
            Some(refusal) => {
                assert_eq!(seen.refusals(UE)[0], refusal);
                assert_eq!(seen.attach_ends(0)[1], AttachOutcome::Refused(refusal));
                assert_eq!(taken.len(), 1);
            }
            None => {
                assert_eq!(taken[0], taken[1], "an old KASMEtemp is in use again");
                assert!(seen.used_twice() > 0);
                assert_eq!(seen.refusals(MME)[0], RlosRefusal::Mac);
            }
        }
    }
}

#[test]
fn every_fault_of_the_certificate_of_an_me_is_told_apart() {
    // P8
    let variant = Parlos { credential: Credential::Certificate, ..Parlos::default() };
    let key = PrivateKey::generate(KeyTransport::EciesA, &mut random(24)).unwrap().public();
    let name = imsi(0).to_string();
    let certify = |mut by: Authority, name: &str, usage, valid| by.certify_transport(name, &key, usage, valid).unwrap();
    let (good, later) = (day(0)..=day(9), day(1)..=day(9));
    let usage = KeyUsage::KeyTransport;
    let another = Authority::new("operator-2", signature::signing_key(&mut random(22)));
    let cases = [
        (certify(operator(22), &name, usage, good.clone()), None),
        (certify(operator(22), &name, usage, later), Some(CertificateError::NotYetValid)),
        (certify(operator(22), &name, usage, day(0)..=day(0)), Some(CertificateError::Expired)),
        (certify(another, &name, usage, good.clone()), Some(CertificateError::UnknownIssuer)),
        (certify(operator(33), &name, usage, good.clone()), Some(CertificateError::Signature)),
        (certify(operator(22), &name, KeyUsage::Signature, good.clone()), Some(CertificateError::KeyUsage)),
        (certify(operator(22), &imsi(1).to_string(), usage, good), Some(CertificateError::Name)),
        (vec![0x30, 0], Some(CertificateError::Malformed)),
    ];
    for (certificate, error) in cases {
        for ignores_certificates in [false, true] {
            let mut rlos = arranged(variant);
            rlos.ues[0].certificate = Some(certificate.clone());
            rlos.mme.faults.ignores_certificates = ignores_certificates;
            // After the first day of the year: one that ends with its first second is over.
            let begins = if error == Some(CertificateError::Expired) { 2_000 } else { 10 };
            let run = Plan { cells: 1, rlos: Some(rlos), ..Plan::always(Scheme::NextHopS1) };
            let seen = run.command(begins, To::Ue(0), Command::Attach).run();
            let ends = seen.attach_ends(0);
            match error {
                Some(error) if !ignores_certificates => {
                    assert_eq!(ends, [AttachOutcome::Rejected(6)]);
                    assert_eq!(seen.refusals(MME), [RlosRefusal::Certificate(error)]);
                }
                Some(CertificateError::Malformed) => assert_eq!(ends, [AttachOutcome::Rejected(111)]),
                // broken: P8
                _ => assert_eq!(ends, [AttachOutcome::Accepted]),
            }
        }
    }
}

#[test]
fn a_changed_ciphertext_is_refused_before_anything_is_derived_of_it() {
    // P9
    for transport in KeyTransport::ALL {
        let seen =
            of(Parlos { transport: Some(transport), ..Parlos::default() }).run_with(changing_command(|command| {
                let Ok(EmmMessage::SecurityModeCommand {
                    algorithms,
                    key_set,
                    capability,
                    nonces: None,
                    hash,
                    mut elements,
                }) = EmmMessage::parse(&command.message)
                else {
                    panic!()
                };
                let last = elements[0].content.len() - 20;
                elements[0].content[last] ^= 1;
                let message =
                    EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, elements };
                Some(ProtectedNas { message: message.octets().unwrap(), ..command.clone() })
            }));
        assert!(!seen.refusals(UE).is_empty());
        assert!(seen.refusals(UE).iter().all(|refusal| *refusal == RlosRefusal::Transport), "{transport:?}");
        assert_eq!(seen.temporary(UE), []);
        assert_eq!(seen.nas_algorithms(UE), []);
    }
}

#[test]
fn a_command_whose_mac_is_wrong_brings_no_keys() {
    // P9
    let seen = of(Parlos::default()).run_with(changing_command(|command| {
        let [a, rest @ ..] = command.mac;
        let [b, c, d] = rest;
        Some(ProtectedNas { mac: [a ^ 1, b, c, d], ..command.clone() })
    }));
    assert!(seen.refusals(UE).iter().all(|refusal| *refusal == RlosRefusal::Mac));
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Refused(RlosRefusal::Mac)]);
}

#[test]
fn an_attach_costs_the_mme_as_many_operations_as_its_variant_says() {
    // P10
    let operations = |variant| {
        let seen = of(variant).run();
        let total = |node| seen.operations(node).into_iter().collect::<Vec<_>>();
        (total(UE), total(MME))
    };
    use KeyOperation::{Generate, Open, Seal, Sign, Verify};
    let plain = Parlos::default();
    assert_eq!(operations(plain), (vec![(Generate, 1), (Open, 1)], vec![(Seal, 1)]));
    let certified = Parlos { credential: Credential::Certificate, network: NetworkProof::Certified, ..plain };
    assert_eq!(operations(certified), (vec![(Open, 1), (Verify, 2)], vec![(Seal, 1), (Sign, 1), (Verify, 1)]));
    let both = Parlos { mme_key: true, ..plain };
    assert_eq!(
        operations(both),
        (vec![(Generate, 1), (Seal, 1), (Open, 1)], vec![(Generate, 1), (Seal, 1), (Open, 1)])
    );
    assert_eq!(operations(Parlos { transport: None, ..plain }), (vec![], vec![]));
}

#[test]
fn an_mme_holds_no_more_attaches_half_done_than_it_is_allowed() {
    // P10
    let deaf = || changing_command(|command| Some(ProtectedNas { mac: [0; 4], ..command.clone() }));
    let flood = |most_half_open| {
        let mut rlos = arranged(Parlos::default());
        rlos.ues = (0..3).map(|ue| RlosUe { random: random(30 + ue), ..rlos.ues[0].clone() }).collect();
        rlos.mme.most_half_open = most_half_open;
        let mut plan = Plan { cells: 1, ues: 3, rlos: Some(rlos), ends: 900, ..Plan::always(Scheme::NextHopS1) };
        plan.commands = (0..3).map(|ue| (10 + 10 * ue as u64, To::Ue(ue), Command::Attach)).collect();
        plan
    };
    let seen = flood(2).run_with(deaf());
    assert_eq!(seen.attach_ends(2), [AttachOutcome::Rejected(22)]);
    let held = seen.events.iter().filter_map(|(_, _, event)| match event.what {
        What::HalfOpen(number) => Some(number),
        _ => None,
    });
    assert_eq!(held.max(), Some(2));
    // Each has cost it one operation with a public key, but for that which was turned away.
    let mme = NodeIndex(4);
    assert_eq!(seen.operations(mme), BTreeMap::from([(KeyOperation::Seal, 2)]));
    // broken: P10
    let seen = flood(64).run_with(deaf());
    assert_eq!(seen.operations(mme), BTreeMap::from([(KeyOperation::Seal, 3)]));
    assert_eq!(seen.attach_ends(2), []);
    // When they are over there is room again.
    let again = flood(2).command(5_200, To::Ue(2), Command::Attach);
    let until = at(5_000);
    let mut deaf = deaf();
    let seen =
        again.run_with(move |now, node, octets| if now < until { deaf(now, node, octets) } else { Fate::pass() });
    assert_eq!(seen.attach_ends(2), [AttachOutcome::Rejected(22), AttachOutcome::Accepted]);
}

#[test]
fn an_attach_request_of_another_does_not_end_what_an_me_has() {
    // P7: the same request comes once more, from a place of its own, and nobody answers the command.
    let mut rlos = arranged(Parlos::default());
    rlos.ues.push(RlosUe { random: random(31), ..rlos.ues[0].clone() });
    let mut plan = Plan { cells: 1, ues: 2, rlos: Some(rlos), ..Plan::always(Scheme::NextHopS1) };
    plan = plan.command(10, To::Ue(0), Command::Attach).command(400, To::Ue(1), Command::Attach);
    plan = plan.command(2_000, To::Ue(0), Command::Uplink(packet(1)));
    plan = plan.command(2_010, To::Gateway, Command::Downlink(imsi(0), packet(2)));
    let mut first: Option<Vec<u8>> = None;
    let seen = plan.run_with(replacing_s1ap(move |message| {
        let S1apMessage::InitialUeMessage(message) = message else { return false };
        let old = first.get_or_insert_with(|| message.nas_pdu.clone()).clone();
        let replayed = old != message.nas_pdu;
        message.nas_pdu = old;
        replayed
    }));
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Accepted]);
    assert_eq!(seen.packets(0, LinkDirection::Uplink), [packet(1)]);
    assert_eq!(seen.packets(0, LinkDirection::Downlink), [packet(2)]);
    assert!(!seen.attach_ends(1).contains(&AttachOutcome::Accepted));
}

#[test]
fn what_is_lost_is_said_again() {
    // P1
    let losing = |wanted: &'static str, times: usize| {
        let mut left = times;
        move |_: VirtualTime, _: NodeIndex, octets: &[u8]| {
            let Ok(frame) = keyhop::eps::wire::CoreFrame::parse(octets) else { return Fate::pass() };
            let keyhop::eps::wire::CorePayload::Sctp(packet) = frame.payload else { return Fate::pass() };
            let Ok(message) = S1apMessage::parse(&packet.data.user_data) else { return Fate::pass() };
            if message.name() != wanted || left == 0 {
                return Fate::pass();
            }
            left -= 1;
            Fate::lost()
        }
    };
    let slow = || {
        let plan = Plan { cells: 1, rlos: Some(arranged(Parlos::default())), ..Plan::always(Scheme::NextHopS1) };
        let plan = plan.command(10, To::Ue(0), Command::Attach).command(9_000, To::Ue(0), Command::Uplink(packet(1)));
        plan.command(9_010, To::Gateway, Command::Downlink(imsi(0), packet(2)))
    };
    // A command, an answer to it: the MME commands again.
    for (lost, times, commands) in [("DownlinkNasTransport", 2, 3), ("UplinkNasTransport", 1, 2)] {
        let seen = slow().run_with(losing(lost, times));
        seen.works(lost);
        assert_eq!(sealed(&seen).len(), commands);
    }
    // The request: the ME attaches again, with another pair.
    let seen = slow().run_with(losing("InitialUeMessage", 1));
    assert_eq!(seen.attach_ends(0), [AttachOutcome::NoAnswer, AttachOutcome::Accepted]);
    let keys = seen.private_keys(UE);
    assert!(keys.len() == 2 && keys[0] != keys[1]);
    // The answer with the part of the ME: the keys have changed, and the ME attaches again.
    let joined = Parlos { mme_key: true, ..Parlos::default() };
    let plan = Plan { rlos: Some(arranged(joined)), ..slow() };
    let seen = plan.run_with(losing("UplinkNasTransport", 1));
    assert_eq!(seen.attach_ends(0), [AttachOutcome::NoAnswer, AttachOutcome::Accepted]);
    // Switched off while it attaches: that ends so.
    let seen = slow().command(30, To::Ue(0), Command::PowerOff).run();
    assert_eq!(seen.attach_ends(0), [AttachOutcome::NoAnswer]);
    // Every request: it gives up.
    let seen = slow().run_with(losing("InitialUeMessage", 9));
    assert_eq!(seen.attach_ends(0), [AttachOutcome::NoAnswer; 2]);
}

#[test]
fn an_me_chooses_a_network_that_offers_the_services_and_that_it_takes() {
    // P11
    let networks: Vec<Plmn> = ["310-26", "001-01", "310-41", "999-70"].map(|text| text.parse().unwrap()).to_vec();
    let chosen = |change: &dyn Fn(&mut RlosUe)| {
        let mut rlos = arranged(Parlos::default());
        rlos.ues[0].allowed = vec![mcc(networks[0])];
        rlos.ues[0].offering = networks[..3].to_vec();
        change(&mut rlos.ues[0]);
        let plan = Plan { networks: networks.clone(), rlos: Some(rlos), ..Plan::always(Scheme::NextHopS1) };
        let seen = plan.command(10, To::Ue(0), Command::Attach).run();
        let begun =
            seen.of(0).find_map(|(_, what)| if let What::AttachBegun(cell) = what { Some(*cell) } else { None });
        (begun, seen.attach_ends(0))
    };
    let accepted = vec![AttachOutcome::Accepted];
    // Any of a country that it allows; rather one that it prefers; rather that of its USIM.
    assert_eq!(chosen(&|_| {}), (Some(pci(0)), accepted.clone()));
    assert_eq!(chosen(&|ue| ue.preferred = vec![networks[3], networks[2]]), (Some(pci(2)), accepted.clone()));
    let home = |ue: &mut RlosUe| (ue.home, ue.preferred) = (Some(networks[1]), vec![networks[2]]);
    assert_eq!(chosen(&home), (Some(pci(1)), accepted.clone()));
    // One that does not offer them, or that is of a country that it does not allow, is not chosen.
    assert_eq!(chosen(&|ue| ue.offering = vec![networks[1], networks[3]]), (None, vec![AttachOutcome::NoNetwork]));
    assert_eq!(chosen(&|ue| ue.allowed = vec![mcc(networks[3])]), (None, vec![AttachOutcome::NoNetwork]));
    // broken: P11
    let anywhere = |ue: &mut RlosUe| {
        (ue.offering, ue.faults.attaches_anywhere) = (Vec::new(), true);
    };
    assert_eq!(chosen(&anywhere), (Some(pci(0)), accepted));
}

#[test]
fn the_part_of_the_me_keeps_kasme_from_who_finds_its_key_later() {
    // P11, P2 of nodes: with the private key of the ME the encrypted key opens, and is the whole KASMEtemp only where the MME has no key.
    for mme_key in [false, true] {
        let variant = Parlos { credential: Credential::Static, mme_key, ..Parlos::default() };
        let seen = of(variant).run();
        seen.works(variant);
        let found = key_transport::open(&seen.private_keys(UE)[0], &sealed(&seen)[0]).unwrap();
        assert_eq!(found == seen.temporary(UE)[0], !mme_key);
    }
}

#[test]
fn a_pair_of_one_attach_opens_nothing_of_another_and_a_static_one_does() {
    // P2; broken: P2
    for credential in [Credential::SelfMade, Credential::Static] {
        let seen = twice(arranged(Parlos { credential, ..Parlos::default() })).run();
        assert_eq!(seen.attach_ends(0), [AttachOutcome::Accepted; 2]);
        let (found, sealed) = (seen.private_keys(UE), sealed(&seen));
        let opened = sealed.iter().filter(|sealed| key_transport::open(&found[1], sealed).is_ok()).count();
        assert_eq!(opened, if credential == Credential::Static { 2 } else { 1 });
        assert_eq!(seen.sent("DeleteSessionRequest"), 1);
        assert_eq!(seen.used_twice(), 0);
    }
}

#[test]
fn a_capability_or_a_command_of_another_kind_is_refused() {
    // P6: the algorithms of the command are not those of the ME.
    let seen = of(Parlos::default()).run_with(changing_command(|command| {
        let Ok(EmmMessage::SecurityModeCommand { key_set, hash, elements, .. }) = EmmMessage::parse(&command.message)
        else {
            panic!()
        };
        let null = AlgorithmId::Null;
        let algorithms = NasAlgorithms { ciphering: null, integrity: null };
        let capability = UeCapability { ciphering: AlgorithmSet(0xa0), integrity: AlgorithmSet(0x20), further: vec![] };
        let message = EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, elements };
        Some(ProtectedNas { mac: [0; 4], message: message.octets().unwrap(), ..command.clone() })
    }));
    assert!(seen.refusals(UE).iter().all(|refusal| *refusal == RlosRefusal::Algorithms));
    assert_eq!(seen.attach_ends(0), [AttachOutcome::Refused(RlosRefusal::Algorithms)]);
}

#[test]
fn the_same_run_has_the_same_octets() {
    // P1
    let run = || {
        let variant = Parlos { network: NetworkProof::Certified, mme_key: true, hash: true, ..Parlos::default() };
        of(variant).run().transmissions.into_iter().map(|sent| sent.octets).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
