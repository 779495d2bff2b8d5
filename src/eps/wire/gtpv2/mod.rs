//! GTPv2-C: the messages between MMEs that hand a UE over, and from an MME to an S-GW or a UPE that switch its path, UDP port 2123
//! (TS 29.274; `eps-systems.md` 1.5 and 5.2).
//!
//! | module | holds | clause |
//! | --- | --- | --- |
//! | [`forward_relocation`] | Forward Relocation Request, Response, Complete Notification and Acknowledge, Relocation Cancel | 7.3 |
//! | [`context`] | Context Request, Response and Acknowledge | 7.3.5 to 7.3.7 |
//! | [`modify_bearer`] | Modify Bearer Request and Response | 7.2.7, 7.2.8 |
//! | [`session`] | Create Session Request and Response, Delete Session Request and Response | 7.2.1, 7.2.2, 7.2.9, 7.2.10 |
//! | [`data_forwarding`] | Create and Delete Indirect Data Forwarding Tunnel Request and Response | 7.2.18 to 7.2.21 |
//! | [`up_context`] | Forward Access Context Notification and Acknowledge; the key between UE and UPE | 7.3.5, 7.3.6 |
//! | [`mm_context`] | the security context of a UE | 8.38 |
//! | [`pdn_connection`] | its connection to a packet network, and the bearers in it | 7.3.1 |
//! | `element` | the information elements as type, length, instance, value | 8.2 |
//!
//! Information elements that a message has beyond its fields are passed over when it is read.

pub mod context;
pub mod data_forwarding;
mod element;
pub mod forward_relocation;
pub mod mm_context;
pub mod modify_bearer;
pub mod pdn_connection;
pub mod session;
pub mod up_context;

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u24 as write_u24, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::number::complete::{be_u8, be_u16, be_u24, be_u32};
use nom::{IResult, Parser};

pub use self::context::{ContextRequest, ContextResponse, GivenContext};
pub use self::data_forwarding::{CreateForwardingRequest, CreateForwardingResponse, ForwardingEnd};
pub use self::forward_relocation::{
    FCause, ForwardRelocationRequest, ForwardRelocationResponse, GtpCause, RelocationCancelRequest, RelocationGrant,
};
pub use self::mm_context::{AuthenticationQuadruplet, MmContext};
pub use self::modify_bearer::{ModifyBearerRequest, ModifyBearerResponse};
pub use self::pdn_connection::{PdnBearer, PdnConnection};
pub use self::session::{CreateSessionRequest, CreateSessionResponse, DeleteSessionRequest, SessionGrant};
pub use self::up_context::AccessContextNotification;

use self::element::Elements;
use super::WireError;
use super::core_error::{length_16, serialise};
use crate::eps::identifiers::Teid;

/// UDP port of GTPv2-C; requests go to it, answers come from it.
pub const GTPV2_PORT: u16 = 2123;

const LAYER: &str = "GTPv2-C";
/// Octets of the header.
const HEADER_OCTETS: usize = 12;
/// Where the length stands: the octets after the first four.
const LENGTH_OFFSET: usize = 2;
/// Octets that the length does not count.
const UNCOUNTED_OCTETS: usize = 4;
/// Version 2, a TEID, nothing piggybacked, no priority.
const FLAGS: u8 = 0x48;
/// The bits of the flags that mean something here: version, piggybacking, TEID.
const USED_FLAGS: u8 = 0xf8;
/// Highest sequence number, 24 bits.
pub const LAST_SEQUENCE: u32 = 0x00ff_ffff;

