//! RRC of UTRAN (TS 25.331): the messages between UE and RNC by which a UE goes to E-UTRAN and comes from there, and those that carry NAS.
//!
//! A message on DCCH has an integrity check before it, and is not ciphered \[choice\]. What the check covers is the message as it stands
//! with the bearer in the place of the MAC and 0 in that of the sequence number (clause 8.5.10.3).

mod asn1;

use rasn::types::OctetString;

use self::asn1::{
    ChannelisationCode, CoreNetworkSelector, Dcch, DefaultConfig, DlCommon, DlMessageType, DownlinkDirectTransfer,
    DownlinkDirectTransferR3, DownlinkDirectTransferR3Ies, Empty1, Empty3, Empty4, EutraCarrier, EutraCell,
    EutraMeasured, FailureCause, Fdd, Frequency, GsmMapSelector, HandoverFromUtranCommandEutra, HandoverFromUtranR8,
    HandoverFromUtranR8Ies, HandoverToUtranR7, HandoverToUtranR7Ies, IntegrityCheckInfo, IntegrityModeCommand,
    IntegrityModeInfo, Later, LaterExtensions, Link, MeasurementV860, ModeSpecific, ModifyIntegrity, NasNodeSelector,
    PreConfigMode, Preconfiguration, RabIdentity, RabInfo, RadioLink, RoutingBasis, RoutingParameter,
    SecurityCapability, SecurityModeR7, SecurityModeR7Ies, SelectorRelease99, SelectorVersion, SequenceNumber,
    SpecificationMode, SpreadingCode, Start, StartIntegrity, URntiShort, UlDpch, UlMessageType,
};
use super::super::WireError;
use super::asn1::Either;
use super::codec::{self, Message, Refused};
use super::values::pci;
use crate::eps::identifiers::Pci;
use crate::eps::parameters::IntegrityCheck;

/// The signalling radio bearer of every message: 2.
const SIGNALLING_BEARER: u8 = 2;
/// The packet-switched domain.
const PACKET: u8 = 1;
/// How many signalling bearers an activation of integrity protection names.
const SIGNALLING_BEARERS: usize = 4;
/// UEA2 and UIA2, each alone, as a capability of 16 bits.
const SNOW3G: u16 = 0x0004;
/// UEA2 among the ciphering algorithms, and UIA2 among those of integrity.
const UEA2: u8 = 2;
const UIA2: u8 = 1;
/// UARFCN of the downlink of every cell.
const UARFCN: u16 = 10_700;
/// The default configuration of every radio link: number 3 of FDD, of signalling alone.
const CONFIGURATION: u8 = 3;
/// The RAB of every UE: its NSAPI.
const RAB: u8 = 5;

/// A message to the UE. Every `transaction` is 0 to 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UtranDlMessage {
    /// HANDOVER FROM UTRAN COMMAND to E-UTRAN.
    HandoverFromUtran {
        /// RRC transaction identifier.
        transaction: u8,
        /// From the eNB: octets of a [`DlDcchMessage`](super::DlDcchMessage), an RRCConnectionReconfiguration.
        eutra: Vec<u8>,
    },
    /// DOWNLINK DIRECT TRANSFER.
    DirectTransfer {
        /// RRC transaction identifier.
        transaction: u8,
        /// The NAS message, 1 to 4095 octets.
        nas: Vec<u8>,
    },
    /// SECURITY MODE COMMAND: integrity protection goes on with new keys and UIA2, from this message on.
    KeyChange {
        /// RRC transaction identifier.
        transaction: u8,
    },
    /// SECURITY MODE COMMAND: integrity protection begins, with UIA2.
    SecurityModeCommand {
        /// RRC transaction identifier.
        transaction: u8,
        /// FRESH, 4 octets.
        fresh: u32,
    },
}

/// A message of the UE. Every `transaction` is 0 to 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UtranUlMessage {
    /// INITIAL DIRECT TRANSFER: the first message of a UE to its SGSN, which it tells its IMSI.
    InitialDirectTransfer {
        /// The NAS message, 1 to 4095 octets.
        nas: Vec<u8>,
    },
    /// UPLINK DIRECT TRANSFER.
    DirectTransfer {
        /// The NAS message, 1 to 4095 octets.
        nas: Vec<u8>,
    },
    /// MEASUREMENT REPORT of one cell of E-UTRAN.
    MeasurementReport {
        /// Measurement identity, 1 to 16.
        measurement: u8,
        /// Its carrier, 16 bits.
        earfcn: u16,
        /// The cell.
        cell: Pci,
        /// RSRP, 0 to 97: 1 dB each from -140 dBm.
        rsrp: u8,
        /// RSRQ, 0 to 33: 0.5 dB each from -19.5 dB.
        rsrq: u8,
    },
    /// HANDOVER TO UTRAN COMPLETE, with START 0.
    HandoverToUtranComplete,
    /// HANDOVER FROM UTRAN FAILURE: the UE is back, for it has not reached the target.
    HandoverFromUtranFailure {
        /// That of the command.
        transaction: u8,
    },
    /// SECURITY MODE COMPLETE.
    SecurityModeComplete {
        /// That of the command.
        transaction: u8,
    },
}

