//! Connection set-up, and re-establishment after a handover that failed: messages on CCCH, which nothing protects (TS 36.331
//! clauses 5.3.3, 5.3.7 and 6.2.1).

use super::super::WireError;
use super::asn1::{self, DlCcch, Either, Of4, Of8, Transaction, UlCcch};
use super::codec::{self, Message, Refused, encoded};
use super::values::{named, pci};
use crate::eps::identifiers::{Eci, MTmsi, MmeCode, Pci, STmsi};
use crate::eps::parameters::Ncc;

/// A message of the UE on UL-CCCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UlCcchMessage {
    /// RRCConnectionReestablishmentRequest.
    ReestablishmentRequest {
        /// The C-RNTI that the UE had in the cell it left.
        c_rnti: u16,
        /// That cell.
        cell: Pci,
        /// shortMAC-I: the low 16 bits of a MAC over [`short_mac_input`].
        short_mac_i: u16,
        /// Why it asks.
        cause: ReestablishmentCause,
    },
    /// RRCConnectionRequest.
    ConnectionRequest {
        /// ue-Identity.
        identity: InitialUeIdentity,
        /// Why it asks.
        cause: EstablishmentCause,
    },
}

/// What a UE calls itself that asks for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InitialUeIdentity {
    /// The temporary identity that it has in this tracking area.
    STmsi(STmsi),
    /// It has none: a number at random, 40 bits.
    Random(u64),
}

/// Bits of such a number.
const RANDOM_BITS: u32 = 40;

/// establishmentCause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EstablishmentCause {
    /// An emergency call.
    Emergency = 0,
    /// A UE of a high class.
    HighPriorityAccess = 1,
    /// It was paged.
    MobileTerminatedAccess = 2,
    /// It has something to say to the MME.
    MobileOriginatedSignalling = 3,
    /// It has packets.
    MobileOriginatedData = 4,
    /// It has time.
    DelayTolerantAccess = 5,
    /// It has a call.
    MobileOriginatedVoiceCall = 6,
}

impl EstablishmentCause {
    const ALL: [Self; 7] = [
        Self::Emergency,
        Self::HighPriorityAccess,
        Self::MobileTerminatedAccess,
        Self::MobileOriginatedSignalling,
        Self::MobileOriginatedData,
        Self::DelayTolerantAccess,
        Self::MobileOriginatedVoiceCall,
    ];
}

/// reestablishmentCause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReestablishmentCause {
    /// The UE cannot do what a reconfiguration asks for.
    ReconfigurationFailure = 0,
    /// A handover failed.
    HandoverFailure = 1,
    /// Any other.
    OtherFailure = 2,
}

impl ReestablishmentCause {
    const ALL: [Self; 3] = [Self::ReconfigurationFailure, Self::HandoverFailure, Self::OtherFailure];
}

/// A message to the UE on DL-CCCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DlCcchMessage {
    /// RRCConnectionReestablishment, with radioResourceConfigDedicated empty.
    Reestablishment {
        /// rrc-TransactionIdentifier, 0 to 3.
        transaction: u8,
        /// nextHopChainingCount, 3 bits.
        next_hop_chaining_count: Ncc,
    },
    /// RRCConnectionSetup: signalling bearer 1, with the default values of clause 9.2.1.
    ConnectionSetup {
        /// rrc-TransactionIdentifier, 0 to 3.
        transaction: u8,
    },
    /// RRCConnectionReject.
    ConnectionReject {
        /// waitTime, 1 to 16 seconds.
        wait: u8,
    },
}

/// VarShortMAC-Input, 7 octets: what the MAC whose low half is shortMAC-I covers, with every bit of COUNT, BEARER and DIRECTION 1
/// (clause 5.3.7.4).
///
/// # Errors
/// None that a value could be the cause of.
pub fn short_mac_input(cell_identity: Eci, cell: Pci, c_rnti: u16) -> Result<Vec<u8>, WireError> {
    encoded(
        "VarShortMAC-Input",
        &asn1::VarShortMacInput { cell_identity: cell_identity.get(), cell: cell.get(), c_rnti },
    )
}

impl UlCcchMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// It is none of these.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        codec::parse(octets)
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// None that a value could be the cause of.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        codec::octets(self)
    }
}

