//! What MME and HSS say to one another of a subscriber (TS 29.272 clauses 5.2 and 7.2): vectors, and who serves it.
//!
//! A subscriber is named by its IMSI (User-Name); its subscription is not carried.

use super::avp::{Attribute, Avps, Value, grouped, octets, text, unsigned};
use super::{DiameterPeer, VENDOR};
use crate::eps::identifiers::{Imsi, Plmn};
use crate::eps::keys::Kasme;
use crate::eps::wire::WireError;
use crate::eps::wire::gtpv2::AuthenticationQuadruplet;

/// Vectors in a request: one.
const ONE_VECTOR: u32 = 1;
/// RAT-Type: E-UTRAN.
const E_UTRAN: u32 = 1004;
/// ULR-Flags: an MME on S6a; not at the first attach but at a change of MME.
const S6A_INDICATOR: u32 = 0x02;
/// Cancellation-Type: another MME has taken over.
const MME_UPDATE_PROCEDURE: u32 = 0;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiameterResult {
    /// Result-Code: of RFC 6733.
    Base(u32),
    /// Experimental-Result-Code: of 3GPP.
    Experimental(u32),
}

impl DiameterResult {
    /// It was done.
    pub const SUCCESS: Self = Self::Base(2001);
    /// It cannot be done, for no reason that has a number.
    pub const UNABLE_TO_COMPLY: Self = Self::Base(5012);
    /// There is no such subscriber.
    pub const USER_UNKNOWN: Self = Self::Experimental(5001);
    /// There is no vector now.
    pub const AUTHENTICATION_DATA_UNAVAILABLE: Self = Self::Experimental(4181);

    pub(super) fn avps(self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::Base(code) => unsigned(Attribute::RESULT_CODE, code),
            Self::Experimental(code) => {
                let code = unsigned(Attribute::EXPERIMENTAL_RESULT_CODE, code)?;
                grouped(Attribute::EXPERIMENTAL_RESULT, &[unsigned(Attribute::VENDOR_ID, VENDOR)?, code])
            }
        }
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        let experimental = avps.optional(Attribute::EXPERIMENTAL_RESULT, |value| {
            value.group()?.required(Attribute::EXPERIMENTAL_RESULT_CODE, |value| value.unsigned())
        })?;
        match experimental {
            Some(code) => Ok(Self::Experimental(code)),
            None => avps.required(Attribute::RESULT_CODE, |value| value.unsigned()).map(Self::Base),
        }
    }
}

fn destination(peer: &DiameterPeer) -> Result<Vec<u8>, WireError> {
    let parts = [text(Attribute::DESTINATION_HOST, &peer.host)?, text(Attribute::DESTINATION_REALM, &peer.realm)?];
    Ok(parts.concat())
}

fn of_destination(avps: &Avps<'_>) -> Result<DiameterPeer, WireError> {
    Ok(DiameterPeer {
        host: avps.required(Attribute::DESTINATION_HOST, |value| value.text())?,
        realm: avps.required(Attribute::DESTINATION_REALM, |value| value.text())?,
    })
}

fn user(imsi: Imsi) -> Result<Vec<u8>, WireError> {
    text(Attribute::USER_NAME, &imsi.to_string())
}

fn of_user(avps: &Avps<'_>) -> Result<Imsi, WireError> {
    let imsi = |value: Value<'_>| value.text()?.parse().map_err(|_| value.refused("6 to 15 digits", "others"));
    avps.required(Attribute::USER_NAME, imsi)
}

fn of_visited(avps: &Avps<'_>) -> Result<Plmn, WireError> {
    avps.required(Attribute::VISITED_PLMN_ID, |value| value.array()).map(Plmn)
}

/// Re-Synchronization-Info, 30 octets: a USIM has not taken the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resynchronisation {
    /// The challenge, 16 octets.
    pub rand: [u8; 16],
    /// AUTS, 14 octets.
    pub auts: [u8; 14],
}

/// Authentication-Information-Request, for one vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationInformationRequest {
    /// The HSS.
    pub destination: DiameterPeer,
    /// The subscriber.
    pub imsi: Imsi,
    /// The serving network, which KASME is bound to.
    pub visited: Plmn,
    /// What the USIM has said to the last challenge, if it is out of step.
    pub resynchronisation: Option<Resynchronisation>,
}

