//! The values of this crate as those of the ASN.1 of TS 36.413, and back.

use std::net::Ipv4Addr;

use oxirush_s1ap::s1ap::{
    AllocationAndRetentionPriority, BitRate, CellIdentity, ENBID, ERABID, ERABLevelQoSParameters, EUTRANCGI,
    EncryptionAlgorithms, GTPTEID, GlobalENBID, IntegrityProtectionAlgorithms, PLMNidentity, PreEmptionCapability,
    PreEmptionVulnerability, PriorityLevel, TAC, TAI, TBCDSTRING, TargeteNBID, TransportLayerAddress,
    UEAggregateMaximumBitrate,
};
use oxirush_s1ap::{BitString, Bits, ie, s1ap as asn};

use super::received::Received;
use crate::eps::identifiers::{Ebi, Ecgi, Eci, EnbId, EnbUeS1apId, GlobalEnbId, MmeUeS1apId, Plmn, Tac, Tai, Teid};
use crate::eps::keys::Nh;
use crate::eps::parameters::Ncc;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{
    AGGREGATE_MAXIMUM_BIT_RATE, Erab, PRIORITY_LEVEL, QCI, TunnelEndpoint, UeSecurityCapabilities,
};

/// What the two ends of S1 call a UE: 4 octets and 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UeS1apIds {
    /// The MME's.
    pub mme: MmeUeS1apId,
    /// The eNB's.
    pub enb: EnbUeS1apId,
}

/// Security Context (TS 36.413 clause 9.2.1.26): 3 bits and 32 octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityContext {
    /// Which step of the chain the key is of.
    pub ncc: Ncc,
    /// NH; in the contribution's handover with the MME, KeNB* stands in its place.
    pub next_hop: Nh,
}

impl Received<'_> {
    pub(super) fn mme_ue_id(&self) -> Result<MmeUeS1apId, WireError> {
        Ok(MmeUeS1apId(self.required::<ie::MME_UE_S1AP_ID>()?.0))
    }

    pub(super) fn enb_ue_id(&self) -> Result<EnbUeS1apId, WireError> {
        let found = self.required::<ie::eNB_UE_S1AP_ID>()?.0;
        EnbUeS1apId::new(found).ok_or_else(|| self.refused::<ie::eNB_UE_S1AP_ID>("24 bits", found))
    }

    pub(super) fn ue_ids(&self) -> Result<UeS1apIds, WireError> {
        Ok(UeS1apIds { mme: self.mme_ue_id()?, enb: self.enb_ue_id()? })
    }

    pub(super) fn cause(&self) -> Result<asn::Cause, WireError> {
        self.required::<ie::Cause>()
    }

    pub(super) fn nas_pdu(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.required::<ie::NAS_PDU>()?.0.to_vec())
    }

    pub(super) fn cell(&self) -> Result<Ecgi, WireError> {
        let found = self.required::<ie::EUTRAN_CGI>()?;
        of_cell(&found).ok_or_else(|| self.refused::<ie::EUTRAN_CGI>("28 bits", "others"))
    }

    pub(super) fn tai(&self) -> Result<Tai, WireError> {
        Ok(of_tai(&self.required::<ie::TAI>()?))
    }

    pub(super) fn source_to_target(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.required::<ie::Source_ToTarget_TransparentContainer>()?.0.to_vec())
    }

    pub(super) fn target_to_source(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.required::<ie::Target_ToSource_TransparentContainer>()?.0.to_vec())
    }

    pub(super) fn capabilities(&self) -> Result<UeSecurityCapabilities, WireError> {
        let found = self.required::<ie::UESecurityCapabilities>()?;
        let capabilities = algorithms(&found.encryption_algorithms.0)
            .zip(algorithms(&found.integrity_protection_algorithms.0))
            .map(|(encryption, integrity)| UeSecurityCapabilities { encryption, integrity });
        capabilities.ok_or_else(|| self.refused::<ie::UESecurityCapabilities>("16 bits each", "others"))
    }

    pub(super) fn security_context(&self) -> Result<SecurityContext, WireError> {
        let found = self.required::<ie::SecurityContext>()?;
        let key = <[u8; Nh::OCTETS]>::try_from(found.next_hop_parameter.0.as_octets());
        let key = key.map_err(|_| self.refused::<ie::SecurityContext>("256 bits of key", "others"))?;
        Ok(SecurityContext { ncc: Ncc::new(found.next_hop_chaining_count.into()), next_hop: Nh::from_octets(key) })
    }
}

impl SecurityContext {
    pub(super) fn asn(&self) -> asn::SecurityContext<'static> {
        asn::SecurityContext::new(self.ncc.get(), (*self.next_hop.octets()).into(), None)
    }
}