impl DlCcchMessage {
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
    /// The transaction is above 3, or the time to wait not from 1 to 16.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        codec::octets(self)
    }
}

impl Message for UlCcchMessage {
    type Asn1 = Either<UlCcch>;
    const LAYER: &'static str = "RRC message on UL-CCCH";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        match asn1.known()? {
            UlCcch::ReestablishmentRequest(content) => {
                let content = content.known()?;
                Ok(Self::ReestablishmentRequest {
                    c_rnti: content.c_rnti,
                    cell: pci(content.cell)?,
                    short_mac_i: content.short_mac_i,
                    cause: named(&ReestablishmentCause::ALL, content.cause)?,
                })
            }
            UlCcch::ConnectionRequest(content) => {
                let content = content.known()?;
                let identity = match content.identity {
                    asn1::InitialUeIdentity::STmsi(asn1::STmsi { mmec, m_tmsi }) => {
                        InitialUeIdentity::STmsi(STmsi { code: MmeCode(mmec), m_tmsi: MTmsi(m_tmsi) })
                    }
                    asn1::InitialUeIdentity::RandomValue(bits) => {
                        InitialUeIdentity::Random(bits.iter().fold(0, |number, bit| number << 1 | u64::from(*bit)))
                    }
                };
                Ok(Self::ConnectionRequest { identity, cause: named(&EstablishmentCause::ALL, content.cause)? })
            }
        }
    }

    fn to_asn1(&self) -> Self::Asn1 {
        Either::Known(match *self {
            Self::ReestablishmentRequest { c_rnti, cell, short_mac_i, cause } => {
                let (cell, cause) = (cell.get(), cause as u8);
                let content = asn1::ReestablishmentRequest { c_rnti, cell, short_mac_i, cause, spare: 0 };
                UlCcch::ReestablishmentRequest(Either::Known(content))
            }
            Self::ConnectionRequest { identity, cause } => {
                let identity = match identity {
                    InitialUeIdentity::STmsi(STmsi { code, m_tmsi }) => {
                        asn1::InitialUeIdentity::STmsi(asn1::STmsi { mmec: code.0, m_tmsi: m_tmsi.0 })
                    }
                    InitialUeIdentity::Random(number) => {
                        let bits = (0..RANDOM_BITS).rev().map(|bit| number >> bit & 1 != 0);
                        asn1::InitialUeIdentity::RandomValue(bits.collect())
                    }
                };
                let content = asn1::ConnectionRequest { identity, cause: cause as u8, spare: 0 };
                UlCcch::ConnectionRequest(Either::Known(content))
            }
        })
    }
}

