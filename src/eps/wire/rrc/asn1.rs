//! The types of TS 36.331 (clauses 6.2.2, 6.3 and 10.2.2) that the messages of this room are made of, for `rasn`.
//!
//! They say what stands in which bits and nothing else; the values that others work with are in the files beside this one. What a
//! message may hold and this room never writes is here as a place of the right width: `()` for an alternative of a choice,
//! `Option<()>` for an optional field. Unaligned PER writes an enumeration as the number of its alternative and a bit string of
//! fixed size as its bits, both as it writes an integer of that range: so they are integers here, but for an enumeration with an
//! extension marker. A `non_exhaustive` type has one.

use rasn::prelude::*;

use super::codec::Refused;

/// `criticalExtensions`, or any choice between something known and a future.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum Either<T> {
    Known(T),
    Future(()),
}

/// `UL-CCCH-MessageType.c1`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum UlCcch {
    ReestablishmentRequest(Either<ReestablishmentRequest>),
    ConnectionRequest(Either<ConnectionRequest>),
}

/// `DL-CCCH-MessageType.c1`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum DlCcch {
    Reestablishment(Transaction<Of8<Reestablishment>>),
    ReestablishmentReject(()),
    ConnectionReject(Either<Of4<ConnectionReject>>),
    ConnectionSetup(Transaction<Of8<ConnectionSetup>>),
}

/// A choice of 4 whose other alternatives are not carried, spares mostly.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum Of4<T> {
    First(T),
    Other1(()),
    Other2(()),
    Other3(()),
}

/// The same of 8.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum Of8<T> {
    First(T),
    Other1(()),
    Other2(()),
    Other3(()),
    Other4(()),
    Other5(()),
    Other6(()),
    Other7(()),
}

/// `rrc-TransactionIdentifier` and `criticalExtensions`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Transaction<T> {
    #[rasn(value("0..=3"))]
    pub transaction: u8,
    pub critical: Either<T>,
}

/// `DL-DCCH-MessageType.c1`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum DlDcch {
    CsfbParametersResponse(()),
    DlInformationTransfer(Transaction<Of4<InformationTransfer>>),
    HandoverFromEutraPreparationRequest(()),
    MobilityFromEutraCommand(Transaction<Of4<MobilityFromEutra>>),
    RrcConnectionReconfiguration(Transaction<Of8<Reconfiguration>>),
    RrcConnectionRelease(Transaction<Of4<Release>>),
    SecurityModeCommand(Transaction<Of4<SecurityModeCommand>>),
    UeCapabilityEnquiry(()),
    CounterCheck(()),
    UeInformationRequest(()),
    LoggedMeasurementConfiguration(()),
    RnReconfiguration(()),
    RrcConnectionResume(()),
    DlDedicatedMessageSegment(()),
    Spare2(()),
    Spare1(()),
}

/// `UL-DCCH-MessageType.c1`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum UlDcch {
    CsfbParametersRequest(()),
    MeasurementReport(Either<Of8<MeasurementReport>>),
    RrcConnectionReconfigurationComplete(Transaction<Complete>),
    RrcConnectionReestablishmentComplete(Transaction<Complete>),
    RrcConnectionSetupComplete(Transaction<Of4<SetupComplete>>),
    SecurityModeComplete(Transaction<Complete>),
    SecurityModeFailure(Transaction<Complete>),
    UeCapabilityInformation(()),
    UlHandoverPreparationTransfer(()),
    UlInformationTransfer(Either<Of4<InformationTransfer>>),
    CounterCheckResponse(()),
    UeInformationResponse(()),
    ProximityIndication(()),
    RnReconfigurationComplete(()),
    MbmsCountingResponse(()),
    InterFreqRstdMeasurementIndication(()),
}

/// The content of a message that says only that something was done.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
pub struct Complete {
    pub extension: Option<()>,
}

/// `DLInformationTransfer-r8-IEs` and `ULInformationTransfer-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct InformationTransfer {
    pub dedicated: DedicatedInfo,
    pub extension: Option<()>,
}

/// `dedicatedInfoType`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum DedicatedInfo {
    Nas(OctetString),
    Cdma2000OneXrtt(()),
    Cdma2000Hrpd(()),
}

/// `SecurityModeCommand-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SecurityModeCommand {
    pub config: SecurityConfigSmc,
    pub extension: Option<()>,
}

