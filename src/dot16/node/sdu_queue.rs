//! SDUs of one mobile that wait for the air, by service flow, and how they fill PDUs: one by one, cut where they are too
//! long, or packed (802.16-2009 clauses 6.3.3.3 and 6.3.3.4).
//!
//! A flow sends its SDUs in the order of their numbers, and finishes the one that it has begun first. An SDU leaves the
//! queue with its last octet; until then the whole of it is there, to begin anew on another connection or to be
//! forwarded (R15).

use std::collections::{BTreeMap, BTreeSet};

use super::fragmentation::{FRAGMENTATION, OVERHEAD, PACKING, Piece, room};
use crate::dot16::identifiers::Sfid;

/// Octets below which an SDU is not begun at the end of a packed PDU.
const SMALLEST_PIECE: usize = 16;

/// SDUs that wait.
#[derive(Clone, Debug, Default)]
pub struct SduQueue {
    flows: BTreeMap<Sfid, Waiting>,
}

#[derive(Clone, Debug, Default)]
struct Waiting {
    sdus: BTreeMap<u32, Vec<u8>>,
    /// The SDU of which a part went out, and how many octets.
    begun: Option<(u32, usize)>,
}

impl Waiting {
    fn next(&self) -> Option<u32> {
        self.begun.map(|(number, _)| number).or_else(|| self.sdus.keys().next().copied())
    }
}

/// What bounds the next PDU.
#[derive(Clone, Copy, Debug)]
pub struct PduLimits {
    /// The longest PDU, in octets.
    pub max_pdu: usize,
    /// How many octets may be sent in this subframe yet.
    pub left: usize,
    /// Whether a PDU may carry more than one piece.
    pub packing: bool,
}

/// What the next PDU of a flow carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Its pieces, at least one.
    pub pieces: Vec<Piece>,
    /// The SDUs whose last octet is among them, with their numbers.
    pub done: Vec<(u32, Vec<u8>)>,
    /// What it is in words.
    pub text: String,
}

impl Load {
    /// A PDU without user data; `text` says what it is for.
    #[must_use]
    pub fn empty(text: &str) -> Self {
        let nothing = Piece { octets: Vec::new(), from: 0, of: 0 };
        Self { pieces: vec![nothing], done: Vec::new(), text: text.to_owned() }
    }
}

impl SduQueue {
    /// Adds an SDU. Answers whether it was added: a flow has one SDU of a number.
    pub fn insert(&mut self, flow: Sfid, number: u32, sdu: Vec<u8>) -> bool {
        let waiting = self.flows.entry(flow).or_default();
        let fresh = !waiting.sdus.contains_key(&number);
        if fresh {
            waiting.sdus.insert(number, sdu);
        }
        fresh
    }

    /// How many SDUs wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flows.values().map(|waiting| waiting.sdus.len()).sum()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows.values().all(|waiting| waiting.sdus.is_empty())
    }

    /// The flow whose next SDU has the lowest number, of those that do not have to wait.
    #[must_use]
    pub fn next_flow(&self, halted: &BTreeSet<Sfid>) -> Option<Sfid> {
        let flows = self.flows.iter().filter(|(flow, _)| !halted.contains(flow));
        flows.filter_map(|(flow, waiting)| Some((waiting.next()?, *flow))).min().map(|(_, flow)| flow)
    }

    /// Takes every SDU out, whole, in order of number.
    pub fn take_all(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut all: Vec<_> = std::mem::take(&mut self.flows).into_values().flat_map(|waiting| waiting.sdus).collect();
        all.sort_by_key(|(number, _)| *number);
        all
    }

    /// Takes every SDU of a flow out; answers how many they were.
    pub fn drop_flow(&mut self, flow: Sfid) -> usize {
        self.flows.remove(&flow).map_or(0, |waiting| waiting.sdus.len())
    }

    /// What went out of SDUs in part does not count any more: they begin anew.
    pub fn begin_anew(&mut self) {
        for waiting in self.flows.values_mut() {
            waiting.begun = None;
        }
    }

    /// Drops the SDU of a flow that has been sent in part; answers whether there was one.
    pub fn drop_begun(&mut self, flow: Sfid) -> bool {
        let Some(waiting) = self.flows.get_mut(&flow) else {
            return false;
        };
        waiting.begun.take().is_some_and(|(number, _)| waiting.sdus.remove(&number).is_some())
    }

    /// Takes out what the next PDU of a flow carries; `None` if nothing waits, or the PDU would not fit in what is left
    /// of the subframe.
    pub fn load(&mut self, flow: Sfid, limits: PduLimits) -> Option<Load> {
        let waiting = self.flows.get_mut(&flow)?;
        let room = room(limits.max_pdu);
        let first = waiting.next()?;
        let begun = waiting.begun.map_or(0, |(_, octets)| octets);
        let others = waiting.sdus.iter().filter(|(number, _)| **number != first);
        let mut used = 0usize;
        let mut numbers = Vec::new();
        let mut pieces: Vec<Piece> = Vec::new();
        for (number, sdu) in waiting.sdus.get_key_value(&first).into_iter().chain(others) {
            let from = if *number == first { begun.min(sdu.len()) } else { 0 };
            let rest = sdu.get(from..).unwrap_or_default();
            let packed = limits.packing && (!pieces.is_empty() || rest.len().saturating_add(PACKING) <= room);
            let octets = match packed {
                true => packed_piece(rest, room.saturating_sub(used)),
                false if pieces.is_empty() => single_piece(rest, from, room),
                false => None,
            };
            let Some(octets) = octets else { break };
            let piece = Piece { octets: octets.to_vec(), from, of: sdu.len() };
            used = used.saturating_add(PACKING).saturating_add(octets.len());
            let full = !packed || !piece.is_last();
            numbers.push(*number);
            pieces.push(piece);
            if full {
                break;
            }
        }
        let length = match &pieces[..] {
            [piece] if piece.is_whole() => piece.octets.len(),
            [piece] => piece.octets.len().saturating_add(FRAGMENTATION),
            _ => used,
        };
        if length.saturating_add(OVERHEAD) > limits.left {
            return None;
        }
        let text = text(&pieces, (!limits.packing).then_some(room));
        let mut done = Vec::new();
        waiting.begun = None;
        for (number, piece) in numbers.into_iter().zip(&pieces) {
            if piece.is_last() {
                done.extend(waiting.sdus.remove(&number).map(|sdu| (number, sdu)));
            } else {
                waiting.begun = Some((number, piece.from.saturating_add(piece.octets.len())));
            }
        }
        Some(Load { pieces, done, text })
    }
}

