//! The transparent containers: what the two eNBs of a handover over S1 say to one another, through MMEs that do not open it
//! (TS 36.413 clauses 9.2.1.7 and 9.2.1.8). The same octets travel in GTPv2-C between MMEs.

use oxirush_s1ap::s1ap::{
    CellSize, CellType, ERABInformationList, ERABInformationListItem, LastVisitedCellItem,
    LastVisitedEUTRANCellInformation, RRCContainer, SourceeNBToTargeteNBTransparentContainer,
    TargeteNBToSourceeNBTransparentContainer, TimeUEStayedInCell, UEHistoryInformation, decode_open_type,
    encode_open_type,
};
use oxirush_s1ap::{Error, build_s1ap_ie};

use super::fields::{bearer, cell, of_bearer, of_cell};
use crate::eps::identifiers::{Ebi, Ecgi};
use crate::eps::wire::WireError;

const LAYER: &str = "S1AP transparent container";
/// How long the UE was in the source cell, in seconds, in every container.
pub const SECONDS_IN_SOURCE_CELL: u16 = 1;

/// Source eNB to Target eNB Transparent Container. The source cell is said to be small, and the UE to have been there for
/// [`SECONDS_IN_SOURCE_CELL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceToTargetContainer {
    /// The RRC message HandoverPreparationInformation, in unaligned PER.
    pub rrc: Vec<u8>,
    /// The bearers that the source eNB has, 0 to 256.
    pub bearers: Vec<Ebi>,
    /// The cell that the UE is to go to.
    pub target_cell: Ecgi,
    /// The cell that it is in.
    pub source_cell: Ecgi,
}

/// Target eNB to Source eNB Transparent Container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetToSourceContainer {
    /// The RRC message HandoverCommand, which holds the RRCConnectionReconfiguration for the UE, in unaligned PER.
    pub rrc: Vec<u8>,
}

fn undecodable(error: Error) -> WireError {
    WireError::new(LAYER, 0, "a container of TS 36.413", error)
}

fn unencodable(error: Error) -> WireError {
    WireError::new(LAYER, 0, "a container that encodes", error)
}

impl SourceToTargetContainer {
    /// The container that `octets` are.
    ///
    /// # Errors
    ///
    /// Octets that are none; a bearer other than 5 to 15; a last visited cell that is not of E-UTRAN.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let found: SourceeNBToTargeteNBTransparentContainer<'_> = decode_open_type(octets).map_err(undecodable)?;
        let refused = |expected, found| WireError::new(LAYER, 0, expected, found);
        let items = found.e_rab_information_list.iter().flat_map(|list| &list.0).map(|field| {
            let item: ERABInformationListItem = decode_open_type(&field.value).map_err(undecodable)?;
            of_bearer(&item.e_rab_id).ok_or_else(|| refused("bearers 5 to 15", "another"))
        });
        let source_cell = match found.ue_history_information.0.first() {
            Some(LastVisitedCellItem::e_UTRAN_Cell(last)) => of_cell(&last.global_cell_id),
            _ => None,
        };
        Ok(Self {
            bearers: items.collect::<Result<_, _>>()?,
            target_cell: of_cell(&found.target_cell_id).ok_or_else(|| refused("28 bits of cell", "others"))?,
            source_cell: source_cell.ok_or_else(|| refused("a last visited cell of E-UTRAN", "another"))?,
            rrc: found.rrc_container.0.to_vec(),
        })
    }

    /// The octets of the container.
    ///
    /// # Errors
    ///
    /// More than 256 bearers.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let items = self.bearers.iter().map(|ebi| {
            let item = ERABInformationListItem::new(bearer(*ebi), None, None);
            build_s1ap_ie!(IGNORE E_RABInformationListItem(item))
        });
        let items: Vec<_> = items.collect::<Result<_, _>>().map_err(unencodable)?;
        let last = LastVisitedEUTRANCellInformation::new(
            cell(self.source_cell),
            CellType::new(CellSize::small, None),
            TimeUEStayedInCell(SECONDS_IN_SOURCE_CELL),
            None,
        );
        let container = SourceeNBToTargeteNBTransparentContainer::new(
            RRCContainer(self.rrc.as_slice().into()),
            Some(items).filter(|items| !items.is_empty()).map(ERABInformationList),
            cell(self.target_cell),
            None,
            UEHistoryInformation(vec![LastVisitedCellItem::e_UTRAN_Cell(last)]),
            None,
        );
        encode_open_type(&container).map(|octets| octets.into_vec()).map_err(unencodable)
    }
}

impl TargetToSourceContainer {
    /// The container that `octets` are.
    ///
    /// # Errors
    ///
    /// Octets that are none.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let found: TargeteNBToSourceeNBTransparentContainer<'_> = decode_open_type(octets).map_err(undecodable)?;
        Ok(Self { rrc: found.rrc_container.0.to_vec() })
    }

    /// The octets of the container.
    ///
    /// # Errors
    ///
    /// None that depends on the value; memory only.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let container = TargeteNBToSourceeNBTransparentContainer::new(RRCContainer(self.rrc.as_slice().into()), None);
        encode_open_type(&container).map(|octets| octets.into_vec()).map_err(unencodable)
    }
}
