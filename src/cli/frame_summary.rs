//! What PDUs, messages and packets say, in a few words.

use pnet_packet::Packet;
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::udp::UdpPacket;

use crate::dot16::wire::{
    EapPacket, FragmentControl, FragmentationSubheader, HoIndication, ManagementMessage, PackingSubheader, PduType,
    PkmMessage, RegReq, RegRsp, RegTlv, RngReq, RngRsp, VendorTlv,
};

/// What stands in a PDU in the clear.
pub(super) fn content_summary(pdu_type: PduType, content: &[u8]) -> String {
    let extended = pdu_type.extended();
    let form = pdu_type.bits() & !PduType::EXTENDED.bits();
    if form == PduType::FRAGMENTATION.bits() {
        return match FragmentationSubheader::parse(content, extended) {
            Ok((subheader, piece)) => piece_summary(subheader.control, subheader.fsn, piece),
            Err(error) => error.to_string(),
        };
    }
    if form == PduType::PACKING.bits() {
        return match PackingSubheader::parse_all(content, extended) {
            Ok(pieces) => {
                let each: Vec<String> = pieces
                    .iter()
                    .map(|(subheader, piece)| piece_summary(subheader.control, subheader.fsn, piece))
                    .collect();
                format!("packed {}: {}", each.len(), each.join("; "))
            }
            Err(error) => error.to_string(),
        };
    }
    if pdu_type == PduType::NONE {
        return ip_summary(content);
    }
    format!("{} octets with subheaders", content.len())
}

/// What stands behind a fragmentation or packing subheader.
fn piece_summary(control: FragmentControl, fsn: u16, piece: &[u8]) -> String {
    match control {
        FragmentControl::Unfragmented => ip_summary(piece),
        part => format!("fragment {part:?} of FSN {fsn}, {} octets", piece.len()),
    }
}

/// An IP packet in a few words; the number of octets if it is not IPv4.
pub(super) fn ip_summary(octets: &[u8]) -> String {
    let ipv4 = Ipv4Packet::new(octets).filter(|packet| packet.get_version() == 4 && packet.get_header_length() >= 5);
    let Some(packet) = ipv4 else {
        return format!("{} octets", octets.len());
    };
    let protocol = packet.get_next_level_protocol();
    let ports = match UdpPacket::new(packet.payload()) {
        // The ports of TCP stand where those of UDP do.
        Some(ports) if protocol == IpNextHeaderProtocols::Udp || protocol == IpNextHeaderProtocols::Tcp => {
            format!(" port {} > {}", ports.get_source(), ports.get_destination())
        }
        _ => String::new(),
    };
    let protocol = match protocol {
        IpNextHeaderProtocols::Udp => "UDP".to_owned(),
        IpNextHeaderProtocols::Tcp => "TCP".to_owned(),
        IpNextHeaderProtocols::Icmp => "ICMP".to_owned(),
        other => format!("protocol {}", other.0),
    };
    let (source, destination) = (packet.get_source(), packet.get_destination());
    format!("IPv4 {source} > {destination} {protocol}{ports}, {} octets", octets.len())
}