/// What a message says, by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gtpv2Body {
    /// Type 32, MME to UPE: a UE is to come to it.
    CreateSessionRequest(CreateSessionRequest),
    /// Type 33, UPE to MME: so it may, or not.
    CreateSessionResponse(CreateSessionResponse),
    /// Type 34, MME to S-GW: the path goes to another eNB.
    ModifyBearerRequest(ModifyBearerRequest),
    /// Type 35, S-GW to MME: so it does.
    ModifyBearerResponse(ModifyBearerResponse),
    /// Type 36, MME to UPE: the UE is elsewhere, or does not come.
    DeleteSessionRequest(DeleteSessionRequest),
    /// Type 37, UPE to MME.
    DeleteSessionResponse(GtpCause),
    /// Type 130, new to old MME: a UE has come, what is known of it?
    ContextRequest(ContextRequest),
    /// Type 131, old to new MME: this, or nothing.
    ContextResponse(ContextResponse),
    /// Type 132, new to old MME: it is served, or not.
    ContextAcknowledge(GtpCause),
    /// Type 133, source to target MME: a UE is to come, and here is its context.
    ForwardRelocationRequest(ForwardRelocationRequest),
    /// Type 134, target to source MME: it may, or not.
    ForwardRelocationResponse(ForwardRelocationResponse),
    /// Type 135, target to source MME: it has come.
    ForwardRelocationCompleteNotification,
    /// Type 136, source to target MME.
    ForwardRelocationCompleteAcknowledge(GtpCause),
    /// Type 137, from the UPE that a UE leaves to that which it goes to: what it needs to go on.
    ForwardAccessContextNotification(AccessContextNotification),
    /// Type 138, back.
    ForwardAccessContextAcknowledge(GtpCause),
    /// Type 139, source to target MME: it is not to come.
    RelocationCancelRequest(RelocationCancelRequest),
    /// Type 140, target to source MME.
    RelocationCancelResponse(GtpCause),
    /// Type 166, MME to UPE: the UE is to go to another eNB, or to another UPE.
    CreateForwardingRequest(CreateForwardingRequest),
    /// Type 167, UPE to MME: so it may, or not.
    CreateForwardingResponse(CreateForwardingResponse),
    /// Type 168, MME to UPE: it is not to go.
    DeleteForwardingRequest,
    /// Type 169, UPE to MME.
    DeleteForwardingResponse(GtpCause),
}

/// A message of GTPv2-C: the payload of UDP port 2123.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gtpv2Message {
    /// The receiver's end of the tunnel, 4 octets; 0 in the first message to it.
    pub teid: Teid,
    /// Sequence number, 24 bits: an answer has that of its request.
    pub sequence: u32,
    /// What it says.
    pub body: Gtpv2Body,
}

/// The header as it stands: flags, type, length, TEID, sequence number, spare.
type Header = (u8, u8, u16, u32, u32, u8);

fn header(input: &[u8]) -> IResult<&[u8], Header> {
    (be_u8, be_u8, be_u16, be_u32, be_u24, be_u8).parse(input)
}

