//! Information elements by number, and the values of this crate as those of the ASN.1 of TS 25.413 and back.

use std::net::Ipv4Addr;

use rasn::types::{BitString, OctetString};

use super::asn1::{
    self, Asymmetry, BitRate, Cause, Criticality, ErroneousSdu, Field, Fields, Lai, RabParameters, RabToSetUp,
    ResidualBitErrorRatio, SduParameters, TargetEnb, TargetId, TargetRnc, TrafficClass, TransportAssociation,
    UserPlane, UserPlaneMode,
};
use super::{LAYER, decode, encode};
use crate::eps::identifiers::{Ebi, EnbId, GlobalEnbId, Plmn, Tac, Tai, Teid};
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{Erab, TunnelEndpoint};

/// An information element: its number and its name (TS 25.413 clause 9.3.6, TS 25.468 clause 9.3.6).
#[derive(Clone, Copy, Debug)]
pub(super) struct Ie {
    id: u16,
    name: &'static str,
}

impl Ie {
    const fn new(id: u16, name: &'static str) -> Self {
        Self { id, name }
    }

    pub(super) const DOMAIN: Self = Self::new(3, "CN-DomainIndicator");
    pub(super) const CAUSE: Self = Self::new(4, "Cause");
    pub(super) const CHOSEN_ENCRYPTION: Self = Self::new(5, "ChosenEncryptionAlgorithm");
    pub(super) const CHOSEN_INTEGRITY: Self = Self::new(6, "ChosenIntegrityProtectionAlgorithm");
    pub(super) const ENCRYPTION: Self = Self::new(11, "EncryptionInformation");
    pub(super) const INTEGRITY: Self = Self::new(12, "IntegrityProtectionInformation");
    pub(super) const LAI: Self = Self::new(15, "LAI");
    pub(super) const NAS: Self = Self::new(16, "NAS-PDU");
    pub(super) const PERMANENT_ID: Self = Self::new(23, "PermanentNAS-UE-ID");
    pub(super) const TO_SET_UP_ITEM: Self = Self::new(47, "RAB-SetupItem-RelocReq");
    pub(super) const SET_UP_ITEM: Self = Self::new(48, "RAB-SetupItem-RelocReqAck");
    pub(super) const TO_SET_UP: Self = Self::new(49, "RAB-SetupList-RelocReq");
    pub(super) const SET_UP: Self = Self::new(50, "RAB-SetupList-RelocReqAck");
    pub(super) const ASSIGNED_ITEM: Self = Self::new(51, "RAB-SetupOrModifiedItem");
    pub(super) const ASSIGNED: Self = Self::new(52, "RAB-SetupOrModifiedList");
    pub(super) const TO_ASSIGN_ITEM: Self = Self::new(53, "RAB-SetupOrModifyItem");
    pub(super) const TO_ASSIGN: Self = Self::new(54, "RAB-SetupOrModifyList");
    pub(super) const RAC: Self = Self::new(55, "RAC");
    pub(super) const RELOCATION_TYPE: Self = Self::new(56, "RelocationType");
    pub(super) const SAI: Self = Self::new(58, "SAI");
    pub(super) const SOURCE: Self = Self::new(60, "SourceID");
    pub(super) const SOURCE_TO_TARGET: Self = Self::new(61, "Source-ToTarget-TransparentContainer");
    pub(super) const TARGET: Self = Self::new(62, "TargetID");
    pub(super) const TARGET_TO_SOURCE: Self = Self::new(63, "Target-ToSource-TransparentContainer");
    pub(super) const KEY_STATUS: Self = Self::new(75, "KeyStatus");
    pub(super) const CONNECTION: Self = Self::new(79, "IuSignallingConnectionIdentifier");
    pub(super) const GLOBAL_RNC: Self = Self::new(86, "GlobalRNC-ID");
    pub(super) const RUA_CONTEXT: Self = Self::new(3, "Context-ID");
    pub(super) const RUA_MESSAGE: Self = Self::new(4, "RANAP-Message");
    pub(super) const RUA_DOMAIN: Self = Self::new(7, "CN-DomainIndicator");

    /// This information element with a value.
    pub(super) fn with<T: rasn::Encode>(self, criticality: Criticality, value: &T) -> Result<Field, WireError> {
        let value = encode(value, self.name)?.into();
        Ok(Field { id: self.id, criticality, value })
    }

    /// This information element with octets that are encoded as they are to be: the ASN.1 says OCTET STRING of a container for the
    /// other system, and a remark on it that it is encoded as that system says, and not as an OCTET STRING.
    pub(super) fn holding(self, criticality: Criticality, value: &[u8]) -> Field {
        Field { id: self.id, criticality, value: octets(value) }
    }

    /// Its number.
    pub(super) const fn id(self) -> u16 {
        self.id
    }

    /// It is there and is not what was `expected`.
    pub(super) fn refused(self, expected: &'static str, found: impl std::fmt::Display) -> WireError {
        WireError::new(LAYER, 0, format!("{} (IE {}) as {expected}", self.name, self.id), found)
    }
}

