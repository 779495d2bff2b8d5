//! The types of the ASN.1 of TS 25.413 clause 9.3 and TS 25.468 clause 9.3 that the messages need, for aligned PER.
//!
//! An open type is an octet string that holds the encoding of its value; an extension container is read and not written.

use rasn::prelude::*;

/// `Criticality`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
pub(super) enum Criticality {
    Reject = 0,
    Ignore = 1,
    Notify = 2,
}

/// `ProtocolIE-Field`, `ProtocolExtensionField`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct Field {
    #[rasn(value("0..=65535"))]
    pub id: u16,
    pub criticality: Criticality,
    pub value: OctetString,
}

/// `ProtocolIE-Container`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("0..=65535"))]
pub(super) struct Fields(pub SequenceOf<Field>);

/// `ProtocolExtensionContainer`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=65535"))]
pub(super) struct Extensions(pub SequenceOf<Field>);

/// A message: `SEQUENCE { protocolIEs ProtocolIE-Container, protocolExtensions ProtocolExtensionContainer OPTIONAL, ... }`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct Container {
    pub fields: Fields,
    pub extensions: Option<Extensions>,
}

/// `InitiatingMessage`, `SuccessfulOutcome`, `UnsuccessfulOutcome`, `Outcome`: all are built alike.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct Envelope {
    #[rasn(value("0..=255"))]
    pub procedure: u8,
    pub criticality: Criticality,
    pub value: OctetString,
}

/// `RANAP-PDU`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum Pdu {
    Initiating(Envelope),
    Successful(Envelope),
    Unsuccessful(Envelope),
    Outcome(Envelope),
}

/// `RUA-PDU`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum RuaPdu {
    Initiating(Envelope),
    Successful(Envelope),
    Unsuccessful(Envelope),
}

/// `RAB-SetupList-RelocReq`, `RAB-SetupList-RelocReqAck`: a list of containers.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=256"))]
pub(super) struct RabList(pub SequenceOf<Fields>);

/// `RRC-Container`, `Source-ToTarget-TransparentContainer`, `Target-ToSource-TransparentContainer`, `RANAP-Message`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate)]
pub(super) struct Octets(pub OctetString);

/// `IuSignallingConnectionIdentifier`, `Context-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("24"))]
pub(super) struct ConnectionId(pub BitString);

/// `CN-DomainIndicator`: circuit-switched, packet-switched; an enumeration of two values without extension, which is encoded as a
/// boolean.
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate)]
pub(super) struct Domain(pub bool);

/// `RelocationType`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum RelocationType {
    UeNotInvolved = 0,
    UeInvolved = 1,
}

/// `Cause`, without what was added to it.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum Cause {
    RadioNetwork(RadioNetwork),
    TransmissionNetwork(TransmissionNetwork),
    Nas(Nas),
    Protocol(Protocol),
    Misc(Misc),
    NonStandard(NonStandard),
}

macro_rules! causes {
    ($($name:ident = $range:literal,)*) => {
        $(#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
        #[rasn(delegate, value($range))]
        pub(super) struct $name(pub u16);)*
    };
}

causes! {
    RadioNetwork = "1..=64",
    TransmissionNetwork = "65..=80",
    Nas = "81..=96",
    Protocol = "97..=112",
    Misc = "113..=128",
    NonStandard = "129..=256",
}

/// `LAI`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct Lai {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(size("2"))]
    pub lac: OctetString,
    pub extensions: Option<Extensions>,
}

/// `TAI`
pub(super) type Tai = Lai;

/// `TargetRNC-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct TargetRnc {
    pub lai: Lai,
    #[rasn(size("1"))]
    pub rac: Option<OctetString>,
    #[rasn(value("0..=4095"))]
    pub rnc: u16,
    pub extensions: Option<Extensions>,
}

/// `CGI`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct Cgi {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(size("2"))]
    pub lac: OctetString,
    #[rasn(size("2"))]
    pub ci: OctetString,
    pub extensions: Option<Extensions>,
}

/// `ENB-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum EnbId {
    #[rasn(size("20"))]
    Macro(BitString),
    #[rasn(size("28"))]
    Home(BitString),
}

/// `TargetENB-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct TargetEnb {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    pub enb: EnbId,
    pub extensions: Option<Extensions>,
    pub tai: Tai,
}

/// `TargetID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum TargetId {
    Rnc(TargetRnc),
    Cgi(Cgi),
    #[rasn(extension_addition)]
    Enb(TargetEnb),
}