impl Gtpv2Body {
    /// The type of the message, 1 octet (TS 29.274 clause 6.1).
    #[must_use]
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::CreateSessionRequest(_) => 32,
            Self::CreateSessionResponse(_) => 33,
            Self::ModifyBearerRequest(_) => 34,
            Self::ModifyBearerResponse(_) => 35,
            Self::DeleteSessionRequest(_) => 36,
            Self::DeleteSessionResponse(_) => 37,
            Self::ContextRequest(_) => 130,
            Self::ContextResponse(_) => 131,
            Self::ContextAcknowledge(_) => 132,
            Self::ForwardRelocationRequest(_) => 133,
            Self::ForwardRelocationResponse(_) => 134,
            Self::ForwardRelocationCompleteNotification => 135,
            Self::ForwardRelocationCompleteAcknowledge(_) => 136,
            Self::ForwardAccessContextNotification(_) => 137,
            Self::ForwardAccessContextAcknowledge(_) => 138,
            Self::RelocationCancelRequest(_) => 139,
            Self::RelocationCancelResponse(_) => 140,
            Self::CreateForwardingRequest(_) => 166,
            Self::CreateForwardingResponse(_) => 167,
            Self::DeleteForwardingRequest => 168,
            Self::DeleteForwardingResponse(_) => 169,
        }
    }

    /// The type of the message that answers it, if it is a request, or an answer that is answered itself.
    #[must_use]
    pub const fn answered_by(&self) -> Option<u8> {
        match self {
            Self::CreateSessionRequest(_)
            | Self::ModifyBearerRequest(_)
            | Self::DeleteSessionRequest(_)
            | Self::ContextRequest(_)
            | Self::ContextResponse(ContextResponse { context: Some(_), .. })
            | Self::ForwardRelocationRequest(_)
            | Self::ForwardRelocationCompleteNotification
            | Self::ForwardAccessContextNotification(_)
            | Self::RelocationCancelRequest(_)
            | Self::CreateForwardingRequest(_)
            | Self::DeleteForwardingRequest => Some(self.message_type() + 1),
            _ => None,
        }
    }

    /// Whether it answers a message.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        matches!(self.message_type(), 33 | 35 | 37 | 131 | 132 | 134 | 136 | 138 | 140 | 167 | 169)
    }

    /// The names of all messages.
    pub const NAMES: &[&str] = &[
        "CreateSessionRequest",
        "CreateSessionResponse",
        "ModifyBearerRequest",
        "ModifyBearerResponse",
        "DeleteSessionRequest",
        "DeleteSessionResponse",
        "ContextRequest",
        "ContextResponse",
        "ContextAcknowledge",
        "ForwardRelocationRequest",
        "ForwardRelocationResponse",
        "ForwardRelocationCompleteNotification",
        "ForwardRelocationCompleteAcknowledge",
        "ForwardAccessContextNotification",
        "ForwardAccessContextAcknowledge",
        "RelocationCancelRequest",
        "RelocationCancelResponse",
        "CreateIndirectDataForwardingTunnelRequest",
        "CreateIndirectDataForwardingTunnelResponse",
        "DeleteIndirectDataForwardingTunnelRequest",
        "DeleteIndirectDataForwardingTunnelResponse",
    ];

    /// The name of the message, e.g. `"ForwardRelocationRequest"`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateSessionRequest(_) => "CreateSessionRequest",
            Self::CreateSessionResponse(_) => "CreateSessionResponse",
            Self::ModifyBearerRequest(_) => "ModifyBearerRequest",
            Self::ModifyBearerResponse(_) => "ModifyBearerResponse",
            Self::DeleteSessionRequest(_) => "DeleteSessionRequest",
            Self::DeleteSessionResponse(_) => "DeleteSessionResponse",
            Self::ContextRequest(_) => "ContextRequest",
            Self::ContextResponse(_) => "ContextResponse",
            Self::ContextAcknowledge(_) => "ContextAcknowledge",
            Self::ForwardRelocationRequest(_) => "ForwardRelocationRequest",
            Self::ForwardRelocationResponse(_) => "ForwardRelocationResponse",
            Self::ForwardRelocationCompleteNotification => "ForwardRelocationCompleteNotification",
            Self::ForwardRelocationCompleteAcknowledge(_) => "ForwardRelocationCompleteAcknowledge",
            Self::ForwardAccessContextNotification(_) => "ForwardAccessContextNotification",
            Self::ForwardAccessContextAcknowledge(_) => "ForwardAccessContextAcknowledge",
            Self::RelocationCancelRequest(_) => "RelocationCancelRequest",
            Self::RelocationCancelResponse(_) => "RelocationCancelResponse",
            Self::CreateForwardingRequest(_) => "CreateIndirectDataForwardingTunnelRequest",
            Self::CreateForwardingResponse(_) => "CreateIndirectDataForwardingTunnelResponse",
            Self::DeleteForwardingRequest => "DeleteIndirectDataForwardingTunnelRequest",
            Self::DeleteForwardingResponse(_) => "DeleteIndirectDataForwardingTunnelResponse",
        }
    }

    fn elements(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::CreateSessionRequest(request) => request.elements(),
            Self::CreateSessionResponse(response) => response.elements(),
            Self::ModifyBearerRequest(request) => request.elements(),
            Self::ModifyBearerResponse(response) => response.elements(),
            Self::DeleteSessionRequest(request) => request.elements(),
            Self::ContextRequest(request) => request.elements(),
            Self::ContextResponse(response) => response.elements(),
            Self::CreateForwardingRequest(request) => request.elements(),
            Self::CreateForwardingResponse(response) => response.elements(),
            Self::ForwardAccessContextNotification(notification) => notification.elements(),
            Self::ForwardRelocationRequest(request) => request.elements(),
            Self::ForwardRelocationResponse(response) => response.elements(),
            Self::ForwardRelocationCompleteNotification | Self::DeleteForwardingRequest => Ok(Vec::new()),
            Self::ContextAcknowledge(cause)
            | Self::ForwardRelocationCompleteAcknowledge(cause)
            | Self::ForwardAccessContextAcknowledge(cause)
            | Self::RelocationCancelResponse(cause)
            | Self::DeleteSessionResponse(cause)
            | Self::DeleteForwardingResponse(cause) => cause.elements(),
            Self::RelocationCancelRequest(request) => request.elements(),
        }
    }
}

