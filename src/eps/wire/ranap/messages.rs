//! The messages of RANAP (TS 25.413 clause 9.1), and the containers that RNCs say things to each other in.

use super::asn1::{
    Algorithm, CellType, ConnectionId, Criticality, Domain, Field, Fields, KeyInformation, LastVisitedUtranCell,
    PermanentId, RabList, RabSetUp, RabToSetUp, RelocationType, SourceId, SourceRnc, SourceToTarget, TargetToSource,
    UtranCellId,
};
use super::fields::{
    Ie, RanapCause, RelocationTarget, address, bits, connection, octets, of_connection, of_rab, plmn, rab_id,
    to_set_up, whole_octets,
};
use super::{Direction, Message, decode, encode};
use crate::eps::identifiers::{Imsi, Plmn};
use crate::eps::keys::CkIk;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::Erab;

/// Procedure codes (TS 25.413 clause 9.3.6).
const IU_RELEASE: u8 = 1;
const RELOCATION_PREPARATION: u8 = 2;
const RELOCATION_RESOURCE_ALLOCATION: u8 = 3;
const RELOCATION_CANCEL: u8 = 4;
const RELOCATION_DETECT: u8 = 12;
const RELOCATION_COMPLETE: u8 = 13;

/// UIA2 among the integrity protection algorithms.
pub(super) const UIA2: Algorithm = Algorithm(1);
/// UEA2 among the encryption algorithms.
pub(super) const UEA2: Algorithm = Algorithm(2);
/// ToTargetRNC-Container of RRC: an inter-RAT handover info of one octet, which says nothing (TS 25.331 clause 11.5).
const RRC_OF_ANOTHER_SYSTEM: [u8; 3] = [0x00, 0x08, 0x00];
/// How long the UE was in the source cell, in seconds, in every container.
const SECONDS_IN_SOURCE_CELL: u16 = 1;

macro_rules! only_cause {
    ($(#[$doc:meta])* $name:ident, $direction:ident, $procedure:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            /// Why.
            pub cause: RanapCause,
        }

        impl Message for $name {
            const DIRECTION: Direction = Direction::$direction;
            const PROCEDURE: u8 = $procedure;
            const CRITICALITY: Criticality = Criticality::Reject;

            fn fields(&self) -> Result<Vec<Field>, WireError> {
                Ok(vec![Ie::CAUSE.with(Criticality::Ignore, &self.cause.asn1())?])
            }

            fn read(received: &Fields) -> Result<Self, WireError> {
                Ok(Self { cause: received.required(Ie::CAUSE, RanapCause::of)? })
            }
        }
    };
}

macro_rules! without_fields {
    ($(#[$doc:meta])* $name:ident, $direction:ident, $procedure:ident, $criticality:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl Message for $name {
            const DIRECTION: Direction = Direction::$direction;
            const PROCEDURE: u8 = $procedure;
            const CRITICALITY: Criticality = Criticality::$criticality;

            fn fields(&self) -> Result<Vec<Field>, WireError> {
                Ok(Vec::new())
            }

            fn read(_: &Fields) -> Result<Self, WireError> {
                Ok(Self)
            }
        }
    };
}

only_cause! {
    /// RELOCATION PREPARATION FAILURE.
    RelocationPreparationFailure, Unsuccessful, RELOCATION_PREPARATION
}
only_cause! {
    /// RELOCATION FAILURE.
    RelocationFailure, Unsuccessful, RELOCATION_RESOURCE_ALLOCATION
}
only_cause! {
    /// RELOCATION CANCEL.
    RelocationCancel, Initiating, RELOCATION_CANCEL
}
only_cause! {
    /// IU RELEASE COMMAND.
    IuReleaseCommand, Initiating, IU_RELEASE
}
without_fields! {
    /// IU RELEASE COMPLETE.
    IuReleaseComplete, Successful, IU_RELEASE, Reject
}
without_fields! {
    /// RELOCATION CANCEL ACKNOWLEDGE.
    RelocationCancelAcknowledge, Successful, RELOCATION_CANCEL, Reject
}
without_fields! {
    /// RELOCATION DETECT.
    RelocationDetect, Initiating, RELOCATION_DETECT, Ignore
}
without_fields! {
    /// RELOCATION COMPLETE.
    RelocationComplete, Initiating, RELOCATION_COMPLETE, Ignore
}

