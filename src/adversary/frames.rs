//! Picking frames by what they are and by their number, on the air and on the backbone.

use crate::dot16::backbone::{BackbonePacket, MessageKind, decapsulate};
use crate::dot16::wire::MacPdu;
use crate::time::VirtualTime;

/// Octets of a CDMA ranging code, which no MAC PDU is as short as (`dot16-wire.md` 1.2).
const RANGING_CODE_OCTETS: usize = 3;

/// Which frames count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Every frame, also one that cannot be read.
    Any,
    /// On the air: PDUs on transport connections.
    AirData,
    /// On the air: management messages of this type.
    Message(u8),
    /// On the air: CDMA ranging codes.
    RangingCode,
    /// On the backbone: GRE packets.
    BackboneData,
    /// On the backbone: control messages of this kind.
    Control(MessageKind),
}

impl FrameKind {
    /// Whether the frame `octets` is of this kind: of a burst the first PDU, of an Ethernet frame what is in it.
    #[must_use]
    pub fn matches(self, octets: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::RangingCode => octets.len() == RANGING_CODE_OCTETS,
            Self::AirData | Self::Message(_) => match MacPdu::burst(octets).next() {
                Some(Ok(pdu)) => match self {
                    Self::Message(kind) => pdu.header.cid.is_management() && pdu.body.first() == Some(&kind),
                    _ => !pdu.header.cid.is_management(),
                },
                _ => false,
            },
            Self::BackboneData => matches!(packet(octets), Some(BackbonePacket::Data(_))),
            Self::Control(kind) => {
                matches!(packet(octets), Some(BackbonePacket::Control(message)) if message.kind == kind)
            }
        }
    }
}

fn packet(frame: &[u8]) -> Option<BackbonePacket> {
    decapsulate(frame).ok().map(|frame| frame.packet)
}

/// `count` matching frames in a row, from the `nth` (from 1) that passes at `after` or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameChoice {
    /// Which frames count.
    pub kind: FrameKind,
    /// The first one.
    pub nth: u32,
    /// How many.
    pub count: u32,
    /// Frames before this instant do not count.
    pub after: VirtualTime,
}

impl FrameChoice {
    /// Whether the frame `octets`, which starts at `now`, is chosen; `seen` is how many have matched so far.
    pub fn takes(&self, seen: &mut u32, now: VirtualTime, octets: &[u8]) -> bool {
        if now < self.after || !self.kind.matches(octets) {
            return false;
        }
        *seen = seen.saturating_add(1);
        (self.nth..self.nth.saturating_add(self.count)).contains(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::backbone::{BackboneEndpoint, ControlMessage, GreHeader, GrePacket, encapsulate};
    use crate::dot16::identifiers::{Cid, MsMac};
    use crate::dot16::wire::cdma_code::HANDOVER_RANGING;
    use crate::dot16::wire::{CrcForm, GenericMacHeader};

    fn pdu(cid: Cid) -> Vec<u8> {
        let header = GenericMacHeader::new(cid);
        MacPdu::build(header, &[4, 0], Some(CrcForm::MsbFirst)).unwrap()
    }

    fn backbone(packet: &BackbonePacket) -> Vec<u8> {
        let end = BackboneEndpoint { mac: [2; 6], ip: [10, 0, 0, 1].into() };
        encapsulate(&end, &end, 1, packet).unwrap()
    }

    #[test]
    fn every_kind_of_frame_is_told_from_every_other_and_octets_of_no_kind_are_any() {
        let control = |kind| BackbonePacket::Control(ControlMessage::new(kind, MsMac([2; 6]), 1, Vec::new()));
        let header = GreHeader { key: Some(1), sequence: Some(1), protocol: 0x0800 };
        let frames = [
            (FrameKind::AirData, pdu(Cid(0x1000))),
            (FrameKind::Message(4), pdu(Cid(1))),
            (FrameKind::RangingCode, HANDOVER_RANGING.to_vec()),
            (FrameKind::BackboneData, backbone(&BackbonePacket::Data(GrePacket { header, payload: vec![1] }))),
            (FrameKind::Control(MessageKind::HoReq), backbone(&control(MessageKind::HoReq))),
            (FrameKind::Control(MessageKind::HoRsp), backbone(&control(MessageKind::HoRsp))),
            (FrameKind::Any, Vec::new()),
            (FrameKind::Any, vec![0x12; 40]),
        ];
        for (kind, octets) in &frames {
            let matching: Vec<_> = frames.iter().map(|(kind, _)| *kind).filter(|kind| kind.matches(octets)).collect();
            let mut expected = vec![FrameKind::Any; 2];
            if *kind != FrameKind::Any {
                expected.insert(0, *kind);
            }
            assert_eq!(matching, expected, "{octets:02x?}");
        }
    }

    #[test]
    fn frames_are_counted_from_the_nth_after_an_instant() {
        let at = VirtualTime::from_nanos;
        let choice = FrameChoice { kind: FrameKind::RangingCode, nth: 2, count: 2, after: at(10) };
        let mut seen = 0;
        let taken: Vec<bool> = (8..15).map(|now| choice.takes(&mut seen, at(now), &[0; 3])).collect();
        assert_eq!(taken, [false, false, false, true, true, false, false]);
        assert!(!choice.takes(&mut 1, at(20), &[0; 4]), "another kind does not count");
    }
}
