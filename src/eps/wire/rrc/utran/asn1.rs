//! The types of TS 25.331 clause 11 that the messages of this room are made of, for `rasn`; as `asn1.rs` of LTE has them: places of the
//! right width for what is not carried, integers for enumerations and bit strings of fixed size.

use rasn::prelude::*;

use super::super::asn1::Either;

/// `DL-DCCH-Message` and `UL-DCCH-Message`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Dcch<M> {
    pub integrity: Option<IntegrityCheckInfo>,
    pub message: M,
}

/// `IntegrityCheckInfo`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct IntegrityCheckInfo {
    #[rasn(value("0..=4294967295"))]
    pub mac: u32,
    #[rasn(value("0..=15"))]
    pub sequence_number: u8,
}

/// A choice between what an early version had and what came later.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum Later<T> {
    Early(()),
    Late(T),
}

/// An extension with the next one behind it.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Link<E, N> {
    pub extension: E,
    pub next: Option<N>,
}

/// An extension of 1 optional field.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
pub struct Empty1 {
    pub a: Option<()>,
}

/// An extension of 3 optional fields.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
pub struct Empty3 {
    pub a: Option<()>,
    pub b: Option<()>,
    pub c: Option<()>,
}

/// An extension of 4 optional fields.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
pub struct Empty4 {
    pub a: Option<()>,
    pub b: Option<()>,
    pub c: Option<()>,
    pub d: Option<()>,
}

/// `DL-DCCH-MessageType`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum DlMessageType {
    ActiveSetUpdate(()),
    AssistanceDataDelivery(()),
    CellChangeOrderFromUtran(()),
    CellUpdateConfirm(()),
    CounterCheck(()),
    DownlinkDirectTransfer(DownlinkDirectTransfer),
    HandoverFromUtranCommandGsm(()),
    HandoverFromUtranCommandCdma2000(()),
    MeasurementControl(()),
    PagingType2(()),
    PhysicalChannelReconfiguration(()),
    PhysicalSharedChannelAllocation(()),
    RadioBearerReconfiguration(()),
    RadioBearerRelease(()),
    RadioBearerSetup(()),
    RrcConnectionRelease(()),
    SecurityModeCommand(Later<SecurityModeCommand>),
    SignallingConnectionRelease(()),
    TransportChannelReconfiguration(()),
    TransportFormatCombinationControl(()),
    UeCapabilityEnquiry(()),
    UeCapabilityInformationConfirm(()),
    UplinkPhysicalChannelControl(()),
    UraUpdateConfirm(()),
    UtranMobilityInformation(()),
    HandoverFromUtranCommandGeranIu(()),
    MbmsModifiedServicesInformation(()),
    EtwsPrimaryNotification(()),
    HandoverFromUtranCommandEutra(HandoverFromUtranCommandEutra),
    UeInformationRequest(()),
    LoggingMeasurementConfiguration(()),
    Spare1(()),
}

/// `UL-DCCH-MessageType`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum UlMessageType {
    ActiveSetUpdateComplete(()),
    ActiveSetUpdateFailure(()),
    CellChangeOrderFromUtranFailure(()),
    CounterCheckResponse(()),
    HandoverToUtranComplete(HandoverToUtranComplete),
    InitialDirectTransfer(InitialDirectTransfer),
    HandoverFromUtranFailure(HandoverFromUtranFailure),
    MeasurementControlFailure(()),
    MeasurementReport(MeasurementReport),
    PhysicalChannelReconfigurationComplete(()),
    PhysicalChannelReconfigurationFailure(()),
    RadioBearerReconfigurationComplete(()),
    RadioBearerReconfigurationFailure(()),
    RadioBearerReleaseComplete(()),
    RadioBearerReleaseFailure(()),
    RadioBearerSetupComplete(()),
    RadioBearerSetupFailure(()),
    RrcConnectionReleaseComplete(()),
    RrcConnectionSetupComplete(()),
    RrcStatus(()),
    SecurityModeComplete(SecurityModeComplete),
    SecurityModeFailure(()),
    SignallingConnectionReleaseIndication(()),
    TransportChannelReconfigurationComplete(()),
    TransportChannelReconfigurationFailure(()),
    TransportFormatCombinationControlFailure(()),
    UeCapabilityInformation(()),
    UplinkDirectTransfer(UplinkDirectTransfer),
    UtranMobilityInformationConfirm(()),
    UtranMobilityInformationFailure(()),
    MbmsModificationRequest(()),
    Extension(()),
}

