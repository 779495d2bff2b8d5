//! Attribute-value pairs of Diameter: code (4 octets), flags (1), length (3), the vendor (4) if there is one, value, padding to 4 octets
//! (RFC 6733 clause 4.1). All that are written are mandatory to understand (flag M).

use cookie_factory::bytes::{be_u8 as write_u8, be_u24 as write_u24, be_u32 as write_u32};
use cookie_factory::combinator::{cond, slice};
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::combinator::cond as when;
use nom::number::complete::{be_u8, be_u24, be_u32};
use nom::{IResult, Parser};

use super::{LAYER, MAX_LENGTH, VENDOR};
use crate::eps::wire::WireError;
use crate::eps::wire::core_error::serialise;

/// Flag: a vendor is named.
const OF_VENDOR: u8 = 0x80;
/// Flag: who does not know it refuses the message.
const MANDATORY: u8 = 0x40;
/// Octets of code, flags and length.
const HEADER_OCTETS: usize = 8;
/// Octets of the vendor.
const VENDOR_OCTETS: usize = 4;
/// AVPs begin at multiples of this.
const ALIGNMENT: usize = 4;

/// An attribute: its code, whether it is one of 3GPP's, its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    code: u32,
    of_vendor: bool,
    name: &'static str,
}

impl Attribute {
    const fn base(code: u32, name: &'static str) -> Self {
        Self { code, of_vendor: false, name }
    }

    const fn of_3gpp(code: u32, name: &'static str) -> Self {
        Self { code, of_vendor: true, name }
    }

    pub(super) const USER_NAME: Self = Self::base(1, "User-Name");
    pub(super) const AUTH_APPLICATION_ID: Self = Self::base(258, "Auth-Application-Id");
    pub(super) const VENDOR_SPECIFIC_APPLICATION_ID: Self = Self::base(260, "Vendor-Specific-Application-Id");
    pub(super) const SESSION_ID: Self = Self::base(263, "Session-Id");
    pub(super) const ORIGIN_HOST: Self = Self::base(264, "Origin-Host");
    pub(super) const VENDOR_ID: Self = Self::base(266, "Vendor-Id");
    pub(super) const RESULT_CODE: Self = Self::base(268, "Result-Code");
    pub(super) const AUTH_SESSION_STATE: Self = Self::base(277, "Auth-Session-State");
    pub(super) const DESTINATION_REALM: Self = Self::base(283, "Destination-Realm");
    pub(super) const DESTINATION_HOST: Self = Self::base(293, "Destination-Host");
    pub(super) const ORIGIN_REALM: Self = Self::base(296, "Origin-Realm");
    pub(super) const EXPERIMENTAL_RESULT: Self = Self::base(297, "Experimental-Result");
    pub(super) const EXPERIMENTAL_RESULT_CODE: Self = Self::base(298, "Experimental-Result-Code");
    pub(super) const TRANSACTION_IDENTIFIER: Self = Self::of_3gpp(401, "Transaction-Identifier");
    pub(super) const NAF_HOSTNAME: Self = Self::of_3gpp(402, "NAF-Hostname");
    pub(super) const GAA_SERVICE_IDENTIFIER: Self = Self::of_3gpp(403, "GAA-Service-Identifier");
    pub(super) const ME_KEY_MATERIAL: Self = Self::of_3gpp(405, "ME-Key-Material");
    pub(super) const CONFIDENTIALITY_KEY: Self = Self::of_3gpp(625, "Confidentiality-Key");
    pub(super) const INTEGRITY_KEY: Self = Self::of_3gpp(626, "Integrity-Key");
    pub(super) const RAT_TYPE: Self = Self::of_3gpp(1032, "RAT-Type");
    pub(super) const ULR_FLAGS: Self = Self::of_3gpp(1405, "ULR-Flags");
    pub(super) const VISITED_PLMN_ID: Self = Self::of_3gpp(1407, "Visited-PLMN-Id");
    pub(super) const REQUESTED_VECTORS: Self = Self::of_3gpp(1408, "Requested-EUTRAN-Authentication-Info");
    pub(super) const REQUESTED_UTRAN_VECTORS: Self = Self::of_3gpp(1409, "Requested-UTRAN-GERAN-Authentication-Info");
    pub(super) const NUMBER_OF_VECTORS: Self = Self::of_3gpp(1410, "Number-Of-Requested-Vectors");
    pub(super) const RESYNCHRONISATION: Self = Self::of_3gpp(1411, "Re-Synchronization-Info");
    pub(super) const AUTHENTICATION_INFO: Self = Self::of_3gpp(1413, "Authentication-Info");
    pub(super) const E_UTRAN_VECTOR: Self = Self::of_3gpp(1414, "E-UTRAN-Vector");
    pub(super) const UTRAN_VECTOR: Self = Self::of_3gpp(1415, "UTRAN-Vector");
    pub(super) const GERAN_VECTOR: Self = Self::of_3gpp(1416, "GERAN-Vector");
    pub(super) const CANCELLATION_TYPE: Self = Self::of_3gpp(1420, "Cancellation-Type");
    pub(super) const RAND: Self = Self::of_3gpp(1447, "RAND");
    pub(super) const XRES: Self = Self::of_3gpp(1448, "XRES");
    pub(super) const AUTN: Self = Self::of_3gpp(1449, "AUTN");
    pub(super) const KASME: Self = Self::of_3gpp(1450, "KASME");
    pub(super) const KC: Self = Self::of_3gpp(1453, "Kc");
    pub(super) const SRES: Self = Self::of_3gpp(1454, "SRES");
}

