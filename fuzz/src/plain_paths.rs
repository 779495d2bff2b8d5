//! What is made for speed, or has grown, against the plainest form of the same: checksums bit by bit, CCM and CMAC with the
//! cipher crates by hand, the replay window against a set, key lookup against a search of every key.

use std::collections::BTreeSet;

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{Aead, KeyInit};
use ccm::consts::{U8, U13};
use cmac::{Cmac, Mac};
use keyhop::capture::key_log::{
    CmacKeyRecord, ConnectionRecord, ConnectionType, KeyLog, KeyRecord, TekRecord, Validity,
};
use keyhop::capture::key_log_text;
use keyhop::capture::key_lookup::{CmacOutcome, DataOutcome, Fit, KeyLookup, Link, Protection, Sighting};
use keyhop::dot16::identifiers::{AkId, Bsid, Cid, Direction, MsMac};
use keyhop::dot16::security::ccm::{open, seal};
use keyhop::dot16::security::cmac_tuple::{Truncation, cmac_full, verify};
use keyhop::dot16::security::{CmacKey, PacketNumber, PnVerdict, PnWindow, Prf, Tek, dot16_kdf};
use keyhop::dot16::wire::{CrcForm, GenericMacHeader, MacPdu, PduType, hcs};
use keyhop::time::VirtualTime;

use crate::choices::Choices;

/// Compares one path, by the first octet.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    match choices.any() % 6 {
        0 => checksums(choices.rest()),
        1 => sealing(&mut choices),
        2 => derivation(&mut choices),
        3 => window(&mut choices),
        4 => windows_that_go_on(&mut choices),
        _ => lookup(&mut choices),
    }
}

/// The remainder of `data` times x^width, bit by bit, most significant bit first.
fn remainder(data: impl Iterator<Item = bool>, width: u32, polynomial: u32, start: u32) -> u32 {
    let top = 1u32 << (width - 1);
    let mask = top | (top - 1);
    data.fold(start, |register, bit| {
        let carry = (register & top != 0) != bit;
        let shifted = register << 1 & mask;
        if carry { shifted ^ polynomial } else { shifted }
    })
}

fn checksums(data: &[u8]) {
    let msb_first = |octet: &u8| {
        (0..8)
            .map({
                let octet = *octet;
                move |bit| octet << bit & 0x80 != 0
            })
            .collect::<Vec<_>>()
    };
    let lsb_first = |octet: &u8| {
        (0..8)
            .map({
                let octet = *octet;
                move |bit| octet >> bit & 1 != 0
            })
            .collect::<Vec<_>>()
    };
    if let Some(first_five) = data.first_chunk::<5>() {
        let plain = remainder(first_five.iter().flat_map(msb_first), 8, 0x07, 0);
        assert_eq!(u32::from(hcs(first_five)), plain);
    }
    let plain = !remainder(data.iter().flat_map(msb_first), 32, 0x04c1_1db7, u32::MAX);
    assert_eq!(CrcForm::MsbFirst.octets(data), plain.to_be_bytes());
    let plain = !remainder(data.iter().flat_map(lsb_first), 32, 0x04c1_1db7, u32::MAX);
    assert_eq!(CrcForm::Ofdma.octets(data), plain.reverse_bits().to_le_bytes());
}

fn array<const N: usize>(choices: &mut Choices<'_>) -> [u8; N] {
    std::array::from_fn(|_| choices.any())
}

