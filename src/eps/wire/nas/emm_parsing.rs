//! Octets into messages of mobility management; the layouts are those of `emm_octets.rs`.

use nom::Parser;
use nom::bytes::complete::{tag, take};
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::super::WireError;
use super::capability::{NasAlgorithms, UeCapability};
use super::element::FurtherElement;
use super::emm::{DetachType, EmmCause, EmmMessage, GenericContainer, HASH_OCTETS, Nonces, UpdateFromUtran};
use super::emm_octets as layout;
use super::identity::{EpsMobileIdentity, GUTI_OCTETS, NasKsi, guti, one_tai};
use super::protection::EMM;
use crate::dot16::wire::parsing::{Fault, Parsed, expect, finish, octets};

/// Reads a message.
pub(super) fn parse(input: &[u8]) -> Result<EmmMessage, WireError> {
    let result = message(input).and_then(|(rest, message)| match rest {
        [] => Ok((rest, message)),
        _ => Err(Fault::error(rest, "the end")),
    });
    finish(layout::LAYER, input, result).map(|(_, message)| message)
}

fn message(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (at_type, _) = expect("security header type 0 and protocol 7", tag(&[EMM][..])).parse(input)?;
    let (rest, message_type) = expect("a message type", be_u8).parse(at_type)?;
    match message_type {
        layout::ATTACH_REQUEST => attach_request(rest),
        layout::ATTACH_ACCEPT => attach_accept(rest),
        layout::ATTACH_COMPLETE => lv_e.map(|esm| EmmMessage::AttachComplete { esm: esm.to_vec() }).parse(rest),
        layout::ATTACH_REJECT => cause.map(|cause| EmmMessage::AttachReject { cause }).parse(rest),
        layout::DETACH_REQUEST => detach_request(rest),
        layout::DETACH_ACCEPT => Ok((rest, EmmMessage::DetachAccept)),
        layout::TAU_REQUEST => tau_request(rest),
        layout::TAU_ACCEPT => tau_accept(rest),
        layout::TAU_COMPLETE => Ok((rest, EmmMessage::TrackingAreaUpdateComplete)),
        layout::TAU_REJECT => cause.map(|cause| EmmMessage::TrackingAreaUpdateReject { cause }).parse(rest),
        layout::AUTHENTICATION_REQUEST => authentication_request(rest),
        layout::AUTHENTICATION_RESPONSE => {
            lv(4..=16, all).map(|res| EmmMessage::AuthenticationResponse { res: res.to_vec() }).parse(rest)
        }
        layout::AUTHENTICATION_FAILURE => authentication_failure(rest),
        layout::AUTHENTICATION_REJECT => Ok((rest, EmmMessage::AuthenticationReject)),
        layout::SECURITY_MODE_COMMAND => security_mode_command(rest),
        layout::SECURITY_MODE_COMPLETE => {
            FurtherElement::parse.map(|elements| EmmMessage::SecurityModeComplete { elements }).parse(rest)
        }
        layout::SECURITY_MODE_REJECT => {
            expect("EMM cause", be_u8).map(|cause| EmmMessage::SecurityModeReject { cause }).parse(rest)
        }
        layout::DOWNLINK_GENERIC => generic.map(EmmMessage::DownlinkGenericTransport).parse(rest),
        layout::UPLINK_GENERIC => generic.map(EmmMessage::UplinkGenericTransport).parse(rest),
        _ => Err(Fault::error(at_type, "the type of a message that is carried here")),
    }
}

fn attach_request(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (input, (key_set, attach_type)) = key_set_and_type(7)(input)?;
    let (input, identity) = lv(4..=11, EpsMobileIdentity::parse).parse(input)?;
    let (input, capability) = lv(2..=layout::NETWORK_CAPABILITY, UeCapability::parse).parse(input)?;
    let (input, esm) = lv_e(input)?;
    let (input, elements) = FurtherElement::parse(input)?;
    let esm = esm.to_vec();
    Ok((input, EmmMessage::AttachRequest { attach_type, key_set, identity, capability, esm, elements }))
}

