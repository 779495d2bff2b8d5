//! Octets from the air: whatever stands in a burst is refused with an error or comes back as it was.
//!
//! Two bursts are read from every input: the octets as they are, and the same with the right HCS in every header, so that
//! the fuzzer does not have to guess a checksum to get at what is behind it.

use keyhop::dot16::wire::{
    EncryptedBody, FragmentationSubheader, GenericMacHeader, MacPdu, ManagementMessage, PackingSubheader, WireError,
    hcs,
};

/// Reads the octets, and holds what comes of it against what the parsers promise.
pub fn run(octets: &[u8]) {
    burst_comes_back(octets);
    let mut repaired = octets.to_vec();
    repair_headers(&mut repaired);
    if repaired != octets {
        burst_comes_back(&repaired);
    }
    message_comes_back(octets);
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
    for item in MacPdu::burst(burst) {
        assert!(!failed, "an error is the last item of a burst");
        match item {
            Ok(pdu) => {
                assert!(burst[read..].starts_with(pdu.octets), "PDUs stand one after the other");
                read += pdu.octets.len();
                pdu_comes_back(&pdu);
            }
            Err(error) => {
                assert!(read <= error.offset, "{error} lies before octet {read}");
                place_exists(&error, burst);
                failed = true;
            }
        }
    }
    assert!(failed || matches!(burst[read..].first(), None | Some(0xff)), "only padding is left unread");
}

fn pdu_comes_back(pdu: &MacPdu<'_>) {
    assert_eq!(pdu.header.octets(), pdu.octets[..GenericMacHeader::OCTETS]);
    assert_eq!(usize::from(pdu.header.length), pdu.octets.len());
    let form = pdu.crc_form();
    if pdu.crc.is_none() || form.is_some() {
        assert_eq!(MacPdu::build(pdu.header, pdu.body, form).as_deref(), Ok(pdu.octets));
    }
    if pdu.header.encrypted {
        match EncryptedBody::parse(pdu.body) {
            Ok(body) => assert_eq!(body.octets(), pdu.body),
            Err(error) => place_exists(&error, pdu.body),
        }
    } else if pdu.header.pdu_type.fragmentation() {
        let extended = pdu.header.pdu_type.extended();
        match FragmentationSubheader::parse(pdu.body, extended) {
            Ok((subheader, fragment)) => {
                let written = subheader.octets(extended).expect("what was read can be written");
                assert_eq!([&written, fragment].concat(), pdu.body);
            }
            Err(error) => place_exists(&error, pdu.body),
        }
    } else if pdu.header.pdu_type.packing() {
        let extended = pdu.header.pdu_type.extended();
        match PackingSubheader::parse_all(pdu.body, extended) {
            Ok(pieces) => {
                let written = pieces.iter().map(|(subheader, piece)| {
                    [&subheader.octets(extended).expect("what was read can be written"), *piece].concat()
                });
                assert_eq!(written.collect::<Vec<_>>().concat(), pdu.body);
            }
            Err(error) => place_exists(&error, pdu.body),
        }
    } else {
        message_comes_back(pdu.body);
    }
}

/// A message that was read, written and read again is equal; only a length can be written shorter than it was read. An
/// empty TLV can be read and is never written.
fn message_comes_back(octets: &[u8]) {
    let message = match ManagementMessage::parse(octets) {
        Ok(message) => message,
        Err(error) => return place_exists(&error, octets),
    };
    match message.octets() {
        Ok(written) => {
            assert_eq!(ManagementMessage::parse(&written).as_ref(), Ok(&message));
            assert!(written.len() < octets.len() || written == octets, "{message:?}");
        }
        Err(error) => assert_eq!((error.layer, error.found.as_str()), ("TLV", "an empty one"), "{message:?}"),
    }
}

fn place_exists(error: &WireError, octets: &[u8]) {
    assert!(error.offset <= octets.len(), "{error}, in {} octets", octets.len());
}