/// `SecurityConfigSMC`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct SecurityConfigSmc {
    pub algorithms: SecurityAlgorithmConfig,
}

/// `SecurityAlgorithmConfig`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SecurityAlgorithmConfig {
    pub ciphering: Algorithm,
    pub integrity: Algorithm,
}

/// `CipheringAlgorithm-r12` and `integrityProtAlgorithm`, which have the same alternatives.
#[derive(AsnType, Encode, Decode, Debug, Clone, Copy, PartialEq)]
#[rasn(enumerated, automatic_tags)]
#[non_exhaustive]
pub enum Algorithm {
    Null,
    Snow3g,
    Aes,
    Zuc,
    Spare4,
    Spare3,
    Spare2,
    Spare1,
}

/// `RRCConnectionRelease-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Release {
    #[rasn(value("0..=3"))]
    pub cause: u8,
    pub redirected_carrier: Option<RedirectedCarrier>,
    pub idle_mode_mobility: Option<()>,
    pub extension: Option<()>,
}

/// `RedirectedCarrierInfo`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub enum RedirectedCarrier {
    #[rasn(value("0..=65535"))]
    Eutra(u16),
    Geran(()),
    UtraFdd(()),
    UtraTdd(()),
    Cdma2000Hrpd(()),
    Cdma2000OneXrtt(()),
}

/// `RRCConnectionSetupComplete-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct SetupComplete {
    #[rasn(value("1..=6"))]
    pub selected_plmn: u8,
    pub registered_mme: Option<()>,
    pub nas: OctetString,
    pub extension: Option<()>,
}

/// `MeasurementReport-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct MeasurementReport {
    pub results: MeasResults,
    pub extension: Option<()>,
}

/// `MeasResults`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct MeasResults {
    #[rasn(value("1..=32"))]
    pub measurement: u8,
    pub serving: MeasResultPCell,
    pub neighbours: Option<MeasResultNeighCells>,
}

/// `measResultPCell`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct MeasResultPCell {
    #[rasn(value("0..=97"))]
    pub rsrp: u8,
    #[rasn(value("0..=34"))]
    pub rsrq: u8,
}

/// `measResultNeighCells`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub enum MeasResultNeighCells {
    #[rasn(size("1..=8"))]
    Eutra(SequenceOf<MeasResultEutra>),
    #[rasn(size("1..=8"))]
    Utra(SequenceOf<MeasResultUtra>),
    Geran(()),
    Cdma2000(()),
}

/// `MeasResultEUTRA`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct MeasResultEutra {
    #[rasn(value("0..=503"))]
    pub cell: u16,
    pub cgi: Option<()>,
    pub result: MeasResult,
}

/// `measResult`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct MeasResult {
    #[rasn(value("0..=97"))]
    pub rsrp: Option<u8>,
    #[rasn(value("0..=34"))]
    pub rsrq: Option<u8>,
}

/// `MeasResultUTRA`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct MeasResultUtra {
    pub cell: UtraCell,
    pub cgi: Option<()>,
    pub result: UtraResult,
}

/// `physCellId` of UTRA.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(choice, automatic_tags)]
pub enum UtraCell {
    #[rasn(value("0..=511"))]
    Fdd(u16),
    #[rasn(value("0..=127"))]
    Tdd(u8),
}

/// `measResult` of UTRA.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct UtraResult {
    #[rasn(value("-5..=91"))]
    pub rscp: Option<i8>,
    #[rasn(value("0..=49"))]
    pub ec_n0: Option<u8>,
}

/// `RRCConnectionReconfiguration-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Reconfiguration {
    pub measurements: Option<()>,
    pub mobility: Option<MobilityControlInfo>,
    #[rasn(size("1..=11"))]
    pub nas: Option<SequenceOf<OctetString>>,
    pub dedicated: Option<RadioResourceConfigDedicated>,
    pub security: Option<SecurityConfigHo>,
    pub extension: Option<()>,
}

/// `MobilityControlInfo`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct MobilityControlInfo {
    #[rasn(value("0..=503"))]
    pub target: u16,
    pub carrier: Option<CarrierFreq>,
    pub bandwidth: Option<()>,
    pub spectrum_emission: Option<()>,
    #[rasn(value("0..=7"))]
    pub t304: u8,
    #[rasn(value("0..=65535"))]
    pub c_rnti: u16,
    pub common: RadioResourceConfigCommon,
    pub rach_dedicated: Option<()>,
}

