//! What the tests of this room do to a valid message: cut it everywhere, change every octet of it.

/// Reads `octets` cut short at every place and with each of their octets changed, and what they become at random places with every
/// value: `parse` says whether it read them. None may panic; those cut short have to be refused unless `open_ended`.
pub fn survives(octets: &[u8], open_ended: bool, parse: impl Fn(&[u8]) -> bool) {
    assert!(parse(octets), "the message itself");
    for length in 0..octets.len() {
        let read = parse(&octets[..length]);
        assert!(open_ended || !read, "cut after {length} of {octets:02x?}");
    }
    let mut changed = octets.to_vec();
    for place in 0..octets.len() {
        for value in 0..=u8::MAX {
            changed[place] = value;
            let _ = parse(&changed);
        }
        changed[place] = octets[place];
    }
}