/// HANDOVER TO UTRAN COMMAND, which another system hands to the UE: ciphered with UEA2 from the first, a default configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandoverToUtranCommand {
    /// The RNC, 12 bits.
    pub rnc: u16,
    /// What it calls the UE, 10 bits.
    pub s_rnti: u16,
    /// Primary scrambling code of the cell, 0 to 511: here its number.
    pub cell: Pci,
}

/// A message with its integrity check.
struct Checked<M>(Option<IntegrityCheck>, M);

impl IntegrityCheckInfo {
    fn of(check: IntegrityCheck) -> Self {
        Self { mac: u32::from_be_bytes(check.mac), sequence_number: check.sequence_number }
    }

    fn check(&self) -> IntegrityCheck {
        IntegrityCheck { mac: self.mac.to_be_bytes(), sequence_number: self.sequence_number }
    }
}

impl Message for Checked<UtranDlMessage> {
    type Asn1 = Dcch<DlMessageType>;
    const LAYER: &'static str = "RRC message of UTRAN on DL-DCCH";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        let message = match asn1.message {
            DlMessageType::HandoverFromUtranCommandEutra(HandoverFromUtranCommandEutra { transaction, critical }) => {
                let eutra = critical.known()?.command.eutra.to_vec();
                UtranDlMessage::HandoverFromUtran { transaction, eutra }
            }
            DlMessageType::DownlinkDirectTransfer(DownlinkDirectTransfer::R3(DownlinkDirectTransferR3 {
                transfer,
                ..
            })) => UtranDlMessage::DirectTransfer { transaction: transfer.transaction, nas: transfer.nas.to_vec() },
            DlMessageType::SecurityModeCommand(Later::Late(command)) => {
                let transaction = command.transaction;
                match command.critical.known()?.command.integrity {
                    Some(IntegrityModeInfo { command: IntegrityModeCommand::Modify(_), .. }) => {
                        UtranDlMessage::KeyChange { transaction }
                    }
                    Some(IntegrityModeInfo { command: IntegrityModeCommand::Start(start), .. }) => {
                        UtranDlMessage::SecurityModeCommand { transaction, fresh: start.fresh }
                    }
                    other => return Err(Refused::alternative(&other)),
                }
            }
            other => return Err(Refused::alternative(&other)),
        };
        Ok(Self(asn1.integrity.map(|info| info.check()), message))
    }

    fn to_asn1(&self) -> Self::Asn1 {
        let message = match &self.1 {
            UtranDlMessage::HandoverFromUtran { transaction, eutra } => {
                let eutra = OctetString::from_slice(eutra);
                let command = HandoverFromUtranR8Ies { activation_time: None, rabs: None, eutra };
                let critical = Either::Known(HandoverFromUtranR8 { command, addition: None, extension: None });
                let transaction = *transaction;
                DlMessageType::HandoverFromUtranCommandEutra(HandoverFromUtranCommandEutra { transaction, critical })
            }
            UtranDlMessage::SecurityModeCommand { transaction, fresh } => {
                security_mode_command(*transaction, IntegrityModeCommand::Start(StartIntegrity { fresh: *fresh }))
            }
            UtranDlMessage::KeyChange { transaction } => {
                let activation = vec![SequenceNumber(0); SIGNALLING_BEARERS];
                security_mode_command(*transaction, IntegrityModeCommand::Modify(ModifyIntegrity { activation }))
            }
            UtranDlMessage::DirectTransfer { transaction, nas } => {
                let nas = OctetString::from_slice(nas);
                let transfer = DownlinkDirectTransferR3Ies { transaction: *transaction, domain: PACKET, nas };
                let transfer = DownlinkDirectTransferR3 { transfer, extension: None };
                DlMessageType::DownlinkDirectTransfer(DownlinkDirectTransfer::R3(transfer))
            }
        };
        Dcch { integrity: self.0.map(IntegrityCheckInfo::of), message }
    }
}

