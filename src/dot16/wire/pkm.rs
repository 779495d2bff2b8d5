//! PKM-REQ, type 9, and PKM-RSP, type 10: privacy key management (802.16-2009 clauses 6.3.2.3.9 and 11.9; `dot16-wire.md` 3.5).

use cookie_factory::bytes::be_u8 as write_be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::number::complete::be_u8;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::parsing::{expect, finish};
use super::pkm_attributes::{CmacDigest, PkmErrorCode, SaDescriptor, SecurityNegotiation};
use super::sa_tek_update::{SaTekUpdate, TekParameters};
use super::serialising::serialised;
use super::typed_tlv::{first, list, typed_tlvs};
use super::vendor::VendorTlv;
use crate::dot16::identifiers::{AkId, AkSequenceNumber, MsMac, Said};

typed_tlvs! {
    /// An attribute of PKM-REQ or PKM-RSP: the type and the form of length are those of a TLV.
    pub enum PkmAttribute {
        /// Display string: text for a reader, no terminator.
        DisplayString(Vec<u8>) = 6,
        /// TEK, encrypted with the KEK: 24 octets with AES key wrap, 16 with AES-ECB. Stands inside TEK parameters.
        Tek(Vec<u8>) = 8,
        /// Key lifetime, 4 octets, seconds.
        KeyLifetime(u32) = 9,
        /// Key sequence number, 1 octet: that of the AK in the low 4 bits.
        KeySequenceNumber(u8) = 10,
        /// SAID, 2 octets.
        Said(Said) = 12,
        /// TEK parameters: TEK, lifetime and TEK sequence number; in Key-Reply those of the older TEK come first.
        TekParameters(TekParameters) = 13,
        /// Error code, 1 octet.
        ErrorCode(PkmErrorCode) = 16,
        /// Cryptographic suite, 3 octets: encryption, authentication, TEK encryption.
        CryptographicSuite([u8; 3]) = 20,
        /// SA descriptor.
        SaDescriptor(SaDescriptor) = 23,
        /// Security negotiation parameters.
        SecurityNegotiation(SecurityNegotiation) = 25,
        /// EAP payload: one EAP packet.
        EapPayload(Vec<u8>) = 28,
        /// Nonce, 8 octets.
        Nonce([u8; 8]) = 29,
        /// Auth result code, 1 octet: 0 is success.
        AuthResultCode(u8) = 30,
        /// Frame number, 3 octets.
        FrameNumber([u8; 3]) = 32,
        /// MS_Random, 8 octets.
        MsRandom([u8; 8]) = 33,
        /// BS_Random, 8 octets.
        BsRandom([u8; 8]) = 34,
        /// SA-TEK-Update. The attribute's own number is not known here; 38 is the number in REG-RSP (`dot16-wire.md` 4.5), and
        /// Wireshark shows it as the octets of another attribute.
        SaTekUpdate(SaTekUpdate) = 38,
        /// MS MAC address, 6 octets.
        MsMacAddress(MsMac) = 39,
        /// CMAC digest, 12 octets: the last attribute of a protected message.
        CmacDigest(CmacDigest) = 40,
        /// AKID, 8 octets.
        AkId(AkId) = 45,
        /// Vendor-specific information.
        Vendor(VendorTlv) = 143,
    }
}

/// Code of a PKM message, 1 octet. Codes without a name are kept, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PkmCode(pub u8);

impl PkmCode {
    /// PKMv2 EAP-Start, PKM-REQ.
    pub const EAP_START: Self = Self(17);
    /// PKMv2 EAP-Transfer, both directions.
    pub const EAP_TRANSFER: Self = Self(18);
    /// PKMv2 SA-TEK-Challenge, PKM-RSP.
    pub const SA_TEK_CHALLENGE: Self = Self(20);
    /// PKMv2 SA-TEK-Request, PKM-REQ.
    pub const SA_TEK_REQUEST: Self = Self(21);
    /// PKMv2 SA-TEK-Response, PKM-RSP.
    pub const SA_TEK_RESPONSE: Self = Self(22);
    /// PKMv2 Key-Request, PKM-REQ.
    pub const KEY_REQUEST: Self = Self(23);
    /// PKMv2 Key-Reply, PKM-RSP.
    pub const KEY_REPLY: Self = Self(24);
    /// PKMv2 Key-Reject, PKM-RSP.
    pub const KEY_REJECT: Self = Self(25);
    /// PKMv2 TEK-Invalid, PKM-RSP.
    pub const TEK_INVALID: Self = Self(27);
    /// PKMv2 EAP-Complete, PKM-RSP.
    pub const EAP_COMPLETE: Self = Self(29);

