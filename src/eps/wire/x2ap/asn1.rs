//! The types of the ASN.1 of TS 36.423 clause 9.3 that the messages need, for aligned PER.
//!
//! An open type is an octet string that holds the encoding of its value; an extension container is read and not written. Choices
//! and enumerations have all the alternatives of their root, of whose number the width of an index follows.

use rasn::prelude::*;

/// `Criticality`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
pub(super) enum Criticality {
    Reject = 0,
    Ignore = 1,
    Notify = 2,
}

/// `ProtocolIE-Field`, `ProtocolIE-Single-Container`, `ProtocolExtensionField`: all three are built alike.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct Field {
    #[rasn(value("0..=65535"))]
    pub id: u16,
    pub criticality: Criticality,
    pub value: OctetString,
}

/// A message: `SEQUENCE { protocolIEs ProtocolIE-Container, ... }`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct Container {
    #[rasn(size("0..=65535"))]
    pub fields: SequenceOf<Field>,
}

/// `InitiatingMessage`, `SuccessfulOutcome`, `UnsuccessfulOutcome`: all three are built alike.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct Envelope {
    #[rasn(value("0..=255"))]
    pub procedure: u8,
    pub criticality: Criticality,
    pub value: OctetString,
}

/// `X2AP-PDU`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum Pdu {
    Initiating(Envelope),
    Successful(Envelope),
    Unsuccessful(Envelope),
}

/// `ProtocolExtensionContainer`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=65535"))]
pub(super) struct Extensions(pub SequenceOf<Field>);

/// `SEQUENCE (SIZE (1..256)) OF ProtocolIE-Single-Container`: a list of bearers.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=256"))]
pub(super) struct BearerList(pub SequenceOf<Field>);

/// `UE-X2AP-ID`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, value("0..=4095"))]
pub(super) struct UeX2apId(pub u16);

/// `E-RAB-ID`. A number of bounded type would take the extension marker away from its constraint.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, value("0..=15", extensible))]
pub(super) struct ErabId(pub Integer);

/// `RRC-Context`, `TargeteNBtoSource-eNBTransparentContainer`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate)]
pub(super) struct Octets(pub OctetString);

/// `ECGI`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct Ecgi {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(size("28"))]
    pub cell: BitString,
    pub extensions: Option<Extensions>,
}

/// `GU-Group-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct GuGroupId {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(size("2"))]
    pub group: OctetString,
    pub extensions: Option<Extensions>,
}

/// `GUMMEI`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct Gummei {
    pub group: GuGroupId,
    #[rasn(size("1"))]
    pub code: OctetString,
    pub extensions: Option<Extensions>,
}

/// `UESecurityCapabilities`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct UeSecurityCapabilities {
    #[rasn(size("16", extensible))]
    pub encryption: BitString,
    #[rasn(size("16", extensible))]
    pub integrity: BitString,
    pub extensions: Option<Extensions>,
}

/// `AS-SecurityInformation`
#[derive(AsnType, Clone, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct AsSecurityInformation {
    #[rasn(size("256"))]
    pub key: BitString,
    #[rasn(value("0..=7"))]
    pub ncc: u8,
    pub extensions: Option<Extensions>,
}

/// `BitRate`, in bits per second.
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, value("0..=10000000000"))]
pub(super) struct BitRate(pub u64);

/// `UEAggregateMaximumBitRate`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct UeAggregateMaximumBitRate {
    pub downlink: BitRate,
    pub uplink: BitRate,
    pub extensions: Option<Extensions>,
}

/// `UE-ContextInformation`, with what may follow the RRC context in the messages of others.
#[derive(AsnType, Clone, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct UeContextInformation {
    #[rasn(value("0..=4294967295"))]
    pub mme_ue_id: u32,
    pub capabilities: UeSecurityCapabilities,
    pub security: AsSecurityInformation,
    pub bit_rates: UeAggregateMaximumBitRate,
    #[rasn(value("1..=256"))]
    pub subscriber_profile: Option<u16>,
    pub bearers: BearerList,
    pub rrc_context: OctetString,
    pub restriction: Option<HandoverRestrictionList>,
    pub location_reporting: Option<LocationReportingInformation>,
    pub extensions: Option<Extensions>,
}

/// `HandoverRestrictionList`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct HandoverRestrictionList {
    #[rasn(size("3"))]
    pub serving: OctetString,
    pub equivalent: Option<Plmns>,
    pub areas: Option<ForbiddenAreas>,
    pub location_areas: Option<ForbiddenAreas>,
    pub inter_rats: Option<ForbiddenInterRats>,
    pub extensions: Option<Extensions>,
}