fn security_mode_command(transaction: u8, integrity: IntegrityModeCommand) -> DlMessageType {
    let command = SecurityModeR7Ies {
        capability: SecurityCapability { ciphering: SNOW3G, integrity: SNOW3G },
        ciphering: None,
        integrity: Some(IntegrityModeInfo { command: integrity, algorithm: Some(UIA2) }),
        domain: PACKET,
        other_systems: None,
    };
    let critical = Either::Known(SecurityModeR7 { command, addition: None, extension: None });
    DlMessageType::SecurityModeCommand(Later::Late(asn1::SecurityModeCommand { transaction, critical }))
}

/// The cell that a report is about, through the empty extensions before it.
fn reported(report: asn1::MeasurementReport) -> Option<UtranUlMessage> {
    let v4b0 = report.v390?.next?.v4b0?;
    let measured = v4b0.next?.next?.next?.next?.next?.extension.eutra?;
    let [EutraCarrier { earfcn, cells }] = &measured.results[..] else { return None };
    let [EutraCell { cell, rsrp: Some(rsrp), rsrq: Some(rsrq) }] = &cells[..] else { return None };
    let cell = pci(*cell).ok()?;
    Some(UtranUlMessage::MeasurementReport {
        measurement: report.identity,
        earfcn: *earfcn,
        cell,
        rsrp: *rsrp,
        rsrq: *rsrq,
    })
}

fn report(identity: u8, carrier: EutraCarrier) -> asn1::MeasurementReport {
    let v860 = MeasurementV860 {
        activation_time: None,
        measured: None,
        additional: None,
        event: None,
        eutra: Some(EutraMeasured { results: vec![carrier] }),
        eutra_event: None,
    };
    let v770 = Link { extension: Empty4::default(), next: Some(Link { extension: v860, next: None }) };
    let v5b0 =
        Link { extension: Empty1::default(), next: Some(Link { extension: Empty1::default(), next: Some(v770) }) };
    let v590 = Link { extension: Empty1::default(), next: Some(v5b0) };
    let v4b0 = Link { extension: Empty3::default(), next: Some(v590) };
    let later = LaterExtensions { addition: None, v4b0: Some(v4b0) };
    let v390 = Link { extension: Empty1::default(), next: Some(later) };
    asn1::MeasurementReport { identity, measured: None, on_rach: None, additional: None, event: None, v390: Some(v390) }
}

impl Message for Checked<UtranUlMessage> {
    type Asn1 = Dcch<UlMessageType>;
    const LAYER: &'static str = "RRC message of UTRAN on UL-DCCH";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        let message = match asn1.message {
            UlMessageType::HandoverToUtranComplete(_) => UtranUlMessage::HandoverToUtranComplete,
            UlMessageType::HandoverFromUtranFailure(failure) => {
                UtranUlMessage::HandoverFromUtranFailure { transaction: failure.transaction }
            }
            UlMessageType::InitialDirectTransfer(asn1::InitialDirectTransfer { nas, .. }) => {
                UtranUlMessage::InitialDirectTransfer { nas: nas.to_vec() }
            }
            UlMessageType::UplinkDirectTransfer(asn1::UplinkDirectTransfer { nas, .. }) => {
                UtranUlMessage::DirectTransfer { nas: nas.to_vec() }
            }
            UlMessageType::SecurityModeComplete(complete) => {
                UtranUlMessage::SecurityModeComplete { transaction: complete.transaction }
            }
            UlMessageType::MeasurementReport(report) => {
                let refused = || Refused { expected: "a report of one cell of E-UTRAN", found: "another".to_owned() };
                reported(report).ok_or_else(refused)?
            }
            other => return Err(Refused::alternative(&other)),
        };
        Ok(Self(asn1.integrity.map(|info| info.check()), message))
    }

    fn to_asn1(&self) -> Self::Asn1 {
        let message = match self.1 {
            UtranUlMessage::InitialDirectTransfer { ref nas } => {
                let basis = RoutingBasis::ImsiCauseUeInitiatedEvent(RoutingParameter { parameter: 0 });
                let core_network = CoreNetworkSelector::GsmMap(GsmMapSelector { basis, dummy: false });
                let version = SelectorVersion::Release99(SelectorRelease99 { core_network });
                UlMessageType::InitialDirectTransfer(asn1::InitialDirectTransfer {
                    domain: PACKET,
                    selector: NasNodeSelector { version },
                    nas: OctetString::from_slice(nas),
                    measured: None,
                    extension: None,
                })
            }
            UtranUlMessage::DirectTransfer { ref nas } => {
                UlMessageType::UplinkDirectTransfer(asn1::UplinkDirectTransfer {
                    domain: PACKET,
                    nas: OctetString::from_slice(nas),
                    measured: None,
                    extension: None,
                })
            }
            UtranUlMessage::HandoverToUtranComplete => {
                let start = Some(vec![Start { domain: PACKET, start: 0 }]);
                let complete = asn1::HandoverToUtranComplete { start, activation_time: None, extension: None };
                UlMessageType::HandoverToUtranComplete(complete)
            }
            UtranUlMessage::HandoverFromUtranFailure { transaction } => {
                let cause = Some(FailureCause::PhysicalChannelFailure(()));
                let failure = asn1::HandoverFromUtranFailure { transaction, cause, message: None, extension: None };
                UlMessageType::HandoverFromUtranFailure(failure)
            }
            UtranUlMessage::SecurityModeComplete { transaction } => {
                let complete =
                    asn1::SecurityModeComplete { transaction, integrity: None, ciphering: None, extension: None };
                UlMessageType::SecurityModeComplete(complete)
            }
            UtranUlMessage::MeasurementReport { measurement, earfcn, cell, rsrp, rsrq } => {
                let cell = EutraCell { cell: cell.get(), rsrp: Some(rsrp), rsrq: Some(rsrq) };
                UlMessageType::MeasurementReport(report(measurement, EutraCarrier { earfcn, cells: vec![cell] }))
            }
        };
        Dcch { integrity: self.0.map(IntegrityCheckInfo::of), message }
    }
}