/// RELOCATION REQUIRED.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocationRequired {
    /// Why.
    pub cause: RanapCause,
    /// The network of the source RNC.
    pub plmn: Plmn,
    /// The source RNC in it, 0 to 4095.
    pub rnc: u16,
    /// Where the UE is to go.
    pub target: RelocationTarget,
    /// For the target: to an eNB, octets of a container of S1AP ([`from_utran`](crate::eps::wire::s1ap::container_from_utran)).
    pub container: Vec<u8>,
}

impl Message for RelocationRequired {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = RELOCATION_PREPARATION;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let source = SourceId::Rnc(SourceRnc { plmn: plmn(self.plmn), rnc: self.rnc, extensions: None });
        Ok(vec![
            Ie::RELOCATION_TYPE.with(Criticality::Reject, &RelocationType::UeInvolved)?,
            Ie::CAUSE.with(Criticality::Ignore, &self.cause.asn1())?,
            Ie::SOURCE.with(Criticality::Ignore, &source)?,
            Ie::TARGET.with(Criticality::Reject, &self.target.asn1())?,
            Ie::SOURCE_TO_TARGET.holding(Criticality::Reject, &self.container),
        ])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        let (plmn, rnc) = received.required(Ie::SOURCE, |source| match source {
            SourceId::Rnc(SourceRnc { plmn, rnc, .. }) => {
                let plmn = <[u8; 3]>::try_from(&plmn[..]).map_err(|_| Ie::SOURCE.refused("3 octets", "others"))?;
                Ok((Plmn::from_ap_octets(plmn), rnc))
            }
            SourceId::Sai(_) => Err(Ie::SOURCE.refused("an RNC", "a service area")),
        })?;
        Ok(Self {
            cause: received.required(Ie::CAUSE, RanapCause::of)?,
            plmn,
            rnc,
            target: received.required(Ie::TARGET, |target| RelocationTarget::of(&target))?,
            container: received.octets(Ie::SOURCE_TO_TARGET)?.to_vec(),
        })
    }
}

/// RELOCATION COMMAND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocationCommand {
    /// From the target: of an eNB, octets of a [`TargetToSourceContainer`](crate::eps::wire::s1ap::TargetToSourceContainer).
    pub container: Vec<u8>,
}

impl Message for RelocationCommand {
    const DIRECTION: Direction = Direction::Successful;
    const PROCEDURE: u8 = RELOCATION_PREPARATION;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        Ok(vec![Ie::TARGET_TO_SOURCE.holding(Criticality::Reject, &self.container)])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        Ok(Self { container: received.octets(Ie::TARGET_TO_SOURCE)?.to_vec() })
    }
}

/// RELOCATION REQUEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocationRequest {
    /// Who the UE is.
    pub imsi: Imsi,
    /// Why.
    pub cause: RanapCause,
    /// From the source.
    pub container: SourceRncContainer,
    /// The bearer of the UE, with the tunnel of its uplink at the SGSN.
    pub bearer: Erab,
    /// CK and IK, 16 octets each, for UEA2 and UIA2.
    pub keys: CkIk,
    /// The signalling connection of the UE, 24 bits.
    pub connection: u32,
}

pub(super) fn key_information(algorithm: Algorithm, key: &[u8]) -> KeyInformation {
    KeyInformation { permitted: vec![algorithm], key: bits(key, 128), extensions: None }
}

