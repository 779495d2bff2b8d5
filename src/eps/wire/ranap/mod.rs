//! RANAP: the messages between RNC and SGSN that relocate a UE, and those by which it attaches, in aligned PER (TS 25.413), and RUA
//! around them (TS 25.468).
//!
//! RANAP says of which UE it speaks by the signalling connection that it comes in, of SCCP. Here the connection is a context of RUA, the
//! adaptation that femtocells have: a number beside the message, over SCTP without SCCP \[choice\]. Every message is a DirectTransfer of
//! the packet-switched domain.
//!
//! A message has the fields that a relocation needs. What the standard makes mandatory besides is the same in every message: one RAB of
//! background class in transparent mode. Information elements that a message has beyond its fields are passed over when it is read.

mod access;
mod asn1;
mod fields;
mod messages;

pub use self::access::{
    DirectTransfer, InitialUeMessage, RabAssignmentRequest, RabAssignmentResponse, SecurityModeCommand,
    SecurityModeComplete, SecurityModeReject,
};
pub use self::fields::{RanapCause, RelocationTarget, RncIdentity};
pub use self::messages::{
    IuReleaseCommand, IuReleaseComplete, RelocationCancel, RelocationCancelAcknowledge, RelocationCommand,
    RelocationComplete, RelocationDetect, RelocationFailure, RelocationPreparationFailure, RelocationRequest,
    RelocationRequestAcknowledge, RelocationRequired, SourceRncContainer, TargetRncContainer, last_visited_cell,
};

use self::asn1::{ConnectionId, Container, Criticality, Domain, Envelope, Field, Fields, Octets, Pdu, RuaPdu};
use self::fields::Ie;
use super::WireError;
use super::message_enum::message_enum;

const LAYER: &str = "RANAP";
/// Procedure code of DirectTransfer in RUA.
const DIRECT_TRANSFER: u8 = 2;

/// Which of the kinds of PDU a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Initiating,
    Successful,
    Unsuccessful,
    Outcome,
}

/// A message of RANAP into its fields and back.
trait Message: Sized {
    /// The kind of PDU.
    const DIRECTION: Direction;
    /// The code of its procedure (TS 25.413 clause 9.3.6).
    const PROCEDURE: u8;
    /// The criticality of the procedure.
    const CRITICALITY: Criticality;

    /// The information elements of this message, in their order.
    fn fields(&self) -> Result<Vec<Field>, WireError>;

    /// The message that such information elements make.
    fn read(received: &Fields) -> Result<Self, WireError>;
}

fn decode<T: rasn::Decode>(octets: &[u8], expected: &'static str) -> Result<T, WireError> {
    rasn::aper::decode(octets).map_err(|error| WireError::new(LAYER, 0, expected, error.kind))
}