fn attach_accept(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (input, result) = low_half(7)(input)?;
    let (input, t3412) = expect("T3412 value", be_u8).parse(input)?;
    let (input, tai) = lv(6..=6, one_tai).parse(input)?;
    let (input, esm) = lv_e(input)?;
    let (input, guti) = optional(layout::TAG_GUTI, GUTI_OCTETS, guti)(input)?;
    Ok((input, EmmMessage::AttachAccept { result, t3412, tai, esm: esm.to_vec(), guti }))
}

/// Of the UE, which says who it is, or of the network, which does not.
fn detach_request(input: &[u8]) -> Parsed<'_, EmmMessage> {
    if input.len() <= 1 {
        return low_half(7).map(|detach_type| EmmMessage::NetworkDetachRequest { detach_type }).parse(input);
    }
    let (input, (key_set, detach_type)) = key_set_and_type(15)(input)?;
    let (switch_off, kind) = (detach_type & layout::SWITCH_OFF != 0, detach_type & !layout::SWITCH_OFF);
    let (input, identity) = lv(4..=11, EpsMobileIdentity::parse).parse(input)?;
    let detach_type = DetachType { switch_off, kind };
    Ok((input, EmmMessage::DetachRequest { detach_type, key_set, identity }))
}

fn tau_request(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (input, (key_set, update_type)) = key_set_and_type(15)(input)?;
    let (input, old_guti) = lv(GUTI_OCTETS..=GUTI_OCTETS, guti).parse(input)?;
    let (input, from_utran) = match input {
        [] => (input, None),
        _ => update_from_utran.map(Some).parse(input)?,
    };
    Ok((input, EmmMessage::TrackingAreaUpdateRequest { update_type, key_set, old_guti, from_utran }))
}

fn update_from_utran(input: &[u8]) -> Parsed<'_, UpdateFromUtran> {
    let key_set = |octet: u8| (octet >> 4 == layout::HALF_TAG_KEY_SET && octet & 0xf <= 7).then_some(octet & 7);
    let (input, key_set) = expect("a GPRS ciphering key sequence number (8x)", be_u8.map_opt(key_set)).parse(input)?;
    let (input, nonce) = nonce(layout::TAG_NONCE_UE, "nonceUE (55), 4 octets")(input)?;
    let (input, _) = expect("UE network capability (58)", tag(&[layout::TAG_NETWORK_CAPABILITY][..])).parse(input)?;
    let (input, capability) = lv(2..=layout::NETWORK_CAPABILITY, UeCapability::parse).parse(input)?;
    let mapped = [layout::HALF_TAG_GUTI_TYPE << 4 | layout::MAPPED_GUTI];
    let (input, _) = expect("old GUTI type: mapped (e1)", tag(&mapped[..])).parse(input)?;
    Ok((input, UpdateFromUtran { key_set, nonce, capability }))
}

