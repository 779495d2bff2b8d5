//! The messages of X2AP (TS 36.423 clause 9.1.1).

use super::asn1::{
    AsSecurityInformation, BearerList, BearerStatus, BearerToBeSetup, CountValue, Criticality, Field, Octets,
    UeContextInformation,
};
use super::fields::{
    Ie, bearer, bit_rates, capabilities, cell, gummei, history, key, octets, of_bearer, of_capabilities, of_cell,
    of_gummei, of_history, of_tunnel, of_ue_id, qos, tunnel, ue_id, whole_octets,
};
use super::{Direction, Message, Received, X2apCause, asn1};
use crate::eps::identifiers::{Ebi, Ecgi, Gummei, MmeUeS1apId, X2apUeId};
use crate::eps::keys::KenbStar;
use crate::eps::parameters::Ncc;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{
    BearerCounts, Erab, TunnelEndpoint, UeSecurityCapabilities, join_count, split_count,
};

/// Procedure codes (TS 36.423 clause 9.3.7).
const HANDOVER_PREPARATION: u8 = 0;
const HANDOVER_CANCEL: u8 = 1;
const SN_STATUS_TRANSFER: u8 = 4;
const UE_CONTEXT_RELEASE: u8 = 5;

/// HANDOVER REQUEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverRequest {
    /// What the source eNB calls the UE.
    pub old_id: X2apUeId,
    /// Why.
    pub cause: X2apCause,
    /// The cell that the UE is to go to.
    pub target_cell: Ecgi,
    /// The UE's MME.
    pub mme: Gummei,
    /// What that calls the UE.
    pub mme_ue_id: MmeUeS1apId,
    /// What the UE is capable of.
    pub capabilities: UeSecurityCapabilities,
    /// `Key-eNodeB-Star`, 32 octets.
    pub kenb_star: KenbStar,
    /// What the UE needs to find the same key: 3 bits.
    pub ncc: Ncc,
    /// Its bearers, 1 to 256, with the tunnels of their uplink at the S-GW.
    pub bearers: Vec<Erab>,
    /// The RRC message HandoverPreparationInformation, in unaligned PER.
    pub rrc_context: Vec<u8>,
    /// The cell that the UE is in.
    pub source_cell: Ecgi,
}

impl Message for HandoverRequest {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = HANDOVER_PREPARATION;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let bearers = self.bearers.iter().map(|erab| {
            let item = BearerToBeSetup {
                id: bearer(erab.ebi),
                qos: qos(),
                forwarding: None,
                uplink: tunnel(erab.tunnel),
                extensions: None,
            };
            Ie::TO_BE_SETUP_ITEM.with(Criticality::Ignore, &item)
        });
        let context = UeContextInformation {
            mme_ue_id: self.mme_ue_id.0,
            capabilities: capabilities(self.capabilities),
            security: AsSecurityInformation {
                key: key(self.kenb_star.octets()),
                ncc: self.ncc.get(),
                extensions: None,
            },
            bit_rates: bit_rates(),
            subscriber_profile: None,
            bearers: BearerList(bearers.collect::<Result<_, _>>()?),
            rrc_context: octets(&self.rrc_context),
            restriction: None,
            location_reporting: None,
            extensions: None,
        };
        Ok(vec![
            Ie::OLD_ID.with(Criticality::Reject, &ue_id(self.old_id))?,
            Ie::CAUSE.with(Criticality::Ignore, &self.cause)?,
            Ie::TARGET_CELL.with(Criticality::Reject, &cell(self.target_cell))?,
            Ie::GUMMEI.with(Criticality::Reject, &gummei(self.mme))?,
            Ie::UE_CONTEXT.with(Criticality::Reject, &context)?,
            Ie::HISTORY.with(Criticality::Ignore, &history(self.source_cell))?,
        ])
    }

    fn read(received: &Received) -> Result<Self, WireError> {
        let (old_id, cause) = (received.ue_id(Ie::OLD_ID)?, received.required(Ie::CAUSE, Ok)?);
        let target_cell = received.required(Ie::TARGET_CELL, |found| of_cell(Ie::TARGET_CELL, &found))?;
        let mme = received.required(Ie::GUMMEI, |found| of_gummei(Ie::GUMMEI, &found))?;
        let source_cell = received.required(Ie::HISTORY, |found| of_history(Ie::HISTORY, &found))?;
        received.required(Ie::UE_CONTEXT, |context: UeContextInformation| {
            let bearers = context.bearers.0.iter().map(|field| {
                let ie = Ie::TO_BE_SETUP_ITEM;
                let item: BearerToBeSetup = ie.value(field)?;
                Ok(Erab { ebi: of_bearer(ie, item.id)?, tunnel: of_tunnel(ie, &item.uplink)? })
            });
            let key = whole_octets(&context.security.key);
            let capabilities = of_capabilities(&context.capabilities);
            let refused = |expected| Ie::UE_CONTEXT.refused(expected, "others");
            Ok(Self {
                old_id,
                cause,
                target_cell,
                mme,
                mme_ue_id: MmeUeS1apId(context.mme_ue_id),
                capabilities: capabilities.ok_or_else(|| refused("16 bits each of algorithms"))?,
                kenb_star: key.map(KenbStar::from_octets).ok_or_else(|| refused("256 bits of key"))?,
                ncc: Ncc::new(context.security.ncc.into()),
                bearers: bearers.collect::<Result<_, WireError>>()?,
                rrc_context: context.rrc_context.to_vec(),
                source_cell,
            })
        })
    }
}

