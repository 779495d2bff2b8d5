//! PKM-REQ and PKM-RSP with their attributes, and security negotiation parameters, which SBC has, too (`dot16-wire.md` 3.5).

use keyhop::dot16::wire::{PkmAttribute, PkmMessage, SecurityNegotiation, SecurityNegotiationItem, TekParameters, Tlv};

use super::eap;
use super::expectation::Form::Hex;
use super::expectation::{Expectation, octets};

const UNKNOWN: &str = "wmx.pkm.unknown.type";

pub fn message(fields: &mut Expectation, message: &PkmMessage) {
    fields.is("wmx.pkm.msg_code", message.code.0);
    fields.is("wmx.pkm.msg_pkm_identifier", message.identifier);
    for attribute in &message.attributes {
        fields.tlv(&attribute.octets().unwrap(), |fields, value| self::attribute(fields, attribute, value));
    }
}

fn attribute(fields: &mut Expectation, attribute: &PkmAttribute, value: &[u8]) {
    macro_rules! name {
        ($name:literal) => {
            concat!("wmx.pkm_msg.pkm_attr.", $name)
        };
    }
    match attribute {
        PkmAttribute::DisplayString(text) => match str::from_utf8(text) {
            Ok(ascii) if text.iter().all(|octet| (b' '..=b'~').contains(octet)) => {
                fields.is(name!("display_string"), ascii);
            }
            _ => fields.listed("text-that-is-none", name!("display_string")),
        },
        PkmAttribute::Tek(tek) => fields.octets(name!("tek"), tek),
        PkmAttribute::KeyLifetime(seconds) => fields.hex(name!("key_life_time"), seconds, 8),
        PkmAttribute::KeySequenceNumber(number) => fields.is(name!("key_seq_num"), number),
        PkmAttribute::Said(said) => fields.hex(name!("said"), said.0, 4),
        PkmAttribute::TekParameters(parameters) => tek_parameters(fields, parameters),
        PkmAttribute::ErrorCode(code) => fields.is(name!("error_code"), code.0),
        PkmAttribute::CryptographicSuite(suite) => cryptographic_suite(fields, suite),
        PkmAttribute::SaDescriptor(descriptor) => {
            let said = descriptor.said.0.to_be_bytes();
            sub(fields, 12, &said, |fields, _| fields.hex(name!("said"), descriptor.said.0, 4));
            sub(fields, 24, &[descriptor.sa_type], |fields, _| fields.is(name!("sa_type"), descriptor.sa_type));
            let service = descriptor.service_type;
            sub(fields, 31, &[service], |fields, _| fields.is(name!("sa_service_type"), service));
            sub(fields, 20, &descriptor.suite, |fields, _| cryptographic_suite(fields, &descriptor.suite));
            other(fields, &descriptor.other);
        }
        PkmAttribute::SecurityNegotiation(parameters) => security_negotiation(fields, parameters),
        PkmAttribute::EapPayload(packet) => {
            fields.octets(name!("eap_payload"), packet);
            eap::packet(fields, packet);
        }
        PkmAttribute::Nonce(nonce) => fields.octets(name!("nonce"), nonce),
        PkmAttribute::AuthResultCode(code) => fields.is(name!("auth_result_code"), code),
        PkmAttribute::FrameNumber([high, middle, low]) => {
            fields.is(name!("frame_number"), u32::from_be_bytes([0, *high, *middle, *low]));
        }
        PkmAttribute::MsRandom(random) => fields.octets(name!("ss_random"), random),
        PkmAttribute::BsRandom(random) => fields.octets(name!("bs_random"), random),
        PkmAttribute::SaTekUpdate(_) => {
            fields.shown("sa-tek-update-as-signature", name!("sig_bs"), "an SA-TEK-Update", octets(value));
        }
        PkmAttribute::MsMacAddress(mac) => fields.is(name!("ms_mac_address"), mac),
        PkmAttribute::CmacDigest(digest) => {
            fields.octets(name!("cmac_digest"), value);
            fields.hex(name!("cmac_digest.pn"), digest.pn, 8);
            fields.octets(name!("cmac_digest.value"), &digest.value);
        }
        PkmAttribute::AkId(akid) => fields.octets(name!("akid"), &akid.0),
        PkmAttribute::Vendor(_) => {
            fields.shown("shown-as-octets", UNKNOWN, "vendor-specific information", octets(value));
        }
        PkmAttribute::Other(_) => fields.rest_of("attribute-not-read", value),
    }
}