impl Fields {
    /// What `of` makes of an information element that the message must have.
    pub(super) fn required<T: rasn::Decode, R>(
        &self,
        ie: Ie,
        of: impl FnOnce(T) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        decode(self.octets(ie)?, ie.name).and_then(of)
    }

    /// The octets of an information element that the message must have.
    pub(super) fn octets(&self, ie: Ie) -> Result<&[u8], WireError> {
        let missing = || WireError::new(LAYER, 0, format!("{} (IE {})", ie.name, ie.id), "none");
        self.0.iter().find(|field| field.id == ie.id).map(|field| &field.value[..]).ok_or_else(missing)
    }
}

/// Why, by the number that the standard gives it over all groups, 1 to 256 (TS 25.413 clause 9.2.1.4). The same number stands in GTPv1-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RanapCause(pub u8);

impl RanapCause {
    /// Unknown target RNC.
    pub const UNKNOWN_TARGET: Self = Self(9);
    /// Relocation cancelled.
    pub const CANCELLED: Self = Self(10);
    /// Successful relocation.
    pub const SUCCESSFUL: Self = Self(11);
    /// Requested ciphering and/or integrity protection algorithms not supported.
    pub const NO_ALGORITHMS: Self = Self(12);
    /// Relocation failure in target CN/RNC or target system.
    pub const FAILURE_IN_TARGET: Self = Self(29);
    /// Relocation desirable for radio reasons.
    pub const DESIRABLE: Self = Self(43);
    /// Normal release, of NAS.
    pub const NORMAL_RELEASE: Self = Self(83);
    /// Unspecified failure.
    pub const UNSPECIFIED: Self = Self(115);

    pub(super) fn asn1(self) -> Cause {
        let number = u16::from(self.0);
        match self.0 {
            0..=64 => Cause::RadioNetwork(asn1::RadioNetwork(number)),
            65..=80 => Cause::TransmissionNetwork(asn1::TransmissionNetwork(number)),
            81..=96 => Cause::Nas(asn1::Nas(number)),
            97..=112 => Cause::Protocol(asn1::Protocol(number)),
            113..=128 => Cause::Misc(asn1::Misc(number)),
            129.. => Cause::NonStandard(asn1::NonStandard(number)),
        }
    }

    pub(super) fn of(cause: Cause) -> Result<Self, WireError> {
        let number = match cause {
            Cause::RadioNetwork(asn1::RadioNetwork(number))
            | Cause::TransmissionNetwork(asn1::TransmissionNetwork(number))
            | Cause::Nas(asn1::Nas(number))
            | Cause::Protocol(asn1::Protocol(number))
            | Cause::Misc(asn1::Misc(number))
            | Cause::NonStandard(asn1::NonStandard(number)) => number,
        };
        u8::try_from(number).map(Self).map_err(|_| Ie::CAUSE.refused("a cause of 1 to 255", number))
    }
}

/// An RNC: its network and 12 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RncIdentity {
    /// The network.
    pub plmn: Plmn,
    /// Location area code of the cell that it is asked for.
    pub lac: u16,
    /// Routing area code.
    pub rac: u8,
    /// The RNC in the network, 0 to 4095.
    pub rnc: u16,
}

/// Where a UE is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelocationTarget {
    /// To an RNC.
    Rnc(RncIdentity),
    /// To a macro eNB, with a tracking area that it serves.
    Enb(GlobalEnbId, Tai),
}

pub(super) fn octets(octets: &[u8]) -> OctetString {
    OctetString::from_slice(octets)
}

/// The first `bits` bits of `octets`.
pub(super) fn bits(octets: &[u8], bits: usize) -> BitString {
    let mut string = BitString::from_slice(octets);
    string.truncate(bits);
    string
}

/// A bit string of `N` whole octets; none if it has others.
pub(super) fn whole_octets<const N: usize>(string: &BitString) -> Option<[u8; N]> {
    let length = N.checked_mul(8)?;
    string.clone().into_vec().try_into().ok().filter(|_| string.len() == length)
}

pub(super) fn connection(number: u32) -> BitString {
    bits(&(number << 8).to_be_bytes(), 24)
}

pub(super) fn of_connection(id: &BitString) -> u32 {
    whole_octets(id).map_or(0, |[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a, b, c]))
}

/// Digits stand in RANAP as they do in S1AP.
pub(super) fn plmn(plmn: Plmn) -> OctetString {
    octets(&plmn.ap_octets())
}

pub(super) fn of_plmn(found: &OctetString) -> Option<Plmn> {
    <[u8; 3]>::try_from(&found[..]).ok().map(Plmn::from_ap_octets)
}

pub(super) fn of_area(area: &Lai) -> Option<(Plmn, u16)> {
    let code = <[u8; 2]>::try_from(&area.lac[..]).ok().map(u16::from_be_bytes)?;
    Some((of_plmn(&area.plmn)?, code))
}