/// What stands before a message while its MAC is computed: the bearer and 0.
const COVERED: IntegrityCheck = IntegrityCheck { mac: [0, 0, 0, SIGNALLING_BEARER], sequence_number: 0 };

macro_rules! on_dcch {
    ($name:ident) => {
        impl $name {
            /// Reads a message, and the integrity check before it if there is one.
            ///
            /// # Errors
            /// It is none of these, or holds more than they do.
            pub fn parse(octets: &[u8]) -> Result<(Option<IntegrityCheck>, Self), WireError> {
                codec::parse(octets).map(|Checked(check, message)| (check, message))
            }

            /// The octets of the message behind an integrity check.
            ///
            /// # Errors
            /// A number is beyond its range.
            pub fn octets(&self, check: Option<IntegrityCheck>) -> Result<Vec<u8>, WireError> {
                codec::octets(&Checked(check, self.clone()))
            }

            /// The octets that its integrity check covers.
            ///
            /// # Errors
            /// A number is beyond its range.
            pub fn covered(&self) -> Result<Vec<u8>, WireError> {
                self.octets(Some(COVERED))
            }
        }
    };
}

on_dcch!(UtranDlMessage);
on_dcch!(UtranUlMessage);

impl Message for HandoverToUtranCommand {
    type Asn1 = asn1::HandoverToUtranCommand;
    const LAYER: &'static str = "HandoverToUTRANCommand";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        let early = || Refused { expected: "version 7", found: "an earlier one".to_owned() };
        let Later::Late(Later::Late(Later::Late(Later::Late(version)))) = asn1 else { return Err(early()) };
        let HandoverToUtranR7Ies { u_rnti, mode, .. } = version.known()?.command;
        let cell = match &mode {
            SpecificationMode::Preconfiguration(Preconfiguration { specific: ModeSpecific::Fdd(fdd), .. }) => {
                fdd.links.first().map(|link| link.primary_scrambling_code)
            }
            _ => None,
        };
        let cell = cell.ok_or_else(|| Refused::alternative(&mode))?;
        Ok(Self { rnc: u_rnti.srnc, s_rnti: u_rnti.s_rnti, cell: pci(cell)? })
    }

    fn to_asn1(&self) -> Self::Asn1 {
        let link = RadioLink {
            primary_scrambling_code: self.cell.get(),
            cpich: 0,
            code: ChannelisationCode { secondary: None, code: SpreadingCode::Sf128(5), change: None },
            tpc: 0,
        };
        let fdd = Fdd {
            // The lowest power, no preamble, the longest delay; a long code, the first, with a spreading factor of 16.
            uplink: UlDpch { offset: -28, preamble: 0, delay: 7, code_type: 1, code: 0, spreading: 2 },
            common: DlCommon { power: None },
            links: vec![link],
            frequency: Frequency { uplink: None, downlink: UARFCN },
        };
        let command = HandoverToUtranR7Ies {
            u_rnti: URntiShort { srnc: self.rnc, s_rnti: self.s_rnti },
            ciphering: Some(UEA2),
            capability_change: false,
            h_rnti: None,
            primary_e_rnti: None,
            secondary_e_rnti: None,
            mode: SpecificationMode::Preconfiguration(Preconfiguration {
                mode: PreConfigMode::Default(DefaultConfig { mode: 0, identity: CONFIGURATION }),
                rab: Some(RabInfo { identity: RabIdentity::GsmMap(RAB), domain: PACKET, synchronisation: None }),
                specific: ModeSpecific::Fdd(fdd),
            }),
            power: 24,
        };
        let version = Either::Known(HandoverToUtranR7 { command, extension: None });
        Later::Late(Later::Late(Later::Late(Later::Late(version))))
    }
}