fn sealing(choices: &mut Choices<'_>) {
    let key: [u8; 16] = array(choices);
    let (how, cid, count) = (choices.any(), choices.two(), choices.four() & 0x7fff_ffff);
    let Ok(pn) = PacketNumber::new(count) else { return };
    let direction = if how & 1 == 0 { Direction::Uplink } else { Direction::Downlink };
    let crc = [None, Some(CrcForm::MsbFirst), Some(CrcForm::Ofdma)][usize::from(how >> 1) % 3];
    let header = GenericMacHeader {
        eks: how >> 6,
        pdu_type: PduType::from_bits(choices.any() & 0x3f),
        extended_subheader_group: how & 0x20 != 0,
        ..GenericMacHeader::new(Cid(cid))
    };
    let change = (usize::from(choices.two()), choices.any());
    let plaintext = choices.rest();
    let tek = Tek::from_octets(key);
    let overhead = 6 + 4 + 8 + if crc.is_some() { 4 } else { 0 };
    let sealed = seal(&tek, header, pn, direction, plaintext, crc);
    assert_eq!(sealed.is_ok(), plaintext.len() + overhead <= 2047, "{sealed:?}");
    let Ok(sealed) = sealed else { return };

    // The header from its bits, the nonce from the header, and the cipher by hand.
    let length = u32::try_from(sealed.len()).expect("at most 2047");
    let esf = u32::from(header.extended_subheader_group);
    let ci = u32::from(crc.is_some());
    let bits =
        1 << 22 | u32::from(header.pdu_type.bits()) << 16 | esf << 15 | ci << 14 | u32::from(header.eks) << 12 | length;
    let [_, a, b, c] = bits.to_be_bytes();
    let [d, e] = cid.to_be_bytes();
    let mut plain = vec![a, b, c, d, e, hcs(&[a, b, c, d, e])];
    let field = if direction == Direction::Uplink { count | 0x8000_0000 } else { count };
    let nonce: [u8; 13] =
        [&[a, b, c, d, e, 0, 0, 0, 0][..], &field.to_le_bytes()].concat().try_into().expect("13 octets");
    let ciphertext = Ccm::<Aes128, U8, U13>::new(&key.into()).encrypt(&nonce.into(), plaintext).expect("short enough");
    plain.extend(field.to_le_bytes());
    plain.extend(ciphertext);
    if let Some(form) = crc {
        plain.extend(form.octets(&plain));
    }
    assert_eq!(sealed, plain);

    let pdu = MacPdu::parse(&sealed).expect("a sealed PDU reads");
    let opened = open(&tek, &pdu).expect("a sealed PDU opens");
    assert_eq!((opened.pn, opened.direction, opened.plaintext.as_slice()), (pn, direction, plaintext));

    // Any other octet before the CRC, and it does not open.
    let body = sealed.len() - if crc.is_some() { 4 } else { 0 };
    let place = change.0 % body;
    let mut changed = sealed.clone();
    changed[place] ^= change.1;
    if change.1 != 0 && place != 5 {
        changed[5] = hcs(&[changed[0], changed[1], changed[2], changed[3], changed[4]]);
        assert!(
            !MacPdu::parse(&changed).is_ok_and(|pdu| open(&tek, &pdu).is_ok()),
            "octet {place} changed by {:#x}",
            change.1
        );
    }
}

fn cmac_by_hand(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    <Cmac<Aes128> as KeyInit>::new(&(*key).into()).chain_update(message).finalize().into_bytes().into()
}

fn derivation(choices: &mut Choices<'_>) {
    let key: [u8; 20] = array(choices);
    let bits = (usize::from(choices.any()) + 1) * 8;
    let (akid, pn, cid): ([u8; 8], u32, u16) = (array(choices), choices.four(), choices.two());
    let message = choices.rest();

    let last: &[u8; 16] = key.last_chunk().expect("20 octets");
    let blocks = (0..(bits.div_ceil(128)) as u32).flat_map(|number| {
        cmac_by_hand(last, &[&number.to_be_bytes()[..], message, &(bits as u32).to_be_bytes()].concat())
    });
    let blocks: Vec<u8> = blocks.collect();
    let derived = dot16_kdf(Prf::Cmac, &key, message, bits).expect("a length that is allowed");
    assert_eq!(derived.as_slice(), &blocks[blocks.len() - bits / 8..]);

    let input = [&akid[..], &pn.to_be_bytes(), &cid.to_be_bytes(), &[0, 0], message].concat();
    let full = cmac_by_hand(last, &input);
    let key = CmacKey::from_octets(*last);
    assert_eq!(cmac_full(&key, AkId(akid), pn, Cid(cid), message), full);
    let value: [u8; 8] = *full.last_chunk().expect("16 octets");
    let verifies = |value: &[u8; 8]| verify(&key, AkId(akid), pn, Cid(cid), message, Truncation::Right, value);
    assert!(verifies(&value));
    assert!((0..64).all(|bit| !verifies(&(u64::from_be_bytes(value) ^ 1 << bit).to_be_bytes())));
}

