//! What a sender may do once only: a TEK and nonce for one PDU, PNs and CMAC_PNs that rise, key counts that do not fall
//! (`dot16-security.md` 3.3, 4.2, 6.1 and invariants 1 and 2 of its section 11).

use std::collections::{BTreeMap, HashMap};

use super::findings::{FindingKind, Findings};
use crate::dot16::identifiers::{AkSequenceNumber, CmacKeyCount, Direction, MsMac};

/// Whether a PDU or message was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// It is new.
    New,
    /// The same octets stood in this frame.
    Repeats(u64),
}

/// A sealed PDU that opened, as far as its sender is answerable for it.
#[derive(Clone, Copy, Debug)]
pub struct SealedPdu<'a> {
    /// Frame.
    pub frame: u64,
    /// Number of the octets of its TEK.
    pub tek: usize,
    /// Octets 0..4 of its header.
    pub header: [u8; 5],
    /// The PN field, with direction bit.
    pub pn: u32,
    /// Its direction, as the PN says.
    pub direction: Direction,
    /// The ICV: two PDUs of one TEK, nonce and ICV are the same.
    pub icv: [u8; 8],
    /// Whether the adversary put it on the link.
    pub adversary: bool,
    /// The TEK in words.
    pub name: &'a str,
}

/// A message whose CMAC verified.
#[derive(Clone, Copy, Debug)]
pub struct SignedMessage<'a> {
    /// Frame.
    pub frame: u64,
    /// Number of the key.
    pub key: usize,
    /// CMAC_PN.
    pub pn: u32,
    /// CMAC value: two messages of one key, CMAC_PN and value are the same.
    pub value: [u8; 8],
    /// Whether the adversary put it on the link.
    pub adversary: bool,
    /// The key in words.
    pub name: &'a str,
}

/// Which PMK of a mobile: its place among those known, and the AK sequence number, which comes again after four of them.
pub type PmkEra = (usize, AkSequenceNumber);

/// The number of a TEK, octets 0..4 of a header, and a PN field.
type Nonce = (usize, [u8; 5], u32);

/// A frame, and the ICV or CMAC value that stands in it.
type Stamp = (u64, [u8; 8]);

/// Remembers what was sent. Per PDU or message one entry of less than 100 octets.
#[derive(Debug, Default)]
pub struct Order {
    nonces: HashMap<Nonce, Stamp>,
    last_pn: HashMap<(usize, Direction), (u32, u64)>,
    cmac_pns: HashMap<(usize, u32), Stamp>,
    last_cmac_pn: HashMap<usize, (u32, u64)>,
    counts: BTreeMap<MsMac, (PmkEra, CmacKeyCount, u64)>,
}

impl Order {
    /// Takes a data PDU.
    pub fn data(&mut self, pdu: &SealedPdu<'_>, findings: &mut Findings) -> Novelty {
        let SealedPdu { frame, tek, header, pn, direction, icv, adversary, name } = *pdu;
        let (count, known) = (pn & 0x7fff_ffff, self.nonces.get(&(tek, header, pn)).copied());
        match known {
            Some((first, same)) if same == icv => return Novelty::Repeats(first),
            Some((first, _)) => {
                let detail = format!("two {direction} PDUs under the nonce of PN {count}, {name}");
                findings.find(FindingKind::NonceReuse, &[first, frame], detail);
            }
            None => {
                self.nonces.insert((tek, header, pn), (frame, icv));
            }
        }
        if adversary {
            return Novelty::New;
        }
        if let Some((last, before)) = self.last_pn.insert((tek, direction), (count, frame))
            && count <= last
        {
            let detail = format!("{direction} PN {count} after PN {last}, {name}");
            findings.find(FindingKind::PnNotIncreasing, &[before, frame], detail);
        }
        Novelty::New
    }

