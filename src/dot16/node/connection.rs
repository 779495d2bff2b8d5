//! A mobile's connections at one BS: its CIDs, and how management messages and SDUs become PDUs on them.

use crate::dot16::identifiers::{Bsid, Cid, Direction, Said, Sfid};
use crate::dot16::security::entry_keys::EntryKeys;
use crate::dot16::wire::{
    Candidate, CandidateFlow, CmacTuple, CrcForm, GenericMacHeader, MacPdu, ManagementMessage, PduType, WireError,
    management,
};

/// A service flow at one BS. Flows are unidirectional, so its transport CID tells the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Service flow identifier; the same at every BS.
    pub sfid: Sfid,
    /// Transport CID at this BS.
    pub cid: Cid,
    /// Security association; assigned at network entry and kept at handover (R9).
    pub said: Said,
    /// Direction.
    pub direction: Direction,
}

impl Flow {
    /// The direction of a service flow. The messages that carry SFIDs do not say it, so SFIDs are assigned by parity:
    /// odd ones are uplink flows.
    #[must_use]
    pub const fn direction_of(sfid: Sfid) -> Direction {
        if sfid.0 % 2 == 1 { Direction::Uplink } else { Direction::Downlink }
    }
}

/// The CIDs of a mobile at one BS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Basic CID.
    pub basic: Cid,
    /// Primary management CID.
    pub primary: Cid,
    /// The service flows.
    pub flows: Vec<Flow>,
}

impl Connection {
    /// From what a target allocated (R17).
    #[must_use]
    pub fn from_candidate(candidate: &Candidate) -> Self {
        let flow = |flow: &CandidateFlow| Flow {
            sfid: flow.sfid,
            cid: flow.cid,
            said: flow.said,
            direction: Flow::direction_of(flow.sfid),
        };
        Self {
            basic: candidate.basic_cid,
            primary: candidate.primary_cid,
            flows: candidate.flows.iter().map(flow).collect(),
        }
    }

    /// As `bs` tells the mobile (R17).
    #[must_use]
    pub fn to_candidate(&self, bs: Bsid) -> Candidate {
        let flow = |flow: &Flow| CandidateFlow { sfid: flow.sfid, cid: flow.cid, said: flow.said };
        Candidate {
            bsid: bs,
            basic_cid: self.basic,
            primary_cid: self.primary,
            flags: 0,
            flows: self.flows.iter().map(flow).collect(),
        }
    }

    /// Every CID.
    pub fn cids(&self) -> impl Iterator<Item = Cid> {
        [self.basic, self.primary].into_iter().chain(self.flows.iter().map(|flow| flow.cid))
    }

    /// The flow with this SFID.
    #[must_use]
    pub fn flow(&self, sfid: Sfid) -> Option<Flow> {
        self.flows.iter().copied().find(|flow| flow.sfid == sfid)
    }

    /// The flow on a transport CID.
    #[must_use]
    pub fn flow_on(&self, cid: Cid) -> Option<Flow> {
        self.flows.iter().copied().find(|flow| flow.cid == cid)
    }
}

/// A header for a PDU of `pdu_type` on `cid`; length, EC, CI and EKS are set where the PDU is built.
#[must_use]
pub fn header(pdu_type: PduType, cid: Cid) -> GenericMacHeader {
    GenericMacHeader {
        encrypted: false,
        pdu_type,
        extended_subheader_group: false,
        crc_present: true,
        eks: 0,
        reserved: false,
        length: 0,
        cid,
    }
}

/// A management PDU without CMAC tuple.
///
/// # Errors
/// If the message cannot be written.
pub fn plain_pdu(message: &ManagementMessage, cid: Cid, crc: CrcForm) -> Result<Vec<u8>, WireError> {
    MacPdu::build(header(PduType::NONE, cid), &message.octets()?, Some(crc))
}

/// A management PDU whose last TLV is a CMAC tuple under `keys`; in a PKM message, whose key sequence number has to be that of
/// `keys`, a CMAC digest.
///
/// # Errors
/// If the message cannot be written; exhausted CMAC_PNs are reported the same way.
pub fn signed_pdu(
    mut message: ManagementMessage,
    cid: Cid,
    direction: Direction,
    keys: &mut EntryKeys,
    crc: CrcForm,
) -> Result<Vec<u8>, WireError> {
    let tuple = keys.sign(direction, cid, &message.octets()?).map_err(|error| WireError {
        layer: "CMAC tuple",
        offset: 0,
        expected: "an unused CMAC_PN".into(),
        found: error.to_string(),
    })?;
    message.push_cmac_tuple(tuple);
    plain_pdu(&message, cid, crc)
}

/// A received management message with its CMAC tuple and the octets that the CMAC covers.
#[derive(Debug)]
pub struct ReceivedMessage<'a> {
    /// The message.
    pub message: ManagementMessage,
    /// The tuple and the octets before it, if the last TLV is one.
    pub protected: Option<(CmacTuple, &'a [u8])>,
}

/// Parses the body of a management PDU.
///
/// # Errors
/// If it is malformed.
pub fn parse_management<'a>(pdu: &MacPdu<'a>) -> Result<ReceivedMessage<'a>, WireError> {
    let message = ManagementMessage::parse(pdu.body)?;
    let protected = message.cmac_tuple().and_then(|tuple| Some((tuple, management::protected_part(pdu.body, &tuple)?)));
    Ok(ReceivedMessage { message, protected })
}