/// A nonce behind its tag.
fn nonce<'a>(wanted: u8, what: &'static str) -> impl Fn(&'a [u8]) -> Parsed<'a, u32> {
    move |input| expect(what, (be_u8, be_u32).map_opt(|(found, nonce)| (found == wanted).then_some(nonce))).parse(input)
}

fn tau_accept(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (input, result) = low_half(7)(input)?;
    let (input, guti) = optional(layout::TAG_GUTI, GUTI_OCTETS, guti)(input)?;
    let (input, tai) = optional(layout::TAG_TAI_LIST, 6, one_tai)(input)?;
    Ok((input, EmmMessage::TrackingAreaUpdateAccept { result, guti, tai }))
}

fn authentication_request(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (input, key_set) = low_half(7)(input)?;
    let (input, rand) = expect("RAND, 16 octets", octets::<16, Fault<'_>>).parse(input)?;
    let (input, autn) = lv(16..=16, expect("AUTN, 16 octets", octets::<16, Fault<'_>>)).parse(input)?;
    Ok((input, EmmMessage::AuthenticationRequest { key_set: NasKsi::new(key_set), rand, autn }))
}

fn authentication_failure(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (input, cause) = cause(input)?;
    let auts = expect("AUTS, 14 octets", octets::<14, Fault<'_>>);
    let (input, auts) = match input.split_first() {
        Some((&layout::TAG_AUTS, rest)) => lv(14..=14, auts).map(Some).parse(rest)?,
        _ => (input, None),
    };
    Ok((input, EmmMessage::AuthenticationFailure { cause, auts }))
}

fn cause(input: &[u8]) -> Parsed<'_, EmmCause> {
    expect("EMM cause", be_u8).map(EmmCause).parse(input)
}

fn security_mode_command(input: &[u8]) -> Parsed<'_, EmmMessage> {
    let (input, algorithms) = NasAlgorithms::parse(input)?;
    let (input, key_set) = low_half(15)(input)?;
    let (input, capability) = lv(2..=layout::SECURITY_CAPABILITY, UeCapability::parse).parse(input)?;
    let (input, nonces) = match input.split_first() {
        Some((&layout::TAG_NONCE_UE, _)) => {
            let (input, ue) = nonce(layout::TAG_NONCE_UE, "nonceUE (55), 4 octets")(input)?;
            let (input, mme) = nonce(layout::TAG_NONCE_MME, "nonceMME (56), 4 octets")(input)?;
            (input, Some(Nonces { ue, mme }))
        }
        _ => (input, None),
    };
    let hash = expect("HashMME, 8 octets", octets::<HASH_OCTETS, Fault<'_>>);
    let (input, hash) = match input.split_first() {
        Some((&layout::TAG_HASH, rest)) => lv(HASH_OCTETS..=HASH_OCTETS, hash).map(Some).parse(rest)?,
        _ => (input, None),
    };
    let (input, elements) = FurtherElement::parse(input)?;
    let key_set = NasKsi::of_half(key_set);
    Ok((input, EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces, hash, elements }))
}

fn generic(input: &[u8]) -> Parsed<'_, GenericContainer> {
    let (at_length, container_type) = expect("a container type", be_u8).parse(input)?;
    let (input, content) = lv_e(at_length)?;
    if content.is_empty() {
        return Err(Fault::error(at_length, "a container of at least 1 octet"));
    }
    Ok((input, GenericContainer { container_type, content: content.to_vec() }))
}

/// An octet with 0 above and a number of at most `most` below.
fn low_half<'a>(most: u8) -> impl Fn(&'a [u8]) -> Parsed<'a, u8> {
    move |input| match input.split_first() {
        Some((value, rest)) if *value <= most => Ok((rest, *value)),
        _ => Err(Fault::error(input, format!("an octet of at most {most}"))),
    }
}

/// An octet with the identifier of a key above and a number of at most `most` below.
fn key_set_and_type<'a>(most: u8) -> impl Fn(&'a [u8]) -> Parsed<'a, (NasKsi, u8)> {
    move |input| match input.split_first() {
        Some((value, rest)) if value & 0xf <= most => Ok((rest, (NasKsi::of_half(value >> 4), value & 0xf))),
        _ => Err(Fault::error(input, format!("a key set identifier, then a number of at most {most}"))),
    }
}

/// All there is.
fn all(input: &[u8]) -> Parsed<'_, &[u8]> {
    Ok((&[], input))
}

/// LV with a length in this range, whose value `parser` reads to its end.
fn lv<'a, P>(
    lengths: std::ops::RangeInclusive<usize>,
    mut parser: P,
) -> impl Parser<&'a [u8], Output = P::Output, Error = Fault<'a>>
where
    P: Parser<&'a [u8], Error = Fault<'a>>,
{
    move |input: &'a [u8]| {
        let (rest, length) = expect("a length", be_u8).parse(input)?;
        if !lengths.contains(&usize::from(length)) {
            let (least, most) = (lengths.start(), lengths.end());
            return Err(Fault::error(input, format!("a length of {least} to {most}")));
        }
        let (rest, value) = expect("a whole field", take(length)).parse(rest)?;
        Ok((rest, parser.parse(value)?.1))
    }
}

/// LV-E.
fn lv_e(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, length) = expect("a length of 2 octets", be_u16).parse(input)?;
    expect("a whole field", take(length)).parse(rest)
}

/// A TLV of this tag and length, if it is there.
fn optional<'a, T>(
    wanted: u8,
    length: usize,
    parser: impl Fn(&'a [u8]) -> Parsed<'a, T> + Copy,
) -> impl Fn(&'a [u8]) -> Parsed<'a, Option<T>> {
    move |input| match input.split_first() {
        Some((found, rest)) if *found == wanted => lv(length..=length, parser).map(Some).parse(rest),
        _ => Ok((input, None)),
    }
}
