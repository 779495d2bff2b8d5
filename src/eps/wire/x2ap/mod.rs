//! X2AP: the messages between eNBs that a handover needs, in aligned PER (TS 36.423; `eps-systems.md` 1.5 and 5.6).
//!
//! A message has the fields that a handover needs. What the standard makes mandatory besides is the same in every message: the QoS of
//! [`wire::ue_context`](super::ue_context), and a small source cell in which the UE was for [`SECONDS_IN_SOURCE_CELL`]. Information
//! elements that a message has beyond its fields are passed over when it is read.

mod asn1;
pub mod cause;
mod fields;
mod messages;

pub use self::cause::{MiscCause, ProtocolCause, RadioNetworkCause, TransportCause, X2apCause};
pub use self::messages::{
    AdmittedBearer, HandoverCancel, HandoverPreparationFailure, HandoverRequest, HandoverRequestAcknowledge,
    SnStatusTransfer, UeContextRelease,
};

use self::asn1::{Container, Criticality, Envelope, Field, Pdu};
use super::WireError;
use super::message_enum::message_enum;

const LAYER: &str = "X2AP";
/// How long the UE was in the source cell, in seconds, in every message.
pub const SECONDS_IN_SOURCE_CELL: u16 = 1;

/// Which of the three kinds of PDU a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Initiating,
    Successful,
    Unsuccessful,
}

/// A message of X2AP into its fields and back.
trait Message: Sized {
    /// The kind of PDU.
    const DIRECTION: Direction;
    /// The code of its procedure (TS 36.423 clause 9.3.7).
    const PROCEDURE: u8;
    /// The criticality of the procedure.
    const CRITICALITY: Criticality;

    /// The information elements of this message, in their order.
    fn fields(&self) -> Result<Vec<Field>, WireError>;

    /// The message that such information elements make.
    fn read(received: &Received) -> Result<Self, WireError>;
}

/// The information elements of a message that was received, each with the offset at which its value begins.
struct Received(Vec<(usize, Field)>);

/// Octets of a length below 16,384, as it stands before an open type (X.691 clause 11.9).
const fn length_octets(length: usize) -> usize {
    if length < 128 { 1 } else { 2 }
}

impl Received {
    /// Octets before the length of a message: choice, procedure code, criticality.
    const BEFORE_MESSAGE: usize = 3;
    /// Octets before the first information element in a message: extension bit, count.
    const BEFORE_FIELDS: usize = 3;
    /// Octets before the length of the value of an information element: number, criticality.
    const BEFORE_VALUE: usize = 3;

    /// Those of the message `value` of a PDU.
    fn open(value: &[u8]) -> Result<Self, WireError> {
        let start = Self::BEFORE_MESSAGE + length_octets(value.len());
        let fields =
            decode::<Container>(value, "a list of information elements").map_err(|error| error.shifted(start))?;
        let mut end = start + Self::BEFORE_FIELDS;
        let placed = fields.fields.into_iter().map(|field| {
            let begin = end.saturating_add(Self::BEFORE_VALUE + length_octets(field.value.len()));
            end = begin.saturating_add(field.value.len());
            (begin, field)
        });
        Ok(Self(placed.collect()))
    }
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
            /// A message of X2AP: the user data of SCTP port 36422.
            X2apMessage { $($(#[$doc])* $name,)* }
        }

        impl X2apMessage {
            /// The message that `octets` are.
            ///
            /// # Errors
            ///
            /// Octets that are no X2AP PDU; a message that is none of these; an information element that is missing, does not
            /// decode or has a value that is not used here, such as an address other than IPv4.
            pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
                let (direction, Envelope { procedure, value, .. }) = match decode(octets, "a PDU of X2AP")? {
                    Pdu::Initiating(envelope) => (Direction::Initiating, envelope),
                    Pdu::Successful(envelope) => (Direction::Successful, envelope),
                    Pdu::Unsuccessful(envelope) => (Direction::Unsuccessful, envelope),
                };
                let received = Received::open(&value)?;
                $(if ($name::DIRECTION, $name::PROCEDURE) == (direction, procedure) {
                    return $name::read(&received).map(Self::$name);
                })*
                let found = format!("procedure {procedure}, {direction:?}");
                Err(WireError::new(LAYER, 0, "a message of a handover", found))
            }

            /// The octets of the message.
            ///
            /// # Errors
            ///
            /// A list of bearers that is empty or has more than 256.
            pub fn octets(&self) -> Result<Vec<u8>, WireError> {
                match self {
                    $(Self::$name(message) => pdu(message),)*
                }
            }
        }
    };
}

messages! {
    /// Source to target: a UE is to come, and here is KeNB*.
    HandoverRequest,
    /// Target to source: it may.
    HandoverRequestAcknowledge,
    /// Target to source: it may not.
    HandoverPreparationFailure,
    /// Source to target: the COUNTs of the bearers.
    SnStatusTransfer,
    /// Target to source: it has come, forget it.
    UeContextRelease,
    /// Source to target: the handover is given up.
    HandoverCancel,
}

fn pdu<M: Message>(message: &M) -> Result<Vec<u8>, WireError> {
    let value = encode(&Container { fields: message.fields()? }, "a message that encodes")?.into();
    let envelope = Envelope { procedure: M::PROCEDURE, criticality: M::CRITICALITY, value };
    let pdu = match M::DIRECTION {
        Direction::Initiating => Pdu::Initiating(envelope),
        Direction::Successful => Pdu::Successful(envelope),
        Direction::Unsuccessful => Pdu::Unsuccessful(envelope),
    };
    encode(&pdu, "a PDU that encodes")
}

#[cfg(test)]
mod tests;
