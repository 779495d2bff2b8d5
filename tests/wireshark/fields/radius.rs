//! RADIUS with its attributes (RFC 2865, RFC 3579, RFC 2548; `keyhop::dot16::backbone::radius`).

use keyhop::dot16::backbone::radius_attribute::MppeKeyKind;
use keyhop::dot16::backbone::{RadiusAttribute, RadiusPacket};

use super::eap;
use super::expectation::Expectation;

pub fn packet(fields: &mut Expectation, packet: &RadiusPacket) {
    if !is_radius(packet.code.0) {
        fields.rest("radius-code");
        return;
    }
    fields.is("radius.code", packet.code.0);
    fields.is("radius.id", packet.identifier);
    fields.is("radius.length", packet.octets().unwrap().len());
    fields.octets("radius.authenticator", &packet.authenticator);
    let is_eap = |attribute: &RadiusAttribute| matches!(attribute, RadiusAttribute::EapMessage(_));
    // Wireshark reads what stands together, keyhop takes all of a packet together.
    let runs =
        packet.attributes.chunk_by(|one, next| is_eap(one) && is_eap(next)).filter(|run| is_eap(&run[0])).count();
    for (position, attribute) in packet.attributes.iter().enumerate() {
        let whole = attribute.octets().unwrap();
        fields.octets("radius.avp", &whole);
        if matches!(attribute, RadiusAttribute::Other { kind: VENDOR_SPECIFIC, .. }) {
            fields.rest("vendor-of-radius");
            return;
        }
        fields.group(|fields| {
            fields.is("radius.avp.type", whole[0]);
            fields.is("radius.avp.length", whole[1]);
            value(fields, attribute);
            let ends_a_run = !packet.attributes.get(position + 1).is_some_and(is_eap);
            match (is_eap(attribute) && ends_a_run, runs) {
                (true, 1) => eap::packet(fields, &packet.eap_packet().unwrap()),
                (true, _) => fields.rest("eap-refused"),
                (false, _) => {}
            }
        });
    }
}

const VENDOR_SPECIFIC: u8 = 26;

/// Whether Wireshark takes a packet of this code for RADIUS.
const fn is_radius(code: u8) -> bool {
    matches!(code, 1..=13 | 21..=27 | 29..=34 | 40..=45 | 50 | 51 | 129..=132)
}

fn text(fields: &mut Expectation, name: &'static str, octets: &[u8]) {
    match str::from_utf8(octets) {
        Ok(text) if !text.is_empty() && text.bytes().all(|octet| (b' '..=b'~').contains(&octet)) => {
            fields.is(name, text);
        }
        _ => fields.rest("text-that-is-none"),
    }
}

fn value(fields: &mut Expectation, attribute: &RadiusAttribute) {
    match attribute {
        RadiusAttribute::UserName(name) => text(fields, "radius.User_Name", name),
        RadiusAttribute::NasIpAddress(address) => fields.is("radius.NAS_IP_Address", address),
        RadiusAttribute::State(octets) | RadiusAttribute::EapMessage(octets) if octets.is_empty() => {}
        RadiusAttribute::State(state) => fields.octets("radius.State", state),
        RadiusAttribute::SessionTimeout(seconds) => fields.is("radius.Session_Timeout", seconds),
        RadiusAttribute::CallingStationId(id) => text(fields, "radius.Calling_Station_Id", id),
        RadiusAttribute::NasIdentifier(name) => text(fields, "radius.NAS_Identifier", name),
        RadiusAttribute::EapMessage(part) => fields.octets("radius.eap_fragment", part),
        RadiusAttribute::MessageAuthenticator(value) => fields.octets("radius.Message_Authenticator", value),
        RadiusAttribute::MppeKey { kind, salt, hidden } => {
            let (number, name) = match kind {
                MppeKeyKind::Send => (16, "radius.MS_MPPE_Send_Key"),
                MppeKeyKind::Recv => (17, "radius.MS_MPPE_Recv_Key"),
            };
            fields.is("radius.avp.vendor_id", 311);
            fields.is("radius.avp.vendor_type", number);
            fields.is("radius.avp.vendor_len", hidden.len() + 4);
            fields.octets(name, &[salt.to_be_bytes().as_slice(), hidden].concat());
        }
        RadiusAttribute::Other { .. } => fields.rest("radius-attribute-not-read"),
    }
}