pub(super) fn of_key_information(ie: Ie, algorithm: Algorithm, found: &KeyInformation) -> Result<[u8; 16], WireError> {
    let key = whole_octets(&found.key).filter(|_| found.permitted.contains(&algorithm));
    key.ok_or_else(|| ie.refused("128 bits for an algorithm with SNOW 3G", "others"))
}

pub(super) fn both(ck: &[u8; 16], ik: &[u8; 16]) -> CkIk {
    let mut keys = zeroize::Zeroizing::new([0; CkIk::OCTETS]);
    keys[..16].copy_from_slice(ck);
    keys[16..].copy_from_slice(ik);
    CkIk::from_octets(*keys)
}

impl Message for RelocationRequest {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = RELOCATION_RESOURCE_ALLOCATION;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let item = Ie::TO_SET_UP_ITEM.with(Criticality::Reject, &to_set_up(self.bearer))?;
        let (ck, ik) = self.keys.octets().split_at(16);
        Ok(vec![
            Ie::PERMANENT_ID.with(Criticality::Ignore, &PermanentId::Imsi(octets(&self.imsi.octets())))?,
            Ie::CAUSE.with(Criticality::Ignore, &self.cause.asn1())?,
            Ie::DOMAIN.with(Criticality::Reject, &Domain(true))?,
            Ie::SOURCE_TO_TARGET.with(Criticality::Reject, &self.container.asn1())?,
            Ie::TO_SET_UP.with(Criticality::Reject, &RabList(vec![Fields(vec![item])]))?,
            Ie::INTEGRITY.with(Criticality::Ignore, &key_information(UIA2, ik))?,
            Ie::ENCRYPTION.with(Criticality::Ignore, &key_information(UEA2, ck))?,
            Ie::CONNECTION.with(Criticality::Ignore, &ConnectionId(connection(self.connection)))?,
        ])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        let imsi = received.required(Ie::PERMANENT_ID, |PermanentId::Imsi(found)| {
            Imsi::from_octets(&found).ok_or_else(|| Ie::PERMANENT_ID.refused("6 to 15 digits", "others"))
        })?;
        let bearer = received.required(Ie::TO_SET_UP, |RabList(rabs)| {
            let none = || Ie::TO_SET_UP.refused("one RAB", "none");
            let first = rabs.first().ok_or_else(none)?;
            first.required(Ie::TO_SET_UP_ITEM, |RabToSetUp { id, address, association, .. }| {
                of_rab(Ie::TO_SET_UP_ITEM, &id, Some(&address), Some(&association))
            })
        })?;
        let ik = received.required(Ie::INTEGRITY, |found| of_key_information(Ie::INTEGRITY, UIA2, &found))?;
        let ck = received.required(Ie::ENCRYPTION, |found| of_key_information(Ie::ENCRYPTION, UEA2, &found))?;
        Ok(Self {
            imsi,
            cause: received.required(Ie::CAUSE, RanapCause::of)?,
            container: received.required(Ie::SOURCE_TO_TARGET, SourceRncContainer::of)?,
            bearer,
            keys: both(&ck, &ik),
            connection: received.required(Ie::CONNECTION, |ConnectionId(id)| Ok(of_connection(&id)))?,
        })
    }
}

/// RELOCATION REQUEST ACKNOWLEDGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocationRequestAcknowledge {
    /// For the source.
    pub container: TargetRncContainer,
    /// The bearer, with the tunnel of its downlink at the RNC.
    pub bearer: Erab,
}