/// A management message in a few words, without its CMAC.
pub(super) fn message_summary(message: &ManagementMessage) -> String {
    let mut parts: Vec<String> = Vec::new();
    match message {
        ManagementMessage::RngReq(message) => {
            parts.extend(message.ss_mac_address().map(|ms| format!("MS {ms}")));
            parts.extend(message.serving_bsid().map(|bs| format!("serving BS {bs}")));
            parts.extend(message.ranging_purpose().and_then(purpose));
            parts.extend(message.ho_id().map(|id| format!("HO_ID {id}")));
            parts.extend(message.cmac_key_count().map(|count| format!("CMAC_KEY_COUNT {count}")));
        }
        ManagementMessage::RngRsp(message) => parts.extend(rng_rsp(message)),
        ManagementMessage::MobMshoReq(message) => {
            parts.extend(message.full.iter().map(|(bs, _)| format!("candidate {bs}")));
            parts.extend(message.indexed.iter().map(|(index, _)| format!("candidate of index {index}")));
        }
        ManagementMessage::MobBshoRsp(message) => {
            parts.extend(message.recommended().iter().map(|bs| {
                format!("recommends {} (HO process optimization {:#04x})", bs.bsid, bs.ho_process_optimization)
            }));
            parts.push(format!("action time {}", message.action_time));
        }
        ManagementMessage::MobHoInd(message) => parts.push(match message.indication {
            HoIndication::Release { target } => format!("release for {target}"),
            HoIndication::Cancel => "cancel".to_owned(),
            HoIndication::Reject => "reject".to_owned(),
            HoIndication::Reserved => "reserved indication".to_owned(),
        }),
        ManagementMessage::SbcReq(message) | ManagementMessage::SbcRsp(message) => {
            parts.extend(message.security_negotiation().and_then(|parameters| parameters.pn_window_size()).map(window));
        }
        ManagementMessage::RegReq(RegReq { tlvs, .. }) | ManagementMessage::RegRsp(RegRsp { tlvs, .. }) => {
            parts.extend(registration(tlvs));
        }
        ManagementMessage::MobNbrAdv(_) => {}
        ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => parts.extend(pkm(message)),
        ManagementMessage::DregCmd(dreg) | ManagementMessage::DregReq(dreg) => {
            let name = dreg.action_name(message.message_type());
            parts.push(name.map_or_else(|| format!("action {}", dreg.action), str::to_owned));
        }
        ManagementMessage::Other { body, .. } => parts.push(format!("{} octets", body.len())),
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn window(size: u16) -> String {
    format!("PN window {size}")
}

fn registration(tlvs: &[RegTlv]) -> Vec<String> {
    let vendor = tlvs.iter().find_map(|tlv| match tlv {
        RegTlv::Vendor(vendor) => Some(vendor),
        _ => None,
    });
    let mut parts = Vec::new();
    if let Some(seamless) = vendor.and_then(VendorTlv::seamless) {
        parts.push(if seamless { "seamless handover" } else { "no seamless handover" }.to_owned());
    }
    for flow in vendor.into_iter().flat_map(VendorTlv::candidates).flat_map(|candidate| &candidate.flows) {
        parts.push(format!("CID {} with SAID {}", flow.cid, flow.said));
    }
    parts
}

fn purpose(bits: u8) -> Option<String> {
    let names = [
        (RngReq::PURPOSE_HANDOVER, "handover"),
        (RngReq::PURPOSE_LOCATION_UPDATE, "location update"),
        (RngReq::PURPOSE_SEAMLESS_HANDOVER, "seamless handover"),
    ];
    let names: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    (!names.is_empty()).then(|| names.join(" and "))
}

fn rng_rsp(message: &RngRsp) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(message.ranging_status().map(|status| match status.0 {
        1 => "continue".to_owned(),
        2 => "abort".to_owned(),
        3 => "success".to_owned(),
        4 => "re-range".to_owned(),
        other => format!("status {other}"),
    }));
    parts.extend(message.ss_mac_address().map(|ms| format!("MS {ms}")));
    parts.extend(message.basic_cid().map(|cid| format!("basic CID {cid}")));
    parts.extend(message.primary_cid().map(|cid| format!("primary CID {cid}")));
    let updates = message.sa_tek_updates().count();
    if updates > 0 {
        parts.push(format!("{updates} SA-TEK-Update"));
    }
    parts.extend(message.sa_challenge_tuple().map(|_| "SA challenge".to_owned()));
    parts
}

fn pkm(message: &PkmMessage) -> Vec<String> {
    let name = message.code.name().map_or_else(|| format!("code {}", message.code.0), str::to_owned);
    let mut parts = vec![format!("PKM {name}")];
    parts.extend(
        message
            .eap_payload()
            .and_then(|packet| EapPacket::parse(packet).ok())
            .map(|packet| format!("EAP {}", packet.name())),
    );
    parts.extend(message.ak_sn().map(|sn| format!("AK SN {sn}")));
    parts.extend(message.akid().map(|akid| format!("AKID {akid}")));
    parts.extend(message.said().map(|said| format!("SAID {said}")));
    let (teks, updates) = (message.tek_parameters().count(), message.sa_tek_updates().count());
    if teks > 0 {
        parts.push(format!("{teks} TEKs"));
    }
    if updates > 0 {
        parts.push(format!("{updates} SA-TEK-Update"));
    }
    parts.extend(message.error_code().map(|code| format!("error code {}", code.0)));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_packed_pdu_are_told_one_by_one() {
        let extended = PduType::PACKING.with(PduType::EXTENDED);
        let content = [0x40, 0x28, 0x05, 9, 9, 0x00, 0x30, 0x04, 7];
        assert_eq!(content_summary(extended, &content), "packed 2: fragment Last of FSN 5, 2 octets; 1 octets");
        let error = content_summary(extended, &content[..8]);
        assert_eq!(error, "packing subheader, octet 8: expected 1 octets after the subheader, found the end");
        let both = PduType::PACKING.with(PduType::FRAGMENTATION);
        assert_eq!(content_summary(both, &content), "9 octets with subheaders");
    }
}