/// `CarrierFreqEUTRA`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct CarrierFreq {
    #[rasn(value("0..=65535"))]
    pub downlink: u16,
    #[rasn(value("0..=65535"))]
    pub uplink: Option<u16>,
}

/// `RadioResourceConfigCommon`; its [`Default`] is what this room writes: nothing optional, every number 0 or the lowest.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct RadioResourceConfigCommon {
    pub rach: Option<()>,
    pub prach: PrachConfig,
    pub pdsch: Option<()>,
    pub pusch: PuschConfigCommon,
    pub phich: Option<()>,
    pub pucch: Option<()>,
    pub sounding: Option<()>,
    pub uplink_power_control: Option<()>,
    pub antennas: Option<()>,
    pub p_max: Option<()>,
    pub tdd: Option<()>,
    /// `UL-CyclicPrefixLength`.
    #[rasn(value("0..=1"))]
    pub uplink_cyclic_prefix: u8,
}

/// `PRACH-Config`.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
pub struct PrachConfig {
    #[rasn(value("0..=837"))]
    pub root_sequence: u16,
    pub info: Option<()>,
}

/// `PUSCH-ConfigCommon`.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
pub struct PuschConfigCommon {
    pub basic: PuschConfigBasic,
    pub reference_signals: UlReferenceSignalsPusch,
}

/// `pusch-ConfigBasic`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct PuschConfigBasic {
    #[rasn(value("1..=4"))]
    pub subbands: u8,
    #[rasn(value("0..=1"))]
    pub hopping_mode: u8,
    #[rasn(value("0..=98"))]
    pub hopping_offset: u8,
    pub enable_64qam: bool,
}

impl Default for PuschConfigBasic {
    fn default() -> Self {
        Self { subbands: 1, hopping_mode: 0, hopping_offset: 0, enable_64qam: false }
    }
}

/// `UL-ReferenceSignalsPUSCH`.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
pub struct UlReferenceSignalsPusch {
    pub group_hopping: bool,
    #[rasn(value("0..=29"))]
    pub group_assignment: u8,
    pub sequence_hopping: bool,
    #[rasn(value("0..=7"))]
    pub cyclic_shift: u8,
}

/// `SecurityConfigHO`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct SecurityConfigHo {
    pub handover: HandoverType,
}

/// `handoverType`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum HandoverType {
    IntraLte(IntraLte),
    InterRat(InterRat),
}

/// `interRAT`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct InterRat {
    pub algorithms: SecurityAlgorithmConfig,
    #[rasn(size("6"))]
    pub nas: OctetString,
}

/// `intraLTE`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct IntraLte {
    pub algorithms: Option<SecurityAlgorithmConfig>,
    pub key_change: bool,
    #[rasn(value("0..=7"))]
    pub next_hop_chaining_count: u8,
}

/// `MobilityFromEUTRACommand-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct MobilityFromEutra {
    pub cs_fallback: bool,
    pub purpose: MobilityPurpose,
    pub extension: Option<()>,
}

/// `purpose`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum MobilityPurpose {
    Handover(HandoverFromEutra),
    CellChangeOrder(()),
}

/// `Handover`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverFromEutra {
    pub target: TargetRat,
    pub message: OctetString,
    #[rasn(size("1"))]
    pub nas: Option<OctetString>,
    pub system_information: Option<()>,
}

/// `targetRAT-Type`.
#[derive(AsnType, Encode, Decode, Debug, Clone, Copy, PartialEq)]
#[rasn(enumerated, automatic_tags)]
#[non_exhaustive]
pub enum TargetRat {
    Utra,
    Geran,
    Cdma2000OneXrtt,
    Cdma2000Hrpd,
    Nr,
    Eutra,
    Spare2,
    Spare1,
}

/// `RRCConnectionReestablishmentRequest-r8-IEs`, with the fields of `ReestabUE-Identity`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct ReestablishmentRequest {
    #[rasn(value("0..=65535"))]
    pub c_rnti: u16,
    #[rasn(value("0..=503"))]
    pub cell: u16,
    #[rasn(value("0..=65535"))]
    pub short_mac_i: u16,
    #[rasn(value("0..=3"))]
    pub cause: u8,
    #[rasn(value("0..=3"))]
    pub spare: u8,
}

