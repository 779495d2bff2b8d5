//! The NAS message in a frame before there are keys: on the air in RRC on signalling bearer 1, on S1 in the messages that carry NAS. It
//! can be taken out, and another put in its place: nothing protects what is around it.

use crate::eps::parameters::LinkDirection;
use crate::eps::wire::mac_pdu::{LCID_SRB1, MacPdu};
use crate::eps::wire::pdcp::{MAC_I_OCTETS, SignallingPdu};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rlc::AmDataPdu;
use crate::eps::wire::rrc::{DlDcchMessage, UlDcchMessage};
use crate::eps::wire::sctp::S1AP_PROTOCOL;
use crate::eps::wire::{CoreFrame, CorePayload, S1apMessage, WireError};

/// Where the identification of an IPv4 packet stands in an Ethernet frame.
const IDENTIFICATION: std::ops::Range<usize> = 18..20;

/// A frame that carries a NAS message which RRC does not protect, without that message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NasInFrame(Around);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Around {
    Air { frame: RadioFrame, rlc: AmDataPdu, sequence_number: u8, rrc: Rrc },
    S1 { frame: Box<CoreFrame>, identification: u16, message: Box<S1apMessage> },
}

/// The RRC message around a NAS message, by its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rrc {
    SetupComplete(u8),
    Uplink,
    Downlink(u8),
}

impl NasInFrame {
    /// The frame, and the NAS message in it; `None`: there is none that can be seen.
    #[must_use]
    pub fn read(octets: &[u8], on_air: bool) -> Option<(Self, Vec<u8>)> {
        if on_air { Self::read_air(octets) } else { Self::read_s1(octets) }
    }

    fn read_air(octets: &[u8]) -> Option<(Self, Vec<u8>)> {
        let frame = RadioFrame::parse(octets).ok()?;
        let mac = MacPdu::parse(&frame.mac_pdu).ok().filter(|mac| mac.lcid == LCID_SRB1)?;
        let rlc = AmDataPdu::parse(&mac.sdu).ok()?;
        // Without keys MAC-I is four zero octets.
        let pdu = SignallingPdu::parse(&rlc.sdu).ok().filter(|pdu| pdu.mac_i == [0; MAC_I_OCTETS])?;
        let (rrc, nas) = match frame.direction {
            LinkDirection::Uplink => match UlDcchMessage::parse(&pdu.message).ok()? {
                UlDcchMessage::SetupComplete { transaction, nas } => (Rrc::SetupComplete(transaction), nas),
                UlDcchMessage::InformationTransfer { nas } => (Rrc::Uplink, nas),
                _ => return None,
            },
            LinkDirection::Downlink => match DlDcchMessage::parse(&pdu.message).ok()? {
                DlDcchMessage::InformationTransfer { transaction, nas } => (Rrc::Downlink(transaction), nas),
                _ => return None,
            },
        };
        let rlc = AmDataPdu { sdu: Vec::new(), ..rlc };
        Some((Self(Around::Air { frame, rlc, sequence_number: pdu.sequence_number, rrc }), nas))
    }

    fn read_s1(octets: &[u8]) -> Option<(Self, Vec<u8>)> {
        let frame = CoreFrame::parse(octets).ok()?;
        let CorePayload::Sctp(packet) = &frame.payload else { return None };
        if packet.data.protocol != S1AP_PROTOCOL {
            return None;
        }
        let mut message = S1apMessage::parse(&packet.data.user_data).ok()?;
        let nas = std::mem::take(nas_of(&mut message)?);
        let identification = octets.get(IDENTIFICATION).and_then(|octets| octets.try_into().ok());
        let identification = identification.map_or(0, u16::from_be_bytes);
        Some((Self(Around::S1 { frame: Box::new(frame), identification, message: Box::new(message) }), nas))
    }

