//! GPRS mobility management: what a UE and its SGSN say to one another at an attach, over UTRAN and GERAN alike (TS 24.008 clauses 9.4
//! and 10.5.5).
//!
//! A message is protocol discriminator 8, its type, its mandatory fields and the optional ones named here, in their order. What the
//! standard makes mandatory besides is the same in every message: no DRX, no GEA, a routing area that is not updated by time. A UE says
//! its IMSI \[choice\]. No message ciphers: the ciphering algorithm is none ([`super::gprs`]).

use nom::Parser;
use nom::bytes::complete::{tag, take};
use nom::number::complete::{be_u8, be_u32};

use super::{UeSecurityCapabilities, WireError};
use crate::dot16::wire::parsing::{Fault, Parsed, expect, finish, octets};
use crate::eps::identifiers::{Imsi, Plmn};
use crate::eps::wire::nas::EpsMobileIdentity;

const LAYER: &str = "GMM message";
/// The protocol discriminator, above it no skip.
const GMM: u8 = 8;
const ATTACH_REQUEST: u8 = 0x01;
const ATTACH_ACCEPT: u8 = 0x02;
const ATTACH_COMPLETE: u8 = 0x03;
const ATTACH_REJECT: u8 = 0x04;
const AUTHENTICATION_REQUEST: u8 = 0x12;
const AUTHENTICATION_RESPONSE: u8 = 0x13;
const AUTHENTICATION_REJECT: u8 = 0x14;
const AUTHENTICATION_FAILURE: u8 = 0x1c;
/// MS network capability behind its length: no GEA, a revision of release 99, EPC (clause 10.5.5.12).
const MS_NETWORK_CAPABILITY: [u8; 4] = [3, 0x21, 0x00, 0x04];
/// Attach type: GPRS attach. Above it is the key that the UE has.
const GPRS_ATTACH: u8 = 1;
/// DRX parameter: none in use.
const NO_DRX: [u8; 2] = [0; 2];
/// MS radio access capability behind its length: GSM E, 28 bits of nothing special (clause 10.5.5.12a).
const RADIO_CAPABILITY: [u8; 6] = [5, 0x13, 0x80, 0, 0, 0];
/// Attach result GPRS only, no standby, periodic update after 10 times 6 minutes, the lowest priority of short messages.
const ACCEPTED: [u8; 3] = [0x01, 0x4a, 0x04];
/// Ciphering not used, no IMEISV asked for.
const NO_CIPHERING: u8 = 0;
const TAG_RAND: u8 = 0x21;
const TAG_RES: u8 = 0x22;
const TAG_AUTN: u8 = 0x28;
const TAG_RES_EXTENSION: u8 = 0x29;
const TAG_AUTS: u8 = 0x30;
const TAG_CAPABILITY: u8 = 0x58;
/// Tag, length and type of an allocated P-TMSI.
const P_TMSI: [u8; 3] = [0x18, 5, 0xf4];
/// Tag of a key set in the high half of an octet.
const TAG_KEY_SET: u8 = 0x80;
/// Octets of RES in its first field.
const SHORT_RES: usize = 4;

/// Key set of a UE without keys.
pub const NO_KEY_SET: u8 = 7;

/// A routing area: its network, location area code and routing area code, 6 octets (TS 24.008 clause 10.5.5.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoutingArea {
    /// The network.
    pub plmn: Plmn,
    /// Location area code.
    pub lac: u16,
    /// Routing area code in it.
    pub rac: u8,
}

impl RoutingArea {
    /// Its octets.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        let ([a, b, c], [d, e]) = (self.plmn.0, self.lac.to_be_bytes());
        [a, b, c, d, e, self.rac]
    }

    /// The area with these octets.
    #[must_use]
    pub const fn from_octets([a, b, c, d, e, rac]: [u8; 6]) -> Self {
        Self { plmn: Plmn([a, b, c]), lac: u16::from_be_bytes([d, e]), rac }
    }
}

/// GMM cause, 1 octet (TS 24.008 clause 10.5.5.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GmmCause(pub u8);