impl AuthenticationInformationRequest {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let mut wanted = vec![unsigned(Attribute::NUMBER_OF_VECTORS, ONE_VECTOR)?];
        if let Some(Resynchronisation { rand, auts }) = self.resynchronisation {
            wanted.push(octets(Attribute::RESYNCHRONISATION, &[&rand[..], &auts].concat())?);
        }
        let avps = [
            destination(&self.destination)?,
            user(self.imsi)?,
            grouped(Attribute::REQUESTED_VECTORS, &wanted)?,
            octets(Attribute::VISITED_PLMN_ID, &self.visited.0)?,
        ];
        Ok(avps.concat())
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        let of_info = |value: Value<'_>| {
            let info: [u8; 30] = value.array()?;
            let (rand, auts) = info
                .split_first_chunk()
                .zip(info.last_chunk())
                .map_or(([0; 16], [0; 14]), |((rand, _), auts)| (*rand, *auts));
            Ok(Resynchronisation { rand, auts })
        };
        let resynchronisation = avps.required(Attribute::REQUESTED_VECTORS, |value| {
            value.group()?.optional(Attribute::RESYNCHRONISATION, of_info)
        })?;
        Ok(Self {
            destination: of_destination(avps)?,
            imsi: of_user(avps)?,
            visited: of_visited(avps)?,
            resynchronisation,
        })
    }
}

/// Authentication-Information-Answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationInformationAnswer {
    /// What became of the request.
    pub result: DiameterResult,
    /// The vector, if it was done.
    pub vector: Option<AuthenticationQuadruplet>,
}

impl AuthenticationInformationAnswer {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let mut avps = self.result.avps()?;
        if let Some(AuthenticationQuadruplet { rand, xres, autn, kasme }) = &self.vector {
            let vector = [
                octets(Attribute::RAND, rand)?,
                octets(Attribute::XRES, xres)?,
                octets(Attribute::AUTN, autn)?,
                octets(Attribute::KASME, kasme.octets())?,
            ];
            let vector = grouped(Attribute::E_UTRAN_VECTOR, &vector)?;
            avps.extend(grouped(Attribute::AUTHENTICATION_INFO, &[vector])?);
        }
        Ok(avps)
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        let of_vector = |value: Value<'_>| {
            let members = value.group()?;
            Ok(AuthenticationQuadruplet {
                rand: members.required(Attribute::RAND, |value| value.array())?,
                xres: members.required(Attribute::XRES, |value| Ok(value.octets.to_vec()))?,
                autn: members.required(Attribute::AUTN, |value| Ok(value.octets.to_vec()))?,
                kasme: Kasme::from_octets(members.required(Attribute::KASME, |value| value.array())?),
            })
        };
        let vector = avps.optional(Attribute::AUTHENTICATION_INFO, |value| {
            value.group()?.required(Attribute::E_UTRAN_VECTOR, of_vector)
        })?;
        Ok(Self { result: DiameterResult::read(avps)?, vector })
    }
}

/// Update-Location-Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateLocationRequest {
    /// The HSS.
    pub destination: DiameterPeer,
    /// The subscriber.
    pub imsi: Imsi,
    /// The serving network.
    pub visited: Plmn,
}

impl UpdateLocationRequest {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let avps = [
            destination(&self.destination)?,
            user(self.imsi)?,
            unsigned(Attribute::RAT_TYPE, E_UTRAN)?,
            unsigned(Attribute::ULR_FLAGS, S6A_INDICATOR)?,
            octets(Attribute::VISITED_PLMN_ID, &self.visited.0)?,
        ];
        Ok(avps.concat())
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        Ok(Self { destination: of_destination(avps)?, imsi: of_user(avps)?, visited: of_visited(avps)? })
    }
}

/// Cancel-Location-Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelLocationRequest {
    /// The MME.
    pub destination: DiameterPeer,
    /// The subscriber.
    pub imsi: Imsi,
}

impl CancelLocationRequest {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let kind = unsigned(Attribute::CANCELLATION_TYPE, MME_UPDATE_PROCEDURE)?;
        Ok([destination(&self.destination)?, user(self.imsi)?, kind].concat())
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        Ok(Self { destination: of_destination(avps)?, imsi: of_user(avps)? })
    }
}
