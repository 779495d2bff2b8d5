//! What the nodes of EPS leave behind, before the judge: their frames as a capture, what they say of their keys as a log.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::frame_comment::{FrameComment, ReceiverVerdict};
use keyhop::capture::key_log::eps::{
    CRntiBits, CellRecord, CkIkRecord, DerivationRecord, EpsKeyRecord, KasmeRecord, KenbHolder, KenbRecord, KeyHolder,
    KeyMapping, KeyPairRecord, KeySystem, LinkKeyRecord, NasKeyRecord, NasKeyUse, NhRecord, TransferRecord,
    UpKeyPolicy, UpKeyRecord,
};
use keyhop::capture::key_log::{KeyLog, NodeRecord, Validity};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::emulation::{Fate, NodeIndex, Sender};
use keyhop::eps::identifiers::Earfcn;
use keyhop::eps::keys::AlgorithmKey;
use keyhop::eps::link_protection::LinkKey;
use keyhop::eps::node::upe::UpeFaults;
use keyhop::eps::node::{
    Arrival, Command, ContextTransfer, EnbFaults, HeldKey, Mapping, MmeFaults, Relocation, Scheme, Schemes, UeFaults,
    UpKeys, What,
};
use keyhop::eps::parameters::{Algorithms, Origin};
use keyhop::eps::security::HandoverDerivation;
use keyhop::eps::wire::radio_frame::{self, RadioFrame, in_upper_pdu};
use keyhop::eps::wire::{CoreFrame, CorePayload, S1apMessage, UeId, UtranFrame};
use keyhop::judge::{FindingKind, Judgement, NoteKind};
use keyhop::time::VirtualTime;

use super::eps_network::{
    NULL_CIPHERING, Plan, Seen, To, at, enb_place, gateway_place, hss_place, imsi, link_key, mme_place, packet, pci,
    replacing_s1ap, rnc_place, sgsn_place, upe_place, utran_pci,
};
use super::judged;

/// Names and addresses of all nodes of a plan, by their number.
fn nodes(plan: &Plan) -> Vec<(String, &'static str, Ipv4Addr)> {
    let ue = |number: usize| Ipv4Addr::new(10, 64, 0, u8::try_from(number + 1).unwrap());
    let mut nodes: Vec<_> = (0..plan.ues).map(|number| (format!("ue{}", number + 1), "ue", ue(number))).collect();
    nodes.extend((0..plan.cells).map(|number| (format!("enb{}", number + 1), "enb", enb_place(number).ip)));
    nodes.extend((0..plan.mmes).map(|number| (format!("mme{}", number + 1), "mme", mme_place(number).ip)));
    nodes.push(("sgw".to_owned(), "sgw", gateway_place().ip));
    nodes.extend((0..plan.upes).map(|number| (format!("upe{}", number + 1), "upe", upe_place(number).ip)));
    nodes.extend((0..plan.utran_cells).map(|number| (format!("rnc{}", number + 1), "rnc", rnc_place(number).ip)));
    nodes.extend((0..plan.sgsns).map(|number| (format!("sgsn{}", number + 1), "sgsn", sgsn_place(number).ip)));
    nodes.push(("hss".to_owned(), "hss", hss_place().ip));
    nodes
}

/// By node and C-RNTI: the numbers of the KeNBs it had in use, each with its beginning.
type InUse = BTreeMap<(usize, u16), Vec<(VirtualTime, u16)>>;

/// A KeNB with its number, as it is logged.
struct Known {
    record: KenbRecord,
    holders: [bool; 2],
}

