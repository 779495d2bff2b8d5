//! NAS messages between UE and MME, carried by S1AP (TS 36.413 clause 9.1.7).

use oxirush_s1ap::s1ap::{MMECode, MTMSI, RRCEstablishmentCause, S1AP_PDU, STMSI};
use oxirush_s1ap::{Error, build_s1ap, ie};

use super::Message;
use super::fields::{UeS1apIds, cell, tai};
use super::received::Received;
use crate::eps::identifiers::{Ecgi, EnbUeS1apId, MTmsi, MmeCode, STmsi, Tai};
use crate::eps::wire::WireError;

/// INITIAL UE MESSAGE: the first NAS message of a UE. The establishment cause is `mo-Signalling`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialUeMessage {
    /// What the eNB calls the UE.
    pub enb_ue_id: EnbUeS1apId,
    /// The NAS message.
    pub nas_pdu: Vec<u8>,
    /// The tracking area of the cell.
    pub tai: Tai,
    /// The cell.
    pub cell: Ecgi,
    /// The UE's temporary identity, if it gave one to the eNB.
    pub s_tmsi: Option<STmsi>,
}

impl Message for InitialUeMessage {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let Self { enb_ue_id, nas_pdu, tai: area, cell: place, s_tmsi } = self;
        let cause = RRCEstablishmentCause::mo_Signalling;
        match s_tmsi {
            None => build_s1ap!(
                InitiatingMessage,
                initialUEMessage,
                InitialUEMessage,
                eNB_UE_S1AP_ID(enb_ue_id.get()),
                NAS_PDU(nas_pdu.as_slice()),
                TAI(tai(*area)),
                EUTRAN_CGI(cell(*place)),
                RRC_Establishment_Cause(cause),
            ),
            Some(STmsi { code, m_tmsi }) => build_s1ap!(
                InitiatingMessage,
                initialUEMessage,
                InitialUEMessage,
                eNB_UE_S1AP_ID(enb_ue_id.get()),
                NAS_PDU(nas_pdu.as_slice()),
                TAI(tai(*area)),
                EUTRAN_CGI(cell(*place)),
                RRC_Establishment_Cause(cause),
                S_TMSI(STMSI::new(MMECode([code.0]), MTMSI(m_tmsi.0.to_be_bytes()), None)),
            ),
        }
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        let s_tmsi = received.optional::<ie::S_TMSI>()?.map(|found| {
            let [code] = found.mmec.0;
            STmsi { code: MmeCode(code), m_tmsi: MTmsi(u32::from_be_bytes(found.m_tmsi.0)) }
        });
        Ok(Self {
            enb_ue_id: received.enb_ue_id()?,
            nas_pdu: received.nas_pdu()?,
            tai: received.tai()?,
            cell: received.cell()?,
            s_tmsi,
        })
    }
}

/// DOWNLINK NAS TRANSPORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownlinkNasTransport {
    /// The UE.
    pub ue: UeS1apIds,
    /// The NAS message.
    pub nas_pdu: Vec<u8>,
}

impl Message for DownlinkNasTransport {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            downlinkNASTransport,
            DownlinkNASTransport,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            NAS_PDU(self.nas_pdu.as_slice()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, nas_pdu: received.nas_pdu()? })
    }
}

/// UPLINK NAS TRANSPORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UplinkNasTransport {
    /// The UE.
    pub ue: UeS1apIds,
    /// The NAS message.
    pub nas_pdu: Vec<u8>,
    /// The cell it came from.
    pub cell: Ecgi,
    /// The tracking area of that.
    pub tai: Tai,
}

impl Message for UplinkNasTransport {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            uplinkNASTransport,
            UplinkNASTransport,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            NAS_PDU(self.nas_pdu.as_slice()),
            EUTRAN_CGI(cell(self.cell)),
            TAI(tai(self.tai)),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, nas_pdu: received.nas_pdu()?, cell: received.cell()?, tai: received.tai()? })
    }
}
