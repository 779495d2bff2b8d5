//! The radio of EPS: records of a capture, MAC, RLC and PDCP PDUs, RRC and NAS messages; frames of UTRAN, and the RRC messages in
//! those; frames of GERAN, LLC, and the messages of an SGSN in both.
//!
//! The octets are read as each of these, and then layer by layer as far as they go. What was read is written as the octets it
//! was read from.

use std::fmt::Debug;

use keyhop::eps::parameters::{HandoverParameters, TargetInput};
use keyhop::eps::wire::WireError;
use keyhop::eps::wire::dct2000::KeyRecord;
use keyhop::eps::wire::gprs::{LlcContents, LlcFrame};
use keyhop::eps::wire::mac_pdu::{LCID_CCCH, LCID_SRB1, LCID_SRB2, MacPdu};
use keyhop::eps::wire::nas::{EmmMessage, NasMessage, ProtectedNas};
use keyhop::eps::wire::pdcp::{DataPdu, SignallingPdu};
use keyhop::eps::wire::pdcp_udp::PdcpOverUdp;
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::rlc::AmDataPdu;
use keyhop::eps::wire::rrc::utran::{HandoverToUtranCommand, UtranDlMessage, UtranUlMessage};
use keyhop::eps::wire::rrc::{
    DlCcchMessage, DlDcchMessage, HandoverCommand, HandoverPreparationInformation, UlCcchMessage, UlDcchMessage,
};
use keyhop::eps::wire::{GeranFrame, GmmMessage, UtranContents, UtranFrame};

use crate::promises::{explains, within_memory};

/// Reads the octets as everything that the radio has.
pub fn run(octets: &[u8]) {
    radio_frame(octets);
    mac_pdu(octets);
    rlc_pdu(octets);
    signalling(octets);
    comes_back(octets, DataPdu::parse, DataPdu::octets);
    common(octets);
    preparation(octets);
    handover_command(octets);
    nas(octets);
    handover_parameters(octets);
    utran_frame(octets);
    utran(octets);
    geran_frame(octets);
    llc(octets);
    gmm(octets);
    to_utran(octets);
    comes_back(octets, TargetInput::parse, TargetInput::octets);
    if let Some(record) = comes_back(octets, KeyRecord::parse, KeyRecord::octets) {
        dedicated(&record.message);
    }
    if let Some(record) = comes_back(octets, PdcpOverUdp::parse, PdcpOverUdp::octets) {
        signalling(&record.pdu);
    }
}

/// What `parse` makes of the octets is written as the same octets; an error says where it is.
pub fn comes_back<T: Debug>(
    octets: &[u8],
    parse: impl Fn(&[u8]) -> Result<T, WireError>,
    write: impl Fn(&T) -> Result<Vec<u8>, WireError>,
) -> Option<T> {
    match within_memory(octets, || parse(octets)) {
        Ok(value) => {
            assert_eq!(write(&value).as_deref(), Ok(octets), "{value:?}");
            Some(value)
        }
        Err(error) => {
            explains(&error, octets);
            None
        }
    }
}

/// The record of a radio frame, and what is in it.
pub fn radio_frame(octets: &[u8]) {
    if let Some(frame) = comes_back(octets, RadioFrame::parse, RadioFrame::octets) {
        mac_pdu(&frame.mac_pdu);
    }
}

/// A frame on the air of UTRAN, and the message in it.
pub fn utran_frame(octets: &[u8]) {
    let frame = comes_back(octets, UtranFrame::parse, UtranFrame::octets);
    if let Some(UtranContents::Signalling(message)) = frame.map(|frame| frame.contents) {
        utran(&message);
    }
}

/// A message on DCCH of UTRAN.
fn utran(octets: &[u8]) {
    let up = comes_back(octets, UtranUlMessage::parse, |(check, message)| message.octets(*check));
    if let Some((_, UtranUlMessage::InitialDirectTransfer { nas } | UtranUlMessage::DirectTransfer { nas })) = up {
        gmm(&nas);
    }
    let down = comes_back(octets, UtranDlMessage::parse, |(check, message)| message.octets(*check));
    match down {
        Some((_, UtranDlMessage::HandoverFromUtran { eutra, .. })) => dedicated(&eutra),
        Some((_, UtranDlMessage::DirectTransfer { nas, .. })) => gmm(&nas),
        _ => {}
    }
}