/// The log, and which KeNBs were in use.
fn log(plan: &Plan, seen: &Seen) -> (KeyLog, InUse) {
    let system = if plan.schemes.is_standard() { KeySystem::Standard } else { KeySystem::Contribution };
    let derivation = HandoverDerivation::default();
    let c_rnti_bits = CRntiBits::Sixteen;
    let mut eps = vec![EpsKeyRecord::Derivation(DerivationRecord { system, derivation, c_rnti_bits })];
    for number in 0..plan.cells {
        // Only where there are groups X2 ends at their borders.
        let group = if plan.schemes == Schemes::Grouped { u32::try_from(number).unwrap() / 2 } else { 0 };
        let (enb, mme) = (format!("enb{}", number + 1), format!("mme{}", number * plan.mmes / plan.cells + 1));
        let earfcn = Earfcn::new(1_850).unwrap();
        eps.push(EpsKeyRecord::Cell(CellRecord { cell: pci(number), enb, mme, earfcn, group }));
    }
    let (mut known, mut used): (Vec<Known>, BTreeMap<_, Vec<_>>) = Default::default();
    for (time, node, event) in &seen.events {
        let (ue, validity) = (event.ue, Validity { from: Some(*time), until: None });
        match &event.what {
            What::KenbInUse { cell, kenb, c_rnti, algorithms, ncc, .. } => {
                let place = known
                    .iter()
                    .position(|known| (known.record.ue, known.record.cell, &known.record.key) == (ue, *cell, kenb));
                let place = place.unwrap_or_else(|| {
                    let record = KenbRecord {
                        ue,
                        cell: *cell,
                        c_rnti: *c_rnti,
                        ue_id: u16::try_from(known.len() + 1).unwrap(),
                        ncc: *ncc,
                        ciphering: algorithms.ciphering,
                        integrity: algorithms.integrity,
                        holder: KenbHolder::Both,
                        validity,
                        key: kenb.clone(),
                    };
                    known.push(Known { record, holders: [false; 2] });
                    known.len() - 1
                });
                known[place].holders[usize::from(node.0 >= plan.ues)] = true;
                used.entry((node.0, *c_rnti)).or_default().push((*time, known[place].record.ue_id));
            }
            What::NasInUse { keys, algorithms, kasme } => {
                let uses = [(NasKeyUse::Ciphering, algorithms.ciphering), (NasKeyUse::Integrity, algorithms.integrity)];
                for ((key_use, algorithm), key) in uses.into_iter().zip(keys) {
                    let key = key.clone();
                    eps.push(EpsKeyRecord::Nas(NasKeyRecord { key_use, ue, algorithm, validity, key }));
                }
                let key = kasme.clone();
                let known = |record: &EpsKeyRecord| matches!(record, EpsKeyRecord::Kasme(one) if (one.ue, &one.key) == (ue, &key));
                if !eps.iter().any(known) {
                    eps.push(EpsKeyRecord::Kasme(KasmeRecord { ue, validity, key }));
                }
            }
            What::UpKeyInUse { key, algorithm } if node.0 < plan.ues => {
                let (holder, key) = (KeyHolder::Both, key.clone());
                eps.push(EpsKeyRecord::UpKey(UpKeyRecord { ue, algorithm: *algorithm, holder, validity, key }));
            }
            What::CkIkInUse { cell, keys } if node.0 < plan.ues => {
                let (holder, cell, key) = (KeyHolder::Both, Some(*cell), keys.clone());
                eps.push(EpsKeyRecord::CkIk(CkIkRecord { ue, cell, holder, validity, key }));
            }
            What::KeyPair { key, .. } => {
                let holder = if node.0 < plan.ues { KeyHolder::Ue } else { KeyHolder::Network };
                eps.push(EpsKeyRecord::KeyPair(KeyPairRecord { ue, holder, validity, key: key.clone() }));
            }
            What::KeyHeld(HeldKey::CkIk(keys)) => {
                let (holder, key) = (KeyHolder::Network, keys.clone());
                eps.push(EpsKeyRecord::CkIk(CkIkRecord { ue, cell: None, holder, validity, key }));
            }
            What::KeyHeld(HeldKey::NextHop(key, ncc)) if plan.schemes.is_standard() => {
                eps.push(EpsKeyRecord::Nh(NhRecord { ue, ncc: *ncc, validity, key: key.clone() }));
            }
            _ => {}
        }
    }
    if plan.transfer.upe || plan.utran_cells > 0 {
        let mapping = match plan.transfer.mapping {
            Mapping::TargetId { fresh: true } => KeyMapping::TargetIdFresh,
            Mapping::TargetId { fresh: false } => KeyMapping::TargetId,
            Mapping::Nonce => KeyMapping::Nonce,
        };
        let record = TransferRecord { upe: plan.transfer.upe, up_keys: UpKeyPolicy::Same, mapping };
        eps.push(EpsKeyRecord::Transfer(record));
    }
    for (from, to) in [(0, 1), (1, 0)].into_iter().filter(|_| plan.protects_s10) {
        let [sender, receiver] = [from, to].map(|mme| format!("mme{}", mme + 1));
        let LinkKey { spi, secret } = link_key(from, to);
        eps.push(EpsKeyRecord::LinkKey(LinkKeyRecord { sender, receiver, spi, key: secret }));
    }
    for Known { mut record, holders } in known {
        record.holder = match holders {
            [true, true] => KenbHolder::Both,
            [true, false] => KenbHolder::Ue,
            _ => KenbHolder::Enb,
        };
        eps.push(EpsKeyRecord::Kenb(record));
    }
    let node =
        |(name, role, ip): (String, &str, Ipv4Addr)| NodeRecord { name, role: role.to_owned(), ip: Some(ip), id: None };
    (KeyLog { nodes: nodes(plan).into_iter().map(node).collect(), eps, ..KeyLog::default() }, used)
}

