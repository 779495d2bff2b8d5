//! After a handover over X2: the path of the bearers goes to the target eNB, and a fresh NH comes to it (TS 36.413 clause 8.4.4).

use oxirush_s1ap::s1ap::{Cause, ERABToBeSwitchedDLItem, S1AP_PDU};
use oxirush_s1ap::{Error, build_s1ap, build_s1ap_ie, ie};

use super::Message;
use super::fields::{SecurityContext, UeS1apIds, address, bearer, capabilities, cell, of_erab, tai, teid};
use super::received::Received;
use crate::eps::identifiers::{Ecgi, EnbUeS1apId, MmeUeS1apId, Tai};
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{Erab, UeSecurityCapabilities};

/// PATH SWITCH REQUEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSwitchRequest {
    /// What the target eNB calls the UE.
    pub enb_ue_id: EnbUeS1apId,
    /// Its bearers, 1 to 256, with the tunnels of their downlink at the target eNB.
    pub bearers: Vec<Erab>,
    /// What the MME calls the UE, as the source eNB said.
    pub mme_ue_id: MmeUeS1apId,
    /// The target cell.
    pub cell: Ecgi,
    /// The tracking area of that.
    pub tai: Tai,
    /// What the UE is capable of, as the source eNB said.
    pub capabilities: UeSecurityCapabilities,
}

impl Message for PathSwitchRequest {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let items = self.bearers.iter().map(|Erab { ebi, tunnel }| {
            let item = ERABToBeSwitchedDLItem::new(bearer(*ebi), address(tunnel.address), teid(tunnel.teid), None);
            build_s1ap_ie!(REJECT E_RABToBeSwitchedDLItem(item))
        });
        let items: Vec<_> = items.collect::<Result<_, _>>()?;
        build_s1ap!(
            InitiatingMessage,
            PathSwitchRequest,
            PathSwitchRequest,
            eNB_UE_S1AP_ID(self.enb_ue_id.get()),
            E_RABToBeSwitchedDLList(items),
            SourceMME_UE_S1AP_ID(self.mme_ue_id.0),
            EUTRAN_CGI(cell(self.cell)),
            TAI(tai(self.tai)),
            UESecurityCapabilities(capabilities(self.capabilities)),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self {
            enb_ue_id: received.enb_ue_id()?,
            bearers: received.items::<ie::E_RABToBeSwitchedDLList, _>(|item| {
                of_erab(&item.e_rab_id, &item.transport_layer_address, &item.gtp_teid)
            })?,
            mme_ue_id: MmeUeS1apId(received.required::<ie::SourceMME_UE_S1AP_ID>()?.0),
            cell: received.cell()?,
            tai: received.tai()?,
            capabilities: received.capabilities()?,
        })
    }
}

/// PATH SWITCH REQUEST ACKNOWLEDGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSwitchRequestAcknowledge {
    /// The UE.
    pub ue: UeS1apIds,
    /// The fresh NH, for the next handover.
    pub security: SecurityContext,
}

impl Message for PathSwitchRequestAcknowledge {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            SuccessfulOutcome,
            PathSwitchRequest,
            PathSwitchRequestAcknowledge,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            SecurityContext(self.security.asn()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, security: received.security_context()? })
    }
}

/// PATH SWITCH REQUEST FAILURE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSwitchRequestFailure {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
}

impl Message for PathSwitchRequestFailure {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            UnsuccessfulOutcome,
            PathSwitchRequest,
            PathSwitchRequestFailure,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            Cause(self.cause.clone()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, cause: received.cause()? })
    }
}
