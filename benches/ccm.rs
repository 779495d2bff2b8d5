//! Sealing and opening of data PDUs against the `ccm` crate called by hand with the same key, nonce and octets.
//!
//! * `keyhop`: [`seal`], and [`MacPdu::parse`] with [`open`]: a whole PDU with header, HCS, PN and ICV, in octets of its own.
//! * `ccm`: the key schedule, a copy of the octets, and the cipher.
//! * `ccm, key kept`: without the key schedule.
//!
//! Lengths are those of the plaintext.

use std::hint::black_box;
use std::time::Duration;

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U13};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::dot16::security::ccm::{nonce, open, seal};
use keyhop::dot16::security::{PacketNumber, Tek};
use keyhop::dot16::wire::{EncryptedBody, GenericMacHeader, MacPdu};

const LENGTHS: [usize; 4] = [64, 256, 1_500, 2_000];
const KEY: [u8; 16] = [0x5a; 16];
const PN: PacketNumber = PacketNumber::FIRST;
const DIRECTION: Direction = Direction::Uplink;

type Peer = Ccm<Aes128, U8, U13>;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    sealing(&mut criterion);
    opening(&mut criterion);
    criterion.final_summary();
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group
}

fn plaintext(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(length).collect()
}

fn sealed(tek: &Tek, plaintext: &[u8]) -> Vec<u8> {
    let template = GenericMacHeader::new(Cid(0x0301));
    seal(tek, template, PN, DIRECTION, plaintext, None).expect("it is short enough for a PDU")
}

/// Plaintext to ciphertext and ICV, with the cipher alone.
fn encrypted(cipher: &Peer, nonce: &[u8; 13], plaintext: &[u8]) -> (Vec<u8>, [u8; 8]) {
    let mut octets = plaintext.to_vec();
    let icv = cipher
        .encrypt_inout_detached(nonce.into(), &[], octets.as_mut_slice().into())
        .expect("it is short enough for CCM");
    (octets, icv.into())
}

fn decrypted(cipher: &Peer, nonce: &[u8; 13], ciphertext: &[u8], icv: &[u8; 8]) -> Vec<u8> {
    let mut octets = ciphertext.to_vec();
    cipher
        .decrypt_inout_detached(nonce.into(), &[], octets.as_mut_slice().into(), icv.into())
        .expect("the ICV verifies");
    octets
}

fn sealing(criterion: &mut Criterion) {
    let tek = Tek::from_octets(KEY);
    let kept = Peer::new(&KEY.into());
    let mut group = group(criterion, "seal");
    for length in LENGTHS {
        let plaintext = plaintext(length);
        let pdu = sealed(&tek, &plaintext);
        let parsed = MacPdu::parse(&pdu).expect("seal makes whole PDUs");
        let body = EncryptedBody::parse(parsed.body).expect("seal makes encrypted bodies");
        let nonce = nonce(&parsed.header, body.pn);
        // Both do the same work, or there is nothing to compare.
        let by_hand = encrypted(&kept, &nonce, &plaintext);
        assert_eq!((body.ciphertext, body.icv), (by_hand.0.as_slice(), by_hand.1));

        group.throughput(Throughput::Bytes(length as u64));
        group.bench_with_input(BenchmarkId::new("keyhop", length), &plaintext, |bencher, plaintext| {
            bencher.iter(|| sealed(black_box(&tek), black_box(plaintext)));
        });
        group.bench_with_input(BenchmarkId::new("ccm", length), &plaintext, |bencher, plaintext| {
            bencher.iter(|| {
                let cipher = Peer::new(black_box(&KEY).into());
                encrypted(&cipher, black_box(&nonce), black_box(plaintext))
            });
        });
        group.bench_with_input(BenchmarkId::new("ccm, key kept", length), &plaintext, |bencher, plaintext| {
            bencher.iter(|| encrypted(black_box(&kept), black_box(&nonce), black_box(plaintext)));
        });
    }
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let tek = Tek::from_octets(KEY);
    let kept = Peer::new(&KEY.into());
    let mut group = group(criterion, "open");
    for length in LENGTHS {
        let plaintext = plaintext(length);
        let pdu = sealed(&tek, &plaintext);
        let opened = |tek: &Tek, octets: &[u8]| {
            let pdu = MacPdu::parse(octets).expect("seal makes whole PDUs");
            open(tek, &pdu).expect("the ICV verifies").plaintext
        };
        let parsed = MacPdu::parse(&pdu).expect("seal makes whole PDUs");
        let body = EncryptedBody::parse(parsed.body).expect("seal makes encrypted bodies");
        let nonce = nonce(&parsed.header, body.pn);
        assert_eq!(opened(&tek, &pdu), plaintext);
        assert_eq!(decrypted(&kept, &nonce, body.ciphertext, &body.icv), plaintext);

        group.throughput(Throughput::Bytes(length as u64));
        group.bench_with_input(BenchmarkId::new("keyhop", length), &pdu, |bencher, pdu| {
            bencher.iter(|| opened(black_box(&tek), black_box(pdu)));
        });
        group.bench_with_input(BenchmarkId::new("ccm", length), &body, |bencher, body| {
            bencher.iter(|| {
                let cipher = Peer::new(black_box(&KEY).into());
                decrypted(&cipher, black_box(&nonce), black_box(body.ciphertext), &body.icv)
            });
        });
        group.bench_with_input(BenchmarkId::new("ccm, key kept", length), &body, |bencher, body| {
            bencher.iter(|| decrypted(black_box(&kept), black_box(&nonce), black_box(body.ciphertext), &body.icv));
        });
    }
    group.finish();
}