impl GmmCause {
    /// IMSI unknown in HLR.
    pub const IMSI_UNKNOWN: Self = Self(2);
    /// Network failure.
    pub const NETWORK_FAILURE: Self = Self(17);
    /// MAC failure: AUTN is not the HSS's.
    pub const MAC_FAILURE: Self = Self(20);
    /// Synch failure: SQN is not fresh.
    pub const SYNCH_FAILURE: Self = Self(21);
}

/// A message of GPRS mobility management. A `reference` (A&C reference number) is 0 to 15, a `key_set` 0 to 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GmmMessage {
    /// ATTACH REQUEST.
    AttachRequest {
        /// The key that the UE has; [`NO_KEY_SET`]: none.
        key_set: u8,
        /// Who it is.
        imsi: Imsi,
        /// The routing area that it was in before.
        area: RoutingArea,
        /// Its algorithms in E-UTRAN: the first 2 octets of UE network capability.
        capabilities: UeSecurityCapabilities,
    },
    /// ATTACH ACCEPT.
    AttachAccept {
        /// The routing area that it is in.
        area: RoutingArea,
        /// What the SGSN calls it.
        p_tmsi: u32,
    },
    /// ATTACH COMPLETE.
    AttachComplete,
    /// ATTACH REJECT.
    AttachReject {
        /// Why.
        cause: GmmCause,
    },
    /// AUTHENTICATION AND CIPHERING REQUEST.
    AuthenticationRequest {
        /// What the answer is to name.
        reference: u8,
        /// The key that is to come.
        key_set: u8,
        /// RAND, 16 octets.
        rand: [u8; 16],
        /// AUTN, 16 octets.
        autn: [u8; 16],
    },
    /// AUTHENTICATION AND CIPHERING RESPONSE.
    AuthenticationResponse {
        /// That of the request.
        reference: u8,
        /// RES, 4 to 16 octets.
        res: Vec<u8>,
    },
    /// AUTHENTICATION AND CIPHERING FAILURE: the UE does not take the challenge.
    AuthenticationFailure {
        /// Why.
        cause: GmmCause,
        /// AUTS, 14 octets, where SQN is not fresh.
        auts: Option<[u8; 14]>,
    },
    /// AUTHENTICATION AND CIPHERING REJECT: the network does not take the response.
    AuthenticationReject,
}

fn refused(expected: &'static str, found: impl std::fmt::Display) -> WireError {
    WireError { layer: LAYER, offset: 2, expected: expected.into(), found: found.to_string() }
}

/// A number of half an octet.
fn half(expected: &'static str, value: u8, most: u8) -> Result<u8, WireError> {
    if value > most { Err(refused(expected, value)) } else { Ok(value) }
}

