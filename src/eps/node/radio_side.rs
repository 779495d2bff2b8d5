//! A node's side of the air with one UE: RRC messages and packets into frames and back.
//!
//! RRC goes on signalling bearer 1, packets on data bearer 1, connection set-up and re-establishment on CCCH. RLC numbers PDUs from 0 with each KeNB, as PDCP does.

use crate::eps::parameters::LinkDirection;
use crate::eps::security::protection::{AsSecurity, BearerId, MAC_OCTETS, Protected, ProtectionError};
use crate::eps::wire::WireError;
use crate::eps::wire::mac_pdu::{LCID_CCCH, LCID_SRB1, MacPdu};
use crate::eps::wire::pdcp::{DataPdu, SignallingPdu};
use crate::eps::wire::radio_frame::{RadioFrame, UeId, frame_and_subframe};
use crate::eps::wire::rlc::AmDataPdu;
use crate::time::VirtualTime;

/// LCID of data bearer 1.
const LCID_DRB1: u8 = 3;
/// RLC numbers PDUs with 10 bits.
const RLC_NUMBERS: u16 = 1 << 10;

/// Why a frame was not made or not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AirError {
    /// Octets that are not what they should be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A wrong MAC, or no COUNT left.
    #[error(transparent)]
    Protection(#[from] ProtectionError),
    /// A logical channel that has no bearer.
    #[error("MAC: expected logical channel 1 or 3, found {0}")]
    Channel(u8),
}

/// What came in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromAir {
    /// On which bearer.
    pub bearer: BearerId,
    /// With which COUNT.
    pub count: u32,
    /// The RRC message or the packet.
    pub octets: Vec<u8>,
}

/// The frame of a message on CCCH, which nothing protects. Random access is not on the air here: the C-RNTI is that which the UE
/// had \[choice\].
///
/// # Errors
/// A message that is too long.
pub fn common_frame(
    now: VirtualTime,
    (direction, c_rnti): (LinkDirection, u16),
    message: Vec<u8>,
) -> Result<Vec<u8>, WireError> {
    radio_frame(now, (direction, c_rnti), LCID_CCCH, message)
}

/// The message in a frame, if that is of CCCH.
#[must_use]
pub fn common_message(frame: &RadioFrame) -> Option<Vec<u8>> {
    MacPdu::parse(&frame.mac_pdu).ok().filter(|pdu| pdu.lcid == LCID_CCCH).map(|pdu| pdu.sdu)
}

fn radio_frame(
    now: VirtualTime,
    (direction, c_rnti): (LinkDirection, u16),
    lcid: u8,
    sdu: Vec<u8>,
) -> Result<Vec<u8>, WireError> {
    let mac_pdu = MacPdu { lcid, sdu, padding: 0 }.octets()?;
    let (frame_number, subframe) = frame_and_subframe(now.as_nanos() / 1_000_000);
    // The UE id is given by the capture, which counts them.
    RadioFrame { direction, c_rnti, ue_id: UeId(0), frame_number, subframe, mac_pdu }.octets()
}

/// One end of the air under one KeNB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RadioSide {
    /// The RLC number that comes next, by bearer: signalling, data.
    next: [u16; 2],
}

