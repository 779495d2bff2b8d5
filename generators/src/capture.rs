//! Captures with frames of every kind, and comments on frames (DESIGN section 6).

use std::net::Ipv4Addr;

use keyhop::capture::frame_comment::{FrameChange, FrameComment, ReceiverVerdict};
use keyhop::capture::{Capture, CapturedFrame, InterfaceDescription, LinkKind};
use keyhop::dot16::identifiers::Direction;
use keyhop::time::VirtualTime;
use proptest::prelude::*;

use crate::choice::{flags, maybe, select};
use crate::list::list;
use crate::mac_pdu::burst;
use crate::octets::{array, number, octets, text};
use crate::{one_of, transport};

/// Highest time that both formats of a capture can hold: classic pcap has 32 bits for seconds since 1970.
const LATEST_NANOS: u64 = 3_000_000_000_000_000_000;

fn interface() -> BoxedStrategy<InterfaceDescription> {
    (text(1..20), text(0..30), select([LinkKind::Air, LinkKind::Backbone, LinkKind::RawIp]))
        .prop_map(|(name, description, kind)| InterfaceDescription { name, description, kind })
        .boxed()
}

/// An IPv4 address.
pub fn address() -> impl Strategy<Value = Ipv4Addr> + Clone {
    array::<4>().prop_map(Ipv4Addr::from)
}

/// A direction.
pub fn direction() -> impl Strategy<Value = Direction> + Clone {
    select([Direction::Uplink, Direction::Downlink])
}

/// An instant that a capture can hold.
pub fn time() -> impl Strategy<Value = VirtualTime> + Clone {
    number::<u64>().prop_map(|nanos| VirtualTime::from_nanos(nanos % LATEST_NANOS))
}

/// A frame of an interface that stands to be chosen; it has the addresses of one on the air.
fn frame() -> BoxedStrategy<CapturedFrame> {
    let octets = one_of![octets(0..60), burst(), transport::frame()];
    let comment = list(text(0..40), 0..4).prop_map(|lines| lines.join("\n"));
    (time(), number::<u8>(), octets, maybe(direction()), maybe(address()), maybe(address()), comment)
        .prop_map(|(time, interface, octets, direction, source, destination, comment)| CapturedFrame {
            time,
            interface: interface.into(),
            octets,
            direction,
            source,
            destination,
            comment,
        })
        .boxed()
}

/// A capture of one to four interfaces, names, and up to seven frames, as pcapng can hold it: frames have display
/// addresses on the air only.
pub fn capture() -> BoxedStrategy<Capture> {
    (text(0..40), list(interface(), 1..5), list((address(), text(1..20)), 0..4), list(frame(), 0..8))
        .prop_map(|(section_comment, interfaces, names, mut frames)| {
            for frame in &mut frames {
                frame.interface %= interfaces.len();
                if interfaces[frame.interface].kind != LinkKind::Air {
                    frame.source = None;
                    frame.destination = None;
                }
            }
            Capture { section_comment, interfaces, names, frames, secrets: Vec::new() }
        })
        .boxed()
}

/// Words without the marks that part a comment.
fn words() -> impl Strategy<Value = String> + Clone {
    text(0..30).prop_map(|text| text.replace(';', ","))
}

fn verdict(receiver: &'static str) -> BoxedStrategy<ReceiverVerdict> {
    let change = maybe(select([FrameChange::BitError, FrameChange::Modified]));
    let text = (select(["", "accepted: ", "dropped: ", "refused: ", "ignored: ", "no context: "]), words());
    (number::<u8>(), change, text)
        .prop_map(move |(duplicate, change, (begin, text))| ReceiverVerdict {
            receiver: receiver.to_owned(),
            duplicate: duplicate & 1 == 1,
            change,
            text: format!("{begin}{text}"),
        })
        .boxed()
}

/// A comment on a frame for `receiver`.
pub fn frame_comment(receiver: &'static str) -> BoxedStrategy<FrameComment> {
    (flags(), list(words(), 1..4), list(verdict(receiver), 0..4))
        .prop_map(|([deliberate, lost, under_way], what, verdicts)| FrameComment {
            deliberate,
            what: what.join("; "),
            lost,
            under_way,
            verdicts,
        })
        .boxed()
}