/// A bearer that the target eNB takes, and where the source eNB may forward downlink packets for it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmittedBearer {
    /// The bearer.
    pub ebi: Ebi,
    /// The tunnel for what is forwarded; none if nothing is to be.
    pub forwarding: Option<TunnelEndpoint>,
}

/// HANDOVER REQUEST ACKNOWLEDGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverRequestAcknowledge {
    /// What the source eNB calls the UE.
    pub old_id: X2apUeId,
    /// What the target eNB calls it.
    pub new_id: X2apUeId,
    /// The bearers that it may keep, 1 to 256.
    pub admitted: Vec<AdmittedBearer>,
    /// The RRC message HandoverCommand, which holds the RRCConnectionReconfiguration for the UE, in unaligned PER.
    pub container: Vec<u8>,
}

impl Message for HandoverRequestAcknowledge {
    const DIRECTION: Direction = Direction::Successful;
    const PROCEDURE: u8 = HANDOVER_PREPARATION;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let admitted = self.admitted.iter().map(|AdmittedBearer { ebi, forwarding }| {
            let downlink = forwarding.map(tunnel);
            let item = asn1::AdmittedBearer { id: bearer(*ebi), uplink: None, downlink, extensions: None };
            Ie::ADMITTED_ITEM.with(Criticality::Ignore, &item)
        });
        Ok(vec![
            Ie::OLD_ID.with(Criticality::Ignore, &ue_id(self.old_id))?,
            Ie::NEW_ID.with(Criticality::Ignore, &ue_id(self.new_id))?,
            Ie::ADMITTED.with(Criticality::Ignore, &BearerList(admitted.collect::<Result<_, _>>()?))?,
            Ie::CONTAINER.with(Criticality::Ignore, &Octets(octets(&self.container)))?,
        ])
    }

    fn read(received: &Received) -> Result<Self, WireError> {
        let admitted = |list: BearerList| {
            let admitted = list.0.iter().map(|field| {
                let ie = Ie::ADMITTED_ITEM;
                let item: asn1::AdmittedBearer = ie.value(field)?;
                let forwarding = item.downlink.map(|downlink| of_tunnel(ie, &downlink)).transpose()?;
                Ok(AdmittedBearer { ebi: of_bearer(ie, item.id)?, forwarding })
            });
            admitted.collect::<Result<_, WireError>>()
        };
        Ok(Self {
            old_id: received.ue_id(Ie::OLD_ID)?,
            new_id: received.ue_id(Ie::NEW_ID)?,
            admitted: received.required(Ie::ADMITTED, admitted)?,
            container: received.required(Ie::CONTAINER, |container: Octets| Ok(container.0.to_vec()))?,
        })
    }
}

/// HANDOVER PREPARATION FAILURE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverPreparationFailure {
    /// What the source eNB calls the UE.
    pub old_id: X2apUeId,
    /// Why.
    pub cause: X2apCause,
}

impl Message for HandoverPreparationFailure {
    const DIRECTION: Direction = Direction::Unsuccessful;
    const PROCEDURE: u8 = HANDOVER_PREPARATION;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        Ok(vec![
            Ie::OLD_ID.with(Criticality::Ignore, &ue_id(self.old_id))?,
            Ie::CAUSE.with(Criticality::Ignore, &self.cause)?,
        ])
    }

    fn read(received: &Received) -> Result<Self, WireError> {
        Ok(Self { old_id: received.ue_id(Ie::OLD_ID)?, cause: received.required(Ie::CAUSE, Ok)? })
    }
}

