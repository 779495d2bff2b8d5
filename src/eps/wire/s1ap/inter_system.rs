//! Handovers over S1 between E-UTRAN and UTRAN (TS 36.413 clauses 8.4.1 and 8.4.2): the same procedures as within LTE, with another
//! type of handover, another target, and what the UE needs for its keys.

use oxirush_s1ap::s1ap::{
    Cause, ERABToBeSetupItemHOReq, HandoverType, LAI, LastVisitedCellItem, LastVisitedUTRANCellInformation, RNCID,
    RRCContainer, S1AP_PDU, SourceeNBToTargeteNBTransparentContainer, TargetID, TargetRNCID, UEHistoryInformation,
    encode_open_type,
};
use oxirush_s1ap::{Error, build_s1ap, build_s1ap_ie, ie, s1ap as asn};

use super::fields::{SecurityContext, UeS1apIds, address, bearer, bit_rates, capabilities, cell, of_erab, qos, teid};
use super::received::Received;
use super::{LAYER, Message};
use crate::eps::identifiers::{Ecgi, MmeUeS1apId, Plmn};
use crate::eps::keys::{Kenb, Nh};
use crate::eps::parameters::Ncc;
use crate::eps::wire::WireError;
use crate::eps::wire::ranap::{RncIdentity, last_visited_cell};
use crate::eps::wire::ue_context::{Erab, UeSecurityCapabilities};

/// Which system a handover is to.
pub(super) fn handover_type(received: &Received<'_>) -> Option<HandoverType> {
    received.optional::<ie::HandoverType>().ok().flatten()
}

/// HANDOVER REQUIRED to UTRAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverToUtranRequired {
    /// The UE.
    pub ue: UeS1apIds,
    /// Why.
    pub cause: Cause,
    /// The RNC that it is to go to.
    pub target: RncIdentity,
    /// For that: octets of a [`SourceRncContainer`](crate::eps::wire::ranap::SourceRncContainer).
    pub container: Vec<u8>,
}

fn target(RncIdentity { plmn, lac, rac, rnc }: RncIdentity) -> TargetID {
    let area = LAI::new(super::fields::plmn(plmn), asn::LAC(lac.to_be_bytes()), None);
    TargetID::targetRNC_ID(TargetRNCID::new(area, Some(asn::RAC([rac])), RNCID(rnc), None, None))
}

fn of_target(target: &TargetID) -> Option<RncIdentity> {
    let TargetID::targetRNC_ID(TargetRNCID { lai, rac, rnc_id, .. }) = target else { return None };
    let rac = rac.as_ref().map_or(0, |asn::RAC([rac])| *rac);
    let plmn = Plmn::from_ap_octets(lai.plmn_identity.0.0);
    Some(RncIdentity { plmn, lac: u16::from_be_bytes(lai.lac.0), rac, rnc: rnc_id.0 })
}

impl Message for HandoverToUtranRequired {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            HandoverPreparation,
            HandoverRequired,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            HandoverType(HandoverType::ltetoutran),
            Cause(self.cause.clone()),
            TargetID(target(self.target)),
            Source_ToTarget_TransparentContainer(self.container.as_slice()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        let found = received.required::<ie::TargetID>()?;
        let target = of_target(&found).ok_or_else(|| received.refused::<ie::TargetID>("an RNC", "another node"))?;
        Ok(Self { ue: received.ue_ids()?, cause: received.cause()?, target, container: received.source_to_target()? })
    }
}

/// HANDOVER COMMAND to UTRAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverToUtranCommand {
    /// The UE.
    pub ue: UeS1apIds,
    /// `NASSecurityParametersfromE-UTRAN`, 1 octet for the UE: in its low 4 bits those of the downlink NAS COUNT.
    pub nas_security: u8,
    /// From the RNC: octets of a [`TargetRncContainer`](crate::eps::wire::ranap::TargetRncContainer).
    pub container: Vec<u8>,
}

