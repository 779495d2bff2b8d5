//! A handover over S1 as the target eNB sees it: requested, granted or refused, and done (TS 36.413 clauses 8.4.2 and 8.4.3).

use oxirush_s1ap::s1ap::{Cause, ERABAdmittedItem, ERABToBeSetupItemHOReq, HandoverType, S1AP_PDU};
use oxirush_s1ap::{Error, build_s1ap, build_s1ap_ie, ie};

use super::Message;
use super::fields::{
    SecurityContext, UeS1apIds, address, bearer, bit_rates, capabilities, cell, of_erab, qos, tai, teid,
};
use super::received::Received;
use crate::eps::identifiers::{Ecgi, MmeUeS1apId, Tai};
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{Erab, UeSecurityCapabilities};

/// HANDOVER REQUEST: the contribution's handover request to the target eNB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverRequest {
    /// What the MME calls the UE.
    pub mme_ue_id: MmeUeS1apId,
    /// Why.
    pub cause: Cause,
    /// The UE's bearers, 1 to 256, with the tunnels of their uplink at the S-GW.
    pub bearers: Vec<Erab>,
    /// From the source eNB: octets of a [`SourceToTargetContainer`](super::SourceToTargetContainer).
    pub container: Vec<u8>,
    /// What the UE is capable of.
    pub capabilities: UeSecurityCapabilities,
    /// The key that the target's KeNB is made of.
    pub security: SecurityContext,
}

impl Message for HandoverRequest {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let items = self.bearers.iter().map(|Erab { ebi, tunnel }| {
            let (address, teid) = (address(tunnel.address), teid(tunnel.teid));
            let item = ERABToBeSetupItemHOReq::new(bearer(*ebi), address, teid, qos(), None);
            build_s1ap_ie!(REJECT E_RABToBeSetupItemHOReq(item))
        });
        let items: Vec<_> = items.collect::<Result<_, _>>()?;
        build_s1ap!(
            InitiatingMessage,
            HandoverResourceAllocation,
            HandoverRequest,
            MME_UE_S1AP_ID(self.mme_ue_id.0),
            HandoverType(HandoverType::intralte),
            Cause(self.cause.clone()),
            uEaggregateMaximumBitrate(bit_rates()),
            E_RABToBeSetupListHOReq(items),
            Source_ToTarget_TransparentContainer(self.container.as_slice()),
            UESecurityCapabilities(capabilities(self.capabilities)),
            SecurityContext(self.security.asn()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self {
            mme_ue_id: received.mme_ue_id()?,
            cause: received.cause()?,
            bearers: received.items::<ie::E_RABToBeSetupListHOReq, _>(|item| {
                of_erab(&item.e_rab_id, &item.transport_layer_address, &item.gtp_teid)
            })?,
            container: received.source_to_target()?,
            capabilities: received.capabilities()?,
            security: received.security_context()?,
        })
    }
}

/// HANDOVER REQUEST ACKNOWLEDGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverRequestAcknowledge {
    /// The UE, with the identifier that the target eNB gave it.
    pub ue: UeS1apIds,
    /// The bearers that it may keep, 1 to 256, with the tunnels of their downlink at the target eNB.
    pub admitted: Vec<Erab>,
    /// For the source eNB: octets of a [`TargetToSourceContainer`](super::TargetToSourceContainer).
    pub container: Vec<u8>,
}

impl Message for HandoverRequestAcknowledge {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let items = self.admitted.iter().map(|Erab { ebi, tunnel }| {
            let (address, teid) = (address(tunnel.address), teid(tunnel.teid));
            let item = ERABAdmittedItem::new(bearer(*ebi), address, teid, None, None, None, None, None);
            build_s1ap_ie!(IGNORE E_RABAdmittedItem(item))
        });
        let items: Vec<_> = items.collect::<Result<_, _>>()?;
        build_s1ap!(
            SuccessfulOutcome,
            HandoverResourceAllocation,
            HandoverRequestAcknowledge,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            E_RABAdmittedList(items),
            Target_ToSource_TransparentContainer(self.container.as_slice()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self {
            ue: received.ue_ids()?,
            admitted: received.items::<ie::E_RABAdmittedList, _>(|item| {
                of_erab(&item.e_rab_id, &item.transport_layer_address, &item.gtp_teid)
            })?,
            container: received.target_to_source()?,
        })
    }
}

/// HANDOVER FAILURE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverFailure {
    /// What the MME calls the UE.
    pub mme_ue_id: MmeUeS1apId,
    /// Why.
    pub cause: Cause,
}

impl Message for HandoverFailure {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            UnsuccessfulOutcome,
            HandoverResourceAllocation,
            HandoverFailure,
            MME_UE_S1AP_ID(self.mme_ue_id.0),
            Cause(self.cause.clone()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { mme_ue_id: received.mme_ue_id()?, cause: received.cause()? })
    }
}

/// HANDOVER NOTIFY: the UE has come to the target cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverNotify {
    /// The UE.
    pub ue: UeS1apIds,
    /// Its cell.
    pub cell: Ecgi,
    /// The tracking area of that.
    pub tai: Tai,
}

impl Message for HandoverNotify {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            HandoverNotification,
            HandoverNotify,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            EUTRAN_CGI(cell(self.cell)),
            TAI(tai(self.tai)),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, cell: received.cell()?, tai: received.tai()? })
    }
}