/// SN STATUS TRANSFER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnStatusTransfer {
    /// What the source eNB calls the UE.
    pub old_id: X2apUeId,
    /// What the target eNB calls it.
    pub new_id: X2apUeId,
    /// Its bearers, 1 to 256.
    pub bearers: Vec<BearerCounts>,
}

fn count(count: u32) -> CountValue {
    let (sequence_number, hfn) = split_count(count);
    CountValue { sequence_number, hfn, extensions: None }
}

fn of_count(count: &CountValue) -> u32 {
    join_count(count.sequence_number, count.hfn)
}

impl Message for SnStatusTransfer {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = SN_STATUS_TRANSFER;
    const CRITICALITY: Criticality = Criticality::Ignore;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let bearers = self.bearers.iter().map(|BearerCounts { ebi, uplink, downlink }| {
            let item = BearerStatus {
                id: bearer(*ebi),
                received: None,
                uplink: count(*uplink),
                downlink: count(*downlink),
                extensions: None,
            };
            Ie::STATUS_ITEM.with(Criticality::Ignore, &item)
        });
        Ok(vec![
            Ie::OLD_ID.with(Criticality::Reject, &ue_id(self.old_id))?,
            Ie::NEW_ID.with(Criticality::Reject, &ue_id(self.new_id))?,
            Ie::STATUS.with(Criticality::Ignore, &BearerList(bearers.collect::<Result<_, _>>()?))?,
        ])
    }

    fn read(received: &Received) -> Result<Self, WireError> {
        let bearers = |list: BearerList| {
            let bearers = list.0.iter().map(|field| {
                let item: BearerStatus = Ie::STATUS_ITEM.value(field)?;
                Ok(BearerCounts {
                    ebi: of_bearer(Ie::STATUS_ITEM, item.id)?,
                    uplink: of_count(&item.uplink),
                    downlink: of_count(&item.downlink),
                })
            });
            bearers.collect::<Result<_, WireError>>()
        };
        Ok(Self {
            old_id: received.ue_id(Ie::OLD_ID)?,
            new_id: received.ue_id(Ie::NEW_ID)?,
            bearers: received.required(Ie::STATUS, bearers)?,
        })
    }
}

/// UE CONTEXT RELEASE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UeContextRelease {
    /// What the source eNB calls the UE.
    pub old_id: X2apUeId,
    /// What the target eNB calls it.
    pub new_id: X2apUeId,
}

impl Message for UeContextRelease {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = UE_CONTEXT_RELEASE;
    const CRITICALITY: Criticality = Criticality::Ignore;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        Ok(vec![
            Ie::OLD_ID.with(Criticality::Reject, &ue_id(self.old_id))?,
            Ie::NEW_ID.with(Criticality::Reject, &ue_id(self.new_id))?,
        ])
    }

    fn read(received: &Received) -> Result<Self, WireError> {
        Ok(Self { old_id: received.ue_id(Ie::OLD_ID)?, new_id: received.ue_id(Ie::NEW_ID)? })
    }
}

/// HANDOVER CANCEL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverCancel {
    /// What the source eNB calls the UE.
    pub old_id: X2apUeId,
    /// What the target eNB calls it, if it has said so.
    pub new_id: Option<X2apUeId>,
    /// Why.
    pub cause: X2apCause,
}

impl Message for HandoverCancel {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = HANDOVER_CANCEL;
    const CRITICALITY: Criticality = Criticality::Ignore;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let mut fields = vec![Ie::OLD_ID.with(Criticality::Reject, &ue_id(self.old_id))?];
        if let Some(new_id) = self.new_id {
            fields.push(Ie::NEW_ID.with(Criticality::Ignore, &ue_id(new_id))?);
        }
        fields.push(Ie::CAUSE.with(Criticality::Ignore, &self.cause)?);
        Ok(fields)
    }

    fn read(received: &Received) -> Result<Self, WireError> {
        let new_id = received.optional(Ie::NEW_ID, |id| of_ue_id(Ie::NEW_ID, id))?;
        Ok(Self { old_id: received.ue_id(Ie::OLD_ID)?, new_id, cause: received.required(Ie::CAUSE, Ok)? })
    }
}
