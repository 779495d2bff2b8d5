//! Gb between BSS and SGSN: BSSGP in NS over UDP port 2157 (TS 48.018 clause 10.2, TS 48.016 clause 9.2.10).
//!
//! NS-UNITDATA has 4 octets in front: type, control bits, BVCI. Of BSSGP there are UL-UNITDATA and DL-UNITDATA: TLLI, QoS profile, then
//! the cell or the lifetime, then the LLC frame. Nothing is set up or tested between the two nodes \[choice\].

use super::super::WireError;
use crate::eps::wire::gmm::RoutingArea;

/// UDP port of NS, source and destination.
pub const GB_PORT: u16 = 2157;

const LAYER: &str = "BSSGP";
/// NS-UNITDATA without control bits, of the BVCI of the only cell of a BSS.
const NS: [u8; 4] = [0, 0, 0, 2];
const DL_UNITDATA: u8 = 0x00;
const UL_UNITDATA: u8 = 0x01;
/// QoS profile: best effort, no acknowledged mode of LLC, signalling or data of the highest priority.
const QOS: [u8; 3] = [0, 0, 0x20];
/// Cell identifier, 8 octets.
const CELL: [u8; 2] = [0x08, 0x88];
/// PDU lifetime: 10 s.
const LIFETIME: [u8; 4] = [0x16, 0x82, 0x03, 0xe8];
/// No alignment octets.
const ALIGNMENT: [u8; 2] = [0x00, 0x80];
const LLC_PDU: u8 = 0x0e;
/// In the first octet of a length: it is the only one.
const SHORT: u8 = 0x80;

/// A cell of GERAN: its routing area, and its identity there, 8 octets together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GeranCellIdentity {
    /// The routing area.
    pub area: RoutingArea,
    /// Cell identity.
    pub ci: u16,
}

/// A message between BSS and SGSN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GbMessage {
    /// UL-UNITDATA: a frame of a UE.
    Uplink {
        /// What the UE calls itself, 4 octets.
        tlli: u32,
        /// The cell that it is in.
        cell: GeranCellIdentity,
        /// The LLC frame.
        llc: Vec<u8>,
    },
    /// DL-UNITDATA: a frame for a UE.
    Downlink {
        /// What the UE calls itself, 4 octets.
        tlli: u32,
        /// The LLC frame.
        llc: Vec<u8>,
    },
}

fn refused(offset: usize, expected: &'static str, found: impl std::fmt::Display) -> WireError {
    WireError { layer: LAYER, offset, expected: expected.into(), found: found.to_string() }
}

/// What is behind `wanted`.
fn behind<'a>(all: &[u8], input: &'a [u8], expected: &'static str, wanted: &[u8]) -> Result<&'a [u8], WireError> {
    let offset = all.len().saturating_sub(input.len());
    input.strip_prefix(wanted).ok_or_else(|| refused(offset, expected, format!("{:02x?}", input.get(..4))))
}

