//! Messages to the UE on the signalling bearers: DL-DCCH (TS 36.331 clause 6.2.1).

use rasn::types::OctetString;

use super::super::WireError;
use super::asn1::{
    self, DedicatedInfo, DlDcch, Either, HandoverFromEutra, HandoverType, InformationTransfer, MobilityPurpose, Of4,
    Of8, TargetRat, Transaction,
};
use super::codec::{self, Message, Refused};
use super::reconfiguration::{MobilityControlInfo, RrcConnectionReconfiguration};
use super::values::{SecurityAlgorithms, named};

/// A message on DL-DCCH. Every `transaction` is 0 to 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DlDcchMessage {
    /// DLInformationTransfer: a NAS message.
    InformationTransfer {
        /// rrc-TransactionIdentifier.
        transaction: u8,
        /// dedicatedInfoNAS.
        nas: Vec<u8>,
    },
    /// RRCConnectionReconfiguration: a handover command, for one.
    Reconfiguration(RrcConnectionReconfiguration),
    /// RRCConnectionReconfiguration with which a UE comes from UTRAN.
    HandoverToEutra(HandoverToEutra),
    /// MobilityFromEUTRACommand: to UTRAN.
    MobilityToUtran {
        /// rrc-TransactionIdentifier.
        transaction: u8,
        /// targetRAT-MessageContainer: octets of a [`HandoverToUtranCommand`](super::utran::HandoverToUtranCommand).
        container: Vec<u8>,
        /// nas-SecurityParamFromEUTRA: in its low 4 bits those of the downlink NAS COUNT.
        nas_security: u8,
    },
    /// RRCConnectionRelease.
    Release {
        /// rrc-TransactionIdentifier.
        transaction: u8,
        /// releaseCause.
        cause: ReleaseCause,
        /// redirectedCarrierInfo: the downlink carrier (EARFCN, 16 bits) of E-UTRAN where the UE is to look for a cell.
        redirection: Option<u16>,
    },
    /// SecurityModeCommand: protection begins.
    SecurityModeCommand {
        /// rrc-TransactionIdentifier.
        transaction: u8,
        /// securityAlgorithmConfig.
        algorithms: SecurityAlgorithms,
    },
}

/// A handover command to a UE that comes from UTRAN: RRCConnectionReconfiguration with securityConfigHO of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverToEutra {
    /// rrc-TransactionIdentifier, 0 to 3.
    pub transaction: u8,
    /// The target cell.
    pub mobility: MobilityControlInfo,
    /// dedicatedInfoNASList; left out if there are none.
    pub nas: Vec<Vec<u8>>,
    /// securityAlgorithmConfig.
    pub algorithms: SecurityAlgorithms,
    /// nas-SecurityParamToEUTRA, 6 octets: [`NasSecurityToEutra`](crate::eps::wire::inter_system::NasSecurityToEutra).
    pub nas_security: [u8; 6],
}

impl HandoverToEutra {
    fn from_asn1(mut asn1: Transaction<Of8<asn1::Reconfiguration>>) -> Result<Self, Refused> {
        let refused = |found: &str| Refused { expected: "a handover from another system", found: found.to_owned() };
        let transaction = asn1.transaction;
        let security = match &mut asn1.critical {
            Either::Known(Of8::First(content)) => content.security.take(),
            _ => None,
        };
        let Some(asn1::SecurityConfigHo { handover: HandoverType::InterRat(inter) }) = security else {
            return Err(refused("one within LTE"));
        };
        let RrcConnectionReconfiguration { mobility, nas, .. } = RrcConnectionReconfiguration::from_asn1(asn1)?;
        Ok(Self {
            transaction,
            mobility: mobility.ok_or_else(|| refused("no target cell"))?,
            nas,
            algorithms: SecurityAlgorithms::from_asn1(&inter.algorithms)?,
            nas_security: <[u8; 6]>::try_from(&inter.nas[..]).map_err(|_| refused("no 6 octets"))?,
        })
    }

    fn to_asn1(&self) -> Transaction<Of8<asn1::Reconfiguration>> {
        let Self { transaction, mobility, nas, algorithms, nas_security } = self.clone();
        let plain =
            RrcConnectionReconfiguration { transaction, mobility: Some(mobility), nas, bearer: None, security: None };
        let mut asn1 = plain.to_asn1();
        if let Either::Known(Of8::First(content)) = &mut asn1.critical {
            let nas = OctetString::from_slice(&nas_security);
            let handover = HandoverType::InterRat(asn1::InterRat { algorithms: algorithms.to_asn1(), nas });
            content.security = Some(asn1::SecurityConfigHo { handover });
        }
        asn1
    }
}

