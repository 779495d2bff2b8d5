//! What the adversary changes in a frame of EPS. Checksums fit afterwards; MACs do not, and nobody without keys can make them.

use super::nas_in_frame::NasInFrame;
pub use super::parlos_command::AttachChange;
use crate::adversary::recording::Recordings;
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::sctp::S1AP_PROTOCOL;
use crate::eps::wire::{CoreFrame, CorePayload, S1apMessage};

/// What is changed in a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Bits that are inverted, from the first of the MAC PDU on the air and of the message in the core network.
    pub bits: Vec<usize>,
    /// Bits of the NAS message in a HandoverCommand, or in an InitialUeMessage, that are inverted.
    pub nas_bits: Vec<usize>,
    /// The NAS message of the frame recorded under this name stands in the place of its own: of a HandoverCommand, or of one before there
    /// are keys.
    pub nas: Option<String>,
    /// What becomes of an attach request, or of the security mode command that answers it.
    pub attach: AttachChange,
}

/// Where the identification of an IPv4 packet stands in an Ethernet frame.
const IDENTIFICATION: std::ops::Range<usize> = 18..20;

impl Change {
    /// The changed frame, and the change in words.
    ///
    /// # Errors
    /// In words, if the frame has not what is to be changed.
    pub fn apply(&self, octets: &[u8], on_air: bool, recordings: &Recordings) -> Result<(Vec<u8>, String), String> {
        let mut words: Vec<String> = self.bits.iter().map(|bit| format!("bit {bit} is inverted")).collect();
        let of_nas = !self.nas_bits.is_empty() || self.nas.is_some() || self.attach != AttachChange::default();
        if of_nas
            && self.bits.is_empty()
            && let Some((frame, nas)) = NasInFrame::read(octets, on_air)
        {
            let (nas, words) = self.apply_to_nas(nas, on_air, recordings)?;
            return Ok((frame.with(nas).map_err(|error| error.to_string())?, words));
        }
        if on_air {
            if of_nas {
                return Err("on the air there is no HandoverCommand".to_owned());
            }
            let mut frame = RadioFrame::parse(octets).map_err(|error| error.to_string())?;
            invert(&mut frame.mac_pdu, &self.bits)?;
            let octets = frame.octets().map_err(|error| error.to_string())?;
            return Ok((octets, words.join(", ")));
        }
        let mut frame = CoreFrame::parse(octets).map_err(|error| error.to_string())?;
        let message = match &mut frame.payload {
            CorePayload::Sctp(packet) => &mut packet.data.user_data,
            CorePayload::Udp(datagram) => &mut datagram.payload,
            CorePayload::Esp(packet) => &mut packet.sealed,
        };
        if !self.nas_bits.is_empty() || self.nas.is_some() {
            let mut changed = s1ap(octets)?;
            let nas = match &mut changed {
                S1apMessage::HandoverCommand(command) => command.nas_security_parameters.as_mut(),
                S1apMessage::InitialUeMessage(first) if self.nas.is_none() => Some(&mut first.nas_pdu),
                other => return Err(format!("the frame is no HandoverCommand but {}", other.name())),
            };
            let nas = nas.ok_or("the HandoverCommand has no NAS message")?;
            if let Some(name) = &self.nas {
                let recorded = recordings.first(name).ok_or_else(|| format!("the recording {name} is empty"))?;
                let S1apMessage::HandoverCommand(command) = s1ap(recorded)? else {
                    return Err(format!("the recording {name} has no HandoverCommand"));
                };
                *nas = command.nas_security_parameters.ok_or("the HandoverCommand has no NAS message")?;
                words.push(format!("its NAS message is that of {name}"));
            }
            invert(nas, &self.nas_bits)?;
            words.extend(self.nas_bits.iter().map(|bit| format!("bit {bit} of its NAS message is inverted")));
            *message = changed.octets().map_err(|error| error.to_string())?;
        }
        invert(message, &self.bits)?;
        let identification = octets.get(IDENTIFICATION).and_then(|octets| octets.try_into().ok());
        let identification = identification.map_or(0, u16::from_be_bytes);
        Ok((frame.octets(identification).map_err(|error| error.to_string())?, words.join(", ")))
    }
}

impl Change {
    /// A NAS message before there are keys, changed, and the change in words.
    fn apply_to_nas(
        &self,
        mut nas: Vec<u8>,
        on_air: bool,
        recordings: &Recordings,
    ) -> Result<(Vec<u8>, String), String> {
        let mut words = Vec::new();
        if let Some(name) = &self.nas {
            let recorded = recordings.first(name).ok_or_else(|| format!("the recording {name} is empty"))?;
            let recorded = NasInFrame::read(recorded, on_air);
            nas = recorded.ok_or_else(|| format!("the recording {name} has no NAS message"))?.1;
            words.push(format!("its NAS message is that of {name}"));
        }
        invert(&mut nas, &self.nas_bits)?;
        words.extend(self.nas_bits.iter().map(|bit| format!("bit {bit} of its NAS message is inverted")));
        if self.attach != AttachChange::default() {
            let (changed, said) = self.attach.apply(&nas)?;
            nas = changed;
            words.push(said);
        }
        Ok((nas, words.join(", ")))
    }
}

fn invert(octets: &mut [u8], bits: &[usize]) -> Result<(), String> {
    for bit in bits {
        *octets.get_mut(bit / 8).ok_or_else(|| format!("there is no bit {bit}"))? ^= 0x80 >> (bit % 8);
    }
    Ok(())
}

fn s1ap(octets: &[u8]) -> Result<S1apMessage, String> {
    let CorePayload::Sctp(packet) = CoreFrame::parse(octets).map_err(|error| error.to_string())?.payload else {
        return Err("the frame is no HandoverCommand".to_owned());
    };
    if packet.data.protocol != S1AP_PROTOCOL {
        return Err("the frame is no HandoverCommand".to_owned());
    }
    S1apMessage::parse(&packet.data.user_data).map_err(|error| error.to_string())
}