/// A run as capture and log.
fn recorded(plan: &Plan, seen: &Seen) -> (Capture, KeyLog) {
    let (log, used) = log(plan, seen);
    let nodes = nodes(plan);
    let mut sent: Vec<_> = seen.transmissions.iter().collect();
    sent.sort_by_key(|sent| sent.time);
    let frames = sent.into_iter().map(|sent| {
        let Sender::Node(from) = sent.from else { panic!("there is no adversary") };
        let address = |node: NodeIndex| nodes[node.0].2;
        let (interface, octets) =
            match RadioFrame::parse(&sent.octets).ok().filter(|_| CoreFrame::parse(&sent.octets).is_err()) {
                None if UtranFrame::parse(&sent.octets).is_ok() => {
                    let frame = UtranFrame::parse(&sent.octets).unwrap();
                    (0, frame.in_capture(address(from), address(sent.to)).unwrap())
                }
                None => (1, sent.octets.clone()),
                Some(mut frame) => {
                    let mut in_use = used.get(&(from.0, frame.c_rnti)).into_iter().flatten();
                    let in_use = in_use.rfind(|(since, _)| *since <= sent.time);
                    frame.ue_id = UeId(in_use.map_or(0, |(_, ue_id)| *ue_id));
                    let record = frame.octets().unwrap();
                    (0, in_upper_pdu(radio_frame::DISSECTOR, address(from), address(sent.to), &record).unwrap())
                }
            };
        let verdict = |verdict: &keyhop::emulation::Verdict| ReceiverVerdict {
            receiver: nodes[sent.to.0].0.clone(),
            duplicate: false,
            change: None,
            text: verdict.text.clone(),
        };
        let verdicts = sent.verdicts.iter().map(verdict).collect();
        let comment = FrameComment { what: sent.note.clone(), lost: sent.lost, verdicts, ..FrameComment::default() };
        CapturedFrame {
            time: sent.time,
            interface,
            octets,
            direction: None,
            source: None,
            destination: None,
            comment: comment.to_string(),
        }
    });
    let interface = |name: &str, kind| InterfaceDescription { name: name.to_owned(), description: String::new(), kind };
    let capture = Capture {
        section_comment: "nodes".to_owned(),
        interfaces: vec![interface("uu", LinkKind::Tagged), interface("core", LinkKind::Backbone)],
        names: nodes.iter().map(|(name, _, ip)| (*ip, name.clone())).collect(),
        frames: frames.collect(),
        secrets: Vec::new(),
    };
    (capture, log)
}

