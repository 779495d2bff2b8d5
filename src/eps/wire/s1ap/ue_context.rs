//! A UE's context at an eNB: set up with KeNB, given another, and released (TS 36.413 clauses 9.1.4 and 9.1.8).

use oxirush_s1ap::s1ap::{
    Cause, ERABSetupItemCtxtSURes, ERABToBeSetupItemCtxtSUReq, NASPDU, S1AP_PDU, UES1APIDPair, UES1APIDs,
};
use oxirush_s1ap::{Error, build_s1ap, build_s1ap_ie, ie};

use super::Message;
use super::fields::{UeS1apIds, address, bearer, bit_rates, capabilities, of_erab, qos, teid};
use super::received::Received;
use crate::eps::identifiers::{EnbUeS1apId, MmeUeS1apId};
use crate::eps::keys::Kenb;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{Erab, UeSecurityCapabilities};

/// A bearer that is to be set up, and the NAS message that goes to the UE with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupBearer {
    /// The bearer, with the tunnel of its uplink at the S-GW.
    pub erab: Erab,
    /// The NAS message.
    pub nas_pdu: Option<Vec<u8>>,
}

/// INITIAL CONTEXT SETUP REQUEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialContextSetupRequest {
    /// The UE.
    pub ue: UeS1apIds,
    /// Its bearers, 1 to 256.
    pub bearers: Vec<SetupBearer>,
    /// What it is capable of.
    pub capabilities: UeSecurityCapabilities,
    /// KeNB (the Security Key, 32 octets).
    pub kenb: Kenb,
}

impl Message for InitialContextSetupRequest {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let items = self.bearers.iter().map(|SetupBearer { erab: Erab { ebi, tunnel }, nas_pdu }| {
            let nas_pdu = nas_pdu.clone().map(NASPDU::from);
            let (address, teid) = (address(tunnel.address), teid(tunnel.teid));
            let item = ERABToBeSetupItemCtxtSUReq::new(bearer(*ebi), qos(), address, teid, nas_pdu, None);
            build_s1ap_ie!(REJECT E_RABToBeSetupItemCtxtSUReq(item))
        });
        let items: Vec<_> = items.collect::<Result<_, _>>()?;
        build_s1ap!(
            InitiatingMessage,
            InitialContextSetup,
            InitialContextSetupRequest,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            uEaggregateMaximumBitrate(bit_rates()),
            E_RABToBeSetupListCtxtSUReq(items),
            UESecurityCapabilities(capabilities(self.capabilities)),
            SecurityKey(*self.kenb.octets()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self {
            ue: received.ue_ids()?,
            bearers: received.items::<ie::E_RABToBeSetupListCtxtSUReq, _>(|item| {
                let erab = of_erab(&item.e_rab_id, &item.transport_layer_address, &item.gtp_teid)?;
                Some(SetupBearer { erab, nas_pdu: item.nas_pdu.map(|pdu| pdu.0.to_vec()) })
            })?,
            capabilities: received.capabilities()?,
            kenb: kenb(received)?,
        })
    }
}

fn kenb(received: &Received<'_>) -> Result<Kenb, WireError> {
    let key = received.required::<ie::SecurityKey>()?;
    let key = <[u8; Kenb::OCTETS]>::try_from(key.0.as_octets());
    key.map(Kenb::from_octets).map_err(|_| received.refused::<ie::SecurityKey>("256 bits", "others"))
}

/// INITIAL CONTEXT SETUP RESPONSE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialContextSetupResponse {
    /// The UE.
    pub ue: UeS1apIds,
    /// Its bearers, 1 to 256, with the tunnels of their downlink at the eNB.
    pub bearers: Vec<Erab>,
}

impl Message for InitialContextSetupResponse {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let items = self.bearers.iter().map(|Erab { ebi, tunnel }| {
            let item = ERABSetupItemCtxtSURes::new(bearer(*ebi), address(tunnel.address), teid(tunnel.teid), None);
            build_s1ap_ie!(IGNORE E_RABSetupItemCtxtSURes(item))
        });
        let items: Vec<_> = items.collect::<Result<_, _>>()?;
        build_s1ap!(
            SuccessfulOutcome,
            InitialContextSetup,
            InitialContextSetupResponse,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            E_RABSetupListCtxtSURes(items),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self {
            ue: received.ue_ids()?,
            bearers: received.items::<ie::E_RABSetupListCtxtSURes, _>(|item| {
                of_erab(&item.e_rab_id, &item.transport_layer_address, &item.gtp_teid)
            })?,
        })
    }
}

/// INITIAL CONTEXT SETUP FAILURE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialContextSetupFailure {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
}

impl Message for InitialContextSetupFailure {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            UnsuccessfulOutcome,
            InitialContextSetup,
            InitialContextSetupFailure,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            Cause(self.cause.clone()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, cause: received.cause()? })
    }
}

/// UE CONTEXT MODIFICATION REQUEST that brings a KeNB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UeContextModificationRequest {
    /// The UE.
    pub ue: UeS1apIds,
    /// KeNB (the Security Key, 32 octets).
    pub kenb: Kenb,
}

impl Message for UeContextModificationRequest {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            UEContextModification,
            UEContextModificationRequest,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            SecurityKey(*self.kenb.octets()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, kenb: kenb(received)? })
    }
}

/// UE CONTEXT MODIFICATION RESPONSE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UeContextModificationResponse {
    /// The UE.
    pub ue: UeS1apIds,
}

impl Message for UeContextModificationResponse {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            SuccessfulOutcome,
            UEContextModification,
            UEContextModificationResponse,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()? })
    }
}

/// UE CONTEXT RELEASE REQUEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UeContextReleaseRequest {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
}

impl Message for UeContextReleaseRequest {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            UEContextReleaseRequest,
            UEContextReleaseRequest,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            Cause(self.cause.clone()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, cause: received.cause()? })
    }
}

/// UE CONTEXT RELEASE COMMAND, of a UE that both ends have an identifier for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UeContextReleaseCommand {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
}

impl Message for UeContextReleaseCommand {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let UeS1apIds { mme, enb } = self.ue;
        let pair = UES1APIDPair::new(mme.0.into(), enb.get().into(), None);
        build_s1ap!(
            InitiatingMessage,
            UEContextRelease,
            UEContextReleaseCommand,
            UE_S1AP_IDs(UES1APIDs::uE_S1AP_ID_pair(pair)),
            Cause(self.cause.clone()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        let ue = match received.required::<ie::UE_S1AP_IDs>()? {
            UES1APIDs::uE_S1AP_ID_pair(UES1APIDPair { mme_ue_s1ap_id: mme, enb_ue_s1ap_id: enb, .. }) => {
                EnbUeS1apId::new(enb.0).map(|enb| UeS1apIds { mme: MmeUeS1apId(mme.0), enb })
            }
            _ => None,
        };
        let ue = ue.ok_or_else(|| received.refused::<ie::UE_S1AP_IDs>("a pair of identifiers", "another choice"))?;
        Ok(Self { ue, cause: received.cause()? })
    }
}

/// UE CONTEXT RELEASE COMPLETE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UeContextReleaseComplete {
    /// The UE.
    pub ue: UeS1apIds,
}

impl Message for UeContextReleaseComplete {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            SuccessfulOutcome,
            UEContextRelease,
            UEContextReleaseComplete,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()? })
    }
}
