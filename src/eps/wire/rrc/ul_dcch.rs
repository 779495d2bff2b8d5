//! Messages of the UE on the signalling bearers: UL-DCCH (TS 36.331 clause 6.2.1).

use rasn::types::OctetString;

use super::super::WireError;
use super::asn1::{
    self, Either, InformationTransfer, MeasResultUtra, Of4, Of8, Transaction, UlDcch, UtraCell, UtraResult,
};
use super::codec::{self, Message, Refused};
use super::values::pci;
use crate::eps::identifiers::Pci;

/// Most neighbours in one report.
pub const MAX_NEIGHBOURS: usize = 8;

/// A message on UL-DCCH. Every `transaction` is 0 to 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UlDcchMessage {
    /// MeasurementReport: what a handover begins with.
    MeasurementReport(MeasurementReport),
    /// MeasurementReport of a cell of UTRAN.
    UtranMeasurementReport {
        /// measId, 1 to 32.
        measurement: u8,
        /// RSRP of the serving cell, 0 to 97.
        rsrp: u8,
        /// RSRQ of the serving cell, 0 to 34.
        rsrq: u8,
        /// Primary scrambling code of the cell, 0 to 511: here its number.
        cell: Pci,
        /// RSCP of the cell, -5 to 91: 1 dB each from -115 dBm.
        rscp: i8,
    },
    /// RRCConnectionReconfigurationComplete: the handover confirm, for one.
    ReconfigurationComplete {
        /// rrc-TransactionIdentifier.
        transaction: u8,
    },
    /// RRCConnectionReestablishmentComplete.
    ReestablishmentComplete {
        /// rrc-TransactionIdentifier.
        transaction: u8,
    },
    /// RRCConnectionSetupComplete, in the first network that the cell broadcasts.
    SetupComplete {
        /// rrc-TransactionIdentifier.
        transaction: u8,
        /// dedicatedInfoNAS: the first NAS message.
        nas: Vec<u8>,
    },
    /// SecurityModeComplete.
    SecurityModeComplete {
        /// rrc-TransactionIdentifier.
        transaction: u8,
    },
    /// SecurityModeFailure.
    SecurityModeFailure {
        /// rrc-TransactionIdentifier.
        transaction: u8,
    },
    /// ULInformationTransfer: a NAS message.
    InformationTransfer {
        /// dedicatedInfoNAS.
        nas: Vec<u8>,
    },
}

/// What the UE receives of its own cell and of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementReport {
    /// measId, 1 to 32.
    pub measurement: u8,
    /// RSRP of the serving cell, 0 to 97: 1 dB each from -140 dBm.
    pub rsrp: u8,
    /// RSRQ of the serving cell, 0 to 34: 0.5 dB each from -19.5 dB.
    pub rsrq: u8,
    /// Cells of LTE, best first, at most [`MAX_NEIGHBOURS`]; left out if there are none.
    pub neighbours: Vec<NeighbourMeasurement>,
}

/// What the UE receives of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourMeasurement {
    /// The cell.
    pub cell: Pci,
    /// RSRP, as of the serving cell.
    pub rsrp: Option<u8>,
    /// RSRQ, as of the serving cell.
    pub rsrq: Option<u8>,
}

impl UlDcchMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// It is none of these, or holds more than they do.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        codec::parse(octets)
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// A number is beyond its range, or there are too many neighbours.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        codec::octets(self)
    }
}

impl MeasurementReport {
    fn from_asn1(asn1: Either<Of8<asn1::MeasurementReport>>) -> Result<Self, Refused> {
        let asn1::MeasResults { measurement, serving, neighbours } = asn1.first()?.results;
        let neighbours = match neighbours {
            None => Vec::new(),
            Some(asn1::MeasResultNeighCells::Eutra(cells)) => cells
                .iter()
                .map(|asn1::MeasResultEutra { cell, result, .. }| {
                    Ok(NeighbourMeasurement { cell: pci(*cell)?, rsrp: result.rsrp, rsrq: result.rsrq })
                })
                .collect::<Result<_, _>>()?,
            Some(other) => return Err(Refused::alternative(&other)),
        };
        Ok(Self { measurement, rsrp: serving.rsrp, rsrq: serving.rsrq, neighbours })
    }

    fn to_asn1(&self) -> Either<Of8<asn1::MeasurementReport>> {
        let neighbours = || {
            let cells = self.neighbours.iter().map(|neighbour| asn1::MeasResultEutra {
                cell: neighbour.cell.get(),
                cgi: None,
                result: asn1::MeasResult { rsrp: neighbour.rsrp, rsrq: neighbour.rsrq },
            });
            asn1::MeasResultNeighCells::Eutra(cells.collect())
        };
        let results = asn1::MeasResults {
            measurement: self.measurement,
            serving: asn1::MeasResultPCell { rsrp: self.rsrp, rsrq: self.rsrq },
            neighbours: (!self.neighbours.is_empty()).then(neighbours),
        };
        Either::Known(Of8::First(asn1::MeasurementReport { results, extension: None }))
    }
}