/// The replay window as its definition has it: the set of all numbers that were accepted.
struct SetOfNumbers {
    size: u32,
    seen: BTreeSet<u32>,
}

impl SetOfNumbers {
    fn verdict(&self, pn: u32) -> PnVerdict {
        let Some(&highest) = self.seen.last() else { return PnVerdict::Accept };
        match () {
            () if pn > highest => PnVerdict::Accept,
            () if highest - pn >= self.size => PnVerdict::Old,
            () if self.seen.contains(&pn) => PnVerdict::Duplicate,
            () => PnVerdict::Accept,
        }
    }

    fn accept(&mut self, pn: u32) -> PnVerdict {
        let verdict = self.verdict(pn);
        if verdict == PnVerdict::Accept {
            self.seen.insert(pn);
        }
        verdict
    }
}

/// The next number: near the last one, most of the time.
fn next_number(choices: &mut Choices<'_>, last: u32) -> Option<PacketNumber> {
    let how = choices.octet()?;
    let step = u32::from(how & 0x0f) + 1;
    let number = match how >> 4 {
        0..=5 => last.saturating_add(step),
        6..=9 => last.saturating_sub(step),
        10 | 11 => last.saturating_sub(step * 64),
        12 => last.saturating_add(step * 100),
        13 => last,
        14 => choices.four(),
        _ => 0x7fff_ffff - step,
    };
    PacketNumber::new(number.clamp(1, 0x7fff_ffff)).ok()
}

fn a_window(choices: &mut Choices<'_>) -> (PnWindow, SetOfNumbers) {
    let size = choices.two() % (PnWindow::MAX_SIZE + 1);
    (PnWindow::new(size).expect("at most 1024"), SetOfNumbers { size: u32::from(size), seen: BTreeSet::new() })
}

fn window(choices: &mut Choices<'_>) {
    let (mut window, mut model) = a_window(choices);
    let mut last = 0;
    while let Some(pn) = next_number(choices, last) {
        last = pn.count();
        assert_eq!(window.check(pn), model.verdict(last), "PN {last}");
        assert_eq!(window.accept(pn), model.accept(last), "PN {last}");
        assert_eq!(window.highest().map(PacketNumber::count), model.seen.last().copied());
    }
}

/// A window that goes on from what was said of another one refuses whatever that one has accepted, and takes what it would take.
fn windows_that_go_on(choices: &mut Choices<'_>) {
    let (mut before, mut model) = a_window(choices);
    let numbers = choices.below(128);
    let mut last = 0;
    for _ in 0..numbers {
        let Some(pn) = next_number(choices, last) else { break };
        last = pn.count();
        before.accept(pn);
        model.accept(last);
    }
    let Some(highest) = before.highest() else { return };
    let bitmap = before.bitmap();
    assert_eq!(bitmap.len(), usize::from(before.size()).div_ceil(8));
    let mut after = PnWindow::new(before.size()).expect("the same size");
    after.resume(highest, &bitmap);
    assert_eq!((after.highest(), after.bitmap()), (Some(highest), bitmap));
    let mut cautious = PnWindow::new(before.size()).expect("the same size");
    cautious.assume_seen_up_to(highest);
    while let Some(pn) = next_number(choices, last) {
        last = pn.count();
        assert_eq!(after.accept(pn), model.accept(last), "PN {last}");
        if last <= highest.count() {
            assert_ne!(cautious.check(pn), PnVerdict::Accept, "PN {last}");
        }
    }
}

