//! ASN control messages: header and kinds (`dot16-wire.md` 5.1 and 5.2).

use std::fmt;

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::asn_tlv::AsnTlv;
use super::error::{BackboneError, USUAL_OCTETS, length_16, serialise_to};
use super::tlv_list::{append_list, parse_list};
use crate::dot16::identifiers::MsMac;

const LAYER: &str = "ASN control message";
/// The version that the header must carry.
const VERSION: u8 = 1;
/// Octets of the header.
const HEADER_OCTETS: usize = 20;
/// Where the length field stands.
const LENGTH_OFFSET: usize = 4;
/// Where the mobile station stands.
const SUBJECT_OFFSET: usize = 6;

/// Flag T of the header: source and destination identifier TLVs are present.
pub const FLAG_IDENTIFIERS: u8 = 0x02;
/// Flag R of the header: the receiver takes this transaction identifier as the first of a new sequence.
pub const FLAG_RESET_TRANSACTION: u8 = 0x01;

macro_rules! message_kinds {
    ($( $kind:ident = $function:literal, $operation:literal, $number:literal, $name:literal; )*) => {
        /// What a control message is: octets 2 and 3 of the header, that is function type, then operation
        /// (3 high bits: 1 request, 2 response, 3 acknowledgement, 4 indication) and message number (5 low bits).
        ///
        /// The numbers are those of NWG 1.2.1. A known number with another operation is [`Self::Other`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum MessageKind {
            $( #[doc = concat!($name, ": function ", $function, ", operation ", $operation, ", number ", $number, ".")] $kind, )*
            /// Any other pair of octets.
            Other {
                /// Function type, 8 bits.
                function: u8,
                /// Operation, 3 bits; higher bits are not sent.
                operation: u8,
                /// Message number, 5 bits; higher bits are not sent.
                number: u8,
            },
        }

        impl MessageKind {
            /// Every kind with a name.
            pub const NAMED: &[Self] = &[ $( Self::$kind, )* ];

            /// The kind that octets 2 and 3 of the header mean.
            #[must_use]
            pub const fn from_octets(octets: [u8; 2]) -> Self {
                let [function, low] = octets;
                match (function, low >> 5, low & 0x1f) {
                    $( ($function, $operation, $number) => Self::$kind, )*
                    (function, operation, number) => Self::Other { function, operation, number },
                }
            }

            /// Octets 2 and 3 of the header.
            #[must_use]
            pub const fn octets(self) -> [u8; 2] {
                let (function, operation, number) = match self {
                    $( Self::$kind => ($function, $operation, $number), )*
                    Self::Other { function, operation, number } => (function, operation, number),
                };
                [function, (operation & 0x07) << 5 | number & 0x1f]
            }

            /// The name of the message, e.g. `"HO_Req"`; `"other"` if it has none here.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$kind => $name, )*
                    Self::Other { .. } => "other",
                }
            }
        }
    };
}

message_kinds! {
    HoReq = 2, 1, 1, "HO_Req";
    HoRsp = 2, 2, 2, "HO_Rsp";
    HoAck = 2, 3, 3, "HO_Ack";
    HoCnf = 2, 1, 4, "HO_Cnf";
    HoComplete = 2, 1, 5, "HO_Complete";
    PathDeregReq = 3, 1, 1, "Path_Dereg_Req";
    PathDeregRsp = 3, 2, 2, "Path_Dereg_Rsp";
    PathDeregAck = 3, 3, 3, "Path_Dereg_Ack";
    PathModificationReq = 3, 1, 4, "Path_Modification_Req";
    PathModificationRsp = 3, 2, 5, "Path_Modification_Rsp";
    PathModificationAck = 3, 3, 6, "Path_Modification_Ack";
    PathPreregReq = 3, 1, 7, "Path_Prereg_Req";
    PathPreregRsp = 3, 2, 8, "Path_Prereg_Rsp";
    PathPreregAck = 3, 3, 9, "Path_Prereg_Ack";
    PathRegReq = 3, 1, 10, "Path_Reg_Req";
    PathRegRsp = 3, 2, 11, "Path_Reg_Rsp";
    PathRegAck = 3, 3, 12, "Path_Reg_Ack";
    ContextReq = 4, 1, 1, "Context_Req";
    ContextRpt = 4, 2, 2, "Context_Rpt";
    ContextAck = 4, 3, 3, "Context_Ack";
    CmacKeyCountUpdate = 4, 1, 4, "CMAC_Key_Count_Update";
    CmacKeyCountUpdateAck = 4, 3, 5, "CMAC_Key_Count_Update_ACK";
    ArEapStart = 8, 1, 1, "AR_EAP_Start";
    ArEapTransfer = 8, 1, 2, "AR_EAP_Transfer";
    MsPreAttachmentReq = 9, 1, 1, "MS_PreAttachment_Req";
    MsPreAttachmentRsp = 9, 2, 2, "MS_PreAttachment_Rsp";
    MsPreAttachmentAck = 9, 3, 3, "MS_PreAttachment_Ack";
    MsAttachmentReq = 9, 1, 4, "MS_Attachment_Req";
    MsAttachmentRsp = 9, 2, 5, "MS_Attachment_Rsp";
    MsAttachmentAck = 9, 3, 6, "MS_Attachment_Ack";
    KeyChangeDirective = 9, 1, 7, "Key_Change_Directive";
    KeyChangeCnf = 9, 2, 8, "Key_Change_Cnf";
    KeyChangeAck = 9, 3, 9, "Key_Change_Ack";
}

