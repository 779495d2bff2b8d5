//! MOB_MSHO-REQ, type 57 (802.16e-2005 clause 6.3.2.3.53; `dot16-wire.md` 3.4).
//!
//! The number of current BSs is 3 bits and 1 reserved bit, as in one of the two public simulators (the other has 4 bits).

use nom::Parser;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::parsing::{Bits, Parsed, ParsedBits, bits, bsid_bits, finish, flag, message_type, optional_bits, padding};
use super::serialising::BitString;
use super::typed_tlv::{list, trailing_cmac_tuple, typed_tlvs};
use crate::dot16::identifiers::Bsid;

typed_tlvs! {
    /// A TLV of MOB_MSHO-REQ.
    pub enum MobMshoReqTlv {
        /// CMAC tuple, the last TLV.
        CmacTuple(CmacTuple) = 141,
    }
}

/// Report metric, 8 bits: which measurements the message holds. Bits 4 to 7 are reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReportMetric(pub u8);

impl ReportMetric {
    /// Bit 0: mean CINR.
    pub const CINR: u8 = 1;
    /// Bit 1: mean RSSI.
    pub const RSSI: u8 = 1 << 1;
    /// Bit 2: relative delay.
    pub const RELATIVE_DELAY: u8 = 1 << 2;
    /// Bit 3: round-trip delay of the current BS.
    pub const ROUND_TRIP_DELAY: u8 = 1 << 3;

    /// Whether mean CINR is reported.
    #[must_use]
    pub const fn cinr(self) -> bool {
        self.0 & Self::CINR != 0
    }

    /// Whether mean RSSI is reported.
    #[must_use]
    pub const fn rssi(self) -> bool {
        self.0 & Self::RSSI != 0
    }

    /// Whether relative delay is reported.
    #[must_use]
    pub const fn relative_delay(self) -> bool {
        self.0 & Self::RELATIVE_DELAY != 0
    }

    /// Whether the round-trip delay of the current BS is reported.
    #[must_use]
    pub const fn round_trip_delay(self) -> bool {
        self.0 & Self::ROUND_TRIP_DELAY != 0
    }
}

/// What was measured of one BS; a value is there exactly if the report metric says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Measurements {
    /// Mean CINR, 1 octet, signed, units of 0.5 dB.
    pub cinr: Option<i8>,
    /// Mean RSSI, 1 octet, units of 0.25 dB above -103.75 dBm.
    pub rssi: Option<u8>,
    /// Relative delay, 1 octet as carried.
    pub relative_delay: Option<u8>,
}

impl Measurements {
    fn parser(input: Bits<'_>, metric: ReportMetric) -> ParsedBits<'_, Self> {
        let (input, cinr) = optional_bits::<u8>(metric.cinr(), "a CINR", 8)(input)?;
        let (input, rssi) = optional_bits(metric.rssi(), "an RSSI", 8)(input)?;
        let (input, relative_delay) = optional_bits(metric.relative_delay(), "a relative delay", 8)(input)?;
        Ok((input, Self { cinr: cinr.map(u8::cast_signed), rssi, relative_delay }))
    }

    fn put(&self, fields: &mut BitString, metric: ReportMetric) -> Result<(), WireError> {
        fields.put_optional(metric.cinr(), "CINR", 8, self.cinr.map(i8::cast_unsigned))?;
        fields.put_optional(metric.rssi(), "RSSI", 8, self.rssi)?;
        fields.put_optional(metric.relative_delay(), "relative delay", 8, self.relative_delay)?;
        Ok(())
    }
}

/// A BS that the MS proposes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NewBs {
    /// Preamble index, 1 octet.
    pub preamble_index: u8,
    /// What the MS measured of it.
    pub measurements: Measurements,
    /// Service level prediction, 3 bits: 0 none, 1 some, 2 all service flows, 3 no prediction.
    pub service_level_prediction: u8,
    /// Arrival time difference, 4 bits.
    pub arrival_time_difference: Option<u8>,
}

