//! Sealing, opening and the search for a count, against OpenSSL and against the crates that keyhop would use without its lanes.

use std::hint::black_box;

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U13};
use cmac::{Cmac, Mac};
use keyhop::dot16::identifiers::{Cid, CmacKeyCount, Direction, Said};
use keyhop::dot16::security::ccm::{first_that_opens, seal};
use keyhop::dot16::security::{Kek, PacketNumber, Tek, TekIndex, counter_teks};
use keyhop::dot16::wire::{EncryptedBody, GenericMacHeader, MacPdu};
use keyhop::lanes::{CcmJob, Path};

use crate::measure::{Compared, compared, timed};
use crate::{Row, Setting, Shown};

/// PDUs that are sealed or opened together, each under a key of its own; the peers take as many buffers in turn.
const BATCH: usize = 64;
/// Counts that are tried for one PDU.
const CANDIDATES: u16 = 1_024;
const SAID: Said = Said(9);

type Peer = Ccm<Aes128, U8, U13>;

const AGAINST_OPENSSL: &str = "OpenSSL has one key, set up once, and seals PDU by PDU through EVP; keyhop sets up 64 keys for 64 PDUs \
    each time.";
const ALONE: &str = "one PDU after the other, each under another key, which keyhop sets up and OpenSSL has kept. What bounds it is a \
    chain of AES rounds: 16 octets need ten, and no round can begin before the last has ended.";
const AGAINST_CRATE: &str = "the `ccm` crate has its 64 keys set up beforehand.";
const SEARCH: &str = "1,024 counts for a PDU that none of them opens: a TEK by Dot16KDF and the whole CCM for each. The peer is \
    `cmac` with the KEK set up beforehand and `ccm`, one count after the other.";

/// The rows of this file.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (octets, target) in [(64, 9.0), (256, 9.0), (1500, 6.0), (2040, 6.0)] {
        let row = move |setting: &Setting| against_openssl(setting, "seal", octets, sealing(octets));
        rows.push(row_of(format!("batch seal, {octets} octets"), OPENSSL, target, AGAINST_OPENSSL, row));
    }
    for octets in [1500, 2040] {
        let row = move |setting: &Setting| {
            let effort = setting.effort;
            let mut ours = sealing(octets);
            let mut peer = sealing_of_crate(octets);
            compared(effort, || Ok(timed(effort, BATCH, &mut ours)), || Ok(timed(effort, BATCH, &mut peer)))
        };
        rows.push(row_of(format!("batch seal, {octets} octets"), "`ccm` crate", 8.5, AGAINST_CRATE, row));
    }
    for (octets, target) in [(64, 6.5), (256, 6.5), (1500, 5.0), (2040, 5.0)] {
        let row = move |setting: &Setting| against_openssl(setting, "open", octets, opening(octets));
        rows.push(row_of(format!("batch open, {octets} octets"), OPENSSL, target, AGAINST_OPENSSL, row));
    }
    for (octets, target) in [(64, 5.5), (2040, 1.25)] {
        let row = move |setting: &Setting| against_openssl(setting, "seal", octets, sealing_alone(octets));
        rows.push(row_of(format!("one PDU, {octets} octets"), OPENSSL, target, ALONE, row));
    }
    for (octets, target) in [(64, 20.0), (1500, 10.0)] {
        let row = move |setting: &Setting| searching(setting, octets);
        rows.push(row_of(format!("self-sync candidates, {octets} octets"), "`cmac` + `ccm`", target, SEARCH, row));
    }
    rows
}

const OPENSSL: &str = "OpenSSL";

fn row_of(
    what: String,
    peer: &'static str,
    target: f64,
    note: &'static str,
    measure: impl Fn(&Setting) -> Result<Compared, String> + 'static,
) -> Row {
    Row::of_ratio(what, peer, target, (Shown::Nanoseconds, note), measure)
}

fn against_openssl(
    setting: &Setting,
    direction: &str,
    octets: usize,
    mut ours: impl FnMut(),
) -> Result<Compared, String> {
    let effort = setting.effort;
    let milliseconds = effort.time.as_millis().to_string();
    compared(
        effort,
        || Ok(timed(effort, BATCH, &mut ours)),
        || setting.peers.number("openssl_ccm", &[direction, &octets.to_string(), &milliseconds]),
    )
}

fn keys() -> Vec<[u8; 16]> {
    (0..BATCH).map(|number| [number as u8; 16]).collect()
}

fn nonce(number: u32) -> [u8; 13] {
    let mut nonce = [0x2a; 13];
    nonce[9..].copy_from_slice(&number.to_le_bytes());
    nonce
}

