//! LLC between UE and SGSN: unconfirmed information (UI) that is not ciphered, of two service access points: 1 for mobility management, 3
//! for user packets behind SNDCP (TS 44.064 clause 6, TS 44.065 clause 7).
//!
//! A frame is address (1 octet: command or response, SAPI), control (2: UI, N(U) of 9 bits, not ciphered, FCS over all), information,
//! FCS (3 octets, least significant first). SNDCP has 4 octets: first and last segment, SN-UNITDATA, NSAPI; no compression; N-PDU number
//! of 12 bits.

use super::super::WireError;

const LAYER: &str = "LLC";
const SAPI_GMM: u8 = 1;
const SAPI_USER: u8 = 3;
/// C/R in the address: set by the SGSN in commands, clear by the UE; UI is a command.
const FROM_SGSN: u8 = 0x40;
/// UI format with FCS over header and information; N(U) above it, ciphered beside it.
const UI: u16 = 0xc001;
const CIPHERED: u16 = 2;
/// N(U) is below this.
pub const NUMBERS: u16 = 1 << 9;
/// The number of an N-PDU is below this.
pub const PDU_NUMBERS: u16 = 1 << 12;
/// First segment, SN-UNITDATA, no more of them; NSAPI of every bearer: 5. Then no compression.
const SNDCP: [u8; 2] = [0x65, 0x00];
/// Octets of address and control, and of the FCS.
const HEADER: usize = 3;
const FCS: usize = 3;
/// Most octets of information (N201-U).
pub const MAX_INFORMATION: usize = 1520;

/// What is in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LlcContents {
    /// A message of mobility management.
    Gmm(Vec<u8>),
    /// A user packet.
    User {
        /// N-PDU number, 12 bits.
        number: u16,
        /// The packet.
        packet: Vec<u8>,
    },
}

/// An LLC frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlcFrame {
    /// Whether the SGSN sends it.
    pub from_sgsn: bool,
    /// N(U), 9 bits: counts the frames of a service access point in a direction.
    pub number: u16,
    /// What is in it.
    pub contents: LlcContents,
}

/// FCS: 24 bits, a CRC over x24+x23+x21+x20+x19+x17+x16+x15+x13+x8+x7+x5+x4+x2+1, least significant bit first (clause 5.5).
fn fcs(octets: &[u8]) -> [u8; FCS] {
    const POLYNOMIAL: u32 = 0x00ad_85dd;
    let step = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
    let crc = octets.iter().fold(0x00ff_ffff, |crc, octet| (0..8).fold(crc ^ u32::from(*octet), step));
    let [a, b, c, _] = (!crc).to_le_bytes();
    [a, b, c]
}

fn refused(offset: usize, expected: &'static str, found: impl std::fmt::Display) -> WireError {
    WireError { layer: LAYER, offset, expected: expected.into(), found: found.to_string() }
}

