//! The messages of RANAP by which a UE attaches: NAS in both directions, keys, and a bearer (TS 25.413 clauses 9.1.3 to 9.1.5, 9.1.33
//! and 9.1.34).

use super::asn1::{
    Algorithm, Cgi, ConnectionId, Criticality, Field, FieldPair, FieldPairs, Fields, GlobalRnc, KeyStatus, Lai, Octets,
    RabAssigned, RabFirst, RabList, RabPairList, RabSecond, Rac, TransportLayer,
};
use super::fields::{
    Ie, RanapCause, address, area, connection, octets, of_area, of_connection, of_plmn, of_rab, plmn, rab_id,
    rab_parameters, user_plane,
};
use super::messages::{UEA2, UIA2, both, key_information, of_key_information};
use super::{Direction, Message, decode, encode};
use crate::eps::keys::CkIk;
use crate::eps::wire::WireError;
use crate::eps::wire::gmm::RoutingArea;
use crate::eps::wire::ue_context::Erab;

/// Procedure codes (TS 25.413 clause 9.3.6).
const RAB_ASSIGNMENT: u8 = 0;
const SECURITY_MODE_CONTROL: u8 = 6;
const INITIAL_UE_MESSAGE: u8 = 19;
const DIRECT_TRANSFER: u8 = 20;
/// Service area code of every cell.
const SERVICE_AREA: u16 = 1;

fn nas_field(nas: &[u8]) -> Result<Field, WireError> {
    Ie::NAS.with(Criticality::Ignore, &Octets(octets(nas)))
}

fn of_nas(received: &Fields) -> Result<Vec<u8>, WireError> {
    received.required(Ie::NAS, |Octets(nas)| Ok(nas.to_vec()))
}

/// INITIAL UE MESSAGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialUeMessage {
    /// Where the UE is.
    pub area: RoutingArea,
    /// The RNC in its network, 0 to 4095.
    pub rnc: u16,
    /// The signalling connection of the UE, 24 bits.
    pub connection: u32,
    /// The NAS message.
    pub nas: Vec<u8>,
}

impl Message for InitialUeMessage {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = INITIAL_UE_MESSAGE;
    const CRITICALITY: Criticality = Criticality::Ignore;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let RoutingArea { plmn: network, lac, rac } = self.area;
        let service_area = Cgi {
            plmn: plmn(network),
            lac: octets(&lac.to_be_bytes()),
            ci: octets(&SERVICE_AREA.to_be_bytes()),
            extensions: None,
        };
        Ok(vec![
            Ie::DOMAIN.with(Criticality::Ignore, &super::asn1::Domain(true))?,
            Ie::LAI.with(Criticality::Ignore, &area(network, lac))?,
            Ie::RAC.with(Criticality::Ignore, &Rac(octets(&[rac])))?,
            Ie::SAI.with(Criticality::Ignore, &service_area)?,
            nas_field(&self.nas)?,
            Ie::CONNECTION.with(Criticality::Ignore, &ConnectionId(connection(self.connection)))?,
            Ie::GLOBAL_RNC.with(Criticality::Ignore, &GlobalRnc { plmn: plmn(network), rnc: self.rnc })?,
        ])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        let (plmn, lac) = received
            .required(Ie::LAI, |area: Lai| of_area(&area).ok_or_else(|| Ie::LAI.refused("3 and 2 octets", "others")))?;
        let rac = received
            .required(Ie::RAC, |Rac(rac)| rac.first().copied().ok_or_else(|| Ie::RAC.refused("1 octet", "none")))?;
        let rnc = received.required(Ie::GLOBAL_RNC, |GlobalRnc { plmn: found, rnc }| match of_plmn(&found) {
            Some(found) if found == plmn => Ok(rnc),
            _ => Err(Ie::GLOBAL_RNC.refused("an RNC of the network of the area", "another")),
        })?;
        Ok(Self {
            area: RoutingArea { plmn, lac, rac },
            rnc,
            connection: received.required(Ie::CONNECTION, |ConnectionId(id)| Ok(of_connection(&id)))?,
            nas: of_nas(received)?,
        })
    }
}

/// DIRECT TRANSFER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectTransfer {
    /// The NAS message.
    pub nas: Vec<u8>,
}

impl Message for DirectTransfer {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = DIRECT_TRANSFER;
    const CRITICALITY: Criticality = Criticality::Ignore;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        Ok(vec![nas_field(&self.nas)?])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        Ok(Self { nas: of_nas(received)? })
    }
}

/// SECURITY MODE COMMAND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityModeCommand {
    /// CK and IK, 16 octets each, for UEA2 and UIA2: new ones.
    pub keys: CkIk,
}

impl Message for SecurityModeCommand {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = SECURITY_MODE_CONTROL;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let (ck, ik) = self.keys.octets().split_at(16);
        Ok(vec![
            Ie::INTEGRITY.with(Criticality::Reject, &key_information(UIA2, ik))?,
            Ie::ENCRYPTION.with(Criticality::Ignore, &key_information(UEA2, ck))?,
            Ie::KEY_STATUS.with(Criticality::Reject, &KeyStatus::New)?,
        ])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        received.required(Ie::KEY_STATUS, |status| match status {
            KeyStatus::New => Ok(()),
            KeyStatus::Old => Err(Ie::KEY_STATUS.refused("new keys", "old ones")),
        })?;
        let ik = received.required(Ie::INTEGRITY, |found| of_key_information(Ie::INTEGRITY, UIA2, &found))?;
        let ck = received.required(Ie::ENCRYPTION, |found| of_key_information(Ie::ENCRYPTION, UEA2, &found))?;
        Ok(Self { keys: both(&ck, &ik) })
    }
}

