//! A handover over S1 as the source eNB sees it: required, commanded, refused or cancelled (TS 36.413 clauses 8.4.1 and 8.4.5).

use oxirush_s1ap::s1ap::{Cause, HandoverType, S1AP_PDU};
use oxirush_s1ap::{Error, build_s1ap, ie};

use super::Message;
use super::fields::{UeS1apIds, of_target, target};
use super::received::Received;
use crate::eps::identifiers::{GlobalEnbId, Tai};
use crate::eps::wire::WireError;

/// HANDOVER REQUIRED: the contribution's handover request to the MME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverRequired {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
    /// The eNB it is to go to.
    pub target: GlobalEnbId,
    /// A tracking area that this serves: by it the MME finds the target's MME.
    pub target_tai: Tai,
    /// For the target eNB: octets of a [`SourceToTargetContainer`](super::SourceToTargetContainer).
    pub container: Vec<u8>,
}

impl Message for HandoverRequired {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            HandoverPreparation,
            HandoverRequired,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            HandoverType(HandoverType::intralte),
            Cause(self.cause.clone()),
            TargetID(target(self.target, self.target_tai)),
            Source_ToTarget_TransparentContainer(self.container.as_slice()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        let found = received.required::<ie::TargetID>()?;
        let (target, target_tai) =
            of_target(&found).ok_or_else(|| received.refused::<ie::TargetID>("a macro eNB", "another node"))?;
        Ok(Self {
            ue: received.ue_ids()?,
            cause: received.cause()?,
            target,
            target_tai,
            container: received.source_to_target()?,
        })
    }
}

/// HANDOVER COMMAND: the contribution's acknowledge to the source eNB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverCommand {
    /// The UE.
    pub ue: UeS1apIds,
    /// `NASSecurityParametersfromE-UTRAN`: what the MME says to the UE through the source eNB, as NAS protects it. In the
    /// contribution's handover with the MME, INDICATION and PARA; in the standard's within LTE, nothing.
    pub nas_security_parameters: Option<Vec<u8>>,
    /// From the target eNB: octets of a [`TargetToSourceContainer`](super::TargetToSourceContainer).
    pub container: Vec<u8>,
}

impl Message for HandoverCommand {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let Self { ue, nas_security_parameters, container } = self;
        match nas_security_parameters {
            None => build_s1ap!(
                SuccessfulOutcome,
                HandoverPreparation,
                HandoverCommand,
                MME_UE_S1AP_ID(ue.mme.0),
                eNB_UE_S1AP_ID(ue.enb.get()),
                HandoverType(HandoverType::intralte),
                Target_ToSource_TransparentContainer(container.as_slice()),
            ),
            Some(parameters) => build_s1ap!(
                SuccessfulOutcome,
                HandoverPreparation,
                HandoverCommand,
                MME_UE_S1AP_ID(ue.mme.0),
                eNB_UE_S1AP_ID(ue.enb.get()),
                HandoverType(HandoverType::intralte),
                NASSecurityParametersfromE_UTRAN(parameters.as_slice()),
                Target_ToSource_TransparentContainer(container.as_slice()),
            ),
        }
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        let parameters = received.optional::<ie::NASSecurityParametersfromE_UTRAN>()?;
        Ok(Self {
            ue: received.ue_ids()?,
            nas_security_parameters: parameters.map(|parameters| parameters.0.to_vec()),
            container: received.target_to_source()?,
        })
    }
}

/// HANDOVER PREPARATION FAILURE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverPreparationFailure {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
}

impl Message for HandoverPreparationFailure {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            UnsuccessfulOutcome,
            HandoverPreparation,
            HandoverPreparationFailure,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            Cause(self.cause.clone()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, cause: received.cause()? })
    }
}

/// HANDOVER CANCEL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverCancel {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
}

impl Message for HandoverCancel {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            HandoverCancel,
            HandoverCancel,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            Cause(self.cause.clone()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, cause: received.cause()? })
    }
}

/// HANDOVER CANCEL ACKNOWLEDGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverCancelAcknowledge {
    /// The UE.
    pub ue: UeS1apIds,
}

impl Message for HandoverCancelAcknowledge {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            SuccessfulOutcome,
            HandoverCancel,
            HandoverCancelAcknowledge,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()? })
    }
}