impl Message for HandoverToUtranCommand {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            SuccessfulOutcome,
            HandoverPreparation,
            HandoverCommand,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            HandoverType(HandoverType::ltetoutran),
            NASSecurityParametersfromE_UTRAN([self.nas_security].as_slice()),
            Target_ToSource_TransparentContainer(self.container.as_slice()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        let parameters = received.required::<ie::NASSecurityParametersfromE_UTRAN>()?;
        let [nas_security] = *parameters.0.as_ref() else {
            return Err(received.refused::<ie::NASSecurityParametersfromE_UTRAN>("1 octet", parameters.0.len()));
        };
        Ok(Self { ue: received.ue_ids()?, nas_security, container: received.target_to_source()? })
    }
}

/// HANDOVER REQUEST of a UE that comes from UTRAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverFromUtranRequest {
    /// What the MME calls the UE.
    pub mme_ue_id: MmeUeS1apId,
    /// Why.
    pub cause: Cause,
    /// The UE's bearers, 1 to 256, with the tunnels of their uplink at the S-GW.
    pub bearers: Vec<Erab>,
    /// From the source: octets of [`container_from_utran`].
    pub container: Vec<u8>,
    /// What the UE is capable of.
    pub capabilities: UeSecurityCapabilities,
    /// KeNB, which stands in the place of NH, with NCC 0.
    pub kenb: Kenb,
    /// `NASSecurityParameterstoE-UTRAN`, for the UE: 6 octets of
    /// [`NasSecurityToEutra`](crate::eps::wire::inter_system::NasSecurityToEutra), where the seed rules a NAS message behind them.
    pub nas_security: Vec<u8>,
}

impl Message for HandoverFromUtranRequest {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        let items = self.bearers.iter().map(|Erab { ebi, tunnel }| {
            let (address, teid) = (address(tunnel.address), teid(tunnel.teid));
            let item = ERABToBeSetupItemHOReq::new(bearer(*ebi), address, teid, qos(), None);
            build_s1ap_ie!(REJECT E_RABToBeSetupItemHOReq(item))
        });
        let items: Vec<_> = items.collect::<Result<_, _>>()?;
        let security = SecurityContext { ncc: Ncc::new(0), next_hop: Nh::from_octets(*self.kenb.octets()) };
        build_s1ap!(
            InitiatingMessage,
            HandoverResourceAllocation,
            HandoverRequest,
            MME_UE_S1AP_ID(self.mme_ue_id.0),
            HandoverType(HandoverType::utrantolte),
            Cause(self.cause.clone()),
            uEaggregateMaximumBitrate(bit_rates()),
            E_RABToBeSetupListHOReq(items),
            Source_ToTarget_TransparentContainer(self.container.as_slice()),
            UESecurityCapabilities(capabilities(self.capabilities)),
            SecurityContext(security.asn()),
            NASSecurityParameterstoE_UTRAN(self.nas_security.as_slice()),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        let security = received.security_context()?;
        Ok(Self {
            mme_ue_id: received.mme_ue_id()?,
            cause: received.cause()?,
            bearers: received.items::<ie::E_RABToBeSetupListHOReq, _>(|item| {
                of_erab(&item.e_rab_id, &item.transport_layer_address, &item.gtp_teid)
            })?,
            container: received.source_to_target()?,
            capabilities: received.capabilities()?,
            kenb: Kenb::from_octets(*security.next_hop.octets()),
            nas_security: received.required::<ie::NASSecurityParameterstoE_UTRAN>()?.0.to_vec(),
        })
    }
}

/// Source eNB to Target eNB Transparent Container as an RNC writes it: the cell that the UE is to go to, the one of UTRAN that it is in,
/// and HandoverPreparationInformation of RRC.
///
/// # Errors
///
/// A cell of more than 28 bits.
pub fn container_from_utran(rrc: &[u8], target: Ecgi, source: (Plmn, u32)) -> Result<Vec<u8>, WireError> {
    let last = LastVisitedUTRANCellInformation(last_visited_cell(source.0, source.1)?.into());
    let container = SourceeNBToTargeteNBTransparentContainer::new(
        RRCContainer(rrc.into()),
        None,
        cell(target),
        None,
        UEHistoryInformation(vec![LastVisitedCellItem::uTRAN_Cell(last)]),
        None,
    );
    let octets = encode_open_type(&container).map(|octets| octets.into_vec());
    octets.map_err(|error| WireError::new(LAYER, 0, "a container that encodes", error))
}
