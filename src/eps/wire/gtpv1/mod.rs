//! GTPv1-C: the messages between an SGSN and an MME that hand a UE over, and from an SGSN to the gateway that switch its path, UDP port
//! 2123 (TS 29.060; the interface Gn of TS 23.401 Annex D).
//!
//! | module | holds | clause |
//! | --- | --- | --- |
//! | `messages` | Forward Relocation, SGSN Context, Update PDP Context | 7.3, 7.5 |
//! | `contexts` | keys and connection of a UE | 7.7.28, 7.7.29 |
//! | `element` | the information elements as type, length and value | 7.7 |
//!
//! Information elements that a message has beyond its fields are passed over when it is read.

mod contexts;
mod element;
mod messages;

use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::sequence::terminated;
use nom::{IResult, Parser};

pub use self::contexts::{PdpContext, UmtsContext};
pub use self::messages::{
    ForwardRelocationRequest, ForwardRelocationResponse, Gtpv1Cause, RelocationCancelRequest, RelocationGrant,
    SgsnContext, SgsnContextRequest, SgsnContextResponse, UpdatePdpContextRequest, UpdatePdpContextResponse,
};

use self::element::Elements;
use super::WireError;
use super::core_error::length_16;
use crate::eps::identifiers::Teid;

const LAYER: &str = "GTPv1-C";
/// Octets of the header, with a sequence number.
const HEADER_OCTETS: usize = 12;
/// Octets that the length does not count.
const UNCOUNTED_OCTETS: usize = 8;
/// Where the length stands.
const LENGTH_OFFSET: usize = 2;
/// Version 1, GTP rather than GTP', a sequence number.
const FLAGS: u8 = 0x32;

/// Whether the payload of UDP port 2123 is of version 1.
#[must_use]
pub fn is_version_1(octets: &[u8]) -> bool {
    octets.first().is_some_and(|flags| flags >> 5 == 1)
}

/// What a message says, by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gtpv1Body {
    /// Type 18, SGSN to gateway: the path goes to another node.
    UpdatePdpContextRequest(UpdatePdpContextRequest),
    /// Type 19, gateway to SGSN: so it does.
    UpdatePdpContextResponse(UpdatePdpContextResponse),
    /// Type 50: who was the UE that has come?
    SgsnContextRequest(SgsnContextRequest),
    /// Type 51: this one.
    SgsnContextResponse(SgsnContextResponse),
    /// Type 52: it was taken over.
    SgsnContextAcknowledge(Gtpv1Cause),
    /// Type 53, to the target's node: a UE is to come, and here is its context.
    ForwardRelocationRequest(ForwardRelocationRequest),
    /// Type 54: it may, or not.
    ForwardRelocationResponse(ForwardRelocationResponse),
    /// Type 55: it has come.
    ForwardRelocationComplete,
    /// Type 56: it is not to come.
    RelocationCancelRequest(RelocationCancelRequest),
    /// Type 57.
    RelocationCancelResponse(Gtpv1Cause),
    /// Type 59.
    ForwardRelocationCompleteAcknowledge(Gtpv1Cause),
}

/// A message of GTPv1-C: the payload of UDP port 2123.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gtpv1Message {
    /// The receiver's end of the tunnel, 4 octets; 0 in the first message to it.
    pub teid: Teid,
    /// Sequence number, 16 bits: an answer has that of its request.
    pub sequence: u16,
    /// What it says.
    pub body: Gtpv1Body,
}

impl Gtpv1Body {
    /// The type of the message, 1 octet (TS 29.060 clause 7.1).
    #[must_use]
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::UpdatePdpContextRequest(_) => 18,
            Self::UpdatePdpContextResponse(_) => 19,
            Self::SgsnContextRequest(_) => 50,
            Self::SgsnContextResponse(_) => 51,
            Self::SgsnContextAcknowledge(_) => 52,
            Self::ForwardRelocationRequest(_) => 53,
            Self::ForwardRelocationResponse(_) => 54,
            Self::ForwardRelocationComplete => 55,
            Self::RelocationCancelRequest(_) => 56,
            Self::RelocationCancelResponse(_) => 57,
            Self::ForwardRelocationCompleteAcknowledge(_) => 59,
        }
    }

    /// The type of the message that answers it, if it is a request, or an answer that is answered itself.
    #[must_use]
    pub const fn answered_by(&self) -> Option<u8> {
        match self {
            Self::UpdatePdpContextRequest(_)
            | Self::SgsnContextRequest(_)
            | Self::ForwardRelocationRequest(_)
            | Self::RelocationCancelRequest(_) => Some(self.message_type() + 1),
            Self::SgsnContextResponse(SgsnContextResponse { known: Some(_), .. }) => Some(52),
            Self::ForwardRelocationComplete => Some(59),
            _ => None,
        }
    }

    /// Whether it answers a message.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        matches!(self.message_type(), 19 | 51 | 52 | 54 | 57 | 59)
    }

    /// The names of all messages, which are not those of GTPv2-C.
    pub const NAMES: &[&str] = &[
        "UpdatePdpContextRequest",
        "UpdatePdpContextResponse",
        "SgsnContextRequest",
        "SgsnContextResponse",
        "SgsnContextAcknowledge",
        "Gn ForwardRelocationRequest",
        "Gn ForwardRelocationResponse",
        "Gn ForwardRelocationComplete",
        "Gn RelocationCancelRequest",
        "Gn RelocationCancelResponse",
        "Gn ForwardRelocationCompleteAcknowledge",
    ];

    /// The name of the message.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        let place = match self {
            Self::UpdatePdpContextRequest(_) => 0,
            Self::UpdatePdpContextResponse(_) => 1,
            Self::SgsnContextRequest(_) => 2,
            Self::SgsnContextResponse(_) => 3,
            Self::SgsnContextAcknowledge(_) => 4,
            Self::ForwardRelocationRequest(_) => 5,
            Self::ForwardRelocationResponse(_) => 6,
            Self::ForwardRelocationComplete => 7,
            Self::RelocationCancelRequest(_) => 8,
            Self::RelocationCancelResponse(_) => 9,
            Self::ForwardRelocationCompleteAcknowledge(_) => 10,
        };
        Self::NAMES[place]
    }

    fn elements(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::UpdatePdpContextRequest(request) => request.elements(),
            Self::UpdatePdpContextResponse(response) => response.elements(),
            Self::SgsnContextRequest(request) => request.elements(),
            Self::SgsnContextResponse(response) => response.elements(),
            Self::ForwardRelocationRequest(request) => request.elements(),
            Self::ForwardRelocationResponse(response) => response.elements(),
            Self::ForwardRelocationComplete => Ok(Vec::new()),
            Self::RelocationCancelRequest(request) => request.elements(),
            Self::SgsnContextAcknowledge(cause)
            | Self::RelocationCancelResponse(cause)
            | Self::ForwardRelocationCompleteAcknowledge(cause) => cause.element(),
        }
    }
}

