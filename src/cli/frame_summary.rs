//! What PDUs, messages and packets say, in a few words.

use std::fmt::{self, Display, Write as _};

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

/// What a message says, part by part, with commas between them.
struct Parts(String);

impl Parts {
    /// Octets of text that most messages do with.
    const USUAL: usize = 160;

    /// A part of words alone.
    fn push(&mut self, words: &str) {
        if !self.0.is_empty() {
            self.0.push_str(", ");
        }
        self.0.push_str(words);
    }

    /// A part of a word or two and a value, if there is one.
    fn named(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.push(name);
            // Writing to a string does not fail.
            let _ = write!(self.0, " {value}");
        }
    }

    /// Any other part.
    fn put(&mut self, part: fmt::Arguments<'_>) {
        self.push("");
        let _ = self.0.write_fmt(part);
    }
}

/// A management message in a few words, without its CMAC.
pub(super) fn message_summary(message: &ManagementMessage) -> String {
    let mut parts = Parts(String::with_capacity(Parts::USUAL));
    match message {
        ManagementMessage::RngReq(message) => {
            parts.named("MS", message.ss_mac_address());
            parts.named("serving BS", message.serving_bsid());
            purpose(message.ranging_purpose().unwrap_or(0), &mut parts);
            parts.named("HO_ID", message.ho_id());
            parts.named("CMAC_KEY_COUNT", message.cmac_key_count());
        }
        ManagementMessage::RngRsp(message) => rng_rsp(message, &mut parts),
        ManagementMessage::MobMshoReq(message) => {
            message.full.iter().for_each(|(bs, _)| parts.named("candidate", Some(bs)));
            message.indexed.iter().for_each(|(index, _)| parts.named("candidate of index", Some(index)));
        }
        ManagementMessage::MobBshoRsp(message) => {
            for bs in message.recommended() {
                let optimization = bs.ho_process_optimization;
                parts.put(format_args!("recommends {} (HO process optimization {optimization:#04x})", bs.bsid));
            }
            parts.named("action time", Some(message.action_time));
        }
        ManagementMessage::MobHoInd(message) => match message.indication {
            HoIndication::Release { target } => parts.named("release for", Some(target)),
            HoIndication::Cancel => parts.push("cancel"),
            HoIndication::Reject => parts.push("reject"),
            HoIndication::Reserved => parts.push("reserved indication"),
        },
        ManagementMessage::SbcReq(message) | ManagementMessage::SbcRsp(message) => {
            let negotiation = message.security_negotiation();
            parts.named("PN window", negotiation.and_then(|parameters| parameters.pn_window_size()));
        }
        ManagementMessage::RegReq(RegReq { tlvs, .. }) | ManagementMessage::RegRsp(RegRsp { tlvs, .. }) => {
            registration(tlvs, &mut parts);
        }
        ManagementMessage::MobNbrAdv(_) => {}
        ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => pkm(message, &mut parts),
        ManagementMessage::DregCmd(dreg) | ManagementMessage::DregReq(dreg) => {
            match dreg.action_name(message.message_type()) {
                Some(name) => parts.push(name),
                None => parts.named("action", Some(dreg.action)),
            }
        }
        ManagementMessage::Other { body, .. } => parts.put(format_args!("{} octets", body.len())),
    }
    if parts.0.is_empty() {
        parts.push("-");
    }
    parts.0
}

fn registration(tlvs: &[RegTlv], parts: &mut Parts) {
    let vendor = tlvs.iter().find_map(|tlv| match tlv {
        RegTlv::Vendor(vendor) => Some(vendor),
        _ => None,
    });
    if let Some(seamless) = vendor.and_then(VendorTlv::seamless) {
        parts.push(if seamless { "seamless handover" } else { "no seamless handover" });
    }
    for flow in vendor.into_iter().flat_map(VendorTlv::candidates).flat_map(|candidate| &candidate.flows) {
        parts.put(format_args!("CID {} with SAID {}", flow.cid, flow.said));
    }
}

/// The bits of a ranging purpose that have a name.
fn purpose(bits: u8, parts: &mut Parts) {
    let names = [
        (RngReq::PURPOSE_HANDOVER, "handover"),
        (RngReq::PURPOSE_LOCATION_UPDATE, "location update"),
        (RngReq::PURPOSE_SEAMLESS_HANDOVER, "seamless handover"),
    ];
    let mut first = true;
    for (_, name) in names.iter().filter(|(bit, _)| bits & bit != 0) {
        if first {
            parts.push(name);
        } else {
            parts.0.push_str(" and ");
            parts.0.push_str(name);
        }
        first = false;
    }
}

fn rng_rsp(message: &RngRsp, parts: &mut Parts) {
    match message.ranging_status().map(|status| status.0) {
        Some(1) => parts.push("continue"),
        Some(2) => parts.push("abort"),
        Some(3) => parts.push("success"),
        Some(4) => parts.push("re-range"),
        other => parts.named("status", other),
    }
    parts.named("MS", message.ss_mac_address());
    parts.named("basic CID", message.basic_cid());
    parts.named("primary CID", message.primary_cid());
    counted(message.sa_tek_updates().count(), "SA-TEK-Update", parts);
    if message.sa_challenge_tuple().is_some() {
        parts.push("SA challenge");
    }
}

/// How many there are of something, unless there are none.
fn counted(count: usize, what: &str, parts: &mut Parts) {
    if count > 0 {
        parts.put(format_args!("{count} {what}"));
    }
}

fn pkm(message: &PkmMessage, parts: &mut Parts) {
    match message.code.name() {
        Some(name) => parts.named("PKM", Some(name)),
        None => parts.named("PKM code", Some(message.code.0)),
    }
    let eap = message.eap_payload().and_then(|packet| EapPacket::parse(packet).ok());
    parts.named("EAP", eap.as_ref().map(EapPacket::name));
    parts.named("AK SN", message.ak_sn());
    parts.named("AKID", message.akid());
    parts.named("SAID", message.said());
    counted(message.tek_parameters().count(), "TEKs", parts);
    counted(message.sa_tek_updates().count(), "SA-TEK-Update", parts);
    parts.named("error code", message.error_code().map(|code| code.0));
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