impl GbMessage {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Uplink { .. } => "UL-UNITDATA",
            Self::Downlink { .. } => "DL-UNITDATA",
        }
    }

    /// The message that `octets` (the whole payload of UDP) are.
    ///
    /// # Errors
    /// Octets that are neither of the two, or have other elements; a length that is not that of the LLC frame.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let rest = behind(octets, octets, "NS-UNITDATA of BVCI 2", &NS)?;
        let cut = || refused(octets.len(), "a message that is not cut short", format!("{} octets", octets.len()));
        let (kind, rest) = rest.split_first().ok_or_else(cut)?;
        let (tlli, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let tlli = u32::from_be_bytes(*tlli);
        let rest = behind(octets, rest, "the QoS profile of every message", &QOS)?;
        match *kind {
            UL_UNITDATA => {
                let rest = behind(octets, rest, "a cell identifier of 8 octets", &CELL)?;
                let (area, rest) = rest.split_first_chunk().ok_or_else(cut)?;
                let (ci, rest) = rest.split_first_chunk().ok_or_else(cut)?;
                let rest = behind(octets, rest, "no alignment octets", &ALIGNMENT)?;
                let cell = GeranCellIdentity { area: RoutingArea::from_octets(*area), ci: u16::from_be_bytes(*ci) };
                Ok(Self::Uplink { tlli, cell, llc: llc_pdu(octets, rest)? })
            }
            DL_UNITDATA => {
                let rest = behind(octets, rest, "the PDU lifetime of every message", &LIFETIME)?;
                Ok(Self::Downlink { tlli, llc: llc_pdu(octets, rest)? })
            }
            other => Err(refused(NS.len(), "DL-UNITDATA or UL-UNITDATA", format!("{other:02x}"))),
        }
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// An LLC frame of more than 32,767 octets.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let (kind, tlli, between, llc) = match self {
            Self::Uplink { tlli, cell: GeranCellIdentity { area, ci }, llc } => {
                let between = [&CELL[..], &area.octets(), &ci.to_be_bytes(), &ALIGNMENT].concat();
                (UL_UNITDATA, tlli, between, llc)
            }
            Self::Downlink { tlli, llc } => (DL_UNITDATA, tlli, LIFETIME.to_vec(), llc),
        };
        let length = match u16::try_from(llc.len()) {
            Ok(length) if length < u16::from(SHORT) => vec![SHORT | length as u8],
            Ok(length) if length < 1 << 15 => length.to_be_bytes().to_vec(),
            _ => return Err(refused(0, "an LLC frame of at most 32767 octets", llc.len())),
        };
        Ok([&NS[..], &[kind], &tlli.to_be_bytes(), &QOS, &between, &[LLC_PDU], &length, llc].concat())
    }
}

/// The last element: an LLC frame, to the end. Its length has one octet exactly where it is below 128.
fn llc_pdu(all: &[u8], input: &[u8]) -> Result<Vec<u8>, WireError> {
    let (length, llc) = match input {
        [LLC_PDU, length, llc @ ..] if length & SHORT != 0 => (usize::from(length & !SHORT), llc),
        [LLC_PDU, high, low, llc @ ..] if u16::from_be_bytes([*high, *low]) >= u16::from(SHORT) => {
            (usize::from(u16::from_be_bytes([*high, *low])), llc)
        }
        _ => return Err(refused(all.len().saturating_sub(input.len()), "an LLC frame behind its length", "none")),
    };
    if llc.len() != length {
        let offset = all.len().saturating_sub(llc.len());
        return Err(refused(offset, "as many octets as the length says", format!("{} for {length}", llc.len())));
    }
    Ok(llc.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::damage::survives;
    use super::*;

    const CELL: fn() -> GeranCellIdentity =
        || GeranCellIdentity { area: RoutingArea { plmn: "001-01".parse().unwrap(), lac: 0x1001, rac: 1 }, ci: 1 };

    #[test]
    fn the_octets_are_those_of_the_layout() {
        let message = GbMessage::Uplink { tlli: 0x7800_0001, cell: CELL(), llc: vec![1, 2] };
        let octets = "000000020178000001000020088800f110100101000100800e820102";
        assert_eq!(hex::encode(message.octets().unwrap()), octets);
        let message = GbMessage::Downlink { tlli: 0x7800_0001, llc: vec![7; 128] };
        let octets = message.octets().unwrap();
        assert_eq!(hex::encode(&octets[..19]), "000000020078000001000020168203e80e0080");
        let long = GbMessage::Downlink { tlli: 1, llc: vec![0; 1 << 15] };
        assert!(long.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_message_goes_round_and_survives_damage(tlli: u32, up: bool, ci: u16, llc in proptest::collection::vec(any::<u8>(), 0..200)) {
            let cell = GeranCellIdentity { ci, ..CELL() };
            let message = if up { GbMessage::Uplink { tlli, cell, llc } } else { GbMessage::Downlink { tlli, llc } };
            let octets = message.octets().unwrap();
            prop_assert_eq!(&GbMessage::parse(&octets).unwrap(), &message);
            survives(&octets, false, |octets| GbMessage::parse(octets).is_ok());
        }
    }
}