/// What the judge says with the whole log, and with nothing but KASME, cells and derivation.
fn judgements(plan: Plan, run: impl FnOnce(Plan) -> Seen) -> [Judgement; 2] {
    let (capture, log) = left_behind(plan, run);
    let mut alone = log.clone();
    alone.eps.retain(|record| {
        use EpsKeyRecord::{Cell, Derivation, Kasme, Transfer};
        matches!(record, Derivation(_) | Cell(_) | Kasme(_) | Transfer(_))
    });
    [judged(&capture, &log), judged(&capture, &alone)]
}

/// Capture and log of a run.
pub fn left_behind(plan: Plan, run: impl FnOnce(Plan) -> Seen) -> (Capture, KeyLog) {
    let Plan { schemes, cells, mmes, ues, upes, utran_cells, sgsns, transfer, protects_s10, .. } = plan;
    let keep =
        Plan { schemes, cells, mmes, ues, upes, utran_cells, sgsns, transfer, protects_s10, ..Plan::new(schemes) };
    let seen = run(plan);
    recorded(&keep, &seen)
}

const WALK: [usize; 5] = [1, 2, 3, 0, 1];

fn every() -> Vec<Schemes> {
    let always = [Scheme::Chained, Scheme::MmeInvolved, Scheme::NextHopX2, Scheme::NextHopS1].map(Schemes::Always);
    always.into_iter().chain([Schemes::Grouped]).collect()
}

/// Nothing is found, whether the log is whole or not, and as much is verified with one as with the other.
fn nothing_is_found(of: &str, [whole, alone]: &[Judgement; 2]) {
    assert_eq!(whole.findings, [], "{of}");
    assert_eq!(alone.findings, [], "{of}");
    assert_eq!(whole.verified, alone.verified, "{of}");
    for (judgement, kinds) in [
        (
            whole,
            &[NoteKind::KeyInClear, NoteKind::NotDerived, NoteKind::Lost, NoteKind::MacWrong, NoteKind::Repeated][..],
        ),
        (
            alone,
            &[
                NoteKind::KeyInClear,
                NoteKind::NotDerived,
                NoteKind::Lost,
                NoteKind::MacWrong,
                NoteKind::Repeated,
                NoteKind::NoKey,
            ][..],
        ),
    ] {
        let other = judgement.notes.iter().find(|note| !kinds.contains(&note.kind));
        assert_eq!(other, None, "{of}");
    }
}

#[test]
fn nothing_is_found_in_honest_runs_of_every_scheme() {
    // H11
    for schemes in every() {
        let judgements = judgements(Plan::new(schemes).walk(&WALK), Plan::run);
        nothing_is_found(&format!("{schemes:?}"), &judgements);
        let verified = judgements[0].verified;
        assert!(verified.mac_i >= 24 && verified.packets == 12, "{schemes:?}: {verified:?}");
        let derived = judgements[0].notes.iter().find(|note| note.kind == NoteKind::MacWrong);
        assert_eq!(derived, None, "{schemes:?}");
    }
}

#[test]
fn nothing_is_found_where_the_mme_changes_and_nas_algorithms_with_it() {
    // H7
    for schemes in every() {
        let plan =
            Plan { mmes: 2, nas_algorithms: vec![vec![Algorithms::AES], vec![NULL_CIPHERING]], ..Plan::new(schemes) };
        let judgements = judgements(plan.walk(&WALK), Plan::run);
        nothing_is_found(&format!("{schemes:?}"), &judgements);
        assert!(
            schemes.is_standard() || judgements[0].verified.nas_mac >= 4 || schemes == Schemes::Always(Scheme::Chained)
        );
    }
}

