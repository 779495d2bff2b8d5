//! The framings of others: whatever stands in them is given, left out with a reason, or refused with its place.

use keyhop::capture::{capture_reader, gsmtap, m2m};
use keyhop_generators::foreign::{foreign_frame, gsmtap, m2m_packet};
use keyhop_generators::sample;

use crate::held::{Fault, Parser};
use crate::samples;

/// Octets of memory for each octet of input, and beside those: what the top of `capture` states.
const MULTIPLE: u64 = 512;
const CONSTANT: u64 = 16 * 1024;

impl From<keyhop::capture::foreign::ForeignError> for Fault {
    fn from(error: keyhop::capture::foreign::ForeignError) -> Self {
        let keyhop::capture::foreign::ForeignError { layer, offset, expected, found } = error;
        Self { layer: layer.to_owned(), offset: Some(offset), expected, found }
    }
}

const GSMTAP: Parser = Parser {
    name: "GSMTAP",
    read: |input| Ok(gsmtap::parse(input).map(drop)?),
    comes_back: |input| {
        if let Some(found) = gsmtap::parse(input).unwrap() {
            assert!(input.ends_with(found.burst));
        }
    },
    multiple: 0,
    constant: CONSTANT,
};

fn bursts_stand_in_order(input: &[u8]) {
    let mut read = 4;
    for burst in m2m::bursts(input).0 {
        assert!(burst.offset >= read + 2);
        read = burst.offset + burst.octets.len();
        assert_eq!(&input[burst.offset..read], burst.octets);
    }
}

const M2M: Parser = Parser {
    name: "m2m packet",
    read: |input| m2m::bursts(input).1.map_or(Ok(()), |error| Err(error.into())),
    comes_back: bursts_stand_in_order,
    multiple: MULTIPLE,
    constant: CONSTANT,
};

/// A capture with one frame. What is wrong in the frame itself is a note of the reader, not an error.
const CAPTURE: Parser = Parser {
    name: "capture with foreign framings",
    read: |input| {
        for frame in capture_reader::read(input)? {
            frame?;
        }
        Ok(())
    },
    comes_back: |_| {},
    multiple: MULTIPLE,
    constant: CONSTANT,
};

/// A classic pcap of these frames, all of one link type.
fn pcap(link_type: u16, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0][..]].concat();
    file.extend(u32::from(link_type).to_le_bytes());
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
        file.extend([&[0; 8], &length[..], &length, frame].concat());
    }
    file
}

#[test]
fn gsmtap_and_m2m_hold_around_valid_ones() {
    for seed in 0..samples(48) {
        GSMTAP.hold_around(&sample(&gsmtap(), seed));
        let packet = sample(&m2m_packet(), seed);
        // Fragment types and numbers are drawn as they come; what does not fit is refused.
        if m2m::bursts(&packet).1.is_none() {
            M2M.hold_around(&packet);
        }
        M2M.hold(&packet);
    }
}

#[test]
fn captures_of_foreign_frames_hold_around_valid_ones() {
    for seed in 0..samples(24) {
        let (link_type, frame) = sample(&foreign_frame(), seed);
        if frame.len() < 400 {
            CAPTURE.hold_around(&pcap(link_type, &[frame]));
        }
    }
}

#[test]
fn what_takes_the_most_memory_stays_below_the_bound() {
    let mut most = 0.0_f64;
    let mut hold = |parser: &Parser, input: &[u8]| {
        let (_, memory) = parser.hold(input);
        most = most.max(memory.saturating_sub(CONSTANT) as f64 / input.len() as f64);
    };
    // Bursts of one octet, alone and as fragments of bursts that are never whole.
    let tlvs = (0..=20_u8).map(|kind| vec![kind, 1, 0]).chain([vec![3, 1, 1, 4, 1, 2, 5, 1, 9, 9, 1, 0]]);
    for tlvs in tlvs.chain([vec![8, 3, 1, 2, 3], vec![7, 3, 1, 0, 0]]) {
        for count in [1025, 16_385] {
            let packet = [&[0, 1, 0xff, 0xff][..], &tlvs.repeat(count)].concat();
            hold(&M2M, &packet);
            let frame = [&[0; 12][..], &[8, 0xf0], &packet].concat();
            hold(&CAPTURE, &pcap(1, &[frame]));
        }
    }
    // Many packets, each with a fragment of a burst of its own.
    let fragments: Vec<Vec<u8>> = (0..4000_u32)
        .map(|number| {
            let [a, b, c, d] = number.to_be_bytes();
            [&[0, 0, 0, 0, 0, 1, 2, 0, a, b, c, d, 8, 0xf0, 0, 1, 0, 4][..], &[3, 1, d, 4, 1, 1, 5, 1, 1, 9, 1, 0]]
                .concat()
        })
        .collect();
    hold(&CAPTURE, &pcap(1, &fragments));
    assert!(most > 128.0, "at most {most:.0} octets of memory for an octet of input: this is not what takes the most");
}
