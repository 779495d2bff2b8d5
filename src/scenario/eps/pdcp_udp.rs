//! The air of a run by route 1 of `eps-systems.md` 5.3: every PDCP PDU in a UDP datagram, and a table of keys to paste into
//! Wireshark, which then shows user packets as well.

use std::collections::BTreeSet;

use super::contexts::AllContexts;
use super::epochs::Epochs;
use super::radio_annotations::command;
use super::recorded_capture::ue_id;
use super::recorder::Recorded;
use super::topology::{LinkKind as Reference, Topology};
use crate::capture::{Capture, CapturedFrame, InterfaceDescription, LinkKind};
use crate::emulation::Sender;
use crate::eps::parameters::LinkDirection;
use crate::eps::security::handover_keys::AsKeys;
use crate::eps::wire::WireError;
use crate::eps::wire::mac_pdu::{LCID_SRB1, LCID_SRB2, MacPdu};
use crate::eps::wire::pdcp_udp::{KEY_TABLE, KeyTableRow, OPTIONS, PdcpOverUdp, Plane};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rlc::AmDataPdu;
use crate::eps::wire::rrc::UlDcchMessage;
use crate::scenario::script::EpsScript;

/// The capture, and what Wireshark needs for it.
pub struct PdcpCapture {
    /// IP packets with PDCP in UDP.
    pub capture: Capture,
    /// The command line that shows it, for tshark and, from its second word on, for Wireshark; `FILE` stands for the capture.
    pub command: String,
}

/// Octets of a missing MAC-I, with which PDUs without a header end on DCCH.
const NO_MAC: [u8; 4] = [0; 4];
/// The LCID of data bearer 1, and the number of its channel here.
const LCID_DRB1: u8 = 3;

pub(super) fn capture(
    script: &EpsScript,
    recorded: &[Recorded],
    epochs: &Epochs,
    contexts: &AllContexts,
    topology: &Topology,
) -> Result<PdcpCapture, WireError> {
    let mut frames = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    let mut announced: BTreeSet<usize> = BTreeSet::new();
    for one in recorded {
        let link = topology.link(one.sent.port);
        let (Reference::Uu, Sender::Node(node), Ok(frame)) = (link.kind, one.sent.from, RadioFrame::parse(&one.octets))
        else {
            continue;
        };
        let Some(position) = epochs.of_frame(node, frame.c_rnti, one.sent.time) else { continue };
        let (Some(epoch), Some(ue_id)) = (epochs.all.get(position), ue_id(position)) else { continue };
        let [ue, enb] = link.ends.map(|end| topology.addresses[end.0]);
        let mut push = |plane: Plane, direction: LinkDirection, header_absent: bool, channel_id: u16, pdu: Vec<u8>| {
            let record = PdcpOverUdp { header_absent, plane, direction, channel_id, ue_id, pdu };
            let (source, destination) = if direction == LinkDirection::Uplink { (ue, enb) } else { (enb, ue) };
            let octets = record.ip_packet(source, destination)?;
            frames.push(CapturedFrame {
                time: one.sent.time,
                interface: 0,
                octets,
                direction: None,
                source: None,
                destination: None,
                comment: if header_absent { "annotation: algorithms".to_owned() } else { one.sent.note.clone() },
            });
            Ok::<(), WireError>(())
        };
        if announced.insert(position) {
            let algorithms = epoch.algorithms;
            let AsKeys { rrc_enc, rrc_int, up_enc } =
                AsKeys::derive(&epoch.kenb, algorithms.ciphering, algorithms.integrity);
            // Where a UPE ciphers user packets, its key is in use in every cell.
            let up_enc = contexts.up_key(epoch.ue, one.sent.time).unwrap_or(up_enc);
            rows.push(KeyTableRow { ue_id, rrc_enc, up_enc, rrc_int }.to_string());
            let completion = UlDcchMessage::ReconfigurationComplete { transaction: 0 }.octets()?;
            let without_mac = |message: Vec<u8>| [&message[..], &NO_MAC].concat();
            push(Plane::Signalling, LinkDirection::Downlink, true, 1, without_mac(command(epoch).octets()?))?;
            push(Plane::Signalling, LinkDirection::Uplink, true, 1, without_mac(completion))?;
        }
        let Ok(mac) = MacPdu::parse(&frame.mac_pdu) else { continue };
        let Ok(rlc) = AmDataPdu::parse(&mac.sdu) else { continue };
        match mac.lcid {
            LCID_SRB1 | LCID_SRB2 => push(Plane::Signalling, frame.direction, false, u16::from(mac.lcid), rlc.sdu)?,
            LCID_DRB1 => push(Plane::User, frame.direction, false, 1, rlc.sdu)?,
            _ => {}
        }
    }
    let keys = rows.iter().map(|row| format!(" \\\n  -o '{KEY_TABLE}{row}'"));
    let command = format!("tshark -2 -r FILE {}{}", OPTIONS.join(" "), keys.collect::<String>());
    let capture = Capture {
        section_comment: format!(
            "PDCP of the air in UDP; scenario {}; seed {}; keys: {command}",
            script.title.name, script.title.seed
        ),
        interfaces: vec![InterfaceDescription {
            name: "pdcp".to_owned(),
            description: "PDCP PDUs of all air interfaces, in UDP".to_owned(),
            kind: LinkKind::RawIp,
        }],
        names: topology.addresses.iter().copied().zip(topology.names.iter().cloned()).collect(),
        frames,
        secrets: Vec::new(),
    };
    Ok(PdcpCapture { capture, command })
}