/// `SourceRNC-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct SourceRnc {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(value("0..=4095"))]
    pub rnc: u16,
    pub extensions: Option<Extensions>,
}

/// `SourceID`, of which `SAI` is built as `CGI` is.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum SourceId {
    Rnc(SourceRnc),
    Sai(Cgi),
}

/// `PermanentNAS-UE-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum PermanentId {
    #[rasn(size("3..=8"))]
    Imsi(OctetString),
}

/// `EncryptionAlgorithm`, `IntegrityProtectionAlgorithm`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, value("0..=15"))]
pub(super) struct Algorithm(pub u8);

/// `EncryptionInformation`, `IntegrityProtectionInformation`: both are built alike.
#[derive(AsnType, Clone, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct KeyInformation {
    #[rasn(size("1..=16"))]
    pub permitted: SequenceOf<Algorithm>,
    #[rasn(size("128"))]
    pub key: BitString,
    pub extensions: Option<Extensions>,
}

/// `SourceRNC-ToTargetRNC-TransparentContainer`
#[derive(AsnType, Clone, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct SourceToTarget {
    pub rrc: OctetString,
    #[rasn(value("1..=2"))]
    pub iu_instances: u8,
    pub kind: RelocationType,
    pub integrity: Option<Algorithm>,
    #[rasn(size("128"))]
    pub integrity_key: Option<BitString>,
    pub signalling_ciphering: Option<Algorithm>,
    #[rasn(size("128"))]
    pub ciphering_key: Option<BitString>,
    pub circuit_ciphering: Option<Algorithm>,
    pub packet_ciphering: Option<Algorithm>,
    #[rasn(value("0..=1048575"))]
    pub d_rnti: Option<u32>,
    #[rasn(value("0..=268435455"))]
    pub target_cell: Option<u32>,
    pub mapping: Option<RabList>,
    pub extensions: Option<Extensions>,
}

/// `TargetRNC-ToSourceRNC-TransparentContainer`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct TargetToSource {
    pub rrc: OctetString,
    #[rasn(value("0..=1048575"))]
    pub d_rnti: Option<u32>,
    pub extensions: Option<Extensions>,
}

/// `TrafficClass`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum TrafficClass {
    Conversational = 0,
    Streaming = 1,
    Interactive = 2,
    Background = 3,
}

/// `RAB-AsymmetryIndicator`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum Asymmetry {
    SymmetricBidirectional = 0,
    AsymmetricDownlink = 1,
    AsymmetricUplink = 2,
    AsymmetricBidirectional = 3,
}

/// `MaxBitrate`, `GuaranteedBitrate` but for its 0, in bits per second.
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, value("1..=16000000"))]
pub(super) struct BitRate(pub u32);

/// `ResidualBitErrorRatio`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct ResidualBitErrorRatio {
    #[rasn(value("1..=9"))]
    pub mantissa: u8,
    #[rasn(value("1..=8"))]
    pub exponent: u8,
    pub extensions: Option<Extensions>,
}

/// `DeliveryOfErroneousSDU`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
pub(super) enum ErroneousSdu {
    Yes = 0,
    No = 1,
    NoErrorDetection = 2,
}

/// An item of `SDU-Parameters`, of which an error ratio and formats are not carried.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct SduParameters {
    pub error_ratio: Option<()>,
    pub residual: ResidualBitErrorRatio,
    pub erroneous: ErroneousSdu,
    pub formats: Option<()>,
    pub extensions: Option<Extensions>,
}

/// `RAB-Parameters`, of which what is optional is not carried.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct RabParameters {
    pub class: TrafficClass,
    pub asymmetry: Asymmetry,
    #[rasn(size("1..=2"))]
    pub maximum: SequenceOf<BitRate>,
    pub guaranteed: Option<()>,
    /// `DeliveryOrder`, an enumeration of two values without extension: not requested.
    pub in_any_order: bool,
    #[rasn(value("0..=32768"))]
    pub largest_sdu: u16,
    #[rasn(size("1..=7"))]
    pub sdu: SequenceOf<SduParameters>,
    pub transfer_delay: Option<()>,
    pub priority: Option<()>,
    pub retention: Option<()>,
    pub source_statistics: Option<()>,
    pub relocation_requirement: Option<()>,
    pub extensions: Option<Extensions>,
}