    /// The octets of the frame with this NAS message in it.
    ///
    /// # Errors
    /// A message that is too long for what is around it.
    pub fn with(self, nas: Vec<u8>) -> Result<Vec<u8>, WireError> {
        match self.0 {
            Around::Air { mut frame, mut rlc, sequence_number, rrc } => {
                let message = match rrc {
                    Rrc::SetupComplete(transaction) => UlDcchMessage::SetupComplete { transaction, nas }.octets()?,
                    Rrc::Uplink => UlDcchMessage::InformationTransfer { nas }.octets()?,
                    Rrc::Downlink(transaction) => DlDcchMessage::InformationTransfer { transaction, nas }.octets()?,
                };
                rlc.sdu = SignallingPdu { sequence_number, message, mac_i: [0; MAC_I_OCTETS] }.octets()?;
                frame.mac_pdu = MacPdu { lcid: LCID_SRB1, sdu: rlc.octets()?, padding: 0 }.octets()?;
                frame.octets()
            }
            Around::S1 { mut frame, identification, mut message } => {
                if let Some(place) = nas_of(&mut message) {
                    *place = nas;
                }
                if let CorePayload::Sctp(packet) = &mut frame.payload {
                    packet.data.user_data = message.octets()?;
                }
                frame.octets(identification)
            }
        }
    }
}

/// The NAS message in one of S1AP.
fn nas_of(message: &mut S1apMessage) -> Option<&mut Vec<u8>> {
    match message {
        S1apMessage::InitialUeMessage(message) => Some(&mut message.nas_pdu),
        S1apMessage::UplinkNasTransport(message) => Some(&mut message.nas_pdu),
        S1apMessage::DownlinkNasTransport(message) => Some(&mut message.nas_pdu),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eps::keys::Kenb;
    use crate::eps::node::radio_side::RadioSide;
    use crate::eps::parameters::AlgorithmId;
    use crate::eps::security::handover_keys::AsKeys;
    use crate::eps::security::protection::{AsSecurity, BearerId};
    use crate::time::VirtualTime;

    fn frame(direction: LinkDirection, security: &mut AsSecurity, message: &[u8]) -> Vec<u8> {
        let (now, bearer) = (VirtualTime::ZERO, BearerId::Signalling(1));
        RadioSide::default().frame(now, (direction, 0x4601), security, bearer, message).unwrap().0
    }

    #[test]
    fn a_nas_message_is_taken_out_of_a_frame_and_another_put_in_its_place() {
        let nas = |octet: u8| vec![7, octet];
        let setup = |nas| UlDcchMessage::SetupComplete { transaction: 1, nas }.octets().unwrap();
        let uplink = |nas| UlDcchMessage::InformationTransfer { nas }.octets().unwrap();
        let downlink = |nas| DlDcchMessage::InformationTransfer { transaction: 2, nas }.octets().unwrap();
        type Wrapped<'a> = &'a dyn Fn(Vec<u8>) -> Vec<u8>;
        let cases: [(LinkDirection, Wrapped<'_>); 3] =
            [(LinkDirection::Uplink, &setup), (LinkDirection::Uplink, &uplink), (LinkDirection::Downlink, &downlink)];
        for (direction, message) in cases {
            let plain = |octet| frame(direction, &mut AsSecurity::off(), &message(nas(octet)));
            let (around, found) = NasInFrame::read(&plain(1), true).unwrap();
            assert_eq!(found, nas(1));
            assert_eq!(around.with(nas(2)).unwrap(), plain(2));
            // Under keys there is none to be seen.
            let keys = AsKeys::derive(&Kenb::from_octets([1; 32]), AlgorithmId::Null, AlgorithmId::Aes);
            let mut security = AsSecurity::new(keys, AlgorithmId::Null, AlgorithmId::Aes);
            assert_eq!(NasInFrame::read(&frame(direction, &mut security, &message(nas(1))), true), None);
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..200), on_air: bool) {
            if let Some((around, nas)) = NasInFrame::read(&octets, on_air) {
                prop_assert!(around.with(nas).is_ok());
            }
        }
    }
}