/// Octets that fill up to the next AVP.
const fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT) - length
}

/// The AVP of an attribute with this value.
pub(super) fn octets(attribute: Attribute, value: &[u8]) -> Result<Vec<u8>, WireError> {
    let Attribute { code, of_vendor, name } = attribute;
    let before = HEADER_OCTETS + if of_vendor { VENDOR_OCTETS } else { 0 };
    let length = value.len().saturating_add(before);
    let Some(written) = u32::try_from(length).ok().filter(|_| length <= MAX_LENGTH) else {
        return Err(WireError::new(LAYER, 0, format!("{name} of at most 16777215 octets"), format!("{length} octets")));
    };
    let flags = MANDATORY | if of_vendor { OF_VENDOR } else { 0 };
    let head = (write_u32(code), write_u8(flags), write_u24(written), cond(of_vendor, write_u32(VENDOR)));
    let fill = [0; ALIGNMENT];
    let fill = fill.get(..padding(length)).unwrap_or_default();
    serialise(LAYER, tuple((tuple(head), slice(value), slice(fill))))
}

/// Unsigned32 or Enumerated.
pub(super) fn unsigned(attribute: Attribute, value: u32) -> Result<Vec<u8>, WireError> {
    octets(attribute, &value.to_be_bytes())
}

/// UTF8String or DiameterIdentity.
pub(super) fn text(attribute: Attribute, value: &str) -> Result<Vec<u8>, WireError> {
    octets(attribute, value.as_bytes())
}

/// Grouped: AVPs one after the other.
pub(super) fn grouped(attribute: Attribute, members: &[Vec<u8>]) -> Result<Vec<u8>, WireError> {
    octets(attribute, &members.concat())
}

/// An AVP that was received, with the offset at which its value begins.
struct Avp<'a> {
    code: u32,
    vendor: Option<u32>,
    offset: usize,
    value: &'a [u8],
}

/// The AVPs of a message or of a group.
pub(super) struct Avps<'a>(Vec<Avp<'a>>);

fn header(input: &[u8]) -> IResult<&[u8], (u32, u8, u32)> {
    (be_u32, be_u8, be_u24).parse(input)
}