/// Whether a reconfiguration is a handover from another system.
const fn is_from_another_system(asn1: &Transaction<Of8<asn1::Reconfiguration>>) -> bool {
    matches!(
        asn1.critical,
        Either::Known(Of8::First(asn1::Reconfiguration {
            security: Some(asn1::SecurityConfigHo { handover: HandoverType::InterRat(_) }),
            ..
        }))
    )
}

/// releaseCause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseCause {
    /// The UE is to register elsewhere.
    LoadBalancingTauRequired = 0,
    /// Any other.
    Other = 1,
    /// A call over the circuit-switched network has priority.
    CsFallbackHighPriority = 2,
    /// The connection is suspended.
    Suspend = 3,
}

impl ReleaseCause {
    const ALL: [Self; 4] = [Self::LoadBalancingTauRequired, Self::Other, Self::CsFallbackHighPriority, Self::Suspend];
}

impl DlDcchMessage {
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
    /// A number is beyond its range, or there are too many NAS messages.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        codec::octets(self)
    }
}

impl InformationTransfer {
    /// The NAS message in it.
    pub(super) fn nas(self) -> Result<Vec<u8>, Refused> {
        match self.dedicated {
            DedicatedInfo::Nas(nas) => Ok(nas.to_vec()),
            other => Err(Refused::alternative(&other)),
        }
    }

    /// That of a NAS message.
    pub(super) fn of(nas: &[u8]) -> Self {
        Self { dedicated: DedicatedInfo::Nas(OctetString::from_slice(nas)), extension: None }
    }
}

/// The content of a message with `c1` of 4 alternatives.
fn transaction<T>(transaction: u8, content: T) -> Transaction<Of4<T>> {
    Transaction { transaction, critical: Either::Known(Of4::First(content)) }
}