    /// Whether it is part of EAP or of the SA-TEK handshake.
    #[must_use]
    pub const fn is_authentication(self) -> bool {
        matches!(
            self,
            Self::EAP_START
                | Self::EAP_TRANSFER
                | Self::EAP_COMPLETE
                | Self::SA_TEK_CHALLENGE
                | Self::SA_TEK_REQUEST
                | Self::SA_TEK_RESPONSE
        )
    }

    /// The name of the message, `None` for a code without a name here.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::EAP_START => "EAP-Start",
            Self::EAP_TRANSFER => "EAP-Transfer",
            Self::SA_TEK_CHALLENGE => "SA-TEK-Challenge",
            Self::SA_TEK_REQUEST => "SA-TEK-Request",
            Self::SA_TEK_RESPONSE => "SA-TEK-Response",
            Self::KEY_REQUEST => "Key-Request",
            Self::KEY_REPLY => "Key-Reply",
            Self::KEY_REJECT => "Key-Reject",
            Self::TEK_INVALID => "TEK-Invalid",
            Self::EAP_COMPLETE => "EAP-Complete",
            _ => return None,
        })
    }
}

/// What follows the type octet of PKM-REQ and PKM-RSP alike: `code | identifier | attributes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkmMessage {
    /// Which message it is, 1 octet.
    pub code: PkmCode,
    /// Tells the requests of one sender apart, 1 octet; an answer carries that of its request.
    pub identifier: u8,
    /// The attributes, in order. A getter gives the first of its type.
    pub attributes: Vec<PkmAttribute>,
}

impl PkmMessage {
    /// Message type of PKM-REQ.
    pub const REQ: u8 = 9;
    /// Message type of PKM-RSP.
    pub const RSP: u8 = 10;

    const LAYER: &'static str = "PKM";