impl NewBs {
    fn parser(input: Bits<'_>, metric: ReportMetric) -> ParsedBits<'_, Self> {
        let (input, preamble_index) = bits("a preamble index", 8)(input)?;
        let (input, measurements) = Measurements::parser(input, metric)?;
        let (input, service_level_prediction) = bits("a service level prediction", 3)(input)?;
        let (input, included) = flag("the arrival time difference indicator")(input)?;
        let (input, arrival_time_difference) = optional_bits(included, "an arrival time difference", 4)(input)?;
        Ok((input, Self { preamble_index, measurements, service_level_prediction, arrival_time_difference }))
    }

    fn put(&self, fields: &mut BitString, metric: ReportMetric) -> Result<(), WireError> {
        fields.put("preamble index", 8, self.preamble_index)?;
        self.measurements.put(fields, metric)?;
        fields.put("service level prediction", 3, self.service_level_prediction)?;
        let difference = self.arrival_time_difference;
        fields.put("arrival time difference indicator", 1, difference.is_some())?;
        fields.put_optional(difference.is_some(), "arrival time difference", 4, difference)?;
        Ok(())
    }
}

/// A BS with which the MS is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CurrentBs {
    /// Temp BSID, 4 bits; 0 is the serving BS.
    pub temp_bsid: u8,
    /// What the MS measured of it.
    pub measurements: Measurements,
    /// Round-trip delay, 1 octet as carried; there exactly if the report metric says so.
    pub round_trip_delay: Option<u8>,
}

impl CurrentBs {
    fn parser(input: Bits<'_>, metric: ReportMetric) -> ParsedBits<'_, Self> {
        let (input, temp_bsid) = bits("a temp BSID", 4)(input)?;
        let (input, measurements) = Measurements::parser(input, metric)?;
        let (input, round_trip_delay) = optional_bits(metric.round_trip_delay(), "a round-trip delay", 8)(input)?;
        Ok((input, Self { temp_bsid, measurements, round_trip_delay }))
    }

    fn put(&self, fields: &mut BitString, metric: ReportMetric) -> Result<(), WireError> {
        fields.put("temp BSID", 4, self.temp_bsid)?;
        self.measurements.put(fields, metric)?;
        fields.put_optional(metric.round_trip_delay(), "round-trip delay", 8, self.round_trip_delay)?;
        Ok(())
    }
}

/// MOB_MSHO-REQ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MobMshoReq {
    /// Which measurements the entries hold.
    pub report_metric: ReportMetric,
    /// Configuration change count of the MOB_NBR-ADV that the indices refer to, 1 octet; there exactly if there are indices.
    pub configuration_change_count: Option<u8>,
    /// Proposed BSs, named by their index in MOB_NBR-ADV (1 octet); at most 255.
    pub indexed: Vec<(u8, NewBs)>,
    /// Proposed BSs, named by their BSID; at most 255.
    pub full: Vec<(Bsid, NewBs)>,
    /// BSs with which the MS is now, at most 7.
    pub current: Vec<CurrentBs>,
    /// Reserved, 1 bit after the number of current BSs, 0 in the format.
    pub reserved: bool,
    /// The bits that fill up the last octet before the TLVs, 0 in the format.
    pub padding: u8,
    /// The TLVs, in order.
    pub tlvs: Vec<MobMshoReqTlv>,
}

impl MobMshoReq {
    /// Message type.
    pub const TYPE: u8 = 57;