/// `UserPlaneMode`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum UserPlaneMode {
    Transparent = 0,
    Support = 1,
}

/// `UserPlaneInformation`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct UserPlane {
    pub mode: UserPlaneMode,
    #[rasn(size("16"))]
    pub versions: BitString,
    pub extensions: Option<Extensions>,
}

/// `IuTransportAssociation`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub(super) enum TransportAssociation {
    #[rasn(size("4"))]
    Teid(OctetString),
    #[rasn(size("4"))]
    Binding(OctetString),
}

/// `RAB-SetupItem-RelocReq`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct RabToSetUp {
    #[rasn(size("8"))]
    pub id: BitString,
    pub synchronisation: Option<()>,
    pub parameters: RabParameters,
    pub volume_report: Option<()>,
    pub pdp_type: Option<()>,
    pub user_plane: UserPlane,
    #[rasn(size("1..=160", extensible))]
    pub address: BitString,
    pub association: TransportAssociation,
    pub service_handover: Option<()>,
    pub extensions: Option<Extensions>,
}

/// `RAB-SetupItem-RelocReqAck`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct RabSetUp {
    #[rasn(size("8"))]
    pub id: BitString,
    #[rasn(size("1..=160", extensible))]
    pub address: Option<BitString>,
    pub association: Option<TransportAssociation>,
    pub extensions: Option<Extensions>,
}

/// `RAC`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1"))]
pub(super) struct Rac(pub OctetString);

/// `GlobalRNC-ID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct GlobalRnc {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(value("0..=4095"))]
    pub rnc: u16,
}

/// `KeyStatus`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum KeyStatus {
    Old = 0,
    New = 1,
}

/// `ProtocolIE-FieldPair`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct FieldPair {
    #[rasn(value("0..=65535"))]
    pub id: u16,
    pub first_criticality: Criticality,
    pub first: OctetString,
    pub second_criticality: Criticality,
    pub second: OctetString,
}

/// `ProtocolIE-ContainerPair`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("0..=65535"))]
pub(super) struct FieldPairs(pub SequenceOf<FieldPair>);

/// `RAB-SetupOrModifyList`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(delegate, size("1..=256"))]
pub(super) struct RabPairList(pub SequenceOf<FieldPairs>);

/// `TransportLayerInformation`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct TransportLayer {
    #[rasn(size("1..=160", extensible))]
    pub address: BitString,
    pub association: TransportAssociation,
    pub extensions: Option<Extensions>,
}

/// `RAB-SetupOrModifyItemFirst`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct RabFirst {
    #[rasn(size("8"))]
    pub id: BitString,
    pub synchronisation: Option<()>,
    pub parameters: Option<RabParameters>,
    pub user_plane: Option<UserPlane>,
    pub transport: Option<TransportLayer>,
    pub service_handover: Option<()>,
    pub extensions: Option<Extensions>,
}

/// `RAB-SetupOrModifyItemSecond`, of which nothing is carried.
#[derive(AsnType, Clone, Debug, Decode, Default, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct RabSecond {
    pub pdp_type: Option<()>,
    pub volume_report: Option<()>,
    pub downlink_gtp: Option<()>,
    pub uplink_gtp: Option<()>,
    pub downlink_pdu: Option<()>,
    pub uplink_pdu: Option<()>,
    pub extensions: Option<Extensions>,
}

/// `RAB-SetupOrModifiedItem`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct RabAssigned {
    #[rasn(size("8"))]
    pub id: BitString,
    #[rasn(size("1..=160", extensible))]
    pub address: Option<BitString>,
    pub association: Option<TransportAssociation>,
    pub volumes: Option<()>,
    pub extensions: Option<Extensions>,
}

/// `UTRAN-CellID`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
pub(super) struct UtranCellId {
    #[rasn(size("3"))]
    pub plmn: OctetString,
    #[rasn(value("0..=268435455"))]
    pub cell: u32,
    pub extensions: Option<Extensions>,
}

/// `CellType`
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(enumerated)]
#[non_exhaustive]
pub(super) enum CellType {
    Macro = 0,
    Micro = 1,
    Pico = 2,
    Femto = 3,
}

/// `LastVisitedUTRANCell-Item`
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub(super) struct LastVisitedUtranCell {
    pub cell: UtranCellId,
    pub kind: CellType,
    #[rasn(value("0..=4095"))]
    pub seconds: u16,
    pub extensions: Option<Extensions>,
}
