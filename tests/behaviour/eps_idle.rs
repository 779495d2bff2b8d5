//! A UE that is idle in UTRAN comes to E-UTRAN by itself, and its SGSN gives its context (`eps-systems.md` 2.3, idle mode).

use keyhop::emulation::{Fate, NodeIndex};
use keyhop::eps::identifiers::MTmsi;
use keyhop::eps::keys::{CkIk, Kasme};
use keyhop::eps::node::{
    Arrival, Command, ContextTransfer, DropReason, MmeFaults, Outcome, Scheme, SgsnFaults, UeFaults, What,
};
use keyhop::eps::parameters::{AlgorithmId, Algorithms, LinkDirection, Origin};
use keyhop::eps::security::inter_system::kasme_of_nonces;
use keyhop::eps::security::parties::UeKeys;
use keyhop::eps::wire::gtpv1::Gtpv1Cause;
use keyhop::eps::wire::nas::{AlgorithmSet, EmmMessage, NasKsi, NasMessage, Nonces};
use keyhop::eps::wire::s1ap::S1apMessage;
use keyhop::eps::wire::{CoreFrame, CorePayload, Gtpv1Body, Gtpv1Message};

use crate::eps_network::{Plan, Seen, To, ck_ik, imsi, packet, pci, replacing_s1ap, utran_pci};

const UE: NodeIndex = NodeIndex(0);

/// Two cells of E-UTRAN with one MME, one of UTRAN, where the UE is; where UPEs cipher, each cell of E-UTRAN has one.
fn plan(upes: usize) -> Plan {
    let arrival = Arrival::ContextRequest;
    let transfer = ContextTransfer { arrival, upe: upes > 0, ..ContextTransfer::default() };
    let begins_in_utran = Some(Origin::Umts);
    Plan { cells: 2, utran_cells: 1, sgsns: 1, upes, transfer, begins_in_utran, ..Plan::always(Scheme::NextHopS1) }
}

/// The UE finds these cells better at these times, and sends a packet, and gets one, before and 150 ms after each.
fn goes(mut plan: Plan, cells: &[(u64, usize)]) -> Plan {
    plan = plan.command(10, To::Ue(0), Command::Uplink(packet(0)));
    plan = plan.command(11, To::Gateway, Command::Downlink(imsi(0), packet(0)));
    for (number, (at, cell)) in (1..).zip(cells) {
        plan = plan.command(*at, To::Ue(0), Command::Measure(pci(*cell)));
        plan = plan.command(at + 150, To::Ue(0), Command::Uplink(packet(number)));
        plan = plan.command(at + 151, To::Gateway, Command::Downlink(imsi(0), packet(number)));
    }
    plan
}

fn packets_come(seen: &Seen, last: u64, why: &str) {
    let sent: Vec<Vec<u8>> = (0..=last).map(packet).collect();
    for direction in [LinkDirection::Uplink, LinkDirection::Downlink] {
        assert_eq!(seen.packets(0, direction), sent, "{why}, {direction:?}");
    }
}

/// KASMEs whose NAS keys a node said were in use, in order.
fn kasmes(seen: &Seen, wanted: NodeIndex) -> Vec<Kasme> {
    let kasme = |(node, what): (NodeIndex, &What)| match what {
        What::NasInUse { kasme, .. } if node == wanted => Some(kasme.clone()),
        _ => None,
    };
    seen.of(0).filter_map(kasme).collect()
}

/// CK and IK that the UE said were in use in UTRAN, in order.
fn umts_keys(seen: &Seen) -> Vec<CkIk> {
    let keys = |(node, what): (NodeIndex, &What)| match what {
        What::CkIkInUse { keys, .. } if node == UE => Some(keys.clone()),
        _ => None,
    };
    seen.of(0).filter_map(keys).collect()
}

/// The messages of GTPv1-C on the wire.
fn gtpv1(seen: &Seen) -> Vec<Gtpv1Message> {
    let message = |octets: &[u8]| match CoreFrame::parse(octets).ok()?.payload {
        CorePayload::Udp(datagram) => Gtpv1Message::parse(&datagram.payload).ok(),
        _ => None,
    };
    seen.transmissions.iter().filter_map(|sent| message(&sent.octets)).collect()
}

/// What became of contexts that were given, as SGSNs were told.
fn acknowledged(seen: &Seen) -> Vec<Gtpv1Cause> {
    let cause = |message: Gtpv1Message| match message.body {
        Gtpv1Body::SgsnContextAcknowledge(cause) => Some(cause),
        _ => None,
    };
    gtpv1(seen).into_iter().filter_map(cause).collect()
}

