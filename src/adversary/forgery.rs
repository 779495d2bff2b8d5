//! Frames that nobody but the adversary has made: raw octets, data PDUs of random ciphertext, management messages with a
//! CMAC of random octets, and, for an insider, control messages on the backbone.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::known::Known;
use super::value::{Sight, Value};
use crate::dot16::backbone::asn_code::{bs_role, context_purpose};
use crate::dot16::backbone::{
    AsnTlv, BackboneEndpoint, BackbonePacket, ControlMessage, MessageKind, NodeIdentifier, encapsulate,
};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac};
use crate::dot16::wire::{
    CmacTuple, CrcForm, EncryptedBody, GenericMacHeader, MacPdu, ManagementMessage, RngReq, RngReqTlv, message_name,
};

/// The bit of the PN of an uplink PDU.
const UPLINK_BIT: u32 = 0x8000_0000;

/// A frame to be made when the action runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// These octets as they are.
    Octets(Vec<u8>),
    /// An encrypted data PDU whose ciphertext and ICV are random octets.
    Data {
        /// Its CID.
        cid: Value,
        /// Its EKS, 0 to 3.
        eks: Value,
        /// Its PN without direction bit; the bit is that of the link's direction.
        pn: Value,
        /// Octets of ciphertext.
        length: u16,
    },
    /// A management message.
    Message {
        /// The CID that it is sent on.
        cid: Value,
        /// The message without CMAC_KEY_COUNT and CMAC tuple.
        message: Box<ManagementMessage>,
        /// CMAC_KEY_COUNT of an RNG-REQ, put before the tuple.
        cmac_key_count: Option<Value>,
        /// CMAC_PN of a tuple whose value is random; `None`: no tuple.
        cmac_pn: Option<Value>,
    },
    /// A control message between two ends of the backbone.
    Control {
        /// Whom it claims to be from.
        from: BackboneEndpoint,
        /// Whom it is for.
        to: BackboneEndpoint,
        /// The message: CMAC_Key_Count_Update or Context_Req.
        kind: MessageKind,
        /// The mobile that it is about.
        ms: MsMac,
        /// The base station that it names.
        bsid: Bsid,
        /// CMAC_KEY_COUNT, of a CMAC_Key_Count_Update.
        count: Option<Value>,
    },
}

/// A forged frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forged {
    /// The octets.
    pub octets: Vec<u8>,
    /// What it is, in words.
    pub text: String,
    /// Whether it may be what no reader takes for a frame.
    pub is_rough: bool,
}