/// The name, with the numbers if it has none.
impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { function, operation, number } => {
                write!(f, "ASN message (function {function}, operation {operation}, number {number})")
            }
            named => f.write_str(named.name()),
        }
    }
}

/// A control message of the ASN: the payload of UDP port 2231.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlMessage {
    /// Flags, 1 octet: [`FLAG_IDENTIFIERS`], [`FLAG_RESET_TRANSACTION`].
    pub flags: u8,
    /// Function, operation and number, 2 octets.
    pub kind: MessageKind,
    /// The mobile station it is about, 6 octets.
    pub ms: MsMac,
    /// Reserved, 4 octets; 0 when sent, kept as found when received.
    pub reserved1: u32,
    /// Transaction identifier, 2 octets: an answer carries that of its request.
    pub transaction: u16,
    /// Reserved, 2 octets; 0 when sent, kept as found when received.
    pub reserved2: u16,
    /// The TLVs, in order.
    pub tlvs: Vec<AsnTlv>,
}

/// The header as it stands: version, flags, kind, length, MSID, reserved, transaction, reserved.
type Header = (u8, u8, [u8; 2], u16, [u8; 6], u32, u16, u16);

fn octets<const N: usize>(input: &[u8]) -> IResult<&[u8], [u8; N]> {
    // `take` gives exactly N octets, so the array is always filled.
    take(N).map_opt(|octets: &[u8]| octets.try_into().ok()).parse(input)
}

fn header(input: &[u8]) -> IResult<&[u8], Header> {
    (be_u8, be_u8, octets::<2>, be_u16, octets::<6>, be_u32, be_u16, be_u16).parse(input)
}

impl ControlMessage {
    /// A message without flags and with reserved fields of 0.
    #[must_use]
    pub const fn new(kind: MessageKind, ms: MsMac, transaction: u16, tlvs: Vec<AsnTlv>) -> Self {
        Self { flags: 0, kind, ms, reserved1: 0, transaction, reserved2: 0, tlvs }
    }

    /// The message that `octets` (the whole payload of UDP) are.
    ///
    /// # Errors
    ///
    /// Fewer than 20 octets, a version other than 1, a length field that differs from the number of octets, a TLV that
    /// is cut short, or TLVs nested more than 8 deep. Unknown kinds and TLVs are not errors.
    pub fn parse(octets: &[u8]) -> Result<Self, BackboneError> {
        let (tlvs, (version, flags, kind, length, ms, reserved1, transaction, reserved2)) =
            header(octets).map_err(|_| {
                BackboneError::new(LAYER, octets.len(), "a header of 20 octets", format!("{} octets", octets.len()))
            })?;
        if version != VERSION {
            return Err(BackboneError::new(LAYER, 0, "version 1", format!("version {version}")));
        }
        if usize::from(length) != octets.len() {
            let expected = format!("length {}, the octets of the message", octets.len());
            return Err(BackboneError::new(LAYER, LENGTH_OFFSET, expected, format!("length {length}")));
        }
        Ok(Self {
            flags,
            kind: MessageKind::from_octets(kind),
            ms: MsMac(ms),
            reserved1,
            transaction,
            reserved2,
            tlvs: parse_list(tlvs, HEADER_OCTETS)?,
        })
    }

    /// The mobile station that the message in `octets` is about, if they are long enough to say.
    pub(super) fn subject(octets: &[u8]) -> Option<MsMac> {
        octets.get(SUBJECT_OFFSET..)?.first_chunk().copied().map(MsMac)
    }

    /// The octets of the message, header included.
    ///
    /// # Errors
    ///
    /// More than 65535 octets in a TLV or in all, or TLVs nested more than 8 deep.
    pub fn octets(&self) -> Result<Vec<u8>, BackboneError> {
        self.append(Vec::with_capacity(USUAL_OCTETS))
    }

    /// The same behind what is in `octets`, from whose start the offsets of errors count.
    pub(super) fn append(&self, octets: Vec<u8>) -> Result<Vec<u8>, BackboneError> {
        let start = octets.len();
        let header = tuple((
            write_u8(VERSION),
            write_u8(self.flags),
            slice(self.kind.octets()),
            // Known when the TLVs stand.
            write_u16(0),
            slice(self.ms.0),
            write_u32(self.reserved1),
            write_u16(self.transaction),
            write_u16(self.reserved2),
        ));
        let mut octets = serialise_to(LAYER, header, octets)?;
        append_list(&self.tlvs, &mut octets)?;
        let at = start.saturating_add(LENGTH_OFFSET);
        let length = length_16(LAYER, at, octets.len().saturating_sub(start))?.to_be_bytes();
        if let Some(place) = octets.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = length;
        }
        Ok(octets)
    }
}

#[cfg(test)]
mod tests;