impl<'a> Avps<'a> {
    /// Those that fill `octets`, which begin at `start` of the message. The last of them may lack its padding.
    pub(super) fn parse(octets: &'a [u8], start: usize) -> Result<Self, WireError> {
        let mut avps = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() {
            let at = start.saturating_add(octets.len().saturating_sub(rest.len()));
            let cut = |expected: String, found: usize| WireError::new(LAYER, at, expected, format!("{found} octets"));
            let (after, (code, flags, length)) =
                header(rest).map_err(|_| cut("an AVP of at least 8 octets".to_owned(), rest.len()))?;
            let of_vendor = flags & OF_VENDOR != 0;
            let before = HEADER_OCTETS + if of_vendor { VENDOR_OCTETS } else { 0 };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let Some(of_value) = length.checked_sub(before) else {
                return Err(cut(format!("a length of at least {before} (AVP {code})"), length));
            };
            let value = (when(of_vendor, be_u32), take::<_, _, nom::error::Error<&[u8]>>(of_value)).parse(after);
            let (after, (vendor, value)) =
                value.map_err(|_| cut(format!("{length} octets of AVP {code}"), rest.len()))?;
            avps.push(Avp { code, vendor, offset: at.saturating_add(before), value });
            rest = after.get(padding(length)..).unwrap_or_default();
        }
        Ok(Self(avps))
    }

    /// What `of` makes of the first AVP of an attribute; none if there is none.
    pub(super) fn optional<T>(
        &self,
        attribute: Attribute,
        of: impl FnOnce(Value<'a>) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        let wanted = (attribute.code, attribute.of_vendor.then_some(VENDOR));
        let found = self.0.iter().find(|avp| (avp.code, avp.vendor) == wanted);
        found.map(|Avp { offset, value, .. }| of(Value { attribute, offset: *offset, octets: value })).transpose()
    }

    /// What `of` makes of every AVP of an attribute, of `most` at the most.
    pub(super) fn several<T>(
        &self,
        attribute: Attribute,
        most: usize,
        of: impl Fn(Value<'a>) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let wanted = (attribute.code, attribute.of_vendor.then_some(VENDOR));
        let found = self.0.iter().filter(|avp| (avp.code, avp.vendor) == wanted);
        let values: Vec<_> = found.map(|avp| Value { attribute, offset: avp.offset, octets: avp.value }).collect();
        match values.get(most) {
            Some(value) => Err(value.refused(&format!("at most {most}"), format!("{} of them", values.len()))),
            None => values.into_iter().map(of).collect(),
        }
    }

    /// What `of` makes of the first AVP of an attribute, which must be there.
    pub(super) fn required<T>(
        &self,
        attribute: Attribute,
        of: impl FnOnce(Value<'a>) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let missing = || WireError::new(LAYER, 0, format!("{} (AVP {})", attribute.name, attribute.code), "none");
        self.optional(attribute, of)?.ok_or_else(missing)
    }
}

/// The value of an AVP.
pub(super) struct Value<'a> {
    attribute: Attribute,
    offset: usize,
    /// Its octets.
    pub octets: &'a [u8],
}

impl<'a> Value<'a> {
    /// The value is not what was `expected`.
    pub(super) fn refused(&self, expected: &str, found: impl std::fmt::Display) -> WireError {
        WireError::new(LAYER, self.offset, format!("{} as {expected}", self.attribute.name), found)
    }

    /// Unsigned32 or Enumerated.
    pub(super) fn unsigned(&self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Octets of a fixed number.
    pub(super) fn array<const N: usize>(&self) -> Result<[u8; N], WireError> {
        self.octets
            .try_into()
            .map_err(|_| self.refused(&format!("{N} octets"), format!("{} octets", self.octets.len())))
    }

    /// UTF8String or DiameterIdentity.
    pub(super) fn text(&self) -> Result<String, WireError> {
        std::str::from_utf8(self.octets).map(str::to_owned).map_err(|_| self.refused("UTF-8", "other octets"))
    }

    /// The AVPs of a group.
    pub(super) fn group(&self) -> Result<Avps<'a>, WireError> {
        Avps::parse(self.octets, self.offset)
    }
}
