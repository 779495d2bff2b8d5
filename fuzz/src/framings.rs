//! What stands around a frame in a capture: the tags of link type 252, and the comment with what became of the frame.

use keyhop::capture::frame_comment::FrameComment;
use keyhop::capture::upper_pdu::{UpperPdu, wrap};

use crate::promises::{explains, within_memory};

/// Reads the octets as tags and as a comment.
pub fn run(octets: &[u8]) {
    tags_come_back(octets);
    if let Ok(text) = std::str::from_utf8(octets) {
        comment_comes_back(text);
    }
}

/// The value comes back; tags that are stepped over are not part of it.
fn tags_come_back(octets: &[u8]) {
    let read = match within_memory(octets, || UpperPdu::parse(octets)) {
        Ok(read) => read,
        Err(error) => return explains(&error, octets),
    };
    assert!(octets.ends_with(read.payload));
    // A text that was no UTF-8 can grow beyond what a tag holds.
    if let Ok(written) = wrap(&read) {
        assert_eq!(UpperPdu::parse(&written).as_ref(), Ok(&read));
    }
}

/// A comment that was taken apart is put together as it was. The first line names the receiver.
pub fn comment_comes_back(text: &str) {
    let (receiver, comment) = text.split_once('\n').unwrap_or(("bs1", text));
    for receiver in [None, Some(receiver)] {
        let read = within_memory(text.as_bytes(), || FrameComment::parse(comment, receiver));
        assert_eq!(read.to_string(), comment, "{read:?}");
        let taken = read.verdicts.iter().any(|verdict| verdict.accepted());
        assert_eq!(read.accepted() == Some(true), taken);
        assert!(read.verdicts.iter().all(|verdict| Some(verdict.receiver.as_str()) == receiver));
    }
}
