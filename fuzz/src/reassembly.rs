//! SDUs in pieces: the queue that packs and fragments them, the reassembly at the other end, and the window of sequence numbers
//! of a tunnel.

use std::collections::{BTreeMap, BTreeSet};

use keyhop::dot16::identifiers::Sfid;
use keyhop::dot16::node::fragmentation::{Fragmenter, Piece, Reassembler, room};
use keyhop::dot16::node::sdu_queue::{PduLimits, SduQueue};
use keyhop::dot16::node::sequence_window::SequenceWindow;
use keyhop::dot16::wire::PduType;

use crate::choices::Choices;

/// The longest SDU that is put together.
const LONGEST: usize = 65_535;
/// FSNs before they come again.
const FSNS: usize = 2_048;

/// One of the three, by the first octet.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    match choices.any() % 3 {
        0 => through_a_queue(&mut choices),
        1 => anything(&mut choices),
        _ => sequence_numbers(&mut choices),
    }
}

/// SDUs go in, PDUs are lost, doubled and late, and what comes out is what went in: all of it if nothing was lost, each SDU as
/// it was in any case.
fn through_a_queue(choices: &mut Choices<'_>) {
    let limits = PduLimits {
        max_pdu: usize::from(choices.two() % 2_048),
        left: if choices.any() & 3 == 0 { usize::from(choices.two()) } else { usize::MAX },
        packing: choices.any() & 1 == 0,
    };
    let mut queue = SduQueue::default();
    let mut waiting: BTreeMap<(Sfid, u32), Vec<u8>> = BTreeMap::new();
    let mut sent: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut ends: BTreeMap<Sfid, (Fragmenter, Reassembler)> = BTreeMap::new();
    let mut expected: BTreeMap<Sfid, Vec<Vec<u8>>> = BTreeMap::new();
    let (mut number, mut pieces, mut exact) = (0u32, 0usize, true);
    while let Some(what) = choices.octet() {
        let flow = Sfid(u32::from(what >> 4 & 3));
        match what & 7 {
            0 | 1 => {
                number = number.wrapping_add(1);
                let named = if what & 8 == 0 { number } else { u32::from(choices.any()) };
                let length = usize::from(choices.any()) * usize::from(choices.any());
                // No two SDUs are equal, unless they are shorter than their number.
                let mut sdu = number.to_be_bytes().to_vec();
                sdu.resize(length, what);
                let new = !waiting.contains_key(&(flow, named));
                assert_eq!(queue.insert(flow, named, sdu.clone()), new);
                if new {
                    waiting.insert((flow, named), sdu);
                }
            }
            2..=5 => {
                let halted = BTreeSet::new();
                let Some(flow) = queue.next_flow(&halted) else { continue };
                let Some(load) = queue.load(flow, limits) else {
                    // What does not fit now fits when there is room.
                    let all = PduLimits { left: usize::MAX, ..limits };
                    assert!(queue.clone().load(flow, all).is_some());
                    continue;
                };
                let (fragmenter, reassembler) = ends.entry(flow).or_default();
                let (pdu_type, body) = fragmenter.body(&load.pieces).expect("pieces fit in their subheaders");
                assert!(body.len() <= room(limits.max_pdu), "{} octets in a PDU of {}", body.len(), limits.max_pdu);
                assert!(body.len() <= limits.left);
                assert!(limits.packing || load.pieces.len() == 1);
                for (number, sdu) in &load.done {
                    assert_eq!(waiting.remove(&(flow, *number)).as_ref(), Some(sdu));
                    sent.insert(sdu.clone());
                    expected.entry(flow).or_default().push(sdu.clone());
                }
                if what & 8 != 0 && choices.any() & 3 == 0 {
                    pieces += load.pieces.len();
                    exact = false;
                    continue;
                }
                let taken = reassembler.take(pdu_type, &body).expect("a PDU of a queue reads");
                came_out(taken.sdus, flow, &mut expected, &sent, exact, pieces);
            }
            6 => {
                queue.begin_anew();
                exact = false;
            }
            _ => {
                let begun = queue.drop_begun(flow);
                if begun {
                    // Which one it was the queue knows: whatever is not there any more.
                    let left: BTreeSet<(Sfid, u32)> = all_of(&queue);
                    waiting.retain(|name, _| left.contains(name));
                    exact = false;
                }
            }
        }
        assert_eq!(queue.len(), waiting.len());
        assert_eq!(queue.is_empty(), waiting.is_empty());
    }
    let mut left: Vec<(u32, Vec<u8>)> = waiting.into_iter().map(|((_, number), sdu)| (number, sdu)).collect();
    let mut taken = queue.take_all();
    left.sort();
    taken.sort();
    assert_eq!(taken, left);
}