/// `RRCConnectionRequest-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct ConnectionRequest {
    pub identity: InitialUeIdentity,
    #[rasn(value("0..=7"))]
    pub cause: u8,
    #[rasn(value("0..=1"))]
    pub spare: u8,
}

/// `InitialUE-Identity`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(choice, automatic_tags)]
pub enum InitialUeIdentity {
    STmsi(STmsi),
    #[rasn(size("40"))]
    RandomValue(BitString),
}

/// `S-TMSI`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct STmsi {
    #[rasn(value("0..=255"))]
    pub mmec: u8,
    #[rasn(value("0..=4294967295"))]
    pub m_tmsi: u32,
}

/// `RRCConnectionSetup-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct ConnectionSetup {
    pub dedicated: RadioResourceConfigDedicated,
    pub extension: Option<()>,
}

/// `RRCConnectionReject-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct ConnectionReject {
    #[rasn(value("1..=16"))]
    pub wait: u8,
    pub extension: Option<()>,
}

/// `RRCConnectionReestablishment-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct Reestablishment {
    pub dedicated: RadioResourceConfigDedicated,
    #[rasn(value("0..=7"))]
    pub next_hop_chaining_count: u8,
    pub extension: Option<()>,
}

/// `RadioResourceConfigDedicated`: empty, or with signalling bearer 1, or with data bearer 1.
#[derive(AsnType, Encode, Decode, Debug, Default)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct RadioResourceConfigDedicated {
    #[rasn(size("1..=2"))]
    pub srb_to_add: Option<SequenceOf<SrbToAdd>>,
    #[rasn(size("1..=11"))]
    pub drb_to_add: Option<SequenceOf<DrbToAdd>>,
    pub drb_to_release: Option<()>,
    pub mac_main: Option<()>,
    pub semi_persistent: Option<()>,
    pub physical: Option<()>,
}

/// `SRB-ToAddMod`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct SrbToAdd {
    #[rasn(value("1..=2"))]
    pub identity: u8,
    pub rlc: Option<OrDefault>,
    pub logical_channel: Option<OrDefault>,
}

/// A choice between something explicit and the values of clause 9.2.1.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(choice, automatic_tags)]
pub enum OrDefault {
    Explicit(()),
    Default(()),
}

/// `DRB-ToAddMod`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct DrbToAdd {
    #[rasn(value("0..=15"))]
    pub eps_bearer: Option<u8>,
    #[rasn(value("1..=32"))]
    pub identity: u8,
    pub pdcp: Option<PdcpConfig>,
    pub rlc: Option<RlcConfig>,
    #[rasn(value("3..=10"))]
    pub logical_channel_identity: Option<u8>,
    pub logical_channel: Option<()>,
}

/// `PDCP-Config`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct PdcpConfig {
    pub discard_timer: Option<()>,
    pub rlc_am: Option<PdcpOverAm>,
    pub rlc_um: Option<()>,
    pub header_compression: HeaderCompression,
}

/// `rlc-AM`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct PdcpOverAm {
    pub status_report: bool,
}

/// `headerCompression`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(choice, automatic_tags)]
pub enum HeaderCompression {
    NotUsed(()),
    Rohc(()),
}

/// `RLC-Config`.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub enum RlcConfig {
    Am(RlcAm),
    UmBidirectional(()),
    UmUplink(()),
    UmDownlink(()),
}

/// `am`: `UL-AM-RLC`, `DL-AM-RLC`, as the numbers of their alternatives.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq)]
#[rasn(automatic_tags)]
pub struct RlcAm {
    #[rasn(value("0..=63"))]
    pub poll_retransmit: u8,
    #[rasn(value("0..=7"))]
    pub poll_pdu: u8,
    #[rasn(value("0..=15"))]
    pub poll_byte: u8,
    #[rasn(value("0..=7"))]
    pub retransmissions: u8,
    #[rasn(value("0..=31"))]
    pub reordering: u8,
    #[rasn(value("0..=63"))]
    pub status_prohibit: u8,
}

/// Logical channel of data bearer 1.
const LOGICAL_CHANNEL: u8 = 3;

impl RadioResourceConfigDedicated {
    /// With signalling bearer 1.
    pub fn signalling() -> Self {
        let default = || Some(OrDefault::Default(()));
        let bearer = SrbToAdd { identity: 1, rlc: default(), logical_channel: default() };
        Self { srb_to_add: Some(vec![bearer]), ..Self::default() }
    }