impl Message for DlCcchMessage {
    type Asn1 = Either<DlCcch>;
    const LAYER: &'static str = "RRC message on DL-CCCH";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        match asn1.known()? {
            DlCcch::Reestablishment(Transaction { transaction, critical }) => {
                let next_hop_chaining_count = Ncc::new(critical.first()?.next_hop_chaining_count.into());
                Ok(Self::Reestablishment { transaction, next_hop_chaining_count })
            }
            DlCcch::ConnectionSetup(Transaction { transaction, critical }) => {
                critical.first().map(|_| Self::ConnectionSetup { transaction })
            }
            DlCcch::ConnectionReject(content) => Ok(Self::ConnectionReject { wait: content.first()?.wait }),
            other @ DlCcch::ReestablishmentReject(()) => Err(Refused::alternative(&other)),
        }
    }

    fn to_asn1(&self) -> Self::Asn1 {
        Either::Known(match *self {
            Self::Reestablishment { transaction, next_hop_chaining_count } => {
                let content = asn1::Reestablishment {
                    dedicated: asn1::RadioResourceConfigDedicated::default(),
                    next_hop_chaining_count: next_hop_chaining_count.get(),
                    extension: None,
                };
                DlCcch::Reestablishment(Transaction { transaction, critical: Either::Known(Of8::First(content)) })
            }
            Self::ConnectionSetup { transaction } => {
                let dedicated = asn1::RadioResourceConfigDedicated::signalling();
                let content = asn1::ConnectionSetup { dedicated, extension: None };
                DlCcch::ConnectionSetup(Transaction { transaction, critical: Either::Known(Of8::First(content)) })
            }
            Self::ConnectionReject { wait } => {
                let content = asn1::ConnectionReject { wait, extension: None };
                DlCcch::ConnectionReject(Either::Known(Of4::First(content)))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::damage::survives;
    use super::*;

    fn pci(number: u16) -> Pci {
        Pci::new(number).unwrap()
    }

    /// The octets are those that another encoder (pycrate) makes of the same values.
    #[test]
    fn the_octets_are_those_of_another_encoder() {
        let request = UlCcchMessage::ReestablishmentRequest {
            c_rnti: 0x4601,
            cell: pci(7),
            short_mac_i: 0xabcd,
            cause: ReestablishmentCause::HandoverFailure,
        };
        assert_eq!(hex::encode(request.octets().unwrap()), "08c0207abcd4");
        let answer = DlCcchMessage::Reestablishment { transaction: 1, next_hop_chaining_count: Ncc::new(5) };
        assert_eq!(hex::encode(answer.octets().unwrap()), "080050");
        let identity = InitialUeIdentity::STmsi(STmsi { code: MmeCode(3), m_tmsi: MTmsi(0xc001_0203) });
        let cause = EstablishmentCause::MobileOriginatedSignalling;
        let request = UlCcchMessage::ConnectionRequest { identity, cause };
        assert_eq!(hex::encode(request.octets().unwrap()), "403c00102036");
        // The choice is one bit, the number takes the place of the S-TMSI.
        let identity = InitialUeIdentity::Random(0x03_c001_0203);
        let request = UlCcchMessage::ConnectionRequest { identity, cause };
        assert_eq!(hex::encode(request.octets().unwrap()), "503c00102036");
        let setup = DlCcchMessage::ConnectionSetup { transaction: 1 };
        assert_eq!(hex::encode(setup.octets().unwrap()), "68101b");
        let reject = DlCcchMessage::ConnectionReject { wait: 5 };
        assert_eq!(hex::encode(reject.octets().unwrap()), "4080");
        let input = short_mac_input(Eci::new(0x00ab_cdef).unwrap(), pci(7), 0x4601).unwrap();
        assert_eq!(hex::encode(input), "0abcdef03a3008");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn messages_go_round_and_survive_damage(
            c_rnti: u16,
            cell in 0..504_u16,
            short_mac_i: u16,
            cause in 0..3_usize,
            transaction in 0..4_u8,
            ncc: u32,
        ) {
            let (cell, cause) = (pci(cell), ReestablishmentCause::ALL[cause]);
            let request = UlCcchMessage::ReestablishmentRequest { c_rnti, cell, short_mac_i, cause };
            let octets = request.octets().unwrap();
            prop_assert_eq!(&UlCcchMessage::parse(&octets).unwrap(), &request);
            survives(&octets, false, |octets| UlCcchMessage::parse(octets).is_ok());
            let answer = DlCcchMessage::Reestablishment { transaction, next_hop_chaining_count: Ncc::new(ncc) };
            let octets = answer.octets().unwrap();
            prop_assert_eq!(&DlCcchMessage::parse(&octets).unwrap(), &answer);
            survives(&octets, false, |octets| DlCcchMessage::parse(octets).is_ok());
        }

        #[test]
        fn messages_of_a_set_up_go_round_and_survive_damage(
            code: u8,
            m_tmsi: u32,
            random in 0..1_u64 << RANDOM_BITS,
            cause in 0..7_usize,
            transaction in 0..4_u8,
            wait in 1..17_u8,
        ) {
            let s_tmsi = InitialUeIdentity::STmsi(STmsi { code: MmeCode(code), m_tmsi: MTmsi(m_tmsi) });
            for identity in [s_tmsi, InitialUeIdentity::Random(random)] {
                let request = UlCcchMessage::ConnectionRequest { identity, cause: EstablishmentCause::ALL[cause] };
                let octets = request.octets().unwrap();
                prop_assert_eq!(&UlCcchMessage::parse(&octets).unwrap(), &request);
                survives(&octets, false, |octets| UlCcchMessage::parse(octets).is_ok());
            }
            for answer in [DlCcchMessage::ConnectionSetup { transaction }, DlCcchMessage::ConnectionReject { wait }] {
                let octets = answer.octets().unwrap();
                prop_assert_eq!(&DlCcchMessage::parse(&octets).unwrap(), &answer);
                survives(&octets, false, |octets| DlCcchMessage::parse(octets).is_ok());
            }
        }
    }
}