impl LlcFrame {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// It is shorter than its header, has a wrong FCS, is no UI frame of these service access points, or is ciphered.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let short = || refused(octets.len(), "an LLC frame of at least 6 octets", format!("{} octets", octets.len()));
        let (covered, check) = octets.split_last_chunk::<FCS>().ok_or_else(short)?;
        let ([address, high, low], information) = covered.split_first_chunk::<HEADER>().ok_or_else(short)?;
        if fcs(covered) != *check {
            return Err(refused(covered.len(), "the FCS of the frame", format!("{check:02x?}")));
        }
        let control = u16::from_be_bytes([*high, *low]);
        if control & CIPHERED != 0 {
            return Err(refused(1, "a frame that is not ciphered", format!("{control:04x}")));
        }
        if control & !((NUMBERS - 1) << 2) != UI {
            return Err(refused(1, "UI with FCS over all of it", format!("{control:04x}")));
        }
        if information.len() > MAX_INFORMATION {
            return Err(refused(HEADER, "at most 1520 octets", information.len()));
        }
        let contents = match address & !FROM_SGSN {
            SAPI_GMM => LlcContents::Gmm(information.to_vec()),
            SAPI_USER => user(information)?,
            other => return Err(refused(0, "SAPI 1 or 3", format!("{other:02x}"))),
        };
        let number = (control >> 2) & (NUMBERS - 1);
        Ok(Self { from_sgsn: address & FROM_SGSN != 0, number, contents })
    }

    /// The octets of the frame.
    ///
    /// # Errors
    /// A number beyond its bits, or more than 1520 octets of information.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.number >= NUMBERS {
            return Err(refused(1, "N(U) of 9 bits", self.number));
        }
        let (sapi, information) = match &self.contents {
            LlcContents::Gmm(message) => (SAPI_GMM, message.clone()),
            LlcContents::User { number, .. } if *number >= PDU_NUMBERS => {
                return Err(refused(HEADER + 2, "an N-PDU number of 12 bits", number));
            }
            LlcContents::User { number, packet } => (SAPI_USER, [&SNDCP[..], &number.to_be_bytes(), packet].concat()),
        };
        if information.len() > MAX_INFORMATION {
            return Err(refused(HEADER, "at most 1520 octets", information.len()));
        }
        let address = sapi | if self.from_sgsn { FROM_SGSN } else { 0 };
        let control = UI | self.number << 2;
        let covered = [&[address][..], &control.to_be_bytes(), &information].concat();
        Ok([&covered[..], &fcs(&covered)].concat())
    }
}

fn user(information: &[u8]) -> Result<LlcContents, WireError> {
    match information {
        [first, compression, high, low, packet @ ..] if [*first, *compression] == SNDCP && *high < 0x10 => {
            Ok(LlcContents::User { number: u16::from_be_bytes([*high, *low]), packet: packet.to_vec() })
        }
        _ => Err(refused(HEADER, "a whole N-PDU of NSAPI 5 behind 4 octets of SNDCP", "another")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::damage::survives;
    use super::*;

    /// The octets are those that Wireshark shows with the FCS right.
    #[test]
    fn the_octets_are_those_of_the_layout() {
        let request = hex::decode("08010321000471000008091010000000001000f1101001010513800000005802a020").unwrap();
        let frame = LlcFrame { from_sgsn: false, number: 0, contents: LlcContents::Gmm(request.clone()) };
        let expected = format!("01c001{}09e7a6", hex::encode(&request));
        assert_eq!(hex::encode(frame.octets().unwrap()), expected);
        let packet = LlcContents::User { number: 0x0abc, packet: vec![0x45] };
        let frame = LlcFrame { from_sgsn: true, number: 511, contents: packet };
        assert_eq!(hex::encode(&frame.octets().unwrap()[..8]), "43c7fd65000abc45");
        assert!(LlcFrame { number: NUMBERS, ..frame.clone() }.octets().is_err());
        let wide = LlcContents::User { number: PDU_NUMBERS, packet: Vec::new() };
        assert!(LlcFrame { contents: wide, ..frame.clone() }.octets().is_err());
        let long = LlcContents::Gmm(vec![0; MAX_INFORMATION + 1]);
        assert!(LlcFrame { contents: long, ..frame }.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_frame_goes_round_and_no_damage_is_taken(
            from_sgsn: bool,
            number in 0..NUMBERS,
            of_user in proptest::option::of(0..PDU_NUMBERS),
            octets in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let contents = match of_user {
                Some(number) => LlcContents::User { number, packet: octets },
                None => LlcContents::Gmm(octets),
            };
            let frame = LlcFrame { from_sgsn, number, contents };
            let written = frame.octets().unwrap();
            prop_assert_eq!(&LlcFrame::parse(&written).unwrap(), &frame);
            survives(&written, false, |octets| LlcFrame::parse(octets).is_ok());
        }
    }
}