/// Few values, so that keys of a log have much in common.
fn few<const N: usize>(choices: &mut Choices<'_>) -> [u8; N] {
    let mut octets = [0; N];
    if let Some(last) = octets.last_mut() {
        *last = choices.any() & 1;
    }
    octets
}

fn validity(choices: &mut Choices<'_>) -> Validity {
    let how = choices.any();
    let at = |tens: u8| VirtualTime::from_nanos(u64::from(tens) * 10);
    Validity { from: (how & 0x80 == 0).then_some(at(how & 7)), until: (how & 8 == 0).then_some(at(how >> 4 & 7)) }
}

/// A key log with few different values.
fn a_log(choices: &mut Choices<'_>) -> KeyLog {
    let mut log = KeyLog::default();
    for _ in 0..choices.below(24) {
        let (ms, bs) = (MsMac(few(choices)), Bsid(few(choices)));
        let text = match choices.below(3) {
            0 => {
                let (kind, cid, said) = (choices.any() & 1, choices.any() & 1, choices.any() & 1);
                let kind = if kind == 0 { "transport" } else { "basic" };
                format!("CONN ms={ms} bs={bs} cid=030{cid} type={kind} said=000{said} from=- until=- -")
            }
            1 => {
                let (said, eks, key) = (choices.any() & 1, choices.any() & 1, choices.any() & 3);
                format!(
                    "TEK ms={ms} bs={bs} akid=0000000000000001 said=000{said} count=1 tek={eks} eks={eks} source=counter \
                     holder=both from=- until=- {:032x}",
                    key
                )
            }
            _ => {
                let (up, count, key) = (choices.any() & 1 == 0, choices.any() & 3, choices.any() & 3);
                let kind = if up { "CMAC_KEY_U" } else { "CMAC_KEY_D" };
                format!("{kind} ms={ms} bs={bs} akid=0000000000000001 count={count} from=- until=- {key:032x}")
            }
        };
        let text = format!("# keyhop-keylog 1\n{}\n", text.replace(':', ""));
        let (one, notes) = key_log_text::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(notes.is_empty(), "{notes:?}: {text}");
        for mut record in one.records {
            let validity = validity(choices);
            match &mut record {
                KeyRecord::Connection(ConnectionRecord { validity: place, .. })
                | KeyRecord::Tek(TekRecord { validity: place, .. })
                | KeyRecord::CmacKey(CmacKeyRecord { validity: place, .. }) => *place = validity,
                _ => {}
            }
            log.records.push(record);
        }
    }
    log
}

fn how_well(link: Link, ms: MsMac, bs: Bsid, in_use: bool) -> Fit {
    let here = link.ms.is_none_or(|known| known == ms) && link.bs.is_none_or(|known| known == bs);
    match (here, in_use) {
        (true, true) => Fit::InUse,
        (true, false) => Fit::OutOfUse,
        (false, _) => Fit::Elsewhere,
    }
}

