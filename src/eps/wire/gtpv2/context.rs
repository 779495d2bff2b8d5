//! The messages by which an MME asks the one that a temporary identity names for the context of a UE that has come by itself (TS 29.274
//! clauses 7.3.5 to 7.3.7).

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::take;
use nom::combinator::rest;
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::element::{Elements, Ie, Value};
use super::forward_relocation::{GtpCause, S10_MME, S11_SGW, imsi};
use super::mm_context::{MmContext, origin, with_origin};
use super::pdn_connection::PdnConnection;
use super::up_context::{up_relocation, with_up_relocation};
use crate::eps::identifiers::{Gummei, Guti, Imsi, MTmsi, MmeCode, MmeGroupId, Plmn};
use crate::eps::keys::UpRelocation;
use crate::eps::parameters::Origin;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::TunnelEndpoint;

/// Type of a complete request message: TRACKING AREA UPDATE REQUEST.
const UPDATE_REQUEST: u8 = 1;
/// RAT type: E-UTRAN.
const E_UTRAN: u8 = 6;

/// Context Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextRequest {
    /// The temporary identity.
    pub guti: Guti,
    /// Complete TAU request message: the octets of the TRACKING AREA UPDATE REQUEST as it came, with the MAC that the old MME checks.
    pub update: Vec<u8>,
    /// Where the new MME wants the answer (interface S10).
    pub sender: TunnelEndpoint,
}

/// What comes with a [`ContextResponse`] that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenContext {
    /// The UE's security context, without NH: KeNB is made anew.
    pub mm_context: MmContext,
    /// The UE's connections to packet networks.
    pub connections: Vec<PdnConnection>,
    /// Where the old MME wants what follows (interface S10).
    pub sender: TunnelEndpoint,
    /// The UE's S-GW, control plane (interface S11).
    pub sgw: TunnelEndpoint,
    /// The user plane, where that is ciphered by UPEs.
    pub up: Option<UpRelocation>,
    /// What the context goes back to, as in a
    /// [`ForwardRelocationRequest`](super::ForwardRelocationRequest).
    pub origin: Option<Origin>,
}

/// Context Response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextResponse {
    /// What became of the request.
    pub cause: GtpCause,
    /// The subscriber, if the context is given.
    pub imsi: Option<Imsi>,
    /// The context, if the request was accepted.
    pub context: Option<GivenContext>,
}

fn guti(value: Value<'_>) -> Result<Guti, WireError> {
    let (plmn, group, code, m_tmsi) = value.read("10 octets", (take(3_usize), be_u16, be_u8, be_u32))?;
    let plmn = <[u8; 3]>::try_from(plmn).map_err(|_| value.refused("3 octets of PLMN", plmn.len()))?;
    let gummei = Gummei { plmn: Plmn(plmn), group: MmeGroupId(group), code: MmeCode(code) };
    Ok(Guti { gummei, m_tmsi: MTmsi(m_tmsi) })
}

fn update(value: Value<'_>) -> Result<Vec<u8>, WireError> {
    let (kind, message) = value.read("a type and a message", (be_u8, rest.map(<[u8]>::to_vec)))?;
    if kind != UPDATE_REQUEST {
        return Err(value.refused("type 1 (TAU request)", format!("type {kind}")));
    }
    Ok(message)
}

impl ContextRequest {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let Guti { gummei: Gummei { plmn, group, code }, m_tmsi } = self.guti;
        let guti = (slice(plmn.0), write_u16(group.0), write_u8(code.0), write_u32(m_tmsi.0));
        let elements = [
            Ie::GUTI.with(tuple(guti))?,
            Ie::COMPLETE_REQUEST.with(tuple((write_u8(UPDATE_REQUEST), slice(&self.update))))?,
            Ie::SENDER.with_tunnel(S10_MME, self.sender)?,
            Ie::RAT.with(write_u8(E_UTRAN))?,
        ];
        Ok(elements.concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self {
            guti: elements.required(Ie::GUTI, guti)?,
            update: elements.required(Ie::COMPLETE_REQUEST, update)?,
            sender: elements.required(Ie::SENDER, |value| value.tunnel())?,
        })
    }
}

impl ContextResponse {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = vec![self.cause.elements()?];
        if let Some(imsi) = self.imsi {
            elements.push(Ie::IMSI.with(slice(imsi.octets()))?);
        }
        if let Some(GivenContext { mm_context, connections, sender, sgw, up, origin }) = &self.context {
            elements.push(mm_context.octets()?);
            for connection in connections {
                elements.push(connection.octets()?);
            }
            elements.push(Ie::SENDER.with_tunnel(S10_MME, *sender)?);
            elements.push(Ie::SGW_CONTROL.with_tunnel(S11_SGW, *sgw)?);
            if let Some(up) = up {
                elements.push(with_up_relocation(up)?);
            }
            if let Some(origin) = origin {
                elements.push(with_origin(*origin)?);
            }
        }
        Ok(elements.concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let mm_context = elements.optional(Ie::MM_CONTEXT, |value| MmContext::read(&value))?;
        let context = match mm_context {
            None => None,
            Some(mm_context) => Some(GivenContext {
                mm_context,
                connections: elements.every(Ie::PDN_CONNECTION, |value| PdnConnection::read(&value))?,
                sender: elements.required(Ie::SENDER, |value| value.tunnel())?,
                sgw: elements.required(Ie::SGW_CONTROL, |value| value.tunnel())?,
                up: elements.optional(Ie::PRIVATE, up_relocation)?,
                origin: elements.optional(Ie::ORIGIN, origin)?.flatten(),
            }),
        };
        Ok(Self { cause: GtpCause::read(elements)?, imsi: elements.optional(Ie::IMSI, imsi)?, context })
    }
}