/// The key sets and nonces of NAS security mode commands on S1.
fn commands(seen: &Seen) -> Vec<(NasKsi, Option<Nonces>)> {
    let command = |octets: &[u8]| {
        let CorePayload::Sctp(packet) = CoreFrame::parse(octets).ok()?.payload else { return None };
        let Ok(S1apMessage::DownlinkNasTransport(transport)) = S1apMessage::parse(&packet.data.user_data) else {
            return None;
        };
        let NasMessage::Protected(message) = NasMessage::parse(&transport.nas_pdu).ok()? else { return None };
        match EmmMessage::parse(&message.message).ok()? {
            EmmMessage::SecurityModeCommand { key_set, nonces, .. } => Some((key_set, nonces)),
            _ => None,
        }
    };
    seen.transmissions.iter().filter_map(|sent| command(&sent.octets)).collect()
}

#[test]
fn an_idle_ue_comes_out_of_utran_with_keys_of_ck_ik_and_two_nonces() {
    // T1 T5
    for upes in [0, 2] {
        let plan = plan(upes);
        let (enb, mme, rnc) = (plan.enb(1), plan.node(To::Mme(0)), plan.node(To::Rnc(0)));
        let seen = goes(plan, &[(200, 1)]).run();
        assert_eq!((seen.dropped(), seen.rejected()), (vec![], vec![]), "{upes}");
        assert_eq!(seen.begun(0), [(utran_pci(0), pci(1), Scheme::ContextRequest)]);
        assert_eq!(seen.ends(0), [(Outcome::Completed, pci(1))], "{upes}");
        packets_come(&seen, 1, "all");
        assert_eq!((seen.used_twice(), seen.kenbs_at(0, UE)), (0, seen.kenbs_at(0, enb)));
        // Both ends have the KASME that follows from CK, IK and the nonces of the command, which names the key set of CK and IK.
        let [(key_set, Some(nonces))] = commands(&seen)[..] else { panic!("{:?}", commands(&seen)) };
        assert_eq!(key_set, NasKsi::mapped(1));
        let expected = kasme_of_nonces(&ck_ik(0, Origin::Umts), nonces.ue, nonces.mme);
        assert_eq!((kasmes(&seen, UE), kasmes(&seen, mme)), (vec![expected.clone()], vec![expected]));
        // The SGSN was asked over Gn, and the UE is forgotten where it was.
        for message in ["SgsnContextRequest", "SgsnContextResponse", "SgsnContextAcknowledge", "IuReleaseCommand"] {
            assert_eq!(seen.sent(message), 1, "{message}");
        }
        assert_eq!(acknowledged(&seen), [Gtpv1Cause::ACCEPTED]);
        let forgotten = What::CkIkForgotten { cell: utran_pci(0) };
        assert!(seen.of(0).any(|(node, what)| node == rnc && *what == forgotten));
        assert!(seen.of(0).any(|(node, what)| node == UE && *what == What::TrackingAreaUpdated));
    }
}

#[test]
fn a_context_of_gsm_is_marked_when_an_idle_ue_brings_it_too() {
    // T6
    let plan = Plan { begins_in_utran: Some(Origin::Gsm), ..plan(0) };
    let mme = plan.node(To::Mme(0));
    let seen = goes(plan, &[(200, 0)]).run();
    for node in [UE, mme] {
        assert!(seen.of(0).any(|(of, what)| of == node && *what == What::ContextInUse(Origin::Gsm)), "{node:?}");
    }
    assert!(seen.of(0).all(|(_, what)| *what != What::ContextInUse(Origin::Umts)));
}

/// The UE comes out of UTRAN twice with one CK and IK: the first eNB has no algorithm that the UE has, which shows when the NAS keys are in
/// use already.
fn twice(ue: bool, mme: bool) -> Seen {
    let enb_algorithms = vec![vec![], vec![Algorithms::AES]];
    let ue_faults = UeFaults { constant_nonce: ue, ..UeFaults::default() };
    let mme_faults = MmeFaults { constant_nonce: mme, ..MmeFaults::default() };
    let seen = goes(Plan { enb_algorithms, ue_faults, mme_faults, ..plan(0) }, &[(200, 0), (500, 1)]).run();
    assert_eq!(seen.ends(0), [(Outcome::Returned, utran_pci(0)), (Outcome::Completed, pci(1))]);
    assert_eq!(acknowledged(&seen), [Gtpv1Cause::NO_RESOURCES, Gtpv1Cause::ACCEPTED]);
    assert_eq!(umts_keys(&seen), [ck_ik(0, Origin::Umts), ck_ik(0, Origin::Umts)]);
    packets_come(&seen, 2, "back in UTRAN, and then");
    seen
}