    /// Takes a management message.
    pub fn message(&mut self, message: &SignedMessage<'_>, findings: &mut Findings) -> Novelty {
        let SignedMessage { frame, key, pn, value, adversary, name } = *message;
        match self.cmac_pns.get(&(key, pn)) {
            Some((first, same)) if *same == value => return Novelty::Repeats(*first),
            Some(_) => {}
            None => {
                self.cmac_pns.insert((key, pn), (frame, value));
            }
        }
        if adversary {
            return Novelty::New;
        }
        if let Some((last, before)) = self.last_cmac_pn.insert(key, (pn, frame))
            && pn <= last
        {
            let detail = format!("CMAC_PN {pn} after CMAC_PN {last}, {name}");
            findings.find(FindingKind::PnNotIncreasing, &[before, frame], detail);
        }
        Novelty::New
    }

    /// Takes the count of a new RNG-REQ that verified and that its mobile sent. A new PMK begins anew.
    pub fn count(&mut self, frame: u64, ms: MsMac, era: PmkEra, count: CmacKeyCount, findings: &mut Findings) {
        match self.counts.get(&ms).copied() {
            Some((of, highest, last)) if of == era && count < highest => {
                let detail = format!("{ms} sends CMAC_KEY_COUNT {count} after {highest}");
                findings.find(FindingKind::KeyCountRegress, &[last, frame], detail);
            }
            _ => {
                self.counts.insert(ms, (era, count, frame));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdu(frame: u64, pn: u32, icv: u8) -> SealedPdu<'static> {
        SealedPdu {
            frame,
            tek: 0,
            header: [0; 5],
            pn,
            direction: Direction::Downlink,
            icv: [icv; 8],
            adversary: false,
            name: "TEK",
        }
    }

    fn kinds(findings: Findings) -> Vec<(FindingKind, Vec<u64>)> {
        findings.into_remarks().0.into_iter().map(|finding| (finding.kind, finding.frames)).collect()
    }

    #[test]
    fn a_nonce_with_other_octets_is_a_reuse_and_the_same_octets_are_a_repetition() {
        // A18
        let (mut order, mut findings) = (Order::default(), Findings::default());
        assert_eq!(order.data(&pdu(1, 1, 1), &mut findings), Novelty::New);
        assert_eq!(order.data(&pdu(2, 1, 1), &mut findings), Novelty::Repeats(1));
        assert_eq!(order.data(&pdu(3, 1, 2), &mut findings), Novelty::New);
        let longer = SealedPdu { header: [1; 5], ..pdu(4, 1, 3) };
        assert_eq!(order.data(&longer, &mut findings), Novelty::New);
        let uplink = SealedPdu { direction: Direction::Uplink, ..pdu(5, 0x8000_0001, 3) };
        assert_eq!(order.data(&uplink, &mut findings), Novelty::New);
        assert_eq!(
            kinds(findings),
            [
                (FindingKind::NonceReuse, vec![1, 3]),
                (FindingKind::PnNotIncreasing, vec![1, 3]),
                (FindingKind::PnNotIncreasing, vec![3, 4]),
            ]
        );
    }

    #[test]
    fn cmac_pns_rise_and_counts_do_not_fall_within_an_ak_sequence_number() {
        let (mut order, mut findings) = (Order::default(), Findings::default());
        let message =
            |frame, pn, value| SignedMessage { frame, key: 7, pn, value: [value; 8], adversary: false, name: "key" };
        for (frame, pn, value) in [(1, 1, 1), (2, 3, 2), (3, 3, 2), (4, 2, 3)] {
            order.message(&message(frame, pn, value), &mut findings);
        }
        let ms = MsMac([2; 6]);
        for (frame, ak_sn, count) in [(5, 0, 3), (6, 0, 3), (7, 4, 1), (8, 4, 0)] {
            order.count(frame, ms, (0, AkSequenceNumber(ak_sn)), CmacKeyCount(count), &mut findings);
        }
        assert_eq!(
            kinds(findings),
            [(FindingKind::PnNotIncreasing, vec![2, 4]), (FindingKind::KeyCountRegress, vec![7, 8])]
        );
    }
}
