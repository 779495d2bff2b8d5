//! Frames and messages of EPS: those of the goldens, what the key logs open of them, and a sample of every message of the core
//! network.

use std::error::Error;
use std::path::Path;

use keyhop::capture::capture_reader::{self, FrameKind, RecordedFrame};
use keyhop::capture::{LinkKind, key_log_text};
use keyhop::dot16::backbone::BackboneEndpoint;
use keyhop::eps;
use keyhop::eps::parameters::{AlgorithmId, HandoverParameters, Indication, LinkDirection};
use keyhop::eps::wire::esp::padded;
use keyhop::eps::wire::nas::{AlgorithmSet, EmmMessage, GenericContainer, NasAlgorithms, NasKsi, UeCapability};
use keyhop::eps::wire::pdcp_udp::{PdcpOverUdp, Plane};
use keyhop::eps::wire::radio_frame::{self, RadioFrame};
use keyhop::eps::wire::rrc::{DlDcchMessage, UlDcchMessage};
use keyhop::eps::wire::s1ap::S1apMessage;
use keyhop::eps::wire::sctp::{DataChunk, S1AP_PORT, S1AP_PROTOCOL, SctpPacket, X2AP_PORT, X2AP_PROTOCOL};
use keyhop::eps::wire::{
    CoreFrame, CorePayload, DiameterMessage, EspPacket, GbMessage, GeranFrame, GtpuPacket, Gtpv1Message, Gtpv2Message,
    IuMessage, UeId, X2apMessage, dct2000, gtpv2,
};
use keyhop::judge::eps::reading::Reading;
use keyhop::judge::eps::{Opened, learn};

use crate::corpus::Corpora;

#[allow(dead_code)]
#[path = "../../tests/support/eps_core_samples.rs"]
mod samples;

const CORE: &str = "eps_core_frames";
const RADIO: &str = "eps_radio";