    const LAYER: &'static str = "MOB_MSHO-REQ";

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, or a message cut short.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        finish(Self::LAYER, message, Self::parser(message)).map(|(_, message)| message)
    }

    fn parser(message: &[u8]) -> Parsed<'_, Self> {
        let (input, _) = message_type(Self::TYPE).parse(message)?;
        let (input, report_metric) = bits("a report metric", 8)((input, 0))?;
        let report_metric = ReportMetric(report_metric);
        let (input, count) = bits::<u8>("the number of BSs by index", 8)(input)?;
        let (mut input, configuration_change_count) =
            optional_bits(count != 0, "a configuration change count", 8)(input)?;
        let mut indexed = Vec::new();
        for _ in 0..count {
            let (rest, index) = bits("a neighbour index", 8)(input)?;
            let (rest, bs) = NewBs::parser(rest, report_metric)?;
            indexed.push((index, bs));
            input = rest;
        }
        let (mut input, count) = bits::<u8>("the number of BSs by BSID", 8)(input)?;
        let mut full = Vec::new();
        for _ in 0..count {
            let (rest, bsid) = bsid_bits("the BSID of a new BS")(input)?;
            let (rest, bs) = NewBs::parser(rest, report_metric)?;
            full.push((bsid, bs));
            input = rest;
        }
        let (input, count) = bits::<u8>("the number of current BSs", 3)(input)?;
        let (mut input, reserved) = flag("the reserved bit")(input)?;
        let mut current = Vec::new();
        for _ in 0..count {
            let (rest, bs) = CurrentBs::parser(input, report_metric)?;
            current.push(bs);
            input = rest;
        }
        let (input, padding) = padding(input)?;
        let (input, tlvs) = list(input)?;
        let message =
            Self { report_metric, configuration_change_count, indexed, full, current, reserved, padding, tlvs };
        Ok((input, message))
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A measurement or change count that is there though it should not be, or the reverse; a value too wide for its bits, too
    /// many BSs, or a TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let metric = self.report_metric;
        let mut fields = BitString::new(Self::LAYER);
        fields.put("message type", 8, Self::TYPE)?.put("report metric", 8, metric.0)?;
        fields.put_count("number of BSs by index", 8, self.indexed.len())?;
        let change_count = self.configuration_change_count;
        fields.put_optional(!self.indexed.is_empty(), "configuration change count", 8, change_count)?;
        for (index, bs) in &self.indexed {
            fields.put("neighbour index", 8, *index)?;
            bs.put(&mut fields, metric)?;
        }
        fields.put_count("number of BSs by BSID", 8, self.full.len())?;
        for (bsid, bs) in &self.full {
            fields.put_bsid("BSID", *bsid)?;
            bs.put(&mut fields, metric)?;
        }
        fields.put_count("number of current BSs", 3, self.current.len())?.put("reserved", 1, self.reserved)?;
        for bs in &self.current {
            bs.put(&mut fields, metric)?;
        }
        fields.pad(self.padding)?;
        let mut octets = fields.into_octets();
        octets.extend(MobMshoReqTlv::octets_of_all(&self.tlvs)?);
        Ok(octets)
    }

    /// The CMAC tuple, if it is the last TLV.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<&CmacTuple> {
        trailing_cmac_tuple!(self.tlvs, MobMshoReqTlv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> MobMshoReq {
        let measurements = Measurements { cinr: Some(-3), rssi: None, relative_delay: Some(9) };
        let new = |difference| NewBs {
            preamble_index: 33,
            measurements,
            service_level_prediction: 2,
            arrival_time_difference: difference,
        };
        MobMshoReq {
            report_metric: ReportMetric(
                ReportMetric::CINR | ReportMetric::RELATIVE_DELAY | ReportMetric::ROUND_TRIP_DELAY,
            ),
            configuration_change_count: Some(4),
            indexed: vec![(1, new(None)), (2, new(Some(5)))],
            full: vec![(Bsid([0x0a, 0, 0, 0, 0, 2]), new(None))],
            current: vec![CurrentBs { temp_bsid: 0, measurements, round_trip_delay: Some(17) }],
            ..MobMshoReq::default()
        }
    }

    #[test]
    fn entries_by_index_by_bsid_and_current_ones_round_trip() {
        let octets = message().octets().unwrap();
        assert_eq!(MobMshoReq::parse(&octets), Ok(message()));
    }

    #[test]
    fn an_empty_request_has_its_three_counts() {
        assert_eq!(MobMshoReq::default().octets().unwrap(), [57, 0, 0, 0, 0]);
        assert_eq!(MobMshoReq::parse(&[57, 0, 0, 0, 0]), Ok(MobMshoReq::default()));
        let padded = MobMshoReq::parse(&[57, 0, 0, 0, 0x1f]).unwrap();
        assert_eq!((padded.reserved, padded.padding), (true, 15));
    }

    #[test]
    fn measurements_have_to_match_the_report_metric() {
        let mut wrong = message();
        wrong.report_metric = ReportMetric(ReportMetric::CINR);
        assert!(wrong.octets().unwrap_err().expected.contains("no relative delay"));
        let mut wrong = message();
        wrong.report_metric.0 |= ReportMetric::RSSI;
        assert!(wrong.octets().is_err());
        let wrong = MobMshoReq { configuration_change_count: None, ..message() };
        assert!(wrong.octets().is_err());
    }

    #[test]
    fn eight_current_bss_are_too_many() {
        let bs = CurrentBs::default();
        assert!(MobMshoReq { current: vec![bs; 7], ..MobMshoReq::default() }.octets().is_ok());
        assert!(MobMshoReq { current: vec![bs; 8], ..MobMshoReq::default() }.octets().is_err());
    }
}
