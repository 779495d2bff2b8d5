//! Messages of mobility management into octets: security header type 0 and protocol 7, message type, then the fields in the order of
//! TS 24.301 clause 8.2. A field is a value (V), or has its length in 1 octet (LV) or 2 (LV-E), or also a tag in front (TLV).

use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use cookie_factory::{SerializeFn, bytes};

use super::super::WireError;
use super::element::FurtherElement;
use super::emm::{DetachType, EmmMessage, GenericContainer, UpdateFromUtran};
use super::identity::{guti_octets, tai_list};
use super::protection::EMM;
use crate::dot16::wire::serialising::serialised;
use crate::eps::identifiers::{Guti, Tai};

pub(super) const LAYER: &str = "EMM message";
pub(super) const ATTACH_REQUEST: u8 = 0x41;
pub(super) const ATTACH_ACCEPT: u8 = 0x42;
pub(super) const ATTACH_COMPLETE: u8 = 0x43;
pub(super) const ATTACH_REJECT: u8 = 0x44;
pub(super) const DETACH_REQUEST: u8 = 0x45;
pub(super) const DETACH_ACCEPT: u8 = 0x46;
pub(super) const TAU_REQUEST: u8 = 0x48;
pub(super) const TAU_ACCEPT: u8 = 0x49;
pub(super) const TAU_COMPLETE: u8 = 0x4a;
pub(super) const TAU_REJECT: u8 = 0x4b;
pub(super) const AUTHENTICATION_REQUEST: u8 = 0x52;
pub(super) const AUTHENTICATION_RESPONSE: u8 = 0x53;
pub(super) const AUTHENTICATION_REJECT: u8 = 0x54;
pub(super) const AUTHENTICATION_FAILURE: u8 = 0x5c;
pub(super) const SECURITY_MODE_COMMAND: u8 = 0x5d;
pub(super) const SECURITY_MODE_COMPLETE: u8 = 0x5e;
pub(super) const SECURITY_MODE_REJECT: u8 = 0x5f;
pub(super) const DOWNLINK_GENERIC: u8 = 0x68;
pub(super) const UPLINK_GENERIC: u8 = 0x69;
/// Tag of an optional authentication failure parameter.
pub(super) const TAG_AUTS: u8 = 0x30;
/// Tag of an optional HashMME.
pub(super) const TAG_HASH: u8 = 0x4f;
/// Tag of an optional GUTI.
pub(super) const TAG_GUTI: u8 = 0x50;
/// Tag of an optional nonceUE, in a tracking area update request, or replayed in a security mode command; 4 octets without a length.
pub(super) const TAG_NONCE_UE: u8 = 0x55;
/// Tag of an optional nonceMME, likewise.
pub(super) const TAG_NONCE_MME: u8 = 0x56;
/// Tag of an optional UE network capability.
pub(super) const TAG_NETWORK_CAPABILITY: u8 = 0x58;
/// Tag of an optional GPRS ciphering key sequence number, half an octet, with the value in the other half.
pub(super) const HALF_TAG_KEY_SET: u8 = 0x8;
/// Tag of an optional old GUTI type, likewise.
pub(super) const HALF_TAG_GUTI_TYPE: u8 = 0xe;
/// Old GUTI type: mapped.
pub(super) const MAPPED_GUTI: u8 = 1;
/// Tag of an optional TAI list.
pub(super) const TAG_TAI_LIST: u8 = 0x54;
/// The fields of a message that has none.
const NOTHING: &[u8] = &[];
/// Bit of the type of detach.
pub(super) const SWITCH_OFF: u8 = 8;
/// Most octets of a UE network capability.
pub(super) const NETWORK_CAPABILITY: usize = 13;
/// Most octets of a UE security capability.
pub(super) const SECURITY_CAPABILITY: usize = 5;