impl Forgery {
    /// The frame, for a link towards `direction` on the air.
    ///
    /// # Errors
    /// Why it cannot be made: a value that is not there, a message that does not fit a PDU.
    pub fn make(
        &self,
        direction: Option<Direction>,
        sight: Sight<'_>,
        random: &mut ChaCha20Rng,
    ) -> Result<Forged, String> {
        let crc = sight.known.crc();
        match self {
            Self::Octets(octets) => {
                Ok(Forged { octets: octets.clone(), text: format!("{} octets", octets.len()), is_rough: true })
            }
            Self::Data { cid, eks, pn, length } => {
                let cid = cid_of(cid, sight)?;
                let eks = u8::try_from(sight.number(eks, 3)?).unwrap_or(3);
                let pn = sight.number(pn, !UPLINK_BIT)?;
                let mut ciphertext = vec![0; usize::from(*length)];
                let mut icv = [0; 8];
                random.fill_bytes(&mut ciphertext);
                random.fill_bytes(&mut icv);
                let bit = if direction == Some(Direction::Uplink) { UPLINK_BIT } else { 0 };
                let body = EncryptedBody { pn: pn | bit, ciphertext: &ciphertext, icv }.octets();
                let header = GenericMacHeader { encrypted: true, eks, ..GenericMacHeader::new(cid) };
                let octets = MacPdu::build(header, &body, Some(crc)).map_err(|error| error.to_string())?;
                let text = format!("a data PDU of random octets on {cid}, EKS {eks}, PN {pn}");
                Ok(Forged { octets, text, is_rough: false })
            }
            Self::Message { cid, message, cmac_key_count, cmac_pn } => {
                let cid = cid_of(cid, sight)?;
                let mut message = ManagementMessage::clone(message);
                let mut text = format!("a forged {} on {cid}", message_name(message.message_type()));
                if let Some(count) = cmac_key_count {
                    let count = sight.number(count, u16::MAX.into())?;
                    let count = CmacKeyCount(u16::try_from(count).unwrap_or(u16::MAX));
                    if let ManagementMessage::RngReq(request) = &mut message {
                        request.tlvs.push(RngReqTlv::CmacKeyCount(count));
                    }
                    text.push_str(&format!(", CMAC_KEY_COUNT {count}"));
                }
                if let ManagementMessage::RngReq(request) = &mut message {
                    request.tlvs.push(RngReqTlv::MacVersion(RngReq::MAC_VERSION));
                }
                if let Some(pn) = cmac_pn {
                    let pn = sight.number(pn, u32::MAX)?;
                    let mut value = [0; 8];
                    random.fill_bytes(&mut value);
                    message.push_cmac_tuple(CmacTuple {
                        reserved: 0,
                        ak_sn: AkSequenceNumber(0),
                        bsid: None,
                        pn,
                        value,
                    });
                    text.push_str(&format!(", CMAC_PN {pn}, a random CMAC"));
                }
                let octets = plain(&message, cid, crc)?;
                let is_rough = matches!(message, ManagementMessage::Other { .. });
                Ok(Forged { octets, text, is_rough })
            }
            Self::Control { from, to, kind, ms, bsid, count } => {
                let bs = AsnTlv::BsId(NodeIdentifier::Octets6(bsid.0));
                let mut text = format!("a forged {kind} of {bsid}");
                let tlvs = match count {
                    Some(count) => {
                        let number = sight.number(count, u16::MAX.into())?;
                        let count = CmacKeyCount(u16::try_from(number).unwrap_or(u16::MAX));
                        text.push_str(&format!(", count {count}"));
                        let info = AsnTlv::MsInfo(vec![AsnTlv::AkContext(vec![AsnTlv::CmacKeyCount(count)])]);
                        vec![info, AsnTlv::BsInfo(vec![bs, AsnTlv::ServingTargetIndicator(bs_role::SERVING)])]
                    }
                    None => {
                        vec![AsnTlv::ContextPurpose(context_purpose::MS_AK_CONTEXT), AsnTlv::BsInfo(vec![bs])]
                    }
                };
                // A random transaction: it answers nothing, and repeats nothing.
                let transaction = u16::try_from(random.next_u32() >> 17).unwrap_or(0) | 0x8000;
                let packet = BackbonePacket::Control(ControlMessage::new(*kind, *ms, transaction, tlvs));
                let octets = encapsulate(from, to, transaction, &packet).map_err(|error| error.to_string())?;
                Ok(Forged { octets, text, is_rough: false })
            }
        }
    }
}

fn cid_of(value: &Value, sight: Sight<'_>) -> Result<Cid, String> {
    let number = sight.number(value, u16::MAX.into())?;
    Ok(Cid(u16::try_from(number).unwrap_or(u16::MAX)))
}

fn plain(message: &ManagementMessage, cid: Cid, crc: CrcForm) -> Result<Vec<u8>, String> {
    let body = message.octets().map_err(|error| error.to_string())?;
    MacPdu::build(GenericMacHeader::new(cid), &body, Some(crc)).map_err(|error| error.to_string())
}

/// Whether every reader of this crate takes a frame on the air for what it is: its PDUs have right checksums, and its
/// management messages can be read.
#[must_use]
pub fn is_sound(frame: &[u8], known: &Known) -> bool {
    MacPdu::burst(frame).all(|pdu| {
        pdu.is_ok_and(|pdu| {
            let checked = pdu.crc.is_none() || pdu.crc_form() == Some(known.crc());
            let read =
                !pdu.header.cid.is_management() || !pdu.header.encrypted && ManagementMessage::parse(pdu.body).is_ok();
            checked && read
        })
    })
}
