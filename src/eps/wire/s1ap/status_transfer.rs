//! The COUNTs of a UE's bearers on their way from the source eNB through the MME to the target eNB (TS 36.413 clauses 8.4.6 and
//! 8.4.7).

use oxirush_s1ap::s1ap::{
    BearersSubjectToStatusTransferItem, BearersSubjectToStatusTransferList, COUNTvalue,
    ENBStatusTransferTransparentContainer, HFN, PDCPSN, S1AP_PDU, decode_open_type,
};
use oxirush_s1ap::{Error, build_s1ap, build_s1ap_ie, ie};

use super::Message;
use super::fields::{UeS1apIds, bearer, of_bearer};
use super::received::Received;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{BearerCounts, join_count, split_count};

type Container<'a> = ENBStatusTransferTransparentContainer<'a>;

/// ENB STATUS TRANSFER: source eNB to MME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnbStatusTransfer {
    /// The UE.
    pub ue: UeS1apIds,
    /// Its bearers, 1 to 256.
    pub bearers: Vec<BearerCounts>,
}

/// MME STATUS TRANSFER: MME to target eNB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MmeStatusTransfer {
    /// The UE.
    pub ue: UeS1apIds,
    /// Its bearers, 1 to 256.
    pub bearers: Vec<BearerCounts>,
}

fn count(count: u32) -> COUNTvalue {
    let (sequence_number, hfn) = split_count(count);
    COUNTvalue::new(PDCPSN(sequence_number), HFN(hfn), None)
}

fn of_count(count: &COUNTvalue) -> u32 {
    join_count(count.pdcp_sn.0, count.hfn.0)
}

fn container(bearers: &[BearerCounts]) -> Result<Container<'static>, Error> {
    let items = bearers.iter().map(|BearerCounts { ebi, uplink, downlink }| {
        let item = BearersSubjectToStatusTransferItem::new(bearer(*ebi), count(*uplink), count(*downlink), None, None);
        build_s1ap_ie!(IGNORE Bearers_SubjectToStatusTransfer_Item(item))
    });
    let items = items.collect::<Result<_, _>>()?;
    Ok(Container::new(BearersSubjectToStatusTransferList(items), None))
}

fn bearers(received: &Received<'_>) -> Result<Vec<BearerCounts>, WireError> {
    let found = received.required::<ie::eNB_StatusTransfer_TransparentContainer>()?;
    let items = found.bearers_subject_to_status_transfer_list.0.iter().map(|field| {
        let item: BearersSubjectToStatusTransferItem<'_> = decode_open_type(&field.value).ok()?;
        let ebi = of_bearer(&item.e_rab_id)?;
        Some(BearerCounts { ebi, uplink: of_count(&item.ul_count_value), downlink: of_count(&item.dl_count_value) })
    });
    items.collect::<Option<_>>().ok_or_else(|| {
        received.refused::<ie::eNB_StatusTransfer_TransparentContainer>("COUNTs of bearers 5 to 15", "others")
    })
}

impl Message for EnbStatusTransfer {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            eNBStatusTransfer,
            ENBStatusTransfer,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            eNB_StatusTransfer_TransparentContainer(container(&self.bearers)?),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, bearers: bearers(received)? })
    }
}

impl Message for MmeStatusTransfer {
    fn pdu(&self) -> Result<S1AP_PDU, Error> {
        build_s1ap!(
            InitiatingMessage,
            MMEStatusTransfer,
            MMEStatusTransfer,
            MME_UE_S1AP_ID(self.ue.mme.0),
            eNB_UE_S1AP_ID(self.ue.enb.get()),
            eNB_StatusTransfer_TransparentContainer(container(&self.bearers)?),
        )
    }

    fn read(received: &Received<'_>) -> Result<Self, WireError> {
        Ok(Self { ue: received.ue_ids()?, bearers: bearers(received)? })
    }
}
