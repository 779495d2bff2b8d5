//! ASN control messages with every TLV (`dot16-wire.md` 5).

use keyhop::dot16::backbone::{AsnTlv, Compound, ControlMessage, MessageKind, NodeIdentifier};

use super::eap;
use super::expectation::{Expectation, hex, octets};

pub fn message(fields: &mut Expectation, message: &ControlMessage) {
    let whole = message.octets().unwrap();
    let [function, low] = message.kind.octets();
    fields.is("wimaxasncp.version", 1);
    fields.hex("wimaxasncp.flags", message.flags, 2);
    // Once more for each bit that is set.
    for _ in 0..message.flags.count_ones() {
        fields.hex("wimaxasncp.flags", message.flags, 2);
    }
    fields.is("wimaxasncp.function_type", function);
    fields.hex("wimaxasncp.opid", low >> 5, 2);
    fields.hex("wimaxasncp.opid", low >> 5, 2);
    fields.is("wimaxasncp.length", whole.len());
    fields.is("wimaxasncp.msid", message.ms);
    fields.hex("wimaxasncp.reserved1", message.reserved1, 8);
    fields.hex("wimaxasncp.transaction_id", message.transaction, 4);
    fields.hex("wimaxasncp.reserved2", message.reserved2, 4);
    tlvs(fields, &message.tlvs);
}

fn tlvs(fields: &mut Expectation, tlvs: &[AsnTlv]) {
    for tlv in tlvs {
        self::tlv(fields, tlv);
    }
}

/// The octets of one TLV, with the serialiser of a message.
fn tlv_octets(tlv: &AsnTlv) -> Vec<u8> {
    const HEADER: usize = 20;
    let ms = keyhop::dot16::identifiers::MsMac([0; 6]);
    let message = ControlMessage::new(MessageKind::HoReq, ms, 0, vec![tlv.clone()]);
    message.octets().unwrap().split_off(HEADER)
}

/// Wireshark's name of the field: that of the dictionary, with `_` for every run of other signs.
fn field(tlv: &AsnTlv) -> String {
    let words: Vec<&str> = tlv.name().split([' ', '/']).filter(|word| !word.is_empty()).collect();
    format!("wimaxasncp.tlv.{}", words.join("_"))
}

fn tlv(fields: &mut Expectation, tlv: &AsnTlv) {
    let whole = tlv_octets(tlv);
    if let AsnTlv::Other { kind, value } = tlv {
        fields.unnamed("asn-tlv-not-read", &whole);
        fields.group(|fields| {
            fields.is("wimaxasncp.tlv.type", kind);
            fields.is("wimaxasncp.tlv.length", value.len());
            fields.rest_of("asn-tlv-not-read", value);
        });
        return;
    }
    let name = field(tlv);
    fields.octets(name.clone(), &whole);
    fields.group(|fields| {
        fields.is("wimaxasncp.tlv.type", tlv.kind());
        fields.is("wimaxasncp.tlv.length", whole.len() - 4);
        value(fields, tlv, &name, &whole[4..]);
    });
}