#[test]
fn a_protected_link_is_judged_as_one_in_the_clear_and_shows_no_key_and_without_its_keys_it_is_not_judged() {
    // T7
    // broken: T7
    let with = |protects_s10| {
        let plan = Plan { mmes: 2, protects_s10, ..Plan::always(Scheme::NextHopS1) };
        judgements(plan.walk(&[1, 2, 0]), Plan::run)
    };
    let ([clear, _], [protected, alone]) = (with(false), with(true));
    let on_s10 = |judgement: &Judgement| judgement.notes.iter().filter(|note| note.detail.contains("KASME")).count();
    assert_eq!((clear.findings.len(), clear.verified.esp, on_s10(&clear)), (0, 0, 1));
    assert_eq!((protected.findings.len(), protected.verified.esp, on_s10(&protected)), (0, 8, 0));
    assert_eq!((protected.verified.mac_i, protected.verified.packets), (clear.verified.mac_i, clear.verified.packets));
    let unknown = alone.notes.iter().filter(|note| note.detail.contains("what this link carries is not known"));
    assert_eq!(unknown.map(|note| note.frames.len()).sum::<usize>(), 8);
}

#[test]
fn a_packet_of_a_protected_link_that_is_taken_although_it_was_changed_or_before_is_found() {
    // broken: T7
    let plan = || Plan { mmes: 2, protects_s10: true, ..Plan::always(Scheme::NextHopS1) }.walk(&[1, 2]);
    let seen = plan().run();
    let (mut capture, log) = recorded(&plan(), &seen);
    assert_eq!(judged(&capture, &log).findings, []);
    let esp = |frame: &CapturedFrame| {
        CoreFrame::parse(&frame.octets).is_ok_and(|frame| matches!(frame.payload, CorePayload::Esp(_)))
    };
    let first = capture.frames.iter().position(esp).unwrap();
    let again = CapturedFrame { time: capture.frames.last().unwrap().time, ..capture.frames[first].clone() };
    capture.frames.push(again);
    assert_eq!(judged(&capture, &log).kinds(), [FindingKind::ReplayAccepted]);
    capture.frames.pop();
    let last = capture.frames[first].octets.len() - 1;
    capture.frames[first].octets[last] ^= 1;
    assert!(judged(&capture, &log).kinds().contains(&FindingKind::MacInvalid));
    // The same number for another packet: nobody who has the keys may do that.
    capture.frames[first].octets[last] ^= 1;
    let core = CoreFrame::parse(&capture.frames[first].octets).unwrap();
    let number = usize::from(core.from == mme_place(1));
    let other = link_key(number, 1 - number);
    let mut inside = other.open(&core).unwrap();
    let CorePayload::Udp(datagram) = &mut inside.payload else { panic!("{inside:?}") };
    datagram.payload.truncate(4);
    let twice = CapturedFrame {
        time: capture.frames.last().unwrap().time,
        octets: other.seal(&inside, 1).unwrap().octets(9).unwrap(),
        ..capture.frames[first].clone()
    };
    capture.frames.push(twice);
    assert!(judged(&capture, &log).kinds().contains(&FindingKind::NonceReuse));
}

#[test]
fn nothing_is_found_where_a_handover_fails_and_the_ue_is_taken_back() {
    for schemes in every() {
        let plan = Plan::new(schemes).walk(&WALK);
        let target = plan.enb(1);
        let is_confirm = move |time, to, octets: &[u8]| {
            let on_air = RadioFrame::parse(octets).is_ok() && CoreFrame::parse(octets).is_err();
            if on_air && to == target && time < at(1_000) { Fate::lost() } else { Fate::pass() }
        };
        let judgements = judgements(plan, |plan| plan.run_with(is_confirm));
        nothing_is_found(&format!("{schemes:?}"), &judgements);
        let lost = judgements[0].notes.iter().find(|note| note.kind == NoteKind::Lost);
        assert!(lost.is_some(), "{schemes:?}");
    }
}

fn kinds(plan: Plan, run: impl FnOnce(Plan) -> Seen) -> [Vec<FindingKind>; 2] {
    judgements(plan, run).map(|judgement| judgement.kinds())
}

#[test]
fn a_constant_para_shows_as_key_stream_that_comes_again() {
    // broken: H4
    let with = |constant_para| {
        let enb_faults = EnbFaults { constant_c_rnti: Some(0x1234), ..EnbFaults::default() };
        let mme_faults = MmeFaults { constant_para, ..MmeFaults::default() };
        let plan = Plan { enb_faults, mme_faults, ..Plan::always(Scheme::MmeInvolved) };
        kinds(plan.walk(&WALK), Plan::run)
    };
    assert_eq!(with(false), [vec![], vec![]]);
    assert_eq!(with(true), [vec![FindingKind::NonceReuse], vec![FindingKind::NonceReuse]]);
}