impl RadioSide {
    /// The frame of an RRC message or a packet, and what it was protected with.
    ///
    /// # Errors
    /// No COUNT is left, an algorithm that is not computed, or a message that is too long.
    pub fn frame(
        &mut self,
        now: VirtualTime,
        (direction, c_rnti): (LinkDirection, u16),
        security: &mut AsSecurity,
        bearer: BearerId,
        octets: &[u8],
    ) -> Result<(Vec<u8>, Protected), AirError> {
        let protected = security.protect(bearer, direction, octets)?;
        let (lcid, place, sdu) = match bearer {
            BearerId::Signalling(_) => {
                let (message, mac_i) =
                    protected.octets.split_last_chunk::<MAC_OCTETS>().unwrap_or((&[], &[0; MAC_OCTETS]));
                let sequence_number = (protected.sequence_number & 0x1f) as u8;
                let pdu = SignallingPdu { sequence_number, message: message.to_vec(), mac_i: *mac_i };
                (LCID_SRB1, 0, pdu.octets()?)
            }
            BearerId::Data(_) => {
                let pdu = DataPdu { sequence_number: protected.sequence_number, packet: protected.octets.clone() };
                (LCID_DRB1, 1, pdu.octets()?)
            }
        };
        let rlc = AmDataPdu { poll: true, sequence_number: self.number(place), sdu }.octets()?;
        Ok((radio_frame(now, (direction, c_rnti), lcid, rlc)?, protected))
    }

    /// The frame of a PDCP PDU of the data bearer, which another node has made.
    ///
    /// # Errors
    /// Octets that are no such PDU, or too many.
    pub fn pdu_frame(
        &mut self,
        now: VirtualTime,
        (direction, c_rnti): (LinkDirection, u16),
        pdu: Vec<u8>,
    ) -> Result<Vec<u8>, WireError> {
        let sdu = DataPdu::parse(&pdu).map(|_| pdu)?;
        let rlc = AmDataPdu { poll: true, sequence_number: self.number(1), sdu }.octets()?;
        radio_frame(now, (direction, c_rnti), LCID_DRB1, rlc)
    }

    /// The number of the RLC PDU that comes next on a bearer.
    fn number(&mut self, place: usize) -> u16 {
        let sequence_number = self.next[place];
        self.next[place] = (sequence_number + 1) % RLC_NUMBERS;
        sequence_number
    }

    /// The PDCP PDU in a frame, if that is of the data bearer.
    ///
    /// # Errors
    /// Octets that are not what they should be.
    pub fn user_pdu(frame: &RadioFrame) -> Result<Option<DataPdu>, WireError> {
        let mac = MacPdu::parse(&frame.mac_pdu)?;
        if mac.lcid != LCID_DRB1 {
            return Ok(None);
        }
        AmDataPdu::parse(&mac.sdu).and_then(|rlc| DataPdu::parse(&rlc.sdu)).map(Some)
    }

    /// The RRC message in a frame of signalling bearer 1, whatever its MAC-I, and as if it were not ciphered.
    #[must_use]
    pub fn unchecked(frame: &RadioFrame) -> Option<Vec<u8>> {
        let mac = MacPdu::parse(&frame.mac_pdu).ok().filter(|mac| mac.lcid == LCID_SRB1)?;
        let rlc = AmDataPdu::parse(&mac.sdu).ok()?;
        SignallingPdu::parse(&rlc.sdu).ok().map(|pdu| pdu.message)
    }

    /// Opens what came in a frame.
    ///
    /// # Errors
    /// Octets that are not what they should be, a wrong MAC, no COUNT left, or a bearer that there is not.
    pub fn open(frame: &RadioFrame, security: &mut AsSecurity) -> Result<FromAir, AirError> {
        let mac = MacPdu::parse(&frame.mac_pdu)?;
        let rlc = AmDataPdu::parse(&mac.sdu)?;
        let (bearer, sequence_number, octets) = match mac.lcid {
            LCID_SRB1 => {
                let SignallingPdu { sequence_number, message, mac_i } = SignallingPdu::parse(&rlc.sdu)?;
                (BearerId::Signalling(1), u16::from(sequence_number), [&message[..], &mac_i].concat())
            }
            LCID_DRB1 => {
                let DataPdu { sequence_number, packet } = DataPdu::parse(&rlc.sdu)?;
                (BearerId::Data(1), sequence_number, packet)
            }
            other => return Err(AirError::Channel(other)),
        };
        let (count, octets) = security.open(bearer, frame.direction, sequence_number, &octets)?;
        Ok(FromAir { bearer, count, octets })
    }
}