#[test]
fn one_ck_and_ik_lead_to_another_kasme_each_time_if_either_nonce_is_fresh() {
    // T5 T8
    for (ue, mme) in [(false, false), (true, false), (false, true)] {
        let seen = twice(ue, mme);
        let kasmes = kasmes(&seen, UE);
        assert!(kasmes.len() == 2 && kasmes[0] != kasmes[1], "{ue} {mme}");
        assert_eq!(seen.used_twice(), 0, "{ue} {mme}");
    }
}

#[test]
fn with_constant_nonces_kasme_and_its_key_stream_come_again() {
    // broken: T5
    let seen = twice(true, true);
    let kasmes = kasmes(&seen, UE);
    assert!(kasmes.len() == 2 && kasmes[0] == kasmes[1]);
    assert!(seen.used_twice() > 0, "NAS COUNTs begin at 0 under the same keys");
}

/// The UE is not taken, and is in UTRAN as it was.
fn stays(seen: &Seen, why: &str) {
    assert_eq!(seen.ends(0), [(Outcome::Returned, utran_pci(0))], "{why}");
    assert!(umts_keys(seen).iter().all(|keys| *keys == ck_ik(0, Origin::Umts)), "{why}");
    assert_eq!((seen.used_twice(), seen.sent("IuReleaseCommand")), (0, 0), "{why}");
    assert_eq!(seen.packets(0, LinkDirection::Uplink).last(), Some(&packet(2)), "{why}");
    assert_eq!(seen.packets(0, LinkDirection::Downlink).last(), Some(&packet(2)), "{why}");
}

/// A packet in each direction when all is over.
fn afterwards(plan: Plan) -> Plan {
    let plan = goes(Plan { ends: 10_000, ..plan }, &[(200, 0)]);
    let plan = plan.command(9_000, To::Ue(0), Command::Uplink(packet(2)));
    plan.command(9_001, To::Gateway, Command::Downlink(imsi(0), packet(2)))
}

#[test]
fn a_ue_whose_context_is_not_given_stays_in_utran_as_it_was() {
    // T8
    let nobody = |message: &mut S1apMessage| {
        let S1apMessage::InitialUeMessage(initial) = message else { return false };
        let Ok(EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, mut old_guti, from_utran }) =
            EmmMessage::parse(&initial.nas_pdu)
        else {
            return false;
        };
        old_guti.m_tmsi = MTmsi(old_guti.m_tmsi.0 ^ 0x0100);
        let changed = EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, old_guti, from_utran };
        initial.nas_pdu = changed.octets().unwrap();
        true
    };
    let unknown = afterwards(plan(0)).run_with(replacing_s1ap(nobody));
    assert_eq!(
        (unknown.sent("SgsnContextResponse"), acknowledged(&unknown), kasmes(&unknown, UE)),
        (1, vec![], vec![])
    );
    stays(&unknown, "no UE has this P-TMSI");

    let incomplete = Plan { sgsn_faults: SgsnFaults { withholds_keys: true }, ..plan(0) };
    let incomplete = afterwards(incomplete).run();
    assert_eq!((acknowledged(&incomplete), kasmes(&incomplete, UE)), (vec![Gtpv1Cause::NO_RESOURCES], vec![]));
    stays(&incomplete, "the context has no keys");

    let plan = plan(0);
    let sgsn = plan.node(To::Sgsn(0));
    let silent = afterwards(plan).run_with(move |_, to, octets| {
        let asks = |payload| matches!(payload, CorePayload::Udp(udp) if udp.payload.get(1) == Some(&50));
        let lost = to == sgsn && CoreFrame::parse(octets).is_ok_and(|frame| asks(frame.payload));
        if lost { Fate::lost() } else { Fate::pass() }
    });
    // It is asked as often as requests are sent.
    assert_eq!((silent.sent("SgsnContextRequest"), silent.sent("SgsnContextResponse")), (3, 0));
    stays(&silent, "the SGSN says nothing");
}

#[test]
fn an_sgsn_keeps_a_ue_that_has_not_shown_that_it_has_the_keys() {
    // T8
    let plan = plan(0);
    let mme = plan.node(To::Mme(0));
    // As if somebody else had come with its P-TMSI, who can answer no command.
    let seen = afterwards(plan).run_with(move |_, to, octets| {
        let answers = |payload| {
            let CorePayload::Sctp(packet) = payload else { return false };
            matches!(S1apMessage::parse(&packet.data.user_data), Ok(S1apMessage::UplinkNasTransport(_)))
        };
        let lost = to == mme && CoreFrame::parse(octets).is_ok_and(|frame| answers(frame.payload));
        if lost { Fate::lost() } else { Fate::pass() }
    });
    assert_eq!(acknowledged(&seen), [Gtpv1Cause::NO_RESOURCES]);
    stays(&seen, "nobody has answered the command");
}