#[test]
fn a_flipped_indication_leaves_nothing_that_the_wrong_key_was_taken_for() {
    // H5
    let enb_faults = EnbFaults { flips_indication: true, ..EnbFaults::default() };
    let plan = Plan { enb_faults, ..Plan::always(Scheme::MmeInvolved) };
    assert_eq!(kinds(plan.walk(&[1, 2]), Plan::run)[0], []);
}

#[test]
fn nas_counts_that_an_mme_resets_show_as_the_same_key_and_count() {
    // broken: H7
    let with = |resets_counts| {
        let mme_faults = MmeFaults { resets_counts, ..MmeFaults::default() };
        let plan = Plan { mmes: 2, mme_faults, ..Plan::always(Scheme::MmeInvolved) };
        kinds(plan.walk(&[1, 2, 3, 0, 1]), Plan::run)
    };
    assert_eq!(with(false), [vec![], vec![]]);
    for kinds in with(true) {
        assert_eq!(kinds, [FindingKind::NonceReuse, FindingKind::CountRegress]);
    }
}

#[test]
fn a_handover_over_x2_to_another_group_is_found_if_it_is_granted() {
    // H8
    // broken: H8
    let with = |allows_x2_across_groups| {
        let enb_faults = EnbFaults { tries_x2_across_groups: true, allows_x2_across_groups, ..EnbFaults::default() };
        let plan = Plan { enb_faults, ..Plan::new(Schemes::Grouped) };
        kinds(plan.walk(&[1, 2]), Plan::run)
    };
    assert_eq!(with(false), [vec![], vec![]]);
    for kinds in with(true) {
        assert_eq!(kinds, [FindingKind::X2AcrossGroups]);
    }
}

#[test]
fn a_ue_that_takes_para_whatever_its_nas_mac_is_found() {
    // H6
    // broken: H6
    let with = |ignores_nas_mac| {
        let change = |message: &mut S1apMessage| match message {
            S1apMessage::HandoverCommand(command) => {
                command.nas_security_parameters.as_mut().and_then(|nas| nas.last_mut()).is_some_and(|last| {
                    *last ^= 1;
                    true
                })
            }
            _ => false,
        };
        let ue_faults = UeFaults { ignores_nas_mac, ..UeFaults::default() };
        let plan = Plan { ue_faults, ..Plan::always(Scheme::MmeInvolved) };
        kinds(plan.walk(&[1]), |plan| plan.run_with(replacing_s1ap(change)))
    };
    assert_eq!(with(false)[0], []);
    assert_eq!(with(true)[0], [FindingKind::MacInvalid]);
}

#[test]
fn nothing_is_found_whatever_the_air_loses() {
    // H11
    for (schemes, seed) in every().into_iter().flat_map(|schemes| (0..6_u32).map(move |seed| (schemes, seed))) {
        let plan = Plan { mmes: 2, ends: 15_000, ..Plan::new(schemes) };
        let plan = plan.walk(&WALK).walk_on(&WALK);
        // A frame in ten, by a generator of 32 bits (Numerical Recipes).
        let mut state = seed;
        let loses = move |_, _, octets: &[u8]| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let struck = (state >> 16).is_multiple_of(10) && RadioFrame::parse(octets).is_ok();
            if struck { Fate::lost() } else { Fate::pass() }
        };
        let [whole, alone] = judgements(plan, |plan| plan.run_with(loses));
        assert_eq!(whole.findings, [], "{schemes:?}, seed {seed}");
        assert_eq!(alone.findings, [], "{schemes:?}, seed {seed}");
        assert!(whole.notes.iter().any(|note| note.kind == NoteKind::Lost), "{schemes:?}, seed {seed}");
    }
}

