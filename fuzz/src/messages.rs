//! What every management message holds, whichever target it comes from; and TLVs that are made to fit.

use keyhop::capture::key_lookup::Protection;
use keyhop::dot16::wire::{ManagementMessage, message_name, protected_part};

use crate::promises::{explains, within_memory};

/// The octets with a message type of this family: theirs, if it is one.
pub fn of_family(octets: &[u8], types: &[u8]) -> Vec<u8> {
    let mut message = octets.to_vec();
    if let Some(first) = message.first_mut()
        && !types.contains(first)
    {
        *first = types[usize::from(*first) % types.len()];
    }
    message
}

/// Makes lengths fit in the TLVs that begin at `start`: one that tells more octets than are left tells just as many. Of those
/// that hold TLVs themselves, `(type, octets before the TLVs)`, the contents too.
pub fn fit_tlvs(message: &mut [u8], start: usize, holding: &[(u8, usize)]) {
    let mut rest = message.get_mut(start..).unwrap_or_default();
    while let Some(([kind, length], value)) = rest.split_first_chunk_mut::<2>() {
        let short_form = usize::from(*length & 0x7f).min(value.len());
        *length = short_form as u8;
        let (value, next) = value.split_at_mut(short_form);
        if let Some((_, before)) = holding.iter().find(|(known, _)| known == kind) {
            fit_tlvs(value, *before, holding);
        }
        rest = next;
    }
}

/// A message that was read, written and read again is equal; only a length can be written shorter than it was read. An
/// empty TLV can be read and is never written.
pub fn comes_back(octets: &[u8]) {
    let message = match within_memory(octets, || ManagementMessage::parse(octets)) {
        Ok(message) => message,
        Err(error) => return explains(&error, octets),
    };
    assert_eq!(Some(&message.message_type()), octets.first());
    assert_eq!(message.name(), message_name(message.message_type()));
    match message.octets() {
        Ok(written) => {
            assert_eq!(ManagementMessage::parse(&written).as_ref(), Ok(&message));
            assert!(written.len() < octets.len() || written == octets, "{message:?}");
        }
        Err(error) => assert_eq!((error.layer, error.found.as_str()), ("TLV", "an empty one"), "{message:?}"),
    }
    protection_comes_off(octets, &message);
}

/// What the CMAC covers is the message without it: with it appended the message is whole again.
fn protection_comes_off(octets: &[u8], message: &ManagementMessage) {
    let protection = within_memory(octets, || Protection::of(octets));
    let Some(tuple) = message.cmac_tuple() else { return };
    let covered = protected_part(octets, &tuple);
    assert_eq!(protection.map(|protection| protection.covered), covered);
    let Some(covered) = covered else { return };
    assert!(octets.starts_with(covered));
    let mut bare = ManagementMessage::parse(covered).expect("a message without its last TLV is one");
    assert_ne!(&bare, message);
    bare.push_cmac_tuple(tuple);
    assert_eq!(&bare, message);
}