/// `EPLMNs`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=15"))]
pub(super) struct Plmns(pub SequenceOf<FixedOctetString<3>>);

/// `ForbiddenTAs`, `ForbiddenLAs`: both are built alike.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=16"))]
pub(super) struct ForbiddenAreas(pub SequenceOf<ForbiddenArea>);

/// `ForbiddenTAs-Item`, `ForbiddenLAs-Item`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct ForbiddenArea {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(size("1..=4096"))]
    pub codes: SequenceOf<FixedOctetString<2>>,
    pub extensions: Option<Extensions>,
}

/// `ForbiddenInterRATs`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum ForbiddenInterRats {
    All = 0,
    Geran = 1,
    Utran = 2,
    Cdma2000 = 3,
}

/// `LocationReportingInformation`: its two enumerations have one value each in the root.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct LocationReportingInformation {
    pub event: OneValue,
    pub area: OneValue,
    pub extensions: Option<Extensions>,
}

/// An extensible enumeration of one value: `EventType`, `ReportArea`, `DL-Forwarding`.
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum OneValue {
    Only = 0,
}

/// `AllocationAndRetentionPriority`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct AllocationAndRetentionPriority {
    #[rasn(value("0..=15"))]
    pub level: u8,
    /// `Pre-emptionCapability`, an enumeration of two values without extension, which is encoded as a boolean: may trigger.
    pub may_pre_empt: bool,
    /// `Pre-emptionVulnerability`, another: pre-emptable.
    pub pre_emptable: bool,
    pub extensions: Option<Extensions>,
}

/// `GBR-QosInformation`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct GbrQosInformation {
    pub maximum_downlink: BitRate,
    pub maximum_uplink: BitRate,
    pub guaranteed_downlink: BitRate,
    pub guaranteed_uplink: BitRate,
    pub extensions: Option<Extensions>,
}

/// `E-RAB-Level-QoS-Parameters`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct ErabLevelQosParameters {
    #[rasn(value("0..=255"))]
    pub qci: u8,
    pub priority: AllocationAndRetentionPriority,
    pub gbr: Option<GbrQosInformation>,
    pub extensions: Option<Extensions>,
}

/// `GTPtunnelEndpoint`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct GtpTunnelEndpoint {
    #[rasn(size("1..=160", extensible))]
    pub address: BitString,
    #[rasn(size("4"))]
    pub teid: OctetString,
    pub extensions: Option<Extensions>,
}

/// `E-RABs-ToBeSetup-Item`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct BearerToBeSetup {
    pub id: ErabId,
    pub qos: ErabLevelQosParameters,
    pub forwarding: Option<OneValue>,
    pub uplink: GtpTunnelEndpoint,
    pub extensions: Option<Extensions>,
}

/// `E-RABs-Admitted-Item`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct AdmittedBearer {
    pub id: ErabId,
    pub uplink: Option<GtpTunnelEndpoint>,
    pub downlink: Option<GtpTunnelEndpoint>,
    pub extensions: Option<Extensions>,
}

/// `COUNTvalue`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct CountValue {
    #[rasn(value("0..=4095"))]
    pub sequence_number: u16,
    #[rasn(value("0..=1048575"))]
    pub hfn: u32,
    pub extensions: Option<Extensions>,
}

/// `E-RABs-SubjectToStatusTransfer-Item`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct BearerStatus {
    pub id: ErabId,
    #[rasn(size("4096"))]
    pub received: Option<BitString>,
    pub uplink: CountValue,
    pub downlink: CountValue,
    pub extensions: Option<Extensions>,
}

/// `Cell-Size`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum CellSize {
    VerySmall = 0,
    Small = 1,
    Medium = 2,
    Large = 3,
}

/// `CellType`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct CellType {
    pub size: CellSize,
    pub extensions: Option<Extensions>,
}

/// `LastVisitedEUTRANCellInformation`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct LastVisitedCell {
    pub cell: Ecgi,
    pub kind: CellType,
    #[rasn(value("0..=4095"))]
    pub seconds: u16,
    pub extensions: Option<Extensions>,
}

/// `LastVisitedGERANCellInformation`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum LastVisitedGeranCell {
    Undefined(()),
}

/// `LastVisitedCell-Item`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum LastVisitedCellItem {
    Eutran(LastVisitedCell),
    Utran(OctetString),
    Geran(LastVisitedGeranCell),
}

/// `UE-HistoryInformation`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=16"))]
pub(super) struct UeHistoryInformation(pub SequenceOf<LastVisitedCellItem>);