/// The header as it stands: flags, type, length, TEID, sequence number; behind them N-PDU number and next extension, which are not used.
fn header(input: &[u8]) -> IResult<&[u8], (u8, u8, u16, u32, u16)> {
    terminated((be_u8, be_u8, be_u16, be_u32, be_u16), be_u16).parse(input)
}

impl Gtpv1Message {
    /// The message that `octets` (the whole payload of UDP) are.
    ///
    /// # Errors
    ///
    /// Fewer than 12 octets; another version, no sequence number or other optional fields; a length that differs from the octets after
    /// the first eight; a message that is none of these; an information element that is cut short, missing, or holds something that is
    /// not used here. Offsets count from the first octet of the message.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let Ok((elements, (flags, kind, length, teid, sequence))) = header(octets) else {
            let found = format!("{} octets", octets.len());
            return Err(WireError::new(LAYER, octets.len(), "a header of 12 octets", found));
        };
        if flags != FLAGS {
            let expected = "version 1 with a sequence number (0x32)";
            return Err(WireError::new(LAYER, 0, expected, format!("{flags:#04x}")));
        }
        let counted = octets.len().saturating_sub(UNCOUNTED_OCTETS);
        if usize::from(length) != counted {
            let expected = format!("length {counted}, the octets after the first eight");
            return Err(WireError::new(LAYER, LENGTH_OFFSET, expected, format!("length {length}")));
        }
        let elements = Elements::parse(elements, HEADER_OCTETS)?;
        let body = match kind {
            18 => Gtpv1Body::UpdatePdpContextRequest(UpdatePdpContextRequest::read(&elements)?),
            19 => Gtpv1Body::UpdatePdpContextResponse(UpdatePdpContextResponse::read(&elements)?),
            50 => Gtpv1Body::SgsnContextRequest(SgsnContextRequest::read(&elements)?),
            51 => Gtpv1Body::SgsnContextResponse(SgsnContextResponse::read(&elements)?),
            52 => Gtpv1Body::SgsnContextAcknowledge(Gtpv1Cause::read(&elements)?),
            53 => Gtpv1Body::ForwardRelocationRequest(ForwardRelocationRequest::read(&elements)?),
            54 => Gtpv1Body::ForwardRelocationResponse(ForwardRelocationResponse::read(&elements)?),
            55 => Gtpv1Body::ForwardRelocationComplete,
            56 => Gtpv1Body::RelocationCancelRequest(RelocationCancelRequest::read(&elements)?),
            57 => Gtpv1Body::RelocationCancelResponse(Gtpv1Cause::read(&elements)?),
            59 => Gtpv1Body::ForwardRelocationCompleteAcknowledge(Gtpv1Cause::read(&elements)?),
            other => {
                let expected = "a message of a relocation (18, 19, 50 to 57, 59)";
                return Err(WireError::new(LAYER, 1, expected, format!("type {other}")));
            }
        };
        Ok(Self { teid: Teid(teid), sequence, body })
    }

    /// The octets of the message, header included.
    ///
    /// # Errors
    ///
    /// More than 65535 octets in an information element or in all; a target eNB of more than 16 bits.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let elements = self.body.elements()?;
        let counted = elements.len().saturating_add(HEADER_OCTETS - UNCOUNTED_OCTETS);
        let [high, low] = length_16(LAYER, LENGTH_OFFSET, counted)?.to_be_bytes();
        let start = [FLAGS, self.body.message_type(), high, low];
        Ok([&start[..], &self.teid.0.to_be_bytes(), &self.sequence.to_be_bytes(), &[0, 0], &elements].concat())
    }
}

#[cfg(test)]
mod tests;