impl GmmMessage {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AttachRequest { .. } => "ATTACH REQUEST",
            Self::AttachAccept { .. } => "ATTACH ACCEPT",
            Self::AttachComplete => "ATTACH COMPLETE",
            Self::AttachReject { .. } => "ATTACH REJECT",
            Self::AuthenticationRequest { .. } => "AUTHENTICATION AND CIPHERING REQUEST",
            Self::AuthenticationResponse { .. } => "AUTHENTICATION AND CIPHERING RESPONSE",
            Self::AuthenticationFailure { .. } => "AUTHENTICATION AND CIPHERING FAILURE",
            Self::AuthenticationReject => "AUTHENTICATION AND CIPHERING REJECT",
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It is none of these, or has other fields than they do.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let result = message(octets).and_then(|(rest, message)| match rest {
            [] => Ok((rest, message)),
            _ => Err(Fault::error(rest, "the end")),
        });
        finish(LAYER, octets, result).map(|(_, message)| message)
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// A number is larger than half an octet, or RES has other than 4 to 16 octets.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let whole = |message_type, fields: &[&[u8]]| [&[GMM, message_type], &fields.concat()[..]].concat();
        Ok(match self {
            Self::AttachRequest { key_set, imsi, area, capabilities } => {
                let identity = EpsMobileIdentity::Imsi(*imsi).octets();
                let [eea, eia] = capabilities.nas_octets();
                let fields: [&[u8]; 8] = [
                    &MS_NETWORK_CAPABILITY,
                    &[half("a key set of at most 7", *key_set, 7)? << 4 | GPRS_ATTACH],
                    &NO_DRX,
                    // An IMSI has 8 octets at the most.
                    &[identity.len() as u8],
                    &identity,
                    &area.octets(),
                    &RADIO_CAPABILITY,
                    &[TAG_CAPABILITY, 2, eea, eia],
                ];
                whole(ATTACH_REQUEST, &fields)
            }
            Self::AttachAccept { area, p_tmsi } => {
                whole(ATTACH_ACCEPT, &[&ACCEPTED, &area.octets(), &P_TMSI, &p_tmsi.to_be_bytes()])
            }
            Self::AttachComplete => whole(ATTACH_COMPLETE, &[]),
            Self::AttachReject { cause } => whole(ATTACH_REJECT, &[&[cause.0]]),
            Self::AuthenticationRequest { reference, key_set, rand, autn } => {
                let reference = half("a reference of at most 15", *reference, 15)? << 4;
                let key_set = TAG_KEY_SET | half("a key set of at most 7", *key_set, 7)?;
                let head = [NO_CIPHERING, reference, TAG_RAND];
                whole(AUTHENTICATION_REQUEST, &[&head, rand, &[key_set, TAG_AUTN, 16], autn])
            }
            Self::AuthenticationResponse { reference, res } => {
                let reference = half("a reference of at most 15", *reference, 15)?;
                let (first, rest) = res
                    .split_at_checked(SHORT_RES)
                    .filter(|(_, rest)| rest.len() <= 12)
                    .ok_or_else(|| refused("RES of 4 to 16 octets", res.len()))?;
                // 12 octets at the most.
                let extension = [TAG_RES_EXTENSION, rest.len() as u8];
                let extension = if rest.is_empty() { &[][..] } else { &extension };
                whole(AUTHENTICATION_RESPONSE, &[&[reference, TAG_RES], first, extension, rest])
            }
            Self::AuthenticationFailure { cause, auts } => match auts {
                Some(auts) => whole(AUTHENTICATION_FAILURE, &[&[cause.0, TAG_AUTS, 14], auts]),
                None => whole(AUTHENTICATION_FAILURE, &[&[cause.0]]),
            },
            Self::AuthenticationReject => whole(AUTHENTICATION_REJECT, &[]),
        })
    }
}

fn message(input: &[u8]) -> Parsed<'_, GmmMessage> {
    let (at_type, _) = expect("skip indicator 0 and protocol 8", tag(&[GMM][..])).parse(input)?;
    let (rest, message_type) = expect("a message type", be_u8).parse(at_type)?;
    match message_type {
        ATTACH_REQUEST => attach_request(rest),
        ATTACH_ACCEPT => {
            let (rest, _) = exactly("result, standby, timer and priority of every accept", &ACCEPTED)(rest)?;
            let (rest, area) = area(rest)?;
            let (rest, _) = exactly("the tag and the length of a P-TMSI", &P_TMSI)(rest)?;
            expect("P-TMSI, 4 octets", be_u32).map(|p_tmsi| GmmMessage::AttachAccept { area, p_tmsi }).parse(rest)
        }
        ATTACH_COMPLETE => Ok((rest, GmmMessage::AttachComplete)),
        ATTACH_REJECT => cause.map(|cause| GmmMessage::AttachReject { cause }).parse(rest),
        AUTHENTICATION_REQUEST => authentication_request(rest),
        AUTHENTICATION_RESPONSE => authentication_response(rest),
        AUTHENTICATION_REJECT => Ok((rest, GmmMessage::AuthenticationReject)),
        AUTHENTICATION_FAILURE => authentication_failure(rest),
        _ => Err(Fault::error(at_type, "the type of a message that is carried here")),
    }
}

/// Octets that are the same in every message.
fn exactly<'a>(what: &'static str, wanted: &'static [u8]) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |input| expect(what, tag(wanted)).parse(input)
}

fn area(input: &[u8]) -> Parsed<'_, RoutingArea> {
    expect("a routing area, 6 octets", octets::<6, Fault<'_>>).map(RoutingArea::from_octets).parse(input)
}

