//! What MME and HSS say to one another of a subscriber (TS 29.272 clauses 5.2 and 7.2): vectors, and who serves it.
//!
//! An SGSN says the same on S6d, which is the same application; its vectors are those of UTRAN, or of GSM (clause 7.3.18 to 7.3.20).
//!
//! A subscriber is named by its IMSI (User-Name); its subscription is not carried.

use super::avp::{Attribute, Avps, Value, grouped, octets, text, unsigned};
use super::{DiameterPeer, VENDOR};
use crate::eps::identifiers::{Imsi, Plmn};
use crate::eps::keys::{CkIk, Kasme, Kc};
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
    /// Zn: nobody is known by this identity (TS 29.109 clause 6.2).
    pub const IDENTITY_UNKNOWN: Self = Self::Experimental(5401);
    /// Zn: who asks may not have it.
    pub const NOT_AUTHORIZED: Self = Self::Experimental(5402);
    /// Zn: there is no key of this identifier.
    pub const TRANSACTION_IDENTIFIER_INVALID: Self = Self::Experimental(5403);

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

pub(super) fn destination(peer: &DiameterPeer) -> Result<Vec<u8>, WireError> {
    let parts = [text(Attribute::DESTINATION_HOST, &peer.host)?, text(Attribute::DESTINATION_REALM, &peer.realm)?];
    Ok(parts.concat())
}

pub(super) fn of_destination(avps: &Avps<'_>) -> Result<DiameterPeer, WireError> {
    Ok(DiameterPeer {
        host: avps.required(Attribute::DESTINATION_HOST, |value| value.text())?,
        realm: avps.required(Attribute::DESTINATION_REALM, |value| value.text())?,
    })
}

pub(super) fn user(imsi: Imsi) -> Result<Vec<u8>, WireError> {
    text(Attribute::USER_NAME, &imsi.to_string())
}

pub(super) fn of_user(avps: &Avps<'_>) -> Result<Imsi, WireError> {
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

/// For which access a vector is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VectorAccess {
    /// E-UTRAN: an MME asks, on S6a.
    Eutran,
    /// UTRAN or GERAN: an SGSN asks, on S6d.
    UtranGeran,
}

impl VectorAccess {
    const fn attribute(self) -> Attribute {
        match self {
            Self::Eutran => Attribute::REQUESTED_VECTORS,
            Self::UtranGeran => Attribute::REQUESTED_UTRAN_VECTORS,
        }
    }
}

/// What UMTS AKA takes: a vector with CK and IK.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationQuintuplet {
    /// The challenge, 16 octets.
    pub rand: [u8; 16],
    /// The response that is expected.
    pub xres: Vec<u8>,
    /// The network's proof, 16 octets in use.
    pub autn: Vec<u8>,
    /// CK and IK, 16 octets each; or CK' and IK', which stand in the same place.
    pub keys: CkIk,
}

/// Without the expected response, which is a secret until the UE has given it.
impl std::fmt::Debug for AuthenticationQuintuplet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthenticationQuintuplet").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// What GSM AKA takes: a vector with Kc.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationTriplet {
    /// The challenge, 16 octets.
    pub rand: [u8; 16],
    /// The response that is expected, 4 octets.
    pub sres: [u8; 4],
    /// The ciphering key.
    pub kc: Kc,
}

/// Without the expected response, which is a secret until the UE has given it.
impl std::fmt::Debug for AuthenticationTriplet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthenticationTriplet").field("kc", &self.kc).finish_non_exhaustive()
    }
}

/// An authentication vector, by the access that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vector {
    /// E-UTRAN-Vector.
    Eutran(AuthenticationQuadruplet),
    /// UTRAN-Vector.
    Utran(AuthenticationQuintuplet),
    /// GERAN-Vector.
    Geran(AuthenticationTriplet),
}