impl Gtpv2Message {
    /// The message that `octets` (the whole payload of UDP) are.
    ///
    /// # Errors
    ///
    /// Fewer than 12 octets; another version, a piggybacked message or no TEID; a length that differs from the octets after the
    /// first four; a message that is none of these; an information element that is cut short, missing, or holds something that is
    /// not used here. Offsets count from the first octet of the message.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let Ok((elements, (flags, kind, length, teid, sequence, _))) = header(octets) else {
            let found = format!("{} octets", octets.len());
            return Err(WireError::new(LAYER, octets.len(), "a header of 12 octets", found));
        };
        if flags & USED_FLAGS != FLAGS {
            let expected = "version 2 with a TEID and nothing piggybacked (0x48)";
            return Err(WireError::new(LAYER, 0, expected, format!("{flags:#04x}")));
        }
        let counted = octets.len().saturating_sub(UNCOUNTED_OCTETS);
        if usize::from(length) != counted {
            let expected = format!("length {counted}, the octets after the first four");
            return Err(WireError::new(LAYER, LENGTH_OFFSET, expected, format!("length {length}")));
        }
        let elements = Elements::parse(elements, HEADER_OCTETS)?;
        let body = match kind {
            32 => Gtpv2Body::CreateSessionRequest(CreateSessionRequest::read(&elements)?),
            33 => Gtpv2Body::CreateSessionResponse(CreateSessionResponse::read(&elements)?),
            34 => Gtpv2Body::ModifyBearerRequest(ModifyBearerRequest::read(&elements)?),
            35 => Gtpv2Body::ModifyBearerResponse(ModifyBearerResponse::read(&elements)?),
            36 => Gtpv2Body::DeleteSessionRequest(DeleteSessionRequest::read(&elements)?),
            37 => Gtpv2Body::DeleteSessionResponse(GtpCause::read(&elements)?),
            130 => Gtpv2Body::ContextRequest(ContextRequest::read(&elements)?),
            131 => Gtpv2Body::ContextResponse(ContextResponse::read(&elements)?),
            132 => Gtpv2Body::ContextAcknowledge(GtpCause::read(&elements)?),
            133 => Gtpv2Body::ForwardRelocationRequest(ForwardRelocationRequest::read(&elements)?),
            134 => Gtpv2Body::ForwardRelocationResponse(ForwardRelocationResponse::read(&elements)?),
            135 => Gtpv2Body::ForwardRelocationCompleteNotification,
            136 => Gtpv2Body::ForwardRelocationCompleteAcknowledge(GtpCause::read(&elements)?),
            137 => Gtpv2Body::ForwardAccessContextNotification(AccessContextNotification::read(&elements)?),
            138 => Gtpv2Body::ForwardAccessContextAcknowledge(GtpCause::read(&elements)?),
            139 => Gtpv2Body::RelocationCancelRequest(RelocationCancelRequest::read(&elements)?),
            140 => Gtpv2Body::RelocationCancelResponse(GtpCause::read(&elements)?),
            166 => Gtpv2Body::CreateForwardingRequest(CreateForwardingRequest::read(&elements)?),
            167 => Gtpv2Body::CreateForwardingResponse(CreateForwardingResponse::read(&elements)?),
            168 => Gtpv2Body::DeleteForwardingRequest,
            169 => Gtpv2Body::DeleteForwardingResponse(GtpCause::read(&elements)?),
            other => {
                let expected = "a message of a handover (32 to 37, 130 to 140, 166 to 169)";
                return Err(WireError::new(LAYER, 1, expected, format!("type {other}")));
            }
        };
        Ok(Self { teid: Teid(teid), sequence, body })
    }

    /// The octets of the message, header included.
    ///
    /// # Errors
    ///
    /// A sequence number of more than 24 bits; more than 65535 octets in an information element or in all; a name of a packet
    /// network that is none; more authentication quadruplets than 7, or one too long.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.sequence > LAST_SEQUENCE {
            return Err(WireError::new(LAYER, 8, "a sequence number of 24 bits", self.sequence));
        }
        let elements = self.body.elements()?;
        let counted = elements.len().saturating_add(HEADER_OCTETS - UNCOUNTED_OCTETS);
        let length = length_16(LAYER, LENGTH_OFFSET, counted)?;
        let first = (write_u8(FLAGS), write_u8(self.body.message_type()), write_u16(length));
        let second = (write_u32(self.teid.0), write_u24(self.sequence), write_u8(0));
        serialise(LAYER, tuple((tuple(first), tuple(second), slice(elements))))
    }
}

#[cfg(test)]
mod tests;
