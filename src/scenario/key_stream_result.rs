//! What an attack on key stream that was used twice came to.
//!
//! The adversary finds pairs and reads text without any key (`adversary::key_stream`). What the nodes really sealed is
//! noted here for two uses: as the plaintext that the adversary knows because it had that packet sent (`known = "sent"`),
//! and to judge whether what it reads is right.

use std::collections::BTreeMap;

use super::attack_results::SHOWN_TEXT;
use super::outcome::AttackResult;
use super::script::{Attack, KnownPlaintext};
use super::world::{LinkEnds, Topology};
use crate::adversary::Heard;
use crate::adversary::key_stream::{SameNonce, SealedPdu, readable, same_nonce};
use crate::dot16::identifiers::{Bsid, Direction, MsMac};
use crate::dot16::security::PacketNumber;
use crate::time::VirtualTime;

/// How many plaintexts are kept at the most.
const MOST: usize = 65_536;
/// How many octets of the XOR are shown.
const SHOWN: usize = 32;

/// What names a PDU that was sealed.
type PduName = (VirtualTime, MsMac, Bsid, Direction, u32);

/// What was sealed, in a run that asks for it.
#[derive(Clone, Debug, Default)]
pub(super) struct SealedPlaintexts {
    wanted: bool,
    by_pdu: BTreeMap<PduName, Vec<u8>>,
}

impl SealedPlaintexts {
    /// Nothing yet; only if `wanted` anything is kept.
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, by_pdu: BTreeMap::new() }
    }

    /// A node sealed `plaintext`, subheaders and payload of a PDU with this packet number without direction bit.
    pub(super) fn sealed(&mut self, name: PduName, plaintext: Vec<u8>) {
        if self.wanted && self.by_pdu.len() < MOST {
            self.by_pdu.insert(name, plaintext);
        }
    }

    /// The plaintext of a PDU that was heard on the air.
    fn of(&self, pdu: &SealedPdu, topology: &Topology) -> Option<&[u8]> {
        let LinkEnds::Air { mobile, base_station } = topology.link(pdu.port)? else {
            return None;
        };
        let (pn, direction) = PacketNumber::from_field(pdu.pn).ok()?;
        let name =
            (pdu.time, *topology.macs().get(mobile)?, *topology.bsids().get(base_station)?, direction, pn.count());
        self.by_pdu.get(&name).map(Vec::as_slice)
    }
}

/// The result of `attack`, which compared these recordings; `None`: it never came to it.
pub(super) fn key_stream_result(
    attack: &Attack,
    known: &KnownPlaintext,
    compared: Option<[Vec<Heard>; 2]>,
    plaintexts: &SealedPlaintexts,
    topology: &Topology,
) -> AttackResult {
    let Some([first, second]) = compared else {
        return AttackResult::new(&attack.name, false, "the run ended before it");
    };
    let pairs = same_nonce(&first, &second);
    if pairs.is_empty() {
        let counts = [&first, &second].map(|frames| frames.iter().flat_map(SealedPdu::in_frame).count());
        let [first, second] = counts;
        let detail = format!("no nonce of {first} PDUs is among those of the {second} others");
        return AttackResult::new(&attack.name, false, detail);
    }
    let read: Vec<(&SameNonce, Vec<u8>, bool)> = pairs
        .iter()
        .map(|pair| {
            let (offset, known) = match known {
                KnownPlaintext::Sent => (0, plaintexts.of(&pair.first, topology).unwrap_or_default()),
                KnownPlaintext::Text(text) => (KnownPlaintext::TEXT_OFFSET, text.as_bytes()),
            };
            let octets = pair.read(offset, known);
            let sent = plaintexts.of(&pair.second, topology).and_then(|sent| sent.get(offset..));
            let right = !octets.is_empty() && sent.is_some_and(|sent| sent.starts_with(&octets));
            (pair, octets, right)
        })
        .collect();
    let rights = read.iter().filter(|(.., right)| *right).count();
    let shown = read.iter().find(|(.., right)| *right).or(read.first());
    let (xor, text) = shown.map_or_else(Default::default, |(pair, octets, _)| (hex(&pair.xor()), readable(octets)));
    let detail = if rights > 0 {
        let text: String = text.chars().take(SHOWN_TEXT).collect();
        format!("{} pairs under one nonce, {rights} read; XOR {xor}; the second says {text:?}", pairs.len())
    } else {
        format!("{} pairs under one nonce, none read: another key, or an unknown first; XOR {xor}", pairs.len())
    };
    let recovered = (rights > 0).then_some(text);
    AttackResult { xor: Some(xor), recovered, ..AttackResult::new(&attack.name, rights > 0, detail) }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().take(SHOWN).map(|octet| format!("{octet:02x}")).collect()
}
