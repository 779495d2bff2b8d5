//! Information elements by number, and the values of this crate as those of the ASN.1 of TS 36.423 and back.

use std::net::Ipv4Addr;

use rasn::types::{BitString, OctetString};

use super::asn1::{
    AllocationAndRetentionPriority, BitRate, CellSize, CellType, Criticality, ErabId, ErabLevelQosParameters, Field,
    GtpTunnelEndpoint, GuGroupId, LastVisitedCell, LastVisitedCellItem, UeAggregateMaximumBitRate,
    UeHistoryInformation, UeX2apId,
};
use super::{LAYER, Received, SECONDS_IN_SOURCE_CELL, asn1, decode, encode};
use crate::eps::identifiers::{Ebi, Ecgi, Eci, Gummei, MmeCode, MmeGroupId, Plmn, Teid, X2apUeId};
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{
    AGGREGATE_MAXIMUM_BIT_RATE, PRIORITY_LEVEL, QCI, TunnelEndpoint, UeSecurityCapabilities,
};

/// An information element: its number and its name (TS 36.423 clause 9.3.7).
#[derive(Clone, Copy, Debug)]
pub(super) struct Ie {
    id: u16,
    name: &'static str,
}

impl Ie {
    const fn new(id: u16, name: &'static str) -> Self {
        Self { id, name }
    }

    pub(super) const ADMITTED_ITEM: Self = Self::new(0, "E-RABs-Admitted-Item");
    pub(super) const ADMITTED: Self = Self::new(1, "E-RABs-Admitted-List");
    pub(super) const TO_BE_SETUP_ITEM: Self = Self::new(4, "E-RABs-ToBeSetup-Item");
    pub(super) const CAUSE: Self = Self::new(5, "Cause");
    pub(super) const NEW_ID: Self = Self::new(9, "New-eNB-UE-X2AP-ID");
    pub(super) const OLD_ID: Self = Self::new(10, "Old-eNB-UE-X2AP-ID");
    pub(super) const TARGET_CELL: Self = Self::new(11, "TargetCell-ID");
    pub(super) const CONTAINER: Self = Self::new(12, "TargeteNBtoSource-eNBTransparentContainer");
    pub(super) const UE_CONTEXT: Self = Self::new(14, "UE-ContextInformation");
    pub(super) const HISTORY: Self = Self::new(15, "UE-HistoryInformation");
    pub(super) const STATUS: Self = Self::new(18, "E-RABs-SubjectToStatusTransfer-List");
    pub(super) const STATUS_ITEM: Self = Self::new(19, "E-RABs-SubjectToStatusTransfer-Item");
    pub(super) const GUMMEI: Self = Self::new(23, "GUMMEI-ID");

    /// This information element with a value.
    pub(super) fn with<T: rasn::Encode>(self, criticality: Criticality, value: &T) -> Result<Field, WireError> {
        let value = encode(value, self.name)?.into();
        Ok(Field { id: self.id, criticality, value })
    }

    /// Its value in `field`.
    pub(super) fn value<T: rasn::Decode>(self, field: &Field) -> Result<T, WireError> {
        decode(&field.value, self.name)
    }

    /// It is there and is not what was `expected`.
    pub(super) fn refused(self, expected: &'static str, found: impl std::fmt::Display) -> WireError {
        WireError::new(LAYER, 0, format!("{} (IE {}) as {expected}", self.name, self.id), found)
    }
}

impl Received {
    /// What `of` makes of an information element that the message may have.
    pub(super) fn optional<T: rasn::Decode, R>(
        &self,
        ie: Ie,
        of: impl FnOnce(T) -> Result<R, WireError>,
    ) -> Result<Option<R>, WireError> {
        let Some((offset, field)) = self.0.iter().find(|(_, field)| field.id == ie.id) else { return Ok(None) };
        ie.value(field).and_then(of).map(Some).map_err(|error| error.shifted(*offset))
    }

    /// What `of` makes of an information element that the message must have.
    pub(super) fn required<T: rasn::Decode, R>(
        &self,
        ie: Ie,
        of: impl FnOnce(T) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let found = self.optional(ie, of)?;
        found.ok_or_else(|| WireError::new(LAYER, 0, format!("{} (IE {})", ie.name, ie.id), "none"))
    }

    pub(super) fn ue_id(&self, ie: Ie) -> Result<X2apUeId, WireError> {
        self.required(ie, |id| of_ue_id(ie, id))
    }
}

pub(super) fn of_ue_id(ie: Ie, id: UeX2apId) -> Result<X2apUeId, WireError> {
    X2apUeId::new(id.0).ok_or_else(|| ie.refused("12 bits", id.0))
}

pub(super) fn ue_id(id: X2apUeId) -> UeX2apId {
    UeX2apId(id.get())
}

/// The first `bits` bits of `octets`.
fn bits(octets: &[u8], bits: usize) -> BitString {
    let mut string = BitString::from_slice(octets);
    string.truncate(bits);
    string
}

/// A bit string of `N` whole octets; none if it has others.
pub(super) fn whole_octets<const N: usize>(string: &BitString) -> Option<[u8; N]> {
    let length = N.checked_mul(8)?;
    string.clone().into_vec().try_into().ok().filter(|_| string.len() == length)
}

pub(super) fn octets(octets: &[u8]) -> OctetString {
    OctetString::from_slice(octets)
}

pub(super) fn key(key: &[u8; 32]) -> BitString {
    bits(key, 256)
}