    /// With data bearer 1, of this EPS bearer; RLC in acknowledged mode with the lowest values.
    pub fn data(eps_bearer: u8) -> Self {
        let pdcp = PdcpConfig {
            discard_timer: None,
            rlc_am: Some(PdcpOverAm { status_report: false }),
            rlc_um: None,
            header_compression: HeaderCompression::NotUsed(()),
        };
        let rlc = RlcAm {
            poll_retransmit: 0,
            poll_pdu: 0,
            poll_byte: 0,
            retransmissions: 0,
            reordering: 0,
            status_prohibit: 0,
        };
        let bearer = DrbToAdd {
            eps_bearer: Some(eps_bearer),
            identity: 1,
            pdcp: Some(pdcp),
            rlc: Some(RlcConfig::Am(rlc)),
            logical_channel_identity: Some(LOGICAL_CHANNEL),
            logical_channel: None,
        };
        Self { drb_to_add: Some(vec![bearer]), ..Self::default() }
    }

    /// The EPS bearer of data bearer 1, if it sets up that.
    pub fn data_bearer(&self) -> Option<u8> {
        self.drb_to_add.as_ref()?.first()?.eps_bearer
    }
}

/// `VarShortMAC-Input` (clause 7.1).
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct VarShortMacInput {
    #[rasn(value("0..=268435455"))]
    pub cell_identity: u32,
    #[rasn(value("0..=503"))]
    pub cell: u16,
    #[rasn(value("0..=65535"))]
    pub c_rnti: u16,
}

/// `HandoverPreparationInformation-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverPreparationInformation {
    #[rasn(size("0..=8"))]
    pub capabilities: SequenceOf<()>,
    pub as_config: Option<AsConfig>,
    pub rrm_config: Option<()>,
    pub as_context: Option<()>,
    pub extension: Option<()>,
}

/// `AS-Config`, with every optional field of its parts absent.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
#[non_exhaustive]
pub struct AsConfig {
    /// `sourceMeasConfig`: extension bit and 11 of presence.
    #[rasn(size("12"))]
    pub measurements: BitString,
    /// `sourceRadioResourceConfig`: extension bit and 6 of presence.
    #[rasn(size("7"))]
    pub dedicated: BitString,
    pub algorithms: SecurityAlgorithmConfig,
    #[rasn(value("0..=65535"))]
    pub c_rnti: u16,
    /// The broadcast of the source cell: master information block, system information blocks 1 and 2, antennas and carrier.
    #[rasn(size("330"))]
    pub broadcast: BitString,
}

/// The bits of [`AsConfig::broadcast`] that are 1 in that of a cell with the lowest value in every field, or where there is one with
/// that name the value 0 (`interSubFrame`, `notBarred`, network 001-01), and no optional field.
const BROADCAST: [usize; 5] = [31, 43, 52, 53, 98];

impl AsConfig {
    /// Of a UE with these algorithms and this C-RNTI.
    pub fn new(algorithms: SecurityAlgorithmConfig, c_rnti: u16) -> Self {
        let mut broadcast = BitString::repeat(false, 330);
        for place in BROADCAST {
            broadcast.set(place, true);
        }
        let [measurements, dedicated] = [12, 7].map(|bits| BitString::repeat(false, bits));
        Self { measurements, dedicated, algorithms, c_rnti, broadcast }
    }
}

/// `HandoverCommand-r8-IEs`.
#[derive(AsnType, Encode, Decode, Debug)]
#[rasn(automatic_tags)]
pub struct HandoverCommand {
    pub message: OctetString,
    pub extension: Option<()>,
}

impl<T: std::fmt::Debug> Either<T> {
    /// The alternative that is carried.
    pub fn known(self) -> Result<T, Refused> {
        if let Self::Known(known) = self { Ok(known) } else { Err(Refused::alternative(&self)) }
    }
}

impl<T: std::fmt::Debug> Either<Of4<T>> {
    /// The first alternative of the choice within.
    pub fn first(self) -> Result<T, Refused> {
        match self.known()? {
            Of4::First(first) => Ok(first),
            other => Err(Refused::alternative(&other)),
        }
    }
}

impl<T: std::fmt::Debug> Either<Of8<T>> {
    /// The first alternative of the choice within.
    pub fn first(self) -> Result<T, Refused> {
        match self.known()? {
            Of8::First(first) => Ok(first),
            other => Err(Refused::alternative(&other)),
        }
    }
}