pub(super) fn area(network: Plmn, code: u16) -> Lai {
    Lai { plmn: plmn(network), lac: octets(&code.to_be_bytes()), extensions: None }
}

impl RelocationTarget {
    pub(super) fn asn1(self) -> TargetId {
        match self {
            Self::Rnc(RncIdentity { plmn: network, lac, rac, rnc }) => {
                TargetId::Rnc(TargetRnc { lai: area(network, lac), rac: Some(octets(&[rac])), rnc, extensions: None })
            }
            Self::Enb(enb, tai) => TargetId::Enb(TargetEnb {
                plmn: plmn(enb.plmn),
                enb: asn1::EnbId::Macro(bits(&(enb.enb.get() << 12).to_be_bytes(), 20)),
                extensions: None,
                tai: area(tai.plmn, tai.tac.0),
            }),
        }
    }

    pub(super) fn of(found: &TargetId) -> Result<Self, WireError> {
        let target = match found {
            TargetId::Rnc(TargetRnc { lai, rac, rnc, .. }) => of_area(lai).map(|(plmn, lac)| {
                let rac = rac.as_ref().and_then(|rac| rac.first().copied()).unwrap_or_default();
                Self::Rnc(RncIdentity { plmn, lac, rac, rnc: *rnc })
            }),
            TargetId::Enb(TargetEnb { plmn, enb: asn1::EnbId::Macro(id), tai, .. }) => {
                let mut whole = id.clone();
                whole.resize(32, false);
                let enb = whole_octets(&whole).and_then(|octets| EnbId::new(u32::from_be_bytes(octets) >> 12));
                let enb = enb.zip(of_plmn(plmn)).map(|(enb, plmn)| GlobalEnbId { plmn, enb });
                let tai = of_area(tai).map(|(plmn, code)| Tai { plmn, tac: Tac(code) });
                enb.zip(tai).map(|(enb, tai)| Self::Enb(enb, tai))
            }
            _ => None,
        };
        target.ok_or_else(|| Ie::TARGET.refused("an RNC or a macro eNB", "another"))
    }
}

fn association(tunnel: TunnelEndpoint) -> TransportAssociation {
    TransportAssociation::Teid(octets(&tunnel.teid.0.to_be_bytes()))
}

pub(super) fn address(tunnel: TunnelEndpoint) -> (BitString, TransportAssociation) {
    (bits(&tunnel.address.octets(), 32), association(tunnel))
}

/// The bearer with this RAB ID, and the tunnel.
pub(super) fn of_rab(
    ie: Ie,
    id: &BitString,
    address: Option<&BitString>,
    association: Option<&TransportAssociation>,
) -> Result<Erab, WireError> {
    let ebi = whole_octets(id).and_then(|[id]: [u8; 1]| Ebi::new(id));
    let address = address.and_then(whole_octets::<4>).map(Ipv4Addr::from);
    let teid = match association {
        Some(TransportAssociation::Teid(teid)) => <[u8; 4]>::try_from(&teid[..]).ok(),
        _ => None,
    };
    let tunnel =
        address.zip(teid).map(|(address, teid)| TunnelEndpoint { address, teid: Teid(u32::from_be_bytes(teid)) });
    let found = ebi.zip(tunnel).map(|(ebi, tunnel)| Erab { ebi, tunnel });
    found.ok_or_else(|| ie.refused("a bearer from 5 to 15 with an IPv4 tunnel", "another"))
}

/// RAB ID: the NSAPI, which is the EPS bearer identity too.
pub(super) fn rab_id(ebi: Ebi) -> BitString {
    bits(&[ebi.get()], 8)
}

/// The QoS that every RAB has.
pub(super) fn rab_parameters() -> RabParameters {
    let sdu = SduParameters {
        error_ratio: None,
        residual: ResidualBitErrorRatio { mantissa: 1, exponent: 5, extensions: None },
        erroneous: ErroneousSdu::No,
        formats: None,
        extensions: None,
    };
    RabParameters {
        class: TrafficClass::Background,
        asymmetry: Asymmetry::SymmetricBidirectional,
        maximum: vec![BitRate(16_000_000)],
        guaranteed: None,
        in_any_order: true,
        largest_sdu: 12_000,
        sdu: vec![sdu],
        transfer_delay: None,
        priority: None,
        retention: None,
        source_statistics: None,
        relocation_requirement: None,
        extensions: None,
    }
}

/// The user plane that every RAB has.
pub(super) fn user_plane() -> UserPlane {
    UserPlane { mode: UserPlaneMode::Transparent, versions: bits(&1_u16.to_be_bytes(), 16), extensions: None }
}

/// A RAB with the QoS that every one has.
pub(super) fn to_set_up(Erab { ebi, tunnel }: Erab) -> RabToSetUp {
    let (address, association) = address(tunnel);
    RabToSetUp {
        id: rab_id(ebi),
        synchronisation: None,
        parameters: rab_parameters(),
        volume_report: None,
        pdp_type: None,
        user_plane: user_plane(),
        address,
        association,
        service_handover: None,
        extensions: None,
    }
}
