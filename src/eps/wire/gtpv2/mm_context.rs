//! MM Context of a UE with an EPS security context: information element 107, EPS Security Context and Quadruplets (TS 29.274 clause
//! 8.38, figure 8.38-5). It is what one MME must know to be the other's successor.

use std::fmt;

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u24 as write_u24};
use cookie_factory::combinator::{cond, slice};
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::combinator::cond as when;
use nom::multi::{count, length_data};
use nom::number::complete::{be_u8, be_u16, be_u24};
use nom::{IResult, Parser};

use super::LAYER;
use super::element::{Ie, Value};
use super::forward_relocation::ENTERPRISE;
use crate::eps::keys::{Kasme, Nh};
use crate::eps::parameters::{AlgorithmId, Ncc, Origin};
use crate::eps::wire::WireError;
use crate::eps::wire::core_error::serialise;

/// Security mode, bits 8 to 6 of the first octet: EPS security context and quadruplets.
const EPS_SECURITY: u8 = 4;
/// The bit of the first octet that NH and NCC are there.
const NHI: u8 = 0x10;
/// The bit of the first octet that a DRX parameter of 2 octets is there.
const DRXI: u8 = 0x08;
/// The bits of the first octet of KSI.
const KSI: u8 = 0x07;
/// The bit of the second octet that bit rates in use are there.
const UAMBRI: u8 = 0x02;
/// The bit of the third octet that subscribed bit rates are there.
const SAMBRI: u8 = 0x80;
/// Octets of two bit rates.
const BIT_RATES: usize = 8;
/// Most quadruplets: their number has 3 bits.
const MAX_QUADRUPLETS: usize = 7;
/// The highest NAS COUNT, 24 bits.
const LAST_NAS_COUNT: u32 = 0x00ff_ffff;
/// Most octets of UE network capability (TS 24.301 clause 9.9.3.34).
const MAX_NETWORK_CAPABILITY: usize = 13;

/// KSI_ASME: which KASME of UE and MME, 3 bits; 7 says that there is none (TS 24.301 clause 9.9.3.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KsiAsme(u8);

impl KsiAsme {
    /// The low 3 bits of `value`.
    #[must_use]
    pub const fn new(value: u8) -> Self {
        Self(value & KSI)
    }

    /// The value, 0 to 7.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// An authentication quadruplet that was not used yet.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationQuadruplet {
    /// The challenge, 16 octets.
    pub rand: [u8; 16],
    /// The response that is expected, up to 255 octets (4 to 16 in use).
    pub xres: Vec<u8>,
    /// The network's proof, up to 255 octets (16 in use).
    pub autn: Vec<u8>,
    /// The key that comes of it.
    pub kasme: Kasme,
}

/// Without the expected response, which is a secret until the UE has given it.
impl fmt::Debug for AuthenticationQuadruplet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationQuadruplet").field("kasme", &self.kasme).finish_non_exhaustive()
    }
}

/// The security context of a UE at an MME. DRX parameter and bit rates are absent, and all access restrictions, when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MmContext {
    /// Which KASME it is.
    pub ksi: KsiAsme,
    /// The NAS integrity algorithm in use.
    pub integrity: AlgorithmId,
    /// The NAS ciphering algorithm in use.
    pub ciphering: AlgorithmId,
    /// The downlink NAS COUNT that comes next, 24 bits.
    pub downlink_count: u32,
    /// The uplink NAS COUNT that comes next, 24 bits.
    pub uplink_count: u32,
    /// KASME.
    pub kasme: Kasme,
    /// The end of the chain of NH, if one was begun.
    pub next_hop: Option<(Nh, Ncc)>,
    /// Authentication quadruplets that are left, at most 7.
    pub quadruplets: Vec<AuthenticationQuadruplet>,
    /// UE network capability, 0 to 13 octets; the first two are those of
    /// [`UeSecurityCapabilities::nas_octets`](crate::eps::wire::UeSecurityCapabilities::nas_octets).
    pub ue_network_capability: Vec<u8>,
}

/// The origin of a context, beside it, for the standard has no place for it \[choice\]: a Private Extension of [`ENTERPRISE`] and instance
/// 1, with 1 octet.
pub(super) fn with_origin(origin: Origin) -> Result<Vec<u8>, WireError> {
    Ie::ORIGIN.with(tuple((write_u16(ENTERPRISE), write_u8(origin as u8))))
}

/// The same, read; none if it is of another enterprise.
pub(super) fn origin(value: Value<'_>) -> Result<Option<Origin>, WireError> {
    let (enterprise, origin) = value.read("a number of an enterprise and an octet", (be_u16, be_u8))?;
    if enterprise != ENTERPRISE {
        return Ok(None);
    }
    Origin::from_number(origin).map(Some).ok_or_else(|| value.refused("an origin of 0 to 2", origin))
}

fn octets<const N: usize>(input: &[u8]) -> IResult<&[u8], [u8; N]> {
    // `take` gives exactly N octets, so the array is always filled.
    take(N).map_opt(|octets: &[u8]| octets.try_into().ok()).parse(input)
}