/// Every frame of a golden capture, and of its radio what the key log beside it opens.
pub fn offer_golden(corpora: &mut Corpora, path: &Path) -> Result<(), Box<dyn Error>> {
    let (log, _) = key_log_text::read(&path.with_extension("keys"))?;
    let mut reading = Reading::new(&log, learn(|| capture_reader::open(path), &log)?);
    let mut reader = capture_reader::open(path)?;
    while let Some(frame) = reader.next() {
        let frame = frame?;
        reading.names(reader.records().names());
        let view = reading.frame(&frame, reader.interface_name(frame.interface));
        match &frame.kind {
            FrameKind::Known(LinkKind::Backbone) => corpora.offer(CORE, &core_kind(&frame.octets), &frame.octets),
            FrameKind::Dissector(name) if name == radio_frame::DISSECTOR => {
                offer_radio(corpora, &frame, view.opened.as_ref())?;
            }
            FrameKind::Dissector(name) if ["rrc.ul.dcch", "rrc.dl.dcch", "data"].contains(&&**name) => {
                corpora.offer(RADIO, &format!("utran-{name}"), &frame.octets);
            }
            FrameKind::Dissector(name) if name == dct2000::DISSECTOR => {
                corpora.offer(RADIO, "dct2000", &frame.octets);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The message in a frame of the core network.
fn core_kind(octets: &[u8]) -> String {
    let message = CoreFrame::parse(octets).ok().and_then(|frame| match frame.payload {
        CorePayload::Sctp(packet) => {
            let octets = packet.data.user_data;
            let s1ap = S1apMessage::parse(&octets).map(|message| format!("s1ap-{}", message.name()));
            s1ap.or_else(|_| X2apMessage::parse(&octets).map(|message| format!("x2ap-{}", message.name())))
                .or_else(|_| IuMessage::parse(&octets).map(|iu| format!("ranap-{}", iu.message.name())))
                .or_else(|_| DiameterMessage::parse(&octets).map(|message| format!("diameter-{}", message.body.name())))
                .ok()
        }
        CorePayload::Udp(datagram) => {
            let gtpv2 = Gtpv2Message::parse(&datagram.payload).map(|message| format!("gtpv2-{}", message.body.name()));
            let gtpv1 = Gtpv1Message::parse(&datagram.payload).map(|message| format!("gtpv1-{}", message.body.name()));
            let gtpu = GtpuPacket::parse(&datagram.payload).map(|packet| match packet {
                GtpuPacket::User { .. } => "gtpu-user".to_owned(),
                GtpuPacket::EndMarker { .. } => "gtpu-end-marker".to_owned(),
            });
            gtpv2.or(gtpv1).or(gtpu).ok()
        }
        CorePayload::Esp(_) => Some("esp".to_owned()),
    });
    format!("frame-{}", message.unwrap_or_else(|| "malformed".to_owned()))
}

fn offer_radio(corpora: &mut Corpora, frame: &RecordedFrame, opened: Option<&Opened>) -> Result<(), Box<dyn Error>> {
    let Ok(radio) = RadioFrame::parse(&frame.octets) else { return Ok(()) };
    let way = format!("{:?}", radio.direction);
    let pdu = eps::wire::mac_pdu::MacPdu::parse(&radio.mac_pdu)?;
    corpora.offer(RADIO, &format!("frame-{way}-{}", pdu.lcid), &frame.octets);
    corpora.offer(RADIO, &format!("mac-{way}-{}", pdu.lcid), &radio.mac_pdu);
    let (plane, message) = match opened {
        Some(Opened::Rrc(message)) => (Plane::Signalling, message),
        Some(Opened::Packet(packet)) => (Plane::User, packet),
        Some(Opened::Core(_)) | None => return Ok(()),
    };
    let record = PdcpOverUdp {
        header_absent: true,
        plane,
        direction: radio.direction,
        channel_id: u16::from(pdu.lcid),
        ue_id: UeId(radio.ue_id.0),
        pdu: message.clone(),
    };
    corpora.offer(RADIO, &format!("pdcp-udp-{plane:?}-{way}"), &record.octets()?);
    if plane == Plane::Signalling {
        let name = match radio.direction {
            LinkDirection::Uplink => format!("{:?}", UlDcchMessage::parse(message)?),
            LinkDirection::Downlink => format!("{:?}", DlDcchMessage::parse(message)?),
        };
        let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
        corpora.offer(RADIO, &format!("rrc-{name}"), message);
    }
    Ok(())
}

/// One of every message of the core network, in a frame and without, the containers in them, and NAS messages in the clear.
pub fn offer_samples(corpora: &mut Corpora) -> Result<(), Box<dyn Error>> {
    let sctp = |port, protocol, user_data: Vec<u8>| {
        let data = DataChunk { tsn: 1, stream: 1, sequence: 1, protocol, user_data };
        CorePayload::Sctp(SctpPacket { source: port, destination: port, tag: 1, data })
    };
    for message in samples::s1ap() {
        let octets = message.octets()?;
        corpora.offer(CORE, &format!("s1ap-{}", message.name()), &octets);
        if let S1apMessage::InitialUeMessage(message) = &message {
            corpora.offer(RADIO, "nas-AttachRequest", &message.nas_pdu);
        }
        if let S1apMessage::HandoverRequired(_) = message {
            corpora.offer(CORE, "frame-s1ap-HandoverRequired", &in_frame(sctp(S1AP_PORT, S1AP_PROTOCOL, octets))?);
        }
    }
    for message in samples::x2ap() {
        let octets = message.octets()?;
        corpora.offer(CORE, &format!("x2ap-{}", message.name()), &octets);
        corpora.offer(
            CORE,
            &format!("frame-x2ap-{}", message.name()),
            &in_frame(sctp(X2AP_PORT, X2AP_PROTOCOL, octets))?,
        );
    }
    for message in samples::s1ap_between_systems() {
        corpora.offer(CORE, &format!("s1ap-{}", message.name()), &message.octets()?);
    }
    for message in samples::ranap() {
        corpora.offer(CORE, &format!("ranap-{}", message.message.name()), &message.octets()?);
    }
    for message in samples::diameter() {
        corpora.offer(CORE, &format!("diameter-{}", message.body.name()), &message.octets()?);
    }
    for message in samples::gtpv1() {
        corpora.offer(CORE, &format!("gtpv1-{}", message.body.name()), &message.octets()?);
    }
    for message in samples::gb() {
        corpora.offer(CORE, &format!("gb-{}", message.name()), &message.octets()?);
        if let GbMessage::Uplink { tlli, llc, .. } = message {
            corpora.offer(RADIO, "llc", &llc);
            let direction = LinkDirection::Uplink;
            corpora.offer(RADIO, "geran", &GeranFrame { direction, tlli, llc }.octets());
        }
    }
    for message in samples::gtpv2() {
        let (octets, name) = (message.octets()?, message.body.name());
        corpora.offer(CORE, &format!("gtpv2-{name}"), &octets);
        let port = gtpv2::GTPV2_PORT;
        let datagram = eps::wire::UdpDatagram { source: port, destination: port, payload: octets };
        corpora.offer(CORE, &format!("frame-gtpv2-{name}"), &in_frame(CorePayload::Udp(datagram))?);
    }
    let packet = EspPacket { spi: 256, sequence: 1, iv: [1; 8], sealed: [&padded(&[7], 17)[..], &[9; 16]].concat() };
    corpora.offer(CORE, "frame-esp", &in_frame(CorePayload::Esp(packet))?);
    corpora.offer(CORE, "container-to-target", &samples::source_to_target().octets()?);
    corpora.offer(CORE, "container-to-source", &samples::target_to_source().octets()?);
    corpora.offer(CORE, "container-to-rnc", &samples::source_rnc().octets()?);
    corpora.offer(CORE, "container-from-rnc", &samples::target_rnc().octets()?);
    corpora.offer(RADIO, "preparation", &samples::HANDOVER_PREPARATION_INFORMATION);
    corpora.offer(RADIO, "handover-command", &samples::HANDOVER_COMMAND);
    let parameters = HandoverParameters { indication: Indication::Mme, para: vec![7; 16] };
    corpora.offer(RADIO, "handover-parameters", &parameters.octets()?);
    let aes = AlgorithmSet::of(&[AlgorithmId::Null, AlgorithmId::Aes]);
    let command = EmmMessage::SecurityModeCommand {
        algorithms: NasAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes },
        key_set: NasKsi::new(0),
        capability: UeCapability { ciphering: aes, integrity: aes, further: Vec::new() },
        nonces: None,
        hash: None,
        elements: Vec::new(),
    };
    for (name, message) in [
        ("SecurityModeCommand", command),
        ("SecurityModeReject", EmmMessage::SecurityModeReject { cause: 23 }),
        ("DetachRequest", EmmMessage::NetworkDetachRequest { detach_type: 1 }),
        ("Transport", EmmMessage::DownlinkGenericTransport(GenericContainer::of_handover_parameters(&parameters)?)),
    ] {
        corpora.offer(RADIO, &format!("nas-{name}"), &message.octets()?);
    }
    Ok(())
}

fn in_frame(payload: CorePayload) -> Result<Vec<u8>, Box<dyn Error>> {
    let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: [10, 64, 0, last].into() };
    Ok(CoreFrame { from: place(1), to: place(2), payload }.octets(1)?)
}