impl Message for RelocationRequestAcknowledge {
    const DIRECTION: Direction = Direction::Successful;
    const PROCEDURE: u8 = RELOCATION_RESOURCE_ALLOCATION;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let (address, association) = address(self.bearer.tunnel);
        let item = RabSetUp {
            id: rab_id(self.bearer.ebi),
            address: Some(address),
            association: Some(association),
            extensions: None,
        };
        let item = Ie::SET_UP_ITEM.with(Criticality::Reject, &item)?;
        Ok(vec![
            Ie::TARGET_TO_SOURCE.with(Criticality::Ignore, &self.container.asn1())?,
            Ie::SET_UP.with(Criticality::Ignore, &RabList(vec![Fields(vec![item])]))?,
            Ie::CHOSEN_INTEGRITY.with(Criticality::Ignore, &UIA2)?,
            Ie::CHOSEN_ENCRYPTION.with(Criticality::Ignore, &UEA2)?,
        ])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        let bearer = received.required(Ie::SET_UP, |RabList(rabs)| {
            let first = rabs.first().ok_or_else(|| Ie::SET_UP.refused("one RAB", "none"))?;
            first.required(Ie::SET_UP_ITEM, |RabSetUp { id, address, association, .. }| {
                of_rab(Ie::SET_UP_ITEM, &id, address.as_ref(), association.as_ref())
            })
        })?;
        let container = received.required(Ie::TARGET_TO_SOURCE, |found: TargetToSource| {
            Ok(TargetRncContainer { rrc: found.rrc.to_vec() })
        })?;
        Ok(Self { container, bearer })
    }
}

/// Source RNC to Target RNC Transparent Container of a UE that comes from another system: it names the cell, and of RRC nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRncContainer {
    /// The cell that the UE is to go to, 28 bits.
    pub target_cell: u32,
}

impl SourceRncContainer {
    fn asn1(self) -> SourceToTarget {
        SourceToTarget {
            rrc: octets(&RRC_OF_ANOTHER_SYSTEM),
            iu_instances: 1,
            kind: RelocationType::UeInvolved,
            integrity: None,
            integrity_key: None,
            signalling_ciphering: None,
            ciphering_key: None,
            circuit_ciphering: None,
            packet_ciphering: None,
            d_rnti: None,
            target_cell: Some(self.target_cell),
            mapping: None,
            extensions: None,
        }
    }

    fn of(found: SourceToTarget) -> Result<Self, WireError> {
        let refused = || Ie::SOURCE_TO_TARGET.refused("a container that names the target cell", "another");
        Ok(Self { target_cell: found.target_cell.ok_or_else(refused)? })
    }

    /// The container that `octets` are.
    ///
    /// # Errors
    ///
    /// Octets that are none; no target cell.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        Self::of(decode(octets, "a container of TS 25.413")?)
    }

    /// The octets of the container.
    ///
    /// # Errors
    ///
    /// A cell of more than 28 bits.
    pub fn octets(self) -> Result<Vec<u8>, WireError> {
        encode(&self.asn1(), "a container that encodes")
    }
}

/// Target RNC to Source RNC Transparent Container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRncContainer {
    /// HANDOVER TO UTRAN COMMAND, in unaligned PER.
    pub rrc: Vec<u8>,
}

impl TargetRncContainer {
    fn asn1(&self) -> TargetToSource {
        TargetToSource { rrc: octets(&self.rrc), d_rnti: None, extensions: None }
    }

    /// The container that `octets` are.
    ///
    /// # Errors
    ///
    /// Octets that are none.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let found: TargetToSource = decode(octets, "a container of TS 25.413")?;
        Ok(Self { rrc: found.rrc.to_vec() })
    }

    /// The octets of the container.
    ///
    /// # Errors
    ///
    /// None that depends on the value.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        encode(&self.asn1(), "a container that encodes")
    }
}

/// What the history of a UE says in S1AP of a cell of UTRAN that it was in: a macro cell, for a second.
///
/// # Errors
///
/// A cell of more than 28 bits.
pub fn last_visited_cell(network: Plmn, cell: u32) -> Result<Vec<u8>, WireError> {
    let item = LastVisitedUtranCell {
        cell: UtranCellId { plmn: plmn(network), cell, extensions: None },
        kind: CellType::Macro,
        seconds: SECONDS_IN_SOURCE_CELL,
        extensions: None,
    };
    encode(&item, "a cell that encodes")
}