/// What of `rest` goes into a PDU that carries nothing else; `from` octets of its SDU went before.
fn single_piece(rest: &[u8], from: usize, room: usize) -> Option<&[u8]> {
    let whole = from == 0 && rest.len() <= room;
    let most = if whole { room } else { room.saturating_sub(FRAGMENTATION) };
    rest.get(..rest.len().min(most))
}

/// What of `rest` goes into a packed PDU with room for `left` octets more.
fn packed_piece(rest: &[u8], left: usize) -> Option<&[u8]> {
    let most = left.checked_sub(PACKING)?;
    if rest.len() <= most { Some(rest) } else { rest.get(..most).filter(|_| most >= SMALLEST_PIECE) }
}

/// What the PDU carries. Without packing every fragment but the last fills the `room` of its PDU, so that they can be
/// counted.
fn text(pieces: &[Piece], room: Option<usize>) -> String {
    match (pieces, room) {
        ([piece], Some(room)) if !piece.is_whole() => {
            let each = room.saturating_sub(FRAGMENTATION).max(1);
            format!(
                "user data, fragment {} of {} of {} octets",
                piece.from / each + 1,
                piece.of.div_ceil(each),
                piece.of
            )
        }
        ([piece], _) => format!("user data, {}", one(piece)),
        (pieces, _) => {
            let each: Vec<String> = pieces.iter().map(one).collect();
            format!("user data, packed {}: {}", pieces.len(), each.join(", "))
        }
    }
}