fn sub(fields: &mut Expectation, kind: u8, value: &[u8], inside: impl FnOnce(&mut Expectation, &[u8])) {
    fields.tlv(&Tlv { kind, value: value.to_vec() }.octets().unwrap(), inside);
}

fn other(fields: &mut Expectation, tlvs: &[Tlv]) {
    for tlv in tlvs {
        fields.tlv(&tlv.octets().unwrap(), |fields, value| fields.rest_of("attribute-not-read", value));
    }
}

fn cryptographic_suite(fields: &mut Expectation, suite: &[u8; 3]) {
    fields.octets("wmx.pkm_msg.pkm_attr.crypto_suite", suite);
    let [encryption, authentication, key] = suite;
    fields.is("wmx.pkm_msg.pkm_attr.crypto_suite.msb", encryption);
    fields.is("wmx.pkm_msg.pkm_attr.crypto_suite.middle", authentication);
    fields.is("wmx.pkm_msg.pkm_attr.crypto_suite.lsb", key);
}

fn tek_parameters(fields: &mut Expectation, parameters: &TekParameters) {
    sub(fields, 8, &parameters.wrapped_tek, |fields, tek| fields.octets("wmx.pkm_msg.pkm_attr.tek", tek));
    sub(fields, 9, &parameters.lifetime.to_be_bytes(), |fields, _| {
        fields.hex("wmx.pkm_msg.pkm_attr.key_life_time", parameters.lifetime, 8);
    });
    sub(fields, 10, &[parameters.sequence_number], |fields, _| {
        fields.is("wmx.pkm_msg.pkm_attr.key_seq_num", parameters.sequence_number);
    });
    other(fields, &parameters.other);
}

pub fn security_negotiation(fields: &mut Expectation, parameters: &SecurityNegotiation) {
    macro_rules! name {
        ($name:literal) => {
            concat!("wmx.security_negotiation_parameters.", $name)
        };
    }
    for item in &parameters.0 {
        fields.tlv(&item.octets().unwrap(), |fields, value| match item {
            SecurityNegotiationItem::PkmVersion(version) => {
                fields.hex(name!("pkm_version_support"), version, 2);
                let flags = [(name!("pkm_version_support.bit0"), 0x01), (name!("pkm_version_support.bit1"), 0x02)];
                fields.flags(*version, &flags);
                fields.parts(*version, 2, &[(name!("pkm_version_support.reserved"), 0xfc, Hex)]);
            }
            SecurityNegotiationItem::AuthorizationPolicy(policy) => {
                fields.hex(name!("auth_policy_support"), policy, 2);
                let low = [
                    (name!("auth_policy_support.bit0"), 0x01),
                    (name!("auth_policy_support.bit1"), SecurityNegotiation::EAP_AT_ENTRY),
                    (name!("auth_policy_support.bit2"), 0x04),
                ];
                fields.flags(*policy, &low);
                fields.parts(*policy, 2, &[(name!("auth_policy_support.bit3"), 0x08, Hex)]);
                let high = [
                    (name!("auth_policy_support.bit4"), 0x10),
                    (name!("auth_policy_support.bit5"), SecurityNegotiation::EAP_AT_RE_ENTRY),
                    (name!("auth_policy_support.bit6"), 0x40),
                ];
                fields.flags(*policy, &high);
                fields.parts(*policy, 2, &[(name!("auth_policy_support.bit7"), 0x80, Hex)]);
            }
            SecurityNegotiationItem::MacMode(mode) => {
                fields.hex(name!("mac_mode"), mode, 2);
                let flags = [
                    (name!("mac_mode.bit0"), 0x01),
                    (name!("mac_mode.bit1"), SecurityNegotiation::CMAC),
                    (name!("mac_mode.bit2"), 0x04),
                    (name!("mac_mode.bit3"), 0x08),
                    (name!("mac_mode.bit4"), 0x10),
                ];
                fields.flags(*mode, &flags);
                fields.parts(*mode, 2, &[(name!("mac_mode.reserved"), 0xe0, Hex)]);
            }
            SecurityNegotiationItem::PnWindowSize(size) => fields.is(name!("pn_window_size"), size),
            SecurityNegotiationItem::MaxConcurrentTransactions(most) => {
                fields.is(name!("max_conc_transactions"), most);
            }
            SecurityNegotiationItem::MaxSecurityAssociations(most) => fields.is(name!("max_suppt_sec_assns"), most),
            SecurityNegotiationItem::Other(_) => fields.rest_of("tlv-not-read", value),
        });
    }
}