/// A frame on the air of GERAN, and the frame of LLC in it.
pub fn geran_frame(octets: &[u8]) {
    if let Some(frame) = comes_back(octets, GeranFrame::parse, |frame| Ok(frame.octets())) {
        llc(&frame.llc);
    }
}

/// A frame of LLC, and the message in it.
pub fn llc(octets: &[u8]) {
    let frame = comes_back(octets, LlcFrame::parse, LlcFrame::octets);
    if let Some(LlcContents::Gmm(message)) = frame.map(|frame| frame.contents) {
        gmm(&message);
    }
}

/// A message between a UE and its SGSN.
pub fn gmm(octets: &[u8]) {
    comes_back(octets, GmmMessage::parse, GmmMessage::octets);
}

/// HANDOVER TO UTRAN COMMAND.
pub fn to_utran(octets: &[u8]) {
    comes_back(octets, HandoverToUtranCommand::parse, HandoverToUtranCommand::octets);
}

fn mac_pdu(octets: &[u8]) {
    let Some(pdu) = comes_back(octets, MacPdu::parse, MacPdu::octets) else { return };
    match pdu.lcid {
        LCID_CCCH => common(&pdu.sdu),
        LCID_SRB1 | LCID_SRB2 => {
            if let Some(sdu) = rlc_pdu(&pdu.sdu) {
                signalling(&sdu);
            }
        }
        _ => {
            if let Some(sdu) = rlc_pdu(&pdu.sdu) {
                comes_back(&sdu, DataPdu::parse, DataPdu::octets);
            }
        }
    }
}

fn rlc_pdu(octets: &[u8]) -> Option<Vec<u8>> {
    comes_back(octets, AmDataPdu::parse, AmDataPdu::octets).map(|pdu| pdu.sdu)
}

fn signalling(octets: &[u8]) {
    let Some(pdu) = comes_back(octets, SignallingPdu::parse, SignallingPdu::octets) else { return };
    assert!(octets.starts_with(&pdu.integrity_input()));
    dedicated(&pdu.message);
}

/// A message on CCCH.
fn common(octets: &[u8]) {
    comes_back(octets, UlCcchMessage::parse, UlCcchMessage::octets);
    comes_back(octets, DlCcchMessage::parse, DlCcchMessage::octets);
}

/// A message on DCCH, and the NAS messages in it.
pub fn dedicated(octets: &[u8]) {
    if let Some(UlDcchMessage::InformationTransfer { nas: message }) =
        comes_back(octets, UlDcchMessage::parse, UlDcchMessage::octets)
    {
        nas(&message);
    }
    match comes_back(octets, DlDcchMessage::parse, DlDcchMessage::octets) {
        Some(DlDcchMessage::InformationTransfer { nas: message, .. }) => nas(&message),
        Some(DlDcchMessage::Reconfiguration(reconfiguration)) => {
            reconfiguration.nas.iter().for_each(|message| nas(message));
        }
        _ => {}
    }
}

/// HandoverPreparationInformation.
pub fn preparation(octets: &[u8]) {
    comes_back(octets, HandoverPreparationInformation::parse, HandoverPreparationInformation::octets);
}

/// HandoverCommand, and the message to the UE in it.
pub fn handover_command(octets: &[u8]) {
    if let Some(command) = comes_back(octets, HandoverCommand::parse, HandoverCommand::octets) {
        dedicated(&command.message);
    }
}

/// A NAS message, and what is in it where it is not ciphered.
pub fn nas(octets: &[u8]) {
    comes_back(octets, ProtectedNas::parse, ProtectedNas::octets);
    match comes_back(octets, NasMessage::parse, NasMessage::octets) {
        Some(NasMessage::Protected(protected)) => {
            assert!(octets.ends_with(&protected.integrity_input()));
            emm(&protected.message);
        }
        Some(NasMessage::Plain(_)) | None => emm(octets),
    }
}

fn emm(octets: &[u8]) {
    if let Some(EmmMessage::DownlinkGenericTransport(container) | EmmMessage::UplinkGenericTransport(container)) =
        comes_back(octets, EmmMessage::parse, EmmMessage::octets)
    {
        let _ = container.handover_parameters();
        let _ = container.target();
        handover_parameters(&container.content);
    }
}

/// INDICATION and PARA.
pub fn handover_parameters(octets: &[u8]) {
    comes_back(octets, HandoverParameters::parse, HandoverParameters::octets);
}