/// The key that the lookup finds is the best one of all that open the PDU or verify the message.
fn lookup(choices: &mut Choices<'_>) {
    let log = a_log(choices);
    let time = VirtualTime::from_nanos(u64::from(choices.any() & 127));
    let (ends, way) = (choices.any(), choices.any() & 3);
    let link = Link {
        ms: (ends & 1 == 0).then_some(MsMac([0, 0, 0, 0, 0, ends >> 1 & 1])),
        bs: (ends & 4 == 0).then_some(Bsid([0, 0, 0, 0, 0, ends >> 3 & 1])),
    };
    let direction = [None, Some(Direction::Uplink), Some(Direction::Downlink), None][usize::from(way)];
    let at = Sighting { time, direction, link };
    let (key, cid, eks) = (choices.any() & 3, Cid(0x300 + u16::from(choices.any() & 1)), choices.any() & 1);
    let mut octets = [0; 16];
    octets[15] = key;
    let keys = KeyLookup::new(log.clone());

    let header = GenericMacHeader { eks, ..GenericMacHeader::new(cid) };
    let sealed = seal(&Tek::from_octets(octets), header, PacketNumber::FIRST, Direction::Uplink, b"user data", None);
    let sealed = sealed.expect("short enough");
    let pdu = MacPdu::parse(&sealed).expect("a sealed PDU reads");
    let connections: Vec<&ConnectionRecord> = log
        .records
        .iter()
        .filter_map(|record| match record {
            KeyRecord::Connection(connection) => Some(connection),
            _ => None,
        })
        .filter(|connection| connection.kind == ConnectionType::Transport && connection.cid == cid)
        .collect();
    let teks = log.records.iter().filter_map(|record| match record {
        KeyRecord::Tek(tek) => Some(tek),
        _ => None,
    });
    let candidates = teks.enumerate().filter(|(_, tek)| tek.eks == eks).map(|(number, tek)| {
        let of_sa = connections.iter().filter(|one| (one.ms, one.bs, one.said) == (tek.ms, tek.bs, tek.said));
        let fits =
            of_sa.map(|one| how_well(link, one.ms, one.bs, one.validity.contains(time) && tek.validity.contains(time)));
        (fits.min(), number, tek)
    });
    // Those that no connection names come after all others.
    let order = |(fit, number, _): &(Option<Fit>, usize, &TekRecord)| {
        (fit.is_none(), fit.unwrap_or(Fit::Elsewhere), std::cmp::Reverse(*number))
    };
    let opens = |tek: &TekRecord| open(&Tek::from_octets(*tek.key.expose()), &pdu).is_ok();
    let best = candidates.clone().filter(|(.., tek)| opens(tek)).min_by_key(order);
    match (keys.open(&pdu, &at), best) {
        (DataOutcome::Opened { key, fit, opened, .. }, Some((best_fit, number, _))) => {
            assert_eq!((key, fit), (number, best_fit.unwrap_or(Fit::Elsewhere)));
            assert_eq!(opened.plaintext, b"user data");
        }
        (DataOutcome::WrongIcv { tried }, None) => assert_eq!(tried, candidates.count()),
        (DataOutcome::NoKey, None) => assert_eq!(candidates.count(), 0),
        (outcome, best) => panic!("{outcome:?}, and the best one is {best:?}"),
    }

    let akid = AkId([0, 0, 0, 0, 0, 0, 0, 1]);
    let message = [4, 0, 13, 2, 0, 1];
    let full = cmac_full(&CmacKey::from_octets(octets), akid, 7, cid, &message);
    let value: [u8; 8] = *full.last_chunk().expect("16 octets");
    let protection = Protection { covered: &message, pn: 7, value };
    let cmac_keys = log.records.iter().filter_map(|record| match record {
        KeyRecord::CmacKey(key) => Some(key),
        _ => None,
    });
    let candidates = cmac_keys
        .enumerate()
        .filter(|(_, record)| direction.is_none_or(|direction| direction == record.direction))
        .map(|(number, record)| (how_well(link, record.ms, record.bs, record.validity.contains(time)), number, record));
    let verifies = |record: &CmacKeyRecord| *record.key.expose() == octets;
    let best = candidates
        .clone()
        .filter(|(.., record)| verifies(record))
        .min_by_key(|(fit, number, _)| (*fit, std::cmp::Reverse(*number)));
    match (keys.verify(&protection, cid, &at), best) {
        (CmacOutcome::Verified { key, fit, count }, Some((best_fit, number, record))) => {
            assert_eq!((key, fit, count), (number, best_fit, record.count));
        }
        (CmacOutcome::Wrong { tried }, None) => assert_eq!(tried, candidates.count()),
        (CmacOutcome::NoKey, None) => assert_eq!(candidates.count(), 0),
        (outcome, best) => panic!("{outcome:?}, and the best one is {best:?}"),
    }
}