impl HandoverToUtranCommand {
    /// Reads it.
    ///
    /// # Errors
    /// It is of another version, or holds something else.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        codec::parse(octets)
    }

    /// Its octets.
    ///
    /// # Errors
    /// A number is beyond its range.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        codec::octets(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::damage::survives;
    use super::*;

    const CHECK: Option<IntegrityCheck> = Some(IntegrityCheck { mac: [0xde, 0xad, 0xbe, 0xef], sequence_number: 5 });

    fn cell(number: u16) -> Pci {
        Pci::new(number).unwrap()
    }

    /// The octets are those that another encoder (pycrate) makes of the same values, and that Wireshark shows as meant.
    #[test]
    fn the_octets_are_those_of_another_encoder() {
        let eutra = hex::decode("240920040514a8c040000000000008").unwrap();
        let down = [
            (
                UtranDlMessage::HandoverFromUtran { transaction: 1, eutra },
                "ef56df77af100792049002028a54602000000000000400",
            ),
            (
                UtranDlMessage::SecurityModeCommand { transaction: 1, fresh: 0x0102_0304 },
                "ef56df77ac28400080009008101826",
            ),
            (UtranDlMessage::KeyChange { transaction: 1 }, "ef56df77ac2840008000980003"),
            (UtranDlMessage::DirectTransfer { transaction: 1, nas: vec![8, 1] }, "ef56df77a94600210020"),
        ];
        for (message, expected) in down {
            let octets = message.octets(CHECK).unwrap();
            assert_eq!(hex::encode(&octets), expected, "{message:?}");
            assert_eq!(UtranDlMessage::parse(&octets), Ok((CHECK, message.clone())));
            survives(&octets, false, |octets| UtranDlMessage::parse(octets).is_ok());
            let unchecked = message.octets(None).unwrap();
            assert_eq!(UtranDlMessage::parse(&unchecked), Ok((None, message)));
        }
        let report =
            UtranUlMessage::MeasurementReport { measurement: 1, earfcn: 1850, cell: cell(2), rsrp: 55, rsrq: 25 };
        let up = [
            (report, CHECK, "ef56df77aa02131540100e746026ec80"),
            (UtranUlMessage::SecurityModeComplete { transaction: 1 }, CHECK, "ef56df77ad02"),
            (UtranUlMessage::InitialDirectTransfer { nas: vec![8, 1] }, None, "14900000084008"),
            (UtranUlMessage::DirectTransfer { nas: vec![8, 1] }, CHECK, "ef56df77aec800840080"),
            (UtranUlMessage::HandoverToUtranComplete, None, "12100000"),
            (UtranUlMessage::HandoverFromUtranFailure { transaction: 1 }, CHECK, "ef56df77a9a220"),
        ];
        for (message, check, expected) in up {
            let octets = message.octets(check).unwrap();
            assert_eq!(hex::encode(&octets), expected, "{message:?}");
            assert_eq!(UtranUlMessage::parse(&octets), Ok((check, message)));
            survives(&octets, false, |octets| UtranUlMessage::parse(octets).is_ok());
        }
        let command = HandoverToUtranCommand { rnc: 5, s_rnti: 7, cell: cell(9) };
        let octets = command.octets().unwrap();
        assert_eq!(hex::encode(&octets), "f20014079c301601e00040091428539928");
        assert_eq!(HandoverToUtranCommand::parse(&octets), Ok(command));
        survives(&octets, false, |octets| HandoverToUtranCommand::parse(octets).is_ok());
    }

    #[test]
    fn the_check_covers_the_message_with_the_bearer_in_the_place_of_the_mac() {
        let message = UtranUlMessage::SecurityModeComplete { transaction: 1 };
        assert_eq!(hex::encode(message.covered().unwrap()), "800000010502");
    }
}