fn cause(input: &[u8]) -> Parsed<'_, GmmCause> {
    expect("GMM cause", be_u8).map(GmmCause).parse(input)
}

/// An octet whose halves are `high` at the most and `low` at the most.
fn halves<'a>(what: &'static str, high: u8, low: u8) -> impl Fn(&'a [u8]) -> Parsed<'a, (u8, u8)> {
    move |input| match input.split_first() {
        Some((octet, rest)) if octet >> 4 <= high && octet & 0xf <= low => Ok((rest, (octet >> 4, octet & 0xf))),
        _ => Err(Fault::error(input, what)),
    }
}

fn attach_request(input: &[u8]) -> Parsed<'_, GmmMessage> {
    let (input, _) = exactly("the MS network capability of every UE", &MS_NETWORK_CAPABILITY)(input)?;
    let (at_type, (key_set, attach_type)) = halves("a key set, then attach type 1", 7, GPRS_ATTACH)(input)?;
    if attach_type != GPRS_ATTACH {
        return Err(Fault::error(input, "attach type 1"));
    }
    let (input, _) = exactly("no DRX", &NO_DRX)(at_type)?;
    let (at_identity, length) = expect("a length", be_u8).parse(input)?;
    let (input, identity) = expect("a mobile identity", take(length)).parse(at_identity)?;
    let imsi = match EpsMobileIdentity::parse(identity)? {
        (_, EpsMobileIdentity::Imsi(imsi)) => imsi,
        _ => return Err(Fault::error(at_identity, "an IMSI")),
    };
    let (input, area) = area(input)?;
    let (input, _) = exactly("the MS radio access capability of every UE", &RADIO_CAPABILITY)(input)?;
    let (input, _) = exactly("a UE network capability of 2 octets", &[TAG_CAPABILITY, 2])(input)?;
    let (rest, said) = expect("a UE network capability", octets::<2, Fault<'_>>).parse(input)?;
    let capabilities = UeSecurityCapabilities::from_nas_octets(said);
    if capabilities.nas_octets() != said {
        return Err(Fault::error(input, "EEA0 and not EIA0"));
    }
    Ok((rest, GmmMessage::AttachRequest { key_set, imsi, area, capabilities }))
}

fn authentication_request(input: &[u8]) -> Parsed<'_, GmmMessage> {
    let (input, _) = exactly("no ciphering, no IMEISV asked for", &[NO_CIPHERING])(input)?;
    let (input, (reference, _)) = halves("a reference, then no standby", 15, 0)(input)?;
    let (input, _) = exactly("the tag of RAND", &[TAG_RAND])(input)?;
    let (input, rand) = expect("RAND, 16 octets", octets::<16, Fault<'_>>).parse(input)?;
    let (at_autn, (tagged, key_set)) = halves("a key set behind its tag", 8, 7)(input)?;
    if tagged << 4 != TAG_KEY_SET {
        return Err(Fault::error(input, "the tag of a key set"));
    }
    let (input, _) = exactly("the tag and the length of AUTN", &[TAG_AUTN, 16])(at_autn)?;
    let (input, autn) = expect("AUTN, 16 octets", octets::<16, Fault<'_>>).parse(input)?;
    Ok((input, GmmMessage::AuthenticationRequest { reference, key_set, rand, autn }))
}

fn authentication_response(input: &[u8]) -> Parsed<'_, GmmMessage> {
    let (input, (_, reference)) = halves("a reference below nothing", 0, 15)(input)?;
    let (input, _) = exactly("the tag of RES", &[TAG_RES])(input)?;
    let (input, first) = expect("RES, 4 octets", octets::<4, Fault<'_>>).parse(input)?;
    let mut res = first.to_vec();
    let input = match input.split_first() {
        Some((&TAG_RES_EXTENSION, at_length)) => {
            let (rest, length) = expect("a length", be_u8).parse(at_length)?;
            if !(1..=12).contains(&length) {
                return Err(Fault::error(at_length, "a length of 1 to 12"));
            }
            let (rest, further) = expect("the rest of RES", take(length)).parse(rest)?;
            res.extend_from_slice(further);
            rest
        }
        _ => input,
    };
    Ok((input, GmmMessage::AuthenticationResponse { reference, res }))
}

fn authentication_failure(input: &[u8]) -> Parsed<'_, GmmMessage> {
    let (input, cause) = cause(input)?;
    let (input, auts) = match input.split_first() {
        Some((&TAG_AUTS, _)) => {
            let (input, _) = exactly("the tag and the length of AUTS", &[TAG_AUTS, 14])(input)?;
            expect("AUTS, 14 octets", octets::<14, Fault<'_>>).map(Some).parse(input)?
        }
        _ => (input, None),
    };
    Ok((input, GmmMessage::AuthenticationFailure { cause, auts }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;
    use crate::eps::parameters::AlgorithmId;

    const AREA: fn() -> RoutingArea = || RoutingArea { plmn: "001-01".parse().unwrap(), lac: 0x1001, rac: 1 };

    fn all() -> Vec<(GmmMessage, &'static str)> {
        let capabilities = UeSecurityCapabilities::new(&[AlgorithmId::Aes], &[AlgorithmId::Aes]);
        let (rand, autn) = (std::array::from_fn(|place| place as u8), std::array::from_fn(|place| 0x20 + place as u8));
        let imsi = "001010000000001".parse().unwrap();
        vec![
            (
                GmmMessage::AttachRequest { key_set: NO_KEY_SET, imsi, area: AREA(), capabilities },
                "08010321000471000008091010000000001000f1101001010513800000005802a020",
            ),
            (GmmMessage::AttachAccept { area: AREA(), p_tmsi: 0xc000_0001 }, "0802014a0400f1101001011805f4c0000001"),
            (GmmMessage::AttachComplete, "0803"),
            (GmmMessage::AttachReject { cause: GmmCause::IMSI_UNKNOWN }, "080402"),
            (
                GmmMessage::AuthenticationRequest { reference: 2, key_set: 1, rand, autn },
                "0812002021000102030405060708090a0b0c0d0e0f812810202122232425262728292a2b2c2d2e2f",
            ),
            (
                GmmMessage::AuthenticationResponse { reference: 2, res: (1..9).collect() },
                "0813022201020304290405060708",
            ),
            (GmmMessage::AuthenticationResponse { reference: 0, res: vec![1; 4] }, "08130022010101 01"),
            (
                GmmMessage::AuthenticationFailure { cause: GmmCause::SYNCH_FAILURE, auts: Some([7; 14]) },
                "081c15300e0707070707070707070707070707",
            ),
            (GmmMessage::AuthenticationFailure { cause: GmmCause::MAC_FAILURE, auts: None }, "081c14"),
            (GmmMessage::AuthenticationReject, "0814"),
        ]
    }

    #[test]
    fn the_octets_are_those_of_the_layout_and_survive_damage() {
        for (message, expected) in all() {
            let octets = message.octets().unwrap();
            assert_eq!(hex::encode(&octets), expected.replace(' ', ""), "{}", message.name());
            assert_eq!(GmmMessage::parse(&octets), Ok(message.clone()), "{}", message.name());
            // RES of 4 octets and a failure without AUTS are beginnings of longer ones.
            let open =
                matches!(message, GmmMessage::AuthenticationResponse { .. } | GmmMessage::AuthenticationFailure { .. });
            survives(&octets, open, |octets| GmmMessage::parse(octets).is_ok());
        }
    }

    #[test]
    fn numbers_beyond_their_range_are_refused() {
        let res = |length| GmmMessage::AuthenticationResponse { reference: 0, res: vec![0; length] };
        assert_eq!([3, 17].map(|length| res(length).octets().is_err()), [true; 2]);
        let (rand, autn) = ([0; 16], [0; 16]);
        for (reference, key_set) in [(16, 0), (0, 8)] {
            assert!(GmmMessage::AuthenticationRequest { reference, key_set, rand, autn }.octets().is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_read_from_any_octets_is_written_as_they_are(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            let octets = [&[GMM], &octets[..]].concat();
            if let Ok(message) = GmmMessage::parse(&octets) {
                prop_assert_eq!(message.octets().unwrap(), octets);
            }
        }
    }
}