/// The octets of a message.
pub(super) fn octets(message: &EmmMessage) -> Result<Vec<u8>, WireError> {
    match message {
        EmmMessage::AttachRequest { attach_type, key_set, identity, capability, esm, elements } => {
            let head = key_set.half() << 4 | number("attach type", *attach_type, 7)?;
            let capability = capability.octets(LAYER, NETWORK_CAPABILITY)?;
            let fields = (slice([head]), lv(identity.octets())?, lv(capability)?, lv_e(esm)?, further(elements)?);
            whole(ATTACH_REQUEST, tuple(fields))
        }
        EmmMessage::AttachAccept { result, t3412, tai, esm, guti } => {
            let head = [number("attach result", *result, 7)?, *t3412];
            let fields = (slice(head), lv(tai_list(*tai).to_vec())?, lv_e(esm)?, guti_tlv(guti.as_ref())?);
            whole(ATTACH_ACCEPT, tuple(fields))
        }
        EmmMessage::AttachComplete { esm } => whole(ATTACH_COMPLETE, lv_e(esm)?),
        EmmMessage::AttachReject { cause } => whole(ATTACH_REJECT, slice([cause.0])),
        EmmMessage::DetachRequest { detach_type: DetachType { switch_off, kind }, key_set, identity } => {
            let switch_off = if *switch_off { SWITCH_OFF } else { 0 };
            let head = key_set.half() << 4 | switch_off | number("type of detach", *kind, 7)?;
            whole(DETACH_REQUEST, tuple((slice([head]), lv(identity.octets())?)))
        }
        EmmMessage::NetworkDetachRequest { detach_type } => {
            whole(DETACH_REQUEST, slice([number("type of detach", *detach_type, 7)?]))
        }
        EmmMessage::DetachAccept => whole(DETACH_ACCEPT, slice(NOTHING)),
        EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, old_guti, from_utran } => {
            let head = key_set.half() << 4 | number("update type", *update_type, 15)?;
            let from_utran = from_utran.as_ref().map(update_from_utran).transpose()?.unwrap_or_default();
            whole(TAU_REQUEST, tuple((slice([head]), lv(guti_octets(*old_guti).to_vec())?, slice(from_utran))))
        }
        EmmMessage::TrackingAreaUpdateAccept { result, guti, tai } => {
            let head = number("update result", *result, 7)?;
            let fields = (slice([head]), guti_tlv(guti.as_ref())?, tai_tlv(tai.as_ref())?);
            whole(TAU_ACCEPT, tuple(fields))
        }
        EmmMessage::TrackingAreaUpdateComplete => whole(TAU_COMPLETE, slice(NOTHING)),
        EmmMessage::TrackingAreaUpdateReject { cause } => whole(TAU_REJECT, slice([cause.0])),
        EmmMessage::AuthenticationRequest { key_set, rand, autn } => {
            whole(AUTHENTICATION_REQUEST, tuple((slice([key_set.get()]), slice(rand), lv(autn.to_vec())?)))
        }
        EmmMessage::AuthenticationResponse { res } => {
            if !(4..=16).contains(&res.len()) {
                return Err(refused("RES of 4 to 16 octets", res.len()));
            }
            whole(AUTHENTICATION_RESPONSE, lv(res.clone())?)
        }
        EmmMessage::AuthenticationFailure { cause, auts } => {
            let auts = tlv(TAG_AUTS, auts.map(Vec::from))?;
            whole(AUTHENTICATION_FAILURE, tuple((slice([cause.0]), auts)))
        }
        EmmMessage::AuthenticationReject => whole(AUTHENTICATION_REJECT, slice(NOTHING)),
        EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces, hash, elements } => {
            let capability = capability.octets(LAYER, SECURITY_CAPABILITY)?;
            let nonces = nonces.map(|nonces| [tv(TAG_NONCE_UE, nonces.ue), tv(TAG_NONCE_MME, nonces.mme)].concat());
            let hash = tlv(TAG_HASH, hash.map(Vec::from))?;
            let head = slice([algorithms.octet(), key_set.half()]);
            let fields = (head, lv(capability)?, slice(nonces.unwrap_or_default()), hash, further(elements)?);
            whole(SECURITY_MODE_COMMAND, tuple(fields))
        }
        EmmMessage::SecurityModeComplete { elements } => whole(SECURITY_MODE_COMPLETE, further(elements)?),
        EmmMessage::SecurityModeReject { cause } => whole(SECURITY_MODE_REJECT, slice([*cause])),
        EmmMessage::DownlinkGenericTransport(container) => generic(DOWNLINK_GENERIC, container),
        EmmMessage::UplinkGenericTransport(container) => generic(UPLINK_GENERIC, container),
    }
}