fn quadruplet(input: &[u8]) -> IResult<&[u8], AuthenticationQuadruplet> {
    (octets, length_data(be_u8), length_data(be_u8), octets)
        .map(|(rand, xres, autn, kasme): (_, &[u8], &[u8], _)| AuthenticationQuadruplet {
            rand,
            xres: xres.to_vec(),
            autn: autn.to_vec(),
            kasme: Kasme::from_octets(kasme),
        })
        .parse(input)
}

/// NH and the octet of its NCC.
fn next_hop(input: &[u8]) -> IResult<&[u8], (Nh, Ncc)> {
    (octets, be_u8).map(|(nh, ncc)| (Nh::from_octets(nh), Ncc::new(ncc.into()))).parse(input)
}

impl AuthenticationQuadruplet {
    fn octets(&self) -> Result<Vec<u8>, WireError> {
        let length = |octets: &[u8]| {
            let error = || WireError::new(LAYER, 0, "at most 255 octets of XRES and AUTN", octets.len());
            u8::try_from(octets.len()).map_err(|_| error())
        };
        let (xres, autn) = (length(&self.xres)?, length(&self.autn)?);
        let values = (slice(self.rand), write_u8(xres), slice(&self.xres), write_u8(autn), slice(&self.autn));
        serialise(LAYER, tuple((tuple(values), slice(self.kasme.octets()))))
    }
}

impl MmContext {
    /// The information element.
    pub(super) fn octets(&self) -> Result<Vec<u8>, WireError> {
        let refused = |expected, found: usize| Err(WireError::new(LAYER, 0, expected, found));
        let (quadruplets, capability) = (self.quadruplets.len(), self.ue_network_capability.len());
        if quadruplets > MAX_QUADRUPLETS {
            return refused("at most 7 authentication quadruplets", quadruplets);
        }
        if capability > MAX_NETWORK_CAPABILITY {
            return refused("at most 13 octets of UE network capability", capability);
        }
        let highest = self.downlink_count.max(self.uplink_count);
        if highest > LAST_NAS_COUNT {
            return refused("NAS COUNTs of 24 bits", usize::try_from(highest).unwrap_or(usize::MAX));
        }
        let [Ok(quadruplets), Ok(capability)] = [quadruplets, capability].map(u8::try_from) else {
            return refused("numbers of 1 octet", quadruplets);
        };
        let with_next_hop = if self.next_hop.is_some() { NHI } else { 0 };
        let vectors = self.quadruplets.iter().map(AuthenticationQuadruplet::octets).collect::<Result<Vec<_>, _>>()?;
        let head = (
            write_u8(EPS_SECURITY << 5 | with_next_hop | self.ksi.get()),
            write_u8(quadruplets << 2),
            write_u8((self.integrity as u8) << 4 | self.ciphering as u8),
            write_u24(self.downlink_count),
            write_u24(self.uplink_count),
            slice(self.kasme.octets()),
            slice(vectors.concat()),
        );
        let nh = self.next_hop.as_ref().map_or([0; Nh::OCTETS], |(nh, _)| *nh.octets());
        let ncc = self.next_hop.as_ref().map_or(0, |(_, ncc)| ncc.get());
        let tail = (
            cond(self.next_hop.is_some(), tuple((slice(nh), write_u8(ncc)))),
            write_u8(capability),
            slice(&self.ue_network_capability),
            // MS network capability, mobile equipment identity: none; no access restriction.
            slice([0, 0, 0]),
        );
        Ie::MM_CONTEXT.with(tuple((tuple(head), tuple(tail))))
    }

    /// The context that the information element holds.
    pub(super) fn read(value: &Value<'_>) -> Result<Self, WireError> {
        let whole = "a whole EPS security context";
        let (first, second, third) = value.read(whole, (be_u8, be_u8, be_u8))?;
        if first >> 5 != EPS_SECURITY {
            return Err(value.refused("security mode 4 (EPS)", format!("security mode {}", first >> 5)));
        }
        if second >> 5 != 0 {
            return Err(value.refused("no quintuplets", format!("{}", second >> 5)));
        }
        let [integrity, ciphering] = [third >> 4 & 0x07, third & 0x0f].map(|algorithm| {
            let algorithm = AlgorithmId::from_number(algorithm).ok_or(algorithm);
            algorithm.map_err(|found| value.refused("NAS algorithms from 0 to 3", found))
        });
        let rates = usize::from(third & SAMBRI != 0) + usize::from(second & UAMBRI != 0);
        let parser = (
            (take(3_usize), be_u24, be_u24, octets),
            count(quadruplet, usize::from(second >> 2 & 0x07)),
            when(first & DRXI != 0, take(2_usize)),
            when(first & NHI != 0, next_hop),
            take(rates.saturating_mul(BIT_RATES)),
            length_data(be_u8),
        );
        let ((_, downlink_count, uplink_count, kasme), quadruplets, _, next_hop, _, capability) =
            value.read(whole, parser)?;
        Ok(Self {
            ksi: KsiAsme::new(first),
            integrity: integrity?,
            ciphering: ciphering?,
            downlink_count,
            uplink_count,
            kasme: Kasme::from_octets(kasme),
            next_hop,
            quadruplets,
            ue_network_capability: capability.to_vec(),
        })
    }
}