fn algorithms(bits: &BitString<'_>) -> Option<u16> {
    <[u8; 2]>::try_from(bits.as_octets()).ok().map(u16::from_be_bytes)
}

pub(super) fn capabilities(capabilities: UeSecurityCapabilities) -> asn::UESecurityCapabilities<'static> {
    let UeSecurityCapabilities { encryption, integrity } = capabilities;
    asn::UESecurityCapabilities::new(
        EncryptionAlgorithms(encryption.to_be_bytes().into()),
        IntegrityProtectionAlgorithms(integrity.to_be_bytes().into()),
        None,
    )
}

pub(super) fn plmn(plmn: Plmn) -> PLMNidentity {
    PLMNidentity(TBCDSTRING(plmn.ap_octets()))
}

pub(super) fn cell(cell: Ecgi) -> EUTRANCGI {
    EUTRANCGI::new(plmn(cell.plmn), CellIdentity(Bits::low(cell.eci.get().into(), 28)), None)
}

pub(super) fn of_cell(cell: &EUTRANCGI) -> Option<Ecgi> {
    let eci = u32::try_from(cell.cell_id.0.value()).ok().and_then(Eci::new)?;
    Some(Ecgi { plmn: Plmn::from_ap_octets(cell.plmn_identity.0.0), eci })
}

pub(super) fn tai(tai: Tai) -> TAI {
    TAI::new(plmn(tai.plmn), TAC(tai.tac.0.to_be_bytes()), None)
}

pub(super) fn of_tai(tai: &TAI) -> Tai {
    Tai { plmn: Plmn::from_ap_octets(tai.plmn_identity.0.0), tac: Tac(u16::from_be_bytes(tai.tac.0)) }
}

pub(super) fn target(enb: GlobalEnbId, selected: Tai) -> asn::TargetID {
    let id = ENBID::macroENB_ID(Bits::low(enb.enb.get().into(), 20));
    asn::TargetID::targeteNB_ID(TargeteNBID::new(GlobalENBID::new(plmn(enb.plmn), id, None), tai(selected), None))
}

/// The eNB that a handover is to; none if it is to something else than a macro eNB.
pub(super) fn of_target(target: &asn::TargetID) -> Option<(GlobalEnbId, Tai)> {
    let asn::TargetID::targeteNB_ID(TargeteNBID { global_enb_id, selected_tai, .. }) = target else { return None };
    let ENBID::macroENB_ID(id) = global_enb_id.enb_id else { return None };
    let enb = u32::try_from(id.value()).ok().and_then(EnbId::new)?;
    Some((GlobalEnbId { plmn: Plmn::from_ap_octets(global_enb_id.plmn_identity.0.0), enb }, of_tai(selected_tai)))
}

pub(super) fn bearer(ebi: Ebi) -> ERABID {
    ERABID(ebi.get().into())
}

pub(super) fn of_bearer(id: &ERABID) -> Option<Ebi> {
    u8::try_from(id.0).ok().and_then(Ebi::new)
}

pub(super) fn address(address: Ipv4Addr) -> TransportLayerAddress<'static> {
    TransportLayerAddress(address.octets().into())
}

pub(super) fn teid(teid: Teid) -> GTPTEID {
    GTPTEID(teid.0.to_be_bytes())
}

/// The bearer and its tunnel; none if it is not one or its address is not IPv4.
pub(super) fn of_erab(id: &ERABID, address: &TransportLayerAddress<'_>, teid: &GTPTEID) -> Option<Erab> {
    let address = <[u8; 4]>::try_from(address.0.as_octets()).ok().filter(|_| address.0.len() == 32)?;
    let tunnel = TunnelEndpoint { address: address.into(), teid: Teid(u32::from_be_bytes(teid.0)) };
    Some(Erab { ebi: of_bearer(id)?, tunnel })
}

/// The QoS of every bearer.
pub(super) fn qos() -> ERABLevelQoSParameters {
    let priority = AllocationAndRetentionPriority::new(
        PriorityLevel(PRIORITY_LEVEL),
        PreEmptionCapability::shall_not_trigger_pre_emption,
        PreEmptionVulnerability::not_pre_emptable,
        None,
    );
    ERABLevelQoSParameters::new(asn::QCI(QCI), priority, None, None)
}

/// The aggregate maximum bit rates of every UE.
pub(super) fn bit_rates() -> UEAggregateMaximumBitrate {
    let rate = BitRate(AGGREGATE_MAXIMUM_BIT_RATE.into());
    UEAggregateMaximumBitrate::new(rate, rate, None)
}