/// The names of everything that waits.
fn all_of(queue: &SduQueue) -> BTreeSet<(Sfid, u32)> {
    let mut names = BTreeSet::new();
    for flow in (0..4).map(Sfid) {
        let mut copy = queue.clone();
        for other in (0..4).map(Sfid).filter(|other| *other != flow) {
            copy.drop_flow(other);
        }
        names.extend(copy.take_all().into_iter().map(|(number, _)| (flow, number)));
    }
    names
}

fn came_out(
    sdus: Vec<Vec<u8>>,
    flow: Sfid,
    expected: &mut BTreeMap<Sfid, Vec<Vec<u8>>>,
    sent: &BTreeSet<Vec<u8>>,
    exact: bool,
    lost: usize,
) {
    if exact {
        assert_eq!(expected.remove(&flow).unwrap_or_default(), sdus);
    } else if lost < FSNS {
        for sdu in &sdus {
            assert!(sent.contains(sdu) || sdu.len() < 4, "an SDU of {} octets that nobody has sent", sdu.len());
        }
    }
}

/// Any bodies of PDUs: what is kept is no longer than an SDU may be.
fn anything(choices: &mut Choices<'_>) {
    let mut reassembler = Reassembler::default();
    while let Some(bits) = choices.octet() {
        let kinds = [
            PduType::NONE,
            PduType::FRAGMENTATION.with(PduType::EXTENDED),
            PduType::PACKING.with(PduType::EXTENDED),
            PduType::FRAGMENTATION,
            PduType::PACKING,
            PduType::from_bits(bits),
        ];
        let kind = kinds[usize::from(bits) % kinds.len()];
        let length = usize::from(choices.two() % 2_048);
        let given = choices.below(32);
        let mut body = choices.octets(given).to_vec();
        body.resize(length.max(body.len()), 0);
        match reassembler.take(kind, &body) {
            Ok(taken) => {
                assert!(taken.sdus.iter().all(|sdu| sdu.len() <= LONGEST));
                let whole: usize = taken.sdus.iter().map(Vec::len).sum();
                assert!(whole <= LONGEST + body.len());
            }
            Err(error) => assert!(error.offset <= body.len(), "{error}, in {} octets", body.len()),
        }
    }
    // A body never has fewer pieces than it was made of.
    let piece = Piece { octets: vec![1; 40], from: 0, of: 40 };
    let (kind, body) = Fragmenter::default().body(&[piece.clone(), piece]).expect("two pieces");
    assert_eq!(reassembler.take(kind, &body).map(|taken| taken.sdus.len()), Ok(2));
}

/// Sequence numbers against a set of them. Numbers that are very far apart push the lowest out, which the set does not.
fn sequence_numbers(choices: &mut Choices<'_>) {
    let mut window = SequenceWindow::default();
    let mut seen = BTreeSet::from([0u32]);
    let mut last = 0u32;
    while let Some(how) = choices.octet() {
        let step = u32::from(how & 31);
        last = match how >> 5 {
            0..=2 => last.wrapping_add(step),
            3 | 4 => last.wrapping_sub(step),
            5 => choices.four(),
            6 => u32::MAX - step,
            _ => step,
        };
        assert_eq!(window.has(last), seen.contains(&last), "{last}");
        window.take(last);
        seen.insert(last);
        assert!(window.has(last));
    }
}