fn encode<T: rasn::Encode>(value: &T, expected: &'static str) -> Result<Vec<u8>, WireError> {
    rasn::aper::encode(value).map_err(|error| WireError::new(LAYER, 0, expected, error.kind))
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        message_enum! {
            /// A message of RANAP.
            RanapMessage { $($(#[$doc])* $name,)* }
        }

        impl RanapMessage {
            /// The message that `octets` are.
            ///
            /// # Errors
            ///
            /// Octets that are no PDU of RANAP; a message that is none of these; an information element that is missing, does not
            /// decode or has a value that is not used here. Offsets are 0: fields begin within octets.
            pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
                let (direction, Envelope { procedure, value, .. }) = match decode(octets, "a PDU of RANAP")? {
                    Pdu::Initiating(envelope) => (Direction::Initiating, envelope),
                    Pdu::Successful(envelope) => (Direction::Successful, envelope),
                    Pdu::Unsuccessful(envelope) => (Direction::Unsuccessful, envelope),
                    Pdu::Outcome(envelope) => (Direction::Outcome, envelope),
                };
                let Container { fields, .. } = decode(&value, "a list of information elements")?;
                $(if ($name::DIRECTION, $name::PROCEDURE) == (direction, procedure) {
                    return $name::read(&fields).map(Self::$name);
                })*
                let found = format!("procedure {procedure}, {direction:?}");
                Err(WireError::new(LAYER, 0, "a message of a relocation", found))
            }

            /// The octets of the message.
            ///
            /// # Errors
            ///
            /// A value beyond its range.
            pub fn octets(&self) -> Result<Vec<u8>, WireError> {
                match self {
                    $(Self::$name(message) => pdu(message),)*
                }
            }
        }
    };
}

messages! {
    /// Source RNC to SGSN: a UE is to go to another system.
    RelocationRequired,
    /// SGSN to source RNC: the target has accepted.
    RelocationCommand,
    /// SGSN to source RNC: it is not to be.
    RelocationPreparationFailure,
    /// SGSN to target RNC: a UE is to come, and here are CK and IK.
    RelocationRequest,
    /// Target RNC to SGSN: it may.
    RelocationRequestAcknowledge,
    /// Target RNC to SGSN: it may not.
    RelocationFailure,
    /// Target RNC to SGSN: it has been heard.
    RelocationDetect,
    /// Target RNC to SGSN: it has come.
    RelocationComplete,
    /// Source RNC to SGSN: the relocation is given up.
    RelocationCancel,
    /// SGSN to source RNC: so be it.
    RelocationCancelAcknowledge,
    /// SGSN to RNC: forget a UE.
    IuReleaseCommand,
    /// RNC to SGSN: it is forgotten.
    IuReleaseComplete,
    /// RNC to SGSN: the first message of a UE.
    InitialUeMessage,
    /// RNC to SGSN, SGSN to RNC: a message of a UE, or for it.
    DirectTransfer,
    /// SGSN to RNC: CK and IK, to be taken into use.
    SecurityModeCommand,
    /// RNC to SGSN: the UE has them in use.
    SecurityModeComplete,
    /// RNC to SGSN: it has not.
    SecurityModeReject,
    /// SGSN to RNC: a bearer for a UE.
    RabAssignmentRequest,
    /// RNC to SGSN: it is there.
    RabAssignmentResponse,
}

fn pdu<M: Message>(message: &M) -> Result<Vec<u8>, WireError> {
    let container = Container { fields: Fields(message.fields()?), extensions: None };
    let value = encode(&container, "a message that encodes")?.into();
    let envelope = Envelope { procedure: M::PROCEDURE, criticality: M::CRITICALITY, value };
    let pdu = match M::DIRECTION {
        Direction::Initiating => Pdu::Initiating(envelope),
        Direction::Successful => Pdu::Successful(envelope),
        Direction::Unsuccessful => Pdu::Unsuccessful(envelope),
        Direction::Outcome => Pdu::Outcome(envelope),
    };
    encode(&pdu, "a PDU that encodes")
}

/// A message of RANAP in the signalling connection of its UE: the user data of SCTP port 29169.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IuMessage {
    /// The connection, 24 bits.
    pub connection: u32,
    /// The message.
    pub message: RanapMessage,
}

impl IuMessage {
    /// The message that `octets` are.
    ///
    /// # Errors
    ///
    /// Octets that are no DirectTransfer of RUA, and what [`RanapMessage::parse`] refuses.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let value = match decode(octets, "a PDU of RUA")? {
            RuaPdu::Initiating(Envelope { procedure: DIRECT_TRANSFER, value, .. }) => value,
            _ => return Err(WireError::new("RUA", 0, "a DirectTransfer", "another message")),
        };
        let Container { fields, .. } = decode(&value, "a list of information elements")?;
        let connection = fields.required(Ie::RUA_CONTEXT, |ConnectionId(id)| Ok(fields::of_connection(&id)))?;
        let message = fields.required(Ie::RUA_MESSAGE, |Octets(message)| RanapMessage::parse(&message))?;
        Ok(Self { connection, message })
    }

    /// The octets of the message.
    ///
    /// # Errors
    ///
    /// What [`RanapMessage::octets`] refuses.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let message = Octets(self.message.octets()?.into());
        let fields = Fields(vec![
            Ie::RUA_DOMAIN.with(Criticality::Reject, &Domain(true))?,
            Ie::RUA_CONTEXT.with(Criticality::Reject, &ConnectionId(fields::connection(self.connection)))?,
            Ie::RUA_MESSAGE.with(Criticality::Reject, &message)?,
        ]);
        let value = encode(&Container { fields, extensions: None }, "a message that encodes")?.into();
        let envelope = Envelope { procedure: DIRECT_TRANSFER, criticality: Criticality::Ignore, value };
        encode(&RuaPdu::Initiating(envelope), "a PDU that encodes")
    }
}

#[cfg(test)]
mod tests;