/// A report that is about a cell of UTRAN; none if it is about others.
fn utran_report(asn1: &Either<Of8<asn1::MeasurementReport>>) -> Option<Result<UlDcchMessage, Refused>> {
    let Either::Known(Of8::First(asn1::MeasurementReport { results, .. })) = asn1 else { return None };
    let Some(asn1::MeasResultNeighCells::Utra(cells)) = &results.neighbours else { return None };
    let refused = || Refused { expected: "one cell of UTRAN with its RSCP", found: format!("{cells:?}") };
    let [MeasResultUtra { cell: UtraCell::Fdd(cell), result: UtraResult { rscp: Some(rscp), .. }, .. }] = &cells[..]
    else {
        return Some(Err(refused()));
    };
    let asn1::MeasResultPCell { rsrp, rsrq } = results.serving;
    Some(pci(*cell).map(|cell| UlDcchMessage::UtranMeasurementReport {
        measurement: results.measurement,
        rsrp,
        rsrq,
        cell,
        rscp: *rscp,
    }))
}

/// A message that says only that something was done.
fn complete(transaction: u8) -> Transaction<asn1::Complete> {
    Transaction { transaction, critical: Either::Known(asn1::Complete::default()) }
}

/// The transaction of such a message.
fn completed(asn1: Transaction<asn1::Complete>) -> Result<u8, Refused> {
    asn1.critical.known().map(|_| asn1.transaction)
}