    /// Reads a whole message of either type, type octet first.
    ///
    /// # Errors
    /// No type octet, no code or identifier, or octets after them that are not TLVs.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let mut parser =
            (expect("a message type", be_u8), expect("the PKM code", be_u8), expect("the PKM identifier", be_u8), list)
                .map(|(_, code, identifier, attributes)| Self { code: PkmCode(code), identifier, attributes });
        finish(Self::LAYER, message, parser.parse(message)).map(|(_, message)| message)
    }

    /// The whole message of type `message_type`, [`REQ`](Self::REQ) or [`RSP`](Self::RSP), type octet first.
    ///
    /// # Errors
    /// An attribute that cannot be written.
    pub fn octets(&self, message_type: u8) -> Result<Vec<u8>, WireError> {
        let attributes = PkmAttribute::octets_of_all(&self.attributes)?;
        let fixed = (write_be_u8(message_type), write_be_u8(self.code.0), write_be_u8(self.identifier));
        serialised(Self::LAYER, tuple((fixed.0, fixed.1, fixed.2, slice(attributes))))
    }

    /// The AK sequence number: the low 4 bits of the key sequence number.
    #[must_use]
    pub fn ak_sn(&self) -> Option<AkSequenceNumber> {
        first!(self.attributes, PkmAttribute::KeySequenceNumber).map(|number| AkSequenceNumber(number & 0xf))
    }

    /// AKID.
    #[must_use]
    pub fn akid(&self) -> Option<AkId> {
        first!(self.attributes, PkmAttribute::AkId).copied()
    }

    /// Key lifetime in seconds.
    #[must_use]
    pub fn key_lifetime(&self) -> Option<u32> {
        first!(self.attributes, PkmAttribute::KeyLifetime).copied()
    }

    /// SAID.
    #[must_use]
    pub fn said(&self) -> Option<Said> {
        first!(self.attributes, PkmAttribute::Said).copied()
    }

    /// Nonce of Key-Request and its answers.
    #[must_use]
    pub fn nonce(&self) -> Option<[u8; 8]> {
        first!(self.attributes, PkmAttribute::Nonce).copied()
    }

    /// MS_Random of the SA-TEK handshake.
    #[must_use]
    pub fn ms_random(&self) -> Option<[u8; 8]> {
        first!(self.attributes, PkmAttribute::MsRandom).copied()
    }

    /// BS_Random of the SA-TEK handshake.
    #[must_use]
    pub fn bs_random(&self) -> Option<[u8; 8]> {
        first!(self.attributes, PkmAttribute::BsRandom).copied()
    }

    /// Error code.
    #[must_use]
    pub fn error_code(&self) -> Option<PkmErrorCode> {
        first!(self.attributes, PkmAttribute::ErrorCode).copied()
    }

    /// The EAP packet.
    #[must_use]
    pub fn eap_payload(&self) -> Option<&[u8]> {
        first!(self.attributes, PkmAttribute::EapPayload).map(Vec::as_slice)
    }

    /// Security negotiation parameters.
    #[must_use]
    pub fn security_negotiation(&self) -> Option<&SecurityNegotiation> {
        first!(self.attributes, PkmAttribute::SecurityNegotiation)
    }

    /// Vendor-specific information.
    #[must_use]
    pub fn vendor(&self) -> Option<&VendorTlv> {
        first!(self.attributes, PkmAttribute::Vendor)
    }

    /// The TEK parameters, in order: in Key-Reply those of the older TEK and those of the newer.
    pub fn tek_parameters(&self) -> impl Iterator<Item = &TekParameters> {
        self.attributes.iter().filter_map(|attribute| match attribute {
            PkmAttribute::TekParameters(parameters) => Some(parameters),
            _ => None,
        })
    }

    /// The SA descriptors, in order.
    pub fn sa_descriptors(&self) -> impl Iterator<Item = &SaDescriptor> {
        self.attributes.iter().filter_map(|attribute| match attribute {
            PkmAttribute::SaDescriptor(descriptor) => Some(descriptor),
            _ => None,
        })
    }

    /// The SA-TEK-Updates, in order.
    pub fn sa_tek_updates(&self) -> impl Iterator<Item = &SaTekUpdate> {
        self.attributes.iter().filter_map(|attribute| match attribute {
            PkmAttribute::SaTekUpdate(update) => Some(update),
            _ => None,
        })
    }

    /// What a CMAC tuple says in other messages: the CMAC digest, if it is the last attribute, with the AK sequence number of
    /// the key sequence number attribute. `None` without either: no key could be chosen.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<CmacTuple> {
        let Some(PkmAttribute::CmacDigest(digest)) = self.attributes.last() else { return None };
        let ak_sn = self.ak_sn()?;
        Some(CmacTuple { reserved: 0, ak_sn, bsid: None, pn: digest.pn, value: digest.value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_counts_only_as_the_last_attribute_and_with_a_key_sequence_number() {
        let digest = "280c0000000379a325723c258d92";
        let parse = |text: String| PkmMessage::parse(&hex::decode(text).unwrap()).unwrap();
        let signed = parse(format!("0a14010a0117{digest}"));
        let tuple = signed.cmac_tuple().unwrap();
        assert_eq!((tuple.ak_sn, tuple.pn, tuple.value[0]), (AkSequenceNumber(7), 3, 0x79), "the low 4 bits");
        assert_eq!(parse(format!("0a1401{digest}0a0107")).cmac_tuple(), None);
        assert_eq!(parse(format!("0a1401{digest}")).cmac_tuple(), None);
    }

    #[test]
    fn codes_without_a_name_are_kept() {
        let octets = [9, 99, 7, 200, 2, 1, 2];
        let message = PkmMessage::parse(&octets).unwrap();
        assert_eq!((message.code, message.code.name(), message.identifier), (PkmCode(99), None, 7));
        assert_eq!(message.octets(PkmMessage::REQ).unwrap(), octets);
    }

    #[test]
    fn names_are_those_of_the_reference() {
        let names = [(17, "EAP-Start"), (20, "SA-TEK-Challenge"), (23, "Key-Request"), (27, "TEK-Invalid")];
        for (code, name) in names {
            assert_eq!(PkmCode(code).name(), Some(name));
        }
    }

    #[test]
    fn a_key_reply_gives_the_older_parameters_first() {
        let parameters = |sequence_number| TekParameters {
            wrapped_tek: vec![0xaa; 24],
            lifetime: 3600,
            sequence_number,
            other: vec![],
        };
        let reply = PkmMessage {
            code: PkmCode::KEY_REPLY,
            identifier: 1,
            attributes: vec![
                PkmAttribute::KeySequenceNumber(4),
                PkmAttribute::Said(Said(5)),
                PkmAttribute::TekParameters(parameters(2)),
                PkmAttribute::TekParameters(parameters(3)),
                PkmAttribute::Nonce([7; 8]),
            ],
        };
        let parsed = PkmMessage::parse(&reply.octets(PkmMessage::RSP).unwrap()).unwrap();
        assert_eq!(parsed.tek_parameters().map(|tek| tek.sequence_number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(
            (parsed.said(), parsed.nonce(), parsed.ak_sn()),
            (Some(Said(5)), Some([7; 8]), Some(AkSequenceNumber(4)))
        );
        assert_eq!(parsed, reply);
    }

    #[test]
    fn a_fault_is_told_with_its_offset_in_the_message() {
        for (octets, offset) in [(&[9][..], 1), (&[9, 20], 2), (&[10, 20, 1, 12, 2, 0], 5)] {
            let error = PkmMessage::parse(octets).unwrap_err();
            assert_eq!((error.layer, error.offset), ("PKM", offset), "{octets:?}");
        }
    }
}