fn value(fields: &mut Expectation, tlv: &AsnTlv, name: &str, raw: &[u8]) {
    if Compound::from_kind(tlv.kind()).is_some() {
        inside(fields, tlv);
        return;
    }
    let shown = match tlv {
        AsnTlv::AnchorAsnGwId(id)
        | AsnTlv::AuthenticatorIdentifier(id)
        | AsnTlv::BsId(id)
        | AsnTlv::DestinationIdentifier(id)
        | AsnTlv::SourceIdentifier(id) => {
            let form = match id {
                NodeIdentifier::Ipv4(_) => "ipv4_value",
                NodeIdentifier::Octets6(_) => "bsid_value",
                NodeIdentifier::Ipv6(_) => "ipv6_value",
            };
            fields.is(format!("{name}.{form}"), id);
            return;
        }
        AsnTlv::Protocol(protocol) => {
            fields.octets(format!("{name}.value"), raw);
            fields.is(format!("{name}.value.protocol"), protocol);
            return;
        }
        AsnTlv::ProtocolDestinationPortRange(range) | AsnTlv::ProtocolSourcePortRange(range) => {
            fields.octets(format!("{name}.value"), raw);
            fields.is(format!("{name}.value.port_low"), range >> 16);
            fields.is(format!("{name}.value.port_high"), range & 0xffff);
            return;
        }
        AsnTlv::ContextPurpose(flags) => {
            fields.hex(format!("{name}.value"), flags, 8);
            // Once more for each flag that is set.
            for _ in 0..flags.count_ones() {
                fields.hex("wimaxasncp.tlv_value_bitflags32", flags, 8);
            }
            return;
        }
        AsnTlv::EapPayload(packet) => {
            fields.octets(format!("{name}.value"), packet);
            eap::packet(fields, packet);
            return;
        }
        AsnTlv::VendorSpecific { vendor: [high, middle, low], octets } => {
            fields.octets(format!("{name}.value"), raw);
            fields.is(format!("{name}.value.vendor_id"), u32::from_be_bytes([0, *high, *middle, *low]));
            if !octets.is_empty() {
                fields.octets(format!("{name}.value.vendor_rest_of_info"), octets);
            }
            return;
        }
        AsnTlv::ActionCode(code) => code.to_string(),
        AsnTlv::ActionTime(time) => time.to_string(),
        AsnTlv::Ak(ak) => octets(ak),
        AsnTlv::AkId(akid) => octets(&akid.0),
        AsnTlv::AkLifetime(seconds) => seconds.to_string(),
        AsnTlv::AkSn(number) => hex(number, 2),
        AsnTlv::Cid(cid) => cid.0.to_string(),
        AsnTlv::CmacKeyCount(count) => count.0.to_string(),
        AsnTlv::CryptographicSuite(suite) => suite.to_string(),
        AsnTlv::DataPathId(id) => hex(id, 8),
        AsnTlv::HoProcessOptimization(octet) | AsnTlv::HoId(octet) | AsnTlv::PmkSn(octet) => hex(octet, 2),
        AsnTlv::HoType(number) | AsnTlv::RegistrationType(number) => number.to_string(),
        AsnTlv::PnCounter(pn) | AsnTlv::RxPnCounter(pn) => pn.to_string(),
        AsnTlv::Said(said) => hex(said.0, 4),
        AsnTlv::Sfid(sfid) => hex(sfid.0, 8),
        AsnTlv::Tek(tek) => octets(tek),
        AsnTlv::TekLifetime(seconds) => seconds.to_string(),
        AsnTlv::AuthenticationResult(octet)
        | AsnTlv::DataPathEncapsulation(octet)
        | AsnTlv::FailureIndication(octet)
        | AsnTlv::HoConfirmType(octet)
        | AsnTlv::KeyChangeIndicator(octet)
        | AsnTlv::Pkm2MessageCode(octet)
        | AsnTlv::ResultCode(octet)
        | AsnTlv::SaServiceType(octet)
        | AsnTlv::SaType(octet)
        | AsnTlv::ServiceLevelPrediction(octet)
        | AsnTlv::ServingTargetIndicator(octet)
        | AsnTlv::TekSn(octet)
        | AsnTlv::BsHoRspCode(octet) => octet.to_string(),
        other => panic!("no field for {other:?}"),
    };
    fields.is(format!("{name}.value"), shown);
}

fn inside(fields: &mut Expectation, tlv: &AsnTlv) {
    match tlv {
        AsnTlv::AkContext(inner)
        | AsnTlv::BsInfo(inner)
        | AsnTlv::DataPathInfo(inner)
        | AsnTlv::MsInfo(inner)
        | AsnTlv::MsSecurityContext(inner)
        | AsnTlv::MsSecurityHistory(inner)
        | AsnTlv::NewerTekParameters(inner)
        | AsnTlv::OlderTekParameters(inner)
        | AsnTlv::PacketClassificationRule(inner)
        | AsnTlv::SaDescriptor(inner)
        | AsnTlv::SfInfo(inner) => tlvs(fields, inner),
        other => panic!("{other:?} is not a compound"),
    }
}