impl Message for UlDcchMessage {
    type Asn1 = Either<UlDcch>;
    const LAYER: &'static str = "RRC message on UL-DCCH";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        Ok(match asn1.known()? {
            UlDcch::MeasurementReport(content) => match utran_report(&content) {
                Some(report) => report?,
                None => Self::MeasurementReport(MeasurementReport::from_asn1(content)?),
            },
            UlDcch::RrcConnectionReconfigurationComplete(content) => {
                Self::ReconfigurationComplete { transaction: completed(content)? }
            }
            UlDcch::RrcConnectionReestablishmentComplete(content) => {
                Self::ReestablishmentComplete { transaction: completed(content)? }
            }
            UlDcch::RrcConnectionSetupComplete(Transaction { transaction, critical }) => {
                Self::SetupComplete { transaction, nas: critical.first()?.nas.to_vec() }
            }
            UlDcch::SecurityModeComplete(content) => Self::SecurityModeComplete { transaction: completed(content)? },
            UlDcch::SecurityModeFailure(content) => Self::SecurityModeFailure { transaction: completed(content)? },
            UlDcch::UlInformationTransfer(content) => Self::InformationTransfer { nas: content.first()?.nas()? },
            other => return Err(Refused::alternative(&other)),
        })
    }

    fn to_asn1(&self) -> Self::Asn1 {
        Either::Known(match self {
            Self::MeasurementReport(report) => UlDcch::MeasurementReport(report.to_asn1()),
            Self::UtranMeasurementReport { measurement, rsrp, rsrq, cell, rscp } => {
                let neighbour = MeasResultUtra {
                    cell: UtraCell::Fdd(cell.get()),
                    cgi: None,
                    result: UtraResult { rscp: Some(*rscp), ec_n0: None },
                };
                let results = asn1::MeasResults {
                    measurement: *measurement,
                    serving: asn1::MeasResultPCell { rsrp: *rsrp, rsrq: *rsrq },
                    neighbours: Some(asn1::MeasResultNeighCells::Utra(vec![neighbour])),
                };
                let content = asn1::MeasurementReport { results, extension: None };
                UlDcch::MeasurementReport(Either::Known(Of8::First(content)))
            }
            Self::ReconfigurationComplete { transaction } => {
                UlDcch::RrcConnectionReconfigurationComplete(complete(*transaction))
            }
            Self::ReestablishmentComplete { transaction } => {
                UlDcch::RrcConnectionReestablishmentComplete(complete(*transaction))
            }
            Self::SetupComplete { transaction, nas } => {
                let content = asn1::SetupComplete {
                    selected_plmn: 1,
                    registered_mme: None,
                    nas: OctetString::from_slice(nas),
                    extension: None,
                };
                let critical = Either::Known(Of4::First(content));
                UlDcch::RrcConnectionSetupComplete(Transaction { transaction: *transaction, critical })
            }
            Self::SecurityModeComplete { transaction } => UlDcch::SecurityModeComplete(complete(*transaction)),
            Self::SecurityModeFailure { transaction } => UlDcch::SecurityModeFailure(complete(*transaction)),
            Self::InformationTransfer { nas } => {
                UlDcch::UlInformationTransfer(Either::Known(Of4::First(InformationTransfer::of(nas))))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::damage::survives;
    use super::*;

    /// The octets are those that another encoder (pycrate) makes of the same values, and that Wireshark shows as meant.
    #[test]
    fn the_octets_are_those_of_another_encoder() {
        let report = |measurement, rsrp, rsrq, neighbours| {
            UlDcchMessage::MeasurementReport(MeasurementReport { measurement, rsrp, rsrq, neighbours })
        };
        let neighbour = NeighbourMeasurement { cell: Pci::new(2).unwrap(), rsrp: Some(60), rsrq: Some(20) };
        let cases = [
            (report(1, 40, 15, vec![neighbour]), "0810283c0009bc50"),
            (report(32, 97, 34, Vec::new()), "080fe188"),
            (UlDcchMessage::ReconfigurationComplete { transaction: 2 }, "1400"),
            (UlDcchMessage::ReestablishmentComplete { transaction: 3 }, "1e00"),
            (UlDcchMessage::SetupComplete { transaction: 2, nas: vec![7, 0x41] }, "2400040e82"),
            (UlDcchMessage::SecurityModeComplete { transaction: 1 }, "2a00"),
            (UlDcchMessage::SecurityModeFailure { transaction: 1 }, "3200"),
            (UlDcchMessage::InformationTransfer { nas: vec![7, 0x41] }, "480040e820"),
        ];
        for (message, octets) in cases {
            assert_eq!(hex::encode(message.octets().unwrap()), octets, "{message:?}");
        }
    }

    #[test]
    fn numbers_beyond_their_range_are_not_written() {
        let neighbour = NeighbourMeasurement { cell: Pci::new(2).unwrap(), rsrp: None, rsrq: Some(35) };
        let report = MeasurementReport { measurement: 1, rsrp: 0, rsrq: 0, neighbours: vec![neighbour] };
        let none = MeasurementReport { measurement: 0, neighbours: Vec::new(), ..report.clone() };
        let good = NeighbourMeasurement { rsrq: None, ..neighbour };
        let crowded = MeasurementReport { neighbours: vec![good; 9], ..report.clone() };
        for report in [report, none, crowded] {
            assert!(UlDcchMessage::MeasurementReport(report.clone()).octets().is_err(), "{report:?}");
        }
    }

    fn message() -> impl Strategy<Value = UlDcchMessage> {
        let neighbour = (0..504_u16, proptest::option::of(0..98_u8), proptest::option::of(0..35_u8))
            .prop_map(|(cell, rsrp, rsrq)| NeighbourMeasurement { cell: Pci::new(cell).unwrap(), rsrp, rsrq });
        let report = (1..33_u8, 0..98_u8, 0..35_u8, proptest::collection::vec(neighbour, 0..=8)).prop_map(
            |(measurement, rsrp, rsrq, neighbours)| MeasurementReport { measurement, rsrp, rsrq, neighbours },
        );
        let utran =
            (1..33_u8, 0..98_u8, 0..35_u8, 0..504_u16, -5..92_i8).prop_map(|(measurement, rsrp, rsrq, cell, rscp)| {
                let cell = Pci::new(cell).unwrap();
                UlDcchMessage::UtranMeasurementReport { measurement, rsrp, rsrq, cell, rscp }
            });
        prop_oneof![
            utran,
            report.prop_map(UlDcchMessage::MeasurementReport),
            (0..4_u8).prop_map(|transaction| UlDcchMessage::ReconfigurationComplete { transaction }),
            (0..4_u8).prop_map(|transaction| UlDcchMessage::ReestablishmentComplete { transaction }),
            (0..4_u8, proptest::collection::vec(any::<u8>(), 0..12))
                .prop_map(|(transaction, nas)| UlDcchMessage::SetupComplete { transaction, nas }),
            (0..4_u8).prop_map(|transaction| UlDcchMessage::SecurityModeComplete { transaction }),
            (0..4_u8).prop_map(|transaction| UlDcchMessage::SecurityModeFailure { transaction }),
            proptest::collection::vec(any::<u8>(), 0..12).prop_map(|nas| UlDcchMessage::InformationTransfer { nas }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_message_goes_round_and_survives_damage(message in message()) {
            let octets = message.octets().unwrap();
            prop_assert_eq!(&UlDcchMessage::parse(&octets).unwrap(), &message);
            survives(&octets, false, |octets| UlDcchMessage::parse(octets).is_ok());
        }
    }
}
