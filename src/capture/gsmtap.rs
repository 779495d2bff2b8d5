//! GSMTAP, version 2, as it carries WiMAX bursts (type 7) in UDP (libosmocore `gsmtap.h`, Wireshark `packet-gsmtap.c`).
//!
//! ```text
//! version:8 = 2 | header length in words of 32 bits:8 | type:8 = 7 | timeslot:8 | arfcn:16, 0x4000 = uplink
//! signal to noise:8 | signal:8 | frame number:32 | burst type:8 | antenna:8 | sub-slot:8 | reserved:8 | burst
//! ```
//!
//! Burst types of WiMAX: 0x10 CDMA code, 0x11 FCH, 0x12 fast feedback, 0x13 PDUs, 0x14 HARQ ACK, 0x15 PHY attributes.
//! Without the uplink bit a burst is downlink, as Wireshark has it.

use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u32, u8 as number8};

use super::foreign::{BurstKind, FAST_FEEDBACK, FCH, ForeignError, HARQ_ACK, PHY_ATTRIBUTES};

/// The UDP port of GSMTAP, source or destination.
pub const PORT: u16 = 4729;
const LAYER: &str = "GSMTAP";
const VERSION: u8 = 2;
const TYPE_WMX_BURST: u8 = 7;
const UPLINK: u16 = 0x4000;
/// Octets of the header of version 2.
const HEADER_OCTETS: usize = 16;
/// Octets of a CDMA code.
const CDMA_CODE_OCTETS: usize = super::framing::CDMA_CODE_OCTETS;

/// A WiMAX burst behind a GSMTAP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WmxBurst<'a> {
    /// What the burst is; `None` for a burst type that is none of WiMAX.
    pub kind: Option<BurstKind>,
    /// The burst type as it stands in the header.
    pub sub_type: u8,
    /// Whether the uplink bit is set.
    pub uplink: bool,
    /// The burst.
    pub burst: &'a [u8],
}

/// Takes the payload of a UDP datagram of port 4729 apart; `None` if it is not of type 7 (or too short to have a type).
///
/// # Errors
/// It is of type 7, and version, header length or the length of a CDMA code are not those of the format.
pub fn parse(payload: &[u8]) -> Result<Option<WmxBurst<'_>>, ForeignError> {
    let error = |offset, expected: &str, found: String| ForeignError {
        layer: LAYER,
        offset,
        expected: expected.to_owned(),
        found,
    };
    let parsed: nom::IResult<_, _> = (number8, number8, number8).parse(payload);
    let Ok((rest, (version, words, TYPE_WMX_BURST))) = parsed else { return Ok(None) };
    if version != VERSION {
        return Err(error(0, "version 2", version.to_string()));
    }
    let header = usize::from(words).saturating_mul(4);
    if header < HEADER_OCTETS {
        return Err(error(1, "a header of at least 4 words", format!("{words} words")));
    }
    let whole: nom::IResult<_, _> =
        (number8, be_u16, take(2usize), be_u32, number8, take(header.saturating_sub(13))).parse(rest);
    let Ok((burst, (_timeslot, arfcn, _signal, _frame_number, sub_type, _rest))) = whole else {
        return Err(error(0, &format!("a header of {header} octets"), format!("{} octets", payload.len())));
    };
    let kind = match sub_type {
        0x10 if burst.len() != CDMA_CODE_OCTETS => {
            return Err(error(header, "a CDMA code of 3 octets", format!("{} octets", burst.len())));
        }
        0x10 => Some(BurstKind::CdmaCode),
        0x11 => Some(FCH),
        0x12 => Some(FAST_FEEDBACK),
        0x13 => Some(BurstKind::Pdu),
        0x14 => Some(HARQ_ACK),
        0x15 => Some(PHY_ATTRIBUTES),
        _ => None,
    };
    Ok(Some(WmxBurst { kind, sub_type, uplink: arfcn & UPLINK != 0, burst }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 16] = [2, 4, 7, 0, 0x40, 9, 0, 0, 0, 0, 0, 42, 0x13, 0, 0, 0];

    #[test]
    fn a_burst_has_its_direction_and_its_octets() {
        let burst = parse(&[&HEADER[..], &[1, 2, 3, 4]].concat()).unwrap().unwrap().burst.to_vec();
        assert_eq!(burst, [1, 2, 3, 4]);
        let mut longer = HEADER.to_vec();
        longer[1] = 5;
        longer[4] = 0;
        longer.extend([0xee; 4]);
        longer.extend([9; 2]);
        let parsed = parse(&longer).unwrap().unwrap();
        assert_eq!((parsed.kind, parsed.uplink, parsed.burst), (Some(BurstKind::Pdu), false, &[9, 9][..]));
    }

    #[test]
    fn other_types_are_none_and_damage_is_an_error_at_its_octet() {
        let changed = |at: usize, to: u8| {
            let mut header = HEADER.to_vec();
            header[at] = to;
            header
        };
        assert_eq!(parse(&changed(2, 1)), Ok(None));
        assert_eq!(parse(&HEADER[..2]), Ok(None));
        let offset = |octets: &[u8]| parse(octets).unwrap_err().offset;
        assert_eq!((offset(&changed(0, 3)), offset(&changed(1, 3)), offset(&changed(1, 5))), (0, 1, 0));
        assert_eq!(offset(&changed(12, 0x10)), 16);
        for length in 3..16 {
            assert_eq!(parse(&HEADER[..length]).unwrap_err().found, format!("{length} octets"));
        }
        assert_eq!(parse(&changed(12, 0x77)).unwrap().unwrap().kind, None);
    }
}