/// A packet in each direction every 4 ms while the UE goes to the third cell, which has another MME or UPE, and back.
fn stream(mmes: usize, upes: usize, relocation: Relocation, up_keys: UpKeys) -> Plan {
    let transfer = ContextTransfer { upe: true, relocation, up_keys, ..ContextTransfer::default() };
    let plan = Plan { mmes, upes, transfer, ..Plan::always(Scheme::NextHopS1) };
    let mut plan =
        plan.command(100, To::Ue(0), Command::Measure(pci(2))).command(300, To::Ue(0), Command::Measure(pci(0)));
    for number in 0..100 {
        plan = plan.command(50 + 4 * number, To::Gateway, Command::Downlink(imsi(0), packet(number)));
        plan = plan.command(51 + 4 * number, To::Ue(0), Command::Uplink(packet(1_000 + number)));
    }
    plan
}

#[test]
fn nothing_is_found_where_upes_cipher_and_every_packet_opens_on_the_air_as_it_was_in_its_tunnel() {
    // T1
    // T4
    for (mmes, upes) in [(2, 1), (1, 2)] {
        for relocation in [Relocation::Nothing, Relocation::BiCasting, Relocation::Forwarding, Relocation::Both] {
            for up_keys in [UpKeys::Same, UpKeys::Update] {
                let of = format!("{mmes} MMEs, {upes} UPEs, {relocation:?}, {up_keys:?}");
                let judgements = judgements(stream(mmes, upes, relocation, up_keys), Plan::run);
                nothing_is_found(&of, &judgements);
                assert!(judgements[0].verified.packets > 180, "{of}: {:?}", judgements[0].verified);
                let other = judgements[0].notes.iter().find(|note| note.kind == NoteKind::NoKey);
                assert_eq!(other, None, "{of}");
            }
        }
    }
}

#[test]
fn a_count_that_begins_again_under_the_same_key_is_found_as_key_stream_that_comes_again() {
    // broken: T4
    let with = |restarts_count| {
        let upe_faults = UpeFaults { restarts_count, ..UpeFaults::default() };
        kinds(Plan { upe_faults, ..stream(1, 2, Relocation::Forwarding, UpKeys::Same) }, Plan::run)
    };
    assert_eq!(with(false), [vec![], vec![]]);
    assert!(with(true).iter().all(|kinds| kinds.contains(&FindingKind::NonceReuse)), "{:?}", with(true));
}

#[test]
fn a_key_with_a_upe_that_does_not_follow_and_a_packet_that_no_tunnel_has_carried_are_found() {
    // broken: T1
    let (mut capture, log) = left_behind(stream(2, 1, Relocation::BiCasting, UpKeys::Same), Plan::run);
    let mut other = log.clone();
    for record in &mut other.eps {
        if let EpsKeyRecord::UpKey(record) = record {
            record.key = AlgorithmKey::from_octets([1; 16]);
        }
    }
    let kinds = judged(&capture, &other).kinds();
    assert!(kinds.contains(&FindingKind::KeyDerivation) && kinds.contains(&FindingKind::KeysDiffer), "{kinds:?}");
    // The last bit of the first packet down: its IP header still comes out.
    let down = |frame: &CapturedFrame| frame.comment.starts_with("user packet; ue1: accepted");
    let frame = capture.frames.iter_mut().find(|frame| down(frame)).unwrap();
    *frame.octets.last_mut().unwrap() ^= 0x40;
    let judgement = judged(&capture, &log);
    assert_eq!(judgement.kinds(), [FindingKind::PacketDiffers]);
    assert_eq!(judgement.findings.len(), 2, "neither the PDU nor what comes out of it: {:?}", judgement.findings);
    // And up: the eNB sends the UPE another than the UE has sent.
    let up = |frame: &CapturedFrame| frame.comment.starts_with("user packet; enb1: accepted");
    let (mut capture, _) = left_behind(stream(2, 1, Relocation::BiCasting, UpKeys::Same), Plan::run);
    let frame = capture.frames.iter_mut().find(|frame| up(frame)).unwrap();
    *frame.octets.last_mut().unwrap() ^= 0x40;
    assert_eq!(judged(&capture, &log).kinds(), [FindingKind::PacketDiffers]);
}