/// `HandoverFromUTRANCommand-EUTRA`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverFromUtranCommandEutra {
    #[rasn(value("0..=3"))]
    pub transaction: u8,
    pub critical: Either<HandoverFromUtranR8>,
}

/// `HandoverFromUTRANCommand-EUTRA.r8`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverFromUtranR8 {
    pub command: HandoverFromUtranR8Ies,
    pub addition: Option<()>,
    pub extension: Option<()>,
}

/// `HandoverFromUTRANCommand-EUTRA-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverFromUtranR8Ies {
    pub activation_time: Option<()>,
    pub rabs: Option<()>,
    pub eutra: OctetString,
}

/// `SecurityModeCommand.later-than-r3`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SecurityModeCommand {
    #[rasn(value("0..=3"))]
    pub transaction: u8,
    pub critical: Either<SecurityModeR7>,
}

/// `SecurityModeCommand.later-than-r3.criticalExtensions.r7`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SecurityModeR7 {
    pub command: SecurityModeR7Ies,
    pub addition: Option<()>,
    pub extension: Option<()>,
}

/// `SecurityModeCommand-r7-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SecurityModeR7Ies {
    pub capability: SecurityCapability,
    pub ciphering: Option<()>,
    pub integrity: Option<IntegrityModeInfo>,
    #[rasn(value("0..=1"))]
    pub domain: u8,
    pub other_systems: Option<()>,
}

/// `SecurityCapability`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SecurityCapability {
    #[rasn(value("0..=65535"))]
    pub ciphering: u16,
    #[rasn(value("0..=65535"))]
    pub integrity: u16,
}

/// `IntegrityProtectionModeInfo-r7`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct IntegrityModeInfo {
    pub command: IntegrityModeCommand,
    #[rasn(value("0..=1"))]
    pub algorithm: Option<u8>,
}

/// `IntegrityProtectionModeCommand`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum IntegrityModeCommand {
    Start(StartIntegrity),
    Modify(ModifyIntegrity),
}

/// `modify` of an integrity protection.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct ModifyIntegrity {
    #[rasn(size("4..=5"))]
    pub activation: SequenceOf<SequenceNumber>,
}

/// `RRC-MessageSequenceNumber`.
#[derive(AsnType, Encode, Decode, Debug, Clone, Copy, PartialEq)]
#[rasn(delegate, value("0..=15"))]
pub struct SequenceNumber(pub u8);

/// `DownlinkDirectTransfer`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum DownlinkDirectTransfer {
    R3(DownlinkDirectTransferR3),
    Later(()),
}

/// `DownlinkDirectTransfer.r3`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct DownlinkDirectTransferR3 {
    pub transfer: DownlinkDirectTransferR3Ies,
    pub extension: Option<()>,
}

/// `DownlinkDirectTransfer-r3-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct DownlinkDirectTransferR3Ies {
    #[rasn(value("0..=3"))]
    pub transaction: u8,
    #[rasn(value("0..=1"))]
    pub domain: u8,
    #[rasn(size("1..=4095"))]
    pub nas: OctetString,
}

/// `UplinkDirectTransfer`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct UplinkDirectTransfer {
    #[rasn(value("0..=1"))]
    pub domain: u8,
    #[rasn(size("1..=4095"))]
    pub nas: OctetString,
    pub measured: Option<()>,
    pub extension: Option<()>,
}

/// `InitialDirectTransfer`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct InitialDirectTransfer {
    #[rasn(value("0..=1"))]
    pub domain: u8,
    pub selector: NasNodeSelector,
    #[rasn(size("1..=4095"))]
    pub nas: OctetString,
    pub measured: Option<()>,
    pub extension: Option<()>,
}

/// `IntraDomainNasNodeSelector`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct NasNodeSelector {
    pub version: SelectorVersion,
}

/// `version` of a selector.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum SelectorVersion {
    Release99(SelectorRelease99),
    Later(()),
}