impl Message for DlDcchMessage {
    type Asn1 = Either<DlDcch>;
    const LAYER: &'static str = "RRC message on DL-DCCH";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        Ok(match asn1.known()? {
            DlDcch::DlInformationTransfer(Transaction { transaction, critical }) => {
                Self::InformationTransfer { transaction, nas: critical.first()?.nas()? }
            }
            DlDcch::RrcConnectionReconfiguration(content) if is_from_another_system(&content) => {
                Self::HandoverToEutra(HandoverToEutra::from_asn1(content)?)
            }
            DlDcch::MobilityFromEutraCommand(Transaction { transaction, critical }) => {
                match critical.first()?.purpose {
                    MobilityPurpose::Handover(HandoverFromEutra {
                        target: TargetRat::Utra,
                        message,
                        nas: Some(nas),
                        ..
                    }) => {
                        let nas_security = nas.first().copied().unwrap_or_default();
                        Self::MobilityToUtran { transaction, container: message.to_vec(), nas_security }
                    }
                    other => return Err(Refused::alternative(&other)),
                }
            }
            DlDcch::RrcConnectionReconfiguration(content) => {
                Self::Reconfiguration(RrcConnectionReconfiguration::from_asn1(content)?)
            }
            DlDcch::RrcConnectionRelease(Transaction { transaction, critical }) => {
                let content = critical.first()?;
                let redirection = match content.redirected_carrier {
                    None => None,
                    Some(asn1::RedirectedCarrier::Eutra(carrier)) => Some(carrier),
                    Some(other) => return Err(Refused::alternative(&other)),
                };
                Self::Release { transaction, cause: named(&ReleaseCause::ALL, content.cause)?, redirection }
            }
            DlDcch::SecurityModeCommand(Transaction { transaction, critical }) => {
                let algorithms = SecurityAlgorithms::from_asn1(&critical.first()?.config.algorithms)?;
                Self::SecurityModeCommand { transaction, algorithms }
            }
            other => return Err(Refused::alternative(&other)),
        })
    }

    fn to_asn1(&self) -> Self::Asn1 {
        Either::Known(match self {
            Self::InformationTransfer { transaction: number, nas } => {
                DlDcch::DlInformationTransfer(transaction(*number, InformationTransfer::of(nas)))
            }
            Self::Reconfiguration(content) => DlDcch::RrcConnectionReconfiguration(content.to_asn1()),
            Self::HandoverToEutra(content) => DlDcch::RrcConnectionReconfiguration(content.to_asn1()),
            Self::MobilityToUtran { transaction: number, container, nas_security } => {
                let handover = HandoverFromEutra {
                    target: TargetRat::Utra,
                    message: OctetString::from_slice(container),
                    nas: Some(OctetString::from_slice(&[*nas_security])),
                    system_information: None,
                };
                let purpose = MobilityPurpose::Handover(handover);
                let content = asn1::MobilityFromEutra { cs_fallback: false, purpose, extension: None };
                DlDcch::MobilityFromEutraCommand(transaction(*number, content))
            }
            Self::Release { transaction: number, cause, redirection } => {
                let content = asn1::Release {
                    cause: *cause as u8,
                    redirected_carrier: redirection.map(asn1::RedirectedCarrier::Eutra),
                    idle_mode_mobility: None,
                    extension: None,
                };
                DlDcch::RrcConnectionRelease(transaction(*number, content))
            }
            Self::SecurityModeCommand { transaction: number, algorithms } => {
                let config = asn1::SecurityConfigSmc { algorithms: algorithms.to_asn1() };
                let content = asn1::SecurityModeCommand { config, extension: None };
                DlDcch::SecurityModeCommand(transaction(*number, content))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::damage::survives;
    use super::super::reconfiguration::{MobilityControlInfo, SecurityConfigHo, T304};
    use super::*;
    use crate::eps::identifiers::{Ebi, Pci};
    use crate::eps::parameters::{AlgorithmId, Ncc};

    const AES: SecurityAlgorithms = SecurityAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };

    fn command(algorithms: Option<SecurityAlgorithms>) -> RrcConnectionReconfiguration {
        RrcConnectionReconfiguration {
            transaction: 2,
            mobility: Some(MobilityControlInfo {
                target: Pci::new(2).unwrap(),
                carrier: Some(1300),
                t304: T304::Ms1000,
                c_rnti: 0x4602,
            }),
            nas: Vec::new(),
            bearer: None,
            security: Some(SecurityConfigHo { algorithms, key_change: false, next_hop_chaining_count: Ncc::new(1) }),
        }
    }

    /// The octets are those that another encoder (pycrate) makes of the same values, and that Wireshark shows as meant.
    #[test]
    fn the_octets_are_those_of_another_encoder() {
        let with_nas = RrcConnectionReconfiguration { nas: vec![vec![7, 0x68], vec![]], ..command(None) };
        let cases = [
            (DlDcchMessage::SecurityModeCommand { transaction: 1, algorithms: AES }, "320220"),
            (DlDcchMessage::Reconfiguration(command(None)), "240920040514a8c040000000000008"),
            (DlDcchMessage::Reconfiguration(command(Some(AES))), "240920040514a8c04000000000009108"),
            (DlDcchMessage::Reconfiguration(with_nas), "240d20040514a8c04000000000004081da000080"),
            (DlDcchMessage::InformationTransfer { transaction: 3, nas: vec![7, 0x41] }, "0e00103a08"),
            (DlDcchMessage::Release { transaction: 1, cause: ReleaseCause::Other, redirection: None }, "2a02"),
            (
                DlDcchMessage::Release { transaction: 1, cause: ReleaseCause::Other, redirection: Some(1_850) },
                "2a2200e740",
            ),
            (
                DlDcchMessage::Reconfiguration(RrcConnectionReconfiguration {
                    transaction: 2,
                    mobility: None,
                    nas: vec![vec![7, 0x49]],
                    bearer: Ebi::new(5),
                    security: None,
                }),
                "240600103a490079404000000000",
            ),
        ];
        for (message, octets) in cases {
            assert_eq!(hex::encode(message.octets().unwrap()), octets, "{message:?}");
        }
    }

    #[test]
    fn what_is_not_carried_is_refused_where_it_stands() {
        let octets = hex::decode("320220").unwrap();
        let error = DlDcchMessage::parse(&octets[..2]).unwrap_err();
        assert_eq!((error.layer, error.offset), ("RRC message on DL-DCCH", 2));
        // Octets behind the message, and padding that is not 0.
        assert_eq!(DlDcchMessage::parse(&hex::decode("32022000").unwrap()).unwrap_err().offset, 3);
        assert_eq!(DlDcchMessage::parse(&hex::decode("320221").unwrap()).unwrap_err().offset, 2);
        // Ciphering algorithm 4, and CounterCheck.
        assert!(DlDcchMessage::parse(&hex::decode("320420").unwrap()).is_err());
        assert!(DlDcchMessage::parse(&[0x40, 0]).unwrap_err().found.contains("CounterCheck"));
    }

    #[test]
    fn numbers_beyond_their_range_are_not_written() {
        let transaction = DlDcchMessage::Release { transaction: 4, cause: ReleaseCause::Other, redirection: None };
        let crowded = RrcConnectionReconfiguration { nas: vec![vec![1]; 12], ..command(None) };
        for message in [transaction, DlDcchMessage::Reconfiguration(crowded)] {
            assert!(message.octets().is_err(), "{message:?}");
        }
    }

    fn algorithms() -> impl Strategy<Value = SecurityAlgorithms> {
        (0..4_u8, 0..4_u8).prop_map(|(ciphering, integrity)| SecurityAlgorithms {
            ciphering: AlgorithmId::from_number(ciphering).unwrap(),
            integrity: AlgorithmId::from_number(integrity).unwrap(),
        })
    }

    fn nas() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..12)
    }

    fn reconfiguration() -> impl Strategy<Value = RrcConnectionReconfiguration> {
        let bearer = (5..16_u8).prop_map(|number| Ebi::new(number).unwrap());
        let mobility =
            (0..504_u16, any::<Option<u16>>(), 0..7_usize, any::<u16>()).prop_map(|(target, carrier, t304, c_rnti)| {
                MobilityControlInfo { target: Pci::new(target).unwrap(), carrier, t304: T304::ALL[t304], c_rnti }
            });
        let security = (proptest::option::of(algorithms()), any::<bool>(), any::<u32>()).prop_map(
            |(algorithms, key_change, ncc)| SecurityConfigHo {
                algorithms,
                key_change,
                next_hop_chaining_count: Ncc::new(ncc),
            },
        );
        let (mobility, security) = (proptest::option::of(mobility), proptest::option::of(security));
        let nas = proptest::collection::vec(nas(), 0..3);
        (0..4_u8, mobility, nas, proptest::option::of(bearer), security).prop_map(
            |(transaction, mobility, nas, bearer, security)| RrcConnectionReconfiguration {
                transaction,
                mobility,
                nas,
                bearer,
                security,
            },
        )
    }

    fn message() -> impl Strategy<Value = DlDcchMessage> {
        let from_utran = (0..4_u8, 0..504_u16, proptest::collection::vec(nas(), 0..3), algorithms(), any::<[u8; 6]>());
        let from_utran = from_utran.prop_map(|(transaction, target, nas, algorithms, nas_security)| {
            let target = Pci::new(target).unwrap();
            let mobility = MobilityControlInfo { target, carrier: None, t304: T304::Ms200, c_rnti: 0x4601 };
            DlDcchMessage::HandoverToEutra(HandoverToEutra { transaction, mobility, nas, algorithms, nas_security })
        });
        let to_utran = (0..4_u8, nas(), any::<u8>()).prop_map(|(transaction, container, nas_security)| {
            DlDcchMessage::MobilityToUtran { transaction, container, nas_security }
        });
        prop_oneof![
            from_utran,
            to_utran,
            (0..4_u8, nas()).prop_map(|(transaction, nas)| DlDcchMessage::InformationTransfer { transaction, nas }),
            reconfiguration().prop_map(DlDcchMessage::Reconfiguration),
            (0..4_u8, 0..4_usize, any::<Option<u16>>()).prop_map(|(transaction, cause, redirection)| {
                DlDcchMessage::Release { transaction, cause: ReleaseCause::ALL[cause], redirection }
            }),
            (0..4_u8, algorithms())
                .prop_map(|(transaction, algorithms)| DlDcchMessage::SecurityModeCommand { transaction, algorithms }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_message_goes_round_and_survives_damage(message in message()) {
            let octets = message.octets().unwrap();
            prop_assert_eq!(&DlDcchMessage::parse(&octets).unwrap(), &message);
            survives(&octets, false, |octets| DlDcchMessage::parse(octets).is_ok());
        }
    }
}