/// The fields behind Old GUTI, in their order.
fn update_from_utran(UpdateFromUtran { key_set, nonce, capability }: &UpdateFromUtran) -> Result<Vec<u8>, WireError> {
    let key_set = HALF_TAG_KEY_SET << 4 | number("key sequence number", *key_set, 7)?;
    let capability = capability.octets(LAYER, NETWORK_CAPABILITY)?;
    let length = u8::try_from(capability.len()).unwrap_or(u8::MAX);
    let before = [&[key_set][..], &tv(TAG_NONCE_UE, *nonce), &[TAG_NETWORK_CAPABILITY, length]].concat();
    Ok([&before[..], &capability, &[HALF_TAG_GUTI_TYPE << 4 | MAPPED_GUTI]].concat())
}

/// TV of a number of 4 octets.
fn tv(tag: u8, value: u32) -> [u8; 5] {
    let [a, b, c, d] = value.to_be_bytes();
    [tag, a, b, c, d]
}

fn generic(message_type: u8, container: &GenericContainer) -> Result<Vec<u8>, WireError> {
    if container.content.is_empty() {
        return Err(refused("a container of at least 1 octet", 0));
    }
    whole(message_type, tuple((slice([container.container_type]), lv_e(&container.content)?)))
}

fn whole(message_type: u8, fields: impl SerializeFn<Vec<u8>>) -> Result<Vec<u8>, WireError> {
    serialised(LAYER, tuple((slice([EMM, message_type]), fields)))
}

/// LV.
fn lv(value: Vec<u8>) -> Result<impl SerializeFn<Vec<u8>>, WireError> {
    let length = u8::try_from(value.len()).map_err(|_| refused("a field of at most 255 octets", value.len()))?;
    Ok(tuple((bytes::be_u8(length), slice(value))))
}

/// LV-E.
fn lv_e(value: &[u8]) -> Result<impl SerializeFn<Vec<u8>> + '_, WireError> {
    let length = u16::try_from(value.len()).map_err(|_| refused("a field of at most 65535 octets", value.len()))?;
    Ok(tuple((bytes::be_u16(length), slice(value))))
}

/// A GUTI, if there is one.
fn guti_tlv(guti: Option<&Guti>) -> Result<impl SerializeFn<Vec<u8>> + use<>, WireError> {
    tlv(TAG_GUTI, guti.map(|guti| guti_octets(*guti).to_vec()))
}

/// A TAI list, if there is one.
fn tai_tlv(tai: Option<&Tai>) -> Result<impl SerializeFn<Vec<u8>> + use<>, WireError> {
    tlv(TAG_TAI_LIST, tai.map(|tai| tai_list(*tai).to_vec()))
}

/// Elements behind a message.
fn further(elements: &[FurtherElement]) -> Result<impl SerializeFn<Vec<u8>> + use<>, WireError> {
    let octets = FurtherElement::octets(elements);
    octets.map(slice).ok_or_else(|| refused("at most 8 elements of tags 78 to 7f", elements.len()))
}

/// TLV, or nothing.
fn tlv(tag: u8, value: Option<Vec<u8>>) -> Result<impl SerializeFn<Vec<u8>>, WireError> {
    let field = value.map(|value| {
        let length = u8::try_from(value.len()).map_err(|_| refused("a field of at most 255 octets", value.len()))?;
        Ok::<_, WireError>([&[tag, length], &value[..]].concat())
    });
    Ok(slice(field.transpose()?.unwrap_or_default()))
}

/// A number of half an octet.
fn number(what: &str, value: u8, most: u8) -> Result<u8, WireError> {
    if value > most {
        return Err(refused(&format!("{what} of at most {most}"), value.into()));
    }
    Ok(value)
}

fn refused(expected: &str, found: usize) -> WireError {
    WireError { layer: LAYER, offset: 2, expected: expected.to_owned().into(), found: found.to_string() }
}