/// `release99` of a selector.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SelectorRelease99 {
    pub core_network: CoreNetworkSelector,
}

/// `cn-Type`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum CoreNetworkSelector {
    GsmMap(GsmMapSelector),
    Ansi41(()),
}

/// `Gsm-map-IDNNS`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct GsmMapSelector {
    pub basis: RoutingBasis,
    pub dummy: bool,
}

/// `routingbasis`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum RoutingBasis {
    LocalPTmsi(()),
    TmsiOfSamePlmn(()),
    TmsiOfDifferentPlmn(()),
    ImsiResponseToPaging(()),
    ImsiCauseUeInitiatedEvent(RoutingParameter),
    Imei(()),
    Spare2(()),
    Spare1(()),
}

/// A `routingparameter` alone.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct RoutingParameter {
    #[rasn(value("0..=1023"))]
    pub parameter: u16,
}

/// `startIntegrityProtection`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct StartIntegrity {
    #[rasn(value("0..=4294967295"))]
    pub fresh: u32,
}

/// `SecurityModeComplete`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SecurityModeComplete {
    #[rasn(value("0..=3"))]
    pub transaction: u8,
    pub integrity: Option<()>,
    pub ciphering: Option<()>,
    pub extension: Option<()>,
}

/// `HandoverToUTRANComplete`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverToUtranComplete {
    #[rasn(size("1..=4"))]
    pub start: Option<SequenceOf<Start>>,
    pub activation_time: Option<()>,
    pub extension: Option<()>,
}

/// `STARTSingle`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct Start {
    #[rasn(value("0..=1"))]
    pub domain: u8,
    #[rasn(value("0..=1048575"))]
    pub start: u32,
}

/// `HandoverFromUTRANFailure`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverFromUtranFailure {
    #[rasn(value("0..=3"))]
    pub transaction: u8,
    pub cause: Option<FailureCause>,
    pub message: Option<()>,
    pub extension: Option<()>,
}

/// `InterRAT-HO-FailureCause`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum FailureCause {
    ConfigurationUnacceptable(()),
    PhysicalChannelFailure(()),
    ProtocolError(()),
    InterRatProtocolError(()),
    Unspecified(()),
    Spare11(()),
    Spare10(()),
    Spare9(()),
    Spare8(()),
    Spare7(()),
    Spare6(()),
    Spare5(()),
    Spare4(()),
    Spare3(()),
    Spare2(()),
    Spare1(()),
}

/// `MeasurementReport`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct MeasurementReport {
    #[rasn(value("1..=16"))]
    pub identity: u8,
    pub measured: Option<()>,
    pub on_rach: Option<()>,
    pub additional: Option<()>,
    pub event: Option<()>,
    pub v390: Option<Link<Empty1, LaterExtensions>>,
}

/// `laterNonCriticalExtensions` of a measurement report.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct LaterExtensions {
    pub addition: Option<()>,
    pub v4b0: Option<V4b0>,
}

/// The extensions of versions 4b0, 590, 5b0, 690, 770, all empty, and 860.
pub type V4b0 = Link<Empty3, Link<Empty1, Link<Empty1, Link<Empty1, Link<Empty4, Link<MeasurementV860, ()>>>>>>;

/// `MeasurementReport-v860ext-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct MeasurementV860 {
    pub activation_time: Option<()>,
    pub measured: Option<()>,
    pub additional: Option<()>,
    pub event: Option<()>,
    pub eutra: Option<EutraMeasured>,
    pub eutra_event: Option<()>,
}

/// `EUTRA-MeasuredResults`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct EutraMeasured {
    #[rasn(size("1..=4"))]
    pub results: SequenceOf<EutraCarrier>,
}

/// `Eutra-MeasuredResult`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct EutraCarrier {
    #[rasn(value("0..=65535"))]
    pub earfcn: u16,
    #[rasn(size("1..=4"))]
    pub cells: SequenceOf<EutraCell>,
}

/// `EUTRA-MeasuredCells`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct EutraCell {
    #[rasn(value("0..=503"))]
    pub cell: u16,
    #[rasn(value("0..=97"))]
    pub rsrp: Option<u8>,
    #[rasn(value("0..=33"))]
    pub rsrq: Option<u8>,
}