#[test]
fn nothing_is_found_where_ues_come_by_themselves_or_are_authenticated_anew() {
    // T2
    // T7
    let mut plans = Vec::new();
    for upes in [0, 1] {
        for arrival in [Arrival::Authentication, Arrival::ContextRequest, Arrival::Handover] {
            let transfer = ContextTransfer { arrival, upe: upes > 0, ..ContextTransfer::default() };
            let plan = Plan { upes, transfer, ..Plan::arriving(arrival) }.authenticating().walk(&[2, 0, 3, 1]);
            plans.push((format!("{arrival:?}, {upes} UPEs"), plan));
            let plan = Plan { upes, transfer, ..Plan::arriving(arrival) }.authenticating().walk(&[2, 3, 0]);
            let plan = plan.command(100, To::Mme(0), Command::Authenticate(imsi(0)));
            let plan = plan.command(500, To::Mme(1), Command::Authenticate(imsi(0)));
            plans.push((format!("{arrival:?}, {upes} UPEs, anew"), plan));
        }
    }
    for (of, plan) in plans {
        let [whole, alone] = judgements(plan, Plan::run);
        assert_eq!(whole.findings, [], "{of}");
        assert_eq!(alone.findings, [], "{of}");
        // In a handover there is no NAS message.
        let nas = whole.verified.nas_mac > 0 || of.starts_with("Handover") && !of.ends_with("anew");
        assert!(whole.verified.packets > 5 && nas, "{of}: {:?}", whole.verified);
        assert_eq!(whole.verified, alone.verified, "{of}");
    }
}

/// From UTRAN to E-UTRAN, or the other way, and back, with a packet in each direction in each cell.
pub fn between_systems(mapping: Mapping, begins_in_utran: Option<Origin>, upes: usize) -> Plan {
    let transfer = ContextTransfer { mapping, upe: upes > 0, ..ContextTransfer::default() };
    let plan =
        Plan { cells: 2, utran_cells: 2, sgsns: 1, upes, transfer, begins_in_utran, ..Plan::always(Scheme::NextHopS1) };
    let cells = if begins_in_utran.is_some() { [pci(0), utran_pci(1)] } else { [utran_pci(0), pci(1)] };
    let mut plan = plan.command(10, To::Ue(0), Command::Uplink(packet(0)));
    for (step, cell) in (1..).zip(cells) {
        plan = plan.command(step * 200, To::Ue(0), Command::Measure(cell));
        plan = plan.command(step * 200 + 150, To::Ue(0), Command::Uplink(packet(step)));
        plan = plan.command(step * 200 + 151, To::Gateway, Command::Downlink(imsi(0), packet(step)));
    }
    plan
}

#[test]
fn between_utran_and_e_utran_every_packet_opens_and_the_first_keys_come_back_only_where_nothing_fresh_is_in_them() {
    // T5
    // broken: T5
    for mapping in [Mapping::TargetId { fresh: true }, Mapping::TargetId { fresh: false }, Mapping::Nonce] {
        for begins in [None, Some(Origin::Umts), Some(Origin::Gsm)] {
            for upes in [0, 1] {
                let of = format!("{mapping:?}, {begins:?}, {upes} UPEs");
                let (capture, log) = left_behind(between_systems(mapping, begins, upes), Plan::run);
                let judgement = judged(&capture, &log);
                // Back in UTRAN with the same CK, COUNT begins at 0 again.
                let again = begins.is_some() && mapping == Mapping::TargetId { fresh: false };
                let expected: &[FindingKind] = if again { &[FindingKind::NonceReuse] } else { &[] };
                assert_eq!(judgement.kinds(), expected, "{of}: {:?}", judgement.findings);
                assert_eq!(judgement.verified.packets, 5, "{of}: {:?}", judgement.notes);
                assert_eq!(judgement.verified.mapped, 4, "{of}: {:?}", judgement.notes);
            }
        }
    }
}
