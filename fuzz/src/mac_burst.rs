//! Octets from the air: whatever stands in a burst is refused with an error or comes back as it was.
//!
//! Two bursts are read from every input: the octets as they are, and the same with the right HCS in every header, so that
//! the fuzzer does not have to guess a checksum to get at what is behind it.

use keyhop::dot16::wire::{EncryptedBody, FragmentationSubheader, GenericMacHeader, MacPdu, PackingSubheader, hcs};

use crate::messages;
use crate::promises::{explains, within_memory};

/// Reads the octets, and holds what comes of it against what the parsers promise.
pub fn run(octets: &[u8]) {
    burst_comes_back(octets);
    let mut repaired = octets.to_vec();
    repair_headers(&mut repaired);
    if repaired != octets {
        burst_comes_back(&repaired);
    }
}

/// Puts the right HCS into the header of every PDU, as far as LEN leads from one to the next.
fn repair_headers(burst: &mut [u8]) {
    let mut rest = burst;
    while let Some((header, _)) = rest.split_first_chunk_mut::<{ GenericMacHeader::OCTETS }>() {
        let [a, b, c, d, e, check] = header;
        *check = hcs(&[*a, *b, *c, *d, *e]);
        let length = usize::from(u16::from_be_bytes([*b & 0b111, *c])).max(GenericMacHeader::OCTETS);
        let Some((_, next)) = rest.split_at_mut_checked(length) else {
            return;
        };
        rest = next;
    }
}

fn burst_comes_back(burst: &[u8]) {
    let mut read = 0;
    let mut failed = false;
    for item in within_memory(burst, || MacPdu::burst(burst).collect::<Vec<_>>()) {
        assert!(!failed, "an error is the last item of a burst");
        match item {
            Ok(pdu) => {
                assert!(burst[read..].starts_with(pdu.octets), "PDUs stand one after the other");
                assert_eq!(MacPdu::parse(&burst[read..]), Ok(pdu));
                assert_eq!(GenericMacHeader::parse(&burst[read..]), Ok(pdu.header));
                read += pdu.octets.len();
                pdu_comes_back(&pdu);
            }
            Err(error) => {
                assert!(read <= error.offset, "{error} lies before octet {read}");
                explains(&error, burst);
                explains(
                    &MacPdu::parse(&burst[read..]).expect_err("what a burst cannot hold is no PDU"),
                    &burst[read..],
                );
                failed = true;
            }
        }
    }
    assert!(failed || matches!(burst[read..].first(), None | Some(0xff)), "only padding is left unread");
    if let Err(error) = GenericMacHeader::parse(burst) {
        explains(&error, burst);
    }
}

fn pdu_comes_back(pdu: &MacPdu<'_>) {
    assert_eq!(pdu.header.octets(), pdu.octets[..GenericMacHeader::OCTETS]);
    assert_eq!(usize::from(pdu.header.length), pdu.octets.len());
    let form = pdu.crc_form();
    if pdu.crc.is_none() || form.is_some() {
        assert_eq!(MacPdu::build(pdu.header, pdu.body, form).as_deref(), Ok(pdu.octets));
    }
    let extended = pdu.header.pdu_type.extended();
    if pdu.header.encrypted {
        match EncryptedBody::parse(pdu.body) {
            Ok(body) => assert_eq!(body.octets(), pdu.body),
            Err(error) => explains(&error, pdu.body),
        }
    } else if pdu.header.pdu_type.fragmentation() {
        match FragmentationSubheader::parse(pdu.body, extended) {
            Ok((subheader, fragment)) => {
                let written = subheader.octets(extended).expect("what was read can be written");
                assert_eq!([&written, fragment].concat(), pdu.body);
            }
            Err(error) => explains(&error, pdu.body),
        }
    } else if pdu.header.pdu_type.packing() {
        match within_memory(pdu.body, || PackingSubheader::parse_all(pdu.body, extended)) {
            Ok(pieces) => {
                let written = pieces.iter().map(|(subheader, piece)| {
                    [&subheader.octets(extended).expect("what was read can be written"), *piece].concat()
                });
                assert_eq!(written.collect::<Vec<_>>().concat(), pdu.body);
            }
            Err(error) => explains(&error, pdu.body),
        }
    } else {
        messages::comes_back(pdu.body);
    }
}