/// `HandoverToUTRANCommand`, of version 7: versions 3 to 6 come before it in a choice each.
pub type HandoverToUtranCommand = Later<Later<Later<Later<Either<HandoverToUtranR7>>>>>;

/// `HandoverToUTRANCommand...r7`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverToUtranR7 {
    pub command: HandoverToUtranR7Ies,
    pub extension: Option<()>,
}

/// `HandoverToUTRANCommand-r7-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverToUtranR7Ies {
    pub u_rnti: URntiShort,
    #[rasn(value("0..=2"))]
    pub ciphering: Option<u8>,
    pub capability_change: bool,
    pub h_rnti: Option<()>,
    pub primary_e_rnti: Option<()>,
    pub secondary_e_rnti: Option<()>,
    pub mode: SpecificationMode,
    #[rasn(value("-50..=33"))]
    pub power: i8,
}

/// `U-RNTI-Short`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct URntiShort {
    #[rasn(value("0..=4095"))]
    pub srnc: u16,
    #[rasn(value("0..=1023"))]
    pub s_rnti: u16,
}

/// `specificationMode`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum SpecificationMode {
    Complete(()),
    Preconfiguration(Preconfiguration),
}

/// `preconfiguration`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Preconfiguration {
    pub mode: PreConfigMode,
    pub rab: Option<RabInfo>,
    pub specific: ModeSpecific,
}

/// `preConfigMode`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum PreConfigMode {
    Predefined(()),
    Default(DefaultConfig),
}

/// `defaultConfig`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct DefaultConfig {
    #[rasn(value("0..=1"))]
    pub mode: u8,
    #[rasn(value("0..=31"))]
    pub identity: u8,
}

/// `RAB-Info-Post`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct RabInfo {
    pub identity: RabIdentity,
    #[rasn(value("0..=1"))]
    pub domain: u8,
    pub synchronisation: Option<()>,
}

/// `RAB-Identity`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum RabIdentity {
    #[rasn(value("0..=255"))]
    GsmMap(u8),
    Ansi41(()),
}

/// `modeSpecificInfo` of a preconfiguration.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum ModeSpecific {
    Fdd(Fdd),
    Tdd(()),
}

/// `modeSpecificInfo.fdd`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Fdd {
    pub uplink: UlDpch,
    pub common: DlCommon,
    #[rasn(size("1..=8"))]
    pub links: SequenceOf<RadioLink>,
    pub frequency: Frequency,
}

/// `UL-DPCH-InfoPostFDD`, with the fields of its power control.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct UlDpch {
    #[rasn(value("-28..=-13"))]
    pub offset: i8,
    #[rasn(value("0..=7"))]
    pub preamble: u8,
    #[rasn(value("0..=7"))]
    pub delay: u8,
    #[rasn(value("0..=1"))]
    pub code_type: u8,
    #[rasn(value("0..=8191"))]
    pub code: u16,
    #[rasn(value("0..=6"))]
    pub spreading: u8,
}

/// `DL-CommonInformationPost`, with the field of `DL-DPCH-InfoCommonPost`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct DlCommon {
    pub power: Option<()>,
}

/// `DL-InformationPerRL-PostFDD`, with the fields within it.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct RadioLink {
    #[rasn(value("0..=511"))]
    pub primary_scrambling_code: u16,
    #[rasn(value("0..=1"))]
    pub cpich: u8,
    pub code: ChannelisationCode,
    #[rasn(value("0..=5"))]
    pub tpc: u8,
}

/// `DL-ChannelisationCode`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct ChannelisationCode {
    pub secondary: Option<()>,
    pub code: SpreadingCode,
    pub change: Option<()>,
}

/// `SF512-AndCodeNumber`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(choice, automatic_tags)]
pub enum SpreadingCode {
    Sf4(()),
    Sf8(()),
    Sf16(()),
    Sf32(()),
    Sf64(()),
    #[rasn(value("0..=127"))]
    Sf128(u8),
    Sf256(()),
    Sf512(()),
}

/// `FrequencyInfoFDD`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Frequency {
    pub uplink: Option<()>,
    #[rasn(value("0..=16383"))]
    pub downlink: u16,
}
