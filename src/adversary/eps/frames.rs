//! Picking frames of EPS by what somebody without keys sees of them, and by their number.

use super::nas_in_frame::NasInFrame;
use crate::eps::wire::gtpu::{GTPU_PORT, GtpuPacket};
use crate::eps::wire::gtpv2::GTPV2_PORT;
use crate::eps::wire::mac_pdu::{LCID_CCCH, LCID_SRB1, LCID_SRB2, MacPdu};
use crate::eps::wire::nas::{EmmMessage, NasMessage};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::sctp::{DIAMETER_PROTOCOL, RUA_PROTOCOL, S1AP_PROTOCOL, X2AP_PROTOCOL};
use crate::eps::wire::{CoreFrame, CorePayload, DiameterMessage, Gtpv2Message, IuMessage, S1apMessage, X2apMessage};
use crate::time::VirtualTime;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Whatever it is.
    Any,
    /// RRC on the air, ciphered or not.
    Signalling,
    /// A user packet, on the air or in a tunnel.
    Data,
    /// A message of S1AP, X2AP, Diameter, RANAP or GTPv2-C, by its name.
    Message(&'static str),
    /// A NAS message that RRC does not protect, on the air or on S1.
    Nas(NasKind),
}

/// A NAS message of an attach that can be told before there are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NasKind {
    /// ATTACH REQUEST.
    AttachRequest,
    /// SECURITY MODE COMMAND, protected under a key that it brings.
    SecurityModeCommand,
}

impl NasKind {
    /// The words for them.
    pub const NAMED: [(&'static str, Self); 2] =
        [("NasAttachRequest", Self::AttachRequest), ("NasSecurityModeCommand", Self::SecurityModeCommand)];

    /// What a NAS message is, if it is one of these.
    fn of(nas: &[u8]) -> Option<Self> {
        match NasMessage::parse(nas).ok()? {
            NasMessage::Plain(EmmMessage::AttachRequest { .. }) => Some(Self::AttachRequest),
            NasMessage::Plain(EmmMessage::SecurityModeCommand { .. }) => Some(Self::SecurityModeCommand),
            NasMessage::Protected(message) if !message.header.ciphered() => {
                match EmmMessage::parse(&message.message).ok()? {
                    EmmMessage::SecurityModeCommand { .. } => Some(Self::SecurityModeCommand),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Which frames count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameChoice {
    /// Of what kind.
    pub kind: FrameKind,
    /// The first one that counts, from 1.
    pub nth: u32,
    /// How many in a row, from that one on.
    pub count: u32,
    /// Frames before this instant do not count.
    pub after: VirtualTime,
}

/// Octets of the type in front of a G-PDU.
const G_PDU: u8 = 0xff;

impl FrameKind {
    /// Whether a frame is of this kind.
    #[must_use]
    pub fn matches(self, octets: &[u8], on_air: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Signalling | Self::Data if on_air => {
                let frame = RadioFrame::parse(octets).ok();
                let signalling = frame
                    .and_then(|frame| MacPdu::parse(&frame.mac_pdu).ok())
                    .map(|mac| [LCID_CCCH, LCID_SRB1, LCID_SRB2].contains(&mac.lcid));
                signalling == Some(self == Self::Signalling)
            }
            Self::Signalling => false,
            Self::Data => matches!(message(octets), Some(CoreMessage::Packet)),
            Self::Nas(wanted) => {
                NasInFrame::read(octets, on_air).and_then(|(_, nas)| NasKind::of(&nas)) == Some(wanted)
            }
            Self::Message(wanted) => matches!(message(octets), Some(CoreMessage::Named(name)) if name == wanted),
        }
    }
}

/// What a frame of the core network carries.
enum CoreMessage {
    Named(&'static str),
    Packet,
}

fn message(octets: &[u8]) -> Option<CoreMessage> {
    match CoreFrame::parse(octets).ok()?.payload {
        CorePayload::Sctp(packet) => {
            let (protocol, octets) = (packet.data.protocol, &packet.data.user_data);
            let name = match protocol {
                S1AP_PROTOCOL => S1apMessage::parse(octets).ok()?.name(),
                X2AP_PROTOCOL => X2apMessage::parse(octets).ok()?.name(),
                DIAMETER_PROTOCOL => DiameterMessage::parse(octets).ok()?.body.name(),
                RUA_PROTOCOL => IuMessage::parse(octets).ok()?.message.name(),
                _ => return None,
            };
            Some(CoreMessage::Named(name))
        }
        CorePayload::Udp(datagram) => match datagram.destination {
            GTPV2_PORT => Some(CoreMessage::Named(Gtpv2Message::parse(&datagram.payload).ok()?.body.name())),
            GTPU_PORT => {
                let is_packet = datagram.payload.get(1) == Some(&G_PDU);
                GtpuPacket::parse(&datagram.payload).ok().filter(|_| is_packet).map(|_| CoreMessage::Packet)
            }
            _ => None,
        },
        CorePayload::Esp(_) => None,
    }
}

impl FrameChoice {
    /// Whether a frame is one to act on; `seen` is how many there were so far.
    pub(super) fn takes(&self, seen: &mut u32, now: VirtualTime, octets: &[u8], on_air: bool) -> bool {
        if now < self.after || !self.kind.matches(octets, on_air) {
            return false;
        }
        *seen = seen.saturating_add(1);
        (self.nth..self.nth.saturating_add(self.count)).contains(seen)
    }
}