#[test]
fn what_was_changed_of_the_update_comes_to_light_in_the_command() {
    // T8
    // A command repeats what nothing protected: the nonce of the UE, and its algorithms.
    for weakens in [false, true] {
        let change = move |message: &mut S1apMessage| {
            let S1apMessage::InitialUeMessage(initial) = message else { return false };
            let Ok(EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, old_guti, mut from_utran }) =
                EmmMessage::parse(&initial.nas_pdu)
            else {
                return false;
            };
            let told = from_utran.as_mut().unwrap();
            match weakens {
                true => told.capability.ciphering = AlgorithmSet::of(&[AlgorithmId::Null]),
                false => told.nonce ^= 1,
            }
            let changed = EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, old_guti, from_utran };
            initial.nas_pdu = changed.octets().unwrap();
            true
        };
        let null = Algorithms { ciphering: AlgorithmId::Null, ..Algorithms::AES };
        let plan = Plan { nas_algorithms: vec![vec![Algorithms::AES, null]], ..plan(0) };
        let seen = afterwards(plan).run_with(replacing_s1ap(change));
        assert!(!seen.dropped().is_empty(), "{weakens}");
        assert!(seen.dropped().iter().all(|dropped| *dropped == (UE, DropReason::Refused)), "{weakens}");
        assert_eq!((kasmes(&seen, UE), acknowledged(&seen)), (vec![], vec![Gtpv1Cause::NO_RESOURCES]), "{weakens}");
        stays(&seen, "changed on its way");
    }
}

#[test]
fn a_command_that_is_sent_again_does_not_begin_counts_again() {
    // T5
    let plan = plan(0);
    let mme = plan.node(To::Mme(0));
    let mut answers = 0;
    let seen = goes(Plan { ends: 5_000, ..plan }, &[(200, 0)]).run_with(move |_, to, octets| {
        let Ok(CoreFrame { payload: CorePayload::Sctp(packet), .. }) = CoreFrame::parse(octets) else {
            return Fate::pass();
        };
        let is_answer = matches!(S1apMessage::parse(&packet.data.user_data), Ok(S1apMessage::UplinkNasTransport(_)));
        answers += usize::from(is_answer && to == mme);
        if is_answer && to == mme && answers == 1 { Fate::lost() } else { Fate::pass() }
    });
    assert_eq!((commands(&seen).len(), kasmes(&seen, UE).len()), (2, 2));
    assert_eq!(kasmes(&seen, UE)[0], kasmes(&seen, UE)[1]);
    assert_eq!((seen.outcomes(0), seen.used_twice()), (vec![Outcome::Completed], 0));
}

#[test]
fn a_network_without_ck_and_ik_cannot_take_the_place_of_the_mme() {
    // T8
    // A command without nonces, under the keys of a KASME that everybody knows: that of nothing but 0.
    let forge = |message: &mut S1apMessage| {
        let S1apMessage::DownlinkNasTransport(transport) = message else { return false };
        let Ok(NasMessage::Protected(mut command)) = NasMessage::parse(&transport.nas_pdu) else { return false };
        let Ok(EmmMessage::SecurityModeCommand { algorithms, capability, .. }) = EmmMessage::parse(&command.message)
        else {
            return false;
        };
        let key_set = NasKsi::new(1);
        let (nonces, hash, elements) = (None, None, Vec::new());
        let forged = EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces, hash, elements };
        let mut nas = UeKeys::nas_of(&Kasme::from_octets([0; 32]), Algorithms::AES);
        let made = nas.protect(LinkDirection::Downlink, &forged.octets().unwrap(), false).unwrap();
        (command.mac, command.message, command.sequence_number) = (made.mac, made.octets, 0);
        transport.nas_pdu = NasMessage::Protected(command).octets().unwrap();
        true
    };
    let seen = afterwards(plan(0)).run_with(replacing_s1ap(forge));
    assert!(!seen.dropped().is_empty());
    assert!(seen.dropped().iter().all(|dropped| *dropped == (UE, DropReason::NasMac)), "{:?}", seen.dropped());
    assert_eq!(kasmes(&seen, UE), []);
    stays(&seen, "forged");
}