pub(super) fn cell(cell: Ecgi) -> asn1::Ecgi {
    let eci = cell.eci.get() << 4;
    asn1::Ecgi { plmn: octets(&cell.plmn.ap_octets()), cell: bits(&eci.to_be_bytes(), 28), extensions: None }
}

pub(super) fn of_cell(ie: Ie, cell: &asn1::Ecgi) -> Result<Ecgi, WireError> {
    let plmn = <[u8; 3]>::try_from(&cell.plmn[..]).ok().map(Plmn::from_ap_octets);
    let mut whole = cell.cell.clone();
    whole.resize(32, false);
    let eci = whole_octets(&whole).and_then(|octets| Eci::new(u32::from_be_bytes(octets) >> 4));
    let found = plmn.zip(eci).map(|(plmn, eci)| Ecgi { plmn, eci });
    found.ok_or_else(|| ie.refused("3 octets and 28 bits", "others"))
}

pub(super) fn gummei(gummei: Gummei) -> asn1::Gummei {
    let group = GuGroupId {
        plmn: octets(&gummei.plmn.ap_octets()),
        group: octets(&gummei.group.0.to_be_bytes()),
        extensions: None,
    };
    asn1::Gummei { group, code: octets(&[gummei.code.0]), extensions: None }
}

pub(super) fn of_gummei(ie: Ie, gummei: &asn1::Gummei) -> Result<Gummei, WireError> {
    let asn1::Gummei { group: GuGroupId { plmn, group, .. }, code, .. } = gummei;
    match (&plmn[..], &group[..], &code[..]) {
        (&[a, b, c], &[high, low], &[code]) => Ok(Gummei {
            plmn: Plmn::from_ap_octets([a, b, c]),
            group: MmeGroupId(u16::from_be_bytes([high, low])),
            code: MmeCode(code),
        }),
        _ => Err(ie.refused("3, 2 and 1 octets", "others")),
    }
}

pub(super) fn capabilities(capabilities: UeSecurityCapabilities) -> asn1::UeSecurityCapabilities {
    let UeSecurityCapabilities { encryption, integrity } = capabilities;
    let [encryption, integrity] = [encryption, integrity].map(|algorithms| bits(&algorithms.to_be_bytes(), 16));
    asn1::UeSecurityCapabilities { encryption, integrity, extensions: None }
}

pub(super) fn of_capabilities(found: &asn1::UeSecurityCapabilities) -> Option<UeSecurityCapabilities> {
    let encryption = u16::from_be_bytes(whole_octets(&found.encryption)?);
    let integrity = u16::from_be_bytes(whole_octets(&found.integrity)?);
    Some(UeSecurityCapabilities { encryption, integrity })
}

pub(super) fn bearer(ebi: Ebi) -> ErabId {
    ErabId(ebi.get().into())
}

pub(super) fn of_bearer(ie: Ie, id: ErabId) -> Result<Ebi, WireError> {
    u8::try_from(&id.0).ok().and_then(Ebi::new).ok_or_else(|| ie.refused("a bearer from 5 to 15", id.0))
}

pub(super) fn tunnel(tunnel: TunnelEndpoint) -> GtpTunnelEndpoint {
    GtpTunnelEndpoint {
        address: bits(&tunnel.address.octets(), 32),
        teid: octets(&tunnel.teid.0.to_be_bytes()),
        extensions: None,
    }
}

pub(super) fn of_tunnel(ie: Ie, tunnel: &GtpTunnelEndpoint) -> Result<TunnelEndpoint, WireError> {
    let address = whole_octets::<4>(&tunnel.address).map(Ipv4Addr::from);
    let teid = <[u8; 4]>::try_from(&tunnel.teid[..]).ok().map(|teid| Teid(u32::from_be_bytes(teid)));
    let found = address.zip(teid).map(|(address, teid)| TunnelEndpoint { address, teid });
    found.ok_or_else(|| ie.refused("a tunnel with an IPv4 address", "another"))
}

/// The QoS of every bearer.
pub(super) fn qos() -> ErabLevelQosParameters {
    let priority = AllocationAndRetentionPriority {
        level: PRIORITY_LEVEL,
        may_pre_empt: false,
        pre_emptable: false,
        extensions: None,
    };
    ErabLevelQosParameters { qci: QCI, priority, gbr: None, extensions: None }
}

/// The aggregate maximum bit rates of every UE.
pub(super) fn bit_rates() -> UeAggregateMaximumBitRate {
    let rate = BitRate(AGGREGATE_MAXIMUM_BIT_RATE.into());
    UeAggregateMaximumBitRate { downlink: rate, uplink: rate, extensions: None }
}

/// A history of one cell.
pub(super) fn history(source: Ecgi) -> UeHistoryInformation {
    UeHistoryInformation(vec![LastVisitedCellItem::Eutran(LastVisitedCell {
        cell: cell(source),
        kind: CellType { size: CellSize::Small, extensions: None },
        seconds: SECONDS_IN_SOURCE_CELL,
        extensions: None,
    })])
}

/// The cell in which a history ends.
pub(super) fn of_history(ie: Ie, history: &UeHistoryInformation) -> Result<Ecgi, WireError> {
    match history.0.first() {
        Some(LastVisitedCellItem::Eutran(last)) => of_cell(ie, &last.cell),
        _ => Err(ie.refused("a cell of E-UTRAN", "another")),
    }
}