impl Vector {
    fn avp(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::Eutran(AuthenticationQuadruplet { rand, xres, autn, kasme }) => {
                let vector = [
                    octets(Attribute::RAND, rand)?,
                    octets(Attribute::XRES, xres)?,
                    octets(Attribute::AUTN, autn)?,
                    octets(Attribute::KASME, kasme.octets())?,
                ];
                grouped(Attribute::E_UTRAN_VECTOR, &vector)
            }
            Self::Utran(AuthenticationQuintuplet { rand, xres, autn, keys }) => {
                let (ck, ik) = keys.octets().split_at(16);
                let vector = [
                    octets(Attribute::RAND, rand)?,
                    octets(Attribute::XRES, xres)?,
                    octets(Attribute::AUTN, autn)?,
                    octets(Attribute::CONFIDENTIALITY_KEY, ck)?,
                    octets(Attribute::INTEGRITY_KEY, ik)?,
                ];
                grouped(Attribute::UTRAN_VECTOR, &vector)
            }
            Self::Geran(AuthenticationTriplet { rand, sres, kc }) => {
                let vector = [
                    octets(Attribute::RAND, rand)?,
                    octets(Attribute::SRES, sres)?,
                    octets(Attribute::KC, kc.octets())?,
                ];
                grouped(Attribute::GERAN_VECTOR, &vector)
            }
        }
    }

    /// The first vector of a group of them.
    fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        let eutran = |value: Value<'_>| {
            let members = value.group()?;
            Ok(Self::Eutran(AuthenticationQuadruplet {
                rand: members.required(Attribute::RAND, |value| value.array())?,
                xres: members.required(Attribute::XRES, |value| Ok(value.octets.to_vec()))?,
                autn: members.required(Attribute::AUTN, |value| Ok(value.octets.to_vec()))?,
                kasme: Kasme::from_octets(members.required(Attribute::KASME, |value| value.array())?),
            }))
        };
        let utran = |value: Value<'_>| {
            let members = value.group()?;
            let ck: [u8; 16] = members.required(Attribute::CONFIDENTIALITY_KEY, |value| value.array())?;
            let ik: [u8; 16] = members.required(Attribute::INTEGRITY_KEY, |value| value.array())?;
            let both = std::array::from_fn(|place| if place < 16 { ck[place] } else { ik[place - 16] });
            Ok(Self::Utran(AuthenticationQuintuplet {
                rand: members.required(Attribute::RAND, |value| value.array())?,
                xres: members.required(Attribute::XRES, |value| Ok(value.octets.to_vec()))?,
                autn: members.required(Attribute::AUTN, |value| Ok(value.octets.to_vec()))?,
                keys: CkIk::from_octets(both),
            }))
        };
        let geran = |value: Value<'_>| {
            let members = value.group()?;
            Ok(Self::Geran(AuthenticationTriplet {
                rand: members.required(Attribute::RAND, |value| value.array())?,
                sres: members.required(Attribute::SRES, |value| value.array())?,
                kc: Kc::from_octets(members.required(Attribute::KC, |value| value.array())?),
            }))
        };
        if let Some(vector) = avps.optional(Attribute::UTRAN_VECTOR, utran)? {
            return Ok(vector);
        }
        match avps.optional(Attribute::GERAN_VECTOR, geran)? {
            Some(vector) => Ok(vector),
            None => avps.required(Attribute::E_UTRAN_VECTOR, eutran),
        }
    }
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
    /// What the vector is for.
    pub access: VectorAccess,
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
            grouped(self.access.attribute(), &wanted)?,
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
        let utran = avps.optional(Attribute::REQUESTED_UTRAN_VECTORS, |_| Ok(()))?;
        let access = utran.map_or(VectorAccess::Eutran, |()| VectorAccess::UtranGeran);
        let resynchronisation =
            avps.required(access.attribute(), |value| value.group()?.optional(Attribute::RESYNCHRONISATION, of_info))?;
        Ok(Self {
            destination: of_destination(avps)?,
            imsi: of_user(avps)?,
            visited: of_visited(avps)?,
            access,
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
    pub vector: Option<Vector>,
}

impl AuthenticationInformationAnswer {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let mut avps = self.result.avps()?;
        if let Some(vector) = &self.vector {
            avps.extend(grouped(Attribute::AUTHENTICATION_INFO, &[vector.avp()?])?);
        }
        Ok(avps)
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        let vector = avps.optional(Attribute::AUTHENTICATION_INFO, |value| Vector::read(&value.group()?))?;
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