fn one(piece: &Piece) -> String {
    if piece.is_whole() {
        return format!("{} octets", piece.of);
    }
    let (first, last) = (piece.from.saturating_add(1), piece.from.saturating_add(piece.octets.len()));
    format!("octets {first} to {last} of {}", piece.of)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: Sfid = Sfid(1);
    const ALONE: PduLimits = PduLimits { max_pdu: 2047, left: usize::MAX, packing: false };
    const PACKED: PduLimits = PduLimits { packing: true, ..ALONE };

    fn queue(sizes: &[usize]) -> SduQueue {
        let mut queue = SduQueue::default();
        for (number, size) in (0..).zip(sizes) {
            assert!(queue.insert(FLOW, number, (0..*size).map(|octet| octet as u8).collect()));
        }
        queue
    }

    /// The texts of every PDU.
    fn texts(queue: &mut SduQueue, limits: PduLimits) -> Vec<String> {
        let loads = std::iter::from_fn(|| queue.load(FLOW, limits));
        loads.map(|load| load.text.strip_prefix("user data, ").unwrap().to_owned()).collect()
    }

    #[test]
    fn without_packing_an_sdu_that_fits_travels_whole_and_a_longer_one_in_full_pdus() {
        for (octets, pieces) in [(0, 1), (100, 1), (2025, 1), (2026, 2), (65_535, 33)] {
            let mut queue = queue(&[octets]);
            let texts = texts(&mut queue, ALONE);
            assert_eq!(texts.len(), pieces, "{octets}");
            let last = format!("fragment {pieces} of {pieces} of {octets} octets");
            assert_eq!(texts.last().unwrap(), if pieces == 1 { texts.first().unwrap() } else { &last });
            assert!(queue.is_empty());
        }
    }

    #[test]
    fn packing_fills_each_pdu_with_an_end_whole_sdus_and_a_beginning() {
        let mut queue = queue(&[1500, 600, 160, 1500, 28]);
        assert_eq!(
            texts(&mut queue, PACKED),
            [
                "packed 2: 1500 octets, octets 1 to 519 of 600",
                "packed 4: octets 520 to 600 of 600, 160 octets, 1500 octets, 28 octets",
            ]
        );
    }

    #[test]
    fn a_piece_alone_in_its_pdu_has_the_room_that_packing_subheaders_would_take() {
        assert_eq!(texts(&mut queue(&[2025, 2025]), PACKED), ["2025 octets", "2025 octets"]);
        assert_eq!(texts(&mut queue(&[2022]), PACKED), ["2022 octets"]);
        assert_eq!(
            texts(&mut queue(&[2023 + 2021, 100]), PACKED),
            ["octets 1 to 2023 of 4044", "octets 2024 to 4044 of 4044", "100 octets"]
        );
        // Fewer octets than a subheader is worth are left at the end.
        assert_eq!(
            texts(&mut queue(&[2000, 100]), PACKED),
            ["packed 2: 2000 octets, octets 1 to 19 of 100", "octets 20 to 100 of 100"]
        );
        assert_eq!(texts(&mut queue(&[2004, 100]), PACKED), ["2004 octets", "100 octets"]);
    }

    #[test]
    fn no_pdu_is_longer_than_allowed_and_none_begins_that_does_not_fit_in_the_subframe() {
        for packing in [false, true] {
            let mut waiting = queue(&[160, 160, 160]);
            let limits = PduLimits { max_pdu: 400, left: 181, packing };
            assert_eq!(waiting.load(FLOW, limits), None);
            assert_eq!(waiting.len(), 3, "nothing is taken");
            let limits = PduLimits { left: 400, ..limits };
            let load = waiting.load(FLOW, limits).unwrap();
            assert_eq!(load.pieces.len(), if packing { 3 } else { 1 }, "{}", load.text);
            let octets: usize = load.pieces.iter().map(|piece| piece.octets.len() + 3).sum();
            assert!(octets + OVERHEAD <= 400);
        }
    }

    #[test]
    fn what_was_begun_goes_on_before_a_lower_number_and_begins_anew_when_told() {
        let mut waiting = queue(&[]);
        waiting.insert(FLOW, 7, vec![7; 3000]);
        assert_eq!(waiting.load(FLOW, ALONE).unwrap().text, "user data, fragment 1 of 2 of 3000 octets");
        waiting.insert(FLOW, 5, vec![5; 100]);
        assert!(!waiting.insert(FLOW, 7, vec![0; 9]), "it is there");
        let mut other = waiting.clone();
        assert_eq!(texts(&mut waiting, ALONE), ["fragment 2 of 2 of 3000 octets", "100 octets"]);
        other.begin_anew();
        assert_eq!(
            texts(&mut other.clone(), ALONE),
            ["100 octets", "fragment 1 of 2 of 3000 octets", "fragment 2 of 2 of 3000 octets"]
        );
        let all: Vec<(u32, usize)> = other.take_all().into_iter().map(|(number, sdu)| (number, sdu.len())).collect();
        assert_eq!(all, [(5, 100), (7, 3000)]);
        assert!(other.is_empty());
    }

    #[test]
    fn only_the_sdu_that_was_begun_is_dropped() {
        let mut waiting = queue(&[3000, 100]);
        assert!(!waiting.drop_begun(FLOW));
        waiting.load(FLOW, ALONE).unwrap();
        assert!(waiting.drop_begun(FLOW) && !waiting.drop_begun(FLOW));
        assert_eq!(texts(&mut waiting, ALONE), ["100 octets"]);
        assert_eq!(queue(&[1, 2]).drop_flow(FLOW), 2);
    }

    #[test]
    fn flows_take_turns_in_order_of_number() {
        let mut waiting = SduQueue::default();
        for (number, flow) in [(1, 3), (2, 1), (3, 3)] {
            waiting.insert(Sfid(flow), number, vec![0; 100]);
        }
        let order: Vec<u32> = std::iter::from_fn(|| {
            let flow = waiting.next_flow(&BTreeSet::new())?;
            waiting.load(flow, ALONE).map(|_| flow.0)
        })
        .collect();
        assert_eq!(order, [3, 1, 3]);
    }
}