/// SECURITY MODE COMPLETE: UIA2 and UEA2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityModeComplete;

impl Message for SecurityModeComplete {
    const DIRECTION: Direction = Direction::Successful;
    const PROCEDURE: u8 = SECURITY_MODE_CONTROL;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        Ok(vec![
            Ie::CHOSEN_INTEGRITY.with(Criticality::Reject, &UIA2)?,
            Ie::CHOSEN_ENCRYPTION.with(Criticality::Ignore, &UEA2)?,
        ])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        for (ie, wanted) in [(Ie::CHOSEN_INTEGRITY, UIA2), (Ie::CHOSEN_ENCRYPTION, UEA2)] {
            received.required(ie, |found: Algorithm| {
                if found == wanted { Ok(()) } else { Err(ie.refused("that with SNOW 3G", "another")) }
            })?;
        }
        Ok(Self)
    }
}

/// SECURITY MODE REJECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityModeReject {
    /// Why.
    pub cause: RanapCause,
}

impl Message for SecurityModeReject {
    const DIRECTION: Direction = Direction::Unsuccessful;
    const PROCEDURE: u8 = SECURITY_MODE_CONTROL;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        Ok(vec![Ie::CAUSE.with(Criticality::Ignore, &self.cause.asn1())?])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        Ok(Self { cause: received.required(Ie::CAUSE, RanapCause::of)? })
    }
}

/// RAB ASSIGNMENT REQUEST, of one bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RabAssignmentRequest {
    /// The bearer, with the tunnel of its uplink at the SGSN.
    pub bearer: Erab,
}

impl Message for RabAssignmentRequest {
    const DIRECTION: Direction = Direction::Initiating;
    const PROCEDURE: u8 = RAB_ASSIGNMENT;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let (address, association) = address(self.bearer.tunnel);
        let first = RabFirst {
            id: rab_id(self.bearer.ebi),
            synchronisation: None,
            parameters: Some(rab_parameters()),
            user_plane: Some(user_plane()),
            transport: Some(TransportLayer { address, association, extensions: None }),
            service_handover: None,
            extensions: None,
        };
        let pair = FieldPair {
            id: Ie::TO_ASSIGN_ITEM.id(),
            first_criticality: Criticality::Reject,
            first: encode(&first, "a RAB that encodes")?.into(),
            second_criticality: Criticality::Ignore,
            second: encode(&RabSecond::default(), "a RAB that encodes")?.into(),
        };
        Ok(vec![Ie::TO_ASSIGN.with(Criticality::Ignore, &RabPairList(vec![FieldPairs(vec![pair])]))?])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        let bearer = received.required(Ie::TO_ASSIGN, |RabPairList(rabs)| {
            let none = || Ie::TO_ASSIGN.refused("one RAB", "none");
            let pair = rabs.first().and_then(|FieldPairs(pairs)| pairs.first()).ok_or_else(none)?;
            let RabFirst { id, transport, .. } = decode(&pair.first, "a RAB")?;
            let transport = transport.as_ref();
            let (address, association) = (transport.map(|at| &at.address), transport.map(|at| &at.association));
            of_rab(Ie::TO_ASSIGN_ITEM, &id, address, association)
        })?;
        Ok(Self { bearer })
    }
}

/// RAB ASSIGNMENT RESPONSE, of one bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RabAssignmentResponse {
    /// The bearer, with the tunnel of its downlink at the RNC.
    pub bearer: Erab,
}

impl Message for RabAssignmentResponse {
    const DIRECTION: Direction = Direction::Outcome;
    const PROCEDURE: u8 = RAB_ASSIGNMENT;
    const CRITICALITY: Criticality = Criticality::Reject;

    fn fields(&self) -> Result<Vec<Field>, WireError> {
        let (address, association) = address(self.bearer.tunnel);
        let item = RabAssigned {
            id: rab_id(self.bearer.ebi),
            address: Some(address),
            association: Some(association),
            volumes: None,
            extensions: None,
        };
        let item = Ie::ASSIGNED_ITEM.with(Criticality::Ignore, &item)?;
        Ok(vec![Ie::ASSIGNED.with(Criticality::Ignore, &RabList(vec![Fields(vec![item])]))?])
    }

    fn read(received: &Fields) -> Result<Self, WireError> {
        let bearer = received.required(Ie::ASSIGNED, |RabList(rabs)| {
            let first = rabs.first().ok_or_else(|| Ie::ASSIGNED.refused("one RAB", "none"))?;
            first.required(Ie::ASSIGNED_ITEM, |RabAssigned { id, address, association, .. }| {
                of_rab(Ie::ASSIGNED_ITEM, &id, address.as_ref(), association.as_ref())
            })
        })?;
        Ok(Self { bearer })
    }
}