/// Seals [`BATCH`] texts of so many octets, at once.
fn sealing(octets: usize) -> impl FnMut() {
    let keys = keys();
    let mut texts = vec![vec![0x41; octets]; BATCH];
    let mut number = 0u32;
    move || {
        let mut jobs: Vec<CcmJob<'_>> = Vec::with_capacity(BATCH);
        for (text, key) in texts.iter_mut().zip(&keys) {
            number = number.wrapping_add(1);
            jobs.push(CcmJob::new(key, nonce(number), text));
        }
        Path::best().seal(&mut jobs);
        black_box(jobs[0].icv);
    }
}

/// The same, one after the other.
fn sealing_alone(octets: usize) -> impl FnMut() {
    let keys = keys();
    let mut texts = vec![vec![0x41; octets]; BATCH];
    let mut number = 0u32;
    move || {
        for (text, key) in texts.iter_mut().zip(&keys) {
            number = number.wrapping_add(1);
            let mut job = [CcmJob::new(key, nonce(number), text)];
            Path::best().seal(&mut job);
            black_box(job[0].icv);
        }
    }
}

fn sealing_of_crate(octets: usize) -> impl FnMut() {
    let ciphers: Vec<Peer> = keys().iter().map(|key| Peer::new(key.into())).collect();
    let mut texts = vec![vec![0x41; octets]; BATCH];
    let mut number = 0u32;
    move || {
        for (text, cipher) in texts.iter_mut().zip(&ciphers) {
            number = number.wrapping_add(1);
            let sealed = cipher.encrypt_inout_detached(&nonce(number).into(), &[], text.as_mut_slice().into());
            black_box(sealed.expect("it is short enough for CCM"));
        }
    }
}

/// Opens [`BATCH`] texts at once. Each is copied from where it is kept, as OpenSSL opens from one place to another.
fn opening(octets: usize) -> impl FnMut() {
    let keys = keys();
    let mut sealed = vec![vec![0x41; octets]; BATCH];
    let mut jobs: Vec<CcmJob<'_>> = Vec::new();
    for ((number, text), key) in (0..).zip(&mut sealed).zip(&keys) {
        jobs.push(CcmJob::new(key, nonce(number), text));
    }
    Path::best().seal(&mut jobs);
    let icvs: Vec<[u8; 8]> = jobs.iter().map(|job| job.icv).collect();
    let mut texts = sealed.clone();
    move || {
        let mut jobs: Vec<CcmJob<'_>> = Vec::with_capacity(BATCH);
        for (place, text) in texts.iter_mut().enumerate() {
            text.copy_from_slice(&sealed[place]);
            jobs.push(CcmJob { icv: icvs[place], ..CcmJob::new(&keys[place], nonce(place as u32), text) });
        }
        Path::best().open(&mut jobs);
        assert!(jobs.iter().all(|job| job.verified));
    }
}

fn searching(setting: &Setting, octets: usize) -> Result<Compared, String> {
    let effort = setting.effort;
    let tek = Tek::from_octets([0xee; 16]);
    let template = GenericMacHeader::new(Cid(0x0301));
    let pdu = seal(&tek, template, PacketNumber::FIRST, Direction::Uplink, &vec![0x41; octets], None);
    let pdu = pdu.map_err(|error| error.to_string())?;
    let pdu = MacPdu::parse(&pdu).map_err(|error| error.to_string())?;
    let body = EncryptedBody::parse(pdu.body).map_err(|error| error.to_string())?;
    let nonce = keyhop::dot16::security::ccm::nonce(&pdu.header, body.pn);
    let kek = Kek::from_octets([0x5a; 16]);
    let counts: Vec<CmacKeyCount> = (0..CANDIDATES).map(CmacKeyCount).collect();

    let mut teks = [[0; 16]; 64];
    let mut ours = || {
        for counts in counts.chunks(teks.len()) {
            let teks = &mut teks[..counts.len()];
            counter_teks(black_box(&kek), counts, SAID, TekIndex::Tek0, teks);
            assert_eq!(first_that_opens(teks, black_box(&pdu)), Ok(None));
        }
    };
    let prepared = <Cmac<Aes128> as cmac::KeyInit>::new(kek.octets().into());
    let mut plaintext = Vec::new();
    let mut peer = || {
        for count in &counts {
            let mut mac = prepared.clone();
            mac.update(&[0; 4]);
            mac.update(&count.0.to_be_bytes());
            mac.update(&SAID.0.to_be_bytes());
            mac.update(b"TEK0 Generation");
            mac.update(&128u32.to_be_bytes());
            let cipher = Peer::new(&mac.finalize().into_bytes());
            plaintext.clear();
            plaintext.extend_from_slice(body.ciphertext);
            let text = plaintext.as_mut_slice().into();
            assert!(cipher.decrypt_inout_detached(&nonce.into(), &[], text, &body.icv.into()).is_err());
        }
    };
    compared(effort, || Ok(timed(effort, counts.len(), &mut ours)), || Ok(timed(effort, counts.len(), &mut peer)))
}
